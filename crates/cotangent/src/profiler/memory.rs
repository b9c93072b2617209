//! What holds memory: the arrays that exist, and a profile of them.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::array::{Array, live};
use crate::error::{Error, ErrorKind, Result};

use super::files::gzip;
use super::proto::{Message, Numbers};

/// Turns the tracking of arrays on or off, for the whole process, and returns the previous setting. It is off at first:
/// while it is on, each new array takes some microseconds to record where it is made.
///
/// ```
/// use cotangent::profiler;
/// let before = profiler::track_arrays(true);
/// profiler::track_arrays(before);
/// ```
pub fn track_arrays(on: bool) -> bool {
    live::track(on)
}

/// Returns the arrays of this process that exist, of those that were made while [tracking](track_arrays) was on.
/// Numbers on the host are not among them, nor are values that only programs use.
///
/// Clones share one value, which is listed once. The list itself keeps the values alive.
///
/// ```
/// use cotangent::{prelude::*, profiler};
/// profiler::track_arrays(true);
/// let x = Array::from(vec![1.5f32; 12_345]);
/// let of_this_size = || profiler::live_arrays().iter().filter(|x| x.size() == 12_345).count();
/// assert_eq!(of_this_size(), 1);
/// drop(x);
/// assert_eq!(of_this_size(), 0);
/// profiler::track_arrays(false);
/// ```
#[must_use]
pub fn live_arrays() -> Vec<Array> {
    live::known().into_iter().map(|(array, _)| array).collect()
}

/// Returns a profile of the arrays that exist, of those that were made while [tracking](track_arrays) was on: a file of
/// pprof, as JAX's `device_memory_profile` returns. `pprof -top` and `pprof -http=: file` show how many arrays there
/// are and how many bytes they have, by the functions and lines that made them.
///
/// The file has names and lines if the program has debug information. Memory that the plugin holds for programs and
/// their intermediate values is not part of it.
///
/// ```
/// use cotangent::{prelude::*, profiler};
/// profiler::track_arrays(true);
/// let x = np::ones(1000).block_until_ready()?.clone();
/// let profile = profiler::device_memory_profile();
/// assert_eq!(profile[..2], [0x1f, 0x8b]); // compressed with gzip
/// profiler::track_arrays(false);
/// # Ok::<(), Error>(())
/// ```
#[must_use]
pub fn device_memory_profile() -> Vec<u8> {
    gzip(&profile(&live::known()))
}

/// Writes [`device_memory_profile`] to a file.
///
/// # Errors
/// Returns an error if the file cannot be written.
///
/// ```
/// use cotangent::profiler;
/// let file = std::env::temp_dir().join("cotangent-doc-memory.prof");
/// profiler::save_device_memory_profile(&file)?;
/// # std::fs::remove_file(file).unwrap();
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn save_device_memory_profile(file: impl AsRef<Path>) -> Result<()> {
    let file = file.as_ref();
    fs::write(file, device_memory_profile()).map_err(|e| {
        let message = format!("the profile cannot be written to {}: {e}", file.display());
        Error::new(ErrorKind::Runtime, message).help("choose a file in a folder that can be written to")
    })
}

/// A call: the function, the file and the line.
type Frame = (String, String, u64);

/// The calls that led to a place, from the innermost that is not of this library.
fn frames(site: &Backtrace) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in site.to_string().lines().map(str::trim) {
        match (line.strip_prefix("at "), line.split_once(": ")) {
            (Some(place), _) => {
                if let (Some(frame), Some((file, line))) =
                    (frames.last_mut(), place.rsplit_once(':').and_then(|(p, _)| p.rsplit_once(':')))
                {
                    (frame.1, frame.2) = (file.to_string(), line.parse().unwrap_or(0));
                }
            }
            (None, Some((number, name))) if number.bytes().all(|b| b.is_ascii_digit()) => {
                frames.push((name.to_string(), String::new(), 0));
            }
            _ => {}
        }
    }
    let ours = |(name, ..): &Frame| {
        let name = name.trim_start_matches(['<', '&']);
        ["cotangent::", "std::", "core::", "alloc::", "rustc_"].iter().any(|start| name.starts_with(start))
    };
    let first = frames.iter().position(|frame| !ours(frame)).unwrap_or(0);
    frames.split_off(first)
}

/// A profile of pprof. Arrays that the same calls made on one device are one sample.
fn profile(arrays: &[(Array, std::sync::Arc<Backtrace>)]) -> Vec<u8> {
    let mut samples: BTreeMap<(Vec<Frame>, String), (u64, u64)> = BTreeMap::new();
    for (array, site) in arrays {
        let device = array.device().map(|device| device.to_string()).unwrap_or_default();
        let (count, bytes) = samples.entry((frames(site), device)).or_default();
        *count += 1;
        *bytes += (array.size() * array.dtype().byte_size()) as u64;
    }
    // The number 0 is the empty text.
    let mut texts = vec![String::new()];
    let mut text = |name: &str| -> u64 {
        let at = texts.iter().position(|known| known == name).unwrap_or_else(|| {
            texts.push(name.to_string());
            texts.len() - 1
        });
        at as u64
    };
    let kinds = [("allocations", "count"), ("space", "bytes")];
    let kinds = kinds.map(|(kind, unit)| Message::default().int(1, text(kind)).int(2, text(unit)));
    let mut profile = kinds.into_iter().fold(Message::default(), |profile, kind| profile.message(1, kind));
    let mut places: Numbers<Frame> = Numbers::default();
    let (kind, buffer, on) = (text("kind"), text("buffer"), text("device"));
    for ((frames, device), (count, bytes)) in &samples {
        let mut sample = Message::default();
        for frame in frames {
            sample = sample.int(1, places.of(frame));
        }
        let label = |key: u64, value: u64| Message::default().int(1, key).int(2, value);
        let sample =
            sample.int(2, *count).int(2, *bytes).message(3, label(kind, buffer)).message(3, label(on, text(device)));
        profile = profile.message(2, sample);
    }
    // Each place is a location and a function of the same number.
    for ((name, file, line), number) in places.all() {
        let at = Message::default().int(1, number).int(2, *line);
        profile = profile.message(4, Message::default().int(1, number).message(4, at));
        let (name, file) = (text(name), text(file));
        let function = Message::default().int(1, number).int(2, name).int(3, name).int(4, file);
        profile = profile.message(5, function);
    }
    texts.iter().fold(profile, |profile, text| profile.text(6, text)).0
}
