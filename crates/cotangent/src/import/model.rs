//! Imported programs.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use stablehlo::read::Program;

use crate::api::func::Ref;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::device::Device;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::control::call::Only;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::Jaxpr;
use crate::tree::{Key, Named, Node, Tree, flatten, leaf_paths};

use super::artifact::{Artifact, Type};
use super::body::{Body, FlatFunction, Vjp};
use super::flatbuffer::{Buffer, damaged};
use super::function::{Arguments, Function};
use super::pytree::{PyTree, numbers};
use super::read;

/// A function that was read from a file: a program like any other one, with the trees of its arguments and results.
///
/// [`jax`](super::jax) and [`stablehlo`](super::stablehlo()) make it. Its `Display` form is the signature:
/// `predict({b: f32[3], w: f32[4,3]}, f32[8,4]) -> f32[8,3]`.
///
/// ```
/// use cotangent::import;
/// let model = import::stablehlo(
///     "module @scale { func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
///         %0 = stablehlo.add %x, %x : tensor<2xf32>
///         return %0 : tensor<2xf32>
///     } }",
/// ).unwrap();
/// assert_eq!(model.to_string(), "scale(f32[2]) -> f32[2]");
/// ```
#[derive(Clone)]
#[must_use = "a model does nothing until one of its functions is called"]
pub struct Model {
    about: About,
    body: Arc<Body>,
}

/// The signature of a function.
#[derive(Clone)]
pub(super) struct About {
    name: String,
    positional: Vec<PyTree>,
    named: Vec<(String, PyTree)>,
    inputs: Vec<Type>,
    results: PyTree,
    outputs: Vec<Type>,
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut inputs = self.inputs.iter().map(ToString::to_string);
        let positional = self.positional.iter().map(|tree| (String::new(), tree));
        let named = self.named.iter().map(|(name, tree)| (format!("{name}="), tree));
        let args: Vec<String> =
            positional.chain(named).map(|(name, tree)| format!("{name}{}", tree.write(&mut inputs))).collect();
        let results = self.results.write(&mut self.outputs.iter().map(ToString::to_string));
        write!(f, "{}({}) -> {results}", self.name, args.join(", "))
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.about.fmt(f)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({})", self.about)
    }
}

pub(super) fn program(bytes: &[u8]) -> Result<Program> {
    stablehlo::read::bytes(bytes).map_err(|e| Error::value(format!("the StableHLO module cannot be read: {e}")))
}

/// The function of a module that is imported.
const MAIN: &str = "main";

/// The function of a bare module that is imported: `main`, or the only one that is public.
fn entry(program: &Program) -> Result<&stablehlo::read::Function> {
    let mut public = program.functions.iter().filter(|function| function.public);
    let only = public.next().filter(|_| public.next().is_none());
    let found = program.function(MAIN).or(only);
    found.ok_or_else(|| Error::value("the StableHLO module has no function `main`"))
}

impl Model {
    pub(super) fn jax(bytes: &[u8]) -> Result<Model> {
        let buffer = Buffer::new(bytes);
        let artifact = Artifact::read(&buffer)?;
        artifact
            .refusal()
            .and_then(|()| Model::of(&artifact, &program(artifact.module)?, &mut Vec::new()))
            .map_err(|e| e.context(artifact.name))
    }

    /// What cannot be imported, in the function and in its derivatives, is appended to `refused`.
    pub(super) fn of(artifact: &Artifact<'_>, program: &Program, refused: &mut Vec<Error>) -> Result<Model> {
        let body = body(artifact, program, artifact.name, refused)?;
        Ok(Model { about: About::of(artifact), body: Arc::new(body) })
    }

    pub(super) fn stablehlo(bytes: &[u8]) -> Result<Model> {
        Model::bare(&program(bytes)?, &mut Vec::new())
    }

    pub(super) fn bare(program: &Program, refused: &mut Vec<Error>) -> Result<Model> {
        let about = About::bare(program)?;
        let inputs: Vec<Aval> = about.inputs.iter().map(Type::aval).collect::<Result<_>>()?;
        let closed = read::function(program, &entry(program)?.name, &[], refused)?;
        let kept = (0..inputs.len()).collect();
        let function = FlatFunction { name: about.name.as_str().into(), closed, kept, inputs, only: None };
        Ok(Model { about, body: Arc::new(Body::new(function, None)) })
    }

