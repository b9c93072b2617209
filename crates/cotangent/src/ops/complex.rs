//! Complex numbers and their parts.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise;

pub(super) fn complex_of(dtype: DType) -> DType {
    if dtype == DType::F64 { DType::C128 } else { DType::C64 }
}

macro_rules! parts {
    ($($T:ident $name:literal $op:literal, |$ct:ident| $transpose:expr;)*) => { $(
        #[doc = concat!("`", $name, "`, elementwise: a part of complex numbers, as a real array.")]
        #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet z = Array::from([1.0f32, 2.0]).complex(Array::from([3.0f32, 4.0]));\nassert_eq!(bind1(cotangent::extend::primitives::", stringify!($T), ", &[&z]).dtype(), DType::F32);\n```")]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $T;

        impl Primitive for $T {
            fn name(&self) -> &'static str {
                $name
            }
            fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                let dtype = Domain::COMPLEX.one_dtype(inputs)?;
                elementwise::infer(inputs, dtype.real())
            }
            fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                (vec![bind1($T, &[&x[0]])], vec![dx[0].as_ref().map(|t| bind1($T, &[t]))])
            }
            fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
                vec![ct[0].as_ref().map(|$ct| $transpose)]
            }
            fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                (vec![bind1($T, &[&x[0]])], axes.to_vec())
            }
            fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                elementwise::lower(cx, $op, args, &outs[0])
            }
        }
    )* };
}

parts! {
    Real "real" "stablehlo.real", |ct| bind1(Complex, &[ct, &super::zeros_like(ct)]);
    // In JAX's convention, transposition does not conjugate, so the transpose of Im is multiplication by −i.
    Imag "imag" "stablehlo.imag", |ct| bind1(Complex, &[&super::zeros_like(ct), &-ct]);
}

/// `complex`: builds complex numbers from their real and imaginary parts.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let z = bind1(cotangent::extend::primitives::Complex, &[&Array::from([1.0f32]), &Array::from([2.0f32])]);
/// assert_eq!(z.imag().to_vec::<f32>(), [2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complex;

impl Primitive for Complex {
    fn name(&self) -> &'static str {
        "complex"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let dtype = Domain::WIDE_FLOATS.one_dtype(inputs)?;
        elementwise::infer(inputs, complex_of(dtype))
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let part = |i: usize| dx[i].clone().unwrap_or_else(|| super::zeros_like(&x[i]));
        (vec![bind1(Complex, &[&x[0], &x[1]])], vec![Some(bind1(Complex, &[&part(0), &part(1)]))])
    }
    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = &ct[0] else { return vec![None, None] };
        let real = inputs[0].is_linear().then(|| elementwise::unspread(&bind1(Real, &[ct]), &inputs[0].aval()));
        let imag = inputs[1].is_linear().then(|| elementwise::unspread(&-bind1(Imag, &[ct]), &inputs[1].aval()));
        vec![real, imag]
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch(self, x, axes, n)
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        elementwise::lower(cx, "stablehlo.complex", args, &outs[0])
    }
}

/// `conj`: the complex conjugate. It is linear only over the reals, and JAX transposes it on that basis.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let z = Array::from([1.0f32, 2.0]).complex(Array::from([3.0f32, 4.0]));
/// let y = bind1(cotangent::extend::primitives::Conj, &[&z]);
/// assert_eq!(y.imag().to_vec::<f32>(), [-3.0, -4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conj;

impl Primitive for Conj {
    fn name(&self) -> &'static str {
        "conj"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, Domain::COMPLEX.one_dtype(inputs)?)
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![bind1(Conj, &[&x[0]])], vec![dx[0].as_ref().map(|t| bind1(Conj, &[t]))])
    }
    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| bind1(Conj, &[ct]))]
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(Conj, &[&x[0]])], axes.to_vec())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let part = outs[0].with_dtype(outs[0].dtype.real());
        let real = cx.op("stablehlo.real", args, &[], &part);
        let imag = cx.op("stablehlo.imag", args, &[], &part);
        let minus = cx.op("stablehlo.negate", &[imag], &[], &part);
        [cx.op("stablehlo.complex", &[real, minus], &[], &outs[0])].into()
    }
}

/// The jvp rule of |z|: d|z| = Re(conj(z)·t)/|z|, and 0 at 0.
pub(super) fn abs_jvp(t: &Array, z: &Array) -> Array {
    let direction = z.sign();
    direction.real() * t.real() + direction.imag() * t.imag()
}

/// The jvp rule of z/|z|: the component of the tangent perpendicular to z, over |z|, and 0 at 0.
pub(super) fn sign_jvp(t: &Array, z: &Array, sign: &Array) -> Tangent {
    let modulus = z.abs();
    let number = |v: f64| Array::literal(Literal::float(modulus.dtype(), v));
    let at_zero = modulus.equal(number(0.0));
    let safe = super::select(&at_zero, &number(1.0), &modulus, modulus.shape());
    let scale = super::select(&at_zero, &number(0.0), &(number(1.0) / safe), modulus.shape());
    // sign · i·Im(conj(sign)·t)
    let across = (sign.real() * t.imag() - sign.imag() * t.real()) * scale;
    Some(bind1(Complex, &[&-(sign.imag() * &across), &(sign.real() * &across)]))
}
