//! The devices of this process.

use std::path::PathBuf;

use crate::array::device::{Backend as Known, Device};
use crate::array::platform::Platform;
use crate::error::Result;

use super::client::{Source, client, register};
use super::execute::runtime;

/// Returns the devices of the default device's platform, such as all GPUs.
///
/// # Errors
/// If the plugin cannot be found, loaded or opened. The message says how to fix it.
///
/// ```
/// use cotangent::{Device, devices};
/// assert!(devices().unwrap().contains(&Device::current().unwrap()));
/// ```
pub fn devices() -> Result<Vec<Device>> {
    list(Device::current()?.backend())
}

/// Returns the devices of a platform, or those with a name that [`extend::Backend`](crate::extend::Backend) has
/// registered.
///
/// # Errors
/// If there is no such name, or if the plugin cannot be found, loaded or opened.
///
/// ```
/// use cotangent::{Device, Platform, devices_of};
/// assert_eq!(devices_of(Platform::Cpu).unwrap()[0], Device::cpu(0));
/// assert_eq!(devices_of("cpu").unwrap(), devices_of(Platform::Cpu).unwrap());
/// ```
pub fn devices_of(name: impl AsRef<str>) -> Result<Vec<Device>> {
    list(Known::find(name.as_ref())?)
}

/// Returns those of the [`devices`] that this process can use. A process that runs alone can use all of them.
///
/// # Errors
/// As [`devices`].
///
/// ```
/// assert_eq!(cotangent::local_devices().unwrap(), cotangent::devices().unwrap());
/// ```
pub fn local_devices() -> Result<Vec<Device>> {
    devices()
}

fn list(backend: Known) -> Result<Vec<Device>> {
    let ids = client(backend)?.devices().iter().filter_map(|d| u32::try_from(d.id).ok()).collect::<Vec<_>>();
    Ok(ids.into_iter().map(|id| Device::new(backend, id)).collect())
}

impl Device {
    /// Returns the model of the device, such as `cpu` or `NVIDIA H100 80GB HBM3`. Opens the device.
    ///
    /// # Errors
    /// If the plugin cannot be found, loaded or opened, or has no such device.
    ///
    /// ```
    /// assert_eq!(cotangent::Device::cpu(0).kind().unwrap(), "cpu");
    /// ```
    pub fn kind(self) -> Result<String> {
        let runtime = runtime(self)?;
        Ok(runtime.client.devices()[runtime.index].kind.clone())
    }
}

/// A client to open: a plugin, with options, under a name of its own. Its devices are used like those that the library
/// finds by itself. The counterpart in JAX is `jax.extend.backend.register_backend_factory`.
///
/// ```
/// use cotangent::extend::Backend;
/// use cotangent::{Platform, devices_of, prelude::*};
/// Backend::new(Platform::Cpu).option("cpu_device_count", 2).register("pair").unwrap();
/// let [first, second] = devices_of("pair").unwrap()[..] else { unreachable!() };
/// let x = np::arange(3).to(second) + 1;
/// assert_eq!((x.device().unwrap(), x.device().unwrap() == first), (second, false));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a backend does nothing until it is registered"]
pub struct Backend(Source);

impl Backend {
    /// Describes a client of this platform. Without a plugin of its own, it uses the one that the library finds.
    ///
    /// ```
    /// use cotangent::{Platform, extend::Backend};
    /// assert!(Backend::new(Platform::Cpu).register("not a name").is_err());
    /// ```
    pub fn new(platform: Platform) -> Backend {
        Backend(Source { platform, plugin: None, options: Vec::new() })
    }

    /// Sets the file of the plugin.
    ///
    /// ```
    /// use cotangent::{Platform, devices_of, extend::Backend};
    /// Backend::new(Platform::Cpu).plugin("/no/such/plugin.so").register("nowhere").unwrap();
    /// assert!(devices_of("nowhere").unwrap_err().to_string().contains("/no/such/plugin.so"));
    /// ```
    pub fn plugin(mut self, path: impl Into<PathBuf>) -> Backend {
        self.0.plugin = Some(path.into());
        self
    }

    /// Sets an option that the plugin's client is created with: a boolean, an integer, a number, a text, or a list of
    /// integers. The plugin defines its options.
    ///
    /// ```
    /// use cotangent::{Platform, devices_of, extend::Backend};
    /// Backend::new(Platform::Cpu).option("cpu_device_count", 3).register("three").unwrap();
    /// assert_eq!(devices_of("three").unwrap().len(), 3);
    /// ```
    pub fn option(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Backend {
        self.0.options.push((name.into(), value.into().0));
        self
    }

    /// Registers the client under a name, which its devices begin with. It is opened when one of them is used.
    ///
    /// # Errors
    /// If the name is taken, or is not made of letters, digits, `_` and `-`.
    ///
    /// ```
    /// use cotangent::{Platform, extend::Backend};
    /// assert!(Backend::new(Platform::Cpu).register("mine").is_ok());
    /// assert!(Backend::new(Platform::Cpu).register("mine").is_err());
    /// ```
    pub fn register(self, name: &str) -> Result<()> {
        register(name, self.0).map(drop)
    }
}

/// The value of a [`Backend::option`].
///
/// ```
/// use cotangent::extend::OptionValue;
/// let _: [OptionValue; 3] = [true.into(), 2.into(), "text".into()];
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OptionValue(xla::OptionValue);

macro_rules! option_values {
    ($($ty:ty => |$x:ident| $value:expr;)*) => {$(
        impl From<$ty> for OptionValue {
            fn from($x: $ty) -> OptionValue {
                OptionValue($value)
            }
        }
    )*};
}

option_values! {
    bool => |x| xla::OptionValue::Bool(x);
    i32 => |x| xla::OptionValue::Int(x.into());
    i64 => |x| xla::OptionValue::Int(x);
    f32 => |x| xla::OptionValue::Float(x);
    &str => |x| xla::OptionValue::String(x.to_string());
    Vec<i64> => |x| xla::OptionValue::IntList(x);
}
