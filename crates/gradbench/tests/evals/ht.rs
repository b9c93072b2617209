//! Hand tracking against its definition in plain Rust, and its Jacobian against finite differences of that.

use super::common;

use common::{assert_close, differences, failure, output, scatter};
use serde_json::{Value, json};

const BONES: usize = 22;
const THETA: usize = 26;

type Matrix = [[f64; 4]; 4];

const ONE: Matrix = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..4).map(|k| a[i][k] * b[k][j]).sum()))
}

/// A rotation by the exponential series.
fn turn(axis: [f64; 3]) -> Matrix {
    let [x, y, z] = axis;
    let cross = [[0.0, -z, y, 0.0], [z, 0.0, -x, 0.0], [-y, x, 0.0, 0.0], [0.0; 4]];
    let (mut sum, mut term) = (ONE, ONE);
    for n in 1..40 {
        term = product(&term, &cross).map(|row| row.map(|x| x / f64::from(n)));
        sum = std::array::from_fn(|i| std::array::from_fn(|j| sum[i][j] + term[i][j]));
    }
    sum
}

struct Hand {
    relatives: Vec<Matrix>,
    inverses: Vec<Matrix>,
    vertices: Vec<[f64; 4]>,
    weights: Vec<Vec<f64>>,
    triangles: Vec<[usize; 3]>,
    mirrored: bool,
    correspondences: Vec<usize>,
    points: Vec<Vec<f64>>,
}

fn parents() -> Vec<isize> {
    let mut parents = vec![-1];
    for finger in 0..5 {
        parents.extend([0, 4 * finger + 1, 4 * finger + 2, 4 * finger + 3]);
    }
    parents.push(0);
    parents
}

fn matrices(seed: u64) -> Vec<Matrix> {
    let affine = |m: &[f64]| {
        let mut matrix = ONE;
        (0..12).for_each(|i| matrix[i / 4][i % 4] += 0.4 * m[i]);
        matrix
    };
    scatter(12 * BONES, seed).chunks(12).map(affine).collect()
}

fn hand(points: usize, mirrored: bool) -> Hand {
    const VERTICES: usize = 6;
    let triangles = vec![[0, 1, 2], [3, 2, 5], [5, 4, 0]];
    Hand {
        relatives: matrices(1),
        inverses: matrices(2),
        vertices: scatter(3 * VERTICES, 3).chunks(3).map(|p| [p[0], p[1], p[2], 1.0]).collect(),
        weights: scatter(BONES * VERTICES, 4).chunks(BONES).map(<[f64]>::to_vec).collect(),
        correspondences: (0..points).map(|i| i * i % triangles.len()).collect(),
        triangles,
        mirrored,
        points: scatter(3 * points, 5).chunks(3).map(<[f64]>::to_vec).collect(),
    }
}

impl Hand {
    fn input(&self, theta: &[f64], us: &[f64]) -> Value {
        let model = json!({
            "bone_count": BONES, "bone_names": vec!["a bone"; BONES], "parents": parents(),
            "base_relatives": self.relatives, "inverse_base_absolutes": self.inverses,
            "base_positions": self.vertices, "weights": self.weights, "triangles": self.triangles,
            "is_mirrored": self.mirrored,
        });
        let data = json!({ "model": model, "correspondences": self.correspondences, "points": self.points });
        json!({ "theta": theta, "data": data, "us": us.chunks(2).collect::<Vec<_>>() })
    }

    /// The positions of the vertices in this pose.
    fn posed(&self, theta: &[f64]) -> Vec<[f64; 3]> {
        let mut angles = vec![[0.0; 2]; BONES];
        for finger in 0..5 {
            let t = &theta[6 + 4 * finger..][..4];
            angles[4 * finger + 2] = [t[0], t[1]];
            angles[4 * finger + 3] = [t[2], 0.0];
            angles[4 * finger + 4] = [t[3], 0.0];
        }
        let (mut bones, mut actions) = (Vec::<Matrix>::new(), Vec::new());
        for (bone, parent) in parents().into_iter().enumerate() {
            let [x, z] = angles[bone];
            let turned = product(&turn([0.0, 0.0, z]), &turn([x, 0.0, 0.0]));
            let relative = product(&self.relatives[bone], &turned);
            bones.push(if parent < 0 { relative } else { product(&bones[parent as usize], &relative) });
            actions.push(product(&bones[bone], &self.inverses[bone]));
        }
        let rotation = turn([theta[0], theta[1], theta[2]]);
        let place = |(vertex, weights): (&[f64; 4], &Vec<f64>)| {
            let mut place = [0.0; 3];
            for (action, weight) in actions.iter().zip(weights) {
                (0..3).for_each(|i| place[i] += weight * (0..4).map(|j| action[i][j] * vertex[j]).sum::<f64>());
            }
            if self.mirrored {
                place[0] = -place[0];
            }
            std::array::from_fn(|i| (0..3).map(|j| rotation[i][j] * place[j]).sum::<f64>() + theta[3 + i])
        };
        self.vertices.iter().zip(&self.weights).map(place).collect()
    }

