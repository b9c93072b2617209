//! Pytrees: plain Rust values whose arrays can be extracted and replaced.

mod containers;
pub(crate) mod leafwise;
mod maps;
mod named;
pub(crate) mod static_value;
pub(crate) mod treedef;

use std::fmt::{Display, Write};

use crate::array::{Array, InlineVec};
use crate::error::Result;

pub use maps::MapKey;
pub use named::Named;
pub(crate) use named::{Key, Node};
pub(crate) use treedef::Container;
use treedef::Step;

/// The leaves of a tree, in order.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::tree::Leaves;
/// let pair = (Array::from(1.0), Array::from(2.0));
/// let mut leaves = Leaves::new();
/// pair.leaves(&mut leaves);
/// assert_eq!(leaves.len(), 2);
/// ```
pub type Leaves<'a> = InlineVec<&'a Array, 8>;

impl crate::array::Arrays for &Leaves<'_> {
    fn to_arrays(self) -> Vec<Array> {
        self.iter().map(|x| (*x).clone()).collect()
    }
}

/// A value made of arrays, such as the arguments and results of transformed functions.
///
/// A tree is its own structure. Arrays are its leaves. Everything else in it (lengths, enum variants, fields marked
/// `#[tree(static)]`, Rust scalars and strings) is structure, and a program traced for one structure is never used for
/// another. Derive it for your own types:
///
/// ```
/// use cotangent::prelude::*;
/// #[derive(Clone, Tree)]
/// struct Linear { weight: Array, bias: Array }
///
/// let layer = Linear { weight: Array::from([1.0f32, 2.0]), bias: Array::from(0.5) };
/// let doubled = layer.map(|x| x * 2.0);
/// assert_eq!(doubled.weight.to_vec::<f32>(), [2.0, 4.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tree of arrays",
    label = "`{Self}` is not a tree",
    note = "add `#[derive(Clone, Tree)]` to a struct or enum of your own; a field that holds no arrays can be \
            `#[tree(static)]`",
    note = "other trees are arrays, keys, Rust numbers and strings, and tuples, arrays, `Vec`s, options and maps of trees",
    note = "a function takes a tree or a reference to one: `&Vec<Array>` instead of `&[Array]`, `&Array` instead of `&&Array`"
)]
pub trait Tree: Sized + Send + Sync + 'static {
    /// Appends its arrays to `out`.
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>);

    /// The same structure with new leaves.
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self;

    /// Whether both are equal except for their arrays.
    fn same_structure(&self, other: &Self) -> bool;

    /// Names each leaf, in the order of [`leaves`](Tree::leaves).
    fn paths(&self, path: &mut Path<'_>);

    /// Builds a value from a tree whose parts have names, such as the arguments of a program that was read from a file.
    ///
    /// Derived implementations have it, except those of enums and of structs with fields that are `#[tree(static)]`: a
    /// file does not say which variant it is, or what is in the field.
    ///
    /// # Errors
    /// If the tree has another structure, or it does not determine the value.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::Named;
    /// #[derive(Clone, Tree)]
    /// struct Linear { weight: Array, bias: Array }
    /// let named = Named::branch([("bias", Named::leaf(0.5.into())), ("weight", Named::leaf(2.0.into()))]);
    /// assert_eq!(Linear::from_named(&named).unwrap().weight.item::<f32>(), 2.0);
    /// ```
    fn from_named(source: &Named) -> Result<Self> {
        Err(source.undetermined(std::any::type_name::<Self>()))
    }

    /// The same structure with `f` applied to each leaf.
    #[must_use]
    fn map(&self, mut f: impl FnMut(&Array) -> Array) -> Self {
        let mut leaves = Leaves::new();
        self.leaves(&mut leaves);
        self.rebuild(&mut leaves.into_iter().map(&mut f))
    }

    /// The same structure with `f` applied to the leaves of both, pair by pair.
    ///
    /// # Panics
    /// If the structures differ.
    #[must_use]
    #[track_caller]
    fn zip(&self, other: &Self, mut f: impl FnMut(&Array, &Array) -> Array) -> Self {
        if !self.same_structure(other) {
            crate::error::raise(structure_error(self, other));
        }
        let (mut a, mut b) = (Leaves::new(), Leaves::new());
        self.leaves(&mut a);
        other.leaves(&mut b);
        self.rebuild(&mut a.into_iter().zip(b).map(|(a, b)| f(a, b)))
    }
}

