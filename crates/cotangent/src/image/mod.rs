//! Images: resizing, as `jax.image`.

use std::f64::consts::PI;

use crate::api::program::as_one;
use crate::array::aval::IntoShape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, raise};
use crate::methods::axes::Axes;
use crate::numpy::{self as np, where_};

/// How the elements of a resized array are interpolated.
///
/// ```
/// use cotangent::{image::{self, ResizeMethod}, prelude::*};
/// let x = np::array([0.0, 4.0]);
/// assert_eq!(image::resize(&x, 4, ResizeMethod::Nearest, true).to_vec::<f32>(), [0.0, 0.0, 4.0, 4.0]);
/// assert_eq!(image::resize(&x, 4, ResizeMethod::Linear, true).to_vec::<f32>(), [0.0, 1.0, 3.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResizeMethod {
    /// The nearest element.
    Nearest,
    /// Linear, with a triangle kernel: bilinear in two dimensions.
    Linear,
    /// A Lanczos kernel of radius 3.
    Lanczos3,
    /// A Lanczos kernel of radius 5.
    Lanczos5,
    /// The cubic kernel of Keys.
    Cubic,
    /// The cubic kernel of PyTorch and OpenCV. With `antialias`, it is that of Keys.
    CubicPytorch,
    /// The mean over the area of each new element.
    Area,
}

impl ResizeMethod {
    /// The weight at a distance.
    fn kernel(self, x: &Array) -> Array {
        let lanczos = |radius: f64| {
            let y = radius * (PI * x).sin() * (PI * x / radius).sin();
            let safe = where_(x.not_equal(0.0), PI * PI * x.square(), 1.0);
            let out = where_(x.greater(0.001), y / safe, 1.0);
            where_(x.greater(radius), 0.0, out)
        };
        match self {
            ResizeMethod::Lanczos3 => lanczos(3.0),
            ResizeMethod::Lanczos5 => lanczos(5.0),
            ResizeMethod::Cubic => {
                let near = (1.5 * x - 2.5) * x * x + 1.0;
                let far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
                where_(x.greater_equal(2.0), 0.0, where_(x.greater_equal(1.0), far, near))
            }
            ResizeMethod::CubicPytorch => {
                let a = -0.75;
                let near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
                let far = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
                where_(x.greater_equal(2.0), 0.0, where_(x.greater_equal(1.0), far, near))
            }
            _ => (1.0 - x.abs()).maximum(0.0),
        }
    }
}

/// The elements of the weights' columns, divided by their sums.
fn normalized(weights: Array) -> Array {
    let sum = weights.sum_keepdims(0);
    let regular = sum.abs().greater(1000.0 * f64::from(f32::EPSILON));
    where_(&regular, weights / where_(&regular, &sum, 1.0), 0.0)
}

/// The matrix that an axis of `input` elements is multiplied by.
fn weights(
    input: usize,
    output: usize,
    scale: &Array,
    translation: &Array,
    method: ResizeMethod,
    antialias: bool,
) -> Array {
    let dtype = scale.dtype();
    let inverse = 1.0 / scale;
    let places = np::arange_as(output, dtype).reshape([1, output]);
    let elements = np::arange_as(input, dtype).reshape([input, 1]);
    let samples = (&places + 0.5) * &inverse - translation * &inverse - 0.5;
    if method == ResizeMethod::CubicPytorch {
        // Elements beyond the edges are those at the edges.
        let radius = 2;
        let expanded = np::arange_as((-radius, input as i32 + radius), dtype).reshape([input + 2 * radius as usize, 1]);
        let all = method.kernel(&(&samples - expanded).abs());
        let [before, after] = [radius as usize, radius as usize + input];
        let inner = all.slice_axis(0, before, after);
        let low = all.slice_axis(0, 0, before).sum_keepdims(0);
        let high = all.slice_axis(0, after, after + before).sum_keepdims(0);
        let first = elements.equal(0.0);
        let last = elements.equal(input as f64 - 1.0);
        return normalized(inner + where_(first, low, 0.0) + where_(last, high, 0.0));
    }
    let raw = if method == ResizeMethod::Area {
        let left = &places * &inverse - translation * &inverse;
        let right = &left + &inverse;
        (right.minimum(&elements + 1.0) - left.maximum(&elements)).maximum(0.0)
    } else {
        let width = if antialias { inverse.maximum(1.0) } else { 1.0.into() };
        method.kernel(&((&samples - elements).abs() / width))
    };
    let inside = samples.greater_equal(-0.5).logical_and(samples.less_equal(input as f64 - 0.5));
    where_(inside, normalized(raw), 0.0)
}

#[track_caller]
fn check(who: &str, image: &Array, shape: &[usize]) {
    if shape.len() != image.ndim() {
        raise(
            Error::shape(format!("{who}: the shape {shape:?} does not have the rank of {}", image.aval()))
                .help("list the sizes of all axes, also of those that stay as they are"),
        );
    }
}

