//! Printing attributes and programs in MLIR's generic form.

use std::fmt::{self, Write};

use super::{Attr, Attrs, Dense, Element, Function, Op, Program, Region, Struct, Type, Value, Values, float};
use crate::scalar::Scalar;
use crate::text::{push_hex_byte, push_id, push_identifier, push_list, push_quoted_bytes, push_symbol};

impl Program {
    /// The module as MLIR text in the generic form, without locations. [`text`](super::text) reads it back as an equal
    /// program, and MLIR reads it too.
    pub fn to_text(&self) -> String {
        let mut out = String::from("module");
        if let Some(name) = &self.name {
            out.push(' ');
            push_symbol(&mut out, name);
        }
        if !self.attributes.is_empty() {
            out.push_str(" attributes ");
            push_attrs(&mut out, &self.attributes);
        }
        out.push_str(" {\n");
        for op in &self.others {
            push_op(&mut out, op, &[], 1);
        }
        for function in &self.functions {
            push_function(&mut out, function);
        }
        out.push_str("}\n");
        out
    }
}

pub(super) fn push_function(out: &mut String, f: &Function) {
    let attribute = |out: &mut String, attrs: &Attrs| {
        if !attrs.is_empty() {
            out.push(' ');
            push_attrs(out, attrs);
        }
    };
    out.push_str(if f.public { "  func.func public " } else { "  func.func private " });
    push_symbol(out, &f.name);
    out.push('(');
    push_list(out, f.body.params.into_iter().zip(&f.param_attributes), |out, (value, attrs)| {
        if !f.body.ops.is_empty() {
            push_id(out, value.0);
            out.push_str(": ");
        }
        push(out, f.ty(value));
        attribute(out, attrs);
    });
    out.push(')');
    if !f.results.is_empty() {
        out.push_str(" -> (");
        push_list(out, f.results.iter().zip(&f.result_attributes), |out, (ty, attrs)| {
            push(out, ty);
            attribute(out, attrs);
        });
        out.push(')');
    }
    if !f.attributes.is_empty() {
        out.push_str(" attributes ");
        push_attrs(out, &f.attributes);
    }
    if !f.body.ops.is_empty() {
        out.push_str(" {\n");
        f.body.ops.iter().for_each(|op| push_op(out, op, &f.types, 2));
        out.push_str("  }");
    }
    out.push('\n');
}

/// A private function of operations.
pub(super) fn push_part(
    out: &mut String,
    name: &str,
    operands: &[(Value, &Type)],
    results: &[(Value, &Type)],
    ops: &[Op],
    types: &[Type],
) {
    out.push_str("  func.func private ");
    push_symbol(out, name);
    out.push('(');
    push_list(out, operands, |out, (value, ty)| {
        push_id(out, value.0);
        out.push_str(": ");
        push(out, ty);
    });
    out.push_str(") -> (");
    push_list(out, results, |out, (_, ty)| push(out, ty));
    out.push_str(") {\n");
    ops.iter().for_each(|op| push_op(out, op, types, 2));
    out.push_str("    \"func.return\"(");
    push_values(out, results.iter().map(|(value, _)| *value));
    out.push_str(") : (");
    push_list(out, results, |out, (_, ty)| push(out, ty));
    out.push_str(") -> ()\n  }\n");
}

fn push(out: &mut String, item: impl fmt::Display) {
    write!(out, "{item}").expect("writing to a String cannot fail");
}

fn push_values(out: &mut String, values: impl IntoIterator<Item = Value>) {
    push_list(out, values, |out, v| push_id(out, v.0));
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("  "));
}

fn push_op(out: &mut String, op: &Op, types: &[Type], depth: usize) {
    indent(out, depth);
    if !op.results.is_empty() {
        push_values(out, op.results);
        out.push_str(" = ");
    }
    push_quoted_bytes(out, op.name.as_bytes());
    out.push('(');
    push_values(out, op.operands.iter().copied());
    out.push(')');
    if !op.regions.is_empty() {
        out.push_str(" (");
        push_list(out, &op.regions, |out, region| push_region(out, region, types, depth));
        out.push(')');
    }
    if !op.attributes.is_empty() {
        out.push(' ');
        push_attrs(out, &op.attributes);
    }
    let ty = |out: &mut String, v: Value| push(out, &types[v.0 as usize]);
    out.push_str(" : (");
    push_list(out, op.operands.iter().copied(), ty);
    out.push_str(") -> (");
    push_list(out, op.results, ty);
    out.push_str(")\n");
}

