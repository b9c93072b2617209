//! Gathers, scatters, dynamic slices and sorts.

use stablehlo::read::{Attrs, Op, Region, Value};

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::control::reduce::combine;
use crate::error::Result;
use crate::lax::scan;
use crate::trace::frames::{bind, bind1};
use crate::transform::nested::nested;

use super::reduce::Monoid;
use super::value::Val;
use super::{Reader, Required, Scope, Vals, malformed, unsupported};

/// The indices with their coordinates in the last dimension.
fn coordinates(indices: &Val, n: &Attrs) -> Result<Array> {
    let (rank, at) = (indices.shape.rank(), n.axis("index_vector_dim")?);
    let x = indices.full();
    match at {
        at if at == rank => Ok(x.expand_dims(-1)),
        at if at < rank => Ok(if at + 1 == rank { x } else { x.moveaxis(at as isize, -1) }),
        _ => Err(malformed(format!("`index_vector_dim` is {at}, for indices of rank {rank}"))),
    }
}

pub(super) fn gather(op: &Op, x: &[Val]) -> Result<Val> {
    let [operand, indices] = x else { return Err(malformed("a gather has two operands")) };
    let attrs = &op.attributes;
    let n = attrs.fields("dimension_numbers").cloned().unwrap_or_default();
    let gather = p::Gather {
        dimension_numbers: p::GatherDimensionNumbers {
            offset_dims: n.axes("offset_dims")?,
            collapsed_slice_dims: n.axes("collapsed_slice_dims")?,
            start_index_map: n.axes("start_index_map")?,
            operand_batching_dims: n.axes("operand_batching_dims")?,
            start_indices_batching_dims: n.axes("start_indices_batching_dims")?,
        },
        slice_sizes: attrs.axes("slice_sizes")?,
        unique_indices: false,
        indices_are_sorted: attrs.flag("indices_are_sorted"),
        mode: p::GatherScatterMode::Clip,
        fill_value: None,
    };
    Ok(Val::new(bind1(gather, &[&operand.full(), &coordinates(indices, &n)?])))
}

/// A scatter, except for the function that combines elements.
fn scatter_params(op: &Op) -> Result<p::ScatterParams> {
    let attrs = &op.attributes;
    let n = attrs.fields("scatter_dimension_numbers").cloned().unwrap_or_default();
    Ok(p::ScatterParams {
        dimension_numbers: p::ScatterDimensionNumbers {
            update_window_dims: n.axes("update_window_dims")?,
            inserted_window_dims: n.axes("inserted_window_dims")?,
            scatter_dims_to_operand_dims: n.axes("scatter_dims_to_operand_dims")?,
            operand_batching_dims: n.axes("input_batching_dims")?,
            scatter_indices_batching_dims: n.axes("scatter_indices_batching_dims")?,
        },
        indices_are_sorted: attrs.flag("indices_are_sorted"),
        unique_indices: attrs.flag("unique_indices"),
        mode: p::GatherScatterMode::FillOrDrop,
    })
}

impl<'p> Reader<'p> {
    pub(super) fn scatter(&mut self, scope: &mut Scope<'p>, op: &'p Op, x: &[Val]) -> Result<Val> {
        let ([operand, indices, updates], [region]) = (x, &op.regions[..]) else {
            return Err(unsupported("a scatter of several arrays"));
        };
        let params = scatter_params(op)?;
        let numbers = op.attributes.fields("scatter_dimension_numbers").cloned().unwrap_or_default();
        let operands = [operand.full(), coordinates(indices, &numbers)?, updates.full()];
        match combined(region, params.clone(), &operands) {
            Some(y) => Ok(Val::new(y)),
            None => self.scatter_by(scope, region, &params, operands),
        }
    }

