//! The errors for traced arrays that are used where they have no value.

use crate::array::aval::Aval;
use crate::array::{FrameId, Traced};
use crate::error::{Error, ErrorKind};

fn valueless(aval: &Aval) -> Error {
    Error::new(
        ErrorKind::Trace,
        format!("the values of an array {aval} were used, but only its shape and dtype are known"),
    )
    .help("`eval_shape` returns such arrays; create an array with values, for example with `numpy::zeros`")
}

/// The error for a traced array that is used where its frame does not exist.
pub(super) fn ownerless(traced: &Traced) -> Error {
    if traced.frame == FrameId::NONE { valueless(&traced.aval) } else { escaped(&traced.aval) }
}

fn escaped(aval: &Aval) -> Error {
    Error::new(
        ErrorKind::Trace,
        format!(
            "a traced array {aval} was used after the function that it belongs to had returned, or on another thread"
        ),
    )
    .help("return the value from the transformed function instead of storing it elsewhere")
}

/// The error for a traced array that was passed to a compiled program.
pub(super) fn machine_code(aval: &Aval) -> Error {
    Error::new(
        ErrorKind::Trace,
        format!(
            "a compiled program was called on a traced array {}: it is machine code, which cannot be part of another \
             program, be differentiated or be batched",
            aval
        ),
    )
    .help(
        "call the function that it was compiled from, or import the program, which can be traced: \
         `import::stablehlo(exported.stablehlo())`",
    )
}

/// The error for reading a traced value that has none.
pub(super) fn unreadable(aval: &Aval, why: &str, help: &str) -> Error {
    Error::new(ErrorKind::Trace, format!("the value of a traced array {aval} cannot be read {why}")).help(help)
}
