//! Trees of trees: a tree in which each leaf is replaced by something else.

use std::collections::{BTreeMap, HashMap};

use crate::array::Array;
use crate::tree::{MapKey, Tree};

/// A tree whose leaves can be replaced by other trees. A Jacobian, for example, has a tree like the argument for each
/// leaf of the result.
///
/// Arrays, tuples, lists and maps keep their form. A user-defined type cannot, because its fields are arrays:
/// `#[derive(Tree)]` makes it a map from the paths of its leaves, such as `".hidden.weight"`.
///
/// ```
/// use cotangent::prelude::*;
/// #[derive(Clone, Tree)]
/// struct Line { slope: Array, offset: Array }
///
/// let line = Line { slope: 2.0.into(), offset: 1.0.into() };
/// let h = hessian(|l: &Line| l.slope.powi(2) * &l.offset)(&line);
/// assert_eq!(h[".slope"].slope.item::<f32>(), 2.0);
/// assert_eq!(h[".slope"].offset.item::<f32>(), 4.0);
/// ```
pub trait Leafwise: Tree {
    /// The tree with a `G` in place of each leaf.
    type Of<G: Tree>: Tree;

    /// Makes that tree from the parts for its leaves, in their order.
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G>;
}

impl Leafwise for Array {
    type Of<G: Tree> = G;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> G {
        match parts.next() {
            Some(part) => part,
            None => unreachable!("there is a part for each leaf"),
        }
    }
}

impl Leafwise for () {
    type Of<G: Tree> = ();
    fn leafwise<G: Tree>(&self, _: &mut dyn Iterator<Item = G>) {}
}

macro_rules! tuple {
    ($($T:ident $i:tt),*) => {
        impl<$($T: Leafwise),*> Leafwise for ($($T,)*) {
            type Of<G: Tree> = ($($T::Of<G>,)*);
            fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
                ($(self.$i.leafwise(parts),)*)
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, H 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, H 6, I 7);

impl<T: Leafwise> Leafwise for Vec<T> {
    type Of<G: Tree> = Vec<T::Of<G>>;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        self.iter().map(|x| x.leafwise(parts)).collect()
    }
}

impl<T: Leafwise, const N: usize> Leafwise for [T; N] {
    type Of<G: Tree> = [T::Of<G>; N];
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        std::array::from_fn(|i| self[i].leafwise(parts))
    }
}

impl<T: Leafwise> Leafwise for Option<T> {
    type Of<G: Tree> = Option<T::Of<G>>;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        self.as_ref().map(|x| x.leafwise(parts))
    }
}

impl<T: Leafwise> Leafwise for Box<T> {
    type Of<G: Tree> = Box<T::Of<G>>;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        Box::new((**self).leafwise(parts))
    }
}

impl<K: MapKey, T: Leafwise> Leafwise for BTreeMap<K, T> {
    type Of<G: Tree> = BTreeMap<K, T::Of<G>>;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        self.iter().map(|(k, x)| (k.clone(), x.leafwise(parts))).collect()
    }
}

impl<K: MapKey, T: Leafwise> Leafwise for HashMap<K, T> {
    type Of<G: Tree> = HashMap<K, T::Of<G>>;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        // The leaves of a map are in the order of its keys.
        let sorted: BTreeMap<&K, &T> = self.iter().collect();
        sorted.into_iter().map(|(k, x)| (k.clone(), x.leafwise(parts))).collect()
    }
}
