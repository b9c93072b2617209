//! Operations that other systems define: custom calls, composites, and functions that StableHLO does not have.

use std::sync::Arc;

use stablehlo::read::{Attr, Attrs, Element, Op};

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::control::composite::CompositeCall;
use crate::control::ffi_call::FfiAttribute;
use crate::error::{Error, Result};
use crate::ir::jaxpr::Closed;
use crate::numpy::take_along_axis;
use crate::ops::zeros;
use crate::trace::frames::{bind, bind1};

use super::value::Val;
use super::{Reader, Vals, elementwise, linalg, malformed, unsupported};

/// Reads an operation of CHLO that is not elementwise, if it is known.
pub(super) fn chlo(name: &str, attrs: &Attrs, x: &[Val], _outs: &[Aval]) -> Result<Option<Vec<Val>>> {
    match (name, x) {
        ("top_k", [x]) => {
            let k =
                attrs.int("k").and_then(|k| usize::try_from(k).ok()).ok_or_else(|| malformed("`top_k` has no `k`"))?;
            if attrs.get("largest").is_none() || attrs.flag("largest") {
                return top_k(x, k).map(Some);
            }
            // The least elements are the greatest ones in the opposite order.
            let flipped = |x: Array| if x.dtype().is_integer() { bind1(p::Not, &[&x]) } else { -x };
            let mut found = top_k(&Val::new(flipped(x.full())), k)?;
            found[0] = Val::new(flipped(found[0].full()));
            Ok(Some(found))
        }
        _ => Ok(None),
    }
}

fn top_k(x: &Val, k: usize) -> Vals {
    let Some(axis) = x.shape.rank().checked_sub(1) else { return Err(malformed("`top_k` of a scalar")) };
    Ok(bind(p::TopK { k, axis }, &[&x.full()]).into_iter().map(Val::new).collect())
}

