//! The QR decomposition with exchanged columns, as a program: for devices without LAPACK.

use crate::array::Array;
use crate::array::aval::broadcast_shapes;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::OrRaise;
use crate::trace::frames::bind1;

use super::parts::sizes;

use crate::ops::shape::Iota;
use crate::ops::{select, staged, zeros};

fn int(value: usize) -> Array {
    Array::literal(Literal::int(DType::I32, value as i64))
}

/// Counts along the last axis.
fn count(n: usize) -> Array {
    bind1(Iota { dtype: DType::I32, shape: [n].into_iter().collect(), dimension: 0 }, &[])
}

/// Returns `yes` where a condition, which is broadcast, is true.
fn choose(condition: &Array, yes: &Array, no: &Array) -> Array {
    let both = broadcast_shapes(yes.shape(), no.shape()).or_raise();
    select(condition, yes, no, &broadcast_shapes(condition.shape(), &both).or_raise())
}

/// Returns R and the reflections, the numbers of the columns, counted from one, and the factors τ (`Geqp3`). Each step
/// exchanges one pair of columns, chosen by the norms of what remains of them, and reflects the others.
pub(super) fn geqp3(a: &Array, chosen: &Array) -> Vec<Array> {
    let [m, n] = sizes(a);
    let batch = a.shape()[..a.ndim() - 2].to_vec();
    let k = m.min(n);
    let real = a.dtype().real();
    // The columns that are kept come first, in order.
    let kept = chosen.not_equal(int(0));
    let fixed = kept.astype(DType::I32).sum_keepdims(-1);
    let key = choose(&kept, &count(n).broadcast_to(chosen.shape()), &(count(n) + int(n)).broadcast_to(chosen.shape()));
    let place = key.expand_dims(-1).greater(key.expand_dims(-2)).astype(DType::I32).sum_axis(-1);
    let order = place.expand_dims(-1).equal(count(n)).astype(a.dtype());
    let a = super::product(a, &order);
    let numbers = (order_index(&order) * (count(n) + int(1)).expand_dims(-1)).sum_axis(-2);
    let tau = zeros([&batch[..], &[k]].concat(), a.dtype());
    if a.shape().contains(&0) {
        return vec![a, numbers, tau];
    }
    let step = |state: &[Array]| {
        let (i, a, numbers, tau) = (&state[0], &state[1], &state[2], &state[3]);
        let down = count(m).expand_dims(-1);
        let across = count(n);
        // The norms of the rows that are left.
        let left = choose(&down.greater_equal(i), a, &zeros((), a.dtype()));
        let largest = left.abs().max_keepdims(-2);
        let unit = Array::literal(Literal::int(real, 1));
        let scale = choose(&largest.equal(zeros((), real)), &unit, &largest);
        let scaled = left.abs() / &scale;
        let norms = ((&scaled * &scaled).sum_keepdims(-2).sqrt() * &scale).reshape(numbers.shape());
        let open = across.greater_equal(i);
        let least = Array::literal(Literal::int(real, -1));
        let best = choose(&open, &norms, &least).argmax_axis(-1).expand_dims(-1);
        let best = choose(&fixed.greater(i), &i.broadcast_to(fixed.shape()), &best);
        // The exchange of columns i and `best`.
        let (at_i, at_best) = (across.equal(i).broadcast_to(numbers.shape()), across.equal(&best));
        let column = |at: &Array, x: &Array| choose(&at.expand_dims(-2), x, &zeros((), x.dtype())).sum_keepdims(-1);
        let number = |at: &Array| choose(at, numbers, &int(0)).sum_keepdims(-1);
        let (here, there) = (column(&at_i, a), column(&at_best, a));
        let a = choose(&at_i.expand_dims(-2), &there, &choose(&at_best.expand_dims(-2), &here, a));
        let numbers = choose(&at_i, &number(&at_best), &choose(&at_best, &number(&at_i), numbers));
        // The reflection.
        let x = choose(&down.greater(i), &there, &zeros((), a.dtype()));
        let alpha = choose(&down.equal(i), &there, &zeros((), a.dtype())).sum_keepdims(-2);
        let (v, factor, beta) = reflection(&alpha, &x, &down.equal(i));
        let conjugate = |x: &Array| if x.dtype().is_complex() { x.conj() } else { x.clone() };
        let rest = across.greater(i);
        let products = (conjugate(&v) * &a).sum_keepdims(-2);
        let next = &a - &v * (conjugate(&factor) * products);
        let stored = choose(&down.equal(i), &beta, &choose(&down.greater(i), &v, &there));
        let a = choose(&at_i.expand_dims(-2), &stored, &choose(&rest, &next, &a));
        let tau = choose(&count(k).equal(i), &factor.reshape(fixed.shape()), tau);
        vec![i + int(1), a, numbers, tau]
    };
    let state = [zeros((), DType::I32), a, numbers, tau];
    let mut results = staged::repeat(&state, |state| state[0].less(int(k)), step);
    results.split_off(1)
}

/// Returns a matrix of zeros and ones as integers.
fn order_index(order: &Array) -> Array {
    order.not_equal(zeros((), order.dtype())).astype(DType::I32)
}

/// Returns v, τ and β for the reflection that eliminates `x` with the element `alpha` above it (LAPACK's `larfg`).
fn reflection(alpha: &Array, x: &Array, first: &Array) -> (Array, Array, Array) {
    let dtype = alpha.dtype();
    let real = dtype.real();
    let part = |x: &Array| if dtype.is_complex() { x.real() } else { x.clone() };
    let zero = zeros((), real);
    let one = Array::literal(Literal::int(dtype, 1));
    let unit = Array::literal(Literal::int(real, 1));
    let largest = alpha.abs().maximum(x.abs().max_keepdims(-2));
    let scale = choose(&largest.equal(&zero), &unit, &largest);
    let (a, b) = (alpha.abs() / &scale, x.abs() / &scale);
    let tail = (&b * &b).sum_keepdims(-2);
    let length = (&a * &a + &tail).sqrt() * &scale;
    let head = part(alpha);
    let beta = choose(&head.less(&zero), &length, &-&length);
    let imaginary = if dtype.is_complex() { alpha.imag().not_equal(&zero) } else { head.not_equal(&head) };
    let needed = tail.not_equal(&zero).logical_or(imaginary);
    let beta = choose(&needed, &beta, &head).convert(dtype, false);
    let divisor = choose(&needed, &beta, &one);
    let tau = choose(&needed, &((&beta - alpha) / divisor), &zeros((), dtype));
    let denominator = choose(&needed, &(alpha - &beta), &one);
    let v = choose(first, &one, &(x / denominator));
    (v, tau, beta)
}
