//! The von Mises distribution of angles, with concentration `kappa`.

use crate::array::{Array, ArrayLike};
use crate::numpy::{self as np, where_};
use crate::ops::met_inexact;

use super::table::functions;

functions! {
    "vonmises";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, kappa = 1.5) = -2.5299312: {
        let y = &kappa * (x.cos() - 1.0) - (2.0 * np::PI * kappa.bessel_i0e()).log();
        where_(kappa.greater(0.0), y, f64::NAN)
    };
    /// The density at `x`.
    pdf(x = 1.7, kappa = 1.5) = 0.0796645: logpdf(x, kappa).exp();
}
