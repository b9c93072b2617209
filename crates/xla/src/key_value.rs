//! The key-value store that processes of one job share, as plugins use it.
//!
//! A plugin for several processes publishes what it knows of its own devices and reads what the others published. NCCL
//! meets through it as well. The caller brings the store; the functions here are what the plugin calls.

use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::abi::*;
use crate::api::slice;
use crate::error::Code;

/// An error of a [`KeyValueStore`]: its kind and its message. The plugin makes an error of its own of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// The kind, such as [`Code::DeadlineExceeded`].
    pub code: Code,
    /// What happened.
    pub message: String,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", self.message, self.code)
    }
}

impl std::error::Error for StoreError {}

/// A store that all processes of a job share. The plugin may call it from several threads at once, for as long as the
/// client lives.
///
/// Plugins choose their keys, so two clients of one process need stores that do not share keys.
pub trait KeyValueStore: Send + Sync {
    /// The value of a key. Waits until a process has put it, for at most `timeout`.
    ///
    /// # Errors
    /// [`Code::DeadlineExceeded`] at the timeout.
    fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>, StoreError>;

    /// The value of a key, or `None` if no process has put it yet.
    ///
    /// # Errors
    /// If the store cannot be reached.
    fn try_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Gives a key its value.
    ///
    /// # Errors
    /// [`Code::AlreadyExists`] if the key has another value.
    fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
}

/// A store at an address that does not change, which the plugin's callbacks receive.
pub(crate) type Shared = Box<Arc<dyn KeyValueStore>>;

/// Lets a client that is about to be created use the store.
///
/// The client must be destroyed before the store is dropped.
pub(crate) fn install(args: &mut ClientCreateArgs, store: &Shared) {
    let store = (&raw const **store).cast_mut().cast::<c_void>();
    args.kv_get_callback = Some(get);
    args.kv_get_user_arg = store;
    args.kv_put_callback = Some(put);
    args.kv_put_user_arg = store;
    args.kv_try_get_callback = Some(try_get);
    args.kv_try_get_user_arg = store;
}

/// Calls `f` with the store and the key. A panic becomes an error.
///
/// # Safety
/// `store` must be that of [`install`], and `key` must have `key_size` readable bytes.
unsafe fn answer<R>(
    store: *mut c_void,
    key: *const c_char,
    key_size: usize,
    f: impl FnOnce(&dyn KeyValueStore, &str) -> Result<R, StoreError>,
) -> Result<R, StoreError> {
    if store.is_null() {
        return Err(error(Code::InvalidArgument, "the plugin passed no store"));
    }
    // SAFETY: the store lives as long as the client, and the key during the call.
    let (store, key) = unsafe { (&*store.cast::<Arc<dyn KeyValueStore>>(), slice(key.cast::<u8>(), key_size)) };
    let key = std::str::from_utf8(key).map_err(|_| error(Code::InvalidArgument, "the key is not UTF-8"))?;
    catch_unwind(AssertUnwindSafe(|| f(&**store, key))).unwrap_or_else(|payload| {
        // Dropping the panic's payload may panic as well.
        std::mem::forget(payload);
        Err(error(Code::Internal, "the key-value store panicked"))
    })
}

fn error(code: Code, message: &str) -> StoreError {
    StoreError { code, message: message.to_owned() }
}

/// Turns an error into one of the plugin's.
///
/// # Safety
/// `make` must be null or point to the plugin's function.
unsafe fn raise(make: *const CallbackError, error: &StoreError) -> *mut RawError {
    // SAFETY: guaranteed by the caller.
    let Some(make) = (unsafe { make.as_ref() }).copied().flatten() else {
        // Without that function there is no way to report an error, and returning none would be a wrong answer.
        eprintln!("the key-value store failed, and the plugin accepts no error: {error}");
        std::process::abort();
    };
    // SAFETY: the plugin copies the message before it returns.
    unsafe { make(error.code.number(), error.message.as_ptr().cast(), error.message.len()) }
}

/// The size of the length that precedes a value.
const LENGTH: usize = size_of::<usize>();

/// Allocates a copy of a value for the plugin, which frees it by [`free`]. The allocation begins with its length, because
/// the plugin does not tell it.
fn allocate(value: &[u8]) -> *mut c_char {
    let whole: Box<[u8]> = [&value.len().to_ne_bytes()[..], value].concat().into();
    // SAFETY: the length comes first, so the value begins within the allocation, or at its end if it is empty.
    unsafe { Box::into_raw(whole).cast::<c_char>().add(LENGTH) }
}

