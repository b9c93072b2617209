//! Branches.

use stablehlo::read::Op;

use super::primitives as p;
use crate::array::Array;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::control::cond::Cond;
use crate::error::Result;
use crate::ir::jaxpr::Closed;
use crate::lax::control_flow::share_captures;
use crate::trace::frames::{bind, bind1};

use super::value::Val;
use super::{Reader, Scope, Vals, malformed};

impl<'p> Reader<'p> {
    /// Reads a `case`, whose operand is the number of a region, or an `if`, whose operand is true for the first one.
    pub(super) fn branches(&mut self, scope: &mut Scope<'p>, op: &'p Op, x: &[Val]) -> Vals {
        let [which] = x else { return Err(malformed("a conditional has one operand")) };
        let boolean = which.dtype() == DType::Bool;
        let mut regions: Vec<_> = op.regions.iter().collect();
        if boolean {
            regions.reverse();
        }
        let Some(last) = regions.len().checked_sub(1) else { return Err(malformed("a conditional without a region")) };
        if which.shape.rank() > 0 || (boolean && regions.len() != 2) {
            return Err(malformed("a conditional of another form"));
        }
        let chosen = which.boolean().map(usize::from);
        let chosen = chosen.or_else(|| Some(usize::try_from(which.integer()?).map_or(last, |i| i.min(last))));
        if let Some(chosen) = chosen {
            return self.region(scope, regions[chosen], &[]);
        }
        let closed = (regions.iter())
            .map(|region| {
                self.staged(&[], "inside a branch", |reader, _| {
                    reader.region(scope, region, &[]).map(|results| results.iter().map(Val::full).collect())
                })
            })
            .collect::<Result<Vec<Closed>>>()?;
        let (branches, captures) = share_captures(&closed.iter().collect::<Vec<_>>());
        let index = if boolean {
            bind1(p::ConvertElementType { dtype: DType::I32, weak: false }, &[&which.x])
        } else {
            // An index out of range selects the last region. The primitive clamps, so a negative one would select the
            // first.
            let number = |n: i64| Array::literal(Literal::int(which.dtype(), n));
            let negative = bind1(p::Lt, &[&which.x, &number(0)]);
            bind1(p::SelectN, &[&negative, &which.x, &number(last as i64)])
        };
        let operands: Vec<&Array> = std::iter::once(&index).chain(&captures).collect();
        Ok(bind(Cond::new(branches), &operands).into_iter().map(Val::new).collect())
    }
}
