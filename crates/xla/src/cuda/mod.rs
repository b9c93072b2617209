//! NVIDIA GPUs: the driver, NVIDIA's libraries, and how to open the devices.

pub(crate) mod driver;
mod error;
pub(crate) mod libraries;
mod options;

pub use driver::{Driver, Gpu, Version};
pub use error::CudaError;
pub use libraries::Libraries;
pub use options::{CudaAllocator, CudaOptions};

use std::sync::Arc;

use crate::client::Client;
use crate::error::{Code, Error, Result};
use crate::key_value::KeyValueStore;
use crate::library::Plugin;
use crate::options::OptionValue;
use crate::plugin::{Finder, Location};

impl Client {
    /// Opens GPUs with the options of this process. Finds the plugin and NVIDIA's libraries, and fetches nothing: the
    /// error says how to get what is missing.
    pub fn cuda() -> Result<Client> {
        Self::cuda_with(&CudaOptions::current())
    }

    /// Opens GPUs as the options say. Finds the plugin and NVIDIA's libraries as [`cuda`](Self::cuda) does.
    ///
    /// # Errors
    /// If there is no plugin, no driver, no GPU, or a library is missing; a [`CudaError`] says which. If an option has
    /// a value that makes no sense.
    pub fn cuda_with(options: &CudaOptions) -> Result<Client> {
        let finder = options.finder();
        Self::cuda_at(&finder.locate()?, &finder, options)
    }

    /// Opens GPUs through the plugin at `location`, which `finder` has found.
    pub fn cuda_at(location: &Location, finder: &Finder, options: &CudaOptions) -> Result<Client> {
        Self::cuda_open(location, finder, options.create_options()?, None)
    }

    /// Opens the GPUs of one process of several, which find each other through `store`. `process` says which one this is:
    /// the plugin's options `node_id` and `num_nodes`. They take precedence over `options`. The call waits until all
    /// processes have made it.
    ///
    /// # Errors
    /// As [`cuda_with`](Self::cuda_with), and if another process does not come.
    pub fn cuda_among(
        options: &CudaOptions,
        process: &[(&'static str, OptionValue)],
        store: Arc<dyn KeyValueStore>,
    ) -> Result<Client> {
        let finder = options.finder();
        let mut create_options = options.create_options()?;
        create_options.retain(|(name, _)| process.iter().all(|(of_process, _)| of_process != name));
        create_options.extend_from_slice(process);
        Self::cuda_open(&finder.locate()?, &finder, create_options, Some(store))
    }

    fn cuda_open(
        location: &Location,
        finder: &Finder,
        mut create_options: Vec<(&'static str, OptionValue)>,
        store: Option<Arc<dyn KeyValueStore>>,
    ) -> Result<Client> {
        // As JAX says it.
        create_options.push(("platform_name", OptionValue::String("cuda".to_owned())));
        let driver = Driver::find()?;
        if let Some(toolkit) = location.toolkit() {
            driver.check(toolkit)?;
        }
        driver.gpus()?;
        let libraries = Libraries::find(location, finder);
        libraries.load()?;
        let plugin = Plugin::load_location(location)?;
        let client = Self::with_store(plugin, &create_options, store).map_err(|error| match error {
            Error::Pjrt { code: Code::FailedPrecondition, message, .. } if message.contains("No visible GPU") => {
                Error::Cuda(CudaError::NoGpu { visible: std::env::var("CUDA_VISIBLE_DEVICES").ok() })
            }
            error => error,
        })?;
        Ok(client.with_compiler(libraries.compiler))
    }
}
