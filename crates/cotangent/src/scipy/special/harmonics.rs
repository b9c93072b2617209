//! Bessel functions of integer order, spherical harmonics, Bernoulli numbers and Owen's T function.

use std::f64::consts::{PI, SQRT_2};

use super::{real_inexact, tables};
use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::scan;
use crate::numpy::{self as np, isnan, logical_not, where_};
use crate::ops::promoted;

/// The Bessel functions of the first kind Jₖ(z), for k from 0 to `v`, along a new first axis. Miller's recurrence begins
/// at the order `n_iter`; JAX's default is 50, which is sufficient for |z| up to about 25. As in JAX, the recurrence overflows
/// where J of that order is below the range of the dtype, and the result is NaN: for small |z|, use `f64` or a lower order.
///
/// ```
/// use cotangent::scipy::special;
/// let j = special::bessel_jn(cotangent::Array::scalar(1.0f64), 1, 50).to_vec::<f64>();
/// assert!((j[0] - 0.765_197_7).abs() < 1e-6 && (j[1] - 0.440_050_6).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `z` is complex, or `n_iter` is less than `v`.
#[track_caller]
pub fn bessel_jn(z: impl ArrayLike, v: usize, n_iter: usize) -> Array {
    let z = real_inexact(z, "bessel_jn");
    if n_iter < v {
        raise(Error::value(format!("bessel_jn: the recurrence must begin above the order {v}, got n_iter = {n_iter}")));
    }
    let zero = z.equal(0.0);
    let safe = where_(&zero, 1.0, &z);
    let step = |(f0, f1, sum): (Array, Array, Array), k: Array| {
        let f = 2.0 * (&k + 1.0) * &f1 / &safe - f0;
        let even = np::remainder(&k, 2.0).equal(0.0);
        let sum = where_(even, &sum + 2.0 * &f, &sum);
        ((f1, f.clone(), sum), f)
    };
    let orders = np::arange_as(n_iter + 1, z.dtype());
    let start = (0.0 * &safe, 0.0 * &safe + 1e-16, 0.0 * &safe);
    let ((_, _, sum), values) = scan(step, start, &np::flip(orders, 0));
    let values = np::flip(values, 0).slice_axis(0, 0, v + 1);
    let first = np::take_axis(&values, 0, 0);
    let orders = np::arange(v + 1).reshape([&[v + 1][..], &vec![1; z.ndim()]].concat());
    where_(zero, orders.equal(0).astype(z.dtype()), values / (sum - first))
}

/// The spherical harmonics Yₙᵐ(θ, φ), with the polar angle θ in [0, π] and the azimuth φ, for |m| ≤ n ≤ `n_max`. The
/// result is complex.
///
/// ```
/// use cotangent::scipy::special;
/// let y = special::sph_harm_y(0, 0, 0.3, 0.5, 1);
/// assert!((y.real().item::<f32>() - 0.282_094_8).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `n` or `m` are not integers, an angle is complex, or the shapes do not broadcast.
#[track_caller]
pub fn sph_harm_y(
    n: impl ArrayLike,
    m: impl ArrayLike,
    theta: impl ArrayLike,
    phi: impl ArrayLike,
    n_max: usize,
) -> Array {
    let (n, m) = (n.to_array(), m.to_array());
    if !n.dtype().is_integer() || !m.dtype().is_integer() {
        raise(Error::dtype(format!("sph_harm_y: the orders must be integers, got {} and {}", n.aval(), m.aval())));
    }
    let [theta, phi] = promoted([real_inexact(theta, "sph_harm_y"), real_inexact(phi, "sph_harm_y")]);
    let [n, m, theta, phi]: [Array; 4] = np::broadcast_arrays([n, m, theta, phi])
        .try_into()
        .unwrap_or_else(|_| unreachable!("as many arrays are returned"));
    let (shape, dtype) = (n.shape().to_vec(), theta.dtype());
    let (x, sine) = (np::ravel(theta.cos()), np::ravel(theta.sin()));
    let sine = where_(sine.less(0.0), -&sine, &sine);
    // The normalized Legendre functions of degree l, for all m, from those of degrees l − 1 and l − 2.
    let size = n_max + 1;
    let table = |f: &dyn Fn(f64, f64) -> f64| {
        let all = (1..size).flat_map(|l| (0..size).map(move |m| (l, m)));
        let values: Vec<f64> = all.map(|(l, m)| if m < l { f(l as f64, m as f64) } else { 0.0 }).collect();
        Array::from(values).reshape([n_max, size, 1]).astype(dtype)
    };
    let first = table(&|l, m| ((4.0 * l * l - 1.0) / (l * l - m * m)).sqrt());
    let second = table(&|l, m| {
        let square = (2.0 * l + 1.0) * ((l - 1.0).powi(2) - m * m) / ((2.0 * l - 3.0) * (l * l - m * m));
        if m + 1.0 < l { square.sqrt() } else { 0.0 }
    });
    let start = 0.5 / PI.sqrt();
    let mut factor = start;
    let mut diagonal = vec![0.0; n_max * size];
    for l in 1..size {
        factor *= -(1.0 + 0.5 / l as f64).sqrt();
        diagonal[(l - 1) * size + l] = factor;
    }
    let diagonal = Array::from(diagonal).reshape([n_max, size, 1]).astype(dtype);
    let zeros = np::zeros_as((size, x.size()), dtype);
    let row0 = zeros.at(0).set(start);
    let step = |(last, before, power): (Array, Array, Array), (a, b, d): (Array, Array, Array)| {
        let power = power * &sine;
        let row = a * &x * &last - b * before + d * &power;
        ((row.clone(), last, power), row)
    };
    let (_, rows) = scan(step, (row0.clone(), zeros, np::ones_like(&x)), &(first, second, diagonal));
    let all = np::concatenate([row0.expand_dims(0), rows], 0);
    let (order, index) = (np::ravel(m.abs()), np::arange(x.size()));
    let legendre = all.at((np::ravel(&n), &order, index)).get();
    let angle = order.astype(dtype) * np::ravel(phi);
    let (m, real, imag) = (np::ravel(m), &legendre * angle.cos(), legendre * angle.sin());
    // Y of −m is (−1)ᵐ times the conjugate of that of m.
    let odd = (&order % 2).equal(1);
    let negative = m.less(0);
    let flip = |x: Array, when: Array| where_(when, -&x, &x);
    let real = flip(real, negative.logical_and(&odd));
    let imag = flip(imag, negative.logical_and(logical_not(&odd)));
    real.complex(imag).reshape(shape)
}

