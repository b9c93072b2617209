//! The primitives of the encoding.

use super::super::{Place, ReadError};
use super::Result;

/// A part of the input, with the place that is read next.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    data: &'a [u8],
    pos: usize,
    /// Where `data` starts in the input.
    base: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8], base: usize) -> Cursor<'a> {
        Cursor { data, pos: 0, base }
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(ReadError::new(message, Place::Byte(self.base + self.pos)))
    }

    pub(super) fn left(&self) -> usize {
        self.data.len() - self.pos
    }

    pub(super) fn is_done(&self) -> bool {
        self.left() == 0
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8> {
        match self.data.get(self.pos) {
            Some(&b) => {
                self.pos += 1;
                Ok(b)
            }
            None => self.too_early(),
        }
    }

    #[cold]
    fn too_early<T>(&self) -> Result<T> {
        self.error("the bytecode ends too early")
    }

    pub(super) fn bytes(&mut self, len: u64) -> Result<&'a [u8]> {
        match usize::try_from(len).ok().and_then(|n| self.data[self.pos..].get(..n)) {
            Some(bytes) => {
                self.pos += bytes.len();
                Ok(bytes)
            }
            None => self.error(format!("{len} bytes, but {} are left", self.left())),
        }
    }

    /// The next bytes as a cursor of their own.
    pub(super) fn part(&mut self, len: u64) -> Result<Cursor<'a>> {
        let base = self.base + self.pos;
        Ok(Cursor::new(self.bytes(len)?, base))
    }

    /// An integer in MLIR's prefix encoding.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64> {
        // Most are a byte, and many are two.
        match self.data.get(self.pos..) {
            Some([first, ..]) if first & 1 == 1 => {
                self.pos += 1;
                Ok((first >> 1).into())
            }
            Some([first, second, ..]) if first & 2 == 2 => {
                self.pos += 2;
                Ok(u64::from(u16::from_le_bytes([*first, *second]) >> 2))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64> {
        let first = self.byte()?;
        if first & 1 == 1 {
            return Ok((first >> 1).into());
        }
        if first == 0 {
            let mut word = [0; 8];
            word.copy_from_slice(self.bytes(8)?);
            return Ok(u64::from_le_bytes(word));
        }
        let extra = first.trailing_zeros() as usize;
        let mut word = [0; 8];
        word[0] = first;
        word[1..=extra].copy_from_slice(self.bytes(extra as u64)?);
        Ok(u64::from_le_bytes(word) >> (extra + 1))
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        let n = self.varint()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    /// An integer with a flag in its lowest bit.
    #[inline]
    pub(super) fn flagged(&mut self) -> Result<(u64, bool)> {
        let n = self.varint()?;
        Ok((n >> 1, n & 1 == 1))
    }

    /// The number of things that take at least a byte each.
    #[inline]
    pub(super) fn count(&mut self) -> Result<usize> {
        let n = self.varint()?;
        self.fits(n)
    }

    #[inline]
    pub(super) fn fits(&self, n: u64) -> Result<usize> {
        match usize::try_from(n) {
            Ok(n) if n <= self.left() => Ok(n),
            _ => self.too_many(n),
        }
    }

    #[cold]
    fn too_many(&self, n: u64) -> Result<usize> {
        self.error(format!("a list of {n} items, but {} bytes are left", self.left()))
    }

    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let n = self.count()?;
        (0..n).map(|_| item(self)).collect()
    }

    pub(super) fn signed_list(&mut self) -> Result<Vec<i64>> {
        self.list(Self::signed)
    }

    /// An integer of a width that is known.
    pub(super) fn integer(&mut self, bits: u32) -> Result<i64> {
        match bits {
            0..=8 => Ok(self.byte()?.into()),
            9..=64 => self.signed(),
            _ => self.error(format!("an integer of {bits} bits")),
        }
    }

    pub(super) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_bits(self.integer(64)? as u64))
    }

    /// Bytes up to a zero.
    pub(super) fn zero_terminated(&mut self) -> Result<&'a [u8]> {
        match self.data[self.pos..].iter().position(|&b| b == 0) {
            Some(len) => {
                let bytes = self.bytes(len as u64)?;
                self.pos += 1;
                Ok(bytes)
            }
            None => self.error("a string without an end"),
        }
    }

    /// A section: its number and its content.
    pub(super) fn section(&mut self) -> Result<(u8, Cursor<'a>)> {
        let head = self.byte()?;
        let len = self.varint()?;
        if head & 0x80 != 0 {
            let alignment = self.varint()?;
            if !alignment.is_power_of_two() {
                return self.error(format!("a section aligned to {alignment} bytes"));
            }
            while !((self.base + self.pos) as u64).is_multiple_of(alignment) {
                if self.byte()? != 0xCB {
                    return self.error("a section whose padding is wrong");
                }
            }
        }
        Ok((head & 0x7F, self.part(len)?))
    }
}
