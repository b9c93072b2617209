//! Convolutions.

use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::ops::conv::{ConvDimensionNumbers, ConvGeneralDilated, dilated};
use crate::ops::precision::{Precision, default_precision};
use crate::ops::slice::Rev;
use crate::trace::frames::bind1;

/// The padding of the spatial dimensions.
///
/// ```
/// use cotangent::lax::Padding;
/// let padding: Padding = [(1, 1), (0, 2)].into();
/// assert_eq!(padding, Padding::Explicit(vec![(1, 1), (0, 2)]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Pads so that there are ⌈size / stride⌉ windows. If the amount is odd, one more element is added after than
    /// before.
    Same,
    /// Like `Same`, but if the amount is odd, one more element is added before than after.
    SameLower,
    /// No padding.
    Valid,
    /// The amount before and after each dimension. A negative amount removes elements.
    Explicit(Vec<(i64, i64)>),
}

impl<const N: usize> From<[(i64, i64); N]> for Padding {
    fn from(pads: [(i64, i64); N]) -> Padding {
        Padding::Explicit(pads.to_vec())
    }
}

impl From<Vec<(i64, i64)>> for Padding {
    fn from(pads: Vec<(i64, i64)>) -> Padding {
        Padding::Explicit(pads)
    }
}

impl Padding {
    /// Returns the amounts before and after each dimension, for windows of these sizes.
    pub(crate) fn pairs(&self, sizes: &[usize], windows: &[usize], strides: &[usize]) -> Vec<(i64, i64)> {
        let lower = match self {
            Padding::Explicit(pads) => return pads.clone(),
            Padding::Valid => return vec![(0, 0); windows.len()],
            Padding::Same => false,
            Padding::SameLower => true,
        };
        (sizes.iter().zip(windows).zip(strides))
            .map(|((n, window), stride)| {
                let reach = n.div_ceil(*stride).saturating_sub(1) * stride + window;
                let pad = reach.saturating_sub(*n) as i64;
                if lower { (pad - pad / 2, pad / 2) } else { (pad / 2, pad - pad / 2) }
            })
            .collect()
    }
}

/// The options of [`conv_general_dilated`].
///
/// ```
/// use cotangent::lax::{Conv, Padding};
/// let options = Conv::new([2, 2], Padding::Same).dimension_numbers("NHWC", "HWIO", "NHWC");
/// assert_eq!(options, options.clone());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct Conv {
    pub(super) window_strides: Vec<usize>,
    pub(super) padding: Padding,
    pub(super) lhs_dilation: Option<Vec<usize>>,
    pub(super) rhs_dilation: Option<Vec<usize>>,
    pub(super) dimension_numbers: Option<[String; 3]>,
    pub(super) feature_group_count: usize,
    pub(super) batch_group_count: usize,
    pub(super) precision: Option<[Precision; 2]>,
    pub(super) preferred_element_type: Option<DType>,
}

impl Conv {
    /// Creates options with these strides and this padding. There is no dilation and there are no groups, and the
    /// dimensions are `NCHW`, `OIHW`, `NCHW`.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let options = lax::Conv::new([2], [(1, 0)]);
    /// assert_eq!(lax::conv_general_dilated(np::ones([1, 1, 7]), np::ones([4, 1, 2]), &options).shape(), [1, 4, 4]);
    /// ```
    pub fn new(window_strides: impl IntoIterator<Item = usize>, padding: impl Into<Padding>) -> Conv {
        Conv {
            window_strides: window_strides.into_iter().collect(),
            padding: padding.into(),
            lhs_dilation: None,
            rhs_dilation: None,
            dimension_numbers: None,
            feature_group_count: 1,
            batch_group_count: 1,
            precision: None,
            preferred_element_type: None,
        }
    }

    /// Sets the dilation of the input: a convolution with fractional strides.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let options = lax::Conv::new([1], lax::Padding::Valid).lhs_dilation([2]);
    /// assert!(np::ones([1, 1, 7]).ndim() == 3 && options != lax::Conv::new([1], lax::Padding::Valid));
    /// ```
    pub fn lhs_dilation(mut self, dilation: impl IntoIterator<Item = usize>) -> Conv {
        self.lhs_dilation = Some(dilation.into_iter().collect());
        self
    }

    /// Sets the dilation of the kernel: a dilated ("atrous") convolution.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let options = lax::Conv::new([1], lax::Padding::Valid).rhs_dilation([3]);
    /// assert_eq!(lax::conv_general_dilated(np::ones([1, 1, 7]), np::ones([4, 1, 2]), &options).shape(), [1, 4, 4]);
    /// ```
    pub fn rhs_dilation(mut self, dilation: impl IntoIterator<Item = usize>) -> Conv {
        self.rhs_dilation = Some(dilation.into_iter().collect());
        self
    }

