//! Linear algebra: StableHLO's operations, and calls of LAPACK's routines and of their counterparts on other platforms, as
//! JAX makes them.

use stablehlo::read::{Attr, Attrs, Op};

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::lax::linalg::{bind, bind1};
use crate::ops::{select, zeros};

use super::custom::one;
use super::value::Val;
use super::{malformed, unsupported};

/// Reads an operation of StableHLO, if it is one of these.
pub(super) fn read(name: &str, op: &Op, x: &[Val]) -> Result<Option<Vec<Val>>> {
    let attrs = &op.attributes;
    Ok(Some(match (name, x) {
        ("cholesky", [a]) => one(cholesky(&a.full(), attrs.flag("lower"))),
        ("triangular_solve", [a, b]) => {
            let transpose = attrs.keyword("transpose_a").unwrap_or("NO_TRANSPOSE");
            one(bind1(
                p::TriangularSolve {
                    left_side: attrs.flag("left_side"),
                    lower: attrs.flag("lower"),
                    transpose_a: matches!(transpose, "TRANSPOSE" | "ADJOINT"),
                    conjugate_a: transpose == "ADJOINT" && a.dtype().is_complex(),
                    unit_diagonal: attrs.flag("unit_diagonal"),
                },
                &[&a.full(), &b.full()],
            ))
        }
        _ => return Ok(None),
    }))
}

/// The conjugate transposes of matrices.
fn adjoint(x: &Array) -> Array {
    let x = x.moveaxis(-1, -2);
    if x.dtype().is_complex() { x.conj() } else { x }
}

fn cholesky(a: &Array, lower: bool) -> Array {
    match lower {
        true => bind1(p::Cholesky, &[a]),
        false => adjoint(&bind1(p::Cholesky, &[&adjoint(a)])),
    }
}

/// Whether the routine sees the transposes of the matrices: they are row-major, and it reads them as column-major.
fn transposed(op: &Op, operand: usize) -> bool {
    let layouts = match op.attributes.get("operand_layouts") {
        Some(Attr::Array(layouts)) => layouts,
        _ => return true,
    };
    let order = layouts.get(operand).and_then(Attr::as_ints).unwrap_or_default();
    let rank = order.len() as i64;
    order.first() == Some(&(rank - 1))
}

/// A code of one letter.
fn letter(config: &Attrs, name: &str) -> Result<char> {
    let code = config.int(name).and_then(|code| u8::try_from(code).ok()).map(char::from);
    code.ok_or_else(|| malformed(format!("a LAPACK routine has no `{name}`")))
}

/// Whether a routine reads the lower triangle of a matrix: a letter for LAPACK, and a flag for the libraries of GPUs.
fn lower(config: &Attrs) -> Result<bool> {
    match config.get("lower") {
        Some(_) => Ok(config.flag("lower")),
        None => Ok(letter(config, "uplo")? == 'L'),
    }
}

/// Whether a flag is set, which LAPACK's routines get as a number.
fn set(config: &Attrs, name: &str) -> bool {
    config.flag(name) || config.int(name) == Some(1)
}

/// Zeros, one for each matrix: the routine succeeded.
fn success(x: &Array) -> Array {
    zeros(&x.shape()[..x.ndim() - 2], DType::I32)
}

/// For each matrix, 0 if its result is a number, and 1 if it is NaN.
fn failure(x: &Array, axes: &[usize]) -> Array {
    let finite = x.real().equal(x.real());
    let ok = bind1(p::ReduceAnd { axes: axes.to_vec() }, &[&finite]);
    let number = |n: i64| Array::literal(Literal::int(DType::I32, n));
    select(&ok, &number(0), &number(1), ok.shape())
}

/// The routine of linear algebra that a custom call names, without the letter of the dtype that LAPACK's names begin with.
fn routine_of(target: &str) -> Option<&str> {
    let ffi = |prefix: &str| target.strip_prefix(prefix)?.strip_suffix("_ffi");
    if let Some(name) = ffi("lapack_") {
        return name.strip_prefix(['s', 'd', 'c', 'z']);
    }
    let library = ["cusolver_", "hipsolver_", "cusparse_", "hipsparse_"].into_iter().find_map(ffi);
    library.or_else(|| ["cuhybrid_", "hiphybrid_"].into_iter().find_map(|prefix| target.strip_prefix(prefix)))
}

/// XLA's decompositions on a TPU, which return tuples in files of older versions.
pub(super) const RETURNS_TUPLES: [&str; 3] = ["LuDecomposition", "Qr", "Eigh"];

