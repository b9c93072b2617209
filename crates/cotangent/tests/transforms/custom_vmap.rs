//! Custom batching rules. Most rules here disagree with their functions on purpose, so that the result shows which of
//! the two was used.

use super::common;

use std::collections::BTreeMap;

use cotangent::{Custom, ErrorKind, Own, Ref, lax, prelude::*};

type Unary = Custom<(Ref<Array>,), Array>;
type Binary = Custom<(Ref<Array>, Ref<Array>), Array>;

fn times() -> Binary {
    custom_vmap(|x: &Array, y: &Array| x + y).def_vmap(|_, _, (x, y)| (x * y, true))
}

fn number(flag: bool, n: i32) -> i32 {
    if flag { n } else { 0 }
}

fn flagged() -> Binary {
    custom_vmap(|x: &Array, y: &Array| x * y)
        .def_vmap(|n, b, (x, y)| (x * y + number(b[0], 10) + number(b[1], 20) + n as i32, true))
}

fn cubed() -> Unary {
    custom_vmap(|x: &Array| x.powi(2)).def_vmap(|_, _, (x,)| (x.powi(3), true))
}

fn one_by_one() -> Binary {
    sequential_vmap(|x: &Array, y: &Array| x.sin() * y)
}

fn flat<A: Tree, B: Tree>((a, b): (A, B)) -> Vec<Array> {
    let mut leaves = cotangent::tree::Leaves::new();
    a.leaves(&mut leaves);
    b.leaves(&mut leaves);
    leaves.into_iter().cloned().collect()
}

fn run(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let derivative = |x: &Array, t: &Array| jvp(cubed(), (x,), (t,));
    Some(match name {
        "alone" => vec![times()(&x[0], &x[1])],
        "jitted" => vec![jit(times())(&x[0], &x[1])],
        "mapped" => vec![vmap(times())(&x[0], &x[1])],
        "mapped_jitted" => vec![vmap(jit(times()))(&x[0], &x[1])],
        "flags_first" => vec![vmap(flagged()).in_axes((0, None))(&x[0], &x[1])],
        "flags_second" => vec![vmap(flagged()).in_axes((None, 0))(&x[0], &x[1])],
        "axis_moved" => vec![vmap(flagged()).in_axes(1).out_axes(1)(&x[0], &x[1])],
        "two_results" | "two_results_out_none" => {
            let pair = custom_vmap(|x: &Array| (x.sin(), x.cos()))
                .def_vmap(|_, _, (x,)| ((x * 2.0, Array::scalar(7.0f64)), (true, false)));
            let axes = (0, if name == "two_results" { Some(0) } else { None });
            flat(vmap(pair).out_axes(axes)(&x[0]))
        }
        "tree_argument" => {
            type Params = BTreeMap<&'static str, Array>;
            let f = |p: &Params, x: &Array| &p["w"] * x + &p["b"];
            // The leaves in order: `b`, `w` and the other argument.
            let f = custom_vmap(f).def_vmap(|_, b, (p, x)| {
                (&p["w"] * x + &p["b"] + number(b[1], 10) + number(b[0], 20) + number(b[2], 40), true)
            });
            let p = BTreeMap::from([("w", x[0].clone()), ("b", x[1].clone())]);
            vec![vmap(f).in_axes((Axes::all(0).at("[b]", None), 0))(&p, &x[2])]
        }
        "jvp" => flat(derivative(&x[0], &x[1])),
        "vmap_of_jvp" => flat(vmap(derivative)(&x[0], &x[1])),
        "jvp_of_vmap" => flat(jvp(vmap(cubed()), (&x[0],), (&x[1],))),
        "grad_of_vmap" => vec![grad(|x: &Array| vmap(cubed())(x).sum())(&x[0])],
        "within_scan" => {
            let f = times();
            let step = |c: &Array, x: &Array| (f(c, x), c.clone());
            flat(vmap(|r: &Array| lax::scan(step, Array::scalar(1.0f64), r))(&x[0]))
        }
        "sequential" => vec![vmap(one_by_one())(&x[0], &x[1])],
        "sequential_shared" => vec![vmap(one_by_one()).in_axes((0, None))(&x[0], &x[1])],
        "sequential_twice" => vec![vmap(vmap(one_by_one()))(&x[0], &x[1])],
        _ => return None,
    })
}

