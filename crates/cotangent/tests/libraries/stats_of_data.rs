//! The functions of `scipy::stats` that belong to no distribution, and `GaussianKde`, against stored JAX results.

use super::goldens_lib::functions::{self, option};
use super::goldens_lib::{difference, floats};

use cotangent::prelude::*;
use cotangent::scipy::stats::{self, Bandwidth, GaussianKde, Ties};

/// The axis that a case names; none is that of all elements.
fn axis(how: &str, at: usize) -> Option<isize> {
    how.split(' ').nth(at).expect("an axis").parse().ok()
}

fn axes(x: &Array, axis: Option<isize>) -> Vec<isize> {
    axis.map_or_else(|| (0..x.ndim().max(1) as isize).collect(), |axis| vec![axis])
}

fn mode(how: &str, x: &Array) -> Vec<Array> {
    let axes = axes(x, axis(how, 0));
    let (value, count) = if how.ends_with("keepdims") { stats::mode_keepdims(x, axes) } else { stats::mode(x, axes) };
    vec![value, count]
}

fn rankdata(how: &str, x: &Array) -> Array {
    let ties = match how.split(' ').next() {
        Some("average") => Ties::Average,
        Some("min") => Ties::Min,
        Some("max") => Ties::Max,
        Some("dense") => Ties::Dense,
        _ => Ties::Ordinal,
    };
    axis(how, 1).map_or_else(|| stats::rankdata(x, ties), |axis| stats::rankdata_axis(x, ties, axis))
}

fn sem(how: &str, x: &Array) -> Array {
    let axes = axes(x, axis(how, 0));
    let ddof = option(how, "ddof").map_or(1, |ddof| ddof.parse().expect("a number"));
    match how.split(' ').nth(1) {
        Some("keepdims") => stats::sem_keepdims(x, axes, ddof),
        Some("omit") => stats::nansem(x, axes, ddof),
        _ => stats::sem(x, axes, ddof),
    }
}

fn kde(how: &str, x: &[Array]) -> Vec<Array> {
    let words: Vec<&str> = how.split(' ').collect();
    let bandwidth = match words[0] {
        "scott" => Bandwidth::Scott,
        "silverman" => Bandwidth::Silverman,
        factor => Bandwidth::Factor(factor.parse::<f64>().expect("a factor").into()),
    };
    let kde = |x: &Array| GaussianKde::with(x, bandwidth.clone(), None);
    let value = match words[1] {
        "fields" => {
            let GaussianKde { neff, dataset, weights, covariance, inv_cov } = kde(&x[0]);
            return vec![neff, dataset, weights, covariance, inv_cov];
        }
        "evaluate" => kde(&x[0]).evaluate(&x[1]),
        "pdf" => kde(&x[0]).pdf(&x[1]),
        "logpdf" => kde(&x[0]).logpdf(&x[1]),
        "weights" => GaussianKde::with(&x[0], bandwidth, Some(&(x[1].abs() + 0.5))).logpdf(&x[2]),
        "integrate_gaussian" => kde(&x[0]).integrate_gaussian(&x[1], (&x[2] + x[2].t()) / 2),
        "integrate_box_1d" => kde(&x[0]).integrate_box_1d(&x[1], &x[2]),
        "integrate_kde" => kde(&x[0]).integrate_kde(&kde(&x[1])),
        "resample" => {
            let shape: Vec<usize> = words.get(2).iter().filter_map(|n| n.parse().ok()).collect();
            kde(&x[0]).resample(random::key(1), shape)
        }
        other => panic!("no method {other}"),
    };
    vec![value]
}

fn call(name: &str, how: &str, x: &[Array], _: DType) -> Vec<Array> {
    match name.strip_prefix("jax.scipy.stats.").expect("a path") {
        "mode" => mode(how, &x[0]),
        "rankdata" => vec![rankdata(how, &x[0])],
        "sem" => vec![sem(how, &x[0])],
        "gaussian_kde" => kde(how, x),
        other => panic!("no function {other}"),
    }
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("stats_of_data", call);
}

/// Samples have the mean and the covariance of the data, of which that of the kernels is a part; a tree of arrays goes
/// through `jit`; limits are broadcast.
#[test]
fn a_density_is_a_tree_that_is_sampled() {
    let points = Array::from([[0.0f64, 1.0, 3.0, 2.0, -1.0], [1.0, -1.0, 0.5, 0.0, 2.0]]);
    let kde = GaussianKde::new(&points);
    let samples = jit(|kde: &GaussianKde| kde.resample(random::key(0), (40, 500)))(&kde);
    assert_eq!(samples.shape(), [2, 40, 500]);
    let samples = samples.reshape((2, -1));
    let mean = difference(&samples.mean_axis(1), &points.mean_axis(1), 0.0, 0.03);
    let centered = &points - points.mean_keepdims(1);
    let spread = np::matmul(&centered, centered.t()) / 5.0 + &kde.covariance;
    assert_eq!(mean.or(difference(&np::cov(&samples), &spread, 0.0, 0.08)), None);
    let numbers = GaussianKde::new(points.get(0));
    let parts = numbers.integrate_box_1d(np::array([-99.0, 0.5]), np::array([0.5, 99.0]));
    assert!((floats(&parts).iter().sum::<f64>() - 1.0).abs() < 1e-12);
}
