//! Assertions on values inside traced functions, collected and returned with the result.
//!
//! ```
//! use cotangent::checkify::{check, checkify};
//! use cotangent::prelude::*;
//! let f = |x: &Array| {
//!     check(x.greater(0.0), "x must be positive, it is {}", x);
//!     x.log()
//! };
//! let f = jit(checkify(f));
//! let (err, y) = f(&1.0.into());
//! assert!(err.get().is_none());
//! assert_eq!(y.item::<f32>(), 0.0);
//! let (err, _) = f(&Array::from(-2.0));
//! assert!(err.get().unwrap().starts_with("x must be positive, it is -2"));
//! ```

mod primitive;
mod transform;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::api::callable::transformable;
use crate::api::func::{Func, Params};
use crate::api::program::{as_program, trace};
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::debug::{Template, Values};
use crate::error::{self, ErrorKind, OrRaise, Result, attempt, raise};
use crate::trace::frames::{Inputs, bind, tracing};
use crate::tree::{Leaves, Path, Tree};

use primitive::Check;
use transform::{Automatic, Sites};

/// Checks that the scalar `pred` is true. If not, [`checkify`] returns `message` with its values beside the result. The
/// function continues in either case.
///
/// On concrete values outside any traced function, a check that fails panics.
///
/// ```
/// use cotangent::checkify::{check, checkify};
/// use cotangent::prelude::*;
/// let normalize = |x: &Array| {
///     let norm = x.square().sum().sqrt();
///     check(norm.greater(0.0), "a vector of length {} has no direction", &norm);
///     x / norm
/// };
/// let (err, _) = checkify(normalize)(&Array::from([0.0f32, 0.0]));
/// assert!(err.get().unwrap().starts_with("a vector of length 0.0 has no direction"));
/// ```
///
/// # Panics
/// If `pred` is not a boolean scalar, the placeholders do not fit the values, or the check fails on concrete values
/// outside any traced function.
#[track_caller]
pub fn check(pred: impl ArrayLike, message: &str, values: impl Values) {
    let loc = Location::caller();
    let (pred, values) = (pred.to_array(), values.values());
    let template = Template::parse(message, values.len()).or_raise();
    if !tracing() && pred.dtype() == DType::Bool && pred.ndim() == 0 {
        if !pred.item::<bool>() {
            raise(error::Error::of_user(template.fill(&values)).at(loc));
        }
        return;
    }
    let values: Vec<Array> = values.iter().map(|x| x.convert(x.dtype(), false)).collect();
    let operands: Vec<&Array> = std::iter::once(&pred).chain(&values).collect();
    bind(Check { message: template, loc }, &operands);
}

/// The first failure in a function, if any; returned by [`checkify`]. It is a tree: it can be returned from `jit`, and
/// under `vmap` it has an error for each element.
///
/// ```
/// use cotangent::checkify::{check, checkify};
/// use cotangent::prelude::*;
/// let f = checkify(|x: &Array| check(x.greater(0.0), "{} is not positive", x));
/// let (err, ()) = vmap(f)(&Array::from([1.0f32, -2.0, -3.0]));
/// let text = err.get().unwrap();
/// assert!(text.contains("at mapped index 1: -2.0 is not positive"));
/// assert!(text.contains("at mapped index 2: -3.0 is not positive"));
/// ```
#[derive(Clone)]
#[must_use = "an unused error is lost: `throw` panics with it"]
pub struct Error {
    /// Zero, or one plus the index of the check that failed.
    code: Array,
    /// The values of every message, one check after another.
    values: Vec<Array>,
    sites: Arc<Sites>,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.is_traced() {
            true => f.write_str("checkify::Error(traced)"),
            false => write!(f, "checkify::Error({:?})", self.get()),
        }
    }
}

impl Tree for Error {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        out.push(&self.code);
        self.values.leaves(out);
    }

    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Error {
        Error { code: self.code.rebuild(leaves), values: self.values.rebuild(leaves), sites: self.sites.clone() }
    }

    fn same_structure(&self, other: &Error) -> bool {
        self.sites == other.sites
    }

    fn paths(&self, path: &mut Path<'_>) {
        path.field("code", |path| self.code.paths(path));
        path.field("values", |path| self.values.paths(path));
    }
}

