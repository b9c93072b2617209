//! The functions that stand for JAX's optional arguments: more of their values, which JAX 0.10.2 computed, and their
//! derivatives, batches and programs.

use super::super::goldens_lib::floats;

use cotangent::numpy::{self as np, Between, PadMode};
use cotangent::prelude::*;

const NAN: f64 = f64::NAN;

#[track_caller]
fn equal(got: &Array, expected: &[f64]) {
    let got = floats(got);
    let same = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-6 * b.abs();
    assert!(got.len() == expected.len() && got.iter().zip(expected).all(same), "{got:?} instead of {expected:?}");
}

#[test]
fn padding_repeats_as_often_as_the_width_asks() {
    let (x, m) = (np::array([1.0, -2.0, 4.0]), np::array([[1, 2, 4], [3, 5, 9]]));
    let cases: [(PadMode, [i32; 14], [i32; 25]); 8] = [
        (
            PadMode::Edge,
            [1, 1, 1, 1, 1, -2, 4, 4, 4, 4, 4, 4, 4, 4],
            [1, 1, 1, 2, 4, 1, 1, 1, 2, 4, 3, 3, 3, 5, 9, 3, 3, 3, 5, 9, 3, 3, 3, 5, 9],
        ),
        (
            PadMode::Reflect,
            [1, -2, 4, -2, 1, -2, 4, -2, 1, -2, 4, -2, 1, -2],
            [9, 5, 3, 5, 9, 4, 2, 1, 2, 4, 9, 5, 3, 5, 9, 4, 2, 1, 2, 4, 9, 5, 3, 5, 9],
        ),
        (
            PadMode::Symmetric,
            [4, 4, -2, 1, 1, -2, 4, 4, -2, 1, 1, -2, 4, 4],
            [2, 1, 1, 2, 4, 2, 1, 1, 2, 4, 5, 3, 3, 5, 9, 5, 3, 3, 5, 9, 2, 1, 1, 2, 4],
        ),
        (
            PadMode::Wrap,
            [4, 1, -2, 4, 1, -2, 4, 1, -2, 4, 1, -2, 4, 1],
            [5, 9, 3, 5, 9, 2, 4, 1, 2, 4, 5, 9, 3, 5, 9, 2, 4, 1, 2, 4, 5, 9, 3, 5, 9],
        ),
        (
            PadMode::Maximum,
            [4, 4, 4, 4, 1, -2, 4, 4, 4, 4, 4, 4, 4, 4],
            [9, 9, 3, 5, 9, 4, 4, 1, 2, 4, 9, 9, 3, 5, 9, 9, 9, 3, 5, 9, 9, 9, 3, 5, 9],
        ),
        (
            PadMode::Minimum,
            [-2, -2, -2, -2, 1, -2, 4, -2, -2, -2, -2, -2, -2, -2],
            [1, 1, 1, 2, 4, 1, 1, 1, 2, 4, 3, 3, 3, 5, 9, 1, 1, 1, 2, 4, 1, 1, 1, 2, 4],
        ),
        (
            PadMode::Mean,
            [1, 1, 1, 1, 1, -2, 4, 1, 1, 1, 1, 1, 1, 1],
            [4, 4, 2, 4, 6, 2, 2, 1, 2, 4, 6, 6, 3, 5, 9, 4, 4, 2, 4, 6, 4, 4, 2, 4, 6],
        ),
        (
            PadMode::Median,
            [1, 1, 1, 1, 1, -2, 4, 1, 1, 1, 1, 1, 1, 1],
            [4, 4, 2, 4, 6, 2, 2, 1, 2, 4, 5, 5, 3, 5, 9, 4, 4, 2, 4, 6, 4, 4, 2, 4, 6],
        ),
    ];
    for (mode, vector, matrix) in cases {
        for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64, DType::I8] {
            let y = np::pad_mode(x.astype(dtype), &[(4, 7)], mode);
            assert_eq!((y.dtype(), y.astype(DType::I32).to_vec::<i32>()), (dtype, vector.to_vec()), "{mode:?}");
        }
        assert_eq!(np::pad_mode(&m, &[(1, 2), (2, 0)], mode).to_vec::<i32>(), matrix, "{mode:?}");
    }
    let ramp = np::pad_mode(&x, &[(2, 3)], PadMode::LinearRamp(5.0));
    equal(&ramp, &[5.0, 3.0, 1.0, -2.0, 4.0, 4.3333330154418945, 4.666666507720947, 5.0]);
    let ramp = np::pad_mode(&m, &[(1, 2), (2, 0)], PadMode::LinearRamp(7.0));
    let rows = [7, 7, 7, 7, 7, 7, 4, 1, 2, 4, 7, 5, 3, 5, 9, 7, 6, 5, 6, 8, 7, 7, 7, 7, 7];
    assert_eq!(ramp.to_vec::<i32>(), rows);
    let z = np::pad_mode(x.complex(&x), &[(1, 1)], PadMode::Wrap);
    equal(&z.imag(), &[4.0, 1.0, -2.0, 4.0, 1.0]);
}

