//! Loops whose end a condition decides.

use std::borrow::Cow;
use std::sync::Arc;

use stablehlo::{Type, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ops::elementwise::rebind;
use crate::ops::shape::{BroadcastInDim, batched_in_front};
use crate::trace::frames::{Inputs, bind, bind1, in_tangent_frame, stage};
use crate::transform::batch::batch_jaxpr;
use crate::transform::dce::without_effects;
use crate::transform::eval::eval;
use crate::transform::jvp::jvp_jaxpr;
use crate::transform::nested::nested;

use super::scan::instantiated;

/// `while`: runs `body` on the carry for as long as `cond` holds of it. The operands are what `cond` captures, what
/// `body` captures, and the carry.
///
/// A loop over a batch, as `vmap` makes it, has a condition for each element: an array of them, whose axes lead in every
/// part of the carry. It goes on for as long as one of them holds, and elements that have ended keep their values.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let halve = |x: &Array| lax::while_loop(|x: &Array| x.greater(1.0), |x: &Array| x / 2.0, x.clone());
/// assert_eq!(halve(&10.0.into()).item::<f32>(), 0.625);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct While {
    /// From its captures and the carry to a truth value, or one for each element.
    pub cond: Arc<Jaxpr>,
    /// How many values `cond` captures.
    pub cond_consts: usize,
    /// From its captures and the carry to the next carry.
    pub body: Arc<Jaxpr>,
    /// How many values `body` captures.
    pub body_consts: usize,
}

impl While {
    /// The operands as captures of the condition, captures of the body, and carry.
    fn split<'a, T>(&self, operands: &'a [T]) -> (&'a [T], &'a [T], &'a [T]) {
        let (cond, rest) = operands.split_at(self.cond_consts);
        let (body, carry) = rest.split_at(self.body_consts);
        (cond, body, carry)
    }

    /// Whether each element ends for itself.
    pub(crate) fn ends_apart(&self) -> bool {
        self.cond.output_avals().any(|flag| flag.rank() > 0)
    }

    /// The loop with one condition for all elements, and its operands: what the compiler knows.
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

/// The next carry of the elements that go on, as `flags` says, and the old one of those that have ended.
pub(crate) fn going_on(flags: &Array, next: &[Array], old: &[Array]) -> Vec<Array> {
    let dims: Vec<usize> = (0..flags.ndim()).collect();
    let pick = |(new, old): (&Array, &Array)| {
        let going = bind1(BroadcastInDim { shape: new.aval().shape, dims: dims.clone() }, &[flags]);
        crate::ops::select(&going, new, old, new.shape())
    };
    next.iter().zip(old).map(pick).collect()
}

