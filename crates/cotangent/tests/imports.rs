//! Functions that `jax.export` wrote: `goldens/imports.json`, made by `goldens/make_imports.py` from packages of the JAX
//! ecosystem, `goldens/torch.json`, made by `goldens/make_torch.py`, and the StableHLO text of TensorFlow and torch-xla in
//! `goldens/tensorflow.json` and `goldens/torch_xla.json`, made by `make_tensorflow.py` and `make_torch_xla.py`. Their values, gradients and batches are those of JAX, of
//! PyTorch and of TensorFlow. So are those of functions that were written with their derivatives, to the order that the file has:
//! `goldens/imports_vjp.json`, made by `goldens/make_imports_vjp.py`.

#[path = "imports/backward_compat.rs"]
mod backward_compat;
#[path = "common/mod.rs"]
mod common;
#[path = "imports/opaque.rs"]
mod opaque;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::base64::decoded;
use common::{float, golden, list, scalars, usizes};
use cotangent::extend::Scalar;
use cotangent::import::{self, Model};
use cotangent::prelude::*;
use serde_json::Value as Json;

/// Returns the numbers of an array in the order of the script's digests: real parts first.
fn numbers(x: &Array) -> Vec<f64> {
    let all = scalars(x);
    let imaginary = all.iter().filter_map(|x| if let Scalar::Complex(_, im) = x { Some(*im) } else { None });
    let real = all.iter().map(|x| match x {
        Scalar::Bool(b) => f64::from(u8::from(*b)),
        Scalar::Int(i) => *i as f64,
        Scalar::Uint(u) => *u as f64,
        Scalar::Float(x) => *x,
        Scalar::Complex(re, _) => *re,
    });
    real.chain(imaginary).collect()
}

/// Describes how an array differs from what is stored.
fn difference(got: &Array, stored: &Json, tolerance: f64) -> Option<String> {
    let expected: Vec<f64> = list(&stored["digest"]).iter().map(float).collect();
    let (dtype, shape) = (stored["dtype"].as_str().unwrap_or_default(), usizes(&stored["shape"]));
    let zero = common::array(&serde_json::json!({"dtype": dtype, "shape": [0], "data": []})).expect("a dtype");
    if got.shape() != shape || got.dtype() != zero.dtype() {
        return Some(format!("{} instead of {dtype}{shape:?}", got.aval()));
    }
    let all = numbers(got);
    let weighted = all.iter().enumerate().map(|(i, x)| x * (1.0 + i as f64).cos()).sum();
    let digest = [all.iter().sum::<f64>(), weighted, all.iter().map(|x| x.abs()).sum()];
    let size = expected[2].max(1e-2);
    let near = |(a, b): (&f64, &f64)| (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= tolerance * size;
    (!digest.iter().zip(&expected).all(near)).then(|| format!("{digest:?} instead of {expected:?}"))
}

/// The sum of the elements of all results that are floats, with weights.
fn loss(outputs: &[Array]) -> Array {
    let floats = outputs.iter().enumerate().filter(|(_, y)| y.dtype().is_float());
    let terms = floats.map(|(k, y)| {
        let weights: Vec<f32> = (0..y.size()).map(|i| (1.0 + k as f32 + i as f32).cos()).collect();
        (y.astype(DType::F32).reshape([y.size()]) * Array::from(weights)).sum()
    });
    terms.reduce(|a, b| a + b).unwrap_or_else(|| Array::from(0f32))
}

struct Case<'a> {
    name: &'a str,
    inputs: Vec<Array>,
    json: &'a Json,
}

/// The tolerance relative to the sum of magnitudes: single precision, and matrices that amplify its errors.
const TOLERANCE: f64 = 3e-5;

