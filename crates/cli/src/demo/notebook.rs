//! A notebook on the terminal: the code of each cell, followed by its output.
//!
//! The code shown is the code that runs. A demo calls [`Notebook::cell`] at the start of each cell. The cell's code is
//! the lines of the demo's own source after that call, up to the next line that begins with `nb.`.

use std::borrow::Cow;
use std::io::{IsTerminal, stderr, stdout};
use std::panic::Location;
use std::path::PathBuf;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressIterator, ProgressState, ProgressStyle};

use crate::output::{self, say, width, wrap};
use crate::plot::Scene;

/// Where a demo writes its page or its values, and its pictures.
pub(crate) struct Notebook {
    source: &'static str,
    json: bool,
    pictures: Option<PathBuf>,
    colors: bool,
}

impl Notebook {
    pub(crate) fn new(source: &'static str, json: bool, pictures: Option<PathBuf>) -> Notebook {
        let colors = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Notebook { source, json, pictures, colors }
    }

    /// Text in one of the terminal's styles, if it supports styles.
    fn styled<'a>(&self, code: &str, text: &'a str) -> Cow<'a, str> {
        if self.colors { format!("\x1b[{code}m{text}\x1b[0m").into() } else { text.into() }
    }

    /// Prints the name of the demo.
    pub(crate) fn banner(&self, name: &str, summary: &str) -> Result<()> {
        let text = wrap(&format!("{name}: {summary}"), width(), 0);
        self.print(&text.replacen(name, &self.styled("1", name), 1))
    }

    /// A heading of the notebook.
    pub(crate) fn heading(&self, text: &str) -> Result<()> {
        self.print(&format!("\n{}", self.styled("1;34", &wrap(&format!("## {text}"), width(), 3))))
    }

    /// A paragraph of the notebook.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        self.print(&format!("\n{}", wrap(text, width(), 0)))
    }

    /// Starts a cell: shows the functions it defines, by name, and the lines of code that follow this call.
    #[track_caller]
    pub(crate) fn cell(&self, functions: &[&str]) -> Result<()> {
        let line = Location::caller().line() as usize;
        let mut code = Vec::new();
        for name in functions {
            code.extend(function(self.source, name).with_context(|| format!("the demo has no function `{name}`"))?);
            code.push("");
        }
        code.extend(following(self.source, line));
        self.print("")?;
        for line in code.join("\n").trim_end().lines() {
            self.print(format!("  {} {}", self.styled("2", "│"), self.styled("36", line)).trim_end())?;
        }
        Ok(())
    }

    /// An output of a cell: shown as `label = value`, or as JSON under the name of the cell.
    pub(crate) fn value(&self, cell: &str, label: &str, value: impl Into<serde_json::Value>) -> Result<()> {
        let value = value.into();
        if self.json {
            return say!("{}", serde_json::json!({ "cell": cell, "value": value }));
        }
        let text = wrap(&format!("  ▸ {label} = {}", shown(&value)), width(), 4);
        // A label contains no equals sign.
        let (label, value) = text.split_once('=').unwrap_or((&text, ""));
        say!("{}={}", label.replacen('▸', &self.styled("32", "▸"), 1), self.styled("1", value))
    }

    /// The steps of a loop, with a progress bar on a terminal. The bar is drawn ten times a second, so that its cost is
    /// negligible.
    pub(crate) fn steps(&self, what: &'static str, count: u64) -> impl Iterator<Item = u64> + use<> {
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr_with_hz(10))
            .with_finish(ProgressFinish::AndLeave);
        if !stderr().is_terminal() || self.json {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("  {msg} {bar:20} {pos}/{len} steps, {rate}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─");
        bar.set_style(style.with_key("rate", |state: &ProgressState, f: &mut dyn std::fmt::Write| {
            // Writing to a string cannot fail.
            let _ = write!(f, "{:.0}/s", state.per_sec());
        }));
        bar.set_message(what);
        (0..count).progress_with(bar)
    }

    /// Whether pictures are wanted.
    pub(crate) fn wants_pictures(&self) -> bool {
        self.pictures.is_some()
    }

    /// Writes a picture, if pictures are wanted.
    pub(crate) fn picture(&self, name: &str, scene: &Scene) -> Result<()> {
        let Some(dir) = &self.pictures else { return Ok(()) };
        let files = scene.save(dir, name)?;
        files.iter().for_each(|file| output::wrote(file));
        let [png, _] = files;
        self.print(&format!("  {} {} and .svg", self.styled("35", "▣"), png.display()))
    }

    /// Prints a line of the page.
    fn print(&self, line: &str) -> Result<()> {
        if self.json { Ok(()) } else { say!("{line}") }
    }
}

/// A value as text: floats with seven digits.
fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        serde_json::Value::Number(n) if n.is_f64() => format!("{:?}", n.as_f64().unwrap_or(f64::NAN) as f32),
        other => other.to_string(),
    }
}

/// The lines of a function at the outermost level.
fn function<'a>(source: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let start = source.lines().position(|line| line.starts_with(&format!("fn {name}(")))?;
    let length = source.lines().skip(start).position(|line| line == "}")? + 1;
    Some(source.lines().skip(start).take(length).collect())
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

    const SOURCE: &str =
        "fn f(x: i32) -> i32 {\n    x\n}\n\nfn run(nb) {\n    nb.cell(&[]);\n    let x = 1;\n\n    nb.value(x);\n}\n";

    #[test]
    fn the_code_shown_is_cut_from_the_source() {
        assert_eq!(function(SOURCE, "f").unwrap(), ["fn f(x: i32) -> i32 {", "    x", "}"]);
        assert_eq!(function(SOURCE, "g"), None);
        assert_eq!(following(SOURCE, 6).collect::<Vec<_>>(), ["let x = 1;", ""]);
    }

    #[test]
    fn values_are_shown_as_f32() {
        assert_eq!(shown(&serde_json::json!([1, -0.6666512489318848, 3.0])), "[1, -0.66665125, 3.0]");
    }
}
