//! Convolutions.

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, same_dtype};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, Result, raise};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::dot::{check_preferred, preferred_param};
use super::elementwise::{bilinear_jvp, rebind1};
use super::precision::{Precision, precision_config, precision_param};
use super::slice::Rev;

/// The role of each dimension of the arrays: two special dimensions first, then the spatial ones.
///
/// ```
/// use cotangent::extend::primitives::ConvDimensionNumbers;
/// let numbers = ConvDimensionNumbers::plain(4);
/// assert_eq!(numbers.lhs_spec, [0, 1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConvDimensionNumbers {
    /// The dimensions of the input: batch, feature, spatial.
    pub lhs_spec: Vec<usize>,
    /// The dimensions of the kernel: output feature, input feature, spatial.
    pub rhs_spec: Vec<usize>,
    /// The dimensions of the result: batch, feature, spatial.
    pub out_spec: Vec<usize>,
}

impl ConvDimensionNumbers {
    /// Returns `NCHW`, `OIHW` and `NCHW` for any number of spatial dimensions.
    ///
    /// ```
    /// use cotangent::extend::primitives::ConvDimensionNumbers;
    /// assert_eq!(ConvDimensionNumbers::plain(3).rhs_spec, [0, 1, 2]);
    /// ```
    #[must_use]
    pub fn plain(rank: usize) -> ConvDimensionNumbers {
        let spec: Vec<usize> = (0..rank).collect();
        ConvDimensionNumbers { lhs_spec: spec.clone(), rhs_spec: spec.clone(), out_spec: spec }
    }

    fn specs(&self) -> [&Vec<usize>; 3] {
        [&self.lhs_spec, &self.rhs_spec, &self.out_spec]
    }
}

impl std::fmt::Display for ConvDimensionNumbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [lhs, rhs, out] = self.specs().map(|s| tuple(s));
        write!(f, "ConvDimensionNumbers(lhs_spec={lhs}, rhs_spec={rhs}, out_spec={out})")
    }
}

/// `conv_general_dilated`: multiplies windows of the input by a kernel and sums the products, for each output feature.
///
/// ```
/// use cotangent::extend::bind1;
/// use cotangent::extend::primitives::{ConvDimensionNumbers, ConvGeneralDilated};
/// use cotangent::prelude::*;
/// let conv = ConvGeneralDilated {
///     window_strides: vec![1],
///     padding: vec![(0, 0)],
///     lhs_dilation: vec![1],
///     rhs_dilation: vec![1],
///     dimension_numbers: ConvDimensionNumbers::plain(3),
///     feature_group_count: 1,
///     batch_group_count: 1,
///     precision: None,
///     preferred_element_type: None,
/// };
/// let x = Array::from([1.0f32, 2.0, 4.0]).reshape([1, 1, 3]);
/// let difference = Array::from([-1.0f32, 1.0]).reshape([1, 1, 2]);
/// assert_eq!(bind1(conv, &[&x, &difference]).to_vec::<f32>(), [1.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeneralDilated {
    /// The step of the window along each spatial dimension.
    pub window_strides: Vec<usize>,
    /// The padding with zeros before and after each spatial dimension. Negative numbers crop.
    pub padding: Vec<(i64, i64)>,
    /// The distance between neighboring elements of the input after dilation. 1 means no dilation.
    pub lhs_dilation: Vec<usize>,
    /// The distance between neighboring elements of the kernel after dilation.
    pub rhs_dilation: Vec<usize>,
    /// The role of each dimension.
    pub dimension_numbers: ConvDimensionNumbers,
    /// The number of groups that the features are split into. Each is convolved with its own part of the kernel.
    pub feature_group_count: usize,
    /// The number of groups that the batch is split into. Each is convolved with its own part of the kernel.
    pub batch_group_count: usize,
    /// The precision of products, on devices that have a choice.
    pub precision: Option<[Precision; 2]>,
    /// The dtype of the result, if it differs from that of the operands.
    pub preferred_element_type: Option<DType>,
}

