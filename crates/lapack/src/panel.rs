//! Vectors of rows, for kernels whose blocks stay in registers.

use faer::traits::pulp::Simd;
use faer::traits::{ComplexField, SimdCtx};
use faer::{ContiguousFwd, MatMut};

use crate::scalar::Scalar;

/// A matrix whose columns are contiguous.
pub(crate) type Columns<'a, T> = MatMut<'a, T, usize, usize, ContiguousFwd>;

/// A vector of numbers.
pub(crate) type Vector<T, S> = <<T as Scalar>::Native as ComplexField>::SimdVec<S>;
/// The operations on vectors.
pub(crate) type Operations<T, S> = SimdCtx<<T as Scalar>::Native, S>;

/// The number of columns that a kernel computes in one pass over the rows. Their sums, for two vectors of rows, fill
/// half of the registers.
pub(crate) const WIDTH: usize = 4;

/// Returns the number of rows in a vector.
#[inline(always)]
pub(crate) const fn lanes<T: Scalar, S: Simd>() -> usize {
    size_of::<Vector<T, S>>() / size_of::<T>()
}

/// Returns `R` vectors of consecutive elements.
#[inline(always)]
pub(crate) fn load<T: Scalar, S: Simd, const R: usize>(from: &[T]) -> [Vector<T, S>; R] {
    let from = &from[..R * lanes::<T, S>()];
    std::array::from_fn(|r| {
        bytemuck::pod_read_unaligned(bytemuck::cast_slice(&from[r * lanes::<T, S>()..(r + 1) * lanes::<T, S>()]))
    })
}

/// Overwrites consecutive elements with vectors.
#[inline(always)]
pub(crate) fn store<T: Scalar, S: Simd, const R: usize>(to: &mut [T], vectors: &[Vector<T, S>; R]) {
    let to = &mut to[..R * lanes::<T, S>()];
    for (to, vector) in to.chunks_exact_mut(lanes::<T, S>()).zip(vectors) {
        bytemuck::cast_slice_mut::<T, u8>(to).copy_from_slice(bytemuck::bytes_of(vector));
    }
}

/// Adds the products of a vector with `WIDTH` numbers to as many sums.
#[inline(always)]
pub(crate) fn add<T: Scalar, S: Simd, const R: usize>(
    simd: &Operations<T, S>,
    sums: &mut [[Vector<T, S>; R]; WIDTH],
    factors: &[T; WIDTH],
    x: &[Vector<T, S>; R],
) {
    for (sums, factor) in sums.iter_mut().zip(factors) {
        let factor = simd.splat(factor.native());
        for (sum, x) in sums.iter_mut().zip(x) {
            *sum = simd.mul_add(factor, *x, *sum);
        }
    }
}
