//! Tracks constants, to keep the compiler from combining them where that changes a result.
//!
//! XLA's simplifier combines constants at compile time:
//!
//! * (x · c) · d becomes x · (c · d),
//! * the scalar product (x · c) · (y · d) becomes (x · y) · (c · d),
//! * x / (c / y) becomes (x · y) / c,
//! * (x + c) − c becomes x.
//!
//! If c · d or x · y leaves the range of the type, the result overflows or underflows even if the original expression
//! does not. In the last case, the rounding of the sum is lost. An operand whose constants could be combined in this
//! way is put behind an optimization barrier, which the simplifier does not look through. The compiler removes barriers
//! before it fuses operations, so a barrier costs only the operations that were written.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use stablehlo::{Block, Value};

use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};

/// What is known about the constants in a value.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The binary orders of magnitude that its constant factors can add up to, in either direction. The compiler may
    /// multiply any of them with each other first.
    factors: f64,
    /// The constant that was added last.
    term: Option<f64>,
    /// Set if the value is a constant: a number for all elements, or NaN for a table or a complex number.
    constant: Option<f64>,
    /// Whether its factors are tables. The compiler moves those in cases where it does not move a number for all
    /// elements.
    table: bool,
    /// Whether it is a smaller array, broadcast. The compiler applies a factor beside it before the broadcast.
    spread: bool,
    /// Whether it is a quotient with a variable divisor.
    quotient: bool,
}

/// The constants in the values of a block.
#[derive(Default)]
pub(super) struct Constants {
    known: FxHashMap<u32, Known>,
    /// For each value that has a barrier, the result of the barrier.
    behind: FxHashMap<u32, Value>,
}

/// Operations of one operand that preserve its factors.
const KEEPS: [&str; 6] = [
    "stablehlo.abs",
    "stablehlo.broadcast_in_dim",
    "stablehlo.convert",
    "stablehlo.negate",
    "stablehlo.reshape",
    "stablehlo.transpose",
];

/// Returns the number of binary orders of magnitude between one and either end of the range. Integers have none.
fn range(value: &Value) -> Option<f64> {
    match value.ty().element() {
        "f16" => Some(14.0),
        "bf16" | "f32" | "complex<f32>" => Some(126.0),
        "f64" | "complex<f64>" => Some(1022.0),
        _ => None,
    }
}

/// Returns the limit for constants if variables would be multiplied before them. Beyond it, the product of the
/// variables may leave the range although the whole expression does not.
fn some(range: f64) -> f64 {
    range / 4.0
}

/// Returns the number of binary orders of magnitude between one and a number. For zero it is infinite: beside a zero,
/// no other product may become infinite. For infinities and NaN it is 0, because they remain what they are.
fn magnitude(literal: Literal) -> f64 {
    let absolute = match literal.rounded() {
        Scalar::Float(x) => x.abs(),
        Scalar::Complex(re, im) => re.hypot(im),
        _ => 1.0,
    };
    if absolute.is_finite() { absolute.log2().abs() } else { 0.0 }
}

impl Constants {
    fn of(&self, value: &Value) -> Known {
        self.known.get(&value.id()).copied().unwrap_or_default()
    }

    /// Records that a value is one number.
    pub(super) fn number(&mut self, value: &Value, literal: Literal) {
        if range(value).is_some() {
            let number = if let Scalar::Float(x) = literal.rounded() { x } else { f64::NAN };
            let known = Known { factors: magnitude(literal), constant: Some(number), ..Known::default() };
            self.known.insert(value.id(), known);
        }
    }

    /// Records that a value is a table of these bytes.
    pub(super) fn table(&mut self, value: &Value, dtype: DType, bytes: &[u8]) {
        if range(value).is_some() {
            let elements = bytes.chunks_exact(dtype.byte_size());
            let factors = elements.map(|x| magnitude(Literal::from_bytes(dtype, false, x))).fold(0.0, f64::max);
            let known = Known { factors, constant: Some(f64::NAN), table: true, ..Known::default() };
            self.known.insert(value.id(), known);
        }
    }

    /// Returns the operands of an operation, behind barriers where combining their constants could change the result.
    pub(super) fn apart(&mut self, block: &mut Block, name: &str, args: &[Value]) -> SmallVec<[Value; 4]> {
        let mut args: SmallVec<[Value; 4]> = args.into();
        let Some(range) = args.first().and_then(range) else { return args };
        if self.combine(simplified(name, &args), &args, range) {
            for arg in &mut args {
                let known = self.of(arg);
                if known.constant.is_none() && (known.factors > 0.0 || known.term.is_some() || known.quotient) {
                    *arg = self.behind(block, arg);
                }
            }
        }
        // The compiler rewrites x / c as x · (1 / c), and flushes a subnormal 1 / c to zero.
        if let ("stablehlo.divide", [_, divisor]) = (name, &args[..])
            && self.of(divisor).constant.is_some_and(|c| c.abs().log2() > range)
        {
            args[1] = self.behind(block, &args[1].clone());
        }
        args
    }

    /// Returns the values that leave the block or enter a function that the compiler inlines, behind barriers where
    /// necessary. Nothing is known about their constants outside the block.
    pub(super) fn leave(&mut self, block: &mut Block, values: &[Value]) -> Vec<Value> {
        let far = |known: Known, range| known.constant.is_none() && known.factors > some(range);
        (values.iter())
            .map(|value| match range(value) {
                Some(range) if far(self.of(value), range) => self.behind(block, value),
                _ => value.clone(),
            })
            .collect()
    }

