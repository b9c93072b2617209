//! The roots of 1/ρ + Σ zᵢ² / (dᵢ − λ), and the vectors that belong to them.

use xla::Threads;

use crate::scalar::Scalar;

/// The equation for ascending poles dᵢ, or for their squares.
#[derive(Clone, Copy)]
pub(super) struct Secular<'a> {
    pub(super) poles: &'a [f64],
    /// The squares of z.
    pub(super) weights: &'a [f64],
    /// 1/ρ, which is positive.
    pub(super) inverse: f64,
    pub(super) squared: bool,
}

/// The number of roots that a thread finds at a time.
const ROOTS: usize = 32;
/// The number of sums that run side by side, which the compiler computes in vector registers.
const LANES: usize = 8;

impl Secular<'_> {
    /// Returns the distance between two poles, or their squares.
    #[inline(always)]
    fn gap(&self, i: usize, j: usize) -> f64 {
        let (x, y) = (self.poles[i], self.poles[j]);
        if self.squared { (x - y) * (x + y) } else { x - y }
    }

    /// Computes the roots in ascending order. Column j of `gaps` has the distance of each pole from root j. `z` becomes
    /// the vector for which these are the exact roots, so that the vectors are orthogonal.
    pub(super) fn solve(self, threads: Threads<'_>, gaps: &mut [f64], roots: &mut [f64], z: &mut [f64]) {
        let n = roots.len();
        let some = if n < 4 * ROOTS { n } else { ROOTS };
        let pieces = gaps.chunks_mut(some * n).zip(roots.chunks_mut(some)).enumerate();
        threads.for_each(pieces, |(i, (gaps, roots))| find(self, i * some, gaps, roots));
        let gaps = &*gaps;
        threads.for_each(z.chunks_mut(some).enumerate(), |(i, z)| reweigh(self, i * some, gaps, z));
    }

    /// Computes root j. `gaps` becomes the distances of the poles from it.
    #[inline(always)]
    fn root(&self, j: usize, gaps: &mut [f64]) -> f64 {
        let (n, weights) = (gaps.len(), self.weights);
        let last = j + 1 == n;
        (0..n).for_each(|i| gaps[i] = self.gap(i, j));
        let span = if last { weights.iter().sum::<f64>() / self.inverse } else { gaps[j + 1] };
        let mut t = 0.5 * span;
        // The last root may be at the end of its interval.
        let (mut low, mut high) = (0.0, if last { span * 1.0001 } else { span });
        let mut origin = j;
        for round in 0..100 {
            let (before, slope_before) = sums(&gaps[..=j], &weights[..=j], t);
            let (after, slope_after) = sums(&gaps[j + 1..], &weights[j + 1..], t);
            let value = self.inverse + before + after;
            if value < 0.0 {
                low = t;
            } else {
                high = t;
            }
            let size = self.inverse - before + after;
            let narrow = high - low <= 2.0 * f64::EPSILON * low.abs().max(high.abs());
            if round > 0 && (value.abs() <= 4.0 * f64::EPSILON * size || narrow) {
                break;
            }
            let mut next = t + step(value, gaps[j] - t, slope_before, gaps.get(j + 1).map(|x| x - t), slope_after);
            if round == 0 && !last && value < 0.0 {
                // The distances from the nearer pole are exact.
                origin = j + 1;
                (0..n).for_each(|i| gaps[i] = self.gap(i, origin));
                (low, high, next) = (0.5 * gaps[j], 0.0, next - span);
            }
            if !(next > low && next < high) {
                next = 0.5 * (low + high);
            }
            if next == t || next == low || next == high {
                break;
            }
            t = next;
        }
        gaps.iter_mut().for_each(|gap| *gap -= t);
        let pole = self.poles[origin];
        if self.squared { pole + t / (pole + (pole * pole + t).sqrt()) } else { pole + t }
    }
}

/// Returns the step to the root of the rational function that has the same value, and on each side of the root the same
/// slope, with one pole on each side (Li, "Solving secular equations stably and efficiently", 1993).
#[inline(always)]
fn step(value: f64, left: f64, slope_left: f64, right: Option<f64>, slope_right: f64) -> f64 {
    let Some(right) = right else {
        return left + left * left * slope_left / (value - left * slope_left);
    };
    let c = value - left * slope_left - right * slope_right;
    let a = (left + right) * value - left * right * (slope_left + slope_right);
    let b = left * right * value;
    let root = (a * a - 4.0 * b * c).max(0.0).sqrt();
    if a <= 0.0 { (a - root) / (2.0 * c) } else { 2.0 * b / (a + root) }
}

