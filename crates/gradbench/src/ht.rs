//! `ht`: hand tracking, by how far points of a posed hand are from where they were measured.

use cotangent::{Tree, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::blocks::fill;
use crate::json::{Matrix, expect_shape, parse};
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "ht",
    functions: &[
        ("objective", |input| Ok(Task::new(errors, read(input)?))),
        ("jacobian", |input| Ok(Task::new(jacobian, read(input)?))),
    ],
};

#[derive(Deserialize)]
struct Input {
    theta: Vec<f64>,
    data: Data,
    us: Matrix,
}

#[derive(Deserialize)]
struct Data {
    model: Model,
    correspondences: Vec<usize>,
    points: Matrix,
}

#[derive(Deserialize)]
struct Model {
    parents: Vec<isize>,
    base_relatives: Vec<[[f64; 4]; 4]>,
    inverse_base_absolutes: Vec<[[f64; 4]; 4]>,
    base_positions: Matrix,
    weights: Matrix,
    triangles: Vec<[usize; 3]>,
    is_mirrored: bool,
}

const FINGERS: usize = 5;
/// Of each finger. The first does not move, the second turns about two axes, the others about one.
const JOINTS: usize = 4;
/// The wrist, the bones of the fingers, the forearm.
const BONES: usize = 1 + FINGERS * JOINTS + 1;
/// Three for the rotation of the hand, three for where it is, and four for each finger.
const PARAMETERS: usize = 6 + 4 * FINGERS;

/// A hand at rest. Matrices act on homogeneous coordinates.
#[derive(Clone, Tree)]
struct Hand {
    /// From each bone to its parent: `[22, 4, 4]`.
    relatives: Array,
    /// From the hand to each bone: `[22, 4, 4]`.
    inverses: Array,
    /// The vertices of its skin: `[v, 4]`.
    vertices: Array,
    /// How much each bone moves each vertex: `[v, 22]`.
    weights: Array,
    #[tree(static)]
    mirrored: bool,
}

/// Points that were measured: `c` of them.
#[derive(Clone, Tree)]
struct Measured {
    /// The vertices of the triangle of skin that each is a point of, or the one vertex that it is: `[c, 3]` or `[c, 1]`.
    corners: Array,
    /// Where it was measured: `[c, 3]`.
    place: Array,
}

/// The parameters, where in its triangle each point is, `[c, 2]` or `[c, 0]`, and what is known.
fn read(input: &RawValue) -> Result<(Array, Array, Hand, Measured)> {
    let Input { theta, data: Data { model, correspondences, points }, us } = parse(input)?;
    let count = correspondences.len();
    let vertices = model.base_positions.shape()[0];
    expect_shape("theta", &[theta.len()], &[PARAMETERS])?;
    expect_shape("points", &points.shape(), &[count, 3])?;
    expect_shape("base_positions", &model.base_positions.shape(), &[vertices, 4])?;
    expect_shape("weights", &model.weights.shape(), &[vertices, BONES])?;
    if count == 0 {
        return Err(Error::shape("`correspondences` has shape [0]: there must be a point"));
    }
    if model.parents != parents() {
        let message = format!("`parents` is {:?} where {:?} is expected", model.parents, parents());
        return Err(Error::value(message).help("bones are the wrist, those of the fingers, the forearm"));
    }
    let (us, corners) = if us.shape()[0] == 0 {
        (np::zeros_as((count, 0), DType::F64), correspondences)
    } else {
        expect_shape("us", &us.shape(), &[count, 2])?;
        let missing = |i| Error::value(format!("there is no triangle {i}: there are {}", model.triangles.len()));
        let triangle = |&i: &usize| model.triangles.get(i).copied().ok_or_else(|| missing(i));
        let triangles = correspondences.iter().map(triangle);
        (us.into_array()?, triangles.collect::<Result<Vec<_>>>()?.into_flattened())
    };
    if let Some(corner) = corners.iter().find(|&&corner| corner >= vertices) {
        return Err(Error::value(format!("there is no vertex {corner}: there are {vertices}")));
    }
    let hand = Hand {
        relatives: transforms("base_relatives", &model.base_relatives)?,
        inverses: transforms("inverse_base_absolutes", &model.inverse_base_absolutes)?,
        vertices: model.base_positions.into_array()?,
        weights: model.weights.into_array()?,
        mirrored: model.is_mirrored,
    };
    let shape = (count, corners.len() / count);
    let corners = Array::from_vec(corners.into_iter().map(|i| i as i32).collect(), shape)?;
    Ok((Array::from(theta), us, hand, Measured { corners, place: points.into_array()? }))
}

/// Each finger's bones are a chain that begins at the wrist, and so does the forearm.
fn parents() -> Vec<isize> {
    let fingers = (1..=(FINGERS * JOINTS) as isize).map(|bone| if bone % JOINTS as isize == 1 { 0 } else { bone - 1 });
    std::iter::once(-1).chain(fingers).chain([0]).collect()
}

fn transforms(name: &str, matrices: &[[[f64; 4]; 4]]) -> Result<Array> {
    expect_shape(name, &[matrices.len()], &[BONES])?;
    Array::from_vec(matrices.as_flattened().as_flattened().to_vec(), (BONES, 4, 4))
}

