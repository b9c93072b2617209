//! cotangent-stablehlo
