//! Loops. One with a known number of iterations becomes a `scan`: arrays that it reads one row after the other are scanned
//! arrays, and arrays that it fills one row after the other are stacked results, as in the function that it was.

use std::sync::Arc;

use stablehlo::read::{Op, Region, Value};

use super::primitives as p;
use crate::array::aval::{Aval, Shape};
use crate::array::handle::FrameId;
use crate::array::literal::Literal;
use crate::array::memory::{HostBytes, Owned};
use crate::array::{Array, Repr};
use crate::control::scan::Scan;
use crate::control::while_loop::While;
use crate::error::Result;
use crate::ir::jaxpr::{Atom, Closed, Eqn, Jaxpr, Var};
use crate::trace::frames::{bind, bind1};
use crate::transform::dce::dce;

use super::value::{Known, Val};
use super::{Reader, Required, Scope, Vals, malformed};

/// More indices than this are counted by the loop instead of being stored in an array.
const STORED_INDICES: i64 = 1 << 20;

/// A loop with a known number of iterations, while its body is read.
pub(super) struct Loop {
    frame: FrameId,
    /// The first and the last value of the counter.
    range: (i64, i64),
    /// The arrays of which each iteration reads one row.
    slices: Vec<Slice>,
    /// The arrays of which each iteration writes one row.
    updates: Vec<Update>,
}

struct Slice {
    /// Stands for the row while the body is read.
    placeholder: Array,
    /// The rows in order.
    rows: Array,
    /// Whether the first iteration reads the last row.
    reverse: bool,
}

struct Update {
    /// The array that is written to, and the result.
    before: Var,
    after: Var,
    row: Array,
    reverse: bool,
}

/// How a loop counts.
struct Count {
    /// The counter's place in the carry.
    slot: usize,
    start: i64,
    step: i64,
    iterations: usize,
}

impl<'p> Reader<'p> {
    pub(super) fn while_loop(&mut self, scope: &mut Scope<'p>, op: &'p Op, init: &[Val]) -> Vals {
        let [cond, body] = &op.regions[..] else { return Err(malformed("a loop has two regions")) };
        let next = match body.ops.last() {
            Some(end) if end.operands.len() == init.len() && body.params.len() == init.len() => &end.operands,
            _ => return Err(malformed("the body of a loop must return its carry")),
        };
        // What no iteration changes is captured.
        let fixed: Vec<bool> = body.params.into_iter().zip(next).map(|(param, next)| param == *next).collect();
        let moving: Vec<usize> = (0..init.len()).filter(|i| !fixed[*i]).collect();
        let avals: Vec<Aval> = moving.iter().map(|i| init[*i].aval()).collect();
        let with_carry = |args: &[Array]| {
            let mut all = init.to_vec();
            for (i, arg) in moving.iter().zip(args) {
                all[*i] = Val::new(arg.clone());
            }
            all
        };
        let going = self.staged(&avals, "inside a loop", |reader, args| {
            let results = reader.region(scope, cond, &with_carry(args))?;
            Ok(results.iter().map(Val::full).collect())
        })?;
        let going = Closed { jaxpr: Arc::new(dce(&going.jaxpr, true).0), captures: going.captures };
        let count = limit(&going).and_then(|(input, limit)| {
            let slot = moving[input];
            let (start, step) = (init[slot].integer()?, self.step(scope, body, slot)?);
            let distance = (i128::from(limit) - i128::from(start)).max(0);
            let iterations = (distance + i128::from(step) - 1) / i128::from(step);
            let iterations = usize::try_from(i32::try_from(iterations).ok()?).ok()?;
            Some(Count { slot, start, step, iterations })
        });
        if let Some(count) = count {
            let results = self.counted_loop(scope, body, init, &moving, &count)?;
            return Ok((0..init.len()).map(|i| results[i].clone().unwrap_or_else(|| init[i].clone())).collect());
        }
        let body = self.staged(&avals, "inside a loop", |reader, args| {
            let results = reader.region(scope, body, &with_carry(args))?;
            Ok(moving.iter().map(|i| results[*i].full()).collect())
        })?;
        let prim = While {
            cond_consts: going.captures.len(),
            body_consts: body.captures.len(),
            cond: going.jaxpr,
            body: Arc::new(dce(&body.jaxpr, true).0),
        };
        let start: Vec<Array> = moving.iter().map(|i| init[*i].full()).collect();
        let operands: Vec<&Array> = going.captures.iter().chain(&body.captures).chain(&start).collect();
        let mut results = init.to_vec();
        for (i, result) in moving.iter().zip(bind(prim, &operands)) {
            results[*i] = Val::new(result);
        }
        Ok(results)
    }

