//! The incomplete gamma functions and their derivatives in the shape parameter, by the methods of the Cephes library
//! (Moshier): a power series if x is small compared to a, and a continued fraction otherwise.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::ir::lowering::Lowering;

use super::staged::{self, choose, epsilon, largest, like, repeat};

/// What to compute from a sum: its value, its derivative in a, or the derivative of a sample from the gamma
/// distribution, which is −(∂P/∂a)/(∂P/∂x).
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Value,
    Derivative,
    Sample,
}

/// Returns the new parts of a state where `active`, and the old ones elsewhere. An element whose sum has converged does
/// not change while others continue.
fn advance(active: &Array, new: Vec<Array>, old: &[Array]) -> impl Iterator<Item = Array> {
    new.into_iter().zip(old).map(|(new, old)| choose(active, &new, old))
}

/// Computes the lower function by Σ xⁿ / ((a+1)…(a+n)). `front` is xᵃ·exp(−x)/Γ(a).
fn series(front: &Array, a: &Array, x: &Array, active: &Array, wanted: Wanted) -> Array {
    let eps = epsilon(a.dtype());
    let (zero, one) = (like(a, 0.0), like(a, 1.0));
    let start = [active.clone(), a.clone(), one.clone(), one, zero.clone(), zero];
    let end = repeat(
        &start,
        |s| s[0].any(),
        |s| {
            let [active, n, term, sum, slope, slopes] = s else { unreachable!("the state has six parts") };
            let n = n + 1.0;
            let slope = slope * (x / &n) - (term * x) / (&n * &n);
            let slopes = slopes + &slope;
            let term = term * (x / &n);
            let sum = sum + &term;
            let more = match wanted {
                Wanted::Value => (&term / &sum).greater(eps),
                _ => (&slope / &slopes).abs().greater(eps),
            };
            let next = advance(active, vec![n, term, sum, slope, slopes], &s[1..]);
            std::iter::once(active.logical_and(more)).chain(next).collect()
        },
    );
    let (sum, slopes) = (&end[3], &end[5]);
    let log_slope = || x.log() - (a + 1.0).digamma();
    match wanted {
        Wanted::Value => sum * front / a,
        Wanted::Derivative => front * (sum * log_slope() + slopes) / a,
        Wanted::Sample => -(slopes + sum * log_slope()) * x / a,
    }
}

/// Computes the upper function by Legendre's continued fraction. Its convergents are p/q. When p becomes too large, the
/// four numbers that determine the next convergents are scaled down.
fn fraction(front: &Array, a: &Array, x: &Array, active: &Array, wanted: Wanted) -> Array {
    let eps = epsilon(a.dtype());
    let (zero, one) = (like(a, 0.0), like(a, 1.0));
    let y = 1.0 - a;
    let z = x + &y + 1.0;
    let (p1, q1) = (x + 1.0, &z * x);
    let convergent = &p1 / &q1;
    let dq1 = -x;
    let dconvergent = (&zero - &convergent * &dq1) / &q1;
    let steps = super::zeros((), a.dtype());
    let mut start = vec![active.clone(), steps, convergent, y, z, p1, q1, one, x.clone()];
    if wanted != Wanted::Value {
        start.extend([dconvergent, zero.clone(), dq1, zero.clone(), zero]);
    }
    let end = repeat(
        &start,
        |s| s[0].any().logical_and(s[1].less(2000.0)),
        |s| {
            let [active, c, ans, y, z, p1, q1, p2, q2, slopes @ ..] = s else { unreachable!("a state of nine parts") };
            let (c, y, z) = (c + 1.0, y + 1.0, z + 2.0);
            let yc = &y * &c;
            let p = p1 * &z - p2 * &yc;
            let q = q1 * &z - q2 * &yc;
            let defined = q.not_equal(0.0);
            let ratio = &p / &q;
            let change = choose(&defined, &((ans - &ratio) / &ratio).abs(), &like(&ratio, 1.0));
            let ans = choose(&defined, &ratio, ans);
            let large = p.abs().greater(1.0 / eps);
            let scaled = |x: &Array| choose(&large, &(x * eps), x);
            let mut next = vec![ans.clone(), y, z, scaled(&p), scaled(&q), scaled(p1), scaled(q1)];
            let more = if let [dans, dp1, dq1, dp2, dq2] = slopes {
                let dp = dp1 * &next[2] - p1 - dp2 * &yc + p2 * &c;
                let dq = dq1 * &next[2] - q1 - dq2 * &yc + q2 * &c;
                let slope = choose(&defined, &((&dp - &ans * &dq) / &q), dans);
                let change = choose(&defined, &(&slope - dans).abs(), &like(dans, 1.0));
                next.extend([slope, scaled(&dp), scaled(&dq), scaled(dp1), scaled(dq1)]);
                change.greater(eps)
            } else {
                change.greater(eps)
            };
            [active.logical_and(more), c].into_iter().chain(advance(active, next, &s[2..])).collect()
        },
    );
    let log_slope = || x.log() - a.digamma();
    match wanted {
        Wanted::Value => &end[2] * front,
        Wanted::Derivative => front * (&end[2] * log_slope() + &end[9]),
        Wanted::Sample => -(&end[9] + &end[2] * log_slope()) * x,
    }
}

/// Returns xᵃ·exp(−x)/Γ(a), and a mask of where it is large enough to matter.
fn front(a: &Array, x: &Array) -> (Array, Array) {
    let log = a * x.log() - x - a.lgamma();
    (log.exp(), log.less(-largest(a.dtype()).ln()).logical_not())
}

