//! Polynomials, given by their coefficients from the highest power down.

use crate::api::program::as_one;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::{in_one_dtype, in_one_inexact_dtype};

use super::manipulation::{atleast_1d, pad};
use super::signals::{Overlap, convolve};

#[track_caller]
fn vector(what: &str, p: impl ArrayLike) -> Array {
    let p = p.to_array();
    if p.ndim() != 1 {
        raise(Error::shape(format!("{what}: expected a vector of coefficients, got {}", p.aval())));
    }
    p
}

/// Returns the value of a polynomial at `x`, by Horner's rule. The coefficients are along the first axis of `p`; its
/// other axes broadcast with those of `x`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// // 2 x² + 3
/// assert_eq!(np::polyval(Array::from([2.0f32, 0.0, 3.0]), Array::from([1.0f32, 2.0])).to_vec::<f32>(), [5.0, 11.0]);
/// ```
///
/// # Panics
/// If `p` is a scalar, or the shapes do not broadcast.
#[track_caller]
pub fn polyval(p: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [p, x] = in_one_dtype([p.to_array(), x.to_array()]);
    if p.ndim() == 0 {
        raise(Error::shape(format!("polyval: expected coefficients along an axis, got {}", p.aval())));
    }
    as_one(&[p, x], |args| {
        let [p, x] = args else { unreachable!("two operands") };
        let coefficient = |i: usize| p.at(i).get();
        let start = super::zeros_as((), x.dtype()) * x + super::zeros_as(&p.shape()[1..], p.dtype());
        (0..p.shape()[0]).map(coefficient).reduce(|y, c| y * x + c).map_or(start.clone(), |y| y + start)
    })
}

/// Returns the sum of two polynomials.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::polyadd(Array::from([1, 2, 3]), Array::from([4, 5])).to_vec::<i32>(), [1, 6, 8]);
/// ```
///
/// # Panics
/// If an operand is not a vector.
#[track_caller]
pub fn polyadd(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = aligned("polyadd", p, q);
    p + q
}

/// Returns the difference of two polynomials.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::polysub(Array::from([1, 2, 3]), Array::from([4, 5])).to_vec::<i32>(), [1, -2, -2]);
/// ```
///
/// # Panics
/// If an operand is not a vector.
#[track_caller]
pub fn polysub(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = aligned("polysub", p, q);
    p - q
}

/// Returns two polynomials with the same number of coefficients.
#[track_caller]
fn aligned(what: &str, p: impl ArrayLike, q: impl ArrayLike) -> [Array; 2] {
    let [p, q] = in_one_dtype([vector(what, p), vector(what, q)]);
    let n = p.size().max(q.size());
    [p, q].map(|p| if p.size() < n { pad(&p, &[(n - p.size(), 0)], 0) } else { p })
}

/// Returns the product of two polynomials. Integers become floats.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let p = Array::from([1.0f32, 2.0]);
/// assert_eq!(np::polymul(&p, &p).to_vec::<f32>(), [1.0, 4.0, 4.0]);
/// ```
///
/// # Panics
/// If an operand is not a vector.
#[track_caller]
pub fn polymul(p: impl ArrayLike, q: impl ArrayLike) -> Array {
    let [p, q] = in_one_inexact_dtype([vector("polymul", p), vector("polymul", q)]);
    let [p, q] = [p, q].map(|p| if p.size() == 0 { super::zeros_as([1], p.dtype()) } else { p });
    convolve(p, q, Overlap::Full)
}

/// Returns the quotient and the remainder of two polynomials. The remainder has as many coefficients as `p`.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (quotient, remainder) = np::polydiv(Array::from([1.0f32, 0.0, 3.0]), Array::from([1.0f32, 1.0]));
/// assert_eq!((quotient.to_vec::<f32>(), remainder.to_vec::<f32>()), (vec![1.0, -1.0], vec![0.0, 0.0, 4.0]));
/// ```
///
/// # Panics
/// If an operand is not a vector, or `q` is empty.
#[track_caller]
pub fn polydiv(p: impl ArrayLike, q: impl ArrayLike) -> (Array, Array) {
    let [p, q] = in_one_inexact_dtype([vector("polydiv", p), vector("polydiv", q)]);
    let (m, n) = (p.size(), q.size());
    if n == 0 {
        raise(Error::shape(format!("polydiv: expected a divisor with coefficients, got {}", q.aval())));
    }
    if m < n {
        return (super::zeros_as([1], p.dtype()), p);
    }
    let both = crate::api::program::as_library(&[p, q], |args| {
        let [p, q] = args else { unreachable!("two operands") };
        let scale = 1.0 / q.slice_axis(0, 0, 1);
        let (mut quotient, mut rest) = (Vec::new(), p.clone());
        for k in 0..=m - n {
            let digit = &scale * rest.slice_axis(0, k, k + 1);
            rest -= pad(&digit * q, &[(k, m - n - k)], 0);
            quotient.push(digit);
        }
        vec![super::concatenate(quotient, 0), rest]
    });
    let [quotient, rest] = <[Array; 2]>::try_from(both).unwrap_or_else(|_| unreachable!("two results"));
    (quotient, rest)
}

/// Returns the factors that the coefficients of `n` powers, from the highest down, get by `m` derivatives.
fn falling(n: usize, m: usize) -> Vec<f64> {
    (0..n).rev().map(|power| (0..m).map(|i| (power + m - i) as f64).product()).collect()
}

/// Returns the `m`-th derivative of a polynomial. Integers become floats.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::polyder(Array::from([1.0f32, 2.0, 3.0]), 1).to_vec::<f32>(), [2.0, 2.0]);
/// ```
///
/// # Panics
/// If `p` is not a vector.
#[track_caller]
pub fn polyder(p: impl ArrayLike, m: usize) -> Array {
    let p = vector("polyder", p).to_inexact();
    let n = p.size().saturating_sub(m);
    if m == 0 { p } else { p.slice_axis(0, 0, n) * super::array_as(falling(n, m), p.dtype()) }
}

/// Returns the `m`-th antiderivative of a polynomial. `k` has the constants of integration, or one for all of them.
/// Integers become floats.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::polyint(Array::from([2.0f32, 2.0]), 1, 3.0).to_vec::<f32>(), [1.0, 2.0, 3.0]);
/// ```
///
/// # Panics
/// If `p` is not a vector, or there are neither one nor `m` constants.
#[track_caller]
pub fn polyint(p: impl ArrayLike, m: usize, k: impl ArrayLike) -> Array {
    let [p, k] = in_one_inexact_dtype([vector("polyint", p), atleast_1d(k)]);
    if k.ndim() != 1 || (k.size() != 1 && k.size() != m) {
        raise(Error::shape(format!("polyint: expected one or {m} constants, got {}", k.aval())));
    }
    let n = p.size();
    // The first constant is integrated m − 1 times more.
    let constants = (0..m).rev().map(|power| (1..=power).map(|i| i as f64).product());
    let divisors: Vec<f64> = falling(n, m).into_iter().chain(constants).collect();
    let k = k.broadcast_to([m]);
    super::concatenate([&p, &k], 0) / super::array_as(divisors, p.dtype())
}