    /// The positive constant that an iteration adds to a part of the carry.
    fn step(&self, scope: &Scope<'p>, body: &'p Region, slot: usize) -> Option<i64> {
        let result = *body.ops.last()?.operands.get(slot)?;
        let found = |value: Value| body.ops.iter().find(|op| op.results.into_iter().any(|v| v == value));
        // TensorFlow writes reshapes to the same shape around what a function returns.
        let define = |value: Value| match found(value) {
            Some(op) if &*op.name == "stablehlo.reshape" => found(*op.operands.first()?),
            op => op,
        };
        let add = define(result)?;
        let constant = |value: Value| match define(value) {
            Some(op) if &*op.name == "stablehlo.constant" => match op.attributes.get("value")? {
                stablehlo::read::Attr::Dense(dense) => dense.ints()?.first().copied(),
                _ => None,
            },
            Some(_) => None,
            None => scope.get(value).ok()?.integer(),
        };
        let [a, b] = add.operands[..] else { return None };
        let param = body.params.get(slot)?;
        let step = match &*add.name {
            "stablehlo.add" if a == param => constant(b),
            "stablehlo.add" if b == param => constant(a),
            _ => None,
        };
        step.filter(|step| *step > 0)
    }

    /// Reads a loop with a known number of iterations. Returns the values that it changes.
    fn counted_loop(
        &mut self,
        scope: &mut Scope<'p>,
        body: &'p Region,
        init: &[Val],
        moving: &[usize],
        count: &Count,
    ) -> Result<Vec<Option<Val>>> {
        let Count { slot, start, step, iterations } = *count;
        let mut results: Vec<Option<Val>> = vec![None; init.len()];
        if iterations == 0 {
            return Ok(results);
        }
        let last = start + step * (iterations as i64 - 1);
        let avals: Vec<Aval> = moving.iter().map(|i| init[*i].aval()).collect();
        let mut found = None;
        let closed = self.staged(&avals, "inside a loop", |reader, args| {
            let frame = args.first().and_then(Array::traced).map_or(FrameId::NONE, |traced| traced.frame);
            reader.loops.push(Loop { frame, range: (start, last), slices: Vec::new(), updates: Vec::new() });
            let mut carry = init.to_vec();
            for (i, arg) in moving.iter().zip(args) {
                carry[*i] = Val::new(arg.clone());
                if *i == slot && step == 1 {
                    carry[*i].known = Known::Counter { frame, scale: 1, offset: 0 };
                }
            }
            let next = reader.region(scope, body, &carry);
            let own = reader.loops.pop();
            let next: Vec<Array> = next?.iter().map(Val::full).collect();
            let own = own.ok_or_else(|| malformed("a loop that has no body"))?;
            let outputs = moving.iter().map(|i| next[*i].clone()).chain(own.updates.iter().map(|u| u.row.clone()));
            let outputs = outputs.collect();
            found = Some(own);
            Ok(outputs)
        })?;
        let own = found.ok_or_else(|| malformed("a loop that has no body"))?;
        let scan = Assembly::new(&closed, &own, moving, count).scan();
        let Assembled { scan, order, consts, stacked } = scan;
        let mut operands = consts;
        operands.extend(order.carry.iter().map(|i| init[*i].full()));
        if order.indices {
            operands.push(indices(init[slot].aval().dtype, count, scan.reverse));
        }
        operands.extend(order.slices.iter().map(|i| {
            let Slice { rows, reverse, .. } = &own.slices[*i];
            if *reverse == scan.reverse { rows.clone() } else { bind1(p::Rev { dims: vec![0] }, &[rows]) }
        }));
        let reverse = scan.reverse;
        let mut out = bind(scan, &operands.iter().collect::<Vec<_>>()).into_iter();
        for (i, result) in order.carry.iter().zip(out.by_ref()) {
            results[*i] = Some(Val::new(result));
        }
        for ((i, update), result) in stacked.iter().zip(out) {
            let reversed = own.updates[*update].reverse != reverse;
            let result = if reversed { bind1(p::Rev { dims: vec![0] }, &[&result]) } else { result };
            results[*i] = Some(Val::new(result));
        }
        let end = Literal::int(init[slot].dtype(), last + step);
        results[slot] = Some(Val::splat(Array::literal(end), &Shape::default()));
        Ok(results)
    }

