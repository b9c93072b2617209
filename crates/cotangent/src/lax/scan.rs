//! Loops over the leading axis of arrays.

use std::panic::Location;

use crate::api::vmap::vmap;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::modes::modes;
use crate::control::scan::Scan as ScanPrimitive;
use crate::error::{Error, Loc, OrRaise, Result};
use crate::ops::slice::Concatenate;
use crate::trace::frames::{bind, bind1};
use crate::tree::{Tree, flatten, leaf_paths};

use super::control_flow::{Alike, tidy, traced_body};
use super::step::Step;

/// A [`scan`] with options: the direction, the length of a scan without arrays, and unrolling.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let xs = Array::from([1.0f32, 2.0, 3.0]);
/// let step = |c: &Array, x: &Array| (c + x, c + x);
/// assert_eq!(lax::Scan::new().reverse().run(step, 0.0, &xs).1.to_vec::<f32>(), [6.0, 5.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "options do nothing until they are used"]
pub struct Scan {
    reverse: bool,
    length: Option<usize>,
    unroll: Option<usize>,
}

impl Scan {
    /// Returns a scan from the first index to the last.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let step = |c: &Array, x: &Array| (c + x, c + x);
    /// let (sum, _) = lax::Scan::new().run(step, 0.0, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sum.item::<f32>(), 3.0);
    /// ```
    pub fn new() -> Scan {
        Scan::default()
    }

