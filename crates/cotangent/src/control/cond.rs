//! Conditionals: one of several programs runs.

use std::sync::Arc;

use stablehlo::{Type, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::device::Place;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::axis::{AxisSet, NamedAxis};
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, RunProgram, Tangent, run_on};
use crate::ir::print::tuple;
use crate::ops::compare::{Clamp, SelectN};
use crate::ops::elementwise::rebind;
use crate::trace::frames::{Inputs, bind, bind_shared, stage};
use crate::transform::batch::{batch_jaxpr, in_front};
use crate::transform::eval::eval;
use crate::transform::linearize::linearize_jaxpr;
use crate::transform::masks::{either, placed, present};
use crate::transform::transpose::backward_jaxpr;

use super::call::inline_calls;
use super::mapped::Mapped;
use super::shared::rearranges;
use super::vary::{communicates, union, vary_jaxpr, varying};

/// `cond`: runs one of its branches on the operands. The first operand, an `i32` that is clamped to the range, selects
/// it.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let f = jit(|x: &Array| lax::cond(x.greater(0.0), || x.sqrt(), || -x));
/// assert_eq!(f(&Array::from(-4.0)).item::<f32>(), 4.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cond {
    /// The branches: programs of the same type.
    pub branches: Vec<Arc<Jaxpr>>,
    /// If the platform selects the branch and not the index: the platform of each branch. `None` stands for all that no
    /// other branch has.
    pub platforms: Option<Vec<Option<Platform>>>,
}

/// Where the linear program of a branch finds one of its residuals.
enum Residual {
    /// It is an operand of the conditional, rearranged by these primitives.
    Operand(usize, Vec<Arc<dyn Primitive>>),
    /// It is saved in one of the outputs that the branches share.
    Place(usize),
}

/// If a result is an operand up to the order and dtype of its elements: that operand, and the primitives that rearrange
/// it.
fn rearranged(jaxpr: &Jaxpr, atom: &Atom) -> Option<(usize, Vec<Arc<dyn Primitive>>)> {
    let (mut var, mut steps) = (atom.var()?, Vec::new());
    loop {
        if let Some(operand) = jaxpr.inputs().iter().position(|input| *input == var) {
            steps.reverse();
            return Some((operand, steps));
        }
        let eqn = jaxpr.eqns().iter().find(|eqn| eqn.outputs.contains(&var))?;
        if !rearranges(eqn.prim.as_any()) {
            return None;
        }
        steps.push(eqn.prim.clone());
        var = eqn.inputs[0].var()?;
    }
}

/// Extends each branch to return every result that any branch has according to `masks`. A branch without such a result
/// returns zeros.
fn with_all_results(branches: &[Arc<Jaxpr>], masks: &[Vec<bool>], avals: &[Aval]) -> (Vec<Arc<Jaxpr>>, Vec<bool>) {
    let any: Vec<bool> = (0..avals.len()).map(|i| masks.iter().any(|m| m[i])).collect();
    let filled = (branches.iter().zip(masks)).map(|(branch, mask)| {
        let inputs: Vec<Aval> = branch.input_avals().cloned().collect();
        let (closed, ()) = stage(&inputs, &Inputs::Unknown("inside a branch"), |args| {
            let results: Vec<Tangent> = placed(mask, &mut eval(branch, args).into_iter());
            let zeros = |aval: &Aval| crate::ops::zeros(&aval.shape, aval.dtype);
            let all = results.into_iter().zip(avals).map(|(x, aval)| x.unwrap_or_else(|| zeros(aval)));
            (all.zip(&any).filter(|(_, any)| **any).map(|(x, _)| x).collect(), ())
        });
        closed.jaxpr
    });
    (filled.collect(), any)
}

/// The error of a `check` that would run for elements to which it does not apply.
pub(super) fn mapped_checks(place: &str) -> Error {
    Error::new(ErrorKind::Transform, format!("a `check` under `vmap` is inside {place}"))
        .help("give each element its own error: `vmap(checkify(f))` instead of `checkify(vmap(f))`")
}

impl Cond {
    /// A conditional whose first operand selects the branch.
    #[must_use]
    pub fn new(branches: Vec<Arc<Jaxpr>>) -> Cond {
        Cond { branches, platforms: None }
    }

    /// The same choice between other branches.
    pub(crate) fn with(&self, branches: Vec<Arc<Jaxpr>>) -> Cond {
        Cond { branches, platforms: self.platforms.clone() }
    }

