//! Activations: elementwise functions between layers, with JAX's conventions where a derivative does not exist.

use crate::api::custom::custom_jvp;
use crate::api::program::as_one;
use crate::array::aval::canonical_axis;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::nn::at_caller;
use crate::numpy::{clip, split, where_};
use crate::scipy::special;

/// Defines functions of floats. Outside any trace, each is one program.
macro_rules! activations {
    ($($(#[$doc:meta])* $name:ident: |$x:ident| $body:expr;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike) -> Array {
            at_caller(|| as_one(&[x.to_array().to_inexact()], |x| {
                let $x = &x[0];
                $body
            }))
        }
    )* };
}

/// Defines functions of floats with one parameter, a number or an array that broadcasts.
macro_rules! activations_with {
    ($($(#[$doc:meta])* $name:ident: |$x:ident, $p:ident| $body:expr;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike, $p: impl ArrayLike) -> Array {
            let (x, p) = (x.to_array().to_inexact(), $p.to_array());
            // A Rust number has the precision of the array.
            let p = if p.weak_type() { p.astype(x.dtype()) } else { p };
            at_caller(|| as_one(&[x, p], |operands| {
                let ($x, $p) = (&operands[0], &operands[1]);
                $body
            }))
        }
    )* };
}

/// Returns the argument.
///
/// ```
/// use cotangent::nn;
/// assert_eq!(nn::identity(-2.0).item::<f32>(), -2.0);
/// ```
pub fn identity(x: impl ArrayLike) -> Array {
    x.to_array()
}

/// Returns max(x, 0). The derivative at 0 is 0, as in JAX ([why](https://dl.acm.org/doi/10.5555/3540261.3540297)).
/// Integers stay integers.
///
/// ```
/// use cotangent::{nn, prelude::*};
/// assert_eq!(nn::relu(Array::from([-1.0f32, 0.0, 2.0])).to_vec::<f32>(), [0.0, 0.0, 2.0]);
/// assert_eq!(grad(|x: &Array| nn::relu(x))(&0.0.into()).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn relu(x: impl ArrayLike) -> Array {
    at_caller(|| {
        as_one(&[x.to_array()], |x| {
            custom_jvp(|x: &Array| x.maximum(0)).defjvp(|(x,), (t,)| (relu(x), where_(x.greater(0), t, 0)))(&x[0])
        })
    })
}

/// Returns min(max(x, 0), 6). The derivative at 0 and at 6 is 0.
///
/// ```
/// use cotangent::{nn, prelude::*};
/// assert_eq!(nn::relu6(Array::from([-1.0f32, 2.0, 9.0])).to_vec::<f32>(), [0.0, 2.0, 6.0]);
/// ```
#[track_caller]
pub fn relu6(x: impl ArrayLike) -> Array {
    at_caller(|| {
        as_one(&[x.to_array().to_inexact()], |x| {
            custom_jvp(|x: &Array| x.maximum(0.0).minimum(6.0))
                .defjvp(|(x,), (t,)| (relu6(x), where_(x.greater(0.0).logical_and(x.less(6.0)), t, 0.0)))(
                &x[0]
            )
        })
    })
}

/// Returns log(1 + eˣ), without overflow in between.
///
/// ```
/// use cotangent::nn;
/// assert_eq!(nn::softplus(1000.0).item::<f32>(), 1000.0);
/// ```
#[track_caller]
pub fn softplus(x: impl ArrayLike) -> Array {
    at_caller(|| as_one(&[x.to_array().to_inexact()], |x| special::softplus(&x[0])))
}

/// Returns log(1 − e⁻ˣ) for x ≥ 0, without cancellation: Mächler's
/// [formula](https://cran.r-project.org/web/packages/Rmpfr/vignettes/log1mexp-note.pdf). The result is NaN for x < 0.
///
/// ```
/// use cotangent::nn;
/// assert!((nn::log1mexp(2f32.ln()).item::<f32>() + 2f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn log1mexp(x: impl ArrayLike) -> Array {
    let value = |x: &Array| where_(x.less(std::f64::consts::LN_2), (-(-x).expm1()).log(), (-(-x).exp()).log1p());
    at_caller(|| {
        as_one(&[x.to_array().to_inexact()], |x| {
            custom_jvp(value).defjvp(|(x,), (t,)| (log1mexp(x), t / x.expm1()))(&x[0])
        })
    })
}

