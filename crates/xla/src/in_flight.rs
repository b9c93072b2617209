//! What runs in the plugin while the process ends: programs whose results were dropped, and calls of other threads. They
//! would use what the end of the process has already destroyed, so it waits for them, and other threads start nothing new.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::getpid;
use rustix::thread::gettid;

use crate::abi::{EventIsReadyArgs, EventOnReadyArgs, RawError, RawEvent};
use crate::api::Api;

/// The programs that run, of those whose results were dropped.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// The calls that threads are in.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Whether the process is ending.
static ENDING: AtomicBool = AtomicBool::new(false);
/// How long the end of the process waits for calls. One that takes longer may wait for what the process holds.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    /// Whether this thread ends the process.
    static ENDS: Cell<bool> = const { Cell::new(false) };
    /// Whether the end of the process waits for what this thread does.
    static AWAITED: Cell<bool> = const { Cell::new(false) };
    static MAIN: Main = const { Main };
}

unsafe extern "C" {
    /// The C library's `atexit`: calls `f` when the process ends, before the functions that were registered earlier.
    fn atexit(f: extern "C" fn()) -> c_int;
}

/// Registers [`wait`]. At the end, it must run before the functions that the plugin has registered, which it does when it
/// first needs something. If `main`'s thread has opened a client and ends the process, it waits before all of them. If another
/// thread ends it during the first run of a program, some may run earlier.
fn at_exit() {
    // SAFETY: `wait` may be called at any time. If it cannot be registered, the process ends without waiting.
    let _ = unsafe { atexit(wait) };
}

/// Calls [`wait`] when the process ends because `main` returns or exits: the C library runs the destructors of a thread's
/// variables before all functions that are registered for the end.
struct Main;

impl Drop for Main {
    fn drop(&mut self) {
        if getpid() == gettid() {
            wait();
        }
    }
}

/// Runs at the end of the process, and waits for all work and for all calls.
extern "C" fn wait() {
    // A function that ends the process cannot wait for the program that called it.
    if AWAITED.get() {
        return;
    }
    ENDS.set(true);
    ENDING.store(true, Ordering::SeqCst);
    let start = Instant::now();
    while RUNNING.load(Ordering::SeqCst) > 0 || (CALLS.load(Ordering::SeqCst) > 0 && start.elapsed() < PATIENCE) {
        std::thread::sleep(Duration::from_micros(100));
    }
    // The other calls are short.
    std::thread::sleep(Duration::from_millis(1));
}

/// Stops this thread forever if another one is ending the process, unless that waits for this thread.
#[inline]
pub(crate) fn stop_if_ending() {
    if ENDING.load(Ordering::SeqCst) && !ENDS.get() && !AWAITED.get() {
        loop {
            std::thread::park();
        }
    }
}

/// Makes a call of the plugin that may take long. The process does not end during the call.
#[inline]
pub(crate) fn during<R>(call: impl FnOnce() -> R) -> R {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    CALLS.fetch_add(1, Ordering::SeqCst);
    if ENDING.load(Ordering::SeqCst) {
        CALLS.fetch_sub(1, Ordering::SeqCst);
        stop_if_ending();
        CALLS.fetch_add(1, Ordering::SeqCst);
    }
    let result = awaited(call);
    // What a call starts may register functions after it has returned.
    if COUNT.fetch_add(1, Ordering::Relaxed).is_power_of_two() {
        at_exit();
    }
    CALLS.fetch_sub(1, Ordering::SeqCst);
    result
}

/// [`during`] a call that makes a program, for which the plugin registers functions, too.
pub(crate) fn making<R>(call: impl FnOnce() -> R) -> R {
    // Fails in the destructor of another variable of a thread that ends.
    let _ = MAIN.try_with(|_| ());
    during(|| {
        let result = call();
        at_exit();
        result
    })
}

/// Runs a function that the end of the process waits for: a part of a call, or one that a program calls.
#[inline]
pub(crate) fn awaited<R>(function: impl FnOnce() -> R) -> R {
    let before = AWAITED.replace(true);
    let result = function();
    AWAITED.set(before);
    result
}

/// Keeps the process from ending before the event is ready. Frees the event.
///
/// # Safety
/// The event must be owned by the caller, and of this plugin.
pub(crate) unsafe fn watch(api: &Api, event: NonNull<RawEvent>) {
    // SAFETY: guaranteed by the caller.
    during(|| unsafe { watched(api, event) });
}

/// # Safety
/// As for [`watch`].
unsafe fn watched(api: &Api, event: NonNull<RawEvent>) {
    let mut asked = EventIsReadyArgs::new();
    asked.event = event.as_ptr();
    // SAFETY: the event is alive.
    let known = unsafe { api.check(api.event_is_ready(&mut asked), "looking for work in flight") };
    if known.is_ok() && !asked.is_ready {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        let mut args = EventOnReadyArgs::new();
        args.event = event.as_ptr();
        args.callback = Some(finished);
        args.user_arg = Box::into_raw(Box::new(*api)).cast();
        // SAFETY: the event is alive, and the callback receives a box to free.
        let registered = unsafe { api.check(api.event_on_ready(&mut args), "watching work in flight") };
        if registered.is_err() {
            RUNNING.fetch_sub(1, Ordering::SeqCst);
        }
    }
    // SAFETY: the event is owned by the caller, who passes it on; a registered callback holds what it needs.
    unsafe { api.destroy_event(event.as_ptr()) };
}

/// Called when work has ended, with success or an error.
unsafe extern "C" fn finished(error: *mut RawError, api: *mut c_void) {
    // SAFETY: this is the box that `watch` passed, and the callback runs once.
    let api = unsafe { Box::from_raw(api.cast::<Api>()) };
    // SAFETY: the callback owns the error.
    awaited(|| unsafe { api.free_error(error) });
    RUNNING.fetch_sub(1, Ordering::SeqCst);
}
