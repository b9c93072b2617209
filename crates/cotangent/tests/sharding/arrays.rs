//! A sharded array is one array: it reads, prints, computes and moves as one.

use cotangent::prelude::*;
use cotangent::{Destination, NamedSharding, P, Prefix, device_put};
use cotangent::{make_array_from_callback, make_array_from_single_device_arrays};

use super::{close, devices, mesh, numbers};

#[test]
fn it_reads_and_prints_as_the_array_it_is() {
    let mesh = mesh([("x", 2), ("y", 4)]);
    let x = np::arange(64).reshape([8, 8]);
    for spec in [P!(), P!("x"), P!(None, "y"), P!("y", "x"), P!(("x", "y")), P!(("y", "x"), None), P!(None, ("x", "y"))]
    {
        let y = x.to(NamedSharding::new(&mesh, spec.clone()));
        assert_eq!(y.to_vec::<i32>(), x.to_vec::<i32>(), "{spec}");
        assert_eq!((y.to_string(), format!("{y:?}")), (x.to_string(), format!("{x:?}")), "{spec}");
        assert_eq!(y.sharding().unwrap().spec(), &spec);
        assert!(y.is_committed() && y.device().is_err());
        let shards = y.addressable_shards().unwrap();
        assert_eq!(shards.len(), 8);
        for (shard, device) in shards.iter().zip(devices()) {
            let [rows, columns] = [&shard.index[0], &shard.index[1]];
            let part = x.at((s![rows.clone()], s![columns.clone()])).get();
            assert_eq!((shard.device, shard.data.to_vec::<i32>()), (*device, part.to_vec::<i32>()), "{spec}");
            assert_eq!(shard.data.device().unwrap(), *device);
        }
    }
}

#[test]
fn it_is_made_from_parts() {
    let mesh = mesh([("x", 2), ("y", 4)]);
    let x = np::arange(64).reshape([8, 8]);
    for (spec, different) in [(P!(), 1), (P!("x"), 2), (P!(None, "y"), 4), (P!("y", "x"), 8), (P!(("y", "x")), 8)] {
        let sharding = NamedSharding::new(&mesh, spec.clone());
        let mut asked = Vec::new();
        let y = make_array_from_callback((8, 8), &sharding, |index| {
            asked.push(index.to_vec());
            x.at((s![index[0].clone()], s![index[1].clone()])).get()
        });
        assert_eq!((y.to_vec::<i32>(), y.sharding()), (x.to_vec::<i32>(), Some(sharding.clone())), "{spec}");
        // Parts of several devices are asked for once.
        assert_eq!(asked.len(), different, "{spec}");
        let parts: Vec<Array> = y.addressable_shards().unwrap().into_iter().map(|shard| shard.data).collect();
        let z = make_array_from_single_device_arrays((8, 8), &sharding, parts);
        assert_eq!(z.to_vec::<i32>(), x.to_vec::<i32>(), "{spec}");
        assert_eq!((&z + 1).sum().item::<i32>(), 2080, "{spec}");
    }
}

#[test]
fn every_rank_and_dtype_survives() {
    let mesh = mesh([("x", 4)]);
    for dtype in DType::ALL {
        for (shape, spec) in
            [(&[][..], P!()), (&[8], P!("x")), (&[3, 4], P!(None, "x")), (&[2, 0, 4], P!(None, None, "x"))]
        {
            let x = (numbers(1, shape) * 3.0).astype(dtype);
            let y = device_put(&x, NamedSharding::new(&mesh, spec.clone()));
            assert_eq!(y.to_bytes().unwrap(), x.to_bytes().unwrap(), "{dtype} {shape:?} {spec}");
        }
    }
}

#[test]
fn operations_outside_jit_keep_it_divided() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let x = numbers(2, [8, 6]);
    let y = x.to(&rows);
    // A product with numbers of the host, and with itself.
    let z = (&y * 2.0 + 1.0) * y.sin();
    assert_eq!(z.sharding().unwrap().spec(), &P!("x"));
    close("elementwise", &z, &((&x * 2.0 + 1.0) * x.sin()), 1e-6);
    // With an array that is on no device in particular.
    close("mixed", &(&y + np::ones([8, 6])), &(&x + 1.0), 1e-6);
    assert_eq!(y.t().sharding().unwrap().spec(), &P!(None, "x"));
    assert_eq!(y.sum_axis(1).sharding().unwrap().spec(), &P!("x"));
    assert!(y.sum().sharding().unwrap().is_fully_replicated());
    close("a product", &y.t().matmul(&y), &x.t().matmul(&x), 1e-5);
    close("gradient", &grad(|x: &Array| x.sin().powi(2).sum())(&y), &grad(|x: &Array| x.sin().powi(2).sum())(&x), 1e-6);
    assert_eq!(y.at((0, 0)).get().item::<f32>(), x.at((0, 0)).get().item::<f32>());
    assert_eq!((y.max().item::<f32>(), y.argmax().item::<i32>()), (x.max().item::<f32>(), x.argmax().item::<i32>()));
    for i in [3, 5, 7, 9] {
        close("another number each time", &(&y * f64::from(i)).sum(), &(&x * f64::from(i)).sum(), 1e-5);
    }
}

