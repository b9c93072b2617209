//! The clients of this process: one for each name of devices, and those for programs that call functions of this process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use once_cell::sync::OnceCell;

use crate::array::aval::Aval;
use crate::array::device::Backend;
use crate::array::dtype::DType;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result};
use crate::processes;

use super::job;

/// The environment variable that sets the number of devices of the CPU.
const CPU_DEVICES: &str = "COTANGENT_CPU_DEVICES";

/// How a client is opened.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) platform: Platform,
    /// `None` is the plugin that is found for the platform.
    pub(crate) plugin: Option<PathBuf>,
    pub(crate) options: Vec<(String, xla::OptionValue)>,
}

/// A client, opened on first use. After an error, the next call tries again.
type Slot = OnceCell<xla::Client>;

static CPU: Slot = Slot::new();
static CUDA: Slot = Slot::new();
/// The clients that the user has registered, by their place.
static REGISTERED: RwLock<Vec<Arc<(Source, Slot)>>> = RwLock::new(Vec::new());

/// Gives a name to the devices of a client.
pub(crate) fn register(name: &str, source: Source) -> Result<Backend> {
    let platform = source.platform;
    Backend::register(name, platform, |place| {
        let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
        debug_assert_eq!(registered.len(), place);
        registered.push(Arc::new((source, Slot::new())));
    })
}

/// The client of these devices.
pub(crate) fn client(backend: Backend) -> Result<xla::Client> {
    let Some(place) = backend.registered() else {
        let (slot, open): (_, fn() -> Result<xla::Client>) = match backend.platform() {
            Platform::Cpu => (&CPU, cpu),
            Platform::Cuda => (&CUDA, job::cuda),
        };
        return slot.get_or_try_init(|| prepared(open()?, backend.platform())).cloned();
    };
    let known = REGISTERED.read().unwrap_or_else(PoisonError::into_inner)[place].clone();
    let (source, slot) = &*known;
    let open = || prepared(open(source)?, source.platform);
    slot.get_or_try_init(open).cloned().map_err(|error| error.context(format_args!("opening `{}`", backend.name())))
}

/// Opens the CPU with as many devices as the environment asks for. In a job as well, it is this process's own: its plugin
/// knows no other processes.
fn cpu() -> Result<xla::Client> {
    processes::opening();
    let count = match std::env::var(CPU_DEVICES) {
        Ok(text) if !text.trim().is_empty() => {
            text.trim().parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| {
                Error::new(ErrorKind::Device, format!("{CPU_DEVICES}={text} is not a number of devices"))
                    .help("set it to a number from 1 to 1024")
            })?
        }
        _ => 1,
    };
    Ok(xla::Client::cpu_devices_at(&xla::plugin::locate(xla::plugin::Platform::Cpu)?, count)?)
}

fn open(source: &Source) -> Result<xla::Client> {
    processes::opening();
    let location = match &source.plugin {
        Some(path) => xla::plugin::Location::explicit(path),
        None => xla::plugin::locate(match source.platform {
            Platform::Cpu => xla::plugin::Platform::Cpu,
            Platform::Cuda => xla::plugin::Platform::Cuda,
        })?,
    };
    let options: Vec<(&str, xla::OptionValue)> = source.options.iter().map(|(n, v)| (&**n, v.clone())).collect();
    Ok(xla::Client::new(xla::Plugin::load_location(&location)?, &options)?)
}

/// Registers the kernels with the client's plugin, once, before any program is compiled or loaded.
fn prepared(client: xla::Client, platform: Platform) -> Result<xla::Client> {
    static PREPARED: Mutex<Vec<Arc<xla::Plugin>>> = Mutex::new(Vec::new());
    if platform != Platform::Cpu {
        return Ok(client);
    }
    let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if !prepared.iter().any(|known| Arc::ptr_eq(known, client.plugin())) {
        let plugin = client.plugin();
        let kernels = (cotangent_lapack::KERNELS.iter().map(|kernels| &kernels[..]))
            .chain([cotangent_lapack::OTHER_KERNELS])
            .try_for_each(|kernels| plugin.register_kernels(kernels));
        match kernels {
            // A plugin that takes none compiles all programs but those that call one.
            Err(xla::Error::Pjrt { code: xla::Code::Unimplemented, .. }) => {}
            registered => registered?,
        }
        prepared.push(plugin.clone());
    }
    drop(prepared);
    Ok(client)
}

