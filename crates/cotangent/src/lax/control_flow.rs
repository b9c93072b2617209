//! `cond`, `switch`, `while_loop`, `fori_loop`, `scan` and `map`. What their closures capture becomes an operand, so
//! that they can be differentiated and batched with respect to it.

use std::panic::Location;

use crate::api::vmap::vmap;
use crate::control::cond::Cond;
use crate::control::scan::Scan as ScanPrimitive;
use crate::control::while_loop::While;
use crate::core::array::{Array, ArrayLike, Repr};
use crate::core::aval::Aval;
use crate::core::dtype::DType;
use crate::core::error::{Error, ErrorKind, Loc, OrRaise, Result, raise};
use crate::core::jaxpr::{Closed, Jaxpr};
use crate::core::trace::{Inputs, bind, bind1, stage};
use crate::core::tree::{Tree, flatten, leaf_paths};
use crate::ops::shape::{Concatenate, Iota};
use crate::transform::dce::dce;
use crate::transform::eval::eval;

fn avals(leaves: &[Array]) -> Vec<Aval> {
    leaves.iter().map(Array::aval).collect()
}

/// A body as it stands in a primitive: without dead code, all its inputs kept.
pub(super) fn tidy(closed: &Closed) -> std::sync::Arc<Jaxpr> {
    dce(&closed.jaxpr, true).0.into()
}

/// Programs without arguments of their own, made to take the same list of captured values.
fn share_captures(programs: &[Closed]) -> (Vec<std::sync::Arc<Jaxpr>>, Vec<Array>) {
    let all: Vec<Array> = programs.iter().flat_map(|p| p.captures.iter().cloned()).collect();
    let types = avals(&all);
    let mut start = 0;
    let shared = (programs.iter())
        .map(|p| {
            let own = start..start + p.captures.len();
            start = own.end;
            let (closed, ()) =
                stage(&types, &Inputs::Unknown("inside a branch"), |args| (eval(&p.jaxpr, &args[own]), ()));
            tidy(&closed)
        })
        .collect();
    (shared, all)
}

pub(super) fn check_same<T: Tree>(what: &str, expected: &T, got: &T, loc: Loc) -> Result<()> {
    let fail = |message: String| Err(Error::new(ErrorKind::Structure, message).at(loc));
    if !expected.same_structure(got) {
        return fail(format!(
            "{what}: the structures differ: leaves {:?} against {:?}",
            leaf_paths(expected),
            leaf_paths(got)
        ));
    }
    for ((a, b), path) in flatten(expected).iter().zip(flatten(got)).zip(leaf_paths(expected)) {
        if a.shape() != b.shape() || a.dtype() != b.dtype() {
            return fail(format!("{what}: leaf `{path}` is {} here and {} there", a.aval(), b.aval()));
        }
    }
    Ok(())
}

/// Runs the one or the other function, as the scalar `pred` says, inside the compiled program.
///
/// Both are traced; only one runs. They must give the same types.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = jit(|x: &Array| lax::cond(x.greater(0.0), || x.sqrt(), || -x));
/// assert_eq!(f(&4.0.into()).item::<f32>(), 2.0);
/// assert_eq!(f(&Array::from(-4.0)).item::<f32>(), 4.0);
/// ```
///
/// # Panics
/// When `pred` is not a scalar or the results differ in structure or type.
#[track_caller]
pub fn cond<R: Tree>(pred: impl ArrayLike, yes: impl Fn() -> R, no: impl Fn() -> R) -> R {
    let pred = pred.to_array();
    if pred.ndim() > 0 {
        raise(
            Error::shape(format!("cond: the predicate must be a scalar, got {}", pred.aval()))
                .help("for a choice element by element use `numpy::where_`"),
        );
    }
    switch(pred.astype(DType::Bool).astype(DType::I32), &[&no, &yes])
}

