//! The writer of the tables that [`Artifact`](super::Artifact) reads, with the same fields.

use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};

use super::super::flatbuffer::{Draft, Field};
use super::super::pytree::PyTree;
use super::{DTYPES, Type, field, type_field};

/// The version of the calling convention: `main` takes the number of the platform first, if there are several.
const CONVENTION: u16 = 10;

/// The version of the format that JAX states, whichever it writes.
const FORMAT: u16 = 3;

impl Type {
    /// The type of keys, whose words are an array of the type `words`.
    pub(in crate::import) fn of_keys(words: &Aval, implementation: &str) -> Type {
        let dtype = match implementation {
            "threefry2x32" => "key<fry>",
            "rbg" => "key<rbg>",
            _ => "key<unsafe_rbg>",
        };
        let dims = words.shape.iter().take(words.rank().saturating_sub(1));
        Type { dtype, dims: dims.map(ToString::to_string).collect() }
    }

    /// Whether there are derivatives with respect to such arrays.
    pub(in crate::import) fn differentiable(&self) -> bool {
        self.dtype.parse::<DType>().is_ok_and(DType::is_inexact)
    }

    fn draft(&self) -> Draft<'_> {
        let dtype = DTYPES.iter().position(|name| *name == self.dtype).unwrap_or_default();
        // The kind 0 is an array, and the space 1 the memory of the device.
        let dims = Field::Strs(self.dims.iter().map(String::as_str).collect());
        Draft::new([
            (type_field::KIND, Field::U8(0)),
            (type_field::DIMS, dims),
            (type_field::DTYPE, Field::U8(dtype as u8)),
            (type_field::MEMORY, Field::U8(1)),
        ])
    }
}

/// A function that is to be written.
pub(in crate::import) struct Written {
    pub(in crate::import) name: String,
    /// The positional and the keyword arguments.
    pub(in crate::import) in_tree: PyTree,
    pub(in crate::import) inputs: Vec<Type>,
    pub(in crate::import) out_tree: PyTree,
    pub(in crate::import) outputs: Vec<Type>,
    pub(in crate::import) platforms: Vec<&'static str>,
    /// The functions of the process that the module calls, and whose names JAX does not promise to keep.
    pub(in crate::import) custom_calls: Vec<String>,
    pub(in crate::import) module: Vec<u8>,
    /// The arguments that the module takes.
    pub(in crate::import) kept: Vec<usize>,
    pub(in crate::import) vjp: Option<Box<Written>>,
}

impl Written {
    /// The bytes that `jax.export.deserialize` reads.
    pub(in crate::import) fn bytes(&self) -> Result<Vec<u8>> {
        Ok(self.draft()?.finish())
    }

    fn draft(&self) -> Result<Draft<'_>> {
        let kept = |i: &usize| {
            u16::try_from(*i).map_err(|_| {
                let message =
                    format!("the function has {} arrays as arguments; JAX's format has room for 65,536", i + 1);
                Error::new(ErrorKind::Runtime, message)
            })
        };
        let kept = self.kept.iter().map(kept).collect::<Result<Vec<u16>>>()?;
        // Types are stored once and referred to by number. JAX before 0.10 reads them where they are used.
        let mut unique: Vec<&Type> = Vec::new();
        for ty in self.inputs.iter().chain(&self.outputs) {
            if !unique.contains(&ty) {
                unique.push(ty);
            }
        }
        let numbers = |types: &[Type]| -> Vec<u32> {
            types.iter().filter_map(|ty| Some(unique.iter().position(|known| *known == ty)? as u32)).collect()
        };
        let (inputs, outputs) = (numbers(&self.inputs), numbers(&self.outputs));
        // No array has a sharding: a table without fields, or the number 0.
        let shardings = |n: usize| Field::Tables((0..n).map(|_| Draft::default()).collect());
        let none = || Field::Tables(Vec::new());
        let checks = self.custom_calls.iter().map(|target| Draft::new([(0, Field::U8(1)), (1, Field::Str(target))]));
        let mut fields = vec![
            (field::FORMAT, Field::U16(FORMAT)),
            (field::NAME, Field::Str(&self.name)),
            (field::IN_TREE, Field::Table(self.in_tree.draft())),
            (field::INPUTS, types(&self.inputs)),
            (field::OUT_TREE, Field::Table(self.out_tree.draft())),
            (field::OUTPUTS, types(&self.outputs)),
            (field::FEW_DEVICES, Field::U16(1)),
            (field::INPUT_SHARDINGS, shardings(inputs.len())),
            (field::OUTPUT_SHARDINGS, shardings(outputs.len())),
            (field::PLATFORMS, Field::Strs(self.platforms.clone())),
            (field::ORDERED_EFFECTS, none()),
            (field::OTHER_EFFECTS, none()),
            (field::UNCHECKED, Field::Tables(checks.collect())),
            (field::MODULE, Field::Bytes(&self.module)),
            (field::CONVENTION, Field::U16(CONVENTION)),
            (field::KEPT, Field::U16s(kept)),
            (field::DEVICES, Field::U32(1)),
            (field::TYPES, types(unique)),
            (field::MESHES, none()),
            (field::SHARDINGS, none()),
            (field::SHARDINGS_OF_INPUTS, Field::U32s(vec![0; inputs.len()])),
            (field::SHARDINGS_OF_OUTPUTS, Field::U32s(vec![0; outputs.len()])),
            (field::INPUT_TYPES, Field::U32s(inputs)),
            (field::OUTPUT_TYPES, Field::U32s(outputs)),
        ];
        if let Some(vjp) = &self.vjp {
            fields.push((field::VJP, Field::Table(vjp.draft()?)));
        }
        Ok(Draft::new(fields))
    }
}

fn types<'a>(types: impl IntoIterator<Item = &'a Type>) -> Field<'a> {
    Field::Tables(types.into_iter().map(Type::draft).collect())
}
