//! A scope in which nothing may be traced.

use std::cell::Cell;

use crate::error::scoped::with_value;
use crate::error::{Error, ErrorKind};

use super::report::Miss;

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in the scope.
pub(super) fn is_on() -> bool {
    ON.get()
}

/// The error for a jitted function that would have to be traced.
pub(super) fn error(name: &str, miss: &Miss) -> Error {
    let reason = miss.reason();
    Error::new(ErrorKind::Trace, format!("jit({name}) would be traced inside `no_tracing`: {reason}"))
        .help("call it with arguments of these types before, or keep shapes, dtypes and static values the same")
}

/// Runs a function in which no jitted function may be traced: a call with new types of arguments panics, and says which
/// of them are new. This finds what is compiled again and again in a training loop.
///
/// It applies to the jitted functions that `f` calls, on this thread.
///
/// ```
/// use cotangent::{no_tracing, prelude::*};
/// let step = jit(|x: &Array| x * 0.5);
/// let mut x = step(&np::ones(3));
/// no_tracing(|| {
///     for _ in 0..10 {
///         x = step(&x);
///     }
/// });
/// let error = no_tracing(|| step.try_call((&np::ones(4),))).unwrap_err();
/// assert!(error.message().contains("argument [0]: shape [3] became [4]"));
/// ```
pub fn no_tracing<R>(f: impl FnOnce() -> R) -> R {
    with_value(&ON, true, f)
}
