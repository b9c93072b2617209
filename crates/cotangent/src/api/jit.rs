//! Just-in-time compilation.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::device::Device;
use crate::array::modes::modes;
use crate::compile::spans::{event, span};
use crate::compile::times::timed;
use crate::control::call::Call;
use crate::error::location::location;
use crate::error::{Error, ErrorKind, Loc, OrRaise, Result, attempt, raise};
use crate::ir::jaxpr::Closed;
use crate::ops::precision::default_precision;
use crate::sharding::NamedSharding;
use crate::trace::axis;
use crate::trace::frames::{Inputs, bind_at, tracing};
use crate::transform::dce::dce;
use crate::tree::{Leaves, Tree};

use super::aot::Lowered;
use super::callable::{callable, transformable};
use super::entry::{Entry, Programs, Target, kept_leaves};
use super::func::{Func, Params};
use super::no_tracing;
use super::partitioned::{Wanted, constrained};
use super::prefix::IntoPrefix;
use super::program::{plainly, trace};
use super::report::{CacheReport, Change, Counts, Miss, changes};

/// A function that is traced once for each combination of argument types and runs as one compiled program; made by
/// [`jit`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = jit(|x: &Array| x + 1.0);
/// assert_eq!(f(&2.0.into()).item::<f32>(), 3.0);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct Jit<'f, P: Params, R: 'f> {
    call: Box<P::Dyn<'f, R>>,
    shared: Arc<Shared<'f, P, R>>,
}

struct Shared<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    name: Arc<str>,
    loc: Loc,
    /// The device that the user chose for the function, if any.
    target: Target,
    /// The layouts that the user gave the arguments and results.
    wanted: Wanted,
    /// The first entries, which are never evicted. Threads find them without writing to shared memory.
    first: [OnceCell<Arc<Entry<P, R>>>; FIRST],
    entries: RwLock<Vec<Arc<Entry<P, R>>>>,
    counts: Counts,
}

/// The number of traces that a function caches before it evicts the oldest.
const ENTRIES: usize = 1024;
/// The number of leading entries that are never evicted.
const FIRST: usize = 4;

/// A call whose arguments were matched to a trace.
enum Prepared<P: Params, R> {
    /// The call was recorded in an enclosing program, or the function was called without a program.
    Recorded(R),
    /// The call must be run, on these arrays and those taken by value.
    Run(Arc<Entry<P, R>>, Vec<Array>),
}

impl<'f, P: Params, R: Tree> Shared<'f, P, R> {
    /// Iterates over those of the first entries that are set.
    fn first(&self) -> impl Iterator<Item = &Arc<Entry<P, R>>> {
        self.first.iter().map_while(OnceCell::get)
    }

