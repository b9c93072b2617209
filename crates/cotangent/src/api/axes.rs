//! Prefix trees of axes, which select the mapped axis of each array in a tree.

use crate::error::{Error, ErrorKind, Result};
use crate::tree::Path;

use super::prefix::{Misfit, Prefix};

/// An axis for each array of a tree, or `None` for an array that is the same for every element.
///
/// `Axes` is a prefix of the tree: an axis given for a part applies to all arrays in that part. Most axes are written
/// without this type, as `0`, `None`, or tuples, arrays and `Vec`s of these, which match the elements of tuples, arrays
/// and `Vec`s. For fields of structs and values of maps, [`at`](Axes::at) takes a path as error messages show it.
///
/// ```
/// use cotangent::prelude::*;
/// #[derive(Clone, Tree)]
/// struct Affine { scale: Array, shift: Array }
///
/// let f = |p: &Affine, x: &Array| &p.scale * x + &p.shift;
/// let p = Affine { scale: 2.0.into(), shift: Array::from([10.0f32, 20.0]) };
/// let y = vmap(f).in_axes((Axes::all(0).at(".scale", None), None))(&p, &3.0.into());
/// assert_eq!(y.to_vec::<f32>(), [16.0, 26.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Prefix<Option<isize>>);

impl Axes {
    /// Creates axes that are the same, or `None`, for all arrays.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = vmap(|x: &(Array, Array)| &x.0 + &x.1).in_axes(Axes::all(0));
    /// let x = Array::from([1.0f32, 2.0]);
    /// assert_eq!(f(&(x.clone(), x)).to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[must_use]
    pub fn all(axis: impl IntoAxes) -> Axes {
        axis.into_axes()
    }

    /// Sets the axes of the part at `path`: `.field` of a struct, `[0]` of a tuple or `Vec`, `[key]` of a map, or a
    /// path of several such steps, for example `.layers[0].weight`.
    ///
    /// If nothing is at the path in the argument or result, the call of the mapped function is an error.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = |m: &std::collections::BTreeMap<&str, Array>| &m["a"] * &m["b"];
    /// let m = [("a", Array::from([1.0f32, 2.0])), ("b", Array::from(3.0))].into_iter().collect();
    /// let y = vmap(f).in_axes((Axes::all(None).at("[a]", 0),))(&m);
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 6.0]);
    /// ```
    #[must_use]
    pub fn at(mut self, path: &str, axes: impl IntoAxes) -> Axes {
        self.0.insert(path, axes.into_axes().0);
        self
    }

    /// Returns the axes of a sequence, from those of its elements.
    fn parts(parts: impl IntoIterator<Item = Axes>) -> Axes {
        Axes(Prefix::parts(parts.into_iter().map(|axes| axes.0)))
    }

    /// Returns the axis of each of the `leaves` arrays that `walk` visits.
    pub(super) fn resolve(&self, leaves: usize, walk: impl FnOnce(&mut Path<'_>)) -> Result<Vec<Option<isize>>> {
        self.0.resolve(leaves, walk).map_err(|Misfit { what, parts }| {
            Error::new(ErrorKind::Axis, format!("the axes do not match the tree: {what}; {parts}")).help(
                "use one axis (or None) for all, a tuple with an entry for each part, or `Axes::all(0).at(\".field\", None)`",
            )
        })
    }
}

/// What may be passed as axes: `0`, `-1`, `None`, [`Axes`], and tuples, arrays and `Vec`s of these.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::IntoAxes;
/// assert_eq!(0.into_axes(), Axes::all(0));
/// let f = vmap(|p: &(Array, Array), x: &Array| &p.0 * x + &p.1).in_axes(((0, None), 1));
/// let p = (Array::from([1.0f32, 2.0]), Array::from(3.0));
/// assert_eq!(f(&p, &Array::from([[1.0f32, 10.0]])).to_vec::<f32>(), [4.0, 23.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not specify axes",
    label = "axes are `0`, `-1`, `None`, or a tuple, array or `Vec` of these for the parts of a tree",
    note = "other integers: `axis as i32`",
    note = "parts of structs and maps are named by their paths: `Axes::all(0).at(\".weight\", None)`"
)]
pub trait IntoAxes {
    /// Converts the value to axes.
    fn into_axes(self) -> Axes;
}

impl IntoAxes for Axes {
    fn into_axes(self) -> Axes {
        self
    }
}

impl IntoAxes for Option<i32> {
    fn into_axes(self) -> Axes {
        Axes(Prefix::all(self.map(|a| a as isize)))
    }
}

impl IntoAxes for i32 {
    fn into_axes(self) -> Axes {
        Some(self).into_axes()
    }
}

/// Whether there is a batch axis, in front. The results of a batching rule are described in this way.
impl IntoAxes for bool {
    fn into_axes(self) -> Axes {
        self.then_some(0).into_axes()
    }
}

impl<A: IntoAxes> IntoAxes for Vec<A> {
    fn into_axes(self) -> Axes {
        Axes::parts(self.into_iter().map(IntoAxes::into_axes))
    }
}

impl<A: IntoAxes, const N: usize> IntoAxes for [A; N] {
    fn into_axes(self) -> Axes {
        Axes::parts(self.map(IntoAxes::into_axes))
    }
}

macro_rules! tuple_axes {
    ($($A:ident $i:tt),*) => {
        impl<$($A: IntoAxes),*> IntoAxes for ($($A,)*) {
            fn into_axes(self) -> Axes {
                Axes::parts([$(self.$i.into_axes()),*])
            }
        }
    };
}

tuple_axes!(A 0);
tuple_axes!(A 0, B 1);
tuple_axes!(A 0, B 1, C 2);
tuple_axes!(A 0, B 1, C 2, D 3);
tuple_axes!(A 0, B 1, C 2, D 3, E 4);
tuple_axes!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_axes!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_axes!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
