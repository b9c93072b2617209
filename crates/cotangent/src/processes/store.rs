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
