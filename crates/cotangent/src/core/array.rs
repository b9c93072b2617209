//! The one array type: a host scalar, a concrete array, or a traced handle.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::aval::{Aval, IntoShape};
use super::backend::{Buffer, backend};
use super::dtype::{DType, Element, with_element};
use super::error::{Error, ErrorKind, OrRaise, Result};
use super::jaxpr::Var;
use super::literal::{Literal, Scalar};
use super::read::{exact, inexact, readable};
use super::trace;

pub use super::array_like::{ArrayLike, Arrays, Whole};
pub use super::read::Read;

/// An n-dimensional array.
///
/// It is either concrete (on the host, on a device, or both) or *traced*: a name for a value that a
/// transformed function will compute. The same code works on both; cloning is cheap and shares.
///
/// `Array::from` of a `Vec`, a slice or an array keeps the type of the elements: of `Vec<f64>` it makes an `f64` array, and
/// so it does of `[0.1, 0.2]`, whose elements Rust takes for `f64`. What JAX makes of such a literal, `f32`, makes
/// [`numpy::array`](crate::numpy::array). A scalar is weakly typed, as a number of Python is in JAX, and gives way to what
/// it meets.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from(vec![1.0f32, 2.0, 3.0]);
/// let y = 2.0 * &x + 1.0;
/// assert_eq!(y.to_vec::<f32>(), [3.0, 5.0, 7.0]);
/// assert_eq!(y.shape(), [3]);
/// ```
#[derive(Clone)]
#[must_use = "an operation returns another array and changes none"]
pub struct Array(pub(crate) Repr);

#[derive(Clone)]
pub(crate) enum Repr {
    /// A scalar on the host: becomes a literal wherever it is traced.
    Scalar(Literal),
    /// A value in host or device memory.
    Concrete(Arc<Concrete>),
    /// A variable of a frame.
    Traced(Traced),
}

#[derive(Clone, Debug)]
pub(crate) struct Traced {
    pub(crate) frame: trace::FrameId,
    pub(crate) var: Var,
    pub(crate) aval: Aval,
}

/// Host memory that a device may read while it is alive.
#[derive(Clone)]
pub(crate) struct HostBytes(pub(crate) Arc<dyn AsRef<[u8]> + Send + Sync>);

pub(super) struct Owned<T>(pub(super) Vec<T>);

impl<T: bytemuck::NoUninit> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl AsRef<[u8]> for HostBytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// A concrete value: host memory, device memory or both, each made from the other when first asked for.
pub(crate) struct Concrete {
    aval: Aval,
    host: OnceLock<HostBytes>,
    device: OnceLock<Arc<dyn Buffer>>,
}

impl Concrete {
    pub(crate) fn aval(&self) -> &Aval {
        &self.aval
    }

    /// The value on the device, brought there if need be.
    pub(crate) fn device(&self) -> Result<&Arc<dyn Buffer>> {
        if let Some(buffer) = self.device.get() {
            return Ok(buffer);
        }
        let Some(host) = self.host.get() else { unreachable!("a concrete array is in some memory") };
        let buffer = backend().upload(host, &self.aval)?;
        Ok(self.device.get_or_init(|| buffer))
    }

    /// The value's bytes, row-major.
    fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        if let Some(host) = self.host.get() {
            return Ok(f(host.as_ref()));
        }
        let Some(buffer) = self.device.get() else { unreachable!("a concrete array is in some memory") };
        let (mut f, mut result) = (Some(f), None);
        buffer.view(&mut |bytes| result = f.take().map(|f| f(bytes)))?;
        let Some(result) = result else { unreachable!("a view shows the bytes once") };
        Ok(result)
    }
}

