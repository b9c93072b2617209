//! The QR decomposition with exchanged columns, as a program: for devices without LAPACK.

use crate::array::Array;
use crate::array::aval::broadcast_shapes;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::OrRaise;
use crate::trace::frames::bind1;

use super::parts::sizes;

use crate::ops::shape::Iota;
use crate::ops::sort::take_along;
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
    // Columns that are kept are exchanged with the first ones, as in LAPACK.
    let kept = chosen.not_equal(int(0)).astype(DType::I32);
    let numbers = (count(n) + int(1)).broadcast_to(chosen.shape());
    let none = zeros([&batch[..], &[1]].concat(), DType::I32);
    let arrange = |state: &[Array]| {
        let (j, fixed, numbers) = (&state[0], &state[1], &state[2]);
        let here = count(n).equal(j).broadcast_to(numbers.shape());
        let there = count(n).equal(fixed);
        let keeps = choose(&here, &kept, &int(0)).sum_keepdims(-1);
        let other = choose(&there, numbers, &int(0)).sum_keepdims(-1);
        let exchanged = choose(&there, &(j + int(1)), &choose(&here, &other, numbers));
        let numbers = choose(&keeps.greater(int(0)), &exchanged, numbers);
        vec![j + int(1), fixed + keeps, numbers]
    };
    let start = [zeros((), DType::I32), none, numbers];
    let arranged = staged::repeat(&start, |state| state[0].less(int(n)), arrange);
    let (fixed, numbers) = (arranged[1].clone(), arranged[2].clone());
    let index = (&numbers - int(1)).expand_dims(-2).broadcast_to(a.shape());
    let a = if a.shape().contains(&0) { a.clone() } else { take_along(a, &index, a.ndim() - 1) };
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
