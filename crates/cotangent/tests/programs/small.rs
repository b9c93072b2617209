//! Small functions of one line each.

use cotangent::prelude::*;
use cotangent::scipy::special::{log_softmax, logsumexp, ndtr, softmax};

use super::{Table, programs};

/// Returns the elements of a vector from `start` (inclusive) to `limit` (exclusive).
pub(crate) fn part(x: &Array, start: usize, limit: usize) -> Array {
    x.slice_axis(0, start, limit)
}

/// Returns 0, 1, …, n − 1.
fn count(n: usize) -> Array {
    Array::from((0..n).map(|i| i as f64).collect::<Vec<_>>())
}

pub(crate) fn standardised(x: &Array, epsilon: f64) -> Array {
    (x - x.mean_keepdims(-1)) / ((x - x.mean_keepdims(-1)).square().mean_keepdims(-1) + epsilon).sqrt()
}

pub(crate) const SMALL: Table = programs! {
    "polynomial" |x| 3.0 * x.powi(2) + 4.0 * x - 3.0;
    "sin_exp" |x| x.sin() * x.exp();
    "tanh_of_tanh" |x| (2.0 * x.tanh()).tanh();
    "swish" |x| x * x.logistic();
    "softplus" |x| np::logaddexp(x, 0.0);
    "gelu" |x| 0.5 * x * (1.0 + (x / 2.0f64.sqrt()).erf());
    "gelu_tanh" |x| 0.5 * x * (1.0 + ((2.0 / np::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh());
    "logsumexp_" |x| logsumexp(x);
    "softmax_" |x| softmax(x, -1);
    "log_softmax_" |x| log_softmax(x, -1);
    "rosenbrock" |x| {
        let (head, tail) = (part(x, 0, 4), part(x, 1, 5));
        (100.0 * (tail - head.square()).square() + (1.0 - head).square()).sum()
    };
    "quartic" |x| x.powi(4).sum() + x.sum() * x.sin().sum();
    "norm" |x| x.square().sum().sqrt();
    "normalised" |x| x / x.square().sum().sqrt();
    "cosine_similarity" |x, y| (x * y).sum() / (x.square().sum() * y.square().sum()).sqrt();
    "variance" |x| np::var(x);
    "layer_norm" |x| standardised(x, 1e-3);
    "product" |x| x.prod();
    "cumulative_sum" |x| np::cumsum(x).square();
    "cumulative_product" |x| np::cumprod(x.exp());
    "order_statistics" |x| (np::sort(x) * count(5).square()).sum();
    "trimmed_mean" |x| part(&np::sort(x.powi(3)), 1, 5).mean();
    "outer_trace" |x, y| np::trace(np::outer(x.sin(), y).square());
    "quadratic_form" |a, x| x.dot(a).dot(x);
    "matrix_cube" |a| np::trace(a.matmul(a).matmul(a));
    "einsum_chain" |a, b, c| np::einsum("ij,jk,kl->il", &[&a.sin(), b, c]);
    "einsum_batched" |a, b| np::einsum("bij,bjk->ki", &[a, b]).square();
    "kronecker" |a, b| np::kron(a, b).powi(3).sum();
    "safe_log" |x| {
        let positive = x.greater(0.0);
        np::where_(&positive, np::where_(&positive, x, 1.0).log(), -x).sum()
    };
    "clipped" |x| np::clip(x.square(), 0.1, 0.9) * x;
    "huber" |x| np::where_(x.abs().less(0.5), 0.5 * x.square(), 0.5 * (x.abs() - 0.25));
    "polar" |x, y| y.atan2(x) * np::hypot(x, y);
    "complex_rotation" |x, y| {
        let zero = np::zeros_like(x);
        (x.complex(y) * zero.complex(x * y).exp()).real()
    };
    "complex_polynomial" |x, y| {
        let c = Array::scalar(0.3f64).complex(Array::scalar(-0.1f64));
        (x.complex(y).square() + c).abs().square()
    };
    "power" |x, y| x.pow(y);
    "rational" |x| (x.powi(3) - 2.0 * x) / (1.0 + x.square());
    "log_beta" |a, b| a.lgamma() + b.lgamma() - (a + b).lgamma();
    "probit" |x| ndtr(x).log();
    "hyperbolic" |x| (x.sinh() * x.cosh()).asinh();
    "log1p_expm1" |x| x.expm1().square().log1p();
    "row_maxima" |x| x.max_axis(1) * x.min();
    "differences" |x| np::diff(x).powi(3);
    "trapezoid" |x| np::trapezoid(x.exp(), 0.5, -1);
    "moved_about" |x| {
        let turned = np::flip(x, 0).t().reshape([2, 3]);
        np::concatenate(&[&np::roll(x, 1, 1), &turned], 0) * np::tile(x, [2, 1])
    };
    "padded" |x| np::pad(x, &[(1, 2)], 0.0) * count(6) + np::pad(x.square(), &[(2, 1)], 0.0);
    "triangles" |a| np::tril(a).matmul(np::triu_k(a, 1)) + np::diag(np::diag(a));
    "tensor_product" |a, b| np::tensordot(a, b, 1) * np::tensordot(a, b, ([0], [1])).sum();
    "swapped" |x| np::moveaxis(x, 0, -1) * np::swapaxes(x, 0, 2).reshape([3, 2, 2]);
    "repeated" |x| np::repeat(x, 2, 0) * (count(6) / 5.0);
    "standard_normal_density" |x| (-0.5 * x.square()).exp() / (2.0 * np::PI).sqrt();
};
