//! A panel with two axes, as shapes.

use crate::axes::{Axes, Kind, Mark};
use crate::color::{Color, Paint};
use crate::data::Grid;
use crate::layout::{
    AFTER_KEY, BAR, KEY, Margins, Sizes, Ticks, across, along, bar_width, head, key_paint, legend, scales, widest,
};
use crate::marks;
use crate::scale::Scale;
use crate::scene::{Anchor, Label, Point, Scene, Shape, overlap};

/// The space that a panel of a size needs around its frame.
pub(crate) fn margins(axes: &Axes, (width, height): (f64, f64), (hide_x, hide_y): (bool, bool)) -> Margins {
    let sizes = Sizes::of(width);
    let (x, y) = scales(axes);
    let named = |name: &str, space: f64| if name.is_empty() { 0.0 } else { space };
    let mut margins = Margins { left: 2.0, right: 2.0, top: 4.0, bottom: 2.0 };
    // The ticks depend on the size of the frame, which depends on the ticks.
    for _ in 0..3 {
        let inner =
            ((width - margins.left - margins.right).max(20.0), (height - margins.top - margins.bottom).max(20.0));
        let bars: f64 = axes.marks.iter().filter(|m| m.bar).map(|m| bar_width(m, inner.1, sizes.tick)).sum();
        let (x_ticks, y_ticks) =
            (across(x, &axes.x_names, inner.0, sizes.tick), along(y, &axes.y_names, inner.1, sizes.tick));
        let left = match (axes.bare, hide_y) {
            (true, _) => named(&axes.y_name, sizes.name * 1.6),
            (false, true) => 6.0,
            (false, false) => widest(&y_ticks, sizes.tick) + 12.0 + named(&axes.y_name, sizes.name * 1.6),
        };
        // Half of the last number is to the right of the frame.
        let last = x_ticks.last().map_or(0.0, |t| crate::font::width(&t.1) * sizes.tick / 2.0);
        let right = if axes.bare {
            2.0
        } else if bars > 0.0 {
            bars
        } else {
            (last + 2.0).max(8.0)
        };
        let bottom = match (axes.bare, hide_x) {
            (true, _) => named(&axes.x_name, sizes.name * 1.5),
            (false, true) => 8.0,
            (false, false) => 6.0 + sizes.tick * 1.4 + named(&axes.x_name, sizes.name * 1.55),
        };
        let head = head(&axes.title, &axes.subtitle, sizes, width - left - 4.0);
        let rows = legend(axes, sizes.tick, width - left - right).last().map_or(0, |entry| entry.row + 1);
        let names_bar = axes.marks.iter().any(|m| m.bar && !m.label.is_empty());
        let above = if rows > 0 {
            rows as f64 * sizes.tick * 1.6 + 6.0
        } else if names_bar {
            sizes.tick * 1.7
        } else {
            0.0
        };
        let top = (head.height + above).max(if axes.bare { 0.0 } else { sizes.tick * 0.7 });
        margins = margins.max(Margins { left, top, right, bottom });
    }
    margins
}

/// Maps values to the scene.
pub(crate) struct Place {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) frame: [f64; 4],
    pub(crate) down: bool,
}

impl Place {
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        let [left, top, right, bottom] = self.frame;
        let up = self.y.place(y);
        let up = if self.down { 1.0 - up } else { up };
        // Far outside is as good as farther.
        let near = |v: f64| if v.is_finite() { v.clamp(-1e5, 1e5) } else { f64::NAN };
        (near(left + self.x.place(x) * (right - left)), near(bottom - up * (bottom - top)))
    }

    /// The finite parts of a line, thinned to what can be seen.
    pub(crate) fn lines(&self, points: impl IntoIterator<Item = Point>) -> Vec<Vec<Point>> {
        let mut lines = vec![Vec::new()];
        for (x, y) in points {
            let (x, y) = if x.is_finite() && y.is_finite() { self.at(x, y) } else { (f64::NAN, f64::NAN) };
            if x.is_finite() && y.is_finite() {
                lines.last_mut().into_iter().for_each(|line| line.push((x, y)));
            } else if lines.last().is_some_and(|line| !line.is_empty()) {
                lines.push(Vec::new());
            }
        }
        lines.into_iter().filter(|line| !line.is_empty()).map(thinned).collect()
    }
}

