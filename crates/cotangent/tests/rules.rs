//! Every primitive × {value, jit, jvp, vjp, second order, vmap, dtypes}, against JAX and numeric differences.
//!
//! The table is generated from the registry of primitives and the stored cases: a primitive without cases fails.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Tolerance, array, arrays, difference, golden, list, scalars, scale};
use cotangent::core::primitive::Primitive;
use cotangent::core::{bind_shared, bind1};
use cotangent::ops::reduce::ReduceSum;
use cotangent::ops::shape::Concatenate;
use cotangent::prelude::*;
use serde_json::Value as Json;

/// One mapped call: the batch axis of each input, the inputs, and what JAX gives with the axis in front.
struct Mapped {
    axes: Vec<Option<usize>>,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

/// What JAX says of a primitive's derivatives at the inputs.
struct Derivatives {
    tangents: Vec<Option<Array>>,
    jvp: Vec<Option<Array>>,
    cotangents: Vec<Option<Array>>,
    vjp: Vec<Option<Array>>,
    second: Option<Vec<Option<Array>>>,
}

struct Case {
    primitive: String,
    name: String,
    prim: Arc<dyn Primitive>,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
    derivatives: Option<Derivatives>,
    no_rule: bool,
    vmap: Vec<Mapped>,
}

fn present(x: &Json) -> Vec<Array> {
    arrays(x).into_iter().map(|x| x.expect("an array")).collect()
}

impl Case {
    fn parse(case: &Json) -> Result<Case, String> {
        let text = |key: &str| case[key].as_str().expect("a name").to_string();
        let prim = common::primitives::primitive(&text("primitive"), &case["params"])?;
        let inputs = present(&case["inputs"]);
        let derivatives = case.get("jvp").map(|jvp| Derivatives {
            tangents: arrays(&case["tangents"]),
            jvp: arrays(jvp),
            cotangents: arrays(&case["cotangents"]),
            vjp: arrays(&case["vjp"]),
            second: case.get("second").map(arrays),
        });
        let vmap = case.get("vmap").map(list).unwrap_or_default().iter().map(|v| Mapped {
            axes: list(&v["in_axes"]).iter().map(|a| a.as_u64().map(|a| a as usize)).collect(),
            inputs: present(&v["inputs"]),
            outputs: list(&v["outputs"]).iter().filter_map(array).collect(),
        });
        Ok(Case {
            primitive: text("primitive"),
            name: text("case"),
            prim,
            outputs: present(&case["outputs"]),
            derivatives,
            no_rule: case.get("no_rule").is_some(),
            vmap: vmap.collect(),
            inputs,
        })
    }

    /// Whether numeric differences say anything about the derivative.
    fn smooth(&self) -> bool {
        // Rounding to fewer bits is a staircase to which JAX gives the slope of its ramp, and the point of
        // `stop_gradient` is to differ. The rule of `cholesky` is that of Hermitian tangents. A float of fewer bits has too much noise for differences.
        let narrow = self.outputs.iter().any(|y| y.dtype().is_inexact() && y.dtype().real() != DType::F64);
        !self.name.ends_with("_tie")
            && !narrow
            && !matches!(self.primitive.as_str(), "reduce_precision" | "stop_gradient" | "cholesky")
    }

    /// Where JAX's derivative is not the derivative: it takes that of a complex sign to be zero, and that of a
    /// complex acosh from the wrong branch of a root where the real part is negative. Ours must be what numeric
    /// differences say.
    fn jax_errs(&self) -> bool {
        matches!(self.primitive.as_str(), "sign" | "acosh") && self.inputs[0].dtype().is_complex()
    }

    /// Whether reverse over reverse must give what JAX stored, which is forward over reverse. At the branch points
    /// of these two the orders meet infinities in another sequence, in JAX as well; and off the Hermitian matrices
    /// the rule of `cholesky` is no derivative, so that its second ones need not be symmetric.
    fn commutes(&self) -> bool {
        if self.primitive == "cholesky" {
            return false;
        }
        !(self.name.ends_with("_tie") && matches!(self.primitive.as_str(), "pow" | "acosh"))
    }

