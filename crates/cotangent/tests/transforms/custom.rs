//! Custom derivative rules, rematerialization and implicit differentiation, against known derivatives and against the
//! same functions without the rules, under every composition of transforms.

use cotangent::{ErrorKind, checkpoint_name, checkpoint_policies, lax, prelude::*};

fn log1pexp(x: &Array) -> Array {
    let f = custom_jvp(|x: &Array| (1.0 + x.exp()).log());
    f.defjvp(|(x,), (t,)| (log1pexp(x), t * x.logistic()))(x)
}

/// log(1 + eˣ) by a custom_vjp whose backward rule returns `wrong` times the true derivative.
fn log1pexp_vjp(x: &Array, wrong: f64) -> Array {
    let f = custom_vjp(|x: &Array| (1.0 + x.exp()).log());
    f.defvjp(move |(x,)| (log1pexp_vjp(x, wrong), x.clone()), move |x, ct| (wrong * ct * x.logistic(),))(x)
}

fn xs() -> Array {
    Array::from([-1.5, 0.25, 0.75, 2.0])
}

fn close(a: &Array, b: &Array, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    for (a, b) in a.to_vec::<f64>().iter().zip(b.to_vec::<f64>()) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{a} against {b}");
    }
}

fn logistic(x: &Array) -> Array {
    x.logistic()
}

#[test]
fn a_custom_jvp_is_used_in_both_modes_and_at_every_order() {
    let x = xs();
    let sum = |x: &Array| log1pexp(x).sum();
    close(&grad(sum)(&x), &logistic(&x), 1e-15);
    let (_, t) = jvp(log1pexp, (&x,), (&Array::from([1.0, 2.0, 3.0, 4.0]),));
    close(&t, &(logistic(&x) * Array::from([1.0, 2.0, 3.0, 4.0])), 1e-15);
    let second = |x: &Array| logistic(x) * (1.0 - logistic(x));
    close(&vmap(grad(grad(log1pexp)))(&x), &second(&x), 1e-14);
    close(&jit(vmap(grad(grad(log1pexp))))(&x), &second(&x), 1e-14);
    let third = |x: &Array| second(x) * (1.0 - 2.0 * logistic(x));
    close(&vmap(grad(grad(grad(log1pexp))))(&x), &third(&x), 1e-13);
    close(&vmap(jacfwd(grad(log1pexp)))(&x), &second(&x), 1e-14);
    close(&vmap(jacrev(jacfwd(log1pexp)))(&x), &second(&x), 1e-14);
    // The custom rule is used, not the derivative of the formula, which overflows at 1000.
    assert_eq!(grad(log1pexp)(&Array::from([1000.0]).reshape(())).item::<f64>(), 1.0);
    assert!(grad(|x: &Array| (1.0 + x.exp()).log())(&Array::from([1000.0]).reshape(())).item::<f64>().is_nan());
}

#[test]
fn a_custom_jvp_survives_every_wrapper() {
    let x = xs();
    let expected = logistic(&x);
    // Batched before it is differentiated.
    close(&grad(|x: &Array| vmap(log1pexp)(x).sum())(&x), &expected, 1e-15);
    // Inside a jitted function, a scan, both branches of a cond, and a checkpoint.
    close(&grad(|x: &Array| jit(log1pexp)(x).sum())(&x), &expected, 1e-15);
    close(&grad(|x: &Array| lax::map(log1pexp, x).sum())(&x), &expected, 1e-15);
    close(&grad(|x: &Array| checkpoint(log1pexp)(x).sum())(&x), &expected, 1e-15);
    let branch = |x: &Array| lax::cond(x.greater(0.0), || log1pexp(x), || log1pexp(x));
    close(&vmap(grad(branch))(&x), &expected, 1e-15);
    let twice = |x: &Array| lax::fori_loop(0, 2, |_, y: &Array| log1pexp(y), x.clone());
    let chain = |x: &Array| logistic(x) * logistic(&log1pexp(x));
    close(&vmap(grad(twice))(&x), &chain(&x), 1e-14);
    close(&vmap(jacfwd(twice))(&x), &chain(&x), 1e-14);
    let until = |x: &Array| lax::while_loop(|y: &Array| y.less(3.0), |y: &Array| log1pexp(y) + 1.0, x.clone());
    let (_, t) = jvp(until, (&Array::from([2.5]).reshape(()),), (&Array::from([1.0]).reshape(()),));
    close(&t, &logistic(&Array::from([2.5]).reshape(())), 1e-15);
    // A batch in which not every argument is mapped.
    let product = custom_jvp(|x: &Array, y: &Array| x * y).defjvp(|(x, y), (dx, dy)| (x * y, 3.0 * (dx * y + x * dy)));
    let f = |x: &Array, y: &Array| vmap(&*product).in_axes((0, None))(x, y).sum();
    let y = Array::from([2.0]).reshape(());
    let (dx, dy) = grad(f).argnums(args!(0, 1))(&x, &y);
    close(&dx, &Array::from([6.0, 6.0, 6.0, 6.0]), 1e-15);
    close(&dy, &(3.0 * x.sum()), 1e-15);
}

