//! Collectives that move values between the elements of a mapped axis.

use std::slice;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, out_of_bounds};
use crate::array::dtype::DType;
use crate::error::{Error, Result};
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::{boolean, tuple};
use crate::ops::reduce::ReduceSum;
use crate::ops::shape::batched_in_front;
use crate::ops::slice::Concatenate;
use crate::ops::zeros;
use crate::trace::frames::bind1;

use super::reduce::times;
use super::{batched_over, linear_collective, lowering, over};

/// The position of `axis` in an array with a batch axis at `batch`.
fn behind(axis: usize, batch: usize) -> usize {
    axis + usize::from(batch <= axis)
}

/// Splits the dimension `axis` of size `n * m` into two of sizes `n` and `m`.
fn split(x: &Array, axis: usize, n: usize) -> Array {
    let own = x.shape()[axis];
    let m = own.checked_div(n).unwrap_or(0);
    x.reshape(x.aval().shape.remove(&[axis]).insert(axis, m).insert(axis, n))
}

/// Merges the dimensions `axis` and `axis + 1`.
fn fold(x: &Array, axis: usize) -> Array {
    let shape = x.aval().shape;
    x.reshape(shape.remove(&[axis, axis + 1]).insert(axis, shape[axis] * shape[axis + 1]))
}

fn check_axis(axis: usize, rank: usize, x: &Aval) -> Result<()> {
    if axis < rank { Ok(()) } else { Err(out_of_bounds(axis as isize, x, rank)) }
}

/// Checks that a dimension of `x` is a multiple of the size of the axis.
fn check_divides(axis: usize, x: &Aval, over: &NamedAxis) -> Result<()> {
    check_axis(axis, x.rank(), x)?;
    if over.size == 0 || !x.shape[axis].is_multiple_of(over.size) {
        return Err(Error::shape(format!(
            "dimension {axis} of {x} cannot be divided among the {} elements of the axis `{over}`",
            over.size
        ))
        .help("the size of the dimension must be a multiple of that of the mapped axis"));
    }
    Ok(())
}

/// `ppermute`: sends values between the elements of a mapped axis.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::ppermute(x, "i", &[(0, 1), (1, 0)])).axis_name("i");
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 1.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PPermute {
    /// The axis.
    pub axis: NamedAxis,
    /// Pairs of source and destination. An element that is not a destination gets zeros.
    pub perm: Vec<(usize, usize)>,
}

impl Primitive for PPermute {
    fn name(&self) -> &'static str {
        "ppermute"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let pairs: Vec<String> = self.perm.iter().map(|(from, to)| format!("({from}, {to})")).collect();
        vec![("axis_name", format!("('{}',)", self.axis)), ("perm", tuple(&pairs))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let n = self.axis.size;
        for (i, (from, to)) in self.perm.iter().enumerate() {
            if *from >= n || *to >= n {
                return Err(Error::value(format!(
                    "the pair ({from}, {to}) is out of bounds for the axis `{}` of size {n}",
                    self.axis
                )));
            }
            if let Some(other) = self.perm[..i].iter().find(|p| p.0 == *from || p.1 == *to) {
                return Err(Error::value(format!(
                    "the pairs {other:?} and ({from}, {to}) share a source or a destination"
                ))
                .help(
                    "each element sends to at most one element and receives from at most one; use `all_gather` to \
                       send to several",
                ));
            }
        }
        Ok(inputs.iter().cloned().collect())
    }

