//! Slices whose start is computed by the program.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, same_dtype};
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::elementwise::rebind1;
use super::gather::{Gather, GatherDimensionNumbers, GatherScatterMode, widened_indices};
use super::scatter::{Scatter, ScatterDimensionNumbers, ScatterParams};
use super::shape::{all_in_front, batched_in_front};
use super::slice::Concatenate;
use super::{zeros, zeros_like};

/// `dynamic_slice`: a slice of the first operand. The other operands are the start index in each dimension.
///
/// A start index is clamped so that the slice fits into the operand.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let two = cotangent::extend::primitives::DynamicSlice { slice_sizes: vec![2] };
/// let y = bind1(two, &[&Array::from([1, 2, 3, 4]), &Array::from(1)]);
/// assert_eq!(y.to_vec::<i32>(), [2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DynamicSlice {
    /// The shape of the slice.
    pub slice_sizes: Vec<usize>,
}

/// Checks the start indices.
fn check_starts(x: &Aval, starts: &[Aval]) -> Result<()> {
    if starts.len() != x.rank() {
        return Err(Error::shape(format!("expected {} start indices for {x}, got {}", x.rank(), starts.len()))
            .help("pass one start index for each dimension"));
    }
    let Some(first) = starts.first() else { return Ok(()) };
    if let Some(start) = starts.iter().find(|s| s.rank() != 0 || !s.dtype.is_integer()) {
        return Err(Error::dtype(format!("start indices must be integer scalars, got {start}")));
    }
    if let Some(start) = starts.iter().find(|s| s.dtype != first.dtype) {
        return Err(Error::dtype(format!("start indices must have the same dtype, got {first} and {start}")));
    }
    Ok(())
}

/// Returns batched start indices as one array `[size, n]`.
fn stacked_starts(starts: &[Array], axes: &[Option<usize>], size: usize) -> Array {
    let columns: Vec<Array> = (starts.iter().zip(axes))
        .map(|(start, axis)| batched_in_front(start, *axis, size).reshape([size, 1]))
        .collect();
    bind1(Concatenate { dimension: 1 }, &columns.iter().collect::<Vec<_>>())
}

/// Returns `starts` preceded by a zero, for a batch axis in front.
fn with_zero(starts: &[Array]) -> Vec<Array> {
    let dtype = starts.first().map_or(crate::array::dtype::DType::I32, Array::dtype);
    std::iter::once(Array::literal(Literal::int(dtype, 0))).chain(starts.iter().cloned()).collect()
}

