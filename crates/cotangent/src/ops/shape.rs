//! Primitives that arrange elements without computing on them.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::elementwise::rebind1;
use super::zeros;

/// The rules that all primitives linear in their one operand share.
macro_rules! linear_unary {
    () => {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            (vec![rebind1(self, &[&x[0]])], vec![dx[0].as_ref().map(|t| rebind1(self, &[t]))])
        }
    };
}
pub(super) use linear_unary;

/// `broadcast_in_dim`: dimension `i` of the operand becomes dimension `dims[i]` of the result; sizes of one
/// and new dimensions are repeated.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let rows = cotangent::extend::primitives::BroadcastInDim { shape: [2, 2].into_iter().collect(), dims: vec![1] };
/// assert_eq!(bind1(rows, &[&Array::from([1, 2])]).to_vec::<i32>(), [1, 2, 1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BroadcastInDim {
    /// The shape of the result.
    pub shape: Shape,
    /// Where each dimension of the operand goes, ascending.
    pub dims: Vec<usize>,
}

impl Primitive for BroadcastInDim {
    fn name(&self) -> &'static str {
        "broadcast_in_dim"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("broadcast_dimensions", tuple(&self.dims)), ("shape", tuple(&self.shape))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        let ascending = self.dims.windows(2).all(|w| w[0] < w[1]) && self.dims.iter().all(|d| *d < self.shape.rank());
        let fits = ascending
            && self.dims.len() == x.rank()
            && x.shape.iter().zip(&self.dims).all(|(n, d)| *n == 1 || *n == self.shape[*d]);
        if !fits {
            return Err(Error::shape(format!(
                "{x} cannot be broadcast to shape {} along dimensions {}",
                self.shape,
                tuple(&self.dims)
            ))
            .help("each dimension must be 1 or equal to the one that it goes to"));
        }
        Ok(smallvec::smallvec![x.with_shape(&self.shape)])
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let x = inputs[0].aval();
        let repeated: Vec<usize> = (0..self.shape.rank())
            .filter(|d| match self.dims.iter().position(|e| e == d) {
                Some(i) => x.shape[i] == 1 && self.shape[*d] != 1,
                None => true,
            })
            .collect();
        vec![ct[0].as_ref().map(|ct| ct.sum_axes(&repeated).reshape(&x.shape))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(axis) = axes[0] else { return (vec![rebind1(self, &[&x[0]])], vec![None]) };
        let x = x[0].moveaxis(axis as isize, 0);
        let dims = std::iter::once(0).chain(self.dims.iter().map(|d| d + 1)).collect();
        (vec![bind1(BroadcastInDim { shape: self.shape.insert(0, size), dims }, &[&x])], vec![Some(0)])
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        smallvec::smallvec![cx.broadcast_in_dim(&args[0], &outs[0].mlir(), &self.dims)]
    }
}

/// `reshape`: the same elements in row-major order under another shape.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let flat = cotangent::extend::primitives::Reshape { shape: [4].into_iter().collect() };
/// assert_eq!(bind1(flat, &[&Array::from([[1, 2], [3, 4]])]).shape(), [4]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reshape {
    /// The shape of the result.
    pub shape: Shape,
}

impl Primitive for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("dimensions", "None".to_string()), ("new_sizes", tuple(&self.shape))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        if x.size() != self.shape.size() {
            return Err(Error::shape(format!(
                "{x} has {} elements, shape {} has {}",
                x.size(),
                self.shape,
                self.shape.size()
            )));
        }
        Ok(smallvec::smallvec![x.with_shape(&self.shape)])
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| ct.reshape(&inputs[0].aval().shape))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(axis) = axes[0] else { return (vec![rebind1(self, &[&x[0]])], vec![None]) };
        let x = x[0].moveaxis(axis as isize, 0);
        (vec![bind1(Reshape { shape: self.shape.insert(0, size) }, &[&x])], vec![Some(0)])
    }

    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        smallvec::smallvec![cx.op("stablehlo.reshape", args, &[], &outs[0])]
    }
}

/// `transpose`: dimension `i` of the result is dimension `permutation[i]` of the operand.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Transpose { permutation: vec![1, 0] }, &[&Array::from([[1, 2], [3, 4]])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 3, 2, 4]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// Which dimension of the operand each dimension of the result is.
    pub permutation: Vec<usize>,
}

