//! The table at the top of the page, and the sentence in the README: how many names are here, and how many of them are
//! compared with stored results of JAX.
//!
//! A name is compared with JAX if a golden file or the script of one records it, and a test uses its counterpart. Names
//! with the same counterpart are compared together. Each name that is here is compared, or its row states why there is
//! nothing to compare.

use super::{Row, in_crate, paths_in, read, rows, stored};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// The namespaces of the names in a golden file. Files that are not listed record full names.
const NAMESPACES: &[(&str, &[&str])] = &[
    ("linalg_lu", &["jax.lax.linalg", "jax.numpy.linalg", "jax.scipy.linalg"]),
    ("linalg_qr_svd", &["jax.lax.linalg", "jax.numpy.linalg", "jax.scipy.linalg"]),
    ("nn", &["jax.nn", "jax.nn.initializers"]),
    ("lax", &["jax.lax", "jax.lax.linalg", "jax.numpy.fft", "jax.scipy.linalg"]),
    ("norm", &["jax.scipy.special", "jax.scipy.stats"]),
    ("numpy", &["jax.numpy"]),
    ("points", &["jax.lax", "jax.nn", "jax.numpy", "jax.scipy.special"]),
    ("points_complex", &["jax.lax", "jax.numpy"]),
    ("points_special", &["jax.scipy.special", "jax.scipy.stats"]),
    ("primitives", &["jax.lax", "jax.lax.linalg"]),
    ("primitives_autodiff", &["jax.lax"]),
    ("primitives_indexing", &["jax.lax"]),
    ("primitives_special", &["jax.lax"]),
    ("primitives_spread", &["jax.lax"]),
    ("primitives_windows", &["jax.lax", "jax.lax.linalg"]),
    ("primitives_linalg_lu", &["jax.lax.linalg"]),
    ("primitives_qr_svd", &["jax.lax.linalg"]),
    ("random", &["jax.random"]),
    ("samplers", &["jax.random"]),
    ("special", &["jax.scipy.special"]),
    ("signals", &["jax.scipy.signal", "jax.scipy.fft", "jax.scipy.ndimage", "jax.scipy.optimize", "jax.image"]),
    ("special_more", &["jax.scipy.special"]),
    ("stats", &["jax.scipy.stats"]),
];

/// How linalg_qr_svd.json tells functions of one name apart.
const LINALG: &[(&str, &str)] = &[("np.", "jax.numpy.linalg."), ("scipy.", "jax.scipy.linalg.")];

/// The scripts whose cases are code. The tests have a counterpart of each case.
const CODE: &[&str] = &["custom_vmap", "derivatives", "indexing", "nn", "programs", "sharding", "transforms", "vmap"];

/// How code names JAX's modules.
const MODULES: &[(&str, &str)] = &[
    ("jax", "jax"),
    ("jnp", "jax.numpy"),
    ("jsp", "jax.scipy"),
    ("lax", "jax.lax"),
    ("nn", "jax.nn"),
    ("initializers", "jax.nn.initializers"),
    ("random", "jax.random"),
    ("special", "jax.scipy.special"),
];

/// Returns the full names that the golden files and their scripts record.
fn recorded() -> BTreeSet<String> {
    let goldens = in_crate("tests/goldens");
    let mut names = BTreeSet::new();
    for path in stored::names(&goldens).iter().map(|name| goldens.join(name)) {
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|e| e == "py") {
            if stem.strip_prefix("make_").is_some_and(|stem| CODE.contains(&stem)) {
                names.extend(in_code(&read(&path)));
            }
            continue;
        }
        if path.extension().is_none_or(|e| e != "json") || matches!(stem, "jax-api-names" | "excuses") {
            continue;
        }
        let known = NAMESPACES.iter().find(|(file, _)| *file == stem).map_or(&[][..], |(_, namespaces)| namespaces);
        let file: Value = serde_json::from_str(&stored::text(&path)).expect("a golden file");
        for case in file.as_object().expect("lists").values().filter_map(Value::as_array).flatten() {
            for name in ["fn", "primitive", "function", "name"].iter().filter_map(|key| case.get(key)?.as_str()) {
                let name = name.split(['(', ' ']).next().unwrap_or_default().replace('-', "_");
                let full = LINALG.iter().find_map(|(short, full)| Some(format!("{full}{}", name.strip_prefix(short)?)));
                match full.or_else(|| name.starts_with("jax.").then(|| name.clone())) {
                    Some(name) => drop(names.insert(name)),
                    None => names.extend(known.iter().map(|namespace| format!("{namespace}.{name}"))),
                }
            }
        }
    }
    names
}

/// Returns the full names of what Python code uses or imports of JAX.
fn in_code(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    let used = words.filter_map(|word| {
        let (module, name) = word.split_once('.')?;
        let (_, full) = MODULES.iter().find(|(short, _)| *short == module)?;
        Some(format!("{full}.{name}"))
    });
    let imports = text.lines().filter_map(|line| line.strip_prefix("from ")?.split_once(" import "));
    let imports = imports.filter(|(module, _)| *module == "jax" || module.starts_with("jax."));
    let names = |(module, names): (&str, &str)| -> Vec<String> {
        names.split(',').filter_map(|name| Some(format!("{module}.{}", name.split_whitespace().next()?))).collect()
    };
    used.chain(imports.flat_map(names))
}

/// Returns the words of all tests, except of the list of paths that is made from the page.
fn words_of_tests() -> BTreeSet<String> {
    fn walk(folder: &Path, words: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                walk(&path, words);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("features/paths.rs") {
                let text = read(&path);
                words.extend(text.split(|c: char| !(c.is_alphanumeric() || c == '_')).map(str::to_string));
            }
        }
    }
    let mut words = BTreeSet::new();
    walk(&in_crate("tests"), &mut words);
    words
}

