//! The tables of strings, attributes, types and properties. Equal entries are written once.

use std::collections::HashMap;
use std::hash::Hash;

use super::Emitter;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    Builtin,
    Vhlo,
}

/// Entries in the order of their numbers.
struct Interned<T> {
    ids: HashMap<T, u64>,
    list: Vec<T>,
}

impl<T: Clone + Eq + Hash> Interned<T> {
    fn new() -> Interned<T> {
        Interned { ids: HashMap::new(), list: Vec::new() }
    }

    fn id(&mut self, entry: T) -> u64 {
        if let Some(&id) = self.ids.get(&entry) {
            return id;
        }
        let id = self.list.len() as u64;
        self.ids.insert(entry.clone(), id);
        self.list.push(entry);
        id
    }
}

pub(super) struct Tables {
    strings: Interned<Vec<u8>>,
    attrs: Interned<(Dialect, Emitter)>,
    types: Interned<(Dialect, Emitter)>,
    properties: Interned<Emitter>,
}

impl Tables {
    pub(super) fn new() -> Tables {
        Tables { strings: Interned::new(), attrs: Interned::new(), types: Interned::new(), properties: Interned::new() }
    }

    pub(super) fn string(&mut self, text: &[u8]) -> u64 {
        self.strings.id(text.to_vec())
    }

    fn entry(code: u64, write: impl FnOnce(&mut Emitter)) -> Emitter {
        let mut emitter = Emitter::default();
        emitter.varint(code);
        write(&mut emitter);
        emitter
    }

    /// An attribute of VHLO.
    pub(super) fn vhlo(&mut self, code: u64, write: impl FnOnce(&mut Emitter)) -> u64 {
        self.attrs.id((Dialect::Vhlo, Self::entry(code, write)))
    }

    /// A builtin attribute.
    pub(super) fn builtin(&mut self, code: u64, write: impl FnOnce(&mut Emitter)) -> u64 {
        self.attrs.id((Dialect::Builtin, Self::entry(code, write)))
    }

    pub(super) fn ty(&mut self, dialect: Dialect, code: u64, write: impl FnOnce(&mut Emitter)) -> u64 {
        self.types.id((dialect, Self::entry(code, write)))
    }

    pub(super) fn vhlo_string(&mut self, text: &[u8]) -> u64 {
        let id = self.string(text);
        self.vhlo(14, |e| e.varint(id))
    }

    pub(super) fn builtin_string(&mut self, text: &[u8]) -> u64 {
        let id = self.string(text);
        self.builtin(2, |e| e.varint(id))
    }

    pub(super) fn properties(&mut self, data: Emitter) -> u64 {
        self.properties.id(data)
    }

    /// The section of strings: their lengths from the last to the first, and then the strings with a zero each.
    pub(super) fn strings(&self) -> Emitter {
        let mut out = Emitter::default();
        out.varint(self.strings.list.len() as u64);
        self.strings.list.iter().rev().for_each(|s| out.varint(s.len() as u64 + 1));
        for string in &self.strings.list {
            out.bytes(string);
            out.byte(0);
        }
        out
    }

    /// The sizes of all attributes and types in groups of a dialect, and their encodings.
    pub(super) fn attributes_and_types(&self) -> (Emitter, Emitter) {
        let (mut offsets, mut data) = (Emitter::default(), Emitter::default());
        offsets.varint(self.attrs.list.len() as u64);
        offsets.varint(self.types.list.len() as u64);
        for list in [&self.attrs.list, &self.types.list] {
            for group in list.chunk_by(|a, b| a.0 == b.0) {
                offsets.varint(group[0].0 as u64);
                offsets.varint(group.len() as u64);
                for (_, entry) in group {
                    offsets.flagged(entry.0.len() as u64, true);
                    data.bytes(&entry.0);
                }
            }
        }
        (offsets, data)
    }

    pub(super) fn all_properties(&self) -> Emitter {
        let mut out = Emitter::default();
        out.varint(self.properties.list.len() as u64);
        for data in &self.properties.list {
            out.varint(data.0.len() as u64);
            out.bytes(&data.0);
        }
        out
    }
}
