//! Reductions over axes and cumulative operations.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::{boolean, tuple};
use crate::trace::frames::{bind, bind1};

use super::binary::combine;
use super::domain::Domain;
use super::elementwise::rebind1;
use super::recurrence::LinearRecurrence;
use super::shape::{BroadcastInDim, check_axes, linear_unary, shifted};
use super::staged;
use super::window::Window;

/// Returns the least and the greatest value of a dtype. Maxima and minima start from them.
pub(crate) fn extremes(dtype: DType) -> (Literal, Literal) {
    let bits = dtype.bits() as u32;
    let pair = |lo, hi| (Literal::new(dtype, lo), Literal::new(dtype, hi));
    match dtype.kind() {
        Kind::Bool => pair(Scalar::Bool(false), Scalar::Bool(true)),
        Kind::Int => pair(Scalar::Int(i64::MIN >> (64 - bits)), Scalar::Int(i64::MAX >> (64 - bits))),
        Kind::Uint => pair(Scalar::Uint(0), Scalar::Uint(u64::MAX >> (64 - bits))),
        Kind::Complex => {
            let both = |x: f64| Scalar::Complex(x, x);
            pair(both(f64::NEG_INFINITY), both(f64::INFINITY))
        }
        _ => pair(Scalar::Float(f64::NEG_INFINITY), Scalar::Float(f64::INFINITY)),
    }
}

/// Returns the dtype of the operands, which must be ordered: the greatest element must have an index.
pub(super) fn ordered_dtype(inputs: &[Aval]) -> Result<DType> {
    Domain::ORDERED.one_dtype(inputs).map_err(|error| match inputs[0].dtype.is_complex() {
        true => error.help(
            "complex numbers are not ordered: use their moduli, `np::abs(x)`, or their real parts; `np::argsort(x)` \
             sorts by the real parts first",
        ),
        false => error,
    })
}

pub(super) fn reduced(x: &Aval, axes: &[usize]) -> Result<Aval> {
    check_axes(axes, x)?;
    Ok(x.with_shape(x.shape.remove(axes)))
}

/// Returns the axes of a batched reduction, and the position of the batch axis among the axes that remain.
pub(super) fn batch_axes(axes: &[usize], batch: Option<usize>) -> (Vec<usize>, Option<usize>) {
    let inner = shifted(axes, batch);
    let out = batch.map(|b| b - inner.iter().filter(|a| **a < b).count());
    (inner, out)
}

/// Broadcasts `y` to the shape of `x`, along the axes that a reduction removed.
pub(super) fn restore(y: &Array, x: &Aval, axes: &[usize]) -> Array {
    let dims = (0..x.rank()).filter(|d| !axes.contains(d)).collect();
    bind1(BroadcastInDim { shape: x.shape.clone(), dims }, &[y])
}

macro_rules! reductions {
    ($($T:ident $name:literal: $domain:ident, $op:literal, init $init:expr, { $($rules:tt)* })*) => {
        $(
            #[doc = concat!("`", $name, "` over some axes, which are removed from the result.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet prim = cotangent::extend::primitives::", stringify!($T), " { axes: vec![0] };\nlet y = bind1(prim, &[&Array::from([6, 3])]);\nassert_eq!(y.ndim(), 0);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T {
                /// The axes that are reduced.
                pub axes: Vec<usize>,
            }

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn params(&self) -> Vec<(&'static str, String)> {
                    vec![("axes", tuple(&self.axes))]
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Domain::$domain.one_dtype(inputs)?;
                    Ok([reduced(&inputs[0], &self.axes)?].into())
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    let (axes, out) = batch_axes(&self.axes, axes[0]);
                    (vec![bind1($T { axes }, &[&x[0]])], vec![out])
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let init: fn(DType) -> Literal = $init;
                    let dtype = outs[0].dtype;
                    let init = cx.splat(&Aval::new(dtype, ()), init(dtype));
                    [lower_reduction(cx, $op, &args[0], &init, &self.axes, &outs[0])].into()
                }
                $($rules)*
            }
        )*
    };
}

