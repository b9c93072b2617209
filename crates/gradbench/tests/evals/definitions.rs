//! Each eval against its definition in plain Rust, and its derivatives against finite differences of that.

use super::common;

use common::{assert_close, differences, numbers, output, rows, scatter};
use serde_json::json;

#[test]
fn hello_is_a_square_and_its_slope() {
    assert_eq!(output("hello", "square", &json!(-3.0)), [9.0]);
    assert_eq!(output("hello", "double", &json!(-3)), [-6.0]);
}

#[test]
fn lse_is_the_logarithm_of_the_sum_of_exponentials() {
    let x: Vec<f64> = scatter(7, 1).iter().map(|x| 3.0 * x).collect();
    let reference = |x: &[f64]| x.iter().map(|x| x.exp()).sum::<f64>().ln();
    assert_close(&output("lse", "primal", &json!({ "x": x })), &[reference(&x)], 1e-14);
    assert_close(&output("lse", "gradient", &json!({ "x": x })), &differences(reference, &x), 1e-9);
}

#[test]
fn lse_does_not_overflow() {
    let x = json!({ "x": [1000.0, 1000.0, -1000.0] });
    assert_close(&output("lse", "primal", &x), &[1000.0 + 2f64.ln()], 1e-15);
    assert_close(&output("lse", "gradient", &x), &[0.5, 0.5, 0.0], 1e-15);
}

#[test]
fn llsq_is_half_the_square_of_the_residuals() {
    // With an odd number of points, one of them is 0, and so is its sign.
    for (n, m) in [(2, 3), (9, 4), (10, 1)] {
        let x = scatter(m, n as u64);
        let reference = |x: &[f64]| {
            let residual = |i: usize| {
                let t = -1.0 + (i * 2) as f64 / (n - 1) as f64;
                let sign = if t == 0.0 { 0.0 } else { t.signum() };
                sign - x.iter().enumerate().map(|(j, x)| x * t.powi(j as i32)).sum::<f64>()
            };
            (0..n).map(|i| residual(i).powi(2)).sum::<f64>() / 2.0
        };
        let input = json!({ "x": x, "n": n });
        assert_close(&output("llsq", "primal", &input), &[reference(&x)], 1e-14);
        assert_close(&output("llsq", "gradient", &input), &differences(reference, &x), 1e-9);
    }
}

/// The sum over all permutations.
fn determinant(a: &[f64], n: usize) -> f64 {
    fn rest(a: &[f64], n: usize, row: usize, used: &mut Vec<usize>) -> f64 {
        if row == n {
            return 1.0;
        }
        let mut sum = 0.0;
        for column in (0..n).filter(|c| !used.contains(c)).collect::<Vec<_>>() {
            let inversions = used.iter().filter(|c| **c > column).count();
            used.push(column);
            sum += if inversions % 2 == 0 { 1.0 } else { -1.0 } * a[row * n + column] * rest(a, n, row + 1, used);
            used.pop();
        }
        sum
    }
    rest(a, n, 0, &mut Vec::new())
}

#[test]
fn det_is_the_determinant() {
    for n in 1..=5 {
        let a = scatter(n * n, n as u64);
        let input = json!({ "A": a, "ell": n });
        assert_close(&output("det", "primal", &input), &[determinant(&a, n)], 1e-14);
        assert_close(&output("det", "gradient", &input), &differences(|a| determinant(a, n), &a), 1e-9);
    }
}

#[test]
fn det_of_a_singular_matrix_has_a_gradient() {
    // The second row is twice the first.
    let a = [1.0, 2.0, 3.0, 2.0, 4.0, 6.0, 7.0, 8.0, 1.0];
    let input = json!({ "A": a, "ell": 3 });
    assert_close(&output("det", "primal", &input), &[0.0], 1e-14);
    assert_close(&output("det", "gradient", &input), &differences(|a| determinant(a, 3), &a), 1e-8);
}

/// Sizes and constants of a mixture, and its points.
struct Mixture {
    d: usize,
    k: usize,
    x: Vec<f64>,
    m: usize,
    gamma: f64,
}

fn ln_gamma(x: f64) -> f64 {
    // Stirling's series, for arguments where it is exact enough.
    if x < 20.0 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let tau = std::f64::consts::TAU;
    (x - 0.5) * x.ln() - x + 0.5 * tau.ln() + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5))
        - 1.0 / (1680.0 * x.powi(7))
}

