//! The functions with JAX's optional arguments, and those with several results.

use super::families::{self, integers, only, operand, sizes};
use super::goldens_lib;
use super::lists::arrays;

use cotangent::numpy::{self as np, Between, Bins, Indexing, Mode, Overlap, PadMode};
use cotangent::prelude::*;
use goldens_lib::{dtype, float};
use serde_json::Value;

/// Returns the results of a function by the function or the composition that a user writes for JAX's arguments.
pub(super) fn answer(name: &str, args: &[Value], kwargs: &Value) -> Option<Vec<Array>> {
    let x = || operand(&args[0]);
    let y = || operand(&args[1]);
    reduction(name, args, kwargs)
        .or_else(|| creation(name, args, kwargs))
        .or_else(|| shapes(name, args, kwargs))
        .or_else(|| order(name, args, kwargs))
        .or_else(|| products(name, args, kwargs))
        .map(|y| vec![y])
        .or_else(|| several(name, args, kwargs))
        .or_else(|| (name == "divmod").then(|| pair(np::divmod(x(), y()))))
}

fn pair((x, y): (Array, Array)) -> Vec<Array> {
    vec![x, y]
}

/// Returns the axes that an optional argument names, or all.
fn axes(x: &Array, kwargs: &Value) -> Vec<isize> {
    if kwargs["axis"].is_null() { (0..x.ndim() as isize).collect() } else { integers(&kwargs["axis"]) }
}

/// Reductions with a dtype, a mask, an initial value or degrees of freedom, and quantiles.
fn reduction(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let x = args.first().filter(|x| x.is_object()).map(operand)?;
    if name.ends_with("_like") {
        return None;
    }
    if kwargs["dtype"].is_string() {
        let mut kwargs = kwargs.clone();
        let dtype = dtype(&kwargs.as_object_mut()?.remove("dtype")?);
        return families::reduce(name, x.astype(dtype), &kwargs);
    }
    let axes = axes(&x, kwargs);
    let mask = if kwargs["where"].is_object() { operand(&kwargs["where"]) } else { true.into() };
    let between = match kwargs["method"].as_str() {
        Some("lower") => Between::Lower,
        Some("higher") => Between::Higher,
        Some("nearest") => Between::Nearest,
        Some("midpoint") => Between::Midpoint,
        _ => Between::Linear,
    };
    let keepdims = kwargs["keepdims"] == true;
    Some(match name {
        "max" => np::max_where(x, axes, mask, operand(&kwargs["initial"])),
        "min" => np::min_where(x, axes, mask, operand(&kwargs["initial"])),
        "var" if kwargs["ddof"].is_i64() => np::var_ddof(x, axes, sizes(&kwargs["ddof"])[0]),
        "std" if kwargs["ddof"].is_i64() => np::std_ddof(x, axes, sizes(&kwargs["ddof"])[0]),
        "sum" => np::sum_where(x, axes, mask),
        "prod" => np::prod_where(x, axes, mask),
        "mean" => np::mean_where(x, axes, mask),
        "var" => np::var_where(x, axes, mask),
        "std" => np::std_where(x, axes, mask),
        "argmax" => np::argmax_keepdims(x, axes[0]),
        "argmin" => np::argmin_keepdims(x, axes[0]),
        "median" => np::quantile_with(x, 0.5, axes, between, keepdims),
        "quantile" => np::quantile_with(x, operand(&args[1]), axes, between, keepdims),
        "percentile" => np::percentile_with(x, operand(&args[1]), axes, between, keepdims),
        "average" => np::average(x, axes, operand(&kwargs["weights"])),
        "cov" => np::cov(np::transpose(x)),
        _ => return None,
    })
}