impl Error {
    /// The message of the first check that failed, with its line. Under `vmap`, there is one for each element that
    /// failed.
    ///
    /// ```
    /// use cotangent::checkify::{check, checkify};
    /// use cotangent::prelude::*;
    /// let (err, ()) = checkify(|x: &Array| check(x.less(3), "too many: {}", x))(&5.into());
    /// assert!(err.get().unwrap().starts_with("too many: 5\n  --> "));
    /// ```
    ///
    /// # Panics
    /// If it is traced: return it from the transformed function and read it there.
    #[must_use]
    #[track_caller]
    pub fn get(&self) -> Option<String> {
        self.first().or_raise().map(|(text, _)| text)
    }

    /// Returns an error if a check failed.
    ///
    /// # Errors
    /// With the message of the check that failed and its line.
    ///
    /// ```
    /// use cotangent::checkify::{check, checkify};
    /// use cotangent::prelude::*;
    /// let f = checkify(|x: &Array| check(x.less(3), "too many", ()));
    /// assert!(f(&1.into()).0.result().is_ok());
    /// assert_eq!(f(&5.into()).0.result().unwrap_err().message(), "too many");
    /// ```
    pub fn result(&self) -> Result<()> {
        match self.first()? {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Panics if a check failed.
    ///
    /// ```
    /// use cotangent::checkify::{check, checkify};
    /// use cotangent::prelude::*;
    /// checkify(|x: &Array| check(x.less(3), "too many", ()))(&1.into()).0.throw();
    /// ```
    ///
    /// # Panics
    /// With the message of the check that failed.
    #[track_caller]
    pub fn throw(&self) {
        self.result().or_raise();
    }

    /// The failures: the text for all elements, and the first one as an error.
    fn first(&self) -> Result<Option<(String, error::Error)>> {
        let codes = self.code.try_to_vec::<i32>()?;
        let mut found: Option<(String, error::Error)> = None;
        for (place, code) in codes.iter().enumerate().filter(|(_, code)| **code > 0) {
            let number = *code as usize - 1;
            let site = &self.sites.list[number];
            let before: usize = self.sites.list[..number].iter().map(|s| s.values.len()).sum();
            let values = (site.values.iter().zip(&self.values[before..]))
                .map(|(aval, x)| element(x, aval, place))
                .collect::<Result<Vec<_>>>()?;
            let error = error::Error::of_user(site.message.fill(&values)).at(site.loc);
            let text = match self.code.ndim() {
                0 => error.to_string(),
                _ => format!("at mapped index {}: {error}", index(self.code.shape(), place)),
            };
            match &mut found {
                Some((all, _)) => *all = format!("{all}\n{text}"),
                None => found = Some((text, error)),
            }
        }
        Ok(found)
    }
}

/// The value of one element of a batch.
fn element(x: &Array, aval: &Aval, place: usize) -> Result<Array> {
    let (bytes, size) = (x.to_bytes()?, aval.byte_len());
    match bytes.get(place * size..(place + 1) * size) {
        Some(bytes) => Ok(Array::of_bytes(bytes.to_vec(), aval.clone())),
        None => Err(error::Error::new(ErrorKind::Structure, "the parts of a checkify error have different batch axes")),
    }
}

/// The indices of an element.
fn index(shape: &[usize], place: usize) -> String {
    let mut rest = place;
    let mut indices: Vec<String> = Vec::new();
    for n in shape.iter().rev() {
        indices.push((rest % n).to_string());
        rest /= n;
    }
    indices.reverse();
    indices.join(", ")
}

/// A function that returns its first failure beside its result; made by [`checkify`].
///
/// ```
/// use cotangent::checkify::checkify;
/// use cotangent::prelude::*;
/// let f = checkify(|x: &Array| x / (x - 1.0)).div_checks();
/// assert!(f(&1.0.into()).0.get().unwrap().starts_with("division by zero"));
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Checkify<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, (Error, R)>>,
    automatic: Automatic,
}

fn call_checked<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>, automatic: Automatic) -> (Error, R) {
    let inputs: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let (flat, (template, sites)) = as_program(&inputs, |inputs| {
        let avals: Vec<Aval> = inputs.iter().map(Array::aval).collect();
        let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Known(inputs));
        let sites = Sites::of(&closed.jaxpr, automatic);
        let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
        let mut state = sites.start();
        let outputs = sites.run(&closed.jaxpr, &args, &mut state);
        (state.into_iter().chain(outputs).collect(), (result, sites))
    });
    let mut flat = flat.into_iter();
    let mut next = || flat.next().unwrap_or_else(|| unreachable!("the program returns the whole state"));
    let code = next();
    let values = sites.list.iter().flat_map(|s| &s.values).map(|_| next()).collect();
    (Error { code, values, sites: sites.into() }, template.rebuild(&mut flat))
}

