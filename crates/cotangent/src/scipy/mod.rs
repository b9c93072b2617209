//! Parts of SciPy, with JAX's names and semantics: [`special`] functions, [`stats`] and [`linalg`].

pub mod linalg;
pub mod special;
pub mod stats;
