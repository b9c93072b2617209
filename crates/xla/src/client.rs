//! A client: the open devices of one plugin.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};

use crate::abi::*;
use crate::api::{Api, slice, string};
use crate::buffer::Buffer;
use crate::device::{DeviceInfo, describe};
use crate::error::{ArgumentError, Error, Result};
use crate::executable::Executable;
use crate::in_flight;
use crate::key_value::{self, KeyValueStore};
use crate::library::Plugin;
use crate::malloc;
use crate::memory;
use crate::options::{CompileOptions, FlagValue, OptionValue, debug_options, named_value};
use crate::plugin::{self, Location, Platform};
use crate::shape::ArrayShape;

/// The flag that says where ptxas and libdevice are.
pub(crate) const CUDA_DATA_DIR: &str = "xla_gpu_cuda_data_dir";

/// The open devices of a plugin. Clones share them.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<ClientInner>);

/// Destroyed together with the last buffer and executable, each of which holds it.
pub(crate) struct ClientInner {
    raw: NonNull<RawClient>,
    pub(crate) plugin: Arc<Plugin>,
    /// What the plugin uses until the client is destroyed.
    _store: Option<key_value::Shared>,
    pub(crate) platform_name: String,
    platform_version: String,
    pub(crate) devices: Vec<DeviceInfo>,
    pub(crate) raw_devices: Vec<NonNull<RawDevice>>,
    /// Whether device memory is host memory, so that results can be read in place.
    pub(crate) host_memory: bool,
    /// The compiler's default options, as the plugin encodes them; empty if the plugin does not report them.
    debug_options: OnceLock<Vec<u8>>,
    /// The directory with the tools that the compiler calls, if the plugin does not find it itself.
    compiler: OnceLock<String>,
}

// SAFETY: PJRT clients, and the devices they own, may be used from any thread, several at once.
unsafe impl Send for ClientInner {}
// SAFETY: as above.
unsafe impl Sync for ClientInner {}

impl Client {
    /// Opens the CPU as one device. Finds the plugin, and fetches it if necessary.
    pub fn cpu() -> Result<Client> {
        Self::cpu_at(&plugin::locate(Platform::Cpu)?)
    }

    /// Opens the CPU as one device, through the plugin at `location`.
    pub fn cpu_at(location: &Location) -> Result<Client> {
        Self::cpu_devices_at(location, 1)
    }

    /// Opens the CPU as `count` devices, which share its cores and its memory, through the plugin at `location`.
    pub fn cpu_devices_at(location: &Location, count: u32) -> Result<Client> {
        malloc::reuse_large_blocks();
        // By default the plugin presents four devices.
        let options = [("cpu_device_count", OptionValue::Int(count.into()))];
        Self::new(Plugin::load_location(location)?, &options)
    }

    /// Opens the CPU as one device, through the plugin at `path`.
    pub fn cpu_with_plugin(path: &Path) -> Result<Client> {
        Self::cpu_at(&Location::explicit(path))
    }

    /// Opens the devices of a plugin. The plugin defines which options exist; some plugins ignore options that they do
    /// not know.
    pub fn new(plugin: Arc<Plugin>, options: &[(&str, OptionValue)]) -> Result<Client> {
        Self::with_store(plugin, options, None)
    }

    /// [`new`](Self::new) in one process of several, which find each other through `store`. For CUDA, the options `node_id`
    /// and `num_nodes` say which process this is and how many there are; the call waits until all of them have made it.
    pub fn with_store(
        plugin: Arc<Plugin>,
        options: &[(&str, OptionValue)],
        store: Option<Arc<dyn KeyValueStore>>,
    ) -> Result<Client> {
        let store = store.map(key_value::Shared::new);
        let api = plugin.api;
        let options: Vec<_> = options.iter().map(|(name, value)| named_value(name, value)).collect();
        let mut args = ClientCreateArgs::new();
        args.create_options = options.as_ptr();
        args.num_options = options.len();
        if let Some(store) = &store {
            key_value::install(&mut args, store);
        }
        // SAFETY: the options are valid during the call, and the plugin copies what it keeps. The store lives longer than the
        // client.
        in_flight::making(|| unsafe { api.check(api.client_create(&mut args), "opening the device") })?;
        let raw = non_null(args.client, "opening the device")?;
        let mut inner = ClientInner {
            raw,
            plugin,
            _store: store,
            platform_name: String::new(),
            platform_version: String::new(),
            devices: Vec::new(),
            raw_devices: Vec::new(),
            host_memory: false,
            debug_options: OnceLock::new(),
            compiler: OnceLock::new(),
        };
        // From here on, an early return destroys the client.
        inner.read_names(&api)?;
        inner.read_devices(&api)?;
        inner.host_memory = inner.platform_name.eq_ignore_ascii_case("cpu");
        let inner = Arc::new(inner);
        memory::remember(&inner);
        Ok(Client(inner))
    }

