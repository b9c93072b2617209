//! The first-order primitives, collected from the sources, so that none can be left out of the tests.

use std::collections::BTreeSet;
use std::path::Path;

/// The primitives in `ops` without stored cases, and the tests that cover them.
const ELSEWHERE: [(&str, &str); 14] = [
    ("constant", "captured arrays inside of a user's rule: tests/transforms/custom.rs"),
    ("while", "as lowerings use it; that of users: tests/transforms/control.rs"),
    ("eig", "unique up to factors: tests/libraries/linalg_invariants.rs"),
    ("eigh", "unique up to factors: tests/libraries/linalg_invariants.rs"),
    ("hessenberg", "without derivatives: tests/libraries/linalg_invariants.rs"),
    ("schur", "without derivatives: tests/libraries/linalg_invariants.rs"),
    ("tridiagonal", "without derivatives: tests/libraries/linalg_invariants.rs"),
    ("extremum", "made by derivatives, not known to JAX: tests/edges/selection.rs"),
    ("kept", "made by derivatives, not known to JAX: tests/edges/selection.rs"),
    ("linear_recurrence", "made by derivatives, not known to JAX: tests/edges/selection.rs"),
    ("rng_bit_generator", "the bits are a compiler's: tests/libraries/samplers.rs"),
    ("running_extremum", "made by derivatives, not known to JAX: tests/edges/selection.rs"),
    ("sharding_constraint", "over several devices: tests/sharding/jit.rs"),
    ("scatter_extremum", "made by derivatives, not known to JAX: tests/edges/selection.rs"),
];

/// Returns the name of every first-order primitive: each `impl Primitive` in `ops`, written out or made by a table.
pub(crate) fn registry() -> BTreeSet<String> {
    let ops = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let mut names = Vec::new();
    sources(&ops, &mut |path, text| {
        let found = names.len();
        for block in text.split("impl Primitive for ").skip(1).filter(|block| !block.starts_with('$')) {
            let name = block.split("fn name(&self) -> &'static str {").nth(1).and_then(|body| body.split('"').nth(1));
            names.push(name.unwrap_or_else(|| panic!("{path}: a primitive without a name")).to_string());
        }
        for table in text.split("macro_rules! ").skip(1) {
            let (name, rest) = table.split_once(' ').unwrap_or((table, ""));
            if !rest.split("\n}\n").next().is_some_and(|body| body.contains("impl Primitive for $T")) {
                continue;
            }
            let calls: Vec<&str> = text.split(&format!("\n{name}! {{")).skip(1).collect();
            let rows = calls.iter().flat_map(|call| call.split("\n}\n").next().unwrap_or_default().lines());
            let before = names.len();
            names.extend(rows.filter_map(row_name));
            assert!(names.len() > before, "{path}: no rows of the table `{name}`");
        }
        let impls = text.matches("impl Primitive for ").count();
        assert!(
            names.len() - found >= impls,
            "{path}: {impls} primitives, of which {} were found",
            names.len() - found
        );
    });
    let unique: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(unique.len(), names.len(), "two primitives of one name");
    let elsewhere = |name: &String| ELSEWHERE.iter().any(|(other, _)| other == name);
    assert_eq!(
        unique.iter().filter(|name| elsewhere(name)).count(),
        ELSEWHERE.len(),
        "an entry of `ELSEWHERE` is gone"
    );
    unique.into_iter().filter(|name| !elsewhere(name)).collect()
}

/// Visits each source file, with its comments removed.
fn sources(dir: &Path, found: &mut impl FnMut(&str, &str)) {
    for entry in std::fs::read_dir(dir).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found(&path.display().to_string(), &code.join("\n"));
        }
    }
}

/// Returns the primitive's name in a row of a table: `    Type name…` or `    Type "name"…`.
fn row_name(line: &str) -> Option<String> {
    let row = line.strip_prefix("    ")?;
    if !row.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let head = row.split(':').next()?;
    let quoted = head.split('"').nth(1);
    let name = quoted.or_else(|| head.split_whitespace().nth(1))?;
    Some(name.to_string())
}
