//! The error type, the codes of messages, and the user's line that an error belongs to. Not here: the messages, which stand where
//! they are raised.

#[cfg(feature = "evcxr")]
pub(crate) mod cell;
mod codes;
pub(crate) mod location;
pub(crate) mod scoped;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

/// A location in the user's source.
///
/// ```
/// use cotangent::extend::Loc;
/// let here: Loc = std::panic::Location::caller();
/// assert!(here.line() > 0);
/// ```
pub type Loc = &'static Location<'static>;

/// The result of every function of this crate that can fail without a panic.
///
/// ```
/// use cotangent::prelude::*;
/// fn read(x: &Array) -> Result<f32> {
///     x.try_item()
/// }
/// assert_eq!(read(&2.0.into()).unwrap(), 2.0);
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of mistake that an [`Error`] reports.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::ErrorKind;
/// let error = Array::from_vec(vec![1, 2], [3]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Shape);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes that do not fit an operation or each other.
    Shape,
    /// A dtype that an operation does not accept.
    DType,
    /// An axis out of range, or named twice.
    Axis,
    /// A traced value where a concrete one is needed: read under `jit`, used after its trace, or used on another
    /// thread.
    Trace,
    /// A transform applied to something it cannot transform.
    Transform,
    /// A pytree with another structure than expected.
    Structure,
    /// The plugin, the compiler or the device.
    Runtime,
    /// Arrays on different devices, or a device that does not exist.
    Device,
    /// The other processes of a job, or the way to them.
    Process,
    /// The user's own function panicked.
    Panic,
    /// A value out of range or otherwise unusable.
    Value,
}

impl ErrorKind {
    /// What the codes of this kind begin with.
    fn number(self) -> &'static str {
        match self {
            ErrorKind::Shape => "E01",
            ErrorKind::DType => "E02",
            ErrorKind::Axis => "E03",
            ErrorKind::Trace => "E04",
            ErrorKind::Transform => "E05",
            ErrorKind::Structure => "E06",
            ErrorKind::Runtime => "E07",
            ErrorKind::Device => "E08",
            ErrorKind::Process => "E09",
            ErrorKind::Panic => "E10",
            ErrorKind::Value => "E11",
        }
    }
}

/// An error with the user's location and, if there is one, a way to fix it.
///
/// An error of this crate is displayed with its [`code`](Error::code), for which there is a page with an example:
///
/// ```text
/// shapes f32[2] and f32[3] cannot be broadcast together
///   --> src/main.rs:7:15
///   help: aligned at the last dimension, sizes must be equal or one of them 1; …
///   more: cotangent explain E0101
/// ```
///
/// ```
/// use cotangent::prelude::*;
/// let error = Array::from_vec(vec![1, 2], [3]).unwrap_err();
/// assert!(error.to_string().contains("2 elements"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    message: String,
    location: Option<Loc>,
    help: Option<String>,
    /// Whether the message is the user's, and not a sentence of this crate, whose words have a code.
    foreign: bool,
}

