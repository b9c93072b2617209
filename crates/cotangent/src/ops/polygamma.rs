//! The derivatives of the digamma function, and the Hurwitz zeta function that they are computed from.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent, no_derivative};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise::{self, spread_tangent};
use super::slice::Concatenate;
use super::staged::{self, choose, like};

/// `polygamma`, elementwise: the derivative of order n of the digamma function at x. The operands are n and x.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let one = Array::from([1.0f32]);
/// let y = bind1(cotangent::extend::primitives::Polygamma, &[&one, &one]);
/// assert!((y.to_vec::<f32>()[0] - 1.644934).abs() < 1e-3); // π²/6
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Polygamma;

impl Primitive for Polygamma {
    fn name(&self) -> &'static str {
        "polygamma"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, Domain::FLOATS.one_dtype(inputs)?)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        if dx[0].is_some() {
            // The order is an integer, so there is no derivative with respect to it.
            crate::error::raise(no_derivative("polygamma", "its first operand, the order"));
        }
        let out = bind1(Polygamma, &[&x[0], &x[1]]);
        let tangent = dx[1].as_ref().map(|t| spread_tangent(t, &out) * bind1(Polygamma, &[&(&x[0] + 1.0), &x[1]]));
        (vec![out], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        [staged::lower(cx, args, inputs, &outs[0], |x| polygamma(&x[0], &x[1]))].into()
    }
}

pub(super) fn lower_zeta(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower(cx, args, inputs, out, |x| zeta(&x[0], &x[1]))
}

/// Computes (−1)ⁿ⁺¹ n! ζ(n + 1, x).
fn polygamma(n: &Array, x: &Array) -> Array {
    let order = n + 1.0;
    let size = order.lgamma().exp() * zeta(&order, x);
    let value = choose(&is_even(n), &-&size, &size);
    let value = choose(&n.equal(0.0), &x.digamma(), &value);
    choose(&n.less(0.0).logical_or(n.not_equal(n.floor())), &like(n, f64::NAN), &value)
}

fn is_even(x: &Array) -> Array {
    let half = x * 0.5;
    half.equal(half.floor())
}

/// B₂ⱼ/(2j)! for j = 1, 2, …
const BERNOULLI: [f64; 12] = [
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30240.0,
    -1.0 / 1_209_600.0,
    1.0 / 47_900_160.0,
    -691.0 / 1_307_674_368_000.0,
    1.0 / 74_724_249_600.0,
    -3617.0 / 10_670_622_842_880_000.0,
    43867.0 / 5_109_094_217_170_944_000.0,
    -174_611.0 / 802_857_662_698_291_200_000.0,
    77683.0 / 14_101_100_039_391_805_440_000.0,
    -236_364_091.0 / 1_693_824_136_731_743_669_452_800_000.0,
];

/// Computes ψ⁽ⁿ⁾(x) for a known order n ≥ 1. From 9 on, it uses the asymptotic series (DLMF 5.15.8). Smaller numbers
/// are shifted by adding the terms before it. Negative numbers use the reflection formula (−1)ⁿ ψ⁽ⁿ⁾(1 − x) − π dⁿ/dxⁿ
/// cot(πx) (DLMF 5.15.6). All steps are arithmetic, so the derivatives are equally accurate.
pub(crate) fn polygamma_of_order(n: u32, x: &Array) -> Array {
    if x.dtype().bits() < 32 {
        return polygamma_of_order(n, &x.astype(DType::F32)).astype(x.dtype());
    }
    let (power, wide) = (n as i32, x.dtype() == DType::F64);
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let negative = x.less(0.0);
    let y = choose(&negative, &(1.0 - x), x);
    let terms: u32 = if wide { 9 } else { 6 };
    let head = (0..terms).map(|k| (1.0 / (&y + f64::from(k))).powi(power + 1)).reduce(|a, b| a + b);
    let inverse = 1.0 / (y + f64::from(terms));
    // (2j + n − 1)!·B₂ⱼ/(2j)!
    let series = BERNOULLI.iter().take(if wide { 12 } else { 6 }).enumerate().rev();
    let series =
        series.fold(like(x, 0.0), |sum, (j, c)| &inverse * &inverse * (sum + c * factorial(2 * j as u32 + 1 + n)));
    let tail = inverse.powi(power) * (series + factorial(n - 1) + 0.5 * factorial(n) * &inverse);
    let size = head.map_or(like(x, 0.0), |head| head * factorial(n)) + tail;

    // The cotangent at the distance from the nearest integer. It is exactly zero halfway between two integers.
    let distance = choose(&negative, &(x - x.round()), &like(x, 0.5));
    let cosine = (std::f64::consts::PI * (0.5 - distance.abs())).sin();
    let mut cotangent = cosine / (std::f64::consts::PI * &distance).sin();
    if n.is_multiple_of(2) {
        // An odd function has no sign at its poles.
        cotangent = choose(&distance.equal(0.0), &like(x, f64::NAN), &cotangent);
    }
    // dⁿ/dxⁿ cot(πx) = πⁿ Qₙ(cot(πx)), Q₀(c) = c, Qₙ₊₁ = −(1 + c²)·Qₙ′
    let mut q = vec![0.0, 1.0];
    for _ in 0..n {
        let slope: Vec<f64> = (1..q.len()).map(|i| i as f64 * q[i]).collect();
        q = vec![0.0; slope.len() + 2];
        slope.iter().enumerate().for_each(|(i, c)| (q[i], q[i + 2]) = (q[i] - c, q[i + 2] - c));
    }
    let (highest, lower) = q.split_last().unwrap_or((&0.0, &[]));
    let q = lower.iter().rev().fold(like(x, *highest), |sum, c| sum * &cotangent + *c);
    let reflected = -size.clone() - std::f64::consts::PI.powi(power + 1) * q;
    let positive = if n.is_multiple_of(2) { -size } else { size };
    choose(&negative, &reflected, &positive)
}

