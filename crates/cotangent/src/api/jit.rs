//! Just-in-time compilation.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;

use crate::control::call::Call;
use crate::core::array::Array;
use crate::core::aval::Aval;
use crate::core::axis::{self, NamedAxis};
use crate::core::error::{Error, Loc, OrRaise, Result, attempt};
use crate::core::jaxpr::{Closed, Jaxpr};
use crate::core::lowering::lower;
use crate::core::trace::{Inputs, bind_at, location, tracing};
use crate::core::tree::{Leaves, Tree};
use crate::runtime::program::{Program, optimized_hlo};
use crate::transform::dce::dce;

use super::func::{Func, Params};
use super::program::trace;

/// A function that is traced once for each type of argument and runs as one compiled program; made by [`jit`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// assert_eq!(f(&2.0.into()).item::<f32>(), 3.0);
/// ```
pub struct Jit<'f, P: Params, R: Tree> {
    call: Box<P::Dyn<'f, R>>,
    shared: Arc<Shared<'f, P, R>>,
}

struct Shared<'f, P: Params, R: Tree> {
    f: Box<P::Dyn<'f, R>>,
    name: Arc<str>,
    loc: Loc,
    entries: RwLock<Vec<Arc<Entry<P, R>>>>,
    hits: AtomicUsize,
}

/// The function traced for one type of argument.
struct Entry<P: Params, R> {
    avals: Vec<Aval>,
    /// The named axes around the call: collectives inside are traced for their sizes.
    axes: Vec<NamedAxis>,
    /// The arguments' structure: a value without arrays of its own.
    structure: P::Values,
    /// The program; unused captures and arguments are left out.
    closed: Closed,
    /// Which arrays of the arguments it takes.
    used: Vec<usize>,
    /// The result, with traced arrays in it.
    template: R,
    program: OnceCell<Arc<Program>>,
}

fn same_aval(aval: &Aval, x: &Array) -> bool {
    aval.dtype == x.dtype() && aval.weak_type == x.weak_type() && *aval.shape == *x.shape()
}

impl<'f, P: Params, R: Tree> Shared<'f, P, R> {
    fn find(&self, args: P::Refs<'_>, leaves: &Leaves<'_>) -> Option<Arc<Entry<P, R>>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let fits = |e: &&Arc<Entry<P, R>>| {
            e.avals.len() == leaves.len()
                && e.avals.iter().zip(leaves).all(|(a, x)| same_aval(a, x))
                && P::same_structure(P::refs(&e.structure), args)
                && axis::bound_are(&e.axes)
        };
        entries.iter().find(fits).cloned()
    }

    fn entry(&self, args: P::Refs<'_>, leaves: &Leaves<'_>) -> Arc<Entry<P, R>> {
        if let Some(entry) = self.find(args, leaves) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return entry;
        }
        let avals: Vec<Aval> = leaves.iter().map(|x| x.aval()).collect();
        let (closed, template) = trace::<P, R>(&*self.f, args, &avals, &Inputs::Unknown("under `jit`"));
        let (jaxpr, kept) = dce(&closed.jaxpr, false);
        let (kept_captures, kept_args) = kept.split_at(closed.captures.len());
        let used = (0..kept_args.len()).filter(|i| kept_args[*i]).collect();
        let captures =
            closed.captures.into_iter().zip(kept_captures).filter(|(_, kept)| **kept).map(|(x, _)| x).collect();
        let structure = P::rebuild(args, &mut std::iter::repeat(Array::scalar(false)));
        let entry = Arc::new(Entry {
            avals,
            axes: axis::bound(),
            structure,
            closed: Closed { jaxpr: Arc::new(jaxpr), captures },
            used,
            template,
            program: OnceCell::new(),
        });
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry.clone());
        entry
    }

    fn call(&self, args: P::Refs<'_>) -> R {
        let (leaves, _) = P::leaves(args);
        let entry = self.entry(args, &leaves);
        let inputs: smallvec::SmallVec<[&Array; 8]> =
            entry.closed.captures.iter().chain(entry.used.iter().map(|i| leaves[*i])).collect();
        let results = if tracing() {
            let call = Call { name: self.name.clone(), jaxpr: entry.closed.jaxpr.clone() };
            bind_at(Arc::new(call), &inputs, location(self.loc)).into_vec()
        } else {
            let program = entry.program.get_or_try_init(|| crate::runtime().program(&entry.closed.jaxpr));
            let run = program.and_then(|program| crate::runtime::run(program, &inputs));
            run.map_err(|e| e.context(format_args!("jit({})", self.name)).at(self.loc)).or_raise()
        };
        entry.template.rebuild(&mut results.into_iter())
    }
}

/// How often a jitted function was traced and how often a program made before could be used again.
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// f(&1.0.into());
/// f(&2.0.into());
/// assert_eq!(f.cache_report(), cotangent::CacheReport { traces: 1, hits: 1 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheReport {
    /// Calls that had to trace the function: one for each type of argument.
    pub traces: usize,
    /// Calls that used a program traced before.
    pub hits: usize,
}

