//! The frame stack: the only tracing machinery. No other file touches it.
//!
//! One rule: *an equation is recorded in the innermost frame that is staging or that owns one of its inputs; with no
//! such frame, it runs now.* A staging frame records every equation, a tangent frame only those that depend on its
//! inputs. Values from outside become captures.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::array::aval::Aval;
use crate::array::{Array, FrameId, Repr, Traced};
use crate::error::location::{self, Origin, Scope};
use crate::error::scoped::with_value;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::jaxpr::{Atom, Closed, Eqn, Jaxpr, Var};
use crate::ir::primitive::{Outputs, Primitive};
use crate::trace::backend::backend;
use crate::trace::misuse::{machine_code, ownerless, unreadable};

static NEXT_FRAME: AtomicU64 = AtomicU64::new(1);

/// What is known about the values of a frame's inputs.
pub(crate) enum Inputs<'a> {
    /// The frame belongs to a transform called on these arrays, so its values can be read.
    Known(&'a [Array]),
    /// There are no values to read, for this reason.
    Unknown(&'static str),
}

#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Everything,
    Dependents,
    /// A staging frame inside [`ensure_compile_time_eval`]: it records what depends on its values.
    OnlyItsOwn,
}

struct Frame {
    id: FrameId,
    takes: Takes,
    /// The scope in which the frame was opened. Its equations have the names inside of it.
    base: Scope,
    avals: Vec<Aval>,
    inputs: Vec<Var>,
    eqns: Vec<Eqn>,
    captured: FxHashMap<(u64, usize), Var>,
    captures: Vec<(Array, Var)>,
    /// The arrays that the inputs stand for, or the reason why there are none.
    known: std::result::Result<Vec<Array>, &'static str>,
    /// Values that have been read already.
    values: FxHashMap<Var, Array>,
}

impl Frame {
    fn new(takes: Takes, avals: &[Aval], inputs: &Inputs<'_>) -> Frame {
        Frame {
            id: FrameId(NEXT_FRAME.fetch_add(1, Ordering::Relaxed)),
            takes,
            base: location::current(),
            avals: avals.to_vec(),
            inputs: (0..avals.len() as u32).map(Var).collect(),
            eqns: Vec::new(),
            captured: FxHashMap::default(),
            captures: Vec::new(),
            known: match inputs {
                Inputs::Known(arrays) => Ok(arrays.to_vec()),
                Inputs::Unknown(transform) => Err(transform),
            },
            values: FxHashMap::default(),
        }
    }

    fn fresh(&mut self, aval: Aval) -> Var {
        self.avals.push(aval);
        Var(self.avals.len() as u32 - 1)
    }

    fn handle(&self, var: Var) -> Array {
        Array(Repr::Traced(Traced { frame: self.id, var, aval: self.avals[var.index()].clone() }))
    }

    /// The operand that stands for `array` in this frame. An array of another frame is captured, once.
    fn atom(&mut self, array: &Array) -> Atom {
        let key = match &array.0 {
            Repr::Scalar(literal) => return Atom::Lit(*literal),
            Repr::Traced(traced) if traced.frame == self.id => return Atom::Var(traced.var),
            Repr::Traced(traced) => (traced.frame.0, traced.var.index()),
            // The capture keeps the array alive, so its address stays unique.
            Repr::Concrete(concrete) => (0, Arc::as_ptr(concrete) as usize),
        };
        if let Some(var) = self.captured.get(&key) {
            return Atom::Var(*var);
        }
        let var = self.fresh(array.aval());
        self.captured.insert(key, var);
        self.captures.push((array.clone(), var));
        Atom::Var(var)
    }

    fn record(
        &mut self,
        prim: Arc<dyn Primitive>,
        inputs: &[&Array],
        outs: Outputs<Aval>,
        origin: Origin,
    ) -> Outputs<Array> {
        let inputs = inputs.iter().map(|x| self.atom(x)).collect();
        let outputs: SmallVec<[Var; 1]> = outs.into_iter().map(|aval| self.fresh(aval)).collect();
        let handles = outputs.iter().map(|v| self.handle(*v)).collect();
        self.eqns.push(Eqn { prim, inputs, outputs, loc: origin.relative_to(self.base) });
        handles
    }

    /// The finished program: captures are its leading inputs.
    fn finish(mut self, outputs: &[Array]) -> Closed {
        let outputs = outputs.iter().map(|x| self.atom(x)).collect();
        let (captures, mut inputs): (Vec<_>, Vec<_>) = self.captures.into_iter().unzip();
        inputs.append(&mut self.inputs);
        Closed { jaxpr: Arc::new(Jaxpr::new(self.avals, inputs, self.eqns, outputs)), captures }
    }
}

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is tracing.
pub(crate) fn tracing() -> bool {
    FRAMES.with_borrow(|frames| !frames.is_empty())
}

