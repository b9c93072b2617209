//! "Loopless loops": `vmap`, which maps a function over an axis without a loop.

mod pictures;

use anyhow::Result;
use cotangent::prelude::*;

use super::notebook::Notebook;
use super::values::shown;
use super::{Demo, IDIOMS};
use crate::show::Function;

pub(super) const DEMO: Demo = Demo {
    name: "loopless-loops",
    chapter: IDIOMS,
    summary: "vmap: write the function of one element, and map it over any axis",
    seconds: 2,
    source: include_str!("mod.rs"),
    run,
    functions,
};

fn square(x: &Array) -> Array {
    x * x
}

fn softmax(x: &Array) -> Array {
    let e = np::exp(x - x.max());
    &e / e.sum()
}

fn angle(opposite: &Array, adjacent: &Array) -> Array {
    np::arctan(opposite / adjacent)
}

fn pass_messages(adjacency: &Array, features: &Array) -> Array {
    adjacency.dot(features)
}

fn side_by_side(a: &Array, b: &Array) -> Array {
    np::concatenate([a, b], 0)
}

fn distance(a: &Array, b: &Array) -> Array {
    np::sqrt((a - b).square().sum())
}

fn run(nb: &mut Notebook) -> Result<()> {
    nb.text(
        "Much of numerical code repeats a small computation along an axis. A loop says how: take an element, compute, \
         store, go on. `vmap` lets you say only what: write the function of one element, and `vmap` makes of it the \
         function of a whole axis. The result contains no loop, but operations on whole arrays.",
    )?;

    nb.heading("Square every element")?;
    nb.text("`square` knows about one number. `vmap` returns a function; nothing is computed before that is called.")?;
    nb.cell(&["square"])?;
    let squares = vmap(square);
    let result = squares(&np::arange(20));

    nb.value("squares", "squares", shown(&result))?;

    nb.heading("Sum rows, or columns")?;
    nb.text(
        "By default, the first axis of each argument is mapped: the function sees one row. `in_axes` selects another \
         one, and the function sees one column. The function itself never learns which axis it was.",
    )?;
    nb.cell(&[])?;
    let table = np::arange(20).reshape((4, 5));
    let of_rows = vmap(|v: &Array| v.sum())(&table);
    let of_columns = vmap(|v: &Array| v.sum()).in_axes(1)(&table);

    nb.value("of_rows", "sums of rows", shown(&of_rows))?;
    nb.value("of_columns", "sums of columns", shown(&of_columns))?;
    nb.text(
        "`sum_axis` would do that as well. But not every function has a parameter for the axis, and with `vmap` none \
         needs one.",
    )?;

    nb.heading("Rows of probabilities")?;
    nb.text(
        "Softmax turns a vector into probabilities. The largest element is subtracted first, so that the exponential \
         cannot overflow: `x.max()` is that of one row, because the function sees one row.",
    )?;
    nb.cell(&["softmax"])?;
    let scores = random::normal(random::key(2), (4, 5)) * 3.0;
    let probabilities = vmap(softmax)(&scores);

    nb.value("probabilities", "probabilities", shown(&probabilities))?;
    nb.value("totals", "sums of rows", shown(&probabilities.sum_axis(1)))?;

    nb.heading("Two arguments")?;
    nb.text("A function of several arguments takes an element of each. Here: an angle of each of twenty triangles.")?;
    nb.cell(&["angle"])?;
    let one = angle(&5.0.into(), &3.0.into());
    let angles = vmap(angle)(&np::arange(20.0), &np::linspace(3.0, 30.0, 20));

    nb.value("angle", "one angle", shown(&one))?;
    nb.value("angles", "angles", shown(&angles))?;

    nb.heading("Exercise: messages on many graphs")?;
    nb.text(
        "In a graph network, each node adds up the features of its neighbors: the product of the adjacency matrix \
         [nodes, nodes] and the features [nodes, features]. Do it for 13 graphs of 7 nodes with 11 features each. The \
         loop takes graph after graph; with `vmap`, the 13 products are one batched product.",
    )?;
    nb.cell(&["pass_messages"])?;
    let [a, f] = random::key(90).split();
    let adjacency = random::bernoulli(a, 0.3, (13, 7, 7)).astype(DType::F32);
    let features = random::normal(f, (13, 7, 11));
    let received = vmap(pass_messages)(&adjacency, &features);

    let looped: Vec<Array> = (0..13).map(|i| pass_messages(&adjacency.at(i).get(), &features.at(i).get())).collect();
    let same = np::allclose(&received, np::stack(&looped, 0));

    nb.value("received_shape", "shape", received.shape().to_vec())?;
    nb.value("received", "the first node of the first graph", shown(&received.at((0, 0)).get()))?;
    nb.value("same_as_loop", "same as the loop", shown(&same))?;

    nb.heading("Exercise: a chain of maps")?;
    nb.text(
        "Eleven data sets have 31 rows of 7 numbers. Multiply along each row, cumulatively, and add up each row of \
         products. Write it for a row, map it over the rows of a data set, and map that over the data sets: one `vmap` \
         for each axis, and no number of an axis anywhere.",
    )?;
    nb.cell(&[])?;
    let data = random::normal(random::key(90), (11, 31, 7));
    let of_row = |row: &Array| np::cumprod(row).sum();
    let totals = vmap(vmap(of_row))(&data);

    nb.value("totals_shape", "shape", totals.shape().to_vec())?;
    nb.value("totals_first", "totals[0, ..5]", shown(&totals.at((0, ..5)).get()))?;

    nb.heading("Exercise: every pair")?;
    nb.text(
        "A graph attention network puts the features of each node beside those of every other one. That is a loop \
         within a loop. The inner map keeps `a` and varies `b`, and the outer one varies `a` and keeps all of `b`: \
         `None` says that an argument is not mapped.",
    )?;
    nb.cell(&["side_by_side"])?;
    let nodes = random::normal(random::key(91), (13, 17));
    let with_all = vmap(side_by_side).in_axes((None, 0));
    let pairs = vmap(with_all).in_axes((0, None))(&nodes, &nodes);

    nb.value("pairs_shape", "shape", pairs.shape().to_vec())?;
    nb.value("pairs_ends", "pairs[3, 5], both ends", shown(&pairs.at((3, 5, np::array([0, 33]))).get()))?;
    nb.text("The same two maps around another function give the matrix of all distances.")?;
    nb.cell(&["distance"])?;
    let to_all = vmap(distance).in_axes((None, 0));
    let distances = vmap(to_all).in_axes((0, None))(&nodes, &nodes);

    nb.value("distances", "distances[0, ..5]", shown(&distances.at((0, ..5)).get()))?;
    nb.value("symmetric", "symmetric", shown(&np::allclose(&distances, distances.t())))?;
    if nb.wants_pictures() {
        nb.picture("matrices", pictures::matrices(&probabilities, &distances))?;
    }

    nb.heading("vmap of grad")?;
    nb.text(
        "Transformations compose. The derivative of the angle by its first argument is 1/(1 + (o/a)²)/a for one \
         triangle, and `vmap` of `grad` is that for all twenty: one slope for each element, not the slope of a sum.",
    )?;
    nb.cell(&[])?;
    let slopes = vmap(grad(angle))(&np::arange(20.0), &np::linspace(3.0, 30.0, 20));

    nb.value("slopes", "slopes[..5]", shown(&slopes.at(..5).get()))?;
    Ok(())
}

fn functions() -> Vec<Function> {
    vec![Function::new(
        "softmax",
        "the softmax of each row of a matrix",
        vmap(softmax),
        grad(|x: &Array| vmap(softmax)(x).at((.., 0)).get().sum()),
        (np::zeros((4, 5)),),
    )]
}
