//! `while`: a loop that runs as long as a condition holds.

use std::borrow::Cow;
use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, RunProgram, Tangent};
use crate::ops::elementwise::rebind;
use crate::ops::shape::{BroadcastInDim, batched_in_front};
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::transform::batch::{batch_jaxpr, in_front};
use crate::transform::dce::without_effects;
use crate::transform::eval::eval;
use crate::transform::jvp::jvp_jaxpr;
use crate::transform::masks::{count, fixpoint, instantiated, placed, present};
use crate::transform::nested::nested;

use super::vary::{self, communicates, union, vary_jaxpr, varying};

/// `while`: runs `body` on the carry as long as `cond` holds. The operands are the captures of `cond`, the captures of
/// `body`, and the carry.
///
/// A loop over a batch, as `vmap` makes it, may have a condition for each element: an array, whose axes are the leading axes
/// of every part of the carry. The loop runs as long as one of them holds. Elements that have finished keep their values.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let halve = |x: &Array| lax::while_loop(|x: &Array| x.greater(1.0), |x: &Array| x / 2.0, x.clone());
/// assert_eq!(halve(&10.0.into()).item::<f32>(), 0.625);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct While {
    /// The condition, from its captures and the carry to a boolean, or one for each element.
    pub cond: Arc<Jaxpr>,
    /// The number of captures of `cond`.
    pub cond_consts: usize,
    /// The body, from its captures and the carry to the next carry.
    pub body: Arc<Jaxpr>,
    /// The number of captures of `body`.
    pub body_consts: usize,
}

impl While {
    /// Splits the operands into captures of the condition, captures of the body, and carry.
    fn split<'a, T>(&self, operands: &'a [T]) -> (&'a [T], &'a [T], &'a [T]) {
        let (cond, rest) = operands.split_at(self.cond_consts);
        let (body, carry) = rest.split_at(self.body_consts);
        (cond, body, carry)
    }

    /// Whether each element has a condition of its own.
    pub(crate) fn ends_apart(&self) -> bool {
        self.cond.output_avals().any(|flag| flag.rank() > 0)
    }

    /// Runs values and tangents in one loop. If `quiet`, the effects of the loop are left out.
    fn with_tangents(&self, x: &[Array], dx: &[Tangent], quiet: bool) -> (Vec<Array>, Vec<Tangent>) {
        let (_, body_t, carry_t) = self.split(dx);
        let (cond_x, body_x, carry_x) = self.split(x);
        let consts = present(body_t);
        let (carried, body) = fixpoint(present(carry_t), |carry| {
            let (body, given) = jvp_jaxpr(&self.body, &[&consts, carry].concat(), carry);
            (given, body)
        });
        let (const_tangents, carry_tangents) = (count(&consts), count(&carried));
        // A jvp program takes all primals and then the tangents. In a loop the carry must stay together.
        let body = reorder(&body, self.body_consts, carry_x.len(), const_tangents);
        let cond = with_unused(&self.cond, &body, carry_tangents);
        let effects = |p: Arc<Jaxpr>| if quiet { Arc::new(without_effects(&p)) } else { p };
        let (body, cond) = (effects(body), effects(cond));
        let both = While { cond, cond_consts: self.cond_consts, body, body_consts: self.body_consts + const_tangents };
        let dcarry = instantiated(carry_x, carry_t, &carried);
        let operands: Vec<&Array> =
            (cond_x.iter().chain(body_x).chain(body_t.iter().flatten())).chain(carry_x).chain(&dcarry).collect();
        let mut outputs = bind(both, &operands).into_vec();
        let mut tangents = outputs.split_off(carry_x.len()).into_iter();
        (outputs, placed(&carried, &mut tangents))
    }

    /// Runs the loop on known values, one iteration after the other.
    fn run_iterations(&self, inputs: &[Array], run: &mut RunProgram<'_>) -> Result<Vec<Array>> {
        let (one, inputs) = self.together(inputs);
        let (cond, body, carry) = one.split(&inputs);
        let mut carry = carry.to_vec();
        for i in 0.. {
            let place = format!("in iteration {i} of the loop");
            let args = |consts: &[Array]| consts.iter().chain(&carry).cloned().collect::<Vec<_>>();
            if !run(&one.cond, &args(cond), &place)?[0].try_item::<bool>()? {
                break;
            }
            carry = run(&one.body, &args(body), &place)?;
        }
        Ok(carry)
    }

    /// The loop with one condition for all elements, as the compiler needs it, and its operands.
    pub(crate) fn together<'a, T: Clone>(&'a self, operands: &[T]) -> (Cow<'a, While>, Vec<T>) {
        if !self.ends_apart() {
            return (Cow::Borrowed(self), operands.to_vec());
        }
        let (cond_x, body_x, carry) = self.split(operands);
        let inputs: Vec<Aval> = self.cond.input_avals().cloned().collect();
        let (cond, ()) = stage(&inputs, &INSIDE, |args| (vec![eval(&self.cond, args)[0].any()], ()));
        let body_avals = self.body.input_avals().cloned();
        let avals: Vec<Aval> = inputs[..self.cond_consts].iter().cloned().chain(body_avals).collect();
        let (body, ()) = stage(&avals, &INSIDE, |args| {
            let (own, rest) = args.split_at(self.cond_consts);
            let carry = &rest[self.body_consts..];
            let flags = &eval(&self.cond, &[own, carry].concat())[0];
            (going_on(flags, &eval(&self.body, rest), carry), ())
        });
        let together = While {
            cond: nested(cond),
            cond_consts: self.cond_consts,
            body: nested(body),
            body_consts: self.cond_consts + self.body_consts,
        };
        (Cow::Owned(together), [cond_x, cond_x, body_x, carry].concat())
    }
}

