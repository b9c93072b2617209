//! The attributes and types of VHLO, as those of StableHLO.

use std::sync::Arc;

use super::super::{Attr, Element, FunctionType, Type, canon};
use super::cursor::Cursor;
use super::{Bytecode, Result, arc};

/// The enumerations of VHLO: code of the attribute, name, and cases from 0.
pub(in crate::read) const ENUMS: [(u64, &str, &[&str]); 9] = [
    (3, "comparison_direction", &["EQ", "NE", "GE", "GT", "LE", "LT"]),
    (4, "comparison_type", &["NOTYPE", "FLOAT", "TOTALORDER", "SIGNED", "UNSIGNED"]),
    (7, "fft_type", &["FFT", "IFFT", "RFFT", "IRFFT"]),
    (11, "precision", &["DEFAULT", "HIGH", "HIGHEST"]),
    (12, "rng_algorithm", &["DEFAULT", "THREE_FRY", "PHILOX"]),
    (13, "rng_distribution", &["", "UNIFORM", "NORMAL"]),
    (16, "transpose", &["TRANSPOSE_INVALID", "NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"]),
    (19, "result_accuracy_mode", &["DEFAULT", "HIGHEST", "TOLERANCE"]),
    (5, "custom_call_api_version", &[]),
];

/// The element types of VHLO by code.
pub(in crate::read) const ELEMENTS: [(u64, Element); 31] = [
    (0, Element::Bool),
    (2, Element::BF16),
    (3, Element::F16),
    (4, Element::F32),
    (5, Element::F64),
    (6, Element::F8E4M3FN),
    (7, Element::F8E5M2),
    (9, Element::Index),
    (10, Element::I4),
    (11, Element::I8),
    (12, Element::I16),
    (13, Element::I32),
    (14, Element::I64),
    (15, Element::U4),
    (16, Element::U8),
    (17, Element::U16),
    (18, Element::U32),
    (19, Element::U64),
    (27, Element::F8E4M3FNUZ),
    (28, Element::F8E5M2FNUZ),
    (29, Element::F8E4M3B11FNUZ),
    (31, Element::I2),
    (32, Element::U2),
    (34, Element::TF32),
    (35, Element::F8E4M3),
    (36, Element::F8E3M4),
    (37, Element::F4E2M1FN),
    (38, Element::F6E2M3FN),
    (39, Element::F6E3M2FN),
    (40, Element::F8E8M0FNU),
    // Complex types are 1 with the type of a part.
    (u64::MAX, Element::C64),
];

impl<'a> Bytecode<'a> {
    pub(super) fn vhlo_attr(&mut self, c: &mut Cursor<'a>) -> Result<Attr> {
        let code = c.varint()?;
        Ok(match code {
            1 => Attr::Array(self.attr_list(c)?.into()),
            2 => Attr::Bool(c.varint()? != 0),
            5 => Attr::Int(c.varint()? as i32 as i64, Element::I32),
            3 | 4 | 7 | 11 | 12 | 13 | 16 | 19 => {
                let value = c.varint()?;
                let row = ENUMS.iter().find(|row| row.0 == code);
                let case = row.and_then(|row| Some((row.1, *row.2.get(usize::try_from(value).ok()?)?)));
                match case {
                    Some((name, case)) => Attr::Enum(arc(name), arc(case)),
                    None => return c.error(format!("case {value} of an enumeration, which is not known")),
                }
            }
            // Dictionaries, and numbers, are encoded as the builtin ones.
            6 => self.dictionary(c)?,
            8 | 9 => {
                let ty = self.ty(c)?;
                let Type::Scalar(element) = ty else { return c.error(format!("a number of type {ty}")) };
                let Some(bits) = element.bits() else { return c.error(format!("a number of type {element}")) };
                let value = c.integer(bits)?;
                if element.is_float() {
                    Attr::Float(value as u64 & (u64::MAX >> (64 - bits)), element)
                } else {
                    Attr::Int(canon::wrap(value, &element), element)
                }
            }
            10 => {
                let output = c.signed_list()?;
                let operand = c.signed()?;
                let tuple = c.signed_list()?;
                canon::structure(
                    "output_operand_alias",
                    vec![
                        (arc("output_tuple_indices"), Attr::Ints(output.into())),
                        (arc("operand_index"), Attr::Int(operand, Element::I64)),
                        (arc("operand_tuple_indices"), Attr::Ints(tuple.into())),
                    ],
                )
            }
            14 => Attr::Str(self.shared_string(c)?),
            15 => {
                let ty = self.ty(c)?;
                let size = c.varint()?;
                let data = c.bytes(size)?;
                self.dense(c, &ty, data)?
            }
            17 => Attr::Type(self.ty(c)?),
            18 => canon::bounds(&c.signed_list()?),
            20 => {
                let atol = c.f64()?.to_bits();
                let rtol = c.f64()?.to_bits();
                let ulps = c.signed()?;
                let mode = self.attr(c)?;
                canon::structure(
                    "result_accuracy",
                    vec![
                        (arc("atol"), Attr::Float(atol, Element::F64)),
                        (arc("rtol"), Attr::Float(rtol, Element::F64)),
                        (arc("ulps"), Attr::Int(ulps, Element::I64)),
                        (arc("mode"), mode),
                    ],
                )
            }
            21..=25 => {
                let text = self.mesh(code, c)?;
                self.charge(c, text.len())?;
                Attr::Opaque(text.into())
            }
            code => return c.error(format!("an attribute {code} of VHLO, which is not known")),
        })
    }