/// Whether a call of ROCm's `syevd` by an older version of JAX reads the lower triangle. What it is given is a record of C: the
/// type, the triangle as hipBLAS numbers them, the number of the matrices, and so on.
fn lower_of_record(op: &Op) -> Result<bool> {
    let record = op.attributes.get("backend_config").and_then(|config| match config {
        Attr::Str(bytes) => bytes.get(4..8),
        _ => None,
    });
    match record {
        Some([121, 0, 0, 0]) => Ok(false),
        Some([122, 0, 0, 0]) => Ok(true),
        _ => Err(malformed("a record of hipSOLVER's `syevd` does not name a triangle")),
    }
}

/// Reads the custom call of a routine, if it is one of these. Its results are JAX's.
pub(super) fn custom(target: &str, op: &Op, config: &Attrs, x: &[Val], outs: &[Aval]) -> Result<Option<Vec<Val>>> {
    let a: Vec<Array> = x.iter().map(Val::full).collect();
    let results = match (target, &a[..]) {
        // XLA's names for a TPU.
        ("LuDecomposition", [a]) => bind(p::Lu, &[a]).into_vec(),
        ("Qr", [a]) => bind(p::Geqrf, &[a]).into_vec(),
        ("ProductOfElementaryHouseholderReflectors", [a, taus]) => vec![bind1(p::HouseholderProduct, &[a, taus])],
        ("Eigh", [a]) => {
            let lower = op.attributes.str("backend_config").is_some_and(|config| config.starts_with('1'));
            bind(p::Eigh { lower, compute_eigenvectors: true }, &[a]).into_vec()
        }
        ("hipsolver_syevd" | "hipsolver_syevj", [a]) => {
            if transposed(op, 0) {
                return Err(unsupported("the routine `syevd` of row-major matrices"));
            }
            let out = bind(p::Eigh { lower: lower_of_record(op)?, compute_eigenvectors: true }, &[a]).into_vec();
            let info = failure(&out[1], &[a.ndim() - 2]);
            let workspace = outs.get(3).map(|out| zeros(&out.shape, out.dtype));
            out.into_iter().chain([info]).chain(workspace).collect()
        }
        (
            "tridiagonal_solve_perturbed_ffi" | "cu_tridiagonal_solve_perturbed" | "hip_tridiagonal_solve_perturbed",
            [dl, d, du, b],
        ) => vec![bind1(p::TridiagonalSolve { perturb_singular: true }, &[dl, d, du, b])],
        ("cu_lu_pivots_to_permutation" | "hip_lu_pivots_to_permutation", [pivots]) => {
            let n = outs.first().and_then(|out| out.shape.last().copied()).unwrap_or_default();
            vec![bind1(p::LuPivotsToPermutation { permutation_size: n }, &[pivots])]
        }
        _ => match routine_of(target) {
            Some(name @ ("gesvd" | "gesvdj" | "gesvdp" | "gesdd")) if !target.starts_with("lapack_") => {
                svd(name, config, a.first().ok_or_else(|| malformed("a decomposition without a matrix"))?, outs)
            }
            Some(name) => match routine(name, op, config, &a, outs)? {
                Some(results) => results,
                None => return Ok(None),
            },
            None => return Ok(None),
        },
    };
    Ok(Some(results.into_iter().map(Val::new).collect()))
}

/// A singular value decomposition on a GPU. The order of the results is that of the values, so layouts do not matter.
fn svd(name: &str, config: &Attrs, a: &Array, outs: &[Aval]) -> Vec<Array> {
    let compute_uv = config.flag("compute_uv");
    let prim = p::Svd { full_matrices: config.flag("full_matrices"), compute_uv, algorithm: Default::default() };
    let out = bind(prim, &[a]);
    let vectors = match (compute_uv, name) {
        (false, _) => outs.get(2..4).unwrap_or(&[]).iter().map(|o| zeros(&o.shape, o.dtype)).collect(),
        // These return V itself.
        (true, "gesvdj" | "gesvdp") => vec![out[1].clone(), adjoint(&out[2])],
        // The library gets the transpose of a wide matrix, so the two exchange their roles.
        (true, _) if config.flag("transposed") => vec![out[2].clone(), out[1].clone()],
        (true, _) => vec![out[1].clone(), out[2].clone()],
    };
    let info = failure(&out[0], &[a.ndim() - 2]);
    [vec![a.clone(), out[0].clone()], vectors, vec![info]].concat()
}

