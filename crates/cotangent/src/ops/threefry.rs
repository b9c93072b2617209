//! The only primitive of random numbers.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};

use super::domain::Domain;
use super::elementwise::{self, rebind};

/// `threefry2x32`: the 20-round block cipher Threefry-2x32 (Salmon et al., 2011) of a key of two words and a counter of
/// two words. The operands are `u32` and have the same shape; scalars are broadcast.
///
/// ```
/// # use cotangent::prelude::*;
/// let zero = Array::from([0u32]);
/// let words = cotangent::extend::bind(cotangent::extend::primitives::Threefry2x32, &[&zero, &zero, &zero, &zero]);
/// assert_eq!(words[0].to_vec::<u32>(), [0x6b20_0159]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Threefry2x32;

const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
const PARITY: u32 = 0x1BD1_1BDA;

/// Computes the cipher on the host. The lowered program computes the same function.
///
/// ```
/// use cotangent::extend::primitives::threefry2x32;
/// assert_eq!(threefry2x32([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
/// ```
#[must_use]
pub fn threefry2x32(key: [u32; 2], count: [u32; 2]) -> [u32; 2] {
    let ks = [key[0], key[1], key[0] ^ key[1] ^ PARITY];
    let mut x = [count[0].wrapping_add(ks[0]), count[1].wrapping_add(ks[1])];
    for group in 0..5 {
        for r in ROTATIONS[group % 2] {
            x[0] = x[0].wrapping_add(x[1]);
            x[1] = x[1].rotate_left(r) ^ x[0];
        }
        x[0] = x[0].wrapping_add(ks[(group + 1) % 3]);
        x[1] = x[1].wrapping_add(ks[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    x
}

impl Primitive for Threefry2x32 {
    fn name(&self) -> &'static str {
        "threefry2x32"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        if inputs.len() != 4 {
            return Err(Error::value(format!(
                "expected two words of a key and two of a counter, got {} operands",
                inputs.len()
            )));
        }
        Domain::U32.one_dtype(inputs)?;
        let out = elementwise::infer(inputs, DType::U32)?;
        Ok([out[0].clone(), out[0].clone()].into())
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (rebind(self, &x.iter().collect::<Vec<_>>()).into_vec(), vec![None, None])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch(self, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let out = &outs[0];
        let args = cx.same_shape(args, &out.shape);
        let constant = |cx: &mut Lowering<'_>, v: u32| cx.splat(out, Literal::new(DType::U32, Scalar::Uint(v.into())));
        let op =
            |cx: &mut Lowering<'_>, name: &str, a: &Value, b: &Value| cx.op(name, &[a.clone(), b.clone()], &[], out);
        let parity = constant(cx, PARITY);
        let k01 = op(cx, "stablehlo.xor", &args[0], &args[1]);
        let ks = [args[0].clone(), args[1].clone(), op(cx, "stablehlo.xor", &k01, &parity)];
        let mut x0 = op(cx, "stablehlo.add", &args[2], &ks[0]);
        let mut x1 = op(cx, "stablehlo.add", &args[3], &ks[1]);
        for group in 0..5 {
            for r in ROTATIONS[group % 2] {
                x0 = op(cx, "stablehlo.add", &x0, &x1);
                let (left, right) = (constant(cx, r), constant(cx, 32 - r));
                let high = op(cx, "stablehlo.shift_left", &x1, &left);
                let low = op(cx, "stablehlo.shift_right_logical", &x1, &right);
                let rotated = op(cx, "stablehlo.or", &high, &low);
                x1 = op(cx, "stablehlo.xor", &rotated, &x0);
            }
            x0 = op(cx, "stablehlo.add", &x0, &ks[(group + 1) % 3]);
            let round = constant(cx, group as u32 + 1);
            let sum = op(cx, "stablehlo.add", &x1, &ks[(group + 2) % 3]);
            x1 = op(cx, "stablehlo.add", &sum, &round);
        }
        [x0, x1].into()
    }
}