    /// The least and the greatest value of an integer, if it is known or depends on a loop's counter alone.
    pub(super) fn range(&self, x: &Val) -> Option<(i64, i64)> {
        match &x.known {
            Known::Counter { frame, scale, offset } => {
                let own = self.loops.iter().find(|l| l.frame == *frame)?;
                let at = |counter: i64| scale.checked_mul(counter)?.checked_add(*offset);
                let (a, b) = (at(own.range.0)?, at(own.range.1)?);
                Some((a.min(b), a.max(b)))
            }
            _ => x.integer().map(|x| (x, x)),
        }
    }

    /// The result of a comparison or choice that the range of a loop's counter decides.
    pub(super) fn decided(&self, name: &str, op: &Op, x: &[Val]) -> Option<Val> {
        let counts = |v: &Val| matches!(v.known, Known::Counter { .. });
        if !x.iter().any(counts) {
            return None;
        }
        let ranges: Vec<(i64, i64)> = x.iter().map(|v| self.range(v)).collect::<Option<_>>()?;
        match (name, &ranges[..], x) {
            ("compare", [a, b], _) => {
                let decide = |yes: bool, no: bool| if yes || no { Some(yes) } else { None };
                let flag = match op.attributes.keyword("comparison_direction")? {
                    "LT" => decide(a.1 < b.0, a.0 >= b.1),
                    "LE" => decide(a.1 <= b.0, a.0 > b.1),
                    "GT" => decide(a.0 > b.1, a.1 <= b.0),
                    "GE" => decide(a.0 >= b.1, a.1 < b.0),
                    _ => None,
                }?;
                let flag = Literal::new(crate::array::dtype::DType::Bool, crate::array::literal::Scalar::Bool(flag));
                Some(Val::splat(Array::literal(flag), &x[0].shape))
            }
            ("maximum", [a, b], [x, y]) if a.0 >= b.1 || b.0 >= a.1 => Some(if a.0 >= b.1 { x } else { y }.clone()),
            ("minimum", [a, b], [x, y]) if a.1 <= b.0 || b.1 <= a.0 => Some(if a.1 <= b.0 { x } else { y }.clone()),
            ("clamp", [lo, z, hi], [_, x, _]) if z.0 >= lo.1 && z.1 <= hi.0 => Some(x.clone()),
            _ => None,
        }
    }

