//! The tool's responses to valid and invalid messages.

use super::common;

use common::{answer, evaluate, failure, session};
use serde_json::{Value, json};

fn sent(messages: &[Value]) -> Vec<Value> {
    session(&messages.iter().map(Value::to_string).collect::<Vec<_>>())
}

#[test]
fn a_session_goes_round_by_round() {
    let answers = sent(&[
        json!({ "id": 0, "kind": "start", "eval": "hello" }),
        json!({ "id": 1, "kind": "define", "module": "hello" }),
        json!({ "id": 2, "kind": "evaluate", "module": "hello", "function": "square", "input": 1.5 }),
        json!({ "id": 3, "kind": "analysis", "of": 2, "valid": true }),
    ]);
    assert_eq!(answers[0], json!({ "id": 0, "tool": "cotangent" }));
    assert_eq!(answers[1], json!({ "id": 1, "success": true }));
    assert_eq!((&answers[2]["id"], &answers[2]["output"]), (&json!(2), &json!(2.25)));
    assert_eq!(answers[3], json!({ "id": 3 }));
    assert_eq!(answers.len(), 4);
}

#[test]
fn kinds_that_are_not_known_are_acknowledged() {
    assert_eq!(answer(&json!({ "id": 5, "kind": "goodbye" })), json!({ "id": 5 }));
}

#[test]
fn every_module_is_defined() {
    for module in ["ba", "det", "gmm", "hello", "ht", "kmeans", "llsq", "lse", "lstm", "ode", "particle", "saddle"] {
        assert_eq!(
            answer(&json!({ "id": 1, "kind": "define", "module": module })),
            json!({ "id": 1, "success": true })
        );
    }
    let unknown = answer(&json!({ "id": 1, "kind": "define", "module": "sudoku" }));
    assert_eq!((&unknown["id"], &unknown["success"]), (&json!(1), &json!(false)));
    let reason = unknown["error"].as_str().expect("a reason");
    assert!(reason.contains("no module `sudoku`") && reason.contains("hello"), "{reason}");
}

fn names(answer: &Value) -> Vec<&str> {
    answer["timings"].as_array().expect("timings").iter().map(|t| t["name"].as_str().expect("a name")).collect()
}

#[test]
fn runs_are_as_many_and_as_long_as_asked() {
    let run = |runs: Value| {
        let mut input = json!({ "x": [1.0, 2.0] });
        input.as_object_mut().expect("an object").extend(runs.as_object().expect("an object").clone());
        evaluate("lse", "gradient", &input)
    };
    let few = run(json!({ "min_runs": 3, "min_seconds": 0 }));
    assert_eq!(names(&few), ["prepare", "compile", "evaluate", "evaluate", "evaluate"]);

    let long = run(json!({ "min_runs": 1, "min_seconds": 0.05 }));
    let times: Vec<u64> = long["timings"]
        .as_array()
        .expect("timings")
        .iter()
        .filter(|t| t["name"] == "evaluate")
        .map(|t| t["nanoseconds"].as_u64().expect("a whole number"))
        .collect();
    assert!(times.iter().sum::<u64>() >= 50_000_000);
    assert!(times[..times.len() - 1].iter().sum::<u64>() < 50_000_000);

    // Without a minimum, or with a minimum of none, there is one run: the output must come from somewhere.
    for runs in [json!({}), json!({ "min_runs": 0, "min_seconds": 0 })] {
        assert_eq!(names(&run(runs)), ["prepare", "compile", "evaluate"]);
    }
    assert_eq!(names(&evaluate("hello", "double", &json!(1))), ["prepare", "compile", "evaluate"]);
}

#[test]
fn wrong_wishes_are_refused() {
    let reason = failure("lse", "primal", &json!({ "x": [1.0], "min_runs": -1 }));
    assert!(reason.contains("-1"), "{reason}");
    let reason = failure("lse", "primal", &json!({ "x": [1.0], "min_seconds": "long" }));
    assert!(reason.contains("long"), "{reason}");
}

#[test]
fn lines_that_are_no_messages_are_answered() {
    let lines =
        ["Hello!", "[1, 2]", "{\"id\": 1", "{}", "{\"kind\": \"start\"}", "{\"id\": 2}", "{\"id\": 3, \"kind\": 4}"];
    let answers = session(&lines.map(String::from));
    assert_eq!(answers.len(), lines.len());
    let expected = [
        (Value::Null, "not a JSON object"),
        (Value::Null, "not a JSON object"),
        (Value::Null, "not a JSON object"),
        (Value::Null, "no `id`"),
        (Value::Null, "no `id`"),
        (json!(2), "no `kind`"),
        (json!(3), "`kind` is not a string: 4"),
    ];
    for (answer, (id, reason)) in answers.iter().zip(expected) {
        assert_eq!((&answer["id"], &answer["success"]), (&id, &json!(false)), "{answer}");
        assert!(answer["error"].as_str().is_some_and(|e| e.contains(reason)), "{answer} should say {reason}");
    }
}

#[test]
fn lines_may_be_empty_or_no_text() {
    let mut answers = Vec::new();
    let lines: &[u8] = b"\n  \n{\"id\": \xff\xfe}\n{\"id\": 1, \"kind\": \"start\"}";
    cotangent_gradbench::serve(lines, &mut answers).expect("a buffer can be written to");
    let answers = String::from_utf8(answers).expect("text");
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!((&answers[0]["id"], &answers[0]["success"]), (&Value::Null, &json!(false)));
    assert_eq!(answers[1], json!({ "id": 1, "tool": "cotangent" }));
}

