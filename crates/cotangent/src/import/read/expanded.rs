//! Special functions that were written out. `jax.export` replaces CHLO's functions by selections among formulas, and a
//! formula that is not selected may have a NaN as its derivative. So these expressions are read as the functions that they
//! are.

use std::collections::HashMap;

use stablehlo::read::{Attr, Op, Value};

use crate::array::aval::Aval;
use crate::error::Result;

use super::value::Val;
use super::{Scope, elementwise};

/// From an operation to one of its operands: its name, and the operand's number.
type Step = (&'static str, usize);

/// How a function is written out.
struct Expansion {
    name: &'static str,
    /// The last operation, and the ways from there to each argument.
    arguments: &'static [&'static [Step]],
    /// The digests of the expressions for `f32` and `f64`. Narrower floats are converted around the one for `f32`.
    digests: [u64; 2],
}

/// The expansions of StableHLO as of JAX 0.10.2. An expression of another version is read as its operations.
const EXPANSIONS: [Expansion; 7] = [
    Expansion {
        name: "bessel_i1e",
        arguments: &[&[("multiply", 0), ("sign", 0)]],
        digests: [0xa603_1500_246a_2adf, 0x73e7_0443_a3bc_6a34],
    },
    Expansion {
        name: "digamma",
        arguments: &[&[("select", 0), ("and", 0), ("compare", 0)]],
        digests: [0x80a4_197a_5df7_2a09, 0x71d8_80d8_ba0c_09ee],
    },
    Expansion {
        name: "erf_inv",
        arguments: &[&[("select", 1), ("multiply", 0)]],
        digests: [0x78a5_e22b_7a95_d345, 0x2adc_dbdc_324a_9d8c],
    },
    Expansion {
        name: "erfc",
        arguments: &[&[("select", 0), ("compare", 0), ("abs", 0)]],
        digests: [0x7d90_7174_18d4_cbec, 0xe16d_e330_953d_3368],
    },
    Expansion {
        name: "lgamma",
        arguments: &[&[("select", 0), ("compare", 0), ("abs", 0)]],
        digests: [0x3175_a974_7c48_ef4d, 0x0df1_1755_e7da_859a],
    },
    Expansion {
        name: "polygamma",
        arguments: &[
            &[("select", 0), ("or", 0), ("compare", 0)],
            &[("select", 2), ("select", 1), ("select", 0), ("and", 0), ("compare", 0)],
        ],
        digests: [0x1a36_1482_75c0_0b30, 0xcb08_835e_25c8_3332],
    },
    Expansion {
        name: "zeta",
        arguments: &[&[("select", 0), ("compare", 0)], &[("select", 2), ("select", 0), ("and", 0), ("compare", 0)]],
        digests: [0x1e6d_dc8d_1986_627b, 0xe6ba_2caf_d9f1_d053],
    },
];

/// The most operations that an expansion has.
const LARGEST: usize = 400;

/// Reads the last operation of an expression that is a special function.
pub(super) fn read(scope: &Scope<'_>, op: &Op, outs: &[Aval]) -> Result<Option<Val>> {
    for Expansion { name, arguments, digests } in &EXPANSIONS {
        let found: Option<Vec<Value>> = arguments.iter().map(|steps| argument(scope, op, steps)).collect();
        let Some(found) = found else { continue };
        if expression(scope, op, &found).is_some_and(|digest| digests.contains(&digest)) {
            let x = found.iter().map(|value| scope.get(*value)).collect::<Result<Vec<_>>>()?;
            return elementwise::read(name, op, &x, outs);
        }
    }
    Ok(None)
}

/// Where some steps lead.
fn argument(scope: &Scope<'_>, op: &Op, steps: &[Step]) -> Option<Value> {
    let (mut at, mut value) = (Some(op), None);
    for (name, operand) in steps {
        let here = at.filter(|op| op.name.strip_prefix("stablehlo.") == Some(name))?;
        let next = *here.operands.get(*operand)?;
        (at, value) = (scope.defined(next), Some(next));
    }
    value
}

/// The digest of an expression in terms of `arguments`, if it consists of elementwise operations and constants.
fn expression(scope: &Scope<'_>, op: &Op, arguments: &[Value]) -> Option<u64> {
    let mut digest = Digest { state: 0xcbf2_9ce4_8422_2325, seen: HashMap::new(), arguments, scope };
    digest.value(op.results.get(0)?, Some(op))?;
    Some(digest.state)
}

/// The FNV-1a hash of an expression: its operations, depth first. When an operation is met again, it is a number.
struct Digest<'a, 'p> {
    state: u64,
    seen: HashMap<Value, usize>,
    arguments: &'a [Value],
    scope: &'a Scope<'p>,
}

impl Digest<'_, '_> {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().copied().chain([0xff]) {
            self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn value(&mut self, value: Value, op: Option<&Op>) -> Option<()> {
        if let Some(i) = self.arguments.iter().position(|argument| *argument == value) {
            self.bytes(format!("input {i}").as_bytes());
            return Some(());
        }
        if let Some(n) = self.seen.get(&value) {
            self.bytes(format!("again {n}").as_bytes());
            return Some(());
        }
        let op = op?;
        let n = self.seen.len();
        if n > LARGEST || !op.regions.is_empty() {
            return None;
        }
        if let Some(constant) = splat(self.scope, op) {
            self.bytes(constant);
            return Some(());
        }
        self.seen.insert(value, n);
        self.bytes(op.name.as_bytes());
        match &*op.name {
            "stablehlo.compare" => self.bytes(op.attributes.keyword("comparison_direction")?.as_bytes()),
            "stablehlo.constant" | "stablehlo.custom_call" | "stablehlo.broadcast_in_dim" | "func.call" => return None,
            _ => {}
        }
        op.operands.iter().try_for_each(|operand| self.value(*operand, self.scope.defined(*operand)))
    }
}

/// The bytes of the number that all elements of a constant are equal to.
fn splat<'a>(scope: &'a Scope<'_>, op: &'a Op) -> Option<&'a [u8]> {
    match (&*op.name, op.attributes.get("value"), &op.operands[..]) {
        ("stablehlo.constant", Some(Attr::Dense(dense)), _) if dense.splat => Some(&dense.data),
        ("stablehlo.broadcast_in_dim", _, [x]) => {
            splat(scope, scope.defined(*x).filter(|op| &*op.name == "stablehlo.constant")?)
        }
        _ => None,
    }
}
