//! Operations without a primitive, which run as they were written.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use stablehlo::read::{Attr, Function, LocId, Op, Type, Value, free};

use crate::array::aval::Aval;
use crate::control::opaque::Opaque;
use crate::error::{Error, Result};
use crate::trace::frames::bind;

use super::value::{Val, aval};
use super::{DEPTH, Reader, Scope, linalg, malformed, unsupported};

/// Operations that XLA does not translate, although StableHLO has them.
const UNTRANSLATED: [&str; 6] =
    ["dynamic_conv", "dynamic_gather", "dynamic_pad", "ragged_dot", "real_dynamic_slice", "unary_einsum"];

/// Whether the compiler has values of a type that this library lacks, such as floats of eight bits.
fn compiled(ty: &Type) -> bool {
    match ty {
        Type::Tensor(ty) => ty.shape().is_some() && ty.encoding.is_none() && ty.element.size().is_some(),
        Type::Tuple(types) => types.iter().all(compiled),
        _ => false,
    }
}

fn strange(ty: &Type) -> bool {
    aval(ty).is_err() && compiled(ty)
}

/// The tuples of arrays that stand for their elements, as a module from HLO passes several results on: they come from operations
/// that are read and are taken apart or returned, and nothing else uses them.
pub(super) fn lists(function: &Function) -> HashSet<Value> {
    let (mut lists, mut used) = (HashSet::<Value>::new(), HashSet::<Value>::new());
    if function.types.iter().any(|ty| strange(ty) && !matches!(ty, Type::Tuple(_))) {
        return lists;
    }
    let of_arrays = |value: &Value| match function.ty(*value) {
        Type::Tuple(types) => types.iter().all(|ty| aval(ty).is_ok()),
        _ => false,
    };
    let mut open = vec![&function.body];
    while let Some(region) = open.pop() {
        for op in &region.ops {
            open.extend(&op.regions);
            let target = || op.attributes.str("call_target_name").unwrap_or_default();
            match &*op.name {
                "stablehlo.get_tuple_element" | "func.return" => continue,
                "stablehlo.tuple" | "func.call" => lists.extend(op.results.into_iter().filter(of_arrays)),
                "stablehlo.custom_call" if linalg::RETURNS_TUPLES.contains(&target()) => {
                    lists.extend(op.results.into_iter().filter(of_arrays));
                }
                _ => {}
            }
            used.extend(&op.operands);
        }
    }
    lists.retain(|value| !used.contains(value));
    lists
}

/// Whether a function has values that only the compiler has.
pub(super) fn has_strange(function: &Function) -> bool {
    function.types.iter().any(strange)
}

/// The operations of a region between the definition and the last use of a value that only the compiler has. They run
/// together.
pub(super) fn groups(function: &Function, ops: &[Op], lists: &HashSet<Value>) -> Vec<Range<usize>> {
    let mut last = HashMap::new();
    for (i, op) in ops.iter().enumerate() {
        last.extend(free(std::slice::from_ref(op)).into_iter().map(|value| (value, i)));
    }
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (i, op) in ops.iter().enumerate() {
        let defined = op.results.into_iter().filter(|value| strange(function.ty(*value)) && !lists.contains(value));
        let Some(last) = defined.map(|value| last.get(&value).copied().unwrap_or(i)).max() else { continue };
        match groups.last_mut() {
            Some(group) if group.end > i => group.end = group.end.max(last + 1),
            _ => groups.push(i..last + 1),
        }
    }
    groups
}

impl<'p> Reader<'p> {
    /// Reads operations as one that the compiler gets as they are. `rest` are the operations after them.
    pub(super) fn opaque(&mut self, scope: &mut Scope<'p>, ops: &'p [Op], rest: &[Op]) -> Result<()> {
        let mut seen = HashSet::new();
        let mut fresh = false;
        let mut refused = Vec::new();
        for op in ops {
            self.accepted(scope.function, op, (&mut seen, &mut fresh, &mut refused));
        }
        self.refused.extend(refused);
        let mut results: Vec<Value> = ops.iter().flat_map(|op| op.results).collect();
        if ops.len() > 1 {
            let used: HashSet<Value> = free(rest).into_iter().collect();
            results.retain(|value| used.contains(value));
        }
        let types = results.iter().map(|v| aval(scope.function.ty(*v))).collect::<Result<Vec<Aval>>>()?;
        let part = self.program.part(scope.function, ops, results);
        let operands = part.operands.iter().map(|v| scope.get(*v)).collect::<Result<Vec<Val>>>()?;
        let what = match (ops, self.place(ops[0].location)) {
            ([op], Some(place)) => format!("`{}`, from {place}", op.name),
            ([op], None) => format!("`{}`", op.name),
            (_, Some(place)) => format!("`{}` and the {} after it, from {place}", ops[0].name, ops.len() - 1),
            (_, None) => format!("`{}` and the {} after it", ops[0].name, ops.len() - 1),
        };
        let inputs = operands.iter().map(Val::aval).collect();
        let results = part.results.clone();
        let prim = Opaque { what: what.into(), part: Arc::new(part), types: [inputs, types], fresh };
        let operands: Vec<_> = operands.iter().map(Val::full).collect();
        let outputs = bind(prim, &operands.iter().collect::<Vec<_>>());
        for (value, output) in results.into_iter().zip(outputs) {
            scope.set(value, Val::new(output))?;
        }
        Ok(())
    }

