//! Translates an index into slices, or into a gather and the matching scatter.

use crate::array::Array;
use crate::array::aval::{Aval, Shape, broadcast_shapes};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, OrRaise, Result, raise};
use crate::lax::{self, GatherDimensionNumbers};
use crate::ops::shape::BroadcastInDim;
use crate::ops::slice::{Concatenate, Rev};
use crate::trace::frames::bind1;

use super::creation::iota;
use super::index::Index;

/// A part of an index, resolved for an array. Each item except new axes stands for one axis, in order.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// First index, number of elements, step.
    Slice(usize, usize, isize),
    NewAxis,
    /// A non-negative index into this axis.
    At(isize),
    Array(Array),
}

/// Resolves the parts of an index for an array's shape. Ellipses and missing parts become slices, and masks become the
/// coordinates where they are true. Also returns whether the arrays and integers among the parts are adjacent.
pub(super) fn fit(x: &Aval, index: &[Index]) -> Result<(Vec<Item>, bool)> {
    let consumed = |part: &Index| match part {
        Index::At(_) | Index::Slice(_) => 1,
        Index::NewAxis | Index::Ellipsis => 0,
        Index::Array(a) if a.dtype() == DType::Bool => a.ndim(),
        Index::Array(_) => 1,
    };
    let total: usize = index.iter().map(consumed).sum();
    let ellipses = index.iter().filter(|p| matches!(p, Index::Ellipsis)).count();
    if ellipses > 1 {
        return Err(Error::new(ErrorKind::Axis, "an index can contain only one ellipsis"));
    }
    let Some(rest) = x.rank().checked_sub(total) else {
        return Err(Error::new(ErrorKind::Axis, format!("too many indices for {x}: {total}")));
    };
    let (mut items, mut axis) = (Vec::new(), 0);
    // The positions of arrays and integers. An ellipsis counts as one part.
    let (mut advanced, mut position) = (Vec::new(), 0);
    let whole = |axis: usize| Item::Slice(0, x.shape[axis], 1);
    for part in index {
        match part {
            Index::NewAxis => items.push(Item::NewAxis),
            Index::Ellipsis => {
                items.extend((axis..axis + rest).map(whole));
                axis += rest;
            }
            Index::Slice(slice) => {
                let Some((start, count, step)) = slice.resolve(x.shape[axis]) else {
                    return Err(Error::value("the step of a slice must not be zero"));
                };
                items.push(Item::Slice(start, count, step));
                axis += 1;
            }
            Index::At(i) => {
                let size = x.shape[axis];
                if size == 0 {
                    return Err(Error::value(format!(
                        "index {i} is out of bounds for axis {axis} of {x}, which is empty"
                    )));
                }
                items.push(Item::At(if *i < 0 { i + size as isize } else { *i }));
                advanced.push(position);
                axis += 1;
            }
            Index::Array(mask) if mask.dtype() == DType::Bool => {
                if mask.ndim() == 0 {
                    return Err(Error::shape("a scalar boolean cannot be an index").help("use `where_`"));
                }
                let part = &x.shape[axis..axis + mask.ndim()];
                if mask.shape() != part {
                    return Err(Error::shape(format!(
                        "mask {} does not match axes {axis} to {} of {x}",
                        mask.aval(),
                        axis + mask.ndim() - 1
                    )));
                }
                for places in nonzero_of(mask)? {
                    items.push(Item::Array(places));
                    advanced.push(position);
                    position += 1;
                }
                position -= usize::from(mask.ndim() > 0);
                axis += mask.ndim();
            }
            Index::Array(places) => {
                if !places.dtype().is_integer() {
                    return Err(Error::dtype(format!("indices must be integers or booleans, got {}", places.aval())));
                }
                if x.shape[axis] == 0 && places.size() > 0 {
                    return Err(Error::value(format!(
                        "indices are out of bounds for axis {axis} of {x}, which is empty"
                    )));
                }
                items.push(Item::Array(lax::wrapped_index(places, x.shape[axis])));
                advanced.push(position);
                axis += 1;
            }
        }
        position += 1;
    }
    items.extend((axis..x.rank()).map(whole));
    let adjacent = advanced.windows(2).all(|w| w[1] == w[0] + 1);
    Ok((items, adjacent))
}

/// Returns the coordinates where a mask is true. Its values must be known.
pub(super) fn nonzero_of(mask: &Array) -> Result<Vec<Array>> {
    let holds: Vec<bool> = mask.try_to_vec().map_err(|e| {
        e.context(format!("the number of elements that mask {} selects depends on its values", mask.aval())).help(
            "the shapes of a traced program are fixed: use `where_(mask, x, …)`, `.set` or another update, or \
                   `nonzero_size`",
        )
    })?;
    let places: Vec<usize> = holds.iter().enumerate().filter(|(_, h)| **h).map(|(i, _)| i).collect();
    let mut stride = mask.size();
    Ok((mask.shape().iter())
        .map(|n| {
            let outer = stride;
            stride = if *n == 0 { 0 } else { stride / n };
            Array::from(places.iter().map(|p| (p % outer / stride) as i32).collect::<Vec<_>>())
        })
        .collect())
}