    fn find(&self, args: P::Refs<'_>, leaves: &Leaves<'_>) -> Option<Cow<'_, Arc<Entry<P, R>>>> {
        if let Some(entry) = self.first().find(|e| e.fits(args, leaves)) {
            return Some(Cow::Borrowed(entry));
        }
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|e| e.fits(args, leaves)).cloned().map(Cow::Owned)
    }

    /// Why none of the traces fits the arguments.
    fn miss<'e>(
        known: impl Iterator<Item = &'e Arc<Entry<P, R>>>,
        args: P::Refs<'_>,
        avals: &[Aval],
        counts: &[usize],
    ) -> Miss
    where
        Entry<P, R>: 'e,
    {
        let precision = default_precision();
        let nearest = known
            .map(|e| {
                let mut all = changes::<P>((P::refs(&e.structure), &e.avals, &e.counts), (args, avals, counts));
                if e.precision != precision {
                    all.push(Change::Precision { from: e.precision, to: precision });
                }
                let promotion = modes().promotion;
                if e.promotion != promotion {
                    all.push(Change::Promotion { from: e.promotion.to_string(), to: promotion.to_string() });
                }
                (e, all)
            })
            .min_by_key(|(_, changes)| changes.len());
        match nearest {
            Some((e, changes)) => Miss { nearest: Some(e.number), changes },
            None => Miss { nearest: None, changes: Vec::new() },
        }
    }

    fn entry(&self, args: P::Refs<'_>, leaves: &Leaves<'_>, counts: &[usize]) -> Cow<'_, Arc<Entry<P, R>>> {
        if let Some(entry) = self.find(args, leaves) {
            self.counts.hit();
            return entry;
        }
        let _span = span!(DEBUG, "jit", function = &*self.name, location = self.loc.to_string());
        let avals: Vec<Aval> = leaves.iter().map(|x| x.aval()).collect();
        if no_tracing::is_on() {
            let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner).clone();
            raise(no_tracing::error(&self.name, &Self::miss(self.first().chain(&entries), args, &avals, counts)));
        }
        let ((closed, template), times) =
            timed(|| trace::<P, R>(&*self.f, args, &avals, &Inputs::Unknown("under `jit`")));
        let (jaxpr, kept) = dce(&closed.jaxpr, false);
        let (kept_captures, kept_args) = kept.split_at(closed.captures.len());
        let used: Vec<usize> = (0..kept_args.len()).filter(|i| kept_args[*i]).collect();
        let captures: Vec<Array> =
            closed.captures.into_iter().zip(kept_captures).filter(|(_, kept)| **kept).map(|(x, _)| x).collect();
        let owned: Vec<bool> =
            P::owned().iter().zip(counts).flat_map(|(owned, n)| std::iter::repeat_n(*owned, *n)).collect();
        let donated = captures.iter().map(|_| false).chain(used.iter().map(|i| owned[*i])).collect();
        let layouts = self.checked(self.wanted.resolve::<P, R>(args, &avals, &template));
        let structure = P::rebuild(args, &mut std::iter::repeat(Array::scalar(false)));
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have traced the function in the meantime; every thread uses the trace that was stored
        // first.
        let known = || self.first().chain(entries.iter());
        if let Some(entry) = known().find(|e| e.fits(args, leaves)) {
            self.counts.hit();
            return Cow::Owned(entry.clone());
        }
        let miss = Self::miss(known(), args, &avals, counts);
        let number = self.counts.traces.load(Ordering::Relaxed);
        event!(DEBUG, "traced", reason = miss.reason(), equations = jaxpr.size());
        self.counts.missed(miss, times);
        let entry = Arc::new(Entry {
            number,
            avals,
            axes: axis::bound(),
            precision: default_precision(),
            promotion: modes().promotion,
            counts: counts.iter().copied().collect(),
            structure,
            closed: Closed { jaxpr: Arc::new(jaxpr), captures },
            used,
            donated,
            template,
            layouts,
            times,
            programs: Programs::default(),
        });
        // Only the thread that holds the lock fills the slots.
        match self.first.iter().find(|slot| slot.get().is_none()) {
            Some(slot) => {
                let _ = slot.set(entry.clone());
            }
            None => {
                if entries.len() == ENTRIES {
                    entries.remove(0);
                }
                entries.push(entry.clone());
            }
        }
        Cow::Owned(entry)
    }

    /// Records the call in the enclosing program.
    fn record(&self, entry: &Entry<P, R>, leaves: &[&Array]) -> R {
        if let Target::Chosen(device) = self.target {
            let name = &self.name;
            let message =
                format!("jit({name}).on({device}) was called by a traced function, whose program runs on one device");
            raise(
                Error::new(ErrorKind::Trace, message)
                    .help("leave out `on` here, and choose a device for the outermost function: `jit(f).on(device)`")
                    .at(self.loc),
            );
        }
        let call = Call::new(self.name.clone(), entry.closed.jaxpr.clone());
        let Some(layouts) = &entry.layouts else {
            let results = bind_at(Arc::new(call), &entry.inputs(leaves), location(self.loc));
            return entry.template.rebuild(&mut results.into_iter());
        };
        let leaves: Vec<Array> =
            leaves.iter().zip(&layouts.inputs).map(|(x, sharding)| constrained(x, sharding.as_ref())).collect();
        let leaves: Vec<&Array> = leaves.iter().collect();
        let results = bind_at(Arc::new(call), &entry.inputs(&leaves), location(self.loc));
        let results = results.iter().zip(&layouts.outputs).map(|(x, sharding)| constrained(x, sharding.as_ref()));
        entry.template.rebuild(&mut results.collect::<Vec<_>>().into_iter())
    }

    fn checked<T>(&self, result: Result<T>) -> T {
        result.map_err(|e| e.context(format_args!("jit({})", self.name)).at(location(self.loc))).or_raise()
    }

    fn call(&self, args: P::Refs<'_>) -> R {
        if modes().without_jit {
            return plainly::<P, R>(&*self.f, args);
        }
        let _span = span!(TRACE, "call", function = &*self.name, location = self.loc.to_string());
        let (leaves, counts) = P::leaves(args);
        let entry = self.entry(args, &leaves, &counts);
        if tracing() {
            return self.record(&entry, &leaves);
        }
        self.checked(entry.run(&leaves, self.target, Some(&self.counts)))
    }

    fn prepare(&self, args: P::Refs<'_>) -> Prepared<P, R> {
        if modes().without_jit {
            return Prepared::Recorded(plainly::<P, R>(&*self.f, args));
        }
        let (leaves, counts) = P::leaves(args);
        let entry = self.entry(args, &leaves, &counts);
        if tracing() {
            return Prepared::Recorded(self.record(&entry, &leaves));
        }
        Prepared::Run(entry.into_owned(), kept_leaves::<P>(&leaves, &counts))
    }

    fn finish(&self, prepared: Prepared<P, R>, owned: Vec<Array>) -> R {
        let _span = span!(TRACE, "call", function = &*self.name, location = self.loc.to_string());
        match prepared {
            Prepared::Recorded(result) => result,
            Prepared::Run(entry, kept) => {
                self.checked(entry.run_owned(entry.merge(kept, owned), self.target, Some(&self.counts)))
            }
        }
    }
}

