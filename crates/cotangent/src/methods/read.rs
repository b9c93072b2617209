//! Conversion of elements to Rust numbers. The type must represent the same numbers.

use crate::array::aval::Aval;
use crate::array::dtype::{DType, Element, Kind, with_element};
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, Repr};
use crate::error::{Error, OrRaise, Result};
use crate::trace::backend::backend;
use crate::trace::frames;

/// A type that elements can be read as: an element type, or a pointer-sized integer.
///
/// ```
/// use cotangent::prelude::*;
/// let best = Array::from([0.1f32, 0.9]).argmax();
/// assert_eq!(best.item::<usize>(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "elements cannot be read as `{Self}`",
    label = "an element type (`f32`, `i32`, `bool`, `Complex<f32>`, …), `usize` or `isize`"
)]
pub trait Read: Sized {
    /// The element type that it is read through.
    type Stored: Element;
    /// Converts an element to this type.
    fn from_stored(value: Self::Stored) -> Self;
}

impl<T: Element> Read for T {
    type Stored = T;
    #[inline]
    fn from_stored(value: T) -> T {
        value
    }
}

impl Read for usize {
    type Stored = u64;
    #[inline]
    fn from_stored(value: u64) -> usize {
        value as usize
    }
}

impl Read for isize {
    type Stored = i64;
    #[inline]
    fn from_stored(value: i64) -> isize {
        value as isize
    }
}

// The conversions above lose no bits.
const _: () = assert!(usize::BITS == 64);

/// Checks by type whether elements of one dtype may be read as another.
pub(crate) fn readable(aval: &Aval, wanted: DType) -> Result<()> {
    let (from, to) = (aval.dtype, wanted);
    let narrower = match (from.kind(), to.kind()) {
        (Kind::Complex, Kind::Complex) | (Kind::Float, Kind::Float) => {
            to.bits() < from.bits() || (to.bits() == from.bits() && to != from)
        }
        (Kind::Float, Kind::Complex) => to.real().bits() < from.bits(),
        (Kind::Complex, _) => true,
        _ => false,
    };
    if !narrower {
        return Ok(());
    }
    let error = Error::dtype(format!("{aval} cannot be read as {to} without loss"));
    Err(if from.is_complex() && !to.is_complex() {
        error.help("read its `.real()` or `.imag()` part")
    } else {
        error.help(format!("read it as {from}, or convert it first: `.astype(DType::{to:?})`"))
    })
}

/// Returns the same number as a `T`, if `T` can represent it.
pub(crate) fn exact<T: Element>(x: Scalar) -> Option<T> {
    let y = T::from_scalar(x);
    let same = match (x, y.to_scalar()) {
        (Scalar::Int(a), Scalar::Int(b)) => a == b,
        (Scalar::Uint(a), Scalar::Uint(b)) => a == b,
        (Scalar::Int(a), Scalar::Uint(b)) => u64::try_from(a) == Ok(b),
        (Scalar::Uint(a), Scalar::Int(b)) => u64::try_from(b) == Ok(a),
        (Scalar::Int(a), Scalar::Float(b)) => b as i128 == i128::from(a),
        (Scalar::Uint(a), Scalar::Float(b)) => b as i128 == i128::from(a),
        (Scalar::Float(a), Scalar::Int(b)) => a == b as f64,
        (Scalar::Float(a), Scalar::Uint(b)) => a == b as f64,
        (a, Scalar::Bool(b)) => a.to_complex() == (f64::from(u8::from(b)), 0.0),
        // The check by type guarantees that `T` has as many digits or more.
        _ => true,
    };
    same.then_some(y)
}

pub(crate) fn inexact(x: Scalar, from: DType, to: DType) -> Error {
    let x = Literal::new(from, x);
    Error::dtype(format!("the {from} value {x} cannot be represented as {to}"))
        .help(format!("round or clip it first, or convert it as JAX does: `.astype(DType::{to:?})`"))
}

