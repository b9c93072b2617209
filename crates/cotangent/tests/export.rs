//! Functions exported for JAX: what is written is read back, and JAX runs and differentiates it, if there is a Python for
//! that (`COTANGENT_JAX_PYTHON`). `goldens/check_exports.py` is the other half.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::jax::Exports;
use cotangent::random::{Key, KeyImpl};
use cotangent::scipy::linalg::{Output, Trans};
use cotangent::{Func, Params, Platform, fft, import, prelude::*, scipy};

#[derive(Clone, Tree)]
struct Layer {
    weight: Array,
    bias: Option<Array>,
}

#[derive(Clone, Tree)]
struct Mlp {
    layers: Vec<Layer>,
    scale: Array,
    #[tree(static)]
    name: &'static str,
}

/// Its fields are not in alphabetical order, as those of a dict are.
#[derive(Clone, Tree)]
struct Unordered {
    z: Array,
    a: (Array, [Array; 2]),
    m: BTreeMap<i32, Array>,
    nothing: Option<Array>,
}

fn numbers(shape: &[usize], dtype: DType) -> Array {
    let n = shape.iter().product::<usize>();
    let real: Vec<f64> = (0..n).map(|i| (0.7 + 1.3 * i as f64 + 0.1 * (i * i) as f64).sin()).collect();
    let real = Array::from(real).reshape(shape);
    match dtype.is_complex() {
        true => real.complex((&real * 2.0).cos()).astype(dtype),
        false if dtype.is_inexact() => real.astype(dtype),
        false => (real * 10.0).astype(dtype),
    }
}

fn floats(shape: &[usize]) -> Array {
    numbers(shape, DType::F32)
}

/// A matrix with positive eigenvalues that are far from equal.
fn positive(n: usize, dtype: DType) -> Array {
    let a = numbers(&[n, n], dtype);
    let scale: Vec<f64> = (0..n).map(|i| 1.0 + 2.0 * i as f64).collect();
    a.matmul(a.conj().t()) + np::diag(&Array::from(scale)).astype(dtype)
}

fn mlp(params: &Mlp, x: &Array) -> Array {
    let mut h = x.clone();
    for layer in &params.layers {
        h = h.matmul(&layer.weight);
        if let Some(bias) = &layer.bias {
            h += bias;
        }
        h = h.tanh();
    }
    h * &params.scale
}

/// Its derivative is not that of its value.
fn ruled(x: &Array) -> Array {
    custom_vjp(|x: &Array| x.sin()).defvjp(|(x,)| (x.sin(), x.clone()), |x, ct| (ct * x * 100.0,))(x)
}

/// What is exported, and whether all of it could be.
struct Suite {
    exports: Exports,
    failures: Vec<String>,
}

impl Suite {
    fn forward<P: Params, F: Func<'static, P> + Clone>(&mut self, name: &str, f: F, args: P::Values) {
        self.add(name, f, args, 0);
    }

    fn both<P: Params, F: Func<'static, P> + Clone>(&mut self, name: &str, f: F, args: P::Values) {
        self.add(name, f, args, 1);
    }

    /// Exports a function that this library does not read back: imports do not have its LAPACK routine.
    fn written<P: Params, F: Func<'static, P> + Clone>(&mut self, name: &str, f: F, args: P::Values) {
        let failure = self.exports.add(name, f, &args, |export| export, false).err();
        self.failures.extend(failure.map(|failure| format!("{name}: {failure}")));
    }

    /// Exports a function with derivatives, twice: the bytes are the same. This library reads them.
    fn add<P: Params, F: Func<'static, P> + Clone>(&mut self, name: &str, f: F, args: P::Values, order: usize) {
        let export = || self.exports.add(name, f.clone(), &args, |export| export.vjp_order(order), order > 0);
        let failure = match (export(), export()) {
            (Err(error), _) | (_, Err(error)) => Some(error.to_string()),
            (Ok(one), Ok(other)) if one != other => Some("the bytes differ".to_string()),
            (Ok(bytes), _) => self.read_back(&bytes, f, &args, order).err(),
        };
        self.failures.extend(failure.map(|failure| format!("{name}: {failure}")));
    }

    /// Compares the values that the import computes, in the order that JAX has.
    fn read_back<P: Params, F: Func<'static, P>>(
        &self,
        bytes: &[u8],
        f: F,
        args: &P::Values,
        order: usize,
    ) -> Result<(), String> {
        let report = import::inspect(bytes).map_err(|e| e.to_string())?;
        if let Some(problem) = report.problem {
            return Err(problem.to_string());
        }
        if report.vjp_order != order {
            return Err(format!("{} derivatives", report.vjp_order));
        }
        let model = import::jax(bytes).map_err(|e| e.to_string())?;
        let expected = jit(f).try_call(P::refs(args)).map_err(|e| e.to_string())?;
        // Leaves of equal types, whatever their order, are enough here; JAX checks the order.
        let mut own: Vec<String> = cotangent::tree::leaves(&expected).iter().map(kind).collect();
        let types = model.jaxpr().output_avals().map(|aval| format!("{}{:?}", aval.dtype, aval.shape));
        let mut theirs: Vec<String> = types.collect();
        own.sort();
        theirs.sort();
        if own == theirs { Ok(()) } else { Err(format!("{theirs:?} instead of {own:?}")) }
    }
}

