//! Operations below `numpy`: control flow inside traced programs, communication between the elements of a mapped axis,
//! slices, gathers and scatters in their primitive form, convolutions, and reductions by a function over axes and
//! windows.

mod associative_scan;
mod closure;
mod collectives;
mod cond;
mod constant;
pub(crate) mod control_flow;
mod conv;
mod dot;
mod gather_scatter;
pub mod linalg;
mod loops;
mod patches;
mod ragged;
mod ragged_all_to_all;
mod random;
mod reduce;
mod scan;
mod sharding;
mod slicing;
mod solve;
mod step;

pub use crate::api::composite::{Composite, composite};
pub use crate::ops::precision::Precision;
pub use associative_scan::{AssociativeScan, associative_scan};
pub(crate) use closure::Closure;
pub use collectives::{
    AxisNames, all_gather, all_gather_along, all_to_all, all_to_all_tiled, axis_index, axis_size, pbroadcast, pmax,
    pmean, pmin, ppermute, pshuffle, psum, psum_scatter, psum_scatter_along, pswapaxes,
};
pub use cond::{cond, platform_dependent, switch};
pub use constant::constant;
pub use conv::{Conv, Padding, conv, conv_general_dilated, conv_transpose, conv_with_general_padding};
pub use dot::{DotGeneral, dot, dot_general};
pub use gather_scatter::*;
pub use loops::{fori_loop, repeat, while_loop};
pub use patches::{conv_general_dilated_local, conv_general_dilated_patches};
pub use ragged::{RaggedDot, ragged_dot, ragged_dot_general};
pub use ragged_all_to_all::ragged_all_to_all;
pub use random::{RandomAlgorithm, rng_bit_generator};
pub use reduce::{Window, avg_pool, cumlogsumexp, max_pool, reduce, reduce_window, top_k};
pub use scan::{Map, Scan, map, scan};
pub use sharding::with_sharding_constraint;
pub use slicing::{
    broadcast, collapse, dynamic_index_in_dim, dynamic_slice, dynamic_slice_in_dim, dynamic_update_index_in_dim,
    dynamic_update_slice, dynamic_update_slice_in_dim, index_in_dim, optimization_barrier, slice, slice_in_dim, split,
    squeeze,
};
pub(crate) use slicing::{widened_index, wrapped_index};
pub use solve::{LinearSolve, custom_linear_solve, custom_root};
pub use step::Step;