/// Computes Σ (q + k)⁻ˢ over k ≥ 0 for q > 0 and s > 1: nine terms directly, and the rest by the Euler–Maclaurin
/// formula (DLMF 25.11.28 in powers of q + 9).
fn hurwitz(s: &Array, q: &Array) -> Array {
    let direct = 9;
    let head = (0..direct).map(|k| (-s * (q + f64::from(k)).log()).exp());
    let head = head.reduce(|a, b| a + b).unwrap_or_else(|| like(q, 0.0));

    let start = q + f64::from(direct);
    let (inverse, power) = (1.0 / &start, start.pow(1.0 - s));
    let square = inverse.square();
    // (s)₂ⱼ₋₁ / start²ʲ⁻¹
    let mut factor = s * &inverse;
    let mut sum = like(q, 0.0);
    for (j, c) in BERNOULLI.iter().take(if q.dtype() == DType::F64 { 12 } else { 5 }).enumerate() {
        sum += &factor * *c;
        let j = 2.0 * j as f64;
        factor *= (s + (j + 1.0)) * (s + (j + 2.0)) * &square;
    }
    let tail = &power * (1.0 / (s - 1.0) + &inverse * (sum + 0.5));
    // If the power underflows, the sum may be infinite.
    head + choose(&power.equal(0.0), &like(q, 0.0), &tail)
}

/// Computes the Hurwitz zeta function. For q < 0, s must be an integer. The function is then the sum over all integers
/// minus the sum over those before q. With e the distance of q from the nearest integer, on the side σ, it is
/// σ⁻ˢ·(e⁻ˢ + (−1)ˢ (1 − e)⁻ˢ + ζ(s, 1 + e) + (−1)ˢ ζ(s, 2 − e)) − (−1)ˢ ζ(s, 1 − q).
/// Halfway between two integers, terms cancel exactly.
fn zeta(s: &Array, q: &Array) -> Array {
    let (one, negative, even) = (like(q, 1.0), q.less(0.0), is_even(s));
    let distance = q - q.round();
    let size = choose(&negative, &distance.abs(), &one);
    let parity = choose(&even, &one, &-&one);
    let side = choose(&distance.less(0.0), &parity, &one);

    // The three arguments are computed together, so that the program contains the sums once.
    let arguments = [(1.0 + &size, q), (2.0 - &size, &one), (1.0 - q, &one)];
    let rows = arguments.map(|(below, above)| choose(&negative, &below, above).expand_dims(0));
    let arguments = bind1(Concatenate { dimension: 0 }, &rows.each_ref());
    let sums = hurwitz(&s.broadcast_to(arguments.shape()), &arguments);
    let sum = |i: usize| sums.slice_axis(0, i, i + 1).reshape(q.shape());
    let nearest = size.pow(-s) + &parity * (1.0 - &size).pow(-s);
    let below = side * (nearest + (sum(0) + &parity * sum(1))) - parity * sum(2);
    let value = choose(&negative, &below, &sum(0));
    let (nan, infinite) = (like(q, f64::NAN), like(q, f64::INFINITY));
    let value = choose(&negative.logical_and(s.not_equal(s.floor())), &nan, &value);
    let pole = q.less_equal(0.0).logical_and(q.equal(q.floor()));
    let value = choose(&pole, &choose(&even, &infinite, &nan), &value);
    let value = choose(&s.equal(1.0), &infinite, &value);
    choose(&s.less(1.0), &nan, &value)
}
