//! Types and lists as text.

use std::fmt::Display;

use super::proto::{ProgramShape, Shape};

/// The name of an element type by XLA's own number, which differs from PJRT's.
pub(super) fn type_name(code: i32) -> String {
    const NAMES: [&str; 19] = [
        "invalid", "pred", "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64", "f16", "f32", "f64", "tuple",
        "opaque", "c64", "bf16", "token", "c128",
    ];
    match usize::try_from(code).ok().and_then(|c| NAMES.get(c)) {
        Some(name) => (*name).to_owned(),
        None => format!("type{code}"),
    }
}

const TUPLE: i32 = 13;

/// A type, with or without its layout.
pub(super) fn shape_text(shape: &Shape, layout: bool) -> String {
    if shape.element_type == TUPLE {
        return format!("({})", join(shape.tuple_shapes.iter().map(|s| shape_text(s, layout)), ", "));
    }
    let dynamic = |n: usize| shape.is_dynamic_dimension.get(n).is_some_and(|&d| d);
    let dims = shape.dimensions.iter().enumerate();
    let dims = dims.map(|(n, d)| if dynamic(n) { format!("<={d}") } else { d.to_string() });
    let mut text = format!("{}[{}]", type_name(shape.element_type), join(dims, ","));
    if let Some(order) = shape.layout.as_ref().map(|l| &l.minor_to_major)
        && layout
        && !order.is_empty()
    {
        text.push_str(&braces(order));
    }
    text
}

/// The type of a whole program, with layouts.
pub(super) fn program_shape(shape: &ProgramShape) -> String {
    let parameters: Vec<_> = shape.parameters.iter().map(|s| shape_text(s, true)).collect();
    let result = shape.result.as_ref().map_or(String::new(), |s| shape_text(s, true));
    format!("({})->{result}", parameters.join(", "))
}

/// Joins items with a separator.
pub(super) fn join<T: Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    items.into_iter().map(|x| x.to_string()).collect::<Vec<_>>().join(separator)
}

/// Numbers in braces, as HLO writes dimensions.
pub(super) fn braces(dims: &[i64]) -> String {
    format!("{{{}}}", join(dims, ","))
}
