//! Names in programs: scopes, composites, and functions for one platform.

use cotangent::extend::lower;
use cotangent::{Platform, import, named_scope, prelude::*, pure_callback};

/// The primitive and the scope of each equation.
fn scopes(jaxpr: &cotangent::Jaxpr) -> Vec<(&'static str, Option<String>)> {
    jaxpr.eqns().iter().map(|eqn| (eqn.prim().name(), eqn.scope().map(str::to_string))).collect()
}

/// `a/b` around a cosine, `a` around a sine, and nothing around the rest.
fn nested(x: &Array) -> Array {
    let y = named_scope("a", || {
        let y = x.sin();
        named_scope("b", || y.cos())
    });
    (y * 2.0).sum()
}

#[test]
fn scopes_follow_operations_through_transforms_as_in_jax() {
    // `jax.make_jaxpr(f)(x).pretty_print(name_stack=True)` of the same function in JAX, except that JAX writes `jvp()`
    // where there is no name.
    let x = np::ones(3);
    let named = |list: &[(&'static str, &str)]| -> Vec<(&'static str, Option<String>)> {
        list.iter().map(|(p, s)| (*p, (!s.is_empty()).then(|| s.to_string()))).collect()
    };
    let plain = make_jaxpr(nested)(&x);
    assert_eq!(scopes(&plain.jaxpr), named(&[("sin", "a"), ("cos", "a/b"), ("mul", ""), ("reduce_sum", "")]));
    let slope = make_jaxpr(grad(nested))(&x);
    let expected = named(&[
        ("sin", "jvp(a)"),
        ("cos", "jvp(a)"),
        ("sin", "jvp(a)/b"),
        ("broadcast_in_dim", ""),
        ("mul", ""),
        ("neg", "transpose(jvp(a))/b"),
        ("mul", "transpose(jvp(a))/b"),
        ("mul", "transpose(jvp(a))"),
    ]);
    let found = scopes(&slope.jaxpr);
    // The order of independent equations and which of them are constants is the library's own.
    for (name, scope) in found.iter().filter(|(_, scope)| scope.is_some()) {
        assert!(
            expected.contains(&(*name, scope.clone())),
            "{name} in {scope:?}: {}",
            format_args!("{:#}", slope.jaxpr)
        );
    }
    for scope in ["jvp(a)", "jvp(a)/b", "transpose(jvp(a))/b", "transpose(jvp(a))"] {
        assert!(found.iter().any(|(_, s)| s.as_deref() == Some(scope)), "{scope} in {:#}", slope.jaxpr);
    }
    let batched = make_jaxpr(vmap(grad(nested)))(&np::ones((2, 3)));
    for scope in ["vmap(jvp(a))", "vmap(transpose(jvp(a)))/b", "vmap(transpose(jvp(a)))"] {
        assert!(
            scopes(&batched.jaxpr).iter().any(|(_, s)| s.as_deref() == Some(scope)),
            "{scope}: {:#}",
            batched.jaxpr
        );
    }
    // A scope around a transform is outside of what the transform does.
    let around = make_jaxpr(|x: &Array| named_scope("o", || grad(nested)(x)))(&x);
    for scope in ["o/jvp(a)/b", "o/transpose(jvp(a))/b"] {
        assert!(scopes(&around.jaxpr).iter().any(|(_, s)| s.as_deref() == Some(scope)), "{scope}: {:#}", around.jaxpr);
    }
}

#[test]
fn scopes_are_in_programs_and_nowhere_else() {
    let x = np::ones(3);
    let inner = jit(nested);
    let f = |x: &Array| {
        let y = named_scope("outer", || inner(x));
        let step = |c: &Array, x: &Array| (named_scope("step", || c * x), c.clone());
        y + named_scope("loop", || lax::scan(step, 1.0, x)).0
    };
    let lowered = jit(f).lower((&x,)).unwrap();
    let text = lowered.stablehlo();
    // The names inside a function begin with it; those in a loop, with the loop.
    for name in ["\"outer/jit\"(", "\"a/sin\"(", "\"a/b/cos\"(", "\"loop/step/mul\"("] {
        assert!(text.contains(name), "{name} in {text}");
    }
    // What is printed by default has no names, nor has a program without them.
    assert!(!lowered.jaxpr().to_string().contains("# ["));
    assert!(format!("{:#}", lowered.jaxpr()).contains("# [outer]"));
    let without = jit(|x: &Array| x.sin()).lower((&x,)).unwrap();
    assert!(!without.stablehlo().contains("/sin"));
    assert_eq!(format!("{:#}", without.jaxpr()), without.jaxpr().to_string());
    // A panic in a scope leaves it.
    let _ = std::panic::catch_unwind(|| named_scope("left", || panic!("out")));
    assert_eq!(scopes(&make_jaxpr(|x: &Array| x.sin())(&x).jaxpr), [("sin", None)]);
    assert_eq!(f(&x).item::<f32>(), jit(f)(&x).item::<f32>());
}

#[test]
fn composites_are_written_as_jax_writes_them() {
    let tangent = lax::composite("my.tangent", |x: &Array| x.sin() / x.cos())
        .version(2)
        .attribute("axis", 1i64)
        .attribute("scale", 0.5f64)
        .attribute("label", "a")
        .attribute("on", true)
        .attribute("l", vec![1, 2]);
    let x = Array::from([0.1f32, 0.2, 0.3]);
    let lowered = jit(|x: &Array| tangent(x)).lower((&x,)).unwrap();
    let text = lowered.stablehlo();
    // The attributes of `jax.lax.composite(…)(x, axis=1, scale=0.5, label="a", on=True, l=[1, 2])` in JAX.
    let attributes = "{axis = 1 : i64, l = [1 : i64, 2 : i64], label = \"a\", on = true, scale = ";
    for part in ["stablehlo.composite", "decomposition = @my.tangent", "version = 2 : i32", attributes] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let values = jit(|x: &Array| tangent(x))(&x).to_vec::<f32>();
    for (value, x) in values.iter().zip(x.to_vec::<f32>()) {
        assert!((value - x.tan()).abs() < 1e-6);
    }
    // Derivatives and batches are those of the function.
    let f = |x: &Array| tangent(x).sum();
    for (slope, x) in jit(grad(f))(&x).to_vec::<f32>().iter().zip(x.to_vec::<f32>()) {
        assert!((slope - 1.0 / x.cos().powi(2)).abs() < 1e-5);
    }
    for (slope, x) in jit(grad(|x: &Array| grad(f)(x).sum()))(&x).to_vec::<f32>().iter().zip(x.to_vec::<f32>()) {
        assert!((slope - 2.0 * x.tan() / x.cos().powi(2)).abs() < 1e-5);
    }
    let batched = vmap(|x: &Array| tangent(x))(&np::stack(&[&x, &x], 0));
    assert_eq!(batched.shape(), [2, 3]);
    // What is not differentiated or batched stays the operation.
    let beside = make_jaxpr(grad(|x: &Array, y: &Array| (tangent(y) * x).sum()))(&x, &x);
    assert!(beside.to_string().contains("name=my.tangent"), "{beside}");
    // Captured values come first, and have derivatives.
    let scaled = |w: &Array, x: &Array| lax::composite("my.scaled", |x: &Array| w * x)(x).sum();
    assert_eq!(jit(grad(scaled))(&3.0.into(), &x).item::<f32>(), x.sum().item::<f32>());
}

#[test]
fn composites_are_read_back_as_what_they_are() {
    let norm = lax::composite("my.norm", |x: &Array| x / x.sum()).attribute("axis", 0i64).attribute("eps", 1e-5f32);
    let x = np::arange((1.0, 4.0, 1.0));
    let lowered = jit(|x: &Array| norm(x) * 2.0).lower((&x,)).unwrap();
    let bytes = lowered.to_jax().serialize().unwrap();
    let read = import::jax(&bytes).unwrap().function::<(Array,), Array>().unwrap();
    assert_eq!(read(&x).to_vec::<f32>(), (&x / 6.0 * 2.0).to_vec::<f32>());
    let again = jit(|x: &Array| read(x)).lower((&x,)).unwrap().stablehlo();
    for part in ["stablehlo.composite", "axis = 0 : i64", "eps = ", "name = \"my.norm\""] {
        assert!(again.contains(part), "{part} in {again}");
    }
}

#[test]
fn a_composite_needs_a_namespace() {
    let error = std::panic::catch_unwind(|| lax::composite("tangent", |x: &Array| x.tan())).unwrap_err();
    assert!(error.downcast::<String>().unwrap().contains("must have a namespace and a name, got \"tangent\""));
}

/// A sine on the CPU, a cosine elsewhere.
fn by_platform(x: &Array) -> Array {
    lax::platform_dependent(&[(Platform::Cpu, &|| x.sin())], Some(&|| x.cos()))
}

#[test]
fn the_platform_selects_when_a_program_is_lowered() {
    let program = make_jaxpr(by_platform)(&0.5.into());
    // JAX 0.10.2 prints the same.
    assert!(program.to_string().contains("branches_platforms=(('cpu',), None)"), "{program}");
    for (platform, there, absent) in [(Platform::Cpu, "sine", "cosine"), (Platform::Cuda, "cosine", "sine")] {
        let text = lower("f", &program.jaxpr, platform).to_text();
        assert!(text.contains(&format!("stablehlo.{there}")), "{platform}: {text}");
        assert!(
            !text.contains(&format!("stablehlo.{absent}")) && !text.contains("stablehlo.case"),
            "{platform}: {text}"
        );
    }
    // So do its derivatives and batches.
    for (platform, there) in [(Platform::Cpu, "cosine"), (Platform::Cuda, "sine")] {
        for program in [make_jaxpr(grad(by_platform))(&0.5.into()), make_jaxpr(vmap(grad(by_platform)))(&np::ones(3))] {
            let text = lower("f", &program.jaxpr, platform).to_text();
            assert!(text.contains(&format!("stablehlo.{there}")), "{platform}: {text}");
            assert!(!text.contains("stablehlo.case"), "{platform}: {text}");
        }
    }
}

#[test]
fn functions_of_a_platform_have_derivatives_and_batches() {
    if Device::current().unwrap().platform() != Platform::Cpu {
        return;
    }
    let x = 0.5f32;
    let close = |y: Array, expected: f32| assert!((y.item::<f32>() - expected).abs() < 1e-6, "{y} and {expected}");
    let at = Array::scalar(x);
    close(by_platform(&at), x.sin());
    close(jit(by_platform)(&at), x.sin());
    close(grad(by_platform)(&at), x.cos());
    close(jit(grad(grad(by_platform)))(&at), -x.sin());
    close(jvp(by_platform, (&at,), (&at,)).1, x * x.cos());
    close(jit(vmap(by_platform))(&np::full(3, x)).sum(), 3.0 * x.sin());
    // In a loop, and as the only function.
    let step = |c: &Array, _: &()| (lax::platform_dependent(&[(Platform::Cpu, &|| c * 2.0)], None), ());
    close(jit(move |x: &Array| lax::Scan::new().length(3).run(step, x.clone(), &()).0)(&at), 8.0 * x);
}

#[test]
fn a_function_for_one_platform_may_use_what_others_lack() {
    let on_host = |x: &Array| pure_callback(x.aval(), |x: &Array| x * 2.0, x);
    let f = |x: &Array| lax::platform_dependent(&[(Platform::Cpu, &|| on_host(x))], Some(&|| x * 2.0));
    let program = make_jaxpr(f)(&np::ones(3));
    assert!(!lower("f", &program.jaxpr, Platform::Cuda).to_text().contains("custom_call"));
    let lowered = jit(f).lower((&np::ones(3),)).unwrap();
    // The function of this process cannot be exported, for the CPU; there is none for a GPU.
    assert!(lowered.to_jax().platforms([Platform::Cpu]).serialize().is_err());
}

#[test]
fn exports_for_several_platforms_have_all_functions() {
    let lowered = jit(by_platform).lower((&0.5.into(),)).unwrap();
    let bytes = lowered.to_jax().platforms([Platform::Cpu, Platform::Cuda]).vjp_order(1).serialize().unwrap();
    let report = import::inspect(&bytes).unwrap();
    assert_eq!(report.platforms, ["cpu", "cuda"]);
    for op in ["stablehlo.case", "stablehlo.sine", "stablehlo.cosine"] {
        assert!(report.operations.contains_key(op), "{op} in {:?}", report.operations);
    }
    let read = import::jax(&bytes).unwrap().function::<(Array,), Array>().unwrap();
    assert_eq!(read(&0.5.into()).item::<f32>(), by_platform(&0.5.into()).item::<f32>());
}

#[test]
fn a_platform_without_a_function_is_an_error_at_the_call() {
    let f = |x: &Array| lax::platform_dependent(&[(Platform::Cpu, &|| x.sin())], None);
    let lowered = jit(f).lower((&0.5.into(),)).unwrap();
    let error = lowered.to_jax().platforms([Platform::Cuda]).serialize().unwrap_err();
    assert!(error.message().contains("`platform_dependent` has no function for cuda, only for cpu"), "{error}");
    assert!(error.location().is_some_and(|at| at.file().ends_with("named.rs")));
    let twice = |x: &Array| {
        lax::platform_dependent(&[(Platform::Cpu, &|| x.sin()), (Platform::Cpu, &|| x.cos())], Some(&|| x.tan()))
    };
    let error = jit(twice).try_call((&0.5.into(),)).unwrap_err();
    assert!(error.message().contains("platform_dependent: cpu has two functions"), "{error}");
}

#[test]
fn slices_of_different_lengths_are_exchanged_as_in_jax() {
    // The example in the documentation of `jax.lax.ragged_all_to_all`.
    let exchange = |x: &Array, starts: &Array, sizes: &Array, places: &Array, comes: &Array| {
        lax::ragged_all_to_all(x, np::zeros(4), starts, sizes, places, comes, "x")
    };
    let plan = [[[0, 1], [0, 1]], [[1, 2], [1, 1]], [[0, 0], [1, 2]], [[1, 1], [2, 1]]].map(np::array);
    let [starts, sizes, places, comes] = &plan;
    let x = np::array([[1.0, 2.0, 2.0], [3.0, 4.0, 0.0]]);
    let f = |x: &Array| vmap(exchange).axis_name("x")(x, starts, sizes, places, comes);
    assert_eq!(f(&x).to_vec::<f32>(), [1.0, 3.0, 0.0, 0.0, 2.0, 2.0, 4.0, 0.0]);
    // Each element that is sent has the slope of the place where it arrives.
    let weights = np::arange((1.0, 9.0, 1.0)).reshape((2, 4));
    let slopes = grad(|x: &Array| (f(x) * &weights).sum())(&x);
    assert_eq!(slopes.to_vec::<f32>(), [1.0, 5.0, 6.0, 2.0, 7.0, 0.0]);
    let wrong = |x: &Array| lax::ragged_all_to_all(x, np::zeros((4, 2)), x, x, x, x, "x");
    let error = vmap(wrong).axis_name("x").try_call((&x,)).unwrap_err();
    assert!(error.message().contains("must have rows of one type, got f32[3] and f32[4,2]"), "{error}");
}
