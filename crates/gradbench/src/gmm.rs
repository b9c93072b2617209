//! `gmm`: the log posterior of a mixture of Gaussians, given points.

use cotangent::scipy::special::{logsumexp, logsumexp_axis, multigammaln};
use cotangent::{Tree, prelude::*};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json::{Matrix, Output, expect_shape, parse};
use crate::task::{Module, Task};

pub(crate) const MODULE: Module = Module {
    name: "gmm",
    functions: &[
        ("objective", |input| {
            let (prior, args) = read(input)?;
            Ok(Task::new(move |p: &Mixture, x: &Array| log_posterior(p, x, prior), args))
        }),
        ("jacobian", |input| {
            let (prior, args) = read(input)?;
            Ok(Task::new(grad(move |p: &Mixture, x: &Array| log_posterior(p, x, prior)), args))
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    d: usize,
    k: usize,
    n: usize,
    x: Matrix,
    m: usize,
    gamma: f64,
    alpha: Vec<f64>,
    mu: Matrix,
    q: Matrix,
    l: Matrix,
}

/// The fitted parameters: `k` Gaussians in `d` dimensions.
#[derive(Clone, Tree)]
struct Mixture {
    /// Logarithms of the weights, up to a constant: `[k]`.
    alpha: Array,
    /// The means: `[k, d]`.
    mu: Array,
    /// Logarithms of the diagonals of the factors of the precision matrices: `[k, d]`.
    q: Array,
    /// The entries below their diagonals, column by column: `[k, d (d - 1) / 2]`.
    l: Array,
}

/// The Wishart prior of the precision matrices.
#[derive(Clone, Copy)]
struct Wishart {
    m: usize,
    gamma: f64,
}

fn read(input: &RawValue) -> Result<(Wishart, (Mixture, Array))> {
    let Input { d, k, n, x, m, gamma, alpha, mu, q, l } = parse(input)?;
    expect_shape("alpha", &[alpha.len()], &[k])?;
    expect_shape("x", &x.shape(), &[n, d])?;
    expect_shape("mu", &mu.shape(), &[k, d])?;
    expect_shape("q", &q.shape(), &[k, d])?;
    expect_shape("l", &l.shape(), &[k, d * d.saturating_sub(1) / 2])?;
    let mixture = Mixture { alpha: Array::from(alpha), mu: mu.into_array()?, q: q.into_array()?, l: l.into_array()? };
    Ok((Wishart { m, gamma }, (mixture, x.into_array()?)))
}

impl Output for Mixture {
    fn to_json(&self) -> Result<Value> {
        Ok(json!({
            "alpha": self.alpha.to_json()?,
            "mu": self.mu.to_json()?,
            "q": self.q.to_json()?,
            "l": self.l.to_json()?,
        }))
    }
}

impl Mixture {
    /// The lower triangular factors `Q` of the precision matrices `Qᵀ Q`: `[k, d, d]`.
    fn factors(&self) -> Array {
        let [k, d] = [0, 1].map(|axis| self.q.shape()[axis]);
        let below = (0..d).flat_map(|column| (column + 1..d).map(move |row| (row * d + column) as i32));
        let diagonal = (0..d).map(|i| (i * d + i) as i32);
        let places = Array::from(diagonal.chain(below).collect::<Vec<_>>());
        let entries = np::concatenate(&[&self.q.exp(), &self.l], 1);
        np::zeros_as((k, d * d), DType::F64).at((.., &places)).set(entries).reshape((k, d, d))
    }
}

/// Returns the logarithm of the posterior probability of a mixture given the points `x`, `[n, d]`.
fn log_posterior(p: &Mixture, x: &Array, prior: Wishart) -> Array {
    let [n, d] = [0, 1].map(|axis| x.shape()[axis]);
    let factors = p.factors();
    let log_determinants = p.q.sum_axis(1);

    let log_densities = &p.alpha + &log_determinants - 0.5 * distances(&factors, &p.mu, x);
    let likelihood = logsumexp_axis(log_densities, 1).sum()
        - n as f64 * (logsumexp(&p.alpha) + 0.5 * d as f64 * std::f64::consts::TAU.ln());

    likelihood + log_wishart(&factors, &log_determinants, prior)
}

/// Returns the squared distances `‖Q (x - μ)‖²` of points `[n, d]` from means `[k, d]`: `[n, k]`.
fn distances(factors: &Array, means: &Array, x: &Array) -> Array {
    let (n, [k, d]) = (x.shape()[0], [0, 1].map(|axis| means.shape()[axis]));
    if k < d {
        let apart = np::einsum("kij,nj->nki", &[factors, x]) - np::einsum("kij,kj->ki", &[factors, means]);
        return apart.powi(2).sum_axis(2);
    }
    // As quadratic forms in x, the distances are linear in the products of its coordinates: n d² numbers, where the
    // formula above has n k d. The products do not depend on the mixture, so the backward pass has one matrix product
    // fewer.
    let precisions = np::einsum("kia,kib->kab", &[factors, factors]);
    let centers = np::einsum("kab,kb->ka", &[&precisions, means]);
    let products = (x.expand_dims(2) * x.expand_dims(1)).reshape((n, d * d));
    let quadratic = np::matmul(products, precisions.reshape((k, d * d)).t());
    quadratic - 2.0 * np::matmul(x, centers.t()) + (means * &centers).sum_axis(1)
}

/// Returns the logarithm of the prior's density at the precision matrices with these factors, summed over them.
fn log_wishart(factors: &Array, log_determinants: &Array, Wishart { m, gamma }: Wishart) -> Array {
    let [k, d] = [0, 1].map(|axis| factors.shape()[axis]);
    let degrees = (d + m + 1) as f64;
    let constant = degrees * d as f64 * (gamma / 2f64.sqrt()).ln() - multigammaln(Array::scalar(0.5 * degrees), d);
    k as f64 * constant - 0.5 * gamma * gamma * factors.powi(2).sum() + m as f64 * log_determinants.sum()
}
