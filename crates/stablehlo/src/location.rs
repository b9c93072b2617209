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
    /// A name for the operation, such as `attention/dot_general`, which XLA shows instead of the line.
    pub name: Option<&'a str>,
}

impl<'a> Location<'a> {
    /// The same location with another name, or without one.
    ///
    /// ```
    /// use cotangent_stablehlo::Location;
    /// let here = Location::from(std::panic::Location::caller());
    /// assert_eq!(here.named(Some("layer/add")).name, Some("layer/add"));
    /// ```
    #[must_use]
    pub fn named(self, name: Option<&'a str>) -> Location<'a> {
        Location { name, ..self }
    }
}

impl<'a> From<&'a std::panic::Location<'_>> for Location<'a> {
    fn from(at: &'a std::panic::Location<'_>) -> Location<'a> {
        Location { file: at.file(), line: at.line(), column: at.column(), name: None }
    }
}

/// Texts, each with a small number.
#[derive(Debug, Default)]
struct Texts {
    all: Vec<String>,
    ids: FxHashMap<String, u32>,
    last: u32,
}

impl Texts {
    fn intern(&mut self, text: &str) -> u32 {
        // Compared by content, not by address, because a text need not be `'static`. Adjacent operations usually share
        // theirs.
        if self.all.get(self.last as usize).is_some_and(|last| last == text) {
            return self.last;
        }
        self.last = match self.ids.get(text) {
            Some(&id) => id,
            None => {
                let id = self.all.len() as u32;
                self.all.push(text.to_owned());
                self.ids.insert(text.to_owned(), id);
                id
            }
        };
        self.last
    }
}

/// The number of the file, the line, the column, and the number of the name.
type Place = (u32, u32, u32, Option<u32>);

/// The locations seen so far, each with a small number.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    files: Texts,
    names: Texts,
    ids: FxHashMap<Place, u32>,
    places: Vec<Place>,
    last: u32,
}

impl Locations {
    pub(crate) fn intern(&mut self, at: Location<'_>) -> u32 {
        let place = (self.files.intern(at.file), at.line, at.column, at.name.map(|name| self.names.intern(name)));
        if self.places.get(self.last as usize) != Some(&place) {
            self.last = *self.ids.entry(place).or_insert_with(|| {
                self.places.push(place);
                self.places.len() as u32 - 1
            });
        }
        self.last
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Location<'_>> {
        self.places.iter().map(|&(file, line, column, name)| Location {
            file: &self.files.all[file as usize],
            line,
            column,
            name: name.map(|name| &*self.names.all[name as usize]),
        })
    }

    /// Appends the definitions, `#loc0 = loc("file.rs":1:2)` or `#loc0 = loc("name"("file.rs":1:2))`, a line each.
    pub(crate) fn push_to(&self, out: &mut String) {
        for (id, at) in self.iter().enumerate() {
            out.push_str("#loc");
            push_u64(out, id as u64);
            out.push_str(" = loc(");
            if let Some(name) = at.name {
                push_quoted(out, name);
                out.push('(');
            }
            push_quoted(out, at.file);
            out.push(':');
            push_u64(out, at.line.into());
            out.push(':');
            push_u64(out, at.column.into());
            out.push_str(if at.name.is_some() { "))\n" } else { ")\n" });
        }
    }
}
