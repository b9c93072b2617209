//! Communication between the elements of a named mapped axis. See [`Vmap::axis_name`](crate::Vmap::axis_name).

use std::any::TypeId;
use std::panic::Location;

use crate::array::Array;
use crate::array::aval::canonical_axis;
use crate::array::dtype::DType;
use crate::control::collectives as prim;
use crate::error::location::{location, with_location};
use crate::error::{Error, ErrorKind, OrRaise, Result, raise};
use crate::ir::axis::{AxisName, NamedAxis};
use crate::trace::axis;
use crate::trace::frames::bind1;
use crate::tree::Tree;

/// The names of one or more mapped axes: `"batch"`, `["rows", "columns"]`.
///
/// ```
/// use cotangent::lax::AxisNames;
/// assert_eq!(["i", "j"].axis_names().len(), 2);
/// ```
pub trait AxisNames {
    /// Returns the names. In an index over several axes, the first one varies slowest.
    fn axis_names(self) -> Vec<AxisName>;
}

macro_rules! one_name {
    ($($T:ty),*) => { $(
        impl AxisNames for $T {
            fn axis_names(self) -> Vec<AxisName> {
                vec![self.into()]
            }
        }
    )* };
}

one_name!(&str, String, AxisName, &AxisName);

impl<N: Into<AxisName>, const M: usize> AxisNames for [N; M] {
    fn axis_names(self) -> Vec<AxisName> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<N: Clone + Into<AxisName>> AxisNames for &[N] {
    fn axis_names(self) -> Vec<AxisName> {
        self.iter().cloned().map(Into::into).collect()
    }
}

fn resolve(names: impl AxisNames) -> Result<Vec<NamedAxis>> {
    let names = names.axis_names();
    if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(Error::new(ErrorKind::Axis, format!("the axis `{name}` is repeated")));
    }
    names.iter().map(axis::find).collect()
}

#[track_caller]
fn axes(function: &str, names: impl AxisNames) -> Vec<NamedAxis> {
    resolve(names).map_err(|e| e.context(function)).or_raise()
}

#[track_caller]
fn one_axis(function: &str, name: impl Into<AxisName>) -> NamedAxis {
    axis::find(&name.into()).map_err(|e| e.context(function)).or_raise()
}

#[track_caller]
fn dimension(function: &str, axis: isize, x: &Array, rank: usize) -> usize {
    canonical_axis(axis, rank).map_err(|e| e.context(format_args!("{function} of {}", x.aval()))).or_raise()
}

/// Applies `f` to the arrays of a tree. A Rust number holds no array and is the same for every element. It is an error
/// here, because leaving it unchanged would be surprising.
#[track_caller]
fn each<T: Tree>(function: &str, x: &T, f: impl FnMut(&Array) -> Array) -> T {
    let numbers = [
        TypeId::of::<f32>(),
        TypeId::of::<f64>(),
        TypeId::of::<i32>(),
        TypeId::of::<i64>(),
        TypeId::of::<usize>(),
        TypeId::of::<bool>(),
    ];
    if numbers.contains(&TypeId::of::<T>()) {
        raise(
            Error::value(format!("{function}: expected arrays, got a Rust number"))
                .help("convert it with `Array::from`; the size of the axis is `lax::axis_size`"),
        );
    }
    with_location(location(Location::caller()), || x.map(f))
}

/// Returns the sum over mapped axes, which is the same for every element. Arrays of `bool` are counted, as `i32`.
///
/// The function is linear and is its own transpose: it sums the cotangents of all elements.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let share = vmap(|x: &Array| x / lax::psum(x, "i")).axis_name("i");
/// assert_eq!(share(&Array::from([1.0f32, 3.0])).to_vec::<f32>(), [0.25, 0.75]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name.
#[track_caller]
pub fn psum<T: Tree>(x: &T, axis_name: impl AxisNames) -> T {
    let axes = axes("psum", axis_name);
    each("psum", x, |x| sum(x, &axes))
}

#[track_caller]
fn sum(x: &Array, axes: &[NamedAxis]) -> Array {
    let x = if x.dtype() == DType::Bool { x.astype(DType::I32) } else { x.clone() };
    if axes.is_empty() {
        return x;
    }
    if !x.is_traced() {
        // All elements share one value.
        return &x * size(axes) as i32;
    }
    bind1(prim::PSum { axes: axes.to_vec() }, &[&x])
}

