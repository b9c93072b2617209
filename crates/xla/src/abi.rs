//! The C ABI of PJRT, as far as this crate uses it.
//!
//! Every call takes one pointer to an argument structure whose first word is the structure's own size. This is how the
//! two sides agree across versions. A plugin refuses a structure that is smaller than the one it was built with, and
//! reads only the fields it knows. So each structure here ends in [`RESERVED`] zeroed words and announces the full
//! size. A plugin newer than this file finds "not set" (zero) in the fields it has added; an older one never reads
//! them. Structures that are laid out in arrays or inside others ([`NamedValue`], [`MemoryLayout`]) must keep their
//! exact size and have no reserved words.
//!
//! `abi_test.rs` compares every offset and size below with a C compiler's view of the real header.

use std::ffi::{c_char, c_void};

/// Number of zeroed words at the end of each argument structure, for fields that newer plugins add.
const RESERVED: usize = 8;

/// An opaque object of the plugin, known only by its address.
macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub(crate) struct $name {
            _private: [u8; 0],
        }
    )*};
}

opaque! {
    /// `PJRT_Error`
    RawError;
    /// `PJRT_Event`
    RawEvent;
    /// `PJRT_Client`
    RawClient;
    /// `PJRT_Device`
    RawDevice;
    /// `PJRT_DeviceDescription`
    RawDeviceDescription;
    /// `PJRT_Memory`
    RawMemory;
    /// `PJRT_Executable`
    RawExecutable;
    /// `PJRT_LoadedExecutable`
    RawLoadedExecutable;
    /// `PJRT_SerializedExecutable`
    RawSerializedExecutable;
    /// `PJRT_Buffer`
    RawBuffer;
    /// `PJRT_ExecuteContext`
    RawExecuteContext;
    /// `PJRT_TopologyDescription`
    RawTopology;
}

/// Offset and size of each field of a structure, under its C name, for the test against the header.
pub(crate) type FieldLayout = (&'static str, usize, usize);

/// A structure of the ABI that describes its own layout.
pub(crate) trait CStruct {
    /// Its name in the header.
    #[cfg_attr(not(test), allow(dead_code))]
    const C_NAME: &'static str;
    /// Its fields, without padding and reserved words.
    #[cfg_attr(not(test), allow(dead_code))]
    const FIELDS: &'static [FieldLayout];
}

/// The end of the last field, which the header calls the structure's `STRUCT_SIZE`.
const fn end_of_fields(fields: &[FieldLayout]) -> usize {
    let (_, offset, size) = fields[fields.len() - 1];
    offset + size
}

/// Declares an argument structure: C name, Rust name, `STRUCT_SIZE` of the header, fields in order.
///
/// `pad` is for structures whose last field is shorter than a word. The padding must be a field of its own: the bytes
/// of implicit padding are undefined, and a newer plugin may read a field there.
macro_rules! args {
    ($($c:ident as $name:ident = $struct_size:literal $(pad $pad:literal)?
       { $($field:ident : $ty:ty),* $(,)? })*) => {$(
        #[repr(C)]
        pub(crate) struct $name {
            pub(crate) struct_size: usize,
            pub(crate) extension_start: *mut ExtensionBase,
            $(pub(crate) $field: $ty,)*
            $(pad: [u8; $pad],)?
            reserved: [usize; RESERVED],
        }

        impl $name {
            /// All fields zero except the size.
            #[inline]
            pub(crate) fn new() -> Self {
                // SAFETY: every field is an integer, a boolean, a raw pointer, an optional function pointer or a
                // structure of these, for all of which zero is a valid value.
                let mut args: Self = unsafe { std::mem::zeroed() };
                args.struct_size = size_of::<Self>();
                args
            }
        }

        impl CStruct for $name {
            const C_NAME: &'static str = stringify!($c);
            const FIELDS: &'static [FieldLayout] = &[
                ("struct_size", std::mem::offset_of!($name, struct_size), size_of::<usize>()),
                ("extension_start", std::mem::offset_of!($name, extension_start), size_of::<usize>()),
                $((stringify!($field), std::mem::offset_of!($name, $field), size_of::<$ty>()),)*
            ];
        }

        #[cfg(target_pointer_width = "64")]
        const _: () = {
            assert!(end_of_fields($name::FIELDS) == $struct_size);
            // No implicit padding before the reserved words.
            assert!(std::mem::offset_of!($name, reserved) == $struct_size $(+ $pad)?);
        };
    )*

        /// The layouts of all argument structures.
        #[cfg(test)]
        pub(crate) const ARGS_LAYOUTS: &[(&str, &[FieldLayout])] =
            &[$(($name::C_NAME, $name::FIELDS)),*];
    };
}