activations! {
    /// Returns 1 / (1 + e⁻ˣ).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::sigmoid(0.0).item::<f32>(), 0.5);
    /// ```
    sigmoid: |x| x.logistic();
    /// Returns log(sigmoid(x)), without underflow in between.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::log_sigmoid(-1000.0).item::<f32>(), -1000.0);
    /// ```
    log_sigmoid: |x| -softplus(-x);
    /// Returns the hyperbolic tangent.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::tanh(0.0).item::<f32>(), 0.0);
    /// ```
    tanh: |x| x.tanh();
    /// Returns x · [sigmoid](sigmoid())(x).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::silu(0.0).item::<f32>(), 0.0);
    /// ```
    silu: |x| x * x.logistic();
    /// Returns x · [sigmoid](sigmoid())(x); another name for [`silu`].
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::swish(0.0).item::<f32>(), 0.0);
    /// ```
    swish: |x| silu(x);
    /// Returns x · tanh([softplus](softplus())(x)).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::mish(0.0).item::<f32>(), 0.0);
    /// ```
    mish: |x| x * softplus(x).tanh();
    /// Returns x / (|x| + 1).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::soft_sign(-1.0).item::<f32>(), -0.5);
    /// ```
    soft_sign: |x| x / (x.abs() + 1.0);
    /// Returns a smooth, convex function that is 0 for x ≤ −1, (x + 1)² / 4 in between, and x for x ≥ 1.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// assert_eq!(nn::sparse_plus(Array::from([-2.0f32, 0.0, 2.0])).to_vec::<f32>(), [0.0, 0.25, 2.0]);
    /// ```
    sparse_plus: |x| where_(x.less_equal(-1.0), 0.0, where_(x.greater_equal(1.0), x, (x + 1.0).powi(2) / 4.0));
    /// Returns the derivative of [`sparse_plus`]: 0 for x ≤ −1, (x + 1) / 2 in between, and 1 for x ≥ 1.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// assert_eq!(nn::sparse_sigmoid(Array::from([-2.0f32, 0.0, 2.0])).to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    sparse_sigmoid: |x| 0.5 * clip(x + 1.0, 0.0, 2.0);
    /// Returns [`relu6`](relu6())(x + 3) / 6.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::hard_sigmoid(0.0).item::<f32>(), 0.5);
    /// ```
    hard_sigmoid: |x| relu6(x + 3.0) / 6.0;
    /// Returns x · [`hard_sigmoid`](hard_sigmoid())(x).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::hard_silu(3.0).item::<f32>(), 3.0);
    /// ```
    hard_silu: |x| x * hard_sigmoid(x);
    /// Returns x · [`hard_sigmoid`](hard_sigmoid())(x); another name for [`hard_silu`].
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::hard_swish(-3.0).item::<f32>(), 0.0);
    /// ```
    hard_swish: |x| hard_silu(x);
    /// Returns x between −1 and 1. The derivative at both bounds is 1.
    ///
    /// ```
    /// use cotangent::{Array, nn};
    /// assert_eq!(nn::hard_tanh(Array::from([-3.0f32, 0.5, 3.0])).to_vec::<f32>(), [-1.0, 0.5, 1.0]);
    /// ```
    hard_tanh: |x| where_(x.greater(1.0), 1.0, where_(x.less(-1.0), -1.0, x));
    /// Returns the scaled exponential linear unit: λ · x for x > 0, and λ · α · (eˣ − 1) otherwise, with λ ≈ 1.0507 and
    /// α ≈ 1.6733 ([source](https://arxiv.org/abs/1706.02515)).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert!((nn::selu(1.0).item::<f32>() - 1.050701).abs() < 1e-6);
    /// ```
    selu: |x| 1.050_700_987_355_480_5 * elu_with(x, 1.673_263_242_354_377_2);
    /// Returns the exponential linear unit: x for x > 0, and eˣ − 1 otherwise.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::elu(2.0).item::<f32>(), 2.0);
    /// ```
    elu: |x| elu_with(x, 1.0);
    /// Returns the continuously differentiable exponential linear unit with α = 1.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::celu(2.0).item::<f32>(), 2.0);
    /// ```
    celu: |x| celu_with(x, 1.0);
    /// Returns x for x ≥ 0, and 0.01 · x otherwise.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::leaky_relu(-100.0).item::<f32>(), -1.0);
    /// ```
    leaky_relu: |x| leaky_relu_with(x, 1e-2);
    /// Returns (x + √(x² + 4)) / 2, a function like [`softplus`] without exponentials
    /// ([source](https://arxiv.org/abs/2112.11687)).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::squareplus(0.0).item::<f32>(), 1.0);
    /// ```
    squareplus: |x| squareplus_with(x, 4.0);
    /// Returns the Gaussian error linear unit in its approximate form, x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).
    /// This is what JAX's `gelu` computes unless told otherwise.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert!((nn::gelu(1.0).item::<f32>() - 0.841192).abs() < 1e-6);
    /// ```
    gelu: |x| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
        x * (0.5 * (1.0 + inner.tanh()))
    };
    /// Returns the Gaussian error linear unit, x/2 · erfc(−x/√2): JAX's `gelu(x, approximate=False)`.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert!((nn::gelu_exact(1.0).item::<f32>() - 0.841345).abs() < 1e-6);
    /// ```
    gelu_exact: |x| 0.5 * x * (-x * std::f64::consts::FRAC_1_SQRT_2).erfc();
}

