//! Control flow inside traced programs: loops and choices that the compiled program makes.

mod associative_scan;
mod control_flow;
mod solve;

pub use associative_scan::{AssociativeScan, associative_scan};
pub use control_flow::{Scan, cond, fori_loop, map, scan, switch, while_loop};
pub use solve::{LinearSolve, custom_linear_solve, custom_root};
