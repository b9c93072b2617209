//! The built-in font, DejaVu Sans: widths and outlines of its glyphs.
//!
//! It reads the TrueType tables that the font has, and nothing else: the bytes are part of the program.

use std::sync::OnceLock;

/// The font's family in an SVG, with families of the same widths or narrower ones after it.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

struct Font {
    bytes: &'static [u8],
    units: f64,
    long_offsets: bool,
    metrics: usize,
    cmap: usize,
    hmtx: usize,
    loca: usize,
    glyf: usize,
}

fn font() -> &'static Font {
    static FONT: OnceLock<Font> = OnceLock::new();
    FONT.get_or_init(|| Font::new(dejavu::sans::regular()))
}

/// The width of a text of size 1.
pub(crate) fn width(text: &str) -> f64 {
    let font = font();
    text.chars().map(|c| font.advance(font.glyph(c))).sum()
}

/// The outlines of a text of size 1, which starts at the origin of its baseline; y grows downward.
pub(crate) fn outlines(text: &str) -> Vec<Vec<(f64, f64)>> {
    let (font, mut at, mut contours) = (font(), 0.0, Vec::new());
    for c in text.chars() {
        let glyph = font.glyph(c);
        for contour in font.outline(glyph) {
            contours.push(contour.into_iter().map(|(x, y)| (at + x / font.units, -y / font.units)).collect());
        }
        at += font.advance(glyph);
    }
    contours
}

impl Font {
    fn new(bytes: &'static [u8]) -> Font {
        let mut font = Font { bytes, units: 1.0, long_offsets: false, metrics: 0, cmap: 0, hmtx: 0, loca: 0, glyf: 0 };
        let table = |name: &[u8; 4]| {
            let entries = (0..font.u16(4) as usize).map(|i| 12 + 16 * i);
            let entry = entries.into_iter().find(|e| &bytes[*e..*e + 4] == name);
            entry.map_or(0, |e| font.u32(e + 8) as usize)
        };
        let (head, hhea, map) = (table(b"head"), table(b"hhea"), table(b"cmap"));
        let (hmtx, loca, glyf) = (table(b"hmtx"), table(b"loca"), table(b"glyf"));
        // The table of Unicode's basic plane has format 4.
        let subtables = (0..font.u16(map + 2) as usize).map(|i| map + font.u32(map + 8 + 8 * i) as usize);
        let cmap = subtables.into_iter().find(|t| font.u16(*t) == 4).unwrap_or(map);
        font.units = f64::from(font.u16(head + 18));
        font.long_offsets = font.u16(head + 50) == 1;
        font.metrics = font.u16(hhea + 34) as usize;
        Font { cmap, hmtx, loca, glyf, ..font }
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    fn i16(&self, at: usize) -> i16 {
        self.u16(at) as i16
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) << 16 | u32::from(self.u16(at + 2))
    }

    /// The glyph of a character. Glyph 0 stands for all that the font does not have.
    fn glyph(&self, c: char) -> usize {
        let Ok(code) = u16::try_from(u32::from(c)) else { return 0 };
        let double = self.u16(self.cmap + 6) as usize;
        let (ends, starts) = (self.cmap + 14, self.cmap + 16 + double);
        let (deltas, offsets) = (starts + double, starts + 2 * double);
        let Some(i) = (0..double).step_by(2).find(|i| self.u16(ends + i) >= code) else { return 0 };
        let (start, offset) = (self.u16(starts + i), self.u16(offsets + i));
        if code < start {
            return 0;
        }
        let delta = self.u16(deltas + i);
        if offset == 0 {
            return usize::from(code.wrapping_add(delta));
        }
        match self.u16(offsets + i + usize::from(offset) + 2 * usize::from(code - start)) {
            0 => 0,
            glyph => usize::from(glyph.wrapping_add(delta)),
        }
    }

    fn advance(&self, glyph: usize) -> f64 {
        f64::from(self.u16(self.hmtx + 4 * glyph.min(self.metrics - 1))) / self.units
    }

    /// The contours of a glyph as polygons, in the font's units.
    fn outline(&self, glyph: usize) -> Vec<Vec<(f64, f64)>> {
        let offset = |i: usize| match self.long_offsets {
            true => self.u32(self.loca + 4 * i) as usize,
            false => 2 * self.u16(self.loca + 2 * i) as usize,
        };
        let (from, to) = (self.glyf + offset(glyph), self.glyf + offset(glyph + 1));
        if from == to {
            return Vec::new();
        }
        match self.i16(from) {
            count if count >= 0 => self.simple(from, count as usize),
            _ => self.composite(from + 10),
        }
    }

