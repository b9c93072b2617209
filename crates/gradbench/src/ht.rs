//! `ht`: hand tracking, the errors between the points of a posed hand and where they were measured.

use cotangent::{Tree, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::arrays::fill;
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
/// The joints of each finger. The first does not move, the second turns about two axes, the others about one.
const JOINTS: usize = 4;
/// The wrist, the bones of the fingers, and the forearm.
const BONES: usize = 1 + FINGERS * JOINTS + 1;
/// Three for the rotation of the hand, three for its translation, and four for each finger.
const PARAMETERS: usize = 6 + 4 * FINGERS;

/// Bones at rest. The matrices act on homogeneous coordinates.
#[derive(Clone, Tree)]
struct Bones {
    /// Transforms from each bone to its parent: `[22, 4, 4]`.
    relatives: Array,
    /// Transforms from the hand to each bone: `[22, 4, 4]`.
    inverses: Array,
}

impl Bones {
    /// The bones of the fingers: `[5, 4, 4, 4]`.
    fn fingers(&self) -> Bones {
        self.map(|x| x.slice_axis(0, 1, BONES - 1).reshape((FINGERS, JOINTS, 4, 4)))
    }
}

/// A hand at rest.
#[derive(Clone, Tree)]
struct Hand {
    rest: Bones,
    /// The vertices of its skin: `[v, 4]`.
    vertices: Array,
    /// The weight of each bone for each vertex: `[v, 22]`.
    weights: Array,
    #[tree(static)]
    mirrored: bool,
}

/// The parameters to be found.
#[derive(Clone, Tree)]
struct Pose {
    /// The rotation axis times the angle: `[3]`.
    rotation: Array,
    /// `[3]`.
    translation: Array,
    /// Joint angles: `[5, 4]`.
    fingers: Array,
}

/// `c` measured points.
#[derive(Clone, Tree)]
struct Measured {
    /// For each point, the vertices of the skin triangle that contains it, or the one vertex that it is: `[c, 3]` or
    /// `[c, 1]`.
    corners: Array,
    /// The measured positions: `[c, 3]`.
    place: Array,
}

/// Reads the pose, the position of each point in its triangle, `[c, 2]` or `[c, 0]`, and the known data.
fn read(input: &RawValue) -> Result<(Pose, Array, Hand, Measured)> {
    let Input { theta, data: Data { model, correspondences, points }, us } = parse(input)?;
    let count = correspondences.len();
    let vertices = model.base_positions.shape()[0];
    expect_shape("theta", &[theta.len()], &[PARAMETERS])?;
    expect_shape("points", &points.shape(), &[count, 3])?;
    expect_shape("base_positions", &model.base_positions.shape(), &[vertices, 4])?;
    expect_shape("weights", &model.weights.shape(), &[vertices, BONES])?;
    if count == 0 {
        return Err(Error::shape("`correspondences` has shape [0]: there must be at least one point"));
    }
    if model.parents != parents() {
        let message = format!("`parents` is {:?}, but must be {:?}", model.parents, parents());
        return Err(Error::value(message).help("the bones are the wrist, those of the fingers, and the forearm"));
    }
    let (us, corners) = if us.shape()[0] == 0 {
        (np::zeros_as((count, 0), DType::F64), correspondences)
    } else {
        expect_shape("us", &us.shape(), &[count, 2])?;
        let missing =
            |i| Error::value(format!("triangle {i} is out of range: there are {} triangles", model.triangles.len()));
        let triangle = |&i: &usize| model.triangles.get(i).copied().ok_or_else(|| missing(i));
        let triangles = correspondences.iter().map(triangle);
        (us.into_array()?, triangles.collect::<Result<Vec<_>>>()?.into_flattened())
    };
    if let Some(corner) = corners.iter().find(|&&corner| corner >= vertices) {
        return Err(Error::value(format!("vertex {corner} is out of range: there are {vertices} vertices")));
    }
    let hand = Hand {
        rest: Bones {
            relatives: transforms("base_relatives", &model.base_relatives)?,
            inverses: transforms("inverse_base_absolutes", &model.inverse_base_absolutes)?,
        },
        vertices: model.base_positions.into_array()?,
        weights: model.weights.into_array()?,
        mirrored: model.is_mirrored,
    };
    let shape = (count, corners.len() / count);
    let corners = Array::from_vec(corners.into_iter().map(|i| i as i32).collect(), shape)?;
    let pose = Pose {
        rotation: Array::from(&theta[..3]),
        translation: Array::from(&theta[3..6]),
        fingers: Array::from(&theta[6..]).reshape((FINGERS, 4)),
    };
    Ok((pose, us, hand, Measured { corners, place: points.into_array()? }))
}

/// Each finger's bones are a chain that begins at the wrist; so is the forearm.
fn parents() -> Vec<isize> {
    let fingers = (1..=(FINGERS * JOINTS) as isize).map(|bone| if bone % JOINTS as isize == 1 { 0 } else { bone - 1 });
    std::iter::once(-1).chain(fingers).chain([0]).collect()
}

fn transforms(name: &str, matrices: &[[[f64; 4]; 4]]) -> Result<Array> {
    expect_shape(name, &[matrices.len()], &[BONES])?;
    Array::from_vec(matrices.as_flattened().as_flattened().to_vec(), (BONES, 4, 4))
}

/// Returns the rotation about an axis of length one: `[3, 3]`.
fn turn(axis: &Array, angle: &Array) -> Array {
    let [x, y, z] = [0, 1, 2].map(|i| axis.at(i).get());
    let zero = np::zeros_like(&x);
    let cross = np::stack(&[&zero, &-&z, &y, &z, &zero, &-&x, &-&y, &x, &zero], 0).reshape((3, 3));
    let (sin, cos) = (angle.sin(), angle.cos());
    np::eye_as(3, 3, 0, DType::F64) * &cos + cross * sin + np::outer(axis, axis) * (1.0 - cos)
}

/// Returns the rotation about an axis whose length is the angle. A very small angle counts as none.
fn rotation(axis: &Array) -> Array {
    let square = axis.powi(2).sum();
    let none = square.less(1e-8);
    let angle = np::where_(&none, 1.0, square).sqrt();
    np::where_(none, np::eye_as(3, 3, 0, DType::F64), turn(&(axis / &angle), &angle))
}

/// Returns the orientation of the hand as a whole, `[3, 3]`.
fn orientation(pose: &Pose, hand: &Hand) -> Array {
    let mirror = Array::from([if hand.mirrored { -1.0 } else { 1.0 }, 1.0, 1.0]);
    rotation(&pose.rotation) * mirror
}

/// Returns how a bone moves its points, `[3, 4]`: from the hand at rest to the bone, and from there to the current
/// pose.
fn action(bone: &Array, inverse: &Array) -> Array {
    np::matmul(bone, inverse).slice_axis(0, 0, 3)
}

/// Returns how the bones of a finger move their points, `[4, 3, 4]`, from its angles and its bones at rest.
fn finger(angles: &Array, rest: &Bones, wrist: &Array) -> Array {
    let [x, z] = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]].map(Array::from);
    let about = |axis: &Array, angle: i32| turn(axis, &angles.at(angle).get());
    let turns = [None, Some(np::matmul(about(&z, 1), about(&x, 0))), Some(about(&x, 2)), Some(about(&x, 3))];
    let mut bone = wrist.clone();
    let actions = turns.iter().enumerate().map(|(joint, turn)| {
        let [relative, inverse] = [&rest.relatives, &rest.inverses].map(|x| x.at(joint as i32).get());
        bone = np::matmul(&bone, relative);
        if let Some(turn) = turn {
            bone = np::matmul(&bone, np::eye_as(4, 4, 0, DType::F64).at((..3, ..3)).set(turn));
        }
        action(&bone, &inverse)
    });
    np::stack(&actions.collect::<Vec<_>>().iter().collect::<Vec<_>>(), 0)
}