/// Reads a call of a routine with the results that it has in LAPACK.
fn routine(name: &str, op: &Op, config: &Attrs, a: &[Array], outs: &[Aval]) -> Result<Option<Vec<Array>>> {
    let Some(first) = a.first().filter(|a| a.ndim() > 0) else {
        return Err(malformed("a routine of linear algebra without matrices"));
    };
    let rank = first.ndim();
    let row_major = transposed(op, 0);
    if row_major && !matches!(name, "potrf" | "trsm" | "gtsv" | "gtsv2" | "syevd") {
        return Err(unsupported(format!("the routine `{name}` of row-major matrices")));
    }
    let results: Vec<Array> = match (name, a) {
        ("potrf", [a]) => {
            let l = cholesky(a, lower(config)? != row_major);
            let info = failure(&l, &[rank - 2, rank - 1]);
            vec![l, info]
        }
        ("getrf", [a]) => {
            let out = bind(p::Lu, &[a]);
            let pivots = &out[1] + Array::literal(Literal::int(DType::I32, 1));
            vec![out[0].clone(), pivots, success(a)]
        }
        ("geqrf", [a]) => bind(p::Geqrf, &[a]).into_vec(),
        ("geqp3", [a, jpvt]) => bind(p::Geqp3, &[a, jpvt]).into_vec(),
        ("orgqr" | "ungqr", [a, taus]) => vec![bind1(p::HouseholderProduct, &[a, taus])],
        ("ormqr" | "unmqr", [a, taus, c]) => {
            let prim = p::Ormqr { left: set(config, "left"), transpose: set(config, "transpose") };
            vec![bind1(prim, &[a, taus, c])]
        }
        ("trsm", [a, b]) => {
            // The transpose of op(A) X = B is Xᵀ op(A)ᵀ = Bᵀ.
            let (trans, row_major_b) = (letter(config, "trans_x")?, transposed(op, 1));
            let prim = p::TriangularSolve {
                left_side: (letter(config, "side")? == 'L') != row_major_b,
                lower: lower(config)? != row_major,
                transpose_a: (trans != 'N') != (row_major != row_major_b),
                conjugate_a: trans == 'C' && a.dtype().is_complex(),
                unit_diagonal: letter(config, "diag")? == 'U',
            };
            vec![bind1(prim, &[a, b])]
        }
        ("syevd" | "heevd", [a]) => {
            // The transpose of a symmetric matrix is the matrix, with its triangles exchanged.
            let lower = lower(config)? != row_major;
            let vectors = config.get("mode").is_none() || letter(config, "mode")? == 'V';
            let out = bind(p::Eigh { lower, compute_eigenvectors: vectors }, &[a]);
            let w = out[usize::from(vectors)].clone();
            let v = if vectors { out[0].clone() } else { a.clone() };
            let info = failure(&w, &[rank - 2]);
            vec![v, w, info]
        }
        ("gesdd" | "gesvd" | "gesvdq", [a]) => {
            let mode = letter(config, "mode")?;
            let prim = p::Svd { full_matrices: mode == 'A', compute_uv: mode != 'N', algorithm: Default::default() };
            let out = bind(prim, &[a]);
            let info = failure(&out[0], &[rank - 2]);
            let vectors: Vec<Array> = match mode {
                'N' => outs.get(2..4).unwrap_or(&[]).iter().map(|o| zeros(&o.shape, o.dtype)).collect(),
                _ => vec![out[1].clone(), out[2].clone()],
            };
            [vec![a.clone(), out[0].clone()], vectors, vec![info]].concat()
        }
        ("geev", [a]) => eig(config, a, outs)?,
        ("gtsv", [dl, d, du, b]) => {
            let x = bind1(p::TridiagonalSolve { perturb_singular: false }, &[dl, d, du, b]);
            vec![dl.clone(), d.clone(), du.clone(), x, zeros(&d.shape()[..d.ndim() - 1], DType::I32)]
        }
        ("gtsv2", [dl, d, du, b]) => vec![bind1(p::TridiagonalSolve { perturb_singular: false }, &[dl, d, du, b])],
        ("sytrd" | "hetrd", [a]) => {
            let mut out = bind(p::Tridiagonal { lower: lower(config)? }, &[a]).into_vec();
            out.push(success(a));
            out
        }
        _ => return Ok(None),
    };
    Ok(Some(results))
}

/// Eigenvalues and eigenvectors of any matrix. Of a real one, the routine returns the two parts of the eigenvalues.
fn eig(config: &Attrs, a: &Array, outs: &[Aval]) -> Result<Vec<Array>> {
    let flag = |name: &str| letter(config, name).map(|code| code == 'V');
    let (left, right) = (flag("compute_left")?, flag("compute_right")?);
    let prim = p::Eig { compute_left_eigenvectors: left, compute_right_eigenvectors: right };
    let mut out = bind(prim, &[a]).into_iter();
    let mut next = |wanted: bool, like: Option<&Aval>| match (wanted, like) {
        (true, _) => out.next().ok_or_else(|| malformed("an eigendecomposition without results")),
        (false, Some(like)) => Ok(zeros(&like.shape, like.dtype)),
        (false, None) => Err(malformed("an eigendecomposition without results")),
    };
    let w = next(true, None)?;
    let values = if a.dtype().is_complex() { vec![w.clone()] } else { vec![w.real(), w.imag()] };
    let n = values.len();
    let vectors = vec![next(left, outs.get(n))?, next(right, outs.get(n + 1))?];
    let info = failure(&w, &[w.ndim() - 1]);
    Ok([values, vectors, vec![info]].concat())
}
