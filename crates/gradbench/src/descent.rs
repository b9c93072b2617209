//! Gradient descent as `particle` and `saddle` require it, with derivatives in either mode.

use cotangent::{Tree, lax, prelude::*};

/// The mode of differentiation.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// From arguments to results.
    Forward,
    /// From results to arguments.
    Reverse,
}

impl Mode {
    /// Returns the value of `f` at `x`, and its gradient.
    pub(crate) fn value_and_grad(self, f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> (Array, Array) {
        match self {
            Mode::Forward => {
                let twice = |x: &Array| {
                    let y = f(x);
                    (y.clone(), y)
                };
                let (gradient, value) = jacfwd(twice).has_aux()(x);
                (value, gradient)
            }
            Mode::Reverse => value_and_grad(f)(x),
        }
    }

    /// A loop that is differentiated in this mode. It runs at most [`BLOCKS`] blocks of [`BLOCK`] steps.
    pub(crate) fn while_loop<S: Tree + Clone>(
        self,
        condition: impl Fn(&S) -> Array + Send + Sync,
        body: impl Fn(&S) -> S + Send + Sync,
        init: S,
    ) -> S {
        match self {
            Mode::Forward => counted_while(condition, body, init),
            Mode::Reverse => blocked_while(condition, body, init),
        }
    }

    /// Returns the gradient of `f` at `x`.
    pub(crate) fn grad(self, f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> Array {
        match self {
            Mode::Forward => jacfwd(f)(x),
            Mode::Reverse => grad(f)(x),
        }
    }
}

/// The maximal number of steps, in blocks.
const BLOCKS: usize = 128;
const BLOCK: usize = 32;

fn counted_while<S: Tree>(condition: impl Fn(&S) -> Array, body: impl Fn(&S) -> S, init: S) -> S {
    let limit = (BLOCKS * BLOCK) as i32;
    let goes_on = |(state, steps): &(S, Array)| condition(state) & steps.less(limit);
    lax::while_loop(goes_on, |(state, steps): &(S, Array)| (body(state), steps + 1), (init, Array::scalar(0))).0
}

/// A loop for reverse mode, which needs a bound on the number of steps, so all of them are staged. A block that is not
/// needed is skipped. For a block that is needed, the backward pass keeps only the state before it.
fn blocked_while<S: Tree + Clone>(
    condition: impl Fn(&S) -> Array + Send + Sync,
    body: impl Fn(&S) -> S + Send + Sync,
    init: S,
) -> S {
    let step = |state: &S, (): &()| {
        let goes_on = condition(state);
        (body(state).zip(state, |new, old| np::where_(&goes_on, new, old)), ())
    };
    let block = checkpoint(|state: &S| lax::Scan::new().length(BLOCK).run(step, state.clone(), &()).0);
    let run = |state: &S, (): &()| (lax::cond(condition(state), || block(state), || state.clone()), ());
    lax::Scan::new().length(BLOCKS).run(run, init, &()).0
}

/// The state of the descent.
#[derive(Clone, Tree)]
struct Place {
    x: Array,
    value: Array,
    gradient: Array,
    /// The step size, relative to the gradient.
    rate: Array,
    /// The number of successive downhill steps at this rate.
    streak: Array,
}

/// The descent ends when the gradient or the next step is no longer than this.
const TOLERANCE: f64 = 1e-5;
const FIRST_RATE: f64 = 1e-5;
/// After this many downhill steps the rate doubles. A step that would not go downhill is not made, and halves the rate.
const STREAK: i32 = 10;

/// Returns the point where `f` is least, by gradient descent from `start`. `value_and_grad` returns the value and
/// gradient of `f`. The result is NaN if the value there is NaN, or if the descent takes too many steps. `through` is
/// the mode in which derivatives are taken through the descent itself, if they are.
pub(crate) fn argmin(
    value_and_grad: impl Fn(&Array) -> (Array, Array) + Send + Sync,
    start: &Array,
    through: Mode,
) -> Array {
    let (value, gradient) = value_and_grad(start);
    let start = Place { x: start.clone(), value, gradient, rate: Array::scalar(FIRST_RATE), streak: Array::scalar(0) };
    let goes_on = |at: &Place| {
        let slope = at.gradient.powi(2).sum().sqrt();
        (slope * at.rate.minimum(1.0)).greater(TOLERANCE)
    };
    let step = |at: &Place| {
        let x = &at.x - &at.rate * &at.gradient;
        let (value, gradient) = value_and_grad(&x);
        let downhill = value.less(&at.value);
        let either = |yes: &Array, no: &Array| np::where_(&downhill, yes, no);
        let streak = either(&(&at.streak + 1), &np::zeros_like(&at.streak));
        let doubles = streak.equal(STREAK);
        Place {
            x: either(&x, &at.x),
            value: either(&value, &at.value),
            gradient: either(&gradient, &at.gradient),
            rate: &at.rate * np::where_(&doubles, 2.0, either(&1.0.into(), &0.5.into())),
            streak: np::where_(&doubles, 0, streak),
        }
    };
    let end = through.while_loop(goes_on, step, start);
    np::where_(np::isnan(&end.value) | goes_on(&end), f64::NAN, end.x)
}
