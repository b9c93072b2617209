//! Arrays and trees in files: safetensors, NumPy's and Flax's formats, and checkpoints.
//!
//! | module or type | format | feature |
//! |---|---|---|
//! | [`safetensors`] | `.safetensors`, in one file or in several with an index, as Hugging Face writes them | `safetensors` |
//! | [`Checkpoints`] | the states of a training run, one `.safetensors` file for each step | `safetensors` |
//! | [`flax`] | files of `flax.serialization` | `flax` |
//! | [`npy`] | `.npy`, `.npz`, and files of Equinox | `npy` |
//!
//! A leaf of a tree has a name, its path with dots: `.layers[0].weight` is stored as `layers.0.weight`. To read a tree, pass
//! one of the same structure. Its arrays say which shapes and dtypes are expected, and may be mere types, as
//! [`eval_shape`](crate::eval_shape()) returns them.
//!
//! Files are mapped into memory and read when an array is used. On the CPU, arrays that lie at a multiple of 64 bytes in the
//! file, as those that this library writes nearly always do, are used where they are, without a copy. XLA wants that alignment, so
//! others are copied once: most arrays of files that Hugging Face wrote, which lie at multiples of 8 bytes. A file must not be
//! written to while arrays from it exist. The functions here never do that: they write another file, and rename it.

mod atomic;
#[cfg(feature = "safetensors")]
mod checkpoints;
#[cfg(feature = "flax")]
pub mod flax;
mod names;
#[cfg(feature = "npy")]
pub mod npy;
#[cfg(feature = "safetensors")]
pub mod safetensors;
mod window;

#[cfg(feature = "safetensors")]
pub use checkpoints::Checkpoints;
