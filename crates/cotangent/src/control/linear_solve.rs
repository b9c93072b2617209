//! Linear systems whose derivative is another linear system: the primitive behind `custom_linear_solve`.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::batch::{batch_everywhere, in_front};
use crate::transform::jvp::jvp;
use crate::transform::transpose::backward;

/// `custom_linear_solve`: finds the `x` with `matvec(x) = b` by a program of the user.
///
/// The operands are what `matvec` captures, what `solve` and `transpose_solve` capture, and the right-hand side.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LinearSolve {
    /// From its captures and `x` to the product with it.
    pub matvec: Operator,
    /// From its captures and `b` to the solution.
    pub solve: Operator,
    /// The same for the transposed system. Without it there is no reverse mode.
    pub transpose_solve: Option<Operator>,
    /// Whether the system is its own transpose.
    pub symmetric: bool,
}

/// A program and the number of its captured values.
/// A linear operator as a program, and how many of its inputs are captured values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operator {
    /// The program. The captured values are its leading inputs.
    pub jaxpr: Arc<Jaxpr>,
    /// Their number.
    pub consts: usize,
}

const INSIDE: Inputs<'static> = Inputs::Unknown("inside `custom_linear_solve`");

/// The operands of a solve, or masks over them.
struct Parts<'a, T> {
    matvec: &'a [T],
    solve: &'a [T],
    transpose: &'a [T],
    b: &'a [T],
}

impl LinearSolve {
    fn parts<'a, T>(&self, operands: &'a [T]) -> Parts<'a, T> {
        let (matvec, rest) = operands.split_at(self.matvec.consts);
        let (solve, rest) = rest.split_at(self.solve.consts);
        let (transpose, b) = rest.split_at(self.transpose_solve.as_ref().map_or(0, |t| t.consts));
        Parts { matvec, solve, transpose, b }
    }

    /// The product with the transposed matrix, as a program of the captures of `matvec` and a vector.
    pub(crate) fn vecmat(&self) -> Operator {
        if self.symmetric {
            return self.matvec.clone();
        }
        let inputs: Vec<Aval> = self.matvec.jaxpr.input_avals().cloned().collect();
        let (consts, x) = inputs.split_at(self.matvec.consts);
        let avals: Vec<Aval> = consts.iter().cloned().chain(self.matvec.jaxpr.output_avals()).collect();
        let (closed, ()) = stage(&avals, &INSIDE, |args| {
            let (known, ct) = args.split_at(consts.len());
            let operands: Vec<Operand> =
                known.iter().cloned().map(Operand::Known).chain(x.iter().cloned().map(Operand::Linear)).collect();
            let cts: Vec<Tangent> = ct.iter().cloned().map(Some).collect();
            let back = backward(&self.matvec.jaxpr, &operands, &cts).into_iter().skip(consts.len());
            let zero = |a: &Aval| crate::ops::zeros(&a.shape, a.dtype);
            (back.zip(x).map(|(ct, a)| ct.unwrap_or_else(|| zero(a))).collect(), ())
        });
        Operator { jaxpr: closed.jaxpr, consts: self.matvec.consts }
    }
}

