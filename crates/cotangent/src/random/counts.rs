//! Numbers of events: the Poisson, binomial and multinomial distributions.

use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax;
use crate::numpy::{self as np, isnan, where_};
use crate::ops::in_one_inexact_dtype;
use crate::ops::reduce::CumSum;
use crate::trace::frames::bind1;

use super::discrete::integer;
use super::key::Key;
use super::samplers::{check_parameter, draw, parameter, unit};
use super::uniform::Format;

/// Samples of the Poisson distribution with mean `lam`, in `i32`. A negative or NaN mean results in −1.
///
/// Up to a mean of 10, the algorithm is Knuth's: arrivals are counted. From there on, it is the transformed rejection of
/// Hörmann (1993), which takes the same time for every mean. Means are rounded to `f32`.
///
/// # Panics
/// If the key is an array of keys, or `lam` does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::poisson(random::key(0), 20.0, 1000);
/// assert!((x.mean().item::<f32>() - 20.0).abs() < 0.5);
/// ```
#[track_caller]
pub fn poisson(key: Key, lam: impl ArrayLike, shape: impl IntoShape) -> Array {
    poisson_as(key, lam, shape, DType::I32)
}

/// [`poisson`] in an integer dtype.
///
/// # Panics
/// If the dtype is not an integer, the key is an array of keys, or `lam` does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::poisson_as(random::key(0), 3.0, 5, DType::I64).dtype(), DType::I64);
/// ```
#[track_caller]
pub fn poisson_as(key: Key, lam: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let lam = parameter("poisson", lam, &shape).astype(DType::F32);
    integer("poisson", dtype);
    draw((shape, dtype), key.one("poisson"), [lam], |&(ref shape, dtype), key, [lam]| {
        let lam = lam.broadcast_to(shape);
        let few = isnan(&lam).logical_or(lam.less(10.0));
        // Each algorithm runs for all elements; where it is not used, for a mean for which it ends at once.
        let counted = arrivals(key, &where_(&few, &lam, 0.0), shape, dtype);
        let rejected = poisson_rejection(key, &where_(&few, 1e5, &lam), shape).astype(dtype);
        where_(lam.equal(0.0), 0, where_(few, counted, rejected)).astype(dtype)
    })
}

/// The number of arrivals, one less than that of the uniform numbers whose product falls below exp(−λ).
fn arrivals(key: &Key, lam: &Array, shape: &Shape, dtype: DType) -> Array {
    let least = -lam;
    let start = (np::zeros_as(shape, dtype), key.clone(), np::zeros(shape));
    let (count, ..) = lax::while_loop(
        |(_, _, log): &(Array, Key, Array)| log.greater(&least).any(),
        |(count, key, log): &(Array, Key, Array)| {
            let [key, own] = key.clone().split();
            let count = where_(log.greater(&least), count + 1, count);
            (count, key, log + unit(&own, shape, DType::F32, 0.0, 1.0).log())
        },
        start,
    );
    count - 1
}

/// Hörmann's method PTRS.
fn poisson_rejection(key: &Key, lam: &Array, shape: &Shape) -> Array {
    let log_lam = lam.log();
    let b = 0.931 + 2.53 * lam.sqrt();
    let a = -0.059 + 0.02483 * &b;
    let inverse_alpha = 1.1239 + 1.1328 / (&b - 3.4);
    let v_r = 0.9277 - 3.6224 / (&b - 2.0);
    until_accepted(key, shape, DType::F32, |u, v| {
        let u = u - 0.5;
        let left = 0.5 - u.abs();
        let k = ((2.0 * &a / &left + &b) * &u + lam + 0.43).floor();
        let s = (v * &inverse_alpha / (&a / (&left * &left) + &b)).log();
        let t = -lam + &k * &log_lam - (&k + 1.0).lgamma();
        let at_once = left.greater_equal(0.07).logical_and(v.less_equal(&v_r));
        let outside = k.less(0.0).logical_or(left.less(0.013).logical_and(v.greater(&left)));
        let accepted = at_once.logical_or((!outside).logical_and(s.less_equal(t)));
        (k, accepted)
    })
}

