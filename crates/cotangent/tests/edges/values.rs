//! Numbers that keep their value: literals beside wide dtypes, indices in narrow ones, bounds, and infinities.

use cotangent::prelude::*;
use cotangent::{fft, lax};
use num_complex::Complex;

use super::goldens_lib::floats;

const WIDE: [DType; 4] = [DType::C64, DType::F32, DType::F64, DType::C128];

/// Returns the parts of all elements as doubles, in order.
fn parts(x: &Array) -> Vec<f64> {
    if !x.dtype().is_complex() {
        return floats(x);
    }
    floats(&x.real()).into_iter().chain(floats(&x.imag())).collect()
}

/// Returns the error message of a function that fails.
fn error(f: impl Fn() -> Array + Send + Sync) -> String {
    jit(|_: &Array| f()).try_call((&1.0.into(),)).expect_err("an error").to_string()
}

/// The name of a function of one array, and the function.
type Named = (&'static str, fn(&Array) -> Array);

#[test]
fn a_number_beside_an_array_keeps_all_its_digits() {
    // 0.1 has no exact representation, and another value in f32.
    let cases: [Named; 17] = [
        ("mul", |z: &Array| z * 0.1),
        ("add", |z: &Array| z * 0.0 + 0.1),
        ("sub", |z: &Array| z * 0.0 - -0.1),
        ("div", |z: &Array| z / 10.0),
        ("literal first", |z: &Array| 0.1 * z),
        ("full_like", |z: &Array| np::full_like(z, 0.1)),
        ("full_as", |z: &Array| np::full_as(z.shape(), 0.1, z.dtype())),
        ("where", |z: &Array| np::where_(true, 0.1, z)),
        ("set", |z: &Array| z.at(0).set(0.1)),
        ("set by a mask", |z: &Array| z.at(Array::from([true])).set(0.1)),
        ("at add", |z: &Array| z.at(0).add(-0.9)),
        ("at multiply", |z: &Array| z.at([0]).multiply(0.1)),
        ("fill", |z: &Array| z.at([9]).fill_value(0.1).get()),
        ("astype", |z: &Array| Array::from(0.1).astype(z.dtype()) * z),
        ("linspace", |z: &Array| np::linspace(z, 0.1, 2).get(1)),
        ("average", |z: &Array| np::average(z, (), 0.3) * 0.1),
        ("complex literal", |z: &Array| if z.dtype().is_complex() { z * Complex::new(0.1, 0.0) } else { z * 0.1 }),
    ];
    for dtype in WIDE {
        let exact = if dtype.real() == DType::F32 { f64::from(0.1f32) } else { 0.1 };
        let one = np::ones_as(1, dtype);
        for (name, f) in cases {
            let tolerance = 4.0 * exact * if dtype.real() == DType::F32 { 6e-8 } else { 1.2e-16 };
            for got in [f(&one), jit(|z: &Array| f(z))(&one), vmap(|z: &Array| f(&z.reshape(1)))(&one)] {
                let value = parts(&got)[0];
                assert!((value.abs() - exact).abs() <= tolerance, "{name} in {dtype}: {value}");
            }
        }
    }
}

#[test]
fn constants_of_functions_have_the_precision_of_the_type() {
    let ten = Array::from([Complex::new(10.0f64, 0.0)]);
    let cases: [(&str, Array, f64); 6] = [
        ("exp2", ten.exp2(), 1024.0),
        ("log2", np::log2(&ten), 10f64.log2()),
        ("log10", np::log10(&ten), 1.0),
        ("sinc", np::sinc(&ten / 40.0), (0.25 * np::PI).sin() / (0.25 * np::PI)),
        ("rad2deg", np::rad2deg(Array::from([1.0f64])), 1f64.to_degrees()),
        ("logaddexp2", np::logaddexp2(Array::from([1.0f64]), Array::from([1.0f64])), 2.0),
    ];
    for (name, got, expected) in cases {
        let value = parts(&got)[0];
        assert!((value - expected).abs() <= 1e-14 * expected, "{name}: {value:?} instead of {expected:?}");
    }
    let slope = jvp(|z: &Array| z.exp2(), (&ten,), (&np::ones_like(&ten),)).1;
    assert!((parts(&slope)[0] - 1024.0 * 2f64.ln()).abs() < 1e-11, "{slope}");
}

#[test]
fn large_whole_numbers_beside_wide_types() {
    let (near, far) = ((1i64 << 53) - 1, 123_456_789i64);
    for dtype in [DType::F64, DType::C128, DType::I64, DType::U64] {
        let zero = np::zeros_as(1, dtype);
        for n in [far, near, 16_777_217] {
            let met = [np::full_like(&zero, n), zero.at(0).set(n), np::where_(false, &zero, n), &zero + Array::from(n)];
            // A number of more than 32 bits is an i64, which promotes to a float with u64.
            let kept = if dtype == DType::U64 && i32::try_from(n).is_err() { 2 } else { 4 };
            for got in &met[..kept] {
                assert_eq!(parts(got)[0], n as f64, "{n} in {dtype}");
            }
        }
        assert_eq!(parts(&np::full_as(1, 123_456_789.0, dtype))[0], 123_456_789.0, "{dtype}");
    }
    // An update leaves all other elements unchanged.
    for dtype in [DType::I32, DType::I64, DType::U64] {
        let x = np::full_as(3, 16_777_217, dtype);
        let at = || x.at([0]);
        for y in [at().set(0.5), at().add(0.5), at().multiply(2.5), at().min(0.5), at().set(Array::from([2i64]))] {
            assert_eq!(floats(&y)[1..], [16_777_217.0; 2], "{dtype}");
        }
        let mask = Array::from([true, false, false]);
        assert_eq!(floats(&x.at(&mask).set(0.5)), [0.0, 16_777_217.0, 16_777_217.0], "{dtype}");
        assert_eq!(floats(&x.at(&mask).add(0.5))[1..], [16_777_217.0; 2], "{dtype}");
    }
    // With a weakly typed float as an intermediate value.
    let x = Array::from([0.0f64]);
    assert_eq!(np::average(&x, (), 1.0).item::<f64>(), 0.0);
    assert_eq!((Array::from(16_777_217).astype(DType::F64) + &x).item::<f64>(), 16_777_217.0);
    assert_eq!(np::nan_to_num_with(Array::from([f64::NAN]), 0.1, 1.0, 1.0).item::<f64>(), 0.1);
    assert_eq!(np::logspace_with(x.get(0), 1.0, 2, true, 0.1).get(1).item::<f64>(), 0.1);
    assert_eq!(np::pad(&x, &[(1, 0)], 0.1).get(0).item::<f64>(), 0.1);
}

#[test]
fn indices_of_few_bits_count_from_the_end_of_long_axes() {
    let x = np::arange(300);
    let table = np::stack(&[&x, &(&x + 1000)], 0);
    for (dtype, i, expected) in [(DType::I8, -1, 299), (DType::I8, -128, 172), (DType::I16, -2, 298), (DType::I8, 7, 7)]
    {
        let index = np::full_as(1, i, dtype);
        let scalar = index.get(0);
        let known = Array::from(i).astype(dtype);
        let reads: [(&str, Array); 9] = [
            ("get", x.get(&index)),
            ("get of a scalar", x.get(&scalar)),
            ("get of a known scalar", x.get(&known)),
            ("take", np::take(&x, &index)),
            ("take_axis", np::take_axis(&table, &index, 1).get(0)),
            ("take_along_axis", np::take_along_axis(&x, &index, 0)),
            ("dynamic_index_in_dim", lax::dynamic_index_in_dim(&x, &scalar, 0)),
            ("jit", jit(|x: &Array, i: &Array| x.get(i))(&x, &scalar)),
            ("vmap", vmap(|i: &Array| x.get(i))(&index)),
        ];
        for (name, got) in reads {
            assert_eq!(got.item::<i32>(), expected, "{name}: {i} in {dtype}");
        }
        let zeros = np::zeros_as(300, DType::I32);
        let writes: [(&str, Array); 6] = [
            ("set", zeros.at(&index).set(1)),
            ("set by a scalar", zeros.at(&scalar).set(1)),
            ("add", zeros.at(&index).add(1)),
            ("put_along_axis", np::put_along_axis(&zeros, &index, 1, 0)),
            (
                "dynamic_update_slice",
                lax::dynamic_update_slice(&zeros, Array::from([1]), std::slice::from_ref(&scalar)),
            ),
            ("jit", jit(|z: &Array, i: &Array| z.at(i).set(1))(&zeros, &scalar)),
        ];
        for (name, got) in writes {
            assert_eq!(got.argmax().item::<i32>(), expected, "{name}: {i} in {dtype}");
            assert_eq!(got.sum().item::<i32>(), 1, "{name}: {i} in {dtype}");
        }
    }
    // Unsigned indices, and 64-bit ones beyond the signed range: they are out of bounds and do not count from the end.
    assert_eq!(x.get(Array::from([200u8])).item::<i32>(), 200);
    let beyond = Array::from([u64::MAX]);
    assert_eq!(x.get(&beyond).item::<i32>(), 299);
    assert_eq!(np::take(&x, &beyond).item::<i32>(), i32::MIN);
    assert_eq!(x.at(&beyond).set(7).max().item::<i32>(), 299);
    // The derivative is added at the same index.
    let slope = grad(|x: &Array| x.get(Array::from([-1i8])).sum())(&np::ones(300));
    assert_eq!(slope.argmax().item::<i32>(), 299);
    let choices: Vec<Array> = (0..200).map(|i| Array::from([i])).collect();
    assert_eq!(np::choose(Array::from([127i8]), &choices).item::<i32>(), 127);
    assert_eq!(np::choose(Array::from([150u8]), &choices).item::<i32>(), 150);
    let counts = np::bincount_length(Array::from([255u8, 3, 255]), 300);
    assert_eq!(counts.get(255).item::<i32>(), 2);
    assert_eq!(np::segment_sum(np::ones(2), Array::from([255u8, 255]), 300).get(255).item::<f32>(), 2.0);
}

#[test]
fn places_in_shapes_beyond_the_index_type() {
    let unravel = |places: Array, shape: &[usize]| -> Vec<i64> {
        np::unravel_index(places, shape).iter().map(|c| c.item::<i64>()).collect()
    };
    assert_eq!(unravel(Array::from([-1i8]), &[300, 2]), [299, 1]);
    assert_eq!(unravel(Array::from([100i8]), &[30, 40]), [2, 20]);
    assert_eq!(unravel(Array::from([255u8]), &[30, 40]), [6, 15]);
    assert_eq!(unravel(Array::from([-1i16]), &[300, 300]), [299, 299]);
    assert_eq!(unravel(Array::from([-1]), &[70_000, 70_000]), [69_999, 69_999]);
    assert_eq!(unravel(Array::from([i32::MAX]), &[70_000, 70_000]), [30_678, 23_647]);
    assert_eq!(unravel(Array::from([4_000_000_000u32]), &[70_000, 70_000]), [57_142, 60_000]);
    assert_eq!(unravel(Array::from([5u32]), &[2, 3]), [1, 2]);
    assert_eq!(unravel(Array::from([u64::MAX]), &[2, 3]), [1, 2]);
    let ravel = |c: [Array; 2], shape: [usize; 2]| np::ravel_multi_index(&c, shape).item::<i64>();
    assert_eq!(ravel([Array::from([100i8]), Array::from([100i8])], [300, 300]), 30_100);
    assert_eq!(ravel([Array::from([200u8]), Array::from([255u8])], [300, 300]), 60_255);
    assert_eq!(ravel([Array::from([69_999]), Array::from([69_999])], [70_000, 70_000]), 4_899_999_999);
}

#[test]
fn ranges_of_large_integers_are_exact() {
    let big = 1i64 << 62;
    let of = |x: &Array| (x.dtype(), x.astype(DType::I64).to_vec::<i64>());
    assert_eq!(of(&np::arange((big + 1, big + 4))), (DType::I64, vec![big + 1, big + 2, big + 3]));
    assert_eq!(of(&np::arange((-big - 1, -big - 8, -3))), (DType::I64, vec![-big - 1, -big - 4, -big - 7]));
    assert_eq!(of(&np::arange((i64::MIN, i64::MAX, i64::MAX))), (DType::I64, vec![i64::MIN, -1, i64::MAX - 1]));
    let (first, last) = (Array::scalar(u64::MAX - 2), Array::scalar(u64::MAX));
    assert_eq!(np::arange((&first, &last)).to_vec::<u64>(), [u64::MAX - 2, u64::MAX - 1]);
    assert_eq!(np::arange((&last, &first, -1)).to_vec::<u64>(), [u64::MAX, u64::MAX - 1]);
    assert_eq!(np::arange((0, &last, Array::scalar(1u64 << 63))).to_vec::<u64>(), [0, 1 << 63]);
    for dtype in [DType::I8, DType::U8, DType::I16, DType::U16, DType::I32, DType::U32, DType::I64, DType::U64] {
        let bound = |n: i32| Array::from(n).astype(dtype);
        assert_eq!(floats(&np::arange((bound(9), bound(2), -3))), [9.0, 6.0, 3.0], "{dtype}");
        assert_eq!(floats(&np::arange((bound(100), bound(103), bound(2)))), [100.0, 102.0], "{dtype}");
        assert_eq!(np::arange((bound(3), bound(3))).shape(), [0], "{dtype}");
        assert_eq!(np::arange((bound(3), bound(1))).shape(), [0], "{dtype}");
    }
    assert!(error(|| np::arange((0, 5, 0))).contains("step must not be zero"));
}

#[test]
fn integers_are_compared_by_their_values() {
    const INTEGERS: [DType; 8] =
        [DType::I8, DType::U8, DType::I16, DType::U16, DType::I32, DType::U32, DType::I64, DType::U64];
    let check = |x: &Array, y: &Array, a: i128, b: i128, how: &str| {
        let all = |x: &Array, y: &Array| {
            let each = [x.less(y), x.less_equal(y), x.greater(y), x.greater_equal(y), x.equal(y), x.not_equal(y)];
            np::stack(&each.iter().collect::<Vec<_>>(), 0)
        };
        let expected = [a < b, a <= b, a > b, a >= b, a == b, a != b];
        let got = all(x, y).reshape(6).to_vec::<bool>();
        assert_eq!(got, expected, "{a} in {} beside {b} in {}, {how}", x.dtype(), y.dtype());
    };
    for dtype in INTEGERS {
        let (least, most): (i128, i128) = match (dtype.bits() as u32, dtype) {
            (bits, DType::U8 | DType::U16 | DType::U32 | DType::U64) => (0, (1 << bits) - 1),
            (bits, _) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        };
        let of = |v: i128| Array::from([v as u64]).astype(dtype);
        for a in [least, 5, most] {
            for b in [-1, 0, 5, 300, 70_000, i32::MIN, i32::MAX] {
                check(&of(a), &b.into(), a, b.into(), "a literal");
            }
        }
        check(&of(5), &Array::from(u64::MAX as usize), 5, u64::MAX.into(), "a literal");
        check(&of(5), &Array::from(i64::MIN), 5, i64::MIN.into(), "a literal");
    }
    let (x, y) = (Array::from([0u64, 1, u64::MAX, 1 << 63]), Array::from([-1i64, 1, -1, i64::MAX]));
    for f in [|x: &Array, y: &Array| x.greater(y), |x: &Array, y: &Array| y.less(x)] {
        assert_eq!(f(&x, &y).to_vec::<bool>(), [true, false, true, true]);
        assert_eq!(jit(f)(&x, &y).to_vec::<bool>(), [true, false, true, true]);
        assert_eq!(vmap(f)(&x, &y).to_vec::<bool>(), [true, false, true, true]);
    }
    let bytes = Array::from([0u8, 44, 255]);
    assert_eq!(bytes.equal(300).to_vec::<bool>(), [false; 3]);
    // The number may be traced.
    let traced = jit(|x: &Array, n: &Array| x.less(n))(&bytes, &300.into());
    assert_eq!(traced.to_vec::<bool>(), [true; 3]);
    assert_eq!(np::searchsorted(Array::from([1u64, 5]), Array::from([-1i64, 9])).to_vec::<i32>(), [0, 2]);
}

#[test]
fn integers_are_divided_by_their_values() {
    let bytes = Array::from([0u8, 44, 255]);
    for (got, expected) in [(&bytes / 300, 255.0 / 300.0), (300 / &bytes, 300.0 / 255.0)] {
        assert!((floats(&got)[2] - expected).abs() < 1e-6, "{got}");
    }
    assert_eq!((&bytes / -1).to_vec::<f32>(), [0.0, -44.0, -255.0]);
    assert_eq!((&bytes % 300).to_vec::<u8>(), [0, 44, 255]);
    assert_eq!((300 % &bytes.at(0).set(7)).to_vec::<u8>(), [6, 36, 45]);
    assert_eq!(np::fmod(&bytes, 300).to_vec::<u8>(), [0, 44, 255]);
    let (quotient, remainder) = np::divmod(&bytes, 100_000);
    assert_eq!((quotient.to_vec::<u8>(), remainder.to_vec::<u8>()), (vec![0; 3], vec![0, 44, 255]));
    assert_eq!(np::floor_divide(Array::from([-5i8]), 1000).to_vec::<i8>(), [-1]);
    assert_eq!(Array::from([3i8]).pow(-200).to_vec::<f32>(), [0.0]);
    assert!((bytes.atan2(-1).to_vec::<f32>()[0] - np::PI as f32).abs() < 1e-6);
    // Operands that meet f64 are not converted to f32 first.
    let (n, one) = (Array::from([16_777_217i64]), Array::from([1.0f64]));
    for y in [
        &n / &one,
        n.pow(&one),
        np::average(&n, (), &one) * &one,
        n.complex(&one).real(),
        np::linspace(&n, &one, 1).get(0),
    ] {
        assert_eq!(y.to_vec::<f64>(), [16_777_217.0]);
    }
}

#[test]
fn bounds_beyond_the_type_clamp() {
    let bytes = Array::from([0u8, 44, 255]);
    let all: [Named; 4] = [
        ("clip", |x: &Array| np::clip(x, -1, 300)),
        ("maximum", |x: &Array| np::maximum(-1, x)),
        ("minimum", |x: &Array| x.minimum(300)),
        ("at min", |x: &Array| x.at([0, 1, 2]).min(300).at(0).max(-5)),
    ];
    for (name, f) in all {
        assert_eq!(f(&bytes).to_vec::<u8>(), [0, 44, 255], "{name}");
        assert_eq!(jit(|x: &Array| f(x))(&bytes).to_vec::<u8>(), [0, 44, 255], "{name}");
    }
    assert_eq!(np::clip(&bytes, 10, 300).to_vec::<u8>(), [10, 44, 255]);
    assert_eq!(np::clip(&bytes, -7, 50).to_vec::<u8>(), [0, 44, 50]);
    let traced = jit(|x: &Array, n: &Array| np::clip(x, -n, n))(&bytes, &300.into());
    assert_eq!(traced.to_vec::<u8>(), [0, 44, 255]);
    assert_eq!(np::clip(Array::from([-128i8, 127]), -1000, 1000).to_vec::<i8>(), [-128, 127]);
    assert_eq!(np::clip(Array::from([0u64, u64::MAX]), -1, i32::MAX).to_vec::<u64>(), [0, 2_147_483_647]);
    assert_eq!(np::clip(Array::from([u32::MAX]), -1, Array::scalar(u32::MAX)).to_vec::<u32>(), [u32::MAX]);
}

#[test]
fn quantiles_on_an_element_ask_no_neighbor() {
    let inf = f64::INFINITY;
    let cases: [(&[f64], f64, f64); 9] = [
        (&[1.0, 2.0, inf], 0.5, 2.0),
        (&[-inf], 0.5, -inf),
        (&[4.0, 5.0, inf], 0.5, 5.0),
        (&[-inf, 5.0, inf], 0.5, 5.0),
        (&[-inf, 1.0, 2.0], 0.0, -inf),
        (&[1.0, 2.0, inf], 1.0, inf),
        (&[1.0, 2.0, 3.0, 4.0, inf], 0.75, 4.0),
        (&[1.0, 2.0, inf, inf], 0.5, inf),
        (&[1.0, 2.0, f64::NAN], 0.5, f64::NAN),
    ];
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        for (x, q, expected) in cases {
            let x = Array::from(x).astype(dtype);
            for got in [
                np::quantile(&x, q),
                np::percentile_axis(&x, 100.0 * q, 0),
                jit(move |x: &Array| np::quantile(x, q))(&x),
            ] {
                let got = got.item::<f64>();
                assert!(got == expected || (got.is_nan() && expected.is_nan()), "{q} of {x} in {dtype}: {got}");
            }
        }
    }
    assert_eq!(np::median(Array::from([1.0f32, 2.0, f32::INFINITY])).item::<f32>(), 2.0);
    // The element at index 7 of 101, although 0.07 · 100 rounds to slightly more than 7.
    let mut long: Vec<f64> = (0..8).map(f64::from).collect();
    long.extend([inf; 93]);
    assert_eq!(np::quantile(Array::from(long), 0.07).item::<f64>(), 7.0);
    let slope = grad(|x: &Array| np::median(x))(&Array::from([1.0f32, f32::INFINITY, 2.0]));
    assert_eq!(slope.to_vec::<f32>(), [0.0, 0.0, 1.0]);
}

