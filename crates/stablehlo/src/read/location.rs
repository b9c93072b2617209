use std::sync::Arc;

/// The number of a [`Location`] in [`Locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocId(pub(crate) u32);

/// Where something was made, as the program that wrote the module recorded it.
#[derive(Clone, Debug, PartialEq)]
pub enum Location {
    /// Nothing is known.
    Unknown,
    /// A place in a source file.
    File {
        /// The path.
        file: Arc<str>,
        /// The line, from 1.
        line: u32,
        /// The column, from 1.
        column: u32,
    },
    /// A name, such as `jit(f)/mul`, and the place that it was given to.
    Name {
        /// The name.
        name: Arc<str>,
        /// The place.
        child: LocId,
    },
    /// A place that was called from another one.
    CallSite {
        /// The inner place.
        callee: LocId,
        /// The place of the call.
        caller: LocId,
    },
    /// Several places at once.
    Fused(Vec<LocId>),
}

/// A place in a source file, and the name that goes with it: what an error shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The outermost name that is not a function's, such as `jit(f)/mul`.
    pub name: Option<Arc<str>>,
    /// The path, the line and the column of the innermost call.
    pub file: Option<(Arc<str>, u32, u32)>,
}

/// The locations of a program. They have no cycles.
#[derive(Clone, Debug)]
pub struct Locations(pub(crate) Vec<Location>);

impl Default for Locations {
    fn default() -> Locations {
        Locations(vec![Location::Unknown])
    }
}

impl LocId {
    /// The unknown location.
    pub const UNKNOWN: LocId = LocId(0);
}

impl Locations {
    /// The location of this number.
    pub fn get(&self, id: LocId) -> &Location {
        self.0.get(id.0 as usize).unwrap_or(&Location::Unknown)
    }

    /// The first place in a source file, from the inside, and the first name, from the outside.
    pub fn source(&self, id: LocId) -> Source {
        let mut source = Source::default();
        let mut open = vec![id];
        // Shared parts are few in what compilers write; the limit is for what they do not.
        for _ in 0..4096 {
            let Some(id) = open.pop() else { break };
            match self.get(id) {
                Location::Unknown => {}
                Location::File { file, line, column } => {
                    source.file = Some((file.clone(), *line, *column));
                    break;
                }
                Location::Name { name, child } => {
                    source.name.get_or_insert_with(|| name.clone());
                    open.push(*child);
                }
                Location::CallSite { callee, caller } => open.extend([*caller, *callee]),
                Location::Fused(parts) => open.extend(parts.iter().rev()),
            }
        }
        source
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, &self.file) {
            (Some(name), Some((file, line, _))) => write!(f, "{file}:{line} ({name})"),
            (None, Some((file, line, _))) => write!(f, "{file}:{line}"),
            (Some(name), None) => write!(f, "{name}"),
            (None, None) => f.write_str("an unknown place"),
        }
    }
}
