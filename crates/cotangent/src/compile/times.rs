//! Measures where time is spent before a program runs.

use std::cell::RefCell;
use std::fmt;
use std::ops::{AddAssign, Sub};
use std::time::{Duration, Instant};

use crate::compile::spans::{Span, span};

/// A stage of what is done before a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Trace,
    Rewrite,
    Lower,
    Compile,
    Disk,
}

/// How long each stage before execution took. See [`CacheReport::times`](crate::CacheReport::times) and
/// [`Lowered::times`](crate::Lowered::times).
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(grad(|x: &Array| x.sin().sum()));
/// f(&np::zeros(8));
/// let times = f.cache_report().times;
/// assert!(times.trace > times.trace * 0 && times.total() >= times.trace + times.rewrite);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// Running the user's functions to record what they do.
    pub trace: Duration,
    /// Applying transforms and simplifying the program before it is compiled.
    pub rewrite: Duration,
    /// Writing StableHLO.
    pub lower: Duration,
    /// The compiler's parsing of StableHLO, its first step. If it was not measured separately, it is part of `compile`.
    pub parse: Option<Duration>,
    /// Compiling.
    pub compile: Duration,
    /// Reading compiled programs from disk, and writing them.
    pub disk: Duration,
}

impl Times {
    /// The total.
    ///
    /// ```
    /// assert!(cotangent::Times::default().total().is_zero());
    /// ```
    #[must_use]
    pub fn total(&self) -> Duration {
        self.stages().map(|(_, time)| time).sum()
    }

    fn stages(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        let parse = self.parse.map(|parse| ("parse", parse));
        [("trace", self.trace), ("rewrite", self.rewrite), ("lower", self.lower)]
            .into_iter()
            .chain(parse)
            .chain([("compile", self.compile), ("disk", self.disk)])
    }

    fn of(&mut self, stage: Stage) -> &mut Duration {
        match stage {
            Stage::Trace => &mut self.trace,
            Stage::Rewrite => &mut self.rewrite,
            Stage::Lower => &mut self.lower,
            Stage::Compile => &mut self.compile,
            Stage::Disk => &mut self.disk,
        }
    }
}

/// The stages that took any time: `trace 85.0µs, rewrite 24.9µs, lower 58.4µs, compile 24.2ms`.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.stages().filter(|(_, time)| !time.is_zero()).map(|(stage, time)| format!("{stage} {time:.1?}"));
        f.write_str(&took.collect::<Vec<_>>().join(", "))
    }
}

impl AddAssign for Times {
    fn add_assign(&mut self, other: Times) {
        self.trace += other.trace;
        self.rewrite += other.rewrite;
        self.lower += other.lower;
        self.parse = self.parse.into_iter().chain(other.parse).reduce(|a, b| a + b);
        self.compile += other.compile;
        self.disk += other.disk;
    }
}

impl Sub for Times {
    type Output = Times;
    /// The time since `earlier`.
    fn sub(self, earlier: Times) -> Times {
        Times {
            trace: self.trace - earlier.trace,
            rewrite: self.rewrite - earlier.rewrite,
            lower: self.lower - earlier.lower,
            parse: self.parse,
            compile: self.compile - earlier.compile,
            disk: self.disk - earlier.disk,
        }
    }
}

/// The clock of a thread: the time spent so far, and the current stage with its start.
#[derive(Default)]
struct Clock {
    spent: Times,
    now: Option<(Stage, Instant)>,
}

impl Clock {
    /// Switches to another stage. Returns the previous one.
    fn switch(&mut self, to: Option<Stage>) -> Option<Stage> {
        let at = Instant::now();
        let before = std::mem::replace(&mut self.now, to.map(|stage| (stage, at)));
        before.map(|(stage, since)| {
            *self.spent.of(stage) += at - since;
            stage
        })
    }
}

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

/// Runs `f` and counts its time for `stage`, except what it spends in stages inside.
pub(crate) fn during<T>(stage: Stage, f: impl FnOnce() -> T) -> T {
    let _inside = Inside::new(stage);
    f()
}

/// A thread is in a stage until this is dropped.
struct Inside {
    back: Option<Stage>,
    _span: Span,
}

impl Inside {
    fn new(stage: Stage) -> Inside {
        let _span = match stage {
            Stage::Trace => span!(DEBUG, "trace"),
            Stage::Rewrite => span!(DEBUG, "rewrite"),
            Stage::Lower => span!(DEBUG, "lower"),
            Stage::Compile => span!(DEBUG, "compile"),
            Stage::Disk => span!(DEBUG, "disk"),
        };
        Inside { back: CLOCK.with_borrow_mut(|clock| clock.switch(Some(stage))), _span }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CLOCK.with_borrow_mut(|clock| clock.switch(self.back));
    }
}

/// Runs `f`, and returns its result and what this thread spent on stages in it.
pub(crate) fn timed<T>(f: impl FnOnce() -> T) -> (T, Times) {
    let before = CLOCK.with_borrow_mut(|clock| {
        // The time that the enclosing stage has spent so far does not belong to `f`.
        clock.switch(clock.now.map(|(stage, _)| stage));
        clock.spent
    });
    let result = f();
    (result, CLOCK.with_borrow(|clock| clock.spent) - before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_for_the_innermost_stage() {
        let wait = || std::thread::sleep(Duration::from_millis(20));
        let (_, times) = timed(|| {
            during(Stage::Rewrite, || {
                wait();
                let _ = std::panic::catch_unwind(|| during(Stage::Trace, || std::panic::resume_unwind(Box::new(()))));
                during(Stage::Trace, wait);
                wait();
            });
            wait();
        });
        let least = Duration::from_millis(20);
        assert!(times.trace >= least && times.rewrite >= 2 * least, "{times}");
        assert_eq!((times.lower, times.compile, times.disk), Default::default());
        assert!(during(Stage::Lower, || timed(|| ())).1.total().is_zero());
        // A function that is traced while another one is traced.
        let (_, inner) = during(Stage::Trace, || {
            wait();
            timed(|| during(Stage::Trace, || ()))
        });
        assert!(inner.trace < least, "{inner}");
    }
}