/// A line without the points that change nothing that can be seen.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    if points.len() < 800 {
        return points;
    }
    let forward = points.windows(2).all(|w| w[0].0 <= w[1].0);
    let mut kept: Vec<Point> = Vec::new();
    if !forward {
        for p in points {
            if kept.last().is_none_or(|q| (p.0 - q.0).abs() + (p.1 - q.1).abs() > 0.4) {
                kept.push(p);
            }
        }
        return kept;
    }
    // Of each column of half a pixel: the first, the lowest, the highest and the last point.
    for column in points.chunk_by(|a, b| (a.0 * 2.0).floor() == (b.0 * 2.0).floor()) {
        let extreme =
            |sign: f64| (0..column.len()).min_by(|i, j| (sign * column[*i].1).total_cmp(&(sign * column[*j].1)));
        let mut chosen = vec![0, extreme(1.0).unwrap_or(0), extreme(-1.0).unwrap_or(0), column.len() - 1];
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|i| column[i]));
    }
    kept
}

/// Draws a panel.
pub(crate) fn axes(scene: &mut Scene, axes: &Axes, cell: [f64; 4], frame: [f64; 4], hidden: (bool, bool)) {
    let sizes = Sizes::of(cell[2] - cell[0]);
    let (mut x, mut y) = scales(axes);
    let whole = frame;
    let filling = axes.marks.iter().any(|m| layer(&m.kind) == 0);
    let frame = match axes.equal {
        true if filling => fitted(frame, (x.high - x.low) / (y.high - y.low)),
        true => {
            widen(&mut x, &mut y, (frame[2] - frame[0]) / (frame[3] - frame[1]));
            frame
        }
        false => frame,
    };
    let place = Place { x, y, frame, down: axes.y_down };
    let [left, top, right, bottom] = frame;
    let (x_ticks, y_ticks) =
        (across(x, &axes.x_names, right - left, sizes.tick), along(y, &axes.y_names, bottom - top, sizes.tick));
    let kind = |scale: Scale| format!("{} {} {}", scale.low, scale.high, if scale.log { "log" } else { "linear" });
    let turned = if axes.y_down { Scale { low: y.high, high: y.low, ..y } } else { y };
    let data = vec![
        ("frame", frame.map(crate::svg::short).join(" ")),
        ("x", kind(x)),
        ("y", kind(turned)),
        ("x-name", axes.x_name.clone()),
        ("y-name", axes.y_name.clone()),
    ];
    scene.shapes.push(Shape::Begin { class: "panel", label: axes.title.clone(), data, clip: None });
    titles(scene, axes, cell, whole, sizes);
    let mut taken = Vec::new();
    if !axes.bare && !filling {
        for (value, _) in &y_ticks {
            let at = place.at(x.low, *value).1;
            scene.line(vec![(left, at), (right, at)], Paint::Rule, 0.9);
        }
        if x.log || axes.equal {
            for (value, _) in &x_ticks {
                let at = place.at(*value, y.low).0;
                scene.line(vec![(at, top), (at, bottom)], Paint::Rule, 0.9);
            }
        }
    }
    let mut marks: Vec<&Mark> = axes.marks.iter().collect();
    marks.sort_by_key(|mark| layer(&mark.kind));
    for mark in &marks {
        let class = class(&mark.kind);
        let label = mark.label.clone();
        let room = if matches!(mark.kind, Kind::Dots(_)) { mark.size / 2.0 + 2.0 } else { 1.2 };
        let clip = Some([left - room, top - room, right + room, bottom + room]);
        scene.shapes.push(Shape::Begin { class, label, data: field(&mark.kind), clip });
        let first = scene.shapes.len();
        marks::mark(scene, mark, &place, sizes, &mut taken);
        // What an axis does not have, such as zero if it is logarithmic, leaves no trace.
        let shapes: Vec<Shape> = scene.shapes.drain(first..).filter(Shape::is_finite).collect();
        scene.shapes.extend(shapes);
        scene.shapes.push(Shape::End);
    }
    if !axes.bare {
        match filling {
            true => scene.frame(frame, Paint::Soft, 1.0),
            false => scene.line(vec![(left, top), (left, bottom), (right, bottom)], Paint::Soft, 1.0),
        }
        numbers(scene, &place, (&x_ticks, &y_ticks), sizes, hidden);
    }
    names(scene, axes, &place, &y_ticks, sizes, hidden);
    let mut at = right + 16.0;
    for mark in marks.iter().filter(|m| m.bar) {
        color_bar(scene, mark, at, frame, sizes.tick);
        at += bar_width(mark, bottom - top, sizes.tick);
    }
    notes(scene, &marks, &place, taken);
    scene.shapes.push(Shape::End);
}

