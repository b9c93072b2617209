use std::fmt::Write;

use crate::Type;
use crate::text::push_hex_byte;

/// One element of a constant. It is printed according to the element type of the constant: an integer may be an element
/// of a floating-point or complex constant, and a real number of a complex one.
///
/// ```
/// use cotangent_stablehlo::{Attr, Type};
/// let text = |value: f32, element| Attr::dense(&Type::tensor(&[], element), [value]).to_string();
/// assert_eq!(text(1e-45, "f32"), "dense<1.0e-45> : tensor<f32>");
/// assert_eq!(text(f32::INFINITY, "bf16"), "dense<0x7F80> : tensor<bf16>");
/// assert_eq!(text(-0.0, "complex<f32>"), "dense<(-0.0, 0.0)> : tensor<complex<f32>>");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A number that is exact in `f32` (`f16` and `bf16` values too).
    F32(f32),
    /// A number in `f64`.
    F64(f64),
    /// Real and imaginary part, in `f32`.
    C64(f32, f32),
    /// Real and imaginary part, in `f64`.
    C128(f64, f64),
}

macro_rules! from {
    ($($from:ty => |$x:pat_param| $make:expr),* $(,)?) => {$(
        impl From<$from> for Scalar {
            #[inline]
            fn from($x: $from) -> Scalar { $make }
        }
    )*};
}
from! {
    bool => |x| Scalar::Bool(x),
    i8 => |x| Scalar::Int(x.into()), i16 => |x| Scalar::Int(x.into()),
    i32 => |x| Scalar::Int(x.into()), i64 => |x| Scalar::Int(x.into()),
    u8 => |x| Scalar::Int(x.into()), u16 => |x| Scalar::Int(x.into()),
    u32 => |x| Scalar::Int(x.into()), u64 => |x| Scalar::Int(x.into()),
    usize => |x| Scalar::Int(x as i128),
    f32 => |x| Scalar::F32(x), f64 => |x| Scalar::F64(x),
    (f32, f32) => |(re, im)| Scalar::C64(re, im),
    (f64, f64) => |(re, im)| Scalar::C128(re, im),
}

impl Scalar {
    pub(crate) fn push_to(self, out: &mut String, element: &str) {
        if let Some(part) = element.strip_prefix("complex<").and_then(|e| e.strip_suffix('>')) {
            let (re, im) = match self {
                Scalar::C64(re, im) => (Scalar::F32(re), Scalar::F32(im)),
                Scalar::C128(re, im) => (Scalar::F64(re), Scalar::F64(im)),
                real => (real, Scalar::Int(0)),
            };
            out.push('(');
            re.push_to(out, part);
            out.push_str(", ");
            im.push_to(out, part);
            out.push(')');
        } else if element == "i1" {
            out.push_str(match self {
                Scalar::Bool(true) | Scalar::Int(1) => "true",
                Scalar::Bool(false) | Scalar::Int(0) => "false",
                _ => panic!("{self:?} cannot be an element of type i1"),
            });
        } else if element.starts_with(['i', 'u', 's']) {
            match self {
                Scalar::Int(n) => write!(out, "{n}").expect("writing to a String cannot fail"),
                Scalar::Bool(b) => out.push(if b { '1' } else { '0' }),
                _ => panic!("{self:?} cannot be an element of type {element}"),
            }
        } else {
            match self {
                Scalar::Int(n) => push_f64(out, n as f64, element),
                Scalar::Bool(b) => push_f64(out, f64::from(b), element),
                Scalar::F32(x) if element == "f32" => push_f32(out, x),
                Scalar::F32(x) => push_f64(out, x.into(), element),
                Scalar::F64(x) => push_f64(out, x, element),
                _ => panic!("{self:?} cannot be an element of type {element}"),
            }
        }
    }
}

fn push_f32(out: &mut String, x: f32) {
    if !x.is_finite() {
        return push_bits(out, &x.to_be_bytes()); // preserves the payload of a NaN
    }
    let start = out.len();
    push_finite(out, x);
    // MLIR parses a decimal as f64 and then rounds it. For a few values (7.038531e-26 is one) the two roundings are one
    // bit off, so those are written as bits.
    if out[start..].parse::<f64>().is_ok_and(|y| y as f32 != x) {
        out.truncate(start);
        push_bits(out, &x.to_be_bytes());
    }
}

