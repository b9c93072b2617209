//! The attributes, types and locations of MLIR's builtin dialect.

use std::sync::Arc;

use super::super::ty::MAX_RANK;
use super::super::{Attr, Attrs, Dense, Element, FunctionType, LocId, Location, TensorType, Type, canon};
use super::cursor::Cursor;
use super::table::is_unread;
use super::{Bytecode, Result};

impl<'a> Bytecode<'a> {
    /// A dictionary, without the attributes that are not read.
    pub(super) fn dictionary(&mut self, c: &mut Cursor<'a>) -> Result<Attr> {
        let n = c.count()?;
        let mut entries = Vec::new();
        for _ in 0..n {
            let name = self.name(c)?;
            let value = self.attr(c)?;
            if !is_unread(&value) {
                entries.push((name, value));
            }
        }
        Ok(Attr::Dict(Attrs::new(entries)))
    }

    pub(super) fn builtin_attr(&mut self, c: &mut Cursor<'a>) -> Result<Attr> {
        Ok(match c.varint()? {
            0 => Attr::Array(self.attr_list(c)?.into()),
            1 => self.dictionary(c)?,
            2 => Attr::Str(self.shared_string(c)?),
            3 => {
                let text = self.shared_string(c)?;
                self.ty(c)?;
                Attr::Str(text)
            }
            4 => Attr::Symbol(self.name(c)?),
            5 => {
                let mut name = self.name(c)?.to_string();
                for part in self.attr_list(c)? {
                    name.push_str("::@");
                    name.push_str(part.as_str().unwrap_or_default());
                    self.charge(c, name.len())?;
                }
                Attr::Symbol(name.into())
            }
            6 => Attr::Type(self.ty(c)?),
            7 => Attr::Unit,
            8 => {
                let element = self.scalar(c)?;
                let Some(bits) = element.bits() else { return c.error(format!("an integer of type {element}")) };
                match (c.integer(bits)?, &element) {
                    (value, Element::Bool) => Attr::Bool(value & 1 == 1),
                    (value, _) => Attr::Int(canon::wrap(value, &element), element),
                }
            }
            9 => {
                let element = self.scalar(c)?;
                let bits = element.bits().filter(|_| element.is_float());
                let Some(bits) = bits else { return c.error(format!("a number of type {element}")) };
                Attr::Float(c.integer(bits)? as u64 & (u64::MAX >> (64 - bits)), element)
            }
            16 => {
                let ty = self.ty(c)?;
                let handle = c.varint()?;
                let resource = usize::try_from(handle).ok().and_then(|i| self.resources.get(i)).copied();
                match resource {
                    Some((_, Some(mut blob))) => {
                        let data = blob.bytes(blob.left() as u64)?;
                        self.dense(c, &ty, data)?
                    }
                    Some((key, None)) => {
                        let key = String::from_utf8_lossy(key);
                        return c.error(format!("the resource `{key}` has no elements"));
                    }
                    None => return c.error(format!("resource {handle} of {}", self.resources.len())),
                }
            }
            17 => {
                let element = self.scalar(c)?;
                let len = c.varint()?;
                let size = c.varint()?;
                let data = c.bytes(size)?;
                let width = element.size().unwrap_or(1);
                if len.checked_mul(width as u64) != Some(data.len() as u64) || element.size().is_none() {
                    return c.error(format!("{} bytes for {len} elements of {element}", data.len()));
                }
                let ty = Arc::new(TensorType { dims: vec![Some(len)], element, encoding: None });
                let dense = Dense { ty, data: data.into(), splat: false };
                match dense.ty.element {
                    Element::I64 => Attr::Ints(dense.ints().unwrap_or_default().into()),
                    Element::Bool => Attr::Bools(data.iter().map(|&b| b != 0).collect()),
                    _ => Attr::Numbers(Arc::new(dense)),
                }
            }
            18 => {
                let ty = self.ty(c)?;
                let size = c.varint()?;
                let data = c.bytes(size)?;
                self.dense(c, &ty, data)?
            }
            // Locations, where an attribute is a location.
            10..=15 => Attr::Opaque("loc(unknown)".into()),
            code => return c.error(format!("a builtin attribute {code}, which is not known")),
        })
    }