/// Appends a reduction by one operation. Maxima and minima of complex numbers take several operations.
fn lower_reduction(
    cx: &mut Lowering<'_>,
    op: &'static str,
    x: &Value,
    init: &Value,
    axes: &[usize],
    out: &Aval,
) -> Value {
    if !(out.dtype.is_complex() && matches!(op, "stablehlo.maximum" | "stablehlo.minimum")) {
        return cx.reduce(op, x, init, axes, out);
    }
    let scalar = Aval::new(out.dtype, ());
    let attrs = [("dimensions", Attr::i64s(axes.iter().copied()))];
    let (operands, params) = ([x.clone(), init.clone()], [scalar.mlir(), scalar.mlir()]);
    cx.regions("stablehlo.reduce", &operands, &attrs, &[out.mlir()], &[&params], |cx, _, args| {
        vec![combine(cx, op, args, &scalar)]
    })
    .swap_remove(0)
}

/// Returns the jvp of a value, from that of the primitive that returns the value together with its selection.
fn value_jvp(with_choice: &dyn Primitive, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
    let (mut out, mut tangents) = with_choice.jvp(x, dx);
    out.truncate(1);
    tangents.truncate(1);
    (out, tangents)
}

/// `extremum`: returns the greatest or least value over some axes, and for each element whether it is that value. If
/// the value is NaN, this is true for each element.
///
/// Both come from one function that the compiler may not inline. Otherwise, an element might be computed again for the
/// comparison, and might then differ from the value that was reduced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extremum {
    /// The axes that are reduced.
    pub(crate) axes: Vec<usize>,
    /// Whether the value is the greatest instead of the least.
    pub(crate) greatest: bool,
}

impl Primitive for Extremum {
    fn name(&self) -> &'static str {
        "extremum"
    }
    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("axes", tuple(&self.axes)), ("greatest", boolean(self.greatest))]
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::ANY.one_dtype(inputs)?;
        let chosen = inputs[0].with_dtype(DType::Bool).with_weak_type(false);
        Ok([reduced(&inputs[0], &self.axes)?, chosen].into())
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind(self.clone(), &[&x[0]]).into_vec();
        // If several elements have the value, its tangent is the mean of theirs. NaN propagates.
        let tangent = dx[0].as_ref().map(|t| {
            let (value, chosen) = (&out[0], &out[1]);
            let wide = if t.dtype().bits() < 32 { DType::F32 } else { t.dtype() };
            let number = |value: f64| Array::literal(Literal::float(wide, value));
            let share = number(1.0) / chosen.convert(wide, false).sum_axes(&self.axes);
            let share = super::select(&value.equal(value), &share, &number(f64::NAN), share.shape());
            let sum = super::select(chosen, t, &super::zeros_like(t), t.shape()).sum_axes(&self.axes);
            sum * share.convert(t.dtype(), false)
        });
        (out, vec![tangent, None])
    }
    fn batch(&self, x: &[Array], batch: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let (axes, out) = batch_axes(&self.axes, batch[0]);
        (bind(Extremum { axes, ..self.clone() }, &[&x[0]]).into_vec(), vec![out, batch[0]])
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
        staged::apart(cx, "extremum", args, inputs, |x| {
            let value = extreme(&x[0], &self.axes, self.greatest);
            let mut chosen = x[0].equal(restore(&value, &inputs[0], &self.axes));
            if inputs[0].dtype.is_inexact() {
                let is_nan = restore(&value.not_equal(&value), &inputs[0], &self.axes);
                chosen = chosen.logical_or(is_nan);
            }
            vec![value, chosen]
        })
    }
}

/// Returns the greatest or least value over some axes.
pub(super) fn extreme(x: &Array, axes: &[usize], greatest: bool) -> Array {
    let axes = axes.to_vec();
    if greatest { bind1(ReduceMax { axes }, &[x]) } else { bind1(ReduceMin { axes }, &[x]) }
}

macro_rules! no_tangent {
    () => {
        fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            (vec![rebind1(self, &[&x[0]])], vec![None])
        }
    };
}
pub(super) use no_tangent;

