//! The rooms of the library: imports run one way, in the order of the table in `docs/architecture.md`, and that table
//! is accurate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that are tables, which may be longer than others.
const TABLES: &[&str] = &["abi.rs"];
/// The maximum number of lines of any other file.
const LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn architecture() -> String {
    fs::read_to_string(root().join("docs/architecture.md")).unwrap()
}

/// Returns the rooms that the table names, from the bottom up.
fn rooms() -> Vec<String> {
    let page = architecture();
    let map =
        page.split("## The rooms").nth(1).expect("the page has a section `The rooms`").split("\n## ").next().unwrap();
    map.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("/` |").map(|(room, _)| room.to_string()))
        .collect()
}

/// Returns all source files below `folder`, with their paths relative to it.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// Returns the text without comments and unit tests. Unit tests may use the whole library.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Returns the first segment of each path that begins with `crate::`, and of each path in a group `crate::{…}`.
fn imported(code: &str) -> Vec<String> {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    // Paths in the output of a macro, `$crate::…`, belong to users' code.
    for rest in code.replace("$crate::", "").split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let (mut depth, mut start) = (0, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                _ if start && !c.is_whitespace() => {
                    names.push(word(&group[i..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn imports_run_one_way() {
    let rooms = rooms();
    let place = |name: &str| rooms.iter().position(|room| room == name);
    let mut upward = Vec::new();
    for (file, text) in sources(&root().join("crates/cotangent/src")) {
        let Some((room, inside)) = file.split_once('/') else { continue };
        let own = place(room).unwrap_or_else(|| panic!("the map of docs/architecture.md has no room `{room}`"));
        let code = code(&text);
        let levels = inside.matches('/').count() + usize::from(!inside.ends_with("mod.rs"));
        assert!(!code.contains(&"super::".repeat(levels + 1)), "{file}: `super::` leaves the room; write `crate::`");
        for name in imported(&code) {
            match place(&name) {
                Some(other) if other > own => upward.push(format!("{file}: `{room}` uses `{name}`, which is above it")),
                Some(_) => {}
                // The only import from above: execution.
                None if name == "backend" && file == "trace/backend.rs" => {}
                None => upward.push(format!("{file}: `crate::{name}`: name the room that it is in")),
            }
        }
    }
    assert!(upward.is_empty(), "imports that run upwards:\n{}", upward.join("\n"));
}

#[test]
fn imports_are_found() {
    assert_eq!(
        imported("use crate::array::{Array, Repr};\nuse crate::{ops, ir::{a, b}, trace};"),
        ["array", "ops", "ir", "trace"]
    );
    assert_eq!(code("use crate::a; // crate::b\n#[cfg(test)]\nmod tests { use crate::c; }"), "use crate::a; ");
}

#[test]
fn the_map_is_true() {
    let rooms = rooms();
    let source = root().join("crates/cotangent/src");
    let there: BTreeSet<String> =
        sources(&source).iter().filter_map(|(file, _)| Some(file.split_once('/')?.0.to_string())).collect();
    assert_eq!(there, rooms.iter().cloned().collect(), "the folders of the library, and the rooms of the map");
    // The documentation of a public module is for its users.
    let public = fs::read_to_string(source.join("lib.rs")).unwrap();
    for room in &rooms {
        let text = fs::read_to_string(source.join(room).join("mod.rs")).unwrap();
        let head: String = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let complete = public.contains(&format!("pub mod {room};")) || head.contains("Not here: ");
        assert!(
            !head.is_empty() && complete,
            "{room}/mod.rs says what belongs there, and what does not (`Not here: …`)"
        );
    }
}

#[test]
fn files_that_the_page_names_exist() {
    let page = architecture();
    let named = page.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs") || name.ends_with(".md"));
    let places = ["", "crates/cotangent/", "crates/cotangent/src/"].map(|place| root().join(place));
    let missing: Vec<&str> = named.filter(|name| !places.iter().any(|place| place.join(name).exists())).collect();
    assert!(missing.is_empty(), "docs/architecture.md names files that are not there: {missing:?}");
}

#[test]
fn files_are_short() {
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path().join("src"));
    let long: Vec<String> = crates
        .flat_map(|folder| sources(&folder))
        .filter(|(file, text)| text.lines().count() > LINES && !TABLES.contains(&file.as_str()))
        .map(|(file, text)| format!("{file}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "files of more than {LINES} lines:\n{}", long.join("\n"));
}