    /// Sets the meaning of the dimensions of input, kernel and result. `N` is the batch and `C` the feature dimension;
    /// `O` and `I` are the output and input features of the kernel. The other letters are spatial dimensions and must
    /// be the same in all three.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let options = lax::Conv::new([1, 1], lax::Padding::Same).dimension_numbers("NHWC", "HWIO", "NHWC");
    /// let y = lax::conv_general_dilated(np::ones([1, 8, 8, 3]), np::ones([5, 5, 3, 16]), &options);
    /// assert_eq!(y.shape(), [1, 8, 8, 16]);
    /// assert_eq!(np::max(y).item::<f32>(), 75.0);
    /// ```
    pub fn dimension_numbers(mut self, lhs: &str, rhs: &str, out: &str) -> Conv {
        self.dimension_numbers = Some([lhs, rhs, out].map(str::to_string));
        self
    }

    /// Sets the number of groups of features. Each group has its own part of the kernel's output features.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let depthwise = lax::Conv::new([1], lax::Padding::Valid).feature_group_count(3);
    /// assert_eq!(lax::conv_general_dilated(np::ones([1, 3, 7]), np::ones([6, 1, 2]), &depthwise).shape(), [1, 6, 6]);
    /// ```
    pub fn feature_group_count(mut self, count: usize) -> Conv {
        self.feature_group_count = count;
        self
    }

    /// Sets the number of groups of the batch. Each group has its own part of the kernel's output features.
    ///
    /// ```
    /// use cotangent::{lax, numpy as np};
    /// let options = lax::Conv::new([1], lax::Padding::Valid).batch_group_count(2);
    /// assert_eq!(lax::conv_general_dilated(np::ones([4, 3, 7]), np::ones([6, 3, 2]), &options).shape(), [2, 6, 6]);
    /// ```
    pub fn batch_group_count(mut self, count: usize) -> Conv {
        self.batch_group_count = count;
        self
    }

    /// Sets the precision of products, on devices that have a choice.
    ///
    /// ```
    /// use cotangent::lax::{Conv, Padding, Precision};
    /// let exact = Conv::new([1], Padding::Same).precision(Precision::Highest);
    /// assert_ne!(exact, Conv::new([1], Padding::Same));
    /// ```
    pub fn precision(mut self, precision: Precision) -> Conv {
        self.precision = Some([precision; 2]);
        self
    }

    /// Sets the dtype in which products are summed, which is the dtype of the result.
    ///
    /// ```
    /// use cotangent::{DType, lax, numpy as np};
    /// let options = lax::Conv::new([1], lax::Padding::Valid).preferred_element_type(DType::I32);
    /// let ones = |shape: [usize; 3]| np::ones(shape).astype(DType::I8);
    /// assert_eq!(lax::conv_general_dilated(ones([1, 1, 7]), ones([1, 1, 2]), &options).dtype(), DType::I32);
    /// ```
    pub fn preferred_element_type(mut self, dtype: DType) -> Conv {
        self.preferred_element_type = Some(dtype);
        self
    }
}

/// Returns the dimension numbers that letters describe.
#[track_caller]
pub(super) fn numbers(letters: Option<&[String; 3]>, lhs: &Array, rhs: &Array) -> ConvDimensionNumbers {
    let (rank, shapes) = (lhs.ndim(), || format!("of {} and {}", lhs.aval(), rhs.aval()));
    if rhs.ndim() != rank || rank < 2 {
        raise(Error::shape(format!(
            "convolution: operands must have the same number of dimensions, at least two, got {} and {}",
            lhs.aval(),
            rhs.aval()
        )));
    }
    let Some(letters) = letters else { return ConvDimensionNumbers::plain(rank) };
    let spatial: Vec<char> = letters[1].chars().filter(|c| !"OI".contains(*c)).collect();
    let [lhs_spec, rhs_spec, out_spec] = [("NC", 0), ("OI", 1), ("NC", 2)].map(|(special, i)| {
        let text = &letters[i];
        let places: Option<Vec<usize>> =
            special.chars().chain(spatial.iter().copied()).map(|c| text.chars().position(|d| c == d)).collect();
        let each_once = |places: &Vec<usize>| {
            let mut sorted = places.clone();
            sorted.sort_unstable();
            text.chars().count() == rank && sorted.into_iter().eq(0..rank)
        };
        places.filter(each_once).ok_or_else(|| {
            Error::value(format!("dimension numbers {letters:?} do not name the {rank} dimensions {}", shapes()))
                .help("each must contain the letters of its two special dimensions once, and the same spatial letters")
        })
    });
    ConvDimensionNumbers { lhs_spec: lhs_spec.or_raise(), rhs_spec: rhs_spec.or_raise(), out_spec: out_spec.or_raise() }
}

