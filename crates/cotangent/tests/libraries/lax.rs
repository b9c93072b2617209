//! The library functions for convolutions, windows, reductions, Fourier transforms and linear algebra, with gradients,
//! against stored JAX results.

use super::goldens_lib;

use cotangent::fft::{Norm, Transform};
use cotangent::lax::{self, Conv, Padding, Window};
use cotangent::prelude::*;
use cotangent::scipy::linalg::{self, Trans};
use goldens_lib::laws::{self, Call};
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

fn folded(a: &Array, b: &Array) -> Array {
    a * b + a + b
}

fn general_windows(x: &Array) -> Array {
    let window = Window::new([2, 3]).strides([1, 2]).padding(Padding::Same);
    lax::reduce_window(x, &0.0.into(), folded, &window)
}

fn positive(a: &Array) -> Array {
    np::matmul(a, a.t()) + 3.0 * np::identity(3).astype(DType::F64)
}

fn transform(name: &str, x: &Array) -> Option<Array> {
    let (name, options) = name.split_once(' ').unwrap_or((name, ""));
    let new = Transform::new();
    let with = match options {
        "" | "None" => new,
        "ortho" => new.norm(Norm::Ortho),
        "forward" => new.norm(Norm::Forward),
        "n=7 axis=0" => new.n(7).axis(0),
        "n=3" => new.n(3),
        "axes" => new.s([3, 4]).axes([1, 0]),
        "s" => new.s([2, 3]),
        _ => return None,
    };
    Some(match name {
        "fft" => with.fft(x),
        "ifft" => with.ifft(x),
        "rfft" => with.rfft(x),
        "irfft" => with.irfft(x),
        "fft2" => with.fft2(x),
        "ifft2" => with.ifft2(x),
        "rfft2" => with.rfft2(x),
        "irfft2" => with.irfft2(x),
        "fftn" => with.fftn(x),
        "ifftn" => with.ifftn(x),
        "rfftn" => with.rfftn(x),
        "irfftn" => with.irfftn(x),
        _ => return None,
    })
}

fn call(name: &str, args: &[Array]) -> Vec<Array> {
    let x = &args[0];
    let second = || &args[1];
    let conv = |options: &Conv| lax::conv_general_dilated(x, second(), options);
    if let Some(rest) = name.strip_prefix("conv_transpose ")
        && let Some((padding, stride)) = rest.split_once(' ')
    {
        let padding = if padding == "SAME" { Padding::Same } else { Padding::Valid };
        let stride = stride.parse().expect("a stride");
        return vec![lax::conv_transpose(x, second(), &Conv::new([stride], padding), false)];
    }
    if let Some(y) = transform(name, x) {
        return vec![y];
    }
    let one = match name {
        "conv same_lower" => conv(&Conv::new([2], Padding::SameLower)),
        "conv same nhwc" => conv(&Conv::new([2, 1], Padding::Same).dimension_numbers("NHWC", "HWIO", "NHWC")),
        "conv same dilated" => conv(&Conv::new([1], Padding::Same).rhs_dilation([2])),
        "conv" => lax::conv(x, second(), [1, 2], Padding::Valid),
        "conv_with_general_padding" => lax::conv_with_general_padding(x, second(), [1], [(2, 1)].into(), [2], [2]),
        "conv_transpose explicit" => {
            lax::conv_transpose(x, second(), &Conv::new([2], [(1, 2)]).rhs_dilation([2]), false)
        }
        "conv_transpose kernel" => lax::conv_transpose(x, second(), &Conv::new([2, 1], Padding::Same), true),
        "reduce hypot" => lax::reduce(x, &0.0.into(), folded, [0, 2]),
        "reduce pair" => {
            let pair = |a: &(Array, Array), b: &(Array, Array)| (&a.0 + &b.0, folded(&a.1, &b.1));
            let (a, b) = lax::reduce(&(x.clone(), second().clone()), &(0.0.into(), 0.0.into()), pair, 1);
            return vec![a, b];
        }
        "reduce_window general" => general_windows(x),
        "reduce_window general jvp" => jvp(general_windows, (x,), (second(),)).1,
        "max_pool" => lax::max_pool(x, [2, 3], [2, 1], Padding::Same),
        "avg_pool" => lax::avg_pool(x, [2, 3], [2, 1], [(0, 1), (1, 0)]),
        "cholesky" => lax::linalg::cholesky(positive(x)),
        "cho_solve lower" | "cho_solve upper" => {
            let (c, lower) = linalg::cho_factor(positive(x), name.ends_with("lower"));
            linalg::cho_solve((&c, lower), second())
        }
        "solve_triangular 0" | "solve_triangular 1" => {
            let trans = if name.ends_with('0') { Trans::No } else { Trans::Transpose };
            linalg::solve_triangular(x + 3.0 * np::identity(3).astype(DType::F64), second(), trans, true, false)
        }
        other => panic!("no function {other}"),
    };
    vec![one]
}

