//! The primitives that operations become, under one name.

pub(super) use crate::ops::arg_reduce::*;
pub(super) use crate::ops::binary::*;
pub(super) use crate::ops::bits::*;
pub(super) use crate::ops::compare::*;
pub(super) use crate::ops::complex::*;
pub(super) use crate::ops::conv::*;
pub(super) use crate::ops::convert::*;
pub(super) use crate::ops::dot::*;
pub(super) use crate::ops::dynamic::*;
pub(super) use crate::ops::fft::*;
pub(super) use crate::ops::gather::*;
pub(super) use crate::ops::linalg::*;
pub(super) use crate::ops::polygamma::*;
pub(super) use crate::ops::pow::*;
pub(super) use crate::ops::reduce::*;
pub(super) use crate::ops::reduce_window::*;
pub(super) use crate::ops::rng::*;
pub(super) use crate::ops::scatter::*;
pub(super) use crate::ops::select_window::*;
pub(super) use crate::ops::shape::*;
pub(super) use crate::ops::slice::*;
pub(super) use crate::ops::sort::*;
pub(super) use crate::ops::split::*;
pub(super) use crate::ops::threefry::*;
pub(super) use crate::ops::top_k::*;
pub(super) use crate::ops::unary::*;
