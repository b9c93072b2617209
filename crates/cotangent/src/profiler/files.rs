//! The files of a profile.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use crate::compile::record::Event;

use super::xplane;

/// What was recorded.
pub(super) struct Profile {
    pub(super) events: Vec<Event>,
    /// The number and the name of each thread.
    pub(super) threads: Vec<(u64, String)>,
    /// When the recording began.
    pub(super) began: (Instant, SystemTime),
}

impl Profile {
    /// Writes the files, in a folder of their own, which it returns.
    pub(super) fn write(&self, folder: &Path, perfetto: bool) -> io::Result<PathBuf> {
        let run = folder.join("plugins").join("profile").join(stamp(self.began.1));
        fs::create_dir_all(&run)?;
        let host = host();
        fs::write(run.join(format!("{host}.xplane.pb")), xplane::bytes(self, &host))?;
        let json = gzip(self.json().as_bytes());
        fs::write(run.join(format!("{host}.trace.json.gz")), &json)?;
        if perfetto {
            fs::write(run.join("perfetto_trace.json.gz"), &json)?;
        }
        Ok(run)
    }

    /// The events in the format of `chrome://tracing`, which Perfetto reads as well.
    fn json(&self) -> String {
        let mut text = String::from("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
        let process = "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"/host:CPU\"}}";
        text.push_str(process);
        for (thread, name) in &self.threads {
            let _ = write!(
                text,
                ",\n{{\"ph\":\"M\",\"pid\":1,\"tid\":{thread},\"name\":\"thread_name\",\"args\":{{\"name\":{}}}}}",
                quoted(name)
            );
        }
        for event in &self.events {
            let start = event.start.duration_since(self.began.0).as_secs_f64() * 1e6;
            let duration = event.duration.as_secs_f64() * 1e6;
            let (thread, name) = (event.thread, quoted(&event.name));
            let details: Vec<String> =
                event.details.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
            let _ = write!(
                text,
                ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{thread},\"ts\":{start:.3},\"dur\":{duration:.3},\"name\":{name},\
                 \"args\":{{{}}}}}",
                details.join(",")
            );
        }
        text.push_str("\n]}\n");
        text
    }
}

/// A text in quotes, as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The name of this machine, as the names of files may have it.
fn host() -> String {
    let known = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let name: String = known.unwrap_or_default().trim().chars().filter(allowed).collect();
    if name.is_empty() { "localhost".to_string() } else { name }
}

/// A time as `2026_01_31_23_59_59`, in UTC.
fn stamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}_{month:02}_{day:02}_{:02}_{:02}_{:02}", time / 3600, time / 60 % 60, time % 60)
}

/// The date of a day after the first of January 1970. A year begins with March here, so that the day that leap years
/// have more is the last one, and 400 years have 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (400 * era + year + u64::from(month <= 2), month, day)
}

/// The bytes as a file of gzip (RFC 1952), stored and not compressed.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        file.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(len.to_le_bytes());
        file.extend((!len).to_le_bytes());
        file.extend(block);
    }
    file.extend(crc32(bytes).to_le_bytes());
    file.extend((bytes.len() as u32).to_le_bytes());
    file
}

/// The checksum of gzip, by half bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 16];
    for (i, entry) in table.iter_mut().enumerate() {
        *entry = (0..4).fold(i as u32, |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 });
    }
    !bytes.iter().fold(!0u32, |crc, byte| {
        let crc = crc ^ u32::from(*byte);
        let crc = (crc >> 4) ^ table[(crc & 15) as usize];
        (crc >> 4) ^ table[(crc & 15) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // The days are those of `datetime.date.toordinal() - 719163` in Python.
        for (days, expected) in
            [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (11_017, (2000, 3, 1)), (20_819, (2027, 1, 1))]
        {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn checksums_are_those_of_gzip() {
        // `zlib.crc32` in Python.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
        let file = gzip(&vec![7u8; 0x1_0000]);
        assert_eq!(file.len(), 10 + 2 * 5 + 0x1_0000 + 8);
        assert_eq!((file[10], file[10 + 5 + 0xffff]), (0, 1));
    }
}
