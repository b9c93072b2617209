//! The book: every chapter is listed, every link leads somewhere, and every snippet is one that a test compiles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn source() -> PathBuf {
    root().join("docs/book/src")
}

/// Returns the text of each chapter, by its path relative to the source of the book.
fn chapters() -> BTreeMap<String, String> {
    fn walk(folder: &Path, base: &Path, out: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder of chapters") {
            let path = entry.expect("a chapter").path();
            if path.is_dir() {
                walk(&path, base, out);
            } else if path.extension().is_some_and(|e| e == "md") {
                let name = path.strip_prefix(base).expect("a path inside").to_str().expect("a name").to_string();
                out.insert(name, fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(&source(), &source(), &mut out);
    out
}

/// Splits a chapter into its prose and its code blocks, each with the words after the opening fence.
fn blocks(text: &str) -> (String, Vec<(&str, String)>) {
    let (mut prose, mut code, mut open) = (String::new(), Vec::new(), None::<(&str, String)>);
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(words)) => open = Some((words, String::new())),
            (Some(_), Some(_)) => code.extend(open.take()),
            (Some((_, block)), None) => block.extend([line, "\n"]),
            (None, None) => prose.extend([line, "\n"]),
        }
    }
    assert!(open.is_none(), "a code block is not closed");
    (prose, code)
}

/// Returns the targets of the links in a text.
fn links(prose: &str) -> Vec<&str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// Returns the anchors of a chapter: its headings as mdBook names them.
fn anchors(prose: &str) -> BTreeSet<String> {
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_chapter_is_listed_once() {
    let chapters = chapters();
    let summary = &chapters["SUMMARY.md"];
    let listed = links(summary);
    let unique: BTreeSet<&str> = listed.iter().copied().collect();
    assert_eq!(listed.len(), unique.len(), "a chapter is listed twice");
    let files: BTreeSet<&str> = chapters.keys().map(String::as_str).filter(|name| *name != "SUMMARY.md").collect();
    assert_eq!(unique, files);
}

#[test]
fn links_lead_to_chapters_and_headings() {
    let chapters = chapters();
    let mut wrong = Vec::new();
    for (name, text) in &chapters {
        for link in links(&blocks(text).0) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.ends_with(".svg") && source().join(Path::new(name).parent().expect("a folder")).join(file).exists()
            {
                continue;
            }
            let mut folder = Path::new(name).parent().expect("a folder");
            let mut file = file;
            while let Some(rest) = file.strip_prefix("../") {
                folder = folder.parent().expect("a folder of the book");
                file = rest;
            }
            let target =
                if file.is_empty() { name.clone() } else { folder.join(file).to_str().expect("a path").to_string() };
            match chapters.get(&target) {
                None => wrong.push(format!("{name}: {link}: no such chapter")),
                Some(text) if !anchor.is_empty() && !anchors(&blocks(text).0).contains(anchor) => {
                    wrong.push(format!("{name}: {link}: no such heading"));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each chapter with Rust code is one whose examples rustdoc runs, or consists of pieces of an example program.
#[test]
fn every_snippet_is_compiled() {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the library");
    for (name, text) in chapters() {
        let code = blocks(&text).1;
        let rust: Vec<_> = code.iter().filter(|(words, _)| words.split(',').next() == Some("rust")).collect();
        if rust.is_empty() || library.contains(&format!("= {name:?}")) {
            let ignored = rust.iter().any(|(words, _)| words.contains("ignore"));
            assert!(!ignored, "{name}: a snippet is not compiled");
            continue;
        }
        for (_, block) in rust {
            let line = block.trim();
            let include = line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
            let (file, anchor) = include.and_then(|i| i.rsplit_once(':')).unwrap_or_else(|| {
                panic!("{name} is neither in the list of `lib.rs` nor made of pieces of an example:\n{block}")
            });
            let path = source().join(Path::new(&name).parent().expect("a folder")).join(file);
            let example = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {}: {e}", path.display()));
            assert!(example.contains(&format!("// ANCHOR: {anchor}\n")), "{name}: no piece {anchor:?} in {file}");
        }
    }
}
