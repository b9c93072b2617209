//! Programs for JAX, in the form that [`jax`](super::jax()) reads.

use std::fmt;
use std::sync::Arc;

use stablehlo::read::{Program, Region};

use crate::api::aot::{Lowered, closed_program, over_devices};
use crate::api::func::Params;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result, attempt};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::{Entry, lower_entry};
use crate::ir::primitive::Tangent;
use crate::ops::zeros;
use crate::runtime::runs_on;
use crate::trace::frames::{Inputs, stage};
use crate::transform::dce::dce;
use crate::transform::linearize::linearize;
use crate::transform::masks::placed;
use crate::transform::transpose::pull_back;
use crate::tree::treedef::TreeDef;
use crate::tree::{Tree, walked};

use super::artifact::{Type, Written};
use super::pytree::PyTree;

/// A function on its way to JAX; made by [`Lowered::to_jax`]. [`serialize`](JaxExport::serialize) returns what
/// `jax.export.deserialize` reads.
///
/// ```
/// use cotangent::{Platform, import, prelude::*};
/// let loss = |w: &Array, x: &Array| (x.dot(w)).tanh().sum();
/// let lowered = jit(loss).lower((&np::ones(3), &np::ones((8, 3))))?;
/// let bytes = lowered.to_jax().name("loss").vjp_order(1).platforms([Platform::Cpu, Platform::Cuda]).serialize()?;
/// assert_eq!(import::jax(bytes)?.to_string(), "loss(f32[3], f32[8,3]) -> f32[]");
/// # Ok::<(), cotangent::Error>(())
/// ```
#[must_use = "nothing is exported until `serialize` is called"]
pub struct JaxExport<'a, P: Params, R: Tree> {
    lowered: &'a Lowered<P, R>,
    name: String,
    vjp_order: usize,
    platforms: Vec<Platform>,
    custom_calls: Vec<String>,
}

impl<P: Params, R: Tree> fmt::Debug for JaxExport<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JaxExport { lowered, name, vjp_order, platforms, .. } = self;
        write!(f, "JaxExport({name}, {vjp_order} derivatives, for {platforms:?}: {lowered:?})")
    }
}

impl<P: Params, R: Tree> Lowered<P, R> {
    /// Exports the function for JAX, with its derivatives. [`JaxExport::serialize`] returns the bytes.
    ///
    /// ```no_run
    /// use cotangent::prelude::*;
    /// let f = |x: &Array| x.sin().sum();
    /// std::fs::write("f.jax", jit(f).lower((&np::ones(3),))?.to_jax().vjp_order(1).serialize()?).unwrap();
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// ```python
    /// f = jax.export.deserialize(open("f.jax", "rb").read()).call
    /// jax.jit(jax.grad(f))(jnp.ones(3))
    /// ```
    ///
    /// # Trees
    ///
    /// JAX calls the function with containers of Python:
    ///
    /// | Rust | Python |
    /// |---|---|
    /// | array | array |
    /// | tuple, `[T; N]`, tuple struct | tuple |
    /// | `Vec` | list |
    /// | struct with named fields, map | dict, whose keys are the names |
    /// | `None`, a number or text, a struct without arrays | `None` |
    /// | `Some`, `Box` | what is inside |
    /// | [`Key`](crate::random::Key) | a key, as `jax.random.key` makes it |
    ///
    /// # Derivatives
    ///
    /// JAX differentiates the function in reverse mode as often as [`vjp_order`](JaxExport::vjp_order) says. The
    /// derivatives are this library's own, including the rules of [`custom_vjp`](crate::custom_vjp()) and
    /// [`custom_jvp`](crate::custom_jvp()).
    ///
    /// JAX cannot batch an exported function or differentiate it in forward mode. `jax.lax.map` calls it for each
    /// element, and `jax.custom_batching.sequential_vmap` makes `vmap` do so, of the function or of its gradient. A `vmap`
    /// here, before the export, makes one program of it.
    pub fn to_jax(&self) -> JaxExport<'_, P, R> {
        JaxExport {
            lowered: self,
            name: self.name.to_string(),
            vjp_order: 0,
            platforms: vec![self.place.device.platform()],
            custom_calls: Vec::new(),
        }
    }
}

