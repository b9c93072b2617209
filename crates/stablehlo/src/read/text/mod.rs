//! The reader of MLIR text: a recursive descent over the bytes.

mod attrs;
mod cursor;
mod dense;
mod formats;
mod locations;
mod module;
mod op;
mod pretty;
mod structs;
mod types;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Attr, LocId, Locations, Place, Program, ReadError, Type, Values};
use formats::Item;

type Result<T> = std::result::Result<T, ReadError>;

/// How deeply regions, attributes, types and locations may be nested.
pub(super) const MAX_DEPTH: u32 = 128;

pub(super) fn read(text: &str) -> Result<Program> {
    let mut reader = Text::new(text);
    reader.program().map_err(|error| in_lines(text, error))
}

/// Reads an attribute or a type that bytecode holds as text.
pub(super) fn attribute(text: &str) -> Result<Attr> {
    let mut reader = Text::new(text);
    let attr = reader.attr()?;
    reader.end()?;
    Ok(attr)
}

/// See [`attribute`].
pub(super) fn ty(text: &str) -> Result<Type> {
    let mut reader = Text::new(text);
    let ty = reader.ty()?;
    reader.end()?;
    Ok(ty)
}

/// Turns an offset into a line and a column.
fn in_lines(text: &str, error: ReadError) -> ReadError {
    let Place::Byte(at) = error.place else { return error };
    let before = &text.as_bytes()[..at.min(text.len())];
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    // A byte that continues a character is not counted.
    let column = before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1;
    ReadError { place: Place::Text { line, column }, ..error }
}

struct Text<'a> {
    src: &'a [u8],
    pos: usize,
    depth: u32,
    names: HashMap<&'a [u8], Arc<str>>,
    types: HashMap<&'a [u8], Type>,
    attr_aliases: HashMap<&'a [u8], Attr>,
    type_aliases: HashMap<&'a [u8], Type>,
    loc_aliases: HashMap<&'a [u8], LocId>,
    locations: Locations,
    resources: HashMap<Vec<u8>, Vec<u8>>,
    formats: HashMap<&'static str, &'static [Item]>,
    /// What a name stands for at this place in the function.
    values: HashMap<&'a [u8], Values>,
    /// What the names of inner regions stood for outside.
    hidden: Vec<(&'a [u8], Option<Values>)>,
    value_types: Vec<Type>,
    functions: HashSet<Arc<str>>,
}

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Text<'a> {
        Text {
            src: text.as_bytes(),
            pos: 0,
            depth: 0,
            names: HashMap::new(),
            types: HashMap::new(),
            attr_aliases: HashMap::new(),
            type_aliases: HashMap::new(),
            loc_aliases: HashMap::new(),
            locations: Locations::default(),
            resources: HashMap::new(),
            formats: formats::table(),
            values: HashMap::new(),
            hidden: Vec::new(),
            value_types: Vec::new(),
            functions: HashSet::new(),
        }
    }
}
