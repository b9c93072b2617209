//! Reductions by a program of the user, over axes and over windows.

use std::sync::Arc;

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, same_shape};
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent, no_derivative};
use crate::ir::print::tuple;
use crate::ops::elementwise::rebind;
use crate::ops::shape::{batched_in_front, check_axes, shifted};
use crate::ops::slice::Concatenate;
use crate::ops::window::Window;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::batch::batch;
use crate::transform::eval::eval;
use crate::transform::jvp::jvp_jaxpr;
use crate::transform::masks::instantiated;

/// Checks that the operands have the same shape, that the initial values are scalars of the same dtypes, and that the
/// program takes them.
fn check<'a>(jaxpr: &Jaxpr, inputs: &'a [Aval]) -> Result<&'a [Aval]> {
    let (operands, inits) = inputs.split_at(inputs.len() / 2);
    let Some(first) = operands.first() else { return Err(Error::value("expected at least one operand")) };
    operands.iter().try_for_each(|x| same_shape(first, x))?;
    for (x, init) in operands.iter().zip(inits) {
        if init.rank() > 0 || init.dtype != x.dtype {
            return Err(Error::shape(format!("the initial value must be a scalar with the dtype of {x}, got {init}")));
        }
    }
    let same = |a: &Aval, b: &Aval| a.shape == b.shape && a.dtype == b.dtype;
    let takes: Vec<Aval> = jaxpr.input_avals().cloned().collect();
    let gives: Vec<Aval> = jaxpr.output_avals().collect();
    let fits = takes.len() == 2 * inits.len()
        && gives.len() == inits.len()
        && takes.iter().zip(inits.iter().chain(inits)).chain(gives.iter().zip(inits)).all(|(a, b)| same(a, b));
    if !fits {
        return Err(Error::shape(format!(
            "the computation must combine two sets of scalars {inits:?} into one, but it takes {takes:?} and returns \
             {gives:?}"
        )));
    }
    Ok(operands)
}

const FROM_NEUTRAL: &str =
    "start from the neutral element of the computation, and combine the result with the initial value afterward";

fn no_tangents_of_inits(name: &str, dx: &[Tangent]) {
    if dx.iter().any(Option::is_some) {
        raise(no_derivative(name, "its initial value").help(FROM_NEUTRAL));
    }
}

/// Moves the batch axes of the operands to the front. The initial values must have none.
fn batched(name: &str, x: &[Array], axes: &[Option<usize>], size: usize) -> Vec<Array> {
    let n = x.len() / 2;
    if axes[n..].iter().any(Option::is_some) {
        raise(
            Error::new(ErrorKind::Transform, format!("`{name}` cannot be batched over its initial value"))
                .help(FROM_NEUTRAL),
        );
    }
    (x.iter().zip(axes).enumerate())
        .map(|(i, (x, a))| if i < n { batched_in_front(x, *a, size) } else { x.clone() })
        .collect()
}

/// The program that combines values and tangents: those of the left side, then those of the right.
fn tangent_program(jaxpr: &Arc<Jaxpr>) -> Arc<Jaxpr> {
    let n = jaxpr.outputs().len();
    let (both, _) = jvp_jaxpr(jaxpr, &vec![true; 2 * n], &vec![true; n]);
    let one: Vec<Aval> = jaxpr.output_avals().map(|a| a.with_weak_type(false)).collect();
    let avals = [one.clone(), one.clone(), one.clone(), one].concat();
    let (closed, ()) = stage(&avals, &Inputs::Unknown("inside a reduction"), |args| {
        let part = |i: usize| args[i * n..(i + 1) * n].iter().cloned();
        let ordered: Vec<Array> = part(0).chain(part(2)).chain(part(1)).chain(part(3)).collect();
        let outs = eval(&both, &ordered);
        (outs.iter().map(|x| x.convert(x.dtype(), false)).collect(), ())
    });
    closed.jaxpr
}

/// `reduce`: combines the elements along some axes by a program. The operands are the arrays and then the initial values.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([3.0f32, 4.0]);
/// let norm = lax::reduce(&x, &0.0.into(), |a: &Array, b: &Array| (a * a + b * b).sqrt(), 0);
/// assert_eq!(norm.item::<f32>(), 5.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reduce {
    /// The program, from two lists of scalars to one.
    pub jaxpr: Arc<Jaxpr>,
    /// The axes.
    pub dimensions: Vec<usize>,
}

/// Reduces arrays of shape `[n, m]` to one row each. The rows are combined pairwise, in log₂ n rounds.
fn tree(program: &Jaxpr, mut rows: Vec<Array>) -> Vec<Array> {
    while rows[0].shape()[0] > 1 {
        let [n, m] = [rows[0].shape()[0], rows[0].shape()[1]];
        let half = n / 2;
        let part = |from: usize| rows.iter().map(move |x| x.slice_axis(0, from, from + half));
        let pairs: Vec<Array> = part(0).chain(part(half)).collect();
        let combined = combine(program, &pairs);
        rows = (combined.into_iter().zip(&rows))
            .map(|(y, x)| match n - 2 * half {
                0 => y,
                _ => crate::trace::frames::bind1(Concatenate { dimension: 0 }, &[&y, &x.slice_axis(0, n - 1, n)]),
            })
            .collect();
        debug_assert_eq!(rows[0].shape()[1], m);
    }
    rows
}

