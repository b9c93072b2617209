//! The threads of the plugin, which share the work of a kernel.

use std::any::Any;
use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::ffi_abi::*;

/// The threads that the plugin runs programs on, during a call of a kernel. Their number is the plugin's.
#[derive(Clone, Copy)]
pub struct Threads<'a> {
    pool: Option<Pool>,
    call: PhantomData<&'a ()>,
}

/// The plugin's thread pool, as a call can reach it.
#[derive(Clone, Copy)]
struct Pool {
    api: NonNull<FfiApi>,
    context: *mut c_void,
    schedule: unsafe extern "C" fn(*mut ScheduleArgs) -> *mut FfiError,
    count: usize,
}

// SAFETY: the table is static, and tasks may be scheduled from any thread while the call's context is alive.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl fmt::Debug for Threads<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.count())
    }
}

impl<'a> Threads<'a> {
    /// Returns the threads of a call.
    ///
    /// # Safety
    /// The frame must belong to an execution that lives for `'a`.
    pub(crate) unsafe fn of(frame: &CallFrame) -> Threads<'a> {
        // SAFETY: the caller guarantees it.
        Threads { pool: unsafe { Pool::of(frame) }, call: PhantomData }
    }

    /// Returns how many threads can work at a time.
    pub fn count(self) -> usize {
        self.pool.map_or(1, |pool| pool.count)
    }

    /// Calls a function with each item. The calling thread and idle threads of the plugin take the items in turn, and
    /// the call returns when all of them are done.
    ///
    /// The calling thread waits only for threads that have taken an item. A thread of the plugin may therefore make the
    /// call, and calls may be nested.
    ///
    /// # Panics
    /// If the function panics for an item.
    pub fn for_each<I>(self, items: I, work: impl Fn(I::Item) + Sync)
    where
        I: ExactSizeIterator + Send,
        I::Item: Send,
    {
        let helpers = items.len().min(self.count()).saturating_sub(1);
        match self.pool {
            Some(pool) if helpers > 0 => {
                let items = Mutex::new(items);
                let next = || lock(&items).next();
                pool.together(helpers, &|| {
                    while let Some(item) = next() {
                        work(item);
                    }
                });
            }
            _ => items.for_each(work),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A function that several threads run at the same time.
struct Team {
    /// Alive as long as the team is open or a thread is running it.
    run: *const (dyn Fn() + Sync),
    state: Mutex<State>,
    left: Condvar,
}

// SAFETY: threads share the function only by reference, and it is `Sync`.
unsafe impl Send for Team {}
// SAFETY: as above.
unsafe impl Sync for Team {}

struct State {
    /// Whether threads may still join.
    open: bool,
    running: usize,
    panic: Option<Box<dyn Any + Send>>,
}

impl Pool {
    /// # Safety
    /// The frame must be alive.
    unsafe fn of(frame: &CallFrame) -> Option<Pool> {
        let api = NonNull::new(frame.api.cast_mut())?;
        // SAFETY: the table lives forever and starts with these fields in every 0.x version.
        let (size, version) = unsafe { ((*frame.api).struct_size, &(*frame.api).version) };
        if (version.major_version, version.minor_version) < FUTURES_SINCE || size < size_of::<FfiApi>() {
            return None;
        }
        // SAFETY: the table has the functions for threads, which are older than those for futures.
        let (num_threads, schedule) =
            unsafe { ((*frame.api).thread_pool_num_threads?, (*frame.api).thread_pool_schedule?) };
        let mut count = 0;
        let mut args = NumThreadsArgs {
            struct_size: size_of::<NumThreadsArgs>(),
            extension_start: ptr::null_mut(),
            context: frame.context,
            num_threads: &mut count,
        };
        // SAFETY: the context is that of the call.
        let error = unsafe { num_threads(&mut args) };
        let count = usize::try_from(count).unwrap_or(0);
        let pool = Pool { api, context: frame.context, schedule, count };
        if !error.is_null() {
            pool.destroy(error);
            return None;
        }
        (count > 1).then_some(pool)
    }

    /// Runs a function on this thread and on up to `helpers` others.
    fn together(self, helpers: usize, run: &(dyn Fn() + Sync)) {
        // SAFETY: only the lifetime changes. This function returns after the team is closed and nobody runs it.
        let run: *const (dyn Fn() + Sync) = unsafe { std::mem::transmute::<&(dyn Fn() + Sync), _>(run) };
        let state = Mutex::new(State { open: true, running: 0, panic: None });
        let team = Arc::new(Team { run, state, left: Condvar::new() });
        for _ in 0..helpers {
            let data = Arc::into_raw(Arc::clone(&team));
            let mut args = ScheduleArgs {
                struct_size: size_of::<ScheduleArgs>(),
                extension_start: ptr::null_mut(),
                context: self.context,
                task: help,
                data: data.cast_mut().cast(),
            };
            // SAFETY: the context is that of the call, and the task takes what `data` is.
            let error = unsafe { (self.schedule)(&mut args) };
            if !error.is_null() {
                // SAFETY: a task that was not accepted never runs, so the reference is still owned here.
                drop(unsafe { Arc::from_raw(data) });
                self.destroy(error);
                break;
            }
        }
        // SAFETY: the function is alive.
        let own = catch_unwind(AssertUnwindSafe(|| unsafe { (*team.run)() }));
        let mut state = lock(&team.state);
        state.open = false;
        while state.running > 0 {
            state = team.left.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        let panic = own.err().or(state.panic.take());
        drop(state);
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }

    fn destroy(self, error: *mut FfiError) {
        let mut args =
            ErrorDestroyArgs { struct_size: size_of::<ErrorDestroyArgs>(), extension_start: ptr::null_mut(), error };
        // SAFETY: the table lives forever, and the error is owned.
        unsafe {
            if let Some(destroy) = (*self.api.as_ptr()).error_destroy {
                destroy(&mut args);
            }
        }
    }
}

/// The task of another thread: joins the team, unless that is done already.
unsafe extern "C" fn help(data: *mut c_void) {
    // SAFETY: `together` has passed a reference to this task, which runs once.
    let team = unsafe { Arc::from_raw(data.cast_const().cast::<Team>()) };
    {
        let mut state = lock(&team.state);
        if !state.open {
            return;
        }
        state.running += 1;
    }
    // SAFETY: the function is alive while this thread counts as running.
    let done = catch_unwind(AssertUnwindSafe(|| unsafe { (*team.run)() }));
    let mut state = lock(&team.state);
    state.running -= 1;
    if let Err(payload) = done {
        state.panic.get_or_insert(payload);
    }
    team.left.notify_all();
}
