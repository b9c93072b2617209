//! Samples of the gamma distribution, and those computed from them.

use crate::api::custom::custom_jvp;
use crate::api::vmap::vmap;
use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax;
use crate::numpy::{self as np, where_};
use crate::ops::binary::RandomGammaGrad;
use crate::scipy::special;
use crate::trace::frames::bind1;

use super::bits::new_keys;
use super::discrete::signs;
use super::key::Key;
use super::normal::normals;
use super::samplers::{check_parameter, draw, exponentials, parameter, precise, reciprocal, samplers, unit};
use super::uniform::Format;

/// One sample, or its logarithm, by the rejection method of Marsaglia and Tsang (2000).
///
/// A sample of shape a < 1 is one of shape a + 1 times U^(1/a). In log space, that factor does not underflow.
fn one(key: &Key, a: &Array, log: bool) -> Array {
    let (dtype, scalar) = (a.dtype(), Shape::new(&[]));
    let constant = |x: f64| np::full_as((), x, dtype);
    let large = a.greater_equal(1.0);
    let d = where_(&large, a, a + 1.0) - 1.0 / 3.0;
    let c = (1.0 / 3.0) / d.sqrt();
    let [key, boost_key] = key.clone().split();
    let rejected = |(_, x, v, u): &(Key, Array, Array, Array)| {
        let squeezed = u.greater_equal(1.0 - 0.0331 * x.square());
        squeezed.logical_and(u.log().greater_equal(x * 0.5 + &d * ((1.0 - v) + v.log())))
    };
    let propose = |(key, ..): &(Key, Array, Array, Array)| {
        let [key, x_key, u_key] = key.clone().split();
        let positive = |(key, ..): &(Key, Array, Array)| {
            let [key, own] = key.clone().split();
            let x = normals(&own, &scalar, dtype);
            let v = 1.0 + &x * &c;
            (key, x, v)
        };
        let start = (x_key, constant(0.0), constant(-1.0));
        let (_, x, v) = lax::while_loop(|(_, _, v): &(Key, Array, Array)| v.less_equal(0.0), positive, start);
        let u = unit(&u_key, &scalar, dtype, 0.0, 1.0);
        (key, x.square(), v.square() * v, u)
    };
    // The first state is one that is rejected, unless a is negative or NaN.
    let start = (key, constant(0.0), constant(1.0), constant(2.0));
    let (_, _, v, _) = lax::while_loop(rejected, propose, start);
    if log {
        let log_u = -exponentials(&boost_key, &scalar, dtype);
        let boost = where_(large.logical_or(log_u.equal(0.0)), 0.0, &log_u * (1.0 / a));
        (d.log() + v.log()) + boost
    } else {
        let u = 1.0 - unit(&boost_key, &scalar, dtype, 0.0, 1.0);
        d * v * where_(large, 1.0, np::power(u, 1.0 / a))
    }
}

/// A sample, or its logarithm, for each key and each parameter in a list.
///
/// The derivative is that of the distribution function, implicitly: with P(x; a) constant, it is −(∂P/∂a)/(∂P/∂x).
#[track_caller]
fn each(keys: &Key, a: &Array, log: bool) -> Array {
    custom_jvp(move |keys: &Key, a: &Array| vmap(move |key: &Key, a: &Array| one(key, a, log))(keys, a)).defjvp(
        move |(keys, a), (_, t)| {
            let x = each(keys, a, log);
            let slope = if log { log_slope(a, &x) } else { where_(x.equal(0.0), 0.0, slope(a, &x)) };
            (x, t * slope)
        },
    )(keys, a)
}

fn slope(a: &Array, x: &Array) -> Array {
    bind1(RandomGammaGrad, &[a, x])
}

/// The derivative of the logarithm of a sample. Where the sample itself would underflow, P(x; a) is xᵃ/Γ(a + 1).
fn log_slope(a: &Array, log_x: &Array) -> Array {
    let tiny = log_x.less(Format::of(a.dtype(), "loggamma").tiny.ln());
    let x = where_(&tiny, 1.0, log_x.exp());
    where_(tiny, ((a + 1.0).digamma() - log_x) / a, slope(a, &x) / x)
}

