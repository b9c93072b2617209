//! The scatters: they combine updates with an array at positions that the program computes. Their derivatives are in
//! `scatter_derivatives`.
//! are in `scatter/derivatives.rs`.
mod derivatives;

use std::fmt;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, same_dtype};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::{boolean, tuple};
use crate::trace::frames::{bind, bind1};

use super::domain::Domain;
use super::gather::{
    Gather, GatherDimensionNumbers, GatherScatterMode, check_dims, check_disjoint, check_indices, dimension_numbers,
    first_and_later, index_bounds, later, widened_indices,
};
use super::shape::batched_in_front;

/// How the dimensions of a scatter's operand, indices and updates correspond, with JAX's names.
///
/// The last dimension of the indices holds the coordinates of the start of a window. The other dimensions enumerate the
/// windows. They appear in the updates in their order, around the dimensions of a window.
///
/// ```
/// use cotangent::extend::primitives::ScatterDimensionNumbers;
/// // Rows of a matrix: an update has a row's elements last.
/// let rows = ScatterDimensionNumbers {
///     update_window_dims: vec![1],
///     inserted_window_dims: vec![0],
///     scatter_dims_to_operand_dims: vec![0],
///     ..Default::default()
/// };
/// assert!(rows.to_string().starts_with("ScatterDimensionNumbers(update_window_dims=(1,), inserted_window_dims=(0,)"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScatterDimensionNumbers {
    /// The dimensions of the updates that are dimensions of a window, ascending.
    pub update_window_dims: Vec<usize>,
    /// The dimensions of the operand along which a window has size one and that the updates do not have, ascending.
    pub inserted_window_dims: Vec<usize>,
    /// The dimension of the operand that each coordinate refers to.
    pub scatter_dims_to_operand_dims: Vec<usize>,
    /// The batch dimensions of the operand, ascending. They are paired with those of the indices, and a window does not
    /// have them.
    pub operand_batching_dims: Vec<usize>,
    /// The batch dimensions of the indices, in the order of those of the operand.
    pub scatter_indices_batching_dims: Vec<usize>,
}

impl fmt::Display for ScatterDimensionNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ScatterDimensionNumbers(update_window_dims={}, inserted_window_dims={}, scatter_dims_to_operand_dims={}, \
             operand_batching_dims={}, scatter_indices_batching_dims={})",
            tuple(&self.update_window_dims),
            tuple(&self.inserted_window_dims),
            tuple(&self.scatter_dims_to_operand_dims),
            tuple(&self.operand_batching_dims),
            tuple(&self.scatter_indices_batching_dims)
        )
    }
}

/// The parameters of all scatters.
///
/// ```
/// use cotangent::extend::primitives::{GatherScatterMode, ScatterParams};
/// assert_eq!(ScatterParams::default().mode, GatherScatterMode::FillOrDrop);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScatterParams {
    /// How the dimensions correspond.
    pub dimension_numbers: ScatterDimensionNumbers,
    /// Whether the positions are sorted.
    pub indices_are_sorted: bool,
    /// Whether no two updates affect the same element. This is a promise.
    pub unique_indices: bool,
    /// How positions out of bounds are treated.
    pub mode: GatherScatterMode,
}

impl ScatterParams {
    /// Returns the size of a window in each dimension of the operand.
    fn block(&self, rank: usize, updates: &[usize]) -> Vec<usize> {
        let n = &self.dimension_numbers;
        let mut window = n.update_window_dims.iter().map(|d| updates[*d]);
        let flat = |d: usize| n.inserted_window_dims.contains(&d) || n.operand_batching_dims.contains(&d);
        (0..rank).map(|d| if flat(d) { 1 } else { window.next().unwrap_or(1) }).collect()
    }