impl Array {
    /// An array from its elements in row-major order.
    ///
    /// # Errors
    /// When the number of elements is not that of the shape.
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
            return Err(Error::shape(format!("{} elements do not fill an array of shape {}", data.len(), aval.shape)));
        }
        if aval.rank() == 0 {
            return Ok(Array(Repr::Scalar(Literal::strong(data[0]))));
        }
        Ok(Array::from_host(HostBytes(Arc::new(Owned(data))), aval))
    }

    /// A strongly typed scalar: its dtype is that of the Rust type and does not give way.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::scalar(3.0f64).dtype(), DType::F64);
    /// assert_eq!(Array::from(3.0f64).dtype(), DType::F32); // a Rust literal: weakly typed
    /// ```
    pub fn scalar<T: Element>(value: T) -> Array {
        Array(Repr::Scalar(Literal::strong(value)))
    }

    pub(crate) fn literal(literal: Literal) -> Array {
        Array(Repr::Scalar(literal))
    }

    pub(crate) fn from_host(bytes: HostBytes, aval: Aval) -> Array {
        Array(Repr::Concrete(Arc::new(Concrete { aval, host: bytes.into(), device: OnceLock::new() })))
    }

    /// An array from the bytes of its elements, in row-major order: little-endian, as they lie in memory, complex numbers
    /// with the real part first, truth values a byte each. The bytes need no alignment.
    ///
    /// # Errors
    /// When there are more or fewer bytes than elements of that dtype fill, or a truth value is neither 0 nor 1.
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
            let message = format!("{} bytes are no array of {aval}, which has {}", bytes.len(), aval.byte_len());
            return Err(Error::shape(message));
        }
        if dtype == DType::Bool && bytes.iter().any(|b| *b > 1) {
            return Err(Error::value("a truth value is a byte of 0 or 1"));
        }
        Ok(Array::of_bytes(bytes, aval))
    }

    /// [`from_bytes`](Array::from_bytes) of as many bytes as `aval` takes.
    pub(crate) fn of_bytes(bytes: Vec<u8>, aval: Aval) -> Array {
        if aval.rank() == 0 {
            return Array::literal(Literal::from_bytes(aval.dtype, aval.weak_type, &bytes));
        }
        Array::from_host(HostBytes(Arc::new(Owned(bytes))), aval)
    }

    /// The bytes of the elements, as [`from_bytes`](Array::from_bytes) takes them.
    ///
    /// # Errors
    /// When the array is traced and has no value yet, or the computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([1i16, 256]);
    /// assert_eq!(x.to_bytes().unwrap(), [1, 0, 0, 1]);
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.with_bytes(<[u8]>::to_vec)
    }

    pub(crate) fn from_device(buffer: Arc<dyn Buffer>, aval: Aval) -> Array {
        Array(Repr::Concrete(Arc::new(Concrete { aval, host: OnceLock::new(), device: buffer.into() })))
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
            Repr::Concrete(concrete) => concrete.aval.clone(),
            Repr::Traced(traced) => traced.aval.clone(),
        }
    }

    /// The device memory of an array that nobody else has and that is not on the host as well, or the array.
    pub(crate) fn into_unique_buffer(self) -> std::result::Result<(Arc<dyn Buffer>, Aval), Array> {
        let Repr::Concrete(concrete) = self.0 else { return Err(self) };
        let concrete = Arc::try_unwrap(concrete).map_err(|shared| Array(Repr::Concrete(shared)))?;
        let Concrete { aval, host, device } = concrete;
        match (host.into_inner(), device.into_inner()) {
            (None, Some(buffer)) => Ok((buffer, aval)),
            (host, device) => {
                let cell = |device: Option<Arc<dyn Buffer>>| device.map_or_else(OnceLock::new, OnceLock::from);
                let host = host.map_or_else(OnceLock::new, OnceLock::from);
                Err(Array(Repr::Concrete(Arc::new(Concrete { aval, host, device: cell(device) }))))
            }
        }
    }

    /// Where the array lies in device memory, as a number; it is brought there if need be. Two arrays with the same
    /// address share their memory, as a donated argument and a result do.
    ///
    /// # Errors
    /// When it is traced, or its computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from(vec![1.0f32; 1000]);
    /// assert_eq!(x.buffer_address().unwrap(), x.clone().buffer_address().unwrap());
    /// ```
    pub fn buffer_address(&self) -> Result<usize> {
        match &self.concrete()?.0 {
            Repr::Concrete(concrete) => concrete.device()?.address(),
            _ => Err(Error::value("a scalar on the host has no buffer")),
        }
    }

    fn aval_ref(&self) -> Option<&Aval> {
        match &self.0 {
            Repr::Scalar(_) => None,
            Repr::Concrete(concrete) => Some(&concrete.aval),
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

    /// The size of the first axis, as Python's `len` gives it. The number of all elements is [`size`](Array::size).
    ///
    /// # Panics
    /// When the array is a scalar.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from([[1, 2, 3], [4, 5, 6]]).len(), 2);
    /// ```
    #[track_caller]
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "whether there are elements is a question of `size`")]
    pub fn len(&self) -> usize {
        match self.shape() {
            [n, ..] => *n,
            [] => super::error::raise(Error::shape(format!("{} is a scalar: it has no length", self.aval()))),
        }
    }

    /// The elements along the first axis, one after the other: arrays of one dimension less. Values that are known are
    /// copied to the host at once; a traced array gives a slice for each, which becomes part of the program, so that
    /// [`vmap`](crate::vmap) and [`lax::scan`](crate::lax::scan) are better for many.
    ///
    /// # Panics
    /// When the array is a scalar, or its computation failed.
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
            Repr::Concrete(concrete) => concrete.aval.dtype,
            Repr::Traced(traced) => traced.aval.dtype,
        }
    }

    /// Whether its dtype gives way to that of what it meets, as a Rust literal's does.
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
            Repr::Concrete(concrete) => concrete.aval.weak_type,
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
        Array(Repr::Traced(Traced { frame: trace::FrameId::NONE, var: Var(0), aval: aval.clone() }))
    }

    /// An array of which only shape and dtype are known: an argument for [`eval_shape`](crate::eval_shape) and
    /// [`linear_transpose`](crate::linear_transpose) that takes no memory. It is what JAX calls a `ShapeDtypeStruct`.
    ///
    /// Using it as a value is an error that says so.
    ///
    /// ```
    /// use cotangent::{eval_shape, prelude::*};
    /// let huge = Array::shape_dtype_struct([1_000_000, 1_000_000], DType::F32);
    /// assert_eq!(eval_shape(|x: &Array| x.sum())(&huge).shape(), []);
    /// ```
    pub fn shape_dtype_struct(shape: impl IntoShape, dtype: DType) -> Array {
        Array::of_aval(&Aval::new(dtype, shape))
    }

    /// The concrete value, computed now if the array is traced and its inputs are known.
    ///
    /// # Errors
    /// Under `jit` and `vmap`, where there is no single value to read.
    pub(crate) fn concrete(&self) -> Result<Array> {
        match &self.0 {
            Repr::Traced(traced) => trace::read(traced),
            _ => Ok(self.clone()),
        }
    }

    /// Calls `f` with the bytes of the value in row-major order.
    pub(crate) fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        match &self.concrete()?.0 {
            Repr::Scalar(literal) => Ok(f(&literal.bytes())),
            Repr::Concrete(concrete) => concrete.with_bytes(f),
            Repr::Traced(_) => unreachable!("`concrete` gives a concrete array"),
        }
    }

    /// The scalar of a concrete array of rank 0, if its value is at hand.
    pub(crate) fn to_literal(&self) -> Result<Literal> {
        let (dtype, weak) = (self.dtype(), self.weak_type());
        match &self.0 {
            Repr::Scalar(literal) => Ok(*literal),
            _ => self.with_bytes(|bytes| Literal::from_bytes(dtype, weak, bytes)),
        }
    }

    /// Waits until the value has been computed; reading does so by itself.
    ///
    /// # Errors
    /// When the computation failed on the device, or the array is traced under `jit`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = 2.0 * &Array::from([1.0f32, 2.0]);
    /// assert_eq!(y.block_until_ready().unwrap().shape(), [2]);
    /// ```
    pub fn block_until_ready(&self) -> Result<&Array> {
        if let Repr::Concrete(concrete) = &self.concrete()?.0
            && let Some(buffer) = concrete.device.get()
        {
            buffer.wait()?;
        }
        Ok(self)
    }

    /// The elements in row-major order, in the type that is asked for: their own, or one in which each of them is the
    /// same number. `f32` reads as `f64`, `i32` as `f64`, `i64` as `usize` if no element is negative.
    ///
    /// # Errors
    /// When a value would change: floats in a narrower type, fractions and NaN as integers, integers out of range,
    /// complex numbers as real ones. When the array is traced and has no value yet, or the computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([1, 2]);
    /// assert_eq!(x.try_to_vec::<i32>().unwrap(), [1, 2]);
    /// assert_eq!(x.try_to_vec::<f64>().unwrap(), [1.0, 2.0]);
    /// assert!(Array::from(vec![0.1f64]).try_to_vec::<f32>().is_err());
    /// assert!(Array::from([1.5f32]).try_to_vec::<i32>().is_err());
    /// ```
    pub fn try_to_vec<T: Read>(&self) -> Result<Vec<T>> {
        Ok(self.elements()?.into_iter().map(T::from_stored).collect())
    }

    fn elements<T: Element>(&self) -> Result<Vec<T>> {
        let dtype = self.dtype();
        if T::DTYPE != dtype {
            readable(&self.aval(), T::DTYPE)?;
            let read = |x: Scalar| exact::<T>(x).ok_or_else(|| inexact(x, dtype, T::DTYPE));
            return match &self.0 {
                Repr::Scalar(literal) => Ok(vec![read(literal.value())?]),
                _ => self.with_bytes(|bytes| {
                    with_element!(dtype, S => (bytes.chunks_exact(size_of::<S>()))
                        .map(|b| read(bytemuck::checked::pod_read_unaligned::<S>(b).to_scalar()))
                        .collect())
                })?,
            };
        }
        self.with_bytes(|bytes| {
            let mut data = vec![T::zeroed(); bytes.len() / size_of::<T>()];
            for (x, bytes) in data.iter_mut().zip(bytes.chunks_exact(size_of::<T>())) {
                *x = bytemuck::checked::pod_read_unaligned(bytes);
            }
            data
        })
    }

    /// The elements in row-major order.
    ///
    /// # Panics
    /// Where [`try_to_vec`](Array::try_to_vec) is an error.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(Array::from(vec![1, 2]).to_vec::<i32>(), [1, 2]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn to_vec<T: Read>(&self) -> Vec<T> {
        self.try_to_vec().or_raise()
    }

    /// The one element of an array of size one, in the type that is asked for; which types read which is as for
    /// [`try_to_vec`](Array::try_to_vec).
    ///
    /// # Errors
    /// When there is not exactly one element, when the value would change, when the array is traced and has no value yet,
    /// or when the computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from(1.5).try_item::<f32>().unwrap(), 1.5);
    /// assert!(Array::from(1.5).try_item::<i32>().is_err());
    /// assert!(Array::from([1, 2]).try_item::<i32>().is_err());
    /// ```
    pub fn try_item<T: Read>(&self) -> Result<T> {
        if self.size() != 1 {
            return Err(Error::shape(format!("`item` reads an array of one element, not {}", self.aval()))
                .help("reduce it first, or read all of it with `to_vec`"));
        }
        let (dtype, wanted) = (self.dtype(), <T::Stored as Element>::DTYPE);
        readable(&self.aval(), wanted)?;
        let value = self.to_literal()?.value();
        let stored = match wanted == dtype {
            true => T::Stored::from_scalar(value),
            false => exact(value).ok_or_else(|| inexact(value, dtype, wanted))?,
        };
        Ok(T::from_stored(stored))
    }

    /// The one element of an array of size one, in the type that is asked for.
    ///
    /// # Panics
    /// Where [`try_item`](Array::try_item) is an error.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let x = Array::from(vec![1.5f32]);
    /// assert_eq!(x.item::<f64>(), 1.5);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn item<T: Read>(&self) -> T {
        self.try_item().or_raise()
    }

    /// The elements as an `ndarray` of the same shape.
    ///
    /// # Panics
    /// Where [`try_to_vec`](Array::try_to_vec) is an error.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let m = Array::from([[1, 2], [3, 4]]).to_ndarray::<i32>();
    /// assert_eq!(m[[1, 0]], 3);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn to_ndarray<T: Element>(&self) -> ndarray::ArrayD<T> {
        let data = self.to_vec();
        match ndarray::ArrayD::from_shape_vec(self.shape(), data) {
            Ok(array) => array,
            Err(error) => super::error::raise(Error::shape(error.to_string())),
        }
    }
}

/// The elements along the first axis.
///
/// # Panics
/// When the array is a scalar.
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

/// The elements along the first axis, as [`Array::iter`] gives them.
impl IntoIterator for &Array {
    type Item = Array;
    type IntoIter = std::vec::IntoIter<Array>;

    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        let [n, inner @ ..] = self.shape() else {
            super::error::raise(
                Error::shape(format!("{} is a scalar: it has no elements to walk over", self.aval()))
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

impl fmt::Debug for Concrete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Concrete<{:?}>", self.aval)
    }
}

/// The kind of error a read of a traced value gives, and its help.
pub(crate) fn unreadable(aval: &Aval, why: &str, help: &str) -> Error {
    Error::new(ErrorKind::Trace, format!("the value of a traced array {aval} cannot be read {why}")).help(help)
}