    /// Where an operation was written, if the file says so.
    pub(super) fn place(&self, location: LocId) -> Option<String> {
        let place = self.program.locations.source(location);
        (place.name.is_some() || place.file.is_some()).then(|| place.to_string())
    }

    /// The error of an operation, with its name and its place.
    pub(super) fn placed(&self, error: Error, (name, location): &(Arc<str>, LocId)) -> Error {
        error.context(match self.place(*location) {
            Some(place) => format!("`{name}`, from {place}"),
            None => format!("`{name}`"),
        })
    }

    /// Checks that the compiler may be given an operation, with those in its regions and in the functions that it calls, which
    /// are then `seen`. Appends what it must not be given.
    fn accepted(
        &self,
        function: &'p Function,
        op: &'p Op,
        (seen, fresh, refused): (&mut HashSet<&'p str>, &mut bool, &mut Vec<Error>),
    ) {
        let mut refuse = |error: Error| refused.push(self.placed(error, &(op.name.clone(), op.location)));
        let (dialect, name) = op.name.split_once('.').unwrap_or((&op.name, ""));
        let several = |attr: &Attr| attr.as_ints().is_some_and(|devices| devices.iter().any(|d| *d > 0));
        let mut types = op.operands.iter().copied().chain(op.results).map(|value| function.ty(value));
        if !matches!(dialect, "stablehlo" | "chlo" | "func") || UNTRANSLATED.contains(&name) {
            refuse(unsupported(&op.name));
        } else if ["replica_groups", "source_target_pairs"].iter().any(|n| op.attributes.get(n).is_some_and(several)) {
            let error = unsupported(format!("`{}` between several devices", op.name));
            refuse(error.help("export the function for one device"));
        } else if name == "custom_call"
            && let Err(error) = custom_call(op)
        {
            refuse(error);
        } else if let Some(ty) = types.find(|ty| !compiled(ty)) {
            refuse(aval(ty).err().unwrap_or_else(|| unsupported(format!("a value of type `{ty}`"))));
        }
        *fresh |= name == "rng" || op.attributes.flag("has_side_effect");
        for inner in op.regions.iter().flat_map(|region| &region.ops) {
            self.accepted(function, inner, (&mut *seen, &mut *fresh, &mut *refused));
        }
        for (_, attr) in op.attributes.iter() {
            let names: &[Attr] = if let Attr::Array(items) = attr { items } else { std::slice::from_ref(attr) };
            for name in names {
                if let Attr::Symbol(name) = name
                    && let Ok(called) = self.function(name)
                    && seen.insert(&called.name)
                {
                    if seen.len() > DEPTH {
                        let error = malformed("its calls are nested too deeply");
                        return refused.push(self.placed(error, &(op.name.clone(), op.location)));
                    }
                    for inner in &called.body.ops {
                        self.accepted(called, inner, (&mut *seen, &mut *fresh, &mut *refused));
                    }
                }
            }
        }
    }
}

/// The functions that this library registers.
fn kernels() -> impl Iterator<Item = &'static str> {
    cotangent_lapack::KERNELS.iter().flatten().chain(cotangent_lapack::OTHER_KERNELS).map(|kernel| kernel.name())
}

/// Checks that there is a function for a custom call.
fn custom_call(op: &Op) -> Result<()> {
    let target = op.attributes.str("call_target_name").unwrap_or_default();
    if matches!(target, "tpu_custom_call" | "mosaic_gpu_v2" | "__gpu$xla.gpu.triton") {
        return Err(unsupported(format!("a kernel of Pallas (`{target}`)")).help("export the function without it"));
    }
    if matches!(target, "SPMDFullToShardShape" | "SPMDShardToFullShape") {
        let what = "a function for each of several devices (`shard_map`)";
        return Err(unsupported(what).help("export the function for one device"));
    }
    if target.contains("callback") {
        let what = "a call of a Python function, such as `jax.pure_callback` or `jax.debug.print` makes,";
        return Err(unsupported(what).help("export the function without it"));
    }
    // What XLA itself implements is not checked by it: wrong operands would end the process.
    if crate::api::ffi::is_registered(target) || kernels().any(|name| name == target) {
        return Ok(());
    }
    Err(unsupported(format!("the custom call of `{target}`"))
        .help("register a function of this name, with `extend::register_ffi_target`, before the import"))
}
