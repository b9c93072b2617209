//! Where a notebook is shown: on a terminal, as JSON, or (in [`super::html`]) in a browser.

use std::borrow::Cow;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use anyhow::Result;
use cotangent_plot::{Animation, Axes, Figure, Surface, Theme};
use serde_json::Value;

use super::inline::{Inline, Protocol};
use crate::output::{say, width, wrap};

/// A part of a notebook.
pub(crate) enum Block<'a> {
    Banner {
        name: &'a str,
        summary: &'a str,
    },
    Heading(&'a str),
    Text(&'a str),
    Code(&'a str),
    Plain(&'a str),
    Value {
        cell: &'a str,
        label: &'a str,
        value: &'a Value,
    },
    /// A picture, and the PNG file that it was written to.
    Picture {
        name: &'a str,
        picture: &'a Picture,
        file: Option<&'a Path>,
    },
}

/// Shows the parts of a notebook.
pub(crate) trait Sink {
    /// Shows a part.
    fn show(&mut self, block: &Block<'_>) -> Result<()>;

    /// Called when all parts were shown. Returns the file that was written.
    fn finish(&mut self) -> Result<Option<PathBuf>> {
        Ok(None)
    }
}

/// A picture, or several states of one.
#[derive(Clone, Debug)]
pub(crate) enum Picture {
    Figure(Figure),
    Animation(Animation),
}

impl Picture {
    /// Writes `NAME.png` and `NAME.svg` into a directory and returns the paths.
    pub(crate) fn save(&self, dir: &Path, name: &str) -> std::io::Result<[PathBuf; 2]> {
        match self {
            Picture::Figure(figure) => figure.save(dir, name),
            Picture::Animation(animation) => animation.save(dir, name),
        }
    }

    /// The picture in the colors of a theme.
    pub(crate) fn theme(self, theme: Theme) -> Picture {
        match self {
            Picture::Figure(figure) => Picture::Figure(figure.theme(theme)),
            Picture::Animation(animation) => {
                let states = animation.states().iter().cloned().map(|(value, figure)| (value, figure.theme(theme)));
                let rate = animation.frames_per_second();
                Picture::Animation(Animation::new(animation.parameter()).frames(states).rate(rate))
            }
        }
    }

    /// The picture, or the last state of it.
    pub(crate) fn last(&self) -> Option<&Figure> {
        match self {
            Picture::Figure(figure) => Some(figure),
            Picture::Animation(animation) => animation.states().last().map(|(_, figure)| figure),
        }
    }
}

impl From<Animation> for Picture {
    fn from(animation: Animation) -> Picture {
        Picture::Animation(animation)
    }
}

impl From<Figure> for Picture {
    fn from(figure: Figure) -> Picture {
        Picture::Figure(figure)
    }
}

impl From<Axes> for Picture {
    fn from(axes: Axes) -> Picture {
        Picture::Figure(axes.into())
    }
}

impl From<Surface> for Picture {
    fn from(surface: Surface) -> Picture {
        Picture::Figure(surface.into())
    }
}

/// The values, each as a line of JSON.
pub(crate) struct Json;

impl Sink for Json {
    fn show(&mut self, block: &Block<'_>) -> Result<()> {
        match block {
            Block::Value { cell, value, .. } => say!("{}", serde_json::json!({ "cell": cell, "value": value })),
            _ => Ok(()),
        }
    }
}

/// A page on the terminal.
pub(crate) struct Terminal {
    colors: bool,
    protocol: Option<Protocol>,
}

impl Terminal {
    pub(crate) fn new(inline: Inline) -> Terminal {
        let colors = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Terminal { colors, protocol: inline.protocol() }
    }

    /// Text in one of the terminal's styles, if it supports styles.
    fn styled<'a>(&self, code: &str, text: &'a str) -> Cow<'a, str> {
        if self.colors { format!("\x1b[{code}m{text}\x1b[0m").into() } else { text.into() }
    }
}

impl Sink for Terminal {
    fn show(&mut self, block: &Block<'_>) -> Result<()> {
        match block {
            Block::Banner { name, summary } => {
                let text = wrap(&format!("{name}: {summary}"), width(), 0);
                say!("{}", text.replacen(name, &self.styled("1", name), 1))
            }
            Block::Heading(text) => {
                say!("\n{}", self.styled("1;34", &wrap(&format!("## {text}"), width(), 3)))
            }
            Block::Text(text) => say!("\n{}", wrap(text, width(), 0)),
            Block::Code(code) => {
                say!()?;
                code.lines().try_for_each(|line| {
                    say!("{}", format!("  {} {}", self.styled("2", "│"), self.styled("36", line)).trim_end())
                })
            }
            Block::Plain(text) => {
                say!()?;
                text.lines().try_for_each(|line| say!("{}", format!("  {} {line}", self.styled("2", "│")).trim_end()))
            }
            Block::Value { label, value, .. } => {
                let text = wrap(&format!("  ▸ {label} = {}", shown(value)), width(), 4);
                // A label contains no equals sign.
                let (label, value) = text.split_once('=').unwrap_or((&text, ""));
                say!("{}={}", label.replacen('▸', &self.styled("32", "▸"), 1), self.styled("1", value))
            }
            Block::Picture { picture, file, .. } => {
                if let (Some(protocol), Some(figure)) = (self.protocol, picture.last()) {
                    say!("{}", protocol.text(figure, width()))?;
                }
                match file {
                    Some(png) => say!("  {} {} and .svg", self.styled("35", "▣"), png.display()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// A value as text: floats with seven digits.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Number(n) if n.is_f64() => format!("{:?}", n.as_f64().unwrap_or(f64::NAN) as f32),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_f32() {
        assert_eq!(shown(&serde_json::json!([1, -0.6666512489318848, 3.0])), "[1, -0.66665125, 3.0]");
    }
}