impl Mixture {
    /// The log posterior, term by term; `p` is alpha, l, mu and q in a row.
    fn log_posterior(&self, p: &[f64]) -> f64 {
        let Mixture { d, k, .. } = *self;
        let below = d * (d - 1) / 2;
        let (alpha, p) = p.split_at(k);
        let (l, p) = p.split_at(k * below);
        let (mu, q) = p.split_at(k * d);
        let factor = |c: usize, i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => q[c * d + i].exp(),
            std::cmp::Ordering::Greater => {
                let before: usize = (0..j).map(|column| d - 1 - column).sum();
                l[c * below + before + i - j - 1]
            }
        };
        let tau = std::f64::consts::TAU;
        let weights: f64 = alpha.iter().map(|a| a.exp()).sum();
        let density = |c: usize, x: &[f64]| {
            let row = |i: usize| (0..d).map(|j| factor(c, i, j) * (x[j] - mu[c * d + j])).sum::<f64>();
            let determinant: f64 = (0..d).map(|i| factor(c, i, i)).product();
            determinant * (-0.5 * (0..d).map(|i| row(i).powi(2)).sum::<f64>()).exp() / tau.powf(d as f64 / 2.0)
        };
        let likelihood: f64 = rows(&self.x, d)
            .iter()
            .map(|x| (0..k).map(|c| alpha[c].exp() / weights * density(c, x)).sum::<f64>().ln())
            .sum();
        let degrees = (d + self.m + 1) as f64;
        // ln Γ_d(degrees / 2)
        let gamma_d = (d * (d - 1)) as f64 / 4.0 * std::f64::consts::PI.ln()
            + (0..d).map(|j| ln_gamma((degrees - j as f64) / 2.0)).sum::<f64>();
        let prior: f64 = (0..k)
            .map(|c| {
                let norm: f64 = (0..d * d).map(|ij| factor(c, ij / d, ij % d).powi(2)).sum();
                let determinant: f64 = (0..d).map(|i| q[c * d + i]).sum();
                degrees * d as f64 * (self.gamma / 2f64.sqrt()).ln() - gamma_d - self.gamma.powi(2) / 2.0 * norm
                    + self.m as f64 * determinant
            })
            .sum();
        likelihood + prior
    }
}

#[test]
fn gmm_is_the_log_posterior() {
    for (d, k, n, m, gamma) in [(1, 2, 3, 0, 1.0), (3, 2, 5, 2, 0.7), (4, 3, 6, 0, 1.3), (2, 5, 4, 1, 0.9)] {
        let below = d * (d - 1) / 2;
        let mixture = Mixture { d, k, x: scatter(n * d, 3), m, gamma };
        let p = scatter(k * (1 + below + 2 * d), 4);
        let (alpha, rest) = p.split_at(k);
        let (l, rest) = rest.split_at(k * below);
        let (mu, q) = rest.split_at(k * d);
        let l = if below == 0 { vec![&l[..0]; k] } else { rows(l, below) };
        let input = json!({ "d": d, "k": k, "n": n, "x": rows(&mixture.x, d), "m": m, "gamma": gamma,
            "alpha": alpha, "mu": rows(mu, d), "q": rows(q, d), "l": l });
        let reference = |p: &[f64]| mixture.log_posterior(p);
        assert_close(&output("gmm", "objective", &input), &[reference(&p)], 1e-12);
        assert_close(&output("gmm", "jacobian", &input), &differences(reference, &p), 1e-8);
    }
}

/// The index of the nearest centroid, and the square of its distance.
fn nearest(point: &[f64], centroids: &[&[f64]]) -> (usize, f64) {
    let distance = |c: &[f64]| point.iter().zip(c).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    let all = centroids.iter().map(|c| distance(c)).enumerate();
    all.min_by(|a, b| a.1.total_cmp(&b.1)).expect("there is a centroid")
}

#[test]
fn kmeans_steps_to_the_means_of_the_clusters() {
    // The last case takes several blocks, the last of which is partial.
    for (n, k, d) in [(7, 1, 2), (20, 3, 2), (1501, 90, 3)] {
        let points = scatter(n * d, 5);
        let points = rows(&points, d);
        let centroids: Vec<&[f64]> = points[n - k..].to_vec();
        let input = json!({ "points": points, "centroids": centroids });
        let found: Vec<(usize, f64)> = points.iter().map(|p| nearest(p, &centroids)).collect();
        let cost: f64 = found.iter().map(|(_, distance)| distance).sum();
        assert_close(&output("kmeans", "cost", &input), &[cost], 1e-12);

        // Newton's method finds the minimum of a parabola in one step: that of a cluster is at its mean.
        let step = centroids.iter().enumerate().flat_map(|(j, c)| {
            let cluster: Vec<&&[f64]> = points.iter().zip(&found).filter(|(_, f)| f.0 == j).map(|(p, _)| p).collect();
            let mean = |i: usize| cluster.iter().map(|p| p[i]).sum::<f64>() / cluster.len() as f64;
            (0..d).map(|i| c[i] - mean(i)).collect::<Vec<_>>()
        });
        assert_close(&output("kmeans", "dir", &input), &step.collect::<Vec<_>>(), 1e-12);
    }
}