const INSIDE: Inputs<'static> = Inputs::Unknown("inside a loop");

/// Selects the next carry for the elements whose flag is set, and the old one for those that have finished.
pub(crate) fn going_on(flags: &Array, next: &[Array], old: &[Array]) -> Vec<Array> {
    let dims: Vec<usize> = (0..flags.ndim()).collect();
    let pick = |(new, old): (&Array, &Array)| {
        let going = bind1(BroadcastInDim { shape: new.aval().shape, dims: dims.clone() }, &[flags]);
        crate::ops::select(&going, new, old, new.shape())
    };
    next.iter().zip(old).map(pick).collect()
}

impl Primitive for While {
    fn name(&self) -> &'static str {
        "while"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("body_nconsts", self.body_consts.to_string()), ("cond_nconsts", self.cond_consts.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (_, _, carry) = self.split(inputs);
        let same = |a: &Aval, b: &Aval| a.shape == b.shape && a.dtype == b.dtype;
        let next: Outputs<Aval> = self.body.output_avals().collect();
        if next.len() != carry.len() || !next.iter().zip(carry).all(|(a, b)| same(a, b)) {
            return Err(Error::shape(format!(
                "the body must return the types of the carry {carry:?}, but returns {next:?}"
            )));
        }
        match self.cond.output_avals().collect::<Vec<_>>().as_slice() {
            [flag] if flag.dtype == DType::Bool && carry.iter().all(|x| x.shape.starts_with(&flag.shape)) => Ok(next),
            other => Err(Error::dtype(format!(
                "the condition must return a boolean scalar, or a boolean for each index of leading axes of \
                 {carry:?}, but returns {other:?}"
            ))),
        }
    }