    fn errors(&self, theta: &[f64], us: &[f64]) -> Vec<f64> {
        let vertices = self.posed(theta);
        let error = |(i, correspondence): (usize, &usize)| {
            let place = if us.is_empty() {
                vertices[*correspondence]
            } else {
                let corners = self.triangles[*correspondence].map(|vertex| vertices[vertex]);
                let (u, v) = (us[2 * i], us[2 * i + 1]);
                std::array::from_fn(|j| u * corners[0][j] + v * corners[1][j] + (1.0 - u - v) * corners[2][j])
            };
            (0..3).map(move |j| self.points[i][j] - place[j]).collect::<Vec<_>>()
        };
        self.correspondences.iter().enumerate().flat_map(error).collect()
    }

    /// The derivatives in the required order: those by the point's own position in its triangle, then the others.
    fn jacobian(&self, theta: &[f64], us: &[f64]) -> Vec<f64> {
        let rows = (0..3 * self.points.len()).flat_map(|row| {
            let own = if us.is_empty() { 0..0 } else { row / 3 * 2..row / 3 * 2 + 2 };
            let by_us = differences(|us| self.errors(theta, us)[row], us);
            [by_us[own].to_vec(), differences(|theta| self.errors(theta, us)[row], theta)].concat()
        });
        rows.collect()
    }
}

fn check(points: usize, mirrored: bool, theta: &[f64], us: &[f64]) {
    let hand = hand(points, mirrored);
    let input = hand.input(theta, us);
    assert_close(&output("ht", "objective", &input), &hand.errors(theta, us), 1e-12);
    assert_close(&output("ht", "jacobian", &input), &hand.jacobian(theta, us), 1e-8);
}

#[test]
fn a_point_may_be_a_vertex() {
    check(4, false, &scatter(THETA, 7), &[]);
    check(3, true, &scatter(THETA, 8), &[]);
}

#[test]
fn a_point_may_be_within_a_triangle() {
    check(4, false, &scatter(THETA, 9), &scatter(8, 10));
    check(3, true, &scatter(THETA, 11), &scatter(6, 12));
}

#[test]
fn a_hand_that_is_not_rotated_has_no_derivative_by_the_rotation() {
    let mut theta = scatter(THETA, 13);
    theta[..3].fill(0.0);
    let (hand, us) = (hand(2, false), scatter(4, 14));
    let input = hand.input(&theta, &us);
    assert_close(&output("ht", "objective", &input), &hand.errors(&theta, &us), 1e-12);
    let mut expected = hand.jacobian(&theta, &us);
    expected.chunks_mut(2 + THETA).for_each(|row| row[2..5].fill(0.0));
    assert_close(&output("ht", "jacobian", &input), &expected, 1e-8);
}

#[test]
fn many_points_are_as_each_alone() {
    const POINTS: usize = 1500;
    let (hand, theta, us) = (hand(POINTS, false), scatter(THETA, 15), scatter(2 * POINTS, 16));
    let input = hand.input(&theta, &us);
    assert_close(&output("ht", "objective", &input), &hand.errors(&theta, &us), 1e-12);
    let all = output("ht", "jacobian", &input);
    for i in [0, 475, 476, 1023, 1024, POINTS - 1] {
        let mut one = Hand { correspondences: vec![hand.correspondences[i]], ..self::hand(1, false) };
        one.points = vec![hand.points[i].clone()];
        let alone = output("ht", "jacobian", &one.input(&theta, &us[2 * i..2 * i + 2]));
        assert_close(&all[3 * 28 * i..3 * 28 * (i + 1)], &alone, 1e-12);
    }
}

#[test]
fn a_hand_that_does_not_fit_is_refused() {
    let (hand, theta) = (hand(2, false), scatter(THETA, 17));
    let fails = |change: fn(&mut Value), us: &[f64], parts: &[&str]| {
        let mut input = hand.input(&theta, us);
        change(&mut input);
        let reason = failure("ht", "jacobian", &input);
        parts.iter().for_each(|part| assert!(reason.contains(part), "{reason} does not say {part}"));
    };
    fails(|input| input["theta"] = json!([1.0]), &[], &["`theta`", "[1]", "[26]"]);
    fails(|input| input["data"]["model"]["parents"][1] = json!(3), &[], &["`parents`", "the wrist"]);
    fails(|input| input["data"]["correspondences"] = json!([0, 6]), &[], &["vertex 6 is out of range", "are 6"]);
    fails(
        |input| input["data"]["correspondences"] = json!([0, 3]),
        &[0.1; 4],
        &["triangle 3 is out of range", "are 3"],
    );
    fails(|_| (), &[0.1; 6], &["`us`", "[3, 2]", "[2, 2]"]);
}