    /// Returns the gather of the elements at the positions of the updates.
    pub(crate) fn inverse(&self, rank: usize, updates: &[usize]) -> Gather {
        let n = &self.dimension_numbers;
        Gather {
            dimension_numbers: GatherDimensionNumbers {
                offset_dims: n.update_window_dims.clone(),
                collapsed_slice_dims: n.inserted_window_dims.clone(),
                start_index_map: n.scatter_dims_to_operand_dims.clone(),
                operand_batching_dims: n.operand_batching_dims.clone(),
                start_indices_batching_dims: n.scatter_indices_batching_dims.clone(),
            },
            slice_sizes: self.block(rank, updates),
            unique_indices: self.unique_indices,
            indices_are_sorted: self.indices_are_sorted,
            mode: self.mode,
            fill_value: None,
        }
    }

    fn printed(&self) -> Vec<(&'static str, String)> {
        vec![
            ("dimension_numbers", self.dimension_numbers.to_string()),
            ("indices_are_sorted", boolean(self.indices_are_sorted)),
            ("mode", self.mode.to_string()),
            ("unique_indices", boolean(self.unique_indices)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, indices, updates) = (&inputs[0], &inputs[1], &inputs[2]);
        same_dtype(x, updates)?;
        let n = &self.dimension_numbers;
        check_indices(
            x,
            indices,
            ("scatter_dims_to_operand_dims", &n.scatter_dims_to_operand_dims),
            &n.operand_batching_dims,
            ("scatter_indices_batching_dims", &n.scatter_indices_batching_dims),
        )?;
        check_dims("inserted_window_dims", &n.inserted_window_dims, x.rank(), true)?;
        check_disjoint(
            ("inserted_window_dims", &n.inserted_window_dims),
            ("operand_batching_dims", &n.operand_batching_dims),
        )?;
        let rank = indices.rank() - 1 + n.update_window_dims.len();
        if updates.rank() != rank {
            return Err(Error::shape(format!(
                "updates for indices {indices} and update_window_dims {} must have rank {rank}, got {updates}",
                tuple(&n.update_window_dims)
            )));
        }
        check_dims("update_window_dims", &n.update_window_dims, rank, true)?;
        if x.rank() != n.update_window_dims.len() + n.inserted_window_dims.len() + n.operand_batching_dims.len() {
            return Err(Error::shape(format!(
                "each dimension of {x} must be an update window, inserted or batching dimension, but {n} accounts for \
                 {}",
                n.update_window_dims.len() + n.inserted_window_dims.len() + n.operand_batching_dims.len()
            )));
        }
        if self.block(x.rank(), &updates.shape).iter().zip(&*x.shape).any(|(m, n)| m > n) && indices.size() > 0 {
            return Err(Error::shape(format!("windows of updates {updates} do not fit {x}: {n}")));
        }
        let places = updates.shape.remove(&n.update_window_dims);
        if *places != indices.shape[..indices.rank() - 1] {
            return Err(Error::shape(format!(
                "updates {updates} without update_window_dims {} have shape {places}, but indices {indices} name {} \
                 places",
                tuple(&n.update_window_dims),
                Shape::new(&indices.shape[..indices.rank() - 1])
            )));
        }
        Ok([x.clone()].into())
    }

    /// Returns the parameters and operands with a leading batch axis.
    fn batched(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (ScatterParams, [Array; 3]) {
        let n = &self.dimension_numbers;
        let mut params = self.clone();
        let dims = &mut params.dimension_numbers;
        dims.inserted_window_dims = later(&n.inserted_window_dims);
        dims.scatter_dims_to_operand_dims = later(&n.scatter_dims_to_operand_dims);
        let front = |i: usize| batched_in_front(&x[i], axes[i], size);
        if axes[1].is_none() {
            // If the positions are the same for all elements, the batch axis is part of every window.
            dims.update_window_dims = first_and_later(&n.update_window_dims);
            dims.operand_batching_dims = later(&n.operand_batching_dims);
            return (params, [front(0), x[1].clone(), front(2)]);
        }
        dims.update_window_dims = later(&n.update_window_dims);
        dims.operand_batching_dims = first_and_later(&n.operand_batching_dims);
        dims.scatter_indices_batching_dims = first_and_later(&n.scatter_indices_batching_dims);
        (params, [front(0), front(1), front(2)])
    }

    fn lower(&self, combine: Combine, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval]) -> Outputs<Value> {
        let (x, updates) = (&inputs[0], &inputs[2]);
        let (mut index, index_aval) = widened_indices(cx, &args[1], &inputs[1]);
        let n = &self.dimension_numbers;
        if updates.size() == 0 {
            return [args[0].clone()].into();
        }
        if self.mode == GatherScatterMode::Clip && !n.scatter_dims_to_operand_dims.is_empty() {
            let block = self.block(x.rank(), &updates.shape);
            let room = |d: &usize| x.shape[*d] as i64 - block[*d] as i64;
            let bounds: Vec<i64> = n.scatter_dims_to_operand_dims.iter().map(room).collect();
            let zero = cx.splat(&index_aval, Literal::int(index_aval.dtype, 0));
            let bound = index_bounds(cx, &index_aval, &bounds);
            index = cx.op("stablehlo.clamp", &[zero, index, bound], &[], &index_aval);
        }
        let numbers = dimension_numbers(
            "scatter",
            &[
                ("update_window_dims", &n.update_window_dims),
                ("inserted_window_dims", &n.inserted_window_dims),
                ("input_batching_dims", &n.operand_batching_dims),
                ("scatter_indices_batching_dims", &n.scatter_indices_batching_dims),
                ("scatter_dims_to_operand_dims", &n.scatter_dims_to_operand_dims),
            ],
            inputs[1].rank() - 1,
        );
        let attrs = [
            ("indices_are_sorted", Attr::Bool(self.indices_are_sorted)),
            ("scatter_dimension_numbers", numbers),
            ("unique_indices", Attr::Bool(self.unique_indices)),
        ];
        let scalar = Aval::new(x.dtype, ());
        let operands = [args[0].clone(), index, args[2].clone()];
        let params = [scalar.mlir(), scalar.mlir()];
        cx.regions("stablehlo.scatter", &operands, &attrs, &[x.mlir()], &[&params], |cx, _, args| match combine.op() {
            None => vec![args[1].clone()],
            Some(op) => vec![super::binary::combine(cx, op, args, &scalar)],
        })
    }
}

/// How a scatter combines an element with an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Combine {
    Set,
    Add,
    Sub,
    Mul,
    Min,
    Max,
}