/// Draws proposals until one is accepted for each element. A proposal is computed from two uniform numbers, and returned
/// with whether it is accepted; the last one that is counts.
fn until_accepted(key: &Key, shape: &Shape, dtype: DType, propose: impl Fn(&Array, &Array) -> (Array, Array)) -> Array {
    let start = (np::full_as(shape, -1.0, dtype), np::zeros_as(shape, DType::Bool), key.clone());
    let (k, ..) = lax::while_loop(
        |(_, accepted, _): &(Array, Array, Key)| !accepted.all(),
        |(k, accepted, key): &(Array, Array, Key)| {
            let [key, first, second] = key.clone().split();
            let (u, v) = (unit(&first, shape, dtype, 0.0, 1.0), unit(&second, shape, dtype, 0.0, 1.0));
            let (proposal, accept) = propose(&u, &v);
            (where_(&accept, proposal, k), accepted.logical_or(accept), key)
        },
        start,
    );
    k
}

/// Numbers of successes in `n` trials of probability `p`, in `f32`. They are computed in the dtype of `p`. A fraction of
/// a trial is dropped. For infinitely many trials, the number is infinite, and it is NaN for a negative or NaN number of
/// trials and for a probability outside of [0, 1].
///
/// Up to an expected 10 successes (or failures, if they are rarer), waiting times are added up. Otherwise, the algorithm
/// is the transformed rejection of Hörmann (1993), BTRS.
///
/// # Panics
/// If the key is an array of keys, or a parameter does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::binomial(random::key(0), 100.0, 0.3, 1000);
/// assert!((x.mean().item::<f32>() - 30.0).abs() < 0.5);
/// ```
#[track_caller]
pub fn binomial(key: Key, n: impl ArrayLike, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    binomial_as(key, n, p, shape, DType::F32)
}

/// [`binomial`] in a float dtype.
///
/// # Panics
/// If the dtype is not a real floating-point one, the key is an array of keys, or a parameter does not broadcast to the
/// shape.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::binomial_as(random::key(0), 10, 0.5, 3, DType::F64).dtype(), DType::F64);
/// ```
#[track_caller]
pub fn binomial_as(key: Key, n: impl ArrayLike, p: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let (n, p) = (parameter("binomial", n, &shape), parameter("binomial", p, &shape).to_inexact());
    for dtype in [dtype, p.dtype()] {
        Format::of(dtype, "binomial");
    }
    draw((shape, dtype), key.one("binomial"), [n, p], |&(ref shape, dtype), key, [n, p]| {
        binomials(key, n, p, shape).astype(dtype)
    })
}

fn binomials(key: &Key, n: &Array, p: &Array, shape: &Shape) -> Array {
    let (n, p) = (n.astype(p.dtype()).broadcast_to(shape), p.broadcast_to(shape));
    // The rarer outcome is counted.
    let rare = p.less(0.5);
    let q = where_(&rare, &p, 1.0 - &p);
    let (no_number, no_probability) = (isnan(&n).logical_or(n.less(0.0)), isnan(&q).logical_or(q.less(0.0)));
    let infinite = n.equal(f64::INFINITY);
    let q = where_(&no_probability, 0.01, q);
    let few = no_number.logical_or((&n * &q).less_equal(10.0));
    let n = n.floor();
    // Each algorithm runs for all elements; where it is not used, for numbers for which it ends soon.
    let waited = waits(key, &where_(&few, &n, 0.0), &q, shape);
    let other = few.logical_or(&infinite);
    let rejected = btrs(key, &where_(&other, 1e4, &n), &where_(other, 0.5, q), shape);
    let k = where_(few, waited, rejected);
    let invalid = no_number.logical_or(no_probability);
    let k = where_(&invalid, f64::NAN, where_(&infinite, f64::INFINITY, k));
    where_(rare.logical_or(invalid).logical_or(infinite), &k, n - &k)
}

/// The number of successes, by adding up waiting times until they exceed the number of trials.
fn waits(key: &Key, n: &Array, q: &Array, shape: &Shape) -> Array {
    let dtype = q.dtype();
    let log_failure = (-q).log1p();
    let start = (np::zeros_as(shape, dtype), np::zeros_as(shape, dtype), key.clone());
    let (count, ..) = lax::while_loop(
        |(_, time, _): &(Array, Array, Key)| time.less_equal(n).any(),
        |(count, time, key): &(Array, Array, Key)| {
            let [own, key] = key.clone().split();
            let count = where_(time.less_equal(n), count + 1.0, count);
            let wait = (unit(&own, shape, dtype, 0.0, 1.0).log() / &log_failure).ceil();
            (count, time + wait, key)
        },
        start,
    );
    count - 1.0
}

