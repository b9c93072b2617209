//! Inspecting programs, donated memory, and asynchronous errors.

use std::sync::LazyLock;

use cotangent_xla::*;

use ElementType::*;

fn client() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::cpu().expect("the CPU plugin"));
    CLIENT.clone()
}

fn f32s(dims: &[i64]) -> ArrayShape {
    ArrayShape::new(F32, dims)
}

fn compile(text: &str, params: &[ArrayShape]) -> Result<Executable> {
    client().compile(text, params, &CompileOptions::default())
}

fn put(values: &[f32]) -> Buffer {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_ne_bytes()).collect();
    client().buffer_from_host(&bytes, &f32s(&[values.len() as i64])).unwrap()
}

fn floats(buffer: &Buffer) -> Vec<f32> {
    let bytes = buffer.to_vec().unwrap();
    bytes.chunks_exact(4).map(|c| f32::from_ne_bytes(c.try_into().unwrap())).collect()
}

/// The address of an array's memory.
fn address(buffer: &Buffer) -> usize {
    buffer.with_bytes(|bytes| bytes.as_ptr() as usize).unwrap()
}

#[test]
fn parameters_named_wrongly_are_found_at_once() {
    let text = "func.func @main(%a: tensor<3xf32>, %b: tensor<i1>) -> tensor<3xf32> {
        return %a : tensor<3xf32>
      }";
    let pred = ArrayShape::scalar(Pred);
    let program = compile(text, &[f32s(&[3]), pred.clone()]).unwrap();
    let bytes = program.serialize().unwrap();
    for params in [vec![], vec![f32s(&[3])], vec![f32s(&[3]), pred.clone(), pred.clone()]] {
        let error = compile(text, &params).unwrap_err();
        let caller = params.len();
        assert_eq!(error, Error::Argument(ArgumentError::ParameterCount { program: 2, caller }));
    }
    let params = [f32s(&[3]), ArrayShape::scalar(U8)];
    for error in [compile(text, &params).unwrap_err(), client().deserialize(&bytes, &params).unwrap_err()] {
        let caller = ArrayShape::scalar(U8);
        let expected = ArgumentError::Parameter { index: 1, program: Some(pred.clone()), caller };
        assert_eq!(error, Error::Argument(expected));
    }
}

#[test]
fn memory_is_reused_only_if_it_is_given_up() {
    for marked in ["tf.aliasing_output = 0 : i32", "jax.buffer_donor = true"] {
        let text = format!(
            "func.func @main(%a: tensor<1000xf32> {{{marked}}}, %b: tensor<1000xf32>) -> tensor<1000xf32> {{
               %0 = stablehlo.add %a, %b : tensor<1000xf32>
               return %0 : tensor<1000xf32>
             }}"
        );
        let params = [f32s(&[1000]), f32s(&[1000])];
        let program = compile(&text, &params).unwrap();
        let again = client().deserialize(&program.serialize().unwrap(), &params).unwrap();
        for program in [program, again] {
            let (a, b) = (put(&[1.0; 1000]), put(&[2.0; 1000]));
            // Kept: the argument is untouched, even while it is being read.
            for _ in 0..3 {
                let out = a.with_bytes(|_| program.execute(&[&a, &b]).unwrap()).unwrap();
                assert_eq!(floats(&out[0]), [3.0; 1000]);
                assert_eq!(floats(&a), [1.0; 1000]);
                assert_ne!(address(&out[0]), address(&a));
            }
            // The same array twice.
            assert_eq!(floats(&program.execute(&[&a, &a]).unwrap()[0]), [2.0; 1000]);
            // Donated: the result is stored where the argument was.
            let place = address(&a);
            let out = program.execute_with(vec![Argument::Donate(a), Argument::Keep(&b)]).unwrap();
            assert_eq!(floats(&out[0]), [3.0; 1000]);
            assert_eq!(address(&out[0]), place, "{marked}");
            // An argument that the program does not use may be donated as well.
            let out = program.execute_with(vec![Argument::Keep(&b), Argument::Donate(put(&[5.0; 1000]))]);
            assert_eq!(floats(&out.unwrap()[0]), [7.0; 1000]);
            assert_eq!(floats(&b), [2.0; 1000]);
        }
    }
}

