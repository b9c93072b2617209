//! Damaged artifacts of `jax.export` and damaged modules are errors, or other programs. So are modules that can be read, and
//! whose types, attributes, operands and operations do not fit each other. Damaged files of arrays are errors, or other arrays.

#[path = "common/mod.rs"]
mod common;
#[path = "../../stablehlo/tests/damage/mod.rs"]
mod damage;

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::{golden, list};
use cotangent::import;
use peak_alloc::PeakAlloc;
use stablehlo::read;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The allocator counts for the process, so the tests run one at a time.
static ALONE: Mutex<()> = Mutex::new(());

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
    let _alone = ALONE.lock().expect("no test panics with the lock");
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

    damage::fuzz(&modules(), 1000, MEMORY, &ALLOCATOR, |_, bytes| imported(bytes));
}

/// The modules that the reader is tested with.
fn modules() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stablehlo/tests/read");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "mlir" || e == "bc"));
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

/// The module inside an artifact: a vector of the flatbuffer, whose length comes before it.
fn inside(artifact: &[u8]) -> Option<&[u8]> {
    let at = artifact.windows(4).position(|w| w == b"ML\xefR").filter(|at| *at >= 4)?;
    let length = u32::from_le_bytes(artifact[at - 4..at].try_into().ok()?) as usize;
    artifact.get(at..at + length)
}

/// Modules with other types, attributes, operands, operations and regions. What they mean may be absurd, and they are as
/// long as before.
#[test]
fn changed_modules_are_errors_or_programs() {
    let _alone = ALONE.lock().expect("no test panics with the lock");
    let (modules, artifacts) = (modules(), artifacts());
    let all = modules.iter().map(Vec::as_slice).chain(artifacts.iter().filter_map(|artifact| inside(artifact)));
    let programs: Vec<read::Program> = all.filter_map(|bytes| read::bytes(bytes).ok()).collect();
    assert!(programs.len() > 40);
    let mut slowest = Duration::ZERO;
    let changed = |random: &mut damage::Random| random.changed(&programs).to_text().into_bytes();
    let found = damage::fuzz_with(changed, 1500, MEMORY, &ALLOCATOR, |case, bytes| {
        let start = Instant::now();
        let outcome = import::stablehlo(bytes);
        if let Err(error) = &outcome {
            assert_ne!(error.kind(), cotangent::ErrorKind::Panic, "case {case}: {error}");
        }
        let took = start.elapsed();
        if took > slowest {
            slowest = took;
            println!("case {case}: {} bytes in {took:?}", bytes.len());
        }
        assert!(took < Duration::from_secs(60), "case {case} takes {took:?}");
        outcome.is_ok()
    });
    assert!(found > 0);
}

/// A file of arrays with the ending that says how it is read. Returns whether every array could be read.
#[cfg(all(feature = "safetensors", feature = "npy", feature = "flax"))]
fn arrays(path: &Path) -> bool {
    use cotangent::io::{flax, npy, safetensors};
    let all = |read: Vec<cotangent::Result<cotangent::Array>>| -> bool {
        // All are read, also after one that cannot be.
        let n = read.len();
        read.iter().filter(|x| x.as_ref().is_ok_and(|x| x.to_bytes().is_ok())).count() == n
    };
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("safetensors" | "json") => {
            safetensors::File::open(path).is_ok_and(|f| all(f.names().map(|n| f.get(n)).collect()))
        }
        Some("npz") => npy::Archive::open(path).is_ok_and(|f| all(f.names().map(|n| f.get(n)).collect())),
        Some("msgpack") => flax::File::open(path).is_ok_and(|f| all(f.names().map(|n| f.get(n)).collect())),
        Some("eqx") => {
            // A perceptron from two numbers over four to one.
            use cotangent::numpy::zeros;
            let like = vec![zeros((4, 2)), zeros(4), zeros((1, 4)), zeros(1)];
            npy::load_sequence(path, &like).is_ok_and(|leaves| all(leaves.into_iter().map(Ok).collect()))
        }
        _ => all(vec![npy::read(path)]),
    }
}

/// What a reader takes for a byte: an array of one byte has a name, a type and a place.
#[cfg(all(feature = "safetensors", feature = "npy", feature = "flax"))]
const MEMORY_OF_ARRAYS: damage::Memory = damage::Memory { per_byte: 512, more: 1 << 18 };

#[test]
#[cfg(all(feature = "safetensors", feature = "npy", feature = "flax"))]
fn damaged_files_of_arrays_are_errors_or_arrays() {
    use cotangent::{io::safetensors, prelude::*};
    let _alone = ALONE.lock().expect("no test panics with the lock");
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/files");
    let folder = tempfile::tempdir().expect("a folder");
    // Two files with an index, whose names stay those of the files.
    let tree = vec![np::arange(40), np::ones((3, 4)), np::zeros(7)];
    let whole = folder.path().join("w.safetensors");
    safetensors::Save::new().metadata("license", "MIT").max_shard_size(200).write(&whole, &tree).expect("the files");
    for ending in ["safetensors", "safetensors.index.json", "npz", "npy", "eqx", "msgpack"] {
        let of = |folder: &Path| -> Vec<Vec<u8>> {
            let paths = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("a file").path());
            let mut paths: Vec<_> =
                paths.filter(|path| path.to_string_lossy().ends_with(&format!(".{ending}"))).collect();
            paths.sort();
            paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
        };
        let files = [of(&stored), of(folder.path())].concat();
        assert!(!files.is_empty(), "{ending}");
        let path = folder.path().join(format!("damaged.{ending}"));
        let found = damage::fuzz(&files, 3000, MEMORY_OF_ARRAYS, &ALLOCATOR, |_, bytes| {
            std::fs::write(&path, bytes).expect("a file");
            arrays(&path)
        });
        assert!(found > 0 && found < damage::times(3000), "{found} of the files that end with {ending} are read");
        std::fs::remove_file(&path).expect("the file");
    }
}

#[test]
fn deep_nesting() {
    let _alone = ALONE.lock().expect("no test panics with the lock");
    deep_nesting_does_not_overflow();
}

/// Nesting ends in an error or in a program, on the 2 MiB of stack that a thread has.
fn deep_nesting_does_not_overflow() {
    let nested = |depth: usize| {
        let mut body = String::from("%v0 = stablehlo.negate %x : tensor<f32>\n");
        for d in 0..depth {
            body = format!(
                "%v{} = \"stablehlo.case\"(%i) ({{\n{body}\"stablehlo.return\"(%v{d}) : (tensor<f32>) -> ()\n}}) : \
                 (tensor<i32>) -> tensor<f32>\n",
                d + 1
            );
        }
        let head = "module @m { func.func public @main(%x: tensor<f32>, %i: tensor<i32>) -> tensor<f32> {\n";
        format!("{head}{body}return %v{depth} : tensor<f32>\n}} }}")
    };
    assert!(imported(nested(3).as_bytes()));
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let read = move || [20, 100, 1000, 20_000].map(|depth| imported(nested(depth).as_bytes()));
    let read = thread.spawn(read).expect("a thread").join().expect("no panic");
    assert!(read[0] && !read[2] && !read[3], "{read:?}");
}
