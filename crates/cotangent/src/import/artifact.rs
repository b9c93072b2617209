//! What `jax.export` writes: a flatbuffer with the signature of a function, around a StableHLO module.
//!
//! The tables and the order of their fields are those of `jax/_src/export/serialization.fbs`, as of JAX 0.10.2.

use std::fmt;

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};

use super::flatbuffer::{Buffer, Table, damaged};
use super::pytree::PyTree;

mod write;

pub(super) use write::Written;

/// The names of the dtypes, by their numbers.
const DTYPES: [&str; 30] = [
    "bool",
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f16",
    "f32",
    "f64",
    "c64",
    "c128",
    "bf16",
    "i4",
    "u4",
    "f8_e4m3b11fnuz",
    "f8_e4m3fn",
    "f8_e4m3fnuz",
    "f8_e5m2",
    "f8_e5m2fnuz",
    "float0",
    "f8_e4m3",
    "f8_e3m4",
    "f8_e8m0fnu",
    "f4_e2m1fn",
    "key<fry>",
    "key<rbg>",
    "key<unsafe_rbg>",
];

/// The numbers of the fields of a function.
mod field {
    pub(super) const FORMAT: usize = 0;
    pub(super) const NAME: usize = 1;
    pub(super) const IN_TREE: usize = 2;
    /// The types, where they are used. Since version 10 of the calling convention, they are in [`TYPES`].
    pub(super) const INPUTS: usize = 3;
    pub(super) const OUT_TREE: usize = 4;
    pub(super) const OUTPUTS: usize = 5;
    pub(super) const FEW_DEVICES: usize = 6;
    pub(super) const INPUT_SHARDINGS: usize = 7;
    pub(super) const OUTPUT_SHARDINGS: usize = 8;
    pub(super) const PLATFORMS: usize = 9;
    pub(super) const ORDERED_EFFECTS: usize = 10;
    pub(super) const OTHER_EFFECTS: usize = 11;
    pub(super) const UNCHECKED: usize = 12;
    pub(super) const MODULE: usize = 13;
    pub(super) const CONVENTION: usize = 14;
    pub(super) const KEPT: usize = 15;
    pub(super) const VJP: usize = 17;
    pub(super) const DEVICES: usize = 18;
    /// Each type once, and then its number wherever it is used.
    pub(super) const TYPES: usize = 19;
    pub(super) const MESHES: usize = 20;
    pub(super) const SHARDINGS: usize = 21;
    pub(super) const INPUT_TYPES: usize = 22;
    pub(super) const OUTPUT_TYPES: usize = 23;
    pub(super) const SHARDINGS_OF_INPUTS: usize = 24;
    pub(super) const SHARDINGS_OF_OUTPUTS: usize = 25;
}

/// The numbers of the fields of a type.
mod type_field {
    pub(super) const KIND: usize = 0;
    pub(super) const DIMS: usize = 1;
    pub(super) const DTYPE: usize = 2;
    pub(super) const MEMORY: usize = 3;
}

/// The kind of a check of JAX that was disabled, that of the platform; the others are those of custom calls.
const PLATFORM_CHECK: u8 = 0;

/// The dtype of the derivative with respect to what has none.
const NO_DERIVATIVE: &str = "float0";

/// The type of an array, as it is written: it may have symbolic dimensions, or a dtype that this library does not have.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Type {
    dtype: &'static str,
    dims: Vec<String>,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.dtype, self.dims.join(","))
    }
}

impl Type {
    fn read(table: &Table<'_>) -> Result<Type> {
        match table.u8(type_field::KIND)? {
            0 => {}
            1 => return Err(effects("tokens")),
            kind => return Err(damaged(format!("a type of the unknown kind {kind}"))),
        }
        let dtype = usize::from(table.u8(type_field::DTYPE)?);
        let dtype = DTYPES.get(dtype).ok_or_else(|| damaged(format!("a dtype of the unknown number {dtype}")))?;
        Ok(Type { dtype, dims: table.strings(type_field::DIMS)?.into_iter().map(String::from).collect() })
    }

    pub(super) fn of(aval: &Aval) -> Type {
        Type { dtype: aval.dtype.name(), dims: aval.shape.iter().map(ToString::to_string).collect() }
    }

