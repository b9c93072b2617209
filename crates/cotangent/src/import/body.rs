//! What an imported function runs: its program, with the derivative that the file has for it.

use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::platform::Platform;
use crate::control::call::{Call, Only};
use crate::control::custom_vjp::{CustomVjp, VjpRule};
use crate::control::ignored_by_eq::IgnoredByEq;
use crate::error::{Error, Result, raise};
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::ir::primitive::Tangent;
use crate::ops::zeros;
use crate::trace::frames::{Inputs, bind, stage};

/// The program of a function.
pub(super) struct Body {
    function: FlatFunction,
    derivative: Option<Derivative>,
}

/// A function of a file, on flat lists of arrays.
#[derive(Clone)]
pub(super) struct FlatFunction {
    pub(super) name: Arc<str>,
    /// It takes its captures, and then the arguments that it needs.
    pub(super) closed: Closed,
    /// The types of all arguments.
    pub(super) inputs: Vec<Aval>,
    /// The arguments that it needs.
    pub(super) kept: Vec<usize>,
    /// Where it may run, if not everywhere.
    pub(super) only: Option<Arc<Only>>,
}

/// The derivative in the file, or why it cannot be read.
pub(super) type Vjp = Result<Arc<Body>>;

/// The derivative of a program.
struct Derivative {
    vjp: Vjp,
    /// The program as the primitive holds it. It takes all arguments, since the derivative may use those that the program
    /// does not.
    whole: Arc<Jaxpr>,
}

impl FlatFunction {
    fn call(&self, captures: &[Array], args: &[Array]) -> Vec<Array> {
        let operands: Vec<&Array> = captures.iter().chain(self.kept.iter().map(|i| &args[*i])).collect();
        let call = Call::new(self.name.clone(), self.closed.jaxpr.clone());
        bind(Call { only: self.only.clone(), ..call }, &operands).into_vec()
    }
}

impl Body {
    pub(super) fn new(function: FlatFunction, vjp: Option<Vjp>) -> Body {
        let derivative = vjp.map(|vjp| {
            let captures = &function.closed.captures;
            let avals: Vec<Aval> = captures.iter().map(Array::aval).chain(function.inputs.iter().cloned()).collect();
            let (whole, ()) = stage(&avals, &Inputs::Unknown("in an imported function"), |args| {
                let (captures, args) = args.split_at(captures.len());
                (function.call(captures, args), ())
            });
            Derivative { vjp, whole: whole.jaxpr }
        });
        Body { function, derivative }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.function.name
    }

    pub(super) fn inputs(&self) -> &[Aval] {
        &self.function.inputs
    }

    pub(super) fn jaxpr(&self) -> &Jaxpr {
        &self.function.closed.jaxpr
    }

    /// How often reverse mode can be applied with the derivatives in the file.
    pub(super) fn vjp_order(&self) -> usize {
        match &self.derivative {
            Some(Derivative { vjp: Ok(vjp), .. }) => 1 + vjp.vjp_order(),
            _ => 0,
        }
    }

    /// Why a derivative in the file cannot be read.
    pub(super) fn problem(&self) -> Option<&Error> {
        match &self.derivative.as_ref()?.vjp {
            Ok(vjp) => vjp.problem(),
            Err(error) => Some(error),
        }
    }

    /// The same program, whose derivatives are those of its operations.
    pub(super) fn without_vjp(&self) -> Body {
        Body { function: self.function.clone(), derivative: None }
    }

    /// The same program, with its derivatives, for all platforms.
    pub(super) fn on_any_platform(&self) -> Body {
        let vjp =
            self.derivative.as_ref().map(|derivative| derivative.vjp.clone().map(|vjp| vjp.on_any_platform().into()));
        Body::new(FlatFunction { only: None, ..self.function.clone() }, vjp)
    }

    /// Says that the program does not run on a platform, if it does not.
    pub(super) fn check_platform(&self, platform: Platform) -> Result<()> {
        self.function.only.as_ref().map_or(Ok(()), |only| only.check(&self.function.name, platform))
    }

    pub(super) fn call(self: &Arc<Body>, args: &[Array]) -> Vec<Array> {
        let FlatFunction { closed, name, .. } = &self.function;
        let Some(Derivative { vjp, whole }) = &self.derivative else {
            return self.function.call(&closed.captures, args);
        };
        let rule = Rule { body: self.clone(), vjp: vjp.clone() };
        let prim = CustomVjp {
            name: name.clone(),
            jaxpr: whole.clone(),
            consts: closed.captures.len(),
            rule: IgnoredByEq(Arc::new(rule)),
        };
        bind(prim, &closed.captures.iter().chain(args).collect::<Vec<_>>()).into_vec()
    }
}

/// Reverse mode by the derivative in the file.
struct Rule {
    body: Arc<Body>,
    vjp: Vjp,
}

impl Rule {
    fn vjp(&self) -> &Arc<Body> {
        self.vjp.as_ref().unwrap_or_else(|error| {
            raise(error.clone().help("`Model::without_vjp` differentiates the operations of the program instead"))
        })
    }

    /// Whether the derivative needs an argument. Its own derivative may need any.
    fn needs(&self, argument: usize) -> bool {
        let vjp = self.vjp();
        vjp.derivative.is_some() || vjp.function.kept.contains(&argument)
    }
}

impl VjpRule for Rule {
    fn forward(&self, args: &[Array]) -> (Vec<Array>, Vec<Array>) {
        let residuals = args.iter().enumerate().filter(|(i, _)| self.needs(*i)).map(|(_, x)| x.clone()).collect();
        (self.body.call(args), residuals)
    }

    fn backward(&self, residuals: &[Array], cts: &[Array]) -> Vec<Tangent> {
        let vjp = self.vjp();
        let zero = |aval: &Aval| zeros(&aval.shape, aval.dtype);
        let inputs = self.body.inputs();
        let mut residuals = residuals.iter();
        let args = inputs.iter().enumerate().map(|(i, aval)| match self.needs(i) {
            true => residuals.next().cloned().unwrap_or_else(|| zero(aval)),
            false => zero(aval),
        });
        let cts = vjp.inputs()[inputs.len()..].iter().zip(cts).map(|(aval, ct)| match aval.dtype.is_inexact() {
            true => ct.clone(),
            false => zero(aval),
        });
        let back = vjp.call(&args.chain(cts).collect::<Vec<_>>());
        inputs.iter().zip(back).map(|(aval, ct)| aval.dtype.is_inexact().then_some(ct)).collect()
    }

    fn differentiates(&self, _: usize) -> bool {
        true
    }

    fn instead(&self) -> &'static str {
        "the derivatives in the file are for `grad`, `vjp` and `jacrev`; `Model::without_vjp` differentiates the operations \
         of the program instead, in both modes"
    }
}
