//! Progress messages on standard error while a plugin is fetched. On a terminal a line is redrawn repeatedly; elsewhere
//! one line is printed at the start and one at the end. `COTANGENT_QUIET=1` silences both.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the line is redrawn.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// Width of the bar. The line is narrower than any terminal, so that it can be overwritten.
const BAR: usize = 12;

fn is_quiet() -> bool {
    std::env::var_os("COTANGENT_QUIET").is_some_and(|v| !v.is_empty() && v != "0")
}

/// Prints a separate line.
pub(super) fn say(text: &str) {
    if !is_quiet() {
        // A closed stderr is not a reason to fail; `eprintln!` would panic.
        let _ = writeln!(io::stderr(), "cotangent: {text}");
    }
}

/// The progress of something whose length is known. The line is erased at the end.
pub(super) struct Progress {
    doing: &'static str,
    total: u64,
    done: u64,
    begin: Instant,
    drawn: Option<Instant>,
    visible: bool,
}

impl Progress {
    pub(super) fn new(doing: &'static str, total: u64) -> Progress {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let visible = !is_quiet() && !dumb && io::stderr().is_terminal();
        Progress { doing, total, done: 0, begin: Instant::now(), drawn: None, visible }
    }

    /// Draws the line, unless it has just been drawn.
    fn at(&mut self, done: u64) {
        self.done = done;
        if self.visible && self.drawn.is_none_or(|drawn| drawn.elapsed() >= TICK) {
            self.drawn = Some(Instant::now());
            let line = line(self.doing, done, self.total, self.begin.elapsed());
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        }
    }

    /// Draws the line for the number of bytes in a directory.
    pub(super) fn watch(&mut self, dir: &Path) {
        if self.visible {
            self.at(bytes_below(dir));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `fetching ━━━━━───────  23.4 of 62.7 MB, 8.1 MB/s, 5 s left`
fn line(doing: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let done = done.min(total);
    if done < 50_000 {
        // pip asks the index first; nothing is downloaded yet.
        return format!("{doing} … {} s", elapsed.as_secs());
    }
    let full = (done as f64 / total.max(1) as f64 * BAR as f64) as usize;
    let (bar, rest) = ("━".repeat(full), "─".repeat(BAR - full));
    let rate = mb(done) / elapsed.as_secs_f64().max(0.1);
    let left = (mb(total - done) / rate).ceil() as u64;
    let left = if left < 100 { format!("{left} s") } else { format!("{} min", left.div_ceil(60)) };
    format!("{doing} {bar}{rest} {:>5.1} of {:.1} MB, {rate:.1} MB/s, {left} left", mb(done), mb(total))
}

/// The total size of all files below a directory. Files may disappear meanwhile.
fn bytes_below(dir: &Path) -> u64 {
    let mut dirs: Vec<PathBuf> = vec![dir.to_owned()];
    let mut total = 0;
    while let Some(dir) = dirs.pop() {
        for item in fs::read_dir(dir).into_iter().flatten().flatten() {
            match item.metadata() {
                Ok(meta) if meta.is_dir() => dirs.push(item.path()),
                Ok(meta) => total += meta.len(),
                Err(_) => {}
            }
        }
    }
    total
}

/// A writer that shows how much has been written.
pub(super) struct Counting<'a, W> {
    inner: W,
    progress: &'a mut Progress,
}

impl<'a, W> Counting<'a, W> {
    pub(super) fn new(inner: W, progress: &'a mut Progress) -> Counting<'a, W> {
        Counting { inner, progress }
    }

    pub(super) fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Counting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.progress.at(self.progress.done + n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_fits() {
        let line = |done, seconds| line("fetching", done, 62_711_338, Duration::from_secs_f64(seconds));
        assert_eq!(line(0, 2.3), "fetching … 2 s");
        assert_eq!(line(31_400_000, 4.0), "fetching ━━━━━━──────  31.4 of 62.7 MB, 7.8 MB/s, 4 s left");
        assert_eq!(line(100_000, 2.0), "fetching ────────────   0.1 of 62.7 MB, 0.1 MB/s, 21 min left");
        // More than expected, for a moment: pip writes a copy.
        assert_eq!(line(90_000_000, 2.0), "fetching ━━━━━━━━━━━━  62.7 of 62.7 MB, 31.4 MB/s, 0 s left");
        assert!(line(62_711_338, 0.01).chars().count() < 75);
    }

    #[test]
    fn bytes_are_counted_below_directories() {
        let dir = std::env::temp_dir().join(format!("cotangent-progress-{}", std::process::id()));
        fs::create_dir_all(dir.join("pip-unpack")).unwrap();
        fs::write(dir.join("one"), [0; 10]).unwrap();
        fs::write(dir.join("pip-unpack").join("two"), [0; 32]).unwrap();
        assert_eq!(bytes_below(&dir), 42);
        assert_eq!(bytes_below(&dir.join("absent")), 0);
        fs::remove_dir_all(&dir).unwrap();
    }
}
