//! The attributes of each operation in VHLO, where all of them are written.

use std::sync::Arc;

use super::super::bytecode::{GROUPS, PLAIN, VHLO, field_name};
use super::super::{Attr, Attrs, Element, Op, TensorType, Type, canon};
use super::{Result, Writer, fail};

/// The operations whose second version is in StableHLO 1.8.
const SECOND: &str = "all_gather all_reduce all_to_all dot_general dynamic_conv dynamic_gather gather scatter";

/// The operations whose second version takes an accuracy.
const ACCURATE: &str =
    "cbrt cosine exponential exponential_minus_one log log_plus_one logistic rsqrt sine sqrt tan tanh";

/// The name of an operation in VHLO, without the dialect.
pub(super) fn vhlo_name(name: &str, accurate: bool) -> Result<&'static str> {
    let short = match name {
        "func.call" => "call",
        "func.return" => "return",
        _ => name.strip_prefix("stablehlo.").unwrap_or(""),
    };
    let listed = |list: &str| list.split_whitespace().any(|n| n == short);
    let version = if listed(SECOND) || accurate && listed(ACCURATE) { "_v2" } else { "_v1" };
    let is = |known: &&str| known.strip_suffix(version) == Some(short);
    let found = PLAIN.split_whitespace().find(is).or_else(|| VHLO.iter().map(|row| row.0).find(is));
    match found {
        Some(found) if !short.is_empty() => Ok(found),
        _ => fail(format!("versioned StableHLO has no operation `{name}`")),
    }
}

/// Numbers of attributes, and attributes by name.
type Split = (Vec<u64>, Vec<(Arc<str>, Attr)>);

impl Writer<'_> {
    /// The attributes that the operation has in VHLO, sorted by name, and those that it need not have.
    pub(super) fn attributes_of(&mut self, op: &Op, name: &str) -> Result<Split> {
        let row = VHLO.iter().find(|row| row.0 == name).map_or("", |row| row.1);
        let mut names: Vec<&str> = row.split_whitespace().collect();
        names.sort_unstable();
        let short = op.name.strip_prefix("stablehlo.").unwrap_or(&op.name);
        let groups = || GROUPS.iter().filter(|group| group.0.contains(&short));
        let mut ids = Vec::new();
        for name in &names {
            let group = groups().find(|group| group.3.split_whitespace().any(|field| field == *name));
            let value = match group {
                Some((_, attribute, structure, _)) => {
                    field(op.attributes.fields(attribute), structure, field_name(name), op.attributes.get(attribute))?
                }
                None => match op.attributes.get(name) {
                    Some(Attr::Unit) => Attr::Bool(true),
                    Some(Attr::Int(version, _)) if *name == "api_version" => {
                        let id = self.tables.vhlo(5, |e| e.varint(*version as u32 as u64));
                        ids.push(id);
                        continue;
                    }
                    Some(value) => value.clone(),
                    None if *name == "api_version" => {
                        let id = self.tables.vhlo(5, |e| e.varint(1));
                        ids.push(id);
                        continue;
                    }
                    None => match default(short, name, op) {
                        Some(value) => value,
                        None => return fail(format!("`{}` has no attribute `{name}`", op.name)),
                    },
                },
            };
            ids.push(self.attr(&value)?);
        }
        let mut rest = op.attributes.entries().to_vec();
        rest.retain(|(name, _)| !names.contains(&&**name) && !groups().any(|group| group.1 == &**name));
        Ok((ids, rest))
    }
}

/// A field of a structured attribute, or what VHLO has in its place.
fn field(fields: Option<&Attrs>, structure: &str, name: &str, whole: Option<&Attr>) -> Result<Attr> {
    if let Some(value) = fields.and_then(|fields| fields.get(name)) {
        return Ok(value.clone());
    }
    let number = matches!(name, "handle" | "type" | "index_vector_dim") || name.ends_with("_dimension");
    match structure {
        "dot_algorithm" if fields.is_none() => Ok(Attr::Type(Type::Opaque("none".into()))),
        "dot_algorithm" => fail(format!("the algorithm of a product has no `{name}`")),
        "channel_handle" => Ok(Attr::Int(0, Element::I64)),
        _ if fields.is_none() => match whole {
            Some(other) => fail(format!("{other} in the place of a `{structure}`")),
            None => fail(format!("an operation without its `{structure}`")),
        },
        _ if number => Ok(Attr::Int(0, Element::I64)),
        _ => Ok(Attr::Ints([].into())),
    }
}

fn repeated(value: i64, rows: usize, columns: usize) -> Attr {
    let dims = vec![Some(rows as u64), Some(columns as u64)];
    let ty = Arc::new(TensorType { dims, element: Element::I64, encoding: None });
    canon::splat(&ty, value.to_le_bytes().to_vec())
}

/// The value of an attribute that is absent.
fn default(op: &str, name: &str, whole: &Op) -> Option<Attr> {
    let windows = || match op {
        "convolution" | "dynamic_conv" => {
            whole.attributes.fields("dimension_numbers")?.ints("input_spatial_dimensions").map(|axes| axes.len())
        }
        _ => whole.attributes.ints("window_dimensions").map(|sizes| sizes.len()),
    };
    let none = || Attr::Array([].into());
    Some(match (op, name) {
        (_, "window_strides" | "lhs_dilation" | "rhs_dilation" | "base_dilations" | "window_dilations") => {
            Attr::Ints(vec![1; windows()?].into())
        }
        (_, "window_reversal") => Attr::Bools(vec![false; windows()?].into()),
        ("convolution" | "reduce_window" | "select_and_scatter", "padding") => repeated(0, windows()?, 2),
        (_, "precision_config") => {
            let case = Attr::Enum("precision".into(), "DEFAULT".into());
            Attr::Array([case.clone(), case].into())
        }
        ("compare", "compare_type") => Attr::Enum("comparison_type".into(), "NOTYPE".into()),
        ("custom_call", "backend_config") if whole.attributes.int("api_version") == Some(4) => {
            Attr::Dict(Attrs::default())
        }
        (_, "backend_config" | "infeed_config" | "outfeed_config") => Attr::str(""),
        (_, "called_computations" | "operand_layouts" | "result_layouts" | "output_operand_aliases" | "layout") => {
            none()
        }
        (_, "known_expanding_dimensions" | "known_nonexpanding_dimensions") => Attr::Ints([].into()),
        ("composite", "composite_attributes") => Attr::Dict(Attrs::default()),
        ("composite", "version") => Attr::Int(0, Element::I32),
        ("sort", "dimension") => Attr::Int(-1, Element::I64),
        (_, "result_accuracy") => canon::structure("result_accuracy", Vec::new()),
        (_, "has_side_effect" | "indices_are_sorted" | "unique_indices" | "is_stable" | "is_host_transfer")
        | (_, "use_global_device_ids" | "lower") => Attr::Bool(false),
        _ => return None,
    })
}
