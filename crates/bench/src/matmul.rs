//! Products of large matrices, and attention over long sequences.

use cotangent::lax::{DotGeneral, Precision};
use cotangent::nn::{Attention, Implementation};
use cotangent::scipy::special::softmax;
use cotangent::{args, lax, nn, numpy as np, prelude::*, random};

use crate::{Bench, Case, Size, numbers, ready};

const F32: Precision = Precision::Highest;
/// On a GPU, the default precision of `f32` is TF32: 10 bits of the significand.
const TF32: Precision = Precision::Default;
const NARROW: Precision = Precision::Default;

macro_rules! products {
    ($($name:literal $sizes:expr, $dtype:ident $precision:ident $about:literal;)*) => {
        &[$(Case::sized(concat!("matmul/", $name), $about, "call", |size| {
            product(size.of($sizes), DType::$dtype, $precision)
        })),*]
    };
}

const LARGE: (usize, usize) = (8192, 256);
const MEDIUM: (usize, usize) = (2048, 128);

pub(crate) const PRODUCTS: &[Case] = products! {
    "large-f32" LARGE, F32 F32 "product of 8192 × 8192 in f32, full precision";
    "large-tf32" LARGE, F32 TF32 "product of 8192 × 8192 in f32, default precision";
    "large-bf16" LARGE, BF16 NARROW "product of 8192 × 8192 in bf16";
    "large-f16" LARGE, F16 NARROW "product of 8192 × 8192 in f16";
    "medium-f32" MEDIUM, F32 F32 "product of 2048 × 2048 in f32, full precision";
    "medium-tf32" MEDIUM, F32 TF32 "product of 2048 × 2048 in f32, default precision";
    "medium-bf16" MEDIUM, BF16 NARROW "product of 2048 × 2048 in bf16";
    "medium-f16" MEDIUM, F16 NARROW "product of 2048 × 2048 in f16";
};

/// The case that shows how fast products of these numbers can be.
pub(crate) fn peak(dtype: DType, precision: Precision) -> &'static str {
    match (dtype, precision) {
        (DType::BF16, _) => "matmul/large-bf16",
        (DType::F16, _) => "matmul/large-f16",
        (_, Precision::Highest) => "matmul/large-f32",
        _ => "matmul/large-tf32",
    }
}

/// Random numbers, because the power that a product takes depends on its numbers.
fn product(n: usize, dtype: DType, precision: Precision) -> Bench {
    let [a, b] = random::key(20).split();
    let (x, y) = ready((random::normal(a, (n, n)).astype(dtype), random::normal(b, (n, n)).astype(dtype)));
    let options = DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]).precision(precision);
    let f = jit(move |x: &Array, y: &Array| lax::dot_general(x, y, &options));
    let check = numbers(&f(&x, &y).slice_axis(0, 0, 1).slice_axis(1, 0, 8));
    let bytes = 3 * n * n * dtype.bits() / 8;
    let bench = Bench::queued(move || f(&x, &y)).check(check).bound_by(peak(dtype, precision));
    bench.flops(2.0 * (n as f64).powi(3)).bytes(bytes)
}

macro_rules! attentions {
    ($($name:literal $sizes:expr, $dtype:ident $about:literal;)*) => {
        &[$(Case::sized(concat!("attention/", $name), $about, "call", |size| {
            attention(size, size.of($sizes), DType::$dtype)
        })),*]
    };
}

const LONG: (usize, usize) = (4096, 64);
const SHORT: (usize, usize) = (1024, 32);

pub(crate) const ATTENTION: &[Case] = attentions! {
    "short-f32" SHORT, F32 "causal attention, 4 × 16 heads of 64, 1024 positions, in f32, default precision";
    "short-bf16" SHORT, BF16 "the same in bf16";
    "short-f16" SHORT, F16 "the same in f16";
    "long-f32" LONG, F32 "causal attention, 4 × 16 heads of 64, 4096 positions, in f32, default precision";
    "long-bf16" LONG, BF16 "the same in bf16";
    "long-f16" LONG, F16 "the same in f16";
};

pub(crate) const FUSED: &[Case] = &[
    Case::sized("attention/cudnn-bf16", "attention/long-bf16 by cuDNN", "call", |size| fused(size, false)),
    Case::sized("attention/cudnn-bf16-gradient", "its gradient in query, key and value", "call", |size| {
        fused(size, true)
    }),
];

/// Causal attention by cuDNN, or the gradient of the sum of its results: `[batch, position, head, feature]`.
fn fused(size: Size, gradient: bool) -> Bench {
    let (batch, heads, places, features) = (size.of((4, 1)), size.of((16, 2)), size.of(LONG), 64);
    let [a, b, c] = random::key(21).split();
    let shape = (batch, places, heads, features);
    let [q, k, v] = ready([a, b, c].map(|key| random::normal(key, shape).astype(DType::BF16)));
    let options = Attention::new().causal().implementation(Implementation::Cudnn);
    let attend = move |q: &Array, k: &Array, v: &Array| nn::dot_product_attention(q, k, v, &options);
    let flops = 4.0 * (batch * heads * features * places * places) as f64;
    let first = |x: &Array| numbers(&x.reshape((batch * places * heads, features)).at(7).get())[..8].to_vec();
    let bench = if gradient {
        let sum = move |q: &Array, k: &Array, v: &Array| attend(q, k, v).astype(DType::F32).square().sum();
        let f = jit(grad(sum).argnums(args!(0, 1, 2)));
        let check = first(&f(&q, &k, &v).0);
        // Two products forward, and five backward.
        Bench::queued(move || f(&q, &k, &v).0).check(check).flops(3.5 * flops)
    } else {
        let f = jit(attend);
        let check = first(&f(&q, &k, &v));
        Bench::queued(move || f(&q, &k, &v)).check(check).flops(flops)
    };
    bench.bound_by(peak(DType::BF16, Precision::Default))
}

fn attention(size: Size, places: usize, dtype: DType) -> Bench {
    let (batch, heads, features) = (size.of((4, 1)), size.of((16, 2)), 64);
    let [a, b, c] = random::key(21).split();
    let shape = (batch, heads, places, features);
    let inputs = [a, b, c].map(|key| random::normal(key, shape).astype(dtype));
    let [q, k, v] = ready(inputs);
    let f = jit(|q: &Array, k: &Array, v: &Array| attend(q, k, v));
    let check = numbers(&f(&q, &k, &v).reshape((batch * heads * places, features)).slice_axis(0, 7, 8));
    // Both products, also above the diagonal, where the weights are zero.
    let flops = 4.0 * (batch * heads * features * places * places) as f64;
    let bench = Bench::queued(move || f(&q, &k, &v)).check(check[..8].to_vec());
    bench.flops(flops).bound_by(peak(dtype, Precision::Default))
}

/// Attention of each position to those before it: `[batch, head, position, feature]`.
pub(crate) fn attend(q: &Array, k: &Array, v: &Array) -> Array {
    let (places, features) = (q.shape()[2], q.shape()[3]);
    let scores = np::einsum("bhqd,bhkd->bhqk", &[q, k]) / (features as f64).sqrt();
    let causal = np::tri(places, places, 0).astype(DType::Bool);
    let weights = softmax(np::where_(causal, scores, -1e4), -1);
    np::einsum("bhqk,bhkd->bhqd", &[&weights, v])
}
