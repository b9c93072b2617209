//! NumPy-style indexing and the indexing functions, against JAX: values, vjp and vmap.

use super::common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Tolerance, arrays, difference, golden, list};
use cotangent::ErrorKind;
use cotangent::numpy::{Ellipsis, Mode, NewAxis};
use cotangent::prelude::*;
use serde_json::Value as Json;

fn mask() -> Array {
    Array::from([[true, false, true, false], [false, true, false, false], [true, true, false, true]])
}

fn rows() -> Array {
    Array::from([true, false, true])
}

/// Evaluates a case that reads elements; the golden file holds the Python expressions.
fn read(name: &str, a: &[Array]) -> Option<Array> {
    let x = &a[0];
    let i = || &a[1];
    Some(match name {
        "first" => x.get(0),
        "last" => x.get(-1),
        "element" => x.get((1, 2)),
        "far" => x.get(9),
        "tail" => x.get(1..),
        "steps" => x.get(s![::2]),
        "turned" => x.get(s![..; -1]),
        "turned_steps" => x.get((s![::-2], 1..3)),
        "down" => x.get(s![2..0; -1]),
        "beyond" => x.get(5..),
        "from_end" => x.get((.., -3..-1)),
        "new_axis" => x.get((.., NewAxis)),
        "ellipsis" => x.get((Ellipsis, 0)),
        "mixed" => x.get((NewAxis, Ellipsis, 1..)),
        "inner_new_axis" => x.get((0, NewAxis, .., NewAxis, 1)),
        "dynamic" => x.get(i()),
        "dynamic_slice" => x.get((i(), 1..=2)),
        "dynamic_steps" => x.get((i(), s![::2])),
        "dynamic_turned" => x.get((i(), s![::-1])),
        "dynamic_column" => x.get((.., i())),
        "dynamic_new_axis" => x.get((NewAxis, i(), NewAxis)),
        "two_dynamic" => x.get((i(), a[2].get(0))),
        "rows" => x.get(i()),
        "columns" => x.get((.., i())),
        "pairs" => x.get((i(), &a[2])),
        "grid" => x.get((i().get((.., NewAxis)), &a[2])),
        "table" => x.get(i()),
        "separated" => x.get((i(), .., &a[2])),
        "adjacent" => x.get((.., i(), &a[2])),
        "int_and_array" => x.get((0, .., i())),
        "slice_int_array" => x.get((.., 0, i())),
        "new_axis_between" => x.get((i(), NewAxis, &a[2])),
        "new_axis_first" => x.get((NewAxis, i())),
        "ellipsis_array" => x.get((Ellipsis, i())),
        "array_ellipsis_int" => x.get((i(), Ellipsis, 0)),
        "array_and_steps" => x.get((i(), s![::2], s![::-1])),
        "array_slice" => x.get((i(), 1..)),
        "outside" => x.get(i()),
        "fill" => x.at(i()).mode(Mode::FillOrDrop).get(),
        "fill_value" => x.at((i(), &a[2])).fill_value(7).get(),
        "clip" => x.at((.., i())).mode(Mode::Clip).get(),
        "fill_static" => x.at(7).fill_value(7).get(),
        "mask" => x.get(mask()),
        "row_mask" => x.get((rows(), 1..)),
        "mask_and_array" => x.get((.., rows(), i())),
        _ => return None,
    })
}

/// Returns the indexed elements that `set` and `add` update in a case.
fn place(name: &str, a: &[Array]) -> Option<cotangent::numpy::At> {
    let x = &a[0];
    Some(match name {
        "row" => x.at(1),
        "scalar" => x.at((1.., s![::2])),
        "broadcast" => x.at(1..),
        "turned" => x.at((s![::-1], ..)),
        "steps" => x.at((s![::2], s![::-2])),
        "new_axis" => x.at((NewAxis, 1)),
        "ellipsis" => x.at((Ellipsis, 0)),
        "dynamic" => x.at(&a[2]),
        "dynamic_element" => x.at((&a[2], a[3].get(0))),
        "dynamic_steps" => x.at((&a[2], s![::2])),
        "pairs" => x.at((&a[2], &a[3])),
        "rows" | "outside" => x.at(&a[2]),
        "separated" => x.at((&a[2], .., &a[3])),
        "mask" => x.at(mask()),
        "row_mask" => x.at(rows()),
        "mask_values" => x.at(mask().get(0)),
        _ => return None,
    })
}