impl Case<'_> {
    fn compare(&self, what: &str, got: &[Array], failed: &mut Vec<String>) {
        let expected = list(&self.json[what]);
        if got.len() != expected.len() {
            failed.push(format!("{} {what}: {} results instead of {}", self.name, got.len(), expected.len()));
        }
        let tolerance = self.json["tolerance"].as_f64().unwrap_or(TOLERANCE);
        for (i, (x, stored)) in got.iter().zip(expected).enumerate() {
            if let Some(difference) = difference(x, stored, tolerance) {
                failed.push(format!("{} {what} {i}: {difference}", self.name));
            }
        }
    }

    fn run(&self, failed: &mut Vec<String>) {
        let model = match self.json["text"].as_str() {
            Some(text) => import::stablehlo(text),
            None => import::jax(decoded(self.json["artifact"].as_str().expect("an artifact"))),
        };
        let model = match model {
            Ok(model) => model,
            Err(error) => return failed.push(format!("{}: {error}", self.name)),
        };
        let model = if self.json["platform"].is_null() { model } else { model.on_any_platform() };
        match self.json["order"].as_u64() {
            Some(order) => self.run_with_vjp(&model, order as usize, failed),
            None => self.run_operations(&model, failed),
        }
    }

    /// The indices of the inputs that are floats, and these inputs.
    fn floats(&self) -> (Vec<usize>, Vec<Array>) {
        let at: Vec<usize> = (0..self.inputs.len()).filter(|i| self.inputs[*i].dtype().is_float()).collect();
        let moving = at.iter().map(|i| self.inputs[*i].clone()).collect();
        (at, moving)
    }

    /// Compares a function whose file has its derivatives.
    fn run_with_vjp(&self, model: &Model, order: usize, failed: &mut Vec<String>) {
        if model.vjp_order() != order {
            failed.push(format!("{}: derivatives of the order {}", self.name, model.vjp_order()));
        }
        let f = model.flat();
        let f = |p: &Vec<Array>| f(p);
        self.compare("value", &jit(f)(&self.inputs), failed);
        let (at, moving) = self.floats();
        let of_floats = |floats: &Vec<Array>| {
            let mut p = self.inputs.clone();
            at.iter().zip(floats).for_each(|(i, x)| p[*i] = x.clone());
            loss(&f(&p))
        };
        self.compare("grad", &jit(grad(of_floats))(&moving), failed);
        if self.json["operations"] == true {
            let f = model.without_vjp().flat();
            let of_floats = |floats: &Vec<Array>| {
                let mut p = self.inputs.clone();
                at.iter().zip(floats).for_each(|(i, x)| p[*i] = x.clone());
                loss(&f(&p))
            };
            self.compare("grad", &jit(grad(of_floats))(&moving), failed);
        }
        if order > 1 {
            let second = grad(|p: &Vec<Array>| loss(&grad(of_floats)(p)));
            self.compare("second", &jit(second)(&moving), failed);
        }
        // A batch of the first float; the others are not batched.
        let of_pair = |p: &Vec<Array>| {
            let rest = &p[1..];
            let one = |x: &Array| of_floats(&std::iter::once(x).chain(rest).cloned().collect());
            vmap(one)(&p[0]).sum()
        };
        let mut pair = moving.clone();
        pair[0] = np::stack(&[&moving[0], &(&moving[0] * 0.98).astype(moving[0].dtype())], 0);
        self.compare("vmap", &jit(grad(of_pair))(&pair), failed);
    }

    /// Compares a function whose derivatives are those of its operations.
    fn run_operations(&self, model: &Model, failed: &mut Vec<String>) {
        let f = model.flat();
        let f = |p: &Vec<Array>| f(p);
        self.compare("value", &jit(f)(&self.inputs), failed);
        let pairs: Vec<Array> = (self.inputs.iter())
            .map(|x| {
                let second = if x.dtype().is_float() { (x * 0.98).astype(x.dtype()) } else { x.clone() };
                np::stack(&[x, &second], 0)
            })
            .collect();
        self.compare("vmap", &jit(vmap(f))(&pairs), failed);
        let (at, moving) = self.floats();
        let of_floats = |floats: &Vec<Array>| {
            let mut p = self.inputs.clone();
            at.iter().zip(floats).for_each(|(i, x)| p[*i] = x.clone());
            loss(&f(&p))
        };
        if !self.json["grad"].is_null() {
            self.compare("grad", &jit(grad(of_floats))(&moving), failed);
        }
        if !self.json["jvp"].is_null() {
            let along = |p: &Vec<Array>| {
                let ones: Vec<Array> = p.iter().map(|x| np::ones(x.shape()).astype(x.dtype())).collect();
                let (y, dy) = jvp(of_floats, (p,), (&ones,));
                vec![y, dy]
            };
            self.compare("jvp", &jit(along)(&moving), failed);
        }
    }
}

