//! Rust functions inside compiled programs: `pure_callback`, `io_callback`, and the machinery of `debug`.

use std::any::{Any, TypeId};
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Loc;
use crate::trace::frames::bind;
use crate::tree::{Tree, flatten};

use crate::control::callback::{CallbackPrimitive, Kind};

pub use crate::control::callback::VmapMethod;
use crate::control::host_fn::HostFn;

/// The types of a callback's results: an [`Aval`], a tuple or a vector of them, or `()` for no result.
///
/// ```
/// use cotangent::{Aval, DType, ResultTypes};
/// assert_eq!((Aval::new(DType::F32, [3]), Aval::new(DType::I32, ())).avals().len(), 2);
/// ```
pub trait ResultTypes: Send + Sync + 'static {
    /// The type that the callback returns.
    type Out: Tree;
    /// Returns the types, in order.
    fn avals(&self) -> Vec<Aval>;
    /// Builds the value from its arrays.
    fn build(&self, arrays: &mut dyn Iterator<Item = Array>) -> Self::Out;
}

impl ResultTypes for Aval {
    type Out = Array;
    fn avals(&self) -> Vec<Aval> {
        vec![self.clone().with_weak_type(false)]
    }
    #[track_caller]
    fn build(&self, arrays: &mut dyn Iterator<Item = Array>) -> Array {
        Array::scalar(false).rebuild(arrays)
    }
}

impl<T: ResultTypes> ResultTypes for Vec<T> {
    type Out = Vec<T::Out>;
    fn avals(&self) -> Vec<Aval> {
        self.iter().flat_map(T::avals).collect()
    }
    fn build(&self, arrays: &mut dyn Iterator<Item = Array>) -> Vec<T::Out> {
        self.iter().map(|t| t.build(arrays)).collect()
    }
}

macro_rules! tuple_types {
    ($($T:ident $i:tt),*) => {
        impl<$($T: ResultTypes),*> ResultTypes for ($($T,)*) {
            type Out = ($($T::Out,)*);
            fn avals(&self) -> Vec<Aval> {
                [$(self.$i.avals()),*].concat()
            }
            fn build(&self, arrays: &mut dyn Iterator<Item = Array>) -> Self::Out {
                ($(self.$i.build(arrays),)*)
            }
        }
    };
}

tuple_types!(A 0);
tuple_types!(A 0, B 1);
tuple_types!(A 0, B 1, C 2);
tuple_types!(A 0, B 1, C 2, D 3);

impl ResultTypes for () {
    type Out = ();
    fn avals(&self) -> Vec<Aval> {
        Vec::new()
    }
    fn build(&self, _: &mut dyn Iterator<Item = Array>) {}
}

/// The host functions made from one closure, one for each structure of the arguments. A program holds the closure that
/// it calls, so two programs are the same only if their closures are.
struct Family<A>(Mutex<Vec<(A, Arc<HostFn>)>>);

impl<A: Tree> Family<A> {
    fn get(&self, args: &A, make: impl FnOnce(A) -> Arc<HostFn>) -> Arc<HostFn> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, function)) = known.iter().find(|(structure, _)| structure.same_structure(args)) {
            return function.clone();
        }
        let structure = || args.rebuild(&mut std::iter::repeat(Array::scalar(false)));
        let function = make(structure());
        known.push((structure(), function.clone()));
        function
    }
}

/// Returns the family of a closure without captures. Two such closures of the same type share one family.
fn shared_family<A: Tree, F: 'static, S: ResultTypes>(types: &S) -> Arc<Family<A>> {
    type Key = (TypeId, Vec<Aval>);
    static FAMILIES: Lazy<Mutex<FxHashMap<Key, Arc<dyn Any + Send + Sync>>>> = Lazy::new(Mutex::default);
    let key = (TypeId::of::<(A, F, S)>(), types.avals());
    let mut families = FAMILIES.lock().unwrap_or_else(PoisonError::into_inner);
    let new = || Arc::new(Family::<A>(Mutex::default())) as Arc<dyn Any + Send + Sync>;
    let family = families.entry(key).or_insert_with(new).clone();
    family.downcast::<Family<A>>().unwrap_or_else(|_| unreachable!("the key says what type it is"))
}

type Function<A, S> = dyn Fn(&A) -> <S as ResultTypes>::Out + Send + Sync;

