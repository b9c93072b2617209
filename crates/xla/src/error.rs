//! What can go wrong, and what the user can do about it.

use std::fmt;
use std::path::PathBuf;

use crate::cuda::CudaError;
use crate::memory::OutOfMemory;
use crate::shape::ArrayShape;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate. Each message says what happened and what to do about it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A plugin was named, in code or in the environment, but there is no such file.
    PluginMissing {
        /// Where the name came from: `PJRT_CPU_PLUGIN`, or "the path given".
        from: String,
        /// The path that does not exist.
        path: PathBuf,
    },
    /// The file is not a plugin, or not one that can be used.
    PluginInvalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No plugin is listed for this operating system and processor.
    PluginUnsupported {
        /// `cpu` or `cuda`.
        platform: &'static str,
        /// This machine, as in `linux-x86_64`.
        target: String,
        /// The environment variable that can name a plugin.
        variable: &'static str,
    },
    /// There is no plugin in the cache, and fetching is forbidden.
    Offline {
        /// The package that would be fetched.
        package: String,
        /// The cache that was looked in.
        cache: PathBuf,
        /// The environment variable that can name a plugin.
        variable: &'static str,
    },
    /// No directory is known to store the plugin in.
    NoCacheDirectory,
    /// The cache directory cannot be written to.
    CacheUnwritable {
        /// The file or directory that could not be written.
        path: PathBuf,
        /// The system's error message.
        reason: String,
    },
    /// A plugin in the cache is not the file that was stored there.
    CacheDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No `pip` can be run.
    FetchPipMissing {
        /// The commands that were tried.
        tried: Vec<String>,
        /// The package to fetch.
        package: String,
        /// The environment variable that can name a plugin.
        variable: &'static str,
    },
    /// `pip` ran and failed.
    FetchFailed {
        /// The package to fetch.
        package: String,
        /// The command.
        command: String,
        /// The end of what it printed.
        output: String,
        /// Whether `pip` reported that it has no such package for this machine.
        unavailable: bool,
    },
    /// The wheel that was fetched is not the one in the lock.
    FetchHash {
        /// The package.
        package: String,
        /// The SHA-256 in the lock.
        expected: String,
        /// The SHA-256 of the wheel that was fetched, if known.
        found: String,
    },
    /// The wheel has the right hash, but the plugin in it is missing or is not the one in the lock.
    FetchContents {
        /// The package.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// Something is missing on the way to a GPU.
    Cuda(CudaError),
    /// An error from inside the plugin: compilation, execution, or a device.
    Pjrt {
        /// The kind of error.
        code: Code,
        /// The operation that failed.
        during: &'static str,
        /// The plugin's message.
        message: String,
    },
    /// There was too little memory on a device.
    OutOfMemory(Box<OutOfMemory>),
    /// The caller's arguments are wrong.
    Argument(ArgumentError),
}

/// What is wrong with the arguments. These errors are found before the plugin sees the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The wrong number of arguments.
    Count {
        /// The number of parameters of the program.
        expected: usize,
        /// The number of arguments given.
        found: usize,
    },
    /// An argument of the wrong element type or shape.
    Shape {
        /// Which argument, from 0.
        index: usize,
        /// The type of the parameter.
        expected: ArrayShape,
        /// The type of the argument.
        found: ArrayShape,
    },
    /// An argument that belongs to another client.
    Client {
        /// Which argument, from 0.
        index: usize,
    },
    /// Host memory of the wrong size.
    Bytes {
        /// The array that it should hold.
        shape: ArrayShape,
        /// The size of that array in bytes.
        expected: usize,
        /// The number of bytes given.
        found: usize,
    },
    /// A shape with a negative dimension, or one too large to address.
    Unaddressable {
        /// The shape.
        shape: ArrayShape,
    },
    /// The program has another number of parameters than the caller declared when it was compiled.
    ParameterCount {
        /// The number of parameters of the program.
        program: usize,
        /// The number of parameters that the caller declared.
        caller: usize,
    },
    /// A parameter of the program has another type than the caller declared when it was compiled.
    Parameter {
        /// Which parameter, from 0.
        index: usize,
        /// Its type in the program, if that is an array.
        program: Option<ArrayShape>,
        /// The type that the caller declared.
        caller: ArrayShape,
    },
    /// The program runs on several devices at once, or on none that this process has.
    Devices {
        /// The number of devices.
        count: usize,
    },
    /// There is no device with this index.
    Device {
        /// The index given.
        index: usize,
        /// The number of devices of the client.
        count: usize,
    },
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// The kind of an error from a plugin.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// A code that the interface does not define.
            Other(i32),
        }

        impl Code {
            /// The number of the C interface.
            pub(crate) fn number(self) -> i32 {
                match self { $(Code::$name => $code,)* Code::Other(other) => other }
            }
        }

        impl From<i32> for Code {
            fn from(code: i32) -> Code {
                match code { $($code => Code::$name,)* other => Code::Other(other) }
            }
        }
    };
}