#[test]
fn ode_is_solved_by_runge_and_kutta() {
    for (n, steps) in [(1, 1), (3, 1), (4, 7)] {
        let x = scatter(n, 6);
        let solve = |x: &[f64]| {
            let slope =
                |y: &[f64]| -> Vec<f64> { (0..n).map(|i| if i == 0 { x[0] } else { x[i] * y[i - 1] }).collect() };
            let add = |y: &[f64], h: f64, k: &[f64]| -> Vec<f64> { y.iter().zip(k).map(|(y, k)| y + h * k).collect() };
            let h = 2.0 / steps as f64;
            let mut y = vec![0.0; n];
            for _ in 0..steps {
                let k1 = slope(&y);
                let k2 = slope(&add(&y, h / 2.0, &k1));
                let k3 = slope(&add(&y, h / 2.0, &k2));
                let k4 = slope(&add(&y, h, &k3));
                y = (0..n).map(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])).collect();
            }
            y
        };
        let input = json!({ "x": x, "s": steps });
        assert_close(&output("ode", "primal", &input), &solve(&x), 1e-14);
        assert_close(&output("ode", "gradient", &input), &differences(|x| solve(x)[n - 1], &x), 1e-9);
    }
}

/// Gradient descent as both evals below define it, statement by statement.
fn descend(f: &dyn Fn(&[f64]) -> f64, gradient: &dyn Fn(&[f64]) -> Vec<f64>, start: &[f64]) -> Vec<f64> {
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (mut x, mut value, mut slope) = (start.to_vec(), f(start), gradient(start));
    let (mut rate, mut streak) = (1e-5, 0);
    loop {
        if norm(&slope) <= 1e-5 {
            return x;
        }
        if streak == 10 {
            (rate, streak) = (2.0 * rate, 0);
            continue;
        }
        let next: Vec<f64> = x.iter().zip(&slope).map(|(x, g)| x - rate * g).collect();
        if norm(&x.iter().zip(&next).map(|(x, y)| x - y).collect::<Vec<_>>()) <= 1e-5 {
            return x;
        }
        let there = f(&next);
        if there < value {
            (slope, value, x) = (gradient(&next), there, next);
            streak += 1;
        } else {
            (rate, streak) = (rate / 2.0, 0);
        }
    }
}

const MODES: [&str; 4] = ["ff", "fr", "rf", "rr"];

#[test]
fn saddle_finds_the_saddle_point_in_all_modes() {
    for start in [[1.0, 1.0], [0.5, -2.0]] {
        // In x and in y, the function depends on the squared length alone.
        let square = |x: &[f64]| x[0] * x[0] + x[1] * x[1];
        let end = descend(&square, &|x| vec![2.0 * x[0], 2.0 * x[1]], &start);
        for mode in MODES {
            let got = output("saddle", mode, &json!({ "start": start }));
            assert_close(&got, &[&end[..], &end].concat(), 1e-12);
        }
    }
}

/// Where the particle crosses the axis, squared: the force is that of two charges, one over the square of the distance.
fn miss(w: f64) -> f64 {
    let ([mut x, mut y], [mut vx, mut vy]) = ([0.0, 8.0], [0.75, 0.0]);
    while y + 0.1 * vy > 0.0 {
        let (mut ax, mut ay) = (0.0, 0.0);
        for (cx, cy) in [(10.0, 10.0 - w), (10.0, 0.0)] {
            let distance = f64::hypot(x - cx, y - cy);
            ax += (x - cx) / distance.powi(3);
            ay += (y - cy) / distance.powi(3);
        }
        (x, y, vx, vy) = (x + 0.1 * vx, y + 0.1 * vy, vx + 0.1 * ax, vy + 0.1 * ay);
    }
    (x - y / vy * vx).powi(2)
}

#[test]
fn particle_hits_the_origin_in_all_modes() {
    for w in [0.0, 0.3] {
        let f = |w: &[f64]| miss(w[0]);
        let end = descend(&f, &|w| differences(f, w), &[w]);
        assert!(miss(end[0]) < 1e-6);
        for mode in MODES {
            assert_close(&output("particle", mode, &json!({ "w": w })), &end, 1e-7);
        }
    }
}

#[test]
fn outputs_have_the_shapes_that_are_asked_for() {
    let input = json!({ "points": [[0.0, 1.0], [2.0, 3.0], [4.0, 4.0]], "centroids": [[1.0, 1.0], [4.0, 5.0]] });
    let step = common::evaluate("kmeans", "dir", &input)["output"].clone();
    let rows: Vec<usize> = step.as_array().expect("rows").iter().map(|row| numbers(row).len()).collect();
    assert_eq!(rows, [2, 2]);
    let gradient = common::evaluate("det", "gradient", &json!({ "A": [1.0, 2.0, 3.0, 4.0], "ell": 2 }));
    assert_eq!(gradient["output"], json!([4.0, -3.0, -2.0, 1.0]));
}
