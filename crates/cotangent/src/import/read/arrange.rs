//! Operations that arrange elements, products and transforms.

use stablehlo::read::{Attr, Attrs, Op};

use super::primitives as p;
use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::Result;
use crate::ops::precision::Precision;
use crate::trace::frames::{bind, bind1};

use super::value::{Known, Val, constant};
use super::{Required, malformed, unsupported};

/// Reads an operation, if it is one of these.
pub(super) fn read(name: &str, op: &Op, x: &[Val], outs: &[Aval]) -> Result<Option<Vec<Val>>> {
    let attrs = &op.attributes;
    let result = match (name, x, outs) {
        ("constant", [], _) => match attrs.get("value") {
            Some(Attr::Dense(dense)) => constant(dense)?,
            _ => return Err(unsupported("a constant that is not an array of elements")),
        },
        ("iota" | "dynamic_iota", _, [out]) => {
            let dimension = attrs.axis("iota_dimension")?;
            let iota = bind1(p::Iota { dtype: out.dtype, shape: out.shape.clone(), dimension }, &[]);
            Val::with(iota, Known::Iota(dimension))
        }
        ("broadcast_in_dim" | "dynamic_broadcast_in_dim", [x, ..], [out]) => {
            broadcast(x, &out.shape, attrs.axes("broadcast_dimensions")?)?
        }
        ("broadcast", [x], [out]) => {
            let first = out.shape.rank().saturating_sub(x.shape.rank());
            broadcast(x, &out.shape, (first..out.shape.rank()).collect())?
        }
        ("reshape" | "dynamic_reshape", [x, ..], [out]) => reshape(x, &out.shape)?,
        ("transpose", [x], [out]) if x.is_splat() => Val::splat(x.x.clone(), &out.shape),
        ("transpose", [x], _) => Val::new(bind1(p::Transpose { permutation: attrs.axes("permutation")? }, &[&x.x])),
        ("reverse", [x], _) if x.is_splat() => x.clone(),
        ("reverse", [x], _) => Val::new(bind1(p::Rev { dims: attrs.axes("dimensions")? }, &[&x.x])),
        ("slice", [x], [out]) if x.is_splat() => Val::splat(x.x.clone(), &out.shape),
        ("slice", [x], _) => {
            let rank = x.shape.rank();
            let (start, limit) = (attrs.axes("start_indices")?, attrs.axes("limit_indices")?);
            let stride = attrs.sizes_or("strides", rank, 1)?;
            Val::new(bind1(p::Slice { start, limit, stride }, &[&x.x]))
        }
        ("concatenate", [_, ..], [out]) => concatenate(x, attrs.axis("dimension")?, out)?,
        ("pad", [x, fill], _) => {
            let rank = x.shape.rank();
            let list = |name: &str| match attrs.list(name)? {
                list if list.len() == rank => Ok(list),
                _ => Err(malformed(format!("`{name}` does not have {rank} elements"))),
            };
            let (low, high) = (list("edge_padding_low")?, list("edge_padding_high")?);
            let interior = list("interior_padding")?;
            let config = (0..rank).map(|d| (low[d], high[d], interior[d])).collect();
            Val::new(bind1(p::Pad { config }, &[&x.full(), &fill.full()]))
        }
        ("bitcast_convert", [x], [out]) if x.dtype() == out.dtype => x.clone(),
        ("bitcast_convert", [x], [out]) => {
            let prim = p::BitcastConvertType { dtype: out.dtype };
            match x.is_splat() && x.dtype().bits() == out.dtype.bits() {
                true => Val::splat(bind1(prim, &[&x.x]), &x.shape),
                false => Val::new(bind1(prim, &[&x.full()])),
            }
        }
        ("dot_general", [a, b], [out]) => Val::new(bind1(dot(attrs, a, b, out)?, &[&a.full(), &b.full()])),
        ("dot", [a, b], [out]) => {
            let contract = [vec![a.shape.rank().saturating_sub(1)], vec![0]];
            let precision = precision(attrs)?;
            let preferred_element_type = preferred(a, b, out);
            let dot = p::DotGeneral { contract, batch: [vec![], vec![]], precision, preferred_element_type };
            Val::new(bind1(dot, &[&a.full(), &b.full()]))
        }
        ("convolution", [a, b], [out]) => convolution(attrs, a, b, out)?,
        ("fft", [x], _) => {
            let fft_type = match attrs.keyword("fft_type") {
                Some("FFT") => p::FftType::Fft,
                Some("IFFT") => p::FftType::Ifft,
                Some("RFFT") => p::FftType::Rfft,
                Some("IRFFT") => p::FftType::Irfft,
                _ => return Err(malformed("a Fourier transform of no known kind")),
            };
            let fft_lengths = attrs.axes("fft_length")?;
            // The primitive takes three dimensions at most.
            if fft_lengths.len() > 3 {
                return Err(unsupported("a Fourier transform over more than three dimensions"));
            }
            Val::new(bind1(p::Fft { fft_type, fft_lengths }, &[&x.full()]))
        }
        ("optimization_barrier", [_, ..], _) => {
            let all: Vec<Array> = x.iter().map(Val::full).collect();
            let out = bind(p::OptimizationBarrier, &all.iter().collect::<Vec<_>>());
            return Ok(Some(out.into_iter().map(Val::new).collect()));
        }
        ("rng_bit_generator", [state], [_, out]) => {
            if state.shape.last() != Some(&2) {
                return Err(unsupported("a generator of random bits whose state is not two words"));
            }
            let algorithm = match attrs.keyword("rng_algorithm") {
                Some("THREE_FRY") => p::RandomAlgorithm::ThreeFry,
                Some("PHILOX") => p::RandomAlgorithm::Philox,
                _ => p::RandomAlgorithm::Default,
            };
            let prim = p::RngBitGenerator { shape: out.shape.clone(), dtype: out.dtype, algorithm };
            return Ok(Some(bind(prim, &[&state.full()]).into_iter().map(Val::new).collect()));
        }
        ("set_dimension_size", [x, size], [out]) => {
            let known = x.shape.get(attrs.axis("dimension")?).map(|n| *n as i64);
            if out.shape != x.shape || known.is_none() || size.integer() != known {
                return Err(unsupported("a size that is another one than that of the array"));
            }
            x.clone()
        }
        ("get_dimension_size", [x], _) => {
            let size = x.shape.get(attrs.axis("dimension")?).ok_or_else(|| malformed("no such dimension"))?;
            Val::new(Array::literal(Literal::int(DType::I32, *size as i64)))
        }
        ("partition_id" | "replica_id", [], [out]) => Val::new(Array::literal(Literal::int(out.dtype, 0))),
        // One device communicates with itself.
        ("all_gather" | "all_to_all" | "collective_broadcast" | "reduce_scatter" | "all_reduce", all, [_, ..])
            if all.iter().zip(outs).all(|(x, out)| x.shape == out.shape) && alone(attrs, "replica_groups") =>
        {
            return Ok(Some(all.to_vec()));
        }
        ("collective_permute", [x], _) if alone(attrs, "source_target_pairs") => {
            match attrs.ints("source_target_pairs") {
                Some(pairs) if pairs.is_empty() => Val::splat(Array::literal(Literal::int(x.dtype(), 0)), &x.shape),
                _ => x.clone(),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![result]))
}

/// Whether a list of devices has none but the first one.
fn alone(attrs: &Attrs, name: &str) -> bool {
    attrs.ints(name).is_some_and(|devices| devices.iter().all(|device| *device == 0))
}

/// Whether the second shape is the first one with a leading dimension of size one.
fn is_row(inner: &[usize], outer: &[usize]) -> bool {
    outer.first() == Some(&1) && outer[1..] == *inner
}

fn broadcast(x: &Val, shape: &Shape, dims: Vec<usize>) -> Result<Val> {
    if dims.len() != x.shape.rank() {
        return Err(malformed(format!("{} dimensions for the shape {}", dims.len(), x.shape)));
    }
    if x.is_splat() {
        let known = if x.shape == *shape { x.known.clone() } else { Known::Nothing };
        let row = (x.shape.rank() == 0 && is_row(&x.shape, shape)).then(|| Known::Row(x.x.clone()));
        return Ok(Val { known: row.unwrap_or(known), ..Val::splat(x.x.clone(), shape) });
    }
    if x.shape == *shape && dims.iter().copied().eq(0..shape.rank()) {
        return Ok(x.clone());
    }
    let row = is_row(&x.shape, shape) && dims.iter().copied().eq(1..shape.rank());
    let y = bind1(p::BroadcastInDim { shape: shape.clone(), dims }, &[&x.x]);
    Ok(Val::with(y, if row { Known::Row(x.x.clone()) } else { Known::Nothing }))
}

fn reshape(x: &Val, shape: &Shape) -> Result<Val> {
    if x.shape == *shape {
        return Ok(x.clone());
    }
    if x.shape.size() != shape.size() {
        return Err(malformed(format!("the shape {} does not have the elements of {shape}", x.shape)));
    }
    if x.is_splat() {
        let known = match &x.known {
            counter @ Known::Counter { .. } => counter.clone(),
            _ => Known::Nothing,
        };
        return Ok(Val { known, ..Val::splat(x.x.clone(), shape) });
    }
    if let Known::Row(row) = &x.known
        && row.shape() == &**shape
    {
        return Ok(Val::new(row.clone()));
    }
    let y = bind1(p::Reshape { shape: shape.clone() }, &[&x.x]);
    Ok(Val::with(y, if is_row(&x.shape, shape) { Known::Row(x.x.clone()) } else { Known::Nothing }))
}

fn concatenate(x: &[Val], dimension: usize, out: &Aval) -> Result<Val> {
    let first = &x[0];
    if x.len() == 1 {
        return Ok(first.clone());
    }
    if x.iter().all(|v| v.is_splat() && v.literal().is_some() && v.literal() == first.literal()) {
        return Ok(Val::splat(first.x.clone(), &out.shape));
    }
    let parts: Vec<Array> = x.iter().map(Val::full).collect();
    Ok(Val::new(bind1(p::Concatenate { dimension }, &parts.iter().collect::<Vec<_>>())))
}

fn precision(attrs: &Attrs) -> Result<Option<[Precision; 2]>> {
    let one = |attr: &Attr| match attr {
        Attr::Enum(_, case) => match &**case {
            "HIGH" => Ok(Precision::High),
            "HIGHEST" => Ok(Precision::Highest),
            _ => Ok(Precision::Default),
        },
        _ => Err(malformed("a precision that is none")),
    };
    match attrs.get("precision_config") {
        Some(Attr::Array(config)) if config.len() == 2 => {
            let both = [one(&config[0])?, one(&config[1])?];
            Ok((both != [Precision::Default; 2]).then_some(both))
        }
        _ => Ok(None),
    }
}

fn preferred(a: &Val, b: &Val, out: &Aval) -> Option<DType> {
    (a.dtype() != out.dtype || b.dtype() != out.dtype).then_some(out.dtype)
}

fn dot(attrs: &Attrs, a: &Val, b: &Val, out: &Aval) -> Result<p::DotGeneral> {
    let n = attrs.fields("dot_dimension_numbers").cloned().unwrap_or_default();
    Ok(p::DotGeneral {
        contract: [n.axes("lhs_contracting_dimensions")?, n.axes("rhs_contracting_dimensions")?],
        batch: [n.axes("lhs_batching_dimensions")?, n.axes("rhs_batching_dimensions")?],
        precision: precision(attrs)?,
        preferred_element_type: preferred(a, b, out),
    })
}

fn convolution(attrs: &Attrs, a: &Val, b: &Val, out: &Aval) -> Result<Val> {
    let n = attrs.fields("dimension_numbers").ok_or_else(|| malformed("a convolution without dimension numbers"))?;
    let spec = |first: &str, second: &str, spatial: &str| -> Result<Vec<usize>> {
        Ok([vec![n.axis(first)?, n.axis(second)?], n.axes(spatial)?].concat())
    };
    let lhs_spec = spec("input_batch_dimension", "input_feature_dimension", "input_spatial_dimensions")?;
    let rhs_spec =
        spec("kernel_output_feature_dimension", "kernel_input_feature_dimension", "kernel_spatial_dimensions")?;
    let out_spec = spec("output_batch_dimension", "output_feature_dimension", "output_spatial_dimensions")?;
    let spatial = rhs_spec.len() - 2;
    let groups = |name: &str| attrs.axis(name).map(|n| n.max(1));
    let conv = p::ConvGeneralDilated {
        window_strides: attrs.sizes_or("window_strides", spatial, 1)?,
        padding: attrs.pairs("padding", spatial)?,
        lhs_dilation: attrs.sizes_or("lhs_dilation", spatial, 1)?,
        rhs_dilation: attrs.sizes_or("rhs_dilation", spatial, 1)?,
        feature_group_count: groups("feature_group_count")?,
        batch_group_count: groups("batch_group_count")?,
        precision: precision(attrs)?,
        preferred_element_type: preferred(a, b, out),
        dimension_numbers: p::ConvDimensionNumbers { lhs_spec, rhs_spec: rhs_spec.clone(), out_spec },
    };
    let reversed = attrs.list("window_reversal")?;
    let dims: Vec<usize> =
        reversed.iter().zip(&rhs_spec[2..]).filter(|(flag, _)| **flag != 0).map(|(_, d)| *d).collect();
    let kernel = if dims.is_empty() { b.full() } else { bind1(p::Rev { dims }, &[&b.full()]) };
    Ok(Val::new(bind1(conv, &[&a.full(), &kernel])))
}