fn pick(x: &Array, spec: &[usize]) -> Vec<usize> {
    spec[2..].iter().map(|d| x.shape()[*d]).collect()
}

/// Returns the convolution of an input with a kernel: the sum of the products of each window of the input and the
/// kernel, for each output feature. The kernel is not reversed.
///
/// The operands must have the same dtype. The dtype and layout of the result are [options](Conv).
///
/// ```
/// use cotangent::{Array, lax};
/// let x = Array::from([1.0f32, 2.0, 4.0, 8.0]).reshape([1, 1, 4]);
/// let kernel = Array::from([-1.0f32, 1.0]).reshape([1, 1, 2]);
/// let y = lax::conv_general_dilated(&x, &kernel, &lax::Conv::new([1], lax::Padding::Valid));
/// assert_eq!(y.to_vec::<f32>(), [1.0, 2.0, 4.0]);
/// ```
///
/// # Panics
/// If shapes, dtypes or options do not fit together, or padding by name is combined with a dilated input.
#[track_caller]
pub fn conv_general_dilated(lhs: impl ArrayLike, rhs: impl ArrayLike, options: &Conv) -> Array {
    let (lhs, rhs) = (lhs.to_array(), rhs.to_array());
    let dimension_numbers = numbers(options.dimension_numbers.as_ref(), &lhs, &rhs);
    general(&lhs, &rhs, options, dimension_numbers)
}

#[track_caller]
pub(super) fn general(lhs: &Array, rhs: &Array, options: &Conv, dimension_numbers: ConvDimensionNumbers) -> Array {
    let ones = || vec![1; lhs.ndim() - 2];
    let lhs_dilation = options.lhs_dilation.clone().unwrap_or_else(ones);
    let rhs_dilation = options.rhs_dilation.clone().unwrap_or_else(ones);
    if !matches!(options.padding, Padding::Explicit(_)) && lhs_dilation.iter().any(|d| *d != 1) {
        raise(
            Error::value("named padding is not supported for a dilated input")
                .help("set the padding in numbers, or use `conv_transpose`"),
        );
    }
    let kernel = pick(rhs, &dimension_numbers.rhs_spec);
    let windows: Vec<usize> = kernel.iter().zip(&rhs_dilation).map(|(k, d)| dilated(*k, *d)).collect();
    let padding = options.padding.pairs(&pick(lhs, &dimension_numbers.lhs_spec), &windows, &options.window_strides);
    let conv = ConvGeneralDilated {
        window_strides: options.window_strides.clone(),
        padding,
        lhs_dilation,
        rhs_dilation,
        dimension_numbers,
        feature_group_count: options.feature_group_count,
        batch_group_count: options.batch_group_count,
        precision: options.precision.or_else(|| default_precision().map(|p| [p; 2])),
        preferred_element_type: options.preferred_element_type,
    };
    bind1(conv, &[lhs, rhs])
}

/// Returns the convolution of an `NCHW` input with an `OIHW` kernel, for any number of spatial dimensions.
///
/// ```
/// use cotangent::{lax, numpy as np};
/// let y = lax::conv(np::ones([1, 3, 8, 8]), np::ones([16, 3, 5, 5]), [2, 2], lax::Padding::Same);
/// assert_eq!(y.shape(), [1, 16, 4, 4]);
/// assert_eq!(np::max(y).item::<f32>(), 75.0);
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit together.
#[track_caller]
pub fn conv(
    lhs: impl ArrayLike,
    rhs: impl ArrayLike,
    window_strides: impl IntoIterator<Item = usize>,
    padding: Padding,
) -> Array {
    conv_general_dilated(lhs, rhs, &Conv::new(window_strides, padding))
}

