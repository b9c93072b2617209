//! A scene as SVG text.

use std::fmt::Write;

use crate::color::{Paint, Theme};
use crate::font::FAMILY;
use crate::scene::{Anchor, Fill, Label, Point, Scene, Shape};

/// Writes a scene. Colors of the theme are written as attributes and, for pages with styles of their own, as classes.
pub(crate) fn svg(scene: &Scene, theme: Theme, id: &str) -> String {
    let mut out = Writer { text: String::new(), theme, clips: 0, id };
    let (w, h) = (short(scene.width), short(scene.height));
    out.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"{FAMILY}\" role=\"img\" aria-label=\"{}\">\n",
        escaped(&scene.description)
    ));
    out.put(format_args!("<rect width=\"{w}\" height=\"{h}\"{}/>\n", out.fill(Paint::Paper.into())));
    for shape in &scene.shapes {
        out.shape(shape);
    }
    out.text.push_str("</svg>\n");
    out.text
}

struct Writer<'a> {
    text: String,
    theme: Theme,
    clips: usize,
    id: &'a str,
}

impl Writer<'_> {
    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(args);
    }

    fn paint(&self, what: &str, fill: Fill, plain: &str) -> String {
        let color = self.theme.color(fill.paint);
        let class = fill.paint.class().map_or(String::new(), |c| format!(" class=\"{plain}{c}\""));
        let opacity = fill.opacity * color.a;
        let opacity = if opacity < 1.0 { format!(" {what}-opacity=\"{}\"", short(opacity)) } else { String::new() };
        format!("{class} {what}=\"{}\"{opacity}", color.css())
    }

    fn fill(&self, fill: Fill) -> String {
        self.paint("fill", fill, "f-")
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Area(outlines, fill) => {
                let path: String = outlines.iter().map(|o| path(o) + "Z").collect();
                self.put(format_args!("<path d=\"{path}\"{}/>\n", self.fill(*fill)));
            }
            Shape::Line { points, fill, width, dash } => {
                let dash =
                    dash.map_or(String::new(), |(a, b)| format!(" stroke-dasharray=\"{} {}\"", short(a), short(b)));
                let stroke = self.paint("stroke", *fill, "l-");
                let (path, width) = (path(points), short(*width));
                self.put(format_args!(
                    "<path d=\"{path}\" fill=\"none\"{stroke} stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}/>\n"
                ));
            }
            Shape::Dots { points, fill, radius, ring } => {
                if *ring > 0.0 {
                    self.dots(points, Paint::Paper.into(), radius + ring);
                }
                self.dots(points, *fill, *radius);
            }
            Shape::Text(label) => self.label(label),
            Shape::Image { pixels, width, corners: [x0, y0, x1, y1] } => {
                let png = crate::raster::encode(pixels, *width, pixels.len() / 4 / width, png::ColorType::Rgba);
                let data = base64(&png.unwrap_or_default());
                let (x, y, w, h) = (short(*x0), short(*y0), short(x1 - x0), short(y1 - y0));
                self.put(format_args!(
                    "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
                     style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>\n"
                ));
            }
            Shape::Begin { class, label, data, clip } => {
                let data: String =
                    data.iter().map(|(name, value)| format!(" data-{name}=\"{}\"", escaped(value))).collect();
                let label =
                    if label.is_empty() { String::new() } else { format!(" data-label=\"{}\"", escaped(label)) };
                let mut clipped = String::new();
                if let Some([x0, y0, x1, y1]) = clip {
                    let (n, id) = (self.clips, self.id);
                    self.clips += 1;
                    let (x, y, w, h) = (short(*x0), short(*y0), short(x1 - x0), short(y1 - y0));
                    self.put(format_args!(
                        "<clipPath id=\"{id}clip{n}\"><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/></clipPath>\n"
                    ));
                    clipped = format!(" clip-path=\"url(#{id}clip{n})\"");
                }
                self.put(format_args!("<g class=\"{class}\"{label}{data}{clipped}>\n"));
            }
            Shape::End => self.text.push_str("</g>\n"),
        }
    }

    /// Few dots are circles; many are one path, which is shorter and drawn faster.
    fn dots(&mut self, points: &[Point], fill: Fill, radius: f64) {
        if points.len() <= 400 {
            self.put(format_args!("<g{}>", self.fill(fill)));
            for (x, y) in points {
                self.put(format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"/>", short(*x), short(*y), short(radius)));
            }
            self.text.push_str("</g>\n");
        } else {
            let path: String = points.iter().map(|(x, y)| format!("M{} {}h0", short(*x), short(*y))).collect();
            let (stroke, width) = (self.paint("stroke", fill, "l-"), short(2.0 * radius));
            self.put(format_args!("<path d=\"{path}\"{stroke} stroke-width=\"{width}\" stroke-linecap=\"round\"/>\n"));
        }
    }

    fn label(&mut self, label: &Label) {
        let Label { at: (x, y), text, size, fill, anchor, upright, halo } = label;
        let anchor = match anchor {
            Anchor::Left => "start",
            Anchor::Middle => "middle",
            Anchor::Right => "end",
        };
        let place = match upright {
            false => format!("x=\"{}\" y=\"{}\"", short(*x), short(y + BASELINE * size)),
            true => format!("transform=\"translate({} {}) rotate(-90)\"", short(x + BASELINE * size), short(*y)),
        };
        let halo = match halo {
            true => {
                let paper = self.theme.color(Paint::Paper).css();
                format!(" paint-order=\"stroke\" stroke=\"{paper}\" stroke-width=\"3.2\" stroke-linejoin=\"round\"")
            }
            false => String::new(),
        };
        let class = if halo.is_empty() { "f-" } else { "halo f-" };
        let fill = self.paint("fill", *fill, class);
        let (size, text) = (short(*size), escaped(text));
        self.put(format_args!(
            "<text {place} font-size=\"{size}\" text-anchor=\"{anchor}\"{fill}{halo}>{text}</text>\n"
        ));
    }
}

/// From the middle of capital letters to the baseline, in sizes of the font.
pub(crate) const BASELINE: f64 = 0.36;

fn path(points: &[Point]) -> String {
    let mut out = String::with_capacity(points.len() * 12);
    for (i, (x, y)) in points.iter().enumerate() {
        out.push_str(["M", " "][i.min(1)]);
        out.push_str(&short(*x));
        out.push(' ');
        out.push_str(&short(*y));
    }
    out
}

/// A number with at most two decimals.
pub(crate) fn short(x: f64) -> String {
    let rounded = (x * 100.0).round() / 100.0 + 0.0;
    format!("{rounded}")
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([short(1.0), short(-0.001), short(12.345678)], ["1", "0", "12.35"]);
    }
}