fn update(op: &str, at: &cotangent::numpy::At, v: &Array) -> Option<Array> {
    Some(match op {
        "set" => at.set(v),
        "add" => at.add(v),
        "subtract" => at.subtract(v),
        "multiply" => at.multiply(v),
        "divide" => at.divide(v),
        "power" => at.power(v),
        "min" => at.min(v),
        "max" => at.max(v),
        _ => return None,
    })
}

fn function(name: &str, a: &[Array]) -> Option<Vec<Array>> {
    let x = &a[0];
    Some(vec![match name {
        "set_mask_each" => x.at(rows()).set(a[1].get((..2, 0)).get((.., NewAxis))),
        "set_clip" => x.at((.., &a[2])).mode(Mode::Clip).set(a[1].get(0)),
        "set_converts" => x.at(1..).set(9),
        "apply_slice" => x.at(1..).apply(|v| v.sin()),
        "apply_rows" => x.at(&a[1]).apply(|v| v.sin()),
        "take" => np::take(x, &a[1]),
        "take_axis" => np::take_axis(x, &a[1], 1),
        "take_outside" => np::take_axis(x, &a[1], 0),
        "take_clip" => np::take_mode(x, &a[1], 0, Mode::Clip),
        "take_along_axis" => np::take_along_axis(x, &a[1], 1),
        "take_along_first" => np::take_along_axis(x, a[1].reshape([3, 1]), 0),
        "take_along_wide" => np::take_along_axis(x.get(NewAxis), &a[1], 1),
        "put_along_axis" => np::put_along_axis(x, a[1].get((.., ..1)), a[2].get((.., NewAxis)), 1),
        "choose" => np::choose(&a[2], &[x.get((.., 0)), x.get((.., 1)), a[1].clone()]),
        "compress" => np::compress(rows(), x, 0),
        "extract" => np::extract(mask(), x),
        "nonzero_size" => return Some(np::nonzero_size(x.greater(0.5), 6, -1)),
        "nonzero_cut" => return Some(np::nonzero_size(x.greater(0), 2, -1)),
        "bincount" => np::bincount_length(x, 6),
        "bincount_weights" => np::bincount_weights(x, &a[1], 3),
        "unravel_index" => return Some(np::unravel_index(x, [2, 3])),
        "ravel_multi_index" => np::ravel_multi_index(a, [2, 4]),
        "indices" => np::indices([2, 3]) + x,
        "searchsorted" => np::searchsorted(np::sort(x), &a[1]),
        "searchsorted_right" => np::searchsorted_right(np::sort(x), &a[1]),
        "searchsorted_nan" => {
            np::searchsorted(Array::from([1.0, 2.0, f64::NAN]), Array::from([f64::NAN, 3.0, 2.0]) + x * 0.0)
        }
        "segment_sum" => np::segment_sum(x, &a[1], 3),
        "segment_prod" => np::segment_prod(x, &a[1], 3),
        "segment_max" => np::segment_max(x, &a[1], 3),
        "segment_min" => np::segment_min(x, &a[1], 3),
        _ => return None,
    }])
}

/// Evaluates the Rust counterpart of a case's expression.
fn apply(name: &str, a: &[Array]) -> Vec<Array> {
    if let Some(out) = function(name, a) {
        return out;
    }
    let (op, what) = name.split_once('_').expect("an operation and a place");
    if op == "get" {
        return vec![read(what, a).unwrap_or_else(|| panic!("no such case: {name}"))];
    }
    if matches!(op, "set" | "add") {
        let at = place(what, a).unwrap_or_else(|| panic!("no such case: {name}"));
        return update(op, &at, &a[1]).into_iter().collect();
    }
    let x = if op == "power" { a[0].abs() } else { a[0].clone() };
    let out = match what {
        "rows" => update(op, &x.at(1..), &a[1].abs()),
        "dynamic" => update(op, &x.at((&a[2], 1..)), &a[1].abs().get(1..)),
        "mask" => update(op, &x.at(rows()), &a[1].abs()),
        "pairs" => update(op, &x.at((&a[2], &a[3])), &a[1]),
        "meeting" => update(op, &x.at([1, 1, 0]), &Array::from(1.5)),
        _ => None,
    };
    vec![out.unwrap_or_else(|| panic!("no such case: {name}"))]
}

