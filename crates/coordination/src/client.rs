//! The client: one connection, a thread that reads it, and a thread that sends heartbeats.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::connect::connect;
use crate::error::{Error, Result};
use crate::frame::{self, Fault, MAX_KEY, MAX_MESSAGE, MAX_VALUE, is_timeout};
use crate::message::{ToCoordinator, ToProcess};

/// How long the coordinator may take to answer what it can answer at once.
const ANSWER: Duration = Duration::from_secs(10);
/// The stack of a thread of the client, which calls little.
const STACK: usize = 256 << 10;

/// A process, as it introduces itself to the coordinator.
#[derive(Clone, Debug)]
pub struct Member {
    pub(crate) id: u32,
    pub(crate) processes: u32,
    pub(crate) token: String,
}

impl Member {
    /// Process `id` of `processes`, without a token.
    pub fn new(id: u32, processes: u32) -> Member {
        Member { id, processes, token: String::new() }
    }

    /// Sets the token, which must be that of the job.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Member {
        self.token = token.into();
        self
    }
}

/// A process's connection to the coordinator of its job. Any number of threads may use it at once.
///
/// A client that is dropped before it [leaves](Client::leave) counts as a lost process, as does a process that ends.
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    member: Member,
    /// Where the coordinator runs, for errors.
    place: String,
    silence: Duration,
    stream: TcpStream,
    /// Held while a message is written.
    writing: Mutex<()>,
    ledger: Mutex<Ledger>,
    /// Notified when the client's time is over.
    over: Condvar,
}

/// What to do when the job fails.
type OnFailure = Box<dyn FnOnce(&Error) + Send>;

#[derive(Default)]
struct Ledger {
    next: u64,
    pending: HashMap<u64, SyncSender<Result<ToProcess>>>,
    /// The request to leave. Its answer is the last message; that the connection then closes is no failure.
    goodbye: Option<u64>,
    /// What every further call returns.
    over: Option<Error>,
    on_failure: Option<OnFailure>,
}

impl Ledger {
    /// Takes what is to be done, if the job has failed.
    fn failed(&mut self) -> Option<(OnFailure, Error)> {
        let error = self.over.clone().filter(|error| *error != Error::Left)?;
        Some((self.on_failure.take()?, error))
    }
}

impl Client {
    /// Connects to the coordinator at `address`, such as `10.0.0.1:1234`. As long as nothing listens there, it tries again,
    /// until `timeout` ends.
    ///
    /// It does not wait for other processes. For that, use a [barrier](Client::barrier).
    ///
    /// # Errors
    /// If no coordinator answers in time, or it does not admit this process.
    pub fn connect(address: &str, member: &Member, timeout: Duration) -> Result<Client> {
        let start = Instant::now();
        let admitted = connect(address, member, timeout)?;
        let heartbeat = admitted.heartbeat;
        let shared = Arc::new(Shared {
            address: address.to_owned(),
            member: member.clone(),
            place: admitted.place,
            silence: admitted.silence,
            stream: admitted.stream,
            writing: Mutex::default(),
            ledger: Mutex::default(),
            over: Condvar::new(),
        });
        // From here on, an early return leaves the job.
        let client = Client { shared: shared.clone() };
        let spawn = |name: &str, f: Box<dyn FnOnce() + Send>| {
            let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(f);
            thread.map(drop).map_err(|error| Error::Unreachable {
                address: address.to_owned(),
                elapsed: start.elapsed(),
                attempts: 1,
                last: format!("a thread cannot be started: {error}"),
            })
        };
        let reader = shared.clone();
        spawn("cotangent-coordination-reader", Box::new(move || reader.read()))?;
        spawn("cotangent-coordination-heartbeat", Box::new(move || shared.beat(heartbeat)))?;
        Ok(client)
    }

    /// The id of this process.
    pub fn id(&self) -> u32 {
        self.shared.member.id
    }

    /// The number of processes of the job.
    pub fn processes(&self) -> u32 {
        self.shared.member.processes
    }

    /// The heartbeat timeout, which the coordinator sets.
    pub fn heartbeat_timeout(&self) -> Duration {
        self.shared.silence
    }

    /// Returns an error if the job has failed, without asking the coordinator.
    ///
    /// # Errors
    /// As every other call returns it.
    pub fn check(&self) -> Result<()> {
        self.shared.ledger().over.clone().map_or(Ok(()), Err)
    }

    /// Runs `f` as soon as the job has failed, on a thread of the client, or at once if it has failed already. A process that
    /// may be waiting for something else, such as a device, can end itself there.
    pub fn on_failure(&self, f: impl FnOnce(&Error) + Send + 'static) {
        let mut ledger = self.shared.ledger();
        ledger.on_failure = Some(Box::new(f));
        let failed = ledger.failed();
        drop(ledger);
        failed.into_iter().for_each(|(f, error)| f(&error));
    }

