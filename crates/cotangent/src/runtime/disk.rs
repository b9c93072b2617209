//! Compiled programs on disk, so that no process needs to compile what another one has compiled.
//!
//! The name of an entry is the SHA-256 of everything that determines the compiler's output: the program, the compile
//! options, the plugin's own hash, the processor, the kind of device, and `XLA_FLAGS`. An entry has a checksum; a damaged entry is removed
//! and made again. Entries appear by renaming, so no reader ever sees a partial one. Any fault on disk costs a compile
//! and nothing else. `COTANGENT_COMPILE_CACHE=0` turns the cache off.
//!
//! The directory has a size limit. When it is full, the least recently used entries are removed; an entry's
//! modification time is when it was last used. The directory is not scanned at each store. Instead, a counter file
//! beside it grows with what all processes have stored since the last scan.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::transfer::Site;

/// The first bytes of an entry; the digit is the version of the format.
const MAGIC: &[u8; 16] = b"cotangent-prog-1";
/// An entry is the magic, the key, the checksum of the payload, and the payload.
const HEADER: usize = 16 + 32 + 32;
/// The default limit of the directory's size.
pub(crate) const LIMIT: u64 = 1_000_000_000;
/// The number of stored bytes that one byte of the counter file stands for.
const PAGE: u64 = 4096;

pub(crate) type Key = [u8; 32];

/// A directory of compiled programs.
pub(crate) struct Disk {
    folder: PathBuf,
    limit: u64,
}

/// The directory of the user's programs, whether or not it is used.
pub(crate) fn folder() -> Option<PathBuf> {
    Some(xla::plugin::cache_dir().ok()?.join("programs"))
}

/// Whether the user wants programs to be stored.
pub(crate) fn is_on() -> bool {
    let off = std::env::var("COTANGENT_COMPILE_CACHE").is_ok_and(|v| matches!(&*v, "0" | "off" | "false"));
    !off && limit() != Ok(0)
}

/// The user's limit in bytes. The error is the text that is not a size.
pub(crate) fn limit() -> Result<u64, String> {
    match std::env::var("COTANGENT_COMPILE_CACHE_LIMIT") {
        Ok(text) if !text.trim().is_empty() => bytes(&text).ok_or(text),
        _ => Ok(LIMIT),
    }
}

/// Parses a size: `500MB`, `1.5 GB`, `2GiB`, or a number of bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024f64.powi(2),
        "gib" => 1024f64.powi(3),
        "tib" => 1024f64.powi(4),
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok().filter(|n| (0.0..1e15).contains(n))?;
    Some((number * factor) as u64)
}

