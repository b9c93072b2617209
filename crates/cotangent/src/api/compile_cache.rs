//! The disk cache of compiled programs.
//!
//! The machine code of each compiled program is stored on disk, and later processes load it. The directory is below the
//! user's cache directory (`COTANGENT_CACHE_DIR`, or `~/.cache/cotangent` by default). When it is full, the least
//! recently used programs are removed. `COTANGENT_COMPILE_CACHE_LIMIT` sets its maximum size, as in `500MB` or `2GiB`;
//! the default is 1 GB. `COTANGENT_COMPILE_CACHE=0` turns the cache off. The directory may be deleted at any time. Its
//! programs are then compiled again.
//!
//! ```
//! use cotangent::compile_cache;
//! let usage = compile_cache::usage();
//! println!("{} programs, {} bytes of {}", usage.programs, usage.bytes, compile_cache::limit().unwrap());
//! ```

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::runtime::disk::{self, Disk};

/// The maximum size in bytes, unless the environment sets another one.
///
/// ```
/// assert_eq!(cotangent::compile_cache::DEFAULT_LIMIT, 1_000_000_000);
/// ```
pub const DEFAULT_LIMIT: u64 = disk::LIMIT;

/// The number and the size of programs that are stored or were removed.
///
/// ```
/// use cotangent::compile_cache::Usage;
/// assert_eq!(Usage::default().programs, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of programs.
    pub programs: usize,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Returns the directory of the programs, whether or not the cache is on, or `None` if there is no place for it.
///
/// ```
/// assert!(cotangent::compile_cache::dir().is_none_or(|dir| dir.ends_with("programs")));
/// ```
#[must_use]
pub fn dir() -> Option<PathBuf> {
    disk::folder()
}

/// Returns whether this process loads and stores programs.
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

/// Returns the maximum size of the cache in bytes.
///
/// # Errors
/// If `COTANGENT_COMPILE_CACHE_LIMIT` is not a size. The cache then uses [`DEFAULT_LIMIT`].
///
/// ```
/// assert!(cotangent::compile_cache::limit().unwrap() > 0);
/// ```
pub fn limit() -> Result<u64> {
    disk::limit().map_err(|text| {
        Error::value(format!("COTANGENT_COMPILE_CACHE_LIMIT is `{text}`, which is not a size"))
            .help("write a number of bytes, or one with a unit: `500MB`, `2GiB`")
    })
}

/// Returns the number and the size of the stored programs.
///
/// ```
/// assert!(cotangent::compile_cache::usage().bytes < 1 << 40);
/// ```
#[must_use]
pub fn usage() -> Usage {
    let (programs, bytes) = dir().map_or((0, 0), |dir| Disk::at(dir, disk::LIMIT).usage());
    Usage { programs, bytes }
}

/// Removes all programs, and returns how many there were. Programs that are running or that this process has loaded are
/// not affected.
///
/// # Errors
/// If a file cannot be removed.
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

/// Removes the compiled programs of this process from its memory, like JAX's `clear_caches`. A program that is called
/// again is loaded from disk or compiled.
///
/// Programs that a jitted function or a `Compiled` holds stay in memory until it is dropped. Programs on disk are not
/// affected.
///
/// ```
/// use cotangent::{compile_cache, prelude::*};
/// let mut x = np::ones(3);
/// for _ in 0..3 {
///     x = x.sin();
///     compile_cache::clear_memory();
/// }
/// assert!(x.at(0).get().item::<f32>() < 0.75);
/// ```
pub fn clear_memory() {
    crate::runtime::clear_programs();
}

/// Removes pages of XLA's code from the memory of this process, and returns their number of bytes. On another system than
/// Linux it does nothing.
///
/// Loading XLA and compiling touch pages that running a program does not need. A server that has loaded its programs, and has
/// called each once, is smaller afterwards. The pages stay in the system's cache of files: what is needed again comes back in
/// microseconds.
///
/// ```
/// use cotangent::{compile_cache, prelude::*};
/// let f = jit(|x: &Array| x.sin());
/// let before = f(&np::ones(3)).to_vec::<f32>();
/// println!("{} bytes of code are no longer in memory", compile_cache::release_code());
/// assert_eq!(f(&np::ones(3)).to_vec::<f32>(), before);
/// ```
pub fn release_code() -> usize {
    xla::release_code()
}
