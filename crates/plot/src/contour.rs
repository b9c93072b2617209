//! Marching squares: the regions where a function on a grid exceeds a level, and the lines around them.

use std::collections::HashMap;

use crate::data::Grid;
use crate::scene::Point;

/// The part of the grid where the function is at least a level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Region {
    /// The closed outlines of the region. Holes run the other way.
    pub(crate) outlines: Vec<Vec<Point>>,
    /// The lines inside the grid at which the function has the level.
    pub(crate) lines: Vec<Vec<Point>>,
}

/// Directed segments by the bits of their start.
#[derive(Default)]
struct Segments {
    by_start: HashMap<(u64, u64), Vec<(Point, Point)>>,
    order: Vec<Point>,
}

fn key(p: Point) -> (u64, u64) {
    // Zero and negative zero are the same place.
    ((p.0 + 0.0).to_bits(), (p.1 + 0.0).to_bits())
}

impl Segments {
    fn add(&mut self, a: Point, b: Point) {
        if key(a) != key(b) {
            self.by_start.entry(key(a)).or_default().push((a, b));
            self.order.push(a);
        }
    }

    fn take(&mut self, start: Point) -> Option<Point> {
        self.by_start.get_mut(&key(start))?.pop().map(|(_, end)| end)
    }

    /// Joins the segments to chains. Chains that do not close begin where no segment ends.
    fn chains(mut self) -> Vec<Vec<Point>> {
        let mut ends: HashMap<(u64, u64), isize> = HashMap::new();
        for (start, segments) in &self.by_start {
            *ends.entry(*start).or_default() -= segments.len() as isize;
            for (_, b) in segments {
                *ends.entry(key(*b)).or_default() += 1;
            }
        }
        let order = std::mem::take(&mut self.order);
        let open = order.iter().filter(|a| ends.get(&key(**a)).is_some_and(|n| *n < 0)).copied();
        let starts: Vec<Point> = open.chain(order.iter().copied()).collect();
        let mut chains = Vec::new();
        for start in starts {
            let Some(mut at) = self.take(start) else { continue };
            let mut chain = vec![start, at];
            while key(at) != key(start) {
                let Some(next) = self.take(at) else { break };
                chain.push(next);
                at = next;
            }
            chains.push(chain);
        }
        chains
    }
}

impl Grid {
    /// Whether all corners of a cell have a value.
    fn whole(&self, column: isize, row: isize) -> bool {
        let inside = |i: isize, n: usize| i >= 0 && (i as usize) + 1 < n;
        inside(column, self.x.len())
            && inside(row, self.y.len())
            && [(0, 0), (1, 0), (0, 1), (1, 1)]
                .iter()
                .all(|(i, j)| self.value(column as usize + i, row as usize + j).is_finite())
    }

    /// The region where the function is at least `level`. Cells with a corner that is not finite are left out.
    pub(crate) fn region(&self, level: f64) -> Region {
        let (mut border, mut inner) = (Segments::default(), Segments::default());
        let (columns, rows) = (self.x.len() as isize, self.y.len() as isize);
        for row in 0..rows - 1 {
            for column in 0..columns - 1 {
                if self.whole(column, row) {
                    self.cell(column, row, level, &mut border, &mut inner);
                }
            }
        }
        let lines = Segments { by_start: inner.by_start.clone(), order: inner.order.clone() }.chains();
        for (start, segments) in inner.by_start {
            border.by_start.entry(start).or_default().extend(segments);
        }
        border.order.extend(inner.order);
        Region { outlines: border.chains(), lines }
    }