impl Primitive for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("permutation", tuple(&self.permutation))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        let mut sorted = self.permutation.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.rank()) {
            return Err(Error::new(
                ErrorKind::Axis,
                format!("{} is not a permutation of the {} axes of {x}", tuple(&self.permutation), x.rank()),
            ));
        }
        Ok(smallvec::smallvec![x.with_shape(self.permutation.iter().map(|p| x.shape[*p]).collect::<Shape>())])
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        let mut inverse = vec![0; self.permutation.len()];
        for (i, p) in self.permutation.iter().enumerate() {
            inverse[*p] = i;
        }
        vec![ct[0].as_ref().map(|ct| ct.permute(&inverse))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(axis) = axes[0] else { return (vec![rebind1(self, &[&x[0]])], vec![None]) };
        let shift = |p: usize| if p < axis { p } else { p + 1 };
        let permutation: Vec<usize> = std::iter::once(axis).chain(self.permutation.iter().map(|p| shift(*p))).collect();
        (vec![x[0].permute(&permutation)], vec![Some(0)])
    }

    fn is_identity(&self) -> bool {
        self.permutation.iter().enumerate().all(|(i, p)| i == *p)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attr = ("permutation", Attr::i64s(self.permutation.iter().copied()));
        smallvec::smallvec![cx.op("stablehlo.transpose", args, &[attr], &outs[0])]
    }
}

/// `rev`: the order of elements turned round along some dimensions.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Rev { dims: vec![0] }, &[&Array::from([1, 2])]);
/// assert_eq!(y.to_vec::<i32>(), [2, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rev {
    /// The dimensions that are turned round.
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
        Ok(smallvec::smallvec![inputs[0].clone()])
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
        smallvec::smallvec![cx.op("stablehlo.reverse", args, &[attr], &outs[0])]
    }
}

/// Checks that axes exist in `x` and that none is named twice.
pub(crate) fn check_axes(axes: &[usize], x: &Aval) -> Result<()> {
    for (i, axis) in axes.iter().enumerate() {
        if *axis >= x.rank() {
            return Err(Error::new(ErrorKind::Axis, format!("axis {axis} is out of bounds for {x}")));
        }
        if axes[..i].contains(axis) {
            return Err(Error::new(ErrorKind::Axis, format!("axis {axis} of {x} is named twice")));
        }
    }
    Ok(())
}

/// Axes of an unbatched array as axes of the batched one.
pub(crate) fn shifted(axes: &[usize], batch: Option<usize>) -> Vec<usize> {
    axes.iter().map(|a| a + usize::from(batch.is_some_and(|b| *a >= b))).collect()
}

/// `concatenate`: operands one after the other along a dimension.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Concatenate { dimension: 0 }, &[&Array::from([1, 2]), &Array::from([3])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Concatenate {
    /// The dimension along which they are joined.
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
        let Some(first) = inputs.first() else { return Err(Error::shape("it takes at least one operand")) };
        check_axes(&[self.dimension], first)?;
        let others = |a: &Aval| a.shape.remove(&[self.dimension]);
        for x in inputs {
            if x.dtype != first.dtype {
                return Err(Error::dtype(format!("operands must have one dtype, got {first} and {x}")));
            }
            if x.rank() != first.rank() || others(x) != others(first) {
                return Err(Error::shape(format!(
                    "operands may differ along dimension {} only, got {first} and {x}",
                    self.dimension
                )));
            }
        }
        let mut shape: Vec<usize> = first.shape.to_vec();
        shape[self.dimension] = inputs.iter().map(|x| x.shape[self.dimension]).sum();
        let weak = inputs.iter().all(|x| x.weak_type);
        Ok(smallvec::smallvec![first.with_shape(shape).with_weak_type(weak)])
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
        smallvec::smallvec![cx.op("stablehlo.concatenate", args, &[attr], &outs[0])]
    }
}

/// `x` with its batch axis in front, repeated where it has none.
pub(crate) fn batched_in_front(x: &Array, axis: Option<usize>, size: usize) -> Array {
    match axis {
        Some(axis) => x.moveaxis(axis as isize, 0),
        None => x.broadcast_to(x.aval().shape.insert(0, size)),
    }
}