/// The rotation about an axis of length one: `[3, 3]`.
fn turn(axis: &Array, angle: &Array) -> Array {
    let [x, y, z] = [0, 1, 2].map(|i| axis.at(i).get());
    let zero = np::zeros_like(&x);
    let cross = np::stack(&[&zero, &-&z, &y, &z, &zero, &-&x, &-&y, &x, &zero], 0).reshape((3, 3));
    let (sin, cos) = (angle.sin(), angle.cos());
    np::eye_as(3, 3, 0, DType::F64) * &cos + cross * sin + np::outer(axis, axis) * (1.0 - cos)
}

/// The rotation about an axis whose length is the angle. A very small one is none.
fn rotation(axis: &Array) -> Array {
    let square = axis.powi(2).sum();
    let none = square.less(1e-8);
    let angle = np::where_(&none, 1.0, square).sqrt();
    np::where_(none, np::eye_as(3, 3, 0, DType::F64), turn(&(axis / &angle), &angle))
}

/// Where the bones of a finger are, `[4, 4, 4]`, by its parameters `[4]`.
fn finger(parameters: &Array, relatives: &Array, wrist: &Array) -> Array {
    let [x, z] = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]].map(Array::from);
    let about = |axis: &Array, parameter: i32| turn(axis, &parameters.at(parameter).get());
    let turns = [None, Some(np::matmul(about(&z, 1), about(&x, 0))), Some(about(&x, 2)), Some(about(&x, 3))];
    let mut bone = wrist.clone();
    let bones = turns.iter().enumerate().map(|(joint, turn)| {
        bone = np::matmul(&bone, relatives.at(joint as i32).get());
        if let Some(turn) = turn {
            bone = np::matmul(&bone, np::eye_as(4, 4, 0, DType::F64).at((..3, ..3)).set(turn));
        }
        bone.clone()
    });
    np::stack(&bones.collect::<Vec<_>>().iter().collect::<Vec<_>>(), 0)
}

/// What each bone does to the points that move with it, `[22, 3, 4]`, but for the translation of the hand.
fn posed(theta: &Array, hand: &Hand) -> Array {
    let bones = |first, end| hand.relatives.slice_axis(0, first, end);
    let wrist = bones(0, 1);
    let parameters = theta.at(6..).get().reshape((FINGERS, 4));
    let relatives = bones(1, BONES - 1).reshape((FINGERS, JOINTS, 4, 4));
    let fingers = vmap(finger).in_axes((0, 0, None))(&parameters, &relatives, &wrist.reshape((4, 4)));
    let forearm = np::matmul(&wrist, bones(BONES - 1, BONES));
    let bones = np::concatenate(&[&wrist, &fingers.reshape((FINGERS * JOINTS, 4, 4)), &forearm], 0);
    let mirror = Array::from([if hand.mirrored { -1.0 } else { 1.0 }, 1.0, 1.0]);
    let rotation = rotation(&theta.at(..3).get()) * mirror;
    np::matmul(rotation, np::matmul(bones, &hand.inverses).at((.., ..3)).get())
}

/// How far a point is from where it was measured, `[3]`; `u` is where it is in its triangle, `[2]`, or nothing.
fn error(theta: &Array, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let coordinates = np::concatenate(&[u, &(1.0 - u.sum()).reshape(1)], 0);
    let [weights, vertices] = [&hand.weights, &hand.vertices].map(|x| x.at(&measured.corners).get());
    // It is linear in what the bones do: so the corners need not be moved one by one.
    let point = np::einsum("k,kb,kj->bj", &[&coordinates, &weights, &vertices]);
    let place = np::einsum("bij,bj->i", &[&posed(theta, hand), &point]) + theta.at(3..6).get();
    &measured.place - place
}

/// The errors of all points, one after the other: `[3 c]`.
fn errors(theta: &Array, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let zeros = np::zeros_as(3 * u.shape()[0], DType::F64);
    fill(zeros, &(u.clone(), measured.clone()), BLOCK, |(u, measured)| {
        let errors = vmap(error).in_axes((None, 0, None, 0))(theta, u, hand, measured);
        errors.reshape(errors.size())
    })
}

/// The derivatives of the errors, a row for each: by where the point is in its triangle, of which those of the other
/// points do not matter, and by the parameters. `[3 c, 28]` or `[3 c, 26]`.
fn jacobian(theta: &Array, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let [count, inside] = [0, 1].map(|axis| u.shape()[axis]);
    let zeros = np::zeros_as((3 * count, inside + PARAMETERS), DType::F64);
    fill(zeros, &(u.clone(), measured.clone()), BLOCK, |(u, measured)| {
        let by_theta = jacfwd(error);
        let by_u = jacfwd(error).argnums(args!(1));
        let mapped = (None, 0, None, 0);
        let by_theta = vmap(by_theta).in_axes(mapped)(theta, u, hand, measured);
        let by_u = vmap(by_u).in_axes(mapped)(theta, u, hand, measured);
        let rows = np::concatenate(&[&by_u, &by_theta], 2);
        rows.reshape((3 * u.shape()[0], inside + PARAMETERS))
    })
}

/// So many points at a time.
const BLOCK: usize = 1024;
