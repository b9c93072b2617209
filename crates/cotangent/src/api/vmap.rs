//! Vectorisation.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;

use crate::core::array::Array;
use crate::core::aval::{Aval, canonical_axis};
use crate::core::error::{Error, ErrorKind, Loc, Result, attempt, raise};
use crate::core::trace::Inputs;
use crate::core::tree::Tree;
use crate::ops::shape::batched_in_front;
use crate::transform::batch::batch;

use super::func::{Func, Params};
use super::grad::param_paths;
use super::program::{as_program, trace};

/// An axis to map over, or `None` for what is the same for every element: `0`, `-1`, `None`.
///
/// ```
/// use cotangent::InAxis;
/// assert_eq!(0i32.axis(), Some(0));
/// assert_eq!(None::<i32>.axis(), None);
/// ```
pub trait InAxis: Copy {
    /// The axis.
    fn axis(self) -> Option<isize>;
}

impl InAxis for i32 {
    fn axis(self) -> Option<isize> {
        Some(self as isize)
    }
}

impl InAxis for Option<i32> {
    fn axis(self) -> Option<isize> {
        self.map(|a| a as isize)
    }
}

/// An axis for each argument: a tuple of [`InAxis`], or one for all.
///
/// ```
/// use cotangent::InAxes;
/// assert_eq!((0i32, None::<i32>).axes(2), [Some(0), None]);
/// ```
pub trait InAxes {
    /// The axis of each of `n` arguments.
    fn axes(self, n: usize) -> Vec<Option<isize>>;
}

impl<A: InAxis> InAxes for A {
    fn axes(self, n: usize) -> Vec<Option<isize>> {
        vec![self.axis(); n]
    }
}

macro_rules! in_axes {
    ($($A:ident $i:tt),*) => {
        impl<$($A: InAxis),*> InAxes for ($($A,)*) {
            fn axes(self, _: usize) -> Vec<Option<isize>> {
                vec![$(self.$i.axis()),*]
            }
        }
    };
}

in_axes!(A 0);
in_axes!(A 0, B 1);
in_axes!(A 0, B 1, C 2);
in_axes!(A 0, B 1, C 2, D 3);

/// A function mapped over an axis of its arguments; made by [`vmap`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = vmap(|x: &Array| 2.0 * x);
/// assert_eq!(f(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 4.0]);
/// ```
pub struct Vmap<'f, P: Params, R: Tree> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R>>,
    in_axes: Vec<Option<isize>>,
    out_axes: isize,
    loc: Loc,
}

/// What a mapped function was called with: the batch axis of each leaf, and the size they share.
fn mapped_axes<P: Params>(args: P::Refs<'_>, in_axes: &[Option<isize>]) -> Result<(Vec<Option<usize>>, usize)> {
    let (leaves, counts) = P::leaves(args);
    if in_axes.len() != counts.len() {
        return Err(Error::new(
            ErrorKind::Axis,
            format!("in_axes names {} axes for {} arguments", in_axes.len(), counts.len()),
        ));
    }
    let paths = || param_paths::<P>(args);
    let owner = counts.iter().enumerate().flat_map(|(i, n)| std::iter::repeat_n(i, *n));
    let mut axes = Vec::with_capacity(leaves.len());
    let mut size: Option<(usize, usize)> = None;
    for (leaf, (x, argument)) in leaves.iter().zip(owner).enumerate() {
        let Some(axis) = in_axes[argument] else {
            axes.push(None);
            continue;
        };
        let axis = canonical_axis(axis, x.ndim())
            .map_err(|e| e.context(format_args!("vmap over argument {} ({})", paths()[leaf], x.aval())))?;
        let n = x.shape()[axis];
        match size {
            Some((first, m)) if m != n => {
                let paths = paths();
                return Err(Error::shape(format!(
                    "vmap over axes of different sizes: {m} in argument {} ({}), {n} in argument {} ({})",
                    paths[first],
                    leaves[first].aval(),
                    paths[leaf],
                    x.aval()
                ))
                .help("map over axes of one size, or pass the other argument whole with `in_axes` None"));
            }
            _ => size = size.or(Some((leaf, n))),
        }
        axes.push(Some(axis));
    }
    match size {
        Some((_, n)) => Ok((axes, n)),
        None => Err(Error::new(ErrorKind::Axis, "vmap needs at least one argument with an axis to map over")
            .help("give an axis in `in_axes` for an argument that holds arrays")),
    }
}

