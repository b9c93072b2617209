//! cotangent-xla
