//! Pages of a plugin's code that are in memory and no longer needed.

use std::path::Path;

use crate::library::Plugin;

/// A part of a library's file as it is mapped: addresses, and what `/proc/self/smaps` says of them.
struct Mapping {
    start: usize,
    end: usize,
    writable: bool,
    private_bytes: usize,
    resident_bytes: usize,
}

/// The mappings of a file. `None` if the text is not as expected.
fn mappings(smaps: &str, file: &Path) -> Option<Vec<Mapping>> {
    let mut found: Vec<Mapping> = Vec::new();
    let mut wanted = false;
    for line in smaps.lines() {
        // A header has the addresses, permissions, offset, device, inode and path; the other lines are `Name: value`.
        let (first, rest) = line.split_once(' ')?;
        if let Some(name) = first.strip_suffix(':') {
            let bytes = || rest.trim().strip_suffix(" kB").and_then(|n| n.parse::<usize>().ok()).map(|n| n * 1024);
            match (wanted, name, found.last_mut()) {
                (true, "Rss", Some(last)) => last.resident_bytes = bytes()?,
                (true, "Anonymous", Some(last)) => last.private_bytes = bytes()?,
                _ => {}
            }
            continue;
        }
        let mut words = rest.splitn(5, ' ');
        let permissions = words.next()?;
        wanted = words.nth(3).is_some_and(|path| Path::new(path.trim_start()) == file);
        if wanted {
            let (start, end) = first.split_once('-')?;
            let [start, end] = [start, end].map(|n| usize::from_str_radix(n, 16).ok());
            // What is not said counts as private.
            let (private_bytes, resident_bytes) = (usize::MAX, 0);
            found.push(Mapping {
                start: start?,
                end: end?,
                writable: permissions.contains('w'),
                private_bytes,
                resident_bytes,
            });
        }
    }
    Some(found)
}

/// Removes pages of the loaded plugins' code and constants from the memory of this process, and returns their number of bytes.
/// They stay in the system's cache of files, from which those that are used again come back.
///
/// Loading a plugin and compiling touch many pages that running programs never needs.
pub fn release_code() -> usize {
    Plugin::loaded().iter().map(|plugin| release(plugin.real_path())).sum()
}

#[cfg(target_os = "linux")]
fn release(file: &Path) -> usize {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut bytes = 0;
    // Pages that were written to would be lost: what the loader relocated, for example.
    let clean = mappings(&smaps, file).unwrap_or_default().into_iter().filter(|m| !m.writable && m.private_bytes == 0);
    for mapping in clean {
        // SAFETY: the mapping is of a plugin's file, and a plugin is never unloaded, so the addresses stay its own. It cannot be
        // written to and has no page that differs from the file, so a page that is accessed again is read from the file with
        // the same content. Other threads may use it in the meantime.
        let done = unsafe {
            let start = std::ptr::with_exposed_provenance_mut(mapping.start);
            rustix::mm::madvise(start, mapping.end - mapping.start, rustix::mm::Advice::LinuxDontNeed)
        };
        if done.is_ok() {
            bytes += mapping.resident_bytes;
        }
    }
    bytes
}

#[cfg(not(target_os = "linux"))]
fn release(_: &Path) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_clean_and_read_only_is_found() {
        let smaps = "7f00-7f10 r--p 00000000 fe:00 42   /a b/plugin.so\nSize: 64 kB\nRss: 12 kB\nAnonymous: 0 kB\n\
                     VmFlags: rd mr mw me sd \n\
                     7f10-7f20 rw-p 00000000 fe:00 42   /a b/plugin.so\nRss: 8 kB\nAnonymous: 4 kB\n\
                     7f20-7f30 r-xp 00000000 fe:00 43   /other.so\nRss: 99 kB\nAnonymous: 0 kB\n\
                     7f30-7f40 rw-p 00000000 00:00 0 \nRss: 5 kB\nAnonymous: 5 kB\n\
                     7f40-7f50 r--p 00000000 fe:00 42   /a b/plugin.so\nRss: 4 kB\n";
        let found = mappings(smaps, Path::new("/a b/plugin.so")).unwrap();
        let seen: Vec<_> = found.iter().map(|m| (m.start, m.writable, m.private_bytes, m.resident_bytes)).collect();
        let missing = usize::MAX;
        assert_eq!(seen, [(0x7f00, false, 0, 12 << 10), (0x7f10, true, 4096, 8192), (0x7f40, false, missing, 4096)]);
        assert!(mappings("something else", Path::new("/a b/plugin.so")).is_none_or(|m| m.is_empty()));
    }
}
