//! `det`: the determinant of a matrix, expanded by minors.

use cotangent::{lax, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{expect_shape, parse};
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "det",
    functions: &[
        ("primal", |input| Ok(Task::new(det, (read(input)?,)))),
        ("gradient", |input| Ok(Task::new(|a: &Array| grad(det)(a).reshape(a.size()), (read(input)?,)))),
    ],
};

#[derive(Deserialize)]
struct Input {
    #[serde(rename = "A")]
    a: Vec<f64>,
    ell: usize,
}

/// Beyond this size, the minors take gigabytes.
const LARGEST: usize = 20;

fn read(input: &RawValue) -> Result<Array> {
    let Input { a, ell } = parse(input)?;
    if !(1..=LARGEST).contains(&ell) {
        return Err(Error::value(format!("`ell` must be between 1 and {LARGEST}, got {ell}")));
    }
    expect_shape("A", &[a.len()], &[ell * ell])?;
    Array::from_vec(a, (ell, ell))
}

/// Returns the determinant of an `[n, n]` matrix.
///
/// A minor belongs to the last `k` rows and a set of `k` columns. Row by row, upward, the minors of one more row are
/// expanded along that row into the minors of one column fewer. So each minor is computed once, and used wherever it
/// occurs.
fn det(a: &Array) -> Array {
    let n = a.shape()[0];
    let signs = signs(n);
    let expand = checkpoint(|minors: &Array, row: &Array| {
        let terms = (0..n).map(|column| row.at(column).get() * signs.at(column).get() * without(minors, column));
        terms.reduce(|sum, term| sum + term).expect("there is a column")
    });
    // The minor of no rows and no columns is one. A set of columns is a number with one bit for each column.
    let none = np::zeros_as(1 << n, DType::F64).at(0).set(1.0);
    let (minors, ()) = lax::Scan::new().reverse().run(|minors: &Array, row: &Array| (expand(minors, row), ()), none, a);
    minors.at(-1).get()
}

/// For each set of columns: the minor of the set with `column` toggled (added if it is missing, removed if it is
/// present).
fn without(minors: &Array, column: usize) -> Array {
    let low = 1 << column;
    let split = minors.reshape((minors.size() / low / 2, 2, low));
    np::flip(split, 1).reshape(minors.size())
}

/// For each column and each set of columns, `[n, 2^n]`: the sign of the column's entry in the expansion of the set's
/// minor, or 0 if the column is not in the set.
fn signs(n: usize) -> Array {
    let sign = |column: usize, set: usize| match (set >> column & 1, (set & ((1 << column) - 1)).count_ones() % 2) {
        (0, _) => 0.0,
        (_, 0) => 1.0,
        _ => -1.0,
    };
    let signs = (0..n).flat_map(|column| (0..1 << n).map(move |set| sign(column, set)));
    Array::from(signs.collect::<Vec<f64>>()).reshape((n, 1 << n))
}
