//! `cotangent explain`: the page of an error's code.

use std::io::{IsTerminal, stdout};

use anyhow::{Result, bail};

use crate::output::{distance, prose, row, say, width, wrap};

/// The pages, one for each kind of error. A page is Markdown: a title, a line on the kind, and a section for each code.
const PAGES: &[&str] = &[
    include_str!("../errors/shapes.md"),
    include_str!("../errors/dtypes.md"),
    include_str!("../errors/axes.md"),
    include_str!("../errors/traces.md"),
    include_str!("../errors/transforms.md"),
    include_str!("../errors/trees.md"),
    include_str!("../errors/runtime.md"),
    include_str!("../errors/devices.md"),
    include_str!("../errors/processes.md"),
    include_str!("../errors/panics.md"),
    include_str!("../errors/values.md"),
];

/// The width of a code with the space after it.
const COLUMN: usize = 7;

/// A section of a page.
#[derive(Clone, Copy, Debug)]
struct Section {
    code: &'static str,
    title: &'static str,
    text: &'static str,
}

/// The title of a page, and its sections.
fn sections(page: &'static str) -> (&'static str, impl Iterator<Item = Section>) {
    let mut parts = page.split("\n## ");
    let title = parts.next().unwrap_or_default().lines().next().unwrap_or_default().trim_start_matches("# ");
    let sections = parts.filter_map(|part| {
        let (head, text) = part.split_once('\n')?;
        let (code, title) = head.split_once(": ")?;
        Some(Section { code, title, text: text.trim() })
    });
    (title, sections)
}

/// Prints the section of a code, or the list of all codes.
pub(crate) fn run(code: Option<&str>) -> Result<()> {
    let styled = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let style = Style(styled);
    let Some(asked) = code else {
        for (i, page) in PAGES.iter().enumerate() {
            let (title, sections) = sections(page);
            say!("{}{}", if i > 0 { "\n" } else { "" }, style.bold(title))?;
            for section in sections {
                row(section.code, COLUMN, section.title)?;
            }
        }
        return prose("\n`cotangent explain E0101` explains one of them, with an example and what to write instead.");
    };
    let all: Vec<Section> = PAGES.iter().flat_map(|page| sections(page).1).collect();
    match all.iter().find(|section| section.code.eq_ignore_ascii_case(asked.trim())) {
        Some(section) => say!("{}", shown(section, style, width())),
        None => bail!(unknown(asked, &all)),
    }
}

/// The message for what is not a code: the nearest code, or those whose titles have the word.
fn unknown(asked: &str, all: &[Section]) -> String {
    let line = |section: &Section| format!("\n  {}  {}", section.code, section.title);
    let word = asked.to_lowercase();
    let named: String = all.iter().filter(|section| section.title.to_lowercase().contains(&word)).map(line).collect();
    if !named.is_empty() {
        return format!("`{asked}` is not the code of an error. These have it in their titles:{named}");
    }
    let nearest = all.iter().min_by_key(|section| distance(section.code, &asked.to_uppercase()));
    let hint = nearest.map(|section| format!(". Perhaps this one is meant:{}", line(section))).unwrap_or_default();
    format!("`{asked}` is not the code of an error; `cotangent explain` lists them all{hint}")
}

/// Styles of a terminal, if they are wanted.
#[derive(Clone, Copy)]
struct Style(bool);

impl Style {
    fn apply(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    fn bold(self, text: &str) -> String {
        self.apply("1", text)
    }
}

/// A section for the terminal: prose is wrapped, and code is indented, without the lines that the book hides.
fn shown(section: &Section, style: Style, width: usize) -> String {
    let title = wrap(&format!("{}: {}", section.code, section.title), width, COLUMN);
    let mut blocks = vec![style.bold(&title)];
    // Every other part is the inside of a fence.
    for (i, part) in section.text.split("```").enumerate() {
        if i % 2 == 0 {
            let paragraphs = part.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
            blocks.extend(paragraphs.map(|paragraph| wrap(&paragraph.replace('\n', " "), width, 0)));
            continue;
        }
        let (language, code) = part.split_once('\n').unwrap_or(("", part));
        let is_message = language == "text";
        let kept = code.trim_end().lines().filter(|line| *line != "#" && !line.starts_with("# "));
        // A message is prose. Code is not to be broken.
        let kept = kept.map(|line| if is_message { wrap(line, width.saturating_sub(4), 2) } else { line.to_string() });
        let (bar, color) = (style.apply("2", "│"), if is_message { "31" } else { "36" });
        let lines = kept.collect::<Vec<_>>().join("\n");
        let lines = lines.lines().map(|line| format!("  {bar} {}", style.apply(color, line)).trim_end().to_string());
        blocks.push(lines.collect::<Vec<_>>().join("\n"));
    }
    blocks.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Section> {
        PAGES.iter().flat_map(|page| sections(page).1).collect()
    }

    #[test]
    fn every_page_is_read() {
        assert!(PAGES.iter().all(|page| page.starts_with("# ") && sections(page).1.next().is_some()));
        let codes: Vec<&str> = all().iter().map(|section| section.code).collect();
        assert!(codes.is_sorted() && codes.len() > 100, "{codes:?}");
    }

    #[test]
    fn a_section_is_wrapped_and_its_hidden_lines_are_left_out() {
        let text = "```text\nno: a b c d e f g h\n  help: x\n```\n\nIt is\nso.\n\n\
                    ```rust\n# use a::b;\nlet x = 1;\n\nx\n# ;\n```";
        let section = Section { code: "E0000", title: "a thing", text };
        let page = shown(&section, Style(false), 20);
        let expected = "E0000: a thing\n\n  │ no: a b c d e f\n  │   g h\n  │   help: x\n\nIt is so.\n\n\
                        \x20 │ let x = 1;\n  │\n  │ x";
        assert_eq!(page, expected);
        assert!(shown(&section, Style(true), 20).starts_with("\x1b[1mE0000: a thing\x1b[0m\n"));
    }

    #[test]
    fn what_is_no_code_leads_to_one() {
        assert!(unknown("E101", &all()).contains("\n  E0101  "));
        assert!(unknown("0101", &all()).contains("\n  E0101  "));
        assert!(unknown("broadcast", &all()).contains("titles:\n  E0101  "));
        assert_eq!(["", "E0101", "E1010"].map(|other| distance("E0101", other)), [5, 0, 2]);
    }
}
