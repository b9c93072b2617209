//! Schedules that decay, cycles, and joined schedules.

use std::f64::consts::PI;

use crate::array::Array;
use crate::error::{Error, raise};
use crate::numpy::where_;

use super::number::Number;
use super::schedule::{Schedule, constant_schedule, float, linear_schedule, sorted};

/// The options of an [`exponential_decay`], for [`exponential_decay_with`].
///
/// ```
/// use cotangent::optim::{self, ExponentialDecay};
/// let stairs = ExponentialDecay { staircase: true, ..ExponentialDecay::default() };
/// assert_eq!(optim::exponential_decay_with(1.0, 10, 0.5, &stairs).at(19).item::<f32>(), 0.5);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExponentialDecay {
    /// The number of steps before the decay begins.
    pub transition_begin: usize,
    /// Whether the value changes only after each `transition_steps` steps.
    pub staircase: bool,
    /// A bound: the least value if the rate is below 1, the greatest otherwise.
    pub end_value: Option<Number>,
}

/// `init_value`·`decay_rate`^(t/`transition_steps`).
///
/// Without transition steps or with a rate of 0, the value stays `init_value`.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::exponential_decay(1.0, 10, 0.5).at(20).item::<f32>(), 0.25);
/// ```
pub fn exponential_decay(init_value: impl Into<Number>, transition_steps: usize, decay_rate: f64) -> Schedule {
    exponential_decay_with(init_value, transition_steps, decay_rate, &ExponentialDecay::default())
}

/// [`exponential_decay()`] with options.
///
/// ```
/// use cotangent::optim::{self, ExponentialDecay};
/// let bounded = ExponentialDecay { end_value: Some(0.1.into()), ..ExponentialDecay::default() };
/// assert_eq!(optim::exponential_decay_with(1.0, 10, 0.5, &bounded).at(1000).item::<f32>(), 0.1);
/// ```
pub fn exponential_decay_with(
    init_value: impl Into<Number>,
    transition_steps: usize,
    decay_rate: f64,
    options: &ExponentialDecay,
) -> Schedule {
    let (init, options) = (init_value.into(), options.clone());
    if transition_steps == 0 || decay_rate == 0.0 {
        return constant_schedule(&init);
    }
    Schedule::new(move |step| {
        let passed = step - options.transition_begin;
        let mut power = float(&passed) / transition_steps;
        if options.staircase {
            power = power.floor();
        }
        let decayed = init.array() * Array::from(decay_rate).pow(power);
        let value = where_(passed.less_equal(0), init.array(), decayed);
        match &options.end_value {
            Some(end) if decay_rate < 1.0 => value.maximum(end.array()),
            Some(end) => value.minimum(end.array()),
            None => value,
        }
    })
}

/// Half a cosine, from `init_value` to 0 in `decay_steps` steps.
///
/// ```
/// use cotangent::optim;
/// assert!((optim::cosine_decay_schedule(1.0, 10).at(5).item::<f32>() - 0.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// If there are no steps.
#[track_caller]
pub fn cosine_decay_schedule(init_value: impl Into<Number>, decay_steps: usize) -> Schedule {
    cosine_decay_schedule_with(init_value, decay_steps, 0.0, 1.0)
}

/// [`cosine_decay_schedule()`] that ends at `alpha`·`init_value`, with the cosine raised to a power.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::cosine_decay_schedule_with(1.0, 10, 0.25, 1.0).at(10).item::<f32>(), 0.25);
/// ```
///
/// # Panics
/// If there are no steps.
#[track_caller]
pub fn cosine_decay_schedule_with(
    init_value: impl Into<Number>,
    decay_steps: usize,
    alpha: impl Into<Number>,
    exponent: f64,
) -> Schedule {
    let (init, alpha): (Number, Number) = (init_value.into(), alpha.into());
    if decay_steps == 0 {
        raise(Error::value("cosine_decay_schedule: there must be at least one step, got decay_steps = 0"));
    }
    Schedule::new(move |step| {
        let step = float(step).minimum(decay_steps as f64);
        let mut cosine = 0.5 * (1.0 + (PI * step / decay_steps).cos());
        if exponent != 1.0 {
            cosine = cosine.pow(exponent);
        }
        init.array() * (alpha.complement() * cosine + alpha.array())
    })
}

