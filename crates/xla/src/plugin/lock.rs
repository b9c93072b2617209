//! `third_party/plugins.lock`: which plugins may be fetched, and the libraries that the plugins for GPUs load.
//!
//! The file is a small piece of TOML: tables of the arrays `plugin` and `library`, each line `key = "text"`.

use std::sync::OnceLock;

use super::{Platform, Toolkit};

/// A wheel, as pip is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) sha256: &'static str,
    pub(crate) size: u64,
}

impl Wheel {
    /// Package and version, for messages.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.package, self.version)
    }
}

/// One wheel that holds a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockEntry {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The platform that the plugin computes on.
    pub platform: Platform,
    /// The machines it runs on, such as `linux-x86_64`.
    pub target: &'static str,
    /// The platform tag of the wheel.
    pub wheel_tag: &'static str,
    /// SHA-256 of the wheel, in lower-case hexadecimal digits.
    pub wheel_sha256: &'static str,
    /// Size of the wheel in bytes.
    pub wheel_size: u64,
    /// Path of the shared library inside the wheel.
    pub library: &'static str,
    /// SHA-256 of the library.
    pub library_sha256: &'static str,
    /// Size of the library in bytes.
    pub library_size: u64,
    /// The XLA it contains: `jaxlib 0.11.2; PJRT 0.115, StableHLO 1.20.0`.
    pub xla: &'static str,
    /// The license, as the package states it.
    pub licence: &'static str,
}

impl LockEntry {
    /// Package and version, for messages.
    pub fn label(&self) -> String {
        format!("{} {}", self.package, self.version)
    }

    /// The file name of the library.
    pub fn file_name(&self) -> &'static str {
        self.library.rsplit('/').next().unwrap_or(self.library)
    }

    /// Whether it is for the machine this program runs on.
    pub fn fits_this_machine(&self) -> bool {
        self.target == target()
    }

    /// The release of CUDA that it needs; `None` if it needs none.
    pub fn toolkit(&self) -> Option<Toolkit> {
        Toolkit::of_plugin(self.library)
    }

    pub(crate) fn wheel(&self) -> Wheel {
        Wheel {
            package: self.package,
            version: self.version,
            tag: self.wheel_tag,
            sha256: self.wheel_sha256,
            size: self.wheel_size,
        }
    }
}

/// One wheel of NVIDIA's that a plugin for GPUs uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryEntry {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The release of CUDA that it belongs to.
    pub toolkit: Toolkit,
    /// Whether programs need it to be compiled, and not only to run.
    pub compiles: bool,
    /// The machines it runs on, such as `linux-x86_64`.
    pub target: &'static str,
    /// The platform tag of the wheel.
    pub wheel_tag: &'static str,
    /// SHA-256 of the wheel, in lower-case hexadecimal digits.
    pub wheel_sha256: &'static str,
    /// Size of the wheel in bytes.
    pub wheel_size: u64,
    /// What is unpacked: paths inside the wheel, separated by spaces.
    pub files: &'static str,
    /// SHA-256 of the list of these files, each with its own SHA-256 and size.
    pub files_sha256: &'static str,
    /// Total size of these files in bytes.
    pub files_size: u64,
    /// The licence, as the package states it.
    pub licence: &'static str,
}

impl LibraryEntry {
    /// Package and version, for messages.
    pub fn label(&self) -> String {
        self.wheel().label()
    }

    /// Whether it is for the machine this program runs on.
    pub fn fits_this_machine(&self) -> bool {
        self.target == target()
    }

    /// Whether the file with this path inside the wheel is unpacked.
    pub(crate) fn unpacks(&self, name: &str) -> bool {
        self.files.split_ascii_whitespace().any(|path| name == path)
    }

    pub(crate) fn wheel(&self) -> Wheel {
        Wheel {
            package: self.package,
            version: self.version,
            tag: self.wheel_tag,
            sha256: self.wheel_sha256,
            size: self.wheel_size,
        }
    }
}

/// This machine, as the lock names it.
pub fn target() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// What a lock lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The plugins, in order of preference.
    pub plugins: Vec<LockEntry>,
    /// The libraries of the plugins for GPUs.
    pub libraries: Vec<LibraryEntry>,
}

/// The built-in lock.
pub fn lock() -> &'static Lock {
    static LOCK: OnceLock<Lock> = OnceLock::new();
    LOCK.get_or_init(|| parse(include_str!("../../plugins.lock")).expect("a unit test parses the built-in lock"))
}

/// Parses a lock. The error names the line.
pub fn parse(text: &'static str) -> Result<Lock, String> {
    let mut lock = Lock::default();
    let mut table: Option<Table> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(kind) = ["plugin", "library"].into_iter().find(|kind| line == format!("[[{kind}]]")) {
            if let Some(table) = table.replace(Table { kind, line: number, fields: Vec::new() }) {
                table.add_to(&mut lock)?;
            }
            continue;
        }
        let field = line.split_once('=').and_then(|(key, value)| {
            let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
            (!value.contains(['"', '\\'])).then_some((key.trim(), value))
        });
        match (field, &mut table) {
            (Some(field), Some(table)) => table.fields.push(field),
            _ => {
                return Err(format!("line {number} is neither [[plugin]] nor [[library]] nor key = \"text\""));
            }
        }
    }
    if let Some(table) = table {
        table.add_to(&mut lock)?;
    }
    Ok(lock)
}

