//! Hypergeometric functions.

use super::each::{each, epsilon, widened};
use super::gamma::gamma;
use super::real_inexact;
use crate::api::custom::custom_jvp;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::lax::{fori_loop, while_loop};
use crate::numpy::{logical_not, where_};
use crate::ops::promoted;

/// The greatest number of terms of a series.
const TERMS: f64 = 250.0;

/// Sums a series while its terms matter, at most [`TERMS`] of them: `sum` + Σ `weight(k)·term`, where the next term is
/// `term·ratio(k)`, for k from 1.
fn series(
    active: &Array,
    sum: impl Into<Array>,
    term: Array,
    weight: impl Fn(&Array) -> Array,
    ratio: impl Fn(&Array) -> Array,
) -> Array {
    let eps = epsilon(&term);
    let zero = 0.0 * &term;
    // A term that is not a number ends the series, like one that does not matter.
    let term = where_(active, term, 0.0);
    type State = (Array, Array, Array);
    while_loop(
        |(sum, k, term): &State| k.less(TERMS).logical_and(term.abs().greater(eps * sum.abs())),
        |(sum, k, term): State| {
            let next = &term * ratio(&k);
            (sum + &term * weight(&k), k + 1.0, next)
        },
        (&zero + sum.into(), &zero + 1.0, term),
    )
    .0
}

fn one(_: &Array) -> Array {
    1.0.into()
}

/// The confluent hypergeometric function ₁F₁(a; b; x), differentiable in all arguments.
///
/// It follows JAX: a power series for |x| < 100, and an asymptotic one beyond.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::hyp1f1(1.0, 2.0, 1.0).item::<f32>() - (1f32.exp() - 1.0)).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn hyp1f1(a: impl ArrayLike, b: impl ArrayLike, x: impl ArrayLike) -> Array {
    let [a, b, x] = promoted([real_inexact(a, "hyp1f1"), real_inexact(b, "hyp1f1"), real_inexact(x, "hyp1f1")]);
    let ratio = |a: &Array, b: &Array, x: &Array, k: &Array| (a + k) / (b + k) * x / (k + 1.0);
    let value = move |a: &Array, b: &Array, x: &Array| {
        widened([a, b, x], |args| {
            each(&args, |args| {
                let (a, b, x) = (&args[0], &args[1], &args[2]);
                let near = x.abs().less(100.0);
                let power = series(&near, 1.0, a / b * x, one, |k| ratio(a, b, x, k));
                let far = logical_not(&near);
                let safe = where_(&near, 100.0, x);
                let terms = series(&far, 1.0, (b - a) * (1.0 - a) / &safe, one, |k| {
                    (b - a + k) * (1.0 - a + k) / (k + 1.0) / &safe
                });
                let asymptotic = gamma(b) / gamma(a) * safe.exp() * safe.pow(a - b) * terms;
                let result = where_(near, power, asymptotic);
                let result = where_(b.equal(0.0), f64::INFINITY, where_(a.equal(b), x.exp(), result));
                where_(a.equal(0.0), 1.0, result)
            })
        })
    };
    custom_jvp(value).defjvp(move |(a, b, x), (da, db, dx)| {
        let slope = |weight: &(dyn Fn(&Array, &Array, &Array) -> Array + Send + Sync)| {
            widened([a, b, x], |args| {
                each(&args, |args| {
                    let (a, b, x) = (&args[0], &args[1], &args[2]);
                    series(&x.equal(x), 0.0, a / b * x, |k| weight(a, b, k), |k| ratio(a, b, x, k))
                })
            })
        };
        let in_a = slope(&|a, _, k| (a + k).digamma() - a.digamma());
        let in_b = slope(&|_, b, k| b.digamma() - (b + k).digamma());
        (hyp1f1(a, b, x), in_a * da + in_b * db + a / b * hyp1f1(a + 1.0, b + 1.0, x) * dx)
    })(&a, &b, &x)
}

/// What the branches of ₂F₁ see.
struct Arguments<'a> {
    a: &'a Array,
    b: &'a Array,
    c: &'a Array,
    x: &'a Array,
}

/// Whether a number is an integer, nearly.
fn whole(x: &Array) -> Array {
    (x - x.round()).abs().less(50.0 * epsilon(x))
}

