//! Comparisons and selections.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise::{self, rebind1};
use super::kept::Kept;
use super::select;

/// Returns StableHLO's compare type for a dtype.
fn compare_type(dtype: DType) -> Attr {
    Attr::Static(match dtype.kind() {
        Kind::Bool | Kind::Uint => "#stablehlo<comparison_type UNSIGNED>",
        Kind::Int => "#stablehlo<comparison_type SIGNED>",
        Kind::Float | Kind::Complex => "#stablehlo<comparison_type FLOAT>",
    })
}

macro_rules! comparisons {
    ($($T:ident $name:literal $dir:literal $op:tt $domain:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`, elementwise; the result is `bool`.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet y = bind1(cotangent::extend::primitives::", stringify!($T), ", &[&Array::from([6, 3]), &Array::from([4, 3])]);\nassert_eq!(y.dtype(), DType::Bool);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T;

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Domain::$domain.one_dtype(inputs)?;
                    elementwise::infer(inputs, DType::Bool)
                }
                fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                    (vec![bind1($T, &[&x[0], &x[1]])], vec![None])
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    elementwise::batch(self, x, axes, n)
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let attrs = [
                        ("compare_type", compare_type(inputs[0].dtype)),
                        ("comparison_direction", Attr::Static(concat!("#stablehlo<comparison_direction ", $dir, ">"))),
                    ];
                    elementwise::lower_with(cx, "stablehlo.compare", args, &outs[0], &attrs)
                }
                fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
                    let result = match (inputs[0].rounded(), inputs[1].rounded()) {
                        (Scalar::Bool(a), Scalar::Bool(b)) => a $op b,
                        (Scalar::Int(a), Scalar::Int(b)) => a $op b,
                        (Scalar::Uint(a), Scalar::Uint(b)) => a $op b,
                        (Scalar::Float(a), Scalar::Float(b)) if !super::subnormal(inputs[0].dtype(), a)
                            && !super::subnormal(inputs[0].dtype(), b) => a $op b,
                        _ => return None,
                    };
                    Some(Literal::strong(result))
                }
            }
        )*
    };
}

comparisons! {
    Eq "eq" "EQ" == ANY;
    Ne "ne" "NE" != ANY;
    Lt "lt" "LT" < ORDERED;
    Le "le" "LE" <= ORDERED;
    Gt "gt" "GT" > ORDERED;
    Ge "ge" "GE" >= ORDERED;
}

macro_rules! total_orders {
    ($($T:ident $name:literal $dir:literal $domain:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`, elementwise, in the total order of IEEE 754: −0 lies below 0, NaN at the ends.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet y = bind1(cotangent::extend::primitives::", stringify!($T), ", &[&Array::from([-0.0f32]), &Array::from([0.0f32])]);\nassert_eq!(y.to_vec::<bool>(), [\"", $dir, "\" != \"EQ\"]);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T;

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Domain::$domain.one_dtype(inputs)?;
                    elementwise::infer(inputs, DType::Bool)
                }
                fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                    (vec![bind1($T, &[&x[0], &x[1]])], vec![None])
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    elementwise::batch(self, x, axes, n)
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let how = match inputs[0].dtype.kind() {
                        Kind::Float | Kind::Complex => Attr::Static("#stablehlo<comparison_type TOTALORDER>"),
                        _ => compare_type(inputs[0].dtype),
                    };
                    let attrs = [
                        ("compare_type", how),
                        ("comparison_direction", Attr::Static(concat!("#stablehlo<comparison_direction ", $dir, ">"))),
                    ];
                    elementwise::lower_with(cx, "stablehlo.compare", args, &outs[0], &attrs)
                }
            }
        )*
    };
}

total_orders! {
    EqTo "eq_to" "EQ" ANY;
    LtTo "lt_to" "LT" ORDERED;
    LeTo "le_to" "LE" ORDERED;
}

/// `select_n`: selects each element from one of several cases. The first operand is the index of the case.
///
/// This index is `bool` (two cases) or `i32` (any number), and has the shape of the cases or is a scalar.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::SelectN, &[&Array::from([false, true]), &Array::from([1, 2]), &Array::from([3, 4])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 4]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectN;

