use rustc_hash::FxHashMap;

use crate::text::{push_quoted, push_u64};

/// A location in the user's source, which XLA shows in dumps, profiles and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location<'a> {
    /// The path of the file.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl<'a> From<&'a std::panic::Location<'_>> for Location<'a> {
    fn from(at: &'a std::panic::Location<'_>) -> Location<'a> {
        Location { file: at.file(), line: at.line(), column: at.column() }
    }
}

/// The locations seen so far, each with a small number.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    files: Vec<String>,
    file_ids: FxHashMap<String, u32>,
    ids: FxHashMap<(u32, u32, u32), u32>,
    places: Vec<(u32, u32, u32)>,
    last_file: u32,
}

impl Locations {
    pub(crate) fn intern(&mut self, at: Location<'_>) -> u32 {
        // Compared by content, not by address, because a name need not be `'static`. Adjacent operations usually share
        // their file.
        let known = self.files.get(self.last_file as usize).is_some_and(|f| f == at.file);
        if !known {
            self.last_file = match self.file_ids.get(at.file) {
                Some(&id) => id,
                None => {
                    let id = self.files.len() as u32;
                    self.files.push(at.file.to_owned());
                    self.file_ids.insert(at.file.to_owned(), id);
                    id
                }
            };
        }
        let place = (self.last_file, at.line, at.column);
        *self.ids.entry(place).or_insert_with(|| {
            self.places.push(place);
            self.places.len() as u32 - 1
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Location<'_>> {
        self.places.iter().map(|&(file, line, column)| Location { file: &self.files[file as usize], line, column })
    }

    /// Appends the definitions, `#loc0 = loc("file.rs":1:2)`, a line each.
    pub(crate) fn push_to(&self, out: &mut String) {
        for (id, at) in self.iter().enumerate() {
            out.push_str("#loc");
            push_u64(out, id as u64);
            out.push_str(" = loc(");
            push_quoted(out, at.file);
            out.push(':');
            push_u64(out, at.line.into());
            out.push(':');
            push_u64(out, at.column.into());
            out.push_str(")\n");
        }
    }
}
