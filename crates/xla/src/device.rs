//! What a plugin says about a device.

use std::ptr::NonNull;

use crate::abi::*;
use crate::api::{Api, named_values, string};
use crate::error::Result;

/// One device of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its id, unique among the client's devices.
    pub id: i32,
    /// The process that can use it. A job of one process is process 0.
    pub process: i32,
    /// The kind of device, such as `cpu` or the name of a GPU.
    pub kind: String,
    /// A short name, such as `CpuDevice(id=0)`.
    pub description: String,
    /// A longer description, for logs.
    pub debug: String,
    /// What else the plugin says about it, as text. A GPU has its `compute_capability` and `core_count`.
    pub attributes: Vec<(String, String)>,
}

impl DeviceInfo {
    /// One of [`attributes`](Self::attributes), by name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Reads the description of a device.
///
/// # Safety
/// The device must be alive.
pub(crate) unsafe fn describe(api: &Api, device: NonNull<RawDevice>) -> Result<DeviceInfo> {
    const DURING: &str = "describing a device";
    let mut args = DeviceGetDescriptionArgs::new();
    args.device = device.as_ptr();
    // SAFETY: the device is alive.
    unsafe { api.check(api.device_get_description(&mut args), DURING)? };
    let description = args.device_description;
    let mut id = DeviceDescriptionIdArgs::new();
    id.device_description = description;
    let mut process = DeviceDescriptionProcessIndexArgs::new();
    process.device_description = description;
    let mut kind = DeviceDescriptionKindArgs::new();
    kind.device_description = description;
    let mut short = DeviceDescriptionToStringArgs::new();
    short.device_description = description;
    let mut long = DeviceDescriptionDebugStringArgs::new();
    long.device_description = description;
    let mut more = DeviceDescriptionAttributesArgs::new();
    more.device_description = description;
    // SAFETY: the description, its texts and its attributes live as long as the device.
    unsafe {
        api.check(api.device_description_id(&mut id), DURING)?;
        api.check(api.device_description_process_index(&mut process), DURING)?;
        api.check(api.device_description_kind(&mut kind), DURING)?;
        api.check(api.device_description_to_string(&mut short), DURING)?;
        api.check(api.device_description_debug_string(&mut long), DURING)?;
        if let Some(attributes) = api.device_description_attributes {
            api.check(attributes(&mut more), DURING)?;
        }
        Ok(DeviceInfo {
            id: id.id,
            process: process.process_index,
            kind: string(kind.device_kind, kind.device_kind_size),
            description: string(short.to_string, short.to_string_size),
            debug: string(long.debug_string, long.debug_string_size),
            attributes: named_values(more.attributes, more.num_attributes)
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
        })
    }
}
