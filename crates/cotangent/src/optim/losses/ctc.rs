//! Connectionist temporal classification.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::scan;
use crate::numpy as np;
use crate::scipy::special::log_softmax;

use super::one_hot;

/// Log α: of all prefixes that end in a blank, and of all that end in a label.
type Prefixes = (Array, Array);

/// The negative log-likelihood of label sequences under logits of longer sequences
/// ([CTC](https://www.cs.toronto.edu/~graves/icml_2006.pdf)), one for each sequence.
///
/// Logits have the shape `[batch, time, classes]`, their paddings `[batch, time]`; labels and their paddings
/// `[batch, labels]`. A padding is 1.0 where there is nothing, at the end of a sequence, else 0.0. Class `blank_id`
/// is the blank.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let logits = np::array([[[0.0, 9.0], [9.0, 0.0]]]);
/// let labels = Array::from(vec![1]).reshape((1, 1));
/// let loss = losses::ctc_loss(logits, np::zeros((1, 2)), labels, np::zeros((1, 1)), 0);
/// assert!(loss.item::<f32>() < 0.01);
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn ctc_loss(
    logits: impl ArrayLike,
    logit_paddings: impl ArrayLike,
    labels: impl ArrayLike,
    label_paddings: impl ArrayLike,
    blank_id: usize,
) -> Array {
    ctc_loss_with_forward_probs(logits, logit_paddings, labels, label_paddings, blank_id).0
}

/// [`ctc_loss()`], and the logarithms of the forward probabilities of prefixes that end in a blank, of shape `[time,
/// batch, labels + 1]`, and of those that end in a label, of shape `[time, batch, labels]`.
///
/// ```
/// use cotangent::{optim::losses, prelude::*};
/// let labels = Array::from(vec![1]).reshape((1, 1));
/// let (paddings, none) = (np::zeros((1, 2)), np::zeros((1, 1)));
/// let (_, blank, label) = losses::ctc_loss_with_forward_probs(np::zeros((1, 2, 3)), paddings, labels, none, 0);
/// assert_eq!((blank.shape(), label.shape()), (&[2, 1, 2][..], &[2, 1, 1][..]));
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn ctc_loss_with_forward_probs(
    logits: impl ArrayLike,
    logit_paddings: impl ArrayLike,
    labels: impl ArrayLike,
    label_paddings: impl ArrayLike,
    blank_id: usize,
) -> (Array, Array, Array) {
    const NONE: f64 = -1e5;
    let (logits, labels) = (logits.to_array(), labels.to_array());
    let (pads, label_pads) = (logit_paddings.to_array(), label_paddings.to_array());
    let (&[batch, time, classes], &[_, length]) = (logits.shape(), labels.shape()) else {
        raise(Error::shape(format!(
            "ctc_loss: expected logits [batch, time, classes] and labels [batch, labels], got {} and {}",
            logits.aval(),
            labels.aval()
        )))
    };
    if pads.shape() != [batch, time] || label_pads.shape() != labels.shape() || labels.shape()[0] != batch {
        raise(Error::shape(format!(
            "ctc_loss: logits {} and labels {} need paddings [{batch}, {time}] and [{batch}, {length}], got {} and {}",
            logits.aval(),
            labels.aval(),
            pads.aval(),
            label_pads.aval()
        )));
    }
    let dtype = logits.dtype();
    let log = log_softmax(&logits, -1);
    let lengths = length as i32 - label_pads.sum_axis(1).astype(DType::I32);
    let repeats = match length {
        0 | 1 => np::zeros_as(labels.shape(), dtype),
        _ => {
            let same = labels.slice_axis(1, 0, length - 1).equal(labels.slice_axis(1, 1, length)).astype(dtype);
            np::pad(same, &[(0, 0), (0, 1)], 0.0)
        }
    };
    let blank = log.slice_axis(2, blank_id, blank_id + 1).permute(&[1, 0, 2]);
    let emit = np::einsum("btk,bnk->tbn", [&log, &one_hot(&labels, classes, dtype)]);
    let first = np::arange(length + 1).equal(0).broadcast_to((batch, length + 1));
    let start: Prefixes = (
        np::where_(first, 0.0, np::full_as((batch, length + 1), NONE, dtype)),
        np::full_as((batch, length), NONE, dtype),
    );
    let after_label = |phi: &Array, added: &Array| {
        let rest = np::logaddexp(phi.slice_axis(1, 1, length + 1), added);
        np::concatenate([&phi.slice_axis(1, 0, 1), &rest], 1)
    };
    let step = |(phi, label): &Prefixes, (emit, blank, pad): &(Array, Array, Array)| {
        let ready = after_label(phi, &(label + NONE * &repeats));
        let next_label = np::logaddexp(ready.slice_axis(1, 0, length) + emit, label + emit);
        let next_phi = after_label(&(&ready + blank), &(label + blank + NONE * (1.0 - &repeats)));
        let pad = pad.reshape((batch, 1));
        let keep = |old: &Array, new: Array| &pad * old + (1.0 - &pad) * new;
        let next: Prefixes = (keep(phi, next_phi), keep(label, next_label));
        (next.clone(), next)
    };
    let xs = (emit, blank, pads.astype(dtype).t());
    let (_, (phis, label)) = scan(step, start, &xs);
    if time == 0 {
        return (np::zeros_as(batch, dtype), phis, label);
    }
    let last = |x: &Array| np::squeeze_axis(x.slice_axis(0, time - 1, time), 0);
    let end = after_label(&last(&phis), &last(&label));
    let loss = -(&end * one_hot(&lengths, length + 1, dtype)).sum_axis(-1);
    let phis = np::concatenate([&phis.slice_axis(0, 0, time - 1), &end.expand_dims(0)], 0);
    (loss, phis, label)
}
