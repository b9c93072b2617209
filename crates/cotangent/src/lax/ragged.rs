//! Products of matrices whose rows are in groups of different sizes.

use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::ops::reduce::CumSum;
use crate::ops::shape::Iota;
use crate::ops::{select, zeros};
use crate::trace::frames::bind1;

use super::dot::DotGeneral;

/// The options of [`ragged_dot_general`]: a contraction, and the dimension of the left operand that is in groups.
///
/// ```
/// use cotangent::lax::{DotGeneral, RaggedDot};
/// let by_group = RaggedDot::new(DotGeneral::new([vec![1], vec![1]], [vec![], vec![]]), 0).rhs_group_dimension(0);
/// assert_eq!(by_group, by_group.clone());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "options do nothing until they are used"]
pub struct RaggedDot {
    dot: DotGeneral,
    lhs_ragged_dimension: usize,
    rhs_group_dimension: Option<usize>,
}

impl RaggedDot {
    /// Creates a contraction in which this dimension of the left operand is in groups.
    ///
    /// ```
    /// use cotangent::{Array, lax, numpy as np};
    /// // The sums over each group of a contracted dimension.
    /// let sums = lax::RaggedDot::new(lax::DotGeneral::new([vec![0], vec![0]], [vec![], vec![]]), 0);
    /// let x = Array::from([1.0f32, 2.0, 3.0, 4.0]);
    /// let y = lax::ragged_dot_general(&x, np::ones(4), Array::from([1, 3]), &sums);
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 9.0]);
    /// ```
    pub fn new(dot: DotGeneral, lhs_ragged_dimension: usize) -> RaggedDot {
        RaggedDot { dot, lhs_ragged_dimension, rhs_group_dimension: None }
    }

    /// Sets the dimension of the right operand that has an index for each group. It is neither a contracting nor a batch
    /// dimension.
    ///
    /// ```
    /// use cotangent::{Array, lax, numpy as np};
    /// let dot = lax::DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]);
    /// let by_group = lax::RaggedDot::new(dot, 0).rhs_group_dimension(1);
    /// let y = lax::ragged_dot_general(np::ones((3, 2)), np::ones((2, 2, 4)), Array::from([2, 1]), &by_group);
    /// assert_eq!(y.shape(), [3, 4]);
    /// ```
    pub fn rhs_group_dimension(mut self, dimension: usize) -> RaggedDot {
        self.rhs_group_dimension = Some(dimension);
        self
    }
}

/// The role of the dimension that is in groups.
enum Role {
    Free,
    Contracting(usize),
    Batch,
}

/// Returns the product of each group of rows of `lhs` with the matrix of its group: the rows of `lhs`, of shape
/// `[m, k]`, are in groups of the sizes `group_sizes`, of shape `[g]`, and `rhs` has shape `[g, k, n]`. The result has
/// shape `[m, n]`. Rows after the last group are zero.
///
/// This is the product of a mixture of experts. It is computed as one product with `g` times as many terms.
///
/// ```
/// use cotangent::{Array, lax, numpy as np};
/// let x = Array::from([[1.0f32], [2.0], [3.0]]);
/// let factors = np::array([[[10.0]], [[100.0]]]);
/// assert_eq!(lax::ragged_dot(x, factors, Array::from([1, 2])).to_vec::<f32>(), [10.0, 200.0, 300.0]);
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit together, or the sizes are not integers.
#[track_caller]
pub fn ragged_dot(lhs: impl ArrayLike, rhs: impl ArrayLike, group_sizes: impl ArrayLike) -> Array {
    let dot = DotGeneral::new([vec![1], vec![1]], [vec![], vec![]]);
    ragged_dot_general(lhs, rhs, group_sizes, &RaggedDot::new(dot, 0).rhs_group_dimension(0))
}