    /// Gives a key its value. A key is written once; the same value again changes nothing.
    ///
    /// # Errors
    /// If the key has another value, if key or value are too long, or if the job has failed.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        if value.len() > MAX_VALUE {
            return Err(Error::TooLong { what: "value", bytes: value.len() });
        }
        let value = Arc::from(value);
        match self.ask("key", key, |request, key| ToCoordinator::Put { request, key, value })? {
            ToProcess::Exists { .. } => Err(Error::Exists { key: key.to_owned() }),
            ToProcess::Full { bytes, .. } => Err(Error::Full { bytes }),
            _ => Ok(()),
        }
    }

    /// The value of a key. Waits until a process has put it.
    ///
    /// # Errors
    /// If there is no value within `timeout`, or if the job has failed.
    pub fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>> {
        let answer = self.wait("key", key, timeout, |request, key| ToCoordinator::Get { request, key })?;
        self.value(answer)
    }

    /// The value of a key, or `None` if no process has put it yet.
    ///
    /// # Errors
    /// If the job has failed.
    pub fn try_get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self.ask("key", key, |request, key| ToCoordinator::TryGet { request, key })? {
            ToProcess::Absent { .. } => Ok(None),
            answer => self.value(answer).map(Some),
        }
    }

    /// Removes a key, if it is there. It can then be put again.
    ///
    /// # Errors
    /// If the job has failed.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.ask("key", key, |request, key| ToCoordinator::Delete { request, key }).map(drop)
    }

    /// Waits until all processes have called this with the same name. The name can then be used again.
    ///
    /// # Errors
    /// If a process does not arrive within `timeout`, has left, or if the job has failed. The barrier then fails for all
    /// processes, whenever they arrive, and its name cannot be used again.
    pub fn barrier(&self, name: &str, timeout: Duration) -> Result<()> {
        match self.wait("barrier", name, timeout, |request, name| ToCoordinator::Barrier { request, name })? {
            ToProcess::BarrierBroken { why, .. } => Err(Error::Barrier { name: name.to_owned(), why }),
            _ => Ok(()),
        }
    }

    /// Leaves the job. The other processes go on, and this one can end. Further calls return [`Error::Left`].
    ///
    /// # Errors
    /// If the job has failed.
    pub fn leave(&self) -> Result<()> {
        match self.check() {
            Err(Error::Left) => return Ok(()),
            checked => checked?,
        }
        self.ask("goodbye", "", |request, _| {
            self.shared.ledger().goodbye = Some(request);
            ToCoordinator::Goodbye { request }
        })?;
        self.shared.end(Error::Left);
        Ok(())
    }

    fn value(&self, answer: ToProcess) -> Result<Vec<u8>> {
        match answer {
            ToProcess::Value { value, .. } => Ok(value.to_vec()),
            _ => Err(self.shared.lost("it answered something else than a value".to_owned(), Duration::ZERO)),
        }
    }

    /// Asks for what can be answered at once.
    fn ask(&self, what: &'static str, key: &str, make: impl FnOnce(u64, String) -> ToCoordinator) -> Result<ToProcess> {
        let (_, answer) = self.request(what, key, ANSWER.max(self.shared.silence), make)?;
        answer.ok_or_else(|| self.no_answer(what, key, ANSWER.max(self.shared.silence)))?
    }

    /// Asks for what may take until other processes have done something. At the timeout, the coordinator is told so, and
    /// answers what is missing.
    fn wait(
        &self,
        what: &'static str,
        key: &str,
        timeout: Duration,
        make: impl FnOnce(u64, String) -> ToCoordinator,
    ) -> Result<ToProcess> {
        let start = Instant::now();
        let (pending, answer) = self.request(what, key, timeout, make)?;
        let answer = match answer {
            Some(answer) => answer?,
            None => {
                let waited = start.elapsed();
                self.shared.send(&ToCoordinator::Cancel { request: pending.request, waited })?;
                let answer = pending.receive(ANSWER.min(self.shared.silence))?;
                answer.ok_or_else(|| self.no_answer(what, key, start.elapsed()))??
            }
        };
        match answer {
            ToProcess::Late { missing, absent, .. } => {
                Err(Error::Timeout { what: format!("the {what} `{key}`"), waited: start.elapsed(), missing, absent })
            }
            answer => Ok(answer),
        }
    }

    fn no_answer(&self, what: &str, key: &str, elapsed: Duration) -> Error {
        Error::NoAnswer { address: self.shared.address.clone(), elapsed, during: format!("{what} `{key}`") }
    }

    /// Sends a request. Returns its answer, or `None` at the timeout.
    #[allow(clippy::type_complexity)]
    fn request(
        &self,
        what: &'static str,
        key: &str,
        timeout: Duration,
        make: impl FnOnce(u64, String) -> ToCoordinator,
    ) -> Result<(Pending<'_>, Option<Result<ToProcess>>)> {
        if key.len() > MAX_KEY {
            return Err(Error::TooLong { what, bytes: key.len() });
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        let request = {
            let mut ledger = self.shared.ledger();
            if let Some(over) = &ledger.over {
                return Err(over.clone());
            }
            ledger.next += 1;
            let request = ledger.next;
            ledger.pending.insert(request, sender);
            request
        };
        let pending = Pending { shared: &self.shared, request, receiver };
        self.shared.send(&make(request, key.to_owned()))?;
        let answer = pending.receive(timeout)?;
        Ok((pending, answer))
    }
}