/// The largest rectangle of a ratio of width to height inside another, in the upper half of it.
fn fitted([left, top, right, bottom]: [f64; 4], ratio: f64) -> [f64; 4] {
    let (width, height) = (right - left, bottom - top);
    if !ratio.is_finite() || ratio <= 0.0 {
        [left, top, right, bottom]
    } else if width > height * ratio {
        [left, top, left + height * ratio, bottom]
    } else {
        [left, top, right, top + width / ratio]
    }
}

/// Widens one range so that a unit is equally long on both axes of a frame.
fn widen(x: &mut Scale, y: &mut Scale, ratio: f64) {
    let (across, up) = (x.high - x.low, y.high - y.low);
    if x.log || y.log {
        return;
    }
    if across < up * ratio {
        let by = (up * ratio - across) / 2.0;
        (x.low, x.high) = (x.low - by, x.high + by);
    } else {
        let by = (across / ratio - up) / 2.0;
        (y.low, y.high) = (y.low - by, y.high + by);
    }
}

/// Title, subtitle and legend.
fn titles(scene: &mut Scene, axes: &Axes, cell: [f64; 4], frame: [f64; 4], sizes: Sizes) {
    let [left, top, right, _] = frame;
    let head = head(&axes.title, &axes.subtitle, sizes, cell[2] - left - 4.0);
    let entries = legend(axes, sizes.tick, right - left);
    let pitch = sizes.tick * 1.6;
    let rows = entries.last().map_or(0, |entry| entry.row + 1);
    let legend_top = top - 8.0 - rows as f64 * pitch;
    // Aligned at the bottom, so that titles in a row stay near their frames.
    let start = if rows > 0 {
        legend_top - head.height
    } else if axes.bare {
        top - head.height + 3.0
    } else {
        cell[1]
    };
    let start = start.max(cell[1]);
    let below = scene.paragraph((left, start), &head.title, sizes.title, Paint::Ink);
    scene.paragraph((left, start + below), &head.subtitle, sizes.subtitle, Paint::Soft);
    for entry in &entries {
        let y = legend_top + (entry.row as f64 + 0.5) * pitch;
        key(scene, entry.mark, left + entry.x, y);
        let at = (left + entry.x + KEY + AFTER_KEY, y);
        scene.text(at, &entry.mark.label, sizes.tick, Paint::Ink, Anchor::Left);
    }
}

/// A sample of a mark.
fn key(scene: &mut Scene, mark: &Mark, x: f64, y: f64) {
    let paint = key_paint(mark);
    match &mark.kind {
        Kind::Area { .. } | Kind::Bars { .. } | Kind::Histogram { .. } => {
            scene.rectangle([x, y - 5.5, x + KEY, y + 5.5], paint.fade(mark.opacity.max(0.3)));
        }
        Kind::Dots(_) => {
            let (fill, radius) = (paint.fade(mark.opacity.max(0.5)), (mark.size / 2.0).clamp(3.0, 5.0));
            scene.shapes.push(Shape::Dots { points: vec![(x + KEY / 2.0, y)], fill, radius, ring: 0.0 });
        }
        _ => {
            let dash = mark.dashed.then_some(DASH);
            let (points, fill) = (vec![(x, y), (x + KEY, y)], paint.fade(mark.opacity.max(0.5)));
            scene.shapes.push(Shape::Line { points, fill, width: mark.size.clamp(1.6, 4.0), dash });
        }
    }
}

/// The lengths of dashes and gaps.
pub(crate) const DASH: (f64, f64) = (6.0, 4.0);