fn push_region(out: &mut String, region: &Region, types: &[Type], depth: usize) {
    out.push_str("{\n");
    if !region.params.is_empty() {
        indent(out, depth);
        out.push_str("^bb0(");
        push_list(out, region.params, |out, v| {
            push_id(out, v.0);
            out.push_str(": ");
            push(out, &types[v.0 as usize]);
        });
        out.push_str("):\n");
    }
    region.ops.iter().for_each(|op| push_op(out, op, types, depth + 1));
    indent(out, depth);
    out.push('}');
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        push_values(&mut out, *self);
        f.write_str(&out)
    }
}

fn push_attrs(out: &mut String, attrs: &Attrs) {
    out.push('{');
    push_list(out, attrs.iter(), |out, (name, attr)| {
        push_identifier(out, name);
        if !matches!(attr, Attr::Unit) {
            out.push_str(" = ");
            push_attr(out, attr);
        }
    });
    out.push('}');
}

fn push_attr(out: &mut String, attr: &Attr) {
    match attr {
        Attr::Unit => out.push_str("unit"),
        Attr::Bool(b) => push(out, b),
        Attr::Int(..) | Attr::Float(..) => {
            let (bits, element) = match attr {
                Attr::Int(value, element) => (*value as u64, element),
                Attr::Float(bits, element) => (*bits, element),
                _ => return,
            };
            push_scalar(out, bits, element);
            out.push_str(" : ");
            push(out, element);
        }
        Attr::Str(bytes) => push_quoted_bytes(out, bytes),
        Attr::Symbol(name) => push_symbol(out, name),
        Attr::Type(ty) => push(out, ty),
        Attr::Array(items) => {
            out.push('[');
            push_list(out, items.iter(), push_attr);
            out.push(']');
        }
        Attr::Ints(values) => push_numbers(out, "i64", values.iter(), push),
        Attr::Bools(values) => push_numbers(out, "i1", values.iter(), push),
        Attr::Numbers(dense) => {
            let element = &dense.ty.element;
            let values = dense.data.chunks_exact(element.size().unwrap_or(1));
            push_numbers(out, element.name(), values, |out, bytes| push_element(out, bytes, element));
        }
        Attr::Dict(entries) => push_attrs(out, entries),
        Attr::Dense(dense) => push_dense(out, dense),
        Attr::Enum(kind, case) if &**kind == "result_accuracy_mode" => {
            push(out, format_args!("#stablehlo.{kind}<{case}>"))
        }
        Attr::Enum(kind, case) => push(out, format_args!("#{}<{kind} {case}>", dialect(kind))),
        Attr::Struct(s) => push_struct(out, s),
        Attr::Opaque(text) => out.push_str(text),
    }
}

fn push_numbers<T>(
    out: &mut String,
    element: &str,
    values: impl ExactSizeIterator<Item = T>,
    f: impl Fn(&mut String, T),
) {
    push(out, format_args!("array<{element}{}", if values.len() == 0 { "" } else { ": " }));
    push_list(out, values, f);
    out.push('>');
}

/// The dialect of an enumeration or structured attribute.
fn dialect(name: &str) -> &'static str {
    match name {
        "precision_type" | "ragged_dot" => "chlo",
        _ => "stablehlo",
    }
}