#[test]
fn descending_orders_and_repetitions() {
    let x = np::array([3.0, 1.0, NAN, 2.0, 1.0]);
    equal(&np::sort_descending(&x, 0), &[NAN, 3.0, 2.0, 1.0, 1.0]);
    assert_eq!(np::argsort_descending(&x, -1).to_vec::<i32>(), [2, 0, 3, 1, 4]);
    let x = np::array([[3, 1, 2, 1], [0, 5, 5, 2]]);
    assert_eq!(np::argsort_descending(&x, 0).to_vec::<i32>(), [0, 1, 1, 1, 1, 0, 0, 0]);
    assert_eq!(np::argsort_descending(&x, 1).to_vec::<i32>(), [0, 2, 1, 3, 1, 2, 3, 0]);
    assert_eq!(np::roll_axes(np::arange(6).reshape([2, 3]), &[1, -4], (0, 1)).to_vec::<i32>(), [4, 5, 3, 1, 2, 0]);
    let cases: [(&[i32], &[i32]); 6] = [
        (&[2, 0], &[10, 10, 11]),
        (&[1, 0, 0], &[10, 12]),
        (&[0, 2, 1], &[11, 11]),
        (&[0, 0, 0], &[12, 12]),
        (&[2, 1, 1], &[10, 10, 11, 12]),
        (&[2, 1], &[]),
    ];
    for (repeats, expected) in cases {
        let x = np::arange((10, 10 + repeats.len() as i32));
        let total = expected.len();
        let of = |repeats: &Array| np::repeat_each(&x, repeats, total, 0);
        let repeats = Array::from(repeats);
        assert_eq!(of(&repeats).to_vec::<i32>(), expected, "{repeats}");
        assert_eq!(jit(of)(&repeats).to_vec::<i32>(), expected, "{repeats}");
    }
    assert_eq!(np::bincount_length(np::array([0, 3]), 0).aval().to_string(), "i32[0]");
    let x = np::array([2.0, NAN, 1.0, NAN]);
    equal(&np::unique_size(&x, 2, 0), &[1.0, 2.0]);
    equal(&jit(|x: &Array| np::unique_size(x, 5, 0))(&x), &[1.0, 2.0, NAN, 0.0, 0.0]);
    assert_eq!(np::unique_axis(np::array([[1, 0, 1], [2, 0, 2]]), 1).to_vec::<i32>(), [0, 1, 0, 2]);
}