/// Samples for several keys, each with its parameters, in one loop.
#[track_caller]
fn samples<const N: usize>(draws: [(&Key, &Array); N], shape: &Shape, log: bool) -> [Array; N] {
    let size = shape.size();
    let all = |parts: Vec<Array>| if N == 1 { parts[0].clone() } else { np::concatenate(&parts, 0) };
    let words = all(draws.iter().map(|(key, _)| new_keys(key, size)).collect());
    let a = all(draws.iter().map(|(_, a)| a.broadcast_to(shape).reshape([size])).collect());
    let x = each(&Key::new(words, draws[0].0.implementation()), &a, log);
    std::array::from_fn(|i| x.slice_axis(0, i * size, (i + 1) * size).reshape(shape))
}

#[track_caller]
fn gammas(key: &Key, a: &Array, shape: &Shape, log: bool) -> Array {
    let [x] = samples([(key, a)], shape, log);
    x
}

samplers! {
    /// Samples of the gamma distribution of shape `a` (and scale one), in `f32`.
    ///
    /// The samples can be differentiated with respect to `a`: the derivative is implicit, with the distribution function
    /// held constant (Figurnov, Mohamed and Mnih, 2018).
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let mean = |a: &Array| random::gamma(random::key(0), a, 1000).mean();
    /// let (value, slope) = value_and_grad(mean)(&3.0.into());
    /// assert!((value.item::<f32>() - 3.0).abs() < 0.2);
    /// assert!((slope.item::<f32>() - 1.0).abs() < 0.1);
    /// ```
    gamma gamma_as(a = 3.0): |key, shape, dtype, format| gammas(key, a, shape, false);
    /// Logarithms of samples of the gamma distribution of shape `a`, in `f32`. They are finite where the samples would
    /// underflow, which is common if `a` is much smaller than one.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::loggamma(random::key(0), 1e-3, 3);
    /// assert!(x.max().item::<f32>() < 0.0 && x.min().item::<f32>() > f32::NEG_INFINITY);
    /// ```
    loggamma loggamma_as(a = 3.0): |key, shape, dtype, format| gammas(key, a, shape, true);
    /// Samples of the beta distribution, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::beta(random::key(0), 2.0, 3.0, 1000);
    /// assert!((x.mean().item::<f32>() - 0.4).abs() < 0.05);
    /// ```
    beta beta_as(a = 2.0, b = 3.0): |key, shape, dtype, format| {
        let [first, second] = key.clone().split();
        let [x, y] = samples([(&first, a), (&second, b)], shape, true);
        // X / (X + Y) without underflow.
        let most = x.maximum(&y).stop_gradient();
        let (x, y) = ((x - &most).exp(), (y - most).exp());
        &x / (&x + y)
    };
    /// Samples of the χ² distribution with `df` degrees of freedom, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::chisquare(random::key(0), 4.0, 1000);
    /// assert!((x.mean().item::<f32>() - 4.0).abs() < 0.3);
    /// ```
    chisquare chisquare_as(df = 4.0): |key, shape, dtype, format| gammas(key, &(df / 2.0), shape, true).exp() * 2.0;
    /// Samples of the F distribution with `dfnum` and `dfden` degrees of freedom, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::f(random::key(0), 4.0, 10.0, 1000);
    /// assert!((x.mean().item::<f32>() - 1.25).abs() < 0.2);
    /// ```
    f f_as(dfnum = 4.0, dfden = 10.0): |key, shape, dtype, format| {
        let [den, num] = key.clone().split();
        let [den, num] = samples([(&den, &(dfden / 2.0)), (&num, &(dfnum / 2.0))], shape, true);
        (num.exp() * 2.0 / dfnum) / (den.exp() * 2.0 / dfden)
    };
    /// Samples of Student's t distribution with `df` degrees of freedom, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::t(random::key(0), 5.0, 1000);
    /// assert!(x.mean().item::<f32>().abs() < 0.2);
    /// ```
    t t_as(df = 5.0): |key, shape, dtype, format| {
        let [numerator, denominator] = key.clone().split();
        let half = df / 2.0;
        normals(&numerator, shape, dtype) * (&half / gammas(&denominator, &half, shape, false)).sqrt()
    };
    /// Samples of the generalized normal distribution, in `f32`. Its density is proportional to exp(−|x|ᵖ).
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::generalized_normal(random::key(0), 2.0, 1000);
    /// assert!((x.square().mean().item::<f32>() - 0.5).abs() < 0.1);
    /// ```
    generalized_normal generalized_normal_as(p as precise = 1.5): |key, shape, dtype, format| {
        generalized_normals(key, p, shape, dtype)
    };
}