    linear_collective!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        let back = PPermute { axis: self.axis.clone(), perm: self.perm.iter().map(|(a, b)| (*b, *a)).collect() };
        vec![ct[0].as_ref().map(|ct| bind1(back, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if batched_over([&self.axis]).is_none() {
            return (vec![bind1(self.clone(), &[&x[0]])], axes.to_vec());
        }
        let x = batched_in_front(&x[0], axes[0], size);
        let mut from: Vec<Option<usize>> = vec![None; size];
        for (source, destination) in &self.perm {
            from[*destination] = Some(*source);
        }
        // Adjacent elements that stay adjacent move together: a rotation is two slices.
        let mut runs: Vec<(Option<usize>, usize)> = Vec::new();
        for source in from {
            match runs.last_mut() {
                Some((start, n)) if source == start.map(|s| s + *n) => *n += 1,
                _ => runs.push((source, 1)),
            }
        }
        let zeros = |n: usize| zeros(x.aval().shape.remove(&[0]).insert(0, n), x.dtype());
        let parts: Vec<Array> =
            runs.iter().map(|(start, n)| start.map_or_else(|| zeros(*n), |s| x.slice_axis(0, s, s + n))).collect();
        let moved = match parts.as_slice() {
            [] => x.clone(),
            [one] => one.clone(),
            _ => bind1(Concatenate { dimension: 0 }, &parts.iter().collect::<Vec<_>>()),
        };
        (vec![moved], vec![Some(0)])
    }

    over!(|self| slice::from_ref(&self.axis), |cx, grid, args, outs| lowering::permute(
        cx, &grid, &self.axis, &self.perm, &args[0], &outs[0]
    ));
}

/// `all_gather`: collects the values of all elements of a mapped axis along a dimension.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::all_gather(x, "i")).axis_name("i").out_axes(None);
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllGather {
    /// The axis.
    pub axis: NamedAxis,
    /// The dimension of the result along which they are collected.
    pub dimension: usize,
    /// Whether they are concatenated along a dimension of the operand, instead of stacked along a new one.
    pub tiled: bool,
}

/// The parameters that `all_gather` and `reduce_scatter` share, under the names of JAX.
fn params(dimension: (&'static str, usize), axis: &NamedAxis, tiled: bool) -> Vec<(&'static str, String)> {
    let mut params = vec![
        (dimension.0, dimension.1.to_string()),
        ("axis_name", format!("('{axis}',)")),
        ("axis_size", axis.size.to_string()),
        ("tiled", boolean(tiled)),
    ];
    params.sort_unstable_by_key(|(name, _)| *name);
    params
}

impl Primitive for AllGather {
    fn name(&self) -> &'static str {
        "all_gather"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        params(("all_gather_dimension", self.dimension), &self.axis, self.tiled)
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, n) = (&inputs[0], self.axis.size);
        check_axis(self.dimension, x.rank() + usize::from(!self.tiled), x)?;
        let shape = if self.tiled {
            x.shape.iter().enumerate().map(|(i, d)| if i == self.dimension { d * n } else { *d }).collect()
        } else {
            x.shape.insert(self.dimension, n)
        };
        Ok([x.with_shape(shape)].into())
    }

    linear_collective!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        let back = ReduceScatter { axis: self.axis.clone(), dimension: self.dimension, tiled: self.tiled };
        vec![ct[0].as_ref().map(|ct| bind1(back, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if batched_over([&self.axis]).is_some() {
            let all = batched_in_front(&x[0], axes[0], size).moveaxis(0, self.dimension as isize);
            return (vec![if self.tiled { fold(&all, self.dimension) } else { all }], vec![None]);
        }
        let Some(batch) = axes[0] else { return (vec![bind1(self.clone(), &[&x[0]])], vec![None]) };
        let dimension = behind(self.dimension, batch);
        let out = batch + usize::from(!self.tiled && dimension <= batch);
        (vec![bind1(AllGather { dimension, ..self.clone() }, &[&x[0]])], vec![Some(out)])
    }

    over!(|self| slice::from_ref(&self.axis), |cx, grid, args, outs| {
        let place = (self.dimension, self.tiled);
        lowering::all_gather(cx, &grid, &self.axis, place, &args[0], &outs[0])
    });
}

/// `reduce_scatter`: sums over a mapped axis. Each element keeps its part of the sum along a dimension.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::psum_scatter(x, "i")).axis_name("i");
/// assert_eq!(f(&Array::from([[1.0f32, 2.0], [3.0, 4.0]])).to_vec::<f32>(), [4.0, 6.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReduceScatter {
    /// The axis.
    pub axis: NamedAxis,
    /// The dimension of the operand that is split among the elements.
    pub dimension: usize,
    /// Whether the result keeps that dimension; otherwise each part must be of size one.
    pub tiled: bool,
}

impl Primitive for ReduceScatter {
    fn name(&self) -> &'static str {
        "reduce_scatter"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        params(("scatter_dimension", self.dimension), &self.axis, self.tiled)
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, n) = (&inputs[0], self.axis.size);
        if x.dtype == DType::Bool {
            return Err(Error::dtype(format!("expected numbers, got {x}")));
        }
        check_divides(self.dimension, x, &self.axis)?;
        let own = x.shape[self.dimension];
        let rest = x.shape.remove(&[self.dimension]);
        if self.tiled {
            return Ok([x.with_shape(rest.insert(self.dimension, own / n))].into());
        }
        if own != n {
            return Err(Error::shape(format!(
                "dimension {} of {x} must have the size {n} of the axis `{}`",
                self.dimension, self.axis
            ))
            .help("use the tiled form if each element receives several entries"));
        }
        Ok([x.with_shape(rest)].into())
    }

