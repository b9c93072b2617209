//! A map that removes its least recently used entries when it grows too large.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;
use rustc_hash::FxHashMap;

/// A slot for a value, filled once. It stays empty if filling it fails.
pub(crate) struct Slot<V> {
    pub(crate) value: OnceCell<V>,
    used: AtomicU64,
}

/// Slots by key. A lookup takes a lock that readers share.
pub(crate) struct Lru<K, V> {
    slots: RwLock<FxHashMap<K, Arc<Slot<V>>>>,
    clock: AtomicU64,
    limit: usize,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    pub(crate) fn new(limit: usize) -> Lru<K, V> {
        Lru { slots: RwLock::default(), clock: AtomicU64::new(0), limit: limit.max(4) }
    }

    fn touch(&self, slot: &Slot<V>) {
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The slot of a key, if there is one.
    pub(crate) fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<Slot<V>>>
    where
        K: Borrow<Q>,
    {
        let slot = self.slots.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()?;
        self.touch(&slot);
        Some(slot)
    }

    /// Removes the least recently used half.
    pub(crate) fn halve(&self) {
        forget(&mut self.slots.write().unwrap_or_else(PoisonError::into_inner), 2);
    }

    /// Removes everything.
    pub(crate) fn clear(&self) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The slot of a key; an empty one is inserted if there is none. A holder of a slot can keep using it after it is
    /// removed here.
    pub(crate) fn slot(&self, key: &K) -> Arc<Slot<V>> {
        if let Some(slot) = self.find(key) {
            return slot;
        }
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.limit && !slots.contains_key(key) {
            // Removes a quarter at once, so that this is rare.
            forget(&mut slots, 4);
        }
        let new = || Arc::new(Slot { value: OnceCell::new(), used: AtomicU64::new(0) });
        let slot = slots.entry(key.clone()).or_insert_with(new).clone();
        self.touch(&slot);
        slot
    }
}

/// Removes one in `one_in` slots, the least recently used ones.
fn forget<K: Hash + Eq, V>(slots: &mut FxHashMap<K, Arc<Slot<V>>>, one_in: usize) {
    let mut ages: Vec<u64> = slots.values().map(|s| s.used.load(Ordering::Relaxed)).collect();
    ages.sort_unstable();
    if let Some(oldest) = ages.get(ages.len() / one_in) {
        slots.retain(|_, slot| slot.used.load(Ordering::Relaxed) > *oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_what_was_unused_for_longest() {
        let map: Lru<i32, i32> = Lru::new(8);
        for i in 0..8 {
            map.slot(&i).value.set(i * 10).unwrap();
        }
        let held = map.slot(&2);
        for i in [0, 1] {
            assert!(map.find(&i).is_some());
        }
        // 3, 4 and 5 are now the least recently used of the eight: a quarter plus one is removed.
        map.slot(&100);
        assert!(map.find(&3).is_none() && map.find(&4).is_none());
        assert!(map.find(&0).is_some() && map.find(&1).is_some() && map.find(&7).is_some());
        assert_eq!(held.value.get(), Some(&20));
        for i in 0..1000 {
            map.slot(&i);
            assert!(map.slots.read().unwrap().len() <= 8);
        }
        // A removed slot is made again, empty.
        assert!(map.slot(&3).value.get().is_none());
        assert_eq!(held.value.get(), Some(&20));
    }
}
