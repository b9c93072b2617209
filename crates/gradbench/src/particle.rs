//! `particle`: how to place a charge so that another one, falling past it, hits the origin.

use cotangent::{Tree, lax, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::descent::{Mode, argmin};
use crate::json::parse;
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "particle",
    functions: &[
        ("ff", |input| task(input, Mode::Forward, Mode::Forward)),
        ("fr", |input| task(input, Mode::Forward, Mode::Reverse)),
        ("rf", |input| task(input, Mode::Reverse, Mode::Forward)),
        ("rr", |input| task(input, Mode::Reverse, Mode::Reverse)),
    ],
};

#[derive(Deserialize)]
struct Input {
    w: f64,
}

fn task(input: &RawValue, outer: Mode, inner: Mode) -> Result<Task> {
    let Input { w } = parse(input)?;
    let best = move |w: &Array| argmin(|w| outer.value_and_grad(|w: &Array| miss(w, outer, inner), w), w);
    Ok(Task::new(best, (Array::scalar(w),)))
}

/// A particle on its way, in the plane.
#[derive(Clone, Tree)]
struct Particle {
    place: Array,
    speed: Array,
}

/// Of time.
const STEP: f64 = 0.1;

impl Particle {
    fn moved(&self, time: impl cotangent::ArrayLike) -> Array {
        &self.place + time.to_array() * &self.speed
    }

    /// Whether it will be above the axis after another step.
    fn stays_above(&self) -> Array {
        self.moved(STEP).at(1).get().greater(0.0)
    }

    /// A step by Euler's method; `mode` is how the force is taken from the potential.
    fn step(&self, w: &Array, mode: Mode) -> Particle {
        let force = -mode.grad(|place: &Array| potential(place, w), &self.place);
        Particle { place: self.moved(STEP), speed: &self.speed + STEP * force }
    }
}

/// That of two charges, one of which `w` moves.
fn potential(place: &Array, w: &Array) -> Array {
    let distance = |x: Array, y: Array| (x.powi(2) + y.powi(2)).sqrt();
    let (x, y) = (place.at(0).get() - 10.0, place.at(1).get());
    1.0 / distance(x.clone(), &y - 10.0 + w) + 1.0 / distance(x, y)
}

/// The square of the distance from the origin at which the particle crosses the axis: NaN if it takes too long.
fn miss(w: &Array, outer: Mode, inner: Mode) -> Array {
    let start = Particle { place: Array::from([0.0, 8.0]), speed: Array::from([0.75, 0.0]) };
    let step = |at: &Particle| at.step(w, inner);
    let last = match outer {
        Mode::Forward => counted_while(Particle::stays_above, step, start),
        Mode::Reverse => blocked_while(Particle::stays_above, step, start),
    };
    let rest = -last.place.at(1).get() / last.speed.at(1).get();
    let crossing = last.moved(rest).at(0).get();
    np::where_(last.stays_above(), f64::NAN, crossing.powi(2))
}

/// The most steps, in blocks.
const BLOCKS: usize = 128;
const BLOCK: usize = 32;

/// A loop that ends after [`BLOCKS`] of [`BLOCK`] steps at the latest.
fn counted_while<S: Tree>(condition: impl Fn(&S) -> Array, body: impl Fn(&S) -> S, init: S) -> S {
    let limit = (BLOCKS * BLOCK) as i32;
    let goes_on = |(state, steps): &(S, Array)| condition(state) & steps.less(limit);
    lax::while_loop(goes_on, |(state, steps)| (body(state), steps + 1), (init, Array::scalar(0))).0
}

/// The same loop, to be differentiated in reverse mode, which must know beforehand how many steps there are: so all of
/// them are staged. A block that is not needed is passed over, and of one that is the backward pass keeps no more than
/// the state before it.
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