/// [`conv`] with dilation of the input and the kernel.
///
/// ```
/// use cotangent::{lax, numpy as np};
/// let (x, kernel) = (np::ones([1, 3, 8]), np::ones([16, 3, 2]));
/// let y = lax::conv_with_general_padding(x, kernel, [1], [(1, 1)].into(), [1], [4]);
/// assert_eq!(y.shape(), [1, 16, 6]);
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit together.
#[track_caller]
pub fn conv_with_general_padding(
    lhs: impl ArrayLike,
    rhs: impl ArrayLike,
    window_strides: impl IntoIterator<Item = usize>,
    padding: Padding,
    lhs_dilation: impl IntoIterator<Item = usize>,
    rhs_dilation: impl IntoIterator<Item = usize>,
) -> Array {
    let options = Conv::new(window_strides, padding).lhs_dilation(lhs_dilation).rhs_dilation(rhs_dilation);
    conv_general_dilated(lhs, rhs, &options)
}

/// Returns the padding of a transposed convolution that restores the input shape of a convolution with padding by name.
fn transposed_padding(kernel: usize, stride: usize, same: bool) -> (i64, i64) {
    let (k, s) = (kernel as i64, stride as i64);
    let (total, before) = if same {
        let total = k + s - 2;
        (total, if s > k - 1 { k - 1 } else { (total + 1) / 2 })
    } else {
        (k + s - 2 + (k - s).max(0), k - 1)
    };
    (before, total - before)
}

/// Returns the transposed ("fractionally strided") convolution. A convolution with the same strides and the same
/// padding by name would map the shape of the result to the shape of `lhs`.
///
/// The strides in the options are the dilation of the input here. The default dimension numbers are `NHWC`, `HWIO`,
/// `NHWC`, or `NHC`, `HIO`, `NHC` for one spatial dimension. If `transpose_kernel` is true, the kernel is that of the
/// convolution to be transposed: its spatial dimensions are reversed and its features exchanged.
///
/// ```
/// use cotangent::{lax, numpy as np};
/// let up = lax::Conv::new([2, 2], lax::Padding::Same);
/// let y = lax::conv_transpose(np::ones([1, 4, 4, 1]), np::ones([2, 2, 1, 3]), &up, false);
/// assert_eq!(y.shape(), [1, 8, 8, 3]);
/// assert_eq!(y.to_vec::<f32>(), vec![1.0; 8 * 8 * 3]);
/// ```
///
/// # Panics
/// If shapes, dtypes or options do not fit together, or an option is not supported here: groups, the dilation of the
/// input, [`Padding::SameLower`].
#[track_caller]
pub fn conv_transpose(lhs: impl ArrayLike, rhs: impl ArrayLike, options: &Conv, transpose_kernel: bool) -> Array {
    let (lhs, mut rhs) = (lhs.to_array(), rhs.to_array());
    if options.lhs_dilation.is_some() || options.feature_group_count != 1 || options.batch_group_count != 1 {
        raise(
            Error::value("conv_transpose supports neither groups nor input dilation")
                .help("use `conv_general_dilated`"),
        );
    }
    let defaults = || {
        let spatial = match lhs.ndim() {
            2 => "",
            3 => "H",
            4 => "HW",
            5 => "HWD",
            _ => raise(Error::shape(format!("there are no default dimension numbers for {}", lhs.aval()))),
        };
        [format!("N{spatial}C"), format!("{spatial}IO"), format!("N{spatial}C")]
    };
    let letters = options.dimension_numbers.clone().unwrap_or_else(defaults);
    let dimension_numbers = numbers(Some(&letters), &lhs, &rhs);
    let spatial = lhs.ndim() - 2;
    let dilation = options.rhs_dilation.clone().unwrap_or_else(|| vec![1; spatial]);
    let same = match &options.padding {
        Padding::Same => Some(true),
        Padding::Valid => Some(false),
        Padding::SameLower => raise(Error::value("conv_transpose does not support `Padding::SameLower`")),
        Padding::Explicit(_) => None,
    };
    let kernel = pick(&rhs, &dimension_numbers.rhs_spec);
    let padding = match (same, &options.padding) {
        (None, explicit) => explicit.clone(),
        (Some(same), _) => (kernel.iter().zip(&dilation).zip(&options.window_strides))
            .map(|((k, d), s)| transposed_padding(dilated(*k, *d), *s, same))
            .collect::<Vec<_>>()
            .into(),
    };
    if transpose_kernel {
        let spec = &dimension_numbers.rhs_spec;
        let mut order: Vec<usize> = (0..rhs.ndim()).collect();
        order.swap(spec[0], spec[1]);
        rhs = bind1(Rev { dims: spec[2..].to_vec() }, &[&rhs]).permute(&order);
    }
    let options = Conv {
        window_strides: vec![1; spatial],
        padding,
        lhs_dilation: Some(options.window_strides.clone()),
        ..options.clone()
    };
    general(&lhs, &rhs, &options, dimension_numbers)
}
