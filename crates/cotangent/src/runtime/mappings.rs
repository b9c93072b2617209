//! How much of the process's address space the compiled programs take up, in pieces.
//!
//! Each kernel of a program is some three mappings of memory, and Linux allows a process 65,530 of them by default. When
//! they run out, the compiler's threads end the process. Thousands of programs come that far.

use std::sync::atomic::{AtomicUsize, Ordering};

/// After so many equations compiled the mappings are counted again: some thousands of them have come at most, and
/// counting takes milliseconds.
const EQUATIONS: usize = 2_000;

/// How near the limit is, looked at now and then.
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
    /// Whether programs should be forgotten, now that one of so many equations has been compiled.
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
