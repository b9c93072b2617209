//! What a JAX user's first attempt says, in Rust.
