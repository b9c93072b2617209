//! Programs for other machines: StableHLO from elsewhere, and what is lowered differently for a GPU.

use cotangent::prelude::*;
use cotangent::{Callback, Exported, Platform, Target};

/// What `jax.jit(f).lower(…).as_text()` prints, with types of every kind and attributes that contain braces.
const FROM_JAX: &str = r#"module @jit_f attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%arg0: tensor<2x3xf32> {jax.buffer_donor = true, jax.note = "-> tensor<9xf32> {"}, %arg1: tensor<i1>, %arg2: tensor<2xcomplex<f32>>) -> (tensor<2x3xf32> {jax.result_info = "result[0]"}, tensor<2xcomplex<f32>> {jax.result_info = "result[1]"}) {
    %0 = stablehlo.negate %arg0 : tensor<2x3xf32>
    %1 = stablehlo.select %arg1, %arg0, %0 : tensor<i1>, tensor<2x3xf32>
    %2 = stablehlo.add %arg2, %arg2 : tensor<2xcomplex<f32>>
    return %1, %2 : tensor<2x3xf32>, tensor<2xcomplex<f32>>
  }
}"#;

#[test]
fn stablehlo_of_others_runs() {
    let f = Exported::from_stablehlo("f", FROM_JAX).unwrap();
    let types = "([0]: f32[2,3], [1]: bool[], [2]: c64[2]) -> ([0]: f32[2,3], [1]: c64[2])";
    assert_eq!(f.signature().to_string(), types);
    let x = np::arange(6).astype(DType::F32).reshape((2, 3));
    let z = Array::from([1.0f32, 2.0]).astype(DType::C64);
    let out = f.compile().unwrap().call(&(x, Array::from(false), z)).unwrap();
    assert_eq!(out[0].to_vec::<f32>(), [0.0, -1.0, -2.0, -3.0, -4.0, -5.0]);
    assert_eq!(out[1].real().to_vec::<f32>(), [2.0, 4.0]);
    // The library's own text, and functions that take or return nothing.
    let own = jit(|x: &Array| x.sin()).lower((&Array::from([1.0f32]),)).unwrap().stablehlo();
    assert_eq!(
        Exported::from_stablehlo("own", &own).unwrap().signature().to_string(),
        "([0]: f32[1]) -> ([0]: f32[1])"
    );
    let nothing = "module { func.func public @main() -> () { return } }";
    assert_eq!(Exported::from_stablehlo("nothing", nothing).unwrap().signature().to_string(), "() -> ()");
}

#[test]
fn what_is_no_stablehlo_is_refused() {
    let error = |text: &str| Exported::from_stablehlo("f", text).unwrap_err().to_string();
    assert!(error("int main() {}").contains("no function `main`"));
    let of = |ty: &str| error(&format!("module {{ func.func @main(%x: {ty}) -> {ty} {{ return %x : {ty} }} }}"));
    assert!(of("tensor<?xf32>").contains("`tensor<?xf32>"), "{}", of("tensor<?xf32>"));
    assert!(of("tensor<2xf8E5M2>").contains("which is no array"));
}

/// Maxima and selections must be made of the same bits.
#[test]
fn arguments_are_kept_in_memory_on_each_platform_in_its_own_way() {
    let f = jit(grad(|x: &Array| (x * x.sin()).max().sum()));
    let lowered = f.lower((&np::zeros(8),)).unwrap();
    let [cpu, gpu] = [Platform::Cpu, Platform::Cuda].map(|platform| lowered.export_for(platform).unwrap());
    let (apart, barrier) = ("inlineable = \"false\"", "stablehlo.optimization_barrier");
    assert!(cpu.stablehlo().contains(apart) && !cpu.stablehlo().contains(barrier), "{cpu}");
    assert!(gpu.stablehlo().contains(barrier) && !gpu.stablehlo().contains(apart), "{gpu}");
}

#[test]
fn programs_that_cannot_leave_are_refused_before_anything_is_looked_for() {
    let x = Array::from([1.0f32]);
    let double = Callback::pure(x.aval(), |x: &Array| x * 2.0);
    let f = jit(move |x: &Array| double.call(x));
    let error = f.lower((&x,)).unwrap().compile_for(Target::L4).unwrap_err().to_string();
    assert!(error.contains("a program with callbacks cannot be compiled for another machine"), "{error}");
    let here = jit(|x: &Array| x + 1.0).lower((&x,)).unwrap().export_for(Platform::Cpu).unwrap();
    let error = here.compile_for(Target::RTX4090).unwrap_err().to_string();
    assert!(error.contains("was exported for Cpu") && error.contains("RTX 4090"), "{error}");
    assert!(error.contains("export_for(Platform::Cuda)"), "{error}");
}

/// A GPU's library does not convolve integers, so its programs convolve parts of them as floats. Here they run on the CPU.
#[test]
fn integers_are_convolved_on_every_platform_alike() {
    use cotangent::extend::primitives::{ConvDimensionNumbers, ConvGeneralDilated};
    let conv = ConvGeneralDilated {
        window_strides: vec![1],
        padding: vec![(1, 2)],
        lhs_dilation: vec![2],
        rhs_dilation: vec![1],
        dimension_numbers: ConvDimensionNumbers::plain(3),
        feature_group_count: 2,
        batch_group_count: 1,
        precision: None,
        preferred_element_type: None,
    };
    let dtypes = [DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16, DType::U32, DType::U64];
    for dtype in dtypes {
        // Numbers of all sizes: the products do not fit.
        let numbers = |n: i64, shape: [usize; 3]| {
            let values: Vec<i64> = (0..shape.iter().product::<usize>() as i64)
                .map(|i| (i * 2 + n).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> (i % 7 * 9))
                .collect();
            Array::from(values).astype(dtype).reshape(shape)
        };
        let (x, kernel) = (numbers(1, [2, 4, 5]), numbers(8, [6, 2, 3]));
        let f = jit(|x: &Array, kernel: &Array| cotangent::extend::bind1(conv.clone(), &[x, kernel]));
        let expected = f(&x, &kernel);
        let there = f.lower((&x, &kernel)).unwrap().export_for(Platform::Cuda).unwrap();
        assert!(there.stablehlo().contains("xf64>"), "{there}");
        let there = Exported::from_stablehlo("there", there.stablehlo()).unwrap().compile().unwrap();
        let found = there.call(&(x, kernel)).unwrap().swap_remove(0);
        assert_eq!(found.to_bytes().unwrap(), expected.to_bytes().unwrap(), "{dtype:?}");
    }
}
