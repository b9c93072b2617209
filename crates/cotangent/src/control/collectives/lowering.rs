//! Collectives over the axes of a mesh, as StableHLO.

use stablehlo::{Attr, Type, Value};

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ir::lowering::Lowering;
use crate::ir::partition::{Grid, groups};

/// Marks a collective between the partitions of one program.
fn channel() -> (&'static str, Attr) {
    ("channel_handle", Attr::Static("#stablehlo.channel_handle<handle = 1, type = 1>"))
}

fn names(axes: &[NamedAxis]) -> Vec<AxisName> {
    axes.iter().map(|axis| axis.name.clone()).collect()
}

/// The groups of devices that communicate.
fn replica_groups(grid: &Grid, axes: &[NamedAxis]) -> (&'static str, Attr) {
    let groups = groups(grid, &names(axes));
    let ty = Type::tensor(&[groups.len(), groups[0].len()], "i64");
    ("replica_groups", Attr::dense(&ty, groups.into_iter().flatten().map(|device| device as i64)))
}

/// Appends a collective with a region that combines two elements.
fn combining(
    cx: &mut Lowering<'_>,
    name: &str,
    combiner: &str,
    x: &Value,
    attrs: &[(&str, Attr)],
    output: &Type,
) -> Value {
    let scalar = Type::tensor(&[], x.ty().element());
    let combine = |cx: &mut Lowering<'_>, _: usize, args: &[Value]| vec![cx.block.op1(combiner, args, &[], &scalar)];
    let params = [scalar.clone(), scalar.clone()];
    cx.regions(name, std::slice::from_ref(x), attrs, std::slice::from_ref(output), &[&params], combine).swap_remove(0)
}

pub(super) fn all_reduce(
    cx: &mut Lowering<'_>,
    grid: &Grid,
    combiner: &str,
    axes: &[NamedAxis],
    x: &Value,
    output: &Aval,
) -> Value {
    let attrs = [channel(), replica_groups(grid, axes), ("use_global_device_ids", Attr::Unit)];
    combining(cx, "stablehlo.all_reduce", combiner, x, &attrs, &output.mlir())
}

pub(super) fn permute(
    cx: &mut Lowering<'_>,
    grid: &Grid,
    axis: &NamedAxis,
    pairs: &[(usize, usize)],
    x: &Value,
    output: &Aval,
) -> Value {
    let groups = groups(grid, std::slice::from_ref(&axis.name));
    let all: Vec<i64> = (groups.iter())
        .flat_map(|group| pairs.iter().flat_map(|(from, to)| [group[*from] as i64, group[*to] as i64]))
        .collect();
    let ty = Type::tensor(&[all.len() / 2, 2], "i64");
    let attrs = [channel(), ("source_target_pairs", Attr::dense(&ty, all))];
    cx.op("stablehlo.collective_permute", std::slice::from_ref(x), &attrs, output)
}

/// Gathers along a dimension of the operand, or along a new one.
pub(super) fn all_gather(
    cx: &mut Lowering<'_>,
    grid: &Grid,
    axis: &NamedAxis,
    (dimension, tiled): (usize, bool),
    x: &Value,
    output: &Aval,
) -> Value {
    let stacked = match tiled {
        true => x.clone(),
        false => {
            let one = output.with_shape(output.shape.remove(&[dimension]).insert(dimension, 1));
            cx.op("stablehlo.reshape", std::slice::from_ref(x), &[], &one)
        }
    };
    let attrs = [
        ("all_gather_dim", Attr::I64(dimension as i64)),
        channel(),
        replica_groups(grid, std::slice::from_ref(axis)),
        ("use_global_device_ids", Attr::Unit),
    ];
    cx.op("stablehlo.all_gather", &[stacked], &attrs, output)
}

/// Sums, and leaves each device its part along a dimension.
pub(super) fn reduce_scatter(
    cx: &mut Lowering<'_>,
    grid: &Grid,
    axis: &NamedAxis,
    (dimension, tiled): (usize, bool),
    x: &Value,
    output: &Aval,
) -> Value {
    let attrs = [
        channel(),
        replica_groups(grid, std::slice::from_ref(axis)),
        ("scatter_dimension", Attr::I64(dimension as i64)),
        ("use_global_device_ids", Attr::Unit),
    ];
    let part = if tiled { output.clone() } else { output.with_shape(output.shape.insert(dimension, 1)) };
    let sum = combining(cx, "stablehlo.reduce_scatter", "stablehlo.add", x, &attrs, &part.mlir());
    if tiled { sum } else { cx.op("stablehlo.reshape", &[sum], &[], output) }
}

pub(super) fn all_to_all(
    cx: &mut Lowering<'_>,
    grid: &Grid,
    axis: &NamedAxis,
    (split, concat): (usize, usize),
    x: &Value,
    output: &Aval,
) -> Value {
    let attrs = [
        channel(),
        ("concat_dimension", Attr::I64(concat as i64)),
        replica_groups(grid, std::slice::from_ref(axis)),
        ("split_count", Attr::I64(axis.size as i64)),
        ("split_dimension", Attr::I64(split as i64)),
    ];
    cx.op("stablehlo.all_to_all", std::slice::from_ref(x), &attrs, output)
}

/// The index of each device along an axis.
pub(super) fn axis_index(cx: &mut Lowering<'_>, grid: &Grid, axis: &NamedAxis, output: &Aval) -> Value {
    let place = grid.iter().position(|known| known.name == axis.name).unwrap_or(0);
    let stride: usize = grid[place + 1..].iter().map(|axis| axis.size).product();
    let word = Aval::new(DType::U32, Shape::default());
    let number = |cx: &mut Lowering<'_>, n: usize| cx.splat(&word, Literal::int(DType::U32, n as i64));
    let device = cx.op("stablehlo.partition_id", &[], &[], &word);
    let (stride, size) = (number(cx, stride), number(cx, axis.size));
    let row = cx.op("stablehlo.divide", &[device, stride], &[], &word);
    let index = cx.op("stablehlo.remainder", &[row, size], &[], &word);
    cx.op("stablehlo.convert", &[index], &[], output)
}
