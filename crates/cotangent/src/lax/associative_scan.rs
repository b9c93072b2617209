//! Scans by an associative operation, in logarithmic depth.

use std::panic::Location;

use crate::array::Array;
use crate::array::aval::canonical_axis;
use crate::error::{Error, OrRaise, Result};
use crate::ir::jaxpr::Jaxpr;
use crate::ops::slice::{Concatenate, Rev, Slice};
use crate::trace::frames::bind1;
use crate::tree::{Tree, flatten};

use super::control_flow::Alike;

fn slice<T: Tree>(x: &T, start: usize, limit: usize, stride: usize) -> T {
    x.map(|x| {
        let mut prim = Slice { start: vec![0; x.ndim()], limit: x.shape().to_vec(), stride: vec![1; x.ndim()] };
        (prim.start[0], prim.limit[0], prim.stride[0]) = (start, limit, stride);
        bind1(prim, &[x])
    })
}

fn joined<T: Tree>(a: &T, b: &T) -> T {
    a.zip(b, |a, b| bind1(Concatenate { dimension: 0 }, &[a, b]))
}

/// Interleaves the elements of `even` and `odd`. There may be one more even element than odd ones.
fn interleaved<T: Tree>(even: &T, odd: &T) -> T {
    let (n, m) = (length(even), length(odd));
    let pairs = slice(even, 0, m, 1).zip(odd, |a, b| {
        let columns = [a.expand_dims(1), b.expand_dims(1)];
        let shape = a.aval().shape.remove(&[0]).insert(0, 2 * m);
        bind1(Concatenate { dimension: 1 }, &[&columns[0], &columns[1]]).reshape(shape)
    });
    if n > m { joined(&pairs, &slice(even, m, n, 1)) } else { pairs }
}

fn length<T: Tree>(x: &T) -> usize {
    flatten(x).first().map_or(0, |x| x.shape()[0])
}

/// Returns the results for all prefixes. Pairs of elements are combined, and a recursive call scans the pairs. Then the
/// prefixes that end inside a pair are filled in.
fn prefixes<T: Tree>(f: &impl Fn(&T, &T) -> T, x: &T) -> T {
    let n = length(x);
    if n < 2 {
        return x.map(Array::clone);
    }
    let odd = prefixes(f, &f(&slice(x, 0, n - 1, 2), &slice(x, 1, n, 2)));
    let first = slice(x, 0, 1, 1);
    let even = if n == 2 { first } else { joined(&first, &f(&slice(&odd, 0, (n - 1) / 2, 1), &slice(x, 2, n, 2))) };
    interleaved(&even, &odd)
}

/// The options of [`associative_scan`]: the direction and the axis.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([1.0f32, 2.0, 3.0]);
/// let sums = lax::AssociativeScan::new().reverse().run(|a: &Array, b: &Array| a + b, &x);
/// assert_eq!(sums.to_vec::<f32>(), [6.0, 5.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "options do nothing until they are used"]
pub struct AssociativeScan {
    reverse: bool,
    axis: isize,
}

impl AssociativeScan {
    /// Creates a scan from the first element to the last, along the leading axis.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let sums = lax::AssociativeScan::new().run(|a: &Array, b: &Array| a + b, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sums.to_vec::<f32>(), [1.0, 3.0]);
    /// ```
    pub fn new() -> AssociativeScan {
        AssociativeScan::default()
    }

    /// Scans from the last element to the first: element `i` of the result combines the elements from `i` on, starting
    /// with the last one.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let add = |a: &Array, b: &Array| a + b;
    /// let sums = lax::AssociativeScan::new().reverse().run(add, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sums.to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    pub fn reverse(mut self) -> AssociativeScan {
        self.reverse = true;
        self
    }

    /// Sets the axis of each array to scan along. A negative axis counts from the end.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let add = |a: &Array, b: &Array| a + b;
    /// let sums = lax::AssociativeScan::new().axis(1).run(add, &Array::from([[1.0f32, 2.0]]));
    /// assert_eq!(sums.to_vec::<f32>(), [1.0, 3.0]);
    /// ```
    pub fn axis(mut self, axis: isize) -> AssociativeScan {
        self.axis = axis;
        self
    }

    /// Runs the scan. See [`associative_scan`].
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let sums = lax::AssociativeScan::new().run(|a: &Array, b: &Array| a + b, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sums.to_vec::<f32>(), [1.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// See [`associative_scan`].
    #[track_caller]
    pub fn run<T: Tree>(self, f: impl Fn(&T, &T) -> T, xs: &T) -> T {
        let loc = Location::caller();
        let axes = self.axes(&flatten(xs)).map_err(|e| e.context("associative_scan")).or_raise();
        // The slices are taken along the leading axis, so the scanned axis is moved there.
        let mut axis = axes.iter();
        let front = xs.map(|x| x.moveaxis(axis.next().map_or(0, |a| *a as isize), 0));
        let back = |x: &T| {
            let mut axis = axes.iter();
            x.map(|x| x.moveaxis(0, axis.next().map_or(0, |a| *a as isize)))
        };
        let flip = |x: &T| x.map(|x| bind1(Rev { dims: vec![0] }, &[x]));
        // `f` receives arrays with the axis in its original position.
        let f = |a: &T, b: &T| {
            let (a, b) = (back(a), back(b));
            let y = f(&a, &b);
            let alike =
                Alike::solver("associative_scan", "the result of the function", "must have the type of its arguments");
            alike.check(&a, &y, &Jaxpr::default(), loc).or_raise();
            let mut axis = axes.iter();
            y.map(|x| x.moveaxis(axis.next().map_or(0, |a| *a as isize), 0))
        };
        back(&if self.reverse { flip(&prefixes(&f, &flip(&front))) } else { prefixes(&f, &front) })
    }

    /// Returns the axis of each array. All arrays must have the same size along their axes.
    fn axes(self, leaves: &[Array]) -> Result<Vec<usize>> {
        let axes = leaves.iter().map(|x| canonical_axis(self.axis, x.ndim())).collect::<Result<Vec<_>>>()?;
        let sizes: Vec<usize> = leaves.iter().zip(&axes).map(|(x, a)| x.shape()[*a]).collect();
        if sizes.windows(2).any(|pair| pair[0] != pair[1]) {
            let avals: Vec<String> = leaves.iter().map(|x| x.aval().to_string()).collect();
            let message =
                format!("all arrays must have the same size along axis {}, got {}", self.axis, avals.join(", "));
            return Err(Error::shape(message));
        }
        Ok(axes)
    }
}

/// Returns the results of an associative operation for all prefixes along the leading axis of each array: element `i`
/// of the result combines the elements `0..=i` of `xs`. `f` combines arrays of elements, pair by pair.
///
/// `f` is applied to about 2·n elements, in 2·log n calls on many elements each. A [`scan`](super::scan()) would take n
/// steps. [`AssociativeScan`] has options.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let products = lax::associative_scan(|a: &Array, b: &Array| a * b, &Array::from([1.0f32, 2.0, 3.0, 4.0]));
/// assert_eq!(products.to_vec::<f32>(), [1.0, 2.0, 6.0, 24.0]);
/// ```
///
/// # Panics
/// If an array has no axis, the leading sizes differ, or `f` changes the structure or types.
#[track_caller]
pub fn associative_scan<T: Tree>(f: impl Fn(&T, &T) -> T, xs: &T) -> T {
    AssociativeScan::new().run(f, xs)
}
