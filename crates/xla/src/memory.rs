//! What holds the memory of devices, for the error that there is too little of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::abi::DeviceMemoryStatsArgs;
use crate::api::Api;
use crate::client::ClientInner;

/// The number of counters that threads share.
const STRIPES: usize = 16;

/// The bytes of all arrays of one plugin that exist. Each call makes and drops arrays, so threads count apart, each in a
/// cache line of its own. An array may be dropped by another thread than the one that made it: only the sum, which
/// wraps, has a meaning.
#[derive(Default)]
pub(crate) struct Held([Stripe; STRIPES]);

#[derive(Default)]
#[repr(align(64))]
struct Stripe(AtomicU64);

/// The stripe of this thread.
fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
    STRIPE.with(|stripe| *stripe)
}

impl Held {
    #[inline]
    pub(crate) fn add(&self, bytes: usize) {
        self.0[stripe()].0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn remove(&self, bytes: usize) {
        self.0[stripe()].0.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().fold(0, |sum, stripe| sum.wrapping_add(stripe.0.load(Ordering::Relaxed)))
    }
}

/// The clients that are open.
static CLIENTS: Mutex<Vec<Weak<ClientInner>>> = Mutex::new(Vec::new());

/// Remembers a client, so that an error can describe the memory of its devices.
pub(crate) fn remember(client: &Arc<ClientInner>) {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|client| client.strong_count() > 0);
    clients.push(Arc::downgrade(client));
}

/// The memory of a device, as far as the plugin reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMemory {
    /// The device: `cuda:0`.
    pub device: String,
    /// The bytes in use.
    pub in_use: u64,
    /// The bytes that this process may use.
    pub limit: Option<u64>,
    /// The size of the largest block that is free.
    pub largest_free: Option<u64>,
}

/// There was too little memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The operation that failed.
    pub during: &'static str,
    /// The bytes that were to be allocated, if the plugin says so.
    pub requested: Option<u64>,
    /// The bytes that arrays of this process hold on the devices of the plugin.
    pub held: u64,
    /// The devices whose memory the plugin reports.
    pub devices: Vec<DeviceMemory>,
    /// The plugin's message.
    pub message: String,
}

impl OutOfMemory {
    /// The error for a message of the plugin, if it is about memory.
    pub(crate) fn recognize(api: &Api, during: &'static str, message: &str) -> Option<OutOfMemory> {
        let text = message.to_ascii_lowercase();
        if !["memory", "allocat"].iter().any(|word| text.contains(word)) {
            return None;
        }
        let (requested, held) = (requested(&text), api.held.bytes());
        Some(OutOfMemory { during, requested, held, devices: devices(api), message: message.to_owned() })
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory while {}", self.during)?;
        if let Some(requested) = self.requested {
            write!(f, ": {} were needed at once", size(requested))?;
        }
        f.write_str(". ")?;
        for device in &self.devices {
            write!(f, "{} has {} in use", device.device, size(device.in_use))?;
            if let Some(limit) = device.limit {
                write!(f, " of the {} for this process", size(limit))?;
            }
            if let Some(free) = device.largest_free {
                write!(f, ", and its largest free block has {}", size(free))?;
            }
            f.write_str(". ")?;
        }
        write!(
            f,
            "Arrays of this process hold {}. Drop arrays that are no longer needed, donate arguments that are replaced \
             by results, or compute in smaller parts",
            size(self.held)
        )?;
        if self.devices.iter().any(|device| device.device.starts_with("cuda")) {
            f.write_str(". COTANGENT_CUDA_MEMORY_FRACTION sets the part of each GPU's memory that may be used")?;
        }
        write!(f, ". The plugin says: {}", self.message.trim_end())
    }
}

/// The memory of the devices of a plugin's open clients.
fn devices(api: &Api) -> Vec<DeviceMemory> {
    let clients: Vec<_> = {
        let clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().filter_map(Weak::upgrade).collect()
    };
    let ours = clients.iter().filter(|client| std::ptr::eq(client.plugin.api.held, api.held));
    ours.flat_map(|client| client.memory()).collect()
}

