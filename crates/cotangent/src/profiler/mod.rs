//! Profiles: what a program spends its time on, as files that XProf, TensorBoard and Perfetto show.
//!
//! [`trace`] records what the threads of this process do: calls of jitted functions, tracing, rewriting, lowering,
//! compiling, the start of each execution, and waits for results, beside what the program names with [`annotate`] and
//! [`step`]. It does not see inside an execution: XLA's plugin for the CPU has no profiler, and that of a GPU is not
//! asked. Nsight Systems shows the kernels of a GPU.
//!
//! Without a profile, each of these spans costs a look at a flag.

mod files;
mod memory;
mod proto;
mod xplane;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use crate::compile::record::{self, Going};
use crate::error::{Error, ErrorKind, OrRaise, Result};

pub use memory::{device_memory_profile, live_arrays, save_device_memory_profile, track_arrays};

/// What a profile is written from.
struct Session {
    folder: PathBuf,
    perfetto: bool,
    began: (Instant, SystemTime),
}

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

/// Options of a profile.
///
/// ```
/// use cotangent::profiler::Options;
/// assert!(!Options::default().perfetto);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Whether to write `perfetto_trace.json.gz` as well, which <https://ui.perfetto.dev> opens.
    pub perfetto: bool,
}

/// Begins to record a profile, which [`stop_trace`] ends. [`trace`] does both.
///
/// # Errors
/// Returns an error if a profile is being recorded: there is one at a time in a process.
///
/// ```no_run
/// use cotangent::{prelude::*, profiler};
/// let folder = std::env::temp_dir().join("cotangent-doc-start-trace");
/// profiler::start_trace(&folder, profiler::Options::default())?;
/// jit(|x: &Array| x.sin())(&np::ones(3)).to_vec::<f32>();
/// let written = profiler::stop_trace()?;
/// assert!(written.starts_with(&folder));
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), Error>(())
/// ```
pub fn start_trace(folder: impl AsRef<Path>, options: Options) -> Result<()> {
    let mut session = SESSION.lock().unwrap_or_else(PoisonError::into_inner);
    if session.is_some() || !record::begin() {
        return Err(Error::new(ErrorKind::Runtime, "a profile is being recorded already")
            .help("end it with `profiler::stop_trace()` first"));
    }
    let (folder, perfetto) = (folder.as_ref().to_path_buf(), options.perfetto);
    *session = Some(Session { folder, perfetto, began: (Instant::now(), SystemTime::now()) });
    Ok(())
}

/// Ends the profile that [`start_trace`] began, writes its files, and returns the folder that they are in:
/// `plugins/profile/<time>` in the folder of the profile, where TensorBoard's plugin looks for them.
///
/// | file | what shows it |
/// |---|---|
/// | `<host>.xplane.pb` | XProf and TensorBoard; `jax.profiler.ProfileData` reads it |
/// | `<host>.trace.json.gz` | `chrome://tracing`, and TensorBoard's trace viewer |
/// | `perfetto_trace.json.gz`, on request | <https://ui.perfetto.dev> |
///
/// # Errors
/// Returns an error if no profile is being recorded, or if the files cannot be written.
///
/// ```no_run
/// use cotangent::profiler;
/// assert!(profiler::stop_trace().unwrap_err().message().contains("no profile"));
/// ```
pub fn stop_trace() -> Result<PathBuf> {
    let session = SESSION.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (Some(session), Some((events, threads))) = (session, record::end()) else {
        return Err(Error::new(ErrorKind::Runtime, "no profile is being recorded")
            .help("begin one with `profiler::start_trace(…)`"));
    };
    let profile = files::Profile { events, threads, began: session.began };
    let written: io::Result<PathBuf> = profile.write(&session.folder, session.perfetto);
    written.map_err(|e| {
        let message = format!("the profile cannot be written to {}: {e}", session.folder.display());
        Error::new(ErrorKind::Runtime, message).help("choose a folder that can be written to")
    })
}

/// Runs `f`, and writes a profile of what the process did meanwhile to a folder; see [`stop_trace`] for the files.
///
/// ```no_run
/// use cotangent::{prelude::*, profiler};
/// let folder = std::env::temp_dir().join("cotangent-doc-trace");
/// let f = jit(|x: &Array| x.sin().sum());
/// profiler::trace(&folder, || {
///     for n in 0..3 {
///         profiler::step("train", n, || f(&np::ones(1000)));
///     }
/// });
/// # std::fs::remove_dir_all(folder).unwrap();
/// ```
///
/// Computations that are still running when `f` returns are not waited for.
///
/// # Panics
/// Panics if a profile is being recorded already, or if the files cannot be written. If `f` panics, the profile is
/// written all the same.
#[track_caller]
pub fn trace<R>(folder: impl AsRef<Path>, f: impl FnOnce() -> R) -> R {
    struct Stop;
    impl Drop for Stop {
        fn drop(&mut self) {
            // While a panic unwinds, its message is the one that counts.
            let _ = stop_trace();
        }
    }
    start_trace(folder, Options::default()).or_raise();
    let stop = Stop;
    let result = f();
    std::mem::forget(stop);
    stop_trace().or_raise();
    result
}

/// Something with a name that goes on until this value is dropped; see [`annotation`].
#[must_use = "it ends when the value is dropped"]
pub struct Annotation {
    _going: Going,
}

impl std::fmt::Debug for Annotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Annotation")
    }
}

/// Begins something with a name, which profiles show. It ends when the returned value is dropped. JAX has it as
/// `TraceAnnotation`.
///
/// ```
/// use cotangent::profiler;
/// let loading = profiler::annotation("loading data");
/// // …
/// drop(loading);
/// ```
pub fn annotation(name: &str) -> Annotation {
    Annotation { _going: record::going(|| name.to_string(), Vec::new) }
}

/// Runs `f` as something with a name, which profiles show. It names functions, too: `|x| annotate("f", || f(x))` is
/// what `jax.profiler.annotate_function` returns.
///
/// ```
/// use cotangent::profiler;
/// assert_eq!(profiler::annotate("sum", || 1 + 1), 2);
/// ```
pub fn annotate<R>(name: &str, f: impl FnOnce() -> R) -> R {
    let _annotation = annotation(name);
    f()
}

/// Runs `f` as a numbered step, which profiles show and XProf analyses step by step. JAX has it as
/// `StepTraceAnnotation`.
///
/// ```
/// use cotangent::profiler;
/// for n in 0..3 {
///     profiler::step("train", n, || ());
/// }
/// ```
pub fn step<R>(name: &str, number: u64, f: impl FnOnce() -> R) -> R {
    let details = || vec![("_r", "1".to_string()), ("step_num", number.to_string())];
    let _going = record::going(|| format!("{name} {number}"), details);
    f()
}
