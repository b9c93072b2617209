//! Collectives in a `shard_map`, against the same functions under a `vmap` with a named axis, which is tested against
//! JAX.

use cotangent::prelude::*;
use cotangent::{P, shard_map};

use super::{close, mesh, numbers};

type Body = fn(&Array) -> Array;

/// Functions of one device's part, of shape `[n, 3]` on `n` devices. Each returns an array with a first dimension.
const BODIES: &[(&str, Body)] = &[
    ("psum", |x| x * lax::psum(&x.sin(), "x")),
    ("pmean", |x| x.cos() * lax::pmean(x, "x")),
    ("all_gather", |x| (lax::all_gather(x, "x") * x).sum_axis(1).sin()),
    ("all_gather tiled", |x| lax::all_gather_along(&x.sin(), "x", 1, true) * lax::axis_index("x")),
    ("psum_scatter", |x| lax::psum_scatter(&(x * x), "x").sin()),
    ("psum_scatter tiled", |x| lax::psum_scatter_along(&(x * x), "x", 0, true) * x),
    ("ppermute", |x| {
        let n = lax::axis_size("x");
        x * lax::ppermute(&x.sin(), "x", &(0..n).map(|i| (i, (i + 1) % n)).collect::<Vec<_>>())
    }),
    ("ppermute to some", |x| x + lax::ppermute(&(x * x), "x", &[(0, 1)])),
    ("all_to_all", |x| lax::all_to_all(&(x * x), "x", 0, 0) * x),
    ("all_to_all of another dimension", |x| lax::all_to_all_tiled(&x.sin(), "x", 0, 1)),
    ("ragged_all_to_all", |x| {
        let (n, me) = (lax::axis_size("x") as i32, lax::axis_index("x"));
        let others = np::arange(n);
        // Each pair of devices exchanges no row or one.
        let sizes = (&others + &me) % 2;
        let places = np::zeros_as(n as usize, DType::I32) + &me;
        lax::ragged_all_to_all(x.sin(), x * x, &others, &sizes, places, &sizes, "x") * x
    }),
    ("pmax", |x| x * lax::pmax(&x.sin(), "x")),
    ("pmin", |x| x - lax::pmin(&(x * x), "x")),
    ("axis_index", |x| x * (lax::axis_index("x") + 1)),
    ("pbroadcast", |x| x * lax::pbroadcast(&x.sin(), "x", 1)),
    ("pshuffle", |x| {
        let n = lax::axis_size("x");
        x * lax::pshuffle(&x.sin(), "x", &(0..n).rev().collect::<Vec<_>>())
    }),
    ("a sum in a scan", |x| {
        let step = |c: &Array, row: &Array| (c.sin() + lax::psum(&(row * c), "x"), row * c);
        lax::scan(step, np::ones(3).astype(x.dtype()), x).1
    }),
    ("a sum in a loop", |x| lax::fori_loop(0, 3, |_, y: &Array| (y + lax::pmean(&y.sin(), "x")) / 2.0, x.clone())),
    ("a sum in a branch", |x| {
        let total = lax::psum(&x.sum(), "x");
        lax::cond(total.greater(0.0), || x * lax::psum(x, "x"), || x - lax::pmean(&x.cos(), "x"))
    }),
    ("branches that differ", |x| {
        let shared = lax::psum(&x.cos(), "x");
        lax::cond(lax::axis_index("x").greater(0), || x.sin() * &shared, || x * 2.0)
    }),
    ("vmap inside", |x| vmap(|row: &Array| row * lax::psum(&(row * row).sum(), "x"))(x)),
    ("vmap with a name inside", |x| {
        let f = |row: &Array| row * lax::psum(&row.sin(), ["i", "x"]);
        vmap(f).axis_name("i")(x)
    }),
    ("grad inside", |x| grad(|x: &Array| (lax::psum(&x.sin(), "x") * x).sum())(x)),
    ("jit inside", |x| jit(|x: &Array| x * lax::psum(x, "x"))(x)),
    ("custom_jvp inside", |x| {
        let f = custom_jvp(|x: &Array| x.sin()).defjvp(|(x,), (t,)| (x.sin(), t * x.cos()));
        f(&(x * lax::psum(x, "x")))
    }),
    ("custom_vjp inside", |x| {
        // The rule communicates: it is the transpose of a sum over the devices.
        let f = custom_vjp(|x: &Array| x * lax::psum(&x.sin(), "x")).defvjp(
            |(x,)| (x * lax::psum(&x.sin(), "x"), x.clone()),
            |x, ct| (ct * lax::psum(&x.sin(), "x") + x.cos() * lax::psum(&(ct * x), "x"),),
        );
        f(x) * x
    }),
    ("checkpoint inside", |x| checkpoint(|x: &Array| (x * lax::psum(&x.sin(), "x")).sin())(x)),
];

