//! Functions of the user whose captured arrays become operands, so that a rule of the library sees them and their tangents:
//! what JAX's `closure_convert` does.

use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::primitive::Tangent;
use crate::ops::zeros_like;
use crate::trace::frames::{Inputs, stage};
use crate::transform::eval::eval;
use crate::transform::jvp::jvp;

use super::control_flow::tidy;

/// A traced function of one array that returns one array.
#[derive(Clone, Debug)]
pub(crate) struct Closure {
    /// Takes the captures and the argument.
    jaxpr: Arc<Jaxpr>,
    captures: usize,
}

impl Closure {
    /// Traces a function for an argument like `x`. Returns it and what it captures.
    #[track_caller]
    pub(crate) fn of(x: &Aval, place: &'static str, f: impl FnOnce(&Array) -> Array) -> (Closure, Vec<Array>) {
        let (closed, ()) = stage(std::slice::from_ref(x), &Inputs::Unknown(place), |args| (vec![f(&args[0])], ()));
        (Closure { jaxpr: tidy(&closed), captures: closed.captures.len() }, closed.captures)
    }

    pub(crate) fn call(&self, captures: &[Array], x: &Array) -> Array {
        eval(&self.jaxpr, &operands(captures, x)).swap_remove(0)
    }

    /// The derivative by the argument, element by element, as a function of the same captures.
    pub(crate) fn slope(&self) -> Closure {
        self.derived(self.captures, |x, last| {
            let mut dx = vec![None; last];
            dx.push(Some(zeros_like(&x[last]) + 1.0));
            (x.to_vec(), dx)
        })
    }

    /// The derivative along tangents of the captures that are inexact, as a function that captures these as well.
    pub(crate) fn along_captures(&self) -> Closure {
        let moving: Vec<bool> =
            self.jaxpr.input_avals().take(self.captures).map(|aval| aval.dtype.is_inexact()).collect();
        self.derived(2 * self.captures, |x, last| {
            let (captures, tangents) = x[..last].split_at(moving.len());
            let dx = moving.iter().zip(tangents).map(|(moves, t)| moves.then(|| t.clone()));
            (operands(captures, &x[last]), dx.chain([None]).collect())
        })
    }

    /// A function with this number of captures, of which `along` makes values and tangents of the operands of this one.
    fn derived(&self, captures: usize, along: impl FnOnce(&[Array], usize) -> (Vec<Array>, Vec<Tangent>)) -> Closure {
        let mut avals: Vec<Aval> = self.jaxpr.input_avals().cloned().collect();
        let x = avals.pop().unwrap_or_else(|| unreachable!("the argument is the last input"));
        let avals: Vec<Aval> = avals.iter().cycle().take(captures).cloned().chain([x]).collect();
        let (closed, ()) = stage(&avals, &Inputs::Unknown("inside the derivative of a function"), |args| {
            let (x, dx) = along(args, captures);
            let (y, dy) = jvp(&self.jaxpr, &x, &dx);
            let slope = dy.into_iter().flatten().next().unwrap_or_else(|| zeros_like(&y[0]));
            (vec![slope], ())
        });
        Closure { jaxpr: tidy(&closed), captures }
    }
}

fn operands(captures: &[Array], x: &Array) -> Vec<Array> {
    captures.iter().chain([x]).cloned().collect()
}
