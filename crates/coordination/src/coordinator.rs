//! The coordinator: a listening socket, and two threads for each connection.

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::frame::{self, Fault, MAX_HELLO, MAX_MESSAGE, Until, is_timeout};
use crate::job::{Job, State};
use crate::message::{Departure, Peer, ToCoordinator, ToProcess};

/// How long a connection may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// How many connections may introduce themselves at once. A process whose connection is closed for this tries again.
const INTRODUCTIONS: usize = 512;
/// How long the end of the coordinator waits until what was sent last has been delivered.
const DELIVERY: Duration = Duration::from_secs(1);
/// The maximum length of a host's name.
const MAX_HOST: usize = 256;
/// The stack of a connection's thread, which calls little.
const STACK: usize = 256 << 10;

/// The coordinator of a job. It answers until it is dropped or [shut down](Coordinator::shutdown).
///
/// ```
/// use cotangent_coordination::{Coordinator, Job};
/// let coordinator = Coordinator::start("127.0.0.1:0", Job::of(2))?;
/// assert_ne!(coordinator.address().port(), 0);
/// # Ok::<(), cotangent_coordination::Error>(())
/// ```
#[derive(Debug)]
pub struct Coordinator {
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Notified when a connection ends.
    ended: Condvar,
    closing: AtomicBool,
    introductions: AtomicUsize,
    connections: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done` or the deadline. Returns whether it is done.
    fn wait_until(&self, timeout: Duration, done: impl Fn(&State) -> bool) -> bool {
        let state = self.state();
        let (state, _) =
            self.ended.wait_timeout_while(state, timeout, |state| !done(state)).unwrap_or_else(PoisonError::into_inner);
        done(&state)
    }
}

/// Counts something for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> Counted<'a> {
        counter.fetch_add(1, Ordering::SeqCst);
        Counted(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Coordinator {
    /// Listens on an address, such as `0.0.0.0:1234`, and answers on threads of its own. With port 0, the system chooses
    /// the port.
    ///
    /// # Errors
    /// If the address cannot be listened on, or there can be no such job.
    pub fn start(address: &str, job: Job) -> Result<Coordinator> {
        job.check()?;
        let bind = |error: io::Error| Error::Bind { address: address.to_owned(), reason: error.to_string() };
        let listener = TcpListener::bind(address).map_err(bind)?;
        let bound = listener.local_addr().map_err(bind)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(job)),
            ended: Condvar::new(),
            closing: AtomicBool::new(false),
            introductions: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let its = shared.clone();
        let listening = spawn("cotangent-coordinator", move || listen(&its, &listener)).map_err(bind)?;
        Ok(Coordinator { shared, address: bound, listening: Some(listening) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address of this host under which the coordinator can be reached: the one that it listens on, or 127.0.0.1 if it
    /// listens on all. A socket for all IPv6 addresses accepts connections to IPv4 addresses as well, and a container may
    /// have no other loopback address.
    pub fn local_address(&self) -> SocketAddr {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        address
    }

    /// Waits until every process of the job has joined and left or is lost: the life of a coordinator on its own.
    pub fn wait(&self) {
        let ended = self.shared.ended.wait_while(self.shared.state(), |state| !state.is_over());
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until all connected processes have left, or until `patience` ends, and stops. Returns whether all had left.
    /// Processes that have not left see the coordinator as lost.
    pub fn shutdown(self, patience: Duration) -> bool {
        // Dropped at the end.
        self.shared.wait_until(patience, |state| state.present() == 0)
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.state().close();
        let connections = &self.shared.connections;
        self.shared.wait_until(DELIVERY, |_| connections.load(Ordering::SeqCst) == 0);
        // A connection wakes the listening thread, which then ends. If none can be made, the thread ends with the process.
        let woken = TcpStream::connect_timeout(&self.local_address(), DELIVERY).is_ok();
        if let Some(listening) = self.listening.take()
            && woken
        {
            let _ = listening.join();
        }
    }
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(f)
}

/// Accepts connections until the coordinator closes.
fn listen(shared: &Arc<Shared>, listener: &TcpListener) {
    loop {
        let accepted = listener.accept();
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, address)) = accepted else {
            // Too many open files, say. It may pass.
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        if shared.introductions.load(Ordering::SeqCst) >= INTRODUCTIONS {
            continue;
        }
        let its = shared.clone();
        // Without a thread the connection is closed, and its process tries again.
        let _ = spawn("cotangent-coordinator-connection", move || {
            let counted = Counted::new(&its.connections);
            serve(&its, &stream, address);
            drop(counted);
            // Under the lock, so that no one misses it between looking and waiting.
            let _state = its.state();
            its.ended.notify_all();
        });
    }
}

/// Serves a connection until it ends.
fn serve(shared: &Arc<Shared>, stream: &TcpStream, address: SocketAddr) {
    let introduction = Counted::new(&shared.introductions);
    let silence = shared.state().job.silence;
    let Some((token, processes, peer)) = introduce(stream, address, INTRODUCTION.min(silence)) else { return };
    let id = peer.id;
    let (queue, messages) = mpsc::channel();
    let admitted = shared.state().admit(&token, processes, peer, queue);
    drop(introduction);
    if let Err(answer) = admitted {
        // If it is no longer there, it needs no answer.
        let _ = frame::send(&mut &*stream, &answer);
        return;
    }
    let writer =
        stream.try_clone().and_then(|its| spawn("cotangent-coordinator-writer", move || write(&its, &messages)));
    let departure = match &writer {
        Ok(_) => read(shared, stream, id, silence),
        Err(_) => Some(closed(Instant::now())),
    };
    if let Some(how) = departure {
        shared.state().lose(id, how);
        // The writer may be waiting for a process that reads nothing.
        let _ = stream.shutdown(Shutdown::Both);
    }
    // The queue is closed, so the writer ends when the last answer has been sent.
    if let Ok(writer) = writer {
        let _ = writer.join();
    }
}

/// Reads who it is. A connection that is no process of a job gets no answer.
fn introduce(stream: &TcpStream, address: SocketAddr, patience: Duration) -> Option<(String, u32, Peer)> {
    let deadline = Instant::now() + patience;
    stream.set_nodelay(true).ok()?;
    stream.set_write_timeout(Some(patience)).ok()?;
    let mut from = Until { stream, deadline };
    let preamble = frame::receive_preamble(&mut from);
    if matches!(preamble, Ok(()) | Err(Fault::Version(_))) {
        frame::send_preamble(&mut &*stream).ok()?;
    }
    preamble.ok()?;
    match frame::receive(&mut from, MAX_HELLO).ok()? {
        ToCoordinator::Hello { token, processes, id, host, pid } => {
            // Others are told this name, so it may not be as long as a message.
            let host = host.chars().take(MAX_HOST).collect();
            Some((token, processes, Peer { id, host, pid, address: address.to_string() }))
        }
        _ => None,
    }
}

/// Writes what is queued for a process. When the queue is closed, so is the connection.
fn write(stream: &TcpStream, messages: &Receiver<ToProcess>) {
    for message in messages {
        if frame::send(&mut &*stream, &message).is_err() {
            break;
        }
    }
    // The reading thread sees the end and does what is to be done.
    let _ = stream.shutdown(Shutdown::Both);
}

fn closed(heard: Instant) -> Departure {
    Departure::Closed { silent: heard.elapsed() }
}

/// Reads the messages of a process. Returns how it was lost, or `None` if it left.
fn read(shared: &Shared, stream: &TcpStream, id: u32, silence: Duration) -> Option<Departure> {
    let mut heard = Instant::now();
    if stream.set_read_timeout(Some(silence)).and(stream.set_write_timeout(Some(silence))).is_err() {
        return Some(closed(heard));
    }
    let mut from = BufReader::new(stream);
    loop {
        match frame::receive(&mut from, MAX_MESSAGE) {
            Ok(message) => {
                heard = Instant::now();
                match shared.state().handle(id, message) {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(how) => return Some(how),
                }
            }
            Err(Fault::Malformed(_) | Fault::Version(_)) => return Some(Departure::Malformed {}),
            Err(Fault::Io(error)) if is_timeout(&error) => return Some(Departure::Silent { silent: heard.elapsed() }),
            Err(Fault::Closed | Fault::Io(_)) => return Some(closed(heard)),
        }
    }
}