/// One axis after another: the axis moves to the end, is multiplied, and moves back.
fn resampled(
    image: &Array,
    shape: &[usize],
    axes: &[usize],
    scale: &[Array],
    translation: &[Array],
    method: ResizeMethod,
    antialias: bool,
) -> Array {
    let method = if antialias && method == ResizeMethod::CubicPytorch { ResizeMethod::Cubic } else { method };
    axes.iter().enumerate().fold(image.clone(), |x, (i, axis)| {
        let matrix = weights(x.shape()[*axis], shape[*axis], &scale[i], &translation[i], method, antialias);
        let axis = *axis as isize;
        np::moveaxis(np::moveaxis(&x, axis, -1).matmul(matrix.astype(x.dtype())), -1, axis)
    })
}

/// Returns an array resized to a shape. Axes whose size stays the same are not touched. If an axis becomes smaller,
/// `antialias` widens the kernel, so that all elements contribute.
///
/// ```
/// use cotangent::{image::{self, ResizeMethod}, prelude::*};
/// let picture = np::ones((8, 8, 3));
/// let small = image::resize(&picture, (4, 4, 3), ResizeMethod::Linear, true);
/// assert!(np::allclose(small, np::ones((4, 4, 3))).item::<bool>());
/// ```
///
/// # Panics
/// If the shape has another rank than the array.
#[track_caller]
pub fn resize(image: impl ArrayLike, shape: impl IntoShape, method: ResizeMethod, antialias: bool) -> Array {
    let (image, shape) = (image.to_array(), shape.into_shape().to_vec());
    check("resize", &image, &shape);
    let axes: Vec<usize> = (0..shape.len()).filter(|i| image.shape()[*i] != shape[*i]).collect();
    if method == ResizeMethod::Nearest {
        return axes.iter().fold(image, |x, axis| {
            let (m, n) = (x.shape()[*axis], shape[*axis]);
            // In f32, as JAX computes it.
            let index = |i: usize| ((i as f32 + 0.5) * m as f32 / n as f32).floor() as i32;
            np::take_axis(x, (0..n).map(index).collect::<Vec<i32>>(), *axis as isize)
        });
    }
    as_one(&[image.to_inexact()], |x| {
        let dtype = if x[0].dtype().real() == DType::F64 { DType::F64 } else { DType::F32 };
        let ratio =
            |axis: &usize| if shape[*axis] == 0 { 1.0 } else { shape[*axis] as f64 / image.shape()[*axis] as f64 };
        let scale: Vec<Array> = axes.iter().map(|axis| Array::from(ratio(axis)).astype(dtype)).collect();
        let translation = vec![np::zeros_as((), dtype); axes.len()];
        resampled(&x[0], &shape, &axes, &scale, &translation, method, antialias)
    })
}

/// Returns an array of another shape in which element x of the image is at x·`scale` + `translation`, along the axes
/// `spatial_dims`. Elements outside of the image are zero. It is differentiable in the image, the scale and the
/// translation.
///
/// ```
/// use cotangent::{image::{self, ResizeMethod}, prelude::*};
/// let x = np::array([1.0, 2.0, 3.0]);
/// let one = np::ones(1);
/// let y = image::scale_and_translate(x, 3, 0, &one, &one, ResizeMethod::Linear, true);
/// assert_eq!(y.to_vec::<f32>(), [0.0, 1.0, 2.0]);
/// ```
///
/// # Panics
/// If the ranks do not agree, there is not a scale and a translation for each spatial axis, or the method is `Nearest`.
#[track_caller]
pub fn scale_and_translate(
    image: impl ArrayLike,
    shape: impl IntoShape,
    spatial_dims: impl Axes,
    scale: impl ArrayLike,
    translation: impl ArrayLike,
    method: ResizeMethod,
    antialias: bool,
) -> Array {
    let (image, shape) = (image.to_array().to_inexact(), shape.into_shape().to_vec());
    check("scale_and_translate", &image, &shape);
    let axes = spatial_dims.resolve(image.ndim()).or_raise();
    let (scale, translation) = (scale.to_array().to_inexact(), translation.to_array().to_inexact());
    if scale.shape() != [axes.len()] || translation.shape() != [axes.len()] {
        let (scale, translation) = (scale.aval(), translation.aval());
        let message =
            format!("scale_and_translate: {} axes, a scale {scale} and a translation {translation}", axes.len());
        raise(Error::shape(message).help("there must be a number for each spatial axis"));
    }
    if method == ResizeMethod::Nearest {
        raise(Error::value("scale_and_translate: the method `Nearest` is not supported").help("use `Linear`"));
    }
    as_one(&[image, scale, translation], |x| {
        let parts = |x: &Array| -> Vec<Array> { (0..axes.len()).map(|i| x.at(i).get()).collect() };
        resampled(&x[0], &shape, &axes, &parts(&x[1]), &parts(&x[2]), method, antialias)
    })
}