/// `PJRT_Extension_Base`: a node of a linked list of optional tables.
#[repr(C)]
pub(crate) struct ExtensionBase {
    pub(crate) struct_size: usize,
    pub(crate) type_: i32,
    pub(crate) next: *mut ExtensionBase,
}

/// `PJRT_Api_Version`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ApiVersion {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) major_version: i32,
    pub(crate) minor_version: i32,
}

/// The head of `PJRT_Api`. The function table follows it; `struct_size` says how long it is.
#[repr(C)]
pub(crate) struct ApiHead {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) version: ApiVersion,
}

/// `PJRT_NamedValue`. `value` is a union of a pointer, an `i64`, an `f32` and a `bool`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct NamedValue {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) name: *const c_char,
    pub(crate) name_size: usize,
    pub(crate) type_: i32,
    pub(crate) value: NamedValueUnion,
    pub(crate) value_size: usize,
}

/// The value inside a [`NamedValue`]; `type_` says which field is set.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union NamedValueUnion {
    pub(crate) string: *const c_char,
    pub(crate) int64: i64,
    pub(crate) int64_array: *const i64,
    pub(crate) float: f32,
    pub(crate) bool_: bool,
}

/// Kinds of a [`NamedValue`].
pub(crate) mod named_value {
    pub(crate) const STRING: i32 = 0;
    pub(crate) const INT64: i32 = 1;
    pub(crate) const INT64_LIST: i32 = 2;
    pub(crate) const FLOAT: i32 = 3;
    pub(crate) const BOOL: i32 = 4;
}

/// `PJRT_Program`
#[repr(C)]
pub(crate) struct Program {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) code: *mut c_char,
    pub(crate) code_size: usize,
    pub(crate) format: *const c_char,
    pub(crate) format_size: usize,
}

/// `PJRT_Buffer_MemoryLayout_Tiled`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct TiledLayout {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) minor_to_major: *const i64,
    pub(crate) minor_to_major_size: usize,
    pub(crate) tile_dims: *const i64,
    pub(crate) tile_dim_sizes: *const usize,
    pub(crate) num_tiles: usize,
}

/// `PJRT_Buffer_MemoryLayout`. The C union of tiled and strided layouts is as large as the tiled one. This crate makes
/// tiled layouts only, so the first fields of a strided one are never read.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct MemoryLayout {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) tiled: TiledLayout,
    pub(crate) type_: i32,
    pub(crate) pad: [u8; 4],
}

/// `PJRT_Buffer_MemoryLayout_Type_Tiled`
pub(crate) const LAYOUT_TILED: i32 = 0;

/// `PJRT_HostBufferSemantics_kImmutableOnlyDuringCall`: the plugin copies before it returns.
pub(crate) const HOST_COPY_DURING_CALL: i32 = 0;
/// `PJRT_HostBufferSemantics_kImmutableZeroCopy`: the plugin may use the memory for as long as the
/// buffer lives, and never writes to it.
pub(crate) const HOST_ZERO_COPY: i32 = 2;

/// A callback for when an event is ready. It owns the error it receives.
pub(crate) type OnReadyCallback = unsafe extern "C" fn(*mut RawError, *mut c_void);

