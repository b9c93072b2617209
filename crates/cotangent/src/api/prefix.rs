//! Prefixes of trees: a value for each array of a tree, given for whole parts of it.

use crate::error::{Error, ErrorKind};
use crate::sharding::{NamedSharding, PartitionSpec};
use crate::tree::{Path, Paths, walked};

/// A value for each array of a tree, such as its [`PartitionSpec`].
///
/// It is a prefix of the tree: a value given for a part applies to all arrays in that part. Most prefixes are written
/// without this type, as one value, or as tuples, arrays and `Vec`s of values, which match the elements of tuples,
/// arrays and `Vec`s. For fields of structs and values of maps, [`at`](Prefix::at) takes a path as error messages show
/// it.
///
/// ```
/// use cotangent::{IntoPrefix, P, PartitionSpec, Prefix};
/// let specs: Prefix<PartitionSpec> = Prefix::all(P!()).at(".weight", P!("x"));
/// assert_eq!(specs, specs.clone().into_prefix());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix<T> {
    /// Paths, and the value of what is there. Of several paths that lead to an array, the longest one applies.
    entries: Vec<(String, T)>,
}

/// Why a prefix does not match a tree.
pub(super) struct Misfit {
    pub(super) what: String,
    /// The parts that the tree has.
    pub(super) parts: String,
}

impl<T> Prefix<T> {
    /// Makes a prefix with the same value for all arrays.
    ///
    /// ```
    /// use cotangent::{IntoPrefix, P, Prefix};
    /// assert_eq!(Prefix::all(P!("x")), P!("x").into_prefix());
    /// ```
    #[must_use]
    pub fn all(value: T) -> Prefix<T> {
        Prefix { entries: vec![(String::new(), value)] }
    }

    /// Sets the values of the part at `path`: `.field` of a struct, `[0]` of a tuple or `Vec`, `[key]` of a map, or a
    /// path of several such steps, for example `.layers[0].weight`.
    ///
    /// If nothing is at the path in the argument or result, the call is an error.
    ///
    /// ```
    /// use cotangent::{P, Prefix};
    /// let specs = Prefix::all(P!()).at(".layers[0]", P!(None, "model"));
    /// assert_ne!(specs, Prefix::all(P!()));
    /// ```
    #[must_use]
    pub fn at(mut self, path: &str, values: impl IntoPrefix<T>) -> Prefix<T> {
        self.insert(path, values.into_prefix());
        self
    }

    pub(super) fn insert(&mut self, path: &str, values: Prefix<T>) {
        self.entries.extend(values.below(path.to_string()));
    }

    fn below(self, path: String) -> impl Iterator<Item = (String, T)> {
        self.entries.into_iter().map(move |(rest, value)| (format!("{path}{rest}"), value))
    }

    /// Returns the prefix of a sequence, from those of its elements.
    pub(super) fn parts(parts: impl IntoIterator<Item = Prefix<T>>) -> Prefix<T> {
        let parts = parts.into_iter().enumerate();
        Prefix { entries: parts.flat_map(|(i, part)| part.below(format!("[{i}]"))).collect() }
    }
}

impl<T: Clone> Prefix<T> {
    /// Returns the value of each of the `leaves` arrays that `walk` visits.
    pub(super) fn resolve(&self, leaves: usize, walk: impl FnOnce(&mut Path<'_>)) -> Result<Vec<T>, Misfit> {
        // Usually there is one value for all arrays, and no paths have to be built.
        if let [(path, value)] = self.entries.as_slice()
            && path.is_empty()
        {
            return Ok(vec![value.clone(); leaves]);
        }
        let tree = walked(walk);
        if let Some((path, _)) = self.entries.iter().find(|(path, _)| !path.is_empty() && !tree.nodes.contains(path)) {
            return Err(misfit(format!("no part has the path `{path}`"), &tree));
        }
        (tree.leaves.iter().zip(&tree.ends))
            .map(|(leaf, ends)| {
                let leads = |path: &str| ends.contains(&path.len()) && leaf.starts_with(path);
                let best = self.entries.iter().filter(|(path, _)| leads(path)).max_by_key(|(path, _)| path.len());
                best.map(|(_, value)| value.clone())
                    .ok_or_else(|| misfit(format!("nothing is given for `{leaf}`"), &tree))
            })
            .collect()
    }
}

fn misfit(what: String, tree: &Paths) -> Misfit {
    let nodes: Vec<String> = tree.nodes.iter().map(|n| format!("`{n}`")).collect();
    let parts =
        if nodes.is_empty() { "it has no parts".to_string() } else { format!("its parts are {}", nodes.join(", ")) };
    Misfit { what, parts }
}

impl From<Misfit> for Error {
    fn from(Misfit { what, parts }: Misfit) -> Error {
        Error::new(ErrorKind::Structure, format!("the values do not match the tree: {what}; {parts}"))
            .help("use one value for all, a tuple with an entry for each part, or `Prefix::all(…).at(\".field\", …)`")
    }
}

/// What may be passed as a [`Prefix`]: one value, a prefix, and tuples, arrays and `Vec`s of these.
///
/// ```
/// use cotangent::{IntoPrefix, P, PartitionSpec, Prefix};
/// let specs: Prefix<PartitionSpec> = (P!("x"), [P!(), P!("y")]).into_prefix();
/// assert_ne!(specs, Prefix::all(P!()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `{T}` for each part of a tree",
    label = "expected one `{T}`, or a tuple, array or `Vec` of such for the parts of a tree",
    note = "parts of structs and maps are named by their paths: `Prefix::all(…).at(\".weight\", …)`"
)]
pub trait IntoPrefix<T> {
    /// Converts the value to a prefix.
    fn into_prefix(self) -> Prefix<T>;
}

impl<T> IntoPrefix<T> for Prefix<T> {
    fn into_prefix(self) -> Prefix<T> {
        self
    }
}

impl IntoPrefix<PartitionSpec> for PartitionSpec {
    fn into_prefix(self) -> Prefix<PartitionSpec> {
        Prefix::all(self)
    }
}

impl IntoPrefix<Option<NamedSharding>> for NamedSharding {
    fn into_prefix(self) -> Prefix<Option<NamedSharding>> {
        Prefix::all(Some(self))
    }
}

impl IntoPrefix<Option<NamedSharding>> for &NamedSharding {
    fn into_prefix(self) -> Prefix<Option<NamedSharding>> {
        Prefix::all(Some(self.clone()))
    }
}

impl IntoPrefix<Option<NamedSharding>> for Option<NamedSharding> {
    fn into_prefix(self) -> Prefix<Option<NamedSharding>> {
        Prefix::all(self)
    }
}

impl<T, A: IntoPrefix<T>> IntoPrefix<T> for Vec<A> {
    fn into_prefix(self) -> Prefix<T> {
        Prefix::parts(self.into_iter().map(IntoPrefix::into_prefix))
    }
}

impl<T, A: IntoPrefix<T>, const N: usize> IntoPrefix<T> for [A; N] {
    fn into_prefix(self) -> Prefix<T> {
        Prefix::parts(self.map(IntoPrefix::into_prefix))
    }
}

macro_rules! tuples {
    ($($A:ident $i:tt),*) => {
        impl<T, $($A: IntoPrefix<T>),*> IntoPrefix<T> for ($($A,)*) {
            fn into_prefix(self) -> Prefix<T> {
                Prefix::parts([$(self.$i.into_prefix()),*])
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