#[track_caller]
fn generalized_normals(key: &Key, p: &Array, shape: &Shape, dtype: DType) -> Array {
    let [length, sign] = key.clone().split();
    let inverse = reciprocal(p, dtype);
    signs(&sign, shape, dtype) * np::power(gammas(&length, &inverse, shape, false), &inverse)
}

/// Samples of the uniform distribution on the unit ball of the Lᵖ norm in `d` dimensions, in `f32`. The result has the
/// given shape, followed by `d`.
///
/// The algorithm is that of Barthe, Guédon, Mendelson and Naor (2005).
///
/// # Panics
/// If the key is an array of keys, or `p` is not a scalar.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::ball(random::key(0), 3, 2.0, 100);
/// assert_eq!(x.shape(), [100, 3]);
/// assert!(x.square().sum_axis(-1).max().item::<f32>() <= 1.0);
/// ```
#[track_caller]
pub fn ball(key: Key, d: usize, p: impl ArrayLike, shape: impl IntoShape) -> Array {
    ball_as(key, d, p, shape, DType::F32)
}

/// [`ball`] in a float dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::ball_as(random::key(0), 3, 1.0, 5, DType::F64).shape(), [5, 3]);
/// ```
#[track_caller]
pub fn ball_as(key: Key, d: usize, p: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let shape = shape.into_shape();
    let p = precise(&parameter("ball", p, &Shape::new(&[])), dtype);
    Format::of(dtype, "ball");
    draw((shape, d, dtype), key.one("ball"), [p], |&(ref shape, d, dtype), key, [p]| {
        let [direction, radius] = key.clone().split();
        let x = generalized_normals(&direction, p, &shape.insert(shape.rank(), d), dtype);
        let total = np::power(x.abs(), p.astype(dtype)).sum_axis(-1) + exponentials(&radius, shape, dtype);
        x / np::power(total, reciprocal(p, dtype)).expand_dims(-1)
    })
}

/// Samples of the Dirichlet distribution, in `f32`. The last axis of `alpha` lists the parameters of one distribution.
/// The result has the given shape, followed by that axis; the other axes of `alpha` broadcast to the shape.
///
/// # Panics
/// If the key is an array of keys, `alpha` is a scalar, or its leading axes do not broadcast to the shape.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::dirichlet(random::key(0), Array::from([1.0f32, 2.0, 3.0]), 4);
/// assert_eq!(x.shape(), [4, 3]);
/// assert!((x.sum_axis(-1) - 1.0).abs().max().item::<f32>() < 1e-6);
/// ```
#[track_caller]
pub fn dirichlet(key: Key, alpha: impl ArrayLike, shape: impl IntoShape) -> Array {
    dirichlet_as(key, alpha, shape, DType::F32)
}

/// [`dirichlet`] in a float dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// let x = random::dirichlet_as(random::key(0), Array::from([1.0, 2.0]), (), DType::F64);
/// assert_eq!((x.dtype(), x.shape()), (DType::F64, &[2][..]));
/// ```
#[track_caller]
pub fn dirichlet_as(key: Key, alpha: impl ArrayLike, shape: impl IntoShape, dtype: DType) -> Array {
    let (alpha, shape) = (alpha.to_array().astype(dtype), shape.into_shape());
    Format::of(dtype, "dirichlet");
    let Some((n, batch)) = alpha.shape().split_last() else {
        raise(
            Error::shape("dirichlet: the parameters need an axis, got a scalar")
                .help("the last axis lists the parameters of one distribution"),
        )
    };
    check_parameter("dirichlet", batch, &shape);
    let full = shape.insert(shape.rank(), *n);
    draw(full, key.one("dirichlet"), [alpha], |full, key, [alpha]| special::softmax(gammas(key, alpha, full, true), -1))
}
