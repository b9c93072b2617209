//! What pictures are made of: numbers, and functions on grids.

use crate::scene::Point;

/// A number of any of Rust's types, or a reference to one.
pub trait Number {
    /// The value that stands for full intensity in an image: 255 for bytes, otherwise 1.
    const FULL: f64;

    /// The number as a float.
    fn float(self) -> f64;
}

macro_rules! numbers {
    ($($name:ident: $full:literal),*) => { $(
        impl Number for $name {
            const FULL: f64 = $full;

            fn float(self) -> f64 {
                self as f64
            }
        }
    )* };
}

numbers!(f32: 1.0, f64: 1.0, i8: 1.0, i16: 1.0, i32: 1.0, i64: 1.0, isize: 1.0);
numbers!(u8: 255.0, u16: 1.0, u32: 1.0, u64: 1.0, usize: 1.0);

impl<N: Number + Copy> Number for &N {
    const FULL: f64 = N::FULL;

    fn float(self) -> f64 {
        (*self).float()
    }
}

/// Numbers in a row: a slice, a vector, an array, a range such as `0..` or any iterator.
pub trait Data: IntoIterator<Item: Number> {}

impl<T: IntoIterator<Item: Number>> Data for T {}

pub(crate) fn floats(data: impl Data) -> Vec<f64> {
    data.into_iter().map(Number::float).collect()
}

/// Pairs of numbers, as many as the shorter one has.
pub(crate) fn pairs(x: impl Data, y: impl Data) -> Vec<Point> {
    x.into_iter().zip(y).map(|(x, y)| (x.float(), y.float())).collect()
}

/// The least and the greatest finite number.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// The range of values, or 0 to 1 if there is none, widened if it is a single value. Its width is a normal number.
pub(crate) fn proper(range: Option<(f64, f64)>) -> (f64, f64) {
    const FAR: f64 = 1e300;
    let Some((low, high)) = range.map(|(low, high)| (low.clamp(-FAR, FAR), high.clamp(-FAR, FAR))) else {
        return (0.0, 1.0);
    };
    let size = low.abs().max(high.abs());
    if size < 1.0 / FAR {
        (-0.5, 0.5)
    } else if high - low > size * 1e-14 {
        (low, high)
    } else {
        (low - size * 0.1, high + size * 0.1)
    }
}

/// `count` evenly spaced numbers, both ends included.
pub fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f64;
    (0..count).map(|i| if i > 0 && i + 1 == count { last } else { first + step * i as f64 }).collect()
}

/// Values of a function of two variables on a rectangular grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) z: Vec<f64>,
}

impl Grid {
    /// Values row by row: `z[row * x.len() + column]` belongs to `x[column]` and `y[row]`.
    ///
    /// # Panics
    ///
    /// If `z` does not have a value for each pair.
    #[track_caller]
    pub fn new(x: impl Data, y: impl Data, z: impl Data) -> Grid {
        let (x, y, z) = (floats(x), floats(y), floats(z));
        let (columns, rows) = (x.len(), y.len());
        assert!(
            z.len() == columns * rows,
            "a grid of {columns} columns and {rows} rows takes {} values, not {}",
            columns * rows,
            z.len()
        );
        Grid { x, y, z }
    }

    /// The values of a function on a grid of `count` by `count` points.
    pub fn of(x: std::ops::Range<f64>, y: std::ops::Range<f64>, count: usize, f: impl Fn(f64, f64) -> f64) -> Grid {
        let (x, y) = (linspace(x.start, x.end, count), linspace(y.start, y.end, count));
        let z = y.iter().flat_map(|y| x.iter().map(|x| f(*x, *y))).collect();
        Grid { x, y, z }
    }

    /// A matrix of a number of columns, given row by row. Its coordinates are the indices.
    ///
    /// # Panics
    ///
    /// If the last row is not complete.
    #[track_caller]
    pub fn matrix(columns: usize, z: impl Data) -> Grid {
        let z = floats(z);
        let rows = z.len().checked_div(columns).unwrap_or(0);
        Grid::new(0..columns, 0..rows, z)
    }

    /// The least and the greatest finite value.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        range(self.z.iter().copied())
    }

    pub(crate) fn value(&self, column: usize, row: usize) -> f64 {
        self.z[row * self.x.len() + column]
    }

    /// At most `count` columns and rows, evenly chosen, the first and the last included.
    pub(crate) fn thinned(&self, count: usize) -> Grid {
        let chosen = |n: usize| -> Vec<usize> {
            let kept = n.min(count.max(2));
            (0..kept).map(|i| if kept < 2 { 0 } else { i * (n - 1) / (kept - 1) }).collect()
        };
        let (columns, rows) = (chosen(self.x.len()), chosen(self.y.len()));
        Grid {
            x: columns.iter().map(|i| self.x[*i]).collect(),
            y: rows.iter().map(|j| self.y[*j]).collect(),
            z: rows.iter().flat_map(|j| columns.iter().map(|i| self.value(*i, *j))).collect(),
        }
    }
}

