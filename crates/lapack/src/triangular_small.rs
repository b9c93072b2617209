//! Triangular systems of a few unknowns, which stay in registers.

use faer::traits::ComplexField;
use faer::traits::pulp::{Simd, WithSimd};

use crate::panel::{Operations, Vector, lanes, load, store};
use crate::scalar::Scalar;

/// The number of unknowns, at most.
pub(crate) const MOST: usize = 8;

/// How the triangular matrix and the right-hand sides of a system lie in memory.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// The number of unknowns.
    pub(crate) n: usize,
    /// The number of right-hand sides.
    pub(crate) sides: usize,
    /// Whether the rows of the triangular matrix are contiguous, and not its columns.
    pub(crate) row_major: bool,
    pub(crate) lower: bool,
    pub(crate) conjugated: bool,
    pub(crate) unit: bool,
    /// Whether the elements of an unknown are contiguous, and not those of a right-hand side.
    pub(crate) by_unknown: bool,
}

/// A lower triangular matrix with the negated elements below the diagonal, column by column, and the reciprocals of those
/// on it. Unknowns beyond those of the system are zero.
struct Coefficients<T, const N: usize> {
    below: [[T; N]; N],
    inverses: [T; N],
}

impl<T: Scalar, const N: usize> Coefficients<T, N> {
    /// Reads a matrix. Returns `None` if the reciprocal of an element on the diagonal may be out of range.
    #[inline(always)]
    fn read(a: &[T], layout: Layout) -> Option<Coefficients<T, N>> {
        let Layout { n, row_major, lower, conjugated, unit, .. } = layout;
        let (down, across) = if row_major { (n, 1) } else { (1, n) };
        let a = &a[..n * n];
        // An upper triangular matrix is a lower one from its end.
        let at = |i: usize, k: usize| {
            let place = i * down + k * across;
            let x = a[if lower { place } else { n * n - 1 - place }];
            if conjugated { x.conjugate() } else { x }
        };
        let (zero, one) = (T::from_real(0.0), T::from_real(1.0));
        let mut read = Coefficients { below: [[zero; N]; N], inverses: [one; N] };
        let mut moderate = true;
        for (k, (below, inverse)) in read.below.iter_mut().zip(&mut read.inverses).enumerate().take(n) {
            (k + 1..n).for_each(|i| below[i] = -at(i, k));
            if !unit {
                let pivot = at(k, k);
                moderate &= pivot.is_moderate();
                *inverse = one.over(pivot);
            }
        }
        moderate.then_some(read)
    }

    /// Solves for a vector of right-hand sides.
    #[inline(always)]
    fn substitute<S: Simd>(&self, simd: &Operations<T, S>, x: &mut [Vector<T, S>; N]) {
        for k in 0..N {
            x[k] = simd.mul(x[k], simd.splat(self.inverses[k].native()));
            for i in k + 1..N {
                x[i] = simd.mul_add(simd.splat(self.below[k][i].native()), x[k], x[i]);
            }
        }
    }
}

/// Systems of up to `N` unknowns: the matrices, and the right-hand sides of each, which become the solutions.
pub(crate) struct Systems<'a, T, const N: usize> {
    pub(crate) layout: Layout,
    pub(crate) a: &'a [T],
    pub(crate) b: &'a mut [T],
}

impl<T: Scalar, const N: usize> WithSimd for Systems<'_, T, N> {
    /// The number of systems that are solved. The next one has a diagonal with an element of extreme size.
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        // The loops of the largest size are unrolled.
        match self.layout.n == N {
            true => self.solve(simd, N),
            false => {
                let n = self.layout.n;
                self.solve(simd, n)
            }
        }
    }
}

impl<T: Scalar, const N: usize> Systems<'_, T, N> {
    /// Solves systems of n unknowns.
    #[inline(always)]
    fn solve<S: Simd>(self, simd: S, n: usize) -> usize {
        let layout = Layout { n, ..self.layout };
        let Systems { a, b, .. } = self;
        let Layout { sides, lower, by_unknown, .. } = layout;
        let unknown = |k: usize| if lower { k } else { n - 1 - k };
        let (context, lanes) = (T::Native::simd_ctx(simd), lanes::<T, S>());
        let simd = Operations::<T, S>::new(&context);
        let mut solved = 0;
        for (a, b) in a.chunks_exact(n * n).zip(b.chunks_exact_mut(n * sides)) {
            let Some(coefficients) = Coefficients::<T, N>::read(a, layout) else { return solved };
            for first in (0..sides).step_by(lanes) {
                let mut x = [simd.zero(); N];
                if by_unknown && first + lanes <= sides {
                    for (k, x) in x.iter_mut().enumerate().take(n) {
                        [*x] = load::<T, S, 1>(&b[unknown(k) * sides + first..]);
                    }
                    coefficients.substitute(simd, &mut x);
                    for (k, x) in x.iter().enumerate().take(n) {
                        store::<T, S, 1>(&mut b[unknown(k) * sides + first..], &[*x]);
                    }
                    continue;
                }
                let count = lanes.min(sides - first);
                let (of_unknown, of_side) = if by_unknown { (sides, 1) } else { (1, n) };
                let place = |k: usize, side: usize| unknown(k) * of_unknown + (first + side) * of_side;
                for (k, x) in x.iter_mut().enumerate().take(n) {
                    let x: &mut [T] = bytemuck::cast_slice_mut(std::slice::from_mut(x));
                    x[..count].iter_mut().enumerate().for_each(|(side, x)| *x = b[place(k, side)]);
                }
                coefficients.substitute(simd, &mut x);
                for (k, x) in x.iter().enumerate().take(n) {
                    let x: &[T] = bytemuck::cast_slice(std::slice::from_ref(x));
                    x[..count].iter().enumerate().for_each(|(side, x)| b[place(k, side)] = *x);
                }
            }
            solved += 1;
        }
        solved
    }
}
