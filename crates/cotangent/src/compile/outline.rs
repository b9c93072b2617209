//! Turns blocks of elementwise equations that a large program repeats, such as the steps of an unrolled loop, into
//! functions. The compiler's passes then see each block once. Their time grows faster than linearly in the size of a
//! program.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::ir::effects::Effects;
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr, Var};

use crate::control::call::Call;

/// A program with fewer equations is compiled as it is.
const LARGE: usize = 1_000;
/// The approximate number of equations in a block, unless one period of the program is longer. Nothing is fused across
/// the border of a block, so it must not be short.
const BLOCK: usize = 200;
/// The number of successive equations that must match earlier ones before the program counts as repeating.
const WINDOW: usize = 16;

/// The program with its repeated blocks as functions, if there are any. The functions that it calls are outlined as
/// well.
pub(crate) fn outline(jaxpr: &Jaxpr) -> Option<Jaxpr> {
    let mut calls = FxHashMap::default();
    if jaxpr.size() < LARGE { None } else { outlined(jaxpr, &mut calls) }
}

/// The outlined functions, by the address of the original in the program, which keeps it alive.
type Functions = FxHashMap<*const Jaxpr, Option<Arc<Jaxpr>>>;

fn outlined(jaxpr: &Jaxpr, functions: &mut Functions) -> Option<Jaxpr> {
    let mut blocks = repeated(jaxpr);
    let mut changed = !blocks.is_empty();
    let (mut eqns, mut at) = (Vec::with_capacity(jaxpr.eqns().len()), 0);
    while let Some(eqn) = jaxpr.eqns().get(at) {
        if let Some((end, call)) = blocks.remove(&at) {
            eqns.push(call);
            at = end;
            continue;
        }
        at += 1;
        let call = eqn.prim.as_any().downcast_ref::<Call>();
        let function = call.and_then(|call| {
            let known = functions.get(&Arc::as_ptr(&call.jaxpr)).cloned();
            known.unwrap_or_else(|| {
                let function = outlined(&call.jaxpr, functions).map(Arc::new);
                functions.insert(Arc::as_ptr(&call.jaxpr), function.clone());
                function
            })
        });
        match (call, function) {
            (Some(call), Some(function)) => {
                changed = true;
                eqns.push(Eqn { prim: Arc::new(call.with(function)), ..eqn.clone() });
            }
            _ => eqns.push(eqn.clone()),
        }
    }
    changed.then(|| Jaxpr::new(jaxpr.avals().to_vec(), jaxpr.inputs().to_vec(), eqns, jaxpr.outputs().to_vec()))
}

/// The blocks that become calls: for the index of each block's first equation, the index after its last one, and the
/// call.
fn repeated(jaxpr: &Jaxpr) -> FxHashMap<usize, (usize, Eqn)> {
    if jaxpr.eqns().len() < LARGE {
        return FxHashMap::default();
    }
    let last_use = last_uses(jaxpr);
    let ranges = periodic(&kinds(jaxpr)).into_iter().flat_map(Periodic::blocks);
    let blocks: Vec<Block> = ranges.map(|range| Block::of(jaxpr, range, &last_use)).collect();
    let mut alike: Vec<Vec<&Block>> = Vec::new();
    for block in &blocks {
        match alike.iter_mut().find(|group| group[0].body == block.body) {
            Some(group) => group.push(block),
            None => alike.push(vec![block]),
        }
    }
    let mut calls = FxHashMap::default();
    for group in alike.iter().filter(|group| group.len() > 1) {
        let body = Arc::new(shared(group));
        if !runs_well(&body) {
            // Outlining only some of the blocks would be worse than none: each of these results would then be one large
            // kernel.
            return FxHashMap::default();
        }
        calls.extend(group.iter().map(|b| (b.range.start, (b.range.end, b.call(jaxpr, &body)))));
    }
    calls
}