    /// A scatter that combines elements by a program: all updates at once if no element gets several ones, or else one after
    /// the other.
    fn scatter_by(
        &mut self,
        scope: &mut Scope<'p>,
        region: &'p Region,
        params: &p::ScatterParams,
        [operand, indices, updates]: [Array; 3],
    ) -> Result<Val> {
        let n = &params.dimension_numbers;
        let program = nested(self.combination(scope, region, &[Aval::new(operand.dtype(), ())])?);
        if updates.size() == 0 || operand.size() == 0 {
            return Ok(Val::new(operand));
        }
        let step = |params: &p::ScatterParams, operand: &Array, indices: &Array, updates: &Array| {
            let inverse = params.inverse(operand.ndim(), updates.shape());
            let gather = p::Gather { mode: p::GatherScatterMode::Clip, fill_value: None, ..inverse };
            let new = combine(&program, &[bind1(gather, &[operand, indices]), updates.clone()]);
            bind1(p::Scatter(params.clone()), &[operand, indices, &new[0]])
        };
        let scattered: Vec<usize> = (0..updates.ndim()).filter(|d| !n.update_window_dims.contains(d)).collect();
        let count: usize = scattered.iter().map(|d| updates.shape()[*d]).product();
        if params.unique_indices || count == 1 {
            return Ok(Val::new(step(params, &operand, &indices, &updates)));
        }
        if !n.operand_batching_dims.is_empty() {
            return Err(unsupported("a scatter by a function of the user, over batches of indices that may be equal,"));
        }
        let window: Vec<usize> = n.update_window_dims.iter().map(|d| updates.shape()[*d]).collect();
        let order: Vec<usize> = scattered.iter().chain(&n.update_window_dims).copied().collect();
        let updates = updates.permute(&order).reshape([&[count, 1], &window[..]].concat());
        let indices = indices.reshape([count, 1, indices.shape().last().copied().unwrap_or(1)]);
        let numbers = p::ScatterDimensionNumbers { update_window_dims: (1..=window.len()).collect(), ..n.clone() };
        let one = p::ScatterParams { dimension_numbers: numbers, unique_indices: true, ..params.clone() };
        let body = |x: &Array, (indices, updates): &(Array, Array)| (step(&one, x, indices, updates), ());
        Ok(Val::new(scan(body, &operand, &(indices, updates)).0))
    }
}

/// The scatter of a function for which there is a primitive.
fn combined(region: &Region, params: p::ScatterParams, operands: &[Array; 3]) -> Option<Array> {
    let dtype = operands[0].dtype();
    let operands: Vec<&Array> = operands.iter().collect();
    let replaces = matches!(&region.ops[..], [end] if end.operands.first().copied() == region.params.get(1));
    let y = match Monoid::of(region, dtype) {
        _ if replaces => bind1(p::Scatter(params), &operands),
        Some(Monoid::Add) => bind1(p::ScatterAdd(params), &operands),
        Some(Monoid::Mul) => bind1(p::ScatterMul(params), &operands),
        Some(Monoid::Max | Monoid::Or) if dtype == DType::Bool => bind1(p::ScatterMax(params), &operands),
        Some(Monoid::Min | Monoid::And) if dtype == DType::Bool => bind1(p::ScatterMin(params), &operands),
        Some(Monoid::Max) => bind1(p::ScatterMax(params), &operands),
        Some(Monoid::Min) => bind1(p::ScatterMin(params), &operands),
        _ if subtracts(region) => bind1(p::ScatterSub(params), &operands),
        _ => return None,
    };
    Some(y)
}

fn subtracts(region: &Region) -> bool {
    matches!(&region.ops[..], [op, end] if &*op.name == "stablehlo.subtract"
        && op.operands.iter().copied().eq(region.params)
        && end.operands.first().copied() == op.results.get(0))
}

/// A key of a comparison: the operand, and whether it is in descending order.
struct Key {
    operand: usize,
    descending: bool,
}

