//! Histograms of one and more dimensions.

use crate::api::program::as_one;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, raise};
use crate::ops::in_one_inexact_dtype;

use super::joining::stack;
use super::logic::where_;
use super::manipulation::ravel;
use super::segment::searchsorted_right;
use super::take::{bincount_weights, ravel_multi_index};

/// The bins of a histogram, and what is counted in them.
///
/// A number is the number of bins of the same width between the least and the greatest element. Several numbers are
/// those of several dimensions.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let x = Array::from([1.0f32, 2.0, 2.5, 5.0]);
/// let (counts, _) = np::histogram(&x, np::Bins::new(2).range(0.0, 4.0));
/// assert_eq!(counts.to_vec::<f32>(), [1.0, 2.0]);
/// let (density, _) = np::histogram(&x, np::Bins::edges([np::array([1.0, 2.0, 6.0])]).density());
/// assert_eq!(density.to_vec::<f32>(), [0.25, 0.1875]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "bins do nothing until a histogram uses them"]
pub struct Bins {
    dims: Vec<Dim>,
    ranges: Vec<(f64, f64)>,
    weights: Option<Array>,
    density: bool,
}

/// The bins of one dimension.
#[derive(Clone, Debug)]
enum Dim {
    Count(usize),
    Edges(Array),
}

impl Bins {
    /// Creates this number of bins of the same width, in every dimension.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let edges = np::histogram_bin_edges(Array::from([1.0f32, 5.0]), np::Bins::new(2));
    /// assert_eq!(edges.to_vec::<f32>(), [1.0, 3.0, 5.0]);
    /// ```
    pub fn new(count: usize) -> Bins {
        Bins::of(vec![Dim::Count(count)])
    }

    /// Creates bins between the edges of each dimension. The edges of a single vector apply to every dimension.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let (x, y) = (Array::from([0.5f32, 1.5, 1.7]), Array::from([0.0f32, 5.0, 9.0]));
    /// let edges = [Array::from([0.0f32, 1.0, 2.0]), Array::from([0.0f32, 9.0])];
    /// let (counts, ..) = np::histogram2d(x, y, np::Bins::edges(edges));
    /// assert_eq!(counts.to_vec::<i32>(), [1, 2]);
    /// ```
    pub fn edges(edges: impl Arrays) -> Bins {
        Bins::of(edges.to_arrays().into_iter().map(Dim::Edges).collect())
    }

    fn of(dims: Vec<Dim>) -> Bins {
        Bins { dims, ranges: Vec::new(), weights: None, density: false }
    }

    /// Sets the least and the greatest value in the bins. Repeated calls set those of one dimension after another; a
    /// single one applies to every dimension.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let edges = np::histogram_bin_edges(Array::from([1.0f32, 5.0]), np::Bins::new(2).range(0.0, 8.0));
    /// assert_eq!(edges.to_vec::<f32>(), [0.0, 4.0, 8.0]);
    /// ```
    pub fn range(mut self, least: f64, greatest: f64) -> Bins {
        self.ranges.push((least, greatest));
        self
    }

    /// Sums these weights, one of each element, instead of counting elements.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let (x, weights) = (Array::from([1.0f32, 2.0, 5.0]), Array::from([0.5f32, 0.25, 4.0]));
    /// let (sums, _) = np::histogram(x, np::Bins::new(2).weights(weights));
    /// assert_eq!(sums.to_vec::<f32>(), [0.75, 4.0]);
    /// ```
    pub fn weights(mut self, weights: impl ArrayLike) -> Bins {
        self.weights = Some(weights.to_array());
        self
    }

    /// Divides by the sum and by the size of each bin, so that the integral over all bins is one.
    ///
    /// ```
    /// use cotangent::{Array, numpy as np};
    /// let (density, edges) = np::histogram(Array::from([1.0f32, 2.0, 5.0]), np::Bins::new(4).density());
    /// assert_eq!((density * np::diff(edges)).sum().item::<f32>(), 1.0);
    /// ```
    pub fn density(mut self) -> Bins {
        self.density = true;
        self
    }

    /// Returns the edges of the bins of a dimension of `dims`.
    #[track_caller]
    fn along(&self, x: &Array, dim: usize, dims: usize) -> Array {
        let wrong = |what: &str, got: usize| -> ! {
            raise(Error::shape(format!("histogram: expected {what} for 1 or {dims} dimensions, got {got}")))
        };
        let bins = match &self.dims[..] {
            [one] => one,
            many if many.len() == dims => &many[dim],
            many => wrong("bins", many.len()),
        };
        let range = match &self.ranges[..] {
            [] => None,
            [one] => Some(*one),
            many if many.len() == dims => Some(many[dim]),
            many => wrong("ranges", many.len()),
        };
        match bins {
            Dim::Count(count) => even(x, *count, range),
            Dim::Edges(edges) => {
                if edges.ndim() != 1 || edges.size() < 2 {
                    raise(Error::shape(format!(
                        "histogram: expected a vector of two or more edges, got {}",
                        edges.aval()
                    )));
                }
                edges.astype(x.dtype())
            }
        }
    }
}

