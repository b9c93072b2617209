//! Keys: seeding, splitting and folding in.

use cotangent_derive::Tree;

use crate::api::jit::jit;
use crate::array::aval::{IntoNewShape, IntoShape, Shape};
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, Result, raise};
use crate::numpy::{Index, IntoIndex};

use super::bits::{derived, new_keys};

/// A key, or an array of keys: two words, `u32[2]` or `u32[…, 2]`.
///
/// It is a tree with one leaf, so it passes through every transform. It is not `Copy`: samplers consume it.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::key(7).data().to_vec::<u32>(), [0, 7]);
/// ```
#[derive(Clone, Debug, Tree)]
#[must_use = "a key that is not used draws nothing"]
pub struct Key {
    words: Array,
}

impl Key {
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
        if words.dtype() != DType::U32 || words.shape().last() != Some(&2) {
            return Err(Error::value(format!("expected the data of a key, u32[…,2], got {}", words.aval())));
        }
        Ok(Key { words })
    }

    /// The words: `u32[2]` of one key, `u32[…, 2]` of an array of keys.
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

    /// The words, if this is one key.
    #[track_caller]
    pub(super) fn one(&self, what: &str) -> &Array {
        if self.words.shape() != [2] {
            raise(
                Error::shape(format!(
                    "{what}: expected one key, got an array of keys of shape {}",
                    Shape::new(self.shape())
                ))
                .help("map over keys with `vmap`, or iterate over them: `for key in keys`"),
            );
        }
        &self.words
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
            raise(Error::shape(format!("too many indices for keys of shape {shape}: {named}")));
        }
        let whole = parts.iter().any(|part| matches!(part, Index::Ellipsis));
        if !whole {
            for (part, n) in parts.iter().filter(|part| takes(part) > 0).zip(self.shape()) {
                if let Index::At(i) = part
                    && !(-(*n as isize)..*n as isize).contains(i)
                {
                    let shape = Shape::new(self.shape());
                    raise(Error::shape(format!("index {i} is out of bounds for keys of shape {shape}")));
                }
            }
        } else {
            // The dimensions that the ellipsis stands for end before the words of a key.
            parts.push(Index::Slice((..).into()));
        }
        Key { words: self.words.at(parts).get() }
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
        Key { words: self.words.reshape(shape.insert(shape.rank(), 2)) }
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
        self.words.iter().map(|words| Key { words }).collect::<Vec<_>>().into_iter()
    }
}

/// A seed: an integer, or an integer array of rank zero (which may be traced).
///
/// The high word of a 32-bit seed is zero. A negative seed is used by its bits.
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::key(1u64 << 32).data().to_vec::<u32>(), [1, 0]);
/// ```
pub trait Seed {
    /// The two words.
    fn words(self) -> Array;
}

macro_rules! seeds {
    ($($t:ty: |$x:ident| $words:expr;)*) => { $(
        impl Seed for $t {
            fn words(self) -> Array {
                let $x = self;
                Array::from($words)
            }
        }
    )* };
}

fn halves(x: u64) -> [u32; 2] {
    [(x >> 32) as u32, x as u32]
}

seeds! {
    i32: |x| [0, x as u32];
    u32: |x| [0, x];
    i64: |x| halves(x as u64);
    u64: |x| halves(x);
    usize: |x| halves(x as u64);
}

impl Seed for &Array {
    #[track_caller]
    fn words(self) -> Array {
        if self.ndim() != 0 || !self.dtype().is_integer() {
            raise(Error::value(format!("a seed must be an integer scalar, got {}", self.aval())));
        }
        let wide = if self.dtype().bits() == 64 { self.astype(DType::U64) } else { self.astype(DType::U32) };
        let high = if wide.dtype() == DType::U64 {
            (&wide >> 32).astype(DType::U32)
        } else {
            crate::ops::zeros((), DType::U32)
        };
        crate::numpy::stack(&[&high, &wide.astype(DType::U32)], 0)
    }
}

/// Makes a key from a seed.
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::key(-1).data().to_vec::<u32>(), [0, 4294967295]);
/// ```
#[track_caller]
pub fn key(seed: impl Seed) -> Key {
    Key { words: seed.words() }
}

/// Makes a key from a seed; JAX's older name for [`key()`].
///
/// ```
/// # use cotangent::prelude::*;
/// assert_eq!(random::PRNGKey(7).data().to_vec::<u32>(), [0, 7]);
/// ```
#[allow(non_snake_case, reason = "JAX's name")]
#[track_caller]
pub fn PRNGKey(seed: impl Seed) -> Key {
    key(seed)
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
    let split = jit(|words: &Array| new_keys(words, shape.size()).reshape(shape.insert(shape.rank(), 2)));
    Key { words: split(key.one("split")) }
}

/// Makes a key from another one and a number, of which only the lowest 32 bits are used: `fold_in(key, i)` is
/// `split(key, n).at(i)`.
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
    let fold = jit(|key: &Array, data: &Array| {
        let zero = crate::ops::zeros((), DType::U32);
        derived(key, &zero, &data.astype(DType::U32).broadcast_to([2]))
    });
    Key::from_data(fold(key.one("fold_in"), &data)).or_raise()
}
