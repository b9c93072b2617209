//! Keys, their data, splitting and folding in.

use std::collections::BTreeMap;

use crate::array::aval::{IntoNewShape, IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, ErrorKind, OrRaise, Result, raise};
use crate::numpy::{Index, IntoIndex};
use crate::tree::leafwise::Leafwise;
use crate::tree::{Container, Leaves, Path, Tree, leaf_paths};

use super::bits::{folded, new_keys};
use super::implementation::KeyImpl;
use super::samplers::draw;

/// A key, or an array of keys: its words, `u32[2]` or `u32[…, 2]`, and the [implementation](KeyImpl) that draws from
/// them. Keys of the implementations other than the default one have four words.
///
/// It is a tree with one leaf, so it passes through every transform. The implementation is structure: a function is
/// compiled for each. It is not `Copy`: samplers consume it.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::key(7).data().to_vec::<u32>(), [0, 7]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a key that is not used draws nothing"]
pub struct Key {
    words: Array,
    implementation: KeyImpl,
}

impl Tree for Key {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        self.words.leaves(out);
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Key {
        Key::new(self.words.rebuild(leaves), self.implementation)
    }
    fn same_structure(&self, other: &Key) -> bool {
        self.implementation == other.implementation
    }
    fn paths(&self, path: &mut Path<'_>) {
        path.is(Container::Key(self.implementation.name()));
        path.field("words", |path| path.leaf());
    }
}

impl Leafwise for Key {
    type Of<G: Tree> = BTreeMap<String, G>;
    fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G> {
        leaf_paths(self).into_iter().zip(parts).collect()
    }
}

impl Key {
    pub(super) fn new(words: Array, implementation: KeyImpl) -> Key {
        Key { words, implementation }
    }

    /// Makes a key, or an array of keys, from its words: `u32[…, 2]`.
    ///
    /// # Errors
    /// If the dtype is not `u32`, or the last dimension is not two.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let key = random::Key::from_data(Array::from([0u32, 7])).unwrap();
    /// assert_eq!(key.data().to_vec::<u32>(), [0, 7]);
    /// ```
    pub fn from_data(words: Array) -> Result<Key> {
        Key::from_data_as(words, KeyImpl::Threefry2x32)
    }

    /// Makes a key, or an array of keys, of an implementation from its words.
    ///
    /// # Errors
    /// If the dtype is not `u32`, or the last dimension is not the implementation's number of words.
    ///
    /// ```
    /// use cotangent::{prelude::*, random::{Key, KeyImpl}};
    /// let key = Key::from_data_as(Array::from([0u32, 7, 0, 7]), KeyImpl::Rbg).unwrap();
    /// assert_eq!(key.implementation(), KeyImpl::Rbg);
    /// ```
    pub fn from_data_as(words: Array, implementation: KeyImpl) -> Result<Key> {
        let wanted = implementation.words();
        if words.dtype() != DType::U32 || words.shape().last() != Some(&wanted) {
            let wanted = format!("expected the data of a key, u32[…,{wanted}], got {}", words.aval());
            return Err(Error::value(wanted));
        }
        Ok(Key { words, implementation })
    }

    /// The implementation that draws from this key.
    ///
    /// ```
    /// use cotangent::random::{self, KeyImpl};
    /// assert_eq!(random::key(7).implementation(), KeyImpl::Threefry2x32);
    /// ```
    #[must_use]
    pub fn implementation(&self) -> KeyImpl {
        self.implementation
    }

    /// The same implementation with other words.
    fn with(&self, words: Array) -> Key {
        Key { words, implementation: self.implementation }
    }

    /// The words: `u32[2]` of one key, `u32[…, 2]` of an array of keys. (Four instead of two words for the
    /// implementations other than the default one.)
    ///
    /// ```
    /// use cotangent::random;
    /// assert_eq!(random::key(44).data().to_vec::<u32>(), [0, 44]);
    /// ```
    pub fn data(&self) -> &Array {
        &self.words
    }

