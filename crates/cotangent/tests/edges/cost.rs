//! The cost of programs, counted: equations, kernels, and operations.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cotangent::extend::{Eqn, Jaxpr};
use cotangent::prelude::*;
use cotangent::scipy::special::softmax;
use cotangent::{Aval, checkpoint, lax, random};

/// Returns the number of elements that the equations of a program compute, or read if those are more. Moving elements
/// is free.
fn elements(jaxpr: &Jaxpr) -> usize {
    const MOVES: [&str; 8] =
        ["broadcast_in_dim", "concatenate", "convert_element_type", "pad", "reshape", "rev", "slice", "transpose"];
    let size = |aval: &Aval| aval.shape.iter().product::<usize>();
    let of = |eqn: &Eqn| {
        let made: usize = eqn.outputs().iter().map(|v| size(&jaxpr.avals()[v.index()])).sum();
        let read = eqn.inputs().iter().map(|a| size(&jaxpr.aval(a))).max().unwrap_or(0);
        let own = if MOVES.contains(&eqn.prim().name()) { 0 } else { made.max(read) };
        own + eqn.prim().jaxprs().iter().map(|j| elements(j)).sum::<usize>()
    };
    jaxpr.eqns().iter().map(of).sum()
}

/// The derivative of a selection or an accumulation costs a small multiple of its value, at any length, and so does the
/// text that the compiler receives.
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
            (elements(&program.jaxpr) as f64, program.jaxpr.eqns().len() as f64)
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

type F = Arc<dyn Fn(&Array) -> Array + Send + Sync>;

/// Returns how often the rule of the innermost function is called while `derive` differentiates `depth` nested loops
/// around it. `around` makes each loop.
fn rules_asked(depth: usize, around: fn(&F, &Array) -> Array, derive: fn(F)) -> usize {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, mapped) = (asked.clone(), asked.clone());
    let sine = custom_jvp(|x: &Array| x.sin()).defjvp(move |(x,), (t,)| {
        count.fetch_add(1, Ordering::Relaxed);
        (x.sin(), t * x.cos())
    });
    let same = custom_vmap(|x: &Array| x.clone()).def_vmap(move |_, _, (x,)| {
        mapped.fetch_add(1, Ordering::Relaxed);
        (x.clone(), true)
    });
    let inner: F = Arc::new(move |x| same(&sine(x)));
    derive((0..depth).fold(inner, |f, _| Arc::new(move |x| around(&f, x))));
    asked.load(Ordering::Relaxed)
}

#[test]
fn a_nested_body_is_derived_as_often_as_an_outer_one() {
    fn steps(f: &F, x: &Array) -> Array {
        lax::scan(|c: &Array, _: &Array| (f(c), ()), x.clone(), &Array::from([1, 2])).0
    }
    fn until(f: &F, x: &Array) -> Array {
        let start = (Array::from(0), x.clone());
        let below = |(i, _): &(Array, Array)| cotangent::numpy::less(i, 2);
        lax::while_loop(below, |(i, y): &(Array, Array)| (i + 1, f(y)), start).1
    }
    fn either(f: &F, x: &Array) -> Array {
        lax::cond(cotangent::numpy::greater(x, 0.0), || f(x), || x * 2.0)
    }
    fn again(f: &F, x: &Array) -> Array {
        let f = f.clone();
        checkpoint(move |x: &Array| f(x))(x)
    }
    fn one() -> Array {
        Array::from(1.0f32)
    }
    let backward = |f: F| drop(make_jaxpr(grad(move |x: &Array| f(x)))(&one()));
    let forward = |f: F| drop(make_jaxpr(move |x: &Array| jvp(|x: &Array| f(x), (x,), (&one(),)).1)(&one()));
    let twice = |f: F| {
        let slope = grad(move |x: &Array| f(x));
        drop(make_jaxpr(move |x: &Array| jvp(|x: &Array| slope(x), (x,), (&one(),)).1)(&one()));
    };
    let mapped = |f: F| drop(make_jaxpr(vmap(move |x: &Array| f(x)))(&Array::from([0.5f32, 1.0])));
    let mut report = Vec::new();
    let mut check = |name: &str, count: &dyn Fn(usize) -> usize| {
        let (few, many) = (count(3), count(9));
        report.push(format!("{name}: {few}, {many}"));
        many > 0 && many <= 3 * few
    };
    let mut linear = true;
    linear &= check("scan, backward", &|n| rules_asked(n, steps, backward));
    linear &= check("scan, forward", &|n| rules_asked(n, steps, forward));
    linear &= check("scan, second order", &|n| rules_asked(n, steps, twice));
    linear &= check("scan, mapped", &|n| rules_asked(n, steps, mapped));
    linear &= check("while, forward", &|n| rules_asked(n, until, forward));
    linear &= check("while, mapped", &|n| rules_asked(n, until, mapped));
    linear &= check("cond, backward", &|n| rules_asked(n, either, backward));
    linear &= check("cond, second order", &|n| rules_asked(n, either, twice));
    linear &= check("cond, mapped", &|n| rules_asked(n, either, mapped));
    linear &= check("checkpoint, backward", &|n| rules_asked(n, again, backward));
    linear &= check("checkpoint, second order", &|n| rules_asked(n, again, twice));
    assert!(linear, "{report:#?}");
}

