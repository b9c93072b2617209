//! What does not count when primitives are compared.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// A part of a primitive's parameters that has a say while programs are rewritten and none in what they compute, such as
/// a rule for the derivative. Primitives that differ in it alone are equal, and so are programs that they stand in: one
/// compiled program serves them all.
#[derive(Clone)]
pub(crate) struct IgnoredByEq<T>(pub T);

impl<T> Deref for IgnoredByEq<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> PartialEq for IgnoredByEq<T> {
    fn eq(&self, _: &IgnoredByEq<T>) -> bool {
        true
    }
}

impl<T> Eq for IgnoredByEq<T> {}

impl<T> Hash for IgnoredByEq<T> {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl<T> fmt::Debug for IgnoredByEq<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