/// Repeats `step`, which tells for a carry mask which parts of the next carry have it too, until nothing is added.
pub(crate) fn fixpoint(mut mask: Vec<bool>, step: impl Fn(&[bool]) -> Vec<bool>) -> Vec<bool> {
    loop {
        let next: Vec<bool> = mask.iter().zip(step(&mask)).map(|(a, b)| *a || b).collect();
        if next == mask {
            return mask;
        }
        mask = next;
    }
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
                "the body must give the types of the carry, {carry:?}, it gives {next:?}"
            )));
        }
        match self.cond.output_avals().collect::<Vec<_>>().as_slice() {
            [flag] if flag.dtype == DType::Bool && carry.iter().all(|x| x.shape.starts_with(&flag.shape)) => Ok(next),
            other => Err(Error::dtype(format!(
                "the condition must give one bool, or one for each index of leading axes of {carry:?}, it gives {other:?}"
            ))),
        }
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let (_, body_t, carry_t) = self.split(dx);
        let (cond_x, body_x, carry_x) = self.split(x);
        let consts: Vec<bool> = body_t.iter().map(Option::is_some).collect();
        let mask = |carry: &[bool]| consts.iter().chain(carry).copied().collect::<Vec<_>>();
        let start = carry_t.iter().map(Option::is_some).collect();
        let carried = fixpoint(start, |carry| jvp_jaxpr(&self.body, &mask(carry), None).1);
        let (body, _) = jvp_jaxpr(&self.body, &mask(&carried), Some(&carried));
        let count = |mask: &[bool]| mask.iter().filter(|m| **m).count();
        let (const_tangents, carry_tangents) = (count(&consts), count(&carried));
        // jvp programs take all primals and then tangents; here the carry's must stay together.
        let body = reorder(&body, self.body_consts, carry_x.len(), const_tangents);
        let cond = with_unused(&self.cond, &body, carry_tangents);
        let apart = dx.iter().flatten().any(in_tangent_frame);
        // While linearising the loop runs twice, once for the values and once for the tangents.
        let quiet = |p: Arc<Jaxpr>| if apart { Arc::new(without_effects(&p)) } else { p };
        let (body, cond) = (quiet(body), quiet(cond));
        let both = While { cond, cond_consts: self.cond_consts, body, body_consts: self.body_consts + const_tangents };
        let dcarry = instantiated(carry_x, carry_t, &carried);
        let operands: Vec<&Array> =
            (cond_x.iter().chain(body_x).chain(body_t.iter().flatten())).chain(carry_x).chain(&dcarry).collect();
        let mut outputs = bind(both, &operands).into_vec();
        let mut tangents = outputs.split_off(carry_x.len()).into_iter();
        // While linearising, results that depend on tangents are linear work: the primal loop runs on its own.
        if apart {
            outputs = rebind(self, &x.iter().collect::<Vec<_>>()).into_vec();
        }
        (outputs, carried.iter().map(|m| if *m { tangents.next() } else { None }).collect())
    }

    fn transpose(&self, _: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        raise(
            Error::new(ErrorKind::Transform, "a `while_loop` has no reverse-mode derivative: how many values it would have to save is not known when it is compiled")
                .help("use `scan`, or `fori_loop` with bounds that are Rust numbers, or forward mode (`jvp`)"),
        )
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let moved: Vec<Array> = (x.iter().zip(axes))
            .map(|(x, a)| if a.is_some() { batched_in_front(x, *a, size) } else { x.clone() })
            .collect();
        let (cond_b, body_b, carry_b) = self.split(axes);
        let is = |axes: &[Option<usize>]| axes.iter().map(Option::is_some).collect::<Vec<bool>>();
        let (cond_b, body_b) = (is(cond_b), is(body_b));
        let all = |consts: &[bool], carry: &[bool]| consts.iter().chain(carry).copied().collect::<Vec<_>>();
        let results = |jaxpr: &Arc<Jaxpr>, mask: &[bool]| batch_jaxpr(jaxpr, mask, size).1;
        // Where each element ends at its own time, every part of the carry is its own.
        let apart = |carry: &[bool]| {
            results(&self.cond, &all(&cond_b, carry))[0] || (self.ends_apart() && carry.contains(&true))
        };
        let carried = fixpoint(is(carry_b), |carry| {
            let (next, apart) = (results(&self.body, &all(&body_b, carry)), apart(carry));
            next.into_iter().map(|b| b || apart).collect()
        });
        let apart = apart(&carried);
        if apart && self.effects().check {
            raise(super::cond::mapped_checks("a loop that each element ends for itself"));
        }
        let (cond_x, body_x, carry_x) = self.split(&moved);
        let carry: Vec<Array> = (carry_x.iter().zip(&carried).zip(self.split(axes).2))
            .map(|((x, c), a)| if *c && a.is_none() { batched_in_front(x, None, size) } else { x.clone() })
            .collect();
        // The program with its results in front where `batched` says so.
        let placed = |jaxpr: &Arc<Jaxpr>, mask: &[bool], batched: &[bool]| {
            let (program, has) = batch_jaxpr(jaxpr, mask, size);
            if has == batched {
                return program;
            }
            let avals: Vec<Aval> = program.input_avals().cloned().collect();
            let (closed, ()) = stage(&avals, &INSIDE, |args| {
                let place = |(x, (has, should)): (Array, (&bool, &bool))| match *should && !has {
                    true => batched_in_front(&x, None, size),
                    false => x,
                };
                (eval(&program, args).into_iter().zip(has.iter().zip(batched)).map(place).collect(), ())
            });
            closed.jaxpr
        };
        let prim = While {
            cond: placed(&self.cond, &all(&cond_b, &carried), &[apart]),
            cond_consts: self.cond_consts,
            body: placed(&self.body, &all(&body_b, &carried), &carried),
            body_consts: self.body_consts,
        };
        let operands: Vec<&Array> = cond_x.iter().chain(body_x).chain(&carry).collect();
        (bind(prim, &operands).into_vec(), carried.iter().map(|c| c.then_some(0)).collect())
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let types: Vec<Type> = outs.iter().map(Aval::mlir).collect();
        let (one, args) = self.together(args);
        let (cond, body, carry) = one.split(&args);
        cx.regions("stablehlo.while", carry, &[], &types, &[&types, &types], |cx, region, state| {
            let (program, consts) = if region == 0 { (&one.cond, cond) } else { (&one.body, body) };
            let args: Vec<Value> = consts.iter().chain(state).cloned().collect();
            cx.inline(program, &args)
        })
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.cond, &self.body]
    }
}

/// A jvp body, from (captures, carry, tangents of captures, tangents of the carry) to (captures, tangents of
/// captures, carry, tangents of the carry).
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

/// A condition that is given the last `extra` parts of the carry of `body` too and does not look at them.
fn with_unused(cond: &Jaxpr, body: &Jaxpr, extra: usize) -> Arc<Jaxpr> {
    let own: Vec<Aval> = cond.input_avals().cloned().collect();
    let more = body.output_avals().skip(body.outputs().len() - extra);
    let avals: Vec<Aval> = own.iter().cloned().chain(more).collect();
    let (closed, ()) = stage(&avals, &INSIDE, |args| (eval(cond, &args[..own.len()]), ()));
    closed.jaxpr
}
