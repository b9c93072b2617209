//! `numpy` against stored JAX results: values, shapes and dtypes.

use super::goldens_lib;

use cotangent::numpy as np;
use cotangent::prelude::*;
use goldens_lib::{array, cases, difference, dtype, run_all};
use serde_json::Value;

/// Reads an argument: a stored array, a Python scalar, or a list of numbers.
fn operand(x: &Value) -> Array {
    match x {
        Value::Object(_) => array(x),
        Value::Bool(b) => Array::from(*b),
        Value::Number(n) if n.is_i64() => Array::from(n.as_i64().expect("an integer")),
        _ => Array::from(goldens_lib::float(x)),
    }
}

fn integers(x: &Value) -> Vec<isize> {
    match x {
        Value::Array(a) => a.iter().map(|v| v.as_i64().expect("an integer") as isize).collect(),
        _ => vec![x.as_i64().expect("an integer") as isize],
    }
}

fn sizes(x: &Value) -> Vec<usize> {
    integers(x).into_iter().map(|n| n as usize).collect()
}

/// Applies one of the three forms of a reduction, as selected by the keyword arguments.
macro_rules! reduction {
    ($call:expr, $name:ident, $axis:ident, $keep:ident) => {{
        let (x, kwargs) = $call;
        let axes = if kwargs["axis"].is_null() { (0..x.ndim() as isize).collect() } else { integers(&kwargs["axis"]) };
        Some(match kwargs["keepdims"] == true {
            true => np::$keep(&x, axes),
            false if kwargs["axis"].is_null() => np::$name(&x),
            false => np::$axis(&x, axes),
        })
    }};
}

macro_rules! along {
    ($x:expr, $kwargs:expr, $name:ident, $axis:ident) => {
        Some(match $kwargs["axis"].as_i64() {
            Some(axis) => np::$axis(&$x, axis as isize),
            None => np::$name(&$x),
        })
    };
}

/// Returns whether every keyword argument is among `names`; a case with others belongs to another function.
fn only(kwargs: &Value, names: &[&str]) -> bool {
    kwargs.as_object().is_none_or(|o| o.keys().all(|k| names.contains(&k.as_str())))
}

fn reduce(name: &str, x: Array, kwargs: &Value) -> Option<Array> {
    if !only(kwargs, &["axis", "keepdims"]) {
        return None;
    }
    let call = (x, kwargs);
    match name {
        "sum" => reduction!(call, sum, sum_axis, sum_keepdims),
        "prod" => reduction!(call, prod, prod_axis, prod_keepdims),
        "max" => reduction!(call, max, max_axis, max_keepdims),
        "min" => reduction!(call, min, min_axis, min_keepdims),
        "mean" => reduction!(call, mean, mean_axis, mean_keepdims),
        "var" => reduction!(call, var, var_axis, var_keepdims),
        "std" => reduction!(call, std, std_axis, std_keepdims),
        "any" => reduction!(call, any, any_axis, any_keepdims),
        "all" => reduction!(call, all, all_axis, all_keepdims),
        "ptp" => reduction!(call, ptp, ptp_axis, ptp_keepdims),
        "count_nonzero" => reduction!(call, count_nonzero, count_nonzero_axis, count_nonzero_keepdims),
        "nansum" => reduction!(call, nansum, nansum_axis, nansum_keepdims),
        "nanmean" => reduction!(call, nanmean, nanmean_axis, nanmean_keepdims),
        "cumsum" => along!(call.0, kwargs, cumsum, cumsum_axis),
        "cumprod" => along!(call.0, kwargs, cumprod, cumprod_axis),
        "argmax" if kwargs["keepdims"].is_null() => along!(call.0, kwargs, argmax, argmax_axis),
        "argmin" if kwargs["keepdims"].is_null() => along!(call.0, kwargs, argmin, argmin_axis),
        _ => None,
    }
}

