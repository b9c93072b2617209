//! Linear algebra: the Cholesky decomposition and triangular systems. The last two axes are those of the matrices. All
//! others are batch axes.
//!
//! On the CPU, LAPACK computes both. XLA's own expansions are loops over columns there, and solve triangular systems by
//! inverting blocks of the diagonal.

use smallvec::SmallVec;
use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, Result, raise};
use crate::ir::lowering::{Lowering, layouts};
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::boolean;
use crate::ir::routes::LinearAlgebra;
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::dot::DotGeneral;
use super::elementwise::{rebind1, sum_tangents};
use super::precision::Precision;
use super::shape::{Iota, all_in_front, batched_in_front};

/// Returns whether column − row is at most `k`, for each element of a matrix.
pub(crate) fn lower_mask(rows: usize, columns: usize, k: isize) -> Array {
    let index =
        |dimension| bind1(Iota { dtype: DType::I32, shape: [rows, columns].into_iter().collect(), dimension }, &[]);
    (index(1) - index(0)).less_equal(Array::literal(Literal::int(DType::I32, k as i64)))
}

/// Returns the lower or upper triangle of the last two axes, with or without the diagonal, and zeros elsewhere.
fn triangle(x: &Array, lower: bool, diagonal: bool) -> Array {
    let [rows, columns] = [x.shape()[x.ndim() - 2], x.shape()[x.ndim() - 1]];
    let zero = Array::literal(Literal::int(x.dtype(), 0));
    if lower {
        super::select(&lower_mask(rows, columns, if diagonal { 0 } else { -1 }), x, &zero, x.shape())
    } else {
        super::select(&lower_mask(rows, columns, if diagonal { -1 } else { 0 }), &zero, x, x.shape())
    }
}

/// Returns the matrix product over the last two axes, at the highest precision of the device.
fn product(x: &Array, y: &Array) -> Array {
    let n = x.ndim() - 2;
    let batch: Vec<usize> = (0..n).collect();
    let dot = DotGeneral {
        precision: Some([Precision::Highest; 2]),
        ..DotGeneral::new([vec![n + 1], vec![n]], [batch.clone(), batch])
    };
    bind1(dot, &[x, y])
}

/// Appends a call of a LAPACK routine, in the form that JAX's programs have (`jaxlib`, `lapack_kernels.cc`). `name` is
/// that of the routine without the letter of the dtype, and `letters` are its attributes. `column_major` has an entry
/// for each operand, and then for each result: whether its last two axes are in column-major instead of row-major
/// order.
fn lapack(
    cx: &mut Lowering<'_>,
    name: &str,
    args: &[Value],
    letters: &[(&str, char)],
    column_major: &[bool],
    outs: &[Aval],
) -> Outputs<Value> {
    let order = |(rank, column_major): (usize, &bool)| {
        let mut order: SmallVec<[usize; 4]> = (0..rank).rev().collect();
        if *column_major {
            order.swap(0, 1);
        }
        order.into_iter()
    };
    let (operands, results) = column_major.split_at(args.len());
    let letter = match outs[0].dtype {
        DType::F32 => 's',
        DType::F64 => 'd',
        DType::C64 => 'c',
        _ => 'z',
    };
    let attribute =
        |(name, letter): &(&str, char)| (name.to_string(), Attr::Raw(format!("{} : ui8", u32::from(*letter))));
    let attrs = [
        ("api_version", Attr::I32(4)),
        ("backend_config", Attr::Dict(letters.iter().map(attribute).collect())),
        ("call_target_name", Attr::Str(format!("lapack_{letter}{name}_ffi"))),
        ("operand_layouts", layouts(args.iter().map(|x| x.ty().dims().len()).zip(operands).map(order))),
        ("result_layouts", layouts(outs.iter().map(Aval::rank).zip(results).map(order))),
    ];
    let types: Vec<_> = outs.iter().map(Aval::mlir).collect();
    cx.block.op("stablehlo.custom_call", args, &attrs, &types).into_iter().collect()
}