impl<'f, P: Params, R: Tree> Jit<'f, P, R> {
    /// The function, with another name than that of its type, as if it was jitted on the line `loc`.
    pub(crate) fn named<F: Func<'f, P, Out = R>>(f: F, name: &str, loc: Loc) -> Self {
        Jit::new(f.boxed().into(), name.into(), loc, Target::OfArguments, Wanted::default())
    }

    fn new(f: Arc<P::Dyn<'f, R>>, name: Arc<str>, loc: Loc, target: Target, wanted: Wanted) -> Self {
        let (first, entries, counts) = (Default::default(), RwLock::default(), Counts::default());
        let shared = Arc::new(Shared { f, name, loc, target, wanted, first, entries, counts });
        let (first, second) = (shared.clone(), shared.clone());
        let call = if P::owned().contains(&true) {
            P::wrap_consuming(move |args| first.prepare(args), move |prepared, arrays| second.finish(prepared, arrays))
        } else {
            P::wrap(move |args| first.call(args))
        };
        Jit { call, shared }
    }

    /// Calls the function, and returns every failure as an error instead of panicking. All arguments are borrowed, so
    /// no argument is donated.
    ///
    /// # Errors
    /// Returns an error if tracing, compiling or running the function fails; a panic of the function is returned as an
    /// error.
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

    /// Traces and lowers the function for these arguments, for inspection or ahead-of-time compilation.
    ///
    /// # Errors
    /// Returns an error if tracing fails.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// assert_eq!(f.lower((&2.0.into(),)).unwrap().jaxpr().size(), 1);
    /// ```
    pub fn lower(&self, args: P::Refs<'_>) -> Result<Lowered<P, R>> {
        attempt(|| {
            let (leaves, counts) = P::leaves(args);
            let entry = self.shared.entry(args, &leaves, &counts);
            let (place, layouts) = {
                let inputs = entry.inputs(&leaves);
                let place = self.shared.checked(entry.place(inputs.iter().copied(), self.shared.target));
                let asked = || self.shared.checked(entry.asked(inputs.iter().copied()));
                (place, place.device.is_many().then(asked))
            };
            Lowered { name: self.shared.name.clone(), entry: entry.into_owned(), place, layouts }
        })
    }

    /// Returns the function bound to a device: it runs there wherever its arguments are, and commits its results to the
    /// device. Arguments that are elsewhere move there for the call.
    ///
    /// Without it, the function runs on the device that its arguments and the arrays it captures are committed to, or
    /// else on the default device.
    ///
    /// ```
    /// use cotangent::{Device, prelude::*};
    /// let f = jit(|x: &Array| x + 1).on(Device::cpu(0));
    /// assert_eq!(f(&np::arange(3)).device().unwrap(), Device::cpu(0));
    /// ```
    pub fn on(self, device: impl Into<Device>) -> Self {
        let Shared { f, name, loc, wanted, .. } = &*self.shared;
        Jit::new(f.clone(), name.clone(), loc, Target::Chosen(device.into()), wanted.clone())
    }

    /// Sets how the arguments are laid out over a mesh: a [`NamedSharding`](crate::NamedSharding) for all, or a tuple
    /// with an entry for each argument, which may be a tree itself: see [`Prefix`](crate::Prefix). `None` leaves the
    /// layout to the argument, if it has one, or to the compiler.
    ///
    /// Arguments that are not committed to a place are laid out in this way. One that is laid out in another way is an
    /// error, as in JAX.
    ///
    /// ```
    /// use cotangent::{NamedSharding, P, make_mesh, prelude::*};
    /// let mesh = make_mesh([("batch", 1)]);
    /// let rows = NamedSharding::new(&mesh, P!("batch"));
    /// let f = jit(|w: &Array, x: &Array| x.matmul(w)).in_shardings((NamedSharding::new(&mesh, P!()), rows));
    /// assert_eq!(f(&np::ones([2, 3]), &np::ones([8, 2])).sharding().unwrap().mesh(), &mesh);
    /// ```
    pub fn in_shardings(self, shardings: impl IntoPrefix<Option<NamedSharding>>) -> Self {
        let Shared { f, name, loc, target, wanted, .. } = &*self.shared;
        let wanted = Wanted { inputs: Some(shardings.into_prefix()), ..wanted.clone() };
        Jit::new(f.clone(), name.clone(), loc, *target, wanted)
    }

    /// Sets how the results are laid out over a mesh, as [`in_shardings`](Jit::in_shardings) does for the arguments.
    /// `None` leaves the layout to the compiler.
    ///
    /// ```
    /// use cotangent::{NamedSharding, P, make_mesh, prelude::*};
    /// let columns = NamedSharding::new(&make_mesh([("x", 1)]), P!(None, "x"));
    /// let f = jit(|x: &Array| x.t()).out_shardings(&columns);
    /// assert_eq!(f(&np::ones([8, 2])).sharding(), Some(columns.clone()));
    /// ```
    pub fn out_shardings(self, shardings: impl IntoPrefix<Option<NamedSharding>>) -> Self {
        let Shared { f, name, loc, target, wanted, .. } = &*self.shared;
        let wanted = Wanted { outputs: Some(shardings.into_prefix()), ..wanted.clone() };
        Jit::new(f.clone(), name.clone(), loc, *target, wanted)
    }

    /// Returns the number of cache hits and traces, and what caused each trace.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let f = jit(|x: &Array| x + 1.0);
    /// f(&1.0.into());
    /// println!("{}", f.cache_report());
    /// assert_eq!(f.cache_report().traces, 1);
    /// ```
    #[must_use]
    pub fn cache_report(&self) -> CacheReport {
        self.shared.counts.report()
    }
}