/// Whether a function does no more work than its equations. Each of its results is a kernel that computes all the
/// equations that lead to it, so two results that share equations compute them twice.
fn runs_well(body: &Jaxpr) -> bool {
    let mut fused = vec![0usize; body.avals().len()];
    for eqn in body.eqns() {
        let operands = eqn.inputs.iter().filter_map(|a| a.var()).map(|v| fused[v.index()]);
        let all = operands.fold(1, usize::saturating_add);
        eqn.outputs.iter().for_each(|out| fused[out.index()] = all);
    }
    let results = body.outputs().iter().filter_map(|a| a.var()).map(|v| fused[v.index()].min(body.eqns().len()));
    results.sum::<usize>() <= 2 * body.eqns().len()
}

/// For each variable, the index of the last equation that uses it. Results of the program count as used after the last
/// equation.
fn last_uses(jaxpr: &Jaxpr) -> Vec<usize> {
    let mut last = vec![0; jaxpr.avals().len()];
    for (i, eqn) in jaxpr.eqns().iter().enumerate() {
        for var in eqn.inputs.iter().filter_map(|a| a.var()) {
            last[var.index()] = i;
        }
    }
    for var in jaxpr.outputs().iter().filter_map(|a| a.var()) {
        last[var.index()] = usize::MAX;
    }
    last
}

/// A hash of each equation without its operands, except for their types. Equations that are not elementwise match no
/// other: the compiler writes a kernel for them at each call, so a function saves nothing.
fn kinds(jaxpr: &Jaxpr) -> Vec<u64> {
    let kind = |(i, eqn): (usize, &Eqn)| {
        let mut h = FxHasher::default();
        eqn.prim.hash(&mut h);
        if !is_elementwise(jaxpr, eqn, true) {
            i.hash(&mut h);
        }
        for atom in &eqn.inputs {
            match atom {
                Atom::Var(var) => jaxpr.avals()[var.index()].hash(&mut h),
                Atom::Lit(literal) => literal.aval().dtype.hash(&mut h),
            }
        }
        h.finish()
    };
    jaxpr.eqns().iter().enumerate().map(kind).collect()
}

/// Whether an equation is elementwise, judging by types: one result, of the shape of the operands that are not scalars.
/// `spread` allows operands with sizes of one.
pub(crate) fn is_elementwise(jaxpr: &Jaxpr, eqn: &Eqn, spread: bool) -> bool {
    let [out] = eqn.outputs[..] else { return false };
    let shape = &jaxpr.avals()[out.index()].shape;
    let fits = |atom: &Atom| match atom {
        Atom::Var(var) => {
            let operand = &jaxpr.avals()[var.index()].shape;
            let size = |(n, to): (&usize, &usize)| n == to || (spread && *n == 1);
            operand.rank() == 0 || (operand.rank() == shape.rank() && operand.iter().zip(shape.iter()).all(size))
        }
        Atom::Lit(_) => true,
    };
    eqn.prim.effects() == Effects::NONE && eqn.prim.jaxprs().is_empty() && eqn.inputs.iter().all(fits)
}

/// A range of equations, each of which matches the one a period before it.
struct Periodic {
    range: Range<usize>,
    period: usize,
}

impl Periodic {
    /// Cuts the range into blocks of whole periods. A remainder at its end belongs to no block.
    fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let periods = self.range.len() / self.period;
        // At least two blocks, each as long as wanted if the range is long enough.
        let size = self.period * BLOCK.div_ceil(self.period).min(periods / 2).max(1);
        let start = self.range.start;
        let count = if size < BLOCK / 2 { 0 } else { self.range.len() / size };
        (0..count).map(move |i| start + i * size..start + (i + 1) * size)
    }
}

/// The ranges that repeat themselves, in order and without overlap.
fn periodic(kinds: &[u64]) -> Vec<Periodic> {
    let mut found: Vec<Periodic> = Vec::new();
    let mut close = |run: &Periodic| {
        let start = found.last().map_or(0, |f| f.range.end).max(run.range.start);
        if run.period > 0 && run.range.end.saturating_sub(start) >= 2 * run.period {
            found.push(Periodic { range: start..run.range.end, period: run.period });
        }
    };
    let mut last: FxHashMap<u64, usize> = FxHashMap::default();
    let mut run = Periodic { range: 0..0, period: 0 };
    for (i, window) in kinds.windows(WINDOW).enumerate() {
        let mut h = FxHasher::default();
        window.hash(&mut h);
        let period = last.insert(h.finish(), i).map_or(0, |before| i - before);
        if period == run.period {
            run.range.end = i + WINDOW;
        } else {
            close(&run);
            run = Periodic { range: i - period..i + WINDOW, period };
        }
    }
    close(&run);
    found
}