codes! {
    /// The operation was canceled.
    Cancelled = 1;
    /// An error without a kind.
    Unknown = 2;
    /// The program or an option is wrong.
    InvalidArgument = 3;
    /// A deadline was exceeded.
    DeadlineExceeded = 4;
    /// A named thing was not found.
    NotFound = 5;
    /// The thing exists already.
    AlreadyExists = 6;
    /// Not allowed.
    PermissionDenied = 7;
    /// Usually: out of memory.
    ResourceExhausted = 8;
    /// The system is not in the required state; for instance, there is no visible GPU.
    FailedPrecondition = 9;
    /// The operation was aborted.
    Aborted = 10;
    /// Out of range.
    OutOfRange = 11;
    /// The plugin does not support this.
    Unimplemented = 12;
    /// A bug in the plugin or the compiler.
    Internal = 13;
    /// Not available at the moment.
    Unavailable = 14;
    /// Data was lost.
    DataLoss = 15;
    /// Not authenticated.
    Unauthenticated = 16;
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::PluginMissing { from, path } => write!(
                f,
                "there is no PJRT plugin at {} (the path comes from {from}). Correct the path, or omit \
                 it so that the plugin is found in the cache or fetched",
                path.display()
            ),
            Error::PluginInvalid { path, reason } => write!(
                f,
                "{} cannot be used as a PJRT plugin: {reason}. It must be a shared library for \
                 this machine that exports GetPjrtApi",
                path.display()
            ),
            Error::PluginUnsupported { platform, target, variable } => write!(
                f,
                "no {platform} plugin is listed for {target}. If you have a plugin built for this \
                 machine, set {variable} to its path"
            ),
            Error::Offline { package, cache, variable } => write!(
                f,
                "the PJRT plugin ({package}) is not in the cache {} and COTANGENT_OFFLINE forbids \
                 fetching it. Unset COTANGENT_OFFLINE once, copy the cache from a machine that has \
                 it, or set {variable} to the path of a plugin",
                cache.display()
            ),
            Error::NoCacheDirectory => f.write_str(
                "there is no cache directory, because none of COTANGENT_CACHE_DIR, XDG_CACHE_HOME \
                 and HOME is set. Set COTANGENT_CACHE_DIR to a directory with 500 MB of free space",
            ),
            Error::CacheUnwritable { path, reason } => write!(
                f,
                "the plugin cannot be stored because {} cannot be written: {reason}. Make it writable, \
                 free some space, or set COTANGENT_CACHE_DIR to another directory",
                path.display()
            ),
            Error::CacheDamaged { path, reason } => write!(
                f,
                "the cached plugin {} is damaged: {reason}. Delete it and run again to \
                 fetch it again",
                path.display()
            ),
            Error::FetchPipMissing { tried, package, variable } => write!(
                f,
                "the PJRT plugin ({package}) must be fetched once with pip, but pip was not found \
                 (tried: {}). Install Python with pip, or set {variable} to the path of a plugin",
                tried.join(", ")
            ),
            Error::FetchFailed { package, command, output, unavailable } => {
                let advice = if *unavailable {
                    "pip found no such package for this machine. Check that its package index is \
                     reachable and is the intended one (you can run the command by hand)"
                } else {
                    "Check the network and pip's configuration (you can run the command by hand)"
                };
                write!(
                    f,
                    "fetching the PJRT plugin ({package}) failed. {advice}. The command was\n  \
                     {command}\nand it printed\n  {}",
                    output.trim_end().replace('\n', "\n  ")
                )
            }
            Error::FetchHash { package, expected, found } => write!(
                f,
                "the fetched wheel of {package} is not the one in third_party/plugins.lock and \
                 was discarded: expected sha256 {expected}, found {found}. A proxy may have \
                 altered it, or the download was interrupted: try again, and if the error persists, check the \
                 package index that pip uses"
            ),
            Error::FetchContents { package, reason } => write!(
                f,
                "the wheel of {package} does not contain the plugin that third_party/plugins.lock \
                 lists: {reason}. The lock is wrong; please report it"
            ),
            Error::Pjrt { code, during, message } => {
                write!(f, "{during} failed ({code:?}): {message}")
            }
            Error::Argument(e) => e.fmt(f),
            Error::Cuda(e) => e.fmt(f),
            Error::OutOfMemory(e) => e.fmt(f),
        }
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentError::Count { expected, found } => {
                write!(f, "the program takes {expected} arguments, but {found} were given")
            }
            ArgumentError::Shape { index, expected, found } => write!(
                f,
                "argument {index} must be {expected}, but {found} was given; convert or reshape it, or compile the \
                 program for that type"
            ),
            ArgumentError::Client { index } => {
                write!(f, "argument {index} belongs to another client; copy it through the host first")
            }
            ArgumentError::Bytes { shape, expected, found } => {
                write!(f, "{shape} takes {expected} bytes, but {found} were given")
            }
            ArgumentError::Unaddressable { shape } => {
                write!(f, "{shape} has a negative dimension or is too large to address")
            }
            ArgumentError::ParameterCount { program, caller } => write!(
                f,
                "the program has {program} parameters, but {caller} were declared when it was compiled \
                 or loaded; declare them as in its main function"
            ),
            ArgumentError::Parameter { index, program, caller } => {
                let program = program.as_ref().map_or("no array".to_owned(), ArrayShape::to_string);
                write!(
                    f,
                    "parameter {index} of the program is {program}, but {caller} was declared when it was \
                     compiled or loaded; declare it as in its main function"
                )
            }
            ArgumentError::Devices { count } => {
                write!(f, "the program was compiled for {count} devices at once, but can only be run on one")
            }
            ArgumentError::Device { index, count } => {
                write!(f, "there is no device {index}; the client has {count}")
            }
        }
    }
}

/// The same as [`Display`](fmt::Display). `unwrap` and a `main` that returns an error print this, and the advice is
/// more useful there than the names of fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<ArgumentError> for Error {
    fn from(e: ArgumentError) -> Error {
        Error::Argument(e)
    }
}