fn arrays(x: &Value) -> Vec<Array> {
    x.as_array().map(|a| a.iter().map(array).collect()).unwrap_or_default()
}

#[test]
fn values_and_gradients_equal_jax() {
    run_all(&cases("lax"), |case| {
        let name = case["fn"].as_str().expect("a name").to_string();
        let args = arrays(&case["args"]);
        let values = jit({
            let name = name.clone();
            move |args: &Vec<Array>| call(&name, args)
        })(&args);
        let expected = arrays(&case["outputs"]);
        assert_eq!(values.len(), expected.len(), "the number of results");
        let value = values.iter().zip(&expected).find_map(|(y, e)| difference(y, e, 1e-12, 1e-13));
        if value.is_some() || case["grads"].is_null() {
            return value.map(|v| format!("{name}, value: {v}"));
        }
        let called = name.clone();
        let loss = move |args: &Vec<Array>| {
            let terms = call(&called, args).into_iter().map(|y| np::sum(np::square(np::abs(y)).sin()));
            terms.reduce(|a, b| a + b).expect("a result")
        };
        let grads = grad(loss)(&args);
        let mut pairs = grads.iter().zip(arrays(&case["grads"])).enumerate();
        pairs.find_map(|(i, (g, e))| difference(g, &e, 1e-11, 1e-12).map(|d| format!("{name}, gradient {i}: {d}")))
    });
}

/// The functions without a stored gradient.
#[test]
fn slopes_are_those_of_differences() {
    let calls = laws::without_gradients(&cases("lax"), |how, case| Call::new(how, arrays(&case["args"])));
    laws::check("lax", &calls, |name, _, x| call(name, x));
}

#[test]
fn a_monoid_is_recognized() {
    let x = np::ones([4]);
    let text = |init: f64, f: fn(&Array, &Array) -> Array| {
        let windows = move |x: &Array| lax::reduce_window(x, &init.into(), f, &Window::new([2]));
        let axes = move |x: &Array| lax::reduce(x, &init.into(), f, 0);
        (make_jaxpr(windows)(&x).to_string(), make_jaxpr(axes)(&x).to_string())
    };
    let (windows, axes) = text(0.0, |a, b| a + b);
    assert!(windows.contains("reduce_window_sum["), "{windows}");
    assert!(axes.contains("reduce_sum["), "{axes}");
    let (windows, axes) = text(f64::NEG_INFINITY, |a, b| a.maximum(b));
    assert!(windows.contains("reduce_window_max["), "{windows}");
    assert!(axes.contains("reduce_max["), "{axes}");
    // With another initial value, the specialized reduction does not apply.
    let (windows, axes) = text(1.0, |a, b| a + b);
    assert!(windows.contains("reduce_window["), "{windows}");
    assert!(axes.contains("reduce["), "{axes}");
}

#[test]
fn general_reductions_are_batched() {
    let x = Array::from_vec((0..24).map(f64::from).collect(), [2, 3, 4]).expect("its size") / 24.0;
    let axes = |x: &Array| lax::reduce(x, &0.0.into(), folded, 0);
    let windows = |x: &Array| lax::reduce_window(x, &0.0.into(), folded, &Window::new([2, 2]));
    let row = |i: usize| x.slice_axis(0, i, i + 1).reshape([3, 4]);
    for (mapped, each) in
        [(vmap(axes)(&x), [axes(&row(0)), axes(&row(1))]), (vmap(windows)(&x), [windows(&row(0)), windows(&row(1))])]
    {
        assert_eq!(difference(&mapped, &np::stack(&each.iter().collect::<Vec<_>>(), 0), 1e-15, 0.0), None);
    }
}

#[test]
fn errors_name_both_shapes() {
    let message = |f: &dyn Fn() -> Array| {
        let error = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("an error");
        error.downcast_ref::<Error>().map(ToString::to_string).or_else(|| error.downcast_ref::<String>().cloned())
    };
    let of = |f: &dyn Fn() -> Array| message(f).expect("a message");
    let text = of(&|| lax::conv(np::ones([1, 3, 8]), np::ones([4, 2, 3]), [1], Padding::Same));
    assert!(text.contains("f32[1,3,8]") && text.contains("f32[4,2,3]"), "{text}");
    let text = of(&|| lax::conv(np::ones([1, 3, 8]), np::ones([4, 3]), [1], Padding::Same));
    assert!(text.contains("f32[1,3,8]") && text.contains("f32[4,3]"), "{text}");
    let text = of(&|| linalg::solve_triangular(np::identity(3), np::ones([2, 2]), Trans::No, true, false));
    assert!(text.contains("f32[3,3]") && text.contains("f32[2,2]"), "{text}");
    let text = of(&|| lax::reduce_window(&np::ones([3, 3]), &0.0.into(), |a, b| a + b, &Window::new([2])));
    assert!(text.contains("f32[3,3]") && text.contains("1 entries"), "{text}");
    let text = of(&|| lax::top_k(np::ones([3]), 4, 0).0);
    assert!(text.contains("f32[3]"), "{text}");
}
