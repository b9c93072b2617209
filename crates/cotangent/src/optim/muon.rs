//! Muon: momentum orthogonalized by a Newton-Schulz iteration.

use cotangent_derive::Tree;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::numpy::{self as np, linalg};

use super::add::AddDecayedWeights;
use super::aliases::{AdamW, adamw, decay};
use super::dimensions::{Layout, WeightDimensionNumbers, WeightDimensions};
use super::mask::{Mask, Masked, masked};
use super::moments::{abs_sq, first_moment, safe_increment, update_moment, zero, zeros_in};
use super::number::{Hyper, Number};
use super::optimizer::{Context, Optimizer};
use super::options::{alias, options};
use super::per_leaf::PerLeaf;
use super::scale::{ScaleByLearningRate, scale_by_learning_rate, stateless};

/// How a matrix is scaled before the iteration, which converges for singular values up to about 1.
///
/// ```
/// use cotangent::optim::{self, Preconditioning};
/// let optimizer = optim::muon(0.02).preconditioning(Preconditioning::Aol);
/// # let _ = optimizer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Preconditioning {
    /// By the Frobenius norm.
    Frobenius,
    /// By the sums of the rows of X·Xᵀ (almost orthogonal layers).
    Aol,
    /// By the Schatten 4-norm.
    Schatten,
    /// By the greatest singular value.
    Spectral,
}

/// The state of [`scale_by_muon`].
#[derive(Clone, Debug, Tree)]
pub struct MuonState {
    /// The number of steps.
    pub count: Array,
    /// The running means of the gradients.
    pub mu: PerLeaf,
}

/// The coefficients of one step of the iteration.
type Coefficients = [f64; 3];

options! {
    /// Replaces the running mean of the gradients of each matrix by the nearest orthogonal matrix, nearly
    /// ([Muon](https://kellerjordan.github.io/posts/muon)).
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (part, x) = (optim::scale_by_muon(), np::array([[3.0, 0.0], [0.0, 0.5]]));
    /// let (updates, _) = part.update(&x, &part.init(&x), &x);
    /// assert!((updates - np::eye(2, 2)).abs().max().item::<f32>() < 0.4);
    /// ```
    ///
    /// # Panics
    /// A step panics if a parameter is not a matrix.
    scale_by_muon ScaleByMuon() {
        /// The coefficients of the iteration: one set for all steps, or one for each of the last steps.
        ns_coeffs: Vec<Coefficients> = vec![[3.4445, -4.775, 2.0315]];
        /// The number of steps of the iteration.
        ns_steps: usize = 5usize;
        /// The decay of the running mean.
        beta: Number = 0.95;
        /// Added to the norm.
        eps: Number = 1e-8;
        /// Whether the mean looks one step ahead.
        nesterov: bool = true;
        /// Whether updates are scaled by their inner product with the mean.
        adaptive: bool = false;
        /// How a matrix is scaled before the iteration.
        preconditioning: Preconditioning = Preconditioning::Frobenius;
        /// Along which axes the parameters are matrices.
        weight_dimension_numbers: WeightDimensions = WeightDimensions::matrices();
    } {
        /// The dtype of the running mean, instead of that of the parameters.
        mu_dtype: DType;
    }
}

