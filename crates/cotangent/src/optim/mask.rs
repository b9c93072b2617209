//! Optimizers for some of the parameters.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::array::Array;
use crate::error::{Error, raise};
use crate::numpy::{self as np};
use crate::tree::MapKey;

use super::optimizer::{Context, Loss, Optimizer};
use super::per_leaf::PerLeaf;
use super::scale::{SetToZero, set_to_zero};

/// A choice of parameters: a function of the path and the value of each leaf, or a boolean for all of them.
///
/// ```
/// use cotangent::{optim::{self, Mask}, prelude::*};
/// let matrices: Mask = (|_: &str, x: &Array| x.ndim() > 1).into();
/// let weights: Mask = (|path: &str, _: &Array| path.ends_with(".weight")).into();
/// let optimizer = optim::adamw(1e-3).mask(matrices);
/// # let _ = (weights, optimizer);
/// ```
#[derive(Clone)]
pub struct Mask(Arc<Label<bool>>);

/// A function of the path and the value of a leaf.
type Label<K> = dyn Fn(&str, &Array) -> K + Send + Sync;

impl Mask {
    pub(super) fn of(&self, params: &PerLeaf) -> PerLeaf<bool> {
        params.map_with_path(|path, x| self.0(path, x))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl From<bool> for Mask {
    fn from(all: bool) -> Mask {
        Mask(Arc::new(move |_, _| all))
    }
}

impl<F: Fn(&str, &Array) -> bool + Send + Sync + 'static> From<F> for Mask {
    fn from(f: F) -> Mask {
        Mask(Arc::new(f))
    }
}

/// What [`masked`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Masked<O> {
    inner: O,
    mask: Mask,
}

/// Applies an optimizer to the parameters that a mask selects. The updates of the others stay as they are, and the
/// state has nothing for them.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let params = (np::ones((2, 2)), np::ones(2));
/// let part = optim::masked(optim::scale(0.5), |_: &str, x: &Array| x.ndim() > 1);
/// let (updates, ()) = part.update(&params, &(), &params);
/// assert_eq!((updates.0.sum().item::<f32>(), updates.1.sum().item::<f32>()), (2.0, 2.0));
/// ```
pub fn masked<O: Optimizer>(inner: O, mask: impl Into<Mask>) -> Masked<O> {
    Masked { inner, mask: mask.into() }
}

/// Replaces the updates of the parameters that a mask selects by zeros.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let params = (np::ones((2, 2)), np::ones(2));
/// let optimizer = (optim::sgd(0.5), optim::freeze(|path: &str, _: &Array| path == "[1]"));
/// let (next, _) = optimizer.apply(&params, &params, &optimizer.init(&params));
/// assert_eq!((next.0.sum().item::<f32>(), next.1.sum().item::<f32>()), (2.0, 2.0));
/// ```
pub fn freeze(mask: impl Into<Mask>) -> Masked<SetToZero> {
    masked(set_to_zero(), mask)
}

/// One step of `inner` on the leaves that `mask` selects.
fn advance<O: Optimizer>(
    inner: &O,
    mask: &PerLeaf<bool>,
    updates: &PerLeaf,
    state: &O::State,
    cx: &Context<'_>,
) -> (PerLeaf, O::State) {
    let loss = cx.loss.map(|loss| move |part: &PerLeaf| loss(&cx.params.replace(mask, part)));
    let inside = Context {
        params: &cx.params.select(mask),
        gradients: &cx.gradients.select(mask),
        value: cx.value,
        loss: loss.as_ref().map(|loss| loss as &Loss<'_>),
    };
    let (part, next) = inner.advance(updates.select(mask), state, &inside);
    (updates.replace(mask, &part), next)
}

impl<O: Optimizer> Optimizer for Masked<O> {
    type State = O::State;

    fn start(&self, params: &PerLeaf) -> O::State {
        self.inner.start(&params.select(&self.mask.of(params)))
    }

    fn advance(&self, updates: PerLeaf, state: &O::State, cx: &Context<'_>) -> (PerLeaf, O::State) {
        advance(&self.inner, &self.mask.of(cx.params), &updates, state, cx)
    }
}

/// What [`partition`] returns.
#[derive(Clone)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Partition<K, O> {
    parts: BTreeMap<K, O>,
    label: Arc<Label<K>>,
}

impl<K: MapKey + fmt::Debug, O: fmt::Debug> fmt::Debug for Partition<K, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Applies a different optimizer to each group of parameters: `label` names the group of a leaf by its path and value.
/// Optax calls it `multi_transform` as well.
///
/// Optimizers of different types are [boxed](Optimizer::boxed). The state is a map from the labels to the states of the
/// optimizers.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let parts = [("matrix", optim::adam(1e-3).boxed()), ("rest", optim::sgd(0.5).boxed())];
/// let optimizer =
///     optim::partition(parts, |_: &str, x: &Array| if x.ndim() > 1 { "matrix" } else { "rest" });
/// let params = (np::ones((2, 2)), np::ones(2));
/// let (next, _) = optimizer.apply(&params, &params, &optimizer.init(&params));
/// assert_eq!(next.1.to_vec::<f32>(), [0.5, 0.5]);
/// ```
///
/// # Panics
/// `init` panics if a leaf has a label that is not among those of `parts`.
pub fn partition<K: MapKey, O: Optimizer>(
    parts: impl IntoIterator<Item = (K, O)>,
    label: impl Fn(&str, &Array) -> K + Send + Sync + 'static,
) -> Partition<K, O> {
    Partition { parts: parts.into_iter().collect(), label: Arc::new(label) }
}

impl<K: MapKey, O: Optimizer> Partition<K, O> {
    fn masks(&self, params: &PerLeaf) -> Vec<PerLeaf<bool>> {
        let labels = params.map_with_path(|path, x| (self.label)(path, x));
        let unknown = labels.paths().iter().zip(labels.values()).find(|(_, label)| !self.parts.contains_key(label));
        if let Some((path, label)) = unknown {
            let known: Vec<String> = self.parts.keys().map(|k| format!("`{k}`")).collect();
            raise(
                Error::value(format!("partition: the leaf `{path}` has the label `{label}`, which no optimizer has"))
                    .help(format!("the labels of the optimizers are {}", known.join(", "))),
            );
        }
        self.parts.keys().map(|key| labels.map(|label| label == key)).collect()
    }
}

impl<K: MapKey + fmt::Debug, O: Optimizer> Optimizer for Partition<K, O> {
    type State = BTreeMap<K, O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        let parts = self.parts.iter().zip(self.masks(params));
        parts.map(|((key, part), mask)| (key.clone(), part.start(&params.select(&mask)))).collect()
    }

    fn advance(&self, mut updates: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let mut states = BTreeMap::new();
        for ((key, part), mask) in self.parts.iter().zip(self.masks(cx.params)) {
            let Some(inner) = state.get(key) else {
                raise(Error::value(format!("partition: the state has no entry for the label `{key}`")));
            };
            let (next, inner) = advance(part, &mask, &updates, inner, cx);
            updates = next;
            states.insert(key.clone(), inner);
        }
        (updates, states)
    }
}

/// Whether all elements of all leaves are finite.
pub(super) fn all_finite(leaves: &PerLeaf) -> Array {
    let each = leaves.values().iter().map(|x| x.is_finite().all());
    each.reduce(|a, b| a.logical_and(b)).unwrap_or_else(|| np::ones_as((), crate::array::dtype::DType::Bool))
}
