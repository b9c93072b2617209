//! `particle`: where to place a charge so that another one, falling past it, hits the origin.

use cotangent::{Tree, prelude::*};
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
    let best =
        move |w: &Array| argmin(|w| outer.value_and_grad(|w: &Array| miss(w, outer, inner), w), w, Mode::Forward);
    Ok(Task::new(best, (Array::scalar(w),)))
}

/// A moving particle in the plane.
#[derive(Clone, Tree)]
struct Particle {
    place: Array,
    speed: Array,
}

/// The time step.
const STEP: f64 = 0.1;

impl Particle {
    fn moved(&self, time: impl cotangent::ArrayLike) -> Array {
        &self.place + time.to_array() * &self.speed
    }

    /// Whether it will be above the axis after another step.
    fn stays_above(&self) -> Array {
        self.moved(STEP).at(1).get().greater(0.0)
    }

    /// A step of Euler's method; `mode` is how the force is derived from the potential.
    fn step(&self, w: &Array, mode: Mode) -> Particle {
        let force = -mode.grad(|place: &Array| potential(place, w), &self.place);
        Particle { place: self.moved(STEP), speed: &self.speed + STEP * force }
    }
}

/// The potential of two charges, one of which `w` moves.
fn potential(place: &Array, w: &Array) -> Array {
    let distance = |x: Array, y: Array| (x.powi(2) + y.powi(2)).sqrt();
    let (x, y) = (place.at(0).get() - 10.0, place.at(1).get());
    1.0 / distance(x.clone(), &y - 10.0 + w) + 1.0 / distance(x, y)
}

/// Returns the squared distance from the origin at which the particle crosses the axis, or NaN if it takes too long.
fn miss(w: &Array, outer: Mode, inner: Mode) -> Array {
    let start = Particle { place: Array::from([0.0, 8.0]), speed: Array::from([0.75, 0.0]) };
    let last = outer.while_loop(Particle::stays_above, |at| at.step(w, inner), start);
    let rest = -last.place.at(1).get() / last.speed.at(1).get();
    let crossing = last.moved(rest).at(0).get();
    np::where_(last.stays_above(), f64::NAN, crossing.powi(2))
}