impl Primitive for SelectN {
    fn name(&self) -> &'static str {
        "select_n"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let [which, cases @ ..] = inputs else {
            return Err(Error::shape("expected a predicate and at least one case"));
        };
        match which.dtype {
            DType::Bool if cases.len() <= 2 => {}
            DType::I32 => {}
            _ => {
                return Err(Error::dtype(format!(
                    "the predicate must be bool for two cases or i32 for more, got {which} for {} cases",
                    cases.len()
                )));
            }
        }
        let dtype = Domain::ANY.one_dtype(cases)?;
        let mut out = elementwise::infer_alike(cases, dtype)?;
        if which.rank() > 0 && which.shape != out[0].shape {
            if out[0].rank() > 0 {
                return Err(Error::shape(format!(
                    "the predicate {which} must be a scalar or have the shape of the cases, {}",
                    out[0]
                )));
            }
            out[0].shape = which.shape.clone();
        }
        Ok(out)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind1(SelectN, &x.iter().collect::<Vec<_>>());
        let tangents: Vec<Array> =
            (dx[1..].iter().zip(&x[1..])).map(|(t, x)| t.clone().unwrap_or_else(|| super::zeros_like(x))).collect();
        let operands: Vec<&Array> = std::iter::once(&x[0]).chain(&tangents).collect();
        let tangent = elementwise::spread_tangent(&bind1(SelectN, &operands), &out);
        (vec![out], vec![Some(tangent)])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let (Some(ct), Some(which)) = (&ct[0], inputs[0].known()) else { return vec![None; inputs.len()] };
        let zero = super::zeros_like(ct);
        let pick = |case: usize, operand: &Operand| {
            let Operand::Linear(aval) = operand else { return None };
            let operands: Vec<&Array> = std::iter::once(which)
                .chain((0..inputs.len() - 1).map(|i| if i == case { ct } else { &zero }))
                .collect();
            Some(elementwise::unspread(&bind1(SelectN, &operands), aval))
        };
        std::iter::once(None).chain(inputs[1..].iter().enumerate().map(|(i, x)| pick(i, x))).collect()
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        elementwise::batch_alike(self, x, axes, n)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let args = cx.same_shape(args, &outs[0].shape);
        let cases = &args[1..];
        if inputs[0].dtype == DType::Bool {
            return match cases {
                // StableHLO's select takes the case for true first.
                [a, b] => [cx.op("stablehlo.select", &[args[0].clone(), b.clone(), a.clone()], &[], &outs[0])].into(),
                _ => [cases[0].clone()].into(),
            };
        }
        let mut result = cases[cases.len() - 1].clone();
        let index = Aval::new(DType::I32, &outs[0].shape);
        for (i, case) in cases.iter().enumerate().rev().skip(1) {
            let i = cx.splat(&index, Literal::int(DType::I32, i as i64));
            let attrs = [
                ("compare_type", compare_type(DType::I32)),
                ("comparison_direction", Attr::Static("#stablehlo<comparison_direction LE>")),
            ];
            let here = cx.op("stablehlo.compare", &[args[0].clone(), i], &attrs, &index.with_dtype(DType::Bool));
            result = cx.op("stablehlo.select", &[here, case.clone(), result], &[], &outs[0]);
        }
        [result].into()
    }

    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        let which = inputs[0].value().to_i64().clamp(0, inputs.len() as i64 - 2);
        let picked = inputs[1 + which as usize];
        Some(Literal::new(picked.dtype(), picked.rounded()))
    }
}

/// `clamp`: computes `min(max(x, lo), hi)` elementwise. The operands are `lo`, `x` and `hi`.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Clamp, &[&Array::from([0, 0]), &Array::from([-1, 5]), &Array::from([3, 3])]);
/// assert_eq!(y.to_vec::<i32>(), [0, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clamp;

impl Primitive for Clamp {
    fn name(&self) -> &'static str {
        "clamp"
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let dtype = Domain::ORDERED.one_dtype(inputs)?;
        let mut out = elementwise::infer_alike(inputs, dtype)?;
        if out[0].shape != inputs[1].shape {
            return Err(Error::shape(format!(
                "bounds must be scalars or have the shape of {}, got shape {}",
                inputs[1], out[0].shape
            )));
        }
        out[0].weak_type = inputs[1].weak_type;
        Ok(out)
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let (lo, mid, hi) = (&x[0], &x[1], &x[2]);
        let out = rebind1(self, &[lo, mid, hi]);
        let shape = out.shape();
        let above = || mid.greater(hi);
        let inside = || mid.greater(lo).logical_and(mid.less(hi));
        let below = || lo.greater(mid).logical_and(lo.less(hi));
        // The selected operand must be determined once. Otherwise, a tie might select two operands or none.
        let which = (dx.iter().flatten().count() > 1).then(|| {
            let code = |i: i64| Array::literal(Literal::int(DType::I8, i));
            let rest = select(&above(), &code(2), &code(3), shape);
            let rest = select(&inside(), &code(1), &rest, shape);
            bind1(Kept, &[&select(&below(), &code(0), &rest, shape)])
        });
        let is = |i: i64, alone: &dyn Fn() -> Array| match &which {
            Some(which) => which.equal(Array::literal(Literal::int(DType::I8, i))),
            None => alone(),
        };
        let part = |i: usize, alone: &dyn Fn() -> Array| {
            let t = elementwise::spread_tangent(dx[i].as_ref()?, &out);
            Some(select(&is(i as i64, alone), &t, &super::zeros_like(&t), shape))
        };
        let tangent = elementwise::sum_tangents([part(0, &below), part(1, &inside), part(2, &above)]);
        (vec![out], vec![tangent])
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], n: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        if axes[1].is_some() || x[1].ndim() > 0 {
            return elementwise::batch_alike(self, x, axes, n);
        }
        // A scalar between batched bounds must be broadcast to the shape of the result.
        let spread = Shape::new(&[n]);
        elementwise::batch_alike(
            self,
            &[x[0].clone(), x[1].broadcast_to(&spread), x[2].clone()],
            &[axes[0], Some(0), axes[2]],
            n,
        )
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        elementwise::lower(cx, "stablehlo.clamp", args, &outs[0])
    }
}
