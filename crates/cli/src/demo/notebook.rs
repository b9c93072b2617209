//! A notebook: the code of each cell, followed by its output. It is shown by the sinks in [`super::sink`].
//!
//! The code shown is the code that runs. A demo calls [`Notebook::cell`] at the start of each cell. The cell's code is
//! the lines of the demo's own source after that call, up to the next line that begins with `nb.`.

use std::cell::RefCell;
use std::io::{IsTerminal, stderr};
use std::panic::Location;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cotangent_plot::Theme;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressIterator, ProgressState, ProgressStyle};

use super::html::Html;
use super::inline::Inline;
use super::interrupt;
use super::sink::{Block, Json, Picture, Sink, Terminal};
use crate::output;

/// Where a demo writes its page or its values, and its pictures.
pub(crate) struct Notebook {
    source: &'static str,
    json: bool,
    pictures: Option<PathBuf>,
    theme: Theme,
    report: bool,
    sinks: RefCell<Vec<Box<dyn Sink>>>,
}

impl Notebook {
    /// A notebook on standard output: a page, or values as JSON. Pictures are written into a directory, if there is one.
    pub(crate) fn new(source: &'static str, json: bool, pictures: Option<PathBuf>, inline: Inline) -> Notebook {
        let sink: Box<dyn Sink> = if json { Box::new(Json) } else { Box::new(Terminal::new(inline)) };
        Notebook { source, json, pictures, theme: Theme::Light, report: false, sinks: RefCell::new(vec![sink]) }
    }

    /// Sets the colors of the pictures that are written or shown on the terminal. A page has those of the browser.
    pub(crate) fn theme(&mut self, theme: Theme) {
        self.theme = theme;
    }

    /// Adds a page for a browser.
    pub(crate) fn report(&mut self, file: &Path, device: &str) {
        self.report = true;
        self.sinks.get_mut().push(Box::new(Html::new(file, device)));
    }

    fn show(&self, block: &Block<'_>) -> Result<()> {
        interrupt::checkpoint();
        self.sinks.borrow_mut().iter_mut().try_for_each(|sink| sink.show(block))
    }

    /// Writes what can be written only when the notebook is complete.
    pub(crate) fn finish(&self) -> Result<()> {
        for sink in self.sinks.borrow_mut().iter_mut() {
            if let Some(file) = sink.finish()? {
                output::wrote(&file);
                if !self.json {
                    output::say!("\nThe page for a browser is {}", file.display())?;
                }
            }
        }
        Ok(())
    }

    /// The name of the demo.
    pub(crate) fn banner(&self, name: &str, summary: &str) -> Result<()> {
        self.show(&Block::Banner { name, summary })
    }

    /// A heading of the notebook.
    pub(crate) fn heading(&self, text: &str) -> Result<()> {
        self.show(&Block::Heading(text))
    }

    /// A paragraph of the notebook.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        self.show(&Block::Text(text))
    }

    /// A text that is shown as it is, such as a program.
    pub(crate) fn listing(&self, text: &str) -> Result<()> {
        self.show(&Block::Code(text))
    }

    /// A text of several lines that is no program.
    pub(crate) fn plain(&self, text: &str) -> Result<()> {
        self.show(&Block::Plain(text))
    }

    /// Starts a cell: shows the functions and types it defines, by name, and the lines of code that follow this call.
    #[track_caller]
    pub(crate) fn cell(&self, items: &[&str]) -> Result<()> {
        let line = Location::caller().line() as usize;
        let mut code = Vec::new();
        for name in items {
            code.extend(item(self.source, name).with_context(|| format!("the demo has no item `{name}`"))?);
            code.push("");
        }
        code.extend(following(self.source, line));
        self.show(&Block::Code(code.join("\n").trim_end()))
    }

    /// An output of a cell: shown as `label = value`, or as JSON under the name of the cell.
    pub(crate) fn value(&self, cell: &str, label: &str, value: impl Into<serde_json::Value>) -> Result<()> {
        self.show(&Block::Value { cell, label, value: &value.into() })
    }

    /// The steps of a loop, with a progress bar on a terminal. The bar is drawn ten times a second, so that its cost is
    /// negligible.
    pub(crate) fn steps(&self, what: &'static str, count: u64) -> impl Iterator<Item = u64> + use<> {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr_with_hz(10))
            .with_finish(ProgressFinish::AndLeave);
        if !stderr().is_terminal() || self.json {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("  {msg} {bar:20} {pos}/{len} steps, {rate}, {eta} left");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─");
        bar.set_style(style.with_key("rate", |state: &ProgressState, f: &mut dyn std::fmt::Write| {
            // Writing to a string cannot fail.
            let _ = write!(f, "{:.0}/s", state.per_sec());
        }));
        bar.set_message(what);
        (0..count).progress_with(bar).inspect(|_| interrupt::checkpoint())
    }

    /// Whether pictures are wanted.
    pub(crate) fn wants_pictures(&self) -> bool {
        self.pictures.is_some() || self.report
    }

    /// Shows a picture, if pictures are wanted: a figure, or an animation of which a reader chooses the state.
    pub(crate) fn picture(&self, name: &str, picture: impl Into<Picture>) -> Result<()> {
        if !self.wants_pictures() {
            return Ok(());
        }
        let picture = picture.into().theme(self.theme);
        let saved = self.pictures.as_ref().map(|dir| {
            picture.save(dir, name).with_context(|| format!("writing the picture {name} into {}", dir.display()))
        });
        let files = saved.transpose()?;
        files.iter().flatten().for_each(|file| output::wrote(file));
        let file = files.as_ref().map(|[png, _]| png.as_path());
        self.show(&Block::Picture { name, picture: &picture, file })
    }
}

/// The lines of a function or type at the outermost level, with its attributes and its documentation.
fn item<'a>(source: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = source.lines().collect();
    let named = |line: &str| {
        let line = ["fn ", "struct ", "enum ", "impl ", "type ", "const "].iter().find_map(|k| line.strip_prefix(k));
        let rest = line.and_then(|line| line.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['(', '<', ':', ' ']))
    };
    let first = lines.iter().position(|line| named(line))?;
    let ends = |line: &&str| *line == "}" || (line.ends_with(';') && !line.starts_with(' '));
    let last = first + lines[first..].iter().position(ends)?;
    let above =
        lines[..first].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///")).count();
    Some(lines[first - above..=last].to_vec())
}

/// The lines after this one, up to the next that calls the notebook, without their indentation.
fn following(source: &str, line: usize) -> impl Iterator<Item = &str> {
    source
        .lines()
        .skip(line)
        .take_while(|line| !line.trim_start().starts_with("nb."))
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn f(x: i32) -> i32 {\n    x\n}\n\nfn run(nb) {\n    nb.cell(&[]);\n    let x = 1;\n\n    nb.value(x);\n}\n\n/// A g.\n#[a]\nstruct G {\n}\n";

    #[test]
    fn the_code_shown_is_cut_from_the_source() {
        assert_eq!(item(SOURCE, "f").unwrap(), ["fn f(x: i32) -> i32 {", "    x", "}"]);
        assert_eq!(item(SOURCE, "G").unwrap(), ["/// A g.", "#[a]", "struct G {", "}"]);
        assert_eq!(item(SOURCE, "g"), None);
        assert_eq!(following(SOURCE, 6).collect::<Vec<_>>(), ["let x = 1;", ""]);
    }
}