impl From<usize> for Bins {
    fn from(count: usize) -> Bins {
        Bins::new(count)
    }
}

impl<const N: usize> From<[usize; N]> for Bins {
    fn from(counts: [usize; N]) -> Bins {
        Bins::of(counts.into_iter().map(Dim::Count).collect())
    }
}

impl From<Array> for Bins {
    fn from(edges: Array) -> Bins {
        Bins::edges([edges])
    }
}

impl From<&Array> for Bins {
    fn from(edges: &Array) -> Bins {
        Bins::edges([edges])
    }
}

/// Returns the edges of bins of the same width.
#[track_caller]
fn even(x: &Array, bins: usize, range: Option<(f64, f64)>) -> Array {
    if range.is_none() && x.size() == 0 {
        raise(
            Error::shape(format!("histogram: {} has no least and no greatest element", x.aval()))
                .help("set the range of the bins with `Bins::new(…).range(least, greatest)`"),
        );
    }
    as_one(std::slice::from_ref(x), |x| {
        let x = &x[0];
        let (low, high) = match range {
            None => (x.min(), x.max()),
            Some((low, high)) => (super::full_as((), low, x.dtype()), super::full_as((), high, x.dtype())),
        };
        let one = low.equal(&high);
        super::linspace(where_(&one, &low - 0.5, &low), where_(&one, &high + 0.5, &high), bins + 1)
    })
}

/// Returns the number of edges that are not above each element, where the last bin includes its end: the bin of the
/// element, counted from one. Elements before the first edge have 0, and those after the last one the number of edges.
fn places(x: &Array, edges: &Array) -> Array {
    let last = edges.size() - 1;
    where_(x.equal(edges.at(last).get()), last as i32, searchsorted_right(edges, x))
}

/// Returns the data and the weights in one dtype; without weights, ones of this dtype.
#[track_caller]
fn counted(x: Array, weights: Option<&Array>, shape: &[usize], ones: Option<DType>) -> (Array, Array) {
    let Some(weights) = weights else {
        let x = x.to_inexact();
        let ones = super::ones_as(shape, ones.unwrap_or(x.dtype()));
        return (x, ones);
    };
    if weights.shape() != shape {
        raise(Error::shape(format!(
            "histogram: expected a weight for each element of {shape:?}, got {}",
            weights.aval()
        )));
    }
    let [x, weights] = in_one_inexact_dtype([x, weights.clone()]);
    (x, weights)
}

/// Returns the number of elements in each bin, in the dtype of `x`, and the edges of the bins. The last bin includes
/// its end. Elements outside all bins are ignored.
///
/// The [bins](Bins) are a number of bins, the edges as a vector, or a [`Bins`] with a range, weights or the density.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (counts, edges) = np::histogram(Array::from([1.0f32, 2.0, 2.5, 5.0]), 2);
/// assert_eq!((counts.to_vec::<f32>(), edges.to_vec::<f32>()), (vec![3.0, 1.0], vec![1.0, 3.0, 5.0]));
/// ```
///
/// # Panics
/// If the bins need a range and there are no elements, there are fewer than two edges, or weights have another shape.
#[track_caller]
pub fn histogram(x: impl ArrayLike, bins: impl Into<Bins>) -> (Array, Array) {
    let (x, bins) = (x.to_array(), bins.into());
    let shape = x.shape().to_vec();
    let (x, weights) = counted(x, bins.weights.as_ref(), &shape, None);
    let edges = bins.along(&x, 0, 1);
    let n = edges.size();
    let counts = as_one(&[ravel(x), ravel(weights), edges.clone()], |args| {
        let [x, weights, edges] = args else { unreachable!("three operands") };
        let counts = bincount_weights(places(x, edges), weights, n).slice_axis(0, 1, n);
        if bins.density { &counts / super::diff(edges) / counts.sum() } else { counts }
    });
    (counts, edges)
}

/// Returns the edges of the bins of [`histogram`].
///
/// ```
/// use cotangent::{Array, numpy as np};
/// assert_eq!(np::histogram_bin_edges(Array::from([1.0f32, 5.0]), 2).to_vec::<f32>(), [1.0, 3.0, 5.0]);
/// ```
///
/// # Panics
/// If the bins need a range and there are no elements.
#[track_caller]
pub fn histogram_bin_edges(x: impl ArrayLike, bins: impl Into<Bins>) -> Array {
    bins.into().along(&x.to_array().to_inexact(), 0, 1)
}

