//! Primitives that split or reshape an array without computing on it, and the optimization barrier.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::error::{Error, ErrorKind, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::{bind, bind1};

use super::elementwise::{rebind, rebind1};
use super::shape::{check_axes, linear_unary, shifted};
use super::slice::Concatenate;
use super::zeros;

/// `squeeze`: removes dimensions of size one.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Squeeze { dimensions: vec![0] }, &[&Array::from([[1, 2]])]);
/// assert_eq!(y.shape(), [2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Squeeze {
    /// The dimensions to remove.
    pub dimensions: Vec<usize>,
}

impl Primitive for Squeeze {
    fn name(&self) -> &'static str {
        "squeeze"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("dimensions", tuple(&self.dimensions))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        check_axes(&self.dimensions, x)?;
        if let Some(axis) = self.dimensions.iter().find(|d| x.shape[**d] != 1) {
            return Err(Error::new(ErrorKind::Axis, format!("axis {axis} of {x} has size {}, not 1", x.shape[*axis]))
                .help("only axes of size 1 can be removed; use `reshape` for other axes"));
        }
        Ok([x.with_shape(x.shape.remove(&self.dimensions))].into())
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| ct.reshape(&inputs[0].aval().shape))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let dimensions = shifted(&self.dimensions, axes[0]);
        let axis = axes[0].map(|a| a - dimensions.iter().filter(|d| **d < a).count());
        (vec![bind1(Squeeze { dimensions }, &[&x[0]])], vec![axis])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        [cx.op("stablehlo.reshape", args, &[], &outs[0])].into()
    }
}

/// `split`: splits an array along an axis into consecutive parts, one result for each.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// let parts = bind(cotangent::extend::primitives::Split { sizes: vec![1, 2], axis: 0 }, &[&Array::from([1, 2, 3])]);
/// assert_eq!(parts[1].to_vec::<i32>(), [2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Split {
    /// The size of each part. They add up to the size of the axis.
    pub sizes: Vec<usize>,
    /// The axis.
    pub axis: usize,
}

impl Split {
    /// Returns `shape` with this size of the axis.
    fn part(&self, shape: &[usize], size: usize) -> Shape {
        shape.iter().enumerate().map(|(i, n)| if i == self.axis { size } else { *n }).collect()
    }
}

impl Primitive for Split {
    fn name(&self) -> &'static str {
        "split"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("axis", self.axis.to_string()), ("sizes", tuple(&self.sizes))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        check_axes(&[self.axis], x)?;
        let sum: usize = self.sizes.iter().sum();
        if sum != x.shape[self.axis] {
            return Err(Error::shape(format!(
                "sizes {} add up to {sum}, but axis {} of {x} has size {}",
                tuple(&self.sizes),
                self.axis,
                x.shape[self.axis]
            )));
        }
        Ok(self.sizes.iter().map(|size| x.with_shape(self.part(&x.shape, *size))).collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let values = rebind(self, &[&x[0]]).into_vec();
        let tangents = match &dx[0] {
            Some(t) => rebind(self, &[t]).into_iter().map(Some).collect(),
            None => vec![None; values.len()],
        };
        (values, tangents)
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(dtype) = ct.iter().flatten().next().map(Array::dtype) else { return vec![None] };
        let shape = inputs[0].aval().shape;
        let parts: Vec<Array> = (ct.iter().zip(&self.sizes))
            .map(|(ct, size)| ct.clone().unwrap_or_else(|| zeros(self.part(&shape, *size), dtype)))
            .collect();
        vec![Some(bind1(Concatenate { dimension: self.axis }, &parts.iter().collect::<Vec<_>>()))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let prim = Split { sizes: self.sizes.clone(), axis: shifted(&[self.axis], axes[0])[0] };
        (bind(prim, &[&x[0]]).into_vec(), vec![axes[0]; self.sizes.len()])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let mut start = vec![0; inputs[0].rank()];
        let mut limit = inputs[0].shape.to_vec();
        let stride = vec![1usize; limit.len()];
        (outs.iter().zip(&self.sizes))
            .map(|(out, size)| {
                limit[self.axis] = start[self.axis] + size;
                let attrs = [
                    ("limit_indices", Attr::i64s(limit.iter().copied())),
                    ("start_indices", Attr::i64s(start.iter().copied())),
                    ("strides", Attr::i64s(stride.iter().copied())),
                ];
                start[self.axis] = limit[self.axis];
                cx.op("stablehlo.slice", args, &attrs, out)
            })
            .collect()
    }
}

/// `optimization_barrier`: returns its operands unchanged. The compiler moves no operation across it: all operands are
/// computed before any result is used, and none is computed twice.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind;
/// let y = bind(cotangent::extend::primitives::OptimizationBarrier, &[&Array::from([1, 2]), &Array::from(3.0)]);
/// assert_eq!(y[0].to_vec::<i32>(), [1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OptimizationBarrier;

impl Primitive for OptimizationBarrier {
    fn name(&self) -> &'static str {
        "optimization_barrier"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(inputs.iter().cloned().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        // The tangents pass through a barrier of their own, because values must not wait for them.
        let values = bind(OptimizationBarrier, &x.iter().collect::<Vec<_>>()).into_vec();
        (values, held(dx))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        held(ct).into_iter().zip(inputs).map(|(ct, x)| ct.filter(|_| x.is_linear())).collect()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (bind(OptimizationBarrier, &x.iter().collect::<Vec<_>>()).into_vec(), axes.to_vec())
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let results: Vec<_> = outs.iter().map(Aval::mlir).collect();
        cx.regions("stablehlo.optimization_barrier", args, &[], &results, &[], |_, _, _| Vec::new())
    }
}

/// Returns the nonzero tangents or cotangents behind a barrier.
fn held(tangents: &[Tangent]) -> Vec<Tangent> {
    let given: Vec<&Array> = tangents.iter().flatten().collect();
    if given.is_empty() {
        return tangents.to_vec();
    }
    let mut behind = bind(OptimizationBarrier, &given).into_iter();
    tangents.iter().map(|t| t.as_ref().and_then(|_| behind.next())).collect()
}
