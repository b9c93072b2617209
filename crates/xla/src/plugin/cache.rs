//! The plugins on disk: `<cache>/plugins/<package>-<version>-<target>/<library>`, each with a marker.
//!
//! A library is stored there only after it is complete and verified. The marker beside it records the hash, and the
//! file's length and modification time. While length and time are unchanged, the library is used without being read.
//! Otherwise it is hashed again. So a cache that was copied or unpacked from an archive is accepted, and a file that
//! was truncated or changed is not.
//!
//! The libraries of a plugin for GPUs are below the same directory, with the paths that they have in their wheels. A
//! list for each wheel, `<package>-<version>.files`, records its files in the same way. The lock has the hash of the
//! list, and so of every file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{LibraryEntry, LockEntry};
use crate::hash;

/// The state of one plugin in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheState {
    /// It is not there.
    Missing,
    /// It is there and complete.
    Good,
    /// It is there, but is not the file that was stored.
    Damaged {
        /// What is wrong.
        reason: String,
    },
}

/// Where plugins are kept inside the cache directory.
pub(super) fn root(cache: &Path) -> PathBuf {
    cache.join("plugins")
}

/// Where this plugin's library is kept.
pub(super) fn path(cache: &Path, entry: &LockEntry) -> PathBuf {
    root(cache).join(format!("{}-{}-{}", entry.package, entry.version, entry.target)).join(entry.file_name())
}

fn marker_path(library: &Path) -> PathBuf {
    let mut name = library.as_os_str().to_owned();
    name.push(".verified");
    name.into()
}

/// The marker's text for a file with this hash, length and modification time.
fn marker(entry: &LockEntry, meta: &fs::Metadata) -> String {
    format!("sha256 = \"{}\"\n{}", entry.library_sha256, state_of(meta))
}

/// Length and modification time of a file: while they are unchanged, so is its hash.
fn state_of(meta: &fs::Metadata) -> String {
    format!("size = \"{}\"\nchanged = \"{}\"\n", meta.len(), modified(meta))
}

/// When a file was modified, in nanoseconds since 1970.
fn modified(meta: &fs::Metadata) -> u128 {
    let modified = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    modified.map_or(0, |t| t.as_nanos())
}

/// The SHA-256 of a library outside the cache. It is stored in the cache as long as the file's length and modification
/// time stay the same.
pub(super) fn remembered_hash(cache: &Path, library: &Path) -> io::Result<String> {
    let key = hash::bytes(library.as_os_str().as_encoded_bytes());
    let memo = cache.join("hashes").join(&key[..32]);
    let head = format!("path = {library:?}\n{}", state_of(&fs::metadata(library)?));
    let known = fs::read_to_string(&memo).ok();
    if let Some(sha256) = known.as_deref().and_then(|text| text.strip_prefix(&head))
        && sha256.len() == 64
    {
        return Ok(sha256.to_owned());
    }
    let sha256 = hash::file(library)?;
    // An optimization only: without it the file is read again the next time.
    let _ = fs::create_dir_all(cache.join("hashes"))
        .and_then(|()| write_atomically(&memo, format!("{head}{sha256}").as_bytes()));
    Ok(sha256)
}

/// Checks whether the plugin is in the cache and complete.
pub(super) fn state(cache: &Path, entry: &LockEntry) -> CacheState {
    let library = path(cache, entry);
    let damaged = |reason: String| CacheState::Damaged { reason };
    let meta = match fs::metadata(&library) {
        Ok(meta) => meta,
        // An unreachable cache (no such directory, or a file in its place) has no plugin in it.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return damaged(e.to_string()),
        Err(_) => return CacheState::Missing,
    };
    if !meta.is_file() {
        return damaged("it is not a regular file".into());
    }
    if meta.len() != entry.library_size {
        return damaged(format!("it has {} bytes, not {}", meta.len(), entry.library_size));
    }
    let marker = marker(entry, &meta);
    let marker_path = marker_path(&library);
    if fs::read_to_string(&marker_path).is_ok_and(|found| found == marker) {
        return CacheState::Good;
    }
    match hash::file(&library) {
        Ok(sha256) if sha256 == entry.library_sha256 => {
            // An optimization for the next start only: if the marker cannot be written, the library is hashed again.
            let _ = write_atomically(&marker_path, marker.as_bytes());
            CacheState::Good
        }
        Ok(sha256) => damaged(format!("its sha256 is {sha256}, not {}", entry.library_sha256)),
        Err(e) => damaged(e.to_string()),
    }
}

/// Records that the library at this path has been verified.
pub(super) fn mark(library: &Path, entry: &LockEntry) -> io::Result<()> {
    let meta = fs::metadata(library)?;
    write_atomically(&marker_path(library), marker(entry, &meta).as_bytes())
}

/// A file that was unpacked from a wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedFile {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) size: u64,
}

/// The files that were unpacked from a wheel, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileList(pub(super) Vec<ListedFile>);

