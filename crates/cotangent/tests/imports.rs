//! Functions that `jax.export` wrote: `goldens/imports.json`, made by `goldens/make_imports.py` from packages of the JAX
//! ecosystem, and `goldens/torch.json`, made by `goldens/make_torch.py`. Their values, gradients and batches are those of JAX
//! and of PyTorch.

#[path = "common/mod.rs"]
mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{decoded, float, golden, list, scalars, usizes};
use cotangent::extend::Scalar;
use cotangent::import;
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
        let artifact = decoded(self.json["artifact"].as_str().expect("an artifact"));
        let model = match import::jax(&artifact) {
            Ok(model) => model,
            Err(error) => return failed.push(format!("{}: {error}", self.name)),
        };
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
        let at: Vec<usize> = (0..self.inputs.len()).filter(|i| self.inputs[*i].dtype().is_float()).collect();
        let moving: Vec<Array> = at.iter().map(|i| self.inputs[*i].clone()).collect();
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

#[test]
fn functions_of_packages_are_those_of_jax() {
    compare("imports.json", 60);
}

#[test]
fn modules_of_pytorch_are_those_of_pytorch() {
    compare("torch.json", 5);
}

/// Compares the functions of a file, which must be this many at least.
fn compare(file: &str, least: usize) {
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
    assert!(only.is_some() || cases.len() >= least, "only {} functions are stored", cases.len());
}

fn artifact(name: &str) -> Vec<u8> {
    let file = golden("imports.json");
    let case = list(&file["cases"]).iter().find(|case| case["name"] == name).expect("a case");
    decoded(case["artifact"].as_str().expect("an artifact"))
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
