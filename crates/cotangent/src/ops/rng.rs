//! XLA's generator of random bits.

use std::fmt;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::{DType, Kind};
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::trace::frames::{bind, bind1};

use super::dynamic::{DynamicSlice, DynamicUpdateSlice};
use super::elementwise::rebind;
use super::staged;

/// The algorithm of [`RngBitGenerator`].
///
/// ```
/// use cotangent::lax::RandomAlgorithm;
/// assert_eq!(RandomAlgorithm::default().to_string(), "DEFAULT");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RandomAlgorithm {
    /// The platform's own. On CPUs and GPUs this is Philox-4x32.
    #[default]
    Default,
    /// Threefry-2x32.
    ThreeFry,
    /// Philox-4x32.
    Philox,
}

impl fmt::Display for RandomAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RandomAlgorithm::Default => "DEFAULT",
            RandomAlgorithm::ThreeFry => "THREE_FRY",
            RandomAlgorithm::Philox => "PHILOX",
        })
    }
}

/// `rng_bit_generator`: random bits from a state of two words, `u64[2]`, and the next state. With states `u64[…, 2]`,
/// the leading dimensions are a batch: each state generates the bits that it generates alone.
///
/// ```
/// # use cotangent::prelude::*;
/// use cotangent::extend::{bind, primitives::RngBitGenerator};
/// let generator = RngBitGenerator { shape: cotangent::Shape::new(&[3]), dtype: DType::U32, algorithm: Default::default() };
/// let out = bind(generator, &[&Array::from([1u64, 2])]);
/// assert_eq!((out[0].shape(), out[1].shape()), (&[2][..], &[3][..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RngBitGenerator {
    /// The shape of the bits of one state.
    pub shape: Shape,
    /// The dtype of the bits: an unsigned integer.
    pub dtype: DType,
    /// The algorithm.
    pub algorithm: RandomAlgorithm,
}

impl RngBitGenerator {
    /// Generates the bits of each state in a loop.
    fn one_by_one(&self, states: &Array) -> Vec<Array> {
        let batch = Shape::new(&states.shape()[..states.ndim() - 1]);
        let rows = [batch.size(), 2];
        let index = |x: i64| Array::literal(Literal::int(DType::I32, x));
        let zeros = super::zeros(self.shape.insert(0, rows[0]), self.dtype);
        let start = [index(0), super::zeros(rows, DType::U64), zeros];
        let states = states.reshape(rows);
        let end = staged::repeat(
            &start,
            |s| s[0].less(rows[0] as i32),
            |s| {
                let (i, zero) = (&s[0], index(0));
                let state = bind1(DynamicSlice { slice_sizes: vec![1, 2] }, &[&states, i, &zero]).reshape([2]);
                let made = bind(self.clone(), &[&state]);
                let stored = |all: &Array, one: &Array| {
                    let row = one.reshape(one.aval().shape.insert(0, 1));
                    let starts = std::iter::once(i).chain(std::iter::repeat_n(&zero, one.ndim()));
                    let operands: Vec<&Array> = [all, &row].into_iter().chain(starts).collect();
                    bind1(DynamicUpdateSlice, &operands)
                };
                vec![i + 1, stored(&s[1], &made[0]), stored(&s[2], &made[1])]
            },
        );
        let whole = |own: &[usize]| batch.iter().chain(own).copied().collect::<Shape>();
        vec![end[1].reshape(whole(&[2])), end[2].reshape(whole(&self.shape))]
    }
}

impl Primitive for RngBitGenerator {
    fn name(&self) -> &'static str {
        "rng_bit_generator"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("shape", self.shape.to_string()),
            ("dtype", self.dtype.to_string()),
            ("algorithm", self.algorithm.to_string()),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let state = &inputs[0];
        if state.dtype != DType::U64 || state.shape.last() != Some(&2) {
            return Err(Error::value(format!("the state of the generator must be u64[…,2], got {state}")));
        }
        if self.dtype.kind() != Kind::Uint {
            return Err(Error::dtype(format!("random bits have an unsigned integer dtype, not {}", self.dtype)));
        }
        let batch = &state.shape[..state.shape.rank() - 1];
        let shape: Shape = batch.iter().chain(self.shape.iter()).copied().collect();
        Ok([Aval::new(DType::U64, &state.shape), Aval::new(self.dtype, shape)].into())
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (rebind(self, &[&x[0]]).into_vec(), vec![None, None])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let states = axes[0].map_or_else(|| x[0].clone(), |axis| x[0].moveaxis(axis as isize, 0));
        let axis = axes[0].map(|_| 0);
        (rebind(self, &[&states]).into_vec(), vec![axis, axis])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if inputs[0].shape.rank() > 1 {
            return staged::inline(cx, args, inputs, |x| self.one_by_one(&x[0]));
        }
        let algorithm = Attr::Raw(format!("#stablehlo<rng_algorithm {}>", self.algorithm));
        let types = outs.iter().map(Aval::mlir).collect::<Vec<_>>();
        let none = |_: &mut Lowering<'_>, _, _: &[Value]| Vec::new();
        cx.regions("stablehlo.rng_bit_generator", args, &[("rng_algorithm", algorithm)], &types, &[], none)
    }
}
