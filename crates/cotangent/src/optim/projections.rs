//! Projections onto sets: the nearest point of a set to a tree of arrays, all leaves together.

use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::lax::cond;
use crate::numpy::ravel_pytree::ravel_pytree;
use crate::numpy::{self as np, where_};
use crate::tree::{Tree, flatten};

use super::linesearch::real_dot;
use super::moments::{squared_norm, total};
use super::per_leaf::PerLeaf;

/// The projection of a vector onto the unit simplex. Its derivative is the projection onto the face that it is on.
pub(super) fn unit_simplex(values: &Array) -> Array {
    let value = |values: &Array| {
        let sorted = np::flip(np::sort(values), 0);
        let counts = np::arange((1, values.size() + 1)).astype(values.dtype());
        let sums = sorted.cumsum_axis(0);
        let inside = (sorted + (1.0 - &sums) / counts).greater(0.0);
        let size = inside.astype(DType::I32).sum();
        // If an element is infinite or NaN, no element is inside, and the share of each is 1 / 0 − ∞.
        let (last, size) = (&size - 1, size.astype(values.dtype()));
        (1.0 / &size + (values - sums.at(last).get() / size)).maximum(0.0)
    };
    custom_jvp(value).defjvp(move |(values,), (tangent,)| {
        let result = value(values);
        // The zeros are NaN where the result is, so that the compiler does not take their products for zero.
        let support = where_(np::isnan(&result), f64::NAN, result.greater(0.0).astype(values.dtype()));
        let mean = (&support * tangent).sum() / support.sum();
        (result, &support * (tangent - mean))
    })(values)
}

/// Applies a function of one vector, which has elements, to all leaves together. A tree without elements stays as it is:
/// `projection_l1_ball` traces this for it as well, and there is no other result of its type.
fn raveled<P: Tree>(tree: &P, f: impl Fn(&Array) -> Array) -> P {
    let (flat, unravel) = ravel_pytree(tree);
    if flat.size() == 0 { tree.map(Array::clone) } else { unravel(&f(&flat)) }
}

/// Returns max(x, 0). The derivative at 0 is 0, as in Optax.
fn not_negative(x: &Array) -> Array {
    custom_jvp(|x: &Array| x.maximum(0)).defjvp(|(x,), (t,)| (not_negative(x), where_(x.greater(0), t, 0)))(x)
}

/// The nearest tree without negative elements. The derivative at an element that is zero is zero.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_non_negative(&np::array([-1.0, 2.0])).to_vec::<f32>(), [0.0, 2.0]);
/// ```
#[track_caller]
pub fn projection_non_negative<P: Tree>(tree: &P) -> P {
    tree.map(not_negative)
}

/// The nearest tree with all elements between two bounds.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_box(&np::array([-1.0, 2.0]), 0.0, 1.0).to_vec::<f32>(), [0.0, 1.0]);
/// ```
#[track_caller]
pub fn projection_box<P: Tree>(tree: &P, lower: impl ArrayLike, upper: impl ArrayLike) -> P {
    let (lower, upper) = (lower.to_array(), upper.to_array());
    tree.map(|x| np::clip(x, &lower, &upper))
}

/// The nearest tree with all elements between 0 and `scale`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_hypercube(&np::array([-1.0, 2.0]), 1.0).to_vec::<f32>(), [0.0, 1.0]);
/// ```
#[track_caller]
pub fn projection_hypercube<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    projection_box(tree, 0.0, scale)
}

/// The nearest tree without negative elements and with the sum `scale`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_simplex(&np::array([0.5, 1.5]), 1.0).to_vec::<f32>(), [0.0, 1.0]);
/// ```
#[track_caller]
pub fn projection_simplex<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    let scale = scale.to_array();
    raveled(tree, |x| &scale * unit_simplex(&(x / &scale)))
}

/// The nearest tree whose absolute values have the sum `scale`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_l1_sphere(&np::array([0.5, -1.5]), 1.0).to_vec::<f32>(), [0.0, -1.0]);
/// ```
#[track_caller]
pub fn projection_l1_sphere<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    projection_simplex(&tree.map(Array::abs), scale).zip(tree, |size, x| x.sign() * size)
}

