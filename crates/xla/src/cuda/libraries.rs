//! NVIDIA's libraries that XLA loads at run time, and the compiler that it calls.
//!
//! The plugin opens each library by its name, such as `libcudnn.so.9`. The dynamic loader finds a library of that name
//! where `LD_LIBRARY_PATH` says, or if it is loaded already. So the libraries of NVIDIA's wheels are loaded here before
//! the plugin needs them, each after those that it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::CudaError;
use crate::elf;
use crate::library::open_global;
use crate::plugin::{Finder, Location, Platform, Source, Toolkit, installed_beside};

/// A library that XLA loads.
struct Needed {
    name: [&'static str; 2],
    package: [&'static str; 2],
    /// Whether no program runs on a GPU without it.
    required: bool,
}

/// The name and the package for CUDA 12 and for CUDA 13.
const NEEDED: [Needed; 12] = {
    const fn needed(name: [&'static str; 2], package: [&'static str; 2], required: bool) -> Needed {
        Needed { name, package, required }
    }
    [
        needed(["libcudart.so.12", "libcudart.so.13"], ["nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime"], true),
        needed(["libnvrtc.so.12", "libnvrtc.so.13"], ["nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc"], false),
        needed(["libnvJitLink.so.12", "libnvJitLink.so.13"], ["nvidia-nvjitlink-cu12", "nvidia-nvjitlink"], true),
        needed(["libcublasLt.so.12", "libcublasLt.so.13"], ["nvidia-cublas-cu12", "nvidia-cublas"], true),
        needed(["libcublas.so.12", "libcublas.so.13"], ["nvidia-cublas-cu12", "nvidia-cublas"], true),
        needed(["libcufft.so.11", "libcufft.so.12"], ["nvidia-cufft-cu12", "nvidia-cufft"], true),
        needed(["libcusparse.so.12", "libcusparse.so.12"], ["nvidia-cusparse-cu12", "nvidia-cusparse"], true),
        needed(["libcusolver.so.11", "libcusolver.so.12"], ["nvidia-cusolver-cu12", "nvidia-cusolver"], true),
        needed(["libcudnn.so.9", "libcudnn.so.9"], ["nvidia-cudnn-cu12", "nvidia-cudnn-cu13"], true),
        needed(["libcupti.so.12", "libcupti.so.13"], ["nvidia-cuda-cupti-cu12", "nvidia-cuda-cupti"], false),
        needed(["libnccl.so.2", "libnccl.so.2"], ["nvidia-nccl-cu12", "nvidia-nccl-cu13"], false),
        needed(["libnvshmem_host.so.3", "libnvshmem_host.so.3"], ["nvidia-nvshmem-cu12", "nvidia-nvshmem-cu13"], false),
    ]
};

/// What belongs to a toolkit in an array of [`Needed`].
fn of(toolkit: Toolkit, pair: [&'static str; 2]) -> &'static str {
    match toolkit {
        Toolkit::Cuda12 => pair[0],
        Toolkit::Cuda13 => pair[1],
    }
}

/// NVIDIA's libraries for one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries {
    /// The release of CUDA that they belong to, if it is known.
    pub toolkit: Option<Toolkit>,
    /// The directories that were searched.
    pub directories: Vec<PathBuf>,
    /// The libraries that were found, with their names.
    pub found: Vec<(&'static str, PathBuf)>,
    /// The directory with `bin/ptxas` and `nvvm/libdevice`, with which XLA compiles programs.
    pub compiler: Option<PathBuf>,
}

impl Libraries {
    /// Finds the libraries for a plugin: those installed with it; else those in the Python environment, in the cache
    /// and in an installed CUDA toolkit.
    pub fn find(location: &Location, finder: &Finder) -> Libraries {
        let mut roots = installed_beside(&location.path);
        if location.entry.is_none() && location.source != Source::Python {
            roots.extend(finder.nvidia_roots());
        }
        let installed: Vec<_> = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).collect();
        roots.extend(installed.into_iter().filter(|v| !v.is_empty()).map(PathBuf::from));
        roots.push("/usr/local/cuda".into());
        Self::in_roots(location.toolkit(), &roots)
    }

    /// Finds the libraries below directories named `nvidia`, as NVIDIA's wheels have them, and below those of a CUDA
    /// toolkit.
    fn in_roots(toolkit: Option<Toolkit>, roots: &[PathBuf]) -> Libraries {
        let Some(toolkit) = toolkit else {
            // The libraries that are there tell for which CUDA the plugin is likely built.
            let all = Toolkit::ALL.map(|toolkit| Self::in_roots(Some(toolkit), roots));
            return all.into_iter().max_by_key(|l| l.found.len()).filter(|l| !l.found.is_empty()).unwrap_or_default();
        };
        let directories: Vec<_> = roots.iter().flat_map(|root| library_directories(root, toolkit)).collect();
        let find = |needed: &Needed| {
            let name = of(toolkit, needed.name);
            let path = directories.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
            path.map(|path| (name, path))
        };
        let found = NEEDED.iter().filter_map(find).collect();
        let compiler = roots.iter().find_map(|root| compiler(root, toolkit));
        Libraries { toolkit: Some(toolkit), directories, found, compiler }
    }

    /// Loads the libraries, each after those that it depends on. Those that were not found are left to the dynamic
    /// loader.
    ///
    /// # Errors
    /// If one that every program needs is nowhere, or one cannot be loaded.
    pub fn load(&self) -> Result<(), CudaError> {
        for (name, path) in self.in_order() {
            if let Err(reason) = open_global(&path)
                && self.requires(&name)
            {
                return Err(CudaError::LibraryUnusable { path, reason });
            }
        }
        let mut missing = self.absent();
        missing.retain(|(name, _, required)| open_global(Path::new(name)).is_err() && *required);
        if missing.is_empty() {
            return Ok(());
        }
        Err(CudaError::LibraryMissing {
            missing: missing.into_iter().map(|(name, package, _)| (name, package)).collect(),
            looked: self.directories.clone(),
            toolkit: self.toolkit,
        })
    }

    /// The libraries that were not found: each with the package that holds it, and whether every program needs it. The
    /// dynamic loader may find them.
    pub fn absent(&self) -> Vec<(&'static str, &'static str, bool)> {
        let Some(toolkit) = self.toolkit else {
            return Vec::new();
        };
        let all = NEEDED.iter().map(|n| (of(toolkit, n.name), of(toolkit, n.package), n.required));
        all.filter(|(name, ..)| !self.found.iter().any(|(found, _)| found == name)).collect()
    }

    fn requires(&self, name: &str) -> bool {
        NEEDED.iter().any(|needed| needed.required && self.toolkit.is_some_and(|t| of(t, needed.name) == name))
    }

    /// The libraries and those in the same directories that they depend on, in an order in which they can be loaded.
    fn in_order(&self) -> Vec<(String, PathBuf)> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        let found: BTreeMap<_, _> = self.found.iter().cloned().collect();
        for (name, _) in &self.found {
            self.visit(name, &found, &mut seen, &mut order);
        }
        order
    }

    fn visit(
        &self,
        name: &str,
        found: &BTreeMap<&str, PathBuf>,
        seen: &mut BTreeSet<String>,
        order: &mut Vec<(String, PathBuf)>,
    ) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let beside = || self.directories.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
        let Some(path) = found.get(name).cloned().or_else(beside) else {
            return;
        };
        for dependency in elf::dependencies(&path).unwrap_or_default() {
            self.visit(&dependency, found, seen, order);
        }
        order.push((name.to_owned(), path));
    }
}

/// Loads the CUDA runtime, if it is found without running Python. A plugin that is loaded without it and without a
/// driver complains at once, before its log lines can be dropped.
pub(crate) fn load_runtime(location: &Location) {
    let mut roots = installed_beside(&location.path);
    if location.entry.is_none() {
        let mut finder = Finder::from_env(Platform::Cuda);
        finder.python.from_command = false;
        roots.extend(finder.nvidia_roots());
    }
    let libraries = Libraries::in_roots(location.toolkit(), &roots);
    let runtime = |toolkit| of(toolkit, NEEDED[0].name);
    if let Some((_, path)) = libraries.found.iter().find(|(name, _)| libraries.toolkit.map(runtime) == Some(*name)) {
        // Whoever needs it gets the error.
        let _ = open_global(path);
    }
}

/// The directories with libraries below a directory of wheels (`nvidia/cublas/lib`, `nvidia/cu13/lib`) or of a CUDA
/// toolkit (`/usr/local/cuda/lib64`). Two libraries of different releases may have one name, so those of another
/// release are left out.
fn library_directories(root: &Path, toolkit: Toolkit) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(root).into_iter().flatten().flatten().map(|item| item.file_name()).collect();
    names.sort();
    let release = |name: &str| name.strip_prefix("cu").and_then(|number| number.parse::<u32>().ok());
    let mut directories = Vec::new();
    for name in names.iter().filter_map(|name| name.to_str()) {
        match release(name) {
            Some(major) if major == toolkit.major() => directories.insert(0, root.join(name).join("lib")),
            Some(_) => {}
            None => directories.push(root.join(name).join("lib")),
        }
    }
    directories.push(root.join("lib64"));
    directories.retain(|dir| dir.is_dir());
    directories
}

