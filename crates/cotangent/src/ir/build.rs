//! Building a program equation by equation. Each equation is checked as it is added.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::Var;
use crate::array::aval::Aval;
use crate::error::location::Origin;
use crate::error::{Error, Result};
use crate::ir::jaxpr::{Atom, Eqn, Jaxpr};
use crate::ir::primitive::Primitive;

/// Builds a [`Jaxpr`] without tracing a function.
///
/// ```
/// use cotangent::extend::{JaxprBuilder, primitives};
/// use cotangent::prelude::*;
/// use cotangent::Aval;
///
/// let mut program = JaxprBuilder::new();
/// let x = program.input(Aval::new(DType::F32, [2]));
/// let y = program.bind(primitives::Neg, &[x.into()]).unwrap()[0];
/// let program = program.finish(&[y.into()]).unwrap();
/// assert_eq!(program.to_string(), "{ lambda ; a:f32[2]. let\n    b:f32[2] = neg a\n  in (b,) }");
/// ```
#[derive(Clone, Debug, Default)]
pub struct JaxprBuilder {
    avals: Vec<Aval>,
    inputs: Vec<Var>,
    eqns: Vec<Eqn>,
}

impl JaxprBuilder {
    /// A program without inputs or equations.
    ///
    /// ```
    /// use cotangent::extend::JaxprBuilder;
    /// assert_eq!(JaxprBuilder::new().finish(&[]).unwrap().size(), 0);
    /// ```
    #[must_use]
    pub fn new() -> JaxprBuilder {
        JaxprBuilder::default()
    }

    fn fresh(&mut self, aval: Aval) -> Var {
        self.avals.push(aval);
        Var(self.avals.len() as u32 - 1)
    }

    /// Adds an argument.
    ///
    /// ```
    /// use cotangent::extend::JaxprBuilder;
    /// use cotangent::{Aval, DType};
    /// let mut program = JaxprBuilder::new();
    /// let x = program.input(Aval::new(DType::F32, [2]));
    /// assert_eq!(program.finish(&[x.into()]).unwrap().inputs().len(), 1);
    /// ```
    pub fn input(&mut self, aval: Aval) -> Var {
        let var = self.fresh(aval);
        self.inputs.push(var);
        var
    }

    fn aval(&self, atom: Atom) -> Result<Aval> {
        match atom {
            Atom::Lit(literal) => Ok(literal.aval()),
            Atom::Var(var) => self.avals.get(var.index()).cloned().ok_or_else(|| {
                Error::value(format!("variable {} is not defined by an input or an equation", var.index()))
                    .help("use the variables that `input` and `bind` of the same builder return")
            }),
        }
    }

    /// Adds an equation and returns the variables that it defines.
    ///
    /// # Errors
    /// If an operand is not a variable of this program, or the operands do not fit the primitive.
    ///
    /// ```
    /// use cotangent::extend::{JaxprBuilder, primitives};
    /// use cotangent::{Aval, DType};
    /// let mut program = JaxprBuilder::new();
    /// let x = program.input(Aval::new(DType::F32, [2]));
    /// let y = program.input(Aval::new(DType::F32, [3]));
    /// assert!(program.bind(primitives::Add, &[x.into(), y.into()]).is_err());
    /// ```
    #[track_caller]
    pub fn bind(&mut self, prim: impl Primitive, inputs: &[Atom]) -> Result<Vec<Var>> {
        let avals = inputs.iter().map(|a| self.aval(*a)).collect::<Result<SmallVec<[Aval; 4]>>>()?;
        let outputs = prim.infer(&avals).map_err(|error| error.context(prim.name()))?;
        let outputs: SmallVec<[Var; 1]> = outputs.into_iter().map(|aval| self.fresh(aval)).collect();
        let defined = outputs.to_vec();
        self.eqns.push(Eqn {
            prim: Arc::new(prim),
            inputs: inputs.into(),
            outputs,
            loc: Origin::from(Location::caller()),
        });
        Ok(defined)
    }

    /// Finishes the program with these results.
    ///
    /// # Errors
    /// If a result is not a variable of this program.
    ///
    /// ```
    /// use cotangent::extend::{Atom, JaxprBuilder, Literal};
    /// use cotangent::DType;
    /// let one = Atom::Lit(Literal::int(DType::I32, 1));
    /// assert_eq!(JaxprBuilder::new().finish(&[one]).unwrap().outputs().len(), 1);
    /// ```
    pub fn finish(self, outputs: &[Atom]) -> Result<Jaxpr> {
        outputs.iter().try_for_each(|a| self.aval(*a).map(drop))?;
        Ok(Jaxpr::new(self.avals, self.inputs, self.eqns, outputs.to_vec()))
    }
}
