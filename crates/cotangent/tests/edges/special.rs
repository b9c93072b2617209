//! Special functions in extreme ranges: higher derivatives, by every composition of modes, and values that overflow or
//! cancel. The expected values are mpmath's, at 60 digits. Values and first derivatives on a grid of points are in
//! `points_special.json`.

use std::sync::Arc;

use cotangent::prelude::*;
use cotangent::scipy::special;
use cotangent::scipy::stats::norm;

use super::goldens_lib::floats;
use super::points::{Row, check, one};

type Function = Arc<dyn Fn(&Array) -> Array + Send + Sync>;

fn derivative(f: Function, order: usize) -> Function {
    (0..order).fold(f, |f, _| Arc::new(move |x: &Array| grad(|x: &Array| f(x).sum())(x)))
}

/// Compares a derivative with its expected values: un-jitted, jitted, and mapped.
fn compare(what: &str, f: &Function, order: usize, dtype: DType, cases: &[(f64, f64)], rtol: f64) {
    let x = Array::from(cases.iter().map(|c| c.0).collect::<Vec<f64>>()).astype(dtype);
    let f = derivative(f.clone(), order);
    let ways = [("plain", f(&x)), ("jit", jit(|x: &Array| f(x))(&x)), ("vmap", vmap(|x: &Array| f(x))(&x))];
    for (way, y) in ways {
        assert_eq!(y.dtype(), dtype);
        for ((x, truth), got) in cases.iter().zip(floats(&y)) {
            let right = got == *truth || (got - truth).abs() <= rtol * truth.abs() || (got.is_nan() && truth.is_nan());
            assert!(right, "{what}, order {order}, {dtype}, {way}: {got:e} instead of {truth:e} at {x}");
        }
    }
}

/// Checks orders of derivatives, each with points and expected values, in f64 and f32 with their tolerances. The
/// tolerance grows by a factor for each order.
fn table(
    what: &str,
    f: impl Fn(&Array) -> Array + Send + Sync + 'static,
    rtol: [f64; 2],
    orders: &[(usize, &[(f64, f64)])],
) {
    let f: Function = Arc::new(f);
    for (order, cases) in orders {
        let loss = 8f64.powi(order.saturating_sub(1) as i32);
        compare(what, &f, *order, DType::F64, cases, rtol[0] * loss);
        compare(what, &f, *order, DType::F32, cases, rtol[1] * loss);
    }
}

const MILLI: f64 = 0.0009765625;

#[test]
fn bessel_functions_have_all_derivatives() {
    table(
        "i0",
        |x| special::i0(x),
        [2e-15, 1e-6],
        &[
            (1, &[(0.0, 0.0), (1.0, 0.565159103992485), (-2.5, -2.5167162452886984)]),
            (2, &[(0.0, 0.5), (1.0, 0.7009067737595233), (-2.5, 2.283152645934644)]),
            (3, &[(0.0, 0.0), (1.0, 0.42941143422544675), (5.0, 20.83451914912568)]),
            (4, &[(0.0, 0.375), (1.0, 0.5429906790681531), (5.0, 19.606288762619144)]),
        ],
    );
    table(
        "i1",
        |x| special::i1(x),
        [2e-15, 1e-6],
        &[
            (1, &[(0.0, 0.5), (1.0, 0.7009067737595233), (-5.0, 22.37274339511434)]),
            (2, &[(0.0, 0.0), (MILLI, 0.00036621098600638614), (-5.0, -20.83451914912568)]),
            (3, &[(0.0, 0.375), (1.0, 0.5429906790681531), (-5.0, 19.606288762619144)]),
        ],
    );
    // Far out, where the difference of the two functions cancels, and near the kink, where a quotient cancels.
    table(
        "i0e",
        |x| special::i0e(x),
        [1e-14, 4e-6],
        &[
            (1, &[(0.0, 0.0), (3.0, -0.046173640864524544), (16384.0, -9.511742877676964e-08), (f64::INFINITY, 0.0)]),
            (
                2,
                &[
                    (0.0, 1.5),
                    (MILLI, 1.4975606786907532),
                    (-20.0, 0.0001728682939102792),
                    (16384.0, 8.708393580912439e-12),
                ],
            ),
            (3, &[(-20.0, 2.190996198098291e-05), (128.0, -3.174495652703075e-08)]),
        ],
    );
    table(
        "i1e",
        |x| special::i1e(x),
        [2e-14, 8e-6],
        &[
            (1, &[(0.0, 0.5), (3.0, -0.01943526356790907), (16384.0, -9.510872038318873e-08)]),
            (2, &[(MILLI, -0.9981706132243884), (-20.0, -0.0001509583319292963), (16384.0, 8.70706476522691e-12)]),
            (3, &[(-20.0, -1.802061719943946e-05), (128.0, -3.0875201049416145e-08)]),
        ],
    );
}