impl<'f, P: Params, R: Tree> Jit<'f, P, R> {
    /// Calls it, with every failure as an error instead of a panic.
    ///
    /// # Errors
    /// Whatever tracing, compiling or running it may fail with, the user's own panics included.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array, y: &Array| x + y);
    /// let (x, y) = (Array::from([1.0f32, 2.0]), Array::from([1.0f32, 2.0, 3.0]));
    /// assert!(f.try_call((&x, &y)).is_err());
    /// assert!(f.try_call((&x, &x)).is_ok());
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| self.shared.call(args))
    }

    /// The function traced and lowered for these arguments, to look at or to compile.
    ///
    /// # Errors
    /// When tracing fails.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert_eq!(f.lower((&2.0.into(),)).unwrap().jaxpr().size(), 1);
    /// ```
    pub fn lower(&self, args: P::Refs<'_>) -> Result<Lowered> {
        attempt(|| {
            let (leaves, _) = P::leaves(args);
            let entry = self.shared.entry(args, &leaves);
            Lowered { name: self.shared.name.clone(), jaxpr: entry.closed.jaxpr.clone() }
        })
    }

    /// How well its cache served so far.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// f(&1.0.into());
    /// assert_eq!(f.cache_report().traces, 1);
    /// ```
    #[must_use]
    pub fn cache_report(&self) -> CacheReport {
        let entries = self.shared.entries.read().unwrap_or_else(PoisonError::into_inner);
        CacheReport { traces: entries.len(), hits: self.shared.hits.load(Ordering::Relaxed) }
    }
}

/// A program on its way to the compiler; made by [`Jit::lower`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// let lowered = f.lower((&2.0.into(),)).unwrap();
/// assert!(lowered.stablehlo().contains("stablehlo.add"));
/// ```
#[derive(Clone, Debug)]
pub struct Lowered {
    name: Arc<str>,
    jaxpr: Arc<Jaxpr>,
}

impl Lowered {
    /// The program as a jaxpr. Captured arrays are its leading inputs.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert_eq!(f.lower((&2.0.into(),)).unwrap().jaxpr().eqns.len(), 1);
    /// ```
    #[must_use]
    pub fn jaxpr(&self) -> &Jaxpr {
        &self.jaxpr
    }

    /// The program as StableHLO text.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert!(f.lower((&2.0.into(),)).unwrap().stablehlo().contains("stablehlo.add"));
    /// ```
    #[must_use]
    pub fn stablehlo(&self) -> String {
        lower(&format!("jit_{}", self.name), &self.jaxpr).to_text()
    }

    /// What XLA makes of the program on this machine.
    ///
    /// # Errors
    /// When there is no plugin or the program does not compile.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert!(!f.lower((&2.0.into(),)).unwrap().optimized_hlo().unwrap().is_empty());
    /// ```
    pub fn optimized_hlo(&self) -> Result<String, Error> {
        optimized_hlo(&self.jaxpr)
    }
}

impl<'f, P: Params, R: Tree> Deref for Jit<'f, P, R> {
    type Target = P::Dyn<'f, R>;
    fn deref(&self) -> &Self::Target {
        &self.call
    }
}

impl<'f, P: Params, R: Tree> Func<'f, P> for Jit<'f, P, R>
where
    Self: 'f,
{
    type Out = R;
    fn boxed(self) -> Box<P::Dyn<'f, R>> {
        self.call
    }
}

impl<P: Params, R: Tree> fmt::Debug for Jit<'_, P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jit({} at {})", self.shared.name, self.shared.loc)
    }
}

/// Compiles a function: it is traced at the first call with arguments of a type and afterwards runs as one
/// program. Arrays that it captures are inputs of the program.
///
/// Rust scalars and strings among the arguments are static: each value has its own program.
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| (2.0 * x).sin());
/// let y = f(&Array::from([0.0f32, 1.0]));
/// f(&y);
/// assert_eq!(f.cache_report().traces, 1);
/// ```
///
/// # Panics
/// The compiled function panics where the function itself does, where a traced value is read, and when
/// compiling or running fails; [`try_call`](Jit::try_call) gives an error instead.
#[track_caller]
pub fn jit<'f, P: Params, F: Func<'f, P>>(f: F) -> Jit<'f, P, F::Out>
where
    F::Out: 'f,
{
    let shared = Arc::new(Shared {
        name: F::name().into(),
        f: f.boxed(),
        loc: Location::caller(),
        entries: RwLock::default(),
        hits: AtomicUsize::new(0),
    });
    let inner = shared.clone();
    Jit { call: P::wrap(move |args| inner.call(args)), shared }
}

/// A function that gives the program of `f` for arguments like those it is called with.
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| 3.0 * x + 1.0;
/// assert_eq!(
///     make_jaxpr(f)(&2.0.into()).to_string(),
///     "{ lambda ; a:f32[]. let\n    b:f32[] = mul 3.0:f32[] a\n    c:f32[] = add b 1.0:f32[]\n  in (c,) }"
/// );
/// ```
pub fn make_jaxpr<'f, P: Params, F: Func<'f, P>>(f: F) -> Box<P::Dyn<'f, Closed>> {
    let f = f.boxed();
    P::wrap(move |args| {
        let avals: Vec<Aval> = P::leaves(args).0.iter().map(|x| x.aval()).collect();
        trace::<P, F::Out>(&*f, args, &avals, &Inputs::Unknown("under `make_jaxpr`")).0
    })
}
