//! Statistics of a jitted function's cache, and the reasons for its misses.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::compile::times::Times;
use crate::ops::precision::Precision;
use crate::runtime::Origin;
use crate::tree::collect_paths;

use super::func::Params;

/// A difference between the arguments of a call and those of an earlier trace.
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
    /// An array with another shape.
    Shape {
        /// The path of the array: the index of the argument, and the path inside it.
        path: String,
        /// The earlier shape.
        from: Shape,
        /// The new shape.
        to: Shape,
    },
    /// An array with another dtype.
    DType {
        /// The path of the array.
        path: String,
        /// The earlier dtype.
        from: DType,
        /// The new dtype.
        to: DType,
    },
    /// A Rust number instead of an array, or an array instead of a Rust number.
    WeakType {
        /// The path of the array.
        path: String,
        /// Whether the new one is weakly typed.
        to: bool,
    },
    /// Another static value: a Rust number or string, a `#[tree(static)]` field, or a `Static`.
    Static {
        /// The index of the argument that contains it.
        argument: usize,
    },
    /// Another default precision of products.
    Precision {
        /// The earlier precision.
        from: Option<Precision>,
        /// The new precision.
        to: Option<Precision>,
    },
    /// Another promotion of dtypes or ranks.
    Promotion {
        /// What was allowed before.
        from: String,
        /// What is allowed.
        to: String,
    },
    /// Other arrays in an argument, such as a vector of another length or another variant of an enum.
    Structure {
        /// The index of the argument.
        argument: usize,
        /// The earlier paths of the arrays in it.
        from: Vec<String>,
        /// The new paths.
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
            Change::Static { argument } => write!(f, "argument [{argument}]: a different static value"),
            Change::Precision { from, to } => write!(f, "default precision of products: {from:?} became {to:?}"),
            Change::Promotion { from, to } => write!(f, "promotion: {from} became {to}"),
            Change::Structure { argument, from, to } => {
                let gone: Vec<_> = from.iter().filter(|p| !to.contains(p)).map(String::as_str).collect();
                let new: Vec<_> = to.iter().filter(|p| !from.contains(p)).map(String::as_str).collect();
                write!(f, "argument [{argument}]: a different structure")?;
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

/// A call for which the function had to be traced.
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// f(&1.0.into());
/// assert_eq!(f.cache_report().misses[0].nearest, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The index of the earlier trace (the first is 0) with the most similar arguments; `None` at the first call.
    pub nearest: Option<usize>,
    /// The differences from that trace.
    pub changes: Vec<Change>,
}

impl Miss {
    /// Returns the reason in one line.
    pub(crate) fn reason(&self) -> String {
        match self.nearest {
            None => "first call".to_string(),
            Some(_) => self.changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    }
}

/// The statistics of a jitted function's cache, as returned by [`Jit::cache_report`](crate::Jit::cache_report).
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
    /// The number of calls for which the function had to be traced, one for each type of argument.
    pub traces: usize,
    /// The number of calls that used an earlier trace.
    pub hits: usize,
    /// The number of traced programs that had to be compiled.
    pub compiles: usize,
    /// The number of traced programs that another function had already compiled in this process.
    pub memory_hits: usize,
    /// The number of traced programs that were loaded from disk.
    pub disk_hits: usize,
    /// The time spent on tracing and compiling the function's programs.
    pub times: Times,
    /// Why the function was traced, in order. Of a long list, the oldest entries are dropped.
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

/// The maximum number of remembered misses.
const MISSES: usize = 256;

/// A counter that threads increment without contention. Each thread adds to one of several parts, and each part has a
/// cache line of its own.
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
        // At the end of a thread, its number may already have been dropped.
        let thread = THREAD.try_with(|thread| *thread).unwrap_or(0);
        self.0[thread % self.0.len()].0.fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self) -> usize {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

/// The counters behind a report.
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

/// Returns the differences of the `new` arguments from the old ones.
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
