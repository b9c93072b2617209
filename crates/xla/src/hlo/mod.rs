//! XLA's own program format, decoded and printed.

mod literal;
mod print;
mod proto;
mod sharding;
mod types;

use prost::Message;

use crate::partitioned::Tilings;
use crate::shape::{ArrayShape, ElementType};

pub use sharding::Tiling;

/// The parameters of a program.
pub(crate) struct Signature {
    /// The types of its parameters; `None` if a parameter is not an array.
    pub(crate) params: Vec<Option<ArrayShape>>,
    /// The parameters whose memory may be reused for results, in order.
    pub(crate) reusable: Vec<i64>,
}

fn head(format: &str, code: &[u8]) -> Result<proto::Head, String> {
    let damaged = |e: prost::DecodeError| e.to_string();
    match format {
        "hlo_with_config" => Ok(proto::HeadWithConfig::decode(code).map_err(damaged)?.hlo_module.unwrap_or_default()),
        "hlo" => proto::Head::decode(code).map_err(damaged),
        other => Err(format!("the format {other} is unknown")),
    }
}

/// Reads how the partitioner laid out the parameters and results of an optimized program.
pub(crate) fn tilings(format: &str, code: &[u8], params: usize, outputs: usize) -> Result<Tilings, String> {
    let head = head(format, code)?;
    let params = match head.parameter_shardings.as_slice() {
        [one] => sharding::tilings(one, params),
        several => several.iter().map(sharding::tiling).collect(),
    };
    let outputs = head.output_sharding.map_or_else(Vec::new, |sharding| sharding::tilings(&sharding, outputs));
    Ok(Tilings { params, outputs })
}

/// Reads the signature of an optimized program, and skips the rest.
pub(crate) fn signature(format: &str, code: &[u8]) -> Result<Signature, String> {
    let head = head(format, code)?;
    let shape = head.program_shape.ok_or("the program has no signature")?;
    let array = |s: &proto::Shape| Some(ArrayShape::new(element_type(s.element_type)?, s.dimensions.clone()));
    let mut reusable: Vec<i64> = head
        .input_output_alias
        .iter()
        .flat_map(|a| &a.entries)
        .map(|e| e.parameter_number)
        .chain(head.buffer_donor.iter().flat_map(|d| &d.entries).map(|e| e.parameter_number))
        .collect();
    reusable.sort_unstable();
    reusable.dedup();
    Ok(Signature { params: shape.parameters.iter().map(array).collect(), reusable })
}

/// The element type with XLA's own number `code`, which differs from PJRT's, if it is supported.
pub(crate) fn element_type(code: i32) -> Option<ElementType> {
    use ElementType::{BF16, C64, C128, F16, F32, F64, Pred, S8, S16, S32, S64, U8, U16, U32, U64};
    // Kernels and callbacks look up the types of their arrays and attributes in every call.
    const INTEGERS: [ElementType; 9] = [Pred, S8, S16, S32, S64, U8, U16, U32, U64];
    match code {
        1..=9 => Some(INTEGERS[code as usize - 1]),
        10 => Some(F16),
        11 => Some(F32),
        12 => Some(F64),
        15 => Some(C64),
        16 => Some(BF16),
        18 => Some(C128),
        _ => None,
    }
}

/// Prints an optimized program that the plugin returned in `format`.
pub(crate) fn text(format: &str, code: &[u8]) -> Result<String, String> {
    Ok(print::module(&module(format, code)?))
}

fn module(format: &str, code: &[u8]) -> Result<proto::Module, String> {
    let damaged = |e: prost::DecodeError| format!("the optimized program cannot be decoded: {e}");
    match format {
        "hlo_with_config" => Ok(proto::ModuleWithConfig::decode(code).map_err(damaged)?.hlo_module.unwrap_or_default()),
        "hlo" => proto::Module::decode(code).map_err(damaged),
        other => Err(format!("the optimized program has the format {other}, which is unknown")),
    }
}

/// The number of kernels and library calls in a program for a GPU: the instructions of its entry, and of the loops,
/// branches and functions that it calls, that are neither such a call nor a mere name for a value.
pub(crate) fn kernels(format: &str, code: &[u8]) -> Result<usize, String> {
    const NAMES: &[&str] =
        &["after-all", "async-done", "bitcast", "constant", "get-tuple-element", "opt-barrier", "parameter", "tuple"];
    const CALLS: &[&str] = &["async-start", "call", "conditional", "while"];
    let module = module(format, code)?;
    let (mut waiting, mut seen, mut kernels) = (vec![module.entry_computation_id], Vec::new(), 0);
    while let Some(id) = waiting.pop() {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let instructions = module.computations.iter().filter(|c| c.id == id).flat_map(|c| &c.instructions);
        for instruction in instructions {
            let opcode = instruction.opcode.as_str();
            if CALLS.contains(&opcode) {
                waiting.extend(&instruction.called_computation_ids);
            } else if !NAMES.contains(&opcode) {
                kernels += 1;
            }
        }
    }
    Ok(kernels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_types_have_their_names() {
        for code in -1..40 {
            let name = types::type_name(code);
            assert_eq!(element_type(code), ElementType::ALL.iter().copied().find(|t| t.name() == name), "{code}");
        }
    }
}