#[test]
fn averages_take_a_weight_for_each_place_along_the_axes() {
    let x = Array::from([[1.0f32, 2.0, 4.0], [3.0, 5.0, 9.0]]);
    let w = Array::from([1.0f32, 3.0]);
    assert_eq!(np::average(&x, 0, &w).to_vec::<f32>(), [2.5, 4.25, 7.75]);
    assert_eq!(np::average(&x, 1, Array::from([1.0f32, 0.0, 1.0])).to_vec::<f32>(), [2.5, 6.0]);
    assert_eq!(np::average(&x, -2, &w).to_vec::<f32>(), [2.5, 4.25, 7.75]);
    assert_eq!(np::average(&x, 0, &x).to_vec::<f32>(), [10.0 / 4.0, 29.0 / 7.0, 97.0 / 13.0]);
    // A square array, and several axes.
    let square = Array::from([[1.0f64, 2.0], [3.0, 5.0]]);
    assert_eq!(np::average(&square, 0, Array::from([1.0f64, 3.0])).to_vec::<f64>(), [2.5, 4.25]);
    let cube = np::arange(24.0).reshape([2, 3, 4]);
    let weights = np::arange(8.0).reshape([2, 4]);
    let expected = (&cube * weights.reshape([2, 1, 4])).sum_axis([0, 2]) / 28.0;
    let got = np::average(&cube, [0, 2], &weights);
    assert!(np::allclose(&got, &expected).item::<bool>(), "{got} instead of {expected}");
    let wrong = error(|| np::average(&x, 0, Array::from([1.0f32, 2.0, 3.0])));
    assert!(wrong.contains("f32[3]") && wrong.contains("f32[2,3]"), "{wrong}");
    assert!(error(|| np::average(&x, (), &w)).contains("f32[2]"));
}