#[test]
fn a_key_is_computed_once() {
    // The compiler would otherwise fuse the whole chain of splits into each draw.
    let operations = |n: usize| {
        let f = jit(move |data: &Array| {
            let mut key = random::Key::from_data(data.clone()).unwrap();
            let mut sum = cotangent::numpy::zeros(5).astype(cotangent::DType::F32);
            for _ in 0..n {
                let [next, draw] = key.split();
                sum += random::uniform(draw, 5);
                key = next;
            }
            sum
        });
        let data = random::key(0).data().clone();
        f.lower((&data,)).unwrap().optimized_hlo().unwrap().matches(" xor(").count()
    };
    let (few, many) = (operations(2), operations(6));
    assert!(many <= 3 * few, "{few} in 2 steps, {many} in 6");
}

#[test]
fn the_plugin_is_not_read_where_nothing_is_stored() {
    const CHILD: &str = "COTANGENT_TEST_READS";
    if std::env::var_os(CHILD).is_some() {
        assert_eq!((Array::from([1.0f32, 2.0]) * 2.0).to_vec::<f32>(), [2.0, 4.0]);
        let io = std::fs::read_to_string("/proc/self/io").unwrap();
        let read: u64 = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().trim().parse().unwrap();
        assert!(read < 100_000_000, "{read} bytes were read");
        return;
    }
    let plugin = xla::plugin::locate(xla::plugin::Platform::Cpu).unwrap().path;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "cost::the_plugin_is_not_read_where_nothing_is_stored", "--nocapture"]);
    child.env_remove("HOME").env_remove("XDG_CACHE_HOME").env_remove("COTANGENT_CACHE_DIR");
    let output = child.env(CHILD, "1").env("PJRT_CPU_PLUGIN", plugin).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Returns the computations of the compiled program of a key, as HLO text.
fn kernels(f: impl Fn(random::Key) -> Vec<Array> + Copy + Send + Sync + 'static) -> Vec<String> {
    let f = jit(move |data: &Array| f(random::Key::from_data(data.clone()).unwrap()));
    let data = random::key(0).data().clone();
    let text = f.lower((&data,)).unwrap().optimized_hlo().unwrap();
    text.split("\n\n").map(str::to_string).collect()
}

