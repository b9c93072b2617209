//! The lookup of a plugin: its order, and every way in which fetching can fail, with a shell script as `pip` and a
//! wheel of a few hundred bytes.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cotangent_xla::plugin::{self, CacheState, Finder, Lock, Platform, Python, Source};
use cotangent_xla::{Client, CudaError, Error, Plugin};
use sha2::{Digest, Sha256};

const LIBRARY: &[u8] = b"this stands for two hundred megabytes of compiler";

/// A directory with a fake wheel, its lock, a cache and a directory for fake commands.
struct World {
    dir: PathBuf,
    lock: &'static Lock,
}

/// Reports that a test did not run. Bypasses the harness, which hides the output of passing tests.
fn not_run(reason: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {reason}");
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl World {
    fn new(name: &str) -> World {
        let dir = std::env::temp_dir().join(format!("cotangent-fetch-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("bin")).unwrap();
        let mut zip = zip::ZipWriter::new(fs::File::create(dir.join("fake-1.0-py3-none-any.whl")).unwrap());
        zip.start_file("fake/libfake.so", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(LIBRARY).unwrap();
        zip.finish().unwrap();
        let lock = Self::lock(&dir, &sha256(LIBRARY));
        World { dir, lock }
    }

    /// A lock for the wheel in `dir`.
    fn lock(dir: &Path, library_sha256: &str) -> &'static Lock {
        let wheel = fs::read(dir.join("fake-1.0-py3-none-any.whl")).unwrap();
        let text = format!(
            "[[plugin]]\npackage = \"fake\"\nversion = \"1.0\"\nplatform = \"cpu\"\ntarget = \"{}\"\n\
             wheel_tag = \"any\"\nwheel_sha256 = \"{}\"\nwheel_size = \"{}\"\nlibrary = \"fake/libfake.so\"\n\
             library_sha256 = \"{library_sha256}\"\nlibrary_size = \"{}\"\nxla = \"none\"\nlicence = \"none\"\n",
            plugin::target(),
            sha256(&wheel),
            wheel.len(),
            LIBRARY.len(),
        );
        Box::leak(Box::new(plugin::parse_lock(text.leak()).unwrap()))
    }

    fn finder(&self) -> Finder {
        Finder {
            platform: Platform::Cpu,
            explicit: None,
            environment: None,
            directories: Vec::new(),
            python: Python::default(),
            cache_dir: Ok(self.cache()),
            offline: false,
            search_path: Some(self.dir.join("bin").into()),
            lock: self.lock,
        }
    }

    fn cache(&self) -> PathBuf {
        self.dir.join("cache")
    }

    /// Puts a command in the search path. The script finds the download directory in `$dest` and the wheel in `$wheel`,
    /// and logs each run in `log`.
    fn command(&self, name: &str, script: &str) {
        let text = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\necho run >>'{dir}/log'\nwheel='{dir}/fake-1.0-py3-none-any.whl'\n\
             while [ $# -gt 0 ]; do\n  [ \"$1\" = --dest ] && dest=$2\n  [ \"$1\" = -r ] && reqs=$2\n  shift\ndone\n{script}\n",
            dir = self.dir.display()
        );
        let path = self.dir.join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// How often a fake command has run.
    fn runs(&self) -> usize {
        fs::read_to_string(self.dir.join("log")).map_or(0, |log| log.lines().count())
    }

    /// Everything below the cache, except the directory's own lock.
    fn left_behind(&self) -> Vec<String> {
        fn walk(dir: &Path, found: &mut Vec<String>) {
            for item in fs::read_dir(dir).into_iter().flatten().flatten() {
                let name = item.file_name().into_string().unwrap();
                match item.path() {
                    path if path.is_dir() => {
                        if name.ends_with(".partial") {
                            found.push(name);
                        }
                        walk(&path, found);
                    }
                    _ if name == ".lock" => {}
                    _ => found.push(name),
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.cache(), &mut found);
        found.sort();
        found
    }

    /// The error of a lookup that must fail and leave nothing behind.
    fn failure(&self) -> Error {
        let error = self.finder().locate().unwrap_err();
        assert_eq!(self.left_behind(), [""; 0], "{error}");
        assert!(self.finder().find_cached().is_none());
        error
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

const GOOD_PIP: &str = "grep -q 'fake==1.0 --hash=sha256:' \"$reqs\" && cp \"$wheel\" \"$dest/\"";

#[test]
fn fetched_once_and_then_found() {
    let world = World::new("good");
    world.command("pip3", GOOD_PIP);
    let first = world.finder().locate().unwrap();
    assert_eq!(first.source, Source::Fetched);
    assert_eq!(fs::read(&first.path).unwrap(), LIBRARY);
    assert_eq!(first.entry, Some(&world.lock.plugins[0]));
    let second = world.finder().locate().unwrap();
    assert_eq!((second.source, &second.path), (Source::Cache, &first.path));
    assert_eq!(world.runs(), 1);
    assert_eq!(world.left_behind(), ["libfake.so", "libfake.so.verified"]);
    let verified = plugin::verify(&second).unwrap();
    assert_eq!((verified.sha256, verified.size), (sha256(LIBRARY), LIBRARY.len() as u64));
    assert!(verified.locked);
}

/// If stderr is not a terminal: one line at the start and one at the end, or none with `COTANGENT_QUIET`.
#[test]
fn what_is_said() {
    let said = |quiet: &str| {
        let world = World::new(&format!("said-{quiet}"));
        world.command("pip3", &format!("sleep 0.3; {GOOD_PIP}"));
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_process", "--nocapture"])
            .env("COTANGENT_TEST_WORLD", &world.dir)
            .env("COTANGENT_QUIET", quiet)
            .output()
            .unwrap();
        assert!(child.status.success() && world.runs() == 1);
        String::from_utf8(child.stderr).unwrap()
    };
    let text = said("");
    let lines: Vec<_> = text.lines().collect();
    assert!(matches!(lines[..], [start, end] if start.contains("fetching") && end.contains("stored")), "{text}");
    assert!(!text.contains('\r'), "{text}");
    assert_eq!(said("1"), "");
}

#[test]
fn the_order_of_the_lookup() {
    let world = World::new("order");
    world.command("pip3", GOOD_PIP);
    let (explicit, environment) = (world.dir.join("explicit.so"), world.dir.join("environment.so"));
    for path in [&explicit, &environment] {
        fs::write(path, "a plugin").unwrap();
    }
    world.finder().locate().unwrap();
    let mut finder = world.finder();
    finder.environment = Some(environment.clone());
    let found = finder.locate().unwrap();
    assert_eq!((found.source, found.path, found.entry), (Source::Environment, environment, None));
    finder.explicit = Some(explicit.clone());
    let found = finder.locate().unwrap();
    assert_eq!((found.source, found.path), (Source::Explicit, explicit));
    // A named plugin that is missing is an error, not a reason to look elsewhere.
    finder.explicit = None;
    finder.environment = Some("/nowhere/plugin.so".into());
    let error = finder.locate().unwrap_err();
    assert!(matches!(error, Error::PluginMissing { .. }));
    assert!(error.to_string().contains("PJRT_CPU_PLUGIN"), "{error}");
    finder.explicit = Some("/nowhere/else.so".into());
    assert!(finder.locate().unwrap_err().to_string().contains("/nowhere/else.so"));
    // A plugin in a directory comes before the one in the cache.
    finder = world.finder();
    finder.directories = vec![world.dir.join("nowhere"), world.dir.join("beside")];
    assert_eq!(finder.locate().unwrap().source, Source::Cache);
    fs::create_dir(world.dir.join("beside")).unwrap();
    fs::write(world.dir.join("beside/libfake.so"), "a plugin").unwrap();
    let found = finder.locate().unwrap();
    assert_eq!((found.source, found.path, found.entry), (Source::Directory, world.dir.join("beside/libfake.so"), None));
    // Nothing is listed for this machine.
    finder = Finder { lock: Box::leak(Box::default()), ..world.finder() };
    let error = finder.locate().unwrap_err();
    assert!(matches!(error, Error::PluginUnsupported { .. }));
    assert!(error.to_string().contains("PJRT_CPU_PLUGIN"), "{error}");
    // A plugin for GPUs is never fetched.
    finder.platform = Platform::Cuda;
    let error = finder.locate().unwrap_err();
    assert!(matches!(error, Error::Cuda(CudaError::PluginMissing { toolkit: None, .. })));
    assert!(error.to_string().contains("PJRT_CUDA_PLUGIN"), "{error}");
    assert_eq!(world.runs(), 1);
}

#[test]
fn offline() {
    let world = World::new("offline");
    world.command("pip3", GOOD_PIP);
    let offline = Finder { offline: true, ..world.finder() };
    let error = offline.locate().unwrap_err();
    assert!(matches!(error, Error::Offline { .. }));
    assert!(error.to_string().contains("COTANGENT_OFFLINE"), "{error}");
    assert_eq!(world.runs(), 0);
    world.finder().locate().unwrap();
    assert_eq!(offline.locate().unwrap().source, Source::Cache);
}

#[test]
fn no_pip() {
    let world = World::new("no-pip");
    let error = world.failure();
    assert!(matches!(&error, Error::FetchPipMissing { tried, .. } if tried.len() == 3));
    // Python without the pip module counts as no pip, and so does a shim with nothing behind it.
    world.command("python3", "echo \"/usr/bin/python3: No module named pip\" >&2; exit 1");
    world.command("pip", "echo 'pip: command not found' >&2; exit 127");
    assert_eq!(world.failure(), error);
    assert!(error.to_string().contains("PJRT_CPU_PLUGIN"), "{error}");
    // The next command is tried.
    world.command("pip", GOOD_PIP);
    assert_eq!(world.finder().locate().unwrap().source, Source::Fetched);
}

#[test]
fn no_network() {
    let world = World::new("no-network");
    world.command(
        "pip3",
        "echo 'WARNING: Retrying after connection broken by NewConnectionError' >&2
         echo 'ERROR: No matching distribution found for fake==1.0' >&2; exit 1",
    );
    let error = world.failure();
    assert!(matches!(error, Error::FetchFailed { unavailable: false, .. }));
    let text = error.to_string();
    assert!(text.contains("network") && text.contains("connection broken"), "{text}");
    world.command("pip3", "echo 'ERROR: No matching distribution found for fake==1.0' >&2; exit 1");
    assert!(matches!(world.failure(), Error::FetchFailed { unavailable: true, .. }));
    world.command("pip3", "exit 3");
    assert!(world.failure().to_string().contains("exit status: 3"));
    world.command("pip3", "exit 0");
    assert!(world.failure().to_string().contains("left no wheel behind"));
}

#[test]
fn wrong_hashes() {
    let world = World::new("wrong-hash");
    // pip itself detects it …
    world.command(
        "pip3",
        "echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.' >&2
         echo '             Got        0123abcd' >&2; exit 1",
    );
    assert!(matches!(world.failure(), Error::FetchHash { found, .. } if found == "0123abcd"));
    // … and if it does not, this crate does.
    world.command("pip3", "cp \"$wheel\" \"$dest/\"; echo more >>\"$dest/fake-1.0-py3-none-any.whl\"");
    let error = world.failure();
    assert!(matches!(error, Error::FetchHash { .. }));
    assert!(error.to_string().contains("discarded"), "{error}");
    // An interrupted download.
    world.command("pip3", "head -c 100 \"$wheel\" >\"$dest/fake-1.0-py3-none-any.whl\"");
    assert!(world.failure().to_string().contains("truncated"));
    // The right wheel, but not the library that the lock lists.
    world.command("pip3", GOOD_PIP);
    let lock = World::lock(&world.dir, &sha256(b"another library"));
    let error = Finder { lock, ..world.finder() }.locate().unwrap_err();
    assert!(matches!(error, Error::FetchContents { .. }));
    assert_eq!(world.left_behind(), [""; 0]);
}

#[test]
fn an_unwritable_cache() {
    let world = World::new("unwritable");
    world.command("pip3", GOOD_PIP);
    // Root ignores permissions, so the cache is below a file.
    fs::write(world.dir.join("file"), "").unwrap();
    let finder = Finder { cache_dir: Ok(world.dir.join("file").join("cache")), ..world.finder() };
    let error = finder.locate().unwrap_err();
    assert!(matches!(error, Error::CacheUnwritable { .. }));
    assert!(error.to_string().contains("COTANGENT_CACHE_DIR"), "{error}");
    assert_eq!(world.runs(), 0);
    let none = Finder { cache_dir: Err(Error::NoCacheDirectory), ..world.finder() };
    assert_eq!(none.locate().unwrap_err(), Error::NoCacheDirectory);
}

#[test]
fn a_damaged_cache_is_fetched_anew() {
    let world = World::new("damaged");
    world.command("pip3", GOOD_PIP);
    let path = world.finder().locate().unwrap().path;
    let state = || world.finder().inspect_cache()[0].2.clone();
    // Truncated.
    fs::write(&path, &LIBRARY[..10]).unwrap();
    assert!(matches!(state(), CacheState::Damaged { .. }));
    assert!(world.finder().find_cached().is_none());
    let offline = Finder { offline: true, ..world.finder() }.locate().unwrap_err();
    assert!(matches!(offline, Error::CacheDamaged { .. }), "{offline}");
    assert_eq!(world.finder().locate().unwrap().source, Source::Fetched);
    // Changed, with the same length.
    let mut changed = LIBRARY.to_vec();
    changed[5] ^= 1;
    fs::write(&path, &changed).unwrap();
    assert!(matches!(state(), CacheState::Damaged { .. }));
    assert_eq!(world.finder().locate().unwrap().source, Source::Fetched);
    assert_eq!(world.runs(), 3);
    // A copy without its marker, or with another modification time, is good, and nothing is fetched.
    fs::write(&path, LIBRARY).unwrap();
    assert_eq!(world.finder().locate().unwrap().source, Source::Cache);
    fs::remove_file(path.with_extension("so.verified")).unwrap();
    assert_eq!(world.finder().locate().unwrap().source, Source::Cache);
    assert_eq!(world.left_behind(), ["libfake.so", "libfake.so.verified"]);
    // What a killed process has left is removed.
    fs::remove_file(&path).unwrap();
    fs::write(path.with_file_name(".libfake.so.1.0.partial"), "half").unwrap();
    fs::create_dir(world.cache().join("plugins").join(".download.1.0.partial")).unwrap();
    assert_eq!(world.finder().locate().unwrap().source, Source::Fetched);
    assert_eq!(world.left_behind(), ["libfake.so", "libfake.so.verified"]);
}

#[test]
fn many_at_once_fetch_once() {
    let world = World::new("many");
    world.command("pip3", &format!("sleep 0.3; {GOOD_PIP}"));
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| world.finder().locate().unwrap())).collect();
        let found: Vec<_> = all.into_iter().map(|t| t.join().unwrap().source).collect();
        assert_eq!(found.iter().filter(|&&s| s == Source::Fetched).count(), 1);
    });
    assert_eq!(world.runs(), 1);
    fs::remove_dir_all(world.cache()).unwrap();
    let children: Vec<_> = (0..8)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_process", "--nocapture"])
                .env("COTANGENT_TEST_WORLD", &world.dir)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(world.runs(), 2);
}

/// One of the processes of the test above; does nothing by itself.
#[test]
fn child_process() {
    let Some(dir) = std::env::var_os("COTANGENT_TEST_WORLD").map(PathBuf::from) else {
        return;
    };
    let lock = World::lock(&dir, &sha256(LIBRARY));
    let world = std::mem::ManuallyDrop::new(World { dir, lock });
    assert_eq!(fs::read(world.finder().locate().unwrap().path).unwrap(), LIBRARY);
}

#[test]
fn files_that_are_no_plugins() {
    let world = World::new("no-plugin");
    let load = |name: &str, bytes: &[u8]| {
        let path = world.dir.join(name);
        fs::write(&path, bytes).unwrap();
        let error = Plugin::load(&path).unwrap_err();
        assert!(matches!(error, Error::PluginInvalid { .. }), "{error}");
        assert!(error.to_string().contains("GetPjrtApi"), "{error}");
    };
    load("text.so", b"this is a text file and was never a library; it is longer than a header");
    load("empty.so", b"");
    load("head.so", b"\x7fELF\x02\x01\x01");
    let whole = fs::read(std::env::current_exe().unwrap()).unwrap();
    load("short.so", &whole[..whole.len() / 2]);
    assert!(matches!(Plugin::load(&world.dir), Err(Error::PluginInvalid { .. })));
    let missing = Client::cpu_with_plugin(Path::new("/nowhere/plugin.so")).unwrap_err();
    assert!(matches!(missing, Error::PluginMissing { .. }));

    // A real library without the entry point, if there is a C compiler to make one.
    let (source, library) = (world.dir.join("other.c"), world.dir.join("libother.so"));
    fs::write(&source, "int other(void) { return 1; }\n").unwrap();
    match Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status() {
        Ok(status) if status.success() => {
            let error = Plugin::load(&library).unwrap_err();
            assert!(error.to_string().contains("no GetPjrtApi"), "{error}");
        }
        _ => not_run("there is no C compiler to make a library with"),
    }

    // Function tables that cannot be used.
    for (name, table, complaint) in [
        ("null", "0", "returned null"),
        ("tiny", "&(struct table){8}", "8 bytes long"),
        ("major", "&(struct table){1000, 0, {24, 0, 1, 0}}", "implements PJRT 1.0"),
        ("short-table", "&(struct table){60, 0, {24, 0, 0, 1}}", "lacks PJRT_Error_GetCode"),
        ("holes", "&(struct table){1000, 0, {24, 0, 0, 99}}", "lacks PJRT_Error_Destroy"),
    ] {
        let (source, library) = (world.dir.join("t.c"), world.dir.join(format!("lib{name}.so")));
        let text = format!(
            "#include <stddef.h>
             static void f(void) {{}}
             struct table {{ size_t size; void *ext; struct {{ size_t size; void *ext; int major, minor; }} v;
                            void (*slots[200])(void); }};
             const void *GetPjrtApi(void) {{
               static struct table t; const struct table *init = {table};
               if (!init) return 0;
               t.size = init->size; t.v.major = init->v.major; t.v.minor = init->v.minor;
               if (t.size < 100) t.slots[0] = t.slots[1] = f;
               return &t;
             }}"
        );
        fs::write(&source, text).unwrap();
        match Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status() {
            Ok(status) if status.success() => {
                let error = Plugin::load(&library).unwrap_err();
                assert!(matches!(error, Error::PluginInvalid { .. }));
                assert!(error.to_string().contains(complaint), "{name}: {error}");
            }
            _ => not_run("there is no C compiler to make a library with"),
        }
    }
}