impl ScaleByMuon {
    /// The nearest orthogonal matrix, nearly, for each of a batch of matrices.
    fn orthogonalized(&self, x: &Array) -> Array {
        let transposed = |x: &Array| np::swapaxes(x, -1, -2);
        let norm = |x: &Array| abs_sq(x).sum_keepdims((-2, -1)).sqrt();
        let tall = x.shape()[1] > x.shape()[2];
        let mut x = if tall { transposed(x) } else { x.clone() };
        match self.preconditioning {
            Preconditioning::Frobenius => x = &x / (norm(&x) + self.eps.array()),
            Preconditioning::Spectral => {
                let most = linalg::matrix_norm_with(&x, 2, true);
                x = &x / (most + self.eps.array());
            }
            Preconditioning::Aol | Preconditioning::Schatten => {}
        }
        let one = self.ns_coeffs.len() == 1;
        let skipped = self.ns_coeffs.len().saturating_sub(self.ns_steps);
        let steps = if one { vec![self.ns_coeffs[0]; self.ns_steps] } else { self.ns_coeffs[skipped..].to_vec() };
        for (i, [first, second, third]) in steps.into_iter().enumerate() {
            let mut gram = x.matmul(transposed(&x).conj());
            match self.preconditioning {
                Preconditioning::Aol if i == 0 => {
                    let scale = gram.abs().sum_axis(-1).maximum(1e-8).rsqrt().expand_dims(-1);
                    x = &x * &scale;
                    gram = gram * &scale * transposed(&scale);
                }
                Preconditioning::Schatten if i == 0 => {
                    let scale = norm(&gram).maximum(1e-8).rsqrt();
                    x = &x * &scale;
                    gram *= scale.square();
                }
                _ => {}
            }
            let factor = second * &gram + (third * &gram).matmul(&gram);
            x = first * &x + factor.matmul(&x);
        }
        if tall { transposed(&x) } else { x }
    }
}

impl Optimizer for ScaleByMuon {
    type State = MuonState;

    fn start(&self, params: &PerLeaf) -> MuonState {
        MuonState { count: zero(), mu: zeros_in(params, self.mu_dtype) }
    }

    fn advance(&self, g: PerLeaf, state: &MuonState, _: &Context<'_>) -> (PerLeaf, MuonState) {
        let count = safe_increment(&state.count);
        let mu = update_moment(&g, &state.mu, &self.beta);
        let mean = first_moment(&g, &mu, &self.beta, &count, self.nesterov);
        let updates = mean.map_with_path(|path, m| {
            let Some(numbers) = self.weight_dimension_numbers.of(path, m) else {
                let message = format!("scale_by_muon: `{path}` is not a matrix: {}", m.aval());
                crate::error::raise(crate::error::Error::shape(message).help(
                    "`muon` applies Adam to everything but matrices; or use `masked`, or `weight_dimension_numbers`",
                ));
            };
            let layout = Layout::of(path, m, &numbers);
            let orthogonal = layout.undo(&self.orthogonalized(&layout.matrices(m)));
            if self.adaptive { (m.conj() * &orthogonal).sum() * orthogonal } else { orthogonal }
        });
        (updates, MuonState { count, mu })
    }
}

options! {
    /// Scales the update of each matrix by its shape: by √max(1, columns/rows), or so that its root mean square does
    /// not
    /// depend on the shape.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let x = np::ones((1, 4));
    /// let (updates, ()) = optim::scale_by_shape().update(&x, &(), &x);
    /// assert_eq!(updates.to_vec::<f32>(), [2.0; 4]);
    /// ```
    scale_by_shape ScaleByShape() {
        /// Along which axes the parameters are matrices.
        weight_dimension_numbers: WeightDimensions = WeightDimensions::from(WeightDimensionNumbers::default());
    } {
        /// The root mean square; scales by √max(rows, columns) times this.
        consistent_rms: Number;
    }
}

stateless!(ScaleByShape: |o, updates, _| updates.map_with_path(|path, u| {
    let sizes = o.weight_dimension_numbers.of(path, u).map(|numbers| Layout::of(path, u, &numbers).groups);
    let [_, inputs, outputs] = sizes.unwrap_or([1, 1, 1]).map(|size| size as f64);
    match &o.consistent_rms {
        Some(rms) => inputs.max(outputs).sqrt() * rms.array() * u,
        None => (outputs / inputs).max(1.0).sqrt() * u,
    }
}));

/// What is done with matrices.
type Matrices = (ScaleByMuon, ScaleByShape, AddDecayedWeights, ScaleByLearningRate);