/// An index that needs no gather: ranges with steps, then axes to reverse, axes to remove, and axes to insert.
pub(super) struct Slices {
    starts: Vec<Array>,
    fixed: Option<Vec<usize>>,
    sizes: Vec<usize>,
    strides: Vec<usize>,
    reversed: Vec<usize>,
    squeezed: Vec<usize>,
    new_axes: Vec<usize>,
}

impl Slices {
    /// Returns the slices that an index is equivalent to, or `None` if it needs a gather.
    pub(super) fn of(x: &Aval, items: &[Item]) -> Option<Slices> {
        let dynamic = items.iter().any(|i| matches!(i, Item::Array(_)));
        let mut out = Slices {
            starts: vec![],
            fixed: (!dynamic).then(Vec::new),
            sizes: vec![],
            strides: vec![],
            reversed: vec![],
            squeezed: vec![],
            new_axes: vec![],
        };
        let mut rank = 0;
        let mut axis = 0;
        for item in items {
            match item {
                Item::NewAxis => {
                    out.new_axes.push(rank);
                    rank += 1;
                    continue;
                }
                Item::At(i) => {
                    let start = (*i).clamp(0, x.shape[axis] as isize - 1) as usize;
                    out.push(start, 1, 1);
                    out.squeezed.push(axis);
                }
                Item::Array(i) if i.ndim() == 0 => {
                    out.starts.push(i.clone());
                    out.sizes.push(1);
                    out.strides.push(1);
                    out.squeezed.push(axis);
                }
                Item::Array(_) => return None,
                Item::Slice(start, count, step) => {
                    if dynamic && step.abs() != 1 {
                        return None;
                    }
                    let covered = count.saturating_sub(1) * step.unsigned_abs();
                    let first = if *step < 0 { start.saturating_sub(covered) } else { *start };
                    out.push(first, *count, step.unsigned_abs());
                    if *step < 0 {
                        out.reversed.push(axis);
                    }
                    rank += 1;
                }
            }
            axis += 1;
        }
        Some(out)
    }

    fn push(&mut self, start: usize, size: usize, stride: usize) {
        self.starts.push(Array::literal(Literal::int(DType::I32, start as i64)));
        if let Some(fixed) = &mut self.fixed {
            fixed.push(start);
        }
        self.sizes.push(size);
        self.strides.push(stride);
    }

    #[track_caller]
    pub(super) fn apply(&self, x: &Array) -> Array {
        let mut y = match &self.fixed {
            Some(start) => {
                let ends = start.iter().zip(&self.sizes).zip(&self.strides);
                let limit: Vec<usize> =
                    ends.map(|((s, n), step)| if *n == 0 { *s } else { s + (n - 1) * step + 1 }).collect();
                x.slice(start, &limit, &self.strides)
            }
            None => lax::dynamic_slice(x, &self.starts, &self.sizes),
        };
        if !self.reversed.is_empty() {
            y = bind1(Rev { dims: self.reversed.clone() }, &[&y]);
        }
        if !self.squeezed.is_empty() {
            y = lax::squeeze(&y, self.squeezed.clone());
        }
        self.new_axes.iter().fold(y, |y, axis| y.expand_dims(*axis as isize))
    }
}

/// A gather, and what is applied to its result. For a scatter, the same steps are applied in reverse.
pub(super) struct Plan {
    pub numbers: GatherDimensionNumbers,
    pub indices: Array,
    pub block: Vec<usize>,
    /// The shape of the result, including the new axes.
    pub shape: Shape,
    pub reversed: Vec<usize>,
    pub new_axes: Vec<usize>,
    /// Whether the index consists of integers and slices only. Its positions are then unique and sorted.
    pub basic: bool,
}

impl Plan {
    /// Returns the gather that an index is equivalent to.
    #[track_caller]
    pub(super) fn of(x: &Aval, items: &[Item], adjacent: bool) -> Plan {
        let advanced = items.iter().any(|i| matches!(i, Item::Array(a) if a.ndim() > 0));
        let is_advanced = |item: &Item| advanced && matches!(item, Item::Array(_) | Item::At(_));
        let arrays: Vec<Array> = items.iter().filter(|i| is_advanced(i)).map(as_array).collect();
        let common = (arrays.iter())
            .try_fold(Shape::default(), |shape, a| broadcast_shapes(&shape, a.shape()))
            .map_err(|e| e.context("index arrays"))
            .or_raise();
        let together = if adjacent { items.iter().position(is_advanced) } else { Some(0) };
        let mut out = Building::default();
        let mut axis = 0;
        for (position, item) in items.iter().enumerate() {
            if advanced && together == Some(position) {
                out.advanced(items, &arrays, &common, is_advanced);
            }
            if is_advanced(item) {
                out.block.push(1);
                axis += 1;
                continue;
            }
            match item {
                Item::NewAxis => {
                    out.new_axes.push(out.shape.len());
                    out.shape.push(1);
                    continue;
                }
                Item::At(_) | Item::Array(_) => out.coordinate(axis, as_array(item)),
                Item::Slice(start, count, step) => out.slice(axis, x.shape[axis], (*start, *count, *step)),
            }
            axis += 1;
        }
        out.finish(!advanced)
    }
}

