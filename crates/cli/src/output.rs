//! Standard output: lines, prose wrapped to the width of the terminal, and the error when nothing can be written.

use std::fmt::{self, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The maximal width of prose, however wide the terminal is.
const WIDEST: usize = 100;
/// The width without a terminal.
const USUAL: usize = 80;

/// Writes a line to standard output. A failure is an ordinary error, not a panic.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        writeln!($crate::output::Stdout, $($arg)*).map_err(anyhow::Error::from)
    }};
}
pub(crate) use say;

static LINES: AtomicUsize = AtomicUsize::new(0);
static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Standard output. Counts the lines written, so that an error can say how far the output got.
pub(crate) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = io::stdout().write(bytes).map_err(Unwritable::error)?;
        LINES.fetch_add(bytes[..n].iter().filter(|b| **b == b'\n').count(), Ordering::Relaxed);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().map_err(Unwritable::error)
    }
}

/// Records that a file was written, for the same purpose.
pub(crate) fn wrote(path: &Path) {
    FILES.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
}

/// The files that were written so far.
pub(crate) fn written() -> Vec<PathBuf> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The error that standard output cannot be written to.
#[derive(Debug)]
pub(crate) struct Unwritable {
    reason: io::Error,
    lines: usize,
    files: Vec<PathBuf>,
}

impl Unwritable {
    pub(crate) fn error(reason: io::Error) -> io::Error {
        let kind = reason.kind();
        io::Error::new(kind, Unwritable { reason, lines: LINES.load(Ordering::Relaxed), files: written() })
    }
}

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "standard output cannot be written to: {}. ", self.reason)?;
        match self.lines {
            0 => f.write_str("Nothing was written"),
            1 => f.write_str("One line had been written"),
            n => write!(f, "{n} lines had been written"),
        }?;
        if !self.files.is_empty() {
            let files: Vec<_> = self.files.iter().map(|path| path.display().to_string()).collect();
            write!(f, ", and these files: {}", files.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Unwritable {}

/// Whether the reader of standard output has closed it, which is not a failure.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|e| e.downcast_ref::<io::Error>());
    causes.any(|e| e.kind() == ErrorKind::BrokenPipe && e.get_ref().is_some_and(|e| e.is::<Unwritable>()))
}

/// The width for prose: `COLUMNS`, or else that of the terminal.
pub(crate) fn width() -> usize {
    width_of(&io::stdout()).unwrap_or(USUAL).min(WIDEST)
}

fn width_of(stream: &(impl AsFd + IsTerminal)) -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    let terminal = || {
        let size = stream.is_terminal().then(|| rustix::termios::tcgetwinsize(stream).ok());
        size.flatten().map(|size| usize::from(size.ws_col))
    };
    columns.or_else(terminal).filter(|width| *width > 0)
}

/// Stands between a number and its unit, where no line may be broken. [`wrap`] makes it a space.
pub(crate) const TIE: char = '\u{a0}';

/// Breaks prose into lines. A line keeps its indentation; continuation lines have `hang` more.
pub(crate) fn wrap(text: &str, width: usize, hang: usize) -> String {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let indent = paragraph.len() - paragraph.trim_start_matches(' ').len();
        let mut line = " ".repeat(indent);
        let (mut column, mut empty) = (indent, true);
        for word in paragraph.split_ascii_whitespace() {
            let length = word.chars().count();
            if !empty && column + 1 + length > width {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent + hang)));
                column = indent + hang;
            } else if !empty {
                line.push(' ');
                column += 1;
            }
            line.push_str(word);
            column += length;
            empty = false;
        }
        lines.push(line);
    }
    lines.join("\n").replace(TIE, " ")
}

/// Writes prose.
pub(crate) fn prose(text: &str) -> anyhow::Result<()> {
    say!("{}", wrap(text, width(), 0))
}

/// Writes a name with its text. The text begins in `column` on every line.
pub(crate) fn row(name: &str, column: usize, text: &str) -> anyhow::Result<()> {
    let name = format!("{name:<column$}");
    // If the name is too long or the terminal too narrow, the text goes below.
    if name.chars().count() > column || width() < column + 20 {
        return say!("{}\n    {}", name.trim_end(), wrap(text, width().saturating_sub(4), 0).replace('\n', "\n    "));
    }
    let text = wrap(text, width() - column, 0).replace('\n', &format!("\n{:column$}", ""));
    say!("{}", format!("{name}{text}").trim_end())
}

/// Writes an error to standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    note(&format!("error: {error:#}"));
}

/// Writes prose to standard error, wrapped on a terminal.
pub(crate) fn note(text: &str) {
    let stderr = io::stderr();
    let columns = if stderr.is_terminal() { width_of(&stderr).unwrap_or(USUAL).min(WIDEST) } else { usize::MAX };
    let _ = writeln!(io::stderr(), "{}", wrap(text, columns, 0));
}

/// The number of letters to insert, delete or replace to make one word of the other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// A duration in seconds as text with three digits.
pub(crate) fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// A number with three digits.
pub(crate) fn digits(value: f64) -> String {
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_and_its_indents_are_kept() {
        assert_eq!(wrap("one two three four", 9, 0), "one two\nthree\nfour");
        assert_eq!(wrap("one two three", 9, 2), "one two\n  three");
        assert_eq!(wrap("  a b c d\n\ne f g", 5, 1), "  a b\n   c\n   d\n\ne f g");
        assert_eq!(wrap("extraordinary is", 5, 0), "extraordinary\nis");
        assert_eq!(wrap("", 5, 0), "");
        assert_eq!(wrap(&format!("in 12.5{TIE}ms"), 8, 0), "in\n12.5 ms");
    }

    #[test]
    fn an_error_says_what_was_written() {
        let error =
            Unwritable { reason: io::Error::from(ErrorKind::StorageFull), lines: 2, files: vec!["a.png".into()] };
        assert!(error.to_string().ends_with("2 lines had been written, and these files: a.png"));
        let closed = |kind| anyhow::Error::from(Unwritable::error(io::Error::from(kind)));
        assert!(is_closed(&closed(ErrorKind::BrokenPipe)));
        assert!(!is_closed(&closed(ErrorKind::StorageFull)));
        // Only standard output may be closed by a reader. Another broken pipe, such as a worker's, is an error.
        assert!(!is_closed(&io::Error::from(ErrorKind::BrokenPipe).into()));
    }

    #[test]
    fn durations_have_three_digits() {
        assert_eq!([3.21e-9, 4.5e-5, 0.123, 12.0].map(duration), ["3.21 ns", "45.0 µs", "123 ms", "12.0 s"]);
    }
}