#[test]
fn quantiles_of_several_fractions_and_axes() {
    let (inf, q) = (f64::INFINITY, Array::from([0.0f32, 0.3]));
    let x = np::array([[1.0, 5.0, 2.0, 7.0], [NAN, 3.0, 4.0, 8.0], [6.0, inf, 0.0, 9.0]]);
    let cases = [
        (Between::Linear, [1.9, 5.4], [2.5, 4.2, 1.2, 7.6]),
        (Between::Lower, [1.0, 0.0], [1.0, 3.0, 0.0, 7.0]),
        (Between::Higher, [2.0, 6.0], [6.0, 5.0, 2.0, 8.0]),
        (Between::Nearest, [2.0, 6.0], [1.0, 5.0, 2.0, 8.0]),
        (Between::Midpoint, [1.5, 3.0], [3.5, 4.0, 1.0, 7.5]),
    ];
    for (between, rows, columns) in cases {
        let y = np::quantile_with(&x, &q, 1, between, false);
        assert_eq!(y.shape(), [2, 3]);
        equal(&y, &[1.0, NAN, 0.0, rows[0], NAN, rows[1]]);
        equal(&np::quantile_with(&x, 0.3, 1, between, false), &[rows[0], NAN, rows[1]]);
        let y = np::nanquantile_with(&x, &q, 0, between, true);
        assert_eq!(y.shape(), [2, 1, 4]);
        equal(&y, &[&[1.0, 3.0, 0.0, 7.0], &columns[..]].concat());
        equal(&np::nanquantile_with(&x, &q, (0, 1), between, false), &[0.0, 3.0]);
        equal(&jit(move |x: &Array| np::nanpercentile_with(x, 30.0, (), between, false))(&x), &[3.0]);
    }
    let square = np::quantile(np::array([1.0, 3.0]), Array::from([[0.0f32, 0.5], [1.0, 2.0]]));
    assert_eq!((square.shape(), square.to_vec::<f32>()), (&[2, 2][..], vec![1.0, 2.0, 3.0, 3.0]));
}

#[test]
fn masks_select_the_elements_of_every_dtype() {
    let mask = Array::from([true, false, true]);
    for dtype in [DType::I32, DType::U8, DType::F16, DType::BF16, DType::F32, DType::F64, DType::C64, DType::C128] {
        let x = np::array([[1, 0, 3], [2, 5, 0]]).astype(dtype);
        let real = |y: Array| if y.dtype().is_complex() { y.real() } else { y };
        let float = np::sqrt(&x).dtype();
        equal(&real(np::sum_where(&x, 1, &mask)), &[4.0, 2.0]);
        equal(&real(np::prod_where(&x, 1, &mask)), &[3.0, 0.0]);
        let mean = np::mean_where(&x, 1, &mask);
        assert_eq!(mean.dtype(), float);
        equal(&real(mean), &[2.0, 1.0]);
        for y in [np::var_where(&x, 1, &mask), np::std_where(&x, 1, &mask)] {
            assert_eq!(y.dtype(), float.real());
            equal(&y, &[1.0, 1.0]);
        }
        assert_eq!(np::any_where(&x, 1, &mask).to_vec::<bool>(), [true, true]);
        assert_eq!(np::all_where(&x, 1, &mask).to_vec::<bool>(), [true, false]);
    }
    let rows = Array::from([[true], [false]]);
    equal(&np::mean_where(np::ones([2, 2]), 1, &rows), &[1.0, NAN]);
    equal(&np::var_where(np::ones([2, 2]), 1, &rows), &[0.0, NAN]);
    equal(&np::max_where(np::zeros([0, 3]), 0, true, 2.0), &[2.0, 2.0, 2.0]);
    // What the mask leaves out has no part in the derivative, even if it is not a number.
    let slope = grad(|x: &Array| np::std_where(x, (), Array::from([true, false, true])))(&np::array([1.0, NAN, 3.0]));
    equal(&slope, &[-0.5, 0.0, 0.5]);
}

type Function = Box<dyn Fn(&Array) -> Array + Send + Sync>;

