//! The functions of one and of two arrays, and the reductions.

use std::cell::RefCell;

use super::goldens_lib;

use cotangent::numpy as np;
use cotangent::prelude::*;
use goldens_lib::array;
use serde_json::{Value, json};

thread_local! {
    /// The arguments of a case that a program takes.
    static TRACED: RefCell<Vec<Array>> = const { RefCell::new(Vec::new()) };
}

/// Replaces the stored arrays of real and complex numbers in a case by their places among the arguments of a program, and
/// returns these.
pub(super) fn take_out(x: &mut Value, taken: &mut Vec<Array>) {
    match x {
        Value::Object(fields) if fields.contains_key("dtype") && fields.contains_key("data") => {
            let stored = array(x);
            if stored.dtype().is_inexact() {
                *x = json!({"traced": taken.len()});
                taken.push(stored);
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|x| take_out(x, taken)),
        Value::Array(list) => list.iter_mut().for_each(|x| take_out(x, taken)),
        _ => {}
    }
}

/// Runs `f`, for which [`operand`] returns these arrays where a case had its own.
pub(super) fn traced<R>(x: &[Array], f: impl FnOnce() -> R) -> R {
    TRACED.set(x.to_vec());
    f()
}

/// Reads an argument: a stored array, one that is traced, a Python scalar, or a list of numbers.
pub(super) fn operand(x: &Value) -> Array {
    match x {
        Value::Object(fields) if fields.contains_key("traced") => {
            TRACED.with_borrow(|traced| traced[fields["traced"].as_u64().expect("a place") as usize].clone())
        }
        Value::Object(_) => array(x),
        Value::Bool(b) => Array::from(*b),
        Value::Number(n) if n.is_i64() => Array::from(n.as_i64().expect("an integer")),
        _ => Array::from(goldens_lib::float(x)),
    }
}

pub(super) fn integers(x: &Value) -> Vec<isize> {
    match x {
        Value::Array(a) => a.iter().map(|v| v.as_i64().expect("an integer") as isize).collect(),
        _ => vec![x.as_i64().expect("an integer") as isize],
    }
}

pub(super) fn sizes(x: &Value) -> Vec<usize> {
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
pub(super) fn only(kwargs: &Value, names: &[&str]) -> bool {
    kwargs.as_object().is_none_or(|o| o.keys().all(|k| names.contains(&k.as_str())))
}

pub(super) fn reduce(name: &str, x: Array, kwargs: &Value) -> Option<Array> {
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
        "nanprod" => reduction!(call, nanprod, nanprod_axis, nanprod_keepdims),
        "nanmax" => reduction!(call, nanmax, nanmax_axis, nanmax_keepdims),
        "nanmin" => reduction!(call, nanmin, nanmin_axis, nanmin_keepdims),
        "nanvar" => reduction!(call, nanvar, nanvar_axis, nanvar_keepdims),
        "nanstd" => reduction!(call, nanstd, nanstd_axis, nanstd_keepdims),
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
        "atleast_3d" => np::atleast_3d(x),
        "nanmedian" => np::nanmedian(x),
        "nanargmax" => np::nanargmax(x),
        "corrcoef" => np::corrcoef(x),
        "unique" => np::unique(x),
        "flatnonzero" => np::flatnonzero(x),
        "argwhere" => np::argwhere(x),
        "average" => np::mean(x),
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
        "full_like" => np::full_like(x, y),
        "cross" => np::cross(x, y),
        "take" => np::take(x, y),
        "polyval" => np::polyval(x, y),
        "polyadd" => np::polyadd(x, y),
        "polymul" => np::polymul(x, y),
        "convolve" => np::convolve(x, y, np::Overlap::Full),
        "searchsorted" => np::searchsorted(x, y),
        "digitize" => np::digitize(x, y),
        "isin" => np::isin(x, y),
        "gcd" => np::gcd(x, y),
        "lcm" => np::lcm(x, y),
        "quantile" => np::quantile(x, y),
        "percentile" => np::percentile(x, y),
        _ => return None,
    })
}

/// Returns the result of a function whose arguments are one or two arrays.
pub(super) fn answer(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let plain = only(kwargs, &[]);
    let numbers = args.iter().all(|a| a.is_object() || a.is_number() || a.is_boolean());
    match args.len() {
        1 if args[0].is_object() || args[0].is_number() => {
            reduce(name, operand(&args[0]), kwargs).or_else(|| plain.then(|| unary(name, &operand(&args[0])))?)
        }
        2 if plain && numbers => binary(name, &operand(&args[0]), &operand(&args[1])),
        _ => None,
    }
}
