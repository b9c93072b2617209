//! Primitives that arrange elements without computing with them.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, distinct, out_of_bounds};
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::elementwise::rebind1;

/// Defines the jvp rule of a primitive that is linear in its only operand.
macro_rules! linear_unary {
    () => {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            (vec![rebind1(self, &[&x[0]])], vec![dx[0].as_ref().map(|t| rebind1(self, &[t]))])
        }
    };
}
pub(super) use linear_unary;

/// `broadcast_in_dim`: broadcasts to a shape. Dimension `i` of the operand becomes dimension `dims[i]` of the result.
/// The elements are repeated along dimensions of size one and along new dimensions.
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
    /// The dimension of the result that each dimension of the operand becomes, ascending.
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
            .help("each size must be 1 or equal to the size of its dimension in the result"));
        }
        Ok([x.with_shape(&self.shape)].into())
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
        [cx.broadcast_in_dim(&args[0], &outs[0].mlir(), &self.dims)].into()
    }
}

/// `reshape`: changes the shape. The elements keep their row-major order.
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
                "{x} has {} elements, but shape {} has {}",
                x.size(),
                self.shape,
                self.shape.size()
            )));
        }
        Ok([x.with_shape(&self.shape)].into())
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
        [cx.op("stablehlo.reshape", args, &[], &outs[0])].into()
    }
}

/// `transpose`: permutes the dimensions. Dimension `i` of the result is dimension `permutation[i]` of the operand.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Transpose { permutation: vec![1, 0] }, &[&Array::from([[1, 2], [3, 4]])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 3, 2, 4]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// The dimension of the operand that each dimension of the result comes from.
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
        Ok([x.with_shape(self.permutation.iter().map(|p| x.shape[*p]).collect::<Shape>())].into())
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
        [cx.op("stablehlo.transpose", args, &[attr], &outs[0])].into()
    }
}

/// Checks that axes exist in `x` and that none is repeated.
pub(crate) fn check_axes(axes: &[usize], x: &Aval) -> Result<()> {
    match axes.iter().find(|axis| **axis >= x.rank()) {
        Some(axis) => Err(out_of_bounds(*axis as isize, x, x.rank())),
        None => distinct(axes),
    }
}

/// Returns axes of an unbatched array as axes of the batched array.
pub(crate) fn shifted(axes: &[usize], batch: Option<usize>) -> Vec<usize> {
    axes.iter().map(|a| a + usize::from(batch.is_some_and(|b| *a >= b))).collect()
}

/// Returns `x` with its batch axis in front. If `x` has none, it is repeated along a new one.
pub(crate) fn batched_in_front(x: &Array, axis: Option<usize>, size: usize) -> Array {
    match axis {
        Some(axis) => x.moveaxis(axis as isize, 0),
        None => x.broadcast_to(x.aval().shape.insert(0, size)),
    }
}

/// Applies [`batched_in_front`] to each operand.
pub(super) fn all_in_front(x: &[Array], axes: &[Option<usize>], size: usize) -> Vec<Array> {
    x.iter().zip(axes).map(|(x, axis)| batched_in_front(x, *axis, size)).collect()
}

/// `iota`: counts 0, 1, 2, … along a dimension. It has no operands.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let count = cotangent::extend::primitives::Iota { dtype: DType::I32, shape: [3].into_iter().collect(), dimension: 0 };
/// assert_eq!(bind1(count, &[]).to_vec::<i32>(), [0, 1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iota {
    /// The dtype of the result.
    pub dtype: DType,
    /// The shape of the result.
    pub shape: Shape,
    /// The dimension along which the elements increase.
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
            return Err(Error::dtype("expected a numeric dtype, got bool"));
        }
        let aval = Aval::new(self.dtype, &self.shape);
        check_axes(&[self.dimension], &aval)?;
        Ok([aval].into())
    }

    fn batch(&self, _: &[Array], _: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(self.clone(), &[])], vec![None])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        [cx.op("stablehlo.iota", args, &[("iota_dimension", Attr::I64(self.dimension as i64))], &outs[0])].into()
    }
}

/// `copy`: copies the value to a buffer of its own.
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
        Ok([inputs[0].clone()].into())
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
        [args[0].clone()].into()
    }
}