    /// Tells the compiler for GPUs where its tools are, unless `XLA_FLAGS` does.
    pub(crate) fn with_compiler(self, directory: Option<PathBuf>) -> Client {
        let flags = std::env::var_os("XLA_FLAGS").unwrap_or_default();
        if let Some(directory) = directory.as_ref().and_then(|dir| dir.to_str())
            && !flags.to_string_lossy().contains(CUDA_DATA_DIR)
        {
            let _ = self.0.compiler.set(directory.to_owned());
        }
        self
    }

    /// The platform's name: `cpu`, `cuda`.
    pub fn platform_name(&self) -> &str {
        &self.0.platform_name
    }

    /// The version of the platform, as the plugin reports it.
    pub fn platform_version(&self) -> &str {
        &self.0.platform_version
    }

    /// The devices that this process can use.
    pub fn devices(&self) -> &[DeviceInfo] {
        &self.0.devices
    }

    /// The bytes that all arrays of this process on devices of the plugin take.
    pub fn held_bytes(&self) -> u64 {
        self.0.plugin.api.held.bytes()
    }

    /// The plugin that the client belongs to.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.0.plugin
    }

    /// Compiles a StableHLO program, given as MLIR text with a function `main`.
    ///
    /// `params` are the types of that function's parameters. They are checked at each call of the program, because the
    /// plugin does not check them: it would read past the end of a buffer that is too small.
    pub fn compile(&self, mlir: &str, params: &[ArrayShape], options: &CompileOptions) -> Result<Executable> {
        const DURING: &str = "compiling the program";
        let api = &self.0.plugin.api;
        let program = mlir_program(mlir);
        let tools = self.0.compiler.get().filter(|_| !options.flags.contains_key(CUDA_DATA_DIR));
        let with_tools = tools.map(|dir| options.clone().flag(CUDA_DATA_DIR, FlagValue::String(dir.clone())));
        let options = with_tools.as_ref().unwrap_or(options);
        let options = if options.backend_options.is_empty() {
            options.encode()
        } else {
            match self.debug_options() {
                [] => CompileOptions { backend_options: BTreeMap::new(), ..options.clone() }.encode(),
                defaults => options.encode_onto(defaults),
            }
        };
        let mut args = ClientCompileArgs::new();
        args.client = self.0.raw.as_ptr();
        args.program = &program;
        args.compile_options = options.as_ptr().cast();
        args.compile_options_size = options.len();
        // SAFETY: the client, the program and the options are alive during the call.
        in_flight::making(|| unsafe { api.check(api.client_compile(&mut args), DURING) })?;
        let raw = non_null(args.executable, DURING)?;
        // SAFETY: the executable is new, of this client, and no one else's.
        unsafe { Executable::adopt(self, raw, params) }
    }

    /// Parses a program as [`compile`](Self::compile) does, and stops there.
    ///
    /// # Errors
    /// If the text is not a StableHLO program.
    pub fn parse(&self, mlir: &str) -> Result<()> {
        // The interface has no function for this. A flag that no compiler knows stops the plugin after it has parsed
        // the program.
        const NO_FLAG: &str = "cotangent_goes_no_further";
        match self.compile(mlir, &[], &CompileOptions::default().flag(NO_FLAG, FlagValue::Bool(true))) {
            Err(error) if !error.to_string().contains(NO_FLAG) => Err(error),
            _ => Ok(()),
        }
    }

    /// The compiler's default options. The plugin reports them only as part of a compiled program, and only if that
    /// program was compiled with a flag of its own. So the smallest program is compiled with one.
    fn debug_options(&self) -> &[u8] {
        self.0.debug_options.get_or_init(|| {
            const LEAST: &str = "module @least { func.func public @main() -> tensor<i1> {
                %0 = stablehlo.constant dense<true> : tensor<i1>
                return %0 : tensor<i1> } }";
            let options = CompileOptions::default().flag("xla_dump_hlo_as_text", FlagValue::Bool(false));
            let program = self.compile(LEAST, &[], &options).and_then(|program| program.serialize());
            program.ok().and_then(|bytes| debug_options(&bytes)).unwrap_or_default()
        })
    }

    /// Loads what [`Compiled::serialize`](crate::Compiled::serialize) wrote, with exactly the same plugin on the same kind of machine.
    ///
    /// `params` are the types of the program's parameters, as for [`compile`](Self::compile).
    ///
    /// Truncated bytes, or bytes that are no program, are an error. But the bytes hold machine code and no checksum: a
    /// caller that stores them must make sure that they are read back unchanged.
    pub fn deserialize(&self, bytes: &[u8], params: &[ArrayShape]) -> Result<Executable> {
        self.deserialize_with(bytes, params, None)
    }

    /// Loads a program as [`deserialize`](Self::deserialize) does, but for the devices in these options instead of those
    /// that it was compiled for. The machine code stays as it is.
    pub fn deserialize_with(
        &self,
        bytes: &[u8],
        params: &[ArrayShape],
        options: Option<&CompileOptions>,
    ) -> Result<Executable> {
        const DURING: &str = "loading the serialized program";
        let api = &self.0.plugin.api;
        let mut args = ExecutableDeserializeArgs::new();
        args.client = self.0.raw.as_ptr();
        args.serialized_executable = bytes.as_ptr().cast();
        args.serialized_executable_size = bytes.len();
        let options = options.map(CompileOptions::encode);
        if let Some(options) = &options {
            args.overridden_serialized_compile_options = options.as_ptr().cast();
            args.overridden_serialized_compile_options_size = options.len();
        }
        // SAFETY: the client, the bytes and the options are alive during the call.
        in_flight::making(|| unsafe { api.check(api.executable_deserialize_and_load(&mut args), DURING) })?;
        let raw = non_null(args.loaded_executable, DURING)?;
        // SAFETY: the executable is new, of this client, and no one else's.
        unsafe { Executable::adopt(self, raw, params) }
    }

    /// Copies an array from the host to the first device. The copy is complete when the call returns.
    pub fn buffer_from_host(&self, bytes: &[u8], shape: &ArrayShape) -> Result<Buffer> {
        self.buffer_from_host_on(bytes, shape, 0)
    }

    /// Copies an array from the host to the device with this index in [`devices`](Self::devices).
    pub fn buffer_from_host_on(&self, bytes: &[u8], shape: &ArrayShape, device: usize) -> Result<Buffer> {
        // SAFETY: the plugin copies the bytes before it returns.
        let (buffer, done) = unsafe { self.start_transfer(bytes, shape, device, HOST_COPY_DURING_CALL)? };
        // SAFETY: the event is owned here. With these semantics it carries no information.
        unsafe { self.0.plugin.api.destroy_event(done) };
        Ok(buffer)
    }

    /// [`buffer_from_owner_on`](Self::buffer_from_owner_on) the first device.
    pub fn buffer_from_owner<T>(&self, owner: T, shape: &ArrayShape) -> Result<Buffer>
    where
        T: AsRef<[u8]> + Send + Sync + 'static,
    {
        self.buffer_from_owner_on(owner, shape, 0)
    }

    /// Makes an array on the device with this index in [`devices`](Self::devices), from host memory that `owner` keeps
    /// alive. If device memory is host memory and the bytes are
    /// aligned to 64 bytes, nothing is copied; otherwise the bytes are copied. In both cases the owner is dropped when
    /// the plugin no longer needs its memory, possibly on another thread.
    pub fn buffer_from_owner_on<T>(&self, owner: T, shape: &ArrayShape, device: usize) -> Result<Buffer>
    where
        T: AsRef<[u8]> + Send + Sync + 'static,
    {
        // A boxed owner does not move, and neither do bytes stored inside it.
        let guest = Box::new(Guest { owner, plugin: self.0.plugin.clone() });
        let bytes = guest.owner.as_ref();
        // SAFETY: the bytes are borrowed from `guest`, which is neither touched nor freed until the plugin reports that
        // it no longer uses them. The plugin never writes to them.
        let (buffer, done) = unsafe { self.start_transfer(bytes, shape, device, HOST_ZERO_COPY)? };
        let api = &self.0.plugin.api;
        let guest = Box::into_raw(guest);
        if done.is_null() {
            // A plugin that does not report when it is done may use the memory at any time: the guest is leaked.
            return Ok(buffer);
        }
        let mut args = EventOnReadyArgs::new();
        args.event = done;
        args.callback = Some(release::<T>);
        args.user_arg = guest.cast();
        // SAFETY: the event is alive; the callback receives the guest, which it frees.
        let registered = unsafe { api.check(api.event_on_ready(&mut args), "sharing host memory") };
        // SAFETY: an event may be freed once a callback is registered: the callback holds what it needs.
        unsafe { api.destroy_event(done) };
        // After an error it is unknown when the plugin is done, so the guest is leaked.
        registered.map(|()| buffer)
    }

    /// Passes host memory to the plugin. Returns the new buffer and the event that becomes ready when the memory is no
    /// longer needed. The caller must free the event.
    ///
    /// # Safety
    /// `bytes` must stay valid and unchanged for as long as `semantics` requires.
    unsafe fn start_transfer(
        &self,
        bytes: &[u8],
        shape: &ArrayShape,
        device: usize,
        semantics: i32,
    ) -> Result<(Buffer, *mut RawEvent)> {
        let expected = shape
            .byte_size()
            .filter(|&n| isize::try_from(n).is_ok())
            .ok_or_else(|| ArgumentError::Unaddressable { shape: shape.clone() })?;
        if bytes.len() != expected {
            let found = bytes.len();
            return Err(ArgumentError::Bytes { shape: shape.clone(), expected, found }.into());
        }
        let target = self.0.raw_device(device)?;
        let api = &self.0.plugin.api;
        let mut args = BufferFromHostBufferArgs::new();
        args.client = self.0.raw.as_ptr();
        args.data = bytes.as_ptr().cast();
        args.type_ = shape.ty.code();
        args.dims = shape.dims.as_ptr();
        args.num_dims = shape.dims.len();
        args.host_buffer_semantics = semantics;
        args.device = target.as_ptr();
        // SAFETY: client, device and dimensions are alive during the call, the caller guarantees that the bytes live as
        // long as needed, and their number is the size of the shape.
        unsafe { api.check(api.buffer_from_host_buffer(&mut args), "moving an array to the device")? };
        let raw = match NonNull::new(args.buffer) {
            Some(raw) => raw,
            None => return Err(no_object("moving an array to the device")),
        };
        let shape = Arc::from([shape.clone()]);
        // SAFETY: the buffer is new, on this device, and has the given shape and the default, dense layout.
        let buffer = unsafe { Buffer::adopt(self.clone(), raw, shape, 0, device as u32, true) };
        Ok((buffer, args.done_with_host_buffer))
    }
}

