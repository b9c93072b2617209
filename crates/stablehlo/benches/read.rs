//! How long large modules take to read: `cargo bench -p cotangent-stablehlo -- [MEGABYTES [FORM]]`, by default 50 and all.
//!
//! A module repeats functions until it has that size. A line has what its functions hold, how many operations it has, and the
//! wall-clock and processor time of the fastest of five reads, for bytecode and for text.

use std::path::Path;
use std::time::Instant;

use cotangent_stablehlo::read::{self, Program, Region};

/// Modules with the functions that larger ones repeat.
fn forms() -> Vec<(&'static str, Program)> {
    // Each operation uses the result of the one before.
    let chain = |op: &dyn Fn(usize) -> String| {
        let mut text = String::from(
            "module @m {\nfunc.func public @main(%i: tensor<i32>, %v0: tensor<8xf32>) -> tensor<8xf32> {\n",
        );
        (0..50_000).for_each(|n| text += &format!("%v{} = {}\n", n + 1, op(n)));
        read::text(&(text + "return %v0 : tensor<8xf32>\n} }")).expect("a module")
    };
    let corpus = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read").join(name);
        read::bytes(&std::fs::read(path).expect("a file")).expect("a module")
    };
    vec![
        ("negate", chain(&|n| format!("stablehlo.negate %v{n} : tensor<8xf32>"))),
        ("add", chain(&|n| format!("stablehlo.add %v{n}, %v{n} : tensor<8xf32>"))),
        (
            "add with locations",
            chain(&|n| format!("stablehlo.add %v{n}, %v{n} : tensor<8xf32> loc(\"n{n}\"(\"a.py\":{n}:1))")),
        ),
        (
            "concatenate",
            chain(&|n| {
                let ty = format!("tensor<{}xf32>", 8 * (n + 1));
                format!(
                    "stablehlo.concatenate %v{n}, %v0, dim = 0 : ({ty}, tensor<8xf32>) -> tensor<{}xf32>",
                    8 * (n + 2)
                )
            }),
        ),
        ("constant", chain(&|n| format!("stablehlo.constant dense<{n}.5> : tensor<8xf32>"))),
        (
            "dynamic_update_slice",
            chain(&|n| {
                let types = "(tensor<8xf32>, tensor<8xf32>, tensor<i32>) -> tensor<8xf32>";
                format!("stablehlo.dynamic_update_slice %v{n}, %v{n}, %i : {types}")
            }),
        ),
        (
            "case",
            chain(&|n| {
                format!(
                    "\"stablehlo.case\"(%i) ({{\n\"stablehlo.return\"(%v{n}) : (tensor<8xf32>) -> ()\n}}) : \
                     (tensor<i32>) -> tensor<8xf32>"
                )
            }),
        ),
        ("special functions of JAX", corpus("special.bc")),
        ("draws of JAX", corpus("draws.bc")),
        ("indexing of JAX", corpus("indexing.bc")),
    ]
}

/// The module with its functions as often as they fill `bytes` of what `write` returns.
fn repeated(program: &Program, bytes: usize, write: impl Fn(&Program) -> Vec<u8>) -> (Program, Vec<u8>) {
    let times = |n: usize| {
        let mut all = program.clone();
        for copy in 1..n {
            all.functions.extend(program.functions.iter().cloned().map(|mut f| {
                f.name = format!("{}_{copy}", f.name).into();
                f
            }));
        }
        all
    };
    let (one, two) = (write(&times(1)).len(), write(&times(3)).len());
    let all = times(1 + bytes.saturating_sub(one).div_ceil((two - one) / 2));
    let written = write(&all);
    (all, written)
}

fn operations(region: &Region) -> usize {
    region.ops.iter().map(|op| 1 + op.regions.iter().map(operations).sum::<usize>()).sum()
}

/// The processor time of this thread, in seconds.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

/// The least wall-clock and processor time.
fn fastest(bytes: &[u8], program: &Program) -> (f64, f64) {
    let read = || {
        let (start, before) = (Instant::now(), processor_time());
        let read = read::bytes(bytes).expect("a module");
        ((start.elapsed().as_secs_f64(), processor_time() - before), read)
    };
    assert!(read().1 == *program);
    (0..5).map(|_| read().0).fold((f64::MAX, f64::MAX), |a, b| (a.0.min(b.0), a.1.min(b.1)))
}

/// Writes a module in one of its forms.
type Writer<'a> = &'a dyn Fn(&Program) -> Vec<u8>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    // `cargo test --benches` runs this too, and only has to see that it works.
    let testing = !std::env::args().any(|a| a == "--bench");
    let megabytes: f64 = arguments.first().map_or(if testing { 0.0 } else { 50.0 }, |a| a.parse().expect("megabytes"));
    let size = (megabytes * 1e6) as usize;
    println!("{:26} {:>9} {:>12} {:>9} {:>9}", "functions of", "MB", "operations", "seconds", "processor");
    for (name, program) in forms() {
        if arguments.get(1).is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let forms: [(&str, Writer); 2] =
            [("bytecode", &|p| p.to_artifact().expect("it can be written")), ("text", &|p| p.to_text().into_bytes())];
        for (form, write) in forms {
            let (all, bytes) = repeated(&program, size, write);
            let ops: usize = all.functions.iter().map(|f| operations(&f.body)).sum();
            let (seconds, work) = fastest(&bytes, &all);
            println!("{name:26} {:9.1} {ops:12} {seconds:9.3} {work:9.3} {form}", bytes.len() as f64 / 1e6);
        }
    }
}
