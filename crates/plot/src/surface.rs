//! A surface in space: in perspective, in a box with three walls, painted from the farthest cell to the nearest.

use crate::color::{Color, Map, Paint};
use crate::data::{Grid, proper, range};
use crate::layout::{BAR, Margins, Sizes, head, widest};
use crate::scale::{labels, ticks};
use crate::scene::{Anchor, Point, Scene, Shape};

/// A function of two variables as a surface in space.
///
/// ```
/// use cotangent_plot::{Grid, Surface};
///
/// let saddle = Grid::of(-1.0..1.0, -1.0..1.0, 40, |x, y| x * x - y * y);
/// let svg = Surface::new(&saddle).title("A saddle").view(35.0, -50.0).svg();
/// assert!(svg.contains("A saddle"));
/// ```
#[derive(Clone, Debug)]
pub struct Surface {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    names: [String; 3],
    grid: Grid,
    map: Map,
    elevation: f64,
    azimuth: f64,
    path: Vec<[f64; 3]>,
}

/// The sides of the box.
const SIDES: [f64; 3] = [1.19, 1.19, 0.893];
/// The distance of the eye.
const DISTANCE: f64 = 10.0;
/// The cells that are drawn along each axis, at most.
const CELLS: usize = 50;

impl Surface {
    /// The surface of the values on a grid.
    pub fn new(grid: &Grid) -> Surface {
        let names = ["x", "y", "z"].map(String::from);
        let (title, subtitle) = (String::new(), String::new());
        Surface {
            title,
            subtitle,
            names,
            grid: grid.clone(),
            map: Map::default(),
            elevation: 28.0,
            azimuth: -55.0,
            path: Vec::new(),
        }
    }

    /// The title.
    pub fn title(mut self, text: impl Into<String>) -> Surface {
        self.title = text.into();
        self
    }

    /// A smaller line below the title.
    pub fn subtitle(mut self, text: impl Into<String>) -> Surface {
        self.subtitle = text.into();
        self
    }

    /// The names of the axes.
    pub fn names(mut self, x: impl Into<String>, y: impl Into<String>, z: impl Into<String>) -> Surface {
        self.names = [x.into(), y.into(), z.into()];
        self
    }

    /// The color map of the heights.
    pub fn map(mut self, map: Map) -> Surface {
        self.map = map;
        self
    }

    /// The direction it is seen from, in degrees: the height above the floor, and the angle around the vertical axis. What
    /// is not finite changes nothing.
    pub fn view(mut self, elevation: f64, azimuth: f64) -> Surface {
        if elevation.is_finite() && azimuth.is_finite() {
            (self.elevation, self.azimuth) = (elevation.clamp(-89.0, 89.0), azimuth);
        }
        self
    }

    /// A line in space, drawn over the surface.
    pub fn path(mut self, points: impl IntoIterator<Item = [f64; 3]>) -> Surface {
        self.path = points.into_iter().collect();
        self
    }

