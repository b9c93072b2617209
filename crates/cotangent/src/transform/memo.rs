//! A cache of programs derived from nested programs. It lives as long as the outermost derivation.
//!
//! The rule of a loop derives its body more than once, until the mask over the carry is stable. If each derivation derived
//! the loops inside again, the work would grow by a factor with every level.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ir::axis::NamedAxis;
use crate::ir::jaxpr::Jaxpr;
use crate::trace::axis;

/// What is derived.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Derivation {
    /// Values and tangents; the results of the mask always have one.
    Jvp(Vec<bool>),
    Linear,
    /// Over a batch of this size; the results of the mask are always batched.
    Batch(usize, Vec<bool>),
}

/// The address of a program, what is derived of it, the mask of its inputs, and the mapped axes around it.
type Key = (*const Jaxpr, Derivation, Vec<bool>, Vec<Option<NamedAxis>>);
/// Holding the program keeps its address from being used again.
type Known = (Arc<Jaxpr>, Rc<dyn Any>);

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static KNOWN: RefCell<FxHashMap<Key, Known>> = RefCell::default();
}

/// Leaves a derivation, also on unwind. Leaving the outermost one clears the cache.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            drop(KNOWN.take());
        }
    }
}

/// The result of `derive`, computed once for each key.
pub(super) fn remembered<T: Clone + 'static>(
    jaxpr: &Arc<Jaxpr>,
    what: Derivation,
    mask: &[bool],
    derive: impl FnOnce() -> T,
) -> T {
    let key = (Arc::as_ptr(jaxpr), what, mask.to_vec(), axis::all());
    let known = KNOWN.with_borrow(|known| known.get(&key).map(|(_, value)| value.clone()));
    if let Some(value) = known.and_then(|value| value.downcast_ref::<T>().cloned()) {
        return value;
    }
    DEPTH.set(DEPTH.get() + 1);
    let _leave = Leave;
    let value = derive();
    KNOWN.with_borrow_mut(|known| known.insert(key, (jaxpr.clone(), Rc::new(value.clone()))));
    value
}
