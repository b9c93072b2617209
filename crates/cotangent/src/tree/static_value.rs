//! Values that are structure and not data.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;

use crate::array::Array;
use crate::tree::{Leaves, Path, Tree};

/// A value without arrays, as an argument of a transformed function. It selects a program, like an argument in JAX's
/// `static_argnums`, and is a constant in that program.
///
/// Rust scalars and strings are static by themselves, and so are fields of derived trees with `#[tree(static)]`.
/// `Static` is for all other types. It derefs to the value.
///
/// ```
/// use cotangent::{Static, prelude::*};
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// enum Activation { Tanh, Relu }
///
/// let f = jit(|x: &Array, act: &Static<Activation>| match **act {
///     Activation::Tanh => x.tanh(),
///     Activation::Relu => x.maximum(0.0),
/// });
/// assert_eq!(f(&Array::from(-1.0), &Static(Activation::Relu)).item::<f32>(), 0.0);
/// f(&Array::from(-1.0), &Static(Activation::Tanh));
/// f(&Array::from(2.0), &Static(Activation::Relu));
/// assert_eq!((f.cache_report().traces, f.cache_report().hits), (2, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Static<T>(pub T);

impl<T> Deref for Static<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for Static<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Clone + Eq + Hash + Send + Sync + 'static> Tree for Static<T> {
    fn leaves<'a>(&'a self, _: &mut Leaves<'a>) {}

    fn rebuild(&self, _: &mut dyn Iterator<Item = Array>) -> Static<T> {
        self.clone()
    }

    fn same_structure(&self, other: &Static<T>) -> bool {
        self == other
    }

    fn paths(&self, _: &mut Path<'_>) {}
}