/// Frees what [`allocate`] returned.
unsafe extern "C" fn free(value: *mut c_char) {
    if value.is_null() {
        return;
    }
    // SAFETY: the plugin passes a pointer that `allocate` returned, once. The length precedes it.
    unsafe {
        let start = value.sub(LENGTH).cast::<u8>();
        let len = usize::from_ne_bytes(start.cast::<[u8; LENGTH]>().read());
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, LENGTH + len)));
    }
}

/// Checks that the plugin's structure has all the fields that are read and written here.
macro_rules! check_size {
    ($args:ident, $ty:ty) => {
        // SAFETY: every version of a structure starts with its size. One that is too small has no known place for the
        // function that makes errors, so nothing can be reported.
        if unsafe { (&raw const (*$args).struct_size).read() } < size_of::<$ty>() {
            eprintln!(concat!("the plugin's ", stringify!($ty), " is shorter than the interface says"));
            std::process::abort();
        }
    };
}

/// `PJRT_KeyValueGetCallback`
unsafe extern "C" fn get(args: *mut KeyValueGetArgs) -> *mut RawError {
    check_size!(args, KeyValueGetArgs);
    // SAFETY: the plugin passes a complete structure that no one else uses during the call. A later version may be longer,
    // so that only the fields are touched.
    unsafe {
        let a = &mut *args;
        // "Without end" is -1: an infinite duration in milliseconds, cut to an `int`.
        let timeout = u64::try_from(a.timeout_in_ms).map_or(Duration::MAX, Duration::from_millis);
        match answer(a.user_arg, a.key, a.key_size, |store, key| store.get(key, timeout)) {
            Ok(value) => {
                a.value = allocate(&value);
                a.value_size = value.len();
                a.value_deleter_callback = Some(free);
                std::ptr::null_mut()
            }
            Err(error) => raise(a.callback_error, &error),
        }
    }
}

/// `PJRT_KeyValueTryGetCallback`
unsafe extern "C" fn try_get(args: *mut KeyValueTryGetArgs) -> *mut RawError {
    check_size!(args, KeyValueTryGetArgs);
    // SAFETY: as in `get`.
    unsafe {
        let a = &mut *args;
        let found = answer(a.user_arg, a.key, a.key_size, |store, key| {
            store.try_get(key)?.ok_or_else(|| error(Code::NotFound, &format!("no process has put the key `{key}`")))
        });
        match found {
            Ok(value) => {
                a.value = allocate(&value);
                a.value_size = value.len();
                a.value_deleter_callback = Some(free);
                std::ptr::null_mut()
            }
            Err(error) => raise(a.callback_error, &error),
        }
    }
}