    /// What a script needs to draw it from another side, as JSON: `x`, `y`, and `z` row by row with at most `cells`
    /// values along each axis, the `names` of the axes, the `view` (elevation and azimuth), colors of the `map` from
    /// low to high, and the points of the `path`. Numbers that are not finite are `null`.
    pub fn json(&self, cells: usize) -> String {
        let number = |v: &f64| match *v as f32 {
            v if v.is_finite() => format!("{v}"),
            _ => "null".into(),
        };
        let list = |values: &[f64]| format!("[{}]", values.iter().map(number).collect::<Vec<_>>().join(","));
        let quoted =
            |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('<', "\\u003c"));
        let names: Vec<String> = self.names.iter().map(quoted).collect();
        let map: Vec<String> = (0..=32).map(|i| quoted(&self.map.at(f64::from(i) / 32.0).css())).collect();
        let path: Vec<String> = self.path.iter().map(|p| list(p)).collect();
        let grid = self.grid.thinned(cells);
        format!(
            "{{\"x\":{},\"y\":{},\"z\":{},\"names\":[{}],\"view\":{},\"map\":[{}],\"path\":[{}]}}",
            list(&grid.x),
            list(&grid.y),
            list(&grid.z),
            names.join(","),
            list(&[self.elevation, self.azimuth]),
            map.join(","),
            path.join(",")
        )
    }

    pub(crate) fn margins(&self, (width, _): (f64, f64)) -> Margins {
        let sizes = Sizes::of(width);
        let (low, high) = self.heights();
        let numbers: Vec<_> = bar_ticks(low, high);
        let right = 16.0 + BAR + 7.0 + widest(&numbers, sizes.tick);
        let top = head(&self.title, &self.subtitle, sizes, width).height;
        Margins { left: 0.0, top, right, bottom: 0.0 }
    }

    fn heights(&self) -> (f64, f64) {
        proper(self.grid.range())
    }

    pub(crate) fn draw(&self, scene: &mut Scene, cell: [f64; 4], frame: [f64; 4]) {
        let sizes = Sizes::of(cell[2] - cell[0]);
        let data = vec![("frame", frame.map(crate::svg::short).join(" "))];
        scene.shapes.push(Shape::Begin { class: "surface", label: self.title.clone(), data, clip: None });
        let head = head(&self.title, &self.subtitle, sizes, cell[2] - cell[0]);
        let below = scene.paragraph((cell[0], cell[1]), &head.title, sizes.title, Paint::Ink);
        scene.paragraph((cell[0], cell[1] + below), &head.subtitle, sizes.subtitle, Paint::Soft);
        let grid = self.grid.thinned(CELLS);
        let heights = self.heights();
        let margin = |(a, b): (f64, f64)| (a - (b - a) / 48.0, b + (b - a) / 48.0);
        let ends = |v: &[f64]| margin(proper(range(v.iter().copied())));
        let bounds = [ends(&grid.x), ends(&grid.y), margin(heights)];
        let camera = Camera::new(self, bounds, frame, sizes.tick);
        scene.shapes.push(Shape::Begin { class: "space", label: String::new(), data: Vec::new(), clip: None });
        self.walls(scene, &camera, sizes);
        cells(scene, &camera, &grid, heights, self.map);
        if !self.path.is_empty() {
            let points: Vec<Point> = self.path.iter().map(|p| camera.see(*p).0).filter(|p| p.0.is_finite()).collect();
            scene.line(points.clone(), Paint::Paper, 5.0);
            scene.line(points, Paint::Series(1), 2.6);
        }
        scene.shapes.push(Shape::End);
        bar(scene, self.map, heights, frame, sizes.tick);
        scene.shapes.push(Shape::End);
        // What lies beyond the numbers leaves no trace.
        scene.shapes.retain(Shape::is_finite);
    }

    /// The three walls behind the surface, with lines at the ticks, and the names and numbers at the edges before it.
    fn walls(&self, scene: &mut Scene, camera: &Camera, sizes: Sizes) {
        let far = camera.far();
        let near = [0, 1, 2].map(|i| camera.opposite(i, far[i]));
        let corner = |x: f64, y: f64, z: f64| camera.see([x, y, z]).0;
        let with = |axis: usize, value: f64, mut p: [f64; 3]| {
            p[axis] = value;
            camera.see(p).0
        };
        for axis in 0..3 {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            let at = |a: f64, b: f64| {
                let mut p = far;
                (p[u], p[v]) = (a, b);
                camera.see(p).0
            };
            let outline = vec![at(far[u], far[v]), at(near[u], far[v]), at(near[u], near[v]), at(far[u], near[v])];
            scene.area(outline.clone(), Paint::Wall);
            scene.line(outline.into_iter().cycle().take(5).collect(), Paint::Rule, 1.0);
        }
        for axis in 0..3 {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            for (value, _) in camera.ticks(axis) {
                let (mut to_u, mut to_v) = (far, far);
                (to_u[u], to_v[v]) = (near[u], near[v]);
                let points = vec![with(axis, value, to_u), with(axis, value, far), with(axis, value, to_v)];
                scene.line(points, Paint::Rule, 0.9);
            }
        }
        // The edges that carry numbers: two at the floor, and the left one of the two upright ones at the side.
        let sides = [[far[0], near[1]], [near[0], far[1]]];
        let foot = |s: [f64; 2]| corner(s[0], s[1], far[2]).0;
        let side = if foot(sides[0]) <= foot(sides[1]) { sides[0] } else { sides[1] };
        let edges = [[0.0, near[1], far[2]], [near[0], 0.0, far[2]], [side[0], side[1], 0.0]];
        let middle = camera.see([0, 1, 2].map(|i| (camera.bounds[i].0 + camera.bounds[i].1) / 2.0)).0;
        for (axis, edge) in edges.into_iter().enumerate() {
            let (first, last) = camera.bounds[axis];
            let (a, b) = (with(axis, first, edge), with(axis, last, edge));
            scene.line(vec![a, b], Paint::Soft, 1.0);
            // Perpendicular to the edge, away from the middle of the box.
            let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-9);
            let normal = ((b.1 - a.1) / length, -(b.0 - a.0) / length);
            let outward = (a.0 + b.0) / 2.0 - middle.0;
            let downward = (a.1 + b.1) / 2.0 - middle.1;
            let sign = if normal.0 * outward + normal.1 * downward < 0.0 { -1.0 } else { 1.0 };
            let normal = (normal.0 * sign, normal.1 * sign);
            let anchor = |n: f64| {
                if n > 0.35 {
                    Anchor::Left
                } else if n < -0.35 {
                    Anchor::Right
                } else {
                    Anchor::Middle
                }
            };
            let ticks = camera.ticks(axis);
            let room = (last - first) * 0.03;
            let mut before: Option<[f64; 4]> = None;
            for (value, text) in ticks.iter().filter(|t| t.0 > first + room && t.0 < last - room) {
                let at = with(axis, *value, edge);
                let by = 7.0 + sizes.tick * 0.5 * normal.1.abs();
                let at = (at.0 + normal.0 * by, at.1 + normal.1 * by);
                let (text, size, fill) = (text.clone(), sizes.tick, Paint::Ink.into());
                let label =
                    crate::scene::Label { at, text, size, fill, anchor: anchor(normal.0), upright: false, halo: false };
                if before.is_none_or(|b| !crate::scene::overlap(b, label.bounds())) {
                    before = Some(label.bounds());
                    scene.shapes.push(Shape::Text(label));
                }
            }
            let by =
                16.0 + sizes.tick * normal.1.abs() + widest(&ticks, sizes.tick) * normal.0.abs() + sizes.name * 0.5;
            let at = ((a.0 + b.0) / 2.0 + normal.0 * by, (a.1 + b.1) / 2.0 + normal.1 * by);
            scene.text(at, &self.names[axis], sizes.name, Paint::Ink, anchor(normal.0));
        }
    }
}

