//! The plugin's function table, read once and never beyond its end.

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::abi::{self, *};
use crate::error::{Code, Error, Result};
use crate::ffi_abi::{EXTENSION_FFI, FFI_SINCE, FfiExtension, RegisterHandler};
use crate::in_flight;
use crate::memory::{Held, OutOfMemory};

/// The oldest interface that has everything needed. It is as old as the oldest supported plugin, minus a margin. What
/// counts in the end is that each function is present.
const MAJOR: i32 = 0;

/// Declares [`Api`]: each function with its index in the C table and its arguments.
macro_rules! table {
    (required { $($name:ident: $place:literal, $c:ident($args:ty) $(-> $ret:ty)?;)* }
     optional { $($oname:ident: $oplace:literal, $oc:ident($oargs:ty) $(-> $oret:ty)?;)* }) => {
        /// The functions of a plugin.
        #[derive(Clone, Copy)]
        pub(crate) struct Api {
            /// Major and minor version of the interface that the plugin was built with.
            pub(crate) version: (i32, i32),
            /// The memory that the plugin's arrays hold.
            pub(crate) held: &'static Held,
            /// Registers a host function, if the plugin supports it.
            pub(crate) register_handler: Option<RegisterHandler>,
            $($name: unsafe extern "C" fn(*mut $args) $(-> $ret)?,)*
            $(pub(crate) $oname: Option<unsafe extern "C" fn(*mut $oargs) $(-> $oret)?>,)*
        }

        /// Calls of the functions. Once another thread ends the process, they do not return.
        impl Api {
            $(
                #[doc = concat!("`", stringify!($c), "`.")]
                ///
                /// # Safety
                /// The arguments must be those that the function needs.
                #[inline]
                pub(crate) unsafe fn $name(&self, args: *mut $args) $(-> $ret)? {
                    in_flight::stop_if_ending();
                    // SAFETY: guaranteed by the caller.
                    unsafe { (self.$name)(args) }
                }
            )*

            /// Reads the table that `GetPjrtApi` returned. The error says why it cannot be used.
            ///
            /// # Safety
            /// `head` must point to a `PJRT_Api` that lives forever.
            pub(crate) unsafe fn read(head: NonNull<ApiHead>) -> std::result::Result<Api, String> {
                // SAFETY: every version of `PJRT_Api` starts with its own size.
                let size = unsafe { (&raw const (*head.as_ptr()).struct_size).read() };
                if size < size_of::<ApiHead>() {
                    return Err(format!("its function table is only {size} bytes long"));
                }
                // SAFETY: the size shows that the whole head is present.
                let version = unsafe { (&raw const (*head.as_ptr()).version).read() };
                let version = (version.major_version, version.minor_version);
                if version.0 != MAJOR {
                    return Err(format!(
                        "it implements PJRT {}.{}, but only {MAJOR}.x is supported", version.0, version.1
                    ));
                }
                let slot = |place: usize| -> *const () {
                    let offset = size_of::<ApiHead>() + place * size_of::<*const ()>();
                    if offset + size_of::<*const ()>() > size {
                        return std::ptr::null();
                    }
                    // SAFETY: the slot lies within the size that the table announces.
                    unsafe { head.as_ptr().byte_add(offset).cast::<*const ()>().read() }
                };
                let missing = |name: &str| format!(
                    "it lacks {name} (it implements PJRT {}.{}); a newer plugin is needed", version.0, version.1
                );
                let register_handler = if version >= FFI_SINCE {
                    // SAFETY: the head is complete, and the extensions live as long as the table.
                    unsafe { find_register_handler((*head.as_ptr()).extension_start) }
                } else {
                    None
                };
                Ok(Api {
                    version,
                    // A plugin is read once and stays loaded.
                    held: Box::leak(Box::default()),
                    register_handler,
                    $($name: {
                        let f = slot($place);
                        if f.is_null() {
                            return Err(missing(stringify!($c)));
                        }
                        // SAFETY: the function at this index has this type in every 0.x version, and function pointers
                        // are as large as data pointers.
                        unsafe {
                            std::mem::transmute::<*const (), unsafe extern "C" fn(*mut $args) $(-> $ret)?>(f)
                        }
                    },)*
                    $($oname: {
                        let f = slot($oplace);
                        // SAFETY: as above; a null pointer is `None`.
                        unsafe {
                            std::mem::transmute::<*const (), Option<unsafe extern "C" fn(*mut $oargs) $(-> $oret)?>>(f)
                        }
                    },)*
                })
            }
        }

        /// Name and index of each function, for the test against the header.
        #[cfg(test)]
        pub(crate) const PLACES: &[(&str, usize)] =
            &[$((stringify!($c), $place),)* $((stringify!($oc), $oplace)),*];
    };
}

