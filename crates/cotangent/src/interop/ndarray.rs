//! Conversions from and to arrays of the crate `ndarray`.

use ndarray::{ArrayBase, ArrayD, ArrayView, Data, Dimension};

use crate::array::Array;
use crate::array::dtype::Element;
use crate::error::{Error, OrRaise};

impl Array {
    /// The elements as an `ndarray` of the same shape.
    ///
    /// # Panics
    /// If [`try_to_vec`](Array::try_to_vec) returns an error.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let m = Array::from([[1, 2], [3, 4]]).to_ndarray::<i32>();
    /// assert_eq!(m[[1, 0]], 3);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn to_ndarray<T: Element>(&self) -> ArrayD<T> {
        ArrayD::from_shape_vec(self.shape(), self.to_vec()).map_err(|e| Error::shape(e.to_string())).or_raise()
    }
}

/// Takes over the memory of an array in row-major order; any other array is copied.
///
/// ```
/// use cotangent::prelude::*;
/// let x = ndarray::array![[1.0f32, 2.0], [3.0, 4.0]];
/// assert_eq!(Array::from(x.clone().reversed_axes()).to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
/// assert_eq!(Array::from(x).shape(), [2, 2]);
/// ```
impl<T: Element, D: Dimension> From<ndarray::Array<T, D>> for Array {
    fn from(array: ndarray::Array<T, D>) -> Array {
        if !array.is_standard_layout() {
            return Array::from(array.view());
        }
        let shape = array.shape().to_vec();
        let (mut data, offset) = array.into_raw_vec_and_offset();
        // A slice of an owned array still holds the elements before and after it.
        data.drain(..offset.unwrap_or(0));
        data.truncate(shape.iter().product());
        Array::from_vec(data, shape).or_raise()
    }
}

/// Copies the elements.
///
/// ```
/// use cotangent::prelude::*;
/// let x = ndarray::array![[1.0f32, 2.0], [3.0, 4.0]];
/// assert_eq!(Array::from(x.column(1)).to_vec::<f32>(), [2.0, 4.0]);
/// ```
impl<T: Element, D: Dimension> From<ArrayView<'_, T, D>> for Array {
    fn from(view: ArrayView<'_, T, D>) -> Array {
        Array::from_vec(view.iter().copied().collect(), view.shape()).or_raise()
    }
}

/// Copies the elements.
///
/// ```
/// use cotangent::prelude::*;
/// let x = ndarray::array![1.0f32, 2.0];
/// assert_eq!(Array::from(&x).to_vec::<f32>(), [1.0, 2.0]);
/// ```
impl<T: Element, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Array {
    fn from(array: &ArrayBase<S, D>) -> Array {
        Array::from(array.view())
    }
}