/// `PJRT_CallbackError`: makes an error of the plugin, and copies the message.
pub(crate) type CallbackError = Option<unsafe extern "C" fn(i32, *const c_char, usize) -> *mut RawError>;
/// `PJRT_KeyValueGetCallback_ValueDeleter`, which is also that of the other callback.
pub(crate) type ValueDeleter = unsafe extern "C" fn(*mut c_char);
pub(crate) type KeyValueGetCallback = unsafe extern "C" fn(*mut KeyValueGetArgs) -> *mut RawError;
pub(crate) type KeyValueTryGetCallback = unsafe extern "C" fn(*mut KeyValueTryGetArgs) -> *mut RawError;
pub(crate) type KeyValuePutCallback = unsafe extern "C" fn(*mut KeyValuePutArgs) -> *mut RawError;

/// `PJRT_KeyValueGetCallback_Args`. The plugin makes it and may be older, so it has no reserved words.
#[repr(C)]
pub(crate) struct KeyValueGetArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) key: *const c_char,
    pub(crate) key_size: usize,
    pub(crate) timeout_in_ms: i32,
    pub(crate) pad: [u8; 4],
    pub(crate) callback_error: *const CallbackError,
    pub(crate) user_arg: *mut c_void,
    pub(crate) value: *mut c_char,
    pub(crate) value_size: usize,
    pub(crate) value_deleter_callback: Option<ValueDeleter>,
}

/// `PJRT_KeyValueTryGetCallback_Args`, which the plugin makes as well.
#[repr(C)]
pub(crate) struct KeyValueTryGetArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) key: *const c_char,
    pub(crate) key_size: usize,
    pub(crate) callback_error: *const CallbackError,
    pub(crate) user_arg: *mut c_void,
    pub(crate) value: *mut c_char,
    pub(crate) value_size: usize,
    pub(crate) value_deleter_callback: Option<ValueDeleter>,
}

/// `PJRT_KeyValuePutCallback_Args`, which the plugin makes as well.
#[repr(C)]
pub(crate) struct KeyValuePutArgs {
    pub(crate) struct_size: usize,
    pub(crate) extension_start: *mut ExtensionBase,
    pub(crate) key: *const c_char,
    pub(crate) key_size: usize,
    pub(crate) value: *const c_char,
    pub(crate) value_size: usize,
    pub(crate) callback_error: *const CallbackError,
    pub(crate) user_arg: *mut c_void,
}