#[test]
fn draws_do_not_share_a_kernel() {
    // The compiler would otherwise fuse all draws that a sum combines into the kernel of the sum.
    type Draw = fn(random::Key) -> Array;
    let samplers: [(&str, Draw); 7] = [
        ("bits", |key| random::bits(key, 5)),
        ("normal", |key| random::normal(key, 5)),
        ("normal, f64", |key| random::normal_as(key, 5, cotangent::DType::F64)),
        ("uniform", |key| random::uniform(key, 5)),
        ("bernoulli", |key| random::bernoulli(key, 0.3, 5).astype(cotangent::DType::F32)),
        ("truncated normal", |key| random::truncated_normal(key, -1.0, 2.0, 5)),
        ("mapped", |keys| vmap(|key: random::Key| random::normal(key, 5))(random::split(keys, 3))),
    ];
    for (name, draw) in samplers {
        let ciphers = |n: usize| {
            let kernels = kernels(move |key| {
                let keys = random::split(key, n).into_iter();
                vec![keys.map(draw).reduce(|a, b| a + b).unwrap()]
            });
            let each: Vec<usize> = kernels.iter().map(|k| k.matches(" xor(").count()).collect();
            (each.iter().copied().max().unwrap(), each.iter().sum::<usize>())
        };
        let (few, many) = (ciphers(2), ciphers(6));
        assert!(few.0 > 0 && many.0 == few.0 && many.1 <= 3 * few.1, "{name}: {few:?} of 2 draws, {many:?} of 6");
    }
}

#[test]
fn a_draw_is_computed_once_for_all_that_read_it() {
    let ciphers = |readers: usize| {
        let kernels = kernels(move |key| {
            let x = random::normal(key, 5);
            let all = vec![x.sin(), x.cumsum(), (&x - x.mean()) * 2.0, (x.sin() - x.sin().max()).exp()];
            all.into_iter().take(readers).collect()
        });
        kernels.concat().matches(" xor(").count()
    };
    assert!(ciphers(1) > 0);
    assert_eq!(ciphers(4), ciphers(1));
}

#[test]
fn small_captures_are_constants_of_what_is_compiled() {
    // The number of parameters of the compiled function and its derivative, with `n` captured elements.
    let compiled = |n: usize| {
        let table = Array::from((0..n).map(|i| i as f32).collect::<Vec<_>>());
        let x = &table * 0.5;
        let f = jit(move |x: &Array| (x * &table).sum() + table.sin());
        let parameters = |hlo: String| hlo.split("ENTRY").nth(1).unwrap().matches(" parameter(").count();
        // In the program that transforms see, captures are inputs.
        assert_eq!(f.lower((&x,)).unwrap().jaxpr().inputs().len(), 2);
        let sines = x.to_vec::<f32>().iter().map(|x| (2.0 * x).sin()).collect::<Vec<_>>();
        let (sum, got) = ((&x * &x).sum().item::<f32>() * 2.0, f(&x).to_vec::<f32>());
        for (got, sine) in got.iter().zip(sines) {
            assert!((got - sum - sine).abs() <= 1e-4 * sum.abs().max(1.0), "{got} for {sum} + {sine}");
        }
        let slope = jit(grad({
            let table = &x * 2.0;
            move |x: &Array| (x * &table).sin().sum()
        }));
        let lowered = (f.lower((&x,)).unwrap(), slope.lower((&x,)).unwrap());
        [lowered.0.optimized_hlo(), lowered.1.optimized_hlo()].map(|hlo| parameters(hlo.unwrap()))
    };
    assert_eq!([4, 256, 257, 5000].map(compiled), [[1, 1], [1, 1], [2, 2], [2, 2]]);
}

#[test]
fn a_function_jitted_anew_with_other_captures_is_compiled_twice() {
    let x = Array::from([0.25f32, 0.5, 2.0]);
    let (mut compiled, mut handed) = (0, Vec::new());
    for step in 0..6 {
        let table = Array::from([step as f32, 1.0, 2.0]);
        let same = table.clone();
        let f = jit(move |x: &Array| ((x * &table + 0.125).cos() * &table, table.clone()));
        let (value, table) = f(&x);
        let expected = ((&x * &same + 0.125).cos() * &same).to_vec::<f32>();
        let off = value.to_vec::<f32>().iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-6, "off by {off} in step {step}");
        handed.push(table.buffer_address().ok() == same.buffer_address().ok());
        let report = f.cache_report();
        compiled += report.compiles + report.disk_hits;
    }
    assert_eq!(compiled, 2);
    // The returned capture is the captured array itself.
    assert_eq!(handed, [true; 6]);
}