fn kind(x: &Array) -> String {
    let aval = x.aval();
    format!("{}{:?}", aval.dtype, aval.shape)
}

#[test]
fn jax_runs_and_differentiates_what_is_exported() {
    let mut suite = Suite { exports: Exports::new("export"), failures: Vec::new() };
    let s = &mut suite;
    let layer = |m: usize, n: usize, bias: bool| Layer { weight: floats(&[m, n]), bias: bias.then(|| floats(&[n])) };
    let params = Mlp { layers: vec![layer(4, 5, true), layer(5, 3, false)], scale: 2.0.into(), name: "mlp" };
    s.both("mlp", mlp, (params.clone(), floats(&[8, 4])));
    s.add("mlp loss second", |params: &Mlp, x: &Array| mlp(params, x).square().mean(), (params, floats(&[8, 4])), 2);
    let unordered = Unordered {
        z: floats(&[2]),
        a: (numbers(&[3], DType::F64), [floats(&[4]), floats(&[5])]),
        m: BTreeMap::from([(2, floats(&[6])), (10, numbers(&[7], DType::I32)), (-1, numbers(&[1], DType::C64))]),
        nothing: None,
    };
    s.both(
        "nested trees",
        |t: &Unordered, u: &(), n: &i32, last: &Array| (t.clone(), *u, *n, last + 1.0),
        (unordered.clone(), (), 7, Array::from(1.5f32)),
    );
    s.both(
        "unordered struct, arguments that are not used",
        |t: &Unordered, x: &Array| Unordered { z: &t.z * 2.0, ..t.clone() }.map(|y| y * 3.0).a.0 + x.sum(),
        (unordered, numbers(&[2], DType::F64)),
    );
    s.forward("no arguments", || Array::from([1, 2, 3]), ());
    s.both("identity", |x: &Array| x.clone(), (floats(&[3]),));
    s.both("no array in the result", |_: &Array| (), (floats(&[3]),));
    s.both("a constant", |_: &Array| Array::from(2.5f32), (floats(&[3]),));
    s.both("empty", |x: &Array| x.sin(), (floats(&[0, 3]),));
    let captured = floats(&[4, 4]);
    let captured: &'static Array = Box::leak(Box::new(captured));
    s.both("captures", |x: &Array| captured.matmul(x).sin(), (floats(&[4]),));
    s.both("donated", |x: Array, y: &Array| x.sin() * y, (floats(&[4]), floats(&[4])));
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64, DType::C64, DType::C128] {
        let x = numbers(&[3, 4], dtype);
        s.both(&format!("elementwise {dtype}"), |x: &Array| (x.sin() * x.exp(), x.tanh() / (x + 3.0)), (x.clone(),));
        s.both(&format!("product {dtype}"), |x: &Array| x.matmul(x.t()), (x.clone(),));
        s.both(&format!("reductions {dtype}"), |x: &Array| (np::sum_axis(x, 0), np::cumsum_axis(x, 1)), (x.clone(),));
    }
    for dtype in DType::ALL.into_iter().filter(|dtype| !dtype.is_inexact()) {
        let x = numbers(&[3, 4], dtype);
        s.both(&format!("integers {dtype}"), |x: &Array| (np::flip(x, 0), x.equal(x)), (x,));
    }
    s.both(
        "an integer argument",
        |x: &Array, n: &Array| (x * n.astype(DType::F32), n + 1),
        (floats(&[3]), Array::from([1, 2, 3])),
    );
    // Random numbers.
    s.both("normal", |key: &Key, x: &Array| random::normal(key.clone(), [5]) * x, (random::key(3), floats(&[5])));
    s.forward("split", |key: Key| key.split::<3>(), (random::key(3),));
    for implementation in [KeyImpl::Rbg, KeyImpl::UnsafeRbg] {
        let key = random::key_as(3, implementation);
        s.forward(&format!("bits {implementation}"), |key: &Key| (random::bits(key.clone(), 4), key.clone()), (key,));
    }
    // Control flow.
    s.both(
        "scan",
        |w: &Array, xs: &Array| {
            let step = |h: &Array, x: &Array| {
                let h = (w * h + x).tanh();
                (h.clone(), h)
            };
            lax::scan(step, np::zeros(3), xs)
        },
        (floats(&[3]), floats(&[6, 3])),
    );
    s.forward(
        "while",
        |x: &Array| lax::while_loop(|x: &Array| x.sum().greater(1.0), |x: &Array| x / 2.0, x.clone()),
        (floats(&[3]).abs() * 10.0,),
    );
    s.both("fori", |x: &Array| lax::fori_loop(0, 5, |_: &Array, y: &Array| y.sin() * 1.5, x.clone()), (floats(&[3]),));
    s.both("cond", |p: &Array, x: &Array| lax::cond(p, || x.sin(), || x.exp()), (Array::from(true), floats(&[3])));
    s.both(
        "switch",
        |i: &Array, x: &Array| lax::switch(i, &[&|| x + 1.0, &|| x * 2.0, &|| -x]),
        (Array::from(1), floats(&[3])),
    );
    // Order, windows, transforms.
    s.both("sort", |x: &Array| (np::sort(x), np::argsort(x), np::max(x)), (floats(&[4, 7]),));
    for dtype in [DType::F16, DType::F32, DType::F64] {
        let x = numbers(&[4, 7], dtype);
        s.both(&format!("top_k {dtype}"), |x: &Array| (lax::top_k(x, 3, -1), lax::top_k(x, 2, 0)), (x,));
    }
    for dtype in [DType::I32, DType::U8] {
        s.forward(&format!("top_k {dtype}"), |x: &Array| lax::top_k(x, 3, -1), (numbers(&[4, 7], dtype),));
    }
    s.both(
        "conv",
        |x: &Array, k: &Array| lax::conv(x, k, [2, 1], lax::Padding::Same),
        (floats(&[2, 3, 8, 8]), floats(&[4, 3, 3, 3])),
    );
    s.both("fft", |x: &Array| (fft::fft(x), fft::irfft(fft::rfft(x))), (floats(&[3, 8]),));
    s.both("gather", |x: &Array, i: &Array| (np::take(x, i), x.at(i).add(1.0)), (floats(&[6]), Array::from([4, 1, 1])));
    // Linear algebra.
    for dtype in [DType::F32, DType::F64, DType::C64, DType::C128] {
        let (a, b) = (positive(4, dtype), numbers(&[4, 4], dtype) + np::eye(4, 4).astype(dtype) * 3.0);
        let mut both = |name: &str, f: fn(&Array) -> Vec<Array>, x: &Array| {
            s.both(&format!("{name} {dtype} loose"), f, (x.clone(),));
        };
        both("cholesky", |a| vec![lax::linalg::cholesky(a)], &a);
        both(
            "lu",
            |a| {
                let (lu, pivots, p) = lax::linalg::lu(a);
                vec![lu, pivots, p]
            },
            &b,
        );
        both(
            "qr",
            |a| {
                let (q, r) = np::linalg::qr(a);
                vec![q, r]
            },
            &b,
        );
        both("singular values", |a| vec![np::linalg::svdvals(a)], &b);
        both("eigenvalues", |a| vec![np::linalg::eigvalsh(a)], &a);
        both("solve", |a| vec![np::linalg::solve(a, a.t()), np::linalg::inv(a)], &b);
        both("determinant", |a| vec![np::linalg::det(a)], &b);
        // Vectors have a phase of their own: projections have not.
        both(
            "svd",
            |a| {
                let (u, s, vh) = np::linalg::svd(a, false);
                vec![(u * s).matmul(vh)]
            },
            &b,
        );
        both(
            "eigh",
            |a| {
                let (w, v) = np::linalg::eigh(a);
                vec![w, v.abs()]
            },
            &a,
        );
        both("triangular", |a| vec![scipy::linalg::solve_triangular(a, a.t(), Trans::No, false, false)], &b);
        both("expm", |a| vec![scipy::linalg::expm(a / 9.0)], &b);
        let schur = |a: &Array| np::linalg::trace(scipy::linalg::schur(a, Output::Complex).0);
        s.written(&format!("schur {dtype} loose"), schur, (b,));
    }
    s.forward("eig loose", |a: &Array| np::sort(np::linalg::eigvals(a).abs()), (floats(&[4, 4]),));
    // CHLO.
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let x = numbers(&[9], dtype) * 0.9;
        s.both(
            &format!("inverse trigonometric {dtype}"),
            |x: &Array| (x.asin(), x.acos(), x.atan(), x.sinh(), x.cosh()),
            (x.clone(),),
        );
        s.both(
            &format!("inverse hyperbolic {dtype}"),
            |x: &Array| (x.asinh(), (x + 2.0).acosh(), x.atanh(), x.tan()),
            (x.clone(),),
        );
        s.both(&format!("error function {dtype}"), |x: &Array| (x.erf(), x.erfc(), x.erf_inv()), (x.clone(),));
        let special = |x: &Array| {
            let y = x + 1.5;
            (scipy::special::gammaln(&y), scipy::special::digamma(&y), scipy::special::i1e(x), scipy::special::i0e(x))
        };
        s.both(&format!("special {dtype} loose"), special, (x,));
    }
    for dtype in [DType::C64, DType::C128] {
        let z = numbers(&[9], dtype);
        s.both(
            &format!("inverse functions {dtype}"),
            |z: &Array| (z.asin(), z.acos(), z.atan(), z.asinh(), z.acosh(), z.atanh()),
            (z,),
        );
    }
    s.both(
        "incomplete gamma and beta",
        |x: &Array| {
            let y = x.abs() + 0.5;
            (scipy::special::gammainc(2.0, &y), scipy::special::betainc(2.0, 3.0, x.abs() * 0.9))
        },
        (floats(&[5]),),
    );
    // Rules of the user's own, and differentiation before the export.
    s.both("own rule", |x: &Array| ruled(x), (floats(&[4]),));
    s.add("own rule second", |x: &Array| ruled(x).sum(), (floats(&[4]),), 2);
    s.both("a gradient", |x: &Array| grad(|x: &Array| x.powi(3).sum())(x), (floats(&[4]),));
    s.both("a batch", |x: &Array| vmap(|x: &Array| x.dot(x).sin())(x), (floats(&[4, 3]),));
    s.both("checkpoint", |x: &Array| cotangent::checkpoint(|x: &Array| x.sin().exp())(x), (floats(&[4]),));
    assert!(suite.failures.is_empty(), "{}", suite.failures.join("\n"));
    println!("{} functions", suite.exports.check());
}

