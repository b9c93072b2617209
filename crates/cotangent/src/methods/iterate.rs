//! Iteration over arrays along the first axis.

use crate::array::Array;
use crate::error::{Error, OrRaise};

impl Array {
    /// Returns an iterator over the elements along the first axis. They are arrays with one dimension less.
    ///
    /// If the values are known, they are copied to the host at once. A traced array yields one slice for each element,
    /// and each slice becomes part of the program. For many elements, [`vmap`](crate::vmap) or
    /// [`lax::scan`](crate::lax::scan) is better.
    ///
    /// # Panics
    /// If the array is a scalar, or if its computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([[1, 2], [3, 4]]);
    /// let rows: Vec<Array> = x.iter().map(|row| row * 2).collect();
    /// assert_eq!(rows[1].to_vec::<i32>(), [6, 8]);
    /// ```
    #[track_caller]
    pub fn iter(&self) -> std::vec::IntoIter<Array> {
        self.into_iter()
    }
}

/// Iterates over the elements along the first axis.
///
/// # Panics
/// If the array is a scalar.
///
/// ```
/// use cotangent::prelude::*;
/// let sums: Vec<f32> = Array::from([[1.0f32, 2.0], [3.0, 4.0]]).into_iter().map(|row| row.sum().item()).collect();
/// assert_eq!(sums, [3.0, 7.0]);
/// ```
impl IntoIterator for Array {
    type Item = Array;
    type IntoIter = std::vec::IntoIter<Array>;

    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        (&self).into_iter()
    }
}

/// Iterates over the elements along the first axis, like [`Array::iter`].
impl IntoIterator for &Array {
    type Item = Array;
    type IntoIter = std::vec::IntoIter<Array>;

    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        let [n, inner @ ..] = self.shape() else {
            crate::error::raise(
                Error::shape(format!("{} is a scalar and cannot be iterated over", self.aval()))
                    .help("read it with `item`"),
            );
        };
        let (aval, step) = (self.aval().with_shape(inner), self.aval().byte_len() / n.max(&1));
        if self.is_traced() {
            let row = |i: usize| self.slice_axis(0, i, i + 1).reshape(inner);
            return (0..*n).map(row).collect::<Vec<_>>().into_iter();
        }
        let rows = self.with_bytes(|bytes| {
            let row = |i: usize| Array::of_bytes(bytes[i * step..(i + 1) * step].to_vec(), aval.clone());
            (0..*n).map(row).collect::<Vec<_>>()
        });
        rows.or_raise().into_iter()
    }
}