    /// Returns the value behind a barrier.
    pub(super) fn behind(&mut self, block: &mut Block, value: &Value) -> Value {
        let barrier = || block.op1("stablehlo.optimization_barrier", value, &[], value.ty());
        self.behind.entry(value.id()).or_insert_with(barrier).clone()
    }

    /// Returns whether combining the constants of these operands, with each other or with others, could change the
    /// result.
    fn combine(&self, name: &str, args: &[Value], range: f64) -> bool {
        match (name, args) {
            ("stablehlo.multiply" | "stablehlo.divide", [x, y]) => {
                let (a, b) = (self.of(x), self.of(y));
                if a.constant.is_some() && b.constant.is_some() {
                    return false;
                }
                let limit = match a.constant.or(b.constant) {
                    // The compiler multiplies the dividend by the divisor of the divisor, whatever their values.
                    _ if name == "stablehlo.divide" && b.quotient => 0.0,
                    Some(_) => range,
                    None if moved(name, x, a, b) => some(range),
                    None => return false,
                };
                a.factors + b.factors > limit
            }
            ("stablehlo.power", [x, y]) => {
                let exponent = self.of(y).constant.unwrap_or(0.0).abs();
                x.ty().len() == 1 && exponent > 1.0 && self.of(x).factors * exponent > some(range)
            }
            ("stablehlo.add" | "stablehlo.subtract", [x, y]) => {
                let (Some(first), Some(second)) = (self.of(x).term, self.added(name, x, y)) else { return false };
                let (sum, larger) = (first + second, first.abs().max(second.abs()));
                sum.abs() < larger || sum.abs().log2() > range + 1.0
            }
            // The operation may be lowered to one that squares its operand.
            _ if !KEEPS.contains(&name) => args.iter().any(|x| x.ty().len() == 1 && self.of(x).factors > some(range)),
            _ => false,
        }
    }

    /// Returns the constant that a sum or difference adds.
    fn added(&self, name: &str, x: &Value, y: &Value) -> Option<f64> {
        let (a, b) = (self.of(x), self.of(y));
        match (a.constant, b.constant) {
            (None, Some(c)) => Some(if name == "stablehlo.subtract" { -c } else { c }),
            (Some(c), None) => Some(c),
            _ => None,
        }
        .filter(|c| c.is_finite() && *c != 0.0)
    }

    /// Records what is known about the result of an operation.
    pub(super) fn result(&mut self, name: &str, args: &[Value], value: &Value) {
        let known = match (simplified(name, args), args) {
            ("stablehlo.multiply" | "stablehlo.divide", [x, y]) => {
                let (a, b) = (self.of(x), self.of(y));
                let (factors, table) = (a.factors + b.factors, a.table || b.table);
                let by_variable = name == "stablehlo.divide" && b.constant.is_none();
                if a.constant.or(b.constant).is_none() && !moved(name, x, a, b) {
                    Known { quotient: by_variable, ..Known::default() }
                } else {
                    let constant = a.constant.and(b.constant).map(|_| f64::NAN);
                    Known { factors, table, constant, quotient: by_variable, ..Known::default() }
                }
            }
            ("stablehlo.power", [x, y]) if x.ty().len() == 1 => {
                let exponent = self.of(y).constant.unwrap_or(0.0).abs();
                Known { factors: self.of(x).factors * exponent, ..Known::default() }
            }
            ("stablehlo.add" | "stablehlo.subtract", [x, y]) => {
                let second = self.added(name, x, y);
                let first = if self.of(x).constant.is_none() { self.of(x).term } else { None };
                Known { term: second.map(|second| first.unwrap_or(0.0) + second), ..Known::default() }
            }
            ("stablehlo.broadcast_in_dim", [x]) => {
                let a = self.of(x);
                let spread = a.constant.is_none() && x.ty().len() < value.ty().len();
                Known { spread: spread || a.spread, term: None, ..a }
            }
            ("stablehlo.negate", [x]) => {
                let a = self.of(x);
                Known { constant: a.constant.map(|c| -c), term: None, ..a }
            }
            (_, [x]) if KEEPS.contains(&name) => Known { term: None, ..self.of(x) },
            // A reduction over axes of size one.
            ("stablehlo.reduce", [x]) if x.ty().len() == value.ty().len() => Known { term: None, ..self.of(x) },
            _ => return,
        };
        let of_note = known.factors > 0.0 || known.term.is_some() || known.constant.is_some();
        if range(value).is_some() && (of_note || known.spread || known.quotient) {
            self.known.insert(value.id(), known);
        }
    }
}

/// Returns the operation that the compiler reduces this one to: a product of matrices with one element is a
/// multiplication.
fn simplified<'n>(name: &'n str, args: &[Value]) -> &'n str {
    let single = name == "stablehlo.dot_general" && args.iter().all(|x| x.ty().len() == 1);
    if single { "stablehlo.multiply" } else { name }
}

/// Returns whether the compiler moves constants out of the product or quotient of two variables.
fn moved(name: &str, x: &Value, a: Known, b: Known) -> bool {
    match name {
        "stablehlo.divide" => a.quotient || b.quotient,
        _ => x.ty().len() == 1 || a.spread || b.spread || a.table || b.table,
    }
}