/// Maps values to the scene.
struct Camera {
    right: [f64; 3],
    up: [f64; 3],
    forward: [f64; 3],
    bounds: [(f64, f64); 3],
    zoom: f64,
    shift: Point,
}

impl Camera {
    /// A camera that shows the whole box inside a frame, with space for the numbers around it.
    fn new(surface: &Surface, bounds: [(f64, f64); 3], frame: [f64; 4], size: f64) -> Camera {
        let (elevation, azimuth) = (surface.elevation.to_radians(), surface.azimuth.to_radians());
        let (se, ce, sa, ca) = (elevation.sin(), elevation.cos(), azimuth.sin(), azimuth.cos());
        let (right, up, forward) = ([-sa, ca, 0.0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]);
        let mut camera = Camera { right, up, forward, bounds, zoom: 1.0, shift: (0.0, 0.0) };
        let corners = (0..8).map(|i| [0, 1, 2].map(|k| if i >> k & 1 == 0 { bounds[k].0 } else { bounds[k].1 }));
        let seen: Vec<Point> = corners.map(|p| camera.see(p).0).collect();
        let (left, right) = range(seen.iter().map(|p| p.0)).unwrap_or((-1.0, 1.0));
        let (top, bottom) = range(seen.iter().map(|p| p.1)).unwrap_or((-1.0, 1.0));
        let numbers = widest(&camera.ticks(2), size);
        let inner = [frame[0] + numbers + 34.0, frame[1] + 8.0, frame[2] - 30.0, frame[3] - 3.6 * size];
        let (width, height) = ((inner[2] - inner[0]).max(20.0), (inner[3] - inner[1]).max(20.0));
        camera.zoom = (width / (right - left)).min(height / (bottom - top));
        let center = ((left + right) / 2.0 * camera.zoom, (top + bottom) / 2.0 * camera.zoom);
        camera.shift = ((inner[0] + inner[2]) / 2.0 - center.0, (inner[1] + inner[3]) / 2.0 - center.1);
        camera
    }

    /// The projection of a point, and how near it is.
    fn see(&self, p: [f64; 3]) -> (Point, f64) {
        let unit = |i: usize| ((p[i] - self.bounds[i].0) / (self.bounds[i].1 - self.bounds[i].0) - 0.5) * SIDES[i];
        let dot = |v: &[f64; 3]| (0..3).map(|i| v[i] * unit(i)).sum::<f64>();
        let near = dot(&self.forward);
        let scale = self.zoom * DISTANCE / (DISTANCE - near);
        ((self.shift.0 + dot(&self.right) * scale, self.shift.1 - dot(&self.up) * scale), near)
    }

