//! Rust functions called by compiled programs.

use std::sync::LazyLock;

use cotangent_xla::*;

use ElementType::*;

fn client() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        let client = Client::cpu().expect("the CPU plugin");
        let plugin = client.plugin();
        plugin.register_function("test_scale", scale).unwrap();
        plugin.register_function("test_fails", |_| Err("it was asked to".to_owned())).unwrap();
        plugin.register_function("test_panics", |_| panic!("this panic is part of a test")).unwrap();
        plugin.register_function("test_shapes", shapes).unwrap();
        plugin.register_function("test_late", late).unwrap();
        client
    });
    CLIENT.clone()
}

/// Multiplies by `factor` and adds `offset`.
fn scale(call: &mut Call<'_>) -> std::result::Result<(), String> {
    let factor = call.float("factor").ok_or("factor is missing")? as f32;
    let offset = call.int("offset").ok_or("offset is missing")? as f32;
    if call.string("mode") != Some("exact") || call.ints("axes") != Some(&[0, -1]) {
        return Err("the other attributes are wrong".to_owned());
    }
    if call.int("mode").is_some() || call.int("nothing").is_some() || call.float("offset").is_some() {
        return Err("an attribute has two types".to_owned());
    }
    let (args, results) = call.split();
    for (x, y) in args[0].1.chunks_exact(4).zip(results[0].1.chunks_exact_mut(4)) {
        let x = f32::from_ne_bytes(x.try_into().unwrap());
        y.copy_from_slice(&(x * factor + offset).to_ne_bytes());
    }
    Ok(())
}

/// Takes some time, and reports when it is done.
fn late(_: &mut Call<'_>) -> std::result::Result<(), String> {
    std::thread::sleep(std::time::Duration::from_millis(200));
    println!("done");
    Ok(())
}

/// Reports its operands and results.
fn shapes(call: &mut Call<'_>) -> std::result::Result<(), String> {
    let args: Vec<_> = call.args().iter().map(|(shape, _)| shape.to_string()).collect();
    let results: Vec<_> = call.results().iter().map(|(shape, _)| shape.to_string()).collect();
    Err(format!("({}) -> ({})", args.join(", "), results.join(", ")))
}

fn program(target: &str, config: &str) -> Result<Executable> {
    let text = format!(
        "func.func @main(%a: tensor<3xf32>) -> tensor<3xf32> {{
           %0 = stablehlo.custom_call @{target}(%a) {{
             api_version = 4 : i32, backend_config = {{{config}}},
             operand_layouts = [dense<0> : tensor<1xindex>], result_layouts = [dense<0> : tensor<1xindex>]
           }} : (tensor<3xf32>) -> tensor<3xf32>
           return %0 : tensor<3xf32>
         }}"
    );
    client().compile(&text, &[ArrayShape::new(F32, [3])], &CompileOptions::default())
}

fn run(program: &Executable) -> Result<Vec<f32>> {
    let bytes: Vec<u8> = [1f32, 2.0, 3.0].iter().flat_map(|x| x.to_ne_bytes()).collect();
    let x = client().buffer_from_host(&bytes, &ArrayShape::new(F32, [3]))?;
    let out = program.execute(&[&x])?[0].to_vec()?;
    Ok(out.chunks_exact(4).map(|c| f32::from_ne_bytes(c.try_into().unwrap())).collect())
}

const CONFIG: &str = "factor = 2.0 : f32, offset = -1 : i32, mode = \"exact\", axes = array<i64: 0, -1>";

#[test]
fn a_function_is_called() {
    let scale = program("test_scale", CONFIG).unwrap();
    assert_eq!(run(&scale), Ok(vec![1.0, 3.0, 5.0]));
    let again = client().deserialize(&scale.serialize().unwrap(), scale.params()).unwrap();
    assert_eq!(run(&again), Ok(vec![1.0, 3.0, 5.0]));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..200).for_each(|_| assert_eq!(run(&scale), Ok(vec![1.0, 3.0, 5.0]))));
        }
    });
}

