//! Looking inside traced functions: prints, callbacks, and the search for the first NaN or infinity.

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
pub use nans::{NanScope, check_nans, infs, nans};

/// Values for the placeholders of a message: an array, a tuple or slice of arrays and numbers, or `()` for none.
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

/// Makes types strong, so that a number prints as the array it stands for and more programs are equal.
fn strong(values: Vec<Array>) -> Vec<Array> {
    values.iter().map(|x| x.convert(x.dtype(), false)).collect()
}

/// Prints a line whenever the traced function runs, with values in place of `{}`, `{0}` or `{:?}`. Options of Rust's
/// format strings (`{:.3}`, `{:>12}`, `{:+e}`) apply to each element, as when an array is printed.
///
/// Lines are printed in the order of the program, also under `jit`, `grad` (the forward values, once) and `vmap` (a
/// line for each element), at each step of loops, and in branches that are taken.
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
/// If the placeholders do not fit the values.
#[track_caller]
pub fn print(message: &str, values: impl Values) {
    static KNOWN: Lazy<Mutex<FxHashMap<String, Weak<HostFn>>>> = Lazy::new(Mutex::default);
    let values = strong(values.values());
    let template = Template::parse(message, values.len()).or_raise();
    // The same message is the same function, so tracing a function again gives the same program.
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

/// Calls `f` with the current values whenever the traced function runs. Like [`print()`], it is called in the order of
/// the program and once for each element under `vmap`, and does not affect derivatives.
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
/// If `f` panics; under `jit`, the call returns an error.
#[track_caller]
pub fn callback<A: Tree>(f: impl Fn(&A) + Send + Sync + 'static, args: &A) {
    let function = Callback::io((), f).function(args, Location::caller());
    effect(function, &strong(flatten(args)));
}

/// The error for a message whose placeholders do not fit.
pub(crate) fn misfit(message: &str, why: &str) -> Error {
    Error::value(format!("the format string {message:?} {why}"))
        .help("`{}` is the next value, `{1}` the second one, and `{:.3}` a value with three digits")
}