/// Runs `f` as if this thread were not tracing: a host function that a program calls is not part of what the thread may
/// be tracing.
pub(crate) fn untraced<R>(f: impl FnOnce() -> R) -> R {
    with_value(&FRAMES, Vec::new(), || location::cleared(f))
}

/// Runs a function whose operations on known arrays run now, even if a program is being traced: its results are known
/// then, and become constants of the program. Operations on traced arrays are recorded as always.
///
/// Without it, `jit` and the other transforms record every operation, even that of two constants.
///
/// ```
/// use cotangent::{ensure_compile_time_eval, prelude::*};
/// let f = jit(|x: &Array| {
///     let table = ensure_compile_time_eval(|| np::arange(4.0).square());
///     // The values are known while the program is traced.
///     assert_eq!(table.to_vec::<f32>(), [0.0, 1.0, 4.0, 9.0]);
///     x * table
/// });
/// assert_eq!(f(&2.0.into()).to_vec::<f32>(), [0.0, 2.0, 8.0, 18.0]);
/// ```
pub fn ensure_compile_time_eval<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(Vec<FrameId>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FRAMES.with_borrow_mut(|frames| {
                for frame in frames.iter_mut().filter(|frame| self.0.contains(&frame.id)) {
                    frame.takes = Takes::Everything;
                }
            });
        }
    }
    let staging = FRAMES.with_borrow_mut(|frames| {
        let staging = frames.iter_mut().filter(|frame| frame.takes == Takes::Everything);
        staging
            .map(|frame| {
                frame.takes = Takes::OnlyItsOwn;
                frame.id
            })
            .collect()
    });
    let _restore = Restore(staging);
    f()
}

/// Whether an array belongs to a tangent frame, that is, to a linear program being traced.
pub(crate) fn in_tangent_frame(array: &Array) -> bool {
    let owner = |frames: &Vec<Frame>, id| frames.iter().rfind(|f| f.id == id).map(|f| f.takes);
    array.traced().is_some_and(|t| FRAMES.with_borrow(|frames| owner(frames, t.frame) == Some(Takes::Dependents)))
}

/// Applies a primitive: records it in the frame that the tracing rule selects, or runs it now.
///
/// # Panics
/// If the inputs do not fit the primitive; the message names the user's line.
///
/// ```
/// # use cotangent::prelude::*;
/// let y = cotangent::extend::bind(cotangent::extend::primitives::Neg, &[&Array::from([1, -2])]);
/// assert_eq!(y[0].to_vec::<i32>(), [-1, 2]);
/// ```
#[track_caller]
pub fn bind(prim: impl Primitive, inputs: &[&Array]) -> Outputs<Array> {
    bind_at(Arc::new(prim), inputs, location::location(Location::caller()))
}

/// [`bind`] for a primitive with one result.
///
/// # Panics
/// If the inputs do not fit the primitive; the message names the user's line.
///
/// ```
/// # use cotangent::prelude::*;
/// let y = cotangent::extend::bind1(cotangent::extend::primitives::Neg, &[&Array::from([1, -2])]);
/// assert_eq!(y.to_vec::<i32>(), [-1, 2]);
/// ```
#[track_caller]
pub fn bind1(prim: impl Primitive, inputs: &[&Array]) -> Array {
    let mut outputs = bind_at(Arc::new(prim), inputs, location::location(Location::caller()));
    debug_assert_eq!(outputs.len(), 1);
    outputs.swap_remove(0)
}

/// [`bind`] for a primitive behind a pointer, such as that of an equation.
///
/// # Panics
/// If the inputs do not fit the primitive; the message names the user's line.
///
/// ```
/// # use cotangent::prelude::*;
/// let neg = std::sync::Arc::new(cotangent::extend::primitives::Neg);
/// let y = cotangent::extend::bind_shared(neg, &[&Array::from([1, -2])]);
/// assert_eq!(y[0].to_vec::<i32>(), [-1, 2]);
/// ```
#[track_caller]
pub fn bind_shared(prim: Arc<dyn Primitive>, inputs: &[&Array]) -> Outputs<Array> {
    bind_at(prim, inputs, location::location(Location::caller()))
}

/// [`bind_shared`] of an equation that comes from this line or origin.
pub(crate) fn bind_at(prim: Arc<dyn Primitive>, inputs: &[&Array], origin: impl Into<Origin>) -> Outputs<Array> {
    bound(prim, inputs, origin.into())
}

