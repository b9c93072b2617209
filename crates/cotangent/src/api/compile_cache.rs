//! The folder of compiled programs, as users see it.
//!
//! What one process has compiled, later ones load: the machine code of each program is kept below the user's cache
//! directory (`COTANGENT_CACHE_DIR`, else `~/.cache/cotangent`). When the folder is full, the programs that were unused
//! for longest go. `COTANGENT_COMPILE_CACHE_LIMIT` says how large it may become, as `500MB` or `2GiB`; the default is
//! 1 GB. `COTANGENT_COMPILE_CACHE=0` turns it off. It may be removed at any time: that costs compiling again.
//!
//! ```
//! use cotangent::compile_cache;
//! let usage = compile_cache::usage();
//! println!("{} programs, {} bytes of {}", usage.programs, usage.bytes, compile_cache::limit().unwrap());
//! ```

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::runtime::disk::{self, Disk};

/// The limit in bytes, where the environment names none.
///
/// ```
/// assert_eq!(cotangent::compile_cache::DEFAULT_LIMIT, 1_000_000_000);
/// ```
pub const DEFAULT_LIMIT: u64 = disk::LIMIT;

/// What is stored, or was removed.
///
/// ```
/// use cotangent::compile_cache::Usage;
/// assert_eq!(Usage::default().programs, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many programs.
    pub programs: usize,
    /// Their length in bytes.
    pub bytes: u64,
}

/// Where programs are kept, whether or not the folder is used; `None` where there is no place for a cache.
///
/// ```
/// assert!(cotangent::compile_cache::dir().is_none_or(|dir| dir.ends_with("programs")));
/// ```
#[must_use]
pub fn dir() -> Option<PathBuf> {
    disk::folder()
}

/// Whether this process loads and stores programs.
///
/// ```
/// if !cotangent::compile_cache::is_on() {
///     println!("COTANGENT_COMPILE_CACHE is 0");
/// }
/// ```
#[must_use]
pub fn is_on() -> bool {
    disk::is_on() && dir().is_some()
}

/// How many bytes the folder may take.
///
/// # Errors
/// When `COTANGENT_COMPILE_CACHE_LIMIT` is no size. [`DEFAULT_LIMIT`] holds then.
///
/// ```
/// assert!(cotangent::compile_cache::limit().unwrap() > 0);
/// ```
pub fn limit() -> Result<u64> {
    disk::limit().map_err(|text| {
        Error::value(format!("COTANGENT_COMPILE_CACHE_LIMIT is `{text}`, which is no size"))
            .help("write a number of bytes, or one with a unit: `500MB`, `2GiB`")
    })
}

/// What is stored there.
///
/// ```
/// assert!(cotangent::compile_cache::usage().bytes < 1 << 40);
/// ```
#[must_use]
pub fn usage() -> Usage {
    let (programs, bytes) = dir().map_or((0, 0), |dir| Disk::at(dir, disk::LIMIT).usage());
    Usage { programs, bytes }
}

/// Removes all programs, and says what that was. Programs that run, and those that this process has loaded, stay as
/// they are.
///
/// # Errors
/// When a file cannot be removed.
///
/// ```no_run
/// let gone = cotangent::compile_cache::clear().unwrap();
/// println!("{} bytes are free again", gone.bytes);
/// ```
pub fn clear() -> Result<Usage> {
    let Some(dir) = dir() else { return Ok(Usage::default()) };
    match Disk::at(dir, disk::LIMIT).clear() {
        Ok((programs, bytes)) => Ok(Usage { programs, bytes }),
        Err(error) => Err(Error::value(format!("a compiled program cannot be removed: {error}"))),
    }
}
