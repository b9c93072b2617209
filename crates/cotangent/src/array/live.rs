//! The arrays that exist, for those who look for what holds memory. They are counted only on request.

use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::memory::Concrete;
use super::{Array, Repr};

/// Whether new arrays are remembered. To make an array costs a look at this flag otherwise.
static TRACKED: AtomicBool = AtomicBool::new(false);
static KNOWN: Mutex<Known> = Mutex::new(Known { arrays: Vec::new(), enough: 0 });

struct Known {
    arrays: Vec<(Weak<Concrete>, Arc<Backtrace>)>,
    /// The number of arrays from which on it is worth looking for those that are gone.
    enough: usize,
}

/// Turns the tracking of arrays on or off. Returns the previous setting.
pub(crate) fn track(on: bool) -> bool {
    TRACKED.swap(on, Ordering::Relaxed)
}

/// The value as an array shares it.
#[inline]
pub(crate) fn shared(value: Concrete) -> Arc<Concrete> {
    let value = Arc::new(value);
    if TRACKED.load(Ordering::Relaxed) {
        remember(&value);
    }
    value
}

#[cold]
fn remember(value: &Arc<Concrete>) {
    let site = Arc::new(Backtrace::force_capture());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.arrays.len() > known.enough {
        known.arrays.retain(|(array, _)| array.strong_count() > 0);
        known.enough = 2 * known.arrays.len() + 64;
    }
    known.arrays.push((Arc::downgrade(value), site));
}

/// The arrays that exist of those made while tracking was on, each with where it was made.
pub(crate) fn known() -> Vec<(Array, Arc<Backtrace>)> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.arrays.retain(|(array, _)| array.strong_count() > 0);
    let array = |(array, site): &(Weak<Concrete>, Arc<Backtrace>)| {
        Some((Array(Repr::Concrete(array.upgrade()?)), site.clone()))
    };
    known.arrays.iter().filter_map(array).collect()
}
