//! LU decompositions, pivots and tridiagonal systems.

use std::sync::Arc;

use cotangent::extend::Primitive;
use cotangent::extend::primitives::{Lu, LuPivotsToPermutation, TridiagonalSolve};
use serde_json::Value as Json;

use super::Made;

pub(super) fn primitive(name: &str, params: &Json) -> Made {
    let made: Arc<dyn Primitive> = match name {
        "lu" => Arc::new(Lu),
        "lu_pivots_to_permutation" => Arc::new(LuPivotsToPermutation {
            permutation_size: params["permutation_size"].as_u64().unwrap_or(0) as usize,
        }),
        "tridiagonal_solve" => {
            Arc::new(TridiagonalSolve { perturb_singular: params["perturb_singular"].as_bool().unwrap_or(false) })
        }
        _ => return None,
    };
    Some(Ok(made))
}
