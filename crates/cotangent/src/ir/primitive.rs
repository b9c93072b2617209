//! The `Primitive` trait: a struct of parameters with its rules, all in one place.

use std::any::Any;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use stablehlo::Value;

use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::array::platform::Platform;
use crate::array::{Array, InlineVec};
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::axis::{AxisName, AxisSet, NamedAxis};
use crate::ir::effects::Effects;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::routes::Routes;

/// A tangent or cotangent; `None` is the symbolic zero.
///
/// ```
/// use cotangent::extend::Tangent;
/// let zero: Tangent = None;
/// assert!(zero.is_none());
/// ```
pub type Tangent = Option<Array>;

/// The results of a primitive, nearly always one.
///
/// ```
/// use cotangent::extend::Outputs;
/// let one: Outputs<i32> = [1].into();
/// assert_eq!(one.len(), 1);
/// ```
pub type Outputs<T> = InlineVec<T, 1>;

/// The input of a transpose rule for each operand.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::extend::Operand;
/// assert!(!Operand::Known(1.0.into()).is_linear());
/// ```
#[derive(Clone, Debug)]
pub enum Operand {
    /// A value that is known when the rule runs.
    Known(Array),
    /// An operand in which the primitive is linear and whose cotangent is wanted.
    Linear(Aval),
}

impl Operand {
    /// The known value. Panics on a linear operand, which indicates a fault in a rule.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::extend::Operand;
    /// assert!(Operand::Known(1.0.into()).known().is_some());
    /// ```
    #[must_use]
    pub fn known(&self) -> Option<&Array> {
        match self {
            Operand::Known(array) => Some(array),
            Operand::Linear(_) => None,
        }
    }

    /// Whether its cotangent is wanted.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::extend::Operand;
    /// assert!(Operand::Linear(Array::from(1.0).aval()).is_linear());
    /// ```
    #[must_use]
    pub fn is_linear(&self) -> bool {
        matches!(self, Operand::Linear(_))
    }

    /// The abstract value of the operand.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::extend::Operand;
    /// assert_eq!(Operand::Known(1.0.into()).aval(), Array::from(1.0).aval());
    /// ```
    #[must_use]
    pub fn aval(&self) -> Aval {
        match self {
            Operand::Known(array) => array.aval(),
            Operand::Linear(aval) => aval.clone(),
        }
    }
}

/// Runs a program that a primitive holds. The arguments are the program, its arguments, and a description of its place.
///
/// ```
/// use cotangent::extend::{Primitive, RunProgram};
/// use cotangent::prelude::*;
/// let program = make_jaxpr(jit(|x: &Array| x + 1.0))(&2.0.into());
/// let mut names = Vec::new();
/// let mut run = |program: &cotangent::Jaxpr, args: &[Array], _: &str| -> Result<Vec<Array>> {
///     names.extend(program.eqns().iter().map(|eqn| eqn.prim().name()));
///     Ok(args.to_vec())
/// };
/// let call = program.jaxpr.eqns()[0].prim();
/// assert!(call.interpret(&[2.0f32.into()], &mut run).is_some());
/// assert_eq!(names, ["add"]);
/// ```
pub type RunProgram<'a> = dyn FnMut(&Jaxpr, &[Array], &str) -> Result<Vec<Array>> + 'a;

