//! Compiling and running programs, with the default plugin.

use std::sync::{Arc, LazyLock};

use cotangent_xla::*;

use ElementType::*;

fn client() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::cpu().expect("the CPU plugin"));
    CLIENT.clone()
}

fn f32s(dims: &[i64]) -> ArrayShape {
    ArrayShape::new(F32, dims)
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_ne_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|c| f32::from_ne_bytes(c.try_into().unwrap())).collect()
}

fn put(values: &[f32], dims: &[i64]) -> Buffer {
    client().buffer_from_host(&bytes(values), &f32s(dims)).unwrap()
}

/// The MLIR type of a shape.
fn mlir(shape: &ArrayShape) -> String {
    let dims: String = shape.dims.iter().map(|d| format!("{d}x")).collect();
    let ty = match shape.ty {
        Pred => "i1".to_owned(),
        S8 | S16 | S32 | S64 => format!("i{}", shape.ty.byte_size() * 8),
        U8 | U16 | U32 | U64 => format!("ui{}", shape.ty.byte_size() * 8),
        C64 => "complex<f32>".to_owned(),
        C128 => "complex<f64>".to_owned(),
        ty => ty.to_string(),
    };
    format!("tensor<{dims}{ty}>")
}

/// `a op b` on two arrays of one shape.
fn binary(op: &str, shape: &ArrayShape) -> Executable {
    let t = mlir(shape);
    let text = format!(
        "func.func @main(%a: {t}, %b: {t}) -> {t} {{
           %0 = stablehlo.{op} %a, %b : {t}
           return %0 : {t}
         }}"
    );
    let params = [shape.clone(), shape.clone()];
    client().compile(&text, &params, &CompileOptions::default()).unwrap()
}

#[test]
fn adds() {
    let add = binary("add", &f32s(&[3]));
    assert_eq!(add.outputs(), [f32s(&[3])]);
    assert_eq!(add.params(), [f32s(&[3]), f32s(&[3])]);
    let (a, b) = (put(&[1.0, 2.0, 3.0], &[3]), put(&[10.0, 20.0, 30.0], &[3]));
    let sum = add.execute(&[&a, &b]).unwrap();
    assert_eq!(sum.len(), 1);
    sum[0].wait().unwrap();
    assert!(sum[0].is_ready());
    assert_eq!(sum[0].shape(), &f32s(&[3]));
    assert_eq!(floats(&sum[0].to_vec().unwrap()), [11.0, 22.0, 33.0]);
    assert_eq!(sum[0].with_bytes(floats).unwrap(), [11.0, 22.0, 33.0]);
    // Results are arguments like any other.
    let more = add.execute(&[&sum[0], &sum[0]]).unwrap();
    let mut dst = [0; 12];
    more[0].read_into(&mut dst).unwrap();
    assert_eq!(floats(&dst), [22.0, 44.0, 66.0]);
}

#[test]
fn wrong_arguments_are_errors() {
    let add = binary("add", &f32s(&[]));
    let scalar = put(&[1.0], &[]);
    let vector = put(&[1.0], &[1]);
    let integer = client().buffer_from_host(&[0; 4], &ArrayShape::scalar(S32)).unwrap();
    let error = |args: &[&Buffer]| match add.execute(args).unwrap_err() {
        Error::Argument(e) => e,
        other => panic!("{other}"),
    };
    assert_eq!(error(&[]), ArgumentError::Count { expected: 2, found: 0 });
    assert_eq!(error(&[&scalar; 3]), ArgumentError::Count { expected: 2, found: 3 });
    for wrong in [&vector, &integer] {
        let expected = ArgumentError::Shape { index: 1, expected: f32s(&[]), found: wrong.shape().clone() };
        assert_eq!(error(&[&scalar, wrong]), expected);
    }
    let other = Client::cpu().unwrap().buffer_from_host(&[0; 4], &f32s(&[])).unwrap();
    assert_eq!(error(&[&scalar, &other]), ArgumentError::Client { index: 1 });
    // The program still works.
    let sum = add.execute(&[&scalar, &scalar]).unwrap();
    assert_eq!(floats(&sum[0].to_vec().unwrap()), [2.0]);
}

