//! Elementwise operations.

use stablehlo::read::Op;

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::Literal;
use crate::error::Result;
use crate::trace::frames::bind1;

use super::value::{Known, Val};
use super::{malformed, unsupported};

/// The function that applies the primitive of a name.
macro_rules! primitive_named {
    ($from:ident; $($name:literal => $prim:expr;)*) => {
        match $from {
            $($name => Some(|x| bind1($prim, x)),)*
            _ => None,
        }
    };
}

/// The primitive of a function of one argument.
fn unary(name: &str) -> Option<fn(&[&Array]) -> Array> {
    primitive_named! { name;
        "abs" => p::Abs;
        "acos" => p::Acos;
        "acosh" => p::Acosh;
        "asin" => p::Asin;
        "asinh" => p::Asinh;
        "atan" => p::Atan;
        "atanh" => p::Atanh;
        "bessel_i1e" => p::BesselI1e;
        "cbrt" => p::Cbrt;
        "ceil" => p::Ceil;
        "conj" => p::Conj;
        "cosine" => p::Cos;
        "cosh" => p::Cosh;
        "count_leading_zeros" => p::Clz;
        "digamma" => p::Digamma;
        "erf" => p::Erf;
        "erf_inv" => p::ErfInv;
        "erfc" => p::Erfc;
        "exponential" => p::Exp;
        "exponential_minus_one" => p::Expm1;
        "floor" => p::Floor;
        "is_finite" => p::IsFinite;
        "lgamma" => p::Lgamma;
        "log" => p::Log;
        "log_plus_one" => p::Log1p;
        "logistic" => p::Logistic;
        "negate" => p::Neg;
        "not" => p::Not;
        "popcnt" => p::PopulationCount;
        "round_nearest_afz" => p::Round { to_even: false };
        "round_nearest_even" => p::Round { to_even: true };
        "rsqrt" => p::Rsqrt;
        "sign" => p::Sign;
        "sine" => p::Sin;
        "sinh" => p::Sinh;
        "sqrt" => p::Sqrt;
        "square" => p::Square;
        "tan" => p::Tan;
        "tanh" => p::Tanh;
    }
}

/// The primitive of a function of two arguments.
fn binary(name: &str) -> Option<fn(&[&Array]) -> Array> {
    primitive_named! { name;
        "add" => p::Add;
        "and" => p::And;
        "atan2" => p::Atan2;
        "complex" => p::Complex;
        "divide" => p::Div;
        "maximum" => p::Max;
        "minimum" => p::Min;
        "multiply" => p::Mul;
        "next_after" => p::NextAfter;
        "or" => p::Or;
        "polygamma" => p::Polygamma;
        "power" => p::Pow;
        "remainder" => p::Rem;
        "shift_left" => p::ShiftLeft;
        "shift_right_arithmetic" => p::ShiftRightArithmetic;
        "shift_right_logical" => p::ShiftRightLogical;
        "subtract" => p::Sub;
        "xor" => p::Xor;
        "zeta" => p::Zeta;
    }
}

/// Applies a function to values, of which some may be scalars that stand for all elements.
pub(super) fn apply(f: impl Fn(&[&Array]) -> Array, x: &[Val]) -> Result<Val> {
    let Some(first) = x.first() else { return Err(malformed("an operation has no operands")) };
    if let Some(other) = x.iter().find(|other| other.shape != first.shape) {
        return Err(malformed(format!("operands of the shapes {} and {}", first.shape, other.shape)));
    }
    let y = f(&x.iter().map(|x| &x.x).collect::<Vec<_>>());
    Ok(if y.ndim() == 0 { Val::splat(y, &first.shape) } else { Val::new(y) })
}

/// Reads an elementwise operation, if it is one.
pub(super) fn read(name: &str, op: &Op, x: &[Val], outs: &[Aval]) -> Result<Option<Val>> {
    let name = name.strip_prefix("broadcast_").filter(|n| binary(n).is_some()).unwrap_or(name);
    if let Some(known) = counted(name, x, outs) {
        let y = plain(name, op, x, outs)?;
        return Ok(y.map(|y| Val { known, ..y }));
    }
    plain(name, op, x, outs)
}

