//! Operations and regions.

use std::sync::Arc;

use super::super::{Attr, Attrs, Function, LocId, Op, Operands, Program, Region, Values, canon};
use super::Bytecode;
use super::Result;
use super::cursor::Cursor;
use super::ops::{self, Properties};
use super::table::is_unread;

/// What comes before the regions of an operation.
struct Head {
    name: u64,
    location: LocId,
    attributes: Option<u64>,
    properties: Option<u64>,
    /// The types of the results are the last of `value_types`.
    results: usize,
    operands: Operands,
    regions: usize,
    isolated: bool,
}

impl<'a> Bytecode<'a> {
    pub(super) fn program(mut self) -> Result<Program> {
        let mut c = self.ir;
        let (count, arguments) = c.flagged()?;
        if count != 1 || arguments {
            return c.error("the bytecode does not hold one module");
        }
        let head = self.head(&mut c)?;
        if &*self.ops[head.name as usize].name != "builtin.module" || head.regions != 1 {
            return c.error(format!("the bytecode holds `{}`, not a module", self.ops[head.name as usize].name));
        }
        let mut program = Program::default();
        let mut entries = self.entries(&c, &head)?;
        if let Some(at) = entries.iter().position(|(n, _)| &**n == "sym_name") {
            program.name = entries.remove(at).1.as_str().map(Arc::from);
        }
        program.attributes = Attrs::new(entries);
        let mut c = if head.isolated && self.version >= 2 { self.ir_section(&mut c)? } else { c };
        let blocks = c.varint()?;
        if blocks > 1 {
            return c.error("a module of more than one block");
        }
        if blocks == 1 {
            c.varint()?;
            let (count, arguments) = c.flagged()?;
            if arguments {
                return c.error("a module with arguments");
            }
            for _ in 0..c.fits(count)? {
                self.module_op(&mut c, &mut program)?;
            }
        }
        program.locations = self.locations;
        Ok(program)
    }

