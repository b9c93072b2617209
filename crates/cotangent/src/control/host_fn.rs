//! Functions of this process that programs hold. A compiled program refers to one by its number.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;

use crate::array::Array;
use crate::error::{Loc, Result};

type Body = dyn Fn(&[Array]) -> Result<Vec<Array>> + Send + Sync;

/// A function of this process. Two are equal when they are the same object.
pub(crate) struct HostFn {
    id: u64,
    body: Box<Body>,
    /// The line of the user that errors in it are reported at.
    loc: Loc,
}

/// The live functions by number.
static LIVE: Lazy<RwLock<FxHashMap<u64, Weak<HostFn>>>> = Lazy::new(RwLock::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The name under which the plugin knows the one function that dispatches to all others.
pub(crate) const TARGET: &str = "cotangent_host_function";

impl HostFn {
    pub(crate) fn new(loc: Loc, body: impl Fn(&[Array]) -> Result<Vec<Array>> + Send + Sync + 'static) -> Arc<HostFn> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let this = Arc::new(HostFn { id, body: Box::new(body), loc });
        LIVE.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::downgrade(&this));
        this
    }

    /// Returns the function with that number, if it is still alive.
    pub(crate) fn find(id: u64) -> Option<Arc<HostFn>> {
        LIVE.read().unwrap_or_else(PoisonError::into_inner).get(&id).and_then(Weak::upgrade)
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn loc(&self) -> Loc {
        self.loc
    }

    pub(crate) fn call(&self, args: &[Array]) -> Result<Vec<Array>> {
        (self.body)(args)
    }
}

impl Drop for HostFn {
    fn drop(&mut self) {
        LIVE.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl PartialEq for HostFn {
    fn eq(&self, other: &HostFn) -> bool {
        self.id == other.id
    }
}

impl Eq for HostFn {}

impl Hash for HostFn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for HostFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFn({} at {})", self.id, self.loc)
    }
}