/// Returns how all bones move their points, `[22, 3, 4]`, apart from the orientation and translation of the hand as a
/// whole.
fn actions(fingers: &Array, rest: &Bones) -> Array {
    let [wrist, forearm] = [0, BONES - 1].map(|bone| rest.map(|x| x.at(bone as i32).get()));
    let bent = vmap(finger).in_axes((0, 0, None))(fingers, &rest.fingers(), &wrist.relatives);
    let forearm = action(&np::matmul(&wrist.relatives, &forearm.relatives), &forearm.inverses);
    let wrist = action(&wrist.relatives, &wrist.inverses);
    let one = (1, 3, 4);
    np::concatenate(&[&wrist.reshape(one), &bent.reshape((FINGERS * JOINTS, 3, 4)), &forearm.reshape(one)], 0)
}

/// Returns what moves a point: for each bone, its weight times the position of the point at rest; `[22, 4]`. It is the
/// mean over the corners, of which `u` holds all weights but the last.
fn moved(u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let shares = np::concatenate(&[u, &(1.0 - u.sum()).reshape(1)], 0);
    let [weights, vertices] = [&hand.weights, &hand.vertices].map(|x| x.at(&measured.corners).get());
    np::einsum("k,kb,kj->bj", &[&shares, &weights, &vertices])
}

