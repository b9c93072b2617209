//! The table by which the functions of distributions are defined.

/// Defines functions of a distribution, named by the first literal. A row has the function's name, its parameters, each
/// with a value for an example, the result of the example, and the body, which sees the parameters as arrays of one
/// floating-point dtype and rank.
macro_rules! functions {
    ($module:literal;
        $($(#[$doc:meta])* $name:ident($($param:ident = $example:literal),+) = $value:literal: $body:expr;)*) => { $(
        $(#[$doc])*
        #[doc = concat!("\n```\nuse cotangent::scipy::stats::", $module, ";")]
        #[doc = concat!("let y = ", $module, "::", stringify!($name), "(", $(stringify!($example), ", ",)+ ");")]
        #[doc = concat!("assert!((y.item::<f64>() - ", stringify!($value), ").abs() < 1e-5);\n```")]
        #[track_caller]
        pub fn $name($($param: impl ArrayLike),+) -> Array {
            let [$($param),+] = met_inexact([$($param.to_array()),+]);
            $body
        }
    )* };
}
pub(super) use functions;

use crate::array::{Array, ArrayLike};
use crate::numpy::{power, where_};
use crate::scipy::special;

/// The distance from `loc` in units of `scale`.
#[track_caller]
pub(super) fn standard(x: &Array, loc: &Array, scale: &Array) -> Array {
    (x - loc) / scale
}

/// −∞ where a point is outside of the support, and `y` elsewhere. NaN is not outside.
#[track_caller]
pub(super) fn nothing_where(outside: &Array, y: Array) -> Array {
    where_(outside, f64::NEG_INFINITY, y)
}

/// A function of the points of a support. A point on one of the sides outside is replaced by `inside`, where the function has
/// a slope, and its result by the constant of that side.
#[track_caller]
pub(super) fn on_support<const N: usize>(
    z: &Array,
    inside: impl ArrayLike,
    sides: [(Array, f64); N],
    f: impl FnOnce(Array) -> Array,
) -> Array {
    let outside = sides.iter().map(|(side, _)| side.clone()).reduce(|a, b| a.logical_or(&b)).expect("a side");
    let y = f(where_(outside, inside, z));
    sides.into_iter().rev().fold(y, |y, (side, value)| where_(side, value, y))
}

/// What a density has of its factor uᵖ at the end of its support, u = 0, and whether a point is there: uᵖ at the end, where
/// the rule of the power has the slope of the side inside, and 1 elsewhere. Without the end, its logarithm has slopes.
#[track_caller]
pub(super) fn power_at_end(u: &Array, p: &Array) -> (Array, Array) {
    let end = u.equal(0.0);
    (power(where_(&end, u, 1.0), p), end)
}

/// p · log(u). What has not happened, with p = 0, has the slope 0 in the probability u, also in u = 0.
#[track_caller]
pub(super) fn log_power(p: &Array, u: &Array) -> Array {
    special::xlogy(p, where_(p.equal(0.0).logical_and(u.equal(0.0)), 1.0, u))
}

/// p · log(u) + q · log(1 − u), with slopes as those of [`log_power`].
#[track_caller]
pub(super) fn log_powers(p: &Array, q: &Array, u: &Array) -> Array {
    let never = q.equal(0.0).logical_and(u.equal(1.0));
    log_power(p, u) + special::xlog1py(q, where_(never, 0.0, -u))
}

/// uᵖ (1 − u)^q exp(`rest`) for a `u` in [0, 1], with the slopes of the side inside at both ends.
#[track_caller]
pub(super) fn power_product(u: &Array, p: &Array, q: &Array, rest: impl ArrayLike) -> Array {
    let ((left, start), (right, end)) = (power_at_end(u, p), power_at_end(&(1.0 - u), q));
    let powers = special::xlogy(p, where_(start, 1.0, u)) + special::xlog1py(q, where_(end, 0.0, -u));
    left * right * (powers + rest.to_array()).exp()
}

/// `y` for a probability `q`, and NaN for any other number.
#[track_caller]
pub(super) fn at_probability(q: &Array, y: Array) -> Array {
    where_(q.greater_equal(0.0).logical_and(q.less_equal(1.0)), y, f64::NAN)
}

/// log(1 − exp(−t)) for t ≥ 0, without cancellation at either end.
#[track_caller]
pub(super) fn log1mexp(t: &Array) -> Array {
    let near = t.less(std::f64::consts::LN_2);
    // Each branch sees only arguments for which its derivative is finite.
    let (small, large) = (where_(&near, t, 1.0), where_(&near, 1.0, t));
    where_(near, (-(-small).expm1()).log(), (-(-large).exp()).log1p())
}
