//! Vectorization.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::{Aval, canonical_axis};
use crate::error::{Error, ErrorKind, Loc, Result, attempt, raise};
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ops::shape::batched_in_front;
use crate::trace::axis;
use crate::transform::batch::{UNDER_VMAP, batch};
use crate::tree::{Tree, leaf_paths};

use super::axes::{Axes, IntoAxes};
use super::callable::transformable;
use super::func::{Func, Params};
use super::grad::param_paths;
use super::program::{as_program, trace};

/// A function mapped over an axis of its arguments, as returned by [`vmap`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = vmap(|x: &Array| 2.0 * x);
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 4.0]);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Vmap<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R>>,
    options: VmapOptions,
    loc: Loc,
}

/// The axes that a function is mapped over.
#[derive(Clone)]
struct VmapOptions {
    in_axes: Axes,
    out_axes: Axes,
    axis_size: Option<usize>,
    axis_name: Option<AxisName>,
    spmd_axis_name: Option<AxisName>,
}

impl VmapOptions {
    /// Returns the batch axis of each leaf of these arguments, and the size of the mapped axis.
    fn mapped<P: Params>(&self, args: P::Refs<'_>) -> Result<(Vec<Option<usize>>, usize)> {
        let (leaves, _) = P::leaves(args);
        let in_axes = self.in_axes.resolve(leaves.len(), |path| P::paths(args, path));
        let in_axes = in_axes.map_err(|e| e.context("vmap: in_axes"))?;
        let paths = || param_paths::<P>(args);
        let mut axes = Vec::with_capacity(leaves.len());
        // The index and the size of the first mapped leaf.
        let mut first: Option<(usize, usize)> = None;
        for (leaf, (x, axis)) in leaves.iter().zip(in_axes).enumerate() {
            let Some(axis) = axis else {
                axes.push(None);
                continue;
            };
            let axis = canonical_axis(axis, x.ndim())
                .map_err(|e| e.context(format_args!("vmap over argument {} ({})", paths()[leaf], x.aval())))?;
            let n = x.shape()[axis];
            let differs = |before: String| {
                let message = format!(
                    "vmap over axes of different sizes: {before}, {n} in argument {} ({})",
                    paths()[leaf],
                    x.aval()
                );
                Err(Error::shape(message)
                    .help("map over axes of the same size, or pass the other argument unmapped with `in_axes` None"))
            };
            match (first, self.axis_size) {
                (_, Some(m)) if m != n => return differs(format!("`axis_size` is {m}")),
                (Some((i, m)), _) if m != n => {
                    return differs(format!("{m} in argument {} ({})", paths()[i], leaves[i].aval()));
                }
                _ => first = first.or(Some((leaf, n))),
            }
            axes.push(Some(axis));
        }
        match self.axis_size.or(first.map(|(_, n)| n)) {
            Some(n) => Ok((axes, n)),
            None => Err(Error::new(ErrorKind::Axis, "vmap needs at least one argument with an axis to map over")
                .help("set an axis in `in_axes` for an argument that holds arrays, or set the size with `axis_size`")),
        }
    }

    /// Returns the results with their batch axes moved to the positions in `out_axes`.
    fn placed<R: Tree>(&self, result: &R, outs: &[Array], places: &[Option<usize>], size: usize) -> Result<Vec<Array>> {
        let wanted = self.out_axes.resolve(outs.len(), |path| result.paths(path));
        let wanted = wanted.map_err(|e| e.context("vmap: out_axes"))?;
        let what = |i: usize, x: &Array| format!("vmap: out_axes: result{} ({})", leaf_paths(result)[i], x.aval());
        (outs.iter().zip(places).zip(wanted).enumerate())
            .map(|(i, ((x, place), wanted))| match (place, wanted) {
                (None, None) => Ok(x.clone()),
                (Some(_), None) => Err(Error::new(
                    ErrorKind::Axis,
                    format!("{} differs between the elements of the batch, so its axis cannot be None", what(i, x)),
                )
                .help("give it an axis, or reduce it to one value, for example with `lax::psum` over the mapped axis")),
                (place, Some(to)) => {
                    let (x, at) = match place {
                        Some(at) => (x.clone(), *at),
                        None => (batched_in_front(x, None, size), 0),
                    };
                    let to = canonical_axis(to, x.ndim()).map_err(|e| e.context(what(i, &x)))?;
                    Ok(x.moveaxis(at as isize, to as isize))
                }
            })
            .collect()
    }
}

fn call_mapped<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>, options: &VmapOptions, loc: Loc) -> R {
    let fail = |error: Error| -> ! { raise(error.at(loc)) };
    let (axes, size) = match options.mapped::<P>(args) {
        Ok(mapped) => mapped,
        Err(error) => fail(error),
    };
    let inputs: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let named = options.axis_name.clone().map(|name| NamedAxis { name, size });
    let body = |inputs: &[Array]| {
        let avals: Vec<Aval> = (inputs.iter().zip(&axes))
            .map(|(x, axis)| match axis {
                Some(axis) => x.aval().with_shape(x.aval().shape.remove(&[*axis])),
                None => x.aval(),
            })
            .collect();
        let (closed, result) = trace::<P, R>(f, args, &avals, &UNDER_VMAP);
        let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
        let all: Vec<Option<usize>> = closed.captures.iter().map(|_| None).chain(axes.iter().copied()).collect();
        let (outs, places) = batch(&closed.jaxpr, &args, &all, size);
        match options.placed(&result, &outs, &places, size) {
            Ok(placed) => (placed, result),
            Err(error) => fail(error),
        }
    };
    let divided = options.spmd_axis_name.clone();
    let (flat, template) =
        as_program(&inputs, |inputs| axis::inside(named, || axis::divided(divided, || body(inputs))));
    template.rebuild(&mut flat.into_iter())
}

