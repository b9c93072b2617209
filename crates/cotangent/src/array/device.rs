//! Devices by name, the default device, and the device that a computation runs on.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::platform::Platform;
use super::{Array, Repr};
use crate::error::scoped::with_value;
use crate::error::{Error, ErrorKind, Result};

/// The environment variable that names the default device.
const VARIABLE: &str = "COTANGENT_DEVICE";

/// The devices of one client, by name: `cpu`, `cuda`, or a name that the user has registered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Backend(u16);

/// The lists of devices that have a name.
static LISTS: RwLock<Vec<Arc<[Device]>>> = RwLock::new(Vec::new());

/// The backends that the user has registered.
static REGISTERED: RwLock<Vec<(&'static str, Platform)>> = RwLock::new(Vec::new());

impl Backend {
    pub(crate) const CPU: Backend = Backend(0);
    pub(crate) const CUDA: Backend = Backend(1);
    /// The number of backends that need no registration.
    const BUILT_IN: usize = Platform::ALL.len();
    /// Marks a list of devices; see [`Device::together`].
    const MANY: Backend = Backend(u16::MAX);

    fn known(self) -> (&'static str, Platform) {
        let place = usize::from(self.0);
        match Platform::ALL.get(place) {
            Some(platform) => (platform.name(), *platform),
            None => REGISTERED.read().unwrap_or_else(PoisonError::into_inner)[place - Backend::BUILT_IN],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.known().0
    }

    pub(crate) fn platform(self) -> Platform {
        self.known().1
    }

    /// Its place among the registered backends; `None` for one that needs no registration.
    pub(crate) fn registered(self) -> Option<usize> {
        usize::from(self.0).checked_sub(Backend::BUILT_IN)
    }

    pub(crate) fn find(name: &str) -> Result<Backend> {
        let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
        let names = || Platform::ALL.iter().map(|p| p.name()).chain(registered.iter().map(|known| known.0));
        match names().position(|known| known == name) {
            Some(place) => Ok(Backend(place as u16)),
            None => {
                let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                Err(Error::new(ErrorKind::Device, format!("there are no devices named `{name}`"))
                    .help(format!("the names are {}; `extend::Backend` registers others", names.join(", "))))
            }
        }
    }

    /// Adds a name. `store` receives its place among the registered backends, before anyone can find it.
    pub(crate) fn register(name: &str, platform: Platform, store: impl FnOnce(usize)) -> Result<Backend> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !is_name {
            return Err(Error::new(ErrorKind::Device, format!("`{name}` cannot name devices"))
                .help("a name is a letter, followed by letters, digits, `_` and `-`"));
        }
        let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
        let place = registered.len();
        let taken = Platform::ALL.iter().any(|p| p.name() == name) || registered.iter().any(|known| known.0 == name);
        if taken || place + Backend::BUILT_IN >= usize::from(u16::MAX) {
            return Err(Error::new(ErrorKind::Device, format!("the name `{name}` is taken"))
                .help("a backend is registered once in a process; give this one another name"));
        }
        store(place);
        registered.push((String::leak(name.to_string()), platform));
        Ok(Backend((place + Backend::BUILT_IN) as u16))
    }
}

/// A device: the place where an array lives and a program runs.
///
/// A device is a name, such as `cpu:0` or `cuda:1`. Naming one opens nothing, and the device need not exist. The plugin
/// is opened at the first use of one of its devices, and an error there says which devices exist.
///
/// ```
/// use cotangent::{Device, Platform};
/// let device = Device::cuda(1);
/// assert_eq!(device.to_string(), "cuda:1");
/// assert_eq!("cuda:1".parse(), Ok(device));
/// assert_eq!("cpu".parse(), Ok(Device::cpu(0)));
/// assert_eq!((device.platform(), device.id()), (Platform::Cuda, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device {
    backend: Backend,
    id: u32,
}

impl Device {
    /// Names a device of the CPU. There is one, unless `COTANGENT_CPU_DEVICES` sets another number.
    ///
    /// ```
    /// assert_eq!(cotangent::Device::cpu(0).to_string(), "cpu:0");
    /// ```
    #[must_use]
    pub const fn cpu(id: u32) -> Device {
        Device { backend: Backend::CPU, id }
    }

    /// Names an NVIDIA GPU.
    ///
    /// ```
    /// assert_eq!(cotangent::Device::cuda(0).to_string(), "cuda:0");
    /// ```
    #[must_use]
    pub const fn cuda(id: u32) -> Device {
        Device { backend: Backend::CUDA, id }
    }

    pub(crate) const fn new(backend: Backend, id: u32) -> Device {
        Device { backend, id }
    }

    pub(crate) const fn backend(self) -> Backend {
        self.backend
    }

