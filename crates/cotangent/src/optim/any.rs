//! Optimizers and states whose types are not known statically.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::array::Array;
use crate::error::{Error, ErrorKind, raise};
use crate::tree::{Leaves, Path, Tree};

use super::optimizer::{Context, Optimizer};
use super::per_leaf::PerLeaf;

/// Any optimizer. [`Optimizer::boxed`] makes it.
///
/// ```
/// use cotangent::{optim::{self, AnyOptimizer}, prelude::*};
/// fn by_name(name: &str) -> AnyOptimizer {
///     match name {
///         "sgd" => optim::sgd(0.1).momentum(0.9).boxed(),
///         _ => optim::adam(1e-3).boxed(),
///     }
/// }
/// let (optimizer, x) = (by_name("sgd"), np::ones(2));
/// let (x, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
/// assert_eq!(x.to_vec::<f32>(), [0.9, 0.9]);
/// ```
#[derive(Clone)]
pub struct AnyOptimizer(Arc<dyn Erased>);

impl AnyOptimizer {
    pub(super) fn new(optimizer: impl Optimizer + 'static) -> AnyOptimizer {
        AnyOptimizer(Arc::new(optimizer))
    }
}

impl fmt::Debug for AnyOptimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyOptimizer({})", self.0.name())
    }
}

impl Optimizer for AnyOptimizer {
    type State = AnyState;

    fn start(&self, params: &PerLeaf) -> AnyState {
        self.0.start(params)
    }

    fn advance(&self, updates: PerLeaf, state: &AnyState, cx: &Context<'_>) -> (PerLeaf, AnyState) {
        self.0.advance(updates, state, cx)
    }

    fn stored(&self, state: &AnyState) -> Option<(Array, PerLeaf)> {
        self.0.stored(state)
    }
}

/// An optimizer with the type of its state hidden.
trait Erased: Send + Sync {
    fn name(&self) -> &'static str;
    fn start(&self, params: &PerLeaf) -> AnyState;
    fn advance(&self, updates: PerLeaf, state: &AnyState, cx: &Context<'_>) -> (PerLeaf, AnyState);
    fn stored(&self, state: &AnyState) -> Option<(Array, PerLeaf)>;
}

impl<O: Optimizer> Erased for O {
    fn name(&self) -> &'static str {
        std::any::type_name::<O>()
    }

    fn start(&self, params: &PerLeaf) -> AnyState {
        AnyState::new(Optimizer::start(self, params))
    }

    fn advance(&self, updates: PerLeaf, state: &AnyState, cx: &Context<'_>) -> (PerLeaf, AnyState) {
        let (updates, state) = Optimizer::advance(self, updates, state.expect::<O>(), cx);
        (updates, AnyState::new(state))
    }

    fn stored(&self, state: &AnyState) -> Option<(Array, PerLeaf)> {
        Optimizer::stored(self, state.expect::<O>())
    }
}

/// The state of any optimizer.
///
/// ```
/// use cotangent::{optim::{self, AnyState, ScaleByAdamState}, prelude::*};
/// let state: AnyState = optim::scale_by_adam().boxed().init(&np::ones(2));
/// assert_eq!(state.get::<ScaleByAdamState>().unwrap().count.item::<i32>(), 0);
/// ```
pub struct AnyState(Box<dyn State>);

impl AnyState {
    fn new(state: impl Tree + Clone + fmt::Debug) -> AnyState {
        AnyState(Box::new(state))
    }

    /// Returns the state if it has this type.
    ///
    /// ```
    /// use cotangent::{optim::{self, ScaleByAdamState}, prelude::*};
    /// let state = optim::sgd(0.1).boxed().init(&np::ones(2));
    /// assert!(state.get::<ScaleByAdamState>().is_none());
    /// ```
    pub fn get<S: Tree>(&self) -> Option<&S> {
        self.0.as_any().downcast_ref()
    }

    #[track_caller]
    fn expect<O: Optimizer>(&self) -> &O::State {
        self.get().unwrap_or_else(|| {
            let message = format!("the state is not that of {}", std::any::type_name::<O>());
            raise(
                Error::new(ErrorKind::Structure, message)
                    .help("pass the state that `init` of the same optimizer made, or a step with it"),
            )
        })
    }
}

impl Clone for AnyState {
    fn clone(&self) -> AnyState {
        AnyState(self.0.copy())
    }
}

impl fmt::Debug for AnyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A tree with its type hidden.
trait State: Send + Sync + fmt::Debug {
    fn as_any(&self) -> &dyn Any;
    fn copy(&self) -> Box<dyn State>;
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>);
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Box<dyn State>;
    fn same_structure(&self, other: &dyn Any) -> bool;
    fn paths(&self, path: &mut Path<'_>);
}

impl<S: Tree + Clone + fmt::Debug> State for S {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn copy(&self) -> Box<dyn State> {
        Box::new(self.clone())
    }

    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        Tree::leaves(self, out);
    }

    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Box<dyn State> {
        Box::new(Tree::rebuild(self, leaves))
    }

    fn same_structure(&self, other: &dyn Any) -> bool {
        other.downcast_ref().is_some_and(|other| Tree::same_structure(self, other))
    }

    fn paths(&self, path: &mut Path<'_>) {
        Tree::paths(self, path);
    }
}

impl Tree for AnyState {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        self.0.leaves(out);
    }

    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        AnyState(self.0.rebuild(leaves))
    }

    fn same_structure(&self, other: &Self) -> bool {
        self.0.same_structure(other.0.as_any())
    }

    fn paths(&self, path: &mut Path<'_>) {
        self.0.paths(path);
    }
}
