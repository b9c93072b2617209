module @jit_constants attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main() -> (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<4xbf16>, tensor<4xf16>, tensor<4xf8E5M2>, tensor<f8E4M3FN>, tensor<3xi1>, tensor<3xi1>, tensor<1x2xi1>, tensor<2x1xi8>, tensor<2x1xi16>, tensor<2x1xi32>, tensor<2x1xi64>, tensor<2x1xui8>, tensor<2x1xui16>, tensor<2x1xui32>, tensor<ui64>, tensor<complex<f32>>, tensor<2xcomplex<f64>>, tensor<2xcomplex<f32>>, tensor<2xcomplex<f32>>, tensor<2x0xf32>, tensor<0xf32>, tensor<0xf32>, tensor<2x2xf32>, tensor<f32>, tensor<2xcomplex<f32>>, tensor<2xbf16>, tensor<3xui8>, tensor<2xf32>) {
    %0 = "stablehlo.constant"() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
    %1 = "stablehlo.constant"() {value = dense<-0.0> : tensor<f32>} : () -> tensor<f32>
    %2 = "stablehlo.constant"() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
    %3 = "stablehlo.constant"() {value = dense<0.1> : tensor<f32>} : () -> tensor<f32>
    %4 = "stablehlo.constant"() {value = dense<1.0e-45> : tensor<f32>} : () -> tensor<f32>
    %5 = "stablehlo.constant"() {value = dense<3.4028235e38> : tensor<f32>} : () -> tensor<f32>
    %6 = "stablehlo.constant"() {value = dense<0x7FC00000> : tensor<f32>} : () -> tensor<f32>
    %7 = "stablehlo.constant"() {value = dense<0x7F800000> : tensor<f32>} : () -> tensor<f32>
    %8 = "stablehlo.constant"() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
    %9 = "stablehlo.constant"() {value = dense<0x15AE43FD> : tensor<f32>} : () -> tensor<f32>
    %10 = "stablehlo.constant"() {value = dense<1.7976931348623157e308> : tensor<2xf64>} : () -> tensor<2xf64>
    %11 = "stablehlo.constant"() {value = dense<2.2250738585072014e-308> : tensor<2xf64>} : () -> tensor<2xf64>
    %12 = "stablehlo.constant"() {value = dense<5.0e-324> : tensor<2xf64>} : () -> tensor<2xf64>
    %13 = "stablehlo.constant"() {value = dense<-1.0e-7> : tensor<2xf64>} : () -> tensor<2xf64>
    %14 = "stablehlo.constant"() {value = dense<0x7FF8000000000000> : tensor<2xf64>} : () -> tensor<2xf64>
    %15 = "stablehlo.constant"() {value = dense<0x7FF0000000000000> : tensor<2xf64>} : () -> tensor<2xf64>
    %16 = "stablehlo.constant"() {value = dense<[1.5, -0.0, 0x7FC0, 0xFF80]> : tensor<4xbf16>} : () -> tensor<4xbf16>
    %17 = "stablehlo.constant"() {value = dense<[1.5, -0.0, 0x7E00, 0xFC00]> : tensor<4xf16>} : () -> tensor<4xf16>
    %18 = "stablehlo.constant"() {value = dense<[1.5, -0.0, 0x7E, 0xFC]> : tensor<4xf8E5M2>} : () -> tensor<4xf8E5M2>
    %19 = "stablehlo.constant"() {value = dense<0x7F> : tensor<f8E4M3FN>} : () -> tensor<f8E4M3FN>
    %20 = "stablehlo.constant"() {value = dense<true> : tensor<3xi1>} : () -> tensor<3xi1>
    %21 = "stablehlo.constant"() {value = dense<[true, false, true]> : tensor<3xi1>} : () -> tensor<3xi1>
    %22 = "stablehlo.constant"() {value = dense<[[false, true]]> : tensor<1x2xi1>} : () -> tensor<1x2xi1>
    %23 = "stablehlo.constant"() {value = dense<[[-128], [127]]> : tensor<2x1xi8>} : () -> tensor<2x1xi8>
    %24 = "stablehlo.constant"() {value = dense<[[-32768], [32767]]> : tensor<2x1xi16>} : () -> tensor<2x1xi16>
    %25 = "stablehlo.constant"() {value = dense<[[-2147483648], [2147483647]]> : tensor<2x1xi32>} : () -> tensor<2x1xi32>
    %26 = "stablehlo.constant"() {value = dense<[[-9223372036854775808], [9223372036854775807]]> : tensor<2x1xi64>} : () -> tensor<2x1xi64>
    %27 = "stablehlo.constant"() {value = dense<[[0], [255]]> : tensor<2x1xui8>} : () -> tensor<2x1xui8>
    %28 = "stablehlo.constant"() {value = dense<[[0], [65535]]> : tensor<2x1xui16>} : () -> tensor<2x1xui16>
    %29 = "stablehlo.constant"() {value = dense<[[0], [4294967295]]> : tensor<2x1xui32>} : () -> tensor<2x1xui32>
    %30 = "stablehlo.constant"() {value = dense<18446744073709551615> : tensor<ui64>} : () -> tensor<ui64>
    %31 = "stablehlo.constant"() {value = dense<(1.5, -0.0)> : tensor<complex<f32>>} : () -> tensor<complex<f32>>
    %32 = "stablehlo.constant"() {value = dense<[(0x7FF8000000000000, 1.0e300), (0xFFF0000000000000, 0.0)]> : tensor<2xcomplex<f64>>} : () -> tensor<2xcomplex<f64>>
    %33 = "stablehlo.constant"() {value = dense<(0x7F800000, 0.0)> : tensor<2xcomplex<f32>>} : () -> tensor<2xcomplex<f32>>
    %34 = "stablehlo.constant"() {value = dense<(0.0, 0.0)> : tensor<2xcomplex<f32>>} : () -> tensor<2xcomplex<f32>>
    %35 = "stablehlo.constant"() {value = dense<> : tensor<2x0xf32>} : () -> tensor<2x0xf32>
    %36 = "stablehlo.constant"() {value = dense<> : tensor<0xf32>} : () -> tensor<0xf32>
    %37 = "stablehlo.constant"() {value = dense<> : tensor<0xf32>} : () -> tensor<0xf32>
    %38 = "stablehlo.constant"() {value = dense<"0x0000803F000000400000C07F00000080"> : tensor<2x2xf32>} : () -> tensor<2x2xf32>
    %39 = "stablehlo.constant"() {value = dense<"0x0000803F"> : tensor<f32>} : () -> tensor<f32>
    %40 = "stablehlo.constant"() {value = dense<"0x0000803F000000400000C07F00000080"> : tensor<2xcomplex<f32>>} : () -> tensor<2xcomplex<f32>>
    %41 = "stablehlo.constant"() {value = dense<"0x803FC07F"> : tensor<2xbf16>} : () -> tensor<2xbf16>
    %42 = "stablehlo.constant"() {value = dense<"0x007FFF"> : tensor<3xui8>} : () -> tensor<3xui8>
    %43 = "stablehlo.constant"() {value = dense<[1.0, 2.0]> : tensor<2xf32>} : () -> tensor<2xf32>
    "func.return"(%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43) : (tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<4xbf16>, tensor<4xf16>, tensor<4xf8E5M2>, tensor<f8E4M3FN>, tensor<3xi1>, tensor<3xi1>, tensor<1x2xi1>, tensor<2x1xi8>, tensor<2x1xi16>, tensor<2x1xi32>, tensor<2x1xi64>, tensor<2x1xui8>, tensor<2x1xui16>, tensor<2x1xui32>, tensor<ui64>, tensor<complex<f32>>, tensor<2xcomplex<f64>>, tensor<2xcomplex<f32>>, tensor<2xcomplex<f32>>, tensor<2x0xf32>, tensor<0xf32>, tensor<0xf32>, tensor<2x2xf32>, tensor<f32>, tensor<2xcomplex<f32>>, tensor<2xbf16>, tensor<3xui8>, tensor<2xf32>) -> ()
  }
}