    linear_collective!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        let back = AllGather { axis: self.axis.clone(), dimension: self.dimension, tiled: self.tiled };
        vec![ct[0].as_ref().map(|ct| bind1(back, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if batched_over([&self.axis]).is_some() {
            let sum = match axes[0] {
                Some(axis) => bind1(ReduceSum { axes: vec![axis] }, &[&x[0]]),
                None => times(&x[0], size),
            };
            let sum = if self.tiled { split(&sum, self.dimension, size) } else { sum };
            return (vec![sum], vec![Some(self.dimension)]);
        }
        let Some(batch) = axes[0] else { return (vec![bind1(self.clone(), &[&x[0]])], vec![None]) };
        let dimension = behind(self.dimension, batch);
        let out = batch - usize::from(!self.tiled && dimension < batch);
        (vec![bind1(ReduceScatter { dimension, ..self.clone() }, &[&x[0]])], vec![Some(out)])
    }

    over!(|self| slice::from_ref(&self.axis), |cx, grid, args, outs| {
        let place = (self.dimension, self.tiled);
        lowering::reduce_scatter(cx, &grid, &self.axis, place, &args[0], &outs[0])
    });
}

/// `all_to_all`: each element of a mapped axis splits a dimension among all elements, and concatenates what it receives along
/// another dimension.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::all_to_all(x, "i", 0, 0)).axis_name("i");
/// assert_eq!(f(&Array::from([[1.0f32, 2.0], [3.0, 4.0]])).to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllToAll {
    /// The axis.
    pub axis: NamedAxis,
    /// The dimension that is split.
    pub split_axis: usize,
    /// The dimension along which the parts are concatenated.
    pub concat_axis: usize,
}

impl Primitive for AllToAll {
    fn name(&self) -> &'static str {
        "all_to_all"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("axis_name", self.axis.to_string()),
            ("concat_axis", self.concat_axis.to_string()),
            ("split_axis", self.split_axis.to_string()),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, n) = (&inputs[0], self.axis.size);
        check_divides(self.split_axis, x, &self.axis)?;
        check_axis(self.concat_axis, x.rank(), x)?;
        let mut shape = x.shape.to_vec();
        shape[self.split_axis] /= n;
        shape[self.concat_axis] *= n;
        Ok([x.with_shape(shape)].into())
    }

    linear_collective!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        let back = AllToAll { axis: self.axis.clone(), split_axis: self.concat_axis, concat_axis: self.split_axis };
        vec![ct[0].as_ref().map(|ct| bind1(back, &[ct]))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let (s, c) = (self.split_axis, self.concat_axis);
        if batched_over([&self.axis]).is_none() {
            let Some(batch) = axes[0] else { return (vec![bind1(self.clone(), &[&x[0]])], vec![None]) };
            let prim =
                AllToAll { axis: self.axis.clone(), split_axis: behind(s, batch), concat_axis: behind(c, batch) };
            return (vec![bind1(prim, &[&x[0]])], axes.to_vec());
        }
        // From [source, …] to [destination, …], with the source before the dimension along which parts are concatenated.
        let x = split(&batched_in_front(&x[0], axes[0], size), s + 1, size);
        let own = |dimension: usize| dimension + 1 + usize::from(dimension >= s);
        let order: Vec<usize> = std::iter::once(s + 1)
            .chain((0..x.ndim() - 2).flat_map(|d| (d == c).then_some(0).into_iter().chain([own(d)])))
            .collect();
        (vec![fold(&x.permute(&order), c + 1)], vec![Some(0)])
    }

    over!(|self| slice::from_ref(&self.axis), |cx, grid, args, outs| {
        let places = (self.split_axis, self.concat_axis);
        lowering::all_to_all(cx, &grid, &self.axis, places, &args[0], &outs[0])
    });
}
