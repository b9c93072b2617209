//! Whole modules, compared with the files in `tests/golden`. Each of those files has been parsed and
//! verified by the MLIR of jaxlib (`tests/check.py`). After a deliberate change, write them anew
//! with `BLESS=1` and check them again.

use cotangent_stablehlo::{Attr, Block, Func, Location, Module, Region, Type, Value, Visibility};

fn f32s(dims: &[usize]) -> Type {
    Type::tensor(dims, "f32")
}

fn check(name: &str, module: &Module) {
    let path = format!("{}/tests/golden/{name}.mlir", env!("CARGO_MANIFEST_DIR"));
    let text = module.to_text();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, golden, "{path}");
}

fn program(name: &str, params: &[Type], body: impl FnOnce(&mut Block, &[Value]) -> Vec<Value>) {
    let mut main = Func::new("main", Visibility::Public, params);
    let args = main.params();
    let results = body(main.body(), &args);
    main.ret(&results);
    let mut module = Module::new(&format!("jit_{name}"));
    module.add(main);
    check(name, &module);
}

#[test]
fn constants() {
    program("constants", &[], |block, _| {
        let scalar = f32s(&[]);
        let mut out = Vec::new();
        for x in [0.0, -0.0, 1.0, 0.1, 1e-45, f32::MAX, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            out.push(block.splat(&scalar, x));
        }
        out.push(block.splat(&scalar, f32::from_bits(0x15AE43FD)));
        for x in [f64::MAX, f64::MIN_POSITIVE, 5e-324, -1e-7, f64::NAN, f64::INFINITY] {
            out.push(block.splat(&Type::tensor(&[2], "f64"), x));
        }
        for element in ["bf16", "f16", "f8E5M2"] {
            let ty = Type::tensor(&[4], element);
            out.push(block.dense(&ty, [1.5, -0.0, f32::NAN, f32::NEG_INFINITY]));
        }
        out.push(block.splat(&Type::tensor(&[], "f8E4M3FN"), f32::NAN));
        out.push(block.splat(&Type::tensor(&[3], "i1"), true));
        out.push(block.dense(&Type::tensor(&[3], "i1"), [true, false, true]));
        out.push(block.bytes(&Type::tensor(&[1, 2], "i1"), &[0, 1]));
        for (element, low, high) in [
            ("i8", i64::from(i8::MIN), i64::from(i8::MAX)),
            ("i16", i64::from(i16::MIN), i64::from(i16::MAX)),
            ("i32", i64::from(i32::MIN), i64::from(i32::MAX)),
            ("i64", i64::MIN, i64::MAX),
            ("ui8", 0, 255),
            ("ui16", 0, 65535),
            ("ui32", 0, u32::MAX.into()),
        ] {
            out.push(block.dense(&Type::tensor(&[2, 1], element), [low, high]));
        }
        out.push(block.splat(&Type::tensor(&[], "ui64"), u64::MAX));
        out.push(block.splat(&Type::tensor(&[], "complex<f32>"), (1.5f32, -0.0f32)));
        let infinite = [(f64::NAN, 1e300), (f64::NEG_INFINITY, 0.0)];
        out.push(block.dense(&Type::tensor(&[2], "complex<f64>"), infinite));
        out.push(block.splat(&Type::tensor(&[2], "complex<f32>"), (f32::INFINITY, 0.0)));
        out.push(block.splat(&Type::tensor(&[2], "complex<f32>"), 0));
        out.push(block.dense(&f32s(&[2, 0]), [0f32; 0]));
        out.push(block.splat(&f32s(&[0]), 0));
        out.push(block.bytes(&f32s(&[0]), &[]));
        let data: Vec<u8> = [1f32, 2.0, f32::NAN, -0.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        out.push(block.bytes(&f32s(&[2, 2]), &data));
        out.push(block.bytes(&f32s(&[]), &data[..4]));
        out.push(block.bytes(&Type::tensor(&[2], "complex<f32>"), &data));
        out.push(block.bytes(&Type::tensor(&[2], "bf16"), &[0x80, 0x3F, 0xC0, 0x7F]));
        out.push(block.bytes(&Type::tensor(&[3], "ui8"), &[0, 127, 255]));
        out.push(block.constant(&f32s(&[2]), "[1.0, 2.0]"));
        out
    });
}

#[test]
fn elementwise() {
    let ty = f32s(&[2, 3]);
    program("elementwise", &[ty.clone(), ty.clone()], |block, args| {
        let [x, y] = args else { unreachable!() };
        let less = [
            ("comparison_direction", Attr::Static("#stablehlo<comparison_direction LT>")),
            ("compare_type", Attr::Raw("#stablehlo<comparison_type FLOAT>".to_owned())),
        ];
        let sum = block.op1("stablehlo.add", args, &[], &ty);
        let p = block.op1("stablehlo.compare", [x, y], &less, &ty.with_element("i1"));
        let s = block.op1("stablehlo.select", [&p, x, &sum], &[], &ty);
        let e = block.op1("chlo.erf_inv", &s, &[], &ty);
        let l = block.op1("chlo.lgamma", &e, &[], &ty);
        let c = block.op1("stablehlo.convert", &l, &[], &ty.with_element("bf16"));
        let b = block.op1("stablehlo.bitcast_convert", x, &[], &ty.with_element("ui32"));
        let accurate = [(
            "result_accuracy",
            Attr::Static("#stablehlo.result_accuracy<mode = #stablehlo.result_accuracy_mode<DEFAULT>>"),
        )];
        let t = block.op1("stablehlo.tanh", x, &accurate, &ty);
        let r = [("exponent_bits", Attr::I32(5)), ("mantissa_bits", Attr::I32(10))];
        let r = block.op1("stablehlo.reduce_precision", y, &r, &ty);
        let z = block.op1("stablehlo.complex", [x, y], &[], &ty.with_element("complex<f32>"));
        vec![c, b, t, r, z]
    });
}

#[test]
fn shapes() {
    let ty = f32s(&[2, 3]);
    program("shapes", &[ty.clone(), f32s(&[]), Type::tensor(&[], "i32")], |block, args| {
        let [x, pad, i] = args else { unreachable!() };
        let axes = |axes: &[usize]| Attr::i64s(axes.iter().copied());
        let none = ("broadcast_dimensions", axes(&[]));
        let b = block.op1("stablehlo.broadcast_in_dim", pad, &[none], &ty);
        let some = ("broadcast_dimensions", axes(&[0, 2]));
        let big = block.op1("stablehlo.broadcast_in_dim", x, &[some], &f32s(&[2, 4, 3]));
        let c = [("dimension", Attr::I64(1))];
        let c = block.op1("stablehlo.concatenate", [x, &b, x], &c, &f32s(&[2, 9]));
        let slice = [("start_indices", axes(&[0, 1])), ("limit_indices", axes(&[2, 9])), ("strides", axes(&[1, 2]))];
        let s = block.op1("stablehlo.slice", &c, &slice, &f32s(&[2, 4]));
        let padding = [
            ("edge_padding_low", Attr::I64Array(vec![-1, 2])),
            ("edge_padding_high", axes(&[0, 0])),
            ("interior_padding", axes(&[0, 1])),
        ];
        let p = block.op1("stablehlo.pad", [x, pad], &padding, &f32s(&[1, 7]));
        let iota = Type::tensor(&[4, 5], "i32");
        let n = block.op1("stablehlo.iota", (), &[("iota_dimension", Attr::I64(0))], &iota);
        let t = block.op1("stablehlo.transpose", x, &[("permutation", axes(&[1, 0]))], &f32s(&[3, 2]));
        let r = block.op1("stablehlo.reshape", x, &[], &f32s(&[6]));
        let rev = block.op1("stablehlo.reverse", x, &[("dimensions", axes(&[0, 1]))], &ty);
        let sizes = [("slice_sizes", axes(&[1, 3]))];
        let ds = block.op1("stablehlo.dynamic_slice", [x, i, i], &sizes, &f32s(&[1, 3]));
        let du = block.op1("stablehlo.dynamic_update_slice", [x, &ds, i, i], &[], &ty);
        vec![big, s, p, n, t, r, rev, du]
    });
}

#[test]
fn contractions() {
    let params = [f32s(&[5, 2, 3]), f32s(&[5, 3, 4]), f32s(&[1, 8, 8, 3]), f32s(&[3, 3, 3, 16])];
    program("contractions", &params, |block, args| {
        let dot = [
            (
                "dot_dimension_numbers",
                Attr::Raw(
                    "#stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], \
                     lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1]>"
                        .to_owned(),
                ),
            ),
            ("precision_config", Attr::Array(vec![Attr::Static("#stablehlo<precision HIGHEST>"); 2])),
        ];
        let d = block.op1("stablehlo.dot_general", &args[..2], &dot, &f32s(&[5, 2, 4]));
        let conv = [
            ("batch_group_count", Attr::I64(1)),
            ("dimension_numbers", Attr::Static("#stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>")),
            ("feature_group_count", Attr::I64(1)),
            ("padding", Attr::dense(&Type::tensor(&[2, 2], "i64"), [1, 1, 1, 1])),
            ("window_strides", Attr::i64s([1usize, 1])),
            ("window_reversal", Attr::BoolArray(vec![false, false])),
        ];
        let c = block.op1("stablehlo.convolution", &args[2..], &conv, &f32s(&[1, 8, 8, 16]));
        vec![d, c]
    });
}

#[test]
fn regions() {
    let (x, scalar, int) = (f32s(&[4, 3]), f32s(&[]), Type::tensor(&[], "i32"));
    let flag = Type::tensor(&[], "i1");
    program("regions", &[x.clone(), int.clone()], |block, args| {
        let [x, i] = args else { unreachable!() };
        let zero = block.splat(&scalar, 0);
        let pair = [scalar.clone(), scalar.clone()];
        let sum = block.op_with_regions(
            "stablehlo.reduce",
            [x, &zero],
            &[("dimensions", Attr::i64s([0usize]))],
            &[f32s(&[3])],
            [Region::new(&pair, |block, args| vec![block.op1("stablehlo.add", args, &[], &scalar)])],
        );

        let keys = Type::tensor(&[4, 3], "i32");
        let iota = block.op1("stablehlo.iota", (), &[("iota_dimension", Attr::I64(0))], &keys);
        let sorted = block.op_with_regions(
            "stablehlo.sort",
            [x, &iota],
            &[("dimension", Attr::I64(0)), ("is_stable", Attr::Bool(true))],
            &[x.ty().clone(), keys],
            [Region::new(&[&pair[..], &[int.clone(), int.clone()]].concat(), |block, args| {
                let less = [
                    ("comparison_direction", Attr::Static("#stablehlo<comparison_direction LT>")),
                    ("compare_type", Attr::Static("#stablehlo<comparison_type TOTALORDER>")),
                ];
                vec![block.op1("stablehlo.compare", &args[..2], &less, &flag)]
            })],
        );

        // Two regions with one `&mut`, values of the function seen within, a region in a region.
        let ten = block.splat(&int, 10);
        let mut calls = 0;
        let mut op = block.begin_op("stablehlo.while", [i, &sum[0]], &[int.clone(), f32s(&[3])]);
        op.region(&[int.clone(), f32s(&[3])], |block, args| {
            calls += 1;
            let less = Attr::Static("#stablehlo<comparison_direction LT>");
            let less = [("comparison_direction", less)];
            vec![block.op1("stablehlo.compare", [&args[0], &ten], &less, &flag)]
        });
        op.region(&[int.clone(), f32s(&[3])], |block, args| {
            calls += 1;
            let one = block.splat(&int, 1);
            let next = block.op1("stablehlo.add", [&args[0], &one], &[], &int);
            let branch = |name: &'static str| {
                let (x, ty) = (args[1].clone(), f32s(&[3]));
                Region::new(&[], move |block, _| vec![block.op1(name, &x, &[], &ty)])
            };
            let branches = [branch("stablehlo.sine"), branch("stablehlo.cosine")];
            let y = block.op_with_regions("stablehlo.case", i, &[], &[f32s(&[3])], branches);
            vec![next, y[0].clone()]
        });
        let looped = op.finish(&[]);
        assert_eq!(calls, 2);

        let indices = block.constant(&Type::tensor(&[2, 1], "i32"), "[[0], [2]]");
        let gather = [
            (
                "dimension_numbers",
                Attr::Static(
                    "#stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], \
                     start_index_map = [0], index_vector_dim = 1>",
                ),
            ),
            ("indices_are_sorted", Attr::Bool(false)),
            ("slice_sizes", Attr::i64s([1usize, 3])),
        ];
        let rows = block.op1("stablehlo.gather", [x, &indices], &gather, &f32s(&[2, 3]));
        let scatter = [
            (
                "scatter_dimension_numbers",
                Attr::Static(
                    "#stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], \
                     scatter_dims_to_operand_dims = [0], index_vector_dim = 1>",
                ),
            ),
            ("indices_are_sorted", Attr::Bool(true)),
            ("unique_indices", Attr::Bool(true)),
        ];
        let scattered = block.op_with_regions(
            "stablehlo.scatter",
            [x, &indices, &rows],
            &scatter,
            &[x.ty().clone()],
            [Region::new(&pair, |block, args| vec![block.op1("stablehlo.add", args, &[], &scalar)])],
        );
        let window = [
            ("window_dimensions", Attr::i64s([2usize, 1])),
            ("padding", Attr::splat(&Type::tensor(&[2, 2], "i64"), 0)),
        ];
        let pooled = block.op_with_regions(
            "stablehlo.reduce_window",
            [x, &zero],
            &window,
            &[f32s(&[3, 3])],
            [Region::new(&pair, |block, args| vec![block.op1("stablehlo.maximum", args, &[], &scalar)])],
        );
        let mut out = sorted.to_vec();
        out.extend([&looped[..], &scattered, &pooled].concat());
        out
    });
}

