//! `cond`, `switch`, `while_loop`, `fori_loop`, `scan` and `map`. What their closures capture becomes an operand, so
//! that they can be differentiated and batched with respect to it.

use std::panic::Location;

use crate::api::vmap::vmap;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::promote::promote_types;
use crate::array::{Array, ArrayLike, Repr};
use crate::control::cond::Cond;
use crate::control::scan::Scan as ScanPrimitive;
use crate::control::while_loop::While;
use crate::error::location::with_location;
use crate::error::{Error, ErrorKind, Loc, OrRaise, Result, raise};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::ops::shape::{Concatenate, Iota};
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::transform::dce::dce;
use crate::transform::eval::eval;
use crate::tree::{Tree, flatten, leaf_paths};

use super::step::Step;

fn avals(leaves: &[Array]) -> Vec<Aval> {
    leaves.iter().map(Array::aval).collect()
}

/// A body as it stands in a primitive: without dead code, all its inputs kept.
pub(super) fn tidy(closed: &Closed) -> std::sync::Arc<Jaxpr> {
    dce(&closed.jaxpr, true).0.into()
}

/// Programs without arguments of their own, made to take the same list of captured values.
fn share_captures(programs: &[&Closed]) -> (Vec<std::sync::Arc<Jaxpr>>, Vec<Array>) {
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

/// Two trees that must be alike, in the words of an error.
pub(super) struct Alike<'a> {
    /// The function that was called.
    pub call: &'static str,
    /// What must be alike, such as `the carry`.
    pub part: &'static str,
    /// And why.
    pub must: &'static str,
    /// What goes before the first type, and before the second one.
    pub sides: [&'a str; 2],
    /// What to write instead where types differ: the first one is known there.
    pub help: fn(&Aval, &Aval) -> String,
}

/// What brings the second type to the first.
fn conversion(expected: &Aval, got: &Aval) -> String {
    match expected.dtype == got.dtype {
        true => format!("`.reshape({:?})` or a reduction, if its elements allow it", &*expected.shape),
        false => format!("`.astype(DType::{:?})`", expected.dtype),
    }
}

impl Alike<'_> {
    /// What a loop's body is given and what it gives.
    pub(super) const fn carried(call: &'static str, part: &'static str) -> Alike<'static> {
        Alike {
            call,
            part,
            must: "must keep its type from step to step",
            sides: ["it goes into the body as", "it comes out as"],
            help: |expected, got| {
                format!("give the new one the old type, with {}, or start from {got}", conversion(expected, got))
            },
        }
    }

    /// A function of a solver that must give what is like its argument.
    pub(super) const fn solver(call: &'static str, part: &'static str, must: &'static str) -> Alike<'static> {
        Alike {
            call,
            part,
            must,
            sides: ["expected", "got"],
            help: |expected, got| format!("bring the result to {expected}, with {}", conversion(expected, got)),
        }
    }

    /// Checks that `got` has the structure and types of `expected`. `program` gives the leaves of `got`, first of all that it
    /// gives: an error is at the line that made the leaf in question, or at `loc` where there is none.
    pub(super) fn check<T: Tree>(&self, expected: &T, got: &T, program: &Jaxpr, loc: Loc) -> Result<()> {
        let Alike { call, part, must, sides: [first, second], help } = self;
        let (paths, others) = (leaf_paths(expected), leaf_paths(got));
        if !expected.same_structure(got) {
            let message = match paths.iter().zip(&others).find(|(a, b)| a != b) {
                Some((a, b)) => format!("one has the leaf `{a}` where the other has `{b}`"),
                None if paths.len() != others.len() => {
                    format!("{} arrays on the one side, {} on the other", paths.len(), others.len())
                }
                None => "a static field or the variant of an `enum` differs".to_string(),
            };
            let message = format!("{call}: {part} {must}, its structure as well: {message}");
            return Err(Error::new(ErrorKind::Structure, message).at(loc));
        }
        for (i, ((a, b), path)) in flatten(expected).iter().zip(flatten(got)).zip(paths).enumerate() {
            if a.shape() == b.shape() && a.dtype() == b.dtype() {
                continue;
            }
            let (a, b) = (a.aval(), b.aval());
            let leaf = if path.is_empty() { part.to_string() } else { format!("the leaf `{path}` of {part}") };
            let made = program.outputs().get(i).and_then(|atom| atom.var());
            let line =
                program.eqns().iter().find(|eqn| made.is_some_and(|v| eqn.outputs.contains(&v))).map(|eqn| eqn.loc);
            let message = format!("{call}: {leaf} {must}: {first} {a}, {second} {b}");
            return Err(Error::new(ErrorKind::Structure, message).at(line.unwrap_or(loc)).help(help(&a, &b)));
        }
        Ok(())
    }
}

