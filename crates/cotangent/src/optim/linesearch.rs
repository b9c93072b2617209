//! Steps whose length a line search finds.

use cotangent_derive::Tree;

use crate::api::grad::value_and_grad;
use crate::array::Array;
use crate::array::dtype::DType;
use crate::lax::while_loop;
use crate::numpy::{self as np, where_};
use crate::tree::Tree;

use super::moments::{safe_increment, zero, zeros_like};
use super::number::Number;
use super::optimizer::{Context, Loss, Optimizer};
use super::options::options;
use super::per_leaf::PerLeaf;
use super::wrap::widest;

/// The real part of the inner product of all leaves.
pub(super) fn real_dot(a: &PerLeaf, b: &PerLeaf) -> Array {
    let parts = a.zip(b, |a, b| if a.dtype().is_complex() { (a.conj() * b).real().sum() } else { (a * b).sum() });
    super::moments::total(&parts)
}

/// A point on the line: params + step·direction.
fn along(params: &PerLeaf, step: &Array, direction: &PerLeaf) -> PerLeaf {
    params.zip(direction, |p, d| (p + step * d).astype(p.dtype()))
}

fn choose<T: Tree>(chosen: &Array, yes: &T, no: &T) -> T {
    yes.zip(no, |a, b| where_(chosen, a, b))
}

/// The value, the gradient, and the slope along the direction, at a point on the line.
fn evaluate(loss: &Loss<'_>, params: &PerLeaf, step: &Array, direction: &PerLeaf) -> (Array, PerLeaf, Array) {
    let point = along(params, step, direction);
    let (value, gradient) = value_and_grad(|point: &PerLeaf| loss(point))(&point);
    // As in JAX, the gradient of a real function of complex numbers is the conjugate of the direction of ascent.
    let slope = real_dot(&gradient.map(Array::conj), direction);
    (value, gradient, slope)
}

fn no_nan(error: Array) -> Array {
    where_(np::isnan(&error), f64::INFINITY, error)
}

/// The state of [`scale_by_zoom_linesearch`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByZoomLinesearchState {
    /// The length of the last step.
    pub learning_rate: Array,
    /// The value after the last step.
    pub value: Array,
    /// The gradient after the last step.
    pub grad: PerLeaf,
    /// The number of evaluations of the loss in the last step.
    pub num_linesearch_steps: Array,
    /// By how much the last step misses the condition of sufficient decrease.
    pub decrease_error: Array,
    /// By how much the last step misses the condition of small curvature.
    pub curvature_error: Array,
}

options! {
    /// Scales updates so that the step satisfies the strong Wolfe conditions: it searches an interval, and zooms into
    /// it by cubic and quadratic interpolation (Nocedal and Wright, *Numerical Optimization*, algorithms 3.5 and 3.6).
    ///
    /// It evaluates the loss, so that a step is made with [`Optimizer::minimize`].
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = (optim::sgd(1.0), optim::scale_by_zoom_linesearch());
    /// let x = np::array([1.0, 2.0]);
    /// let (_, x, _) = optimizer.minimize(|x: &Array| 10.0 * x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert!(x.abs().max().item::<f32>() < 0.1);
    /// ```
    ///
    /// # Panics
    /// A step that is not made with `minimize` panics.
    scale_by_zoom_linesearch ScaleByZoomLinesearch() {
        /// The greatest number of evaluations in a step.
        max_linesearch_steps: i32 = 20;
        /// By how much the conditions may be missed.
        tol: Number = 0.0;
        /// The factor of the step while the interval is searched.
        increase_factor: Number = 2.0;
        /// The part of the initial slope that is a sufficient decrease.
        slope_rtol: Number = 1e-4;
        /// The part of the initial slope that is a small curvature.
        curv_rtol: Number = 0.9;
        /// The relative change of the value below which the decrease is judged by the slope.
        approx_dec_rtol: Number = 1e-6;
        /// The least length of the interval.
        stepsize_precision: Number = 1e-5;
        /// Whether the search begins with the length of the last step instead of 1.
        keep_stepsize: bool = true;
    } {
        /// The greatest step.
        max_learning_rate: Number;
    }
}

/// Where a search is.
#[derive(Clone, Debug, Tree)]
struct Search {
    count: Array,
    stepsize: Array,
    value: Array,
    grad: PerLeaf,
    slope: Array,
    decrease_error: Array,
    curvature_error: Array,
    interval_found: Array,
    done: Array,
    failed: Array,
    low: (Array, Array, Array),
    high: (Array, Array, Array),
    cubic: (Array, Array),
    safe: (Array, Array, PerLeaf),
}