fn call_mapped<'f, P: Params, R: Tree>(
    f: &P::Dyn<'f, R>,
    args: P::Refs<'_>,
    in_axes: &[Option<isize>],
    out_axes: isize,
    loc: Loc,
) -> R {
    let fail = |error: Error| -> ! { raise(error.at(loc)) };
    let (axes, size) = match mapped_axes::<P>(args, in_axes) {
        Ok(mapped) => mapped,
        Err(error) => fail(error),
    };
    let inputs: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let (flat, template) = as_program(&inputs, |inputs| {
        let avals: Vec<Aval> = (inputs.iter().zip(&axes))
            .map(|(x, axis)| match axis {
                Some(axis) => x.aval().with_shape(x.aval().shape.remove(&[*axis])),
                None => x.aval(),
            })
            .collect();
        let why = "under `vmap`, where it stands for many values";
        let (closed, result) = trace::<P, R>(f, args, &avals, &Inputs::Unknown(why));
        let args: Vec<Array> = closed.captures.iter().chain(inputs).cloned().collect();
        let all: Vec<Option<usize>> = closed.captures.iter().map(|_| None).chain(axes.iter().copied()).collect();
        let (outs, out_places) = batch(&closed.jaxpr, &args, &all, size);
        let placed = (outs.iter().zip(&out_places))
            .map(|(x, axis)| {
                let x = batched_in_front(x, *axis, size);
                match canonical_axis(out_axes, x.ndim()) {
                    Ok(to) => x.moveaxis(0, to as isize),
                    Err(error) => fail(error.context("vmap: out_axes")),
                }
            })
            .collect();
        (placed, result)
    });
    template.rebuild(&mut flat.into_iter())
}

impl<'f, P: Params, R: Tree> Vmap<'f, P, R> {
    fn new(f: Arc<P::Dyn<'f, R>>, in_axes: Vec<Option<isize>>, out_axes: isize, loc: Loc) -> Self {
        let (inner, axes) = (f.clone(), in_axes.clone());
        let call = P::wrap(move |args| call_mapped::<P, R>(&*inner, args, &axes, out_axes, loc));
        Vmap { f, call, in_axes, out_axes, loc }
    }

    /// Which axis of each argument is mapped over; `None` passes the argument whole to every element.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let scale = vmap(|x: &Array, s: &Array| x * s).in_axes((0, None));
    /// let y = scale(&Array::from([1.0f32, 2.0]), &3.0.into());
    /// assert_eq!(y.to_vec::<f32>(), [3.0, 6.0]);
    /// ```
    #[must_use]
    pub fn in_axes(self, axes: impl InAxes) -> Self {
        let n = self.in_axes.len();
        Vmap::new(self.f, axes.axes(n), self.out_axes, self.loc)
    }

    /// Where the mapped axis stands in each result.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = vmap(|x: &Array| 2.0 * x).out_axes(1);
    /// assert_eq!(f(&Array::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]])).shape(), [3, 2]);
    /// ```
    #[must_use]
    pub fn out_axes(self, axis: i32) -> Self {
        Vmap::new(self.f, self.in_axes, axis as isize, self.loc)
    }

    /// Calls it, with every failure as an error instead of a panic.
    ///
    /// # Errors
    /// Whatever tracing, compiling or running it may fail with, the user's own panics included.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = vmap(|x: &Array| 2.0 * x);
    /// assert!(f.try_call((&Array::from([1.0f32, 2.0]),)).is_ok());
    /// assert!(f.try_call((&1.0.into(),)).is_err()); // no axis to map over
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| call_mapped::<P, R>(&*self.f, args, &self.in_axes, self.out_axes, self.loc))
    }
}

impl<'f, P: Params, R: Tree> Deref for Vmap<'f, P, R> {
    type Target = P::Dyn<'f, R>;
    fn deref(&self) -> &Self::Target {
        &self.call
    }
}

impl<'f, P: Params, R: Tree> Func<'f, P> for Vmap<'f, P, R>
where
    Self: 'f,
{
    type Out = R;
    fn boxed(self) -> Box<P::Dyn<'f, R>> {
        self.call
    }
}

impl<P: Params, R: Tree> fmt::Debug for Vmap<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vmap(… at {})", self.loc)
    }
}

/// A function of single elements as a function of arrays of them: it maps over the first axis of each argument,
/// or those that [`in_axes`](Vmap::in_axes) names, in one program without a loop.
///
/// ```
/// use cotangent::prelude::*;
/// let norm = |v: &Array| (v * v).sum().sqrt();
/// let norms = vmap(norm)(&Array::from([[3.0f32, 4.0], [6.0, 8.0]]));
/// assert_eq!(norms.to_vec::<f32>(), [5.0, 10.0]);
/// ```
///
/// # Panics
/// The mapped function panics when the axes are out of bounds or of different sizes;
/// [`try_call`](Vmap::try_call) gives an error instead.
#[track_caller]
pub fn vmap<'f, P: Params, F: Func<'f, P>>(f: F) -> Vmap<'f, P, F::Out> {
    Vmap::new(f.boxed().into(), vec![Some(0); P::ARITY], 0, Location::caller())
}
