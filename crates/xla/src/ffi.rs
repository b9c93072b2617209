//! Rust functions that compiled programs call.
//!
//! A program names such a function in a `stablehlo.custom_call` with `api_version = 4`. The function runs on the thread
//! that started the program, or on a separate one ([`crate::workers`]), possibly on several at once. It never occupies
//! a thread of the plugin's pools, so it may itself wait for programs that need them. Its errors and panics become
//! errors of the execution.
//!
//! A [`Kernel`] (`kernel.rs`) is a function that only computes. It runs on the thread on which the program reaches it.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use crate::api::slice;
use crate::error::{Code, Error, Result};
use crate::ffi_abi::*;
use crate::hlo::element_type;
use crate::in_flight;
use crate::kernel::Kernel;
use crate::library::Plugin;
use crate::shape::ArrayShape;
use crate::workers;

/// The data that a program passes to a function it calls.
pub struct Call<'a> {
    args: Vec<(ArrayShape, &'a [u8])>,
    results: Vec<(ArrayShape, &'a mut [u8])>,
    attrs: Attributes<'a>,
}

// SAFETY: operands, results and attributes are memory of the plugin, which stays valid until the call is answered, on
// whatever thread that happens.
unsafe impl Send for Call<'_> {}

impl<'a> Call<'a> {
    /// The operands: types, and bytes in row-major order.
    pub fn args(&self) -> &[(ArrayShape, &'a [u8])] {
        &self.args
    }

    /// The results: types, and bytes to be filled in row-major order.
    pub fn results(&mut self) -> &mut [(ArrayShape, &'a mut [u8])] {
        &mut self.results
    }

    /// Operands and results at once.
    #[allow(clippy::type_complexity)]
    pub fn split(&mut self) -> (&[(ArrayShape, &'a [u8])], &mut [(ArrayShape, &'a mut [u8])]) {
        (&self.args, &mut self.results)
    }
}

impl<'a> Deref for Call<'a> {
    type Target = Attributes<'a>;
    fn deref(&self) -> &Attributes<'a> {
        &self.attrs
    }
}

/// The attributes of a call, the entries of its `backend_config`.
pub struct Attributes<'a>(pub(crate) FfiAttrs, pub(crate) PhantomData<&'a ()>);

impl<'a> Attributes<'a> {
    /// An integer or boolean attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        let bytes = self.scalar(name)?;
        let wide = |bytes: &[u8], signed: bool| {
            let fill = if signed && bytes.last()? & 0x80 != 0 { 0xff } else { 0 };
            let mut word = [fill; 8];
            word.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(i64::from_le_bytes(word))
        };
        match bytes {
            (1 | 6..=9, bytes) => wide(bytes, false),
            (2..=5, bytes) => wide(bytes, true),
            _ => None,
        }
    }

    /// An `f32` or `f64` attribute.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.scalar(name)? {
            (11, bytes) => Some(f32::from_ne_bytes(bytes.try_into().ok()?).into()),
            (12, bytes) => Some(f64::from_ne_bytes(bytes.try_into().ok()?)),
            _ => None,
        }
    }

    /// A string attribute.
    pub fn string(&self, name: &str) -> Option<&'a str> {
        let span = self.attr(name, attr::STRING)?.cast::<ByteSpan>();
        // SAFETY: a string attribute is a span of bytes that lives during the call.
        let bytes = unsafe { slice((*span).ptr.cast::<u8>(), (*span).len) };
        std::str::from_utf8(bytes).ok()
    }

    /// An attribute that is an array of 64-bit integers.
    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        let array = self.attr(name, attr::ARRAY)?.cast::<FfiArray>();
        // SAFETY: an array attribute lives during the call; 5 is a signed 64-bit integer.
        unsafe { ((*array).dtype == 5).then(|| slice((*array).data.cast::<i64>(), (*array).size)) }
    }

    /// A scalar attribute: XLA's number of its type, and its bytes.
    fn scalar(&self, name: &str) -> Option<(i32, &'a [u8])> {
        let scalar = self.attr(name, attr::SCALAR)?.cast::<FfiScalar>();
        // SAFETY: a scalar attribute lives during the call, and its value has the size of its type.
        unsafe {
            let size = element_type((*scalar).dtype)?.byte_size();
            Some(((*scalar).dtype, slice((*scalar).value.cast::<u8>(), size)))
        }
    }

    fn attr(&self, name: &str, kind: i32) -> Option<*const c_void> {
        let len = usize::try_from(self.0.size).ok()?;
        // SAFETY: the lists have this many entries, and they and the names live during the call.
        unsafe {
            let names = slice(self.0.names, len);
            let at = names.iter().position(|&span| slice((*span).ptr.cast::<u8>(), (*span).len) == name.as_bytes())?;
            (slice(self.0.types, len)[at] == kind).then(|| slice(self.0.attrs, len)[at])
        }
    }
}