impl<P: Params, R: Tree> JaxExport<'_, P, R> {
    /// Says how often JAX can differentiate the function in reverse mode. The default is not at all.
    ///
    /// ```
    /// use cotangent::{import, prelude::*};
    /// let lowered = jit(|x: &Array| x.powi(3)).lower((&2.0.into(),))?;
    /// let report = import::inspect(&lowered.to_jax().vjp_order(2).serialize()?)?;
    /// assert_eq!(report.vjp_order, 2);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn vjp_order(mut self, order: usize) -> Self {
        self.vjp_order = order;
        self
    }

    /// Says where JAX can run the function. The default is the platform that the function would run on here.
    ///
    /// ```
    /// use cotangent::{Platform, import, prelude::*};
    /// let lowered = jit(|a: &Array| lax::linalg::cholesky(a)).lower((&np::eye(3, 3),))?;
    /// let bytes = lowered.to_jax().platforms([Platform::Cpu, Platform::Cuda]).serialize()?;
    /// assert_eq!(import::inspect(&bytes)?.platforms, ["cpu", "cuda"]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn platforms(mut self, platforms: impl IntoIterator<Item = Platform>) -> Self {
        self.platforms.clear();
        for platform in platforms {
            if !self.platforms.contains(&platform) {
                self.platforms.push(platform);
            }
        }
        self
    }

    /// Sets the name that JAX shows, instead of that of the Rust function.
    ///
    /// ```
    /// use cotangent::{import, prelude::*};
    /// let lowered = jit(|x: &Array| x + 1.0).lower((&2.0.into(),))?;
    /// assert_eq!(import::jax(lowered.to_jax().name("successor").serialize()?)?.name(), "successor");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_string();
        self
    }

    /// Allows calls of a function that an [extension](crate::extend) of this program registered with XLA. The process of
    /// JAX must register one of the same name, with `jax.ffi.register_ffi_target`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let lowered = jit(|x: &Array| x + 1.0).lower((&2.0.into(),))?;
    /// assert!(lowered.to_jax().custom_call("my_kernel").serialize().is_ok());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn custom_call(mut self, target: &str) -> Self {
        self.custom_calls.push(target.to_string());
        self
    }

    /// Returns the bytes that `jax.export.deserialize` reads. The same function always gives the same bytes.
    ///
    /// # Errors
    /// Returns an error if the function is laid out over several devices, calls functions of this process, contains checks
    /// that no `checkify` collects, or uses an operation that JAX does not have; if it has no derivative in reverse mode
    /// and one is asked for; or if no platform is named.
    ///
    /// ```
    /// use cotangent::{import, prelude::*};
    /// #[derive(Clone, Tree)]
    /// struct Line { slope: Array, offset: Array }
    ///
    /// let line = Line { slope: 2.0.into(), offset: 1.0.into() };
    /// let at = |line: &Line, x: &Array| &line.slope * x + &line.offset;
    /// let lowered = jit(at).lower((&line, &np::ones(5)))?;
    /// let model = import::jax(lowered.to_jax().name("at").serialize()?)?;
    /// assert_eq!(model.to_string(), "at({offset: f32[], slope: f32[]}, f32[5]) -> f32[5]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn serialize(&self) -> Result<Vec<u8>> {
        let lowered = self.lowered;
        closed_program(lowered.jaxpr(), "exported")?;
        if lowered.layouts.is_some() {
            return Err(over_devices("exported"));
        }
        if self.platforms.is_empty() {
            return Err(Error::new(ErrorKind::Runtime, "the function is exported for no platform")
                .help("name one: `.platforms([Platform::Cpu])`"));
        }
        let written = attempt(|| self.written(&Flat::of(lowered, &self.name)?, self.vjp_order));
        written.and_then(|written| written?.bytes()).map_err(|e| e.context(&self.name))
    }

    fn written(&self, flat: &Flat, vjp_order: usize) -> Result<Written> {
        let modules = self.platforms.iter().map(|platform| {
            let program = flat.lowered(*platform)?;
            Ok((platform.name(), program))
        });
        let modules = modules.collect::<Result<Vec<(&str, Program)>>>()?;
        let mut targets = Vec::new();
        for (_, program) in &modules {
            program.functions.iter().for_each(|function| custom_calls(&function.body, &mut targets));
        }
        if let Some(target) = targets.iter().find(|target| !in_jax(target) && !self.custom_calls.contains(target)) {
            let message =
                format!("it calls the function `{target}`, which this program registered and JAX does not have");
            return Err(Error::new(ErrorKind::Runtime, message).help(format!(
                "register it in Python with `jax.ffi.register_ffi_target`, and allow it here: `.custom_call({target:?})`"
            )));
        }
        let program = match modules.len() {
            1 => modules.into_iter().map(|(_, program)| program).next().unwrap_or_default(),
            _ => Program::select(&modules).map_err(unwritable)?,
        };
        Ok(Written {
            name: flat.name.clone(),
            in_tree: flat.in_tree.clone(),
            inputs: flat.inputs.clone(),
            out_tree: flat.out_tree.clone(),
            outputs: flat.outputs.clone(),
            platforms: self.platforms.iter().map(|platform| platform.name()).collect(),
            custom_calls: targets.into_iter().filter(|target| !is_stable(target)).collect(),
            module: program.to_artifact().map_err(unwritable)?,
            kept: flat.kept.clone(),
            vjp: match vjp_order {
                0 => None,
                n => Some(self.written(&flat.derivative()?, n - 1)?.into()),
            },
        })
    }
}

