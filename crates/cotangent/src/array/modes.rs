//! Options of a thread that hold in a scope: what promotion is allowed, whether `jit` compiles, and whether programs
//! run.

use std::cell::Cell;
use std::fmt;

use crate::error::scoped::with_value;

/// Which operands of different dtypes an operation accepts; see
/// [`numpy_dtype_promotion`](crate::numpy_dtype_promotion).
///
/// ```
/// use cotangent::{DTypePromotion, numpy_dtype_promotion, prelude::*};
/// let sum = || np::ones(3) + Array::from([1, 2, 3]);
/// assert_eq!(numpy_dtype_promotion(DTypePromotion::Standard, sum).dtype(), DType::F32);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DTypePromotion {
    /// All, as JAX's lattice promotes them.
    #[default]
    Standard,
    /// Those of one dtype, and Rust numbers of a kind that the dtype includes: an integer with any number type, a float
    /// with floats and complex numbers.
    Strict,
}

/// What happens where operands of different ranks meet; see [`numpy_rank_promotion`](crate::numpy_rank_promotion).
///
/// ```
/// use cotangent::{RankPromotion, numpy_rank_promotion, prelude::*};
/// let sum = || np::ones((2, 3)) + np::ones(3);
/// assert_eq!(numpy_rank_promotion(RankPromotion::Allow, sum).shape(), [2, 3]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RankPromotion {
    /// The operand of lower rank gets leading axes of size one.
    #[default]
    Allow,
    /// The same, with a line on standard error for each line of the program where it happens.
    Warn,
    /// It is an error.
    Raise,
}

/// What promotion is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Promotion {
    pub(crate) dtypes: DTypePromotion,
    pub(crate) ranks: RankPromotion,
}

impl fmt::Display for Promotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} for dtypes, {:?} for ranks", self.dtypes, self.ranks)
    }
}

/// The options of a thread.
#[derive(Clone, Copy)]
pub(crate) struct Modes {
    pub(crate) promotion: Promotion,
    /// Whether `jit` and the loops and branches of [`lax`](crate::lax) run their functions one operation at a time.
    pub(crate) without_jit: bool,
    /// Whether it is an error to run a program.
    pub(crate) without_execution: bool,
}

const STANDARD: Promotion = Promotion { dtypes: DTypePromotion::Standard, ranks: RankPromotion::Allow };

thread_local! {
    static MODES: Cell<Modes> =
        const { Cell::new(Modes { promotion: STANDARD, without_jit: false, without_execution: false }) };
}

/// The options of this thread.
#[inline]
pub(crate) fn modes() -> Modes {
    MODES.get()
}

/// Runs `f` with other options.
pub(crate) fn with_modes<R>(change: impl FnOnce(&mut Modes), f: impl FnOnce() -> R) -> R {
    let mut modes = MODES.get();
    change(&mut modes);
    with_value(&MODES, modes, f)
}