fn plain(name: &str, op: &Op, x: &[Val], outs: &[Aval]) -> Result<Option<Val>> {
    if let ([_, _], Some(f)) = (x, binary(name)) {
        let boolean = x[0].dtype() == DType::Bool;
        return Ok(Some(match name {
            // Booleans are added and multiplied as the numbers 0 and 1 without a carry.
            "add" if boolean => apply(|x| bind1(p::Or, x), x)?,
            "multiply" if boolean => apply(|x| bind1(p::And, x), x)?,
            "subtract" if boolean => apply(|x| bind1(p::Xor, x), x)?,
            "power" => power(x)?,
            _ => apply(f, x)?,
        }));
    }
    if let ([_], Some(f)) = (x, unary(name)) {
        return apply(f, x).map(Some);
    }
    let one = |prim: &dyn Fn(&[&Array]) -> Array| apply(prim, x).map(Some);
    match (name, x, outs) {
        ("real", [z], _) if !z.dtype().is_complex() => Ok(Some(z.clone())),
        ("imag", [z], _) if !z.dtype().is_complex() => {
            Ok(Some(Val::splat(Array::literal(Literal::int(z.dtype(), 0)), &z.shape)))
        }
        ("real", [_], _) => one(&|x| bind1(p::Real, x)),
        ("imag", [_], _) => one(&|x| bind1(p::Imag, x)),
        ("is_inf", [_], _) => one(&|x| bind1(p::Abs, x).equal(infinity(x[0]))),
        ("is_pos_inf", [_], _) => one(&|x| x[0].equal(infinity(x[0]))),
        ("is_neg_inf", [_], _) => one(&|x| x[0].equal(-infinity(x[0]))),
        ("convert", [z], [out]) if z.dtype() == out.dtype => Ok(Some(z.clone())),
        ("convert", [_], [out]) => one(&|x| bind1(p::ConvertElementType { dtype: out.dtype, weak: false }, x)),
        ("reduce_precision", [_], _) => {
            let bits = |name: &str| {
                op.attributes
                    .int(name)
                    .and_then(|n| u8::try_from(n).ok())
                    .ok_or_else(|| malformed(format!("no `{name}`")))
            };
            let (exponent_bits, mantissa_bits) = (bits("exponent_bits")?, bits("mantissa_bits")?);
            one(&|x| bind1(p::ReducePrecision { exponent_bits, mantissa_bits }, x))
        }
        ("select", [_, _, _], _) => select(x).map(Some),
        ("clamp", [lo, z, hi], _) => clamp(lo, z, hi).map(Some),
        ("compare" | "broadcast_compare", [_, _], _) => compare(op, x).map(Some),
        ("constant_like", [z], _) => {
            let value = op.attributes.get("value").and_then(|value| match value {
                stablehlo::read::Attr::Float(..) | stablehlo::read::Attr::Int(..) => value.as_f64(),
                _ => None,
            });
            let value = value.ok_or_else(|| unsupported("a constant that is not a number"))?;
            Ok(Some(Val::splat(Array::literal(Literal::float(z.dtype(), value)), &z.shape)))
        }
        _ => Ok(None),
    }
}

fn infinity(x: &Array) -> Array {
    Array::literal(Literal::float(x.dtype(), f64::INFINITY))
}

/// Powers. Those of integers are products.
fn power(x: &[Val]) -> Result<Val> {
    let whole = |v: &Val| match v.literal()?.value() {
        crate::array::literal::Scalar::Float(v) if v.fract() == 0.0 && v.abs() <= 64.0 => Some(v as i32),
        crate::array::literal::Scalar::Int(v) => i32::try_from(v).ok().filter(|v| v.abs() <= 64),
        crate::array::literal::Scalar::Uint(v) => i32::try_from(v).ok().filter(|v| *v <= 64),
        _ => None,
    };
    match whole(&x[1]) {
        Some(y) if x[0].dtype().is_integer() && y >= 0 => apply(|x| bind1(p::IntegerPow { y }, &x[..1]), x),
        _ if x[0].dtype().is_integer() => Err(unsupported("an integer raised to a power that is not known")),
        _ => apply(|x| bind1(p::Pow, x), x),
    }
}