/// A part of a program as a separate program, whose arguments are all values that it takes from outside, including
/// scalars. Blocks that compute the same have equal bodies.
struct Block {
    range: Range<usize>,
    body: Arc<Jaxpr>,
    /// For each variable of the body, the atom of the program that it stands for.
    atoms: Vec<Atom>,
    /// For each variable of the body, whether it is used after the block.
    leaves: Vec<bool>,
}

impl Block {
    fn of(jaxpr: &Jaxpr, range: Range<usize>, last_use: &[usize]) -> Block {
        let mut block = Block { range: range.clone(), body: Arc::default(), atoms: Vec::new(), leaves: Vec::new() };
        let mut names: FxHashMap<Var, Var> = FxHashMap::default();
        let (mut avals, mut params, mut eqns) = (Vec::new(), Vec::new(), Vec::with_capacity(range.len()));
        let mut define = |atom: Atom, aval: Aval, leaves: bool| {
            avals.push(aval);
            block.atoms.push(atom);
            block.leaves.push(leaves);
            Var(avals.len() as u32 - 1)
        };
        for eqn in &jaxpr.eqns()[range.clone()] {
            let mut operand = |atom: &Atom| {
                let known = atom.var().and_then(|var| names.get(&var).copied());
                Atom::Var(known.unwrap_or_else(|| {
                    let param = define(*atom, jaxpr.aval(atom), false);
                    params.push(param);
                    names.extend(atom.var().map(|var| (var, param)));
                    param
                }))
            };
            let inputs = eqn.inputs.iter().map(&mut operand).collect();
            let mut result = |var: &Var| {
                let own =
                    define(Atom::Var(*var), jaxpr.avals()[var.index()].clone(), last_use[var.index()] >= range.end);
                names.insert(*var, own);
                own
            };
            let outputs: SmallVec<[Var; 1]> = eqn.outputs.iter().map(&mut result).collect();
            eqns.push(Eqn { prim: eqn.prim.clone(), inputs, outputs, loc: eqn.loc });
        }
        block.body = Arc::new(Jaxpr::new(avals, params, eqns, Vec::new()));
        block
    }

    fn literal(&self, var: Var) -> Option<Literal> {
        self.atoms[var.index()].literal()
    }

    /// The block as one equation: a call of `body`, with the block's own variables as arguments and results.
    fn call(&self, jaxpr: &Jaxpr, body: &Arc<Jaxpr>) -> Eqn {
        let atom = |var: &Var| self.atoms[var.index()];
        let prim = Call { inlined: false, ..Call::new("block".into(), body.clone()) };
        Eqn {
            prim: Arc::new(prim),
            inputs: body.inputs().iter().map(atom).collect(),
            outputs: body.outputs().iter().filter_map(|a| a.var()).filter_map(|v| atom(&v).var()).collect(),
            loc: jaxpr.eqns()[self.range.start].loc,
        }
    }
}

