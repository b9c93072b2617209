//! Threads for host functions that programs call. There are as many threads as concurrent calls, so no call waits for
//! another.

use std::cell::Cell;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use crate::in_flight;

type Job = Box<dyn FnOnce() + Send>;

/// Idle threads, each waiting for work.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());
/// The maximal number of idle threads that are kept.
const KEPT: usize = 16;

thread_local! {
    static STARTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside [`starting`], and so is not one of the plugin's.
pub(crate) fn starts_a_program() -> bool {
    STARTING.get()
}

/// Runs `f`, which starts a program; the plugin may run all of the program within the call.
#[inline]
pub(crate) fn starting<R>(start: impl FnOnce() -> R) -> R {
    let before = STARTING.replace(true);
    let result = in_flight::during(start);
    STARTING.set(before);
    result
}

/// Runs a job on a thread of its own. If no thread can be started, runs it on this one.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) {
    let mut job: Job = Box::new(job);
    loop {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(idle) = idle else { break };
        match idle.send(job) {
            Ok(()) => return,
            Err(back) => job = back.0,
        }
    }
    let (sender, jobs) = channel::<Job>();
    let own = sender.clone();
    let work = move || {
        while let Ok(job) = jobs.recv() {
            job();
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() >= KEPT {
                return;
            }
            idle.push(own.clone());
        }
    };
    // If the thread could not be started, its receiver is gone.
    drop(std::thread::Builder::new().name("callback".to_owned()).spawn(work));
    if let Err(back) = sender.send(job) {
        (back.0)();
    }
}
