//! The transformations of a program.

use cotangent::prelude::*;

use super::{Case, Modes};

type Leaves = Vec<Array>;

fn inner(a: &Leaves, b: &Leaves) -> Array {
    let terms = a.iter().zip(b).map(|(x, y)| (x * y).sum());
    terms.reduce(|a, b| a + b).expect("there are arguments")
}

/// Returns the results of each transformation by its name in the golden script.
pub(crate) fn all(case: &Case, p: &Leaves, t: &Leaves, ct: &Array) -> Vec<(String, Leaves)> {
    let f = |p: &Leaves| (case.f)(p);
    let s = |p: &Leaves| f(p).sum();
    let on_first = |x: &Array| -> Leaves { std::iter::once(x).chain(&p[1..]).cloned().collect() };
    let first = |x: &Array| f(&on_first(x));
    let pairs: Leaves = p.iter().zip(t).map(|(x, u)| np::stack(&[x, &(x + 0.1 * u)], 0)).collect();
    let along = |p: &Leaves| jvp(f, (p,), (t,)).1;
    let mut out = Vec::new();
    let mut add = |what: &str, leaves: Leaves| out.push((what.to_string(), leaves));
    add("jit", vec![jit(f)(p)]);
    add("vmap", vec![vmap(f)(&pairs)]);
    add("checkpoint", vec![checkpoint(f)(p)]);
    if case.modes == Modes::Value {
        return out;
    }
    if case.modes != Modes::Reverse {
        let (y, dy) = jvp(f, (p,), (t,));
        add("jvp", vec![y, dy]);
        add("jacfwd", vec![jacfwd(first)(&p[0])]);
        add("jvp of jvp", vec![jvp(along, (p,), (t,)).1]);
        add("vmap of jvp", vec![vmap(along)(&pairs)]);
    }
    if case.modes == Modes::Forward {
        return out;
    }
    let gradient = |p: &Leaves| grad(s)(p);
    add("grad", gradient(p));
    let (value, g) = value_and_grad(s)(p);
    add("value_and_grad", std::iter::once(value).chain(g).collect());
    add("jit of grad", jit(grad(s))(p));
    add("grad of jit", grad(jit(s))(p));
    add("vjp", vjp(f, (p,)).1(ct).0);
    add("jacrev", vec![jacrev(first)(&p[0])]);
    add("vmap of grad", vmap(gradient)(&pairs));
    add("grad of vmap", grad(|pairs: &Leaves| vmap(s)(pairs).square().sum())(&pairs));
    add("grad of checkpoint", grad(checkpoint(s))(p));
    add("grad of grad", grad(|p: &Leaves| inner(&gradient(p), &gradient(p)))(p));
    add("hvp reverse over reverse", grad(|p: &Leaves| inner(&gradient(p), t))(p));
    if case.modes == Modes::Both {
        let hvp = |p: &Leaves| jvp(gradient, (p,), (t,)).1;
        add("linearize", vec![linearize(f, (p,)).1(t)]);
        add("hessian", vec![hessian(|x: &Array| s(&on_first(x)))(&p[0])]);
        add("hvp forward over reverse", hvp(p));
        add("hvp reverse over forward", grad(|p: &Leaves| jvp(s, (p,), (t,)).1)(p));
        add("vmap of hvp", vmap(hvp)(&pairs));
    }
    out
}
