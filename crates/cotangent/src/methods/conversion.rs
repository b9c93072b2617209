//! Conversions between dtypes.

use crate::array::dtype::DType;
use crate::array::{Array, Repr};
use crate::ops::convert::{BitcastConvertType, ConvertElementType};
use crate::trace::frames::bind1;

impl Array {
    /// Converts the elements to another dtype, by NumPy's rules. Floats become integers by dropping the fraction,
    /// complex numbers become real by dropping the imaginary part, and any number becomes `bool` by comparison with
    /// zero.
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
            // A Rust number beside an array is converted to its dtype from its full value, before anything is computed.
            Repr::Scalar(literal) if literal.weak_type() => Array::literal(literal.convert(dtype, weak)),
            _ => bind1(ConvertElementType { dtype, weak }, &[self]),
        }
    }

    /// Reinterprets the bits of the elements as another dtype.
    ///
    /// If the dtype is narrower, each element becomes several, the lowest bits first, along a new last dimension. If it
    /// is wider, the last dimension holds the parts of each element.
    ///
    /// # Panics
    /// If one of the dtypes is `bool` or complex and they differ, or if the size of the last dimension is not the
    /// number of parts.
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

    /// Converts to `dtype`. An array that has this dtype already is returned unchanged, weakly typed or not.
    #[track_caller]
    pub(crate) fn in_dtype(&self, dtype: DType) -> Array {
        if self.dtype() == dtype { self.clone() } else { self.astype(dtype) }
    }

    /// Converts integers and booleans to floats. Other arrays are returned unchanged.
    #[track_caller]
    pub(crate) fn to_inexact(&self) -> Array {
        if self.dtype().is_inexact() { self.clone() } else { self.convert(DType::F32, self.weak_type()) }
    }
}