fn unary(name: &str, x: &Array) -> Option<Array> {
    Some(match name {
        "exp" => np::exp(x),
        "log" => np::log(x),
        "sqrt" => np::sqrt(x),
        "sin" => np::sin(x),
        "tanh" => np::tanh(x),
        "cbrt" => np::cbrt(x),
        "abs" => np::abs(x),
        "absolute" => np::absolute(x),
        "sign" => np::sign(x),
        "square" => np::square(x),
        "reciprocal" => np::reciprocal(x),
        "floor" => np::floor(x),
        "trunc" => np::trunc(x),
        "rint" => np::rint(x),
        "deg2rad" => np::deg2rad(x),
        "sinc" => np::sinc(x),
        "isnan" => np::isnan(x),
        "isinf" => np::isinf(x),
        "isfinite" => np::isfinite(x),
        "isposinf" => np::isposinf(x),
        "isneginf" => np::isneginf(x),
        "signbit" => np::signbit(x),
        "logical_not" => np::logical_not(x),
        "invert" => np::bitwise_not(x),
        "nan_to_num" => np::nan_to_num(x),
        "zeros_like" => np::zeros_like(x),
        "ones_like" => np::ones_like(x),
        "ravel" => np::ravel(x),
        "transpose" => np::transpose(x),
        "squeeze" => np::squeeze(x),
        "atleast_1d" => np::atleast_1d(x),
        "atleast_2d" => np::atleast_2d(x),
        "diag" => np::diag(x),
        "diagonal" => np::diagonal(x, 0),
        "trace" => np::trace(x),
        "tril" => np::tril(x),
        "triu" => np::triu(x),
        "flipud" => np::flipud(x),
        "fliplr" => np::fliplr(x),
        "flip" => np::flip(x, ()),
        "rot90" => np::rot90(x, 1),
        "sort" => np::sort(x),
        "argsort" => np::argsort(x),
        "diff" => np::diff(x),
        "median" => np::median(x),
        "cov" => np::cov(x),
        "round" => np::round(x),
        _ => return None,
    })
}

fn binary(name: &str, x: &Array, y: &Array) -> Option<Array> {
    Some(match name {
        "add" => np::add(x, y),
        "subtract" => np::subtract(x, y),
        "multiply" => np::multiply(x, y),
        "divide" => np::divide(x, y),
        "true_divide" => np::true_divide(x, y),
        "power" => np::power(x, y),
        "float_power" => np::float_power(x, y),
        "maximum" => np::maximum(x, y),
        "minimum" => np::minimum(x, y),
        "fmax" => np::fmax(x, y),
        "fmin" => np::fmin(x, y),
        "logaddexp" => np::logaddexp(x, y),
        "logaddexp2" => np::logaddexp2(x, y),
        "hypot" => np::hypot(x, y),
        "arctan2" => np::arctan2(x, y),
        "copysign" => np::copysign(x, y),
        "heaviside" => np::heaviside(x, y),
        "floor_divide" => np::floor_divide(x, y),
        "remainder" => np::remainder(x, y),
        "mod" => np::r#mod(x, y),
        "fmod" => np::fmod(x, y),
        "left_shift" => np::left_shift(x, y),
        "bitwise_and" => np::bitwise_and(x, y),
        "logical_and" => np::logical_and(x, y),
        "isclose" => np::isclose(x, y),
        "allclose" => np::allclose(x, y),
        "array_equal" => np::array_equal(x, y),
        "array_equiv" => np::array_equiv(x, y),
        "dot" => np::dot(x, y),
        "matmul" => np::matmul(x, y),
        "vdot" => np::vdot(x, y),
        "inner" => np::inner(x, y),
        "outer" => np::outer(x, y),
        "kron" => np::kron(x, y),
        "tensordot" => np::tensordot(x, y, 2),
        _ => return None,
    })
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(operand).collect()).unwrap_or_default()
}

