//! Variables of a thread that have another value inside a scope.

use std::cell::{Cell, RefCell};
use std::thread::LocalKey;

/// A variable of a thread.
pub(crate) trait Variable<T: 'static>: 'static {
    /// Sets the value and returns the one before.
    fn replaced(&'static self, value: T) -> T;
}

impl<T: 'static> Variable<T> for LocalKey<Cell<T>> {
    #[inline]
    fn replaced(&'static self, value: T) -> T {
        self.replace(value)
    }
}

impl<T: 'static> Variable<T> for LocalKey<RefCell<T>> {
    #[inline]
    fn replaced(&'static self, value: T) -> T {
        self.replace(value)
    }
}

/// Runs `f` with another value of a variable. The variable has its value back on return and on unwind alike.
#[inline]
pub(crate) fn with_value<T: 'static, R>(variable: &'static impl Variable<T>, value: T, f: impl FnOnce() -> R) -> R {
    struct Restore<V: Variable<T>, T: 'static>(&'static V, Option<T>);
    impl<V: Variable<T>, T: 'static> Drop for Restore<V, T> {
        #[inline]
        fn drop(&mut self) {
            if let Some(before) = self.1.take() {
                self.0.replaced(before);
            }
        }
    }
    let _restore = Restore(variable, Some(variable.replaced(value)));
    f()
}
