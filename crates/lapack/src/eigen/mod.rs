//! Eigenvalues and the reductions that lead to them: the algorithms of LAPACK, in its conventions.

mod balance;
mod eig;
mod eigh;
mod hessenberg;
mod multishift;
mod number;
mod reflections;
mod schur;
mod schur_complex;
mod schur_real;
mod tridiagonal;
mod vector;
mod vectors;

pub(crate) use eig::geev;
pub(crate) use eigh::{evd, iterate};
pub(crate) use hessenberg::gehrd;
pub(crate) use number::{Number, Real};
pub(crate) use schur::gees;
pub(crate) use tridiagonal::trd;
pub(crate) use vector::{add, dot, reflection, rotate};

use crate::numbers_mut as elements;

/// Returns the size of the square matrices of an array, and their number.
fn squares(dims: &[i64]) -> Result<[usize; 2], String> {
    let [n, columns] = crate::matrix(dims)?;
    match n == columns {
        true => Ok([n, dims[..dims.len() - 2].iter().product::<i64>() as usize]),
        false => Err("the matrices are not square".to_owned()),
    }
}

/// Returns an error if an array has another number of elements than its matrices need.
fn expect(len: usize, wanted: usize) -> Result<(), String> {
    if len == wanted { Ok(()) } else { Err("the shapes do not match".to_owned()) }
}

/// Returns powers of two whose product brings numbers of up to the given magnitude near one, if their squares could
/// leave the range. Two, because the reciprocal of a subnormal number is out of range. Powers of two change no digit.
pub(crate) fn scale<R: Real>(largest: R) -> Option<[R; 2]> {
    let small = R::SMALLEST.sqrt() / R::EPSILON;
    if largest == R::ZERO || (largest >= small && largest <= R::ONE / small) {
        return None;
    }
    let exponent = largest.log2().floor();
    let half = (exponent * R::literal(0.5)).floor();
    Some([(-half).exp2(), (half - exponent).exp2()])
}

/// Multiplies numbers by the factors that [`scale`] returned, or by their reciprocals.
pub(crate) fn rescale<T: Number>(x: &mut [T], factors: Option<[T::R; 2]>, back: bool) {
    for factor in factors.into_iter().flatten() {
        let factor = if back { T::R::ONE / factor } else { factor };
        x.iter_mut().for_each(|x| *x = x.times(factor));
    }
}

/// Returns the largest magnitude of a part of a number, or `None` if one is not finite.
pub(crate) fn largest<T: Number>(x: &[T]) -> Option<T::R> {
    let largest = x.iter().fold(T::R::ZERO, |largest, x| largest.max(x.re().abs()).max(x.im().abs()));
    // The maximum drops NaN; a sum does not.
    let sum = x.iter().fold(T::R::ZERO, |sum, x| sum + (x.re() - x.re()) + (x.im() - x.im()));
    (sum == T::R::ZERO).then_some(largest)
}
