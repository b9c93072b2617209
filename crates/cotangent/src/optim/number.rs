//! Hyperparameters: numbers, arrays, and schedules.

use std::fmt;

use crate::array::Array;
use crate::array::dtype::DType;

use super::schedule::Schedule;

/// A number that configures an optimizer, such as a decay rate: a Rust number, or a scalar array.
///
/// An array may be traced, so a hyperparameter can be an argument of a jitted function, and can be differentiated.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let decay: Array = np::array(0.9);
/// let by_number = optim::trace(0.9);
/// let by_array = optim::trace(&decay);
/// # let params = np::ones(2);
/// # assert_eq!(by_number.init(&params).trace.values().len(), by_array.init(&params).trace.values().len());
/// ```
#[derive(Clone)]
pub enum Number {
    /// A Rust number. It takes the dtype of the arrays that it meets.
    Known(f64),
    /// A scalar array.
    Array(Array),
}

impl Number {
    /// The number as an array, weakly typed if it is a Rust number.
    pub(super) fn array(&self) -> Array {
        match self {
            Number::Known(x) => Array::from(*x),
            Number::Array(x) => x.clone(),
        }
    }

    /// The number in a floating-point dtype.
    pub(super) fn in_dtype(&self, dtype: DType) -> Array {
        self.array().astype(dtype)
    }

    /// A function of the number. Of a Rust number, it is computed in double precision.
    pub(super) fn then(&self, known: impl Fn(f64) -> f64, array: impl Fn(&Array) -> Array) -> Number {
        match self {
            Number::Known(x) => Number::Known(known(*x)),
            Number::Array(x) => Number::Array(array(x)),
        }
    }

    /// 1 − x.
    pub(super) fn complement(&self) -> Array {
        self.then(|x| 1.0 - x, |x| 1.0 - x).array()
    }

    /// −x.
    pub(super) fn negative(&self) -> Number {
        self.then(|x| -x, |x| -x)
    }

    /// Whether it is this Rust number.
    pub(super) fn is(&self, value: f64) -> bool {
        matches!(self, Number::Known(x) if *x == value)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Known(x) => x.fmt(f),
            Number::Array(x) => x.fmt(f),
        }
    }
}

/// A hyperparameter that may change from step to step: a Rust number, a scalar array, a [`Schedule`], or a function of
/// the number of steps.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let constant = optim::sgd(0.1);
/// let decaying = optim::sgd(optim::exponential_decay(0.1, 1000, 0.9));
/// let own = optim::sgd(|step: &Array| 0.1 / (1.0 + step).sqrt());
/// # let params = np::ones(2);
/// # for (_, state) in [own.init(&params), decaying.init(&params)] { assert!(state.count.is_some()); }
/// # assert!(constant.init(&params).1.count.is_none());
/// ```
#[derive(Clone, Debug)]
pub enum Hyper {
    /// A number that stays the same.
    Constant(Number),
    /// A function of the number of steps.
    Schedule(Schedule),
}

impl Hyper {
    /// The value after `count` steps.
    pub(super) fn at(&self, count: &Array) -> Number {
        match self {
            Hyper::Constant(x) => x.clone(),
            Hyper::Schedule(schedule) => Number::Array(schedule.at(count)),
        }
    }

    pub(super) fn then(
        &self,
        known: impl Fn(f64) -> f64,
        array: impl Fn(&Array) -> Array + Send + Sync + 'static,
    ) -> Hyper {
        match self {
            Hyper::Constant(x) => Hyper::Constant(x.then(known, array)),
            Hyper::Schedule(schedule) => {
                let schedule = schedule.clone();
                Hyper::Schedule(Schedule::new(move |count: &Array| array(&schedule.at(count))))
            }
        }
    }
}

macro_rules! numbers {
    ($($t:ty: |$x:ident| $number:expr;)*) => { $(
        impl From<$t> for Number {
            fn from($x: $t) -> Number {
                $number
            }
        }

        impl From<$t> for Hyper {
            fn from(x: $t) -> Hyper {
                Hyper::Constant(x.into())
            }
        }
    )* };
}

numbers! {
    f64: |x| Number::Known(x);
    f32: |x| Number::Known(x.into());
    i32: |x| Number::Known(x.into());
    Array: |x| Number::Array(x);
    &Array: |x| Number::Array(x.clone());
    &Number: |x| x.clone();
}

impl From<Number> for Hyper {
    fn from(x: Number) -> Hyper {
        Hyper::Constant(x)
    }
}

impl From<Schedule> for Hyper {
    fn from(schedule: Schedule) -> Hyper {
        Hyper::Schedule(schedule)
    }
}

impl From<&Schedule> for Hyper {
    fn from(schedule: &Schedule) -> Hyper {
        Hyper::Schedule(schedule.clone())
    }
}

impl From<&Hyper> for Hyper {
    fn from(x: &Hyper) -> Hyper {
        x.clone()
    }
}

impl<F: Fn(&Array) -> Array + Send + Sync + 'static> From<F> for Hyper {
    fn from(f: F) -> Hyper {
        Hyper::Schedule(Schedule::new(f))
    }
}