#[test]
fn the_normal_distribution_has_all_derivatives() {
    let second = [
        (-16384.0, -0.9999999962747098),
        (-30.0, -0.9988962284881099),
        (-10.0, -0.9905546221743438),
        (-9.5, -0.9895951797788886),
        (-8.5, -0.9871923088077279),
        (-7.0, -0.9817380883033777),
        (-1.0, -0.8009023344296512),
        (0.0, -std::f64::consts::FRAC_2_PI),
        (1.0, -0.3703137142233946),
        (5.0, -7.433601914860711e-06),
        (8.5, -6.941300286919117e-16),
    ];
    let third = [
        (-30.0, 7.309993015784438e-05),
        (-10.0, 0.0017864003921165069),
        (-9.5, 0.0020598629552881806),
        (-8.5, 0.002794542085349912),
        (-7.0, 0.004688539664147341),
        (-1.0, 0.11693119540604884),
        (0.0, 0.21801361414499015),
        (1.0, 0.2957181701822712),
        (5.0, 3.568131173676705e-05),
        (8.5, 5.818442887564555e-15),
    ];
    let fourth = [
        (-30.0, 7.245937210980342e-06),
        (-9.5, 0.0005998836718744541),
        (-7.0, 0.001747274780098762),
        (-1.0, 0.07917498368074563),
        (0.0, 0.11477068205421886),
        (5.0, -0.00016353957146722403),
    ];
    let orders: [(usize, &[(f64, f64)]); 3] = [(2, &second), (3, &third), (4, &fourth)];
    table("log_ndtr", |x| special::log_ndtr(x), [2e-13, 1.5e-6], &orders);
    table("logcdf", |x| norm::logcdf(x * 2.0 + 1.0, 1.0, 2.0), [2e-13, 1.5e-6], &orders);
    let mirrored = orders.map(|(order, cases)| {
        let sign = if order % 2 == 0 { 1.0 } else { -1.0 };
        (order, cases.iter().map(|(x, y)| (-x, sign * y)).collect::<Vec<_>>())
    });
    let mirrored: Vec<(usize, &[(f64, f64)])> = mirrored.iter().map(|(order, cases)| (*order, &cases[..])).collect();
    table("logsf", |x| norm::logsf(x, 0.0, 1.0), [2e-13, 1.5e-6], &mirrored);
    // From −30 to 20, no value overflows.
    for dtype in [DType::F32, DType::F64] {
        let x = Array::from((-300..=200).map(|i| f64::from(i) / 10.0).collect::<Vec<f64>>()).astype(dtype);
        for order in 0..=4 {
            let y = floats(&derivative(Arc::new(|x| special::log_ndtr(x)), order)(&x));
            assert!(y.iter().all(|y| y.is_finite()), "{dtype}, order {order}");
        }
    }
}

