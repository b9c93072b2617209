//! Shapes and dtypes of results, without computing them.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Result, attempt};
use crate::trace::frames::Inputs;
use crate::tree::Tree;

use super::callable::callable;
use super::func::{Func, Params};
use super::program::trace;

/// A function that returns only shapes and dtypes, as returned by [`eval_shape`].
///
/// ```
/// use cotangent::{eval_shape, prelude::*};
/// let shapes = eval_shape(|x: &Array| x.reshape([3, 2]));
/// assert_eq!(shapes(&np::zeros([2, 3])).shape(), [3, 2]);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct EvalShape<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R>>,
    loc: &'static Location<'static>,
}

callable! {
    impl['f, P: Params, R: Tree] EvalShape<'f, P, R>: 'f -> R;
    |this, f| write!(f, "eval_shape(… at {})", this.loc)
}

impl<P: Params, R: Tree> EvalShape<'_, P, R> {
    /// Calls the function and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// If tracing the function fails, for example because shapes do not match, or if the user's own code panics.
    ///
    /// ```
    /// use cotangent::{eval_shape, prelude::*};
    /// let shapes = eval_shape(|x: &Array| x.reshape([5]));
    /// assert!(shapes.try_call((&np::zeros([2, 3]),)).is_err());
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| shapes::<P, R>(&*self.f, args))
    }
}

/// Returns a function that computes only the shapes and dtypes of a function's results. It traces the function without
/// compiling or running anything.
///
/// The result has the structure of the function's result. Only the shape and dtype of its arrays are known, as in
/// arrays made by [`Array::shape_dtype_struct`]. Such arrays may also be passed as arguments.
///
/// ```
/// use cotangent::{eval_shape, prelude::*};
/// let shapes = eval_shape(|a: &Array, b: &Array| (np::matmul(a, b), a.sum()));
/// let (product, sum) = shapes(
///     &Array::shape_dtype_struct([2000, 1000], DType::F32),
///     &Array::shape_dtype_struct([1000, 3000], DType::F32),
/// );
/// assert_eq!((product.shape(), sum.shape()), (&[2000, 3000][..], &[][..]));
/// assert_eq!(product.dtype(), DType::F32);
/// ```
///
/// # Panics
/// The returned function panics if the original function would panic for these shapes, or if it reads a value.
#[track_caller]
pub fn eval_shape<'f, P: Params, F: Func<'f, P>>(f: F) -> EvalShape<'f, P, F::Out> {
    let f: Arc<P::Dyn<'f, F::Out>> = f.boxed().into();
    let inner = f.clone();
    EvalShape { f, call: P::wrap(move |args| shapes::<P, F::Out>(&*inner, args)), loc: Location::caller() }
}

fn shapes<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>) -> R {
    let avals: Vec<Aval> = P::leaves(args).0.into_iter().map(Array::aval).collect();
    let (_, result) = trace::<P, R>(f, args, &avals, &Inputs::Unknown("inside `eval_shape`"));
    result.map(|x| Array::of_aval(&x.aval()))
}
