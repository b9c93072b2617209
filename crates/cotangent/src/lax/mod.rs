//! Control flow inside traced programs, loops and choices that the compiled program makes, and communication between
//! the elements of a mapped axis.

mod associative_scan;
mod collectives;
mod control_flow;
mod solve;

pub use associative_scan::{AssociativeScan, associative_scan};
pub use collectives::{
    AxisNames, all_gather, all_gather_along, all_to_all, all_to_all_tiled, axis_index, axis_size, pbroadcast, pmax,
    pmean, pmin, ppermute, pshuffle, psum, psum_scatter, psum_scatter_along, pswapaxes,
};
pub use control_flow::{Scan, cond, fori_loop, map, scan, switch, while_loop};
pub use solve::{LinearSolve, custom_linear_solve, custom_root};