/// Attributes of an operation that is written as a custom call.
fn inner(attrs: &Attrs) -> Attrs {
    ["mhlo.attributes", "mhlo.backend_config", "backend_config"]
        .into_iter()
        .find_map(|name| match attrs.get(name) {
            Some(Attr::Dict(inner)) => Some(inner.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

/// The name, the version and the attributes of a composite.
type Named = (Arc<str>, i32, Vec<(String, FfiAttribute)>);

/// What names a composite that can be written again. What belongs to CHLO is known here by its operations.
fn composite_of(attrs: &Attrs) -> Option<Named> {
    let name = attrs.str("name").filter(|name| !name.starts_with("chlo."))?;
    let version = i32::try_from(attrs.int("version").unwrap_or(0)).ok()?;
    let list = |items: &[Attr]| items.iter().map(integer).collect::<Option<Vec<i64>>>().map(FfiAttribute::I64s);
    let value = |attr: &Attr| match attr {
        Attr::Bool(x) => Some(FfiAttribute::Bool(*x)),
        Attr::Array(items) => list(items),
        attr => attr.as_str().map(FfiAttribute::from).or_else(|| number(attr)),
    };
    let attributes = match attrs.get("composite_attributes") {
        Some(Attr::Dict(inner)) => inner.iter().map(|(name, attr)| Some((name.to_string(), value(attr)?))).collect(),
        None => Some(Vec::new()),
        Some(_) => None,
    };
    Some((name.into(), version, attributes?))
}

/// An attribute that is an `i64`.
fn integer(attr: &Attr) -> Option<i64> {
    if let Attr::Int(value, Element::I64) = attr { Some(*value) } else { None }
}

/// An attribute that is a number of a type that attributes are written in.
fn number(attr: &Attr) -> Option<FfiAttribute> {
    match attr {
        Attr::Float(_, Element::F32) => Some(FfiAttribute::from(attr.as_f64()? as f32)),
        Attr::Float(_, Element::F64) => attr.as_f64().map(FfiAttribute::from),
        attr => integer(attr).map(FfiAttribute::from),
    }
}

impl<'p> Reader<'p> {
    /// Reads a composite: by its name, if it is that of a known function, or else as an operation with its
    /// decomposition.
    pub(super) fn composite(&mut self, op: &'p Op, x: &[Val], outs: &[Aval]) -> Vals {
        let attrs = &op.attributes;
        if let Some(name) = attrs.str("name").and_then(|name| name.strip_prefix("chlo.")) {
            let inner = match attrs.get("composite_attributes") {
                Some(Attr::Dict(inner)) => inner.clone(),
                _ => Attrs::default(),
            };
            if let Some(results) = chlo(name, &inner, x, outs)? {
                return Ok(results);
            }
            if let Some(result) = elementwise::read(name, op, x, outs)? {
                return Ok(vec![result]);
            }
        }
        let callee = attrs.str("decomposition").ok_or_else(|| malformed("a composite without a decomposition"))?;
        match composite_of(attrs) {
            Some((name, version, attributes)) => {
                let Closed { jaxpr, captures } = self.function_program(callee)?;
                let operands: Vec<Array> = captures.into_iter().chain(x.iter().map(Val::full)).collect();
                let prim = CompositeCall { name, version, attributes, jaxpr };
                Ok(bind(prim, &operands.iter().collect::<Vec<_>>()).into_iter().map(Val::new).collect())
            }
            None => self.call(callee, x),
        }
    }

    pub(super) fn custom_call(&mut self, op: &'p Op, x: &[Val], outs: &[Aval]) -> Vals {
        let attrs = &op.attributes;
        let target = attrs.str("call_target_name").ok_or_else(|| malformed("a custom call without a target"))?;
        if let Some(name) = target.strip_prefix("chlo.").or(target.strip_prefix("mhlo.")) {
            let inner = inner(attrs);
            if let Some(results) = chlo(if name == "topk" { "top_k" } else { name }, &inner, x, outs)? {
                return Ok(results);
            }
            if let Some(result) = elementwise::read(name, op, x, outs)? {
                return Ok(vec![result]);
            }
        }
        match (target, x) {
            // Layouts over devices, of which there is one, and places in memory.
            (
                "Sharding"
                | "annotate_device_placement"
                | "SPMDFullToShardShape"
                | "SPMDShardToFullShape"
                | "xla.sdy.FuncResultSharding",
                [x, ..],
            ) if outs.first().is_some_and(|out| out.shape == x.shape) => Ok(vec![x.clone()]),
            ("TopK", [x]) => {
                let k = outs.first().and_then(|out| out.shape.last().copied());
                top_k(x, k.ok_or_else(|| malformed("`TopK` without results"))?)
            }
            ("ApproxTopK", [x, places, ..]) => self.approximate_top_k(op, x, places, outs),
            // Memory whose contents are not defined: JAX fills it with zeros where it does not allocate.
            ("AllocateBuffer", []) => Ok(outs.iter().map(|out| Val::new(zeros(&out.shape, out.dtype))).collect()),
            ("cu_threefry2x32_ffi" | "hip_threefry2x32_ffi", [a, b, c, d]) => {
                let out = bind(p::Threefry2x32, &[&a.full(), &b.full(), &c.full(), &d.full()]);
                Ok(out.into_iter().map(Val::new).collect())
            }
            ("shape_assertion", _) => Err(Error::shape(
                "the program checks shapes when it runs, which it needs only if it was exported with symbolic dimensions",
            )
            .help("export it for each shape that is needed")),
            _ => linalg::custom(target, op, &inner(attrs), x, outs)?
                .ok_or_else(|| unsupported(format!("the custom call of `{target}`"))),
        }
    }
}

impl Reader<'_> {
    /// Reads the greatest or the least elements along an axis as the exact ones, in order.
    fn approximate_top_k(&self, op: &Op, x: &Val, places: &Val, outs: &[Aval]) -> Vals {
        let config = inner(&op.attributes);
        let number = |name: &str| config.int(name).and_then(|n| usize::try_from(n).ok());
        let (Some(k), Some(axis)) = (number("top_k"), number("reduction_dim")) else {
            return Err(malformed("`ApproxTopK` has no `top_k` or no `reduction_dim`"));
        };
        if !outs.iter().all(|out| out.shape.get(axis) == Some(&k)) {
            return Err(unsupported("`ApproxTopK` with more results than `top_k`"));
        }
        let comparator = match op.attributes.get("called_computations") {
            Some(Attr::Array(names)) => names.first(),
            name => name,
        };
        let Some(Attr::Symbol(name)) = comparator else { return Err(malformed("`ApproxTopK` without a comparator")) };
        let mut ops = self.function(name)?.body.ops.iter();
        let direction = ops.find_map(|op| op.attributes.keyword("comparison_direction"));
        let least = match direction {
            Some("GT") => false,
            Some("LT") if x.dtype().is_float() => true,
            _ => return Err(unsupported("`ApproxTopK` with a comparator other than > and <")),
        };
        let x = x.full();
        let found = bind(p::TopK { k, axis }, &[&if least { -x } else { x }]);
        let values = if least { -&found[0] } else { found[0].clone() };
        let places = take_along_axis(places.full(), &found[1], axis as isize);
        Ok(vec![Val::new(values), Val::new(places)])
    }
}

/// All arrays of a call that has one result.
pub(super) fn one(y: Array) -> Vec<Val> {
    vec![Val::new(y)]
}
