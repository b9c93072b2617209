//! Programs of other systems: functions that `jax.export` wrote, and StableHLO modules.
//!
//! An import is a program like any other one. It can be called, differentiated to any order, batched, and used in larger
//! programs.
//!
//! ```python
//! import jax
//! exported = jax.export.export(jax.jit(predict))(params, x)
//! open("predict.jax", "wb").write(exported.serialize())
//! ```
//!
//! ```no_run
//! use cotangent::{import, prelude::*};
//!
//! #[derive(Clone, Tree)]
//! struct Params { w: Array, b: Array }
//!
//! let model = import::jax(std::fs::read("predict.jax").unwrap())?;
//! println!("{model}"); // predict({b: f32[3], w: f32[4,3]}, f32[8,4]) -> f32[8,3]
//! let predict = model.function::<(Params, Array), Array>()?;
//! let loss = |params: &Params, x: &Array, y: &Array| (predict(params, x) - y).square().mean();
//! let step = jit(grad(loss));
//! # Ok::<(), cotangent::Error>(())
//! ```
//!
//! # What is read
//!
//! * Loops whose number of iterations is known become scans, so they have derivatives in both modes. Other loops have
//!   forward mode.
//! * Calls of LAPACK become this library's decompositions, and sorts, reductions, gathers and scatters its primitives.
//! * Shapes are those that the function was exported for. Symbolic dimensions, several devices, side effects and calls of
//!   Python functions are errors that say so.
//!
//! The other way, [`Lowered::to_jax`](crate::Lowered::to_jax) writes a function for JAX.
//!
//! # Derivatives
//! StableHLO has no trace of `lax.stop_gradient`, and of the rules of `jax.custom_jvp` and `jax.custom_vjp`. A file that
//! `exported.serialize(vjp_order=k)` wrote has JAX's derivatives beside the function, and reverse mode uses them to the order
//! k. Otherwise derivatives are those of the operations in the file. See [`Model::vjp_order`] and [`Model::without_vjp`].

mod artifact;
mod body;
mod export;
mod flatbuffer;
mod function;
mod model;
mod pytree;
mod read;
mod report;

pub use export::JaxExport;
pub use function::{Arguments, Function};
pub use model::Model;
pub use report::Report;

use crate::error::Result;

/// Reads a function that JAX exported: the bytes of `jax.export.export(jax.jit(f))(…).serialize()`.
///
/// # Errors
/// Returns an error if the bytes are something else or damaged, or if the function cannot be imported: because it has
/// symbolic dimensions, effects or several devices, or uses an operation that is not read. The error says where in Python it
/// comes from.
///
/// ```
/// let error = cotangent::import::jax(b"something else").unwrap_err();
/// assert!(error.to_string().contains("not a function that `jax.export` serialized"));
/// ```
pub fn jax(bytes: impl AsRef<[u8]>) -> Result<Model> {
    Model::jax(bytes.as_ref())
}

/// Reads the function `main` of a StableHLO module: MLIR text, such as `jax.jit(f).lower(x).as_text()`, or the bytecode of
/// a portable artifact.
///
/// # Errors
/// Returns an error if the module cannot be read, has no `main`, or uses an operation that is not read.
///
/// ```
/// use cotangent::{import, prelude::*};
/// let text = "module @m { func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
///     %0 = stablehlo.tanh %x : tensor<2xf32>
///     return %0 : tensor<2xf32>
/// } }";
/// let tanh = import::stablehlo(text)?.function::<(Array,), Array>()?;
/// assert_eq!(tanh(&Array::from([0.0f32, 0.0])).to_vec::<f32>(), [0.0, 0.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn stablehlo(module: impl AsRef<[u8]>) -> Result<Model> {
    Model::stablehlo(module.as_ref())
}

/// Says what a file holds, and whether it can be imported. `cotangent inspect` prints it.
///
/// # Errors
/// Returns an error if the bytes are neither a function that `jax.export` wrote nor a StableHLO module.
///
/// ```
/// assert!(cotangent::import::inspect(&[0, 1, 2, 255]).is_err());
/// ```
pub fn inspect(bytes: &[u8]) -> Result<Report> {
    report::inspect(bytes)
}
