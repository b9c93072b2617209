//! The IR: a jaxpr is a list of equations over typed variables.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHasher;
use smallvec::SmallVec;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::literal::Literal;
use crate::error::Loc;
use crate::error::location::Origin;
use crate::ir::axis::AxisName;
use crate::ir::effects::Effects;
use crate::ir::primitive::Primitive;

pub use crate::array::Var;

/// An operand: a variable, or a scalar literal.
///
/// ```
/// use cotangent::{extend::Atom, prelude::*};
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// let &[x, one] = program.jaxpr.eqns()[0].inputs() else { unreachable!() };
/// assert_eq!(x, Atom::Var(program.jaxpr.inputs()[0]));
/// assert!(x.var().is_some() && x.literal().is_none());
/// assert!(one.var().is_none() && one.literal().is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Atom {
    /// A variable.
    Var(Var),
    /// A scalar literal.
    Lit(Literal),
}

impl Atom {
    /// The variable, if the atom is one.
    #[must_use]
    pub fn var(self) -> Option<Var> {
        match self {
            Atom::Var(var) => Some(var),
            Atom::Lit(_) => None,
        }
    }

    /// The scalar, if the atom is one.
    #[must_use]
    pub fn literal(self) -> Option<Literal> {
        match self {
            Atom::Var(_) => None,
            Atom::Lit(literal) => Some(literal),
        }
    }
}

impl From<Var> for Atom {
    fn from(var: Var) -> Atom {
        Atom::Var(var)
    }
}

impl From<Literal> for Atom {
    fn from(literal: Literal) -> Atom {
        Atom::Lit(literal)
    }
}

/// One equation, `outputs = primitive(inputs)`, from the user's line `loc`.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// let eqn = &program.jaxpr.eqns()[0];
/// assert_eq!(eqn.prim().name(), "add");
/// assert_eq!(eqn.inputs()[0], program.jaxpr.inputs()[0].into());
/// assert_eq!(program.jaxpr.outputs()[0], eqn.outputs()[0].into());
/// assert!(eqn.loc().line() > 0 && eqn.scope().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Eqn {
    pub(crate) prim: Arc<dyn Primitive>,
    pub(crate) inputs: SmallVec<[Atom; 3]>,
    pub(crate) outputs: SmallVec<[Var; 1]>,
    pub(crate) loc: Origin,
}

impl Eqn {
    /// The operation.
    #[must_use]
    pub fn prim(&self) -> &Arc<dyn Primitive> {
        &self.prim
    }

    /// Its operands.
    #[must_use]
    pub fn inputs(&self) -> &[Atom] {
        &self.inputs
    }

    /// The variables that it defines.
    #[must_use]
    pub fn outputs(&self) -> &[Var] {
        &self.outputs
    }

    /// The user's line that it comes from.
    #[must_use]
    pub fn loc(&self) -> Loc {
        self.loc.loc
    }

    /// The names of the scopes around it, joined by `/`; see [`named_scope`](crate::named_scope).
    ///
    /// ```
    /// use cotangent::{named_scope, prelude::*};
    /// let program = make_jaxpr(|x: &Array| named_scope("shift", || x + 1.0))(&2.0.into());
    /// assert_eq!(program.jaxpr.eqns()[0].scope(), Some("shift"));
    /// ```
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.loc.scope.names()
    }

    /// Whether it has no operands but literals.
    pub(crate) fn is_nullary(&self) -> bool {
        self.inputs.iter().all(|a| a.var().is_none())
    }
}

impl PartialEq for Eqn {
    /// Lines are ignored: the same program from another line is the same program. Names of scopes are not, so that each
    /// program keeps its own.
    fn eq(&self, other: &Eqn) -> bool {
        self.inputs == other.inputs
            && self.outputs == other.outputs
            && self.loc.scope == other.loc.scope
            && *self.prim == *other.prim
    }
}

impl Eq for Eqn {}

/// A program. Two programs are equal if they differ only in locations.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x.sin().cos())(&2.0.into());
/// let jaxpr = &program.jaxpr;
/// let names: Vec<_> = jaxpr.eqns().iter().map(|eqn| eqn.prim().name()).collect();
/// assert_eq!(names, ["sin", "cos"]);
/// assert_eq!((jaxpr.inputs().len(), jaxpr.outputs().len(), jaxpr.avals().len(), jaxpr.size()), (1, 1, 3, 2));
/// assert_eq!(jaxpr.aval(&jaxpr.outputs()[0]).dtype, DType::F32);
/// assert!(jaxpr.input_avals().zip(jaxpr.output_avals()).all(|(from, to)| *from == to));
/// assert!(!jaxpr.effects().kept);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Jaxpr {
    avals: Vec<Aval>,
    inputs: Vec<Var>,
    eqns: Vec<Eqn>,
    outputs: Vec<Atom>,
    hash: OnceLock<u64>,
    effects: OnceLock<Effects>,
}

impl Jaxpr {
    /// Makes a program from its parts. [`JaxprBuilder`](super::build::JaxprBuilder) also checks them.
    pub(crate) fn new(avals: Vec<Aval>, inputs: Vec<Var>, eqns: Vec<Eqn>, outputs: Vec<Atom>) -> Jaxpr {
        Jaxpr { avals, inputs, eqns, outputs, hash: OnceLock::new(), effects: OnceLock::new() }
    }