/// The minimum of the cubic through three points with a given slope in the first.
fn cubic_minimum(a: &Array, fa: &Array, slope: &Array, (b, fb): (&Array, &Array), (c, fc): &(Array, Array)) -> Array {
    let (db, dc) = (b - a, c - a);
    let below = (&db * &dc).square() * (&db - &dc);
    let (rb, rc) = (fb - fa - slope * &db, fc - fa - slope * &dc);
    let first = (dc.square() * &rb - db.square() * &rc) / &below;
    let second = (db.powi(3) * rc - dc.powi(3) * rb) / below;
    let radical = second.square() - 3.0 * &first * slope;
    a + (radical.sqrt() - second) / (3.0 * first)
}

/// The minimum of the parabola through two points with a given slope in the first.
fn quadratic_minimum(a: &Array, fa: &Array, slope: &Array, (b, fb): (&Array, &Array)) -> Array {
    let db = b - a;
    let curvature = (fb - fa - slope * &db) / db.square();
    a - slope / (2.0 * curvature)
}

impl ScaleByZoomLinesearch {
    fn errors(&self, step: &Array, at: (&Array, &Array), start: (&Array, &Array)) -> (Array, Array) {
        let ((value, slope), (value0, slope0)) = (at, start);
        let exact = value - value0 - self.slope_rtol.array() * step * slope0;
        let bound = self.slope_rtol.then(|r| 2.0 * r - 1.0, |r| 2.0 * r - 1.0);
        let by_slope = slope - bound.array() * slope0;
        let change = value - value0 - self.approx_dec_rtol.array() * value0.abs();
        let decrease = by_slope.maximum(change).minimum(exact).maximum(0.0);
        let curvature = (slope.abs() - self.curv_rtol.array() * slope0.abs()).maximum(0.0);
        (no_nan(decrease), no_nan(curvature))
    }

    /// The step to try next.
    fn trial(&self, s: &Search, guess: &Array) -> (Array, Array) {
        let mut wider = where_(s.count.equal(0), guess, self.increase_factor.array() * &s.stepsize);
        let mut at_most = np::zeros_as((), DType::Bool);
        if let Some(most) = &self.max_learning_rate {
            at_most = wider.greater_equal(most.array());
            wider = wider.minimum(most.array());
        }
        let ((low, value_low, slope_low), (high, value_high, _)) = (&s.low, &s.high);
        let (left, right, length) = (high.minimum(low), high.maximum(low), (high - low).abs());
        let inside = |x: &Array, margin: f64| {
            let margin = margin * &length;
            x.greater(&left + &margin).logical_and(x.less(&right - margin))
        };
        let cubic = cubic_minimum(low, value_low, slope_low, (high, value_high), &s.cubic);
        let quadratic = quadratic_minimum(low, value_low, slope_low, (high, value_high));
        let middle = where_(inside(&quadratic, 0.1), &quadratic, (low + high) / 2.0);
        let middle = where_(inside(&cubic, 0.2), cubic, middle);
        (where_(&s.interval_found, middle, wider).astype(s.stepsize.dtype()), at_most)
    }

