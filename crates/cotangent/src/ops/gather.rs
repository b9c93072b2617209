//! `gather`: slices of an array at positions that the program computes.

use std::fmt;

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::{boolean, tuple};
use crate::trace::frames::bind1;

use super::elementwise::rebind1;
use super::scatter::{ScatterAdd, ScatterDimensionNumbers, ScatterParams};
use super::zeros;

/// How the dimensions of a gather's operand, indices and result correspond, with JAX's names.
///
/// The last dimension of the indices holds the coordinates of the start of a slice. The other dimensions enumerate the
/// slices. They appear in the result in their order, around the dimensions of a slice.
///
/// ```
/// use cotangent::extend::primitives::GatherDimensionNumbers;
/// // Rows of a matrix: the result has a row's elements last.
/// let rows = GatherDimensionNumbers {
///     offset_dims: vec![1],
///     collapsed_slice_dims: vec![0],
///     start_index_map: vec![0],
///     ..Default::default()
/// };
/// assert!(rows.to_string().starts_with("GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,)"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GatherDimensionNumbers {
    /// The dimensions of the result that are dimensions of a slice, ascending.
    pub offset_dims: Vec<usize>,
    /// The dimensions of the operand along which a slice has size one and that the result does not have, ascending.
    pub collapsed_slice_dims: Vec<usize>,
    /// The dimension of the operand that each coordinate refers to.
    pub start_index_map: Vec<usize>,
    /// The batch dimensions of the operand, ascending. They are paired with those of the indices, and a slice in the
    /// result does not have them.
    pub operand_batching_dims: Vec<usize>,
    /// The batch dimensions of the indices, in the order of those of the operand.
    pub start_indices_batching_dims: Vec<usize>,
}

impl fmt::Display for GatherDimensionNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "GatherDimensionNumbers(offset_dims={}, collapsed_slice_dims={}, start_index_map={}, \
             operand_batching_dims={}, start_indices_batching_dims={})",
            tuple(&self.offset_dims),
            tuple(&self.collapsed_slice_dims),
            tuple(&self.start_index_map),
            tuple(&self.operand_batching_dims),
            tuple(&self.start_indices_batching_dims)
        )
    }
}

/// How a gather or scatter treats positions out of bounds.
///
/// ```
/// use cotangent::extend::primitives::GatherScatterMode;
/// assert_eq!(GatherScatterMode::Clip.to_string(), "GatherScatterMode.CLIP");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GatherScatterMode {
    /// The start of the slice is clamped so that the slice lies within the operand.
    Clip,
    /// A gather returns a fill value for the whole slice. A scatter drops the whole update.
    #[default]
    FillOrDrop,
    /// The caller promises that all positions are in bounds. Otherwise, the result is unspecified (but safe).
    PromiseInBounds,
}

impl fmt::Display for GatherScatterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GatherScatterMode::Clip => "GatherScatterMode.CLIP",
            GatherScatterMode::FillOrDrop => "GatherScatterMode.FILL_OR_DROP",
            GatherScatterMode::PromiseInBounds => "GatherScatterMode.PROMISE_IN_BOUNDS",
        })
    }
}

/// `gather`: slices of the first operand, at the positions in the second operand, the indices.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::{Gather, GatherDimensionNumbers, GatherScatterMode};
/// let take = Gather {
///     dimension_numbers: GatherDimensionNumbers {
///         collapsed_slice_dims: vec![0],
///         start_index_map: vec![0],
///         ..Default::default()
///     },
///     slice_sizes: vec![1],
///     unique_indices: false,
///     indices_are_sorted: false,
///     mode: GatherScatterMode::Clip,
///     fill_value: None,
/// };
/// let places = Array::from([[2], [0], [9]]);
/// assert_eq!(bind1(take, &[&Array::from([5, 6, 7]), &places]).to_vec::<i32>(), [7, 5, 7]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gather {
    /// How the dimensions correspond.
    pub dimension_numbers: GatherDimensionNumbers,
    /// The size of a slice in each dimension of the operand.
    pub slice_sizes: Vec<usize>,
    /// Whether no two positions are the same. The transpose relies on this promise.
    pub unique_indices: bool,
    /// Whether the positions are sorted.
    pub indices_are_sorted: bool,
    /// How positions out of bounds are treated.
    pub mode: GatherScatterMode,
    /// The value of slices out of bounds in mode [`FillOrDrop`](GatherScatterMode::FillOrDrop). By default, it is NaN,
    /// the least signed integer, the greatest unsigned integer or `true`.
    pub fill_value: Option<Literal>,
}

