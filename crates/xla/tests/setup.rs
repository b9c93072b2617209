//! Fetching a plugin for GPUs with NVIDIA's libraries: what is announced, what is stored, and what an interruption
//! leaves. A shell script stands for pip, and the wheels are small.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cotangent_xla::plugin::{self, Finder, Lock, Platform, Python, Setup, Source, Toolkit};
use cotangent_xla::{CudaError, Error};
use sha2::{Digest, Sha256};

const PLUGIN: &str = "jax_plugins/xla_cuda13/xla_cuda_plugin.so";
const TOOL: &str = "nvidia/cu13/bin/ptxas";
const LIBRARIES: [&str; 2] = ["nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/lib/libcudnn_ops.so.9"];

/// A directory with wheels, their lock, a cache and a fake pip.
struct World {
    dir: PathBuf,
    lock: &'static Lock,
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// What a file in a wheel contains.
fn contents(name: &str) -> Vec<u8> {
    format!("the contents of {name}").into_bytes()
}

/// Writes a wheel and returns the lines of its hash and its size.
fn wheel(dir: &Path, package: &str, files: &[&str]) -> String {
    let path = dir.join(format!("{package}.whl"));
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for name in files {
        let mode = if name.contains("/bin/") { 0o755 } else { 0o644 };
        zip.start_file(*name, zip::write::SimpleFileOptions::default().unix_permissions(mode)).unwrap();
        zip.write_all(&contents(name)).unwrap();
    }
    zip.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    format!("wheel_sha256 = \"{}\"\nwheel_size = \"{}\"\n", sha256(&bytes), bytes.len())
}

/// The table of a wheel with libraries. The list of files names each with its hash and its size.
fn library(dir: &Path, package: &str, needed_to: &str, files: &[&str]) -> String {
    let line = |name: &&str| format!("{} {} {name}\n", sha256(&contents(name)), contents(name).len());
    let list: String = files.iter().map(line).collect();
    format!(
        "[[library]]\npackage = \"{package}\"\nversion = \"1.0\"\ntoolkit = \"cuda13\"\nneeded_to = \"{needed_to}\"\n\
         target = \"{}\"\nwheel_tag = \"any\"\n{}files = \"{}\"\nfiles_sha256 = \"{}\"\nfiles_size = \"{}\"\n\
         licence = \"none\"\n",
        plugin::target(),
        wheel(dir, package, &[files, &["nvidia/LICENSE.txt"]].concat()),
        files.join(" "),
        sha256(list.as_bytes()),
        files.iter().map(|name| contents(name).len()).sum::<usize>(),
    )
}

impl World {
    fn new(name: &str) -> World {
        let dir = std::env::temp_dir().join(format!("cotangent-setup-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("bin")).unwrap();
        let text = format!(
            "[[plugin]]\npackage = \"fake-cuda13\"\nversion = \"1.0\"\nplatform = \"cuda\"\ntarget = \"{}\"\n\
             wheel_tag = \"any\"\n{}library = \"{PLUGIN}\"\nlibrary_sha256 = \"{}\"\nlibrary_size = \"{}\"\n\
             xla = \"none\"\nlicence = \"none\"\n{}{}",
            plugin::target(),
            wheel(&dir, "fake-cuda13", &[PLUGIN]),
            sha256(&contents(PLUGIN)),
            contents(PLUGIN).len(),
            library(&dir, "fake-nvcc", "compile", &[TOOL]),
            library(&dir, "fake-cudnn", "run", &LIBRARIES),
        );
        let lock = Box::leak(Box::new(plugin::parse_lock(text.leak()).unwrap()));
        let world = World { dir, lock };
        world.pip("");
        world
    }

    /// Makes pip give the wheel of a package, after a script that finds its name in `$package`.
    fn pip(&self, script: &str) {
        let text = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\nwhile [ $# -gt 0 ]; do\n  [ \"$1\" = --dest ] && dest=$2\n  \
             [ \"$1\" = -r ] && reqs=$2\n  shift\ndone\npackage=$(sed 's/==.*//' \"$reqs\")\n\
             echo $package >>'{dir}/log'\n{script}\ncp '{dir}'/$package.whl \"$dest/\"\n",
            dir = self.dir.display()
        );
        let path = self.dir.join("bin/pip3");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The packages that pip was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let _ = fs::remove_file(self.dir.join("log"));
        log.lines().map(str::to_owned).collect()
    }

    fn finder(&self) -> Finder {
        Finder {
            platform: Platform::Cuda,
            explicit: None,
            environment: None,
            directories: Vec::new(),
            python: Python::default(),
            cache_dir: Ok(self.dir.join("cache")),
            offline: false,
            search_path: Some(self.dir.join("bin").into()),
            lock: self.lock,
        }
    }

    fn setup(&self) -> Setup {
        Setup::new(self.finder(), Some(Toolkit::Cuda13)).unwrap()
    }

    /// The packages that are not there yet.
    fn missing(&self) -> Vec<&'static str> {
        self.setup().missing().map(|part| part.package).collect()
    }

    /// Whether something unfinished is left anywhere in the cache.
    fn left_behind(&self) -> bool {
        fn walk(dir: &Path) -> bool {
            let mut items = fs::read_dir(dir).into_iter().flatten().flatten().map(|item| item.path());
            items.any(|path| path.to_string_lossy().ends_with(".partial") || (path.is_dir() && walk(&path)))
        }
        walk(&self.dir.join("cache"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn everything_is_announced_fetched_and_found() {
    let world = World::new("all");
    let setup = world.setup();
    let parts: Vec<_> = setup.parts().iter().map(|part| (part.package, part.present)).collect();
    assert_eq!(parts, [("fake-cuda13", false), ("fake-nvcc", false), ("fake-cudnn", false)]);
    for (part, package) in setup.parts().iter().zip(["fake-cuda13", "fake-nvcc", "fake-cudnn"]) {
        assert_eq!(part.download, fs::metadata(world.dir.join(format!("{package}.whl"))).unwrap().len());
    }
    let unpacked = [PLUGIN, TOOL, LIBRARIES[0], LIBRARIES[1]].map(|name| contents(name).len() as u64);
    assert_eq!(setup.parts().iter().map(|part| part.disk).sum::<u64>(), unpacked.iter().sum::<u64>());

    // Looking for a plugin fetches nothing.
    let error = world.finder().locate().unwrap_err();
    assert!(matches!(&error, Error::Cuda(CudaError::PluginMissing { toolkit: Some(Toolkit::Cuda13), .. })), "{error}");
    assert!(world.asked().is_empty());

    let location = setup.run().unwrap();
    assert_eq!((location.source, location.toolkit()), (Source::Fetched, Some(Toolkit::Cuda13)));
    assert_eq!(world.asked(), ["fake-cuda13", "fake-nvcc", "fake-cudnn"]);
    let home = setup.directory();
    for name in [TOOL, LIBRARIES[0], LIBRARIES[1]] {
        assert_eq!(fs::read(home.join(name)).unwrap(), contents(name));
        let mode = fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if name == TOOL { 0o755 } else { 0o644 }, "{name}");
    }
    // Only what the lock lists is unpacked.
    assert!(!home.join("nvidia/LICENSE.txt").exists() && !world.left_behind());
    assert!(world.missing().is_empty());
    assert_eq!(world.finder().locate().unwrap().path, location.path);
    // A second run has nothing to do, even without a network.
    let offline = Finder { offline: true, ..world.finder() };
    assert_eq!(Setup::new(offline, None).unwrap().run().unwrap().source, Source::Cache);
    assert!(world.asked().is_empty());
}

#[test]
fn only_what_compiles() {
    let world = World::new("compile");
    let setup = world.setup().only_to_compile();
    setup.run().unwrap();
    assert_eq!(world.asked(), ["fake-cuda13", "fake-nvcc"]);
    assert_eq!(world.missing(), ["fake-cudnn"]);
    // The rest comes later.
    world.setup().run().unwrap();
    assert_eq!(world.asked(), ["fake-cudnn"]);
}

#[test]
fn an_interrupted_run_is_continued() {
    let world = World::new("interrupted");
    world.pip("[ $package = fake-cudnn ] && { echo 'Temporary failure in name resolution' >&2; exit 1; }");
    let error = world.setup().run().unwrap_err();
    assert!(matches!(&error, Error::FetchFailed { package, unavailable: false, .. } if package == "fake-cudnn 1.0"));
    assert_eq!(world.asked(), ["fake-cuda13", "fake-nvcc", "fake-cudnn"]);
    assert!(!world.left_behind());
    assert_eq!(world.missing(), ["fake-cudnn"]);
    // A process that was killed leaves directories behind, and files that count for nothing.
    let home = world.setup().directory();
    fs::create_dir_all(home.join(".fake-cudnn.1.0.partial/nvidia")).unwrap();
    fs::create_dir_all(home.join("nvidia/cudnn/lib")).unwrap();
    fs::write(home.join(LIBRARIES[0]), "half").unwrap();
    assert_eq!(world.missing(), ["fake-cudnn"]);
    world.pip("");
    world.setup().run().unwrap();
    assert_eq!(world.asked(), ["fake-cudnn"]);
    assert_eq!(fs::read(home.join(LIBRARIES[0])).unwrap(), contents(LIBRARIES[0]));
    assert!(world.missing().is_empty() && !world.left_behind());
}

#[test]
fn wrong_wheels_are_refused() {
    let world = World::new("wrong");
    world.pip("[ $package = fake-nvcc ] && cp \"$0\" \"$dest/fake.whl\" && exit 0");
    let error = world.setup().run().unwrap_err();
    assert!(matches!(&error, Error::FetchHash { package, .. } if package == "fake-nvcc 1.0"), "{error}");
    assert!(error.to_string().contains("discarded"), "{error}");
    assert_eq!(world.missing(), ["fake-nvcc", "fake-cudnn"]);
    assert!(!world.left_behind());
    // The right wheel, but not the files that the lock lists.
    world.pip("");
    let mut lock = world.lock.clone();
    lock.libraries[0].files_sha256 = lock.libraries[1].files_sha256;
    let finder = Finder { lock: Box::leak(Box::new(lock)), ..world.finder() };
    let error = Setup::new(finder, None).unwrap().run().unwrap_err();
    assert!(matches!(&error, Error::FetchContents { package, .. } if package == "fake-nvcc 1.0"), "{error}");
    assert_eq!(world.missing(), ["fake-nvcc", "fake-cudnn"]);
    assert!(!world.left_behind());
}

#[test]
fn damage_is_found_and_repaired() {
    let world = World::new("damage");
    world.setup().run().unwrap();
    world.asked();
    let file = world.setup().directory().join(LIBRARIES[1]);
    let list = world.setup().directory().join("fake-cudnn-1.0.files");
    let mut changed = contents(LIBRARIES[1]);
    changed[3] ^= 1;
    let damages: [(&Path, &[u8]); 4] = [(&file, b"short"), (&file, &changed), (&list, b"not a list"), (&list, b"")];
    for (path, bytes) in damages {
        fs::write(path, bytes).unwrap();
        assert_eq!(world.missing(), ["fake-cudnn"], "{}", path.display());
        world.setup().run().unwrap();
        assert_eq!(world.asked(), ["fake-cudnn"]);
        assert_eq!(fs::read(&file).unwrap(), contents(LIBRARIES[1]));
    }
    // The same contents with another time are read once, and are good.
    fs::write(&file, contents(LIBRARIES[1])).unwrap();
    let before = fs::read(&list).unwrap();
    assert!(world.missing().is_empty());
    assert_ne!(fs::read(&list).unwrap(), before);
    fs::remove_file(&file).unwrap();
    assert_eq!(world.missing(), ["fake-cudnn"]);
}

#[test]
fn nothing_is_fetched_offline_or_for_another_machine() {
    let world = World::new("offline");
    let offline = Finder { offline: true, ..world.finder() };
    assert!(matches!(Setup::new(offline, None).unwrap().run().unwrap_err(), Error::Offline { .. }));
    let error = Setup::new(world.finder(), Some(Toolkit::Cuda12)).unwrap_err();
    assert!(matches!(error, Error::PluginUnsupported { .. }), "{error}");
    assert!(world.asked().is_empty());
}