/// A histogram's edges and the number of values between each two.
pub(crate) fn counts(values: &[f64], bins: Option<usize>) -> (Vec<f64>, Vec<f64>) {
    let (low, high) = proper(range(values.iter().copied()));
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let bins = bins.unwrap_or_else(|| {
        // Freedman and Diaconis, "On the histogram as a density estimator" (1981).
        let width = 2.0 * quartiles(&finite) / (finite.len() as f64).cbrt();
        if width > 0.0 { ((high - low) / width).ceil().clamp(5.0, 80.0) as usize } else { 10 }
    });
    let mut counts = vec![0.0; bins.max(1)];
    let last = counts.len() - 1;
    for v in &finite {
        counts[(((v - low) / (high - low) * (last + 1) as f64) as usize).min(last)] += 1.0;
    }
    (linspace(low, high, counts.len() + 1), counts)
}

/// The distance between the first and the third quartile.
fn quartiles(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n => sorted[(3 * n / 4).min(n - 1)] - sorted[n / 4],
    }
}

/// The density of values by Gaussian kernels of Silverman's width ("Density Estimation", 1986, 3.31), at 256 places.
pub(crate) fn kernel_density(values: &[f64]) -> Vec<Point> {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let Some((low, high)) = range(finite.iter().copied()) else { return Vec::new() };
    let n = finite.len() as f64;
    let mean = finite.iter().sum::<f64>() / n;
    let deviation = (finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
    let spread = match quartiles(&finite) / 1.349 {
        q if q > 0.0 => deviation.min(q),
        _ => deviation,
    };
    let width = if spread > 0.0 { 0.9 * spread * n.powf(-0.2) } else { low.abs().max(1.0) * 0.05 };
    let (first, last) = (low - 3.0 * width, high + 3.0 * width);
    // Each value is divided between the two nearest of many places, so that the work does not grow with their number.
    let places = 1024;
    let step = (last - first) / (places - 1) as f64;
    let mut weights = vec![0.0; places];
    for v in &finite {
        let place = (v - first) / step;
        let (i, t) = ((place as usize).min(places - 2), place.fract());
        weights[i] += 1.0 - t;
        weights[i + 1] += t;
    }
    let scale = 1.0 / (n * width * std::f64::consts::TAU.sqrt());
    let reach = (5.0 * width / step).ceil() as usize;
    let density = |i: usize| {
        let near = i.saturating_sub(reach)..(i + reach + 1).min(places);
        near.map(|j| weights[j] * (-0.5 * ((i as f64 - j as f64) * step / width).powi(2)).exp()).sum::<f64>() * scale
    };
    (0..places).step_by(4).map(|i| (first + i as f64 * step, density(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_proper() {
        assert_eq!(proper(range([f64::NAN, 2.0, f64::INFINITY, -1.0])), (-1.0, 2.0));
        assert_eq!(proper(range([])), (0.0, 1.0));
        assert_eq!(proper(range([0.0, 0.0])), (-0.5, 0.5));
        let (low, high) = proper(range([5.0]));
        assert!(low < 5.0 && high > 5.0);
    }

    #[test]
    fn densities_integrate_to_one() {
        let values: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.37).sin() * 3.0).chain([f64::NAN]).collect();
        let density = kernel_density(&values);
        let area: f64 = density.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum();
        assert!((area - 1.0).abs() < 0.01, "{area}");
        assert_eq!(kernel_density(&[]), []);
        assert!(kernel_density(&[2.0; 5]).iter().all(|p| p.1.is_finite()));
    }

    #[test]
    fn every_value_is_counted() {
        let (edges, heights) = counts(&[0.0, 1.0, 1.0, 2.0, 10.0, f64::NAN], Some(5));
        assert_eq!(edges, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(heights, [3.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(counts(&[], None).1.iter().sum::<f64>(), 0.0);
    }

    #[test]
    fn thinning_keeps_the_ends() {
        let grid = Grid::of(0.0..1.0, 2.0..3.0, 101, |x, y| x * y).thinned(11);
        assert_eq!((grid.x.len(), grid.x[10], grid.y[10], grid.value(10, 10)), (11, 1.0, 3.0, 3.0));
    }
}
