//! Lowering of one iteration of a scan.

use stablehlo::{Attr, Value};

use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::ir::lowering::Lowering;

use super::{Parts, Scan};

impl Scan {
    /// Lowers one iteration. Returns the next counter, carry and stacked outputs.
    pub(super) fn lower_step(
        &self,
        cx: &mut Lowering<'_>,
        given: &Parts<'_, Value>,
        xs_avals: &[Aval],
        stacked: &[Aval],
        state: &[Value],
    ) -> Vec<Value> {
        let index = Aval::new(DType::I32, ());
        let number = |cx: &mut Lowering<'_>, n: usize| cx.splat(&index, Literal::int(DType::I32, n as i64));
        let (counter, rest) = (&state[0], &state[1..]);
        let (carry, stacks) = rest.split_at(self.carry);
        let step = if self.reverse {
            let last = number(cx, self.length.saturating_sub(1));
            cx.op("stablehlo.subtract", &[last, counter.clone()], &[], &index)
        } else {
            counter.clone()
        };
        let zero = number(cx, 0);
        let starts = |rank: usize| std::iter::once(step.clone()).chain(std::iter::repeat_n(zero.clone(), rank - 1));
        let slices: Vec<Value> = (given.xs.iter().zip(xs_avals))
            .map(|(x, aval)| {
                let sizes: Vec<usize> = std::iter::once(1).chain(aval.shape[1..].iter().copied()).collect();
                let operands: Vec<Value> = std::iter::once(x.clone()).chain(starts(aval.rank())).collect();
                let attr = [("slice_sizes", Attr::i64s(sizes.iter().copied()))];
                let slice = cx.op("stablehlo.dynamic_slice", &operands, &attr, &aval.with_shape(sizes));
                cx.op("stablehlo.reshape", &[slice], &[], &aval.with_shape(aval.shape.remove(&[0])))
            })
            .collect();
        let args: Vec<Value> = [given.consts, carry, &slices].concat();
        let results = cx.inline(&self.jaxpr, &args);
        let (next, ys) = results.split_at(self.carry);
        let stored: Vec<Value> = (stacks.iter().zip(ys).zip(stacked))
            .map(|((stack, y), aval)| {
                let row = aval.with_shape(aval.shape.remove(&[0]).insert(0, 1));
                let y = cx.op("stablehlo.reshape", std::slice::from_ref(y), &[], &row);
                let operands: Vec<Value> = [stack.clone(), y].into_iter().chain(starts(aval.rank())).collect();
                cx.op("stablehlo.dynamic_update_slice", &operands, &[], aval)
            })
            .collect();
        let one = number(cx, 1);
        let counter = cx.op("stablehlo.add", &[counter.clone(), one], &[], &index);
        [vec![counter], next.to_vec(), stored].concat()
    }
}
