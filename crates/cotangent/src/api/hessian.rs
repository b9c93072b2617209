//! Hessians: matrices of second derivatives.

use std::panic::Location;
use std::sync::Arc;

use crate::error::Loc;
use crate::tree::leafwise::Leafwise;

use super::callable::transformable;
use super::func::{Arg, Argnums, Func, Params};
use super::grad::GradOptions;
use super::jacobian::{Jacobian, Mode, NoAux, Of};

/// The result of a Hessian function: the Jacobian of the Jacobian.
type Twice<R, P, N, S> = Of<Of<R, P, N, S>, P, N, S>;

/// A function that computes a Hessian; made by [`hessian`].
///
/// ```
/// use cotangent::prelude::*;
/// let second = hessian(|x: &Array, y: &Array| x * y.powi(3)).argnums(args!(1));
/// assert_eq!(second(&2.0.into(), &3.0.into()).item::<f32>(), 36.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Hessian<'f, P: Params, R: Leafwise, N: Argnums<P> = Arg<0>>
where
    Of<R, P, N, NoAux>: Leafwise,
{
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, Twice<R, P, N, NoAux>>>,
    options: GradOptions,
    loc: Loc,
}

impl<'f, P: Params, R: Leafwise, N: Argnums<P>> Hessian<'f, P, R, N>
where
    Of<R, P, N, NoAux>: Leafwise,
{
    fn new(f: Arc<P::Dyn<'f, R>>, options: GradOptions, loc: Loc) -> Self {
        let first: Jacobian<'f, P, R, N, NoAux> = Jacobian::new(f.clone(), Mode::Reverse, options, loc);
        let second: Jacobian<'f, P, Of<R, P, N, NoAux>, N, NoAux> =
            Jacobian::new(first.call.into(), Mode::Forward, options, loc);
        Hessian { f, call: second.call, options, loc }
    }

    /// Selects the arguments to differentiate with respect to, instead of the first. With several arguments, the
    /// Hessian is a tuple of tuples.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let ((xx, xy), (yx, yy)) = hessian(|x: &Array, y: &Array| x * x * y).argnums(args!(0, 1))(&2.0.into(), &3.0.into());
    /// assert_eq!([xx, xy, yx, yy].map(|h| h.item::<f32>()), [6.0, 4.0, 4.0, 0.0]);
    /// ```
    pub fn argnums<M: Argnums<P>>(self, _: M) -> Hessian<'f, P, R, M>
    where
        Of<R, P, M, NoAux>: Leafwise,
    {
        Hessian::new(self.f, self.options, self.loc)
    }

    /// Computes the complex second derivatives of a holomorphic function.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let z = Array::from(1.0).complex(2.0);
    /// let h = hessian(|z: &Array| z * z * z).holomorphic()(&z); // 6z
    /// assert_eq!((h.real().item::<f32>(), h.imag().item::<f32>()), (6.0, 12.0));
    /// ```
    pub fn holomorphic(self) -> Self {
        Hessian::new(self.f, GradOptions { holomorphic: true, ..self.options }, self.loc)
    }
}

transformable! {
    impl['f, P: Params, R: Leafwise, N: Argnums<P>] Hessian<'f, P, R, N>: 'f -> Twice<R, P, N, NoAux> where [Of<R, P, N, NoAux>: Leafwise,];
    |this, f| write!(f, "hessian(… at {})", this.loc)
}

/// Returns a function that computes the second derivatives with respect to the first argument, by forward mode over
/// reverse mode. For a scalar function of an array, the Hessian's shape is the argument's shape twice. For a tree as
/// argument, it is a tree of trees ([`Leafwise`]).
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| (x * x * x).sum();
/// let hessian = hessian(f)(&Array::from([1.0f32, 2.0]));
/// assert_eq!(hessian.to_vec::<f32>(), [6.0, 0.0, 0.0, 12.0]);
/// ```
///
/// # Panics
/// The transformed function panics if the argument or the result is not real floating point.
#[track_caller]
pub fn hessian<'f, P: Params, F: Func<'f, P>>(f: F) -> Hessian<'f, P, F::Out>
where
    F::Out: Leafwise,
    Arg<0>: Argnums<P>,
    Of<F::Out, P, Arg<0>, NoAux>: Leafwise,
{
    Hessian::new(f.boxed().into(), GradOptions::default(), Location::caller())
}