    /// If `starts` are the place of one row after the other of an array with this shape, in the innermost loop that it
    /// depends on: the number of the loop, the first row, the number of rows, and whether it starts from the last.
    fn rows(&self, shape: &[usize], sizes: &[usize], starts: &[Val]) -> Option<(usize, usize, usize, bool)> {
        let ([rows, rest @ ..], [1, inner @ ..], [first, others @ ..]) = (shape, sizes, starts) else { return None };
        if rest != inner || !others.iter().all(|start| start.integer() == Some(0)) {
            return None;
        }
        let Known::Counter { frame, scale, .. } = &first.known else { return None };
        let own = self.loops.iter().position(|l| l.frame == *frame)?;
        let (low, high) = self.range(first)?;
        if !matches!(scale, 1 | -1) || low < 0 || high >= i64::try_from(*rows).ok()? {
            return None;
        }
        Some((own, low as usize, (high - low + 1) as usize, *scale < 0))
    }

    pub(super) fn dynamic_slice(&mut self, op: &Op, x: &[Val]) -> Result<Val> {
        let Some((array, starts)) = x.split_first() else { return Err(malformed("a slice has an operand")) };
        let sizes = op.attributes.axes("slice_sizes")?;
        if sizes.len() != array.shape.rank() || sizes.iter().zip(array.shape.iter()).any(|(n, m)| n > m) {
            return Err(malformed(format!("slices of the shape {sizes:?} of {}", array.aval())));
        }
        if array.is_splat() {
            return Ok(Val::splat(array.x.clone(), &Shape::new(&sizes)));
        }
        if let Some((own, low, n, reverse)) = self.rows(&array.shape, &sizes, starts)
            && self.outside(&array.x, own)
        {
            let aval = Aval::new(array.dtype(), Shape::new(&sizes[1..]));
            // Nothing reads it.
            let placeholder = Array::from_host(HostBytes(Arc::new(Owned(Vec::<u8>::new()))), aval);
            let rows = if n == array.shape[0] { array.x.clone() } else { array.x.slice_axis(0, low, low + n) };
            self.loops[own].slices.push(Slice { placeholder: placeholder.clone(), rows, reverse });
            let row = bind1(p::Reshape { shape: Shape::new(&sizes) }, &[&placeholder]);
            return Ok(Val::with(row, Known::Row(placeholder)));
        }
        let operands: Vec<Array> = x.iter().map(Val::full).collect();
        Ok(Val::new(bind1(p::DynamicSlice { slice_sizes: sizes }, &operands.iter().collect::<Vec<_>>())))
    }

    /// Whether an array does not depend on a loop, nor on those inside it.
    fn outside(&self, x: &Array, own: usize) -> bool {
        match &x.0 {
            Repr::Scalar(_) => false,
            // A placeholder is a row that depends on its loop.
            Repr::Concrete(concrete) => {
                !self.loops.iter().flat_map(|l| &l.slices).any(|slice| match &slice.placeholder.0 {
                    Repr::Concrete(other) => Arc::ptr_eq(concrete, other),
                    _ => false,
                })
            }
            // Frames are numbered in the order in which they are opened.
            Repr::Traced(traced) => traced.frame.0 < self.loops[own].frame.0,
        }
    }

    pub(super) fn dynamic_update_slice(&mut self, x: &[Val]) -> Result<Val> {
        let [array, update, starts @ ..] = x else { return Err(malformed("an update has two operands")) };
        let operands: Vec<Array> = x.iter().map(Val::full).collect();
        let y = bind1(p::DynamicUpdateSlice, &operands.iter().collect::<Vec<_>>());
        if let Some((own, _, n, reverse)) = self.rows(&array.shape, &update.shape, starts)
            && n == array.shape[0]
            && let (Some(before), Some(after)) = (array.x.traced(), y.traced())
            && before.frame == self.loops[own].frame
            && after.frame == before.frame
        {
            let row = match &update.known {
                Known::Row(row) if row.ndim() + 1 == update.shape.rank() => row.clone(),
                _ => update.full().reshape(&update.shape[1..]),
            };
            self.loops[own].updates.push(Update { before: before.var, after: after.var, row, reverse });
        }
        Ok(Val::new(y))
    }
}

