//! Seeing inside traced functions: prints, callbacks, and the search for the first NaN.

mod format;
mod nans;

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;

use crate::api::callback::{Callback, effect};
use crate::array::{Array, ArrayLike};
use crate::control::host_fn::HostFn;
use crate::error::{Error, OrRaise};
use crate::tree::{Tree, flatten};

pub(crate) use format::Template;
pub use nans::{NanScope, check_nans, nans};

/// Values for the placeholders of a message: an array, a tuple or slice of arrays and numbers, `()` for none.
///
/// ```
/// use cotangent::{debug::Values, prelude::*};
/// assert_eq!((&Array::from(1.0), 2).values().len(), 2);
/// ```
pub trait Values {
    /// The values, in order.
    fn values(self) -> Vec<Array>;
}

impl<T: ArrayLike> Values for T {
    fn values(self) -> Vec<Array> {
        vec![self.to_array()]
    }
}

impl Values for () {
    fn values(self) -> Vec<Array> {
        Vec::new()
    }
}

impl Values for &[Array] {
    fn values(self) -> Vec<Array> {
        self.to_vec()
    }
}

macro_rules! tuple_values {
    ($($T:ident $i:tt),*) => {
        impl<$($T: ArrayLike),*> Values for ($($T,)*) {
            fn values(self) -> Vec<Array> {
                vec![$(self.$i.to_array()),*]
            }
        }
    };
}

tuple_values!(A 0);
tuple_values!(A 0, B 1);
tuple_values!(A 0, B 1, C 2);
tuple_values!(A 0, B 1, C 2, D 3);
tuple_values!(A 0, B 1, C 2, D 3, E 4);
tuple_values!(A 0, B 1, C 2, D 3, E 4, F 5);

/// Strong types, so that a number prints as the array that it stands for and programs are the same more often.
fn strong(values: Vec<Array>) -> Vec<Array> {
    values.iter().map(|x| x.convert(x.dtype(), false)).collect()
}

/// Prints a line whenever the traced function runs, with the values that `{}`, `{0}` or `{:?}` stand for. What Rust's
/// format strings ask for (`{:.3}`, `{:>12}`, `{:+e}`) holds for each element, as it does where an array is printed.
///
/// It prints in the order of the program, also under `jit`, `grad` (the forward values, once) and `vmap` (a line for
/// each element), in loops at each step, in branches that are taken.
///
/// ```
/// use cotangent::{debug, prelude::*};
/// let f = jit(|x: &Array| {
///     let y = x.sin();
///     debug::print("x = {}, sin(x) = {}", (x, &y));
///     y * 2.0
/// });
/// f(&0.0.into()); // prints: x = 0.0, sin(x) = 0.0
/// ```
///
/// # Panics
/// When the placeholders do not fit the values.
#[track_caller]
pub fn print(message: &str, values: impl Values) {
    static KNOWN: Lazy<Mutex<FxHashMap<String, Weak<HostFn>>>> = Lazy::new(Mutex::default);
    let values = strong(values.values());
    let template = Template::parse(message, values.len()).or_raise();
    // The same message is the same function, so a function traced again is the same program.
    let function = {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, function| function.strong_count() > 0);
        let alive = known.get(message).and_then(Weak::upgrade);
        alive.unwrap_or_else(|| {
            let function = HostFn::new(Location::caller(), move |values| {
                println!("{}", template.fill(values));
                Ok(Vec::new())
            });
            known.insert(message.to_string(), Arc::downgrade(&function));
            function
        })
    };
    effect(function, &values);
}

/// Calls `f` whenever the traced function runs, with the values that it has then. Like [`print()`] it is called in the
/// program's order, once for each element under `vmap`, and leaves derivatives alone.
///
/// ```
/// use cotangent::{debug, prelude::*};
/// use std::sync::Mutex;
/// static SEEN: Mutex<Vec<f32>> = Mutex::new(Vec::new());
/// let f = |x: &Array| {
///     debug::callback(|x: &Array| SEEN.lock().unwrap().push(x.item()), x);
///     x * x
/// };
/// assert_eq!(grad(f)(&3.0.into()).item::<f32>(), 6.0);
/// assert_eq!(*SEEN.lock().unwrap(), [3.0]);
/// ```
///
/// # Panics
/// When `f` panics; under `jit` that is an error of the call.
#[track_caller]
pub fn callback<A: Tree>(f: impl Fn(&A) + Send + Sync + 'static, args: &A) {
    let function = Callback::io((), f).function(args, Location::caller());
    effect(function, &strong(flatten(args)));
}

/// The error for a message whose placeholders do not fit.
pub(crate) fn misfit(message: &str, why: &str) -> Error {
    Error::value(format!("the message {message:?} {why}"))
        .help("`{}` stands for the next value, `{1}` for the second one, `{:.3}` for one with three digits")
}
