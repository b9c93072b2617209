//! Counts the memory mappings that compiled programs use.
//!
//! Each kernel of a program takes about three memory mappings, and Linux allows a process 65,530 by default. When they
//! run out, the compiler's threads end the process. A few thousand programs reach the limit.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of compiled equations after which the mappings are counted again. They add at most a few thousand
/// mappings, and counting takes milliseconds.
const EQUATIONS: usize = 2_000;

/// How close the process is to the limit, checked from time to time.
pub(super) struct Mappings {
    compiled: AtomicUsize,
    limit: usize,
}

impl Default for Mappings {
    fn default() -> Mappings {
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
        let limit = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX);
        Mappings { compiled: AtomicUsize::new(0), limit }
    }
}

impl Mappings {
    /// Whether programs should be removed from memory, after one with this many equations was compiled.
    pub(super) fn scarce(&self, equations: usize) -> bool {
        let compiled = self.compiled.fetch_add(equations, Ordering::Relaxed) + equations;
        if compiled < EQUATIONS || self.limit == usize::MAX {
            return false;
        }
        self.compiled.store(0, Ordering::Relaxed);
        let maps = std::fs::read("/proc/self/maps").unwrap_or_default();
        maps.iter().filter(|byte| **byte == b'\n').count() > self.limit / 2
    }
}

#[cfg(test)]
mod tests {
    use super::Mappings;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn they_are_counted_now_and_then() {
        let full = Mappings { compiled: AtomicUsize::new(0), limit: 2 };
        assert!(!full.scarce(1_999));
        assert!(full.scarce(1));
        assert!(!full.scarce(1));
        let empty = Mappings { compiled: AtomicUsize::new(0), limit: 1_000_000_000 };
        assert!(!empty.scarce(1_000_000));
    }
}
