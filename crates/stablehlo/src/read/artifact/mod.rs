//! The writer of portable artifacts: StableHLO as VHLO in MLIR bytecode.

mod attributes;
mod chlo;
mod emitter;
mod ops;
mod tables;

use std::collections::HashMap;
use std::fmt;

use super::{Attr, Attrs, Element, Function, LocId, Op, Program, Region, Type};
use emitter::Emitter;
use tables::{Dialect, Tables};

/// A program that cannot be written as a portable artifact, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError(pub(in crate::read) String);

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WriteError {}

type Result<T> = std::result::Result<T, WriteError>;

fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(WriteError(message.into()))
}

impl Program {
    /// The module as a portable artifact of StableHLO: versioned bytecode, as it is inside a file of `jax.export`. XLA
    /// compiles it, `jax.export` and every StableHLO from the version in it on read it.
    ///
    /// The version is 1.8.0, or 1.10.0 where an operation asks for an accuracy. Locations are written.
    ///
    /// Operations of CHLO, such as `chlo.erf`, become composites of the same name, with decompositions into StableHLO.
    ///
    /// # Errors
    ///
    /// If the program has operations of another dialect, or attributes that versioned StableHLO does not have.
    ///
    /// ```
    /// use cotangent_stablehlo::read;
    ///
    /// let program = read::text(
    ///     r#"module @m {
    ///       func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    ///         %0 = stablehlo.negate %x : tensor<2xf32>
    ///         return %0 : tensor<2xf32>
    ///       }
    ///     }"#,
    /// )
    /// .unwrap();
    /// let artifact = program.to_artifact().unwrap();
    /// assert!(artifact.starts_with(b"ML\xefR\x0dStableHLO_v1.8.0\0"));
    /// assert_eq!(read::bytes(&artifact).unwrap(), program);
    /// ```
    pub fn to_artifact(&self) -> std::result::Result<Vec<u8>, WriteError> {
        let program = &*chlo::as_composites(self)?;
        let accurate =
            program.functions.iter().any(|f| any(&f.body, &|op| op.attributes.get("result_accuracy").is_some()));
        let mut writer = Writer {
            program,
            tables: Tables::new(),
            accurate,
            op_ids: HashMap::new(),
            location_ids: vec![None; program.locations.0.len()],
        };
        let ir = writer.module()?;
        Ok(writer.finish(ir))
    }
}

fn any(region: &Region, f: &impl Fn(&Op) -> bool) -> bool {
    region.ops.iter().any(|op| f(op) || op.regions.iter().any(|r| any(r, f)))
}

struct Writer<'a> {
    program: &'a Program,
    tables: Tables,
    /// Whether the operations that take an accuracy are written with it.
    accurate: bool,
    op_ids: HashMap<String, u64>,
    location_ids: Vec<Option<u64>>,
}

/// The numbers of a function's values in the bytecode.
struct Numbers<'a> {
    function: &'a Function,
    ids: Vec<u64>,
}

impl<'a> Writer<'a> {
    fn op_id(&mut self, name: String) -> u64 {
        let next = self.op_ids.len() as u64;
        *self.op_ids.entry(name).or_insert(next)
    }

    fn module(&mut self) -> Result<Emitter> {
        if let Some(op) = self.program.others.first() {
            return fail(format!("`{}` is not part of a portable artifact", op.name));
        }
        let mut body = Emitter::default();
        body.varint(1);
        body.varint(0);
        body.flagged(self.program.functions.len() as u64, false);
        for function in &self.program.functions {
            self.function(function, &mut body)?;
        }
        let mut out = Emitter::default();
        out.flagged(1, false);
        let name = self.op_id("builtin.module".into());
        out.varint(name);
        let attributes = &self.program.attributes;
        out.byte(16 | 64 | u8::from(!attributes.is_empty()));
        let location = self.location(LocId::UNKNOWN, 0);
        out.varint(location);
        if !attributes.is_empty() {
            let id = self.builtin_dict(attributes)?;
            out.varint(id);
        }
        let mut properties = Emitter::default();
        match &self.program.name {
            Some(name) => {
                let id = self.tables.builtin_string(name.as_bytes());
                properties.flagged(id, true);
            }
            None => properties.varint(0),
        }
        properties.varint(0);
        let id = self.tables.properties(properties);
        out.varint(id);
        out.flagged(1, true);
        out.section(4, &body);
        Ok(out)
    }

    fn function(&mut self, function: &'a Function, out: &mut Emitter) -> Result<()> {
        let name = self.op_id("vhlo.func_v1".into());
        out.varint(name);
        out.byte(16 | 64 | u8::from(!function.attributes.is_empty()));
        let location = self.location(function.location, 0);
        out.varint(location);
        if !function.attributes.is_empty() {
            let id = self.discardable(function.attributes.entries())?;
            out.varint(id);
        }
        let params: Vec<Type> = function.params().cloned().collect();
        let ty = self.function_type(&params, &function.results)?;
        // Sorted by name: arg_attrs, function_type, res_attrs, sym_name, sym_visibility.
        let values = [
            self.dicts(&function.param_attributes)?,
            self.tables.vhlo(17, |e| e.varint(ty)),
            self.dicts(&function.result_attributes)?,
            self.tables.vhlo_string(function.name.as_bytes()),
            self.tables.vhlo_string(if function.public { b"public" } else { b"private" }),
        ];
        let mut properties = Emitter::default();
        values.into_iter().for_each(|id| properties.varint(id));
        let id = self.tables.properties(properties);
        out.varint(id);
        out.flagged(1, true);
        let mut region = Emitter::default();
        if function.body.ops.is_empty() {
            region.varint(0);
        } else {
            let mut numbers = Numbers { function, ids: vec![0; function.types.len()] };
            self.region(&function.body, &mut numbers, 0, &mut region)?;
        }
        out.section(4, &region);
        Ok(())
    }

