//! Constant arrays inside a program, such as those that a user's rule captures inside the body of a loop or another
//! nested program.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{OrRaise, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive};

/// `constant`: an array without operands.
///
/// Usually, an array that a program does not compute is one of its inputs. A nested program, however, has no inputs for
/// what only a rule captures, because rules run after the surrounding program has been traced. Users can also make a
/// table visible to the compiler ([`lax::constant`](crate::lax::constant)).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Constant {
    aval: Aval,
    bytes: Arc<[u8]>,
}

impl Constant {
    /// Creates a constant from the value of an array that is not traced.
    pub(crate) fn of(array: &Array) -> Constant {
        Constant { aval: array.aval(), bytes: array.with_bytes(|bytes| bytes.into()).or_raise() }
    }
}

impl Hash for Constant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.aval.hash(state);
        self.bytes.hash(state);
    }
}

impl fmt::Debug for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Constant({})", self.aval)
    }
}

impl Primitive for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn infer(&self, _: &[Aval]) -> Result<Outputs<Aval>> {
        Ok([self.aval.clone()].into())
    }

    fn lower(&self, cx: &mut Lowering<'_>, _: &[Value], _: &[Aval], _: &[Aval]) -> Outputs<Value> {
        [cx.bytes(&self.aval, &self.bytes)].into()
    }
}
