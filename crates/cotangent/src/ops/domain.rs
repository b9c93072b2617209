//! The dtypes that a primitive accepts.

use crate::array::aval::Aval;
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
        match (self.accepts)(x.dtype) {
            true => Ok(()),
            false => Err(Error::dtype(format!("it takes {}, got {x}", self.words))),
        }
    }

    /// Returns the common dtype of all operands, after checking that it is one of the dtypes.
    pub(super) fn one_dtype(self, inputs: &[Aval]) -> Result<DType> {
        let dtype = inputs[0].dtype;
        if let Some(other) = inputs.iter().find(|a| a.dtype != dtype) {
            return Err(Error::dtype(format!("operands must have one dtype, got {} and {other}", inputs[0]))
                .help("convert one of them with `.astype(…)`"));
        }
        self.check(&inputs[0]).map(|()| dtype)
    }
}
