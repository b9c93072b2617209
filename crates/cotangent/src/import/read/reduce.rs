//! Reductions over axes and windows.

use stablehlo::read::{Op, Region, Value};

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::control::call::Call;
use crate::control::reduce::{Reduce, ReduceWindow};
use crate::error::Result;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::primitive::Primitive;
use crate::ops::reduce::extremes;
use crate::ops::window::Window;
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::transform::dce::dce;
use crate::transform::nested::nested;

use super::elementwise::apply;
use super::value::{Known, Val};
use super::{Reader, Required, Scope, Vals, malformed, unsupported};

/// An operation that combines two elements, and for which there are primitives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Monoid {
    Add,
    Mul,
    Max,
    Min,
    And,
    Or,
    Xor,
}

impl Monoid {
    /// The operation that a region applies to its two parameters.
    pub(super) fn of(region: &Region, dtype: DType) -> Option<Monoid> {
        let [op, end] = &region.ops[..] else { return None };
        let [a, b] = [region.params.get(0)?, region.params.get(1)?];
        let both = op.operands[..] == [a, b] || op.operands[..] == [b, a];
        if region.params.len() != 2 || !both || end.operands[..] != [op.results.get(0)?] {
            return None;
        }
        let boolean = dtype == DType::Bool;
        Some(match &*op.name {
            "stablehlo.add" if boolean => Monoid::Or,
            "stablehlo.multiply" if boolean => Monoid::And,
            "stablehlo.add" => Monoid::Add,
            "stablehlo.multiply" => Monoid::Mul,
            "stablehlo.maximum" => Monoid::Max,
            "stablehlo.minimum" => Monoid::Min,
            "stablehlo.and" => Monoid::And,
            "stablehlo.or" => Monoid::Or,
            "stablehlo.xor" => Monoid::Xor,
            _ => return None,
        })
    }

    fn neutral(self, dtype: DType) -> Literal {
        match self {
            Monoid::Add | Monoid::Or | Monoid::Xor => Literal::int(dtype, 0),
            Monoid::Mul => Literal::int(dtype, 1),
            Monoid::Max => extremes(dtype).0,
            Monoid::Min => extremes(dtype).1,
            Monoid::And if dtype == DType::Bool => Literal::new(dtype, Scalar::Bool(true)),
            Monoid::And => Literal::int(dtype, -1),
        }
    }

    fn reduce(self, x: &Array, axes: Vec<usize>) -> Array {
        match self {
            Monoid::Add => bind1(p::ReduceSum { axes }, &[x]),
            Monoid::Mul => bind1(p::ReduceProd { axes }, &[x]),
            Monoid::Max => bind1(p::ReduceMax { axes }, &[x]),
            Monoid::Min => bind1(p::ReduceMin { axes }, &[x]),
            Monoid::And => bind1(p::ReduceAnd { axes }, &[x]),
            Monoid::Or => bind1(p::ReduceOr { axes }, &[x]),
            Monoid::Xor => bind1(p::ReduceXor { axes }, &[x]),
        }
    }

    fn combine(self, x: &[&Array]) -> Array {
        match self {
            Monoid::Add => bind1(p::Add, x),
            Monoid::Mul => bind1(p::Mul, x),
            Monoid::Max => bind1(p::Max, x),
            Monoid::Min => bind1(p::Min, x),
            Monoid::And => bind1(p::And, x),
            Monoid::Or => bind1(p::Or, x),
            Monoid::Xor => bind1(p::Xor, x),
        }
    }

    /// The result of a reduction that started from `init` instead of the neutral element.
    fn started(self, y: Val, init: &Val) -> Result<Val> {
        if init.literal() == Some(self.neutral(init.dtype())) {
            return Ok(y);
        }
        let init = Val::splat(init.full(), &y.shape);
        apply(|x| self.combine(x), &[y, init])
    }
}

