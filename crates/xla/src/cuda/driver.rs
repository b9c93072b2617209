//! The NVIDIA driver: which CUDA it supports, and which GPUs it sees.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::fmt;
use std::fs;
use std::sync::OnceLock;

use libloading::Library;

use super::CudaError;
use crate::plugin::Toolkit;

/// A version of CUDA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The 12 of 12.9.
    pub major: u32,
    /// The 9 of 12.9.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The NVIDIA driver of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Its release, such as `580.159.03`, if the kernel reports it.
    pub release: Option<String>,
    /// The newest CUDA that it supports.
    pub supports: Version,
}

/// A GPU that the driver sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Its name, such as `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// Its memory in bytes.
    pub memory: u64,
    /// Its compute capability, such as 9.0.
    pub capability: Version,
}

/// The library of the driver, first by the name that the dynamic loader looks up.
const LIBRARY: [&str; 3] = ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/run/opengl-driver/lib/libcuda.so.1"];
/// What the kernel says about its half of the driver.
const KERNEL: &str = "/proc/driver/nvidia/version";

/// The library, loaded once and never unloaded: plugins use it as well.
fn library() -> Result<&'static Library, CudaError> {
    static LOADED: OnceLock<Library> = OnceLock::new();
    if let Some(library) = LOADED.get() {
        return Ok(library);
    }
    let mut reason = None;
    for name in LIBRARY {
        // SAFETY: opening runs the initializers of NVIDIA's driver, which any program that uses a GPU runs.
        match unsafe { Library::new(name) } {
            Ok(library) => return Ok(LOADED.get_or_init(|| library)),
            Err(e) => {
                reason.get_or_insert_with(|| crate::library::chain(&e));
            }
        }
    }
    Err(CudaError::DriverMissing { reason: reason.unwrap_or_default(), kernel: fs::exists(KERNEL).unwrap_or(false) })
}

/// Calls a function of the driver.
macro_rules! call {
    ($name:ident($($arg:expr => $ty:ty),*)) => {{
        let library = library()?;
        // SAFETY: this is the function's type in every version of the driver that has it.
        let function = unsafe {
            library.get::<unsafe extern "C" fn($($ty),*) -> c_int>(concat!(stringify!($name), "\0").as_bytes())
        };
        let absent = |_| CudaError::Driver { call: stringify!($name), code: 0, text: "it does not exist".into() };
        let function = function.map_err(absent)?;
        // SAFETY: the caller of the macro passes pointers to variables of the right types.
        match unsafe { function($($arg),*) } {
            0 => Ok(()),
            code => Err(CudaError::Driver { call: stringify!($name), code, text: describe(library, code) }),
        }
    }};
}

/// The driver's name and description of an error.
fn describe(library: &Library, code: c_int) -> String {
    type Describe = unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int;
    let text = |symbol: &[u8]| {
        let mut text = std::ptr::null();
        // SAFETY: this is the type of both functions. They store null or a text that lives as long as the library.
        unsafe {
            let function = library.get::<Describe>(symbol).ok()?;
            function(code, &mut text);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    };
    let texts = [b"cuGetErrorName\0".as_slice(), b"cuGetErrorString\0"].map(text);
    let texts: Vec<_> = texts.into_iter().flatten().collect();
    if texts.is_empty() { "an unknown error".to_owned() } else { texts.join(": ") }
}

impl Driver {
    /// Loads the driver and asks it for its version.
    ///
    /// # Errors
    /// If there is none.
    pub fn find() -> Result<Driver, CudaError> {
        let mut version: c_int = 0;
        call!(cuDriverGetVersion(&mut version => *mut c_int))?;
        let version = u32::try_from(version).unwrap_or(0);
        let supports = Version { major: version / 1000, minor: version % 1000 / 10 };
        Ok(Driver { release: fs::read_to_string(KERNEL).ok().as_deref().and_then(release), supports })
    }

    /// Checks that it supports a release of CUDA.
    ///
    /// # Errors
    /// If it is too old.
    pub fn check(&self, needs: Toolkit) -> Result<(), CudaError> {
        if self.supports.major >= needs.major() {
            return Ok(());
        }
        Err(CudaError::DriverTooOld { driver: self.release.clone(), supports: self.supports, needs })
    }

    /// The GPUs that `CUDA_VISIBLE_DEVICES` leaves visible.
    ///
    /// # Errors
    /// If there is none, or the driver does not work.
    pub fn gpus(&self) -> Result<Vec<Gpu>, CudaError> {
        /// `CUDA_ERROR_NO_DEVICE`
        const NO_DEVICE: i32 = 100;
        // A variable that is not text selects nothing either.
        let visible = std::env::var_os("CUDA_VISIBLE_DEVICES").map(|v| v.to_string_lossy().into_owned());
        let none = || CudaError::NoGpu { visible };
        match call!(cuInit(0 => c_uint)) {
            Err(CudaError::Driver { code: NO_DEVICE, .. }) => return Err(none()),
            started => started?,
        }
        let mut count: c_int = 0;
        call!(cuDeviceGetCount(&mut count => *mut c_int))?;
        if count < 1 {
            return Err(none());
        }
        (0..count).map(gpu).collect()
    }
}

/// Describes the GPU with this number.
fn gpu(number: c_int) -> Result<Gpu, CudaError> {
    /// `CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `_MINOR`
    const CAPABILITY: [c_int; 2] = [75, 76];
    let mut device: c_int = 0;
    call!(cuDeviceGet(&mut device => *mut c_int, number => c_int))?;
    let mut name = [0u8; 256];
    let len = name.len() as c_int - 1;
    call!(cuDeviceGetName(name.as_mut_ptr().cast() => *mut c_char, len => c_int, device => c_int))?;
    let mut memory: usize = 0;
    call!(cuDeviceTotalMem_v2(&mut memory => *mut usize, device => c_int))?;
    let mut capability: [c_int; 2] = [0; 2];
    for (value, attribute) in capability.iter_mut().zip(CAPABILITY) {
        call!(cuDeviceGetAttribute(value => *mut c_int, attribute => c_int, device => c_int))?;
    }
    let [major, minor] = capability.map(|n| u32::try_from(n).unwrap_or(0));
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default().to_string_lossy().into_owned();
    Ok(Gpu { name, memory: memory as u64, capability: Version { major, minor } })
}

/// The newest CUDA that the driver supports; `None` if there is no driver.
pub(crate) fn supported() -> Option<Version> {
    Driver::find().ok().map(|driver| driver.supports)
}

/// The release in what the kernel says: `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 …`.
fn release(text: &str) -> Option<String> {
    let is_release = |word: &&str| {
        let mut parts = word.split('.');
        let number = |part: &str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_digit());
        parts.clone().count() >= 2 && parts.all(number)
    };
    text.lines().next()?.split_ascii_whitespace().find(is_release).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read() {
        let old = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n\
                   GCC version:  gcc version 12.2.0\n";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159  Release Build  (root@build)\n";
        assert_eq!(release(old).as_deref(), Some("535.104.05"));
        assert_eq!(release(open).as_deref(), Some("580.159"));
        assert_eq!(release("something else"), None);
    }
}
