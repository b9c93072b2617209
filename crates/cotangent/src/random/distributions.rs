//! Samples of continuous distributions, each computed from one or two uniform numbers.

use crate::array::aval::IntoShape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::numpy::{self as np, where_};

use super::bits::{drawn, random_bits};
use super::key::Key;
use super::normal::normals;
use super::samplers::{draw, exponentials, parameter, precise, reciprocal, samplers, unit};
use super::uniform::Format;

samplers! {
    /// Samples of the exponential distribution of rate one, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::exponential(random::key(0), 3).shape(), [3]);
    /// ```
    exponential exponential_as(): |key, shape, dtype, format| exponentials(key, shape, dtype);
    /// Samples of the standard Gumbel distribution, in `f32`: [`gumbel_mode`] with [`Mode::Low`].
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::gumbel(random::key(0), 3).shape(), [3]);
    /// ```
    gumbel gumbel_as(): |key, shape, dtype, format| -(-unit(key, shape, dtype, format.tiny, 1.0).log()).log();
    /// Samples of the standard Laplace distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::laplace(random::key(0), 3).shape(), [3]);
    /// ```
    laplace laplace_as(): |key, shape, dtype, format| {
        let u = unit(key, shape, dtype, format.below_one() - 1.0, 1.0);
        u.sign() * (-u.abs()).log1p()
    };
    /// Samples of the standard logistic distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::logistic(random::key(0), 3).shape(), [3]);
    /// ```
    logistic logistic_as(): |key, shape, dtype, format| {
        let u = unit(key, shape, dtype, format.tiny, 1.0);
        u.log() - (-u).log1p()
    };
    /// Samples of the standard Cauchy distribution, in `f32`.
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::cauchy(random::key(0), 3).shape(), [3]);
    /// ```
    cauchy cauchy_as(): |key, shape, dtype, format| {
        ((unit(key, shape, dtype, 2.0 * format.below_one(), 1.0) - 0.5) * np::PI).tan()
    };
    /// Samples of the triangular distribution on [left, right] with its peak at `mode`, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::triangular(random::key(0), 0.0, 0.5, 1.0, 3);
    /// assert_eq!(x.shape(), [3]);
    /// ```
    triangular triangular_as(left = 0.0, mode = 0.5, right = 1.0): |key, shape, dtype, format| {
        let u = unit(key, shape, dtype, 0.0, 1.0);
        let span = right - left;
        let rising = left + (&u * &span * (mode - left)).sqrt();
        let falling = right - ((1.0 - &u) * &span * (right - mode)).sqrt();
        where_(u.less((mode - left) / &span), rising, falling)
    };
    /// Samples of the Pareto distribution of shape `b` (and scale one), in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::pareto(random::key(0), 2.0, 3);
    /// assert_eq!(x.shape(), [3]);
    /// ```
    pareto pareto_as(b = 2.0): |key, shape, dtype, format| (exponentials(key, shape, dtype) / b).exp();
    /// Samples of the Weibull distribution, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::weibull_min(random::key(0), 1.0, 2.0, 3);
    /// assert_eq!(x.shape(), [3]);
    /// ```
    weibull_min weibull_min_as(scale = 1.0, concentration as precise = 2.0): |key, shape, dtype, format| {
        np::power(exponentials(key, shape, dtype), reciprocal(concentration, dtype)) * scale
    };
    /// Samples of the Rayleigh distribution, in `f32`.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::rayleigh(random::key(0), 1.0, 3);
    /// assert_eq!(x.shape(), [3]);
    /// ```
    rayleigh rayleigh_as(scale = 1.0): |key, shape, dtype, format| {
        // A zero stands for all values below the next number; this is the middle of them.
        let u = unit(key, shape, dtype, 0.0, 1.0).maximum(format.below_one());
        scale * (u.log() * -2.0).sqrt()
    };
    /// Samples of the Wald distribution (the inverse Gaussian of scale one) with a mean, in `f32`.
    ///
    /// The density of x is proportional to exp(−(x − μ)² / (2μ²x)) · x^(−3/2). The algorithm is that of Michael, Schucany
    /// and Haas (1976): of the two roots of a quadratic, whose product is μ², one is chosen. Here the inverse of the
    /// smaller root is computed, which does not cancel for large means.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = random::wald(random::key(0), 2.0, 3);
    /// assert!(x.min().item::<f32>() > 0.0);
    /// ```
    wald wald_as(mean = 2.0): |key, shape, dtype, format| {
        let [k1, k2] = key.clone().split();
        let v = normals(&k1, shape, dtype);
        let z = unit(&k2, shape, dtype, 0.0, 1.0);
        // Without overflow: the squares of narrow numbers need a wider exponent, and the inverses of the roots have a
        // limit for large means.
        let wide = if dtype == DType::F64 { dtype } else { DType::F32 };
        let [mean, v, z] = [mean, &v, &z].map(|x| x.astype(wide));
        let inverse = 1.0 / &mean;
        // The inverse of the smaller root; the product of the roots is the square of the mean.
        let root = &inverse + 0.5 * (v.square() + v.abs() * (4.0 * &inverse + v.square()).sqrt());
        let ratio = &mean * &root;
        where_(z.greater(1.0 / (1.0 + 1.0 / &ratio)), mean * ratio, 1.0 / root).astype(dtype)
    };
}