/// Runs one of several functions, chosen by a scalar index that is clamped to their number.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = |i: &Array, x: &Array| lax::switch(i, &[&|| x + 1.0, &|| x * 2.0, &|| -x]);
/// assert_eq!(f(&1.into(), &5.0.into()).item::<f32>(), 10.0);
/// ```
///
/// # Panics
/// When there are no functions, the index is no integer scalar, or the results differ in structure or type.
#[track_caller]
pub fn switch<R: Tree>(index: impl ArrayLike, branches: &[&dyn Fn() -> R]) -> R {
    let loc = Location::caller();
    let index = index.to_array();
    if index.ndim() > 0 || !index.dtype().is_integer() {
        raise(Error::dtype(format!("switch: the index must be an integer scalar, got {}", index.aval())));
    }
    let mut traced = Vec::new();
    let mut template: Option<R> = None;
    for branch in branches {
        let (closed, result) = stage(&[], &Inputs::Unknown("inside a branch"), |_| {
            let result = branch();
            // Where one branch gives a Rust number and the other an array, the dtype decides; weak types do not.
            (flatten(&result).iter().map(|x| x.convert(x.dtype(), false)).collect(), result)
        });
        if let Some(first) = &template {
            check_same("the branches must give the same types", first, &result, loc).or_raise();
        }
        template.get_or_insert(result);
        traced.push(closed);
    }
    let Some(template) = template else { raise(Error::value("switch: there must be at least one function")) };
    let (branches, captures) = share_captures(&traced);
    let index = index.astype(DType::I32);
    let operands: Vec<&Array> = std::iter::once(&index).chain(&captures).collect();
    template.rebuild(&mut bind(Cond { branches }, &operands).into_iter())
}

/// Repeats `body` on a state for as long as `condition` holds of it.
///
/// It can be differentiated in forward mode. Reverse mode would have to save a number of values that is not known
/// beforehand: use [`scan`] or [`fori_loop`] there.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let halve = |x: &Array| lax::while_loop(|x: &Array| x.greater(1.0), |x: &Array| x / 2.0, x.clone());
/// assert_eq!(halve(&10.0.into()).item::<f32>(), 0.625);
/// ```
///
/// # Panics
/// When the condition is no `bool` scalar or the body changes the structure or type of the state.
#[track_caller]
pub fn while_loop<S: Tree>(condition: impl Fn(&S) -> Array, body: impl Fn(&S) -> S, init: S) -> S {
    let loc = Location::caller();
    let start: Vec<Array> = flatten(&init).iter().map(|x| x.convert(x.dtype(), false)).collect();
    let types = avals(&start);
    let why = Inputs::Unknown("inside `while_loop`");
    let (cond, ()) = stage(&types, &why, |args| (vec![condition(&init.rebuild(&mut args.iter().cloned()))], ()));
    let (next, ()) = stage(&types, &why, |args| {
        let state = init.rebuild(&mut args.iter().cloned());
        let next = body(&state);
        check_same("while_loop: the body must keep the type of the state", &state, &next, loc).or_raise();
        (flatten(&next).iter().map(|x| x.convert(x.dtype(), false)).collect(), ())
    });
    let prim = While {
        cond_consts: cond.captures.len(),
        body_consts: next.captures.len(),
        cond: tidy(&cond),
        body: tidy(&next),
    };
    let operands: Vec<&Array> = cond.captures.iter().chain(&next.captures).chain(&start).collect();
    init.rebuild(&mut bind(prim, &operands).into_iter())
}

/// Runs `body(i, state)` for `i` from `lower` up to but without `upper`.
///
/// With Rust numbers as bounds it is a [`scan`] and can be differentiated in reverse mode; with arrays it is a
/// [`while_loop`].
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let power = |x: &Array| lax::fori_loop(0, 3, |_: &Array, y: &Array| y * x, 1.0.into());
/// assert_eq!(grad(power)(&2.0.into()).item::<f32>(), 12.0);
/// ```
///
/// # Panics
/// When a bound is no integer scalar or the body changes the structure or type of the state.
#[track_caller]
pub fn fori_loop<S: Tree>(lower: impl ArrayLike, upper: impl ArrayLike, body: impl Fn(&Array, &S) -> S, init: S) -> S {
    let (lower, upper) = (lower.to_array(), upper.to_array());
    if let Some(bound) = [&lower, &upper].into_iter().find(|b| b.ndim() > 0 || !b.dtype().is_integer()) {
        raise(Error::dtype(format!("fori_loop: a bound must be an integer scalar, got {}", bound.aval())));
    }
    if let (Repr::Scalar(lo), Repr::Scalar(hi)) = (&lower.0, &upper.0) {
        let (lo, hi) = (lo.value().to_i64(), hi.value().to_i64());
        let steps = usize::try_from(hi - lo).unwrap_or(0);
        let indices = bind(Iota { dtype: DType::I32, shape: crate::Shape::new(&[steps]), dimension: 0 }, &[]);
        let indices = &indices[0] + lo as i32;
        return scan(|state: &S, i: &Array| (body(i, state), ()), init, &indices).0;
    }
    let (lower, upper) = (lower.astype(DType::I32), upper.astype(DType::I32));
    let state = while_loop(
        |(i, _): &(Array, S)| i.less(&upper),
        |(i, state): &(Array, S)| (i + 1, body(i, state)),
        (lower, init),
    );
    state.1
}