/// Returns Σ w / (g − t) and its derivative.
#[inline(always)]
fn sums(gaps: &[f64], weights: &[f64], t: f64) -> (f64, f64) {
    let (mut values, mut slopes) = ([0.0; LANES], [0.0; LANES]);
    let ((gaps, last_gaps), (weights, last_weights)) = (gaps.as_chunks::<LANES>(), weights.as_chunks::<LANES>());
    for (gaps, weights) in gaps.iter().zip(weights) {
        for i in 0..LANES {
            let inverse = 1.0 / (gaps[i] - t);
            let term = weights[i] * inverse;
            values[i] += term;
            slopes[i] += term * inverse;
        }
    }
    for (i, (gap, weight)) in last_gaps.iter().zip(last_weights).enumerate() {
        let inverse = 1.0 / (gap - t);
        let term = weight * inverse;
        values[i] += term;
        slopes[i] += term * inverse;
    }
    (values.iter().sum(), slopes.iter().sum())
}

vectorized! {
fn find<'a,>(secular: Secular<'a>, first: usize, gaps: &'a mut [f64], roots: &'a mut [f64]) {
    let n = secular.poles.len();
    for (j, (gaps, root)) in gaps.chunks_exact_mut(n).zip(roots).enumerate() {
        *root = secular.root(first + j, gaps);
    }
}
}

vectorized! {
/// Computes the elements of z from `first` on from the distances of all roots. The signs are those of z.
fn reweigh<'a,>(secular: Secular<'a>, first: usize, gaps: &'a [f64], z: &'a mut [f64]) {
    let poles = secular.poles;
    let own = &poles[first..first + z.len()];
    let mut products = vec![1.0; z.len()];
    for (j, gaps) in gaps.chunks_exact(poles.len()).enumerate() {
        let (gaps, pole) = (&gaps[first..first + z.len()], poles[j]);
        let mut times = |range: std::ops::Range<usize>| {
            let terms = products[range.clone()].iter_mut().zip(&gaps[range.clone()]).zip(&own[range]);
            if secular.squared {
                terms.for_each(|((product, gap), own)| *product *= gap / ((own - pole) * (own + pole)));
            } else {
                terms.for_each(|((product, gap), own)| *product *= gap / (own - pole));
            }
        };
        match j.checked_sub(first).filter(|i| *i < gaps.len()) {
            None => times(0..gaps.len()),
            Some(i) => {
                times(0..i);
                times(i + 1..gaps.len());
                products[i] *= -gaps[i];
            }
        }
    }
    z.iter_mut().zip(products).for_each(|(z, product)| *z = product.abs().sqrt().copysign(*z));
}
}

/// Computes the vectors of the roots, of length one, with their elements in the order of `places`: z / gap on the right,
/// and d z / gap on the left, if that is wanted, where the first element is −1.
pub(super) fn vectors<R: Scalar>(
    threads: Threads<'_>,
    gaps: &mut [f64],
    poles: &[f64],
    z: &[f64],
    places: &[usize],
    right: &mut [R],
    left: Option<&mut [R]>,
) {
    let n = z.len();
    let some = n * if n < 4 * ROOTS { n } else { ROOTS };
    match left {
        None => threads.for_each(gaps.chunks_mut(some).zip(right.chunks_mut(some)), |(gaps, right)| {
            some_vectors(gaps, poles, z, places, right, &mut []);
        }),
        Some(left) => {
            let pieces = gaps.chunks_mut(some).zip(right.chunks_mut(some)).zip(left.chunks_mut(some));
            threads.for_each(pieces, |((gaps, right), left)| some_vectors(gaps, poles, z, places, right, left));
        }
    }
}

vectorized! {
fn some_vectors<'a, R: Scalar>(
    gaps: &'a mut [f64],
    poles: &'a [f64],
    z: &'a [f64],
    places: &'a [usize],
    right: &'a mut [R],
    left: &'a mut [R],
) {
    let n = z.len();
    let mut left = left.chunks_exact_mut(n);
    for (x, right) in gaps.chunks_exact_mut(n).zip(right.chunks_exact_mut(n)) {
        x.iter_mut().zip(z).for_each(|(x, z)| *x = z / *x);
        unit(x, places, right);
        if let Some(left) = left.next() {
            x.iter_mut().zip(poles).for_each(|(x, pole)| *x *= pole);
            x[0] = -1.0;
            unit(x, places, left);
        }
    }
}
}

/// Scales a vector to length one.
#[inline(always)]
fn unit<R: Scalar>(x: &[f64], places: &[usize], to: &mut [R]) {
    let mut squares = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for x in chunks {
        squares.iter_mut().zip(x).for_each(|(sum, x)| *sum += x * x);
    }
    squares.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x * x);
    let scale = 1.0 / squares.iter().sum::<f64>().sqrt();
    to.iter_mut().zip(places).for_each(|(to, place)| *to = R::nearest([x[*place] * scale, 0.0]));
}