/// Whether a region, which combines pairs of a value and its index, selects the greatest or the least value, and the first
/// one of those that are equal. If so: whether it is the greatest.
fn extremum(region: &Region) -> Option<bool> {
    let names: Vec<&str> = region.ops.iter().map(|op| op.name.strip_prefix("stablehlo.").unwrap_or("")).collect();
    if names != ["compare", "compare", "or", "compare", "compare", "and", "or", "select", "select", "return"]
        && names != ["compare", "compare", "compare", "and", "or", "select", "select", "return"]
    {
        return None;
    }
    let compares: Vec<(&str, &[Value])> = (region.ops.iter())
        .filter(|op| &*op.name == "stablehlo.compare")
        .map(|op| Some((op.attributes.keyword("comparison_direction")?, &op.operands[..])))
        .collect::<Option<_>>()?;
    let [a, i, b, j] = [0, 1, 2, 3].map(|n| region.params.get(n));
    let [a, i, b, j] = [a?, i?, b?, j?];
    let expected: &[(&str, [Value; 2])] = match compares.len() {
        4 => &[("", [a, b]), ("NE", [a, a]), ("EQ", [a, b]), ("LT", [i, j])],
        _ => &[("", [a, b]), ("EQ", [a, b]), ("LT", [i, j])],
    };
    let alike = compares.iter().zip(expected).all(|((direction, operands), (wanted, values))| {
        *operands == *values && (wanted.is_empty() || direction == wanted)
    });
    let selects: Vec<&[Value]> =
        region.ops.iter().filter(|op| &*op.name == "stablehlo.select").map(|op| &op.operands[1..]).collect();
    if !alike || selects != [[a, b], [i, j]] {
        return None;
    }
    match compares[0].0 {
        "GT" => Some(true),
        "LT" => Some(false),
        _ => None,
    }
}

impl<'p> Reader<'p> {
    /// Reads a region of scalars as a program without captures.
    pub(super) fn combination(
        &mut self,
        scope: &mut Scope<'p>,
        region: &'p Region,
        scalars: &[Aval],
    ) -> Result<crate::ir::jaxpr::Closed> {
        let avals = [scalars, scalars].concat();
        self.staged(&avals, "inside a reduction", |reader, args| {
            let args: Vec<Val> = args.iter().cloned().map(Val::new).collect();
            let results = reader.region(scope, region, &args)?;
            if !results.iter().map(Val::aval).eq(scalars.iter().cloned()) {
                return Err(malformed(format!(
                    "a combination of {scalars:?} has {} results or other types",
                    results.len()
                )));
            }
            Ok(results.iter().map(Val::full).collect())
        })
    }

    /// Reads a `map`: a program of scalars, for all elements.
    pub(super) fn map(&mut self, scope: &mut Scope<'p>, op: &'p Op, x: &[Val]) -> Vals {
        let ([first, ..], [region]) = (x, &op.regions[..]) else {
            return Err(malformed("a map has operands and one region"));
        };
        let (shape, n) = (first.shape.clone(), first.shape.size());
        if x.iter().any(|x| x.shape != shape) || n == 0 {
            return Err(unsupported("a map of empty arrays"));
        }
        let scalars: Vec<Aval> = x.iter().map(|x| Aval::new(x.dtype(), ())).collect();
        let closed = self.staged(&scalars, "inside a map", |reader, args| {
            let args: Vec<Val> = args.iter().cloned().map(Val::new).collect();
            reader.region(scope, region, &args).map(|results| results.iter().map(Val::full).collect())
        })?;
        let elements = x.iter().map(|x| x.full().reshape([n]));
        let operands: Vec<Array> = closed.captures.iter().cloned().chain(elements).collect();
        let axes: Vec<Option<usize>> = (0..operands.len()).map(|i| (i >= closed.captures.len()).then_some(0)).collect();
        let (results, axes) = Call::new("map".into(), closed.jaxpr).batch(&operands, &axes, n);
        let shaped = results.into_iter().zip(axes).map(|(y, axis)| match axis {
            Some(_) => Val::new(y.reshape(shape.clone())),
            None => Val::splat(y, &shape),
        });
        Ok(shaped.collect())
    }

