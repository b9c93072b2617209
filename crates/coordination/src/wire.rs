//! Values as bytes: little-endian numbers, lengths as `u32`, a byte for the variant of an enum.

use std::sync::Arc;
use std::time::Duration;

/// A value with a binary form.
pub(crate) trait Wire: Sized {
    /// Appends the value to `out`.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes the value from the front of `input`; `None` if it is malformed.
    fn read(input: &mut &[u8]) -> Option<Self>;
}

/// Takes `len` bytes from the front of `input`, if it has that many.
fn take<'a>(input: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (bytes, rest) = input.split_at_checked(len)?;
    *input = rest;
    Some(bytes)
}

/// Takes a length and that many bytes. A length is compared with what is there before anything is allocated.
fn bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::read(input)?;
    take(input, usize::try_from(len).ok()?)
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    u32::try_from(bytes.len()).expect("a message is shorter than 4 GiB").write(out);
    out.extend_from_slice(bytes);
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(<$ty>::from_le_bytes(take(input, size_of::<$ty>())?.try_into().ok()?))
            }
        }
    )*};
}

numbers!(u8, u32, u64);

impl Wire for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_bytes(self.as_bytes(), out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        String::from_utf8(bytes(input)?.to_vec()).ok()
    }
}

impl Wire for Arc<[u8]> {
    fn write(&self, out: &mut Vec<u8>) {
        write_bytes(self, out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Arc::from(bytes(input)?))
    }
}

impl Wire for Vec<u32> {
    fn write(&self, out: &mut Vec<u8>) {
        u32::try_from(self.len()).expect("a message is shorter than 4 GiB").write(out);
        self.iter().for_each(|number| number.write(out));
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u32::read(input)?).ok()?;
        let mut numbers = take(input, len.checked_mul(size_of::<u32>())?)?;
        (0..len).map(|_| u32::read(&mut numbers)).collect()
    }
}

/// In nanoseconds, which are enough for 584 years.
impl Wire for Duration {
    fn write(&self, out: &mut Vec<u8>) {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).write(out);
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Duration::from_nanos(u64::read(input)?))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        u8::from(self.is_some()).write(out);
        self.iter().for_each(|value| value.write(out));
    }
    fn read(input: &mut &[u8]) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(None),
            1 => Some(Some(T::read(input)?)),
            _ => None,
        }
    }
}

/// Declares an enum with its binary form: the number of each variant, and then its fields in order.
macro_rules! wire {
    ($(#[$doc:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $tag:literal {
            $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)?
        },)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_doc])* $variant { $($(#[$field_doc])* $field: $ty),* },)*
        }

        impl $crate::wire::Wire for $name {
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        out.push($tag);
                        $($crate::wire::Wire::write($field, out);)*
                    })*
                }
            }
            fn read(input: &mut &[u8]) -> Option<Self> {
                match <u8 as $crate::wire::Wire>::read(input)? {
                    $($tag => Some(Self::$variant { $($field: $crate::wire::Wire::read(input)?),* }),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use wire;
