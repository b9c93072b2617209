//! Fetching a plugin with all that it needs, on request.

use std::path::PathBuf;

use super::fetch::{exclusive, fetch, fetch_entry, fetch_library};
use super::{CacheState, Finder, LibraryEntry, Location, LockEntry, Source, Toolkit, cache};
use crate::error::{Error, Result};

/// What there is to fetch for a platform: the plugin, and for GPUs the libraries that it loads.
///
/// ```no_run
/// use cotangent_xla::plugin::{Finder, Platform, Setup, Toolkit};
///
/// let setup = Setup::new(Finder::from_env(Platform::Cuda), Some(Toolkit::Cuda13))?;
/// println!("{} bytes to download", setup.missing().map(|part| part.download).sum::<u64>());
/// setup.run()?;
/// # Ok::<(), cotangent_xla::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Setup {
    finder: Finder,
    cache: PathBuf,
    plugin: &'static LockEntry,
    libraries: Vec<&'static LibraryEntry>,
    parts: Vec<Part>,
}

/// One wheel of a [`Setup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The size of the wheel, which is downloaded.
    pub download: u64,
    /// The size of what is unpacked and kept.
    pub disk: u64,
    /// Whether it is there already.
    pub present: bool,
}

impl Setup {
    /// Everything for the platform of `finder`. For GPUs, `toolkit` selects the release of CUDA; `None` is the first
    /// one in the lock.
    ///
    /// # Errors
    /// If nothing is listed for this machine, or there is no cache directory.
    pub fn new(finder: Finder, toolkit: Option<Toolkit>) -> Result<Setup> {
        let fits = |entry: &&LockEntry| toolkit.is_none() || entry.toolkit() == toolkit;
        let plugin = finder.wanted().find(fits).ok_or_else(|| finder.unsupported())?;
        let needed = |e: &&LibraryEntry| Some(e.toolkit) == plugin.toolkit() && e.target == plugin.target;
        let libraries = finder.lock.libraries.iter().filter(needed).collect();
        let cache = finder.cache_dir.clone()?;
        let mut setup = Setup { finder, cache, plugin, libraries, parts: Vec::new() };
        setup.parts = setup.list();
        Ok(setup)
    }

    /// Without the libraries that are needed only to run programs: what is left compiles programs for a GPU on a
    /// machine that has none.
    pub fn only_to_compile(mut self) -> Setup {
        self.libraries.retain(|entry| entry.compiles);
        self.parts = self.list();
        self
    }

    fn list(&self) -> Vec<Part> {
        let plugin = Part {
            package: self.plugin.package,
            version: self.plugin.version,
            download: self.plugin.wheel_size,
            disk: self.plugin.library_size,
            present: cache::state(&self.cache, self.plugin) == CacheState::Good,
        };
        let home = self.directory();
        let library = |entry: &&LibraryEntry| Part {
            package: entry.package,
            version: entry.version,
            download: entry.wheel_size,
            disk: entry.files_size,
            present: cache::files_state(&home, entry) == CacheState::Good,
        };
        std::iter::once(plugin).chain(self.libraries.iter().map(library)).collect()
    }

    /// All wheels.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The wheels that were not there when this was made.
    pub fn missing(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.present)
    }

    /// The directory that everything is unpacked to.
    pub fn directory(&self) -> PathBuf {
        let library = cache::path(&self.cache, self.plugin);
        library.parent().map_or_else(|| self.cache.clone(), PathBuf::from)
    }

    /// Fetches and verifies what is missing, one wheel after another. A wheel that is complete stays if a later one
    /// fails, and nothing else is left behind, so a second run fetches the rest.
    ///
    /// # Errors
    /// If fetching is forbidden or fails, or the cache cannot be written to.
    pub fn run(&self) -> Result<Location> {
        let location =
            Location { path: cache::path(&self.cache, self.plugin), source: Source::Cache, entry: Some(self.plugin) };
        if self.list().iter().all(|part| part.present) {
            return Ok(location);
        }
        if self.finder.offline {
            let (package, variable) = (self.plugin.label(), self.finder.platform.variable());
            return Err(Error::Offline { package, cache: self.cache.clone(), variable });
        }
        if self.plugin.toolkit().is_none() {
            // A fallback takes the place of a plugin that the package index does not have.
            return fetch(&self.finder, &self.cache, &self.finder.wanted().collect::<Vec<_>>());
        }
        let _exclusive = exclusive(&self.cache)?;
        if cache::state(&self.cache, self.plugin) != CacheState::Good {
            fetch_entry(&self.finder, &self.cache, self.plugin)?;
        }
        let home = self.directory();
        let absent = |entry: &&&LibraryEntry| cache::files_state(&home, entry) != CacheState::Good;
        let missing: Vec<_> = self.libraries.iter().filter(absent).collect();
        for (i, entry) in missing.iter().enumerate() {
            let which = format!("{} of {}, ", i + 1, missing.len());
            fetch_library(&self.finder, &self.cache, &home, entry, &which)?;
        }
        Ok(Location { source: Source::Fetched, ..location })
    }
}
