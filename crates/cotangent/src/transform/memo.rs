//! Programs derived from nested programs, remembered while the outermost derivation lasts.
//!
//! The rule of a loop derives its body more than once: to find out which parts of the carry are concerned, and then to have
//! the program. Were each to derive the loops inside again, the work would grow by a factor with every level.

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
    /// Values and tangents; these results have one in any case.
    Jvp(Vec<bool>),
    Linear,
    /// Over a batch of this size; these results are batched in any case.
    Batch(usize, Vec<bool>),
}

/// A program by its address, what of it is derived, in which inputs, and inside which mapped axes.
type Key = (*const Jaxpr, Derivation, Vec<bool>, Vec<Option<NamedAxis>>);
/// The program is held, so that its address stays its own.
type Known = (Arc<Jaxpr>, Rc<dyn Any>);

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static KNOWN: RefCell<FxHashMap<Key, Known>> = RefCell::default();
}

/// Leaves a derivation, on the way of a panic as well. The outermost forgets all.
struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            drop(KNOWN.take());
        }
    }
}

/// What `derive` gives, or gave for the same before.
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