/// How many random bits a sample is computed from.
///
/// ```
/// use cotangent::random::{self, Mode};
/// let x = random::gumbel_mode(random::key(0), 1000, Mode::High);
/// assert_eq!(x.shape(), [1000]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// As many as the fraction of the dtype has. In `f32`, no Gumbel sample is greater than about 16, and events of
    /// probability 10⁻⁷ or less have wrong frequencies.
    #[default]
    Low,
    /// Twice as many. In `f32`, Gumbel samples reach 32.
    High,
    /// As [`High`](Mode::High), but in `f32` with 64 bits in fixed point, so that both tails are resolved.
    Highest,
}

/// Samples of the standard Gumbel distribution, in `f32`, from more random bits.
///
/// ```
/// use cotangent::random::{self, Mode};
/// assert_eq!(random::gumbel_mode(random::key(0), 3, Mode::Highest).shape(), [3]);
/// ```
#[track_caller]
pub fn gumbel_mode(key: Key, shape: impl IntoShape, mode: Mode) -> Array {
    gumbel_mode_as(key, shape, mode, DType::F32)
}

/// [`gumbel_mode`] in a float dtype.
///
/// # Panics
/// If the dtype is not a real floating-point one.
///
/// ```
/// use cotangent::{DType, random::{self, Mode}};
/// let x = random::gumbel_mode_as(random::key(0), 3, Mode::High, DType::F64);
/// assert_eq!(x.dtype(), DType::F64);
/// ```
#[track_caller]
pub fn gumbel_mode_as(key: Key, shape: impl IntoShape, mode: Mode, dtype: DType) -> Array {
    let shape = shape.into_shape();
    Format::of(dtype, "gumbel");
    let twice = shape.insert(0, 2);
    match mode {
        Mode::Low => gumbel_as(key, shape, dtype),
        Mode::Highest if dtype == DType::F32 => draw(twice, key.one("gumbel"), [], |twice, key, []| {
            let bits = random_bits(key, DType::U32, twice);
            let (high, low) = (part(&bits, 0), part(&bits, 1));
            // u < ½ as it is, or else 1 − u, in fixed point.
            let below = high.less(1u32 << 31);
            let (other, carry) = (!&low, low.equal(0).astype(DType::U32));
            let x = fixed_point(&where_(&below, &high, !&high + carry), &where_(&below, &low, other + 1));
            drawn(-(where_(below, -(-&x).log1p(), -x.log())).log())
        }),
        _ => draw((twice, dtype), key.one("gumbel"), [], |&(ref twice, dtype), key, []| {
            let format = Format::of(dtype, "gumbel");
            let u = unit(key, twice, dtype, 0.0, 1.0);
            let (high, low) = (part(&u, 0), part(&u, 1));
            let more = &high + 2f64.powi(-format.mantissa) * low + format.tiny;
            let u = where_(high.greater_equal(0.5), &high, more);
            drawn(-(-(-u).log1p()).log())
        }),
    }
}

/// One of two parts along the first axis.
fn part(x: &Array, i: usize) -> Array {
    x.slice_axis(0, i, i + 1).reshape(&x.shape()[1..])
}

/// The number 0.b₁b₂…b₆₄ with the given bits, in `f32`, truncated.
fn fixed_point(high: &Array, low: &Array) -> Array {
    let (zeros, more) = (high.clz(), low.clz());
    let no_high = zeros.equal(32);
    // The bits from the first one on. A shift by 32 or more results in zero.
    let rest = where_(&no_high, low << &more, low >> (32 - &zeros));
    let fraction = (((high << &zeros) | rest) >> 8) & ((1u32 << 23) - 1);
    let exponent = (126 - where_(no_high, 32 + more, zeros)) << 23;
    ((exponent & ((1u32 << 30) - (1 << 22))) | fraction).bitcast(DType::F32)
}
