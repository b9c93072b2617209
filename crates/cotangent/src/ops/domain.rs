//! The dtypes that a primitive accepts.

use crate::array::aval::{Aval, same_dtype};
use crate::array::dtype::DType;
use crate::error::{Error, Result};

/// The dtypes that a primitive accepts, and their name in error messages.
#[derive(Clone, Copy)]
pub(super) struct Domain {
    accepts: fn(DType) -> bool,
    words: &'static str,
}

macro_rules! domains {
    ($($NAME:ident $words:literal $accepts:expr;)*) => {
        impl Domain {
            $(pub(super) const $NAME: Domain = Domain { accepts: $accepts, words: $words };)*
        }
    };
}

domains! {
    ANY "values" |_| true;
    NUMBERS "numbers" |d| d != DType::Bool;
    REAL "real numbers" |d| d != DType::Bool && !d.is_complex();
    ORDERED "ordered values" |d| !d.is_complex();
    INTEGERS "integers" DType::is_integer;
    BITS "integers or booleans" |d| d.is_integer() || d == DType::Bool;
    INEXACT "floating-point numbers" DType::is_inexact;
    FLOATS "real floating-point numbers" DType::is_float;
    COMPLEX "complex numbers" DType::is_complex;
    WIDE_FLOATS "f32 or f64" |d| matches!(d, DType::F32 | DType::F64);
    WIDE_INEXACT "f32, f64, c64 or c128" |d| matches!(d, DType::F32 | DType::F64 | DType::C64 | DType::C128);
    U32 "u32" |d| d == DType::U32;
}

impl Domain {
    /// Checks that an operand has one of the dtypes.
    pub(super) fn check(self, x: &Aval) -> Result<()> {
        if (self.accepts)(x.dtype) {
            return Ok(());
        }
        let error = Error::dtype(format!("expected {}, got {x}", self.words));
        Err(match [DType::F32, DType::I32, DType::C64].into_iter().find(|d| (self.accepts)(*d)) {
            _ if x.dtype.is_complex() => error.help("use `.real()`, `.imag()` or `.abs()`"),
            Some(to) => error.help(format!("convert it with `.astype(DType::{to:?})`")),
            None => error,
        })
    }

    /// Returns the common dtype of all operands, after checking that it is one of the dtypes.
    pub(super) fn one_dtype(self, inputs: &[Aval]) -> Result<DType> {
        let first = &inputs[0];
        inputs.iter().try_for_each(|other| same_dtype(first, other))?;
        self.check(first).map(|()| first.dtype)
    }
}
