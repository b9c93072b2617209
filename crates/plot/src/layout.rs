//! Where the parts of a panel are: margins from measured texts, ticks that fit, and the legend.

use crate::axes::{Axes, Kind, Mark};
use crate::color::Paint;
use crate::contour;
use crate::data::{counts, proper, range};
use crate::font;
use crate::scale::{Scale, labels, ticks};
use crate::scene::{LEADING, wrapped};

/// The sizes of texts in a panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) title: f64,
    pub(crate) subtitle: f64,
    pub(crate) tick: f64,
    pub(crate) name: f64,
}

impl Sizes {
    /// The sizes for a panel of a width.
    pub(crate) fn of(width: f64) -> Sizes {
        match width {
            w if w >= 560.0 => Sizes { title: 19.0, subtitle: 14.0, tick: 13.0, name: 14.5 },
            w if w >= 240.0 => Sizes { title: 15.5, subtitle: 13.0, tick: 12.5, name: 13.5 },
            _ => Sizes { title: 13.0, subtitle: 12.0, tick: 12.0, name: 12.0 },
        }
    }
}

/// The space around the frame of a panel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Margins {
    /// The greater of each.
    pub(crate) fn max(self, other: Margins) -> Margins {
        Margins {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// Ticks: positions as values, and their texts.
pub(crate) type Ticks = Vec<(f64, String)>;

pub(crate) fn widest(ticks: &Ticks, size: f64) -> f64 {
    ticks.iter().map(|t| font::width(&t.1) * size).fold(0.0, f64::max)
}

/// The scales of the axes, before the size of the panel is known.
pub(crate) fn scales(axes: &Axes) -> (Scale, Scale) {
    let (mut x, mut y) = (Extent::new(axes.x_log), Extent::new(axes.y_log));
    for mark in &axes.marks {
        mark.extend(&mut x, &mut y, axes.x_range);
    }
    let tight = axes.marks.iter().any(|m| matches!(m.kind, Kind::Image { .. } | Kind::Heat(_) | Kind::Filled(_)));
    (x.scale(axes.x_range, if tight { 0.0 } else { 0.03 }), y.scale(axes.y_range, if tight { 0.0 } else { 0.06 }))
}

/// The values that an axis has to show.
struct Extent {
    log: bool,
    range: Option<(f64, f64)>,
    /// Bars begin at zero, and there is no space below.
    floor: bool,
    /// All values are whole numbers.
    whole: bool,
}

impl Extent {
    fn new(log: bool) -> Extent {
        Extent { log, range: None, floor: false, whole: true }
    }

    fn add(&mut self, values: impl IntoIterator<Item = f64>) {
        let log = self.log;
        let usable = values.into_iter().filter(|v| !log || *v > 0.0);
        self.range = range(usable.chain(self.range.into_iter().flat_map(|(a, b)| [a, b])));
    }

    /// Notes whether the coordinates are whole numbers.
    fn index(&mut self, values: impl IntoIterator<Item = f64>) {
        self.whole = self.whole && values.into_iter().all(|v| !v.is_finite() || v.fract() == 0.0);
    }

    fn scale(&self, given: Option<(f64, f64)>, padding: f64) -> Scale {
        let (log, whole) = (self.log, self.whole && self.range.is_some());
        let usable = |(a, b): (f64, f64)| a.is_finite() && b.is_finite() && a != b && (!log || a > 0.0 && b > 0.0);
        if let Some((low, high)) = given.filter(|g| usable(*g)) {
            let (low, high) = (low.min(high), low.max(high));
            let (low, high) = if log { (low, high) } else { proper(Some((low, high))) };
            return Scale { low, high, log, whole };
        }
        if log {
            let (low, high) = self.range.unwrap_or((1.0, 10.0));
            let (low, high) = (low.max(f64::MIN_POSITIVE), high.max(f64::MIN_POSITIVE));
            let (low, high) = if high > low { (low, high) } else { (low / 3.0, high * 3.0) };
            let by = (high / low).powf(padding);
            return Scale { low: (low / by).max(f64::MIN_POSITIVE), high: (high * by).min(f64::MAX), log, whole };
        }
        let (low, high) = proper(self.range);
        let by = (high - low) * padding;
        let below = if self.floor && low == 0.0 { 0.0 } else { by };
        Scale { low: low - below, high: high + by, log, whole }
    }
}

impl Mark {
    fn extend(&self, x: &mut Extent, y: &mut Extent, visible: Option<(f64, f64)>) {
        let inside = |v: f64| visible.is_none_or(|(a, b)| v >= a.min(b) && v <= a.max(b));
        match &self.kind {
            Kind::Line(points) | Kind::Dots(points) => {
                // Both numbers of a point must be usable.
                let logs = (x.log, y.log);
                let usable = |p: &&(f64, f64)| {
                    p.0.is_finite() && p.1.is_finite() && !(logs.0 && p.0 <= 0.0) && !(logs.1 && p.1 <= 0.0)
                };
                x.index(points.iter().map(|p| p.0));
                y.whole = false;
                x.add(points.iter().filter(usable).map(|p| p.0));
                y.add(points.iter().filter(usable).filter(|p| inside(p.0)).map(|p| p.1));
            }
            Kind::Area { x: along, low, high } => {
                x.index(along.iter().copied());
                y.whole = false;
                x.add(along.iter().copied());
                let both = along.iter().zip(low.iter().zip(high)).filter(|(x, _)| inside(**x));
                y.add(both.flat_map(|(_, (low, high))| [*low, *high]));
            }
            Kind::Bars { x: along, heights } => {
                let half = spacing(along) / 2.0;
                x.index(along.iter().copied());
                y.index(heights.iter().copied());
                x.add(along.iter().flat_map(|v| [v - half, v + half]));
                y.add(heights.iter().copied().chain([0.0]));
                y.floor = true;
            }
            Kind::Histogram { values, .. } => {
                let (edges, heights) = self.histogram(values);
                x.index(values.iter().copied());
                y.index(heights.iter().copied());
                x.add(edges);
                y.add(heights.into_iter().chain([0.0]));
                y.floor = true;
            }
            Kind::Image { pixels, width } => {
                x.add([0.0, *width as f64]);
                y.add([0.0, (pixels.len() / width.max(&1)) as f64]);
            }
            Kind::Heat(grid) => {
                let (across, up) = (spacing(&grid.x) / 2.0, spacing(&grid.y) / 2.0);
                x.index(grid.x.iter().copied());
                y.index(grid.y.iter().copied());
                x.add(grid.x.iter().flat_map(|v| [v - across, v + across]));
                y.add(grid.y.iter().flat_map(|v| [v - up, v + up]));
            }
            Kind::Filled(grid) | Kind::Contours(grid) => {
                (x.whole, y.whole) = (false, false);
                x.add(grid.x.iter().copied());
                y.add(grid.y.iter().copied());
            }
            Kind::Vertical(at) => x.add([*at]),
            Kind::Horizontal(at) => y.add([*at]),
            Kind::Note { at, .. } => {
                x.add([at.0]);
                y.add([at.1]);
            }
        }
    }

    /// The edges and heights of a histogram.
    pub(crate) fn histogram(&self, values: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let Kind::Histogram { bins, counts: as_counts, .. } = &self.kind else { return (Vec::new(), Vec::new()) };
        let (edges, mut heights) = counts(values, *bins);
        let total = heights.iter().sum::<f64>() * (edges[1] - edges[0]);
        if !as_counts && total > 0.0 {
            heights.iter_mut().for_each(|h| *h /= total);
        }
        (edges, heights)
    }

    /// The values at the ends of its color map.
    pub(crate) fn span(&self) -> (f64, f64) {
        let data = match &self.kind {
            Kind::Heat(grid) | Kind::Filled(grid) | Kind::Contours(grid) => grid.range(),
            _ => range(self.shades.iter().flatten().copied()),
        };
        let given = self.range.filter(|(low, high)| low < high && (high - low).is_finite());
        given.unwrap_or_else(|| proper(data))
    }

    /// The levels of its contours.
    pub(crate) fn contour_levels(&self) -> Vec<f64> {
        let mut levels = self.levels.clone().unwrap_or_else(|| contour::levels(self.span(), 9));
        levels.retain(|l| l.is_finite());
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        levels
    }

    /// The numbers beside its color bar: positions from 0 (bottom) to 1, and texts.
    pub(crate) fn bar_ticks(&self, height: f64, size: f64) -> Ticks {
        if let Kind::Filled(_) = self.kind {
            let levels = self.contour_levels();
            let all: Vec<String> = match self.levels {
                Some(_) => levels.iter().map(|l| crate::scale::number(*l)).collect(),
                None => labels(&levels),
            };
            let parts = levels.len().saturating_sub(1).max(1) as f64;
            let every = ((size * 1.5 * parts / height).ceil() as usize).max(1);
            let positions = all.into_iter().enumerate().map(|(i, text)| (i as f64 / parts, text));
            return positions.step_by(every).collect();
        }
        let (low, high) = self.span();
        let values = ticks((low, high), (height / 50.0).clamp(2.0, 7.0) as usize);
        let texts = labels(&values);
        values.into_iter().map(|v| (v - low) / (high - low)).zip(texts).collect()
    }
}

/// The least distance between neighbors.
pub(crate) fn spacing(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let least = sorted.windows(2).map(|w| w[1] - w[0]).filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}

/// The ticks of a horizontal axis of a length: as many as have space.
pub(crate) fn across(scale: Scale, names: &[String], length: f64, size: f64) -> Ticks {
    if !names.is_empty() {
        let ticks = named(scale, names);
        let distance = widest(&ticks, size) + size * 0.3;
        return thinned(ticks, scale, length, distance);
    }
    let mut count = (length / 75.0).clamp(1.0, 8.0) as usize;
    loop {
        let ticks = scale.ticks(count);
        let gap = ticks
            .windows(2)
            .map(|w| (scale.place(w[1].0) - scale.place(w[0].0)) * length)
            .fold(f64::INFINITY, f64::min);
        if count <= 1 || widest(&ticks, size) + size * 0.9 <= gap {
            return thinned(ticks, scale, length, widest(&scale.ticks(count), size) + size * 0.9);
        }
        count -= 1;
    }
}

/// The ticks of a vertical axis.
pub(crate) fn along(scale: Scale, names: &[String], length: f64, size: f64) -> Ticks {
    if !names.is_empty() {
        return thinned(named(scale, names), scale, length, size * 1.2);
    }
    let count = (length / 48.0).clamp(1.0, 8.0) as usize;
    thinned(scale.ticks(count), scale, length, size * 1.4)
}

/// The names of whole numbers as ticks.
fn named(scale: Scale, names: &[String]) -> Ticks {
    let ticks = names.iter().enumerate().map(|(i, name)| (i as f64, name.clone()));
    ticks.filter(|(at, _)| (scale.low..=scale.high).contains(at)).collect()
}

/// Leaves out ticks that are closer than a distance.
fn thinned(ticks: Ticks, scale: Scale, length: f64, distance: f64) -> Ticks {
    let mut last = f64::NEG_INFINITY;
    let far = |t: &(f64, String)| {
        let at = scale.place(t.0) * length;
        let kept = at - last >= distance;
        if kept {
            last = at;
        }
        kept
    };
    ticks.into_iter().filter(far).collect()
}

/// An entry of the legend: its mark, and where it is in the rows.
pub(crate) struct Entry<'a> {
    pub(crate) mark: &'a Mark,
    pub(crate) x: f64,
    pub(crate) row: usize,
}

/// The width of a sample in the legend, and the space after it.
pub(crate) const KEY: f64 = 26.0;
pub(crate) const AFTER_KEY: f64 = 7.0;

/// The legend, broken into rows of a width.
pub(crate) fn legend(axes: &Axes, size: f64, width: f64) -> Vec<Entry<'_>> {
    let named = |m: &&Mark| !m.label.is_empty() && !m.bar && !matches!(m.kind, Kind::Note { .. } | Kind::Image { .. });
    let (mut x, mut row, mut entries) = (0.0, 0, Vec::new());
    for mark in axes.marks.iter().filter(named) {
        let length = KEY + AFTER_KEY + font::width(&mark.label) * size;
        if x > 0.0 && x + length > width {
            (x, row) = (0.0, row + 1);
        }
        entries.push(Entry { mark, x, row });
        x += length + 20.0;
    }
    entries
}

