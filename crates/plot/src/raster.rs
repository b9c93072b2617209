//! A scene as pixels.
//!
//! Every edge is smooth: a pixel has the color of a shape to the extent that the shape covers it. The coverage is
//! exact. Each edge of an outline adds its signed area to the pixels of its rows; sums along the rows give the coverage.

use std::io::Write;

use crate::color::{Color, Paint, Theme};
use crate::font;
use crate::scene::{Anchor, Fill, Label, Point, Scene, Shape};
use crate::svg::BASELINE;

/// A bitmap of RGB pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bitmap {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

/// Draws a scene at a number of pixels for each logical pixel.
pub(crate) fn bitmap(scene: &Scene, theme: Theme, scale: f64) -> Bitmap {
    let (width, height) = ((scene.width * scale).round() as usize, (scene.height * scale).round() as usize);
    let Color { r, g, b, .. } = theme.color(Paint::Paper);
    let pixels = [r, g, b].repeat(width * height);
    let bitmap = Bitmap { width, height, pixels };
    let everything = [0, 0, width, height];
    let mut canvas = Canvas { bitmap, theme, scale, clips: vec![everything], sums: Vec::new() };
    for shape in &scene.shapes {
        canvas.shape(shape);
    }
    canvas.bitmap
}

/// The bytes of a PNG file.
pub(crate) fn encode(pixels: &[u8], width: usize, height: usize, color: png::ColorType) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(&mut bytes, &[pixels], width, height, color, None)?;
    Ok(bytes)
}

/// Writes a PNG file, or an animated one, of frames that take a fraction of a second each.
pub(crate) fn write(
    out: impl Write,
    frames: &[&[u8]],
    width: usize,
    height: usize,
    color: png::ColorType,
    rate: Option<u16>,
) -> std::io::Result<()> {
    let size = |n: usize| u32::try_from(n).map_err(std::io::Error::other);
    let mut encoder = png::Encoder::new(out, size(width)?, size(height)?);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(rate) = rate {
        encoder.set_animated(size(frames.len())?, 0)?;
        encoder.set_frame_delay(1, rate)?;
    }
    let mut writer = encoder.write_header()?;
    for (i, frame) in frames.iter().enumerate() {
        if rate.is_some() && i + 1 == frames.len() {
            // The last frame stays for two seconds.
            writer.set_frame_delay(2, 1)?;
        }
        writer.write_image_data(frame)?;
    }
    Ok(writer.finish()?)
}

struct Canvas {
    bitmap: Bitmap,
    theme: Theme,
    scale: f64,
    /// Boxes of pixels, each inside the one before it: left, top, right, bottom.
    clips: Vec<[usize; 4]>,
    sums: Vec<f32>,
}

impl Canvas {
    fn clip(&self) -> [usize; 4] {
        self.clips[self.clips.len() - 1]
    }

    fn shape(&mut self, shape: &Shape) {
        let scale = self.scale;
        let placed = |points: &[Point]| -> Vec<Point> { points.iter().map(|p| (p.0 * scale, p.1 * scale)).collect() };
        match shape {
            Shape::Area(outlines, fill) => {
                let outlines: Vec<_> = outlines.iter().map(|o| placed(o)).collect();
                self.fill(&outlines, *fill);
            }
            Shape::Line { points, fill, width, dash } => {
                let points = placed(points);
                let (width, dash) = (width * scale, dash.map(|(a, b)| (a * scale, b * scale)));
                let pieces = dash.map_or_else(|| vec![points.clone()], |dash| dashed(&points, dash));
                let outlines: Vec<_> = pieces.iter().flat_map(|piece| stroke(piece, width)).collect();
                self.fill(&outlines, *fill);
            }
            Shape::Dots { points, fill, radius, ring } => {
                for at in placed(points) {
                    if *ring > 0.0 {
                        self.fill(&[disk(at, (radius + ring) * scale)], Paint::Paper.into());
                    }
                    self.fill(&[disk(at, radius * scale)], *fill);
                }
            }
            Shape::Text(label) => self.label(label),
            Shape::Image { pixels, width, corners } => self.image(pixels, *width, *corners),
            Shape::Begin { clip, .. } => {
                let [x0, y0, x1, y1] = self.clip();
                let clip = clip.map_or([x0, y0, x1, y1], |[a, b, c, d]| {
                    let pixel = |x: f64| (x * scale).round().max(0.0) as usize;
                    // A clip outside the picture is empty.
                    let (left, top) = (pixel(a).clamp(x0, x1), pixel(b).clamp(y0, y1));
                    [left, top, pixel(c).clamp(left, x1), pixel(d).clamp(top, y1)]
                });
                self.clips.push(clip);
            }
            Shape::End => {
                self.clips.pop();
            }
        }
    }

