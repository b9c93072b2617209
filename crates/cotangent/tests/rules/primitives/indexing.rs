//! Indexing: dynamic slices, gather, the scatters, and operations that split arrays.

use std::sync::Arc;

use cotangent::extend::Literal;
use cotangent::extend::primitives::{
    self, Gather, GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers, ScatterParams,
};
use serde_json::Value as Json;

use super::Made;
use crate::common::{array, scalars, usizes};

fn mode(params: &Json) -> GatherScatterMode {
    match params["mode"].as_str() {
        Some("CLIP") => GatherScatterMode::Clip,
        Some("FILL_OR_DROP") => GatherScatterMode::FillOrDrop,
        Some("PROMISE_IN_BOUNDS") => GatherScatterMode::PromiseInBounds,
        other => panic!("no such mode: {other:?}"),
    }
}

fn flag(params: &Json, key: &str) -> bool {
    params[key].as_bool().unwrap_or_else(|| panic!("{key} in {params}"))
}

/// Reads the fill value, stored as an array of rank 0.
fn fill_value(value: &Json) -> Option<Literal> {
    array(value).map(|x| Literal::new(x.dtype(), scalars(&x)[0]))
}

fn scatter_params(params: &Json) -> ScatterParams {
    let dims = |key: &str| usizes(&params["dimension_numbers"][key]);
    ScatterParams {
        dimension_numbers: ScatterDimensionNumbers {
            update_window_dims: dims("update_window_dims"),
            inserted_window_dims: dims("inserted_window_dims"),
            scatter_dims_to_operand_dims: dims("scatter_dims_to_operand_dims"),
            operand_batching_dims: dims("operand_batching_dims"),
            scatter_indices_batching_dims: dims("scatter_indices_batching_dims"),
        },
        indices_are_sorted: flag(params, "indices_are_sorted"),
        unique_indices: flag(params, "unique_indices"),
        mode: mode(params),
    }
}

pub(super) fn primitive(name: &str, params: &Json) -> Made {
    let dims = |key: &str| usizes(&params["dimension_numbers"][key]);
    Some(Ok(match name {
        "squeeze" => Arc::new(primitives::Squeeze { dimensions: usizes(&params["dimensions"]) }),
        "split" => Arc::new(primitives::Split {
            sizes: usizes(&params["sizes"]),
            axis: params["axis"].as_u64().unwrap_or_else(|| panic!("axis in {params}")) as usize,
        }),
        "optimization_barrier" => Arc::new(primitives::OptimizationBarrier),
        "dynamic_slice" => Arc::new(primitives::DynamicSlice { slice_sizes: usizes(&params["slice_sizes"]) }),
        "dynamic_update_slice" => Arc::new(primitives::DynamicUpdateSlice),
        "gather" => Arc::new(Gather {
            dimension_numbers: GatherDimensionNumbers {
                offset_dims: dims("offset_dims"),
                collapsed_slice_dims: dims("collapsed_slice_dims"),
                start_index_map: dims("start_index_map"),
                operand_batching_dims: dims("operand_batching_dims"),
                start_indices_batching_dims: dims("start_indices_batching_dims"),
            },
            slice_sizes: usizes(&params["slice_sizes"]),
            unique_indices: flag(params, "unique_indices"),
            indices_are_sorted: flag(params, "indices_are_sorted"),
            mode: mode(params),
            fill_value: fill_value(&params["fill_value"]),
        }),
        "scatter" => Arc::new(primitives::Scatter(scatter_params(params))),
        "scatter-add" => Arc::new(primitives::ScatterAdd(scatter_params(params))),
        "scatter-sub" => Arc::new(primitives::ScatterSub(scatter_params(params))),
        "scatter-mul" => Arc::new(primitives::ScatterMul(scatter_params(params))),
        "scatter-min" => Arc::new(primitives::ScatterMin(scatter_params(params))),
        "scatter-max" => Arc::new(primitives::ScatterMax(scatter_params(params))),
        _ => return None,
    }))
}
