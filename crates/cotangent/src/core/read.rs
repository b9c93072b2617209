//! The elements of arrays as Rust's numbers: as a type that holds the same numbers, or not at all.

use super::aval::Aval;
use super::dtype::{DType, Element, Kind};
use super::error::{Error, Result};
use super::literal::{Literal, Scalar};

/// What elements can be read as: an element type, or a pointer-sized integer.
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
    /// The element type that holds it.
    type Stored: Element;
    /// The value of the element that holds it.
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

// So that nothing is cut off above.
const _: () = assert!(usize::BITS == 64);

/// Whether elements of one dtype may be read as another, as far as the types tell.
pub(super) fn readable(aval: &Aval, wanted: DType) -> Result<()> {
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
    let error = Error::dtype(format!("an array of {aval} cannot be read as {to}: digits would be lost"));
    Err(if from.is_complex() && !to.is_complex() {
        error.help("read its `.real()` or `.imag()` part")
    } else {
        error.help(format!("read it as {from}, or convert it first: `.astype(DType::{to:?})`"))
    })
}

/// The same number as a `T`, if there is one.
pub(super) fn exact<T: Element>(x: Scalar) -> Option<T> {
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
        // By type: as many digits or more.
        _ => true,
    };
    same.then_some(y)
}

pub(super) fn inexact(x: Scalar, from: DType, to: DType) -> Error {
    let x = Literal::new(from, x);
    Error::dtype(format!("{x} of {from} is no {to}"))
        .help(format!("round or bound it first, or convert it as JAX does: `.astype(DType::{to:?})`"))
}
