//! Whole Jacobians and Hessians, a column or a row for each element of a basis, all in one program.

use crate::core::array::Array;
use crate::core::dtype::DType;
use crate::core::error::{Error, ErrorKind, OrRaise};
use crate::core::trace::bind1;
use crate::ops::compare::Eq;
use crate::ops::shape::Iota;

use super::func::{Arg, Argnums, Func, Nth, Params};
use super::grad::grad;
use super::linear::{linearize, vjp};
use super::program::as_program;
use super::vmap::vmap;

/// The unit arrays of a shape, along a new leading axis.
fn basis(like: &Array) -> Array {
    let n = like.size();
    let shape = crate::Shape::new(&[n, n]);
    let count = |dimension| bind1(Iota { dtype: DType::I32, shape: shape.clone(), dimension }, &[]);
    let unit = bind1(Eq, &[&count(0), &count(1)]).astype(like.dtype());
    unit.reshape(like.aval().shape.insert(0, n))
}

#[track_caller]
fn check_float(what: &str, x: &Array) {
    if !x.dtype().is_float() {
        let message = format!("{what} needs real floating-point arrays, got {}", x.aval());
        Err(Error::new(ErrorKind::Transform, message)).or_raise()
    }
}

/// A function of arrays and its Jacobian's place in the calls: the first argument and the result are arrays.
macro_rules! jacobian {
    ($(#[$doc:meta])* $name:ident, |$f:ident, $args:ident, $x:ident| $body:expr) => {
        $(#[$doc])*
        pub fn $name<'f, P: Params + Nth<0, Value = Array>, F: Func<'f, P, Out = Array>>(f: F) -> Box<P::Dyn<'f, Array>> {
            let $f = f.boxed();
            P::wrap(move |outer| {
                let leaves: Vec<Array> = P::leaves(outer).0.into_iter().cloned().collect();
                check_float(stringify!($name), <P as Nth<0>>::nth(outer));
                let (mut results, ()) = as_program(&leaves, |leaves| {
                    let values = P::rebuild(outer, &mut leaves.iter().cloned());
                    let $args = P::refs(&values);
                    let $x = <P as Nth<0>>::nth($args);
                    (vec![$body], ())
                });
                results.swap_remove(0)
            })
        }
    };
}

jacobian! {
    /// The Jacobian of an array-valued function with respect to its first argument, by forward mode: one pass for each
    /// element of the argument, all at once. Its shape is that of the result followed by that of the argument.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = |x: &Array| x * x;
    /// let jacobian = jacfwd(f)(&Array::from([1.0f32, 2.0]));
    /// assert_eq!(jacobian.to_vec::<f32>(), [2.0, 0.0, 0.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// When the argument is not real floating point.
    jacfwd, |f, args, x| {
        let (y, df) = linearize(
            |x: &Array| P::call(&*f, P::rebuild(args, &mut first_replaced::<P>(args, x.clone()))),
            (x,),
        );
        let columns = vmap(move |t: &Array| df(t))(&basis(x));
        let columns = columns.reshape(y.aval().shape.insert(0, x.size()));
        let mut order: Vec<usize> = (1..=y.ndim()).collect();
        order.push(0);
        let shape: crate::Shape = y.shape().iter().chain(x.shape()).copied().collect();
        columns.permute(&order).reshape(&shape)
    }
}

jacobian! {
    /// The Jacobian of an array-valued function with respect to its first argument, by reverse mode: one pass for each
    /// element of the result, all at once. Its shape is that of the result followed by that of the argument.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = |x: &Array| x.sin().reshape([2, 1]);
    /// let jacobian = jacrev(f)(&Array::from([0.0f32, 0.0]));
    /// assert_eq!(jacobian.shape(), [2, 1, 2]);
    /// assert_eq!(jacobian.to_vec::<f32>(), [1.0, 0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When argument or result are not real floating point.
    jacrev, |f, args, x| {
        let (y, back) = vjp(
            |x: &Array| P::call(&*f, P::rebuild(args, &mut first_replaced::<P>(args, x.clone()))),
            (x,),
        );
        check_float("jacrev", &y);
        let rows = vmap(move |ct: &Array| back(ct).0)(&basis(&y));
        let shape: crate::Shape = y.shape().iter().chain(x.shape()).copied().collect();
        rows.reshape(&shape)
    }
}

/// The leaves of a call's arguments with the first one, an array, replaced.
fn first_replaced<P: Params>(args: P::Refs<'_>, x: Array) -> impl Iterator<Item = Array> {
    std::iter::once(x).chain(P::leaves(args).0.into_iter().skip(1).cloned())
}

/// The Hessian of a scalar function with respect to its first argument: forward mode over reverse mode. Its shape is
/// that of the argument twice.
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| (x * x * x).sum();
/// let hessian = hessian(f)(&Array::from([1.0f32, 2.0]));
/// assert_eq!(hessian.to_vec::<f32>(), [6.0, 0.0, 0.0, 12.0]);
/// ```
///
/// # Panics
/// When the function's result is not a real scalar.
#[track_caller]
pub fn hessian<'f, P, F>(f: F) -> Box<P::Dyn<'f, Array>>
where
    P: Params + Nth<0, Value = Array>,
    F: Func<'f, P, Out = Array>,
    Arg<0>: Argnums<P, Grads = Array>,
{
    jacfwd(grad(f))
}