/// If a condition is that a part of the carry is less than a constant: the part, and the least value that is not.
fn limit(going: &Closed) -> Option<(usize, i64)> {
    let jaxpr = &going.jaxpr;
    let ([eqn], [output], true) = (jaxpr.eqns(), jaxpr.outputs(), going.captures.is_empty()) else { return None };
    if output.var()? != eqn.outputs[0] {
        return None;
    }
    let (prim, [a, b]) = (eqn.prim.as_any(), &eqn.inputs[..]) else { return None };
    let number = |atom: &Atom| {
        let value = Val::splat(Array::literal(atom.literal()?), &Shape::default());
        value.integer()
    };
    let (var, limit) = match () {
        () if prim.is::<p::Lt>() => (a.var()?, number(b)?),
        () if prim.is::<p::Le>() => (a.var()?, number(b)?.checked_add(1)?),
        () if prim.is::<p::Gt>() => (b.var()?, number(a)?),
        () if prim.is::<p::Ge>() => (b.var()?, number(a)?.checked_add(1)?),
        () => return None,
    };
    Some((jaxpr.inputs().iter().position(|input| *input == var)?, limit))
}

/// The values of the counter, in the order in which a scan reads them.
fn indices(dtype: crate::array::dtype::DType, count: &Count, reverse: bool) -> Array {
    let shape = Shape::new(&[count.iterations]);
    let number = |x: i64| Array::literal(Literal::int(dtype, x));
    let mut x = bind1(p::Iota { dtype, shape, dimension: 0 }, &[]);
    if reverse {
        x = bind1(p::Rev { dims: vec![0] }, &[&x]);
    }
    if count.step != 1 {
        x = bind1(p::Mul, &[&x, &number(count.step)]);
    }
    if count.start != 0 {
        x = bind1(p::Add, &[&x, &number(count.start)]);
    }
    x
}

/// The operands of a scan.
struct Order {
    /// The places in the carry of the loop that are carried.
    carry: Vec<usize>,
    /// Whether the counter is a scanned array.
    indices: bool,
    /// The slices that are scanned arrays.
    slices: Vec<usize>,
}

/// Makes the body of a scan from that of a loop.
struct Assembly<'a> {
    closed: &'a Closed,
    own: &'a Loop,
    moving: &'a [usize],
    count: &'a Count,
}

struct Assembled {
    scan: Scan,
    order: Order,
    consts: Vec<Array>,
    /// For each stacked result: its place in the carry of the loop, and the update.
    stacked: Vec<(usize, usize)>,
}