/// Runs the cases of a file in two threads, and returns their number.
fn compared(file: &str) -> usize {
    let file = golden(file);
    let only = std::env::var("IMPORTS").ok();
    let cases: Vec<Case<'_>> = (list(&file["cases"]).iter())
        .map(|json| Case {
            name: json["name"].as_str().expect("a name"),
            inputs: common::arrays(&json["inputs"]).into_iter().flatten().collect(),
            json,
        })
        .filter(|case| only.as_ref().is_none_or(|only| only.split(',').any(|n| n == case.name)))
        .collect();
    let next = AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut own = Vec::new();
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case.run(&mut own))) {
                        own.push(format!("{}: {}", case.name, common::device::message(&*panic)));
                    }
                    failed.lock().expect("no thread panics with the lock").extend(own);
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no thread panics with the lock");
    println!("{} functions", cases.len());
    assert!(failed.is_empty(), "{} differences:\n{}", failed.len(), failed.join("\n"));
    if only.is_some() { list(&file["cases"]).len() } else { cases.len() }
}

#[test]
fn functions_of_packages_are_those_of_jax() {
    compared("imports.json");
    let file = golden("imports.json");
    let n = list(&file["cases"]).iter().filter(|case| case["package"] != "jax").count();
    assert!(n >= 60, "only {n} functions of packages are stored");
}

#[test]
fn modules_of_pytorch_are_those_of_pytorch() {
    let n = compared("torch.json");
    assert!(n >= 5, "only {n} modules are stored");
}

#[test]
fn functions_of_tensorflow_are_those_of_tensorflow() {
    let n = compared("tensorflow.json");
    assert!(n >= 10, "only {n} functions are stored");
}

#[test]
fn modules_by_torch_xla_are_those_of_pytorch() {
    let n = compared("torch_xla.json");
    assert!(n >= 6, "only {n} modules are stored");
}