transformable! {
    impl['f, P: Params, R: Tree] Jit<'f, P, R>: 'f -> R;
    |this, f| write!(f, "jit({} at {})", this.shared.name, this.shared.loc)
}

/// Compiles a function. It is traced at the first call with arguments of given types, and runs as one program from then
/// on. The arrays that it captures are inputs of the program; small ones become constants of the executable.
///
/// Rust scalars and strings among the arguments are static, and so is the value of a [`Static`](crate::Static): each
/// value has its own program.
///
/// An argument taken by value is donated: a result reuses the memory of its arrays if no other handle shares them, as
/// with JAX's `donate_argnums`. Using the argument after the call is a compile error. A clone made before the call
/// stays valid, and its memory is not reused. Only the outermost call donates, never a call inside another transformed
/// function.
///
/// ```
/// use cotangent::prelude::*;
/// let step = jit(|x: Array| 0.5 * x + 1.0);
/// let mut x = step(Array::from(vec![1.0f32; 1000]));
/// let place = x.buffer_address().unwrap();
/// x = step(x);
/// assert_eq!(x.buffer_address().unwrap(), place);
/// ```
///
/// ```compile_fail,E0382
/// use cotangent::prelude::*;
/// let step = jit(|x: Array| 0.5 * x + 1.0);
/// let x = Array::from(vec![1.0f32; 1000]);
/// let y = step(x);
/// let z = x + y; // x is gone
/// ```
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
/// The compiled function panics if the function itself panics, if it reads a traced value, or if compiling or running
/// it fails. [`try_call`](Jit::try_call) returns an error instead.
#[track_caller]
pub fn jit<'f, P: Params, F: Func<'f, P>>(f: F) -> Jit<'f, P, F::Out>
where
    F::Out: 'f,
{
    Jit::named(f, F::name(), Location::caller())
}

/// A function that returns the program of another function; made by [`make_jaxpr`].
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0);
/// assert_eq!(program(&2.0.into()).jaxpr.size(), 1);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct MakeJaxpr<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, Closed>>,
}

