//! Constructs primitives from their names and JAX's parameters: those of `primitives.json` here, other families in
//! files of their own.

mod decompositions;
mod indexing;
mod linalg_lu;
mod special;
mod windows;

use std::sync::Arc;

use cotangent::extend::{Primitive, primitives};
use serde_json::Value as Json;

use crate::common::{dtype, list, usizes};

/// The result of a family's constructor: `None` if the primitive is not of this family.
type Made = Option<Result<Arc<dyn Primitive>, String>>;

/// Returns the primitive that JAX calls `name`, with these parameters.
///
/// # Errors
/// Returns a message about what this crate does not support.
pub(crate) fn primitive(name: &str, params: &Json) -> Result<Arc<dyn Primitive>, String> {
    macro_rules! units {
        ($($T:ident $name:literal),* $(,)?) => {
            match name {
                $($name => return Ok(Arc::new(primitives::$T)),)*
                _ => {}
            }
        };
    }
    units! {
        Cbrt "cbrt", Ceil "ceil", Cos "cos", Cosh "cosh", Acos "acos",
        Acosh "acosh", Asin "asin", Asinh "asinh", Atan "atan", Atanh "atanh",
        Digamma "digamma", Erf "erf", Erfc "erfc", ErfInv "erf_inv", Exp "exp",
        Exp2 "exp2", Expm1 "expm1", Floor "floor", Lgamma "lgamma", Log "log",
        Log1p "log1p", Logistic "logistic", Rsqrt "rsqrt", Sign "sign", Sin "sin",
        Sinh "sinh", Sqrt "sqrt", Square "square", Tan "tan", Tanh "tanh",
        Neg "neg", Abs "abs", IsFinite "is_finite",
        Not "not", PopulationCount "population_count", Clz "clz",
        Add "add", Sub "sub", Mul "mul", Div "div", Rem "rem",
        Max "max", Min "min", Pow "pow", Polygamma "polygamma", Atan2 "atan2",
        NextAfter "nextafter", And "and", Or "or", Xor "xor",
        ShiftLeft "shift_left", ShiftRightLogical "shift_right_logical",
        ShiftRightArithmetic "shift_right_arithmetic",
        Eq "eq", Ne "ne", Lt "lt", Le "le", Gt "gt", Ge "ge",
        SelectN "select_n", Clamp "clamp",
        Real "real", Imag "imag", Conj "conj", Complex "complex",
        Copy "copy", StopGradient "stop_gradient", Threefry2x32 "threefry2x32",
    }
    if let Some(made) = indexing::primitive(name, params)
        .or_else(|| windows::primitive(name, params))
        .or_else(|| special::primitive(name, params))
        .or_else(|| linalg_lu::primitive(name, params))
        .or_else(|| decompositions::primitive(name, params))
    {
        return made;
    }
    let int = |key: &str| params[key].as_i64().unwrap_or_else(|| panic!("{name}: {key} in {params}"));
    let flag = |key: &str| params[key].as_bool().unwrap_or_else(|| panic!("{name}: {key} in {params}"));
    let dims = |key: &str| usizes(&params[key]);
    let ty = |key: &str| dtype(params[key].as_str().unwrap_or_else(|| panic!("{name}: {key} in {params}")));
    let axis = || int("axis") as usize;
    Ok(match name {
        "round" => Arc::new(primitives::Round { to_even: int("rounding_method") == 1 }),
        "integer_pow" => Arc::new(primitives::IntegerPow { y: int("y") as i32 }),
        "convert_element_type" => Arc::new(primitives::ConvertElementType { dtype: ty("new_dtype"), weak: false }),
        "bitcast_convert_type" => Arc::new(primitives::BitcastConvertType { dtype: ty("new_dtype") }),
        "reduce_precision" => Arc::new(primitives::ReducePrecision {
            exponent_bits: int("exponent_bits") as u8,
            mantissa_bits: int("mantissa_bits") as u8,
        }),
        "broadcast_in_dim" => Arc::new(primitives::BroadcastInDim {
            shape: dims("shape").into_iter().collect(),
            dims: dims("broadcast_dimensions"),
        }),
        "reshape" => Arc::new(primitives::Reshape { shape: dims("new_sizes").into_iter().collect() }),
        "transpose" => Arc::new(primitives::Transpose { permutation: dims("permutation") }),
        "rev" => Arc::new(primitives::Rev { dims: dims("dimensions") }),
        "concatenate" => Arc::new(primitives::Concatenate { dimension: int("dimension") as usize }),
        "pad" => Arc::new(primitives::Pad {
            config: list(&params["padding_config"])
                .iter()
                .map(|c| {
                    let part = |i: usize| list(c)[i].as_i64().unwrap_or_else(|| panic!("padding {c}"));
                    (part(0), part(1), part(2))
                })
                .collect(),
        }),
        "slice" => {
            let start = dims("start_indices");
            let stride = if params["strides"].is_null() { vec![1; start.len()] } else { dims("strides") };
            Arc::new(primitives::Slice { start, limit: dims("limit_indices"), stride })
        }
        "iota" => Arc::new(primitives::Iota {
            dtype: ty("dtype"),
            shape: dims("shape").into_iter().collect(),
            dimension: int("dimension") as usize,
        }),
        "reduce_sum" => Arc::new(primitives::ReduceSum { axes: dims("axes") }),
        "reduce_prod" => Arc::new(primitives::ReduceProd { axes: dims("axes") }),
        "reduce_max" => Arc::new(primitives::ReduceMax { axes: dims("axes") }),
        "reduce_min" => Arc::new(primitives::ReduceMin { axes: dims("axes") }),
        "reduce_and" => Arc::new(primitives::ReduceAnd { axes: dims("axes") }),
        "reduce_or" => Arc::new(primitives::ReduceOr { axes: dims("axes") }),
        "reduce_xor" => Arc::new(primitives::ReduceXor { axes: dims("axes") }),
        "argmax" => Arc::new(primitives::ArgMax { axis: dims("axes")[0], index_dtype: ty("index_dtype") }),
        "argmin" => Arc::new(primitives::ArgMin { axis: dims("axes")[0], index_dtype: ty("index_dtype") }),
        "cumsum" => Arc::new(primitives::CumSum { axis: axis(), reverse: flag("reverse") }),
        "cumprod" => Arc::new(primitives::CumProd { axis: axis(), reverse: flag("reverse") }),
        "cummax" => Arc::new(primitives::CumMax { axis: axis(), reverse: flag("reverse") }),
        "cummin" => Arc::new(primitives::CumMin { axis: axis(), reverse: flag("reverse") }),
        "name" => {
            Arc::new(cotangent::extend::primitives::Name { name: params["name"].as_str().unwrap_or_default().into() })
        }
        "cumlogsumexp" => Arc::new(primitives::CumLogSumExp { axis: axis(), reverse: flag("reverse") }),
        "sort" => Arc::new(primitives::Sort {
            dimension: int("dimension") as usize,
            is_stable: flag("is_stable"),
            num_keys: int("num_keys") as usize,
        }),
        "dot_general" => {
            let numbers = list(&params["dimension_numbers"]);
            let pair = |i: usize| [usizes(&list(&numbers[i])[0]), usizes(&list(&numbers[i])[1])];
            let preferred = params["preferred_element_type"].as_str().map(dtype);
            Arc::new(primitives::DotGeneral {
                preferred_element_type: preferred,
                ..primitives::DotGeneral::new(pair(0), pair(1))
            })
        }
        _ => return Err(format!("the primitive `{name}`")),
    })
}
