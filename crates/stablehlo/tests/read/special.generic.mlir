"builtin.module"() <{sym_name = "jit_special"}> ({
  "func.func"() <{function_type = (tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x2xf32>, tensor<3x2xi32>, tensor<3x3xcomplex<f32>>, tensor<3x4xf32>), res_attrs = [{jax.result_info = "result[0]"}, {jax.result_info = "result[1][0]"}, {jax.result_info = "result[1][1]"}, {jax.result_info = "result[2]"}, {jax.result_info = "result[3]"}], sym_name = "main", sym_visibility = "public"}> ({
  ^bb0(%arg6: tensor<3x4xf32>):
    %6 = "stablehlo.constant"() <{value = dense<0x7F800000> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %7 = "stablehlo.constant"() <{value = dense<1.000000e+00> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %8 = "stablehlo.constant"() <{value = dense<2.83297682> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %9 = "stablehlo.constant"() <{value = dense<1.50140941> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %10 = "stablehlo.constant"() <{value = dense<1.00167406> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %11 = "stablehlo.constant"() <{value = dense<0.246640727> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %12 = "stablehlo.constant"() <{value = dense<0.00943887047> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %13 = "stablehlo.constant"() <{value = dense<-0.00417768164> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %14 = "stablehlo.constant"() <{value = dense<-0.0076224613> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %15 = "stablehlo.constant"() <{value = dense<-0.00125372503> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %16 = "stablehlo.constant"() <{value = dense<0.00573950773> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %17 = "stablehlo.constant"() <{value = dense<2.1858087E-4> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %18 = "stablehlo.constant"() <{value = dense<-0.00367342844> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %19 = "stablehlo.constant"() <{value = dense<-4.39150654E-6> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %20 = "stablehlo.constant"() <{value = dense<0.00134934322> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %21 = "stablehlo.constant"() <{value = dense<-3.5233877E-6> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %22 = "stablehlo.constant"() <{value = dense<1.00950558E-4> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %23 = "stablehlo.constant"() <{value = dense<3.43273939E-7> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %24 = "stablehlo.constant"() <{value = dense<-2.00214257E-4> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %25 = "stablehlo.constant"() <{value = dense<2.81022636E-8> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %26 = "stablehlo.constant"() <{value = dense<3.000000e+00> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %27 = "stablehlo.constant"() <{value = dense<2.500000e+00> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %28 = "stablehlo.constant"() <{value = dense<5.000000e+00> : tensor<3x4xf32>}> : () -> tensor<3x4xf32>
    %29 = "stablehlo.negate"(%arg6) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %30 = "stablehlo.multiply"(%arg6, %29) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %31 = "stablehlo.log_plus_one"(%30) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %32 = "stablehlo.negate"(%31) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %33 = "stablehlo.compare"(%32, %28) <{comparison_direction = #stablehlo<comparison_direction LT>}> : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
    %34 = "stablehlo.subtract"(%32, %27) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %35 = "stablehlo.sqrt"(%32) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %36 = "stablehlo.subtract"(%35, %26) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %37 = "stablehlo.select"(%33, %34, %36) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %38 = "stablehlo.select"(%33, %25, %24) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %39 = "stablehlo.select"(%33, %23, %22) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %40 = "stablehlo.multiply"(%38, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %41 = "stablehlo.add"(%39, %40) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %42 = "stablehlo.select"(%33, %21, %20) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %43 = "stablehlo.multiply"(%41, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %44 = "stablehlo.add"(%42, %43) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %45 = "stablehlo.select"(%33, %19, %18) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %46 = "stablehlo.multiply"(%44, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %47 = "stablehlo.add"(%45, %46) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %48 = "stablehlo.select"(%33, %17, %16) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %49 = "stablehlo.multiply"(%47, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %50 = "stablehlo.add"(%48, %49) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %51 = "stablehlo.select"(%33, %15, %14) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %52 = "stablehlo.multiply"(%50, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %53 = "stablehlo.add"(%51, %52) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %54 = "stablehlo.select"(%33, %13, %12) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %55 = "stablehlo.multiply"(%53, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %56 = "stablehlo.add"(%54, %55) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %57 = "stablehlo.select"(%33, %11, %10) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %58 = "stablehlo.multiply"(%56, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %59 = "stablehlo.add"(%57, %58) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %60 = "stablehlo.select"(%33, %9, %8) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %61 = "stablehlo.multiply"(%59, %37) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %62 = "stablehlo.add"(%60, %61) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %63 = "stablehlo.multiply"(%62, %arg6) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %64 = "stablehlo.abs"(%arg6) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %65 = "stablehlo.compare"(%64, %7) <{comparison_direction = #stablehlo<comparison_direction EQ>}> : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
    %66 = "stablehlo.multiply"(%arg6, %6) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %67 = "stablehlo.select"(%65, %66, %63) : (tensor<3x4xi1>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
    %68:2 = "stablehlo.composite"(%arg6) <{composite_attributes = {k = 2 : i64}, decomposition = @chlo.top_k.impl, name = "chlo.top_k", version = 1 : i32}> : (tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xi32>)
    %69 = "func.call"(%arg6) <{callee = @fft}> : (tensor<3x4xf32>) -> tensor<3x3xcomplex<f32>>
    %70 = "stablehlo.reduce_precision"(%arg6) <{exponent_bits = 5 : i32, mantissa_bits = 10 : i32}> : (tensor<3x4xf32>) -> tensor<3x4xf32>
    "func.return"(%67, %68#0, %68#1, %69, %70) : (tensor<3x4xf32>, tensor<3x2xf32>, tensor<3x2xi32>, tensor<3x3xcomplex<f32>>, tensor<3x4xf32>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xi32>), sym_name = "chlo.top_k.impl", sym_visibility = "private"}> ({
  ^bb0(%arg1: tensor<3x4xf32>):
    %1 = "stablehlo.iota"() <{iota_dimension = 1 : i64}> : () -> tensor<3x4xi32>
    %2:2 = "stablehlo.sort"(%arg1, %1) <{dimension = 1 : i64, is_stable = true}> ({
    ^bb0(%arg2: tensor<f32>, %arg3: tensor<f32>, %arg4: tensor<i32>, %arg5: tensor<i32>):
      %5 = "stablehlo.compare"(%arg2, %arg3) <{compare_type = #stablehlo<comparison_type TOTALORDER>, comparison_direction = #stablehlo<comparison_direction GT>}> : (tensor<f32>, tensor<f32>) -> tensor<i1>
      "stablehlo.return"(%5) : (tensor<i1>) -> ()
    }) : (tensor<3x4xf32>, tensor<3x4xi32>) -> (tensor<3x4xf32>, tensor<3x4xi32>)
    %3 = "stablehlo.slice"(%2#0) <{limit_indices = array<i64: 3, 2>, start_indices = array<i64: 0, 0>, strides = array<i64: 1, 1>}> : (tensor<3x4xf32>) -> tensor<3x2xf32>
    %4 = "stablehlo.slice"(%2#1) <{limit_indices = array<i64: 3, 2>, start_indices = array<i64: 0, 0>, strides = array<i64: 1, 1>}> : (tensor<3x4xi32>) -> tensor<3x2xi32>
    "func.return"(%3, %4) : (tensor<3x2xf32>, tensor<3x2xi32>) -> ()
  }) : () -> ()
  "func.func"() <{function_type = (tensor<3x4xf32>) -> tensor<3x3xcomplex<f32>>, sym_name = "fft", sym_visibility = "private"}> ({
  ^bb0(%arg0: tensor<3x4xf32>):
    %0 = "stablehlo.fft"(%arg0) <{fft_length = array<i64: 4>, fft_type = #stablehlo<fft_type RFFT>}> : (tensor<3x4xf32>) -> tensor<3x3xcomplex<f32>>
    "func.return"(%0) : (tensor<3x3xcomplex<f32>>) -> ()
  }) : () -> ()
}) {jax.uses_shape_polymorphism = false, mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} : () -> ()
