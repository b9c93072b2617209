//! Functions that compiled programs call by name.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::array::device::Device;
use crate::array::{Array, Arrays};
use crate::control::callback::VmapMethod;
use crate::control::ffi_call::{FfiAttribute, FfiCallPrimitive};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::client;
use crate::trace::frames::bind;

use super::callback::ResultTypes;

/// The registered names, and the functions that they stand for.
static REGISTERED: Mutex<BTreeMap<String, TypeId>> = Mutex::new(BTreeMap::new());

/// Registers a function that programs on the CPU call by name, like `jax.ffi.register_ffi_target`. [`ffi_call`] calls
/// it, and so do programs that are imported later and have a custom call of this name.
///
/// The function reads and writes the memory of operands and results directly, in row-major order, without arrays in
/// between. [`pure_callback`](crate::pure_callback) is simpler, and has closures with captures. The function may run on
/// several threads at once. An `Err` and a panic become errors of the call of the program.
///
/// A function is registered for the rest of the process, before the first program that calls it is compiled.
///
/// ```
/// use cotangent::extend::{ffi_call, register_ffi_target};
/// use cotangent::{Aval, DType, prelude::*};
///
/// register_ffi_target("squares", |call| {
///     let (args, results) = call.split();
///     for (x, y) in args[0].1.chunks(4).zip(results[0].1.chunks_mut(4)) {
///         let x = f32::from_ne_bytes(x.try_into().unwrap());
///         y.copy_from_slice(&(x * x).to_ne_bytes());
///     }
///     Ok(())
/// })
/// .unwrap();
/// let squares = |x: &Array| ffi_call("squares", Aval::new(DType::F32, [3])).call([x]);
/// assert_eq!(jit(squares)(&Array::from([1.0f32, 2.0, 3.0])).to_vec::<f32>(), [1.0, 4.0, 9.0]);
/// ```
///
/// # Errors
/// If another function has this name, or the plugin cannot be opened or accepts no functions.
pub fn register_ffi_target<F>(name: &str, function: F) -> Result<()>
where
    F: Fn(&mut xla::Call<'_>) -> std::result::Result<(), String> + Send + Sync + 'static,
{
    // Functions without captures are told apart by their types.
    let identity = TypeId::of::<F>();
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    match registered.get(name) {
        Some(known) if *known == identity => return Ok(()),
        Some(_) => {
            return Err(Error::new(ErrorKind::Device, format!("the name `{name}` is taken by another function"))
                .help("choose another name: a program that is compiled already calls the function it knows"));
        }
        None => {}
    }
    client(Device::cpu(0).backend())?.plugin().register_function(name, function)?;
    registered.insert(name.to_string(), identity);
    Ok(())
}

/// Whether a function of this name is registered.
pub(crate) fn is_registered(name: &str) -> bool {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
}

/// A call of a registered function, as returned by [`ffi_call`].
///
/// ```
/// use cotangent::{Aval, DType, extend::ffi_call};
/// let call = ffi_call("squares", Aval::new(DType::F32, [3])).attribute("power", 2i64);
/// assert!(format!("{call:?}").contains("squares"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is called before `call`"]
pub struct FfiCall<S> {
    types: S,
    prim: FfiCallPrimitive,
}

/// Makes a call of a function that [`register_ffi_target`] has registered, or that the plugin brings, like
/// `jax.ffi.ffi_call`. `types` declares the types of its results.
///
/// The call has no derivative. Define one with [`custom_jvp`](crate::custom_jvp) or [`custom_vjp`](crate::custom_vjp).
/// It runs on the CPU only.
///
/// ```
/// use cotangent::extend::{ffi_call, register_ffi_target};
/// use cotangent::{Aval, DType, VmapMethod, prelude::*};
///
/// register_ffi_target("scaled", |call| {
///     let by = call.float("by").ok_or("there is no factor")? as f32;
///     let (args, results) = call.split();
///     for (x, y) in args[0].1.chunks(4).zip(results[0].1.chunks_mut(4)) {
///         y.copy_from_slice(&(f32::from_ne_bytes(x.try_into().unwrap()) * by).to_ne_bytes());
///     }
///     Ok(())
/// })
/// .unwrap();
/// let scaled = |x: &Array| {
///     let call = ffi_call("scaled", x.aval()).attribute("by", 2.5f32);
///     call.vmap_method(VmapMethod::BroadcastAll).call([x])
/// };
/// let y = vmap(jit(scaled))(&Array::from([[1.0f32, 2.0], [3.0, 4.0]]));
/// assert_eq!(y.to_vec::<f32>(), [2.5, 5.0, 7.5, 10.0]);
/// ```
pub fn ffi_call<S: ResultTypes>(target: &str, types: S) -> FfiCall<S> {
    let outputs = types.avals();
    FfiCall { types, prim: FfiCallPrimitive { target: Arc::from(target), outputs, attributes: Vec::new(), vmap: None } }
}

impl<S: ResultTypes> FfiCall<S> {
    /// Passes a constant to the function, by name.
    ///
    /// ```
    /// use cotangent::{Aval, DType, extend::ffi_call};
    /// let call = ffi_call("f", Aval::new(DType::F32, [3])).attribute("mode", "fast").attribute("axes", vec![0, 1]);
    /// assert!(format!("{call:?}").contains("fast"));
    /// ```
    pub fn attribute(mut self, name: &str, value: impl Into<FfiAttribute>) -> FfiCall<S> {
        self.prim.attributes.push((name.to_string(), value.into()));
        self
    }

    /// Sets what the call does under `vmap`. Without it, `vmap` is an error.
    ///
    /// ```
    /// use cotangent::{Aval, DType, VmapMethod, extend::ffi_call};
    /// let call = ffi_call("f", Aval::new(DType::F32, [3])).vmap_method(VmapMethod::Sequential);
    /// assert!(format!("{call:?}").contains("Sequential"));
    /// ```
    pub fn vmap_method(mut self, method: VmapMethod) -> FfiCall<S> {
        self.prim.vmap = Some(method);
        self
    }

    /// Calls the function: at once, or, in a traced function, each time the program runs.
    ///
    /// # Panics
    /// If the function is not registered or fails. Under `jit`, this is an error of the call.
    ///
    /// ```
    /// use cotangent::{Aval, DType, extend::ffi_call, prelude::*};
    /// let missing = |x: &Array| ffi_call("no-such-function", x.aval()).call([x]);
    /// assert!(jit(missing).try_call((&1.0.into(),)).is_err());
    /// ```
    #[track_caller]
    pub fn call(&self, args: impl Arrays) -> S::Out {
        let args: Vec<Array> = args.to_arrays().iter().map(|x| x.convert(x.dtype(), false)).collect();
        self.types.build(&mut bind(self.prim.clone(), &args.iter().collect::<Vec<_>>()).into_iter())
    }
}
