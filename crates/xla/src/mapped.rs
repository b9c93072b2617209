//! Files whose bytes are memory.

use std::fs::File;
use std::io;
use std::path::Path;

/// A file that is mapped into memory: its bytes are read from disk when they are first used.
///
/// With [`Client::buffer_from_owner_on`](crate::Client::buffer_from_owner_on), a part of a file that begins at a multiple
/// of 64 bytes becomes an array on the CPU without being copied.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps a file.
    ///
    /// The file must not be written to or truncated while the map or an array made from it exists: replace it by renaming
    /// another file over it.
    ///
    /// # Errors
    /// If the file cannot be opened or mapped.
    pub fn open(path: impl AsRef<Path>) -> io::Result<MappedFile> {
        let file = File::open(path)?;
        // SAFETY: the map is read-only and private. Bytes that another process changes in the meantime are read as whatever
        // they are, which every reader of this type accepts: it holds plain bytes, from which nothing is derived but array
        // elements. A file that is truncated while it is mapped ends the process by a signal, as documented.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(MappedFile(map))
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
