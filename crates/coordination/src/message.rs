//! What processes and the coordinator say to each other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::wire::{Wire, wire};

/// A process of a job, as it introduced itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number in the job.
    pub id: u32,
    /// The name of its host.
    pub host: String,
    /// Its process id on that host.
    pub pid: u32,
    /// The address that it connected from.
    pub address: String,
}

impl Wire for Peer {
    fn write(&self, out: &mut Vec<u8>) {
        self.id.write(out);
        self.host.write(out);
        self.pid.write(out);
        self.address.write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Peer {
            id: Wire::read(input)?,
            host: Wire::read(input)?,
            pid: Wire::read(input)?,
            address: Wire::read(input)?,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (host {}, pid {}, {})", self.id, self.host, self.pid, self.address)
    }
}

wire! {
    /// Why a process is lost.
    #[non_exhaustive]
    pub enum Departure {
        /// Its connection closed without a goodbye, as when a process ends or is killed.
        Closed = 1 {
            /// How long before that it was last heard.
            silent: Duration,
        },
        /// No heartbeat arrived for too long, as when a host or the network between fails.
        Silent = 2 {
            /// How long it was silent.
            silent: Duration,
        },
        /// It sent something that is no message.
        Malformed = 3 {},
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Departure::Closed { silent } => {
                write!(
                    f,
                    "it ended without leaving the job: its connection closed {} after its last sign of life",
                    Seconds(*silent)
                )
            }
            Departure::Silent { silent } => write!(f, "it has been silent for {}", Seconds(*silent)),
            Departure::Malformed {} => write!(f, "it sent something that is no message of the protocol"),
        }
    }
}

wire! {
    /// Why the coordinator does not admit a process.
    #[non_exhaustive]
    pub enum Refusal {
        /// It belongs to another job.
        Token = 1 {},
        /// It was started for another number of processes.
        Count = 2 {
            /// The number of processes of the job.
            job: u32,
            /// The number that the process was started with.
            process: u32,
        },
        /// Its id is not below the number of processes.
        Id = 3 {
            /// The number of processes of the job.
            processes: u32,
        },
        /// Another process has its id.
        Taken = 4 {
            /// That process.
            by: Peer,
        },
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Token {} => write!(f, "it belongs to another job: its token is not that of this job"),
            Refusal::Count { job, process } => {
                write!(f, "it was started for {process} processes, but the job has {job}")
            }
            Refusal::Id { processes } => {
                write!(
                    f,
                    "its id is out of range: a job of {processes} processes has the ids 0 to {}",
                    processes.saturating_sub(1)
                )
            }
            Refusal::Taken { by } => write!(f, "its id is taken: {by} has joined with the same id"),
        }
    }
}

wire! {
    /// Why a whole job has failed.
    #[non_exhaustive]
    pub enum Failure {
        /// A process is lost.
        Lost = 1 {
            /// The process.
            peer: Peer,
            /// How it was lost.
            how: Departure,
        },
        /// Before the job was complete, a process came that does not fit it, so another one will be missing.
        Misfit = 2 {
            /// The process.
            peer: Peer,
            /// Why it does not fit.
            refusal: Refusal,
        },
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Lost { peer, how } => write!(f, "{peer} is lost: {how}"),
            Failure::Misfit { peer, refusal } => write!(f, "{peer} does not fit the job: {refusal}"),
        }
    }
}

wire! {
    /// Why a barrier fails.
    #[non_exhaustive]
    pub enum Broken {
        /// A process that had arrived gave up waiting.
        GaveUp = 1 {
            /// The process.
            peer: Peer,
            /// How long it had waited.
            waited: Duration,
            /// The processes that had not arrived by then.
            missing: Vec<u32>,
        },
        /// A process left the job, so it will never arrive.
        Left = 2 {
            /// The process.
            peer: Peer,
        },
        /// This process waits at the barrier already.
        Repeated = 3 {},
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::GaveUp { peer, waited, missing } => {
                write!(f, "{peer} gave up after {} of waiting for {}", Seconds(*waited), Processes(missing))
            }
            Broken::Left { peer } => write!(f, "{peer} has left the job and will not arrive"),
            Broken::Repeated {} => write!(f, "another thread of this process waits at it already; use another name"),
        }
    }
}

wire! {
    /// From a process to the coordinator. All but the first, `Heartbeat` and `Goodbye` have the number of a request.
    pub(crate) enum ToCoordinator {
        Hello = 1 { token: String, processes: u32, id: u32, host: String, pid: u32 },
        Heartbeat = 2 {},
        Put = 3 { request: u64, key: String, value: Arc<[u8]> },
        /// Answered once the key has a value.
        Get = 4 { request: u64, key: String },
        TryGet = 5 { request: u64, key: String },
        Delete = 6 { request: u64, key: String },
        /// Answered once all processes have arrived.
        Barrier = 7 { request: u64, name: String },
        /// The process no longer waits for an answer. It gets one all the same: `Late`, with what is missing.
        Cancel = 8 { request: u64, waited: Duration },
        Goodbye = 9 { request: u64 },
    }
}

wire! {
    /// From the coordinator to a process.
    pub(crate) enum ToProcess {
        Welcome = 1 { heartbeat: Duration, silence: Duration, within: Option<u32>, host: String, pid: u32 },
        Refused = 2 { refusal: Refusal },
        Heartbeat = 3 {},
        Done = 4 { request: u64 },
        Value = 5 { request: u64, value: Arc<[u8]> },
        /// The key has no value.
        Absent = 6 { request: u64 },
        /// The key has another value.
        Exists = 7 { request: u64 },
        /// The store holds this many bytes, which is all it may.
        Full = 8 { request: u64, bytes: u64 },
        /// The answer to `Cancel`: the processes that are missing at the barrier, and those that never connected.
        Late = 9 { request: u64, missing: Vec<u32>, absent: Vec<u32> },
        BarrierBroken = 10 { request: u64, why: Broken },
        Failed = 11 { failure: Failure },
    }
}

impl ToProcess {
    /// The request that this answers.
    pub(crate) fn request(&self) -> Option<u64> {
        match self {
            Self::Done { request }
            | Self::Value { request, .. }
            | Self::Absent { request }
            | Self::Exists { request }
            | Self::Full { request, .. }
            | Self::Late { request, .. }
            | Self::BarrierBroken { request, .. } => Some(*request),
            Self::Welcome { .. } | Self::Refused { .. } | Self::Heartbeat {} | Self::Failed { .. } => None,
        }
    }
}

/// A duration, as messages print it.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

/// Process ids, as messages print them: `process 3`, `processes 1, 2 and 5`.
pub(crate) struct Processes<'a>(pub(crate) &'a [u32]);

impl fmt::Display for Processes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let Some((last, rest)) = self.0.split_last() else { return write!(f, "no process") };
        if rest.is_empty() {
            return write!(f, "process {last}");
        }
        let list = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        match self.0.len() {
            count @ ..=SHOWN => write!(f, "{count} processes ({} and {last})", list(rest)),
            count => write!(f, "{count} processes ({}, … and {last})", list(&rest[..SHOWN - 1])),
        }
    }
}
