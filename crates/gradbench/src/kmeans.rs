//! `kmeans`: a step of Newton's method toward the centers of clusters.

use cotangent::{lax, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{Matrix, expect_shape, parse};
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "kmeans",
    functions: &[
        ("cost", |input| Ok(Task::new(cost, read(input)?))),
        ("dir", |input| Ok(Task::new(direction, read(input)?))),
    ],
};

#[derive(Deserialize)]
struct Input {
    points: Matrix,
    centroids: Matrix,
}

fn read(input: &RawValue) -> Result<(Array, Array)> {
    let Input { points, centroids } = parse(input)?;
    let [k, _] = centroids.shape();
    expect_shape("centroids", &[k.max(1), points.shape()[1]], &centroids.shape())?;
    Ok((points.into_array()?, centroids.into_array()?))
}

/// Returns the sum of the squared distances from each of the points `[n, d]` to the nearest of the centroids `[k, d]`.
fn cost(points: &Array, centroids: &Array) -> Array {
    let nearest = np::take_axis(centroids, nearest(points, centroids), 0);
    (points - nearest).powi(2).sum()
}

/// The number of distances that fit into a cache, with some margin.
const DISTANCES: usize = 1 << 16;

/// Returns, for each point, the index of the nearest centroid.
fn nearest(points: &Array, centroids: &Array) -> Array {
    let squares = centroids.powi(2).sum_axis(1);
    // The part of a squared distance that depends on the centroid.
    let nearest = |point: &Array| np::argmin(&squares - 2.0 * np::matmul(centroids, point));
    lax::Map::new().batch_size(DISTANCES / centroids.shape()[0]).run(nearest, points)
}

/// Returns the gradient divided by the diagonal of the Hessian. The Hessian is diagonal, so its product with a vector
/// of ones is the diagonal.
fn direction(points: &Array, centroids: &Array) -> Array {
    let gradient = grad(|centroids: &Array| cost(points, centroids));
    let (gradient, diagonal) = jvp(gradient, (centroids,), (&np::ones_like(centroids),));
    gradient / diagonal
}
