//! Fetching a plugin with `pip download`.
//!
//! pip is the one package client that knows the user's index, proxy and certificates, so no address is written here.
//! What it downloads is trusted only after its hash has been compared with the lock.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use super::lock::Wheel;
use super::progress::{Progress, TICK, say};
use super::unpack::{unpack, unpack_files};
use super::{CacheState, Finder, LibraryEntry, Location, LockEntry, Source, cache};
use crate::error::{Error, Result};
use crate::hash;

/// The ways to call pip, in the order in which they are tried.
const PIPS: &[&[&str]] = &[&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// The right to write to the cache, held until it is dropped or the process ends for any reason.
pub(super) struct Exclusive(#[expect(dead_code, reason = "it is held, not used")] File);

/// Waits until no other process writes to the cache, and removes what killed processes have left.
pub(super) fn exclusive(cache_dir: &Path) -> Result<Exclusive> {
    let root = cache::root(cache_dir);
    fs::create_dir_all(&root).map_err(|e| unwritable(&root, e))?;
    let path = root.join(".lock");
    let lock =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| unwritable(&path, e))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("waiting for another process that is fetching the PJRT plugin");
            lock.lock().map_err(|e| unwritable(&path, e))?;
        }
        Err(TryLockError::Error(e)) => return Err(unwritable(&path, e)),
    }
    cache::sweep(&root);
    Ok(Exclusive(lock))
}

pub(super) fn unwritable(path: &Path, e: io::Error) -> Error {
    Error::CacheUnwritable { path: path.to_owned(), reason: e.to_string() }
}

