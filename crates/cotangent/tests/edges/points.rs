//! Every function of one or two numbers at special points.