impl Combine {
    fn op(self) -> Option<&'static str> {
        Some(match self {
            Combine::Set => return None,
            Combine::Add => "stablehlo.add",
            Combine::Sub => "stablehlo.subtract",
            Combine::Mul => "stablehlo.multiply",
            Combine::Min => "stablehlo.minimum",
            Combine::Max => "stablehlo.maximum",
        })
    }

    /// Returns the dtypes that it accepts.
    fn domain(self) -> Domain {
        match self {
            Combine::Add | Combine::Sub | Combine::Mul => Domain::NUMBERS,
            _ => Domain::ANY,
        }
    }

    /// Applies the scatter that combines in this way.
    pub(super) fn apply(self, params: &ScatterParams, x: &Array, indices: &Array, updates: &Array) -> Array {
        let operands = [x, indices, updates];
        let params = params.clone();
        match self {
            Combine::Set => bind1(Scatter(params), &operands),
            Combine::Add => bind1(ScatterAdd(params), &operands),
            Combine::Sub => bind1(ScatterSub(params), &operands),
            Combine::Mul => bind1(ScatterMul(params), &operands),
            Combine::Min => bind1(ScatterMin(params), &operands),
            Combine::Max => bind1(ScatterMax(params), &operands),
        }
    }
}

macro_rules! scatters {
    ($($(#[$doc:meta])* $T:ident $name:literal $combine:ident [$($expected:literal),*];)*) => {
        $(
            #[doc = concat!("`", $name, "`: the operands are an array, the places and the updates.\n")]
            $(#[$doc])*
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nuse cotangent::extend::primitives::{", stringify!($T), ", ScatterDimensionNumbers, ScatterParams};\nlet dimension_numbers = ScatterDimensionNumbers {\n    inserted_window_dims: vec![0],\n    scatter_dims_to_operand_dims: vec![0],\n    ..Default::default()\n};\nlet scatter = ", stringify!($T), "(ScatterParams { dimension_numbers, ..Default::default() });\nlet (x, places, updates) = (Array::from([5, 6, 7]), Array::from([[2], [0], [9]]), Array::from([9, 2, 1]));\nassert_eq!(bind1(scatter, &[&x, &places, &updates]).to_vec::<i32>(), ", stringify!([$($expected),*]), ");\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T(
                /// The parameters.
                pub ScatterParams,
            );

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn params(&self) -> Vec<(&'static str, String)> {
                    self.0.printed()
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Combine::$combine.domain().check(&inputs[0])?;
                    self.0.infer(inputs)
                }
                fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                    derivatives::jvp(Combine::$combine, &self.0, x, dx)
                }
                fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
                    derivatives::transpose(Combine::$combine, $name, &self.0, ct, inputs)
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    if axes.iter().all(Option::is_none) {
                        return (vec![bind1(self.clone(), &[&x[0], &x[1], &x[2]])], vec![None]);
                    }
                    let (params, [operand, indices, updates]) = self.0.batched(x, axes, n);
                    (vec![bind1($T(params), &[&operand, &indices, &updates])], vec![Some(0)])
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
                    self.0.lower(Combine::$combine, cx, args, inputs)
                }
                fn is_indexing(&self) -> bool {
                    true
                }
            }
        )*
    };
}