fn structure_error<T: Tree>(a: &T, b: &T) -> crate::error::Error {
    let difference = difference(&leaf_paths(a), &leaf_paths(b));
    crate::error::Error::new(
        crate::error::ErrorKind::Structure,
        format!("two trees of different structure cannot be combined: {difference}"),
    )
}

/// Describes how trees with these leaves differ in structure.
pub(crate) fn difference(a: &[String], b: &[String]) -> String {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => format!("one has the leaf `{a}` where the other has `{b}`"),
        None if a.len() != b.len() => format!("one has {} leaves, the other {}", a.len(), b.len()),
        None => "a static field or the variant of an `enum` differs".to_string(),
    }
}

/// Names a leaf in a message: `of` itself if the path is empty.
pub(crate) fn leaf_name(path: &str, of: &str) -> String {
    if path.is_empty() { of.to_string() } else { format!("the leaf `{path}` of {of}") }
}

/// The arrays of a tree, in order. They share memory with those in the tree.
///
/// ```
/// use cotangent::prelude::*;
/// let pair = (np::ones(2), vec![np::zeros(3)]);
/// let sizes: usize = tree::leaves(&pair).iter().map(Array::size).sum();
/// assert_eq!(sizes, 5);
/// ```
pub fn leaves<T: Tree>(tree: &T) -> Vec<Array> {
    let mut leaves = Leaves::new();
    tree.leaves(&mut leaves);
    leaves.into_iter().cloned().collect()
}

pub(crate) use leaves as flatten;

/// Waits until every array of a tree has been computed, and returns the tree. Reading an array waits automatically.
///
/// # Errors
/// If a computation failed on the device, or an array is traced under `jit`.
///
/// ```
/// use cotangent::{block_until_ready, prelude::*};
/// let f = jit(|x: &Array| (x.sin(), x.cos()));
/// let pair = f(&Array::from([1.0f32, 2.0]));
/// assert_eq!(block_until_ready(&pair).unwrap().0.shape(), [2]);
/// ```
pub fn block_until_ready<T: Tree>(tree: &T) -> crate::error::Result<&T> {
    let mut leaves = Leaves::new();
    tree.leaves(&mut leaves);
    leaves.into_iter().try_for_each(|x| x.block_until_ready().map(|_| ()))?;
    Ok(tree)
}

/// Starts to copy every array of a tree to the host, without waiting for it, and returns the tree. Reading an array
/// later waits for the rest only.
///
/// # Errors
/// If an array is traced under `jit`.
///
/// ```
/// use cotangent::{copy_to_host_async, prelude::*};
/// let pair = jit(|x: &Array| (x.sin(), x.cos()))(&np::zeros(2));
/// assert_eq!(copy_to_host_async(&pair)?.1.to_vec::<f32>(), [1.0, 1.0]);
/// # Ok::<(), Error>(())
/// ```
pub fn copy_to_host_async<T: Tree>(tree: &T) -> crate::error::Result<&T> {
    let mut leaves = Leaves::new();
    tree.leaves(&mut leaves);
    leaves.into_iter().try_for_each(|x| x.copy_to_host_async().map(|_| ()))?;
    Ok(tree)
}

/// The path of each leaf: `.hidden[0].weight`.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::tree::leaf_paths;
/// let pair = (Array::from(1.0), Array::from(2.0));
/// assert_eq!(leaf_paths(&pair), ["[0]", "[1]"]);
/// ```
#[must_use]
pub fn leaf_paths<T: Tree>(tree: &T) -> Vec<String> {
    collect_paths(|path| tree.paths(path))
}

