//! Reductions by a function, over axes and over windows.

use std::panic::Location;
use std::sync::Arc;

use crate::array::aval::{Aval, canonical_axis};
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::control::reduce::{Reduce, ReduceWindow};
use crate::error::{Error, ErrorKind, OrRaise, raise};
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::methods::axes::Axes;
use crate::ops::binary::{Add, Max, Min, Mul};
use crate::ops::conv::dilated;
use crate::ops::reduce::{CumLogSumExp, ReduceMax, ReduceMin, ReduceProd, ReduceSum, extremes};
use crate::ops::reduce_window::{ReduceWindowMax, ReduceWindowMin, ReduceWindowSum};
use crate::ops::top_k::TopK;
use crate::ops::window::Window as Windows;
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::transform::dce::dce;
use crate::tree::{Tree, flatten};

use super::conv::Padding;

/// Returns the operands, the initial values in the operands' dtypes, and the traced program that combines two elements.
#[track_caller]
fn reducer<T: Tree>(
    what: &str,
    operands: &T,
    inits: &T,
    computation: impl Fn(&T, &T) -> T,
) -> (Vec<Array>, Vec<Array>, Arc<Jaxpr>) {
    let (loc, leaves, starts) = (Location::caller(), flatten(operands), flatten(inits));
    if !operands.same_structure(inits) || leaves.is_empty() {
        raise(Error::new(
            ErrorKind::Structure,
            format!("{what}: operands and initial values must have the same structure, with at least one array"),
        ));
    }
    let starts: Vec<Array> = starts.iter().zip(&leaves).map(|(s, x)| s.in_dtype(x.dtype())).collect();
    let one: Vec<Aval> = leaves.iter().map(|x| Aval::new(x.dtype(), ())).collect();
    let avals = [one.clone(), one.clone()].concat();
    let (closed, ()) = stage(&avals, &Inputs::Unknown("inside a reduction"), |args| {
        let (a, b) = args.split_at(one.len());
        let out = computation(&inits.rebuild(&mut a.iter().cloned()), &inits.rebuild(&mut b.iter().cloned()));
        if !out.same_structure(inits) {
            let message = format!("{what}: the function must return the structure of its arguments");
            raise(Error::new(ErrorKind::Structure, message).at(loc));
        }
        (flatten(&out).iter().zip(&one).map(|(y, a)| y.convert(a.dtype, false)).collect(), ())
    });
    if let Some(captured) = closed.captures.first() {
        raise(
            Error::new(ErrorKind::Structure, format!("{what}: the function captures an array, {}", captured.aval()))
                .help("it can use only its arguments and Rust numbers"),
        );
    }
    (leaves, starts, dce(&closed.jaxpr, true).0.into())
}

/// An operation that has reductions of its own.
#[derive(Clone, Copy)]
enum Monoid {
    Sum,
    Product,
    Max,
    Min,
}

impl Monoid {
    /// Returns the operation if the program of two scalars consists of it alone and the initial value is its neutral
    /// element.
    fn of(jaxpr: &Jaxpr, inits: &[Array]) -> Option<Monoid> {
        let ([eqn], [init]) = (jaxpr.eqns(), inits) else { return None };
        let direct = eqn.inputs.iter().zip(jaxpr.inputs()).all(|(a, v)| *a == Atom::Var(*v))
            && jaxpr.outputs() == [Atom::Var(eqn.outputs[0])];
        if !direct || init.is_traced() {
            return None;
        }
        let (dtype, prim) = (init.dtype(), eqn.prim.as_any());
        let (monoid, neutral) = if prim.is::<Add>() {
            (Monoid::Sum, Literal::int(dtype, 0))
        } else if prim.is::<Mul>() {
            (Monoid::Product, Literal::int(dtype, 1))
        } else if prim.is::<Max>() && !dtype.is_complex() {
            (Monoid::Max, extremes(dtype).0)
        } else if prim.is::<Min>() && !dtype.is_complex() {
            (Monoid::Min, extremes(dtype).1)
        } else {
            return None;
        };
        (init.to_literal().ok()?.value() == neutral.value()).then_some(monoid)
    }
}