#[test]
fn every_stored_program_gives_what_jax_gives() {
    common::compare_programs("custom_vmap.json", run);
}

fn near(a: &Array, b: &Array) {
    let tolerance = common::Tolerance { relative: 1e-12, of_scale: 1e-14, absolute: 1e-15 };
    assert_eq!(common::difference(a, b, tolerance), None);
}

/// If the rule agrees with its function, derivatives and batches equal those of the function.
#[test]
fn what_agrees_is_as_if_it_had_no_rule() {
    let plain = |x: &Array, y: &Array| x.sin() * y + y.powi(2);
    let ruled = || custom_vmap(plain).def_vmap(move |_, _, (x, y)| (plain(x, y), true));
    let looped = || sequential_vmap(plain);
    let (x, y) = (Array::from([0.1f64, 0.7, -0.4]), Array::from([1.5f64, -0.3, 0.2]));
    let scalar = Array::scalar(0.9f64);
    let both = cotangent::args!(0, 1);
    // Three ways: through the function itself, through the rule, and through a loop.
    macro_rules! same {
        (|$f:ident| $body:expr) => {{
            let expected = {
                let $f = plain;
                $body
            };
            for got in [
                {
                    let $f = ruled();
                    $body
                },
                {
                    let $f = looped();
                    $body
                },
            ] {
                let ((a, b), (c, d)) = (&got, &expected);
                near(a, c);
                near(b, d);
            }
        }};
    }
    same!(|f| vmap(grad(f).argnums(both))(&x, &y));
    same!(|f| vmap(grad(f).argnums(both)).in_axes((0, None))(&x, &scalar));
    same!(|f| vmap(grad(f).argnums(both)).in_axes((None, 0))(&scalar, &y));
    same!(|f| {
        let mapped = vmap(f);
        grad(|x: &Array, y: &Array| mapped(x, y).sum()).argnums(both)(&x, &y)
    });
    same!(|f| vmap(|x: &Array, t: &Array| jvp(|x: &Array| f(x, &scalar), (x,), (t,)))(&x, &y));
    same!(|f| (jacfwd(|x: &Array| f(x, &y))(&x), jacrev(|x: &Array| f(x, &y))(&x)));
    same!(|f| vmap(|x: &Array, y: &Array| {
        let second = |x: &Array| grad(|x: &Array| f(x, y))(x);
        (second(x), grad(second)(x))
    })(&x, &y));
    same!(|f| (jit(vmap(jit(f)))(&x, &y), Array::from(0.0)));
}

/// A second derivative of the rule, where a tangent is mapped but its argument is not. (JAX returns the wrong shape
/// there.)
#[test]
fn second_derivatives_of_a_rule() {
    let x = Array::from([0.5f64, -1.0, 2.0]);
    let second = |x: &Array| jvp(|x: &Array| jvp(cubed(), (x,), (&1.0.into(),)).1, (x,), (&1.0.into(),)).1;
    near(&vmap(second)(&x), &(6.0 * &x));
    let along = |t: &Array| jvp(cubed(), (&Array::scalar(2.0f64),), (t,)).1;
    near(&vmap(along)(&x), &(12.0 * &x));
}

/// An argument taken by value is moved into the function, as keys are.
#[test]
fn arguments_by_value() {
    let f: Custom<(Own<Array>,), Array> = custom_vmap(|x: Array| x + 1.0).def_vmap(|n, _, (x,)| (x + n as i32, true));
    assert_eq!(vmap(f)(Array::from([1.0f32, 2.0])).to_vec::<f32>(), [3.0, 4.0]);
}

