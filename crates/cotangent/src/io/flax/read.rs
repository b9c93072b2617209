//! The arrays of a file, and where they are.

use std::collections::BTreeMap;
use std::ops::Range;

use super::msgpack::{Reader, Token};
use super::{CHUNKED, COMPLEX, DTYPES, Entry, NDARRAY, SCALAR};
use crate::array::aval::Aval;
use crate::array::literal::Scalar;

/// How deeply dicts may be nested.
const MAX_DEPTH: usize = 128;

/// The most dimensions of an array.
const MAX_RANK: usize = 64;

type Result<T> = std::result::Result<T, String>;

/// The leaves by name.
pub(super) fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Entry>> {
    let reader = Reader { bytes, at: 0, end: bytes.len() };
    let mut file = Parser { reader, path: Vec::new(), entries: BTreeMap::new(), names: 0 };
    file.value()?;
    if file.reader.at < bytes.len() {
        return file.reader.fail("something follows the tree");
    }
    Ok(file.entries)
}

struct Parser<'a> {
    reader: Reader<'a>,
    path: Vec<String>,
    entries: BTreeMap<String, Entry>,
    /// The bytes of all names.
    names: usize,
}

/// An array, or a part of one.
struct Part {
    dtype: String,
    shape: Vec<usize>,
    data: Range<usize>,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<()> {
        if self.path.len() > MAX_DEPTH {
            return self.reader.fail("nested more than 128 levels deep");
        }
        match self.reader.token()? {
            Token::Nil | Token::Bytes(_) => Ok(()),
            Token::Number(number) => self.add(Entry::Number(number)),
            Token::Array(n) => (0..n).try_for_each(|i| self.child(i.to_string())),
            Token::Map(n) => self.dict(n),
            Token::Extension(COMPLEX, range) => {
                let number = self.complex(range)?;
                self.add(Entry::Number(number))
            }
            Token::Extension(NDARRAY | SCALAR, range) => {
                let Part { dtype, shape, data } = self.part(range)?;
                let entry = self.array(&dtype, shape, vec![data])?;
                self.add(entry)
            }
            Token::Extension(kind, _) => {
                self.reader.fail(&format!("an extension of type {kind}, which Flax does not have"))
            }
        }
    }

    fn child(&mut self, name: String) -> Result<()> {
        self.path.push(name);
        self.value()?;
        self.path.pop();
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        let name = if self.path.is_empty() { "array".into() } else { self.path.join(".") };
        // A long key can stand before many short ones.
        self.names += name.len();
        if self.names > 16 * self.reader.bytes.len() + 4096 {
            return self.reader.fail("its names are much longer than the file");
        }
        match self.entries.insert(name, entry) {
            None => Ok(()),
            Some(_) => self.reader.fail(&format!("two arrays have the name `{}`", self.path.join("."))),
        }
    }

    fn key(&mut self) -> Result<String> {
        match self.reader.token()? {
            Token::Bytes(range) => match std::str::from_utf8(&self.reader.bytes[range]) {
                Ok(key) => Ok(key.into()),
                Err(_) => self.reader.fail("a key that is not UTF-8"),
            },
            Token::Number(Scalar::Int(key)) => Ok(key.to_string()),
            _ => self.reader.fail("a key that is neither a text nor an integer"),
        }
    }

    fn dict(&mut self, n: usize) -> Result<()> {
        for i in 0..n {
            let key = self.key()?;
            if key != CHUNKED {
                self.child(key)?;
                continue;
            }
            if (i, n) != (0, 3) {
                return self.reader.fail("a divided array with other values beside it");
            }
            let entry = self.chunked()?;
            return self.add(entry);
        }
        Ok(())
    }

