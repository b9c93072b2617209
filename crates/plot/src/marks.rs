//! Marks, as shapes.

use std::collections::HashSet;

use crate::axes::{Kind, Mark};
use crate::color::{Color, Map, Paint};
use crate::data::Grid;
use crate::draw::{DASH, Place};
use crate::layout::{Sizes, spacing};
use crate::scene::{Anchor, Fill, Label, Point, Scene, Shape, overlap};

/// Draws a mark. Labels keep away from the boxes that are taken, and take theirs.
pub(crate) fn mark(scene: &mut Scene, mark: &Mark, place: &Place, sizes: Sizes, taken: &mut Vec<[f64; 4]>) {
    let fill = mark.paint.fade(mark.opacity);
    let [left, top, right, bottom] = place.frame;
    let dash = mark.dashed.then_some(DASH);
    let line = |points: Vec<Point>| Shape::Line { points, fill, width: mark.size, dash };
    match &mark.kind {
        Kind::Line(points) => {
            for points in place.lines(points.iter().copied()) {
                match points[..] {
                    [at] => scene.shapes.push(Shape::Dots { points: vec![at], fill, radius: mark.size, ring: 0.0 }),
                    _ => {
                        if mark.ringed {
                            scene.line(points.clone(), Paint::Paper, mark.size + 2.4);
                        }
                        scene.shapes.push(line(points));
                    }
                }
            }
        }
        Kind::Dots(points) => dots(scene, mark, points, place),
        Kind::Area { x, low, high } => {
            let whole = |(x, (l, h)): &(&f64, (&f64, &f64))| x.is_finite() && l.is_finite() && h.is_finite();
            let all: Vec<_> = x.iter().zip(low.iter().zip(high)).collect();
            for part in all.split(|p| !whole(p)).filter(|part| !part.is_empty()) {
                let up = place.lines(part.iter().map(|(x, (_, h))| (**x, **h)));
                let down = place.lines(part.iter().map(|(x, (l, _))| (**x, **l)));
                for (mut up, down) in up.into_iter().zip(down) {
                    up.extend(down.into_iter().rev());
                    scene.area(up, fill);
                }
            }
        }
        Kind::Bars { x, heights } => {
            let half = spacing(x) * 0.4;
            let edges = x.iter().zip(heights).map(|(x, h)| (x - half, x + half, *h));
            bars(scene, edges, place, fill, 0.0);
        }
        Kind::Histogram { values, .. } => {
            let (edges, heights) = mark.histogram(values);
            bars(scene, edges.windows(2).zip(&heights).map(|(e, h)| (e[0], e[1], *h)), place, fill, 0.6);
        }
        Kind::Image { pixels, width } if *width > 0 && !pixels.is_empty() => {
            let bytes = pixels.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
            scene.shapes.push(Shape::Image { pixels: bytes, width: *width, corners: [left, top, right, bottom] });
        }
        Kind::Heat(grid) if !grid.z.is_empty() => heat(scene, mark, grid, place),
        Kind::Filled(grid) => {
            let levels = mark.contour_levels();
            for (i, level) in levels.iter().enumerate().take(levels.len().saturating_sub(1)) {
                // The lowest color also has what is below all levels.
                let region = grid.region(if i == 0 { f64::MIN } else { *level });
                let placed = |outline: Vec<Point>| outline.into_iter().map(|p| place.at(p.0, p.1)).collect();
                let outlines: Vec<Vec<Point>> = region.outlines.into_iter().map(placed).collect();
                if !outlines.is_empty() {
                    scene.shapes.push(Shape::Area(outlines, band_color(mark.map, i, levels.len()).into()));
                }
            }
        }
        Kind::Contours(grid) => contours(scene, mark, grid, place, sizes, taken),
        Kind::Vertical(x) => {
            let at = place.at(*x, place.y.low).0;
            scene.shapes.push(line(vec![(at, top), (at, bottom)]));
        }
        Kind::Horizontal(y) => {
            let at = place.at(place.x.low, *y).1;
            scene.shapes.push(line(vec![(left, at), (right, at)]));
        }
        _ => {}
    }
}

/// The color of the area above a level.
pub(crate) fn band_color(map: Map, i: usize, levels: usize) -> Color {
    map.at(i as f64 / levels.saturating_sub(2).max(1) as f64)
}

fn bars(scene: &mut Scene, bars: impl Iterator<Item = (f64, f64, f64)>, place: &Place, fill: Fill, gap: f64) {
    for (from, to, height) in bars.filter(|b| b.0.is_finite() && b.2.is_finite() && b.2 != 0.0) {
        let floor = if place.y.log { place.y.low } else { 0.0 };
        let ((x0, y0), (x1, y1)) = (place.at(from, height.max(floor)), place.at(to, height.min(floor)));
        if x1 - x0 > 2.0 * gap + 1.0 {
            scene.rectangle([x0 + gap, y0, x1 - gap, y1], fill);
        } else {
            scene.rectangle([x0, y0, x1, y1], fill);
        }
    }
}

