//! Windows, contractions, Fourier transforms and linear algebra.

use std::sync::Arc;

use cotangent::extend::primitives::{
    Cholesky, ConvDimensionNumbers, ConvGeneralDilated, Fft, FftType, TopK, TriangularSolve,
};
use cotangent::extend::primitives::{
    ReduceWindowMax, ReduceWindowMin, ReduceWindowSum, Select, SelectAndGatherAdd, SelectAndScatterAdd, Window,
};
use serde_json::Value as Json;

use super::Made;
use crate::common::{dtype, list, usizes};

/// Reads pairs of amounts before and after.
fn pairs(x: &Json) -> Vec<(i64, i64)> {
    let number = |x: &Json| x.as_i64().unwrap_or_else(|| panic!("a padding of {x}"));
    list(x).iter().map(|p| (number(&list(p)[0]), number(&list(p)[1]))).collect()
}

pub(super) fn primitive(name: &str, params: &Json) -> Made {
    let int = |key: &str| params[key].as_u64().unwrap_or_else(|| panic!("{name}: {key} in {params}")) as usize;
    let flag = |key: &str| params[key].as_bool().unwrap_or_else(|| panic!("{name}: {key} in {params}"));
    let dims = |key: &str| usizes(&params[key]);
    let window = || {
        let dimensions = dims("window_dimensions");
        let dilation = |key: &str| if params[key].is_null() { vec![1; dimensions.len()] } else { dims(key) };
        Window {
            strides: dims("window_strides"),
            padding: pairs(&params["padding"]),
            base_dilation: dilation("base_dilation"),
            window_dilation: dilation("window_dilation"),
            dimensions: dimensions.clone(),
        }
    };
    let select = || if params["select_prim"] == "ge" { Select::Ge } else { Select::Le };
    Some(Ok(match name {
        "fft" => Arc::new(Fft {
            fft_type: [FftType::Fft, FftType::Ifft, FftType::Rfft, FftType::Irfft][int("fft_type")],
            fft_lengths: dims("fft_lengths"),
        }),
        "cholesky" => Arc::new(Cholesky),
        "triangular_solve" => Arc::new(TriangularSolve {
            left_side: flag("left_side"),
            lower: flag("lower"),
            transpose_a: flag("transpose_a"),
            conjugate_a: flag("conjugate_a"),
            unit_diagonal: flag("unit_diagonal"),
        }),
        "top_k" => Arc::new(TopK { k: int("k"), axis: int("axis") }),
        "reduce_window_sum" => Arc::new(ReduceWindowSum { window: window() }),
        "reduce_window_max" => Arc::new(ReduceWindowMax { window: window() }),
        "reduce_window_min" => Arc::new(ReduceWindowMin { window: window() }),
        "select_and_gather_add" => Arc::new(SelectAndGatherAdd { select: select(), window: window() }),
        "select_and_scatter_add" => Arc::new(SelectAndScatterAdd { select: select(), window: window() }),
        "conv_general_dilated" => {
            let specs: Vec<Vec<usize>> = list(&params["dimension_numbers"]).iter().map(usizes).collect();
            let [lhs_spec, rhs_spec, out_spec] = specs.try_into().expect("three specs");
            Arc::new(ConvGeneralDilated {
                window_strides: dims("window_strides"),
                padding: pairs(&params["padding"]),
                lhs_dilation: dims("lhs_dilation"),
                rhs_dilation: dims("rhs_dilation"),
                dimension_numbers: ConvDimensionNumbers { lhs_spec, rhs_spec, out_spec },
                feature_group_count: int("feature_group_count"),
                batch_group_count: int("batch_group_count"),
                precision: None,
                preferred_element_type: params["preferred_element_type"].as_str().map(dtype),
            })
        }
        _ => return None,
    }))
}