#[test]
fn memory_of_the_host_is_never_written() {
    #[derive(Clone)]
    struct Shared(std::sync::Arc<Memory>);
    #[repr(align(64))]
    struct Memory([u8; 4000]);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0.0
        }
    }
    let memory = Shared(std::sync::Arc::new(Memory([0; 4000])));
    let text = "func.func @main(%a: tensor<1000xf32> {tf.aliasing_output = 0 : i32}) -> tensor<1000xf32> {
        %0 = stablehlo.cosine %a : tensor<1000xf32>
        return %0 : tensor<1000xf32>
      }";
    let program = compile(text, &[f32s(&[1000])]).unwrap();
    let buffer = client().buffer_from_owner(memory.clone(), &f32s(&[1000])).unwrap();
    assert_eq!(address(&buffer), memory.as_ref().as_ptr() as usize, "aligned memory is not copied");
    let out = program.execute_with(vec![Argument::Donate(buffer)]).unwrap();
    assert_eq!(floats(&out[0]), [1.0; 1000]);
    assert_eq!(memory.as_ref(), [0; 4000]);
    // Unaligned memory is copied, at any offset.
    struct Tail(Shared, usize);
    impl AsRef<[u8]> for Tail {
        fn as_ref(&self) -> &[u8] {
            &self.0.as_ref()[self.1..][..400]
        }
    }
    for offset in [1, 4, 32] {
        let buffer = client().buffer_from_owner(Tail(memory.clone(), offset), &f32s(&[100])).unwrap();
        assert_eq!(floats(&buffer), [0.0; 100]);
    }
}

#[test]
fn an_owner_that_panics_is_survived() {
    struct Bad(Vec<u8>);
    impl AsRef<[u8]> for Bad {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("this panic is part of a test");
        }
    }
    drop(client().buffer_from_owner(Bad(vec![0; 4]), &f32s(&[1])).unwrap());
    assert_eq!(floats(&put(&[1.0])), [1.0]);
}

#[test]
fn results_too_large_are_errors() {
    // A terabyte of results: allocating it fails, at once or later.
    let n = 1i64 << 38;
    let text = format!(
        "func.func @main(%a: tensor<1xf32>) -> tensor<{n}xf32> {{
           %0 = stablehlo.broadcast_in_dim %a, dims = [0] : (tensor<1xf32>) -> tensor<{n}xf32>
           return %0 : tensor<{n}xf32>
         }}"
    );
    let program = compile(&text, &[f32s(&[1])]).unwrap();
    let failed = program.execute(&[&put(&[1.0])]).and_then(|out| {
        let waited = out[0].wait();
        assert_eq!(out[0].wait().is_err(), waited.is_err(), "the error persists");
        assert!(out[0].is_ready());
        assert!(out[0].with_bytes(|_| ()).is_err());
        waited
    });
    let error = failed.unwrap_err();
    let Error::OutOfMemory(error) = error else { panic!("{error}") };
    assert_eq!(error.requested, Some(4 * n as u64));
    assert!(error.to_string().contains("TB were needed at once. Arrays of this process hold "), "{error}");
    assert_eq!(floats(&put(&[1.0])), [1.0]);
}