fn push_f64(out: &mut String, x: f64, element: &str) {
    match element {
        "f32" => push_f32(out, x as f32),
        "f64" if !x.is_finite() => push_bits(out, &x.to_be_bytes()),
        _ if !x.is_finite() => push_non_finite(out, x, element),
        _ => push_finite(out, x), // exact as f64, so MLIR's rounding is the only one
    }
}

fn push_finite(out: &mut String, x: impl std::fmt::Debug) {
    let start = out.len();
    write!(out, "{x:?}").expect("writing to a String cannot fail");
    // Rust writes `1e-45`, MLIR `1.0e-45`.
    if let Some(e) = out[start..].find('e')
        && !out[start..].contains('.')
    {
        out.insert_str(start + e, ".0");
    }
}

fn push_non_finite(out: &mut String, x: f64, element: &str) {
    let negative = x.is_sign_negative();
    let (bits, bytes): (u64, usize) = match (element, x.is_nan()) {
        ("bf16", true) => (0x7FC0, 2),
        ("bf16", false) => (0x7F80, 2),
        ("f16", true) => (0x7E00, 2),
        ("f16", false) => (0x7C00, 2),
        ("f8E5M2", true) => (0x7E, 1),
        ("f8E5M2", false) => (0x7C, 1),
        ("f8E4M3FN", true) => (0x7F, 1),
        _ => panic!("{x} cannot be an element of type {element}"),
    };
    let bits = bits | u64::from(negative) << (8 * bytes - 1);
    push_bits(out, &bits.to_be_bytes()[8 - bytes..]);
}

fn push_bits(out: &mut String, big_endian: &[u8]) {
    out.push_str("0x");
    for &byte in big_endian {
        push_hex_byte(out, byte);
    }
}

/// Appends the elements of a tensor as nested lists.
pub(crate) fn push_elements(out: &mut String, ty: &Type, values: impl IntoIterator<Item = impl Into<Scalar>>) {
    let dims = ty.dims();
    let mut count = 0;
    for value in values {
        if count > 0 {
            out.push_str(", ");
        }
        let mut inner = 1;
        let opened = dims.iter().rev().filter(|&&d| {
            inner *= d.max(1);
            count % inner == 0
        });
        (0..opened.count()).for_each(|_| out.push('['));
        value.into().push_to(out, ty.element());
        count += 1;
        let mut inner = 1;
        let closed = dims.iter().rev().filter(|&&d| {
            inner *= d.max(1);
            count % inner == 0
        });
        (0..closed.count()).for_each(|_| out.push(']'));
    }
    assert_eq!(count, ty.len(), "a constant of type {ty} was given {count} elements");
}

/// Appends one element for all elements of the tensor.
pub(crate) fn push_splat(out: &mut String, ty: &Type, value: Scalar) {
    if !ty.is_empty() {
        value.push_to(out, ty.element());
    }
}

/// Appends little-endian data as MLIR's hexadecimal blob.
pub(crate) fn push_bytes(out: &mut String, ty: &Type, bytes: &[u8]) {
    let width = byte_width(ty.element());
    // Checked here because MLIR accepts the bytes of one element as a splat.
    assert_eq!(bytes.len(), width * ty.len(), "the bytes of a constant of type {ty}");
    if ty.element() == "i1" {
        // The packing of an i1 blob depends on the version of MLIR.
        return push_elements(out, ty, bytes.iter().map(|&b| b != 0));
    }
    if bytes.is_empty() {
        return;
    }
    out.reserve(2 * bytes.len() + 4);
    out.push_str("\"0x");
    for &byte in bytes {
        push_hex_byte(out, byte);
    }
    out.push('"');
}