#[test]
fn the_gamma_function_and_its_logarithmic_derivatives() {
    table(
        "digamma",
        |x| special::digamma(x),
        [4e-15, 1e-6],
        &[
            (
                1,
                &[
                    (-9.5, 9.769687445030232),
                    (-0.25, 18.541879647671607),
                    (0.5, 4.934802200544679),
                    (30.0, 0.033895060357739946),
                ],
            ),
            (
                3,
                &[
                    (-9.5, 194.81619198176773),
                    (-0.25, 1555.7633125348507),
                    (0.5, 97.40909103400244),
                    (30.0, 7.78600366473613e-05),
                ],
            ),
        ],
    );
    // The order as a number and as an array.
    let polygamma = [
        (1.0, [9.769687445030232, 9.75860711262026, 18.541879647671607, 4.934802200544679, 0.033895060357739946]),
        (
            2.0,
            [-0.00997514424771517, -0.012307845807709338, 122.69736678366236, -16.82879664423432, -0.0011487652037286],
        ),
        (3.0, [194.81619198176773, 194.81545533916983, 1555.7633125348507, 97.40909103400244, 7.78600366473613e-05]),
        (5.0, [15382.226860156996, 15382.2266969121, 492198.7533428746, 7691.113548602436, 1.0726994936161623e-06]),
    ];
    for (order, truths) in polygamma {
        let cases: Vec<(f64, f64)> = [-9.5, -8.5, -0.25, 0.5, 30.0].into_iter().zip(truths).collect();
        table("polygamma", move |x| special::polygamma(order, x), [2e-14, 3e-6], &[(0, &cases)]);
        let of_array = move |x: &Array| special::polygamma(np_full(x, order), x);
        table("polygamma of an array", of_array, [1e-13, 1e-5], &[(0, &cases)]);
    }
    table(
        "gamma",
        |x| special::gamma(x),
        [4e-15, 1.5e-6],
        &[
            (
                0,
                &[
                    (-8.5, -2.633521515996347e-05),
                    (-2.5, -0.9453087204829419),
                    (5.0, 24.0),
                    (30.0, 8.841761993739702e+30),
                ],
            ),
            (
                1,
                &[
                    (-9.5, 6.384213447562946e-06),
                    (-2.5, -1.0428235924606153),
                    (0.5, -3.480230906913262),
                    (30.0, 2.992439645174224e+31),
                ],
            ),
            (2, &[(-9.5, 4.1785673426647814e-05), (-8.5, -0.00038419547065802833), (-2.5, -10.167930811390322)]),
        ],
    );
}

fn np_full(x: &Array, value: f64) -> Array {
    cotangent::numpy::full_like(x, value)
}

/// Returns the value and both derivatives of a function of two numbers, at f64 points.
fn at(f: fn(&Array, &Array) -> Array, x: f64, y: f64, dtype: DType) -> [f64; 3] {
    let [x, y] = [x, y].map(|v| Array::scalar(v).astype(dtype));
    let (dx, dy) = grad(f).argnums(args!(0, 1))(&x, &y);
    [f(&x, &y), dx, dy].map(|v| v.item::<f64>())
}

fn close(a: f64, b: f64, rtol: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= rtol * b.abs()
}