impl ClientInner {
    /// The memory of each device that the plugin reports on.
    fn memory(&self) -> Vec<DeviceMemory> {
        let api = &self.plugin.api;
        let Some(memory_stats) = api.device_memory_stats else {
            return Vec::new();
        };
        let describe = |place: usize| {
            let mut args = DeviceMemoryStatsArgs::new();
            args.device = self.raw_devices[place].as_ptr();
            // SAFETY: the device belongs to the client, which is alive. An error is owned here.
            unsafe {
                let error = memory_stats(&mut args);
                if !error.is_null() {
                    api.free_error(error);
                    return None;
                }
            }
            let set = |is_set: bool, value: i64| u64::try_from(value).ok().filter(|_| is_set);
            Some(DeviceMemory {
                device: format!("{}:{}", self.platform_name, self.devices[place].id),
                in_use: u64::try_from(args.bytes_in_use).unwrap_or(0),
                limit: set(args.bytes_limit_is_set, args.bytes_limit),
                largest_free: set(args.largest_free_block_bytes_is_set, args.largest_free_block_bytes),
            })
        };
        (0..self.raw_devices.len()).filter_map(describe).collect()
    }
}

/// The bytes that were to be allocated, in XLA's messages: `allocating 128 bytes`, `trying to allocate 64.00GiB`,
/// `request for 64.00GiB (68719476736B)`.
fn requested(text: &str) -> Option<u64> {
    let words: Vec<&str> =
        text.split_ascii_whitespace().map(|word| word.trim_matches(['(', ')', '.', ',', ':'])).collect();
    let exact = words.iter().zip(words.iter().skip(1)).find_map(|(number, unit)| match *unit {
        "bytes" => number.parse().ok(),
        _ => number.strip_suffix('b').and_then(|n| n.parse().ok()),
    });
    let last = || words.last().and_then(|word| word.strip_suffix('b')).and_then(|n| n.parse().ok());
    exact.or_else(last).or_else(|| words.iter().find_map(|word| with_unit(word)))
}

/// `64.00gib` in bytes.
fn with_unit(word: &str) -> Option<u64> {
    let units = [("kib", 10), ("mib", 20), ("gib", 30), ("tib", 40)];
    let (number, shift) = units.into_iter().find_map(|(unit, shift)| Some((word.strip_suffix(unit)?, shift)))?;
    number.parse::<f64>().ok().filter(|n| *n >= 0.0).map(|n| (n * (1u64 << shift) as f64) as u64)
}

/// A number of bytes as text.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_every_form_of_the_message() {
        for (text, bytes) in [
            ("out of memory allocating 35184372088832 bytes.", Some(35_184_372_088_832)),
            ("out of memory while trying to allocate 64.00gib.", Some(64 << 30)),
            ("out of memory while trying to allocate 1.50kib: allocator (gpu_0_bfc) ran out", Some(1536)),
            ("failed to allocate request for 64.00gib (68719476736b) on device ordinal 0", Some(68_719_476_736)),
            ("failed to allocate request for 2.0kib (2048b)", Some(2048)),
            ("allocating 512 bytes exceeds the memory limit of 256 bytes.", Some(512)),
            ("allocation error : not enough memory", None),
        ] {
            assert_eq!(requested(text), bytes, "{text}");
        }
    }

    #[test]
    fn the_message_says_what_holds_the_memory() {
        let error = OutOfMemory {
            during: "computing an array",
            requested: Some(68_719_476_736),
            held: 57_000_000_000,
            devices: vec![DeviceMemory {
                device: "cuda:0".into(),
                in_use: 58_100_000_000,
                limit: Some(60_700_000_000),
                largest_free: Some(1_200_000),
            }],
            message: "Out of memory while trying to allocate 64.00GiB.\n".into(),
        };
        assert_eq!(
            error.to_string(),
            "out of memory while computing an array: 68.7 GB were needed at once. cuda:0 has 58.1 GB in use of the \
             60.7 GB for this process, and its largest free block has 1.2 MB. Arrays of this process hold 57.0 GB. \
             Drop arrays that are no longer needed, donate arguments that are replaced by results, or compute in \
             smaller parts. COTANGENT_CUDA_MEMORY_FRACTION sets the part of each GPU's memory that may be used. The \
             plugin says: Out of memory while trying to allocate 64.00GiB."
        );
        let least = OutOfMemory { requested: None, held: 12, devices: vec![], message: "no".into(), ..error };
        assert!(
            least
                .to_string()
                .starts_with("out of memory while computing an array. Arrays of this process hold 12 bytes.")
        );
    }
}
