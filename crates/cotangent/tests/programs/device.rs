//! The programs on another device: the value and one derivative in each mode, against JAX.

use cotangent::prelude::*;
use serde_json::{Map, Value as Json};

use super::common::device::Order;
use super::{Case, Modes, Transformed, run};

/// Returns the value of a program, and its derivatives of first order in the modes that it has.
fn few(case: &Case, p: &Vec<Array>, t: &Vec<Array>, ct: &Array) -> Transformed {
    let f = |p: &Vec<Array>| (case.f)(p);
    let mut out = vec![("jit".to_string(), vec![f(p)])];
    if case.modes != Modes::Reverse {
        let (y, dy) = jvp(f, (p,), (t,));
        out.push(("jvp".to_string(), vec![y, dy]));
    }
    if case.modes != Modes::Forward {
        out.push(("vjp".to_string(), vjp(f, (p,)).1(ct).0));
    }
    out
}

fn outcome(case: &Case) -> Map<String, Json> {
    let (ran, failures) = run(case, few);
    Map::from_iter([("results".to_string(), ran.len().into()), ("failures".to_string(), failures.into())])
}

/// Checks the programs on the device that the environment names, or a few of them here.
#[test]
fn programs_agree_with_jax_on_a_device() {
    let cases = Case::all();
    if let Some(order) = Order::from_env() {
        return order.each(&cases, |case| case.name.clone(), outcome);
    }
    let mut case = cases.into_iter().find(|case| case.modes == Modes::Both).expect("a program");
    assert_eq!(Json::from(outcome(&case)), serde_json::json!({ "results": 4, "failures": [] }), "{}", case.name);
    // A wrong result is found in each transformation.
    case.cotangent = 2.0 * &case.cotangent;
    case.tangents = case.tangents.iter().map(|t| 2.0 * t).collect();
    let failures = outcome(&case)["failures"].as_array().map_or(0, Vec::len);
    assert!(failures >= 2, "{failures} failures of derivatives that are twice as large");
}
