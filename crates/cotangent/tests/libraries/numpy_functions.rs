//! Functions of `numpy` that take arrays apart and join them, and functions of sequences, against stored JAX results.

use super::goldens_lib::functions::{self, number};

use cotangent::numpy::Overlap;
use cotangent::prelude::*;

fn integers(words: &str) -> Vec<isize> {
    words.split([' ', ',']).map(|word| word.parse().unwrap_or_else(|_| panic!("`{words}`"))).collect()
}

fn overlap(how: &str) -> Overlap {
    match how {
        "full" => Overlap::Full,
        "same" => Overlap::Same,
        _ => Overlap::Valid,
    }
}

fn pieces(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let none = || Array::from(Vec::<i32>::new());
    let one = |x: Array| Some(vec![x]);
    match (name, x) {
        ("array_split", [x]) => Some(np::array_split(x, number(how, 0), number(how, 1))),
        ("vsplit", [x]) => Some(np::vsplit(x, number(how, 0))),
        ("hsplit", [x]) => Some(np::hsplit(x, number(how, 0))),
        ("dsplit", [x]) => Some(np::dsplit(x, number(how, 0))),
        ("unstack", [x]) => Some(np::unstack(x, number(how, 0))),
        ("atleast_3d", [x]) => one(np::atleast_3d(x)),
        ("dstack", x) => one(np::dstack(x)),
        ("append", [x, y]) if how.is_empty() => one(np::append(x, y)),
        ("append", [x, y]) => one(np::append_axis(x, y, number(how, 0))),
        ("broadcast_arrays", x) => Some(np::broadcast_arrays(x)),
        ("rollaxis", [x]) => one(np::rollaxis(x, number(how, 0), number(how, 1))),
        ("resize", [x]) => one(np::resize(x, integers(how).into_iter().map(|n| n as usize).collect::<Vec<_>>())),
        ("ediff1d", [x]) => one(np::ediff1d(x, none(), none())),
        ("ediff1d", [x, end, begin]) => one(np::ediff1d(x, end, begin)),
        ("delete", [x]) => {
            let (indices, axis) = how.split_once(" / ")?;
            one(np::delete(x, &integers(indices), axis.parse().ok()?))
        }
        ("block", [a, b]) => one(np::block(&[vec![a, b], vec![b, a]])),
        ("select", [x, y, z]) => one(np::select([x.real().greater(0), y.real().greater(0)], [x, y], z)),
        ("ix_", x) => Some(np::ix_(x)),
        ("diag_indices", []) => Some(np::diag_indices(number(how, 0), number(how, 1))),
        ("tril_indices", []) => Some(pair(np::tril_indices(number(how, 0), number(how, 1), number(how, 2)))),
        ("triu_indices", []) => Some(pair(np::triu_indices(number(how, 0), number(how, 1), number(how, 2)))),
        ("fill_diagonal", [x, values]) => one(np::fill_diagonal(x, values)),
        _ => None,
    }
}

fn pair((x, y): (Array, Array)) -> Vec<Array> {
    vec![x, y]
}

fn sequences(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let one = |x: Array| Some(vec![x]);
    match (name, x) {
        ("convolve", [a, v]) => one(np::convolve(a, v, overlap(how))),
        ("correlate", [a, v]) => one(np::correlate(a, v, overlap(how))),
        ("bartlett", []) => one(np::bartlett(number(how, 0))),
        ("blackman", []) => one(np::blackman(number(how, 0))),
        ("hamming", []) => one(np::hamming(number(how, 0))),
        ("hanning", []) => one(np::hanning(number(how, 0))),
        ("kaiser", [beta]) => one(np::kaiser(number(how, 0), beta.at(0).get())),
        ("interp", [x, xp, fp]) if how.starts_with("period") => {
            one(np::interp_period(x, xp, fp, number::<f64>(how, 1)))
        }
        ("interp", [x, xp, fp]) => one(np::interp(x, xp, fp)),
        ("gradient", [f]) => Some(match how.split_once(" / ") {
            Some((spacing, axis)) => np::gradient(f, number::<f64>(spacing, 0), axis.parse::<isize>().ok()?),
            None => np::gradient(f, number::<f64>(how, 0), ()),
        }),
        ("unwrap", [x]) if how.is_empty() => one(np::unwrap(x, -1, 2.0 * np::PI)),
        ("unwrap", [x]) => one(np::unwrap(x, number(how, 1), number::<i32>(how, 0))),
        ("digitize", [x, bins]) if how == "right" => one(np::digitize_right(x, bins)),
        ("digitize", [x, bins]) => one(np::digitize(x, bins)),
        ("histogram", [x]) => Some(pair(np::histogram(x, number::<usize>(how, 0)))),
        ("histogram", [x, edges]) => Some(pair(np::histogram(x, edges))),
        ("histogram_bin_edges", [x]) => one(np::histogram_bin_edges(x, number::<usize>(how, 0))),
        ("corrcoef", [x]) => one(np::corrcoef(x)),
        ("polyval", [p, x]) => one(np::polyval(p, x)),
        ("polyadd", [p, q]) => one(np::polyadd(p, q)),
        ("polysub", [p, q]) => one(np::polysub(p, q)),
        ("polymul", [p, q]) => one(np::polymul(p, q)),
        ("polydiv", [p, q]) => Some(pair(np::polydiv(p, q))),
        ("polyder", [p]) => one(np::polyder(p, number(how, 0))),
        ("polyint", [p]) => one(np::polyint(p, number(how, 0), 0.5)),
        ("polyint", [p, k]) => one(np::polyint(p, number(how, 0), k)),
        _ => None,
    }
}

