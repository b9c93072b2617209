//! Control flow inside traced programs: loops and choices that the compiled program makes.

mod control_flow;

pub use control_flow::{Scan, cond, fori_loop, map, scan, switch, while_loop};