fn power_series(active: &Array, &Arguments { a, b, c, x }: &Arguments<'_>) -> Array {
    series(active, 1.0, a * b / c * x, one, |k| (a + k) * (b + k) / (c + k) / (k + 1.0) * x)
}

/// The polynomial, if a or b is an integer that is not positive.
fn terminal(active: &Array, &Arguments { a, b, c, x }: &Arguments<'_>) -> Array {
    let pole = c.equal(c.round()).logical_and(c.less_equal(0.0)).logical_and(c.greater(b));
    let swap = b.less(a).logical_and(whole(b)).logical_and(logical_not(&pole));
    let (a, b) = (where_(&swap, b, a), where_(&swap, a, b));
    let n = where_(active, a.abs(), 0.0);
    let body = |i: &Array, (sum, term): &(Array, Array)| {
        let i = i.astype(x.dtype());
        let term = term * (-(&n - &i + 1.0) / (c + &i - 1.0) * (&b + &i - 1.0) / &i * x);
        (sum + &term, term)
    };
    let one = 0.0 * &n + 1.0;
    fori_loop(1, (&n + 1.0).astype(DType::I32), body, (one.clone(), one)).0
}

/// The transformation to 1 − x, if c − a − b is an integer.
fn at_one(active: &Array, &Arguments { a, b, c, x }: &Arguments<'_>) -> Array {
    let d = where_(active, c - a - b, 0.0);
    let s = where_(active, 1.0 - x, 0.5);
    let rounded = d.round();
    let up = rounded.greater_equal(0.0);
    let e = where_(&up, &d, -&d);
    let (d1, d2) = (where_(&up, &d, 0.0), where_(&up, 0.0, &d));
    let log = s.log();
    let (a1, b1) = (a + &d1, b + &d1);
    let psi = |t: Array| {
        (1.0 + &t).digamma() + (1.0 + &t + &e).digamma() - (&a1 + &t).digamma() - (&b1 + &t).digamma() - &log
    };
    let first = psi(0.0 * &e) / gamma(&e + 1.0);
    let p = &a1 * &b1 * &s / gamma(&e + 2.0);
    let eps = epsilon(x);
    type State = (Array, Array, Array, Array);
    let (_, _, _, y) = while_loop(
        |(t, _, q, y): &State| t.less(TERMS).logical_and(q.abs().greater_equal(eps * y.abs())).logical_and(active),
        |(t, p, _, y): State| {
            let q = &p * psi(t.clone());
            let y = y + &q;
            let p = p * (&s * (&a1 + &t) / (&t + 1.0)) * ((&b1 + &t) / (&t + 1.0 + &e));
            (t + 1.0, p, q, y)
        },
        (0.0 * &e + 1.0, p, first.clone(), first),
    );
    let (a2, b2) = (a + &d2, b + &d2);
    let order = rounded.abs().astype(DType::I32);
    let body = |_: &Array, (t, p, sum): &(Array, Array, Array)| {
        let p = p * (&s * (&a2 + t) * (&b2 + t) / (1.0 - &e + t)) / (t + 1.0);
        (t + 1.0, p.clone(), sum + p)
    };
    let one = 0.0 * &e + 1.0;
    let (_, _, finite) = fori_loop(1, &order, body, (0.0 * &e, one.clone(), one));
    let gamma_c = gamma(c);
    let finite = finite * gamma(&e) * &gamma_c / (gamma(&a1) * gamma(&b1));
    let infinite = &y * &gamma_c / (gamma(&a2) * gamma(&b2));
    let infinite = where_((&order % 2).equal(1), -&infinite, infinite);
    let q = s.pow(&rounded);
    let both = where_(rounded.greater(0.0), &infinite * &q + &finite, infinite + finite * q);
    where_(rounded.equal(0.0), y * gamma_c / (gamma(a) * gamma(b)), both)
}

