//! Work that is still running when nobody holds its results any more. A process must not end under it: the plugin's
//! threads would use what the end of the process has already taken apart.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::abi::{EventIsReadyArgs, EventOnReadyArgs, RawError, RawEvent};
use crate::api::Api;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" {
    /// Of the C library: calls `f` when the process ends, before what was registered earlier.
    fn atexit(f: extern "C" fn()) -> c_int;
}

/// At the end of the process.
extern "C" fn wait() {
    while RUNNING.load(Ordering::Acquire) > 0 {
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Keeps the process from ending before the event has come. Frees the event.
///
/// # Safety
/// The event must be the caller's, and of this plugin.
pub(crate) unsafe fn watch(api: &Api, event: NonNull<RawEvent>) {
    let mut asked = EventIsReadyArgs::new();
    asked.event = event.as_ptr();
    // SAFETY: the event is alive.
    let known = unsafe { api.check((api.event_is_ready)(&mut asked), "looking for work in flight") };
    if known.is_ok() && !asked.is_ready {
        static AT_EXIT: Once = Once::new();
        // As late as this, so that it comes before the plugin's own ends, which were registered while it was set up.
        AT_EXIT.call_once(|| {
            // SAFETY: `wait` may be called at any time. Without room for it, the end comes as it would have.
            let _ = unsafe { atexit(wait) };
        });
        RUNNING.fetch_add(1, Ordering::AcqRel);
        let mut args = EventOnReadyArgs::new();
        args.event = event.as_ptr();
        args.callback = Some(finished);
        args.user_arg = Box::into_raw(Box::new(*api)).cast();
        // SAFETY: the event is alive, and the callback gets a box to free.
        let registered = unsafe { api.check((api.event_on_ready)(&mut args), "watching work in flight") };
        if registered.is_err() {
            RUNNING.fetch_sub(1, Ordering::AcqRel);
        }
    }
    // SAFETY: the event is the caller's to give; a registered callback holds what it needs.
    unsafe { api.destroy_event(event.as_ptr()) };
}

/// Work has ended, well or not.
unsafe extern "C" fn finished(error: *mut RawError, api: *mut c_void) {
    // SAFETY: this is the box that `watch` gave away, and the callback comes once.
    let api = unsafe { Box::from_raw(api.cast::<Api>()) };
    // SAFETY: the error is given to the callback to free.
    unsafe { api.free_error(error) };
    RUNNING.fetch_sub(1, Ordering::AcqRel);
}