/// The error for a negative padding that is larger than a dimension of `x`.
pub(super) fn negative_size(padding: impl std::fmt::Display, dimension: usize, x: &Aval) -> Error {
    Error::shape(format!("padding {padding} makes the size of dimension {dimension} of {x} negative"))
}

/// Returns the size of a dimension after dilation.
pub(crate) fn dilated(size: usize, dilation: usize) -> usize {
    if size == 0 { 0 } else { 1 + dilation * (size - 1) }
}

/// Returns the number of windows that fit in a dimension.
pub(crate) fn strided(size: usize, window: usize, stride: usize) -> usize {
    if size < window { 0 } else { 1 + (size - window) / stride }
}

/// Merges dimension `from` into dimension `into` of the remaining ones, as the slowest-varying part.
fn merged(x: &Array, from: usize, into: usize) -> Array {
    let mut order: Vec<usize> = (0..x.ndim()).filter(|d| *d != from).collect();
    let mut shape: Vec<usize> = order.iter().map(|d| x.shape()[*d]).collect();
    shape[into] *= x.shape()[from];
    order.insert(into, from);
    x.permute(&order).reshape(shape)
}

/// Splits dimension `dim` in two. The first has size `outer`.
fn split(x: &Array, dim: usize, outer: usize) -> Array {
    let mut shape = x.shape().to_vec();
    shape[dim] /= outer;
    shape.insert(dim, outer);
    x.reshape(shape)
}

impl ConvGeneralDilated {
    /// Returns the spatial sizes of input, kernel and result after dilation. The result is dilated by the strides.
    fn dilated_sizes(&self, lhs: &[usize], rhs: &[usize], out: &[usize]) -> Vec<[i64; 3]> {
        let numbers = &self.dimension_numbers;
        (0..self.window_strides.len())
            .map(|i| {
                let size = |shape: &[usize], spec: &[usize], by: &[usize]| dilated(shape[spec[i + 2]], by[i]) as i64;
                [
                    size(lhs, &numbers.lhs_spec, &self.lhs_dilation),
                    size(rhs, &numbers.rhs_spec, &self.rhs_dilation),
                    size(out, &numbers.out_spec, &self.window_strides),
                ]
            })
            .collect()
    }

    /// Returns the cotangent of the input: the cotangent of the result, convolved with the reversed kernel.
    fn lhs_cotangent(&self, ct: &Array, lhs: &Aval, rhs: &Array) -> Array {
        let numbers = &self.dimension_numbers;
        let groups = self.feature_group_count.max(self.batch_group_count);
        let (out_feature, in_feature) = (numbers.rhs_spec[0], numbers.rhs_spec[1]);
        // The two feature dimensions of the kernel are swapped, and its groups move with them.
        let kernel = match groups {
            1 => rhs.clone(),
            _ => merged(&split(rhs, out_feature, groups), out_feature, in_feature),
        };
        let mut rhs_spec = numbers.rhs_spec.clone();
        rhs_spec.swap(0, 1);
        let sizes = self.dilated_sizes(&lhs.shape, rhs.shape(), ct.shape());
        let padding = (sizes.iter().zip(&self.padding))
            .map(|([x, k, y], (low, _))| {
                let before = k - low - 1;
                (before, x + k - 1 - y - before)
            })
            .collect();
        let conv = ConvGeneralDilated {
            window_strides: self.lhs_dilation.clone(),
            padding,
            lhs_dilation: self.window_strides.clone(),
            dimension_numbers: ConvDimensionNumbers {
                lhs_spec: numbers.out_spec.clone(),
                rhs_spec,
                out_spec: numbers.lhs_spec.clone(),
            },
            feature_group_count: groups,
            batch_group_count: 1,
            ..self.clone()
        };
        let kernel = bind1(Rev { dims: numbers.rhs_spec[2..].to_vec() }, &[&kernel]).in_dtype(ct.dtype());
        let out = bind1(conv, &[ct, &kernel]).in_dtype(lhs.dtype);
        match self.batch_group_count {
            1 => out,
            n => merged(&split(&out, numbers.lhs_spec[1], n), numbers.lhs_spec[1], numbers.lhs_spec[0]),
        }
    }