table! {
    required {
        error_destroy: 0, PJRT_Error_Destroy(ErrorDestroyArgs);
        error_message: 1, PJRT_Error_Message(ErrorMessageArgs);
        error_get_code: 2, PJRT_Error_GetCode(ErrorGetCodeArgs) -> *mut RawError;
        plugin_initialize: 3, PJRT_Plugin_Initialize(PluginInitializeArgs) -> *mut RawError;
        plugin_attributes: 4, PJRT_Plugin_Attributes(PluginAttributesArgs) -> *mut RawError;
        event_destroy: 5, PJRT_Event_Destroy(EventDestroyArgs) -> *mut RawError;
        event_is_ready: 6, PJRT_Event_IsReady(EventIsReadyArgs) -> *mut RawError;
        event_await: 8, PJRT_Event_Await(EventAwaitArgs) -> *mut RawError;
        event_on_ready: 9, PJRT_Event_OnReady(EventOnReadyArgs) -> *mut RawError;
        client_create: 10, PJRT_Client_Create(ClientCreateArgs) -> *mut RawError;
        client_destroy: 11, PJRT_Client_Destroy(ClientDestroyArgs) -> *mut RawError;
        client_platform_name: 12, PJRT_Client_PlatformName(ClientPlatformNameArgs) -> *mut RawError;
        client_process_index: 13, PJRT_Client_ProcessIndex(ClientProcessIndexArgs) -> *mut RawError;
        client_platform_version: 14, PJRT_Client_PlatformVersion(ClientPlatformVersionArgs) -> *mut RawError;
        client_devices: 15, PJRT_Client_Devices(ClientDevicesArgs) -> *mut RawError;
        client_addressable_devices: 16, PJRT_Client_AddressableDevices(ClientAddressableDevicesArgs) -> *mut RawError;
        client_compile: 20, PJRT_Client_Compile(ClientCompileArgs) -> *mut RawError;
        buffer_from_host_buffer: 22, PJRT_Client_BufferFromHostBuffer(BufferFromHostBufferArgs) -> *mut RawError;
        device_description_id: 23, PJRT_DeviceDescription_Id(DeviceDescriptionIdArgs) -> *mut RawError;
        device_description_process_index: 24, PJRT_DeviceDescription_ProcessIndex(DeviceDescriptionProcessIndexArgs) -> *mut RawError;
        device_description_kind: 26, PJRT_DeviceDescription_Kind(DeviceDescriptionKindArgs) -> *mut RawError;
        device_description_debug_string: 27, PJRT_DeviceDescription_DebugString(DeviceDescriptionDebugStringArgs) -> *mut RawError;
        device_description_to_string: 28, PJRT_DeviceDescription_ToString(DeviceDescriptionToStringArgs) -> *mut RawError;
        device_get_description: 29, PJRT_Device_GetDescription(DeviceGetDescriptionArgs) -> *mut RawError;
        executable_destroy: 40, PJRT_Executable_Destroy(ExecutableDestroyArgs) -> *mut RawError;
        executable_name: 41, PJRT_Executable_Name(ExecutableNameArgs) -> *mut RawError;
        executable_optimized_program: 48, PJRT_Executable_OptimizedProgram(ExecutableOptimizedProgramArgs) -> *mut RawError;
        executable_serialize: 49, PJRT_Executable_Serialize(ExecutableSerializeArgs) -> *mut RawError;
        loaded_executable_destroy: 50, PJRT_LoadedExecutable_Destroy(LoadedExecutableDestroyArgs) -> *mut RawError;
        loaded_executable_get_executable: 51, PJRT_LoadedExecutable_GetExecutable(LoadedExecutableGetExecutableArgs) -> *mut RawError;
        loaded_executable_addressable_devices: 52, PJRT_LoadedExecutable_AddressableDevices(LoadedExecutableDevicesArgs) -> *mut RawError;
        loaded_executable_execute: 55, PJRT_LoadedExecutable_Execute(ExecuteArgs) -> *mut RawError;
        executable_deserialize_and_load: 56, PJRT_Executable_DeserializeAndLoad(ExecutableDeserializeArgs) -> *mut RawError;
        buffer_destroy: 58, PJRT_Buffer_Destroy(BufferDestroyArgs) -> *mut RawError;
        buffer_get_memory_layout: 63, PJRT_Buffer_GetMemoryLayout(BufferGetMemoryLayoutArgs) -> *mut RawError;
        buffer_copy_to_device: 69, PJRT_Buffer_CopyToDevice(BufferCopyToDeviceArgs) -> *mut RawError;
        buffer_to_host_buffer: 70, PJRT_Buffer_ToHostBuffer(BufferToHostBufferArgs) -> *mut RawError;
        buffer_ready_event: 72, PJRT_Buffer_ReadyEvent(BufferReadyEventArgs) -> *mut RawError;
        buffer_pointer: 76, PJRT_Buffer_OpaqueDeviceMemoryDataPointer(BufferPointerArgs) -> *mut RawError;
        executable_output_element_types: 90, PJRT_Executable_OutputElementTypes(ExecutableOutputElementTypesArgs) -> *mut RawError;
        executable_output_dimensions: 91, PJRT_Executable_OutputDimensions(ExecutableOutputDimensionsArgs) -> *mut RawError;
    }
    optional {
        device_description_attributes: 25, PJRT_DeviceDescription_Attributes(DeviceDescriptionAttributesArgs) -> *mut RawError;
        device_memory_stats: 34, PJRT_Device_MemoryStats(DeviceMemoryStatsArgs) -> *mut RawError;
        executable_cost_analysis: 46, PJRT_Executable_GetCostAnalysis(ExecutableCostAnalysisArgs) -> *mut RawError;
        topology_create: 82, PJRT_TopologyDescription_Create(TopologyCreateArgs) -> *mut RawError;
        topology_destroy: 83, PJRT_TopologyDescription_Destroy(TopologyDestroyArgs) -> *mut RawError;
        compile: 89, PJRT_Compile(CompileArgs) -> *mut RawError;
        executable_memory_stats: 96, PJRT_Executable_GetCompiledMemoryStats(ExecutableMemoryStatsArgs) -> *mut RawError;
    }
}