#[test]
fn host_memory_of_the_wrong_size_is_an_error() {
    let client = client();
    let short = client.buffer_from_host(&[0; 11], &f32s(&[3])).unwrap_err();
    assert!(matches!(short, Error::Argument(ArgumentError::Bytes { expected: 12, found: 11, .. })));
    for dims in [&[-1][..], &[i64::MAX, 2], &[1 << 61]] {
        let error = client.buffer_from_host(&[], &f32s(dims)).unwrap_err();
        assert!(matches!(error, Error::Argument(ArgumentError::Unaddressable { .. })), "{error}");
    }
    let error = client.buffer_from_host_on(&[0; 4], &f32s(&[]), 7).unwrap_err();
    assert!(matches!(error, Error::Argument(ArgumentError::Device { index: 7, count: 1 })));
    let buffer = put(&[1.0], &[]);
    assert!(matches!(buffer.read_into(&mut [0; 5]), Err(Error::Argument(ArgumentError::Bytes { .. }))));
}

#[test]
fn every_element_type_round_trips() {
    for &ty in ElementType::ALL {
        for dims in [&[][..], &[5], &[2, 3], &[0, 4], &[3, 1, 2]] {
            let shape = ArrayShape::new(ty, dims);
            let len = shape.byte_size().unwrap();
            // Any bytes are valid, except for predicates, which must be 0 or 1.
            let modulus = if ty == Pred { 2 } else { 60 };
            let data: Vec<u8> = (0..len).map(|i| (i % modulus) as u8).collect();
            let buffer = client().buffer_from_host(&data, &shape).unwrap();
            assert_eq!(buffer.byte_len(), len);
            assert_eq!(buffer.to_vec().unwrap(), data, "{shape}");
            assert_eq!(buffer.copy_to_host().unwrap().wait().unwrap(), data, "{shape}");
            // Also through a program: x or x is x, x times 1 is x, …
            let t = mlir(&shape);
            let text = format!(
                "func.func @main(%a: {t}) -> {t} {{
                   %0 = stablehlo.optimization_barrier %a : {t}
                   return %0 : {t}
                 }}"
            );
            let same = client().compile(&text, std::slice::from_ref(&shape), &CompileOptions::default());
            let same = same.unwrap().execute(&[&buffer]).unwrap();
            // A copy that nobody waits for, and one that outlives what it copies.
            drop(same[0].copy_to_host().unwrap());
            let copy = same[0].copy_to_host().unwrap();
            assert_eq!(same[0].to_vec().unwrap(), data, "{shape}");
            drop(same);
            assert_eq!(copy.wait().unwrap(), data, "{shape}");
        }
    }
}

#[test]
fn predicates_take_a_byte_each() {
    let t = "tensor<3xf32>";
    let text = format!(
        "func.func @main(%a: {t}, %b: {t}) -> tensor<3xi1> {{
           %0 = stablehlo.compare LT, %a, %b : ({t}, {t}) -> tensor<3xi1>
           return %0 : tensor<3xi1>
         }}"
    );
    let less = client().compile(&text, &[f32s(&[3]), f32s(&[3])], &CompileOptions::default()).unwrap();
    assert_eq!(less.outputs(), [ArrayShape::new(Pred, [3])]);
    let out = less.execute(&[&put(&[1.0, 5.0, 2.0], &[3]), &put(&[2.0, 4.0, 3.0], &[3])]).unwrap();
    assert_eq!(out[0].to_vec().unwrap(), [1, 0, 1]);
}

