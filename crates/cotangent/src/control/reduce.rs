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

/// Combines the elements of each window over arrays that are padded already. Windows of 2n elements are pairs of windows
/// of n, so that there are at most 2 log₂ n combinations along each dimension. The last dimension comes first: the order
/// of the elements stays that of their indices.
fn doubled(program: &Jaxpr, mut arrays: Vec<Array>, window: &Window) -> Vec<Array> {
    for d in (0..window.dimensions.len()).rev() {
        let (n, apart, elements) = (window.dimensions[d], window.window_dilation[d], arrays.clone());
        let mut covered = 1;
        for bit in (0..n.ilog2()).rev() {
            let joined = |covered: usize, arrays: &[Array], more: usize, next: &[Array]| -> Vec<Array> {
                let count = elements[0].shape()[d] - (covered + more - 1) * apart;
                let first = arrays.iter().map(|x| x.slice_axis(d, 0, count));
                let second = next.iter().map(|x| x.slice_axis(d, covered * apart, covered * apart + count));
                combine(program, &first.chain(second).collect::<Vec<_>>())
            };
            arrays = joined(covered, &arrays, covered, &arrays);
            covered *= 2;
            if (n >> bit) & 1 == 1 {
                arrays = joined(covered, &arrays, 1, &elements);
                covered += 1;
            }
        }
        arrays = arrays.iter().map(|x| every(x, d, window.strides[d])).collect();
    }
    arrays
}

/// Returns every element of which the index along an axis is a multiple of `stride`.
fn every(x: &Array, axis: usize, stride: usize) -> Array {
    let mut strides = vec![1; x.ndim()];
    strides[axis] = stride;
    x.slice(&vec![0; x.ndim()], x.shape(), &strides)
}

/// The results of a reduction and their tangents. `reduced` reduces values and tangents by the program that combines
/// both, by operations that have derivatives, and is given the initial values; these come in last. No window or row of an
/// `empty` array has elements.
fn derived(
    prim: &(impl Primitive + Clone),
    jaxpr: &Arc<Jaxpr>,
    x: &[Array],
    dx: &[Tangent],
    empty: bool,
    reduced: impl FnOnce(&Jaxpr, &[Array], &[Array]) -> Vec<Array>,
) -> (Vec<Array>, Vec<Tangent>) {
    let out = rebind(prim, &x.iter().collect::<Vec<_>>()).into_vec();
    let (operands, inits) = x.split_at(x.len() / 2);
    let (moving, fixed) = dx.split_at(operands.len());
    if fixed.iter().any(Option::is_some) {
        raise(no_derivative(prim.name(), "its initial value").help(FROM_NEUTRAL));
    }
    if empty || out[0].size() == 0 {
        return (out, vec![None; operands.len()]);
    }
    let program = tangent_program(jaxpr);
    let tangents = instantiated(operands, moving, &vec![true; operands.len()]);
    let zeros = inits.iter().map(crate::ops::zeros_like);
    let starts: Vec<Array> = inits.iter().cloned().chain(zeros).collect();
    let both: Vec<Array> = operands.iter().cloned().chain(tangents).collect();
    let combined = reduced(&program, &both, &starts);
    let start = starts.iter().map(|x| x.broadcast_to(combined[0].shape()));
    let all = combine(&program, &start.chain(combined.iter().cloned()).collect::<Vec<_>>());
    let tangents = all[operands.len()..].iter().map(|t| Some(t.reshape(out[0].shape()))).collect();
    (out, tangents)
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

    /// The same reduction as a tree, of which the derivatives are those of the program.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let aval = x[0].aval();
        let empty = self.dimensions.iter().any(|d| aval.shape[*d] == 0);
        derived(self, &self.jaxpr, x, dx, empty, |program, operands, _| {
            let kept: Vec<usize> = (0..aval.rank()).filter(|d| !self.dimensions.contains(d)).collect();
            let order: Vec<usize> = self.dimensions.iter().chain(&kept).copied().collect();
            let m: usize = kept.iter().map(|d| aval.shape[*d]).product();
            tree(program, operands.iter().map(|x| x.permute(&order).reshape([aval.size() / m, m])).collect())
        })
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

    /// The same windows by doubling, of which the derivatives are those of the program. One `reduce_window` of values and
    /// tangents would have no transpose, and XLA does not rewrite one of several operands, so that over a long axis it
    /// takes quadratic time and memory.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        derived(self, &self.jaxpr, x, dx, false, |program, operands, inits| {
            let padded = operands.iter().zip(inits).map(|(x, init)| self.window.padded(x, init));
            doubled(program, padded.collect(), &self.window)
        })
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
