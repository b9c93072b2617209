//! Colors, the colors of themes, and color maps.

use std::sync::OnceLock;

/// Red, green and blue in 0 to 255, and opacity in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// Opacity.
    pub a: f64,
}

impl Color {
    /// An opaque color from a number such as `0x1c5d99`.
    pub const fn hex(rgb: u32) -> Color {
        Color { r: (rgb >> 16) as u8, g: (rgb >> 8) as u8, b: rgb as u8, a: 1.0 }
    }

    /// The color as `#rrggbb`.
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }

    /// A mixture: this color at 0, the other at 1.
    pub(crate) fn mix(self, other: Color, t: f64) -> Color {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * t).round() as u8;
        Color { r: mix(self.r, other.r), g: mix(self.g, other.g), b: mix(self.b, other.b), a: self.a }
    }

    #[cfg(test)]
    /// The color in OKLab: lightness, green to red, blue to yellow (Ottosson, "A perceptual color space for image
    /// processing", 2020).
    pub(crate) fn oklab(self) -> [f64; 3] {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let (r, g, b) = (linear(self.r), linear(self.g), linear(self.b));
        let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
        let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
        let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
        [
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
        ]
    }

    /// The color of a lightness, chroma and hue (in degrees) of OKLab. The chroma is reduced until the color exists.
    pub(crate) fn oklch(lightness: f64, chroma: f64, hue: f64) -> Color {
        let (sin, cos) = hue.to_radians().sin_cos();
        let mut chroma = chroma;
        loop {
            let [r, g, b] = linear_rgb([lightness, chroma * cos, chroma * sin]);
            if chroma <= 0.0 || [r, g, b].iter().all(|c| (-1e-4..=1.0001).contains(c)) {
                let byte = |c: f64| {
                    let c = c.clamp(0.0, 1.0);
                    let c = if c <= 0.0031308 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
                    (c * 255.0).round() as u8
                };
                return Color { r: byte(r), g: byte(g), b: byte(b), a: 1.0 };
            }
            chroma -= 0.002;
        }
    }
}

fn linear_rgb([l, a, b]: [f64; 3]) -> [f64; 3] {
    let x = (l + 0.3963377774 * a + 0.2158037573 * b).powi(3);
    let y = (l - 0.1055613458 * a - 0.0638541728 * b).powi(3);
    let z = (l - 0.0894841775 * a - 1.2914855480 * b).powi(3);
    [
        4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
        -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
        -0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z,
    ]
}

/// A color of the theme, or one of its own.
///
/// A color of the theme changes with it: an SVG marks what it paints with a class, so that a page can restyle it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint {
    /// Text and emphasized marks.
    Ink,
    /// Axes, reference lines and subtitles.
    Soft,
    /// Grid lines.
    Rule,
    /// The background.
    Paper,
    /// The walls of a box in space.
    Wall,
    /// A color of the categorical palette, counted from 0.
    Series(usize),
    /// A fixed color.
    Fixed(Color),
}

impl From<Color> for Paint {
    fn from(color: Color) -> Paint {
        Paint::Fixed(color)
    }
}

/// The colors of the categorical palette.
pub(crate) const SERIES: usize = 7;

/// The colors of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white.
    #[default]
    Light,
    /// Light on near black.
    Dark,
}

impl Theme {
    /// The color that a paint has in this theme.
    pub fn color(self, paint: Paint) -> Color {
        let [ink, soft, rule, paper, wall] = match self {
            Theme::Light => [0x22_2831, 0x56_606a, 0xdd_e1e6, 0xff_ffff, 0xf2_f4f6],
            Theme::Dark => [0xe6_e9ed, 0xa3_acb6, 0x33_3a42, 0x15_181c, 0x1f_2429],
        };
        Color::hex(match paint {
            Paint::Ink => ink,
            Paint::Soft => soft,
            Paint::Rule => rule,
            Paint::Paper => paper,
            Paint::Wall => wall,
            Paint::Series(i) => self.series()[i % SERIES],
            Paint::Fixed(color) => return color,
        })
    }

    /// The categorical palette. It was found by a search that began with the hues of Okabe and Ito ("Color Universal
    /// Design", 2008) and moved the two colors that are most alike for any color vision apart.
    fn series(self) -> [u32; SERIES] {
        match self {
            Theme::Light => [0x14_54c1, 0xe9_4d0e, 0x00_9664, 0xd8_6cb3, 0xd0_a408, 0x5e_a0f1, 0x4a_3c8c],
            Theme::Dark => [0x5e_9ed6, 0xdd_712b, 0x2e_d479, 0xd5_b7d5, 0xf8_e059, 0xb9_e7ff, 0x88_70e4],
        }
    }
}

impl Paint {
    /// The colors that a theme has.
    pub fn all() -> impl Iterator<Item = Paint> {
        let named = [Paint::Ink, Paint::Soft, Paint::Rule, Paint::Paper, Paint::Wall];
        named.into_iter().chain((0..SERIES).map(Paint::Series))
    }