    /// The shape of an array of keys; empty for one key.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(random::split(random::key(0), 5).shape(), [5]);
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        let shape = self.words.shape();
        &shape[..shape.len() - 1]
    }

    /// This key, if it is one.
    #[track_caller]
    pub(super) fn one(&self, what: &str) -> &Key {
        if self.words.ndim() != 1 {
            raise(
                Error::shape(format!(
                    "{what}: expected one key, got an array of keys of shape {}",
                    Shape::new(self.shape())
                ))
                .help("map over keys with `vmap`, or iterate over them: `for key in keys`"),
            );
        }
        self
    }

    /// Splits this key into `N` keys.
    ///
    /// ```
    /// use cotangent::random;
    /// let [first, second] = random::key(0).split();
    /// assert_eq!(second.data().to_vec::<u32>(), [928981903, 3453687069]);
    /// # let _ = first;
    /// ```
    ///
    /// # Panics
    /// If it is an array of keys.
    #[track_caller]
    pub fn split<const N: usize>(self) -> [Key; N] {
        let mut keys = split(self, N).into_iter();
        std::array::from_fn(|_| match keys.next() {
            Some(key) => key,
            None => unreachable!("`split` returns as many keys as it is asked for"),
        })
    }

    /// The number of dimensions of an array of keys; 0 for one key.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(random::split(random::key(0), (2, 3)).ndim(), 2);
    /// ```
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// The number of keys.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(random::split(random::key(0), (2, 3)).size(), 6);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape().iter().product()
    }

    /// The keys selected by an index, as in [`Array::at`]: one key, a slice, or keys by their numbers.
    ///
    /// # Panics
    /// If the index has more parts than there are dimensions, its parts do not fit, or a number is out of bounds. A
    /// traced number that is out of bounds selects the nearest key.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// let keys = random::split(random::key(0), (4, 3));
    /// assert_eq!(keys.at(2).shape(), [3]);
    /// assert_eq!(keys.at((-1, 0)).data().shape(), [2]);
    /// assert_eq!(keys.at((1..3, ..)).shape(), [2, 3]);
    /// assert_eq!(keys.at(vec![3usize, 0]).shape(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn at(&self, index: impl IntoIndex) -> Key {
        let mut parts = index.into_index();
        let takes = |part: &Index| match part {
            Index::At(_) | Index::Slice(_) => 1,
            Index::Array(x) if x.dtype() == DType::Bool => x.ndim(),
            Index::Array(_) => 1,
            Index::NewAxis | Index::Ellipsis => 0,
        };
        let named: usize = parts.iter().map(takes).sum();
        if named > self.ndim() {
            let shape = Shape::new(self.shape());
            raise(Error::new(ErrorKind::Axis, format!("too many indices for keys of shape {shape}: {named}")));
        }
        let whole = parts.iter().any(|part| matches!(part, Index::Ellipsis));
        if !whole {
            for (axis, (part, n)) in parts.iter().filter(|part| takes(part) > 0).zip(self.shape()).enumerate() {
                if let Index::At(i) = part
                    && !(-(*n as isize)..*n as isize).contains(i)
                {
                    let shape = Shape::new(self.shape());
                    raise(Error::value(format!("index {i} is out of bounds for axis {axis} of keys of shape {shape}")));
                }
            }
        } else {
            // The dimensions that the ellipsis stands for end before the words of a key.
            parts.push(Index::Slice((..).into()));
        }
        self.with(self.words.at(parts).get())
    }

    /// The same keys in another shape. One size may be −1; it is computed from the others.
    ///
    /// # Panics
    /// If the number of keys differs.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// assert_eq!(random::split(random::key(0), 6).reshape((2, -1)).shape(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn reshape(&self, shape: impl IntoNewShape) -> Key {
        let shape = shape.for_size(self.size()).map_err(|e| e.context("reshape")).or_raise();
        self.with(self.words.reshape(shape.insert(shape.rank(), self.implementation.words())))
    }
}

/// The keys along the first axis of an array of keys.
///
/// ```
/// use cotangent::random;
/// for (i, key) in random::split(random::key(0), 3).into_iter().enumerate() {
///     let folded = random::fold_in(random::key(0), i);
///     assert_eq!(key.data().to_vec::<u32>(), folded.data().to_vec::<u32>());
/// }
/// ```
impl IntoIterator for Key {
    type Item = Key;
    type IntoIter = std::vec::IntoIter<Key>;

    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        (&self).into_iter()
    }
}

