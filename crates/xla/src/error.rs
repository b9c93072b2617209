//! What can go wrong, and what the user can do about it.

use std::fmt;
use std::path::PathBuf;

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
    /// The file is no plugin, or one that cannot be used.
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
        /// The variable that can name one.
        variable: &'static str,
    },
    /// There is no plugin in the cache and fetching is forbidden.
    Offline {
        /// The package that would be fetched.
        package: String,
        /// The cache that was looked in.
        cache: PathBuf,
        /// The variable that can name a plugin.
        variable: &'static str,
    },
    /// No place to keep the plugin is known.
    NoCacheDirectory,
    /// The cache directory cannot be written to.
    CacheUnwritable {
        /// The file or directory that could not be written.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A plugin in the cache is not what was put there.
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
        /// The package wanted.
        package: String,
        /// The variable that can name a plugin.
        variable: &'static str,
    },
    /// `pip` ran and failed.
    FetchFailed {
        /// The package wanted.
        package: String,
        /// The command.
        command: String,
        /// The end of what it printed.
        output: String,
        /// Whether `pip` said that it has no such package for this machine.
        unavailable: bool,
    },
    /// The wheel that came is not the one in the lock.
    FetchHash {
        /// The package.
        package: String,
        /// The SHA-256 in the lock.
        expected: String,
        /// The SHA-256 of what came, where it is known.
        found: String,
    },
    /// The wheel has the right hash, yet the plugin in it is missing or is not the one in the lock.
    FetchContents {
        /// The package.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// An error from inside the plugin: compilation, execution, a device.
    Pjrt {
        /// The kind of error.
        code: Code,
        /// What was being done.
        during: &'static str,
        /// The plugin's own words.
        message: String,
    },
    /// The caller's arguments do not fit.
    Argument(ArgumentError),
}

/// Which way arguments did not fit. These are found before the plugin sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The wrong number of arguments.
    Count {
        /// As many as the program takes.
        expected: usize,
        /// As many as were given.
        found: usize,
    },
    /// An argument of the wrong element type or shape.
    Shape {
        /// Which argument, from 0.
        index: usize,
        /// What the program takes.
        expected: ArrayShape,
        /// What was given.
        found: ArrayShape,
    },
    /// A buffer of another client.
    Client {
        /// Which argument, from 0.
        index: usize,
    },
    /// Host memory of the wrong size.
    Bytes {
        /// The array it should hold.
        shape: ArrayShape,
        /// The bytes that array takes.
        expected: usize,
        /// The bytes given.
        found: usize,
    },
    /// A shape with a negative dimension, or too large to address.
    Unaddressable {
        /// The shape.
        shape: ArrayShape,
    },
    /// The program has another number of parameters than its compilation was told.
    ParameterCount {
        /// As many as the program has.
        program: usize,
        /// As many as the caller named.
        caller: usize,
    },
    /// A parameter of the program has another type than its compilation was told.
    Parameter {
        /// Which parameter, from 0.
        index: usize,
        /// Its type in the program, if that is an array at all.
        program: Option<ArrayShape>,
        /// The type the caller named.
        caller: ArrayShape,
    },
    /// The program runs on several devices at once, or on none that this process has.
    Devices {
        /// On how many.
        count: usize,
    },
    /// There is no such device.
    Device {
        /// The index given.
        index: usize,
        /// How many devices there are.
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
            /// A number that is not in the interface.
            Other(i32),
        }

        impl From<i32> for Code {
            fn from(code: i32) -> Code {
                match code { $($code => Code::$name,)* other => Code::Other(other) }
            }
        }
    };
}