/// Operations with kernels of their own, calls that are not inlined, and calls of the host's linear algebra.
#[test]
fn operations_of_every_kind_compile() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let x = numbers(3, [8, 8]);
    let y = x.to(&rows);
    type Op = fn(&Array) -> Array;
    let ops: &[(&str, Op)] = &[
        ("sort", |x| np::sort_axis(x, 0)),
        ("cumsum", |x| np::cumsum_axis(x, 0)),
        ("max", |x| x.max_axis(0)),
        ("gradient of max", |x| grad(|x: &Array| x.max_axis(0).sin().sum())(x)),
        ("gradient of sort", |x| grad(|x: &Array| (np::sort_axis(x, 0) * np::arange(8)).sum())(x)),
        ("argmax", |x| x.argmax_axis(0)),
        ("gather", |x| x.at(np::array([3, 1, 7])).get()),
        ("scatter", |x| x.at(np::array([3, 1, 7])).add(1.0)),
        ("cholesky", |x| lax::linalg::cholesky(&(x.matmul(x.t()) + np::eye(8, 8)))),
        ("scan", |x| lax::scan(|c: &Array, row: &Array| (c.sin() + row, c * row), np::zeros(8), x).1),
        ("gradient of scan", |x| {
            grad(|x: &Array| lax::scan(|c: &Array, row: &Array| (c.sin() + row, c * row), np::zeros(8), x).1.sum())(x)
        }),
        ("fft", |x| np::real(&cotangent::fft::fft(x))),
        ("convolution", |x| lax::conv(&x.reshape([1, 1, 8, 8]), &np::ones([1, 1, 3, 3]), [1, 1], lax::Padding::Same)),
        ("normals", |x| x + random::normal(random::key(0), [8, 8])),
        ("batch", |x| vmap(|row: &Array| row.sin() / row.sum())(x)),
    ];
    for (name, op) in ops {
        close(name, &jit(*op)(&y), &jit(*op)(&x), 2e-4);
    }
}

#[test]
fn it_moves_between_meshes_and_devices() {
    let (two, other) = (mesh([("x", 2), ("y", 4)]), mesh([("z", 8)]));
    let few = cotangent::Mesh::new(&devices()[5..7], [("w", 2)]);
    let x = np::arange(64).reshape([8, 8]);
    let mut y = x.to(NamedSharding::new(&two, P!("x", "y")));
    for (mesh, spec) in [(&other, P!("z")), (&few, P!(None, "w")), (&two, P!(("y", "x"))), (&other, P!()), (&few, P!())]
    {
        y = y.to(NamedSharding::new(mesh, spec.clone()));
        assert_eq!((y.to_vec::<i32>(), y.sharding().unwrap().spec()), (x.to_vec::<i32>(), &spec));
    }
    let one = y.to(devices()[3]);
    assert_eq!((one.device().unwrap(), one.sharding(), one.to_vec::<i32>()), (devices()[3], None, x.to_vec::<i32>()));
    // Inside a program, a constraint moves it.
    let (rows, columns) = (NamedSharding::new(&two, P!("y")), NamedSharding::new(&two, P!(None, "y")));
    let z = lax::with_sharding_constraint(&x.to(&rows), &columns);
    assert_eq!((z.sharding(), z.to_vec::<i32>()), (Some(columns), x.to_vec::<i32>()));
}

/// The search for NaN follows a program over several devices too.
#[test]
fn nans_are_found() {
    let rows = NamedSharding::new(&mesh([("x", 4)]), P!("x"));
    let f = jit(|x: &Array| (x - 1.0).log() * 2.0);
    let x = np::zeros(8).to(&rows);
    let _scope = cotangent::debug::nans(true);
    let error = f.try_call((&x,)).unwrap_err();
    assert!(error.message().contains("NaN (not a number) in the result of `log`"), "{error}");
    assert!(f.try_call((&(x + 2.0),)).is_ok());
}

/// What is saved is the array, so it can be loaded on any other mesh.
#[test]
fn saved_on_one_mesh_and_loaded_on_another() {
    let (two, other) = (mesh([("x", 2), ("y", 4)]), mesh([("z", 4)]));
    let x = numbers(9, [8, 4]);
    let bytes = postcard::to_allocvec(&x.to(NamedSharding::new(&two, P!("x", "y")))).unwrap();
    let loaded: Array = postcard::from_bytes(&bytes).unwrap();
    let columns = NamedSharding::new(&other, P!(None, "z"));
    let y = loaded.to(&columns);
    assert_eq!((y.to_bytes().unwrap(), y.sharding()), (x.to_bytes().unwrap(), Some(columns)));
}

#[test]
fn trees_go_to_a_place_for_each_part() {
    let mesh = mesh([("x", 4)]);
    let tree = (np::zeros([4, 2]), vec![np::zeros([2, 8]), np::zeros(3)]);
    let [rows, columns, all] = [P!("x"), P!(None, "x"), P!()].map(|spec| NamedSharding::new(&mesh, spec));
    let placed = device_put(&tree, (&rows, Prefix::all(Destination::from(&all)).at("[0]", &columns)));
    let specs = [&placed.0, &placed.1[0], &placed.1[1]].map(|x| x.sharding().unwrap());
    assert_eq!(specs, [rows, columns, all]);
}

#[test]
fn its_drawing() {
    let mesh = mesh([("x", 2), ("y", 2)]);
    let drawn = NamedSharding::new(&mesh, P!("y", "x")).drawing(&[4, 4]).unwrap();
    let expected = "\
┌──────────────────┬──────────────────┐
│     EIGHT 0      │     EIGHT 2      │
├──────────────────┼──────────────────┤
│     EIGHT 1      │     EIGHT 3      │
└──────────────────┴──────────────────┘
";
    assert_eq!(drawn, expected, "{drawn}");
    cotangent::visualize_array_sharding(&np::zeros([4, 4]).to(NamedSharding::new(&mesh, P!("x"))));
}