impl<'f, P: Params, R: Tree> Checkify<'f, P, R> {
    fn new(f: Arc<P::Dyn<'f, R>>, automatic: Automatic) -> Self {
        let inner = f.clone();
        let call = P::wrap(move |args| call_checked::<P, R>(&*inner, args, automatic));
        Checkify { f, call, automatic }
    }

    /// Also checks the floating-point results of every operation for NaN, like JAX's `checkify.nan_checks`. A function
    /// with its own derivative rules counts as one operation.
    ///
    /// ```
    /// use cotangent::checkify::checkify;
    /// use cotangent::prelude::*;
    /// let (err, _) = checkify(|x: &Array| x.log() * 2.0).nan_checks()(&Array::from(-1.0));
    /// assert!(err.get().unwrap().starts_with("NaN (not a number) generated by `log`"));
    /// ```
    pub fn nan_checks(self) -> Self {
        Checkify::new(self.f, Automatic { nan: true, ..self.automatic })
    }

    /// Also checks every divisor, like JAX's `checkify.div_checks`.
    ///
    /// ```
    /// use cotangent::checkify::checkify;
    /// use cotangent::prelude::*;
    /// let f = checkify(|x: &Array, y: &Array| x / y).div_checks();
    /// assert!(f(&1.0.into(), &2.0.into()).0.get().is_none());
    /// ```
    pub fn div_checks(self) -> Self {
        Checkify::new(self.f, Automatic { div: true, ..self.automatic })
    }

    /// Calls it and returns every failure as an error instead of a panic, including a check that fails.
    ///
    /// # Errors
    /// If a check fails, and whenever tracing, compiling or running it fails.
    ///
    /// ```
    /// use cotangent::checkify::{check, checkify};
    /// use cotangent::prelude::*;
    /// let f = checkify(|x: &Array| {
    ///     check(x.greater(0.0), "{} is not positive", x);
    ///     x.log()
    /// });
    /// assert_eq!(f.try_call((&Array::from(-1.0),)).unwrap_err().message(), "-1.0 is not positive");
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        let (error, result) = attempt(|| call_checked::<P, R>(&*self.f, args, self.automatic))?;
        error.result().map(|()| result)
    }
}

transformable! {
    impl['f, P: Params, R: Tree] Checkify<'f, P, R>: 'f -> (Error, R);
    |_this, f| f.write_str("checkify(…)")
}

/// Collects the [`check`]s of a function: the returned function returns the first failure and the result.
///
/// It composes with the other transforms: `jit(checkify(f))`; `vmap(checkify(f))`, with an error for each element;
/// `checkify(vmap(f))`, with the first error of all; `checkify(grad(f))`. Checks can be inside `scan`, `cond`,
/// `while_loop` and nested `jit`. With `vmap` inside `checkify`, a check cannot be in a branch that each element
/// chooses for itself, or in a loop that each element ends for itself; write `vmap(checkify(f))` instead.
///
/// ```
/// use cotangent::checkify::{check, checkify};
/// use cotangent::{lax, prelude::*};
/// let f = |xs: &Array| {
///     lax::scan(|sum: &Array, x: &Array| {
///         check(x.greater_equal(0.0), "{} is negative", x);
///         (sum + x, ())
///     }, 0.0, xs).0
/// };
/// let f = jit(checkify(f));
/// assert!(f(&Array::from([1.0f32, 2.0])).0.get().is_none());
/// let (err, _) = f(&Array::from([1.0f32, -2.0, -3.0]));
/// assert!(err.get().unwrap().starts_with("-2.0 is negative"));
/// ```
#[track_caller]
pub fn checkify<'f, P: Params, F: Func<'f, P>>(f: F) -> Checkify<'f, P, F::Out> {
    Checkify::new(f.boxed().into(), Automatic::default())
}
