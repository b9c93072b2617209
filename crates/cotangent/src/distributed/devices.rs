//! The devices of all processes.

use std::fmt;
use std::panic::Location;

use super::{exchanged, failure, process_index};
use crate::array::device::Device;
use crate::error::Result;
use crate::runtime;

/// A device of one of the processes of a job; made by [`devices`].
///
/// ```
/// let all = cotangent::distributed::devices().unwrap();
/// assert_eq!(all[0].to_string(), "device 0: cpu:0 of process 0 (cpu)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalDevice {
    /// Its place in the list, which is the same in all processes.
    pub index: usize,
    /// The process that can use it.
    pub process: usize,
    /// Its place among the devices of that process.
    pub local_index: usize,
    /// The platform: `cpu`, `cuda`.
    pub platform: String,
    /// The kind of device, such as the name of a GPU.
    pub kind: String,
}

impl fmt::Display for GlobalDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GlobalDevice { index, process, local_index, platform, kind } = self;
        write!(f, "device {index}: {platform}:{local_index} of process {process} ({kind})")
    }
}

/// The devices of all processes, in the order of the processes: the same list in each. All processes must call this.
/// Without a job, these are the devices of this process. Source: `jax.devices`.
///
/// # Errors
/// If this process has no device, if another one does not call this within 300 s or is lost, or if the processes do not
/// have the same platform.
///
/// ```
/// let all = cotangent::distributed::devices().unwrap();
/// assert!(all.iter().all(|device| device.process == 0));
/// ```
#[track_caller]
pub fn devices() -> Result<Vec<GlobalDevice>> {
    let caller = Location::caller();
    collected().map_err(|error| error.at(caller))
}

fn collected() -> Result<Vec<GlobalDevice>> {
    let client = runtime::client(Device::current()?.backend())?;
    let kinds: Vec<&str> = client.devices().iter().map(|device| &*device.kind).collect();
    let local = format!("{}\n{}", client.platform_name(), kinds.join("\n"));
    let mut all = Vec::new();
    for (process, bytes) in exchanged("library", "devices", local.as_bytes())?.into_iter().enumerate() {
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let platform = lines.next().unwrap_or_default();
        for (local_index, kind) in lines.enumerate() {
            let (platform, kind) = (platform.to_owned(), kind.to_owned());
            all.push(GlobalDevice { index: all.len(), process, local_index, platform, kind });
        }
    }
    let here = client.platform_name();
    match all.iter().find(|device| device.platform != here) {
        None => Ok(all),
        Some(other) => {
            let (id, process, platform) = (process_index(), other.process, &other.platform);
            let message = format!("process {id} has devices of `{here}` and process {process} of `{platform}`");
            Err(failure(message).help("give all processes of a job the same kind of device"))
        }
    }
}