#[test]
fn a_custom_vjp_is_used_in_reverse_mode_and_under_vmap() {
    let x = xs();
    let f = |x: &Array| log1pexp_vjp(x, 2.0);
    let expected = 2.0 * logistic(&x);
    close(&grad(|x: &Array| f(x).sum())(&x), &expected, 1e-15);
    close(&vmap(grad(f))(&x), &expected, 1e-15);
    close(&grad(|x: &Array| vmap(f)(x).sum())(&x), &expected, 1e-15);
    close(&jit(grad(|x: &Array| jit(f)(x).sum()))(&x), &expected, 1e-15);
    close(&grad(|x: &Array| lax::map(f, x).sum())(&x), &expected, 1e-15);
    close(&grad(|x: &Array| checkpoint(f)(x).sum())(&x), &expected, 1e-15);
    close(&vmap(grad(|x: &Array| lax::cond(x.greater(0.0), || f(x), || f(x))))(&x), &expected, 1e-15);
    // The second-order derivative differentiates the backward rule itself.
    let second = 2.0 * logistic(&x) * (1.0 - logistic(&x));
    close(&vmap(grad(grad(f)))(&x), &second, 1e-14);
    close(&vmap(jacfwd(grad(f)))(&x), &second, 1e-14);
    close(&grad(|x: &Array| vmap(grad(f))(x).sum())(&x), &second, 1e-14);
}

#[test]
fn a_shared_argument_gets_the_sum_over_a_batch() {
    let scale = custom_vjp(|x: &Array, s: &Array| x * s)
        .defvjp(|(x, s)| (x * s, (x.clone(), s.clone())), |(x, s), ct| (ct * s, ct * x));
    let x = xs();
    let f = |x: &Array, s: &Array| vmap(&*scale).in_axes((0, None))(x, s).sum();
    let (dx, ds) = grad(f).argnums(args!(0, 1))(&x, &Array::from([3.0]).reshape(()));
    close(&dx, &Array::from([3.0, 3.0, 3.0, 3.0]), 1e-15);
    close(&ds, &x.sum(), 1e-15);
    // The cotangent does not depend on the batch, but each element of the batch contributes to the result.
    let f = |x: &Array, s: &Array| vmap(|x: &Array| scale(&x.stop_gradient(), s)).in_axes(0)(x).sum();
    close(&grad(f).argnums(args!(1))(&x, &Array::from([3.0]).reshape(())), &x.sum(), 1e-15);
}

#[test]
fn trees_integers_and_static_values_pass_through_rules() {
    #[derive(Clone, Tree)]
    struct Input {
        x: Array,
        times: Array,
        #[tree(static)]
        power: i32,
    }
    let f = custom_vjp(|a: &Input| (a.x.powi(a.power) * a.times.astype(DType::F64)).sum()).defvjp(
        |(a,)| ((a.x.powi(a.power) * a.times.astype(DType::F64)).sum(), a.clone()),
        |a, ct| {
            let slope = f64::from(a.power) * a.x.powi(a.power - 1) * a.times.astype(DType::F64);
            (Input { x: ct * slope, ..a.clone() },)
        },
    );
    let at = |x: &Array| f(&Input { x: x.clone(), times: Array::from([2, 1, 0, 5]), power: 3 });
    let x = xs();
    close(&grad(at)(&x), &(3.0 * x.powi(2) * Array::from([2.0, 1.0, 0.0, 5.0])), 1e-15);

    let g = custom_jvp(|x: &Array, n: &Array| x * n.astype(DType::F64)).defjvp(|(x, n), (dx, dn)| {
        assert!(dn.dtype().is_integer(), "an integer has an integer zero for tangent");
        (x * n.astype(DType::F64), 7.0 * dx)
    });
    let slope = grad(|x: &Array| g(x, &2.into()))(&Array::from([1.0]).reshape(()));
    assert_eq!(slope.item::<f64>(), 7.0);
}