    fn label(&mut self, label: &Label) {
        let Label { at, text, size, fill, anchor, upright, halo } = label;
        let width = font::width(text) * size;
        let start = match anchor {
            Anchor::Left => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::Right => -width,
        };
        let place = |(x, y): Point| {
            let (x, y) = (start + x * size, (BASELINE + y) * size);
            let (x, y) = if *upright { (at.0 + y, at.1 - x) } else { (at.0 + x, at.1 + y) };
            (x * self.scale, y * self.scale)
        };
        let outlines: Vec<Vec<Point>> =
            font::outlines(text).into_iter().map(|o| o.into_iter().map(place).collect()).collect();
        if *halo {
            let closed = outlines.iter().map(|o| o.iter().copied().chain(o.first().copied()).collect::<Vec<_>>());
            let around: Vec<_> = closed.flat_map(|o| stroke(&o, 3.2 * self.scale)).collect();
            self.fill(&around, Paint::Paper.into());
        }
        self.fill(&outlines, *fill);
    }

    /// Fills what the outlines enclose.
    fn fill(&mut self, outlines: &[Vec<Point>], fill: Fill) {
        let [left, top, right, bottom] = self.clip();
        let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for p in outlines.iter().flatten() {
            low = (low.0.min(p.0), low.1.min(p.1));
            high = (high.0.max(p.0), high.1.max(p.1));
        }
        let bound = |x: f64, low: usize, high: usize| x.clamp(low as f64, high as f64) as usize;
        let (x0, x1) = (bound(low.0.floor(), left, right), bound(high.0.ceil(), left, right));
        let (y0, y1) = (bound(low.1.floor(), top, bottom), bound(high.1.ceil(), top, bottom));
        if x0 >= x1 || y0 >= y1 {
            return;
        }
        // One more column takes what an edge at the right border adds.
        let (width, height) = (x1 - x0, y1 - y0);
        self.sums.clear();
        self.sums.resize((width + 2) * height, 0.0);
        let inside = |p: Point| (p.0 - x0 as f64, p.1 - y0 as f64);
        for outline in outlines {
            for (i, a) in outline.iter().enumerate() {
                edge(&mut self.sums, width + 2, height, inside(*a), inside(outline[(i + 1) % outline.len()]));
            }
        }
        let color = self.theme.color(fill.paint);
        let opacity = (fill.opacity * color.a) as f32;
        for row in 0..height {
            let sums = &self.sums[row * (width + 2)..][..width];
            let start = ((y0 + row) * self.bitmap.width + x0) * 3;
            let pixels = &mut self.bitmap.pixels[start..start + width * 3];
            let mut sum = 0.0;
            for (added, pixel) in sums.iter().zip(pixels.chunks_exact_mut(3)) {
                sum += added;
                let cover = sum.abs().min(1.0);
                if cover > 1.0 / 512.0 {
                    blend(pixel, color, cover * opacity);
                }
            }
        }
    }

    fn image(&mut self, pixels: &[u8], width: usize, corners: [f64; 4]) {
        let rows = pixels.len() / 4 / width;
        let [left, top, right, bottom] = self.clip();
        let [x0, y0, x1, y1] = corners.map(|x| x * self.scale);
        let range = |a: f64, b: f64, low: usize, high: usize| {
            (a.round().max(low as f64) as usize)..(b.round() as usize).min(high)
        };
        for y in range(y0, y1, top, bottom) {
            let row = (((y as f64 + 0.5 - y0) / (y1 - y0) * rows as f64) as usize).min(rows - 1);
            for x in range(x0, x1, left, right) {
                let column = (((x as f64 + 0.5 - x0) / (x1 - x0) * width as f64) as usize).min(width - 1);
                let source = &pixels[(row * width + column) * 4..][..4];
                let color = Color { r: source[0], g: source[1], b: source[2], a: 1.0 };
                let at = (y * self.bitmap.width + x) * 3;
                blend(&mut self.bitmap.pixels[at..at + 3], color, f32::from(source[3]) / 255.0);
            }
        }
    }
}

fn blend(pixel: &mut [u8], color: Color, opacity: f32) {
    for (p, c) in pixel.iter_mut().zip([color.r, color.g, color.b]) {
        *p = (f32::from(*p) + (f32::from(c) - f32::from(*p)) * opacity + 0.5) as u8;
    }
}

/// Adds the signed area between an edge and the right border.
fn edge(sums: &mut [f32], stride: usize, height: usize, a: Point, b: Point) {
    if a.1 == b.1 {
        return;
    }
    let (direction, a, b) = if a.1 < b.1 { (1.0, a, b) } else { (-1.0, b, a) };
    let slope = (b.0 - a.0) / (b.1 - a.1);
    let (from, to) = (a.1.max(0.0), b.1.min(height as f64));
    if from >= to {
        return;
    }
    let mut x = a.0 + (from - a.1) * slope;
    for row in from as usize..(to.ceil() as usize).min(height) {
        let (y0, y1) = (from.max(row as f64), to.min(row as f64 + 1.0));
        let dy = y1 - y0;
        let next = x + slope * dy;
        let (low, high) = if x < next { (x, next) } else { (next, x) };
        let area = direction * dy;
        let line = &mut sums[row * stride..(row + 1) * stride];
        let (first, last) = (low.floor(), high.ceil());
        if last <= 0.0 {
            line[0] += area as f32;
        } else if first >= 0.0 && last <= first + 1.0 {
            // The edge stays in one pixel of this row.
            if let Some([here, right]) = line.get_mut(first as usize..).and_then(|l| l.first_chunk_mut()) {
                let inside = area * (1.0 - ((low + high) / 2.0 - first));
                *here += inside as f32;
                *right += (area - inside) as f32;
            }
        } else {
            // The area to the right of the edge and to the left of a column; a pixel's is a difference of two.
            let beyond = |column: f64| (column - low).max(0.0).powi(2) - (column - high).max(0.0).powi(2);
            let (start, per) = (first.max(0.0), area / (high - low) / 2.0);
            let (mut left, mut previous) = (per * beyond(start), 0.0);
            let end = (last as usize + 1).min(stride);
            for (column, sum) in line.iter_mut().enumerate().take(end).skip(start as usize) {
                let right = per * beyond(column as f64 + 1.0);
                *sum += (right - left - previous) as f32;
                (previous, left) = (right - left, right);
            }
        }
        x = next;
    }
}