    fn search(
        &self,
        loss: &Loss<'_>,
        params: &PerLeaf,
        direction: &PerLeaf,
        guess: &Array,
        start: (&Array, &PerLeaf),
    ) -> Search {
        let (value0, grad0) = start;
        let dtype = value0.dtype();
        let slope0 = real_dot(&grad0.map(Array::conj), direction).astype(dtype);
        let (nothing, no) = (np::zeros_as((), dtype), np::zeros_as((), DType::Bool));
        let infinite = np::full_as((), f64::INFINITY, dtype);
        let point = (nothing.clone(), value0.clone(), slope0.clone());
        let init = Search {
            count: zero(),
            stepsize: nothing.clone(),
            value: value0.clone(),
            grad: grad0.clone(),
            slope: slope0.clone(),
            decrease_error: infinite.clone(),
            curvature_error: infinite,
            interval_found: no.clone(),
            done: no.clone(),
            failed: no,
            low: point.clone(),
            high: point,
            cubic: (nothing.clone(), value0.clone()),
            safe: (nothing, value0.clone(), grad0.clone()),
        };
        let going = |s: &Search| np::logical_not(s.done.logical_or(&s.failed));
        let body = |s: &Search| {
            let (step, at_most) = self.trial(s, guess);
            let (value, grad, slope) = evaluate(loss, params, &step, direction);
            let (value, slope) = (value.astype(dtype), slope.astype(dtype));
            let (decrease_error, curvature_error) = self.errors(&step, (&value, &slope), (value0, &slope0));
            let met = decrease_error.maximum(&curvature_error).less_equal(self.tol.array());
            let here = (step.clone(), value.clone(), slope.clone());
            let zooming = &s.interval_found;

            let decreases = decrease_error.less_equal(self.tol.array());
            let safer = decreases.logical_and(value.less(&s.safe.1).logical_or(np::logical_not(zooming)));
            let safe = choose(&safer, &(step.clone(), value.clone(), grad.clone()), &s.safe);

            // The search for an interval.
            let before = (s.stepsize.clone(), s.value.clone(), s.slope.clone());
            let rises = value.greater_equal(&s.value).logical_and(s.count.greater(0));
            let to_high = decrease_error.greater(0.0).logical_or(rises);
            let to_low = slope.greater_equal(0.0).logical_and(np::logical_not(&to_high));
            let wide_low = choose(&to_low, &here, &before);
            let wide_high = choose(&to_low, &before, &here);
            let found = to_high.logical_or(to_low).logical_or(&met);
            let limit = at_most.logical_and(np::logical_not(&found));

            // The zoom into it.
            let to_high = decrease_error.greater(0.0).logical_or(value.greater_equal(&s.low.1));
            let turns = (&slope * (&s.high.0 - &s.low.0)).greater_equal(0.0);
            let swap = turns.logical_and(np::logical_not(&to_high));
            let near_high = choose(&swap, &s.low, &choose(&to_high, &here, &s.high));
            let near_low = choose(&to_high, &s.low, &here);
            let of = |(x, value, _): &(Array, Array, Array)| (x.clone(), value.clone());
            let near_cubic = choose(&to_high.logical_or(swap), &of(&s.high), &of(&s.low));
            let small = (&s.high.0 - &s.low.0).abs().less_equal(self.stepsize_precision.array());
            let stuck = zooming.logical_and(small.logical_and(safe.0.greater(0.0)));

            let done = met.logical_or(limit.logical_and(np::logical_not(zooming)));
            let last = (&s.count + 1).greater_equal(self.max_linesearch_steps);
            let failed = last.logical_or(stuck).logical_and(np::logical_not(&done));
            let cubic = choose(zooming, &near_cubic, &of(&wide_low));
            let (low, high) = (choose(zooming, &near_low, &wide_low), choose(zooming, &near_high, &wide_high));

            // A failed search ends with the best step that decreased the value, if there is one or the last step left
            // the domain.
            let fall_back = safe.0.greater(0.0).logical_or(decrease_error.equal(f64::INFINITY)).logical_and(&failed);
            let (stepsize, value, grad) = choose(&fall_back, &safe, &(step, value, grad));
            Search {
                count: safe_increment(&s.count),
                stepsize,
                value,
                grad,
                slope,
                decrease_error,
                curvature_error,
                interval_found: zooming.logical_or(found),
                done,
                failed,
                low,
                high,
                cubic,
                safe,
            }
        };
        while_loop(going, body, init)
    }
}

impl Optimizer for ScaleByZoomLinesearch {
    type State = ScaleByZoomLinesearchState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let dtype = widest(params);
        let infinite = np::full_as((), f64::INFINITY, dtype);
        ScaleByZoomLinesearchState {
            learning_rate: np::ones_as((), dtype),
            value: infinite.clone(),
            grad: zeros_like(params),
            num_linesearch_steps: zero(),
            decrease_error: infinite.clone(),
            curvature_error: infinite,
        }
    }

    fn advance(&self, updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let loss = cx.need_loss("scale_by_zoom_linesearch");
        let value = cx.need_value("scale_by_zoom_linesearch").astype(state.value.dtype());
        let guess = if self.keep_stepsize { state.learning_rate.clone() } else { np::ones_like(&state.learning_rate) };
        let end = self.search(loss, cx.params, &updates, &guess, (&value, cx.gradients));
        let scaled = updates.map(|u| (&end.stepsize * u).astype(u.dtype()));
        let next = ScaleByZoomLinesearchState {
            learning_rate: end.stepsize,
            value: end.value,
            grad: end.grad,
            num_linesearch_steps: end.count,
            decrease_error: end.decrease_error,
            curvature_error: end.curvature_error,
        };
        (scaled, next)
    }

    fn stored(&self, state: &Self::State) -> Option<(Array, PerLeaf)> {
        Some((state.value.clone(), state.grad.clone()))
    }
}