/// The same over all parts, as one program for one device.
fn reference(body: Body, n: usize) -> impl Fn(&Array) -> Array + Clone + Send + Sync + 'static {
    move |x: &Array| {
        let rest: usize = x.shape()[0] / n;
        let parts = vmap(body).axis_name("x")(&x.reshape([n, rest, x.shape()[1]]));
        let (own, shape) = (parts.shape()[1], parts.shape().to_vec());
        parts.reshape([&[n * own], &shape[2..]].concat())
    }
}

fn sharded(body: Body, n: usize) -> impl Fn(&Array) -> Array + Clone + Send + Sync + 'static {
    let mesh = mesh([("x", n)]);
    move |x: &Array| shard_map(body, &mesh).in_specs(P!("x")).out_specs(P!("x"))(x)
}

fn loss<F: Fn(&Array) -> Array + Clone + Send + Sync + 'static>(
    f: F,
) -> impl Fn(&Array) -> Array + Clone + Send + Sync + 'static {
    move |x: &Array| {
        let y = f(x);
        (y.sin() * np::arange(y.size()).reshape(y.shape()).astype(y.dtype())).sum()
    }
}

/// Values, gradients, second derivatives along a direction, and a batch, un-jitted and as one program.
fn all_of<F>(f: F, x: &Array, v: &Array, forward_mode: bool) -> Vec<(&'static str, Array)>
where
    F: Fn(&Array) -> Array + Clone + Send + Sync + 'static,
{
    let (g, h) = (f.clone(), f.clone());
    let v = v.clone();
    let second = move |x: &Array| {
        let (own, v) = (loss(g.clone()), v.clone());
        grad(move |x: &Array| (grad(own.clone())(x) * &v).sum())(x)
    };
    let direction = numbers(7, x.shape());
    let forward = move |x: &Array| jvp(loss(h.clone()), (x,), (&direction,)).1;
    let batch = np::stack([x, &(x * 0.5)], 1);
    let batched = vmap(grad(loss(f.clone()))).in_axes(1).out_axes(1);
    vec![
        ("value", f(x)),
        ("value of a program", jit(f.clone())(x)),
        ("gradient", jit(grad(loss(f.clone())))(x)),
        ("tangent", if forward_mode { jit(forward)(x) } else { np::zeros(()) }),
        ("second derivative", jit(second)(x)),
        ("gradients of a batch", jit(batched)(&batch)),
    ]
}

#[test]
fn every_collective_under_every_transform() {
    for n in [2, 4, 8] {
        let (x, v) = (numbers(1, [n * n, 3]), numbers(2, [n * n, 3]));
        for (name, body) in BODIES {
            // Two devices show nothing that four do not, and eight take long.
            if n != 4 && !["psum", "all_gather", "psum_scatter tiled", "ppermute", "all_to_all"].contains(name) {
                continue;
            }
            let found = all_of(sharded(*body, n), &x, &v, *name != "custom_vjp inside");
            let expected = all_of(reference(*body, n), &x, &v, *name != "custom_vjp inside");
            for ((what, found), (_, expected)) in found.iter().zip(&expected) {
                close(&format!("{name} over {n} devices: {what}"), found, expected, 2e-5);
            }
        }
    }
}

#[test]
fn maxima_and_minima() {
    let x = numbers(3, [8, 3]);
    for (name, body) in [
        ("pmax", (|x: &Array| x / lax::pmax(x, "x")) as Body),
        ("pmin", |x| x - lax::pmin(x, "x")),
        ("pmax of booleans", |x| lax::pmax(&x.greater(1.0), "x")),
        ("pmin of integers", |x| lax::pmin(&(x * 10.0).astype(DType::I32), "x")),
    ] {
        close(name, &jit(sharded(body, 4))(&x), &reference(body, 4)(&x), 1e-6);
    }
}

#[test]
fn every_dtype() {
    let x = numbers(4, [8, 2]) * 3.0;
    for dtype in DType::ALL {
        let x = match dtype {
            DType::Bool => x.greater(0.0),
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => x.abs().astype(dtype),
            dtype => x.astype(dtype),
        };
        let body = |x: &Array| {
            let moved = lax::ppermute(x, "x", &[(0, 1), (1, 2), (2, 3), (3, 0)]);
            let gathered = lax::all_gather_along(x, "x", 1, true);
            let exchanged = lax::all_to_all_tiled(&lax::all_gather_along(x, "x", 0, true), "x", 0, 1);
            (lax::psum(x, "x"), moved, gathered, exchanged)
        };
        let f = shard_map(body, &mesh([("x", 4)])).in_specs(P!("x")).out_specs((P!(), P!("x"), P!("x"), P!("x")));
        let (sum, moved, gathered, exchanged) = jit(f)(&x);
        let rows = x.reshape([4, 2, 2]);
        let expected = rows.sum_axis(0).astype(sum.dtype());
        if dtype.is_inexact() && !dtype.is_complex() {
            // Devices add in an order of their own.
            close(&format!("psum of {dtype}"), &sum, &expected, if dtype.bits() < 32 { 2e-2 } else { 1e-6 });
        } else if !dtype.is_complex() {
            assert_eq!(sum.to_bytes().unwrap(), expected.to_bytes().unwrap(), "psum of {dtype}");
        } else {
            close(&format!("psum of {dtype}"), &np::real(&sum), &np::real(&expected), 1e-6);
        }
        assert_eq!(moved.to_bytes().unwrap(), np::roll(&rows, 1, 0).to_bytes().unwrap(), "ppermute of {dtype}");
        assert_eq!((gathered.shape(), exchanged.shape()), (&[8, 8][..], &[8, 8][..]), "{dtype}");
    }
}

#[test]
fn two_axes() {
    let mesh = mesh([("x", 2), ("y", 4)]);
    let x = numbers(5, [4, 8]);
    let body = |x: &Array| {
        let (rows, all) = (lax::psum(x, "y"), lax::psum(&x.sin(), ["x", "y"]));
        x * rows + all * lax::axis_index(["x", "y"]) + lax::all_gather_along(x, ["y", "x"], 0, true).sum()
    };
    let f = shard_map(body, &mesh).in_specs(P!("x", "y")).out_specs(P!("x", "y"));
    let one = |x: &Array| {
        let parts = x.reshape([2, 2, 4, 2]).permute(&[0, 2, 1, 3]);
        let y = vmap(vmap(body).axis_name("y")).axis_name("x")(&parts);
        y.permute(&[0, 2, 1, 3]).reshape([4, 8])
    };
    close("values", &jit(f)(&x), &one(&x), 1e-5);
    let f = shard_map(body, &mesh).in_specs(P!("x", "y")).out_specs(P!("x", "y"));
    let (a, b) = (jit(grad(move |x: &Array| f(x).sin().sum()))(&x), grad(move |x: &Array| one(x).sin().sum())(&x));
    close("gradient", &a, &b, 2e-5);
}

/// JAX's own results on four devices.
#[test]
fn results_of_jax() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../goldens/sharding.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    };
    let [x, v] = ["x", "v"].map(|key| Array::from(numbers(&golden[key])).reshape([16, 3]));
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let name = case["function"].as_str().unwrap();
        let body = BODIES.iter().find(|body| body.0 == name).unwrap_or_else(|| panic!("no function {name}")).1;
        let (f, v) = (loss(sharded(body, 4)), v.clone());
        let second = {
            let f = f.clone();
            move |x: &Array| {
                let (f, v) = (f.clone(), v.clone());
                grad(move |x: &Array| (grad(f.clone())(x) * &v).sum())(x)
            }
        };
        let found = [
            ("value", jit(sharded(body, 4))(&x)),
            ("gradient", jit(grad(f.clone()))(&x)),
            ("second", jit(second)(&x)),
            ("batch", jit(vmap(grad(f)))(&np::stack([&x, &(&x / 2.0)], 0))),
        ];
        for (what, found) in found {
            let expected = Array::from(numbers(&case[what])).reshape(found.shape());
            close(&format!("{name}: {what}"), &found, &expected, 1e-10);
        }
    }
}