impl Plugin {
    /// Registers a function under a name, for programs on the CPU. Register it before a program that calls it is
    /// compiled or loaded.
    ///
    /// The function must capture nothing, because the interface has no place for captured values. The operands have the
    /// layout that the call states: state `operand_layouts` and `result_layouts`, or the compiler may choose.
    pub fn register_function<F>(&self, name: &str, function: F) -> Result<()>
    where
        F: Fn(&mut Call<'_>) -> std::result::Result<(), String> + Send + Sync + 'static,
    {
        const {
            assert!(size_of::<F>() == 0, "a function that programs call must capture nothing");
        }
        // The function has no bytes, but it may have a destructor, which must not run while it can be called.
        std::mem::forget(function);
        self.register_handler(name, trampoline::<F>)
    }

    /// Registers kernels, for programs on the CPU. Register them before a program that calls one is compiled or loaded.
    pub fn register_kernels(&self, kernels: &[Kernel]) -> Result<()> {
        kernels.iter().try_for_each(|kernel| self.register_handler(kernel.name, kernel.handler))
    }

    fn register_handler(&self, name: &str, handler: FfiHandler) -> Result<()> {
        const DURING: &str = "registering a function";
        let Some(register) = self.api.register_handler else {
            return Err(Error::Pjrt {
                code: Code::Unimplemented,
                during: DURING,
                message: "this plugin has no foreign function interface".to_owned(),
            });
        };
        // Functions access the operands' memory, so it must be the host's.
        let platform = "HOST";
        let mut args = RegisterHandlerArgs {
            struct_size: size_of::<RegisterHandlerArgs>(),
            target_name: name.as_ptr().cast(),
            target_name_size: name.len(),
            handler: handler as *const c_void,
            platform_name: platform.as_ptr().cast(),
            platform_name_size: platform.len(),
            traits: 0,
            reserved: [0; 9],
        };
        // SAFETY: the arguments are complete, and the plugin copies the texts. The handler is a function, which lives
        // forever, of the type that the plugin calls.
        unsafe { self.api.check(register(&mut args), DURING) }
    }
}

/// The handler that the plugin calls for the function of type `F`.
unsafe extern "C" fn trampoline<F>(given: *mut CallFrame) -> *mut FfiError
where
    F: Fn(&mut Call<'_>) -> std::result::Result<(), String> + Send + Sync + 'static,
{
    // SAFETY: the plugin passes a frame that lives during the call.
    let frame = unsafe { &*given };
    // SAFETY: the extensions live as long as the frame.
    if unsafe { answer_metadata(frame) } || frame.stage != STAGE_EXECUTE {
        return ptr::null_mut();
    }
    // SAFETY: `F` has no bytes, so any aligned address is valid. `register_function`, without which this is not called,
    // has leaked a value of it.
    let function = unsafe { NonNull::<F>::dangling().as_ref() };
    // SAFETY: the frame is one of an execution. The call ends before its answer, and the plugin keeps the memory until
    // it has the answer.
    let mut call = match unsafe { read_call(frame) } {
        Ok(call) => call,
        // SAFETY: the frame is alive.
        Err(message) => return unsafe { make_error(frame.api, message) },
    };
    // A thread that started a program waits for it anyway. Other programs need the plugin's threads, and the function
    // may wait for these programs.
    if !workers::starts_a_program()
        // SAFETY: the frame's table lives forever.
        && let Some(answer) = unsafe { Answer::later(frame.api) }
    {
        // SAFETY: a plugin that makes futures has space for one behind the frame.
        unsafe { (&raw mut (*given.cast::<CallFrameWithFuture>()).future).write(answer.future.as_ptr()) };
        workers::run(move || {
            let outcome = guarded(|| function(&mut call));
            drop(call);
            answer.give(outcome);
        });
        return ptr::null_mut();
    }
    match guarded(|| function(&mut call)) {
        Ok(()) => ptr::null_mut(),
        // SAFETY: the frame is alive.
        Err(message) => unsafe { make_error(frame.api, message) },
    }
}

/// The result of a function, or an error that says that it panicked.
pub(crate) fn guarded(function: impl FnOnce() -> std::result::Result<(), String>) -> std::result::Result<(), String> {
    in_flight::awaited(|| catch_unwind(AssertUnwindSafe(function))).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("(no message)");
        let message = format!("a function called by the program panicked: {text}");
        // Dropping the panic's payload may panic again.
        std::mem::forget(payload);
        Err(message)
    })
}