/// Returns a contraction in which a dimension of `lhs` is in groups, of the sizes `group_sizes`.
///
/// With `b` for batch dimensions, `k` for contracting ones, and `m` and `n` for the others, there are three cases:
///
/// | the dimension in groups | operands | result |
/// |---|---|---|
/// | one of `m` | `[b…, m…, k…]`, `[g, b…, k…, n…]` | `[b…, m…, n…]`: each group has its own part of `rhs` |
/// | one of `k` | `[b…, m…, k…]`, `[b…, k…, n…]` | `[g, b…, m…, n…]`: the sum over each group |
/// | one of `b` | `[b…, m…, k…]`, `[b…, k…, n…]` | `[b…, m…, n…]`: the contraction, whatever the sizes |
///
/// `group_sizes` has shape `[g]`, or the shape `[b…, x…, g]`, where `x` are the dimensions of the same role as the one
/// in groups and before it. In the third case, `b` are those before it.
///
/// See [`RaggedDot`] for examples.
///
/// # Panics
/// If shapes, dtypes or dimensions do not fit together, or the sizes are not integers.
#[track_caller]
pub fn ragged_dot_general(
    lhs: impl ArrayLike,
    rhs: impl ArrayLike,
    group_sizes: impl ArrayLike,
    options: &RaggedDot,
) -> Array {
    let (lhs, rhs, sizes) = (lhs.to_array(), rhs.to_array(), group_sizes.to_array());
    let RaggedDot { dot, lhs_ragged_dimension: ragged, rhs_group_dimension: group } = options;
    let ragged = *ragged;
    let wrong = |what: String| -> ! {
        let operands = format!("{}, {} and the sizes {}", lhs.aval(), rhs.aval(), sizes.aval());
        raise(Error::shape(format!("ragged_dot: {what}, got {operands}")))
    };
    if ragged >= lhs.ndim() {
        wrong(format!("the left operand has no dimension {ragged}"));
    }
    if !sizes.dtype().is_integer() || sizes.ndim() == 0 {
        wrong("the sizes must be integers, one for each group".to_string());
    }
    let ([lhs_contract, rhs_contract], [lhs_batch, rhs_batch]) = (&dot.contract, &dot.batch);
    let place = |dims: &[usize]| dims.iter().position(|d| *d == ragged);
    let free = || (0..lhs.ndim()).filter(|d| !lhs_contract.contains(d) && !lhs_batch.contains(d));
    let (role, before): (Role, Vec<usize>) = match (place(lhs_contract), place(lhs_batch)) {
        (Some(at), _) => (Role::Contracting(at), [&lhs_batch[..], &lhs_contract[..at]].concat()),
        (None, Some(at)) => (Role::Batch, lhs_batch[..at].to_vec()),
        (None, None) => (Role::Free, lhs_batch.iter().copied().chain(free().take_while(|d| *d != ragged)).collect()),
    };
    let groups = sizes.shape()[sizes.ndim() - 1];
    let expected: Vec<usize> = before.iter().map(|d| lhs.shape()[*d]).chain([groups]).collect();
    if sizes.ndim() > 1 && sizes.shape() != expected {
        wrong(format!("the sizes must have shape [{groups}] or {expected:?}"));
    }
    match (&role, group) {
        (Role::Free, None) => {
            wrong("`rhs_group_dimension` must say which dimension of the right operand has the groups".into())
        }
        (Role::Free, Some(d))
            if rhs.shape().get(*d) != Some(&groups) || rhs_contract.contains(d) || rhs_batch.contains(d) =>
        {
            wrong(format!(
                "dimension {d} of the right operand must have size {groups} and be neither contracted nor a batch"
            ))
        }
        (Role::Contracting(_) | Role::Batch, Some(_)) => {
            wrong("the right operand has no dimension of groups unless they are of rows".to_string())
        }
        _ => {}
    }
    let sizes = sizes.astype(DType::I32).broadcast_to(&expected[..]);
    let after = |dims: &[usize]| dims.iter().map(|d| d + 1).collect::<Vec<_>>();
    match role {
        Role::Batch => bind1(dot.clone(), &[&lhs, &rhs]),
        Role::Free => {
            let lhs = in_groups(&lhs, ragged, &sizes, &before);
            let contract = [
                after(lhs_contract).into_iter().chain([0]).collect(),
                rhs_contract.iter().copied().chain(*group).collect(),
            ];
            bind1(DotGeneral { contract, batch: [after(lhs_batch), rhs_batch.clone()], ..dot.clone() }, &[&lhs, &rhs])
        }
        Role::Contracting(at) => {
            let rhs_before = [&rhs_batch[..], &rhs_contract[..at]].concat();
            let lhs = in_groups(&lhs, ragged, &sizes, &before);
            let rhs = in_groups(&rhs, rhs_contract[at], &sizes, &rhs_before);
            let contract = [after(lhs_contract), after(rhs_contract)];
            let batch = [lhs_batch, rhs_batch].map(|dims| [0].into_iter().chain(after(dims)).collect());
            bind1(DotGeneral { contract, batch, ..dot.clone() }, &[&lhs, &rhs])
        }
    }
}

/// Returns a copy of an array for each group, as a new first dimension, in which the elements of other groups are zero.
/// `sizes` has the dimensions `before` of the array, and a last one for the groups.
#[track_caller]
fn in_groups(x: &Array, ragged: usize, sizes: &Array, before: &[usize]) -> Array {
    let (last, groups) = (sizes.ndim() - 1, sizes.shape()[sizes.ndim() - 1]);
    let ends = bind1(CumSum { axis: last, reverse: false }, &[sizes]);
    // The groups come first, and the other dimensions lie where the array has them.
    let mut order: Vec<usize> = (0..before.len()).collect();
    order.sort_by_key(|i| before[*i]);
    order.insert(0, last);
    let shape: Vec<usize> =
        [groups].into_iter().chain((0..x.ndim()).map(|d| if before.contains(&d) { x.shape()[d] } else { 1 })).collect();
    let all: Shape = [groups].into_iter().chain(x.shape().iter().copied()).collect();
    let spread = |bounds: Array| bounds.permute(&order).reshape(&shape[..]).broadcast_to(&all);
    let index = bind1(Iota { dtype: DType::I32, shape: all.clone(), dimension: ragged + 1 }, &[]);
    let inside = spread(&ends - sizes).less_equal(&index).logical_and(index.less(spread(ends)));
    select(&inside, &x.expand_dims(0).broadcast_to(&all), &zeros(&all, x.dtype()), &all)
}