#[test]
fn a_spread_without_degrees_of_freedom_is_no_number() {
    let x = Array::from([[1.0f64, 2.0], [4.0, 8.0]]);
    for ddof in [2, 3] {
        for got in [np::var_ddof(&x, 0, ddof), np::std_ddof(&x, 0, ddof), np::var_ddof(x.astype(DType::C64), 1, ddof)] {
            assert!(floats(&got).iter().all(|v| v.is_nan()), "{got}");
        }
    }
    assert_eq!(np::var_ddof(&x, 0, 1).to_vec::<f64>(), [4.5, 18.0]);
    assert!(np::var(np::zeros(0)).item::<f32>().is_nan());
}

#[test]
fn transforms_of_length_zero_are_errors() {
    let empty = np::zeros([3, 0]);
    let all: [Named; 12] = [
        ("fft", |x: &Array| fft::fft(x)),
        ("ifft", |x: &Array| fft::ifft(x)),
        ("rfft", |x: &Array| fft::rfft(x)),
        ("irfft", |x: &Array| fft::irfft(x)),
        ("fft2", |x: &Array| fft::fft2(x)),
        ("ifft2", |x: &Array| fft::ifft2(x)),
        ("rfft2", |x: &Array| fft::rfft2(x)),
        ("irfft2", |x: &Array| fft::irfft2(x)),
        ("fftn", |x: &Array| fft::fftn(x)),
        ("ifftn", |x: &Array| fft::ifftn(x)),
        ("rfftn", |x: &Array| fft::rfftn(x)),
        ("irfftn", |x: &Array| fft::irfftn(x)),
    ];
    for (name, f) in all {
        let text = error(|| f(&empty));
        assert!(text.contains("length 0") && text.contains(name), "{text}");
    }
    assert!(error(|| fft::irfft(np::ones(1))).contains("length 0"));
    // An empty batch is not an error, and neither is an empty axis that is padded to a given length.
    assert_eq!(fft::fft(np::zeros([0, 4])).shape(), [0, 4]);
    assert_eq!(fft::Transform::new().n(4).fft(&empty).shape(), [3, 4]);
}

