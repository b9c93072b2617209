//! A reader of flatbuffers that trusts nothing in them.
//!
//! The tables of an artifact are few and flat, so this reads them directly. The `flatbuffers` crate would need four
//! thousand lines of generated code, and its verifier checks offsets only.
//!
//! A flatbuffer is little-endian. A table starts with the distance to its vtable, which lists where each field is in the
//! table. Strings, vectors and other tables are behind offsets, which always point forward.

use crate::error::{Error, Result};

pub(super) fn damaged(what: impl std::fmt::Display) -> Error {
    Error::value(format!("the artifact is damaged: {what}")).help("export and serialize it again")
}

/// A buffer, and how many more tables may be read from it. Several offsets may point to one table, so a small file could
/// otherwise stand for a tree that is as large as one likes.
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
    left: std::cell::Cell<usize>,
}

/// A table in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a Buffer<'a>,
    at: usize,
    vtable: usize,
    fields: usize,
}

/// A vector in a buffer.
#[derive(Clone, Copy)]
struct Vector<'a> {
    buffer: &'a Buffer<'a>,
    at: usize,
    len: usize,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Buffer<'a> {
        Buffer { bytes, left: std::cell::Cell::new(bytes.len() / 4) }
    }

    fn part<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        let end = at.checked_add(N).filter(|end| *end <= self.bytes.len());
        match end.and_then(|end| <[u8; N]>::try_from(&self.bytes[at..end]).ok()) {
            Some(part) => Ok(part),
            None => Err(damaged(format!("it refers to byte {at}, but it has {}", self.bytes.len()))),
        }
    }

    fn u16(&self, at: usize) -> Result<u16> {
        self.part(at).map(u16::from_le_bytes)
    }

    fn u32(&self, at: usize) -> Result<usize> {
        Ok(u32::from_le_bytes(self.part(at)?) as usize)
    }

    /// Follows the offset at `at`.
    fn follow(&self, at: usize) -> Result<usize> {
        match self.u32(at)? {
            0 => Err(damaged(format!("the offset at byte {at} is zero"))),
            offset => Ok(at.saturating_add(offset)),
        }
    }

    /// The table that the whole buffer is.
    pub(super) fn root(&'a self) -> Result<Table<'a>> {
        self.table(self.follow(0)?)
    }

    fn table(&'a self, at: usize) -> Result<Table<'a>> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(damaged("it has more tables than there is room for"));
        };
        self.left.set(left);
        let distance = i64::from(i32::from_le_bytes(self.part(at)?));
        let vtable = usize::try_from(at as i64 - distance).map_err(|_| damaged("a table has no fields"))?;
        let (size, length) = (usize::from(self.u16(vtable)?), usize::from(self.u16(vtable + 2)?));
        if size < 4 || size % 2 == 1 || vtable + size > self.bytes.len() || at + length > self.bytes.len() {
            return Err(damaged(format!("the table at byte {at} does not fit")));
        }
        Ok(Table { buffer: self, at, vtable, fields: (size - 4) / 2 })
    }
}

impl<'a> Table<'a> {
    /// Where a field is, if the table has it.
    fn field(&self, index: usize) -> Result<Option<usize>> {
        if index >= self.fields {
            return Ok(None);
        }
        let offset = usize::from(self.buffer.u16(self.vtable + 4 + 2 * index)?);
        Ok((offset != 0).then_some(self.at + offset))
    }

    /// A number of one byte, or zero.
    pub(super) fn u8(&self, index: usize) -> Result<u8> {
        Ok(match self.field(index)? {
            Some(at) => self.buffer.part::<1>(at)?[0],
            None => 0,
        })
    }

    pub(super) fn u16(&self, index: usize) -> Result<u16> {
        self.field(index)?.map_or(Ok(0), |at| self.buffer.u16(at))
    }

    pub(super) fn u32(&self, index: usize) -> Result<usize> {
        self.field(index)?.map_or(Ok(0), |at| self.buffer.u32(at))
    }

    pub(super) fn table(&self, index: usize) -> Result<Option<Table<'a>>> {
        self.field(index)?.map(|at| self.buffer.table(self.buffer.follow(at)?)).transpose()
    }

    /// A vector whose elements take `size` bytes.
    fn vector(&self, index: usize, size: usize) -> Result<Option<Vector<'a>>> {
        let Some(at) = self.field(index)? else { return Ok(None) };
        vector(self.buffer, self.buffer.follow(at)?, size).map(Some)
    }

    pub(super) fn bytes(&self, index: usize) -> Result<&'a [u8]> {
        Ok(match self.vector(index, 1)? {
            Some(Vector { buffer, at, len }) => &buffer.bytes[at..at + len],
            None => &[],
        })
    }

    pub(super) fn string(&self, index: usize) -> Result<&'a str> {
        text(self.bytes(index)?)
    }

    pub(super) fn u16s(&self, index: usize) -> Result<Vec<usize>> {
        let Some(Vector { buffer, at, len }) = self.vector(index, 2)? else { return Ok(Vec::new()) };
        (0..len).map(|i| buffer.u16(at + 2 * i).map(usize::from)).collect()
    }

    pub(super) fn u32s(&self, index: usize) -> Result<Vec<usize>> {
        let Some(Vector { buffer, at, len }) = self.vector(index, 4)? else { return Ok(Vec::new()) };
        (0..len).map(|i| buffer.u32(at + 4 * i)).collect()
    }

    pub(super) fn tables(&self, index: usize) -> Result<Vec<Table<'a>>> {
        let Some(Vector { buffer, at, len }) = self.vector(index, 4)? else { return Ok(Vec::new()) };
        (0..len).map(|i| buffer.table(buffer.follow(at + 4 * i)?)).collect()
    }

    pub(super) fn strings(&self, index: usize) -> Result<Vec<&'a str>> {
        let Some(Vector { buffer, at, len }) = self.vector(index, 4)? else { return Ok(Vec::new()) };
        let one = |i: usize| {
            let Vector { at, len, .. } = vector(buffer, buffer.follow(at + 4 * i)?, 1)?;
            text(&buffer.bytes[at..at + len])
        };
        (0..len).map(one).collect()
    }
}

fn vector<'a>(buffer: &'a Buffer<'a>, at: usize, size: usize) -> Result<Vector<'a>> {
    let len = buffer.u32(at)?;
    let fits = len.checked_mul(size).and_then(|n| n.checked_add(at + 4)).is_some_and(|n| n <= buffer.bytes.len());
    match fits {
        true => Ok(Vector { buffer, at: at + 4, len }),
        false => Err(damaged(format!("a list of {len} at byte {at} does not fit"))),
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a name is not UTF-8"))
}
