//! Derivatives of selections: maxima, sorts, windows, clamps. They must be correct even if an operand is computed
//! twice.
//!
//! The compiler recomputes an elementwise operand in each kernel that reads it, with different roundings. So each rule
//! is tested by a law that needs no equality of floats. If a function moves with its operand (`R(w + c) = k c + R(w)`),
//! the weights of the tangents must sum to `k`.

use cotangent::extend::bind1;
use cotangent::extend::primitives::{CumMax, ReduceWindowMax, ReduceWindowMin, Window};
use cotangent::{Policy, lax, numpy as np, prelude::*};

type Rule = fn(&Array) -> Array;

/// The name of a function, the function, and the sum of its weights for a number of elements.
type Law = (&'static str, Rule, fn(usize) -> usize);

/// Generates numbers in (−2, 2), the same for each seed.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    pub(super) fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 2.0
    }

    pub(super) fn array(&mut self, n: usize, dtype: DType) -> Array {
        let values: Vec<f64> = (0..n).map(|_| self.number()).collect();
        Array::from(values).astype(dtype)
    }

    fn scalar(&mut self, dtype: DType) -> Array {
        self.array(1, dtype).reshape(())
    }
}

fn weighted(x: &Array) -> Array {
    (x * np::arange(x.size() as i32).astype(x.dtype())).sum()
}

/// Returns 0 + 1 + … + (n − 1).
fn triangle(n: usize) -> usize {
    n * (n - 1) / 2
}

fn scattered(w: &Array, greatest: bool) -> Array {
    let places: Vec<i32> = (0..w.size() as i32).map(|i| i % 2).collect();
    let far = if greatest { -1e4 } else { 1e4 };
    let base = np::full([2], far).astype(w.dtype());
    let at = base.at(Array::from(places));
    (if greatest { at.max(w) } else { at.min(w) }).sum()
}

const RULES: &[Law] = &[
    ("max", |w| w.max(), |_| 1),
    ("min", |w| w.min(), |_| 1),
    ("max of what is clamped", |w| np::clip(w, -50.0, 50.0).max(), |_| 1),
    ("max of a maximum", |w| w.maximum(-50.0).max(), |_| 1),
    ("max and min", |w| w.max() + w.min() * 2.0, |_| 3),
    ("keepdims", |w| w.max_keepdims(0).sum(), |_| 1),
    ("max over rows", |w| np::stack(&[w, &np::flip(w, 0)], 0).max_axis(0).sum(), |n| n),
    ("cummax", |w| w.cummax().sum(), |n| n),
    ("cummin", |w| weighted(&w.cummin()), triangle),
    ("a reversed cummax", |w| bind1(CumMax { axis: 0, reverse: true }, &[w]).sum(), |n| n),
    ("sort", |w| weighted(&np::sort(w)), triangle),
    ("argsort", |w| weighted(&np::take(w, np::argsort(w))), triangle),
    ("argmax", |w| np::take(w, w.argmax()), |_| 1),
    ("argmin", |w| np::take(w, w.argmin()), |_| 1),
    ("top_k", |w| weighted(&lax::top_k(w, 3, 0).0), |_| 3),
    ("median", |w| np::median(w), |_| 1),
    ("percentile", |w| np::percentile(w, 30.0), |_| 1),
    ("maximum of both", |w| w.maximum(np::flip(w, 0)).sum(), |n| n),
    ("minimum of both", |w| w.minimum(np::flip(w, 0)).sum(), |n| n),
    ("maximum and minimum", |w| (w.maximum(np::flip(w, 0)) - w.minimum(np::flip(w, 0)) + w).sum(), |n| n),
    ("pool", |w| bind1(ReduceWindowMax { window: Window::new(&[2]) }, &[w]).sum(), |n| n - 1),
    ("least of windows", |w| bind1(ReduceWindowMin { window: Window::new(&[3]) }, &[w]).sum(), |n| n - 2),
    ("scatter of maxima", |w| scattered(w, true), |_| 2),
    ("scatter of minima", |w| scattered(w, false), |_| 2),
    (
        "reduce by a maximum",
        |w| lax::reduce(w, &np::full((), f64::NEG_INFINITY).astype(w.dtype()), |a: &Array, b: &Array| a.maximum(b), 0),
        |_| 1,
    ),
    ("associative scan", |w| lax::associative_scan(|a: &Array, b: &Array| a.maximum(b), w).sum(), |n| n),
    ("scan", |w| lax::scan(|c: &Array, x: &Array| (c.maximum(x), ()), w.at(0).get(), w).0, |_| 1),
    (
        "max in a scan",
        |w| lax::scan(|c: &Array, x: &Array| (c + (w - x * 0.5).max(), ()), np::zeros_like(w.sum()), w).0 * 2.0,
        |n| n,
    ),
    ("checkpoint", |w| checkpoint(|w: &Array| w.max() + np::sort(w).at(0).get())(w), |_| 2),
    (
        "checkpoint that keeps the maximum",
        |w| {
            let maxima = Policy::new("maxima", |p| matches!(p.name(), "reduce_max" | "extremum"));
            checkpoint(|w: &Array| (w * 2.0 - w).max()).policy(maxima)(w)
        },
        |_| 1,
    ),
    ("cond on a computed predicate", |w| lax::cond(w.max().greater(w.min() * 0.5), || w.max(), || w.min()), |_| 1),
    (
        "custom_root",
        |w| {
            let one = np::zeros_like(w.sum()) + 1.0;
            lax::custom_root(|y: &Array| y - w.max(), &one, |f, y| y - f(y), |g, b| b / g(&one))
        },
        |_| 1,
    ),
    ("logsumexp", |w| cotangent::scipy::special::logsumexp(w), |_| 1),
    ("mean beside a maximum", |w| w.mean() + w.max(), |_| 2),
];