reductions! {
    ReduceSum "reduce_sum": NUMBERS, "stablehlo.add", init |d| Literal::int(d, 0), {
        linear_unary!();
        fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
            vec![ct[0].as_ref().map(|ct| restore(ct, &inputs[0].aval(), &self.axes))]
        }
    }
    ReduceProd "reduce_prod": NUMBERS, "stablehlo.multiply", init |d| Literal::int(d, 1), {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            let out = rebind1(self, &[&x[0]]);
            // The derivative in an element is the product of all others: of those before it times those after it.
            let tangent = dx[0].as_ref().map(|t| {
                let aval = x[0].aval();
                let kept: Vec<usize> = (0..aval.rank()).filter(|d| !self.axes.contains(d)).collect();
                let order: Vec<usize> = kept.iter().chain(&self.axes).copied().collect();
                let flat: Shape = kept.iter().map(|d| aval.shape[*d])
                    .chain([self.axes.iter().map(|d| aval.shape[*d]).product()]).collect();
                let (x, t) = (x[0].permute(&order).reshape(&flat), t.permute(&order).reshape(&flat));
                (t * others_product(&x)).sum_axes(&[flat.rank() - 1])
            });
            (vec![out], vec![tangent])
        }
    }
    ReduceMax "reduce_max": ANY, "stablehlo.maximum", init |d| extremes(d).0, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            value_jvp(&Extremum { axes: self.axes.clone(), greatest: true }, x, dx)
        }
    }
    ReduceMin "reduce_min": ANY, "stablehlo.minimum", init |d| extremes(d).1, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            value_jvp(&Extremum { axes: self.axes.clone(), greatest: false }, x, dx)
        }
    }
    ReduceAnd "reduce_and": BITS, "stablehlo.and",
        init |d| Literal::new(d, if d == DType::Bool { Scalar::Bool(true) } else { Scalar::Int(-1) }), { no_tangent!(); }
    ReduceOr "reduce_or": BITS, "stablehlo.or", init |d| Literal::int(d, 0), { no_tangent!(); }
    ReduceXor "reduce_xor": BITS, "stablehlo.xor", init |d| Literal::int(d, 0), { no_tangent!(); }
}

/// Returns, for each element, the product of all other elements along the last axis. It does not divide, so zeros need
/// no special case.
fn others_product(x: &Array) -> Array {
    let axis = x.ndim() - 1;
    let n = x.shape()[axis];
    if n == 0 {
        return x.clone();
    }
    let one = || super::full(x.aval().shape.remove(&[axis]).insert(axis, 1), Literal::int(x.dtype(), 1));
    let join = |a: &Array, b: &Array| bind1(super::slice::Concatenate { dimension: axis }, &[a, b]);
    if n > 1024 {
        // The two halves are multiplied elementwise. For each element, the product of all others is the product of the
        // other pairs, times the other factor of its own pair.
        let even = if n.is_multiple_of(2) { x.clone() } else { join(x, &one()) };
        let half = n.div_ceil(2);
        let [a, b] = [0, half].map(|start| even.slice_axis(axis, start, start + half));
        let others = others_product(&(&a * &b));
        return join(&(&others * b), &(others * a)).slice_axis(axis, 0, n);
    }
    let before = bind1(CumProd { axis, reverse: false }, &[&x.slice_axis(axis, 0, n - 1)]);
    let after = bind1(CumProd { axis, reverse: true }, &[&x.slice_axis(axis, 1, n)]);
    join(&one(), &before) * join(&after, &one())
}

