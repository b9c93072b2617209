//! `docs/features.md` lists the API of JAX and of Optax: every name has a row, and what each row says is true. So is the
//! table of `docs/imports.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Imports each path, so that it must exist.
macro_rules! items {
    ($($($segment:ident)::+;)*) => { $(
        #[allow(unused_imports, reason = "that it exists is all that is asked")]
        use $($segment)::+ as _;
    )* };
}

/// Uses each method as a value, so that it must exist.
macro_rules! methods {
    ($($path:path;)*) => { $( const _: fn() = || { let _ = $path; }; )* };
}

/// The table of the functions that JAX exported.
#[path = "features/imports.rs"]
mod imports;
/// The paths that the page names, as code: a path that does not exist fails to compile.
#[path = "features/paths.rs"]
mod paths;
#[path = "common/stored.rs"]
mod stored;
/// The counts of the page's table and of the README.
#[path = "features/summary.rs"]
mod summary;

fn in_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A row of the page: what it says about a name.
struct Row {
    module: String,
    name: String,
    here: String,
}

/// Returns the rows of the page, each with the module that heads its table.
fn rows() -> Vec<Row> {
    let mut module = String::new();
    let mut rows = Vec::new();
    for line in read(&in_crate("../../docs/features.md")).lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            module = heading.to_string();
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [name, here] = cells[..]
            && let Some(name) = name.strip_prefix('`').and_then(|n| n.strip_suffix('`'))
        {
            rows.push(Row { module: module.clone(), name: name.to_string(), here: here.to_string() });
        }
    }
    rows
}

/// Returns the paths in a row: the text in backticks that begins with the crate's name.
fn paths_in(here: &str) -> impl Iterator<Item = &str> {
    here.split('`').skip(1).step_by(2).filter(|code| code.starts_with("cotangent::"))
}

#[test]
fn every_name_of_jax_has_a_row() {
    let listed = |file: &str| -> serde_json::Map<String, serde_json::Value> {
        let names: serde_json::Value =
            serde_json::from_str(&read(&in_crate("tests/goldens").join(file))).expect("names as JSON");
        names["names"].as_object().expect("modules").clone()
    };
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in rows() {
        let name = format!("{}.{}", row.module, row.name);
        let reason = row.here.strip_prefix("not needed: ").is_some_and(|reason| !reason.is_empty());
        if row.here != "not yet" && !reason && paths_in(&row.here).next().is_none() {
            wrong.push(format!("{name}: neither a path, nor \"not yet\", nor \"not needed: …\": {}", row.here));
        }
        if !seen.insert(name.clone()) {
            wrong.push(format!("{name} has two rows"));
        }
    }
    let (jax, optax) = (listed("jax-api-names.json"), listed("optax-api-names.json"));
    assert!(jax.len() > 50 && optax.len() > 10, "the lists of names are cut short");
    for (module, names) in jax.iter().chain(&optax) {
        for name in names.as_array().expect("names") {
            let name = format!("{module}.{}", name.as_str().expect("a name"));
            if !seen.contains(&name) {
                wrong.push(format!("{name} has no row"));
            }
        }
    }
    assert!(wrong.is_empty(), "docs/features.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_path_exists() {
    let (mut items, mut methods) = (BTreeSet::new(), BTreeSet::new());
    let rows = rows();
    for path in rows.iter().flat_map(|row| paths_in(&row.here)) {
        let mut segments = path.rsplit("::");
        let owner = segments.nth(1).unwrap_or_default();
        // A method of a type is used as a value, anything else in a `use`.
        if owner.starts_with(char::is_uppercase) {
            methods.insert(path)
        } else {
            items.insert(path)
        };
    }
    let list = |paths: &BTreeSet<&str>| paths.iter().map(|p| format!("    {p};\n")).collect::<String>();
    let text = format!(
        "// Made from docs/features.md by the test beside this file; see there.\n\nitems! {{\n{}}}\n\nmethods! \
         {{\n{}}}\n",
        list(&items),
        list(&methods)
    );
    let file = in_crate("tests/features/paths.rs");
    if std::env::var_os("COTANGENT_BLESS").is_some() {
        std::fs::write(&file, &text).expect("the file can be written");
    }
    assert!(
        read(&file) == text,
        "docs/features.md has changed: run with COTANGENT_BLESS=1, and once more, so that its paths are compiled"
    );
}

/// Returns the sources of the module that corresponds to JAX's `module`.
fn sources(module: &str) -> String {
    let path = match module.split_once('.') {
        _ if module.starts_with("optax") => "optim".to_string(),
        Some((_, inside)) => inside.replace('.', "/"),
        None => String::new(),
    };
    let base = in_crate("src").join(&path);
    let mut text = String::new();
    let mut pending = vec![base.with_extension("rs")];
    if !path.is_empty() {
        let files = std::fs::read_dir(&base).into_iter().flatten().flatten().map(|entry| entry.path());
        pending.extend(files.filter(|file| file.is_file()));
    } else {
        pending = vec![in_crate("src/lib.rs")];
    }
    for file in pending.iter().filter(|file| file.is_file()) {
        text += &read(file);
    }
    text
}

#[test]
fn what_is_not_yet_is_not_there() {
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    let mut stale = Vec::new();
    for row in rows().iter().filter(|row| row.here == "not yet") {
        let text = modules.entry(row.module.clone()).or_insert_with(|| sources(&row.module));
        let function = ["(", "<"].iter().any(|open| text.contains(&format!("pub fn {}{open}", row.name)));
        // The exports of the crate root are parts of lists.
        let exported = row.module == "jax"
            && (text.lines().filter(|l| l.starts_with("pub use")))
                .flat_map(|l| l.split(|c: char| !c.is_alphanumeric() && c != '_'))
                .any(|word| word == row.name);
        if function || exported {
            stale.push(format!("{}.{} is there", row.module, row.name));
        }
    }
    assert!(sources("jax.numpy").contains("pub fn reshape("), "the sources are found");
    assert!(stale.is_empty(), "docs/features.md says \"not yet\":\n{}", stale.join("\n"));
}
