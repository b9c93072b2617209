//! The job that this process is part of: its number in it, the connection to the other processes, and what a plugin needs
//! to find them. Not here: what users call, which is in `distributed`; arrays and clients.

pub(crate) mod cluster;
pub(crate) mod config;
mod store;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coordination::{Client, Coordinator, Job, Member};

use crate::error::{Error, ErrorKind, Result};

use config::Config;
use store::Store;

/// How long processes wait for each other when they do not say: at the end, or for a value.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// What this process knows of its job.
struct State {
    membership: Option<Arc<Membership>>,
    /// Whether a client has been opened. It is then too late to join a job.
    opened: bool,
}

static STATE: Mutex<State> = Mutex::new(State { membership: None, opened: false });

/// The state. While a process joins a job, this waits: until then, nobody knows which process it is.
fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// This process as a member of a job.
pub(crate) struct Membership {
    pub(crate) id: usize,
    pub(crate) processes: usize,
    client: Client,
    /// In process 0.
    coordinator: Mutex<Option<Coordinator>>,
    local_devices: Option<Vec<i64>>,
    /// How often each exchange has been made.
    rounds: Mutex<HashMap<String, u64>>,
    /// The number of stores that plugins have received.
    stores: AtomicU64,
}

/// The membership, if this process is part of a job.
pub(crate) fn membership() -> Option<Arc<Membership>> {
    state().membership.clone()
}

/// To be called before a client is opened: from then on, this process cannot join a job.
pub(crate) fn opening() -> Option<Arc<Membership>> {
    let mut state = state();
    state.opened = true;
    state.membership.clone()
}

/// Joins a job, and waits until all of its processes have.
pub(crate) fn join(config: Config) -> Result<()> {
    joined(config).map_err(|error| error.context("distributed::initialize"))
}

fn joined(config: Config) -> Result<()> {
    config.check()?;
    let mut state = state();
    if let Some(known) = &state.membership {
        let message = format!("this process has joined a job already, as process {} of {}", known.id, known.processes);
        return Err(failure(message).help("call `distributed::initialize` once, at the beginning of `main`"));
    }
    if state.opened {
        let message = "this process cannot join a job any more, because its devices are in use";
        return Err(failure(message).help("call `distributed::initialize` before the first array operation"));
    }
    let start = Instant::now();
    let left = || config.timeout.saturating_sub(start.elapsed());
    let (coordinator, address) = match config.id {
        0 => {
            let coordinator = listen(&config)?;
            let address = coordinator.local_address().to_string();
            (Some(coordinator), address)
        }
        _ => (None, config.coordinator.clone()),
    };
    let [id, processes] = [config.id, config.processes].map(number);
    let member = Member::new(id, processes).token(config.token.clone());
    let client = Client::connect(&address, &member, left())?;
    client.barrier("cotangent: start", left())?;
    let membership = Arc::new(Membership {
        id: config.id,
        processes: config.processes,
        client,
        coordinator: Mutex::new(coordinator),
        local_devices: config.local_devices.map(|list| list.into_iter().map(|place| place as i64).collect()),
        rounds: Mutex::default(),
        stores: AtomicU64::new(0),
    });
    state.membership = Some(membership.clone());
    // The function may run at once, and may ask which process this is.
    drop(state);
    if let Some(f) = config.on_failure {
        membership.client.on_failure(move |error| f(&Error::from(error.clone())));
    }
    Ok(())
}

/// Starts the coordinator.
fn listen(config: &Config) -> Result<Coordinator> {
    let job = Job::of(number(config.processes)).token(config.token.clone());
    let job = job.heartbeat_timeout(config.heartbeat_timeout).within(0);
    if let Some(address) = &config.bind {
        return Ok(Coordinator::start(address, job)?);
    }
    let (host, port) = config.parts()?;
    // What is meant for this host is not offered to the network.
    let loopback =
        host == "localhost" || format!("{host}:{port}").parse::<SocketAddr>().is_ok_and(|a| a.ip().is_loopback());
    if loopback {
        return Ok(Coordinator::start(&config.coordinator, job)?);
    }
    // All addresses of this host, of both kinds if it has both.
    let all = Coordinator::start(&format!("[::]:{port}"), job.clone());
    Ok(all.or_else(|_| Coordinator::start(&format!("0.0.0.0:{port}"), job))?)
}

/// Leaves the job, once all other processes do.
pub(crate) fn leave() -> Result<()> {
    left().map_err(|error| error.context("distributed::shutdown"))
}

fn left() -> Result<()> {
    let mut state = state();
    let Some(membership) = state.membership.take() else { return Ok(()) };
    // Whatever happens, this process is no longer part of the job.
    drop(state);
    let together = membership.client.barrier("cotangent: end", PATIENCE).and_then(|()| membership.client.leave());
    let coordinator = membership.coordinator.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(coordinator) = coordinator {
        let patience = if together.is_ok() { Duration::from_secs(10) } else { Duration::ZERO };
        coordinator.shutdown(patience);
    }
    Ok(together?)
}

impl Membership {
    /// An error if the job has failed.
    pub(crate) fn check(&self) -> Result<()> {
        Ok(self.client.check()?)
    }

    /// Waits until all processes have arrived.
    pub(crate) fn barrier(&self, name: &str, timeout: Duration) -> Result<()> {
        Ok(self.client.barrier(name, timeout)?)
    }

    /// Gives every process the values of all, in the order of the processes.
    pub(crate) fn exchange(&self, name: &str, value: &[u8], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        let round = {
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            let round = rounds.entry(name.to_owned()).or_default();
            *round += 1;
            *round
        };
        let start = Instant::now();
        let key = |round, id| format!("exchange/{name}/{round}/{id}");
        self.client.put(&key(round, self.id), value)?;
        let get = |id| {
            let value = self.client.get(&key(round, id), timeout.saturating_sub(start.elapsed()));
            value.map_err(|error| match error {
                coordination::Error::Timeout { .. } => {
                    let seconds = timeout.as_secs_f64();
                    failure(format!("process {id} did not take part in the exchange `{name}` within {seconds} s"))
                }
                error => error.into(),
            })
        };
        let values = (0..self.processes).map(get).collect::<Result<Vec<_>>>()?;
        // Whoever has put a value in this round has read all of those of the round before.
        if let Some(before) = round.checked_sub(1) {
            self.client.delete(&key(before, self.id))?;
        }
        Ok(values)
    }

    /// How a client for GPUs is opened in a job: the options that say which process this is, and the store through which
    /// the plugin finds the others. Every process opens its clients in the same order.
    pub(crate) fn for_gpus(self: &Arc<Self>) -> (Vec<(&'static str, xla::OptionValue)>, Arc<dyn xla::KeyValueStore>) {
        let int = |number: usize| xla::OptionValue::Int(number as i64);
        let mut options = vec![("node_id", int(self.id)), ("num_nodes", int(self.processes))];
        if let Some(list) = &self.local_devices {
            options.push(("visible_devices", xla::OptionValue::IntList(list.clone())));
        }
        let number = self.stores.fetch_add(1, Ordering::Relaxed);
        (options, Arc::new(Store::new(self.clone(), number)))
    }
}

fn number(count: usize) -> u32 {
    // `Config::check` has compared it with a limit.
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn failure(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Process, message)
}

/// Converts the errors of the coordination service into those of the library.
impl From<coordination::Error> for Error {
    fn from(error: coordination::Error) -> Error {
        failure(error.to_string())
    }
}