    /// How near a value must be to JAX's.
    fn tolerance(&self, like: &Array) -> Tolerance {
        // What only moves, chooses or rounds elements is exact.
        let exact = matches!(
            self.primitive.as_str(),
            "neg"
                | "abs"
                | "sign"
                | "floor"
                | "ceil"
                | "round"
                | "copy"
                | "stop_gradient"
                | "real"
                | "imag"
                | "conj"
                | "complex"
                | "max"
                | "min"
                | "nextafter"
                | "clamp"
                | "select_n"
                | "convert_element_type"
                | "bitcast_convert_type"
                | "reduce_precision"
                | "broadcast_in_dim"
                | "reshape"
                | "transpose"
                | "rev"
                | "concatenate"
                | "pad"
                | "slice"
                | "squeeze"
                | "split"
                | "optimization_barrier"
                | "dynamic_slice"
                | "dynamic_update_slice"
                | "gather"
                | "scatter"
                | "scatter-min"
                | "scatter-max"
                | "iota"
                | "reduce_max"
                | "reduce_min"
                | "argmax"
                | "argmin"
                | "cummax"
                | "cummin"
                | "reduce_window_max"
                | "reduce_window_min"
                | "select_and_gather_add"
                | "top_k"
                | "sort"
                | "add"
                | "sub"
                | "square"
        );
        let real = self.inputs.iter().all(|x| !x.dtype().is_complex());
        if exact && real {
            return Tolerance::default();
        }
        // A few units in the last place: the plugin need not be the very build that JAX used.
        let relative = match like.dtype().real() {
            DType::F64 => 1e-14,
            DType::F32 => 1e-6,
            DType::F16 => 2e-3,
            DType::BF16 => 1.6e-2,
            _ => 0.0,
        };
        Tolerance { relative, ..Tolerance::default() }
    }
}

/// The step and the weights of a central difference of fourth order.
const STEP: f64 = 2e-4;
const POINTS: [(f64, f64); 4] = [(-2.0, 1.0 / 12.0), (-1.0, -8.0 / 12.0), (1.0, 8.0 / 12.0), (2.0, -1.0 / 12.0)];

/// A program's results by name.
type Named = Vec<(String, Array)>;

fn sum_all(x: &Array) -> Array {
    bind1(ReduceSum { axes: (0..x.ndim()).collect() }, &[x])
}

/// `x + c·t` at each point, along a new leading axis.
fn points(x: &Array, t: &Array) -> Array {
    let at: Vec<Array> = POINTS.iter().map(|(c, _)| (x + t * (c * STEP)).expand_dims(0)).collect();
    bind1(Concatenate { dimension: 0 }, &at.iter().collect::<Vec<_>>())
}

/// The derivative that results at those points suggest.
fn slope(values: &Array) -> Array {
    let terms = POINTS.iter().enumerate().map(|(i, (_, w))| {
        let shape = values.shape()[1..].to_vec();
        values.slice_axis(0, i, i + 1).reshape(shape) * (w / STEP)
    });
    terms.reduce(|a, b| a + b).expect("there are points")
}

fn named(out: &mut Named, what: &str, values: &[Array]) {
    out.extend(values.iter().enumerate().map(|(i, x)| (format!("{what}.{i}"), x.clone())));
}

/// All checks of a case as one program, to be compiled once. The arguments are the inputs, the tangents, the
/// cotangents and the inputs of the mapped calls.
fn program(case: &Case, args: &[Array]) -> Named {
    let mut args = args.iter().cloned();
    let mut take = |n: usize| -> Vec<Array> { args.by_ref().take(n).collect() };
    let apply = |x: &[Array]| bind_shared(case.prim.clone(), &x.iter().collect::<Vec<_>>()).into_vec();
    let x = take(case.inputs.len());
    let mut out = Named::new();
    named(&mut out, "jit", &apply(&x));
    if let Some(d) = &case.derivatives {
        let t = take(d.tangents.iter().flatten().count());
        let cts = take(d.cotangents.iter().flatten().count());
        // The function of the inputs that have tangents, its results being those that have cotangents.
        let of = |v: &Vec<Array>| -> Vec<Array> {
            let mut v = v.iter();
            let full: Vec<Array> = (x.iter().zip(&d.tangents))
                .map(|(x, t)| if t.is_some() { v.next().expect("an input").clone() } else { x.clone() })
                .collect();
            apply(&full).into_iter().zip(&d.cotangents).filter(|(_, c)| c.is_some()).map(|(y, _)| y).collect()
        };
        let v: Vec<Array> = x.iter().zip(&d.tangents).filter(|(_, t)| t.is_some()).map(|(x, _)| x.clone()).collect();
        let (y, dy) = jvp(of, (&v,), (&t,));
        named(&mut out, "jvp value", &y);
        named(&mut out, "jvp", &dy);
        let (y, back) = vjp(of, (&v,));
        named(&mut out, "vjp value", &y);
        named(&mut out, "vjp", &back(&cts).0);
        if case.smooth() {
            let at: Vec<Array> = v.iter().zip(&t).map(|(x, t)| points(x, t)).collect();
            let slopes: Vec<Array> = vmap(of)(&at).iter().map(slope).collect();
            named(&mut out, "numeric jvp", &slopes);
        }
        if d.second.is_some() {
            let s = |v: &Vec<Array>| -> Array {
                let terms = of(v).into_iter().zip(&cts).map(|(y, ct)| sum_all(&(y * ct)));
                terms.reduce(|a, b| a + b).expect("a result")
            };
            named(&mut out, "second, forward over reverse", &jvp(grad(s), (&v,), (&t,)).1);
            let along = |v: &Vec<Array>| -> Array {
                let terms = grad(s)(v).into_iter().zip(&t).map(|(g, t)| sum_all(&(g * t)));
                terms.reduce(|a, b| a + b).expect("a gradient")
            };
            if case.commutes() {
                named(&mut out, "second, reverse over reverse", &grad(along)(&v));
            }
            if case.smooth() {
                let at: Vec<Array> = v.iter().zip(&t).map(|(x, t)| points(x, t)).collect();
                let mapped = vmap(grad(s))(&at);
                let slopes: Vec<Array> = mapped.iter().map(slope).collect();
                named(&mut out, "numeric second", &slopes);
                // The mapped gradient is the loop of gradients: the first and the last of them.
                for i in [0, POINTS.len() - 1] {
                    let pick = |a: &Array| a.slice_axis(0, i, i + 1).reshape(&a.shape()[1..]);
                    let one: Vec<Array> = at.iter().map(pick).collect();
                    named(
                        &mut out,
                        &format!("vmap of grad, element {i}"),
                        &mapped.iter().map(pick).collect::<Vec<_>>(),
                    );
                    named(&mut out, &format!("grad, element {i}"), &grad(s)(&one));
                }
            }
        }
    }
    for (k, mapped) in case.vmap.iter().enumerate() {
        let x = take(mapped.inputs.len());
        // The inputs mapped over their first axis, over their last, and not at all.
        let place = |i: usize| match mapped.axes[i] {
            None => 2,
            Some(0) => 0,
            Some(a) => {
                assert_eq!(a + 1, mapped.inputs[i].ndim(), "an axis is the first or the last");
                1
            }
        };
        let group =
            |g: usize| -> Vec<Array> { (0..x.len()).filter(|i| place(*i) == g).map(|i| x[i].clone()).collect() };
        let f = |first: &Vec<Array>, last: &Vec<Array>| {
            let mut parts = [first.iter(), last.iter()];
            let full: Vec<Array> = (0..x.len())
                .map(|i| match place(i) {
                    2 => x[i].clone(),
                    g => parts[g].next().expect("an input").clone(),
                })
                .collect();
            apply(&full)
        };
        named(
            &mut out,
            &format!("vmap {:?} (entry {k})", mapped.axes),
            &vmap(f).in_axes((0, -1))(&group(0), &group(1)),
        );
    }
    out
}

/// Re Σ a·b over all elements, without conjugation.
fn dot(a: &[&Array], b: &[&Array]) -> f64 {
    use cotangent::core::literal::Scalar;
    let product = |pair: (Scalar, Scalar)| match pair {
        (Scalar::Float(a), Scalar::Float(b)) => a * b,
        (Scalar::Complex(ar, ai), Scalar::Complex(br, bi)) => ar * br - ai * bi,
        other => panic!("not two numbers of a kind: {other:?}"),
    };
    a.iter().zip(b).flat_map(|(a, b)| scalars(a).into_iter().zip(scalars(b))).map(product).sum()
}

/// What was checked of a primitive, how often.
#[derive(Default)]
struct Row {
    counts: BTreeMap<&'static str, usize>,
    dtypes: BTreeSet<DType>,
}

const COLUMNS: [&str; 7] = ["value", "jit", "jvp", "vjp", "second", "vmap", "numeric"];

/// Runs a case: the counts of its checks, and what failed.
fn run(case: &Case) -> (Vec<&'static str>, Vec<String>) {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    let mut compare = |column: &'static str, what: &str, got: &Array, expected: &Array, tolerance: Tolerance| {
        done.push(column);
        if let Some(difference) = difference(got, expected, tolerance) {
            failures.push(format!("{}/{} {what}: {difference}", case.primitive, case.name));
        }
    };
    // As JAX computes them, a derivative's terms may come in another order: a few roundings of the largest.
    // JAX ran them op by op; in one program a fused multiply-add may keep what a rounding would have lost (1 − y
    // where y rounds to 1).
    let derived = Tolerance { relative: 1e-13, of_scale: 1e-14, absolute: 1e-16 };
    let derived = if case.primitive == "exp2" && case.inputs.iter().any(|x| x.dtype().is_complex()) {
        // JAX rounds log 2 to a c64 here; numeric differences check ours.
        Tolerance { relative: 1e-8, ..derived }
    } else {
        derived
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        let outputs = bind_shared(case.prim.clone(), &case.inputs.iter().collect::<Vec<_>>());
        assert_eq!(outputs.len(), case.outputs.len(), "the number of results");
        for (i, (y, expected)) in outputs.iter().zip(&case.outputs).enumerate() {
            compare("value", &format!("value.{i}"), y, expected, case.tolerance(expected));
        }
        let mut args = case.inputs.clone();
        let mut expected: BTreeMap<String, (&'static str, Array, Tolerance)> = BTreeMap::new();
        let mut expect =
            |column: &'static str, what: &str, values: Vec<Array>, tolerance: &dyn Fn(&Array) -> Tolerance| {
                for (i, x) in values.into_iter().enumerate() {
                    let tolerance = tolerance(&x);
                    expected.insert(format!("{what}.{i}"), (column, x, tolerance));
                }
            };
        let of_value = |x: &Array| case.tolerance(x);
        expect("jit", "jit", case.outputs.clone(), &of_value);
        if let Some(d) = &case.derivatives {
            let some = |x: &[Option<Array>]| -> Vec<Array> { x.iter().flatten().cloned().collect() };
            args.extend(d.tangents.iter().chain(&d.cotangents).flatten().cloned());
            let values: Vec<Array> =
                case.outputs.iter().zip(&d.cotangents).filter(|(_, c)| c.is_some()).map(|(y, _)| y.clone()).collect();
            expect("jvp", "jvp value", values.clone(), &of_value);
            expect("vjp", "vjp value", values.clone(), &of_value);
            let vjp: Vec<Array> =
                d.vjp.iter().zip(&d.tangents).filter(|(_, t)| t.is_some()).filter_map(|(x, _)| x.clone()).collect();
            if !case.jax_errs() {
                expect("jvp", "jvp", some(&d.jvp), &|_| derived);
                expect("vjp", "vjp", vjp, &|_| derived);
            }
            // The differences of values of this size carry their rounding, divided by the step.
            let size = values.iter().map(scale).fold(0.0, f64::max);
            let numeric = |scale: f64| Tolerance { relative: 0.0, of_scale: 1e-6, absolute: 1e-10 * (scale + 0.1) };
            if case.smooth() && !case.jax_errs() {
                expect("numeric", "numeric jvp", some(&d.jvp), &|_| numeric(size));
            }
            if let Some(second) = &d.second {
                let second = some(second);
                expect("second", "second, forward over reverse", second.clone(), &|_| derived);
                if case.commutes() {
                    expect("second", "second, reverse over reverse", second.clone(), &|_| derived);
                }
                if case.smooth() {
                    let size = d.vjp.iter().flatten().map(scale).fold(0.0, f64::max);
                    expect("numeric", "numeric second", second, &|_| numeric(size));
                }
            }
        }
        for (k, mapped) in case.vmap.iter().enumerate() {
            args.extend(mapped.inputs.iter().cloned());
            let what = format!("vmap {:?} (entry {k})", mapped.axes);
            expect("vmap", &what, mapped.outputs.clone(), &of_value);
        }
        let results = jit(|args: &Vec<Array>| program(case, args)).try_call((&args,)).unwrap_or_else(|e| panic!("{e}"));
        if let Some(d) = &case.derivatives {
            let part = |what: &str| -> Vec<&Array> {
                let is = |n: &&(String, Array)| n.0.rsplit_once('.').is_some_and(|(n, _)| n == what);
                results.iter().filter(is).map(|(_, x)| x).collect()
            };
            // Forward and reverse mode are each other's transposes.
            let forward = dot(&d.cotangents.iter().flatten().collect::<Vec<_>>(), &part("jvp"));
            let reverse = dot(&d.tangents.iter().flatten().collect::<Vec<_>>(), &part("vjp"));
            let near = Tolerance { relative: 1e-12, of_scale: 0.0, absolute: 1e-12 };
            // Where a narrower dtype rounds what passes, each direction rounds something else.
            let exact = case.primitive != "reduce_precision"
                && case
                    .outputs
                    .iter()
                    .all(|y| matches!(y.dtype(), DType::F64 | DType::C128) || !y.dtype().is_inexact());
            if exact && forward.is_finite() && reverse.is_finite() {
                compare("vjp", "inner product", &Array::scalar(reverse), &Array::scalar(forward), near);
            }
            if case.jax_errs() {
                let near = Tolerance { relative: 0.0, of_scale: 1e-7, absolute: 0.0 };
                for (i, (ours, numeric)) in part("jvp").into_iter().zip(part("numeric jvp")).enumerate() {
                    compare("numeric", &format!("jvp.{i} against numeric differences"), ours, numeric, near);
                }
            }
        }
        let mut mapped: BTreeMap<String, Array> = BTreeMap::new();
        for (what, got) in &results {
            if what.starts_with("vmap of grad") {
                mapped.insert(what.replace("vmap of grad", "grad"), got.clone());
                continue;
            }
            if let Some(mapped) = mapped.remove(what) {
                compare("vmap", &format!("vmap of {what}"), &mapped, got, derived);
                continue;
            }
            if case.jax_errs() && ["jvp.", "vjp.", "numeric jvp."].iter().any(|w| what.starts_with(w)) {
                continue;
            }
            let (column, expected, tolerance) =
                expected.remove(what).unwrap_or_else(|| panic!("JAX gives no {what}, this crate {got}"));
            compare(column, what, got, &expected, tolerance);
        }
        assert!(expected.is_empty(), "JAX gives {:?}, this crate does not", expected.keys());
    }));
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
        failures.push(format!("{}/{}: {text}", case.primitive, case.name));
    }
    (done, failures)
}