/// The keys by which a comparison orders elements, if it is lexicographic.
fn keys(region: &Region) -> Option<Vec<Key>> {
    let defined = |value: Value| region.ops.iter().find(|op| op.results.get(0) == Some(value));
    // The parameter that a value is made of, and the side that it is on. A comparison may replace −0 by 0 and NaNs by one
    // of them first, which the primitive does too; parts of complex numbers are compared one after the other.
    let base = |mut value: Value| -> Option<usize> {
        for _ in 0..16 {
            if let Some(i) = region.params.into_iter().position(|param| param == value) {
                return Some(i);
            }
            let op = defined(value)?;
            value = match (&*op.name, &op.operands[..]) {
                ("stablehlo.select", [_, a, b]) => {
                    // A constant may also be defined outside of the region.
                    let is_constant = |v: Value| match defined(v) {
                        Some(op) => &*op.name == "stablehlo.constant",
                        None => !region.params.into_iter().any(|param| param == v),
                    };
                    match (is_constant(*a), is_constant(*b)) {
                        (true, false) => *b,
                        (false, true) => *a,
                        _ => return None,
                    }
                }
                ("stablehlo.real" | "stablehlo.imag" | "stablehlo.convert" | "stablehlo.bitcast_convert", [a]) => *a,
                // Whether a part is NaN.
                ("stablehlo.compare", [a, b]) if a == b => *a,
                _ => return None,
            };
        }
        None
    };
    let pair = |op: &Op| -> Option<(usize, bool)> {
        let [a, b] = [base(*op.operands.first()?)?, base(*op.operands.get(1)?)?];
        if a / 2 != b / 2 || a == b { None } else { Some((a / 2, a > b)) }
    };
    let mut keys: Vec<Key> = Vec::new();
    let mut value = *region.ops.last()?.operands.first()?;
    for _ in 0..64 {
        let op = defined(value)?;
        let (before, rest) = match (&*op.name, &op.operands[..]) {
            ("stablehlo.compare", _) => (op, None),
            ("stablehlo.or", [before, later]) => {
                let later = defined(*later).filter(|op| &*op.name == "stablehlo.and")?;
                let equal = defined(*later.operands.first()?)?;
                let before = defined(*before)?;
                let is_equal = equal.attributes.keyword("comparison_direction") == Some("EQ");
                if !is_equal || pair(equal)?.0 != pair(before)?.0 {
                    return None;
                }
                (before, Some(*later.operands.get(1)?))
            }
            _ => return None,
        };
        if &*before.name != "stablehlo.compare" {
            return None;
        }
        let (operand, swapped) = pair(before)?;
        let descending = match before.attributes.keyword("comparison_direction")? {
            "LT" => swapped,
            "GT" => !swapped,
            _ => return None,
        };
        if keys.last().is_none_or(|last| last.operand != operand) {
            keys.push(Key { operand, descending });
        }
        match rest {
            Some(rest) => value = rest,
            None => return Some(keys),
        }
    }
    None
}

pub(super) fn sort(op: &Op, x: &[Val]) -> Vals {
    let [region] = &op.regions[..] else { return Err(malformed("a sort has one region")) };
    let Some(keys) = keys(region).filter(|keys| keys.iter().all(|key| key.operand < x.len())) else {
        return Err(unsupported("a sort whose comparison is not lexicographic"));
    };
    let rank = x.first().map_or(0, |x| x.shape.rank());
    let dimension = match op.attributes.int("dimension") {
        Some(d) => {
            usize::try_from(if d < 0 { d + rank as i64 } else { d }).map_err(|_| malformed("no such dimension"))?
        }
        None => rank.saturating_sub(1),
    };
    let all: Vec<Array> = x.iter().map(Val::full).collect();
    // Keys come first, negated if the order is descending.
    let mut operands: Vec<Array> = Vec::new();
    for Key { operand, descending } in &keys {
        let key = &all[*operand];
        operands.push(match (descending, key.dtype().kind()) {
            (false, _) => key.clone(),
            (true, Kind::Float) => bind1(p::Neg, &[key]),
            (true, Kind::Complex) => return Err(unsupported("complex numbers in descending order")),
            (true, _) => bind1(p::Not, &[key]),
        });
    }
    // A key that is sorted as it is need not be sorted twice.
    let mut places = vec![None; all.len()];
    for (i, key) in keys.iter().enumerate().filter(|(_, key)| !key.descending) {
        places[key.operand] = Some(i);
    }
    for (array, place) in all.iter().zip(&mut places).filter(|(_, place)| place.is_none()) {
        *place = Some(operands.len());
        operands.push(array.clone());
    }
    let prim = p::Sort { dimension, is_stable: op.attributes.flag("is_stable"), num_keys: keys.len() };
    let sorted = bind(prim, &operands.iter().collect::<Vec<_>>());
    Ok(places.into_iter().flatten().map(|i| Val::new(sorted[i].clone())).collect())
}
