//! Operations of StableHLO that have no primitive: they run as they were written, alone, under `jit` and `vmap`, and inside
//! loops. `docs/imports.md` has the table.

use std::sync::Arc;

use cotangent::extend::{Scalar, register_ffi_target};
use cotangent::import;
use cotangent::prelude::*;

use super::common::scalars;
use super::complaint;

/// A module with a `main` of these types. Its values are `%a0`, `%a1`, …, and its last line returns.
fn module(args: &[&str], results: &str, body: &str) -> String {
    let params: Vec<String> = args.iter().enumerate().map(|(i, ty)| format!("%a{i}: {ty}")).collect();
    format!("module @m {{ func.func public @main({}) -> ({results}) {{\n{body}\n}} }}", params.join(", "))
}

fn floats(x: &Array) -> Vec<f64> {
    let number = |x: Scalar| match x {
        Scalar::Bool(b) => f64::from(u8::from(b)),
        Scalar::Int(i) => i as f64,
        Scalar::Uint(u) => u as f64,
        Scalar::Float(x) | Scalar::Complex(x, _) => x,
    };
    scalars(x).into_iter().map(number).collect()
}

struct Case {
    name: &'static str,
    args: Vec<(&'static str, Array)>,
    results: &'static str,
    body: &'static str,
    /// The elements of all results.
    expected: Vec<f64>,
    /// The operations that run as they were written; none if it is read.
    opaque: usize,
}

fn cases() -> Vec<Case> {
    let f = |x: &[f32]| Array::from(x.to_vec());
    let i = |x: &[i32]| Array::from(x.to_vec());
    let case = |name, args, results, body, expected: &[f64]| Case {
        name,
        args,
        results,
        body,
        expected: expected.to_vec(),
        opaque: 1,
    };
    let read = |case: Case| Case { opaque: 0, ..case };
    vec![
        case(
            "a sort by magnitude",
            vec![("tensor<4xf32>", f(&[3.0, -1.0, 2.0, -4.0]))],
            "tensor<4xf32>",
            r#"%0 = "stablehlo.sort"(%a0) ({
                ^bb0(%x: tensor<f32>, %y: tensor<f32>):
                  %1 = "stablehlo.abs"(%x) : (tensor<f32>) -> tensor<f32>
                  %2 = "stablehlo.abs"(%y) : (tensor<f32>) -> tensor<f32>
                  %3 = "stablehlo.compare"(%1, %2) {comparison_direction = #stablehlo<comparison_direction LT>}
                    : (tensor<f32>, tensor<f32>) -> tensor<i1>
                  "stablehlo.return"(%3) : (tensor<i1>) -> ()
                }) {dimension = 0 : i64} : (tensor<4xf32>) -> tensor<4xf32>
                return %0 : tensor<4xf32>"#,
            &[-1.0, 2.0, 3.0, -4.0],
        ),
        case(
            "floats of eight bits",
            vec![("tensor<3xf32>", f(&[1.1, 3.3, 300.0]))],
            "tensor<3xf32>",
            "%0 = stablehlo.convert %a0 : (tensor<3xf32>) -> tensor<3xf8E4M3FN>
             %1 = stablehlo.convert %0 : (tensor<3xf8E4M3FN>) -> tensor<3xf32>
             %2 = stablehlo.add %1, %1 : tensor<3xf32>
             return %2 : tensor<3xf32>",
            &[2.25, 6.5, 576.0],
        ),
        case(
            "integers of four bits",
            vec![("tensor<3xf32>", f(&[1.0, -3.0, 7.0]))],
            "tensor<3xf32>, tensor<3xf32>",
            "%0 = stablehlo.convert %a0 : (tensor<3xf32>) -> tensor<3xi4>
             %1 = stablehlo.negate %a0 : tensor<3xf32>
             %2 = stablehlo.convert %0 : (tensor<3xi4>) -> tensor<3xf32>
             return %1, %2 : tensor<3xf32>, tensor<3xf32>",
            &[-1.0, 3.0, -7.0, 1.0, -3.0, 7.0],
        ),
        case(
            "a scatter of two arrays",
            vec![
                ("tensor<3xf32>", f(&[0.0; 3])),
                ("tensor<1x1xi32>", Array::from([[1i32]])),
                ("tensor<1xf32>", f(&[5.0])),
            ],
            "tensor<3xf32>, tensor<3xf32>",
            r#"%one = stablehlo.constant dense<1.0> : tensor<3xf32>
               %0:2 = "stablehlo.scatter"(%a0, %one, %a1, %a2, %a2) ({
                ^bb0(%x: tensor<f32>, %y: tensor<f32>, %u: tensor<f32>, %v: tensor<f32>):
                  %1 = stablehlo.add %x, %u : tensor<f32>
                  %2 = stablehlo.add %y, %v : tensor<f32>
                  "stablehlo.return"(%1, %2) : (tensor<f32>, tensor<f32>) -> ()
                }) {indices_are_sorted = false, unique_indices = false, scatter_dimension_numbers =
                  #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>}
                : (tensor<3xf32>, tensor<3xf32>, tensor<1x1xi32>, tensor<1xf32>, tensor<1xf32>)
                -> (tensor<3xf32>, tensor<3xf32>)
               return %0#0, %0#1 : tensor<3xf32>, tensor<3xf32>"#,
            &[0.0, 5.0, 0.0, 1.0, 6.0, 1.0],
        ),
        case(
            "a select_and_scatter by magnitude",
            vec![("tensor<4xf32>", f(&[1.0, -3.0, 2.0, 1.0])), ("tensor<2xf32>", f(&[10.0, 20.0]))],
            "tensor<4xf32>",
            r#"%zero = stablehlo.constant dense<0.0> : tensor<f32>
               %0 = "stablehlo.select_and_scatter"(%a0, %a1, %zero) ({
                ^bb0(%x: tensor<f32>, %y: tensor<f32>):
                  %1 = stablehlo.abs %x : tensor<f32>
                  %2 = stablehlo.abs %y : tensor<f32>
                  %3 = stablehlo.compare GE, %1, %2 : (tensor<f32>, tensor<f32>) -> tensor<i1>
                  stablehlo.return %3 : tensor<i1>
                }, {
                ^bb0(%x: tensor<f32>, %y: tensor<f32>):
                  %1 = stablehlo.add %x, %y : tensor<f32>
                  stablehlo.return %1 : tensor<f32>
                }) {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>,
                  padding = dense<0> : tensor<1x2xi64>}
                : (tensor<4xf32>, tensor<2xf32>, tensor<f32>) -> tensor<4xf32>
               return %0 : tensor<4xf32>"#,
            &[0.0, 10.0, 20.0, 0.0],
        ),
        case(
            "powers of integers",
            vec![("tensor<2xi32>", i(&[2, 3])), ("tensor<2xi32>", i(&[3, 2]))],
            "tensor<2xi32>",
            "%0 = stablehlo.power %a0, %a1 : tensor<2xi32>
             return %0 : tensor<2xi32>",
            &[8.0, 9.0],
        ),
        read(case(
            "tuples",
            vec![("tensor<2xf32>", f(&[2.0, 3.0])), ("tensor<f32>", Array::from(5f32))],
            "tensor<f32>",
            r#"%0 = "stablehlo.tuple"(%a0, %a1) : (tensor<2xf32>, tensor<f32>) -> tuple<tensor<2xf32>, tensor<f32>>
               %1 = "stablehlo.get_tuple_element"(%0) {index = 1 : i32} : (tuple<tensor<2xf32>, tensor<f32>>) -> tensor<f32>
               return %1 : tensor<f32>"#,
            &[5.0],
        )),
        read(case(
            "a result that is a tuple, as HLO has it",
            vec![("tensor<2xf32>", f(&[2.0, 3.0]))],
            "tuple<tensor<2xf32>, tensor<2xf32>>",
            r#"%0 = mhlo.copy %a0 : tensor<2xf32>
               %1 = mhlo.cosh %a0 {result_layout = dense<0> : tensor<1xindex>} : tensor<2xf32>
               %2 = "mhlo.sinh"(%a0) : (tensor<2xf32>) -> tensor<2xf32>
               %3 = stablehlo.subtract %1, %2 : tensor<2xf32>
               %4 = stablehlo.tuple %0, %3 {xla_shape = "(f32[2]{0}, f32[2]{0})"} : tuple<tensor<2xf32>, tensor<2xf32>>
               return %4 : tuple<tensor<2xf32>, tensor<2xf32>>"#,
            &[2.0, 3.0, (-2f32).exp().into(), (-3f32).exp().into()],
        )),
        read(case(
            "the greatest and the least elements",
            vec![("tensor<4xf32>", f(&[2.0, -3.0, 5.0, 1.0])), ("tensor<4xi32>", i(&[7, i32::MIN, 0, 9]))],
            "tensor<2xf32>, tensor<2xi32>, tensor<2xf32>, tensor<2xi32>, tensor<2xi32>",
            r#"%0:2 = mhlo.topk(%a0, k = 2) : tensor<4xf32> -> (tensor<2xf32>, tensor<2xi32>)
               %1:2 = mhlo.topk(%a0, k = 2, largest = false) : tensor<4xf32> -> (tensor<2xf32>, tensor<2xi32>)
               %2:2 = stablehlo.custom_call @mhlo.topk(%a1) {mhlo.attributes = {k = 2 : i64, largest = false}, mhlo.version = 1 : i64}
                 : (tensor<4xi32>) -> (tensor<2xi32>, tensor<2xi32>)
               return %0#0, %0#1, %1#0, %1#1, %2#0 : tensor<2xf32>, tensor<2xi32>, tensor<2xf32>, tensor<2xi32>, tensor<2xi32>"#,
            &[5.0, 2.0, 2.0, 0.0, -3.0, 1.0, 1.0, 3.0, i32::MIN.into(), 0.0],
        )),
        case(
            "einsum",
            vec![
                ("tensor<1x2xf32>", f(&[2.0, 3.0]).reshape([1, 2])),
                ("tensor<2x1xf32>", f(&[5.0, 7.0]).reshape([2, 1])),
            ],
            "tensor<1x1xf32>",
            r#"%0 = "stablehlo.einsum"(%a0, %a1) {einsum_config = "ij,jk->ik"} : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
               return %0 : tensor<1x1xf32>"#,
            &[31.0],
        ),
        case(
            "torch_index_select",
            vec![("tensor<3xf32>", f(&[2.0, 3.0, 5.0])), ("tensor<2xi32>", i(&[2, 0]))],
            "tensor<2xf32>",
            r#"%0 = "stablehlo.torch_index_select"(%a0, %a1) {dim = 0 : i64, batch_dims = 0 : i64}
                : (tensor<3xf32>, tensor<2xi32>) -> tensor<2xf32>
               return %0 : tensor<2xf32>"#,
            &[5.0, 2.0],
        ),
        case(
            "mulhi",
            vec![("tensor<1xi32>", i(&[1 << 30]))],
            "tensor<1xi32>",
            r#"%0 = "chlo.mulhi"(%a0, %a0) : (tensor<1xi32>, tensor<1xi32>) -> tensor<1xi32>
               return %0 : tensor<1xi32>"#,
            &[f64::from(1 << 28)],
        ),
        case(
            "chlo.broadcast_select",
            vec![("tensor<2xf32>", f(&[2.0, 3.0])), ("tensor<i1>", Array::from(true))],
            "tensor<2xf32>",
            r#"%0 = stablehlo.negate %a0 : tensor<2xf32>
               %1 = "chlo.broadcast_select"(%a1, %0, %a0) : (tensor<i1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
               return %1 : tensor<2xf32>"#,
            &[-2.0, -3.0],
        ),
        case(
            "chlo.constant",
            vec![("tensor<2xf32>", f(&[2.0, 3.0]))],
            "tensor<2xf32>",
            r#"%0 = "chlo.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
               %1 = stablehlo.add %0, %a0 : tensor<2xf32>
               return %1 : tensor<2xf32>"#,
            &[3.0, 5.0],
        ),
        case(
            "chlo._asin_acos_kernel",
            vec![("tensor<1xcomplex<f32>>", Array::from(vec![0.5f32]).astype(DType::C64))],
            "tensor<1xf32>",
            r#"%0 = "chlo._asin_acos_kernel"(%a0) : (tensor<1xcomplex<f32>>) -> tensor<1xcomplex<f32>>
               %1 = stablehlo.real %0 : (tensor<1xcomplex<f32>>) -> tensor<1xf32>
               return %1 : tensor<1xf32>"#,
            &[0.75f64.sqrt()],
        ),
        case(
            "the custom call of a routine of LAPACK",
            vec![("tensor<2x2xf32>", f(&[2.0, 1.0, 0.0, 3.0]).reshape([2, 2]))],
            "tensor<2x2xf32>",
            r#"%0:3 = stablehlo.custom_call @lapack_sgehrd_ffi(%a0) {mhlo.backend_config = {high = 2 : i32, low = 1 : i32},
                  operand_layouts = [dense<[0, 1]> : tensor<2xindex>],
                  result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<[0]> : tensor<1xindex>, dense<> : tensor<0xindex>]}
                : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<1xf32>, tensor<i32>)
               return %0#0 : tensor<2x2xf32>"#,
            &[2.0, 1.0, 0.0, 3.0],
        ),
        read(case(
            "map",
            vec![("tensor<2xf32>", f(&[2.0, 3.0])), ("tensor<2xf32>", f(&[5.0, 7.0]))],
            "tensor<2xf32>",
            r#"%0 = "stablehlo.map"(%a0, %a1) ({
                ^bb0(%x: tensor<f32>, %y: tensor<f32>):
                  %1 = stablehlo.multiply %x, %y : tensor<f32>
                  stablehlo.return %1 : tensor<f32>
                }) {dimensions = array<i64: 0>} : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
               return %0 : tensor<2xf32>"#,
            &[10.0, 21.0],
        )),
        read(case(
            "communication of one device with itself",
            vec![("tensor<2xf32>", f(&[2.0, 3.0]))],
            "tensor<2xf32>",
            r#"%0 = "stablehlo.all_reduce"(%a0) ({
                ^bb0(%x: tensor<f32>, %y: tensor<f32>):
                  %1 = stablehlo.add %x, %y : tensor<f32>
                  stablehlo.return %1 : tensor<f32>
                }) {replica_groups = dense<0> : tensor<1x1xi64>} : (tensor<2xf32>) -> tensor<2xf32>
               %1 = "stablehlo.all_gather"(%0) {all_gather_dim = 0 : i64, replica_groups = dense<0> : tensor<1x1xi64>}
                : (tensor<2xf32>) -> tensor<2xf32>
               %2 = "stablehlo.collective_permute"(%1) {source_target_pairs = dense<0> : tensor<1x2xi64>}
                : (tensor<2xf32>) -> tensor<2xf32>
               %3 = "stablehlo.all_to_all"(%2) {split_dimension = 0 : i64, concat_dimension = 0 : i64, split_count = 1 : i64,
                  replica_groups = dense<0> : tensor<1x1xi64>} : (tensor<2xf32>) -> tensor<2xf32>
               return %3 : tensor<2xf32>"#,
            &[2.0, 3.0],
        )),
    ]
}

