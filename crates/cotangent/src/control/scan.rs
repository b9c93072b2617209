//! `scan`: a loop over the leading axis of arrays.

mod lowering;

use std::sync::Arc;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result};
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::jaxpr::{Atom, Closed, Jaxpr};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, RunProgram, Tangent};
use crate::ir::print::boolean;
use crate::ops::elementwise::rebind;
use crate::ops::shape::batched_in_front;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::batch::batch_jaxpr;
use crate::transform::eval::eval;
use crate::transform::jvp::jvp_jaxpr;
use crate::transform::linearize::linearize_jaxpr;
use crate::transform::masks::{chosen, count, fixpoint, instantiated, placed, present};
use crate::transform::nested::nested;
use crate::transform::transpose::backward;

use crate::transform::hoist::hoist;

use super::vary::{self, copied_in, union, vary_jaxpr, varying};

/// `scan`: runs a program once for each index of the leading axis of its last operands, with a carry from iteration to
/// iteration. The operands are the captured values, the carry and the scanned arrays. The results are the last carry and the
/// stacked outputs of the iterations.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let cumsum = |xs: &Array| lax::scan(|c: &Array, x: &Array| (c + x, c + x), 0.0, xs).1;
/// assert_eq!(cumsum(&Array::from([1.0f32, 2.0, 3.0])).to_vec::<f32>(), [1.0, 3.0, 6.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scan {
    /// The body, from captures, carry and one slice of each array to the next carry and the outputs of the iteration.
    pub jaxpr: Arc<Jaxpr>,
    /// The number of iterations.
    pub length: usize,
    /// Whether it runs from the last index to the first.
    pub reverse: bool,
    /// How many iterations each iteration of the compiled loop takes.
    pub unroll: usize,
    /// The number of captured operands.
    pub consts: usize,
    /// The number of carried operands.
    pub carry: usize,
}

/// The parts of the operands of a scan, or of masks over them.
struct Parts<'a, T> {
    consts: &'a [T],
    carry: &'a [T],
    xs: &'a [T],
}

const INSIDE: Inputs<'static> = Inputs::Unknown("inside a scan");

impl Scan {
    /// Applies `f` to each of the `length` slices of `xs` along their first axes, one after the other, and stacks what it
    /// returns.
    #[track_caller]
    pub(crate) fn map(f: impl FnOnce(&[Array]) -> Vec<Array>, xs: &[Array], length: usize) -> Vec<Array> {
        let slices: Vec<Aval> = xs.iter().map(|x| x.aval()).map(|a| a.with_shape(a.shape.remove(&[0]))).collect();
        let (Closed { jaxpr, captures }, ()) = stage(&slices, &INSIDE, |slices| (f(slices), ()));
        let consts = captures.len();
        let scan = Scan { jaxpr, length, reverse: false, unroll: 1, consts, carry: 0 };
        bind(scan, &captures.iter().chain(xs).collect::<Vec<_>>()).into_vec()
    }

