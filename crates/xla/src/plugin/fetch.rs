//! Fetching a plugin with `pip download`.
//!
//! pip is the one package client that knows the user's index, proxy and certificates, so no address is written here.
//! What it downloads is trusted only after its hash has been compared with the lock.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::progress::{Counting, Progress, TICK, say};
use super::{CacheState, Finder, Location, LockEntry, Source, cache};
use crate::error::{Error, Result};
use crate::hash;

/// The ways to call pip, in the order in which they are tried.
const PIPS: &[&[&str]] = &[&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// Fetches the first of `wanted` that is available. One process fetches, the others wait for it.
pub(super) fn fetch(finder: &Finder, cache_dir: &Path, wanted: &[&'static LockEntry]) -> Result<Location> {
    let root = cache::root(cache_dir);
    let unwritable =
        |path: &Path, e: io::Error| Error::CacheUnwritable { path: path.to_owned(), reason: e.to_string() };
    fs::create_dir_all(&root).map_err(|e| unwritable(&root, e))?;
    let lock_path = root.join(".lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|e| unwritable(&lock_path, e))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("waiting for another process that is fetching the PJRT plugin");
            lock.lock().map_err(|e| unwritable(&lock_path, e))?;
        }
        Err(TryLockError::Error(e)) => return Err(unwritable(&lock_path, e)),
    }
    // The lock is held until `lock` is dropped or the process ends for any reason.
    if let Some(location) = finder.find_cached() {
        return Ok(location);
    }
    cache::sweep(&root);
    let mut first_error = None;
    for entry in wanted {
        match fetch_entry(finder, cache_dir, entry) {
            Ok(path) => {
                return Ok(Location { path, source: Source::Fetched, entry: Some(entry) });
            }
            // Another package is tried only if this one does not exist for this machine. Any other failure would affect
            // all of them, or should be reported.
            Err(e @ Error::FetchFailed { unavailable: true, .. }) => {
                first_error.get_or_insert(e);
            }
            Err(e) => return Err(e),
        }
    }
    Err(first_error.unwrap_or(Error::PluginUnsupported {
        platform: finder.platform.name(),
        target: super::target(),
        variable: finder.platform.variable(),
    }))
}

/// Fetches one wheel and puts its library into the cache.
fn fetch_entry(finder: &Finder, cache_dir: &Path, entry: &'static LockEntry) -> Result<PathBuf> {
    let library = cache::path(cache_dir, entry);
    let home = library.parent().unwrap_or(cache_dir);
    let unwritable =
        |path: &Path, e: io::Error| Error::CacheUnwritable { path: path.to_owned(), reason: e.to_string() };
    if let CacheState::Damaged { reason } = cache::state(cache_dir, entry) {
        say(&format!("the cached PJRT plugin {} is damaged ({reason}); fetching it again", library.display()));
    }
    fs::create_dir_all(home).map_err(|e| unwritable(home, e))?;
    cache::sweep(home);

    let downloads = Downloads::new(&cache::root(cache_dir))?;
    say(&format!(
        "fetching the PJRT plugin {} with pip ({} MB, once) into {}",
        entry.label(),
        entry.wheel_size.div_ceil(1_000_000),
        cache_dir.display()
    ));
    download(finder, entry, &downloads.0)?;
    let wheel = verified_wheel(entry, &downloads.0)?;

    let temporary = Temporary(cache::temporary(&library));
    unpack(entry, &wheel, &temporary.0)?;
    cache::rename_synced(&temporary.0, &library).map_err(|e| unwritable(&library, e))?;
    cache::mark(&library, entry).map_err(|e| unwritable(&library, e))?;
    say(&format!("stored {}", library.display()));
    Ok(library)
}

/// A temporary directory for one download, removed with all its contents.
struct Downloads(PathBuf);

impl Downloads {
    fn new(root: &Path) -> Result<Self> {
        let path = cache::temporary(&root.join("download"));
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            Err(e) => Err(Error::CacheUnwritable { path, reason: e.to_string() }),
        }
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file that is removed unless it has been renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes pip download the wheel into `dir`.
fn download(finder: &Finder, entry: &LockEntry, dir: &Path) -> Result<()> {
    let requirements = dir.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", entry.package, entry.version, entry.wheel_sha256);
    fs::write(&requirements, line)
        .map_err(|e| Error::CacheUnwritable { path: requirements.clone(), reason: e.to_string() })?;
    let args: Vec<&OsStr> = [
        "download",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        // The tag is explicit because old versions of pip do not know that it fits their machine.
        "--platform",
        entry.wheel_tag,
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]
    .into_iter()
    .map(OsStr::new)
    .chain([OsStr::new("--dest"), dir.as_os_str(), OsStr::new("-r"), requirements.as_os_str()])
    .collect();

    for pip in PIPS {
        let mut command = Command::new(pip[0]);
        command.args(&pip[1..]).args(&args).stdin(Stdio::null());
        // pip stores partial downloads below this directory. So they can be watched, and are removed with it.
        command.env("TMPDIR", dir);
        if let Some(path) = &finder.search_path {
            command.env("PATH", path);
        }
        match watched(command, entry, dir) {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) if lacks_pip(&output) => {}
            Ok(output) => return Err(failure(entry, pip, &output)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
            Err(e) => {
                return Err(Error::FetchFailed {
                    package: entry.label(),
                    command: shown(pip, entry),
                    output: e.to_string(),
                    unavailable: false,
                });
            }
        }
    }
    Err(Error::FetchPipMissing {
        tried: PIPS.iter().map(|pip| pip.join(" ")).collect(),
        package: entry.label(),
        variable: finder.platform.variable(),
    })
}

/// Runs pip, and shows its progress.
fn watched(mut command: Command, entry: &LockEntry, dir: &Path) -> io::Result<Output> {
    let mut progress = Progress::new("fetching", entry.wheel_size);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, ended) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    loop {
        match ended.recv_timeout(TICK) {
            Ok(output) => return output,
            Err(RecvTimeoutError::Timeout) => progress.watch(dir),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the thread waiting for pip is gone")),
        }
    }
}

/// Whether Python is there but has no pip, or the command is a version manager's shim with nothing behind it.
fn lacks_pip(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    said.contains("No module named pip") || output.status.code() == Some(127)
}

/// The error for a pip that ran and failed.
fn failure(entry: &LockEntry, pip: &[&str], output: &Output) -> Error {
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if said.contains("DO NOT MATCH THE HASHES") {
        let found = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("Got"))
            .map_or("another one".to_owned(), |hash| hash.trim().to_owned());
        return Error::FetchHash { package: entry.label(), expected: entry.wheel_sha256.to_owned(), found };
    }
    // A refused connection also ends in "No matching distribution found"; the lines before it tell the difference.
    let network = ["Retrying", "ConnectionError", "NewConnectionError", "Temporary failure", "timed out"];
    let unavailable =
        said.contains("No matching distribution found") && !network.iter().any(|word| said.contains(word));
    let lines: Vec<_> = said.lines().collect();
    let mut tail = lines[lines.len().saturating_sub(12)..].join("\n");
    if tail.is_empty() {
        tail = format!("nothing ({})", output.status);
    }
    Error::FetchFailed { package: entry.label(), command: shown(pip, entry), output: tail, unavailable }
}