/// Appends LAPACK's Cholesky factor, or NaN if there is none. The other triangle of the result is unspecified.
///
/// The matrices of programs are row-major. Read in column-major order, they are the transposes. The lower triangle is
/// therefore the routine's upper one, and its factor U, with Uᴴ U = Aᵀ, is Lᵀ.
fn potrf(cx: &mut Lowering<'_>, args: &[Value], out: &Aval) -> Value {
    let info = Aval::new(DType::I32, Shape::new(&out.shape[..out.rank() - 2]));
    let results = lapack(cx, "potrf", args, &[("uplo", 'U')], &[false; 3], &[out.clone(), info.clone()]);
    let zero = cx.splat(&info, Literal::int(DType::I32, 0));
    let equal = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction EQ>"))];
    let ok = cx.op("stablehlo.compare", &[results[1].clone(), zero], &equal, &info.with_dtype(DType::Bool));
    let batch: Vec<usize> = (0..info.rank()).collect();
    let ok = cx.broadcast_in_dim(&ok, &out.with_dtype(DType::Bool).mlir(), &batch);
    let nan = match out.dtype.is_complex() {
        true => Scalar::Complex(f64::NAN, f64::NAN),
        false => Scalar::Float(f64::NAN),
    };
    let nan = cx.splat(out, Literal::new(out.dtype, nan));
    cx.op("stablehlo.select", &[ok, results[0].clone(), nan], &[], out)
}

/// Appends the exchange of the last two axes. Returns the result and its type.
fn transposed(cx: &mut Lowering<'_>, x: &Value, aval: &Aval) -> (Value, Aval) {
    let rank = aval.rank();
    let (mut order, mut shape): (Vec<usize>, Vec<usize>) = ((0..rank).collect(), aval.shape.to_vec());
    order.swap(rank - 1, rank - 2);
    shape.swap(rank - 1, rank - 2);
    let out = aval.with_shape(Shape::new(&shape));
    (cx.op("stablehlo.transpose", std::slice::from_ref(x), &[("permutation", Attr::i64s(order))], &out), out)
}

/// Checks that the last two axes form a square matrix, and returns their size.
fn check_square(a: &Aval) -> Result<usize> {
    match a.shape[..] {
        [.., n, m] if n == m => Ok(n),
        _ => Err(Error::shape(format!("the last two axes must be a square matrix, got {a}"))),
    }
}

/// `cholesky`: returns the lower triangular L with L Lᴴ = A, from the lower triangle of A. If A is not positive
/// definite, all of L is NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let l = bind1(cotangent::extend::primitives::Cholesky, &[&Array::from([[4.0f32, 2.0], [2.0, 10.0]])]);
/// assert_eq!(l.to_vec::<f32>(), [2.0, 0.0, 1.0, 3.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cholesky;