fn matrices(numbers: &WeightDimensions, matrix: bool) -> Mask {
    let numbers = numbers.clone();
    (move |path: &str, x: &Array| numbers.of(path, x).is_some() == matrix).into()
}

alias! {
    /// [Muon](https://kellerjordan.github.io/posts/muon) for the matrices among the parameters, and [`adamw`] for the
    /// others.
    ///
    /// ```
    /// use cotangent::{optim, prelude::*};
    /// let (optimizer, x) = (optim::muon(0.02), (np::ones((3, 2)), np::ones(2)));
    /// let (next, _) = optimizer.apply(&x, &x, &optimizer.init(&x));
    /// assert!(next.0.sum().item::<f32>() < 6.0 && next.1.sum().item::<f32>() < 2.0);
    /// ```
    muon Muon(learning_rate: Hyper) {
        /// The coefficients of the iteration: one set for all steps, or one for each of the last steps.
        ns_coeffs: Vec<Coefficients> = vec![[3.4445, -4.775, 2.0315]];
        /// The number of steps of the iteration.
        ns_steps: usize = 5usize;
        /// The decay of the running mean.
        beta: Number = 0.95;
        /// Added to norms and roots.
        eps: Number = 1e-8;
        /// How much the matrices decay.
        weight_decay: Hyper = 0.0;
        /// Whether the mean looks one step ahead.
        nesterov: bool = true;
        /// Whether updates are scaled by their inner product with the mean.
        adaptive: bool = false;
        /// How a matrix is scaled before the iteration.
        preconditioning: Preconditioning = Preconditioning::Frobenius;
        /// Which parameters are matrices, and along which axes.
        muon_weight_dimension_numbers: WeightDimensions = WeightDimensions::matrices();
        /// For the others, the decay of the running mean.
        adam_b1: Number = 0.9;
        /// For the others, the decay of the running mean of squares.
        adam_b2: Number = 0.999;
        /// For the others, added under the root.
        adam_eps_root: Number = 0.0;
        /// How much the others decay.
        adam_weight_decay: Hyper = 0.0;
    } {
        /// The matrices that decay; all by default.
        weight_decay_mask: Mask;
        /// The dtype of the running means of the gradients, instead of that of the parameters.
        mu_dtype: DType;
        /// For the others, the learning rate; the same by default.
        adam_learning_rate: Hyper;
        /// The root mean square of the updates; without it, they are scaled by √max(1, columns/rows).
        consistent_rms: Number;
    }
    (Masked<Matrices>, Masked<AdamW>): |o| (
        masked((
            ScaleByMuon {
                ns_coeffs: o.ns_coeffs.clone(),
                ns_steps: o.ns_steps,
                beta: o.beta.clone(),
                eps: o.eps.clone(),
                nesterov: o.nesterov,
                adaptive: o.adaptive,
                preconditioning: o.preconditioning,
                weight_dimension_numbers: o.muon_weight_dimension_numbers.clone(),
                mu_dtype: o.mu_dtype,
            },
            ScaleByShape {
                weight_dimension_numbers: o.muon_weight_dimension_numbers.clone(),
                consistent_rms: o.consistent_rms.clone(),
            },
            decay(&o.weight_decay, &o.weight_decay_mask),
            scale_by_learning_rate(&o.learning_rate),
        ), matrices(&o.muon_weight_dimension_numbers, true)),
        masked(AdamW {
            mu_dtype: o.mu_dtype,
            ..adamw(o.adam_learning_rate.as_ref().unwrap_or(&o.learning_rate))
                .b1(&o.adam_b1).b2(&o.adam_b2).eps(&o.eps).eps_root(&o.adam_eps_root)
                .weight_decay(&o.adam_weight_decay).nesterov(o.nesterov)
        }, matrices(&o.muon_weight_dimension_numbers, false)),
    )
}
