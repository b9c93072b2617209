//! The `site-packages` directories of the active Python environment.
//!
//! They are found by looking at directories, as Python does when it starts. Only if `python3` is not what it seems,
//! such as the shim of a version manager, is it run and asked.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// What says which Python environment is active.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Python {
    /// `VIRTUAL_ENV`: the directory of an active virtual environment.
    pub virtual_env: Option<PathBuf>,
    /// `CONDA_PREFIX`: the directory of an active Conda environment.
    pub conda_prefix: Option<PathBuf>,
    /// `PYTHONPATH`: directories that come first.
    pub path: Vec<PathBuf>,
    /// The user's own directory, which may hold packages for the Python of the system.
    pub home: Option<PathBuf>,
    /// Whether the environment is that of `python3`, if no variable names one.
    pub from_command: bool,
}

/// How long Python may take to say where it looks for packages.
const PATIENCE: Duration = Duration::from_secs(10);

impl Python {
    pub(super) fn from_vars(env: &dyn Fn(&str) -> Option<OsString>) -> Python {
        let set = |name| env(name).filter(|v| !v.is_empty());
        Python {
            virtual_env: set("VIRTUAL_ENV").map(PathBuf::from),
            conda_prefix: set("CONDA_PREFIX").map(PathBuf::from),
            path: set("PYTHONPATH").map_or_else(Vec::new, |paths| std::env::split_paths(&paths).collect()),
            home: set("HOME").map(PathBuf::from),
            from_command: true,
        }
    }

    /// The directories, in Python's order. If none of them is `enough`, a `python3` that is a script is asked as well.
    pub(super) fn sites(&self, search_path: Option<&OsStr>, enough: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
        let mut sites = self.path.clone();
        let command = || self.from_command.then(|| find_command(search_path)).flatten();
        if let Some(prefix) = &self.virtual_env {
            sites.extend(sites_of_virtual_env(prefix));
        } else if let Some(prefix) = &self.conda_prefix {
            sites.extend(sites_of_prefix(prefix, None));
        } else if let Some(command) = command() {
            sites.extend(self.sites_of_command(&command));
            if !is_program(&command) && !sites.iter().any(|site| enough(site)) {
                sites.extend(ask(&command, search_path, PATIENCE));
            }
        }
        sites.retain(|site| site.is_dir());
        let mut seen = Vec::new();
        sites.retain(|site| {
            let new = !seen.contains(site);
            seen.push(site.clone());
            new
        });
        sites
    }

    /// The directories of a `python3`, as far as its path tells.
    fn sites_of_command(&self, command: &Path) -> Vec<PathBuf> {
        let prefix = |command: &Path| command.parent().and_then(Path::parent).map(Path::to_owned);
        // In a virtual environment, the command is a link that must not be followed.
        if let Some(prefix) = prefix(command).filter(|prefix| prefix.join("pyvenv.cfg").is_file()) {
            return sites_of_virtual_env(&prefix);
        }
        if !is_program(command) {
            return Vec::new();
        }
        let Ok(real) = command.canonicalize() else {
            return Vec::new();
        };
        let version = real.file_name().and_then(OsStr::to_str).filter(|name| name.starts_with("python3."));
        let user = self.home.as_ref().map_or_else(Vec::new, |home| sites_of_prefix(&home.join(".local"), version));
        user.into_iter()
            .chain(prefix(&real).map_or_else(Vec::new, |prefix| sites_of_prefix(&prefix, version)))
            .collect()
    }
}

/// The directories of a virtual environment, and those of the Python that it belongs to, if it uses them.
fn sites_of_virtual_env(prefix: &Path) -> Vec<PathBuf> {
    let mut sites = sites_of_prefix(prefix, None);
    let config = fs::read_to_string(prefix.join("pyvenv.cfg")).unwrap_or_default();
    let value = |key: &str| {
        let mut pairs = config.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(k, _)| k.trim() == key).map(|(_, v)| v.trim())
    };
    if value("include-system-site-packages").is_some_and(|v| v.eq_ignore_ascii_case("true"))
        && let Some(base) = value("home").and_then(|home| Path::new(home).parent())
    {
        sites.extend(sites_of_prefix(base, None));
    }
    sites
}

/// The directories below a prefix, such as `/usr`. A `version` is `python3.12`; without one, the newest comes first.
fn sites_of_prefix(prefix: &Path, version: Option<&str>) -> Vec<PathBuf> {
    let mut sites = Vec::new();
    for lib in ["local/lib", "lib", "lib64"] {
        let lib = prefix.join(lib);
        let names = fs::read_dir(&lib).into_iter().flatten().flatten().map(|item| item.file_name());
        let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        let minor = |name: &str| name.strip_prefix("python3.").and_then(|minor| minor.parse::<u32>().ok());
        names.retain(|name| minor(name).is_some() && version.is_none_or(|version| version == name));
        names.sort_by_key(|name| std::cmp::Reverse(minor(name)));
        // Debian's packages are in directories of another name, those of its own Python without a version.
        for name in names {
            sites.extend(["site-packages", "dist-packages"].map(|site| lib.join(&name).join(site)));
        }
        sites.push(lib.join("python3").join("dist-packages"));
    }
    sites
}

