//! What is the same whichever form a program was read from.

use std::sync::Arc;

use super::{Attr, Attrs, Dense, Element, Struct, TensorType};

/// The value that the low bits of `value` have in an integer type.
pub(super) fn wrap(value: i64, element: &Element) -> i64 {
    match element.bits() {
        Some(bits @ 1..64) if element.is_signed() => value << (64 - bits) >> (64 - bits),
        Some(bits @ 1..64) => value & ((1 << bits) - 1),
        _ => value,
    }
}

/// A structured attribute. Empty lists and the default axis of index vectors are left out.
pub(super) fn structure(name: &str, mut fields: Vec<(Arc<str>, Attr)>) -> Attr {
    fields.retain(|(field, value)| match value {
        Attr::Ints(values) => !values.is_empty(),
        Attr::Int(0, _) => !matches!(&**field, "index_vector_dim" | "ulps"),
        Attr::Float(0, _) => name != "result_accuracy",
        _ => true,
    });
    Attr::Struct(Arc::new(Struct { name: name.into(), fields: Attrs::new(fields) }))
}

/// The bounds of dynamic axes; those that are not positive are unknown.
pub(super) fn bounds(sizes: &[i64]) -> Attr {
    let text: Vec<String> = sizes.iter().map(|&n| if n < 0 { "?".into() } else { n.to_string() }).collect();
    Attr::Opaque(format!("#stablehlo.bounds<{}>", text.join(", ")).into())
}

/// Whether one element is all that `data` holds, several times or once.
fn repeats(data: &[u8], size: usize) -> bool {
    data.len() >= size && data[size..] == data[..data.len() - size]
}

/// A tensor whose elements are all the same.
pub(super) fn splat(ty: &Arc<TensorType>, mut element: Vec<u8>) -> Attr {
    let splat = !ty.is_empty();
    if !splat {
        element.clear();
    }
    Attr::Dense(Arc::new(Dense { ty: ty.clone(), data: element.into(), splat }))
}

/// A tensor from MLIR's bytes: all elements or one; booleans as bytes or as bits.
pub(super) fn dense(ty: &Arc<TensorType>, mut data: Vec<u8>) -> Result<Attr, String> {
    let (Some(len), Some(size)) = (ty.len(), ty.element.size()) else {
        return Err(format!("the elements of {ty}, whose size is not known"));
    };
    let wanted = len.checked_mul(size);
    if ty.element == Element::Bool {
        // One byte is a splat, unless it can be the bits of up to eight booleans; a byte of ones is a splat too.
        if data.len() == 1 && (data[0] == 255 || len == 1 || len > 8) {
            return Ok(splat(ty, vec![(data[0] != 0).into()]));
        }
        if data.len() != len && data.len() == len.div_ceil(8) {
            data = (0..len).map(|i| data[i / 8] >> (i % 8) & 1).collect();
        } else {
            data.iter_mut().for_each(|b| *b = (*b != 0).into());
        }
    } else if ty.element.bits().is_some_and(|b| b < 8) && !ty.element.is_float() {
        data.iter_mut().for_each(|b| *b = wrap((*b).into(), &ty.element) as u8);
    }
    if Some(data.len()) != wanted {
        if data.len() == size && len > 0 {
            return Ok(splat(ty, data));
        }
        return Err(format!("{} bytes for the elements of {ty}", data.len()));
    }
    if repeats(&data, size) {
        data.truncate(size);
        return Ok(splat(ty, data));
    }
    Ok(Attr::Dense(Arc::new(Dense { ty: ty.clone(), data: data.into(), splat: false })))
}

/// A tensor from a resource: its alignment in four bytes, and then the elements.
pub(super) fn resource(ty: &Arc<TensorType>, blob: &[u8]) -> Result<Attr, String> {
    match blob.get(4..) {
        Some(data) => dense(ty, data.to_vec()),
        None => Err("a resource of less than four bytes".into()),
    }
}

/// Leaves out the attributes of an operation that have the default value.
pub(super) fn defaults(op: &str, attributes: &mut Vec<(Arc<str>, Attr)>) {
    if attributes.is_empty() {
        return;
    }
    let Some(op) = op.strip_prefix("stablehlo.") else { return };
    attributes.retain(|(name, value)| !is_default(op, name, value));
}

fn is_default(op: &str, name: &str, value: &Attr) -> bool {
    let ints = |n: i64| match value {
        Attr::Ints(values) => values.iter().all(|&v| v == n),
        Attr::Dense(dense) if dense.splat => dense.first() == Some(n),
        Attr::Dense(dense) => dense.ty.is_empty(),
        _ => false,
    };
    let case = |want: &str| matches!(value, Attr::Enum(_, case) if &**case == want);
    let no = || *value == Attr::Bool(false);
    match (op, name) {
        ("cholesky", "lower") => no(),
        ("compare", "compare_type") => case("NOTYPE"),
        ("convolution" | "dynamic_conv" | "reduce_window" | "select_and_scatter", "window_strides" | "padding") => {
            ints(if name == "padding" { 0 } else { 1 })
        }
        ("convolution" | "dynamic_conv", "lhs_dilation" | "rhs_dilation") => ints(1),
        ("reduce_window", "base_dilations" | "window_dilations") => ints(1),
        ("convolution" | "dynamic_conv", "window_reversal") => match value {
            Attr::Bools(values) => !values.contains(&true),
            _ => ints(0),
        },
        ("convolution" | "dynamic_conv" | "dot_general" | "dot", "precision_config") => match value {
            Attr::Array(items) => items.iter().all(|i| matches!(i, Attr::Enum(_, case) if &**case == "DEFAULT")),
            _ => false,
        },
        ("custom_call", "has_side_effect") => no(),
        ("custom_call", "backend_config") => match value {
            Attr::Str(text) => text.is_empty(),
            Attr::Dict(entries) => entries.is_empty(),
            _ => false,
        },
        ("custom_call", "api_version") => match value {
            Attr::Int(version, _) => *version == 1,
            _ => case("API_VERSION_ORIGINAL"),
        },
        ("custom_call", "called_computations" | "operand_layouts" | "result_layouts" | "output_operand_aliases") => {
            matches!(value, Attr::Array(items) if items.is_empty())
        }
        ("gather" | "dynamic_gather" | "scatter", "indices_are_sorted") | ("scatter", "unique_indices") => no(),
        ("dynamic_broadcast_in_dim", "known_expanding_dimensions" | "known_nonexpanding_dimensions") => {
            matches!(value, Attr::Ints(values) if values.is_empty())
        }
        ("infeed", "infeed_config") | ("outfeed", "outfeed_config") => matches!(value, Attr::Str(s) if s.is_empty()),
        ("infeed", "layout") => matches!(value, Attr::Array(items) if items.is_empty()),
        ("recv" | "send", "is_host_transfer") => no(),
        ("sort", "dimension") => value.as_i64() == Some(-1),
        ("sort", "is_stable") => no(),
        ("composite", "composite_attributes") => matches!(value, Attr::Dict(entries) if entries.is_empty()),
        ("composite", "version") => value.as_i64() == Some(0),
        (_, "use_global_device_ids") => no(),
        (_, "result_accuracy") => match value {
            Attr::Struct(s) => s.fields.len() == 1 && s.fields.keyword("mode") == Some("DEFAULT"),
            _ => false,
        },
        (_, "channel_handle") => match value {
            Attr::Struct(s) => s.fields.int("handle") == Some(0) && s.fields.int("type").unwrap_or(0) == 0,
            _ => false,
        },
        _ => false,
    }
}