#[test]
fn wrong_rules_are_told_at_the_users_line() {
    let x = xs();
    let shape = custom_jvp(|x: &Array| x.sin()).defjvp(|(x,), (t,)| (x.sin(), t.sum()));
    let error = grad(|x: &Array| shape(x).sum()).try_call((&x,)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Structure);
    assert!(error.message().contains("the tangent that the rule returns must be f64[4], got f64[]"), "{error}");
    assert!(error.location().is_some_and(|l| l.file().ends_with("custom.rs")), "{error}");

    let captured = Array::from([2.0]).reshape(());
    let in_captured = |w: &Array| {
        let w = w.clone();
        custom_jvp(move |x: &Array| x * &w).defjvp(|(x,), (t,)| (x.clone(), t.clone()))(&Array::from([1.0]).reshape(()))
    };
    let error = grad(in_captured).try_call((&captured,)).unwrap_err();
    assert!(error.message().contains("differentiated with respect to a captured value"), "{error}");

    let reverse_only = |x: &Array| log1pexp_vjp(x, 1.0).sum();
    let error = jit(|x: &Array| jvp(reverse_only, (x,), (x,)).1).try_call((&x,)).unwrap_err();
    assert!(error.message().contains("reverse mode only"), "{error}");

    let one =
        custom_vjp(|x: &Array, y: &Array| x * y).argnums(args!(0)).defvjp(|(x, y)| (x * y, y.clone()), |y, ct| ct * y);
    let error = grad(|x: &Array| one(x, x).sum()).try_call((&x,)).unwrap_err();
    assert!(error.message().contains("which it declares not differentiable"), "{error}");
    close(&grad(|x: &Array| one(x, &x.stop_gradient()).sum())(&x), &x, 1e-15);

    // A rule whose primal result depends on the tangents.
    let mixed = custom_jvp(|x: &Array| x.sin()).defjvp(|(x,), (t,)| (x.sin() + 0.0 * t, t.clone()));
    let error = grad(|x: &Array| mixed(x).sum()).try_call((&x,)).unwrap_err();
    assert!(error.message().contains("a primal result of a jvp rule depends on tangents"), "{error}");
}

/// A chain of layers with a matrix product each.
fn layers(x: &Array, w: &Array, wrap: &dyn Fn(&Array, &Array) -> Array) -> Array {
    (0..3).fold(x.clone(), |x, _| wrap(&x, w)).sum()
}

fn layer(x: &Array, w: &Array) -> Array {
    checkpoint_name(&w.dot(x).sin(), "sine").sin()
}

