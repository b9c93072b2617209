//! Error messages about mistakes in control flow and transforms, and the lines that they name.

use cotangent::prelude::*;
use cotangent::{checkify, custom_vjp, jacfwd, lax, linear_transpose};

type Mistake<'a> = (&'static str, Box<dyn Fn() -> Array + 'a>);

/// Errors name what differs, the line that created it, both types, and the code to write instead.
#[test]
fn errors_of_loops_and_choices_say_what_to_write() {
    let xs = Array::from([1.0f32, 2.0]);
    let error = |f: &(dyn Fn(&Array) -> Array + Send + Sync)| jit(|x: &Array| f(x)).try_call((&xs,)).unwrap_err();
    let told = |f: &(dyn Fn(&Array) -> Array + Send + Sync), line: u32, parts: &[&str]| {
        let error = error(f);
        let text = error.to_string();
        let missing: Vec<_> = parts.iter().filter(|part| !text.contains(**part)).collect();
        assert!(missing.is_empty(), "{missing:?} are not in: {text}");
        let at = error.location().expect("a line");
        assert!(at.file().ends_with("control_errors.rs") && at.line() == line, "line {line}: {text}");
        assert!(!text.contains("``"), "{text}");
    };
    let here = line!();
    told(
        &|xs| {
            let step = |c: &Array, x: &Array| {
                let next = c + x;
                (next.reshape(1), ())
            };
            lax::scan(step, Array::scalar(0.0f32), xs).0
        },
        here + 5,
        &["scan: the carry must keep its type", "the body takes f32[]", "but returns f32[1]", ".reshape([])"],
    );
    let here = line!();
    told(
        &|xs| {
            let step = |(n, c): &(Array, Array), x: &Array| ((n + 1, (c + x).astype(DType::F64)), ());
            lax::scan(step, (Array::scalar(0i32), Array::scalar(0.0f32)), xs).0.1
        },
        here + 3,
        &["the leaf `[1]` of the carry", "f32[]", "f64[]", ".astype(DType::F32)", "start from f64[]"],
    );
    // A number in place of an array of another dtype.
    let here = line!();
    told(
        &|xs| {
            let step = |(_, c): &(Array, Array), _: &Array| ((c * 2.0, c + 1.0), ());
            lax::scan(step, (Array::scalar(0i32), Array::from(0.0)), xs).0.1
        },
        here + 4,
        &["the leaf `[0]` of the carry", "i32[]", "f32[]", ".astype(DType::I32)"],
    );
    let here = line!();
    told(
        &|xs| lax::while_loop(|x: &Array| x.less(3.0).all(), |x: &Array| x.sum(), xs),
        here + 2,
        &["while_loop: the state", "f32[2]", "f32[]"],
    );
    let here = line!();
    told(&|xs| lax::while_loop(|x: &Array| x.less(3.0), |x: &Array| x * 2.0, xs), here + 1, &["bool[2]", ".any()"]);
    let here = line!();
    told(
        &|xs| lax::fori_loop(0, 3, |i: &Array, x: &Array| x.sum() * i, xs),
        here + 2,
        &["fori_loop: the state", "f32[2]", "f32[]"],
    );
    let here = line!();
    told(&|xs| lax::repeat(3, xs, |x: &Array| x.sum()), here + 1, &["repeat: the state", "f32[2]", "f32[]"]);
    let here = line!();
    told(
        &|xs| lax::cond(xs.sum().greater(0.0), || xs.clone(), || xs.sum()),
        here + 2,
        &[
            "cond: the result must have the same type",
            "the first function returns f32[2]",
            "the second function returns f32[]",
        ],
    );
    let here = line!();
    told(
        &|xs| lax::switch(1, &[&|| (xs.clone(), xs.sum()), &|| (xs.clone(), xs.astype(DType::I32))]).0,
        here + 2,
        &["switch: the leaf `[1]` of the result", "function 0 returns f32[]", "function 1 returns i32[2]"],
    );
    let here = line!();
    told(
        &|xs| lax::custom_linear_solve(|x: &Array| x.sum(), |_, b| b.clone()).symmetric().solve(xs),
        here + 2,
        &["custom_linear_solve: the result of `matvec` must have the type of its argument", "f32[2]", "f32[]"],
    );
    let here = line!();
    told(
        &|xs| lax::custom_root(|x: &Array| x - 1.0, xs, |_, x| x.sum(), |_, b| b.clone()),
        here + 2,
        &["custom_root: the solution must have the type of the guess", "f32[2]", "f32[]"],
    );
    let here = line!();
    told(&|xs| lax::associative_scan(|a: &Array, _: &Array| a.sum(), xs), here + 1, &["associative_scan", "f32[]"]);
    let here = line!();
    told(&|xs| lax::Map::new().batch_size(2).run(|x: &Array| x.clone(), &xs.sum()), here + 1, &["map", "no axis"]);
}

