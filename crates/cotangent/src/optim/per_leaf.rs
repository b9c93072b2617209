//! Values for the leaves of the parameters: gradients, updates, and what a state keeps.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use crate::array::Array;
use crate::error::{Error, ErrorKind, raise};
use crate::tree::{Leaves, Path, Tree, difference, flatten, leaf_paths};

/// A value for each leaf of the parameters, such as the gradients or the moments of Adam.
///
/// It holds the leaves of a tree of any type, with their paths. A state that contains one therefore has the same type
/// for every model. Its own paths continue those of the state: `.mu.hidden[0].weight`.
///
/// ```
/// use cotangent::{optim, prelude::*};
/// let params = (np::ones(2), np::zeros(3));
/// let state = optim::scale_by_adam().init(&params);
/// assert_eq!(state.mu["[1]"].shape(), [3]);
/// assert_eq!(tree::leaf_paths(&state), [".count", ".mu[0]", ".mu[1]", ".nu[0]", ".nu[1]"]);
/// ```
#[derive(Clone)]
pub struct PerLeaf<T = Array> {
    paths: Arc<[String]>,
    values: Vec<T>,
}

impl PerLeaf {
    /// The leaves of a tree.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// let leaves = PerLeaf::of(&(np::ones(2), np::zeros(3)));
    /// assert_eq!(leaves["[0]"].shape(), [2]);
    /// ```
    pub fn of<P: Tree>(tree: &P) -> PerLeaf {
        PerLeaf { paths: leaf_paths(tree).into(), values: flatten(tree) }
    }

    /// Other arrays for the same leaves.
    pub(super) fn with(&self, values: &[Array]) -> PerLeaf {
        PerLeaf { paths: self.paths.clone(), values: values.to_vec() }
    }

    /// These arrays, at these paths.
    pub(super) fn from_pairs(pairs: impl IntoIterator<Item = (String, Array)>) -> PerLeaf {
        let (paths, values): (Vec<_>, _) = pairs.into_iter().unzip();
        PerLeaf { paths: paths.into(), values }
    }

    /// A tree like `template`, with these leaves.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// let pair = (np::ones(2), np::zeros(3));
    /// let doubled = PerLeaf::of(&pair).map(|x| x * 2.0).to_tree(&pair);
    /// assert_eq!(doubled.0.to_vec::<f32>(), [2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the leaves are not those of a tree like `template`.
    #[must_use]
    #[track_caller]
    pub fn to_tree<P: Tree>(&self, template: &P) -> P {
        let paths = leaf_paths(template);
        if paths[..] != self.paths[..] {
            raise(differ(&self.paths, &paths));
        }
        template.rebuild(&mut self.values.iter().cloned())
    }
}

fn differ(a: &[String], b: &[String]) -> Error {
    Error::new(ErrorKind::Structure, format!("these leaves belong to different parameters: {}", difference(a, b)))
        .help("a state belongs to the parameters that it was made for: make it with `init(&params)`")
}

impl<T> PerLeaf<T> {
    /// The paths of the leaves, as [`leaf_paths`](crate::tree::leaf_paths) returns them.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// assert_eq!(PerLeaf::of(&(np::ones(2), np::zeros(3))).paths(), ["[0]", "[1]"]);
    /// ```
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The values, in the order of the leaves.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// assert_eq!(PerLeaf::of(&(np::ones(2), np::zeros(3))).values().len(), 2);
    /// ```
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The result of `f` for each value.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// let sizes = PerLeaf::of(&(np::ones(2), np::zeros(3))).map(|x| x.size());
    /// assert_eq!(sizes.values(), [2, 3]);
    /// ```
    #[must_use]
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> PerLeaf<U> {
        PerLeaf { paths: self.paths.clone(), values: self.values.iter().map(f).collect() }
    }

    /// The result of `f` for each path and value.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// let first = PerLeaf::of(&(np::ones(2), np::zeros(3))).map_with_path(|path, _| path == "[0]");
    /// assert_eq!(first.values(), [true, false]);
    /// ```
    #[must_use]
    pub fn map_with_path<U>(&self, mut f: impl FnMut(&str, &T) -> U) -> PerLeaf<U> {
        let values = self.paths.iter().zip(&self.values).map(|(path, value)| f(path, value)).collect();
        PerLeaf { paths: self.paths.clone(), values }
    }