    /// The name of the function.
    ///
    /// ```no_run
    /// let model = cotangent::import::jax(std::fs::read("model.jax").unwrap())?;
    /// println!("{}", model.name());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The program. Its captures are the large constants of the file.
    ///
    /// ```no_run
    /// let model = cotangent::import::jax(std::fs::read("model.jax").unwrap())?;
    /// println!("{}", model.jaxpr());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[must_use]
    pub fn jaxpr(&self) -> &Jaxpr {
        self.body.jaxpr()
    }

    /// How often reverse mode (`grad`, `vjp`, `jacrev`) can be applied with the derivatives in the file:
    /// `exported.serialize(vjp_order=2)` in Python writes two.
    ///
    /// These derivatives are JAX's, by the rules that the function has there: `lax.stop_gradient`, `jax.custom_jvp`,
    /// `jax.custom_vjp`. StableHLO does not have them. Beyond this order, and so always if it is zero, derivatives are those
    /// of the operations in the file, which are the same unless the function has rules.
    ///
    /// ```
    /// use cotangent::import;
    /// let text = "module @m { func.func public @main(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> } }";
    /// assert_eq!(import::stablehlo(text).unwrap().vjp_order(), 0);
    /// ```
    #[must_use]
    pub fn vjp_order(&self) -> usize {
        self.body.vjp_order()
    }

