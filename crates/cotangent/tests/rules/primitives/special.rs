//! Special functions and the other elementwise primitives.

use std::sync::Arc;

use cotangent::extend::primitives::RegularizedIncompleteBeta;
use cotangent::extend::{Primitive, primitives};
use serde_json::Value as Json;

use super::Made;

pub(super) fn primitive(name: &str, _params: &Json) -> Made {
    let made: Arc<dyn Primitive> = match name {
        "bessel_i0e" => Arc::new(primitives::BesselI0e),
        "bessel_i1e" => Arc::new(primitives::BesselI1e),
        "igamma" => Arc::new(primitives::Igamma),
        "igammac" => Arc::new(primitives::Igammac),
        "igamma_grad_a" => Arc::new(primitives::IgammaGradA),
        "random_gamma_grad" => Arc::new(primitives::RandomGammaGrad),
        "regularized_incomplete_beta" => Arc::new(RegularizedIncompleteBeta),
        "zeta" => Arc::new(primitives::Zeta),
        "mulhi" => Arc::new(primitives::MulHi),
        "eq_to" => Arc::new(primitives::EqTo),
        "lt_to" => Arc::new(primitives::LtTo),
        "le_to" => Arc::new(primitives::LeTo),
        _ => return None,
    };
    Some(Ok(made))
}
