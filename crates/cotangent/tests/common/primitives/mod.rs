//! Primitives from their names and JAX's parameters: those of `primitives.json` here, other families in files of
//! their own.

mod indexing;
mod special;
mod windows;

use std::sync::Arc;

use cotangent::core::primitive::Primitive;
use cotangent::ops::{
    binary, compare, complex, convert, dot, polygamma, pow, reduce, shape, sort, stop_gradient, threefry, unary,
};
use serde_json::Value as Json;

use super::{dtype, list, usizes};

/// What a family makes of a name: nothing if the primitive is not of this family.
type Made = Option<Result<Arc<dyn Primitive>, String>>;

/// The primitive that JAX calls `name`, with these parameters.
///
/// # Errors
/// Says what this crate does not have yet.
pub fn primitive(name: &str, params: &Json) -> Result<Arc<dyn Primitive>, String> {
    macro_rules! units {
        ($($($module:ident::$T:ident)* $name:literal),* $(,)?) => {
            match name {
                $($name => return Ok(Arc::new($($module::$T)*)),)*
                _ => {}
            }
        };
    }
    units! {
        unary::Cbrt "cbrt", unary::Ceil "ceil", unary::Cos "cos", unary::Cosh "cosh", unary::Acos "acos",
        unary::Acosh "acosh", unary::Asin "asin", unary::Asinh "asinh", unary::Atan "atan", unary::Atanh "atanh",
        unary::Digamma "digamma", unary::Erf "erf", unary::Erfc "erfc", unary::ErfInv "erf_inv", unary::Exp "exp",
        unary::Exp2 "exp2", unary::Expm1 "expm1", unary::Floor "floor", unary::Lgamma "lgamma", unary::Log "log",
        unary::Log1p "log1p", unary::Logistic "logistic", unary::Rsqrt "rsqrt", unary::Sign "sign", unary::Sin "sin",
        unary::Sinh "sinh", unary::Sqrt "sqrt", unary::Square "square", unary::Tan "tan", unary::Tanh "tanh",
        unary::Neg "neg", unary::Abs "abs", unary::IsFinite "is_finite",
        unary::Not "not", unary::PopulationCount "population_count", unary::Clz "clz",
        binary::Add "add", binary::Sub "sub", binary::Mul "mul", binary::Div "div", binary::Rem "rem",
        binary::Max "max", binary::Min "min", pow::Pow "pow", polygamma::Polygamma "polygamma", binary::Atan2 "atan2",
        binary::NextAfter "nextafter", binary::And "and", binary::Or "or", binary::Xor "xor",
        binary::ShiftLeft "shift_left", binary::ShiftRightLogical "shift_right_logical",
        binary::ShiftRightArithmetic "shift_right_arithmetic",
        compare::Eq "eq", compare::Ne "ne", compare::Lt "lt", compare::Le "le", compare::Gt "gt", compare::Ge "ge",
        compare::SelectN "select_n", compare::Clamp "clamp",
        complex::Real "real", complex::Imag "imag", complex::Conj "conj", complex::Complex "complex",
        shape::Copy "copy", stop_gradient::StopGradient "stop_gradient", threefry::Threefry2x32 "threefry2x32",
    }
    if let Some(made) = indexing::primitive(name, params)
        .or_else(|| windows::primitive(name, params))
        .or_else(|| special::primitive(name, params))
    {
        return made;
    }
    let int = |key: &str| params[key].as_i64().unwrap_or_else(|| panic!("{name}: {key} in {params}"));
    let flag = |key: &str| params[key].as_bool().unwrap_or_else(|| panic!("{name}: {key} in {params}"));
    let dims = |key: &str| usizes(&params[key]);
    let ty = |key: &str| dtype(params[key].as_str().unwrap_or_else(|| panic!("{name}: {key} in {params}")));
    let axis = || int("axis") as usize;
    Ok(match name {
        "round" => Arc::new(unary::Round { to_even: int("rounding_method") == 1 }),
        "integer_pow" => Arc::new(unary::IntegerPow { y: int("y") as i32 }),
        "convert_element_type" => Arc::new(convert::ConvertElementType { dtype: ty("new_dtype"), weak: false }),
        "bitcast_convert_type" => Arc::new(convert::BitcastConvertType { dtype: ty("new_dtype") }),
        "reduce_precision" => Arc::new(convert::ReducePrecision {
            exponent_bits: int("exponent_bits") as u8,
            mantissa_bits: int("mantissa_bits") as u8,
        }),
        "broadcast_in_dim" => Arc::new(shape::BroadcastInDim {
            shape: dims("shape").into_iter().collect(),
            dims: dims("broadcast_dimensions"),
        }),
        "reshape" => Arc::new(shape::Reshape { shape: dims("new_sizes").into_iter().collect() }),
        "transpose" => Arc::new(shape::Transpose { permutation: dims("permutation") }),
        "rev" => Arc::new(shape::Rev { dims: dims("dimensions") }),
        "concatenate" => Arc::new(shape::Concatenate { dimension: int("dimension") as usize }),
        "pad" => Arc::new(shape::Pad {
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
            Arc::new(shape::Slice { start, limit: dims("limit_indices"), stride })
        }
        "iota" => Arc::new(shape::Iota {
            dtype: ty("dtype"),
            shape: dims("shape").into_iter().collect(),
            dimension: int("dimension") as usize,
        }),
        "reduce_sum" => Arc::new(reduce::ReduceSum { axes: dims("axes") }),
        "reduce_prod" => Arc::new(reduce::ReduceProd { axes: dims("axes") }),
        "reduce_max" => Arc::new(reduce::ReduceMax { axes: dims("axes") }),
        "reduce_min" => Arc::new(reduce::ReduceMin { axes: dims("axes") }),
        "reduce_and" => Arc::new(reduce::ReduceAnd { axes: dims("axes") }),
        "reduce_or" => Arc::new(reduce::ReduceOr { axes: dims("axes") }),
        "reduce_xor" => Arc::new(reduce::ReduceXor { axes: dims("axes") }),
        "argmax" => Arc::new(reduce::ArgMax { axis: dims("axes")[0], index_dtype: ty("index_dtype") }),
        "argmin" => Arc::new(reduce::ArgMin { axis: dims("axes")[0], index_dtype: ty("index_dtype") }),
        "cumsum" => Arc::new(reduce::CumSum { axis: axis(), reverse: flag("reverse") }),
        "cumprod" => Arc::new(reduce::CumProd { axis: axis(), reverse: flag("reverse") }),
        "cummax" => Arc::new(reduce::CumMax { axis: axis(), reverse: flag("reverse") }),
        "cummin" => Arc::new(reduce::CumMin { axis: axis(), reverse: flag("reverse") }),
        "name" => Arc::new(cotangent::ops::name::Name { name: params["name"].as_str().unwrap_or_default().into() }),
        "cumlogsumexp" => Arc::new(reduce::CumLogSumExp { axis: axis(), reverse: flag("reverse") }),
        "sort" => Arc::new(sort::Sort {
            dimension: int("dimension") as usize,
            is_stable: flag("is_stable"),
            num_keys: int("num_keys") as usize,
        }),
        "dot_general" => {
            let numbers = list(&params["dimension_numbers"]);
            let pair = |i: usize| [usizes(&list(&numbers[i])[0]), usizes(&list(&numbers[i])[1])];
            let preferred = params["preferred_element_type"].as_str().map(dtype);
            Arc::new(dot::DotGeneral { preferred_element_type: preferred, ..dot::DotGeneral::new(pair(0), pair(1)) })
        }
        _ => return Err(format!("the primitive `{name}`")),
    })
}