/// Evaluates the functions outside the families: those that take lists, shapes and other arguments.
fn others(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let list = || arrays(&args[0]);
    let refs = |list: &[Array], f: &dyn Fn(&[&Array]) -> Array| f(&list.iter().collect::<Vec<_>>());
    let axis = kwargs["axis"].as_i64().unwrap_or(0) as isize;
    let x = || operand(&args[0]);
    Some(match (name, args.len()) {
        ("einsum", _) => refs(&arrays(&Value::Array(args[1..].to_vec())), &|xs| {
            np::einsum(args[0].as_str().expect("subscripts"), xs)
        }),
        ("concatenate", 1) if only(kwargs, &["axis"]) && !kwargs.get("axis").is_some_and(Value::is_null) => {
            refs(&list(), &|xs| np::concatenate(xs, axis))
        }
        ("stack", 1) if only(kwargs, &["axis"]) => refs(&list(), &|xs| np::stack(xs, axis)),
        ("hstack", 1) => refs(&list(), &|xs| np::hstack(xs)),
        ("vstack", 1) => refs(&list(), &|xs| np::vstack(xs)),
        ("column_stack", 1) => refs(&list(), &|xs| np::column_stack(xs)),
        ("where", 3) => np::where_(operand(&args[0]), operand(&args[1]), operand(&args[2])),
        ("clip", 3) if only(kwargs, &[]) && !args.iter().any(Value::is_null) => {
            np::clip(x(), operand(&args[1]), operand(&args[2]))
        }
        ("arange", 1) if only(kwargs, &[]) => np::arange(x()),
        ("arange", 2) if only(kwargs, &[]) => np::arange((x(), operand(&args[1]))),
        ("arange", 3) if only(kwargs, &[]) => np::arange((x(), operand(&args[1]), operand(&args[2]))),
        ("linspace", 2 | 3) if only(kwargs, &["endpoint", "num", "axis"]) => {
            let n = args.get(2).or(kwargs.get("num")).and_then(Value::as_u64).unwrap_or(50) as usize;
            np::linspace_with(x(), operand(&args[1]), n, kwargs["endpoint"] != false, axis)
        }
        ("eye", 1) if only(kwargs, &[]) => np::eye(sizes(&args[0])[0], sizes(&args[0])[0]),
        ("identity", 1) if only(kwargs, &[]) => np::identity(sizes(&args[0])[0]),
        ("zeros", 1) if only(kwargs, &[]) => np::zeros(sizes(&args[0])),
        ("ones", 1) if only(kwargs, &[]) => np::ones(sizes(&args[0])),
        ("zeros", 1) if only(kwargs, &["dtype"]) && kwargs["dtype"].is_string() => {
            np::zeros_as(sizes(&args[0]), dtype(&kwargs["dtype"]))
        }
        ("full", 2) if only(kwargs, &[]) => np::full(sizes(&args[0]), operand(&args[1])),
        ("reshape", 2) if only(kwargs, &[]) && integers(&args[1]).iter().all(|n| *n >= 0) => {
            np::reshape(x(), sizes(&args[1]))
        }
        ("broadcast_to", 2) => np::broadcast_to(x(), sizes(&args[1])),
        ("tile", 2) => np::tile(x(), sizes(&args[1])),
        ("roll", 2) if kwargs["axis"].is_i64() && args[1].is_i64() => np::roll(x(), integers(&args[1])[0], axis),
        ("repeat", 2) if kwargs["axis"].is_i64() && args[1].is_i64() && only(kwargs, &["axis"]) => {
            np::repeat(x(), sizes(&args[1])[0], axis)
        }
        ("swapaxes", 3) => np::swapaxes(x(), integers(&args[1])[0], integers(&args[2])[0]),
        ("moveaxis", 3) if args[1].is_i64() => np::moveaxis(x(), integers(&args[1])[0], integers(&args[2])[0]),
        ("sort", 1) if only(kwargs, &["axis"]) && kwargs["axis"].is_i64() => np::sort_axis(x(), axis),
        ("argsort", 1) if only(kwargs, &["axis"]) && kwargs["axis"].is_i64() => np::argsort_axis(x(), axis),
        ("median", 1) if only(kwargs, &["axis"]) && kwargs["axis"].is_i64() => np::median_axis(x(), axis),
        ("quantile", 2) if only(kwargs, &[]) && args[1].is_f64() => np::quantile(x(), goldens_lib::float(&args[1])),
        ("percentile", 2) if only(kwargs, &[]) && args[1].is_number() => {
            np::percentile(x(), goldens_lib::float(&args[1]))
        }
        ("tril", 1) if only(kwargs, &["k"]) => np::tril_k(x(), integers(&kwargs["k"])[0]),
        ("triu", 1) if only(kwargs, &["k"]) => np::triu_k(x(), integers(&kwargs["k"])[0]),
        ("diag", 1) if only(kwargs, &["k"]) => np::diag_k(x(), integers(&kwargs["k"])[0]),
        ("isclose", 2) if only(kwargs, &["equal_nan"]) => np::isclose_with(x(), operand(&args[1]), 1e-5, 1e-8, true),
        ("round", 1) if only(kwargs, &["decimals"]) => np::round_to(x(), integers(&kwargs["decimals"])[0] as i32),
        ("var", 1) if kwargs["ddof"].is_i64() && only(kwargs, &["ddof"]) => {
            np::var_ddof(x(), (), sizes(&kwargs["ddof"])[0])
        }
        ("std", 1) if kwargs["ddof"].is_i64() && only(kwargs, &["ddof"]) => {
            np::std_ddof(x(), (), sizes(&kwargs["ddof"])[0])
        }
        ("nan_to_num", 1) if only(kwargs, &["nan", "posinf", "neginf"]) => {
            np::nan_to_num_with(x(), operand(&kwargs["nan"]), operand(&kwargs["posinf"]), operand(&kwargs["neginf"]))
        }
        _ => return None,
    })
}

