//! The windows of convolutions as arrays.

use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::conv::ConvDimensionNumbers;
use crate::ops::dot::DotGeneral;
use crate::ops::precision::default_precision;
use crate::ops::shape::Iota;
use crate::trace::frames::bind1;

use super::conv::{Conv, general, numbers};

/// Returns the windows of an input, each of shape `filter_shape`, as the features of the result: the elements of the
/// first input feature's window, then those of the next one. The result has the shape of a convolution with a kernel of
/// this shape.
///
/// The options are those of [`conv_general_dilated`](super::conv_general_dilated), without groups. `filter_shape` and the
/// elements of a window are in the order in which the kernel's spatial dimensions are named.
///
/// ```
/// use cotangent::{Array, lax};
/// let x = Array::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 1, 4]);
/// let y = lax::conv_general_dilated_patches(x, [2], &lax::Conv::new([1], lax::Padding::Valid));
/// assert_eq!((y.shape(), y.to_vec::<f32>()), (&[1, 2, 3][..], vec![1.0, 2.0, 3.0, 2.0, 3.0, 4.0]));
/// ```
///
/// # Panics
/// If shapes or options do not fit together, or there are groups.
#[track_caller]
pub fn conv_general_dilated_patches(
    lhs: impl ArrayLike,
    filter_shape: impl IntoIterator<Item = usize>,
    options: &Conv,
) -> Array {
    let lhs = lhs.to_array();
    let window: Vec<usize> = filter_shape.into_iter().collect();
    patches(&lhs, &window, options).0
}

/// Returns the patches, and the dimension numbers of their convolution.
#[track_caller]
fn patches(lhs: &Array, window: &[usize], options: &Conv) -> (Array, ConvDimensionNumbers) {
    if options.feature_group_count != 1 || options.batch_group_count != 1 {
        raise(Error::value("windows of a convolution have no groups").help("leave the group counts at one"));
    }
    let shape: Vec<usize> = [1, 1].into_iter().chain(window.iter().copied()).collect();
    let numbers = numbers(options.dimension_numbers.as_ref(), lhs, &crate::ops::zeros(&shape[..], lhs.dtype()));
    let (size, features) = (window.iter().product::<usize>(), lhs.shape()[numbers.lhs_spec[1]]);
    // Each output feature of the kernel selects one element of the window of one input feature.
    let all = Shape::from_iter([features, size, size]);
    let index = |dimension: usize| bind1(Iota { dtype: DType::I32, shape: all.clone(), dimension }, &[]);
    let kernel = index(1).equal(index(2)).astype(lhs.dtype());
    let shape: Vec<usize> = [features * size, 1].into_iter().chain(window.iter().copied()).collect();
    let mut order = vec![0; lhs.ndim()];
    for (from, to) in numbers.rhs_spec.iter().enumerate() {
        order[*to] = from;
    }
    let kernel = kernel.reshape(shape).permute(&order);
    let options = Conv { feature_group_count: features, ..options.clone() };
    (general(lhs, &kernel, &options, numbers.clone()), numbers)
}

/// Returns a convolution whose kernel is not shared: it has its own values for each position of the result (a "locally
/// connected" layer).
///
/// `rhs` has the dimensions of a kernel in the options. Its spatial dimensions are those of the result, and its input
/// features are the elements of a window, as in [`conv_general_dilated_patches`].
///
/// ```
/// use cotangent::{Array, lax};
/// let x = Array::from([1.0f32, 2.0, 3.0]).reshape([1, 1, 3]);
/// // One output feature, windows of two elements, two positions.
/// let kernel = Array::from([[1.0f32, 10.0], [0.0, 100.0]]).reshape([1, 2, 2]);
/// let y = lax::conv_general_dilated_local(x, kernel, [2], &lax::Conv::new([1], lax::Padding::Valid));
/// assert_eq!(y.to_vec::<f32>(), [1.0, 320.0]);
/// ```
///
/// # Panics
/// If shapes, dtypes or options do not fit together, or there are groups.
#[track_caller]
pub fn conv_general_dilated_local(
    lhs: impl ArrayLike,
    rhs: impl ArrayLike,
    filter_shape: impl IntoIterator<Item = usize>,
    options: &Conv,
) -> Array {
    let window: Vec<usize> = filter_shape.into_iter().collect();
    let plain = Conv { preferred_element_type: None, ..options.clone() };
    let (patches, ConvDimensionNumbers { rhs_spec, out_spec, .. }) = patches(&lhs.to_array(), &window, &plain);
    // The product has the positions first, in the order of the result's dimensions, and then batch and features.
    let mut spatial: Vec<usize> = (2..out_spec.len()).collect();
    spatial.sort_by_key(|i| out_spec[*i]);
    let batch = [&out_spec, &rhs_spec].map(|spec| spatial.iter().map(|i| spec[*i]).collect());
    let dot = DotGeneral {
        precision: options.precision.or_else(|| default_precision().map(|p| [p; 2])),
        preferred_element_type: options.preferred_element_type,
        ..DotGeneral::new([vec![out_spec[1]], vec![rhs_spec[1]]], batch)
    };
    let y = bind1(dot, &[&patches, &rhs.to_array()]);
    let mut order = vec![0; out_spec.len()];
    for (from, i) in spatial.iter().enumerate() {
        order[out_spec[*i]] = from;
    }
    order[out_spec[0]] = spatial.len();
    order[out_spec[1]] = spatial.len() + 1;
    y.permute(&order)
}
