//! Jitted functions over several devices: layouts of arguments and results, constraints, ahead-of-time compilation,
//! donation, and the communication in the compiled program.

use cotangent::prelude::*;
use cotangent::{NamedSharding, P, shard_map};

use super::{close, collectives, mesh, numbers};

#[test]
fn layouts_of_arguments_and_results() {
    let mesh = mesh([("x", 2), ("y", 4)]);
    let (a, b) = (numbers(1, [8, 16]), numbers(2, [16, 4]));
    let [rows, both, none] = [P!("x"), P!("x", "y"), P!()].map(|spec| NamedSharding::new(&mesh, spec));
    let product = |a: &Array, b: &Array| (a.matmul(b), a.sum());
    let f = jit(product).in_shardings((&both, &none)).out_shardings((&rows, None::<NamedSharding>));
    let (c, sum) = f(&a, &b);
    close("product", &c, &a.matmul(&b), 1e-5);
    assert_eq!(c.sharding(), Some(rows.clone()));
    assert!(sum.sharding().unwrap().is_fully_replicated());
    close("sum", &sum, &a.sum(), 1e-5);
    // Without layouts they are those of the arguments.
    let (c, _) = jit(product)(&a.to(&rows), &b);
    assert_eq!(c.sharding().unwrap().spec(), &P!("x"));
    // One trace, whatever the layouts; a call with known ones compiles nothing.
    let g = jit(|x: &Array| x.sin());
    for sharding in [&rows, &both, &none, &rows] {
        let y = g(&a.to(sharding));
        assert_eq!(y.sharding().unwrap().spec(), sharding.spec());
        close("sin", &y, &a.sin(), 1e-6);
    }
    let report = g.cache_report();
    assert_eq!((report.traces, report.compiles + report.disk_hits), (1, 3));
}

