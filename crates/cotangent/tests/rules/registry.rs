//! The registry of primitives against the sources.

use std::collections::BTreeSet;

/// Every name that a primitive in the sources gives itself is in the registry, or higher order, or a collective.
#[test]
fn the_registry_is_complete() {
    fn sources(dir: &std::path::Path, out: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(dir).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    /// Primitives that hold programs: they have suites of their own.
    const HIGHER_ORDER: [&str; 15] = [
        "jit",
        "reduce",
        "reduce_window",
        "cond",
        "while",
        "scan",
        "custom_jvp_call",
        "custom_vjp_call",
        "custom_vmap_call",
        "mapped",
        "checkpoint",
        "constant",
        "custom_linear_solve",
        "custom_lin",
        "check",
    ];
    /// Primitives that only `vmap` gives a meaning, as `tests/vmap.rs` tests it.
    const COLLECTIVES: [&str; 8] =
        ["all_gather", "all_to_all", "axis_index", "pmax", "pmin", "ppermute", "psum", "reduce_scatter"];
    /// Primitives that only derivatives are made of, and that JAX has not. `tests/edges/selection.rs` tests them.
    const OF_DERIVATIVES: [&str; 5] = ["extremum", "kept", "linear_recurrence", "running_extremum", "scatter_extremum"];
    let elsewhere =
        |name: &str| HIGHER_ORDER.contains(&name) || COLLECTIVES.contains(&name) || OF_DERIVATIVES.contains(&name);
    let registry = cotangent::extend::primitives::registry();
    let mut files = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut missing = Vec::new();
    let mut found = 0;
    for (path, text) in &files {
        // A primitive that names itself with a literal.
        for part in text.split("fn name(&self) -> &'static str {").skip(1) {
            let body = part.split('}').next().unwrap_or_default().trim();
            if let Some(name) = body.strip_prefix('"').and_then(|b| b.strip_suffix('"')) {
                found += usize::from(!elsewhere(name));
                if !registry.contains(&name) && !elsewhere(name) {
                    missing.push(format!("{name} ({path})"));
                }
            }
        }
        // A table: the macro's definition holds `impl Primitive for $T`, its rows begin with a type's name.
        for table in text.split("macro_rules! ").skip(1) {
            let (mac, rest) = table.split_once(' ').unwrap_or((table, ""));
            if !rest.split("\n}\n").next().is_some_and(|body| body.contains("impl Primitive for $T")) {
                continue;
            }
            for call in text.split(&format!("\n{mac}! {{")).skip(1) {
                for line in call.split("\n}\n").next().unwrap_or_default().lines() {
                    let Some(name) = row_name(line) else { continue };
                    found += usize::from(!elsewhere(&name));
                    if !registry.contains(&name.as_str()) && !elsewhere(&name) {
                        missing.push(format!("{name} ({path}, table `{mac}`)"));
                    }
                }
            }
        }
    }
    assert!(missing.is_empty(), "primitives that are not in `ops::registry()`: {missing:?}");
    // The scan finds what there is: each entry of the registry once.
    assert_eq!(found, registry.len());
    let unique: BTreeSet<_> = registry.iter().collect();
    assert_eq!(unique.len(), registry.len(), "a name stands in the registry twice");
}

/// The primitive's name in a row of a table: `    Type name…` or `    Type method "name"…`.
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