codes! {
    /// The operation was cancelled.
    Cancelled = 1;
    /// An error without a kind.
    Unknown = 2;
    /// The program or an option is wrong.
    InvalidArgument = 3;
    /// It took too long.
    DeadlineExceeded = 4;
    /// Something named was not found.
    NotFound = 5;
    /// Something is there already.
    AlreadyExists = 6;
    /// Not allowed.
    PermissionDenied = 7;
    /// Out of memory, most often.
    ResourceExhausted = 8;
    /// The system is not in the state needed, as with no visible GPU.
    FailedPrecondition = 9;
    /// The operation was aborted.
    Aborted = 10;
    /// Out of range.
    OutOfRange = 11;
    /// The plugin cannot do this.
    Unimplemented = 12;
    /// A bug in the plugin or the compiler.
    Internal = 13;
    /// Not available now.
    Unavailable = 14;
    /// Data were lost.
    DataLoss = 15;
    /// Not authenticated.
    Unauthenticated = 16;
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::PluginMissing { from, path } => write!(
                f,
                "there is no PJRT plugin at {}, which comes from {from}. Correct the path, or leave \
                 it out to have the plugin found in the cache or fetched",
                path.display()
            ),
            Error::PluginInvalid { path, reason } => write!(
                f,
                "{} cannot be used as a PJRT plugin: {reason}. It should be a shared library for \
                 this machine that exports GetPjrtApi",
                path.display()
            ),
            Error::PluginUnsupported { platform, target, variable } => write!(
                f,
                "no {platform} plugin is listed for {target}. If you have one built for this \
                 machine, name it in {variable}"
            ),
            Error::Offline { package, cache, variable } => write!(
                f,
                "the PJRT plugin ({package}) is not in the cache {} and COTANGENT_OFFLINE forbids \
                 fetching it. Unset COTANGENT_OFFLINE once, copy the cache of a machine that has \
                 it, or name a plugin in {variable}",
                cache.display()
            ),
            Error::NoCacheDirectory => f.write_str(
                "no cache directory is known, as neither COTANGENT_CACHE_DIR nor XDG_CACHE_HOME \
                 nor HOME is set. Set COTANGENT_CACHE_DIR to a directory with 500 MB of room",
            ),
            Error::CacheUnwritable { path, reason } => write!(
                f,
                "the plugin cannot be stored, as {} cannot be written: {reason}. Make it writable, \
                 free some room, or set COTANGENT_CACHE_DIR to another directory",
                path.display()
            ),
            Error::CacheDamaged { path, reason } => write!(
                f,
                "the cached plugin {} is damaged: {reason}. Delete it and run again to have it \
                 fetched anew",
                path.display()
            ),
            Error::FetchPipMissing { tried, package, variable } => write!(
                f,
                "the PJRT plugin ({package}) must be fetched once with pip, but pip was not found \
                 (tried: {}). Install Python with pip, or name a plugin you have in {variable}",
                tried.join(", ")
            ),
            Error::FetchFailed { package, command, output, unavailable } => {
                let advice = if *unavailable {
                    "pip found no such package for this machine. Check that its package index can be \
                     reached and is the one you mean (the command can be run by hand)"
                } else {
                    "Check the network and pip's configuration (the command can be run by hand)"
                };
                write!(
                    f,
                    "fetching the PJRT plugin ({package}) failed. {advice}. The command was\n  \
                     {command}\nand it said\n  {}",
                    output.trim_end().replace('\n', "\n  ")
                )
            }
            Error::FetchHash { package, expected, found } => write!(
                f,
                "the wheel of {package} that came is not the one in third_party/plugins.lock and \
                 was thrown away: expected sha256 {expected}, found {found}. A proxy may have \
                 altered it or the download broke off: try again, and if it stays so, check the \
                 package index pip uses"
            ),
            Error::FetchContents { package, reason } => write!(
                f,
                "the wheel of {package} does not hold the plugin that third_party/plugins.lock \
                 promises: {reason}. The lock is wrong: please report it"
            ),
            Error::Pjrt { code, during, message } => {
                write!(f, "{during} failed ({code:?}): {message}")
            }
            Error::Argument(e) => e.fmt(f),
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
                "argument {index} should be {expected}, but {found} was given; convert or reshape \
                 it, or compile the program for that type"
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
                "the program has {program} parameters, but {caller} were named when it was compiled \
                 or loaded; name them as they stand in its main function"
            ),
            ArgumentError::Parameter { index, program, caller } => {
                let program = program.as_ref().map_or("no array".to_owned(), ArrayShape::to_string);
                write!(
                    f,
                    "parameter {index} of the program is {program}, but {caller} was named when it was \
                     compiled or loaded; name it as it stands in its main function"
                )
            }
            ArgumentError::Devices { count } => {
                write!(f, "the program was compiled for {count} devices at once, and can only be run on one")
            }
            ArgumentError::Device { index, count } => {
                write!(f, "there is no device {index}; the client has {count}")
            }
        }
    }
}

/// The same as [`Display`](fmt::Display): `unwrap` and a `main` that returns an error print this, and there the
/// advice is worth more than the names of fields.
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
