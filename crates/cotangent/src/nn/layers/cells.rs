//! Recurrent cells, and scanning them over time.

use cotangent_derive::Tree;

use crate::array::aval::{IntoShape, Shape};
use crate::array::{Array, ArrayLike};
use crate::lax::Scan;
use crate::nn::initializers;
use crate::numpy as np;
use crate::random::{self, Key};
use crate::tree::Tree;

use super::check_features;

/// A recurrent cell: a state, and a function from a state and an input to the next state.
///
/// Inputs have shape (…, inputs) and outputs (…, hidden), where the leading axes are batch axes. [`scan`](Cell::scan)
/// runs over a leading axis of time.
///
/// ```
/// use cotangent::{nn::layers::{Cell, LstmCell}, prelude::*};
/// let cell = LstmCell::new(random::key(0), 3, 8);
/// let sequences = np::ones([20, 4, 3]); // time, batch, inputs
/// let (last, outputs) = cell.scan(&cell.initial_state([4]), &sequences);
/// assert_eq!((last.hidden.shape(), outputs.shape()), (&[4, 8][..], &[20, 4, 8][..]));
/// ```
pub trait Cell {
    /// The state of the cell.
    type State: Tree + Clone;

    /// Returns a state of zeros, for batch axes of this shape: `()` for one sequence.
    fn initial_state(&self, batch: impl IntoShape) -> Self::State;

    /// Returns the part of the gates that depends on the input alone. It is computed for all steps at once.
    fn project(&self, x: &Array) -> Array;

    /// Returns the next state from a state and what [`project`](Cell::project) returned.
    fn advance(&self, state: &Self::State, projected: &Array) -> Self::State;

    /// Returns the output of a state, of shape (…, hidden).
    fn output(state: &Self::State) -> &Array;

    /// Runs one step: returns the next state, from which [`output`](Cell::output) reads.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Cell, GruCell}, prelude::*};
    /// let cell = GruCell::new(random::key(0), 3, 8);
    /// let state = cell.step(&cell.initial_state(()), np::ones(3));
    /// assert_eq!(state.shape(), [8]);
    /// ```
    #[track_caller]
    fn step(&self, state: &Self::State, x: impl ArrayLike) -> Self::State {
        self.advance(state, &self.project(&x.to_array()))
    }

    /// Runs the cell over the leading axis of `xs`, of shape (time, …, inputs). Returns the last state and the outputs,
    /// of shape (time, …, hidden). It is one loop in the compiled program.
    ///
    /// ```
    /// use cotangent::{nn::layers::{Cell, RnnCell}, prelude::*};
    /// let cell = RnnCell::new(random::key(0), 3, 8);
    /// let (last, outputs) = cell.scan(&cell.initial_state(()), np::ones([20, 3]));
    /// assert_eq!((last.shape(), outputs.shape()), (&[8][..], &[20, 8][..]));
    /// ```
    #[track_caller]
    fn scan(&self, state: &Self::State, xs: impl ArrayLike) -> (Self::State, Array) {
        self.scan_with(Scan::new(), state, xs)
    }

    /// [`scan`](Cell::scan) with options: from the last step to the first, or unrolled.
    ///
    /// ```
    /// use cotangent::{lax::Scan, nn::layers::{Cell, RnnCell}, prelude::*};
    /// // Both directions, beside each other.
    /// let [a, b] = random::key(0).split();
    /// let (forward, backward) = (RnnCell::new(a, 3, 8), RnnCell::new(b, 3, 8));
    /// let (xs, start) = (np::ones([20, 3]), forward.initial_state(()));
    /// let left = forward.scan(&start, &xs).1;
    /// let right = backward.scan_with(Scan::new().reverse(), &start, &xs).1;
    /// assert_eq!(np::concatenate([left, right], -1).shape(), [20, 16]);
    /// ```
    #[track_caller]
    fn scan_with(&self, scan: Scan, state: &Self::State, xs: impl ArrayLike) -> (Self::State, Array) {
        let projected = self.project(&xs.to_array());
        let step = |state: &Self::State, x: &Array| {
            let state = self.advance(state, x);
            let output = Self::output(&state).clone();
            (state, output)
        };
        scan.run(step, state.clone(), &projected)
    }
}