    /// Scans from the last index to the first. Each result is stored at the index of its slice.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let step = |c: &Array, x: &Array| (c + x, c + x);
    /// let (_, sums) = lax::Scan::new().reverse().run(step, 0.0, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sums.to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    pub fn reverse(mut self) -> Scan {
        self.reverse = true;
        self
    }

    /// Sets the number of iterations, for a scan over `()`.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let (last, ()) = lax::Scan::new().length(3).run(|c: &Array, _: &()| (c * 2.0, ()), 1.0, &());
    /// assert_eq!(last.item::<f32>(), 8.0);
    /// ```
    pub fn length(mut self, length: usize) -> Scan {
        self.length = Some(length);
        self
    }

    /// Sets how many slices each iteration of the compiled loop processes: more code, fewer iterations. The results are
    /// the same.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let step = |c: &Array, x: &Array| (c + x, c + x);
    /// let (sum, _) = lax::Scan::new().unroll(2).run(step, 0.0, &Array::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(sum.item::<f32>(), 6.0);
    /// ```
    pub fn unroll(mut self, steps: usize) -> Scan {
        self.unroll = Some(steps.max(1));
        self
    }

    /// Runs the scan; see [`scan`].
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let (last, powers) = lax::Scan::new().length(3).run(|c: &Array, _: &()| (c * 2.0, c.clone()), 1.0, &());
    /// assert_eq!(last.item::<f32>(), 8.0);
    /// assert_eq!(powers.to_vec::<f32>(), [1.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// Panics as [`scan`] does.
    #[track_caller]
    pub fn run<C: Tree, X: Tree, Y: Tree, P>(
        self,
        f: impl Step<P, (C, X), Out = (C, Y)>,
        init: impl Into<C>,
        xs: &X,
    ) -> (C, Y) {
        let step = |carry, x| f.step((carry, x));
        self.traced(&Alike::carried("scan", "the carry"), step, init.into(), xs, Location::caller())
    }

    #[track_caller]
    pub(super) fn traced<C: Tree, X: Tree, Y: Tree>(
        self,
        alike: &Alike<'_>,
        f: impl Fn(C, X) -> (C, Y),
        init: C,
        xs: &X,
        loc: Loc,
    ) -> (C, Y) {
        let scanned = flatten(xs);
        let length = self.steps(xs, &scanned).map_err(|e| e.context(alike.call).at(loc)).or_raise();
        if modes().without_jit && length > 0 {
            return self.written_out(f, init, xs, &scanned, length);
        }
        let slices: Vec<Aval> = scanned.iter().map(|x| x.aval().with_shape(x.aval().shape.remove(&[0]))).collect();
        let mut start = flatten(&init);
        let step = |carry, slices: &mut dyn Iterator<Item = Array>| f(carry, xs.rebuild(slices));
        let (closed, template) = traced_body(alike, &init, &mut start, &slices, loc, step);
        let prim = ScanPrimitive {
            jaxpr: tidy(&closed),
            length,
            reverse: self.reverse,
            unroll: self.unroll.unwrap_or(1),
            consts: closed.captures.len(),
            carry: start.len(),
        };
        let operands: Vec<&Array> = closed.captures.iter().chain(&start).chain(&scanned).collect();
        let mut results = bind(prim, &operands).into_iter();
        let carry = init.rebuild(&mut results);
        (carry, template.rebuild(&mut results))
    }

    /// The loop in Rust, for [`disable_jit`](crate::disable_jit).
    #[track_caller]
    fn written_out<C: Tree, X: Tree, Y: Tree>(
        self,
        f: impl Fn(C, X) -> (C, Y),
        init: C,
        xs: &X,
        scanned: &[Array],
        length: usize,
    ) -> (C, Y) {
        let (mut carry, mut results) = (init, Vec::with_capacity(length));
        for i in 0..length {
            let i = if self.reverse { length - 1 - i } else { i };
            let slice = |x: &Array| x.slice_axis(0, i, i + 1).reshape(&x.shape()[1..]);
            let (next, y) = f(carry, xs.rebuild(&mut scanned.iter().map(slice)));
            carry = next;
            results.push(y);
        }
        if self.reverse {
            results.reverse();
        }
        let leaves: Vec<Vec<Array>> = results.iter().map(flatten).collect();
        let stacked = |leaf: usize| {
            let rows: Vec<Array> = leaves.iter().map(|y| y[leaf].expand_dims(0)).collect();
            bind1(Concatenate { dimension: 0 }, &rows.iter().collect::<Vec<_>>())
        };
        let stacked: Vec<Array> = (0..leaves[0].len()).map(stacked).collect();
        (carry, results[0].rebuild(&mut stacked.into_iter()))
    }

    fn steps<X: Tree>(self, xs: &X, scanned: &[Array]) -> Result<usize> {
        let mut length = self.length;
        for (x, path) in scanned.iter().zip(leaf_paths(xs)) {
            let Some(n) = x.shape().first() else {
                return Err(Error::shape(format!("`xs{path}` is a scalar and has no axis to scan")));
            };
            if length.is_some_and(|length| length != *n) {
                return Err(Error::shape(format!(
                    "`xs{path}` has the leading size {n}, expected {}",
                    length.unwrap_or(0)
                )));
            }
            length = Some(*n);
        }
        length.ok_or_else(|| {
            Error::value("there are neither scanned arrays nor a length")
                .help("set the number of iterations with `Scan::new().length(n)`")
        })
    }
}

/// Runs `f(carry, x)` for each slice `x` along the leading axis of `xs`. `f` returns the next carry and a result.
/// `scan` returns the last carry and the results, stacked along a new leading axis.
///
/// It is one loop in the compiled program, whatever its length, and can be differentiated in both modes to any order.
///
/// `f` takes its arguments by reference or by value ([`Step`]); by value, it can return parts of them without cloning.
/// The initial carry is a tree, a reference to an array, or a Rust number, which takes the dtype of the next carry.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let cumsum = |xs: &Array| lax::scan(|c: &Array, x: &Array| (c + x, c + x), 0.0, xs).1;
/// assert_eq!(cumsum(&Array::from([1.0f32, 2.0, 3.0])).to_vec::<f32>(), [1.0, 3.0, 6.0]);
///
/// // Each element and the one before it.
/// let before = |xs: &Array| lax::scan(|c: Array, x: Array| (x, c), 0.0, xs).1;
/// assert_eq!(before(&Array::from([1.0f64, 2.0, 3.0])).to_vec::<f64>(), [0.0, 1.0, 2.0]);
/// ```
///
/// # Panics
/// Panics if the leading sizes differ, or if `f` changes the structure or type of the carry.
#[track_caller]
pub fn scan<C: Tree, X: Tree, Y: Tree, P>(f: impl Step<P, (C, X), Out = (C, Y)>, init: impl Into<C>, xs: &X) -> (C, Y) {
    Scan::new().run(f, init, xs)
}