fn disk(at: Point, radius: f64) -> Vec<Point> {
    let sides = (8.0 + radius * 2.0).min(64.0) as usize;
    let corner = |i: usize| (i as f64 / sides as f64 * std::f64::consts::TAU).sin_cos();
    (0..sides).map(corner).map(|(s, c)| (at.0 + radius * c, at.1 + radius * s)).collect()
}

/// The outlines of a line with round joins. All run the same way, so where they overlap they count once.
fn stroke(points: &[Point], width: f64) -> Vec<Vec<Point>> {
    let half = width / 2.0;
    let mut outlines = Vec::with_capacity(points.len());
    for (i, pair) in points.windows(2).enumerate() {
        let [a, b] = [pair[0], pair[1]];
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx.hypot(dy);
        if length > 0.0 {
            let (nx, ny) = (dy / length * half, -dx / length * half);
            outlines.push(vec![(a.0 + nx, a.1 + ny), (b.0 + nx, b.1 + ny), (b.0 - nx, b.1 - ny), (a.0 - nx, a.1 - ny)]);
        }
        if i > 0 && width > 1.2 {
            outlines.push(disk(a, half));
        }
    }
    outlines
}

/// The parts of a line that its dashes cover.
fn dashed(points: &[Point], (on, off): (f64, f64)) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let (mut drawing, mut left) = (true, on);
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut a, b) = (pair[0], pair[1]);
        loop {
            let length = (b.0 - a.0).hypot(b.1 - a.1);
            if length < left {
                left -= length;
                break;
            }
            let t = left / length;
            a = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            if drawing {
                piece.push(a);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![a];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        if drawing {
            piece.push(b);
        }
    }
    if drawing && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The coverage of a polygon in a picture of 8 by 8 pixels, as parts of 255.
    fn covered(outline: Vec<Point>) -> Vec<f64> {
        let mut scene = Scene::new(8.0, 8.0);
        scene.area(outline, Color::hex(0));
        bitmap(&scene, Theme::Light, 1.0).pixels.chunks(3).map(|p| 1.0 - f64::from(p[0]) / 255.0).collect()
    }

    #[test]
    fn coverage_is_exact() {
        let square = covered(vec![(1.5, 2.0), (3.5, 2.0), (3.5, 4.25), (1.5, 4.25)]);
        for (at, expected) in [(8 + 1, 0.0), (16 + 1, 0.5), (16 + 2, 1.0), (16 + 3, 0.5), (32 + 2, 0.25), (32 + 4, 0.0)]
        {
            assert!((square[at] - expected).abs() < 0.005, "pixel {at}: {}", square[at]);
        }
        // Areas by the shoelace formula, of polygons that reach over the borders, too.
        let triangle = covered(vec![(0.3, 0.7), (7.1, 2.9), (2.2, 6.8)]);
        assert!((triangle.iter().sum::<f64>() - 18.65).abs() < 0.1, "{}", triangle.iter().sum::<f64>());
        let half = covered(vec![(-100.0, -100.0), (108.0, 108.0), (-100.0, 108.0)]);
        assert!((half.iter().sum::<f64>() - 32.0).abs() < 0.1, "{}", half.iter().sum::<f64>());
    }

    #[test]
    fn a_line_has_one_opacity() {
        let mut scene = Scene::new(20.0, 20.0);
        scene.line(vec![(2.0, 10.0), (18.0, 10.0), (2.0, 10.0)], Paint::Ink.fade(0.5), 4.0);
        let pixels = bitmap(&scene, Theme::Light, 1.0).pixels;
        assert!(pixels[(10 * 20 + 10) * 3].abs_diff(145) <= 1, "{}", pixels[(10 * 20 + 10) * 3]);
    }

    #[test]
    fn dashes_have_their_length() {
        let line = [(0.0, 0.0), (10.0, 0.0), (10.0, 5.0)];
        let pieces = dashed(&line, (4.0, 2.0));
        assert_eq!(
            pieces,
            [vec![(0.0, 0.0), (4.0, 0.0)], vec![(6.0, 0.0), (10.0, 0.0)], vec![(10.0, 2.0), (10.0, 5.0)]]
        );
    }
}
