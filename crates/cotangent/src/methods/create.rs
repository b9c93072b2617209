//! Arrays from values.

use std::sync::Arc;

use crate::array::aval::{Aval, IntoShape};
use crate::array::dtype::{DType, Element};
use crate::array::literal::Literal;
use crate::array::memory::{HostBytes, Owned};
use crate::array::{Array, Repr};
use crate::error::{Error, Result};

impl Array {
    /// Creates an array from its elements in row-major order.
    ///
    /// # Errors
    /// If the number of elements does not match the shape.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = Array::from_vec(vec![1, 2, 3, 4, 5, 6], [2, 3]).unwrap();
    /// assert_eq!(x.to_string(), "[[1 2 3]\n [4 5 6]]");
    /// assert!(Array::from_vec(vec![1.0f32], [2, 3]).is_err());
    /// ```
    pub fn from_vec<T: Element>(data: Vec<T>, shape: impl IntoShape) -> Result<Array> {
        let aval = Aval::new(T::DTYPE, shape);
        if data.len() != aval.size() {
            return Err(Error::shape(format!(
                "{} elements do not fit shape {}, which has {}",
                data.len(),
                aval.shape,
                aval.size()
            )));
        }
        if aval.rank() == 0 {
            return Ok(Array(Repr::Scalar(Literal::strong(data[0]))));
        }
        Ok(Array::from_host(HostBytes(Arc::new(Owned(data))), aval))
    }

    /// Creates a strongly typed scalar. Its dtype is that of the Rust type and does not give way to others in
    /// promotion.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::scalar(3.0f64).dtype(), DType::F64);
    /// assert_eq!(Array::from(3.0f64).dtype(), DType::F32); // a Rust literal: weakly typed
    /// ```
    pub fn scalar<T: Element>(value: T) -> Array {
        Array(Repr::Scalar(Literal::strong(value)))
    }

    /// Creates an array from the bytes of its elements, in row-major order and little-endian, as they are in memory. A
    /// complex number starts with its real part, and a boolean is one byte. The bytes need no alignment.
    ///
    /// # Errors
    /// If the number of bytes does not match the dtype and the shape, or if a boolean is neither 0 nor 1.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from_bytes(&[0, 0, 128, 63, 0, 0, 0, 64], DType::F32, [2]).unwrap();
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
    /// assert!(Array::from_bytes(&[0, 0], DType::F32, [2]).is_err());
    /// ```
    pub fn from_bytes(bytes: impl Into<Vec<u8>>, dtype: DType, shape: impl IntoShape) -> Result<Array> {
        let (bytes, aval) = (bytes.into(), Aval::new(dtype, shape));
        if bytes.len() != aval.byte_len() {
            let message = format!("{} bytes do not fit {aval}, which has {}", bytes.len(), aval.byte_len());
            return Err(Error::shape(message));
        }
        if dtype == DType::Bool && bytes.iter().any(|b| *b > 1) {
            return Err(Error::value("a boolean must be a byte of 0 or 1"));
        }
        Ok(Array::of_bytes(bytes, aval))
    }

    /// Creates an array that has only a shape and a dtype. It takes no memory, and serves as an argument of
    /// [`eval_shape`](crate::eval_shape) and [`linear_transpose`](crate::linear_transpose). JAX calls it a
    /// `ShapeDtypeStruct`.
    ///
    /// Using it as a value is an error.
    ///
    /// ```
    /// use cotangent::{eval_shape, prelude::*};
    /// let huge = Array::shape_dtype_struct([1_000_000, 1_000_000], DType::F32);
    /// assert_eq!(eval_shape(|x: &Array| x.sum())(&huge).ndim(), 0);
    /// ```
    pub fn shape_dtype_struct(shape: impl IntoShape, dtype: DType) -> Array {
        Array::of_aval(&Aval::new(dtype, shape))
    }
}