/// The state of [`scale_by_backtracking_linesearch`].
#[derive(Clone, Debug, Tree)]
pub struct ScaleByBacktrackingLinesearchState {
    /// The length of the last step.
    pub learning_rate: Array,
    /// The value after the last step.
    pub value: Array,
    /// The gradient after the last step, if it is stored.
    pub grad: Option<PerLeaf>,
    /// The number of evaluations of the loss in the last step.
    pub num_linesearch_steps: Array,
    /// By how much the last step misses the condition of sufficient decrease.
    pub decrease_error: Array,
}

options! {
    /// Scales updates by the first step, among shorter and shorter ones, that decreases the loss sufficiently (Armijo's
    /// rule).
    ///
    /// It evaluates the loss, so that a step is made with [`Optimizer::minimize`].
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let optimizer = (optim::sgd(1.0), optim::scale_by_backtracking_linesearch(20));
    /// let x = np::array([1.0, 2.0]);
    /// let (_, x, _) = optimizer.minimize(|x: &Array| 10.0 * x.powi(2).sum(), &x, &optimizer.init(&x));
    /// assert!(x.abs().max().item::<f32>() < 2.0);
    /// ```
    ///
    /// # Panics
    /// A step that is not made with `minimize` panics.
    scale_by_backtracking_linesearch ScaleByBacktrackingLinesearch(max_backtracking_steps: i32) {
        /// The part of the slope that is a sufficient decrease.
        slope_rtol: Number = 1e-4;
        /// The factor of the step in each trial.
        decrease_factor: Number = 0.8;
        /// The factor of the last step with which the search begins.
        increase_factor: Number = 1.5;
        /// The greatest step.
        max_learning_rate: Number = 1.0;
        /// By how much the decrease may be missed.
        atol: Number = 0.0;
        /// By how much of the value it may be missed.
        rtol: Number = 0.0;
        /// Whether the gradient after the step is computed and stored, so that the next step need not compute it.
        store_grad: bool = false;
    }
}

impl Optimizer for ScaleByBacktrackingLinesearch {
    type State = ScaleByBacktrackingLinesearchState;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let dtype = widest(params);
        let infinite = np::full_as((), f64::INFINITY, dtype);
        ScaleByBacktrackingLinesearchState {
            learning_rate: np::ones_as((), dtype),
            value: infinite.clone(),
            grad: self.store_grad.then(|| zeros_like(params)),
            num_linesearch_steps: zero(),
            decrease_error: infinite,
        }
    }

    fn advance(&self, updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let loss = cx.need_loss("scale_by_backtracking_linesearch");
        let dtype = state.value.dtype();
        let value0 = cx.need_value("scale_by_backtracking_linesearch").astype(dtype);
        let slope = real_dot(&updates, &cx.gradients.map(Array::conj)).astype(dtype);
        let first = (self.increase_factor.array() * &state.learning_rate).minimum(self.max_learning_rate.array());
        let body = |(count, step, _, _): &(Array, Array, Array, Array)| {
            let step = where_(count.greater(0), self.decrease_factor.array() * step, step);
            let value = loss(&along(cx.params, &step, &updates)).astype(dtype);
            let base = self.rtol.then(|r| 1.0 + r, |r| 1.0 + r).array() * &value0;
            let error = no_nan(&value - base - &step * self.slope_rtol.array() * &slope).maximum(0.0);
            (count + 1, step, value, error)
        };
        let more = |(count, _, _, error): &(Array, Array, Array, Array)| {
            np::logical_not(error.less_equal(self.atol.array()))
                .logical_and(count.less_equal(self.max_backtracking_steps))
        };
        let start = (zero(), first, value0.clone(), np::full_as((), f64::INFINITY, dtype));
        let (count, step, value, decrease_error) = while_loop(more, body, start);
        let learning_rate = where_(decrease_error.equal(f64::INFINITY), 0.0, &step);
        let grad = self.store_grad.then(|| evaluate(loss, cx.params, &step, &updates).1);
        let scaled = updates.map(|u| (&learning_rate * u).astype(u.dtype()));
        let next = ScaleByBacktrackingLinesearchState {
            learning_rate,
            value,
            grad,
            num_linesearch_steps: count,
            decrease_error,
        };
        (scaled, next)
    }

    fn stored(&self, state: &Self::State) -> Option<(Array, PerLeaf)> {
        state.grad.as_ref().map(|grad| (state.value.clone(), grad.clone()))
    }
}