/// Finds the foreign function interface among the plugin's extensions.
///
/// # Safety
/// `extension` must be null or the head of a list that lives forever.
unsafe fn find_register_handler(mut extension: *const ExtensionBase) -> Option<RegisterHandler> {
    while !extension.is_null() {
        // SAFETY: every extension starts with its size, its type and the next one. The type says what follows, and the
        // size how long it is.
        unsafe {
            if (*extension).type_ == EXTENSION_FFI && (*extension).struct_size >= size_of::<FfiExtension>() {
                return (*extension.cast::<FfiExtension>()).register_handler;
            }
            extension = (*extension).next;
        }
    }
    None
}

impl Api {
    /// Turns the error of a call into a `Result`, and frees it.
    ///
    /// # Safety
    /// `error` must be null or an error of this plugin that no one else frees.
    #[inline]
    pub(crate) unsafe fn check(&self, error: *mut RawError, during: &'static str) -> Result<()> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: guaranteed by the caller.
        Err(unsafe { self.take_error(error, during) })
    }

    /// # Safety
    /// `error` must be an error of this plugin that no one else frees.
    #[cold]
    unsafe fn take_error(&self, error: *mut RawError, during: &'static str) -> Error {
        let mut text = ErrorMessageArgs::new();
        text.error = error;
        // SAFETY: `error` is alive.
        unsafe { self.error_message(&mut text) };
        // SAFETY: the message lives as long as the error, which is freed below.
        let message = unsafe { string(text.message, text.message_size) };
        let mut code = ErrorGetCodeArgs::new();
        code.error = error;
        // SAFETY: `error` is alive.
        let failed = unsafe { self.error_get_code(&mut code) };
        // SAFETY: both are owned here, and null is allowed.
        unsafe {
            self.free_error(failed);
            self.free_error(error);
        }
        let code = Code::from(code.code);
        if code == Code::ResourceExhausted
            && let Some(error) = OutOfMemory::recognize(self, during, &message)
        {
            return Error::OutOfMemory(Box::new(error));
        }
        Error::Pjrt { code, during, message }
    }

