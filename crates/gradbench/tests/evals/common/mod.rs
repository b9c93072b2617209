//! A session with the tool, and derivatives by finite differences to compare with.

use serde_json::{Value, json};

/// The responses to these lines, which need not be JSON.
pub(crate) fn session(lines: &[String]) -> Vec<Value> {
    let mut answers = Vec::new();
    cotangent_gradbench::serve(lines.join("\n").as_bytes(), &mut answers).expect("a buffer can be written to");
    let text = String::from_utf8(answers).expect("text");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// The response to one message.
pub(crate) fn answer(message: &Value) -> Value {
    let mut answers = session(&[message.to_string()]);
    assert_eq!(answers.len(), 1, "one message, one response: {answers:?}");
    answers.remove(0)
}

/// The response to an evaluation.
pub(crate) fn evaluate(module: &str, function: &str, input: &Value) -> Value {
    answer(&json!({ "id": 7, "kind": "evaluate", "module": module, "function": function, "input": input }))
}

/// All numbers of the output in a row. An object's members come in alphabetical order.
pub(crate) fn output(module: &str, function: &str, input: &Value) -> Vec<f64> {
    let answer = evaluate(module, function, input);
    assert_eq!(answer["success"], true, "{module}::{function}({input}): {}", answer["error"]);
    numbers(&answer["output"])
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Object(members) => members.values().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap_or_else(|| panic!("{other} is not a number"))],
    }
}

/// The error of an evaluation that must fail.
pub(crate) fn failure(module: &str, function: &str, input: &Value) -> String {
    let answer = evaluate(module, function, input);
    assert_eq!((&answer["id"], &answer["success"]), (&json!(7), &json!(false)), "{answer}");
    assert!(answer.get("output").is_none() && answer.get("timings").is_none(), "{answer}");
    answer["error"].as_str().expect("a reason").to_owned()
}

/// The gradient of `f` at `x`, by central differences.
pub(crate) fn differences(f: impl Fn(&[f64]) -> f64, x: &[f64]) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let at = |i: usize, step: f64| {
        let mut x = x.to_vec();
        x[i] += step;
        f(&x)
    };
    (0..x.len()).map(|i| (at(i, STEP) - at(i, -STEP)) / (2.0 * STEP)).collect()
}

#[track_caller]
pub(crate) fn assert_close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{got:?} against {expected:?}");
    for (i, (x, y)) in got.iter().zip(expected).enumerate() {
        assert!((x - y).abs() <= tolerance * (1.0 + y.abs()), "at {i}: {x} against {y} of {got:?}, {expected:?}");
    }
}

/// Deterministic pseudo-random numbers between -1 and 1.
pub(crate) fn scatter(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Rows of the given number of columns.
pub(crate) fn rows(data: &[f64], columns: usize) -> Vec<&[f64]> {
    data.chunks(columns).collect()
}
