//! Elementwise functions of two arguments.

use stablehlo::Value;

use crate::core::array::Array;
use crate::core::aval::Aval;
use crate::core::dtype::{DType, Kind};
use crate::core::error::Result;
use crate::core::literal::{Literal, Scalar};
use crate::core::lowering::Lowering;
use crate::core::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::core::trace::bind1;

use super::elementwise::{self, one_dtype, spread_tangent, sum_tangents, unspread};
use super::exact_float;

fn number(d: DType) -> bool {
    d != DType::Bool
}
fn real(d: DType) -> bool {
    !d.is_complex() && d != DType::Bool
}
fn ordered(d: DType) -> bool {
    !d.is_complex()
}
fn float(d: DType) -> bool {
    d.is_float()
}
fn bits(d: DType) -> bool {
    d.is_integer() || d == DType::Bool
}
fn integer(d: DType) -> bool {
    d.is_integer()
}

/// What a jvp rule of two arguments is given: tangents, arguments and result.
struct Jvp<'a> {
    t: &'a Tangent,
    u: &'a Tangent,
    x: &'a Array,
    y: &'a Array,
    out: &'a Array,
}

impl Jvp<'_> {
    /// The sum of what each tangent contributes.
    fn sum(&self, dx: impl FnOnce(&Array) -> Array, dy: impl FnOnce(&Array) -> Array) -> Tangent {
        sum_tangents([self.t.as_ref().map(dx), self.u.as_ref().map(dy)])
    }
}

fn no_tangent(_: &Jvp<'_>) -> Tangent {
    None
}

fn not_linear(_: &Array, inputs: &[Operand]) -> Vec<Tangent> {
    let _ = inputs;
    crate::core::error::raise(crate::core::primitive::missing_rule("binary", "transpose"))
}

/// A row: type, name, dtypes taken, StableHLO operation, jvp, transpose, fold.
macro_rules! binary {
    ($(
        $T:ident $name:literal: $accepts:ident ($what:literal), $op:literal,
            jvp $jvp:expr, transpose $transpose:expr, fold $fold:expr;
    )*) => {
        /// The primitives of this table.
        pub(super) const NAMES: &[&str] = &[$($name),*];
        $(
            #[doc = concat!(
                "`", $name, "`, elementwise.\n\n```\n# use cotangent::core::primitive::Primitive;\n",
                "assert_eq!(cotangent::ops::binary::", stringify!($T), ".name(), \"", $name, "\");\n```"
            )]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T;

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    elementwise::infer(inputs, one_dtype(inputs, $accepts, $what)?)
                }
                fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                    let out = bind1($T, &[&x[0], &x[1]]);
                    let rule: fn(&Jvp<'_>) -> Tangent = $jvp;
                    let tangent = rule(&Jvp { t: &dx[0], u: &dx[1], x: &x[0], y: &x[1], out: &out });
                    let tangent = tangent.map(|t| spread_tangent(&t, &out));
                    (vec![out], vec![tangent])
                }
                fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
                    let Some(ct) = &ct[0] else { return vec![None, None] };
                    let rule: fn(&Array, &[Operand]) -> Vec<Tangent> = $transpose;
                    (rule(ct, inputs).into_iter().zip(inputs))
                        .map(|(ct, operand)| match operand {
                            Operand::Linear(aval) => ct.map(|ct| unspread(&ct, aval)),
                            Operand::Known(_) => None,
                        })
                        .collect()
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    elementwise::batch(self, x, axes, n)
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    elementwise::lower(cx, $op, args, &outs[0])
                }
                fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
                    let rule: fn(&Literal, &Literal) -> Option<Literal> = $fold;
                    rule(&inputs[0], &inputs[1])
                }
            }
        )*
    };
}