/// One operation of the IR: parameters (never operands) and the rules of every transform.
///
/// A primitive is a small struct that is `Clone + Eq + Hash + Debug`; the supertrait [`PrimitiveParams`] follows from
/// that. Rules use public [`Array`] operations only, so that they can be differentiated and batched themselves.
/// `docs/book/src/primitives.md` explains an example step by step.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// assert_eq!(program.jaxpr.eqns()[0].prim().name(), "add");
/// ```
pub trait Primitive: PrimitiveParams + Debug + Send + Sync + 'static {
    /// Its name, as a jaxpr prints it.
    fn name(&self) -> &'static str;

    /// Its parameters as a jaxpr prints them, in alphabetical order.
    fn params(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The abstract values of the results, or an error about the inputs.
    ///
    /// # Errors
    /// If shapes, dtypes or parameters do not fit. The message states both shapes.
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>>;

    /// Returns the results and their tangents, given inputs and tangents of which at least one is not zero.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let _ = (x, dx);
        raise(missing_rule(self.name(), "jvp"))
    }

    /// Like [`jvp`](Primitive::jvp), but the tangents become a linear program, which reverse mode transposes. So work
    /// on tangents must be in equations of its own, and the values that these need must be results of the others. A
    /// rule whose `jvp` binds values separately from tangents, as nearly all do, can keep the default.
    fn linearize(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        self.jvp(x, dx)
    }

    /// Returns the cotangents of the linear inputs, given those of the results. `None` for known inputs.
    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let _ = (ct, inputs);
        raise(missing_rule(self.name(), "transpose"))
    }

    /// Applies the primitive to inputs with a batch axis (`None`: not batched). Returns the results and their batch
    /// axes.
    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let _ = (x, axes, size);
        raise(missing_rule(self.name(), "vmap"))
    }

    /// Applies the primitive inside a function that each device of a mesh runs on its own parts. `over` has, for each
    /// operand, the axes of the mesh over which its parts may differ; over the others, all devices have the same value.
    /// Returns the results and their axes, or `None` for what holds of nearly all primitives: that each result differs
    /// where an operand differs. A result that is the same on several devices has one tangent and one cotangent, not
    /// one for each device.
    fn vary(&self, x: &[Array], over: &[AxisSet], mesh: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        let _ = (x, over, mesh);
        None
    }

    /// Writes the StableHLO of the primitive. `inputs` and `outputs` are the abstract values of arguments and results.
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outputs: &[Aval]) -> Outputs<Value>;

    /// Returns the result for scalars if it is exact, that is, equal to XLA's bit for bit; otherwise `None`.
    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        let _ = inputs;
        None
    }

    /// Returns the results for known inputs by running the programs that the primitive holds one at a time, as often as
    /// necessary; `None` if it holds none. The search for NaN uses this to step into programs.
    fn interpret(&self, inputs: &[Array], run: &mut RunProgram<'_>) -> Option<Result<Vec<Array>>> {
        let [program] = self.jaxprs()[..] else { return None };
        interpret_program(program, self.params(), inputs, run)
    }

    /// Whether its result equals its first operand if both have the same type. Such a primitive matters to a transform
    /// but not to the compiler.
    fn is_identity(&self) -> bool {
        false
    }

    /// The programs among its parameters.
    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        Vec::new()
    }

    /// The side effects of running it: by default those of the programs it holds.
    fn effects(&self) -> Effects {
        effects_of(&self.jaxprs())
    }

    /// Whether programs for the platform may contain it: by default if the programs it holds may, and if functions of
    /// this process that it calls can be called there. A program with another primitive is refused before it is
    /// lowered, with an error at the user's line.
    fn runs_on(&self, platform: Platform) -> bool {
        match &self.jaxprs_on(platform)[..] {
            [] => !self.effects().host || Routes::of(platform).host_calls,
            programs => run_on(programs, platform),
        }
    }

    /// Why programs for the platform may not contain it: the error of one that does, if the primitive does not
    /// [run there](Primitive::runs_on). The program adds the user's line.
    fn refusal(&self, platform: Platform) -> Error {
        refusal_of(self.name(), self.effects(), platform)
    }

    /// The programs among its parameters that a program for the platform contains: by default all of them.
    fn jaxprs_on(&self, platform: Platform) -> Vec<&Arc<Jaxpr>> {
        let _ = platform;
        self.jaxprs()
    }

    /// Whether its meaning depends on the element of the mapped axis `name`, whatever its operands are: because it is a
    /// collective over that axis, or holds a program with one. Then it is batched even if no operand is.
    fn uses_axis(&self, name: &AxisName) -> bool {
        use_axis(&self.jaxprs(), name)
    }

    /// Whether it is a loop: of the programs among its parameters, or, if it holds none, of steps that its lowering
    /// writes and that compute with its operands and results.
    fn is_loop(&self) -> bool {
        false
    }

    /// Whether it reads or writes only a few elements of an operand, whatever the size of that operand.
    fn is_indexing(&self) -> bool {
        false
    }
}

// What the default methods do is in functions of its own: each primitive has a copy of its methods.

