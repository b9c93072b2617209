//! A client as one of several, each in a process of its own.

use crate::abi::{ClientDevicesArgs, ClientProcessIndexArgs};
use crate::api::slice;
use crate::client::{Client, non_null};
use crate::device::{DeviceInfo, describe};
use crate::error::Result;

impl Client {
    /// The number of this process among those that share the devices.
    pub fn process_index(&self) -> Result<i32> {
        let api = &self.0.plugin.api;
        let mut args = ClientProcessIndexArgs::new();
        args.client = self.0.raw();
        // SAFETY: the client is alive.
        unsafe { api.check(api.client_process_index(&mut args), "reading the process's number")? };
        Ok(args.process_index)
    }

    /// All devices of all processes, as far as the plugin knows them. Those of this process are [`devices`](Self::devices).
    pub fn global_devices(&self) -> Result<Vec<DeviceInfo>> {
        const DURING: &str = "listing the devices of all processes";
        let api = &self.0.plugin.api;
        let mut args = ClientDevicesArgs::new();
        args.client = self.0.raw();
        // SAFETY: the client is alive and owns the list and the devices in it.
        unsafe {
            api.check(api.client_devices(&mut args), DURING)?;
            let devices = slice(args.devices, args.num_devices).iter();
            devices.map(|&device| describe(api, non_null(device, DURING)?)).collect()
        }
    }
}