    pub(super) fn reduce(&mut self, scope: &mut Scope<'p>, op: &'p Op, x: &[Val]) -> Vals {
        let (operands, inits) = x.split_at(x.len() / 2);
        let [region] = &op.regions[..] else { return Err(malformed("a reduction has one region")) };
        let axes = op.attributes.axes("dimensions")?;
        if let ([x], [init]) = (operands, inits)
            && let Some(monoid) = Monoid::of(region, x.dtype())
        {
            return monoid.started(Val::new(monoid.reduce(&x.full(), axes)), init).map(|y| vec![y]);
        }
        if let ([x, index], [axis]) = (operands, &axes[..])
            && matches!(index.known, Known::Iota(d) if d == *axis)
            && index.dtype().is_integer()
            && let Some(greatest) = extremum(region)
            && inits[1].integer() == Some(0)
            && inits[0].literal() == Some(if greatest { extremes(x.dtype()).0 } else { extremes(x.dtype()).1 })
        {
            let x = x.full();
            let (axis, index_dtype) = (*axis, index.dtype());
            let (value, index) = match greatest {
                true => (Monoid::Max.reduce(&x, axes), bind1(p::ArgMax { axis, index_dtype }, &[&x])),
                false => (Monoid::Min.reduce(&x, axes), bind1(p::ArgMin { axis, index_dtype }, &[&x])),
            };
            return Ok(vec![Val::new(value), Val::new(index)]);
        }
        let scalars: Vec<Aval> = inits.iter().map(Val::aval).collect();
        let closed = self.combination(scope, region, &scalars)?;
        let jaxpr = dce(&nested(closed), true).0.into();
        let all: Vec<Array> = x.iter().map(Val::full).collect();
        let out = bind(Reduce { jaxpr, dimensions: axes }, &all.iter().collect::<Vec<_>>());
        Ok(out.into_iter().map(Val::new).collect())
    }

    pub(super) fn reduce_window(&mut self, scope: &mut Scope<'p>, op: &'p Op, x: &[Val]) -> Vals {
        let (operands, inits) = x.split_at(x.len() / 2);
        let [region] = &op.regions[..] else { return Err(malformed("a reduction has one region")) };
        let Some(first) = operands.first() else { return Err(malformed("a reduction without operands")) };
        let window = window(op, first.shape.rank())?;
        if let ([x], [init]) = (operands, inits)
            && let Some(monoid) = Monoid::of(region, x.dtype())
            && init.literal() == Some(monoid.neutral(init.dtype()))
        {
            let array = x.full();
            if let Some((axis, reverse)) = cumulative(&window, &x.shape) {
                let y = match monoid {
                    Monoid::Add => Some(bind1(p::CumSum { axis, reverse }, &[&array])),
                    Monoid::Mul => Some(bind1(p::CumProd { axis, reverse }, &[&array])),
                    Monoid::Max => Some(bind1(p::CumMax { axis, reverse }, &[&array])),
                    Monoid::Min => Some(bind1(p::CumMin { axis, reverse }, &[&array])),
                    _ => None,
                };
                if let Some(y) = y {
                    return Ok(vec![Val::new(y)]);
                }
            }
            let y = match monoid {
                Monoid::Add => Some(bind1(p::ReduceWindowSum { window: window.clone() }, &[&array])),
                Monoid::Max if x.dtype() != DType::Bool => {
                    Some(bind1(p::ReduceWindowMax { window: window.clone() }, &[&array]))
                }
                Monoid::Min if x.dtype() != DType::Bool => {
                    Some(bind1(p::ReduceWindowMin { window: window.clone() }, &[&array]))
                }
                _ => None,
            };
            if let Some(y) = y {
                return Ok(vec![Val::new(y)]);
            }
        }
        let scalars: Vec<Aval> = inits.iter().map(Val::aval).collect();
        let closed = self.combination(scope, region, &scalars)?;
        let jaxpr = dce(&nested(closed), true).0;
        if let ([x], [init]) = (operands, inits)
            && let Some((axis, reverse)) = cumulative(&window, &x.shape)
            && x.dtype().is_float()
            && init.literal() == Some(extremes(x.dtype()).0)
            && jaxpr == log_add_exp(x.dtype())
        {
            return Ok(vec![Val::new(bind1(p::CumLogSumExp { axis, reverse }, &[&x.full()]))]);
        }
        let jaxpr = jaxpr.into();
        let all: Vec<Array> = x.iter().map(Val::full).collect();
        let out = bind(ReduceWindow { jaxpr, window }, &all.iter().collect::<Vec<_>>());
        Ok(out.into_iter().map(Val::new).collect())
    }
}

