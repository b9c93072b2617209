//! `Array`, the only array type (a host scalar, a concrete array, or a traced handle), with dtypes, avals, literals, promotion
//! and the names of devices. Not here: methods that operate on arrays, which are in `methods`, and clients, in `runtime`.

pub(crate) mod array_like;
pub(crate) mod aval;
pub(crate) mod device;
pub(crate) mod dtype;
pub(crate) mod handle;
pub(crate) mod inline_vec;
pub(crate) mod literal;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod modes;
pub(crate) mod platform;
pub(crate) mod promote;

use std::sync::Arc;

use aval::Aval;
use device::Place;
use dtype::DType;
use literal::Literal;
use memory::{Buffer, Concrete, HostBytes, Owned};

use crate::error::{Error, raise};

pub use array_like::{ArrayLike, Arrays, Whole};
pub use handle::Var;
pub(crate) use handle::{FrameId, Traced};
pub use inline_vec::{Elements, InlineVec};

/// An n-dimensional array.
///
/// It is either concrete (on the host, on a device, or both) or *traced*: a name for a value that a transformed
/// function will compute. The same code works on both. Cloning is cheap and shares the value.
///
/// `Array::from` of a `Vec`, a slice or an array keeps the type of the elements: a `Vec<f64>` becomes an `f64` array,
/// and so does `[0.1, 0.2]`, whose elements are `f64` in Rust. [`numpy::array`](crate::numpy::array) converts such a
/// literal to `f32`, as JAX does. A scalar is weakly typed, like a Python number in JAX: its dtype gives way to that of
/// other operands.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from(vec![1.0f32, 2.0, 3.0]);
/// let y = 2.0 * &x + 1.0;
/// assert_eq!(y.to_vec::<f32>(), [3.0, 5.0, 7.0]);
/// assert_eq!(y.shape(), [3]);
/// ```
#[derive(Clone)]
#[must_use = "operations return a new array and do not change their operands"]
pub struct Array(pub(crate) Repr);

#[derive(Clone)]
pub(crate) enum Repr {
    /// A scalar on the host. It becomes a literal wherever it is traced.
    Scalar(Literal),
    /// A value in host or device memory.
    Concrete(Arc<Concrete>),
    /// A variable of a frame.
    Traced(Traced),
}

impl Array {
    pub(crate) fn literal(literal: Literal) -> Array {
        Array(Repr::Scalar(literal))
    }

    pub(crate) fn from_host(bytes: HostBytes, aval: Aval) -> Array {
        Array::from_host_at(bytes, aval, Place::uncommitted())
    }

    pub(crate) fn from_host_at(bytes: HostBytes, aval: Aval, place: Place) -> Array {
        Array(Repr::Concrete(live::shared(Concrete::on_host(bytes, aval, place))))
    }

    /// [`from_bytes`](Array::from_bytes) for exactly as many bytes as `aval` takes.
    pub(crate) fn of_bytes(bytes: Vec<u8>, aval: Aval) -> Array {
        if aval.rank() == 0 {
            return Array::literal(Literal::from_bytes(aval.dtype, aval.weak_type, &bytes));
        }
        Array::from_host(HostBytes(Arc::new(Owned(bytes))), aval)
    }

    pub(crate) fn from_device(buffer: Arc<dyn Buffer>, aval: Aval, place: Place) -> Array {
        Array(Repr::Concrete(live::shared(Concrete::on_device(buffer, aval, place))))
    }

    /// Its abstract value: shape, dtype and weak type.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1.0f32, 2.0]).aval().to_string(), "f32[2]");
    /// ```
    #[must_use]
    pub fn aval(&self) -> Aval {
        match &self.0 {
            Repr::Scalar(literal) => literal.aval(),
            Repr::Concrete(concrete) => concrete.aval().clone(),
            Repr::Traced(traced) => traced.aval.clone(),
        }
    }

    /// The device memory of an array without other handles, which nothing else uses, or the array.
    pub(crate) fn into_unique_buffer(self) -> std::result::Result<(Arc<dyn Buffer>, Aval, Place), Array> {
        let Repr::Concrete(concrete) = self.0 else { return Err(self) };
        let concrete = Arc::try_unwrap(concrete).map_err(|shared| Array(Repr::Concrete(shared)))?;
        concrete.into_device().map_err(|concrete| Array(Repr::Concrete(live::shared(concrete))))
    }

    fn aval_ref(&self) -> Option<&Aval> {
        match &self.0 {
            Repr::Scalar(_) => None,
            Repr::Concrete(concrete) => Some(concrete.aval()),
            Repr::Traced(traced) => Some(&traced.aval),
        }
    }

    /// The sizes of its dimensions.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2], [3, 4]]).shape(), [2, 2]);
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.aval_ref().map_or(&[], |aval| &aval.shape)
    }

    /// The number of dimensions.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2], [3, 4]]).ndim(), 2);
    /// ```
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// The size of the first axis, like Python's `len`. The number of all elements is [`size`](Array::size).
    ///
    /// # Panics
    /// If the array is a scalar.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2, 3], [4, 5, 6]]).len(), 2);
    /// ```
    #[track_caller]
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "`size` says whether there are elements")]
    pub fn len(&self) -> usize {
        match self.shape() {
            [n, ..] => *n,
            [] => raise(Error::shape(format!("{} is a scalar and has no length", self.aval()))),
        }
    }

    /// The number of elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2], [3, 4]]).size(), 4);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape().iter().product()
    }

    /// The type of its elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([1, 2]).dtype(), DType::I32);
    /// ```
    #[must_use]
    pub fn dtype(&self) -> DType {
        match &self.0 {
            Repr::Scalar(literal) => literal.dtype(),
            Repr::Concrete(concrete) => concrete.aval().dtype,
            Repr::Traced(traced) => traced.aval.dtype,
        }
    }

    /// Whether its dtype gives way to that of another operand, as a Rust literal's does.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert!(Array::from(1.0).weak_type());
    /// assert!(!Array::scalar(1.0f32).weak_type());
    /// ```
    #[must_use]
    pub fn weak_type(&self) -> bool {
        match &self.0 {
            Repr::Scalar(literal) => literal.weak_type(),
            Repr::Concrete(concrete) => concrete.aval().weak_type,
            Repr::Traced(traced) => traced.aval.weak_type,
        }
    }

    /// Whether it stands for a value that is not computed yet.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| {
    ///     assert!(x.is_traced());
    ///     x + 1.0
    /// });
    /// assert!(!f(&2.0.into()).is_traced());
    /// ```
    #[must_use]
    pub fn is_traced(&self) -> bool {
        matches!(self.0, Repr::Traced(_))
    }

    pub(crate) fn traced(&self) -> Option<&Traced> {
        match &self.0 {
            Repr::Traced(traced) => Some(traced),
            _ => None,
        }
    }

    pub(crate) fn of_aval(aval: &Aval) -> Array {
        Array(Repr::Traced(Traced { frame: FrameId::NONE, var: Var(0), aval: aval.clone() }))
    }
}
