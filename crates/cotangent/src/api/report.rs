//! What a jitted function's cache did, and why it could not help.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::compile::times::Times;
use crate::runtime::Origin;
use crate::tree::collect_paths;

use super::func::Params;

/// What an argument has that it had not when the function was traced before.
///
/// ```
/// use cotangent::{Change, prelude::*};
/// let f = jit(|x: &Array| x + 1.0);
/// f(&Array::from([1.0f32]));
/// f(&Array::from([1.0f32, 2.0]));
/// let report = f.cache_report();
/// assert!(matches!(&report.misses[1].changes[..], [Change::Shape { path, .. }] if path == "[0]"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// An array of another shape.
    Shape {
        /// The array's path: the argument's number, and the way from there.
        path: String,
        /// As it was.
        from: Shape,
        /// As it is.
        to: Shape,
    },
    /// An array of another dtype.
    DType {
        /// The array's path.
        path: String,
        /// As it was.
        from: DType,
        /// As it is.
        to: DType,
    },
    /// A Rust number where there was an array, or the other way round.
    WeakType {
        /// The array's path.
        path: String,
        /// Whether it is weakly typed now.
        to: bool,
    },
    /// Another static value: a Rust number or string, a `#[tree(static)]` field, a `Static`.
    Static {
        /// The argument it is in.
        argument: usize,
    },
    /// Other arrays in an argument: a vector of another length, another variant of an enum.
    Structure {
        /// The argument.
        argument: usize,
        /// The paths of the arrays in it, as they were.
        from: Vec<String>,
        /// The paths as they are.
        to: Vec<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strength = |weak: bool| if weak { "weakly" } else { "strongly" };
        match self {
            Change::Shape { path, from, to } => write!(f, "argument {path}: shape {from} became {to}"),
            Change::DType { path, from, to } => write!(f, "argument {path}: dtype {from} became {to}"),
            Change::WeakType { path, to } => {
                write!(f, "argument {path}: {} typed became {} typed", strength(!to), strength(*to))
            }
            Change::Static { argument } => write!(f, "argument [{argument}]: another static value"),
            Change::Structure { argument, from, to } => {
                let gone: Vec<_> = from.iter().filter(|p| !to.contains(p)).map(String::as_str).collect();
                let new: Vec<_> = to.iter().filter(|p| !from.contains(p)).map(String::as_str).collect();
                write!(f, "argument [{argument}]: another structure")?;
                if !gone.is_empty() {
                    write!(f, ", without {}", gone.join(", "))?;
                }
                if !new.is_empty() {
                    write!(f, ", with {}", new.join(", "))?;
                }
                Ok(())
            }
        }
    }
}

/// A call that had to trace the function.
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// f(&1.0.into());
/// assert_eq!(f.cache_report().misses[0].nearest, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The earlier trace (0 is the first) whose arguments were most like these; none at the first call.
    pub nearest: Option<usize>,
    /// What is different from then.
    pub changes: Vec<Change>,
}

impl Miss {
    /// In one line.
    pub(crate) fn reason(&self) -> String {
        match self.nearest {
            None => "first call".to_string(),
            Some(_) => self.changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }
}

/// What a jitted function's cache did so far; made by [`Jit::cache_report`](crate::Jit::cache_report).
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// f(&1.0.into());
/// f(&2.0.into());
/// f(&Array::from([1.0f32]));
/// let report = f.cache_report();
/// assert_eq!((report.traces, report.hits), (2, 1));
/// assert!(report.to_string().contains("argument [0]: shape [] became [1]"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheReport {
    /// Calls that had to trace the function: one for each type of argument.
    pub traces: usize,
    /// Calls that found a trace made before.
    pub hits: usize,
    /// Traced programs that had to be compiled.
    pub compiles: usize,
    /// Traced programs that had been compiled in this process already, for another function.
    pub memory_hits: usize,
    /// Traced programs that were loaded from the disk.
    pub disk_hits: usize,
    /// How long it took to trace its programs and to compile them.
    pub times: Times,
    /// Why the function was traced, the first time first; a long list loses its oldest part.
    pub misses: Vec<Miss>,
}

