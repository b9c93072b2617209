//! The libraries (`numpy`, `lax`, `scipy`, `random`) and indexing, against stored JAX results.

#[path = "../common/mod.rs"]
mod common;
#[path = "../goldens_lib/mod.rs"]
mod goldens_lib;

mod array_functions;
mod indexing;
mod laws;
mod lax;
mod lax_functions;
mod library_edges;
mod linalg_eigen;
mod linalg_functions;
mod linalg_half;
mod linalg_invariants;
mod linalg_kernels;
mod linalg_lu;
mod linalg_qr_svd;
mod linalg_threads;
mod losses;
mod matrix_functions;
mod nn;
mod nn_layers;
mod norm;
mod numpy;
mod numpy_functional;
mod numpy_functions;
mod optim;
mod optim_contrib;
mod optim_state;
mod random;
mod samplers;
mod signals;
mod special;
mod special_more;
mod stats;
mod stats_of_data;
