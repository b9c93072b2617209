//! What can go wrong, and what the user can do about it.

use std::fmt;
use std::time::Duration;

use crate::frame::{MAX_KEY, MAX_VALUE, VERSION};
use crate::message::{Broken, Failure, Processes, Refusal, Seconds};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of this crate. Each message says what happened and what to do about it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The coordinator cannot listen on an address.
    Bind {
        /// The address.
        address: String,
        /// The system's error message.
        reason: String,
    },
    /// A job or a member that cannot be: no process at all, or an id that is out of range.
    Job {
        /// What is wrong.
        reason: String,
    },
    /// No coordinator could be reached.
    Unreachable {
        /// The address.
        address: String,
        /// How long it was tried.
        elapsed: Duration,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt failed with.
        last: String,
    },
    /// Something accepts connections at the address, or did, but does not answer.
    NoAnswer {
        /// The address.
        address: String,
        /// How long an answer was waited for.
        elapsed: Duration,
        /// What was asked.
        during: String,
    },
    /// Something else listens at the address.
    NotACoordinator {
        /// The address.
        address: String,
        /// What it did.
        reason: String,
    },
    /// The coordinator has another version of the protocol.
    Version {
        /// The address.
        address: String,
        /// The coordinator's version.
        theirs: u32,
    },
    /// The coordinator does not admit this process.
    Refused {
        /// The address.
        address: String,
        /// The id of this process.
        id: u32,
        /// Why.
        refusal: Refusal,
    },
    /// The job has failed, usually because a process is lost.
    Failed {
        /// How.
        failure: Failure,
    },
    /// The coordinator is lost, and with it the job.
    CoordinatorLost {
        /// Its address.
        address: String,
        /// Where it ran: process, host, pid.
        place: String,
        /// What happened to the connection.
        reason: String,
        /// How long it had been silent.
        silent: Duration,
    },
    /// A wait ended at its timeout.
    Timeout {
        /// What was waited for: a key or a barrier.
        what: String,
        /// How long.
        waited: Duration,
        /// The processes that did not arrive at the barrier.
        missing: Vec<u32>,
        /// The processes that have never connected.
        absent: Vec<u32>,
    },
    /// A barrier that not all processes will reach.
    Barrier {
        /// The barrier.
        name: String,
        /// Why.
        why: Broken,
    },
    /// The key has another value.
    Exists {
        /// The key.
        key: String,
    },
    /// A key or a value is too long.
    TooLong {
        /// What it is.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The store is full.
    Full {
        /// The bytes in it.
        bytes: u64,
    },
    /// This process has left the job.
    Left,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Bind { address, reason } => write!(
                f,
                "the coordinator cannot listen on {address}: {reason}. Choose a free port of this host, the same for all \
                 processes"
            ),
            Error::Job { reason } => f.write_str(reason),
            Error::Unreachable { address, elapsed, attempts, last } => write!(
                f,
                "no coordinator answered at {address} within {} ({attempts} attempts; the last one: {last}). Check that \
                 process 0 has been started, that it was given the same address, and that the port can be reached from \
                 this host",
                Seconds(*elapsed)
            ),
            Error::NoAnswer { address, elapsed, during } => write!(
                f,
                "the coordinator at {address} did not answer within {} ({during}). Check that it is running and that no \
                 other program listens there",
                Seconds(*elapsed)
            ),
            Error::NotACoordinator { address, reason } => write!(
                f,
                "what listens at {address} is no coordinator: {reason}. Check the address, or choose a port that no \
                 other program uses"
            ),
            Error::Version { address, theirs } => write!(
                f,
                "the coordinator at {address} has version {theirs} of the protocol and this process version {VERSION}. \
                 Run all processes from one build"
            ),
            Error::Refused { address, id, refusal } => {
                write!(f, "the coordinator at {address} does not admit this process as process {id}: {refusal}")
            }
            Error::Failed { failure } => write!(f, "the job has failed: {failure}"),
            Error::CoordinatorLost { address, place, reason, silent } => write!(
                f,
                "the coordinator at {address} ({place}) is lost: {reason}, {} after its last sign of life",
                Seconds(*silent)
            ),
            Error::Timeout { what, waited, missing, absent } => {
                write!(f, "{what} was waited for in vain for {}", Seconds(*waited))?;
                if !missing.is_empty() {
                    write!(f, "; {} did not arrive", Processes(missing))?;
                }
                match absent.len() {
                    0 => Ok(()),
                    1 => write!(f, "; {} has never connected", Processes(absent)),
                    _ => write!(f, "; {} have never connected", Processes(absent)),
                }
            }
            Error::Barrier { name, why } => write!(f, "not all processes will reach the barrier `{name}`: {why}"),
            Error::Exists { key } => {
                write!(f, "the key `{key}` has another value already; a key is written once, so use another one")
            }
            Error::TooLong { what, bytes } => {
                let limit = if *what == "value" { MAX_VALUE } else { MAX_KEY };
                write!(f, "the {what} has {bytes} bytes, but at most {limit} are allowed")
            }
            Error::Full { bytes } => {
                write!(f, "the store is full ({bytes} bytes); delete keys that all processes have read")
            }
            Error::Left => f.write_str("this process has left the job"),
        }
    }
}

/// The same as [`Display`](fmt::Display): `unwrap` prints this, and the advice is more useful there than field names.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