/// The nearest tree whose absolute values have at most the sum `scale`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_l1_ball(&np::array([0.5, -0.25]), 1.0).to_vec::<f32>(), [0.5, -0.25]);
/// ```
#[track_caller]
pub fn projection_l1_ball<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    let scale = scale.to_array();
    let within = total(&PerLeaf::of(tree).map(|x| x.abs().sum())).less_equal(&scale);
    let leaves = cond(within, || flatten(tree), || flatten(&projection_l1_sphere(tree, &scale)));
    tree.rebuild(&mut leaves.into_iter())
}

/// The nearest tree whose norm is `scale`. For zeros, there is none, and the result and its slopes are NaN.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_l2_sphere(&np::array([3.0, 4.0]), 10.0).to_vec::<f32>(), [6.0, 8.0]);
/// ```
#[track_caller]
pub fn projection_l2_sphere<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    // Unlike that of a norm, the slope of a root is infinite at zero, where there is no projection.
    let factor = scale.to_array() / squared_norm(&PerLeaf::of(tree)).sqrt();
    tree.map(|x| &factor * x)
}

/// The nearest tree whose norm is at most `scale`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_l2_ball(&np::array([3.0, 4.0]), 10.0).to_vec::<f32>(), [3.0, 4.0]);
/// ```
#[track_caller]
pub fn projection_l2_ball<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    let scale = scale.to_array();
    let factor = &scale / squared_norm(&PerLeaf::of(tree)).maximum(scale.square()).sqrt();
    tree.map(|x| &factor * x)
}

/// The nearest tree with absolute values of at most `scale`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// assert_eq!(projections::projection_linf_ball(&np::array([3.0, -4.0]), 3.5).to_vec::<f32>(), [3.0, -3.5]);
/// ```
#[track_caller]
pub fn projection_linf_ball<P: Tree>(tree: &P, scale: impl ArrayLike) -> P {
    let scale = scale.to_array();
    projection_box(tree, -&scale, &scale)
}

fn dot<P: Tree>(x: &P, y: &P) -> Array {
    real_dot(&PerLeaf::of(x), &PerLeaf::of(y))
}

/// The nearest multiple of `a`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// let (x, a) = (np::array([3.0, 4.0]), np::array([2.0, 0.0]));
/// assert_eq!(projections::projection_vector(&x, &a).to_vec::<f32>(), [3.0, 0.0]);
/// ```
#[track_caller]
pub fn projection_vector<P: Tree>(x: &P, a: &P) -> P {
    let factor = dot(x, a) / dot(a, a);
    a.map(|a| &factor * a)
}

/// The nearest tree whose inner product with `a` is `b`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// let (x, a) = (np::array([3.0, 4.0]), np::array([1.0, 0.0]));
/// assert_eq!(projections::projection_hyperplane(&x, &a, 1.0).to_vec::<f32>(), [1.0, 4.0]);
/// ```
#[track_caller]
pub fn projection_hyperplane<P: Tree>(x: &P, a: &P, b: impl ArrayLike) -> P {
    let factor = (b.to_array() - dot(x, a)) / dot(a, a);
    x.zip(a, |x, a| x + &factor * a)
}

/// The nearest tree whose inner product with `a` is at most `b`.
///
/// ```
/// use cotangent::{optim::projections, prelude::*};
/// let (x, a) = (np::array([3.0, 4.0]), np::array([1.0, 0.0]));
/// assert_eq!(projections::projection_halfspace(&x, &a, 5.0).to_vec::<f32>(), [3.0, 4.0]);
/// ```
#[track_caller]
pub fn projection_halfspace<P: Tree>(x: &P, a: &P, b: impl ArrayLike) -> P {
    let factor = ((b.to_array() - dot(x, a)) / dot(a, a)).minimum(0.0);
    x.zip(a, |x, a| x + &factor * a)
}
