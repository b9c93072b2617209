//! The precision of products: what an operation asks for, and the default.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use stablehlo::Attr;

use crate::error::scoped::with_value;
use crate::error::{Error, OrRaise, Result};
use crate::ir::print::tuple;

/// The environment variable that names the default.
const VARIABLE: &str = "COTANGENT_DEFAULT_MATMUL_PRECISION";

/// The precision of products of floats on devices that have a choice. The CPU has none.
///
/// On an NVIDIA GPU, the default multiplies `f32` as TF32, with 10 bits of the significand, and so does `High`.
///
/// ```
/// use cotangent::lax::Precision;
/// assert_eq!(Precision::Highest.to_string(), "Precision.HIGHEST");
/// assert_eq!("float32".parse(), Ok(Precision::Highest));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// The fastest precision, with as few as 8 bits of the significand.
    #[default]
    Default,
    /// A higher precision, at some cost.
    High,
    /// The full precision of the dtype.
    Highest,
}

impl Precision {
    const ALL: [Precision; 3] = [Precision::Default, Precision::High, Precision::Highest];

    fn name(self) -> &'static str {
        match self {
            Precision::Default => "DEFAULT",
            Precision::High => "HIGH",
            Precision::Highest => "HIGHEST",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Precision.{}", self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    /// Reads a name as JAX has it: `default`, `high`, `highest`, or the dtype whose significand suffices: `bfloat16`,
    /// `tensorfloat32`, `float32`.
    fn from_str(name: &str) -> Result<Precision> {
        Ok(match name {
            "default" | "bfloat16" => Precision::Default,
            "high" | "tensorfloat32" => Precision::High,
            "highest" | "float32" => Precision::Highest,
            _ => {
                return Err(Error::value(format!("there is no precision named `{name}`"))
                    .help("the names are `default`, `high`, `highest`, `bfloat16`, `tensorfloat32` and `float32`"));
            }
        })
    }
}

/// The default of the process: 0 if it is not set, otherwise one more than the place in `Precision::ALL`.
static DEFAULT: AtomicU8 = AtomicU8::new(0);

thread_local! {
    /// The default of the innermost scope.
    static SCOPE: Cell<Option<Precision>> = const { Cell::new(None) };
}

/// Sets the precision of products that ask for none, for this process. It precedes
/// `COTANGENT_DEFAULT_MATMUL_PRECISION`.
///
/// ```no_run
/// use cotangent::{lax::Precision, set_default_matmul_precision};
/// set_default_matmul_precision(Precision::Highest);
/// ```
pub fn set_default_matmul_precision(precision: Precision) {
    DEFAULT.store(1 + precision as u8, Ordering::Relaxed);
}

/// Runs `f` with another precision of products that ask for none, on this thread. Functions that are traced in `f` keep
/// it: a jitted function that is called inside and outside is traced twice.
///
/// ```
/// use cotangent::{default_matmul_precision, lax::Precision, prelude::*};
/// let product = make_jaxpr(|x: &Array| np::matmul(x, x));
/// let x = np::ones([2, 2]);
/// let exact = default_matmul_precision(Precision::Highest, || product(&x));
/// assert!(exact.to_string().contains("precision=(Precision.HIGHEST, Precision.HIGHEST)"));
/// assert!(!product(&x).to_string().contains("precision"));
/// ```
pub fn default_matmul_precision<R>(precision: Precision, f: impl FnOnce() -> R) -> R {
    with_value(&SCOPE, Some(precision), f)
}

/// Returns the precision of products that ask for none: that of the innermost scope, of the process, or of the
/// environment.
#[track_caller]
pub(crate) fn default_precision() -> Option<Precision> {
    static ENVIRONMENT: OnceLock<Option<Precision>> = OnceLock::new();
    let of_process = || Precision::ALL.get(usize::from(DEFAULT.load(Ordering::Relaxed)).checked_sub(1)?).copied();
    SCOPE.get().or_else(of_process).or_else(|| {
        *ENVIRONMENT.get_or_init(|| {
            let name = std::env::var(VARIABLE).ok()?;
            Some(name.parse().map_err(|e: Error| e.context(VARIABLE)).or_raise())
        })
    })
}

/// Returns the precision of both operands as a jaxpr prints it.
pub(super) fn precision_param(precision: Option<[Precision; 2]>) -> String {
    precision.map_or_else(|| "None".to_string(), |p| tuple(&p))
}

/// Returns the precision of both operands as a StableHLO attribute.
pub(super) fn precision_config(precision: Option<[Precision; 2]>) -> Attr {
    match precision {
        None => Attr::Static("[#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]"),
        Some([a, b]) => Attr::Raw(format!("[#stablehlo<precision {}>, #stablehlo<precision {}>]", a.name(), b.name())),
    }
}