fn size(axes: &[NamedAxis]) -> usize {
    axes.iter().map(|a| a.size).product()
}

/// Returns the mean over mapped axes.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let centered = vmap(|x: &Array| x - lax::pmean(x, "i")).axis_name("i");
/// assert_eq!(centered(&Array::from([1.0f32, 3.0])).to_vec::<f32>(), [-1.0, 1.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name.
#[track_caller]
pub fn pmean<T: Tree>(x: &T, axis_name: impl AxisNames) -> T {
    let axes = axes("pmean", axis_name);
    each("pmean", x, |x| sum(x, &axes) / size(&axes) as i32)
}

macro_rules! extreme {
    ($(#[$doc:meta])* $name:ident $T:ident) => {
        $(#[$doc])*
        ///
        /// The derivative is that of the element whose value it is, or the mean of those of several. JAX has none.
        ///
        /// # Panics
        /// If there is no enclosing mapped axis of that name.
        #[track_caller]
        pub fn $name<T: Tree>(x: &T, axis_name: impl AxisNames) -> T {
            let axes = axes(stringify!($name), axis_name);
            each(stringify!($name), x, |x| match axes.as_slice() {
                [] => x.clone(),
                _ => bind1(prim::$T { axes: axes.clone() }, &[x]),
            })
        }
    };
}

extreme! {
    /// Returns the maximum over mapped axes.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let f = vmap(|x: &Array| x / lax::pmax(x, "i")).axis_name("i");
    /// assert_eq!(f(&Array::from([1.0f32, 4.0])).to_vec::<f32>(), [0.25, 1.0]);
    /// ```
    pmax PMax
}

extreme! {
    /// Returns the minimum over mapped axes.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let f = vmap(|x: &Array| x - lax::pmin(x, "i")).axis_name("i");
    /// assert_eq!(f(&Array::from([1.0f32, 4.0])).to_vec::<f32>(), [0.0, 3.0]);
    /// ```
    pmin PMin
}

/// Returns the index of each element along a mapped axis, as an `i32` scalar. For several axes, it enumerates all
/// combinations, and the last axis varies fastest.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| x * lax::axis_index("i")).axis_name("i");
/// assert_eq!(f(&Array::from([5.0f32, 5.0])).to_vec::<f32>(), [0.0, 5.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name.
#[track_caller]
pub fn axis_index(axis_name: impl AxisNames) -> Array {
    let index = |axis: &NamedAxis| bind1(prim::AxisIndex { axis: axis.clone() }, &[]);
    let axes = axes("axis_index", axis_name);
    match axes.split_first() {
        None => Array::scalar(0i32),
        Some((first, rest)) => rest.iter().fold(index(first), |i, axis| i * axis.size as i32 + index(axis)),
    }
}

/// Returns the number of elements of a mapped axis. For several axes, it is the product of their sizes.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| x * lax::axis_size("i") as i32).axis_name("i");
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 4.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name.
#[must_use]
#[track_caller]
pub fn axis_size(axis_name: impl AxisNames) -> usize {
    size(&axes("axis_size", axis_name))
}

/// Sends values along a mapped axis. For each pair (source, destination), the destination receives the value of the
/// source. An element that is not a destination receives zeros.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let shift = vmap(|x: &Array| lax::ppermute(x, "i", &[(0, 1), (1, 2)])).axis_name("i");
/// assert_eq!(shift(&Array::from([1.0f32, 2.0, 3.0])).to_vec::<f32>(), [0.0, 1.0, 2.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or a source or destination occurs twice or is out of bounds.
#[track_caller]
pub fn ppermute<T: Tree>(x: &T, axis_name: impl Into<AxisName>, perm: &[(usize, usize)]) -> T {
    let axis = one_axis("ppermute", axis_name);
    each("ppermute", x, |x| bind1(prim::PPermute { axis: axis.clone(), perm: perm.to_vec() }, &[x]))
}

/// [`ppermute`] with the permutation as a list: element `i` receives the value of element `perm[i]`.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let reverse = vmap(|x: &Array| lax::pshuffle(x, "i", &[2, 1, 0])).axis_name("i");
/// assert_eq!(reverse(&Array::from([1.0f32, 2.0, 3.0])).to_vec::<f32>(), [3.0, 2.0, 1.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or the list is not a permutation.
#[track_caller]
pub fn pshuffle<T: Tree>(x: &T, axis_name: impl Into<AxisName>, perm: &[usize]) -> T {
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..perm.len()) {
        raise(Error::value(format!("pshuffle: {perm:?} is not a permutation")));
    }
    let pairs: Vec<(usize, usize)> = perm.iter().copied().zip(0..).collect();
    ppermute(x, axis_name, &pairs)
}

/// Returns the value of the element at `source`, for every element.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::pbroadcast(x, "i", 1)).axis_name("i");
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 2.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or `source` is out of bounds.
#[track_caller]
pub fn pbroadcast<T: Tree>(x: &T, axis_name: impl Into<AxisName>, source: usize) -> T {
    let axis = one_axis("pbroadcast", axis_name);
    if source >= axis.size {
        raise(Error::value(format!(
            "pbroadcast: source {source} is out of bounds for the axis `{axis}` of size {}",
            axis.size
        )));
    }
    let is_source = axis_index(&axis.name).equal(source as i32);
    each("pbroadcast", x, |x| {
        let own = crate::ops::select(&is_source, x, &crate::ops::zeros_like(x), x.shape());
        sum(&own, std::slice::from_ref(&axis)).astype(x.dtype())
    })
}

/// Returns the values of all elements of mapped axes, stacked along a new leading dimension. To stack along another
/// dimension, or to concatenate along an existing one, use [`all_gather_along`].
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::all_gather(x, "i")).axis_name("i").out_axes(None);
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name.
#[track_caller]
pub fn all_gather<T: Tree>(x: &T, axis_name: impl AxisNames) -> T {
    all_gather_along(x, axis_name, 0, false)
}

