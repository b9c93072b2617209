//! Records what threads do while a profile is taken: the spans of this library, and those that users name.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Something that a thread did.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) name: Cow<'static, str>,
    /// The number of the thread.
    pub(crate) thread: u64,
    pub(crate) start: Instant,
    pub(crate) duration: Duration,
    /// What is known about it, by name.
    pub(crate) details: Vec<(&'static str, String)>,
}

/// Whether a profile is taken. A span looks here first.
static ACTIVE: AtomicBool = AtomicBool::new(false);
static EVENTS: Mutex<Vec<Event>> = Mutex::new(Vec::new());
/// The threads that have been seen, each with its number and its name.
static THREADS: Mutex<Threads> = Mutex::new(Vec::new());

/// Whether a profile is taken.
#[inline]
pub(crate) fn is_active() -> bool {
    ACTIVE.load(Ordering::Relaxed)
}

/// Begins to record. Returns `false` if a recording is under way.
pub(crate) fn begin() -> bool {
    let mut events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if ACTIVE.load(Ordering::Relaxed) {
        return false;
    }
    events.clear();
    ACTIVE.store(true, Ordering::Relaxed);
    true
}

/// The threads, each with its number and its name.
pub(crate) type Threads = Vec<(u64, String)>;

/// Ends the recording. Returns what has been recorded and the names of the threads, or `None` if nothing was recorded.
pub(crate) fn end() -> Option<(Vec<Event>, Threads)> {
    let mut events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    ACTIVE.swap(false, Ordering::Relaxed).then(|| {
        let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // They are recorded as they end.
        events.sort_by_key(|event| event.start);
        (std::mem::take(&mut *events), threads)
    })
}

/// The number of this thread.
fn thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static NUMBER: u64 = {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = std::thread::current().name().map_or_else(|| format!("thread {number}"), str::to_string);
        THREADS.lock().unwrap_or_else(PoisonError::into_inner).push((number, name));
        number
    });
    // At the end of a thread, its number may already have been dropped.
    NUMBER.try_with(|number| *number).unwrap_or(0)
}

/// Something that goes on until this guard is dropped. It is recorded if a profile is taken at its beginning and its
/// end.
pub(crate) struct Going(Option<Begun>);

type Begun = (Cow<'static, str>, Instant, Vec<(&'static str, String)>);

/// Begins something that is recorded. `details` is called only while a profile is taken.
#[inline]
pub(crate) fn going<N: Into<Cow<'static, str>>>(
    name: impl FnOnce() -> N,
    details: impl FnOnce() -> Vec<(&'static str, String)>,
) -> Going {
    Going(is_active().then(|| begun(name().into(), details())))
}

#[cold]
fn begun(name: Cow<'static, str>, details: Vec<(&'static str, String)>) -> Begun {
    (name, Instant::now(), details)
}

impl Drop for Going {
    #[inline]
    fn drop(&mut self) {
        if let Some(begun) = self.0.take() {
            ended(begun);
        }
    }
}

#[cold]
fn ended((name, start, details): Begun) {
    let (duration, thread) = (start.elapsed(), thread());
    let mut events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if is_active() {
        events.push(Event { name, thread, start, duration, details });
    }
}
