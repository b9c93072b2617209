//! Types.

use std::sync::Arc;

use super::super::ty::MAX_RANK;
use super::super::{Element, FunctionType, TensorType, Type};
use super::cursor::ascii;
use super::{Result, Text};

impl Text<'_> {
    pub(super) fn ty(&mut self) -> Result<Type> {
        self.space();
        let start = self.pos;
        let rest = &self.src[start..];
        match rest.first() {
            Some(b't') if rest.starts_with(b"tensor<") => {
                // Most types are short and are met often.
                let end = rest[7..].iter().take(64).position(|b| matches!(b, b'>' | b'<' | b',' | b'"'));
                let key = end.filter(|&e| rest[7 + e] == b'>').map(|e| &rest[..e + 8]);
                if let Some(known) = key.and_then(|k| self.types.get(k)) {
                    self.pos += key.map_or(0, <[u8]>::len);
                    return Ok(known.clone());
                }
                self.pos += 7;
                let ty = self.nested(Self::tensor)?;
                if let Some(key) = key {
                    self.types.insert(key, ty.clone());
                }
                Ok(ty)
            }
            Some(b'!') => self.dialect_type(),
            Some(b'(') => self.nested(Self::function_type),
            _ => {
                let word = self.expect_word("a type")?;
                match word {
                    "tuple" => {
                        self.expect("<")?;
                        let mut types = Vec::new();
                        self.nested(|s| {
                            s.list(">", |s| {
                                types.push(s.ty()?);
                                Ok(())
                            })
                        })?;
                        Ok(Type::Tuple(types.into()))
                    }
                    "complex" => {
                        self.pos = start;
                        Ok(Type::Scalar(self.element()?))
                    }
                    "memref" | "vector" | "tensor" if self.eat("<") => {
                        let inner = self.balanced()?;
                        Ok(Type::Opaque(format!("{word}{inner}").into()))
                    }
                    "none" => Ok(Type::Opaque("none".into())),
                    _ => {
                        self.pos = start;
                        Ok(Type::Scalar(self.element()?))
                    }
                }
            }
        }
    }

    fn dialect_type(&mut self) -> Result<Type> {
        let start = self.pos;
        self.pos += 1;
        let name = self.suffix()?;
        if name == b"stablehlo.token" {
            return Ok(Type::Token);
        }
        if let Some(known) = self.type_aliases.get(name) {
            return Ok(known.clone());
        }
        if !name.contains(&b'.') && self.src.get(self.pos) != Some(&b'<') {
            return self.error_at(start, format!("the type alias `!{}` is not defined", ascii(name)));
        }
        if self.src.get(self.pos) == Some(&b'<') {
            self.pos += 1;
            self.balanced()?;
        }
        let text = String::from_utf8_lossy(&self.src[start..self.pos]);
        Ok(Type::Opaque(text.as_ref().into()))
    }

    /// `(types) -> types`
    pub(super) fn function_type(&mut self) -> Result<Type> {
        let (params, results) = self.signature()?;
        Ok(Type::Function(Arc::new(FunctionType { params, results })))
    }

    pub(super) fn signature(&mut self) -> Result<(Vec<Type>, Vec<Type>)> {
        self.expect("(")?;
        let mut params = Vec::new();
        self.list(")", |s| {
            params.push(s.ty()?);
            Ok(())
        })?;
        self.expect("->")?;
        Ok((params, self.result_types()?))
    }

    /// One type, or any number of them in parentheses.
    pub(super) fn result_types(&mut self) -> Result<Vec<Type>> {
        let mut results = Vec::new();
        if self.eat("(") {
            self.list(")", |s| {
                results.push(s.ty()?);
                Ok(())
            })?;
        } else {
            results.push(self.ty()?);
        }
        Ok(results)
    }

    /// After `tensor<`.
    fn tensor(&mut self) -> Result<Type> {
        let start = self.pos;
        if self.eat("*") {
            self.pos = start;
            let inner = self.balanced()?;
            return Ok(Type::Opaque(format!("tensor{inner}").into()));
        }
        let mut dims = Vec::new();
        loop {
            self.space();
            let rest = &self.src[self.pos..];
            match rest.first() {
                Some(b'?') => {
                    self.pos += 1;
                    dims.push(None);
                }
                Some(b'0'..=b'9') => {
                    let at = self.pos;
                    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                    self.pos += digits;
                    let n = ascii(&rest[..digits]).parse::<u64>().ok().filter(|&n| n <= i64::MAX as u64);
                    match n {
                        Some(n) => dims.push(Some(n)),
                        None => return self.error_at(at, "an axis is longer than 2⁶³ - 1"),
                    }
                }
                _ => break,
            }
            if self.src.get(self.pos) != Some(&b'x') {
                return self.expected("`x` after the length of an axis");
            }
            self.pos += 1;
        }
        if dims.len() > MAX_RANK {
            return self.error_at(start, format!("a tensor of more than {MAX_RANK} axes"));
        }
        let element = self.element()?;
        let encoding = if self.eat(",") { Some(self.attr()?) } else { None };
        self.expect(">")?;
        Ok(Type::Tensor(Arc::new(TensorType { dims, element, encoding })))
    }

    pub(super) fn element(&mut self) -> Result<Element> {
        self.space();
        let start = self.pos;
        if self.src.get(start) == Some(&b'!') {
            return Ok(match self.dialect_type()? {
                Type::Opaque(text) => Element::Other(text),
                other => Element::Other(other.to_string().into()),
            });
        }
        let word = self.expect_word("a type")?;
        if word == "complex" {
            self.expect("<")?;
            let part = self.nested(Self::element)?;
            self.expect(">")?;
            return Ok(match part {
                Element::F32 => Element::C64,
                Element::F64 => Element::C128,
                other => Element::Other(format!("complex<{other}>").into()),
            });
        }
        if let Some(known) = Element::named(word) {
            return Ok(known);
        }
        let is_integer = |rest: &str| !rest.is_empty() && rest.len() < 8 && rest.bytes().all(|b| b.is_ascii_digit());
        let integer = ["i", "si", "ui"].iter().any(|p| word.strip_prefix(p).is_some_and(is_integer));
        if integer || matches!(word, "f80" | "f128" | "none") {
            return Ok(Element::Other(word.into()));
        }
        if matches!(word, "vector" | "memref" | "tensor") && self.eat("<") {
            let inner = self.balanced()?;
            return Ok(Element::Other(format!("{word}{inner}").into()));
        }
        self.error_at(start, format!("`{word}` is not a type"))
    }
}