    fn dicts(&mut self, list: &[Attrs]) -> Result<u64> {
        let mut ids = Vec::new();
        if list.iter().any(|attrs| !attrs.is_empty()) {
            for attrs in list {
                ids.push(self.attr(&Attr::Dict(attrs.clone()))?);
            }
        }
        Ok(self.tables.vhlo(1, |e| e.ids(&ids)))
    }

    fn region(&mut self, region: &Region, numbers: &mut Numbers<'a>, first: u64, out: &mut Emitter) -> Result<()> {
        out.varint(1);
        let mut next = first;
        for value in region.params.into_iter().chain(region.ops.iter().flat_map(|op| op.results)) {
            numbers.ids[value.0 as usize] = next;
            next += 1;
        }
        out.varint(next - first);
        out.flagged(region.ops.len() as u64, !region.params.is_empty());
        if !region.params.is_empty() {
            out.varint(region.params.len() as u64);
            for value in region.params {
                let ty = self.ty(numbers.function.ty(value))?;
                out.flagged(ty, false);
            }
            out.byte(0);
        }
        for op in &region.ops {
            self.op(op, numbers, next, out)?;
        }
        Ok(())
    }

    fn op(&mut self, op: &Op, numbers: &mut Numbers<'a>, inner: u64, out: &mut Emitter) -> Result<()> {
        let name = ops::vhlo_name(&op.name, self.accurate)?;
        let (properties, discardable) = self.attributes_of(op, name)?;
        let id = self.op_id(format!("vhlo.{name}"));
        out.varint(id);
        let has = |condition: bool, bit: u8| if condition { bit } else { 0 };
        out.byte(
            has(!discardable.is_empty(), 1)
                | has(!op.results.is_empty(), 2)
                | has(!op.operands.is_empty(), 4)
                | has(!op.regions.is_empty(), 16)
                | has(!properties.is_empty(), 64),
        );
        let location = self.location(op.location, 0);
        out.varint(location);
        if !discardable.is_empty() {
            let id = self.discardable(&discardable)?;
            out.varint(id);
        }
        if !properties.is_empty() {
            let mut data = Emitter::default();
            properties.iter().for_each(|&id| data.varint(id));
            let id = self.tables.properties(data);
            out.varint(id);
        }
        if !op.results.is_empty() {
            out.varint(op.results.len() as u64);
            for value in op.results {
                let ty = self.ty(numbers.function.ty(value))?;
                out.varint(ty);
            }
        }
        if !op.operands.is_empty() {
            out.varint(op.operands.len() as u64);
            op.operands.iter().for_each(|v| out.varint(numbers.ids[v.0 as usize]));
        }
        if !op.regions.is_empty() {
            out.flagged(op.regions.len() as u64, false);
            for region in &op.regions {
                self.region(region, numbers, inner, out)?;
            }
        }
        Ok(())
    }

    /// The whole file.
    fn finish(mut self, ir: Emitter) -> Vec<u8> {
        // Operations are numbered in the order of their first use, so each run of a dialect is a group.
        let mut names: Vec<(String, u64)> = self.op_ids.drain().collect();
        names.sort_by_key(|n| n.1);
        let dialects = ["builtin", "vhlo"];
        let mut dialect_section = Emitter::default();
        dialect_section.varint(dialects.len() as u64);
        for dialect in dialects {
            let id = self.tables.string(dialect.as_bytes());
            dialect_section.flagged(id, false);
        }
        dialect_section.varint(names.len() as u64);
        for run in names.chunk_by(|a, b| a.0.starts_with("vhlo.") == b.0.starts_with("vhlo.")) {
            dialect_section.varint(run[0].0.starts_with("vhlo.").into());
            dialect_section.varint(run.len() as u64);
            for (name, _) in run {
                let (_, short) = name.split_once('.').unwrap_or(("", name));
                let id = self.tables.string(short.as_bytes());
                dialect_section.flagged(id, true);
            }
        }
        let version = if self.accurate { "1.10.0" } else { "1.8.0" };
        let mut out = Emitter::default();
        out.bytes(b"ML\xefR");
        out.varint(6);
        out.bytes(format!("StableHLO_v{version}\0").as_bytes());
        let (offsets, data) = self.tables.attributes_and_types();
        out.section(0, &self.tables.strings());
        out.section(1, &dialect_section);
        out.section(3, &offsets);
        out.section(2, &data);
        out.section(4, &ir);
        out.section(8, &self.tables.all_properties());
        out.0
    }
}

/// The code of an element type in VHLO.
fn element_code(element: &Element) -> Option<u64> {
    super::bytecode::ELEMENTS.iter().find(|(code, e)| e == element && *code != u64::MAX).map(|row| row.0)
}
