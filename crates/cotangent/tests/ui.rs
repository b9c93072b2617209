//! The compiler's messages about common mistakes and discarded values.
//!
//! A case is a file in `ui/errors` or `ui/warnings`. Blank lines separate its items. Before the faulty line of an item
//! stand the sentences that the compiler must say about it: `//~ a sentence`. These are the library's own sentences, or
//! those that every version of the compiler says. The file of the same name with the extension `stderr` holds the
//! complete messages of the `rustc` version that `ui/rustc` names; that version must reproduce them exactly.
//! `COTANGENT_BLESS=1` rewrites these files.
//!
//! All cases of a directory are modules of one crate. One run of `rustc` compiles them against the library beside this
//! test.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

/// The error codes for a library that was built by another compiler or lacks a dependency.
const UNUSABLE: [&str; 5] = ["E0460", "E0461", "E0462", "E0463", "E0514"];

/// A compiler message about a case.
struct Message {
    case: String,
    line: usize,
    text: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn version() -> String {
    let output = rustc().arg("--version").output().expect("rustc runs");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// Returns the builds of the library beside this test, the latest first. The test was built with the latest.
fn libraries(beside: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(beside).expect("the directory of this test can be read");
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let built = |path: &PathBuf| path.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut found: Vec<PathBuf> = (entries.filter_map(|entry| Some(entry.ok()?.path())))
        .filter(|path| name(path).starts_with("libcotangent-") && name(path).ends_with(".rlib"))
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(built(path)));
    found
}

/// Returns the names of the cases in a directory.
fn cases(group: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory().join(group)).expect("the cases can be read");
    let mut cases: Vec<String> = (entries.filter_map(|entry| Some(entry.ok()?.path())))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    cases.sort();
    cases
}

/// Compiles a group of cases, and returns the compiler's messages as JSON.
fn compile(group: &str) -> Vec<Value> {
    let sources = directory().join(group);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui").join(group);
    std::fs::create_dir_all(&out).unwrap_or_else(|e| panic!("{}: {e}", out.display()));
    let root = out.join("cases.rs");
    let mut text = "#![allow(dead_code, unused_imports, unused_variables, unused_mut)]\n".to_string();
    for case in cases(group) {
        let path = sources.join(format!("{case}.rs"));
        writeln!(text, "#[path = {path:?}]\nmod {case};").expect("a string can be written to");
    }
    write(&root, &text);
    let test = std::env::current_exe().expect("this test has a path");
    let beside = test.parent().expect("this test is in a directory");
    let libraries = libraries(beside);
    assert!(!libraries.is_empty(), "no libcotangent-*.rlib in {}", beside.display());
    for library in libraries {
        let output = rustc()
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=json", "--out-dir"])
            .arg(&out)
            .arg(format!("-Ldependency={}", beside.display()))
            .arg(format!("--extern=cotangent={}", library.display()))
            .arg(format!("--remap-path-prefix={}/=", sources.display()))
            .arg(&root)
            .output()
            .expect("rustc runs");
        let text = String::from_utf8_lossy(&output.stderr);
        let said: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let unusable = said.iter().any(|m| UNUSABLE.contains(&m["code"]["code"].as_str().unwrap_or_default()));
        if !unusable {
            return said;
        }
    }
    panic!("{} can use no build of the library in {}", version(), beside.display())
}

/// Returns the first line of a message. Returns `None` for notes about long types and lists of other types.
fn first_line(message: &str) -> Option<&str> {
    let noise = [
        "the full name for the type has been written",
        "consider using `--verbose`",
        "the following other types implement trait",
    ];
    let line = message.lines().next()?;
    (!noise.iter().any(|n| line.starts_with(n))).then_some(line)
}

/// Returns the spans of a message that lie in `file`, the primary ones first. Code from a macro of the library is
/// attributed to the macro call.
fn spans<'a>(message: &'a Value, file: &str) -> Vec<(&'a Value, &'a Value)> {
    let in_file = |span: &'a Value| {
        let outward =
            std::iter::successors(Some(span), |span| Some(&span["expansion"]["span"]).filter(|s| s.is_object()));
        outward.into_iter().find(|span| span["file_name"] == file).map(|place| (place, &span["label"]))
    };
    let all = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (primary, others): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|span| span["is_primary"] == true);
    primary.into_iter().chain(others).filter_map(in_file).collect()
}

fn place((span, label): (&Value, &Value)) -> String {
    let label = label.as_str().unwrap_or_default();
    format!("{}:{} {label}", span["line_start"], span["column_start"]).trim_end().to_string()
}

