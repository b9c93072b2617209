//! Batches in parts, one after another, for less memory.

use std::fmt;
use std::sync::Arc;

use crate::api::vmap::vmap;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::fori_loop;
use crate::numpy as np;
use crate::tree::{Tree, flatten, leaf_paths};

/// How the results of the parts of a batch become one: see [`microbatch`].
///
/// ```
/// use cotangent::{optim::{self, AccumulationType}, prelude::*};
/// let sum = optim::microbatch(|x: &Array| x.sum(), 2).accumulator(AccumulationType::Mean);
/// assert_eq!(sum.call(&np::array([1.0, 2.0, 3.0, 4.0])).item::<f32>(), 5.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccumulationType {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// Their mean, also if the number of parts is not known beforehand.
    RunningMean,
    /// Their elements along the first axis, in the order of the batch.
    Concat,
}

/// A function of the path of a result.
type Choice = dyn Fn(&str) -> AccumulationType + Send + Sync;

/// How each result of [`microbatch`] is accumulated: one [`AccumulationType`] for all, or a function of the path of the
/// result.
#[derive(Clone)]
pub struct Accumulator(Arc<Choice>);

impl fmt::Debug for Accumulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accumulator")
    }
}

impl From<AccumulationType> for Accumulator {
    fn from(all: AccumulationType) -> Accumulator {
        Accumulator(Arc::new(move |_| all))
    }
}

impl<F: Fn(&str) -> AccumulationType + Send + Sync + 'static> From<F> for Accumulator {
    fn from(f: F) -> Accumulator {
        Accumulator(Arc::new(f))
    }
}

impl Accumulator {
    fn of<R: Tree>(&self, result: &R) -> Vec<AccumulationType> {
        leaf_paths(result).iter().map(|path| (self.0)(path)).collect()
    }
}

/// What [`microbatch`] and [`micro_vmap`] return.
#[derive(Clone, Debug)]
#[must_use = "call it with a batch"]
pub struct Microbatch<F> {
    f: F,
    size: usize,
    accumulator: Accumulator,
    real: Option<Array>,
}

/// Applies a function to parts of a batch, one after another, and accumulates the results: their sum, unless
/// [`accumulator`](Microbatch::accumulator) says otherwise. A part has `microbatch_size` elements along the first axis
/// of each array.
///
/// With parts of `n` elements out of `N`, part i has the elements i, i + N/n, i + 2N/n and so on, as in Optax: a batch
/// that is divided over devices stays so.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let w = np::array(2.0);
/// let loss = |w: &Array, (x, y): &(Array, Array)| (w * x - y).powi(2).sum();
/// let gradient = optim::microbatch(|batch: &(Array, Array)| grad(loss)(&w, batch), 2);
/// let batch = (np::array([1.0, 2.0, 3.0, 4.0]), np::zeros(4));
/// assert_eq!(gradient.call(&batch).item::<f32>(), grad(loss)(&w, &batch).item::<f32>());
/// ```
pub fn microbatch<B: Tree, R: Tree, F: Fn(&B) -> R>(f: F, microbatch_size: usize) -> Microbatch<F> {
    Microbatch { f, size: microbatch_size, accumulator: AccumulationType::Sum.into(), real: None }
}

/// As [`vmap`], in parts of a batch, one after another. The results are those of all elements, in order, unless
/// [`accumulator`](Microbatch::accumulator) says otherwise. Of `grad`, they are gradients of single elements.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let squares = optim::micro_vmap(|x: &Array| x * x, 2);
/// assert_eq!(squares.map(&np::array([1.0, 2.0, 3.0, 4.0])).to_vec::<f32>(), [1.0, 4.0, 9.0, 16.0]);
/// ```
pub fn micro_vmap<B: Tree, R: Tree, F: Fn(&B) -> R + Send + Sync>(f: F, microbatch_size: usize) -> Microbatch<F> {
    Microbatch { f, size: microbatch_size, accumulator: AccumulationType::Concat.into(), real: None }
}

/// Returns the batch with two axes instead of the first: the parts of `microbatch_size` elements, and the elements of a
/// part. Part i has the elements i, i + k, i + 2k and so on, for k parts.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let parts = optim::reshape_batch_axis(&np::arange(4), 2);
/// assert_eq!(parts.to_vec::<i32>(), [0, 2, 1, 3]);
/// ```
///
/// # Panics
/// If the size of a first axis is not a multiple of `microbatch_size`.
#[track_caller]
pub fn reshape_batch_axis<B: Tree>(batch: &B, microbatch_size: usize) -> B {
    batch.map(|x| match x.shape() {
        [n, rest @ ..] if microbatch_size > 0 && n % microbatch_size == 0 => {
            let shape = [&[microbatch_size, n / microbatch_size], rest].concat();
            np::swapaxes(x.reshape(shape), 0, 1)
        }
        _ => raise(
            Error::shape(format!("{} cannot be divided into parts of {microbatch_size}", x.aval()))
                .help("the first axis must be a multiple of the size of a part"),
        ),
    })
}