/// Finds `python3`.
fn find_command(search_path: Option<&OsStr>) -> Option<PathBuf> {
    let path = search_path.map_or_else(|| std::env::var_os("PATH"), |path| Some(path.to_owned()))?;
    std::env::split_paths(&path).map(|dir| dir.join("python3")).find(|command| command.is_file())
}

/// Whether it is a program of the machine, and not a script.
fn is_program(command: &Path) -> bool {
    let mut head = [0; 4];
    fs::File::open(command).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"\x7fELF"
}

/// Runs `python3` and asks where it looks for packages. An answer that takes too long counts as none.
fn ask(command: &Path, search_path: Option<&OsStr>, patience: Duration) -> Vec<PathBuf> {
    let mut python = Command::new(command);
    python.args(["-c", "import sys\nfor path in sys.path: print(path)"]);
    python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(path) = search_path {
        python.env("PATH", path);
    }
    let Ok(mut child) = python.spawn() else {
        return Vec::new();
    };
    let (sender, said) = channel();
    let stdout = child.stdout.take();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map(|mut stdout| stdout.read_to_string(&mut text));
        let _ = sender.send(read.and_then(|read| read.ok()).map(|_| text));
    });
    let answer = said.recv_timeout(patience).ok().flatten();
    // It has ended, or it never will.
    let _ = child.kill();
    let _ = child.wait();
    // The rest of the list is Python's own library.
    let sites = answer.unwrap_or_default();
    sites.lines().filter(|line| line.ends_with("-packages")).map(PathBuf::from).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A directory with empty directories in it.
    fn tree(name: &str, dirs: &[&str]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("cotangent-python-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for dir in dirs {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        root.canonicalize().unwrap()
    }

    /// The directories that are there, relative to the root.
    fn sites(python: &Python, root: &Path) -> Vec<String> {
        let sites = python.sites(Some(root.join("bin").as_os_str()), &|_| false);
        let relative = |site: &PathBuf| site.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        sites.iter().map(relative).collect()
    }

    #[test]
    fn directories_are_in_the_order_of_python() {
        let dirs = [
            "usr/lib/python3.12/site-packages",
            "usr/lib/python3.9/site-packages",
            "usr/lib/python3/dist-packages",
            "usr/local/lib/python3.12/dist-packages",
            "usr/bin",
            "home/.local/lib/python3.12/site-packages",
            "env/lib/python3.12/site-packages",
            "extra",
            "bin",
        ];
        let root = tree("order", &dirs);
        let system = |python: &Python| sites(python, &root);
        let env = Python { virtual_env: Some(root.join("env")), ..Python::default() };
        fs::write(root.join("env/pyvenv.cfg"), "home = /nowhere/bin\ninclude-system-site-packages = false\n").unwrap();
        assert_eq!(system(&env), [dirs[6]]);
        let config = format!("home = {}\ninclude-system-site-packages = True\n", root.join("usr/bin").display());
        fs::write(root.join("env/pyvenv.cfg"), config).unwrap();
        assert_eq!(system(&env), [dirs[6], dirs[3], dirs[0], dirs[1], dirs[2]]);
        // A variable that names directories comes first, and an environment before the `python3` that is found.
        let both = Python { path: vec![root.join("extra"), root.join("nowhere")], from_command: true, ..env };
        assert_eq!(system(&both)[..2], ["extra", dirs[6]]);
        // The program that `python3` is a link to tells its version.
        fs::copy("/bin/true", root.join("usr/bin/python3.12")).unwrap();
        std::os::unix::fs::symlink(root.join("usr/bin/python3.12"), root.join("bin/python3")).unwrap();
        let command = Python { home: Some(root.join("home")), from_command: true, ..Python::default() };
        assert_eq!(system(&command), [dirs[5], dirs[3], dirs[0], dirs[2]]);
        assert_eq!(system(&Python::default()), [""; 0]);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_script_is_asked_and_not_waited_for_forever() {
        let root = tree("ask", &["bin"]);
        let command = root.join("bin/python3");
        let answer = |script: &str, patience: u64| {
            fs::write(&command, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
            ask(&command, None, Duration::from_millis(patience))
        };
        let sites = answer("echo; echo /usr/lib/python3.12; echo /usr/lib/python3/dist-packages", 60_000);
        assert_eq!(sites, [PathBuf::from("/usr/lib/python3/dist-packages")]);
        assert!(answer("exec sleep 60", 50).is_empty());
        assert!(answer("exit 1", 60_000).is_empty());
        fs::remove_dir_all(&root).unwrap();
    }
}
