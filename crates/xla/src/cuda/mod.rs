//! NVIDIA GPUs: the driver, NVIDIA's libraries, and how to open the devices.

pub(crate) mod driver;
mod error;
pub(crate) mod libraries;
mod options;

pub use driver::{Driver, Gpu, Version};
pub use error::CudaError;
pub use libraries::Libraries;
pub use options::{Allocator, CudaOptions};

use crate::client::Client;
use crate::error::{Code, Error, Result};
use crate::library::Plugin;
use crate::plugin::{Finder, Location};

impl Client {
    /// Opens all visible GPUs. Finds the plugin and NVIDIA's libraries, and fetches nothing: the error says how to get
    /// what is missing.
    pub fn cuda() -> Result<Client> {
        Self::cuda_with(&CudaOptions::new())
    }

    /// Opens GPUs as the options say. Finds the plugin and NVIDIA's libraries as [`cuda`](Self::cuda) does.
    ///
    /// # Errors
    /// If there is no plugin, no driver, no GPU, or a library is missing; a [`CudaError`] says which. If an option has a
    /// value that makes no sense.
    pub fn cuda_with(options: &CudaOptions) -> Result<Client> {
        let finder = options.finder();
        Self::cuda_at(&finder.locate()?, &finder, options)
    }

    /// Opens GPUs through the plugin at `location`, which `finder` has found.
    pub fn cuda_at(location: &Location, finder: &Finder, options: &CudaOptions) -> Result<Client> {
        let create_options = options.create_options()?;
        let driver = Driver::find()?;
        if let Some(toolkit) = location.toolkit() {
            driver.check(toolkit)?;
        }
        driver.gpus()?;
        let libraries = Libraries::find(location, finder);
        libraries.load()?;
        let plugin = Plugin::load_location(location)?;
        let client = Self::new(plugin, &create_options).map_err(|error| match error {
            Error::Pjrt { code: Code::FailedPrecondition, message, .. } if message.contains("No visible GPU") => {
                Error::Cuda(CudaError::NoGpu { visible: std::env::var("CUDA_VISIBLE_DEVICES").ok() })
            }
            error => error,
        })?;
        Ok(client.with_compiler(libraries.compiler))
    }
}