    /// Values and tangents in one loop.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        self.with_tangents(x, dx, false)
    }

    /// The loop runs twice, once for the values and once for the tangents: the number of residuals that it would have to
    /// save is not known.
    fn linearize(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let (_, dy) = self.with_tangents(x, dx, true);
        (rebind(self, &x.iter().collect::<Vec<_>>()).into_vec(), dy)
    }

    fn transpose(&self, _: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        raise(
            Error::new(
                ErrorKind::Transform,
                "a `while_loop` has no reverse-mode derivative: the number of values to \
                                              save is not known when it is compiled",
            )
            .help("use `scan`, or `fori_loop` with bounds that are Rust numbers, or forward mode (`jvp`)"),
        )
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let has = present(axes);
        let (cond_b, body_b, carry_b) = self.split(&has);
        let (carried, (cond, body, apart)) = fixpoint(carry_b.to_vec(), |carry| {
            let own = self.ends_apart() && carry.contains(&true);
            let (cond, apart) = batch_jaxpr(&self.cond, &[cond_b, carry].concat(), size, &[own]);
            let (body, next) = batch_jaxpr(&self.body, &[body_b, carry].concat(), size, carry);
            // If each element has a condition of its own, every part of the carry is batched.
            (next.iter().map(|b| *b || apart[0]).collect(), (cond, body, apart[0]))
        });
        if apart && self.effects().check {
            raise(super::cond::mapped_checks("a loop whose length differs between the elements of the batch"));
        }
        let moved = in_front(x, axes, size);
        let (cond_x, body_x, carry_x) = self.split(&moved);
        let carry: Vec<Array> = (carry_x.iter().zip(&carried).zip(carry_b))
            .map(|((x, c), has)| if *c && !has { batched_in_front(x, None, size) } else { x.clone() })
            .collect();
        let prim = While { cond, cond_consts: self.cond_consts, body, body_consts: self.body_consts };
        let operands: Vec<&Array> = cond_x.iter().chain(body_x).chain(&carry).collect();
        (bind(prim, &operands).into_vec(), carried.iter().map(|c| c.then_some(0)).collect())
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let (cond_x, body_x, carry_x) = self.split(x);
        let (cond_over, body_over, carry_over) = self.split(over);
        let (carried, (cond, body, flag)) = vary::fixpoint(carry_over.to_vec(), |carry| {
            let (cond, flags) = vary_jaxpr(&self.cond, &[cond_over, carry].concat(), &[], mesh);
            // Devices whose loops run longer than others have other results.
            let next: Vec<AxisSet> = carry.iter().map(|set| union([set, &flags[0]])).collect();
            let (body, sets) = vary_jaxpr(&self.body, &[body_over, &next].concat(), &next, mesh);
            (sets, (cond, body, flags[0].clone()))
        });
        let meet = |axis: &NamedAxis| [&self.cond, &self.body].into_iter().any(|p| communicates(p, &axis.name));
        if let Some(axis) = mesh.iter().find(|axis| flag.contains(&axis.name) && meet(axis)) {
            raise(
                Error::new(
                    ErrorKind::Axis,
                    format!(
                        "devices along the axis `{axis}` may run a loop for different numbers of iterations, but \
                         communicate in it"
                    ),
                )
                .help(format!(
                    "let the condition be the same on all of them, for example \
                     with `lax::pmax(flag, \"{axis}\")`"
                )),
            );
        }
        let carry: Vec<Array> = (carry_x.iter().zip(carry_over).zip(&carried))
            .map(|((x, over), carried)| varying(x, over, carried, mesh))
            .collect();
        let operands: Vec<&Array> = cond_x.iter().chain(body_x).chain(&carry).collect();
        Some((bind(While { cond, body, ..self.clone() }, &operands).into_vec(), carried))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        let (one, args) = self.together(args);
        let (cond, body, carry) = one.split(&args);
        cx.while_programs(carry, (&one.cond, cond), (&one.body, body))
    }

    fn interpret(&self, inputs: &[Array], run: &mut RunProgram<'_>) -> Option<Result<Vec<Array>>> {
        Some(self.run_iterations(inputs, run))
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.cond, &self.body]
    }

    fn is_loop(&self) -> bool {
        true
    }
}

/// Reorders the inputs of a jvp body from (captures, carry, tangents of captures, tangents of the carry) to (captures,
/// tangents of captures, carry, tangents of the carry).
fn reorder(body: &Jaxpr, consts: usize, carry: usize, const_tangents: usize) -> Arc<Jaxpr> {
    let avals: Vec<Aval> = body.input_avals().cloned().collect();
    let (primals, tangents) = avals.split_at(consts + carry);
    let (dc, dx) = tangents.split_at(const_tangents);
    let order: Vec<Aval> = (primals[..consts].iter().chain(dc).chain(&primals[consts..]).chain(dx)).cloned().collect();
    let (closed, ()) = stage(&order, &INSIDE, |args| {
        let (c, rest) = args.split_at(consts);
        let (dc, rest) = rest.split_at(const_tangents);
        let (x, dx) = rest.split_at(carry);
        let args: Vec<Array> = c.iter().chain(x).chain(dc).chain(dx).cloned().collect();
        (eval(body, &args), ())
    });
    closed.jaxpr
}

/// Extends a condition to take the last `extra` parts of the carry of `body`, which it ignores.
fn with_unused(cond: &Jaxpr, body: &Jaxpr, extra: usize) -> Arc<Jaxpr> {
    let own: Vec<Aval> = cond.input_avals().cloned().collect();
    let more = body.output_avals().skip(body.outputs().len() - extra);
    let avals: Vec<Aval> = own.iter().cloned().chain(more).collect();
    let (closed, ()) = stage(&avals, &INSIDE, |args| (eval(cond, &args[..own.len()]), ()));
    closed.jaxpr
}
