//! The kinds of device that a program can be lowered for.

/// The kind of device that programs run on.
///
/// ```
/// use cotangent::Platform;
/// assert_ne!(Platform::Cpu, Platform::Cuda);
/// assert_eq!(Platform::Cuda.to_string(), "cuda");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// The host's CPU.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
}

impl Platform {
    /// All platforms.
    pub(crate) const ALL: [Platform; 2] = [Platform::Cpu, Platform::Cuda];

    /// The name of the platform in XLA.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Platform::Cpu => "cpu",
            Platform::Cuda => "cuda",
        }
    }
}

/// Its name in XLA, such as `cpu`.
impl AsRef<str> for Platform {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
