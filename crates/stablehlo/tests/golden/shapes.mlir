module @jit_shapes attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%0: tensor<2x3xf32>, %1: tensor<f32>, %2: tensor<i32>) -> (tensor<2x4x3xf32>, tensor<2x4xf32>, tensor<1x7xf32>, tensor<4x5xi32>, tensor<3x2xf32>, tensor<6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
    %3 = "stablehlo.broadcast_in_dim"(%1) {broadcast_dimensions = array<i64>} : (tensor<f32>) -> tensor<2x3xf32>
    %4 = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 0, 2>} : (tensor<2x3xf32>) -> tensor<2x4x3xf32>
    %5 = "stablehlo.concatenate"(%0, %3, %0) {dimension = 1 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x9xf32>
    %6 = "stablehlo.slice"(%5) {start_indices = array<i64: 0, 1>, limit_indices = array<i64: 2, 9>, strides = array<i64: 1, 2>} : (tensor<2x9xf32>) -> tensor<2x4xf32>
    %7 = "stablehlo.pad"(%0, %1) {edge_padding_low = array<i64: -1, 2>, edge_padding_high = array<i64: 0, 0>, interior_padding = array<i64: 0, 1>} : (tensor<2x3xf32>, tensor<f32>) -> tensor<1x7xf32>
    %8 = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<4x5xi32>
    %9 = "stablehlo.transpose"(%0) {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %10 = "stablehlo.reshape"(%0) : (tensor<2x3xf32>) -> tensor<6xf32>
    %11 = "stablehlo.reverse"(%0) {dimensions = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %12 = "stablehlo.dynamic_slice"(%0, %2, %2) {slice_sizes = array<i64: 1, 3>} : (tensor<2x3xf32>, tensor<i32>, tensor<i32>) -> tensor<1x3xf32>
    %13 = "stablehlo.dynamic_update_slice"(%0, %12, %2, %2) : (tensor<2x3xf32>, tensor<1x3xf32>, tensor<i32>, tensor<i32>) -> tensor<2x3xf32>
    "func.return"(%4, %6, %7, %8, %9, %10, %11, %13) : (tensor<2x4x3xf32>, tensor<2x4xf32>, tensor<1x7xf32>, tensor<4x5xi32>, tensor<3x2xf32>, tensor<6xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> ()
  }
}