    /// The devices of a mesh, in order, under the name of one device: programs run on all of them together, and an
    /// array is committed to all of them. Equal lists have equal names.
    pub(crate) fn together(devices: &[Device]) -> Device {
        let known = |lists: &[Arc<[Device]>]| lists.iter().position(|list| **list == *devices);
        let found = known(&LISTS.read().unwrap_or_else(PoisonError::into_inner));
        let place = found.unwrap_or_else(|| {
            let mut lists = LISTS.write().unwrap_or_else(PoisonError::into_inner);
            known(&lists).unwrap_or_else(|| {
                lists.push(devices.into());
                lists.len() - 1
            })
        });
        Device { backend: Backend::MANY, id: place as u32 }
    }

    /// The devices that it stands for, if it is the name of a list.
    pub(crate) fn list(self) -> Option<Arc<[Device]>> {
        if self.backend != Backend::MANY {
            return None;
        }
        LISTS.read().unwrap_or_else(PoisonError::into_inner).get(self.id as usize).cloned()
    }

    /// Whether it is the name of a list.
    #[inline]
    pub(crate) fn is_many(self) -> bool {
        self.backend == Backend::MANY
    }

    /// Returns the kind of device that it is.
    ///
    /// ```
    /// use cotangent::{Device, Platform};
    /// assert_eq!(Device::cpu(0).platform(), Platform::Cpu);
    /// ```
    #[must_use]
    pub fn platform(self) -> Platform {
        match self.list().as_deref() {
            Some([first, ..]) => first.backend.platform(),
            Some([]) => Platform::Cpu,
            None => self.backend.platform(),
        }
    }

    /// Returns its number, as the plugin counts.
    ///
    /// ```
    /// assert_eq!(cotangent::Device::cpu(2).id(), 2);
    /// ```
    #[must_use]
    pub const fn id(self) -> u32 {
        self.id
    }

    /// Returns the default device of this thread: that of the innermost [`default_device`], or else of
    /// [`set_default_device`], or else of the environment variable `COTANGENT_DEVICE`, or else `cpu:0`.
    ///
    /// # Errors
    /// If the environment variable names no device.
    ///
    /// ```
    /// use cotangent::{Device, default_device};
    /// let other = default_device(Device::cuda(1), || Device::current().unwrap());
    /// assert_eq!(other, Device::cuda(1));
    /// ```
    pub fn current() -> Result<Device> {
        if let Some(device) = SCOPE.get() {
            return Ok(device);
        }
        match Device::unpack(DEFAULT.load(Ordering::Relaxed)) {
            Some(device) => Ok(device),
            None => first_default(),
        }
    }

    /// The default device. A variable that names none is reported by the first computation.
    pub(crate) fn current_or_cpu() -> Device {
        Device::current().unwrap_or(Device::cpu(0))
    }

    /// The device as a number other than 0.
    const fn pack(self) -> u64 {
        1 << 63 | (self.backend.0 as u64) << 32 | self.id as u64
    }

