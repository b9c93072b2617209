//! The structured attributes of StableHLO and CHLO.

use std::sync::Arc;

use super::super::{Attr, Element, canon};
use super::{Result, Text};

impl Text<'_> {
    /// The content of `#stablehlo.kind<…>` and the closing bracket.
    pub(super) fn structure(&mut self, kind: &str, start: usize) -> Result<Attr> {
        match kind {
            "conv" => {
                let attr = if self.eat("raw") { self.fields(kind)? } else { self.convolution_dimensions()? };
                self.expect(">")?;
                Ok(attr)
            }
            "dot"
            | "gather"
            | "scatter"
            | "channel_handle"
            | "output_operand_alias"
            | "dot_algorithm"
            | "result_accuracy"
            | "ragged_dot" => {
                let attr = self.fields(kind)?;
                self.expect(">")?;
                Ok(attr)
            }
            "bounds" => {
                let mut sizes = Vec::new();
                self.list(">", |s| {
                    sizes.push(if s.eat("?") { i64::MIN } else { s.integer()? });
                    Ok(())
                })?;
                Ok(canon::bounds(&sizes))
            }
            "type_extensions" => {
                self.expect("bounds")?;
                self.expect("=")?;
                self.expect("[")?;
                let mut sizes = Vec::new();
                self.list("]", |s| {
                    sizes.push(if s.eat("?") { i64::MIN } else { s.integer()? });
                    Ok(())
                })?;
                self.expect(">")?;
                Ok(canon::bounds(&sizes))
            }
            _ => {
                let inside = self.pos;
                if let Some(case) = self.word()
                    && self.eat(">")
                {
                    return Ok(Attr::Enum(kind.into(), case.into()));
                }
                self.pos = inside;
                self.balanced()?;
                let text = String::from_utf8_lossy(&self.src[start..self.pos]);
                Ok(Attr::Opaque(text.as_ref().into()))
            }
        }
    }

    /// `name = value, …`, up to the closing bracket.
    pub(super) fn fields(&mut self, kind: &str) -> Result<Attr> {
        let mut fields: Vec<(Arc<str>, Attr)> = Vec::new();
        while self.peek() != Some(b'>') {
            let word = self.expect_word("the name of a field")?;
            let name = self.name(word);
            self.expect("=")?;
            let value = match self.peek() {
                Some(b'[') => Attr::Ints(self.ints()?.into()),
                _ => self.attr()?,
            };
            fields.push((name, value));
            if !self.eat(",") {
                break;
            }
        }
        Ok(canon::structure(kind, fields))
    }

    /// `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]`
    pub(super) fn convolution_dimensions(&mut self) -> Result<Attr> {
        let mut fields: Vec<(Arc<str>, Attr)> = Vec::new();
        let parts = [
            ("", "input", [("b", "batch"), ("f", "feature")]),
            ("x", "kernel", [("i", "input_feature"), ("o", "output_feature")]),
            ("->", "output", [("b", "batch"), ("f", "feature")]),
        ];
        for (separator, part, letters) in parts {
            if !separator.is_empty() {
                self.expect(separator)?;
            }
            self.expect("[")?;
            let at = self.pos;
            let mut axis = 0;
            let mut named = [None; 2];
            let mut spatial: Vec<(i64, i64)> = Vec::new();
            self.list("]", |s| {
                match letters.iter().position(|(letter, _)| s.eat(letter)) {
                    Some(i) => named[i] = Some(axis),
                    // `?` is an axis that means nothing.
                    None if s.eat("?") => {}
                    None => spatial.push((s.integer()?, axis)),
                }
                axis += 1;
                Ok(())
            })?;
            spatial.sort_unstable();
            if !spatial.iter().enumerate().all(|(i, &(number, _))| number == i as i64) {
                return self.error_at(at, "the spatial axes of a convolution are numbered from 0");
            }
            for ((letter, name), axis) in letters.iter().zip(named) {
                let Some(axis) = axis else {
                    return self.error_at(at, format!("the axes of a convolution's {part} lack `{letter}`"));
                };
                fields.push((format!("{part}_{name}_dimension").into(), Attr::Int(axis, Element::I64)));
            }
            let spatial: Vec<i64> = spatial.iter().map(|s| s.1).collect();
            fields.push((format!("{part}_spatial_dimensions").into(), Attr::Ints(spatial.into())));
        }
        Ok(canon::structure("conv", fields))
    }
}