/// A client equals its clones only.
impl PartialEq for Client {
    fn eq(&self, other: &Client) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Client {}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("platform", &self.0.platform_name)
            .field("devices", &self.0.devices.len())
            .finish_non_exhaustive()
    }
}

impl ClientInner {
    pub(crate) fn raw(&self) -> *mut RawClient {
        self.raw.as_ptr()
    }

    /// The device with this index.
    pub(crate) fn raw_device(&self, index: usize) -> Result<NonNull<RawDevice>> {
        let count = self.raw_devices.len();
        self.raw_devices.get(index).copied().ok_or_else(|| ArgumentError::Device { index, count }.into())
    }

    /// The index of a device.
    pub(crate) fn place_of(&self, device: *mut RawDevice) -> Option<usize> {
        self.raw_devices.iter().position(|known| known.as_ptr() == device)
    }

    fn read_names(&mut self, api: &Api) -> Result<()> {
        let mut name = ClientPlatformNameArgs::new();
        name.client = self.raw.as_ptr();
        let mut version = ClientPlatformVersionArgs::new();
        version.client = self.raw.as_ptr();
        // SAFETY: the client is alive, and the texts live as long as it does.
        unsafe {
            api.check(api.client_platform_name(&mut name), "reading the platform's name")?;
            self.platform_name = string(name.platform_name, name.platform_name_size);
            api.check(api.client_platform_version(&mut version), "reading the platform's version")?;
            self.platform_version = string(version.platform_version, version.platform_version_size);
        }
        Ok(())
    }