/// For vectors and a constant, the compiler has generated calls that return garbage for arrays of some shapes.
#[test]
fn a_captured_operand_gives_what_an_argument_gives() {
    type F = fn(&Array, &Array) -> Array;
    let functions: [(&str, F); 6] = [
        ("atan2(x, c)", |x, c| x.atan2(c)),
        ("atan2(c, x)", |x, c| c.atan2(x)),
        ("xᶜ", |x, c| np::power(x, c)),
        ("cˣ", |x, c| np::power(c, x)),
        ("x mod c", |x, c| x % c),
        ("c mod x", |x, c| c % x),
    ];
    for (dtype, tolerance) in [(cotangent::DType::F32, 1e-6), (cotangent::DType::F64, 1e-14)] {
        for shape in [&[4][..], &[4, 2], &[31], &[8, 2], &[4, 2, 3]] {
            let size: usize = shape.iter().product();
            let numbers = |step: usize| (0..size).map(|i| 0.3 + (i * step % 17) as f64 / 9.0).collect::<Vec<_>>();
            let array = |v: Vec<f64>| Array::from(v).reshape(shape).astype(dtype);
            let x = array(numbers(3));
            for c in [array(numbers(5)), array(vec![1.0; size]), array(vec![-0.5; size])] {
                for (name, f) in functions {
                    let fixed = c.clone();
                    let (given, captured) = (jit(f)(&x, &c), jit(move |x: &Array| f(x, &fixed))(&x));
                    let (given, captured) = (given.to_vec::<f64>(), captured.to_vec::<f64>());
                    for (a, b) in given.iter().zip(&captured) {
                        let same = a.is_nan() && b.is_nan() || (a - b).abs() <= tolerance * a.abs().max(1.0);
                        assert!(same, "{name}, {dtype} {shape:?}: {a} given, {b} captured");
                    }
                }
            }
        }
    }
}

#[test]
fn products_of_many_operands_are_contracted_in_the_cheapest_order() {
    let computed = |subscripts: &'static str, shapes: &[&[usize]]| {
        let operands: Vec<Array> = shapes.iter().map(|s| np::ones(*s)).collect();
        let program = make_jaxpr(move |xs: &Vec<Array>| np::einsum(subscripts, xs))(&operands);
        elements(&program.jaxpr)
    };
    let paths: [(&str, &[&[usize]], usize); 4] = [
        // Each vector is contracted with the table before it meets the other vector.
        ("zui,zvj,ijk->zuvk", &[&[64, 16, 5], &[64, 16, 5], &[5, 5, 5]], 64 * (16 * 25 + 256 * 5)),
        ("ij,jk,kl->il", &[&[64, 64], &[64, 64], &[64, 1]], 2 * 64 * 64),
        ("ij,jk,kl->il", &[&[1, 64], &[64, 64], &[64, 64]], 2 * 64 * 64),
        ("ab,cd,bc,de,ef,f->a", &[&[8, 8], &[8, 8], &[8, 8], &[8, 8], &[8, 8], &[8]], 5 * 64),
    ];
    for (subscripts, shapes, most) in paths {
        let made = computed(subscripts, shapes);
        assert!(made <= most, "{subscripts}: {made} elements");
    }
}