/// Checks a list of dimensions: they must be less than `rank`, distinct, and, if required, ascending.
pub(super) fn check_dims(what: &str, dims: &[usize], rank: usize, ascending: bool) -> Result<()> {
    let fail = |message: String| Err(Error::new(ErrorKind::Axis, format!("{what} {} {message}", tuple(dims))));
    if let Some(dim) = dims.iter().find(|d| **d >= rank) {
        return fail(format!("name dimension {dim}, which is out of bounds for rank {rank}"));
    }
    if let Some((_, dim)) = dims.iter().enumerate().find(|(i, d)| dims[..*i].contains(d)) {
        return fail(format!("repeat dimension {dim}"));
    }
    if ascending && dims.windows(2).any(|w| w[0] > w[1]) {
        return fail("must be in ascending order".to_string());
    }
    Ok(())
}

/// Checks that two lists of dimensions are disjoint.
pub(super) fn check_disjoint(a: (&str, &[usize]), b: (&str, &[usize])) -> Result<()> {
    match a.1.iter().find(|d| b.1.contains(d)) {
        None => Ok(()),
        Some(dim) => Err(Error::new(ErrorKind::Axis, format!("dimension {dim} is in both {} and {}", a.0, b.0))),
    }
}

/// Checks the indices of a gather or scatter: their dtype, the coordinates, and the batch dimensions.
pub(super) fn check_indices(
    operand: &Aval,
    indices: &Aval,
    (map_name, map): (&str, &[usize]),
    operand_batching: &[usize],
    (batching_name, batching): (&str, &[usize]),
) -> Result<()> {
    if !indices.dtype.is_integer() {
        return Err(Error::dtype(format!("indices must be integers, got {indices}")));
    }
    let Some(coordinates) = indices.shape.last() else {
        return Err(Error::shape(format!(
            "indices must have a last dimension, which holds the coordinates, got {indices}"
        )));
    };
    check_dims(map_name, map, operand.rank(), false)?;
    if map.len() != *coordinates {
        return Err(Error::shape(format!(
            "indices {indices} have {coordinates} coordinates in their last dimension, but {map_name} {} names {} \
             dimensions of {operand}",
            tuple(map),
            map.len()
        )));
    }
    check_dims("operand_batching_dims", operand_batching, operand.rank(), true)?;
    check_disjoint((map_name, map), ("operand_batching_dims", operand_batching))?;
    // The last dimension holds the coordinates and cannot be a batch dimension.
    check_dims(batching_name, batching, indices.rank() - 1, false)?;
    let sizes = |aval: &Aval, dims: &[usize]| dims.iter().map(|d| aval.shape[*d]).collect::<Vec<_>>();
    if sizes(operand, operand_batching) != sizes(indices, batching) {
        return Err(Error::shape(format!(
            "operand_batching_dims {} of {operand} and {batching_name} {} of {indices} must have the same sizes",
            tuple(operand_batching),
            tuple(batching)
        )));
    }
    Ok(())
}

/// Returns the dimensions after another one is inserted before them.
pub(super) fn later(dims: &[usize]) -> Vec<usize> {
    dims.iter().map(|d| d + 1).collect()
}

/// Like [`later`], with the new dimension in front.
pub(super) fn first_and_later(dims: &[usize]) -> Vec<usize> {
    std::iter::once(0).chain(dims.iter().map(|d| d + 1)).collect()
}

impl Gather {
    /// Returns the gather of an operand with another dimension at `axis` that belongs to every slice, and the position
    /// of that dimension in the result, which has `rank` dimensions. The dimension keeps its place if the dimensions of
    /// the indices are where the dimensions that they replace were.
    fn with_dimension(&self, axis: usize, size: usize, rank: usize) -> (Gather, usize) {
        let n = &self.dimension_numbers;
        let whole = |d: &usize| !n.collapsed_slice_dims.contains(d) && !n.operand_batching_dims.contains(d);
        let before = (0..axis).filter(whole).count();
        let place = match (0..axis).next_back().is_none_or(|d| whole(&d)) {
            true => before.checked_sub(1).map_or(0, |previous| n.offset_dims[previous] + 1),
            false => n.offset_dims.get(before).copied().unwrap_or(rank),
        };
        let making_room =
            |dims: &[usize], at: usize| dims.iter().map(|d| d + usize::from(*d >= at)).collect::<Vec<usize>>();
        let mut prim = self.clone();
        prim.slice_sizes.insert(axis, size);
        let dims = &mut prim.dimension_numbers;
        dims.collapsed_slice_dims = making_room(&n.collapsed_slice_dims, axis);
        dims.operand_batching_dims = making_room(&n.operand_batching_dims, axis);
        dims.start_index_map = making_room(&n.start_index_map, axis);
        dims.offset_dims = making_room(&n.offset_dims, place);
        dims.offset_dims.insert(before, place);
        (prim, place)
    }

