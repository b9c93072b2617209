//! `ba`: bundle adjustment, the errors between where cameras see points and where the points were observed.

use cotangent::{Element, Tree, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arrays::{fill, rows};
use crate::json::{Output, expect_shape, parse};
use crate::task::{Module, Task, leaves};

pub(crate) const MODULE: Module = Module {
    name: "ba",
    functions: &[
        ("objective", |input| Ok(Task::new(errors, read(input)?))),
        ("jacobian", |input| Ok(Task::new(jacobian, read(input)?))),
    ],
};

#[derive(Deserialize)]
struct Input {
    n: usize,
    m: usize,
    p: usize,
    cam: Vec<f64>,
    x: Vec<f64>,
    w: f64,
    feat: Vec<f64>,
}

/// The number of parameters of a camera: rotation, center, focal length, principal point, radial distortion.
const CAMERA: usize = 11;

/// The adjusted parameters, a row for each.
#[derive(Clone, Tree)]
struct Scene {
    /// `[11, n]`.
    cameras: Array,
    /// `[3, m]`.
    points: Array,
}

/// The data: `p` observations.
#[derive(Clone, Tree)]
struct Observations {
    /// The weight of each observation, which is adjusted too: `[p]`.
    weight: Array,
    /// The index of the camera: `[p]`.
    camera: Array,
    /// The index of the point: `[p]`.
    point: Array,
    /// The coordinates in the image: `[p]` each.
    feature: [Array; 2],
}

/// The input has one camera, one point and one observation, which are repeated `n`, `m` and `p` times. From here on
/// nothing depends on their being equal.
fn read(input: &RawValue) -> Result<(Scene, Observations)> {
    let Input { n, m, p, cam, x, w, feat } = parse(input)?;
    expect_shape("cam", &[cam.len()], &[CAMERA])?;
    expect_shape("x", &[x.len()], &[3])?;
    expect_shape("feat", &[feat.len()], &[2])?;
    if n == 0 || m == 0 || p == 0 {
        return Err(Error::value(format!("{n} cameras, {m} points and {p} observations: there must be one of each")));
    }
    let entries = (2 * (CAMERA + 4) + 1).saturating_mul(p);
    let columns = CAMERA.saturating_mul(n).saturating_add(m.saturating_mul(3)).saturating_add(p);
    if entries.max(columns) > i32::MAX as usize {
        return Err(Error::value(format!(
            "{entries} entries and {columns} columns are too many for indices of 32 bits"
        )));
    }
    let repeated = |row: &[f64], count: usize| {
        let rows = row.iter().flat_map(|x| std::iter::repeat_n(*x, count));
        Array::from_vec(rows.collect(), (row.len(), count))
    };
    let cycled = |count: usize| Array::from((0..p).map(|i| (i % count) as i32).collect::<Vec<_>>());
    let constant = |x: f64| Array::from(vec![x; p]);
    let scene = Scene { cameras: repeated(&cam, n)?, points: repeated(&x, m)? };
    let feature = [constant(feat[0]), constant(feat[1])];
    Ok((scene, Observations { weight: constant(w), camera: cycled(n), point: cycled(m), feature }))
}

type Vector = [Array; 3];

/// The variables that the error of one observation depends on, in the order of the Jacobian's columns.
#[derive(Clone, Tree)]
struct Variables {
    /// The rotation axis times the angle.
    rotation: Vector,
    center: Vector,
    focal_length: Array,
    principal_point: [Array; 2],
    distortion: [Array; 2],
    point: Vector,
    weight: Array,
}

impl Variables {
    /// The variables of all observations: `[p]` each.
    fn gathered(scene: &Scene, seen: &Observations) -> Variables {
        let [r1, r2, r3, c1, c2, c3, focal_length, u, v, k1, k2] = rows(&scene.cameras.at((.., &seen.camera)).get());
        Variables {
            rotation: [r1, r2, r3],
            center: [c1, c2, c3],
            focal_length,
            principal_point: [u, v],
            distortion: [k1, k2],
            point: rows(&scene.points.at((.., &seen.point)).get()),
            weight: seen.weight.clone(),
        }
    }
}

fn dot<const N: usize>(a: &[Array; N], b: &[Array; N]) -> Array {
    let products = a.iter().zip(b).map(|(a, b)| a * b);
    products.reduce(|sum, product| sum + product).expect("a vector has elements")
}

fn cross([a1, a2, a3]: &Vector, [b1, b2, b3]: &Vector) -> Vector {
    [a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1]
}

/// Rodrigues' formula, or its limit where there is no rotation.
fn rotate(rotation: &Vector, x: &Vector) -> Vector {
    let square = dot(rotation, rotation);
    let none = square.equal(0.0);
    let square = np::where_(&none, 1.0, square);
    let angle = square.sqrt();
    let (sin, cos) = (angle.sin(), angle.cos());
    let along = dot(rotation, x) * np::where_(&none, 0.5, (1.0 - &cos) / square);
    let across = np::where_(&none, 1.0, sin / angle);
    let kept = np::where_(&none, 1.0, cos);
    let turned = cross(rotation, x);
    std::array::from_fn(|i| &x[i] * &kept + &turned[i] * &across + &rotation[i] * &along)
}

/// The projection of a point by a camera, relative to the observation.
fn reprojection_error(v: &Variables, feature: &[Array; 2]) -> [Array; 2] {
    let [x, y, z] = rotate(&v.rotation, &std::array::from_fn(|i| &v.point[i] - &v.center[i]));
    let seen = [x / &z, y / &z];
    let square = dot(&seen, &seen);
    let distortion = 1.0 + &v.distortion[0] * &square + &v.distortion[1] * square.powi(2);
    let scale = &v.focal_length * distortion;
    std::array::from_fn(|i| &v.weight * (&seen[i] * &scale + &v.principal_point[i] - &feature[i]))
}

/// The error of a weight, which should be near one.
fn weight_error(weight: &Array) -> Array {
    1.0 - weight.powi(2)
}

/// The errors of all observations and of their weights: `[p, 2]` and `[p]`.
fn errors(scene: &Scene, seen: &Observations) -> Errors {
    let zeros = np::zeros_as((seen.weight.size(), 2), DType::F64);
    let reprojection = fill(zeros, seen, BLOCK, |seen| {
        let [x, y] = vmap(reprojection_error)(&Variables::gathered(scene, seen), &seen.feature);
        np::stack(&[&x, &y], 1)
    });
    Errors { reprojection, weight: vmap(weight_error)(&seen.weight) }
}

#[derive(Clone, Tree)]
struct Errors {
    reprojection: Array,
    weight: Array,
}

/// All observations are equal, so the output shows one for all.
impl Output for Errors {
    fn to_json(&self) -> Result<Value> {
        let [count, _] = [0, 1].map(|axis| self.reprojection.shape()[axis]);
        Ok(json!({
            "reproj_error": { "elements": self.reprojection.at(0).get().to_json()?, "repeated": count },
            "w_err": { "element": self.weight.at(0).get().to_json()?, "repeated": count },
        }))
    }
}

/// A sparse matrix in row order.
#[derive(Clone, Tree)]
struct Sparse {
    /// The index of each row's first entry, followed by the number of entries.
    rows: Array,
    /// The column of each entry.
    columns: Array,
    values: Array,
}

/// The derivatives of the errors of all observations, two rows each, followed by those of the weights. The columns are
/// the parameters of one camera after another, the coordinates of the points, and the weights.
///
/// An error depends on one camera, one point and one weight. So the derivatives of an observation are a small matrix.
fn jacobian(scene: &Scene, seen: &Observations) -> Sparse {
    let [n, m, p] = [&scene.cameras, &scene.points, &seen.weight].map(|x| x.shape()[x.ndim() - 1] as i32);
    let [camera, point] = [CAMERA as i32, 3];
    let width = camera + point + 1;
    let entries = 2 * width * p;
    let count = |first: i32, end: i32, step: i32| np::arange_as((first, end, step), DType::I32);

    let weight_columns = camera * n + point * m + count(0, p, 1);
    let columns = np::concatenate(
        &[
            &(np::expand_dims(camera * &seen.camera, 1) + count(0, camera, 1)),
            &(np::expand_dims(camera * n + point * &seen.point, 1) + count(0, point, 1)),
            &np::expand_dims(&weight_columns, 1),
        ],
        1,
    );
    let columns = np::stack(&[&columns, &columns], 1).reshape(entries as usize);
    let weights = vmap(grad(weight_error))(&seen.weight);
    let values = np::concatenate(&[&np::zeros_as(entries as usize, DType::F64), &weights], 0);
    Sparse {
        rows: np::concatenate(&[&count(0, entries, width), &count(entries, entries + p + 1, 1)], 0),
        columns: np::concatenate(&[&columns, &weight_columns], 0),
        values: fill(values, seen, BLOCK, |seen| blocks(scene, seen)),
    }
}

/// The number of observations in a block.
const BLOCK: usize = 1024;

/// The derivatives of the errors of each observation, in row order.
fn blocks(scene: &Scene, seen: &Observations) -> Array {
    let variables = Variables::gathered(scene, seen);
    let row = |i: usize| {
        let component = move |v: &Variables, feature: &[Array; 2]| reprojection_error(v, feature)[i].clone();
        vmap(grad(component))(&variables, &seen.feature)
    };
    let rows = [row(0), row(1)];
    let entries = np::stack(&leaves(&rows), 1);
    entries.reshape(entries.size())
}

/// The output shows the block of the first observation for all, and the last entry for those of the weights.
impl Output for Sparse {
    fn to_json(&self) -> Result<Value> {
        fn abridged<T: Element>(x: &Array) -> Result<Vec<T>> {
            let all = x.try_to_vec::<T>()?;
            Ok([&all[..30], &all[all.len() - 1..]].concat())
        }
        Ok(json!({
            "rows": abridged::<i32>(&self.rows)?,
            "cols": abridged::<i32>(&self.columns)?,
            "vals": abridged::<f64>(&self.values)?,
        }))
    }
}

#[cfg(test)]
mod tests;
