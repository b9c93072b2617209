//! The exponential of a matrix, and its derivative along a direction.

use crate::api::linear::jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::linalg::library1;
use crate::lax::{self, Precision};
use crate::numpy::{self as np, linalg, where_};
use crate::ops::in_one_inexact_dtype;
use crate::ops::precision::default_matmul_precision;

use super::{Trans, solve_triangular};

/// Returns the exponential of a square matrix, Σ Aᵏ / k!. Leading axes are batch axes.
///
/// By scaling and squaring with a Padé approximant (Higham, 2005, *The scaling and squaring method for the matrix
/// exponential revisited*). In a batch, the approximant is chosen for the matrix with the greatest norm, and the matrix
/// products of a squaring are skipped if no matrix needs them.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::expm(Array::from([[0.0f32, 1.0], [0.0, 0.0]]));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 1.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn expm(a: impl ArrayLike) -> Array {
    expm_with(a, false, 16)
}

/// Like [`expm`], with options. Of an `upper_triangular` matrix, only the triangle should be nonzero; a linear system
/// is then solved by substitution. If the norm of a matrix would take more than `max_squarings` squarings, its
/// exponential is NaN. [`expm`] takes up to 16.
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let x = linalg::expm_with(Array::from([[0.0f32, 1.0], [0.0, 0.0]]), true, 16);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 1.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If the last two axes are not square.
#[track_caller]
pub fn expm_with(a: impl ArrayLike, upper_triangular: bool, max_squarings: usize) -> Array {
    let a = square("expm", a);
    library1(&[a], |a| {
        default_matmul_precision(Precision::Highest, || exponential(&a[0], upper_triangular, max_squarings))
    })
}

/// Returns a square matrix of floats.
#[track_caller]
pub(super) fn square(what: &str, a: impl ArrayLike) -> Array {
    let a = a.to_array().to_inexact();
    match a.shape() {
        [.., m, n] if m == n => a,
        _ => raise(Error::shape(format!("{what}: the last two axes must be a square matrix, got {}", a.aval()))),
    }
}

/// Returns the exponential of A, and its derivative at A in the direction E: the Fréchet derivative L(A, E), for which
/// exp(A + hE) = exp(A) + h L(A, E) + O(h²).
///
/// ```
/// use cotangent::{Array, scipy::linalg};
/// let (x, dx) = linalg::expm_frechet(Array::from([[0.0f32]]), Array::from([[2.0f32]]));
/// assert_eq!((x.item::<f32>(), dx.item::<f32>()), (1.0, 2.0));
/// ```
///
/// # Panics
/// If A is not square, or E does not have its shape.
#[track_caller]
pub fn expm_frechet(a: impl ArrayLike, e: impl ArrayLike) -> (Array, Array) {
    let [a, e] = in_one_inexact_dtype([a.to_array(), e.to_array()]);
    if a.shape() != e.shape() {
        raise(Error::shape(format!(
            "expm_frechet: the direction must have the shape of the matrix, got {} and {}",
            a.aval(),
            e.aval()
        )));
    }
    jvp(|a: &Array| expm(a), (&a,), (&e,))
}

/// The coefficients of the numerators of the diagonal Padé approximants, of degree 3, 5, 7, 9 and 13. Those of the
/// denominators have alternating signs.
const NUMERATORS: [&[f64]; 5] = [
    &[120.0, 60.0, 12.0, 1.0],
    &[30240.0, 15120.0, 3360.0, 420.0, 30.0, 1.0],
    &[17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0],
    &[17643225600.0, 8821612800.0, 2075673600.0, 302702400.0, 30270240.0, 2162160.0, 110880.0, 3960.0, 90.0, 1.0],
    &[
        64764752532480000.0,
        32382376266240000.0,
        7771770303897600.0,
        1187353796428800.0,
        129060195264000.0,
        10559470521600.0,
        670442572800.0,
        33522128640.0,
        1323241920.0,
        40840800.0,
        960960.0,
        16380.0,
        182.0,
        1.0,
    ],
];