impl Error {
    /// An error of `kind` with the message `message`.
    ///
    /// ```
    /// use cotangent::{Error, ErrorKind};
    /// assert_eq!(Error::new(ErrorKind::Axis, "no such axis").kind(), ErrorKind::Axis);
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, message: message.into(), location: None, help: None, foreign: false }))
    }

    /// An error about a value whose message is the user's: the text of a check.
    pub(crate) fn of_user(message: String) -> Error {
        let mut error = Error::value(message);
        error.0.foreign = true;
        error
    }

    /// An error about shapes.
    ///
    /// ```
    /// use cotangent::{Error, ErrorKind};
    /// assert_eq!(Error::shape("too long").kind(), ErrorKind::Shape);
    /// ```
    #[must_use]
    pub fn shape(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Shape, message)
    }

    /// An error about dtypes.
    ///
    /// ```
    /// use cotangent::{Error, ErrorKind};
    /// assert_eq!(Error::dtype("not an integer").kind(), ErrorKind::DType);
    /// ```
    #[must_use]
    pub fn dtype(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::DType, message)
    }

    /// An error about a value.
    ///
    /// ```
    /// use cotangent::{Error, ErrorKind};
    /// assert_eq!(Error::value("too big").kind(), ErrorKind::Value);
    /// ```
    #[must_use]
    pub fn value(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Value, message)
    }

    /// Adds a help text: what to write instead.
    ///
    /// ```
    /// use cotangent::Error;
    /// assert_eq!(Error::value("too big").help("take less").to_string(), "too big\n  help: take less");
    /// ```
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Error {
        self.0.help = Some(help.into());
        self
    }

    /// Prepends `what` and a colon to the message.
    ///
    /// ```
    /// use cotangent::Error;
    /// assert_eq!(Error::value("too big").context("pad").message(), "pad: too big");
    /// ```
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Error {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Records the location, unless one is recorded already.
    ///
    /// ```
    /// use cotangent::Error;
    /// let error = Error::value("too big").at(std::panic::Location::caller());
    /// assert!(error.location().is_some());
    /// ```
    #[must_use]
    pub fn at(mut self, location: Loc) -> Error {
        self.0.location.get_or_insert(location);
        self
    }

    /// The kind of mistake.
    ///
    /// ```
    /// use cotangent::{Error, ErrorKind};
    /// assert_eq!(Error::value("too big").kind(), ErrorKind::Value);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code of the mistake, such as `E0101` for shapes that cannot be broadcast. `cotangent explain E0101` prints
    /// what it means and how to fix it, with an example; so does the book.
    ///
    /// A code stands for one mistake, whichever function reports it. An error has it by its kind and the words of its
    /// message, so an error of your own has none, unless it is worded like one of this crate.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let error = jit(|x: &Array, y: &Array| x + y).try_call((&np::zeros(2), &np::zeros(3))).unwrap_err();
    /// assert_eq!(error.code(), Some("E0101"));
    /// assert_eq!(Error::value("too big").code(), None);
    /// ```
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        if self.0.foreign { None } else { codes::code(self.0.kind.number(), &self.0.message) }
    }

    /// The message, without location, help and code.
    ///
    /// ```
    /// use cotangent::Error;
    /// assert_eq!(Error::value("too big").help("take less").message(), "too big");
    /// ```
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The user's line, if it is known.
    ///
    /// ```
    /// use cotangent::Error;
    /// assert!(Error::value("too big").location().is_none());
    /// ```
    #[must_use]
    pub fn location(&self) -> Option<Loc> {
        self.0.location
    }
}

/// The code at a location, where it says more than the number of the line: in a notebook.
#[cfg(feature = "evcxr")]
fn code(location: Loc) -> Option<String> {
    cell::code(location)
}

#[cfg(not(feature = "evcxr"))]
fn code(_: Loc) -> Option<String> {
    None
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(location) = self.0.location {
            match code(location) {
                Some(code) => write!(f, "\n  --> {code}")?,
                None => write!(f, "\n  --> {location}")?,
            }
        }
        if let Some(help) = &self.0.help {
            write!(f, "\n  help: {help}")?;
        }
        if let Some(code) = self.code() {
            write!(f, "\n  more: cotangent explain {code}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}

thread_local! {
    /// How many calls of `attempt` this thread is in.
    static ATTEMPTS: Cell<usize> = const { Cell::new(0) };
}

/// Raises a user's mistake as a panic; no other function does.
///
/// Inside [`attempt`], the error unwinds as a value and the panic hook is silent.
#[track_caller]
pub(crate) fn raise(error: Error) -> ! {
    let error = error.at(location::location(Location::caller()));
    if ATTEMPTS.get() > 0 {
        resume_unwind(Box::new(error));
    }
    // Evcxr has every panic print a backtrace, of which no line belongs to the cell. The message quotes the cell.
    #[cfg(feature = "evcxr")]
    if error.location().and_then(code).is_some() {
        cell::show(&error);
        resume_unwind(Box::new(error));
    }
    panic!("{error}");
}

/// Unwraps a result, or raises its error at the caller's line.
pub(crate) trait OrRaise<T> {
    #[track_caller]
    fn or_raise(self) -> T;
}

impl<T> OrRaise<T> for Result<T> {
    #[track_caller]
    fn or_raise(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => raise(error),
        }
    }
}

/// Runs `f` and returns whatever it raised as an [`Error`], including a panic of the user's own.
pub(crate) fn attempt<R>(f: impl FnOnce() -> R) -> Result<R> {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            ATTEMPTS.set(ATTEMPTS.get() - 1);
        }
    }
    ATTEMPTS.set(ATTEMPTS.get() + 1);
    let guard = Guard;
    // Unwinding leaves nothing of the library half done: frames pop in a drop guard, caches are filled only on success.
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(guard);
    result.map_err(|payload| match payload.downcast::<Error>() {
        Ok(error) => *error,
        Err(payload) => {
            let text = (payload.downcast_ref::<String>().map(String::as_str))
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a message");
            Error::new(ErrorKind::Panic, format!("the traced function panicked: {text}"))
        }
    })
}