/// Formats a message as it is stored. The source excerpt is left out. So is the name of the crate, which the compiler
/// omits if it knows no other type of the same name.
fn render(message: &Value, file: &str) -> String {
    let code = message["code"]["code"].as_str().map(|code| format!("[{code}]")).unwrap_or_default();
    let level = message["level"].as_str().unwrap_or_default();
    let mut text = format!("{level}{code}: {}\n", message["message"].as_str().unwrap_or_default());
    let lines = spans(message, file).into_iter().map(|span| format!("  --> {}\n", place(span)));
    text.extend(lines);
    for child in message["children"].as_array().into_iter().flatten() {
        let Some(line) = child["message"].as_str().and_then(first_line) else { continue };
        writeln!(text, "   = {}: {line}", child["level"].as_str().unwrap_or_default()).expect("a string");
        let suggested = child["spans"].as_array().into_iter().flatten().filter(|s| s["file_name"] == file);
        for span in suggested {
            if let Some(replacement) = span["suggested_replacement"].as_str().filter(|r| !r.is_empty()) {
                writeln!(text, "     {}: {replacement}", place((span, &span["label"]))).expect("a string");
            }
        }
    }
    text.replace("cotangent::", "")
}

fn messages(group: &str) -> Vec<Message> {
    let said = compile(group);
    let cases = cases(group);
    let mut messages = Vec::new();
    for message in &said {
        let Some(case) = cases.iter().find(|case| !spans(message, &format!("{case}.rs")).is_empty()) else {
            // A message without a span is about the whole crate, such as the number of errors.
            let whole = message["spans"].as_array().is_none_or(Vec::is_empty);
            assert!(whole, "a message about none of the cases:\n{}", message["rendered"].as_str().unwrap_or_default());
            continue;
        };
        let file = format!("{case}.rs");
        let line = spans(message, &file)[0].0["line_start"].as_u64().unwrap_or_default() as usize;
        messages.push(Message { case: case.clone(), line, text: render(message, &file) });
    }
    messages.sort_by(|a, b| (&a.case, a.line, &a.text).cmp(&(&b.case, b.line, &b.text)));
    messages.dedup_by(|a, b| (&a.case, a.line, &a.text) == (&b.case, b.line, &b.text));
    messages
}

/// An item of a case: its lines, counted from 1, and the sentences that must be said about it.
struct Item {
    lines: std::ops::RangeInclusive<usize>,
    sentences: Vec<String>,
}

fn items(source: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut item = Item { lines: 1..=1, sentences: Vec::new() };
    for (number, line) in source.lines().chain([""]).enumerate().map(|(i, line)| (i + 1, line.trim())) {
        if line.is_empty() {
            let next = Item { lines: number + 1..=number + 1, sentences: Vec::new() };
            items.push(std::mem::replace(&mut item, next));
            continue;
        }
        item.lines = *item.lines.start()..=number;
        item.sentences.extend(line.strip_prefix("//~ ").map(str::to_string));
    }
    items
}

/// Checks the messages about a group: reports missing sentences, and messages about items that expect none.
fn check(group: &str) {
    let (messages, path) = (messages(group), directory().join(group));
    let (bless, known) = (std::env::var_os("COTANGENT_BLESS").is_some(), directory().join("rustc"));
    let same_version = bless || read(&known).trim() == version();
    let mut wrong = String::new();
    for case in cases(group) {
        let source = read(&path.join(format!("{case}.rs")));
        let said: Vec<&Message> = messages.iter().filter(|m| m.case == case).collect();
        for item in items(&source) {
            let here: Vec<&str> =
                said.iter().filter(|m| item.lines.contains(&m.line)).map(|m| m.text.as_str()).collect();
            let all = here.concat();
            let missing: Vec<&String> = item.sentences.iter().filter(|s| !all.contains(s.as_str())).collect();
            if !missing.is_empty() {
                let line = item.lines.start();
                writeln!(wrong, "{case}.rs:{line}: these are not said: {missing:#?}\nbut\n{all}").expect("a string");
            }
            if item.sentences.is_empty() && !here.is_empty() {
                writeln!(wrong, "{case}.rs:{}: nothing should be wrong:\n{all}", item.lines.start()).expect("a string");
            }
        }
        let all: Vec<&str> = said.iter().map(|m| m.text.as_str()).collect();
        let (all, stored) = (all.join("\n"), path.join(format!("{case}.stderr")));
        if bless {
            write(&stored, &all);
        } else if same_version && read(&stored) != all {
            writeln!(wrong, "{case}.stderr differs (COTANGENT_BLESS=1 stores what is said now):\n{all}")
                .expect("a string");
        }
    }
    if bless {
        write(&known, &format!("{}\n", version()));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn common_mistakes_are_explained() {
    check("errors");
}

#[test]
fn values_that_are_thrown_away_are_noticed() {
    check("warnings");
}
