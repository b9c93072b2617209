//! Every primitive × {forward, jvp, vjp, vmap} lowers for a GPU.
//!
//! With `RULES_EXPORT_TO=DIR`, the programs are written there, for `just gpu-check`: `sort-vjp.mlir` for the first case of
//! `sort` with derivatives, and `sort-vjp-f32.mlir` for other dtypes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cotangent::Platform;
use cotangent::prelude::*;

use super::case::Case;
use super::program::Mode;
use super::{common, registry};

/// The calls that a program for a GPU may contain: those that XLA for CUDA implements, by a pass
/// (`qr_expander`).
const CALLS: [&str; 1] = ["Qr"];

#[test]
fn every_primitive_lowers_for_a_gpu() {
    let goldens: Vec<_> = common::goldens("primitives").iter().map(|name| common::golden(name)).collect();
    let cases = goldens.iter().flat_map(|g| common::list(&g["cases"])).filter_map(|case| Case::parse(case).ok());
    let folder = std::env::var_os("RULES_EXPORT_TO").map(PathBuf::from);
    let (mut seen, mut failures) = (BTreeSet::new(), Vec::new());
    let mut lowered: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let dtypes: Vec<&str> = case.inputs.iter().map(|x| x.dtype().name()).collect();
        for mode in Mode::ALL.into_iter().filter(|mode| mode.of(&case)) {
            let first = format!("{}-{mode:?}", case.primitive).to_lowercase();
            let all = format!("{first}-{}", dtypes.join("-"));
            if !seen.insert(all.clone()) {
                continue;
            }
            let name = if seen.insert(first.clone()) { first } else { all };
            let args = mode.args(&case);
            let program = jit(|args: &Vec<Array>| mode.alone(&case, args));
            let exported = match program.lower((&args,)).and_then(|lowered| lowered.export_for(Platform::Cuda)) {
                Ok(exported) => exported,
                Err(error) => {
                    failures.push(format!("{name}: {error}"));
                    continue;
                }
            };
            let calls = exported.stablehlo().split("call_target_name = \"").skip(1).filter_map(|t| t.split('"').next());
            let strange = calls.filter(|call| !CALLS.contains(call));
            failures.extend(strange.map(|call| format!("{name}: XLA for CUDA does not implement `{call}`")));
            if let Some(folder) = &folder {
                std::fs::write(folder.join(format!("{name}.mlir")), exported.to_string()).expect("it can be written");
            }
            *lowered.entry(case.primitive.clone()).or_default() += 1;
        }
    }
    let without = registry::registry().into_iter().filter(|name| !lowered.contains_key(name));
    failures.extend(without.map(|name| format!("{name} was not lowered")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