/// Checks value, vjp and vmap of a case as one program.
fn check(case: &Json, failures: &mut Vec<String>) {
    let name = case["name"].as_str().expect("a name");
    let present = |x: &Json| -> Vec<Array> { arrays(x).into_iter().flatten().collect() };
    let inputs = present(&case["inputs"]);
    let cotangent = common::array(&case["cotangent"]);
    let mapped = case.get("mapped").map(|m| (present(&m["inputs"]), present(&m["outputs"])));
    let batch = mapped.as_ref().map(|m| m.0.clone()).unwrap_or_default();
    let program = |inputs: &Vec<Array>, batch: &Vec<Array>, ct: &Vec<Array>| {
        let outputs = apply(name, inputs);
        let inexact = |x: &&Array| x.dtype().is_inexact();
        let bars = ct.first().map(|ct| {
            let of = |v: &Vec<Array>| -> Array {
                let mut v = v.iter();
                let full = inputs.iter().map(|x| if inexact(&x) { v.next().expect("an input") } else { x }.clone());
                apply(name, &full.collect::<Vec<_>>()).swap_remove(0)
            };
            vjp(of, (&inputs.iter().filter(inexact).cloned().collect::<Vec<_>>(),)).1(ct).0
        });
        let mapped = if batch.is_empty() { vec![] } else { vmap(|a: &Vec<Array>| apply(name, a))(batch) };
        (outputs, bars, mapped)
    };
    let ct: Vec<Array> = cotangent.iter().cloned().collect();
    let (outputs, bars, batched) = jit(program)(&inputs, &batch, &ct);
    let mut compare = |what: &str, got: &[Array], expected: &[Array]| {
        if got.len() != expected.len() {
            failures.push(format!("{name} {what}: {} results, expected {}", got.len(), expected.len()));
        }
        let near = Tolerance { relative: 1e-13, of_scale: 1e-15, absolute: 0.0 };
        for (got, expected) in got.iter().zip(expected) {
            // The results were stored with JAX's 64-bit flag on, which makes its default integers 64-bit.
            let wide = (got.dtype(), expected.dtype()) == (DType::I32, DType::I64);
            let expected = &if wide { expected.astype(DType::I32) } else { expected.clone() };
            if let Some(difference) = difference(got, expected, near) {
                failures.push(format!("{name} {what}: {difference}"));
            }
        }
    };
    let expected = present(&case["outputs"]);
    compare("value", &apply(name, &inputs), &expected);
    compare("jit", &outputs, &expected);
    if let Some(bars) = bars {
        compare("vjp", &bars, &present(&case["vjp"]));
    }
    if let Some((_, expected)) = &mapped {
        compare("vmap", &batched, expected);
    }
}

#[test]
fn indexing_is_numpys() {
    let golden = golden("indexing.json");
    let cases = list(&golden["cases"]);
    assert!(cases.len() > 100, "only {} cases", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let mut own = Vec::new();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(case, &mut own))) {
            let text = panic.downcast_ref::<String>().cloned();
            own.push(format!("{}: {}", case["name"], text.unwrap_or_else(|| "a panic".to_string())));
        }
        failures.extend(own);
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// As in JAX, static slices become slices, one traced index a dynamic slice, and index arrays a gather.
#[test]
fn an_index_is_the_cheapest_primitive_that_will_do() {
    let names = |f: fn(&Array, &Array) -> Array| -> Vec<&'static str> {
        let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
        let program = make_jaxpr(f)(&x, &Array::from(1));
        program.jaxpr.eqns().iter().map(|e| e.prim().name()).collect()
    };
    assert_eq!(names(|x, _| x.get(1)), ["slice", "squeeze"]);
    assert_eq!(names(|x, _| x.get((.., s![::-1]))), ["rev"]);
    assert!(names(|x, i| x.get((i, 1..))).ends_with(&["dynamic_slice", "squeeze"]));
    assert_eq!(names(|x, i| x.get(i.reshape([1]))).last(), Some(&"gather"));
    assert_eq!(names(|x, _| x.at(x.greater(2)).set(0.0)).last(), Some(&"select_n"));
    assert_eq!(names(|x, _| x.at(0).add(1.0)).last(), Some(&"scatter-add"));
}

