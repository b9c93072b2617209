//! A model that JAX exported, behind HTTP.
//!
//! The threads of the server never run the model: requests go into a bounded queue, and one thread takes them out in batches.

mod batching;
mod json;
mod routes;

pub use batching::{Limits, Model, Queue, Refusal};
pub use routes::Server;
