//! Eigenvectors of (quasi-)triangular matrices.

use super::number::{Number, Real};

/// A Schur form with n rows.
pub(super) struct Form<'a, T> {
    pub(super) t: &'a [T],
    pub(super) n: usize,
}

/// A system of equations with a shifted part of a Schur form. F is the type of the unknowns.
struct System<'a, T: Number, F: Number> {
    form: &'a Form<'a, T>,
    shift: F,
    /// Divisors are no smaller.
    least: T::R,
}

impl<T: Number> Form<'_, T> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> T {
        self.t[j * self.n + i]
    }

    /// Returns whether rows i and i + 1 form a block.
    #[inline(always)]
    fn is_block(&self, i: usize) -> bool {
        !T::IS_COMPLEX && i + 1 < self.n && self.at(i + 1, i) != T::ZERO
    }

    /// Computes the eigenvectors on the right or the left. Each is a column of x, scaled so that its largest element is
    /// about one. For a pair of conjugate eigenvalues of a real matrix, two columns are the real and the imaginary part
    /// of the vector of the first one (LAPACK's `trevc`).
    #[inline(always)]
    pub(super) fn vectors(&self, left: bool, w: &[T::C], x: &mut [T], unknowns: &mut [T::C]) {
        let n = self.n;
        let tiny = T::R::SMALLEST * (T::R::literal(n as f64) / T::R::EPSILON);
        let mut k = 0;
        while k < n {
            let least = (T::R::EPSILON * w[k].size()).max(tiny);
            if self.is_block(k) {
                let v = &mut unknowns[..n];
                v.fill(T::C::ZERO);
                let (above, below) = (self.at(k, k + 1).re(), self.at(k + 1, k).re());
                let imaginary = above.abs().sqrt() * below.abs().sqrt();
                let (zero, one) = (T::R::ZERO, T::R::ONE);
                // (T − w) v = 0 in the block, or vᴴ (T − w) = 0.
                let (first, second) = match (left, above.abs() >= below.abs()) {
                    (false, true) => (one, imaginary / above),
                    (false, false) => (-imaginary / below, one),
                    (true, true) => (imaginary / above, one),
                    (true, false) => (one, -imaginary / below),
                };
                v[k] = T::C::from_parts(first, zero);
                v[k + 1] = T::C::from_parts(zero, second);
                let real = |x: T::C, t: T| x.times(t.re());
                let shift = T::C::from_parts(w[k].re(), if left { -imaginary } else { imaginary });
                let system = System { form: self, shift, least };
                if left {
                    system.forward(v, k, 2, real)
                } else {
                    system.back(v, k, 2, real)
                }
                let scale = inverse_size(v);
                let (re, im) = x[k * n..(k + 2) * n].split_at_mut(n);
                for ((v, re), im) in v.iter().zip(re).zip(im) {
                    (*re, *im) = (T::of(v.re() * scale), T::of(v.im() * scale));
                }
                k += 2;
                continue;
            }
            let v = &mut x[k * n..][..n];
            v.fill(T::ZERO);
            v[k] = T::ONE;
            let shift = self.at(k, k);
            let system = System { form: self, shift: if left { shift.conjugate() } else { shift }, least };
            let product = |x: T, t: T| x * t;
            if left {
                system.forward(v, k, 1, product)
            } else {
                system.back(v, k, 1, product)
            }
            let scale = inverse_size(v);
            v.iter_mut().for_each(|v| *v = v.times(scale));
            k += 1;
        }
    }
}

/// Returns the reciprocal of the largest element's size.
#[inline(always)]
fn inverse_size<F: Number>(x: &[F]) -> F::R {
    F::R::ONE / x.iter().fold(F::R::SMALLEST, |size, x| size.max(x.size()))
}