fn creation(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let x = || operand(&args[0]);
    let y = || operand(&args[1]);
    let kind = || dtype(&kwargs["dtype"]);
    let count = || sizes(&args[2])[0];
    Some(match name {
        "arange" => np::arange_as(x(), kind()),
        "linspace" if kwargs["dtype"].is_string() => np::linspace(x(), y(), count()).astype(kind()),
        "logspace" if only(kwargs, &[]) => np::logspace(x(), y(), count()),
        "logspace" => {
            let base = kwargs.get("base").map_or(10.0, float);
            np::logspace_with(x(), y(), count(), kwargs["endpoint"] != false, base)
        }
        "geomspace" => np::geomspace(x(), y(), count()),
        "eye" => {
            let (rows, columns) = (sizes(&args[0])[0], sizes(args.last()?)[0]);
            let dtype = if kwargs["dtype"].is_string() { kind() } else { DType::F32 };
            np::eye_as(rows, columns, kwargs["k"].as_i64().unwrap_or(0) as isize, dtype)
        }
        "zeros_like" => np::zeros_like(x()).astype(kind()),
        "ones_like" => np::ones_like(x()).astype(kind()),
        "ones" => np::ones_as(sizes(&args[0]), kind()),
        "full" => np::full_as(sizes(&args[0]), y(), kind()),
        "indices" => np::indices(sizes(&args[0])),
        _ => return None,
    })
}

/// Returns one pair of widths for each dimension.
fn widths(x: &Array, widths: &Value) -> Vec<(usize, usize)> {
    match widths.as_array() {
        None => vec![(sizes(widths)[0], sizes(widths)[0]); x.ndim()],
        Some(pairs) if pairs[0].is_array() => pairs.iter().map(|p| (sizes(p)[0], sizes(p)[1])).collect(),
        Some(_) => vec![(sizes(widths)[0], sizes(widths)[1]); x.ndim()],
    }
}