/// Gives those parts of a carry that are Rust numbers the types that a body makes of them; whether there are any. The body
/// is then traced again.
fn promoted(start: &mut [Array], next: &[Array]) -> bool {
    let mut any = false;
    for (x, y) in start.iter_mut().zip(next) {
        let (dtype, _) = promote_types((x.dtype(), x.weak_type()), (y.dtype(), y.weak_type()));
        if x.weak_type() && dtype != x.dtype() {
            *x = x.convert(dtype, false);
            any = true;
        }
    }
    any
}

/// A loop's body, traced for a carry of the types of `start`, which change where it holds Rust numbers and the body makes
/// arrays of other types of them. `body` goes from the carry and further values to the next carry and another result.
fn traced_body<C: Tree, Y: Tree>(
    alike: &Alike<'_>,
    init: &C,
    start: &mut [Array],
    further: &[Aval],
    loc: Loc,
    body: impl Fn(C, &mut dyn Iterator<Item = Array>) -> (C, Y),
) -> (Closed, Y) {
    loop {
        let types: Vec<Aval> = start.iter().map(Array::aval).chain(further.iter().cloned()).collect();
        let (closed, (carry, next, y)) = stage(&types, &Inputs::Unknown("inside a loop"), |args| {
            let mut leaves = args.iter().cloned();
            let carry = init.rebuild(&mut leaves);
            let (next, y) = body(init.rebuild(&mut args.iter().cloned()), &mut leaves);
            // What starts as an array stays one: a Rust number that takes its place has its type.
            let strong =
                |(x, start): (&Array, &Array)| if start.weak_type() { x.clone() } else { x.convert(x.dtype(), false) };
            let carried = |next: &C| flatten(next).iter().zip(&*start).map(strong).collect::<Vec<_>>();
            let outputs = with_location(loc, || carried(&next)).into_iter().chain(flatten(&y)).collect();
            (outputs, (carry, next, y))
        });
        if !carry.same_structure(&next) || !promoted(start, &flatten(&next)) {
            alike.check(&carry, &next, &closed.jaxpr, loc).or_raise();
            return (closed, y);
        }
    }
}

/// Runs the one or the other function, as the scalar `pred` says, inside the compiled program.
///
/// Both are traced; only one runs. They must give the same types; a Rust number takes the type of the array that the other
/// function gives. Under [`vmap`](crate::vmap) each element chooses for itself: both run, and the derivative of each element
/// is that of the function chosen, whatever the other's is there.
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
    let (loc, pred) = (Location::caller(), pred.to_array());
    if pred.ndim() > 0 {
        raise(
            Error::shape(format!("cond: the predicate must be a scalar, got {}", pred.aval()))
                .help("for a choice element by element use `numpy::where_`"),
        );
    }
    let index = pred.astype(DType::Bool).astype(DType::I32);
    choice("cond", &["the second function gives", "the first function gives"], &index, &[&no, &yes], loc)
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
    let names: Vec<String> = (0..branches.len()).map(|i| format!("function {i} gives")).collect();
    choice("switch", &names.iter().map(String::as_str).collect::<Vec<_>>(), &index.astype(DType::I32), branches, loc)
}