    /// The type of derivatives with respect to such arrays. Integers, booleans and keys have none: `float0` says so.
    pub(super) fn tangent(&self) -> Type {
        let inexact = self.dtype.parse::<DType>().map_or(self.dtype.starts_with('f'), DType::is_inexact);
        Type { dtype: if inexact { self.dtype } else { NO_DERIVATIVE }, dims: self.dims.clone() }
    }

    /// The type of the arrays in the module. Keys are their words, and where there is no derivative, there is a boolean.
    pub(super) fn aval(&self) -> Result<Aval> {
        let words = match self.dtype {
            "key<fry>" => Some(2),
            "key<rbg>" | "key<unsafe_rbg>" => Some(4),
            _ => None,
        };
        let dtype = match (words, self.dtype.parse::<DType>()) {
            (Some(_), _) => DType::U32,
            (None, _) if self.dtype == NO_DERIVATIVE => DType::Bool,
            (None, Ok(dtype)) => dtype,
            (None, Err(_)) => {
                return Err(Error::dtype(format!("arrays of the dtype {} are not supported", self.dtype)));
            }
        };
        let size = |dim: &String| {
            dim.parse::<usize>().map_err(|_| {
                Error::shape(format!("{self} has the symbolic dimension `{dim}`"))
                    .help("export the function for each shape that is needed, without symbolic dimensions")
            })
        };
        let dims = self.dims.iter().map(size).chain(words.map(Ok)).collect::<Result<Vec<usize>>>()?;
        Ok(Aval::new(dtype, Shape::new(&dims)))
    }
}

fn effects(what: &str) -> Error {
    Error::new(ErrorKind::Transform, format!("the function has side effects ({what}), which an import does not run"))
        .help("export it without prints, callbacks and other effects")
}

/// A function as `jax.export` wrote it.
pub(super) struct Artifact<'a> {
    pub(super) name: &'a str,
    /// The positional and the keyword arguments.
    pub(super) in_tree: PyTree,
    pub(super) inputs: Vec<Type>,
    pub(super) out_tree: PyTree,
    pub(super) outputs: Vec<Type>,
    pub(super) devices: usize,
    pub(super) platforms: Vec<&'a str>,
    /// Whether it was exported with leave to run on others.
    pub(super) portable: bool,
    pub(super) effects: Vec<&'a str>,
    pub(super) module: &'a [u8],
    pub(super) version: u16,
    /// The arguments that the module takes.
    pub(super) kept: Vec<usize>,
    /// The derivative that the file has: a function of the arguments and then the cotangents of the results, which returns
    /// the cotangents of the arguments, all of them in a flat list.
    pub(super) vjp: Option<Box<Artifact<'a>>>,
}

