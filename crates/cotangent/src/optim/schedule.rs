//! Schedules: functions from the number of steps to a hyperparameter.

use std::fmt;
use std::sync::Arc;

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::numpy::{self as np, where_};

use super::number::Number;

/// A function from the number of steps made so far to the value of a hyperparameter.
///
/// The functions of this module that end in `_schedule`, and some others, return one. [`Schedule::new`] makes one of a
/// function, and a function can also be passed in place of a schedule.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let schedule = optim::cosine_decay_schedule(1.0, 100);
/// assert_eq!(schedule.at(0).item::<f32>(), 1.0);
/// assert!((schedule.at(50).item::<f32>() - 0.5).abs() < 1e-6);
/// let rates = vmap(move |step: &Array| schedule.at(step))(&np::arange(100));
/// assert_eq!(rates.shape(), [100]);
/// ```
#[derive(Clone)]
pub struct Schedule(Arc<dyn Fn(&Array) -> Array + Send + Sync>);

impl Schedule {
    /// The schedule that a function computes.
    ///
    /// ```
    /// use cotangent::{optim::Schedule, prelude::*};
    /// let inverse = Schedule::new(|step: &Array| 1.0 / (1.0 + step));
    /// assert_eq!(inverse.at(3).item::<f32>(), 0.25);
    /// ```
    pub fn new(f: impl Fn(&Array) -> Array + Send + Sync + 'static) -> Schedule {
        Schedule(Arc::new(f))
    }

    /// Returns the value after `step` steps.
    ///
    /// ```
    /// use cotangent::optim;
    /// assert_eq!(optim::constant_schedule(0.5).at(7).item::<f32>(), 0.5);
    /// ```
    #[track_caller]
    pub fn at(&self, step: impl ArrayLike) -> Array {
        (self.0)(&step.to_array())
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedule")
    }
}

/// The step as a float of the precision that schedules compute in.
pub(super) fn float(step: &Array) -> Array {
    match step.dtype() {
        dtype if dtype.is_float() => step.clone(),
        DType::I64 | DType::U64 => step.astype(DType::F64),
        _ => step.astype(DType::F32),
    }
}

/// Always `value`.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::constant_schedule(0.5).at(100).item::<f32>(), 0.5);
/// ```
pub fn constant_schedule(value: impl Into<Number>) -> Schedule {
    let value = value.into();
    Schedule::new(move |_| value.array())
}

/// From `init_value` to `end_value` in `transition_steps` steps: (v₀ − v₁)·(1 − t/T)^`power` + v₁.
///
/// Without transition steps, the value stays `init_value`. [`polynomial_schedule_from`] begins later.
///
/// ```
/// use cotangent::optim;
/// let schedule = optim::polynomial_schedule(1.0, 0.0, 2.0, 10);
/// assert_eq!(schedule.at(5).item::<f32>(), 0.25);
/// assert_eq!(schedule.at(20).item::<f32>(), 0.0);
/// ```
pub fn polynomial_schedule(
    init_value: impl Into<Number>,
    end_value: impl Into<Number>,
    power: impl Into<Number>,
    transition_steps: usize,
) -> Schedule {
    polynomial_schedule_from(init_value, end_value, power, transition_steps, 0)
}

/// [`polynomial_schedule()`], begun after `transition_begin` steps.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::polynomial_schedule_from(1.0, 0.0, 2.0, 10, 100).at(105).item::<f32>(), 0.25);
/// ```
pub fn polynomial_schedule_from(
    init_value: impl Into<Number>,
    end_value: impl Into<Number>,
    power: impl Into<Number>,
    transition_steps: usize,
    transition_begin: usize,
) -> Schedule {
    let (init, end, power): (Number, Number, Number) = (init_value.into(), end_value.into(), power.into());
    if transition_steps == 0 {
        return constant_schedule(&init);
    }
    Schedule::new(move |step| {
        let passed = np::clip(step - transition_begin, 0, transition_steps);
        let left = 1.0 - float(&passed) / transition_steps;
        let change = match (&init, &end) {
            (Number::Known(a), Number::Known(b)) => Array::from(a - b),
            _ => init.array() - end.array(),
        };
        let left = match &power {
            Number::Known(p) if p.fract() == 0.0 && p.abs() < 100.0 => left.powi(*p as i32),
            power => left.pow(power.array()),
        };
        change * left + end.array()
    })
}

/// A line from `init_value` to `end_value` in `transition_steps` steps.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::linear_schedule(0.0, 1.0, 4).at(1).item::<f32>(), 0.25);
/// ```
pub fn linear_schedule(
    init_value: impl Into<Number>,
    end_value: impl Into<Number>,
    transition_steps: usize,
) -> Schedule {
    polynomial_schedule(init_value, end_value, 1.0, transition_steps)
}

/// A line from `init_value` to `peak_value` in `warmup_steps` steps, then `peak_value`.
///
/// ```
/// use cotangent::optim;
/// assert_eq!(optim::warmup_constant_schedule(0.0, 0.5, 10).at(99).item::<f32>(), 0.5);
/// ```
pub fn warmup_constant_schedule(
    init_value: impl Into<Number>,
    peak_value: impl Into<Number>,
    warmup_steps: usize,
) -> Schedule {
    linear_schedule(init_value, peak_value, warmup_steps)
}

/// `init_value`, multiplied by each scale once its step has been passed.
///
/// ```
/// use cotangent::optim;
/// let schedule = optim::piecewise_constant_schedule(1.0, [(100, 0.5), (200, 0.1)]);
/// assert_eq!(schedule.at(150).item::<f32>(), 0.5);
/// ```
///
/// # Panics
/// If a scale is negative.
#[track_caller]
pub fn piecewise_constant_schedule(
    init_value: impl Into<Number>,
    boundaries_and_scales: impl IntoIterator<Item = (usize, f64)>,
) -> Schedule {
    let (init, pieces) = (init_value.into(), sorted("piecewise_constant_schedule", boundaries_and_scales));
    Schedule::new(move |step| {
        let mut value = init.array();
        for (boundary, scale) in &pieces {
            value = where_(step.less(*boundary), &value, &value * *scale);
        }
        value
    })
}

#[track_caller]
pub(super) fn sorted(who: &str, pieces: impl IntoIterator<Item = (usize, f64)>) -> Vec<(usize, f64)> {
    let mut pieces: Vec<(usize, f64)> = pieces.into_iter().collect();
    pieces.sort_by_key(|(boundary, _)| *boundary);
    if let Some((boundary, scale)) = pieces.iter().find(|(_, scale)| scale.is_nan() || *scale < 0.0) {
        raise(Error::value(format!("{who}: the scale {scale} at step {boundary} is negative")));
    }
    pieces
}