fn push_struct(out: &mut String, s: &Struct) {
    push(out, format_args!("#{}.{}<", dialect(&s.name), s.name));
    // MLIR wants the fields of some of them in their own order.
    let order: &[&str] = match &*s.name {
        "output_operand_alias" => &["output_tuple_indices", "operand_index", "operand_tuple_indices"],
        "result_accuracy" => &["atol", "rtol", "ulps", "mode"],
        "dot_algorithm" => &[
            "lhs_precision_type",
            "rhs_precision_type",
            "accumulation_type",
            "lhs_component_count",
            "rhs_component_count",
            "num_primitive_operations",
            "allow_imprecise_accumulation",
        ],
        "conv" => &["raw"],
        _ => &[],
    };
    if order == ["raw"] {
        out.push_str("raw ");
    }
    let place = |name: &str| order.iter().position(|n| *n == name).unwrap_or(order.len());
    let mut fields: Vec<(&str, &Attr)> = s.fields.iter().collect();
    let empty = Attr::Ints([].into());
    if &*s.name == "output_operand_alias" {
        let absent = [order[0], order[2]].into_iter().filter(|n| s.fields.get(n).is_none());
        fields.extend(absent.map(|name| (name, &empty)));
    }
    fields.sort_by_key(|(name, _)| place(name));
    push_list(out, fields, |out, (name, attr)| {
        push(out, format_args!("{name} = "));
        match attr {
            Attr::Ints(values) => {
                out.push('[');
                push_list(out, values.iter(), push);
                out.push(']');
            }
            Attr::Int(value, _) => push(out, value),
            Attr::Float(bits, element) => push_scalar(out, *bits, element),
            other => push_attr(out, other),
        }
    });
    out.push('>');
}

/// Appends an integer, or a floating-point number so that MLIR reads the same bits.
fn push_scalar(out: &mut String, bits: u64, element: &Element) {
    match float::decode(bits, element) {
        None if element.is_unsigned() => push(out, bits),
        None => push(out, bits as i64),
        Some(x) if *element == Element::F32 && x.is_finite() => Scalar::F32(x as f32).push_to(out, "f32"),
        Some(x) if x.is_finite() && (x != 0.0 || bits == 0) => Scalar::F64(x).push_to(out, "f64"),
        Some(_) => {
            out.push_str("0x");
            let bytes = bits.to_be_bytes();
            bytes[8 - element.size().unwrap_or(8)..].iter().for_each(|&b| push_hex_byte(out, b));
        }
    }
}

fn push_element(out: &mut String, bytes: &[u8], element: &Element) {
    let part = match element {
        Element::C64 => Element::F32,
        Element::C128 => Element::F64,
        _ => {
            let mut word = [if element.is_signed() && bytes.last().is_some_and(|b| b >> 7 == 1) { 255 } else { 0 }; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            let bits = u64::from_le_bytes(word);
            return match element {
                Element::Bool => push(out, bits != 0),
                _ => push_scalar(out, bits, element),
            };
        }
    };
    let (re, im) = bytes.split_at(bytes.len() / 2);
    out.push('(');
    push_element(out, re, &part);
    out.push_str(", ");
    push_element(out, im, &part);
    out.push(')');
}

fn push_dense(out: &mut String, dense: &Dense) {
    let element = &dense.ty.element;
    out.push_str("dense<");
    if dense.splat {
        push_element(out, &dense.data, element);
    } else if dense.data.is_empty() {
    } else if element.size().is_some_and(|s| Some(8 * s as u32) == element.bits()) || element.bits().is_none() {
        out.reserve(2 * dense.data.len() + 4);
        out.push_str("\"0x");
        dense.data.iter().for_each(|&b| push_hex_byte(out, b));
        out.push('"');
    } else {
        // Elements narrower than a byte: how MLIR packs them depends on its version.
        let dims: Vec<usize> = dense.ty.shape().unwrap_or_default();
        push_nested(out, &dims, &dense.data, element);
    }
    out.push_str("> : ");
    push(out, &dense.ty);
}

fn push_nested(out: &mut String, dims: &[usize], data: &[u8], element: &Element) {
    match dims {
        [] => push_element(out, data, element),
        [n, inner @ ..] => {
            out.push('[');
            let each = (data.len() / n.max(&1)).max(1);
            push_list(out, data.chunks(each), |out, part| push_nested(out, inner, part, element));
            out.push(']');
        }
    }
}

impl fmt::Display for Attr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        push_attr(&mut out, self);
        f.write_str(&out)
    }
}
