//! The C ABI of XLA's foreign function interface, as far as this crate uses it.
//!
//! The plugin makes these structures and this crate only reads them, so they need no reserved words. A newer plugin may
//! append fields, which are ignored.

use std::ffi::{c_char, c_void};

use crate::abi::{ApiVersion, RawError};

/// `PJRT_Extension_Type_FFI`
pub(crate) const EXTENSION_FFI: i32 = 5;

/// `PJRT_FFI_Extension`
#[repr(C)]
pub(crate) struct FfiExtension {
    pub(crate) base: crate::abi::ExtensionBase,
    pub(crate) type_register: *const (),
    pub(crate) user_data_add: *const (),
    pub(crate) register_handler: Option<RegisterHandler>,
}

/// `PJRT_FFI_Register_Handler`
pub(crate) type RegisterHandler = unsafe extern "C" fn(*mut RegisterHandlerArgs) -> *mut RawError;

/// The oldest plugins known to take [`RegisterHandlerArgs`] in this form. Earlier ones had one more field in the
/// middle, and nothing in the structure tells the difference.
pub(crate) const FFI_SINCE: (i32, i32) = (0, 81);

/// `PJRT_FFI_Register_Handler_Args`. It has no `extension_start`.
#[repr(C)]
pub(crate) struct RegisterHandlerArgs {
    pub(crate) struct_size: usize,
    pub(crate) target_name: *const c_char,
    pub(crate) target_name_size: usize,
    pub(crate) handler: *const c_void,
    pub(crate) platform_name: *const c_char,
    pub(crate) platform_name_size: usize,
    pub(crate) traits: u32,
    pub(crate) reserved: [u32; 9],
}

/// `XLA_FFI_Handler`
pub(crate) type FfiHandler = unsafe extern "C" fn(*mut CallFrame) -> *mut FfiError;

/// `XLA_FFI_Error`, opaque.
#[repr(C)]
pub(crate) struct FfiError {
    _private: [u8; 0],
}

/// The head of `XLA_FFI_Api`, up to the last function used.
#[repr(C)]
pub(crate) struct FfiApi {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) version: ApiVersion,
    pub(crate) internal: *const c_void,
    pub(crate) error_create: Option<unsafe extern "C" fn(*mut ErrorCreateArgs) -> *mut FfiError>,
    pub(crate) error_get_message: *const c_void,
    pub(crate) error_destroy: Option<unsafe extern "C" fn(*mut ErrorDestroyArgs)>,
    /// From `handler_register` to `device_memory_free`.
    pub(crate) unused: [*const c_void; 8],
    pub(crate) thread_pool_schedule: Option<unsafe extern "C" fn(*mut ScheduleArgs) -> *mut FfiError>,
    pub(crate) thread_pool_num_threads: Option<unsafe extern "C" fn(*mut NumThreadsArgs) -> *mut FfiError>,
    pub(crate) future_create: Option<unsafe extern "C" fn(*mut FutureCreateArgs) -> *mut FfiError>,
    pub(crate) future_set_available: Option<unsafe extern "C" fn(*mut FutureSetAvailableArgs) -> *mut FfiError>,
    pub(crate) future_set_error: Option<unsafe extern "C" fn(*mut FutureSetErrorArgs) -> *mut FfiError>,
}

/// The first version of the table that has the functions for futures where [`FfiApi`] has them.
pub(crate) const FUTURES_SINCE: (i32, i32) = (0, 3);

/// `XLA_FFI_Future`, opaque.
#[repr(C)]
pub(crate) struct FfiFuture {
    _private: [u8; 0],
}

/// `XLA_FFI_Future_Create_Args`
#[repr(C)]
pub(crate) struct FutureCreateArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) future: *mut FfiFuture,
}

/// `XLA_FFI_Future_SetAvailable_Args`
#[repr(C)]
pub(crate) struct FutureSetAvailableArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) future: *mut FfiFuture,
}

/// `XLA_FFI_Future_SetError_Args`. The plugin takes ownership of the error.
#[repr(C)]
pub(crate) struct FutureSetErrorArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) future: *mut FfiFuture,
    pub(crate) error: *mut FfiError,
}

/// `XLA_FFI_Error_Create_Args`. The message ends in a zero byte.
#[repr(C)]
pub(crate) struct ErrorCreateArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) message: *const c_char,
    pub(crate) code: i32,
    pub(crate) reserved: [u32; 9],
}

/// `XLA_FFI_Error_Destroy_Args`
#[repr(C)]
pub(crate) struct ErrorDestroyArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) error: *mut FfiError,
}

/// `XLA_FFI_ThreadPool_Schedule_Args`
#[repr(C)]
pub(crate) struct ScheduleArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) context: *mut c_void,
    pub(crate) task: unsafe extern "C" fn(*mut c_void),
    pub(crate) data: *mut c_void,
}