/// What becomes of the names of a namespace.
#[derive(Clone, Copy, Default)]
struct Counts {
    names: usize,
    here: usize,
    compared: usize,
    nothing: usize,
    not_needed: usize,
    not_yet: usize,
}

/// What a row states after its paths if the name has no results that could be stored, before the reason.
const NOTHING: &str = "; nothing to compare: ";

/// Returns the counts of each namespace, in the order of the page, and of all together. A name of JAX that is neither
/// compared nor without anything to compare, or both, is an error.
fn counts() -> (Vec<(String, Counts)>, Counts) {
    let (rows, recorded, words) = (rows(), recorded(), words_of_tests());
    let mut wrong = Vec::new();
    let used = |row: &Row| paths_in(&row.here).any(|p| p.rsplit("::").next().is_some_and(|name| words.contains(name)));
    let own = |row: &&Row| recorded.contains(&format!("{}.{}", row.module, row.name)) && used(row);
    let compared: BTreeSet<&str> = rows.iter().filter(own).filter_map(|row| paths_in(&row.here).next()).collect();
    let mut tables: Vec<(String, Counts)> = Vec::new();
    let mut places = BTreeMap::new();
    let mut all = Counts::default();
    for row in rows.iter().filter(|row| row.module == "jax" || row.module.starts_with("jax.")) {
        // The distributions have a module each.
        let module = if row.module.starts_with("jax.scipy.stats.") { "jax.scipy.stats" } else { &*row.module };
        let place = *places.entry(module.to_string()).or_insert_with(|| {
            tables.push((module.to_string(), Counts::default()));
            tables.len() - 1
        });
        for counts in [&mut tables[place].1, &mut all] {
            counts.names += 1;
            match &*row.here {
                "not yet" => counts.not_yet += 1,
                here if here.starts_with("not needed") => counts.not_needed += 1,
                here => {
                    let found = paths_in(here).next().is_some_and(|path| compared.contains(path));
                    let nothing = here.split_once(NOTHING).is_some_and(|(_, reason)| !reason.is_empty());
                    counts.here += 1;
                    counts.compared += usize::from(found);
                    counts.nothing += usize::from(nothing);
                    if found == nothing {
                        wrong.push(format!("{}.{}, {}", row.module, row.name, if found { "both" } else { "neither" }));
                    }
                }
            }
        }
    }
    wrong.dedup();
    assert!(
        wrong.is_empty(),
        "neither compared with JAX nor without anything to compare, or both:\n{}",
        wrong.join("\n")
    );
    (tables, all)
}

fn table() -> String {
    let (tables, all) = counts();
    let line = |name: &str, c: &Counts| {
        let of_here = format!("{} | {} | {}", c.here, c.compared, c.nothing);
        format!("| {name} | {} | {of_here} | {} | {} |\n", c.names, c.not_needed, c.not_yet)
    };
    let head = "| namespace | names | here | of these, compared with JAX | of these, nothing to compare | not needed | not \
                yet |\n|---|---|---|---|---|---|---|\n";
    let lines: String = tables.iter().map(|(name, counts)| line(&format!("`{name}`"), counts)).collect();
    format!("{head}{lines}{}", line("all", &all))
}

/// Returns a number with a comma between thousands.
fn grouped(n: usize) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) }
}

fn sentence() -> String {
    let (_, all) = counts();
    format!(
        "Of JAX's {} public names, {} are here. {} of these are compared with stored results of JAX; the other\n{}, such \
         as types and options, have no results to compare. {}.",
        grouped(all.names),
        grouped(all.here),
        grouped(all.compared),
        grouped(all.nothing),
        match all.not_yet {
            0 => "The rest have no use in Rust, for the reasons\nthat the page states".to_string(),
            missing => format!("{} are not there yet", grouped(missing)),
        }
    )
}

/// Checks that `new` is in the file between two markers, or writes it there.
pub(super) fn hold(file: &Path, new: &str, start: &str, end: &str) {
    let text = read(file);
    let (before, rest) = text.split_once(start).unwrap_or_else(|| panic!("{} has no `{start}`", file.display()));
    let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("{} has no `{end}`", file.display()));
    let whole = format!("{before}{new}{end}{after}");
    if std::env::var_os("COTANGENT_BLESS").is_some() {
        std::fs::write(file, &whole).expect("the file can be written");
    } else {
        assert!(text == whole, "{}: run with COTANGENT_BLESS=1. It should say:\n{new}", file.display());
    }
}

#[test]
fn the_table_of_the_page_is_true() {
    hold(&in_crate("../../docs/features.md"), &table(), "| namespace |", "\n## jax\n");
}

#[test]
fn the_totals_in_the_readme_are_true() {
    hold(&in_crate("../../README.md"), &sentence(), "Of JAX's ", "\n\n");
}

#[test]
fn names_are_found_in_code_and_in_cases() {
    let names: Vec<String> = in_code("from jax.a import b, c as d\nx = jnp.linalg.norm(lax.cos(a.b))").collect();
    assert_eq!(names, ["jax.a", "jax.numpy.linalg.norm", "jax.lax.cos", "jax.a.b", "jax.a.c"]);
    let recorded = recorded();
    for name in ["jax.numpy.sum", "jax.lax.scan", "jax.grad", "jax.scipy.stats.norm.logpdf", "jax.scipy.linalg.hankel"]
    {
        assert!(recorded.contains(name), "{name}");
    }
}
