//! Every program, lowered to StableHLO and read back, must be the same function: the results of all its transformations are
//! those that JAX computed of the original.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cotangent::import;
use cotangent::prelude::*;

use super::{Case, Modes, run};

/// Programs with a derivative of their own, which StableHLO does not hold. Their values are compared.
const OWN_RULES: &[&str] = &["own_reverse_rule"];

/// The program of a case, lowered and read back.
fn read_back(case: &Case) -> Result<Case> {
    let f = case.f.clone();
    let exported = jit(move |p: &Vec<Array>| f(p)).lower((&case.inputs,))?.export()?;
    let used: Vec<bool> = exported.signature().inputs.iter().map(|input| input.2).collect();
    let function = import::stablehlo(exported.stablehlo())?.flat();
    let f = move |p: &[Array]| {
        let p: Vec<Array> = p.iter().zip(&used).filter(|(_, used)| **used).map(|(x, _)| x.clone()).collect();
        function(&p).swap_remove(0)
    };
    Ok(Case {
        name: case.name.clone(),
        f: Arc::new(f),
        modes: if OWN_RULES.contains(&&*case.name) { Modes::Value } else { case.modes },
        inputs: case.inputs.clone(),
        tangents: case.tangents.clone(),
        cotangent: case.cotangent.clone(),
        results: case.results.clone(),
    })
}

#[test]
fn programs_read_back_from_stablehlo_agree_with_jax_under_every_transformation() {
    let cases = Case::all();
    let next = AtomicUsize::new(0);
    let state = Mutex::new((BTreeMap::<String, usize>::new(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (ran, failed) = match read_back(case) {
                        Ok(case) => run(&case, super::transforms::all),
                        Err(error) => (Vec::new(), vec![format!("{}: {error}", case.name)]),
                    };
                    let mut state = state.lock().expect("no thread panics with the lock");
                    ran.into_iter().for_each(|what| *state.0.entry(what).or_default() += 1);
                    state.1.extend(failed);
                }
            });
        }
    });
    let (counts, failed) = state.into_inner().expect("no thread panics with the lock");
    let ran: usize = counts.values().sum();
    println!("{ran} cases of {} programs", cases.len());
    assert!(failed.is_empty(), "{} of {ran} cases differ:\n{}", failed.len(), failed.join("\n"));
}
