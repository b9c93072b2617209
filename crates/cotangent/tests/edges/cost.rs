//! What programs cost, counted: equations, kernels, operations.

use cotangent::core::jaxpr::{Eqn, Jaxpr};
use cotangent::{Aval, lax, numpy as np, prelude::*};

/// The elements that the equations of a program compute, or read where those are more; to move them is no work.
fn elements(jaxpr: &Jaxpr) -> usize {
    const MOVES: [&str; 8] =
        ["broadcast_in_dim", "concatenate", "convert_element_type", "pad", "reshape", "rev", "slice", "transpose"];
    let size = |aval: &Aval| aval.shape.iter().product::<usize>();
    let of = |eqn: &Eqn| {
        let made: usize = eqn.outputs.iter().map(|v| size(&jaxpr.avals[v.index()])).sum();
        let read = eqn.inputs.iter().map(|a| size(&jaxpr.aval(a))).max().unwrap_or(0);
        let own = if MOVES.contains(&eqn.prim.name()) { 0 } else { made.max(read) };
        own + eqn.prim.jaxprs().iter().map(|j| elements(j)).sum::<usize>()
    };
    jaxpr.eqns.iter().map(of).sum()
}

/// The derivative of what selects or accumulates is a small multiple of its value, at any length, and so is the text
/// that the compiler gets.
#[test]
fn derivatives_of_selections_and_cumulative_operations_are_linear() {
    type F = fn(&Array) -> Array;
    let cases: [(&str, F); 11] = [
        ("max", |x| x.max()),
        ("argmax", |x| np::take(x, x.argmax())),
        ("top_k", |x| lax::top_k(x, x.size() / 2, 0).0.sum()),
        ("sort", |x| np::sort(x).at(3).get()),
        ("median", |x| np::median(x)),
        ("prod", |x| x.prod()),
        ("cumprod", |x| x.cumprod().sum()),
        ("cumsum", |x| x.cumsum().square().sum()),
        ("cummax", |x| x.cummax().sum()),
        ("cummin", |x| x.cummin().sum()),
        ("cumlogsumexp", |x| lax::cumlogsumexp(x, 0, false).sum()),
    ];
    for (name, f) in cases {
        let cost = |n: usize, order: usize| {
            let x = np::ones([n]);
            let program = match order {
                0 => make_jaxpr(f)(&x),
                1 => make_jaxpr(value_and_grad(f))(&x),
                _ => make_jaxpr(grad(move |x: &Array| grad(f)(x).square().sum()))(&x),
            };
            (elements(&program.jaxpr) as f64, program.jaxpr.eqns.len() as f64)
        };
        for order in [1, 2] {
            let [(short, few), (long, many)] = [1 << 12, 1 << 14].map(|n| cost(n, order));
            assert!(
                long <= 4.2 * short,
                "{name}, derivative {order}: {short} elements, at four times the length {long}"
            );
            assert!(many <= few * 1.7, "{name}, derivative {order}: {few} equations, at four times the length {many}");
            let value = cost(1 << 14, 0).0;
            assert!(
                long <= 16.0f64.powi(order as i32) * value,
                "{name}, derivative {order}: {long} elements for {value}"
            );
        }
    }
}