/// Functions of a matrix of shape (3, 4) whose derivative exists at a matrix without equal elements.
fn functions() -> Vec<(&'static str, Function)> {
    let mask = || Array::from([[true, false, true, true], [false, true, true, false], [true, true, false, true]]);
    let q = || np::array_as([0.1, 0.45], DType::F64);
    let mut all: Vec<(&'static str, Function)> = vec![
        ("repeat_each", Box::new(|x| np::repeat_each(x, Array::from([2, 0, 1, 3]), 5, 1))),
        ("quantile", Box::new(move |x| np::quantile_with(x, q(), 0, Between::Linear, true))),
        ("midpoint", Box::new(move |x| np::quantile_with(x, 0.4, (0, 1), Between::Midpoint, false))),
        ("nanquantile", Box::new(move |x| np::nanquantile_axis(x, q(), 1))),
        ("sum_where", Box::new(move |x| np::sum_where(x, 0, mask()))),
        ("prod_where", Box::new(move |x| np::prod_where(x, 1, mask()))),
        ("mean_where", Box::new(move |x| np::mean_where(x, (), mask()))),
        ("var_where", Box::new(move |x| np::var_where(x, 1, mask()))),
        ("std_where", Box::new(move |x| np::std_where(x, 0, mask()))),
        ("max_where", Box::new(move |x| np::max_where(x, 0, mask(), 0.1))),
        ("min_where", Box::new(move |x| np::min_where(x, 1, mask(), 0.1))),
        ("sort_descending", Box::new(|x| np::sort_descending(x, 0))),
        ("interp_with", Box::new(|x| np::interp_with(x, np::arange(3.0), np::array([1.0, 4.0, 2.0]), -1, 7))),
        ("unique_size", Box::new(|x| np::unique_size(x, 14, 0.5))),
        ("roll_axes", Box::new(|x| np::roll_axes(x, &[1, -1], [0, 1]))),
    ];
    let modes = [PadMode::Edge, PadMode::Reflect, PadMode::Symmetric, PadMode::Wrap, PadMode::LinearRamp(0.5)];
    let statistics = [PadMode::Maximum, PadMode::Minimum, PadMode::Mean, PadMode::Median];
    for mode in modes.into_iter().chain(statistics) {
        all.push(("pad_mode", Box::new(move |x| np::pad_mode(x, &[(1, 4), (5, 0)], mode))));
    }
    all
}

#[test]
fn derivatives_equal_differences_and_batches_equal_loops() {
    let matrix = |phase: f64| {
        let values: Vec<f64> = (0..12).map(|i| 1.5 * (2.3 * i as f64 + phase).sin() + 0.07 * i as f64).collect();
        Array::from(values).reshape([3, 4])
    };
    let (x, direction) = (matrix(0.4), matrix(1.9));
    for (name, f) in functions() {
        // A weighted sum tells the elements of the result apart.
        let loss = |x: &Array| {
            let y = f(x);
            let weights = Array::from((0..y.size()).map(|i| (i as f64 + 1.0).cos()).collect::<Vec<f64>>());
            (np::ravel(y) * weights).sum()
        };
        let step = 1e-5;
        let difference =
            (loss(&(&x + &direction * step)) - loss(&(&x - &direction * step))).item::<f64>() / (2.0 * step);
        let slope = (grad(loss)(&x) * &direction).sum().item::<f64>();
        assert!((slope - difference).abs() <= 1e-7 * (1.0 + slope.abs()), "{name}: {slope} instead of {difference}");
        let (_, forward) = jvp(loss, (&x,), (&direction,));
        assert!((slope - forward.item::<f64>()).abs() <= 1e-12 * (1.0 + slope.abs()), "{name}: {slope} and {forward}");

        let batch = np::stack([&x, &direction], 1);
        let batched = vmap(|x: &Array| f(x)).in_axes(1)(&batch);
        let looped = np::stack([f(&x), f(&direction)], 0);
        assert!(np::allclose_with(&batched, &looped, 1e-12, 1e-12, true).item::<bool>(), "{name} in a batch");
        let compiled = jit(|x: &Array| f(x))(&x);
        assert!(np::allclose_with(compiled, f(&x), 1e-12, 1e-12, true).item::<bool>(), "{name} in a program");
    }
}