impl fmt::Display for CacheReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |n: usize| if n == 1 { "" } else { "s" };
        write!(f, "{} trace{}, {} hit{}; ", self.traces, s(self.traces), self.hits, s(self.hits))?;
        write!(f, "programs: {} compiled, {} from memory, ", self.compiles, self.memory_hits)?;
        write!(f, "{} from disk", self.disk_hits)?;
        if !self.times.total().is_zero() {
            write!(f, "\n  {}", self.times)?;
        }
        let first = self.traces - self.misses.len();
        for (i, miss) in self.misses.iter().enumerate() {
            match miss.nearest {
                None => write!(f, "\n  trace {}: the first call", first + i)?,
                Some(n) => {
                    write!(f, "\n  trace {}, against trace {n}:", first + i)?;
                    for change in &miss.changes {
                        write!(f, "\n    {change}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// So many misses are remembered.
const MISSES: usize = 256;

/// A count that threads add to at the same time without waiting for each other's processors: each has its own part, in
/// a line of memory of its own.
#[derive(Default)]
struct Striped([Stripe; 8]);

#[derive(Default)]
#[repr(align(64))]
struct Stripe(AtomicUsize);

impl Striped {
    fn add_one(&self) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        // At the end of a thread its number may be gone.
        let thread = THREAD.try_with(|thread| *thread).unwrap_or(0);
        self.0[thread % self.0.len()].0.fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self) -> usize {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

/// The running numbers behind a report.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) traces: AtomicUsize,
    hits: Striped,
    compiles: AtomicUsize,
    memory_hits: AtomicUsize,
    disk_hits: AtomicUsize,
    times: Mutex<Times>,
    misses: Mutex<Vec<Miss>>,
}

impl Counts {
    pub(crate) fn hit(&self) {
        self.hits.add_one();
    }

    pub(crate) fn missed(&self, miss: Miss, times: Times) {
        self.spent(times);
        self.traces.fetch_add(1, Ordering::Relaxed);
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        if misses.len() == MISSES {
            misses.remove(0);
        }
        misses.push(miss);
    }

    pub(crate) fn loaded(&self, origin: Origin, times: Times) {
        self.spent(times);
        let counter = match origin {
            Origin::Memory => &self.memory_hits,
            Origin::Disk => &self.disk_hits,
            Origin::Compiled => &self.compiles,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn spent(&self, times: Times) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) += times;
    }

    pub(crate) fn report(&self) -> CacheReport {
        let misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        CacheReport {
            traces: read(&self.traces).max(misses.len()),
            hits: self.hits.total(),
            compiles: read(&self.compiles),
            memory_hits: read(&self.memory_hits),
            disk_hits: read(&self.disk_hits),
            times: *self.times.lock().unwrap_or_else(PoisonError::into_inner),
            misses,
        }
    }
}

/// What `new` arguments have that the old ones had not.
pub(crate) fn changes<P: Params>(
    old: (P::Refs<'_>, &[Aval], &[usize]),
    new: (P::Refs<'_>, &[Aval], &[usize]),
) -> Vec<Change> {
    let old_paths = collect_paths(|path| P::paths(old.0, path));
    let new_paths = collect_paths(|path| P::paths(new.0, path));
    let same = P::same_each(old.0, new.0);
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (argument, same) in same.iter().enumerate() {
        let (from, to) = (i..i + old.2[argument], j..j + new.2[argument]);
        (i, j) = (from.end, to.end);
        if old_paths[from.clone()] != new_paths[to.clone()] {
            let (from, to) = (old_paths[from].to_vec(), new_paths[to].to_vec());
            changes.push(Change::Structure { argument, from, to });
            continue;
        }
        if !same {
            changes.push(Change::Static { argument });
        }
        for ((a, b), path) in old.1[from].iter().zip(&new.1[to.clone()]).zip(&new_paths[to]) {
            let path = || path.clone();
            if a.shape != b.shape {
                changes.push(Change::Shape { path: path(), from: a.shape.clone(), to: b.shape.clone() });
            }
            if a.dtype != b.dtype {
                changes.push(Change::DType { path: path(), from: a.dtype, to: b.dtype });
            } else if a.weak_type != b.weak_type {
                changes.push(Change::WeakType { path: path(), to: b.weak_type });
            }
        }
    }
    changes
}
