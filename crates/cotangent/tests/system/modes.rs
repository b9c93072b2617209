//! Options of a thread: promotion, `disable_jit`, `no_execution`.

use cotangent::prelude::*;
use cotangent::{
    DTypePromotion, RankPromotion, disable_jit, no_execution, numpy_dtype_promotion, numpy_rank_promotion,
};

fn strict<R>(f: impl FnOnce() -> R) -> R {
    numpy_dtype_promotion(DTypePromotion::Strict, f)
}

/// An array of one element of a dtype, or a Rust number.
fn of(name: &str) -> Array {
    match name {
        "bool" => Array::from([true]),
        "u8" => Array::from([1u8]),
        "i32" => Array::from([1i32]),
        "i64" => Array::from([1i64]),
        "f16" => np::ones(1).astype(DType::F16),
        "f32" => np::ones(1),
        "f64" => Array::from([1f64]),
        "c64" => np::ones(1).astype(DType::C64),
        "int" => 1.into(),
        "float" => 1.0.into(),
        name => panic!("{name}"),
    }
}

#[test]
fn strict_promotion_accepts_what_jax_accepts() {
    // For each pair whether `jnp.add` of JAX 0.10.2 accepts it with `jax.numpy_dtype_promotion("strict")`; `int` and
    // `float` are numbers of Python.
    let names = ["bool", "u8", "i32", "i64", "f16", "f32", "f64", "c64", "int", "float"];
    let accepted = |a: &str, b: &str| {
        let kind = |x: &str| match x {
            "bool" => 0,
            "u8" | "i32" | "i64" | "int" => 1,
            "f16" | "f32" | "f64" | "float" => 2,
            _ => 3,
        };
        let weak = |x: &str| matches!(x, "int" | "float");
        match (weak(a), weak(b)) {
            (true, true) => true,
            (true, false) => kind(b) > 0 && kind(a) <= kind(b),
            (false, true) => kind(a) > 0 && kind(b) <= kind(a),
            (false, false) => a == b,
        }
    };
    for a in names {
        for b in names {
            let (x, y) = (of(a), of(b));
            let sum = jit(|x: &Array, y: &Array| x + y);
            let found = strict(|| sum.try_call((&x, &y)));
            assert_eq!(found.is_ok(), accepted(a, b), "{a} + {b}: {found:?}");
            if let Err(error) = found {
                assert!(error.message().contains("because promotion is strict"), "{error}");
                assert!(error.location().is_some_and(|at| at.file().ends_with("modes.rs")), "{error}");
            }
            assert!(sum.try_call((&x, &y)).is_ok());
        }
    }
    let (x, n) = (np::ones(3), Array::from([1, 2, 3]));
    type Mixed<'a> = &'a dyn Fn() -> Array;
    let mixed: [Mixed<'_>; 4] =
        [&|| np::concatenate(&[&x, &n], 0), &|| np::where_(x.greater(0.0), &x, &n), &|| np::maximum(&x, &n), &|| {
            Array::from([1i32]).less(Array::from([1u64]))
        }];
    for f in mixed {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| strict(f))).is_err());
        let _ = f();
    }
}

type Loss = fn(&Array) -> Array;

#[test]
fn the_library_and_derivatives_keep_to_strict_promotion() {
    let x = np::arange((1.0, 7.0, 1.0)).reshape((2, 3));
    let losses: [(&str, Loss); 8] = [
        ("mean and var", |x| np::mean(x) + np::var(x)),
        ("softmax", |x| nn::softmax(x, -1).powi(2).sum()),
        ("logsumexp", |x| cotangent::scipy::special::logsumexp(x)),
        ("power and abs", |x| (x.pow(1.5) + x.abs().sqrt()).sum()),
        ("norm", |x| np::linalg::norm(x)),
        ("matmul", |x| np::matmul(x, x.t()).tanh().sum()),
        ("where", |x| np::where_(x.greater(2.0), x.exp(), 0.0).sum()),
        ("scan", |x| lax::scan(|c: &Array, r: &Array| (c + r.sum(), c * 2.0), 0.0, x).1.sum()),
    ];
    for (name, f) in losses {
        let run = |f: fn(&Array) -> Array| {
            (f(&x).item::<f32>(), grad(f)(&x).to_vec::<f32>(), jit(grad(f))(&x).to_vec::<f32>())
        };
        let plain = run(f);
        let both = strict(|| numpy_rank_promotion(RankPromotion::Raise, || run(f)));
        assert_eq!(both, plain, "{name}");
    }
}

#[test]
fn ranks_may_be_forbidden_to_differ() {
    let (m, v) = (np::ones((2, 3)), np::ones(3));
    let raise = |f: &dyn Fn() -> Array| {
        let run = || numpy_rank_promotion(RankPromotion::Raise, f);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
    };
    for f in [&(|| &m + &v) as &dyn Fn() -> Array, &|| np::where_(v.greater(0.0), &m, 0.0), &|| np::maximum(&v, &m)] {
        let error = raise(f).unwrap_err().downcast::<String>().unwrap();
        assert!(error.contains("have different ranks") && error.contains("modes.rs"), "{error}");
        assert_eq!(numpy_rank_promotion(RankPromotion::Warn, f).shape(), [2, 3]);
    }
    // As in JAX, a scalar may meet anything, and sizes of one are broadcast.
    for f in [&(|| &m * 2.0) as &dyn Fn() -> Array, &|| &m + Array::scalar(1f32), &|| &m + v.reshape((1, 3))] {
        assert_eq!(raise(f).unwrap().shape(), [2, 3]);
    }
}