/// The parts of a panel's head: lines of the title and the subtitle, and the height of all.
pub(crate) struct Head {
    pub(crate) title: Vec<String>,
    pub(crate) subtitle: Vec<String>,
    pub(crate) height: f64,
}

pub(crate) fn head(title: &str, subtitle: &str, sizes: Sizes, width: f64) -> Head {
    let lines = |text: &str, size: f64| if text.is_empty() { Vec::new() } else { wrapped(text, size, width) };
    let (title, subtitle) = (lines(title, sizes.title), lines(subtitle, sizes.subtitle));
    let height = LEADING * (title.len() as f64 * sizes.title + subtitle.len() as f64 * sizes.subtitle);
    Head { title, subtitle, height: if height > 0.0 { height + 8.0 } else { 0.0 } }
}

/// The width that a color bar takes, beside the frame.
pub(crate) fn bar_width(mark: &Mark, height: f64, size: f64) -> f64 {
    let name = font::width(&mark.label) * size;
    let numbers = BAR + 7.0 + widest(&mark.bar_ticks(height, size), size);
    16.0 + numbers.max(name)
}

/// The width of a color bar.
pub(crate) const BAR: f64 = 16.0;

/// The paint of a mark in the legend.
pub(crate) fn key_paint(mark: &Mark) -> Paint {
    if mark.shades.is_some() { mark.map.at(0.5).into() } else { mark.paint }
}