impl<T: Number, F: Number<R = T::R>> System<'_, T, F> {
    /// Completes an eigenvector on the right from the elements of its block, by substitution from there to the first
    /// row. `times` multiplies an unknown with an element of the form.
    #[inline(always)]
    fn back(&self, x: &mut [F], k: usize, size: usize, times: impl Fn(F, T) -> F) {
        let form = self.form;
        let subtract = |x: &mut [F], j: usize, rows: usize| {
            let factor = x[j];
            for (x, t) in x[..rows].iter_mut().zip(&form.t[j * form.n..]) {
                *x -= times(factor, *t);
            }
        };
        x[..k].fill(F::ZERO);
        (k..k + size).for_each(|j| subtract(x, j, k));
        let mut end = k;
        while end > 0 {
            if end > 1 && form.is_block(end - 2) {
                let j = end - 2;
                let block = [form.at(j, j), form.at(j, j + 1), form.at(j + 1, j), form.at(j + 1, j + 1)];
                self.solve_block(x, j, block);
                subtract(x, j, j);
                subtract(x, j + 1, j);
                end = j;
            } else {
                let j = end - 1;
                self.divide(x, j, lift::<T, F>(form.at(j, j)) - self.shift);
                subtract(x, j, j);
                end = j;
            }
        }
    }

    /// Completes an eigenvector on the left from the elements of its block, by substitution from there to the last row.
    #[inline(always)]
    fn forward(&self, x: &mut [F], k: usize, size: usize, times: impl Fn(F, T) -> F) {
        let form = self.form;
        let sum = |x: &[F], j: usize, rows: usize| {
            let column = &form.t[j * form.n..];
            let mut sums = [F::ZERO; 4];
            for (i, (x, t)) in x[k..rows].iter().zip(&column[k..rows]).enumerate() {
                sums[i % 4] += times(*x, t.conjugate());
            }
            -(sums[0] + sums[1] + (sums[2] + sums[3]))
        };
        let mut j = k + size;
        while j < form.n {
            if form.is_block(j) {
                (x[j], x[j + 1]) = (sum(x, j, j), sum(x, j + 1, j));
                let block = [form.at(j, j), form.at(j + 1, j), form.at(j, j + 1), form.at(j + 1, j + 1)];
                self.solve_block(x, j, block);
                j += 2;
            } else {
                x[j] = sum(x, j, j);
                self.divide(x, j, lift::<T, F>(form.at(j, j).conjugate()) - self.shift);
                j += 1;
            }
        }
    }

    /// Divides an unknown. All of them are scaled first if the quotient would be too large.
    #[inline(always)]
    fn divide(&self, x: &mut [F], j: usize, divisor: F) {
        let divisor = self.no_smaller(divisor);
        self.make_room(x, x[j], divisor);
        x[j] = x[j].over(divisor);
    }

    #[inline(always)]
    fn no_smaller(&self, divisor: F) -> F {
        if divisor.size() < self.least { F::of(self.least) } else { divisor }
    }

    #[inline(always)]
    fn make_room(&self, x: &mut [F], dividend: F, divisor: F) {
        let most = T::R::ONE / T::R::SMALLEST.sqrt();
        let (quotient, divisor) = (dividend.size(), divisor.size().min(T::R::ONE));
        if quotient > most * divisor {
            let factor = most * divisor / quotient;
            x.iter_mut().for_each(|x| *x = x.times(factor));
        }
    }

    /// Solves for two unknowns, with the largest element of the block as the pivot.
    #[inline(always)]
    fn solve_block(&self, x: &mut [F], j: usize, block: [T; 4]) {
        let mut m = block.map(lift::<T, F>);
        (m[0], m[3]) = (m[0] - self.shift, m[3] - self.shift);
        let pivot = (1..4).fold(0, |pivot, i| if m[i].size() > m[pivot].size() { i } else { pivot });
        let (row, column) = (pivot / 2, pivot % 2);
        let at = |i: usize, k: usize| m[(i ^ row) * 2 + (k ^ column)];
        let first = self.no_smaller(at(0, 0));
        let factor = at(1, 0).over(first);
        let second = self.no_smaller(at(1, 1) - factor * at(0, 1));
        let most = x[j].size() + x[j + 1].size();
        self.make_room(x, F::of(most), second);
        let (x0, x1) = (x[j + row], x[j + 1 - row]);
        let last = (x1 - factor * x0).over(second);
        let rest = (x0 - at(0, 1) * last).over(first);
        (x[j + column], x[j + 1 - column]) = (rest, last);
    }
}

/// Returns an element of a Schur form as an unknown.
#[inline(always)]
fn lift<T: Number, F: Number<R = T::R>>(t: T) -> F {
    F::from_parts(t.re(), t.im())
}