/// The one of `branches` that `index` names; `names` introduces the type of what each of them gives.
#[track_caller]
fn choice<R: Tree>(call: &'static str, names: &[&str], index: &Array, branches: &[&dyn Fn() -> R], loc: Loc) -> R {
    let trace = |branch: &&dyn Fn() -> R| {
        stage(&[], &Inputs::Unknown("inside a branch"), |_| {
            let result = branch();
            (flatten(&result), result)
        })
    };
    let mut traced: Vec<(Closed, R)> = branches.iter().map(trace).collect();
    let Some((_, template)) = traced.first() else {
        raise(Error::value(format!("{call}: there must be at least one function")))
    };
    // Where some branches give a Rust number and others an array, the array decides.
    let mut types: Vec<(DType, bool)> = flatten(template).iter().map(|x| (x.dtype(), x.weak_type())).collect();
    for (_, result) in &traced {
        for (dtype, x) in types.iter_mut().zip(flatten(result)) {
            *dtype = promote_types(*dtype, (x.dtype(), x.weak_type()));
        }
    }
    for (closed, result) in &mut traced {
        if !flatten(result).iter().any(Array::weak_type) {
            continue;
        }
        let settle = |(x, (dtype, weak)): (&Array, &(DType, bool))| match x.weak_type() {
            true => x.convert(*dtype, *weak),
            false => x.clone(),
        };
        let inputs: Vec<Aval> = closed.jaxpr.input_avals().cloned().collect();
        let (settled, ()) = stage(&inputs, &Inputs::Unknown("inside a branch"), |args| {
            let outputs = eval(&closed.jaxpr, args);
            (with_location(loc, || outputs.iter().zip(&types).map(settle).collect()), ())
        });
        let leaves: Vec<Array> = settled.jaxpr.output_avals().map(|aval| Array::of_aval(&aval)).collect();
        *result = result.rebuild(&mut leaves.into_iter());
        closed.jaxpr = settled.jaxpr;
    }
    let template = &traced[0].1;
    for ((closed, result), name) in traced.iter().zip(names).skip(1) {
        let alike = Alike {
            call,
            part: "the result",
            must: "must have the same type whichever function is run",
            sides: [names[0], name],
            help: |expected, got| {
                format!("bring one to the other, for example {got} with {}", conversion(expected, got))
            },
        };
        alike.check(template, result, &closed.jaxpr, loc).or_raise();
    }
    let programs: Vec<&Closed> = traced.iter().map(|(closed, _)| closed).collect();
    let (branches, captures) = share_captures(&programs);
    let operands: Vec<&Array> = std::iter::once(index).chain(&captures).collect();
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
pub fn while_loop<S: Tree, P>(
    condition: impl Fn(&S) -> Array,
    body: impl Step<P, (S,), Out = S>,
    init: impl Into<S>,
) -> S {
    repeated("while_loop", condition, |state| body.step((state,)), init.into(), Location::caller())
}

#[track_caller]
fn repeated<S: Tree>(
    call: &'static str,
    condition: impl Fn(&S) -> Array,
    body: impl Fn(S) -> S,
    init: S,
    loc: Loc,
) -> S {
    let mut start = flatten(&init);
    let alike = Alike::carried(call, "the state");
    let (next, ()) = traced_body(&alike, &init, &mut start, &[], loc, |state, _| (body(state), ()));
    let (cond, ()) = stage(&avals(&start), &Inputs::Unknown("inside a loop"), |args| {
        let holds = condition(&init.rebuild(&mut args.iter().cloned()));
        if holds.dtype() != DType::Bool || holds.ndim() > 0 {
            let what = format!("{call}: the condition must give one bool, it gives {}", holds.aval());
            raise(
                Error::dtype(what).at(loc).help("compare, as in `x.less(3.0)`; `.any()` and `.all()` make one of many"),
            );
        }
        (vec![holds], ())
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
/// [`while_loop`]. `i` is an `i32`, or of 64 bits where a bound is too large for that or of a type that has such values.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let power = |x: &Array| lax::fori_loop(0, 3, |_: &Array, y: &Array| y * x, 1.0);
/// assert_eq!(grad(power)(&2.0.into()).item::<f32>(), 12.0);
/// ```
///
/// # Panics
/// When a bound is no integer scalar or the body changes the structure or type of the state.
#[track_caller]
pub fn fori_loop<S: Tree>(
    lower: impl ArrayLike,
    upper: impl ArrayLike,
    body: impl Fn(&Array, &S) -> S,
    init: impl Into<S>,
) -> S {
    let (loc, init) = (Location::caller(), init.into());
    let (lower, upper) = (lower.to_array(), upper.to_array());
    if let Some(bound) = [&lower, &upper].into_iter().find(|b| b.ndim() > 0 || !b.dtype().is_integer()) {
        raise(Error::dtype(format!("fori_loop: a bound must be an integer scalar, got {}", bound.aval())));
    }
    let dtype = counter(&lower, &upper);
    if let (Repr::Scalar(lo), Repr::Scalar(hi)) = (&lower.0, &upper.0) {
        let (lo, hi) = (lo.value().to_i64(), hi.value().to_i64());
        let steps = i128::from(hi) - i128::from(lo);
        // A scan counts its steps in 32 bits, and has all indices at hand.
        if steps <= i128::from(i32::MAX) {
            let shape = crate::array::aval::Shape::new(&[usize::try_from(steps).unwrap_or(0)]);
            let indices = bind1(Iota { dtype, shape, dimension: 0 }, &[]);
            let indices = &indices + lower.astype(dtype);
            let alike = Alike::carried("fori_loop", "the state");
            let step = |state: S, i: Array| (body(&i, &state), ());
            return Scan::new().traced(&alike, step, init, &indices, loc).0;
        }
    }
    let (lower, upper) = (lower.astype(dtype), upper.astype(dtype));
    let going = |(i, _): &(Array, S)| i.less(&upper);
    let step = |(i, state): (Array, S)| (&i + 1, body(&i, &state));
    repeated("fori_loop", going, step, (lower, init), loc).1
}

/// The type that a loop counts in: `i32`, or a wider one where a bound needs it.
fn counter(lower: &Array, upper: &Array) -> DType {
    let wide = |x: &Array| match &x.0 {
        Repr::Scalar(x) => {
            let value = x.value();
            i32::try_from(value.to_i64()).is_err() || (value.to_u64() > i64::MAX as u64 && x.dtype() == DType::U64)
        }
        _ => matches!(x.dtype(), DType::U32 | DType::I64 | DType::U64),
    };
    let unsigned = |x: &Array| match &x.0 {
        Repr::Scalar(x) if x.weak_type() => x.value().to_i64() >= 0,
        _ => x.dtype() == DType::U64,
    };
    match [lower, upper] {
        // Beyond the signed numbers only where no bound has a sign.
        both if both.iter().any(|x| x.dtype() == DType::U64) && both.iter().all(|x| unsigned(x)) => DType::U64,
        both if both.into_iter().any(wide) => DType::I64,
        _ => DType::I32,
    }
}

/// Applies `f` to a state `n` times over.
///
/// It is one loop in the compiled program, whatever `n` is, and can be differentiated in both modes: a [`scan`] without
/// anything to scan, or a [`fori_loop`] that does not count.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let newton = |a: &Array| lax::repeat(20, 1.0, |x: &Array| 0.5 * (x + a / x));
/// assert_eq!(newton(&2.0.into()).item::<f32>(), 2f32.sqrt());
/// assert_eq!(grad(newton)(&4.0.into()).item::<f32>(), 0.25);
/// ```
///
/// # Panics
/// When `f` changes the structure or type of the state.
#[track_caller]
pub fn repeat<S: Tree, P>(n: usize, init: impl Into<S>, f: impl Step<P, (S,), Out = S>) -> S {
    let alike = Alike::carried("repeat", "the state");
    Scan::new().length(n).traced(&alike, |state, ()| (f.step((state,)), ()), init.into(), &(), Location::caller()).0
}

/// A [`scan`] with options: the direction, or a length where no arrays are scanned.
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
    /// A scan from the first index to the last.
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

    /// From the last index to the first; results stand at the indices they were computed for.
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

    /// The number of steps, for a scan over `()`.
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

    /// How many steps the compiled program takes in each turn of its loop: more code, fewer turns. The results are the
    /// same.
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
    /// As [`scan`] does.
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
    fn traced<C: Tree, X: Tree, Y: Tree>(
        self,
        alike: &Alike<'_>,
        f: impl Fn(C, X) -> (C, Y),
        init: C,
        xs: &X,
        loc: Loc,
    ) -> (C, Y) {
        let scanned = flatten(xs);
        let length = self.steps(xs, &scanned).map_err(|e| e.context(alike.call).at(loc)).or_raise();
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
/// `f` takes its arguments by reference or by value ([`Step`]); by value it hands parts of them on as they are. The first
/// carry is a tree, a reference to an array, or a Rust number, which takes the type that `f` makes of it.
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
/// When the leading sizes differ or `f` changes the structure or type of the carry.
#[track_caller]
pub fn scan<C: Tree, X: Tree, Y: Tree, P>(f: impl Step<P, (C, X), Out = (C, Y)>, init: impl Into<C>, xs: &X) -> (C, Y) {
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
#[must_use = "options do nothing until they are used"]
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
pub fn map<X: Tree, Y: Tree, P>(f: impl Step<P, (X,), Out = Y>, xs: &X) -> Y {
    let alike = Alike::carried("map", "the carry");
    Scan::new().traced(&alike, |(), x| ((), f.step((x,))), (), xs, Location::caller()).1
}