    /// Returns the cotangent of the kernel: the input convolved with the cotangent of the result, with batch and
    /// features swapped.
    fn rhs_cotangent(&self, ct: &Array, lhs: &Array, rhs: &Aval) -> Tangent {
        if ct.size() == 0 {
            // The kernel of this convolution would be empty.
            return None;
        }
        let swapped = |spec: &[usize]| {
            let mut spec = spec.to_vec();
            spec.swap(0, 1);
            spec
        };
        let numbers = &self.dimension_numbers;
        let sizes = self.dilated_sizes(lhs.shape(), &rhs.shape, ct.shape());
        let padding =
            sizes.iter().zip(&self.padding).map(|([x, k, y], (low, _))| (*low, y - x + k - low - 1)).collect();
        let conv = ConvGeneralDilated {
            window_strides: self.rhs_dilation.clone(),
            padding,
            rhs_dilation: self.window_strides.clone(),
            dimension_numbers: ConvDimensionNumbers {
                lhs_spec: swapped(&numbers.lhs_spec),
                rhs_spec: swapped(&numbers.out_spec),
                out_spec: swapped(&numbers.rhs_spec),
            },
            // Groups of features become groups of the batch, and vice versa.
            feature_group_count: self.batch_group_count,
            batch_group_count: self.feature_group_count,
            ..self.clone()
        };
        Some(bind1(conv, &[&lhs.in_dtype(ct.dtype()), ct]).in_dtype(rhs.dtype))
    }
}

/// Checks that `size` is a multiple of the number of groups, `parts`.
fn check_groups(what: &str, parts: usize, size: usize, of: &str, x: &Aval, y: &Aval) -> Result<()> {
    if parts == 0 || !size.is_multiple_of(parts) {
        return Err(Error::shape(format!(
            "{what}={parts} must divide the number of {of}, which is {size} for {x} and {y}"
        )));
    }
    Ok(())
}

