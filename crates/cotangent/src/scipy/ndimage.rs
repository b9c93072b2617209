//! Images of any dimension, as `jax.scipy.ndimage`.

use crate::api::program::as_one;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike, Arrays};
use crate::error::{Error, raise};
use crate::numpy::{self as np, Index, where_};

/// What is outside of an array: `d c b a | a b c d | d c b a` and so on.
///
/// ```
/// use cotangent::{prelude::*, scipy::ndimage::{self, Boundary}};
/// let x = np::array([1.0, 2.0, 3.0]);
/// let at = |mode| ndimage::map_coordinates(&x, [np::array([3.0])], 1, mode).item::<f32>();
/// assert_eq!((at(Boundary::Constant(9.0)), at(Boundary::Nearest), at(Boundary::Wrap)), (9.0, 3.0, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Boundary {
    /// One value: `k k k k | a b c d | k k k k`.
    Constant(f64),
    /// The nearest element: `a a a a | a b c d | d d d d`.
    Nearest,
    /// The array again: `a b c d | a b c d | a b c d`.
    Wrap,
    /// Mirrored about the centers of the outermost elements: `d c b | a b c d | c b a`.
    Mirror,
    /// Mirrored about their edges: `d c b a | a b c d | d c b a`.
    Reflect,
}

impl Boundary {
    fn fix(self, index: &Array, size: usize) -> Array {
        let size = size as i32;
        let mirror = |index: &Array, size: i32| {
            let s = (size - 1).max(1);
            (np::remainder(index + s, 2 * s) - s).abs()
        };
        match self {
            Boundary::Constant(_) => index.clone(),
            Boundary::Nearest => np::clip(index, 0, size - 1),
            Boundary::Wrap => np::remainder(index, size),
            Boundary::Mirror => mirror(index, size),
            Boundary::Reflect => np::floor_divide(mirror(&(2 * index + 1), 2 * size + 1) - 1, 2),
        }
    }
}

/// Returns the values of an array between its elements: at the coordinates, one array for each dimension, interpolated
/// with splines of `order` 0 (the nearest element) or 1 (linear). It is differentiable in the array and, for order 1, in
/// the coordinates.
///
/// ```
/// use cotangent::{prelude::*, scipy::ndimage::{self, Boundary}};
/// let x = np::array([[0.0, 1.0], [2.0, 3.0]]);
/// let middle = ndimage::map_coordinates(&x, [np::array(0.5), np::array(0.5)], 1, Boundary::Nearest);
/// assert_eq!(middle.item::<f32>(), 1.5);
/// ```
///
/// # Panics
/// If there is not one array of coordinates for each dimension, or the order is greater than 1.
#[track_caller]
pub fn map_coordinates(input: impl ArrayLike, coordinates: impl Arrays, order: usize, mode: Boundary) -> Array {
    let (input, coordinates) = (input.to_array(), coordinates.to_arrays());
    if coordinates.len() != input.ndim() {
        let message = format!("map_coordinates: {} arrays of coordinates for {}", coordinates.len(), input.aval());
        raise(Error::shape(message).help("there must be one for each dimension"));
    }
    if order > 1 {
        raise(Error::value(format!("map_coordinates: order {order} is not supported")).help("use order 0 or 1"));
    }
    let all = [vec![input], coordinates].concat();
    as_one(&all, |x| {
        let (input, coordinates) = (&x[0], &x[1..]);
        // For each dimension: the index, whether it is inside, and its weight.
        let nodes: Vec<Vec<(Array, Array, Array)>> = coordinates
            .iter()
            .zip(input.shape())
            .map(|(at, size)| {
                let at = if at.dtype().is_integer() { at.astype(DType::F32) } else { at.clone() };
                let nodes = if order == 0 {
                    vec![(at.round().astype(DType::I32), np::ones_as((), at.dtype()))]
                } else {
                    let low = np::floor(&at);
                    let upper = &at - &low;
                    let index = low.astype(DType::I32);
                    vec![(index.clone(), 1.0 - &upper), (index + 1, upper)]
                };
                let node = |(index, weight): (Array, Array)| {
                    let inside = index.greater_equal(0).logical_and(index.less(*size));
                    (mode.fix(&index, *size), inside, weight)
                };
                nodes.into_iter().map(node).collect()
            })
            .collect();
        let count: usize = nodes.iter().map(Vec::len).product();
        let mut sum: Option<Array> = None;
        for corner in 0..count {
            let mut rest = corner;
            let chosen: Vec<&(Array, Array, Array)> = nodes
                .iter()
                .map(|nodes| {
                    let node = &nodes[rest % nodes.len()];
                    rest /= nodes.len();
                    node
                })
                .collect();
            let indices: Vec<Index> = chosen.iter().map(|node| Index::Array(node.0.clone())).collect();
            let mut value = input.at(indices).get();
            if let Boundary::Constant(outside) = mode {
                let inside = chosen.iter().map(|node| node.1.clone()).reduce(|a, b| a.logical_and(b));
                let outside = Array::from(outside).astype(input.dtype());
                value = inside.map_or(value.clone(), |inside| where_(inside, &value, outside));
            }
            let weight = chosen.iter().map(|node| node.2.clone()).reduce(|a, b| a * b);
            let term = weight.map_or(value.clone(), |weight| weight * value);
            sum = Some(sum.map_or(term.clone(), |sum| sum + term));
        }
        let sum = sum.unwrap_or_else(|| input.clone());
        let rounded = if input.dtype().is_integer() { sum.round() } else { sum };
        rounded.astype(input.dtype())
    })
}