    /// Returns the shape of the result.
    fn shape(&self, indices: &[usize]) -> Shape {
        let n = &self.dimension_numbers;
        let mut block = (0..self.slice_sizes.len())
            .filter(|d| !n.collapsed_slice_dims.contains(d) && !n.operand_batching_dims.contains(d))
            .map(|d| self.slice_sizes[d]);
        let mut places = indices[..indices.len() - 1].iter().copied();
        let rank = n.offset_dims.len() + indices.len() - 1;
        (0..rank).filter_map(|d| if n.offset_dims.contains(&d) { block.next() } else { places.next() }).collect()
    }
}

/// Returns JAX's default value for slices out of bounds.
pub(crate) fn default_fill(dtype: DType) -> Literal {
    let bits = dtype.bits();
    match dtype.kind() {
        Kind::Float => Literal::new(dtype, Scalar::Float(f64::NAN)),
        Kind::Complex => Literal::new(dtype, Scalar::Complex(f64::NAN, 0.0)),
        Kind::Int => Literal::new(dtype, Scalar::Int(i64::MIN >> (64 - bits))),
        Kind::Uint => Literal::new(dtype, Scalar::Uint(u64::MAX >> (64 - bits))),
        Kind::Bool => Literal::strong(true),
    }
}

impl Primitive for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("dimension_numbers", self.dimension_numbers.to_string()),
            ("fill_value", self.fill_value.map_or("None".to_string(), |v| v.to_string().replace("NaN", "nan"))),
            ("indices_are_sorted", boolean(self.indices_are_sorted)),
            ("mode", self.mode.to_string()),
            ("slice_sizes", tuple(&self.slice_sizes)),
            ("unique_indices", boolean(self.unique_indices)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, indices) = (&inputs[0], &inputs[1]);
        let n = &self.dimension_numbers;
        check_indices(
            x,
            indices,
            ("start_index_map", &n.start_index_map),
            &n.operand_batching_dims,
            ("start_indices_batching_dims", &n.start_indices_batching_dims),
        )?;
        check_dims("offset_dims", &n.offset_dims, n.offset_dims.len() + indices.rank() - 1, true)?;
        check_dims("collapsed_slice_dims", &n.collapsed_slice_dims, x.rank(), true)?;
        check_disjoint(
            ("collapsed_slice_dims", &n.collapsed_slice_dims),
            ("operand_batching_dims", &n.operand_batching_dims),
        )?;
        let fits = self.slice_sizes.len() == x.rank()
            && (indices.size() == 0 || self.slice_sizes.iter().zip(&*x.shape).all(|(s, size)| s <= size));
        if !fits {
            return Err(Error::shape(format!("slice_sizes {} do not fit {x}", tuple(&self.slice_sizes)))
                .help("there must be one size for each dimension, at most that of the operand"));
        }
        if x.rank() != n.offset_dims.len() + n.collapsed_slice_dims.len() + n.operand_batching_dims.len() {
            return Err(Error::shape(format!(
                "each dimension of {x} must be an offset, collapsed or batching dimension, but {n} accounts for {}",
                n.offset_dims.len() + n.collapsed_slice_dims.len() + n.operand_batching_dims.len()
            )));
        }
        let collapsed = n.collapsed_slice_dims.iter().any(|d| self.slice_sizes[*d] != 1)
            || n.operand_batching_dims.iter().any(|d| self.slice_sizes[*d] > 1);
        if collapsed {
            return Err(Error::shape(format!(
                "slice_sizes {} of {x} must be 1 in collapsed and batching dimensions: {n}",
                tuple(&self.slice_sizes)
            )));
        }
        if let Some(fill) = self.fill_value.filter(|fill| fill.dtype() != x.dtype) {
            return Err(Error::dtype(format!("the fill value must have the dtype of {x}, got {}", fill.aval())));
        }
        Ok([x.with_shape(self.shape(&indices.shape))].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let linear = |t: &Array| Gather { fill_value: Some(Literal::int(t.dtype(), 0)), ..self.clone() };
        let tangent = dx[0].as_ref().map(|t| bind1(linear(t), &[t, &x[1]]));
        (vec![rebind1(self, &[&x[0], &x[1]])], vec![tangent])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let (Some(ct), [Operand::Linear(x), Operand::Known(indices)]) = (&ct[0], inputs) else {
            return vec![None, None];
        };
        let n = &self.dimension_numbers;
        let scatter = ScatterAdd(ScatterParams {
            dimension_numbers: ScatterDimensionNumbers {
                update_window_dims: n.offset_dims.clone(),
                inserted_window_dims: n.collapsed_slice_dims.clone(),
                scatter_dims_to_operand_dims: n.start_index_map.clone(),
                operand_batching_dims: n.operand_batching_dims.clone(),
                scatter_indices_batching_dims: n.start_indices_batching_dims.clone(),
            },
            indices_are_sorted: self.indices_are_sorted,
            unique_indices: self.unique_indices,
            mode: self.mode,
        });
        vec![Some(bind1(scatter, &[&zeros(&x.shape, ct.dtype()), indices, ct])), None]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let n = &self.dimension_numbers;
        let front = |i: usize| axes[i].map_or_else(|| x[i].clone(), |axis| x[i].moveaxis(axis as isize, 0));
        let mut prim = self.clone();
        let (operand, indices) = match (axes[0], axes[1]) {
            (None, None) => return (vec![rebind1(self, &[&x[0], &x[1]])], vec![None]),
            // The batch axis becomes another dimension of the slices, and stays where it is.
            (Some(axis), None) => {
                let (prim, place) =
                    self.with_dimension(axis, x[0].shape()[axis], n.offset_dims.len() + x[1].ndim() - 1);
                return (vec![bind1(prim, &[&x[0], &x[1]])], vec![Some(place)]);
            }
            (None, Some(_)) => {
                prim.dimension_numbers.offset_dims = later(&n.offset_dims);
                prim.dimension_numbers.start_indices_batching_dims = later(&n.start_indices_batching_dims);
                // In the whole batch, an index may occur twice.
                (prim.unique_indices, prim.indices_are_sorted) = (false, false);
                (x[0].clone(), front(1))
            }
            (Some(_), Some(_)) => {
                let operand = front(0);
                prim.slice_sizes.insert(0, operand.shape()[0].min(1));
                prim.dimension_numbers.collapsed_slice_dims = later(&n.collapsed_slice_dims);
                prim.dimension_numbers.start_index_map = later(&n.start_index_map);
                prim.dimension_numbers.offset_dims = later(&n.offset_dims);
                prim.dimension_numbers.operand_batching_dims = first_and_later(&n.operand_batching_dims);
                prim.dimension_numbers.start_indices_batching_dims = first_and_later(&n.start_indices_batching_dims);
                (operand, front(1))
            }
        };
        (vec![bind1(prim, &[&operand, &indices])], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let out = &outs[0];
        if out.size() == 0 {
            return [cx.splat(out, Literal::int(out.dtype, 0))].into();
        }
        let (index, index_aval) = widened_indices(cx, &args[1], &inputs[1]);
        let n = &self.dimension_numbers;
        let numbers = dimension_numbers(
            "gather",
            &[
                ("offset_dims", &n.offset_dims),
                ("collapsed_slice_dims", &n.collapsed_slice_dims),
                ("operand_batching_dims", &n.operand_batching_dims),
                ("start_indices_batching_dims", &n.start_indices_batching_dims),
                ("start_index_map", &n.start_index_map),
            ],
            inputs[1].rank() - 1,
        );
        let attrs = [
            ("dimension_numbers", numbers),
            ("indices_are_sorted", Attr::Bool(self.indices_are_sorted)),
            ("slice_sizes", Attr::i64s(self.slice_sizes.iter().copied())),
        ];
        let places = if self.mode == GatherScatterMode::Clip {
            self.moved(cx, &index, &index_aval, &inputs[0])
        } else {
            index.clone()
        };
        let gathered = cx.op("stablehlo.gather", &[args[0].clone(), places], &attrs, out);
        if self.mode != GatherScatterMode::FillOrDrop || n.start_index_map.is_empty() {
            return [gathered].into();
        }
        let inside = self.inside(cx, &index, &index_aval, &inputs[0]);
        let places: Vec<usize> = (0..out.rank()).filter(|d| !n.offset_dims.contains(d)).collect();
        let mask = cx.broadcast_in_dim(&inside, &out.with_dtype(DType::Bool).mlir(), &places);
        let fill = cx.splat(out, self.fill_value.unwrap_or_else(|| default_fill(out.dtype)));
        [cx.op("stablehlo.select", &[mask, gathered, fill], &[], out)].into()
    }

    fn is_indexing(&self) -> bool {
        true
    }
}

