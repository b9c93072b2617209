//! Functions of `scipy` and `image` where the tests of their modules do not look: narrow floats, integers, empty arrays,
//! scalars, subnormal numbers, infinities and NaN; and in f64, gradients, second derivatives and batches.

use super::goldens_lib::functions::{self, number};
use super::goldens_lib::{self, array, floats};
use super::signals::{method, overlap};
use super::{norm, special, stats};

use cotangent::fft::Norm;
use cotangent::prelude::*;
use cotangent::scipy::fft;
use cotangent::scipy::ndimage::{self, Boundary};
use cotangent::scipy::signal::{self, Method, Spectral, Trend};
use cotangent::{eval_shape, image};
use serde_json::{Value, json};

/// The functions of `scipy::special` that tests/libraries/norm.rs calls.
const NORMAL: &[&str] = &[
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "expit",
    "gammaln",
    "log_ndtr",
    "logit",
    "ndtr",
    "ndtri",
    "xlogy",
    "xlog1py",
    "logsumexp",
];

fn signals(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    Some(match name {
        "convolve" => signal::convolve(&x[0], &x[1], overlap(how), Method::Direct),
        "correlate" => signal::correlate(&x[0], &x[1], overlap(how), Method::Direct),
        "fftconvolve" => signal::fftconvolve(&x[0], &x[1], overlap(how)),
        "convolve2d" => signal::convolve2d(&x[0], &x[1], overlap(how)),
        "detrend" => signal::detrend(&x[0], -1, if how == "linear" { Trend::Linear } else { Trend::Constant }, &[]),
        "welch" => signal::welch(&x[0], &Spectral { nperseg: Some(8), ..Spectral::default() }).1,
        _ => return None,
    })
}

fn transforms(name: &str, x: &Array) -> Option<Array> {
    let norm = Norm::Backward;
    Some(match name {
        "dct" => fft::dct(x, None, -1, norm),
        "idct" => fft::idct(x, None, -1, norm),
        "dctn" => fft::dctn(x, None, (), norm),
        "idctn" => fft::idctn(x, None, (), norm),
        _ => return None,
    })
}

fn interpolated(how: &str, x: &[Array]) -> Array {
    let mode = match how.split(' ').nth(1) {
        Some("constant") => Boundary::Constant(1.0),
        Some("nearest") => Boundary::Nearest,
        Some("wrap") => Boundary::Wrap,
        Some("mirror") => Boundary::Mirror,
        _ => Boundary::Reflect,
    };
    ndimage::map_coordinates(&x[0], [&x[1]], number(how, 0), mode)
}

fn pictures(name: &str, how: &str, x: &Array) -> Array {
    if name == "scale_and_translate" {
        let dtype = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let [scale, translation] = [1.25, 0.5].map(|v| np::array([v]).astype(dtype));
        return image::scale_and_translate(x, 5, 0, scale, translation, method(how), true);
    }
    let (shape, kind) = how.split_once(' ').expect("a shape and a method");
    let shape: Vec<usize> = shape.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().expect("a size")).collect();
    image::resize(x, shape, method(kind), true)
}

fn one(fn_: &str, how: &str, x: &[Array]) -> Array {
    let (module, name) = fn_.strip_prefix("jax.").and_then(|path| path.rsplit_once('.')).expect("a path");
    let result = match module {
        "scipy.special" if NORMAL.contains(&name) => Some(norm::call(name, x)),
        "scipy.special" => Some(special::call(name, x)),
        "scipy.stats.norm" => Some(norm::call(&format!("norm.{name}"), x)),
        "scipy.signal" => signals(name, how, x),
        "scipy.fft" => transforms(name, &x[0]),
        "scipy.ndimage" => Some(interpolated(how, x)),
        "image" => Some(pictures(name, how, &x[0])),
        _ => Some(stats::call(fn_.strip_prefix("jax.scipy.stats.").expect("a distribution"), x)),
    };
    result.unwrap_or_else(|| panic!("no function {fn_} ({how})"))
}

/// A call, as one program.
fn call(fn_: &str, how: &str, x: &[Array], _: DType) -> Vec<Array> {
    vec![jit(|x: &Vec<Array>| one(fn_, how, x))(&x.to_vec())]
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("library_edges", call);
}