/// Converts an integer or array to an array.
fn as_array(item: &Item) -> Array {
    match item {
        Item::At(i) => Array::literal(Literal::int(DType::I32, *i as i64)),
        Item::Array(a) => a.clone(),
        _ => unreachable!("slices and new axes are not arrays"),
    }
}

/// A plan under construction.
#[derive(Default)]
struct Building {
    numbers: GatherDimensionNumbers,
    /// Arrays of coordinates, each with its first dimension within the indices.
    coordinates: Vec<(Array, usize)>,
    places: Vec<usize>,
    block: Vec<usize>,
    shape: Vec<usize>,
    reversed: Vec<usize>,
    new_axes: Vec<usize>,
    /// The rank of the result without the new axes.
    rank: usize,
}

impl Building {
    fn advanced(&mut self, items: &[Item], arrays: &[Array], common: &Shape, is_advanced: impl Fn(&Item) -> bool) {
        let axes = items.iter().filter(|i| !matches!(i, Item::NewAxis)).enumerate();
        let axes: Vec<usize> = axes.filter(|(_, i)| is_advanced(i)).map(|(axis, _)| axis).collect();
        let start = self.places.len();
        self.coordinates.extend(arrays.iter().map(|a| (a.broadcast_to(common), start)));
        self.places.extend(common.iter());
        self.numbers.start_index_map.extend(&axes);
        self.numbers.collapsed_slice_dims.extend(&axes);
        self.shape.extend(common.iter());
        self.rank += common.rank();
    }

    fn coordinate(&mut self, axis: usize, index: Array) {
        self.coordinates.push((index, self.places.len()));
        self.numbers.collapsed_slice_dims.push(axis);
        self.numbers.start_index_map.push(axis);
        self.block.push(1);
    }

    fn slice(&mut self, axis: usize, size: usize, (start, count, step): (usize, usize, isize)) {
        self.shape.push(count);
        if step == 1 {
            if count != size {
                let start = Array::literal(Literal::int(DType::I32, start as i64));
                self.coordinates.push((start, self.places.len()));
                self.numbers.start_index_map.push(axis);
            }
            self.block.push(count);
            self.numbers.offset_dims.push(self.rank);
        } else {
            // A slice with a step becomes an array of positions. They ascend, so the indices of a scatter are sorted.
            let covered = count.saturating_sub(1) * step.unsigned_abs();
            let first = if step < 0 { start.saturating_sub(covered) } else { start };
            let places = iota(DType::I32, count, 0) * step.unsigned_abs() as i32 + first as i32;
            if step < 0 {
                self.reversed.push(self.rank);
            }
            self.coordinate(axis, places);
            self.places.push(count);
        }
        self.rank += 1;
    }

    #[track_caller]
    fn finish(self, basic: bool) -> Plan {
        let Building { mut numbers, coordinates, mut places, block, shape, reversed, new_axes, .. } = self;
        numbers.collapsed_slice_dims.sort_unstable();
        let wide = coordinates.iter().any(|(a, _)| a.dtype().bits() == 64 || a.dtype() == DType::U32);
        let dtype = if wide { DType::I64 } else { DType::I32 };
        let last = places.len();
        places.push(1);
        let columns: Vec<Array> = (coordinates.iter())
            .map(|(a, start)| {
                let dims: Vec<usize> = (*start..start + a.ndim()).collect();
                let shape: Shape = places.iter().copied().collect();
                bind1(BroadcastInDim { shape, dims }, &[&lax::widened_index(a, 0).astype(dtype)])
            })
            .collect();
        let indices = match &columns[..] {
            [] => {
                places[last] = 0;
                crate::ops::zeros(&places, dtype)
            }
            [one] => one.clone(),
            several => bind1(Concatenate { dimension: last }, &several.iter().collect::<Vec<_>>()),
        };
        Plan { numbers, indices, block, shape: shape.into_iter().collect(), reversed, new_axes, basic }
    }
}

/// Returns the mask if it is the only part of an index, so its elements can be selected in place.
pub(super) fn only_mask<'a>(x: &Array, index: &'a [Index]) -> Option<&'a Array> {
    match index {
        [Index::Array(mask)] if mask.dtype() == DType::Bool && mask.ndim() > 0 => {
            if mask.ndim() > x.ndim() || mask.shape() != &x.shape()[..mask.ndim()] {
                raise(Error::shape(format!("mask {} does not match {}", mask.aval(), x.aval())));
            }
            Some(mask)
        }
        _ => None,
    }
}
