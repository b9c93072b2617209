//! Options that hold in a scope of a thread.

use crate::array::modes::{DTypePromotion, RankPromotion, with_modes};

/// Runs a function in which `jit` does not compile: a jitted function is called like any other, and its operations run
/// one at a time. Its values are then there to look at, to print, and to stop at in a debugger.
///
/// * [`lax::cond`](fn@crate::lax::cond), [`switch`](crate::lax::switch), [`while_loop`](crate::lax::while_loop),
///   [`scan`](fn@crate::lax::scan), and what is made of them are decisions and loops in Rust. A condition that is not
///   known, as under `vmap`, stays in the program.
/// * Under `grad` and the other derivatives, operations are still recorded, and values can be read as ever outside of
///   `jit`. Under `vmap`, there is no single value to read.
/// * A library function of several operations is still one program.
/// * The results are the same up to rounding, and it is slow.
///
/// It applies to this thread. As in JAX, a jitted function runs where its arguments are, whatever
/// [`Jit::on`](crate::Jit::on) says.
///
/// ```
/// use cotangent::{disable_jit, prelude::*};
/// let f = jit(|x: &Array| {
///     let y = x.sin();
///     if !y.is_traced() {
///         assert_eq!(y.item::<f32>(), 0.0);
///     }
///     y.cos()
/// });
/// assert_eq!(disable_jit(|| f(&0.0.into())).item::<f32>(), 1.0);
/// ```
pub fn disable_jit<R>(f: impl FnOnce() -> R) -> R {
    with_modes(|modes| modes.without_jit = true, f)
}

/// Runs a function in which it is an error to run a program on a device. What is traced, lowered and compiled in it is
/// not.
///
/// It finds computations in what should only build programs, such as a function that prepares others. A number that is
/// known on the host is computed without a program and is allowed.
///
/// It applies to this thread.
///
/// ```
/// use cotangent::{no_execution, prelude::*};
/// let f = jit(|x: &Array| x.sin());
/// let x = np::zeros(3);
/// let compiled = no_execution(|| f.lower((&x,))?.compile())?;
/// assert!(no_execution(|| f.try_call((&x,))).is_err());
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn no_execution<R>(f: impl FnOnce() -> R) -> R {
    with_modes(|modes| modes.without_execution = true, f)
}

/// Runs a function in which operands of different dtypes are promoted as `promotion` says. With
/// [`DTypePromotion::Strict`], mixing two dtypes is an error at the line where they meet, to find conversions that
/// happen by accident. Rust numbers still take the dtype of the array beside them.
///
/// It applies to this thread. Functions that are traced in `f` keep it: a jitted function that is called inside and
/// outside is traced twice.
///
/// ```
/// use cotangent::{DTypePromotion, numpy_dtype_promotion, prelude::*};
/// let add = jit(|x: &Array, y: &Array| x + y * 2);
/// let (x, i) = (np::ones(3), Array::from([1, 2, 3]));
/// numpy_dtype_promotion(DTypePromotion::Strict, || {
///     assert!(add.try_call((&x, &x)).is_ok());
///     assert!(add.try_call((&x, &i)).unwrap_err().message().contains("have no dtype in common"));
/// });
/// ```
pub fn numpy_dtype_promotion<R>(promotion: DTypePromotion, f: impl FnOnce() -> R) -> R {
    with_modes(|modes| modes.promotion.dtypes = promotion, f)
}

/// Runs a function in which operands of different ranks are broadcast as `promotion` says. With
/// [`RankPromotion::Raise`], it is an error at the line where they meet, to find arrays that are broadcast by accident.
/// Scalars are always allowed.
///
/// It applies to this thread. Functions that are traced in `f` keep it: a jitted function that is called inside and
/// outside is traced twice.
///
/// ```
/// use cotangent::{RankPromotion, numpy_rank_promotion, prelude::*};
/// let (x, y) = (np::ones((2, 3)), np::ones(3));
/// numpy_rank_promotion(RankPromotion::Raise, || {
///     assert!(jit(|x: &Array, y: &Array| x + y).try_call((&x, &y)).is_err());
///     assert_eq!((&x * 2.0 + y.reshape((1, 3))).shape(), [2, 3]);
/// });
/// ```
pub fn numpy_rank_promotion<R>(promotion: RankPromotion, f: impl FnOnce() -> R) -> R {
    with_modes(|modes| modes.promotion.ranks = promotion, f)
}
