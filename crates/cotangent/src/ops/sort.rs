//! Sorting.

use stablehlo::{Attr, Block, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, same_shape};
use crate::array::dtype::{DType, Kind};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::trace::frames::{bind, bind1};

use super::elementwise::rebind;
use super::gather::{Gather, GatherDimensionNumbers, GatherScatterMode};
use super::shape::{Iota, all_in_front, check_axes};

/// `sort`: sorts several operands of the same shape along a dimension, by the first `num_keys` of them.
///
/// The order is total. −0 and 0 are equal, and NaNs come last. Complex numbers are ordered by their real parts, and by
/// their imaginary parts if those are equal. As in NumPy, numbers with a NaN imaginary part come after all others, and
/// numbers with a NaN real part come after those. A stable sort keeps the order of equal elements.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Sort { dimension: 0, is_stable: true, num_keys: 1 }, &[&Array::from([3, 1, 2])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// The dimension.
    pub dimension: usize,
    /// Whether equal elements keep their order.
    pub is_stable: bool,
    /// The number of operands that are compared, in order.
    pub num_keys: usize,
}

/// Returns the elements of `x` with these indices along a dimension. No index occurs twice.
pub(super) fn take_along(x: &Array, indices: &Array, dimension: usize) -> Array {
    let shape = x.shape();
    let others: Vec<usize> = (0..shape.len()).filter(|d| *d != dimension).collect();
    let gather = Gather {
        dimension_numbers: GatherDimensionNumbers {
            collapsed_slice_dims: vec![dimension],
            start_index_map: vec![dimension],
            operand_batching_dims: others.clone(),
            start_indices_batching_dims: others,
            ..GatherDimensionNumbers::default()
        },
        slice_sizes: (0..shape.len()).map(|d| if d == dimension { 1 } else { shape[d].min(1) }).collect(),
        unique_indices: true,
        indices_are_sorted: false,
        mode: GatherScatterMode::PromiseInBounds,
        fill_value: None,
    };
    bind1(gather, &[x, &indices.expand_dims(-1)])
}

impl Primitive for Sort {
    fn name(&self) -> &'static str {
        "sort"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("dimension", self.dimension.to_string()),
            ("is_stable", boolean(self.is_stable)),
            ("num_keys", self.num_keys.to_string()),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        if self.num_keys == 0 || self.num_keys > inputs.len() {
            return Err(Error::value(format!(
                "num_keys must be between 1 and the number of operands, got {} for {} operands",
                self.num_keys,
                inputs.len()
            )));
        }
        check_axes(&[self.dimension], &inputs[0])?;
        inputs.iter().try_for_each(|x| same_shape(&inputs[0], x))?;
        Ok(inputs.iter().cloned().collect())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        // Tangents move with their elements. The original index of each element is sorted along with them.
        let iota = bind1(Iota { dtype: DType::I32, shape: x[0].aval().shape, dimension: self.dimension }, &[]);
        let stable = Sort { is_stable: true, ..self.clone() };
        let mut sorted = bind(stable, &x.iter().chain([&iota]).collect::<Vec<_>>()).into_vec();
        let origin = sorted.split_off(x.len()).swap_remove(0);
        (sorted, dx.iter().map(|t| t.as_ref().map(|t| take_along(t, &origin, self.dimension))).collect())
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let moved = all_in_front(x, axes, size);
        let prim = Sort { dimension: self.dimension + 1, ..self.clone() };
        let out = rebind(&prim, &moved.iter().collect::<Vec<_>>());
        (out.into_vec(), vec![Some(0); x.len()])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let results: Vec<Type> = outs.iter().map(Aval::mlir).collect();
        let params: Vec<Type> = inputs.iter().flat_map(|x| vec![Type::tensor(&[], x.dtype.mlir()); 2]).collect();
        let keys: Vec<DType> = inputs[..self.num_keys].iter().map(|x| x.dtype).collect();
        let mut op = cx.block.begin_op("stablehlo.sort", args, &results);
        op.region(&params, |block, args| vec![less(block, args, &keys)]);
        op.finish(&[("dimension", Attr::I64(self.dimension as i64)), ("is_stable", Attr::Bool(self.is_stable))])
            .into_iter()
            .collect()
    }
}

