//! The elements of tensors: `dense<…> : tensor<…>`.

use std::sync::Arc;

use super::super::{Attr, Element, TensorType, Type, canon, float};
use super::{Result, Text};

/// The value of each hexadecimal digit, or 255.
const DIGIT: [u8; 256] = {
    let mut table = [255; 256];
    let mut i = 0;
    while i < 10 {
        table[b'0' as usize + i] = i as u8;
        i += 1;
    }
    let mut i = 0;
    while i < 6 {
        table[b'a' as usize + i] = 10 + i as u8;
        table[b'A' as usize + i] = 10 + i as u8;
        i += 1;
    }
    table
};

/// The bytes of hexadecimal digits.
pub(super) fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let mut wrong = 0;
    let byte = |pair: &[u8]| {
        let (high, low) = (DIGIT[pair[0] as usize], DIGIT[pair[1] as usize]);
        wrong |= high | low;
        high << 4 | low & 15
    };
    let bytes = digits.chunks_exact(2).map(byte).collect();
    (digits.len().is_multiple_of(2) && wrong < 16).then_some(bytes)
}

impl Text<'_> {
    /// After `dense`.
    pub(super) fn dense(&mut self) -> Result<Attr> {
        let at = self.pos;
        self.expect("<")?;
        // The type comes last, so the elements are skipped first.
        let elements = self.pos;
        if self.at_string() {
            let rest = &self.src[self.pos + 1..];
            match rest.iter().position(|&b| b == b'"') {
                Some(end) if rest.starts_with(b"0x") && rest.get(end + 1) == Some(&b'>') => self.pos += end + 3,
                _ => drop(self.balanced_from(elements)?),
            }
        } else {
            let rest = &self.src[self.pos..];
            match rest.iter().position(|&b| matches!(b, b'>' | b'"')) {
                Some(end) if rest[end] == b'>' => self.pos += end + 1,
                _ => drop(self.balanced_from(elements)?),
            }
        }
        self.expect(":")?;
        let type_at = self.pos;
        let ty = match self.ty()? {
            Type::Tensor(ty) if ty.element.size().is_some() && ty.element != Element::TF32 => ty,
            _ => {
                // A vector, or strings, or quantized numbers.
                let text = String::from_utf8_lossy(&self.src[at..self.pos]);
                return Ok(Attr::Opaque(format!("dense{text}").into()));
            }
        };
        if ty.len().is_none() {
            return self.error_at(type_at, "the elements of a tensor whose size is not known or too large");
        }
        let end = std::mem::replace(&mut self.pos, elements);
        let dense = self.nested(|s| s.elements(&ty))?;
        self.expect(">")?;
        self.pos = end;
        Ok(dense)
    }

    fn balanced_from(&mut self, inside: usize) -> Result<()> {
        self.pos = inside;
        self.balanced().map(drop)
    }

    fn elements(&mut self, ty: &Arc<TensorType>) -> Result<Attr> {
        let at = self.pos;
        let wrong = |e: String| -> Result<Attr> { self.error_at(at, e) };
        if self.src[at..].starts_with(b"\"0x") {
            let digits = &self.src[at + 3..];
            let end = digits.iter().position(|&b| b == b'"').unwrap_or(0);
            let Some(bytes) = hex(&digits[..end]) else {
                return wrong("a string of elements holds something else than pairs of hexadecimal digits".into());
            };
            let attr = canon::dense(ty, bytes).or_else(wrong);
            self.pos += end + 4;
            return attr;
        }
        let mut data = Vec::new();
        if self.peek() == Some(b'[') {
            let dims: Vec<u64> = ty.dims.iter().map(|d| d.unwrap_or(0)).collect();
            if self.pos + 2 < self.src.len() && ty.is_empty() && self.eat("[]") {
                return canon::dense(ty, data).or_else(|e| self.error(e));
            }
            self.rows(&dims, &ty.element, &mut data)?;
        } else if self.peek() != Some(b'>') {
            self.element_value(&ty.element, &mut data)?;
            return Ok(canon::splat(ty, data));
        }
        canon::dense(ty, data).or_else(|e| self.error_at(at, e))
    }

    /// Nested lists that have the shape of the tensor.
    fn rows(&mut self, dims: &[u64], element: &Element, data: &mut Vec<u8>) -> Result<()> {
        let Some((&dim, inner)) = dims.split_first() else {
            return self.element_value(element, data);
        };
        let at = self.pos;
        let mut count = 0;
        self.expect("[")?;
        self.list("]", |s| {
            count += 1;
            s.rows(inner, element, data)
        })?;
        if count != dim {
            return self.error_at(at, format!("a list of {count} elements along an axis of length {dim}"));
        }
        Ok(())
    }

    /// One element, appended as bytes.
    pub(super) fn element_value(&mut self, element: &Element, data: &mut Vec<u8>) -> Result<()> {
        let part = match element {
            Element::C64 => Element::F32,
            Element::C128 => Element::F64,
            _ => return self.real_value(element, data),
        };
        self.expect("(")?;
        self.real_value(&part, data)?;
        self.expect(",")?;
        self.real_value(&part, data)?;
        self.expect(")")
    }

    fn real_value(&mut self, element: &Element, data: &mut Vec<u8>) -> Result<()> {
        let size = element.size().unwrap_or(1);
        let at = {
            self.space();
            self.pos
        };
        let bits = if *element == Element::Bool {
            self.boolean()?.into()
        } else if element.is_float() {
            let rest = &self.src[at..];
            let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
            if unsigned.starts_with(b"0x") {
                self.integer()? as u64
            } else {
                let text = self.decimal();
                let value: Option<f64> = text.parse().ok();
                match value.and_then(|x| float::encode(x, element)) {
                    Some(bits) => bits,
                    None => return self.expected("a number"),
                }
            }
        } else {
            canon::wrap(self.integer()?, element) as u64
        };
        data.extend_from_slice(&bits.to_le_bytes()[..size]);
        Ok(())
    }

    /// After `dense_resource`.
    pub(super) fn dense_resource(&mut self) -> Result<Attr> {
        self.expect("<")?;
        let at = self.pos;
        let name = if self.at_string() {
            self.string()?.into_owned()
        } else {
            self.expect_word("the name of a resource")?.as_bytes().to_vec()
        };
        self.expect(">")?;
        self.expect(":")?;
        let Type::Tensor(ty) = self.ty()? else {
            return self.error_at(at, "a resource that is not a tensor");
        };
        match self.resources.get(&name) {
            Some(bytes) => canon::resource(&ty, bytes).or_else(|e| self.error_at(at, e)),
            None if name == b"__elided__" => self.error_at(at, "the elements were left out when the text was printed"),
            None => {
                let name = String::from_utf8_lossy(&name);
                self.error_at(at, format!("the text does not hold the resource `{name}`"))
            }
        }
    }
}
