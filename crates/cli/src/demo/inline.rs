//! Pictures on terminals that can show them: by kitty's graphics protocol, or as sixels.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::{IsTerminal, stdout};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use cotangent_plot::Figure;

/// How pictures are shown on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inline {
    /// As the terminal says it can
    Auto,
    /// By kitty's graphics protocol
    Kitty,
    /// As sixels
    Sixel,
    /// Not at all: only their files are named
    Never,
}

/// A way to show pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Kitty,
    Sixel,
}

impl Inline {
    pub(crate) fn protocol(self) -> Option<Protocol> {
        match self {
            Inline::Kitty => Some(Protocol::Kitty),
            Inline::Sixel => Some(Protocol::Sixel),
            Inline::Never => None,
            Inline::Auto => stdout().is_terminal().then(|| detected(|name| std::env::var(name).ok())).flatten(),
        }
    }
}

/// What a terminal can show, by the variables that it sets. Inside tmux and screen, nothing: they pass no pictures on.
fn detected(variable: impl Fn(&str) -> Option<String>) -> Option<Protocol> {
    let term = variable("TERM").unwrap_or_default();
    let program = variable("TERM_PROGRAM").unwrap_or_default();
    if variable("TMUX").is_some() || term.starts_with("screen") || term.starts_with("tmux") {
        return None;
    }
    let kitty = term.contains("kitty") || term.contains("ghostty") || program == "ghostty";
    if kitty || variable("KITTY_WINDOW_ID").is_some() || variable("KONSOLE_VERSION").is_some() {
        return Some(Protocol::Kitty);
    }
    let sixel = ["foot", "mlterm", "contour", "sixel"].iter().any(|name| term.contains(name));
    (sixel || program == "WezTerm" || variable("WT_SESSION").is_some()).then_some(Protocol::Sixel)
}

impl Protocol {
    /// The text that shows a picture on a terminal of a number of columns.
    pub(crate) fn text(self, figure: &Figure, columns: usize) -> String {
        match self {
            Protocol::Kitty => kitty(&figure.png(), columns.min(84)),
            Protocol::Sixel => {
                let (width, pixels) = figure.pixels(1.0);
                sixel(&pixels, width)
            }
        }
    }
}

/// A PNG in pieces of 4096 characters (<https://sw.kovidgoyal.net/kitty/graphics-protocol>).
fn kitty(png: &[u8], columns: usize) -> String {
    let data = STANDARD.encode(png);
    let mut text = String::with_capacity(data.len() * 9 / 8);
    let mut start = 0;
    while start < data.len() {
        let end = (start + 4096).min(data.len());
        let control = if start == 0 { format!("a=T,f=100,q=2,c={columns},") } else { String::new() };
        let more = u8::from(end < data.len());
        let _ = write!(text, "\x1b_G{control}m={more};{}\x1b\\", &data[start..end]);
        start = end;
    }
    text
}

/// RGB pixels as sixels (the VT330/VT340 Programmer Reference Manual, chapter 14): strips of six rows, color by color.
fn sixel(pixels: &[u8], width: usize) -> String {
    let rgb = pixels.as_chunks::<3>().0;
    // Colors of five bits per channel. The most frequent ones get a place; the others take the nearest of them.
    let coarse = |p: &[u8; 3]| p.map(|c| c >> 3);
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for pixel in rgb {
        *counts.entry(coarse(pixel)).or_default() += 1;
    }
    let mut palette: Vec<[u8; 3]> = counts.keys().copied().collect();
    palette.sort_by_key(|color| (std::cmp::Reverse(counts[color]), *color));
    palette.truncate(256);
    let distance =
        |a: &[u8; 3], b: &[u8; 3]| -> i32 { (0..3).map(|i| (i32::from(a[i]) - i32::from(b[i])).pow(2)).sum() };
    let nearest = |color: &[u8; 3]| (0..palette.len()).min_by_key(|i| distance(&palette[*i], color)).unwrap_or(0);
    let places: HashMap<[u8; 3], usize> = counts.keys().map(|color| (*color, nearest(color))).collect();
    let mut text = format!("\x1bPq\"1;1;{width};{}", rgb.len() / width);
    for (i, color) in palette.iter().enumerate() {
        let [r, g, b] = color.map(|c| u32::from(c) * 100 / 31);
        let _ = write!(text, "#{i};2;{r};{g};{b}");
    }
    for strip in rgb.chunks(6 * width) {
        let mut rows: HashMap<usize, Vec<u8>> = HashMap::new();
        for (at, pixel) in strip.iter().enumerate() {
            rows.entry(places[&coarse(pixel)]).or_insert_with(|| vec![0; width])[at % width] |= 1 << (at / width);
        }
        let mut used: Vec<_> = rows.into_iter().collect();
        used.sort();
        for (color, bits) in used {
            let _ = write!(text, "#{color}");
            for run in bits.chunk_by(|a, b| a == b) {
                let sign = char::from(63 + run[0]);
                let _ = if run.len() > 3 {
                    write!(text, "!{}{sign}", run.len())
                } else {
                    write!(text, "{}", sign.to_string().repeat(run.len()))
                };
            }
            text.push('$');
        }
        text.push('-');
    }
    text + "\x1b\\"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_known_by_their_variables() {
        let with = |set: &[(&str, &str)]| {
            let set: HashMap<String, String> = set.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            detected(move |name| set.get(name).cloned())
        };
        assert_eq!(with(&[("TERM", "xterm-kitty")]), Some(Protocol::Kitty));
        assert_eq!(with(&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")]), Some(Protocol::Sixel));
        assert_eq!(with(&[("TERM", "xterm-256color")]), None);
        assert_eq!(with(&[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")]), None);
    }

    #[test]
    fn kitty_gets_the_png_in_pieces() {
        let png: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
        let text = kitty(&png, 80);
        let pieces: Vec<&str> = text.split("\x1b\\").filter(|p| !p.is_empty()).collect();
        assert_eq!(pieces.len(), 4);
        assert!(pieces[0].starts_with("\x1b_Ga=T,f=100,q=2,c=80,m=1;") && pieces[3].starts_with("\x1b_Gm=0;"));
        let data: String = pieces.iter().map(|p| p.split_once(';').unwrap().1).collect();
        assert_eq!(STANDARD.decode(data).unwrap(), png);
    }

    #[test]
    fn sixels_are_strips_of_six_rows() {
        // Five white pixels over five black ones.
        let pixels = [[255u8; 15], [0; 15]].concat();
        assert_eq!(sixel(&pixels, 5), "\x1bPq\"1;1;5;2#0;2;0;0;0#1;2;100;100;100#0!5A$#1!5@$-\x1b\\");
    }
}