    /// The branch for a platform, if the platform selects one. `Some(None)` means that there is none for it.
    pub(crate) fn of_platform(&self, platform: Platform) -> Option<Option<&Arc<Jaxpr>>> {
        let platforms = self.platforms.as_ref()?;
        let place = |wanted| platforms.iter().position(|of| *of == wanted);
        Some(place(Some(platform)).or_else(|| place(None)).map(|i| &self.branches[i]))
    }

    /// Clamps branch indices to the range.
    pub(super) fn clamped(&self, index: &Array) -> Array {
        let last = Array::scalar(self.branches.len() as i32 - 1);
        bind(Clamp, &[&Array::scalar(0i32), index, &last]).swap_remove(0)
    }
}

impl Primitive for Cond {
    fn name(&self) -> &'static str {
        "cond"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let Some((which, operands)) = inputs.split_first() else { return Err(Error::value("expected an index")) };
        if which.dtype != DType::I32 || which.rank() > 0 {
            return Err(Error::dtype(format!("the index must be an i32 scalar, got {which}")));
        }
        let Some(first) = self.branches.first() else { return Err(Error::value("expected at least one branch")) };
        let outputs: Outputs<Aval> = first.output_avals().collect();
        let same = |a: &Aval, b: &Aval| a.shape == b.shape && a.dtype == b.dtype;
        for branch in &self.branches {
            if branch.inputs().len() != operands.len() || !branch.input_avals().zip(operands).all(|(a, b)| same(a, b)) {
                return Err(Error::shape(format!("branches must accept the operands {operands:?}")));
            }
            let results: Vec<Aval> = branch.output_avals().collect();
            if results.len() != outputs.len() || !results.iter().zip(&outputs).all(|(a, b)| same(a, b)) {
                return Err(Error::shape(format!(
                    "branches must return the same types, got {outputs:?} and {results:?}"
                )));
            }
        }
        Ok(outputs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted = present(&dx[1..]);
        let splits: Vec<_> = self.branches.iter().map(|b| linearize_jaxpr(b, &wanted)).collect();
        let outputs: Vec<Aval> = self.branches[0].output_avals().collect();
        // A residual that is an operand, rearranged or not, need not be saved. Others of the same type share an output,
        // since a run needs the residuals of one branch only.
        let mut places: Vec<Aval> = Vec::new();
        let mut taken: Vec<Vec<Residual>> = Vec::new();
        for split in &splits {
            let mut free: Vec<bool> = vec![true; places.len()];
            let residuals = split.forward.outputs()[outputs.len()..].iter().map(|atom| {
                if let Some((operand, steps)) = rearranged(&split.forward, atom) {
                    return Residual::Operand(operand, steps);
                }
                let aval = split.forward.aval(atom).with_weak_type(false);
                let place = (0..places.len()).find(|p| free.get(*p) == Some(&true) && places[*p] == aval);
                let place = place.unwrap_or_else(|| {
                    places.push(aval);
                    free.push(true);
                    places.len() - 1
                });
                free[place] = false;
                Residual::Place(place)
            });
            taken.push(residuals.collect());
        }
        let forward = (splits.iter().zip(&taken)).map(|(split, mine)| {
            let inputs: Vec<Aval> = split.forward.input_avals().cloned().collect();
            let (closed, ()) = stage(&inputs, &Inputs::Unknown("inside a branch"), |args| {
                let mut results = eval(&split.forward, args);
                let residuals = results.split_off(outputs.len());
                results.extend(places.iter().enumerate().map(|(p, aval)| {
                    match mine.iter().position(|m| matches!(m, Residual::Place(q) if *q == p)) {
                        Some(i) => residuals[i].convert(aval.dtype, false),
                        None => crate::ops::zeros(&aval.shape, aval.dtype),
                    }
                }));
                (results, ())
            });
            closed.jaxpr
        });
        let forward = self.with(forward.collect());
        let mut y = bind(forward, &x.iter().collect::<Vec<_>>()).into_vec();
        let saved = y.split_off(outputs.len());
        let tangents: Vec<&Array> = dx[1..].iter().flatten().collect();
        let takes = |r: &Residual, i: usize| matches!(r, Residual::Operand(operand, _) if *operand == i);
        let at_hand: Vec<usize> =
            (0..x.len() - 1).filter(|i| taken.iter().flatten().any(|residual| takes(residual, *i))).collect();
        let known: Vec<&Array> = saved.iter().chain(at_hand.iter().map(|i| &x[1 + i])).collect();
        let linear: Vec<Arc<Jaxpr>> = (splits.iter().zip(&taken))
            .map(|(split, mine)| {
                let inputs: Vec<Aval> = known
                    .iter()
                    .map(|x| x.aval().with_weak_type(false))
                    .chain(tangents.iter().map(|t| t.aval()))
                    .collect();
                let (closed, ()) = stage(&inputs, &Inputs::Unknown("inside a branch"), |args| {
                    let (known, tangents) = args.split_at(known.len());
                    let (saved, operands) = known.split_at(saved.len());
                    let residual = |residual: &Residual| match residual {
                        Residual::Place(p) => saved[*p].clone(),
                        Residual::Operand(i, steps) => {
                            let at = at_hand.iter().position(|o| o == i);
                            let operand = at.map(|at| operands[at].clone());
                            let operand = operand.unwrap_or_else(|| unreachable!("it is among those at hand"));
                            steps.iter().fold(operand, |x, step| bind_shared(step.clone(), &[&x]).swap_remove(0))
                        }
                    };
                    let args: Vec<Array> = mine.iter().map(residual).chain(tangents.iter().cloned()).collect();
                    (eval(&split.linear, &args), ())
                });
                closed.jaxpr
            })
            .collect();
        let masks: Vec<Vec<bool>> = splits.iter().map(|s| s.nonzero.clone()).collect();
        let (branches, any) = with_all_results(&linear, &masks, &outputs);
        let operands: Vec<&Array> = std::iter::once(&x[0]).chain(known).chain(tangents).collect();
        let mut dy = bind(self.with(branches), &operands).into_iter();
        (y, placed(&any, &mut dy))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let known: Vec<&Array> = inputs.iter().filter_map(Operand::known).collect();
        let backwards: Vec<_> = self.branches.iter().map(|b| backward_jaxpr(b, &inputs[1..], ct)).collect();
        let masks: Vec<Vec<bool>> = backwards.iter().map(|b| b.1.clone()).collect();
        let avals: Vec<Aval> = inputs[1..].iter().map(Operand::aval).collect();
        let branches: Vec<_> = backwards.into_iter().map(|b| b.0).collect();
        let (branches, any) = with_all_results(&branches, &masks, &avals);
        let operands: Vec<&Array> = known.into_iter().chain(ct.iter().flatten()).collect();
        let mut results = bind(self.with(branches), &operands).into_iter();
        std::iter::once(None).chain(placed::<_, Vec<_>>(&any, &mut results)).collect()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let batched = present(&axes[1..]);
        let outputs = self.branches[0].outputs().len();
        // The branches must agree on which results are batched. An index for each element makes all of them batched.
        let all = axes[0].is_some();
        let start = vec![all; outputs];
        let any = self.branches.iter().fold(start, |any, b| either(&any, &batch_jaxpr(b, &batched, size, &[]).1));
        let branches: Vec<Arc<Jaxpr>> = self.branches.iter().map(|b| batch_jaxpr(b, &batched, size, &any).0).collect();
        let out_axes = any.iter().map(|a| a.then_some(0)).collect();
        if all && self.effects().check {
            raise(mapped_checks("a branch that differs between the elements of the batch"));
        }
        if !all {
            let operands = in_front(x, axes, size);
            return (rebind(&self.with(branches), &operands.iter().collect::<Vec<_>>()).into_vec(), out_axes);
        }
        // Each element selects its own branch: all branches run, and their results are selected from.
        let written_out = self.with(self.branches.iter().map(inline_calls).collect());
        let results = Mapped::run(&written_out, x, axes, size, |operands| {
            let results: Vec<Vec<Array>> = branches.iter().map(|b| eval(b, &operands[1..])).collect();
            let index = self.clamped(&operands[0]);
            let pick = |i: usize| {
                let shape = results[0][i].aval().shape;
                let dims = vec![0];
                let which = bind(crate::ops::shape::BroadcastInDim { shape, dims }, &[&index]).swap_remove(0);
                let cases = results.iter().map(|r| &r[i]);
                bind(SelectN, &std::iter::once(&which).chain(cases).collect::<Vec<_>>()).swap_remove(0)
            };
            (0..outputs).map(pick).collect()
        });
        (results, out_axes)
    }

    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let (which, operands) = over.split_first()?;
        let meet = |axis: &NamedAxis| self.branches.iter().any(|branch| communicates(branch, &axis.name));
        if let Some(axis) = mesh.iter().find(|axis| which.contains(&axis.name) && meet(axis)) {
            raise(
                Error::new(
                    ErrorKind::Axis,
                    format!("devices along the axis `{axis}` may take different branches, but communicate in one"),
                )
                .help("communicate before or after the `cond`, or let all of them take the same branch"),
            );
        }
        // Operands are copied to the devices before they part: the transpose of a copy communicates.
        let apart: Vec<AxisSet> = operands.iter().map(|set| union([set, which])).collect();
        let copied = x[1..].iter().zip(operands).zip(&apart).map(|((x, over), wanted)| varying(x, over, wanted, mesh));
        let operands: Vec<Array> = std::iter::once(x[0].clone()).chain(copied).collect();
        let mut sets = vec![which.clone(); self.branches[0].outputs().len()];
        for branch in &self.branches {
            let found = vary_jaxpr(branch, &apart, &[], mesh).1;
            sets = sets.iter().zip(&found).map(|(a, b)| union([a, b])).collect();
        }
        let branches = self.branches.iter().map(|branch| vary_jaxpr(branch, &apart, &sets, mesh).0).collect();
        Some((bind(self.with(branches), &operands.iter().collect::<Vec<_>>()).into_vec(), sets))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if let Some(branch) = self.of_platform(cx.platform()) {
            let Some(branch) = branch else { unreachable!("such a program is refused before it is lowered") };
            return cx.inline(branch, &args[1..]).into();
        }
        let results: Vec<Type> = outs.iter().map(Aval::mlir).collect();
        let index = Aval::new(DType::I32, ());
        let number = |n: usize| Literal::int(DType::I32, n as i64);
        let zero = cx.splat(&index, number(0));
        let last = cx.splat(&index, number(self.branches.len() - 1));
        // XLA runs the last branch for an index out of range. This operation is defined by clamping.
        let which = cx.op("stablehlo.clamp", &[zero, args[0].clone(), last], &[], &index);
        cx.case(&which, self.branches.len(), &results, |cx, i| cx.inline(&self.branches[i], &args[1..]))
    }

    fn interpret(&self, inputs: &[Array], run: &mut RunProgram<'_>) -> Option<Result<Vec<Array>>> {
        if self.platforms.is_some() {
            let place = Place::of(inputs.iter(), |i| format!("operand {i} of `cond`"));
            return Some(place.and_then(|place| {
                let platform = place.device.platform();
                let Some(branch) = self.of_platform(platform).flatten() else { return Ok(Vec::new()) };
                run(branch, &inputs[1..], &format!("in the branch for {platform}"))
            }));
        }
        let branch = |index: i32| (index.max(0) as usize).min(self.branches.len() - 1);
        Some(
            inputs[0]
                .try_item::<i32>()
                .map(branch)
                .and_then(|branch| run(&self.branches[branch], &inputs[1..], &format!("in branch {branch}"))),
        )
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let name = |of: &Option<Platform>| of.map_or_else(|| "None".to_string(), |of| format!("('{of}',)"));
        let names = |platforms: &Vec<Option<Platform>>| tuple(&platforms.iter().map(name).collect::<Vec<_>>());
        self.platforms.iter().map(|platforms| ("branches_platforms", names(platforms))).collect()
    }

    fn runs_on(&self, platform: Platform) -> bool {
        self.of_platform(platform).is_none_or(|branch| branch.is_some()) && run_on(&self.jaxprs_on(platform), platform)
    }

    fn refusal(&self, platform: Platform) -> Error {
        let platforms: Vec<String> = self.platforms.iter().flatten().flatten().map(ToString::to_string).collect();
        let message = format!("`platform_dependent` has no function for {platform}, only for {}", platforms.join(", "));
        Error::new(ErrorKind::Device, message).help("add one for it, or a default that serves all others")
    }

    fn jaxprs_on(&self, platform: Platform) -> Vec<&Arc<Jaxpr>> {
        match self.of_platform(platform) {
            Some(branch) => branch.into_iter().collect(),
            None => self.jaxprs(),
        }
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        self.branches.iter().collect()
    }
}