macro_rules! cumulative {
    ($($T:ident $name:literal: $domain:ident, $combine:expr, init $init:expr, { $($rules:tt)* })*) => {
        $(
            #[doc = concat!("`", $name, "` along an axis. Element `i` of the result combines the elements up to `i`, or from `i` on if reversed.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet prim = cotangent::extend::primitives::", stringify!($T), " { axis: 0, reverse: false };\nlet y = bind1(prim, &[&Array::from([6.0f32, 3.0])]);\nassert_eq!(y.shape(), [2]);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T {
                /// The axis.
                pub axis: usize,
                /// Whether it runs from the end to the start.
                pub reverse: bool,
            }

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn params(&self) -> Vec<(&'static str, String)> {
                    vec![("axis", self.axis.to_string()), ("reverse", boolean(self.reverse))]
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Domain::$domain.one_dtype(inputs)?;
                    check_axes(&[self.axis], &inputs[0])?;
                    Ok([inputs[0].clone()].into())
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    let axis = shifted(&[self.axis], axes[0])[0];
                    (vec![bind1($T { axis, reverse: self.reverse }, &[&x[0]])], axes.to_vec())
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let init: fn(DType) -> Literal = $init;
                    let init = init(outs[0].dtype);
                    [lower_window(cx, $combine, &args[0], &inputs[0], init, self.axis, self.reverse)].into()
                }
                $($rules)*
            }
        )*
    };
}

cumulative! {
    CumSum "cumsum": NUMBERS, one("stablehlo.add"), init |d| Literal::int(d, 0), {
        linear_unary!();
        fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
            vec![ct[0].as_ref().map(|ct| bind1(CumSum { axis: self.axis, reverse: !self.reverse }, &[ct]))]
        }
    }
    CumProd "cumprod": NUMBERS, one("stablehlo.multiply"), init |d| Literal::int(d, 1), {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            let out = rebind1(self, &[&x[0]]);
            let recurrence = LinearRecurrence { axis: self.axis, reverse: self.reverse };
            let tangent = dx[0].as_ref().map(|t| {
                let before = recurrence.before(&out, Literal::int(out.dtype(), 1));
                bind1(recurrence, &[&x[0], &(t * before)])
            });
            (vec![out], vec![tangent])
        }
    }
    CumMax "cummax": ANY, one("stablehlo.maximum"), init |d| extremes(d).0, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            value_jvp(&Running { axis: self.axis, reverse: self.reverse, greatest: true }, x, dx)
        }
    }
    CumMin "cummin": ANY, one("stablehlo.minimum"), init |d| extremes(d).1, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            value_jvp(&Running { axis: self.axis, reverse: self.reverse, greatest: false }, x, dx)
        }
    }
    CumLogSumExp "cumlogsumexp": FLOATS, lower_logaddexp, init |d| extremes(d).0, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            let out = rebind1(self, &[&x[0]]);
            let recurrence = LinearRecurrence { axis: self.axis, reverse: self.reverse };
            let tangent = dx[0].as_ref().map(|t| {
                // Each step is log(eᵃ + eᵇ) of the result so far and the next element. If the two are equal, even
                // infinite, each has weight ½.
                let before = recurrence.before(&out, extremes(out.dtype()).0);
                let difference = &before - &x[0];
                let level = super::zeros_like(&difference);
                let difference = super::select(&before.equal(&x[0]), &level, &difference, out.shape());
                let own = recurrence.first_or(&(-&difference).logistic(), Literal::int(out.dtype(), 1));
                bind1(recurrence, &[&difference.logistic(), &(t * own)])
            });
            (vec![out], vec![tangent])
        }
    }
}

/// Returns a function that appends one operation on two scalars.
fn one(op: &'static str) -> impl Fn(&mut Lowering<'_>, &[Value], &Aval) -> Value {
    move |cx, args, scalar| combine(cx, op, args, scalar)
}

/// Appends log(eᵃ + eᵇ) of two scalars.
fn lower_logaddexp(cx: &mut Lowering<'_>, args: &[Value], scalar: &Aval) -> Value {
    let greater = cx.op("stablehlo.maximum", args, &[], scalar);
    let sum = cx.op("stablehlo.add", args, &[], scalar);
    let difference = cx.op("stablehlo.subtract", args, &[], scalar);
    let mut unary = |name: &str, x: Value| cx.op(name, &[x], &[], scalar);
    let size = unary("stablehlo.abs", difference.clone());
    let size = unary("stablehlo.negate", size);
    let smaller = unary("stablehlo.exponential", size);
    let rest = unary("stablehlo.log_plus_one", smaller);
    let usual = cx.op("stablehlo.add", &[greater, rest], &[], scalar);
    // The difference of equal infinities is NaN. The result is then their sum, which is the same infinity.
    let ne = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction NE>"))];
    let odd = cx.op("stablehlo.compare", &[difference.clone(), difference], &ne, &scalar.with_dtype(DType::Bool));
    cx.op("stablehlo.select", &[odd, sum, usual], &[], scalar)
}