    /// The corner of the box that is farthest away.
    fn far(&self) -> [f64; 3] {
        [0, 1, 2].map(|i| if self.forward[i] > 0.0 { self.bounds[i].0 } else { self.bounds[i].1 })
    }

    fn opposite(&self, axis: usize, value: f64) -> f64 {
        let (low, high) = self.bounds[axis];
        if value == low { high } else { low }
    }

    fn ticks(&self, axis: usize) -> Vec<(f64, String)> {
        let values = ticks(self.bounds[axis], 5);
        let texts = labels(&values);
        values.into_iter().zip(texts).collect()
    }
}

fn cells(scene: &mut Scene, camera: &Camera, grid: &Grid, (low, high): (f64, f64), map: Map) {
    let mut cells: Vec<(f64, Vec<Point>, Color)> = Vec::new();
    let unit = |axis: usize, v: f64| {
        (v - camera.bounds[axis].0) / (camera.bounds[axis].1 - camera.bounds[axis].0) * SIDES[axis]
    };
    for row in 0..grid.y.len().saturating_sub(1) {
        for column in 0..grid.x.len().saturating_sub(1) {
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
                .map(|(i, j)| [grid.x[column + i], grid.y[row + j], grid.value(column + i, row + j)]);
            if !corners.iter().flatten().all(|v| v.is_finite()) {
                continue;
            }
            let seen = corners.map(|p| camera.see(p));
            let near = seen.iter().map(|s| s.1).sum::<f64>();
            let height = corners.iter().map(|c| c[2]).sum::<f64>() / 4.0;
            // The light comes from above; the steeper a cell is, the less of it there is.
            let slope = |a: [f64; 3], b: [f64; 3], axis: usize| {
                (unit(2, b[2]) - unit(2, a[2])) / (unit(axis, b[axis]) - unit(axis, a[axis]))
            };
            let (sx, sy) = (slope(corners[0], corners[1], 0), slope(corners[0], corners[3], 1));
            let light = (1.0 + 0.35 * sx - 0.35 * sy) / (1.0 + sx * sx + sy * sy).sqrt();
            let shade = (0.20 * (1.0 - light)).clamp(0.0, 0.28);
            let color = map.at((height - low) / (high - low)).mix(Color::hex(0x10_1418), shade);
            let points = seen.map(|s| s.0);
            let middle = (points.iter().map(|p| p.0).sum::<f64>() / 4.0, points.iter().map(|p| p.1).sum::<f64>() / 4.0);
            // Slightly larger than they are, so that no background shows between them.
            let grown = points.map(|p| {
                let (dx, dy) = (p.0 - middle.0, p.1 - middle.1);
                let by = 1.0 + 0.5 / dx.hypot(dy).max(0.5);
                (middle.0 + dx * by, middle.1 + dy * by)
            });
            cells.push((near, grown.to_vec(), color));
        }
    }
    cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, points, color) in cells {
        scene.area(points, color);
    }
}

fn bar_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let values = ticks((low, high), 5);
    let texts = labels(&values);
    values.into_iter().zip(texts).collect()
}

fn bar(scene: &mut Scene, map: Map, (low, high): (f64, f64), frame: [f64; 4], size: f64) {
    let height = (frame[3] - frame[1]) * 0.62;
    let top = frame[1] + (frame[3] - frame[1] - height) / 2.0;
    let (left, right, bottom) = (frame[2] + 16.0, frame[2] + 16.0 + BAR, top + height);
    let pixels = (0..256).rev().flat_map(|i| {
        let Color { r, g, b, .. } = map.at(f64::from(i) / 255.0);
        [r, g, b, 255]
    });
    scene.shapes.push(Shape::Image { pixels: pixels.collect(), width: 1, corners: [left, top, right, bottom] });
    scene.frame([left, top, right, bottom], Paint::Soft, 0.8);
    for (value, text) in bar_ticks(low, high) {
        let y = bottom - (value - low) / (high - low) * height;
        scene.line(vec![(right, y), (right + 4.0, y)], Paint::Soft, 0.8);
        scene.text((right + 7.0, y), text, size, Paint::Ink, Anchor::Left);
    }
}
