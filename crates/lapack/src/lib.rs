//! LAPACK routines, callable from programs compiled by XLA.
//!
//! Names, operands, results and attributes are those of JAX's kernels for the CPU, such as `lapack_dpotrf_ffi`. An
//! exported program therefore runs in JAX, unless it calls one of the kernels whose names start with `cotangent_`, and
//! one exported by JAX runs here. Matrices are column-major, unless a routine says otherwise, and the matrices of a batch
//! are contiguous. `faer`
//! computes the products of matrices. The threads of the plugin share the work on large matrices and on batches. It is
//! divided by sizes only, so that results do not depend on the number of threads.

/// Defines a function that is compiled for the widest vectors of the processor it runs on, with what it inlines. A
/// closure would not do: the compiler leaves large ones out of line, and compiles them for the oldest processors.
macro_rules! vectorized {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$($life:lifetime,)+ $($T:ident: $bound:ident)?>
        ($($arg:ident: $ty:ty),* $(,)?) $(-> $R:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name<$($life,)+ $($T: $bound)?>($($arg: $ty),*) $(-> $R)? {
            struct Vectorized<$($life,)+ $($T: $bound)?>(
                $($ty,)* std::marker::PhantomData<($(&$life (),)+ $(fn($T),)?)>
            );
            impl<$($life,)+ $($T: $bound)?> faer::traits::pulp::WithSimd for Vectorized<$($life,)+ $($T)?> {
                type Output = vectorized!(@result $($R)?);
                #[inline(always)]
                fn with_simd<S: faer::traits::pulp::Simd>(self, _: S) -> Self::Output {
                    let Vectorized($($arg,)* _) = self;
                    $body
                }
            }
            faer::traits::pulp::Arch::new().dispatch(Vectorized($($arg,)* std::marker::PhantomData))
        }
    };
    (@result) => { () };
    (@result $R:ty) => { $R };
}

mod bidiagonal;
mod cholesky;
mod divide;
mod eigen;
mod householder;
mod lu;
mod panel;
mod product;
mod qr;
mod scalar;
mod svd;
mod transpose;
mod triangular;
mod triangular_small;
mod tridiagonal_solve;

use faer::MatMut;
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

/// All routines for a number type.
///
/// ```
/// let names: Vec<&str> = cotangent_lapack::KERNELS.iter().flatten().map(|kernel| kernel.name()).collect();
/// assert!(names.contains(&"lapack_dpotrf_ffi") && names.contains(&"lapack_ctrsm_ffi"));
/// ```
pub static KERNELS: &[[Kernel; 4]] = &[
    routine!("lapack_spotrf_ffi" "lapack_dpotrf_ffi" "lapack_cpotrf_ffi" "lapack_zpotrf_ffi": cholesky::potrf),
    routine!("lapack_sgetrf_ffi" "lapack_dgetrf_ffi" "lapack_cgetrf_ffi" "lapack_zgetrf_ffi": lu::getrf),
    routine!("lapack_sgtsv_ffi" "lapack_dgtsv_ffi" "lapack_cgtsv_ffi" "lapack_zgtsv_ffi": tridiagonal_solve::gtsv),
    routine!("lapack_sgees_ffi" "lapack_dgees_ffi" "lapack_cgees_ffi" "lapack_zgees_ffi": eigen::gees),
    routine!("lapack_sgeev_ffi" "lapack_dgeev_ffi" "lapack_cgeev_ffi" "lapack_zgeev_ffi": eigen::geev),
    routine!("lapack_sgehrd_ffi" "lapack_dgehrd_ffi" "lapack_cgehrd_ffi" "lapack_zgehrd_ffi": eigen::gehrd),
    routine!("lapack_ssyevd_ffi" "lapack_dsyevd_ffi" "lapack_cheevd_ffi" "lapack_zheevd_ffi": eigen::evd),
    routine!("lapack_ssytrd_ffi" "lapack_dsytrd_ffi" "lapack_chetrd_ffi" "lapack_zhetrd_ffi": eigen::trd),
    routine!("lapack_strsm_ffi" "lapack_dtrsm_ffi" "lapack_ctrsm_ffi" "lapack_ztrsm_ffi": triangular::trsm),
    routine!("lapack_sgeqrf_ffi" "lapack_dgeqrf_ffi" "lapack_cgeqrf_ffi" "lapack_zgeqrf_ffi": qr::geqrf),
    routine!("lapack_sorgqr_ffi" "lapack_dorgqr_ffi" "lapack_cungqr_ffi" "lapack_zungqr_ffi": qr::orgqr),
    routine!("lapack_sormqr_ffi" "lapack_dormqr_ffi" "lapack_cunmqr_ffi" "lapack_zunmqr_ffi": qr::ormqr),
    routine!("lapack_sgeqp3_ffi" "lapack_dgeqp3_ffi" "lapack_cgeqp3_ffi" "lapack_zgeqp3_ffi": qr::geqp3),
    routine!("lapack_sgesdd_ffi" "lapack_dgesdd_ffi" "lapack_cgesdd_ffi" "lapack_zgesdd_ffi": svd::gesdd),
    routine!("cotangent_slu" "cotangent_dlu" "cotangent_clu" "cotangent_zlu": lu::lu),
    routine!("lapack_sgesvd_ffi" "lapack_dgesvd_ffi" "lapack_cgesvd_ffi" "lapack_zgesvd_ffi": svd::gesdd),
];

/// Routines whose names have no letter for the number type. JAX has no kernel for those that start with `cotangent_`.
///
/// ```
/// assert!(cotangent_lapack::OTHER_KERNELS.iter().any(|kernel| kernel.name() == "tridiagonal_solve_perturbed_ffi"));
/// ```
pub static OTHER_KERNELS: &[Kernel] = &[
    Kernel::new("cotangent_pivots_to_permutation", lu::pivots_to_permutation),
    Kernel::new("tridiagonal_solve_perturbed_ffi", tridiagonal_solve::perturbed),
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

/// Returns the number of matrices.
fn batch(dims: &[i64]) -> usize {
    dims[..dims.len() - 2].iter().product::<i64>() as usize
}

/// Returns how many matrices of a batch a thread takes at a time.
fn at_a_time(size: usize) -> usize {
    const ELEMENTS: usize = 1 << 14;
    (ELEMENTS / size.max(1)).next_multiple_of(8).max(1)
}

/// Returns a column of a column-major matrix.
#[inline(always)]
fn column<T>(a: MatMut<'_, T>, j: usize) -> &mut [T] {
    match a.col_mut(j).try_as_col_major_mut() {
        Some(column) => column.as_slice_mut(),
        None => unreachable!("the matrix is column-major"),
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
