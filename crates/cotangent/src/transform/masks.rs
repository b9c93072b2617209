//! Masks over operands and results: which of them have a tangent, a batch axis, a cotangent.

use crate::array::Array;
use crate::ir::primitive::Tangent;

/// The mask of the items that are present.
pub(crate) fn present<T>(items: &[Option<T>]) -> Vec<bool> {
    items.iter().map(Option::is_some).collect()
}

/// The number of items that the mask chooses.
pub(crate) fn count(mask: &[bool]) -> usize {
    mask.iter().filter(|m| **m).count()
}

/// The items that the mask chooses.
pub(crate) fn chosen<'a, T>(items: &'a [T], mask: &'a [bool]) -> impl Iterator<Item = &'a T> {
    items.iter().zip(mask).filter(|(_, m)| **m).map(|(x, _)| x)
}

/// An entry for each position of the mask: the next item where the mask is set, `None` elsewhere. It is the inverse of
/// [`chosen`]. It takes no more items than the mask chooses.
pub(crate) fn placed<T, C: FromIterator<Option<T>>>(mask: &[bool], items: &mut impl Iterator<Item = T>) -> C {
    mask.iter().map(|m| if *m { items.next() } else { None }).collect()
}

/// The union of two masks. The second one may be shorter.
pub(crate) fn either(a: &[bool], b: &[bool]) -> Vec<bool> {
    a.iter().enumerate().map(|(i, a)| *a || b.get(i) == Some(&true)).collect()
}

/// The tangents that the mask chooses, with zeros for symbolic zeros.
pub(crate) fn instantiated(x: &[Array], tangents: &[Tangent], mask: &[bool]) -> Vec<Array> {
    (chosen(x, mask).zip(chosen(tangents, mask)))
        .map(|(x, t)| t.clone().unwrap_or_else(|| crate::ops::zeros_like(x)))
        .collect()
}

/// Finds the mask over the carry of a loop. `step` derives something for a mask and returns the mask of the next carry.
/// It is repeated with the union of both until nothing is added. Returns that mask and what was derived for it.
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
