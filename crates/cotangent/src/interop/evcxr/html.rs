//! Arrays, trees and jaxprs as HTML. It reads well on light and on dark pages, since it has no colors of its own, and
//! also where a page removes its styles.

use std::fmt::Write;

use super::title;
use crate::array::Array;
use crate::error::cell::escaped;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::print::{Line, Printed, binders};
use crate::methods::show::Cells;
use crate::tree::{self, Tree};

/// An array in the table of a tree is summarized if it has more elements than this.
const LEAF: usize = 24;
/// A vector is broken into rows of about this many characters, of at most `COLUMNS` elements.
const WIDTH: usize = 100;
const COLUMNS: usize = 10;

const MONO: &str = "font-family:monospace";

/// Text in the font of code.
fn mono(text: &str) -> String {
    format!("<span style=\"{MONO}\">{}</span>", escaped(text))
}

/// Text that matters less than what is beside it, in the font of code.
fn soft(text: &str) -> String {
    format!("<span style=\"{MONO};opacity:0.65\">{}</span>", escaped(text))
}

/// Content that is scrolled if it is large.
fn scrolled(content: &str) -> String {
    format!("<div style=\"overflow:auto;max-height:30em\">{content}</div>")
}

pub(super) fn array(array: &Array) -> String {
    format!("{}<div>{}</div>", scrolled(&values(array, None)), soft(&array.aval().to_string()))
}

/// The elements of an array, summarized if there are more than `most`.
fn values(array: &Array, most: Option<usize>) -> String {
    if array.is_traced() || array.size() == 0 {
        return mono(&array.to_string());
    }
    let cells = match Cells::of(array, most) {
        Ok(cells) => cells,
        Err(error) => return format!("<pre>{}</pre>", escaped(&error.to_string())),
    };
    match cells.rank() {
        0 => mono(&cells.words[0]),
        1 => vector(&cells),
        _ => {
            let mut out = String::new();
            blocks(&mut out, &cells, &cells.words, &mut Vec::new());
            out
        }
    }
}

fn table(rows: &str) -> String {
    format!("<table style=\"{MONO};text-align:right;margin:0\">{rows}</table>")
}

/// A row of words of equal length. Their spaces are kept, so that decimal points are below each other.
fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let kept = |cell: &str| escaped(cell).replace(' ', "\u{a0}");
    let cells = cells.into_iter().fold(String::new(), |row, cell| row + "<td>" + &kept(cell) + "</td>");
    format!("<tr>{cells}</tr>")
}

/// The elements along an axis, with a mark where some are left out.
fn marked<'a>(cells: &Cells, axis: usize, words: &'a [String]) -> Vec<&'a str> {
    let mut words = words.iter();
    cells.axis(axis).map(|i| i.and_then(|_| words.next()).map_or("…", String::as_str)).collect()
}

/// A vector, in rows that begin with the index of their first element if there are several.
fn vector(cells: &Cells) -> String {
    let words = marked(cells, 0, &cells.words);
    let columns = (WIDTH / (cells.words[0].chars().count() + 2)).clamp(1, COLUMNS);
    if words.len() <= columns {
        return table(&row(words));
    }
    let indices: Vec<Option<usize>> = cells.axis(0).collect();
    let rows = words.chunks(columns).zip(indices.chunks(columns)).map(|(words, indices)| {
        let first = indices[0].map_or(String::new(), |i| format!("[{i}]"));
        let rest = row(words.iter().copied());
        format!("<tr><th>{first}</th>{}", rest.trim_start_matches("<tr>"))
    });
    table(&rows.collect::<String>())
}