    const fn unpack(packed: u64) -> Option<Device> {
        match packed {
            0 => None,
            _ => Some(Device { backend: Backend((packed >> 32) as u16), id: packed as u32 }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list().as_deref() {
            None => write!(f, "{}:{}", self.backend.name(), self.id),
            Some([first, .., last]) if self.list().is_some_and(|list| list.len() > 4) => {
                write!(f, "{first}, …, {last}")
            }
            Some(list) => {
                let names: Vec<String> = list.iter().map(Device::to_string).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Devices are small: a function that takes one also takes a reference to it.
impl From<&Device> for Device {
    fn from(device: &Device) -> Device {
        *device
    }
}

/// Reads `cuda:1`, or `cuda`, which is `cuda:0`.
impl FromStr for Device {
    type Err = Error;
    fn from_str(text: &str) -> Result<Device> {
        let text = text.trim();
        let (name, id) = text.split_once(':').unwrap_or((text, "0"));
        let id = id.parse().map_err(|_| {
            Error::new(ErrorKind::Device, format!("`{text}` does not name a device"))
                .help("a device is a name and a number, such as `cpu:0` or `cuda:1`")
        })?;
        Ok(Device { backend: Backend::find(name)?, id })
    }
}

thread_local! {
    /// The device of the innermost scope.
    static SCOPE: Cell<Option<Device>> = const { Cell::new(None) };
}

/// The default device of the process, packed; 0 until it is set or the environment has been read.
static DEFAULT: AtomicU64 = AtomicU64::new(0);

/// Reads the environment.
#[cold]
fn first_default() -> Result<Device> {
    let device = match std::env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => {
            text.parse::<Device>().map_err(|error| error.context(format_args!("{VARIABLE}={text}")))?
        }
        _ => Device::cpu(0),
    };
    // Another thread may have set it in the meantime.
    let set = DEFAULT.compare_exchange(0, device.pack(), Ordering::Relaxed, Ordering::Relaxed);
    Ok(set.err().and_then(Device::unpack).unwrap_or(device))
}

/// Sets the default device of this process: where data from the host goes, and where a computation runs that has no
/// array on a device of its own. It precedes `COTANGENT_DEVICE`. Arrays that exist stay where they are.
///
/// ```
/// use cotangent::{Device, set_default_device};
/// set_default_device(Device::cpu(0));
/// assert_eq!(Device::current().unwrap(), Device::cpu(0));
/// ```
pub fn set_default_device(device: impl Into<Device>) {
    DEFAULT.store(device.into().pack(), Ordering::Relaxed);
}

/// Runs `f` with another default device, on this thread only. Threads that `f` starts, and the functions that programs
/// call, have the default device of the process.
///
/// ```
/// use cotangent::{Device, default_device, prelude::*};
/// let x = default_device(Device::cpu(0), || np::arange(3));
/// assert_eq!(x.device().unwrap(), Device::cpu(0));
/// ```
pub fn default_device<R>(device: impl Into<Device>, f: impl FnOnce() -> R) -> R {
    scoped(Some(device.into()), f)
}

/// Runs `f` in a scope with this device, or outside all scopes.
pub(crate) fn scoped<R>(device: Option<Device>, f: impl FnOnce() -> R) -> R {
    with_value(&SCOPE, device, f)
}

/// Where a value belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) device: Device,
    /// Whether the user chose the device. A computation runs on the device that its arrays are committed to, and all
    /// others move there.
    pub(crate) committed: bool,
}

impl Place {
    /// Where data from the host belongs.
    pub(crate) fn uncommitted() -> Place {
        Place { device: Device::current_or_cpu(), committed: false }
    }

    /// Where a computation on these arrays runs, and whether its results are committed. `name` returns what an error
    /// calls an array.
    pub(crate) fn of<'a>(
        arrays: impl Iterator<Item = &'a Array> + Clone,
        name: impl Fn(usize) -> String,
    ) -> Result<Place> {
        match committed(arrays, name)? {
            Some(device) => Ok(Place { device, committed: true }),
            None => Ok(Place { device: Device::current()?, committed: false }),
        }
    }
}

/// The device that the arrays are committed to, if any is.
///
/// # Errors
/// If they are committed to different devices.
pub(crate) fn committed<'a>(
    mut arrays: impl Iterator<Item = &'a Array> + Clone,
    name: impl Fn(usize) -> String,
) -> Result<Option<Device>> {
    let mut known = None;
    for array in arrays.clone() {
        let Some(device) = array.committed() else { continue };
        if known.is_some_and(|known| known != device) {
            return Err(mixed(&mut arrays, &name));
        }
        known = Some(device);
    }
    Ok(known)
}

/// The error for arrays that are committed to different devices.
#[cold]
fn mixed(arrays: &mut dyn Iterator<Item = &Array>, name: &dyn Fn(usize) -> String) -> Error {
    let mut found: Vec<(Device, String)> = Vec::new();
    for (i, array) in arrays.enumerate() {
        if let Some(device) = array.committed()
            && !found.iter().any(|known| known.0 == device)
        {
            found.push((device, format!("{} ({}) is on {device}", name(i), array.aval())));
        }
    }
    let list: Vec<&str> = found.iter().map(|known| &*known.1).collect();
    let list = list.join(", and ");
    if found.iter().any(|known| known.0.is_many()) {
        return Error::new(ErrorKind::Device, format!("a computation runs on the devices of one mesh, but {list}"))
            .help("lay both out over one mesh, as in `device_put(&y, &NamedSharding::new(&mesh, P!()))`");
    }
    Error::new(ErrorKind::Device, format!("a computation runs on one device, but {list}")).help(
        "move one of them, as in `y.to(x.device()?)`, or let the function run where you choose: `jit(f).on(device)`",
    )
}

impl Array {
    /// The device that it is committed to.
    pub(crate) fn committed(&self) -> Option<Device> {
        match &self.0 {
            Repr::Concrete(concrete) => {
                Some(concrete.place()).filter(|place| place.committed).map(|place| place.device)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_survives_packing() {
        for device in [Device::cpu(0), Device::cuda(7), Device::new(Backend(513), u32::MAX)] {
            assert_eq!(Device::unpack(device.pack()), Some(device));
        }
        assert_eq!(Device::unpack(0), None);
    }

    #[test]
    fn a_scope_ends_with_a_panic_too() {
        let before = Device::current_or_cpu();
        let panicked = std::panic::catch_unwind(|| default_device(Device::cuda(3), || panic!("out of the scope")));
        assert!(panicked.is_err());
        assert_eq!(Device::current_or_cpu(), before);
    }

    #[test]
    fn what_names_no_device_is_an_error_that_lists_the_names() {
        for text in ["", "cpu:", "cpu:-1", "cpu:x", "cpu:0:1", ":0"] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
        let error = "tpu:0".parse::<Device>().unwrap_err().to_string();
        assert!(error.contains("`tpu`") && error.contains("`cpu`, `cuda`"), "{error}");
    }
}
