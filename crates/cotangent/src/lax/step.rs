//! Bodies of loops: closures that take their arguments by reference or by value.

use crate::api::func::{Own, Ref};

/// A closure that is the body of a loop. It takes each argument by reference or by value. By value, it can pass a part
/// of its carry on without a copy of the handle, and consume a [`Key`](crate::random::Key).
///
/// `P` records how the arguments are passed, and is inferred. The closure must name the types of its arguments.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let keys = random::split(random::key(0), 3);
/// let walk = |x: Array, key: random::Key| (x + random::normal(key, ()), ());
/// let (end, ()) = lax::scan(walk, 0.0, &keys);
/// assert_eq!(end.ndim(), 0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a body for this loop",
    label = "the body must be an `Fn` that takes `{Args}`, each by reference or by value",
    note = "a body takes the carry, and in `scan` and `map` also a slice of the inputs: `|carry: &Array, x: &Array| …`",
    note = "an `FnMut` cannot be a body: what changes between iterations belongs in the carry"
)]
pub trait Step<P, Args> {
    /// The result of the body.
    type Out;
    /// Runs the body once.
    fn step(&self, args: Args) -> Self::Out;
}

impl<A, R, F: Fn(&A) -> R> Step<(Ref<A>,), (A,)> for F {
    type Out = R;
    fn step(&self, (a,): (A,)) -> R {
        self(&a)
    }
}

impl<A: crate::tree::Tree, R, F: Fn(A) -> R> Step<(Own<A>,), (A,)> for F {
    type Out = R;
    fn step(&self, (a,): (A,)) -> R {
        self(a)
    }
}

impl<A, B, R, F: Fn(&A, &B) -> R> Step<(Ref<A>, Ref<B>), (A, B)> for F {
    type Out = R;
    fn step(&self, (a, b): (A, B)) -> R {
        self(&a, &b)
    }
}

impl<A, B: crate::tree::Tree, R, F: Fn(&A, B) -> R> Step<(Ref<A>, Own<B>), (A, B)> for F {
    type Out = R;
    fn step(&self, (a, b): (A, B)) -> R {
        self(&a, b)
    }
}

impl<A: crate::tree::Tree, B, R, F: Fn(A, &B) -> R> Step<(Own<A>, Ref<B>), (A, B)> for F {
    type Out = R;
    fn step(&self, (a, b): (A, B)) -> R {
        self(a, &b)
    }
}

impl<A: crate::tree::Tree, B: crate::tree::Tree, R, F: Fn(A, B) -> R> Step<(Own<A>, Own<B>), (A, B)> for F {
    type Out = R;
    fn step(&self, (a, b): (A, B)) -> R {
        self(a, b)
    }
}
