//! Bounds on updates and parameters.

use cotangent_derive::Tree;

use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy::{self as np, where_};

use super::moments::{abs_sq, norm};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;
use super::scale::stateless;

options! {
    /// Clips each element of the updates to [−`max_delta`, `max_delta`].
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([-3.0, 0.5]);
    /// let (updates, ()) = optim::clip(1.0).update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-1.0, 0.5]);
    /// ```
    clip Clip(max_delta: Number) {}
}

stateless!(Clip: |o, updates, _| {
    updates.map(|u| np::clip(u, o.max_delta.negative().array(), o.max_delta.array()))
});

options! {
    /// Scales each update down so that the root of its mean square is at most `threshold`.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([3.0, 3.0]);
    /// let (updates, ()) = optim::clip_by_block_rms(1.0).update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [1.0, 1.0]);
    /// ```
    clip_by_block_rms ClipByBlockRms(threshold: Number) {}
}

stateless!(ClipByBlockRms: |o, updates, _| {
    updates.map(|u| u / (abs_sq(u).mean().sqrt() / o.threshold.array()).maximum(1.0))
});

options! {
    /// Scales all updates down so that the norm of all of them together is at most `max_norm`
    /// ([Pascanu et al.](https://arxiv.org/abs/1211.5063)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = (np::array(3.0), np::array(4.0));
    /// let (updates, ()) = optim::clip_by_global_norm(1.0).update(&x, &(), &x);
    /// assert_eq!((updates.0.item::<f32>(), updates.1.item::<f32>()), (0.6, 0.8));
    /// ```
    clip_by_global_norm ClipByGlobalNorm(max_norm: Number) {}
}

stateless!(ClipByGlobalNorm: |o, updates, _| {
    let norm = norm(&updates);
    let within = norm.less(o.max_norm.array());
    updates.map(|u| where_(&within, u, u / norm.astype(u.dtype().real()) * o.max_norm.array()))
});

options! {
    /// Scales down each unit of an update whose norm is more than `clipping` times that of the same unit of its
    /// parameter ([adaptive gradient clipping](https://arxiv.org/abs/2102.06171)).
    ///
    /// A unit is a whole scalar or vector, a column of a matrix, and an output channel of a kernel, which is its last
    /// axis.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([3.0, 4.0]);
    /// let (updates, ()) = optim::adaptive_grad_clip(0.1).update(&np::array([0.0, 2.0]), &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.0, 0.5]);
    /// ```
    ///
    /// # Panics
    /// A step panics if a parameter has more than five dimensions and `axes` is not given.
    adaptive_grad_clip AdaptiveGradClip(clipping: Number) {
        /// The least norm of a parameter.
        eps: Number = 1e-3;
    } {
        /// The axes over which norms are taken.
        axes: Vec<isize>;
    }
}

stateless!(AdaptiveGradClip: |o, updates, cx| updates.zip(cx.params, |u, p| {
    let (of_update, of_param) = (unitwise_norm(u, o.axes.as_deref()), unitwise_norm(p, o.axes.as_deref()));
    let most = o.clipping.array() * of_param.maximum(o.eps.array());
    unitwise_clip(&of_update, &most, u)
}));

/// Returns a gradient whose units have norms of at most `max_norm`: where `norm`, the norm of a unit, is greater, the
/// gradient is scaled.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let gradient = np::array([3.0, 4.0]);
/// let norm = optim::unitwise_norm(&gradient, None);
/// assert_eq!(optim::unitwise_clip(norm, np::full(2, 2.5), gradient).to_vec::<f32>(), [1.5, 2.0]);
/// ```
///
/// # Panics
/// If the shapes cannot be broadcast.
#[track_caller]
pub fn unitwise_clip(norm: impl ArrayLike, max_norm: impl ArrayLike, gradient: impl ArrayLike) -> Array {
    let (norm, most, g) = (norm.to_array(), max_norm.to_array(), gradient.to_array());
    where_(norm.less(&most), &g, &g * (&most / norm.maximum(1e-6)))
}

/// Returns, for each element, the norm of the unit it belongs to: a whole scalar or vector, a column of a matrix, an
/// output channel of a kernel. `axes` states other axes to take norms over.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let norms = optim::unitwise_norm(&np::array([[3.0, 1.0], [4.0, 0.0]]), None);
/// assert_eq!(norms.to_vec::<f32>(), [5.0, 1.0, 5.0, 1.0]);
/// ```
///
/// # Panics
/// If the array has more than five dimensions and `axes` is not given.
#[track_caller]
pub fn unitwise_norm(x: &Array, axes: Option<&[isize]>) -> Array {
    let rank = x.ndim();
    let square = abs_sq(x);
    let sum = match axes {
        Some(axes) => square.sum_keepdims(axes.to_vec()),
        None if x.shape().iter().filter(|size| **size != 1).count() <= 1 => square.sum_keepdims(()),
        None => match rank {
            2 | 3 => square.sum_keepdims(0),
            4 | 5 => square.sum_keepdims((0..rank as isize - 1).collect::<Vec<_>>()),
            _ => raise(
                Error::shape(format!("unitwise_norm: no unit is known for {}", x.aval()))
                    .help("state the axes over which norms are taken"),
            ),
        },
    };
    sum.sqrt().broadcast_to(x.shape())
}

options! {
    /// Changes updates so that no parameter becomes negative.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([1.0, 3.0]);
    /// let (updates, ()) = optim::keep_params_nonnegative().update(&np::array([-2.0, -2.0]), &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-1.0, -2.0]);
    /// ```
    keep_params_nonnegative KeepParamsNonnegative() {}
}

stateless!(KeepParamsNonnegative: |_, updates, cx| updates.zip(cx.params, |u, p| where_((p + u).less(0.0), -p, u)));

/// The state of [`zero_nans`].
#[derive(Clone, Debug, Tree)]
pub struct ZeroNansState {
    /// For each leaf, whether the last update had a NaN.
    pub found_nan: PerLeaf,
}

options! {
    /// Replaces NaN by 0.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::zero_nans(), np::ones(2));
    /// let (updates, state) = part.update(&np::array([f64::NAN, 1.0]), &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.0, 1.0]);
    /// assert!(state.found_nan[""].item::<bool>());
    /// ```
    zero_nans ZeroNans() {}
}

impl Optimizer for ZeroNans {
    type State = ZeroNansState;

    fn start(&self, params: &PerLeaf) -> ZeroNansState {
        ZeroNansState { found_nan: params.map(|_| np::zeros_as((), crate::array::dtype::DType::Bool)) }
    }

    fn advance(&self, updates: PerLeaf, _: &ZeroNansState, _: &Context<'_>) -> (PerLeaf, ZeroNansState) {
        let found_nan = updates.map(|u| np::isnan(u).any());
        (updates.map(|u| where_(np::isnan(u), 0.0, u)), ZeroNansState { found_nan })
    }
}