    fn read_devices(&mut self, api: &Api) -> Result<()> {
        const DURING: &str = "listing the devices";
        let mut args = ClientAddressableDevicesArgs::new();
        args.client = self.raw.as_ptr();
        // SAFETY: the client is alive and owns the list.
        let devices = unsafe {
            api.check(api.client_addressable_devices(&mut args), DURING)?;
            slice(args.addressable_devices, args.num_addressable_devices)
        };
        for &device in devices {
            let device = non_null(device, DURING)?;
            // SAFETY: the device belongs to the client, which is alive.
            self.devices.push(unsafe { describe(api, device)? });
            self.raw_devices.push(device);
        }
        if self.devices.is_empty() {
            return Err(no_object(DURING));
        }
        Ok(())
    }
}

impl Drop for ClientInner {
    fn drop(&mut self) {
        let api = &self.plugin.api;
        let mut args = ClientDestroyArgs::new();
        args.client = self.raw.as_ptr();
        // SAFETY: everything made by this client holds it, so nothing of it is left.
        unsafe { api.free_error(api.client_destroy(&mut args)) };
    }
}

/// The C form of a program as MLIR text, which it borrows.
pub(crate) fn mlir_program(mlir: &str) -> Program {
    let format = "mlir";
    Program {
        struct_size: size_of::<Program>(),
        extension_start: ptr::null_mut(),
        // The C interface lacks the `const`, but a program to be compiled is only read.
        code: mlir.as_ptr().cast_mut().cast(),
        code_size: mlir.len(),
        format: format.as_ptr().cast(),
        format_size: format.len(),
    }
}

