//! Names for parts of programs.

use crate::error::location::scoped;

/// Runs `f` with a name for the operations in it, to find them in programs and profiles.
///
/// Names nest: `attention/softmax`. They follow the operations through transforms, as in JAX: in a gradient, the
/// operations of the forward pass are in `jvp(attention)/softmax` and those of the backward pass in
/// `transpose(jvp(attention))/softmax`; in a batch, they are in `vmap(attention)/softmax`. A program shows them with
/// `{:#}`, StableHLO has them as locations, and XLA keeps them in the metadata of its instructions, which profilers
/// show.
///
/// `jax.named_call` is a scope around the body of a function.
///
/// ```
/// use cotangent::{named_scope, prelude::*};
/// let layer = |w: &Array, x: &Array| {
///     let logits = named_scope("dot_product", || w.dot(x));
///     named_scope("activation", || nn::relu(&logits).sum())
/// };
/// let program = make_jaxpr(grad(layer))(&np::ones((2, 3)), &np::ones(3));
/// let text = format!("{:#}", program.jaxpr);
/// assert!(text.contains("# [transpose(jvp(dot_product))]"), "{text}");
/// ```
pub fn named_scope<R>(name: &str, f: impl FnOnce() -> R) -> R {
    scoped(name, f)
}