    fn parts<'a, T>(&self, operands: &'a [T]) -> Parts<'a, T> {
        let (consts, rest) = operands.split_at(self.consts);
        let (carry, xs) = rest.split_at(self.carry);
        Parts { consts, carry, xs }
    }

    /// The mask over the operands of the body, with `carry` as the mask of the carry.
    fn mask(&self, of: &Parts<'_, bool>, carry: &[bool]) -> Vec<bool> {
        [of.consts, carry, of.xs].concat()
    }

    fn stacked(&self, aval: &Aval) -> Aval {
        aval.with_shape(aval.shape.insert(0, self.length))
    }

    fn carry_avals(&self) -> Vec<Aval> {
        self.jaxpr.output_avals().take(self.carry).collect()
    }

    /// Runs the loop on known values, one iteration after the other.
    fn run_steps(&self, inputs: &[Array], run: &mut RunProgram<'_>) -> Result<Vec<Array>> {
        let given = self.parts(inputs);
        let mut carry = given.carry.to_vec();
        let xs: Vec<(Aval, Vec<u8>)> = given.xs.iter().map(|x| Ok((x.aval(), x.to_bytes()?))).collect::<Result<_>>()?;
        let mut stacks: Vec<Vec<Vec<u8>>> = Vec::new();
        for step in 0..self.length {
            let i = if self.reverse { self.length - 1 - step } else { step };
            let slices = xs.iter().map(|(aval, bytes)| {
                let row = bytes.len() / self.length;
                let aval = aval.with_shape(aval.shape.remove(&[0]));
                Array::of_bytes(bytes[i * row..(i + 1) * row].to_vec(), aval)
            });
            let args: Vec<Array> = given.consts.iter().chain(&carry).cloned().chain(slices).collect();
            let mut next = run(&self.jaxpr, &args, &format!("at index {i} of the scan"))?;
            let ys = next.split_off(self.carry);
            carry = next;
            stacks.push(ys.iter().map(Array::to_bytes).collect::<Result<_>>()?);
        }
        if self.reverse {
            stacks.reverse();
        }
        let stacked = self.jaxpr.output_avals().skip(self.carry).enumerate().map(|(k, aval)| {
            let bytes = stacks.iter().flat_map(|ys| ys[k].iter().copied()).collect();
            Array::of_bytes(bytes, self.stacked(&aval))
        });
        Ok(carry.into_iter().chain(stacked).collect())
    }
}

