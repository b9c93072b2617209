//! Functions of parameters and updates.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::lax::cond;
use crate::tree::{Tree, flatten};

use super::moments::norm;
use super::number::Number;
use super::per_leaf::PerLeaf;

/// Returns the sums of parameters and updates, in the dtypes of the parameters.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let next = optim::apply_updates(&(np::ones(2), np::zeros(1)), &(np::ones(2), np::ones(1)));
/// assert_eq!((next.0.sum().item::<f32>(), next.1.sum().item::<f32>()), (4.0, 1.0));
/// ```
///
/// # Panics
/// If the two are not trees of the same structure.
#[must_use]
#[track_caller]
pub fn apply_updates<P: Tree>(params: &P, updates: &P) -> P {
    params.zip(updates, |p, u| (p + u).astype(p.dtype()))
}

/// Returns `step_size`·new + (1 − `step_size`)·old: one step of an average of parameters.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// assert_eq!(optim::incremental_update(&np::ones(1), &np::zeros(1), 0.25).item::<f32>(), 0.25);
/// ```
///
/// # Panics
/// If the two are not trees of the same structure.
#[must_use]
#[track_caller]
pub fn incremental_update<P: Tree>(new: &P, old: &P, step_size: impl Into<Number>) -> P {
    let step = step_size.into();
    new.zip(old, |new, old| step.array() * new + step.complement() * old)
}

/// Returns the new parameters in each `update_period`-th step, and the old in all others.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// assert_eq!(optim::periodic_update(&np::ones(1), &np::zeros(1), 3, 2).item::<f32>(), 0.0);
/// assert_eq!(optim::periodic_update(&np::ones(1), &np::zeros(1), 4, 2).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If the two are not trees of the same structure and types.
#[must_use]
#[track_caller]
pub fn periodic_update<P: Tree>(new: &P, old: &P, steps: impl ArrayLike, update_period: impl ArrayLike) -> P {
    let due = (steps.to_array() % update_period.to_array()).equal(0);
    let leaves = cond(due, || flatten(new), || flatten(old));
    new.rebuild(&mut leaves.into_iter())
}

/// Returns the norm of all leaves together: the root of the sum of the squares of all absolute values.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// assert_eq!(optim::global_norm(&(np::array(3.0), np::array([4.0]))).item::<f32>(), 5.0);
/// ```
#[track_caller]
pub fn global_norm<P: Tree>(tree: &P) -> Array {
    norm(&PerLeaf::of(tree))
}

/// Returns the leaves in another dtype, for example for an optimizer that should work in `f32` while the model works
/// in `bf16`.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// assert_eq!(optim::tree_cast(&np::ones(2), DType::BF16).dtype(), DType::BF16);
/// ```
#[must_use]
#[track_caller]
pub fn tree_cast<P: Tree>(tree: &P, dtype: DType) -> P {
    tree.map(|x| x.astype(dtype))
}