/// A Rust function that traced functions call with computed arrays, as returned by [`Callback::pure`] and
/// [`Callback::io`].
///
/// A closure with captures is a different closure each time it is created, and so are the programs that call it. Create
/// the `Callback` once, outside the traced function, or use `jit`.
///
/// ```
/// use cotangent::{Aval, Callback, DType, VmapMethod, prelude::*};
/// let table = vec![10.0f32, 20.0, 30.0];
/// let lookup = Callback::pure(Aval::new(DType::F32, ()), move |i: &Array| Array::from(table[i.item::<i32>() as usize]).astype(DType::F32))
///     .vmap_method(VmapMethod::Sequential);
/// let f = jit(|i: &Array| lookup.call(i) + 1.0);
/// assert_eq!(f(&2.into()).item::<f32>(), 31.0);
/// assert_eq!(vmap(|i: &Array| lookup.call(i))(&Array::from([2, 0])).to_vec::<f32>(), [30.0, 10.0]);
/// ```
pub struct Callback<A: Tree, S: ResultTypes> {
    f: Arc<Function<A, S>>,
    types: Arc<S>,
    kind: Kind,
    family: Arc<Family<A>>,
    loc: Loc,
}

impl<A: Tree, S: ResultTypes> fmt::Debug for Callback<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({:?} at {})", self.kind, self.loc)
    }
}

impl<A: Tree, S: ResultTypes> Callback<A, S> {
    #[track_caller]
    fn new<F: Fn(&A) -> S::Out + Send + Sync + 'static>(types: S, f: F, kind: Kind) -> Self {
        let family =
            if size_of::<F>() == 0 { shared_family::<A, F, S>(&types) } else { Arc::new(Family(Mutex::default())) };
        Callback { f: Arc::new(f), types: types.into(), kind, family, loc: Location::caller() }
    }

    /// Creates a callback without effects. It may be called any number of times, or not at all if its result is not
    /// used.
    ///
    /// ```
    /// use cotangent::{Aval, Callback, DType, prelude::*};
    /// let twice = Callback::pure(Aval::new(DType::F32, [2]), |x: &Array| x * 2.0);
    /// assert_eq!(jit(|x: &Array| twice.call(x))(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn pure(types: S, f: impl Fn(&A) -> S::Out + Send + Sync + 'static) -> Self {
        Callback::new(types, f, Kind::Pure { vmap: None })
    }

    /// Creates a callback with effects. It is called exactly as often as the program says, in program order, whether or
    /// not its result is used.
    ///
    /// ```
    /// use cotangent::{Callback, prelude::*};
    /// use std::sync::{Arc, Mutex};
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = seen.clone();
    /// let record = Callback::io((), move |x: &Array| log.lock().unwrap().push(x.item::<f32>()));
    /// jit(|x: &Array| { record.call(x); record.call(&(x + 1.0)); })(&1.0.into());
    /// assert_eq!(*seen.lock().unwrap(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn io(types: S, f: impl Fn(&A) -> S::Out + Send + Sync + 'static) -> Self {
        Callback::new(types, f, Kind::Io { ordered: false })
    }

    /// Sets what a pure callback does under `vmap`. Without it, `vmap` is an error.
    ///
    /// ```
    /// use cotangent::{Aval, Callback, DType, VmapMethod, prelude::*};
    /// // Called once, with all elements: the function must accept a leading batch axis.
    /// let twice = Callback::pure(Aval::new(DType::F32, ()), |x: &Array| x * 2.0).vmap_method(VmapMethod::ExpandDims);
    /// assert_eq!(vmap(|x: &Array| twice.call(x))(&Array::from([1.0f32, 2.0])).to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    #[must_use]
    pub fn vmap_method(mut self, method: VmapMethod) -> Self {
        if let Kind::Pure { vmap } = &mut self.kind {
            *vmap = Some(method);
        }
        self
    }

    /// Makes the callback ordered: mapping over it with `vmap` is an error, as in JAX. Within a program, callbacks with
    /// effects keep their order in any case.
    ///
    /// ```
    /// use cotangent::{Callback, prelude::*};
    /// let record = Callback::io((), |_: &Array| ()).ordered();
    /// let f = vmap(|x: &Array| { record.call(x); x + 1.0 });
    /// assert!(f.try_call((&Array::from([1.0f32, 2.0]),)).is_err());
    /// ```
    #[must_use]
    pub fn ordered(mut self) -> Self {
        if let Kind::Io { ordered } = &mut self.kind {
            *ordered = true;
        }
        self
    }

    /// Returns the function on flat arrays for arguments of this structure.
    pub(crate) fn function(&self, args: &A, loc: Loc) -> Arc<HostFn> {
        self.family.get(args, |structure| {
            let f = self.f.clone();
            HostFn::new(loc, move |arrays| {
                let args = structure.rebuild(&mut arrays.iter().cloned());
                Ok(flatten(&f(&args)))
            })
        })
    }

    /// Calls the function: at once, or, in a traced function, each time the program runs.
    ///
    /// # Panics
    /// If the function panics or returns other types than it declared.
    ///
    /// ```
    /// use cotangent::{Aval, Callback, DType, prelude::*};
    /// let wrong = Callback::pure(Aval::new(DType::F32, [3]), |x: &Array| x.clone());
    /// let error = jit(|x: &Array| wrong.call(x)).try_call((&Array::from([1.0f32]),)).unwrap_err();
    /// assert!(error.to_string().contains("f32[1], but f32[3] was declared"));
    /// ```
    #[track_caller]
    pub fn call(&self, args: &A) -> S::Out {
        let function = self.function(args, Location::caller());
        let arrays: Vec<Array> = flatten(args).iter().map(|x| x.convert(x.dtype(), false)).collect();
        let prim = CallbackPrimitive { function, outputs: self.types.avals(), kind: self.kind };
        self.types.build(&mut bind(prim, &arrays.iter().collect::<Vec<_>>()).into_iter())
    }
}