#[test]
fn a_module_without_a_main_function_is_its_only_public_one() {
    let one = "func.func private @twice(%x: tensor<f32>) -> tensor<f32> {
            %0 = stablehlo.add %x, %x : tensor<f32>
            return %0 : tensor<f32>
        }
        func.func @serving_default(%x: tensor<f32> {tf_saved_model.index_path = [\"x\"]}) -> (tensor<f32> {
            tf_saved_model.index_path = [\"y\"]}) attributes {tf.entry_function = {control_outputs = \"\", inputs = \"x:0\",
            outputs = \"y:0\"}, tf_saved_model.exported_names = [\"serving_default\"]} {
            %0 = func.call @twice(%x) : (tensor<f32>) -> tensor<f32>
            return %0 : tensor<f32>
        }";
    let module = |functions: &str| {
        let versions = "tf.versions = {bad_consumers = [], min_consumer = 0 : i32, producer = 1882 : i32}";
        import::stablehlo(format!("module attributes {{{versions}, tf_saved_model.semantics}} {{ {functions} }}"))
    };
    let model = module(one).unwrap();
    assert_eq!(model.to_string(), "serving_default(f32[]) -> f32[]");
    assert_eq!(model.flat()(&vec![Array::from(3f32)])[0].item::<f32>(), 6.0);
    let error = module(&one.replace("private ", "")).unwrap_err().to_string();
    assert!(error.contains("no function `main`"), "{error}");
}

#[test]
fn derivatives_in_the_file_are_those_of_jax() {
    let n = compared("imports_vjp.json");
    assert!(n >= 20, "only {n} functions are stored");
}

fn with_vjp(name: &str) -> Vec<u8> {
    stored("imports_vjp.json", name)
}

/// Returns what a closure panics with.
fn complaint<R>(f: impl FnOnce() -> R) -> String {
    common::device::message(&*catch_unwind(AssertUnwindSafe(f)).map(drop).unwrap_err())
}

#[test]
fn derivatives_in_the_file_are_for_reverse_mode() {
    let model = import::jax(with_vjp("stopped")).unwrap();
    let f = model.function::<(Array,), Array>().unwrap();
    let x = Array::from([0.5f32, 1.0, 1.5]);
    let near = |a: &Array, b: &Array| assert!((a - b).abs().max().item::<f32>() < 1e-6, "{a} instead of {b}");
    // x · stop_gradient(sin x), outside of `jit` too.
    near(&grad(|x: &Array| f(x).sum())(&x), &x.sin());
    near(&jacrev(|x: &Array| f(x))(&x), &np::diag(&x.sin()));
    near(&vmap(grad(|x: &Array| f(&np::stack(&[x, x, x], 0)).sum()))(&x), &(3.0 * x.sin()));
    let looped = |x: &Array| lax::fori_loop(0, 3, |_, c: &Array| f(c), x.clone()).sum();
    let unrolled = |x: &Array| f(&f(&f(x))).sum();
    near(&grad(looped)(&x), &grad(unrolled)(&x));
    near(&grad(checkpoint(unrolled))(&x), &grad(unrolled)(&x));
    let ones = np::ones([3]);
    for message in [complaint(|| jvp(|x: &Array| f(x), (&x,), (&ones,))), complaint(|| jacfwd(|x: &Array| f(x))(&x))] {
        for part in ["has a rule for reverse mode only", "Model::without_vjp"] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
    let operations = model.without_vjp();
    assert_eq!((model.vjp_order(), operations.vjp_order()), (2, 0));
    let g = operations.function::<(Array,), Array>().unwrap();
    let slope = x.sin() + &x * x.cos();
    near(&grad(|x: &Array| g(x).sum())(&x), &slope);
    near(&jvp(|x: &Array| g(x), (&x,), (&ones,)).1, &slope);
}

#[test]
fn derivatives_that_cannot_be_read_are_errors_when_they_are_needed() {
    let file = golden("imports_vjp.json");
    let mut bytes = decoded(file["refused"][0]["artifact"].as_str().expect("an artifact"));
    assert_eq!(import::jax(&bytes).unwrap().vjp_order(), 1);
    // A routine that nobody has.
    let name = b"lapack_sgees_ffi";
    let at = bytes.windows(name.len()).position(|w| w == name).expect("the name of the routine");
    bytes[at + 7] = b'x';
    let model = import::jax(&bytes).unwrap();
    let f = model.function::<(Array,), Array>().unwrap();
    let x = np::ones([2, 2]);
    assert_eq!(f(&x).to_vec::<f32>(), [2.0; 4]);
    let message = complaint(|| grad(|x: &Array| f(x).sum())(&x));
    for part in
        ["the derivative of `f` in the file cannot be imported", "from schur", "lapack_xgees_ffi", "Model::without_vjp"]
    {
        assert!(message.contains(part), "{part} in {message}");
    }
    let g = model.without_vjp().function::<(Array,), Array>().unwrap();
    assert_eq!(grad(|x: &Array| g(x).sum())(&x).to_vec::<f32>(), [2.0; 4]);
    let report = import::inspect(&bytes).unwrap();
    assert_eq!((report.vjp_order, model.vjp_order()), (1, 0));
    assert!(report.refused.len() == 1 && report.refused[0].contains("lapack_xgees_ffi"), "{:?}", report.refused);
    let problem = report.vjp_problem.expect("a problem").to_string();
    assert!(report.problem.is_none() && problem.contains("lapack_xgees_ffi"), "{problem}");
}

#[test]
fn reports_say_what_derivatives_a_file_has() {
    let report = import::inspect(&with_vjp("q_learning")).unwrap();
    assert_eq!((report.vjp_order, report.vjp_problem.is_none()), (2, true));
    assert_eq!(import::inspect(&artifact("mlp")).unwrap().vjp_order, 0);
}

fn artifact(name: &str) -> Vec<u8> {
    stored("imports.json", name)
}

fn stored(file: &str, name: &str) -> Vec<u8> {
    let file = golden(file);
    let case = list(&file["cases"]).iter().find(|case| case["name"] == name).expect("a case");
    decoded(case["artifact"].as_str().expect("an artifact"))
}

#[test]
fn functions_of_jax_for_other_platforms_need_leave() {
    let bytes = artifact("tpu_decompositions");
    let report = import::inspect(&bytes).unwrap();
    assert_eq!(report.platforms, ["tpu"]);
    let problem = report.platform_problem.expect("a problem").to_string();
    assert!(report.problem.is_none() && problem.contains("`f` was exported for tpu, not for cpu"), "{problem}");
    let f = import::jax(&bytes).unwrap().flat();
    let message = complaint(|| f(&vec![np::eye(4, 4), np::ones([4, 2])]));
    assert!(message.contains("`f` was exported for tpu, not for cpu"), "{message}");
    // With `DisabledSafetyCheck.platform()`, a file gives leave.
    let bytes = artifact("tpu_without_the_check");
    assert!(import::inspect(&bytes).unwrap().platform_problem.is_none());
    assert_eq!(import::jax(&bytes).unwrap().flat()(&vec![np::zeros([3])])[0].to_vec::<f32>(), [1.0; 3]);
}

#[derive(Clone, Tree)]
struct Layer {
    w: Array,
    b: Array,
}

#[test]
fn trees_are_structs_by_the_names_of_fields() {
    let model = import::jax(artifact("mlp")).unwrap();
    assert_eq!(
        model.to_string(),
        "f([{b: f32[8], w: f32[5,8]}, {b: f32[8], w: f32[8,8]}, {b: f32[3], w: f32[8,3]}], f32[4,5]) -> f32[4,3]"
    );
    let f = model.function::<(Vec<Layer>, Array), Array>().unwrap();
    let layer = |m: usize, n: usize| Layer { w: 0.1 * np::ones([m, n]), b: np::zeros([n]) };
    let (layers, x) = (vec![layer(5, 8), layer(8, 8), layer(8, 3)], np::ones([4, 5]));
    let y = (x.dot(&layers[0].w).tanh().dot(&layers[1].w)).tanh().dot(&layers[2].w);
    let near = (f(&layers, &x) - y).abs().max().item::<f32>();
    assert!(near < 1e-6, "{near}");
    let slope = grad(|layers: &Vec<Layer>| f(layers, &x).sum())(&layers);
    assert_eq!(slope[2].b.to_vec::<f32>(), [4.0; 3]);
    assert_eq!(vmap(|x: &Array| f(&layers, x))(&np::ones([3, 4, 5])).shape(), [3, 4, 3]);
}

#[test]
fn trees_that_differ_are_shown_both() {
    #[derive(Clone, Tree)]
    struct Other {
        weight: Array,
    }
    let model = import::jax(artifact("mlp")).unwrap();
    let error = model.function::<(Vec<Other>, Array), Array>().unwrap_err().to_string();
    for part in ["not one with `weight`", "[0][0].b", ".weight"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let error = model.function::<(Vec<Layer>,), Array>().unwrap_err().to_string();
    assert!(error.contains("[1]"), "{error}");
    let f = model.function::<(Vec<Layer>, Array), Array>().unwrap();
    let call = std::panic::catch_unwind(AssertUnwindSafe(|| f(&Vec::new(), &np::ones([4, 5]))));
    let message = common::device::message(&*call.unwrap_err());
    assert!(message.contains("another structure"), "{message}");
}

#[test]
fn compiled_programs_on_traced_arrays_say_what_to_do() {
    let double = |x: &Array| x * 2.0;
    let lowered = jit(double).lower((&Array::from(1f32),)).unwrap();
    let exported = lowered.export().unwrap();
    let (loaded, compiled) = (exported.compile().unwrap(), lowered.compile().unwrap());
    let of_loaded = |x: &Array| loaded.call(&(x.clone(),)).map_err(|e| e.to_string());
    let seen = std::sync::Mutex::new(String::new());
    let traced = |x: &Array| {
        *seen.lock().unwrap() = of_loaded(x).unwrap_err();
        x.clone()
    };
    for transform in ["jit", "grad", "vmap"] {
        let x = Array::from([1f32]);
        match transform {
            "jit" => drop(jit(|x: &Array| traced(&x.sum()))(&x)),
            "grad" => drop(grad(|x: &Array| traced(&x.sum()))(&x)),
            _ => drop(vmap(traced)(&x)),
        }
        let message = seen.lock().unwrap().clone();
        for part in ["cannot be part of another program", "import::stablehlo"] {
            assert!(message.contains(part), "{transform}: {part} in {message}");
        }
    }
    let message = std::panic::catch_unwind(AssertUnwindSafe(|| jit(|x: &Array| compiled(x))(&Array::from(1f32))));
    let message = common::device::message(&*message.unwrap_err());
    assert!(message.contains("cannot be called inside a transformed function"), "{message}");
    // With an import, it can.
    let imported = import::stablehlo(exported.stablehlo()).unwrap().function::<(Array,), Array>().unwrap();
    assert_eq!(grad(|x: &Array| imported(x).square())(&Array::from(3f32)).item::<f32>(), 24.0);
}

/// `x.at[i].apply(jnp.sin)`, as JAX 0.10.2 lowers it.
#[test]
fn scatters_by_functions_are_programs() {
    let of = |unique: bool, n: usize| {
        let text = format!(
            "module @apply {{ func.func public @main(%x: tensor<5xf32>, %i: tensor<{n}x1xi32>) -> tensor<5xf32> {{
                %cst = stablehlo.constant dense<0.0> : tensor<{n}xf32>
                %0 = \"stablehlo.scatter\"(%x, %i, %cst) <{{indices_are_sorted = false, scatter_dimension_numbers =
                    #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0],
                    index_vector_dim = 1>, unique_indices = {unique}}}> ({{
                ^bb0(%a: tensor<f32>, %b: tensor<f32>):
                  %1 = stablehlo.sine %a : tensor<f32>
                  stablehlo.return %1 : tensor<f32>
                }}) : (tensor<5xf32>, tensor<{n}x1xi32>, tensor<{n}xf32>) -> tensor<5xf32>
                return %0 : tensor<5xf32> }} }}"
        );
        import::stablehlo(text).unwrap().function::<(Array, Array), Array>().unwrap()
    };
    let x = Array::from([0.1f32, 0.2, 0.3, 0.4, 0.5]);
    let near = |a: &Array, b: [f32; 5]| {
        assert!((a - Array::from(b)).abs().max().item::<f32>() < 1e-6, "{a} instead of {b:?}");
    };
    // An index out of bounds is left out; one that occurs twice applies the function twice.
    let twice = Array::from([[1i32], [1], [3], [9]]);
    let (s, c) = (0.2f32.sin(), 0.2f32.cos());
    let f = of(false, 4);
    near(&f(&x, &twice), [0.1, s.sin(), 0.3, 0.4f32.sin(), 0.5]);
    near(&grad(|x: &Array| f(x, &twice).sum())(&x), [1.0, s.cos() * c, 1.0, 0.4f32.cos(), 1.0]);
    let both = vmap(|x: &Array| f(x, &twice))(&np::stack(&[&x, &(&x * 0.0)], 0));
    near(&both.slice_axis(0, 0, 1).reshape([5]), [0.1, s.sin(), 0.3, 0.4f32.sin(), 0.5]);
    let once = Array::from([[4i32], [0], [7]]);
    let f = of(true, 3);
    near(&f(&x, &once), [0.1f32.sin(), 0.2, 0.3, 0.4, 0.5f32.sin()]);
    near(&grad(|x: &Array| f(x, &once).sum())(&x), [0.1f32.cos(), 1.0, 1.0, 1.0, 0.5f32.cos()]);
}