/// `running_extremum`: returns the greatest or least value so far along an axis, whether it is the value of the
/// previous step, and whether it is the current element. As in [`Extremum`], all three come from one function that the
/// compiler may not inline.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Running {
    /// The axis.
    pub(crate) axis: usize,
    /// Whether it runs from the end to the start.
    pub(crate) reverse: bool,
    /// Whether the value is the greatest instead of the least.
    pub(crate) greatest: bool,
}

impl Primitive for Running {
    fn name(&self) -> &'static str {
        "running_extremum"
    }
    fn params(&self) -> Vec<(&'static str, String)> {
        let flags = [("greatest", boolean(self.greatest)), ("reverse", boolean(self.reverse))];
        std::iter::once(("axis", self.axis.to_string())).chain(flags).collect()
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::ANY.one_dtype(inputs)?;
        check_axes(&[self.axis], &inputs[0])?;
        let flags = inputs[0].with_dtype(DType::Bool).with_weak_type(false);
        Ok([inputs[0].clone(), flags.clone(), flags].into())
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind(self.clone(), &[&x[0]]).into_vec();
        let recurrence = LinearRecurrence { axis: self.axis, reverse: self.reverse };
        let tangent = dx[0].as_ref().map(|t| {
            let wide = if t.dtype().bits() < 32 { DType::F32 } else { t.dtype() };
            let [stays, chosen] = [1, 2].map(|i| out[i].convert(wide, false));
            // After a NaN, no element is selected, and the derivative is zero, as in JAX.
            let count = bind1(recurrence.clone(), &[&stays, &chosen]).maximum(1.0);
            let sum = bind1(recurrence, &[&stays, &(t.convert(wide, false) * chosen)]);
            (sum / count).convert(t.dtype(), false)
        });
        (out, vec![tangent, None, None])
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let axis = shifted(&[self.axis], axes[0])[0];
        (bind(Running { axis, ..self.clone() }, &[&x[0]]).into_vec(), vec![axes[0]; 3])
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], _: &[Aval]) -> Outputs<Value> {
        let Running { axis, reverse, greatest } = *self;
        staged::apart(cx, "running_extremum", args, inputs, |x| {
            let out = if greatest {
                bind1(CumMax { axis, reverse }, &[&x[0]])
            } else {
                bind1(CumMin { axis, reverse }, &[&x[0]])
            };
            let recurrence = LinearRecurrence { axis, reverse };
            let fill = extremes(out.dtype()).0;
            let stays = recurrence.first_or(&out.equal(recurrence.before(&out, fill)), Literal::strong(false));
            let chosen = out.equal(&x[0]);
            vec![out, stays, chosen]
        })
    }
}

/// Lowers a cumulative operation as a reduction over windows that reach back (or forward) over the whole axis.
fn lower_window(
    cx: &mut Lowering<'_>,
    combine: impl Fn(&mut Lowering<'_>, &[Value], &Aval) -> Value,
    x: &Value,
    aval: &Aval,
    init: Literal,
    axis: usize,
    reverse: bool,
) -> Value {
    let n = aval.shape[axis];
    if aval.size() == 0 {
        return x.clone();
    }
    let scalar = Aval::new(aval.dtype, ());
    let init = cx.splat(&scalar, init);
    let along = |value: usize| (0..aval.rank()).map(|d| if d == axis { value } else { 1 }).collect::<Vec<_>>();
    let mut window = Window::new(&along(n));
    let reach = n as i64 - 1;
    window.padding[axis] = if reverse { (0, reach) } else { (reach, 0) };
    let out = std::slice::from_ref(aval);
    window.lower(cx, std::slice::from_ref(x), &[init], out, |cx, args| vec![combine(cx, args, &scalar)]).swap_remove(0)
}