impl Disk {
    /// The user's directory, unless it is turned off, or programs can be neither stored in it nor found there.
    pub(crate) fn open() -> Option<&'static Disk> {
        static DISK: OnceLock<Option<Disk>> = OnceLock::new();
        let open = || Some(Disk::at(folder()?, limit().unwrap_or(LIMIT))).filter(|disk| is_on() && disk.is_of_use());
        DISK.get_or_init(open).as_ref()
    }

    pub(crate) fn at(folder: PathBuf, limit: u64) -> Disk {
        Disk { folder, limit }
    }

    /// Whether programs can be stored here, or some can be read.
    fn is_of_use(&self) -> bool {
        let temporary = self.temporary();
        // Only a write reveals everything: permissions, a read-only file system, or a file in the way.
        let written = fs::create_dir_all(&self.folder).and_then(|()| fs::File::create(&temporary));
        if written.is_ok() {
            let _ = fs::remove_file(temporary);
        }
        written.is_ok() || !self.entries().is_empty()
    }

    /// The name of a file that no other process writes.
    fn temporary(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!("new-{}-{count}", std::process::id()))
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name: String = key.iter().map(|b| format!("{b:02x}")).collect();
        self.folder.join(name)
    }

    /// The program stored under `key`, if it is complete.
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
        // A recently used entry is not removed.
        let _ = file.set_modified(SystemTime::now());
        bytes.drain(..HEADER);
        Some(bytes)
    }

    /// Stores a program. It is harmless if another process stores the same one at the same time.
    pub(crate) fn store(&self, key: &Key, payload: &[u8]) {
        let temporary = self.temporary();
        let written = fs::create_dir_all(&self.folder).and_then(|()| {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(key)?;
            file.write_all(&Sha256::digest(payload))?;
            file.write_all(payload)?;
            fs::rename(&temporary, self.path(key))
        });
        match written {
            Ok(()) => self.count((HEADER + payload.len()) as u64),
            Err(_) => _ = fs::remove_file(&temporary),
        }
    }

    /// Removes a program.
    pub(crate) fn remove(&self, key: &Key) {
        let _ = fs::remove_file(self.path(key));
    }

    /// The counter file, which grows by a byte for each page that any process stores.
    fn counter(&self) -> PathBuf {
        self.folder.with_extension("stored")
    }

    /// Counts what was stored. Scans the directory if that amounts to an eighth of the limit, or if it has never been
    /// scanned.
    fn count(&self, stored: u64) {
        let pages = stored.div_ceil(PAGE);
        let counted = fs::File::options().create(true).append(true).open(self.counter()).and_then(|mut file| {
            file.write_all(&vec![b'.'; pages as usize])?;
            Ok((file.metadata()?.len(), file))
        });
        // If nothing can be written, nothing grows.
        let Ok((counted, file)) = counted else { return };
        if counted == pages || counted * PAGE > self.limit / 8 {
            self.prune();
            // One byte remains as a sign that the directory has been scanned.
            let _ = file.set_len(1);
        }
    }

    /// Removes the least recently used entries, if there is not enough space for what will be stored until the next
    /// scan. Other processes may do so at the same time, or read what is removed: an open file stays readable.
    fn prune(&self) {
        let mut entries = self.entries();
        let mut total: u64 = entries.iter().map(|e| e.1).sum();
        if total <= self.limit / 8 * 7 {
            return;
        }
        entries.sort();
        for (_, size, path) in entries {
            if total <= self.limit / 4 * 3 {
                break;
            }
            if is_gone(fs::remove_file(path)) {
                total -= size;
            }
        }
    }

    /// For each entry, when it was last used, its size, and its path.
    fn entries(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let listing = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        listing.filter_map(|e| e.metadata().ok().and_then(|m| Some((m.modified().ok()?, m.len(), e.path())))).collect()
    }

    /// The number of programs, and their total size in bytes.
    pub(crate) fn usage(&self) -> (usize, u64) {
        let entries = self.entries();
        (entries.len(), entries.iter().map(|e| e.1).sum())
    }

    /// Removes all programs. Returns their number and their total size in bytes.
    pub(crate) fn clear(&self) -> io::Result<(usize, u64)> {
        let mut gone = (0, 0);
        for (_, size, path) in self.entries() {
            match fs::remove_file(&path) {
                Ok(()) => gone = (gone.0 + 1, gone.1 + size),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
            }
        }
        let _ = fs::remove_file(self.counter());
        Ok(gone)
    }
}

/// Whether a file is gone, removed by this process or another.
fn is_gone(removed: io::Result<()>) -> bool {
    removed.map_or_else(|error| error.kind() == ErrorKind::NotFound, |()| true)
}

