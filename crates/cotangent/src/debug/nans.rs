//! Finding where a NaN or an infinity came from.

use std::fmt;
use std::marker::PhantomData;

use crate::runtime::{Sought, look_for};

/// The setting of [`nans`] or [`infs`] for this thread, in effect until this is dropped.
///
/// ```
/// let scope = cotangent::debug::nans(false);
/// drop(scope);
/// ```
#[must_use = "the setting is in effect until this is dropped"]
pub struct NanScope {
    sought: Sought,
    before: bool,
    /// The setting belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl NanScope {
    fn new(sought: Sought, on: bool) -> NanScope {
        NanScope { sought, before: look_for(sought, on), _thread: PhantomData }
    }
}

impl fmt::Debug for NanScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NanScope")
    }
}

impl Drop for NanScope {
    fn drop(&mut self) {
        look_for(self.sought, self.before);
    }
}

/// Searches every program that this thread runs for NaN, like JAX's `jax_debug_nans`, until the returned scope is
/// dropped.
///
/// If a result has a NaN, the program is run again one operation at a time. The error names the user's line that
/// produced the first NaN: that of the operation itself, or that of the operation whose derivative it is. The search
/// follows nested `jit`, `scan`, `cond` and `while_loop` down to the step. Effects are not repeated. Every result is
/// waited for and read, and arguments taken by value are not donated, so this is for debugging and not for production.
///
/// ```
/// use cotangent::{debug, prelude::*};
/// let f = jit(|x: &Array| {
///     let y = x - 1.0;
///     let z = y.log(); // the culprit
///     z * 2.0
/// });
/// let _scope = debug::nans(true);
/// assert!(f.try_call((&2.0.into(),)).is_ok());
/// let error = f.try_call((&0.0.into(),)).unwrap_err();
/// assert!(error.message().contains("NaN (not a number) in the result of `log`"));
/// assert!(error.location().is_some());
/// ```
pub fn nans(on: bool) -> NanScope {
    NanScope::new(Sought::Nan, on)
}

/// Searches every program that this thread runs for infinities, like JAX's `jax_debug_infs`: see [`nans`], which can be
/// on at the same time.
///
/// ```
/// use cotangent::{debug, prelude::*};
/// let f = jit(|x: &Array| {
///     let y = x.exp(); // the culprit
///     y + 1.0
/// });
/// let _scope = debug::infs(true);
/// let error = f.try_call((&1000.0.into(),)).unwrap_err();
/// assert!(error.message().contains("infinity in the result of `exp`"));
/// ```
pub fn infs(on: bool) -> NanScope {
    NanScope::new(Sought::Infinity, on)
}

/// Runs `f` with [`nans`] turned on.
///
/// ```
/// use cotangent::{debug, prelude::*};
/// // The gradient of the square root at zero, times zero: NaN in the backward pass.
/// let df = grad(|x: &Array| (x * 0.0).sqrt());
/// let error = debug::check_nans(|| df.try_call((&1.0.into(),))).unwrap_err();
/// assert!(error.message().contains("NaN"));
/// ```
pub fn check_nans<R>(f: impl FnOnce() -> R) -> R {
    let _scope = nans(true);
    f()
}
