//! Attributes.

use std::sync::Arc;

use super::super::{Attr, Attrs, Dense, Element, TensorType, Type, canon, float};
use super::cursor::ascii;
use super::{Result, Text};

impl<'a> Text<'a> {
    pub(super) fn attr(&mut self) -> Result<Attr> {
        match self.peek() {
            Some(b'"') => {
                let bytes = self.string()?;
                if self.eat(":") {
                    self.ty()?;
                }
                Ok(Attr::Str(bytes.as_ref().into()))
            }
            Some(b'@') => Ok(Attr::Symbol(self.symbol()?)),
            Some(b'[') => {
                self.pos += 1;
                let mut items = Vec::new();
                self.nested(|s| {
                    s.list("]", |s| {
                        items.push(s.attr()?);
                        Ok(())
                    })
                })?;
                Ok(Attr::Array(items.into()))
            }
            Some(b'{') => Ok(Attr::Dict(Attrs::new(self.nested(Self::dict)?))),
            Some(b'#') => self.hash_attr(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'!' | b'(') => Ok(Attr::Type(self.ty()?)),
            _ => {
                let start = self.pos;
                match self.expect_word("an attribute")? {
                    "true" => Ok(Attr::Bool(true)),
                    "false" => Ok(Attr::Bool(false)),
                    "unit" => Ok(Attr::Unit),
                    "dense" => self.dense(),
                    "dense_resource" => self.dense_resource(),
                    "array" => self.dense_array(),
                    "affine_map" | "affine_set" | "sparse" | "opaque" | "strided" | "loc" | "distinct" => {
                        while matches!(self.src.get(self.pos), Some(b'<' | b'[' | b'(')) {
                            self.pos += 1;
                            self.balanced()?;
                        }
                        if self.eat(":") {
                            self.ty()?;
                        }
                        let text = String::from_utf8_lossy(&self.src[start..self.pos]);
                        Ok(Attr::Opaque(text.as_ref().into()))
                    }
                    _ => {
                        self.pos = start;
                        Ok(Attr::Type(self.ty()?))
                    }
                }
            }
        }
    }

    /// `{name = value, "name" = value, name}`
    pub(super) fn dict(&mut self) -> Result<Vec<(Arc<str>, Attr)>> {
        self.expect("{")?;
        let mut entries = Vec::new();
        self.list("}", |s| {
            let name = if s.at_string() {
                s.string_name()?
            } else {
                let word = s.expect_word("the name of an attribute")?;
                s.name(word)
            };
            let value = if s.eat("=") { s.attr()? } else { Attr::Unit };
            entries.push((name, value));
            Ok(())
        })?;
        Ok(entries)
    }

    /// A dictionary, if one follows, into the list of an operation's attributes.
    pub(super) fn optional_dict(&mut self, out: &mut Vec<(Arc<str>, Attr)>) -> Result<()> {
        if self.peek() == Some(b'{') {
            let entries = self.nested(Self::dict)?;
            out.extend(entries);
        }
        Ok(())
    }

    /// An integer or floating-point number, and its type if one follows.
    fn number(&mut self) -> Result<Attr> {
        let start = self.pos;
        let rest = &self.src[start..];
        let digits = rest.iter().skip(1).take_while(|b| b.is_ascii_digit()).count() + 1;
        let decimal = if rest.get(digits) == Some(&b'.') { Some(self.decimal()) } else { None };
        let integer = if decimal.is_none() { Some(self.integer()?) } else { None };
        let element = if self.eat(":") {
            match self.ty()? {
                Type::Scalar(element) => element,
                _ => return self.error_at(start, "a number of a type that is not a scalar"),
            }
        } else if decimal.is_some() {
            Element::F64
        } else {
            Element::I64
        };
        match (decimal, integer) {
            (Some(text), _) => {
                let value: Option<f64> = text.parse().ok();
                match value.and_then(|x| float::encode(x, &element)) {
                    Some(bits) => Ok(Attr::Float(bits, element)),
                    None => self.error_at(start, format!("`{text}` is not a number of type {element}")),
                }
            }
            (None, Some(bits)) if element.is_float() => Ok(Attr::Float(bits as u64, element)),
            (None, Some(value)) if element == Element::Bool => Ok(Attr::Bool(value & 1 == 1)),
            (None, value) => Ok(Attr::Int(canon::wrap(value.unwrap_or(0), &element), element)),
        }
    }

    /// `#alias`, `#stablehlo<kind CASE>`, `#stablehlo.name<…>`, `#dialect.name<…>`
    fn hash_attr(&mut self) -> Result<Attr> {
        let start = self.pos;
        self.pos += 1;
        let name = self.suffix()?;
        let open = self.src.get(self.pos) == Some(&b'<');
        if matches!(name, b"stablehlo" | b"chlo") && open {
            self.pos += 1;
            let kind = self.expect_word("the kind of an attribute")?;
            let attr = if self.src.get(self.pos) == Some(&b'<') {
                self.pos += 1;
                self.nested(|s| s.structure(kind, start))?
            } else {
                let case = self.expect_word("a case of an enumeration")?;
                Attr::Enum(self.name(kind), self.name(case))
            };
            self.expect(">")?;
            return Ok(attr);
        }
        let known = name.strip_prefix(b"stablehlo.").or_else(|| name.strip_prefix(b"chlo."));
        if let Some(kind) = known.filter(|_| open) {
            self.pos += 1;
            return self.nested(|s| s.structure(ascii(kind), start));
        }
        if let Some(known) = self.attr_aliases.get(name) {
            return Ok(known.clone());
        }
        if open {
            self.pos += 1;
            self.balanced()?;
        } else if !name.contains(&b'.') {
            return self.error_at(start, format!("the attribute alias `#{}` is not defined", ascii(name)));
        }
        let text = String::from_utf8_lossy(&self.src[start..self.pos]);
        Ok(Attr::Opaque(text.as_ref().into()))
    }

    /// After `array`.
    fn dense_array(&mut self) -> Result<Attr> {
        self.expect("<")?;
        let at = self.pos;
        let element = self.element()?;
        if matches!(element, Element::Other(_) | Element::C64 | Element::C128) {
            return self.error_at(at, format!("an array of {element}"));
        }
        let mut data = Vec::new();
        let mut ints = Vec::new();
        let mut bools = Vec::new();
        if self.eat(":") {
            self.list(">", |s| {
                match element {
                    Element::I64 => ints.push(s.integer()?),
                    Element::Bool => bools.push(s.boolean()?),
                    _ => s.element_value(&element, &mut data)?,
                }
                Ok(())
            })?;
        } else {
            self.expect(">")?;
        }
        Ok(match element {
            Element::I64 => Attr::Ints(ints.into()),
            Element::Bool => Attr::Bools(bools.into()),
            _ => {
                let len = data.len() / element.size().unwrap_or(1);
                let ty = TensorType { dims: vec![Some(len as u64)], element, encoding: None };
                Attr::Numbers(Arc::new(Dense { ty: Arc::new(ty), data: data.into(), splat: false }))
            }
        })
    }

    pub(super) fn boolean(&mut self) -> Result<bool> {
        if self.eat("true") || self.eat("1") {
            Ok(true)
        } else if self.eat("false") || self.eat("0") {
            Ok(false)
        } else {
            self.expected("`true` or `false`")
        }
    }

    /// `[1, 2]`
    pub(super) fn ints(&mut self) -> Result<Vec<i64>> {
        self.expect("[")?;
        let mut values = Vec::new();
        self.list("]", |s| {
            values.push(s.integer()?);
            Ok(())
        })?;
        Ok(values)
    }
}