/// Programs that hold a `shard_map`: loops, branches, and others.
#[test]
fn inside_other_programs() {
    let (x, v) = (numbers(9, [16, 3]), numbers(10, [16, 3]));
    let body: Body = |x| x * lax::psum(&x.sin(), "x") / 4.0;
    type Outer = fn(&dyn Fn(&Array) -> Array, &Array) -> Array;
    let outer: &[(&str, Outer)] = &[
        ("scan", |f, x| lax::scan(|c: &Array, i: &Array| (f(&(c + i)).sin(), c.sum()), x, &np::arange(3.0)).0),
        ("branch", |f, x| lax::cond(x.sum().less(1e6), || f(x), || x * 2.0)),
        ("while", |f, x| lax::fori_loop(0, 2, |_: &Array, y: &Array| f(y), x.clone())),
        ("twice", |f, x| f(&f(x).cos()) + f(x)),
    ];
    for (name, outer) in outer {
        let (a, b) = (sharded(body, 4), reference(body, 4));
        let found = all_of(move |x: &Array| outer(&a, x), &x, &v, true);
        let expected = all_of(move |x: &Array| outer(&b, x), &x, &v, true);
        for ((what, found), (_, expected)) in found.iter().zip(&expected) {
            close(&format!("{name}: {what}"), found, expected, 2e-5);
        }
    }
    let map = sharded(body, 4);
    let saved = checkpoint(move |x: &Array| map(&x.sin()).sin());
    let (map, one) = (saved, reference(body, 4));
    let slope = jit(grad(move |x: &Array| map(x).powi(2).sum()))(&x);
    close("checkpoint", &slope, &grad(move |x: &Array| one(&x.sin()).sin().powi(2).sum())(&x), 2e-5);
}