/// The matrices of the last two axes, each below its index if there are more axes.
fn blocks(out: &mut String, cells: &Cells, words: &[String], index: &mut Vec<usize>) {
    let axis = index.len();
    let count = cells.axis(axis).flatten().count();
    let mut parts = words.chunks_exact(words.len() / count);
    if axis + 2 == cells.rank() {
        if axis > 0 {
            let index: String = index.iter().map(|i| format!("{i}, ")).collect();
            *out += &format!("<div>{}</div>", soft(&format!("[{index}·, ·]")));
        }
        let width = cells.axis(axis + 1).count();
        let rows = cells.axis(axis).map(|i| match i.and_then(|_| parts.next()) {
            Some(words) => row(marked(cells, axis + 1, words)),
            None => row(vec!["⋮"; width]),
        });
        *out += &table(&rows.collect::<String>());
        return;
    }
    for i in cells.axis(axis) {
        match (i, i.and_then(|_| parts.next())) {
            (Some(i), Some(words)) => {
                index.push(i);
                blocks(out, cells, words, index);
                index.pop();
            }
            _ => *out += "<div>⋮</div>",
        }
    }
}

/// A table with a row for each array: its path, its type, its elements.
pub(super) fn tree<T: Tree>(value: &T) -> String {
    let leaves = tree::leaves(value);
    let rows = tree::leaf_paths(value).into_iter().zip(&leaves).map(|(path, leaf)| {
        let cells = match leaf.shape().len() {
            0..=2 => values(leaf, Some(LEAF)),
            _ => format!("<details><summary>elements</summary>{}</details>", values(leaf, Some(LEAF))),
        };
        let (path, aval) = (mono(&path), soft(&leaf.aval().to_string()));
        let left = "<td style=\"text-align:left\">";
        format!("<tr>{left}{path}</td>{left}{aval}</td>{left}{cells}</td></tr>")
    });
    let table = format!("<table style=\"margin:0\">{}</table>", rows.collect::<String>());
    format!("<div>{}</div>{}", soft(&title(value, &leaves)), scrolled(&table))
}

/// A jaxpr in JAX's notation. The equals signs of its equations are below each other.
pub(super) fn jaxpr(jaxpr: &Jaxpr) -> String {
    let mut out = String::new();
    program(&mut out, jaxpr, 0);
    scrolled(&format!("<pre style=\"{MONO};margin:0\">{out}</pre>"))
}

/// The longest left side that the others are aligned with.
const LEFT: usize = 40;

fn program(out: &mut String, jaxpr: &Jaxpr, indent: usize) {
    let Printed { inputs, lines, outputs } = Printed::new(jaxpr);
    let pad = " ".repeat(indent);
    let left = |line: &Line<'_>| binders(&line.outputs).chars().count();
    let width = lines.iter().map(left).filter(|n| *n <= LEFT).max().unwrap_or(0);
    let types = |binders: &[(String, String)]| {
        let all: Vec<_> = binders.iter().map(|(name, ty)| format!("{name}{}", soft(&format!(":{ty}")))).collect();
        all.join(" ")
    };
    // Writing to a string cannot fail.
    let _ = write!(out, "{{ lambda ; {}. let", types(&inputs));
    for line in &lines {
        let gap = " ".repeat(width.saturating_sub(left(line)));
        let _ = write!(out, "\n{pad}    {}{gap} = <b>{}</b>", types(&line.outputs), line.primitive);
        if line.nested.is_empty() {
            let params: Vec<_> = line.params.iter().map(|(k, v)| format!("{k}={v}")).collect();
            if !params.is_empty() {
                *out += &soft(&format!("[{}]", params.join(" ")));
            }
        } else {
            *out += "[";
            for (k, v) in &line.params {
                let _ = write!(out, "\n{pad}      {}", soft(&format!("{k}={v}")));
            }
            for inner in &line.nested {
                let _ = write!(out, "\n{pad}      jaxpr=");
                program(out, inner, indent + 6);
            }
            let _ = write!(out, "\n{pad}    ]");
        }
        for input in &line.inputs {
            let _ = write!(out, " {}", escaped(input));
        }
    }
    let separator = if lines.is_empty() { " ".to_string() } else { format!("\n{pad}  ") };
    let _ = write!(out, "{separator}in {} }}", escaped(&outputs));
}