/// Applies a function of all elements, or along an axis that is removed, or that is kept.
macro_rules! reduced {
    ($x:expr, $how:expr, $all:ident, $axis:ident, $keep:ident) => {
        match $how {
            "" => np::$all($x),
            how if how.ends_with("keep") => np::$keep($x, number::<isize>(how, 0)),
            how => np::$axis($x, number::<isize>(how, 0)),
        }
    };
}

fn numbers(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let (first, second) = (x.first()?, x.get(1));
    Some(match name {
        "angle" => vec![np::angle(first)],
        "fabs" => vec![np::fabs(first)],
        "modf" => pair(np::modf(first)),
        "isreal" => vec![np::isreal(first)],
        "iscomplex" => vec![np::iscomplex(first)],
        "positive" => vec![np::positive(first)],
        "isin" => vec![np::isin(first, second?)],
        "gcd" => vec![np::gcd(first, second?)],
        "lcm" => vec![np::lcm(first, second?)],
        "geomspace" => vec![np::geomspace(first.at(0).get(), second?.at(0).get(), number(how, 0))],
        "nansum" => vec![reduced!(first, how, nansum, nansum_axis, nansum_keepdims)],
        "nanmean" => vec![reduced!(first, how, nanmean, nanmean_axis, nanmean_keepdims)],
        "nanmax" => vec![reduced!(first, how, nanmax, nanmax_axis, nanmax_keepdims)],
        "nanmin" => vec![reduced!(first, how, nanmin, nanmin_axis, nanmin_keepdims)],
        "nanprod" => vec![reduced!(first, how, nanprod, nanprod_axis, nanprod_keepdims)],
        "nanvar" => vec![reduced!(first, how, nanvar, nanvar_axis, nanvar_keepdims)],
        "nanstd" => vec![reduced!(first, how, nanstd, nanstd_axis, nanstd_keepdims)],
        "nancumsum" if how.is_empty() => vec![np::nancumsum(first)],
        "nancumsum" => vec![np::nancumsum_axis(first, number(how, 0))],
        "nancumprod" if how.is_empty() => vec![np::nancumprod(first)],
        "nancumprod" => vec![np::nancumprod_axis(first, number(how, 0))],
        _ => return None,
    })
}

fn orders_and_sets(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let (first, second) = (x.first()?, x.get(1));
    let axis = |at: usize| how.split(' ').nth(at).and_then(|axis| axis.parse::<isize>().ok());
    Some(vec![match name {
        "lexsort" => np::lexsort(x, axis(0).unwrap_or(-1)),
        "nanargmax" => axis(0).map_or_else(|| np::nanargmax(first), |axis| np::nanargmax_axis(first, axis)),
        "nanargmin" => axis(0).map_or_else(|| np::nanargmin(first), |axis| np::nanargmin_axis(first, axis)),
        "nanquantile" => match axis(1) {
            Some(axis) => np::nanquantile_axis(first, number::<f64>(how, 0), axis),
            None => np::nanquantile(first, number::<f64>(how, 0)),
        },
        "nanpercentile" => np::nanpercentile(first, number::<f64>(how, 0)),
        "nanmedian" => axis(0).map_or_else(|| np::nanmedian(first), |axis| np::nanmedian_axis(first, axis)),
        "unique" => np::unique(first),
        "unique_all" => {
            let u = np::unique_all(first);
            return Some(vec![u.values, u.indices, u.inverse, u.counts]);
        }
        "union1d" => np::union1d(first, second?),
        "intersect1d" => np::intersect1d(first, second?),
        "setdiff1d" => np::setdiff1d(first, second?),
        "setxor1d" => np::setxor1d(first, second?),
        "flatnonzero" => np::flatnonzero(first),
        "argwhere" => np::argwhere(first),
        _ => return None,
    }])
}