fn terminal_or_series(active: &Array, args: &Arguments<'_>) -> Array {
    let Arguments { a, b, c, x } = args;
    let ends = |n: &Array| n.less_equal(0.0).logical_and(whole(n));
    let ends = ends(a).logical_or(ends(b));
    let near_one = x.greater(0.9).logical_and(logical_not(&ends)).logical_and(whole(&(*c - *a - *b)));
    let other = active.logical_and(logical_not(&ends)).logical_and(logical_not(&near_one));
    let sum = power_series(&other, args);
    let near = at_one(&active.logical_and(&near_one), args);
    where_(&ends, terminal(&active.logical_and(&ends), args), where_(near_one, near, sum))
}

/// Gauss's hypergeometric function ₂F₁(a, b; c; x), for x ≤ 1, differentiable in all arguments.
///
/// It follows JAX: a power series, with transformations near 1 and where c − a − b is negative.
///
/// ```
/// use cotangent::scipy::special;
/// assert!((special::hyp2f1(1.0, 1.0, 2.0, 0.5).item::<f32>() - 2.0 * 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// If an argument is complex or the shapes do not broadcast.
#[track_caller]
pub fn hyp2f1(a: impl ArrayLike, b: impl ArrayLike, c: impl ArrayLike, x: impl ArrayLike) -> Array {
    let real = |x: Array| real_inexact(x, "hyp2f1");
    let [a, b, c, x] = promoted([real(a.to_array()), real(b.to_array()), real(c.to_array()), real(x.to_array())]);
    let value = |a: &Array, b: &Array, c: &Array, x: &Array| {
        widened([a, b, c, x], |args| {
            each(&args, |args| {
                let (a, b, c, x) = (&args[0], &args[1], &args[2], &args[3]);
                let (d, s) = (c - a - b, 1.0 - x);
                let (ca, cb) = (c - a, c - b);
                let trivial =
                    x.equal(0.0).logical_or(a.equal(0.0).logical_or(b.equal(0.0)).logical_and(c.not_equal(0.0)));
                let pole = c.less_equal(0.0).logical_and(c.equal(c.round()));
                let euler = d.less_equal(-1.0).logical_and(whole(&d).logical_or(s.greater_equal(0.0)));
                let below = x.less(1.0);
                let transformed = Arguments { a: &ca, b: &cb, c, x };
                let direct = Arguments { a, b, c, x };
                // The first of these that holds decides.
                let cases: Vec<(Array, Array)> = vec![
                    (trivial.clone(), 1.0.into()),
                    (pole, f64::INFINITY.into()),
                    (euler.clone(), s.pow(&d) * terminal_or_series(&euler.logical_and(&below), &transformed)),
                    (d.less_equal(0.0).logical_and(x.equal(1.0)), f64::INFINITY.into()),
                    (below.logical_and(b.equal(c)), s.pow(-a)),
                    (below.logical_and(a.equal(c)), s.pow(-b)),
                    (x.greater(1.0), f64::INFINITY.into()),
                    (x.equal(1.0), gamma(c) * gamma(&d) / (gamma(&ca) * gamma(&cb))),
                ];
                let rest = terminal_or_series(&below.logical_and(logical_not(&euler)), &direct);
                cases.iter().rev().fold(rest, |rest, (holds, value)| where_(holds, value, rest))
            })
        })
    };
    custom_jvp(value).defjvp(|(a, b, c, x), (da, db, dc, dx)| {
        let slope = |weight: &(dyn Fn(&[Array], &Array) -> Array + Send + Sync)| {
            widened([a, b, c, x], |args| {
                each(&args, |args| {
                    let (a, b, c, x) = (&args[0], &args[1], &args[2], &args[3]);
                    let ratio = |k: &Array| (a + k) * (b + k) / (c + k) / (k + 1.0) * x;
                    series(&x.equal(x), 0.0, a * b / c * x, |k| weight(args, k), ratio)
                })
            })
        };
        let up = |i: usize| move |p: &[Array], k: &Array| (&p[i] + k).digamma() - p[i].digamma();
        let in_c = slope(&|p: &[Array], k: &Array| p[2].digamma() - (&p[2] + k).digamma());
        let in_x = a * b / c * hyp2f1(a + 1.0, b + 1.0, c + 1.0, x);
        (hyp2f1(a, b, c, x), slope(&up(0)) * da + slope(&up(1)) * db + in_c * dc + in_x * dx)
    })(&a, &b, &c, &x)
}
