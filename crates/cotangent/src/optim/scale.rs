//! Scaling updates: by numbers, learning rates, signs and norms.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::numpy::where_;

use super::moments::{norm, safe_increment, safe_norm, safe_root_mean_squares, zero};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;

/// Defines an optimizer without a state by the updates it returns.
macro_rules! stateless {
    ($Name:ident: |$o:pat_param, $updates:ident, $cx:pat_param| $result:expr) => {
        impl Optimizer for $Name {
            type State = ();

            fn start(&self, _: &PerLeaf) {}

            fn advance(&self, $updates: PerLeaf, (): &(), $cx: &Context<'_>) -> (PerLeaf, ()) {
                let $o = self;
                ($result, ())
            }
        }
    };
}
pub(super) use stateless;

/// The count of steps, if a hyperparameter needs it.
#[derive(Clone, Debug, Tree)]
pub struct ScheduleState {
    /// The number of steps; `None` for a constant.
    pub count: Option<Array>,
}

impl ScheduleState {
    pub(super) fn of(hyper: &Hyper) -> ScheduleState {
        ScheduleState { count: matches!(hyper, Hyper::Schedule(_)).then(zero) }
    }

    /// The value at this step, and the next state.
    pub(super) fn advance(&self, hyper: &Hyper) -> (Number, ScheduleState) {
        match (&self.count, hyper) {
            (None, Hyper::Constant(number)) => (number.clone(), self.clone()),
            (count, hyper) => {
                let count = count.clone().unwrap_or_else(zero);
                (hyper.at(&count), ScheduleState { count: Some(safe_increment(&count)) })
            }
        }
    }
}

options! {
    /// Multiplies updates by a number.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::ones(2);
    /// let (updates, ()) = optim::scale(-0.5).update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-0.5, -0.5]);
    /// ```
    scale Scale(factor: Number) {}
}

stateless!(Scale: |o, updates, _| updates.map(|u| o.factor.array() * u));

options! {
    /// Multiplies updates by the learning rate, and changes their sign, because they are added to the parameters.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_learning_rate(0.5), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-0.5, -0.5]);
    /// ```
    scale_by_learning_rate ScaleByLearningRate(learning_rate: Hyper) {
        /// Whether the sign changes.
        flip_sign: bool = true;
    }
}

impl Optimizer for ScaleByLearningRate {
    type State = ScheduleState;

    fn start(&self, _: &PerLeaf) -> ScheduleState {
        ScheduleState::of(&self.learning_rate)
    }

    fn advance(&self, updates: PerLeaf, state: &ScheduleState, _: &Context<'_>) -> (PerLeaf, ScheduleState) {
        let (rate, state) = state.advance(&self.learning_rate);
        let rate = if self.flip_sign { rate.negative() } else { rate };
        (by_rate(&updates, &rate, &self.learning_rate), state)
    }
}

/// A scheduled rate takes the dtype of each leaf; an array keeps its own.
fn by_rate(updates: &PerLeaf, rate: &Number, hyper: &Hyper) -> PerLeaf {
    updates.map(|u| match hyper {
        Hyper::Schedule(_) => rate.array().astype(u.dtype().real()) * u,
        Hyper::Constant(_) => rate.array() * u,
    })
}

options! {
    /// Multiplies updates by the value of a schedule.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_schedule(optim::linear_schedule(1.0, 0.0, 10)), np::ones(2));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [1.0, 1.0]);
    /// ```
    scale_by_schedule ScaleBySchedule(schedule: Hyper) {}
}

impl Optimizer for ScaleBySchedule {
    type State = ScheduleState;

    fn start(&self, _: &PerLeaf) -> ScheduleState {
        ScheduleState::of(&self.schedule)
    }

    fn advance(&self, updates: PerLeaf, state: &ScheduleState, _: &Context<'_>) -> (PerLeaf, ScheduleState) {
        let (rate, state) = state.advance(&self.schedule);
        (by_rate(&updates, &rate, &self.schedule), state)
    }
}

options! {
    /// Replaces updates by their signs.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([-3.0, 0.0, 2.0]);
    /// let (updates, ()) = optim::scale_by_sign().update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-1.0, 0.0, 1.0]);
    /// ```
    scale_by_sign ScaleBySign() {}
}

stateless!(ScaleBySign: |_, updates, _| updates.map(Array::sign));

options! {
    /// Replaces updates by zeros, so that the parameters stay as they are.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::ones(2);
    /// let (updates, ()) = optim::set_to_zero().update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.0, 0.0]);
    /// ```
    set_to_zero SetToZero() {}
}

stateless!(SetToZero: |_, updates, _| updates.map(|u| crate::numpy::zeros_like(u)));