impl Gather {
    /// Returns the positions, clamped so that their slices lie within the operand. XLA clamps too, but it turns a
    /// gather from a single position into a dynamic slice, and merges two dynamic slices by adding the unclamped
    /// starts.
    fn moved(&self, cx: &mut Lowering<'_>, index: &Value, index_aval: &Aval, operand: &Aval) -> Value {
        let coordinates = &self.dimension_numbers.start_index_map;
        if coordinates.is_empty() || index_aval.size() != coordinates.len() {
            return index.clone();
        }
        let room = |d: &usize| operand.shape[*d] as i64 - self.slice_sizes[*d] as i64;
        let bound = index_bounds(cx, index_aval, &coordinates.iter().map(room).collect::<Vec<_>>());
        let zero = cx.splat(index_aval, Literal::int(index_aval.dtype, 0));
        cx.op("stablehlo.clamp", &[zero, index.clone(), bound], &[], index_aval)
    }

    /// Returns, for each position, whether its slice lies within the operand.
    fn inside(&self, cx: &mut Lowering<'_>, index: &Value, index_aval: &Aval, operand: &Aval) -> Value {
        let flags = index_aval.with_dtype(DType::Bool);
        let room = |d: &usize| operand.shape[*d] as i64 - self.slice_sizes[*d] as i64;
        let bounds: Vec<i64> = self.dimension_numbers.start_index_map.iter().map(room).collect();
        let bound = index_bounds(cx, index_aval, &bounds);
        let zero = cx.splat(index_aval, Literal::int(index_aval.dtype, 0));
        let compare = |cx: &mut Lowering<'_>, direction: &'static str, with: Value| {
            let ty = match index_aval.dtype.kind() {
                Kind::Int => "#stablehlo<comparison_type SIGNED>",
                _ => "#stablehlo<comparison_type UNSIGNED>",
            };
            let attrs = [("compare_type", Attr::Static(ty)), ("comparison_direction", Attr::Static(direction))];
            cx.op("stablehlo.compare", &[index.clone(), with], &attrs, &flags)
        };
        let low = compare(cx, "#stablehlo<comparison_direction GE>", zero);
        let high = compare(cx, "#stablehlo<comparison_direction LE>", bound);
        let both = cx.op("stablehlo.and", &[low, high], &[], &flags);
        let last = index_aval.rank() - 1;
        let truth = cx.splat(&Aval::new(DType::Bool, ()), Literal::strong(true));
        cx.reduce("stablehlo.and", &both, &truth, &[last], &flags.with_shape(flags.shape.remove(&[last])))
    }
}

