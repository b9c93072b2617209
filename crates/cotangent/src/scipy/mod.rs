//! Parts of SciPy, with JAX's names and semantics: [`special`] functions and [`stats`].

pub mod special;
pub mod stats;
