//! Probability distributions.

pub mod norm;