    /// Its name in the classes of an SVG: what is filled with it has the class `f-NAME`, and lines have `l-NAME`. Fixed
    /// colors have none.
    pub fn class(self) -> Option<String> {
        Some(match self {
            Paint::Ink => "ink".into(),
            Paint::Soft => "soft".into(),
            Paint::Rule => "rule".into(),
            Paint::Paper => "paper".into(),
            Paint::Wall => "wall".into(),
            Paint::Series(i) => format!("s{}", i % SERIES),
            Paint::Fixed(_) => return None,
        })
    }
}

/// A map from numbers to colors. Equal steps of the number are equal steps of lightness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Map {
    /// Violet over green to yellow, from dark to light: for any quantity.
    #[default]
    Sequential,
    /// Deep blue to near white: lines drawn over it stay visible.
    Blues,
    /// Blue over gray to red, lightest in the middle: for a quantity with a meaningful middle.
    Diverging,
    /// Black to white.
    Gray,
}

const STEPS: usize = 256;

impl Map {
    /// The color at `t` in 0 to 1.
    pub fn at(self, t: f64) -> Color {
        static TABLES: [OnceLock<Vec<Color>>; 4] = [const { OnceLock::new() }; 4];
        let table = TABLES[self as usize]
            .get_or_init(|| (0..STEPS).map(|i| self.compute(i as f64 / (STEPS - 1) as f64)).collect());
        let place = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) * (STEPS - 1) as f64 };
        let i = (place as usize).min(STEPS - 2);
        table[i].mix(table[i + 1], place - i as f64)
    }

    fn compute(self, t: f64) -> Color {
        match self {
            Map::Sequential => {
                // The hue goes from violet (305°) through blue and green to yellow (105°).
                Color::oklch(0.27 + 0.64 * t, 0.09 + 0.07 * (2.0 * t - 1.0).powi(2), 305.0 - 200.0 * t)
            }
            Map::Blues => Color::oklch(0.32 + 0.655 * t, 0.125 * (1.0 - t).powf(0.75) + 0.004, 250.0 - 12.0 * t),
            Map::Diverging => {
                let side = (2.0 * t - 1.0).abs();
                let hue = if t < 0.5 { 257.0 } else { 27.0 };
                Color::oklch(0.93 - 0.47 * side, 0.005 + 0.16 * side.powf(0.9), hue)
            }
            Map::Gray => Color::oklch(t, 0.0, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_have_even_lightness() {
        // Steps are large, because a color has 256 values of each channel.
        let lightness = |map: Map| (0..=16).map(move |i| map.at(f64::from(i) / 16.0).oklab()[0]).collect::<Vec<_>>();
        for map in [Map::Sequential, Map::Blues, Map::Gray] {
            let l = lightness(map);
            let mean = (l[16] - l[0]) / 16.0;
            for pair in l.windows(2) {
                let step = pair[1] - pair[0];
                assert!((step - mean).abs() < 0.2 * mean, "{map:?}: a step of {step} where the mean is {mean}");
            }
        }
        let l = lightness(Map::Diverging);
        for i in 0..8 {
            assert!(l[i] < l[i + 1] && (l[i] - l[16 - i]).abs() < 0.01, "the two sides are alike at {i}");
        }
    }

    /// What readers without one kind of cone see (Machado, Oliveira and Fernandes, 2009, severity 1), in linear RGB.
    const VISIONS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    fn seen(color: Color, vision: &[[f64; 3]; 3]) -> Color {
        let linear = linear_rgb(color.oklab());
        let c: [f64; 3] = std::array::from_fn(|i| (0..3).map(|j| vision[i][j] * linear[j]).sum());
        let byte = |c: f64| {
            let c = c.clamp(0.0, 1.0);
            let c = if c <= 0.0031308 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
            (c * 255.0).round() as u8
        };
        Color { r: byte(c[0]), g: byte(c[1]), b: byte(c[2]), a: 1.0 }
    }

    #[test]
    fn the_palette_differs_for_every_reader_and_from_the_background() {
        for theme in [Theme::Light, Theme::Dark] {
            for (number, vision) in VISIONS.iter().enumerate() {
                let lab = |paint| seen(theme.color(paint), vision).oklab();
                let distance = |a: [f64; 3], b: [f64; 3]| (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
                for i in 0..SERIES {
                    let from_paper = distance(lab(Paint::Series(i)), lab(Paint::Paper));
                    assert!(from_paper > 0.26, "{theme:?}, {i}: {from_paper}");
                    for j in 0..i {
                        let apart = distance(lab(Paint::Series(i)), lab(Paint::Series(j)));
                        // The first colors are the ones that are used most.
                        let least = if i < 4 { 0.1 } else { 0.08 };
                        assert!(apart > least, "{theme:?}, vision {number}: {i} and {j} are {apart} apart");
                    }
                }
            }
        }
    }
}
