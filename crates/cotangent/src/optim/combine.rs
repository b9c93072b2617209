//! Chains.

use crate::array::Array;
use crate::error::{Error, ErrorKind, raise};

use super::optimizer::{Context, Optimizer};
use super::per_leaf::PerLeaf;

/// Applies optimizers one after another: each takes the updates of the one before it, and the first takes the
/// gradients.
///
/// A tuple of optimizers, or a `Vec`, is such a chain by itself; this function names it. Its state has the states of
/// all, in the same order.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let optimizer = optim::chain((optim::clip_by_global_norm(1.0), optim::sgd(0.5)));
/// let x = np::zeros(2);
/// let (x, _) = optimizer.apply(&x, &np::array([30.0, 40.0]), &optimizer.init(&x));
/// assert_eq!(x.to_vec::<f32>(), [-0.3, -0.4]);
/// ```
pub fn chain<O: Optimizer>(optimizers: O) -> O {
    optimizers
}

/// Leaves updates as they are.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let x = np::ones(2);
/// let (updates, ()) = optim::identity().update(&x, &(), &x);
/// assert_eq!(updates.to_vec::<f32>(), [1.0, 1.0]);
/// ```
pub fn identity() {}

impl Optimizer for () {
    type State = ();

    fn start(&self, _: &PerLeaf) {}

    fn advance(&self, updates: PerLeaf, (): &(), _: &Context<'_>) -> (PerLeaf, ()) {
        (updates, ())
    }
}

macro_rules! tuples {
    ($($O:ident $i:tt),*) => {
        impl<$($O: Optimizer),*> Optimizer for ($($O,)*) {
            type State = ($($O::State,)*);

            fn start(&self, params: &PerLeaf) -> Self::State {
                ($(self.$i.start(params),)*)
            }

            fn advance(&self, mut updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
                let next = ($({
                    let (passed, next) = self.$i.advance(updates, &state.$i, cx);
                    updates = passed;
                    next
                },)*);
                (updates, next)
            }

            fn stored(&self, state: &Self::State) -> Option<(Array, PerLeaf)> {
                None$(.or_else(|| self.$i.stored(&state.$i)))*
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

impl<O: Optimizer> Optimizer for Vec<O> {
    type State = Vec<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        self.iter().map(|part| part.start(params)).collect()
    }

    fn advance(&self, mut updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        if state.len() != self.len() {
            let message = format!("a chain of {} optimizers was given a state of {}", self.len(), state.len());
            raise(Error::new(ErrorKind::Structure, message).help("make the state with `init` of the same chain"));
        }
        let mut next = Vec::new();
        for (part, state) in self.iter().zip(state) {
            let (passed, state) = part.advance(updates, state, cx);
            updates = passed;
            next.push(state);
        }
        (updates, next)
    }

    fn stored(&self, state: &Self::State) -> Option<(Array, PerLeaf)> {
        self.iter().zip(state).find_map(|(part, state)| part.stored(state))
    }
}

/// An optimizer that may be absent.
impl<O: Optimizer> Optimizer for Option<O> {
    type State = Option<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        self.as_ref().map(|part| part.start(params))
    }

    fn advance(&self, updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        match (self, state) {
            (Some(part), Some(state)) => {
                let (updates, next) = part.advance(updates, state, cx);
                (updates, Some(next))
            }
            _ => (updates, None),
        }
    }

    fn stored(&self, state: &Self::State) -> Option<(Array, PerLeaf)> {
        self.as_ref().zip(state.as_ref()).and_then(|(part, state)| part.stored(state))
    }
}