impl Primitive for DynamicSlice {
    fn name(&self) -> &'static str {
        "dynamic_slice"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("slice_sizes", tuple(&self.slice_sizes))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        let fits = self.slice_sizes.len() == x.rank() && self.slice_sizes.iter().zip(&*x.shape).all(|(s, n)| s <= n);
        if !fits {
            return Err(Error::shape(format!("slice_sizes {} do not fit {x}", tuple(&self.slice_sizes)))
                .help("there must be one size for each dimension, at most that of the operand"));
        }
        check_starts(x, &inputs[1..])?;
        Ok([x.with_shape(&self.slice_sizes)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let at = |x0: &Array| rebind1(self, &std::iter::once(x0).chain(&x[1..]).collect::<Vec<_>>());
        (vec![at(&x[0])], vec![dx[0].as_ref().map(at)])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let mut out = vec![None; inputs.len()];
        if let (Some(ct), Operand::Linear(aval)) = (&ct[0], &inputs[0]) {
            let zero = zeros(&aval.shape, ct.dtype());
            let starts = inputs[1..].iter().filter_map(Operand::known);
            out[0] = Some(bind1(DynamicUpdateSlice, &[&zero, ct].into_iter().chain(starts).collect::<Vec<_>>()));
        }
        out
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if axes[1..].iter().all(Option::is_none) {
            // If the start is the same for all elements, the slice contains the whole batch axis.
            let operand = batched_in_front(&x[0], axes[0], size);
            let starts = with_zero(&x[1..]);
            let slice_sizes = std::iter::once(size).chain(self.slice_sizes.iter().copied()).collect();
            let operands: Vec<&Array> = std::iter::once(&operand).chain(&starts).collect();
            return (vec![bind1(DynamicSlice { slice_sizes }, &operands)], vec![Some(0)]);
        }
        let dims: Vec<usize> = (0..self.slice_sizes.len()).collect();
        let gather = Gather {
            dimension_numbers: GatherDimensionNumbers {
                offset_dims: dims.clone(),
                start_index_map: dims,
                ..GatherDimensionNumbers::default()
            },
            slice_sizes: self.slice_sizes.clone(),
            unique_indices: true,
            indices_are_sorted: true,
            mode: GatherScatterMode::Clip,
            fill_value: None,
        };
        let index = stacked_starts(&x[1..], &axes[1..], size);
        gather.batch(&[x[0].clone(), index], &[axes[0], Some(0)], size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attr = ("slice_sizes", Attr::i64s(self.slice_sizes.iter().copied()));
        let starts = inside(cx, &args[1..], &inputs[1..], &inputs[0], &self.slice_sizes);
        let args: Vec<Value> = args[..1].iter().cloned().chain(starts).collect();
        [cx.op("stablehlo.dynamic_slice", &args, &[attr], &outs[0])].into()
    }

    fn is_indexing(&self) -> bool {
        true
    }
}

/// Returns the start indices, clamped so that the slice fits, in a dtype that can count the elements of the operand.
/// XLA clamps too, but it merges a slice of a slice into one by adding the unclamped starts.
fn inside(cx: &mut Lowering<'_>, starts: &[Value], avals: &[Aval], operand: &Aval, block: &[usize]) -> Vec<Value> {
    let start = |d: usize| {
        let (start, aval) = widened_indices(cx, &starts[d], &avals[d]);
        let bound = (operand.shape[d] - block[d]) as i64;
        let [least, greatest] = [0, bound].map(|i| cx.splat(&aval, Literal::int(aval.dtype, i)));
        cx.op("stablehlo.clamp", &[least, start, greatest], &[], &aval)
    };
    (0..starts.len()).map(start).collect()
}

/// `dynamic_update_slice`: the first operand with a slice of it replaced by the second. The other operands are the
/// start index of the slice in each dimension.
///
/// A start index is clamped so that the slice fits into the operand.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let (x, update) = (Array::from([1, 2, 3, 4]), Array::from([8, 9]));
/// let y = bind1(cotangent::extend::primitives::DynamicUpdateSlice, &[&x, &update, &Array::from(1)]);
/// assert_eq!(y.to_vec::<i32>(), [1, 8, 9, 4]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DynamicUpdateSlice;

impl Primitive for DynamicUpdateSlice {
    fn name(&self) -> &'static str {
        "dynamic_update_slice"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, update) = (&inputs[0], &inputs[1]);
        same_dtype(x, update)?;
        if x.rank() != update.rank() || x.shape.iter().zip(&*update.shape).any(|(n, m)| m > n) {
            return Err(Error::shape(format!("update {update} does not fit {x}"))
                .help("an update must have the rank of the operand, and no size larger than that of the operand"));
        }
        check_starts(x, &inputs[2..])?;
        Ok([x.clone()].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let at = |x0: &Array, x1: &Array| bind1(self.clone(), &[x0, x1].into_iter().chain(&x[2..]).collect::<Vec<_>>());
        let part = |i: usize| dx[i].clone().unwrap_or_else(|| zeros_like(&x[i]));
        (vec![at(&x[0], &x[1])], vec![Some(at(&part(0), &part(1)))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let mut out = vec![None; inputs.len()];
        let Some(ct) = &ct[0] else { return out };
        let starts: Vec<&Array> = inputs[2..].iter().filter_map(Operand::known).collect();
        let update = inputs[1].aval();
        if inputs[0].is_linear() {
            let zero = zeros(&update.shape, ct.dtype());
            out[0] = Some(bind1(self.clone(), &[ct, &zero].into_iter().chain(starts.clone()).collect::<Vec<_>>()));
        }
        if inputs[1].is_linear() {
            let block = DynamicSlice { slice_sizes: update.shape.to_vec() };
            out[1] = Some(bind1(block, &std::iter::once(ct).chain(starts).collect::<Vec<_>>()));
        }
        out
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if axes[2..].iter().all(Option::is_none) {
            let moved = all_in_front(&x[..2], axes, size);
            let starts = with_zero(&x[2..]);
            let operands: Vec<&Array> = moved.iter().chain(&starts).collect();
            return (vec![bind1(self.clone(), &operands)], vec![Some(0)]);
        }
        let dims: Vec<usize> = (0..x.len() - 2).collect();
        let scatter = Scatter(ScatterParams {
            dimension_numbers: ScatterDimensionNumbers {
                update_window_dims: dims.clone(),
                scatter_dims_to_operand_dims: dims,
                ..ScatterDimensionNumbers::default()
            },
            indices_are_sorted: true,
            unique_indices: true,
            mode: GatherScatterMode::Clip,
        });
        let index = stacked_starts(&x[2..], &axes[2..], size);
        scatter.batch(&[x[0].clone(), index, x[1].clone()], &[axes[0], Some(0), axes[1]], size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let starts = inside(cx, &args[2..], &inputs[2..], &inputs[0], &inputs[1].shape);
        let args: Vec<Value> = args[..2].iter().cloned().chain(starts).collect();
        [cx.op("stablehlo.dynamic_update_slice", &args, &[], &outs[0])].into()
    }

    fn is_indexing(&self) -> bool {
        true
    }
}