fn says(error: &cotangent::Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn rules_that_are_wrong() {
    let x = Array::from([1.0f32, 2.0]);
    let at = |line: u32| format!("custom_vmap.rs:{line}:");
    let f = custom_vmap(|x: &Array| x + 1.0).def_vmap(|_, _, (x,)| (x.sum(), true));
    let error = vmap(f).try_call((&x,)).unwrap_err();
    says(&error, ErrorKind::Structure, &["custom_vmap", "f32[2]", "f32[]", &at(line!() - 2)]);
    let f = custom_vmap(|x: &Array| x + 1.0).def_vmap(|_, _, (x,)| (x.clone(), false));
    says(&vmap(f).try_call((&x,)).unwrap_err(), ErrorKind::Structure, &["f32[2]", "must be f32[]"]);
    let f = custom_vmap(|x: &Array| vec![x + 1.0]).def_vmap(|_, _, (x,)| (vec![x.clone(), x.clone()], true));
    says(&vmap(f).try_call((&x,)).unwrap_err(), ErrorKind::Structure, &["leaves", "[1]"]);
    let f = custom_vmap(|x: &Array| x + 1.0).def_vmap(|_, _, (x,)| (x.clone(), (true, false)));
    says(&vmap(f).try_call((&x,)).unwrap_err(), ErrorKind::Structure, &["axes that the rule returns", "`[0]`"]);
    let f = custom_vmap(|x: &Array| x + 1.0).def_vmap(|_, _, (x,)| (x.clone(), 1));
    says(&vmap(f).try_call((&x,)).unwrap_err(), ErrorKind::Structure, &["the batch axis first"]);
    // The rule receives the whole batch, so there is no axis to communicate over.
    let f = custom_vmap(|x: &Array| lax::psum(x, "i")).def_vmap(|_, _, (x,)| (lax::psum(x, "i"), true));
    says(&vmap(f).axis_name("i").try_call((&x,)).unwrap_err(), ErrorKind::Axis, &["psum", "`i`"]);
    let f = custom_vmap(|x: &Array| lax::psum(x, "i")).def_vmap(|_, _, (x,)| (x.sum(), false));
    assert_eq!(vmap(f).axis_name("i")(&x).to_vec::<f32>(), [3.0, 3.0]);
    // A rule may capture arrays, also inside the program of a loop.
    let constant = x.clone();
    let f = custom_vmap(|x: &Array| x + 1.0).def_vmap(move |_, _, (x,)| (x + &constant, true));
    assert_eq!(vmap(&*f)(&x).to_vec::<f32>(), [2.0, 4.0]);
    assert_eq!(vmap(jit(&*f))(&x).to_vec::<f32>(), [2.0, 4.0]);
    let looped = |x: &Array| lax::fori_loop(0, 2, |_: &Array, x: &Array| f(x), x.clone());
    assert_eq!(vmap(looped)(&x).to_vec::<f32>(), [3.0, 6.0]);
}

#[test]
fn what_a_mapped_function_captures() {
    let x = Array::from([1.0f32, 2.0]);
    let shared = Array::from(10.0);
    let plus = |y: &Array, rule: bool| {
        let y = y.clone();
        let f = move |x: &Array| x + &y;
        if rule { custom_vmap(f).def_vmap(|_, _, (x,)| (x.clone(), true)) } else { sequential_vmap(f) }
    };
    assert_eq!(vmap(plus(&shared, true))(&x).to_vec::<f32>(), [1.0, 2.0]);
    assert_eq!(vmap(|y: &Array| plus(y, false)(y))(&x).to_vec::<f32>(), [2.0, 4.0]);
    let error = vmap(|y: &Array| plus(y, true)(y)).try_call((&x,)).unwrap_err();
    says(&error, ErrorKind::Transform, &["custom_vmap", "captures", "argument of the function"]);
    let g = grad(|y: &Array| vmap(plus(y, false))(&x).sum())(&shared);
    assert_eq!(g.item::<f32>(), 2.0);
    let g = grad(|y: &Array| plus(y, true)(y))(&shared);
    assert_eq!(g.item::<f32>(), 2.0);
}