/// A promise of an answer. The plugin waits for it without occupying a thread.
struct Answer {
    api: NonNull<FfiApi>,
    future: NonNull<FfiFuture>,
    set_available: unsafe extern "C" fn(*mut FutureSetAvailableArgs) -> *mut FfiError,
    set_error: unsafe extern "C" fn(*mut FutureSetErrorArgs) -> *mut FfiError,
}

// SAFETY: the table is static, and a future may be answered from any thread.
unsafe impl Send for Answer {}

impl Answer {
    /// A new promise, if the plugin supports them.
    ///
    /// # Safety
    /// `api` must be the table of a call frame.
    unsafe fn later(api: *const FfiApi) -> Option<Answer> {
        let table = NonNull::new(api.cast_mut())?;
        // SAFETY: the table lives forever and starts with these fields in every 0.x version.
        let (size, version) =
            unsafe { ((*api).struct_size, ((*api).version.major_version, (*api).version.minor_version)) };
        if version < FUTURES_SINCE || size < size_of::<FfiApi>() {
            return None;
        }
        // SAFETY: the table has the functions for futures.
        let (create, set_available, set_error) =
            unsafe { ((*api).future_create?, (*api).future_set_available?, (*api).future_set_error?) };
        let mut args = FutureCreateArgs {
            struct_size: size_of::<FutureCreateArgs>(),
            extension_start: ptr::null_mut(),
            future: ptr::null_mut(),
        };
        // SAFETY: the arguments are complete. After an error, which only wrong arguments cause, there is no future.
        unsafe { create(&mut args) };
        NonNull::new(args.future).map(|future| Answer { api: table, future, set_available, set_error })
    }

    fn give(self, outcome: std::result::Result<(), String>) {
        let future = self.future.as_ptr();
        // SAFETY: the future is answered once, here. The plugin frees it and the error.
        unsafe {
            match outcome {
                Ok(()) => (self.set_available)(&mut FutureSetAvailableArgs {
                    struct_size: size_of::<FutureSetAvailableArgs>(),
                    extension_start: ptr::null_mut(),
                    future,
                }),
                Err(message) => (self.set_error)(&mut FutureSetErrorArgs {
                    struct_size: size_of::<FutureSetErrorArgs>(),
                    extension_start: ptr::null_mut(),
                    future,
                    error: make_error(self.api.as_ptr(), message),
                }),
            };
        }
    }
}