impl Primitive for Cholesky {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        check_square(&inputs[0])?;
        Ok(inputs.iter().map(|x| x.clone().with_weak_type(false)).collect())
    }

    /// dL = L Φ(L⁻¹ dA L⁻ᴴ), where Φ takes the lower triangle and half of the diagonal (Murray, "Differentiation of the
    /// Cholesky decomposition", 2016). It assumes that dA is Hermitian.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let l = bind1(Cholesky, &[&x[0]]);
        let tangent = dx[0].as_ref().map(|t| {
            let right = TriangularSolve { transpose_a: true, conjugate_a: true, ..TriangularSolve::lower(false) };
            let inner = bind1(TriangularSolve::lower(true), &[&l, &bind1(right, &[&l, t])]);
            let half = Array::literal(Literal::float(l.dtype().real(), 0.5)).convert(l.dtype(), false);
            let phi = (triangle(&inner, true, true) + triangle(&inner, true, false)) * half;
            product(&l, &phi)
        });
        (vec![l], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        match axes[0] {
            Some(_) => (vec![bind1(Cholesky, &[&batched_in_front(&x[0], axes[0], size)])], vec![Some(0)]),
            None => (vec![bind1(Cholesky, &[&x[0]])], vec![None]),
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let l = match cx.routes().linear_algebra {
            LinearAlgebra::Lapack => potrf(cx, args, &outs[0]),
            LinearAlgebra::Xla => cx.op("stablehlo.cholesky", args, &[("lower", Attr::Bool(true))], &outs[0]),
        };
        // The elements of the factor above the diagonal are unspecified.
        let index = outs[0].with_dtype(DType::I32);
        let rank = index.rank() as i64;
        let mut place = |dim: i64| cx.op("stablehlo.iota", &[], &[("iota_dimension", Attr::I64(dim))], &index);
        let places = [place(rank - 1), place(rank - 2)];
        let le = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction LE>"))];
        let below = cx.op("stablehlo.compare", &places, &le, &outs[0].with_dtype(DType::Bool));
        let zero = cx.splat(&outs[0], Literal::int(outs[0].dtype, 0));
        [cx.op("stablehlo.select", &[below, l, zero], &[], &outs[0])].into()
    }
}

/// `triangular_solve`: solves A X = B or X A = B for X. The operands are A and B. Only the triangle of A that `lower`
/// selects is read.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::TriangularSolve;
/// let a = Array::from([[2.0f32, 0.0], [1.0, 4.0]]);
/// let b = Array::from([[2.0f32], [9.0]]);
/// assert_eq!(bind1(TriangularSolve::lower(true), &[&a, &b]).to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TriangularSolve {
    /// Whether A is on the left.
    pub left_side: bool,
    /// Whether A is lower triangular.
    pub lower: bool,
    /// Whether A is transposed first.
    pub transpose_a: bool,
    /// Whether A is conjugated first.
    pub conjugate_a: bool,
    /// Whether the diagonal of A is assumed to be one and not read.
    pub unit_diagonal: bool,
}

impl TriangularSolve {
    /// Returns the primitive for a lower triangular A, on the left or the right, neither transposed nor conjugated.
    ///
    /// ```
    /// assert!(cotangent::extend::primitives::TriangularSolve::lower(true).left_side);
    /// ```
    #[must_use]
    pub fn lower(left_side: bool) -> TriangularSolve {
        TriangularSolve { left_side, lower: true, transpose_a: false, conjugate_a: false, unit_diagonal: false }
    }

    /// Returns the tangent of X that comes from the tangent of A: −A⁻¹ dA X or −X dA A⁻¹, in the cheaper order.
    fn tangent_of_matrix(&self, t: &Array, a: &Array, x: &Array) -> Array {
        let t = -triangle(t, self.lower, !self.unit_diagonal);
        let t = if self.transpose_a { t.moveaxis(-1, -2) } else { t };
        let t = if self.conjugate_a && t.dtype().is_complex() { t.conj() } else { t };
        let solve = |b: &Array| rebind1(self, &[a, b]);
        let [m, n] = [x.shape()[x.ndim() - 2], x.shape()[x.ndim() - 1]];
        match (self.left_side, m > n, m < n) {
            (true, true, _) => solve(&product(&t, x)),
            (true, false, _) => product(&solve(&t), x),
            (false, _, true) => solve(&product(x, &t)),
            (false, _, false) => product(x, &solve(&t)),
        }
    }
}