/// Hörmann's method BTRS.
fn btrs(key: &Key, n: &Array, p: &Array, shape: &Shape) -> Array {
    let deviation = (n * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * &deviation;
    let a = -0.0873 + 0.0248 * &b + 0.01 * p;
    let c = n * p + 0.5;
    let v_r = 0.92 - 4.2 / &b;
    let r = p / (1.0 - p);
    let alpha = (2.83 + 5.1 / &b) * deviation;
    let m = ((n + 1.0) * p).floor();
    until_accepted(key, shape, p.dtype(), |u, v| {
        let u = u - 0.5;
        let left = 0.5 - u.abs();
        let k = ((2.0 * &a / &left + &b) * u + &c).floor();
        let at_once = left.greater_equal(0.07).logical_and(v.less_equal(&v_r));
        let outside = k.less(0.0).logical_or(k.greater(n));
        let v = (v * &alpha / (&a / (&left * &left) + &b)).log();
        let bound = (&m + 0.5) * ((&m + 1.0) / (&r * (n - &m + 1.0))).log()
            + (n + 1.0) * ((n - &m + 1.0) / (n - &k + 1.0)).log()
            + (&k + 0.5) * (&r * (n - &k + 1.0) / (&k + 1.0)).log()
            + stirling_tail(&m)
            + stirling_tail(&(n - &m))
            - stirling_tail(&k)
            - stirling_tail(&(n - &k));
        let accepted = at_once.logical_or((!outside).logical_and(v.less_equal(bound)));
        (k, accepted)
    })
}

/// log k! minus Stirling's approximation of it.
fn stirling_tail(k: &Array) -> Array {
    const SMALL: [f64; 10] = [
        0.0810614667953272,
        0.0413406959554092,
        0.0276779256849983,
        0.02079067210376509,
        0.0166446911898211,
        0.0138761288230707,
        0.0118967099458917,
        0.0104112652619720,
        0.00925546218271273,
        0.00833056343336287,
    ];
    let small = k.less_equal(9.0);
    let k = np::clip(k, 0.0, 9.0);
    let square = (&k + 1.0) * (&k + 1.0);
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / &square) / &square) / (&k + 1.0);
    let table = Array::from(SMALL).astype(k.dtype());
    where_(small, np::take_mode(table, k.floor().astype(DType::I32), 0, np::Mode::Clip), series)
}

/// Numbers of outcomes of each kind in `n` trials, in `f32`. The last axis of `p` lists the probabilities of the
/// outcomes. The result has the given shape, followed by that axis; `n` and the other axes of `p` broadcast to the shape.
///
/// The number of each outcome is binomial, given those before it.
///
/// # Panics
/// If the key is an array of keys, `p` is a scalar, or a parameter does not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::multinomial(random::key(0), 10, Array::from([0.2f32, 0.3, 0.5]), 4);
/// assert_eq!(x.shape(), [4, 3]);
/// assert_eq!(x.sum_axis(-1).to_vec::<f32>(), [10.0; 4]);
/// ```
#[track_caller]
pub fn multinomial(key: Key, n: impl ArrayLike, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    multinomial_as(key, n, p, shape, DType::F32)
}

/// [`multinomial`] in another dtype of numbers.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::multinomial_as(random::key(0), 10, Array::from([0.5f32, 0.5]), (), DType::I32);
/// assert_eq!(x.sum().item::<i32>(), 10);
/// ```
#[track_caller]
pub fn multinomial_as(key: Key, n: impl ArrayLike, p: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let n = parameter("multinomial", n, &shape);
    let [n, p] = in_one_inexact_dtype([n, p.to_array()]);
    Format::of(p.dtype(), "multinomial");
    let Some((k, batch)) = p.shape().split_last() else {
        raise(
            Error::shape("multinomial: the probabilities need an axis, got a scalar")
                .help("the last axis lists the probabilities of the outcomes"),
        )
    };
    check_parameter("multinomial", batch, &shape);
    let k = *k;
    draw((shape, k, dtype), key.one("multinomial"), [n, p], |&(ref shape, k, dtype), key, [n, p]| {
        let p = p.broadcast_to(shape.insert(shape.rank(), k)).moveaxis(-1, 0);
        let left = bind1(CumSum { axis: 0, reverse: true }, &[&p]);
        let ratios = p / where_(left.equal(0.0), 1.0, &left);
        let step = |left: Array, (ratio, key): (Array, Key)| {
            let count = binomials(&key, &left, &np::clip(ratio, 0.0, 1.0), shape);
            (left - &count, count)
        };
        let (_, counts) = lax::scan(step, n.broadcast_to(shape), &(ratios, super::key::split(key.clone(), k)));
        counts.moveaxis(0, -1).astype(dtype)
    })
}
