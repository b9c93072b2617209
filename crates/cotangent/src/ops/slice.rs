//! Primitives that slice, pad, join and reverse arrays.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, same_dtype};
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::conv::negative_size;
use super::elementwise::rebind1;
use super::shape::{BroadcastInDim, all_in_front, batched_in_front, check_axes, linear_unary, shifted};
use super::zeros;

/// `rev`: reverses the order of the elements along some dimensions.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Rev { dims: vec![0] }, &[&Array::from([1, 2])]);
/// assert_eq!(y.to_vec::<i32>(), [2, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rev {
    /// The dimensions that are reversed.
    pub dims: Vec<usize>,
}

impl Primitive for Rev {
    fn name(&self) -> &'static str {
        "rev"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("dimensions", tuple(&self.dims))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        check_axes(&self.dims, &inputs[0])?;
        Ok([inputs[0].clone()].into())
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| bind1(self.clone(), &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let dims = shifted(&self.dims, axes[0]);
        (vec![bind1(Rev { dims }, &[&x[0]])], axes.to_vec())
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attr = ("dimensions", Attr::i64s(self.dims.iter().copied()));
        [cx.op("stablehlo.reverse", args, &[attr], &outs[0])].into()
    }
}

/// `concatenate`: joins the operands along a dimension.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Concatenate { dimension: 0 }, &[&Array::from([1, 2]), &Array::from([3])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Concatenate {
    /// The dimension along which the operands are joined.
    pub dimension: usize,
}

