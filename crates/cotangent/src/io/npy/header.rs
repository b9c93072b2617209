//! The header of `.npy`, which is the text of a Python dictionary. (The format: numpy/lib/format.py.)

use crate::array::aval::Aval;
use crate::array::dtype::DType;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The most bytes of a header: an array of numbers needs a hundred.
const LONGEST: usize = 1 << 16;

/// NumPy's name of each dtype, without the order of bytes.
const DTYPES: [(DType, &str); 15] = [
    (DType::Bool, "b1"),
    (DType::I8, "i1"),
    (DType::I16, "i2"),
    (DType::I32, "i4"),
    (DType::I64, "i8"),
    (DType::U8, "u1"),
    (DType::U16, "u2"),
    (DType::U32, "u4"),
    (DType::U64, "u8"),
    (DType::F16, "f2"),
    (DType::BF16, "V2"),
    (DType::F32, "f4"),
    (DType::F64, "f8"),
    (DType::C64, "c8"),
    (DType::C128, "c16"),
];

/// What is stored.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) dtype: DType,
    pub(super) big_endian: bool,
    pub(super) column_major: bool,
    pub(super) shape: Vec<usize>,
    /// The number of bytes before the elements.
    pub(super) len: usize,
}

impl Header {
    /// Reads the header at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Header, String> {
        let cut = || "it is truncated".to_string();
        let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin with `\\x93NUMPY`")?;
        let (version, rest) = rest.split_at_checked(2).ok_or_else(cut)?;
        let wide = match version[0] {
            1 => false,
            2 | 3 => true,
            n => return Err(format!("version {n} of the format is not known")),
        };
        let (size, rest) = rest.split_at_checked(if wide { 4 } else { 2 }).ok_or_else(cut)?;
        let size = size.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
        if size > LONGEST {
            return Err(format!("a header of {size} bytes"));
        }
        let text = rest.get(..size).ok_or_else(cut)?;
        let text = std::str::from_utf8(text).map_err(|_| "the header is not a text")?;
        let mut header = dictionary(text.trim()).ok_or_else(|| format!("the header is `{}`", text.trim()))??;
        header.len = bytes.len() - rest.len() + size;
        Ok(header)
    }

    /// The type of the array, if its size in bytes is a number.
    pub(super) fn aval(&self) -> Option<Aval> {
        let bytes = self.shape.iter().try_fold(self.dtype.byte_size(), |n, size| n.checked_mul(*size))?;
        // The product with zeros left out must be a number too: a shape is used in other products.
        self.shape.iter().filter(|size| **size > 0).try_fold(self.dtype.byte_size(), |n, size| n.checked_mul(*size))?;
        isize::try_from(bytes).ok()?;
        Some(Aval::new(self.dtype, self.shape.as_slice()))
    }

    /// The header of an array in row-major order. The elements after it begin at a multiple of 64 bytes.
    pub(super) fn text(aval: &Aval) -> Vec<u8> {
        let name = DTYPES.iter().find(|(dtype, _)| *dtype == aval.dtype).map_or("", |(_, name)| name);
        let order = if aval.dtype.byte_size() == 1 { '|' } else { '<' };
        let sizes: Vec<String> = aval.shape.iter().map(usize::to_string).collect();
        let shape = if let [size] = sizes.as_slice() { format!("{size},") } else { sizes.join(", ") };
        let mut text = format!("{{'descr': '{order}{name}', 'fortran_order': False, 'shape': ({shape}), }}");
        // Version 1 has sizes up to 65,535, which suffice for thousands of dimensions.
        let before = MAGIC.len() + 4;
        let size = (before + text.len() + 1).next_multiple_of(64) - before;
        text.extend(std::iter::repeat_n(' ', size - 1 - text.len()));
        text.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((size as u16).to_le_bytes());
        bytes.extend(text.into_bytes());
        bytes
    }
}

/// Reads the dictionary. Returns `None` if it is none, and an error if its dtype is not one of numbers.
fn dictionary(text: &str) -> Option<Result<Header, String>> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut descr, mut column_major, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" => {
                if rest.starts_with('[') {
                    return Some(Err("its elements are records".into()));
                }
                let (value, after) = quoted(rest)?;
                descr = Some(value);
                rest = after;
            }
            "fortran_order" => {
                let (value, after) = [("True", true), ("False", false)]
                    .iter()
                    .find_map(|(word, value)| Some((*value, rest.strip_prefix(word)?)))?;
                column_major = Some(value);
                rest = after;
            }
            "shape" => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                let sizes = inside.trim().trim_end_matches(',');
                let sizes = sizes.split(',').map(str::trim).filter(|_| !sizes.trim().is_empty());
                // Python 2 wrote `2L`.
                shape = Some(sizes.map(|n| n.trim_end_matches('L').parse().ok()).collect::<Option<Vec<usize>>>()?);
                rest = after;
            }
            _ => return None,
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    let (descr, column_major, shape) = (descr?, column_major?, shape?);
    let mut chars = descr.chars();
    let big_endian = match chars.next()? {
        '<' | '|' | '=' => false,
        '>' => true,
        _ => return None,
    };
    let name = chars.as_str();
    let Some((dtype, _)) = DTYPES.iter().find(|(_, theirs)| *theirs == name) else {
        return Some(Err(format!("its elements are `{descr}`, which the library does not have")));
    };
    Some(Ok(Header { dtype: *dtype, big_endian, column_major, shape, len: 0 }))
}

/// Reads a quoted text without escapes, and returns it and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| "'\"".contains(*c))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip_and_hostile_ones_are_errors() {
        for (dtype, _) in DTYPES {
            for shape in [vec![], vec![3], vec![2, 0, 5]] {
                let text = Header::text(&Aval::new(dtype, shape.as_slice()));
                assert_eq!(text.len() % 64, 0);
                let found = Header::parse(&text).unwrap();
                assert_eq!(found, Header { dtype, big_endian: false, column_major: false, shape, len: text.len() });
            }
        }
        let whole = Header::text(&Aval::new(DType::F32, [2usize, 3]));
        for n in 0..whole.len() {
            assert!(Header::parse(&whole[..n]).is_err());
        }
        for i in 0..whole.len() {
            for b in 0..=255 {
                let mut damaged = whole.clone();
                damaged[i] = b;
                let _ = Header::parse(&damaged).map(|header| header.aval());
            }
        }
        let huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0), }";
        assert_eq!(dictionary(huge).unwrap().unwrap().aval(), None);
    }
}