#[test]
fn its_errors_and_panics_come_back() {
    for (target, message) in [
        ("test_fails", "it was asked to"),
        ("test_panics", "panicked: this panic is part of a test"),
        ("test_scale", "factor is missing"),
        ("test_shapes", "(f32[3]) -> (f32[3])"),
    ] {
        let program = program(target, "").unwrap();
        for _ in 0..3 {
            let error = run(&program).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }
    assert_eq!(run(&program("test_scale", CONFIG).unwrap()), Ok(vec![1.0, 3.0, 5.0]));
}

#[test]
fn empty_and_mixed_operands() {
    let text = "func.func @main(%a: tensor<0x2xf64>, %b: tensor<i1>) -> (tensor<4xui8>, tensor<0xf32>) {
        %0:2 = stablehlo.custom_call @test_shapes(%a, %b) {
          api_version = 4 : i32, backend_config = {},
          operand_layouts = [dense<[1, 0]> : tensor<2xindex>, dense<> : tensor<0xindex>],
          result_layouts = [dense<0> : tensor<1xindex>, dense<0> : tensor<1xindex>]
        } : (tensor<0x2xf64>, tensor<i1>) -> (tensor<4xui8>, tensor<0xf32>)
        return %0#0, %0#1 : tensor<4xui8>, tensor<0xf32>
      }";
    let params = [ArrayShape::new(F64, [0, 2]), ArrayShape::scalar(Pred)];
    let program = client().compile(text, &params, &CompileOptions::default()).unwrap();
    let a = client().buffer_from_host(&[], &params[0]).unwrap();
    let b = client().buffer_from_host(&[1], &params[1]).unwrap();
    let failed = program.execute(&[&a, &b]).and_then(|out| out[0].wait());
    let error = failed.unwrap_err().to_string();
    assert!(error.contains("(f64[0,2], pred[]) -> (u8[4], f32[0])"), "{error}");
}

#[test]
fn a_function_that_is_not_there_is_an_error() {
    let failed = program("test_no_such_function", "").and_then(|program| run(&program));
    assert!(failed.unwrap_err().to_string().contains("test_no_such_function"));
}

/// Nothing waits for the result, but the process ends only after it has arrived. Otherwise the plugin's threads would
/// use what the end of the process has destroyed.
#[test]
fn a_process_ends_after_its_work() {
    const CHILD: &str = "COTANGENT_TEST_LEAVES_AT_ONCE";
    if std::env::var_os(CHILD).is_some() {
        // Enough work before the call to make the plugin use a thread of its own.
        let (t, shape) = ("tensor<1000x1000xf32>", ArrayShape::new(F32, [1000, 1000]));
        let text = format!(
            "func.func @main(%a: {t}) -> tensor<1000xf32> {{
               %0 = stablehlo.dot_general %a, %a, contracting_dims = [1] x [0] : ({t}, {t}) -> {t}
               %1 = stablehlo.slice %0 [0:1, 0:1000] : ({t}) -> tensor<1x1000xf32>
               %2 = stablehlo.reshape %1 : (tensor<1x1000xf32>) -> tensor<1000xf32>
               %3 = stablehlo.custom_call @test_late(%2) {{
                 api_version = 4 : i32, backend_config = {{}},
                 operand_layouts = [dense<0> : tensor<1xindex>], result_layouts = [dense<0> : tensor<1xindex>]
               }} : (tensor<1000xf32>) -> tensor<1000xf32>
               return %3 : tensor<1000xf32>
             }}"
        );
        let program = client().compile(&text, std::slice::from_ref(&shape), &CompileOptions::default()).unwrap();
        let x = client().buffer_from_host(&vec![0; 4_000_000], &shape).unwrap();
        println!("ready: {}", program.execute(&[&x]).unwrap()[0].is_ready());
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_process_ends_after_its_work", "--nocapture"]).env(CHILD, "1");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("ready: false") && said.contains("done"), "{said}");
}

/// Adds the second operand to the first one, in the memory of the result, and counts its calls.
fn accumulate(call: &mut Arrays<'_>) -> std::result::Result<(), String> {
    let sum = call.update::<f32>(0, 0)?;
    let count = call.result::<i32>(1)?;
    if call.result::<f32>(0).is_ok() || call.operand::<f64>(1).is_ok() || call.operand::<f32>(2).is_ok() {
        return Err("what is not there was given".to_owned());
    }
    let term = call.operand::<f32>(1)?;
    if sum.dims != [2, 3] || term.dims != sum.dims || !count.dims.is_empty() {
        return Err(format!("{:?} {:?} {:?}", sum.dims, term.dims, count.dims));
    }
    sum.elements.iter_mut().zip(term.elements).for_each(|(x, y)| *x += y);
    count.elements[0] = sum.elements.len() as i32;
    match call.int("fail") {
        Some(0) => Ok(()),
        Some(1) => Err("it was asked to".to_owned()),
        _ => panic!("this panic is part of a test"),
    }
}

