//! How to open GPUs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::CudaError;
use crate::options::OptionValue;
use crate::plugin::{Finder, Platform};

/// How the plugin allocates the memory of GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CudaAllocator {
    /// XLA's own allocator, which divides large blocks. It is the default.
    Bfc,
    /// CUDA's pool of memory, which grows and shrinks with what is in use.
    CudaAsync,
    /// CUDA itself, for each array. It is slow, but no memory stays reserved.
    Platform,
}

impl CudaAllocator {
    const ALL: [CudaAllocator; 3] = [CudaAllocator::Bfc, CudaAllocator::CudaAsync, CudaAllocator::Platform];

    /// XLA's name of it.
    pub fn name(self) -> &'static str {
        match self {
            CudaAllocator::Bfc => "bfc",
            CudaAllocator::CudaAsync => "cuda_async",
            CudaAllocator::Platform => "platform",
        }
    }
}

/// How to open the GPUs of this process: where the plugin is, how memory is allocated, and which GPUs are used.
///
/// What is not set here is read from the environment, and what is not set there has JAX's default.
///
/// | option | variable | JAX's variable | default |
/// |---|---|---|---|
/// | [`preallocate`](Self::preallocate) | `COTANGENT_CUDA_PREALLOCATE` | `XLA_PYTHON_CLIENT_PREALLOCATE` | `true` |
/// | [`memory_fraction`](Self::memory_fraction) | `COTANGENT_CUDA_MEMORY_FRACTION` | `XLA_CLIENT_MEM_FRACTION` | 0.75 |
/// | [`allocator`](Self::allocator) | `COTANGENT_CUDA_ALLOCATOR` | `XLA_PYTHON_CLIENT_ALLOCATOR` | `bfc` |
/// | [`visible_devices`](Self::visible_devices) | `COTANGENT_CUDA_VISIBLE_DEVICES` | `JAX_CUDA_VISIBLE_DEVICES` | all |
///
/// `CUDA_VISIBLE_DEVICES` is read by the driver: GPUs that it hides cannot be selected here, and the others are counted
/// from 0.
///
/// ```no_run
/// use cotangent_xla::{Client, CudaOptions};
///
/// let client = Client::cuda_with(&CudaOptions::new().preallocate(false).visible_devices([0]))?;
/// # Ok::<(), cotangent_xla::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CudaOptions {
    plugin: Option<PathBuf>,
    directories: Vec<PathBuf>,
    preallocate: Option<bool>,
    memory_fraction: Option<f32>,
    allocator: Option<CudaAllocator>,
    visible_devices: Option<Vec<i64>>,
}

/// The options of this process.
static CURRENT: Mutex<Option<CudaOptions>> = Mutex::new(None);

impl CudaOptions {
    /// Nothing set.
    pub fn new() -> CudaOptions {
        CudaOptions::default()
    }

    /// Makes these the options of this process: of [`Client::cuda`](crate::Client::cuda), and so of all that opens GPUs
    /// without saying how. GPUs that are open already stay as they are, so call this first.
    ///
    /// ```
    /// use cotangent_xla::CudaOptions;
    ///
    /// CudaOptions::new().memory_fraction(0.5).make_current();
    /// assert_eq!(CudaOptions::current(), CudaOptions::new().memory_fraction(0.5));
    /// ```
    pub fn make_current(self) {
        *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(self);
    }

    /// The options of this process. Nothing is set unless [`make_current`](Self::make_current) was called.
    pub fn current() -> CudaOptions {
        CURRENT.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// The plugin to load. Nothing else is looked for.
    pub fn plugin(mut self, path: impl Into<PathBuf>) -> Self {
        self.plugin = Some(path.into());
        self
    }

    /// A directory that may hold the plugin, as `xla_cuda_plugin.so` or in the layout of Python's `site-packages`. It
    /// is searched after `PJRT_CUDA_PLUGIN`, before the directory of the executable. Can be called several times.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directories.push(path.into());
        self
    }

