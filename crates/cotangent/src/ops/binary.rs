//! Elementwise functions of two arguments.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise::{self, spread_tangent, sum_tangents, unspread};
use super::kept::Kept;
use super::staged::{self, choose};
use super::{exact_float, incomplete_gamma as gamma};

/// The inputs of a jvp rule of two arguments: tangents, arguments and result.
struct Jvp<'a> {
    t: &'a Tangent,
    u: &'a Tangent,
    x: &'a Array,
    y: &'a Array,
    out: &'a Array,
}

impl Jvp<'_> {
    /// Sums the contributions of the tangents.
    fn sum(&self, dx: impl FnOnce(&Array) -> Array, dy: impl FnOnce(&Array) -> Array) -> Tangent {
        sum_tangents([self.t.as_ref().map(dx), self.u.as_ref().map(dy)])
    }
}

fn no_tangent(_: &Jvp<'_>) -> Tangent {
    None
}

/// The transpose rule of a nonlinear function. There is none, so the table reports an error.
fn not_linear(_: &Array, _: &[Operand]) -> Vec<Tangent> {
    Vec::new()
}

/// How a row of the table is lowered: to one operation, by a function that appends several, or by one that appends a
/// loop.
#[derive(Clone, Copy)]
enum Lower {
    Op(&'static str),
    With(fn(&mut Lowering<'_>, &[Value], &[Aval], &Aval) -> Value),
    Loop(fn(&mut Lowering<'_>, &[Value], &[Aval], &Aval) -> Value),
}
use Lower::{Loop, Op, With};

/// Defines primitives. A row has the type, the name, the accepted dtypes, and the lowering, jvp, transpose and fold
/// rules.
macro_rules! binary {
    ($(
        $T:ident $name:literal: $domain:ident, $lower:expr,
            jvp $jvp:expr, transpose $transpose:expr, fold $fold:expr;
    )*) => {
        $(
            #[doc = concat!(
                "`", $name, "`, elementwise.\n\n```\n# use cotangent::extend::Primitive;\n",
                "assert_eq!(cotangent::extend::primitives::", stringify!($T), ".name(), \"", $name, "\");\n```"
            )]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T;

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    elementwise::infer(inputs, Domain::$domain.one_dtype(inputs)?)
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
                    let cts = rule(ct, inputs);
                    if cts.is_empty() {
                        crate::error::raise(crate::ir::primitive::missing_rule($name, "transpose"));
                    }
                    (cts.into_iter().zip(inputs))
                        .map(|(ct, operand)| match operand {
                            Operand::Linear(aval) => ct.map(|ct| unspread(&ct, aval)),
                            Operand::Known(_) => None,
                        })
                        .collect()
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    elementwise::batch(self, x, axes, n)
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let lower: Lower = $lower;
                    match lower {
                        Op(op) => elementwise::lower(cx, op, args, &outs[0]),
                        With(f) | Loop(f) => [f(cx, args, inputs, &outs[0])].into(),
                    }
                }
                fn is_loop(&self) -> bool {
                    let lower: Lower = $lower;
                    matches!(lower, Loop(_))
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
    Add "add": NUMBERS, Op("stablehlo.add"),
        jvp |j| j.sum(|t| spread_tangent(t, j.out), |u| spread_tangent(u, j.out)),
        transpose |ct, _| vec![Some(ct.clone()), Some(ct.clone())],
        fold fold_add;
    Sub "sub": NUMBERS, Op("stablehlo.subtract"),
        jvp |j| match (j.t, j.u) {
            (Some(t), Some(u)) => Some(t - u),
            _ => j.sum(|t| spread_tangent(t, j.out), |u| -spread_tangent(u, j.out)),
        },
        transpose |ct, x| vec![Some(ct.clone()), x[1].is_linear().then(|| -ct)],
        fold |x, y| fold_arithmetic(x, y, |a, b| a - b, i64::wrapping_sub);
    Mul "mul": NUMBERS, Op("stablehlo.multiply"),
        jvp |j| j.sum(|t| t * j.y, |u| j.x * u),
        transpose |ct, x| match (&x[0], &x[1]) {
            (Operand::Linear(_), Operand::Known(y)) => vec![Some(ct * y), None],
            (Operand::Known(x), Operand::Linear(_)) => vec![None, Some(x * ct)],
            _ => not_linear(ct, x),
        },
        fold fold_mul;
    Div "div": NUMBERS, Op("stablehlo.divide"),
        jvp |j| j.sum(|t| t.lax_div(j.y), |u| -(slope_in_divisor(j) * u)),
        transpose |ct, x| match &x[1] {
            Operand::Known(y) => vec![Some(ct.lax_div(y)), None],
            Operand::Linear(_) => not_linear(ct, x),
        },
        fold |x, y| match (x.rounded(), y.rounded()) {
            (Scalar::Float(a), Scalar::Float(b)) => exact_float(x.dtype(), float_op(x.dtype(), a, b, |a, b| a / b)?, &[a, b]),
            _ => None,
        };
    Rem "rem": REAL, Op("stablehlo.remainder"),
        // The quotient that belongs to the remainder. The rounded quotient of the operands may differ from it by one.
        jvp |j| j.sum(|t| spread_tangent(t, j.out), |u| -(u * (j.x - j.out).lax_div(j.y).round())),
        transpose not_linear,
        fold |_, _| None;
    Max "max": ANY, With(lower_max),
        jvp |j| chosen(j, |x, y| x.greater(y)),
        transpose not_linear,
        fold |x, y| fold_pick(x, y, |a, b| a > b);
    Min "min": ANY, With(lower_min),
        jvp |j| chosen(j, |x, y| x.less(y)),
        transpose not_linear,
        fold |x, y| fold_pick(x, y, |a, b| a < b);
    Atan2 "atan2": FLOATS, With(lower_atan2),
        jvp atan2_jvp,
        transpose not_linear,
        fold |_, _| None;
    NextAfter "nextafter": FLOATS, With(lower_next_after),
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    And "and": BITS, Op("stablehlo.and"),
        jvp no_tangent, transpose not_linear, fold |x, y| fold_bits(x, y, |a, b| a & b);
    Or "or": BITS, Op("stablehlo.or"),
        jvp no_tangent, transpose not_linear, fold |x, y| fold_bits(x, y, |a, b| a | b);
    Xor "xor": BITS, Op("stablehlo.xor"),
        jvp no_tangent, transpose not_linear, fold |x, y| fold_bits(x, y, |a, b| a ^ b);
    ShiftLeft "shift_left": INTEGERS, Op("stablehlo.shift_left"),
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    ShiftRightLogical "shift_right_logical": INTEGERS, Op("stablehlo.shift_right_logical"),
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    ShiftRightArithmetic "shift_right_arithmetic": INTEGERS, Op("stablehlo.shift_right_arithmetic"),
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    MulHi "mulhi": INTEGERS, With(super::mulhi::lower_mulhi),
        jvp no_tangent, transpose not_linear, fold |_, _| None;
    Zeta "zeta": FLOATS, With(super::polygamma::lower_zeta),
        jvp |j| {
            constant(j.t, "zeta", "its first operand, the exponent");
            j.sum(Array::clone, |u| -(u * (j.x * bind1(Zeta, &[&(j.x + 1.0), j.y]))))
        },
        transpose not_linear, fold |_, _| None;
    Igamma "igamma": FLOATS, Loop(gamma::lower_igamma),
        jvp |j| j.sum(|t| t * bind1(IgammaGradA, &[j.x, j.y]), |u| u * gamma::density(j.x, j.y)),
        transpose not_linear, fold |_, _| None;
    Igammac "igammac": FLOATS, Loop(gamma::lower_igammac),
        jvp |j| j.sum(|t| -(t * bind1(IgammaGradA, &[j.x, j.y])), |u| -(u * gamma::density(j.x, j.y))),
        transpose not_linear, fold |_, _| None;
    IgammaGradA "igamma_grad_a": FLOATS, Loop(gamma::lower_igamma_grad_a),
        jvp |j| {
            constant(j.t, "igamma_grad_a", "its first operand, the shape parameter");
            j.sum(Array::clone, |u| u * (gamma::density(j.x, j.y) * (j.y.log() - j.x.digamma())))
        },
        transpose not_linear, fold |_, _| None;
    RandomGammaGrad "random_gamma_grad": FLOATS, Loop(gamma::lower_random_gamma_grad),
        jvp |j| {
            constant(j.t, "random_gamma_grad", "its first operand, the shape parameter");
            // With F the distribution function, the derivative is −F_a/F_x, and F_xx/F_x is (a − 1)/x − 1.
            j.sum(Array::clone, |u| -(u * (j.y.log() - j.x.digamma() + j.out * ((j.x - 1.0) / j.y - 1.0))))
        },
        transpose not_linear, fold |_, _| None;
}

/// Returns the quotient over the divisor. The compiler would turn two successive divisions into one by the square of
/// the divisor, which may overflow or underflow.
fn slope_in_divisor(j: &Jvp<'_>) -> Array {
    j.out * Array::literal(Literal::int(j.out.dtype(), 1)).lax_div(j.y)
}

/// Checks that an operand without a derivative has no tangent.
fn constant(tangent: &Tangent, primitive: &str, which: &'static str) {
    if tangent.is_some() {
        crate::error::raise(crate::ir::primitive::no_derivative(primitive, which));
    }
}

/// Computes (y·dx − x·dy)/(x² + y²) for the operands x and y, scaled so that the squares neither overflow nor
/// underflow. The result does not depend on the scale, so the scale has no derivative.
fn atan2_jvp(j: &Jvp<'_>) -> Tangent {
    let (x, y) = (spread_tangent(j.x, j.out), spread_tangent(j.y, j.out));
    let inverse = 1.0 / super::magnitude(&x.abs().maximum(y.abs()));
    let (x, y) = (x * &inverse, y * &inverse);
    let norm = x.square() + y.square();
    j.sum(|t| t * (y / &norm * &inverse), |u| u * (-x / &norm * &inverse))
}

fn lower_atan2(cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], out: &Aval) -> Value {
    let args = cx.same_shape(args, &out.shape);
    angle(cx, &args[0], &args[1], out)
}

/// Returns the angle of (x, y). The compiler must not see that x is constant: the CPU plugin compiles an `atan2` of
/// vectors with a constant 1 to a call that returns garbage in arrays of some shapes, such as `f32[8,2]` and
/// `f64[4,2]`. So x is behind a select that depends on y.
pub(super) fn angle(cx: &mut Lowering<'_>, y: &Value, x: &Value, out: &Aval) -> Value {
    let attrs = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction EQ>"))];
    let number = cx.op("stablehlo.compare", &[y.clone(), y.clone()], &attrs, &out.with_dtype(DType::Bool));
    let x = cx.op("stablehlo.select", &[number, x.clone(), y.clone()], &[], out);
    cx.op("stablehlo.atan2", &[y.clone(), x], &[], out)
}

/// Lowers to steps in the bits of the numbers, which are ordered like the magnitudes. Arithmetic would flush subnormal
/// numbers.
fn lower_next_after(cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
    staged::lower_as_given(cx, args, inputs, out, |x| {
        let (dtype, words) = (x[0].dtype(), x[0].dtype().signed());
        let constant = |v: i64| super::full(&x[0].aval().shape, Literal::int(words, v));
        let (zero, one) = (constant(0), constant(1));
        let least = constant(-1 << (dtype.bits() - 1));
        // Maps positive numbers to their bits and negative numbers to integers below zero. The mapping is its own
        // inverse.
        let turned = |i: &Array, negative: &Array| choose(negative, &(&least - i), i);
        let [from, to] = [0, 1].map(|i| {
            let bits = x[i].bitcast(words);
            turned(&bits, &bits.less(&zero))
        });
        let next = choose(&to.greater(&from), &(&from + &one), &(&from - &one));
        // A zero reached from below is −0.
        let negative = next.less(&zero).logical_or(next.equal(&zero).logical_and(from.less(&zero)));
        let next = choose(&from.equal(&to), &x[1], &turned(&next, &negative).bitcast(dtype));
        let nan = |x: &Array| x.not_equal(x);
        choose(&nan(&x[0]), &x[0], &choose(&nan(&x[1]), &x[1], &next))
    })
}

fn lower_max(cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], out: &Aval) -> Value {
    combine(cx, "stablehlo.maximum", args, out)
}

fn lower_min(cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], out: &Aval) -> Value {
    combine(cx, "stablehlo.minimum", args, out)
}

/// Lowers to an operation of two values. The maximum or minimum of a NaN and any value is that NaN. Complex numbers are
/// compared by their real parts, and by their imaginary parts if those are equal.
pub(super) fn combine(cx: &mut Lowering<'_>, op: &'static str, args: &[Value], out: &Aval) -> Value {
    let args = cx.same_shape(args, &out.shape);
    let direction = match op {
        "stablehlo.maximum" if out.dtype.is_complex() => "#stablehlo<comparison_direction GT>",
        "stablehlo.minimum" if out.dtype.is_complex() => "#stablehlo<comparison_direction LT>",
        _ => return cx.op(op, &args, &[], out),
    };
    let (part, flag) = (out.with_dtype(out.dtype.real()), out.with_dtype(DType::Bool));
    let parts = |cx: &mut Lowering<'_>, op: &str| [0, 1].map(|i| cx.op(op, &args[i..=i], &[], &part));
    let (real, imag) = (parts(cx, "stablehlo.real"), parts(cx, "stablehlo.imag"));
    let compare = |cx: &mut Lowering<'_>, parts: &[Value], direction: &'static str| {
        cx.op("stablehlo.compare", parts, &[("comparison_direction", Attr::Static(direction))], &flag)
    };
    let tie = compare(cx, &real, "#stablehlo<comparison_direction EQ>");
    let (by_real, by_imag) = (compare(cx, &real, direction), compare(cx, &imag, direction));
    let first = cx.op("stablehlo.select", &[tie, by_imag, by_real], &[], &flag);
    // A NaN takes precedence, and the first operand's over the second's.
    let odd = compare(cx, &[args[0].clone(), args[0].clone()], "#stablehlo<comparison_direction NE>");
    let number = compare(cx, &[args[1].clone(), args[1].clone()], "#stablehlo<comparison_direction EQ>");
    let first = cx.op("stablehlo.and", &[first, number], &[], &flag);
    let first = cx.op("stablehlo.or", &[first, odd], &[], &flag);
    cx.op("stablehlo.select", &[first, args[0].clone(), args[1].clone()], &[], out)
}

/// Returns the tangent of a maximum or minimum: that of the selected operand, or half of both in a tie.
///
/// The operands are compared with each other and not with the result, because an operand that is computed again may
/// differ from it. If both have tangents, the selection is stored, because another kernel might otherwise see a tie.
fn chosen(j: &Jvp<'_>, before: fn(&Array, &Array) -> Array) -> Tangent {
    let (shape, dtype) = (j.out.shape(), j.out.dtype());
    let comes_before = |x: &Array, y: &Array| {
        if !dtype.is_complex() {
            return before(x, y);
        }
        let by_imag = x.real().equal(y.real()).logical_and(before(&x.imag(), &y.imag()));
        before(&x.real(), &y.real()).logical_or(by_imag)
    };
    let number = |dtype: DType, v: f64| Array::literal(Literal::float(dtype, v));
    let share = |first: &Array, tie: &Array| {
        let tie = super::select(tie, &number(dtype, 0.5), &number(dtype, 0.0), shape);
        super::select(first, &number(dtype, 1.0), &tie, shape)
    };
    let (t, u) = match (j.t, j.u) {
        (Some(t), Some(u)) => (t, u),
        _ => {
            let alone = |x: &Array, y: &Array| share(&comes_before(x, y), &x.equal(y));
            return j.sum(|t| t * alone(j.x, j.y), |u| u * alone(j.y, j.x));
        }
    };
    // A NaN is neither before, after nor equal.
    let code = |i: i64| Array::literal(Literal::int(DType::I8, i));
    let not_first = super::select(&comes_before(j.y, j.x), &code(1), &code(3), shape);
    let not_alone = super::select(&j.x.equal(j.y), &code(2), &not_first, shape);
    let which = bind1(Kept, &[&super::select(&comes_before(j.x, j.y), &code(0), &not_alone, shape)]);
    let is = |i: i64| which.equal(code(i));
    Some(t * share(&is(0), &is(2)) + u * share(&is(1), &is(2)))
}

/// Computes a float operation, rounded once to the format of `dtype`.
fn float_op(dtype: DType, a: f64, b: f64, f: fn(f64, f64) -> f64) -> Option<f64> {
    match dtype {
        // f64 has more than twice the digits of f32, so rounding the f64 result yields the f32 result.
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
        // Equal operands may be 0 and −0. XLA decides which of them is the result.
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