options! {
    /// Subtracts the mean over all axes but the first from each update of two or more dimensions
    /// ([gradient centralization](https://arxiv.org/abs/2004.01461)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([[1.0, 3.0], [5.0, 5.0]]);
    /// let (updates, ()) = optim::centralize().update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [-1.0, 1.0, 0.0, 0.0]);
    /// ```
    centralize Centralize() {}
}

stateless!(Centralize: |_, updates, _| updates.map(|u| match u.ndim() {
    0 | 1 => u.clone(),
    rank => u - u.mean_keepdims((1..rank as isize).collect::<Vec<_>>()),
}));

options! {
    /// Multiplies each update by the norm of its parameter.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([3.0, 4.0]);
    /// let (updates, ()) = optim::scale_by_param_block_norm().update(&np::ones(2), &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [5.0, 5.0]);
    /// ```
    scale_by_param_block_norm ScaleByParamBlockNorm() {
        /// The least norm.
        min_scale: Number = 1e-3;
    }
}

stateless!(ScaleByParamBlockNorm: |o, updates, cx| updates.zip(cx.params, |u, p| u * safe_norm(p, &o.min_scale)));

options! {
    /// Multiplies each update by the root mean square of its parameter.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([3.0, 3.0]);
    /// let (updates, ()) = optim::scale_by_param_block_rms().update(&np::ones(2), &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [3.0, 3.0]);
    /// ```
    scale_by_param_block_rms ScaleByParamBlockRms() {
        /// The least root mean square.
        min_scale: Number = 1e-3;
    }
}

stateless!(ScaleByParamBlockRms: |o, updates, cx| {
    updates.zip(cx.params, |u, p| u * safe_root_mean_squares(p, &o.min_scale))
});

options! {
    /// Multiplies each update by the ratio of the norm of its parameter to its own
    /// ([LARS](https://arxiv.org/abs/1708.03888)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([3.0, 4.0]);
    /// let (updates, ()) = optim::scale_by_trust_ratio().update(&np::array([0.0, 2.0]), &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.0, 5.0]);
    /// ```
    scale_by_trust_ratio ScaleByTrustRatio() {
        /// The least norm.
        min_norm: Number = 0.0;
        /// A factor of the ratio.
        trust_coefficient: Number = 1.0;
        /// Added to the norm of the update.
        eps: Number = 0.0;
    }
}

stateless!(ScaleByTrustRatio: |o, updates, cx| updates.zip(cx.params, |u, p| {
    let (of_param, of_update) = (safe_norm(p, &o.min_norm), safe_norm(u, &o.min_norm));
    let ratio = o.trust_coefficient.array() * &of_param / (&of_update + o.eps.array());
    let none = of_param.equal(0.0).logical_or(of_update.equal(0.0));
    u * where_(none, 1.0, ratio)
}));

options! {
    /// Divides all updates by their norm.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::array([3.0, 4.0]);
    /// let (updates, ()) = optim::normalize_by_update_norm().eps(0.0).update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [0.6, 0.8]);
    /// ```
    normalize_by_update_norm NormalizeByUpdateNorm() {
        /// The norm of the result.
        scale_factor: Number = 1.0;
        /// Added to the norm.
        eps: Number = 1e-6;
    }
}

stateless!(NormalizeByUpdateNorm: |o, updates, _| {
    let norm = (norm(&updates) + o.eps.array()) / o.scale_factor.array();
    updates.map(|u| u / &norm)
});

options! {
    /// Multiplies updates by the step of Polyak: the value of the loss over the squared norm of the gradient.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = (optim::scale_by_polyak(), optim::scale(-1.0));
    /// let (_, x, _) = optimizer.minimize(|x: &Array| x.powi(2).sum(), &np::ones(2), &((), ()));
    /// assert_eq!(x.to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// A step panics if it does not know the value of the loss: see [`Optimizer::apply_with_value`].
    scale_by_polyak ScaleByPolyak() {
        /// The least value of the loss.
        f_min: Number = 0.0;
        /// The greatest step.
        max_learning_rate: Number = 1.0;
        /// Added to the squared norm.
        eps: Number = 0.0;
        /// Whether a loss below `f_min` makes no step (SPS₊).
        nonnegative: bool = false;
    }
}

stateless!(ScaleByPolyak: |o, updates, cx| {
    let square = super::moments::squared_norm(&updates);
    let mut gap = (cx.need_value("scale_by_polyak") - o.f_min.array()).astype(square.dtype());
    if o.nonnegative {
        gap = gap.maximum(0.0);
    }
    let below = &square + o.eps.array();
    let step = where_(
        below.less_equal(f64::EPSILON),
        0.0,
        (gap / &below).minimum(o.max_learning_rate.array()),
    );
    updates.map(|u| &step * u)
});
