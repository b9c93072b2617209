//! Elementwise special functions. Integers become floats.

mod bessel;
mod complex_gamma;
mod each;
mod expint;
mod gamma;
mod harmonics;
mod hypergeometric;
mod integrals;
mod softmax;
mod tables;

pub(crate) use each::widened;

pub use bessel::*;
pub use complex_gamma::loggamma;
pub use gamma::*;
pub use harmonics::*;
pub use hypergeometric::*;
pub use integrals::*;
pub use softmax::{log_softmax, softmax};
pub(crate) use softmax::{log_softmax_where, softmax_where, softplus};

use crate::api::custom::custom_jvp;
use crate::api::program::as_one;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::methods::reductions::keepdims;
use crate::numpy::{Axes, isfinite, isnan, unary, where_};
use crate::ops::promoted;

unary! {
    /// The error function.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!((special::erf(1.0).item::<f64>() - 0.8427008).abs() < 1e-6);
    /// ```
    erf erf;
    /// The complementary error function, 1 − erf(x), without cancellation.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!((special::erfc(0.0).item::<f64>() - 1.0).abs() < 1e-5);
    /// ```
    erfc erfc;
    /// The inverse of the error function.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!(special::erfinv(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    erfinv erf_inv;
    /// The inverse of the error function; another name for [`erfinv`].
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!(special::erf_inv(0.0).item::<f64>().abs() < 1e-6);
    /// ```
    erf_inv erf_inv;
    /// The logarithm of the absolute value of the gamma function.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!(special::gammaln(1.0).item::<f64>().abs() < 1e-5);
    /// ```
    gammaln lgamma;
    /// The logarithmic derivative of the gamma function.
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!((special::digamma(1.0).item::<f64>() + 0.5772157).abs() < 1e-5);
    /// ```
    digamma digamma;
    /// The logistic function 1/(1 + exp(−x)).
    ///
    /// ```
    /// use cotangent::scipy::special;
    /// assert!((special::expit(0.0).item::<f64>() - 0.5).abs() < 1e-5);
    /// ```
    expit logistic;
}

/// The inverse of [`expit`]: log(x / (1 − x)).
///
/// ```
/// use cotangent::scipy::special;
/// assert!(special::logit(0.5).item::<f64>().abs() < 1e-6);
/// ```
#[track_caller]
pub fn logit(x: impl ArrayLike) -> Array {
    // If the quotient is nearly one, its logarithm loses digits to cancellation.
    let value = |x: &Array| {
        let rest = 1.0 - x;
        let middle = (x - 0.5).abs().less(0.25);
        where_(middle, ((2.0 * x - 1.0) / &rest).log1p(), (x / rest).log())
    };
    let x = x.to_array().to_inexact();
    if x.dtype().is_complex() {
        return x.log() - (-x).log1p();
    }
    as_one(&[x], |x| custom_jvp(value).defjvp(|(x,), (t,)| (logit(x), t / (x * (1.0 - x))))(&x[0]))
}

/// x · log(y), which is zero if x is zero, even if the logarithm is infinite or undefined. A NaN in y propagates.
///
/// Its derivatives are log(y) and x / y, even if x is zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::xlogy(0.0, 0.0).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn xlogy(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = promoted([x.to_array().to_inexact(), y.to_array().to_inexact()]);
    let value = |x: &Array, y: &Array| {
        let regular = y.greater(0).logical_and(y.less(f64::INFINITY)).logical_or(isnan(y));
        let defined = x.not_equal(0).logical_or(regular);
        where_(&defined, x * where_(&defined, y, 1.0).log(), 0.0)
    };
    custom_jvp(value).defjvp(|(x, y), (dx, dy)| (xlogy(x, y), dx * y.log() + dy * (x / y)))(&x, &y)
}

/// x · log(1 + y), which is zero if x is zero, even if the logarithm is infinite or undefined. A NaN in y propagates.
///
/// Its derivatives are log(1 + y) and x / (1 + y), even if x is zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::xlog1py(0.0, -1.0).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn xlog1py(x: impl ArrayLike, y: impl ArrayLike) -> Array {
    let [x, y] = promoted([x.to_array().to_inexact(), y.to_array().to_inexact()]);
    let value = |x: &Array, y: &Array| {
        let regular = y.greater(-1).logical_and(y.less(f64::INFINITY)).logical_or(isnan(y));
        let defined = x.not_equal(0).logical_or(regular);
        where_(&defined, x * where_(&defined, y, 0.0).log1p(), 0.0)
    };
    custom_jvp(value).defjvp(|(x, y), (dx, dy)| (xlog1py(x, y), dx * y.log1p() + dy * (x / (1.0 + y))))(&x, &y)
}