impl Primitive for ConvGeneralDilated {
    fn name(&self) -> &'static str {
        "conv_general_dilated"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let pads: Vec<String> = self.padding.iter().map(|(lo, hi)| format!("({lo}, {hi})")).collect();
        vec![
            ("batch_group_count", self.batch_group_count.to_string()),
            ("dimension_numbers", self.dimension_numbers.to_string()),
            ("feature_group_count", self.feature_group_count.to_string()),
            ("lhs_dilation", tuple(&self.lhs_dilation)),
            ("padding", tuple(&pads)),
            ("precision", precision_param(self.precision)),
            ("preferred_element_type", preferred_param(self.preferred_element_type)),
            ("rhs_dilation", tuple(&self.rhs_dilation)),
            ("window_strides", tuple(&self.window_strides)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, k) = (&inputs[0], &inputs[1]);
        same_dtype(x, k)?;
        let rank = x.rank();
        if k.rank() != rank || rank < 2 {
            return Err(Error::shape(format!(
                "operands must have the same number of dimensions, at least two, got {x} and {k}"
            )));
        }
        for spec in self.dimension_numbers.specs() {
            let mut sorted = spec.clone();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..rank) {
                return Err(Error::value(format!(
                    "{} must name each dimension of {x} and {k} once",
                    self.dimension_numbers
                )));
            }
        }
        let spatial = rank - 2;
        for (what, n) in [
            ("window_strides", self.window_strides.len()),
            ("padding", self.padding.len()),
            ("lhs_dilation", self.lhs_dilation.len()),
            ("rhs_dilation", self.rhs_dilation.len()),
        ] {
            if n != spatial {
                return Err(Error::shape(format!(
                    "{what} has {n} entries, but {x} and {k} have {spatial} spatial dimensions"
                )));
            }
        }
        if [&self.window_strides, &self.lhs_dilation, &self.rhs_dilation].iter().any(|v| v.contains(&0)) {
            return Err(Error::value("strides and dilations must be at least 1"));
        }
        let size = |aval: &Aval, spec: &[usize], i: usize| aval.shape[spec[i]];
        let numbers = &self.dimension_numbers;
        let (batch, features) = (size(x, &numbers.lhs_spec, 0), size(x, &numbers.lhs_spec, 1));
        let (outs, ins) = (size(k, &numbers.rhs_spec, 0), size(k, &numbers.rhs_spec, 1));
        let (fgc, bgc) = (self.feature_group_count, self.batch_group_count);
        check_groups("feature_group_count", fgc, features, "input features", x, k)?;
        check_groups("feature_group_count", fgc, outs, "output features", x, k)?;
        check_groups("batch_group_count", bgc, batch, "batch elements", x, k)?;
        check_groups("batch_group_count", bgc, outs, "output features", x, k)?;
        if fgc > 1 && bgc > 1 {
            return Err(Error::value(format!(
                "feature_group_count={fgc} and batch_group_count={bgc} cannot both be greater than 1"
            )));
        }
        if features / fgc != ins {
            return Err(Error::shape(format!(
                "the kernel {k} takes {ins} input features, but {x} has {features} in {fgc} group(s)"
            ))
            .help("the feature dimension is the second, unless dimension_numbers name another"));
        }
        if let Some(preferred) = self.preferred_element_type {
            check_preferred(x.dtype, preferred)?;
        }
        let mut shape = vec![0; rank];
        shape[numbers.out_spec[0]] = batch / bgc;
        shape[numbers.out_spec[1]] = outs;
        for i in 0..spatial {
            let (low, high) = self.padding[i];
            let padded = dilated(size(x, &numbers.lhs_spec, i + 2), self.lhs_dilation[i]) as i64 + low + high;
            if padded < 0 {
                return Err(negative_size(format_args!("({low}, {high})"), numbers.lhs_spec[i + 2], x));
            }
            let window = dilated(size(k, &numbers.rhs_spec, i + 2), self.rhs_dilation[i]);
            shape[numbers.out_spec[i + 2]] = strided(padded as usize, window, self.window_strides[i]);
        }
        let dtype = self.preferred_element_type.unwrap_or(x.dtype);
        Ok([Aval::new(dtype, Shape::new(&shape)).with_weak_type(x.weak_type && k.weak_type)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        bilinear_jvp(self, x, dx)
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = &ct[0] else { return vec![None, None] };
        match inputs {
            [Operand::Linear(lhs), Operand::Known(rhs)] => vec![Some(self.lhs_cotangent(ct, lhs, rhs)), None],
            [Operand::Known(lhs), Operand::Linear(rhs)] => vec![None, self.rhs_cotangent(ct, lhs, rhs)],
            _ => raise(missing_rule(self.name(), "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let (lhs, rhs) = (&x[0], &x[1]);
        let ConvDimensionNumbers { lhs_spec, rhs_spec, out_spec } = &self.dimension_numbers;
        let groups = self.feature_group_count.max(self.batch_group_count);
        if size == 0 {
            // An empty batch cannot be merged into another dimension.
            let aval = |x: &Array, axis: Option<usize>| match axis {
                Some(axis) => x.aval().with_shape(x.aval().shape.remove(&[axis])),
                None => x.aval(),
            };
            let out = match self.infer(&[aval(lhs, axes[0]), aval(rhs, axes[1])]) {
                Ok(mut outs) => outs.swap_remove(0),
                Err(error) => raise(error),
            };
            return (vec![super::zeros(out.shape.insert(0, 0), out.dtype)], vec![Some(0)]);
        }
        match (axes[0], axes[1]) {
            (Some(a), Some(b)) => {
                // There is one group for each element of the batch, times the existing groups.
                let mut conv = self.clone();
                let lhs = if self.batch_group_count > 1 {
                    conv.batch_group_count *= size;
                    merged(lhs, a, lhs_spec[0])
                } else {
                    conv.feature_group_count *= size;
                    merged(lhs, a, lhs_spec[1])
                };
                let out = bind1(conv, &[&lhs, &merged(rhs, b, rhs_spec[0])]);
                (vec![split(&out, out_spec[1], size)], vec![Some(out_spec[1])])
            }
            (Some(a), None) => {
                let lhs = match self.batch_group_count {
                    1 => merged(lhs, a, lhs_spec[0]),
                    n => merged_in_groups(lhs, a, lhs_spec[0], n),
                };
                let out = rebind1(self, &[&lhs, rhs]);
                (vec![split(&out, out_spec[0], size)], vec![Some(out_spec[0])])
            }
            (None, Some(b)) if groups == 1 => {
                let out = rebind1(self, &[lhs, &merged(rhs, b, rhs_spec[0])]);
                (vec![split(&out, out_spec[1], size)], vec![Some(out_spec[1])])
            }
            (None, Some(b)) => {
                let out = rebind1(self, &[lhs, &merged_in_groups(rhs, b, rhs_spec[0], groups)]);
                // The features of the result are groups of batches. The batch is moved in front of the groups.
                let out = split(&split(&out, out_spec[1], groups), out_spec[1] + 1, size);
                (vec![merged(&out, out_spec[1], out_spec[1] + 1)], vec![Some(out_spec[1])])
            }
            (None, None) => (vec![rebind1(self, &[lhs, rhs])], vec![None]),
        }
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let (lhs, rhs) = (&args[0], &args[1]);
        if !outs[0].dtype.is_inexact() && !cx.routes().integer_convolutions {
            return [self.lower_in_parts(cx, args, inputs, &outs[0])].into();
        }
        if !inputs[0].dtype.is_complex() {
            return [self.lower_real(cx, lhs, rhs, &outs[0])].into();
        }
        // A complex convolution is three real ones (Gauss), as in JAX on the CPU.
        let real = |aval: &Aval| aval.with_dtype(aval.dtype.real());
        let [x, y, out] = [real(&inputs[0]), real(&inputs[1]), real(&outs[0])];
        let part =
            |cx: &mut Lowering<'_>, op: &str, of: &Value, aval: &Aval| cx.op(op, std::slice::from_ref(of), &[], aval);
        let (a, b) = (part(cx, "stablehlo.real", lhs, &x), part(cx, "stablehlo.imag", lhs, &x));
        let (c, d) = (part(cx, "stablehlo.real", rhs, &y), part(cx, "stablehlo.imag", rhs, &y));
        let sum = cx.op("stablehlo.add", &[a.clone(), b.clone()], &[], &x);
        let less = cx.op("stablehlo.subtract", &[d.clone(), c.clone()], &[], &y);
        let more = cx.op("stablehlo.add", &[c.clone(), d], &[], &y);
        let first = self.lower_real(cx, &sum, &c, &out);
        let second = self.lower_real(cx, &a, &less, &out);
        let third = self.lower_real(cx, &b, &more, &out);
        let re = cx.op("stablehlo.subtract", &[first.clone(), third], &[], &out);
        let im = cx.op("stablehlo.add", &[first, second], &[], &out);
        [cx.op("stablehlo.complex", &[re, im], &[], &outs[0])].into()
    }
}

/// Like [`merged`], but below the outermost `groups` of dimension `into`.
fn merged_in_groups(x: &Array, from: usize, into: usize, groups: usize) -> Array {
    let x = split(x, into + usize::from(from <= into), groups);
    let x = merged(&x, from + usize::from(into < from), into + 1);
    merged(&x, into, into)
}

impl ConvGeneralDilated {
    /// Appends a convolution of integers as convolutions of `f64`, modulo 2ᵇ for b bits. The operands are split into parts
    /// of so few bits that every sum is exact.
    fn lower_in_parts(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], out: &Aval) -> Value {
        let kernel = &inputs[1].shape;
        let products = kernel.size() / kernel[self.dimension_numbers.rhs_spec[0]].max(1);
        let bits = out.dtype.bits();
        let width = ((53 - (usize::BITS - products.leading_zeros()) as usize) / 2).min(16);
        let count = bits.div_ceil(width);
        let parts = |cx: &mut Lowering<'_>, x: &Value, aval: &Aval| -> Vec<Value> {
            let (wide, float) = (aval.with_dtype(DType::I64), aval.with_dtype(DType::F64));
            let x = cx.op("stablehlo.convert", std::slice::from_ref(x), &[], &wide);
            let mask = cx.splat(&wide, Literal::int(DType::I64, (1 << width) - 1));
            let part = |i: usize| {
                let places = cx.splat(&wide, Literal::int(DType::I64, (i * width) as i64));
                let part = cx.op("stablehlo.shift_right_logical", &[x.clone(), places], &[], &wide);
                let part = cx.op("stablehlo.and", &[part, mask.clone()], &[], &wide);
                cx.op("stablehlo.convert", &[part], &[], &float)
            };
            (0..count).map(part).collect()
        };
        let [lhs, rhs] = [0, 1].map(|i| parts(cx, &args[i], &inputs[i]));
        let (wide, float) = (out.with_dtype(DType::I64), out.with_dtype(DType::F64));
        let mut sum = cx.splat(&wide, Literal::int(DType::I64, 0));
        // What is shifted by all bits or more does not count.
        let pairs = (0..count).flat_map(|i| (0..count - i).map(move |j| (i, j)));
        for (i, j) in pairs {
            let term = self.lower_real(cx, &lhs[i], &rhs[j], &float);
            let term = cx.op("stablehlo.convert", &[term], &[], &wide);
            let places = cx.splat(&wide, Literal::int(DType::I64, ((i + j) * width) as i64));
            let term = cx.op("stablehlo.shift_left", &[term, places], &[], &wide);
            sum = cx.op("stablehlo.add", &[sum, term], &[], &wide);
        }
        cx.op("stablehlo.convert", &[sum], &[], out)
    }

    fn lower_real(&self, cx: &mut Lowering<'_>, lhs: &Value, rhs: &Value, out: &Aval) -> Value {
        let spatial = self.window_strides.len();
        let layout = |spec: &[usize], names: [&str; 2]| {
            let name = |d: usize| match spec.iter().position(|s| *s == d) {
                Some(i) if i < 2 => names[i].to_string(),
                Some(i) => (i - 2).to_string(),
                None => unreachable!("`infer` checks the dimension numbers"),
            };
            (0..spec.len()).map(name).collect::<Vec<_>>().join(", ")
        };
        let numbers = &self.dimension_numbers;
        let numbers = format!(
            "#stablehlo.conv<[{}]x[{}]->[{}]>",
            layout(&numbers.lhs_spec, ["b", "f"]),
            layout(&numbers.rhs_spec, ["o", "i"]),
            layout(&numbers.out_spec, ["b", "f"])
        );
        let pads = self.padding.iter().flat_map(|(lo, hi)| [*lo, *hi]);
        let attrs = [
            ("batch_group_count", Attr::I64(self.batch_group_count as i64)),
            ("dimension_numbers", Attr::Raw(numbers)),
            ("feature_group_count", Attr::I64(self.feature_group_count as i64)),
            ("lhs_dilation", Attr::i64s(self.lhs_dilation.iter().copied())),
            ("padding", Attr::dense(&Type::tensor(&[spatial, 2], "i64"), pads)),
            ("precision_config", precision_config(self.precision)),
            ("rhs_dilation", Attr::i64s(self.rhs_dilation.iter().copied())),
            ("window_strides", Attr::i64s(self.window_strides.iter().copied())),
        ];
        cx.op("stablehlo.convolution", &[lhs.clone(), rhs.clone()], &attrs, out)
    }
}