impl<F> Microbatch<F> {
    /// How results are accumulated: one way for all, or a function of the path of a result.
    pub fn accumulator(mut self, accumulator: impl Into<Accumulator>) -> Self {
        self.accumulator = accumulator.into();
        self
    }

    /// The number of parts that are used, which may be traced; the rest of the batch is ignored.
    pub fn num_real_microbatches(mut self, n: impl ArrayLike) -> Self {
        self.real = Some(n.to_array());
        self
    }

    /// Returns the accumulated results for the batch.
    ///
    /// # Panics
    /// If the first axes of the arrays differ in size or are no multiple of the size of a part, or the function panics.
    #[track_caller]
    pub fn call<B: Tree, R: Tree>(&self, batch: &B) -> R
    where
        F: Fn(&B) -> R,
    {
        self.run(batch, |part, _| (self.f)(part))
    }

    /// Returns the accumulated results of the function for each element of the batch.
    ///
    /// # Panics
    /// As [`call`](Microbatch::call).
    #[track_caller]
    pub fn map<B: Tree, R: Tree>(&self, batch: &B) -> R
    where
        F: Fn(&B) -> R + Send + Sync,
    {
        self.run(batch, |part, accumulator| {
            let each = vmap(|x: &B| (self.f)(x))(part);
            let mut kinds = accumulator.of(&each).into_iter();
            each.map(|y| match kinds.next() {
                Some(AccumulationType::Sum) => y.sum_axis(0),
                Some(AccumulationType::Concat) | None => y.clone(),
                Some(_) => y.mean_axis(0),
            })
        })
    }

    #[track_caller]
    fn run<B: Tree, R: Tree>(&self, batch: &B, f: impl Fn(&B, &Accumulator) -> R) -> R {
        let parts = reshape_batch_axis(batch, self.size);
        let counts: Vec<usize> = flatten(&parts).iter().map(|x| x.shape()[0]).collect();
        let Some(count) = counts.first().copied().filter(|n| counts.iter().all(|m| m == n)) else {
            raise(
                Error::shape(format!("microbatch: the arrays of the batch have {counts:?} parts of {}", self.size))
                    .help("all arrays of the batch must have first axes of the same size"),
            )
        };
        let at = |i: &Array| f(&parts.map(|x| x.at(i).get()), &self.accumulator);
        // The types of the results; nothing of this is computed.
        let like = at(&Array::from(0));
        let kinds = self.accumulator.of(&like);
        let each = |tree: &R, f: &dyn Fn(&Array, AccumulationType) -> Array| {
            let mut kinds = kinds.iter();
            tree.map(|x| f(x, *kinds.next().unwrap_or(&AccumulationType::Sum)))
        };
        let start = each(&like, &|x, kind| match kind {
            AccumulationType::Concat => np::zeros_as([&[count], x.shape()].concat(), x.dtype()),
            _ => np::zeros_like(x),
        });
        let body = |i: &Array, carry: &R| {
            let mut new = flatten(&at(i)).into_iter();
            let mut kinds = kinds.iter();
            carry.map(|c| {
                let (Some(x), Some(kind)) = (new.next(), kinds.next()) else { return c.clone() };
                match kind {
                    AccumulationType::Mean | AccumulationType::Sum => c + x,
                    AccumulationType::RunningMean => {
                        let share = (i.astype(x.dtype().real())) / (i.astype(x.dtype().real()) + 1.0);
                        c * &share + x * (1.0 - share)
                    }
                    AccumulationType::Concat => c.at(i).set(x),
                }
            })
        };
        let total = match &self.real {
            Some(n) => fori_loop(0, n, body, start),
            None => fori_loop(0, count, body, start),
        };
        each(&total, &|x, kind| match kind {
            AccumulationType::Mean => x / count,
            AccumulationType::Concat => {
                let shape = [&[count * x.shape()[1]], &x.shape()[2..]].concat();
                np::swapaxes(x, 0, 1).reshape(shape)
            }
            _ => x.clone(),
        })
    }
}
