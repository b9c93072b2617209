//! Constants as text.

use std::fmt::Display;

use super::proto::Literal;
use super::types::{join, type_name};

/// Literals with more elements than this are printed as `{...}`.
const LITERAL_LIMIT: usize = 16;

/// A constant's value, with braces around each row.
pub(super) fn text(literal: &Literal) -> String {
    if !literal.tuple_literals.is_empty() {
        return format!("({})", join(literal.tuple_literals.iter().map(text), ", "));
    }
    let Some(shape) = &literal.shape else {
        return "?".to_owned();
    };
    let count: i64 = shape.dimensions.iter().product();
    if count as usize > LITERAL_LIMIT {
        return "{...}".to_owned();
    }
    nest(&elements(literal, shape.element_type), &shape.dimensions)
}

fn nest(elements: &[String], dims: &[i64]) -> String {
    let Some((&rows, inner)) = dims.split_first() else {
        return elements.first().cloned().unwrap_or_else(|| "?".to_owned());
    };
    let row = inner.iter().product::<i64>().max(0) as usize;
    let row_text = |n: usize| nest(elements.get(n * row..(n + 1) * row).unwrap_or(&[]), inner);
    format!("{{{}}}", join((0..rows.max(0) as usize).map(row_text), ", "))
}

/// The elements as text, in row-major order.
fn elements(l: &Literal, element_type: i32) -> Vec<String> {
    fn all<T: Display>(values: &[T]) -> Vec<String> {
        values.iter().map(T::to_string).collect()
    }
    fn pairs<T: Display>(values: &[T]) -> Vec<String> {
        values.chunks_exact(2).map(|c| format!("({}, {})", c[0], c[1])).collect()
    }
    let halves = |bytes: &[u8]| bytes.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect::<Vec<_>>();
    match type_name(element_type).as_str() {
        "pred" => all(&l.preds),
        "s8" => l.s8s.iter().map(|&b| (b as i8).to_string()).collect(),
        "s16" => halves(&l.s16s).iter().map(|&h| (h as i16).to_string()).collect(),
        "s32" => all(&l.s32s),
        "s64" => all(&l.s64s),
        "u8" => all(&l.u8s),
        "u16" => all(&halves(&l.u16s)),
        "u32" => all(&l.u32s),
        "u64" => all(&l.u64s),
        "f16" => halves(&l.f16s).iter().map(|&h| half_to_f32(h).to_string()).collect(),
        "bf16" => halves(&l.bf16s).iter().map(|&h| f32::from_bits(u32::from(h) << 16).to_string()).collect(),
        "f32" => all(&l.f32s),
        "f64" => all(&l.f64s),
        "c64" => pairs(&l.c64s),
        "c128" => pairs(&l.c128s),
        _ => Vec::new(),
    }
}

/// The value of an IEEE half-precision number.
fn half_to_f32(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = ((bits >> 10) & 0x1f, f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        e => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(e) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::Shape;
    use super::*;

    #[test]
    fn halves_are_read() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.9604645e-8), (0x7bff, 65504.0)] {
            assert_eq!(half_to_f32(bits), value);
        }
        assert_eq!(half_to_f32(0xfc00), f32::NEG_INFINITY);
        assert!(half_to_f32(0x7e00).is_nan());
    }

    #[test]
    fn literals_nest_by_rows() {
        let shape = Shape { element_type: 4, dimensions: vec![2, 2], ..Shape::default() };
        let l = Literal { shape: Some(shape), s32s: vec![1, 2, 3, 4], ..Literal::default() };
        assert_eq!(text(&l), "{{1, 2}, {3, 4}}");
        let shape = Shape { element_type: 11, dimensions: vec![100], ..Shape::default() };
        assert_eq!(text(&Literal { shape: Some(shape), ..Literal::default() }), "{...}");
    }
}
