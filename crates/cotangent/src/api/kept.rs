//! Jitted functions of the library that are kept from one call to the next.

use std::any::{Any, TypeId};
use std::hash::Hash;
use std::panic::Location;
use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;

use crate::error::location::{location, with_location};
use crate::runtime::numbers_are_looked_for;
use crate::trace::frames::tracing;
use crate::tree::Tree;
use crate::tree::static_value::Static;

use super::func::Ref;
use super::jit::Jit;

/// A function that takes what its program depends on as a static value, and its arguments as one tree.
type Kept<S, A, R> = Jit<'static, (Ref<Static<S>>, Ref<A>), R>;

static KEPT: Lazy<RwLock<FxHashMap<TypeId, Arc<dyn Any + Send + Sync>>>> = Lazy::new(RwLock::default);

/// Calls `f` as a jitted function of this name, which is traced once for each value of `settings` and each type of arguments. `f`
/// captures nothing, so that its type says what it computes.
///
/// A call inside another program is traced anew, and so is one whose results are searched for NaN: their equations belong to
/// the line of the caller.
#[track_caller]
pub(crate) fn kept<S, A, R, F>(name: &str, settings: S, args: A, f: F) -> R
where
    S: Clone + Eq + Hash + Send + Sync + 'static,
    A: Tree + 'static,
    R: Tree + 'static,
    F: Fn(&S, &A) -> R + Copy + Send + Sync + 'static,
{
    const { assert!(size_of::<F>() == 0, "a function that is kept captures nothing") }
    let here = location(Location::caller());
    let make =
        || -> Kept<S, A, R> { Jit::named(move |settings: &Static<S>, args: &A| f(&settings.0, args), name, here) };
    let settings = Static(settings);
    if tracing() || numbers_are_looked_for() {
        return make()(&settings, &args);
    }
    let known = KEPT.read().unwrap_or_else(PoisonError::into_inner).get(&TypeId::of::<F>()).cloned();
    let known = known.unwrap_or_else(|| {
        let mut all = KEPT.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(TypeId::of::<F>()).or_insert_with(|| Arc::new(make())).clone()
    });
    match known.downcast_ref::<Kept<S, A, R>>() {
        Some(f) => with_location(here, || f(&settings, &args)),
        None => unreachable!("a function has one type"),
    }
}
