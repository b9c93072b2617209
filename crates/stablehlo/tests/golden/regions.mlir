module @jit_regions attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%0: tensor<4x3xf32>, %1: tensor<i32>) -> (tensor<4x3xf32>, tensor<4x3xi32>, tensor<i32>, tensor<3xf32>, tensor<4x3xf32>, tensor<3x3xf32>) {
    %2 = "stablehlo.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %3 = "stablehlo.reduce"(%0, %2) ({
    ^bb0(%4: tensor<f32>, %5: tensor<f32>):
      %6 = "stablehlo.add"(%4, %5) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%6) : (tensor<f32>) -> ()
    }) {dimensions = array<i64: 0>} : (tensor<4x3xf32>, tensor<f32>) -> tensor<3xf32>
    %7 = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<4x3xi32>
    %8, %9 = "stablehlo.sort"(%0, %7) ({
    ^bb0(%10: tensor<f32>, %11: tensor<f32>, %12: tensor<i32>, %13: tensor<i32>):
      %14 = "stablehlo.compare"(%10, %11) {comparison_direction = #stablehlo<comparison_direction LT>, compare_type = #stablehlo<comparison_type TOTALORDER>} : (tensor<f32>, tensor<f32>) -> tensor<i1>
      "stablehlo.return"(%14) : (tensor<i1>) -> ()
    }) {dimension = 0 : i64, is_stable = true} : (tensor<4x3xf32>, tensor<4x3xi32>) -> (tensor<4x3xf32>, tensor<4x3xi32>)
    %15 = "stablehlo.constant"() {value = dense<10> : tensor<i32>} : () -> tensor<i32>
    %16, %17 = "stablehlo.while"(%1, %3) ({
    ^bb0(%18: tensor<i32>, %19: tensor<3xf32>):
      %20 = "stablehlo.compare"(%18, %15) {comparison_direction = #stablehlo<comparison_direction LT>} : (tensor<i32>, tensor<i32>) -> tensor<i1>
      "stablehlo.return"(%20) : (tensor<i1>) -> ()
    }, {
    ^bb0(%21: tensor<i32>, %22: tensor<3xf32>):
      %23 = "stablehlo.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
      %24 = "stablehlo.add"(%21, %23) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      %25 = "stablehlo.case"(%1) ({
        %26 = "stablehlo.sine"(%22) : (tensor<3xf32>) -> tensor<3xf32>
        "stablehlo.return"(%26) : (tensor<3xf32>) -> ()
      }, {
        %27 = "stablehlo.cosine"(%22) : (tensor<3xf32>) -> tensor<3xf32>
        "stablehlo.return"(%27) : (tensor<3xf32>) -> ()
      }) : (tensor<i32>) -> tensor<3xf32>
      "stablehlo.return"(%24, %25) : (tensor<i32>, tensor<3xf32>) -> ()
    }) : (tensor<i32>, tensor<3xf32>) -> (tensor<i32>, tensor<3xf32>)
    %28 = "stablehlo.constant"() {value = dense<[[0], [2]]> : tensor<2x1xi32>} : () -> tensor<2x1xi32>
    %29 = "stablehlo.gather"(%0, %28) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 1, 3>} : (tensor<4x3xf32>, tensor<2x1xi32>) -> tensor<2x3xf32>
    %30 = "stablehlo.scatter"(%0, %28, %29) ({
    ^bb0(%31: tensor<f32>, %32: tensor<f32>):
      %33 = "stablehlo.add"(%31, %32) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%33) : (tensor<f32>) -> ()
    }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = true, unique_indices = true} : (tensor<4x3xf32>, tensor<2x1xi32>, tensor<2x3xf32>) -> tensor<4x3xf32>
    %34 = "stablehlo.reduce_window"(%0, %2) ({
    ^bb0(%35: tensor<f32>, %36: tensor<f32>):
      %37 = "stablehlo.maximum"(%35, %36) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%37) : (tensor<f32>) -> ()
    }) {window_dimensions = array<i64: 2, 1>, padding = dense<0> : tensor<2x2xi64>} : (tensor<4x3xf32>, tensor<f32>) -> tensor<3x3xf32>
    "func.return"(%8, %9, %16, %17, %30, %34) : (tensor<4x3xf32>, tensor<4x3xi32>, tensor<i32>, tensor<3xf32>, tensor<4x3xf32>, tensor<3x3xf32>) -> ()
  }
}
