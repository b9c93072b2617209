//! A list of shapes in a plane of logical pixels, and how it is written as a PNG or SVG file.
//!
//! The bitmap is drawn four times as large as the scene and then halved, which smooths every edge. Text is measured and
//! drawn with the built-in font, so the picture does not depend on the machine's fonts.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontTransform, register_font};

use super::Color;

/// A position in the scene; y grows downward.
pub(crate) type Point = (f64, f64);

/// How a text is aligned to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// The point is the middle of its left edge.
    Left,
    /// The point is its middle.
    Middle,
    /// The point is the middle of its right edge.
    Right,
}

#[derive(Clone, Debug)]
enum Shape {
    Polygon(Vec<Point>, Color),
    Line(Vec<Point>, Color, f64),
    Dot(Point, f64, Color),
    Text { at: Point, text: String, size: f64, color: Color, anchor: Anchor, upright: bool },
}

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    width: u32,
    height: u32,
    shapes: Vec<Shape>,
}

/// The scale at which the scene is drawn, and the scale of the PNG.
const DRAWN: u32 = 4;
const KEPT: u32 = 2;

impl Scene {
    pub(crate) fn new(width: u32, height: u32) -> Scene {
        Scene { width, height, shapes: Vec::new() }
    }

    pub(crate) fn polygon(&mut self, points: Vec<Point>, color: Color) {
        self.shapes.push(Shape::Polygon(points, color));
    }

    pub(crate) fn rectangle(&mut self, (x0, y0): Point, (x1, y1): Point, color: Color) {
        self.polygon(vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color);
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, color: Color, width: f64) {
        self.shapes.push(Shape::Line(points, color, width));
    }

    pub(crate) fn dot(&mut self, at: Point, radius: f64, color: Color) {
        self.shapes.push(Shape::Dot(at, radius, color));
    }

    /// Text on one line.
    pub(crate) fn text(&mut self, at: Point, text: impl Into<String>, size: f64, color: Color, anchor: Anchor) {
        self.shapes.push(Shape::Text { at, text: text.into(), size, color, anchor, upright: false });
    }

    /// Vertical text, centered at a point.
    pub(crate) fn upright(&mut self, at: Point, text: impl Into<String>, size: f64, color: Color) {
        let anchor = Anchor::Middle;
        self.shapes.push(Shape::Text { at, text: text.into(), size, color, anchor, upright: true });
    }

    /// Writes `NAME.png` and `NAME.svg` into a directory and returns the paths.
    pub(crate) fn save(&self, dir: &Path, name: &str) -> Result<[PathBuf; 2]> {
        static FONT: Once = Once::new();
        FONT.call_once(|| {
            // The bytes are a valid font, built into the program.
            let _ = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
        });
        std::fs::create_dir_all(dir).with_context(|| format!("making the directory {}", dir.display()))?;
        let (png, svg) = (dir.join(format!("{name}.png")), dir.join(format!("{name}.svg")));
        self.write_png(&png).with_context(|| format!("writing {}", png.display()))?;
        std::fs::write(&svg, self.to_svg()?).with_context(|| format!("writing {}", svg.display()))?;
        Ok([png, svg])
    }

    fn to_svg(&self) -> Result<String> {
        let size = (self.width * DRAWN, self.height * DRAWN);
        let mut text = String::new();
        self.draw(&SVGBackend::with_string(&mut text, size).into_drawing_area(), 0.0)?;
        // Drawn large, because coordinates are integers; shown at the size of the scene.
        let large = format!("width=\"{}\" height=\"{}\" viewBox", size.0, size.1);
        let shown = format!("width=\"{}\" height=\"{}\" viewBox", self.width, self.height);
        Ok(text.replacen(&large, &shown, 1))
    }

    fn write_png(&self, path: &Path) -> Result<()> {
        let (width, height) = (self.width * DRAWN, self.height * DRAWN);
        let mut drawn = vec![0; (width * height * 3) as usize];
        // Glyphs in bitmaps are centered including the space for accents, so they would appear too high.
        self.draw(&BitMapBackend::with_buffer(&mut drawn, (width, height)).into_drawing_area(), 0.2)?;
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.width * KEPT, self.height * KEPT);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&shrunk(&drawn, width as usize, (DRAWN / KEPT) as usize))?;
        Ok(writer.finish()?)
    }

    /// Draws all shapes; texts are lowered by a fraction of their size.
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, lowered: f64) -> Result<()> {
        let scale = f64::from(DRAWN);
        let place = |p: &Point| ((p.0 * scale).round() as i32, (p.1 * scale).round() as i32);
        let style = |c: Color| RGBAColor(c.0, c.1, c.2, c.3);
        let failed = |e| anyhow!("drawing: {e}");
        area.fill(&WHITE).map_err(failed)?;
        for shape in &self.shapes {
            match shape {
                Shape::Polygon(points, color) => {
                    let points: Vec<_> = points.iter().map(place).collect();
                    area.draw(&Polygon::new(points, style(*color).filled())).map_err(failed)?;
                }
                Shape::Line(points, color, width) => {
                    let width = (width * scale).round().max(1.0) as u32;
                    let points: Vec<_> = points.iter().map(place).collect();
                    area.draw(&PathElement::new(points, style(*color).stroke_width(width))).map_err(failed)?;
                }
                Shape::Dot(at, radius, color) => {
                    let radius = (radius * scale).round() as i32;
                    area.draw(&Circle::new(place(at), radius, style(*color).filled())).map_err(failed)?;
                }
                Shape::Text { at, text, size, color, anchor, upright } => {
                    let horizontal = match anchor {
                        Anchor::Left => HPos::Left,
                        Anchor::Middle => HPos::Center,
                        Anchor::Right => HPos::Right,
                    };
                    let turned = if *upright { FontTransform::Rotate270 } else { FontTransform::None };
                    let font = ("sans-serif", size * scale).into_font().transform(turned).color(&style(*color));
                    let font = font.pos(Pos::new(horizontal, VPos::Center));
                    let by = lowered * size;
                    let at = if *upright { (at.0 + by, at.1) } else { (at.0, at.1 + by) };
                    area.draw(&Text::new(text.as_str(), place(&at), font)).map_err(failed)?;
                }
            }
        }
        area.present().map_err(failed)
    }
}

/// An RGB bitmap in which each square of `factor` pixels becomes one pixel, their mean.
fn shrunk(pixels: &[u8], width: usize, factor: usize) -> Vec<u8> {
    let (columns, rows) = (width / factor, pixels.len() / 3 / width / factor);
    let mut out = Vec::with_capacity(columns * rows * 3);
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..3 {
                let square = (0..factor * factor).map(|i| {
                    let (y, x) = (row * factor + i / factor, column * factor + i % factor);
                    usize::from(pixels[(y * width + x) * 3 + channel])
                });
                out.push((square.sum::<usize>() / (factor * factor)) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_takes_means() {
        let pixels = [0, 0, 0, 4, 8, 12, 0, 0, 0, 4, 8, 12];
        assert_eq!(shrunk(&pixels, 2, 2), [2, 4, 6]);
    }

    #[test]
    fn an_svg_has_the_size_of_the_scene() {
        let mut scene = Scene::new(40, 30);
        scene.dot((20.0, 15.0), 2.0, Color::BLUE);
        let svg = scene.to_svg().unwrap();
        assert!(svg.contains("width=\"40\" height=\"30\" viewBox=\"0 0 160 120\""), "{svg}");
    }
}