    /// Adds the segments of one cell, with the region on their left.
    fn cell(&self, column: isize, row: isize, level: f64, border: &mut Segments, inner: &mut Segments) {
        let corner = |(i, j): (usize, usize)| {
            let (column, row) = (column as usize + i, row as usize + j);
            (self.x[column], self.y[row], self.value(column, row))
        };
        // Counterclockwise, and the cell on the other side of each side.
        let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(corner);
        let beyond = [(0, -1), (1, 0), (0, 1), (-1, 0)];
        let above = corners.map(|c| c.2 >= level);
        if !above.contains(&true) {
            return;
        }
        // Where the level crosses each side, computed alike from both cells.
        let crossing = |i: usize| {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            let (a, b) = if (a.0, a.1) < (b.0, b.1) { (a, b) } else { (b, a) };
            let t = (level - a.2) / (b.2 - a.2);
            (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
        };
        let place = |i: usize| (corners[i % 4].0, corners[i % 4].1);
        let (mut leaves, mut enters) = (Vec::new(), Vec::new());
        for i in 0..4 {
            let (here, next) = (above[i], above[(i + 1) % 4]);
            let outside = !self.whole(column + beyond[i].0, row + beyond[i].1);
            let (from, to) = match (here, next) {
                (true, true) => (place(i), place(i + 1)),
                (true, false) => {
                    leaves.push((i, crossing(i)));
                    (place(i), crossing(i))
                }
                (false, true) => {
                    enters.push((i, crossing(i)));
                    (crossing(i), place(i + 1))
                }
                (false, false) => continue,
            };
            if outside {
                border.add(from, to);
            }
        }
        // Each line starts where the outline leaves the region, and ends where it enters it again. With two of each,
        // the mean of the corners decides whether the two parts of the region are connected.
        let connected = corners.iter().map(|c| c.2).sum::<f64>() / 4.0 >= level;
        for (i, from) in &leaves {
            let after = |j: usize| (j + 4 - i) % 4;
            let chosen = match connected {
                true => enters.iter().min_by_key(|(j, _)| after(*j)),
                false => enters.iter().max_by_key(|(j, _)| after(*j)),
            };
            if let Some((_, to)) = chosen {
                inner.add(*from, *to);
            }
        }
    }
}

/// About `count` round levels inside a range.
pub(crate) fn levels((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let step = crate::scale::step(low, high, count);
    let (from, to) = ((low / step).floor(), (high / step).ceil());
    if to - from > 1000.0 || from.abs().max(to.abs()) > 1e15 {
        return vec![low, high];
    }
    (from as i64..=to as i64).map(|i| i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(outlines: &[Vec<Point>]) -> f64 {
        let one = |p: &Vec<Point>| {
            (0..p.len()).map(|i| (p[i], p[(i + 1) % p.len()])).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum::<f64>()
        };
        outlines.iter().map(one).sum::<f64>() / 2.0
    }

    #[test]
    fn a_disk_and_a_ring_have_their_area() {
        let grid = Grid::of(-2.0..2.0, -2.0..2.0, 201, |x, y| -(x * x + y * y));
        let disk = grid.region(-1.0);
        assert_eq!((disk.outlines.len(), disk.lines.len()), (1, 1));
        assert!((area(&disk.outlines) - std::f64::consts::PI).abs() < 1e-3);
        // Everything but a disk: the border of the grid, and a hole.
        let rest = Grid::of(-2.0..2.0, -2.0..2.0, 201, |x, y| x * x + y * y).region(1.0);
        assert_eq!((rest.outlines.len(), rest.lines.len()), (2, 1));
        assert!((area(&rest.outlines) - (16.0 - std::f64::consts::PI)).abs() < 1e-3);
    }

    #[test]
    fn saddles_plateaus_and_gaps_have_closed_outlines() {
        let wild = |x: f64, y: f64| ((3.0 * x).sin() * (3.0 * y).cos() * 3.0).round();
        let mut grid = Grid::of(-2.0..2.0, -2.0..2.0, 40, wild);
        for level in [-2.0, -1.0, 0.0, 0.5, 1.0, 3.0] {
            for outline in grid.region(level).outlines {
                assert_eq!(outline.first(), outline.last(), "at {level}");
            }
        }
        grid.z[850] = f64::NAN;
        grid.z[3] = f64::INFINITY;
        let everything = grid.region(-9.0);
        let cell = (4.0f64 / 39.0).powi(2);
        assert!((area(&everything.outlines) - (16.0 - 6.0 * cell)).abs() < 1e-9, "the cells at the gaps are left out");
    }

    #[test]
    fn levels_are_round() {
        assert_eq!(levels((0.03, 0.97), 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
    }
}
