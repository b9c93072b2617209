//! Attributes, types and locations.

use std::sync::Arc;

use super::super::bytecode::ENUMS;
use super::super::{Attr, Attrs, Dense, Element, LocId, Location, Type};
use super::{Dialect, Result, Writer, element_code, fail};

impl Writer<'_> {
    /// An attribute of VHLO.
    pub(super) fn attr(&mut self, attr: &Attr) -> Result<u64> {
        Ok(match attr {
            Attr::Bool(b) => self.tables.vhlo(2, |e| e.varint((*b).into())),
            Attr::Int(value, element) => {
                let ty = self.element(element)?;
                let Some(width) = element.bits() else { return fail(format!("an integer of type {element}")) };
                self.tables.vhlo(9, |e| {
                    e.varint(ty);
                    e.integer(*value as u64, width);
                })
            }
            Attr::Float(bits, element) => {
                let ty = self.element(element)?;
                let Some(width) = element.bits() else { return fail(format!("a number of type {element}")) };
                self.tables.vhlo(8, |e| {
                    e.varint(ty);
                    e.integer(*bits, width);
                })
            }
            Attr::Str(text) => self.tables.vhlo_string(text),
            Attr::Symbol(name) => self.tables.vhlo_string(name.as_bytes()),
            Attr::Type(ty) => {
                let ty = self.ty(ty)?;
                self.tables.vhlo(17, |e| e.varint(ty))
            }
            Attr::Array(items) => {
                let ids = items.iter().map(|item| self.attr(item)).collect::<Result<Vec<u64>>>()?;
                self.tables.vhlo(1, |e| e.ids(&ids))
            }
            Attr::Dict(entries) => {
                let mut ids = Vec::new();
                for (name, value) in entries.iter() {
                    ids.push((self.tables.vhlo_string(name.as_bytes()), self.attr(value)?));
                }
                self.tables.vhlo(6, |e| {
                    e.varint(ids.len() as u64);
                    ids.iter().for_each(|(name, value)| [name, value].iter().for_each(|id| e.varint(**id)));
                })
            }
            Attr::Ints(values) => {
                let data: Vec<u8> = values.iter().flat_map(|n| n.to_le_bytes()).collect();
                self.tensor(&Element::I64, &[values.len() as i64], &data)?
            }
            Attr::Bools(values) => {
                let data: Vec<u8> = values.iter().map(|&b| b.into()).collect();
                self.tensor(&Element::Bool, &[values.len() as i64], &data)?
            }
            Attr::Dense(dense) => self.dense(dense)?,
            Attr::Enum(kind, case) => {
                let row = ENUMS.iter().find(|row| row.1 == &**kind);
                let value = row.and_then(|row| row.2.iter().position(|c| *c == &**case).map(|i| (row.0, i)));
                let Some((code, value)) = value else { return fail(format!("the attribute {attr}")) };
                self.tables.vhlo(code, |e| e.varint(value as u64))
            }
            Attr::Struct(s) if &*s.name == "output_operand_alias" => {
                let list = |name: &str| s.fields.ints(name).unwrap_or_default();
                let (output, operand) = (list("output_tuple_indices"), list("operand_tuple_indices"));
                let index = s.fields.int("operand_index").unwrap_or(0);
                self.tables.vhlo(10, |e| {
                    e.signed_list(output.into_iter());
                    e.signed(index);
                    e.signed_list(operand.into_iter());
                })
            }
            Attr::Struct(s) if &*s.name == "result_accuracy" => {
                let bits = |name: &str| s.fields.get(name).and_then(Attr::as_f64).unwrap_or(0.0).to_bits();
                let ulps = s.fields.int("ulps").unwrap_or(0);
                let default = Attr::Enum("result_accuracy_mode".into(), "DEFAULT".into());
                let mode = self.attr(s.fields.get("mode").unwrap_or(&default))?;
                self.tables.vhlo(20, |e| {
                    e.integer(bits("atol"), 64);
                    e.integer(bits("rtol"), 64);
                    e.signed(ulps);
                    e.varint(mode);
                })
            }
            Attr::Unit | Attr::Numbers(_) | Attr::Struct(_) | Attr::Opaque(_) => {
                return fail(format!("versioned StableHLO has no attribute `{attr}`"));
            }
        })
    }

    fn dense(&mut self, dense: &Arc<Dense>) -> Result<u64> {
        let dims = dims(&dense.ty.dims);
        if dense.ty.encoding.is_some() {
            return fail(format!("the elements of {}", dense.ty));
        }
        self.tensor(&dense.ty.element, &dims, &dense.data)
    }

    /// A tensor of VHLO from elements as [`Dense`] has them: all of them, or one.
    fn tensor(&mut self, element: &Element, dims: &[i64], data: &[u8]) -> Result<u64> {
        let ty = self.tensor_type(element, dims.iter().copied())?;
        let packed: Vec<u8>;
        let data = match element {
            // Booleans are bits, and a splat is a byte of them.
            Element::Bool if data.len() == 1 && dims.iter().any(|&n| n > 1) => {
                packed = vec![if data[0] != 0 { 255 } else { 0 }];
                &packed
            }
            Element::Bool => {
                let byte = |bits: &[u8]| bits.iter().enumerate().fold(0, |n, (i, &b)| n | b << i);
                packed = data.chunks(8).map(byte).collect();
                &packed
            }
            _ if element.bits().is_some_and(|bits| bits < 8) => {
                let mask = (1u8 << element.bits().unwrap_or(7)) - 1;
                packed = data.iter().map(|b| b & mask).collect();
                &packed
            }
            _ => data,
        };
        Ok(self.tables.vhlo(15, |e| {
            e.varint(ty);
            e.varint(data.len() as u64);
            e.bytes(data);
        }))
    }

    fn element(&mut self, element: &Element) -> Result<u64> {
        let part = match element {
            Element::C64 => Element::F32,
            Element::C128 => Element::F64,
            _ => {
                return match element_code(element) {
                    Some(code) => Ok(self.tables.ty(Dialect::Vhlo, code, |_| ())),
                    None => fail(format!("versioned StableHLO has no type {element} here")),
                };
            }
        };
        let part = self.element(&part)?;
        Ok(self.tables.ty(Dialect::Vhlo, 1, |e| e.varint(part)))
    }

    fn tensor_type(&mut self, element: &Element, dims: impl ExactSizeIterator<Item = i64>) -> Result<u64> {
        let element = self.element(element)?;
        Ok(self.tables.ty(Dialect::Vhlo, 20, |e| {
            e.signed_list(dims);
            e.varint(element);
        }))
    }

    fn types(&mut self, types: &[Type]) -> Result<Vec<u64>> {
        types.iter().map(|ty| self.ty(ty)).collect()
    }

    pub(super) fn function_type(&mut self, params: &[Type], results: &[Type]) -> Result<u64> {
        let (params, results) = (self.types(params)?, self.types(results)?);
        Ok(self.tables.ty(Dialect::Vhlo, 8, |e| {
            e.ids(&params);
            e.ids(&results);
        }))
    }

    pub(super) fn ty(&mut self, ty: &Type) -> Result<u64> {
        match ty {
            Type::Tensor(t) if t.encoding.is_none() => self.tensor_type(&t.element, dims(&t.dims).into_iter()),
            Type::Token => Ok(self.tables.ty(Dialect::Vhlo, 22, |_| ())),
            Type::Tuple(types) => {
                let ids = self.types(types)?;
                Ok(self.tables.ty(Dialect::Vhlo, 23, |e| e.ids(&ids)))
            }
            Type::Function(t) => self.function_type(&t.params, &t.results),
            Type::Scalar(element) => self.element(element),
            Type::Opaque(text) if &**text == "none" => Ok(self.tables.ty(Dialect::Vhlo, 33, |_| ())),
            Type::Tensor(_) | Type::Opaque(_) => fail(format!("the type {ty} is not written")),
        }
    }

    /// The attributes that an operation need not have, in a builtin dictionary.
    pub(super) fn discardable(&mut self, entries: &[(Arc<str>, Attr)]) -> Result<u64> {
        let mut ids = Vec::new();
        for (name, value) in entries {
            ids.push((self.tables.builtin_string(name.as_bytes()), self.attr(value)?));
        }
        Ok(self.builtin_entries(&ids))
    }

    fn builtin_entries(&mut self, ids: &[(u64, u64)]) -> u64 {
        self.tables.builtin(1, |e| {
            e.varint(ids.len() as u64);
            ids.iter().for_each(|(name, value)| [name, value].iter().for_each(|id| e.varint(**id)));
        })
    }

    /// A dictionary of the module, whose attributes stay builtin ones.
    pub(super) fn builtin_dict(&mut self, attrs: &Attrs) -> Result<u64> {
        let mut ids = Vec::new();
        for (name, value) in attrs.iter() {
            ids.push((self.tables.builtin_string(name.as_bytes()), self.builtin(value)?));
        }
        Ok(self.builtin_entries(&ids))
    }

    fn builtin(&mut self, attr: &Attr) -> Result<u64> {
        let integer = |w: &mut Self, width: u32, signedness: u64, value: i64| {
            let ty = w.tables.ty(Dialect::Builtin, 0, |e| e.varint(u64::from(width) << 2 | signedness));
            w.tables.builtin(8, |e| {
                e.varint(ty);
                e.integer(value as u64, width);
            })
        };
        Ok(match attr {
            Attr::Unit => self.tables.builtin(7, |_| ()),
            Attr::Bool(b) => integer(self, 1, 0, (*b).into()),
            Attr::Int(value, element) if *element != Element::Index => match element.bits() {
                Some(width) => integer(self, width, if element.is_unsigned() { 2 } else { 0 }, *value),
                None => return fail(format!("the attribute {attr}")),
            },
            Attr::Str(text) => self.tables.builtin_string(text),
            Attr::Dict(entries) => self.builtin_dict(entries)?,
            Attr::Array(items) => {
                let ids = items.iter().map(|item| self.builtin(item)).collect::<Result<Vec<u64>>>()?;
                self.tables.builtin(0, |e| e.ids(&ids))
            }
            _ => return fail(format!("a module's attribute `{attr}` is not written")),
        })
    }

    /// A location. One that is nested too deeply is unknown.
    pub(super) fn location(&mut self, id: LocId, depth: u32) -> u64 {
        let at = id.0 as usize;
        if let Some(Some(known)) = self.location_ids.get(at) {
            return *known;
        }
        let written = match self.program.locations.get(id).clone() {
            Location::File { file, line, column } => {
                let file = self.tables.builtin_string(file.as_bytes());
                self.tables.builtin(11, |e| [file, line.into(), column.into()].into_iter().for_each(|n| e.varint(n)))
            }
            Location::Name { name, child } if depth < 100 => {
                let name = self.tables.builtin_string(name.as_bytes());
                let child = self.location(child, depth + 1);
                self.tables.builtin(14, |e| [name, child].into_iter().for_each(|n| e.varint(n)))
            }
            Location::CallSite { callee, caller } if depth < 100 => {
                let (callee, caller) = (self.location(callee, depth + 1), self.location(caller, depth + 1));
                self.tables.builtin(10, |e| [callee, caller].into_iter().for_each(|n| e.varint(n)))
            }
            Location::Fused(parts) if depth < 100 => {
                let ids: Vec<u64> = parts.iter().map(|part| self.location(*part, depth + 1)).collect();
                self.tables.builtin(12, |e| e.ids(&ids))
            }
            _ => self.tables.builtin(15, |_| ()),
        };
        if let Some(place) = self.location_ids.get_mut(at) {
            *place = Some(written);
        }
        written
    }
}

/// Lengths as MLIR has them: a dynamic one is the least number.
fn dims(dims: &[Option<u64>]) -> Vec<i64> {
    dims.iter().map(|d| d.map_or(i64::MIN, |n| n as i64)).collect()
}