#[test]
fn every_primitive_agrees_with_jax() {
    let registry = cotangent::ops::registry();
    let goldens: Vec<Json> = common::goldens("primitives").iter().map(|name| golden(name)).collect();
    let mut not_yet: BTreeMap<String, usize> = BTreeMap::new();
    let mut cases = Vec::new();
    // `RULES=sort,pow` runs some primitives only, for the one who mends them.
    let only = std::env::var("RULES").ok();
    for case in goldens.iter().flat_map(|g| list(&g["cases"])) {
        match Case::parse(case) {
            Err(what) => *not_yet.entry(what).or_default() += 1,
            Ok(case) if !registry.contains(&case.primitive.as_str()) => {
                *not_yet.entry(format!("the primitive `{}`", case.primitive)).or_default() += 1;
            }
            Ok(case) => {
                if only.as_ref().is_none_or(|only| only.split(',').any(|p| p == case.primitive)) {
                    cases.push(case);
                }
            }
        }
    }
    let next = AtomicUsize::new(0);
    let state = Mutex::new((BTreeMap::<&str, Row>::new(), Vec::<String>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (done, failed) = run(case);
                    let mut state = state.lock().expect("no thread panics with the lock");
                    let row = state.0.entry(&case.primitive).or_default();
                    done.into_iter().for_each(|column| *row.counts.entry(column).or_default() += 1);
                    row.dtypes.extend(case.inputs.iter().chain(&case.outputs).map(Array::dtype));
                    state.1.extend(failed);
                }
            });
        }
    });
    let (table, mut failures) = state.into_inner().expect("no thread panics with the lock");
    println!("{:24} {}", "primitive", COLUMNS.map(|c| format!("{c:>8}")).concat());
    for (name, row) in &table {
        let counts = COLUMNS.map(|c| format!("{:>8}", row.counts.get(c).copied().unwrap_or_default()));
        let dtypes: Vec<&str> = row.dtypes.iter().map(|d| d.name()).collect();
        println!("{name:24} {}  {}", counts.concat(), dtypes.join(" "));
    }
    for (what, n) in &not_yet {
        println!("not yet: {what} ({n} stored cases)");
    }
    if only.is_none() {
        failures.extend(registry.iter().filter_map(|name| uncovered(name, &cases)));
    }
    failures.iter().for_each(|f| println!("FAILED {f}"));
    assert!(
        failures.is_empty(),
        "{} of {} checks failed",
        failures.len(),
        table.values().flat_map(|r| r.counts.values()).sum::<usize>()
    );
}

