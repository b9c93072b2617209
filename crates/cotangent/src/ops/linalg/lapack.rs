//! Calls of LAPACK's routines in compiled programs.

use smallvec::SmallVec;
use stablehlo::{Attr, Value};

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::ir::lowering::{Lowering, layouts};
use crate::ir::primitive::Outputs;

/// An attribute of a routine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attribute {
    /// One of LAPACK's letters, such as the `U` of `uplo`.
    Letter(char),
    Bool(bool),
    I32(i32),
}

impl Attribute {
    fn mlir(self) -> Attr {
        Attr::Raw(match self {
            Attribute::Letter(letter) => format!("{} : ui8", u32::from(letter)),
            Attribute::Bool(value) => value.to_string(),
            Attribute::I32(value) => format!("{value} : i32"),
        })
    }
}

/// Appends a call of a LAPACK routine, in the form that JAX's programs have (`jaxlib`, `lapack_kernels.cc`). `name` is
/// that of the routine without the letter of the dtype, which is that of the first result. `column_major` has an entry
/// for each operand, and then for each result: whether its last two axes are in column-major instead of row-major
/// order.
pub(super) fn lapack(
    cx: &mut Lowering<'_>,
    name: &str,
    args: &[Value],
    attributes: &[(&str, Attribute)],
    column_major: &[bool],
    outs: &[Aval],
) -> Outputs<Value> {
    let letter = letter(outs[0].dtype);
    kernel(cx, format!("lapack_{letter}{name}_ffi"), args, attributes, column_major, outs)
}

/// Returns LAPACK's letter for a dtype.
pub(super) fn letter(dtype: DType) -> char {
    match dtype {
        DType::F32 => 's',
        DType::F64 => 'd',
        DType::C64 => 'c',
        _ => 'z',
    }
}

/// [`lapack`] for a kernel that is called by its whole name.
pub(super) fn kernel(
    cx: &mut Lowering<'_>,
    target: impl Into<String>,
    args: &[Value],
    attributes: &[(&str, Attribute)],
    column_major: &[bool],
    outs: &[Aval],
) -> Outputs<Value> {
    let order = |(rank, column_major): (usize, &bool)| {
        let mut order: SmallVec<[usize; 4]> = (0..rank).rev().collect();
        if *column_major {
            order.swap(0, 1);
        }
        order.into_iter()
    };
    let (operands, results) = column_major.split_at(args.len());
    let attrs = [
        ("api_version", Attr::I32(4)),
        (
            "backend_config",
            Attr::Dict(attributes.iter().map(|(name, value)| (name.to_string(), value.mlir())).collect()),
        ),
        ("call_target_name", Attr::Str(target.into())),
        ("operand_layouts", layouts(args.iter().map(|x| x.ty().dims().len()).zip(operands).map(order))),
        ("result_layouts", layouts(outs.iter().map(Aval::rank).zip(results).map(order))),
    ];
    let types: Vec<_> = outs.iter().map(Aval::mlir).collect();
    cx.block.op("stablehlo.custom_call", args, &attrs, &types).into_iter().collect()
}

/// Appends the choice between results and NaN where `info`, which has an element for each matrix, says that there are
/// none.
pub(super) fn or_nan<'a>(
    cx: &mut Lowering<'_>,
    info: &Value,
    results: impl IntoIterator<Item = (&'a Value, &'a Aval)>,
) -> Outputs<Value> {
    let each = Aval::new(DType::I32, info.ty().dims().iter().copied().collect::<Shape>());
    let zero = cx.splat(&each, Literal::int(DType::I32, 0));
    let equal = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction EQ>"))];
    let ok = cx.op("stablehlo.compare", &[info.clone(), zero], &equal, &each.with_dtype(DType::Bool));
    let batch: Vec<usize> = (0..each.rank()).collect();
    let chosen = results.into_iter().map(|(value, aval)| {
        let ok = cx.broadcast_in_dim(&ok, &aval.with_dtype(DType::Bool).mlir(), &batch);
        let nan = match aval.dtype.is_complex() {
            true => Scalar::Complex(f64::NAN, f64::NAN),
            false => Scalar::Float(f64::NAN),
        };
        let nan = cx.splat(aval, Literal::new(aval.dtype, nan));
        cx.op("stablehlo.select", &[ok, value.clone(), nan], &[], aval)
    });
    chosen.collect()
}

/// Appends the exchange of the last two axes. Returns the result and its type.
pub(super) fn transposed(cx: &mut Lowering<'_>, x: &Value, aval: &Aval) -> (Value, Aval) {
    let rank = aval.rank();
    let (mut order, mut shape): (Vec<usize>, Vec<usize>) = ((0..rank).collect(), aval.shape.to_vec());
    order.swap(rank - 1, rank - 2);
    shape.swap(rank - 1, rank - 2);
    let out = aval.with_shape(Shape::new(&shape));
    (cx.op("stablehlo.transpose", std::slice::from_ref(x), &[("permutation", Attr::i64s(order))], &out), out)
}