/// Joins the arguments of cases of one dtype, each of which is a vector or a scalar.
fn joined(cases: &[&Value]) -> Vec<Value> {
    let list = |x: &Value| x["data"].as_array().expect("numbers").clone();
    let args = |case: &Value| case["args"].as_array().expect("a list").clone();
    let whole = |case: &Value, i: usize| {
        let (x, size) = (list(&args(case)[i]), list(&case["outputs"][0]).len());
        if x.len() == size { x } else { vec![x[0].clone(); size] }
    };
    let argument = |(i, x): (usize, Value)| {
        let data: Vec<Value> = cases.iter().flat_map(|case| whole(case, i)).collect();
        json!({"dtype": x["dtype"], "shape": [data.len()], "data": data})
    };
    args(cases[0]).into_iter().enumerate().map(argument).collect()
}

/// The elementwise functions: one program computes all cases of a function. Those of equal dtypes are one call; shapes and
/// dtypes of each case are compared without running it.
#[test]
fn elementwise_functions_equal_jax() {
    let golden = goldens_lib::golden("library_edges.json");
    let cases = golden["elementwise"].as_array().expect("a list");
    let mut functions: Vec<&str> = cases.iter().map(|case| case["fn"].as_str().expect("a name")).collect();
    functions.dedup();
    assert!(functions.len() > 130 && cases.len() > 700, "the list of cases is cut short");
    let functions: Vec<Value> = functions.into_iter().map(Value::from).collect();
    goldens_lib::run_all(&functions, |name| {
        let f = |x: &Vec<Array>| one(name.as_str().expect("a name"), "", x);
        let mut groups: Vec<(Vec<DType>, Vec<&Value>)> = Vec::new();
        let mut found = Vec::new();
        for case in cases.iter().filter(|case| case["fn"] == *name) {
            let args: Vec<Array> = case["args"].as_array().expect("a list").iter().map(array).collect();
            let (shape, expected) = (eval_shape(f)(&args), array(&case["outputs"][0]));
            if (shape.dtype(), shape.shape()) != (expected.dtype(), expected.shape()) {
                found.push(format!("{} instead of {} for {}", shape.aval(), expected.aval(), args[0].aval()));
                continue;
            }
            let dtypes: Vec<DType> = args.iter().map(Array::dtype).collect();
            match groups.iter_mut().find(|group| group.0 == dtypes) {
                Some(group) => group.1.push(case),
                None => groups.push((dtypes, vec![case])),
            }
        }
        let inputs: Vec<Vec<Value>> = groups.iter().map(|group| joined(&group.1)).collect();
        let inputs_of = |x: &Vec<Value>| x.iter().map(array).collect::<Vec<Array>>();
        let arrays: Vec<Vec<Array>> = inputs.iter().map(inputs_of).collect();
        let results = jit(|x: &Vec<Vec<Array>>| x.iter().map(f).collect::<Vec<Array>>())(&arrays);
        for ((result, x), (_, cases)) in results.iter().zip(&inputs).zip(&groups) {
            let (all, mut at) = (floats(result), 0);
            for case in cases {
                let expected = floats(&array(&case["outputs"][0]));
                let free = |i: usize| case["free"].as_array().is_some_and(|free| free.contains(&json!(i)));
                let greatest = expected.iter().filter(|y| y.is_finite()).fold(1e-2, |size, y| y.abs().max(size));
                for (i, y) in expected.into_iter().enumerate() {
                    let (got, slack) = (all[at], functions::tolerance(result.dtype(), false) * (greatest + y.abs()));
                    if !(free(i) || got == y || got.is_nan() && y.is_nan() || y.is_finite() && (got - y).abs() <= slack)
                    {
                        let x: Vec<String> = x.iter().map(|x| x["data"][at].to_string()).collect();
                        found.push(format!("{}: {got:?} instead of {y:?} at {}", result.dtype(), x.join(", ")));
                    }
                    at += 1;
                }
            }
        }
        (!found.is_empty()).then(|| found.join("\n"))
    });
}