#[test]
fn constraints_and_their_rules() {
    let mesh = mesh([("x", 4)]);
    let columns = NamedSharding::new(&mesh, P!(None, "x"));
    let own = columns.clone();
    let f = move |x: &Array| lax::with_sharding_constraint(&x.sin(), &own) * 2.0;
    let x = numbers(3, [4, 8]);
    let y = jit(f.clone())(&x);
    assert_eq!(y.sharding(), Some(columns.clone()));
    close("values", &y, &(x.sin() * 2.0), 1e-6);
    let g = f.clone();
    close(
        "gradient",
        &jit(grad(move |x: &Array| g(x).powi(2).sum()))(&x),
        &grad(|x: &Array| (x.sin() * 2.0).powi(2).sum())(&x),
        1e-5,
    );
    let batch = np::stack([&x, &x, &(&x * 2.0), &x], 0);
    let batched = jit(vmap(f.clone()))(&batch);
    assert_eq!(batched.sharding().unwrap().spec().entries()[2], P!("x").entries()[0]);
    close("batch", &batched, &(batch.sin() * 2.0), 1e-6);
    let text = jit(f).lower((&x,)).unwrap().stablehlo();
    assert!(text.contains(r#"sdy.mesh @mesh = <["x"=4]>"#), "{text}");
    assert!(text.contains(r#"sharding = #sdy.sharding<@mesh, [{}, {"x"}]>"#), "{text}");
}

#[test]
fn inside_another_program_layouts_are_constraints() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let inner = jit(|x: &Array| x * 2.0).in_shardings(&rows).out_shardings(&rows);
    let f = jit(move |x: &Array| inner(&x.sin()) + 1.0);
    let x = numbers(4, [8]);
    let y = f(&x);
    assert_eq!(y.sharding(), Some(rows));
    close("values", &y, &(x.sin() * 2.0 + 1.0), 1e-6);
}

#[test]
fn ahead_of_time() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let x = numbers(5, [8, 4]);
    let lowered = jit(|x: &Array| x.sum_axis(0)).in_shardings(&rows).lower((&x,)).unwrap();
    assert!(lowered.stablehlo().contains("mhlo.num_partitions = 4"));
    let hlo = lowered.optimized_hlo().unwrap();
    assert_eq!(collectives(&hlo), [("all-reduce", 1)], "{hlo}");
    let compiled = lowered.compile().unwrap();
    close("compiled", &compiled(&x), &x.sum_axis(0), 1e-6);
    close("again", &compiled(&x.to(&rows)), &x.sum_axis(0), 1e-6);
    // Each device has a quarter of the argument.
    assert_eq!(compiled.memory_analysis().unwrap().arguments, 8 * 4 * 4 / 4);
    assert!(lowered.export().is_err() && compiled.serialize().is_err());
}

#[test]
fn donation() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let step = jit(|x: Array| 0.5 * x + 1.0);
    let places = |x: &Array| -> Vec<usize> {
        x.addressable_shards().unwrap().iter().map(|s| s.data.to_vec::<f32>()[0] as usize).collect()
    };
    let mut x = step(np::zeros([8, 128]).to(&rows));
    for _ in 0..3 {
        x = step(x);
    }
    assert_eq!(places(&x), [1; 4]);
    let compiled = step.lower((&x,)).unwrap().compile().unwrap();
    assert_eq!(compiled.memory_analysis().unwrap().aliased, 8 * 128 * 4 / 4);
    // A clone keeps the array.
    let kept = x.clone();
    let y = step(x);
    assert_eq!(kept.to_vec::<f32>()[0], 1.875);
    assert_eq!((y.to_vec::<f32>()[0], y.sharding()), (1.9375, Some(rows)));
}

/// The collectives in the compiled programs are those that the algorithms need, and no others.
#[test]
fn communication_in_compiled_programs() {
    let mesh = mesh([("x", 4)]);
    let (w, x) = (numbers(6, [16, 16]), numbers(7, [32, 16]));
    let [all, rows, columns] = [P!(), P!("x"), P!(None, "x")].map(|spec| NamedSharding::new(&mesh, spec));
    let hlo = |f: &dyn Fn() -> String| collectives(&f());
    // Data-parallel: the gradient of the weights is summed, and nothing else moves.
    let loss = |w: &Array, x: &Array| x.matmul(w).sin().powi(2).sum();
    let data = || {
        jit(grad(loss))
            .in_shardings((&all, &rows))
            .out_shardings(&all)
            .lower((&w, &x))
            .unwrap()
            .optimized_hlo()
            .unwrap()
    };
    assert_eq!(hlo(&data), [("all-reduce", 1)]);
    // Tensor-parallel: two layers, columns and then rows of the weights. One sum forward.
    let layers = |w: &Array, v: &Array, x: &Array| x.matmul(w).sin().matmul(v);
    let tensor = || {
        let f = jit(layers).in_shardings((&columns, &rows, &all)).out_shardings(&all);
        f.lower((&w, &w, &x)).unwrap().optimized_hlo().unwrap()
    };
    assert_eq!(hlo(&tensor), [("all-reduce", 1)]);
    // No device has a whole weight.
    assert!(!tensor().contains("f32[16,16]"), "{}", tensor());
    // By hand, with a gradient: nothing but the sum of the weights' cotangents and of the loss.
    let by_hand = || jit(grad(map_of(&mesh))).lower((&w, &x)).unwrap().optimized_hlo().unwrap();
    assert_eq!(hlo(&by_hand), [("all-reduce", 1)]);
    let value = || jit(value_and_grad(map_of(&mesh))).lower((&w, &x)).unwrap().optimized_hlo().unwrap();
    assert!(hlo(&value).iter().all(|(name, n)| *name == "all-reduce" && *n <= 2), "{:?}", hlo(&value));
    // What a loop captures is summed over the devices once, after the loop.
    let in_loop = {
        let mesh = mesh.clone();
        move |w: &Array, x: &Array| {
            let local = |w: &Array, x: &Array| {
                let step = |c: &Array, row: &Array| ((c.matmul(w) + row).sin(), c.sum());
                lax::psum(&lax::scan(step, np::zeros(16), x).0.sum(), "x")
            };
            shard_map(local, &mesh).in_specs((P!(), P!("x")))(w, x)
        }
    };
    let looped = || jit(grad(in_loop.clone())).lower((&w, &x)).unwrap().optimized_hlo().unwrap();
    assert_eq!(hlo(&looped), [("all-reduce", 1)]);
}

fn map_of(mesh: &cotangent::Mesh) -> impl Fn(&Array, &Array) -> Array + Send + Sync + Clone + 'static {
    let mesh = mesh.clone();
    move |w: &Array, x: &Array| {
        let local = |w: &Array, x: &Array| lax::psum(&x.matmul(w).sin().powi(2).sum(), "x");
        shard_map(local, &mesh).in_specs((P!(), P!("x")))(w, x)
    }
}

#[test]
fn a_mesh_of_one_device() {
    let one = mesh([("x", 1)]);
    let f = shard_map(|x: &Array| lax::psum(x, "x") + lax::axis_index("x"), &one).in_specs(P!("x"));
    assert_eq!(f(&np::arange(3)).to_vec::<i32>(), [0, 1, 2]);
    let sharding = NamedSharding::new(&one, P!("x"));
    let y = np::arange(3).to(&sharding) * 2;
    assert_eq!((y.to_vec::<i32>(), y.sharding().is_some()), (vec![0, 2, 4], true));
}