/// Combines the elements along axes by a function of two scalars. The function must be associative, and the initial
/// value must be its neutral element. Several arrays of the same shape are reduced together, as a tree.
///
/// If the function is a sum, product, maximum or minimum, the specific reduction is used.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([[3.0f32, 4.0], [6.0, 8.0]]);
/// let hypot = |a: &Array, b: &Array| (a * a + b * b).sqrt();
/// assert_eq!(lax::reduce(&x, &0.0.into(), hypot, 1).to_vec::<f32>(), [5.0, 10.0]);
/// ```
///
/// # Panics
/// If shapes differ, an initial value is not a scalar, or the function captures arrays or changes types.
#[track_caller]
pub fn reduce<T: Tree>(operands: &T, inits: &T, computation: impl Fn(&T, &T) -> T, dimensions: impl Axes) -> T {
    let (leaves, starts, jaxpr) = reducer("reduce", operands, inits, computation);
    let axes = dimensions.resolve(leaves[0].ndim()).map_err(|e| e.context("reduce")).or_raise();
    let x = &leaves[..1].iter().collect::<Vec<_>>();
    let known = match Monoid::of(&jaxpr, &starts) {
        Some(Monoid::Sum) => Some(bind1(ReduceSum { axes: axes.clone() }, x)),
        Some(Monoid::Product) => Some(bind1(ReduceProd { axes: axes.clone() }, x)),
        Some(Monoid::Max) => Some(bind1(ReduceMax { axes: axes.clone() }, x)),
        Some(Monoid::Min) => Some(bind1(ReduceMin { axes: axes.clone() }, x)),
        _ => None,
    };
    if let Some(known) = known {
        return operands.rebuild(&mut std::iter::once(known));
    }
    let args: Vec<&Array> = leaves.iter().chain(&starts).collect();
    operands.rebuild(&mut bind(Reduce { jaxpr, dimensions: axes }, &args).into_iter())
}

/// The windows of [`reduce_window`].
///
/// ```
/// use cotangent::lax::{Padding, Window};
/// let window = Window::new([2, 2]).strides([2, 2]).padding(Padding::Same);
/// assert_eq!(window, window.clone());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    windows: Windows,
    padding: Padding,
}

impl Window {
    /// Creates windows of these sizes, one for each dimension, with stride one and without padding or dilation.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let sums = lax::reduce_window(&np::ones([4, 4]), &0.0.into(), |a, b| a + b, &lax::Window::new([2, 3]));
    /// assert_eq!(sums.shape(), [3, 2]);
    /// ```
    #[must_use]
    pub fn new(dimensions: impl IntoIterator<Item = usize>) -> Window {
        let dimensions: Vec<usize> = dimensions.into_iter().collect();
        Window { windows: Windows::new(&dimensions), padding: Padding::Valid }
    }

    /// Sets the stride of the windows along each dimension.
    ///
    /// ```
    /// use cotangent::lax::Window;
    /// assert_ne!(Window::new([2]).strides([2]), Window::new([2]));
    /// ```
    #[must_use]
    pub fn strides(mut self, strides: impl IntoIterator<Item = usize>) -> Window {
        self.windows.strides = strides.into_iter().collect();
        self
    }

    /// Sets the padding of the array. Its elements are the initial value.
    ///
    /// ```
    /// use cotangent::lax::Window;
    /// assert_ne!(Window::new([2]).padding([(1, 0)]), Window::new([2]));
    /// ```
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Window {
        self.padding = padding.into();
        self
    }