#[test]
fn several_results_and_none() {
    let text = "func.func @main(%a: tensor<f32>) -> (tensor<f32>, tensor<2xf32>, tensor<f32>) {
        %0 = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> tensor<2xf32>
        %1 = stablehlo.negate %a : tensor<f32>
        return %a, %0, %1 : tensor<f32>, tensor<2xf32>, tensor<f32>
      }";
    let three = client().compile(text, &[f32s(&[])], &CompileOptions::default()).unwrap();
    let out = three.execute(&[&put(&[3.0], &[])]).unwrap();
    let out: Vec<_> = out.iter().map(|b| floats(&b.to_vec().unwrap())).collect();
    assert_eq!(out, [vec![3.0], vec![3.0, 3.0], vec![-3.0]]);

    let text = "func.func @main(%a: tensor<f32>) { return }";
    let none = client().compile(text, &[f32s(&[])], &CompileOptions::default()).unwrap();
    assert_eq!(none.outputs(), []);
    assert!(none.execute(&[&put(&[3.0], &[])]).unwrap().is_empty());

    let text = "func.func @main() -> tensor<f32> {
        %0 = stablehlo.constant dense<7.0> : tensor<f32>
        return %0 : tensor<f32>
      }";
    let constant = client().compile(text, &[], &CompileOptions::default()).unwrap();
    assert_eq!(floats(&constant.execute(&[]).unwrap()[0].to_vec().unwrap()), [7.0]);
}

#[test]
fn zero_sized_arrays() {
    let shape = f32s(&[0, 3]);
    let add = binary("add", &shape);
    let empty = client().buffer_from_host(&[], &shape).unwrap();
    let out = add.execute(&[&empty, &empty]).unwrap();
    assert_eq!(out[0].shape(), &shape);
    assert!(out[0].to_vec().unwrap().is_empty());
    out[0].read_into(&mut []).unwrap();
    let owned = client().buffer_from_owner(Vec::new(), &shape).unwrap();
    assert!(owned.to_vec().unwrap().is_empty());
}

#[test]
fn many_arguments() {
    let n = 40;
    let list: Vec<_> = (0..n).map(|i| format!("%x{i}: tensor<f32>")).collect();
    let sums: String = (1..n)
        .map(|i| {
            let last = if i == 1 { "%x0".to_owned() } else { format!("%s{}", i - 1) };
            format!("%s{i} = stablehlo.add {last}, %x{i} : tensor<f32>\n")
        })
        .collect();
    let text =
        format!("func.func @main({}) -> tensor<f32> {{ {sums} return %s{} : tensor<f32> }}", list.join(", "), n - 1);
    let params = vec![f32s(&[]); n];
    let sum = client().compile(&text, &params, &CompileOptions::default()).unwrap();
    let args: Vec<_> = (0..n).map(|i| put(&[i as f32], &[])).collect();
    let out = sum.execute(&args.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(floats(&out[0].to_vec().unwrap()), [780.0]);
}

#[test]
fn bad_programs_are_errors() {
    let compile = |text| client().compile(text, &[], &CompileOptions::default()).unwrap_err();
    for text in [
        "this is not MLIR",
        "",
        "func.func @main() -> tensor<f32> { return %nothing : tensor<f32> }",
        "func.func @main() -> tensor<f32> {
           %0 = \"stablehlo.no_such_op\"() : () -> tensor<f32>
           return %0 : tensor<f32>
         }",
    ] {
        let error = compile(text);
        assert!(matches!(error, Error::Pjrt { during: "compiling the program", .. }), "{error}");
        assert!(!error.to_string().is_empty());
    }
    assert!(compile("this is not MLIR").to_string().contains("compiling the program failed"));
}

#[test]
fn serialized_programs_run_again() {
    let shape = f32s(&[2]);
    let bytes = binary("multiply", &shape).serialize().unwrap();
    let params = [shape.clone(), shape.clone()];
    let again = client().deserialize(&bytes, &params).unwrap();
    assert_eq!(again.outputs(), [shape]);
    let out = again.execute(&[&put(&[2.0, 3.0], &[2]), &put(&[4.0, 5.0], &[2])]).unwrap();
    assert_eq!(floats(&out[0].to_vec().unwrap()), [8.0, 15.0]);
}

