//! How a process finds the coordinator and introduces itself.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Member;
use crate::error::{Error, Result};
use crate::frame::{self, Fault, MAX_HELLO, Until, is_timeout};
use crate::host;
use crate::job::check_token;
use crate::message::{ToCoordinator, ToProcess};

/// The pauses between two attempts to connect: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];
/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// As good as forever.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Why an attempt to connect failed.
enum Failed {
    /// Another attempt would fail in the same way.
    Finally(Error),
    /// There is no coordinator, or not yet.
    Yet(String),
}

/// A connection to the coordinator, which has admitted this process.
pub(crate) struct Admitted {
    pub(crate) stream: TcpStream,
    /// Where the coordinator runs, for errors.
    pub(crate) place: String,
    /// How often to send a heartbeat.
    pub(crate) heartbeat: Duration,
    /// The heartbeat timeout.
    pub(crate) silence: Duration,
}

/// Connects, again and again until the deadline as long as nothing listens, and introduces this process.
pub(crate) fn connect(address: &str, member: &Member, timeout: Duration) -> Result<Admitted> {
    check_token(&member.token)?;
    let start = Instant::now();
    let deadline = start.checked_add(timeout).unwrap_or_else(|| start + YEAR);
    let [mut pause, longest] = PAUSES;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let last = match attempt(address, member, deadline, start) {
            Ok(admitted) => return Ok(admitted),
            Err(Failed::Finally(error)) => return Err(error),
            Err(Failed::Yet(last)) => last,
        };
        if Instant::now() + pause >= deadline {
            return Err(Error::Unreachable { address: address.to_owned(), elapsed: start.elapsed(), attempts, last });
        }
        thread::sleep(pause);
        pause = (2 * pause).min(longest);
    }
}

/// Tries once to connect.
fn attempt(address: &str, member: &Member, deadline: Instant, start: Instant) -> std::result::Result<Admitted, Failed> {
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
    Ok(Admitted { stream, place, heartbeat, silence })
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