/// A table of the file.
struct Table {
    kind: &'static str,
    line: usize,
    fields: Vec<(&'static str, &'static str)>,
}

impl Table {
    fn wrong(&self, what: std::fmt::Arguments<'_>) -> String {
        format!("the {} at line {} {what}", self.kind, self.line)
    }

    fn get(&self, key: &str) -> Result<&'static str, String> {
        let mut values = self.fields.iter().filter(|(k, _)| *k == key).map(|(_, v)| *v);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(self.wrong(format_args!("has no {key}"))),
            (Some(_), Some(_)) => Err(self.wrong(format_args!("has {key} twice"))),
        }
    }

    fn sha256(&self, key: &str) -> Result<&'static str, String> {
        let value = self.get(key)?;
        let digits = value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match value.len() == 64 && digits {
            true => Ok(value),
            false => Err(self.wrong(format_args!("has no SHA-256 in lower-case digits as {key}"))),
        }
    }

    fn size(&self, key: &str) -> Result<u64, String> {
        self.get(key)?.parse().map_err(|_| self.wrong(format_args!("has no number as {key}")))
    }

    fn add_to(&self, lock: &mut Lock) -> Result<(), String> {
        let unknown = |what: &str, value: &str| self.wrong(format_args!("has the unknown {what} {value}"));
        let (package, version, target) = (self.get("package")?, self.get("version")?, self.get("target")?);
        let (wheel_tag, licence) = (self.get("wheel_tag")?, self.get("licence")?);
        let (wheel_sha256, wheel_size) = (self.sha256("wheel_sha256")?, self.size("wheel_size")?);
        if self.kind == "plugin" {
            lock.plugins.push(LockEntry {
                package,
                version,
                platform: match self.get("platform")? {
                    "cpu" => Platform::Cpu,
                    "cuda" => Platform::Cuda,
                    other => return Err(unknown("platform", other)),
                },
                target,
                wheel_tag,
                wheel_sha256,
                wheel_size,
                library: self.get("library")?,
                library_sha256: self.sha256("library_sha256")?,
                library_size: self.size("library_size")?,
                xla: self.get("xla")?,
                licence,
            });
        } else {
            let toolkit = self.get("toolkit")?;
            lock.libraries.push(LibraryEntry {
                package,
                version,
                toolkit: Toolkit::named(toolkit).ok_or_else(|| unknown("toolkit", toolkit))?,
                compiles: match self.get("needed_to")? {
                    "compile" => true,
                    "run" => false,
                    other => return Err(unknown("purpose", other)),
                },
                target,
                wheel_tag,
                wheel_sha256,
                wheel_size,
                files: self.get("files")?,
                files_sha256: self.sha256("files_sha256")?,
                files_size: self.size("files_size")?,
                licence,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_lock_is_sound() {
        let Lock { plugins: entries, libraries } = lock();
        let first = |platform, target: &str| {
            entries.iter().find(|e| e.platform == platform && e.target == target).map(|e| e.package)
        };
        assert_eq!(first(Platform::Cpu, "linux-x86_64"), Some("lammps-jax-pjrt-cpu"));
        assert_eq!(first(Platform::Cpu, "linux-aarch64"), Some("xla-cpu-pjrt"));
        assert_eq!(first(Platform::Cuda, "linux-x86_64"), Some("jax-cuda13-pjrt"));
        assert!(entries.iter().all(|e| e.file_name().ends_with(".so")));
        assert!(entries.iter().all(|e| e.toolkit().is_some() == (e.platform == Platform::Cuda)));
        // Every plugin for GPUs comes with the same libraries, and with what compiles programs.
        for plugin in entries.iter().filter(|e| e.platform == Platform::Cuda) {
            let fits = |e: &&LibraryEntry| Some(e.toolkit) == plugin.toolkit() && e.target == plugin.target;
            let files: Vec<_> = libraries.iter().filter(fits).flat_map(|e| e.files.split_ascii_whitespace()).collect();
            for file in ["ptxas", "libdevice.10.bc", "libcublasLt.so", "libcudnn.so", "libcufft.so", "libcusolver.so"] {
                assert!(files.iter().any(|path| path.contains(file)), "{} for {}", plugin.package, plugin.target);
            }
            let tools = libraries.iter().filter(fits).filter(|e| e.compiles).map(|e| e.wheel_size).sum::<u64>();
            assert!(tools < 150_000_000, "{} for {}", plugin.package, plugin.target);
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text| parse(text).unwrap_err();
        assert!(error("[[plugin]]\npackage = unquoted").contains("line 2"));
        assert!(error("package = \"x\"").contains("line 1"));
        assert!(error("[[plugin]]\npackage = \"x\"").contains("no version"));
        assert!(error("[[plugin]]\npackage = \"x\"\npackage = \"x\"").contains("twice"));
        assert!(error("[[library]]\npackage = \"x\"").contains("the library at line 1 has no version"));
        assert_eq!(parse("# nothing\n\n"), Ok(Lock::default()));
    }
}