#[test]
fn functions_of_two_numbers_at_their_ends() {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    type F = fn(&Array, &Array) -> Array;
    // Marks an expected value that is not checked.
    const ANY: f64 = 12345.0;
    let betaln: F = |x, y| special::betaln(x, y);
    let beta: F = |x, y| special::beta(x, y);
    let poch: F = |x, y| special::poch(x, y);
    let zeta: F = |x, y| special::zeta(x.stop_gradient(), y);
    let gammainc: F = |x, y| special::gammainc(x, y);
    let gammaincc: F = |x, y| special::gammaincc(x, y);
    let boxcox: F = |x, y| special::boxcox(x, y);
    let boxcox1p: F = |x, y| special::boxcox1p(x, y);
    let rel_entr: F = |x, y| special::rel_entr(x, y);
    let cases: &[(&str, F, f64, f64, [f64; 3])] = &[
        ("betaln", betaln, 1.0, 1e10, [-23.025850929940457, -23.60306659489199, -1e-10]),
        ("betaln", betaln, 1.0, 3e38, [-88.59684582244185, ANY, 0.0]),
        ("betaln", betaln, -2.0, 1.0, [-std::f64::consts::LN_2, ANY, ANY]),
        ("betaln", betaln, 1.0, 1.0, [0.0, -1.0, -1.0]),
        ("betaln", betaln, 1e-5, 3.0, [11.512910465032728, -100001.4999875001, -3.949332962811772e-6]),
        ("betaln", betaln, 1e-3, 0.5, [6.909139930809522, -998.6169883097939, -4.926404004990272e-3]),
        ("betaln", betaln, 0.5, 1e-3, [6.909139930809522, -4.926404004990272e-3, -998.6169883097939]),
        ("betaln", betaln, 0.25, 7.5, [0.7969283651408265, -6.209245096070611, -0.03503407844825881]),
        ("betaln", betaln, 1e-3, 20.0, [6.904208335756638, -1003.5461471935613, -5.126950891889594e-5]),
        ("betaln", betaln, 3.9, 4.0, [-4.864926051539014, -0.7749109507189305, -0.7461208191317705]),
        ("betaln", betaln, 1e-10, 2.5, [23.02585092981242, -1.0000000001280372e10, -4.903577560884247e-11]),
        ("poch", poch, 3.0, 1e-5, [1.0000092279056745, 3.94936940688383e-6, 0.9227967998346762]),
        ("poch", poch, 2.5, 1e-3, [1.0007036492252118, 4.90584648157994e-4, 0.7041420009187937]),
        ("poch", poch, 0.5, 0.01, [0.9807956735097717, 0.04759065989004696, -1.8782114785248244]),
        ("poch", poch, 4.0, -1e-3, [0.998744812663814, -2.8350668186077853e-4, 1.2542574987597647]),
        ("poch", poch, 7.5, 2.0, [63.75, 16.0, 140.10578962068803]),
        ("beta", beta, 1e-5, 3.0, [99998.5000174998, -9999999998.250036, -0.3949273723508455]),
        ("beta", beta, 1.0, 1e10, [1e-10, -2.360306659489199e-9, -1e-20]),
        ("beta", beta, -2.0, 1.0, [-0.5, ANY, ANY]),
        ("beta", beta, -2.0, 2.0, [0.5, ANY, ANY]),
        ("poch", poch, 2.0, 0.0, [1.0, 0.0, 0.42278433509846713]),
        ("poch", poch, -1.5, 0.0, [1.0, 0.0, 0.7031566406452432]),
        ("poch", poch, 200.0, 2.0, [40200.0, 401.0, 213292.77438544045]),
        ("poch", poch, -2.0, 1.0, [-2.0, ANY, ANY]),
        ("poch", poch, -2.0, 5.0, [0.0, ANY, ANY]),
        ("zeta", zeta, 1e5, 1.0, [1.0, 0.0, -1e5]),
        ("zeta", zeta, 1e5, 2.0, [0.0, 0.0, 0.0]),
        ("zeta", zeta, 2.0, -9.5, [9.769687445030232, 0.0, -0.00997514424771517]),
        ("gammainc", gammainc, 1.0, 0.0, [0.0, ANY, 1.0]),
        ("gammainc", gammainc, 1.0, 1.0, [0.6321205588285577, ANY, 0.36787944117144233]),
        ("gammainc", gammainc, 2.0, 0.0, [0.0, 0.0, 0.0]),
        ("gammainc", gammainc, 0.5, 0.0, [0.0, ANY, INF]),
        ("gammainc", gammainc, 2.0, INF, [1.0, ANY, 0.0]),
        ("gammainc", gammainc, INF, 2.0, [0.0, ANY, 0.0]),
        ("gammainc", gammainc, INF, INF, [NAN, ANY, ANY]),
        ("gammaincc", gammaincc, 1.0, 0.0, [1.0, ANY, -1.0]),
        ("gammaincc", gammaincc, INF, 1.0, [1.0, ANY, 0.0]),
        ("gammaincc", gammaincc, 2.0, INF, [0.0, ANY, 0.0]),
        ("boxcox", boxcox, 3.0, 0.0, [1.0986122886681098, 0.3333333333333333, 0.603474480406291]),
        ("boxcox", boxcox, 0.0, 2.0, [-0.5, ANY, ANY]),
        ("boxcox1p", boxcox1p, 2.0, 0.0, [1.0986122886681098, 0.3333333333333333, 0.603474480406291]),
        ("rel_entr", rel_entr, 3.0, 3.0, [0.0, 1.0, -1.0]),
        ("rel_entr", rel_entr, 1e25, 1e25, [0.0, 1.0, -1.0]),
        ("rel_entr", rel_entr, INF, 2.0, [INF, INF, -INF]),
    ];
    for (name, f, x, y, truths) in cases {
        for (dtype, rtol) in [(DType::F32, 4e-6), (DType::F64, 2e-14)] {
            let got = at(*f, *x, *y, dtype);
            for (i, (got, truth)) in got.iter().zip(truths).enumerate() {
                let small = got.abs() < if dtype == DType::F64 { 1e-15 } else { 2e-6 };
                let right = *truth == ANY || close(*got, *truth, rtol) || (*truth == 0.0 && small);
                assert!(right, "{name}({x}, {y}) {dtype}, column {i}: {got:e} instead of {truth:e}");
            }
        }
    }
}