/// The size of an element in bytes, from the name of its type: `ui8`, `f8E4M3FN`, `complex<f32>`, ….
fn byte_width(element: &str) -> usize {
    let digits = element.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
    let bits: usize = digits.and_then(|d| d.parse().ok()).unwrap_or_else(|| {
        panic!("elements of type {element} cannot be given as bytes");
    });
    bits.div_ceil(8) * if element.starts_with("complex") { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(x: impl Into<Scalar>, element: &str) -> String {
        let mut out = String::new();
        x.into().push_to(&mut out, element);
        out
    }

    #[test]
    fn floats_are_exact() {
        assert_eq!(text(0.1f32, "f32"), "0.1");
        assert_eq!(text(0.1f64, "f64"), "0.1");
        assert_eq!(text(0.1f32, "f64"), "0.10000000149011612");
        assert_eq!(text(-0.0f32, "f32"), "-0.0");
        assert_eq!(text(1e-45f32, "f32"), "1.0e-45");
        assert_eq!(text(f32::MAX, "f32"), "3.4028235e38");
        assert_eq!(text(f64::MAX, "f64"), "1.7976931348623157e308");
        assert_eq!(text(1e300f64, "f64"), "1.0e300");
        assert_eq!(text(16777216u32, "f32"), "16777216.0");
        // read as f64 and rounded again, the decimal would be the next float
        assert_eq!(text(f32::from_bits(0x15AE43FD), "f32"), "0x15AE43FD");
        assert_eq!(text(f64::from(f32::from_bits(0x15AE43FD)), "f32"), "0x15AE43FD");
    }

    #[test]
    fn what_is_not_finite_is_written_as_bits() {
        assert_eq!(text(f32::NAN, "f32"), "0x7FC00000");
        assert_eq!(text(f32::from_bits(0xFFC00001), "f32"), "0xFFC00001");
        assert_eq!(text(f64::NEG_INFINITY, "f32"), "0xFF800000");
        assert_eq!(text(f32::NEG_INFINITY, "f64"), "0xFFF0000000000000");
        assert_eq!(text(f64::NAN, "f64"), "0x7FF8000000000000");
        assert_eq!(text(f64::INFINITY, "f16"), "0x7C00");
        assert_eq!(text(f32::NAN, "bf16"), "0x7FC0");
        assert_eq!(text(1e39f64, "f32"), "0x7F800000");
    }

    #[test]
    fn random_floats_come_back() {
        let mut bits = 1u32;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(1664525).wrapping_add(1013904223);
            let text = text(f32::from_bits(bits), "f32");
            let back = match text.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16).unwrap(),
                None => (text.parse::<f64>().unwrap() as f32).to_bits(),
            };
            assert_eq!(bits, back, "{text}");
            assert!(text.starts_with("0x") || text.contains('.'), "{text}");
        }
    }

    #[test]
    fn other_elements() {
        assert_eq!(text(true, "i1"), "true");
        assert_eq!(text(0, "i1"), "false");
        assert_eq!(text(u64::MAX, "ui64"), "18446744073709551615");
        assert_eq!(text(i64::MIN, "i64"), "-9223372036854775808");
        assert_eq!(text((1.5f32, f32::NAN), "complex<f32>"), "(1.5, 0x7FC00000)");
        assert_eq!(text(1, "complex<f64>"), "(1.0, 0.0)");
    }

    #[test]
    fn widths() {
        let elements = ["i1", "ui8", "f8E4M3FN", "bf16", "i32", "f64", "complex<f64>", "i4"];
        assert_eq!(elements.map(byte_width), [1, 1, 1, 2, 4, 8, 16, 1]);
    }

    #[test]
    fn nested_lists() {
        let written = |dims: &[usize], n: i64| {
            let mut out = String::new();
            push_elements(&mut out, &Type::tensor(dims, "i64"), 0..n);
            out
        };
        assert_eq!(written(&[], 1), "0");
        assert_eq!(written(&[1, 1], 1), "[[0]]");
        assert_eq!(written(&[2, 1, 2], 4), "[[[0, 1]], [[2, 3]]]");
        assert_eq!(written(&[2, 0], 0), "");
    }

    #[test]
    #[should_panic(expected = "a constant of type tensor<3xi64> was given 2 elements")]
    fn the_count_is_checked() {
        push_elements(&mut String::new(), &Type::tensor(&[3], "i64"), 0..2i64);
    }
}
