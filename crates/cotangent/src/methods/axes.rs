//! The types that select axes.

use crate::array::aval::{canonical_axis, distinct};
use crate::error::Result;

/// One axis or several: `-1`, `(0, 2)`, `[0, 2]`, a slice or a `Vec`. `()` selects all axes.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(np::sum_axis(&x, -1).to_vec::<f32>(), [3.0, 7.0]);
/// assert_eq!(np::sum_axis(&x, (0, 1)).item::<f32>(), 10.0);
/// assert_eq!(np::sum_axis(&x, ()).item::<f32>(), 10.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name axes",
    label = "axes are integers: `-1`, `(0, 2)`, `[0, 2]`, a slice or a `Vec`; `()` means all",
    note = "NumPy's `axis=None` is `()`, or the function without `_axis` in its name"
)]
pub trait Axes {
    /// Returns the selected axes of an array of `rank` dimensions in the order given, counted from the front. `()`
    /// selects all axes, the last one first.
    ///
    /// # Errors
    /// If an axis is out of bounds or given twice.
    fn in_order(self, rank: usize) -> Result<Vec<usize>>;

    /// Returns the selected axes of an array of `rank` dimensions, counted from the front, in ascending order.
    ///
    /// # Errors
    /// If an axis is out of bounds or given twice.
    fn resolve(self, rank: usize) -> Result<Vec<usize>>
    where
        Self: Sized,
    {
        let mut axes = self.in_order(rank)?;
        axes.sort_unstable();
        Ok(axes)
    }

    /// Returns whether all axes are selected because none is named.
    fn is_all(&self) -> bool {
        false
    }
}

fn several(axes: impl Iterator<Item = isize>, rank: usize) -> Result<Vec<usize>> {
    let axes = axes.map(|a| canonical_axis(a, rank)).collect::<Result<Vec<_>>>()?;
    distinct(&axes)?;
    Ok(axes)
}

impl Axes for () {
    fn in_order(self, rank: usize) -> Result<Vec<usize>> {
        Ok((0..rank).rev().collect())
    }

    fn is_all(&self) -> bool {
        true
    }
}

/// An integer type that selects one axis.
///
/// ```
/// use cotangent::numpy as np;
/// let last: isize = -1;
/// assert_eq!(np::sum_axis(np::ones([2, 3]), (0, last)).item::<f32>(), 6.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an axis",
    label = "an axis is an `i32`, `i64`, `isize` or `usize`, counted from the end when negative"
)]
pub trait Axis: Copy {
    /// Returns the axis. A negative axis counts from the end.
    fn axis(self) -> isize;
}

macro_rules! axis {
    ($($t:ty),*) => { $(
        impl Axis for $t {
            fn axis(self) -> isize {
                self as isize
            }
        }
        impl Axes for $t {
            fn in_order(self, rank: usize) -> Result<Vec<usize>> {
                several(std::iter::once(self.axis()), rank)
            }
        }
    )* };
}

axis!(i32, i64, isize, usize);

macro_rules! lists {
    ($({$($generic:tt)*} $T:ty;)*) => { $(
        impl<A: Axis, $($generic)*> Axes for $T {
            fn in_order(self, rank: usize) -> Result<Vec<usize>> {
                several(self.iter().map(|a| a.axis()), rank)
            }
        }
    )* };
}

lists! {
    {const N: usize} [A; N];
    {const N: usize} &[A; N];
    {} &[A];
    {} Vec<A>;
    {} &Vec<A>;
}

macro_rules! tuples {
    ($($($T:ident $x:ident),+;)*) => { $(
        impl<$($T: Axis),+> Axes for ($($T,)+) {
            fn in_order(self, rank: usize) -> Result<Vec<usize>> {
                let ($($x,)+) = self;
                several([$($x.axis()),+].into_iter(), rank)
            }
        }
    )* };
}

tuples! {
    A a;
    A a, B b;
    A a, B b, C c;
    A a, B b, C c, D d;
    A a, B b, C c, D d, E e;
    A a, B b, C c, D d, E e, F f;
}
