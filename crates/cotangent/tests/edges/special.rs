//! Special functions at their ends.
