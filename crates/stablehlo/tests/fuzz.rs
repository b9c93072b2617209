//! Damaged modules are errors, or other programs: no panic, no endless loop, and no more memory than the input warrants.

mod damage;

use std::path::Path;

use cotangent_stablehlo::read;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn damaged_modules() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut paths: Vec<_> = ["read", "golden"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(tests.join(folder)).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|e| e == "mlir" || e == "bc"))
        .collect();
    paths.sort();
    let files: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let cases = 4000;
    let memory = damage::Memory { per_byte: 64, more: 1 << 14 };
    let found = damage::fuzz(&files, cases, memory, &ALLOCATOR, |_, bytes| read::bytes(bytes).is_ok());
    assert!(found > 0);
    let programs: Vec<_> = files.iter().filter_map(|bytes| read::bytes(bytes).ok()).collect();
    let changed = |random: &mut damage::Random| random.changed(&programs).to_text().into_bytes();
    damage::fuzz_with(changed, cases / 4, memory, &ALLOCATOR, |_, bytes| read::bytes(bytes).is_ok());
    // What was read can be walked and written.
    let memory = damage::Memory { per_byte: 16384, more: 1 << 14 };
    damage::fuzz(&files, cases / 16, memory, &ALLOCATOR, |_, bytes| {
        let Ok(program) = read::bytes(bytes) else { return false };
        drop(program.to_artifact());
        assert!(program.to_text().len() <= 4096 * (bytes.len() + 1));
        for op in program.functions.iter().flat_map(|f| &f.body.ops) {
            program.locations.source(op.location);
        }
        true
    });
}
