//! Matrices of a given size: Hilbert, Pascal, Hadamard matrices and others.
//!
//! Their elements are computed on the host in double precision and rounded once. JAX computes those of `invhilbert`,
//! `pascal`, `invpascal` and `dft` by functions such as `lgamma`, in the precision of the result.

use num_complex::Complex;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::error::{Error, raise};
use crate::numpy::array_as;

/// Returns the matrix whose elements are `f(row, column)`.
#[track_caller]
fn matrix(rows: usize, columns: usize, dtype: DType, f: impl Fn(usize, usize) -> f64) -> Array {
    let elements: Vec<f64> = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).map(|(i, j)| f(i, j)).collect();
    array_as(elements, dtype).reshape([rows, columns])
}

/// Returns the Hilbert matrix, with 1 / (i + j + 1) in row i and column j, in `f32`.
///
/// ```
/// use cotangent::scipy::linalg;
/// assert_eq!(linalg::hilbert(2).to_vec::<f32>(), [1.0, 0.5, 0.5, 1.0 / 3.0]);
/// ```
#[track_caller]
pub fn hilbert(n: usize) -> Array {
    hilbert_as(n, DType::F32)
}

/// Like [`hilbert`], in the given dtype.
///
/// ```
/// use cotangent::{DType, scipy::linalg};
/// assert_eq!(linalg::hilbert_as(2, DType::F64).to_vec::<f64>(), [1.0, 0.5, 0.5, 1.0 / 3.0]);
/// ```
#[track_caller]
pub fn hilbert_as(n: usize, dtype: DType) -> Array {
    matrix(n, n, dtype, |i, j| 1.0 / (i + j + 1) as f64)
}

/// Returns the inverse of the Hilbert matrix, whose elements are integers, in `f32`.
///
/// ```
/// use cotangent::scipy::linalg;
/// assert_eq!(linalg::invhilbert(2).to_vec::<f32>(), [4.0, -6.0, -6.0, 12.0]);
/// ```
#[track_caller]
pub fn invhilbert(n: usize) -> Array {
    invhilbert_as(n, DType::F32)
}

/// Like [`invhilbert`], in the given dtype.
///
/// ```
/// use cotangent::{DType, scipy::linalg};
/// assert_eq!(linalg::invhilbert_as(2, DType::F64).to_vec::<f64>(), [4.0, -6.0, -6.0, 12.0]);
/// ```
#[track_caller]
pub fn invhilbert_as(n: usize, dtype: DType) -> Array {
    matrix(n, n, dtype, |i, j| {
        let s = i + j;
        let size = (s + 1) as f64 * choose(n + i, s + 1) * choose(n + j, s + 1) * choose(s, i).powi(2);
        if s % 2 == 0 { size } else { -size }
    })
}

/// Returns the binomial coefficient n over k, rounded once if its partial products fit in 128 bits.
fn choose(n: usize, k: usize) -> f64 {
    if k > n {
        return 0.0;
    }
    let k = k.min(n - k);
    // Each partial product is itself a binomial coefficient, so the divisions are exact.
    let step = |c: u128, i: usize| Some(c.checked_mul((n - k + i) as u128)? / i as u128);
    match (1..=k).try_fold(1, step) {
        Some(c) => c as f64,
        None => (1..=k).fold(1.0, |c, i| c * ((n - k + i) as f64 / i as f64)),
    }
}

/// Which matrix of binomial coefficients [`pascal`] and [`invpascal`] return.
///
/// ```
/// use cotangent::scipy::linalg::PascalKind;
/// assert_eq!(PascalKind::default(), PascalKind::Symmetric);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PascalKind {
    /// i + j over i, in row i and column j: the product L Lᵀ.
    #[default]
    Symmetric,
    /// L: i over j.
    Lower,
    /// Lᵀ: j over i.
    Upper,
}

/// Returns the Pascal matrix, of binomial coefficients, in `f32`.
///
/// ```
/// use cotangent::scipy::linalg::{PascalKind, pascal};
/// assert_eq!(pascal(3, PascalKind::Lower).to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 2.0, 1.0]);
/// assert_eq!(pascal(2, PascalKind::Symmetric).to_vec::<f32>(), [1.0, 1.0, 1.0, 2.0]);
/// ```
#[track_caller]
pub fn pascal(n: usize, kind: PascalKind) -> Array {
    pascal_as(n, kind, DType::F32)
}

/// Like [`pascal`], in the given dtype.
///
/// ```
/// use cotangent::{DType, scipy::linalg::{PascalKind, pascal_as}};
/// assert_eq!(pascal_as(2, PascalKind::Upper, DType::I32).to_vec::<i32>(), [1, 1, 0, 1]);
/// ```
#[track_caller]
pub fn pascal_as(n: usize, kind: PascalKind, dtype: DType) -> Array {
    matrix(n, n, dtype, |i, j| match kind {
        PascalKind::Symmetric => choose(i + j, i),
        PascalKind::Lower => choose(i, j),
        PascalKind::Upper => choose(j, i),
    })
}

/// Returns the inverse of the Pascal matrix, in `f32`.
///
/// ```
/// use cotangent::scipy::linalg::{PascalKind, invpascal};
/// assert_eq!(invpascal(2, PascalKind::Symmetric).to_vec::<f32>(), [2.0, -1.0, -1.0, 1.0]);
/// ```
#[track_caller]
pub fn invpascal(n: usize, kind: PascalKind) -> Array {
    invpascal_as(n, kind, DType::F32)
}