    pub(super) fn scalar(&mut self, c: &mut Cursor<'a>) -> Result<Element> {
        match self.ty(c)? {
            Type::Scalar(element) => Ok(element),
            other => c.error(format!("{other} is not a scalar type")),
        }
    }

    pub(super) fn shape(&mut self, c: &mut Cursor<'a>) -> Result<Vec<Option<u64>>> {
        Ok(c.signed_list()?.into_iter().map(|n| u64::try_from(n).ok()).collect())
    }

    pub(super) fn tensor(&mut self, c: &mut Cursor<'a>, encoding: bool) -> Result<Type> {
        let encoding = if encoding { Some(self.attr(c)?) } else { None };
        let dims = self.shape(c)?;
        let element = match self.ty(c)? {
            Type::Scalar(element) => element,
            Type::Opaque(text) => Element::Other(text),
            _ => return c.error("a tensor whose elements are not scalars"),
        };
        if dims.len() > MAX_RANK {
            return c.error(format!("a tensor of more than {MAX_RANK} axes"));
        }
        Ok(Type::Tensor(Arc::new(TensorType { dims, element, encoding })))
    }

    pub(super) fn builtin_type(&mut self, c: &mut Cursor<'a>) -> Result<Type> {
        Ok(match c.varint()? {
            0 => {
                let n = c.varint()?;
                let prefix = match n & 3 {
                    1 => "si",
                    2 => "ui",
                    _ => "i",
                };
                let name = format!("{prefix}{}", n >> 2);
                Type::Scalar(Element::named(&name).unwrap_or(Element::Other(name.into())))
            }
            1 => Type::Scalar(Element::Index),
            2 => {
                let params = self.type_list(c)?;
                let results = self.type_list(c)?;
                Type::Function(Arc::new(FunctionType { params, results }))
            }
            3 => Type::Scalar(Element::BF16),
            4 => Type::Scalar(Element::F16),
            5 => Type::Scalar(Element::F32),
            6 => Type::Scalar(Element::F64),
            9 => Type::Scalar(match self.ty(c)? {
                Type::Scalar(Element::F32) => Element::C64,
                Type::Scalar(Element::F64) => Element::C128,
                other => return c.error(format!("complex numbers of {other}")),
            }),
            12 => Type::Opaque("none".into()),
            13 => self.tensor(c, false)?,
            14 => self.tensor(c, true)?,
            15 => Type::Tuple(self.type_list(c)?.into()),
            18 => {
                let element = self.scalar(c)?;
                Type::Opaque(format!("tensor<*x{element}>").into())
            }
            code => return c.error(format!("a builtin type {code}, which is not known")),
        })
    }

    pub(super) fn builtin_location(&mut self, c: &mut Cursor<'a>) -> Result<LocId> {
        let location = match c.varint()? {
            10 => Location::CallSite { callee: self.location(c)?, caller: self.location(c)? },
            11 => Location::File { file: self.name(c)?, line: c.varint()? as u32, column: c.varint()? as u32 },
            12 | 13 => {
                let n = c.count()?;
                Location::Fused((0..n).map(|_| self.location(c)).collect::<Result<_>>()?)
            }
            14 => Location::Name { name: self.name(c)?, child: self.location(c)? },
            15 => return Ok(LocId::UNKNOWN),
            // A range of a file; the encoding comes after the affine ones in some versions.
            19..=31 => {
                let Ok(file) = self.name(c) else { return Ok(LocId::UNKNOWN) };
                let numbers = c.list(Cursor::varint)?;
                let number = |i: usize| numbers.get(i).map_or(0, |&n| n as u32);
                Location::File { file, line: number(0), column: number(1) }
            }
            _ => return Ok(LocId::UNKNOWN),
        };
        self.locations.0.push(location);
        Ok(LocId(self.locations.0.len() as u32 - 1))
    }
}
