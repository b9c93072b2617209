//! A reader of flatbuffers that trusts nothing in them, and a writer.
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

/// A table that is to be written: the numbers of its fields and their values.
#[derive(Default)]
pub(super) struct Draft<'a>(Vec<(usize, Field<'a>)>);

/// A value of a field.
pub(super) enum Field<'a> {
    U8(u8),
    U16(u16),
    U32(u32),
    Str(&'a str),
    Bytes(&'a [u8]),
    U16s(Vec<u16>),
    U32s(Vec<u32>),
    Table(Draft<'a>),
    Tables(Vec<Draft<'a>>),
    Strs(Vec<&'a str>),
}

impl<'a> Draft<'a> {
    pub(super) fn new(fields: impl IntoIterator<Item = (usize, Field<'a>)>) -> Draft<'a> {
        Draft(fields.into_iter().collect())
    }

    /// Writes a buffer that is this table. Equal tables become equal bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = vec![0; 4];
        let at = self.write(&mut out);
        point(&mut out, 0, at);
        out
    }

    /// Appends the table, and after it what its fields refer to. Returns where it starts.
    fn write(self, out: &mut Vec<u8>) -> usize {
        // Larger values come first, so that each is aligned.
        let mut fields = self.0;
        fields.sort_by_key(|(_, field)| std::cmp::Reverse(field.size()));
        let (mut offset, mut offsets) = (4u16, vec![0; fields.iter().map(|(i, _)| i + 1).max().unwrap_or(0)]);
        for (i, field) in &fields {
            offsets[*i] = offset;
            offset += field.size();
        }
        align(out, 2);
        // The table starts at a multiple of four, and its vtable ends there.
        let vtable = [4 + 2 * offsets.len() as u16, offset].into_iter().chain(offsets);
        let vtable: Vec<u8> = vtable.flat_map(u16::to_le_bytes).collect();
        out.resize(out.len() + (out.len() + vtable.len()) % 4, 0);
        let start = out.len() + vtable.len();
        out.extend(&vtable);
        out.extend((vtable.len() as i32).to_le_bytes());
        let mut references = Vec::new();
        for (_, field) in fields {
            match field {
                Field::U8(n) => out.push(n),
                Field::U16(n) => out.extend(n.to_le_bytes()),
                Field::U32(n) => out.extend(n.to_le_bytes()),
                other => {
                    references.push((out.len(), other));
                    out.extend([0; 4]);
                }
            }
        }
        for (place, field) in references {
            let at = field.write(out);
            point(out, place, at);
        }
        start
    }
}

impl Field<'_> {
    /// The bytes that it takes in its table.
    fn size(&self) -> u16 {
        match self {
            Field::U8(_) => 1,
            Field::U16(_) => 2,
            _ => 4,
        }
    }

    /// Appends what a reference to it points to. Returns where that starts.
    fn write(self, out: &mut Vec<u8>) -> usize {
        match self {
            // Numbers are in the table itself.
            Field::U8(_) | Field::U16(_) | Field::U32(_) => out.len(),
            Field::Str(text) => {
                let at = list(out, text.len(), text.bytes());
                out.push(0);
                at
            }
            Field::Bytes(bytes) => list(out, bytes.len(), bytes.iter().copied()),
            Field::U16s(numbers) => list(out, numbers.len(), numbers.into_iter().flat_map(u16::to_le_bytes)),
            Field::U32s(numbers) => list(out, numbers.len(), numbers.into_iter().flat_map(u32::to_le_bytes)),
            Field::Table(table) => table.write(out),
            Field::Tables(tables) => each(out, tables, Draft::write),
            Field::Strs(texts) => each(out, texts, |text, out| Field::Str(text).write(out)),
        }
    }
}

fn align(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

/// Writes the offset at `place` that leads to `target`.
fn point(out: &mut [u8], place: usize, target: usize) {
    out[place..place + 4].copy_from_slice(&((target - place) as u32).to_le_bytes());
}

/// Appends a vector.
fn list(out: &mut Vec<u8>, len: usize, bytes: impl Iterator<Item = u8>) -> usize {
    align(out, 4);
    let at = out.len();
    out.extend((len as u32).to_le_bytes());
    out.extend(bytes);
    at
}

/// Appends a vector of references, and then what they refer to.
fn each<T>(out: &mut Vec<u8>, items: Vec<T>, write: impl Fn(T, &mut Vec<u8>) -> usize) -> usize {
    let at = list(out, items.len(), std::iter::repeat_n(0, 4 * items.len()));
    for (i, item) in items.into_iter().enumerate() {
        let target = write(item, out);
        point(out, at + 4 * (i + 1), target);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inner = || Draft::new([(1, Field::Str("inner")), (0, Field::U8(7))]);
        let bytes = Draft::new([
            (0, Field::U8(1)),
            (1, Field::U16(2)),
            (2, Field::U32(3)),
            (3, Field::Str("ä")),
            (4, Field::Bytes(&[1, 2, 3])),
            (6, Field::U16s(vec![4, 5, 6])),
            (7, Field::U32s(vec![7])),
            (8, Field::Table(inner())),
            (9, Field::Tables(vec![inner(), Draft::default()])),
            (10, Field::Strs(vec!["a", ""])),
        ])
        .finish();
        let buffer = Buffer::new(&bytes);
        let table = buffer.root().unwrap();
        assert_eq!((table.u8(0).unwrap(), table.u16(1).unwrap(), table.u32(2).unwrap()), (1, 2, 3));
        assert_eq!((table.string(3).unwrap(), table.bytes(4).unwrap()), ("ä", &[1, 2, 3][..]));
        assert!(table.table(5).unwrap().is_none() && table.table(11).unwrap().is_none());
        assert_eq!((table.u16s(6).unwrap(), table.u32s(7).unwrap()), (vec![4, 5, 6], vec![7]));
        let inner = table.table(8).unwrap().unwrap();
        assert_eq!((inner.u8(0).unwrap(), inner.string(1).unwrap()), (7, "inner"));
        let all = table.tables(9).unwrap();
        assert_eq!((all.len(), all[0].string(1).unwrap(), all[1].string(1).unwrap()), (2, "inner", ""));
        assert_eq!(table.strings(10).unwrap(), ["a", ""]);
    }
}
