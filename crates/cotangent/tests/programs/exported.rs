//! Every program, exported for JAX with its derivative: what is written is read back as the same function, and JAX runs and
//! differentiates it, if there is a Python for that.

use cotangent::prelude::*;
use cotangent::{Ref, import};

use super::common::{self, Tolerance, jax::Exports};
use super::{Case, Modes};

#[test]
fn programs_exported_for_jax_are_the_same_functions() {
    let exports = Exports::new("programs");
    let mut failures = Vec::new();
    for case in Case::all() {
        let f = case.f.clone();
        let order = usize::from(matches!(case.modes, Modes::Both | Modes::Reverse));
        let f = move |p: &Vec<Array>| f(p);
        let args = (case.inputs.clone(),);
        let added = exports.add::<(Ref<Vec<Array>>,), _>(&case.name, f, &args, |e| e.vjp_order(order), order > 0);
        let read = added.and_then(import::jax);
        match read {
            Ok(model) => {
                let got = jit(model.flat())(&case.inputs).swap_remove(0);
                let expected = (case.f)(&case.inputs);
                let near = Tolerance { relative: 1e-9, of_scale: 1e-9, absolute: 1e-12 };
                let difference = common::difference(&got, &expected, near);
                failures.extend(difference.map(|difference| format!("{}: {difference}", case.name)));
            }
            Err(error) => failures.push(format!("{}: {error}", case.name)),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    println!("{} programs", exports.check());
}
