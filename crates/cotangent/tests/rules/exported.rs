//! Every stored case of every primitive, exported for JAX with its derivative: versioned StableHLO has all that lowering
//! writes, and this library reads it. JAX computes the same, if there is a Python for that.

use cotangent::extend::bind_shared;
use cotangent::prelude::*;
use cotangent::{Ref, import};

use super::case::Derivatives;
use super::common::jax::Exports;
use super::{registry, stored};

#[test]
fn every_primitive_is_exported_for_jax() {
    let registry = registry::registry();
    let (cases, _) = stored();
    let exports = Exports::new("rules");
    let mut failures = Vec::new();
    for (i, case) in cases.iter().filter(|case| registry.contains(&case.primitive)).enumerate() {
        let prim = case.prim.clone();
        let f = move |x: &Vec<Array>| bind_shared(prim.clone(), &x.iter().collect::<Vec<_>>()).into_vec();
        // JAX asks for the derivative with respect to every operand, and some have none.
        let whole =
            |d: &Derivatives| case.inputs.iter().zip(&d.tangents).all(|(x, t)| t.is_some() || !x.dtype().is_inexact());
        let order = usize::from(case.derivatives.as_ref().is_some_and(whole));
        let name = format!("{}_{}_{i}", case.primitive, case.name);
        let args = (case.inputs.clone(),);
        let added = exports.add::<(Ref<Vec<Array>>,), _>(&name, f, &args, |e| e.vjp_order(order), order > 0);
        if let Err(error) = added.and_then(import::jax) {
            failures.push(format!("{name}: {error}"));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    println!("{} cases", exports.check());
}