/// Returns the values of all elements of mapped axes. They are stacked along a new dimension at `axis` of the result
/// or, if `tiled`, concatenated along the dimension `axis` of `x`.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::all_gather_along(x, "i", 0, true)).axis_name("i").out_axes(None);
/// assert_eq!(f(&Array::from([[1.0f32, 2.0], [3.0, 4.0]])).to_vec::<f32>(), [1.0, 2.0, 3.0, 4.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or there is no such dimension.
#[track_caller]
pub fn all_gather_along<T: Tree>(x: &T, axis_name: impl AxisNames, axis: isize, tiled: bool) -> T {
    let axes = axes("all_gather", axis_name);
    each("all_gather", x, |x| {
        let at = dimension("all_gather", axis, x, x.ndim() + usize::from(!tiled));
        // The last axis varies fastest, so it is gathered first.
        axes.iter().rev().enumerate().fold(x.clone(), |x, (i, axis)| {
            bind1(prim::AllGather { axis: axis.clone(), dimension: at, tiled: tiled || i > 0 }, &[&x])
        })
    })
}

/// Sums over mapped axes and returns to each element its entry of the leading dimension. The size of that dimension
/// must be the size of the axes. For another dimension, or several entries for each element, use
/// [`psum_scatter_along`].
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::psum_scatter(x, "i")).axis_name("i");
/// assert_eq!(f(&Array::from([[1.0f32, 2.0], [3.0, 4.0]])).to_vec::<f32>(), [4.0, 6.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or the dimension has another size.
#[track_caller]
pub fn psum_scatter<T: Tree>(x: &T, axis_name: impl AxisNames) -> T {
    psum_scatter_along(x, axis_name, 0, false)
}

/// Sums over mapped axes and returns to each element its part of the dimension `axis`. The part is one entry, without
/// that dimension, or, if `tiled`, an equal share of the dimension.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::psum_scatter_along(x, "i", 0, true)).axis_name("i");
/// let x = Array::from([[1.0f32, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 1.0]]);
/// assert_eq!(f(&x).to_vec::<f32>(), [1.0, 2.0, 3.0, 5.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or the dimension cannot be divided among its elements.
#[track_caller]
pub fn psum_scatter_along<T: Tree>(x: &T, axis_name: impl AxisNames, axis: isize, tiled: bool) -> T {
    let axes = axes("psum_scatter", axis_name);
    each("psum_scatter", x, |x| {
        let at = dimension("psum_scatter", axis, x, x.ndim());
        // The first axis varies slowest, so it divides the whole dimension.
        axes.iter().enumerate().fold(x.clone(), |x, (i, axis)| {
            let last = i + 1 == axes.len();
            bind1(prim::ReduceScatter { axis: axis.clone(), dimension: at, tiled: tiled || !last }, &[&x])
        })
    })
}

