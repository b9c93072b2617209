//! Special functions and the rest of the elementwise ones.

use std::sync::Arc;

use cotangent::core::primitive::Primitive;
use cotangent::ops::incomplete_beta::RegularizedIncompleteBeta;
use cotangent::ops::{binary, compare, unary};
use serde_json::Value as Json;

use super::Made;

pub(super) fn primitive(name: &str, _params: &Json) -> Made {
    let made: Arc<dyn Primitive> = match name {
        "bessel_i0e" => Arc::new(unary::BesselI0e),
        "bessel_i1e" => Arc::new(unary::BesselI1e),
        "igamma" => Arc::new(binary::Igamma),
        "igammac" => Arc::new(binary::Igammac),
        "igamma_grad_a" => Arc::new(binary::IgammaGradA),
        "random_gamma_grad" => Arc::new(binary::RandomGammaGrad),
        "regularized_incomplete_beta" => Arc::new(RegularizedIncompleteBeta),
        "zeta" => Arc::new(binary::Zeta),
        "mulhi" => Arc::new(binary::MulHi),
        "eq_to" => Arc::new(compare::EqTo),
        "lt_to" => Arc::new(compare::LtTo),
        "le_to" => Arc::new(compare::LeTo),
        _ => return None,
    };
    Some(Ok(made))
}
