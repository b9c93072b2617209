//! Implementations of keys.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// How a key draws random bits, and how new keys are derived from it.
///
/// JAX's `key(seed, impl="rbg")` is [`key_as(seed, KeyImpl::Rbg)`](super::key_as). The names are JAX's, as text:
///
/// ```
/// use cotangent::random::{self, KeyImpl};
/// let implementation: KeyImpl = "rbg".parse().unwrap();
/// let key = random::key_as(0, implementation);
/// assert_eq!(random::bits(key, 4).shape(), [4]);
/// assert_eq!(implementation.to_string(), "rbg");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyImpl {
    /// Threefry-2x32 in counter mode, for draws and for new keys. The bits are the same on every device and for every
    /// layout.
    #[default]
    Threefry2x32,
    /// XLA's generator for draws, Threefry for new keys. It is faster than Threefry where draws are large. Its bits may
    /// differ between devices and versions of XLA.
    Rbg,
    /// XLA's generator for draws and for new keys. Nothing is known about how independent the new keys are.
    UnsafeRbg,
}

const NAMES: [(KeyImpl, &str); 3] =
    [(KeyImpl::Threefry2x32, "threefry2x32"), (KeyImpl::Rbg, "rbg"), (KeyImpl::UnsafeRbg, "unsafe_rbg")];

impl KeyImpl {
    /// The number of words of a key.
    ///
    /// ```
    /// use cotangent::random::KeyImpl;
    /// assert_eq!((KeyImpl::Threefry2x32.words(), KeyImpl::Rbg.words()), (2, 4));
    /// ```
    #[must_use]
    pub fn words(self) -> usize {
        if self == KeyImpl::Threefry2x32 { 2 } else { 4 }
    }

    /// JAX's name.
    ///
    /// ```
    /// use cotangent::random::KeyImpl;
    /// assert_eq!(KeyImpl::UnsafeRbg.name(), "unsafe_rbg");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match NAMES.iter().find(|(implementation, _)| *implementation == self) {
            Some((_, name)) => name,
            None => unreachable!("every implementation has a name"),
        }
    }
}

impl fmt::Display for KeyImpl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyImpl {
    type Err = Error;

    fn from_str(name: &str) -> Result<KeyImpl, Error> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(implementation, _)| *implementation).ok_or_else(|| {
            let known = NAMES.map(|(_, name)| format!("`{name}`")).join(", ");
            Error::value(format!("there is no implementation of keys `{name}`")).help(format!("there are {known}"))
        })
    }
}

/// The implementation of the keys that [`key()`](super::key()) makes: [`KeyImpl::Threefry2x32`]. There is no switch for
/// a whole process; [`key_as`](super::key_as) makes keys of the others.
///
/// ```
/// use cotangent::random;
/// assert_eq!(random::default_prng_impl(), random::key(0).implementation());
/// ```
#[must_use]
pub fn default_prng_impl() -> KeyImpl {
    KeyImpl::default()
}
