//! Functions of this process that compiled programs call.
//!
//! The plugin knows one function, which is registered once. A call identifies the actual function by a number that is
//! only meaningful in this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::device::scoped;
use crate::control::host_fn::{HostFn, TARGET};
use crate::error::{Error, ErrorKind, Result, attempt};
use crate::runtime::client::dtype_of;
use crate::trace::frames::untraced;

/// Errors, by number, on their way from a host function to the call of the program.
static FAILED: Lazy<Mutex<FxHashMap<u64, Error>>> = Lazy::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Precedes the number in an error's text.
const MARK: &str = "cotangent-host-error-";
/// Registers the function with a plugin.
pub(crate) fn register(plugin: &xla::Plugin) -> xla::Result<()> {
    plugin.register_function(TARGET, called)
}

/// The function that the plugin calls.
fn called(call: &mut xla::Call<'_>) -> std::result::Result<(), String> {
    let id = call.int("id").and_then(|id| u64::try_from(id).ok()).ok_or("the call has no number")?;
    let token = call.int("token") == Some(1);
    let Some(function) = HostFn::find(id) else {
        return Err("the function that the program calls no longer exists".to_string());
    };
    let (args, results) = call.split();
    let skip = usize::from(token);
    if let Some((_, bytes)) = results.first_mut().filter(|_| token) {
        bytes.fill(0);
    }
    let run = || -> Result<()> {
        let aval = |shape: &xla::ArrayShape| -> Result<Aval> {
            let dims: Vec<usize> = shape.dims.iter().map(|d| *d as usize).collect();
            Ok(Aval::new(dtype_of(shape.ty)?, Shape::new(&dims)))
        };
        let args = (args[skip..].iter())
            .map(|(shape, bytes)| Ok(Array::of_bytes(bytes.to_vec(), aval(shape)?)))
            .collect::<Result<Vec<_>>>()?;
        let given = function.call(&args)?;
        let expected = &mut results[skip..];
        if given.len() != expected.len() {
            return Err(Error::new(
                ErrorKind::Structure,
                format!("the callback returned {} arrays, but {} were declared", given.len(), expected.len()),
            ));
        }
        for (i, (array, (shape, bytes))) in given.iter().zip(expected).enumerate() {
            let announced = aval(shape)?;
            if array.shape() != &*announced.shape || array.dtype() != announced.dtype {
                return Err(Error::shape(format!(
                    "the callback's result {i} is {}, but {announced} was declared",
                    array.aval()
                )));
            }
            bytes.copy_from_slice(&array.to_bytes()?);
        }
        Ok(())
    };
    // The plugin may run this on a thread that is tracing, or in the scope of a default device.
    let outcome = scoped(None, || untraced(|| attempt(run))).and_then(|result| result);
    outcome.map_err(|error| {
        let error = match error.kind() {
            ErrorKind::Panic => Error::new(
                ErrorKind::Panic,
                error.message().replace("the traced function panicked", "the callback panicked"),
            ),
            _ => error,
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let text = format!("{MARK}{number}: {error}");
        let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
        // Errors that were never asked for are not needed later.
        if failed.len() > 1000 {
            failed.clear();
        }
        failed.insert(number, error.at(function.loc()));
        text
    })
}

/// The error behind an execution error: that of the function that the program called.
pub(crate) fn cause(error: Error) -> Error {
    let number = error.message().split(MARK).nth(1).and_then(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    });
    let known = number.and_then(|n| FAILED.lock().unwrap_or_else(PoisonError::into_inner).remove(&n));
    known.unwrap_or(error)
}