#[test]
fn checkpoint_changes_no_value_under_any_policy() {
    let w = Array::from([[0.5, -0.2, 0.1, 0.7], [0.3, 0.9, -0.4, 0.2], [-0.6, 0.1, 0.8, 0.3], [0.2, 0.4, 0.6, -0.5]]);
    let x = xs();
    let plain = |x: &Array, w: &Array| layers(x, w, &layer);
    let (dx, dw) = grad(plain).argnums(args!(0, 1))(&x, &w);
    let h = hessian(plain)(&x, &w);
    let (_, t) = jvp(plain, (&x, &w), (&xs(), &w));
    for policy in [
        checkpoint_policies::nothing_saveable(),
        checkpoint_policies::everything_saveable(),
        checkpoint_policies::dots_saveable(),
        checkpoint_policies::dots_with_no_batch_dims_saveable(),
        checkpoint_policies::save_only_these_names(["sine"]),
        checkpoint_policies::save_any_names_but_these(["sine"]),
        checkpoint_policies::save_anything_except_these_names(["sine"]),
        checkpoint_policies::save_from_both_policies(
            checkpoint_policies::dots_saveable(),
            checkpoint_policies::save_only_these_names(["sine"]),
        ),
    ] {
        let f =
            |x: &Array, w: &Array| layers(x, w, &|x: &Array, w: &Array| checkpoint(layer).policy(policy.clone())(x, w));
        let (cx, cw) = grad(f).argnums(args!(0, 1))(&x, &w);
        close(&cx, &dx, 1e-14);
        close(&cw, &dw, 1e-14);
        close(&hessian(f)(&x, &w), &h, 1e-13);
        close(&jvp(f, (&x, &w), (&xs(), &w)).1, &t, 1e-14);
        let batch = np::stack(&[&x, &(2.0 * &x)], 0);
        close(&vmap(grad(f)).in_axes((0, None))(&batch, &w), &vmap(grad(plain)).in_axes((0, None))(&batch, &w), 1e-14);
    }
}

/// Returns how often a primitive occurs in a program, including nested programs.
fn occurrences(jaxpr: &cotangent::Jaxpr, name: &str) -> usize {
    let here = |e: &cotangent::extend::Eqn| usize::from(e.prim().name() == name);
    let inside = |e: &cotangent::extend::Eqn| e.prim().jaxprs().iter().map(|j| occurrences(j, name)).sum::<usize>();
    jaxpr.eqns().iter().map(|e| here(e) + inside(e)).sum()
}

#[test]
fn policies_decide_what_is_computed_again() {
    let w = Array::from([[0.5, -0.2], [0.3, 0.9]]);
    let x = Array::from([0.1, 0.2]);
    let count = |policy: cotangent::Policy, name: &str| {
        let f = checkpoint(layer).policy(policy);
        let program =
            make_jaxpr(value_and_grad(move |x: &Array, w: &Array| f(x, w).sum()).argnums(args!(0, 1)))(&x, &w);
        occurrences(&program.jaxpr, name)
    };
    // One in the forward pass, one for each of the two arguments in the backward pass, and one more if it is
    // recomputed.
    assert_eq!(count(checkpoint_policies::everything_saveable(), "dot_general"), 3);
    assert_eq!(count(checkpoint_policies::dots_saveable(), "dot_general"), 3);
    assert_eq!(count(checkpoint_policies::nothing_saveable(), "dot_general"), 4);
    // cos(w·x) is needed itself, so the product is recomputed even if the sine is saved.
    assert_eq!(count(checkpoint_policies::save_only_these_names(["sine"]), "dot_general"), 4);
    assert_eq!(count(checkpoint_policies::everything_saveable(), "sin"), 2);
    assert_eq!(count(checkpoint_policies::dots_saveable(), "sin"), 3);
    assert_eq!(count(checkpoint_policies::save_only_these_names(["sine"]), "sin"), 2);
    // The policy applies to the primitives inside a jitted function.
    let f = checkpoint(jit(layer)).policy(checkpoint_policies::dots_saveable());
    let program = make_jaxpr(value_and_grad(move |x: &Array, w: &Array| f(x, w).sum()).argnums(args!(0, 1)))(&x, &w);
    assert_eq!(occurrences(&program.jaxpr, "dot_general"), 3);
}

#[test]
fn the_compiler_does_not_merge_the_second_run_with_the_first() {
    let (x, w) = (np::ones((16, 16)), np::ones((16, 16)));
    let products = |prevent: bool| {
        let two = |x: &Array, w: &Array| w.dot(w.dot(x).sin()).sin();
        let f = checkpoint(two).prevent_cse(prevent);
        let f = jit(value_and_grad(move |x: &Array, w: &Array| f(x, w).sum()));
        f.lower((&x, &w)).unwrap().optimized_hlo().unwrap().matches(" dot(").count()
    };
    // Two in the forward pass, two in the backward pass, and the first two once more.
    assert_eq!((products(true), products(false)), (6, 4));
}

