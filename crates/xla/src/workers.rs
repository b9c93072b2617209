//! Threads for functions that programs call: as many as there are calls at a time, so that none waits for another one.

use std::cell::Cell;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

/// Threads that wait for work.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());
/// So many are kept when their work is done.
const KEPT: usize = 16;

thread_local! {
    static STARTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside of [`starting`], and so none of the plugin's.
pub(crate) fn starts_a_program() -> bool {
    STARTING.get()
}

/// Runs what starts a program, or all of it if the plugin likes to.
#[inline]
pub(crate) fn starting<R>(start: impl FnOnce() -> R) -> R {
    let before = STARTING.replace(true);
    let result = start();
    STARTING.set(before);
    result
}

/// Runs a job on a thread of its own. Where there cannot be one, it runs on this one.
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
    // The receiver is gone with a thread that could not be started.
    drop(std::thread::Builder::new().name("callback".to_owned()).spawn(work));
    if let Err(back) = sender.send(job) {
        (back.0)();
    }
}