/// Draws the parameters of a cell with this number of gates: the weights of inputs by
/// [`lecun_normal`](initializers::lecun_normal), those of the state orthogonal for each gate, and a bias of zeros.
#[track_caller]
fn parameters(key: Key, inputs: usize, hidden: usize, gates: usize) -> (Array, Array, Option<Array>) {
    let [a, b] = key.split();
    let orthogonal = initializers::orthogonal(1.0, -1);
    let recurrent: Vec<Array> =
        random::split(b, gates).into_iter().map(|key| orthogonal.init(key, [hidden, hidden])).collect();
    (
        initializers::lecun_normal().init(a, [inputs, gates * hidden]),
        np::concatenate(recurrent, 1),
        Some(np::zeros(gates * hidden)),
    )
}

/// Returns x · W + b.
#[track_caller]
fn projected(cell: &str, x: &Array, weight: &Array, bias: Option<&Array>) -> Array {
    check_features(cell, x, weight.shape()[0], "weight of the input", weight.shape());
    let y = x.dot(weight);
    bias.map_or_else(|| y.clone(), |bias| &y + bias)
}

#[track_caller]
fn zeros(batch: impl IntoShape, weight: &Array) -> Array {
    let shape: Shape = batch.into_shape().iter().copied().chain([weight.shape()[0]]).collect();
    np::zeros_as(shape, weight.dtype())
}

/// Defines the constructor of a cell.
macro_rules! cell {
    ($Cell:ident, $gates:literal $(, $more:ident: |$hidden:ident| $value:expr)?) => {
        impl $Cell {
            /// Creates a cell. The weights of the input are drawn by
            /// [`lecun_normal`](crate::nn::initializers::lecun_normal), those of the state are orthogonal for each gate,
            /// as in Flax, and the bias is zero.
            #[doc = concat!("\n```\nuse cotangent::{nn::layers::", stringify!($Cell), ", random};\nlet cell = ", stringify!($Cell), "::new(random::key(0), 3, 8);\nassert_eq!(cell.input.shape(), [3, ", stringify!($gates), " * 8]);\n```")]
            #[track_caller]
            pub fn new(key: Key, inputs: usize, hidden: usize) -> $Cell {
                let (input, recurrent, bias) = parameters(key, inputs, hidden, $gates);
                $( let $more = { let $hidden = hidden; $value }; )?
                $Cell { input, recurrent, bias $(, $more)? }
            }
        }
    };
}

/// A simple recurrent cell: h' = tanh(x · W + h · U + b).
///
/// ```
/// use cotangent::{nn::layers::{Cell, RnnCell}, prelude::*};
/// let cell = RnnCell::new(random::key(0), 3, 8);
/// assert_eq!(cell.step(&cell.initial_state([4]), np::ones([4, 3])).shape(), [4, 8]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct RnnCell {
    /// The weights of the input, of shape (inputs, hidden).
    pub input: Array,
    /// The weights of the state, of shape (hidden, hidden).
    pub recurrent: Array,
    /// The bias, of shape (hidden).
    pub bias: Option<Array>,
}

cell!(RnnCell, 1);

impl Cell for RnnCell {
    type State = Array;

    #[track_caller]
    fn initial_state(&self, batch: impl IntoShape) -> Array {
        zeros(batch, &self.recurrent)
    }

    #[track_caller]
    fn project(&self, x: &Array) -> Array {
        projected("RnnCell", x, &self.input, self.bias.as_ref())
    }

    #[track_caller]
    fn advance(&self, state: &Array, projected: &Array) -> Array {
        (projected + state.dot(&self.recurrent)).tanh()
    }

    fn output(state: &Array) -> &Array {
        state
    }
}