/// `XLA_FFI_ThreadPool_NumThreads_Args`
#[repr(C)]
pub(crate) struct NumThreadsArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) context: *mut c_void,
    pub(crate) num_threads: *mut i64,
}

/// `XLA_FFI_Extension_Base`
#[repr(C)]
pub(crate) struct FfiExtensionBase {
    pub(crate) struct_size: usize,
    pub(crate) type_: i32,
    pub(crate) next: *mut FfiExtensionBase,
}

/// `XLA_FFI_Extension_Metadata`: a query about the handler itself.
pub(crate) const EXTENSION_METADATA: i32 = 1;

/// `XLA_FFI_Metadata_Extension`
#[repr(C)]
pub(crate) struct MetadataExtension {
    pub(crate) base: FfiExtensionBase,
    pub(crate) metadata: *mut Metadata,
}

/// `XLA_FFI_Metadata`
#[repr(C)]
pub(crate) struct Metadata {
    pub(crate) struct_size: usize,
    pub(crate) version: ApiVersion,
    pub(crate) traits: u32,
}

/// `XLA_FFI_ExecutionStage_EXECUTE`
pub(crate) const STAGE_EXECUTE: i32 = 3;

/// `XLA_FFI_CallFrame`
#[repr(C)]
pub(crate) struct CallFrame {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) api: *const FfiApi,
    pub(crate) context: *mut c_void,
    pub(crate) stage: i32,
    pub(crate) args: FfiList,
    pub(crate) rets: FfiList,
    pub(crate) attrs: FfiAttrs,
}

/// `XLA_FFI_CallFrame` as it is since [`FUTURES_SINCE`].
#[repr(C)]
pub(crate) struct CallFrameWithFuture {
    pub(crate) frame: CallFrame,
    pub(crate) future: *mut FfiFuture,
}

/// `XLA_FFI_Args` and `XLA_FFI_Rets`
#[repr(C)]
pub(crate) struct FfiList {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) size: i64,
    pub(crate) types: *const i32,
    pub(crate) items: *const *const FfiBuffer,
}

/// `XLA_FFI_ArgType_BUFFER` and `XLA_FFI_RetType_BUFFER`
pub(crate) const LIST_BUFFER: i32 = 1;

/// `XLA_FFI_Attrs`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct FfiAttrs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) size: i64,
    pub(crate) types: *const i32,
    pub(crate) names: *const *const ByteSpan,
    pub(crate) attrs: *const *const c_void,
}

/// Kinds of attributes.
pub(crate) mod attr {
    pub(crate) const ARRAY: i32 = 1;
    pub(crate) const SCALAR: i32 = 3;
    pub(crate) const STRING: i32 = 4;
}

/// `XLA_FFI_ByteSpan`
#[repr(C)]
pub(crate) struct ByteSpan {
    pub(crate) ptr: *const c_char,
    pub(crate) len: usize,
}

/// `XLA_FFI_Scalar`
#[repr(C)]
pub(crate) struct FfiScalar {
    pub(crate) dtype: i32,
    pub(crate) value: *const c_void,
}

/// `XLA_FFI_Array`
#[repr(C)]
pub(crate) struct FfiArray {
    pub(crate) dtype: i32,
    pub(crate) size: usize,
    pub(crate) data: *const c_void,
}

/// `XLA_FFI_Buffer`
#[repr(C)]
pub(crate) struct FfiBuffer {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut FfiExtensionBase,
    pub(crate) dtype: i32,
    pub(crate) data: *mut c_void,
    pub(crate) rank: i64,
    pub(crate) dims: *const i64,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(std::mem::offset_of!(FfiExtension, register_handler) == 40);
    assert!(std::mem::offset_of!(RegisterHandlerArgs, traits) == 48);
    assert!(std::mem::offset_of!(FfiApi, error_create) == 48);
    assert!(std::mem::offset_of!(FfiApi, thread_pool_schedule) == 136);
    assert!(std::mem::offset_of!(FfiApi, future_create) == 152);
    assert!(size_of::<FfiApi>() == 176);
    assert!(std::mem::offset_of!(ErrorCreateArgs, code) == 24);
    assert!(std::mem::offset_of!(MetadataExtension, metadata) == 24);
    assert!(std::mem::offset_of!(Metadata, traits) == 32);
    assert!(std::mem::offset_of!(CallFrame, args) == 40);
    assert!(std::mem::offset_of!(CallFrame, rets) == 80);
    assert!(std::mem::offset_of!(CallFrame, attrs) == 120);
    assert!(std::mem::offset_of!(CallFrameWithFuture, future) == 168);
    assert!(size_of::<FfiAttrs>() == 48);
    assert!(size_of::<FfiBuffer>() == 48);
};
