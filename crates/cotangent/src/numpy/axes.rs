//! What may be given where axes are wanted.

use crate::core::aval::canonical_axis;
use crate::core::error::{Error, ErrorKind, Result};

/// One axis or several: `-1`, `[0, 2]`, a slice, a `Vec`; `()` means all.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(np::sum_axis(&x, -1).to_vec::<f32>(), [3.0, 7.0]);
/// assert_eq!(np::sum_axis(&x, [0, 1]).item::<f32>(), 10.0);
/// assert_eq!(np::sum_axis(&x, ()).item::<f32>(), 10.0);
/// ```
pub trait Axes {
    /// The axes of an array of `rank` dimensions, counted from the front and ascending.
    ///
    /// # Errors
    /// When an axis is out of bounds or named twice.
    fn resolve(self, rank: usize) -> Result<Vec<usize>>;
}

fn several(axes: impl Iterator<Item = isize>, rank: usize) -> Result<Vec<usize>> {
    let mut axes = axes.map(|a| canonical_axis(a, rank)).collect::<Result<Vec<_>>>()?;
    axes.sort_unstable();
    match axes.windows(2).find(|w| w[0] == w[1]) {
        Some(twice) => Err(Error::new(ErrorKind::Axis, format!("axis {} is named twice", twice[0]))),
        None => Ok(axes),
    }
}

impl Axes for () {
    fn resolve(self, rank: usize) -> Result<Vec<usize>> {
        Ok((0..rank).collect())
    }
}

macro_rules! axes {
    ($($t:ty),*) => { $(
        impl Axes for $t {
            fn resolve(self, rank: usize) -> Result<Vec<usize>> {
                several(std::iter::once(self as isize), rank)
            }
        }
        impl<const N: usize> Axes for [$t; N] {
            fn resolve(self, rank: usize) -> Result<Vec<usize>> {
                several(self.iter().map(|a| *a as isize), rank)
            }
        }
        impl Axes for &[$t] {
            fn resolve(self, rank: usize) -> Result<Vec<usize>> {
                several(self.iter().map(|a| *a as isize), rank)
            }
        }
        impl Axes for Vec<$t> {
            fn resolve(self, rank: usize) -> Result<Vec<usize>> {
                self.as_slice().resolve(rank)
            }
        }
    )* };
}

axes!(i32, isize, usize);