#[test]
fn options_are_part_of_what_jit_caches() {
    let f = jit(|x: &Array, y: &Array| x + y);
    let (m, v) = (np::ones((2, 3)), np::ones(3));
    let _ = f(&m, &v);
    assert!(numpy_rank_promotion(RankPromotion::Raise, || f.try_call((&m, &v))).is_err());
    let _ = f(&m, &v);
    let _ = numpy_rank_promotion(RankPromotion::Raise, || f(&m, &m));
    let _ = f(&m, &m);
    let report = f.cache_report();
    assert_eq!((report.traces, report.hits), (3, 1));
    assert!(
        report
            .to_string()
            .contains("promotion: Standard for dtypes, Allow for ranks became Standard for dtypes, Raise"),
        "{report}"
    );
}

#[test]
fn without_jit_functions_run_as_they_are_written() {
    let seen = std::sync::Mutex::new(Vec::new());
    let look = |x: &Array| seen.lock().unwrap().push(x.item::<f32>());
    let f = jit(|x: &Array| {
        let y = x * 2.0;
        look(&y);
        let y = lax::cond(
            y.greater(1.0),
            || {
                look(&y);
                y.sin()
            },
            || panic!("the other branch"),
        );
        let y = lax::while_loop(
            |y: &Array| y.less(3.0),
            |y: &Array| {
                look(y);
                y + 1.0
            },
            y,
        );
        let (last, all) = lax::scan(
            |c: &Array, x: &Array| {
                look(c);
                (c + x, c * x)
            },
            y,
            &np::arange((1.0, 3.0, 1.0)),
        );
        lax::switch(1, &[&|| panic!("not this"), &|| &last + all.sum()])
    });
    let g = jit(|x: &Array| {
        let y = x * 2.0;
        let y = lax::cond(y.greater(1.0), || y.sin(), || -&y);
        let y = lax::while_loop(|y: &Array| y.less(3.0), |y: &Array| y + 1.0, y);
        let (last, all) = lax::scan(|c: &Array, x: &Array| (c + x, c * x), y, &np::arange((1.0, 3.0, 1.0)));
        last + all.sum()
    });
    let x = Array::scalar(1.0f32);
    let plain = disable_jit(|| f(&x)).item::<f32>();
    assert!((plain - g(&x).item::<f32>()).abs() < 1e-5);
    assert_eq!(seen.lock().unwrap()[..2], [2.0, 2.0]);
    assert!(seen.lock().unwrap().len() == 2 + 3 + 2, "{:?}", seen.lock().unwrap());
    assert_eq!(f.cache_report().traces, 0);
    // Reversed scans, by-value arguments, derivatives and batches.
    let reversed = |x: &Array| lax::Scan::new().reverse().run(|c: &Array, x: &Array| (c * x, c + x), 1.0, x).1;
    let xs = np::arange((1.0, 5.0, 1.0));
    assert_eq!(disable_jit(|| jit(reversed)(&xs)).to_vec::<f32>(), reversed(&xs).to_vec::<f32>());
    let taken = jit(|x: Array, y: &Array| x + y);
    assert_eq!(disable_jit(|| taken(np::ones(2), &np::ones(2))).to_vec::<f32>(), [2.0, 2.0]);
    // The loop ran three times, which is known without `jit`, so that it has a derivative in reverse mode.
    let thrice = |x: &Array| {
        let y = (x * 2.0).sin() + 3.0;
        let (last, all) = lax::scan(|c: &Array, x: &Array| (c + x, c * x), y, &np::arange((1.0, 3.0, 1.0)));
        last + all.sum()
    };
    assert!((disable_jit(|| grad(&*g)(&x)).item::<f32>() - grad(thrice)(&x).item::<f32>()).abs() < 1e-5);
    let h = jit(|x: &Array| lax::cond(x.greater(1.5), || x.sin(), || -x));
    let batch = Array::from([1.0f32, 2.0]);
    assert_eq!(disable_jit(|| vmap(&*h)(&batch)).to_vec::<f32>(), vmap(&*h)(&batch).to_vec::<f32>());
}

#[test]
fn programs_may_be_forbidden_to_run() {
    let x = np::ones(3);
    let f = jit(|x: &Array| x.sin() * 2.0);
    let compiled = no_execution(|| f.lower((&x,)).unwrap().compile()).unwrap();
    let forbidden = |error: cotangent::Error| {
        assert!(error.message().contains("`no_execution` forbids running a program"), "{error}");
    };
    forbidden(no_execution(|| f.try_call((&x,))).unwrap_err());
    forbidden(no_execution(|| compiled.try_call((&x,))).unwrap_err());
    forbidden(no_execution(|| grad(|x: &Array| x.sin().sum()).try_call((&x,))).unwrap_err());
    // Numbers of the host need no program, and values can be read.
    assert_eq!(no_execution(|| (Array::from(2.0) * 3.0).item::<f32>()), 6.0);
    assert_eq!(no_execution(|| x.to_vec::<f32>()), [1.0; 3]);
    assert!(no_execution(|| eval_shape(&*f)(&x)).shape() == [3]);
    let _ = f(&x);
}
