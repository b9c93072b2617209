//! The encoding of [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md).

use std::ops::Range;

use crate::array::literal::Scalar;

/// What begins at a place of the input.
pub(super) enum Token {
    Nil,
    Number(Scalar),
    /// A text, or bytes: where they are.
    Bytes(Range<usize>),
    /// That many values follow.
    Array(usize),
    /// That many keys follow, each with a value.
    Map(usize),
    /// An extension: its type, and where its bytes are.
    Extension(i8, Range<usize>),
}

pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Where the input ends: that of an extension is a part of the file's.
    pub(super) end: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} (byte {})", self.at))
    }

    fn take(&mut self, n: usize) -> Result<Range<usize>, String> {
        if n > self.end - self.at {
            return self.fail("it ends too early");
        }
        self.at += n;
        Ok(self.at - n..self.at)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        let range = self.take(N)?;
        bytes.copy_from_slice(&self.bytes[range]);
        Ok(bytes)
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, bytes: u8) -> Result<usize, String> {
        Ok(match bytes {
            1 => u8::from_be_bytes(self.number()?).into(),
            2 => u16::from_be_bytes(self.number()?).into(),
            _ => u32::from_be_bytes(self.number()?) as usize,
        })
    }

    /// The number of values that follow, each of which takes a byte at least.
    fn count(&self, n: usize, each: usize) -> Result<usize, String> {
        if n > (self.end - self.at) / each {
            return self.fail("it has fewer values than it says");
        }
        Ok(n)
    }

    fn extension(&mut self, n: usize) -> Result<Token, String> {
        let kind = i8::from_be_bytes(self.number()?);
        Ok(Token::Extension(kind, self.take(n)?))
    }

    pub(super) fn token(&mut self) -> Result<Token, String> {
        let int = |x: i64| Token::Number(Scalar::Int(x));
        let uint = |x: u64| Token::Number(i64::try_from(x).map_or(Scalar::Uint(x), Scalar::Int));
        let [first] = self.number()?;
        Ok(match first {
            0x00..=0x7f => int(first.into()),
            0x80..=0x8f => Token::Map(self.count((first & 0xf).into(), 2)?),
            0x90..=0x9f => Token::Array(self.count((first & 0xf).into(), 1)?),
            0xa0..=0xbf => Token::Bytes(self.take((first & 0x1f).into())?),
            0xc0 => Token::Nil,
            0xc2 | 0xc3 => Token::Number(Scalar::Bool(first == 0xc3)),
            0xc4..=0xc6 => {
                let n = self.length(1 << (first - 0xc4))?;
                Token::Bytes(self.take(n)?)
            }
            0xc7..=0xc9 => {
                let n = self.length(1 << (first - 0xc7))?;
                self.extension(n)?
            }
            0xca => Token::Number(Scalar::Float(f32::from_be_bytes(self.number()?).into())),
            0xcb => Token::Number(Scalar::Float(f64::from_be_bytes(self.number()?))),
            0xcc => uint(u8::from_be_bytes(self.number()?).into()),
            0xcd => uint(u16::from_be_bytes(self.number()?).into()),
            0xce => uint(u32::from_be_bytes(self.number()?).into()),
            0xcf => uint(u64::from_be_bytes(self.number()?)),
            0xd0 => int(i8::from_be_bytes(self.number()?).into()),
            0xd1 => int(i16::from_be_bytes(self.number()?).into()),
            0xd2 => int(i32::from_be_bytes(self.number()?).into()),
            0xd3 => int(i64::from_be_bytes(self.number()?)),
            0xd4..=0xd8 => self.extension(1 << (first - 0xd4))?,
            0xd9..=0xdb => {
                let n = self.length(1 << (first - 0xd9))?;
                Token::Bytes(self.take(n)?)
            }
            0xdc | 0xdd => {
                let n = self.length(2 << (first - 0xdc))?;
                Token::Array(self.count(n, 1)?)
            }
            0xde | 0xdf => {
                let n = self.length(2 << (first - 0xde))?;
                Token::Map(self.count(n, 2)?)
            }
            0xe0..=0xff => int((first as i8).into()),
            0xc1 => return self.fail("0xc1 begins no value"),
        })
    }
}

/// Writes a length in the shortest form. `small` is the first byte of the form that holds lengths below `limit` itself, and
/// `codes` begin the forms of 1, 2 and 4 bytes; 0 stands for a form that does not exist.
fn put_length(out: &mut Vec<u8>, n: usize, (small, limit): (u8, usize), codes: [u8; 3]) {
    let n = n as u32;
    match n {
        _ if (n as usize) < limit => out.push(small | n as u8),
        0..=0xff if codes[0] > 0 => out.extend([codes[0], n as u8]),
        0..=0xffff => {
            out.push(codes[1]);
            out.extend((n as u16).to_be_bytes());
        }
        _ => {
            out.push(codes[2]);
            out.extend(n.to_be_bytes());
        }
    }
}

pub(super) fn put_map(out: &mut Vec<u8>, n: usize) {
    put_length(out, n, (0x80, 16), [0, 0xde, 0xdf]);
}

pub(super) fn put_array(out: &mut Vec<u8>, n: usize) {
    put_length(out, n, (0x90, 16), [0, 0xdc, 0xdd]);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len(), (0xa0, 32), [0xd9, 0xda, 0xdb]);
    out.extend(text.as_bytes());
}

pub(super) fn put_true(out: &mut Vec<u8>) {
    out.push(0xc3);
}

pub(super) fn put_uint(out: &mut Vec<u8>, n: u64) {
    match n {
        0..=0x7f => out.push(n as u8),
        0x80..=0xff => out.extend([0xcc, n as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend((n as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend((n as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend(n.to_be_bytes());
        }
    }
}

/// What comes before `n` bytes.
pub(super) fn put_bytes_head(out: &mut Vec<u8>, n: usize) {
    put_length(out, n, (0, 0), [0xc4, 0xc5, 0xc6]);
}

/// What comes before the `n` bytes of an extension.
pub(super) fn put_extension_head(out: &mut Vec<u8>, kind: i8, n: usize) {
    match n {
        1 | 2 | 4 | 8 | 16 => out.push(0xd4 + n.trailing_zeros() as u8),
        _ => put_length(out, n, (0, 0), [0xc7, 0xc8, 0xc9]),
    }
    out.push(kind as u8);
}