#[test]
fn a_function_for_several_platforms_takes_its_number_first() {
    let f = |a: &Array| lax::linalg::cholesky(a).sin();
    let exports = Exports::new("platforms");
    let both = [Platform::Cpu, Platform::Cuda];
    let args = (positive(3, DType::F32),);
    let bytes = exports.add("cholesky", f, &args, |e| e.platforms(both).vjp_order(1), true).unwrap();
    let report = import::inspect(&bytes).unwrap();
    assert_eq!(report.platforms, ["cpu", "cuda"]);
    assert!(report.operations["stablehlo.case"] == 1 && report.operations["stablehlo.cholesky"] >= 1);
    let cholesky = import::jax(&bytes).unwrap().function::<(Array,), Array>().unwrap();
    assert_eq!(cholesky(&args.0).to_vec::<f32>(), f(&args.0).to_vec::<f32>());
    // The platforms have the same program.
    let bytes = exports.add("sine", |x: &Array| x.sin(), &args, |e| e.platforms(both).vjp_order(1), true).unwrap();
    assert!(!import::inspect(&bytes).unwrap().operations.contains_key("stablehlo.case"));
    println!("{} functions", exports.check());
}

#[test]
fn functions_for_other_platforms_are_refused_where_they_run() {
    let export = |platforms: &[Platform]| {
        let sine = |x: &Array| lax::platform_dependent(&[(Platform::Cuda, &|| x.cos())], Some(&|| x.sin()));
        let lowered = jit(sine).lower((&Array::from(0.5f32),)).unwrap();
        let bytes = lowered.to_jax().name("f").vjp_order(2).platforms(platforms.to_vec()).serialize().unwrap();
        (import::inspect(&bytes).unwrap(), import::jax(&bytes).unwrap())
    };
    let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} instead of {b}");
    let x = Array::from(0.5f32);
    let (report, model) = export(&[Platform::Cuda]);
    let message = "` was exported for cuda, not for cpu";
    let problem = report.platform_problem.unwrap().to_string();
    assert!(problem.contains(&format!("`f{message}")) && report.problem.is_none(), "{problem}");
    let f = model.function::<(Array,), Array>().unwrap();
    let complaint = |f: &dyn Fn() -> Array| {
        let panic = catch_unwind(AssertUnwindSafe(f)).map(drop).unwrap_err();
        common::device::message(&*panic)
    };
    let lowered = jit(grad(|x: &Array| f(x))).lower((&x,)).unwrap();
    let refused = [
        complaint(&|| f(&x)),
        complaint(&|| jit(|x: &Array| f(x) + 1.0)(&x)),
        complaint(&|| grad(|x: &Array| f(x))(&x)),
        complaint(&|| grad(grad(|x: &Array| f(x)))(&x)),
        complaint(&|| vmap(|x: &Array| f(x))(&np::stack(&[&x, &x], 0))),
        complaint(&|| lax::fori_loop(0, 2, |_, x: &Array| f(x), x.clone())),
        complaint(&|| checkpoint(|x: &Array| f(x))(&x)),
        lowered.compile().unwrap_err().to_string(),
        lowered.to_jax().serialize().unwrap_err().to_string(),
    ];
    for (i, error) in refused.iter().enumerate() {
        // The derivative in the file is a function of its own, `f_vjp`.
        for part in ["`f", message, "platforms=[\"cpu\"]", "on_any_platform()", "E0808"] {
            assert!(error.contains(part), "case {i}: {part} in {error}");
        }
    }
    // Without the check, it is what the file has, derivatives included.
    let f = model.on_any_platform().function::<(Array,), Array>().unwrap();
    assert_eq!(model.on_any_platform().vjp_order(), 2);
    near(f(&x).item::<f32>(), 0.5f32.cos());
    near(jit(grad(grad(|x: &Array| f(x))))(&x).item::<f32>(), -0.5f32.cos());
    // For several platforms, the branch of this one is imported.
    let (report, model) = export(&[Platform::Cuda, Platform::Cpu]);
    assert!(report.platform_problem.is_none());
    let f = model.function::<(Array,), Array>().unwrap();
    near(f(&x).item::<f32>(), 0.5f32.sin());
    let lowered = jit(|x: &Array| f(x)).lower((&x,)).unwrap();
    let error = lowered.to_jax().platforms([Platform::Cuda]).serialize().unwrap_err().to_string();
    assert!(error.contains("`f` was imported for cpu, not for cuda") && error.contains("E0808"), "{error}");
}

