//! `third_party/plugins.lock`: which plugins may be fetched.
//!
//! The file is a small piece of TOML: tables of the array `plugin`, each line `key = "text"`.

use std::sync::OnceLock;

use super::Platform;

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
}

/// This machine, as the lock names it.
pub fn target() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The entries of the built-in lock, in order of preference.
pub fn lock_entries() -> &'static [LockEntry] {
    static ENTRIES: OnceLock<Vec<LockEntry>> = OnceLock::new();
    ENTRIES.get_or_init(|| parse(include_str!("../../plugins.lock")).expect("a unit test parses the built-in lock"))
}

/// Parses a lock. The error names the line.
pub fn parse(text: &'static str) -> Result<Vec<LockEntry>, String> {
    let mut entries = Vec::new();
    let mut table: Option<(usize, Vec<(&str, &'static str)>)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[plugin]]" {
            if let Some((at, fields)) = table.replace((number, Vec::new())) {
                entries.push(entry(at, &fields)?);
            }
            continue;
        }
        let field = line.split_once('=').and_then(|(key, value)| {
            let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
            (!value.contains(['"', '\\'])).then_some((key.trim(), value))
        });
        match (field, &mut table) {
            (Some(field), Some((_, fields))) => fields.push(field),
            _ => {
                return Err(format!("line {number} is neither [[plugin]] nor key = \"text\""));
            }
        }
    }
    if let Some((at, fields)) = table {
        entries.push(entry(at, &fields)?);
    }
    Ok(entries)
}

fn entry(at: usize, fields: &[(&str, &'static str)]) -> Result<LockEntry, String> {
    let get = |key: &str| {
        let mut values = fields.iter().filter(|(k, _)| *k == key).map(|(_, v)| *v);
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(format!("the plugin at line {at} has no {key}")),
            (Some(_), Some(_)) => Err(format!("the plugin at line {at} has {key} twice")),
        }
    };
    let sha256 = |key: &str| {
        let value = get(key)?;
        let digits = value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if value.len() == 64 && digits {
            Ok(value)
        } else {
            Err(format!("{key} of the plugin at line {at} is not a SHA-256 in lower-case digits"))
        }
    };
    let size = |key: &str| get(key)?.parse().map_err(|_| format!("{key} of the plugin at line {at} is not a number"));
    Ok(LockEntry {
        package: get("package")?,
        version: get("version")?,
        platform: match get("platform")? {
            "cpu" => Platform::Cpu,
            "cuda" => Platform::Cuda,
            other => return Err(format!("the plugin at line {at} has the unknown platform {other}")),
        },
        target: get("target")?,
        wheel_tag: get("wheel_tag")?,
        wheel_sha256: sha256("wheel_sha256")?,
        wheel_size: size("wheel_size")?,
        library: get("library")?,
        library_sha256: sha256("library_sha256")?,
        library_size: size("library_size")?,
        xla: get("xla")?,
        licence: get("licence")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_lock_is_sound() {
        let entries = lock_entries();
        let first = |platform, target: &str| {
            entries.iter().find(|e| e.platform == platform && e.target == target).map(|e| e.package)
        };
        assert_eq!(first(Platform::Cpu, "linux-x86_64"), Some("lammps-jax-pjrt-cpu"));
        assert_eq!(first(Platform::Cpu, "linux-aarch64"), Some("xla-cpu-pjrt"));
        assert_eq!(first(Platform::Cuda, "linux-x86_64"), Some("jax-cuda12-pjrt"));
        assert!(entries.iter().all(|e| e.file_name().ends_with(".so")));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text| parse(text).unwrap_err();
        assert!(error("[[plugin]]\npackage = unquoted").contains("line 2"));
        assert!(error("package = \"x\"").contains("line 1"));
        assert!(error("[[plugin]]\npackage = \"x\"").contains("no version"));
        assert!(error("[[plugin]]\npackage = \"x\"\npackage = \"x\"").contains("twice"));
        assert_eq!(parse("# nothing\n\n"), Ok(Vec::new()));
    }
}
