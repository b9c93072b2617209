//! Measurements of updates, kept in the state.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy as np;
use crate::tree::Tree;

use super::accumulate::{Ema, EmaState, ema};
use super::number::Number;
use super::optimizer::{Context, Optimizer};
use super::per_leaf::PerLeaf;

/// The state of [`snapshot`].
#[derive(Clone, Debug, Tree)]
pub struct SnapshotState<T> {
    /// The last measurement, under its name.
    pub measurement: BTreeMap<String, T>,
}

/// What [`snapshot`] returns.
#[derive(Clone)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Snapshot<T> {
    name: String,
    measure: Arc<dyn Fn(&PerLeaf) -> T + Send + Sync>,
}

impl<T> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Leaves updates as they are, and keeps a function of them in the state, such as their norm before they are clipped.
///
/// ```
/// use cotangent::{optim::{self, PerLeaf}, prelude::*};
/// let norm = optim::snapshot("norm", |updates: &PerLeaf| optim::global_norm(updates));
/// let optimizer = (norm, optim::clip_by_global_norm(1.0), optim::sgd(0.1));
/// let x = np::array([3.0, 4.0]);
/// let (_, state) = optimizer.apply(&x, &x, &optimizer.init(&x));
/// assert_eq!(state.0.measurement["norm"].item::<f32>(), 5.0);
/// ```
pub fn snapshot<T: Tree + Clone + fmt::Debug>(
    name: &str,
    measure: impl Fn(&PerLeaf) -> T + Send + Sync + 'static,
) -> Snapshot<T> {
    Snapshot { name: name.to_string(), measure: Arc::new(measure) }
}

impl<T: Tree + Clone + fmt::Debug> Optimizer for Snapshot<T> {
    type State = SnapshotState<T>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        SnapshotState { measurement: BTreeMap::from([(self.name.clone(), (self.measure)(params))]) }
    }

    fn advance(&self, updates: PerLeaf, _: &Self::State, _: &Context<'_>) -> (PerLeaf, Self::State) {
        let next = self.start(&updates);
        (updates, next)
    }
}

/// A measurement of updates, for [`monitor`]: a function of them, or its running mean.
#[derive(Clone)]
pub struct Measure {
    measure: Arc<dyn Fn(&PerLeaf) -> Array + Send + Sync>,
    mean: Option<Ema>,
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measure").field("mean", &self.mean).finish_non_exhaustive()
    }
}

impl<F: Fn(&PerLeaf) -> Array + Send + Sync + 'static> From<F> for Measure {
    fn from(f: F) -> Measure {
        Measure { measure: Arc::new(f), mean: None }
    }
}

/// The running mean of a measurement, for [`monitor`].
///
/// ```
/// use cotangent::{optim::{self, PerLeaf}, prelude::*};
/// let mean = optim::measure_with_ema(|u: &PerLeaf| optim::global_norm(u), 0.5);
/// let (part, x) = (optim::monitor([("norm", mean)]), np::ones(1));
/// let (_, state) = part.update(&np::array([4.0]), &part.init(&x), &x);
/// let (_, state) = part.update(&np::array([1.0]), &state, &x);
/// assert_eq!(state.measurements["norm"].item::<f32>(), 2.0);
/// ```
pub fn measure_with_ema(f: impl Fn(&PerLeaf) -> Array + Send + Sync + 'static, decay: impl Into<Number>) -> Measure {
    Measure { measure: Arc::new(f), mean: Some(ema(decay.into())) }
}

impl Measure {
    /// Whether the running mean is corrected for beginning at zero, as by default.
    pub fn debias(mut self, debias: bool) -> Self {
        self.mean = self.mean.map(|mean| mean.debias(debias));
        self
    }

    /// The dtype of the running mean, instead of that of the measurement.
    pub fn accumulator_dtype(mut self, dtype: DType) -> Self {
        self.mean = self.mean.map(|mean| mean.accumulator_dtype(dtype));
        self
    }
}

/// The state of [`monitor`].
#[derive(Clone, Debug, Tree)]
pub struct MonitorState {
    /// The last measurements, under their names; zeros before the first step.
    pub measurements: BTreeMap<String, Array>,
    /// The states of the running means.
    pub measure_states: BTreeMap<String, EmaState>,
}

/// What [`monitor`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct Monitor(BTreeMap<String, Measure>);

/// Leaves updates as they are, and keeps measurements of them in the state.
///
/// ```
/// use cotangent::{optim::{self, PerLeaf}, prelude::*};
/// let part = optim::monitor([("norm", |u: &PerLeaf| optim::global_norm(u))]);
/// let x = np::array([3.0, 4.0]);
/// let (_, state) = part.update(&x, &part.init(&x), &x);
/// assert_eq!(state.measurements["norm"].item::<f32>(), 5.0);
/// ```
pub fn monitor<M: Into<Measure>>(measures: impl IntoIterator<Item = (&'static str, M)>) -> Monitor {
    Monitor(measures.into_iter().map(|(name, measure)| (name.to_string(), measure.into())).collect())
}

impl Optimizer for Monitor {
    type State = MonitorState;

    fn start(&self, params: &PerLeaf) -> MonitorState {
        let measured = |measure: &Measure| (measure.measure)(params);
        let measurements = self.0.iter().map(|(name, m)| (name.clone(), np::zeros_like(measured(m)))).collect();
        let states = self
            .0
            .iter()
            .filter_map(|(name, m)| m.mean.as_ref().map(|mean| (name.clone(), mean.start(&PerLeaf::of(&measured(m))))));
        MonitorState { measurements, measure_states: states.collect() }
    }

    fn advance(&self, updates: PerLeaf, state: &MonitorState, cx: &Context<'_>) -> (PerLeaf, MonitorState) {
        let (mut measurements, mut measure_states) = (BTreeMap::new(), BTreeMap::new());
        for (name, measure) in &self.0 {
            let mut value = (measure.measure)(&updates);
            if let (Some(mean), Some(state)) = (&measure.mean, state.measure_states.get(name)) {
                let (means, next) = mean.advance(PerLeaf::of(&value), state, cx);
                value = means.to_tree(&value);
                measure_states.insert(name.clone(), next);
            }
            measurements.insert(name.clone(), value);
        }
        (updates, MonitorState { measurements, measure_states })
    }
}
