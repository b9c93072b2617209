//! Damaged artifacts of `jax.export` and damaged modules are errors, or other programs.

#[path = "common/mod.rs"]
mod common;
#[path = "../../stablehlo/tests/damage/mod.rs"]
mod damage;

use std::path::Path;

use common::{golden, list};
use cotangent::import;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What a reader takes for a byte: equations are larger than the bytecode of an operation.
const MEMORY: damage::Memory = damage::Memory { per_byte: 256, more: 1 << 14 };

/// The smaller ones of the stored artifacts.
fn artifacts() -> Vec<Vec<u8>> {
    let files = ["imports.json", "imports_vjp.json", "torch.json"].map(golden);
    let cases = files.iter().flat_map(|file| list(&file["cases"]));
    let all = cases.map(|case| common::base64::decoded(case["artifact"].as_str().expect("an artifact")));
    let small: Vec<Vec<u8>> = all.filter(|bytes| bytes.len() < 6000).collect();
    assert!(small.len() > 30);
    small
}

fn imported(bytes: &[u8]) -> bool {
    if let Ok(report) = import::inspect(bytes) {
        assert!(report.module_bytes <= bytes.len());
    }
    import::jax(bytes).is_ok() || import::stablehlo(bytes).is_ok()
}

#[test]
fn damaged_artifacts_are_errors() {
    let files = artifacts();
    // Each byte is damaged, in one of three ways, and lengths are tried.
    let whole = &files[0];
    let (mut refused, mut tried) = (0, 0);
    let mut check = |bytes: &[u8]| {
        tried += 1;
        refused += usize::from(import::jax(bytes).is_err());
    };
    for n in 0..whole.len() {
        if n % 7 == 0 {
            check(&whole[..n]);
        }
        let mut bytes = whole.clone();
        bytes[n] = [0u8, 255, whole[n] ^ 4][n % 3];
        check(&bytes);
    }
    println!("{refused} of {tried} damaged files are refused");
    assert!(2 * refused > tried, "only {refused} of {tried} damaged files are refused");

    let found = damage::fuzz(&files, 2000, MEMORY, &ALLOCATOR, |_, bytes| imported(bytes));
    assert!(found > 0);

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stablehlo/tests/read");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "mlir" || e == "bc"));
    paths.sort();
    let modules: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a file")).collect();
    damage::fuzz(&modules, 1000, MEMORY, &ALLOCATOR, |_, bytes| imported(bytes));
}
