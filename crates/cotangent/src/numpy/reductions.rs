//! Reductions of all elements or over axes, and cumulative operations.

use crate::array::{Array, ArrayLike};
use crate::methods::axes::Axes;
use crate::methods::reductions::{arg_reductions, cumulative, reductions};

/// Defines functions that call the method of an array, for all elements and for some axes.
macro_rules! reduction_functions {
    ($($(#[$doc:meta])* $name:ident $axis:ident $keep:ident: $f:path;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike) -> Array {
            x.to_array().$name()
        }

        #[doc = concat!("Like [`", stringify!($name), "()`], but over some axes, which are removed from the result.")]
        #[track_caller]
        pub fn $axis(x: impl ArrayLike, axes: impl Axes) -> Array {
            x.to_array().$axis(axes)
        }

        #[doc = concat!("Like [`", stringify!($name), "()`], but over some axes, which remain with size one.")]
        #[track_caller]
        pub fn $keep(x: impl ArrayLike, axes: impl Axes) -> Array {
            x.to_array().$keep(axes)
        }
    )* };
}
pub(super) use reduction_functions;

macro_rules! arg_reduction_functions {
    ($($(#[$doc:meta])* $name:ident $axis:ident $keep:ident: $T:ident;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike) -> Array {
            x.to_array().$name()
        }

        #[doc = concat!("Like [`", stringify!($name), "`], but along an axis, which is removed from the result.")]
        ///
        /// # Panics
        /// If the axis is empty or out of bounds.
        #[track_caller]
        pub fn $axis(x: impl ArrayLike, axis: isize) -> Array {
            x.to_array().$axis(axis)
        }

        #[doc = concat!("Like [`", stringify!($name), "`], but along an axis, which remains with size one.")]
        ///
        /// # Panics
        /// If the axis is empty or out of bounds.
        #[track_caller]
        pub fn $keep(x: impl ArrayLike, axis: isize) -> Array {
            x.to_array().$axis(axis).expand_dims(axis)
        }
    )* };
}

macro_rules! cumulative_functions {
    ($($(#[$doc:meta])* $name:ident $axis:ident: $T:ident, $widen:expr;)*) => { $(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(x: impl ArrayLike) -> Array {
            x.to_array().$name()
        }

        #[doc = concat!("Like [`", stringify!($name), "`], but along an axis. The shape is unchanged.")]
        ///
        /// # Panics
        /// If the axis is out of bounds.
        #[track_caller]
        pub fn $axis(x: impl ArrayLike, axis: isize) -> Array {
            x.to_array().$axis(axis)
        }
    )* };
}

reductions!(reduction_functions);
arg_reductions!(arg_reduction_functions);
cumulative!(cumulative_functions);
