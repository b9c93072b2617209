//! Messages on a connection: a length and that many bytes, after a preamble that says what the connection is.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::wire::Wire;

/// The maximum length of a key or of a barrier's name, in bytes.
pub const MAX_KEY: usize = 4 << 10;
/// The maximum length of a value, in bytes.
pub const MAX_VALUE: usize = 16 << 20;
/// The maximum length of any message: a key, a value, and a few words.
pub(crate) const MAX_MESSAGE: usize = MAX_VALUE + MAX_KEY + 64;
/// The maximum length of the messages that come before a process is admitted.
pub(crate) const MAX_HELLO: usize = 16 << 10;

const MAGIC: [u8; 8] = *b"COTANGCO";
/// The version of the protocol. Processes of different versions do not understand each other.
pub(crate) const VERSION: u32 = 1;

/// What can be wrong with a connection.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It was closed between two messages.
    Closed,
    /// The other side sent something that is no message.
    Malformed(&'static str),
    /// The other side has another version of the protocol.
    Version(u32),
    /// An error of the connection, or a deadline.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

/// Sends the bytes that come first.
pub(crate) fn send_preamble(to: &mut impl Write) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    VERSION.write(&mut bytes);
    to.write_all(&bytes)
}

/// Reads the bytes that come first, and stops at the first wrong one.
pub(crate) fn receive_preamble(from: &mut impl Read) -> Result<(), Fault> {
    for expected in MAGIC {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        if byte[0] != expected {
            return Err(Fault::Malformed("its first bytes are not those of the protocol"));
        }
    }
    let mut version = [0; 4];
    from.read_exact(&mut version)?;
    match u32::from_le_bytes(version) {
        VERSION => Ok(()),
        other => Err(Fault::Version(other)),
    }
}

/// Sends a message in one piece.
pub(crate) fn send(to: &mut impl Write, message: &impl Wire) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    message.write(&mut bytes);
    let len = u32::try_from(bytes.len() - 4).map_err(|_| io::Error::other("the message is too long"))?;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    to.write_all(&bytes)
}

/// Receives a message of at most `limit` bytes. Memory is allocated as the bytes arrive, not as the length announces them.
pub(crate) fn receive<T: Wire>(from: &mut impl Read, limit: usize) -> Result<T, Fault> {
    let mut len = [0; 4];
    let mut read = 0;
    while read < len.len() {
        match from.read(&mut len[read..]) {
            Ok(0) if read == 0 => return Err(Fault::Closed),
            Ok(0) => return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io(error)),
        }
    }
    let len = u32::from_le_bytes(len);
    if usize::try_from(len).map_or(true, |len| len > limit) {
        return Err(Fault::Malformed("it announces a message that is too long"));
    }
    let mut bytes = Vec::new();
    from.take(u64::from(len)).read_to_end(&mut bytes)?;
    if bytes.len() < len as usize {
        return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut rest = bytes.as_slice();
    let message = T::read(&mut rest).ok_or(Fault::Malformed("a message has an unknown form"))?;
    if rest.is_empty() { Ok(message) } else { Err(Fault::Malformed("a message is longer than its form")) }
}

/// A connection that is read until a deadline, however slowly the bytes arrive.
pub(crate) struct Until<'a> {
    pub(crate) stream: &'a TcpStream,
    pub(crate) deadline: Instant,
}

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        self.stream.read(buffer)
    }
}