fn unwritable(why: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Runtime, format!("the program cannot be written for JAX: {why}"))
}

/// The targets of the custom calls, each once.
fn custom_calls(region: &Region, targets: &mut Vec<String>) {
    for op in &region.ops {
        if &*op.name == "stablehlo.custom_call"
            && let Some(target) = op.attributes.str("call_target_name")
            && !targets.iter().any(|known| known == target)
        {
            targets.push(target.to_string());
        }
        op.regions.iter().for_each(|region| custom_calls(region, targets));
    }
}

/// Whether jaxlib or XLA has a function of this name.
fn in_jax(target: &str) -> bool {
    (target.starts_with("lapack_") && target.ends_with("_ffi"))
        || target == "tridiagonal_solve_perturbed_ffi"
        || target.starts_with("__cudnn$")
        || is_stable(target)
}

/// Whether JAX promises to keep the function, so that it need not be told that the module calls it.
fn is_stable(target: &str) -> bool {
    const ROUTINES: &[&str] = &[
        "potrf", "geqrf", "orgqr", "ungqr", "syevd", "heevd", "geev", "gesdd", "getrf", "sytrd", "hetrd", "gehrd",
        "gees", "trsm", "gtsv",
    ];
    let routine = target.strip_prefix("lapack_").and_then(|name| name.strip_suffix("_ffi"));
    matches!(target, "Qr" | "Eigh" | "ProductOfElementaryHouseholderReflectors")
        || routine.is_some_and(|name| ROUTINES.contains(&name.get(1..).unwrap_or_default()))
}

/// A function of arrays, in the order in which JAX has them.
struct Flat {
    name: String,
    in_tree: PyTree,
    inputs: Vec<Type>,
    out_tree: PyTree,
    outputs: Vec<Type>,
    /// Its inputs are the captures and then the arguments that are kept.
    jaxpr: Arc<Jaxpr>,
    captures: Vec<Array>,
    kept: Vec<usize>,
}

impl Flat {
    fn of<P: Params, R: Tree>(lowered: &Lowered<P, R>, name: &str) -> Result<Flat> {
        let entry = &lowered.entry;
        let jaxpr = &entry.closed.jaxpr;
        let args = walked(|path| P::paths(P::refs(&entry.structure), path)).treedef();
        // A function without arguments takes the empty tuple.
        let args = if P::ARITY == 0 { TreeDef::Tuple(Vec::new()) } else { args };
        let (args, takes) = PyTree::of(&args)?;
        let (out_tree, returns) = PyTree::of(&walked(|path| entry.template.paths(path)).treedef())?;
        let ty = |aval: &Aval, key: Option<&str>| match key {
            Some(implementation) => Type::of_keys(aval, implementation),
            None => Type::of(aval),
        };
        let results: Vec<Aval> = jaxpr.output_avals().collect();
        let (captured, params) = jaxpr.inputs().split_at(entry.closed.captures.len());
        // The place of each argument among the program's own parameters, if it is one.
        let place = |i: usize| entry.used.iter().position(|used| *used == i);
        let kept: Vec<(usize, usize)> =
            (takes.iter().enumerate()).filter_map(|(theirs, (ours, _))| Some((theirs, place(*ours)?))).collect();
        let inputs = captured.iter().copied().chain(kept.iter().map(|(_, ours)| params[*ours])).collect();
        let outputs = returns.iter().map(|(i, _)| jaxpr.outputs()[*i]).collect();
        Ok(Flat {
            name: name.to_string(),
            in_tree: PyTree::Tuple(vec![args, PyTree::Dict(Vec::new())]),
            inputs: takes.iter().map(|(i, key)| ty(&entry.avals[*i], *key)).collect(),
            out_tree,
            outputs: returns.iter().map(|(i, key)| ty(&results[*i], *key)).collect(),
            jaxpr: Jaxpr::new(jaxpr.avals().to_vec(), inputs, jaxpr.eqns().to_vec(), outputs).into(),
            captures: entry.closed.captures.clone(),
            kept: kept.into_iter().map(|(theirs, _)| theirs).collect(),
        })
    }