#[test]
fn an_id_comes_back_as_it_was() {
    for id in [json!("seven"), json!(1e300), json!([1]), Value::Null] {
        assert_eq!(answer(&json!({ "id": id, "kind": "start" }))["id"], id);
    }
}

#[test]
fn missing_members_are_named() {
    for member in ["module", "function", "input"] {
        let mut message = json!({ "id": 7, "kind": "evaluate", "module": "hello", "function": "square", "input": 1.0 });
        message.as_object_mut().expect("an object").remove(member);
        let answer = answer(&message);
        assert_eq!(answer, json!({ "id": 7, "success": false, "error": format!("the message has no `{member}`") }));
    }
    assert_eq!(answer(&json!({ "id": 7, "kind": "define" }))["error"], "the message has no `module`");
    let reason = failure("llsq", "primal", &json!({ "x": [1.0] }));
    assert!(reason.contains("missing field `n`"), "{reason}");
}

#[test]
fn unknown_names_are_answered_with_those_there_are() {
    let reason = failure("hello", "cube", &json!(1.0));
    assert!(reason.contains("no function `cube`") && reason.contains("square, double"), "{reason}");
    let reason = failure("sudoku", "solve", &json!(1.0));
    assert!(reason.contains("no module `sudoku`"), "{reason}");
}

#[test]
fn what_does_not_fit_is_said_with_both_shapes() {
    let wrong = |module, function, input: Value, parts: &[&str]| {
        let reason = failure(module, function, &input);
        assert!(parts.iter().all(|part| reason.contains(part)), "{reason} should say {parts:?}");
    };
    wrong("hello", "square", json!({ "x": 1 }), &["map"]);
    wrong("lse", "primal", json!({ "x": [] }), &["[0]"]);
    wrong("lse", "primal", json!({ "x": [1.0, "two"] }), &["two"]);
    wrong("det", "primal", json!({ "A": [1.0, 2.0, 3.0], "ell": 2 }), &["`A`", "[3]", "[4]"]);
    wrong("det", "primal", json!({ "A": [], "ell": 0 }), &["`ell`", "between 1 and 20", "got 0"]);
    wrong("det", "primal", json!({ "A": [1.0], "ell": 40 }), &["`ell`", "got 40"]);
    wrong("ode", "primal", json!({ "x": [1.0], "s": 0 }), &["step"]);
    wrong("saddle", "ff", json!({ "start": [1.0] }), &["length 1"]);
    let points = json!({ "points": [[1.0, 2.0]], "centroids": [[1.0, 2.0, 3.0]] });
    wrong("kmeans", "dir", points, &["`centroids`", "[1, 3]", "[1, 2]"]);
    let ragged = json!({ "points": [[1.0, 2.0], [3.0]], "centroids": [[1.0, 2.0]] });
    wrong("kmeans", "dir", ragged, &["row 1 has 1 numbers, but row 0 has 2"]);
    wrong("kmeans", "cost", json!({ "points": [[1.0]], "centroids": [] }), &["`centroids`", "[0, 0]", "[1, 1]"]);
    let gmm = json!({ "d": 2, "k": 1, "n": 1, "x": [[1.0, 2.0]], "m": 0, "gamma": 1.0, "alpha": [1.0],
        "mu": [[1.0, 2.0, 3.0]], "q": [[1.0, 2.0]], "l": [[1.0]] });
    wrong("gmm", "jacobian", gmm, &["`mu`", "[1, 3]", "[1, 2]"]);
    let ba = |p: usize, cam: usize| json!({ "n": 1, "m": 1, "p": p, "cam": vec![1.0; cam], "x": [1.0, 2.0, 3.0], "w": 1.0, "feat": [1.0, 2.0] });
    wrong("ba", "jacobian", ba(1, 10), &["`cam`", "[10]", "[11]"]);
    wrong("ba", "objective", ba(0, 11), &["1 cameras, 1 points and 0 observations"]);
    wrong("ba", "jacobian", ba(100_000_000, 11), &["3100000000 entries", "32 bits"]);
    let lstm = |main: usize, sequence: usize| {
        let rows = |count: usize| vec![[1.0; 2]; count];
        json!({ "main_params": vec![[1.0; 8]; main], "extra_params": rows(3), "state": rows(2),
            "sequence": rows(sequence) })
    };
    wrong("lstm", "jacobian", lstm(2, 1), &["`sequence`", "[1, 2]"]);
    wrong("lstm", "objective", lstm(3, 4), &["`main_params`", "[3, 8]", "[2, 8]"]);
}

#[test]
fn results_that_are_no_numbers_are_failures() {
    let reason = failure("hello", "square", &json!(1e200));
    assert!(reason.contains("inf"), "{reason}");
    // With the charge there, the particle never comes down.
    for mode in ["ff", "fr", "rf", "rr"] {
        let reason = failure("particle", mode, &json!({ "w": 2.0 }));
        assert!(reason.contains("NaN"), "{mode}: {reason}");
    }
}

#[test]
fn it_reads_on_after_errors() {
    let answers = session(&[
        "nonsense".into(),
        json!({ "id": 1, "kind": "evaluate", "module": "det", "function": "primal", "input": { "A": [1.0], "ell": 2 } })
            .to_string(),
        json!({ "id": 2, "kind": "evaluate", "module": "det", "function": "primal", "input": { "A": [5.0], "ell": 1 } })
            .to_string(),
    ]);
    assert_eq!(answers.iter().map(|a| a["success"] == true).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(answers[2]["output"], 5.0);
}