#[test]
fn a_partition_has_its_element_in_place() {
    let x = np::array([0.5, -1.0, 3.0, 2.0, 0.0]);
    for k in 0..5isize {
        let (y, order) = (np::partition(&x, k, 0).to_vec::<f32>(), np::argpartition(&x, k, 0).to_vec::<i32>());
        let at = k as usize;
        assert!(y[..at].iter().all(|v| *v <= y[at]) && y[at..].iter().all(|v| *v >= y[at]), "{y:?}");
        assert_eq!(x.at(order[at] as isize).get().item::<f32>(), y[at]);
    }
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("numpy_functions", |name, how, x, _| {
        let name = name.strip_prefix("jax.numpy.").expect("a function of jax.numpy");
        let result = pieces(name, how, x).or_else(|| sequences(name, how, x)).or_else(|| numbers(name, how, x));
        let result = result.or_else(|| orders_and_sets(name, how, x));
        result.unwrap_or_else(|| panic!("no function {name} ({how})"))
    });
}

/// The values are those of JAX.
#[test]
fn numbers_beyond_a_narrow_dtype_keep_their_value_in_floating_point() {
    let x = Array::from([3u8, 0, 200]);
    let read = |x: Array| (x.dtype() == DType::F32).then(|| x.to_vec::<f32>());
    assert_eq!(read(np::hypot(&x, -4)), Some(vec![5.0, 4.0, 40_016f32.sqrt()]));
    assert_eq!(read(np::logaddexp(&x, 300)), Some(vec![300.0; 3]));
    assert_eq!(read(np::logaddexp2(&x, 300)), Some(vec![300.0; 3]));
    assert_eq!(read(np::copysign(&x, -1)), Some(vec![-3.0, -0.0, -200.0]));
    assert_eq!(read(np::heaviside(&x, 300)), Some(vec![1.0, 300.0, 1.0]));
    assert_eq!(read(np::nextafter(&x, 300).at(0).get().reshape(1)), Some(vec![3.000_000_2]));
    assert_eq!(np::isclose(&x, -56).to_vec::<bool>(), [false; 3]);
}

/// The values are those of JAX.
#[test]
fn booleans_are_numbers_in_integer_arithmetic() {
    let (x, y) = (Array::from([true, false, true]), Array::from([true, true, false]));
    type Function = fn(&Array, &Array) -> Array;
    let functions: [(Function, [i32; 3]); 5] = [
        (|x, y| np::power(x, y), [1, 0, 1]),
        (|x, y| np::floor_divide(x, y), [1, 0, -2]),
        (|x, y| np::remainder(x, y), [0, 0, 0]),
        (|x, y| np::left_shift(x, y), [2, 0, 1]),
        (|x, y| np::right_shift(x, y), [0, 0, 1]),
    ];
    for (place, (f, expected)) in functions.into_iter().enumerate() {
        let found = f(&x, &y);
        assert_eq!((found.dtype(), found.to_vec::<i32>()), (DType::I32, expected.to_vec()), "function {place}");
    }
    // In JAX, the remainder of a division by zero is zero for integers, but not for booleans.
    assert_eq!(np::fmod(&x, &y).to_vec::<i32>(), [0, 0, 0]);
    assert_eq!(np::ldexp(Array::from([1.5f32, 2.5, 3.0]), &x).to_vec::<f32>(), [3.0, 2.5, 6.0]);
}

#[test]
fn powers_of_zero_one_and_minus_one_do_not_overflow() {
    let (x, y) = (Array::from([0, 0, 0, 1, -1, -1]), Array::from([0, 64, i32::MIN, 64, 65, 128]));
    assert_eq!(np::power(x, y).to_vec::<i32>(), [1, 0, 0, 1, -1, 1]);
}
