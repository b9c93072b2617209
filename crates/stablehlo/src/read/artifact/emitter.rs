//! The primitives of the encoding.

#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Emitter(pub(super) Vec<u8>);

impl Emitter {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// An integer in MLIR's prefix encoding: the zeros at the low end of the first byte count the bytes that follow.
    pub(super) fn varint(&mut self, n: u64) {
        let bits = 64 - (n | 1).leading_zeros();
        let len = bits.div_ceil(7);
        if len > 8 {
            self.byte(0);
            return self.bytes(&n.to_le_bytes());
        }
        let word = (n << 1 | 1) << (len - 1);
        self.bytes(&word.to_le_bytes()[..len as usize]);
    }

    pub(super) fn signed(&mut self, n: i64) {
        self.varint((n << 1 ^ n >> 63) as u64);
    }

    pub(super) fn flagged(&mut self, n: u64, flag: bool) {
        self.varint(n << 1 | u64::from(flag));
    }

    pub(super) fn ids(&mut self, ids: &[u64]) {
        self.varint(ids.len() as u64);
        ids.iter().for_each(|&id| self.varint(id));
    }

    pub(super) fn signed_list(&mut self, values: impl ExactSizeIterator<Item = i64>) {
        self.varint(values.len() as u64);
        values.for_each(|n| self.signed(n));
    }

    /// An integer of a known width, as MLIR's `APInt`.
    pub(super) fn integer(&mut self, bits: u64, width: u32) {
        let value = bits & (u64::MAX >> (64 - width));
        if width <= 8 { self.byte(value as u8) } else { self.signed(value as i64) }
    }

    pub(super) fn section(&mut self, id: u8, content: &Emitter) {
        self.byte(id);
        self.varint(content.0.len() as u64);
        self.bytes(&content.0);
    }
}
