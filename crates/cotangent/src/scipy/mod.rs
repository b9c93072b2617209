//! Parts of SciPy, with JAX's names and semantics: [`special`] functions, [`stats`], [`linalg`] and
//! [`sparse`].

pub mod linalg;
pub mod sparse;
pub mod special;
pub mod stats;