/// Runs a program of scalars on each element of arrays of the same shape.
pub(crate) fn combine(program: &Jaxpr, args: &[Array]) -> Vec<Array> {
    let (shape, size) = (args[0].aval().shape, args[0].size());
    let flat: Vec<Array> = args.iter().map(|x| x.reshape([size])).collect();
    let (outs, axes) = batch(program, &flat, &vec![Some(0); flat.len()], size);
    outs.iter().zip(axes).map(|(x, a)| batched_in_front(x, a, size).reshape(&shape)).collect()
}

impl Primitive for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("dimensions", tuple(&self.dimensions))]
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let operands = check(&self.jaxpr, inputs)?;
        check_axes(&self.dimensions, &operands[0])?;
        Ok(operands.iter().map(|x| Aval::new(x.dtype, x.shape.remove(&self.dimensions))).collect())
    }

    /// The same reduction as a tree, of which the derivatives are those of the program. The initial value comes last.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = rebind(self, &x.iter().collect::<Vec<_>>()).into_vec();
        let (operands, inits) = x.split_at(x.len() / 2);
        let (moving, fixed) = dx.split_at(operands.len());
        no_tangents_of_inits("reduce", fixed);
        let aval = operands[0].aval();
        if self.dimensions.iter().any(|d| aval.shape[*d] == 0) || out[0].size() == 0 {
            return (out, vec![None; operands.len()]);
        }
        let kept: Vec<usize> = (0..aval.rank()).filter(|d| !self.dimensions.contains(d)).collect();
        let order: Vec<usize> = self.dimensions.iter().chain(&kept).copied().collect();
        let m: usize = kept.iter().map(|d| aval.shape[*d]).product();
        let rows = |x: &Array| x.permute(&order).reshape([aval.size() / m, m]);
        let program = tangent_program(&self.jaxpr);
        let tangents = instantiated(operands, moving, &vec![true; operands.len()]);
        let combined = tree(&program, operands.iter().chain(&tangents).map(rows).collect());
        let zeros: Vec<Array> = inits.iter().map(crate::ops::zeros_like).collect();
        let start = inits.iter().chain(&zeros).map(|x| x.broadcast_to([1, m]));
        let all = combine(&program, &start.chain(combined).collect::<Vec<_>>());
        let tangents = all[operands.len()..].iter().map(|t| Some(t.reshape(out[0].shape()))).collect();
        (out, tangents)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let operands = batched(self.name(), x, axes, size);
        let prim = Reduce { jaxpr: self.jaxpr.clone(), dimensions: shifted(&self.dimensions, Some(0)) };
        (bind(prim, &operands.iter().collect::<Vec<_>>()).into_vec(), vec![Some(0); x.len() / 2])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let scalars: Vec<Type> = args[args.len() / 2..].iter().map(|v| v.ty().clone()).collect();
        let params = [scalars.clone(), scalars].concat();
        let attrs = [("dimensions", Attr::i64s(self.dimensions.iter().copied()))];
        let results: Vec<Type> = outs.iter().map(Aval::mlir).collect();
        cx.regions("stablehlo.reduce", args, &attrs, &results, &[&params], |cx, _, args| cx.inline(&self.jaxpr, args))
    }
}

/// `reduce_window`: combines the elements of each window by a program. The operands are the arrays and then the initial
/// values, which also fill the padding.
///
/// ```
/// use cotangent::{lax, prelude::*};
/// let x = Array::from([1.0f32, 2.0, 3.0]);
/// let products = lax::reduce_window(&x, &1.0.into(), |a: &Array, b: &Array| a * b, &lax::Window::new([2]));
/// assert_eq!(products.to_vec::<f32>(), [2.0, 6.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReduceWindow {
    /// The program, from two lists of scalars to one.
    pub jaxpr: Arc<Jaxpr>,
    /// The windows.
    pub window: Window,
}

impl Primitive for ReduceWindow {
    fn name(&self) -> &'static str {
        "reduce_window"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        self.window.params()
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let operands = check(&self.jaxpr, inputs)?;
        let shape: Shape = self.window.infer(&operands[0])?;
        Ok(operands.iter().map(|x| Aval::new(x.dtype, &shape)).collect())
    }

    /// Values and tangents in one reduction. It has no transpose: there is forward mode only, as in JAX.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = rebind(self, &x.iter().collect::<Vec<_>>()).into_vec();
        let (operands, inits) = x.split_at(x.len() / 2);
        let (moving, fixed) = dx.split_at(operands.len());
        no_tangents_of_inits("reduce_window", fixed);
        let both = ReduceWindow { jaxpr: tangent_program(&self.jaxpr), window: self.window.clone() };
        let tangents = instantiated(operands, moving, &vec![true; operands.len()]);
        let zeros: Vec<Array> = inits.iter().map(crate::ops::zeros_like).collect();
        let all: Vec<&Array> = operands.iter().chain(&tangents).chain(inits).chain(&zeros).collect();
        let tangents = bind(both, &all).into_iter().skip(operands.len()).map(Some).collect();
        (out, tangents)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let operands = batched(self.name(), x, axes, size);
        let prim = ReduceWindow { jaxpr: self.jaxpr.clone(), window: self.window.batched(0) };
        (bind(prim, &operands.iter().collect::<Vec<_>>()).into_vec(), vec![Some(0); x.len() / 2])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let (operands, inits) = args.split_at(args.len() / 2);
        self.window.lower(cx, operands, inits, outs, |cx, args| cx.inline(&self.jaxpr, args))
    }
}
