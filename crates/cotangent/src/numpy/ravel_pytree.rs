//! Trees of arrays as vectors.

use std::panic::Location;

use crate::array::Array;
use crate::error::{Error, ErrorKind, raise};
use crate::numpy as np;
use crate::tree::{Tree, flatten};

/// Returns the elements of all leaves as one vector, and the function that makes such a tree of a vector: what solvers and
/// optimizers for vectors need. The leaves follow each other in the order of the tree, each in row-major order.
///
/// The vector has the dtype to which the leaves are promoted. The function returns leaves of the dtypes in `tree`; if these are
/// all the same, the leaves have the dtype of its argument. A tree without leaves is an empty vector of `f32`.
///
/// ```
/// use cotangent::{prelude::*, ravel_pytree};
/// let (x, unravel) = ravel_pytree(&(np::array([[1.0, 2.0], [3.0, 4.0]]), np::array(5.0)));
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0, 3.0, 4.0, 5.0]);
/// let (w, b) = unravel(&(x * 2.0));
/// assert_eq!((w.shape(), b.item::<f32>()), (&[2, 2][..], 10.0));
/// ```
///
/// # Panics
/// The function panics if its argument is no vector of as many elements as the tree has. The error names the line of this call.
#[track_caller]
pub fn ravel_pytree<T: Tree>(tree: &T) -> (Array, impl Fn(&Array) -> T + use<T>) {
    let leaves = flatten(tree);
    let flat = match &leaves[..] {
        [] => np::zeros(0),
        leaves => np::concatenate(leaves.iter().map(np::ravel).collect::<Vec<_>>(), 0),
    };
    let caller = Location::caller();
    let (n, promoted) = (flat.size(), leaves.iter().any(|x| x.dtype() != flat.dtype()));
    let template = tree.map(Array::clone);
    let unravel = move |flat: &Array| {
        if flat.shape() != [n] {
            let message = format!("expected a vector of {n} elements, those of the tree, got {}", flat.aval());
            raise(Error::new(ErrorKind::Shape, message).at(caller));
        }
        let mut start = 0;
        template.map(|x| {
            let part = flat.slice_axis(0, start, start + x.size()).reshape(x.shape());
            start += x.size();
            if promoted { part.astype(x.dtype()) } else { part }
        })
    };
    (flat, unravel)
}
