//! The regularized incomplete beta function, by its continued fraction (DLMF 8.17.22).

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Result, raise};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent, no_derivative};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise::{self, spread_tangent};
use super::staged::{self, choose, epsilon, like, repeat, smallest};

/// `regularized_incomplete_beta`, elementwise: the probability of at most x under the beta distribution with parameters
/// a and b. The operands are a, b and x. It is differentiable in x.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// # use cotangent::extend::primitives::RegularizedIncompleteBeta;
/// let [a, b, x] = [2.0f32, 2.0, 0.5].map(|v| Array::from([v]));
/// let y = bind1(RegularizedIncompleteBeta, &[&a, &b, &x]);
/// assert!((y.to_vec::<f32>()[0] - 0.5).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegularizedIncompleteBeta;

impl Primitive for RegularizedIncompleteBeta {
    fn name(&self) -> &'static str {
        "regularized_incomplete_beta"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, Domain::FLOATS.one_dtype(inputs)?)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        if dx[0].is_some() || dx[1].is_some() {
            raise(no_derivative(self.name(), "the parameters a and b"));
        }
        let out = bind1(RegularizedIncompleteBeta, &[&x[0], &x[1], &x[2]]);
        let tangent = dx[2].as_ref().map(|t| spread_tangent(&(density(&x[0], &x[1], &x[2]) * t), &out));
        (vec![out], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        [staged::lower(cx, args, inputs, &outs[0], |x| betainc(&x[0], &x[1], &x[2]))].into()
    }

    fn is_loop(&self) -> bool {
        true
    }
}

/// The density of the beta distribution. At the ends, a power determines it, whose rule knows its derivatives there.
fn density(a: &Array, b: &Array, x: &Array) -> Array {
    let [a, b, x] = &super::broadcast([a.clone(), b.clone(), x.clone()]);
    let shape = [a, b, x].into_iter().find(|x| x.ndim() > 0).map_or(&[][..], Array::shape);
    let number = |v: i64| Array::literal(Literal::int(x.dtype(), v));
    let (left, right) = (x.equal(0.0), x.equal(1.0));
    let at = |end: &Array, yes: &Array, no: &Array| super::select(end, yes, no, shape);
    let log_beta = a.lgamma() + b.lgamma() - (a + b).lgamma();
    let (low, high) = (at(&left, &number(1), x), at(&right, &number(0), x));
    let log = (b - 1.0) * (-high).log1p() + (a - 1.0) * low.log() - log_beta;
    let (start, end) = (at(&left, x, &number(1)), at(&right, &(1.0 - x), &number(1)));
    start.pow(a - 1.0) * end.pow(b - 1.0) * log.exp()
}

fn betainc(a: &Array, b: &Array, x: &Array) -> Array {
    let nan = |x: &Array| x.not_equal(x);
    // All the probability is at zero, or all of it at one.
    let at_zero = a.equal(0.0).logical_or(b.equal(f64::INFINITY));
    let at_one = b.equal(0.0).logical_or(a.equal(f64::INFINITY));
    let (left, right) = (x.equal(0.0), x.equal(1.0));
    let none = at_one.logical_and(right.logical_not()).logical_or(at_zero.logical_and(&left));
    let all = at_zero.logical_and(left.logical_not()).logical_or(at_one.logical_and(&right));
    let outside = [a.less(0.0), b.less(0.0), x.less(0.0), x.greater(1.0), at_zero.logical_and(&at_one), nan(a), nan(b)]
        .into_iter()
        .fold(nan(x), |wrong, flag| wrong.logical_or(flag));

    // The fraction converges fast to the left of the mean. To the right, the mirrored distribution is used.
    let fast = x.less((a + 1.0) / (a + b + 2.0));
    let (a, b) = (&choose(&fast, a, b), &choose(&fast, b, a));
    let x = &choose(&fast, x, &(1.0 - x));
    let rest = b.lgamma() - (a + b).lgamma();
    let log_tail = (-x).log1p() * b;
    // As a tends to 0, a·Γ(a) tends to 1, but Γ(a) itself overflows.
    let tiny = a.less(2.0 * smallest(a.dtype()));
    let factor =
        choose(&tiny, &(&log_tail - &rest).exp(), &((x.log() * a + &log_tail - (a.lgamma() + &rest)).exp() / a));
    let value = fraction(a, b, x) * factor;
    let value = choose(&fast, &value, &(1.0 - &value));
    let value = choose(&none, &like(a, 0.0), &value);
    let value = choose(&all, &like(a, 1.0), &value);
    choose(&outside, &like(a, f64::NAN), &value)
}

/// Evaluates the continued fraction by the modified Lentz method, until no element changes any more.
fn fraction(a: &Array, b: &Array, x: &Array) -> Array {
    let half_eps = epsilon(a.dtype()) / 2.0;
    let most = if a.dtype() == DType::F64 { 600 } else { 200 };
    let small = like(a, half_eps);
    let integer = |v: i64| Array::literal(Literal::int(DType::I32, v));
    let first = super::full((), Literal::int(DType::I32, 1));
    let going = super::full((), Literal::strong(true));
    let start = [first, going, small.clone(), like(a, 0.0), small.clone()];
    let end = repeat(
        &start,
        |s| s[0].less(integer(most)).logical_and(&s[1]),
        |s| {
            let [n, _, c, d, value] = s else { unreachable!("the state has five parts") };
            let half = (n - &integer(1)).lax_div(&integer(2));
            let even = (&half * &integer(2)).not_equal(n - &integer(1));
            let m = half.astype(a.dtype());
            let (two_m, one) = (&m * 2.0, like(a, 1.0));
            // For small a and m = 0, a + 2m would be in the numerator and in the denominator.
            let at_first = -(a + b) * x / (a + 1.0);
            let later = -(a + &m) * (a + b + &m) * x / ((a + &two_m) * (a + &two_m + 1.0));
            let even_term = super::select(&m.equal(0.0), &at_first, &later, a.shape());
            let odd_term = &m * (b - &m) * x / ((a + &two_m - 1.0) * (a + &two_m));
            let term = super::select(&even, &even_term, &odd_term, a.shape());
            let term = super::select(&n.equal(integer(1)), &one, &term, a.shape());
            let no_zero = |v: Array| choose(&v.abs().less(half_eps), &small, &v);
            let c = no_zero(1.0 + &term / c);
            let d = 1.0 / no_zero(1.0 + &term * d);
            let change = &c * &d;
            let going = (&change - 1.0).abs().greater_equal(half_eps).any();
            vec![n + &integer(1), going, c, d, value * change]
        },
    );
    end[4].clone()
}