activations_with! {
    /// [`elu`] with a parameter: x for x > 0, and α · (eˣ − 1) otherwise.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::elu_with(-1000.0, 2.0).item::<f32>(), -2.0);
    /// ```
    elu_with: |x, alpha| {
        let positive = x.greater(0.0);
        where_(&positive, x, alpha * where_(&positive, 0.0, x).expm1())
    };
    /// [`celu`] with a parameter: x for x > 0, and α · (exp(x/α) − 1) otherwise
    /// ([source](https://arxiv.org/abs/1704.07483)).
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::celu_with(-1000.0, 2.0).item::<f32>(), -2.0);
    /// ```
    celu_with: |x, alpha| x.maximum(0.0) + alpha * (x.minimum(0.0) / alpha).expm1();
    /// [`leaky_relu`] with a slope for x < 0.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::leaky_relu_with(-2.0, 0.5).item::<f32>(), -1.0);
    /// ```
    leaky_relu_with: |x, slope| where_(x.greater_equal(0.0), x, slope * x);
    /// [`squareplus`] with a parameter of smoothness: (x + √(x² + b)) / 2.
    ///
    /// ```
    /// use cotangent::nn;
    /// assert_eq!(nn::squareplus_with(-3.0, 16.0).item::<f32>(), 1.0);
    /// ```
    squareplus_with: |x, b| (x + (x.square() + b).sqrt()) / 2.0;
}

/// Returns the gated linear unit: the first half of `x` along an axis, times the [sigmoid](sigmoid()) of the second
/// half.
///
/// ```
/// use cotangent::{Array, nn};
/// assert_eq!(nn::glu(Array::from([[3.0f32, 5.0, 0.0, 0.0]]), -1).to_vec::<f32>(), [1.5, 2.5]);
/// ```
///
/// # Panics
/// If there is no such axis, or its size is odd.
#[track_caller]
pub fn glu(x: impl ArrayLike, axis: isize) -> Array {
    let x = x.to_array().to_inexact();
    let at = canonical_axis(axis, x.ndim()).map_err(|e| e.context("glu")).or_raise();
    if !x.shape()[at].is_multiple_of(2) {
        raise(
            Error::shape(format!("glu: axis {axis} of {} cannot be divided into two halves", x.aval()))
                .help("the first half is multiplied by the sigmoid of the second; their axis must have an even size"),
        );
    }
    at_caller(|| {
        as_one(&[x], |x| {
            let halves = split(&x[0], 2, axis);
            &halves[0] * halves[1].logistic()
        })
    })
}
