//! The tables of attributes and types, whose entries are read when they are needed.

use super::super::{Attr, LocId, Type};
use super::cursor::Cursor;
use super::{Bytecode, Result};

/// The start of the text of an attribute whose encoding is not known.
const UNREAD: &str = "an attribute in the encoding of ";

/// Whether an attribute's encoding is not known.
pub(super) fn is_unread(attr: &Attr) -> bool {
    matches!(attr, Attr::Opaque(text) if text.starts_with(UNREAD))
}

/// An entry of a table.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) dialect: &'a str,
    /// Whether the dialect's own encoding is used, or text.
    pub(super) custom: bool,
    pub(super) data: Cursor<'a>,
}

pub(super) struct Table<'a, T> {
    entries: Vec<Entry<'a>>,
    cache: Vec<Cached<T>>,
}

#[derive(Clone)]
enum Cached<T> {
    No,
    /// It is being read.
    Open,
    /// The value, and its size.
    Yes(T, u64),
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Table { entries: Vec::new(), cache: Vec::new() }
    }
}

impl<'a, T: Clone> Table<'a, T> {
    pub(super) fn read(
        &mut self,
        count: usize,
        offsets: &mut Cursor<'a>,
        data: &mut Cursor<'a>,
        dialect: impl Fn(&mut Cursor<'a>) -> Result<&'a str>,
    ) -> Result<()> {
        while self.entries.len() < count {
            let dialect = dialect(offsets)?;
            let n = offsets.count()?;
            if n == 0 || self.entries.len() + n > count {
                return offsets.error("a group of attributes or types of a wrong size");
            }
            for _ in 0..n {
                let (size, custom) = offsets.flagged()?;
                self.entries.push(Entry { dialect, custom, data: data.part(size)? });
            }
        }
        self.cache = vec![Cached::No; count];
        Ok(())
    }
}

macro_rules! lookup {
    ($name:ident, $first:ident, $table:ident, $ty:ty, $read:ident, $opaque:path, $what:literal) => {
        #[inline]
        pub(super) fn $name(&mut self, c: &Cursor<'a>, index: u64) -> Result<$ty> {
            if let Some(Cached::Yes(value, weight)) = usize::try_from(index).ok().and_then(|i| self.$table.cache.get(i))
            {
                self.weight = self.weight.saturating_add(*weight);
                return Ok(value.clone());
            }
            self.$first(c, index)
        }

        /// Reads an entry for the first time.
        #[cold]
        fn $first(&mut self, c: &Cursor<'a>, index: u64) -> Result<$ty> {
            let Some(at) = usize::try_from(index).ok().filter(|&i| i < self.$table.entries.len()) else {
                return c.error(format!(concat!($what, " {} of {}"), index, self.$table.entries.len()));
            };
            if matches!(self.$table.cache[at], Cached::Open) {
                return c.error(concat!($what, " that contains itself"));
            }
            let entry = self.$table.entries[at];
            self.$table.cache[at] = Cached::Open;
            let outer = std::mem::replace(&mut self.weight, 1);
            let value = self.nested(&entry.data, |s| s.$read(entry))?;
            if let $opaque(text) = &value {
                self.weight += text.len() as u64;
            }
            let weight = std::mem::replace(&mut self.weight, outer);
            // A few bytes can stand for a tree that is too large to be walked.
            if weight > 1 << 16 && weight > 16 * self.len as u64 {
                return entry.data.error(concat!($what, " that is much larger than the input"));
            }
            self.weight = self.weight.saturating_add(weight);
            self.$table.cache[at] = Cached::Yes(value.clone(), weight);
            Ok(value)
        }
    };
}

impl<'a> Bytecode<'a> {
    lookup!(attr_at, first_attr, attrs, Attr, read_attr, Attr::Opaque, "attribute");
    lookup!(type_at, first_type, types, Type, read_type, Type::Opaque, "type");

    pub(super) fn attr(&mut self, c: &mut Cursor<'a>) -> Result<Attr> {
        let index = c.varint()?;
        self.attr_at(c, index)
    }

    pub(super) fn ty(&mut self, c: &mut Cursor<'a>) -> Result<Type> {
        let index = c.varint()?;
        self.type_at(c, index)
    }

    pub(super) fn attr_list(&mut self, c: &mut Cursor<'a>) -> Result<Vec<Attr>> {
        let n = c.count()?;
        (0..n).map(|_| self.attr(c)).collect()
    }

    pub(super) fn type_list(&mut self, c: &mut Cursor<'a>) -> Result<Vec<Type>> {
        let n = c.count()?;
        (0..n).map(|_| self.ty(c)).collect()
    }

    fn read_attr(&mut self, entry: Entry<'a>) -> Result<Attr> {
        let mut c = entry.data;
        match (entry.custom, entry.dialect) {
            (false, _) => {
                let text = c.zero_terminated()?;
                let Ok(text) = std::str::from_utf8(text) else { return c.error("an attribute that is not UTF-8") };
                super::super::text::attribute(text).or_else(|e| c.error(format!("{} in `{text}`", e.message())))
            }
            (true, "builtin") => self.builtin_attr(&mut c),
            (true, "vhlo") => self.vhlo_attr(&mut c),
            (true, other) => {
                // Dictionaries leave it out: it is a hint, about sharding for example.
                Ok(Attr::Opaque(format!("{UNREAD}{other}").into()))
            }
        }
    }

    fn read_type(&mut self, entry: Entry<'a>) -> Result<Type> {
        let mut c = entry.data;
        match (entry.custom, entry.dialect) {
            (false, _) => {
                let text = c.zero_terminated()?;
                let Ok(text) = std::str::from_utf8(text) else { return c.error("a type that is not UTF-8") };
                super::super::text::ty(text).or_else(|e| c.error(format!("{} in `{text}`", e.message())))
            }
            (true, "builtin") => self.builtin_type(&mut c),
            (true, "vhlo") => self.vhlo_type(&mut c),
            (true, "stablehlo") => match c.varint()? {
                0 => Ok(Type::Token),
                code => c.error(format!("a type {code} of StableHLO, which is not known")),
            },
            (true, other) => c.error(format!("a type of the dialect `{other}`, whose encoding is not known")),
        }
    }

    /// The location that an attribute is.
    #[inline]
    pub(super) fn location(&mut self, c: &mut Cursor<'a>) -> Result<LocId> {
        let index = c.varint()?;
        match usize::try_from(index).ok().and_then(|i| self.location_ids.get(i)) {
            Some(Some(id)) => Ok(*id),
            _ => self.first_location(c, index),
        }
    }

    #[cold]
    fn first_location(&mut self, c: &Cursor<'a>, index: u64) -> Result<LocId> {
        let Some(at) = usize::try_from(index).ok().filter(|&i| i < self.attrs.entries.len()) else {
            return c.error(format!("attribute {index} of {}", self.attrs.entries.len()));
        };
        if matches!(self.attrs.cache[at], Cached::Open) {
            return c.error("a location that contains itself");
        }
        let entry = self.attrs.entries[at];
        let before = std::mem::replace(&mut self.attrs.cache[at], Cached::Open);
        let id = match (entry.custom, entry.dialect) {
            (true, "builtin") => self.nested(&entry.data, |s| s.builtin_location(&mut entry.data.clone()))?,
            // Locations as text are rare, and nothing depends on them.
            _ => LocId::UNKNOWN,
        };
        self.attrs.cache[at] = before;
        self.location_ids[at] = Some(id);
        Ok(id)
    }
}
