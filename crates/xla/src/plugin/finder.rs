//! The lookup of a plugin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::python::Python;
use super::{
    CacheState, Location, Lock, LockEntry, Platform, Source, Toolkit, cache, cache_dir_from, fetch, lock, target,
};
use crate::cuda::{CudaError, driver};
use crate::error::{Error, Result};

/// The lookup, with everything it depends on. [`locate`](super::locate) fills it from the environment; a program that
/// needs another order or directory changes it.
#[derive(Clone, Debug)]
pub struct Finder {
    /// The platform the plugin computes on.
    pub platform: Platform,
    /// A path given in code; if set, nothing else is tried.
    pub explicit: Option<PathBuf>,
    /// The value of the platform's environment variable.
    pub environment: Option<PathBuf>,
    /// Directories that may hold a plugin, in order of preference. The directory of the executable is the last one.
    pub directories: Vec<PathBuf>,
    /// The active Python environment, which may hold a JAX with CUDA.
    pub python: Python,
    /// The cache directory, or the reason why there is none.
    pub cache_dir: Result<PathBuf>,
    /// Whether fetching is forbidden.
    pub offline: bool,
    /// Where to look for `python3` and `pip`; `None` is this process's `PATH`.
    pub search_path: Option<OsString>,
    /// What may be fetched.
    pub lock: &'static Lock,
}

/// One place of the lookup.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which place: `Python environment`, `cache`.
    pub place: &'static str,
    /// What was looked at, and why it is not there.
    pub looked: String,
    /// The plugins there, in order of preference.
    pub found: Vec<Location>,
}

impl Finder {
    /// The lookup for this process's environment.
    pub fn from_env(platform: Platform) -> Finder {
        let directory = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
        let directories = directory.into_iter().collect();
        Finder { directories, ..Self::from_vars(platform, &|name| std::env::var_os(name)) }
    }

    fn from_vars(platform: Platform, env: &dyn Fn(&str) -> Option<OsString>) -> Finder {
        let set = |name| env(name).filter(|v| !v.is_empty());
        Finder {
            platform,
            explicit: None,
            environment: set(platform.variable()).map(PathBuf::from),
            directories: Vec::new(),
            python: Python::from_vars(env),
            cache_dir: cache_dir_from(env),
            offline: set("COTANGENT_OFFLINE").is_some_and(|v| v != "0"),
            search_path: None,
            lock: lock(),
        }
    }

    /// Finds the plugin, and fetches it if necessary. A plugin for GPUs is never fetched; the error says how to get it.
    pub fn locate(&self) -> Result<Location> {
        if let Some(path) = &self.explicit {
            exists(path, "the path given")?;
            return Ok(Location::explicit(path));
        }
        if let Some(path) = &self.environment {
            exists(path, self.platform.variable())?;
            return Ok(Location { path: path.clone(), source: Source::Environment, entry: None });
        }
        match self.platform {
            Platform::Cpu => self.locate_or_fetch(),
            Platform::Cuda => {
                let steps = self.steps();
                let found: Vec<&Location> = steps.iter().flat_map(|step| &step.found).collect();
                // The driver is asked only if there is a choice.
                let driver = if found.len() > 1 { driver::supported() } else { None };
                match choose(&found, driver.map(|version| version.major)) {
                    Some(location) => Ok(location.clone()),
                    None => Err(self.nothing_found(&steps)),
                }
            }
        }
    }

    fn locate_or_fetch(&self) -> Result<Location> {
        if let Some(location) = self.in_directories().into_iter().next() {
            return Ok(location);
        }
        let wanted: Vec<_> = self.wanted().collect();
        let Some(first) = wanted.first() else {
            return Err(self.unsupported());
        };
        let cache = self.cache_dir.clone()?;
        if let Some(location) = self.find_cached() {
            return Ok(location);
        }
        if self.offline {
            self.report_damage(&cache)?;
            return Err(Error::Offline { package: first.label(), cache, variable: self.platform.variable() });
        }
        fetch::fetch(self, &cache, &wanted)
    }

    /// Where a plugin is looked for if none is named, in order, and what is there. Fetches nothing.
    pub fn steps(&self) -> Vec<Step> {
        let listed = |paths: &[PathBuf]| {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            paths.join(", ")
        };
        let mut steps = vec![Step {
            place: "directories",
            looked: format!("{} in {}", self.file_names().join(" or "), listed(&self.directories)),
            found: self.in_directories(),
        }];
        if self.platform == Platform::Cuda {
            let sites = self.python.sites(self.search_path.as_deref(), &|site| !in_site(site).is_empty());
            steps.push(Step {
                place: "Python environment",
                looked: match sites.is_empty() {
                    true => "there is no Python".to_owned(),
                    false => format!("jax_plugins/xla_cuda13 and jax_plugins/xla_cuda12 in {}", listed(&sites)),
                },
                found: sites.iter().flat_map(|site| in_site(site)).collect(),
            });
        }
        steps.push(Step {
            place: "cache",
            looked: match &self.cache_dir {
                Ok(cache) => cache::root(cache).display().to_string(),
                Err(e) => e.to_string(),
            },
            found: self.cached(),
        });
        steps
    }