impl Array {
    /// Returns the bytes of the elements, in the format of [`from_bytes`](Array::from_bytes).
    ///
    /// # Errors
    /// If the array is traced and has no value yet, or if its computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from([1i16, 256]);
    /// assert_eq!(x.to_bytes().unwrap(), [1, 0, 0, 1]);
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.with_bytes(<[u8]>::to_vec)
    }

    /// Returns the address of the array in device memory, as a number. An array on the host is moved to the device
    /// first. Two arrays with the same address share their memory, as a donated argument and a result do.
    ///
    /// # Errors
    /// If the array is traced, if it is a scalar on the host, or if its computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Array::from(vec![1.0f32; 1000]);
    /// assert_eq!(x.buffer_address().unwrap(), x.clone().buffer_address().unwrap());
    /// ```
    pub fn buffer_address(&self) -> Result<usize> {
        match &self.concrete()?.0 {
            Repr::Concrete(concrete) => {
                let device = concrete.place().device;
                concrete.device(|bytes, aval| backend().upload(bytes, aval, device))?.address()
            }
            _ => Err(Error::value("a scalar on the host has no buffer")),
        }
    }

    /// Returns the concrete value. If the array is traced and its inputs are known, the value is computed.
    ///
    /// # Errors
    /// Under `jit` and `vmap`, where there is no single value to read.
    pub(crate) fn concrete(&self) -> Result<Array> {
        match &self.0 {
            Repr::Traced(traced) => frames::read(traced),
            _ => Ok(self.clone()),
        }
    }

    /// Calls `f` with the bytes of the value in row-major order.
    pub(crate) fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        match &self.concrete()?.0 {
            Repr::Scalar(literal) => Ok(f(&literal.bytes())),
            Repr::Concrete(concrete) => concrete.with_bytes(f),
            Repr::Traced(_) => unreachable!("`concrete` returns a concrete array"),
        }
    }

    /// Returns the value of a concrete array of rank 0 as a literal, if it is available.
    pub(crate) fn to_literal(&self) -> Result<Literal> {
        match &self.0 {
            Repr::Scalar(literal) => Ok(*literal),
            Repr::Concrete(concrete) => concrete.literal(),
            Repr::Traced(traced) => frames::read(traced)?.to_literal(),
        }
    }

    /// Waits until the value has been computed. Methods that read elements wait by themselves.
    ///
    /// # Errors
    /// If the computation failed on the device, or if the array is traced under `jit`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let y = 2.0 * &Array::from([1.0f32, 2.0]);
    /// assert_eq!(y.block_until_ready().unwrap().shape(), [2]);
    /// ```
    pub fn block_until_ready(&self) -> Result<&Array> {
        if let Repr::Concrete(concrete) = &self.concrete()?.0 {
            concrete.wait()?;
        }
        Ok(self)
    }

    /// Starts to copy the value to the host, without waiting for it. Reading it later waits for the rest only. A value
    /// that is in the memory of the host, such as one on the CPU, is there already.
    ///
    /// # Errors
    /// If the array is traced under `jit`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let step = jit(|x: &Array| (x * 0.5, x.square().sum()));
    /// let (next, loss) = step(&np::ones(3));
    /// loss.copy_to_host_async()?; // on its way while the next step runs
    /// let (_, _) = step(&next);
    /// assert_eq!(loss.item::<f32>(), 3.0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn copy_to_host_async(&self) -> Result<&Array> {
        if let Repr::Concrete(concrete) = &self.concrete()?.0
            && concrete.host().is_none()
            && let Some(buffer) = concrete.buffer()
        {
            buffer.copy_to_host_async()?;
        }
        Ok(self)
    }

    /// Returns the elements in row-major order as type `T`. It is their own type, or one that represents each element
    /// exactly. `f32` can be read as `f64`, `i32` as `f64`, and `i64` as `usize` if no element is negative.
    ///
    /// # Errors
    /// If a value would change: floats in a narrower type, fractions and NaN as integers, integers out of range, or
    /// complex numbers as real ones. Also if the array is traced and has no value yet, or if its computation failed.
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
        self.with_bytes(|bytes| match bytemuck::checked::try_cast_slice(bytes) {
            Ok(elements) => elements.to_vec(),
            // Memory that the array does not own may be aligned for bytes only.
            Err(_) => bytes.chunks_exact(size_of::<T>()).map(bytemuck::checked::pod_read_unaligned).collect(),
        })
    }

    /// Returns the elements in row-major order.
    ///
    /// # Panics
    /// If [`try_to_vec`](Array::try_to_vec) returns an error.
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

    /// Returns the only element of an array of size one as type `T`. The permitted types are those of
    /// [`try_to_vec`](Array::try_to_vec).
    ///
    /// # Errors
    /// If there is not exactly one element, if its value would change, if the array is traced and has no value yet, or
    /// if its computation failed.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Array::from(1.5).try_item::<f32>().unwrap(), 1.5);
    /// assert!(Array::from(1.5).try_item::<i32>().is_err());
    /// assert!(Array::from([1, 2]).try_item::<i32>().is_err());
    /// ```
    pub fn try_item<T: Read>(&self) -> Result<T> {
        if self.size() != 1 {
            return Err(Error::shape(format!("`item` needs an array of one element, got {}", self.aval()))
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

    /// Returns the only element of an array of size one as type `T`.
    ///
    /// # Panics
    /// If [`try_item`](Array::try_item) returns an error.
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
}