/// Answers a query about the handler, if the plugin makes one instead of calling it.
///
/// # Safety
/// The frame's extensions must be alive.
pub(crate) unsafe fn answer_metadata(frame: &CallFrame) -> bool {
    let mut extension = frame.extension_start;
    while !extension.is_null() {
        // SAFETY: guaranteed by the caller; a metadata extension is of that type.
        unsafe {
            if (*extension).type_ == EXTENSION_METADATA {
                let metadata = (*extension.cast::<MetadataExtension>()).metadata;
                (*metadata).version.major_version = 0;
                // Plugins silently drop handlers of version 0.0.
                (*metadata).version.minor_version = 1;
                (*metadata).traits = 0;
                return true;
            }
            extension = (*extension).next;
        }
    }
    false
}

/// Views the operands and results of a call.
///
/// # Safety
/// The frame must be one of an execution, nothing else may use its buffers, and the call must be dropped before the
/// plugin has its answer.
unsafe fn read_call<'a>(frame: &CallFrame) -> std::result::Result<Call<'a>, String> {
    // SAFETY: guaranteed by the caller.
    let (args, rets) = unsafe { (buffers(&frame.args)?, buffers(&frame.rets)?) };
    let range = |(_, start, len): &(ArrayShape, *mut u8, usize)| {
        let start = start.addr();
        start..start + len
    };
    // A result in the memory of an operand would be overwritten while the operand is read.
    for (i, result) in rets.iter().enumerate() {
        let result = range(result);
        let mut others = args.iter().chain(&rets[..i]).map(range);
        if others.any(|o| o.start < result.end && result.start < o.end) {
            return Err("a result shares memory with an operand; leave output_operand_aliases out".into());
        }
    }
    // SAFETY: the plugin's buffers are as long as their shapes say, and nothing else uses them during the call. Results
    // overlap nothing, as checked above.
    unsafe {
        Ok(Call {
            args: args.into_iter().map(|(shape, data, len)| (shape, slice(data, len))).collect(),
            results: rets
                .into_iter()
                .map(|(shape, data, len)| {
                    let data = if len == 0 { NonNull::dangling().as_ptr() } else { data };
                    (shape, std::slice::from_raw_parts_mut(data, len))
                })
                .collect(),
            attrs: Attributes(frame.attrs, PhantomData),
        })
    }
}

/// Types, addresses and lengths of a list of buffers.
///
/// # Safety
/// The list must be alive.
unsafe fn buffers(list: &FfiList) -> std::result::Result<Vec<(ArrayShape, *mut u8, usize)>, String> {
    let len = usize::try_from(list.size).unwrap_or(0);
    // SAFETY: both lists have this many entries.
    let (types, items) = unsafe { (slice(list.types, len), slice(list.items, len)) };
    let one = |(&kind, &item): (&i32, &*const FfiBuffer)| {
        if kind != LIST_BUFFER {
            return Err("an operand or result is not an array".to_owned());
        }
        // SAFETY: an entry of this kind is a buffer that lives during the call.
        let buffer = unsafe { &*item };
        let ty =
            element_type(buffer.dtype).ok_or_else(|| format!("the element type {} is not supported", buffer.dtype))?;
        // SAFETY: there are this many dimensions.
        let dims = unsafe { slice(buffer.dims, usize::try_from(buffer.rank).unwrap_or(0)) };
        let shape = ArrayShape::new(ty, dims);
        let len = shape.byte_size().ok_or_else(|| format!("{shape} cannot be addressed"))?;
        if len > 0 && buffer.data.is_null() {
            return Err(format!("an array of type {shape} has no memory"));
        }
        Ok((shape, buffer.data.cast::<u8>(), len))
    };
    types.iter().zip(items).map(one).collect()
}

/// Makes an error that the plugin understands.
///
/// # Safety
/// `api` must be the table of a call frame.
pub(crate) unsafe fn make_error(api: *const FfiApi, message: String) -> *mut FfiError {
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    let mut args = ErrorCreateArgs {
        struct_size: size_of::<ErrorCreateArgs>(),
        extension_start: ptr::null_mut(),
        message: message.as_ptr(),
        code: 13,
        reserved: [0; 9],
    };
    // SAFETY: the table lives forever and starts with these fields in every 0.x version. The plugin copies the message.
    unsafe {
        match (*api).error_create {
            Some(create) => create(&mut args),
            None => ptr::null_mut(),
        }
    }
}