    /// The rest of a dict that stands for a divided array.
    fn chunked(&mut self) -> Result<Entry> {
        let wrong = "a divided array needs a shape and chunks";
        let Token::Number(Scalar::Bool(true)) = self.reader.token()? else { return self.reader.fail(wrong) };
        let (mut shape, mut chunks) = (None, None);
        for _ in 0..2 {
            match &*self.key()? {
                "shape" => shape = Some(self.sequence(Self::length)?),
                "chunks" => {
                    chunks = Some(self.sequence(|s| match s.reader.token()? {
                        Token::Extension(NDARRAY, range) => s.part(range),
                        _ => s.reader.fail(wrong),
                    })?);
                }
                _ => return self.reader.fail(wrong),
            }
        }
        let (Some(shape), Some(chunks)) = (shape, chunks) else { return self.reader.fail(wrong) };
        let dtype = chunks.first().map_or(String::new(), |part| part.dtype.clone());
        if chunks.iter().any(|part| part.dtype != dtype || part.shape.len() != 1) {
            return self.reader.fail("the parts of a divided array differ in dtype, or are not flat");
        }
        let parts = chunks.into_iter().map(|part| part.data).collect();
        self.array(&dtype, shape, parts)
    }

    /// A dict with the keys 0, 1, … in order, as Flax stores a tuple.
    fn sequence<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let Token::Map(n) = self.reader.token()? else {
            return self.reader.fail("expected a dict with numbers as keys");
        };
        let mut items = Vec::new();
        for i in 0..n {
            if self.key()? != i.to_string() {
                return self.reader.fail("expected a dict with numbers as keys");
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn length(&mut self) -> Result<usize> {
        match self.reader.token()? {
            Token::Number(Scalar::Int(n)) if n >= 0 => Ok(n as usize),
            _ => self.reader.fail("a length that is not a number"),
        }
    }

    /// Reads `range` by `f`, which must read all of it.
    fn inside<T>(&mut self, range: Range<usize>, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = (self.reader.at, self.reader.end);
        (self.reader.at, self.reader.end) = (range.start, range.end);
        let value = f(self)?;
        if self.reader.at < range.end {
            return self.reader.fail("an extension with something behind its values");
        }
        (self.reader.at, self.reader.end) = outer;
        Ok(value)
    }

    /// `[shape, dtype, bytes]`
    fn part(&mut self, range: Range<usize>) -> Result<Part> {
        self.inside(range, |s| {
            let wrong = "an array that is not a shape, a dtype and bytes";
            let Token::Array(3) = s.reader.token()? else { return s.reader.fail(wrong) };
            let Token::Array(rank @ 0..=MAX_RANK) = s.reader.token()? else { return s.reader.fail(wrong) };
            let shape = (0..rank).map(|_| s.length()).collect::<Result<_>>()?;
            let Token::Bytes(name) = s.reader.token()? else { return s.reader.fail(wrong) };
            let Ok(name) = std::str::from_utf8(&s.reader.bytes[name]) else { return s.reader.fail(wrong) };
            let Token::Bytes(data) = s.reader.token()? else { return s.reader.fail(wrong) };
            Ok(Part { dtype: name.into(), shape, data })
        })
    }

    fn complex(&mut self, range: Range<usize>) -> Result<Scalar> {
        self.inside(range, |s| {
            let wrong = "a complex number that is not two numbers";
            let Token::Array(2) = s.reader.token()? else { return s.reader.fail(wrong) };
            let mut parts = [0.0; 2];
            for part in &mut parts {
                let Token::Number(Scalar::Float(x)) = s.reader.token()? else { return s.reader.fail(wrong) };
                *part = x;
            }
            Ok(Scalar::Complex(parts[0], parts[1]))
        })
    }

    fn array(&self, dtype: &str, shape: Vec<usize>, parts: Vec<Range<usize>>) -> Result<Entry> {
        let Some((dtype, _)) = DTYPES.iter().find(|(_, name)| *name == dtype) else {
            return Ok(Entry::Other(dtype.into()));
        };
        if shape.len() > MAX_RANK {
            return self.reader.fail("an array of more than 64 dimensions");
        }
        // The product without the zeros is that of the strides.
        let fits = shape.iter().filter(|n| **n > 0).try_fold(dtype.byte_size(), |all, n| all.checked_mul(*n));
        if fits.is_none_or(|n| n > isize::MAX as usize) {
            return self.reader.fail("an array whose shape does not fit in memory");
        }
        let aval = Aval::new(*dtype, &shape[..]);
        let found: usize = parts.iter().map(ExactSizeIterator::len).sum();
        if found != aval.byte_len() {
            return self.reader.fail(&format!("{found} bytes do not fit {aval}, which has {}", aval.byte_len()));
        }
        Ok(Entry::Array { aval, parts })
    }
}
