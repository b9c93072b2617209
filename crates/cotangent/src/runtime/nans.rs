//! The search for the first NaN of a program.

use std::cell::Cell;
use std::sync::Arc;

use crate::array::Array;
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::jaxpr::{Eqn, Jaxpr};

use super::execute::{Runtime, run};
use super::interpret::interpret;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(false) };
}

/// Whether programs that this thread runs are searched for NaN.
pub(crate) fn enabled() -> bool {
    ENABLED.get()
}

/// Turns the search on or off, and returns the previous setting.
pub(crate) fn set(on: bool) -> bool {
    ENABLED.replace(on)
}

fn any_nan(arrays: &[Array]) -> Result<bool> {
    for x in arrays {
        if x.dtype().is_inexact() && has_nan(x.dtype(), &x.to_bytes()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_nan(dtype: DType, bytes: &[u8]) -> bool {
    fn any<const N: usize>(bytes: &[u8], is_nan: impl Fn([u8; N]) -> bool) -> bool {
        bytes.as_chunks::<N>().0.iter().any(|c| is_nan(*c))
    }
    match dtype {
        DType::F16 => any(bytes, |c| half::f16::from_ne_bytes(c).is_nan()),
        DType::BF16 => any(bytes, |c| half::bf16::from_ne_bytes(c).is_nan()),
        DType::F32 | DType::C64 => any(bytes, |c| f32::from_ne_bytes(c).is_nan()),
        DType::F64 | DType::C128 => any(bytes, |c| f64::from_ne_bytes(c).is_nan()),
        _ => false,
    }
}

impl Runtime {
    /// If the search is on and a result has a NaN, returns the error that says where it came from.
    pub(crate) fn check_nans(
        &'static self,
        jaxpr: &Jaxpr,
        args: &[&Array],
        results: &[Array],
        committed: bool,
    ) -> Result<()> {
        if !enabled() || !any_nan(results)? {
            return Ok(());
        }
        struct Restore;
        impl Drop for Restore {
            fn drop(&mut self) {
                ENABLED.set(true);
            }
        }
        ENABLED.set(false);
        let _restore = Restore;
        self.follow(jaxpr, args, "", committed)?;
        Err(Error::new(
            ErrorKind::Value,
            "a result has a NaN (not a number) that did not appear when the program ran again one operation at a time",
        )
        .help("the compiler may round a fused operation differently"))
    }

    /// Runs a program equation by equation, up to the first one that produces a NaN. The error names that equation.
    fn follow(&'static self, jaxpr: &Jaxpr, args: &[&Array], place: &str, committed: bool) -> Result<Vec<Array>> {
        interpret(jaxpr, args, |eqn, inputs| self.follow_equation(jaxpr, eqn, inputs, place, committed))
    }

    fn follow_equation(
        &'static self,
        jaxpr: &Jaxpr,
        eqn: &Eqn,
        inputs: &[&Array],
        place: &str,
        committed: bool,
    ) -> Result<Vec<Array>> {
        let step_into = || {
            let inputs: Vec<Array> = inputs.iter().map(|x| (*x).clone()).collect();
            eqn.prim.interpret(&inputs, &mut |program, args, inside| {
                let place = if inside.is_empty() { place.to_string() } else { format!("{place}, {inside}") };
                self.follow(program, &args.iter().collect::<Vec<_>>(), &place, committed)
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
                    "a result has a NaN (not a number), and the program cannot be run again to find its origin: \
                     it has effects",
                ))
            });
        }
        let alone = Arc::new(jaxpr.alone(eqn));
        let outputs = match &self.many {
            Some(many) => many.execute(&alone, inputs)?,
            None => run(&self.program(&alone, &[])?.0, inputs, committed)?,
        };
        if !any_nan(&outputs)? {
            return Ok(outputs);
        }
        if let Some(inside) = step_into() {
            inside?;
        }
        let types: Vec<String> = outputs.iter().map(|x| x.aval().to_string()).collect();
        let types = types.join(", ");
        let mut message = format!("NaN (not a number) in the result of `{}`, {types}{place}", eqn.prim.name());
        let inputs: Vec<Array> = inputs.iter().map(|x| (*x).clone()).collect();
        message += if any_nan(&inputs)? { "; an operand has one already" } else { "; its operands have none" };
        Err(Error::new(ErrorKind::Value, message))
    }
}