/// `PJRT_KeyValuePutCallback`
unsafe extern "C" fn put(args: *mut KeyValuePutArgs) -> *mut RawError {
    check_size!(args, KeyValuePutArgs);
    // SAFETY: as in `get`; the value has `value_size` readable bytes during the call.
    unsafe {
        let a = &mut *args;
        let value = slice(a.value.cast::<u8>(), a.value_size);
        match answer(a.user_arg, a.key, a.key_size, |store, key| store.put(key, value)) {
            Ok(()) => std::ptr::null_mut(),
            Err(error) => raise(a.callback_error, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;

    /// Keys in memory. `panic` panics.
    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

    impl KeyValueStore for Memory {
        fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>, StoreError> {
            let late = || error(Code::DeadlineExceeded, &format!("`{key}` was waited for for {timeout:?}"));
            self.try_get(key)?.ok_or_else(late)
        }
        fn try_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
            assert_ne!(key, "panic", "this panic is part of a test");
            Ok(self.0.lock().unwrap().get(key).cloned())
        }
        fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
            match self.0.lock().unwrap().insert(key.to_owned(), value.to_vec()) {
                None => Ok(()),
                Some(_) => Err(error(Code::AlreadyExists, key)),
            }
        }
    }

    /// An error as the plugin's function makes it: a box with what it was given.
    unsafe extern "C" fn make_error(code: i32, message: *const c_char, size: usize) -> *mut RawError {
        // SAFETY: the message has this many bytes.
        let message = unsafe { crate::api::string(message, size) };
        Box::into_raw(Box::new((code, message))).cast()
    }

    /// The error that a callback returned.
    fn taken(raw: *mut RawError) -> Option<(i32, String)> {
        // SAFETY: `make_error` made it, and this is the only use.
        (!raw.is_null()).then(|| *unsafe { Box::from_raw(raw.cast::<(i32, String)>()) })
    }

    /// What a plugin has after it was given the store: the arguments of the creation.
    struct Plugin {
        args: ClientCreateArgs,
        make_error: CallbackError,
        _store: Shared,
    }

    impl Plugin {
        fn new() -> Plugin {
            let store: Shared = Box::new(Arc::new(Memory::default()));
            let mut args = ClientCreateArgs::new();
            install(&mut args, &store);
            Plugin { args, make_error: Some(make_error), _store: store }
        }

        fn put(&self, key: &[u8], value: &[u8]) -> Option<(i32, String)> {
            let mut args = KeyValuePutArgs {
                struct_size: size_of::<KeyValuePutArgs>(),
                extension_start: std::ptr::null_mut(),
                key: key.as_ptr().cast(),
                key_size: key.len(),
                value: value.as_ptr().cast(),
                value_size: value.len(),
                callback_error: &self.make_error,
                user_arg: self.args.kv_put_user_arg,
            };
            // SAFETY: the arguments are complete, and the store is alive.
            taken(unsafe { self.args.kv_put_callback.unwrap()(&mut args) })
        }

        /// Copies a value and frees it, as plugins do.
        fn value(value: *mut c_char, size: usize, free: Option<ValueDeleter>) -> Vec<u8> {
            // SAFETY: the callback returned this many bytes and the function that frees them.
            unsafe {
                let copy = slice(value.cast::<u8>(), size).to_vec();
                free.unwrap()(value);
                copy
            }
        }

        fn get(&self, key: &[u8], timeout_in_ms: i32) -> Result<Vec<u8>, (i32, String)> {
            let mut args = KeyValueGetArgs {
                struct_size: size_of::<KeyValueGetArgs>(),
                extension_start: std::ptr::null_mut(),
                key: key.as_ptr().cast(),
                key_size: key.len(),
                timeout_in_ms,
                pad: [0; 4],
                callback_error: &self.make_error,
                user_arg: self.args.kv_get_user_arg,
                value: std::ptr::null_mut(),
                value_size: 0,
                value_deleter_callback: None,
            };
            // SAFETY: the arguments are complete, and the store is alive.
            match taken(unsafe { self.args.kv_get_callback.unwrap()(&mut args) }) {
                None => Ok(Self::value(args.value, args.value_size, args.value_deleter_callback)),
                Some(error) => Err(error),
            }
        }

        fn try_get(&self, key: &[u8]) -> Result<Vec<u8>, (i32, String)> {
            let mut args = KeyValueTryGetArgs {
                // A later version of the interface has more fields.
                struct_size: size_of::<KeyValueTryGetArgs>() + 64,
                extension_start: std::ptr::null_mut(),
                key: key.as_ptr().cast(),
                key_size: key.len(),
                callback_error: &self.make_error,
                user_arg: self.args.kv_try_get_user_arg,
                value: std::ptr::null_mut(),
                value_size: 0,
                value_deleter_callback: None,
            };
            // SAFETY: the arguments are complete, and the store is alive.
            match taken(unsafe { self.args.kv_try_get_callback.unwrap()(&mut args) }) {
                None => Ok(Self::value(args.value, args.value_size, args.value_deleter_callback)),
                Some(error) => Err(error),
            }
        }
    }

    #[test]
    fn values_pass_through_unchanged() {
        let plugin = Plugin::new();
        let long: Vec<u8> = (0..1 << 20).map(|i| i as u8).collect();
        for (key, value) in [(&b"zeros"[..], &b"\0\0\xff\0"[..]), (b"empty", b""), (b"", b"x"), (b"long", &long)] {
            assert_eq!(plugin.put(key, value), None);
            assert!(plugin.get(key, 0).unwrap() == value);
            assert!(plugin.try_get(key).unwrap() == value);
        }
    }

    #[test]
    fn errors_have_their_code_and_their_message() {
        let plugin = Plugin::new();
        // The numbers of the C interface: 3 invalid argument, 4 deadline exceeded, 5 not found, 6 exists, 13 internal.
        assert_eq!(plugin.try_get(b"nothing"), Err((5, "no process has put the key `nothing`".to_owned())));
        assert_eq!(plugin.get(b"nothing", 1500), Err((4, "`nothing` was waited for for 1.5s".to_owned())));
        assert!(plugin.get(b"nothing", -1).unwrap_err().1.contains(&format!("{:?}", Duration::MAX)));
        assert_eq!(plugin.put(b"key", b"1"), None);
        assert_eq!(plugin.put(b"key", b"2"), Some((6, "key".to_owned())));
        assert_eq!(plugin.put(b"\xff", b""), Some((3, "the key is not UTF-8".to_owned())));
        for error in [plugin.try_get(b"panic").unwrap_err(), plugin.get(b"panic", 0).unwrap_err()] {
            assert_eq!(error, (13, "the key-value store panicked".to_owned()));
        }
    }

    #[test]
    fn codes_have_the_numbers_that_they_were_read_from() {
        for number in 0..20 {
            assert_eq!(Code::from(number).number(), number);
        }
    }
}