/// Whether an error of a connection is a deadline. Which of the two kinds it is depends on the system.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::message::{Departure, Failure, Peer, Refusal, ToCoordinator, ToProcess};

    fn messages() -> Vec<ToProcess> {
        let peer = Peer { id: 3, host: "a host".into(), pid: 77, address: "10.0.0.1:80".into() };
        let silent = Duration::from_millis(1500);
        vec![
            ToProcess::Heartbeat {},
            ToProcess::Value { request: 1 << 40, value: Arc::from(*b"\0bytes\xff") },
            ToProcess::Late { request: 2, missing: vec![1, 2, 3], absent: vec![] },
            ToProcess::Failed { failure: Failure::Lost { peer: peer.clone(), how: Departure::Silent { silent } } },
            ToProcess::Welcome {
                heartbeat: silent,
                silence: silent * 5,
                within: Some(0),
                host: "another".into(),
                pid: 1,
            },
            ToProcess::Refused { refusal: Refusal::Taken { by: peer } },
        ]
    }

    #[test]
    fn messages_survive_the_way_and_no_part_of_one_is_a_message() {
        for message in messages() {
            let mut bytes = Vec::new();
            send(&mut bytes, &message).unwrap();
            assert_eq!(receive::<ToProcess>(&mut bytes.as_slice(), MAX_MESSAGE).unwrap(), message);
            for end in 0..bytes.len() {
                let cut = receive::<ToProcess>(&mut &bytes[..end], MAX_MESSAGE);
                assert!(matches!(cut, Err(Fault::Closed | Fault::Io(_))), "{message:?} cut at {end}");
                // The same with a length that matches what is there.
                let Some(len) = end.checked_sub(4) else { continue };
                let short = [&u32::try_from(len).unwrap().to_le_bytes()[..], &bytes[4..end]].concat();
                assert!(matches!(receive::<ToProcess>(&mut short.as_slice(), MAX_MESSAGE), Err(Fault::Malformed(_))));
            }
            // One more byte than the form has.
            let mut long = bytes.clone();
            long.push(0);
            let len = u32::try_from(long.len() - 4).unwrap().to_le_bytes();
            long[..4].copy_from_slice(&len);
            assert!(matches!(receive::<ToProcess>(&mut long.as_slice(), MAX_MESSAGE), Err(Fault::Malformed(_))));
        }
    }

    #[test]
    fn random_bytes_are_errors_or_messages_but_never_a_panic() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        let mut understood = 0;
        for _ in 0..50_000 {
            let len = next() as usize % 48;
            // Small numbers are tags and lengths that occur.
            let bytes: Vec<u8> = (0..len).map(|_| if next() < 128 { next() % 12 } else { next() }).collect();
            let framed = [&u32::try_from(len).unwrap().to_le_bytes()[..], &bytes].concat();
            understood += usize::from(receive::<ToProcess>(&mut framed.as_slice(), 64).is_ok());
            understood += usize::from(receive::<ToCoordinator>(&mut framed.as_slice(), 64).is_ok());
        }
        assert!(understood > 0, "the bytes reach the readers of fields");
    }

    #[test]
    fn lengths_are_checked_before_anything_is_allocated() {
        let announced = [&u32::MAX.to_le_bytes()[..], b"abc"].concat();
        assert!(matches!(receive::<ToProcess>(&mut announced.as_slice(), MAX_MESSAGE), Err(Fault::Malformed(_))));
        // A list of 2³²−1 numbers in a message of 13 bytes.
        let mut list = vec![9];
        0u64.write(&mut list);
        u32::MAX.write(&mut list);
        assert!(ToProcess::read(&mut list.as_slice()).is_none());
    }

    #[test]
    fn the_preamble_is_told_from_other_protocols() {
        let mut bytes = Vec::new();
        send_preamble(&mut bytes).unwrap();
        assert!(receive_preamble(&mut bytes.as_slice()).is_ok());
        assert!(matches!(receive_preamble(&mut &b"GET / HTTP/1.1\r\n"[..]), Err(Fault::Malformed(_))));
        assert!(matches!(receive_preamble(&mut &b"COTANG"[..]), Err(Fault::Io(_))));
        let last = bytes.len() - 1;
        bytes[last] = 9;
        assert!(matches!(receive_preamble(&mut bytes.as_slice()), Err(Fault::Version(v)) if v == VERSION + (9 << 24)));
    }
}
