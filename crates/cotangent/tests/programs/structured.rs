//! Images, signals, indices and matrices.

use cotangent::lax::{self, Conv, Padding, Window};
use cotangent::scipy::linalg::{Trans, solve_triangular};
use cotangent::{fft, prelude::*};

use super::{Table, programs};

fn convolve(x: &Array, kernel: &Array, padding: Padding) -> Array {
    lax::conv_general_dilated(x, kernel, &Conv::new([1, 1], padding))
}

/// Returns a 2 × 2 pooling window for images with channels before rows.
fn pool() -> Window {
    Window::new([1, 1, 2, 2]).strides([1, 1, 2, 2])
}

fn convolutional(k1: &Array, k2: &Array, x: &Array) -> Array {
    let h =
        lax::reduce_window(&convolve(x, k1, Padding::Same).tanh(), &Array::scalar(0.0f64), |a, b| a + b, &pool()) / 4.0;
    np::sum_axis(convolve(&h, k2, Padding::Valid).square(), [0, 2, 3])
}

fn max_pooled(k: &Array, x: &Array) -> Array {
    let least = Array::scalar(f64::NEG_INFINITY);
    lax::reduce_window(&convolve(x, k, Padding::Same).sin(), &least, |a, b| a.maximum(b), &pool()).square().sum()
}

fn dilated_by_groups(k: &Array, x: &Array) -> Array {
    let options = Conv::new([2], [(1, 2)]).rhs_dilation([2]).feature_group_count(2);
    lax::conv_general_dilated(x.sin(), k, &options).square()
}

fn circular_convolution(x: &Array, y: &Array) -> Array {
    fft::ifft(fft::fft(x) * fft::fft(y.sin())).real().square()
}

fn low_pass(x: &Array) -> Array {
    let kept = (-0.5 * np::arange(5.0).astype(DType::F64)).exp();
    fft::Transform::new().n(8).irfft(fft::rfft(x.square()) * kept).powi(3).sum()
}

fn embedding(table: &Array, w: &Array) -> Array {
    table.get(Array::from([[0, 3, 3], [1, 2, 0]])).sum_axis(1).dot(w).square()
}

fn histogram(x: &Array) -> Array {
    np::zeros_as(3, DType::F64).at(Array::from([0, 2, 0, 1, 2])).add(x.sin()).square()
}

fn updated_in_place(x: &Array, v: &Array) -> Array {
    (x.at(1..3).multiply(v).at(-1).set(v.square()) * x).square()
}

fn sliding(x: &Array, w: &Array) -> Array {
    let body = |i: &Array, sum: &Array| sum + i * lax::dynamic_slice_in_dim(x, i, 2, 0).dot(w).square();
    lax::fori_loop(0, 5, body, Array::scalar(0.0f64))
}

fn greatest(x: &Array) -> Array {
    (lax::top_k(x.sin(), 2, -1).0 * Array::from([1.0, 2.0])).sum().square()
}

fn gaussian_density(a: &Array, x: &Array) -> Array {
    let l = lax::linalg::cholesky(a.dot(a.t()) + 3.0 * np::eye_as(3, 3, 0, DType::F64));
    let z = solve_triangular(&l, x, Trans::No, true, false);
    -0.5 * z.square().sum() - np::diag(&l).log().sum()
}

pub(crate) const STRUCTURED: Table = programs! {
    "convolutional" |k1, k2, x| convolutional(k1, k2, x);
    "max_pooled" |k, x| max_pooled(k, x);
    "dilated_by_groups" |k, x| dilated_by_groups(k, x);
    "circular_convolution" |x, y| circular_convolution(x, y);
    "low_pass" |x| low_pass(x);
    "embedding" |table, w| embedding(table, w);
    "histogram" |x| histogram(x);
    "updated_in_place" |x, v| updated_in_place(x, v);
    "sliding" |x, w| sliding(x, w);
    "greatest" |x| greatest(x);
    "gaussian_density" |a, x| gaussian_density(a, x);
};