/// An index expression is traced to the same program as in JAX.
#[test]
fn a_gather_prints_as_in_jax() {
    let f = |x: &Array, i: &Array| x.at(i).mode(Mode::FillOrDrop).get();
    let program = make_jaxpr(f)(&np::zeros([3, 4]), &Array::from([0, 1]));
    let gather = "gather[dimension_numbers=GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), \
                  start_index_map=(0,), operand_batching_dims=(), start_indices_batching_dims=()) fill_value=nan \
                  indices_are_sorted=False mode=GatherScatterMode.FILL_OR_DROP slice_sizes=(1, 4) \
                  unique_indices=False] a f";
    let text = program.to_string();
    assert!(text.contains(gather), "{text}");
    let names: Vec<_> = program.jaxpr.eqns().iter().map(|e| e.prim().name()).collect();
    assert_eq!(names, ["lt", "add", "select_n", "broadcast_in_dim", "gather"]);
}

/// The derivative of a clipped minimum with out-of-bounds indices, against numeric differences. (JAX's is wrong.)
#[test]
fn a_clipped_scatter_min_has_the_derivative_that_differences_say() {
    let (x, v) = (Array::from([1.0, 2.0, 3.0]), Array::from([0.5, 2.5]));
    let f = |x: &Array, v: &Array| {
        let places = Array::from([-4, 7]);
        (x.at(&places).mode(Mode::Clip).min(v) * Array::from([1.0, 10.0, 100.0])).sum()
    };
    let (dx, dv) = grad(f).argnums(args!(0, 1))(&x, &v);
    // Index −4 is clipped to the first element and index 7 to the last: both updates win.
    assert_eq!(dx.to_vec::<f64>(), [0.0, 10.0, 0.0]);
    assert_eq!(dv.to_vec::<f64>(), [1.0, 100.0]);
}

/// 8-bit starts and indices reach all elements of a long array, and 64-bit ones do not wrap around.
#[test]
fn the_width_of_an_index_does_not_matter() {
    let x = np::arange_as(300, DType::F32);
    let y = cotangent::lax::dynamic_update_slice(&x, Array::from([7.0f32, 8.0]), &[Array::scalar(127u8)]);
    assert_eq!(y.get(126..130).to_vec::<f32>(), [126.0, 7.0, 8.0, 129.0]);
    let y = cotangent::lax::dynamic_slice(&x, &[Array::scalar(200u8)], [2]);
    assert_eq!(y.to_vec::<f32>(), [200.0, 201.0]);
    let far = Array::from(vec![(1i64 << 32) + 1, 2]);
    let y = x.at(&far).mode(Mode::FillOrDrop).get();
    assert!(y.get(0).item::<f32>().is_nan() && y.get(1).item::<f32>() == 2.0);
}

#[test]
fn bad_indices_say_why() {
    let x = Array::from([[1, 2], [3, 4]]);
    let error = |f: fn(&Array) -> Array| jit(f).try_call((&Array::from([[1, 2], [3, 4]]),)).unwrap_err();
    let long = error(|x| x.get((0, 0, 0)));
    assert_eq!(long.kind(), ErrorKind::Axis);
    assert!(long.message().contains("too many indices for i32[2,2]: 3"), "{long}");
    let masked = error(|x| x.get(x.greater(1)));
    assert_eq!(masked.kind(), ErrorKind::Trace);
    assert!(masked.to_string().contains("where_"), "{masked}");
    let floats = error(|x| x.get(Array::from([0.5f32]) + x.get((0, ..1))));
    assert_eq!(floats.kind(), ErrorKind::DType);
    let shape = error(|x| x.at(0).set(Array::from([1, 2, 3])));
    assert!(shape.message().contains("[3]") && shape.message().contains("[2]"), "{shape}");
    let product = jit(grad(|v: &Array| np::ones(3).at([0, 0]).multiply(v).sum())).try_call((&Array::from(2.0f32),));
    let product = product.unwrap_err();
    assert_eq!(product.kind(), ErrorKind::Transform);
    assert!(product.to_string().contains("unique_indices"), "{product}");
    assert_eq!(x.get(x.greater(1)).to_vec::<i32>(), [2, 3, 4]);
}