/// A batch of functions of all devices, or divided among them.
#[test]
fn a_batch_divided_over_an_axis() {
    let mesh = mesh([("batch", 2), ("x", 4)]);
    let x = numbers(8, [6, 8, 3]);
    let local = |x: &Array| x * lax::psum(&x.sin(), "x");
    let one = |x: &Array| {
        let parts = x.reshape([4, 2, 3]);
        (&parts * parts.sin().sum_keepdims(0)).reshape([8, 3])
    };
    let expected = vmap(one)(&x);
    let map = || shard_map(local, &mesh).in_specs(P!("x")).out_specs(P!("x"));
    let (whole, divided) = (jit(vmap(map())), jit(vmap(map()).spmd_axis_name("batch")));
    close("whole", &whole(&x), &expected, 1e-5);
    close("divided", &divided(&x), &expected, 1e-5);
    assert_eq!(divided(&x).sharding().unwrap().spec(), &P!("batch", "x"));
    let map = map();
    let slope = vmap(grad(move |x: &Array| map(x).sin().sum())).spmd_axis_name("batch");
    close("gradient", &jit(slope)(&x), &vmap(grad(move |x: &Array| one(x).sin().sum()))(&x), 2e-5);
}

/// Devices communicate along an axis of the mesh and along that of a `vmap` around all of them.
#[test]
fn over_the_axis_of_a_vmap_outside() {
    let mesh = mesh([("x", 4)]);
    let x = numbers(11, [3, 8]);
    let map = shard_map(|x: &Array| x * lax::psum(&x.sin(), ["i", "x"]), &mesh).in_specs(P!("x")).out_specs(P!("x"));
    let f = vmap(map).axis_name("i");
    let one = |x: &Array| {
        let parts = x.reshape([3, 4, 2]);
        (&parts * parts.sin().sum_axis((0, 1))).reshape([3, 8])
    };
    close("values", &f(&x), &one(&x), 1e-5);
    close(
        "gradient",
        &jit(grad(move |x: &Array| f(x).sin().sum()))(&x),
        &grad(move |x: &Array| one(x).sin().sum())(&x),
        2e-5,
    );
}

/// What the devices share has one cotangent: the sum of those of the devices.
#[test]
fn values_that_devices_share() {
    let mesh = mesh([("x", 4)]);
    let (w, x) = (numbers(6, [3, 2]), numbers(7, [8, 3]));
    let local = |w: &Array, x: &Array| lax::pmean(&x.matmul(w).sin().powi(2).mean(), "x");
    let one = |w: &Array, x: &Array| x.matmul(w).sin().powi(2).mean();
    for check in [true, false] {
        let f = shard_map(local, &mesh).in_specs((P!(), P!("x"))).check_vma(check);
        let (dw, dx) = jit(grad(f).argnums(args!(0, 1)))(&w, &x);
        let (ew, ex) = grad(one).argnums(args!(0, 1))(&w, &x);
        close("weights", &dw, &ew, 1e-5);
        close("data", &dx, &ex, 1e-5);
    }
    // Captured values are shared.
    let captured = w.clone();
    let f = move |w: &Array| {
        let (w, own) = (w * &captured, captured.clone());
        let map = shard_map(
            move |x: &Array| lax::psum(&(x.matmul(&w) * x.matmul(&own)).sum(), "x"),
            &super::mesh([("x", 4)]),
        );
        map.in_specs(P!("x"))(&numbers(7, [8, 3]))
    };
    let own = w.clone();
    let e = move |w: &Array| (numbers(7, [8, 3]).matmul(&(w * &own)) * numbers(7, [8, 3]).matmul(&own)).sum();
    close("captured", &grad(f)(&w), &grad(e)(&w), 1e-5);
}
