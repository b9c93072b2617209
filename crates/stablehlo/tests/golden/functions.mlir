module @"jit_<lambda>" attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%0: tensor<3xf32> {tf.aliasing_output = 0 : i32}, %1: tensor<3xf32> {jax.buffer_donor = true, mhlo.sharding = "{replicated}"}, %2: !stablehlo.token) -> (tensor<3xf32> {jax.result_info = "result[0]"}, tensor<2xf32>, tensor<2xi32>, tensor<f32>, !stablehlo.token) {
    %3, %4 = "func.call"(%0, %1) {callee = @"<lambda>"} : (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) loc(#loc0)
    "func.call"() {callee = @nothing, mhlo.frontend_attributes = {inlineable = "false"}} : () -> () loc(#loc0)
    %5, %6 = "stablehlo.custom_call"(%3, %2) {call_target_name = "cotangent_host", api_version = 4 : i32, has_side_effect = true, backend_config = {k = 1 : i64, unit}, operand_layouts = [dense<[0]> : tensor<1xindex>, dense<> : tensor<0xindex>], result_layouts = [dense<> : tensor<0xindex>, dense<[0]> : tensor<1xindex>], mhlo.frontend_attributes = {"a b" = "c\0A"}} : (tensor<3xf32>, !stablehlo.token) -> (!stablehlo.token, tensor<3xf32>) loc(#loc1)
    %7, %8 = "chlo.top_k"(%4) {k = 2 : i64} : (tensor<3xf32>) -> (tensor<2xf32>, tensor<2xi32>) loc(#loc1)
    %9 = "stablehlo.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32> loc(#loc1)
    %10 = "stablehlo.reduce"(%3, %9) ({
    ^bb0(%11: tensor<f32>, %12: tensor<f32>):
      %13 = "stablehlo.add"(%11, %12) : (tensor<f32>, tensor<f32>) -> tensor<f32> loc(#loc2)
      "stablehlo.return"(%13) : (tensor<f32>) -> () loc(#loc2)
    }) {dimensions = array<i64: 0>} : (tensor<3xf32>, tensor<f32>) -> tensor<f32> loc(#loc1)
    %14 = "stablehlo.negate"(%10) : (tensor<f32>) -> tensor<f32> loc(#loc1)
    "func.return"(%6, %7, %8, %14, %5) : (tensor<3xf32>, tensor<2xf32>, tensor<2xi32>, tensor<f32>, !stablehlo.token) -> () loc(#loc1)
  }
  func.func private @"<lambda>"(%0: tensor<3xf32>, %1: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
    %2 = "stablehlo.add"(%0, %1) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> loc(#loc1)
    "func.return"(%2, %0) : (tensor<3xf32>, tensor<3xf32>) -> () loc(#loc1)
  }
  func.func private @nothing() {
    "func.return"() : () -> ()
  }
}
#loc0 = loc("src/dir \22\C3\A9\22\\main.rs":8:5)
#loc1 = loc("src/dir \22\C3\A9\22\\main.rs":7:5)
#loc2 = loc("src/dir \22\C3\A9\22\\main.rs":9:5)