args! {
    PJRT_Error_Destroy_Args as ErrorDestroyArgs = 24 { error: *mut RawError }
    PJRT_Error_Message_Args as ErrorMessageArgs = 40 {
        error: *const RawError, message: *const c_char, message_size: usize,
    }
    PJRT_Error_GetCode_Args as ErrorGetCodeArgs = 28 pad 4 { error: *const RawError, code: i32 }

    PJRT_Plugin_Initialize_Args as PluginInitializeArgs = 16 {}
    PJRT_Plugin_Attributes_Args as PluginAttributesArgs = 32 {
        attributes: *const NamedValue, num_attributes: usize,
    }

    PJRT_Event_Destroy_Args as EventDestroyArgs = 24 { event: *mut RawEvent }
    PJRT_Event_IsReady_Args as EventIsReadyArgs = 25 pad 7 { event: *mut RawEvent, is_ready: bool }
    PJRT_Event_Await_Args as EventAwaitArgs = 24 { event: *mut RawEvent }
    PJRT_Event_OnReady_Args as EventOnReadyArgs = 40 {
        event: *mut RawEvent, callback: Option<OnReadyCallback>, user_arg: *mut c_void,
    }

    PJRT_Client_Create_Args as ClientCreateArgs = 88 {
        create_options: *const NamedValue, num_options: usize,
        kv_get_callback: Option<KeyValueGetCallback>, kv_get_user_arg: *mut c_void,
        kv_put_callback: Option<KeyValuePutCallback>, kv_put_user_arg: *mut c_void,
        client: *mut RawClient,
        kv_try_get_callback: Option<KeyValueTryGetCallback>, kv_try_get_user_arg: *mut c_void,
    }
    PJRT_Client_Destroy_Args as ClientDestroyArgs = 24 { client: *mut RawClient }
    PJRT_Client_PlatformName_Args as ClientPlatformNameArgs = 40 {
        client: *mut RawClient, platform_name: *const c_char, platform_name_size: usize,
    }
    PJRT_Client_ProcessIndex_Args as ClientProcessIndexArgs = 28 pad 4 {
        client: *mut RawClient, process_index: i32,
    }
    PJRT_Client_PlatformVersion_Args as ClientPlatformVersionArgs = 40 {
        client: *mut RawClient, platform_version: *const c_char, platform_version_size: usize,
    }
    PJRT_Client_Devices_Args as ClientDevicesArgs = 40 {
        client: *mut RawClient, devices: *const *mut RawDevice, num_devices: usize,
    }
    PJRT_Client_AddressableDevices_Args as ClientAddressableDevicesArgs = 40 {
        client: *mut RawClient,
        addressable_devices: *const *mut RawDevice, num_addressable_devices: usize,
    }
    PJRT_Client_Compile_Args as ClientCompileArgs = 56 {
        client: *mut RawClient, program: *const Program,
        compile_options: *const c_char, compile_options_size: usize,
        executable: *mut RawLoadedExecutable,
    }
    PJRT_Client_BufferFromHostBuffer_Args as BufferFromHostBufferArgs = 120 {
        client: *mut RawClient, data: *const c_void, type_: i32,
        dims: *const i64, num_dims: usize,
        byte_strides: *const i64, num_byte_strides: usize,
        host_buffer_semantics: i32,
        device: *mut RawDevice, memory: *mut RawMemory, device_layout: *mut MemoryLayout,
        done_with_host_buffer: *mut RawEvent, buffer: *mut RawBuffer,
    }

    PJRT_DeviceDescription_Id_Args as DeviceDescriptionIdArgs = 28 pad 4 {
        device_description: *mut RawDeviceDescription, id: i32,
    }
    PJRT_DeviceDescription_Attributes_Args as DeviceDescriptionAttributesArgs = 40 {
        device_description: *mut RawDeviceDescription,
        num_attributes: usize, attributes: *const NamedValue,
    }
    PJRT_DeviceDescription_ProcessIndex_Args as DeviceDescriptionProcessIndexArgs = 28 pad 4 {
        device_description: *mut RawDeviceDescription, process_index: i32,
    }
    PJRT_DeviceDescription_Kind_Args as DeviceDescriptionKindArgs = 40 {
        device_description: *mut RawDeviceDescription,
        device_kind: *const c_char, device_kind_size: usize,
    }
    PJRT_DeviceDescription_DebugString_Args as DeviceDescriptionDebugStringArgs = 40 {
        device_description: *mut RawDeviceDescription,
        debug_string: *const c_char, debug_string_size: usize,
    }
    PJRT_DeviceDescription_ToString_Args as DeviceDescriptionToStringArgs = 40 {
        device_description: *mut RawDeviceDescription,
        to_string: *const c_char, to_string_size: usize,
    }
    PJRT_Device_GetDescription_Args as DeviceGetDescriptionArgs = 32 {
        device: *mut RawDevice, device_description: *mut RawDeviceDescription,
    }

    PJRT_TopologyDescription_Create_Args as TopologyCreateArgs = 56 {
        topology_name: *const c_char, topology_name_size: usize,
        create_options: *const NamedValue, num_options: usize,
        topology: *mut RawTopology,
    }
    PJRT_TopologyDescription_Destroy_Args as TopologyDestroyArgs = 24 { topology: *mut RawTopology }
    PJRT_Compile_Args as CompileArgs = 64 {
        topology: *const RawTopology, program: *const Program,
        compile_options: *const c_char, compile_options_size: usize,
        client: *mut RawClient, executable: *mut RawExecutable,
    }

    PJRT_Device_MemoryStats_Args as DeviceMemoryStatsArgs = 185 pad 7 {
        device: *mut RawDevice, bytes_in_use: i64,
        peak_bytes_in_use: i64, peak_bytes_in_use_is_set: bool,
        num_allocs: i64, num_allocs_is_set: bool,
        largest_alloc_size: i64, largest_alloc_size_is_set: bool,
        bytes_limit: i64, bytes_limit_is_set: bool,
        bytes_reserved: i64, bytes_reserved_is_set: bool,
        peak_bytes_reserved: i64, peak_bytes_reserved_is_set: bool,
        bytes_reservable_limit: i64, bytes_reservable_limit_is_set: bool,
        largest_free_block_bytes: i64, largest_free_block_bytes_is_set: bool,
        pool_bytes: i64, pool_bytes_is_set: bool,
        peak_pool_bytes: i64, peak_pool_bytes_is_set: bool,
    }

    PJRT_Executable_Destroy_Args as ExecutableDestroyArgs = 24 { executable: *mut RawExecutable }
    PJRT_Executable_Name_Args as ExecutableNameArgs = 40 {
        executable: *mut RawExecutable, executable_name: *const c_char, executable_name_size: usize,
    }
    PJRT_Executable_GetCostAnalysis_Args as ExecutableCostAnalysisArgs = 40 {
        executable: *mut RawExecutable, num_properties: usize, properties: *const NamedValue,
    }
    PJRT_Executable_GetCompiledMemoryStats_Args as ExecutableMemoryStatsArgs = 112 {
        executable: *mut RawExecutable,
        generated_code_size_in_bytes: i64, argument_size_in_bytes: i64,
        output_size_in_bytes: i64, alias_size_in_bytes: i64, temp_size_in_bytes: i64,
        host_generated_code_size_in_bytes: i64, host_argument_size_in_bytes: i64,
        host_output_size_in_bytes: i64, host_alias_size_in_bytes: i64,
        host_temp_size_in_bytes: i64, peak_memory_in_bytes: i64,
    }
    PJRT_Executable_OptimizedProgram_Args as ExecutableOptimizedProgramArgs = 32 {
        executable: *mut RawExecutable, program: *mut Program,
    }
    PJRT_Executable_OutputElementTypes_Args as ExecutableOutputElementTypesArgs = 40 {
        executable: *mut RawExecutable, output_types: *mut i32, num_output_types: usize,
    }
    PJRT_Executable_OutputDimensions_Args as ExecutableOutputDimensionsArgs = 48 {
        executable: *mut RawExecutable, num_outputs: usize,
        dims: *const i64, dim_sizes: *const usize,
    }
    PJRT_Executable_Serialize_Args as ExecutableSerializeArgs = 56 {
        executable: *const RawExecutable,
        serialized_bytes: *const c_char, serialized_bytes_size: usize,
        serialized_executable: *mut RawSerializedExecutable,
        serialized_executable_deleter: Option<unsafe extern "C" fn(*mut RawSerializedExecutable)>,
    }
    PJRT_Executable_DeserializeAndLoad_Args as ExecutableDeserializeArgs = 64 {
        client: *mut RawClient,
        serialized_executable: *const c_char, serialized_executable_size: usize,
        loaded_executable: *mut RawLoadedExecutable,
        overridden_serialized_compile_options: *const c_char,
        overridden_serialized_compile_options_size: usize,
    }
    PJRT_LoadedExecutable_Destroy_Args as LoadedExecutableDestroyArgs = 24 {
        executable: *mut RawLoadedExecutable,
    }
    PJRT_LoadedExecutable_GetExecutable_Args as LoadedExecutableGetExecutableArgs = 32 {
        loaded_executable: *mut RawLoadedExecutable, executable: *mut RawExecutable,
    }
    PJRT_LoadedExecutable_AddressableDevices_Args as LoadedExecutableDevicesArgs = 40 {
        executable: *mut RawLoadedExecutable,
        addressable_devices: *const *mut RawDevice, num_addressable_devices: usize,
    }
    PJRT_ExecuteOptions as ExecuteOptions = 112 {
        send_callbacks: *mut c_void, recv_callbacks: *mut c_void,
        num_send_ops: usize, num_recv_ops: usize, launch_id: i32,
        non_donatable_input_indices: *const i64, num_non_donatable_input_indices: usize,
        context: *mut RawExecuteContext, call_location: *const c_char,
        num_tasks: usize, task_ids: *mut i32, incarnation_ids: *mut i64,
    }
    PJRT_LoadedExecutable_Execute_Args as ExecuteArgs = 80 {
        executable: *mut RawLoadedExecutable, options: *mut ExecuteOptions,
        argument_lists: *const *const *mut RawBuffer, num_devices: usize, num_args: usize,
        output_lists: *const *mut *mut RawBuffer,
        device_complete_events: *mut *mut RawEvent, execute_device: *mut RawDevice,
    }

    PJRT_Buffer_Destroy_Args as BufferDestroyArgs = 24 { buffer: *mut RawBuffer }
    PJRT_Buffer_CopyToDevice_Args as BufferCopyToDeviceArgs = 40 {
        buffer: *mut RawBuffer, dst_device: *mut RawDevice, dst_buffer: *mut RawBuffer,
    }
    PJRT_Buffer_GetMemoryLayout_Args as BufferGetMemoryLayoutArgs = 104 {
        buffer: *mut RawBuffer, layout: MemoryLayout,
    }
    PJRT_Buffer_ToHostBuffer_Args as BufferToHostBufferArgs = 56 {
        src: *mut RawBuffer, host_layout: *mut MemoryLayout,
        dst: *mut c_void, dst_size: usize, event: *mut RawEvent,
    }
    PJRT_Buffer_ReadyEvent_Args as BufferReadyEventArgs = 32 {
        buffer: *mut RawBuffer, event: *mut RawEvent,
    }
    PJRT_Buffer_OpaqueDeviceMemoryDataPointer_Args as BufferPointerArgs = 32 {
        buffer: *mut RawBuffer, device_memory_ptr: *mut c_void,
    }
}

