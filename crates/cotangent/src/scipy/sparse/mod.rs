//! Linear systems that are given by products with the matrix.

pub mod linalg;