#[test]
fn a_scan_of_checkpointed_steps_saves_only_its_carry() {
    let w = Array::from([[0.5, -0.2], [0.3, 0.9]]);
    let run = |remat: bool| {
        move |w: &Array| {
            let step = |x: &Array| w.dot(x).sin().sin().sin();
            let body = |x: &Array, (): &()| (if remat { checkpoint(step)(x) } else { step(x) }, ());
            lax::Scan::new().length(10).run(body, Array::from([0.1, 0.2]), &()).0.sum()
        }
    };
    close(&grad(run(true))(&w), &grad(run(false))(&w), 1e-14);
    let stacked = |remat: bool| {
        let program = make_jaxpr(grad(run(remat)))(&w);
        let scan = program.jaxpr.eqns().iter().find(|e| e.prim().name() == "scan").expect("a scan");
        scan.outputs().iter().filter(|v| program.jaxpr.avals()[v.index()].shape.first() == Some(&10)).count()
    };
    assert_eq!(stacked(true), 1, "the carry");
    assert!(stacked(false) > 1);
}

fn square_root(a: &Array) -> Array {
    let bisect = |f: &dyn Fn(&Array) -> Array, guess: &Array| {
        let start = (guess * 0.0, guess * 0.0 + 10.0);
        let narrow = |(low, high): &(Array, Array)| {
            let middle = (low + high) * 0.5;
            let above = f(&middle).greater(0.0);
            (np::where_(&above, low, &middle), np::where_(&above, &middle, high))
        };
        let wide = |(low, high): &(Array, Array)| (high - low).greater(1e-14);
        lax::while_loop(wide, narrow, start).0
    };
    let one = Array::from([1.0]).reshape(());
    lax::custom_root(|x: &Array| x * x - a, &one, bisect, |g, b| b / g(&one))
}

#[test]
fn a_root_is_differentiated_implicitly() {
    let x = Array::from([0.25, 1.0, 4.0, 9.0]);
    close(&vmap(square_root)(&x), &x.sqrt(), 1e-12);
    close(&vmap(grad(square_root))(&x), &(0.5 / x.sqrt()), 1e-12);
    close(&vmap(grad(grad(square_root)))(&x), &(-0.25 / x.pow(1.5)), 1e-11);
    close(&vmap(jacfwd(square_root))(&x), &(0.5 / x.sqrt()), 1e-12);
    close(&vmap(jacfwd(jacrev(square_root)))(&x), &(-0.25 / x.pow(1.5)), 1e-11);
    close(&grad(|x: &Array| vmap(square_root)(x).sum())(&x), &(0.5 / x.sqrt()), 1e-12);
    close(&jit(grad(|x: &Array| lax::map(square_root, x).sum()))(&x), &(0.5 / x.sqrt()), 1e-12);
    close(
        &grad(|x: &Array| checkpoint(square_root)(x))(&x.slice_axis(0, 2, 3).reshape(())),
        &Array::from([0.25]).reshape(()),
        1e-12,
    );
}

/// Solves a system by Jacobi iteration, which reverse mode cannot differentiate directly.
fn solve(a: &Array, b: &Array) -> Array {
    let a = a.clone();
    let jacobi = |transpose: bool| {
        let a = a.clone();
        move |matvec: &dyn Fn(&Array) -> Array, b: &Array| {
            let m = if transpose { a.t() } else { a.clone() };
            let diagonal = (m * np::eye(3, 3).astype(DType::F64)).dot(Array::from([1.0, 1.0, 1.0])).stop_gradient();
            let residual = |x: &Array| b - matvec(x);
            let wrong = |x: &Array| residual(x).abs().max().greater(1e-13);
            lax::while_loop(wrong, |x: &Array| x + residual(x) / &diagonal, b * 0.0)
        }
    };
    lax::custom_linear_solve(|x: &Array| a.dot(x), jacobi(false)).transpose_solve(jacobi(true)).solve(b)
}

/// Solves the system by the cofactor formula for the inverse.
fn direct(a: &Array, b: &Array) -> Array {
    let e = |i: usize, j: usize| a.slice_axis(0, i % 3, i % 3 + 1).slice_axis(1, j % 3, j % 3 + 1).reshape(());
    let cofactor = |i: usize, j: usize| e(i + 1, j + 1) * e(i + 2, j + 2) - e(i + 1, j + 2) * e(i + 2, j + 1);
    let det = (0..3).map(|j| e(0, j) * cofactor(0, j)).reduce(|a, b| a + b).expect("three terms");
    let rows: Vec<Array> = (0..3).map(|i| np::stack(&[&cofactor(0, i), &cofactor(1, i), &cofactor(2, i)], 0)).collect();
    np::stack(&rows.iter().collect::<Vec<_>>(), 0).dot(b) / det
}

