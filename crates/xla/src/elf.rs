//! What is read from shared libraries without loading them: whether a file is complete, which the dynamic loader does
//! not check, and which libraries it depends on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Says what is wrong with the file if it is a truncated ELF file or not a library at all.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let meta = file.metadata().map_err(|e| e.to_string())?;
    if !meta.is_file() {
        return Err("it is not a regular file".into());
    }
    if meta.len() == 0 {
        return Err("the file is empty".into());
    }
    if !cfg!(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")) {
        return Ok(());
    }
    let mut head = [0; 64];
    file.read_exact(&mut head).map_err(|_| "it is not a shared library".to_string())?;
    if head[..4] != *b"\x7fELF" {
        return Err("it is not a shared library (no ELF header)".into());
    }
    if head[4] != 2 || head[5] != 1 {
        return Err("it is not a 64-bit little-endian library".into());
    }
    let whole = |offset: u64, size: u64| match offset.checked_add(size) {
        Some(end) if end <= meta.len() => Ok(()),
        _ => Err("the file is truncated".to_string()),
    };
    // The section headers are not mapped. They come last, so they reveal any truncation.
    let (offset, entry, count) = (u64_at(&head, 40), u16_at(&head, 58), u16_at(&head, 60));
    whole(offset, u64::from(entry) * u64::from(count))?;
    let (offset, entry, count) = (u64_at(&head, 32), u16_at(&head, 54), u16_at(&head, 56));
    let size = u64::from(entry) * u64::from(count);
    whole(offset, size)?;
    if entry < 56 {
        return Err("its program headers are malformed".into());
    }
    let mut segments = vec![0; size as usize];
    file.seek(SeekFrom::Start(offset)).map_err(|e| e.to_string())?;
    file.read_exact(&mut segments).map_err(|e| e.to_string())?;
    for segment in segments.chunks_exact(entry.into()) {
        whole(u64_at(segment, 8), u64_at(segment, 32))?;
    }
    Ok(())
}

/// The names of the libraries that a library depends on, such as `libcublasLt.so.12`.
pub(crate) fn dependencies(path: &Path) -> io::Result<Vec<String>> {
    /// Kinds of segments: what is loaded, and the table for the dynamic loader.
    const LOAD: u32 = 1;
    const DYNAMIC: u32 = 2;
    /// Entries of that table: a library that is needed, and where the names are.
    const NEEDED: u64 = 1;
    const NAMES: u64 = 5;
    const NAMES_SIZE: u64 = 10;
    /// More than any library has. Damaged sizes must not take all memory.
    const LIMIT: u64 = 1 << 26;

    let mut file = File::open(path)?;
    let mut read = |offset: u64, size: u64| {
        let mut bytes = vec![0; size.min(LIMIT) as usize];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes).map(|()| bytes)
    };
    let head = read(0, 64)?;
    if head[..6] != *b"\x7fELF\x02\x01" {
        return Err(io::Error::other("it is not a 64-bit little-endian library"));
    }
    let (offset, entry, count) = (u64_at(&head, 32), u16_at(&head, 54), u16_at(&head, 56));
    if entry < 56 {
        return Err(io::Error::other("its program headers are malformed"));
    }
    let segments = read(offset, u64::from(entry) * u64::from(count))?;
    let of_kind = |kind: u32| segments.chunks_exact(entry.into()).filter(move |s| u32_at(s, 0) == kind);
    let Some(dynamic) = of_kind(DYNAMIC).next() else {
        return Ok(Vec::new());
    };
    let table = read(u64_at(dynamic, 8), u64_at(dynamic, 32))?;
    let entries = |tag: u64| table.chunks_exact(16).filter(move |e| u64_at(e, 0) == tag).map(|e| u64_at(e, 8));
    let (Some(address), Some(size)) = (entries(NAMES).next(), entries(NAMES_SIZE).next()) else {
        return Ok(Vec::new());
    };
    // The table has addresses; the segments say where in the file they are.
    let place = |segment: &[u8]| {
        let within = address.checked_sub(u64_at(segment, 16)).filter(|within| *within < u64_at(segment, 32))?;
        u64_at(segment, 8).checked_add(within)
    };
    let Some(offset) = of_kind(LOAD).find_map(place) else {
        return Ok(Vec::new());
    };
    let names = read(offset, size)?;
    let name = |at: u64| {
        let bytes = names.get(usize::try_from(at).ok()?..)?;
        let end = bytes.iter().position(|b| *b == 0)?;
        Some(String::from_utf8_lossy(&bytes[..end]).into_owned())
    };
    Ok(entries(NEEDED).filter_map(name).collect())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_library_cut_short_is_found() {
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let dir = std::env::temp_dir().join(format!("cotangent-elf-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("lib.so");
        let verdict = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            check(&path)
        };
        assert_eq!(verdict(&whole), Ok(()));
        for len in [0, 4, 63, 64, 200, 4096, whole.len() / 3] {
            assert!(verdict(&whole[..len]).is_err(), "{len} bytes");
        }
        assert!(verdict(b"#!/bin/sh\necho not a library; this is a script of some length\n").is_err());
        assert!(check(&dir).is_err());
        let needs = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            dependencies(&path)
        };
        assert!(needs(&whole).unwrap().iter().any(|name| name.starts_with("libc.so")));
        for len in [0, 4, 63, 64, 200, 4096] {
            assert!(needs(&whole[..len]).is_err(), "{len} bytes");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
