//! The QR and singular value decompositions.

use std::sync::Arc;

use cotangent::extend::primitives::{Geqp3, Geqrf, HouseholderProduct, Ormqr, Qr, Svd, SvdAlgorithm};
use serde_json::Value as Json;

use super::Made;

pub(super) fn primitive(name: &str, params: &Json) -> Made {
    let flag = |key: &str| params[key].as_bool().unwrap_or_else(|| panic!("{name}: {key} in {params}"));
    Some(Ok(match name {
        "geqrf" => Arc::new(Geqrf),
        "geqp3" => Arc::new(Geqp3),
        "householder_product" => Arc::new(HouseholderProduct),
        "ormqr" => Arc::new(Ormqr { left: flag("left"), transpose: flag("transpose") }),
        "qr" => Arc::new(Qr { pivoting: flag("pivoting"), full_matrices: flag("full_matrices") }),
        "svd" => Arc::new(Svd {
            full_matrices: flag("full_matrices"),
            compute_uv: flag("compute_uv"),
            algorithm: SvdAlgorithm::Default,
        }),
        _ => return None,
    }))
}