/// An operand, and its derivative with respect to `x`.
type Operand = (&'static str, fn(&Array, &Array) -> Array, fn(&Array, &Array) -> Array);

const OPERANDS: &[Operand] = &[
    ("x·x − n", |x, n| x * x - n, |x, _| 2.0 * x),
    ("n·x", |x, n| n * x, |x, n| n + np::zeros_like(x)),
    ("x·x·n + x", |x, n| x * x * n + x, |x, n| 2.0 * x * n + 1.0),
];

/// Uses the operand a second time, in another kernel.
fn elsewhere(x: &Array, n: &Array, operand: Operand) -> Array {
    (operand.1(x, n) * 0.5).sin().sum() + (x * x).sin().sum()
}

#[test]
fn a_selection_weighs_its_tangents_by_one_in_all() {
    let mut failed = std::collections::BTreeMap::<String, usize>::new();
    let mut draws = Draws(1);
    let wide = OPERANDS.iter().map(|operand| (DType::F64, 1e-9, operand));
    for (dtype, near, &operand) in wide.chain([(DType::F32, 2e-3, &OPERANDS[0])]) {
        let alone = jit(grad(|x: &Array, n: &Array| elsewhere(x, n, operand)));
        for &(name, rule, weight) in RULES {
            let f = |x: &Array, n: &Array, c: &Array| rule(&(operand.1(x, n) + c)) + elsewhere(x, n, operand);
            let reverse = jit(grad(f).argnums(args!(0, 2)));
            let plain = grad(f).argnums(args!(0, 2));
            let forward = jit(|x: &Array, n: &Array, c: &Array, t: &Array| {
                jvp(f, (x, n, c), (t, &np::zeros_like(n), &np::zeros_like(c))).1
            });
            let size = if draws.number() > 0.0 { 4 } else { 33 };
            let k = weight(size) as f64;
            for turn in 0..12 {
                let (x, n, c) = (draws.array(size, dtype), draws.scalar(dtype), draws.scalar(dtype));
                let slope = operand.2(&x, &n);
                let base = alone(&x, &n);
                let mut check = |what: &str, got: f64| {
                    if (got - k).abs() > near * k.max(1.0) {
                        *failed.entry(format!("{name} of {} in {dtype}, {what}", operand.0)).or_default() += 1;
                    }
                };
                let (gx, gc) = if turn % 6 == 0 { plain(&x, &n, &c) } else { reverse(&x, &n, &c) };
                check("reverse in c", gc.item());
                // A division by a small derivative would not be accurate.
                if slope.astype(DType::F64).to_vec::<f64>().iter().all(|s| s.abs() > 0.01) {
                    check("reverse in x", ((gx - &base) / &slope).sum().item());
                    let t = 1.0 / &slope;
                    if dtype == DType::F32 {
                        check("forward in x", (forward(&x, &n, &c, &t) - (&base * &t).sum()).item());
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} of the laws fail: {failed:#?}", failed.len());
}

/// Ties share a tangent. A NaN propagates to the derivatives or has none, as in JAX without `jit`.
#[test]
fn ties_and_nans_are_those_of_jax() {
    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;
    const THIRD: f64 = 1.0 / 3.0;
    let last: Rule = |x| x.cummax().at(-1).get();
    let doubled: Rule = |x| weighted(&np::sort(x));
    let best: Rule = |x| lax::top_k(x, 2, 0).0.sum();
    let pool: Rule = |x| bind1(ReduceWindowMax { window: Window::new(&[2]) }, &[x]).sum();
    let sums: Rule = |x| lax::cumlogsumexp(x, 0, false).sum();
    let cases: Vec<(&str, Rule, &[f64], &[f64])> = vec![
        ("max", |x| x.max(), &[1.0, NAN, 2.0], &[NAN, NAN, NAN]),
        ("max", |x| x.max(), &[2.0, 2.0, 1.0], &[0.5, 0.5, 0.0]),
        ("max", |x| x.max(), &[0.0, -0.0, -1.0], &[0.5, 0.5, 0.0]),
        ("max", |x| x.max(), &[1.0, 1.0, 1.0], &[THIRD, THIRD, THIRD]),
        ("max", |x| x.max(), &[-INF, -INF, -INF], &[THIRD, THIRD, THIRD]),
        ("max", |x| x.max(), &[INF, INF, 1.0], &[0.5, 0.5, 0.0]),
        ("min", |x| x.min(), &[1.0, NAN, 2.0], &[NAN, NAN, NAN]),
        ("min", |x| x.min(), &[-INF, -INF, 1.0], &[0.5, 0.5, 0.0]),
        ("cummax", |x| x.cummax().sum(), &[1.0, NAN, 2.0], &[1.0, 0.0, 0.0]),
        ("cummax", |x| x.cummax().sum(), &[2.0, 2.0, 1.0], &[2.0, 1.0, 0.0]),
        ("cummax", |x| x.cummax().sum(), &[-INF, -INF, 1.0], &[1.5, 0.5, 1.0]),
        ("cummin", |x| x.cummin().sum(), &[2.0, 0.0, 0.0], &[1.0, 1.5, 0.5]),
        ("the last of cummax", last, &[1.0, 1.0, 1.0, 1.0], &[0.25, 0.25, 0.25, 0.25]),
        // As for the maximum; JAX halves along its reduction tree, to ¼, ¼ and ½.
        ("the last of cummax", last, &[1.0, 1.0, 1.0], &[THIRD, THIRD, THIRD]),
        ("sort", doubled, &[1.0, NAN, 2.0], &[0.0, 2.0, 1.0]),
        ("sort", doubled, &[2.0, 2.0, 1.0], &[1.0, 2.0, 0.0]),
        ("top_k", best, &[1.0, NAN, 2.0], &[0.0, 1.0, 1.0]),
        ("top_k", best, &[2.0, 2.0, 1.0], &[1.0, 1.0, 0.0]),
        ("pool", pool, &[1.0, NAN, 2.0], &[0.0, 1.0, 1.0]),
        ("pool", pool, &[2.0, 2.0, 1.0], &[1.0, 1.0, 0.0]),
        ("maximum", |x| x.maximum(1.0).sum(), &[1.0, NAN, 2.0], &[0.5, 0.0, 1.0]),
        ("maximum of both", |x| x.maximum(np::flip(x, 0)).sum(), &[1.0, 3.0, 2.0], &[0.0, 1.0, 2.0]),
        ("minimum of both", |x| x.minimum(np::flip(x, 0)).sum(), &[1.0, 3.0, NAN], &[0.0, 1.0, 0.0]),
        ("cumprod", |x| x.cumprod().sum(), &[2.0, 0.0, 3.0], &[1.0, 8.0, 0.0]),
        // JAX returns NaN for the first two.
        ("cumlogsumexp", |x| lax::cumlogsumexp(x, 0, false).at(-1).get(), &[-INF, -INF, 1.0], &[0.0, 0.0, 1.0]),
        ("cumlogsumexp", sums, &[-INF, -INF, 1.0], &[1.5, 0.5, 1.0]),
        ("cumlogsumexp", sums, &[1.0, 1.0, 1.0], &[11.0 / 6.0, 5.0 / 6.0, THIRD]),
    ];
    let mut failed = Vec::new();
    for (dtype, near) in [(DType::F64, 1e-14), (DType::F32, 1e-6), (DType::F16, 2e-3), (DType::BF16, 2e-2)] {
        for (name, f, x, expected) in &cases {
            let x = Array::from(x.to_vec()).astype(dtype);
            let rows = np::stack(&[&x, &x], 0);
            let got = [grad(f)(&x), jit(grad(f))(&x), vmap(grad(f))(&rows).at(1).get(), jit(jacfwd(f))(&x)];
            for (how, got) in ["grad", "jit", "vmap", "forward"].into_iter().zip(got) {
                let got = got.astype(DType::F64).to_vec::<f64>();
                let same = |(a, b): (&f64, &f64)| (a - b).abs() <= near || (a.is_nan() && b.is_nan());
                if !got.iter().zip(*expected).all(same) {
                    failed.push(format!("{name} at {x} in {dtype}, {how}: {got:?}, not {expected:?}"));
                }
            }
            // The second derivative of a piecewise linear function.
            if !name.starts_with("cum") && !x.astype(DType::F64).to_vec::<f64>().iter().any(|v| !v.is_finite()) {
                let second = jit(hessian(f))(&x).astype(DType::F64).to_vec::<f64>();
                if second.iter().any(|v| *v != 0.0) {
                    failed.push(format!("{name} at {x} in {dtype}: second derivative {second:?}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The index of an extremum is that of a largest element, whatever else the operand is used for.
#[test]
fn an_extreme_element_is_found() {
    let mut draws = Draws(2);
    for dtype in [DType::F64, DType::F32, DType::F16, DType::BF16] {
        let f = |x: &Array, n: &Array| {
            let w = x * x - n;
            (w.argmax(), w.argmin(), vmap(|r: &Array| r.argmax())(&w.reshape([3, 11])), w.sin().sum())
        };
        let f = jit(f);
        for _ in 0..30 {
            let (x, n) = (draws.array(33, dtype), draws.scalar(dtype));
            let squares: Vec<f64> = x.astype(DType::F64).to_vec::<f64>().iter().map(|v| v * v).collect();
            let (most, least, rows, _) = f(&x, &n);
            let margin = if dtype.bits() < 32 { 0.05 } else { 1e-5 };
            let at = |i: i32| squares[usize::try_from(i).unwrap()];
            let greatest = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
            assert!(at(most.item()) >= greatest(&squares) - margin);
            assert!(at(least.item()) <= squares.iter().copied().fold(9.0, f64::min) + margin);
            for (row, i) in rows.to_vec::<i32>().into_iter().enumerate() {
                assert!(at(row as i32 * 11 + i) >= greatest(&squares[row * 11..][..11]) - margin);
            }
        }
    }
}

/// Slices of slices, each clamped into bounds, one by one and in one program. A compiler may merge two slices by adding
/// their starts only if neither start was clamped.
#[test]
fn slices_of_slices_move_one_by_one() {
    use lax::{dynamic_slice, dynamic_update_slice};
    type F = fn(&Array, &[Array]) -> Array;
    let cases: [(&str, F); 9] = [
        ("slice of a slice", |x, i| dynamic_slice(dynamic_slice(x, &i[..1], [4]), &i[1..], [2])),
        ("three slices", |x, i| {
            dynamic_slice(dynamic_slice(dynamic_slice(x, &i[..1], [7]), &i[1..], [4]), &i[..1], [2])
        }),
        ("part of a slice", |x, i| dynamic_slice(x, &i[..1], [4]).at(1..3).get()),
        ("slice of a part", |x, i| dynamic_slice(x.at(2..7).get(), &i[..1], [2])),
        ("slice of a new block", |x, i| {
            dynamic_slice(dynamic_update_slice(x, -x.at(..4).get(), &i[..1]), &i[1..], [4])
        }),
        ("new block of a slice", |x, i| {
            dynamic_update_slice(dynamic_slice(x, &i[..1], [4]), -x.at(..2).get(), &i[1..])
        }),
        ("two new blocks", |x, i| {
            dynamic_update_slice(dynamic_update_slice(x, -x.at(..4).get(), &i[..1]), x.at(4..6).get() * 7, &i[1..])
        }),
        ("element of a slice", |x, i| np::take(dynamic_slice(x, &i[..1], [4]), &i[1]).reshape([1])),
        ("slice of a shaped slice", |x, i| {
            let rows = dynamic_slice(x, &i[..1], [4]).reshape([2, 2]);
            dynamic_slice(rows, &[i[1].clone(), Array::from(0).astype(i[1].dtype())], [1, 2])
        }),
    ];
    let x = np::arange(10);
    let mut failed = Vec::new();
    for (name, f) in cases {
        let together = jit(|x: &Array, i: &Array, j: &Array| f(x, &[i.clone(), j.clone()]));
        let mapped = jit(vmap(|i: &Array, j: &Array| f(&x, &[i.clone(), j.clone()])));
        for dtype in [DType::I32, DType::I8, DType::U8, DType::I64] {
            for (i, j) in [0, 2, 5, 6, 9, 12].into_iter().flat_map(|i| [0, 1, 3, 7].map(|j| (i, j))) {
                let (i, j) = (Array::from(i).astype(dtype), Array::from(j).astype(dtype));
                // One equation at a time, each by its own definition.
                let alone = f(&x, &[i.clone(), j.clone()]).to_vec::<i32>();
                let rows = |x: &Array| np::stack(&[x, x], 0);
                for got in [together(&x, &i, &j), mapped(&rows(&i), &rows(&j)).at(0).get()] {
                    if got.to_vec::<i32>() != alone {
                        failed.push(format!("{name} from {i} and {j}: {got}, not {alone:?}"));
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} fail: {}", failed.len(), failed[..failed.len().min(9)].join("\n"));
}

/// NumPy's order: by the real part, then by the imaginary part. Numbers with a NaN in the imaginary part come after all
/// others, and those with a NaN in the real part come last.
#[test]
fn complex_numbers_are_sorted_as_numpy_sorts_them() {
    use num_complex::Complex;
    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;
    let z = [
        (1.0, NAN),
        (2.0, 0.0),
        (NAN, 1.0),
        (NAN, NAN),
        (1.0, -1.0),
        (0.0, NAN),
        (NAN, -5.0),
        (3.0, -INF),
        (-0.0, 1.0),
        (0.0, 0.0),
        (-INF, 3.0),
        (1.0, -1.0),
    ];
    let order = [10, 9, 8, 4, 11, 1, 7, 5, 0, 6, 2, 3];
    let z32: Vec<Complex<f32>> = z.iter().map(|(re, im)| Complex::new(*re as f32, *im as f32)).collect();
    let z64: Vec<Complex<f64>> = z.iter().map(|(re, im)| Complex::new(*re, *im)).collect();
    for z in [Array::from(z32), Array::from(z64)] {
        assert_eq!(np::argsort(&z).to_vec::<i32>(), order);
        assert_eq!(jit(|z: &Array| np::argsort(z))(&z).to_vec::<i32>(), order);
        let rows = np::stack(&[&z, &np::flip(&z, 0)], 1);
        let sorted = np::sort_axis(&rows, 0);
        let expected = np::take(&z, Array::from(order.to_vec()));
        for column in 0..2 {
            for part in [np::real, np::imag] {
                let got = part(sorted.at((.., column)).get()).astype(DType::F64).to_vec::<f64>();
                let expected = part(expected.clone()).astype(DType::F64).to_vec::<f64>();
                assert!(
                    got.iter().zip(&expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())),
                    "{got:?} {expected:?}"
                );
            }
        }
        let sorted = np::sort(&z);
        let at = |z: &Array| (np::searchsorted(&sorted, z), np::searchsorted_right(&sorted, z));
        let (left, right) = at(&z);
        let place = |i: i32| order.iter().position(|o| *o == i).unwrap() as i32;
        for (i, (l, r)) in left.to_vec::<i32>().into_iter().zip(right.to_vec::<i32>()).enumerate() {
            let places = l..r;
            assert!(places.contains(&place(i as i32)), "{i}: {l} to {r}");
            assert_eq!(r - l, if i == 4 || i == 11 { 2 } else { 1 });
        }
        let error = jit(|z: &Array| np::median(z)).try_call((&z,)).expect_err("complex numbers have no median");
        assert!(error.to_string().contains("real numbers"), "{error}");
    }
    // Tangents follow their elements.
    let z = Array::from(vec![Complex::new(2.0f64, 1.0), Complex::new(2.0, -1.0), Complex::new(-1.0, 5.0)]);
    let t = Array::from(vec![Complex::new(1.0f64, 0.0), Complex::new(2.0, 0.0), Complex::new(3.0, 0.0)]);
    let moved = jvp(|z: &Array| np::sort(z), (&z,), (&t,)).1;
    assert_eq!(moved.real().to_vec::<f64>(), [3.0, 2.0, 1.0]);
}