fn dots(scene: &mut Scene, mark: &Mark, points: &[Point], place: &Place) {
    let (radius, ring) = (mark.size / 2.0, if mark.ringed { 1.6 } else { 0.0 });
    let [left, top, right, bottom] = place.frame;
    let visible = |p: &Point| p.0 >= left - 1.0 && p.0 <= right + 1.0 && p.1 >= top - 1.0 && p.1 <= bottom + 1.0;
    if let Some(shades) = &mark.shades {
        let (low, high) = mark.span();
        for (p, shade) in points.iter().zip(shades) {
            let at = place.at(p.0, p.1);
            if visible(&at) && shade.is_finite() {
                let fill = Paint::from(mark.map.at((shade - low) / (high - low))).fade(mark.opacity);
                scene.shapes.push(Shape::Dots { points: vec![at], fill, radius, ring });
            }
        }
        return;
    }
    let mut seen = HashSet::new();
    let placed = points.iter().map(|p| place.at(p.0, p.1)).filter(visible);
    // Of dots at the same place, one is drawn.
    let points: Vec<Point> = match points.len() {
        n if n > 2000 => placed.filter(|p| seen.insert(((p.0 * 1.5) as i32, (p.1 * 1.5) as i32))).collect(),
        _ => placed.collect(),
    };
    scene.shapes.push(Shape::Dots { points, fill: mark.paint.fade(mark.opacity), radius, ring });
}

fn heat(scene: &mut Scene, mark: &Mark, grid: &Grid, place: &Place) {
    let (low, high) = mark.span();
    let (columns, rows) = (grid.x.len(), grid.y.len());
    let upward = grid.y.first() <= grid.y.last();
    let rightward = grid.x.first() <= grid.x.last();
    let mut pixels = Vec::with_capacity(columns * rows * 4);
    for row in 0..rows {
        // Pixels begin at the top.
        let row = if upward == place.down { row } else { rows - 1 - row };
        for column in 0..columns {
            let z = grid.value(if rightward { column } else { columns - 1 - column }, row);
            let Color { r, g, b, .. } = mark.map.at((z - low) / (high - low));
            pixels.extend([r, g, b, if z.is_nan() { 0 } else { 255 }]);
        }
    }
    let (across, up) = (spacing(&grid.x) / 2.0, spacing(&grid.y) / 2.0);
    let ends = |v: &[f64], by: f64| {
        let (low, high) = crate::data::range(v.iter().copied()).unwrap_or((0.0, 0.0));
        (low - by, high + by)
    };
    let ((x0, x1), (y0, y1)) = (ends(&grid.x, across), ends(&grid.y, up));
    let (a, b) = (place.at(x0, y0), place.at(x1, y1));
    let corners = [a.0.min(b.0), a.1.min(b.1), a.0.max(b.0), a.1.max(b.1)];
    scene.shapes.push(Shape::Image { pixels, width: columns, corners });
}

fn contours(scene: &mut Scene, mark: &Mark, grid: &Grid, place: &Place, sizes: Sizes, taken: &mut Vec<[f64; 4]>) {
    let levels = mark.contour_levels();
    let texts = if mark.levels.is_some() {
        levels.iter().map(|l| crate::scale::number(*l)).collect()
    } else {
        crate::scale::labels(&levels)
    };
    let mut labels = Vec::new();
    for (level, text) in levels.iter().zip(texts) {
        let lines = grid.region(*level).lines;
        let placed: Vec<Vec<Point>> = lines.iter().flat_map(|line| place.lines(line.iter().copied())).collect();
        let longest = placed.iter().max_by_key(|line| line.len()).filter(|line| line.len() > 12);
        if let Some(line) = longest {
            labels.extend(contour_label(line, &text, sizes.tick * 0.92, place.frame, taken));
        }
        let dash = mark.dashed.then_some(DASH);
        for points in placed {
            let fill = mark.paint.fade(mark.opacity);
            scene.shapes.push(Shape::Line { points, fill, width: mark.size, dash });
        }
    }
    scene.shapes.extend(labels.into_iter().map(Shape::Text));
}

/// The number of a contour line, at the first place along it where there is space.
fn contour_label(line: &[Point], text: &str, size: f64, frame: [f64; 4], taken: &mut Vec<[f64; 4]>) -> Option<Label> {
    let places = [0.5, 0.25, 0.75, 0.12, 0.88, 0.37, 0.63].map(|t| line[(t * (line.len() - 1) as f64) as usize]);
    for at in places {
        let (text, fill, anchor) = (text.to_string(), Paint::Ink.into(), Anchor::Middle);
        let label = Label { at, text, size, fill, anchor, upright: false, halo: true };
        let bounds = label.bounds();
        let inside = bounds[0] > frame[0] && bounds[1] > frame[1] && bounds[2] < frame[2] && bounds[3] < frame[3];
        if inside && !taken.iter().any(|other| overlap(*other, bounds)) {
            taken.push([bounds[0] - 6.0, bounds[1] - 3.0, bounds[2] + 6.0, bounds[3] + 3.0]);
            return Some(label);
        }
    }
    None
}
