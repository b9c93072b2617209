//! Makes a program smaller before the compiler sees it. Common subexpressions are computed once, equations that only
//! forward a value are removed, and known scalars are folded. The compiler's time grows with the number of equations.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::array::literal::Literal;
use crate::ir::effects::Effects;
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr, Var};
use crate::ir::primitive::Primitive;

/// An equation, identified by what it computes.
struct Key {
    prim: Arc<dyn Primitive>,
    inputs: SmallVec<[Atom; 3]>,
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.inputs == other.inputs && *self.prim == *other.prim
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.prim.hash(state);
        self.inputs.hash(state);
    }
}

/// Returns the program with fewer equations. Inputs and the types of results do not change.
pub(crate) fn simplify(jaxpr: &Jaxpr) -> Jaxpr {
    let mut known: FxHashMap<Key, SmallVec<[Var; 1]>> = FxHashMap::default();
    // What each variable is replaced by.
    let mut current: Vec<Atom> = (0..jaxpr.avals().len() as u32).map(|i| Atom::Var(Var(i))).collect();
    let mut eqns: Vec<Eqn> = Vec::with_capacity(jaxpr.eqns().len());
    for eqn in jaxpr.eqns() {
        let inputs: SmallVec<[Atom; 3]> = (eqn.inputs.iter())
            .map(|atom| match atom {
                Atom::Var(var) => current[var.index()],
                literal => *literal,
            })
            .collect();
        if let [out] = eqn.outputs[..] {
            let aval = &jaxpr.avals()[out.index()];
            // A forwarded value must have exactly the same type; otherwise the type of the program could change.
            if eqn.prim.is_identity() && jaxpr.aval(&inputs[0]) == *aval {
                current[out.index()] = inputs[0];
                continue;
            }
            let literals: Option<SmallVec<[Literal; 4]>> = inputs.iter().map(|a| a.literal()).collect();
            if let (0, Some(literals)) = (aval.rank(), literals)
                && !literals.is_empty()
                && let Some(value) = eqn.prim.fold(&literals)
            {
                current[out.index()] = Atom::Lit(value.convert(aval.dtype, aval.weak_type));
                continue;
            }
        }
        // Comparing nested programs costs more than it saves.
        if eqn.prim.jaxprs().is_empty() && eqn.prim.effects() == Effects::NONE {
            let key = Key { prim: eqn.prim.clone(), inputs: inputs.clone() };
            if let Some(outputs) = known.get(&key)
                && outputs.iter().zip(&eqn.outputs).all(|(a, b)| jaxpr.avals()[a.index()] == jaxpr.avals()[b.index()])
            {
                for (var, same) in eqn.outputs.iter().zip(outputs) {
                    current[var.index()] = Atom::Var(*same);
                }
                continue;
            }
            known.insert(key, eqn.outputs.iter().copied().collect());
        }
        eqns.push(Eqn { prim: eqn.prim.clone(), inputs, outputs: eqn.outputs.clone(), loc: eqn.loc });
    }
    let outputs = (jaxpr.outputs().iter())
        .map(|atom| match atom {
            Atom::Var(var) => current[var.index()],
            literal => *literal,
        })
        .collect();
    Jaxpr::new(jaxpr.avals().to_vec(), jaxpr.inputs().to_vec(), eqns, outputs)
}

/// Returns the results of a program for scalars, if every equation knows its result exactly.
pub(crate) fn fold(jaxpr: &Jaxpr, args: &[Literal]) -> Option<Vec<Literal>> {
    let mut env: Vec<Option<Literal>> = vec![None; jaxpr.avals().len()];
    for (var, arg) in jaxpr.inputs().iter().zip(args) {
        env[var.index()] = Some(*arg);
    }
    let read = |env: &[Option<Literal>], atom: &Atom| match atom {
        Atom::Var(var) => env[var.index()],
        Atom::Lit(literal) => Some(*literal),
    };
    for eqn in jaxpr.eqns() {
        let [out] = eqn.outputs[..] else { return None };
        let aval = &jaxpr.avals()[out.index()];
        if aval.rank() > 0 || eqn.inputs.is_empty() {
            return None;
        }
        let inputs: SmallVec<[Literal; 4]> = eqn.inputs.iter().map(|a| read(&env, a)).collect::<Option<_>>()?;
        env[out.index()] = Some(eqn.prim.fold(&inputs)?.convert(aval.dtype, aval.weak_type));
    }
    jaxpr.outputs().iter().map(|a| read(&env, a)).collect()
}

#[cfg(test)]
mod tests {
    use super::simplify;
    use crate::prelude::*;

    fn names(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> Vec<&'static str> {
        let before = make_jaxpr(f)(x).jaxpr;
        let after = simplify(&before);
        assert!(before.output_avals().eq(after.output_avals()));
        after.eqns().iter().map(|e| e.prim.name()).collect()
    }

    #[test]
    fn what_is_computed_twice_is_computed_once() {
        let x = Array::from([1.0f32, 2.0]);
        assert_eq!(names(|x| x.sin() * x.sin() + x.sin(), &x), ["sin", "mul", "add"]);
        // The second product is the same once its operands are.
        assert_eq!(names(|x| (x.sin() * x).exp() - (x.sin() * x).exp(), &x), ["sin", "mul", "exp", "sub"]);
        // Other parameters, other operands, or another order of operands mean other values.
        assert_eq!(names(|x| x.powi(2) + x.powi(3) + (x - 1.0) + (1.0 - x), &x).len(), 7);
    }

    #[test]
    fn what_only_hands_on_is_left_out() {
        let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
        assert_eq!(names(|x| x.stop_gradient().reshape((2, 2)).sin(), &x), ["sin"]);
        assert_eq!(names(|x| x.t().sin(), &x), ["transpose", "sin"]);
        assert_eq!(names(|x| crate::checkpoint_name(x, "x"), &x), [""; 0]);
        // The weak type is part of the type that a program is traced for.
        assert_eq!(names(|x| (x.sum() * 0.0 + 2.0).sin(), &x), ["reduce_sum", "mul", "add", "sin"]);
    }
}