fn bound(prim: Arc<dyn Primitive>, inputs: &[&Array], origin: Origin) -> Outputs<Array> {
    let loc = origin.loc;
    let avals: SmallVec<[Aval; 4]> = inputs.iter().map(|x| x.aval()).collect();
    let outs = match prim.infer(&avals) {
        Ok(outs) => outs,
        Err(error) => raise(error.context(prim.name()).at(loc)),
    };
    if let Some(folded) = fold(&*prim, inputs, &outs) {
        return [folded].into();
    }
    let recorded = FRAMES.with_borrow_mut(|frames| {
        let mut target = frames.iter().rposition(|f| f.takes == Takes::Everything);
        for traced in inputs.iter().filter_map(|x| x.traced()) {
            match frames.iter().rposition(|f| f.id == traced.frame) {
                None => return Err(ownerless(traced)),
                owner => target = target.max(owner),
            }
        }
        Ok(target.map(|i| frames[i].record(prim.clone(), inputs, outs.clone(), origin)))
    });
    match recorded {
        Ok(Some(outputs)) => outputs,
        Ok(None) => match run_now(prim, inputs, avals, outs, origin) {
            Ok(outputs) => outputs,
            Err(error) => raise(error.at(loc)),
        },
        Err(error) => raise(error.at(loc)),
    }
}

/// The result for host scalars, if the primitive knows it exactly.
fn fold(prim: &dyn Primitive, inputs: &[&Array], outs: &[Aval]) -> Option<Array> {
    let [out] = outs else { return None };
    if out.rank() > 0 || inputs.is_empty() {
        return None;
    }
    let mut literals = SmallVec::<[_; 4]>::new();
    let tracing = tracing();
    for x in inputs {
        match &x.0 {
            Repr::Scalar(literal) => literals.push(*literal),
            // A concrete scalar that is captured remains an input of the program. One that is committed has results on
            // its device. One in other memory than the host's is not worth waiting for.
            Repr::Concrete(concrete) if !tracing && concrete.aval().rank() == 0 && concrete.is_host_value() => {
                literals.push(concrete.literal().ok()?)
            }
            _ => return None,
        }
    }
    let result = prim.fold(&literals)?;
    debug_assert_eq!(result.dtype(), out.dtype, "the dtype that the fold of {} returns", prim.name());
    Some(Array::literal(result.convert(out.dtype, out.weak_type)))
}

/// Runs a program of one equation immediately. Scalars are arguments of it, so one executable serves both `x * 2.0` and
/// `x * 3.0`.
fn run_now(
    prim: Arc<dyn Primitive>,
    inputs: &[&Array],
    avals: SmallVec<[Aval; 4]>,
    outs: Outputs<Aval>,
    origin: Origin,
) -> Result<Outputs<Array>> {
    let jaxpr = Jaxpr::of_one(prim, avals, outs, origin);
    Ok(backend().execute(&Arc::new(jaxpr), inputs)?.into())
}

/// The error for a traced array whose memory a compiled program needs.
pub(crate) fn without_memory(traced: &Traced) -> Error {
    let known = FRAMES.with_borrow(|frames| frames.iter().any(|f| f.id == traced.frame));
    if known { machine_code(&traced.aval) } else { ownerless(traced) }
}

/// A frame on the stack. Dropping it pops the frame, on return and on unwind alike.
struct Open {
    depth: usize,
    id: FrameId,
}

impl Open {
    /// Pushes a frame. Returns the arrays that stand for its inputs as well.
    fn new(takes: Takes, avals: &[Aval], inputs: &Inputs<'_>) -> (Open, Vec<Array>) {
        let frame = Frame::new(takes, avals, inputs);
        let id = frame.id;
        let handles = frame.inputs.iter().map(|v| frame.handle(*v)).collect();
        let depth = FRAMES.with_borrow_mut(|frames| {
            frames.push(frame);
            frames.len() - 1
        });
        (Open { depth, id }, handles)
    }

