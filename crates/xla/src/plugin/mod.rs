//! Where the plugin comes from.
//!
//! These are tried in order:
//!
//! 1. a path given in code;
//! 2. the variable `PJRT_CPU_PLUGIN` or `PJRT_CUDA_PLUGIN`;
//! 3. the directories given in code, and the directory of the executable;
//! 4. for GPUs, a JAX with CUDA in the active Python environment, together with NVIDIA's libraries there;
//! 5. the user's cache directory;
//! 6. for the CPU, `pip download` of the exact wheel that `third_party/plugins.lock` names, verified and unpacked into
//!    the cache.
//!
//! A plugin for GPUs and its libraries are gigabytes, so they are downloaded only by [`Setup`], for a user who was
//! asked. `COTANGENT_OFFLINE=1` forbids all downloads. Progress is reported on standard error; `COTANGENT_QUIET=1`
//! silences it.

mod cache;
mod fetch;
mod finder;
mod lock;
mod progress;
mod python;
mod setup;
mod unpack;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::cuda::CudaOptions;
use crate::error::{Error, Result};
use crate::hash;

pub use cache::CacheState;
#[cfg(test)]
pub(crate) use fetch::fetch_file;
pub(crate) use finder::installed_beside;
pub use finder::{Finder, Step};
pub use lock::{LibraryEntry, Lock, LockEntry, lock, parse as parse_lock, target};
pub use python::Python;
pub use setup::{Part, Setup};

/// The platform that a plugin computes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// The CPU.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
}

impl Platform {
    /// `cpu` or `cuda`.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Cpu => "cpu",
            Platform::Cuda => "cuda",
        }
    }

    /// The environment variable that names a plugin for this platform.
    pub fn variable(self) -> &'static str {
        match self {
            Platform::Cpu => "PJRT_CPU_PLUGIN",
            Platform::Cuda => "PJRT_CUDA_PLUGIN",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A major release of CUDA. The plugins for GPUs are built for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Toolkit {
    /// CUDA 12.
    Cuda12,
    /// CUDA 13.
    Cuda13,
}

impl Toolkit {
    /// All of them, the newest first.
    pub const ALL: [Toolkit; 2] = [Toolkit::Cuda13, Toolkit::Cuda12];

    /// `cuda12` or `cuda13`.
    pub fn name(self) -> &'static str {
        match self {
            Toolkit::Cuda12 => "cuda12",
            Toolkit::Cuda13 => "cuda13",
        }
    }

    /// The toolkit of that name.
    pub fn named(name: &str) -> Option<Toolkit> {
        Self::ALL.into_iter().find(|toolkit| toolkit.name() == name)
    }

    /// The version of CUDA that a driver must support: 12 or 13.
    pub fn major(self) -> u32 {
        match self {
            Toolkit::Cuda12 => 12,
            Toolkit::Cuda13 => 13,
        }
    }

    /// The oldest series of NVIDIA's drivers for Linux that supports it.
    pub fn oldest_driver(self) -> u32 {
        match self {
            Toolkit::Cuda12 => 525,
            Toolkit::Cuda13 => 580,
        }
    }

    /// The toolkit of the plugin at a path, as far as the path tells.
    pub(crate) fn of_plugin(path: &str) -> Option<Toolkit> {
        Self::ALL.into_iter().filter_map(|t| Some((path.rfind(t.name())?, t))).max().map(|(_, t)| t)
    }
}

impl fmt::Display for Toolkit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CUDA {}", self.major())
    }
}

/// How a plugin was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// By a path given in code.
    Explicit,
    /// By an environment variable.
    Environment,
    /// In a directory given in code, or that of the executable.
    Directory,
    /// In the active Python environment.
    Python,
    /// In the user's cache.
    Cache,
    /// It has just been fetched.
    Fetched,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Explicit => "path given in code",
            Source::Environment => "environment",
            Source::Directory => "directory",
            Source::Python => "Python environment",
            Source::Cache => "cache",
            Source::Fetched => "fetched",
        })
    }
}

/// A plugin that was found.
#[derive(Clone, Debug)]
pub struct Location {
    /// The shared library.
    pub path: PathBuf,
    /// How it was found.
    pub source: Source,
    /// The lock entry it belongs to, if any.
    pub entry: Option<&'static LockEntry>,
}

