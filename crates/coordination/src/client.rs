//! The client: one connection, a thread that reads it, and a thread that sends heartbeats.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::frame::{self, Fault, MAX_HELLO, MAX_KEY, MAX_MESSAGE, MAX_VALUE, Until, is_timeout};
use crate::host;
use crate::job::check_token;
use crate::message::{ToCoordinator, ToProcess};

/// The pauses between two attempts to connect: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];
/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long the coordinator may take to answer what it can answer at once.
const ANSWER: Duration = Duration::from_secs(10);
/// As good as forever.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// The stack of a thread of the client, which calls little.
const STACK: usize = 256 << 10;

/// A process, as it introduces itself to the coordinator.
#[derive(Clone, Debug)]
pub struct Member {
    id: u32,
    processes: u32,
    token: String,
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

#[derive(Default)]
struct Ledger {
    next: u64,
    pending: HashMap<u64, SyncSender<Result<ToProcess>>>,
    /// What every further call returns.
    over: Option<Error>,
}

/// Why an attempt to connect failed.
enum Failed {
    /// Another attempt would fail in the same way.
    Finally(Error),
    /// There is no coordinator, or not yet.
    Yet(String),
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
        check_token(&member.token)?;
        let start = Instant::now();
        let deadline = start.checked_add(timeout).unwrap_or_else(|| start + YEAR);
        let [mut pause, longest] = PAUSES;
        for attempts in 1.. {
            let last = match attempt(address, member, deadline, start) {
                Ok(client) => return Ok(client),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Yet(last)) => last,
            };
            if Instant::now() + pause >= deadline {
                return Err(Error::Unreachable {
                    address: address.to_owned(),
                    elapsed: start.elapsed(),
                    attempts,
                    last,
                });
            }
            thread::sleep(pause);
            pause = (2 * pause).min(longest);
        }
        unreachable!("the loop has no end")
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
        self.ask("goodbye", "", |request, _| ToCoordinator::Goodbye { request })?;
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
        drop(ledger);
        self.over.notify_all();
        let _ = self.stream.shutdown(Shutdown::Both);
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
                    let sender = self.ledger().pending.remove(&request);
                    if let Some(sender) = sender {
                        // The channel holds one answer, and this is the only one.
                        let _ = sender.try_send(Ok(message));
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

/// Tries once to connect.
fn attempt(address: &str, member: &Member, deadline: Instant, start: Instant) -> std::result::Result<Client, Failed> {
    let stream = open(address, deadline).map_err(Failed::Yet)?;
    let yet = |error: io::Error| Failed::Yet(error.to_string());
    stream.set_nodelay(true).map_err(yet)?;
    stream.set_write_timeout(Some(ATTEMPT)).map_err(yet)?;
    let hello = ToCoordinator::Hello {
        token: member.token.clone(),
        processes: member.processes,
        id: member.id,
        host: host::name().to_owned(),
        pid: std::process::id(),
    };
    frame::send_preamble(&mut &stream).and_then(|()| frame::send(&mut &stream, &hello)).map_err(yet)?;
    let mut from = Until { stream: &stream, deadline };
    let answer = frame::receive_preamble(&mut from).and_then(|()| frame::receive(&mut from, MAX_HELLO));
    let address = address.to_owned();
    let not = |reason: &str| Error::NotACoordinator { address: address.clone(), reason: reason.to_owned() };
    let (heartbeat, silence, place) = match answer {
        Ok(ToProcess::Welcome { heartbeat, silence, within, host, pid }) => {
            let within = within.map(|id| format!("process {id}, ")).unwrap_or_default();
            (heartbeat, silence, format!("{within}host {host}, pid {pid}"))
        }
        Ok(ToProcess::Refused { refusal }) => {
            return Err(Failed::Finally(Error::Refused { address, id: member.id, refusal }));
        }
        Ok(ToProcess::Failed { failure }) => return Err(Failed::Finally(Error::Failed { failure })),
        Ok(_) => return Err(Failed::Finally(not("it did not say whether it admits this process"))),
        Err(Fault::Malformed(what)) => return Err(Failed::Finally(not(what))),
        Err(Fault::Version(theirs)) => return Err(Failed::Finally(Error::Version { address, theirs })),
        Err(Fault::Io(error)) if is_timeout(&error) => {
            let during = "it accepted a connection".to_owned();
            return Err(Failed::Finally(Error::NoAnswer { address, elapsed: start.elapsed(), during }));
        }
        // A coordinator that is starting, ending, or busy.
        Err(Fault::Closed) => return Err(Failed::Yet("the connection was closed".to_owned())),
        Err(Fault::Io(error)) => return Err(yet(error)),
    };
    stream.set_read_timeout(Some(silence)).and(stream.set_write_timeout(Some(silence))).map_err(yet)?;
    let shared = Arc::new(Shared {
        address,
        member: member.clone(),
        place,
        silence,
        stream,
        writing: Mutex::default(),
        ledger: Mutex::default(),
        over: Condvar::new(),
    });
    // From here on, an early return leaves the job.
    let client = Client { shared: shared.clone() };
    let spawn = |name: &str, f: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(f).map(drop)
    };
    let reader = shared.clone();
    spawn("cotangent-coordination-reader", Box::new(move || reader.read())).map_err(yet)?;
    spawn("cotangent-coordination-heartbeat", Box::new(move || shared.beat(heartbeat))).map_err(yet)?;
    Ok(client)
}

/// Opens a connection to the first address of this name that accepts one.
fn open(address: &str, deadline: Instant) -> std::result::Result<TcpStream, String> {
    let found = address.to_socket_addrs().map_err(|error| format!("the address cannot be resolved: {error}"))?;
    let mut last = "the name has no address".to_owned();
    for address in found {
        let left = deadline.saturating_duration_since(Instant::now());
        match TcpStream::connect_timeout(&address, left.clamp(Duration::from_millis(1), ATTEMPT)) {
            // If nothing listens on a port of this host, the system may choose that very port for this end of the
            // connection, which is then connected to itself.
            Ok(stream) if is_its_own_peer(&stream) => last = "nothing listens on that port".to_owned(),
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

fn is_its_own_peer(stream: &TcpStream) -> bool {
    let ends: [io::Result<SocketAddr>; 2] = [stream.local_addr(), stream.peer_addr()];
    matches!(ends, [Ok(local), Ok(peer)] if local == peer)
}
