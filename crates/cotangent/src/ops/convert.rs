//! Conversions between dtypes.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::trace::frames::bind1;

use super::elementwise::rebind1;
use super::shape::batched_in_front;

/// `convert_element_type`: converts the elements to another dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::ConvertElementType { dtype: DType::I32, weak: false }, &[&Array::from([1.5f32])]);
/// assert_eq!(y.to_vec::<i32>(), [1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConvertElementType {
    /// The dtype of the result.
    pub dtype: DType,
    /// Whether the result is weakly typed.
    pub weak: bool,
}

impl ConvertElementType {
    fn wide(&self) -> bool {
        !matches!(self.dtype, DType::F16 | DType::BF16)
    }
}

impl Primitive for ConvertElementType {
    fn name(&self) -> &'static str {
        "convert_element_type"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("new_dtype", self.dtype.to_string()), ("weak_type", boolean(self.weak))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok([inputs[0].with_dtype(self.dtype).with_weak_type(self.weak)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let tangent = dx[0].as_ref().filter(|_| self.dtype.is_inexact()).map(|t| rebind1(self, &[t]));
        (vec![rebind1(self, &[&x[0]])], vec![tangent])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let aval = inputs[0].aval();
        let back = |ct: &Array| {
            // If a real number was converted to a complex one, only the real part of the cotangent counts.
            let ct = if aval.dtype.is_complex() { ct.clone() } else { ct.real() };
            bind1(ConvertElementType { dtype: aval.dtype, weak: aval.weak_type }, &[&ct])
        };
        vec![ct[0].as_ref().map(back)]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![rebind1(self, &[&x[0]])], axes.to_vec())
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let (from, to) = (inputs[0].dtype, self.dtype);
        if from == to {
            return [args[0].clone()].into();
        }
        if to == DType::Bool {
            // A number is true if it is not zero. StableHLO's convert would truncate it first.
            let zero = cx.splat(&inputs[0], Literal::int(from, 0));
            let attrs = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction NE>"))];
            return [cx.op("stablehlo.compare", &[args[0].clone(), zero], &attrs, &outs[0])].into();
        }
        if from.is_complex() && !to.is_complex() {
            let part = outs[0].with_dtype(from.real());
            let real = cx.op("stablehlo.real", args, &[], &part);
            return [cx.op("stablehlo.convert", &[real], &[], &outs[0])].into();
        }
        [cx.op("stablehlo.convert", args, &[], &outs[0])].into()
    }

    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        let x = &inputs[0];
        // For numbers out of range for the new dtype, XLA determines the result.
        let exact = match (x.rounded(), self.dtype.kind()) {
            (Scalar::Float(v), Kind::Float) => v.is_finite() && super::exact_float(self.dtype, v, &[v]).is_some(),
            (Scalar::Float(_) | Scalar::Complex(..), _) => false,
            // Integers of more than 53 bits would be rounded twice in the conversion to f32.
            (Scalar::Int(v), Kind::Float | Kind::Complex) => self.wide() && v.unsigned_abs() < 1 << 53,
            (Scalar::Uint(v), Kind::Float | Kind::Complex) => self.wide() && v < 1 << 53,
            _ => true,
        };
        exact.then(|| x.convert(self.dtype, self.weak))
    }
}

/// `bitcast_convert_type`: reinterprets the bits as another dtype. If it is narrower, each element becomes several
/// along a new last dimension. If it is wider, the last dimension holds the parts of each element.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::BitcastConvertType { dtype: DType::U32 }, &[&Array::from([1.0f32])]);
/// assert_eq!(y.to_vec::<u32>(), [0x3f80_0000]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BitcastConvertType {
    /// The dtype of the result.
    pub dtype: DType,
}

impl Primitive for BitcastConvertType {
    fn name(&self) -> &'static str {
        "bitcast_convert_type"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("new_dtype", self.dtype.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        let plain = |d: DType| d.is_integer() || d.is_float();
        if x.dtype != self.dtype && !(plain(x.dtype) && plain(self.dtype)) {
            return Err(Error::dtype(format!("{x} cannot be bitcast to {}", self.dtype)).help(
                "booleans and complex numbers cannot be bitcast: convert them with `.astype(…)`, or take the \
                       parts of a complex number",
            ));
        }
        let (from, to) = (x.dtype.bits(), self.dtype.bits());
        let out = x.with_dtype(self.dtype);
        if from == to {
            return Ok([out].into());
        }
        if from > to {
            return Ok([out.with_shape(x.shape.insert(x.rank(), from / to))].into());
        }
        match x.shape.last() {
            Some(parts) if parts * from == to => Ok([out.with_shape(x.shape.remove(&[x.rank() - 1]))].into()),
            _ => Err(Error::shape(format!(
                "{x} cannot be bitcast to {}: each element takes {} of {}, along the last dimension",
                self.dtype,
                to / from,
                x.dtype
            ))),
        }
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![rebind1(self, &[&x[0]])], vec![None])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if x[0].dtype().bits() == self.dtype.bits() {
            return (vec![rebind1(self, &[&x[0]])], axes.to_vec());
        }
        // The last dimension holds the parts, so the batch must be before it.
        (vec![rebind1(self, &[&batched_in_front(&x[0], axes[0], size)])], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        [cx.op("stablehlo.bitcast_convert", args, &[], &outs[0])].into()
    }
}

/// `reduce_precision`: rounds to fewer bits of exponent and mantissa, without changing the dtype.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::ReducePrecision { exponent_bits: 5, mantissa_bits: 10 }, &[&Array::from([1.5f32])]);
/// assert_eq!(y.to_vec::<f32>(), [1.5]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReducePrecision {
    /// The number of bits of the exponent.
    pub exponent_bits: u8,
    /// The number of bits of the mantissa.
    pub mantissa_bits: u8,
}

impl Primitive for ReducePrecision {
    fn name(&self) -> &'static str {
        "reduce_precision"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("exponent_bits", self.exponent_bits.to_string()), ("mantissa_bits", self.mantissa_bits.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        if !inputs[0].dtype.is_float() || self.exponent_bits == 0 {
            return Err(Error::dtype(format!(
                "expected real floating-point numbers and at least one exponent bit, got {} and {}",
                inputs[0], self.exponent_bits
            )));
        }
        Ok([inputs[0].clone()].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![rebind1(self, &[&x[0]])], vec![dx[0].as_ref().map(|t| rebind1(self, &[t]))])
    }

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| rebind1(self, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![rebind1(self, &[&x[0]])], axes.to_vec())
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attrs = [
            ("exponent_bits", Attr::I32(i32::from(self.exponent_bits))),
            ("mantissa_bits", Attr::I32(i32::from(self.mantissa_bits))),
        ];
        [cx.op("stablehlo.reduce_precision", args, &attrs, &outs[0])].into()
    }
}
