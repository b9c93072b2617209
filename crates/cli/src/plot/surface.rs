//! A surface in space, as matplotlib shows it: perspective from a distance of ten, a box of 4 : 4 : 3 with three lit
//! walls, and the cells painted from the farthest to the nearest.

use super::Color;
use super::axes::{number, ticks};
use super::bands::Grid;
use super::color::Colormap;
use super::scene::{Anchor, Point, Scene};

const WALL: Color = Color::hex(0xf2_f4f6);
const EDGE: Color = Color::hex(0xd5_dae0);

/// The direction that the surface is viewed from, in degrees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Height above the floor.
    pub(crate) elevation: f64,
    /// Angle around the vertical axis.
    pub(crate) azimuth: f64,
}

/// Maps values to the scene.
struct Camera {
    right: [f64; 3],
    up: [f64; 3],
    forward: [f64; 3],
    low: [f64; 3],
    high: [f64; 3],
}

const DISTANCE: f64 = 10.0;
/// The side lengths of the box, normalized as in matplotlib.
const SIDES: [f64; 3] = [1.190, 1.190, 0.893];
const ZOOM: f64 = 352.0;
const CENTRE: Point = (352.0, 318.0);

impl Camera {
    fn new(view: View, low: [f64; 3], high: [f64; 3]) -> Camera {
        let (elevation, azimuth) = (view.elevation.to_radians(), view.azimuth.to_radians());
        let (se, ce, sa, ca) = (elevation.sin(), elevation.cos(), azimuth.sin(), azimuth.cos());
        Camera { right: [-sa, ca, 0.0], up: [-se * ca, -se * sa, ce], forward: [ce * ca, ce * sa, se], low, high }
    }

    /// The projection of a point, and how near it is.
    fn see(&self, p: [f64; 3]) -> (Point, f64) {
        let unit: [f64; 3] =
            std::array::from_fn(|i| ((p[i] - self.low[i]) / (self.high[i] - self.low[i]) - 0.5) * SIDES[i]);
        let dot = |v: &[f64; 3]| (0..3).map(|i| v[i] * unit[i]).sum::<f64>();
        let near = dot(&self.forward);
        let scale = ZOOM * DISTANCE / (DISTANCE - near);
        ((CENTRE.0 + dot(&self.right) * scale, CENTRE.1 - dot(&self.up) * scale), near)
    }

    fn place(&self, p: [f64; 3]) -> Point {
        self.see(p).0
    }
}

/// The picture of a surface.
pub(crate) fn surface(grid: &Grid<'_>, view: View, map: Colormap, title: &str, subtitle: &str) -> Scene {
    let mut scene = Scene::new(760, 600);
    scene.text((36.0, 22.0), title, 18.0, Color::INK, Anchor::Left);
    scene.text((36.0, 44.0), subtitle, 12.5, Color::SOFT, Anchor::Left);
    let (least, greatest) = grid.z.iter().fold((f64::MAX, f64::MIN), |(a, b), z| (a.min(*z), b.max(*z)));
    let ends = |v: &[f64]| (v[0], v[v.len() - 1]);
    let ((x0, x1), (y0, y1)) = (ends(grid.x), ends(grid.y));
    // matplotlib leaves a margin of 1/48 around the data.
    let margin = |a: f64, b: f64| (a - (b - a) / 48.0, b + (b - a) / 48.0);
    let (x, y, z) = (margin(x0, x1), margin(y0, y1), margin(least, greatest));
    let camera = Camera::new(view, [x.0, y.0, z.0], [x.1, y.1, z.1]);
    walls(&mut scene, &camera, x, y, z);

    let mut cells: Vec<(f64, Vec<Point>, Color)> = Vec::new();
    for row in 0..grid.y.len() - 1 {
        for column in 0..grid.x.len() - 1 {
            let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(i, j)| grid.at(column + i, row + j));
            let seen = corners.map(|(x, y, z)| camera.see([x, y, z]));
            let near = seen.iter().map(|s| s.1).sum::<f64>();
            let height = corners.iter().map(|c| c.2).sum::<f64>() / 4.0;
            let color = map.at((height - least) / (greatest - least));
            cells.push((near, seen.iter().map(|s| s.0).collect(), color));
        }
    }
    cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, points, color) in cells {
        scene.polygon(points, color);
    }
    bar(&mut scene, map, least, greatest);
    scene
}