    /// The module for a platform.
    fn lowered(&self, platform: Platform) -> Result<Program> {
        closed_program(&self.jaxpr, "exported")?;
        runs_on(&self.jaxpr, platform)?;
        let constants = self.captures.iter().map(|x| Ok((x.aval(), x.to_bytes()?))).collect::<Result<Vec<_>>>()?;
        let entry = Entry { platform, portable: true, aliases: &[], constants: &constants, partition: None };
        let text = lower_entry(&format!("jit_{}", self.name), &self.jaxpr, entry).to_text();
        stablehlo::read::text(&text).map_err(unwritable)
    }

    /// The function from the arguments, and then cotangents of the results, to the cotangents of the arguments.
    fn derivative(&self) -> Result<Flat> {
        let strong = |aval: &Aval| aval.clone().with_weak_type(false);
        let args: Vec<Aval> = self.jaxpr.input_avals().skip(self.captures.len()).cloned().collect();
        let results: Vec<Aval> = self.jaxpr.output_avals().collect();
        let has_cotangent: Vec<bool> = self.outputs.iter().map(Type::differentiable).collect();
        let cotangents = results.iter().zip(&has_cotangent).filter(|(_, has)| **has).map(|(aval, _)| strong(aval));
        let avals: Vec<Aval> = args.iter().cloned().chain(cotangents).collect();
        let wanted: Vec<bool> = self.captures.iter().map(|_| false).chain(args.iter().map(differentiable)).collect();
        let (closed, ()) = stage(&avals, &Inputs::Unknown("while its derivative is exported"), |inputs| {
            let (args, cotangents) = inputs.split_at(args.len());
            let operands: Vec<Array> = self.captures.iter().chain(args).cloned().collect();
            let linearized = linearize(&self.jaxpr, &operands, &wanted);
            let cotangents: Vec<Tangent> = placed(&has_cotangent, &mut cotangents.iter().cloned());
            let typed = |i: usize| Some(cotangents[i].as_ref()?.convert(results[i].dtype, results[i].weak_type));
            let mut arrived = pull_back(&linearized, typed).into_iter();
            let arrived: Vec<Option<Tangent>> = placed(&wanted, &mut arrived);
            let arrived = &arrived[self.captures.len()..];
            let of = |(i, ty): (usize, &Type)| {
                let place = self.kept.iter().position(|kept| *kept == i);
                let found = place.and_then(|place| arrived[place].clone().flatten());
                let aval = ty.tangent().aval()?;
                Ok(found.map_or_else(|| zeros(&aval.shape, aval.dtype), |x| x.convert(aval.dtype, false)))
            };
            let outputs = self.inputs.iter().enumerate().map(of).collect::<Result<Vec<_>>>();
            (outputs.unwrap_or_else(|e| crate::error::raise(e)), ())
        });
        let (jaxpr, keeps) = dce(&closed.jaxpr, false);
        let (captured, taken) = keeps.split_at(closed.captures.len());
        let places = self.kept.iter().copied();
        let cotangents = (0..self.outputs.len()).filter(|i| has_cotangent[*i]).map(|i| self.inputs.len() + i);
        let inputs: Vec<Type> = self.inputs.iter().cloned().chain(self.outputs.iter().map(Type::tangent)).collect();
        Ok(Flat {
            name: format!("{}_vjp", self.name),
            in_tree: PyTree::Tuple(vec![PyTree::Tuple(vec![PyTree::Leaf; inputs.len()]), PyTree::Dict(Vec::new())]),
            out_tree: PyTree::Tuple(vec![PyTree::Leaf; self.inputs.len()]),
            outputs: self.inputs.iter().map(Type::tangent).collect(),
            inputs,
            jaxpr: jaxpr.into(),
            captures: closed.captures.into_iter().zip(captured).filter(|(_, keeps)| **keeps).map(|(x, _)| x).collect(),
            kept: places.chain(cotangents).zip(taken).filter(|(_, keeps)| **keeps).map(|(i, _)| i).collect(),
        })
    }
}

fn differentiable(aval: &Aval) -> bool {
    aval.dtype.is_inexact()
}
