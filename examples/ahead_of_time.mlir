// cotangent-export 1
// sha256: fd6d79f2461f6b5557bfcd31a14b2ad00b1a6fdc4e37771df072ebc401f6dbdf
// library: cotangent 0.1.0
// function: oscillation
// input: f32[] [0][0]
// input: f32[] [0][1]
// input: f32[7] [1]
// output: f32[7] [0]
// output: f32[7] [1]
// end of the head
module @oscillation attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%0: tensor<f32>, %1: tensor<f32>, %2: tensor<7xf32>) -> (tensor<7xf32>, tensor<7xf32>) {
    %3 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc0)
    %4 = "stablehlo.multiply"(%3, %2) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc0)
    %5 = "stablehlo.negate"(%4) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc1)
    %6 = "stablehlo.exponential"(%5) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc2)
    %7 = "stablehlo.broadcast_in_dim"(%1) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc3)
    %8 = "stablehlo.multiply"(%7, %2) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc3)
    %9 = "stablehlo.cosine"(%8) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc4)
    %10 = "stablehlo.multiply"(%6, %9) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc1)
    %11 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc0)
    %12 = "stablehlo.multiply"(%11, %2) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc0)
    %13 = "stablehlo.negate"(%12) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc1)
    %14 = "stablehlo.exponential"(%13) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc2)
    %15 = "stablehlo.broadcast_in_dim"(%1) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc3)
    %16 = "stablehlo.multiply"(%15, %2) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc3)
    %17 = "stablehlo.cosine"(%16) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc4)
    %18 = "stablehlo.sine"(%16) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc4)
    %19 = "stablehlo.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32> loc(#loc1)
    %20 = "stablehlo.broadcast_in_dim"(%19) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc1)
    %21 = "stablehlo.multiply"(%14, %20) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc1)
    %22 = "stablehlo.broadcast_in_dim"(%19) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc1)
    %23 = "stablehlo.multiply"(%22, %17) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc1)
    %24 = "stablehlo.negate"(%21) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc4)
    %25 = "stablehlo.multiply"(%24, %18) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc4)
    %26 = "stablehlo.broadcast_in_dim"(%1) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc3)
    %27 = "stablehlo.multiply"(%26, %25) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc3)
    %28 = "stablehlo.multiply"(%23, %14) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc2)
    %29 = "stablehlo.negate"(%28) : (tensor<7xf32>) -> tensor<7xf32> loc(#loc1)
    %30 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<7xf32> loc(#loc0)
    %31 = "stablehlo.multiply"(%30, %29) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc0)
    %32 = "stablehlo.add"(%27, %31) : (tensor<7xf32>, tensor<7xf32>) -> tensor<7xf32> loc(#loc0)
    "func.return"(%10, %32) : (tensor<7xf32>, tensor<7xf32>) -> () loc(#loc0)
  }
}
#loc0 = loc("crates/cotangent/../../examples/ahead_of_time.rs":14:32)
#loc1 = loc("crates/cotangent/../../examples/ahead_of_time.rs":14:30)
#loc2 = loc("crates/cotangent/../../examples/ahead_of_time.rs":14:48)
#loc3 = loc("crates/cotangent/../../examples/ahead_of_time.rs":14:56)
#loc4 = loc("crates/cotangent/../../examples/ahead_of_time.rs":14:73)
