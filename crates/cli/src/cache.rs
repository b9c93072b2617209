//! `cotangent cache`: what is stored on disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cotangent::compile_cache;
use serde_json::{Value, json};

use crate::output::{TIE, prose, row, say};

pub(crate) const HELP: &str = "\
Compiled programs are stored on disk and shared between processes. When they take more space than \
COTANGENT_COMPILE_CACHE_LIMIT (`500MB`, `2GiB`; the default is 1 GB), the least recently used ones are removed. \
COTANGENT_COMPILE_CACHE=0 turns the cache off; COTANGENT_CACHE_DIR moves everything to another directory.

With --json, `show` prints an object with `dir`, `bytes`, `programs` (`dir`, `on`, `count`, `bytes`, `limit`) and `plugins` \
(a list of objects with `name` and `bytes`), and `clean` one with `programs` and `plugins` (`count` and `bytes` of what it \
removed).";

/// What to do with the cache.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print one JSON object and nothing else
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show what is stored, and how large it is [default]
    Show,
    /// Remove the compiled programs; they are compiled again when needed
    Clean {
        /// Remove the plugins as well. The one for the CPU is fetched again when needed, those for GPUs by `cotangent setup`
        #[arg(long)]
        all: bool,
    },
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = xla::plugin::cache_dir()?;
    match options.command {
        None | Some(Command::Show) => show(&dir, options.json),
        Some(Command::Clean { all }) => clean(&dir, all, options.json),
    }
}

fn show(dir: &Path, as_json: bool) -> Result<()> {
    let plugins = plugins(dir);
    if as_json {
        let plugins: Vec<_> = plugins.iter().map(|p| json!({ "name": p.name, "bytes": p.bytes })).collect();
        let object = json!({ "dir": dir, "bytes": bytes_in(dir), "programs": programs_as_json(), "plugins": plugins });
        return say!("{object}");
    }
    row("directory", COLUMN, &format!("{} ({})", dir.display(), size(bytes_in(dir))))?;
    row("programs", COLUMN, &programs())?;
    for (i, plugin) in plugins.iter().enumerate() {
        row(if i == 0 { "plugins" } else { "" }, COLUMN, &format!("{}, {}", plugin.name, size(plugin.bytes)))?;
    }
    if plugins.is_empty() {
        row("plugins", COLUMN, "none")?;
    }
    Ok(())
}

/// The column where texts begin, here and in the report of `cotangent doctor`.
pub(crate) const COLUMN: usize = 16;

/// The compiled programs, as text.
pub(crate) fn programs() -> String {
    let usage = compile_cache::usage();
    let (limit, why) = match compile_cache::limit() {
        Ok(limit) => (limit, String::new()),
        Err(error) => (compile_cache::DEFAULT_LIMIT, format!(", the default: {}", error.message())),
    };
    let off = if compile_cache::is_on() { "" } else { "; turned off by the environment" };
    format!("{}, {} of at most {}{why}{off}", usage.programs, size(usage.bytes), size(limit))
}

/// The compiled programs, as JSON.
pub(crate) fn programs_as_json() -> Value {
    let usage = compile_cache::usage();
    json!({
        "dir": compile_cache::dir(),
        "on": compile_cache::is_on(),
        "count": usage.programs,
        "bytes": usage.bytes,
        "limit": compile_cache::limit().unwrap_or(compile_cache::DEFAULT_LIMIT),
    })
}

fn clean(dir: &Path, all: bool, as_json: bool) -> Result<()> {
    let programs = compile_cache::clear()?;
    let plugins = if all { plugins(dir) } else { Vec::new() };
    for plugin in &plugins {
        fs::remove_dir_all(&plugin.path).with_context(|| format!("removing {}", plugin.path.display()))?;
    }
    let bytes: u64 = plugins.iter().map(|p| p.bytes).sum();
    if as_json {
        let programs = json!({ "count": programs.programs, "bytes": programs.bytes });
        return say!("{}", json!({ "programs": programs, "plugins": { "count": plugins.len(), "bytes": bytes } }));
    }
    prose(&removed("compiled program", programs.programs, programs.bytes))?;
    if all { prose(&removed("plugin", plugins.len(), bytes)) } else { Ok(()) }
}

fn removed(what: &str, count: usize, bytes: u64) -> String {
    match count {
        0 => format!("there was no {what} to remove"),
        1 => format!("removed one {what}, {}", size(bytes)),
        n => format!("removed {n} {what}s, {}", size(bytes)),
    }
}

/// A plugin in the cache.
struct Stored {
    name: String,
    path: PathBuf,
    bytes: u64,
}

fn plugins(dir: &Path) -> Vec<Stored> {
    let listing = fs::read_dir(dir.join("plugins")).into_iter().flatten().flatten();
    let mut plugins: Vec<_> = listing
        .map(|item| (item.file_name().to_string_lossy().into_owned(), item.path()))
        // Names that begin with a dot are being fetched.
        .filter(|(name, path)| !name.starts_with('.') && path.is_dir())
        .map(|(name, path)| Stored { name, bytes: bytes_in(&path), path })
        .collect();
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    plugins
}

/// The total size of all files below a directory.
pub(crate) fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| if meta.is_dir() { bytes_in(&path) } else { meta.len() })
        .sum()
}

/// A number of bytes as text.
pub(crate) fn size(bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..1_000 => return format!("{bytes}{TIE}bytes"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    format!("{:.1}{TIE}{unit}", bytes as f64 / value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_fitting_unit() {
        assert_eq!(
            [0, 999, 1500, 290_000_000, 1_000_000_000].map(|n| size(n).replace(TIE, " ")),
            ["0 bytes", "999 bytes", "1.5 kB", "290.0 MB", "1.0 GB"]
        );
        assert_eq!(removed("plugin", 0, 0), "there was no plugin to remove");
        assert_eq!(removed("plugin", 2, 3_000_000), "removed 2 plugins, 3.0\u{a0}MB");
    }
}