fn numbers(scene: &mut Scene, place: &Place, ticks: (&Ticks, &Ticks), sizes: Sizes, hidden: (bool, bool)) {
    let [left, _, _, bottom] = place.frame;
    for (value, text) in ticks.0 {
        let at = place.at(*value, place.y.low).0;
        scene.line(vec![(at, bottom), (at, bottom + 5.0)], Paint::Soft, 1.0);
        if !hidden.0 {
            scene.text((at, bottom + 6.0 + sizes.tick * 0.8), text, sizes.tick, Paint::Ink, Anchor::Middle);
        }
    }
    for value in place.x.minor() {
        let at = place.at(value, place.y.low).0;
        scene.line(vec![(at, bottom), (at, bottom + 3.0)], Paint::Soft, 0.7);
    }
    for (value, text) in ticks.1 {
        let at = place.at(place.x.low, *value).1;
        if !hidden.1 {
            scene.line(vec![(left - 5.0, at), (left, at)], Paint::Soft, 1.0);
            scene.text((left - 9.0, at), text, sizes.tick, Paint::Ink, Anchor::Right);
        }
    }
    for value in place.y.minor() {
        let at = place.at(place.x.low, value).1;
        scene.line(vec![(left - 3.0, at), (left, at)], Paint::Soft, 0.7);
    }
}

fn names(scene: &mut Scene, axes: &Axes, place: &Place, y_ticks: &Ticks, sizes: Sizes, hidden: (bool, bool)) {
    let [left, top, right, bottom] = place.frame;
    if !axes.x_name.is_empty() && !hidden.0 {
        let below = if axes.bare { sizes.name * 0.75 } else { 6.0 + sizes.tick * 1.4 + sizes.name * 0.8 };
        scene.text(((left + right) / 2.0, bottom + below), &axes.x_name, sizes.name, Paint::Ink, Anchor::Middle);
    }
    if !axes.y_name.is_empty() && !hidden.1 {
        let beside = if axes.bare { 0.0 } else { widest(y_ticks, sizes.tick) + 12.0 };
        let at = (left - beside - sizes.name * 0.75, (top + bottom) / 2.0);
        let (text, size, fill) = (axes.y_name.clone(), sizes.name, Paint::Ink.into());
        let label = Label { at, text, size, fill, anchor: Anchor::Middle, upright: true, halo: false };
        scene.shapes.push(Shape::Text(label));
    }
}

/// The most cells along each axis whose values are in an SVG.
const CELLS: usize = 64;

/// The values of cells or pixels, for scripts that show those under the pointer.
fn field(kind: &Kind) -> Vec<(&'static str, String)> {
    let (x, y, z) = match kind {
        Kind::Heat(grid) | Kind::Filled(grid) if !grid.z.is_empty() => {
            let Grid { x, y, z } = grid.thinned(CELLS);
            if x.iter().chain(&y).any(|v| !v.is_finite()) {
                return Vec::new();
            }
            (x, y, z)
        }
        Kind::Image { pixels, width } if *width > 0 && pixels.iter().all(|[r, g, b]| r == g && g == b) => {
            let height = pixels.len() / width;
            if *width > CELLS || height > CELLS {
                return Vec::new();
            }
            let centers = |count: usize| (0..count).map(|i| i as f64 + 0.5).collect();
            (centers(*width), centers(height), pixels.iter().map(|p| f64::from(p[0]) / 255.0).collect())
        }
        _ => return Vec::new(),
    };
    // Four digits are as many as are shown.
    let number = |v: &f64| match format!("{v:.3e}") {
        text if v.is_finite() => text.replace(".000e", "e").trim_end_matches("e0").to_owned(),
        _ => "NaN".to_owned(),
    };
    let list = |values: &[f64]| values.iter().map(number).collect::<Vec<_>>().join(" ");
    vec![("columns", list(&x)), ("rows", list(&y)), ("values", list(&z))]
}

/// The order in which marks are drawn.
fn layer(kind: &Kind) -> usize {
    match kind {
        Kind::Image { .. } | Kind::Heat(_) | Kind::Filled(_) => 0,
        Kind::Area { .. } | Kind::Bars { .. } | Kind::Histogram { .. } => 1,
        Kind::Vertical(_) | Kind::Horizontal(_) => 2,
        Kind::Contours(_) => 3,
        Kind::Line(_) => 4,
        Kind::Dots(_) => 5,
        Kind::Note { .. } => 6,
    }
}