binary! {
    Add "add": number ("numbers"), "stablehlo.add",
        jvp |j| j.sum(|t| spread_tangent(t, j.out), |u| spread_tangent(u, j.out)),
        transpose |ct, _| vec![Some(ct.clone()), Some(ct.clone())],
        fold fold_add;
    Sub "sub": number ("numbers"), "stablehlo.subtract",
        jvp |j| match (j.t, j.u) {
            (Some(t), Some(u)) => Some(t - u),
            _ => j.sum(|t| spread_tangent(t, j.out), |u| -spread_tangent(u, j.out)),
        },
        transpose |ct, x| vec![Some(ct.clone()), x[1].is_linear().then(|| -ct)],
        fold |x, y| fold_arithmetic(x, y, |a, b| a - b, i64::wrapping_sub);
    Mul "mul": number ("numbers"), "stablehlo.multiply",
        jvp |j| j.sum(|t| t * j.y, |u| j.x * u),
        transpose |ct, x| match (&x[0], &x[1]) {
            (Operand::Linear(_), Operand::Known(y)) => vec![Some(ct * y), None],
            (Operand::Known(x), Operand::Linear(_)) => vec![None, Some(x * ct)],
            _ => not_linear(ct, x),
        },
        fold fold_mul;
    Div "div": number ("numbers"), "stablehlo.divide",
        jvp |j| j.sum(|t| t.lax_div(j.y), |u| -(j.out.lax_div(j.y) * u)),
        transpose |ct, x| match &x[1] {
            Operand::Known(y) => vec![Some(ct.lax_div(y)), None],
            Operand::Linear(_) => not_linear(ct, x),
        },
        fold |x, y| match (x.rounded(), y.rounded()) {
            (Scalar::Float(a), Scalar::Float(b)) => exact_float(x.dtype(), float_op(x.dtype(), a, b, |a, b| a / b)?, &[a, b]),
            _ => None,
        };
    Rem "rem": real ("real numbers"), "stablehlo.remainder",
        jvp |j| j.sum(|t| spread_tangent(t, j.out), |u| -(u * truncate(&j.x.lax_div(j.y)))),
        transpose not_linear,
        fold |_, _| None;
    Max "max": ordered ("ordered values"), "stablehlo.maximum",
        jvp |j| j.sum(|t| t * picked(j.x, j.y, j.out), |u| u * picked(j.y, j.x, j.out)),
        transpose not_linear,
        fold |x, y| fold_pick(x, y, |a, b| a > b);
    Min "min": ordered ("ordered values"), "stablehlo.minimum",
        jvp |j| j.sum(|t| t * picked(j.x, j.y, j.out), |u| u * picked(j.y, j.x, j.out)),
        transpose not_linear,
        fold |x, y| fold_pick(x, y, |a, b| a < b);
    Atan2 "atan2": float ("real floating-point numbers"), "stablehlo.atan2",
        jvp |j| {
            let norm = || j.x.square() + j.y.square();
            j.sum(|t| t * (j.y / norm()), |u| u * (-j.x / norm()))
        },
        transpose not_linear,
        fold |_, _| None;
    NextAfter "nextafter": float ("real floating-point numbers"), "chlo.next_after",
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    And "and": bits ("integers or truth values"), "stablehlo.and",
        jvp no_tangent, transpose not_linear, fold |x, y| fold_bits(x, y, |a, b| a & b);
    Or "or": bits ("integers or truth values"), "stablehlo.or",
        jvp no_tangent, transpose not_linear, fold |x, y| fold_bits(x, y, |a, b| a | b);
    Xor "xor": bits ("integers or truth values"), "stablehlo.xor",
        jvp no_tangent, transpose not_linear, fold |x, y| fold_bits(x, y, |a, b| a ^ b);
    ShiftLeft "shift_left": integer ("integers"), "stablehlo.shift_left",
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    ShiftRightLogical "shift_right_logical": integer ("integers"), "stablehlo.shift_right_logical",
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    ShiftRightArithmetic "shift_right_arithmetic": integer ("integers"), "stablehlo.shift_right_arithmetic",
        jvp no_tangent, transpose not_linear, fold |_, _| None;
}