/// Calls a Rust function without effects from a traced function. `types` declares the types of its result.
/// [`Callback::pure`] has options.
///
/// The call has no derivative. Define one with [`custom_jvp`](crate::custom_jvp) or [`custom_vjp`](crate::custom_vjp).
/// The function may itself use arrays and transformed functions.
///
/// ```
/// use cotangent::{Aval, DType, prelude::*, pure_callback};
/// // The number of set bits, computed by Rust's standard library.
/// let bits = |x: &Array| {
///     pure_callback(Aval::new(DType::U32, ()), |x: &Array| Array::scalar(x.item::<u32>().count_ones()), x)
/// };
/// assert_eq!(jit(bits)(&Array::scalar(255u32)).item::<u32>(), 8);
/// ```
///
/// # Panics
/// If the function panics or returns other types than it declared. Under `jit`, this is an error of the call.
#[track_caller]
pub fn pure_callback<A: Tree, S: ResultTypes>(
    types: S,
    f: impl Fn(&A) -> S::Out + Send + Sync + 'static,
    args: &A,
) -> S::Out {
    Callback::pure(types, f).call(args)
}

/// Calls a Rust function with effects from a traced function. [`Callback::io`] has options.
///
/// ```
/// use cotangent::{Aval, DType, io_callback, prelude::*};
/// use std::sync::atomic::{AtomicI32, Ordering};
/// static COUNTER: AtomicI32 = AtomicI32::new(0);
/// let next = || io_callback(Aval::new(DType::I32, ()), |_: &()| Array::scalar(COUNTER.fetch_add(1, Ordering::Relaxed)), &());
/// let f = jit(|x: &Array| (x + next(), next()));
/// let (y, n) = f(&10.into());
/// assert_eq!((y.item::<i32>(), n.item::<i32>()), (10, 1));
/// ```
///
/// # Panics
/// In the same cases as [`pure_callback`].
#[track_caller]
pub fn io_callback<A: Tree, S: ResultTypes>(
    types: S,
    f: impl Fn(&A) -> S::Out + Send + Sync + 'static,
    args: &A,
) -> S::Out {
    Callback::io(types, f).call(args)
}

/// Calls a flat function from a traced function. Under `vmap`, it is called once for each element.
#[track_caller]
pub(crate) fn effect(function: Arc<HostFn>, arrays: &[Array]) {
    let prim = CallbackPrimitive { function, outputs: Vec::new(), kind: Kind::Debug };
    bind(prim, &arrays.iter().collect::<Vec<_>>());
}
