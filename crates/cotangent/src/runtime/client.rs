//! The device of this process.

use std::sync::{Mutex, PoisonError};

use once_cell::sync::OnceCell;

use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ir::platform::Platform;

static CHOSEN: Mutex<Platform> = Mutex::new(Platform::Cpu);
static CLIENT: OnceCell<(Platform, xla::Client)> = OnceCell::new();

/// Selects the platform of this process. The default is the CPU.
///
/// # Errors
/// If another platform is in use already, because arrays live there.
///
/// ```
/// use cotangent::{Platform, set_platform};
/// assert!(set_platform(Platform::Cpu).is_ok());
/// ```
pub fn set_platform(platform: Platform) -> Result<()> {
    *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner) = platform;
    match CLIENT.get() {
        Some((used, _)) if *used != platform => Err(Error::value(format!(
            "the platform cannot be changed to {platform:?}: arrays live on {used:?} already"
        ))
        .help("choose the platform before the first array operation")),
        _ => Ok(()),
    }
}

/// The platform of this process: the one in use, or the chosen one.
pub(crate) fn platform() -> Platform {
    match CLIENT.get() {
        Some((used, _)) => *used,
        None => *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner),
    }
}

/// The client, opened on first use. After an error, the next call tries again.
pub(crate) fn client() -> Result<&'static xla::Client> {
    let opened = CLIENT.get_or_try_init(|| -> Result<_> {
        let platform = platform();
        let client = match platform {
            Platform::Cpu => xla::Client::cpu()?,
            Platform::Cuda => xla::Client::cuda()?,
        };
        if platform == Platform::Cpu {
            // Before any program is compiled or loaded. A plugin that takes none compiles all programs but those that call one.
            match cotangent_lapack::KERNELS.iter().try_for_each(|kernels| client.plugin().register_kernels(kernels)) {
                Err(xla::Error::Pjrt { code: xla::Code::Unimplemented, .. }) => {}
                registered => registered?,
            }
        }
        Ok((platform, client))
    });
    opened.map(|(_, client)| client)
}

/// Clients for programs that call functions of this process, each with the number of such programs running on it. The
/// thread that starts such a program also runs it. No thread of another client ever waits for such a function, so
/// anything that a function waits for has the threads it needs.
static HOSTS: Mutex<Vec<(xla::Client, usize)>> = Mutex::new(Vec::new());
/// The maximal number of programs on one of these clients. The plugin runs 32 on a client and makes further ones wait.
/// They must not wait: a function may call a program that calls a function, and so on.
const RUNNING: usize = 24;

/// A client on which a program that calls functions of this process may run until this is dropped.
pub(crate) struct Host {
    pub(crate) place: usize,
    pub(crate) client: xla::Client,
}

impl Drop for Host {
    fn drop(&mut self) {
        HOSTS.lock().unwrap_or_else(PoisonError::into_inner)[self.place].1 -= 1;
    }
}

/// The first client with capacity for one more program that calls functions of this process.
pub(crate) fn host() -> Result<Host> {
    let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
    let place = match hosts.iter().position(|(_, running)| *running < RUNNING) {
        Some(place) => place,
        None => {
            let main = client()?;
            super::host::register(main)?;
            let options =
                [("cpu_device_count", xla::OptionValue::Int(1)), ("asynchronous", xla::OptionValue::Bool(false))];
            hosts.push((xla::Client::new(main.plugin().clone(), &options)?, 0));
            hosts.len() - 1
        }
    };
    hosts[place].1 += 1;
    Ok(Host { place, client: hosts[place].0.clone() })
}

/// A description of the devices that programs run on.
///
/// # Errors
/// If no plugin can be found, loaded or opened; the message says how to fix it.
///
/// ```
/// assert!(!cotangent::devices().unwrap().is_empty());
/// ```
pub fn devices() -> Result<Vec<String>> {
    let client = client()?;
    Ok(client.devices().iter().map(|d| format!("{}:{} ({})", client.platform_name(), d.id, d.kind)).collect())
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