    /// The directories of NVIDIA's wheels in the Python environment and in the cache, for a plugin that comes without.
    pub(crate) fn nvidia_roots(&self) -> Vec<PathBuf> {
        let sites = self.python.sites(self.search_path.as_deref(), &|site| site.join("nvidia").is_dir());
        let cached = self.cached().into_iter().filter_map(|location| location.path.parent().map(Path::to_owned));
        sites.into_iter().chain(cached).map(|dir| dir.join("nvidia")).filter(|dir| dir.is_dir()).collect()
    }

    /// Finds the plugin in the cache only. The first entry of the lock wins.
    pub fn find_cached(&self) -> Option<Location> {
        self.cached().into_iter().next()
    }

    /// The plugins in the cache, in the order of the lock.
    fn cached(&self) -> Vec<Location> {
        let Ok(cache) = &self.cache_dir else {
            return Vec::new();
        };
        let good = self.wanted().filter(|entry| cache::state(cache, entry) == CacheState::Good);
        good.map(|entry| Location { path: cache::path(cache, entry), source: Source::Cache, entry: Some(entry) })
            .collect()
    }

    /// The plugins in the directories.
    fn in_directories(&self) -> Vec<Location> {
        let at = |path: PathBuf| Location { path, source: Source::Directory, entry: None };
        let mut found = Vec::new();
        for dir in &self.directories {
            found.extend(self.file_names().into_iter().map(|name| dir.join(name)).filter(|p| p.is_file()).map(at));
            if self.platform == Platform::Cuda {
                found.extend(in_site(dir).into_iter().map(|location| at(location.path)));
            }
        }
        found
    }

    /// The names of the libraries that are plugins for this platform.
    fn file_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.wanted().map(LockEntry::file_name).collect();
        names.dedup();
        if names.is_empty() && self.platform == Platform::Cuda {
            names.push(CUDA_PLUGIN);
        }
        names
    }

    /// The lock entries that fit, each with its path and its state in the cache.
    pub fn inspect_cache(&self) -> Vec<(&'static LockEntry, PathBuf, CacheState)> {
        let Ok(cache) = &self.cache_dir else {
            return Vec::new();
        };
        self.wanted().map(|e| (e, cache::path(cache, e), cache::state(cache, e))).collect()
    }

    /// The lock entries for this platform and machine.
    pub fn wanted(&self) -> impl Iterator<Item = &'static LockEntry> + use<> {
        let platform = self.platform;
        self.lock.plugins.iter().filter(move |e| e.platform == platform && e.fits_this_machine())
    }

    /// The error that no plugin is listed for this machine.
    pub(super) fn unsupported(&self) -> Error {
        Error::PluginUnsupported {
            platform: self.platform.name(),
            target: target(),
            variable: self.platform.variable(),
        }
    }

    /// The error for a plugin in the cache that is damaged, if one is: it is more useful than that there is none.
    fn report_damage(&self, cache: &Path) -> Result<()> {
        for entry in self.wanted() {
            if let CacheState::Damaged { reason } = cache::state(cache, entry) {
                return Err(Error::CacheDamaged { path: cache::path(cache, entry), reason });
            }
        }
        Ok(())
    }

    /// The error that there is no plugin for GPUs.
    fn nothing_found(&self, steps: &[Step]) -> Error {
        if let Ok(cache) = &self.cache_dir
            && let Err(damaged) = self.report_damage(cache)
        {
            return damaged;
        }
        let driver = driver::supported();
        let toolkit = self
            .wanted()
            .filter_map(LockEntry::toolkit)
            .find(|toolkit| driver.is_none_or(|version| toolkit.major() <= version.major));
        let mut looked = vec![format!("{}: not set", self.platform.variable())];
        looked.extend(steps.iter().map(|step| format!("{}: {}", step.place, step.looked)));
        CudaError::PluginMissing { looked, toolkit, target: target() }.into()
    }
}