/// As in JAX, the operands are exchanged if the first operand's axis comes last in the result. A transpose after the
/// product then moves rows rather than elements.
#[test]
fn products_have_the_last_axis_of_the_result_last() {
    type Case<'a> = (&'static str, [&'a [usize]; 2], &'a [&'static str]);
    let cases: [Case<'_>; 7] = [
        ("ij,jk->ik", [&[2, 3], &[3, 4]], &["dot_general"]),
        ("ij,jk->ki", [&[2, 3], &[3, 4]], &["dot_general"]),
        ("ij,j->i", [&[2, 3], &[3]], &["dot_general"]),
        ("zui,ijk->zujk", [&[8, 4, 3], &[3, 5, 3]], &["dot_general"]),
        ("zujk,zvj->zuvk", [&[8, 4, 5, 3], &[8, 6, 5]], &["dot_general", "transpose"]),
        ("zuvk,uvw->zwk", [&[8, 4, 6, 3], &[4, 6, 7]], &["dot_general", "transpose"]),
        ("bzi,zbj->zbij", [&[8, 4, 3], &[4, 8, 5]], &["dot_general"]),
    ];
    for (subscripts, shapes, expected) in cases {
        let [a, b] = shapes.map(np::ones);
        let program = make_jaxpr(move |a: &Array, b: &Array| np::einsum(subscripts, [a, b]))(&a, &b);
        let names: Vec<&str> = program.jaxpr.eqns().iter().map(|e| e.prim().name()).collect();
        assert_eq!(names, expected, "{subscripts}");
        if let [_, transpose] = program.jaxpr.eqns() {
            let axis = program.jaxpr.avals()[transpose.outputs()[0].index()].shape.len() - 1;
            let permutation = &transpose.prim().params()[0].1;
            assert!(permutation.ends_with(&format!("{axis})")), "{subscripts}: {permutation}");
        }
    }
}

/// A gradient through a loop keeps the fewest arrays of each iteration: not the mask, which is the same in all of them, not
/// the zeros of a rule, and of a softmax only the result.
#[test]
fn a_gradient_of_attention_in_a_loop_keeps_three_arrays_of_each_iteration() {
    let (batch, heads, places, features) = (2, 2, 8, 4);
    let width = heads * features;
    let model = |weights: &Array| {
        let layer = |x: &Array, w: &Array| {
            let split = np::matmul(x, w).reshape((batch, places, heads, features)).transpose(&[0, 2, 1, 3]);
            let scores = np::einsum("bhqd,bhkd->bhqk", &[&split, &split]);
            let causal = np::tri(places, places, 0).astype(DType::Bool);
            let weights = softmax(np::where_(causal, scores, -1e4), -1);
            let mixed = np::einsum("bhqk,bhkd->bhqd", &[&weights, &split]);
            (mixed.transpose(&[0, 2, 1, 3]).reshape((batch, places, width)), ())
        };
        lax::Scan::new().run(layer, np::ones((batch, places, width)), weights).0.sum()
    };
    let weights = np::ones((3, width, width));
    let program = make_jaxpr(grad(model))(&weights);
    let loops: Vec<&Eqn> = program.jaxpr.eqns().iter().filter(|e| e.prim().name() == "scan").collect();
    let saved: Vec<Vec<usize>> =
        loops[0].outputs()[1..].iter().map(|v| program.jaxpr.avals()[v.index()].shape.to_vec()).collect();
    assert_eq!(
        saved,
        [vec![3, batch, places, width], vec![3, batch, heads, places, features], vec![3, batch, heads, places, places]],
        "{program}"
    );
}

/// A matrix product does not repeat the operand that has fewer batch axes.
#[test]
fn products_repeat_no_operand() {
    let shapes: [(&[usize], &[usize]); 6] = [
        (&[5, 2, 3], &[3, 4]),
        (&[2, 3], &[5, 3, 4]),
        (&[5, 1, 2, 3], &[7, 3, 4]),
        (&[1, 7, 2, 3], &[5, 7, 3, 4]),
        (&[5, 2, 3], &[3]),
        (&[3], &[5, 3, 4]),
    ];
    for (a, b) in shapes {
        let (x, y) = (np::ones(a), np::ones(b));
        let program = make_jaxpr(grad(|x: &Array| grad(|y: &Array| np::matmul(x, y).square().sum())(&y).sum()))(&x);
        let largest = np::matmul(&x, &y).size().max(x.size()).max(y.size());
        let made = program.jaxpr.avals().iter().map(|aval| aval.shape.iter().product()).max();
        assert_eq!(made, Some(largest), "{a:?} times {b:?}: {program}");
    }
}
