//! Functions of this process that compiled programs call.
//!
//! The plugin knows one function, registered once; a call of it names the one that is meant by a number, which means
//! something in this process alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use once_cell::sync::{Lazy, OnceCell};
use rustc_hash::FxHashMap;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::control::host_fn::{HostFn, TARGET};
use crate::error::{Error, ErrorKind, Result, attempt};
use crate::runtime::client::dtype_of;
use crate::trace::frames::untraced;

/// Errors on their way from a function to the call of the program, by number.
static FAILED: Lazy<Mutex<FxHashMap<u64, Error>>> = Lazy::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What stands in an error's text before its number.
const MARK: &str = "cotangent-host-error-";
/// Makes the plugin know of the functions.
pub(crate) fn register(client: &xla::Client) -> Result<()> {
    static REGISTERED: OnceCell<()> = OnceCell::new();
    if !client.platform_name().eq_ignore_ascii_case("cpu") {
        return Err(Error::new(
            ErrorKind::Runtime,
            format!("a program on `{}` cannot call functions of this process", client.platform_name()),
        )
        .help("callbacks, debug prints among them, work on the CPU only"));
    }
    REGISTERED.get_or_try_init(|| Ok(client.plugin().register_function(TARGET, called)?)).copied()
}

/// What the plugin calls.
fn called(call: &mut xla::Call<'_>) -> std::result::Result<(), String> {
    let id = call.int("id").and_then(|id| u64::try_from(id).ok()).ok_or("a call without a number")?;
    let token = call.int("token") == Some(1);
    let Some(function) = HostFn::find(id) else {
        return Err("the function that the program calls is gone".to_string());
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
                format!("the callback gave {} arrays where {} were announced", given.len(), expected.len()),
            ));
        }
        for (i, (array, (shape, bytes))) in given.iter().zip(expected).enumerate() {
            let announced = aval(shape)?;
            if array.shape() != &*announced.shape || array.dtype() != announced.dtype {
                return Err(Error::shape(format!(
                    "the callback's result {i} is {} where {announced} was announced",
                    array.aval()
                )));
            }
            bytes.copy_from_slice(&array.to_bytes()?);
        }
        Ok(())
    };
    // The plugin may run it on a thread that is tracing something.
    let outcome = untraced(|| attempt(run)).and_then(|result| result);
    outcome.map_err(|error| {
        let error = match error.kind() {
            ErrorKind::Panic => {
                Error::new(ErrorKind::Panic, error.message().replace("the traced function", "the callback"))
            }
            _ => error,
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let text = format!("{MARK}{number}: {error}");
        let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody asked for is of no use later.
        if failed.len() > 1000 {
            failed.clear();
        }
        failed.insert(number, error.at(function.loc()));
        text
    })
}

/// The error behind one that a program's execution gave: that of the function it called.
pub(crate) fn cause(error: Error) -> Error {
    let number = error.message().split(MARK).nth(1).and_then(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    });
    let known = number.and_then(|n| FAILED.lock().unwrap_or_else(PoisonError::into_inner).remove(&n));
    known.unwrap_or(error)
}
