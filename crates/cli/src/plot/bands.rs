//! A function on a grid, cut into the areas between levels.

/// Values of a function on a grid: `z[row * x.len() + column]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid<'a> {
    pub(crate) x: &'a [f64],
    pub(crate) y: &'a [f64],
    pub(crate) z: &'a [f64],
}

type Vertex = (f64, f64, f64);

impl Grid<'_> {
    /// The vertex at a column and a row.
    pub(crate) fn at(&self, column: usize, row: usize) -> Vertex {
        (self.x[column], self.y[row], self.z[row * self.x.len() + column])
    }

    /// The two triangles of each cell.
    fn triangles(&self, column: usize, row: usize) -> [[Vertex; 3]; 2] {
        let [a, b] = [self.at(column, row), self.at(column + 1, row)];
        let [c, d] = [self.at(column + 1, row + 1), self.at(column, row + 1)];
        [[a, b, c], [a, c, d]]
    }

    /// Polygons that fill the plane, each with the index of its band. Band `i` is between `levels[i]` and `levels[i +
    /// 1]`; the first and the last band have no outer bound. Adjacent cells of one row in the same band are joined.
    pub(crate) fn bands(&self, levels: &[f64]) -> Vec<(usize, Vec<(f64, f64)>)> {
        let last = levels.len() - 2;
        let band = |z: f64| levels[1..=last].iter().filter(|l| **l <= z).count();
        let mut polygons = Vec::new();
        for row in 0..self.y.len() - 1 {
            let mut run: Option<(usize, usize)> = None;
            for column in 0..self.x.len() {
                let cell = (column + 1 < self.x.len()).then(|| {
                    let [t, u] = self.triangles(column, row);
                    let bands = [t[0], t[1], t[2], u[2]].map(|v| band(v.2));
                    (bands.into_iter().min().unwrap_or(0), bands.into_iter().max().unwrap_or(0))
                });
                let whole = cell.filter(|(low, high)| low == high).map(|(low, _)| low);
                if let Some((start, of)) = run
                    && whole != Some(of)
                {
                    let (x0, x1, y0, y1) = (self.x[start], self.x[column], self.y[row], self.y[row + 1]);
                    polygons.push((of, vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)]));
                    run = None;
                }
                match (cell, whole) {
                    (Some(_), Some(of)) => run = run.or(Some((column, of))),
                    (Some((low, high)), None) => {
                        for triangle in self.triangles(column, row) {
                            for of in low..=high {
                                let mut polygon = triangle.to_vec();
                                if of > 0 {
                                    polygon = clipped(&polygon, levels[of], 1.0);
                                }
                                if of < last {
                                    polygon = clipped(&polygon, levels[of + 1], -1.0);
                                }
                                if polygon.len() > 2 {
                                    polygons.push((of, polygon.iter().map(|v| (v.0, v.1)).collect()));
                                }
                            }
                        }
                    }
                    (None, _) => {}
                }
            }
        }
        polygons
    }

    /// The segments of the contour lines at the levels.
    pub(crate) fn contours(&self, levels: &[f64]) -> Vec<[(f64, f64); 2]> {
        let mut segments = Vec::new();
        for row in 0..self.y.len() - 1 {
            for column in 0..self.x.len() - 1 {
                for triangle in self.triangles(column, row) {
                    for level in levels {
                        let mut ends = (0..3)
                            .map(|i| (triangle[i], triangle[(i + 1) % 3]))
                            .filter(|(a, b)| (a.2 < *level) != (b.2 < *level))
                            .map(|(a, b)| crossing(a, b, *level));
                        if let (Some(a), Some(b)) = (ends.next(), ends.next()) {
                            segments.push([(a.0, a.1), (b.0, b.1)]);
                        }
                    }
                }
            }
        }
        segments
    }
}

fn crossing(a: Vertex, b: Vertex, level: f64) -> Vertex {
    let t = (level - a.2) / (b.2 - a.2);
    (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1), level)
}

/// The part of a polygon above a level (`side` 1) or below it (`side` -1).
fn clipped(polygon: &[Vertex], level: f64, side: f64) -> Vec<Vertex> {
    let inside = |v: Vertex| (v.2 - level) * side >= 0.0;
    let mut out = Vec::with_capacity(polygon.len() + 1);
    for (i, a) in polygon.iter().enumerate() {
        let b = polygon[(i + 1) % polygon.len()];
        if inside(*a) {
            out.push(*a);
        }
        if inside(*a) != inside(b) {
            out.push(crossing(*a, b, level));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_fill_the_plane() {
        let ruler: Vec<f64> = (0..20).map(f64::from).collect();
        let z: Vec<f64> = ruler.iter().flat_map(|y| ruler.iter().map(move |x| (x - 7.0).powi(2) + x * y)).collect();
        let grid = Grid { x: &ruler, y: &ruler, z: &z };
        let area = |p: &[(f64, f64)]| {
            let cross = (0..p.len()).map(|i| (p[i], p[(i + 1) % p.len()])).map(|(a, b)| a.0 * b.1 - a.1 * b.0);
            cross.sum::<f64>().abs() / 2.0
        };
        let total: f64 = grid.bands(&[0.0, 20.0, 50.0, 100.0, 300.0]).iter().map(|(_, p)| area(p)).sum();
        assert!((total - 361.0).abs() < 1e-9, "{total}");
    }
}