#[test]
fn sums_of_exponentials_of_nothing() {
    let empty = Array::from(Vec::<f64>::new()).reshape([2, 0]);
    type Along = fn(&Array, isize) -> Array;
    let functions: [Along; 2] = [|x, axis| special::softmax(x, axis), |x, axis| special::log_softmax(x, axis)];
    for softmax in functions {
        assert_eq!(softmax(&empty, 1).shape(), [2, 0]);
        assert_eq!(softmax(&empty, 0).shape(), [2, 0]);
        let slope = grad(|x: &Array| softmax(x, -1).sum())(&empty);
        assert_eq!(slope.shape(), [2, 0]);
        assert_eq!(vmap(|x: &Array| softmax(x, 0))(&empty).shape(), [2, 0]);
    }
    assert_eq!(special::logsumexp(&empty).item::<f64>(), f64::NEG_INFINITY);
    assert_eq!(special::logsumexp_axis(&empty, 1).to_vec::<f64>(), [f64::NEG_INFINITY; 2]);
    assert_eq!(grad(|x: &Array| special::logsumexp(x))(&empty).shape(), [2, 0]);
}

/// The square in exp(−x²) is rounded, and the error grows with the square.
const OF_SQUARE: u64 = 1024;

fn functions_of_one() -> Vec<Row> {
    vec![
        one("erf", |x| special::erf(x), [4, OF_SQUARE, OF_SQUARE]),
        one("erfc", |x| special::erfc(x), [OF_SQUARE, OF_SQUARE, OF_SQUARE]),
        one("erfinv", |x| special::erfinv(x), [16, 128, 256]),
        one("ndtr", |x| special::ndtr(x), [OF_SQUARE, OF_SQUARE, OF_SQUARE]),
        one("log_ndtr", |x| special::log_ndtr(x), [OF_SQUARE, OF_SQUARE, OF_SQUARE]),
        one("norm.logsf", |x| norm::logsf(x, 0.0, 1.0), [OF_SQUARE, OF_SQUARE, OF_SQUARE]),
        one("norm.pdf", |x| norm::pdf(x, 0.0, 1.0), [OF_SQUARE, OF_SQUARE, OF_SQUARE]),
        one("i0", |x| special::i0(x), [16, 16, 32]),
        one("i1", |x| special::i1(x), [16, 16, 32]),
        one("i0e", |x| special::i0e(x), [16, 16, 128]),
        one("i1e", |x| special::i1e(x), [16, 16, 128]),
        one("gammaln", |x| special::gammaln(x), [32, 32, 32]),
        one("digamma", |x| special::digamma(x), [32, 32, 32]),
        one("gamma", |x| special::gamma(x), [128, 128, 128]),
        one("polygamma(1)", |x| special::polygamma(1, x), [32, 32, 64]),
        one("polygamma(2)", |x| special::polygamma(2, x), [32, 32, 64]),
        one("gammainc(1)", |x| special::gammainc(1.0, x), [256, 512, 512]),
        one("gammainc(2)", |x| special::gammainc(2.0, x), [256, 512, 512]),
        one("gammainc(5)", |x| special::gammainc(5.0, x), [256, 512, 512]),
    ]
}

#[test]
fn functions_of_one_number_at_special_points() {
    check("points_special", &functions_of_one(), "points_special");
}
