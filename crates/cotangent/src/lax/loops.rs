//! Loops that end by a condition or after a number of iterations.

use std::panic::Location;

use crate::array::dtype::DType;
use crate::array::modes::modes;
use crate::array::{Array, ArrayLike, Repr};
use crate::control::while_loop::While;
use crate::error::{Error, Loc, raise};
use crate::ops::shape::Iota;
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::tree::{Tree, flatten};

use super::control_flow::{Alike, avals, tidy, traced_body};
use super::scan::Scan;
use super::step::Step;

/// Applies `body` to a state repeatedly, for as long as `condition` returns true for it.
///
/// The loop can be differentiated in forward mode. Reverse mode would have to save a number of values that is not known
/// in advance; use [`scan`](fn@crate::lax::scan) or [`fori_loop`] for that.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let halve = |x: &Array| lax::while_loop(|x: &Array| x.greater(1.0), |x: &Array| x / 2.0, x.clone());
/// assert_eq!(halve(&10.0.into()).item::<f32>(), 0.625);
/// ```
///
/// # Panics
/// Panics if the condition does not return a `bool` scalar, or if the body changes the structure or type of the state.
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
    if modes().without_jit
        && let Some(last) = written_out(&condition, &body, &init, &start)
    {
        return last;
    }
    let alike = Alike::carried(call, "the state");
    let (next, ()) = traced_body(&alike, &init, &mut start, &[], loc, |state, _| (body(state), ()));
    let (cond, ()) =
        stage(&avals(&start), &Inputs::Unknown("inside a loop"), |args| {
            let holds = condition(&init.rebuild(&mut args.iter().cloned()));
            if holds.dtype() != DType::Bool || holds.ndim() > 0 {
                let what = format!("{call}: the condition must return a boolean scalar, but returns {}", holds.aval());
                raise(Error::dtype(what).at(loc).help(
                    "use a comparison, such as `x.less(3.0)`; `.any()` and `.all()` reduce several booleans to one",
                ));
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

/// The last state of the loop in Rust, for [`disable_jit`](crate::disable_jit), or `None` if a condition is not known.
fn written_out<S: Tree>(
    condition: impl Fn(&S) -> Array,
    body: impl Fn(S) -> S,
    init: &S,
    start: &[Array],
) -> Option<S> {
    let mut state = init.rebuild(&mut start.iter().cloned());
    while condition(&state).try_item::<bool>().ok()? {
        state = body(state);
    }
    Some(state)
}

/// Runs `body(i, state)` for `i` from `lower` (inclusive) to `upper` (exclusive), and returns the last state.
///
/// With Rust numbers as bounds, the loop is a [`scan`](fn@crate::lax::scan) and can be differentiated in reverse mode.
/// With arrays, it is a [`while_loop`]. `i` is an `i32`, or a 64-bit integer if a bound does not fit in `i32` or has a
/// dtype with values that do not.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let power = |x: &Array| lax::fori_loop(0, 3, |_: &Array, y: &Array| y * x, 1.0);
/// assert_eq!(grad(power)(&2.0.into()).item::<f32>(), 12.0);
/// ```
///
/// # Panics
/// Panics if a bound is not an integer scalar, or if the body changes the structure or type of the state.
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
        raise(Error::dtype(format!("fori_loop: bounds must be integer scalars, got {}", bound.aval())));
    }
    let dtype = counter(&lower, &upper);
    if let (Repr::Scalar(lo), Repr::Scalar(hi)) = (&lower.0, &upper.0) {
        let (lo, hi) = (lo.value().to_i64(), hi.value().to_i64());
        let steps = i128::from(hi) - i128::from(lo);
        // A scan counts its iterations in 32 bits and needs all indices at once.
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

/// Returns the dtype of the loop counter: `i32`, or a wider one if a bound needs it.
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
        // Unsigned 64-bit integers are used only if no bound is signed.
        both if both.iter().any(|x| x.dtype() == DType::U64) && both.iter().all(|x| unsigned(x)) => DType::U64,
        both if both.into_iter().any(wide) => DType::I64,
        _ => DType::I32,
    }
}

/// Applies `f` to a state `n` times.
///
/// It is one loop in the compiled program, whatever `n` is, and can be differentiated in both modes: a
/// [`scan`](fn@crate::lax::scan) without scanned arrays, or a [`fori_loop`] without an index.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let newton = |a: &Array| lax::repeat(20, 1.0, |x: &Array| 0.5 * (x + a / x));
/// assert_eq!(newton(&2.0.into()).item::<f32>(), 2f32.sqrt());
/// assert_eq!(grad(newton)(&4.0.into()).item::<f32>(), 0.25);
/// ```
///
/// # Panics
/// Panics if `f` changes the structure or type of the state.
#[track_caller]
pub fn repeat<S: Tree, P>(n: usize, init: impl Into<S>, f: impl Step<P, (S,), Out = S>) -> S {
    let alike = Alike::carried("repeat", "the state");
    Scan::new().length(n).traced(&alike, |state, ()| (f.step((state,)), ()), init.into(), &(), Location::caller()).0
}
