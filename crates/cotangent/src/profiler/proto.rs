//! Messages of protocol buffers, as far as profiles need them.

use std::collections::BTreeMap;

/// A message of protocol buffers.
#[derive(Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn int(mut self, field: u64, value: u64) -> Message {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(super) fn bytes(mut self, field: u64, value: &[u8]) -> Message {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    pub(super) fn text(self, field: u64, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u64, value: Message) -> Message {
        self.bytes(field, &value.0)
    }
}

/// Numbers for values, from 1.
pub(super) struct Numbers<T>(BTreeMap<T, u64>);

impl<T> Default for Numbers<T> {
    fn default() -> Numbers<T> {
        Numbers(BTreeMap::new())
    }
}

impl<T: Ord + Clone> Numbers<T> {
    /// The number of a value, which is the next one if the value is new.
    pub(super) fn of(&mut self, value: &T) -> u64 {
        let next = self.0.len() as u64 + 1;
        *self.0.entry(value.clone()).or_insert(next)
    }

    /// All values with their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = (&T, u64)> {
        self.0.iter().map(|(value, number)| (value, *number))
    }
}