    /// Sets the dilation of the array.
    ///
    /// ```
    /// use cotangent::lax::Window;
    /// assert_ne!(Window::new([2]).base_dilation([2]), Window::new([2]));
    /// ```
    #[must_use]
    pub fn base_dilation(mut self, dilation: impl IntoIterator<Item = usize>) -> Window {
        self.windows.base_dilation = dilation.into_iter().collect();
        self
    }

    /// Sets the dilation of the windows.
    ///
    /// ```
    /// use cotangent::lax::Window;
    /// assert_ne!(Window::new([2]).window_dilation([2]), Window::new([2]));
    /// ```
    #[must_use]
    pub fn window_dilation(mut self, dilation: impl IntoIterator<Item = usize>) -> Window {
        self.windows.window_dilation = dilation.into_iter().collect();
        self
    }

    /// Returns the windows over an array, with the padding as numbers.
    fn over(&self, x: &Array) -> Windows {
        let mut windows = self.windows.clone();
        let reach: Vec<usize> =
            windows.dimensions.iter().zip(&windows.window_dilation).map(|(n, d)| dilated(*n, *d)).collect();
        windows.padding = self.padding.pairs(x.shape(), &reach, &windows.strides);
        windows
    }
}

/// Combines the elements of each window by a function of two scalars, starting from an initial value. Elements of the
/// padding have the initial value, too. Several arrays of the same shape are reduced together, as a tree.
///
/// If the function is a sum, maximum or minimum and starts from its neutral element, the specific reduction is used. The
/// derivatives of others, in both modes, combine values and tangents pair by pair in an order of their own: the function
/// must be associative, as it must be for the values, since the compiler chooses their order.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([1.0f32, 2.0, 3.0, 4.0]);
/// let window = lax::Window::new([2]).padding(lax::Padding::Same);
/// let products = lax::reduce_window(&x, &1.0.into(), |a: &Array, b: &Array| a * b, &window);
/// assert_eq!(products.to_vec::<f32>(), [2.0, 6.0, 12.0, 4.0]);
/// ```
///
/// # Panics
/// If shapes differ, an initial value is not a scalar, the function captures arrays or changes types, or the windows do
/// not have an entry for each dimension.
#[track_caller]
pub fn reduce_window<T: Tree>(operands: &T, inits: &T, computation: impl Fn(&T, &T) -> T, window: &Window) -> T {
    let (leaves, starts, jaxpr) = reducer("reduce_window", operands, inits, computation);
    let window = window.over(&leaves[0]);
    let x = &leaves[..1].iter().collect::<Vec<_>>();
    let known = match Monoid::of(&jaxpr, &starts) {
        Some(Monoid::Sum) => Some(bind1(ReduceWindowSum { window: window.clone() }, x)),
        Some(Monoid::Max) => Some(bind1(ReduceWindowMax { window: window.clone() }, x)),
        Some(Monoid::Min) => Some(bind1(ReduceWindowMin { window: window.clone() }, x)),
        _ => None,
    };
    if let Some(known) = known {
        return operands.rebuild(&mut std::iter::once(known));
    }
    let args: Vec<&Array> = leaves.iter().chain(&starts).collect();
    operands.rebuild(&mut bind(ReduceWindow { jaxpr, window }, &args).into_iter())
}

/// Returns the windows of a pooling operation, over the spatial dimensions between the batch and the features.
#[track_caller]
fn pool(what: &str, x: &Array, window: &[usize], strides: &[usize], padding: &Padding) -> Windows {
    if x.ndim() != window.len() + 2 || strides.len() != window.len() {
        raise(
            Error::shape(format!(
                "{what}: {} has {} spatial dimensions between batch and features, but the window has {} entries and \
                 the strides {}",
                x.aval(),
                x.ndim().saturating_sub(2),
                window.len(),
                strides.len()
            ))
            .help("pass an entry for each spatial dimension"),
        );
    }
    let framed = |list: &[usize]| [&[1], list, &[1]].concat();
    let padding = match padding {
        Padding::Explicit(pads) => Padding::Explicit([&[(0, 0)], &pads[..], &[(0, 0)]].concat()),
        named => named.clone(),
    };
    Window { windows: Windows::new(&framed(window)), padding }.strides(framed(strides)).over(x)
}