impl Primitive for Concatenate {
    fn name(&self) -> &'static str {
        "concatenate"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("dimension", self.dimension.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let Some(first) = inputs.first() else { return Err(Error::shape("expected at least one operand")) };
        check_axes(&[self.dimension], first)?;
        let others = |a: &Aval| a.shape.remove(&[self.dimension]);
        for x in inputs {
            same_dtype(first, x)?;
            if x.rank() != first.rank() || others(x) != others(first) {
                return Err(Error::shape(format!(
                    "operands must have the same shape except along dimension {}, got {first} and {x}",
                    self.dimension
                )));
            }
        }
        let mut shape: Vec<usize> = first.shape.to_vec();
        shape[self.dimension] = inputs.iter().map(|x| x.shape[self.dimension]).sum();
        let weak = inputs.iter().all(|x| x.weak_type);
        Ok([first.with_shape(shape).with_weak_type(weak)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let parts: Vec<Array> =
            x.iter().zip(dx).map(|(x, t)| t.clone().unwrap_or_else(|| super::zeros_like(x))).collect();
        let out = rebind1(self, &x.iter().collect::<Vec<_>>());
        (vec![out], vec![Some(rebind1(self, &parts.iter().collect::<Vec<_>>()))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = &ct[0] else { return vec![None; inputs.len()] };
        let mut start = 0;
        (inputs.iter())
            .map(|x| {
                let size = x.aval().shape[self.dimension];
                start += size;
                x.is_linear().then(|| ct.slice_axis(self.dimension, start - size, start))
            })
            .collect()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let moved = all_in_front(x, axes, size);
        let prim = Concatenate { dimension: self.dimension + 1 };
        (vec![bind1(prim, &moved.iter().collect::<Vec<_>>())], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attr = ("dimension", Attr::I64(self.dimension as i64));
        [cx.op("stablehlo.concatenate", args, &[attr], &outs[0])].into()
    }
}

/// `pad`: inserts a value before, after and between the elements. Negative amounts remove elements. The operands are
/// the array and the value.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Pad { config: vec![(1, 1, 0)] }, &[&Array::from([1, 2]), &Array::from(0)]);
/// assert_eq!(y.to_vec::<i32>(), [0, 1, 2, 0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// For each dimension, the amounts before, after and between the elements.
    pub config: Vec<(i64, i64, i64)>,
}

impl Primitive for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let config: Vec<String> = self.config.iter().map(|(l, h, i)| format!("({l}, {h}, {i})")).collect();
        vec![("padding_config", tuple(&config))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, value) = (&inputs[0], &inputs[1]);
        if x.dtype != value.dtype || value.rank() != 0 {
            return Err(Error::dtype(format!("the padding value must be a scalar of {}, got {value}", x.dtype)));
        }
        if self.config.len() != x.rank() || self.config.iter().any(|c| c.2 < 0) {
            return Err(Error::shape(format!(
                "expected {} triples (low, high, interior ≥ 0) for {x}, got {:?}",
                x.rank(),
                self.config
            )));
        }
        let size = |n: usize, (lo, hi, inner): (i64, i64, i64)| {
            let spread = if n == 0 { 0 } else { n as i128 + (n as i128 - 1) * i128::from(inner) };
            let size = spread + i128::from(lo) + i128::from(hi);
            usize::try_from(size).map_err(|_| negative_size(format_args!("({lo}, {hi}, {inner})"), n, x))
        };
        let shape = x.shape.iter().zip(&self.config).map(|(n, c)| size(*n, *c)).collect::<Result<Vec<_>>>()?;
        Ok([x.with_shape(shape).with_weak_type(x.weak_type && value.weak_type)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let part = |i: usize| dx[i].clone().unwrap_or_else(|| super::zeros_like(&x[i]));
        (vec![rebind1(self, &[&x[0], &x[1]])], vec![Some(rebind1(self, &[&part(0), &part(1)]))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = &ct[0] else { return vec![None, None] };
        let zero = zeros((), ct.dtype());
        let unpad = Pad { config: self.config.iter().map(|(lo, hi, _)| (-lo, -hi, 0)).collect() };
        let inner = || {
            let cropped = bind1(unpad.clone(), &[ct, &zero]);
            let stride: Vec<usize> = self.config.iter().map(|c| c.2 as usize + 1).collect();
            let limits = cropped.shape().to_vec();
            cropped.slice(&vec![0; stride.len()], &limits, &stride)
        };
        let operand = inputs[0].is_linear().then(inner);
        let value = inputs[1].is_linear().then(|| ct.sum_all() - inner().sum_all());
        vec![operand, value]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let operand = batched_in_front(&x[0], axes[0], size);
        let config = std::iter::once((0, 0, 0)).chain(self.config.iter().copied()).collect();
        let prim = Pad { config };
        let Some(axis) = axes[1] else { return (vec![bind1(prim, &[&operand, &x[1]])], vec![Some(0)]) };
        // Each element of the batch has its own padding value. A padded mask selects where it applies.
        let values = x[1].moveaxis(axis as isize, 0);
        let padded = bind1(prim.clone(), &[&operand, &zeros((), operand.dtype())]);
        let inside = bind1(prim, &[&super::full(operand.shape(), Literal::strong(true)), &Array::scalar(false)]);
        let values = bind1(BroadcastInDim { shape: padded.aval().shape, dims: vec![0] }, &[&values]);
        (vec![super::select(&inside, &padded, &values, padded.shape())], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attrs = [
            ("edge_padding_high", Attr::i64s(self.config.iter().map(|c| c.1))),
            ("edge_padding_low", Attr::i64s(self.config.iter().map(|c| c.0))),
            ("interior_padding", Attr::i64s(self.config.iter().map(|c| c.2))),
        ];
        [cx.op("stablehlo.pad", args, &attrs, &outs[0])].into()
    }
}

/// `slice`: takes every `stride`-th element from `start` up to, but not including, `limit`.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Slice { start: vec![1], limit: vec![3], stride: vec![1] }, &[&Array::from([1, 2, 3])]);
/// assert_eq!(y.to_vec::<i32>(), [2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The first index in each dimension.
    pub start: Vec<usize>,
    /// The exclusive upper bound of the indices in each dimension.
    pub limit: Vec<usize>,
    /// The step between indices in each dimension.
    pub stride: Vec<usize>,
}

impl Primitive for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let strides = if self.stride.iter().all(|s| *s == 1) { "None".to_string() } else { tuple(&self.stride) };
        vec![("limit_indices", tuple(&self.limit)), ("start_indices", tuple(&self.start)), ("strides", strides)]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        let rank = x.rank();
        let fits = self.start.len() == rank
            && self.limit.len() == rank
            && self.stride.len() == rank
            && (0..rank).all(|i| self.start[i] <= self.limit[i] && self.limit[i] <= x.shape[i] && self.stride[i] > 0);
        if !fits {
            return Err(Error::shape(format!(
                "start {}, limit {} and stride {} are out of bounds for {x}",
                tuple(&self.start),
                tuple(&self.limit),
                tuple(&self.stride)
            )));
        }
        let size = |i: usize| (self.limit[i] - self.start[i]).div_ceil(self.stride[i]);
        Ok([x.with_shape((0..rank).map(size).collect::<Shape>())].into())
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let x = inputs[0].aval();
        let config = |ct: &Array| {
            (0..x.rank())
                .map(|i| {
                    let n = ct.shape()[i];
                    let covered = if n == 0 { 0 } else { 1 + (n - 1) * self.stride[i] };
                    let rest = x.shape[i] as i64 - (self.start[i] + covered) as i64;
                    (self.start[i] as i64, rest, self.stride[i] as i64 - 1)
                })
                .collect()
        };
        vec![ct[0].as_ref().map(|ct| bind1(Pad { config: config(ct) }, &[ct, &zeros((), ct.dtype())]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(axis) = axes[0] else { return (vec![rebind1(self, &[&x[0]])], vec![None]) };
        let mut prim = self.clone();
        prim.start.insert(axis, 0);
        prim.limit.insert(axis, size);
        prim.stride.insert(axis, 1);
        (vec![bind1(prim, &[&x[0]])], vec![Some(axis)])
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attrs = [
            ("limit_indices", Attr::i64s(self.limit.iter().copied())),
            ("start_indices", Attr::i64s(self.start.iter().copied())),
            ("strides", Attr::i64s(self.stride.iter().copied())),
        ];
        [cx.op("stablehlo.slice", args, &attrs, &outs[0])].into()
    }
}