    /// Frees an error; null is allowed.
    ///
    /// # Safety
    /// `error` must be null or an error of this plugin that no one else frees.
    pub(crate) unsafe fn free_error(&self, error: *mut RawError) {
        if !error.is_null() {
            let mut args = ErrorDestroyArgs::new();
            args.error = error;
            // SAFETY: guaranteed by the caller.
            unsafe { self.error_destroy(&mut args) };
        }
    }

    /// Waits for an event and frees it.
    ///
    /// # Safety
    /// `event` must be an event of this plugin that no one else frees.
    #[inline]
    pub(crate) unsafe fn finish(&self, event: *mut RawEvent, during: &'static str) -> Result<()> {
        let mut wait = EventAwaitArgs::new();
        wait.event = event;
        // SAFETY: the event is alive; the error is owned here.
        let result = unsafe { self.check(in_flight::during(|| self.event_await(&mut wait)), during) };
        // SAFETY: the caller passes ownership of the event.
        unsafe { self.destroy_event(event) };
        result
    }

    /// Frees an event.
    ///
    /// # Safety
    /// `event` must be null or an event of this plugin that no one else frees.
    #[inline]
    pub(crate) unsafe fn destroy_event(&self, event: *mut RawEvent) {
        if !event.is_null() {
            let mut args = EventDestroyArgs::new();
            args.event = event;
            // SAFETY: guaranteed by the caller. If freeing fails, there is nothing to do about it.
            unsafe { self.free_error(self.event_destroy(&mut args)) };
        }
    }
}

/// Copies a C string with a length.
///
/// # Safety
/// `data` must be null or point to `size` readable bytes.
pub(crate) unsafe fn string(data: *const c_char, size: usize) -> String {
    if data.is_null() {
        return String::new();
    }
    // SAFETY: guaranteed by the caller.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) };
    String::from_utf8_lossy(bytes).into_owned()
}

/// Views an array of the plugin; null with length 0 is empty.
///
/// # Safety
/// `data` must be null or point to `len` readable values that stay unchanged during `'a`.
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if data.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: guaranteed by the caller.
    unsafe { std::slice::from_raw_parts(data, len) }
}

/// A value in a list of named properties.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Text.
    String(String),
    /// An integer.
    Int(i64),
    /// Several integers, such as version numbers.
    IntList(Vec<i64>),
    /// A number.
    Float(f32),
    /// A boolean.
    Bool(bool),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::String(s) => f.write_str(s),
            Value::Int(i) => i.fmt(f),
            Value::IntList(list) => {
                let parts: Vec<_> = list.iter().map(i64::to_string).collect();
                f.write_str(&parts.join("."))
            }
            Value::Float(x) => x.fmt(f),
            Value::Bool(b) => b.fmt(f),
        }
    }
}

/// Copies a list of named values out of the plugin. Values of unknown kinds are left out.
///
/// # Safety
/// `data` must be null or point to `len` valid named values.
pub(crate) unsafe fn named_values(data: *const NamedValue, len: usize) -> Vec<(String, Value)> {
    // SAFETY: guaranteed by the caller.
    let values = unsafe { slice(data, len) };
    let read = |v: &NamedValue| {
        // SAFETY: `name` has `name_size` bytes.
        let name = unsafe { string(v.name, v.name_size) };
        // SAFETY: `type_` says which field of the union is set, and `value_size` its length.
        let value = unsafe {
            match v.type_ {
                abi::named_value::STRING => Value::String(string(v.value.string, v.value_size)),
                abi::named_value::INT64 => Value::Int(v.value.int64),
                abi::named_value::INT64_LIST => Value::IntList(slice(v.value.int64_array, v.value_size).to_vec()),
                abi::named_value::FLOAT => Value::Float(v.value.float),
                abi::named_value::BOOL => Value::Bool(v.value.bool_),
                _ => return None,
            }
        };
        Some((name, value))
    };
    values.iter().filter_map(read).collect()
}
