//! Derivatives of functions of matrices, of every order.
//!
//! With A = V diag(λ) V⁻¹, the derivative of f(A) along E is V (D ∘ V⁻¹ E V) V⁻¹, where Dᵢⱼ is the divided difference
//! f[λᵢ, λⱼ] (Daleckii and Krein; Higham, *Functions of Matrices*, theorem 3.11). So is that of order m, with divided
//! differences of m + 1 eigenvalues. The derivative of an operator of this kind is a sum of such operators, so one rule serves
//! all orders.

use std::sync::Arc;

use crate::api::custom::custom_jvp;
use crate::array::Array;
use crate::lax::Closure;
use crate::numpy::{self as np, linalg, where_};

use super::functions::precise;

/// The tangent of f(A), given those of what f captures and of A.
pub(super) fn slope(f: &Arc<Closure>, captures: &[Array], a: &Array, tangents: (&[Array], &Array)) -> Array {
    let along = multilinear(f, captures, a, std::slice::from_ref(tangents.1));
    match along_captures(f, captures, tangents.0) {
        Some((f, captures)) => along + multilinear(&f, &captures, a, &[]),
        None => along,
    }
}

/// The derivative of f along the tangents of what it captures, as a function that captures these as well.
fn along_captures(f: &Arc<Closure>, captures: &[Array], tangents: &[Array]) -> Option<(Arc<Closure>, Vec<Array>)> {
    (!captures.is_empty()).then(|| (Arc::new(f.along_captures()), [captures, tangents].concat()))
}

/// Returns V (Σ f[λₖ₀, …, λₖₘ] M¹ₖ₀ₖ₁ ⋯ Mᵐₖₘ₋₁ₖₘ) V⁻¹, the sum over the indices between the first and the last, where Mⁱ is
/// V⁻¹ Eⁱ V. Summed over the orders of the Eⁱ, it is the derivative of order m.
fn multilinear(f: &Arc<Closure>, captures: &[Array], a: &Array, along: &[Array]) -> Array {
    if a.size() == 0 {
        return a.clone();
    }
    let (of_value, of_slope) = (f.clone(), f.clone());
    let value = move |captures: &Vec<Array>, a: &Array, along: &Vec<Array>| {
        precise(|| in_eigenvectors(&of_value, captures, a, along))
    };
    let call = custom_jvp(value).defjvp(move |(captures, a, along), (captures_moving, a_moving, along_moving)| {
        let f = &of_slope;
        let mut terms: Vec<Array> = Vec::new();
        for place in 0..=along.len() {
            let mut longer = along.clone();
            longer.insert(place, a_moving.clone());
            terms.push(multilinear(f, captures, a, &longer));
        }
        for (place, moving) in along_moving.iter().enumerate() {
            let mut other = along.clone();
            other[place] = moving.clone();
            terms.push(multilinear(f, captures, a, &other));
        }
        if let Some((f, captures)) = along_captures(f, captures, captures_moving) {
            terms.push(multilinear(&f, &captures, a, along));
        }
        let sum = terms.into_iter().reduce(|a, b| a + b).unwrap_or_else(|| np::zeros_like(a));
        (multilinear(f, captures, a, along), sum)
    });
    call(&captures.to_vec(), a, &along.to_vec())
}

fn in_eigenvectors(f: &Closure, captures: &[Array], a: &Array, along: &[Array]) -> Array {
    let (eigenvalues, v) = linalg::eig(a);
    let batch = a.ndim() - 2;
    // The axes after those of the batch are the indices of the sum.
    let mut terms = divided_differences(f, captures, &eigenvalues, along.len());
    for (i, direction) in along.iter().enumerate() {
        let inner = linalg::solve(&v, direction.matmul(&v));
        terms *= at_axes(&inner, batch, &[i, i + 1], along.len() + 1);
    }
    let between: Vec<isize> = (1..along.len()).map(|i| (batch + i) as isize).collect();
    let inner = match along.len() {
        0 => terms.expand_dims(-1) * np::eye_as(eigenvalues.shape()[batch], eigenvalues.shape()[batch], 0, a.dtype()),
        1 => terms,
        _ => np::sum_axis(&terms, &between[..]),
    };
    // B V⁻¹ is the transpose of the solution of Vᵀ X = Bᵀ.
    let transposed = |x: &Array| x.moveaxis(-1, -2);
    transposed(&linalg::solve(transposed(&v), transposed(&v.matmul(inner))))
}

/// Gives the axes after those of the batch new places among `n`; the others have size one.
fn at_axes(x: &Array, batch: usize, places: &[usize], n: usize) -> Array {
    let mut shape = x.shape()[..batch].to_vec();
    shape.extend((0..n).map(|axis| places.iter().position(|p| *p == axis).map_or(1, |i| x.shape()[batch + i])));
    x.reshape(shape)
}

/// Returns the table of f[xₖ₀, …, xₖₘ] over all indices, which follow the axes of the batch. Of the arguments of each entry,
/// the two that are the farthest apart are divided by. Where all are close to each other, the entry is the mean of
/// f⁽ᵐ⁾(x) / m!, whose error is of second order in their distance.
fn divided_differences(f: &Closure, captures: &[Array], x: &Array, order: usize) -> Array {
    let batch = x.ndim() - 1;
    let mut slope = f.clone();
    let mut table = slope.call(captures, x);
    let mut factorial = 1.0;
    for m in 1..=order {
        slope = slope.slope();
        factorial *= m as f64;
        let n = m + 1;
        let along = |axis: usize| at_axes(x, batch, &[axis], n);
        let slopes = slope.call(captures, x) / factorial;
        let mean = (0..n).map(|axis| at_axes(&slopes, batch, &[axis], n)).reduce(|a, b| a + b);
        let size = (0..n).map(|axis| along(axis).abs()).reduce(|a, b| a.maximum(b));
        let (Some(mean), Some(size)) = (mean, size) else { break };
        let precision = 2f64.powi(-x.dtype().real().mantissa_bits()).powf(1.0 / (m as f64 + 2.0));
        let mut farthest = size * precision;
        let mut next = mean / n as f64;
        for (a, b) in (0..n).flat_map(|b| (0..b).map(move |a| (a, b))) {
            let without = |left_out: usize| {
                let rest: Vec<usize> = (0..n).filter(|axis| *axis != left_out).collect();
                at_axes(&table, batch, &rest, n)
            };
            let difference = along(a) - along(b);
            let distance = difference.abs();
            let farther = distance.greater(&farthest);
            let quotient = (without(b) - without(a)) / where_(&farther, difference, 1.0);
            next = where_(&farther, quotient, next);
            farthest = farthest.maximum(distance);
        }
        table = next;
    }
    table
}
