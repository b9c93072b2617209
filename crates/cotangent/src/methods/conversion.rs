//! The same values in another dtype.

use crate::array::dtype::DType;
use crate::array::{Array, Repr};
use crate::ops::convert::{BitcastConvertType, ConvertElementType};
use crate::trace::frames::bind1;

impl Array {
    /// The same numbers in another dtype, as NumPy converts: floats to integers by dropping the fraction,
    /// complex to real by dropping the imaginary part, anything to `bool` by comparing with zero.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.9f32, -1.9]).astype(DType::I32).to_vec::<i32>(), [1, -1]);
    /// ```
    #[track_caller]
    pub fn astype(&self, dtype: DType) -> Array {
        self.convert(dtype, false)
    }

    #[track_caller]
    pub(crate) fn convert(&self, dtype: DType, weak: bool) -> Array {
        if self.dtype() == dtype && self.weak_type() == weak {
            return self.clone();
        }
        match &self.0 {
            // A Rust number beside an array: it takes its dtype before anything is computed, from its own full value.
            Repr::Scalar(literal) if literal.weak_type() => Array::literal(literal.convert(dtype, weak)),
            _ => bind1(ConvertElementType { dtype, weak }, &[self]),
        }
    }

    /// The same bits read as another dtype. Of a narrower one, several come from each element, the lowest bits first,
    /// along a new last dimension; of a wider one, the last dimension holds the parts of each element.
    ///
    /// # Panics
    /// When one of the dtypes is `bool` or complex and they differ, or the last dimension does not make one element.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.0f32]).bitcast(DType::U32).to_vec::<u32>(), [0x3f80_0000]);
    /// let halves = Array::from([1.0f32]).bitcast(DType::U16);
    /// assert_eq!(halves.shape(), [1, 2]);
    /// assert_eq!(halves.bitcast(DType::F32).to_vec::<f32>(), [1.0]);
    /// ```
    #[track_caller]
    pub fn bitcast(&self, dtype: DType) -> Array {
        bind1(BitcastConvertType { dtype }, &[self])
    }

    /// The same in `dtype`, weakly typed or not as it was if that is its dtype already.
    #[track_caller]
    pub(crate) fn in_dtype(&self, dtype: DType) -> Array {
        if self.dtype() == dtype { self.clone() } else { self.astype(dtype) }
    }

    /// Integers and truth values as floats; what is floating-point already stays.
    #[track_caller]
    pub(crate) fn to_inexact(&self) -> Array {
        if self.dtype().is_inexact() { self.clone() } else { self.convert(DType::F32, self.weak_type()) }
    }
}