/// The key of a program: a hash of everything that determines the compiler's output.
///
/// The lines of the user's source are ignored; StableHLO text has them at its end. The plugin's hash is part of the key
/// only if the program is `stored` for other processes: for a plugin from outside the cache, the whole library must be
/// read.
pub(crate) fn key(site: Site<'_>, text: &str, options: &xla::CompileOptions, stored: bool) -> Option<Key> {
    let program = text.split("\n#loc").next().unwrap_or(text);
    let flags = std::env::var("XLA_FLAGS").unwrap_or_default();
    let mut hasher = Sha256::new();
    let client = site.client;
    let kind = &client.devices()[site.index].kind;
    // Of a CPU, the processor says more.
    let machine = if kind == "cpu" { processor().to_string() } else { format!("{} {kind}", processor()) };
    let parts: [&[u8]; 7] = [
        env!("CARGO_PKG_VERSION").as_bytes(),
        if stored { client.plugin().sha256().ok()?.as_bytes() } else { b"" },
        client.platform_version().as_bytes(),
        machine.as_bytes(),
        flags.as_bytes(),
        &options.encode(),
        program.as_bytes(),
    ];
    for part in parts {
        // Each part is preceded by its length, so that different lists of parts give different bytes.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Some(hasher.finalize().into())
}

/// Identifies the kind of processor. Programs contain machine code, and machines may share a home directory.
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

/// The beginning of a file. On a machine with many processors, the kernel takes long to produce the whole of it.
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
        let disk = Disk::at(folder, LIMIT);
        let _ = fs::remove_file(disk.counter());
        disk
    }

    /// Removes the files of a test.
    fn finish(disk: &Disk) {
        fs::remove_dir_all(&disk.folder).unwrap();
        fs::remove_file(disk.counter()).unwrap();
    }

    #[test]
    fn what_is_stored_comes_back_and_nothing_else() {
        let disk = disk("round");
        assert_eq!(disk.load(&[1; 32]), None);
        disk.store(&[1; 32], b"machine code");
        assert_eq!(disk.load(&[1; 32]).as_deref(), Some(&b"machine code"[..]));
        assert_eq!(disk.load(&[2; 32]), None);
        // An entry under a name that is not its own.
        fs::copy(disk.path(&[1; 32]), disk.path(&[2; 32])).unwrap();
        assert_eq!(disk.load(&[2; 32]), None);
        assert!(!disk.path(&[2; 32]).exists());
        finish(&disk);
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
        finish(&disk);
    }

    #[test]
    fn an_unwritable_folder_is_no_error() {
        let file = std::env::temp_dir().join(format!("cotangent-disk-{}-file", std::process::id()));
        fs::write(&file, "not a folder").unwrap();
        let disk = Disk::at(file.join("programs"), LIMIT);
        assert!(!disk.is_of_use());
        disk.store(&[1; 32], b"x");
        assert_eq!(disk.load(&[1; 32]), None);
        fs::remove_file(file).unwrap();
        // A directory that cannot be written but has entries to read.
        let disk = Disk::at("/proc/self/fdinfo".into(), LIMIT);
        assert!(fs::File::create(disk.temporary()).is_err() && disk.is_of_use());
    }

    /// Sets an entry's last use to this many seconds after the epoch.
    fn used(disk: &Disk, key: u8, seconds: u64) {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(disk.path(&[key; 32])).unwrap().set_modified(time).unwrap();
    }

    fn there(disk: &Disk, keys: u8) -> Vec<u8> {
        (0..keys).filter(|i| disk.path(&[*i; 32]).exists()).collect()
    }

    #[test]
    fn what_is_unused_for_longest_goes_first() {
        let mut disk = disk("prune");
        for i in 0..8u8 {
            disk.store(&[i; 32], &[i; 920]);
            used(&disk, i, u64::from(i));
        }
        // A use makes an entry recent again.
        assert!(disk.load(&[0; 32]).is_some());
        disk.limit = 9200;
        disk.prune();
        assert_eq!(there(&disk, 8).len(), 8);
        disk.limit = 8000;
        disk.prune();
        assert_eq!(there(&disk, 8), [0, 3, 4, 5, 6, 7]);
        // Entries that another process has removed count as gone.
        let entries = disk.entries();
        assert!(is_gone(fs::remove_file(&entries[0].2)) && is_gone(fs::remove_file(&entries[0].2)));
        assert_eq!(disk.clear().unwrap(), (5, 5000));
        assert_eq!(disk.usage(), (0, 0));
        fs::remove_dir_all(&disk.folder).unwrap();
    }

    #[test]
    fn the_folder_keeps_within_its_limit_and_is_seldom_looked_through() {
        let folder = disk("limit").folder;
        // Two processes that know nothing of each other.
        let disks = [Disk::at(folder.clone(), 400 * PAGE), Disk::at(folder, 400 * PAGE)];
        let page = vec![0; PAGE as usize - HEADER];
        let mut looks = 0;
        for i in 0..2000u64 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&i.to_le_bytes());
            disks[i as usize % 2].store(&key, &page);
            looks += usize::from(fs::metadata(disks[0].counter()).unwrap().len() == 1);
            if i % 50 == 0 {
                assert!(disks[0].usage().1 <= 400 * PAGE, "after {i}");
            }
        }
        assert!((30..60).contains(&looks), "{looks}");
        assert!(disks[0].usage().1 > 250 * PAGE);
        finish(&disks[0]);
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, size) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("500MB", Some(500_000_000)),
            (" 1.5 gb ", Some(1_500_000_000)),
            ("2GiB", Some(2 << 30)),
            ("300M", Some(300_000_000)),
            ("much", None),
            ("-1", None),
            ("1 XB", None),
            ("", None),
        ] {
            assert_eq!(bytes(text), size, "{text}");
        }
    }
}
