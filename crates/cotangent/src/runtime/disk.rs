//! Compiled programs on disk, so that a process need not compile what another one has.
//!
//! An entry is named by the SHA-256 of everything that decides what the compiler makes: the program, the compile
//! options, the plugin's own hash, the processor, `XLA_FLAGS`. It carries a checksum; a damaged entry is removed
//! and made again. Entries appear by renaming, so no reader ever sees half of one. Whatever goes wrong on disk
//! costs a compile and nothing else. `COTANGENT_COMPILE_CACHE=0` turns it off.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// The first bytes of an entry; the digit is the version of the format.
const MAGIC: &[u8; 16] = b"cotangent-prog-1";
/// An entry is the magic, the key, the checksum of the payload, and the payload.
const HEADER: usize = 16 + 32 + 32;
/// When the folder is larger than this, the entries unused for longest go.
const LIMIT: u64 = 512 << 20;

pub(crate) type Key = [u8; 32];

/// A folder of compiled programs.
pub(crate) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// The user's folder, unless it is turned off or there is none.
    pub(crate) fn open() -> Option<&'static Disk> {
        static DISK: OnceLock<Option<Disk>> = OnceLock::new();
        DISK.get_or_init(|| {
            let off = std::env::var("COTANGENT_COMPILE_CACHE").is_ok_and(|v| matches!(&*v, "0" | "off" | "false"));
            if off {
                return None;
            }
            Some(Disk::at(xla::plugin::cache_dir().ok()?.join("programs")))
        })
        .as_ref()
    }

    pub(crate) fn at(folder: PathBuf) -> Disk {
        Disk { folder }
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name: String = key.iter().map(|b| format!("{b:02x}")).collect();
        self.folder.join(name)
    }

    /// The program stored under `key`, if it is whole.
    pub(crate) fn load(&self, key: &Key) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut file = fs::File::open(&path).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let whole = bytes.len() > HEADER
            && bytes[..16] == *MAGIC
            && bytes[16..48] == *key
            && bytes[48..HEADER] == *Sha256::digest(&bytes[HEADER..]);
        if !whole {
            self.remove(key);
            return None;
        }
        // What is used stays when others are thrown out.
        let _ = file.set_modified(SystemTime::now());
        bytes.drain(..HEADER);
        Some(bytes)
    }

    /// Stores a program. Another process that stores the same one at the same time does no harm.
    pub(crate) fn store(&self, key: &Key, payload: &[u8]) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Looking through the folder takes milliseconds: a process that compiles nothing does not do it at all.
        if count == 0 {
            self.prune(LIMIT);
        }
        let unique = format!("new-{}-{count}", std::process::id());
        let temporary = self.folder.join(unique);
        let written = fs::create_dir_all(&self.folder).and_then(|()| {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(key)?;
            file.write_all(&Sha256::digest(payload))?;
            file.write_all(payload)?;
            fs::rename(&temporary, self.path(key))
        });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }

    /// Forgets a program.
    pub(crate) fn remove(&self, key: &Key) {
        let _ = fs::remove_file(self.path(key));
    }

    /// Removes the entries unused for longest until the folder is well within `limit`.
    fn prune(&self, limit: u64) {
        let Ok(listing) = fs::read_dir(&self.folder) else { return };
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = (listing.flatten())
            .filter_map(|e| e.metadata().ok().and_then(|m| Some((m.modified().ok()?, m.len(), e.path()))))
            .collect();
        let mut total: u64 = entries.iter().map(|e| e.1).sum();
        if total <= limit {
            return;
        }
        entries.sort();
        for (_, size, path) in entries {
            if total <= limit / 4 * 3 {
                break;
            }
            if fs::remove_file(path).is_ok() {
                total -= size;
            }
        }
    }
}