#[test]
fn functions() {
    let ty = f32s(&[3]);
    let mut module = Module::new("jit_<lambda>");
    let at = |line| Some(Location { file: "src/dir \"é\"\\main.rs", line, column: 5, name: None });

    let mut inner = Func::new("<lambda>", Visibility::Private, &[ty.clone(), ty.clone()]);
    let args = inner.params();
    inner.body().set_location(at(7));
    let y = inner.body().op1("stablehlo.add", &args, &[], &ty);
    inner.ret(&[y, args[0].clone()]);

    let mut middle = Func::new("nothing", Visibility::Private, &[]);
    middle.ret(&[]);

    let mut main = Func::new("main", Visibility::Public, &[ty.clone(), ty.clone(), Type::token()]);
    let args = main.params();
    main.param_attr(0, "tf.aliasing_output", Attr::I32(0));
    main.param_attr(1, "jax.buffer_donor", Attr::Bool(true));
    main.param_attr(1, "mhlo.sharding", Attr::Str("{replicated}".to_owned()));
    main.result_attr(0, "jax.result_info", "result[0]".into());
    let block = main.body();
    block.set_location(at(8));
    let ys = block.call("<lambda>", &args[..2], true, &[ty.clone(), ty.clone()]);
    assert!(block.call("nothing", (), false, &[]).is_empty());
    block.set_location(None);
    let config = vec![("k".to_owned(), Attr::I64(1)), ("unit".to_owned(), Attr::Unit)];
    let custom = [
        ("call_target_name", Attr::Str("cotangent_host".to_owned())),
        ("api_version", Attr::I32(4)),
        ("has_side_effect", Attr::Bool(true)),
        ("backend_config", Attr::Dict(config)),
        (
            "operand_layouts",
            Attr::Array(vec![
                Attr::dense(&Type::tensor(&[1], "index"), [0]),
                Attr::dense(&Type::tensor(&[0], "index"), [0; 0]),
            ]),
        ),
        (
            "result_layouts",
            Attr::Array(vec![
                Attr::dense(&Type::tensor(&[0], "index"), [0; 0]),
                Attr::dense(&Type::tensor(&[1], "index"), [0]),
            ]),
        ),
        ("mhlo.frontend_attributes", Attr::Dict(vec![("a b".to_owned(), "c\n".into())])),
    ];
    block.set_location(at(7));
    let results = [Type::token(), ty.clone()];
    let out = block.op("stablehlo.custom_call", [&ys[0], &args[2]], &custom, &results);
    let topk = [("k", Attr::I64(2))];
    let top = block.op("chlo.top_k", &ys[1], &topk, &[f32s(&[2]), Type::tensor(&[2], "i32")]);
    let scalar = f32s(&[]);
    let zero = block.splat(&scalar, 0);
    let sum = block.op_with_regions(
        "stablehlo.reduce",
        [&ys[0], &zero],
        &[("dimensions", Attr::i64s([0usize]))],
        std::slice::from_ref(&scalar),
        [Region::new(&[scalar.clone(), scalar.clone()], |block, args| {
            block.set_location(at(9));
            vec![block.op1("stablehlo.add", args, &[], &scalar)]
        })],
    );
    let last = block.op1("stablehlo.negate", &sum, &[], &scalar);
    main.ret(&[out[1].clone(), top[0].clone(), top[1].clone(), last, out[0].clone()]);

    module.add(main);
    module.add(inner);
    module.add(middle);
    check("functions", &module);
}

/// A smoke test that also tells the cost: `cargo test --release -- --nocapture speed`.
#[test]
fn speed() {
    let ty = f32s(&[128, 256]);
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let mut main = Func::new("main", Visibility::Public, &[ty.clone(), ty.clone()]);
        let mut args = main.params();
        let start = std::time::Instant::now();
        let block = main.body();
        for i in 0..100_000 {
            block.set_location(Some(Location { file: file!(), line: i % 1000, column: 9, name: None }));
            args[1] = block.op1("stablehlo.add", &args, &[], &ty);
        }
        let written = start.elapsed();
        main.ret(&args[1..]);
        let mut module = Module::new("speed");
        module.add(main);
        let text = module.to_text();
        let total = start.elapsed();
        assert_eq!(text.lines().count(), 100_000 + 5 + 1000);
        best = best.min(total.as_secs_f64());
        println!("{written:?} for 100,000 operations; {total:?} with the module, {} bytes", text.len());
    }
    println!("best: {:.0} ns an operation", best * 1e4);
}
