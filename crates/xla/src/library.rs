//! A loaded plugin: the shared library, its functions and its attributes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::abi::{ApiHead, PluginAttributesArgs, PluginInitializeArgs};
use crate::api::{Api, Value, named_values};
use crate::cuda::libraries;
use crate::elf;
use crate::error::{Error, Result};
use crate::plugin::{self, Location};

/// A PJRT plugin in this process.
///
/// A plugin stays loaded until the process ends: these libraries start threads and register handlers, and none of them
/// supports being unloaded.
pub struct Plugin {
    path: PathBuf,
    real_path: PathBuf,
    pub(crate) api: Api,
    attributes: Vec<(String, Value)>,
    sha256: OnceLock<String>,
}

/// The plugins of this process by canonical path, so that each is initialized once.
static LOADED: Mutex<Option<HashMap<PathBuf, Arc<Plugin>>>> = Mutex::new(None);

impl Plugin {
    /// Loads the plugin at `path`, or returns it if this process has loaded it already.
    pub fn load(path: &Path) -> Result<Arc<Plugin>> {
        Self::load_known(path, None)
    }

    /// Loads the plugin that [`plugin::locate`](crate::plugin::locate) found. If the lookup knows its hash, the hash is
    /// not computed again.
    pub fn load_location(location: &Location) -> Result<Arc<Plugin>> {
        if location.toolkit().is_some() {
            libraries::load_runtime(location);
        }
        Self::load_known(&location.path, location.sha256())
    }

    fn load_known(path: &Path, sha256: Option<&str>) -> Result<Arc<Plugin>> {
        let invalid = |reason: String| Error::PluginInvalid { path: path.to_owned(), reason };
        let real = path.canonicalize().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Error::PluginMissing { from: "the path given".into(), path: path.to_owned() }
            }
            _ => invalid(e.to_string()),
        })?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_default();
        if let Some(plugin) = loaded.get(&real) {
            return Ok(plugin.clone());
        }
        // The dynamic loader maps a file without checking that it is complete, and accessing a page beyond its end
        // kills the process.
        elf::check(&real).map_err(invalid)?;
        let api = open(&real).map_err(invalid)?;
        // SAFETY: the arguments are complete, and the plugin outlives every error it makes.
        unsafe {
            let mut args = PluginInitializeArgs::new();
            api.check(api.plugin_initialize(&mut args), "initializing the plugin")?;
        }
        let mut args = PluginAttributesArgs::new();
        // SAFETY: the arguments are complete; the attributes live as long as the process.
        let attributes = unsafe {
            api.check(api.plugin_attributes(&mut args), "reading the plugin's attributes")?;
            named_values(args.attributes, args.num_attributes)
        };
        let plugin = Arc::new(Plugin {
            path: path.to_owned(),
            real_path: real.clone(),
            api,
            attributes,
            sha256: OnceLock::new(),
        });
        if let Some(sha256) = sha256 {
            let _ = plugin.sha256.set(sha256.to_owned());
        }
        loaded.insert(real, plugin.clone());
        Ok(plugin)
    }

    /// The version of the PJRT interface that the plugin was built with: major and minor.
    pub fn api_version(&self) -> (i32, i32) {
        self.api.version
    }

    /// The attributes that the plugin reports, such as `stablehlo_current_version`.
    pub fn attributes(&self) -> &[(String, Value)] {
        &self.attributes
    }

    /// One of [`attributes`](Self::attributes), by name.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The newest StableHLO version that the plugin reads, such as `1.20.0`.
    pub fn stablehlo_version(&self) -> Option<String> {
        self.attribute("stablehlo_current_version").map(Value::to_string)
    }

    /// The SHA-256 of the library in hexadecimal digits. It identifies the compiler exactly, so it belongs in the cache
    /// key of everything it compiles. For a plugin from the cache it is known. For any other plugin the whole file is
    /// read, and the result is stored in the cache for as long as the file is unchanged.
    pub fn sha256(&self) -> Result<&str> {
        if let Some(sha256) = self.sha256.get() {
            return Ok(sha256);
        }
        let sha256 = plugin::sha256(&self.real_path)
            .map_err(|e| Error::PluginInvalid { path: self.path.clone(), reason: e.to_string() })?;
        Ok(self.sha256.get_or_init(|| sha256))
    }

    /// The plugins that this process has loaded.
    pub(crate) fn loaded() -> Vec<Arc<Plugin>> {
        let loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.iter().flat_map(HashMap::values).cloned().collect()
    }

    /// The file that is mapped, without symbolic links.
    pub(crate) fn real_path(&self) -> &Path {
        &self.real_path
    }

    /// The file it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("path", &self.path)
            .field("api_version", &self.api.version)
            .finish_non_exhaustive()
    }
}

/// Opens a library whose log lines are dropped.
///
/// # Safety
/// The library's initializers run.
unsafe fn open_quietly(path: &Path) -> std::result::Result<libloading::Library, libloading::Error> {
    // SAFETY: guaranteed by the caller.
    let library = unsafe { libloading::Library::new(path)? };
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
    let library = {
        let handle = libloading::os::unix::Library::from(library).into_raw();
        // SAFETY: the handle is the library's, which was loaded just now.
        unsafe {
            crate::logs::silence(handle);
            libloading::os::unix::Library::from_raw(handle).into()
        }
    };
    Ok(library)
}

/// Opens the library and reads its function table.
fn open(path: &Path) -> std::result::Result<Api, String> {
    type GetApi = unsafe extern "C" fn() -> *const ApiHead;
    // SAFETY: opening runs the library's initializers. The user asks for this by naming the library, or by letting it
    // be fetched and verified.
    let library = unsafe { open_quietly(path) }.map_err(|e| chain(&e))?;
    // SAFETY: this is the type of the one symbol that every plugin exports.
    let get_api = unsafe { library.get::<GetApi>(b"GetPjrtApi\0") };
    let get_api = *get_api.map_err(|e| format!("it has no GetPjrtApi ({})", chain(&e)))?;
    // From here on the library's code may run on its own threads, so it must never be unloaded.
    std::mem::forget(library);
    // SAFETY: the function takes no arguments and returns a static table.
    let head = unsafe { get_api() };
    let head = NonNull::new(head.cast_mut()).ok_or("its GetPjrtApi returned null")?;
    // SAFETY: the table is static and the library stays loaded.
    unsafe { Api::read(head) }
}

/// Loads a library for good, such that libraries that are loaded later find it by its name. A bare name is looked up by
/// the dynamic loader.
pub(crate) fn open_global(path: &Path) -> std::result::Result<(), String> {
    #[cfg(unix)]
    let opened = {
        use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
        // SAFETY: opening runs the library's initializers. It is one of NVIDIA's, which a plugin would open itself.
        unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }
    };
    #[cfg(not(unix))]
    // SAFETY: as above.
    let opened = unsafe { libloading::Library::new(path) };
    // From here on the library's code may run on its own threads, so it must never be unloaded.
    opened.map(std::mem::forget).map_err(|e| chain(&e))
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
