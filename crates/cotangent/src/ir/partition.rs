//! What lowering knows of devices: the axes of a mesh, and how a value is laid out over them. Shardy's attributes and
//! operations are written here.

use std::sync::Arc;

use stablehlo::{Attr, Type, Value};

use super::axis::{AxisName, NamedAxis};
use super::jaxpr::Jaxpr;
use super::lowering::Lowering;
use super::primitive::Outputs;
use crate::array::aval::Aval;

/// The axes of a mesh, the last of which varies fastest.
pub(crate) type Grid = Arc<[NamedAxis]>;

/// The axes over which one dimension of a value is divided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Division {
    /// From the axis that varies slowest to the one that varies fastest.
    pub(crate) axes: Vec<AxisName>,
    /// Whether the partitioner may divide it over further axes.
    pub(crate) open: bool,
}

/// How a value is laid out over a mesh: the division of each of its dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Layout {
    pub(crate) grid: Grid,
    pub(crate) dims: Vec<Division>,
}

/// What a program over several devices needs besides its equations.
#[derive(Clone, Copy)]
pub(crate) struct Partition<'a> {
    /// The number of devices.
    pub(crate) devices: usize,
    /// The layout of each input; `None` if the partitioner may choose.
    pub(crate) inputs: &'a [Option<Layout>],
    /// The layout of each result; `None` if the partitioner may choose.
    pub(crate) outputs: &'a [Option<Layout>],
    /// For each input, whether results may reuse its memory.
    pub(crate) donors: &'a [bool],
}

/// The groups of devices that communicate over `axes` of a mesh, each in the order of those axes.
pub(crate) fn groups(grid: &[NamedAxis], axes: &[AxisName]) -> Vec<Vec<usize>> {
    let along = |name: &AxisName| {
        let place = grid.iter().position(|axis| axis.name == *name)?;
        let stride: usize = grid[place + 1..].iter().map(|axis| axis.size).product();
        Some((grid[place].size, stride))
    };
    let list = |axes: &[AxisName]| {
        axes.iter().filter_map(along).fold(vec![0], |devices: Vec<usize>, (size, stride)| {
            devices.into_iter().flat_map(|device| (0..size).map(move |i| device + i * stride)).collect()
        })
    };
    let others: Vec<AxisName> = grid.iter().map(|axis| axis.name.clone()).filter(|name| !axes.contains(name)).collect();
    let members = list(axes);
    list(&others).into_iter().map(|first| members.iter().map(|member| first + member).collect()).collect()
}

/// The part of an attribute in angle brackets: `<@mesh, [{"x"}, {?}]>`.
fn bracketed(mesh: &str, layout: &Layout) -> String {
    let dims: Vec<String> = (layout.dims.iter())
        .map(|division| {
            let axes = division.axes.iter().map(quoted);
            let all: Vec<String> = axes.chain(division.open.then(|| "?".to_string())).collect();
            format!("{{{}}}", all.join(", "))
        })
        .collect();
    format!("<@{mesh}, [{}]>", dims.join(", "))
}

fn quoted(name: &AxisName) -> String {
    Attr::Str(name.to_string()).to_string()
}

impl Lowering<'_> {
    /// The attribute of one layout.
    pub(crate) fn layout(&mut self, layout: &Layout) -> Attr {
        let mesh = self.functions.borrow_mut().mesh(&layout.grid);
        Attr::Raw(format!("#sdy.sharding{}", bracketed(&mesh, layout)))
    }

    fn layouts(&mut self, layouts: &[Layout]) -> Attr {
        let mut functions = self.functions.borrow_mut();
        let each: Vec<String> = layouts.iter().map(|l| bracketed(&functions.mesh(&l.grid), l)).collect();
        Attr::Raw(format!("#sdy.sharding_per_value<[{}]>", each.join(", ")))
    }

    /// The mesh whose devices each run the code being written on their own part, if there is one.
    pub(crate) fn manual(&self) -> Option<Grid> {
        self.functions.borrow().manual.clone()
    }

    /// Appends a program that every device of a mesh runs on its own part of the operands.
    pub(crate) fn manual_computation(
        &mut self,
        grid: &Grid,
        jaxpr: &Jaxpr,
        args: &[Value],
        inputs: &[Layout],
        (results, outputs): (&[Aval], &[Layout]),
    ) -> Outputs<Value> {
        let axes: Vec<String> = grid.iter().map(|axis| quoted(&axis.name)).collect();
        let attrs = [
            ("in_shardings", self.layouts(inputs)),
            ("manual_axes", Attr::Raw(format!("#sdy<manual_axes{{{}}}>", axes.join(", ")))),
            ("out_shardings", self.layouts(outputs)),
        ];
        let functions = self.functions;
        let args = self.constants.leave(self.block, args);
        let results: Vec<Type> = results.iter().map(Aval::mlir).collect();
        let params: Vec<Type> = jaxpr.input_avals().map(Aval::mlir).collect();
        let outer = functions.borrow_mut().manual.replace(grid.clone());
        let mut op = self.block.begin_op("sdy.manual_computation", &args, &results);
        op.region_ending("sdy.return", &params, |block, args| {
            let mut inner = Lowering::new(block, functions, None);
            let results = inner.inline(jaxpr, args);
            inner.constants.leave(inner.block, &results)
        });
        functions.borrow_mut().manual = outer;
        op.finish(&attrs).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Vec<NamedAxis> {
        vec![NamedAxis { name: "x".into(), size: 2 }, NamedAxis { name: "y".into(), size: 4 }]
    }

    #[test]
    fn groups_are_those_of_jax() {
        let x = ["x".into()];
        let y = ["y".into()];
        assert_eq!(groups(&grid(), &x), [[0, 4], [1, 5], [2, 6], [3, 7]]);
        assert_eq!(groups(&grid(), &y), [[0, 1, 2, 3], [4, 5, 6, 7]]);
        assert_eq!(groups(&grid(), &["y".into(), "x".into()]), [[0, 4, 1, 5, 2, 6, 3, 7]]);
        assert_eq!(groups(&grid(), &[]).len(), 8);
    }
}
