//! Where the plugin comes from.
//!
//! These are tried in order: a path given in code; the variable `PJRT_CPU_PLUGIN` (or `PJRT_CUDA_PLUGIN`); the user's
//! cache directory; and last, `pip download` of the exact wheel that `third_party/plugins.lock` names, verified and
//! unpacked into the cache. `COTANGENT_OFFLINE=1` disables the last step. Progress is reported on standard error;
//! `COTANGENT_QUIET=1` silences it.

mod cache;
mod fetch;
mod lock;
mod progress;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::hash;

pub use cache::CacheState;
#[cfg(test)]
pub(crate) use fetch::fetch_file;
pub use lock::{LockEntry, lock_entries, parse as parse_lock, target};

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

/// How a plugin was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// By a path given in code.
    Explicit,
    /// By an environment variable.
    Environment,
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

/// Finds the plugin for a platform, and fetches it if necessary.
pub fn locate(platform: Platform) -> Result<Location> {
    Finder::from_env(platform).locate()
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
        None => lock_entries().iter().any(|e| e.library_sha256 == sha256),
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

/// The lookup, with everything it depends on. [`locate`] fills it from the environment; a program that needs another
/// order or directory changes it.
#[derive(Clone, Debug)]
pub struct Finder {
    /// The platform the plugin computes on.
    pub platform: Platform,
    /// A path given in code; if set, nothing else is tried.
    pub explicit: Option<PathBuf>,
    /// The value of the platform's environment variable.
    pub environment: Option<PathBuf>,
    /// The cache directory, or the reason why there is none.
    pub cache_dir: Result<PathBuf>,
    /// Whether fetching is forbidden.
    pub offline: bool,
    /// Where to look for `python3` and `pip`; `None` is this process's `PATH`.
    pub search_path: Option<OsString>,
    /// The plugins that may be fetched, in order of preference.
    pub entries: &'static [LockEntry],
}

impl Finder {
    /// The lookup for this process's environment.
    pub fn from_env(platform: Platform) -> Finder {
        Self::from_vars(platform, &|name| std::env::var_os(name))
    }

    fn from_vars(platform: Platform, env: &dyn Fn(&str) -> Option<OsString>) -> Finder {
        let set = |name| env(name).filter(|v| !v.is_empty());
        Finder {
            platform,
            explicit: None,
            environment: set(platform.variable()).map(PathBuf::from),
            cache_dir: cache_dir_from(env),
            offline: set("COTANGENT_OFFLINE").is_some_and(|v| v != "0"),
            search_path: None,
            entries: lock_entries(),
        }
    }

    /// Finds the plugin, and fetches it if necessary.
    pub fn locate(&self) -> Result<Location> {
        if let Some(path) = &self.explicit {
            exists(path, "the path given")?;
            return Ok(Location::explicit(path));
        }
        if let Some(path) = &self.environment {
            exists(path, self.platform.variable())?;
            return Ok(Location { path: path.clone(), source: Source::Environment, entry: None });
        }
        let wanted: Vec<_> = self.wanted().collect();
        let Some(first) = wanted.first() else {
            return Err(Error::PluginUnsupported {
                platform: self.platform.name(),
                target: target(),
                variable: self.platform.variable(),
            });
        };
        let cache = self.cache_dir.clone()?;
        if let Some(location) = self.find_cached() {
            return Ok(location);
        }
        if self.offline {
            // Reporting a damaged copy is more useful than reporting that there is none.
            for entry in &wanted {
                if let CacheState::Damaged { reason } = cache::state(&cache, entry) {
                    return Err(Error::CacheDamaged { path: cache::path(&cache, entry), reason });
                }
            }
            return Err(Error::Offline { package: first.label(), cache, variable: self.platform.variable() });
        }
        fetch::fetch(self, &cache, &wanted)
    }

    /// Finds the plugin in the cache only. The first entry of the lock wins.
    pub fn find_cached(&self) -> Option<Location> {
        let cache = self.cache_dir.as_ref().ok()?;
        self.wanted().find(|entry| cache::state(cache, entry) == CacheState::Good).map(|entry| Location {
            path: cache::path(cache, entry),
            source: Source::Cache,
            entry: Some(entry),
        })
    }

    /// The lock entries that fit, each with its path and its state in the cache.
    pub fn inspect_cache(&self) -> Vec<(&'static LockEntry, PathBuf, CacheState)> {
        let Ok(cache) = &self.cache_dir else {
            return Vec::new();
        };
        self.wanted().map(|e| (e, cache::path(cache, e), cache::state(cache, e))).collect()
    }

    /// The lock entries for this platform and machine.
    fn wanted(&self) -> impl Iterator<Item = &'static LockEntry> + use<> {
        let platform = self.platform;
        self.entries.iter().filter(move |e| e.platform == platform && e.fits_this_machine())
    }
}

fn exists(path: &Path, from: &str) -> Result<()> {
    if path.exists() { Ok(()) } else { Err(Error::PluginMissing { from: from.to_owned(), path: path.to_owned() }) }
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

    #[test]
    fn the_environment_is_read() {
        let finder = |pairs| Finder::from_vars(Platform::Cpu, &vars(pairs));
        assert!(finder(&[("COTANGENT_OFFLINE", "1")]).offline);
        assert!(!finder(&[("COTANGENT_OFFLINE", "0")]).offline);
        assert!(!finder(&[]).offline);
        assert_eq!(finder(&[("PJRT_CPU_PLUGIN", "/p.so")]).environment, Some("/p.so".into()));
        assert_eq!(finder(&[("PJRT_CUDA_PLUGIN", "/p.so")]).environment, None);
    }
}