fn answer(case: &Value) -> Option<Array> {
    let (name, kwargs) = (case["fn"].as_str()?, &case["kwargs"]);
    let args = case["args"].as_array()?;
    let plain = only(kwargs, &[]);
    let numbers = args.iter().all(|a| a.is_object() || a.is_number() || a.is_boolean());
    let found = match args.len() {
        1 if args[0].is_object() || args[0].is_number() => {
            reduce(name, operand(&args[0]), kwargs).or_else(|| plain.then(|| unary(name, &operand(&args[0])))?)
        }
        2 if plain && numbers => binary(name, &operand(&args[0]), &operand(&args[1])),
        _ => None,
    };
    found.or_else(|| others(name, args, kwargs))
}

#[test]
fn results_equal_jax() {
    let cases = cases("numpy");
    let tried = std::sync::atomic::AtomicUsize::new(0);
    run_all(&cases, |case| {
        let found = answer(case)?;
        tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let expected = array(&case["outputs"][0]);
        let tolerance = match expected.dtype() {
            DType::BF16 | DType::F16 => 1e-2,
            _ => 2e-6,
        };
        difference(&found, &expected, tolerance, 1e-6)
    });
    let tried = tried.into_inner();
    assert!(tried > 350, "only {tried} of {} cases were understood", cases.len());
}

#[test]
fn functions_pass_through_transforms() {
    let x = Array::from([[1.0f32, -2.0, 0.5], [3.0, 0.25, -1.5]]);
    let deviation = |x: &Array| np::std(x);
    let slope = grad(deviation)(&x);
    let (mean, n) = (x.mean(), 6.0);
    let expected = (&x - mean) / (np::std(&x) * n);
    assert!(np::allclose_with(slope, expected, 1e-5, 1e-6, false).item::<bool>());

    let rows = vmap(|row: &Array| np::cumsum(np::sort(row)))(&x);
    assert_eq!(rows.to_vec::<f32>(), [-2.0, -1.5, -0.5, -1.5, -1.25, 1.75]);
    let product = jit(|x: &Array| np::einsum("ij,kj->ik", &[x, x]))(&x);
    assert!(np::allclose(product, x.matmul(x.t())).item::<bool>());
    let slope = grad(|x: &Array| np::logaddexp(x, 0.0))(&f64::NEG_INFINITY.into());
    assert_eq!(slope.item::<f32>(), 0.0);
}

#[test]
fn errors_name_the_line_of_the_caller() {
    let text = |f: fn() -> Array| {
        let panic = std::panic::catch_unwind(f).expect_err("an error");
        panic.downcast_ref::<String>().expect("a message").clone()
    };
    for (f, needle) in [
        ((|| np::sum_axis(np::zeros([2, 3]), 2)) as fn() -> Array, "axis 2"),
        (|| np::max(np::zeros(0)), "at least one element"),
        (|| np::matmul(np::zeros([2, 3]), np::zeros([2, 3])), "matmul"),
        (|| np::concatenate(&[&np::zeros([2, 3]), &np::zeros([3, 3])], 1), "concatenate"),
        (|| np::einsum("ij,jk", &[&np::zeros([2, 3])]), "einsum"),
        (|| np::zeros([2, 3]) + np::zeros([2, 4]), "broadcast"),
    ] {
        let message = text(f);
        assert!(message.contains(needle), "{message}");
        assert!(message.contains("tests/libraries/numpy.rs"), "{message}");
    }
}

#[test]
fn of_equal_extremes_the_first_counts_and_nan_is_one() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let both = |x: &[f64]| {
        let x = Array::from(x.to_vec());
        [np::argmax(&x), np::argmin(&x)].map(|i| i.item::<i32>())
    };
    assert_eq!(both(&[1.0, 3.0, 0.0, 3.0, 0.0]), [1, 2]);
    assert_eq!(both(&[1.0, nan, inf, nan, -inf]), [1, 1]);
    assert_eq!(both(&[nan, nan]), [0, 0]);
    assert_eq!(both(&[-inf, -inf]), [0, 0]);
    assert_eq!(both(&[inf, inf]), [0, 0]);
    assert_eq!(both(&[-0.0, 0.0]), [0, 0]);
    assert_eq!(np::argmax(Array::from([i32::MIN, i32::MIN])).item::<i32>(), 0);
    assert_eq!(np::argmin(Array::from([u8::MAX, u8::MAX])).item::<i32>(), 0);
    assert_eq!(np::argmax(Array::from([false, true, true])).item::<i32>(), 1);
    let rows = Array::from([[1.0f32, 2.0, 2.0], [5.0, f32::NAN, 7.0]]);
    assert_eq!(np::argmax_axis(&rows, 1).to_vec::<i32>(), [1, 1]);
    assert_eq!(np::argmin_axis(&rows, 0).to_vec::<i32>(), [0, 1, 0]);
}
