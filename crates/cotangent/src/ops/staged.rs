//! Lowerings that are written as functions of arrays. They are traced when StableHLO is written, and appended in place.
//! A primitive whose value is a series is therefore still one equation.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive};
use crate::trace::frames::{Inputs, bind, stage};

const INSIDE: Inputs<'static> = Inputs::Unknown("inside a primitive's lowering");

/// Appends an elementwise function of `args`, which are broadcast to the shape of the result. Floats narrower than
/// `f32` are computed in `f32`.
pub(super) fn lower(
    cx: &mut Lowering<'_>,
    args: &[Value],
    inputs: &[Aval],
    out: &Aval,
    f: fn(&[Array]) -> Array,
) -> Value {
    let wide = |x: &Array| {
        if x.dtype().is_float() && x.dtype().bits() < 32 { x.astype(DType::F32) } else { x.clone() }
    };
    lower_as_given(cx, args, inputs, out, |x| f(&x.iter().map(wide).collect::<Vec<_>>()).astype(out.dtype))
}

/// Like [`lower`], without widening.
pub(super) fn lower_as_given(
    cx: &mut Lowering<'_>,
    args: &[Value],
    inputs: &[Aval],
    out: &Aval,
    f: impl FnOnce(&[Array]) -> Array,
) -> Value {
    let args = cx.same_shape(args, &out.shape);
    let avals: Vec<Aval> = inputs.iter().map(|a| Aval::new(a.dtype, &out.shape)).collect();
    let (closed, ()) = stage(&avals, &INSIDE, |x| (vec![f(x)], ()));
    cx.inline(&closed.jaxpr, &args).swap_remove(0)
}

/// Appends a function of `args` in place.
pub(super) fn inline(
    cx: &mut Lowering<'_>,
    args: &[Value],
    inputs: &[Aval],
    f: impl FnOnce(&[Array]) -> Vec<Array>,
) -> Outputs<Value> {
    let (closed, ()) = stage(inputs, &INSIDE, |x| (f(x), ()));
    cx.inline(&closed.jaxpr, args).into()
}

/// Appends a function of `args` that the compiler may not inline. Its arguments are then in memory, and everything
/// inside it reads the same bits. Otherwise, the compiler computes an operand again in each kernel that reads it, and
/// results that are rounded differently are no longer equal.
pub(super) fn apart(
    cx: &mut Lowering<'_>,
    name: &str,
    args: &[Value],
    inputs: &[Aval],
    f: impl FnOnce(&[Array]) -> Vec<Array>,
) -> Outputs<Value> {
    let (closed, ()) = stage(inputs, &INSIDE, |x| (f(x), ()));
    cx.call(name, &closed.jaxpr, args, false)
}

/// A `while` loop for lowerings. It has none of the rules by which a user's loop is transformed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Loop {
    cond: Arc<Jaxpr>,
    cond_consts: usize,
    body: Arc<Jaxpr>,
    body_consts: usize,
}

impl Primitive for Loop {
    fn name(&self) -> &'static str {
        "while"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(inputs[self.cond_consts + self.body_consts..].iter().cloned().collect())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        let (cond, rest) = args.split_at(self.cond_consts);
        let (body, state) = rest.split_at(self.body_consts);
        cx.while_programs(state, (&self.cond, cond), (&self.body, body))
    }
    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.cond, &self.body]
    }
}

/// Repeats `step` on a state as long as `going` returns true for it. The types of the state do not change.
pub(super) fn repeat(
    state: &[Array],
    going: impl FnOnce(&[Array]) -> Array,
    step: impl FnOnce(&[Array]) -> Vec<Array>,
) -> Vec<Array> {
    let avals: Vec<Aval> = state.iter().map(|x| Aval::new(x.dtype(), &x.aval().shape)).collect();
    let (cond, ()) = stage(&avals, &INSIDE, |x| (vec![going(x)], ()));
    let (body, ()) = stage(&avals, &INSIDE, |x| {
        let next = step(x);
        (next.iter().zip(&avals).map(|(y, a)| y.convert(a.dtype, false)).collect(), ())
    });
    let operands: Vec<&Array> = cond.captures.iter().chain(&body.captures).chain(state).collect();
    let prim =
        Loop { cond_consts: cond.captures.len(), cond: cond.jaxpr, body_consts: body.captures.len(), body: body.jaxpr };
    bind(prim, &operands).into_vec()
}

/// Returns `yes` where `condition` is true and `no` elsewhere. All have the same shape.
pub(super) fn choose(condition: &Array, yes: &Array, no: &Array) -> Array {
    super::select(condition, yes, no, condition.shape())
}

/// Returns an array like `x`, filled with one value.
pub(super) fn like(x: &Array, value: f64) -> Array {
    super::full(&x.aval().shape, Literal::float(x.dtype(), value))
}

/// Returns the difference between 1 and the next greater number of a dtype.
pub(super) fn epsilon(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// Returns the largest finite number of a dtype.
pub(super) fn largest(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::MAX } else { f64::from(f32::MAX) }
}

/// Returns the smallest positive normal number of a dtype.
pub(super) fn smallest(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) }
}