fn or<const N: usize>(flags: [Array; N]) -> Array {
    flags.into_iter().reduce(|a, b| a.logical_or(b)).unwrap_or_else(|| Array::from(false))
}

fn nan(x: &Array) -> Array {
    x.not_equal(x)
}

/// Returns where a and x are outside the domain of these functions: negative, both zero, both infinite, or NaN.
fn outside_domain(a: &Array, x: &Array) -> Array {
    let both = |v: f64| a.equal(v).logical_and(x.equal(v));
    or([x.less(0.0), a.less(0.0), both(0.0), both(f64::INFINITY), nan(a), nan(x)])
}

fn igamma(args: &[Array]) -> Array {
    let (a, x) = (&args[0], &args[1]);
    let (wrong, at_infinity) = (outside_domain(a, x), x.equal(f64::INFINITY));
    let at_zero = x.equal(0.0).logical_or(a.equal(f64::INFINITY));
    let (front, counts) = front(a, x);
    let upper = x.greater_equal(1.0).logical_and(x.greater(a));
    let active = counts.logical_and(or([at_zero.clone(), wrong.clone(), at_infinity.clone()]).logical_not());
    let by_fraction = 1.0 - fraction(&front, a, x, &active.logical_and(&upper), Wanted::Value);
    let by_series = series(&front, a, x, &active.logical_and(upper.logical_not()), Wanted::Value);
    let value = choose(&upper, &by_fraction, &by_series);
    let value = choose(&at_zero, &like(a, 0.0), &value);
    let value = choose(&at_infinity, &like(a, 1.0), &value);
    choose(&wrong, &like(a, f64::NAN), &value)
}

fn igammac(args: &[Array]) -> Array {
    let (a, x) = (&args[0], &args[1]);
    let wrong = outside_domain(a, x);
    let nothing = x.equal(f64::INFINITY).logical_or(a.equal(0.0));
    let (front, counts) = front(a, x);
    let lower = x.less(1.0).logical_or(x.less(a));
    let all = a.equal(f64::INFINITY);
    let active = counts.logical_and(or([wrong.clone(), nothing.clone(), all.clone()]).logical_not());
    let by_series = 1.0 - series(&front, a, x, &active.logical_and(&lower), Wanted::Value);
    let by_fraction = fraction(&front, a, x, &active.logical_and(lower.logical_not()), Wanted::Value);
    let value = choose(&lower, &by_series, &by_fraction);
    let value = choose(&nothing, &like(a, 0.0), &value);
    let value = choose(&all, &like(a, 1.0), &value);
    choose(&wrong, &like(a, f64::NAN), &value)
}

/// Returns the derivative of P(a, x), or of a sample, in a.
fn in_shape(a: &Array, x: &Array, wanted: Wanted) -> Array {
    let wrong = or([x.less(0.0), a.less_equal(0.0), nan(a), nan(x)]);
    let at_zero = x.equal(0.0);
    let (front, counts) = front(a, x);
    let upper = x.greater(1.0).logical_and(x.greater(a));
    let active = counts.logical_and(at_zero.logical_or(&wrong).logical_not());
    let by_fraction = -fraction(&front, a, x, &active.logical_and(&upper), wanted);
    let by_series = series(&front, a, x, &active.logical_and(upper.logical_not()), wanted);
    let value = choose(&upper, &by_fraction, &by_series);
    let value = choose(&at_zero, &like(a, 0.0), &value);
    choose(&wrong, &like(a, f64::NAN), &value)
}

pub(super) fn lower_igamma(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower(cx, args, inputs, out, igamma)
}

pub(super) fn lower_igammac(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower(cx, args, inputs, out, igammac)
}

pub(super) fn lower_igamma_grad_a(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower(cx, args, inputs, out, |x| in_shape(&x[0], &x[1], Wanted::Derivative))
}

pub(super) fn lower_random_gamma_grad(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower(cx, args, inputs, out, |x| in_shape(&x[0], &x[1], Wanted::Sample))
}

/// Returns the density of the gamma distribution, ∂P(a, x)/∂x. At x = 0, it is determined by the power alone, whose
/// rule knows its derivatives there.
pub(super) fn density(a: &Array, x: &Array) -> Array {
    let most = largest(if x.dtype().bits() < 32 { DType::F32 } else { x.dtype() }) / 1e3;
    let [a, x] = &super::broadcast([bounded(a, most), bounded(x, most)]);
    let shape = if x.ndim() > 0 { x.shape() } else { a.shape() };
    let (at_zero, one) = (x.equal(0.0), Array::literal(Literal::int(x.dtype(), 1)));
    let inside = super::select(&at_zero, &one, x, shape);
    let edge = super::select(&at_zero.logical_and(a.not_equal(1.0)), x, &one, shape);
    let log = super::select(&at_zero, &Array::literal(Literal::int(x.dtype(), 0)), &((a - 1.0) * inside.log()), shape);
    // For a = 1, the exponential distribution, the logarithm of the gamma function is exactly zero.
    let level = a.lgamma();
    let error = super::select(&a.equal(1.0), &level, &Array::literal(Literal::int(x.dtype(), 0)), a.shape());
    edge.pow(a - 1.0) * (log - x - (level - error.stop_gradient())).exp()
}

/// Replaces infinity by a number so large that the density underflows, which avoids ∞ − ∞.
fn bounded(x: &Array, most: f64) -> Array {
    super::select(&x.equal(f64::INFINITY), &Array::literal(Literal::float(x.dtype(), most)), x, x.shape())
}