/// A GPU multiplies fewer pairs of dtypes than the CPU, some of them wrongly. Its programs have only products of one
/// dtype, or with an f32 result, and return the same.
#[test]
fn products_of_any_dtypes_are_written_for_a_gpu_in_dtypes_that_it_multiplies() {
    use DType::*;
    let dtypes = [Bool, I8, U8, I32, I64, F16, BF16, F32, F64, C64];
    let numbers = |dtype: DType, start: i32| np::arange((start, start + 6)).astype(dtype);
    let mut texts = 0;
    for x in dtypes {
        for y in dtypes {
            for out in [None, Some(I8), Some(I32), Some(BF16), Some(F32), Some(F64)] {
                let options = lax::DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]);
                let options = out.map_or(options.clone(), |out| options.preferred_element_type(out));
                let product = |x: &Array, y: &Array| lax::dot_general(x, y, &options);
                let (a, b) = (numbers(x, -2).reshape([2, 3]), numbers(y, 1).reshape([3, 2]));
                // Some pairs are errors everywhere.
                let Ok(lowered) = jit(product).lower((&a, &b)) else { continue };
                let text = lowered.export_for(cotangent::Platform::Cuda).unwrap().stablehlo().to_string();
                let types = text.lines().find(|line| line.contains("stablehlo.dot_general")).expect("a product");
                let of = |part: &str| part.rsplit('x').next().unwrap().trim_end_matches(['>', ')', ' ']).to_string();
                let (operands, result) = types.rsplit_once(" : ").unwrap().1.split_once(" -> ").unwrap();
                let (left, right) = operands.split_once(", ").unwrap();
                let result = of(result.split(" loc").next().unwrap());
                assert_eq!(of(left), of(right), "{x} {y} {out:?}: {types}");
                assert!(of(left) == result || result == "f32", "{x} {y} {out:?}: {types}");
                assert!(!["i1", "i8", "ui8"].contains(&of(left).as_str()), "{x} {y} {out:?}: {types}");
                let there = cotangent::Exported::from_stablehlo("product", &text).unwrap().compile().unwrap();
                let there = there.call(&(a.clone(), b.clone())).unwrap();
                assert_eq!(parts(&there[0]), parts(&product(&a, &b)), "{x} {y} {out:?}");
                texts += 1;
            }
        }
    }
    assert!(texts > 300, "{texts}");
}
