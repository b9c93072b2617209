use std::sync::Arc;

use super::{Element, TensorType, Type, float};

/// An attribute. Cloning one copies no more than a pointer and a few words.
#[derive(Clone, Debug, PartialEq)]
pub enum Attr {
    /// `unit`: only the name matters.
    Unit,
    /// `true` and `false`.
    Bool(bool),
    /// `5 : i32`. Of a `ui64`, the bits.
    Int(i64, Element),
    /// `1.5 : f32`: the bits in the element's own format. See [`Attr::as_f64`].
    Float(u64, Element),
    /// A string, which need not be UTF-8.
    Str(Arc<[u8]>),
    /// `@name`
    Symbol(Arc<str>),
    /// A type.
    Type(Type),
    /// `[a, b]`
    Array(Arc<[Attr]>),
    /// `array<i64: 1, 2>`
    Ints(Arc<[i64]>),
    /// `array<i1: true, false>`
    Bools(Arc<[bool]>),
    /// `array<f32: 1.0>` and the like: a dense array of another element type, as a tensor with one axis. It is not a
    /// splat.
    Numbers(Arc<Dense>),
    /// `{name = value}`
    Dict(Attrs),
    /// `dense<[1, 2]> : tensor<2xi32>`
    Dense(Arc<Dense>),
    /// `#stablehlo<comparison_direction LT>`: the enumeration, `comparison_direction`, and the case, `LT`.
    Enum(Arc<str>, Arc<str>),
    /// `#stablehlo.gather<offset_dims = [0], …>` with named fields.
    Struct(Arc<Struct>),
    /// Any other attribute, as text: `#sdy.sharding<@mesh, [{"x"}]>`.
    Opaque(Arc<str>),
}

/// The elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// The type of the tensor. No axis is dynamic.
    pub ty: Arc<TensorType>,
    /// The elements in row-major order, little-endian, [`Element::size`] bytes each; of a splat, one element.
    ///
    /// A boolean is one byte, 0 or 1. An integer that is narrower than a byte is one byte, with its sign extended. A
    /// complex number is its real and then its imaginary part.
    pub data: Arc<[u8]>,
    /// Whether all elements are equal to the one that `data` holds. A tensor with one element is a splat.
    pub splat: bool,
}

/// A structured attribute of StableHLO or CHLO.
///
/// * `dot`: `lhs_batching_dimensions`, `rhs_batching_dimensions`, `lhs_contracting_dimensions`,
///   `rhs_contracting_dimensions`
/// * `gather`: `offset_dims`, `collapsed_slice_dims`, `operand_batching_dims`, `start_indices_batching_dims`,
///   `start_index_map`, `index_vector_dim`
/// * `scatter`: `update_window_dims`, `inserted_window_dims`, `input_batching_dims`, `scatter_indices_batching_dims`,
///   `scatter_dims_to_operand_dims`, `index_vector_dim`
/// * `conv`: `input_batch_dimension`, `input_feature_dimension`, `input_spatial_dimensions`, and the like for
///   `kernel_input_feature_dimension`, `kernel_output_feature_dimension`, `kernel_spatial_dimensions`,
///   `output_batch_dimension`, `output_feature_dimension`, `output_spatial_dimensions`
/// * `channel_handle`: `handle`, `type`
/// * `output_operand_alias`: `output_tuple_indices`, `operand_index`, `operand_tuple_indices`
/// * `dot_algorithm`: `lhs_precision_type`, `rhs_precision_type`, `accumulation_type`, `lhs_component_count`,
///   `rhs_component_count`, `num_primitive_operations`, `allow_imprecise_accumulation`
/// * `result_accuracy`: `atol`, `rtol`, `ulps`, `mode`
///
/// Lists of axes are [`Attr::Ints`], and an empty list is left out. Single axes and numbers are [`Attr::Int`] of `i64`,
/// and an `index_vector_dim` of 0 is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// The name, without the dialect.
    pub name: Arc<str>,
    /// The fields, sorted by name.
    pub fields: Attrs,
}

/// A name and its value.
type Entry = (Arc<str>, Attr);

/// Named attributes, sorted by name. Cloning copies a pointer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attrs(Option<Arc<[Entry]>>);