impl Primitive for LinearSolve {
    fn name(&self) -> &'static str {
        "custom_linear_solve"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("symmetric", boolean(self.symmetric))]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let b = self.parts(inputs).b;
        let same = |a: &Aval, b: &Aval| a.shape == b.shape && a.dtype == b.dtype;
        let outs: Outputs<Aval> = self.solve.jaxpr.output_avals().collect();
        if outs.len() != b.len() || !outs.iter().zip(b).all(|(x, b)| same(x, b)) {
            return Err(Error::shape(format!(
                "a solution must have the types of the right-hand side {b:?}, but `solve` returns {outs:?}"
            )));
        }
        Ok(outs)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        // From A x = b follows A dx = db − dA x.
        let solution = bind(self.clone(), &x.iter().collect::<Vec<_>>()).into_vec();
        let (given, tangents) = (self.parts(x), self.parts(dx));
        let mut rhs: Vec<Tangent> = tangents.b.to_vec();
        if tangents.matvec.iter().any(Option::is_some) {
            let args: Vec<Array> = given.matvec.iter().chain(&solution).cloned().collect();
            let none = solution.iter().map(|_| None);
            let moving: Vec<Tangent> = tangents.matvec.iter().cloned().chain(none).collect();
            let (_, change) = jvp(&self.matvec.jaxpr, &args, &moving);
            for (rhs, change) in rhs.iter_mut().zip(change) {
                *rhs = match (rhs.take(), change) {
                    (Some(db), Some(change)) => Some(db - change),
                    (None, Some(change)) => Some(-change),
                    (db, None) => db,
                };
            }
        }
        if rhs.iter().all(Option::is_none) {
            return (solution, rhs);
        }
        let rhs: Vec<Array> =
            rhs.into_iter().zip(&solution).map(|(t, x)| t.unwrap_or_else(|| crate::ops::zeros_like(x))).collect();
        let consts = given.matvec.iter().chain(given.solve).chain(given.transpose);
        let tangents = bind(self.clone(), &consts.chain(&rhs).collect::<Vec<_>>());
        (solution, tangents.into_iter().map(Some).collect())
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(transpose_solve) = &self.transpose_solve else {
            raise(
                Error::new(
                    ErrorKind::Transform,
                    "custom_linear_solve has no solver for the transposed system, which reverse mode needs",
                )
                .help("set one with `.transpose_solve(…)`, or add `.symmetric()` if the matrix is symmetric"),
            )
        };
        let parts = self.parts(inputs);
        let values = |x: &[Operand]| x.iter().filter_map(Operand::known).cloned().collect::<Vec<_>>();
        let swapped = LinearSolve {
            matvec: self.vecmat(),
            solve: transpose_solve.clone(),
            transpose_solve: Some(self.solve.clone()),
            symmetric: self.symmetric,
        };
        let cts: Vec<Array> = (ct.iter().zip(parts.b))
            .map(|(ct, b)| ct.clone().unwrap_or_else(|| crate::ops::zeros(&b.aval().shape, b.aval().dtype)))
            .collect();
        let operands = [values(parts.matvec), values(parts.transpose), values(parts.solve), cts].concat();
        let back = bind(swapped, &operands.iter().collect::<Vec<_>>());
        let consts = inputs.len() - parts.b.len();
        vec![None; consts].into_iter().chain(back.into_iter().map(Some)).collect()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        // If anything is batched, the solution is, and then so are the right-hand side and the product.
        let at = self.parts(axes);
        let over = |program: &Operator, consts: &[Option<usize>], unknowns: usize| Operator {
            jaxpr: batch_everywhere(
                &program.jaxpr,
                &consts.iter().map(Option::is_some).chain(std::iter::repeat_n(true, unknowns)).collect::<Vec<_>>(),
                size,
            ),
            consts: program.consts,
        };
        let n = at.b.len();
        let prim = LinearSolve {
            matvec: over(&self.matvec, at.matvec, n),
            solve: over(&self.solve, at.solve, n),
            transpose_solve: self.transpose_solve.as_ref().map(|t| over(t, at.transpose, n)),
            symmetric: self.symmetric,
        };
        let mut operands = in_front(x, axes, size);
        let first = operands.len() - n;
        for (b, axis) in operands[first..].iter_mut().zip(at.b) {
            if axis.is_none() {
                *b = crate::ops::shape::batched_in_front(b, None, size);
            }
        }
        let outs = bind(prim, &operands.iter().collect::<Vec<_>>()).into_vec();
        let places = vec![Some(0); outs.len()];
        (outs, places)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        let parts = self.parts(args);
        cx.inline(&self.solve.jaxpr, &[parts.solve, parts.b].concat()).into()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        [Some(&self.matvec), Some(&self.solve), self.transpose_solve.as_ref()]
            .into_iter()
            .flatten()
            .map(|p| &p.jaxpr)
            .collect()
    }
}