#[test]
fn a_linear_solve_is_differentiated_by_another_one() {
    let a = Array::from([[4.0, 1.0, 0.5], [0.25, 5.0, 1.0], [1.0, -0.5, 3.0]]);
    let b = Array::from([1.0, -2.0, 0.5]);
    close(&jit(solve)(&a, &b), &direct(&a, &b), 1e-12);
    let (da, db) = grad(ours).argnums(args!(0, 1))(&a, &b);
    let (ea, eb) = grad(theirs).argnums(args!(0, 1))(&a, &b);
    close(&da, &ea, 1e-11);
    close(&db, &eb, 1e-11);
    close(&jvp(solve, (&a, &b), (&outer(&b), &b)).1, &jvp(direct, (&a, &b), (&outer(&b), &b)).1, 1e-11);
    // Second order, in both nestings, and over a batch of either operand.
    let direction = outer(&b);
    let reverse_twice = |f: Weighted| grad(|a: &Array| (grad(f)(a, &b) * &direction).sum())(&a);
    close(&reverse_twice(ours), &reverse_twice(theirs), 1e-10);
    let forward = |f: Weighted| jvp(|a: &Array| grad(f)(a, &b), (&a,), (&direction,)).1;
    close(&forward(ours), &reverse_twice(theirs), 1e-10);
    let batch = np::stack(&[&b, &(2.0 * &b)], 0);
    close(&vmap(solve).in_axes((None, 0))(&a, &batch), &vmap(direct).in_axes((None, 0))(&a, &batch), 1e-12);
    let matrices = np::stack(&[&a, &(2.0 * &a)], 0);
    close(
        &vmap(grad(ours)).in_axes((0, None))(&matrices, &b),
        &vmap(grad(theirs)).in_axes((0, None))(&matrices, &b),
        1e-11,
    );
    // Without a solver for the transposed system, the error of reverse mode says what is missing.
    let one_way = |b: &Array| lax::custom_linear_solve(|x: &Array| 2.0 * x, |_, b| b / 2.0).solve(b).sum();
    let error = grad(one_way).try_call((&b,)).unwrap_err();
    assert!(error.to_string().contains("transpose_solve"), "{error}");
}

/// A weighted sum of a solution.
type Weighted = fn(&Array, &Array) -> Array;

fn weights() -> Array {
    Array::from([1.0, 0.5, -2.0])
}

fn ours(a: &Array, b: &Array) -> Array {
    (solve(a, b) * weights()).sum()
}

fn theirs(a: &Array, b: &Array) -> Array {
    (direct(a, b) * weights()).sum()
}

fn outer(b: &Array) -> Array {
    b.reshape((3, 1)) * b.reshape((1, 3))
}