impl Attrs {
    /// Sorts entries. Of two with the same name, the later one counts.
    pub fn new(mut entries: Vec<(Arc<str>, Attr)>) -> Attrs {
        if entries.is_empty() {
            return Attrs(None);
        }
        if !entries.windows(2).all(|w| w[0].0 < w[1].0) {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.reverse();
            entries.dedup_by(|a, b| a.0 == b.0);
            entries.reverse();
        }
        Attrs(Some(entries.into()))
    }

    /// The attribute of this name.
    pub fn get(&self, name: &str) -> Option<&Attr> {
        let entries = self.entries();
        let at = entries.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        Some(&entries[at].1)
    }

    /// All of them, sorted by name.
    pub fn entries(&self) -> &[(Arc<str>, Attr)] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Their names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Attr)> {
        self.entries().iter().map(|(n, a)| (&**n, a))
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The integer of this name; see [`Attr::as_i64`].
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    /// The boolean of this name. One that is absent is false: so are all defaults of StableHLO but those of
    /// `allow_tf32` and the like, which no operation has today.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Attr::Bool(true) | Attr::Unit))
    }

    /// The list of integers of this name; empty if it is absent. See [`Attr::as_ints`].
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        match self.get(name) {
            None => Some(Vec::new()),
            Some(attr) => attr.as_ints(),
        }
    }

    /// The string of this name, if it is UTF-8.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The case of the enumeration of this name, such as `LT`.
    pub fn keyword(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Attr::Enum(_, case) => Some(case),
            _ => None,
        }
    }

    /// The fields of the structured attribute of this name.
    pub fn fields(&self, name: &str) -> Option<&Attrs> {
        match self.get(name)? {
            Attr::Struct(s) => Some(&s.fields),
            _ => None,
        }
    }
}

impl Attr {
    /// A string.
    pub fn str(text: &str) -> Attr {
        Attr::Str(text.as_bytes().into())
    }

    /// The string or symbol, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Attr::Str(bytes) => std::str::from_utf8(bytes).ok(),
            Attr::Symbol(name) => Some(name),
            _ => None,
        }
    }

    /// The integer or boolean.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Attr::Int(value, _) => Some(*value),
            Attr::Bool(b) => Some((*b).into()),
            _ => None,
        }
    }

    /// The number of an [`Attr::Float`] or [`Attr::Int`].
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Attr::Float(bits, element) => float::decode(*bits, element),
            Attr::Int(value, element) if element.is_unsigned() => Some(*value as u64 as f64),
            Attr::Int(value, _) => Some(*value as f64),
            _ => None,
        }
    }

    /// The list of integers: of a dense array, of an array of integers, or of a tensor, splats expanded up to 2¹⁶
    /// elements.
    pub fn as_ints(&self) -> Option<Vec<i64>> {
        match self {
            Attr::Ints(values) => Some(values.to_vec()),
            Attr::Bools(values) => Some(values.iter().map(|&b| b.into()).collect()),
            Attr::Array(items) => items.iter().map(Attr::as_i64).collect(),
            Attr::Dense(dense) | Attr::Numbers(dense) => dense.ints(),
            _ => None,
        }
    }
}

impl Dense {
    /// The elements as integers; splats are expanded up to 2¹⁶ elements. `None` for floating-point elements.
    pub fn ints(&self) -> Option<Vec<i64>> {
        let element = &self.ty.element;
        if !(element.is_signed() || element.is_unsigned() || *element == Element::Bool) {
            return None;
        }
        if self.splat {
            let len = self.ty.len().filter(|&n| n <= 1 << 16)?;
            return Some(vec![self.first()?; len]);
        }
        let size = element.size()?;
        Some(self.data.chunks_exact(size).map(|bytes| integer(bytes, element)).collect())
    }

    /// The first element, if it is an integer or a boolean.
    pub(super) fn first(&self) -> Option<i64> {
        let element = &self.ty.element;
        let is_int = element.is_signed() || element.is_unsigned() || *element == Element::Bool;
        let bytes = self.data.get(..element.size()?).filter(|_| is_int)?;
        Some(integer(bytes, element))
    }
}

/// The integer that up to eight bytes hold.
fn integer(bytes: &[u8], element: &Element) -> i64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let shift = 64 - 8 * bytes.len() as u32;
    let bits = i64::from_le_bytes(word);
    if element.is_signed() { bits << shift >> shift } else { bits }
}