impl Primitive for TriangularSolve {
    fn name(&self) -> &'static str {
        "triangular_solve"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("conjugate_a", boolean(self.conjugate_a)),
            ("left_side", boolean(self.left_side)),
            ("lower", boolean(self.lower)),
            ("transpose_a", boolean(self.transpose_a)),
            ("unit_diagonal", boolean(self.unit_diagonal)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (a, b) = (&inputs[0], &inputs[1]);
        Domain::WIDE_INEXACT.one_dtype(inputs)?;
        let n = check_square(a)?;
        let rank = a.rank();
        if b.rank() != rank || a.shape[..rank - 2] != b.shape[..rank - 2] {
            return Err(Error::shape(format!("the batch axes of {a} and {b} must have the same sizes")));
        }
        let axis = if self.left_side { rank - 2 } else { rank - 1 };
        if b.shape[axis] != n {
            return Err(Error::shape(format!("axis {axis} of {b} must have the size {n} of the matrix {a}")));
        }
        Ok([b.clone().with_weak_type(false)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = rebind1(self, &[&x[0], &x[1]]);
        let tangent = sum_tangents([
            dx[0].as_ref().map(|t| self.tangent_of_matrix(t, &x[0], &out)),
            dx[1].as_ref().map(|t| rebind1(self, &[&x[0], t])),
        ]);
        (vec![out], vec![tangent])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        match (&ct[0], &inputs[0]) {
            (None, _) => vec![None, None],
            (Some(ct), Operand::Known(a)) => {
                let back = TriangularSolve { transpose_a: !self.transpose_a, ..self.clone() };
                vec![None, Some(bind1(back, &[a, ct]))]
            }
            _ => raise(missing_rule(self.name(), "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        match (axes[0], axes[1]) {
            (None, None) => (vec![rebind1(self, &[&x[0], &x[1]])], vec![None]),
            (None, Some(axis)) => {
                // One matrix for the whole batch: its elements become more columns or rows.
                let rank = x[1].ndim();
                let place = if self.left_side { rank - 1 } else { rank - 2 };
                let b = x[1].moveaxis(axis as isize, place as isize);
                let mut flat = b.shape().to_vec();
                let size = flat.remove(place);
                flat[place - 1] *= size;
                let out = rebind1(self, &[&x[0], &b.reshape(flat)]);
                (vec![out.reshape(b.shape())], vec![Some(place)])
            }
            _ => {
                let moved = all_in_front(x, axes, size);
                (vec![rebind1(self, &[&moved[0], &moved[1]])], vec![Some(0)])
            }
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let mut a = args[0].clone();
        let complex = inputs[0].dtype.is_complex();
        if self.conjugate_a && !self.transpose_a && complex {
            a = cx.op("chlo.conj", &[a], &[], &inputs[0]);
        }
        if cx.routes().linear_algebra == LinearAlgebra::Lapack {
            let op = match (self.transpose_a, self.conjugate_a && complex) {
                (false, _) => 'N',
                (true, false) => 'T',
                (true, true) => 'C',
            };
            // The row-major matrices are read as their transposes in column-major order: X op(A) = B is op(A)ᵀ Xᵀ = Bᵀ.
            // No element moves.
            let letters = [
                ("diag", if self.unit_diagonal { 'U' } else { 'N' }),
                ("side", if self.left_side { 'R' } else { 'L' }),
                ("trans_x", op),
                ("uplo", if self.lower { 'U' } else { 'L' }),
            ];
            let (b, aval) = transposed(cx, &args[1], &inputs[1]);
            let x = lapack(cx, "trsm", &[a, b], &letters, &[false, true, true], std::slice::from_ref(&aval));
            return [transposed(cx, &x[0], &aval).0].into();
        }
        let transpose = match (self.transpose_a, self.conjugate_a && complex) {
            (false, _) => "#stablehlo<transpose NO_TRANSPOSE>",
            (true, false) => "#stablehlo<transpose TRANSPOSE>",
            (true, true) => "#stablehlo<transpose ADJOINT>",
        };
        let attrs = [
            ("left_side", Attr::Bool(self.left_side)),
            ("lower", Attr::Bool(self.lower)),
            ("transpose_a", Attr::Static(transpose)),
            ("unit_diagonal", Attr::Bool(self.unit_diagonal)),
        ];
        [cx.op("stablehlo.triangular_solve", &[a, args[1].clone()], &attrs, &outs[0])].into()
    }
}