/// One schedule after another: `schedules[i + 1]` begins, at its step 0, after `boundaries[i]` steps.
///
/// ```
/// use cotangent::optim;
/// let warmup = optim::linear_schedule(0.0, 1.0, 10);
/// let schedule = optim::join_schedules([warmup, optim::exponential_decay(1.0, 5, 0.5)], [10]);
/// assert_eq!(schedule.at(5).item::<f32>(), 0.5);
/// assert_eq!(schedule.at(15).item::<f32>(), 0.5);
/// ```
///
/// # Panics
/// If there is not one boundary less than there are schedules.
#[track_caller]
pub fn join_schedules(
    schedules: impl IntoIterator<Item = Schedule>,
    boundaries: impl IntoIterator<Item = usize>,
) -> Schedule {
    let schedules: Vec<Schedule> = schedules.into_iter().collect();
    let boundaries: Vec<usize> = boundaries.into_iter().collect();
    if schedules.len() != boundaries.len() + 1 {
        let (parts, ends) = (schedules.len(), boundaries.len());
        raise(
            Error::value(format!("join_schedules: {parts} schedules need {} boundaries, got {ends}", parts.max(1) - 1))
                .help("a boundary is the step at which the next schedule begins"),
        );
    }
    Schedule::new(move |step| {
        let mut value = schedules[0].at(step);
        for (boundary, schedule) in boundaries.iter().zip(&schedules[1..]) {
            value = where_(step.less(*boundary), value, schedule.at(step - *boundary));
        }
        value
    })
}

/// A line from `init_value` to `peak_value` in `warmup_steps` steps, then half a cosine down to `end_value`, at step
/// `decay_steps`.
///
/// ```
/// use cotangent::optim;
/// let schedule = optim::warmup_cosine_decay_schedule(0.0, 1.0, 10, 110, 0.1);
/// assert_eq!(schedule.at(5).item::<f32>(), 0.5);
/// assert_eq!(schedule.at(110).item::<f32>(), 0.1);
/// ```
///
/// # Panics
/// If the decay ends before the warmup does.
#[track_caller]
pub fn warmup_cosine_decay_schedule(
    init_value: f64,
    peak_value: f64,
    warmup_steps: usize,
    decay_steps: usize,
    end_value: f64,
) -> Schedule {
    warmup_cosine_decay_schedule_with(init_value, peak_value, warmup_steps, decay_steps, end_value, 1.0)
}

/// [`warmup_cosine_decay_schedule()`] with the cosine raised to a power.
///
/// ```
/// use cotangent::optim;
/// let schedule = optim::warmup_cosine_decay_schedule_with(0.0, 1.0, 10, 110, 0.0, 2.0);
/// assert!((schedule.at(60).item::<f32>() - 0.25).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the decay ends before the warmup does.
#[track_caller]
pub fn warmup_cosine_decay_schedule_with(
    init_value: f64,
    peak_value: f64,
    warmup_steps: usize,
    decay_steps: usize,
    end_value: f64,
    exponent: f64,
) -> Schedule {
    if decay_steps <= warmup_steps {
        raise(
            Error::value(format!("the decay ends at step {decay_steps}, before the warmup, at step {warmup_steps}"))
                .help("`decay_steps` counts from step 0: it includes the steps of the warmup"),
        );
    }
    let alpha = if peak_value == 0.0 { 0.0 } else { end_value / peak_value };
    let decay = cosine_decay_schedule_with(peak_value, decay_steps - warmup_steps, alpha, exponent);
    join_schedules([linear_schedule(init_value, peak_value, warmup_steps), decay], [warmup_steps])
}

