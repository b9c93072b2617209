//! Formatting of arrays: NumPy 2.4's own output, and the options of format strings.

use cotangent::{checkify, debug, prelude::*};
use half::{bf16, f16};
use num_complex::Complex;

fn ints(n: i32, shape: &[usize]) -> Array {
    Array::from_vec((0..n).collect(), shape.to_vec()).unwrap()
}

#[test]
fn arrays_are_shown_as_numpy_shows_them() {
    let inf = f32::INFINITY;
    let cases: Vec<(Array, &str)> = vec![
        // Digits: as few as needed, at most eight after the decimal point, with aligned points.
        (Array::from([0.5f32, 1.0, -2.25]), "[ 0.5   1.   -2.25]"),
        (Array::from([1.0f32 / 3.0, 2.0 / 3.0]), "[0.33333334 0.6666667 ]"),
        (Array::from([1.0f64 / 3.0, 2.0 / 3.0]), "[0.33333333 0.66666667]"),
        (Array::from([0.0f32, -0.0]), "[ 0. -0.]"),
        (Array::from([0.001953125f64, 0.5]), "[0.00195312 0.5       ]"),
        // Exponents if numbers are large, small or far apart, by the limits of each dtype.
        (Array::from([1e-8f32, 1.0, -2.5]), "[ 1.0e-08  1.0e+00 -2.5e+00]"),
        (Array::from([0.0001f32, 0.01]), "[0.0001 0.01  ]"),
        (Array::from([999_999.0f32, 999.0]), "[9.99999e+05 9.99000e+02]"),
        (Array::from([999_999.0f32, 1000.0]), "[999999.   1000.]"),
        (Array::from([1e6f32, 1e5]), "[1.e+06 1.e+05]"),
        (Array::from([1e6f64, 1000.0]), "[1000000.    1000.]"),
        (Array::from([1e8f64, 1e7]), "[1.e+08 1.e+07]"),
        (Array::from([1e100f64, 1.0]), "[1.e+100 1.e+000]"),
        (Array::from([0.1, 999.0, -2.0].map(f16::from_f64)), "[ 1.00e-01  9.99e+02 -2.00e+00]"),
        (Array::from([1000.0, 0.5].map(f16::from_f64)), "[1.e+03 5.e-01]"),
        (Array::from([0.1, 0.015625].map(f16::from_f64)), "[0.1     0.01563]"),
        // NaN and infinities affect the alignment and nothing else.
        (Array::from([f32::NAN, -inf, 1.5]), "[ nan -inf  1.5]"),
        (Array::from([inf, f32::NAN]), "[inf nan]"),
        // Other kinds of dtypes.
        (Array::from([[true, false], [false, true]]), "[[ True False]\n [False  True]]"),
        (Array::from([[1, -20], [300, 4]]), "[[  1 -20]\n [300   4]]"),
        (Array::from([u64::MAX, 0]), "[18446744073709551615                    0]"),
        (Array::from([Complex::new(1f32, 2.0), Complex::new(0.1, -3e-8)]), "[1. +2.e+00j 0.1-3.e-08j]"),
        (Array::from([Complex::new(1f64, 2.0), Complex::new(-0.5, -1.0 / 3.0)]), "[ 1. +2.j         -0.5-0.33333333j]"),
        (Array::from([Complex::new(f64::NAN, 1.0), Complex::new(1.0, f64::NEG_INFINITY)]), "[nan +1.j  1.-infj]"),
        // Line breaks, blocks, and empty arrays.
        (
            ints(30, &[30]),
            "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27 28 29]",
        ),
        (ints(12, &[2, 2, 3]), "[[[ 0  1  2]\n  [ 3  4  5]]\n\n [[ 6  7  8]\n  [ 9 10 11]]]"),
        (ints(4, &[2, 1, 2, 1]), "[[[[0]\n   [1]]]\n\n\n [[[2]\n   [3]]]]"),
        (Array::from(Vec::<f32>::new()), "[]"),
        (np::zeros([0, 3]), "[]"),
        (np::zeros([2, 0]), "[]"),
        // More than 1000 elements: only the edges.
        (ints(2000, &[2000]), "[   0    1    2 ... 1997 1998 1999]"),
        (ints(1001, &[1001]), "[   0    1    2 ...  998  999 1000]"),
        (ints(2000, &[2000]).astype(DType::F32), "[0.000e+00 1.000e+00 2.000e+00 ... 1.997e+03 1.998e+03 1.999e+03]"),
        (
            ints(10000, &[100, 100]),
            "\
[[   0    1    2 ...   97   98   99]
 [ 100  101  102 ...  197  198  199]
 [ 200  201  202 ...  297  298  299]
 ...
 [9700 9701 9702 ... 9797 9798 9799]
 [9800 9801 9802 ... 9897 9898 9899]
 [9900 9901 9902 ... 9997 9998 9999]]",
        ),
        (ints(1200, &[2, 600]), "[[   0    1    2 ...  597  598  599]\n [ 600  601  602 ... 1197 1198 1199]]"),
        (
            ints(1320, &[220, 2, 3]),
            "\
[[[   0    1    2]
  [   3    4    5]]

 [[   6    7    8]
  [   9   10   11]]

 [[  12   13   14]
  [  15   16   17]]

 ...

 [[1302 1303 1304]
  [1305 1306 1307]]

 [[1308 1309 1310]
  [1311 1312 1313]]

 [[1314 1315 1316]
  [1317 1318 1319]]]",
        ),
    ];
    for (array, text) in cases {
        assert_eq!(array.to_string(), text);
        // An array on the device is formatted in the same way.
        let flat = jit(|x: &Array| x.reshape(x.size()))(&array);
        assert_eq!(flat.reshape(array.shape()).to_string(), text);
    }
    let whole = ints(1000, &[1000]).to_string();
    assert_eq!(whole.lines().count(), 56);
    assert!(whole.starts_with("[  0   1   2   3   4   5   6   7   8   9  10  11  12  13  14  15  16  17\n  18  19"));
}