/// The Bernoulli numbers B₀ to Bₙ, in `f32`; B₁ is −1/2.
///
/// ```
/// use cotangent::scipy::special;
/// assert_eq!(special::bernoulli(2).to_vec::<f32>(), [1.0, -0.5, 1.0 / 6.0]);
/// ```
pub fn bernoulli(n: usize) -> Array {
    let number = |m: usize| match m {
        0 => 1.0,
        1 => -0.5,
        2 => 1.0 / 6.0,
        _ if m % 2 == 1 => 0.0,
        // (−1)^(m/2 + 1) 2 m! ζ(m)/(2π)ᵐ, with the factorial and the power in one product, so that neither overflows.
        _ => {
            let product: f64 = (1..=m).map(|k| k as f64 / (2.0 * PI)).product();
            let zeta: f64 = (1..50).rev().map(|k| f64::from(k).powi(-(m as i32))).sum();
            let sign = if m.is_multiple_of(4) { -1.0 } else { 1.0 };
            sign * 2.0 * product * zeta
        }
    };
    Array::from((0..=n).map(number).collect::<Vec<f64>>()).astype(DType::F32)
}

/// Owen's T function (1/2π) ∫₀ᵃ e^(−h²(1 + t²)/2)/(1 + t²) dt: a probability of two normal variables.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::owens_t(0.0, 1.0).item::<f32>() - 0.125).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn owens_t(h: impl ArrayLike, a: impl ArrayLike) -> Array {
    let [h, a] = promoted([real_inexact(h, "owens_t"), real_inexact(a, "owens_t")]);
    let value = |h: &Array, a: &Array| {
        let (h, size) = (h.abs(), a.abs());
        let small = size.less_equal(1.0);
        let part = where_(&small, &size, 1.0 / where_(&small, 1.0, &size));
        let scaled = where_(&small, &h, &size * &h);
        let constant = |x: &[f64]| Array::from(x.to_vec()).astype(part.dtype());
        let r = part.square().expand_dims(-1) * constant(tables::OWENS_T_POINTS);
        let integrand = (-0.5 * scaled.square().expand_dims(-1) * (1.0 + &r)).exp() / (1.0 + r);
        let sum = &part * (integrand * constant(tables::OWENS_T_WEIGHTS)).sum_axis(-1);
        let sum = where_(scaled.equal(0.0), part.atan() / (2.0 * PI), sum);
        let root = &scaled / SQRT_2;
        let sum = where_(part.equal(1.0), 0.125 * (-&root).erfc() * root.erfc(), sum);
        let (first, second) = (&h / SQRT_2, &size * &h / SQRT_2);
        let near = 0.25 - 0.25 * first.erf() * second.erf() - &sum;
        let (p, q) = (first.erfc(), second.erfc());
        let far = 0.25 * (&p + &q - p * q) - &sum;
        let other = where_((&size * &h).less_equal(0.67), near, far);
        let result = a.sign() * where_(small, sum, other);
        where_(isnan(a).logical_or(isnan(h)), f64::NAN, result)
    };
    custom_jvp(value).defjvp(|(h, a), (dh, da)| {
        let in_h = -(-0.5 * h.square()).exp() * (a * h / SQRT_2).erf() / (2.0 * (2.0 * PI).sqrt());
        let grown = a.square() + 1.0;
        let in_a = (-0.5 * &grown * h.square()).exp() / (2.0 * PI * grown);
        (owens_t(h, a), in_h * dh + in_a * da)
    })(&h, &a)
}
