//! Notebooks of evcxr: how values and errors are shown, and the lines of cells.
//!
//! Evcxr compiles each cell as `src/lib.rs` of a package of its own, so the number of a line says nothing to a reader.
//! The line itself does.

use std::fs;
use std::path::Path;

use super::{Error, Loc};

/// Prints a value as text and as HTML, between the lines that evcxr looks for. It is one piece, so that the output of
/// other threads stays outside.
pub(crate) fn print(text: &str, html: &str) {
    let content = |mime: &str, body: &str| format!("EVCXR_BEGIN_CONTENT {mime}\n{body}\nEVCXR_END_CONTENT\n");
    print!("{}{}", content("text/plain", text), content("text/html", html));
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Shows an error below the cell that raises it.
pub(super) fn show(error: &Error) {
    let text = error.to_string();
    let style = "font-family:monospace;margin:0;padding:0.5em 1em;border-left:4px solid #d33;white-space:pre-wrap";
    print(&text, &format!("<pre class=\"cotangent-error\" style=\"{style}\">{}</pre>", escaped(&text)));
}

/// The code at a location, if that is in a notebook.
///
/// The location is in the memory of the library that its cell was compiled into, `libcode_N.so`. The source of the
/// newest such library is still there. Those of earlier cells are not, since all are written to one file.
pub(super) fn code(location: Loc) -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let (path, is_newest) = library(&maps, std::ptr::from_ref(location).addr())?;
    if !is_newest {
        return Some("an earlier cell".into());
    }
    let package = Path::new(path).ancestors().find(|folder| folder.join(location.file()).is_file())?;
    let text = fs::read_to_string(package.join(location.file())).ok()?;
    let line = text.lines().nth((location.line() as usize).checked_sub(1)?)?.trim();
    (!line.is_empty()).then(|| line.to_string())
}

/// The library of the cell that the address belongs to, and whether it is the newest.
fn library(maps: &str, address: usize) -> Option<(&str, bool)> {
    let number = |path: &str| path.rsplit_once("/libcode_")?.1.strip_suffix(".so")?.parse::<u32>().ok();
    let parts = maps.lines().filter_map(|line| {
        let path = &line[line.find('/')?..];
        let (low, high) = line.split_whitespace().next()?.split_once('-')?;
        let [low, high] = [low, high].map(|end| usize::from_str_radix(end, 16));
        Some((number(path)?, path, low.ok()?..high.ok()?))
    });
    let parts: Vec<_> = parts.collect();
    let newest = parts.iter().map(|(number, ..)| *number).max()?;
    parts.iter().find(|(.., range)| range.contains(&address)).map(|(number, path, _)| (*path, *number == newest))
}

#[cfg(test)]
mod tests {
    use super::library;

    #[test]
    fn a_location_belongs_to_the_library_of_its_cell() {
        let maps = "1000-2000 r-xp 00000000 fd:00 11 /tmp/a/target/debug/deps/libcode_9.so\n\
                    3000-4000 r-xp 00000000 fd:00 12 /tmp/a/target/debug/deps/libcode_10.so\n\
                    5000-6000 r--p 00001000 fd:00 12 /tmp/a/target/debug/deps/libcode_10.so\n\
                    7000-8000 r-xp 00000000 fd:00 13 /lib/libc.so.6\n\
                    9000-a000 rw-p 00000000 00:00 0\n";
        let earlier = Some(("/tmp/a/target/debug/deps/libcode_9.so", false));
        let newest = Some(("/tmp/a/target/debug/deps/libcode_10.so", true));
        for (address, expected) in
            [(0x1800, earlier), (0x3000, newest), (0x5fff, newest), (0x4000, None), (0x7800, None), (0x9800, None)]
        {
            assert_eq!(library(maps, address), expected, "{address:x}");
        }
        assert_eq!(library("", 0x1000), None);
    }
}