/// `scatter_extremum`: returns a scatter of minima or maxima, whether each update is equal to the final element at its
/// position, and whether the original element is. One function that the compiler may not inline computes all three, as
/// in `ops::reduce`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScatterExtremum {
    pub(super) params: ScatterParams,
    pub(super) greatest: bool,
}

impl Primitive for ScatterExtremum {
    fn name(&self) -> &'static str {
        "scatter_extremum"
    }
    fn params(&self) -> Vec<(&'static str, String)> {
        let mut params = self.params.printed();
        params.insert(1, ("greatest", boolean(self.greatest)));
        params
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let flags = inputs[2].with_dtype(DType::Bool).with_weak_type(false);
        Ok(self.params.infer(inputs)?.into_iter().chain([flags.clone(), flags]).collect())
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        derivatives::extremum_jvp(self, x, dx)
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let (params, [operand, indices, updates]) = self.params.batched(x, axes, n);
        let prim = ScatterExtremum { params, ..self.clone() };
        (bind(prim, &[&operand, &indices, &updates]).into_vec(), vec![Some(0); 3])
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
        super::staged::apart(cx, "scatter_extremum", args, inputs, |x| {
            let combine = if self.greatest { Combine::Max } else { Combine::Min };
            let value = combine.apply(&self.params, &x[0], &x[1], &x[2]);
            // For positions out of bounds, this returns NaN, which equals no update.
            let at = |y: &Array| bind1(self.params.inverse(y.ndim(), x[2].shape()), &[y, &x[1]]);
            let target = at(&value);
            let flags = [x[2].equal(&target), at(&x[0]).equal(&target)];
            std::iter::once(value).chain(flags).collect()
        })
    }

    fn is_indexing(&self) -> bool {
        true
    }
}

scatters! {
    /// Replaces elements by updates. If several updates have the same position, one of them is used.
    Scatter "scatter" Set [2, 6, 9];
    /// Adds updates to the elements.
    ScatterAdd "scatter-add" Add [7, 6, 16];
    /// Subtracts updates from the elements.
    ScatterSub "scatter-sub" Sub [3, 6, -2];
    /// Multiplies the elements by updates. It is differentiable in the updates if no two of them have the same
    /// position.
    ScatterMul "scatter-mul" Mul [10, 6, 63];
    /// Replaces each element by the least of itself and its updates. In a tie, the derivative is shared equally.
    ScatterMin "scatter-min" Min [2, 6, 7];
    /// Replaces each element by the greatest of itself and its updates. In a tie, the derivative is shared equally.
    ScatterMax "scatter-max" Max [5, 6, 9];
}
