//! The transforms of users, alone and composed: derivatives, batches, rules of one's own, control flow, and when
//! un-jitted programs are compiled. The truths are JAX's stored results and derivatives written out.

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