/// Returns the greatest valid index of each coordinate, in the shape of the indices. It is limited to the maximum of
/// their dtype.
pub(super) fn index_bounds(cx: &mut Lowering<'_>, index: &Aval, bounds: &[i64]) -> Value {
    let greatest = match index.dtype.kind() {
        Kind::Uint if index.dtype.bits() < 64 => (1i64 << index.dtype.bits()) - 1,
        _ => i64::MAX >> (64 - index.dtype.bits().min(64)),
    };
    let row = Type::tensor(&[bounds.len()], index.dtype.mlir());
    let dense = Attr::dense(&row, bounds.iter().map(|b| stablehlo::Scalar::Int((*b).min(greatest).into())));
    let row = cx.block.op1("stablehlo.constant", &[] as &[Value], &[("value", dense)], &row);
    cx.broadcast_in_dim(&row, &index.mlir(), &[index.rank() - 1])
}

/// Converts indices to at least 32 bits. A narrower dtype may not be able to represent the size of a dimension.
pub(super) fn widened_indices(cx: &mut Lowering<'_>, index: &Value, aval: &Aval) -> (Value, Aval) {
    if aval.dtype.bits() >= 32 {
        return (index.clone(), aval.clone());
    }
    let wide = aval.with_dtype(DType::I32);
    (cx.op("stablehlo.convert", std::slice::from_ref(index), &[], &wide), wide)
}

/// Returns the dimension numbers of a gather or scatter as a StableHLO attribute.
pub(super) fn dimension_numbers(op: &str, lists: &[(&str, &[usize])], index_vector_dim: usize) -> Attr {
    let list = |dims: &[usize]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let given = lists.iter().filter(|(_, dims)| !dims.is_empty());
    let mut parts: Vec<String> = given.map(|(name, dims)| format!("{name} = [{}]", list(dims))).collect();
    parts.push(format!("index_vector_dim = {index_vector_dim}"));
    Attr::Raw(format!("#stablehlo.{op}<{}>", parts.join(", ")))
}