/// The entropy term −x · log(x). It is zero at zero and −∞ for negative x. Its derivative −log(x) − 1 is ∞ at zero.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::entr(0.0).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn entr(x: impl ArrayLike) -> Array {
    let value = |x: &Array| {
        let positive = x.greater(0);
        let inner = where_(&positive, x, 1.0);
        let outside = where_(x.less(0), f64::NEG_INFINITY, where_(isnan(x), x, 0.0));
        where_(positive, -(&inner * inner.log()), outside)
    };
    custom_jvp(value).defjvp(|(x,), (t,)| (entr(x), -(t * (x.log() + 1.0))))(&x.to_array().to_inexact())
}

/// Returns a real array of floats. Integers are converted.
#[track_caller]
fn real_inexact(x: impl ArrayLike, what: &str) -> Array {
    let x = x.to_array().to_inexact();
    if x.dtype().is_complex() {
        raise(Error::dtype(format!("{what}: expected real numbers, got {}", x.aval())));
    }
    x
}

#[track_caller]
fn real(x: impl ArrayLike, what: &str) -> Array {
    let x = real_inexact(x, what);
    match x.dtype() {
        DType::F32 | DType::F64 => x,
        _ => raise(
            Error::dtype(format!("{what}: expected f32 or f64, got {}", x.aval()))
                .help("convert it with `.astype(DType::F32)`"),
        ),
    }
}

/// The cumulative distribution function of the standard normal distribution: the probability of at most `x`.
///
/// # Panics
/// If the dtype is neither `f32` nor `f64`.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::ndtr(0.0).item::<f32>(), 0.5);
/// ```
#[track_caller]
pub fn ndtr(x: impl ArrayLike) -> Array {
    let x = real(x, "ndtr");
    let half_sqrt_2 = std::f64::consts::FRAC_1_SQRT_2;
    let w = &x * half_sqrt_2;
    let z = w.abs();
    // Near the middle erf is accurate; in the tails erfc does not cancel.
    let tail = z.erfc();
    let y = where_(z.less(half_sqrt_2), 1.0 + w.erf(), where_(w.greater(0), 2.0 - &tail, &tail));
    0.5 * y
}

/// The logarithm of [`ndtr`], accurate far out in both tails, as are its derivatives.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::log_ndtr(-40.0).item::<f64>() + 804.6084).abs() < 1e-3);
/// ```
///
/// # Panics
/// If the dtype is neither `f32` nor `f64`.
#[track_caller]
pub fn log_ndtr(x: impl ArrayLike) -> Array {
    let x = real(x, "log_ndtr");
    let size = x.abs();
    let (sum, scale) = (mills_sum(&size), (2.0 * std::f64::consts::PI).sqrt());
    let below = -0.5 * x.minimum(0.0).square() + (sum.log() - size.log1p() - scale.ln());
    // Beyond 40, the exponential vanishes in both dtypes. At infinity, its derivative would be 0·∞.
    let above = ((-0.5 * size.minimum(40.0).square()).exp() * sum / ((1.0 + size) * -scale)).log1p();
    where_(x.less(0.0), below, above)
}

/// Returns (1 + z)·R(z) for z ≥ 0, where R is the Mills ratio exp(z²/2)·∫ exp(−t²/2) dt from z to ∞. It is a polynomial
/// in (z − 4)/(z + 4), from a Chebyshev fit at 60 digits. All its derivatives are accurate. So log Φ(−z) = −z²/2 + log
/// R(z) − log √2π has derivatives without cancellation, as far out as its values.
#[track_caller]
pub(crate) fn mills_sum(z: &Array) -> Array {
    let v = 1.0 - 8.0 / (z + 4.0);
    polynomial(if z.dtype() == DType::F64 { &MILLS } else { &MILLS_F32 }, &v)
}

