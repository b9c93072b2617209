//! The public transforms, alone and composed: derivatives, batches, custom rules, control flow, and the compilation of
//! un-jitted programs. The expected values are stored JAX results and derivatives written out by hand.

#[path = "../common/mod.rs"]
mod common;
#[path = "../goldens_lib/mod.rs"]
mod goldens_lib;

mod complex_grads;
mod composed;
mod control;
mod custom;
mod custom_vmap;
mod jacobians;
mod unjitted;
mod vmap;