/// The command without the temporary paths, so that a user can run it by hand.
fn shown(pip: &[&str], entry: &LockEntry) -> String {
    format!(
        "{} download --no-deps --only-binary :all: --platform {} {}=={}",
        pip.join(" "),
        entry.wheel_tag,
        entry.package,
        entry.version
    )
}

/// Finds the wheel that pip has left in `dir`, and compares its hash with the lock.
fn verified_wheel(entry: &LockEntry, dir: &Path) -> Result<PathBuf> {
    let unreadable = |e: io::Error| Error::CacheUnwritable { path: dir.to_owned(), reason: e.to_string() };
    let wheel = fs::read_dir(dir)
        .map_err(unreadable)?
        .flatten()
        .map(|item| item.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or_else(|| Error::FetchFailed {
            package: entry.label(),
            command: "pip download".to_owned(),
            output: "pip reported success but left no wheel behind".to_owned(),
            unavailable: false,
        })?;
    let len = fs::metadata(&wheel).map_err(unreadable)?.len();
    let sha256 = hash::file(&wheel).map_err(unreadable)?;
    if sha256 != entry.wheel_sha256 {
        let found = if len < entry.wheel_size {
            format!("{sha256} (truncated: {len} of {} bytes)", entry.wheel_size)
        } else {
            sha256
        };
        return Err(Error::FetchHash { package: entry.label(), expected: entry.wheel_sha256.to_owned(), found });
    }
    Ok(wheel)
}

/// Unpacks the library to `to`, verifies it and syncs it.
fn unpack(entry: &LockEntry, wheel: &Path, to: &Path) -> Result<()> {
    let contents = |reason: String| Error::FetchContents { package: entry.label(), reason };
    let unwritable = |e: io::Error| Error::CacheUnwritable { path: to.to_owned(), reason: e.to_string() };
    let file = File::open(wheel).map_err(unwritable)?;
    let mut archive = zip::ZipArchive::new(file).map_err(|e| contents(e.to_string()))?;
    let mut member = archive.by_name(entry.library).map_err(|e| contents(format!("{}: {e}", entry.library)))?;
    let out = BufWriter::new(File::create(to).map_err(unwritable)?);
    let mut out = Counting::new(out, Progress::new("unpacking", entry.library_size));
    let (sha256, _) = hash::copy(&mut member, &mut out).map_err(|e| match e.kind() {
        // Errors of the archive itself; all others come from writing.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput => contents(e.to_string()),
        _ => unwritable(e),
    })?;
    let out = out.into_inner().into_inner().map_err(|e| unwritable(e.into_error()))?;
    out.sync_all().map_err(unwritable)?;
    if sha256 != entry.library_sha256 {
        return Err(contents(format!("the sha256 of {} is {sha256}, not {}", entry.library, entry.library_sha256)));
    }
    Ok(())
}

/// Fetches a wheel for one file in it, and puts that file at `to`. For tests that need another file of the wheel than
/// the plugin.
#[cfg(test)]
pub(crate) fn fetch_file(finder: &Finder, entry: &LockEntry, name: &str, to: &Path) -> Result<()> {
    let failed = |e: io::Error| Error::CacheUnwritable { path: to.to_owned(), reason: e.to_string() };
    let dir = to.parent().unwrap_or(to);
    fs::create_dir_all(dir).map_err(failed)?;
    let downloads = Downloads::new(dir)?;
    download(finder, entry, &downloads.0)?;
    let wheel = verified_wheel(entry, &downloads.0)?;
    let mut archive =
        zip::ZipArchive::new(File::open(wheel).map_err(failed)?).map_err(|e| failed(io::Error::other(e)))?;
    let mut bytes = Vec::new();
    let mut member = archive.by_name(name).map_err(|e| failed(io::Error::other(e)))?;
    io::copy(&mut member, &mut bytes).map_err(failed)?;
    cache::write_atomically(to, &bytes).map_err(failed)
}
