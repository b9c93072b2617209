//! Every primitive × {value, jit, jvp, vjp, second order in every combination of modes, vmap, in a loop, dtypes},
//! against JAX and numeric differences.
//!
//! The table is generated from the primitives in the sources and the stored cases. A primitive without cases fails, and
//! so does a primitive with an unchecked column that has no stated reason.

mod case;
#[path = "../common/mod.rs"]
mod common;
mod device;
mod excuses;
mod exported;
mod lower;
mod primitives;
mod program;
mod registry;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Case;
use common::{golden, list};
use cotangent::prelude::*;
use excuses::Excuses;
use run::run;
use serde_json::Value as Json;

/// How often each check of a primitive ran.
#[derive(Default)]
struct Row {
    counts: BTreeMap<&'static str, usize>,
    dtypes: BTreeSet<DType>,
}

const COLUMNS: [&str; 13] = [
    "value", "jit", "jvp", "vjp", "jvp jvp", "jvp vjp", "vjp jvp", "vjp vjp", "vmap", "vmap vjp", "loop", "narrow",
    "numeric",
];

/// Returns the stored cases, and what is wrong with those that are not here. `RULES=sort,pow` selects the cases of
/// these primitives, for work on them.
fn stored() -> (Vec<Case>, Vec<String>) {
    let goldens: Vec<Json> = common::goldens("primitives").iter().map(|name| golden(name)).collect();
    let (mut cases, mut wrong) = (Vec::new(), Vec::new());
    let only = std::env::var("RULES").ok();
    for case in goldens.iter().flat_map(|g| list(&g["cases"])) {
        match Case::parse(case) {
            Err(what) => wrong.push(format!("a stored case: {what}")),
            Ok(case) if only.as_ref().is_none_or(|only| only.split(',').any(|p| p == case.primitive)) => {
                cases.push(case);
            }
            Ok(_) => {}
        }
    }
    (cases, wrong)
}

#[test]
fn every_primitive_agrees_with_jax() {
    let registry = registry::registry();
    let only = std::env::var_os("RULES");
    let (mut cases, mut failures) = stored();
    cases.retain(|case| {
        let known = registry.contains(&case.primitive);
        if !known {
            failures.push(format!("{}/{}: no such primitive is registered", case.primitive, case.name));
        }
        known
    });
    for case in cases.iter().filter(|case| case.derivatives.is_none()) {
        Excuses::get().of("not asked", case);
    }
    choose(&mut cases);
    let next = AtomicUsize::new(0);
    let state = Mutex::new((BTreeMap::<&str, Row>::new(), Vec::<String>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (done, failed) = run(case);
                    let mut state = state.lock().expect("no thread panics with the lock");
                    let row = state.0.entry(&case.primitive).or_default();
                    done.into_iter().for_each(|column| *row.counts.entry(column).or_default() += 1);
                    row.dtypes.extend(case.inputs.iter().chain(&case.outputs).map(Array::dtype));
                    state.1.extend(failed);
                }
            });
        }
    });
    let (table, failed) = state.into_inner().expect("no thread panics with the lock");
    failures.extend(failed);
    println!("{:24} {}", "primitive", COLUMNS.map(|c| format!("{c:>9}")).concat());
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, row) in &table {
        let mine: Vec<&Case> = cases.iter().filter(|c| c.primitive == *name).collect();
        let counts = COLUMNS.map(|column| match row.counts.get(column) {
            Some(n) => format!("{n:>9}"),
            None => {
                match hole(&mine, column) {
                    Some(why) => reasons.entry(why).or_default().push(format!("{name} {column}")),
                    None => failures.push(format!("{name}: nothing was checked of `{column}`")),
                }
                format!("{:>9}", "-")
            }
        });
        let dtypes: Vec<&str> = row.dtypes.iter().map(|d| d.name()).collect();
        println!("{name:24} {}  {}", counts.concat(), dtypes.join(" "));
    }
    for (why, what) in &reasons {
        println!("- {why}: {}", what.join(", "));
    }
    let excuses = Excuses::get().finish(&registry);
    if only.is_none() {
        failures.extend(excuses);
        let without = registry.iter().filter(|name| !table.contains_key(name.as_str()));
        failures.extend(without.map(|name| format!("the primitive `{name}` has no stored case")));
    }
    failures.iter().for_each(|f| println!("FAILED {f}"));
    assert!(
        failures.is_empty(),
        "{} of {} checks failed",
        failures.len(),
        table.values().flat_map(|r| r.counts.values()).sum::<usize>()
    );
}

/// Marks the cases that run inside a loop: the first case of each primitive and dtypes, and its first two with
/// derivatives. Marks the one case of each primitive for the most expensive checks. A loop takes longer to compile than
/// everything else in a case.
fn choose(cases: &mut [Case]) {
    let (mut seen, mut chosen) = (BTreeSet::new(), BTreeSet::new());
    let mut differentiated: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let dtypes: Vec<DType> = case.inputs.iter().map(Array::dtype).collect();
        let first = Excuses::get().of("loop", case).is_none() && seen.insert((case.primitive.clone(), dtypes));
        let derived = differentiated.entry(case.primitive.clone()).or_default();
        *derived += usize::from(case.derivatives.is_some());
        case.in_loop = first || (case.derivatives.is_some() && *derived <= 2);
        case.chosen = case.derivatives.is_some() && case.smooth() && chosen.insert(case.primitive.clone());
    }
}

/// Returns why a column has no checks for a primitive: by the primitive's nature, or by an excuse.
fn hole(cases: &[&Case], column: &str) -> Option<&'static str> {
    let inexact = |x: &[Array]| x.iter().any(|x| x.dtype().is_inexact());
    let derivative = !matches!(column, "value" | "jit" | "vmap" | "loop");
    let second = matches!(column, "jvp jvp" | "jvp vjp" | "vjp jvp" | "vjp vjp" | "vmap vjp");
    if cases.iter().all(|c| c.inputs.is_empty()) && !matches!(column, "value" | "jit" | "loop") {
        return Some("it has no operands");
    }
    if derivative && !cases.iter().any(|c| inexact(&c.inputs) && inexact(&c.outputs)) {
        return Some("no function from floating-point numbers to such");
    }
    if derivative && cases.iter().all(|c| c.derivatives.is_none()) && cases.iter().any(|c| c.no_rule) {
        return Some("JAX has no derivative rule for it");
    }
    if second
        && cases.iter().all(|c| c.derivatives.as_ref().is_none_or(|d| d.second.is_none()))
        && cases.iter().all(|c| c.derivatives.is_none() || c.complex())
    {
        return Some("JAX's second derivatives are stored for real numbers");
    }
    Excuses::get().of_hole(column, cases[0]).map(|excuse| excuse.why.as_str())
}
