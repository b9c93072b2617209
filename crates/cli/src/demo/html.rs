//! A notebook as one file for a browser. It needs no network: style, script and pictures are inside.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cotangent_plot::{Figure, Paint, Theme};

use super::highlight::{escaped, rust};
use super::sink::{Block, Picture, Sink, shown};

/// The page in the making.
pub(crate) struct Html {
    file: PathBuf,
    device: String,
    title: String,
    summary: String,
    /// The headings.
    contents: Vec<String>,
    body: String,
    /// Whether the list of results is open.
    results: bool,
    pictures: usize,
}

/// The cells along each axis of a surface that turns.
const CELLS: usize = 44;

impl Html {
    pub(crate) fn new(file: &Path, device: &str) -> Html {
        Html {
            file: file.to_owned(),
            device: device.to_owned(),
            title: String::new(),
            summary: String::new(),
            contents: Vec::new(),
            body: String::new(),
            results: false,
            pictures: 0,
        }
    }

    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(args);
    }

    fn picture(&mut self, id: &str, picture: &Picture) {
        let id = escaped(id);
        match picture {
            Picture::Figure(figure) => {
                self.put(format_args!("<figure class=\"picture\" id=\"{id}\">\n"));
                self.state(figure);
            }
            Picture::Animation(animation) => {
                let states = animation.states();
                let (name, last) = (escaped(animation.parameter()), states.len().saturating_sub(1));
                let rate = animation.frames_per_second();
                self.put(format_args!("<figure class=\"picture states\" id=\"{id}\" data-rate=\"{rate}\">\n"));
                for (i, (value, figure)) in states.iter().enumerate() {
                    let hidden = if i < last { " hidden" } else { "" };
                    self.put(format_args!("<div class=\"state\" data-value=\"{}\"{hidden}>\n", escaped(value)));
                    self.state(figure);
                    self.body.push_str("</div>\n");
                }
                let value = states.last().map_or(String::new(), |(value, _)| escaped(value));
                let n = self.pictures;
                self.put(format_args!(
                    "<div class=\"controls\"><button type=\"button\" class=\"play\">Play</button>\
                     <label for=\"range{n}\">{name}</label>\
                     <input type=\"range\" id=\"range{n}\" min=\"0\" max=\"{last}\" value=\"{last}\" \
                     aria-valuetext=\"{value}\"><output for=\"range{n}\">{value}</output></div>\n"
                ));
            }
        }
        self.body.push_str("</figure>\n");
    }

    /// One picture, for wide and for narrow screens, and what its surfaces need to turn.
    fn state(&mut self, figure: &Figure) {
        let figure = figure.clone().theme(Theme::Light);
        self.pictures += 1;
        let n = self.pictures;
        let (wide, narrow) = (figure.svg_with(&format!("w{n}")), figure.narrow().svg_with(&format!("n{n}")));
        self.put(format_args!("<div class=\"wide\">{wide}</div>\n<div class=\"narrow\">{narrow}</div>\n"));
        for surface in figure.surfaces() {
            let json = surface.json(CELLS);
            self.put(format_args!("<script type=\"application/json\" class=\"grid\">{json}</script>\n"));
        }
    }

    fn page(&self) -> String {
        let (title, summary) = (escaped(&self.title), escaped(&self.summary));
        let mut contents = String::new();
        if self.contents.len() > 2 {
            contents.push_str("<nav aria-label=\"Contents\"><details open><summary>Contents</summary><ol>\n");
            for (i, heading) in self.contents.iter().enumerate() {
                let _ = writeln!(contents, "<li><a href=\"#h{}\">{}</a></li>", i + 1, inline(heading));
            }
            contents.push_str("</ol></details></nav>\n");
        }
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} – Cotangent</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n<style>\n{style}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the notebook</a>\n\
             <header>\n<div class=\"top\"><span class=\"kicker\">Cotangent notebook</span>\
             <button type=\"button\" id=\"theme\">Dark</button></div>\n\
             <h1>{title}</h1>\n<p class=\"summary\">{summary}</p>\n\
             <p class=\"made\">Version {version}, run on {device}. The code below is the code that ran.</p>\n\
             </header>\n{contents}<main id=\"main\">\n{body}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            style = style(),
            version = env!("CARGO_PKG_VERSION"),
            device = match self.device.as_str() {
                "cpu" => "the CPU",
                "cuda" => "an NVIDIA GPU",
                other => other,
            },
            body = self.body,
        )
    }
}