/// [`batched_in_front`] of each operand.
pub(super) fn all_in_front(x: &[Array], axes: &[Option<usize>], size: usize) -> Vec<Array> {
    x.iter().zip(axes).map(|(x, axis)| batched_in_front(x, *axis, size)).collect()
}

/// `pad`: a value put before, after and between the elements; negative amounts take elements away.
/// The operands are the array and the value.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Pad { config: vec![(1, 1, 0)] }, &[&Array::from([1, 2]), &Array::from(0)]);
/// assert_eq!(y.to_vec::<i32>(), [0, 1, 2, 0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// For each dimension how much before, after, and between neighbours.
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
                "{x} needs {} triples (before, after, between ≥ 0), got {:?}",
                x.rank(),
                self.config
            )));
        }
        let size = |n: usize, (lo, hi, inner): (i64, i64, i64)| {
            let spread = if n == 0 { 0 } else { n as i64 + (n as i64 - 1) * inner };
            usize::try_from(spread + lo + hi).map_err(|_| {
                Error::shape(format!("padding ({lo}, {hi}, {inner}) leaves a negative size of dimension {n} of {x}"))
            })
        };
        let shape = x.shape.iter().zip(&self.config).map(|(n, c)| size(*n, *c)).collect::<Result<Vec<_>>>()?;
        Ok(smallvec::smallvec![x.with_shape(shape).with_weak_type(x.weak_type && value.weak_type)])
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
        // A padding value for each element of the batch: pad a mask and choose.
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
        smallvec::smallvec![cx.op("stablehlo.pad", args, &attrs, &outs[0])]
    }
}

/// `slice`: elements from `start` up to but without `limit`, every `stride`-th.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Slice { start: vec![1], limit: vec![3], stride: vec![1] }, &[&Array::from([1, 2, 3])]);
/// assert_eq!(y.to_vec::<i32>(), [2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The first index of each dimension.
    pub start: Vec<usize>,
    /// The index after the last of each dimension.
    pub limit: Vec<usize>,
    /// The step of each dimension.
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
                "start {}, limit {} and stride {} do not lie within {x}",
                tuple(&self.start),
                tuple(&self.limit),
                tuple(&self.stride)
            )));
        }
        let size = |i: usize| (self.limit[i] - self.start[i]).div_ceil(self.stride[i]);
        Ok(smallvec::smallvec![x.with_shape((0..rank).map(size).collect::<Shape>())])
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
        smallvec::smallvec![cx.op("stablehlo.slice", args, &attrs, &outs[0])]
    }
}

/// `iota`: 0, 1, 2, … along a dimension. It has no operands.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let count = cotangent::extend::primitives::Iota { dtype: DType::I32, shape: [3].into_iter().collect(), dimension: 0 };
/// assert_eq!(bind1(count, &[]).to_vec::<i32>(), [0, 1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iota {
    /// The type of the result.
    pub dtype: DType,
    /// The shape of the result.
    pub shape: Shape,
    /// The dimension along which it counts.
    pub dimension: usize,
}

impl Primitive for Iota {
    fn name(&self) -> &'static str {
        "iota"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let dimension = self.dimension.to_string();
        vec![("dimension", dimension), ("dtype", self.dtype.to_string()), ("shape", tuple(&self.shape))]
    }

    fn infer(&self, _: &[Aval]) -> Result<Outputs<Aval>> {
        if self.dtype == DType::Bool {
            return Err(Error::dtype("it counts in numbers, not in bool"));
        }
        let aval = Aval::new(self.dtype, &self.shape);
        check_axes(&[self.dimension], &aval)?;
        Ok(smallvec::smallvec![aval])
    }

    fn batch(&self, _: &[Array], _: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(self.clone(), &[])], vec![None])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        smallvec::smallvec![cx.op(
            "stablehlo.iota",
            args,
            &[("iota_dimension", Attr::I64(self.dimension as i64))],
            &outs[0]
        )]
    }
}

/// `copy`: the same value in a buffer of its own.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Copy, &[&Array::from([1, 2])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Copy;

impl Primitive for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(smallvec::smallvec![inputs[0].clone()])
    }
    linear_unary!();
    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].clone()]
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(Copy, &[&x[0]])], axes.to_vec())
    }
    fn is_identity(&self) -> bool {
        true
    }

    fn lower(&self, _: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        smallvec::smallvec![args[0].clone()]
    }
}