const MILLS: [f64; 31] = [
    1.424_977_675_012_631_6e-11,
    1.358_194_159_867_087e-11,
    -1.462_731_770_276_795_5e-10,
    -2.052_820_803_189_566e-10,
    6.669_527_576_577_595e-10,
    1.534_510_716_812_832_4e-9,
    -1.335_435_991_872_728_2e-9,
    -7.558_060_003_120_266e-9,
    -3.447_253_631_008_603e-9,
    2.678_379_147_188_923_8e-8,
    4.703_054_516_510_604e-8,
    -6.346_165_994_336_776e-8,
    -2.837_400_369_366_501e-7,
    1.442_721_313_082_321_4e-8,
    1.388_821_810_045_529e-6,
    1.008_143_515_515_240_7e-6,
    -6.552_512_140_210_915e-6,
    -8.601_146_131_868_445e-6,
    3.415_855_730_597_336_3e-5,
    5.326_545_192_852_75e-5,
    -2.202_155_220_950_504_7e-4,
    -2.367_014_580_805_622_2e-4,
    1.741_848_766_449_874_3e-3,
    -7.159_509_422_467_714e-4,
    -1.253_910_361_980_241_2e-2,
    4.495_912_907_962_16e-2,
    -8.070_800_967_907_785e-2,
    7.169_048_120_135_553e-2,
    3.509_188_023_474_844e-2,
    -2.423_996_705_218_073_3e-1,
    1.183_261_914_567_803_4,
];

const MILLS_F32: [f64; 15] = [
    -2.998_500_864_904_506_6e-6,
    -5.224_899_466_776_058_5e-6,
    2.929_616_855_247_938_6e-5,
    4.848_559_778_996_517e-5,
    -2.164_476_647_960_274_3e-4,
    -2.331_716_460_139_782_4e-4,
    1.740_173_066_186_298_4e-3,
    -7.173_636_465_821_897e-4,
    -1.253_869_163_250_039_3e-2,
    4.495_942_125_364_798e-2,
    -8.070_805_992_930_909e-2,
    7.169_045_444_956_168e-2,
    3.509_188_258_441_571e-2,
    -2.423_996_698_113_45e-1,
    1.183_261_914_549_702_5,
];

/// Evaluates a polynomial by Horner's rule. The highest coefficient comes first.
#[track_caller]
fn polynomial(coefficients: &[f64], x: &Array) -> Array {
    let (first, rest) = coefficients.split_at(1);
    rest.iter().fold(crate::numpy::full_like(x, first[0]), |acc, c| acc * x + *c)
}

// Rational approximations of the Cephes library (Moshier): around the middle, for exp(−32) < p < exp(−2), and below.
const P0: [f64; 5] = [
    -5.996_335_010_141_079e1,
    9.800_107_541_859_997e1,
    -5.667_628_574_690_703e1,
    1.393_126_093_872_796_8e1,
    -1.239_165_838_673_812_5,
];
const Q0: [f64; 9] = [
    1.0,
    1.954_488_583_381_417_6,
    4.676_279_128_988_815,
    8.636_024_213_908_905e1,
    -2.254_626_878_541_193_7e2,
    2.002_602_123_800_606_6e2,
    -8.203_722_561_683_334e1,
    1.590_562_251_262_117e1,
    -1.183_316_211_213_3,
];
const P1: [f64; 9] = [
    4.055_448_923_059_624_5,
    3.152_510_945_998_938_8e1,
    5.716_281_922_464_213e1,
    4.408_050_738_932_008e1,
    1.468_495_619_288_580_3e1,
    2.186_633_068_507_902_5,
    -1.402_560_791_713_545e-1,
    -3.504_246_268_278_482e-2,
    -8.574_567_851_546_854e-4,
];
const Q1: [f64; 9] = [
    1.0,
    1.577_998_832_564_667_5e1,
    4.539_076_351_288_792e1,
    4.131_720_382_546_72e1,
    1.504_253_856_929_075e1,
    2.504_649_462_083_094,
    -1.421_829_228_547_877_9e-1,
    -3.808_064_076_915_783e-2,
    -9.332_594_808_954_574e-4,
];
const P2: [f64; 9] = [
    3.237_748_917_769_460_3,
    6.915_228_890_689_842,
    3.938_810_252_924_744_4,
    1.333_034_608_158_075_5,
    2.014_853_895_491_790_8e-1,
    1.237_166_348_178_200_3e-2,
    3.015_815_535_082_354_3e-4,
    2.658_069_746_867_375_5e-6,
    6.239_745_391_849_833e-9,
];
const Q2: [f64; 9] = [
    1.0,
    6.024_270_393_647_42,
    3.679_835_638_561_608_7,
    1.377_020_994_890_813_2,
    2.162_369_935_944_966_3e-1,
    1.342_040_060_885_431_8e-2,
    3.280_144_646_821_277_4e-4,
    2.892_478_647_453_806_8e-6,
    6.790_194_080_099_813e-9,
];