impl Location {
    /// A plugin at a path that the program names itself.
    pub fn explicit(path: impl Into<PathBuf>) -> Location {
        Location { path: path.into(), source: Source::Explicit, entry: None }
    }

    /// Package and version of the plugin, if the lock or the Python environment tells: `jax-cuda13-pjrt 0.11.2`.
    pub fn label(&self) -> Option<String> {
        match self.entry {
            Some(entry) => Some(entry.label()),
            None => finder::installed_package(&self.path),
        }
    }

    /// The release of CUDA that the plugin is built for, if the lock or its path tells.
    pub fn toolkit(&self) -> Option<Toolkit> {
        let of_path = |path: &Path| Toolkit::of_plugin(&path.to_string_lossy());
        let real = || of_path(&self.path.canonicalize().ok()?);
        self.entry.map_or_else(|| of_path(&self.path).or_else(real), LockEntry::toolkit)
    }

    /// Its SHA-256, if the lookup has verified it.
    pub(crate) fn sha256(&self) -> Option<&'static str> {
        self.entry.map(|e| e.library_sha256)
    }
}

/// The result of [`verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// SHA-256 of the library as it is on disk.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the lock lists exactly this library.
    pub locked: bool,
}

/// Finds the plugin for a platform. The one for the CPU is fetched if necessary.
pub fn locate(platform: Platform) -> Result<Location> {
    match platform {
        Platform::Cpu => Finder::from_env(platform).locate(),
        Platform::Cuda => CudaOptions::current().finder().locate(),
    }
}

/// Finds the plugin for a platform in the cache only.
pub fn find_cached(platform: Platform) -> Option<Location> {
    Finder::from_env(platform).find_cached()
}

/// Reads the whole library and compares it with the lock. A library from the cache that differs from the lock is an
/// error; for one that the user named, the result is only reported.
pub fn verify(location: &Location) -> Result<Verified> {
    let path = &location.path;
    let unreadable = |e: std::io::Error| Error::PluginInvalid { path: path.clone(), reason: e.to_string() };
    let size = path.metadata().map_err(unreadable)?.len();
    let sha256 = hash::file(path).map_err(unreadable)?;
    let locked = match location.entry {
        Some(entry) if entry.library_sha256 != sha256 => {
            return Err(Error::CacheDamaged {
                path: path.clone(),
                reason: format!("its sha256 is {sha256}, not {}", entry.library_sha256),
            });
        }
        Some(_) => true,
        None => lock().plugins.iter().any(|e| e.library_sha256 == sha256),
    };
    Ok(Verified { sha256, size, locked })
}

/// The SHA-256 of any plugin. For a plugin outside the cache it is stored in the cache directory.
pub(crate) fn sha256(path: &Path) -> std::io::Result<String> {
    match cache_dir() {
        Ok(cache) => cache::remembered_hash(&cache, path),
        Err(_) => hash::file(path),
    }
}

/// The directory where plugins are kept: `COTANGENT_CACHE_DIR`, else `XDG_CACHE_HOME/cotangent`, else
/// `~/.cache/cotangent`.
pub fn cache_dir() -> Result<PathBuf> {
    cache_dir_from(&|name| std::env::var_os(name))
}

fn cache_dir_from(env: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let set = |name| env(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    // The XDG specification says to ignore relative paths.
    set("COTANGENT_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").filter(|p| p.is_absolute()).map(|p| p.join("cotangent")))
        .or_else(|| set("HOME").map(|p| p.join(".cache").join("cotangent")))
        .ok_or(Error::NoCacheDirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into())
    }

    #[test]
    fn the_cache_directory_is_looked_up_in_order() {
        let dir = |pairs| cache_dir_from(&vars(pairs));
        let all = &[("COTANGENT_CACHE_DIR", "/c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(dir(all), Ok("/c".into()));
        assert_eq!(dir(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Ok("/x/cotangent".into()));
        assert_eq!(dir(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]), Ok("/h/.cache/cotangent".into()));
        assert_eq!(dir(&[("COTANGENT_CACHE_DIR", ""), ("HOME", "/h")]), Ok("/h/.cache/cotangent".into()));
        assert_eq!(dir(&[]), Err(Error::NoCacheDirectory));
    }
}