fn close(got: &[f64], expected: &[f64]) -> bool {
    got.len() == expected.len() && got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn operations_without_a_primitive_run_as_they_were_written() {
    let mut failed = Vec::new();
    for Case { name, args, results, body, expected, opaque } in cases() {
        let types: Vec<&str> = args.iter().map(|(ty, _)| *ty).collect();
        let text = module(&types, results, body);
        let report = match import::inspect(text.as_bytes()) {
            Ok(report) => report,
            Err(error) => {
                failed.push(format!("{name}: {error}"));
                continue;
            }
        };
        if let Some(problem) = report.problem {
            failed.push(format!("{name}: {problem}"));
            continue;
        }
        if report.opaque.len() != opaque {
            failed.push(format!("{name}: as they were written: {:?}", report.opaque));
        }
        let f = import::stablehlo(&text).unwrap().flat();
        let f = |p: &Vec<Array>| f(p);
        let values: Vec<Array> = args.into_iter().map(|(_, x)| x).collect();
        let flat = |outputs: Vec<Array>| outputs.iter().flat_map(floats).collect::<Vec<f64>>();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let pair: Vec<Array> = values.iter().map(|x| np::stack(&[x, x], 0)).collect();
            let batch = jit(vmap(f))(&pair);
            let second = batch.iter().map(|y| y.at(1).get()).collect();
            // Inside a loop of a larger program.
            let looped = jit(|p: &Vec<Array>| {
                let zeros: Vec<Array> = f(p).iter().map(|y| np::zeros(y.shape()).astype(y.dtype())).collect();
                lax::fori_loop(0, 2, |_, _: &Vec<Array>| f(p), zeros)
            });
            [
                ("value", flat(f(&values))),
                ("jit", flat(jit(f)(&values))),
                ("vmap", flat(second)),
                ("loop", flat(looped(&values))),
            ]
        }));
        match run {
            Ok(all) => {
                for (how, got) in all {
                    if !close(&got, &expected) {
                        failed.push(format!("{name}, {how}: {got:?} instead of {expected:?}"));
                    }
                }
            }
            Err(panic) => failed.push(format!("{name}: {}", super::common::device::message(&*panic))),
        }
    }
    assert!(failed.is_empty(), "{} differences:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn random_numbers_of_the_compiler_are_drawn_each_time() {
    let text = module(
        &["tensor<f32>"],
        "tensor<100xf32>",
        r#"%one = stablehlo.constant dense<1.0> : tensor<f32>
           %top = stablehlo.add %a0, %one : tensor<f32>
           %n = stablehlo.constant dense<100> : tensor<1xi64>
           %0 = stablehlo.rng %a0, %top, %n, distribution = UNIFORM : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<100xf32>
           return %0 : tensor<100xf32>"#,
    );
    let model = import::stablehlo(&text).unwrap();
    let draw = model.function::<(Array,), Array>().unwrap();
    let draw = |low: &Array| draw(low);
    let low = Array::from(2f32);
    let within = |x: &Array| assert!(floats(x).iter().all(|x| (2.0..=3.0).contains(x)), "{x}");
    within(&draw(&low));
    // Twice in one program, for each element of a batch, and in each iteration of a loop.
    let twice = jit(|low: &Array| np::stack(&[&draw(low), &draw(low)], 0))(&low);
    let batch = vmap(draw)(&np::stack(&[&low, &low], 0));
    let loops = jit(|low: &Array| lax::map(|_: &Array| draw(low), &np::zeros([2])))(&low);
    for both in [twice, batch, loops] {
        within(&both);
        assert_ne!(floats(&both.at(0).get()), floats(&both.at(1).get()));
    }
    let message = complaint(|| grad(|low: &Array| draw(low).sum())(&low));
    for part in ["`stablehlo.rng` has no derivative, because it runs as it was imported", "vjp_order=1"] {
        assert!(message.contains(part), "{part} in {message}");
    }
}