impl FileList {
    /// The hash of the whole list. It does not depend on modification times.
    pub(super) fn sha256(&self) -> String {
        let lines: String = self.0.iter().map(|f| format!("{} {} {}\n", f.sha256, f.size, f.name)).collect();
        hash::bytes(lines.as_bytes())
    }

    /// The list as it is stored, with the times at which the files in `home` were modified.
    fn with_times(&self, home: &Path) -> io::Result<String> {
        let line = |f: &ListedFile| {
            let changed = modified(&fs::metadata(home.join(&f.name))?);
            Ok(format!("{} {} {changed} {}\n", f.sha256, f.size, f.name))
        };
        self.0.iter().map(line).collect()
    }

    /// Reads a stored list: each file with the time at which it was modified.
    fn parse(text: &str) -> Option<(FileList, Vec<u128>)> {
        let file = |line: &str| {
            let mut fields = line.splitn(4, ' ');
            let (sha256, size, changed) = (fields.next()?, fields.next()?, fields.next()?);
            let (size, changed) = (size.parse().ok()?, changed.parse::<u128>().ok()?);
            Some((ListedFile { name: fields.next()?.to_owned(), sha256: sha256.to_owned(), size }, changed))
        };
        let (files, times) = text.lines().map(file).collect::<Option<Vec<_>>>()?.into_iter().unzip();
        Some((FileList(files), times))
    }
}

fn list_path(home: &Path, entry: &LibraryEntry) -> PathBuf {
    home.join(format!("{}-{}.files", entry.package, entry.version))
}

/// Checks whether all that was unpacked from the wheel is below the plugin's directory and complete.
pub(super) fn files_state(home: &Path, entry: &LibraryEntry) -> CacheState {
    let damaged = |reason: String| CacheState::Damaged { reason };
    let path = list_path(home, entry);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return damaged(e.to_string()),
        Err(_) => return CacheState::Missing,
    };
    let Some((list, times)) = FileList::parse(&text).filter(|(list, _)| list.sha256() == entry.files_sha256) else {
        return damaged(format!("{} is not the list that was stored", path.display()));
    };
    let mut again = false;
    for (file, changed) in list.0.iter().zip(times) {
        let path = home.join(&file.name);
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(e) => return damaged(format!("{}: {e}", file.name)),
        };
        if !meta.is_file() || meta.len() != file.size {
            return damaged(format!("{} has {} bytes, not {}", file.name, meta.len(), file.size));
        }
        if modified(&meta) == changed {
            continue;
        }
        again = true;
        match hash::file(&path) {
            Ok(sha256) if sha256 == file.sha256 => {}
            Ok(sha256) => return damaged(format!("the sha256 of {} is {sha256}, not {}", file.name, file.sha256)),
            Err(e) => return damaged(format!("{}: {e}", file.name)),
        }
    }
    if again {
        // An optimization for the next start only.
        let _ = mark_files(home, entry, &list);
    }
    CacheState::Good
}

/// Records that the files have been verified.
pub(super) fn mark_files(home: &Path, entry: &LibraryEntry, list: &FileList) -> io::Result<()> {
    write_atomically(&list_path(home, entry), list.with_times(home)?.as_bytes())
}

/// Removes the record, before any of the files is replaced.
pub(super) fn forget_files(home: &Path, entry: &LibraryEntry) -> io::Result<()> {
    match fs::remove_file(list_path(home, entry)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// A name beside `path` that no other process uses, and that [`sweep`] recognizes.
pub(super) fn temporary(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}.{n}.partial", std::process::id()))
}

/// Writes a file atomically: it appears complete or not at all.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| rename_synced(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Renames a file and syncs the new name, as far as the file system supports it.
pub(super) fn rename_synced(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    if let Some(dir) = to.parent() {
        // Not every system can sync a directory; the rename itself is atomic in any case.
        let _ = File::open(dir).and_then(|d| d.sync_all());
    }
    Ok(())
}

/// Removes what killed processes have left in `dir`. Only for the holder of the lock.
pub(super) fn sweep(dir: &Path) {
    for item in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = item.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".partial") {
            let path = item.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_remembered_until_the_file_changes() {
        let dir = std::env::temp_dir().join(format!("cotangent-hash-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (cache, library) = (dir.join("cache"), dir.join("lib.so"));
        fs::write(&library, "one").unwrap();
        let one = remembered_hash(&cache, &library).unwrap();
        assert_eq!(one, hash::file(&library).unwrap());
        let memo = fs::read_dir(cache.join("hashes")).unwrap().next().unwrap().unwrap().path();
        let changed = fs::read_to_string(&memo).unwrap().replace(&one, &"0".repeat(64));
        fs::write(&memo, changed).unwrap();
        assert_eq!(remembered_hash(&cache, &library).unwrap(), "0".repeat(64));
        fs::write(&library, "other").unwrap();
        assert_eq!(remembered_hash(&cache, &library).unwrap(), hash::file(&library).unwrap());
        // A cache that cannot be written to is no error.
        fs::write(dir.join("file"), "").unwrap();
        assert!(remembered_hash(&dir.join("file"), &library).is_ok());
        fs::remove_dir_all(&dir).unwrap();
    }
}
