//! An exchange of slices of different lengths between the elements of a mapped axis.

use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::select;
use crate::ops::shape::Iota;
use crate::trace::frames::bind1;

use super::collectives::{AxisNames, all_gather, all_to_all, axis_size};
use super::gather_scatter::index_take;

/// Sends a slice of `operand` to each element of a mapped axis, and returns `output` with the slices that arrive.
///
/// Element `i` of the axis gets the `send_sizes[i]` rows of `operand` from `input_offsets[i]` on. They are put into its
/// `output` from row `output_offsets[i]` on. `recv_sizes[i]` is the number of rows that come from element `i`, which is
/// what that element sends. Rows of `output` that nothing is put into stay as they are.
///
/// It can be differentiated in `operand` and `output`, and batched. All operands are gathered on every device, and each
/// takes what is its own: the memory is that of all operands together. (XLA's own operation runs on GPUs and TPUs only,
/// and sends just the slices.)
///
/// ```
/// use cotangent::{lax, prelude::*};
/// // Two elements, as in JAX's documentation: the first sends [1] and [2, 2], the second [3] and [4].
/// let exchange = |x: &Array, starts: &Array, sizes: &Array, places: &Array, comes: &Array| {
///     lax::ragged_all_to_all(x, np::zeros(4), starts, sizes, places, comes, "x")
/// };
/// let y = vmap(exchange).axis_name("x")(
///     &np::array([[1.0, 2.0, 2.0], [3.0, 4.0, 0.0]]),
///     &np::array([[0, 1], [0, 1]]),
///     &np::array([[1, 2], [1, 1]]),
///     &np::array([[0, 0], [1, 2]]),
///     &np::array([[1, 1], [2, 1]]),
/// );
/// assert_eq!(y.to_vec::<f32>(), [1.0, 3.0, 0.0, 0.0, 2.0, 2.0, 4.0, 0.0]);
/// ```
///
/// # Panics
/// Panics if there is no enclosing mapped axis of that name, if `operand` and `output` differ in dtype or in the shape
/// of a row, or if the offsets and sizes are not vectors of integers with an entry for each element of the axis.
#[track_caller]
pub fn ragged_all_to_all(
    operand: impl ArrayLike,
    output: impl ArrayLike,
    input_offsets: impl ArrayLike,
    send_sizes: impl ArrayLike,
    output_offsets: impl ArrayLike,
    recv_sizes: impl ArrayLike,
    axis_name: impl AxisNames + Clone,
) -> Array {
    let (operand, output) = (operand.to_array(), output.to_array());
    let rows = |x: &Array| x.shape().split_first().map(|(n, row)| (*n, row.to_vec()));
    let (Some((sent, row)), Some((kept, same))) = (rows(&operand), rows(&output)) else {
        raise(Error::shape(format!(
            "ragged_all_to_all: a scalar has no rows, got {} and {}",
            operand.aval(),
            output.aval()
        )))
    };
    if row != same || operand.dtype() != output.dtype() {
        raise(Error::shape(format!(
            "ragged_all_to_all: the operand and the output must have rows of one type, got {} and {}",
            operand.aval(),
            output.aval()
        )));
    }
    let n = axis_size(axis_name.clone());
    let plan = [
        ("input_offsets", input_offsets.to_array()),
        ("send_sizes", send_sizes.to_array()),
        ("output_offsets", output_offsets.to_array()),
        ("recv_sizes", recv_sizes.to_array()),
    ];
    if let Some((name, x)) = plan.iter().find(|(_, x)| x.shape() != [n] || !x.dtype().is_integer()) {
        raise(Error::shape(format!(
            "ragged_all_to_all: {name} must be a vector of {n} integers, one for each element of the axis, got {}",
            x.aval()
        )));
    }
    if sent == 0 || kept == 0 {
        return output;
    }
    let [starts, _, places, sizes] = plan.map(|(_, x)| x.astype(DType::I32));
    // What the others say about this element: where its slices begin with them, and where they belong here.
    let theirs = |x: &Array| all_to_all(x, axis_name.clone(), 0, 0).reshape([n, 1]);
    let (starts, places, sizes) = (theirs(&starts), theirs(&places), sizes.reshape([n, 1]));
    let count =
        |shape: [usize; 2], dimension| bind1(Iota { dtype: DType::I32, shape: Shape::new(&shape), dimension }, &[]);
    let at = count([1, kept], 1) - places;
    let arrives = at.greater_equal(0) & at.less(sizes);
    let from = count([n, 1], 0) * (sent as i32) + starts + at;
    let from = select(&arrives, &from, &Array::scalar(0i32), &[n, kept]).sum_axis(0);
    let all = all_gather(&operand, axis_name).reshape([&[n * sent], &row[..]].concat());
    let rows = index_take(all, [from], 0);
    let arrives = arrives.any_axis(0).reshape([&[kept], &vec![1; row.len()][..]].concat());
    select(&arrives, &rows, &output, output.shape())
}