/// The paths of the leaves that a walk visits.
pub(crate) fn collect_paths(walk: impl FnOnce(&mut Path<'_>)) -> Vec<String> {
    walked(walk).leaves
}

/// The record of a walk.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// The path of the current node.
    prefix: String,
    /// The lengths of the paths of the enclosing nodes.
    around: Vec<usize>,
    /// The path of each leaf.
    pub(crate) leaves: Vec<String>,
    /// For each leaf, the lengths of the paths of the enclosing nodes and of its own path.
    pub(crate) ends: Vec<Vec<usize>>,
    /// The paths of all nodes except the root, including those without leaves.
    pub(crate) nodes: Vec<String>,
    /// What the walk did, in order.
    pub(crate) steps: Vec<Step>,
}

/// The nodes and leaves that a walk visits.
pub(crate) fn walked(walk: impl FnOnce(&mut Path<'_>)) -> Paths {
    let mut paths = Paths { around: vec![0], ..Paths::default() };
    walk(&mut Path { walk: &mut paths });
    paths
}

/// The current position of a walk in a tree.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::tree::leaf_paths;
/// let nested = vec![(Array::from(1.0), Array::from(2.0))];
/// assert_eq!(leaf_paths(&nested), ["[0][0]", "[0][1]"]);
/// ```
#[derive(Debug)]
pub struct Path<'a> {
    walk: &'a mut Paths,
}

impl Path<'_> {
    /// Walks into a field.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::leaf_paths;
    /// #[derive(Clone, Tree)]
    /// struct Layer { weight: Array }
    /// assert_eq!(leaf_paths(&Layer { weight: 1.0.into() }), [".weight"]);
    /// ```
    pub fn field(&mut self, name: &str, walk: impl FnOnce(&mut Path<'_>)) {
        self.step(format_args!(".{name}"), walk);
    }

    /// Walks into an element of a sequence or map.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::leaf_paths;
    /// assert_eq!(leaf_paths(&vec![Array::from(1.0)]), ["[0]"]);
    /// ```
    pub fn index(&mut self, index: impl Display, walk: impl FnOnce(&mut Path<'_>)) {
        self.step(format_args!("[{index}]"), walk);
    }

    /// Walks into a value at the end of a path, such as `.hidden[0].weight`.
    pub(crate) fn append(&mut self, path: &str, walk: impl FnOnce(&mut Path<'_>)) {
        self.step(format_args!("{path}"), walk);
    }

    /// Says what the value at the current position is, where its parts do not tell.
    pub(crate) fn is(&mut self, container: Container) {
        self.walk.steps.push(Step::Is(container));
    }

    /// Records the leaf at the current position.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::leaf_paths;
    /// assert_eq!(leaf_paths(&Array::from(1.0)), [""]);
    /// ```
    pub fn leaf(&mut self) {
        self.walk.leaves.push(self.walk.prefix.clone());
        self.walk.steps.push(Step::Leaf);
        self.walk.ends.push(self.walk.around.clone());
    }

    fn step(&mut self, segment: std::fmt::Arguments<'_>, walk: impl FnOnce(&mut Path<'_>)) {
        let length = self.walk.enter(segment);
        walk(&mut Path { walk: self.walk });
        self.walk.leave(length);
    }
}

impl Paths {
    /// Goes to a node at the end of the current path. Returns the length of the path before.
    fn enter(&mut self, segment: std::fmt::Arguments<'_>) -> usize {
        let length = self.prefix.len();
        // Writing to a String cannot fail.
        let _ = self.prefix.write_fmt(segment);
        self.around.push(self.prefix.len());
        self.nodes.push(self.prefix.clone());
        self.steps.push(Step::Into(self.prefix[length..].to_string()));
        length
    }

    /// Returns to a path of this length.
    fn leave(&mut self, length: usize) {
        self.steps.push(Step::Out);
        self.around.pop();
        self.prefix.truncate(length);
    }
}