    /// Pops the frame, and returns its program.
    fn finish(self, outputs: &[Array]) -> Closed {
        let frame = FRAMES.with_borrow_mut(|frames| {
            for traced in outputs.iter().filter_map(Array::traced) {
                if !frames.iter().any(|f| f.id == traced.frame) {
                    return Err(ownerless(traced));
                }
            }
            let frame = frames.pop().filter(|f| f.id == self.id);
            frame.ok_or_else(|| Error::new(ErrorKind::Trace, "the frames of this thread are out of order"))
        });
        drop(self);
        match frame {
            Ok(frame) => frame.finish(outputs),
            Err(error) => raise(error),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        FRAMES.with_borrow_mut(|frames| frames.truncate(self.depth));
    }
}

fn trace<R>(
    takes: Takes,
    avals: &[Aval],
    inputs: &Inputs<'_>,
    f: impl FnOnce(&[Array]) -> (Vec<Array>, R),
) -> (Closed, R) {
    let (frame, handles) = Open::new(takes, avals, inputs);
    let (outputs, result) = f(&handles);
    (frame.finish(&outputs), result)
}

/// Traces `f` into a program that records every equation made meanwhile.
pub(crate) fn stage<R>(
    avals: &[Aval],
    inputs: &Inputs<'_>,
    f: impl FnOnce(&[Array]) -> (Vec<Array>, R),
) -> (Closed, R) {
    // A function that is staged separately has lines of its own.
    trace(Takes::Everything, avals, inputs, f)
}

/// Traces only what depends on the inputs. All other equations fall through to the frame below, and their results are
/// captured.
pub(crate) fn stage_dependents<R>(avals: &[Aval], f: impl FnOnce(&[Array]) -> (Vec<Array>, R)) -> (Closed, R) {
    trace(Takes::Dependents, avals, &Inputs::Unknown("while linearizing"), f)
}

/// The concrete value of a traced array. Runs the equations of its frame that lead to it.
pub(crate) fn read(traced: &Traced) -> Result<Array> {
    let (slice, args) = FRAMES.with_borrow(|frames| {
        let Some(frame) = frames.iter().find(|f| f.id == traced.frame) else {
            return Err(ownerless(traced));
        };
        if let Some(value) = frame.values.get(&traced.var) {
            return Ok((None, vec![value.clone()]));
        }
        let known = match &frame.known {
            Ok(known) => known,
            Err(transform) => {
                return Err(unreadable(
                    &traced.aval,
                    transform,
                    "keep the decision inside the program (`np::where_`, `lax::cond`), or make the value a static \
                     argument",
                ));
            }
        };
        Ok(slice(frame, known, traced.var))
    })?;
    if slice.as_ref().is_some_and(|s| s.effects().kept) {
        return Err(Error::new(
            ErrorKind::Trace,
            format!("reading the value of the traced array {} would repeat the effects it depends on", traced.aval),
        )
        .help(
            "use `jit` and keep the decision inside the program, or move the effects out of the computation of the \
               value",
        ));
    }
    let args = args.iter().map(Array::concrete).collect::<Result<Vec<_>>>()?;
    let Some(slice) = slice else { return Ok(args[0].clone()) };
    let mut values = backend().execute(&Arc::new(slice), &args.iter().collect::<Vec<_>>())?;
    let value = values.swap_remove(0);
    FRAMES.with_borrow_mut(|frames| {
        if let Some(frame) = frames.iter_mut().find(|f| f.id == traced.frame) {
            frame.values.insert(traced.var, value.clone());
        }
    });
    Ok(value)
}

/// The equations that lead to `var`, as a program, and the arrays that it starts from.
fn slice(frame: &Frame, known: &[Array], var: Var) -> (Option<Jaxpr>, Vec<Array>) {
    let mut needed = vec![false; frame.avals.len()];
    needed[var.index()] = true;
    let mut eqns = Vec::new();
    for eqn in frame.eqns.iter().rev() {
        // A value that has been read before is an input, and is not computed again.
        if eqn.outputs.iter().any(|v| needed[v.index()] && !frame.values.contains_key(v)) {
            for v in eqn.inputs.iter().filter_map(|a| a.var()) {
                needed[v.index()] = true;
            }
            eqns.push(eqn.clone());
        }
    }
    eqns.reverse();
    let mut sources: Vec<(Var, &Array)> = (frame.inputs.iter().copied().zip(known))
        .chain(frame.captures.iter().map(|(array, v)| (*v, array)))
        .chain(frame.values.iter().map(|(v, array)| (*v, array)))
        .filter(|(v, _)| needed[v.index()])
        .collect();
    // Sorted by variable, so that the same read gives the same program every time.
    sources.sort_by_key(|(v, _)| *v);
    let (mut inputs, mut args) = (Vec::new(), Vec::new());
    for (v, array) in sources {
        if v == var {
            return (None, vec![array.clone()]);
        }
        inputs.push(v);
        args.push(array.clone());
    }
    (Some(Jaxpr::new(frame.avals.clone(), inputs, eqns, vec![Atom::Var(var)])), args)
}