    /// The result of `f` for each pair of values.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// let x = PerLeaf::of(&(np::ones(2), np::zeros(3)));
    /// let sum = x.zip(&x, |a, b| a + b);
    /// assert_eq!(sum["[0]"].to_vec::<f32>(), [2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the values belong to different parameters.
    #[must_use]
    #[track_caller]
    pub fn zip<A, U>(&self, other: &PerLeaf<A>, mut f: impl FnMut(&T, &A) -> U) -> PerLeaf<U> {
        self.check(&other.paths);
        let values = self.values.iter().zip(&other.values).map(|(a, b)| f(a, b)).collect();
        PerLeaf { paths: self.paths.clone(), values }
    }

    /// The result of `f` for each triple of values.
    ///
    /// ```
    /// use cotangent::{optim::PerLeaf, prelude::*};
    /// let x = PerLeaf::of(&(np::ones(2), np::zeros(3)));
    /// let sum = x.zip3(&x, &x, |a, b, c| a + b + c);
    /// assert_eq!(sum["[0]"].to_vec::<f32>(), [3.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If the values belong to different parameters.
    #[must_use]
    #[track_caller]
    pub fn zip3<A, B, U>(
        &self,
        second: &PerLeaf<A>,
        third: &PerLeaf<B>,
        mut f: impl FnMut(&T, &A, &B) -> U,
    ) -> PerLeaf<U> {
        self.check(&second.paths);
        self.check(&third.paths);
        let rest = second.values.iter().zip(&third.values);
        let values = self.values.iter().zip(rest).map(|(x, (a, b))| f(x, a, b)).collect();
        PerLeaf { paths: self.paths.clone(), values }
    }

    /// Whether there are no leaves.
    ///
    /// ```
    /// use cotangent::optim::PerLeaf;
    /// assert!(PerLeaf::of(&()).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    #[track_caller]
    fn check(&self, paths: &Arc<[String]>) {
        if !Arc::ptr_eq(&self.paths, paths) && self.paths != *paths {
            raise(differ(&self.paths, paths));
        }
    }
}

impl<T: Clone> PerLeaf<T> {
    /// The values at the leaves where `mask` is true.
    #[track_caller]
    pub(super) fn select(&self, mask: &PerLeaf<bool>) -> PerLeaf<T> {
        self.check(&mask.paths);
        let chosen = |i: &usize| mask.values[*i];
        let indices = || (0..self.values.len()).filter(chosen);
        PerLeaf {
            paths: indices().map(|i| self.paths[i].clone()).collect::<Vec<_>>().into(),
            values: indices().map(|i| self.values[i].clone()).collect(),
        }
    }

    /// These values, with those of `part` at the leaves where `mask` is true.
    pub(super) fn replace(&self, mask: &PerLeaf<bool>, part: &PerLeaf<T>) -> PerLeaf<T> {
        let mut part = part.values.iter();
        self.zip(mask, |x, chosen| match chosen {
            true => part.next().unwrap_or(x).clone(),
            false => x.clone(),
        })
    }
}

impl<A, B> PerLeaf<(A, B)> {
    /// Two values for each leaf, apart.
    pub(super) fn unzip(self) -> (PerLeaf<A>, PerLeaf<B>) {
        let (a, b) = self.values.into_iter().unzip();
        (PerLeaf { paths: self.paths.clone(), values: a }, PerLeaf { paths: self.paths, values: b })
    }
}

/// The value at a path.
///
/// # Panics
/// If there is no leaf with that path.
impl<T> Index<&str> for PerLeaf<T> {
    type Output = T;

    #[track_caller]
    fn index(&self, path: &str) -> &T {
        match self.paths.iter().position(|p| p == path) {
            Some(i) => &self.values[i],
            None => raise(Error::value(format!("there is no leaf `{path}`")).help(format!(
                "the leaves are {}",
                self.paths.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", ")
            ))),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for PerLeaf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.paths.iter().zip(&self.values)).finish()
    }
}

impl<T: Tree> Tree for PerLeaf<T> {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        self.values.iter().for_each(|x| x.leaves(out));
    }

    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        self.map(|x| x.rebuild(leaves))
    }

    fn same_structure(&self, other: &Self) -> bool {
        (Arc::ptr_eq(&self.paths, &other.paths) || self.paths == other.paths)
            && self.values.iter().zip(&other.values).all(|(a, b)| a.same_structure(b))
    }

    fn paths(&self, path: &mut Path<'_>) {
        for (leaf, value) in self.paths.iter().zip(&self.values) {
            path.append(leaf, |path| value.paths(path));
        }
    }
}
