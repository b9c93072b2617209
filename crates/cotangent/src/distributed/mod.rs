//! Jobs of several processes, as in `jax.distributed`: processes on one or many hosts find each other, so that a program can
//! run on the GPUs of all of them.
//!
//! Every process calls [`initialize`] before its first array operation, and [`shutdown`] at its end. Process 0 runs the
//! coordinator, which all connect to. If a process dies, the calls of the others return an error that names it.
//!
//! ```no_run
//! use cotangent::distributed;
//!
//! distributed::initialize("10.0.0.1:1234", 2, 0)?; // in the other process: 1
//! println!("process {} of {}", distributed::process_index(), distributed::process_count());
//! distributed::shutdown()?;
//! # Ok::<(), cotangent::Error>(())
//! ```
//!
//! Nothing is encrypted, as in MPI and in JAX. Whoever reaches the port can disturb the job, so it must not be reachable from
//! a network that you do not trust.
//!
//! What a job can do today: its processes meet and agree on their devices and programs, and CUDA's devices are opened with
//! what XLA needs for NCCL. The CPU's plugin cannot run one program in several processes: there, every process computes on
//! its own devices only. The guide `docs/book/src/distributed.md` says what has been tested.

mod agreement;
mod devices;

use std::panic::Location;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::processes::{self, PATIENCE};

pub use crate::processes::config::Config;
pub use agreement::assert_same;
pub use devices::{GlobalDevice, devices};

/// Joins a job of several processes as number `id` of `processes`, and waits until all have joined. `coordinator` is the
/// host of process 0 and a free port on it, the same in all processes. Source: `jax.distributed.initialize`.
///
/// [`Config`] has more options, such as timeouts.
///
/// # Errors
/// If the coordinator does not answer or not all processes join within 300 s; the error names the address or the missing
/// processes. If the processes do not fit together: another number of processes, or one number twice. If this process has
/// joined a job already, or has used a device.
///
/// ```no_run
/// cotangent::distributed::initialize("10.0.0.1:1234", 2, 1)?;
/// # Ok::<(), cotangent::Error>(())
/// ```
#[track_caller]
pub fn initialize(coordinator: &str, processes: usize, id: usize) -> Result<()> {
    Config::new(coordinator, processes, id).initialize()
}

/// Joins the job that the environment describes. These variables are read; whatever is not set is taken from SLURM (`srun`)
/// or Open MPI (`mpirun`), as JAX takes it.
///
/// | variable | meaning |
/// |---|---|
/// | `COTANGENT_COORDINATOR` | host of process 0 and a port: `10.0.0.1:1234` |
/// | `COTANGENT_PROCESSES` | the number of processes |
/// | `COTANGENT_PROCESS_ID` | the number of this process, from 0 |
/// | `COTANGENT_JOB` | a name; processes with another name are not admitted |
/// | `COTANGENT_LOCAL_DEVICES` | the GPUs of this process among those of its host: `0,1` |
///
/// SLURM and Open MPI start one process for each GPU, so each process takes one: that of its place on the host, unless
/// `CUDA_VISIBLE_DEVICES` leaves it only one. Open MPI from version 5 on does not say where process 0 is: set
/// `COTANGENT_COORDINATOR`.
///
/// # Errors
/// If a variable is missing or malformed, and as [`initialize`].
///
/// ```no_run
/// cotangent::distributed::initialize_from_env()?;
/// # Ok::<(), cotangent::Error>(())
/// ```
#[track_caller]
pub fn initialize_from_env() -> Result<()> {
    let caller = Location::caller();
    Config::from_env().map_err(|error| error.at(caller))?.initialize()
}

/// Leaves the job, once all other processes do as well; waits for them for up to 300 s. Without a job, does nothing. A
/// process that ends without this counts as lost.
///
/// # Errors
/// If a process is lost, or does not call this in time. This process has left the job all the same.
///
/// ```
/// assert!(cotangent::distributed::shutdown().is_ok());
/// ```
#[track_caller]
pub fn shutdown() -> Result<()> {
    let caller = Location::caller();
    processes::leave().map_err(|error| error.at(caller))
}

/// Whether this process is part of a job.
///
/// ```
/// assert!(!cotangent::distributed::is_initialized());
/// ```
#[must_use]
pub fn is_initialized() -> bool {
    processes::membership().is_some()
}

/// The number of this process in its job; 0 without a job. Source: `jax.process_index`.
///
/// ```
/// assert_eq!(cotangent::distributed::process_index(), 0);
/// ```
#[must_use]
pub fn process_index() -> usize {
    processes::membership().map_or(0, |membership| membership.id)
}

/// The number of processes of the job; 1 without a job. Source: `jax.process_count`.
///
/// ```
/// assert_eq!(cotangent::distributed::process_count(), 1);
/// ```
#[must_use]
pub fn process_count() -> usize {
    processes::membership().map_or(1, |membership| membership.processes)
}

/// Returns an error if the job has failed, at no cost. Call it between steps of a long computation that needs no other
/// process.
///
/// # Errors
/// If a process or the coordinator is lost; the error names it.
///
/// ```
/// assert!(cotangent::distributed::check().is_ok());
/// ```
#[track_caller]
pub fn check() -> Result<()> {
    let caller = Location::caller();
    processes::membership().map_or(Ok(()), |membership| membership.check()).map_err(|error| error.at(caller))
}

/// Waits until all processes have called this with the same name. A name can be used again. Without a job, does nothing.
/// Source: `jax.experimental.multihost_utils.sync_global_devices`; computations on devices are not waited for.
///
/// # Errors
/// If a process does not arrive within `timeout`, has left, or is lost; the error names it. The barrier then fails in all
/// processes, whenever they arrive, and its name cannot be used again.
///
/// ```
/// use std::time::Duration;
/// assert!(cotangent::distributed::barrier("checkpoint written", Duration::from_secs(60)).is_ok());
/// ```
#[track_caller]
pub fn barrier(name: &str, timeout: Duration) -> Result<()> {
    let caller = Location::caller();
    processes::membership()
        .map_or(Ok(()), |membership| membership.barrier(name, timeout))
        .map_err(|error| error.at(caller))
}

/// Gives every process the bytes of all, in the order of the processes. All of them must call this with the same name, and
/// a name can be used again. Without a job, returns its own. The way leads through process 0, which suits settings and
/// sizes but not data: at most 16 MiB are allowed.
///
/// # Errors
/// If a process does not call this within 300 s, or is lost; the error names it.
///
/// ```
/// let names = cotangent::distributed::exchange("names", b"process 0").unwrap();
/// assert_eq!(names, [b"process 0"]);
/// ```
#[track_caller]
pub fn exchange(name: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let caller = Location::caller();
    exchanged("user", name, bytes).map_err(|error| error.at(caller))
}

/// The values of all processes. `kind` keeps the names of users apart from those of the library.
fn exchanged(kind: &str, name: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    match processes::membership() {
        Some(membership) => membership.exchange(&format!("{kind}/{name}"), bytes, PATIENCE),
        None => Ok(vec![bytes.to_vec()]),
    }
}

/// An error about what the processes exchange.
fn failure(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Process, message)
}