/// The directory of the compiler below a directory of wheels or of a CUDA toolkit.
fn compiler(root: &Path, toolkit: Toolkit) -> Option<PathBuf> {
    let wheels = format!("cu{}", toolkit.major());
    let candidates = [root.join(wheels), root.join("cuda_nvcc"), root.to_owned()];
    candidates.into_iter().find(|dir| dir.join("nvvm/libdevice").is_dir() || dir.join("bin/ptxas").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, files: &[&str]) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("cotangent-libraries-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for file in files {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    #[test]
    fn both_layouts_of_wheels_are_understood() {
        let dir = tree(
            "layouts",
            &[
                "nvidia/cublas/lib/libcublas.so.12",
                "nvidia/cusparse/lib/libcusparse.so.12",
                "nvidia/cudnn/lib/libcudnn.so.9",
                "nvidia/cuda_nvcc/bin/ptxas",
                "nvidia/cu13/lib/libcublas.so.13",
                "nvidia/cu13/lib/libcusparse.so.12",
                "nvidia/cu13/nvvm/libdevice/libdevice.10.bc",
                "cuda/lib64/libcufft.so.11",
            ],
        );
        let roots = [dir.join("nvidia"), dir.join("cuda")];
        let old = Libraries::in_roots(Some(Toolkit::Cuda12), &roots);
        let names = |l: &Libraries| l.found.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert_eq!(names(&old), ["libcublas.so.12", "libcufft.so.11", "libcusparse.so.12", "libcudnn.so.9"]);
        assert_eq!(old.found[2].1, roots[0].join("cusparse/lib/libcusparse.so.12"));
        assert_eq!(old.compiler, Some(roots[0].join("cuda_nvcc")));
        let new = Libraries::in_roots(Some(Toolkit::Cuda13), &roots);
        assert_eq!(names(&new), ["libcublas.so.13", "libcusparse.so.12", "libcudnn.so.9"]);
        assert_eq!(new.found[1].1, roots[0].join("cu13/lib/libcusparse.so.12"));
        assert_eq!(new.compiler, Some(roots[0].join("cu13")));
        // For a plugin of which nothing is known, the libraries decide.
        assert_eq!(Libraries::in_roots(None, &roots), old);
        assert_eq!(Libraries::in_roots(None, &[dir.join("nowhere")]), Libraries::default());
        fs::remove_dir_all(&dir).unwrap();
    }
}
