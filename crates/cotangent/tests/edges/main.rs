//! What goes wrong at the edges: special points, ties, extreme sizes, narrow types, values computed twice. A file for each
//! subject. The truths are JAX's stored results, mpmath's at 50 digits where JAX is wrong (docs/differences.md), and laws.

#[path = "../common/mod.rs"]
mod common;
#[path = "../goldens_lib/mod.rs"]
mod goldens_lib;

mod complex;
mod constants;
mod control;
mod control_errors;
mod cost;
mod cumulative;
mod display;
mod elementary;
mod excuses;
mod linalg;
mod points;
mod random;
mod selection;
mod semantics;
mod special;
mod spread;
mod values;
mod windows;