impl<'a> Assembly<'a> {
    fn new(closed: &'a Closed, own: &'a Loop, moving: &'a [usize], count: &'a Count) -> Assembly<'a> {
        Assembly { closed, own, moving, count }
    }

    fn scan(&self) -> Assembled {
        let (jaxpr, captures) = (&self.closed.jaxpr, &self.closed.captures);
        let (captured, args) = jaxpr.inputs().split_at(captures.len());
        // Which slice a captured array stands for.
        let stands_for = |capture: &Array| {
            self.own.slices.iter().position(|slice| match (&slice.placeholder.0, &capture.0) {
                (Repr::Concrete(a), Repr::Concrete(b)) => Arc::ptr_eq(a, b),
                _ => false,
            })
        };
        let slices: Vec<(usize, Var)> =
            (captures.iter().zip(captured)).filter_map(|(capture, var)| Some((stands_for(capture)?, *var))).collect();
        let consts: Vec<(&Array, Var)> = (captures.iter().zip(captured.iter().copied()))
            .filter(|(capture, _)| stands_for(capture).is_none())
            .collect();
        // Candidates for stacked results: an array that is written to and returned.
        let results = jaxpr.outputs();
        let mut stacked: Vec<(usize, usize)> = (0..self.moving.len())
            .filter_map(|k| {
                let after = results[k].var()?;
                let update = |u: &Update| u.after == after && u.before == args[k];
                Some((k, self.own.updates.iter().position(update)?))
            })
            .collect();
        let counter = self.moving.iter().position(|i| *i == self.count.slot);
        let reverses: Vec<bool> = (slices.iter().map(|(i, _)| self.own.slices[*i].reverse))
            .chain(stacked.iter().map(|(_, u)| self.own.updates[*u].reverse))
            .collect();
        let reverse = !reverses.is_empty() && reverses.iter().all(|r| *r);
        loop {
            let is_stacked = |k: usize| stacked.iter().any(|(i, _)| *i == k);
            let few = self.count.iterations as i64 <= STORED_INDICES;
            let carry: Vec<usize> =
                (0..self.moving.len()).filter(|k| !is_stacked(*k) && (!few || Some(*k) != counter)).collect();
            let own = carry.iter().map(|k| results[*k]);
            let rows = stacked.iter().map(|(_, u)| results[self.moving.len() + *u]);
            let outputs: Vec<Atom> = own.chain(rows).collect();
            let mut inputs: Vec<Var> = consts.iter().map(|(_, var)| *var).collect();
            inputs.extend(carry.iter().map(|k| args[*k]));
            let indices = counter.filter(|_| few).map(|k| args[k]);
            inputs.extend(indices);
            inputs.extend(slices.iter().map(|(_, var)| *var));
            // What else is an input of the body must not be used: arrays that are only written to.
            let others: Vec<Var> = stacked.iter().map(|(k, _)| args[*k]).collect();
            inputs.extend(&others);
            let whole = Jaxpr::new(jaxpr.avals().to_vec(), inputs.clone(), jaxpr.eqns().to_vec(), outputs);
            let used = dce(&whole, false).1;
            let read: Vec<usize> = (0..others.len()).filter(|i| used[inputs.len() - others.len() + i]).collect();
            if !read.is_empty() {
                let mut place = 0;
                stacked.retain(|_| {
                    place += 1;
                    !read.contains(&(place - 1))
                });
                continue;
            }
            inputs.truncate(inputs.len() - others.len());
            // An index that nothing reads is not counted.
            let at = consts.len() + carry.len();
            let counted = indices.is_some() && used[at];
            if indices.is_some() && !counted {
                inputs.remove(at);
            }
            let (avals, eqns) =
                (jaxpr.avals().to_vec(), self.without(jaxpr.eqns(), &others, indices.filter(|_| !counted)));
            let outputs = whole.outputs().to_vec();
            let body = dce(&Jaxpr::new(avals, inputs, eqns, outputs), true).0;
            let order = Order {
                carry: carry.iter().map(|k| self.moving[*k]).collect(),
                indices: counted,
                slices: slices.iter().map(|(i, _)| *i).collect(),
            };
            let scan = Scan {
                jaxpr: Arc::new(body),
                length: self.count.iterations,
                reverse,
                unroll: 1,
                consts: consts.len(),
                carry: order.carry.len(),
            };
            let stacked = stacked.iter().map(|(k, u)| (self.moving[*k], *u)).collect();
            return Assembled { scan, order, consts: consts.iter().map(|(c, _)| (*c).clone()).collect(), stacked };
        }
    }

    /// The equations that do not read, not even by way of others, what is no longer there.
    fn without(&self, eqns: &[Eqn], gone: &[Var], more: Option<Var>) -> Vec<Eqn> {
        let mut gone: std::collections::HashSet<Var> = gone.iter().copied().chain(more).collect();
        let mut kept = Vec::with_capacity(eqns.len());
        for eqn in eqns {
            if eqn.inputs.iter().filter_map(|a| a.var()).any(|v| gone.contains(&v)) {
                gone.extend(eqn.outputs.iter().copied());
            } else {
                kept.push(eqn.clone());
            }
        }
        kept
    }
}
