//! What a published crate must contain lies inside its folder: copies that are equal to the originals, and the metadata
//! that a registry requires. `COTANGENT_BLESS=1 cargo test -p cotangent --test package` rewrites the copies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the folders of the workspace's crates.
fn crates() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root().join("crates")).expect("a folder of crates");
    let crates: Vec<PathBuf> = folders.map(|entry| entry.expect("a folder").path()).collect();
    assert!(crates.len() >= 7);
    crates
}

/// Returns the project's README as the library's README: its links are rewritten to lead to the same files.
fn library_readme() -> String {
    let text = read(&root().join("README.md"));
    let mut parts = text.split("](");
    let first = parts.next().unwrap_or_default().to_string();
    let text = parts.fold(first, |text, part| {
        let outside = part.starts_with("http") || part.starts_with('#');
        text + "](" + if outside { "" } else { "../../" } + part
    });
    // Those of pictures, too.
    text.replace("=\"docs/", "=\"../../docs/")
}

#[test]
fn copies_are_the_same() {
    let bless = std::env::var_os("COTANGENT_BLESS").is_some();
    let mut copies = vec![
        (library_readme(), root().join("crates/cotangent/README.md")),
        (read(&root().join("third_party/plugins.lock")), root().join("crates/xla/plugins.lock")),
    ];
    // The command explains errors with the pages of the book.
    for entry in std::fs::read_dir(root().join("docs/book/src/errors")).expect("the pages on errors") {
        let page = entry.expect("a page").path();
        let name = page.file_name().expect("a name");
        if !["index.md", "compile-time.md"].iter().any(|other| name == *other) {
            copies.push((read(&page), root().join("crates/cli/errors").join(name)));
        }
    }
    for folder in crates() {
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            copies.push((read(&root().join(licence)), folder.join(licence)));
        }
    }
    for (original, copy) in copies {
        if bless {
            std::fs::write(&copy, &original).expect("the file can be written");
        }
        assert!(
            read(&copy) == original,
            "{} differs from its original: run with COTANGENT_BLESS=1, and read the difference",
            copy.display()
        );
    }
}

/// Returns the tables of a manifest, each as a map from keys to values in text form.
fn manifest(folder: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut table = String::new();
    for line in read(&folder.join("Cargo.toml")).lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']').to_string();
        } else if let Some((key, value)) = line.split_once('=') {
            tables.entry(table.clone()).or_default().insert(key.trim().to_string(), value.trim().to_string());
        }
    }
    tables
}

#[test]
fn every_crate_says_what_a_registry_asks_for() {
    let workspace = manifest(&root());
    for folder in crates() {
        let tables = manifest(&folder);
        let package = &tables["package"];
        for key in ["name", "description", "readme", "keywords", "categories"] {
            assert!(package.contains_key(key), "{} has no {key}", folder.display());
        }
        for key in ["version", "edition", "rust-version", "license", "authors"] {
            assert_eq!(package[&format!("{key}.workspace")], "true", "{}", folder.display());
        }
        assert!(package["keywords"].matches('"').count() <= 10, "{}: a registry takes five", package["keywords"]);
        assert_eq!(tables["package.metadata.docs.rs"]["all-features"], "true", "{}", folder.display());
        assert!(!package.contains_key("publish"), "{}", folder.display());
    }
    let oldest = workspace["workspace.package"]["rust-version"].trim_matches('"');
    assert!(read(&root().join("README.md")).contains(&format!("Rust ({oldest} or newer)")));
    let version = &workspace["workspace.package"]["version"];
    let inside: Vec<&String> =
        workspace["workspace.dependencies"].values().filter(|value| value.contains("path = ")).collect();
    assert_eq!(inside.len(), crates().len() - 1, "nothing depends on the command");
    for dependency in inside {
        assert!(dependency.contains(&format!("version = {version}")), "{dependency}: the version is {version}");
    }
}

/// Returns the first column of the table of features in a text.
fn table_of_features(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.trim_start_matches("//! "));
    let rows = lines.skip_while(|line| !line.starts_with("| feature |")).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
    rows.skip(2).map(|row| (cells(row)[0].trim_matches('`').to_string(), row.to_string())).collect()
}

#[test]
fn the_tables_of_features_are_complete() {
    let tables = manifest(Path::new(env!("CARGO_MANIFEST_DIR")));
    let features: BTreeSet<&String> = tables["features"].keys().collect();
    let readme = table_of_features(&read(&root().join("README.md")));
    assert_eq!(readme.iter().map(|(name, _)| name).collect::<BTreeSet<_>>(), features);
    let docs = table_of_features(&read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")));
    assert_eq!(docs, readme, "the table of README.md is that of src/lib.rs");
    // The tests enable every feature of the library.
    let tested = &tables["dev-dependencies"]["cotangent"];
    assert!(features.iter().all(|feature| tested.contains(&format!("\"{feature}\""))), "{tested}");
}

/// `goldens/pack.py` compresses files over this size.
const LARGEST_PLAIN_FILE: u64 = 64 << 10;

#[test]
fn stored_results_are_small() {
    let entries = std::fs::read_dir(root().join("crates/cotangent/tests/goldens")).expect("a folder");
    for entry in entries.map(|entry| entry.expect("a file")) {
        let (path, size) = (entry.path(), entry.metadata().expect("a size").len());
        let plain = path.extension().is_some_and(|extension| extension == "json") && size > LARGEST_PLAIN_FILE;
        assert!(!plain, "{} has {size} bytes; run python3 pack.py in its folder", path.display());
    }
}