/// A [`map`] with options.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let (points, centers) = (np::arange(1000.0), Array::from([10.0, 500.0]));
/// let nearest = |x: &Array| np::argmin((x - &centers).powi(2));
/// let all = lax::Map::new().batch_size(64).run(nearest, &points); // 64 of 2 distances at a time, not 1,000
/// assert_eq!(all.sum().item::<i32>(), 744);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "options do nothing until they are used"]
pub struct Map {
    batch_size: Option<usize>,
}

impl Map {
    /// Returns a map that processes one slice at a time.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let doubled = lax::Map::new().run(|x: &Array| x * 2.0, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(doubled.to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    pub fn new() -> Map {
        Map::default()
    }

    /// Processes `slices` slices at a time, batched as by [`vmap`](crate::vmap). This trades the low memory use of one
    /// slice at a time for speed. The remaining slices are computed last, in a smaller batch.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let squares = lax::Map::new().batch_size(2).run(|x: &Array| x * x, &Array::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(squares.to_vec::<f32>(), [1.0, 4.0, 9.0]);
    /// ```
    pub fn batch_size(mut self, slices: usize) -> Map {
        self.batch_size = Some(slices.max(1));
        self
    }

    /// Applies `f`; see [`map`].
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let sums = lax::Map::new().batch_size(8).run(|row: &Array| row.sum(), &np::ones((3, 2)));
    /// assert_eq!(sums.to_vec::<f32>(), [2.0, 2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// Panics as [`map`] does.
    #[track_caller]
    pub fn run<X: Tree, Y: Tree, P>(self, f: impl Step<P, (X,), Out = Y> + Send + Sync, xs: &X) -> Y {
        let Some(size) = self.batch_size else {
            return map(f, xs);
        };
        let loc = Location::caller();
        let length = Scan::new().steps(xs, &flatten(xs)).map_err(|e| e.context("map").at(loc)).or_raise();
        let batched = vmap(|x: &X| f.step((x.map(Array::clone),)));
        if length <= size {
            return batched(xs);
        }
        let whole = length - length % size;
        let batches = xs.map(|x| {
            let shape = [&[whole / size, size], &x.shape()[1..]].concat();
            x.slice_axis(0, 0, whole).reshape(shape)
        });
        let results = map(|xs: &X| batched(xs), &batches).map(|y| y.reshape([&[whole], &y.shape()[2..]].concat()));
        if whole == length {
            return results;
        }
        let rest = batched(&xs.map(|x| x.slice_axis(0, whole, length)));
        results.zip(&rest, |results, rest| bind1(Concatenate { dimension: 0 }, &[results, rest]))
    }
}

/// Applies `f` to each slice along the leading axis, one after the other, and stacks the results. [`vmap`](crate::vmap)
/// is faster but takes more memory; [`Map::batch_size`] is a compromise between the two.
///
/// # Panics
/// Panics if the leading sizes differ.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let xs = Array::from([1.0f32, 2.0]);
/// assert_eq!(lax::map(|x: &Array| x * 2.0, &xs).to_vec::<f32>(), [2.0, 4.0]);
/// ```
#[track_caller]
pub fn map<X: Tree, Y: Tree, P>(f: impl Step<P, (X,), Out = Y>, xs: &X) -> Y {
    let alike = Alike::carried("map", "the carry");
    Scan::new().traced(&alike, |(), x| ((), f.step((x,))), (), xs, Location::caller()).1
}
