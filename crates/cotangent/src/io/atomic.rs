//! Files that appear complete or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Files that are being written have names between these. A process that is killed leaves such a file behind.
const BEGIN: &str = ".cotangent-";
const END: &str = ".partial";

/// Writes a file by `write`. Until it is complete and on disk, it has another name, so that a reader, or a process that
/// goes on after this one was killed, finds the old file or the new one.
pub(super) fn write(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    let failed = |e: io::Error| failed("writing", path, &e);
    let folder = folder(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(BEGIN).suffix(END);
    // Temporary files are private by default. This one becomes a file like any other, subject to the umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let partial = builder.tempfile_in(folder).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 20, partial.as_file());
    write(&mut writer)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    partial.as_file().sync_all().map_err(failed)?;
    partial.persist(path).map_err(|e| failed(e.error))?;
    // Not every system can sync a directory; the rename itself is atomic in any case.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The files that killed processes have left in a folder.
#[cfg(feature = "safetensors")]
pub(super) fn left_over(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let partial = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(BEGIN) && name.ends_with(END)
    });
    partial.map(|entry| entry.path()).collect()
}

/// An error of the file system.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Value, format!("{what} {} failed: {error}", path.display()))
}