impl Primitive for Scan {
    fn name(&self) -> &'static str {
        "scan"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("length", self.length.to_string()),
            ("num_carry", self.carry.to_string()),
            ("num_consts", self.consts.to_string()),
            ("reverse", boolean(self.reverse)),
            ("unroll", self.unroll.to_string()),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let same = |a: &Aval, b: &Aval| a.shape == b.shape && a.dtype == b.dtype;
        if inputs.len() != self.jaxpr.inputs().len() {
            return Err(Error::shape(format!(
                "expected {} operands for the body, got {}",
                self.jaxpr.inputs().len(),
                inputs.len()
            )));
        }
        let own: Vec<Aval> = self.jaxpr.input_avals().cloned().collect();
        let (body, given) = (self.parts(&own), self.parts(inputs));
        for (x, slice) in given.xs.iter().zip(body.xs) {
            if x.rank() == 0 || x.shape[0] != self.length || !same(&x.with_shape(x.shape.remove(&[0])), slice) {
                return Err(Error::shape(format!(
                    "each scanned array must have the leading size {} and slices of type {slice}, got {x}",
                    self.length
                )));
            }
        }
        let next = self.carry_avals();
        if let Some((a, b)) = given.carry.iter().zip(&next).find(|(a, b)| !same(a, b)) {
            return Err(Error::shape(format!(
                "the carry must keep its type from one iteration to the next: the body takes {a}, but returns {b}"
            ))
            .help("convert the new carry with `.astype(…)`, or start from a value of its type"));
        }
        let ys = self.jaxpr.output_avals().skip(self.carry);
        Ok(next.into_iter().chain(ys.map(|a| self.stacked(&a))).collect())
    }

    /// Values and tangents in one loop.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let present = present(dx);
        let (x, dx, has) = (self.parts(x), self.parts(dx), self.parts(&present));
        let (carried, (body, wanted)) = fixpoint(has.carry.to_vec(), |carry| {
            let (body, given) = jvp_jaxpr(&self.jaxpr, &self.mask(&has, carry), carry);
            (given[..self.carry].to_vec(), (body, given))
        });
        let (consts, xs) = (has.consts, has.xs);
        // The jvp program takes primals and then tangents. A scan takes captures, carry and slices.
        let avals: Vec<Aval> = self.jaxpr.input_avals().cloned().collect();
        let own = self.parts(&avals);
        let order: Vec<Aval> = (own.consts.iter().chain(chosen(own.consts, consts)))
            .chain(own.carry.iter().chain(chosen(own.carry, &carried)))
            .chain(own.xs.iter().chain(chosen(own.xs, xs)))
            .cloned()
            .collect();
        let ny = self.jaxpr.outputs().len() - self.carry;
        let (closed, ()) = stage(&order, &INSIDE, |args| {
            let mut rest = args;
            let mut take = |n: usize| {
                let (head, tail) = rest.split_at(n);
                rest = tail;
                head
            };
            let (c, dc) = (take(self.consts), take(count(consts)));
            let (s, ds) = (take(self.carry), take(count(&carried)));
            let (x, dx) = (take(own.xs.len()), take(count(xs)));
            let args: Vec<Array> = [c, s, x, dc, ds, dx].concat();
            let out = eval(&body, &args);
            let (y, dy) = out.split_at(self.carry + ny);
            let (dcarry, dys) = dy.split_at(count(&carried));
            ([&y[..self.carry], dcarry, &y[self.carry..], dys].concat(), ())
        });
        let dcarry = instantiated(x.carry, dx.carry, &carried);
        let operands: Vec<&Array> = (x.consts.iter().chain(dx.consts.iter().flatten()))
            .chain(x.carry.iter().chain(&dcarry))
            .chain(x.xs.iter().chain(dx.xs.iter().flatten()))
            .collect();
        let prim = Scan {
            jaxpr: nested(closed),
            consts: self.consts + count(consts),
            carry: self.carry + dcarry.len(),
            ..self.clone()
        };
        let out = bind(prim, &operands).into_vec();
        let (carry_out, ys) = out.split_at(self.carry + dcarry.len());
        let (ys, dys) = ys.split_at(ny);
        let outputs = [&carry_out[..self.carry], ys].concat();
        let mut dy = carry_out[self.carry..].iter().chain(dys).cloned();
        (outputs, placed(&wanted, &mut dy))
    }

    /// A loop that also saves residuals, and a linear loop over them.
    fn linearize(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let present = present(dx);
        let (x, dx, has) = (self.parts(x), self.parts(dx), self.parts(&present));
        let (carried, split) = fixpoint(has.carry.to_vec(), |carry| {
            let split = linearize_jaxpr(&self.jaxpr, &self.mask(&has, carry));
            (split.nonzero[..self.carry].to_vec(), split)
        });
        let consts = has.consts;
        let outputs = self.jaxpr.outputs().len();
        // Loop-invariant values are computed once, before the loop. They are captured values then and need not be saved.
        let (before, forward) = hoist(&split.forward, self.consts);
        let captured: Vec<Array> = x.consts.iter().cloned().chain(eval(&before, x.consts)).collect();
        let consts_now = captured.len();
        // A residual that is a captured value or a slice of a scanned array need not be saved.
        enum Residual {
            Const(usize),
            Slice(usize),
            Saved(usize),
        }
        let mut saved: Vec<Atom> = Vec::new();
        let residuals: Vec<Residual> = (forward.outputs()[outputs..].iter())
            .map(|atom| {
                let input = atom.var().and_then(|v| forward.inputs().iter().position(|i| *i == v));
                match input {
                    Some(i) if i < consts_now => Residual::Const(i),
                    Some(i) if i >= consts_now + self.carry => Residual::Slice(i - consts_now - self.carry),
                    _ => Residual::Saved(saved.iter().position(|a| a == atom).unwrap_or_else(|| {
                        saved.push(*atom);
                        saved.len() - 1
                    })),
                }
            })
            .collect();
        let results = forward.outputs()[..outputs].iter().chain(&saved).copied().collect();
        let forward = forward.with_outputs(results);
        let operands: Vec<&Array> = captured.iter().chain(x.carry).chain(x.xs).collect();
        let mut y = bind(Scan { jaxpr: Arc::new(forward), consts: consts_now, ..self.clone() }, &operands).into_vec();
        let stacked = y.split_off(outputs);
        // The linear loop: known captures and captured tangents; carry tangents; known slices and slice tangents.
        let n_known = residuals.iter().filter(|r| matches!(r, Residual::Const(_))).count();
        let linear_avals: Vec<Aval> = split.linear.input_avals().cloned().collect();
        let (res_avals, t_avals) = linear_avals.split_at(residuals.len());
        let is_const: Vec<bool> = residuals.iter().map(|r| matches!(r, Residual::Const(_))).collect();
        let is_slice: Vec<bool> = is_const.iter().map(|c| !c).collect();
        let (dc_avals, rest) = t_avals.split_at(count(consts));
        let (ds_avals, dx_avals) = rest.split_at(count(&carried));
        let order: Vec<Aval> = (chosen(res_avals, &is_const).chain(dc_avals))
            .chain(ds_avals)
            .chain(chosen(res_avals, &is_slice).chain(dx_avals))
            .cloned()
            .collect();
        let wanted: Vec<bool> = carried.iter().chain(&split.nonzero[self.carry..]).copied().collect();
        let carry_avals = self.carry_avals();
        let (closed, ()) = stage(&order, &INSIDE, |args| {
            let (known, rest) = args.split_at(n_known);
            let (dc, rest) = rest.split_at(dc_avals.len());
            let (ds, rest) = rest.split_at(ds_avals.len());
            let (slices, dx) = rest.split_at(residuals.len() - n_known);
            let (mut known, mut slices) = (known.iter(), slices.iter());
            let residual = |c: &bool| if *c { known.next() } else { slices.next() };
            let args: Vec<Array> =
                is_const.iter().filter_map(residual).chain(dc).chain(ds).chain(dx).cloned().collect();
            let mut dy = eval(&split.linear, &args).into_iter();
            let all: Vec<Tangent> = placed(&split.nonzero, &mut dy);
            let kept = (all.into_iter().enumerate())
                .filter(|(i, _)| wanted[*i])
                .map(|(i, t)| t.unwrap_or_else(|| crate::ops::zeros(&carry_avals[i].shape, carry_avals[i].dtype)));
            (kept.collect(), ())
        });
        let known: Vec<&Array> = (residuals.iter())
            .filter_map(|r| if let Residual::Const(i) = r { Some(&captured[*i]) } else { None })
            .collect();
        let slices: Vec<&Array> = (residuals.iter())
            .filter_map(|r| match r {
                Residual::Const(_) => None,
                Residual::Slice(i) => Some(&x.xs[*i]),
                Residual::Saved(i) => Some(&stacked[*i]),
            })
            .collect();
        let dcarry = instantiated(x.carry, dx.carry, &carried);
        let operands: Vec<&Array> = (known.into_iter().chain(dx.consts.iter().flatten()))
            .chain(&dcarry)
            .chain(slices.into_iter().chain(dx.xs.iter().flatten()))
            .collect();
        let prim =
            Scan { jaxpr: nested(closed), consts: n_known + dc_avals.len(), carry: dcarry.len(), ..self.clone() };
        let mut dy = bind(prim, &operands).into_iter();
        (y, placed(&wanted, &mut dy))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let ins = self.parts(inputs);
        let own: Vec<Aval> = self.jaxpr.input_avals().cloned().collect();
        let body = self.parts(&own);
        // The body is linear in the whole carry. A part may start from a known value: a tangent that is zero at first. It is
        // treated like the others, and its cotangent is dropped.
        let linear = |x: &[Operand]| x.iter().map(Operand::is_linear).collect::<Vec<_>>();
        let known = |m: &[bool]| m.iter().map(|l| !l).collect::<Vec<_>>();
        let (lin_consts, lin_xs) = (linear(ins.consts), linear(ins.xs));
        let (known_consts, known_xs) = (known(&lin_consts), known(&lin_xs));
        let ys = &ct[self.carry..];
        let has_y = present(ys);
        let y_avals: Vec<Aval> = self.jaxpr.output_avals().skip(self.carry).collect();
        let carry_avals: Vec<Aval> = body.carry.to_vec();
        let zeros = |a: &Aval| crate::ops::zeros(&a.shape, a.dtype);
        // Each backward iteration carries the cotangents of the carry and accumulates those of the captured values.
        let order: Vec<Aval> = (chosen(body.consts, &known_consts))
            .chain(carry_avals.iter().chain(chosen(body.consts, &lin_consts)))
            .chain(chosen(body.xs, &known_xs).chain(chosen(&y_avals, &has_y)))
            .cloned()
            .collect();
        let (closed, ()) = stage(&order, &INSIDE, |args| {
            let (c, rest) = args.split_at(count(&known_consts));
            let (ds, rest) = rest.split_at(carry_avals.len());
            let (sums, rest) = rest.split_at(count(&lin_consts));
            let (x, dy) = rest.split_at(count(&known_xs));
            let (mut c, mut x, mut dy) = (c.iter().cloned(), x.iter().cloned(), dy.iter().cloned());
            let operand =
                |aval: &Aval, known: Option<Array>| known.map_or(Operand::Linear(aval.clone()), Operand::Known);
            let operands: Vec<Operand> = (body.consts.iter().zip(&known_consts))
                .map(|(a, k)| operand(a, if *k { c.next() } else { None }))
                .chain(body.carry.iter().map(|a| operand(a, None)))
                .chain(body.xs.iter().zip(&known_xs).map(|(a, k)| operand(a, if *k { x.next() } else { None })))
                .collect();
            let cts: Vec<Tangent> =
                (ds.iter().cloned().map(Some)).chain(placed::<_, Vec<_>>(&has_y, &mut dy)).collect();
            let back = backward(&self.jaxpr, &operands, &cts);
            let back = self.parts(&back);
            let arrived = |t: &Tangent, a: &Aval| t.clone().unwrap_or_else(|| zeros(a));
            let carry = back.carry.iter().zip(body.carry).map(|(t, a)| arrived(t, a));
            let added = (chosen(back.consts, &lin_consts).zip(sums))
                .map(|(t, s)| t.as_ref().map_or_else(|| s.clone(), |t| s + t));
            let slices = chosen(back.xs, &lin_xs).zip(chosen(body.xs, &lin_xs)).map(|(t, a)| arrived(t, a));
            (carry.chain(added).chain(slices).collect(), ())
        });
        let values = |x: &[Operand]| x.iter().filter_map(Operand::known).cloned().collect::<Vec<_>>();
        let start: Vec<Array> = (ct[..self.carry].iter().zip(&carry_avals))
            .map(|(t, a)| t.clone().unwrap_or_else(|| zeros(a)))
            .chain(chosen(body.consts, &lin_consts).map(zeros))
            .collect();
        let operands: Vec<Array> =
            [values(ins.consts), start, values(ins.xs), ys.iter().flatten().cloned().collect()].concat();
        let prim = Scan {
            jaxpr: nested(closed),
            length: self.length,
            reverse: !self.reverse,
            unroll: self.unroll,
            consts: count(&known_consts),
            carry: carry_avals.len() + count(&lin_consts),
        };
        let mut out = bind(prim, &operands.iter().collect::<Vec<_>>()).into_iter();
        let carry: Vec<Tangent> =
            out.by_ref().take(carry_avals.len()).zip(ins.carry).map(|(ct, c)| c.is_linear().then_some(ct)).collect();
        let consts: Vec<Tangent> = placed(&lin_consts, &mut out);
        [consts, carry, placed(&lin_xs, &mut out)].concat()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let present = present(axes);
        let (at, has) = (self.parts(axes), self.parts(&present));
        let (carried, (body, batched)) = fixpoint(has.carry.to_vec(), |carry| {
            let (body, batched) = batch_jaxpr(&self.jaxpr, &self.mask(&has, carry), size, carry);
            (batched[..self.carry].to_vec(), (body, batched))
        });
        let given = self.parts(x);
        // In scanned arrays the scanned axis stays in front, and the batch axis comes second.
        let moved: Vec<Array> = (given.consts.iter().zip(at.consts))
            .map(|(x, a)| if a.is_some() { batched_in_front(x, *a, size) } else { x.clone() })
            .chain(
                (given.carry.iter().zip(at.carry))
                    .zip(&carried)
                    .map(|((x, a), c)| if *c { batched_in_front(x, *a, size) } else { x.clone() }),
            )
            .chain(given.xs.iter().zip(at.xs).map(|(x, a)| match a {
                Some(axis) => x.moveaxis(*axis as isize, 0).moveaxis(0, 1),
                None => x.clone(),
            }))
            .collect();
        let prim = Scan { jaxpr: body, ..self.clone() };
        let out = rebind(&prim, &moved.iter().collect::<Vec<_>>()).into_vec();
        let axis = |(i, b): (usize, &bool)| b.then_some(usize::from(i >= self.carry));
        (out, batched.iter().enumerate().map(axis).collect())
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let (x, over) = (self.parts(x), self.parts(over));
        let derive = |consts: &[AxisSet]| {
            let (carried, (body, sets)) = vary::fixpoint(over.carry.to_vec(), |carry| {
                let (body, sets) = vary_jaxpr(&self.jaxpr, &[consts, carry, over.xs].concat(), carry, mesh);
                (sets[..self.carry].to_vec(), (body, sets))
            });
            (carried, body, sets)
        };
        // A captured value that meets varying values is copied before the loop, not in each iteration, so that its
        // cotangent is summed over the devices once, after the loop.
        let first = derive(over.consts);
        let consts: Vec<AxisSet> =
            over.consts.iter().enumerate().map(|(i, set)| union([set, &copied_in(&first.1, i)])).collect();
        let found = if consts == over.consts { first } else { derive(&consts) };
        let (carried, body, sets) = found;
        let copied = |x: &[Array], over: &[AxisSet], wanted: &[AxisSet]| -> Vec<Array> {
            x.iter().zip(over).zip(wanted).map(|((x, over), wanted)| varying(x, over, wanted, mesh)).collect()
        };
        let consts = copied(x.consts, over.consts, &consts);
        let carry = copied(x.carry, over.carry, &carried);
        let operands: Vec<&Array> = consts.iter().chain(&carry).chain(x.xs).collect();
        Some((bind(Scan { jaxpr: body, ..self.clone() }, &operands).into_vec(), sets))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let given = self.parts(args);
        if self.length == 0 {
            let stacks = outs[self.carry..].iter().map(|a| cx.splat(a, Literal::int(a.dtype, 0)));
            return given.carry.iter().cloned().chain(stacks).collect();
        }
        let index = Aval::new(DType::I32, ());
        let number = |cx: &mut Lowering<'_>, n: usize| cx.splat(&index, Literal::int(DType::I32, n as i64));
        let stacks: Vec<Value> = outs[self.carry..].iter().map(|a| cx.splat(a, Literal::int(a.dtype, 0))).collect();
        let zero = number(cx, 0);
        let mut state: Vec<Value> = [std::slice::from_ref(&zero), given.carry, &stacks].concat();
        let (unroll, xs_avals) = (self.unroll.max(1), self.parts(inputs).xs);
        let turns = self.length / unroll;
        // A loop of one iteration would only hide its body from the compiler.
        if turns > 1 {
            let going = |cx: &mut Lowering<'_>, state: &[Value]| {
                let end = number(cx, turns * unroll);
                let lt = [
                    ("compare_type", Attr::Static("#stablehlo<comparison_type SIGNED>")),
                    ("comparison_direction", Attr::Static("#stablehlo<comparison_direction LT>")),
                ];
                cx.op("stablehlo.compare", &[state[0].clone(), end], &lt, &index.with_dtype(DType::Bool))
            };
            let turn = |cx: &mut Lowering<'_>, state: &[Value]| {
                let step = |state: Vec<Value>, _| self.lower_step(cx, &given, xs_avals, &outs[self.carry..], &state);
                (0..unroll).fold(state.to_vec(), step)
            };
            state = cx.while_loop(&state, going, turn).into_vec();
        }
        let rest = if turns > 1 { self.length - turns * unroll } else { self.length };
        for _ in 0..rest {
            state = self.lower_step(cx, &given, xs_avals, &outs[self.carry..], &state);
        }
        state.into_iter().skip(1).collect()
    }

    fn interpret(&self, inputs: &[Array], run: &mut RunProgram<'_>) -> Option<Result<Vec<Array>>> {
        Some(self.run_steps(inputs, run))
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }

    fn is_loop(&self) -> bool {
        true
    }
}