/// Errors of transforms name a line of the user's code.
#[test]
fn errors_of_transforms_name_a_line_of_the_user() {
    let xs = Array::from([1.0f32, 2.0]);
    let one = Array::from(1.0);
    let back_only = custom_vjp(|x: &Array| x.sin()).defvjp(|(x,)| (x.sin(), x.clone()), |x, ct| (ct * x.cos(),));
    let back_only = &*back_only;
    let sine = |x: &Array| back_only(x);
    let turns = |x: &Array| lax::while_loop(|x: &Array| x.less(10.0), |x: &Array| x * 2.0, x);
    let checked = |x: &Array| {
        lax::cond(
            x.greater(0.0),
            || {
                checkify::check(x.less(1.0), "small", ());
                x.clone()
            },
            || -x,
        )
    };
    let cases: Vec<Mistake<'_>> = vec![
        ("jvp of custom_vjp", Box::new(|| jvp(sine, (&one,), (&one,)).1)),
        ("jit", Box::new(|| jit(|x: &Array| jvp(sine, (x,), (&one,)).1)(&one))),
        ("vmap of jvp", Box::new(|| vmap(|x: &Array| jvp(sine, (x,), (x,)).1)(&xs))),
        ("jvp of vmap", Box::new(|| jvp(vmap(sine), (&xs,), (&xs,)).1)),
        ("in a scan", Box::new(|| jvp(|x: &Array| lax::repeat(2, x, sine), (&one,), (&one,)).1)),
        ("in a branch", Box::new(|| jvp(|x: &Array| lax::cond(true, || sine(x), || x.clone()), (&one,), (&one,)).1)),
        ("jacfwd of custom_vjp", Box::new(|| jacfwd(sine)(&one))),
        ("grad of while_loop", Box::new(|| grad(turns)(&one))),
        ("jit(grad) of while_loop", Box::new(|| jit(grad(turns))(&one))),
        ("grad of while_loop in scan", Box::new(|| grad(|x: &Array| lax::repeat(2, x, turns))(&one))),
        ("grad of while_loop in vmap", Box::new(|| grad(|x: &Array| vmap(turns)(x).sum())(&xs))),
        ("transpose of sine", Box::new(|| linear_transpose(|x: &Array| x.sin(), (&one,))(&one).0)),
        ("checks for some elements", Box::new(|| vmap(checked)(&xs))),
        ("a check without checkify", Box::new(|| jit(checked)(&one))),
        ("grad of a vector", Box::new(|| grad(|x: &Array| x.clone())(&xs))),
        ("vmap over a scalar", Box::new(|| vmap(|x: &Array| x.clone())(&one))),
        ("sizes in vmap", Box::new(|| vmap(|x: &Array, y: &Array| x + y)(&xs, &Array::from([1.0])))),
        ("tangents of another shape", Box::new(|| jvp(|x: &Array| x.clone(), (&one,), (&xs,)).1)),
        ("a cotangent of another shape", Box::new(|| vjp(|x: &Array| x.clone(), (&one,)).1(&xs).0)),
        ("linearize, another shape", Box::new(|| linearize(|x: &Array| x.clone(), (&one,)).1(&xs))),
        ("a program of other shapes in a scan", Box::new(|| lax::repeat(2, &xs, |x: &Array| x.dot(np::ones(3))))),
        ("no axis", Box::new(|| vmap(|x: &Array| lax::psum(x, "i"))(&xs))),
        ("a bound that is no integer", Box::new(|| lax::fori_loop(0, 1.5, |_, x: &Array| x.clone(), &one))),
        ("a predicate that is no scalar", Box::new(|| lax::cond(&xs, || one.clone(), || one.clone()))),
        ("a switch of nothing", Box::new(|| lax::switch::<Array>(0, &[]))),
    ];
    for (name, f) in cases {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err();
        let caught = caught.unwrap_or_else(|| panic!("{name}: no error"));
        let text = caught.downcast_ref::<String>().unwrap_or_else(|| panic!("{name}: no text"));
        assert!(text.contains("edges/control_errors.rs:"), "{name}: {text}");
        assert!(!text.contains("src/"), "{name}: {text}");
    }
}