/// The common body of blocks that compute the same. Scalars that are equal in all of them are literals of the body. Its
/// results are all values that any of the blocks needs.
fn shared(group: &[&Block]) -> Jaxpr {
    let (first, rest) = (group[0], &group[1..]);
    let constant = |var: Var| first.literal(var).filter(|l| rest.iter().all(|b| b.literal(var) == Some(*l)));
    let atom = |atom: &Atom| atom.var().and_then(constant).map_or(*atom, Atom::Lit);
    let body = &first.body;
    let inputs = body.inputs().iter().copied().filter(|v| constant(*v).is_none()).collect();
    let eqns = body.eqns().iter().map(|eqn| Eqn { inputs: eqn.inputs.iter().map(atom).collect(), ..eqn.clone() });
    let leaves = |v: &Var| group.iter().any(|block| block.leaves[v.index()]);
    let outputs = (0..body.avals().len() as u32).map(Var).filter(leaves).map(Atom::Var).collect();
    Jaxpr::new(body.avals().to_vec(), inputs, eqns.collect(), outputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::transform::eval::eval;

    /// Checks that the outlined program of `f` computes the same, exactly, because integers wrap. Returns the numbers of
    /// equations, inputs and results of each function.
    fn functions(f: impl Fn(&Array) -> Vec<Array> + Copy + Send + Sync + 'static) -> Vec<(usize, usize, usize)> {
        let program = make_jaxpr(f)(&3.into()).jaxpr;
        let Some(outlined) = outline(&program) else { return Vec::new() };
        assert!(program.output_avals().eq(outlined.output_avals()));
        let results = |jaxpr: &Jaxpr| -> Vec<i32> { eval(jaxpr, &[Array::from(3)]).iter().map(Array::item).collect() };
        let expected = results(&program);
        assert_eq!(results(&outlined), expected);
        // The compiled program is the one that has the functions.
        assert_eq!(
            jit(f)(&jit(Array::sum)(&Array::from([3]))).iter().map(Array::item::<i32>).collect::<Vec<_>>(),
            expected
        );
        fn calls(jaxpr: &Jaxpr, found: &mut Vec<(usize, usize, usize)>) {
            for call in jaxpr.eqns().iter().filter_map(|e| e.prim.as_any().downcast_ref::<Call>()) {
                match call.inlined {
                    true => calls(&call.jaxpr, found),
                    false => {
                        found.push((call.jaxpr.eqns().len(), call.jaxpr.inputs().len(), call.jaxpr.outputs().len()))
                    }
                }
            }
        }
        let mut found = Vec::new();
        calls(&outlined, &mut found);
        found
    }

    fn steps(n: usize, x: &Array, mut step: impl FnMut(usize, Array) -> Array) -> Array {
        (0..n).fold(x.clone(), |x, i| step(i, x))
    }

    #[test]
    fn blocks_may_spread_sizes_of_one() {
        let chain = |x: &Array| steps(1000, &x.broadcast_to([2, 3]), |_, y| (y * 3 + x) ^ 1);
        let program = make_jaxpr(chain)(&crate::numpy::ones_as([1, 3], DType::I32)).jaxpr;
        let outlined = outline(&program).expect("blocks");
        let calls = outlined.eqns().iter().filter(|e| e.prim.as_any().is::<Call>()).count();
        assert!(calls > 10, "{calls} calls");
    }

    #[test]
    fn repeated_blocks_become_functions() {
        let chain = |x: &Array| vec![steps(1000, x, |_, y| (y * 3 + 1) ^ x)];
        // In the first block `x` and `y` are the same value, so it is a different program.
        assert_eq!(functions(chain), [(201, 2, 1); 13]);
        // Scalars that differ from block to block become arguments; the others stay in the body.
        let counted = |x: &Array| vec![steps(1000, x, |i, y| y * 3 + i as i32)];
        assert_eq!(functions(counted), [(200, 101, 1); 10]);
        // Also inside a function that is called twice.
        let inner = move |x: &Array| jit(chain)(x).remove(0);
        assert_eq!(functions(move |x| vec![inner(&inner(x))]), [(201, 2, 1); 26]);
    }

    #[test]
    fn what_is_used_later_comes_out_of_a_block() {
        let kept = |x: &Array| {
            let mut kept = Vec::new();
            let last = steps(1000, x, |i, y| {
                if i % 300 == 7 {
                    kept.push(y.clone());
                }
                y * 3 + 1
            });
            kept.push(last);
            kept
        };
        assert!(functions(kept).iter().all(|(_, inputs, outputs)| *inputs == 1 && (1..4).contains(outputs)));
        assert!(!functions(kept).is_empty());
        // Each result would be computed from the start of its block.
        let all = |x: &Array| (0..600).scan(x.clone(), |y, _| Some(std::mem::replace(y, &*y * 3 + 1))).collect();
        assert!(functions(all).is_empty());
    }

    #[test]
    fn programs_that_do_not_repeat_themselves_stay() {
        assert!(functions(|x| vec![steps(300, x, |_, y| y * 3 + 1)]).is_empty());
        let bit = |i: usize| {
            let h = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            ((h ^ (h >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) & 1 == 1
        };
        let irregular = move |x: &Array| vec![steps(1500, x, |i, y| if bit(i) { y * 3 } else { y ^ x })];
        assert!(functions(irregular).is_empty());
    }
}
