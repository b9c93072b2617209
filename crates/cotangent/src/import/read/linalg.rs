//! Linear algebra: StableHLO's operations, and calls of LAPACK's routines as JAX makes them on the CPU.

use stablehlo::read::{Attr, Attrs, Op};

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ops::{select, zeros};
use crate::trace::frames::{bind, bind1};

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

/// Reads the call of a routine, whose name starts with the letter of a dtype. Its results are JAX's.
pub(super) fn lapack(name: &str, op: &Op, config: &Attrs, x: &[Val], outs: &[Aval]) -> Result<Option<Vec<Val>>> {
    let a: Vec<Array> = x.iter().map(Val::full).collect();
    let Some(first) = a.first() else { return Err(malformed("a LAPACK routine without operands")) };
    if first.ndim() < 1 || !name.is_char_boundary(1) {
        return Err(malformed("a LAPACK routine without matrices"));
    }
    let rank = first.ndim();
    let row_major = transposed(op, 0);
    let routine = &name[1..];
    if row_major && !matches!(routine, "potrf" | "trsm" | "gtsv" | "syevd") {
        return Err(unsupported(format!("the LAPACK routine `{name}` of row-major matrices")));
    }
    let results: Vec<Array> = match (routine, &a[..]) {
        ("potrf", [a]) => {
            let l = cholesky(a, (letter(config, "uplo")? == 'L') != row_major);
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
            let flag = |name: &str| config.int(name) == Some(1);
            let prim = p::Ormqr { left: flag("left"), transpose: flag("transpose") };
            vec![bind1(prim, &[a, taus, c])]
        }
        ("trsm", [a, b]) => {
            // The transpose of op(A) X = B is Xᵀ op(A)ᵀ = Bᵀ.
            let (trans, row_major_b) = (letter(config, "trans_x")?, transposed(op, 1));
            let prim = p::TriangularSolve {
                left_side: (letter(config, "side")? == 'L') != row_major_b,
                lower: (letter(config, "uplo")? == 'L') != row_major,
                transpose_a: (trans != 'N') != (row_major != row_major_b),
                conjugate_a: trans == 'C' && a.dtype().is_complex(),
                unit_diagonal: letter(config, "diag")? == 'U',
            };
            vec![bind1(prim, &[a, b])]
        }
        ("syevd" | "heevd", [a]) => {
            // The transpose of a symmetric matrix is the matrix, with its triangles exchanged.
            let lower = (letter(config, "uplo")? == 'L') != row_major;
            let vectors = letter(config, "mode")? == 'V';
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
        _ => return Ok(None),
    };
    Ok(Some(results.into_iter().map(Val::new).collect()))
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