/// A [`scan`] with options: the direction, or a length where no arrays are scanned.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let xs = Array::from([1.0f32, 2.0, 3.0]);
/// let step = |c: &Array, x: &Array| (c + x, c + x);
/// assert_eq!(lax::Scan::new().reverse().run(step, 0.0.into(), &xs).1.to_vec::<f32>(), [6.0, 5.0, 3.0]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    reverse: bool,
    length: Option<usize>,
    unroll: Option<usize>,
}

impl Scan {
    /// A scan from the first index to the last.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let step = |c: &Array, x: &Array| (c + x, c + x);
    /// let (sum, _) = lax::Scan::new().run(step, 0.0.into(), &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sum.item::<f32>(), 3.0);
    /// ```
    #[must_use]
    pub fn new() -> Scan {
        Scan::default()
    }

    /// From the last index to the first; results stand at the indices they were computed for.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let step = |c: &Array, x: &Array| (c + x, c + x);
    /// let (_, sums) = lax::Scan::new().reverse().run(step, 0.0.into(), &Array::from([1.0f32, 2.0]));
    /// assert_eq!(sums.to_vec::<f32>(), [3.0, 2.0]);
    /// ```
    #[must_use]
    pub fn reverse(mut self) -> Scan {
        self.reverse = true;
        self
    }

    /// The number of steps, for a scan over `()`.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let (last, ()) = lax::Scan::new().length(3).run(|c: &Array, _: &()| (c * 2.0, ()), 1.0.into(), &());
    /// assert_eq!(last.item::<f32>(), 8.0);
    /// ```
    #[must_use]
    pub fn length(mut self, length: usize) -> Scan {
        self.length = Some(length);
        self
    }

    /// How many steps the compiled program takes in each turn of its loop: more code, fewer turns. The results are the
    /// same.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let step = |c: &Array, x: &Array| (c + x, c + x);
    /// let (sum, _) = lax::Scan::new().unroll(2).run(step, 0.0.into(), &Array::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(sum.item::<f32>(), 6.0);
    /// ```
    #[must_use]
    pub fn unroll(mut self, steps: usize) -> Scan {
        self.unroll = Some(steps.max(1));
        self
    }