/// The far walls and the floor with lines at the ticks, and the names and numbers on the near edges. Made for views
/// from above and from between the positive x and y axes.
fn walls(scene: &mut Scene, camera: &Camera, x: (f64, f64), y: (f64, f64), z: (f64, f64)) {
    let mut wall = |corners: [[f64; 3]; 4]| {
        let points: Vec<Point> = corners.into_iter().map(|p| camera.place(p)).collect();
        scene.polygon(points.clone(), WALL);
        scene.line(points.into_iter().cycle().take(5).collect(), EDGE, 1.0);
    };
    wall([[x.0, y.0, z.0], [x.1, y.0, z.0], [x.1, y.1, z.0], [x.0, y.1, z.0]]);
    wall([[x.0, y.0, z.0], [x.0, y.1, z.0], [x.0, y.1, z.1], [x.0, y.0, z.1]]);
    wall([[x.0, y.0, z.0], [x.1, y.0, z.0], [x.1, y.0, z.1], [x.0, y.0, z.1]]);
    let mut line = |points: &[[f64; 3]], color: Color| {
        scene.line(points.iter().map(|p| camera.place(*p)).collect(), color, 0.9);
    };
    for t in ticks(x) {
        line(&[[t, y.1, z.0], [t, y.0, z.0], [t, y.0, z.1]], EDGE);
    }
    for t in ticks(y) {
        line(&[[x.1, t, z.0], [x.0, t, z.0], [x.0, t, z.1]], EDGE);
    }
    for t in ticks(z) {
        line(&[[x.0, y.1, t], [x.0, y.0, t], [x.1, y.0, t]], EDGE);
    }
    line(&[[x.1, y.0, z.0], [x.1, y.1, z.0], [x.0, y.1, z.0], [x.0, y.1, z.1]], Color::SOFT);

    // Labels are outside the edge, in the direction away from the middle of the box.
    let middle = camera.place([(x.0 + x.1) / 2.0, (y.0 + y.1) / 2.0, z.0]);
    let outside = |at: Point, by: f64, middle: Point| {
        let (dx, dy) = (at.0 - middle.0, at.1 - middle.1);
        let length = dx.hypot(dy);
        (at.0 + dx / length * by, at.1 + dy / length * by)
    };
    let inner = |range: (f64, f64)| {
        let edge = (range.1 - range.0) * 0.015;
        ticks(range).into_iter().filter(move |t| *t > range.0 + edge && *t < range.1 - edge)
    };
    let mut label = |at: Point, text: &str, size: f64| scene.text(at, text, size, Color::INK, Anchor::Middle);
    let down = |at: Point, by: f64| (at.0, at.1 + by);
    for t in inner(x) {
        label(down(outside(camera.place([t, y.1, z.0]), 14.0, middle), 6.0), &number(t), 12.0);
    }
    for t in inner(y) {
        label(down(camera.place([x.1, t, z.0]), 17.0), &number(t), 12.0);
    }
    for t in inner(z) {
        let at = camera.place([x.0, y.1, t]);
        label((at.0 + 16.0, at.1), &number(t), 12.0);
    }
    let at = camera.place([(x.0 + x.1) / 2.0, y.1, z.0]);
    label((at.0 + 44.0, at.1 + 26.0), "x", 14.0);
    label(down(camera.place([x.1, (y.0 + y.1) / 2.0, z.0]), 42.0), "y", 14.0);
    let at = camera.place([x.0, y.1, (z.0 + z.1) / 2.0]);
    label((at.0 + 46.0, at.1), "z", 14.0);
}

/// The color bar.
fn bar(scene: &mut Scene, map: Colormap, least: f64, greatest: f64) {
    let (x0, x1, top, bottom) = (676.0, 693.0, 150.0, 470.0);
    let place = |t: f64| bottom + (top - bottom) * t;
    for i in 0..160 {
        let (t, u) = (f64::from(i) / 160.0, f64::from(i + 1) / 160.0);
        scene.rectangle((x0, place(u)), (x1, place(t)), map.at((t + u) / 2.0));
    }
    scene.line(vec![(x0, top), (x1, top), (x1, bottom), (x0, bottom), (x0, top)], Color::SOFT, 0.8);
    for t in ticks((least, greatest)) {
        let y = place((t - least) / (greatest - least));
        scene.line(vec![(x1, y), (x1 + 4.0, y)], Color::SOFT, 0.8);
        scene.text((x1 + 8.0, y), number(t), 11.5, Color::INK, Anchor::Left);
    }
    scene.text(((x0 + x1) / 2.0, top - 14.0), "z", 12.5, Color::INK, Anchor::Middle);
}