    fn composite(&self, mut at: usize) -> Vec<Vec<(f64, f64)>> {
        let mut contours = Vec::new();
        loop {
            let (flags, glyph) = (self.u16(at), self.u16(at + 2) as usize);
            at += 4;
            let wide = flags & 1 != 0;
            let (dx, dy) = match wide {
                true => (self.i16(at), self.i16(at + 2)),
                false => (i16::from(self.bytes[at] as i8), i16::from(self.bytes[at + 1] as i8)),
            };
            at += if wide { 4 } else { 2 };
            let fraction = |at: usize| f64::from(self.i16(at)) / 16384.0;
            let (a, b, c, d, size) = match flags & 0b1100_1000 {
                0b0000_1000 => (fraction(at), 0.0, 0.0, fraction(at), 2),
                0b0100_0000 => (fraction(at), 0.0, 0.0, fraction(at + 2), 4),
                0b1000_0000 => (fraction(at), fraction(at + 2), fraction(at + 4), fraction(at + 6), 8),
                _ => (1.0, 0.0, 0.0, 1.0, 0),
            };
            at += size;
            for contour in self.outline(glyph) {
                let moved = |(x, y): (f64, f64)| (a * x + c * y + f64::from(dx), b * x + d * y + f64::from(dy));
                contours.push(contour.into_iter().map(moved).collect());
            }
            if flags & 0b10_0000 == 0 {
                return contours;
            }
        }
    }

    fn simple(&self, from: usize, count: usize) -> Vec<Vec<(f64, f64)>> {
        let ends: Vec<usize> = (0..count).map(|i| self.u16(from + 10 + 2 * i) as usize).collect();
        let points = ends.last().map_or(0, |e| e + 1);
        let mut at = from + 10 + 2 * count;
        at += 2 + self.u16(at) as usize;
        let mut flags = Vec::with_capacity(points);
        while flags.len() < points {
            let flag = self.bytes[at];
            at += 1;
            let mut times = 1;
            if flag & 8 != 0 {
                times += usize::from(self.bytes[at]);
                at += 1;
            }
            flags.extend(std::iter::repeat_n(flag, times));
        }
        let mut coordinates = |short: u8, same: u8| {
            let mut value = 0.0;
            let each = flags.iter().map(|flag| {
                if flag & short != 0 {
                    let step = f64::from(self.bytes[at]);
                    at += 1;
                    value += if flag & same != 0 { step } else { -step };
                } else if flag & same == 0 {
                    value += f64::from(self.i16(at));
                    at += 2;
                }
                value
            });
            each.collect::<Vec<f64>>()
        };
        let (x, y) = (coordinates(2, 16), coordinates(4, 32));
        let mut first = 0;
        let mut contours = Vec::with_capacity(count);
        for end in ends {
            let points: Vec<_> = (first..=end).map(|i| (x[i], y[i], flags[i] & 1 != 0)).collect();
            contours.push(flattened(&points));
            first = end + 1;
        }
        contours
    }
}

/// A contour of points on and off the curve, as a polygon: each quadratic curve becomes five lines.
fn flattened(points: &[(f64, f64, bool)]) -> Vec<(f64, f64)> {
    let half = |a: (f64, f64), b: (f64, f64)| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
    let at = |i: usize| points[i % points.len()];
    let place = |p: (f64, f64, bool)| (p.0, p.1);
    let Some(first) = points.iter().position(|p| p.2) else { return Vec::new() };
    let mut polygon = vec![place(at(first))];
    let mut now = place(at(first));
    let mut i = first + 1;
    while i <= first + points.len() {
        let point = at(i);
        if point.2 {
            now = place(point);
            polygon.push(now);
        } else {
            let next = at(i + 1);
            let end = if next.2 { place(next) } else { half(place(point), place(next)) };
            for step in 1..=5 {
                let t = f64::from(step) / 5.0;
                let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
                polygon.push((a * now.0 + b * point.0 + c * end.0, a * now.1 + b * point.1 + c * end.1));
            }
            now = end;
            i += usize::from(next.2);
        }
        i += 1;
    }
    polygon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_and_outlines_are_those_of_the_font() {
        // The advances in DejaVu Sans 2.37, of 2048 units: A 1401, i 569, minus 1716, μ 1303.
        for (text, units) in [("A", 1401.0), ("i", 569.0), ("\u{2212}", 1716.0), ("μ", 1303.0), ("Ai", 1970.0)] {
            assert_eq!(width(text), units / 2048.0, "{text}");
        }
        let contours = outlines("A");
        assert_eq!(contours.len(), 2, "a triangle with a hole");
        let top = contours.iter().flatten().map(|p| p.1).fold(0.0, f64::min);
        assert!((top + 1493.0 / 2048.0).abs() < 1e-9, "the height of capitals: {top}");
        // A letter with a diaeresis is composed of others.
        assert_eq!(outlines("ü").len(), outlines("u").len() + 2);
        assert!(outlines(" ").is_empty());
    }
}