const STYLE: &str = include_str!("report.css");

/// The colors of the page that pictures do not have.
const LIGHT: &str = "color-scheme: light; --panel: #f6f7f9; --link: #005a9c; --focus: #005fcc; --keyword: #8a2a6b; \
                     --type: #00628a; --fn: #2b4a9b; --string: #3d6b1f; --number: #9a4300; --comment: #5d6873;";
const DARK: &str = "color-scheme: dark; --panel: #1c2025; --link: #7cc0ff; --focus: #8ec5ff; --keyword: #f0a0d0; \
                    --type: #7fd0f0; --fn: #a8c3ff; --string: #b0d890; --number: #ffb27a; --comment: #98a3ae;";

/// The style of the page, with the colors of both themes as variables, and the classes of the pictures in them.
fn style() -> String {
    let variables = |own: &str, theme: Theme| {
        Paint::all().filter_map(|paint| Some((paint.class()?, paint))).fold(
            own.to_owned(),
            |mut text, (name, paint)| {
                let _ = write!(text, " --{name}: {};", theme.color(paint).css());
                text
            },
        )
    };
    let mut style = STYLE
        .replace("/* light */", &variables(LIGHT, Theme::Light))
        .replace("/* dark */", &variables(DARK, Theme::Dark));
    for name in Paint::all().filter_map(Paint::class) {
        let _ = writeln!(style, ".f-{name} {{ fill: var(--{name}); }} .l-{name} {{ stroke: var(--{name}); }}");
    }
    style
}

const SCRIPT: &str = include_str!("report.js");

impl Sink for Html {
    fn show(&mut self, block: &Block<'_>) -> Result<()> {
        if self.results && !matches!(block, Block::Value { .. }) {
            self.body.push_str("</dl>\n");
            self.results = false;
        }
        match block {
            Block::Banner { name, summary } => {
                let mut words = name.replace('-', " ");
                if let Some(first) = words.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                self.title = words;
                self.summary = (*summary).to_owned();
            }
            Block::Heading(text) => {
                self.contents.push((*text).to_owned());
                self.put(format_args!("<h2 id=\"h{}\">{}</h2>\n", self.contents.len(), inline(text)));
            }
            Block::Text(text) => {
                for paragraph in text.split("\n\n") {
                    self.put(format_args!("<p>{}</p>\n", inline(paragraph)));
                }
            }
            Block::Code(code) => {
                let code = rust(code);
                self.put(format_args!(
                    "<pre tabindex=\"0\" role=\"group\" aria-label=\"Code\"><code>{code}</code></pre>\n"
                ));
            }
            Block::Plain(text) => {
                let text = escaped(text);
                self.put(format_args!("<pre tabindex=\"0\" role=\"group\" aria-label=\"Text\">{text}</pre>\n"));
            }
            Block::Value { label, value, .. } => {
                if !self.results {
                    self.body.push_str("<dl class=\"results\">\n");
                    self.results = true;
                }
                let (label, value) = (escaped(label), escaped(&shown(value)));
                self.put(format_args!("<div><dt>{label}</dt><dd>{value}</dd></div>\n"));
            }
            Block::Picture { name, picture, .. } => self.picture(name, picture),
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Option<PathBuf>> {
        if self.results {
            self.body.push_str("</dl>\n");
            self.results = false;
        }
        std::fs::write(&self.file, self.page()).with_context(|| format!("writing {}", self.file.display()))?;
        Ok(Some(self.file.clone()))
    }
}

/// Prose as HTML: code between backticks, and addresses as links.
fn inline(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 1 {
            let _ = write!(html, "<code>{}</code>", escaped(part));
            continue;
        }
        for (j, word) in part.split(' ').enumerate() {
            if j > 0 {
                html.push(' ');
            }
            let address = word.trim_end_matches(['.', ',', ')', ';']);
            if address.starts_with("https://") {
                let (address, after) = (escaped(address), escaped(&word[address.len()..]));
                let _ = write!(html, "<a href=\"{address}\">{address}</a>{after}");
            } else {
                html.push_str(&escaped(word));
            }
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_has_code_and_links() {
        assert_eq!(
            inline("`a < b` is <fine>, see https://a.b/c."),
            "<code>a &lt; b</code> is &lt;fine&gt;, see <a href=\"https://a.b/c\">https://a.b/c</a>."
        );
    }
}