impl<'a> Artifact<'a> {
    pub(super) fn read(buffer: &'a Buffer<'a>) -> Result<Artifact<'a>> {
        let foreign = |error: Error| error.context("these bytes are not a function that `jax.export` serialized");
        Artifact::of(&buffer.root().map_err(foreign)?, 0).map_err(foreign)
    }

    fn of(table: &Table<'a>, depth: usize) -> Result<Artifact<'a>> {
        // Every version so far stores a 2 or a 3, so that older readers accept it.
        let version = table.u16(field::FORMAT)?;
        if !(2..=3).contains(&version) {
            return Err(damaged(format!("it states the version {version} of the format")));
        }
        let tree = |index: usize| -> Result<PyTree> {
            let table = table.table(index)?.ok_or_else(|| damaged("a tree is missing"))?;
            PyTree::read(&table, 0)
        };
        // Types are stored once and referred to by number; before version 10, they were stored where they are used.
        let unique = table.tables(field::TYPES)?.iter().map(Type::read).collect::<Result<Vec<_>>>()?;
        let types = |indices: usize, direct: usize| -> Result<Vec<Type>> {
            let indices = table.u32s(indices)?;
            if indices.is_empty() {
                return table.tables(direct)?.iter().map(Type::read).collect();
            }
            let get = |i: usize| unique.get(i).cloned().ok_or_else(|| damaged(format!("there is no type {i}")));
            indices.into_iter().map(get).collect()
        };
        let effects = |index: usize| -> Result<Vec<&'a str>> {
            table.tables(index)?.iter().map(|effect| effect.string(0)).collect()
        };
        let devices = match table.u32(field::DEVICES)? {
            0 => usize::from(table.u16(field::FEW_DEVICES)?),
            devices => devices,
        };
        let vjp = match table.table(field::VJP)? {
            Some(_) if depth > 20 => return Err(damaged("it has derivatives of too high an order")),
            Some(vjp) => Some(Artifact::of(&vjp, depth + 1).map_err(|e| e.context("its derivative"))?.into()),
            None => None,
        };
        let unchecked = table.tables(field::UNCHECKED)?.iter().map(|check| check.u8(0)).collect::<Result<Vec<_>>>()?;
        let artifact = Artifact {
            name: table.string(field::NAME)?,
            in_tree: tree(field::IN_TREE)?,
            inputs: types(field::INPUT_TYPES, field::INPUTS)?,
            out_tree: tree(field::OUT_TREE)?,
            outputs: types(field::OUTPUT_TYPES, field::OUTPUTS)?,
            devices,
            platforms: table.strings(field::PLATFORMS)?,
            portable: unchecked.contains(&PLATFORM_CHECK),
            effects: [effects(field::ORDERED_EFFECTS)?, effects(field::OTHER_EFFECTS)?].concat(),
            module: table.bytes(field::MODULE)?,
            version: table.u16(field::CONVENTION)?,
            kept: table.u16s(field::KEPT)?,
            vjp,
        };
        artifact.checked()
    }

    fn checked(self) -> Result<Artifact<'a>> {
        let count = |tree: &PyTree, types: &[Type], what: &str| match tree.leaf_count() {
            n if n == types.len() => Ok(()),
            n => Err(damaged(format!("the tree of its {what} has {n} leaves, but there are {} types", types.len()))),
        };
        count(&self.in_tree, &self.inputs, "arguments")?;
        count(&self.out_tree, &self.outputs, "results")?;
        match &self.in_tree {
            PyTree::Tuple(parts) if matches!(parts[..], [PyTree::Tuple(_), PyTree::Dict(_)]) => {}
            other => return Err(damaged(format!("its arguments are {other}"))),
        }
        if !self.kept.is_sorted_by(|a, b| a < b) || self.kept.last().is_some_and(|last| *last >= self.inputs.len()) {
            return Err(damaged("it keeps arguments that are not there"));
        }
        if self.devices == 0 || self.platforms.is_empty() {
            return Err(damaged("it names no device or platform"));
        }
        if !(5..=20).contains(&self.version) {
            let message = format!("it has the calling convention {}, which is not known", self.version);
            return Err(damaged(message));
        }
        if let Some(vjp) = &self.vjp {
            let takes: Vec<Type> = self.inputs.iter().cloned().chain(self.outputs.iter().map(Type::tangent)).collect();
            let returns: Vec<Type> = self.inputs.iter().map(Type::tangent).collect();
            if vjp.inputs != takes || vjp.outputs != returns {
                return Err(damaged(format!("its derivative takes {:?} and returns {:?}", vjp.inputs, vjp.outputs)));
            }
        }
        Ok(self)
    }

    /// How often reverse mode can be applied with the derivatives in the file.
    pub(super) fn vjp_order(&self) -> usize {
        std::iter::successors(self.vjp.as_ref(), |artifact| artifact.vjp.as_ref()).count()
    }

    /// The positional arguments, and then those with names.
    pub(super) fn arguments(&self) -> (Vec<PyTree>, Vec<(String, PyTree)>) {
        match &self.in_tree {
            PyTree::Tuple(parts) => match &parts[..] {
                [PyTree::Tuple(positional), PyTree::Dict(named)] => (positional.clone(), named.clone()),
                _ => (Vec::new(), Vec::new()),
            },
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// Why the function cannot be imported, as far as its signature says.
    pub(super) fn refusal(&self) -> Result<()> {
        if self.devices > 1 {
            let message = format!("the function was exported for {} devices together", self.devices);
            return Err(Error::new(ErrorKind::Device, message)
                .help("export it for one device, without shardings; imports can be laid out by `jit` here"));
        }
        if !self.effects.is_empty() {
            return Err(effects(&self.effects.join(", ")));
        }
        Ok(())
    }
}