    /// The same function without the derivatives in the file: they become those of its operations, of every order and in
    /// both modes. With derivatives from the file, a function has reverse mode only, like one with a `custom_vjp`.
    ///
    /// ```no_run
    /// use cotangent::{import, prelude::*};
    /// let model = import::jax(std::fs::read("energy.jax").unwrap())?;
    /// let energy = model.without_vjp().function::<(Array,), Array>()?;
    /// let (x, direction) = (np::ones([3]), np::ones([3]));
    /// let (e, slope) = jvp(energy, (&x,), (&direction,));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn without_vjp(&self) -> Model {
        Model { about: self.about.clone(), body: Arc::new(self.body.without_vjp()) }
    }

    /// The same function without a check of where it runs. A file names the platforms that it was exported for, and to run
    /// the function on another is an error, as in JAX, unless it was exported with `DisabledSafetyCheck.platform()`.
    ///
    /// The operations of an import are those of the file, whichever platform it was exported for. They mean the same
    /// everywhere, so this is right unless the function chooses by platform (`jax.lax.platform_dependent`), or the file has
    /// parts that run as they were written, which `cotangent inspect` lists.
    ///
    /// ```no_run
    /// use cotangent::{import, prelude::*};
    /// let model = import::jax(std::fs::read("exported-on-a-tpu.jax").unwrap())?;
    /// let f = model.on_any_platform().function::<(Array,), Array>()?;
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn on_any_platform(&self) -> Model {
        Model { about: self.about.clone(), body: Arc::new(self.body.on_any_platform()) }
    }

    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    /// The function, with the types of its arguments and of its result. It is called and transformed like any other one.
    ///
    /// `A` is a tuple of the arguments, and each is passed by reference. Dicts of Python are structs with fields of the same
    /// names, in any order, or maps; tuples and lists are tuples, arrays or `Vec`s; objects are structs with the fields in
    /// the same order. Arguments with names come last, in alphabetic order. Enums, and structs with static fields, need an
    /// example: [`function_like`](Model::function_like).
    ///
    /// # Errors
    /// Returns an error if the trees differ. It shows both.
    ///
    /// ```no_run
    /// use cotangent::{import, prelude::*};
    /// #[derive(Clone, Tree)]
    /// struct Params { w: Array, b: Array }
    ///
    /// let model = import::jax(std::fs::read("loss.jax").unwrap())?;
    /// let loss = model.function::<(Params, Array, Array), Array>()?;
    /// let step = |params: &Params, x: &Array, y: &Array| {
    ///     let slope = grad(|params: &Params| loss(params, x, y))(params);
    ///     params.zip(&slope, |p, g| p - 0.1 * g)
    /// };
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn function<A: Arguments, R: Tree>(&self) -> Result<Function<A::Refs, R>> {
        let (args, results) = self.about.named();
        let args = build::<A>(&args, "the arguments")?;
        self.typed(args, build::<R>(&results, "the result")?, Location::caller())
    }

    /// [`function`](Model::function) with examples of its arguments and of its result. The arrays in them may have any
    /// shape; only the structure counts, and leaves are in the order of the file's.
    ///
    /// # Errors
    /// Returns an error if the examples have another number of leaves.
    ///
    /// ```no_run
    /// use cotangent::{import, prelude::*};
    /// let model = import::jax(std::fs::read("draw.jax").unwrap())?;
    /// let draw = model.function_like(&(random::key(0),), &Array::from(0.0))?;
    /// let x = draw(&random::key(1));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn function_like<A: Arguments, R: Tree>(&self, args: &A, result: &R) -> Result<Function<A::Refs, R>> {
        let number =
            |n: usize| (0..n).map(|i| Array::literal(Literal::strong(i as i64))).collect::<Vec<_>>().into_iter();
        let (given, returned) = (flatten(args).len(), flatten(result).len());
        if given != self.body.inputs().len() || returned != self.about.outputs.len() {
            return Err(Error::new(
                ErrorKind::Structure,
                format!(
                    "{self} takes {} arrays and returns {}, but the examples have {given} and {returned}",
                    self.body.inputs().len(),
                    self.about.outputs.len()
                ),
            ));
        }
        self.typed(args.rebuild(&mut number(given)), result.rebuild(&mut number(returned)), Location::caller())
    }

    /// The function from the list of all arrays in its arguments to the list of those in its result, in the order of the file.
    ///
    /// ```
    /// use cotangent::{import, prelude::*};
    /// let text = "module @m { func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    ///     %0 = stablehlo.multiply %x, %x : tensor<2xf32>
    ///     return %0 : tensor<2xf32>
    /// } }";
    /// let square = import::stablehlo(text).unwrap().flat();
    /// let slope = grad(|x: &Vec<Array>| square(x)[0].sum())(&vec![Array::from([3.0f32, 4.0])]);
    /// assert_eq!(slope[0].to_vec::<f32>(), [6.0, 8.0]);
    /// ```
    #[track_caller]
    pub fn flat(&self) -> Function<(Ref<Vec<Array>>,), Vec<Array>> {
        let number = |n: usize| (0..n).map(|i| Array::literal(Literal::strong(i as i64))).collect::<Vec<_>>();
        let order = |n: usize| (0..n).collect();
        let (args, results) = (number(self.body.inputs().len()), number(self.about.outputs.len()));
        let orders = [order(args.len()), order(results.len())];
        Function::new(self.body.clone(), (args,), results, orders, Location::caller())
    }

    fn typed<A: Arguments, R: Tree>(&self, args: A, result: R, loc: crate::error::Loc) -> Result<Function<A::Refs, R>> {
        let orders = [
            self.order(numbers(&flatten(&args))?, self.body.inputs().len(), "arguments", &leaf_paths(&args))?,
            self.order(numbers(&flatten(&result))?, self.about.outputs.len(), "result", &leaf_paths(&result))?,
        ];
        Ok(Function::new(self.body.clone(), args, result, orders, loc))
    }

    /// The leaves of the file in the order of a Rust value's, which must be all of them.
    fn order(&self, leaves: Vec<usize>, n: usize, what: &str, paths: &[String]) -> Result<Vec<usize>> {
        let mut seen = vec![false; n];
        leaves.iter().for_each(|i| seen[*i] = true);
        if leaves.len() == n && seen.iter().all(|s| *s) {
            return Ok(leaves);
        }
        let (args, results) = self.about.named();
        let all = if what == "arguments" { args } else { results }.leaves();
        let missing: Vec<String> =
            all.into_iter().zip(&seen).filter(|(_, seen)| !**seen).map(|((path, _), _)| path).collect();
        let message = format!("the {what} of {self} also have {missing:?}, but the type has only {paths:?}");
        Err(Error::new(ErrorKind::Structure, message).help("add the fields to the struct"))
    }
}