/// The name of a program: a hash of all that decides what the compiler makes of it.
///
/// The lines of the user's source do not count: StableHLO text keeps them at its end.
pub(crate) fn key(client: &xla::Client, text: &str, options: &xla::CompileOptions) -> Option<Key> {
    let program = text.split("\n#loc").next().unwrap_or(text);
    let flags = std::env::var("XLA_FLAGS").unwrap_or_default();
    let mut hasher = Sha256::new();
    let parts: [&[u8]; 7] = [
        env!("CARGO_PKG_VERSION").as_bytes(),
        client.plugin().sha256().ok()?.as_bytes(),
        client.platform_version().as_bytes(),
        processor().as_bytes(),
        flags.as_bytes(),
        &options.encode(),
        program.as_bytes(),
    ];
    for part in parts {
        // Each part is preceded by its length, so that no two lists of parts are the same bytes.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Some(hasher.finalize().into())
}

/// What tells processors apart: programs hold machine code, and a home folder may be shared by many machines.
pub(crate) fn processor() -> &'static str {
    static PROCESSOR: OnceLock<String> = OnceLock::new();
    PROCESSOR.get_or_init(|| {
        let facts = |text: &str| -> String {
            let known = ["model name", "flags", "Features", "CPU implementer", "CPU part"];
            let mut lines: Vec<&str> = text.lines().filter(|l| known.iter().any(|k| l.starts_with(k))).collect();
            lines.dedup();
            lines.truncate(3);
            lines.join("\n")
        };
        let facts = first_page(Path::new("/proc/cpuinfo")).map(|text| facts(&text)).unwrap_or_default();
        format!("{} {facts}", std::env::consts::ARCH)
    })
}

/// The beginning of a file: on a machine with many processors the whole of it takes long to make.
fn first_page(path: &Path) -> Option<String> {
    let mut text = vec![0; 4096];
    let n = fs::File::open(path).ok()?.read(&mut text).ok()?;
    text.truncate(n);
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str) -> Disk {
        let folder = std::env::temp_dir().join(format!("cotangent-disk-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Disk::at(folder)
    }

    #[test]
    fn what_is_stored_comes_back_and_nothing_else() {
        let disk = disk("round");
        assert_eq!(disk.load(&[1; 32]), None);
        disk.store(&[1; 32], b"machine code");
        assert_eq!(disk.load(&[1; 32]).as_deref(), Some(&b"machine code"[..]));
        assert_eq!(disk.load(&[2; 32]), None);
        // An entry that stands under a name that is not its own.
        fs::copy(disk.path(&[1; 32]), disk.path(&[2; 32])).unwrap();
        assert_eq!(disk.load(&[2; 32]), None);
        assert!(!disk.path(&[2; 32]).exists());
        fs::remove_dir_all(&disk.folder).unwrap();
    }

    #[test]
    fn damaged_entries_are_dropped() {
        let disk = disk("damage");
        let key = [7; 32];
        disk.store(&key, &[5; 1000]);
        let whole = fs::read(disk.path(&key)).unwrap();
        for at in [0, 15, 16, 47, 48, 79, 80, 500, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(disk.path(&key), damaged).unwrap();
            assert_eq!(disk.load(&key), None, "a flipped bit in byte {at}");
            assert!(!disk.path(&key).exists());
        }
        for length in [0, 1, 16, HEADER, HEADER + 1, whole.len() - 1] {
            fs::write(disk.path(&key), &whole[..length]).unwrap();
            assert_eq!(disk.load(&key), None, "cut to {length} bytes");
        }
        fs::remove_dir_all(&disk.folder).unwrap();
    }

    #[test]
    fn an_unwritable_folder_is_no_error() {
        let file = std::env::temp_dir().join(format!("cotangent-disk-{}-file", std::process::id()));
        fs::write(&file, "not a folder").unwrap();
        let disk = Disk::at(file.join("programs"));
        disk.store(&[1; 32], b"x");
        assert_eq!(disk.load(&[1; 32]), None);
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn the_oldest_go_first() {
        let disk = disk("prune");
        for i in 0..4u8 {
            disk.store(&[i; 32], &[i; 920]);
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(i));
            fs::File::options().write(true).open(disk.path(&[i; 32])).unwrap().set_modified(time).unwrap();
        }
        disk.prune(3000);
        let left: Vec<bool> = (0..4u8).map(|i| disk.path(&[i; 32]).exists()).collect();
        assert_eq!(left, [false, false, true, true]);
        fs::remove_dir_all(&disk.folder).unwrap();
    }
}