#[test]
fn structs_become_dicts_and_keys_stay_keys() {
    let tree = Unordered {
        z: floats(&[2]),
        a: (floats(&[3]), [floats(&[4]), floats(&[5])]),
        m: BTreeMap::from([(2, floats(&[6])), (10, floats(&[7]))]),
        nothing: None,
    };
    let f = |t: &Unordered, key: &Key, n: &f32| (t.z.sum() * *n, vec![key.clone()]);
    let lowered = jit(f).lower((&tree, &random::key(0), &2.0)).unwrap();
    let model = import::jax(lowered.to_jax().name("f").serialize().unwrap()).unwrap();
    assert_eq!(
        model.to_string(),
        "f({a: (f32[3], (f32[4], f32[5])), m: {10: f32[7], 2: f32[6]}, nothing: None, z: f32[2]}, key<fry>[], None) \
         -> (f32[], [key<fry>[]])"
    );
}

#[test]
fn what_jax_cannot_have_is_an_error() {
    let x = floats(&[3]);
    let export = |f: fn(&Array) -> Array, order: usize| {
        let lowered = jit(f).lower((&x,)).unwrap();
        lowered.to_jax().name("f").vjp_order(order).serialize().unwrap_err().to_string()
    };
    let error = export(|x| lax::while_loop(|x: &Array| x.sum().greater(1.0), |x: &Array| x / 2.0, x.clone()), 1);
    assert!(error.contains("a `while_loop` has no reverse-mode derivative"), "{error}");
    let error = export(|x| cotangent::pure_callback(x.aval(), |x: &Array| x.clone(), x), 0);
    assert!(error.contains("a program with callbacks cannot be exported"), "{error}");
    let lowered = jit(|x: &Array| x + 1.0).lower((&x,)).unwrap();
    let error = lowered.to_jax().platforms([]).serialize().unwrap_err().to_string();
    assert!(error.contains("for no platform"), "{error}");
    // Two keys that are one text.
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    struct Same(u8);
    impl std::fmt::Display for Same {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("same")
        }
    }
    let map = BTreeMap::from([(Same(1), x.clone()), (Same(2), x)]);
    let lowered = jit(|m: &BTreeMap<Same, Array>| m.clone()).lower((&map,)).unwrap();
    let error = lowered.to_jax().serialize().unwrap_err().to_string();
    assert!(error.contains("two entries of a map have the name `same` as text"), "{error}");
}