fn interpret_program(
    program: &Jaxpr,
    params: Vec<(&'static str, String)>,
    inputs: &[Array],
    run: &mut RunProgram<'_>,
) -> Option<Result<Vec<Array>>> {
    let same = |(aval, x): (&Aval, &Array)| *aval.shape == *x.shape() && aval.dtype == x.dtype();
    let fits = program.inputs().len() == inputs.len() && program.input_avals().zip(inputs).all(same);
    let name = params.into_iter().find(|(key, _)| *key == "name");
    let place = name.map_or_else(String::new, |(_, name)| format!("in `{name}`"));
    fits.then(|| run(program, inputs, &place))
}

fn effects_of(programs: &[&Arc<Jaxpr>]) -> Effects {
    programs.iter().map(|jaxpr| jaxpr.effects()).collect()
}

/// Whether programs that a primitive holds run on a platform.
pub(crate) fn run_on(programs: &[&Arc<Jaxpr>], platform: Platform) -> bool {
    programs.iter().all(|jaxpr| jaxpr.eqns().iter().all(|eqn| eqn.prim.runs_on(platform)))
}

/// The error for a primitive that does not run on a platform.
pub(crate) fn refusal_of(name: &str, effects: Effects, platform: Platform) -> Error {
    if effects.host {
        let message = format!("a program that calls functions of this process does not run on {platform:?}");
        return Error::new(ErrorKind::Runtime, message)
            .help("leave out callbacks and debug prints, return the values instead, or run this function on the CPU");
    }
    Error::new(ErrorKind::Device, format!("`{name}` does not run on {platform:?}"))
        .help("move its operands to the CPU first, with `.to(Device::cpu(0))`, and compute it there")
}

fn use_axis(programs: &[&Arc<Jaxpr>], name: &AxisName) -> bool {
    programs.iter().any(|jaxpr| jaxpr.uses_axis(name))
}

/// The error for a primitive that a transform does not support.
///
/// ```
/// use cotangent::ErrorKind;
/// use cotangent::extend::missing_rule;
/// assert_eq!(missing_rule("sort", "transpose").kind(), ErrorKind::Transform);
/// ```
#[must_use]
pub fn missing_rule(primitive: &str, transform: &str) -> Error {
    Error::new(ErrorKind::Transform, format!("the primitive `{primitive}` has no {transform} rule")).help(
        match transform {
            "transpose" => "it is not linear in this argument; differentiate through its jvp rule instead",
            _ => "implement that method of `Primitive` for it, or keep it out of the transformed function",
        },
    )
}

/// The error for an operand that a primitive cannot be differentiated with respect to.
pub(crate) fn no_derivative(primitive: &str, operand: &str) -> Error {
    Error::new(ErrorKind::Transform, format!("`{primitive}` has no derivative with respect to {operand}"))
        .help("apply `.stop_gradient()` to that operand, or define a rule with `custom_jvp`")
}

/// Equality, hashing and cloning of primitives behind a pointer. Implemented for every suitable type.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// let prim = program.jaxpr.eqns()[0].prim();
/// assert!(prim.params_eq(&**prim));
/// ```
pub trait PrimitiveParams {
    /// The concrete type, for downcasts.
    fn as_any(&self) -> &dyn Any;
    /// Whether both have the same type and the same parameters.
    fn params_eq(&self, other: &dyn Primitive) -> bool;
    /// Hashes the type and the parameters.
    fn params_hash(&self, state: &mut dyn Hasher);
    /// A clone of the primitive behind a new shared pointer.
    fn to_arc(&self) -> Arc<dyn Primitive>;
}

impl<T: Primitive + Clone + Eq + Hash> PrimitiveParams for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn params_eq(&self, other: &dyn Primitive) -> bool {
        other.as_any().downcast_ref::<T>().is_some_and(|other| self == other)
    }

    fn params_hash(&self, mut state: &mut dyn Hasher) {
        std::any::TypeId::of::<T>().hash(&mut state);
        self.hash(&mut state);
    }

    fn to_arc(&self) -> Arc<dyn Primitive> {
        Arc::new(self.clone())
    }
}

impl PartialEq for dyn Primitive {
    fn eq(&self, other: &dyn Primitive) -> bool {
        self.params_eq(other)
    }
}

impl Eq for dyn Primitive {}

impl Hash for dyn Primitive {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.params_hash(state);
    }
}