fn shapes(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let x = || operand(&args[0]);
    let numbers = || integers(&args[1]);
    let axis = kwargs["axis"].as_i64().map(|axis| axis as isize);
    Some(match name {
        "clip" if args[1].is_null() => np::minimum(x(), operand(&args[2])),
        "clip" => np::maximum(x(), operand(&args[1])),
        "concatenate" => np::concatenate(arrays(&args[0]).iter().map(np::ravel).collect::<Vec<_>>(), 0),
        "reshape" if kwargs["order"] == "F" => {
            let shape: Vec<isize> = numbers().into_iter().rev().collect();
            np::transpose(np::reshape(np::transpose(x()), shape))
        }
        "reshape" => np::reshape(x(), numbers()),
        "ravel" => np::ravel(np::transpose(x())),
        "transpose" => np::permute_dims(x(), numbers()),
        "moveaxis" => {
            let (n, to) = (x().ndim(), integers(&args[2]));
            let to: Vec<usize> = to.into_iter().map(|d| d.rem_euclid(n as isize) as usize).collect();
            let from: Vec<usize> = numbers().into_iter().map(|d| d.rem_euclid(n as isize) as usize).collect();
            let mut rest = (0..n).filter(|d| !from.contains(d));
            let moved = |d: usize| to.iter().position(|t| *t == d).map(|i| from[i]);
            let order: Option<Vec<usize>> = (0..n).map(|d| moved(d).or_else(|| rest.next())).collect();
            np::permute_dims(x(), order?)
        }
        "rollaxis" => np::rollaxis(x(), numbers()[0], 0),
        "expand_dims" => np::expand_dims(x(), &numbers()[..]),
        "squeeze" => np::squeeze_axis(x(), integers(&kwargs["axis"])),
        "repeat" if args[1].is_object() => {
            let repeats = operand(&args[1]);
            let total = repeats.sum().item::<i32>() as usize;
            np::repeat_each(np::ravel(x()), repeats, total, 0)
        }
        "repeat" => np::repeat(np::ravel(x()), sizes(&args[1])[0], 0),
        "roll" if kwargs["axis"].is_array() => np::roll_axes(x(), &numbers(), integers(&kwargs["axis"])),
        "roll" => np::roll(np::ravel(x()), numbers()[0], 0).reshape(x().shape()),
        "flip" => np::flip(x(), integers(&kwargs["axis"])),
        "rot90" => np::rot90(x(), integers(&kwargs["k"])[0] as i32),
        "pad" => {
            let (x, fill) = (x(), kwargs.get("constant_values").map_or(Array::from(0), operand));
            let widths = widths(&x, &args[1]);
            match kwargs["mode"].as_str() {
                Some("edge") => np::pad_mode(x, &widths, PadMode::Edge),
                Some("reflect") => np::pad_mode(x, &widths, PadMode::Reflect),
                Some("symmetric") => np::pad_mode(x, &widths, PadMode::Symmetric),
                Some("wrap") => np::pad_mode(x, &widths, PadMode::Wrap),
                Some(_) => return None,
                None => np::pad(x, &widths, fill),
            }
        }
        "trace" | "diagonal" => {
            let number = |key: &str, default| kwargs[key].as_i64().unwrap_or(default) as isize;
            let (k, a, b) = (number("offset", 0), number("axis1", 0), number("axis2", 1));
            if name == "trace" { np::trace_axes(x(), k, a, b) } else { np::diagonal_axes(x(), k, a, b) }
        }
        "take" => match kwargs["mode"].as_str() {
            Some("clip") => np::take_mode(x(), operand(&args[1]), 0, Mode::Clip),
            // The remainder of any index is in bounds.
            Some("wrap") => np::take(x(), np::r#mod(operand(&args[1]), x().size())),
            _ => np::take_axis(x(), operand(&args[1]), axis?),
        },
        "take_along_axis" => match axis {
            Some(axis) => np::take_along_axis(x(), operand(&args[1]), axis),
            None => np::take_along_axis(np::ravel(x()), operand(&args[1]), 0),
        },
        _ => return None,
    })
}

fn order(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let x = || operand(&args[0]);
    let axis = kwargs["axis"].as_i64().map_or(-1, |axis| axis as isize);
    Some(match name {
        "sort" if kwargs["descending"] == true => np::sort_descending(x(), axis),
        "sort" => np::sort(np::ravel(x())),
        "argsort" if kwargs["descending"] == true => np::argsort_descending(x(), axis),
        "argsort" => np::argsort(np::ravel(x())),
        "searchsorted" => np::searchsorted_right(x(), operand(&args[1])),
        "digitize" => np::digitize_right(x(), operand(&args[1])),
        "diff" if kwargs["prepend"].is_number() => {
            np::diff(np::append(np::atleast_1d(operand(&kwargs["prepend"])), x()))
        }
        "diff" => np::diff_axis(x(), kwargs["n"].as_u64().unwrap_or(1) as usize, axis),
        "ediff1d" => np::ediff1d(x(), np::zeros(0), np::zeros(0)),
        "unwrap" => np::unwrap(x(), -1, 2.0 * np::PI),
        "bincount" => {
            let known = kwargs.get("length").map(|n| sizes(n)[0]);
            let least = kwargs.get("minlength").map_or(0, |n| sizes(n)[0]);
            let length = known.unwrap_or_else(|| least.max(np::max(x()).item::<i32>() as usize + 1));
            match kwargs.get("weights") {
                Some(weights) => np::bincount_weights(x(), operand(weights), length),
                None => np::bincount_length(x(), length),
            }
        }
        "unique" if kwargs["size"].is_i64() => {
            np::unique_size(x(), sizes(&kwargs["size"])[0], operand(&kwargs["fill_value"]))
        }
        "unique" if kwargs["axis"].is_i64() => np::unique_axis(x(), axis),
        _ => return None,
    })
}

fn products(name: &str, args: &[Value], kwargs: &Value) -> Option<Array> {
    let x = || operand(&args[0]);
    let y = || operand(&args[1]);
    let axis = kwargs["axis"].as_i64().map_or(-1, |axis| axis as isize);
    let overlap = match kwargs["mode"].as_str() {
        Some("same") => Overlap::Same,
        Some("full") => Overlap::Full,
        _ => Overlap::Valid,
    };
    Some(match name {
        "tensordot" if kwargs["axes"].is_i64() => np::tensordot(x(), y(), sizes(&kwargs["axes"])[0]),
        "tensordot" => match [0, 1].map(|i| integers(&kwargs["axes"][i])) {
            [a, b] if a.len() == 1 => np::tensordot(x(), y(), ([a[0]], [b[0]])),
            [a, b] => np::tensordot(x(), y(), ([a[0], a[1]], [b[0], b[1]])),
        },
        "convolve" => np::convolve(x(), y(), overlap),
        "correlate" => np::correlate(x(), y(), overlap),
        "isclose" => np::isclose_with(x(), y(), float(&kwargs["rtol"]), 1e-8, false),
        "allclose" => np::allclose_with(x(), y(), 1e-5, 1e-8, true),
        "array_equal" => np::allclose_with(x(), y(), 0.0, 0.0, true),
        "polyder" => np::polyder(x(), 1),
        "polyint" => np::polyint(x(), 1, 0.0),
        "vander" => np::vander(x(), x().size()),
        "trapezoid" if args.len() == 2 => np::trapezoid(x(), np::diff(y()), axis),
        "trapezoid" => np::trapezoid(x(), kwargs.get("dx").map_or(1.0, float), axis),
        "interp" => {
            let fp = operand(&args[2]);
            match (kwargs.get("period"), kwargs.get("left"), kwargs.get("right")) {
                (Some(period), _, _) => np::interp_period(x(), y(), fp, operand(period)),
                (_, Some(left), Some(right)) => np::interp_with(x(), y(), fp, operand(left), operand(right)),
                _ => np::interp(x(), y(), fp),
            }
        }
        _ => return None,
    })
}

/// Returns the results of a function that has several.
fn several(name: &str, args: &[Value], kwargs: &Value) -> Option<Vec<Array>> {
    let x = || operand(&args[0]);
    let axis = kwargs["axis"].as_i64().unwrap_or(0) as isize;
    let k = kwargs["k"].as_i64().unwrap_or(0) as isize;
    let count = |i: usize| sizes(&args[i])[0];
    Some(match name {
        "linspace" => {
            let points = np::linspace(x(), operand(&args[1]), count(2));
            let step = np::diff(&points).at(0).get();
            vec![points, step]
        }
        "meshgrid" => {
            let indexing = if kwargs["indexing"] == "ij" { Indexing::Ij } else { Indexing::Xy };
            np::meshgrid_with(args.iter().map(operand).collect::<Vec<_>>(), indexing)
        }
        "broadcast_arrays" => np::broadcast_arrays(args.iter().map(operand).collect::<Vec<_>>()),
        "split" if args[1].is_array() => np::split_at(x(), sizes(&args[1]), axis),
        "split" => np::split(x(), count(1), axis),
        "array_split" => np::array_split(x(), count(1), axis),
        "hsplit" => np::hsplit(x(), count(1)),
        "vsplit" => np::vsplit(x(), count(1)),
        "unique" => {
            let all = np::unique_all(x());
            vec![all.values, all.indices, all.inverse, all.counts]
        }
        "histogram" => {
            let bins = &kwargs["bins"];
            let mut bins = if bins.is_object() { Bins::from(operand(bins)) } else { Bins::new(sizes(bins)[0]) };
            if let Some(range) = kwargs["range"].as_array() {
                bins = bins.range(float(&range[0]), float(&range[1]));
            }
            if let Some(weights) = kwargs.get("weights") {
                bins = bins.weights(operand(weights));
            }
            pair(np::histogram(x(), if kwargs["density"] == true { bins.density() } else { bins }))
        }
        "nonzero" => match kwargs["size"].as_u64() {
            Some(size) => np::nonzero_size(x(), size as usize, integers(&kwargs["fill_value"])[0] as i32),
            None => np::nonzero(x()),
        },
        "triu_indices" => pair(np::triu_indices(count(0), k, count(0))),
        "tril_indices" => pair(np::tril_indices(count(0), k, count(0))),
        "gradient" => np::gradient(x(), 1.0, ()),
        _ => return None,
    })
}
