//! The numbers of the statistics notebook, against JAX's.

use cotangent::prelude::*;
use cotangent::scipy::stats::norm;
use cotangent::{numpy as np, random};

fn neglogp(mu: &Array, log_sigma: &Array, data: &Array) -> Array {
    -np::sum(norm::logpdf(data, mu, np::exp(log_sigma)))
}

fn close(x: &Array, expected: f64, tolerance: f64) {
    let x = x.item::<f64>();
    assert!((x - expected).abs() <= tolerance * expected.abs(), "{x} is not {expected}");
}

fn data() -> Array {
    let key = random::PRNGKey(44);
    let true_mu = -3.0;
    let true_log_sigma = np::log(2.0);
    random::normal(key, 1000) * np::exp(&true_log_sigma) + true_mu
}

#[test]
fn samples_are_those_of_jax() {
    let bits = [1057951820u32, 1073403421, 1059747549, 3172850305, 3219810112, 1066934367, 3168962832, 3215523111];
    let raw = random::normal(random::PRNGKey(44), 1000).to_vec::<f32>();
    for (x, bits) in raw.iter().zip(bits) {
        assert!(x.to_bits().abs_diff(bits) <= 1, "{x:e} is not {:e}", f32::from_bits(bits));
    }
    let data = data();
    let first = [-1.882315158843994, 0.919318437576294, -1.6682475805282593, -3.0770769119262695];
    for (x, expected) in data.to_vec::<f32>().iter().zip(first) {
        assert!((x - expected as f32).abs() < 1e-6, "{x} is not {expected}");
    }
    close(&np::sum(&data), -2986.90185546875, 1e-6);
    close(&np::mean(&data), -2.9869019985198975, 1e-6);
    close(&np::std(&data), 1.9911935329437256, 1e-6);
}

#[test]
fn the_likelihood_and_its_gradient() {
    let data = data();
    let (mu, log_sigma) = (Array::from(-6.0), np::log(2.0));
    close(&neglogp(&mu, &log_sigma, &data), 3242.53759765625, 1e-6);

    let slopes = grad(|mu: &Array, log_sigma: &Array| neglogp(mu, log_sigma, &data)).argnums(args!(0, 1));
    let (dmu, dlog_sigma) = slopes(&mu, &log_sigma);
    close(&dmu, -753.2744750976562, 1e-5);
    close(&dlog_sigma, -2260.9033203125, 1e-5);

    let (mut mu, mut log_sigma) = (mu, log_sigma);
    for _ in 0..300 {
        let (dmu, dlog_sigma) = slopes(&mu, &log_sigma);
        mu -= 0.0001 * dmu;
        log_sigma -= 0.0001 * dlog_sigma;
    }
    close(&mu, -2.9914934635162354, 1e-5);
    close(&np::exp(&log_sigma), 1.9912006855010986, 1e-5);
}

#[test]
fn the_surface() {
    let line = np::arange((-1.5, 1.5, 1e-2));
    let (x, y) = np::meshgrid(&line, &line);
    let z = 2.0 * x.powi(2) - 4.0 * &x * &y + (y.powi(4) + 2.0);
    assert_eq!(z.shape(), [300, 300]);
    close(&z.min(), 1.0, 1e-6);
    close(&z.max(), 20.442699432373047, 1e-6);
    let z = z.to_vec::<f32>();
    assert!((z[0] - 2.5625).abs() < 1e-5 && (z[150 * 300 + 200] - 2.5).abs() < 1e-5);
}
