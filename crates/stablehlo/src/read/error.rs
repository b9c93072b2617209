use std::fmt;

/// A module that could not be read: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub(super) message: String,
    pub(super) place: Place,
}

/// The place of a [`ReadError`] in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line and a column of the text, from 1. The column counts characters.
    Text {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// An offset in bytes.
    Byte(usize),
}

impl ReadError {
    pub(crate) fn new(message: impl Into<String>, place: Place) -> ReadError {
        ReadError { message: message.into(), place }
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Text { line, column } => write!(f, "line {line}, column {column}"),
            Place::Byte(at) => write!(f, "byte {at}"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.place)
    }
}

impl std::error::Error for ReadError {}