#[test]
fn errors_that_come_late_come_out_of_waiting() {
    // A terabyte of intermediate values is allocated only when the program runs.
    let n = 1i64 << 38;
    let text = format!(
        "func.func @main(%a: tensor<f32>) -> tensor<1xf32> {{
           %i = stablehlo.iota dim = 0 : tensor<{n}xf32>
           %b = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> tensor<{n}xf32>
           %c = stablehlo.multiply %i, %b : tensor<{n}xf32>
           %s = \"stablehlo.sort\"(%c) ({{
             ^bb0(%x: tensor<f32>, %y: tensor<f32>):
               %p = stablehlo.compare GT, %x, %y : (tensor<f32>, tensor<f32>) -> tensor<i1>
               stablehlo.return %p : tensor<i1>
             }}) {{dimension = 0 : i64}} : (tensor<{n}xf32>) -> tensor<{n}xf32>
           %r = stablehlo.slice %s [5:6] : (tensor<{n}xf32>) -> tensor<1xf32>
           return %r : tensor<1xf32>
         }}"
    );
    let scalar = f32s(&[]);
    let program = compile(&text, std::slice::from_ref(&scalar)).unwrap();
    assert!(program.memory_stats().unwrap().temporary >= 4 * n);
    let x = client().buffer_from_host(&[0; 4], &scalar).unwrap();
    let out = program.execute(&[&x]).expect("the program starts");
    // Apart from what the arrays of other tests hold meanwhile, the error is the same each time.
    let errors = [
        out[0].wait().unwrap_err(),
        out[0].wait().unwrap_err(),
        out[0].to_vec().unwrap_err(),
        out[0].read_into(&mut [0; 4]).unwrap_err(),
        out[0].with_bytes(|_| ()).unwrap_err(),
    ];
    for error in errors {
        let Error::OutOfMemory(error) = error else { panic!("{error}") };
        assert_eq!(error.during, "computing an array");
        assert!(error.requested >= Some(4 * n as u64) && error.message.contains("Out of memory"), "{error}");
    }
    assert!(out[0].is_ready());
    // What is computed from it fails as well; nothing else does.
    let text = "func.func @main(%a: tensor<1xf32>) -> tensor<1xf32> {
        %0 = stablehlo.sine %a : tensor<1xf32>
        return %0 : tensor<1xf32>
      }";
    let sine = compile(text, &[f32s(&[1])]).unwrap();
    let late = sine.execute(&[&out[0]]).and_then(|out| out[0].wait());
    assert!(late.unwrap_err().to_string().contains("Out of memory"));
    assert_eq!(floats(&sine.execute(&[&put(&[0.0])]).unwrap()[0]), [0.0]);
}

#[test]
fn damaged_serialized_programs_are_errors() {
    let text = "func.func @main(%a: tensor<3xf32>) -> tensor<3xf32> {
        %0 = stablehlo.sine %a : tensor<3xf32>
        return %0 : tensor<3xf32>
      }";
    let bytes = compile(text, &[f32s(&[3])]).unwrap().serialize().unwrap();
    for bad in [&b""[..], b"not a program", &bytes[..bytes.len() / 2], &bytes[..100]] {
        let error = client().deserialize(bad, &[f32s(&[3])]).unwrap_err();
        assert!(error.to_string().contains("serialized"), "{error}");
    }
}

#[test]
fn optimized_programs_can_be_read() {
    let text = "func.func @main(%a: tensor<4x3xf32>, %b: tensor<3x5xf32>) -> (tensor<4xf32>, tensor<2x3xi32>) {
        %0 = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0] : (tensor<4x3xf32>, tensor<3x5xf32>) -> tensor<4x5xf32>
        %1 = stablehlo.sine %0 : tensor<4x5xf32>
        %z = stablehlo.constant dense<0.0> : tensor<f32>
        %2 = stablehlo.reduce(%1 init: %z) applies stablehlo.add across dimensions = [1] : (tensor<4x5xf32>, tensor<f32>) -> tensor<4xf32>
        %c = stablehlo.constant dense<[[1, 2, 3], [4, 5, -6]]> : tensor<2x3xi32>
        return %2, %c : tensor<4xf32>, tensor<2x3xi32>
      }";
    let program = compile(text, &[f32s(&[4, 3]), f32s(&[3, 5])]).unwrap();
    let hlo = program.optimized_hlo().unwrap();
    for part in [
        "HloModule ",
        "entry_computation_layout={(f32[4,3]{1,0}, f32[3,5]{1,0})->(f32[4]{0}, s32[2,3]{1,0})}",
        "ENTRY %main",
        "parameter(0)",
        "lhs_contracting_dims={1}, rhs_contracting_dims={0}",
        "kind=kLoop",
        "constant({{1, 2, 3}, {4, 5, -6}})",
        "ROOT ",
    ] {
        assert!(hlo.contains(part), "{part} is not in\n{hlo}");
    }
    assert!(!program.name().unwrap().is_empty());
    // The CPU plugins have no cost analysis and say so.
    match program.cost_analysis() {
        Ok(costs) => assert!(costs.iter().any(|(name, flops)| name == "flops" && *flops > 0.0), "{costs:?}"),
        Err(error) => assert!(matches!(error, Error::Pjrt { code: Code::Unimplemented, .. }), "{error}"),
    }
    let memory = program.memory_stats().unwrap();
    assert_eq!((memory.arguments, memory.aliased), (4 * 27, 0));
    assert!(memory.outputs >= 4 * (4 + 6));
}

