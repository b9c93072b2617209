//! The user's line that an interpreter or a rule works for.

use std::cell::Cell;

use super::Loc;

thread_local! {
    static LOCATION: Cell<Option<Loc>> = const { Cell::new(None) };
}

/// The line that a new equation belongs to: that of the equation being transformed, or else `caller`.
pub(crate) fn location(caller: Loc) -> Loc {
    LOCATION.get().unwrap_or(caller)
}

/// Runs `f`; the equations that it makes belong to the user's line `loc`.
pub(crate) fn with_location<R>(loc: Loc, f: impl FnOnce() -> R) -> R {
    replaced(Some(loc), f)
}

/// Runs `f` without a line to work for: its equations belong to their own lines.
pub(crate) fn cleared<R>(f: impl FnOnce() -> R) -> R {
    replaced(None, f)
}

fn replaced<R>(loc: Option<Loc>, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Loc>);
    impl Drop for Restore {
        fn drop(&mut self) {
            LOCATION.set(self.0);
        }
    }
    let _restore = Restore(LOCATION.replace(loc));
    f()
}