    /// Whether to take the memory of each GPU at the start, so that it cannot become fragmented.
    pub fn preallocate(mut self, preallocate: bool) -> Self {
        self.preallocate = Some(preallocate);
        self
    }

    /// The part of each GPU's memory that may be used, such as 0.5. A number greater than 1 lets the driver move what
    /// does not fit to the host.
    pub fn memory_fraction(mut self, fraction: f32) -> Self {
        self.memory_fraction = Some(fraction);
        self
    }

    /// How memory is allocated.
    pub fn allocator(mut self, allocator: CudaAllocator) -> Self {
        self.allocator = Some(allocator);
        self
    }

    /// The GPUs to use, by number.
    pub fn visible_devices(mut self, devices: impl IntoIterator<Item = u32>) -> Self {
        self.visible_devices = Some(devices.into_iter().map(i64::from).collect());
        self
    }

    /// The lookup of the plugin.
    pub fn finder(&self) -> Finder {
        let mut finder = Finder::from_env(Platform::Cuda);
        finder.explicit.clone_from(&self.plugin);
        finder.directories.splice(0..0, self.directories.iter().cloned());
        finder
    }

    /// The options of the plugin's client.
    ///
    /// # Errors
    /// If a value makes no sense.
    pub fn create_options(&self) -> Result<Vec<(&'static str, OptionValue)>, CudaError> {
        self.with_vars(&|name| std::env::var_os(name))
    }