/// A file that JAX has run and differentiated twice. Its gradients are those that JAX computed by the derivative in it.
#[test]
fn a_stored_export_is_read() {
    let file = |name: &str| std::fs::read(common::folder().join("exports").join(name)).unwrap();
    let text = String::from_utf8(file("mlp_loss.txt")).unwrap();
    let arrays = |what: &str| -> Vec<Array> {
        let lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let mut lines: Vec<Vec<&str>> = lines.filter(|line| line[0] == what).collect();
        // Python sorts the names of fields.
        lines.sort_by_key(|line| line[1]);
        let array = |line: Vec<&str>| {
            let bytes = (0..line[4].len() / 2).map(|i| u8::from_str_radix(&line[4][2 * i..2 * i + 2], 16).unwrap());
            let shape: Vec<usize> = line[3].split(',').filter_map(|n| n.parse().ok()).collect();
            Array::from_bytes(bytes.collect::<Vec<u8>>(), line[2].parse().unwrap(), shape).unwrap()
        };
        lines.into_iter().map(array).collect()
    };
    let bytes = file("mlp_loss.jax");
    assert_eq!(import::inspect(&bytes).unwrap().vjp_order, 2);
    let model = import::jax(&bytes).unwrap();
    assert!(model.to_string().contains("({layers: [{bias: f32[5], weight: f32[4,5]}, {bias: None, weight: f32[5,3]}]"));
    let loss = model.flat();
    let ct = arrays("ct").swap_remove(0);
    let (value, slopes) = value_and_grad(|x: &Vec<Array>| loss(x).swap_remove(0) * &ct)(&arrays("in"));
    let near = |got: &Array, expected: &Array| assert!((got - expected).abs().max().item::<f32>() < 1e-6);
    near(&(value / &ct), &arrays("out")[0]);
    slopes.iter().zip(&arrays("grad")).for_each(|(got, expected)| near(got, expected));
}
