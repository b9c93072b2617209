//! A plane with axes: maps values to positions in the scene.

use super::color::Colormap;
use super::scene::{Anchor, Point, Scene};
use super::{Color, bands::Grid};

/// A rectangle of the scene that shows a rectangle of values.
#[derive(Clone, Debug)]
pub(crate) struct Axes {
    /// Left, top, right, bottom in the scene.
    frame: [f64; 4],
    /// First and last value on the horizontal and the vertical axis.
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
}

impl Axes {
    /// Axes in a scene of the default size, with space for titles and, optionally, a color bar.
    pub(crate) fn new(x: (f64, f64), y: (f64, f64), bar: bool) -> (Scene, Axes) {
        let (width, height) = (760.0, 560.0);
        let right = if bar { width - 130.0 } else { width - 40.0 };
        (Scene::new(width as u32, height as u32), Axes { frame: [78.0, 62.0, right, height - 62.0], x, y })
    }

    /// The position of a value.
    pub(crate) fn place(&self, x: f64, y: f64) -> Point {
        let [left, top, right, bottom] = self.frame;
        let across = (x - self.x.0) / (self.x.1 - self.x.0);
        let up = (y - self.y.0) / (self.y.1 - self.y.0);
        (left + across * (right - left), bottom - up * (bottom - top))
    }

    /// A path through values.
    pub(crate) fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> Vec<Point> {
        points.into_iter().map(|(x, y)| self.place(x, y)).collect()
    }

    /// The title, with a smaller line below it.
    pub(crate) fn title(&self, scene: &mut Scene, title: &str, subtitle: &str) {
        let [left, ..] = self.frame;
        scene.text((left, 22.0), title, 18.0, Color::INK, Anchor::Left);
        scene.text((left, 44.0), subtitle, 12.5, Color::SOFT, Anchor::Left);
    }

    /// Lines at the ticks, drawn below the data.
    pub(crate) fn grid(&self, scene: &mut Scene) {
        for y in ticks(self.y) {
            scene.line(self.path([(self.x.0, y), (self.x.1, y)]), Color::GRID, 0.8);
        }
    }

    /// Frame, ticks and names, drawn above the data.
    pub(crate) fn finish(&self, scene: &mut Scene, x_name: &str, y_name: &str) {
        let [left, top, right, bottom] = self.frame;
        let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        scene.line(corners, Color::SOFT, 1.0);
        for x in ticks(self.x) {
            let (at, _) = self.place(x, self.y.0);
            scene.line(vec![(at, bottom), (at, bottom + 5.0)], Color::SOFT, 1.0);
            scene.text((at, bottom + 16.0), number(x), 12.5, Color::INK, Anchor::Middle);
        }
        for y in ticks(self.y) {
            let (_, at) = self.place(self.x.0, y);
            scene.line(vec![(left - 5.0, at), (left, at)], Color::SOFT, 1.0);
            scene.text((left - 9.0, at), number(y), 12.5, Color::INK, Anchor::Right);
        }
        scene.text(((left + right) / 2.0, bottom + 40.0), x_name, 14.0, Color::INK, Anchor::Middle);
        scene.upright((left - 56.0, (top + bottom) / 2.0), y_name, 14.0, Color::INK);
    }

    /// The areas between levels, each in its color, with thin lines between them, and the color bar.
    pub(crate) fn bands(&self, scene: &mut Scene, grid: &Grid<'_>, levels: &[f64], map: Colormap, name: &str) {
        let color = |band: usize| map.at((band as f64 + 0.5) / (levels.len() - 1) as f64);
        for (band, polygon) in grid.bands(levels) {
            scene.polygon(self.path(polygon), color(band));
        }
        for segment in grid.contours(&levels[1..levels.len() - 1]) {
            scene.line(self.path(segment), Color::WHITE.fade(0.55), 0.6);
        }
        let [_, top, right, bottom] = self.frame;
        let (x0, x1) = (right + 22.0, right + 40.0);
        let step = (bottom - top) / (levels.len() - 1) as f64;
        for (band, level) in levels.iter().enumerate() {
            let y = bottom - band as f64 * step;
            if band + 1 < levels.len() {
                scene.rectangle((x0, y - step), (x1, y), color(band));
            }
            if band % 2 == 0 {
                scene.text((x1 + 7.0, y), number(*level), 11.5, Color::INK, Anchor::Left);
            }
        }
        scene.line(vec![(x0, top), (x1, top), (x1, bottom), (x0, bottom), (x0, top)], Color::SOFT, 0.8);
        scene.text(((x0 + x1) / 2.0, top - 14.0), name, 12.5, Color::INK, Anchor::Middle);
    }

    /// A legend in the upper right or left corner: a sample of each line and its name.
    pub(crate) fn legend(&self, scene: &mut Scene, on_the_left: bool, entries: &[(&str, Key)]) {
        let [left, top, right, _] = self.frame;
        let longest = entries.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let width = 56.0 + 6.0 * longest as f64;
        let x = if on_the_left { left + 12.0 } else { right - 12.0 - width };
        let (y, height) = (top + 12.0, 14.0 + 21.0 * entries.len() as f64);
        let (across, down) = (x + width, y + height);
        scene.rectangle((x, y), (across, down), Color::WHITE.fade(0.9));
        scene.line(vec![(x, y), (across, y), (across, down), (x, down), (x, y)], Color::GRID, 0.8);
        for (i, (name, key)) in entries.iter().enumerate() {
            let middle = y + 17.5 + 21.0 * i as f64;
            match key {
                Key::Line(color) => scene.line(vec![(x + 12.0, middle), (x + 36.0, middle)], *color, 2.4),
                Key::Dashes(color) => {
                    for from in [12.0, 22.0, 32.0] {
                        scene.line(vec![(x + from, middle), (x + from + 5.5, middle)], *color, 1.6);
                    }
                }
                Key::Area(color) => scene.rectangle((x + 12.0, middle - 6.0), (x + 36.0, middle + 6.0), *color),
                Key::Dot(color) => ringed(scene, (x + 24.0, middle), 4.5, *color),
            }
            scene.text((x + 44.0, middle), *name, 12.5, Color::INK, Anchor::Left);
        }
    }
}

/// The symbol before a name in a legend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Line(Color),
    Dashes(Color),
    Area(Color),
    Dot(Color),
}

/// A dot with a white ring, visible on any background.
pub(crate) fn ringed(scene: &mut Scene, at: Point, radius: f64, color: Color) {
    scene.dot(at, radius + 1.4, Color::WHITE);
    scene.dot(at, radius, color);
}

/// Round numbers inside a range, about five to eight.
pub(crate) fn ticks((first, last): (f64, f64)) -> Vec<f64> {
    let rough = (last - first) / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| *s >= rough).unwrap_or(10.0 * power);
    let (from, to) = ((first / step - 1e-9).ceil() as i64, (last / step + 1e-9).floor() as i64);
    (from..=to).map(|i| i as f64 * step).collect()
}

/// A number as a label: no superfluous digits, and a true minus sign.
pub(crate) fn number(x: f64) -> String {
    let rounded = (x * 1e4).round() / 1e4 + 0.0;
    format!("{rounded}").replace('-', "\u{2212}")
}

/// A number with the given number of decimals.
pub(crate) fn decimals(x: f64, digits: usize) -> String {
    format!("{x:.digits$}").replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks((-1.5, 1.5)), [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5]);
        assert_eq!(ticks((0.0, 21.0)), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(number(-0.25), "\u{2212}0.25");
    }
}