    /// The attributes of meshes, as text.
    fn mesh(&mut self, code: u64, c: &mut Cursor<'a>) -> Result<String> {
        Ok(match code {
            21 => format!("({}){}", c.signed()?, c.signed()?),
            22 => {
                let name = self.attr(c)?;
                let part = if c.varint()? != 0 { Some(self.attr(c)?) } else { None };
                self.charge(c, 0)?;
                let part = part.map_or(String::new(), |part| format!(", sub_axis_info = {part}"));
                format!("#stablehlo.axis_ref<name = {name}{part}>")
            }
            23 => {
                let (mesh, axes) = (self.attr(c)?, self.attr(c)?);
                self.charge(c, 0)?;
                format!("#stablehlo.replica_group_mesh_axes<mesh = {mesh}, axes = {axes}>")
            }
            24 => {
                let (name, size) = (self.attr(c)?, c.signed()?);
                self.charge(c, 0)?;
                format!("#stablehlo.mesh_axis<name = {name}, size = {size}>")
            }
            _ => {
                let axes = self.attr(c)?;
                let (devices, present) = c.flagged()?;
                let devices = if present { Some(self.attr_at(c, devices)?) } else { None };
                self.charge(c, 0)?;
                let devices = devices.map_or(String::new(), |ids| format!(", device_ids = {ids}"));
                format!("#stablehlo.mesh<axes = {axes}{devices}>")
            }
        })
    }

    pub(super) fn vhlo_type(&mut self, c: &mut Cursor<'a>) -> Result<Type> {
        let code = c.varint()?;
        if let Some((_, element)) = ELEMENTS.iter().find(|(n, _)| *n == code && *n != u64::MAX) {
            return Ok(Type::Scalar(element.clone()));
        }
        Ok(match code {
            1 => Type::Scalar(match self.ty(c)? {
                Type::Scalar(Element::F32) => Element::C64,
                Type::Scalar(Element::F64) => Element::C128,
                other => return c.error(format!("complex numbers of {other}")),
            }),
            8 => {
                let params = self.type_list(c)?;
                let results = self.type_list(c)?;
                Type::Function(Arc::new(FunctionType { params, results }))
            }
            20 => self.tensor(c, false)?,
            21 => self.tensor(c, true)?,
            22 => Type::Token,
            23 => Type::Tuple(self.type_list(c)?.into()),
            24 => self.quantized(c)?,
            30 => self.quantized_per_axis(c)?,
            25 => {
                let element = self.scalar(c)?;
                Type::Opaque(format!("tensor<*x{element}>").into())
            }
            26 => Type::Opaque("!shape.witness".into()),
            33 => Type::Opaque("none".into()),
            41 => {
                let Type::Tensor(ty) = self.tensor(c, false)? else { return c.error("a buffer") };
                Type::Opaque(ty.to_string().replacen("tensor", "memref", 1).into())
            }
            42 => {
                let types = self.type_list(c)?;
                self.charge(c, 0)?;
                let text: Vec<String> = types.iter().map(Type::to_string).collect();
                let text = format!("!stablehlo.future<{}>", text.join(", "));
                self.charge(c, text.len())?;
                Type::Opaque(text.into())
            }
            code => return c.error(format!("a type {code} of VHLO, which is not known")),
        })
    }

    /// `!quant.uniform<i8:f32, 2.0:15>`
    fn quantized(&mut self, c: &mut Cursor<'a>) -> Result<Type> {
        let flags = c.varint()?;
        let (storage, expressed) = (self.ty(c)?, self.ty(c)?);
        let scale = c.f64()?;
        let zero = c.signed()?;
        let (min, max) = (c.signed()?, c.signed()?);
        let range = range(&storage, flags, min, max);
        let level = level(scale, zero);
        Ok(Type::Opaque(
            format!("!quant.uniform<{}{range}:{expressed}, {level}>", storage_name(&storage, flags)).into(),
        ))
    }

    /// `!quant.uniform<i8:f32:1, {2.0:15, 3.0}>`
    fn quantized_per_axis(&mut self, c: &mut Cursor<'a>) -> Result<Type> {
        let flags = c.varint()?;
        let (storage, expressed) = (self.ty(c)?, self.ty(c)?);
        let axis = c.varint()?;
        let (min, max) = (c.signed()?, c.signed()?);
        let scales = c.list(Cursor::f64)?;
        let zeros = c.signed_list()?;
        let levels: Vec<String> =
            scales.iter().enumerate().map(|(i, &s)| level(s, zeros.get(i).copied().unwrap_or(0))).collect();
        let range = range(&storage, flags, min, max);
        let name = storage_name(&storage, flags);
        Ok(Type::Opaque(format!("!quant.uniform<{name}{range}:{expressed}:{axis}, {{{}}}>", levels.join(",")).into()))
    }
}

/// The storage type of a quantized one; the flag says whether it is signed.
fn storage_name(storage: &Type, flags: u64) -> String {
    let name = storage.to_string();
    let digits = name.trim_start_matches(|b: char| !b.is_ascii_digit());
    format!("{}{digits}", if flags & 1 == 1 { "i" } else { "u" })
}

/// `<min:max>`, unless it is the whole range of the storage type.
fn range(storage: &Type, flags: u64, min: i64, max: i64) -> String {
    let bits = match storage {
        Type::Scalar(element) => element.bits().unwrap_or(64).clamp(1, 63),
        _ => 63,
    };
    let whole = match flags & 1 {
        1 => (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1),
        _ => (0, (1i64 << bits.min(62)) - 1),
    };
    if (min, max) == whole { String::new() } else { format!("<{min}:{max}>") }
}

/// A scale, and a zero point that is not 0, as MLIR prints them.
fn level(scale: f64, zero: i64) -> String {
    let text = format!("{scale:.6e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let scale = format!("{mantissa}e{sign}{:02}", exponent.abs());
    if zero == 0 { scale } else { format!("{scale}:{zero}") }
}