#[test]
fn prefixes_of_an_associative_operation() {
    let add = |a: &Array, b: &Array| a + b;
    for n in [0usize, 1, 2, 3, 4, 5, 7, 8, 13, 64, 65] {
        let x = np::arange(n as f64).astype(DType::F64) - 2.5;
        let got = lax::associative_scan(add, &x);
        close(&got, &np::cumsum(&x), 1e-14);
        if n > 0 {
            let reversed = lax::AssociativeScan::new().reverse().run(add, &x);
            close(&reversed, &np::flip(np::cumsum(np::flip(&x, 0)), 0), 1e-14);
            // The derivative of the sum of all prefixes with respect to an element is the number of prefixes that
            // contain it.
            let counts = np::flip(np::arange(n as f64).astype(DType::F64) + 1.0, 0);
            close(&grad(|x: &Array| lax::associative_scan(add, x).sum())(&x), &counts, 1e-14);
        }
    }
    // A non-commutative operation: composition of affine maps, on two arrays at once, along the second axis, over a
    // batch.
    let compose = |(a, b): &(Array, Array), (c, d): &(Array, Array)| (c * a, c * b + d);
    let a = Array::from([[0.5, -1.0, 2.0, 0.25, 3.0], [1.5, 0.5, -0.5, 1.0, 2.0]]);
    let b = Array::from([[1.0, 2.0, -1.0, 0.5, 0.0], [0.0, 1.0, 1.0, -2.0, 3.0]]);
    let by_scan = |a: &Array, b: &Array| {
        let zero = Array::from([0.0]).reshape(());
        lax::scan(|x: &Array, (a, b): &(Array, Array)| (a * x + b, a * x + b), zero, &(a.clone(), b.clone())).1
    };
    let (_, together) = lax::AssociativeScan::new().axis(-1).run(compose, &(a.clone(), b.clone()));
    close(&together, &vmap(by_scan)(&a, &b), 1e-14);
    let each = vmap(move |a: &Array, b: &Array| lax::associative_scan(compose, &(a.clone(), b.clone())).1);
    close(&each(&a, &b), &together, 1e-14);
    let error = cotangent::jit(move |a: &Array, b: &Array| lax::associative_scan(compose, &(a.clone(), b.clone())).1);
    let error = error.try_call((&a, &b.slice_axis(0, 0, 1))).unwrap_err();
    assert!(error.message().contains("all arrays must have the same size along axis 0"), "{error}");
}

#[test]
fn unrolling_changes_no_result() {
    let xs = Array::from([0.5, -1.0, 2.0, 0.25, 3.0, 1.0, -0.5]);
    let run = |unroll: usize, reverse: bool| {
        move |xs: &Array| {
            let scan = lax::Scan::new().unroll(unroll);
            let scan = if reverse { scan.reverse() } else { scan };
            let (c, ys) =
                scan.run(|c: &Array, x: &Array| ((c * x).sin() + x, c * x), Array::from([0.3]).reshape(()), xs);
            c + (ys * xs).sum()
        }
    };
    for reverse in [false, true] {
        let (y, g) = value_and_grad(run(1, reverse))(&xs);
        for unroll in [2, 3, 7, 20] {
            let (z, h) = value_and_grad(run(unroll, reverse))(&xs);
            close(&z, &y, 1e-15);
            close(&h, &g, 1e-15);
        }
    }
}

#[test]
fn rules_may_hold_arrays_in_every_nested_program() {
    let x = xs();
    // Arrays that the rule creates, and one that it owns.
    let weights = Array::from([1.0, 2.0, 3.0, 4.0]);
    let forward = {
        let weights = weights.clone();
        custom_jvp(|x: &Array| x.sin())
            .defjvp(move |(x,), (t,)| (x.sin(), t * &weights * Array::from([2.0, 2.0, 2.0, 2.0])))
    };
    let reverse = {
        let weights = weights.clone();
        let rule = move |(): &(), ct: &Array| (ct * &weights * Array::from([2.0, 2.0, 2.0, 2.0]),);
        custom_vjp(|x: &Array| x.sin()).defvjp(|(x,)| (x.sin(), ()), rule)
    };
    let expected = 2.0 * weights;
    for f in [&*forward, &*reverse] {
        close(&grad(|x: &Array| jit(f)(x).sum())(&x), &expected, 1e-15);
        close(&jit(grad(|x: &Array| jit(f)(x).sum()))(&x), &expected, 1e-15);
        close(&grad(|x: &Array| checkpoint(f)(x).sum())(&x), &expected, 1e-15);
        close(&grad(|x: &Array| lax::fori_loop(0, 1, |_, x: &Array| f(x), x.clone()).sum())(&x), &expected, 1e-15);
        close(&grad(|x: &Array| lax::cond(true, || f(x), || f(x)).sum())(&x), &expected, 1e-15);
        let rows = np::stack(&[&x, &x], 0);
        let mapped = grad(|x: &Array| vmap(|x: &Array| jit(f)(x).sum())(x).sum())(&rows);
        close(&mapped, &np::stack(&[&expected, &expected], 0), 1e-15);
        let scanned = grad(|x: &Array| lax::map(|x: &Array| jit(f)(x), x).sum())(&rows);
        close(&scanned, &np::stack(&[&expected, &expected], 0), 1e-15);
    }
}