/// What the stored cases of a primitive lack.
fn uncovered(name: &str, cases: &[Case]) -> Option<String> {
    let mine: Vec<&Case> = cases.iter().filter(|c| c.primitive == name).collect();
    if mine.is_empty() {
        return Some(format!("the primitive `{name}` has no stored case"));
    }
    let wide = |x: &Array| matches!(x.dtype(), DType::F64 | DType::C128);
    let differentiable =
        mine.iter().any(|c| c.inputs.iter().any(wide) && c.outputs.iter().any(|y| y.dtype().is_inexact()));
    let no_rule = mine.iter().any(|c| c.no_rule);
    if differentiable && !no_rule && mine.iter().all(|c| c.derivatives.is_none()) {
        return Some(format!("the primitive `{name}` has no stored derivative"));
    }
    let operands = mine.iter().any(|c| !c.inputs.is_empty());
    if operands && mine.iter().all(|c| c.vmap.is_empty()) {
        return Some(format!("the primitive `{name}` has no stored batch"));
    }
    None
}

/// Every name that a primitive in the sources gives itself is in the registry, or higher order, or a collective.
#[test]
fn the_registry_is_complete() {
    fn sources(dir: &std::path::Path, out: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(dir).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    /// Primitives that hold programs: they have suites of their own.
    const HIGHER_ORDER: [&str; 13] = [
        "jit",
        "reduce",
        "reduce_window",
        "cond",
        "while",
        "scan",
        "custom_jvp_call",
        "custom_vjp_call",
        "custom_vmap_call",
        "checkpoint",
        "constant",
        "custom_linear_solve",
        "custom_lin",
    ];
    /// Primitives that only `vmap` gives a meaning, as `tests/vmap.rs` tests it.
    const COLLECTIVES: [&str; 8] =
        ["all_gather", "all_to_all", "axis_index", "pmax", "pmin", "ppermute", "psum", "reduce_scatter"];
    let elsewhere = |name: &str| HIGHER_ORDER.contains(&name) || COLLECTIVES.contains(&name);
    let registry = cotangent::ops::registry();
    let mut files = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut missing = Vec::new();
    let mut found = 0;
    for (path, text) in &files {
        // A primitive that names itself with a literal.
        for part in text.split("fn name(&self) -> &'static str {").skip(1) {
            let body = part.split('}').next().unwrap_or_default().trim();
            if let Some(name) = body.strip_prefix('"').and_then(|b| b.strip_suffix('"')) {
                found += usize::from(!elsewhere(name));
                if !registry.contains(&name) && !elsewhere(name) {
                    missing.push(format!("{name} ({path})"));
                }
            }
        }
        // A table: the macro's definition holds `impl Primitive for $T`, its rows begin with a type's name.
        for table in text.split("macro_rules! ").skip(1) {
            let (mac, rest) = table.split_once(' ').unwrap_or((table, ""));
            if !rest.split("\n}\n").next().is_some_and(|body| body.contains("impl Primitive for $T")) {
                continue;
            }
            for call in text.split(&format!("\n{mac}! {{")).skip(1) {
                for line in call.split("\n}\n").next().unwrap_or_default().lines() {
                    let Some(name) = row_name(line) else { continue };
                    found += usize::from(!elsewhere(&name));
                    if !registry.contains(&name.as_str()) && !elsewhere(&name) {
                        missing.push(format!("{name} ({path}, table `{mac}`)"));
                    }
                }
            }
        }
    }
    assert!(missing.is_empty(), "primitives that are not in `ops::registry()`: {missing:?}");
    // The scan finds what there is: each entry of the registry once.
    assert_eq!(found, registry.len());
    let unique: BTreeSet<_> = registry.iter().collect();
    assert_eq!(unique.len(), registry.len(), "a name stands in the registry twice");
}

/// The primitive's name in a row of a table: `    Type name…` or `    Type method "name"…`.
fn row_name(line: &str) -> Option<String> {
    let row = line.strip_prefix("    ")?;
    if !row.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let head = row.split(':').next()?;
    let quoted = head.split('"').nth(1);
    let name = quoted.or_else(|| head.split_whitespace().nth(1))?;
    Some(name.to_string())
}
