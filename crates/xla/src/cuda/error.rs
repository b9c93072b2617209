//! What can be wrong on the way to a GPU, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use super::driver::Version;
use crate::plugin::Toolkit;

/// What is wrong on the way to a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CudaError {
    /// There is no plugin for GPUs.
    PluginMissing {
        /// Where it was looked for, in order.
        looked: Vec<String>,
        /// The release of CUDA to fetch: the newest that the driver supports. `None` if none is listed for this
        /// machine.
        toolkit: Option<Toolkit>,
        /// This machine, as in `linux-x86_64`.
        target: String,
    },
    /// There is no NVIDIA driver.
    DriverMissing {
        /// What the dynamic loader said.
        reason: String,
        /// Whether the kernel has the driver, so that only its library is absent.
        kernel: bool,
    },
    /// The driver supports only older releases of CUDA.
    DriverTooOld {
        /// The release of the driver, such as `535.104.05`, if it is known.
        driver: Option<String>,
        /// The newest CUDA that it supports.
        supports: Version,
        /// The release of CUDA that the plugin needs.
        needs: Toolkit,
    },
    /// The driver works, but there is no GPU to use.
    NoGpu {
        /// The value of `CUDA_VISIBLE_DEVICES`, if it is set.
        visible: Option<String>,
    },
    /// The driver reports an error.
    Driver {
        /// The call that failed.
        call: &'static str,
        /// CUDA's number of the error.
        code: i32,
        /// The driver's name and description of the error.
        text: String,
    },
    /// Libraries that XLA needs are nowhere.
    LibraryMissing {
        /// Each library with the package that holds it.
        missing: Vec<(&'static str, &'static str)>,
        /// The directories that were searched.
        looked: Vec<PathBuf>,
        /// The release of CUDA that they belong to.
        toolkit: Option<Toolkit>,
    },
    /// A library is there, but cannot be loaded.
    LibraryUnusable {
        /// The file.
        path: PathBuf,
        /// What the dynamic loader said.
        reason: String,
    },
    /// An option has a value that is none.
    Option {
        /// The option, or the variable that it was read from.
        name: &'static str,
        /// The value.
        value: String,
        /// What would be one.
        expected: &'static str,
    },
}

impl fmt::Display for CudaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CudaError::PluginMissing { looked, toolkit, target } => {
                f.write_str("there is no PJRT plugin for NVIDIA GPUs. ")?;
                match toolkit {
                    Some(toolkit) => write!(
                        f,
                        "Fetch one with `cotangent setup {}`, which says what it downloads and asks first, or install \
                         JAX with CUDA in the active Python environment (`pip install \"jax[{}]\"`), or set \
                         PJRT_CUDA_PLUGIN to the path of one",
                        toolkit.name(),
                        toolkit.name()
                    )?,
                    None => write!(f, "None is listed for {target}. Set PJRT_CUDA_PLUGIN to the path of one")?,
                }
                f.write_str(". It was looked for in\n  ")?;
                f.write_str(&looked.join("\n  "))
            }
            CudaError::DriverMissing { reason, kernel } => {
                write!(f, "there is no NVIDIA driver: libcuda.so.1 cannot be loaded ({reason}). ")?;
                f.write_str(match kernel {
                    true => {
                        "The kernel has the driver, so its library is not visible here: in a container, start it with \
                         access to the GPUs (`docker run --gpus all`)"
                    }
                    false => {
                        "Install NVIDIA's driver for Linux, or run on a machine that has a GPU. Programs run on the \
                         CPU without it"
                    }
                })
            }
            CudaError::DriverTooOld { driver, supports, needs } => {
                let driver = driver.as_ref().map_or_else(String::new, |driver| format!(" {driver}"));
                write!(
                    f,
                    "the NVIDIA driver{driver} supports CUDA {supports}, but the plugin needs {needs}. Update the \
                     driver to release {} or newer",
                    needs.oldest_driver()
                )?;
                match Toolkit::ALL.into_iter().find(|toolkit| toolkit.major() <= supports.major) {
                    Some(toolkit) => write!(f, ", or use {toolkit}: `cotangent setup {}`", toolkit.name()),
                    None => Ok(()),
                }
            }
            CudaError::NoGpu { visible } => match visible.as_deref().map(str::trim) {
                None => f.write_str(
                    "the NVIDIA driver is there, but it reports no GPU. `nvidia-smi` lists what it sees; in a \
                     container, start it with access to the GPUs (`docker run --gpus all`)",
                ),
                Some("") => f.write_str(
                    "CUDA_VISIBLE_DEVICES is set to nothing, which hides all GPUs. Unset it, or set it to the numbers \
                     of the GPUs to use, such as `0` or `0,1`",
                ),
                Some(visible) => write!(
                    f,
                    "CUDA_VISIBLE_DEVICES is `{visible}`, which selects no GPU of this machine. Unset it, or set it to \
                     numbers of `nvidia-smi --list-gpus`, such as `0` or `0,1`"
                ),
            },
            CudaError::Driver { call, code, text } => write!(
                f,
                "the NVIDIA driver reports an error: {call} returned {code} ({text}). If `nvidia-smi` fails as well, \
                 load the driver again or restart the machine"
            ),
            CudaError::LibraryMissing { missing, looked, toolkit } => {
                let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
                let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
                packages.dedup();
                write!(f, "NVIDIA's libraries are incomplete: {} cannot be found. ", names.join(", "))?;
                if let Some(toolkit) = toolkit {
                    write!(f, "Fetch what is missing with `cotangent setup {}`, or install ", toolkit.name())?;
                } else {
                    f.write_str("Install ")?;
                }
                write!(f, "{} in the Python environment. ", packages.join(" "))?;
                let looked: Vec<_> = looked.iter().map(|dir| dir.display().to_string()).collect();
                match looked.is_empty() {
                    true => f.write_str("No directory of NVIDIA's wheels was found")?,
                    false => write!(f, "The directories that were searched are {}", looked.join(", "))?,
                }
                f.write_str(", and the dynamic loader does not find them either")
            }
            CudaError::LibraryUnusable { path, reason } => {
                write!(f, "{} cannot be loaded: {reason}. Install its package again", path.display())
            }
            CudaError::Option { name, value, expected } => {
                write!(f, "{name} is `{value}`, but it should be {expected}")
            }
        }
    }
}

