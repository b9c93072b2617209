//! The spans and events of the feature `tracing`, as `tracing_subscriber` displays them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use cotangent::prelude::*;
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Serializes the tests. `tracing` decides whether a span is enabled when a thread first reaches it, by that thread's
/// subscriber, so threads with and without a subscriber would interfere.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the lines that `f` logs at this level, including those for the ends of spans.
fn lines(level: Level, f: impl FnOnce()) -> Vec<String> {
    let written = Lines::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, f);
    let text = String::from_utf8(written.0.lock().expect("one thread").clone()).expect("UTF-8");
    text.lines().map(str::to_string).collect()
}

/// Returns the index of the one line that contains all these parts.
#[track_caller]
fn place(lines: &[String], parts: &[&str]) -> usize {
    let has = |line: &&String| parts.iter().all(|part| line.contains(part));
    let found: Vec<usize> = (0..lines.len()).filter(|i| has(&&lines[*i])).collect();
    match found[..] {
        [one] => one,
        _ => panic!("{} lines with {parts:?} in\n{}", found.len(), lines.join("\n")),
    }
}

/// Returns a number for which no program is in the disk cache.
fn fresh() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    f64::from(now.subsec_nanos()) + f64::from(std::process::id()) / 1e7
}

fn scaled(by: f64) -> impl Fn(&Array) -> Array {
    move |x: &Array| (x * by).sin()
}

#[test]
fn the_first_call_of_a_jitted_function_shows_each_stage() {
    let _alone = alone();
    let f = jit(scaled(fresh()));
    let x = Array::from([1.0f32, 2.0]);
    let first = lines(Level::DEBUG, || {
        f(&x).block_until_ready().expect("a value");
    });
    let order = [
        place(&first, &["jit{function=", "scaled", "location=", "spans.rs:", ":trace: ", "close"]),
        place(&first, &["jit{function=", " traced ", "reason=\"first call\"", "equations=2"]),
        place(&first, &["lower: ", "close"]),
        place(&first, &["compile: ", "close"]),
        place(&first, &["program ready", "origin=\"compiled\"", "equations=2", "lower_ms=", "compile_ms=", "disk_ms="]),
    ];
    assert!(order.is_sorted(), "{}", first.join("\n"));
    assert!(first.iter().all(|line| line.contains(" cotangent: ") && line.trim_start().starts_with("DEBUG")));

    assert_eq!(lines(Level::DEBUG, || drop(f(&x))), [""; 0], "a call that finds its program is no news");
    let again = lines(Level::TRACE, || drop(f(&x)));
    assert_eq!(again.len(), 2, "{}", again.join("\n"));
    place(&again, &["call{function=", "scaled", ":execute: ", "close"]);
    place(&again, &["call{function=", "}: cotangent: close"]);

    let other = lines(Level::DEBUG, || drop(f(&np::zeros(3))));
    place(&other, &[" traced ", "reason=\"argument [0]: shape [2] became [3]\""]);
    place(&other, &["program ready", "origin=\"compiled\""]);
}

#[test]
fn a_program_of_another_function_is_found() {
    let _alone = alone();
    let by = fresh();
    let x = Array::from([1.0f32, 2.0]);
    let _ = jit(scaled(by))(&x);
    let twin = jit(scaled(by));
    let found = lines(Level::TRACE, || drop(twin(&x)));
    place(&found, &["call{function=", "program ready", "origin=\"memory\""]);
    assert!(!found.iter().any(|line| line.contains("compile")), "{}", found.join("\n"));
}

#[test]
fn transforms_without_jit_show_what_they_do() {
    let _alone = alone();
    let slope = grad(|x: &Array| (x * 2.0).sin());
    let x = Array::scalar(fresh());
    // A scalar on the host may be folded into a constant; this one is on the device.
    let x = (&np::full([1], &x) + 0.0).reshape(());
    let _ = slope(&x);
    let again = lines(Level::TRACE, || assert!(slope(&x).item::<f64>().is_finite()));
    let order = [
        place(&again, &["rewrite:trace: ", "close"]),
        place(&again, &[" rewrite: ", "close"]),
        place(&again, &["program ready", "origin=\"memory\""]),
        place(&again, &[" execute: ", "close"]),
        place(&again, &[" read: ", "close"]),
    ];
    assert!(order.is_sorted(), "{}", again.join("\n"));
}
