//! Where an equation comes from: the user's line that an interpreter or a rule works for, and the named scopes around
//! it.

use std::cell::Cell;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;
use rustc_hash::FxHashSet;

use super::Loc;
use super::scoped::with_value;

/// The names of scopes, from the outermost to the innermost, joined by `/`: `transpose(jvp(attention))/softmax`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope(Option<&'static str>);

impl Scope {
    const NONE: Scope = Scope(None);

    /// The scope of this name. There is one copy of each in the process, since equations hold names by reference.
    fn of(text: String) -> Scope {
        static KNOWN: Lazy<Mutex<FxHashSet<&'static str>>> = Lazy::new(Mutex::default);
        if text.is_empty() {
            return Scope::NONE;
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(text.as_str()) {
            return Scope(Some(known));
        }
        let text: &'static str = Box::leak(text.into_boxed_str());
        known.insert(text);
        Scope(Some(text))
    }

    /// The names, unless there are none.
    pub(crate) fn names(self) -> Option<&'static str> {
        self.0
    }

    /// This scope inside another.
    fn inside(self, outer: Scope) -> Scope {
        match (outer.0, self.0) {
            (None, _) => self,
            (_, None) => outer,
            (Some(outer), Some(inner)) => Scope::of(format!("{outer}/{inner}")),
        }
    }

    /// What is left of this scope inside `base`, which usually is around it.
    fn relative_to(self, base: Scope) -> Scope {
        let (Some(base), Some(all)) = (base.0, self.0) else { return self };
        match all.strip_prefix(base) {
            Some("") => Scope::NONE,
            Some(rest) => rest.strip_prefix('/').map_or(self, |rest| Scope::of(rest.to_string())),
            None => self,
        }
    }

    /// The scope in a program that a transform has made: its outermost name with the transform around it, as in JAX.
    fn under(self, transform: &str) -> Scope {
        let Some(names) = self.0 else { return self };
        let (first, rest) = names.split_at(names.find('/').unwrap_or(names.len()));
        Scope::of(format!("{transform}({first}){rest}"))
    }
}

/// Where an equation comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The user's line.
    pub(crate) loc: Loc,
    /// The named scopes, up to those of the program that the equation belongs to.
    pub(crate) scope: Scope,
}

impl Origin {
    /// The origin within the scope that this thread is in.
    pub(crate) fn here(self) -> Origin {
        Origin { scope: self.scope.inside(current()), ..self }
    }

    /// The origin in a program that a transform has made, within the scope that this thread is in.
    pub(crate) fn under(self, transform: &str) -> Origin {
        Origin { scope: self.scope.under(transform), ..self }.here()
    }

    /// The origin as an equation of a program that was begun in the scope `base`.
    pub(crate) fn relative_to(self, base: Scope) -> Origin {
        Origin { scope: self.scope.relative_to(base), ..self }
    }
}

/// The line, within the scope that this thread is in.
impl From<Loc> for Origin {
    fn from(loc: Loc) -> Origin {
        Origin { loc, scope: current() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.loc.fmt(f)
    }
}

/// What a thread works for.
#[derive(Clone, Copy)]
struct Now {
    loc: Option<Loc>,
    scope: Scope,
}

thread_local! {
    static NOW: Cell<Now> = const { Cell::new(Now { loc: None, scope: Scope::NONE }) };
}

/// The scope that this thread is in.
pub(crate) fn current() -> Scope {
    NOW.get().scope
}

/// The line that a new equation belongs to: that of the equation being transformed, or else `caller`.
pub(crate) fn location(caller: Loc) -> Loc {
    NOW.get().loc.unwrap_or(caller)
}

/// Runs `f`; the equations that it makes belong to this origin, or to this line in the scope of this thread.
pub(crate) fn with_location<R>(origin: impl Into<Origin>, f: impl FnOnce() -> R) -> R {
    let Origin { loc, scope } = origin.into();
    with_value(&NOW, Now { loc: Some(loc), scope }, f)
}

/// Runs `f` without a line to work for and without a scope: its equations belong to their own lines.
pub(crate) fn cleared<R>(f: impl FnOnce() -> R) -> R {
    with_value(&NOW, Now { loc: None, scope: Scope::NONE }, f)
}

/// Runs `f` in a scope of this name.
pub(crate) fn scoped<R>(name: &str, f: impl FnOnce() -> R) -> R {
    let now = NOW.get();
    with_value(&NOW, Now { scope: Scope::of(name.to_string()).inside(now.scope), ..now }, f)
}

/// Runs `f` without a scope.
pub(crate) fn unscoped<R>(f: impl FnOnce() -> R) -> R {
    with_value(&NOW, Now { scope: Scope::NONE, ..NOW.get() }, f)
}