impl<'f, P: Params, R: Tree> Vmap<'f, P, R> {
    fn new(f: Arc<P::Dyn<'f, R>>, options: VmapOptions, loc: Loc) -> Self {
        let (inner, own) = (f.clone(), options.clone());
        let call = P::wrap(move |args| call_mapped::<P, R>(&*inner, args, &own, loc));
        Vmap { f, call, options, loc }
    }

    /// Sets the axis of each argument to map over. With `None`, the whole argument is passed for every element. A tuple
    /// has an entry for each argument. An entry may be a tree itself: see [`Axes`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let scale = vmap(|x: &Array, s: &Array| x * s).in_axes((0, None));
    /// let y = scale(&Array::from([1.0f32, 2.0]), &3.0.into());
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 6.0]);
    /// ```
    pub fn in_axes(self, axes: impl IntoAxes) -> Self {
        Vmap::new(self.f, VmapOptions { in_axes: axes.into_axes(), ..self.options }, self.loc)
    }

    /// Sets the position of the mapped axis in each result. `None` is for a result that is the same for every element,
    /// and leaves the axis out. The axes may be a tree: see [`Axes`].
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let f = vmap(|x: &Array| 2.0 * x).out_axes(1);
    /// assert_eq!(f(&Array::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]])).shape(), [3, 2]);
    ///
    /// let f = vmap(|x: &Array| (x * x, lax::psum(x, "i"))).axis_name("i").out_axes((0, None));
    /// let (squares, total) = f(&Array::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(squares.to_vec::<f32>(), [1.0, 4.0, 9.0]);
    /// assert_eq!(total.item::<f32>(), 6.0);
    /// ```
    pub fn out_axes(self, axes: impl IntoAxes) -> Self {
        Vmap::new(self.f, VmapOptions { out_axes: axes.into_axes(), ..self.options }, self.loc)
    }

    /// Sets the size of the mapped axis. It is required if no argument determines the size, and must agree with the
    /// arguments that do.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = vmap(|x: &Array| x + 1.0).in_axes(None).axis_size(3);
    /// assert_eq!(f(&1.0.into()).to_vec::<f32>(), [2.0, 2.0, 2.0]);
    /// ```
    pub fn axis_size(self, size: usize) -> Self {
        Vmap::new(self.f, VmapOptions { axis_size: Some(size), ..self.options }, self.loc)
    }

    /// Names the mapped axis, so that the function can communicate over it with the collectives of [`lax`](crate::lax),
    /// such as [`psum`](crate::lax::psum).
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let share = vmap(|x: &Array| x / lax::psum(x, "batch")).axis_name("batch");
    /// assert_eq!(share(&Array::from([1.0f32, 3.0])).to_vec::<f32>(), [0.25, 0.75]);
    /// ```
    pub fn axis_name(self, name: impl Into<AxisName>) -> Self {
        Vmap::new(self.f, VmapOptions { axis_name: Some(name.into()), ..self.options }, self.loc)
    }

    /// Divides the batch over this axis of a mesh, wherever the function lays out values over the mesh: in a
    /// [`shard_map`](crate::shard_map) and in
    /// [`with_sharding_constraint`](crate::lax::with_sharding_constraint). Without it, each device of a `shard_map` has
    /// the whole batch, and the compiler divides the batch of a constraint as it likes.
    ///
    /// ```
    /// use cotangent::{P, make_mesh, prelude::*, shard_map};
    /// let mesh = make_mesh([("batch", 1), ("x", 1)]);
    /// let total = shard_map(|x: &Array| lax::psum(&x.sum(), "x"), &mesh).in_specs(P!("x"));
    /// let totals = vmap(total).spmd_axis_name("batch");
    /// assert_eq!(totals(&np::ones([6, 8])).to_vec::<f32>(), [8.0; 6]);
    /// ```
    pub fn spmd_axis_name(self, name: impl Into<AxisName>) -> Self {
        Vmap::new(self.f, VmapOptions { spmd_axis_name: Some(name.into()), ..self.options }, self.loc)
    }

    /// Calls the function and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// If tracing, compiling or running the function fails, or if the user's own code panics.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = vmap(|x: &Array| 2.0 * x);
    /// assert!(f.try_call((&Array::from([1.0f32, 2.0]),)).is_ok());
    /// assert!(f.try_call((&1.0.into(),)).is_err()); // no axis to map over
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| call_mapped::<P, R>(&*self.f, args, &self.options, self.loc))
    }
}

transformable! {
    impl['f, P: Params, R: Tree] Vmap<'f, P, R>: 'f -> R;
    |this, f| write!(f, "vmap(… at {})", this.loc)
}

/// Maps a function of single elements over arrays of them.
///
/// It maps over the first axis of each argument, or over the axes set with [`in_axes`](Vmap::in_axes). The result is
/// one program without a loop.
///
/// ```
/// use cotangent::prelude::*;
/// let norm = |v: &Array| (v * v).sum().sqrt();
/// let norms = vmap(norm)(&Array::from([[3.0f32, 4.0], [6.0, 8.0]]));
/// assert_eq!(norms.to_vec::<f32>(), [5.0, 10.0]);
/// ```
///
/// # Panics
/// The mapped function panics if an axis is out of bounds or if the axes have different sizes.
/// [`try_call`](Vmap::try_call) returns an error instead.
#[track_caller]
pub fn vmap<'f, P: Params, F: Func<'f, P>>(f: F) -> Vmap<'f, P, F::Out> {
    let options = VmapOptions {
        in_axes: 0.into_axes(),
        out_axes: 0.into_axes(),
        axis_size: None,
        axis_name: None,
        spmd_axis_name: None,
    };
    Vmap::new(f.boxed().into(), options, Location::caller())
}