/// The inverse of [`ndtr`]: the point with cumulative probability `p`. It is infinite at 0 and 1.
///
/// # Panics
/// If the dtype is neither `f32` nor `f64`.
///
/// ```
/// use cotangent::scipy::special;
/// assert!(special::ndtri(0.5).item::<f64>().abs() < 1e-6);
/// ```
#[track_caller]
pub fn ndtri(p: impl ArrayLike) -> Array {
    let p = real(p, "ndtri");
    let edge = (-2.0f64).exp();
    let upper = p.greater(1.0 - edge);
    let tail = where_(p.greater(-(-2.0f64).exp_m1()), 1.0 - &p, &p);
    // At zero, the formulas are undefined, and their values are not used.
    let tail = where_(tail.equal(0), 0.5, &tail);

    let w = &tail - 0.5;
    let ww = w.square();
    let middle = &w + &w * &ww * (polynomial(&P0, &ww) / polynomial(&Q0, &ww));
    let middle = middle * -(2.0 * std::f64::consts::PI).sqrt();

    let z = (-2.0 * tail.log()).sqrt();
    let first = &z - z.log() / &z;
    let inverse = 1.0 / &z;
    let rational = |p: &[f64], q: &[f64]| polynomial(p, &inverse) / polynomial(q, &inverse) / &z;
    let far = &first - rational(&P2, &Q2);
    let near = &first - rational(&P1, &Q1);

    let x = where_(tail.greater(edge), middle, where_(z.greater_equal(8.0), far, near));
    let x = where_(upper, &x, -&x);
    where_(p.equal(0), f64::NEG_INFINITY, where_(p.equal(1), f64::INFINITY, x))
}

/// Returns log Σ exp(x) over all elements, without overflow. For an empty array, it is −∞.
///
/// ```
/// use cotangent::{Array, scipy::special};
/// assert_eq!(special::logsumexp(Array::from([1000.0f32, 1000.0])).item::<f32>(), 1000.0 + 2f32.ln());
/// ```
#[track_caller]
pub fn logsumexp(x: impl ArrayLike) -> Array {
    logsumexp_axis(x, ())
}

/// Like [`logsumexp`], but over some axes, which are removed from the result.
///
/// ```
/// use cotangent::{numpy as np, scipy::special};
/// assert_eq!(special::logsumexp_axis(np::zeros([2, 3]), 1).shape(), [2]);
/// ```
#[track_caller]
pub fn logsumexp_axis(x: impl ArrayLike, axes: impl Axes) -> Array {
    logsumexp_weighted(x, axes, 1.0)
}

/// Like [`logsumexp`], but over some axes, which remain with size one.
///
/// ```
/// use cotangent::{numpy as np, scipy::special};
/// assert_eq!(special::logsumexp_keepdims(np::zeros([2, 3]), 1).shape(), [2, 1]);
/// ```
#[track_caller]
pub fn logsumexp_keepdims(x: impl ArrayLike, axes: impl Axes) -> Array {
    let x = x.to_array();
    let axes = axes.resolve(x.ndim()).or_raise();
    keepdims(&logsumexp_axis(&x, &axes[..]), &x, &axes)
}

/// Returns log Σ weights · exp(x) over some axes, or NaN if the sum is negative. An element of weight zero is ignored,
/// whatever its value.
///
/// ```
/// use cotangent::{numpy as np, scipy::special};
/// assert!(special::logsumexp_weighted(np::zeros(2), (), 0.5).item::<f64>().abs() < 1e-6);
/// ```
#[track_caller]
pub fn logsumexp_weighted(x: impl ArrayLike, axes: impl Axes, weights: impl ArrayLike) -> Array {
    let weights = weights.to_array();
    let plain = weights.ndim() == 0 && weights.weak_type() && !weights.is_traced();
    let [x, weights] = promoted([x.to_array().to_inexact(), weights.to_inexact()]);
    let x = if plain { x } else { where_(weights.equal(0), f64::NEG_INFINITY, x) };
    let axes = axes.resolve(x.ndim()).or_raise();
    if axes.iter().any(|d| x.shape()[*d] == 0) {
        return crate::numpy::full_as(x.aval().shape.remove(&axes), f64::NEG_INFINITY, x.dtype());
    }
    let most = x.stop_gradient().max_keepdims(&axes[..]);
    let most = where_(isfinite(&most), &most, 0.0);
    let terms = (&x - &most).exp() * weights;
    let most = most.reshape(x.aval().shape.remove(&axes));
    terms.sum_axis(&axes[..]).log() + most
}
