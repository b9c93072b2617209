//! Operations, regions and values.

use std::sync::Arc;

use super::super::{Attr, Attrs, LocId, Op, Operands, Region, Type, Value, Values, canon};
use super::cursor::ascii;
use super::{Result, Text, formats};

/// The parts of an operation, as they are read.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) operands: Operands,
    pub(super) attributes: Vec<(Arc<str>, Attr)>,
    pub(super) regions: Vec<Region>,
    pub(super) results: Vec<Type>,
    pub(super) location: Option<LocId>,
}

impl Parts {
    pub(super) fn build(mut self, name: Arc<str>, results: Values) -> Op {
        let name = formats::known_as(&name).map_or(name, Arc::from);
        canon::defaults(&name, &mut self.attributes);
        Op {
            name,
            operands: self.operands,
            results,
            attributes: Attrs::new(self.attributes),
            regions: self.regions,
            location: self.location.unwrap_or(LocId::UNKNOWN),
        }
    }
}

impl<'a> Text<'a> {
    /// `%name`, its name.
    pub(super) fn value_name(&mut self) -> Result<&'a [u8]> {
        self.expect("%")?;
        self.suffix()
    }

    /// A use of a value: `%name` or `%name#2`.
    pub(super) fn operand(&mut self) -> Result<Value> {
        if self.peek() != Some(b'%') {
            return self.expected("a value, `%…`");
        }
        let at = self.pos;
        self.pos += 1;
        let name = self.suffix()?;
        let Some(&values) = self.values.get(name) else {
            return self.error_at(at, format!("the value `%{}` is used before it is defined", ascii(name)));
        };
        let index = if self.src.get(self.pos) == Some(&b'#') {
            self.pos += 1;
            self.integer()?
        } else {
            0
        };
        match usize::try_from(index).ok().and_then(|i| values.get(i)) {
            Some(value) => Ok(value),
            None => self.error_at(at, format!("`%{}` has {} values", ascii(name), values.len())),
        }
    }

    /// Numbers new values.
    pub(super) fn define(&mut self, types: Vec<Type>) -> Result<Values> {
        let first = self.value_types.len();
        // Each value takes a character at least.
        if first + types.len() > u32::MAX as usize || types.len() > 2 && first + types.len() > self.src.len() {
            return self.error("more values than the text can hold");
        }
        let len = types.len() as u32;
        self.value_types.extend(types);
        Ok(Values { first: first as u32, len })
    }

    /// Gives values a name until the end of the region.
    pub(super) fn bind(&mut self, name: &'a [u8], values: Values) {
        let before = self.values.insert(name, values);
        self.hidden.push((name, before));
    }

    pub(super) fn check_operands(&self, op: &Parts, types: &[Type]) -> Result<()> {
        if op.operands.len() != types.len() {
            return self.error(format!("{} operands, but {} types of operands", op.operands.len(), types.len()));
        }
        for (i, (value, ty)) in op.operands.iter().zip(types).enumerate() {
            let actual = &self.value_types[value.0 as usize];
            let same = matches!((actual, ty), (Type::Tensor(a), Type::Tensor(b)) if Arc::ptr_eq(a, b)) || actual == ty;
            if !same {
                return self.error(format!("operand {i} is of type {actual}, but {ty} is written"));
            }
        }
        Ok(())
    }

    /// A region in braces. `params` name the parameters of its block where the syntax does.
    pub(super) fn region(&mut self, params: &[(&'a [u8], Type)]) -> Result<Region> {
        self.nested(|s| s.region_inner(params))
    }

    fn region_inner(&mut self, params: &[(&'a [u8], Type)]) -> Result<Region> {
        let outside = self.hidden.len();
        self.expect("{")?;
        let mut names: Vec<&[u8]> = params.iter().map(|p| p.0).collect();
        let mut types: Vec<Type> = params.iter().map(|p| p.1.clone()).collect();
        if self.eat("^") {
            self.suffix()?;
            if self.eat("(") {
                self.list(")", |s| {
                    names.push(s.value_name()?);
                    s.expect(":")?;
                    types.push(s.ty()?);
                    s.optional_location()?;
                    Ok(())
                })?;
            }
            self.expect(":")?;
        }
        let values = self.define(types)?;
        for (name, value) in names.into_iter().zip(values) {
            self.bind(name, Values { first: value.0, len: 1 });
        }
        let mut region = Region { params: values, ops: Vec::new() };
        while !self.eat("}") {
            if self.peek() == Some(b'^') {
                return self.error("a region of more than one block: control flow must be structured");
            }
            let op = self.op()?;
            region.ops.push(op);
        }
        while self.hidden.len() > outside
            && let Some((name, before)) = self.hidden.pop()
        {
            match before {
                Some(values) => self.values.insert(name, values),
                None => self.values.remove(name),
            };
        }
        Ok(region)
    }

    /// An operation, generic or pretty, with its results and location.
    pub(super) fn op(&mut self) -> Result<Op> {
        let start = {
            self.space();
            self.pos
        };
        let mut names: Vec<(&[u8], u32)> = Vec::new();
        let mut count = 0u64;
        if self.peek() == Some(b'%') {
            loop {
                let name = self.value_name()?;
                let n = if self.src.get(self.pos) == Some(&b':') {
                    self.pos += 1;
                    self.integer()?
                } else {
                    1
                };
                // Each result has a type of at least two characters.
                if n < 1 || n as u64 > (self.src.len() - self.pos) as u64 / 2 {
                    return self.error_at(start, "the number of results");
                }
                names.push((name, n as u32));
                count += n as u64;
                if !self.eat(",") {
                    break;
                }
            }
            if count > (self.src.len() - self.pos) as u64 / 2 {
                return self.error_at(start, "the number of results");
            }
            self.expect("=")?;
        }
        // Results are numbered before the values of the regions.
        let mut results = self.define(vec![Type::Token; count as usize])?;
        let mut op = Parts::default();
        let at = {
            self.space();
            self.pos
        };
        let name = if self.at_string() {
            let name = self.string_name()?;
            self.generic(&mut op)?;
            name
        } else {
            let word = self.expect_word("an operation")?;
            let full = match word {
                "call" => "func.call",
                "return" => "func.return",
                _ => word,
            };
            self.pretty(full, at, &mut op)?;
            self.name(full)
        };
        let location = self.optional_location()?;
        op.location = location.or(op.location);
        let types = std::mem::take(&mut op.results);
        if names.is_empty() {
            results = self.define(types)?;
        } else if types.len() as u64 != count {
            return self.error_at(start, format!("{count} names for the {} results of `{name}`", types.len()));
        } else {
            for (value, ty) in results.into_iter().zip(types) {
                self.value_types[value.0 as usize] = ty;
            }
        }
        let mut first = results.first;
        for (name, len) in names {
            self.bind(name, Values { first, len });
            first += len;
        }
        Ok(op.build(name, results))
    }

    /// After the name: `(operands) <{properties}> ({regions}) {attributes} : type`.
    pub(super) fn generic(&mut self, op: &mut Parts) -> Result<()> {
        self.expect("(")?;
        self.list(")", |s| {
            op.operands.push(s.operand()?);
            Ok(())
        })?;
        if self.eat("<") {
            self.optional_dict(&mut op.attributes)?;
            self.expect(">")?;
        }
        if self.eat("(") {
            self.list(")", |s| {
                op.regions.push(s.region(&[])?);
                Ok(())
            })?;
        }
        self.optional_dict(&mut op.attributes)?;
        self.expect(":")?;
        self.functional(op)
    }
}
