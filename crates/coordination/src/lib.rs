//! A coordination service for the processes of one job: a key-value store, barriers and failure detection.
//!
//! A [`Coordinator`] runs in one process, usually process 0, or on its own. Every process of the job, including that one,
//! connects a [`Client`]. A client has one TCP connection, and any number of threads may use it at once.
//!
//! ```
//! use std::time::Duration;
//! use cotangent_coordination::{Client, Coordinator, Job, Member};
//!
//! let coordinator = Coordinator::start("127.0.0.1:0", Job::of(2))?;
//! let address = coordinator.address().to_string();
//! let second = Duration::from_secs(1);
//! let process = |id: u32| {
//!     let client = Client::connect(&address, &Member::new(id, 2), 10 * second)?;
//!     client.put(&format!("name/{id}"), format!("process {id}").as_bytes())?;
//!     let other = client.get(&format!("name/{}", 1 - id), 10 * second)?;
//!     client.barrier("end", 10 * second)?;
//!     client.leave()?;
//!     Ok::<_, cotangent_coordination::Error>(other)
//! };
//! // In a real job, each of these runs in a process of its own.
//! let [first, second_one] = std::thread::scope(|scope| {
//!     [scope.spawn(|| process(0)), scope.spawn(|| process(1))].map(|thread| thread.join().unwrap())
//! });
//! assert_eq!(first?, b"process 1");
//! assert_eq!(second_one?, b"process 0");
//! coordinator.shutdown(second);
//! # Ok::<(), cotangent_coordination::Error>(())
//! ```
//!
//! # Failures
//!
//! A process that ends without [`Client::leave`], or that sends nothing for the heartbeat timeout, is lost. The job has then
//! failed: every pending and every later call of every other process returns [`Error::Failed`], which names the lost process,
//! its host and how long it was silent. If the coordinator is lost, the calls return [`Error::CoordinatorLost`]. No call waits
//! longer than its timeout, and a timeout names the processes that were waited for.
//!
//! # The protocol
//!
//! Both sides send eight fixed bytes and the protocol's version, and then messages of a bounded length. The process
//! introduces itself with its id, the number of processes and the job's token. The coordinator compares them with its own. A
//! connection that sends anything else, or sends too slowly, is closed and harms nobody. Nothing is encrypted: the token keeps
//! jobs apart that meet on one port, and does not keep out an attacker.

mod client;
mod connect;
mod coordinator;
mod error;
mod frame;
mod host;
mod job;
mod message;
mod wire;

pub use client::{Client, Member};
pub use coordinator::Coordinator;
pub use error::{Error, Result};
pub use frame::{MAX_KEY, MAX_VALUE};
pub use job::Job;
pub use message::{Broken, Departure, Failure, Peer, Refusal};
