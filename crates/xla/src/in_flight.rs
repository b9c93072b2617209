//! Work that is still running after its results were dropped. The process must not end while it runs: the plugin's
//! threads would use what the end of the process has already destroyed.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::abi::{EventIsReadyArgs, EventOnReadyArgs, RawError, RawEvent};
use crate::api::Api;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    /// The C library's `atexit`: calls `f` when the process ends, before the functions that were registered earlier.
    fn atexit(f: extern "C" fn()) -> c_int;
}

/// Runs at the end of the process, and waits for all work.
extern "C" fn wait() {
    while RUNNING.load(Ordering::Acquire) > 0 {
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Keeps the process from ending before the event is ready. Frees the event.
///
/// # Safety
/// The event must be owned by the caller, and of this plugin.
pub(crate) unsafe fn watch(api: &Api, event: NonNull<RawEvent>) {
    let mut asked = EventIsReadyArgs::new();
    asked.event = event.as_ptr();
    // SAFETY: the event is alive.
    let known = unsafe { api.check((api.event_is_ready)(&mut asked), "looking for work in flight") };
    if known.is_ok() && !asked.is_ready {
        static AT_EXIT: Once = Once::new();
        // Registered this late so that it runs before the plugin's own exit handlers, which were registered during
        // setup.
        AT_EXIT.call_once(|| {
            // SAFETY: `wait` may be called at any time. If it cannot be registered, the process ends without waiting.
            let _ = unsafe { atexit(wait) };
        });
        RUNNING.fetch_add(1, Ordering::AcqRel);
        let mut args = EventOnReadyArgs::new();
        args.event = event.as_ptr();
        args.callback = Some(finished);
        args.user_arg = Box::into_raw(Box::new(*api)).cast();
        // SAFETY: the event is alive, and the callback receives a box to free.
        let registered = unsafe { api.check((api.event_on_ready)(&mut args), "watching work in flight") };
        if registered.is_err() {
            RUNNING.fetch_sub(1, Ordering::AcqRel);
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
    unsafe { api.free_error(error) };
    RUNNING.fetch_sub(1, Ordering::AcqRel);
}
