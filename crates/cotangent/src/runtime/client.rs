//! The device of this process.

use std::sync::Mutex;
use std::sync::PoisonError;

use once_cell::sync::OnceCell;

use crate::core::aval::Aval;
use crate::core::dtype::DType;
use crate::core::error::{Error, Result};

/// What kind of device programs run on.
///
/// ```
/// use cotangent::Platform;
/// assert_ne!(Platform::Cpu, Platform::Cuda);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// The host's processor.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
}

static CHOSEN: Mutex<Platform> = Mutex::new(Platform::Cpu);
static CLIENT: OnceCell<(Platform, xla::Client)> = OnceCell::new();

/// Chooses the platform of this process. The default is the CPU.
///
/// # Errors
/// When another platform is in use already: arrays live there.
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

/// The client, opened when it is first needed. After an error the next call tries again.
pub(crate) fn client() -> Result<&'static xla::Client> {
    let opened = CLIENT.get_or_try_init(|| -> Result<_> {
        let platform = *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match platform {
            Platform::Cpu => xla::Client::cpu()?,
            Platform::Cuda => xla::Client::cuda()?,
        };
        Ok((platform, client))
    });
    opened.map(|(_, client)| client)
}

/// A description of the devices that programs run on.
///
/// # Errors
/// When no plugin can be found, loaded or opened; the message says how to mend it.
///
/// ```
/// assert!(!cotangent::devices().unwrap().is_empty());
/// ```
pub fn devices() -> Result<Vec<String>> {
    let client = client()?;
    Ok(client.devices().iter().map(|d| format!("{}:{} ({})", client.platform_name(), d.id, d.kind)).collect())
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