    fn ir_section(&mut self, c: &mut Cursor<'a>) -> Result<Cursor<'a>> {
        match c.section()? {
            (4, section) => Ok(section),
            (id, _) => c.error(format!("a section {id} in the place of a region")),
        }
    }

    fn module_op(&mut self, c: &mut Cursor<'a>, program: &mut Program) -> Result<()> {
        self.values.clear();
        self.value_types.clear();
        let at = *c;
        let head = self.head(c)?;
        let op = &self.ops[head.name as usize];
        let name = op.name.clone();
        if &*name != "func.func" || head.regions != 1 {
            if head.regions != 0 || head.results != 0 || !head.operands.is_empty() {
                return at.error(format!("`{name}` outside of a function"));
            }
            let attributes = self.attributes(c, &head)?;
            let results = Values::default();
            let (operands, regions) = (Operands::new(), Vec::new());
            program.others.push(Op { name, operands, results, attributes, regions, location: head.location });
            return Ok(());
        }
        if head.results != 0 {
            return at.error("a function with results of its own");
        }
        let entries = self.entries(c, &head)?;
        let body = self.regions(c, &head, true)?.pop().unwrap_or_default();
        let types = std::mem::take(&mut self.value_types);
        let mut left = (4 * self.len + 4096).saturating_sub(self.charged);
        let function = Function::from_parts(entries, body, types, head.location, &mut left).or_else(|e| at.error(e))?;
        self.charge(&at, function.results.len() + function.param_attributes.len())?;
        program.functions.push(function);
        Ok(())
    }

    #[inline]
    fn head(&mut self, c: &mut Cursor<'a>) -> Result<Head> {
        let name = c.varint()?;
        if name >= self.ops.len() as u64 {
            return c.error(format!("operation {name} of {}", self.ops.len()));
        }
        let mask = c.byte()?;
        let location = self.location(c)?;
        let attributes = if mask & 1 != 0 { Some(c.varint()?) } else { None };
        let properties = if mask & 64 != 0 { Some(c.varint()?) } else { None };
        let results = if mask & 2 != 0 { c.count()? } else { 0 };
        for _ in 0..results {
            let ty = self.ty(c)?;
            self.value_types.push(ty);
        }
        let operands = if mask & 4 != 0 { self.operands(c)? } else { Operands::new() };
        if mask & 8 != 0 {
            return c.error("an operation with successors: control flow must be structured");
        }
        if mask & 32 != 0 {
            self.use_list_order(c, results)?;
        }
        let (regions, isolated) = if mask & 16 != 0 { c.flagged()? } else { (0, false) };
        let regions = c.fits(regions)?;
        Ok(Head { name, location, attributes, properties, results, operands, regions, isolated })
    }

    #[inline]
    fn operands(&mut self, c: &mut Cursor<'a>) -> Result<Operands> {
        let n = c.count()?;
        let mut operands = Operands::with_capacity(n);
        for _ in 0..n {
            let index = c.varint()?;
            match usize::try_from(index).ok().and_then(|i| self.values.get(i)) {
                Some(Some(value)) => operands.push(*value),
                _ => return self.no_value(c, index),
            }
        }
        Ok(operands)
    }

    #[cold]
    fn no_value<T>(&self, c: &Cursor<'a>, index: u64) -> Result<T> {
        if index < self.values.len() as u64 {
            return c.error(format!("value {index} is used before it is defined"));
        }
        c.error(format!("value {index} of {}", self.values.len()))
    }

    /// Skips the order of the uses of values.
    fn use_list_order(&mut self, c: &mut Cursor<'a>, values: usize) -> Result<()> {
        let n = if values > 1 { c.count()? } else { 1 };
        for _ in 0..n {
            if values > 1 {
                c.varint()?;
            }
            let (count, _) = c.flagged()?;
            for _ in 0..c.fits(count)? {
                c.varint()?;
            }
        }
        Ok(())
    }

    /// The attributes and properties of an operation.
    fn entries(&mut self, c: &Cursor<'a>, head: &Head) -> Result<Vec<(Arc<str>, Attr)>> {
        let mut entries: Vec<(Arc<str>, Attr)> = Vec::new();
        if let Some(index) = head.attributes {
            match self.attr_at(c, index)? {
                Attr::Dict(attrs) => {
                    self.charge(c, attrs.len())?;
                    entries.extend_from_slice(attrs.entries());
                }
                _ => return c.error("the attributes of an operation are not a dictionary"),
            }
        }
        let (properties, vhlo, name) = {
            let op = &self.ops[head.name as usize];
            (op.properties, op.vhlo, op.name.clone())
        };
        if let Some(index) = head.properties {
            let data = usize::try_from(index).ok().and_then(|i| self.properties.get(i)).copied();
            let Some(mut data) = data else {
                return c.error(format!("properties {index} of {}", self.properties.len()));
            };
            self.properties_of(&name, properties, &mut data, &mut entries)?;
        }
        if vhlo {
            ops::to_stablehlo(&name, &mut entries);
        }
        canon::defaults(&name, &mut entries);
        Ok(entries)
    }

    fn properties_of(
        &mut self,
        name: &str,
        kind: Properties,
        data: &mut Cursor<'a>,
        entries: &mut Vec<(Arc<str>, Attr)>,
    ) -> Result<()> {
        match kind {
            Properties::Required("") if data.is_done() => {}
            Properties::Required("") => {
                // An operation that is not registered has a dictionary.
                match self.attr(data)? {
                    Attr::Dict(attrs) => entries.extend_from_slice(attrs.entries()),
                    _ => return data.error(format!("the properties of `{name}` are not a dictionary")),
                }
            }
            Properties::Required(names) => {
                let mut names: Vec<&str> = names.split_whitespace().collect();
                names.sort_unstable();
                for name in names {
                    let value = self.attr(data)?;
                    if !is_unread(&value) {
                        entries.push((name.into(), value));
                    }
                }
            }
            Properties::Optional(names) => {
                for name in names.split_whitespace() {
                    let (index, present) = data.flagged()?;
                    if present {
                        entries.push((name.into(), self.attr_at(data, index)?));
                    }
                }
            }
            Properties::Unknown => {
                let why = match name {
                    "sdy.manual_computation" => "it is a function for each of several devices (`shard_map`)",
                    _ => "the encoding of its attributes is not known",
                };
                return data.error(format!("`{name}` is not read: {why}"));
            }
        }
        if !data.is_done() {
            return data.error(format!("the properties of `{name}` are longer than its attributes"));
        }
        Ok(())
    }

    /// The attributes of an operation. Operations with the same ones share them.
    #[inline]
    fn attributes(&mut self, c: &Cursor<'a>, head: &Head) -> Result<Attrs> {
        match (head.attributes, head.properties) {
            (None, None) => Ok(Attrs::default()),
            (None, Some(index)) => {
                let known = usize::try_from(index).ok().and_then(|i| self.only_properties.get(i));
                match known {
                    Some(Some((name, attrs))) if *name == head.name as u32 => Ok(attrs.clone()),
                    _ => self.first_attributes(c, head),
                }
            }
            _ => self.other_attributes(c, head),
        }
    }

    /// The attributes of the first operation with these properties and no other attributes.
    #[cold]
    fn first_attributes(&mut self, c: &Cursor<'a>, head: &Head) -> Result<Attrs> {
        let attrs = self.other_attributes(c, head)?;
        if let Some(place) = head.properties.and_then(|index| self.only_properties.get_mut(index as usize)) {
            // Operations of several names may have the same properties.
            place.get_or_insert_with(|| (head.name as u32, attrs.clone()));
        }
        Ok(attrs)
    }

    fn other_attributes(&mut self, c: &Cursor<'a>, head: &Head) -> Result<Attrs> {
        let key = (head.name as u32, head.attributes.map_or(0, |n| n + 1), head.properties.map_or(0, |n| n + 1));
        if let Some(known) = self.op_attributes.get(&key) {
            return Ok(known.clone());
        }
        let attrs = Attrs::new(self.entries(c, head)?);
        self.op_attributes.insert(key, attrs.clone());
        Ok(attrs)
    }

    /// Reads an operation to the end of `ops`.
    fn op(&mut self, c: &mut Cursor<'a>, function: bool, ops: &mut Vec<Op>) -> Result<()> {
        let head = self.head(c)?;
        let op = &self.ops[head.name as usize];
        let name = if function && op.is_return { self.function_return.clone() } else { op.name.clone() };
        let attributes = self.attributes(c, &head)?;
        let results = self.define(c, head.results)?;
        let regions = if head.regions == 0 { Vec::new() } else { self.regions(c, &head, false)? };
        ops.push(Op { name, operands: head.operands, results, attributes, regions, location: head.location });
        Ok(())
    }

    /// Numbers the values of the last `n` types.
    #[inline]
    fn define(&mut self, c: &Cursor<'a>, n: usize) -> Result<Values> {
        let first = self.value_types.len() - n;
        if first + n > u32::MAX as usize {
            return c.error("more than 2³² values");
        }
        let values = Values { first: first as u32, len: n as u32 };
        for value in values {
            match self.values.get_mut(self.next_value) {
                Some(place) => *place = Some(value),
                None => return c.error("a region defines more values than it says"),
            }
            self.next_value += 1;
        }
        Ok(values)
    }

    fn regions(&mut self, c: &mut Cursor<'a>, head: &Head, function: bool) -> Result<Vec<Region>> {
        // The regions of an isolated operation are one section, and each numbers its values from 0.
        let mut section = match head.isolated && self.version >= 2 && head.regions > 0 {
            true => Some(self.ir_section(c)?),
            false => None,
        };
        let c = section.as_mut().unwrap_or(c);
        let outer = if head.isolated { Some(std::mem::take(&mut self.values)) } else { None };
        let next = self.next_value;
        let mut regions = Vec::new();
        for _ in 0..head.regions {
            let at = *c;
            regions.push(self.nested(&at, |s| s.region(c, function))?);
        }
        if let Some(outer) = outer {
            self.values = outer;
        }
        self.next_value = next;
        Ok(regions)
    }

    fn region(&mut self, c: &mut Cursor<'a>, function: bool) -> Result<Region> {
        let blocks = c.varint()?;
        if blocks == 0 {
            return Ok(Region::default());
        }
        if blocks > 1 {
            return c.error("a region of more than one block: control flow must be structured");
        }
        let count = c.varint()?;
        let first = self.values.len();
        // Each value of the regions that are open takes a byte at least.
        match usize::try_from(count).ok().and_then(|n| first.checked_add(n)) {
            Some(len) if len <= self.len => {
                self.values.resize(len, None);
                self.value_types.reserve(len - first);
            }
            _ => return c.error(format!("a region of {count} values")),
        }
        self.next_value = first;
        let (ops, arguments) = c.flagged()?;
        let mut params = 0;
        if arguments {
            params = c.count()?;
            for _ in 0..params {
                let (ty, located) = if self.version >= 4 { c.flagged()? } else { (c.varint()?, true) };
                let ty = self.type_at(c, ty)?;
                self.value_types.push(ty);
                if located {
                    self.location(c)?;
                }
            }
            if self.version >= 3 && c.byte()? != 0 {
                self.use_list_order(c, params)?;
            }
        }
        let params = self.define(c, params)?;
        let ops = c.fits(ops)?;
        // The number may be wrong: beyond what all operations of a dense module take, there are a few at first.
        let room = if ops <= self.room { ops } else { ops.min(16) };
        self.room -= room.min(self.room);
        let mut region = Region { params, ops: Vec::with_capacity(room) };
        for _ in 0..ops {
            self.op(c, function, &mut region.ops)?;
        }
        self.values.truncate(first);
        Ok(region)
    }
}
