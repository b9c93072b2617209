//! Complex parameters as pairs of real ones.

use cotangent_derive::Tree;

use super::optimizer::{Context, Loss, Optimizer};
use super::per_leaf::PerLeaf;

/// The state of [`split_real_and_imaginary`].
#[derive(Clone, Debug, Tree)]
pub struct SplitRealAndImaginaryState<S> {
    /// The state of the optimizer.
    pub inner_state: S,
}

/// What [`split_real_and_imaginary`] returns.
#[derive(Clone, Debug)]
#[must_use = "an optimizer does nothing until it is applied"]
pub struct SplitRealAndImaginary<O> {
    inner: O,
}

/// Applies an optimizer to the real and imaginary parts of complex parameters, as to two parameters.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let optimizer = optim::split_real_and_imaginary(optim::sign_sgd(1.0));
/// let x = np::array([3.0, 4.0]).complex(np::array([1.0, -1.0]));
/// let (x, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
/// assert_eq!(x.imag().to_vec::<f32>(), [0.0, 0.0]);
/// ```
pub fn split_real_and_imaginary<O: Optimizer>(inner: O) -> SplitRealAndImaginary<O> {
    SplitRealAndImaginary { inner }
}

fn split(leaves: &PerLeaf) -> PerLeaf {
    PerLeaf::from_pairs(leaves.paths().iter().zip(leaves.values()).flat_map(|(path, x)| match x.dtype().is_complex() {
        true => vec![(format!("{path}.real"), x.real()), (format!("{path}.imaginary"), x.imag())],
        false => vec![(path.clone(), x.clone())],
    }))
}

/// Undoes [`split`], for leaves whose dtypes are those of `like`.
fn join(parts: &PerLeaf, like: &PerLeaf) -> PerLeaf {
    let mut parts = parts.values().iter();
    let mut next = || parts.next().unwrap_or_else(|| unreachable!("there is a part for each leaf")).clone();
    like.map(|x| match x.dtype().is_complex() {
        true => {
            let real = next();
            real.complex(next())
        }
        false => next(),
    })
}

impl<O: Optimizer> Optimizer for SplitRealAndImaginary<O> {
    type State = SplitRealAndImaginaryState<O::State>;

    fn start(&self, params: &PerLeaf) -> Self::State {
        SplitRealAndImaginaryState { inner_state: self.inner.start(&split(params)) }
    }

    fn advance(&self, g: PerLeaf, state: &Self::State, cx: &Context<'_>) -> (PerLeaf, Self::State) {
        let loss = cx.loss.map(|loss| move |parts: &PerLeaf| loss(&join(parts, cx.params)));
        let inside = Context {
            params: &split(cx.params),
            gradients: &split(cx.gradients),
            value: cx.value,
            loss: loss.as_ref().map(|loss| loss as &Loss<'_>),
        };
        let (updates, inner_state) = self.inner.advance(split(&g), &state.inner_state, &inside);
        (join(&updates, &g), SplitRealAndImaginaryState { inner_state })
    }
}