/// A long short-term memory ([source](https://doi.org/10.1162/neco.1997.9.8.1735)). The gates are, in this order: input
/// i, forget f, candidate g, output o. Then c' = σ(f) · c + σ(i) · tanh(g), and h' = σ(o) · tanh(c').
///
/// ```
/// use cotangent::{nn::layers::{Cell, LstmCell}, prelude::*};
/// let cell = LstmCell::new(random::key(0), 3, 8);
/// let state = cell.step(&cell.initial_state([4]), np::ones([4, 3]));
/// assert_eq!((state.hidden.shape(), state.memory.shape()), (&[4, 8][..], &[4, 8][..]));
/// ```
#[derive(Clone, Debug, Tree)]
pub struct LstmCell {
    /// The weights of the input, of shape (inputs, 4 · hidden).
    pub input: Array,
    /// The weights of the state, of shape (hidden, 4 · hidden).
    pub recurrent: Array,
    /// The bias, of shape (4 · hidden).
    pub bias: Option<Array>,
}

/// The state of an [`LstmCell`].
///
/// ```
/// use cotangent::{nn::layers::{Cell, LstmCell}, random};
/// let state = LstmCell::new(random::key(0), 3, 8).initial_state([4]);
/// assert_eq!(state.memory.shape(), [4, 8]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct LstmState {
    /// The output of the last step, h.
    pub hidden: Array,
    /// The memory, c.
    pub memory: Array,
}

cell!(LstmCell, 4);

impl Cell for LstmCell {
    type State = LstmState;

    #[track_caller]
    fn initial_state(&self, batch: impl IntoShape) -> LstmState {
        let zeros = zeros(batch, &self.recurrent);
        LstmState { hidden: zeros.clone(), memory: zeros }
    }

    #[track_caller]
    fn project(&self, x: &Array) -> Array {
        projected("LstmCell", x, &self.input, self.bias.as_ref())
    }

    #[track_caller]
    fn advance(&self, state: &LstmState, projected: &Array) -> LstmState {
        let gates = np::split(projected + state.hidden.dot(&self.recurrent), 4, -1);
        let memory = gates[1].logistic() * &state.memory + gates[0].logistic() * gates[2].tanh();
        LstmState { hidden: gates[3].logistic() * memory.tanh(), memory }
    }

    fn output(state: &LstmState) -> &Array {
        &state.hidden
    }
}

/// A gated recurrent unit ([source](https://arxiv.org/abs/1406.1078)). The gates are, in this order: reset r, update z,
/// candidate n. With the parts x of the input and h of the state, n = tanh(xₙ + σ(r) · (hₙ + bias of the candidate)),
/// and h' = (1 − σ(z)) · n + σ(z) · h.
///
/// ```
/// use cotangent::{nn::layers::{Cell, GruCell}, prelude::*};
/// let cell = GruCell::new(random::key(0), 3, 8);
/// assert_eq!(cell.step(&cell.initial_state([4]), np::ones([4, 3])).shape(), [4, 8]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct GruCell {
    /// The weights of the input, of shape (inputs, 3 · hidden).
    pub input: Array,
    /// The weights of the state, of shape (hidden, 3 · hidden).
    pub recurrent: Array,
    /// The bias, of shape (3 · hidden).
    pub bias: Option<Array>,
    /// The bias of the candidate's part of the state, of shape (hidden).
    pub candidate_bias: Option<Array>,
}

cell!(GruCell, 3, candidate_bias: |hidden| Some(np::zeros(hidden)));

impl Cell for GruCell {
    type State = Array;

    #[track_caller]
    fn initial_state(&self, batch: impl IntoShape) -> Array {
        zeros(batch, &self.recurrent)
    }

    #[track_caller]
    fn project(&self, x: &Array) -> Array {
        projected("GruCell", x, &self.input, self.bias.as_ref())
    }

    #[track_caller]
    fn advance(&self, state: &Array, projected: &Array) -> Array {
        let (x, h) = (np::split(projected, 3, -1), np::split(state.dot(&self.recurrent), 3, -1));
        let (reset, update) = ((&x[0] + &h[0]).logistic(), (&x[1] + &h[1]).logistic());
        let own = self.candidate_bias.as_ref().map_or_else(|| h[2].clone(), |bias| &h[2] + bias);
        let candidate = (&x[2] + reset * own).tanh();
        &candidate + update * (state - &candidate)
    }

    fn output(state: &Array) -> &Array {
        state
    }
}