/// Returns the number of points in each bin of a plane, and the edges of the bins along `x` and along `y`.
///
/// `x` and `y` are vectors: the coordinates of the points. The counts are `i32`, or sums of weights or densities in the
/// dtype of the points. See [`histogram`] for the bins.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let (x, y) = (Array::from([1.0f32, 2.0, 2.0]), Array::from([3.0f32, 5.0, 4.5]));
/// let (counts, x_edges, y_edges) = np::histogram2d(x, y, 2);
/// assert_eq!(counts.to_vec::<i32>(), [1, 0, 0, 2]);
/// assert_eq!(x_edges.to_vec::<f32>(), [1.0, 1.5, 2.0]);
/// assert_eq!(y_edges.to_vec::<f32>(), [3.0, 4.0, 5.0]);
/// ```
///
/// # Panics
/// If `x` and `y` are not vectors of the same length, or as [`histogramdd`].
#[track_caller]
pub fn histogram2d(x: impl ArrayLike, y: impl ArrayLike, bins: impl Into<Bins>) -> (Array, Array, Array) {
    let [x, y] = in_one_inexact_dtype([x.to_array(), y.to_array()]);
    if x.ndim() != 1 || x.shape() != y.shape() {
        raise(Error::shape(format!(
            "histogram2d: expected two vectors of the same length, got {} and {}",
            x.aval(),
            y.aval()
        )));
    }
    let (counts, edges) = histogramdd(stack([x, y], 1), bins);
    let [x, y] = &edges[..] else { unreachable!("two dimensions") };
    (counts, x.clone(), y.clone())
}

/// Returns the number of points in each bin of a space, and the edges of the bins along each dimension.
///
/// `points` has a row for each point. The counts are `i32`, or sums of weights or densities in the dtype of the points.
/// See [`histogram`] for the bins.
///
/// ```
/// use cotangent::{Array, numpy as np};
/// let points = Array::from([[0.0f32, 0.0, 1.0], [0.1, 0.9, 1.0], [1.0, 1.0, 2.0]]);
/// let (counts, edges) = np::histogramdd(points, [2, 1, 1]);
/// assert_eq!((counts.shape(), counts.to_vec::<i32>()), (&[2, 1, 1][..], vec![2, 1]));
/// assert_eq!(edges[0].to_vec::<f32>(), [0.0, 0.5, 1.0]);
/// ```
///
/// # Panics
/// If `points` is not a matrix, the bins are those of another number of dimensions or need a range and there are no
/// points, there are fewer than two edges, or there is not one weight for each point.
#[track_caller]
pub fn histogramdd(points: impl ArrayLike, bins: impl Into<Bins>) -> (Array, Vec<Array>) {
    let (points, bins) = (points.to_array(), bins.into());
    let [n, dims] = *points.shape() else {
        raise(Error::shape(format!("histogramdd: expected a matrix with a row for each point, got {}", points.aval())))
    };
    let (points, weights) = counted(points, bins.weights.as_ref(), &[n], Some(DType::I32));
    let column = |x: &Array, dim: usize| x.slice_axis(1, dim, dim + 1).reshape([n]);
    let edges: Vec<Array> = (0..dims).map(|dim| bins.along(&column(&points, dim), dim, dims)).collect();
    // Bin 0 and the last one of each dimension are outside the edges.
    let sizes: Vec<usize> = edges.iter().map(|edges| edges.size() + 1).collect();
    let counts = as_one(&[&[points, weights][..], &edges].concat(), |args| {
        let [points, weights, edges @ ..] = args else { unreachable!("points and weights come first") };
        let at: Vec<Array> = edges.iter().enumerate().map(|(dim, edges)| places(&column(points, dim), edges)).collect();
        let mut counts = bincount_weights(ravel_multi_index(at, &sizes[..]), weights, sizes.iter().product());
        counts = counts.reshape(&sizes[..]);
        for (dim, size) in sizes.iter().enumerate() {
            counts = counts.slice_axis(dim, 1, size - 1);
        }
        if bins.density {
            counts = counts.astype(points.dtype());
            counts = &counts / counts.sum();
            for (dim, edges) in edges.iter().enumerate() {
                let after = [edges.size() - 1].into_iter().chain(std::iter::repeat_n(1, dims - dim - 1));
                counts /= super::diff(edges).reshape(after.collect::<Vec<_>>());
            }
        }
        counts
    });
    (counts, edges)
}
