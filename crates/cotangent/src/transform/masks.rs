//! Masks over operands and results: which of them have a tangent, a batch axis, a cotangent.

use crate::array::Array;
use crate::ir::primitive::Tangent;

/// Which of the items are there.
pub(crate) fn present<T>(items: &[Option<T>]) -> Vec<bool> {
    items.iter().map(Option::is_some).collect()
}

/// How many the mask chooses.
pub(crate) fn count(mask: &[bool]) -> usize {
    mask.iter().filter(|m| **m).count()
}

/// The items that the mask chooses.
pub(crate) fn chosen<'a, T>(items: &'a [T], mask: &'a [bool]) -> impl Iterator<Item = &'a T> {
    items.iter().zip(mask).filter(|(_, m)| **m).map(|(x, _)| x)
}

/// An entry for each place of the mask: the next item where it holds, none elsewhere. It is the inverse of [`chosen`], and
/// takes no more items than the mask chooses.
pub(crate) fn placed<T, C: FromIterator<Option<T>>>(mask: &[bool], items: &mut impl Iterator<Item = T>) -> C {
    mask.iter().map(|m| if *m { items.next() } else { None }).collect()
}

/// The places that either mask chooses. The second one may be shorter.
pub(crate) fn either(a: &[bool], b: &[bool]) -> Vec<bool> {
    a.iter().enumerate().map(|(i, a)| *a || b.get(i) == Some(&true)).collect()
}

/// The tangents that the mask chooses, zeros for those that are not there.
pub(crate) fn instantiated(x: &[Array], tangents: &[Tangent], mask: &[bool]) -> Vec<Array> {
    (chosen(x, mask).zip(chosen(tangents, mask)))
        .map(|(x, t)| t.clone().unwrap_or_else(|| crate::ops::zeros_like(x)))
        .collect()
}

/// Repeats `step`, which derives something for a mask over a carry and tells which parts of the next carry are concerned
/// too, until nothing is added; returns the mask, and what was derived for it.
pub(crate) fn fixpoint<T>(mut mask: Vec<bool>, mut step: impl FnMut(&[bool]) -> (Vec<bool>, T)) -> (Vec<bool>, T) {
    loop {
        let (concerned, derived) = step(&mask);
        let next = either(&mask, &concerned);
        if next == mask {
            return (mask, derived);
        }
        mask = next;
    }
}
