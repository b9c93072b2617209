//! The table of `docs/imports.md`, and its totals there and in the README, from the stored functions that
//! `tests/imports.rs` compares with JAX.

use super::summary::hold;
use super::{in_crate, stored};
use std::collections::BTreeSet;

use serde_json::Value;

/// A function that JAX exported: what is compared beside its values and batches, and why that is not its gradient.
struct Case {
    name: String,
    package: String,
    version: String,
    /// The platform that it was exported for, unless that is the CPU.
    platform: &'static str,
    compared: String,
    reason: String,
}

fn cases() -> Vec<Case> {
    let file: Value =
        serde_json::from_str(&stored::text(&in_crate("tests/goldens/imports.json"))).expect("a JSON file");
    let case = |case: &Value| {
        let text = |key: &str| case[key].as_str().expect("a text").to_string();
        let modes = text("modes");
        let (compared, reason) = modes.split_once(": ").unwrap_or((&modes, ""));
        for kind in ["grad", "jvp"] {
            let there = !case[kind].is_null();
            assert!(there == compared.starts_with(kind), "{}: {modes}", text("name"));
        }
        assert!((compared == "grad") == reason.is_empty(), "{}: no reason", text("name"));
        Case {
            name: text("name"),
            package: text("package"),
            version: text("version"),
            platform: match case["platform"].as_str() {
                None => "",
                Some("cuda") => ", exported for CUDA",
                Some("rocm") => ", exported for ROCm",
                Some("tpu") => ", exported for TPUs",
                Some(other) => panic!("{}: {other}", text("name")),
            },
            compared: compared.to_string(),
            reason: reason.to_string(),
        }
    };
    file["cases"].as_array().expect("a list of cases").iter().map(case).collect()
}

fn table() -> String {
    let cases = cases();
    let mut text = "| package | functions | compared | why not the gradient of JAX |\n|---|---|---|---|\n".to_string();
    let mut origins: Vec<(&str, &str)> = Vec::new();
    for case in &cases {
        let origin = (&*case.package, case.platform);
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    for (package, platform) in origins {
        let of_package: Vec<&Case> =
            cases.iter().filter(|case| case.package == package && case.platform == platform).collect();
        let mut kinds: Vec<(&str, &str)> = Vec::new();
        for case in &of_package {
            let kind = (&*case.compared, &*case.reason);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        for (compared, reason) in kinds {
            let same = of_package.iter().filter(|case| case.compared == compared && case.reason == reason);
            let names: Vec<String> = same.map(|case| format!("`{}`", case.name)).collect();
            let more = match compared {
                "grad" => ", gradient",
                "grad by forward mode" => ", gradient by JAX's forward mode",
                "jvp" => ", `jvp`",
                "grad of operations" => ", gradient of the operations",
                "jvp of operations" => ", `jvp` of the operations",
                "value" => "",
                other => panic!("{}: {other}", names[0]),
            };
            let version = &of_package[0].version;
            text +=
                &format!("| {package} {version}{platform} | {} | value, `vmap`{more} | {reason} |\n", names.join(", "));
        }
    }
    let count = |kind: &str| cases.iter().filter(|case| case.compared.starts_with(kind)).count();
    let own = cases.iter().filter(|case| case.package == "jax").count();
    text + &format!(
        "\nTogether: {} functions of packages, and {own} that use JAX alone. {} are compared with their gradients, {} with \
         derivatives along\na direction. ",
        cases.len() - own,
        count("grad"),
        count("jvp")
    )
}

#[test]
fn the_table_of_imports_is_true() {
    hold(&in_crate("../../docs/imports.md"), &table(), "| package | functions | compared | why ", "Functions with ");
}

#[test]
fn the_number_of_imports_in_the_readme_is_true() {
    let cases = cases();
    let of_packages = cases.iter().filter(|case| case.package != "jax");
    let packages: BTreeSet<&str> = of_packages.clone().map(|case| &*case.package).collect();
    let new = format!("differentiated and batched. {} functions of {} packages", of_packages.count(), packages.len());
    hold(&in_crate("../../README.md"), &new, "differentiated and batched. ", " are compared with JAX, and six");
}