/// Like [`invpascal`], in the given dtype.
///
/// ```
/// use cotangent::{DType, scipy::linalg::{PascalKind, invpascal_as}};
/// assert_eq!(invpascal_as(2, PascalKind::Lower, DType::I32).to_vec::<i32>(), [1, 0, -1, 1]);
/// ```
#[track_caller]
pub fn invpascal_as(n: usize, kind: PascalKind, dtype: DType) -> Array {
    let lower = |i: usize, j: usize| if (i + j).is_multiple_of(2) { choose(i, j) } else { -choose(i, j) };
    matrix(n, n, dtype, |i, j| match kind {
        PascalKind::Symmetric => (i.max(j)..n).map(|k| lower(k, i) * lower(k, j)).sum(),
        PascalKind::Lower => lower(i, j),
        PascalKind::Upper => lower(j, i),
    })
}

/// Returns the Helmert matrix without its first row, in `f32`: n − 1 orthonormal rows, each orthogonal to the vector of
/// ones.
///
/// ```
/// use cotangent::scipy::linalg;
/// let h = linalg::helmert(3);
/// assert_eq!(h.shape(), [2, 3]);
/// assert!(h.sum_axis(1).abs().max().item::<f32>() < 1e-6);
/// ```
///
/// # Panics
/// If `n` is zero.
#[track_caller]
pub fn helmert(n: usize) -> Array {
    helmert_as(n, false, DType::F32)
}

/// The Helmert matrix in the given dtype. If it is `full`, its first row is there too, in which all elements are equal.
///
/// ```
/// use cotangent::{DType, scipy::linalg};
/// assert_eq!(linalg::helmert_as(4, true, DType::F64).at(0).get().to_vec::<f64>(), [0.5; 4]);
/// ```
///
/// # Panics
/// If `n` is zero.
#[track_caller]
pub fn helmert_as(n: usize, full: bool, dtype: DType) -> Array {
    if n == 0 {
        raise(Error::value("helmert: the size must be positive, got 0"));
    }
    let skipped = usize::from(!full);
    matrix(n - skipped, n, dtype, |row, column| {
        let k = (row + skipped) as f64;
        match column.cmp(&(row + skipped)) {
            _ if k == 0.0 => 1.0 / (n as f64).sqrt(),
            std::cmp::Ordering::Less => 1.0 / (k * (k + 1.0)).sqrt(),
            std::cmp::Ordering::Equal => -k / (k * (k + 1.0)).sqrt(),
            std::cmp::Ordering::Greater => 0.0,
        }
    })
}

/// Returns Sylvester's Hadamard matrix, of orthogonal rows of ones and minus ones, in `i32`.
///
/// ```
/// use cotangent::scipy::linalg;
/// assert_eq!(linalg::hadamard(2).to_vec::<i32>(), [1, 1, 1, -1]);
/// ```
///
/// # Panics
/// If `n` is not a power of two.
#[track_caller]
pub fn hadamard(n: usize) -> Array {
    hadamard_as(n, DType::I32)
}

/// Like [`hadamard`], in the given dtype.
///
/// ```
/// use cotangent::{DType, scipy::linalg};
/// assert_eq!(linalg::hadamard_as(2, DType::F64).to_vec::<f64>(), [1.0, 1.0, 1.0, -1.0]);
/// ```
///
/// # Panics
/// If `n` is not a power of two.
#[track_caller]
pub fn hadamard_as(n: usize, dtype: DType) -> Array {
    if !n.is_power_of_two() {
        raise(Error::value(format!("hadamard: the size must be a power of two, got {n}")));
    }
    matrix(n, n, dtype, |i, j| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 })
}

/// The scale of the matrix that [`dft`] returns.
///
/// ```
/// use cotangent::scipy::linalg::DftScale;
/// assert_eq!(DftScale::default(), DftScale::One);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DftScale {
    /// The matrix is not scaled.
    #[default]
    One,
    /// It is divided by √n, which makes it unitary: SciPy's `"sqrtn"`.
    SqrtN,
    /// It is divided by n: SciPy's `"n"`.
    N,
}

/// Returns the matrix of the discrete Fourier transform, in `c64`.
///
/// ```
/// use cotangent::scipy::linalg::{DftScale, dft};
/// assert_eq!(dft(2, DftScale::One).real().to_vec::<f32>(), [1.0, 1.0, 1.0, -1.0]);
/// ```
#[track_caller]
pub fn dft(n: usize, scale: DftScale) -> Array {
    dft_as(n, scale, DType::C64)
}

/// Like [`dft`], in the given complex dtype.
///
/// ```
/// use cotangent::{DType, scipy::linalg::{DftScale, dft_as}};
/// assert_eq!(dft_as(2, DftScale::N, DType::C128).real().to_vec::<f64>(), [0.5, 0.5, 0.5, -0.5]);
/// ```
///
/// # Panics
/// If the dtype is not complex.
#[track_caller]
pub fn dft_as(n: usize, scale: DftScale, dtype: DType) -> Array {
    if !dtype.is_complex() {
        raise(Error::dtype(format!("dft: the dtype must be complex, got {dtype}")));
    }
    let divisor = match scale {
        DftScale::One => 1.0,
        DftScale::SqrtN => (n as f64).sqrt(),
        DftScale::N => n as f64,
    };
    // The exponents are taken modulo n, so that the angle of each element is exact before it is rounded.
    let root = |k: usize| {
        let angle = -2.0 * std::f64::consts::PI * k as f64 / n as f64;
        // At quarter turns, the sine or the cosine is zero.
        let (sin, cos) = match 4 * k {
            q if q == 0 || q == 2 * n => (0.0, angle.cos().round()),
            q if q == n || q == 3 * n => (angle.sin().round(), 0.0),
            _ => angle.sin_cos(),
        };
        Complex::new(cos / divisor, sin / divisor)
    };
    let elements: Vec<Complex<f64>> = (0..n * n).map(|e| root((e / n) * (e % n) % n)).collect();
    array_as(elements, dtype).reshape([n, n])
}