fn select(x: &[Val]) -> Result<Val> {
    let [which, yes, no] = x else { return Err(malformed("a selection has three operands")) };
    match which.boolean() {
        Some(true) => return Ok(yes.clone()),
        Some(false) => return Ok(no.clone()),
        None => {}
    }
    if [which, yes, no].iter().all(|v| v.is_splat()) {
        let y = bind1(p::SelectN, &[&which.x, &no.x, &yes.x]);
        return Ok(Val::splat(y, &yes.shape));
    }
    let full = |v: &Val| v.full();
    let which = if which.is_splat() { which.x.clone() } else { full(which) };
    // Scalars are broadcast only beside an array of the whole shape.
    let (no, yes) = match (no.is_splat(), yes.is_splat()) {
        (true, true) => (full(no), yes.x.clone()),
        _ => (no.x.clone(), yes.x.clone()),
    };
    Ok(Val::new(bind1(p::SelectN, &[&which, &no, &yes])))
}

fn clamp(lo: &Val, z: &Val, hi: &Val) -> Result<Val> {
    let all_scalars = [lo, z, hi].iter().all(|v| v.is_splat());
    let y = bind1(p::Clamp, &[&lo.x, &if all_scalars { z.x.clone() } else { z.full() }, &hi.x]);
    Ok(if all_scalars { Val::splat(y, &z.shape) } else { Val::new(y) })
}

fn compare(op: &Op, x: &[Val]) -> Result<Val> {
    let direction = op.attributes.keyword("comparison_direction");
    let total = op.attributes.keyword("compare_type") == Some("TOTALORDER") && x[0].dtype().kind() == Kind::Float;
    let prim = |a: &dyn Fn(&[&Array]) -> Array| apply(a, x);
    let swapped = |prim: &dyn Fn(&[&Array]) -> Array| prim2(prim, x);
    match (direction, total) {
        (Some("EQ"), false) => prim(&|x| bind1(p::Eq, x)),
        (Some("NE"), false) => prim(&|x| bind1(p::Ne, x)),
        (Some("LT"), false) => prim(&|x| bind1(p::Lt, x)),
        (Some("LE"), false) => prim(&|x| bind1(p::Le, x)),
        (Some("GT"), false) => prim(&|x| bind1(p::Gt, x)),
        (Some("GE"), false) => prim(&|x| bind1(p::Ge, x)),
        (Some("EQ"), true) => prim(&|x| bind1(p::EqTo, x)),
        (Some("NE"), true) => prim(&|x| bind1(p::Not, &[&bind1(p::EqTo, x)])),
        (Some("LT"), true) => prim(&|x| bind1(p::LtTo, x)),
        (Some("LE"), true) => prim(&|x| bind1(p::LeTo, x)),
        (Some("GT"), true) => swapped(&|x| bind1(p::LtTo, x)),
        (Some("GE"), true) => swapped(&|x| bind1(p::LeTo, x)),
        _ => Err(malformed("a comparison without a direction")),
    }
}

fn prim2(prim: &dyn Fn(&[&Array]) -> Array, x: &[Val]) -> Result<Val> {
    apply(prim, &[x[1].clone(), x[0].clone()])
}

/// What is known about the result of integer arithmetic on a loop's counter.
fn counted(name: &str, x: &[Val], outs: &[Aval]) -> Option<Known> {
    let counter = |v: &Val| match &v.known {
        Known::Counter { frame, scale, offset } => Some((*frame, *scale, *offset)),
        _ => None,
    };
    let (frame, scale, offset) = match (name, x) {
        ("convert", [i]) if outs[0].dtype.is_integer() && outs[0].dtype.bits() >= 32 => counter(i)?,
        ("add", [i, n]) | ("add", [n, i]) if counter(i).is_some() && n.integer().is_some() => {
            let (frame, scale, offset) = counter(i)?;
            (frame, scale, offset.checked_add(n.integer()?)?)
        }
        ("subtract", [i, n]) if counter(i).is_some() => {
            let (frame, scale, offset) = counter(i)?;
            (frame, scale, offset.checked_sub(n.integer()?)?)
        }
        ("subtract", [n, i]) => {
            let (frame, scale, offset) = counter(i)?;
            (frame, scale.checked_neg()?, n.integer()?.checked_sub(offset)?)
        }
        _ => return None,
    };
    Some(Known::Counter { frame, scale, offset })
}
