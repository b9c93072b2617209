//! Maps as trees.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::Hash;

use crate::array::Array;
use crate::error::Result;

use super::{Container, Leaves, Named, Path, Tree};

/// The requirements for a key of a map. Keys are ordered, so that the leaves of two equal maps are in the same order.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::tree::leaf_paths;
/// let map = std::collections::BTreeMap::from([("a", Array::from(1.0))]);
/// assert_eq!(leaf_paths(&map), ["[a]"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map in a tree",
    label = "a key must implement `Clone + Ord + Hash + Display`",
    note = "the keys order the leaves and name them in messages: derive `Clone`, `PartialEq`, `Eq`, `PartialOrd`, `Ord` and `Hash`, \
            and implement `Display`"
)]
pub trait MapKey: Clone + Ord + Hash + Display + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<K: Clone + Ord + Hash + Display + Send + Sync + 'static> MapKey for K {}

impl<K: MapKey, T: Tree> Tree for BTreeMap<K, T> {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        self.values().for_each(|x| x.leaves(out));
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        self.iter().map(|(k, x)| (k.clone(), x.rebuild(leaves))).collect()
    }
    fn same_structure(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|((j, a), (k, b))| j == k && a.same_structure(b))
    }
    fn paths(&self, path: &mut Path<'_>) {
        path.is(Container::Map);
        self.iter().for_each(|(k, x)| path.index(k, |path| x.paths(path)));
    }
    fn from_named(source: &Named) -> Result<Self> {
        super::named::entries(source)
    }
}

fn sorted<K: Ord, T>(map: &HashMap<K, T>) -> Vec<(&K, &T)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(k, _)| *k);
    entries
}

impl<K: MapKey, T: Tree> Tree for HashMap<K, T> {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        sorted(self).into_iter().for_each(|(_, x)| x.leaves(out));
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        sorted(self).into_iter().map(|(k, x)| (k.clone(), x.rebuild(leaves))).collect()
    }
    fn same_structure(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(k, a)| other.get(k).is_some_and(|b| a.same_structure(b)))
    }
    fn paths(&self, path: &mut Path<'_>) {
        path.is(Container::Map);
        sorted(self).into_iter().for_each(|(k, x)| path.index(k, |path| x.paths(path)));
    }
    fn from_named(source: &Named) -> Result<Self> {
        super::named::entries(source)
    }
}