/// The owner of memory that the plugin uses. It holds the plugin but not the client: it may be dropped on a thread of
/// the client, which cannot wait for its own end.
struct Guest<T> {
    owner: T,
    plugin: Arc<Plugin>,
}

/// Called when the plugin no longer uses a guest's memory.
unsafe extern "C" fn release<T>(error: *mut RawError, guest: *mut c_void) {
    // SAFETY: this is the box that `buffer_from_owner` passed, and the callback runs once.
    let guest = unsafe { Box::from_raw(guest.cast::<Guest<T>>()) };
    // SAFETY: the callback owns the error.
    unsafe { guest.plugin.api.free_error(error) };
    // Dropping the owner runs user code. A panic must not unwind into the plugin.
    let panicked = in_flight::awaited(|| catch_unwind(AssertUnwindSafe(|| drop(guest))));
    if let Err(payload) = panicked {
        // Dropping the panic's payload may panic as well.
        std::mem::forget(payload);
    }
}

/// A pointer that a successful call has filled in.
pub(crate) fn non_null<T>(pointer: *mut T, during: &'static str) -> Result<NonNull<T>> {
    NonNull::new(pointer).ok_or_else(|| no_object(during))
}

/// The error for a plugin that reports success but returns nothing.
#[cold]
pub(crate) fn no_object(during: &'static str) -> Error {
    Error::Pjrt {
        code: crate::Code::Internal,
        during,
        message: "the plugin reported success but returned nothing".to_owned(),
    }
}
