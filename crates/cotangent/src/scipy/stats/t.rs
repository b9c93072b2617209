//! Student's t distribution with `df` degrees of freedom.

use crate::array::{Array, ArrayLike};
use crate::numpy as np;
use crate::ops::met_inexact;

use super::table::{functions, standard};

functions! {
    "t";
    /// The logarithm of the density at `x`.
    logpdf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = -1.9206934: {
        let (half, more) = (&df / 2.0, (&df + 1.0) / 2.0);
        let normalizer = half.lgamma() + 0.5 * (np::PI * &df).log() + scale.log() - more.lgamma();
        -(normalizer + more * (standard(&x, &loc, &scale).square() / df).log1p())
    };
    /// The density at `x`.
    pdf(x = 1.7, df = 3.0, loc = 0.5, scale = 2.0) = 0.1465053: logpdf(x, df, loc, scale).exp();
}
