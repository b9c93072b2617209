//! The search for the first NaN, or infinity, of a program.

use std::cell::Cell;
use std::sync::Arc;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::error::scoped::with_value;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Eqn, Jaxpr};

use super::execute::{Runtime, run};
use super::interpret::interpret;

/// A number that a search looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sought {
    Nan,
    Infinity,
}

impl Sought {
    const ALL: [Sought; 2] = [Sought::Nan, Sought::Infinity];

    /// Its name in messages.
    fn name(self) -> &'static str {
        match self {
            Sought::Nan => "NaN (not a number)",
            Sought::Infinity => "infinity",
        }
    }

    fn with_article(self) -> String {
        format!("{} {}", if self == Sought::Nan { "a" } else { "an" }, self.name())
    }

    fn among(self, dtype: DType, bytes: &[u8]) -> bool {
        fn any<const N: usize>(bytes: &[u8], is_sought: impl Fn([u8; N]) -> bool) -> bool {
            bytes.as_chunks::<N>().0.iter().any(|c| is_sought(*c))
        }
        macro_rules! any_of {
            ($t:ty) => {
                match self {
                    Sought::Nan => any(bytes, |c| <$t>::from_ne_bytes(c).is_nan()),
                    Sought::Infinity => any(bytes, |c| <$t>::from_ne_bytes(c).is_infinite()),
                }
            };
        }
        match dtype {
            DType::F16 => any_of!(half::f16),
            DType::BF16 => any_of!(half::bf16),
            DType::F32 | DType::C64 => any_of!(f32),
            DType::F64 | DType::C128 => any_of!(f64),
            _ => false,
        }
    }

    /// Whether an array has this number.
    fn in_any(self, arrays: &[Array]) -> Result<bool> {
        for x in arrays {
            if x.dtype().is_inexact() && self.among(x.dtype(), &x.to_bytes()?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

thread_local! {
    /// Whether each of [`Sought::ALL`] is looked for.
    static ENABLED: Cell<[bool; 2]> = const { Cell::new([false; 2]) };
}

/// Whether programs that this thread runs are searched.
pub(crate) fn enabled() -> bool {
    ENABLED.get() != [false; 2]
}

/// Turns the search for a number on or off, and returns the previous setting.
pub(crate) fn set(sought: Sought, on: bool) -> bool {
    let mut all = ENABLED.get();
    let before = std::mem::replace(&mut all[sought as usize], on);
    ENABLED.set(all);
    before
}

impl Runtime {
    /// If a search is on and a result has the number, returns the error that says where it came from.
    pub(crate) fn check_nans(
        &'static self,
        jaxpr: &Jaxpr,
        args: &[&Array],
        results: &[Array],
        committed: bool,
    ) -> Result<()> {
        let on = ENABLED.get();
        let mut found = None;
        for sought in Sought::ALL {
            if on[sought as usize] && found.is_none() && sought.in_any(results)? {
                found = Some(sought);
            }
        }
        let Some(sought) = found else { return Ok(()) };
        let search = Search { sought, place: String::new(), committed };
        with_value(&ENABLED, [false; 2], || self.follow(jaxpr, args, &search))?;
        Err(Error::new(
            ErrorKind::Value,
            format!(
                "a result has {} that did not appear when the program ran again one operation at a time",
                sought.with_article()
            ),
        )
        .help("the compiler may round a fused operation differently"))
    }

    /// Runs a program equation by equation, up to the first one that produces the number. The error names that equation.
    fn follow(&'static self, jaxpr: &Jaxpr, args: &[&Array], search: &Search) -> Result<Vec<Array>> {
        interpret(jaxpr, args, |eqn, inputs| self.follow_equation(jaxpr, eqn, inputs, search))
    }

    fn follow_equation(
        &'static self,
        jaxpr: &Jaxpr,
        eqn: &Eqn,
        inputs: &[&Array],
        search: &Search,
    ) -> Result<Vec<Array>> {
        let sought = search.sought;
        let step_into = || {
            let inputs: Vec<Array> = inputs.iter().map(|x| (*x).clone()).collect();
            eqn.prim.interpret(&inputs, &mut |program, args, inside| {
                self.follow(program, &args.iter().collect::<Vec<_>>(), &search.inside(inside))
            })
        };
        if eqn.prim.effects().kept {
            // Effects are not repeated. Programs inside other primitives can be followed without them.
            if eqn.outputs.is_empty() {
                return Ok(Vec::new());
            }
            return step_into().unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Value,
                    format!(
                        "a result has {}, and the program cannot be run again to find its origin: it has effects",
                        sought.with_article()
                    ),
                ))
            });
        }
        let alone = Arc::new(jaxpr.alone(eqn));
        let outputs = match &self.many {
            Some(many) => many.execute(&alone, inputs)?,
            None => run(&self.program(&alone, &[])?.0, inputs, search.committed)?,
        };
        if !sought.in_any(&outputs)? {
            return Ok(outputs);
        }
        if let Some(inside) = step_into() {
            inside?;
        }
        let types: Vec<String> = outputs.iter().map(|x| x.aval().to_string()).collect();
        let (name, types, place) = (sought.name(), types.join(", "), &search.place);
        let mut message = format!("{name} in the result of `{}`, {types}{place}", eqn.prim.name());
        let inputs: Vec<Array> = inputs.iter().map(|x| (*x).clone()).collect();
        message += if sought.in_any(&inputs)? { "; an operand has one already" } else { "; its operands have none" };
        Err(Error::new(ErrorKind::Value, message))
    }
}

/// What is looked for, and where.
struct Search {
    sought: Sought,
    /// The place of the program in the one that ran, as text for messages.
    place: String,
    /// Whether the program runs on the device of its arguments.
    committed: bool,
}

impl Search {
    /// The same search in a program inside an equation.
    fn inside(&self, inside: &str) -> Search {
        let place = if inside.is_empty() { self.place.clone() } else { format!("{}, {inside}", self.place) };
        Search { place, ..*self }
    }
}