#[test]
fn owned_host_memory_is_freed_in_time() {
    struct Owner(Vec<f32>, #[allow(dead_code, reason = "its count tells whether the owner lives")] Arc<()>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            let (head, bytes, tail) = bytes_of(&self.0);
            assert!(head && tail);
            bytes
        }
    }
    /// The bytes of a slice of floats.
    fn bytes_of(values: &[f32]) -> (bool, &[u8], bool) {
        // SAFETY: any memory is valid as bytes.
        let (head, bytes, tail) = unsafe { values.align_to::<u8>() };
        (head.is_empty(), bytes, tail.is_empty())
    }
    let alive = Arc::new(());
    for len in [1usize, 7, 100_000] {
        let owner = Owner(vec![2.0; len], alive.clone());
        let shape = f32s(&[len as i64]);
        let buffer = client().buffer_from_owner(owner, &shape).unwrap();
        let add = binary("add", &shape);
        let out = add.execute(&[&buffer, &buffer]).unwrap();
        drop(buffer);
        assert_eq!(floats(&out[0].to_vec().unwrap()), vec![4.0; len]);
    }
    // The owners are dropped after their last use, possibly a moment later on another thread.
    for _ in 0..1000 {
        if Arc::strong_count(&alive) == 1 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{} owners are left", Arc::strong_count(&alive) - 1);
}

#[test]
fn threads_share_a_program() {
    let add = binary("add", &f32s(&[1000]));
    std::thread::scope(|scope| {
        for t in 0..4 {
            let add = &add;
            scope.spawn(move || {
                let x = put(&vec![t as f32; 1000], &[1000]);
                for _ in 0..500 {
                    let out = add.execute(&[&x, &x]).unwrap();
                    assert_eq!(floats(&out[0].to_vec().unwrap()), vec![2.0 * t as f32; 1000]);
                }
            });
        }
    });
}

#[test]
fn everything_outlives_its_makers() {
    let client = Client::cpu().unwrap();
    let x = client.buffer_from_host(&bytes(&[1.0]), &f32s(&[])).unwrap();
    let text = "func.func @main(%a: tensor<f32>) -> tensor<f32> {
        %0 = stablehlo.sine %a : tensor<f32>
        return %0 : tensor<f32>
      }";
    let sine = client.compile(text, &[f32s(&[])], &CompileOptions::default()).unwrap();
    drop(client);
    let out = sine.execute(&[&x]).unwrap();
    drop((sine, x));
    assert_eq!(floats(&out[0].to_vec().unwrap()), [1f32.sin()]);
}

#[test]
fn programs_run_on_the_device_they_are_compiled_for() {
    let location = plugin::locate(plugin::Platform::Cpu).unwrap();
    let client = Client::cpu_devices_at(&location, 3).unwrap();
    assert_eq!(client.devices().iter().map(|d| d.id).collect::<Vec<_>>(), [0, 1, 2]);
    let shape = f32s(&[3]);
    let text = "func.func @main(%a: tensor<3xf32>) -> tensor<3xf32> {
        %0 = stablehlo.add %a, %a : tensor<3xf32>
        return %0 : tensor<3xf32>
    }";
    let values = [1.0, 2.0, 3.0];
    for device in 0..3 {
        let options =
            CompileOptions { device_assignment: Some(vec![vec![device as i64]]), ..CompileOptions::default() };
        let program = client.compile(text, std::slice::from_ref(&shape), &options).unwrap();
        assert_eq!(program.device(), device);
        let owner = bytes(&values);
        let x = client.buffer_from_owner_on(owner, &shape, device).unwrap();
        let y = program.execute(&[&x]).unwrap().remove(0);
        assert_eq!((x.device(), y.device()), (device, device));
        assert_eq!(floats(&y.to_vec().unwrap()), [2.0, 4.0, 6.0]);
        for other in 0..3 {
            if other == device {
                continue;
            }
            let moved = y.copy_to_device(other).unwrap();
            assert_eq!((moved.device(), floats(&moved.to_vec().unwrap())), (other, vec![2.0, 4.0, 6.0]));
            // The plugin refuses an array of another device.
            assert!(program.execute(&[&moved]).is_err());
        }
        assert!(y.copy_to_device(3).is_err());
    }
}