/// Compares lexicographically by "less than" over the keys. The arguments come in pairs.
fn less(block: &mut Block, args: &[Value], keys: &[DType]) -> Value {
    let pairs: Vec<(Value, Value, DType)> = (keys.iter().enumerate())
        .flat_map(|(i, dtype)| {
            let [a, b] = [0, 1].map(|side| parts(block, &args[2 * i + side], *dtype));
            a.into_iter().zip(b).map(|((a, dtype), (b, _))| (a, b, dtype)).collect::<Vec<_>>()
        })
        .collect();
    let flag = Type::tensor(&[], "i1");
    let mut result: Option<Value> = None;
    for (a, b, dtype) in pairs.iter().rev() {
        let compare = |block: &mut Block, direction: &'static str| {
            let ty = match dtype.kind() {
                Kind::Float => "#stablehlo<comparison_type TOTALORDER>",
                Kind::Int => "#stablehlo<comparison_type SIGNED>",
                _ => "#stablehlo<comparison_type UNSIGNED>",
            };
            let attrs = [("compare_type", Attr::Static(ty)), ("comparison_direction", Attr::Static(direction))];
            block.op1("stablehlo.compare", [a, b], &attrs, &flag)
        };
        let before = compare(block, "#stablehlo<comparison_direction LT>");
        result = Some(match result {
            None => before,
            Some(later) => {
                let equal = compare(block, "#stablehlo<comparison_direction EQ>");
                let later = block.op1("stablehlo.and", [&equal, &later], &[], &flag);
                block.op1("stablehlo.or", [&before, &later], &[], &flag)
            }
        });
    }
    match result {
        Some(result) => result,
        None => unreachable!("a sort has at least one key"),
    }
}

/// Returns the values that a key is compared by, in order.
fn parts(block: &mut Block, x: &Value, dtype: DType) -> Vec<(Value, DType)> {
    if !dtype.is_complex() {
        return vec![(total_order_key(block, x, dtype), dtype)];
    }
    let (ty, flag) = (Type::tensor(&[], dtype.real().mlir()), Type::tensor(&[], "i1"));
    let is_nan = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction NE>"))];
    let mut parts: Vec<(Value, DType)> = Vec::new();
    for part in ["stablehlo.real", "stablehlo.imag"] {
        let value = block.op1(part, [x], &[], &ty);
        let nan = block.op1("stablehlo.compare", [&value, &value], &is_nan, &flag);
        parts.insert(parts.len() / 2, (nan, DType::Bool));
        parts.push((total_order_key(block, &value, dtype.real()), dtype.real()));
    }
    parts
}

/// Maps a float to NumPy's total order: −0 becomes 0, and every NaN becomes the same positive NaN.
fn total_order_key(block: &mut Block, x: &Value, dtype: DType) -> Value {
    if !dtype.is_float() {
        return x.clone();
    }
    let (ty, flag) = (x.ty().clone(), Type::tensor(&[], "i1"));
    let compare = |block: &mut Block, y: &Value, direction: &'static str| {
        block.op1("stablehlo.compare", [x, y], &[("comparison_direction", Attr::Static(direction))], &flag)
    };
    let zero = block.splat(&ty, 0.0f32);
    let is_zero = compare(block, &zero, "#stablehlo<comparison_direction EQ>");
    let no_sign = block.op1("stablehlo.select", [&is_zero, &zero, x], &[], &ty);
    let is_nan = compare(block, x, "#stablehlo<comparison_direction NE>");
    let nan = block.splat(&ty, f32::NAN);
    block.op1("stablehlo.select", [&is_nan, &nan, &no_sign], &[], &ty)
}