callable! {
    impl['f, P: Params, R: Tree] MakeJaxpr<'f, P, R>: 'f -> Closed;
    |_this, f| f.write_str("make_jaxpr(…)")
}

impl<P: Params, R: Tree> MakeJaxpr<'_, P, R> {
    /// Calls the function, and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// Returns an error if tracing the function fails; a panic of the function is returned as an error.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let program = make_jaxpr(|x: &Array| x.reshape([5]));
    /// assert!(program.try_call((&np::zeros([2, 3]),)).is_err());
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<Closed> {
        attempt(|| program::<P, R>(&*self.f, args))
    }
}

/// Returns a function that traces `f` for arguments like those it is called with, and returns the program.
///
/// ```
/// use cotangent::prelude::*;
/// let f = |x: &Array| 3.0 * x + 1.0;
/// assert_eq!(
///     make_jaxpr(f)(&2.0.into()).to_string(),
///     "{ lambda ; a:f32[]. let\n    b:f32[] = mul 3.0:f32[] a\n    c:f32[] = add b 1.0:f32[]\n  in (c,) }"
/// );
/// ```
///
/// # Panics
/// The returned function panics where tracing `f` does; [`try_call`](MakeJaxpr::try_call) returns an error instead.
pub fn make_jaxpr<'f, P: Params, F: Func<'f, P>>(f: F) -> MakeJaxpr<'f, P, F::Out> {
    let f: Arc<P::Dyn<'f, F::Out>> = f.boxed().into();
    let inner = f.clone();
    MakeJaxpr { f, call: P::wrap(move |args| program::<P, F::Out>(&*inner, args)) }
}

fn program<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>) -> Closed {
    let avals: Vec<Aval> = P::leaves(args).0.iter().map(|x| x.aval()).collect();
    trace::<P, R>(f, args, &avals, &Inputs::Unknown("under `make_jaxpr`")).0
}