/// A line from `init_value` to `peak_value` in `warmup_steps` steps, then an exponential decay.
///
/// ```
/// use cotangent::optim::{self, ExponentialDecay};
/// let options = ExponentialDecay::default();
/// let schedule = optim::warmup_exponential_decay_schedule(0.0, 1.0, 10, 5, 0.5, &options);
/// assert_eq!(schedule.at(20).item::<f32>(), 0.25);
/// ```
pub fn warmup_exponential_decay_schedule(
    init_value: impl Into<Number>,
    peak_value: impl Into<Number>,
    warmup_steps: usize,
    transition_steps: usize,
    decay_rate: f64,
    options: &ExponentialDecay,
) -> Schedule {
    let peak = peak_value.into();
    let decay = exponential_decay_with(&peak, transition_steps, decay_rate, options);
    join_schedules([linear_schedule(init_value, &peak, warmup_steps), decay], [warmup_steps])
}

/// A cycle of [`sgdr_schedule`]: the arguments of [`warmup_cosine_decay_schedule`].
///
/// ```
/// use cotangent::optim::SgdrCycle;
/// let cycle = SgdrCycle { peak_value: 0.1, decay_steps: 100, ..SgdrCycle::default() };
/// assert_eq!(cycle.end_value, 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the names are those of the arguments")]
pub struct SgdrCycle {
    pub init_value: f64,
    pub peak_value: f64,
    pub warmup_steps: usize,
    pub decay_steps: usize,
    pub end_value: f64,
}

/// Cycles of warmup and cosine decay, one after another ([SGDR](https://arxiv.org/abs/1608.03983)).
///
/// ```
/// use cotangent::optim::{self, SgdrCycle};
/// let cycle = SgdrCycle { peak_value: 1.0, warmup_steps: 10, decay_steps: 100, ..SgdrCycle::default() };
/// let schedule = optim::sgdr_schedule([cycle, SgdrCycle { peak_value: 0.5, ..cycle }]);
/// assert_eq!(schedule.at(110).item::<f32>(), 0.5);
/// ```
///
/// # Panics
/// If there is no cycle, or the decay of one ends before its warmup does.
#[track_caller]
pub fn sgdr_schedule(cycles: impl IntoIterator<Item = SgdrCycle>) -> Schedule {
    let cycles: Vec<SgdrCycle> = cycles.into_iter().collect();
    let ends = cycles.iter().scan(0, |end, cycle| {
        *end += cycle.decay_steps;
        Some(*end)
    });
    let ends: Vec<usize> = ends.take(cycles.len().saturating_sub(1)).collect();
    let schedules: Vec<Schedule> = cycles
        .iter()
        .map(|c| warmup_cosine_decay_schedule(c.init_value, c.peak_value, c.warmup_steps, c.decay_steps, c.end_value))
        .collect();
    join_schedules(schedules, ends)
}

/// How [`piecewise_interpolate_schedule`] gets from one value to the next.
///
/// ```
/// use cotangent::optim::{self, Interpolation};
/// let schedule = optim::piecewise_interpolate_schedule(Interpolation::Cosine, 1.0, [(10, 0.0)]);
/// assert!((schedule.at(5).item::<f32>() - 0.5).abs() < 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// In a line.
    Linear,
    /// In half a cosine.
    Cosine,
}