/// 1 where `x` alone is the result, ½ where both are (as JAX splits a tie), 0 elsewhere.
fn picked(x: &Array, other: &Array, out: &Array) -> Array {
    let (x, other) = (spread_tangent(x, out), spread_tangent(other, out));
    let dtype = out.dtype();
    let number = |v: f64| Array::literal(Literal::float(dtype, v));
    let mine = super::select(&x.equal(out), &number(1.0), &number(0.0), out.shape());
    let share = super::select(&other.equal(out), &number(0.5), &number(1.0), out.shape());
    mine * share
}

/// The quotient rounded towards zero.
fn truncate(q: &Array) -> Array {
    q.sign() * q.abs().floor()
}

/// A float operation rounded once, in the format of `dtype`.
fn float_op(dtype: DType, a: f64, b: f64, f: fn(f64, f64) -> f64) -> Option<f64> {
    match dtype {
        // f64 has more than twice the digits of f32: rounding its result again gives the f32 result.
        DType::F32 => Some(f64::from(f(a, b) as f32)),
        DType::F64 => Some(f(a, b)),
        _ => None,
    }
}

fn fold_arithmetic(x: &Literal, y: &Literal, f: fn(f64, f64) -> f64, i: fn(i64, i64) -> i64) -> Option<Literal> {
    let dtype = x.dtype();
    match (x.rounded(), y.rounded()) {
        (Scalar::Float(a), Scalar::Float(b)) => exact_float(dtype, float_op(dtype, a, b, f)?, &[a, b]),
        (Scalar::Int(a), Scalar::Int(b)) => Some(Literal::new(dtype, Scalar::Int(i(a, b)))),
        (Scalar::Uint(a), Scalar::Uint(b)) => Some(Literal::new(dtype, Scalar::Uint(i(a as i64, b as i64) as u64))),
        _ => None,
    }
}

fn fold_add(x: &Literal, y: &Literal) -> Option<Literal> {
    fold_arithmetic(x, y, |a, b| a + b, i64::wrapping_add)
}

pub(super) fn fold_mul(x: &Literal, y: &Literal) -> Option<Literal> {
    fold_arithmetic(x, y, |a, b| a * b, i64::wrapping_mul)
}

fn fold_pick(x: &Literal, y: &Literal, first: fn(f64, f64) -> bool) -> Option<Literal> {
    match (x.rounded(), y.rounded()) {
        // Equal operands may be 0 and −0: which of them XLA gives is left to it.
        (Scalar::Float(a), Scalar::Float(b)) if a != b => {
            exact_float(x.dtype(), if first(a, b) { a } else { b }, &[a, b])
        }
        _ => None,
    }
}

fn fold_bits(x: &Literal, y: &Literal, f: fn(u64, u64) -> u64) -> Option<Literal> {
    let dtype = x.dtype();
    let result = f(x.value().to_u64(), y.value().to_u64());
    Some(match dtype.kind() {
        Kind::Bool => Literal::new(dtype, Scalar::Bool(result & 1 == 1)),
        Kind::Int => Literal::new(dtype, Scalar::Int(result as i64)),
        _ => Literal::new(dtype, Scalar::Uint(result)),
    })
}

impl Array {
    /// `div` without promotion: integers divide towards zero.
    #[track_caller]
    pub(crate) fn lax_div(&self, other: &Array) -> Array {
        bind1(Div, &[self, other])
    }
}

/// log(eˣ + eʸ) of arrays of one shape, without overflow.
pub(crate) fn logaddexp(x: &Array, y: &Array) -> Array {
    let shape = if x.ndim() > 0 { x.shape() } else { y.shape() };
    let difference = x - y;
    // Equal infinities and NaNs: their sum is the answer, and nothing undefined enters the derivative.
    let odd = difference.not_equal(&difference);
    let zero = Array::literal(Literal::int(difference.dtype(), 0));
    let difference = super::select(&odd, &zero, &difference, shape);
    super::select(&odd, &(x + y), &(x.maximum(y) + (-difference.abs()).exp().log1p()), shape)
}