/// Counts in the result how often each item was taken by the threads that share the work, which share parts of it again.
fn share(call: &mut Arrays<'_>) -> std::result::Result<(), String> {
    let threads = call.threads();
    let fail = call.operand::<i32>(0)?.elements[0] != 0;
    let counts = call.result::<i32>(0)?.elements;
    threads.for_each(counts.chunks_mut(10).enumerate(), |(i, counts)| {
        threads.for_each(counts.iter_mut(), |count| *count = 1);
        assert!(!fail || i != 40, "this panic is part of a test");
    });
    // More items than threads, and fewer.
    for items in [1, 2, 100] {
        let sum = std::sync::atomic::AtomicUsize::new(0);
        threads.for_each(0..items, |i| {
            sum.fetch_add(i + 1, std::sync::atomic::Ordering::Relaxed);
        });
        if sum.into_inner() != items * (items + 1) / 2 {
            return Err(format!("{items} items were not taken once each"));
        }
    }
    counts[0] = threads.count() as i32;
    Ok(())
}

static KERNELS: &[Kernel] = &[Kernel::new("test_accumulate", accumulate), Kernel::new("test_share", share)];
static REGISTERED: std::sync::Once = std::sync::Once::new();

fn register() {
    REGISTERED.call_once(|| client().plugin().register_kernels(KERNELS).unwrap());
}

#[test]
fn kernels_share_their_work_with_the_threads_of_the_plugin() {
    register();
    let call = |name: &str| {
        format!(
            "%{name} = stablehlo.custom_call @test_share(%fail) {{ api_version = 4 : i32, has_side_effect = true }}
             : (tensor<i32>) -> tensor<1000xi32>\n"
        )
    };
    // Calls that may run at the same time, on the threads that they share.
    let text = format!(
        "func.func @main(%fail: tensor<i32>) -> (tensor<1000xi32>, tensor<1000xi32>) {{
           {}{}return %0, %1 : tensor<1000xi32>, tensor<1000xi32>
         }}",
        call("0"),
        call("1")
    );
    let shape = ArrayShape::new(S32, [] as [i64; 0]);
    let program = client().compile(&text, std::slice::from_ref(&shape), &CompileOptions::default()).unwrap();
    let run = |fail: i32| {
        let fail = client().buffer_from_host(&fail.to_ne_bytes(), &shape).unwrap();
        program.execute(&[&fail])?.iter().map(|x| x.to_vec()).collect::<Result<Vec<_>>>()
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for result in (0..50).flat_map(|_| run(0).unwrap()) {
                    let counts: Vec<i32> =
                        result.chunks_exact(4).map(|c| i32::from_ne_bytes(c.try_into().unwrap())).collect();
                    assert!(counts[0] >= 1 && counts[1..].iter().all(|count| *count == 1), "{counts:?}");
                }
            });
        }
    });
    let error = run(1).unwrap_err().to_string();
    assert!(error.contains("panicked: this panic is part of a test"), "{error}");
}

#[test]
fn kernels_take_arrays_in_place_or_not() {
    register();
    let alias = "output_operand_aliases = [#stablehlo.output_operand_alias<output_tuple_indices = [0], operand_index = 0, \
                 operand_tuple_indices = []>],";
    let program = |alias: &str, fail: i32| {
        let (t, layout) = ("tensor<2x3xf32>", "dense<[1, 0]> : tensor<2xindex>");
        let text = format!(
            "func.func @main(%a: {t}, %b: {t}) -> ({t}, tensor<i32>) {{
               %0:2 = stablehlo.custom_call @test_accumulate(%a, %b) {{
                 api_version = 4 : i32, backend_config = {{fail = {fail} : ui8}}, operand_layouts = [{layout}, {layout}],
                 {alias} result_layouts = [{layout}, dense<> : tensor<0xindex>]
               }} : ({t}, {t}) -> ({t}, tensor<i32>)
               return %0#0, %0#1 : {t}, tensor<i32>
             }}"
        );
        let shape = ArrayShape::new(F32, [2, 3]);
        let program = client().compile(&text, &[shape.clone(), shape.clone()], &CompileOptions::default()).unwrap();
        let buffer = |first: f32| {
            let bytes: Vec<u8> = (0..6).flat_map(|i| (first + i as f32).to_ne_bytes()).collect();
            client().buffer_from_host(&bytes, &shape).unwrap()
        };
        let results = program.execute(&[&buffer(0.0), &buffer(10.0)])?;
        results.iter().map(|x| x.to_vec()).collect::<Result<Vec<_>>>()
    };
    for alias in ["", alias] {
        let results = program(alias, 0).unwrap();
        let sum: Vec<f32> = results[0].chunks_exact(4).map(|c| f32::from_ne_bytes(c.try_into().unwrap())).collect();
        assert_eq!(sum, [10.0, 12.0, 14.0, 16.0, 18.0, 20.0]);
        assert_eq!(results[1], 6i32.to_ne_bytes());
        for (fail, message) in [(1, "it was asked to"), (2, "panicked: this panic is part of a test")] {
            let error = program(alias, fail).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