/// Returns the maximum of each window over the spatial dimensions. The dimensions of the array are batch, spatial
/// dimensions, features (`NHWC`).
///
/// ```
/// use cotangent::{lax, numpy as np};
/// let y = lax::max_pool(np::ones([1, 4, 4, 3]), [2, 2], [2, 2], lax::Padding::Valid);
/// assert_eq!(y.shape(), [1, 2, 2, 3]);
/// ```
///
/// # Panics
/// If the window or the strides do not have an entry for each spatial dimension, or the dtype is complex.
#[track_caller]
pub fn max_pool<const N: usize>(
    x: impl ArrayLike,
    window: [usize; N],
    strides: [usize; N],
    padding: impl Into<Padding>,
) -> Array {
    let x = x.to_array();
    let window = pool("max_pool", &x, &window, &strides, &padding.into());
    bind1(ReduceWindowMax { window }, &[&x])
}

/// Returns the mean of each window over the spatial dimensions. The dimensions of the array are batch, spatial
/// dimensions, features (`NHWC`). Padding counts as zeros.
///
/// ```
/// use cotangent::{lax, numpy as np};
/// let y = lax::avg_pool(np::ones([1, 4, 4, 3]), [2, 2], [2, 2], lax::Padding::Valid);
/// assert_eq!(np::sum(y).item::<f32>(), 12.0);
/// ```
///
/// # Panics
/// If the window or the strides do not have an entry for each spatial dimension, or the dtype is not floating-point.
#[track_caller]
pub fn avg_pool<const N: usize>(
    x: impl ArrayLike,
    window: [usize; N],
    strides: [usize; N],
    padding: impl Into<Padding>,
) -> Array {
    let x = x.to_array().to_inexact();
    let count = window.iter().product::<usize>() as f64;
    let window = pool("avg_pool", &x, &window, &strides, &padding.into());
    bind1(ReduceWindowSum { window }, &[&x]) / count
}

/// Returns the `k` greatest elements along an axis, in descending order, and their indices. Among equal elements, the
/// first ones are selected.
///
/// ```
/// use cotangent::{Array, lax};
/// let (values, indices) = lax::top_k(Array::from([9.0f32, 3.0, 10.0]), 2, -1);
/// assert_eq!(values.to_vec::<f32>(), [10.0, 9.0]);
/// assert_eq!(indices.to_vec::<i32>(), [2, 0]);
/// ```
///
/// # Panics
/// If there is no such axis, it has fewer than `k` elements, or the dtype is complex.
#[track_caller]
pub fn top_k(x: impl ArrayLike, k: usize, axis: isize) -> (Array, Array) {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).map_err(|e| e.context("top_k")).or_raise();
    let mut out = bind(TopK { k, axis }, &[&x]).into_iter();
    match (out.next(), out.next()) {
        (Some(values), Some(indices)) => (values, indices),
        _ => unreachable!("it has two results"),
    }
}

/// Returns the logarithm of the cumulative sum of exponentials along an axis, without overflow in between.
///
/// ```
/// use cotangent::{Array, lax};
/// let y = lax::cumlogsumexp(Array::from([1000.0f32, 1000.0]), 0, false);
/// assert_eq!(y.to_vec::<f32>(), [1000.0, 1000.0 + 2f32.ln()]);
/// ```
///
/// # Panics
/// If there is no such axis, or the dtype is not real floating-point.
#[track_caller]
pub fn cumlogsumexp(x: impl ArrayLike, axis: isize, reverse: bool) -> Array {
    let x = x.to_array();
    let axis = canonical_axis(axis, x.ndim()).map_err(|e| e.context("cumlogsumexp")).or_raise();
    bind1(CumLogSumExp { axis, reverse }, &[&x])
}
