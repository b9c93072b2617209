//! Balancing: permutations that isolate eigenvalues, and scaling by powers of two that brings norms together.

use super::number::{Number, Real};
use super::vector::{columns, norm};

/// What [`balance`] did.
pub(super) struct Balance<R> {
    /// The rows and columns of the block in the middle. Outside it, the matrix is triangular.
    pub(super) low: usize,
    pub(super) high: usize,
    /// For a row outside the block, the row that it was exchanged with; inside it, the scale.
    exchanges: Vec<usize>,
    scales: Vec<R>,
}

impl<R: Real> Balance<R> {
    pub(super) fn new(n: usize) -> Balance<R> {
        Balance { low: 0, high: n, exchanges: vec![0; n], scales: vec![R::ONE; n] }
    }

    /// Permutes a matrix in place, and scales it if that is wanted (LAPACK's `gebal`).
    #[inline(always)]
    pub(super) fn balance<T: Number<R = R>>(&mut self, a: &mut [T], n: usize, scaled: bool) {
        (self.low, self.high) = (0, n);
        self.scales.fill(R::ONE);
        // Rows that isolate an eigenvalue move to the end.
        let mut found = true;
        while found && self.high > 0 {
            found = false;
            for i in (0..self.high).rev() {
                let high = self.high;
                if i < high && (0..high).all(|j| i == j || a[j * n + i] == T::ZERO) {
                    self.exchanges[high - 1] = i;
                    swap(a, n, i, high - 1, high, self.low);
                    found = true;
                    if high == 1 {
                        (self.low, self.high) = (0, 1);
                        return;
                    }
                    self.high -= 1;
                }
            }
        }
        // Columns that do so move to the front.
        let mut found = true;
        while found {
            found = false;
            let mut j = self.low;
            while j < self.high {
                let low = self.low;
                if (low..self.high).all(|i| i == j || a[j * n + i] == T::ZERO) {
                    self.exchanges[low] = j;
                    swap(a, n, j, low, self.high, low);
                    found = true;
                    self.low += 1;
                }
                j += 1;
            }
        }
        if scaled {
            self.scale(a, n);
        }
    }

    /// Scales rows and columns of the block until the norms of each row and its column are close.
    #[inline(always)]
    fn scale<T: Number<R = R>>(&mut self, a: &mut [T], n: usize) {
        let two = R::literal(2.0);
        let least = R::SMALLEST / R::EPSILON * two;
        let most = R::ONE / least;
        let (low, high) = (self.low, self.high);
        let mut row: Vec<T> = vec![T::ZERO; n - low];
        let mut again = true;
        while again {
            again = false;
            for i in low..high {
                for (to, j) in row.iter_mut().zip(low..n) {
                    *to = a[j * n + i];
                }
                let largest = |x: &[T]| x.iter().fold(R::ZERO, |largest, x| largest.max(x.size()));
                let (mut c, mut r) = (norm(&a[i * n + low..i * n + high]), norm(&row[..high - low]));
                if c == R::ZERO || r == R::ZERO {
                    continue;
                }
                let (mut ca, mut ra) = (largest(&a[i * n..i * n + high]), largest(&row));
                let (sum, mut factor) = (c + r, R::ONE);
                let mut g = r / two;
                while c < g && factor.max(c).max(ca) < most && r.min(g).min(ra) > least {
                    (factor, c, ca) = (factor * two, c * two, ca * two);
                    (r, g, ra) = (r / two, g / two, ra / two);
                }
                g = c / two;
                while g >= r && r.max(ra) < most && factor.min(c).min(g).min(ca) > least {
                    (factor, c, g, ca) = (factor / two, c / two, g / two, ca / two);
                    (r, ra) = (r * two, ra * two);
                }
                let scale = self.scales[i];
                let out_of_range = factor < R::ONE && scale < R::ONE && factor * scale <= least
                    || factor > R::ONE && scale > R::ONE && scale >= most / factor;
                if c + r >= R::literal(0.95) * sum || out_of_range {
                    continue;
                }
                self.scales[i] *= factor;
                again = true;
                let down = R::ONE / factor;
                for j in low..n {
                    a[j * n + i] = a[j * n + i].times(down);
                }
                a[i * n..i * n + high].iter_mut().for_each(|x| *x = x.times(factor));
            }
        }
    }

    /// Turns eigenvectors or Schur vectors of the balanced matrix, given as columns, into those of the matrix
    /// (LAPACK's `gebak`).
    #[inline(always)]
    pub(super) fn undo<T: Number<R = R>>(&self, v: &mut [T], n: usize, left: bool) {
        for (i, scale) in self.scales.iter().enumerate().take(self.high).skip(self.low) {
            if *scale != R::ONE {
                let factor = if left { R::ONE / *scale } else { *scale };
                v.chunks_exact_mut(n).for_each(|column| column[i] = column[i].times(factor));
            }
        }
        for i in (0..self.low).rev().chain(self.high..n) {
            let k = self.exchanges[i];
            if k != i {
                v.chunks_exact_mut(n).for_each(|column| column.swap(i, k));
            }
        }
    }
}

/// Exchanges two rows and the columns of the same indices, where they are not known to be zero.
#[inline(always)]
fn swap<T: Copy>(a: &mut [T], n: usize, i: usize, j: usize, rows: usize, from: usize) {
    if i != j {
        let (x, y) = columns(a, n, i.min(j), i.max(j));
        x[..rows].swap_with_slice(&mut y[..rows]);
        a.chunks_exact_mut(n).skip(from).for_each(|column| column.swap(i, j));
    }
}
