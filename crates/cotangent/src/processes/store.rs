//! The store of a job as a plugin uses it.

use std::sync::Arc;
use std::time::Duration;

use coordination::Error;
use xla::{Code, StoreError};

use super::Membership;

/// The part of the store that one client of a plugin uses.
pub(super) struct Store {
    membership: Arc<Membership>,
    prefix: String,
}

impl Store {
    /// The store of the client with this number.
    pub(super) fn new(membership: Arc<Membership>, number: u64) -> Store {
        Store { membership, prefix: format!("plugin/{number}/") }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

impl xla::KeyValueStore for Store {
    fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>, StoreError> {
        self.membership.client.get(&self.key(key), timeout).map_err(converted)
    }

    fn try_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.membership.client.try_get(&self.key(key)).map_err(converted)
    }

    fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.membership.client.put(&self.key(key), value).map_err(converted)
    }
}

/// The error with the kind that XLA's own service has for it.
fn converted(error: Error) -> StoreError {
    let code = match &error {
        Error::Timeout { .. } | Error::NoAnswer { .. } => Code::DeadlineExceeded,
        Error::Exists { .. } => Code::AlreadyExists,
        Error::TooLong { .. } => Code::InvalidArgument,
        Error::Full { .. } => Code::ResourceExhausted,
        Error::Left => Code::FailedPrecondition,
        _ => Code::Unavailable,
    };
    StoreError { code, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;

    use coordination::{Client, Coordinator, Job, Member};
    use xla::OptionValue;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A job of two processes in this one.
    fn job() -> (Coordinator, [Arc<Membership>; 2]) {
        let coordinator = Coordinator::start("127.0.0.1:0", Job::of(2)).unwrap();
        let address = coordinator.address().to_string();
        let member = |id: u32| {
            Arc::new(Membership {
                id: id as usize,
                processes: 2,
                client: Client::connect(&address, &Member::new(id, 2), LONG).unwrap(),
                coordinator: Mutex::new(None),
                local_devices: (id == 1).then(|| vec![3]),
                rounds: Mutex::new(HashMap::new()),
                stores: AtomicU64::new(0),
            })
        };
        (coordinator, [0, 1].map(member))
    }

    #[test]
    fn plugins_of_two_processes_meet_in_the_store() {
        let (_coordinator, members) = job();
        let [(options, first), (other_options, second)] = [&members[0], &members[1]].map(Membership::for_gpus);
        // The names are those that JAX passes to its plugin.
        assert_eq!(options, [("node_id", OptionValue::Int(0)), ("num_nodes", OptionValue::Int(2))]);
        assert_eq!(other_options[0], ("node_id", OptionValue::Int(1)));
        assert_eq!(other_options[2], ("visible_devices", OptionValue::IntList(vec![3])));
        let reader = std::thread::spawn(move || (second.get("local_topology/cuda/0", LONG), second));
        first.put("local_topology/cuda/0", b"\0topology").unwrap();
        let (value, second) = reader.join().unwrap();
        assert_eq!(value.unwrap(), b"\0topology");
        assert_eq!(second.try_get("local_topology/cuda/1").unwrap(), None);
        // The second client of a process has its own keys.
        assert_eq!(members[0].for_gpus().1.try_get("local_topology/cuda/0").unwrap(), None);
    }

    #[test]
    fn errors_have_the_codes_of_xlas_own_service() {
        let (_coordinator, [here, other]) = job();
        let store = here.for_gpus().1;
        let late = store.get("nothing", Duration::from_millis(10)).unwrap_err();
        assert_eq!(late.code, Code::DeadlineExceeded);
        store.put("key", b"1").unwrap();
        assert_eq!(store.put("key", b"2").unwrap_err().code, Code::AlreadyExists);
        assert_eq!(store.put("key", &vec![0; coordination::MAX_VALUE + 1]).unwrap_err().code, Code::InvalidArgument);
        drop(other);
        let lost = store.get("nothing", LONG).unwrap_err();
        assert_eq!(lost.code, Code::Unavailable);
        assert!(lost.message.contains("process 1 (host "), "{}", lost.message);
    }
}