    /// Runs the scan; see [`scan`].
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let (last, powers) = lax::Scan::new().length(3).run(|c: &Array, _: &()| (c * 2.0, c.clone()), 1.0.into(), &());
    /// assert_eq!(last.item::<f32>(), 8.0);
    /// assert_eq!(powers.to_vec::<f32>(), [1.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// As [`scan`] does.
    #[track_caller]
    pub fn run<C: Tree, X: Tree, Y: Tree>(self, f: impl Fn(&C, &X) -> (C, Y), init: C, xs: &X) -> (C, Y) {
        let loc = Location::caller();
        let start: Vec<Array> = flatten(&init).iter().map(|x| x.convert(x.dtype(), false)).collect();
        let scanned = flatten(xs);
        let length = self.steps(xs, &scanned).map_err(|e| e.context("scan").at(loc)).or_raise();
        let slices = scanned.iter().map(|x| x.aval().with_shape(x.aval().shape.remove(&[0])));
        let types: Vec<Aval> = avals(&start).into_iter().chain(slices).collect();
        let (closed, template) = stage(&types, &Inputs::Unknown("inside `scan`"), |args| {
            let mut leaves = args.iter().cloned();
            let carry = init.rebuild(&mut leaves);
            let (next, y) = f(&carry, &xs.rebuild(&mut leaves));
            check_same("scan: the carry must keep its type from step to step", &carry, &next, loc).or_raise();
            let outputs = flatten(&next).iter().map(|x| x.convert(x.dtype(), false)).chain(flatten(&y)).collect();
            (outputs, y)
        });
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

    fn steps<X: Tree>(self, xs: &X, scanned: &[Array]) -> Result<usize> {
        let mut length = self.length;
        for (x, path) in scanned.iter().zip(leaf_paths(xs)) {
            let Some(n) = x.shape().first() else {
                return Err(Error::shape(format!("`xs{path}` is a scalar and has no axis to scan")));
            };
            if length.is_some_and(|length| length != *n) {
                return Err(Error::shape(format!(
                    "`xs{path}` has the leading size {n} where {} steps are expected",
                    length.unwrap_or(0)
                )));
            }
            length = Some(*n);
        }
        length.ok_or_else(|| {
            Error::value("nothing is scanned and no length is given")
                .help("say how many steps: `Scan::new().length(n)`")
        })
    }
}

/// Runs `f(carry, x)` for each slice `x` along the leading axis of `xs`; it gives the next carry and a result. The last
/// carry and the results, stacked, come back.
///
/// It is one loop in the compiled program, whatever its length, and can be differentiated in both modes at every order.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let cumsum = |xs: &Array| lax::scan(|c: &Array, x: &Array| (c + x, c + x), 0.0.into(), xs).1;
/// assert_eq!(cumsum(&Array::from([1.0f32, 2.0, 3.0])).to_vec::<f32>(), [1.0, 3.0, 6.0]);
/// ```
///
/// # Panics
/// When the leading sizes differ or `f` changes the structure or type of the carry.
#[track_caller]
pub fn scan<C: Tree, X: Tree, Y: Tree>(f: impl Fn(&C, &X) -> (C, Y), init: C, xs: &X) -> (C, Y) {
    Scan::new().run(f, init, xs)
}

/// [`map`] with options.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let (points, centers) = (np::arange(0.0, 1000.0, 1.0), Array::from([10.0, 500.0]));
/// let nearest = |x: &Array| np::argmin((x - &centers).powi(2));
/// let all = lax::Map::new().batch_size(64).run(nearest, &points); // 64 of 2 distances at a time, not 1,000
/// assert_eq!(all.sum().item::<i32>(), 744);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Map {
    batch_size: Option<usize>,
}

impl Map {
    /// One slice after the other.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let doubled = lax::Map::new().run(|x: &Array| x * 2.0, &Array::from([1.0f32, 2.0]));
    /// assert_eq!(doubled.to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[must_use]
    pub fn new() -> Map {
        Map::default()
    }

    /// So many slices at a time, as by [`vmap`](crate::vmap): between its speed and the little memory of one after the
    /// other. Slices that are left over are computed last, in a smaller batch.
    ///
    /// ```
    /// use cotangent::{lax, prelude::*};
    /// let squares = lax::Map::new().batch_size(2).run(|x: &Array| x * x, &Array::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(squares.to_vec::<f32>(), [1.0, 4.0, 9.0]);
    /// ```
    #[must_use]
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
    /// As [`map`] does.
    #[track_caller]
    pub fn run<X: Tree, Y: Tree>(self, f: impl Fn(&X) -> Y + Send + Sync, xs: &X) -> Y {
        let Some(size) = self.batch_size else {
            return map(f, xs);
        };
        let loc = Location::caller();
        let length = Scan::new().steps(xs, &flatten(xs)).map_err(|e| e.context("map").at(loc)).or_raise();
        let batched = vmap(f);
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

/// Applies `f` to each slice along the leading axis, one after the other, and stacks the results; where memory allows,
/// [`vmap`](crate::vmap) is faster, and [`Map::batch_size`] is between the two.
///
/// # Panics
/// When the leading sizes differ.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let xs = Array::from([1.0f32, 2.0]);
/// assert_eq!(lax::map(|x: &Array| x * 2.0, &xs).to_vec::<f32>(), [2.0, 4.0]);
/// ```
#[track_caller]
pub fn map<X: Tree, Y: Tree>(f: impl Fn(&X) -> Y, xs: &X) -> Y {
    scan(|(): &(), x: &X| ((), f(x)), (), xs).1
}