/// Returns the error of a point, `[3]`. `u` is the position in its triangle, `[2]`, or empty.
fn error(pose: &Pose, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let place = np::einsum("bij,bj->i", &[&actions(&pose.fingers, &hand.rest), &moved(u, hand, measured)]);
    &measured.place - (np::matmul(orientation(pose, hand), place) + &pose.translation)
}

/// Returns the errors of all points, one after another: `[3 c]`.
fn errors(pose: &Pose, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let zeros = np::zeros_as(3 * u.shape()[0], DType::F64);
    fill(zeros, &(u.clone(), measured.clone()), BLOCK, |(u, measured)| {
        let errors = vmap(error).in_axes((None, 0, None, 0))(pose, u, hand, measured);
        errors.reshape(errors.size())
    })
}

/// The number of points in a block.
const BLOCK: usize = 1024;

/// Returns the derivatives of the errors, a row for each error. The columns are the point's own position in its
/// triangle (those of other points have no influence), and the parameters: `[3 c, 28]` or `[3 c, 26]`.
fn jacobian(pose: &Pose, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let columns = u.shape()[1] + PARAMETERS;
    let zeros = np::zeros_as((3 * u.shape()[0], columns), DType::F64);
    fill(zeros, &(u.clone(), measured.clone()), BLOCK, |(u, measured)| {
        let rows = vmap(rows).in_axes((None, 0, None, 0))(pose, u, hand, measured);
        rows.reshape((3 * u.shape()[0], columns))
    })
}

/// Returns the derivatives of the errors of a point: `[3, 28]` or `[3, 26]`.
fn rows(pose: &Pose, u: &Array, hand: &Hand, measured: &Measured) -> Array {
    let by_u = jacfwd(error).argnums(args!(1))(pose, u, hand, measured);
    let with = |rotation: &Array, translation: &Array| {
        let pose = Pose { rotation: rotation.clone(), translation: translation.clone(), ..pose.clone() };
        error(&pose, u, hand, measured)
    };
    let (by_rotation, by_translation) = jacfwd(with).argnums(args!(0, 1))(&pose.rotation, &pose.translation);

    // A finger's angles change only the contribution of its own bones.
    let orientation = orientation(pose, hand);
    let moved = moved(u, hand, measured).slice_axis(0, 1, BONES - 1).reshape((FINGERS, JOINTS, 4));
    let wrist = hand.rest.relatives.at(0).get();
    let contribution = |angles: &Array, rest: &Bones, moved: &Array| {
        let actions = np::matmul(&orientation, finger(angles, rest, &wrist));
        -np::einsum("bij,bj->i", &[&actions, moved])
    };
    let by_fingers = vmap(jacfwd(contribution)).out_axes(1)(&pose.fingers, &hand.rest.fingers(), &moved);
    let by_fingers = by_fingers.reshape((3, 4 * FINGERS));
    np::concatenate(&[&by_u, &by_rotation, &by_translation, &by_fingers], 1)
}