/// `bfloat16` follows the rules of `float16`. (JAX shows six digits, most of them without meaning, and does not align
/// them.)
#[test]
fn bf16_shows_the_digits_it_has() {
    let x = Array::from([0.1, 1.0, -2.5].map(bf16::from_f64));
    assert_eq!(x.to_string(), "[ 0.1  1.  -2.5]");
    assert_eq!(Array::scalar(bf16::from_f64(0.1)).to_string(), "0.1");
}

#[test]
fn scalars_are_shown_with_all_their_digits() {
    let cases: Vec<(Array, &str)> = vec![
        (Array::from(1.0), "1.0"),
        (Array::scalar(1.0f32 / 3.0), "0.33333334"),
        (Array::scalar(1.0f64 / 3.0), "0.3333333333333333"),
        (Array::scalar(999_999.0f32), "999999.0"),
        (Array::scalar(1e6f32), "1e+06"),
        (Array::scalar(123_456_789.0f64), "123456789.0"),
        (Array::scalar(1e16f64), "1e+16"),
        (Array::scalar(1.25e-5f32), "1.25e-05"),
        (Array::scalar(-0.0f32), "-0.0"),
        (Array::scalar(f32::NAN), "nan"),
        (Array::scalar(f64::NEG_INFINITY), "-inf"),
        (Array::scalar(f16::from_f64(0.1)), "0.1"),
        (Array::scalar(-3), "-3"),
        (Array::scalar(true), "True"),
        (Array::scalar(Complex::new(1.0f32, 2.0)), "(1+2j)"),
        (Array::scalar(Complex::new(0.0f64, -0.5)), "-0.5j"),
        (Array::scalar(Complex::new(0.1f64, -1e20)), "(0.1-1e+20j)"),
        (Array::scalar(Complex::new(f32::NAN, f32::INFINITY)), "(nan+infj)"),
    ];
    for (array, text) in cases {
        assert_eq!(array.to_string(), text);
        assert_eq!(array.reshape(()).to_string(), text);
    }
}

