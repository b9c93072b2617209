//! The sparse Jacobian of a scene in which everything differs, against finite differences of the errors in plain Rust.

use super::*;

/// The numbers that the errors depend on, in the order of the Jacobian's columns, and the variables of each error.
struct Plain {
    values: Vec<f64>,
    features: Vec<[f64; 2]>,
    /// The camera and the point of each observation.
    seen: Vec<[usize; 2]>,
    points: usize,
    weights: usize,
}

fn plain(cameras: usize, points: usize, observations: usize) -> Plain {
    let wave = |i: usize| (i as f64 * 1.7).sin();
    let camera = |c: usize| {
        // The first camera has no rotation.
        let turn = if c == 0 { [0.0; 3] } else { [0, 1, 2].map(|i| wave(3 * c + i)) };
        let center = [0, 1, 2].map(|i| 0.3 * wave(5 * c + i + 40));
        let rest = [1.5 + 0.1 * wave(c), 0.2 * wave(c + 1), 0.3 * wave(c + 2), 0.1 * wave(c + 3), 0.05 * wave(c + 4)];
        [&turn[..], &center, &rest].concat()
    };
    let point = |i: usize| [wave(i + 7), wave(i + 17), 4.0 + wave(i + 27)];
    let mut values: Vec<f64> = (0..cameras).flat_map(camera).collect();
    values.extend((0..points).flat_map(point));
    values.extend((0..observations).map(|i| 1.0 + 0.5 * wave(i + 3)));
    Plain {
        values,
        features: (0..observations).map(|i| [wave(i + 70), wave(i + 80)]).collect(),
        seen: (0..observations).map(|i| [(i * i + 1) % cameras, (i + i / 2) % points]).collect(),
        points: CAMERA * cameras,
        weights: CAMERA * cameras + 3 * points,
    }
}

impl Plain {
    fn arrays(&self) -> (Scene, Observations) {
        let columns = |rows: &[f64], width: usize| Array::from(rows.to_vec()).reshape((rows.len() / width, width)).t();
        let scene = Scene {
            cameras: columns(&self.values[..self.points], CAMERA),
            points: columns(&self.values[self.points..self.weights], 3),
        };
        let index = |which: usize| Array::from(self.seen.iter().map(|s| s[which] as i32).collect::<Vec<_>>());
        let feature = |i: usize| Array::from(self.features.iter().map(|f| f[i]).collect::<Vec<_>>());
        let weight = Array::from(self.values[self.weights..].to_vec());
        (scene, Observations { weight, camera: index(0), point: index(1), feature: [feature(0), feature(1)] })
    }

    /// The reprojection errors of all observations, then the errors of their weights.
    fn errors(&self, values: &[f64]) -> Vec<f64> {
        let reprojection = self.seen.iter().enumerate().flat_map(|(i, [camera, point])| {
            let camera = &values[CAMERA * camera..][..CAMERA];
            let point = &values[self.points + 3 * point..][..3];
            let x = [0, 1, 2].map(|i| point[i] - camera[3 + i]);
            let x = turned(&camera[..3], x);
            let [u, v] = [x[0] / x[2], x[1] / x[2]];
            let square = u * u + v * v;
            let distortion = 1.0 + camera[9] * square + camera[10] * square * square;
            let weight = values[self.weights + i];
            [(u, 0), (v, 1)]
                .map(|(x, axis)| weight * (x * distortion * camera[6] + camera[7 + axis] - self.features[i][axis]))
        });
        let weights = values[self.weights..].iter().map(|w| 1.0 - w * w);
        reprojection.chain(weights).collect()
    }
}

/// A rotation by the exponential series of the cross product's matrix.
fn turned(axis: &[f64], x: [f64; 3]) -> [f64; 3] {
    let (mut sum, mut term) = (x, x);
    for n in 1..40 {
        let [a, b, c] = term;
        term = [axis[1] * c - axis[2] * b, axis[2] * a - axis[0] * c, axis[0] * b - axis[1] * a].map(|t| t / n as f64);
        sum = [0, 1, 2].map(|i| sum[i] + term[i]);
    }
    sum
}

fn assert_close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance * (1.0 + expected.abs()), "{got} where {expected} is expected");
}

#[test]
fn the_errors_are_those_of_the_definition() {
    let plain = plain(3, 4, 9);
    let (scene, seen) = plain.arrays();
    let Errors { reprojection, weight } = errors(&scene, &seen);
    let got = [reprojection.reshape(18).to_vec::<f64>(), weight.to_vec()].concat();
    let expected = plain.errors(&plain.values);
    assert_eq!(got.len(), expected.len());
    got.iter().zip(&expected).for_each(|(x, y)| assert_close(*x, *y, 1e-12));
}

/// All entries of each row of the matrix.
fn dense(matrix: &Sparse, columns: usize) -> Vec<Vec<f64>> {
    let rows = matrix.rows.to_vec::<i32>();
    let (places, values) = (matrix.columns.to_vec::<i32>(), matrix.values.to_vec::<f64>());
    assert_eq!((rows[0], rows.last().copied()), (0, Some(places.len() as i32)));
    assert_eq!(places.len(), values.len());
    let row = |ends: &[i32]| {
        let mut row = vec![0.0; columns];
        (ends[0]..ends[1]).for_each(|i| row[places[i as usize] as usize] += values[i as usize]);
        row
    };
    rows.windows(2).map(row).collect()
}

#[test]
fn the_jacobian_is_that_of_the_errors() {
    let plain = plain(3, 4, 9);
    let (scene, seen) = plain.arrays();
    let matrix = jacobian(&scene, &seen);
    assert_eq!(matrix.values.size(), 9 * 31, "nothing but what can differ from zero");
    let got = dense(&matrix, plain.values.len());
    assert_eq!(got.len(), 27);
    const STEP: f64 = 1e-5;
    for column in 0..plain.values.len() {
        let [up, down] = [STEP, -STEP].map(|step| {
            let mut values = plain.values.clone();
            values[column] += step;
            plain.errors(&values)
        });
        for row in 0..27 {
            assert_close(got[row][column], (up[row] - down[row]) / (2.0 * STEP), 1e-8);
        }
    }
}

#[test]
fn blocks_do_not_show() {
    let count = 2 * BLOCK + 5;
    let plain = plain(7, 11, count);
    let (scene, seen) = plain.arrays();
    let whole = jacobian(&scene, &seen).values.to_vec::<f64>();
    for i in [0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, count - 1] {
        let alone = seen.map(|x| x.slice_axis(0, i, i + 1));
        let expected = jacobian(&scene, &alone).values.to_vec::<f64>();
        whole[30 * i..30 * (i + 1)].iter().zip(&expected).for_each(|(x, y)| assert_close(*x, *y, 1e-13));
        assert_close(whole[30 * count + i], expected[30], 1e-15);
    }
}