#[test]
fn loops_and_branches_can_be_read() {
    let text = "func.func @main(%n: tensor<i32>, %x: tensor<8xf32>) -> tensor<8xf32> {
        %zero = stablehlo.constant dense<0> : tensor<i32>
        %one = stablehlo.constant dense<1> : tensor<i32>
        %r:2 = stablehlo.while(%i = %zero, %v = %x) : tensor<i32>, tensor<8xf32>
          cond {
            %p = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
            stablehlo.return %p : tensor<i1>
          } do {
            %j = stablehlo.add %i, %one : tensor<i32>
            %w = \"stablehlo.sort\"(%v) ({
              ^bb0(%a: tensor<f32>, %b: tensor<f32>):
                %c = stablehlo.compare GT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
                stablehlo.return %c : tensor<i1>
              }) {dimension = 0 : i64, is_stable = true} : (tensor<8xf32>) -> tensor<8xf32>
            stablehlo.return %j, %w : tensor<i32>, tensor<8xf32>
          }
        return %r#1 : tensor<8xf32>
      }";
    let program = compile(text, &[ArrayShape::scalar(S32), f32s(&[8])]).unwrap();
    let hlo = program.optimized_hlo().unwrap();
    for part in ["while(", "condition=%", "body=%", "direction=GT", "get-tuple-element(", "is_stable=true"] {
        assert!(hlo.contains(part), "{part} is not in\n{hlo}");
    }
    let n = client().buffer_from_host(&1i32.to_ne_bytes(), &ArrayShape::scalar(S32)).unwrap();
    let x = put(&[3.0, 1.0, 8.0, 2.0, 7.0, 4.0, 6.0, 5.0]);
    let out = program.execute(&[&n, &x]).unwrap();
    assert_eq!(floats(&out[0]), [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
}

#[test]
fn compiler_flags_hold_for_one_program() {
    let text = "func.func @main(%a: tensor<3xf32>) -> tensor<3xf32> {
        %0 = stablehlo.sine %a : tensor<3xf32>
        return %0 : tensor<3xf32>
      }";
    let with = |name: &str, value| client().compile(text, &[f32s(&[3])], &CompileOptions::default().flag(name, value));
    with("xla_cpu_enable_fast_math", FlagValue::Bool(true)).unwrap();
    with("xla_backend_optimization_level", FlagValue::Int(0)).unwrap();
    let error = with("xla_no_such_flag", FlagValue::Bool(true)).unwrap_err();
    assert!(error.to_string().contains("xla_no_such_flag"), "{error}");
}

#[test]
fn programs_for_several_devices_are_not_run_on_one() {
    let options = [("cpu_device_count", OptionValue::Int(2))];
    let client = Client::new(client().plugin().clone(), &options).unwrap();
    assert_eq!(client.devices().len(), 2);
    assert_ne!(client.devices()[0].id, client.devices()[1].id);
    let text = "func.func @main(%a: tensor<f32>) -> tensor<f32> {
        %0 = stablehlo.sine %a : tensor<f32>
        return %0 : tensor<f32>
      }";
    let options = CompileOptions { num_replicas: 2, ..CompileOptions::default() };
    let program = client.compile(text, &[f32s(&[])], &options).unwrap();
    let x = client.buffer_from_host_on(&[0; 4], &f32s(&[]), 1).unwrap();
    let error = program.execute(&[&x]).unwrap_err();
    assert_eq!(error, Error::Argument(ArgumentError::Devices { count: 2 }));
}

#[test]
fn the_plugin_introduces_itself() {
    let client = client();
    assert_eq!(client.platform_name(), "cpu");
    assert!(!client.platform_version().is_empty());
    let [device] = client.devices() else { panic!("{:?}", client.devices()) };
    assert!(!device.kind.is_empty() && !device.description.is_empty() && !device.debug.is_empty());
    let plugin = client.plugin();
    assert_eq!(plugin.api_version().0, 0);
    assert!(plugin.stablehlo_version().unwrap().starts_with("1."));
    assert_eq!(plugin.sha256().unwrap().len(), 64);
    assert!(std::sync::Arc::ptr_eq(plugin, &Plugin::load(plugin.path()).unwrap()));
}