#[test]
fn the_debug_form_has_commas_and_the_type() {
    let cases: Vec<(Array, &str)> = vec![
        (Array::from([1.0f32, 2.5]), "Array([1. , 2.5], f32[2])"),
        (Array::from([[1, -20], [300, 4]]), "Array([[  1, -20],\n       [300,   4]], i32[2,2])"),
        (Array::from(1.0), "Array(1.0, f32[]~weak)"),
        (np::zeros([0, 3]), "Array([], f32[0,3])"),
        (
            ints(30, &[30]),
            "Array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,\n       \
             17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29], i32[30])",
        ),
        (
            ints(2000, &[2000]).astype(DType::F32),
            "Array([0.000e+00, 1.000e+00, 2.000e+00, ..., 1.997e+03, 1.998e+03,\n       1.999e+03], f32[2000])",
        ),
        // The type goes on a line of its own if the last line is full.
        (
            ints(19, &[19]),
            "Array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,\n       17, 18], i32[19])",
        ),
        (ints(16, &[16]), "Array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15],\n      i32[16])"),
    ];
    for (array, text) in cases {
        assert_eq!(format!("{array:?}"), text);
    }
}

#[test]
fn a_format_string_holds_for_each_element() {
    let x = Array::from([1.0f32, -2.5, 1e-5]);
    let row = Array::from([[1, 20], [-3, 4]]);
    let one = Array::from(2.5f32);
    for (text, expected) in [
        (format!("{x:.3}"), "[ 1.000 -2.500  0.000]"),
        (format!("{x:.0}"), "[ 1 -2  0]"),
        (format!("{x:e}"), "[ 1.0e+00 -2.5e+00  1.0e-05]"),
        (format!("{x:.2E}"), "[ 1.00E+00 -2.50E+00  1.00E-05]"),
        (format!("{x:+.1}"), "[+1.0 -2.5 +0.0]"),
        (format!("{x:>8.1}"), "[     1.0     -2.5      0.0]"),
        (format!("{x:_<6.1}"), "[ 1.0__ -2.5__  0.0__]"),
        (format!("{x:^7.1}"), "[  1.0    -2.5     0.0  ]"),
        (format!("{x:07.2}"), "[0001.00 -002.50 0000.00]"),
        (format!("{x:.1?}"), "Array([ 1.0, -2.5,  0.0], f32[3])"),
        (format!("{row:>4}"), "[[   1   20]\n [  -3    4]]"),
        (format!("{row:+}"), "[[ +1 +20]\n [ -3  +4]]"),
        (format!("{row:e}"), "[[ 1.e+00  2.e+01]\n [-3.e+00  4.e+00]]"),
        (format!("{one:.3}|{one:>6}|{one:<6}|{one:+}|{one:e}|{one:06.2}"), "2.500|   2.5|2.5   |+2.5|2.5e+00|002.50"),
        (format!("{:.1}", Array::from([Complex::new(1.0f32, -0.25)])), "[1.0-0.2j]"),
        (format!("{:>6}|{:.2}", Array::from(true), Array::from(7)), "  True|7"),
        (format!("{:>9}", ints(2000, &[2000])), "[        0         1         2 ...      1997      1998      1999]"),
    ] {
        assert_eq!(text, expected);
    }
    // Lines stay within the limit, whatever the width of an element.
    assert!(format!("{:>20}", ints(10, &[10])).lines().all(|line| line.len() <= 75));
}

/// Messages that programs print accept the same placeholders.
#[test]
fn messages_have_the_same_placeholders() {
    let message = |x: &Array| {
        checkify::check(x.sum().less(0.0), "x = {:.2}, {0:>+6.1}, {:e}, {0:?}", (x, 12.5));
        debug::print("{:.3}", x);
    };
    let (error, ()) = checkify::checkify(message)(&Array::from([1.0f32, 2.0]));
    let said = error.get().expect("it fails").to_string();
    assert!(said.starts_with("x = [1.00 2.00], [  +1.0   +2.0], 1.25e+01, Array([1., 2.], f32[2])"), "{said}");
}

/// Only the edges of a large array are read, wherever it is stored. Its full text would take gigabytes.
#[test]
fn a_large_array_is_shown_at_once() {
    let x = ints(1 << 24, &[1 << 12, 1 << 12]);
    let on_device = jit(|x: &Array| x + 1)(&x);
    for (array, first, last) in
        [(x, "[[       0        1", "16777215]]"), (on_device, "[[       1        2", "16777216]]")]
    {
        let text = array.to_string();
        assert!(text.starts_with(first) && text.ends_with(last), "{text}");
        assert_eq!(text.lines().count(), 7);
        assert!(text.lines().all(|line| line.len() <= 75));
    }
}
