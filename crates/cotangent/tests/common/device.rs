//! A test binary as a tool: stored cases on the device that `COTANGENT_DEVICE` names, for a machine without Rust.
//!
//! `COTANGENT_TEST_RESULTS` names the file of results, and `COTANGENT_TEST_EXPECTED` a file of expected results; without
//! one, the results are those to expect. `benches/gpu` has the scripts.

use std::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Map, Value as Json, json};

/// What the environment asks for.
#[derive(Debug)]
pub(crate) struct Order {
    /// The file of expected results, to compare with. Without one, results are recorded.
    pub(crate) expected: Option<PathBuf>,
    results: PathBuf,
}

/// After this many errors in a row, the device is taken to be out of order: an illegal access makes every later call
/// fail.
const OUT_OF_ORDER: usize = 24;

impl Order {
    /// Returns the order in the environment, if there is one.
    pub(crate) fn from_env() -> Option<Order> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Some(Order { results: path("COTANGENT_TEST_RESULTS")?, expected: path("COTANGENT_TEST_EXPECTED") })
    }

    /// Runs each case on one of several threads. Appends two lines to the file of results: `{"start": name}`, and later
    /// the members that `run` returns, with `case` and `seconds`; or with `error`, if it panics. A name that the file
    /// has already is skipped, so a run that was cut off can be continued without the case that ended it.
    pub(crate) fn each<C: Sync>(
        &self,
        cases: &[C],
        name: impl Fn(&C) -> String + Sync,
        run: impl Fn(&C) -> Map<String, Json> + Sync,
    ) {
        let known = std::fs::read_to_string(&self.results).unwrap_or_default();
        let lines = known.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let known: BTreeSet<String> = lines.filter_map(|line| Some(line.get("start")?.as_str()?.to_string())).collect();
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.results);
        let file = Mutex::new(file.unwrap_or_else(|e| panic!("{}: {e}", self.results.display())));
        let write = |line: Json| {
            let mut file = file.lock().expect("no thread panics with the lock");
            file.write_all(format!("{line}\n").as_bytes()).expect("the results can be written");
        };
        let (next, errors) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let name = name(case);
                if known.contains(&name) {
                    continue;
                }
                write(json!({ "start": name }));
                let begin = Instant::now();
                let mut line = match catch_unwind(AssertUnwindSafe(|| run(case))) {
                    Ok(line) => line,
                    Err(panic) => Map::from_iter([("error".to_string(), message(&*panic).into())]),
                };
                let failed = line.contains_key("error");
                line.insert("case".to_string(), name.into());
                line.insert("seconds".to_string(), begin.elapsed().as_secs_f64().into());
                write(line.into());
                let before =
                    if failed { errors.fetch_add(1, Ordering::Relaxed) } else { errors.swap(0, Ordering::Relaxed) };
                if failed && before + 1 >= OUT_OF_ORDER {
                    std::process::exit(3);
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    }
}

/// Returns the message of a panic.
pub(crate) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