/// A client for programs that call functions of this process. The thread that starts such a program also runs it. No
/// thread of another client ever waits for such a function, so anything that a function waits for has the threads it
/// needs.
struct Callable {
    client: xla::Client,
    /// The number of such programs running on it.
    running: usize,
}

static HOSTS: Mutex<Vec<Callable>> = Mutex::new(Vec::new());
/// The maximal number of programs on one of these clients. The plugin runs 32 on a client and makes further ones wait.
/// They must not wait: a function may call a program that calls a function, and so on.
const RUNNING: usize = 24;

/// A client on which a program that calls functions of this process may run until this is dropped.
pub(crate) struct Host {
    place: usize,
    pub(crate) client: xla::Client,
}

impl Drop for Host {
    fn drop(&mut self) {
        HOSTS.lock().unwrap_or_else(PoisonError::into_inner)[self.place].running -= 1;
    }
}

/// The first client of the same plugin with capacity for one more program that calls functions of this process. Such a
/// program runs there for any device of `client`: all of them are the same processor and have the same memory.
pub(crate) fn host(client: &xla::Client) -> Result<Host> {
    if !client.platform_name().eq_ignore_ascii_case("cpu") {
        let message = format!("a program on `{}` cannot call functions of this process", client.platform_name());
        return Err(Error::new(ErrorKind::Runtime, message)
            .help("callbacks, including debug prints, work on the CPU only: `jit(f).on(Device::cpu(0))` runs there"));
    }
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    let same_plugin = |host: &Callable| Arc::ptr_eq(host.client.plugin(), client.plugin());
    let place = match hosts.iter().position(|host| same_plugin(host) && host.running < RUNNING) {
        Some(place) => place,
        None => {
            if !hosts.iter().any(same_plugin) {
                super::host::register(client.plugin())?;
            }
            let options =
                [("cpu_device_count", xla::OptionValue::Int(1)), ("asynchronous", xla::OptionValue::Bool(false))];
            let client = xla::Client::new(client.plugin().clone(), &options)?;
            hosts.push(Callable { client, running: 0 });
            hosts.len() - 1
        }
    };
    hosts[place].running += 1;
    Ok(Host { place, client: hosts[place].client.clone() })
}

/// Converts the plugin's errors into those of the library.
impl From<xla::Error> for Error {
    fn from(error: xla::Error) -> Error {
        Error::new(ErrorKind::Runtime, error.to_string())
    }
}

pub(crate) fn element_type(dtype: DType) -> xla::ElementType {
    use xla::ElementType as E;
    match dtype {
        DType::Bool => E::Pred,
        DType::I8 => E::S8,
        DType::I16 => E::S16,
        DType::I32 => E::S32,
        DType::I64 => E::S64,
        DType::U8 => E::U8,
        DType::U16 => E::U16,
        DType::U32 => E::U32,
        DType::U64 => E::U64,
        DType::F16 => E::F16,
        DType::BF16 => E::BF16,
        DType::F32 => E::F32,
        DType::F64 => E::F64,
        DType::C64 => E::C64,
        DType::C128 => E::C128,
    }
}

pub(crate) fn dtype_of(element: xla::ElementType) -> Result<DType> {
    let known = DType::ALL.into_iter().find(|d| element_type(*d) == element);
    known.ok_or_else(|| Error::dtype(format!("the element type {element:?} has no dtype")))
}

pub(crate) fn array_shape(aval: &Aval) -> xla::ArrayShape {
    xla::ArrayShape::new(element_type(aval.dtype), aval.shape.iter().map(|d| *d as i64).collect::<Vec<_>>())
}
