//! Normalization over a batch: operations of their own in StableHLO, and formulas here.

use stablehlo::read::Op;

use crate::array::Array;
use crate::error::Result;

use super::malformed;
use super::value::Val;

/// Reads a normalization, if the operation is one.
pub(super) fn read(name: &str, op: &Op, x: &[Val]) -> Result<Option<Vec<Val>>> {
    let Some(kind) = name.strip_prefix("batch_norm_") else { return Ok(None) };
    let epsilon = op.attributes.get("epsilon").and_then(|value| value.as_f64());
    let epsilon = epsilon.ok_or_else(|| malformed("a normalization without `epsilon`"))?;
    let rank = x.first().map_or(0, |x| x.shape.rank());
    let feature = op.attributes.int("feature_index").and_then(|axis| usize::try_from(axis).ok());
    let feature = feature.filter(|axis| *axis < rank).ok_or_else(|| malformed("a normalization over no axis"))?;
    let x: Vec<Array> = x.iter().map(Val::full).collect();
    let others: Vec<usize> = (0..rank).filter(|axis| *axis != feature).collect();
    let wide = |of_features: &Array| {
        let mut shape = vec![1; rank];
        shape[feature] = of_features.size();
        of_features.reshape(shape)
    };
    let count = x[0].size() as f64 / x[0].shape()[feature].max(1) as f64;
    let mean = |x: &Array| x.sum_axes(&others) / count;
    let deviation = |variance: &Array| (wide(variance) + epsilon).sqrt();
    let results = match (kind, &x[..]) {
        ("inference", [x, scale, offset, mean, variance]) => {
            vec![(x - wide(mean)) / deviation(variance) * wide(scale) + wide(offset)]
        }
        ("training", [x, scale, offset]) => {
            let mu = mean(x);
            let centered = x - wide(&mu);
            let variance = mean(&centered.square());
            vec![centered / deviation(&variance) * wide(scale) + wide(offset), mu, variance]
        }
        ("grad", [x, scale, mu, variance, ct]) => {
            let (centered, deviation) = (x - wide(mu), deviation(variance));
            let normalized = &centered / &deviation;
            let (of_scale, of_offset) = ((ct * &normalized).sum_axes(&others), ct.sum_axes(&others));
            let rest = (wide(&of_offset) + normalized * wide(&of_scale)) / count;
            vec![(ct - rest) * wide(scale) / deviation, of_scale, of_offset]
        }
        _ => return Err(malformed(format!("`{name}` of {} operands", x.len()))),
    };
    Ok(Some(results.into_iter().map(Val::new).collect()))
}