/// The operations of StableHLO, against the formulas of its specification.
#[test]
fn batch_normalization_is_its_formula() {
    let attrs = "{epsilon = 1.000000e-03 : f32, feature_index = 1 : i64}";
    let (x, v) = ("tensor<4x3x2xf32>", "tensor<3xf32>");
    let module = |op: &str, args: &[&str], results: &[&str]| {
        let list = |types: &[&str]| types.join(", ");
        let params: Vec<String> = args.iter().enumerate().map(|(i, ty)| format!("%a{i}: {ty}")).collect();
        let names: Vec<String> = (0..args.len()).map(|i| format!("%a{i}")).collect();
        let (count, outs): (usize, Vec<String>) =
            (results.len(), (0..results.len()).map(|i| format!("%0#{i}")).collect());
        let (bound, outs) =
            if count == 1 { ("%0".to_string(), "%0".to_string()) } else { (format!("%0:{count}"), outs.join(", ")) };
        let text = format!(
            "module @m {{ func.func public @main({}) -> ({}) {{
                {bound} = \"stablehlo.batch_norm_{op}\"({}) {attrs} : ({}) -> ({})
                return {outs} : {} }} }}",
            params.join(", "),
            list(results),
            names.join(", "),
            list(args),
            list(results),
            list(results)
        );
        import::stablehlo(text).unwrap().flat()
    };
    let training = module("training", &[x, v, v], &[x, v, v]);
    let inference = module("inference", &[x, v, v, v, v], &[x]);
    let gradient = module("grad", &[x, v, v, v, x], &[x, v, v]);
    let wave = |n: usize, by: f32| Array::from((0..n).map(|i| (by * (1.0 + i as f32)).sin()).collect::<Vec<f32>>());
    let (data, scale, offset) = (wave(24, 1.3).reshape([4, 3, 2]), wave(3, 0.7), wave(3, 0.4));
    let out = training(&vec![data.clone(), scale.clone(), offset.clone()]);
    // The statistics, counted here.
    let values = data.to_vec::<f32>();
    let of_feature = |k: usize| (0..24).filter(move |i| i / 2 % 3 == k).map(|i| values[i]).collect::<Vec<f32>>();
    for k in 0..3 {
        let all = of_feature(k);
        let mean = all.iter().sum::<f32>() / 8.0;
        let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 8.0;
        assert!((out[1].to_vec::<f32>()[k] - mean).abs() < 1e-6);
        assert!((out[2].to_vec::<f32>()[k] - variance).abs() < 1e-6);
        let first = (all[0] - mean) / (variance + 1e-3).sqrt() * scale.to_vec::<f32>()[k] + offset.to_vec::<f32>()[k];
        assert!((out[0].to_vec::<f32>()[2 * k] - first).abs() < 1e-5);
    }
    let near = |a: &Array, b: &Array| assert!((a - b).abs().max().item::<f32>() < 1e-5, "{a} instead of {b}");
    let again = inference(&vec![data.clone(), scale.clone(), offset.clone(), out[1].clone(), out[2].clone()]);
    near(&again[0], &out[0]);
    let ct = wave(24, 0.9).reshape([4, 3, 2]);
    let slopes = grad(|p: &Vec<Array>| (&training(p)[0] * &ct).sum())(&vec![data.clone(), scale.clone(), offset]);
    let theirs = gradient(&vec![data, scale, out[1].clone(), out[2].clone(), ct.clone()]);
    slopes.iter().zip(&theirs).for_each(|(a, b)| near(a, b));
}