/// Fetches the first of `wanted` that is available. One process fetches, the others wait for it.
pub(super) fn fetch(finder: &Finder, cache_dir: &Path, wanted: &[&'static LockEntry]) -> Result<Location> {
    let _exclusive = exclusive(cache_dir)?;
    if let Some(location) = finder.find_cached() {
        return Ok(location);
    }
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

/// Fetches one wheel and puts the plugin in it into the cache.
pub(super) fn fetch_entry(finder: &Finder, cache_dir: &Path, entry: &'static LockEntry) -> Result<PathBuf> {
    let library = cache::path(cache_dir, entry);
    let home = library.parent().unwrap_or(cache_dir);
    if let CacheState::Damaged { reason } = cache::state(cache_dir, entry) {
        say(&format!("the cached PJRT plugin {} is damaged ({reason}); fetching it again", library.display()));
    }
    fs::create_dir_all(home).map_err(|e| unwritable(home, e))?;
    cache::sweep(home);
    let downloads = Downloads::new(&cache::root(cache_dir))?;
    let wheel = download(finder, &entry.wheel(), &downloads.0, "the PJRT plugin ", cache_dir)?;

    let temporary = Temporary(cache::temporary(&library));
    unpack(entry, &wheel, &temporary.0)?;
    cache::rename_synced(&temporary.0, &library).map_err(|e| unwritable(&library, e))?;
    cache::mark(&library, entry).map_err(|e| unwritable(&library, e))?;
    say(&format!("stored {}", library.display()));
    Ok(library)
}

/// Fetches one wheel and puts the libraries in it into `home`, the directory of the plugin that they are for.
pub(super) fn fetch_library(
    finder: &Finder,
    cache_dir: &Path,
    home: &Path,
    entry: &LibraryEntry,
    which: &str,
) -> Result<()> {
    if let CacheState::Damaged { reason } = cache::files_state(home, entry) {
        say(&format!("the stored {} is damaged ({reason}); fetching it again", entry.label()));
    }
    fs::create_dir_all(home).map_err(|e| unwritable(home, e))?;
    cache::sweep(home);
    let downloads = Downloads::new(&cache::root(cache_dir))?;
    let wheel = download(finder, &entry.wheel(), &downloads.0, which, home)?;

    // The list of files is written last: without it, nothing that was moved into place counts.
    cache::forget_files(home, entry).map_err(|e| unwritable(home, e))?;
    let unpacked = Downloads(cache::temporary(&home.join(entry.package)));
    let list = unpack_files(entry, &wheel, &unpacked.0)?;
    for file in &list.0 {
        let to = home.join(&file.name);
        let parent = to.parent().unwrap_or(home);
        let moved = fs::create_dir_all(parent).and_then(|()| cache::rename_synced(&unpacked.0.join(&file.name), &to));
        moved.map_err(|e| unwritable(&to, e))?;
    }
    cache::mark_files(home, entry, &list).map_err(|e| unwritable(home, e))
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

/// Says what is fetched, makes pip download the wheel into `dir`, and verifies it.
fn download(finder: &Finder, wheel: &Wheel, dir: &Path, kind: &str, to: &Path) -> Result<PathBuf> {
    say(&format!(
        "fetching {kind}{} with pip ({} MB, once) into {}",
        wheel.label(),
        wheel.size.div_ceil(1_000_000),
        to.display()
    ));
    run_pip(finder, wheel, dir)?;
    verified_wheel(wheel, dir)
}

/// Wheels larger than this bypass pip's own cache, which would keep a second copy of them.
const LARGE: u64 = 100_000_000;

/// Makes pip download the wheel into `dir`.
fn run_pip(finder: &Finder, wheel: &Wheel, dir: &Path) -> Result<()> {
    let requirements = dir.join("requirements.txt");
    let line = format!("{}=={} --hash=sha256:{}\n", wheel.package, wheel.version, wheel.sha256);
    fs::write(&requirements, line).map_err(|e| unwritable(&requirements, e))?;
    let args: Vec<&OsStr> = [
        "download",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        // The tag is explicit because old versions of pip do not know that it fits their machine.
        "--platform",
        wheel.tag,
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]
    .into_iter()
    .map(OsStr::new)
    .chain((wheel.size > LARGE).then(|| OsStr::new("--no-cache-dir")))
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
        match watched(command, wheel, dir) {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) if lacks_pip(&output) => {}
            Ok(output) => return Err(failure(wheel, pip, &output)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
            Err(e) => {
                return Err(Error::FetchFailed {
                    package: wheel.label(),
                    command: shown(pip, wheel),
                    output: e.to_string(),
                    unavailable: false,
                });
            }
        }
    }
    Err(Error::FetchPipMissing {
        tried: PIPS.iter().map(|pip| pip.join(" ")).collect(),
        package: wheel.label(),
        variable: finder.platform.variable(),
    })
}

/// Runs pip, and shows its progress.
fn watched(mut command: Command, wheel: &Wheel, dir: &Path) -> io::Result<Output> {
    let mut progress = Progress::new("fetching", wheel.size);
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
fn failure(wheel: &Wheel, pip: &[&str], output: &Output) -> Error {
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    if said.contains("DO NOT MATCH THE HASHES") {
        let found = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("Got"))
            .map_or("another one".to_owned(), |hash| hash.trim().to_owned());
        return Error::FetchHash { package: wheel.label(), expected: wheel.sha256.to_owned(), found };
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
    Error::FetchFailed { package: wheel.label(), command: shown(pip, wheel), output: tail, unavailable }
}

/// The command without the temporary paths, so that a user can run it by hand.
fn shown(pip: &[&str], wheel: &Wheel) -> String {
    format!(
        "{} download --no-deps --only-binary :all: --platform {} {}=={}",
        pip.join(" "),
        wheel.tag,
        wheel.package,
        wheel.version
    )
}

/// Finds the wheel that pip has left in `dir`, and compares its hash with the lock.
fn verified_wheel(wheel: &Wheel, dir: &Path) -> Result<PathBuf> {
    let unreadable = |e: io::Error| unwritable(dir, e);
    let path = fs::read_dir(dir)
        .map_err(unreadable)?
        .flatten()
        .map(|item| item.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
        .ok_or_else(|| Error::FetchFailed {
            package: wheel.label(),
            command: "pip download".to_owned(),
            output: "pip reported success but left no wheel behind".to_owned(),
            unavailable: false,
        })?;
    let len = fs::metadata(&path).map_err(unreadable)?.len();
    let sha256 = hash::file(&path).map_err(unreadable)?;
    if sha256 != wheel.sha256 {
        let found =
            if len < wheel.size { format!("{sha256} (truncated: {len} of {} bytes)", wheel.size) } else { sha256 };
        return Err(Error::FetchHash { package: wheel.label(), expected: wheel.sha256.to_owned(), found });
    }
    Ok(path)
}

/// Fetches a wheel for one file in it, and puts that file at `to`. For tests that need another file of the wheel than
/// the plugin.
#[cfg(test)]
pub(crate) fn fetch_file(finder: &Finder, entry: &LockEntry, name: &str, to: &Path) -> Result<()> {
    let failed = |e: io::Error| Error::CacheUnwritable { path: to.to_owned(), reason: e.to_string() };
    let dir = to.parent().unwrap_or(to);
    fs::create_dir_all(dir).map_err(failed)?;
    let downloads = Downloads::new(dir)?;
    run_pip(finder, &entry.wheel(), &downloads.0)?;
    let wheel = verified_wheel(&entry.wheel(), &downloads.0)?;
    let mut archive =
        zip::ZipArchive::new(File::open(wheel).map_err(failed)?).map_err(|e| failed(io::Error::other(e)))?;
    let mut bytes = Vec::new();
    let mut member = archive.by_name(name).map_err(|e| failed(io::Error::other(e)))?;
    io::copy(&mut member, &mut bytes).map_err(failed)?;
    cache::write_atomically(to, &bytes).map_err(failed)
}
