//! Functions of complex numbers: branch points, infinities, parts that cancel.