/// The greatest norms for which the approximants are accurate to the precision of the dtype. A matrix with a greater
/// norm than the last is scaled.
fn limits(dtype: DType) -> &'static [f64] {
    match dtype.real() {
        DType::F64 => {
            &[0.01495585217958292, 0.253939833006323, 0.9504178996162932, 2.097847961257068, 5.371920351148152]
        }
        _ => &[0.4258730016922831, 1.880152677804762, 3.92572478313866],
    }
}

#[track_caller]
fn exponential(a: &Array, upper_triangular: bool, max_squarings: usize) -> Array {
    let n = a.shape()[a.ndim() - 1];
    if a.size() == 0 {
        return a.clone();
    }
    let limits = limits(a.dtype());
    let (last, below) = limits.split_last().unwrap_or_else(|| unreachable!("there are limits"));
    // The derivative does not depend on how the matrix is scaled.
    let norm = linalg::matrix_norm_with(a.stop_gradient(), 1, true);
    let excess = np::log2(&norm / *last);
    let squarings = np::clip(excess.ceil(), 0.0, max_squarings as f64).astype(DType::I32);
    let scale = np::ldexp(np::ones_as(norm.shape(), norm.dtype()), -&squarings);
    let scaled = a * scale;
    let greatest = norm.max();
    let degree = below.iter().map(|limit| greatest.greater_equal(*limit).astype(DType::I32)).reduce(|a, b| a + b);
    let degree = degree.unwrap_or_else(|| unreachable!("there are limits"));
    let eye = np::eye_as(n, n, 0, a.dtype());
    let branches: Vec<Box<dyn Fn() -> (Array, Array) + '_>> = (0..limits.len())
        .map(|i| {
            let (scaled, eye) = (&scaled, &eye);
            Box::new(move || approximant(scaled, eye, NUMERATORS[i])) as Box<dyn Fn() -> (Array, Array)>
        })
        .collect();
    let (odd, even) = lax::switch(degree, &branches.iter().map(|f| &**f).collect::<Vec<_>>());
    let (numerator, denominator) = (&even + &odd, even - odd);
    let quotient = match upper_triangular {
        true => solve_triangular(denominator, numerator, Trans::No, false, false),
        false => linalg::solve(denominator, numerator),
    };
    let square = |i: &Array, x: &Array| {
        let more = squarings.greater(i);
        lax::cond(more.any(), || where_(&more, x.matmul(x), x), || x.clone())
    };
    let power = if max_squarings == 0 { quotient } else { lax::fori_loop(0, max_squarings, square, quotient) };
    // Beyond the limit by less than a factor of two, one squaring too few costs some accuracy only.
    where_(excess.floor().greater(max_squarings as f64), np::NAN, power)
}

/// Returns the odd and the even terms of the numerator of an approximant.
fn approximant(a: &Array, eye: &Array, coefficients: &[f64]) -> (Array, Array) {
    let a2 = a.matmul(a);
    let degree = coefficients.len() - 1;
    // At degree 13, the terms from the eighth power on have the sixth as a factor.
    let highest = if degree == 13 { 3 } else { degree / 2 };
    let mut powers = vec![eye.clone(), a2.clone()];
    for k in 1..highest {
        powers.push(powers[k].matmul(&a2));
    }
    // The sum of the terms with these coefficients, for the powers from the first on.
    let sum = |coefficients: &[f64], powers: &[Array]| {
        let terms = coefficients.iter().step_by(2).zip(powers).map(|(c, power)| power * *c);
        terms.reduce(|a, b| a + b).unwrap_or_else(|| unreachable!("there are terms"))
    };
    if degree < 13 {
        return (a.matmul(sum(&coefficients[1..], &powers)), sum(coefficients, &powers));
    }
    let high = |from: usize| powers[3].matmul(sum(&coefficients[from..], &powers[1..]));
    let low = |from: usize| sum(&coefficients[from..8], &powers);
    (a.matmul(high(9) + low(1)), high(8) + low(0))
}
