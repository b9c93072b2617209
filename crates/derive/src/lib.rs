//! cotangent-derive
