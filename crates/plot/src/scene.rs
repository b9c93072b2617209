//! A list of shapes in a plane of logical pixels.

use crate::color::Paint;
use crate::font;

/// A position in the scene; y grows downward.
pub(crate) type Point = (f64, f64);

/// How a text is aligned to its point, horizontally. Vertically, the point is the middle of a capital letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// What fills a shape: a paint and its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fill {
    pub(crate) paint: Paint,
    pub(crate) opacity: f64,
}

impl<P: Into<Paint>> From<P> for Fill {
    fn from(paint: P) -> Fill {
        Fill { paint: paint.into(), opacity: 1.0 }
    }
}

impl Paint {
    pub(crate) fn fade(self, opacity: f64) -> Fill {
        Fill { paint: self, opacity }
    }
}

/// A text in the scene.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) at: Point,
    pub(crate) text: String,
    pub(crate) size: f64,
    pub(crate) fill: Fill,
    pub(crate) anchor: Anchor,
    /// Turned by a quarter, to be read from below.
    pub(crate) upright: bool,
    /// Surrounded by the background, to be read over lines.
    pub(crate) halo: bool,
}

impl Label {
    /// Left, top, right and bottom.
    pub(crate) fn bounds(&self) -> [f64; 4] {
        let width = font::width(&self.text) * self.size;
        let before = match self.anchor {
            Anchor::Left => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::Right => width,
        };
        let (x, y, half) = (self.at.0, self.at.1, 0.52 * self.size);
        match self.upright {
            false => [x - before, y - half, x - before + width, y + half],
            true => [x - half, y - width + before, x + half, y + before],
        }
    }
}

/// Whether two boxes have an area in common.
pub(crate) fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Closed outlines. An outline inside another that runs the other way is a hole.
    Area(Vec<Vec<Point>>, Fill),
    Line {
        points: Vec<Point>,
        fill: Fill,
        width: f64,
        dash: Option<(f64, f64)>,
    },
    /// Dots, with a ring in the color of the background of the given width.
    Dots {
        points: Vec<Point>,
        fill: Fill,
        radius: f64,
        ring: f64,
    },
    Text(Label),
    /// RGBA pixels, drawn into left, top, right, bottom.
    Image {
        pixels: Vec<u8>,
        width: usize,
        corners: [f64; 4],
    },
    /// The following shapes, up to `End`, show data of this name, and only inside the box.
    Begin {
        class: &'static str,
        label: String,
        data: Vec<(&'static str, String)>,
        clip: Option<[f64; 4]>,
    },
    End,
}

impl Shape {
    /// Whether all of its coordinates are numbers.
    pub(crate) fn is_finite(&self) -> bool {
        let finite = |points: &[Point]| points.iter().all(|p| p.0.is_finite() && p.1.is_finite());
        match self {
            Shape::Area(outlines, _) => outlines.iter().all(|outline| finite(outline)),
            Shape::Line { points, .. } | Shape::Dots { points, .. } => finite(points),
            Shape::Text(label) => finite(&[label.at]),
            Shape::Image { corners, .. } => corners.iter().all(|v| v.is_finite()),
            Shape::Begin { .. } | Shape::End => true,
        }
    }
}

/// A picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
    /// What the picture shows, for readers who cannot see it.
    pub(crate) description: String,
}

impl Scene {
    pub(crate) fn new(width: f64, height: f64) -> Scene {
        Scene { width, height, ..Scene::default() }
    }

    pub(crate) fn area(&mut self, outline: Vec<Point>, fill: impl Into<Fill>) {
        self.shapes.push(Shape::Area(vec![outline], fill.into()));
    }

    pub(crate) fn rectangle(&mut self, [x0, y0, x1, y1]: [f64; 4], fill: impl Into<Fill>) {
        self.area(vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill);
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, fill: impl Into<Fill>, width: f64) {
        self.shapes.push(Shape::Line { points, fill: fill.into(), width, dash: None });
    }

    pub(crate) fn frame(&mut self, [x0, y0, x1, y1]: [f64; 4], fill: impl Into<Fill>, width: f64) {
        self.line(vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], fill, width);
    }

    /// Text on one line.
    pub(crate) fn text(
        &mut self,
        at: Point,
        text: impl Into<String>,
        size: f64,
        fill: impl Into<Fill>,
        anchor: Anchor,
    ) {
        let (text, fill) = (text.into(), fill.into());
        self.shapes.push(Shape::Text(Label { at, text, size, fill, anchor, upright: false, halo: false }));
    }

    /// Text on several lines. Returns the height that they take.
    pub(crate) fn paragraph(
        &mut self,
        (x, y): Point,
        lines: &[String],
        size: f64,
        fill: impl Into<Fill> + Copy,
    ) -> f64 {
        for (i, line) in lines.iter().enumerate() {
            self.text((x, y + (i as f64 + 0.5) * size * LEADING), line, size, fill, Anchor::Left);
        }
        lines.len() as f64 * size * LEADING
    }

    /// All texts.
    #[cfg(test)]
    pub(crate) fn labels(&self) -> impl Iterator<Item = &Label> {
        self.shapes.iter().filter_map(|shape| if let Shape::Text(label) = shape { Some(label) } else { None })
    }
}

/// The distance of lines of text, in sizes of the font.
pub(crate) const LEADING: f64 = 1.35;

/// Breaks a text into lines of at most a width.
pub(crate) fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
            if !line.is_empty() && font::width(&longer) * size > width {
                lines.push(std::mem::replace(&mut line, word.to_string()));
            } else {
                line = longer;
            }
        }
        lines.push(line);
    }
    lines
}
