//! The state of a job: who is in it, what is in the store, and who waits for what.
//!
//! Nothing here touches a connection. A message goes into the process's queue, and dropping the queue closes its
//! connection.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::frame::{MAX_KEY, MAX_VALUE};
use crate::host;
use crate::message::{Broken, Departure, Failure, Peer, Refusal, ToCoordinator, ToProcess};

/// The maximum number of processes of a job.
const MAX_PROCESSES: u32 = 1 << 16;
/// The maximum number of bytes in the store.
const MAX_STORE: u64 = 4 << 30;

/// A job, as its coordinator knows it.
#[derive(Clone, Debug)]
pub struct Job {
    pub(crate) processes: u32,
    pub(crate) token: String,
    pub(crate) silence: Duration,
    pub(crate) within: Option<u32>,
}

impl Job {
    /// A job of this many processes, without a token, with a heartbeat timeout of 100 s.
    pub fn of(processes: u32) -> Job {
        Job { processes, token: String::new(), silence: Duration::from_secs(100), within: None }
    }

    /// Sets the token. Processes with another token are not admitted, and do not disturb the job.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Job {
        self.token = token.into();
        self
    }

    /// Sets the heartbeat timeout. A process that is silent for longer is lost. Five heartbeats are sent in that time.
    #[must_use]
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Job {
        self.silence = timeout;
        self
    }

    /// Says that the coordinator runs in this process of the job, so that errors can name it.
    #[must_use]
    pub fn within(mut self, process: u32) -> Job {
        self.within = Some(process);
        self
    }

    /// # Errors
    /// If there can be no such job.
    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=MAX_PROCESSES).contains(&self.processes) {
            let reason = format!("a job has 1 to {MAX_PROCESSES} processes, but {} were given", self.processes);
            return Err(Error::Job { reason });
        }
        if self.silence < Duration::from_millis(10) {
            return Err(Error::Job { reason: format!("a heartbeat timeout of {:?} is too short", self.silence) });
        }
        check_token(&self.token)
    }
}

/// # Errors
/// If the token is too long.
pub(crate) fn check_token(token: &str) -> Result<()> {
    if token.len() > MAX_KEY { Err(Error::TooLong { what: "token", bytes: token.len() }) } else { Ok(()) }
}

/// A process that joined.
enum Place {
    /// It is connected.
    Present(Present),
    /// It said goodbye.
    Left(Peer),
    /// It is lost.
    Lost(Peer),
}

struct Present {
    peer: Peer,
    queue: Sender<ToProcess>,
    waits: HashMap<u64, Wait>,
}

/// What a request waits for.
enum Wait {
    Key(String),
    Barrier(String),
}

/// A barrier that was reached by some.
enum Barrier {
    /// The processes that have arrived, each with its request.
    Open(BTreeMap<u32, u64>),
    /// It fails, for whoever arrives.
    Broken(Broken),
}

/// The state of a job.
pub(crate) struct State {
    pub(crate) job: Job,
    places: BTreeMap<u32, Place>,
    store: HashMap<String, Arc<[u8]>>,
    stored: u64,
    /// Who waits for a key that has no value.
    readers: HashMap<String, Vec<(u32, u64)>>,
    barriers: HashMap<String, Barrier>,
    failure: Option<Failure>,
}

impl State {
    pub(crate) fn new(job: Job) -> State {
        State {
            job,
            places: BTreeMap::new(),
            store: HashMap::new(),
            stored: 0,
            readers: HashMap::new(),
            barriers: HashMap::new(),
            failure: None,
        }
    }

    /// How often a process sends a heartbeat.
    fn heartbeat(&self) -> Duration {
        self.job.silence / 5
    }

    /// Admits a process. If it is not admitted, the error is what to tell it.
    pub(crate) fn admit(
        &mut self,
        token: &str,
        processes: u32,
        peer: Peer,
        queue: Sender<ToProcess>,
    ) -> std::result::Result<(), ToProcess> {
        if token != self.job.token {
            return Err(ToProcess::Refused { refusal: Refusal::Token {} });
        }
        if let Some(failure) = &self.failure {
            return Err(ToProcess::Failed { failure: failure.clone() });
        }
        let refusal = if processes != self.job.processes {
            Some(Refusal::Count { job: self.job.processes, process: processes })
        } else if peer.id >= processes {
            Some(Refusal::Id { processes })
        } else {
            self.places.get(&peer.id).map(|place| match place {
                Place::Present(Present { peer, .. }) | Place::Left(peer) | Place::Lost(peer) => {
                    Refusal::Taken { by: peer.clone() }
                }
            })
        };
        if let Some(refusal) = refusal {
            // Each process of a job comes once. If one comes wrongly before the job is complete, one will be missing.
            if self.places.len() < self.job.processes as usize {
                self.fail(Failure::Misfit { peer, refusal: refusal.clone() });
            }
            return Err(ToProcess::Refused { refusal });
        }
        let welcome = ToProcess::Welcome {
            heartbeat: self.heartbeat(),
            silence: self.job.silence,
            within: self.job.within,
            host: host::name().to_owned(),
            pid: std::process::id(),
        };
        // The queue is new, and its other end is alive.
        let _ = queue.send(welcome);
        self.places.insert(peer.id, Place::Present(Present { peer, queue, waits: HashMap::new() }));
        Ok(())
    }

