//! Unpacking verified wheels, which are zip files.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Read};
use std::path::Path;

use super::cache::{FileList, ListedFile};
use super::fetch::unwritable;
use super::progress::{Counting, Progress};
use super::{LibraryEntry, LockEntry};
use crate::error::{Error, Result};
use crate::hash;

/// Unpacks the plugin to the file `to`, verifies it and syncs it.
pub(super) fn unpack(entry: &LockEntry, wheel: &Path, to: &Path) -> Result<()> {
    let contents = |reason: String| Error::FetchContents { package: entry.label(), reason };
    let mut archive = open(wheel, &contents)?;
    let mut member = archive.by_name(entry.library).map_err(|e| contents(format!("{}: {e}", entry.library)))?;
    let mut progress = Progress::new("unpacking", entry.library_size);
    let (sha256, _) = copy(&mut member, to, &mut progress, &contents)?;
    if sha256 != entry.library_sha256 {
        return Err(contents(format!("the sha256 of {} is {sha256}, not {}", entry.library, entry.library_sha256)));
    }
    Ok(())
}

/// Unpacks the files that the entry lists below the directory `to`, verifies them and syncs them.
pub(super) fn unpack_files(entry: &LibraryEntry, wheel: &Path, to: &Path) -> Result<FileList> {
    let contents = |reason: String| Error::FetchContents { package: entry.label(), reason };
    let mut archive = open(wheel, &contents)?;
    let mut progress = Progress::new("unpacking", entry.files_size);
    let mut list = FileList::default();
    for place in 0..archive.len() {
        let mut member = archive.by_index(place).map_err(|e| contents(e.to_string()))?;
        let name = member.name().map_err(|e| contents(e.to_string()))?.into_owned();
        if !entry.unpacks(&name) {
            continue;
        }
        let path = to.join(member.enclosed_name().ok_or_else(|| contents(format!("{name:?} leads out of it")))?);
        fs::create_dir_all(path.parent().unwrap_or(to)).map_err(|e| unwritable(&path, e))?;
        let (sha256, size) = copy(&mut member, &path, &mut progress, &contents)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let runs = member.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
            let permissions = fs::Permissions::from_mode(if runs { 0o755 } else { 0o644 });
            fs::set_permissions(&path, permissions).map_err(|e| unwritable(&path, e))?;
        }
        list.0.push(ListedFile { name, sha256, size });
    }
    list.0.sort_by(|a, b| a.name.cmp(&b.name));
    let sha256 = list.sha256();
    if sha256 != entry.files_sha256 {
        return Err(contents(format!("the sha256 of the list of its files is {sha256}, not {}", entry.files_sha256)));
    }
    Ok(list)
}

fn open(wheel: &Path, contents: &dyn Fn(String) -> Error) -> Result<zip::ZipArchive<File>> {
    let file = File::open(wheel).map_err(|e| unwritable(wheel, e))?;
    zip::ZipArchive::new(file).map_err(|e| contents(e.to_string()))
}

/// Copies a file out of a wheel, and returns its hash and its size.
fn copy(
    member: &mut dyn Read,
    to: &Path,
    progress: &mut Progress,
    contents: &dyn Fn(String) -> Error,
) -> Result<(String, u64)> {
    let out = BufWriter::new(File::create(to).map_err(|e| unwritable(to, e))?);
    let mut out = Counting::new(out, progress);
    let copied = hash::copy(member, &mut out).map_err(|e| match e.kind() {
        // Errors of the archive itself; all others come from writing.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::InvalidInput => contents(e.to_string()),
        _ => unwritable(to, e),
    })?;
    let out = out.into_inner().into_inner().map_err(|e| unwritable(to, e.into_error()))?;
    out.sync_all().map_err(|e| unwritable(to, e))?;
    Ok(copied)
}