/// Exchanges a mapped axis for a dimension. The dimension `split_axis` of `x`, which must have the size of the mapped
/// axis, becomes the mapped axis. The former mapped axis becomes the dimension `concat_axis` of the result.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let transpose = vmap(|row: &Array| lax::all_to_all(row, "i", 0, 0)).axis_name("i");
/// assert_eq!(transpose(&Array::from([[1.0f32, 2.0], [3.0, 4.0]])).to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or `split_axis` has another size.
#[track_caller]
pub fn all_to_all<T: Tree>(x: &T, axis_name: impl AxisNames, split_axis: isize, concat_axis: isize) -> T {
    let axes = axes("all_to_all", axis_name);
    each("all_to_all", x, |x| {
        let (s, c) = (
            dimension("all_to_all: split_axis", split_axis, x, x.ndim()),
            dimension("all_to_all: concat_axis", concat_axis, x, x.ndim()),
        );
        let (own, n) = (x.shape()[s], size(&axes));
        if own != n {
            let names: Vec<String> = axes.iter().map(|a| format!("`{a}`")).collect();
            raise(
                Error::shape(format!(
                    "all_to_all: dimension {s} of {} must have the size {n} of the axis {}",
                    x.aval(),
                    names.join(", ")
                ))
                .help("use `all_to_all_tiled` if each element receives several entries"),
            );
        }
        if s == c {
            return exchange(x, &axes, s, c);
        }
        // The parts go to a new dimension of size one, at the position of `concat_axis` in the result. Then
        // `split_axis` is removed.
        let (new, split) = if s < c { (c + 1, s) } else { (c, s + 1) };
        let y = exchange(&x.expand_dims(new as isize), &axes, split, new);
        y.reshape(y.aval().shape.remove(&[split]))
    })
}

/// Divides the dimension `split_axis` among the elements of mapped axes. Each element concatenates the parts that it
/// receives along `concat_axis`. The number of dimensions stays the same.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = vmap(|x: &Array| lax::all_to_all_tiled(x, "i", 0, 0)).axis_name("i");
/// let x = Array::from([[1, 2, 3, 4], [5, 6, 7, 8]]);
/// assert_eq!(f(&x).to_vec::<i32>(), [1, 2, 5, 6, 3, 4, 7, 8]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or `split_axis` cannot be divided among its elements.
#[track_caller]
pub fn all_to_all_tiled<T: Tree>(x: &T, axis_name: impl AxisNames, split_axis: isize, concat_axis: isize) -> T {
    let axes = axes("all_to_all", axis_name);
    each("all_to_all", x, |x| {
        let s = dimension("all_to_all: split_axis", split_axis, x, x.ndim());
        exchange(x, &axes, s, dimension("all_to_all: concat_axis", concat_axis, x, x.ndim()))
    })
}

/// Exchanges parts over one or more axes. For several axes, the parts are first gathered in leading dimensions, one for
/// each axis, so that they are in order.
#[track_caller]
fn exchange(x: &Array, axes: &[NamedAxis], split_axis: usize, concat_axis: usize) -> Array {
    if let [axis] = axes {
        return bind1(prim::AllToAll { axis: axis.clone(), split_axis, concat_axis }, &[x]);
    }
    let parts = axes.iter().enumerate().fold(x.clone(), |x, (i, axis)| {
        let split_axis = split_axis + i + 1;
        bind1(prim::AllToAll { axis: axis.clone(), split_axis, concat_axis: i }, &[&x.expand_dims(i as isize)])
    });
    let n = size(axes);
    let own = parts.shape()[axes.len()..].to_vec();
    let stacked = parts.reshape(crate::array::aval::Shape::new(&own).insert(0, n)).moveaxis(0, concat_axis as isize);
    let mut shape = own;
    shape[concat_axis] *= n;
    stacked.reshape(shape)
}

/// Exchanges a mapped axis for the dimension `axis`, which must have the same size.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let transpose = vmap(|row: &Array| lax::pswapaxes(row, "i", 0)).axis_name("i");
/// assert_eq!(transpose(&Array::from([[1.0f32, 2.0], [3.0, 4.0]])).to_vec::<f32>(), [1.0, 3.0, 2.0, 4.0]);
/// ```
///
/// # Panics
/// If there is no enclosing mapped axis of that name, or the dimension has another size.
#[track_caller]
pub fn pswapaxes<T: Tree>(x: &T, axis_name: impl AxisNames, axis: isize) -> T {
    all_to_all(x, axis_name, axis, axis)
}
