//! Parts of SciPy, with JAX's names and semantics: [`special`] functions, [`stats`], [`linalg`], [`sparse`], [`signal`],
//! [`fft`], [`ndimage`] and [`optimize`].

pub mod fft;
pub mod linalg;
pub mod ndimage;
pub mod optimize;
pub mod signal;
pub mod sparse;
pub mod special;
pub mod stats;