fn class(kind: &Kind) -> &'static str {
    match kind {
        Kind::Image { .. } => "image",
        Kind::Heat(_) => "heat",
        Kind::Filled(_) => "filled",
        Kind::Area { .. } => "area",
        Kind::Bars { .. } => "bars",
        Kind::Histogram { .. } => "histogram",
        Kind::Vertical(_) | Kind::Horizontal(_) => "reference",
        Kind::Contours(_) => "contours",
        Kind::Line(_) => "line",
        Kind::Dots(_) => "dots",
        Kind::Note { .. } => "note",
    }
}

fn color_bar(scene: &mut Scene, mark: &Mark, left: f64, [_, top, _, bottom]: [f64; 4], size: f64) {
    let (right, height) = (left + BAR, bottom - top);
    if let Kind::Filled(_) = mark.kind {
        let levels = mark.contour_levels().len();
        let parts = levels.saturating_sub(1).max(1);
        for i in (0..parts).rev() {
            // Each reaches down to the bottom, so there are no seams between them.
            let y = bottom - height * (i + 1) as f64 / parts as f64;
            let below = bottom - height * i as f64 / parts as f64;
            scene.rectangle([left, y, right, below], marks::band_color(mark.map, i, levels));
        }
    } else {
        let pixels = (0..256).rev().flat_map(|i| {
            let Color { r, g, b, .. } = mark.map.at(f64::from(i) / 255.0);
            [r, g, b, 255]
        });
        scene.shapes.push(Shape::Image { pixels: pixels.collect(), width: 1, corners: [left, top, right, bottom] });
    }
    scene.frame([left, top, right, bottom], Paint::Soft, 0.8);
    for (at, text) in mark.bar_ticks(height, size) {
        let y = bottom - at * height;
        scene.line(vec![(right, y), (right + 4.0, y)], Paint::Soft, 0.8);
        scene.text((right + 7.0, y), text, size, Paint::Ink, Anchor::Left);
    }
    if !mark.label.is_empty() {
        scene.text((left, top - size * 1.3), &mark.label, size, Paint::Ink, Anchor::Left);
    }
}

/// Writes notes beside their points, where they cover no other note and few points.
fn notes(scene: &mut Scene, marks: &[&Mark], place: &Place, mut taken: Vec<[f64; 4]>) {
    let [left, top, right, bottom] = place.frame;
    let points: Vec<Point> = marks
        .iter()
        .flat_map(|mark| match &mark.kind {
            Kind::Line(points) | Kind::Dots(points) => place.lines(points.iter().copied()),
            _ => Vec::new(),
        })
        .flatten()
        .collect();
    for mark in marks {
        let Kind::Note { at, text } = &mark.kind else { continue };
        let (x, y) = place.at(at.0, at.1);
        if !x.is_finite() || !y.is_finite() {
            continue;
        }
        let (far, low) = (10.0, mark.size * 1.15);
        let ways =
            [(far, 0.0), (-far, 0.0), (0.0, -low), (0.0, low), (far, -low), (far, low), (-far, -low), (-far, low)];
        let labels = ways.map(|(dx, dy)| {
            let anchor = if dx > 0.0 {
                Anchor::Left
            } else if dx < 0.0 {
                Anchor::Right
            } else {
                Anchor::Middle
            };
            let fill = mark.paint.fade(mark.opacity);
            Label {
                at: (x + dx, y + dy),
                text: text.clone(),
                size: mark.size,
                fill,
                anchor,
                upright: false,
                halo: true,
            }
        });
        let cost = |label: &Label| {
            let b = label.bounds();
            let outside =
                (left - b[0]).max(0.0) + (top - b[1]).max(0.0) + (b[2] - right).max(0.0) + (b[3] - bottom).max(0.0);
            let covered = points.iter().filter(|p| p.0 > b[0] && p.0 < b[2] && p.1 > b[1] && p.1 < b[3]).count();
            let others = taken.iter().filter(|other| overlap(**other, b)).count();
            outside * 100.0 + others as f64 * 1e4 + covered as f64
        };
        if let Some(label) = labels.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b))) {
            taken.push(label.bounds());
            scene.shapes.push(Shape::Text(label));
        }
    }
}