/// The directories of NVIDIA's wheels that were installed together with a plugin for GPUs: beside it, as in the cache,
/// or in the same `site-packages`.
pub(crate) fn installed_beside(plugin: &Path) -> Vec<PathBuf> {
    let real = plugin.canonicalize().unwrap_or_else(|_| plugin.to_owned());
    let beside = real.parent().map(|dir| dir.join("nvidia"));
    let site = real.ancestors().nth(3).map(|site| site.join("nvidia"));
    beside.into_iter().chain(site).filter(|dir| dir.is_dir()).collect()
}

/// Package and version of a JAX plugin in a `site-packages` directory.
pub(super) fn installed_package(plugin: &Path) -> Option<String> {
    let site = plugin.ancestors().nth(3)?;
    let toolkit = Toolkit::of_plugin(plugin.parent()?.file_name()?.to_str()?)?;
    let names = std::fs::read_dir(site).ok()?.flatten().filter_map(|item| item.file_name().into_string().ok());
    let package = format!("jax_{}_pjrt-", toolkit.name());
    let version = |name: String| Some(name.strip_prefix(&package)?.strip_suffix(".dist-info")?.to_owned());
    let version = names.filter_map(version).next()?;
    Some(format!("jax-{}-pjrt {version}", toolkit.name()))
}

/// The file name of every plugin for GPUs.
const CUDA_PLUGIN: &str = "xla_cuda_plugin.so";

/// The plugins of a JAX with CUDA in a `site-packages` directory, the newest CUDA first.
fn in_site(site: &Path) -> Vec<Location> {
    let path = |toolkit: Toolkit| site.join("jax_plugins").join(format!("xla_{}", toolkit.name())).join(CUDA_PLUGIN);
    let found = Toolkit::ALL.into_iter().map(path).filter(|path| path.is_file());
    found.map(|path| Location { path, source: Source::Python, entry: None }).collect()
}

/// The first plugin that the driver supports; if there is none, the first one.
fn choose<'a>(found: &[&'a Location], driver: Option<u32>) -> Option<&'a Location> {
    let runs = |location: &&&Location| match (location.toolkit(), driver) {
        (Some(toolkit), Some(driver)) => toolkit.major() <= driver,
        _ => true,
    };
    found.iter().find(runs).or(found.first()).copied()
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
    fn the_environment_is_read() {
        let finder = |pairs| Finder::from_vars(Platform::Cpu, &vars(pairs));
        assert!(finder(&[("COTANGENT_OFFLINE", "1")]).offline);
        assert!(!finder(&[("COTANGENT_OFFLINE", "0")]).offline);
        assert!(!finder(&[]).offline);
        assert_eq!(finder(&[("PJRT_CPU_PLUGIN", "/p.so")]).environment, Some("/p.so".into()));
        assert_eq!(finder(&[("PJRT_CUDA_PLUGIN", "/p.so")]).environment, None);
    }

    #[test]
    fn the_first_plugin_that_the_driver_supports_is_chosen() {
        let [new, old, unknown] =
            ["/site/xla_cuda13/p.so", "/site/xla_cuda12/p.so", "/opt/p.so"].map(Location::explicit);
        let chosen = |found: &[&Location], driver| choose(found, driver).map(|l| l.path.clone());
        let (new_path, old_path) = (Some(new.path.clone()), Some(old.path.clone()));
        assert_eq!(chosen(&[&new, &old], None), new_path);
        assert_eq!(chosen(&[&new, &old], Some(13)), new_path);
        assert_eq!(chosen(&[&new, &old], Some(12)), old_path);
        assert_eq!(chosen(&[&old, &new], Some(13)), old_path);
        // Too old for both: the error is about the first one.
        assert_eq!(chosen(&[&new, &old], Some(11)), new_path);
        assert_eq!(chosen(&[&unknown, &old], Some(11)), Some(unknown.path.clone()));
        assert_eq!(chosen(&[], Some(13)), None);
    }

    #[test]
    fn the_version_of_an_installed_plugin_is_read() {
        let site = std::env::temp_dir().join(format!("cotangent-site-{}", std::process::id()));
        std::fs::create_dir_all(site.join("jax_cuda13_pjrt-0.11.2.dist-info")).unwrap();
        std::fs::create_dir_all(site.join("jax_plugins/xla_cuda13")).unwrap();
        let plugin = site.join("jax_plugins/xla_cuda13/xla_cuda_plugin.so");
        std::fs::write(&plugin, "").unwrap();
        let found = in_site(&site);
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].path, found[0].toolkit()), (&plugin, Some(Toolkit::Cuda13)));
        assert_eq!(found[0].label().as_deref(), Some("jax-cuda13-pjrt 0.11.2"));
        assert_eq!(Location::explicit(site.join("xla_cuda_plugin.so")).label(), None);
        std::fs::remove_dir_all(&site).unwrap();
    }
}