    /// The abstract value of each variable, by its index.
    #[must_use]
    pub fn avals(&self) -> &[Aval] {
        &self.avals
    }

    /// The arguments. Captured values come first.
    #[must_use]
    pub fn inputs(&self) -> &[Var] {
        &self.inputs
    }

    /// The equations, in the order in which they were traced.
    #[must_use]
    pub fn eqns(&self) -> &[Eqn] {
        &self.eqns
    }

    /// The results.
    #[must_use]
    pub fn outputs(&self) -> &[Atom] {
        &self.outputs
    }

    /// The same program with other results.
    pub(crate) fn with_outputs(&self, outputs: Vec<Atom>) -> Jaxpr {
        Jaxpr::new(self.avals.clone(), self.inputs.clone(), self.eqns.clone(), outputs)
    }

    /// A program of one equation, whose operands are the arguments.
    pub(crate) fn of_one(
        prim: Arc<dyn Primitive>,
        inputs: impl IntoIterator<Item = Aval>,
        outputs: impl IntoIterator<Item = Aval>,
        loc: Origin,
    ) -> Jaxpr {
        let mut avals: Vec<Aval> = inputs.into_iter().collect();
        let n = avals.len() as u32;
        avals.extend(outputs);
        let (params, results) = ((0..n).map(Var), (n..avals.len() as u32).map(Var));
        let eqn =
            Eqn { prim, inputs: params.clone().map(Atom::Var).collect(), outputs: results.clone().collect(), loc };
        Jaxpr::new(avals, params.collect(), vec![eqn], results.map(Atom::Var).collect())
    }

    /// One of its equations as a separate program, whose arguments are the operands.
    pub(crate) fn alone(&self, eqn: &Eqn) -> Jaxpr {
        let outputs = eqn.outputs.iter().map(|v| self.avals[v.index()].clone());
        Jaxpr::of_one(eqn.prim.clone(), eqn.inputs.iter().map(|a| self.aval(a)), outputs, eqn.loc)
    }

    /// The abstract value of an atom.
    #[must_use]
    pub fn aval(&self, atom: &Atom) -> Aval {
        match atom {
            Atom::Var(var) => self.avals[var.index()].clone(),
            Atom::Lit(literal) => literal.aval(),
        }
    }

    /// The abstract values of the arguments.
    pub fn input_avals(&self) -> impl ExactSizeIterator<Item = &Aval> {
        self.inputs.iter().map(|v| &self.avals[v.index()])
    }

    /// The abstract values of the results.
    pub fn output_avals(&self) -> impl ExactSizeIterator<Item = Aval> {
        self.outputs.iter().map(|a| self.aval(a))
    }

    /// The number of equations, including those of nested programs.
    #[must_use]
    pub fn size(&self) -> usize {
        self.eqns.iter().map(|e| 1 + e.prim.jaxprs().iter().map(|j| j.size()).sum::<usize>()).sum()
    }

    /// The side effects of running it.
    #[must_use]
    pub fn effects(&self) -> Effects {
        *self.effects.get_or_init(|| self.eqns.iter().map(|e| e.prim.effects()).collect())
    }

    /// Whether it contains a collective over the mapped axis `name`.
    pub(crate) fn uses_axis(&self, name: &AxisName) -> bool {
        self.eqns.iter().any(|e| e.prim.uses_axis(name))
    }

    /// A hash of the structure, computed once.
    fn structure_hash(&self) -> u64 {
        *self.hash.get_or_init(|| {
            let mut h = FxHasher::default();
            self.avals.hash(&mut h);
            self.inputs.hash(&mut h);
            for eqn in &self.eqns {
                eqn.prim.params_hash(&mut h);
                eqn.inputs.hash(&mut h);
                eqn.outputs.hash(&mut h);
            }
            self.outputs.hash(&mut h);
            h.finish()
        })
    }
}

impl PartialEq for Jaxpr {
    fn eq(&self, other: &Jaxpr) -> bool {
        std::ptr::eq(self, other)
            || (self.structure_hash() == other.structure_hash()
                && self.inputs == other.inputs
                && self.outputs == other.outputs
                && self.avals == other.avals
                && self.eqns == other.eqns)
    }
}

impl Eq for Jaxpr {}

impl Hash for Jaxpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.structure_hash());
    }
}

/// A program with the values it captured from outside, which are its leading inputs.
///
/// ```
/// use cotangent::prelude::*;
/// let shift = np::array([1.0, 2.0]);
/// let program = make_jaxpr(|x: &Array| x + &shift)(&2.0.into());
/// assert_eq!(program.captures.len(), 1);
/// assert_eq!((program.jaxpr.inputs().len(), program.input_avals().count()), (2, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Closed {
    /// The program.
    pub jaxpr: Arc<Jaxpr>,
    /// Its first inputs.
    pub captures: Vec<Array>,
}

impl Closed {
    /// The abstract values of the arguments that are not captured.
    pub fn input_avals(&self) -> impl Iterator<Item = &Aval> {
        self.jaxpr.input_avals().skip(self.captures.len())
    }
}