    /// The number of processes that are connected.
    pub(crate) fn present(&self) -> usize {
        self.places.values().filter(|place| matches!(place, Place::Present(_))).count()
    }

    /// Whether nobody is connected and nobody will be.
    pub(crate) fn is_over(&self) -> bool {
        let complete = self.places.len() == self.job.processes as usize;
        self.present() == 0 && (complete || self.failure.is_some())
    }

    /// Closes all connections.
    pub(crate) fn close(&mut self) {
        self.places.clear();
    }

    /// Handles a message of a process. Returns whether the process stays.
    pub(crate) fn handle(&mut self, id: u32, message: ToCoordinator) -> std::result::Result<bool, Departure> {
        match message {
            ToCoordinator::Heartbeat {} => self.send(id, ToProcess::Heartbeat {}),
            ToCoordinator::Goodbye { request } => {
                self.send(id, ToProcess::Done { request });
                self.leave(id);
                return Ok(false);
            }
            ToCoordinator::Hello { .. } => return Err(Departure::Malformed {}),
            // The process has been told of the failure already.
            _ if self.failure.is_some() => {}
            ToCoordinator::Put { request, key, value } => self.put(id, request, key, value)?,
            ToCoordinator::Get { request, key } => match self.store.get(&key) {
                Some(value) => self.send(id, ToProcess::Value { request, value: value.clone() }),
                None => {
                    self.readers.entry(key.clone()).or_default().push((id, request));
                    self.wait(id, request, Wait::Key(key));
                }
            },
            ToCoordinator::TryGet { request, key } => {
                let answer = match self.store.get(&key) {
                    Some(value) => ToProcess::Value { request, value: value.clone() },
                    None => ToProcess::Absent { request },
                };
                self.send(id, answer);
            }
            ToCoordinator::Delete { request, key } => {
                if let Some(value) = self.store.remove(&key) {
                    self.stored -= size(&key, &value);
                }
                self.send(id, ToProcess::Done { request });
            }
            ToCoordinator::Barrier { request, name } => self.arrive(id, request, name),
            ToCoordinator::Cancel { request, waited } => self.cancel(id, request, waited),
        }
        Ok(true)
    }

    /// Records that a process is lost. The job has failed with that.
    pub(crate) fn lose(&mut self, id: u32, how: Departure) {
        let Some(Place::Present(present)) = self.places.remove(&id) else { return };
        self.places.insert(id, Place::Lost(present.peer.clone()));
        self.fail(Failure::Lost { peer: present.peer, how });
    }

    fn leave(&mut self, id: u32) {
        let Some(Place::Present(present)) = self.places.remove(&id) else { return };
        let peer = present.peer;
        self.places.insert(id, Place::Left(peer.clone()));
        for waiting in present.waits.into_values() {
            if let Wait::Key(key) = waiting {
                self.no_reader(&key, id, None);
            }
        }
        let open = self.barriers.iter().filter(|(_, barrier)| matches!(barrier, Barrier::Open(_)));
        let open: Vec<String> = open.map(|(name, _)| name.clone()).collect();
        open.iter().for_each(|name| self.break_barrier(name, &Broken::Left { peer: peer.clone() }));
    }

    fn put(&mut self, id: u32, request: u64, key: String, value: Arc<[u8]>) -> std::result::Result<(), Departure> {
        if key.len() > MAX_KEY || value.len() > MAX_VALUE {
            return Err(Departure::Malformed {});
        }
        if let Some(before) = self.store.get(&key) {
            let same = *before == value;
            self.send(id, if same { ToProcess::Done { request } } else { ToProcess::Exists { request } });
            return Ok(());
        }
        if self.stored + size(&key, &value) > MAX_STORE {
            self.send(id, ToProcess::Full { request, bytes: self.stored });
            return Ok(());
        }
        for (reader, its_request) in self.readers.remove(&key).unwrap_or_default() {
            if self.stop_waiting(reader, its_request).is_some() {
                self.send(reader, ToProcess::Value { request: its_request, value: value.clone() });
            }
        }
        self.stored += size(&key, &value);
        self.store.insert(key, value);
        self.send(id, ToProcess::Done { request });
        Ok(())
    }

