//! Edge cases: special points, ties, extreme sizes, narrow dtypes, and values computed twice, with a file for each
//! subject. The expected values are JAX's stored results, mpmath's at 50 digits where JAX is wrong
//! (docs/differences.md), and mathematical identities.

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