/// The program of `jnp.logaddexp` of two scalars, as JAX 0.10.2 writes it in windows. Where both are −∞, which is what the
/// padding of a cumulative sum has, the derivative of these operations is NaN.
fn log_add_exp(dtype: DType) -> Jaxpr {
    let scalar = Aval::new(dtype, ());
    let (closed, ()) = stage(&[scalar.clone(), scalar], &Inputs::Unknown("inside a reduction"), |args| {
        let (a, b) = (&args[0], &args[1]);
        let greater = bind1(p::Max, &[a, b]);
        let difference = bind1(p::Sub, &[a, b]);
        let odd = bind1(p::Ne, &[&difference, &difference]);
        let sum = bind1(p::Add, &[a, b]);
        let smaller = bind1(p::Exp, &[&bind1(p::Neg, &[&bind1(p::Abs, &[&difference])])]);
        let usual = bind1(p::Add, &[&greater, &bind1(p::Log1p, &[&smaller])]);
        (vec![bind1(p::SelectN, &[&odd, &usual, &sum])], ())
    });
    dce(&nested(closed), true).0
}

fn window(op: &Op, rank: usize) -> Result<Window> {
    let attrs = &op.attributes;
    Ok(Window {
        dimensions: attrs.sizes_or("window_dimensions", rank, 1)?,
        strides: attrs.sizes_or("window_strides", rank, 1)?,
        padding: attrs.pairs("padding", rank)?,
        base_dilation: attrs.sizes_or("base_dilations", rank, 1)?,
        window_dilation: attrs.sizes_or("window_dilations", rank, 1)?,
    })
}

/// If windows cover everything up to an element, or everything from it on, along one axis: the axis, and whether they run
/// from the end.
fn cumulative(window: &Window, shape: &[usize]) -> Option<(usize, bool)> {
    let ones = |list: &[usize]| list.iter().all(|n| *n == 1);
    if !(ones(&window.strides) && ones(&window.base_dilation) && ones(&window.window_dilation)) {
        return None;
    }
    let mut wide = (0..shape.len()).filter(|d| window.dimensions[*d] != 1 || window.padding[*d] != (0, 0));
    let axis = wide.next()?;
    let n = i64::try_from(shape[axis]).ok()?;
    if wide.next().is_some() || window.dimensions[axis] != shape[axis] || n < 2 {
        return None;
    }
    match window.padding[axis] {
        (low, 0) if low == n - 1 => Some((axis, false)),
        (0, high) if high == n - 1 => Some((axis, true)),
        _ => None,
    }
}

pub(super) fn select_and_scatter(op: &Op, x: &[Val]) -> Result<Val> {
    let ([operand, source, init], [select, scatter]) = (x, &op.regions[..]) else {
        return Err(malformed("a select_and_scatter has three operands and two regions"));
    };
    let by = match &select.ops[..] {
        [compare, end] if &*compare.name == "stablehlo.compare" && end.operands[..] == [value_of(compare)?] => {
            let straight = compare.operands.iter().copied().eq(select.params);
            match compare.attributes.keyword("comparison_direction") {
                Some("GE" | "GT") if straight => Some(p::Select::Ge),
                Some("LE" | "LT") if straight => Some(p::Select::Le),
                _ => None,
            }
        }
        _ => None,
    };
    let (Some(select), Some(Monoid::Add)) = (by, Monoid::of(scatter, operand.dtype())) else {
        return Err(unsupported("a select_and_scatter other than that of a greatest or least element and a sum"));
    };
    let prim = p::SelectAndScatterAdd { select, window: window(op, operand.shape.rank())? };
    Monoid::Add.started(Val::new(bind1(prim, &[&source.full(), &operand.full()])), init)
}

fn value_of(op: &Op) -> Result<Value> {
    op.results.get(0).ok_or_else(|| malformed("an operation without a result"))
}