/// The program of an artifact, and those of its derivatives.
fn body(artifact: &Artifact<'_>, program: &Program, name: &str, refused: &mut Vec<Error>) -> Result<Body> {
    let main = program.function(MAIN).ok_or_else(|| damaged("its module has no function `main`"))?;
    let inputs = artifact.inputs.iter().map(Type::aval).collect::<Result<Vec<_>>>()?;
    let outputs = artifact.outputs.iter().map(Type::aval).collect::<Result<Vec<_>>>()?;
    // With several platforms, the number of the one that it runs on comes first.
    let here = Device::current()?.platform();
    let imported = match &artifact.platforms[..] {
        [_] => None,
        all => Some(all.iter().position(|name| *name == here.name()).unwrap_or(0)),
    };
    let (takes, returns) = read::types(main)?;
    let indices = imported.iter().map(|_| Aval::new(DType::I32, ()));
    let expected: Vec<Aval> = indices.chain(artifact.kept.iter().map(|i| inputs[*i].clone())).collect();
    if takes != expected || returns != outputs {
        return Err(damaged(format!(
            "its module takes {takes:?} and returns {returns:?}, but its signature says {expected:?} and {outputs:?}"
        )));
    }
    let index = |i: usize| Array::literal(Literal::int(DType::I32, i as i64));
    let fixed: Vec<Array> = imported.map(index).into_iter().collect();
    let closed = read::function(program, MAIN, &fixed, refused)?;
    let vjp = artifact.vjp.as_ref().map(|vjp| derivative(vjp, name, refused));
    let exported = artifact.platforms.iter().map(ToString::to_string).collect();
    let only = (!artifact.portable).then(|| Arc::new(Only { exported, imported }));
    let function = FlatFunction { name: name.into(), closed, inputs, kept: artifact.kept.clone(), only };
    Ok(Body::new(function, vjp))
}

/// The derivative of the function `name`.
fn derivative(artifact: &Artifact<'_>, name: &str, refused: &mut Vec<Error>) -> Vjp {
    let mut own = Vec::new();
    let body =
        artifact.refusal().and_then(|()| body(artifact, &program(artifact.module)?, &format!("{name}_vjp"), &mut own));
    let context = |e: Error| e.context(format!("the derivative of `{name}` in the file cannot be imported"));
    refused.extend(own.into_iter().map(context));
    body.map(Arc::new).map_err(context)
}

/// Builds a value with the numbers of the leaves.
fn build<T: Tree>(named: &Named, what: &str) -> Result<T> {
    T::from_named(named).map_err(|error| {
        let theirs: Vec<String> = named.leaves().into_iter().map(|(path, _)| path).collect();
        let error = error.context(format!("{what} in the file are not those of `{}`", std::any::type_name::<T>()));
        let ours = T::from_named(&Named::new(Node::Anything)).map(|value| leaf_paths(&value));
        match ours {
            Ok(ours) => error.help(format!("the file has the leaves {theirs:?}, the type has {ours:?}")),
            Err(_) => error.help(format!("the file has the leaves {theirs:?}")),
        }
    })
}

impl About {
    pub(super) fn of(artifact: &Artifact<'_>) -> About {
        let (positional, named) = artifact.arguments();
        About {
            name: artifact.name.to_string(),
            positional,
            named,
            inputs: artifact.inputs.clone(),
            results: artifact.out_tree.clone(),
            outputs: artifact.outputs.clone(),
        }
    }

    pub(super) fn bare(program: &Program) -> Result<About> {
        let main = entry(program)?;
        let (inputs, outputs) = read::types(main)?;
        let results = match outputs.len() {
            1 => PyTree::Leaf,
            n => PyTree::Tuple(vec![PyTree::Leaf; n]),
        };
        Ok(About {
            name: program.name.as_deref().unwrap_or(&main.name).trim_start_matches("jit_").to_string(),
            positional: vec![PyTree::Leaf; inputs.len()],
            named: Vec::new(),
            inputs: inputs.iter().map(Type::of).collect(),
            results,
            outputs: outputs.iter().map(Type::of).collect(),
        })
    }

    /// The trees with the numbers of their leaves.
    fn named(&self) -> (Named, Named) {
        let mut next = 0;
        let positional = self.positional.iter().map(|tree| tree.numbered(&mut next)).collect::<Vec<_>>();
        let named = self.named.iter().map(|(_, tree)| tree.numbered(&mut next)).collect::<Vec<_>>();
        let parts = positional.into_iter().chain(named).enumerate().map(|(i, part)| (Key::Index(i), part)).collect();
        (Named::new(Node::Branch(parts)).placed(""), self.results.numbered(&mut 0).placed(""))
    }
}
