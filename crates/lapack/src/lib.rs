//! LAPACK routines, callable from programs compiled by XLA.
//!
//! Names, operands, results and attributes are those of JAX's kernels for the CPU, such as `lapack_dpotrf_ffi`. An
//! exported program therefore runs in JAX, and one exported by JAX runs here. Matrices are column-major, and the
//! matrices of a batch are contiguous. `faer` does the computation. A routine runs on the thread that calls it and
//! starts no others.

mod cholesky;
mod householder;
mod qr;
mod scalar;
mod svd;
mod triangular;

use xla::{Arrays, Kernel};

use scalar::Scalar;

/// Lists a routine for each number type: `s`, `d`, `c` and `z` in the names.
macro_rules! routine {
    ($s:literal $d:literal $c:literal $z:literal: $($function:tt)*) => {[
        Kernel::new($s, $($function)*::<f32>),
        Kernel::new($d, $($function)*::<f64>),
        Kernel::new($c, $($function)*::<faer::c32>),
        Kernel::new($z, $($function)*::<faer::c64>),
    ]};
}

/// All routines.
///
/// ```
/// let names: Vec<&str> = cotangent_lapack::KERNELS.iter().flatten().map(|kernel| kernel.name()).collect();
/// assert!(names.contains(&"lapack_dpotrf_ffi") && names.contains(&"lapack_ctrsm_ffi"));
/// ```
pub static KERNELS: &[[Kernel; 4]] = &[
    routine!("lapack_spotrf_ffi" "lapack_dpotrf_ffi" "lapack_cpotrf_ffi" "lapack_zpotrf_ffi": cholesky::potrf),
    routine!("lapack_strsm_ffi" "lapack_dtrsm_ffi" "lapack_ctrsm_ffi" "lapack_ztrsm_ffi": triangular::trsm),
    routine!("lapack_sgeqrf_ffi" "lapack_dgeqrf_ffi" "lapack_cgeqrf_ffi" "lapack_zgeqrf_ffi": qr::geqrf),
    routine!("lapack_sorgqr_ffi" "lapack_dorgqr_ffi" "lapack_cungqr_ffi" "lapack_zungqr_ffi": qr::orgqr),
    routine!("lapack_sormqr_ffi" "lapack_dormqr_ffi" "lapack_cunmqr_ffi" "lapack_zunmqr_ffi": qr::ormqr),
    routine!("lapack_sgeqp3_ffi" "lapack_dgeqp3_ffi" "lapack_cgeqp3_ffi" "lapack_zgeqp3_ffi": qr::geqp3),
    routine!("lapack_sgesdd_ffi" "lapack_dgesdd_ffi" "lapack_cgesdd_ffi" "lapack_zgesdd_ffi": svd::gesdd),
    routine!("lapack_sgesvd_ffi" "lapack_dgesvd_ffi" "lapack_cgesvd_ffi" "lapack_zgesvd_ffi": svd::gesdd),
];

/// Returns an attribute that is a letter.
fn letter(call: &Arrays<'_>, name: &str, known: &str) -> Result<char, String> {
    let letter = call.int(name).and_then(|code| u8::try_from(code).ok()).map(char::from);
    letter
        .filter(|letter| known.contains(*letter))
        .ok_or_else(|| format!("`{name}` must be one of the letters {known}"))
}

/// Returns the last two dimensions.
fn matrix(dims: &[i64]) -> Result<[usize; 2], String> {
    match dims {
        [.., m, n] => Ok([m, n].map(|d| usize::try_from(*d).unwrap_or(0))),
        _ => Err("an operand is not a matrix".to_owned()),
    }
}

/// Reinterprets the elements of an array of matrices as numbers.
fn numbers<T: Scalar>(elements: &[T::Element]) -> &[T] {
    bytemuck::cast_slice(elements)
}

/// Reinterprets the elements of an array of matrices as mutable numbers.
fn numbers_mut<T: Scalar>(elements: &mut [T::Element]) -> &mut [T] {
    bytemuck::cast_slice_mut(elements)
}