/// The keys along the first axis of an array of keys. Keys with known values are split up on the host.
///
/// ```
/// use cotangent::random;
/// let keys = random::split(random::key(0), 3);
/// assert_eq!((&keys).into_iter().count(), 3);
/// ```
impl IntoIterator for &Key {
    type Item = Key;
    type IntoIter = std::vec::IntoIter<Key>;

    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        if self.ndim() == 0 {
            raise(Error::shape("a single key cannot be iterated over").help("split it into several: `key.split()`"));
        }
        self.words.iter().map(|words| self.with(words)).collect::<Vec<_>>().into_iter()
    }
}

/// Splits a key into an array of keys of the given shape. Iterate over it, or map over it with `vmap`.
///
/// ```
/// use cotangent::random;
/// let keys = random::split(random::key(0), 5);
/// assert_eq!(keys.shape(), [5]);
/// assert_eq!(keys.data().shape(), [5, 2]);
/// ```
///
/// # Panics
/// If it is an array of keys already.
#[track_caller]
pub fn split(key: Key, shape: impl IntoShape) -> Key {
    let shape = shape.into_shape();
    draw(shape, key.one("split"), [], |shape, key, []| key.with(new_keys(key, shape.size())).reshape(shape))
}

/// Makes a key from another one and a number, of which only the lowest 32 bits are used: `fold_in(key, i)` is
/// `split(key, n).at(i)`. (Not so for keys of [`KeyImpl::UnsafeRbg`].)
///
/// ```
/// use cotangent::random;
/// let key = random::fold_in(random::key(0), 7);
/// assert_eq!(key.data().to_vec::<u32>(), [2716826189, 292468403]);
/// ```
///
/// # Panics
/// If it is an array of keys, or the number is not a single integer.
#[track_caller]
pub fn fold_in(key: Key, data: impl ArrayLike) -> Key {
    let data = data.to_array();
    if data.ndim() != 0 || !data.dtype().is_integer() {
        raise(Error::value(format!("fold_in: expected an integer scalar, got {}", data.aval())));
    }
    draw((), key.one("fold_in"), [data], |(), key, [data]| key.with(folded(key, &data.astype(DType::U32))))
}

/// The implementation of a key; the same as [`Key::implementation`].
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::key_impl(&random::key(0)).to_string(), "threefry2x32");
/// ```
#[must_use]
pub fn key_impl(key: &Key) -> KeyImpl {
    key.implementation
}

/// The words of a key; the same as [`Key::data`].
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::key_data(&random::key(44)).to_vec::<u32>(), [0, 44]);
/// ```
pub fn key_data(key: &Key) -> Array {
    key.words.clone()
}

/// Makes a key, or an array of keys, from its words: `u32[…, 2]`. [`Key::from_data`] does the same and returns an error.
///
/// # Panics
/// If the dtype is not `u32`, or the last dimension is not two.
///
/// ```
/// # use cotangent::prelude::*;
/// let words = random::key_data(&random::key(44));
/// assert_eq!(random::wrap_key_data(words).data().to_vec::<u32>(), [0, 44]);
/// ```
#[track_caller]
pub fn wrap_key_data(words: impl ArrayLike) -> Key {
    wrap_key_data_as(words, KeyImpl::Threefry2x32)
}

/// [`wrap_key_data`] for keys of an implementation.
///
/// # Panics
/// If the dtype is not `u32`, or the last dimension is not the implementation's number of words.
///
/// ```
/// use cotangent::{prelude::*, random::KeyImpl};
/// let key = random::wrap_key_data_as(Array::from([0u32, 7, 0, 7]), KeyImpl::UnsafeRbg);
/// assert_eq!(random::key_impl(&key), KeyImpl::UnsafeRbg);
/// ```
#[track_caller]
pub fn wrap_key_data_as(words: impl ArrayLike, implementation: KeyImpl) -> Key {
    Key::from_data_as(words.to_array(), implementation).map_err(|e| e.context("wrap_key_data")).or_raise()
}

/// A second key with the same words, which draws the same; the same as `key.clone()`.
///
/// ```
/// # use cotangent::prelude::*;
/// let key = random::key(0);
/// let x = random::uniform(random::clone(&key), ());
/// assert_eq!(x.item::<f32>(), random::uniform(key, ()).item::<f32>());
/// ```
pub fn clone(key: &Key) -> Key {
    key.clone()
}