impl From<CudaError> for crate::Error {
    fn from(e: CudaError) -> crate::Error {
        crate::Error::Cuda(e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_says_what_to_do() {
        let version = |major, minor| Version { major, minor };
        let old = |supports, needs| {
            CudaError::DriverTooOld { driver: Some("535.104.05".into()), supports, needs }.to_string()
        };
        assert_eq!(
            old(version(12, 2), Toolkit::Cuda13),
            "the NVIDIA driver 535.104.05 supports CUDA 12.2, but the plugin needs CUDA 13. Update the driver to \
             release 580 or newer, or use CUDA 12: `cotangent setup cuda12`"
        );
        assert!(old(version(11, 4), Toolkit::Cuda12).ends_with("to release 525 or newer"));
        let gpu = |visible: Option<&str>| CudaError::NoGpu { visible: visible.map(str::to_owned) }.to_string();
        assert!(gpu(None).contains("reports no GPU") && !gpu(None).contains("CUDA_VISIBLE_DEVICES"));
        assert!(gpu(Some("")).contains("is set to nothing"));
        assert!(gpu(Some("7")).contains("is `7`, which selects no GPU"));
        let missing = |toolkit| {
            let missing = vec![("libcudnn.so.9", "nvidia-cudnn-cu13"), ("libcufft.so.12", "nvidia-cufft")];
            CudaError::LibraryMissing { missing, looked: vec!["/site/nvidia/cudnn/lib".into()], toolkit }.to_string()
        };
        assert_eq!(
            missing(Some(Toolkit::Cuda13)),
            "NVIDIA's libraries are incomplete: libcudnn.so.9, libcufft.so.12 cannot be found. Fetch what is missing with \
             `cotangent setup cuda13`, or install nvidia-cudnn-cu13 nvidia-cufft in the Python environment. The \
             directories that were searched are /site/nvidia/cudnn/lib, and the dynamic loader does not find them either"
        );
        assert!(missing(None).contains("found. Install nvidia-cudnn-cu13 "));
        let plugin = |toolkit| {
            let looked = vec!["PJRT_CUDA_PLUGIN: not set".to_owned()];
            CudaError::PluginMissing { looked, toolkit, target: "linux-sparc".into() }.to_string()
        };
        assert!(plugin(Some(Toolkit::Cuda12)).contains("`cotangent setup cuda12`"));
        assert!(plugin(None).contains("None is listed for linux-sparc") && !plugin(None).contains("setup"));
        let driver = |kernel| CudaError::DriverMissing { reason: "no such file".into(), kernel }.to_string();
        assert!(driver(false).contains("Install NVIDIA's driver") && driver(true).contains("container"));
    }
}