    fn with_vars(&self, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Vec<(&'static str, OptionValue)>, CudaError> {
        const PREALLOCATE: &str = "COTANGENT_CUDA_PREALLOCATE";
        const FRACTION: &str = "COTANGENT_CUDA_MEMORY_FRACTION";
        const ALLOCATOR: &str = "COTANGENT_CUDA_ALLOCATOR";
        const DEVICES: &str = "COTANGENT_CUDA_VISIBLE_DEVICES";
        let var = |name: &str| env(name).filter(|v| !v.is_empty()).map(|v| v.to_string_lossy().into_owned());
        let wrong = |name: &'static str, value: &str, expected: &'static str| CudaError::Option {
            name,
            value: value.to_owned(),
            expected,
        };
        let mut options = Vec::new();

        let from_env = || {
            var(PREALLOCATE).map(|text| match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "on" | "yes" => Ok(true),
                "0" | "false" | "off" | "no" => Ok(false),
                _ => Err(wrong(PREALLOCATE, &text, "`true` or `false`")),
            })
        };
        if let Some(preallocate) = self.preallocate.map(Ok).or_else(from_env).transpose()? {
            options.push(("preallocate", OptionValue::Bool(preallocate)));
        }

        let expected = "a number greater than 0, such as `0.75`, the default";
        let positive = |name, text: &str, fraction: f32| match fraction.is_finite() && fraction > 0.0 {
            true => Ok(fraction),
            false => Err(wrong(name, text, expected)),
        };
        let from_code =
            self.memory_fraction.map(|fraction| positive("memory_fraction", &fraction.to_string(), fraction));
        let from_env = || {
            let read = |text: String| positive(FRACTION, &text, text.trim().parse().unwrap_or(f32::NAN));
            var(FRACTION).map(read)
        };
        if let Some(fraction) = from_code.or_else(from_env).transpose()? {
            options.push(("memory_fraction", OptionValue::Float(fraction)));
        }

        let from_env = || {
            var(ALLOCATOR).map(|text| {
                let named = CudaAllocator::ALL.into_iter().find(|allocator| allocator.name() == text.trim());
                named.ok_or_else(|| wrong(ALLOCATOR, &text, "`bfc`, `cuda_async` or `platform`"))
            })
        };
        if let Some(allocator) = self.allocator.map(Ok).or_else(from_env).transpose()? {
            options.push(("allocator", OptionValue::String(allocator.name().to_owned())));
        }

        let expected = "numbers of GPUs, each once, such as `0` or `0,1`";
        let distinct = |name, text: &str, devices: Option<Vec<i64>>| {
            let once =
                |devices: &[i64]| devices.iter().all(|d| devices.iter().filter(|other| *other == d).count() == 1);
            match devices.filter(|devices| !devices.is_empty() && once(devices)) {
                Some(devices) => Ok(devices),
                None => Err(wrong(name, text, expected)),
            }
        };
        let from_code = self.visible_devices.clone().map(|devices| {
            let text: Vec<_> = devices.iter().map(i64::to_string).collect();
            distinct("visible_devices", &text.join(","), Some(devices))
        });
        let from_env = || {
            var(DEVICES).filter(|text| text.trim() != "all").map(|text| {
                let number = |part: &str| part.trim().parse::<u32>().ok().map(i64::from);
                distinct(DEVICES, &text, text.split(',').map(number).collect())
            })
        };
        if let Some(devices) = from_code.or_else(from_env).transpose()? {
            options.push(("visible_devices", OptionValue::IntList(devices)));
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Options = Vec<(&'static str, OptionValue)>;

    fn read(code: &CudaOptions, env: &'static [(&'static str, &'static str)]) -> Result<Options, CudaError> {
        code.with_vars(&|name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into()))
    }

    #[test]
    fn options_come_from_code_or_else_from_the_environment() {
        let env: &[_] = &[
            ("COTANGENT_CUDA_PREALLOCATE", "false"),
            ("COTANGENT_CUDA_MEMORY_FRACTION", "0.5"),
            ("COTANGENT_CUDA_ALLOCATOR", "cuda_async"),
            ("COTANGENT_CUDA_VISIBLE_DEVICES", "1, 0"),
        ];
        let nothing = CudaOptions::new();
        assert_eq!(read(&nothing, &[]), Ok(vec![]));
        assert_eq!(read(&nothing, &[("COTANGENT_CUDA_VISIBLE_DEVICES", "all")]), Ok(vec![]));
        assert_eq!(
            read(&nothing, env),
            Ok(vec![
                ("preallocate", OptionValue::Bool(false)),
                ("memory_fraction", OptionValue::Float(0.5)),
                ("allocator", OptionValue::String("cuda_async".into())),
                ("visible_devices", OptionValue::IntList(vec![1, 0])),
            ])
        );
        let code =
            nothing.preallocate(true).memory_fraction(0.25).allocator(CudaAllocator::Platform).visible_devices([3]);
        assert_eq!(
            read(&code, env),
            Ok(vec![
                ("preallocate", OptionValue::Bool(true)),
                ("memory_fraction", OptionValue::Float(0.25)),
                ("allocator", OptionValue::String("platform".into())),
                ("visible_devices", OptionValue::IntList(vec![3])),
            ])
        );
    }

    #[test]
    fn values_that_make_no_sense_are_errors_that_name_them() {
        let nothing = CudaOptions::new();
        let cases: [&'static [(&'static str, &'static str)]; 8] = [
            &[("COTANGENT_CUDA_PREALLOCATE", "maybe")],
            &[("COTANGENT_CUDA_MEMORY_FRACTION", "half")],
            &[("COTANGENT_CUDA_MEMORY_FRACTION", "-0.5")],
            &[("COTANGENT_CUDA_MEMORY_FRACTION", "nan")],
            &[("COTANGENT_CUDA_ALLOCATOR", "malloc")],
            &[("COTANGENT_CUDA_VISIBLE_DEVICES", "0,x")],
            &[("COTANGENT_CUDA_VISIBLE_DEVICES", "1,1")],
            &[("COTANGENT_CUDA_VISIBLE_DEVICES", "-1")],
        ];
        for case in cases {
            let error = read(&nothing, case).unwrap_err().to_string();
            let (name, value) = case[0];
            assert!(error.starts_with(&format!("{name} is `{value}`, but it should be ")), "{error}");
        }
        for (code, said) in [
            (CudaOptions::new().memory_fraction(0.0), "memory_fraction is `0`"),
            (CudaOptions::new().visible_devices([]), "visible_devices is ``"),
            (CudaOptions::new().visible_devices([2, 2]), "visible_devices is `2,2`"),
        ] {
            let error = read(&code, &[]).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