/// From `init_value` through the values that result from multiplying it by each scale in turn, each at its step.
///
/// ```
/// use cotangent::optim::{self, Interpolation};
/// let schedule = optim::piecewise_interpolate_schedule(Interpolation::Linear, 1.0, [(10, 3.0), (20, 0.0)]);
/// assert_eq!(schedule.at(5).item::<f32>(), 2.0);
/// assert_eq!(schedule.at(15).item::<f32>(), 1.5);
/// ```
///
/// # Panics
/// If a scale is negative.
#[track_caller]
pub fn piecewise_interpolate_schedule(
    interpolation: Interpolation,
    init_value: impl Into<Number>,
    boundaries_and_scales: impl IntoIterator<Item = (usize, f64)>,
) -> Schedule {
    let (init, pieces) = (init_value.into(), sorted("piecewise_interpolate_schedule", boundaries_and_scales));
    Schedule::new(move |step| {
        let (mut from, mut start) = (0, init.array());
        let mut value = start.clone();
        for &(to, scale) in &pieces {
            let end = &start * scale;
            let part = float(&(step - from)) / (to - from).max(1);
            let between = match interpolation {
                Interpolation::Linear => (&end - &start) * part + &start,
                Interpolation::Cosine => &end + (&start - &end) / 2.0 * ((PI * part).cos() + 1.0),
            };
            value = where_(step.less(from), value, where_(step.less(to), between, &end));
            (from, start) = (to, end);
        }
        value
    })
}

/// A cycle of two lines and a final descent: up to `peak_value` in 30 % of the steps, down until 85 %, and to a
/// ten-thousandth at the end ([one cycle](https://arxiv.org/abs/1708.07120)).
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::linear_onecycle_schedule(100, 1.0).at(30).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If there are no steps.
#[track_caller]
pub fn linear_onecycle_schedule(transition_steps: usize, peak_value: f64) -> Schedule {
    linear_onecycle_schedule_with(transition_steps, peak_value, 0.3, 0.85, 25.0, 1e4)
}

/// [`linear_onecycle_schedule()`] with the parts of the steps at which it reaches the peak and leaves the initial
/// value again, and the divisors of the peak that are the initial value and of that the final one.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::linear_onecycle_schedule_with(100, 1.0, 0.5, 0.9, 10.0, 10.0).at(50).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If there are no steps.
#[track_caller]
pub fn linear_onecycle_schedule_with(
    transition_steps: usize,
    peak_value: f64,
    pct_start: f64,
    pct_final: f64,
    div_factor: f64,
    final_div_factor: f64,
) -> Schedule {
    let pieces = [
        (steps("linear_onecycle_schedule", transition_steps, pct_start), div_factor),
        (steps("linear_onecycle_schedule", transition_steps, pct_final), 1.0 / div_factor),
        (transition_steps, 1.0 / final_div_factor),
    ];
    piecewise_interpolate_schedule(Interpolation::Linear, peak_value / div_factor, pieces)
}

/// Half a cosine up to `peak_value` in 30 % of the steps, and another down.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::cosine_onecycle_schedule(100, 1.0).at(30).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If there are no steps.
#[track_caller]
pub fn cosine_onecycle_schedule(transition_steps: usize, peak_value: f64) -> Schedule {
    cosine_onecycle_schedule_with(transition_steps, peak_value, 0.3, 25.0, 1e4)
}

/// [`cosine_onecycle_schedule()`] with the part of the steps at which it reaches the peak, and the divisors of the
/// peak that are the initial value and of that the final one.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::cosine_onecycle_schedule_with(100, 1.0, 0.5, 10.0, 10.0).at(50).item::<f32>(), 1.0);
/// ```
///
/// # Panics
/// If there are no steps.
#[track_caller]
pub fn cosine_onecycle_schedule_with(
    transition_steps: usize,
    peak_value: f64,
    pct_start: f64,
    div_factor: f64,
    final_div_factor: f64,
) -> Schedule {
    let pieces = [
        (steps("cosine_onecycle_schedule", transition_steps, pct_start), div_factor),
        (transition_steps, 1.0 / (div_factor * final_div_factor)),
    ];
    piecewise_interpolate_schedule(Interpolation::Cosine, peak_value / div_factor, pieces)
}

#[track_caller]
fn steps(who: &str, all: usize, part: f64) -> usize {
    if all == 0 {
        raise(Error::value(format!("{who}: there must be at least one step, got transition_steps = 0")));
    }
    (part * all as f64) as usize
}