/// A request without an answer. It is forgotten when this is dropped.
struct Pending<'a> {
    shared: &'a Shared,
    request: u64,
    receiver: mpsc::Receiver<Result<ToProcess>>,
}

impl Pending<'_> {
    /// Waits for the answer; `None` at the timeout.
    fn receive(&self, timeout: Duration) -> Result<Option<Result<ToProcess>>> {
        match self.receiver.recv_timeout(timeout) {
            Ok(answer) => Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            // The answer was taken before.
            Err(RecvTimeoutError::Disconnected) => Err(self.shared.ledger().over.clone().unwrap_or(Error::Left)),
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.shared.ledger().pending.remove(&self.request);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.end(Error::Left);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.shared.address)
            .field("member", &self.shared.member)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message. If that fails, the coordinator is lost.
    fn send(&self, message: &ToCoordinator) -> Result<()> {
        let sent = {
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            frame::send(&mut &self.stream, message)
        };
        sent.map_err(|error| {
            // The coordinator may have said why before it closed the connection. The reading thread then knows.
            let ledger = self.ledger();
            let waited = self.over.wait_timeout_while(ledger, Duration::from_secs(1), |ledger| ledger.over.is_none());
            drop(waited);
            self.end(self.lost(format!("sending to it failed ({error})"), Duration::ZERO));
            self.ledger().over.clone().unwrap_or(Error::Left)
        })
    }

    fn lost(&self, reason: String, silent: Duration) -> Error {
        Error::CoordinatorLost { address: self.address.clone(), place: self.place.clone(), reason, silent }
    }

    /// Ends the client's time: all pending and all further calls return the error. The first reason counts.
    fn end(&self, error: Error) {
        let mut ledger = self.ledger();
        let error = ledger.over.get_or_insert(error).clone();
        for (_, sender) in ledger.pending.drain() {
            // The channel holds one answer, and nothing was sent before.
            let _ = sender.try_send(Err(error.clone()));
        }
        let failed = ledger.failed();
        drop(ledger);
        self.over.notify_all();
        let _ = self.stream.shutdown(Shutdown::Both);
        failed.into_iter().for_each(|(f, error)| f(&error));
    }

    /// Reads what the coordinator sends until the client's time is over.
    fn read(&self) {
        let mut from = BufReader::new(&self.stream);
        let mut heard = Instant::now();
        let over = loop {
            match frame::receive(&mut from, MAX_MESSAGE) {
                Ok(ToProcess::Failed { failure }) => break Error::Failed { failure },
                Ok(message) => {
                    heard = Instant::now();
                    let Some(request) = message.request() else { continue };
                    let mut ledger = self.ledger();
                    if let Some(sender) = ledger.pending.remove(&request) {
                        // The channel holds one answer, and this is the only one.
                        let _ = sender.try_send(Ok(message));
                    }
                    if ledger.goodbye == Some(request) {
                        break Error::Left;
                    }
                }
                Err(fault) => {
                    let reason = match fault {
                        Fault::Closed => "its connection closed".to_owned(),
                        Fault::Malformed(what) => {
                            format!("it sent something that is no message of the protocol ({what})")
                        }
                        Fault::Version(version) => format!("it changed to version {version} of the protocol"),
                        Fault::Io(error) if is_timeout(&error) => "it no longer answers".to_owned(),
                        Fault::Io(error) => format!("its connection broke ({error})"),
                    };
                    break self.lost(reason, heard.elapsed());
                }
            }
        };
        self.end(over);
    }

    /// Sends heartbeats until the client's time is over.
    fn beat(&self, heartbeat: Duration) {
        loop {
            let ledger = self.ledger();
            let (ledger, _) = self
                .over
                .wait_timeout_while(ledger, heartbeat, |ledger| ledger.over.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            if ledger.over.is_some() {
                return;
            }
            drop(ledger);
            if let Err(error) = self.send(&ToCoordinator::Heartbeat {}) {
                return self.end(error);
            }
        }
    }
}