#[test]
fn registered_functions_are_called_from_imports() {
    let text = module(
        &["tensor<3xf32>"],
        "tensor<3xf32>",
        r#"%0 = stablehlo.custom_call @thrice(%a0) {api_version = 4 : i32, backend_config = {}} : (tensor<3xf32>) -> tensor<3xf32>
           %1 = stablehlo.add %0, %a0 : tensor<3xf32>
           return %1 : tensor<3xf32>"#,
    );
    let error = import::stablehlo(&text).unwrap_err().to_string();
    for part in ["the custom call of `thrice` is not supported", "register_ffi_target"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    register_ffi_target("thrice", |call| {
        let (args, results) = call.split();
        for (x, y) in args[0].1.chunks(4).zip(results[0].1.chunks_mut(4)) {
            y.copy_from_slice(&(3.0 * f32::from_ne_bytes(x.try_into().unwrap())).to_ne_bytes());
        }
        Ok(())
    })
    .unwrap();
    let imported = Arc::new(import::stablehlo(&text).unwrap().function::<(Array,), Array>().unwrap());
    let f = |x: &Array| imported(x);
    let x = Array::from([1f32, 2.0, 3.0]);
    assert_eq!(f(&x).to_vec::<f32>(), [4.0, 8.0, 12.0]);
    assert_eq!(vmap(f)(&np::stack(&[&x, &x], 0)).at(1).get().to_vec::<f32>(), [4.0, 8.0, 12.0]);
    // With a derivative of the user's.
    let (value, again) = (imported.clone(), imported.clone());
    let with_rule = custom_jvp(move |x: &Array| value(x)).defjvp(move |(x,), (dx,)| (again(x), dx * 4.0));
    assert_eq!(grad(|x: &Array| with_rule(x).sum())(&x).to_vec::<f32>(), [4.0; 3]);
    // Ahead of time, and exported as a module that can be imported again.
    let lowered = jit(f).lower((&x,)).unwrap();
    assert_eq!(lowered.compile().unwrap()(&x).to_vec::<f32>(), [4.0, 8.0, 12.0]);
    let again =
        import::stablehlo(lowered.export().unwrap().stablehlo()).unwrap().function::<(Array,), Array>().unwrap();
    assert_eq!(again(&x).to_vec::<f32>(), [4.0, 8.0, 12.0]);
}

#[test]
fn what_the_compiler_must_not_be_given_is_an_error_with_its_place() {
    let call = |target: &str| {
        let body = format!(
            "%0 = stablehlo.custom_call @{target}(%a0) : (tensor<2xf32>) -> tensor<2xf32> loc(\"f.py\":3:1)
             return %0 : tensor<2xf32>"
        );
        module(&["tensor<2xf32>"], "tensor<2xf32>", &body)
    };
    let group = module(
        &["tensor<8xf32>"],
        "tensor<8xf32>",
        r#"%0 = "stablehlo.collective_permute"(%a0) {source_target_pairs = dense<[[0, 1]]> : tensor<1x2xi64>}
             : (tensor<8xf32>) -> tensor<8xf32> loc("f.py":3:1)
           return %0 : tensor<8xf32>"#,
    );
    for (text, part) in [
        (call("nothing_known"), "the custom call of `nothing_known`"),
        (call("xla_ffi_python_cpu_callback"), "jax.pure_callback"),
        (group, "between several devices"),
    ] {
        let error = import::stablehlo(&text).unwrap_err().to_string();
        for part in [part, "f.py:3", "is not supported in imported programs"] {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
    let slice = module(
        &["tensor<3xf32>", "tensor<1xi32>"],
        "tensor<1xf32>",
        r#"%0 = "stablehlo.real_dynamic_slice"(%a0, %a1, %a1, %a1)
             : (tensor<3xf32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<1xf32> loc("f.py":3:1)
           return %0 : tensor<1xf32>"#,
    );
    let error = import::stablehlo(&slice).unwrap_err().to_string();
    assert!(error.contains("`stablehlo.real_dynamic_slice`, from f.py:3"), "{error}");
    // What the compiler refuses is an error of the call, which says where it comes from.
    let refused = module(
        &["tensor<2x2xf32>"],
        "tensor<2x2xf32>",
        r#"%0:3 = stablehlo.custom_call @lapack_sgehrd_ffi(%a0) {operand_layouts = [dense<[0, 1]> : tensor<2xindex>],
             result_layouts = [dense<[0, 1]> : tensor<2xindex>]}
             : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<1xf32>, tensor<i32>) loc("f.py":3:1)
           return %0#0 : tensor<2x2xf32>"#,
    );
    let f = import::stablehlo(&refused).unwrap().function::<(Array,), Array>().unwrap();
    let message = complaint(|| f(&np::zeros([2, 2])));
    assert!(message.contains("the program has `stablehlo.custom_call`, from f.py:3"), "{message}");
}

#[test]
fn reports_name_every_operation_that_cannot_be_imported() {
    // In a region, in a function, in a region that runs as it was written, twice at one place, and after one that has no type.
    let module = r#"module @m {
        func.func public @main(%x: tensor<3xf32>, %i: tensor<i32>) -> tensor<3xf32> {
          %0 = stablehlo.custom_call @first(%x) : (tensor<3xf32>) -> tensor<3xf32> loc("f.py":1:1)
          %1 = "stablehlo.case"(%i) ({
            %a = stablehlo.custom_call @second(%0) : (tensor<3xf32>) -> tensor<3xf32> loc("f.py":2:1)
            %b = stablehlo.custom_call @second(%a) : (tensor<3xf32>) -> tensor<3xf32> loc("f.py":2:1)
            stablehlo.return %b : tensor<3xf32>
          }) : (tensor<i32>) -> tensor<3xf32>
          %2 = func.call @g(%1) : (tensor<3xf32>) -> tensor<3xf32>
          %3 = "stablehlo.all_reduce"(%2) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>}> ({
          ^bb0(%a: tensor<f32>, %b: tensor<f32>):
            %c = stablehlo.custom_call @fourth(%a) : (tensor<f32>) -> tensor<f32> loc("f.py":5:1)
            stablehlo.return %c : tensor<f32>
          }) : (tensor<3xf32>) -> tensor<3xf32> loc("f.py":4:1)
          %4 = stablehlo.custom_call @xla_python_cpu_callback(%3) : (tensor<3xf32>) -> tensor<3xf32> loc("f.py":6:1)
          %5 = stablehlo.custom_call @tpu_custom_call(%4) : (tensor<3xf32>) -> tensor<3xf32>
          return %5 : tensor<3xf32>
        }
        func.func private @g(%x: tensor<3xf32>) -> tensor<3xf32> {
          %0 = stablehlo.custom_call @third(%x) : (tensor<3xf32>) -> tensor<3xf32> loc("f.py":3:1)
          return %0 : tensor<3xf32>
        }
    }"#;
    let report = import::inspect(module.as_bytes()).unwrap();
    let expected = [
        "`stablehlo.custom_call`, from f.py:1: the custom call of `first` is not supported",
        "`stablehlo.custom_call`, from f.py:2: the custom call of `second` is not supported",
        "`stablehlo.custom_call`, from f.py:3: the custom call of `third` is not supported",
        "`stablehlo.all_reduce`, from f.py:4: `stablehlo.all_reduce` between several devices is not supported",
        "`stablehlo.custom_call`, from f.py:5: the custom call of `fourth` is not supported",
        "`stablehlo.custom_call`, from f.py:6: a call of a Python function",
        "`stablehlo.custom_call`: a kernel of Pallas (`tpu_custom_call`) is not supported",
    ];
    assert_eq!(report.refused.len(), expected.len(), "{:#?}", report.refused);
    for (found, expected) in report.refused.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} instead of {expected}");
    }
    let problem = report.problem.unwrap();
    assert_eq!(problem.message(), report.refused[0]);
    assert_eq!(import::stablehlo(module).unwrap_err().message(), problem.message());
    assert!(report.equations.is_none());
}