    fn arrive(&mut self, id: u32, request: u64, name: String) {
        let gone = self.places.values().find_map(|place| match place {
            Place::Left(peer) => Some(peer.clone()),
            _ => None,
        });
        let barrier = self.barriers.entry(name.clone()).or_insert_with(|| match gone {
            Some(peer) => Barrier::Broken(Broken::Left { peer }),
            None => Barrier::Open(BTreeMap::new()),
        });
        let arrived = match barrier {
            Barrier::Open(arrived) => arrived,
            Barrier::Broken(why) => {
                let why = why.clone();
                return self.send(id, ToProcess::BarrierBroken { request, why });
            }
        };
        if arrived.contains_key(&id) {
            return self.send(id, ToProcess::BarrierBroken { request, why: Broken::Repeated {} });
        }
        arrived.insert(id, request);
        let complete = arrived.len() == self.job.processes as usize;
        self.wait(id, request, Wait::Barrier(name.clone()));
        if complete && let Some(Barrier::Open(arrived)) = self.barriers.remove(&name) {
            for (id, request) in arrived {
                self.stop_waiting(id, request);
                self.send(id, ToProcess::Done { request });
            }
        }
    }

    /// Ends a wait whose process has given up. If it has been answered in the meantime, there is nothing to do.
    fn cancel(&mut self, id: u32, request: u64, waited: Duration) {
        let all = self.job.processes;
        let absent = (0..all).filter(|id| !self.places.contains_key(id)).collect();
        match self.stop_waiting(id, request) {
            None => {}
            Some(Wait::Key(key)) => {
                self.no_reader(&key, id, Some(request));
                self.send(id, ToProcess::Late { request, missing: Vec::new(), absent });
            }
            Some(Wait::Barrier(name)) => {
                let Some(Barrier::Open(arrived)) = self.barriers.get_mut(&name) else { return };
                let missing: Vec<u32> = (0..all).filter(|id| !arrived.contains_key(id)).collect();
                arrived.remove(&id);
                if let Some(Place::Present(present)) = self.places.get(&id) {
                    let peer = present.peer.clone();
                    self.break_barrier(&name, &Broken::GaveUp { peer, waited, missing: missing.clone() });
                }
                self.send(id, ToProcess::Late { request, missing, absent });
            }
        }
    }

    /// Makes a barrier fail for those that wait at it and for those that are yet to arrive.
    fn break_barrier(&mut self, name: &str, why: &Broken) {
        if let Some(Barrier::Open(arrived)) = self.barriers.insert(name.to_owned(), Barrier::Broken(why.clone())) {
            for (id, request) in arrived {
                self.stop_waiting(id, request);
                self.send(id, ToProcess::BarrierBroken { request, why: why.clone() });
            }
        }
    }

    /// Removes a process from those that wait for a key: one of its requests, or all of them.
    fn no_reader(&mut self, key: &str, id: u32, request: Option<u64>) {
        if let Some(readers) = self.readers.get_mut(key) {
            readers.retain(|(reader, its)| *reader != id || request.is_some_and(|request| request != *its));
            if readers.is_empty() {
                self.readers.remove(key);
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        // What follows from the first failure is of no interest.
        if self.failure.is_some() {
            return;
        }
        self.failure = Some(failure.clone());
        self.readers.clear();
        self.barriers.clear();
        for place in self.places.values_mut() {
            if let Place::Present(present) = place {
                present.waits.clear();
                // If the queue is closed, its connection is about to be found lost.
                let _ = present.queue.send(ToProcess::Failed { failure: failure.clone() });
            }
        }
    }

    fn wait(&mut self, id: u32, request: u64, wait: Wait) {
        if let Some(Place::Present(present)) = self.places.get_mut(&id) {
            present.waits.insert(request, wait);
        }
    }

    fn stop_waiting(&mut self, id: u32, request: u64) -> Option<Wait> {
        match self.places.get_mut(&id) {
            Some(Place::Present(present)) => present.waits.remove(&request),
            _ => None,
        }
    }

    fn send(&self, id: u32, message: ToProcess) {
        if let Some(Place::Present(present)) = self.places.get(&id) {
            // If the queue is closed, its connection is about to be found lost.
            let _ = present.queue.send(message);
        }
    }
}

/// What an entry of the store counts.
fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}