macro_rules! exact {
    ($($c:ident as $name:ident = $size:literal { $($field:ident),* })*) => {
        $(
            #[cfg(target_pointer_width = "64")]
            const _: () = assert!(size_of::<$name>() == $size);
        )*
        /// The layouts of the structures of exact size: C name, total size, field offsets.
        #[cfg(test)]
        pub(crate) const EXACT_LAYOUTS: &[(&str, usize, &[(&str, usize)])] = &[$(
            (stringify!($c), size_of::<$name>(),
             &[$((stringify!($field), std::mem::offset_of!($name, $field))),*]),
        )*];
    };
}

exact! {
    PJRT_Extension_Base as ExtensionBase = 24 { struct_size, type_, next }
    PJRT_Api_Version as ApiVersion = 24 { struct_size, extension_start, major_version, minor_version }
    PJRT_KeyValueGetCallback_Args as KeyValueGetArgs = 80 {
        struct_size, extension_start, key, key_size, timeout_in_ms, callback_error, user_arg, value, value_size,
        value_deleter_callback
    }
    PJRT_KeyValueTryGetCallback_Args as KeyValueTryGetArgs = 72 {
        struct_size, extension_start, key, key_size, callback_error, user_arg, value, value_size, value_deleter_callback
    }
    PJRT_KeyValuePutCallback_Args as KeyValuePutArgs = 64 {
        struct_size, extension_start, key, key_size, value, value_size, callback_error, user_arg
    }
    PJRT_Program as Program = 48 { struct_size, extension_start, code, code_size, format, format_size }
    PJRT_NamedValue as NamedValue = 56 { struct_size, extension_start, name, name_size, type_, value_size }
    PJRT_Buffer_MemoryLayout_Tiled as TiledLayout = 56 {
        struct_size, extension_start, minor_to_major, minor_to_major_size, tile_dims, tile_dim_sizes, num_tiles
    }
    PJRT_Buffer_MemoryLayout as MemoryLayout = 80 { struct_size, extension_start, tiled, type_ }
}
