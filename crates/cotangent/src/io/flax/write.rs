//! Writing, byte for byte as Flax.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::msgpack::{put_array, put_bytes_head, put_extension_head, put_map, put_text, put_true, put_uint};
use super::{CHUNKED, DTYPES, NDARRAY};
use crate::array::Array;
use crate::error::{Error, ErrorKind, Result};
use crate::io::atomic;
use crate::io::names::names;
use crate::tree::{Tree, leaves};

/// The most bytes of an array that Flax writes in one part.
const MAX_CHUNK: usize = 1 << 30;

/// Writes the arrays of a tree to a file, as `flax.serialization.to_bytes` writes nested dicts. The file appears complete or
/// not at all.
///
/// # Errors
/// If the file cannot be written, an array has no value, or two leaves have the same name.
///
/// ```
/// use cotangent::{io::flax, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pair.msgpack");
/// flax::save(&path, &(np::ones(2), np::zeros(3)))?;
/// let names: Vec<String> = flax::File::open(&path)?.names().map(String::from).collect();
/// assert_eq!(names, ["0", "1"]);
/// # Ok::<(), Error>(())
/// ```
pub fn save<T: Tree>(path: impl AsRef<Path>, tree: &T) -> Result<()> {
    let path = path.as_ref();
    let mut root = Dict::default();
    for (name, array) in names(tree)?.iter().zip(leaves(tree)) {
        root.add(name, array)?;
    }
    let mut writer = Writer { out: Vec::new(), path };
    atomic::write(path, |file| match &root.0[..] {
        // The path of a tree that is an array.
        [(name, Node::Leaf(array))] if name == "array" => writer.array(file, array),
        _ => writer.dict(file, &root),
    })
}

/// Keys in order.
#[derive(Default)]
struct Dict(Vec<(String, Node)>);

enum Node {
    Leaf(Array),
    Dict(Dict),
}

impl Dict {
    fn add(&mut self, name: &str, array: Array) -> Result<()> {
        let clash = || Error::new(ErrorKind::Structure, format!("two leaves have the name `{name}`"));
        let Some((first, rest)) = name.split_once('.') else {
            self.0.push((name.into(), Node::Leaf(array)));
            return Ok(());
        };
        // The leaves of a node follow each other.
        if self.0.last().is_none_or(|(key, _)| key != first) {
            if self.0.iter().any(|(key, _)| key == first) {
                return Err(clash());
            }
            self.0.push((first.into(), Node::Dict(Dict::default())));
        }
        match self.0.last_mut() {
            Some((_, Node::Dict(dict))) => dict.add(rest, array),
            _ => Err(clash()),
        }
    }
}

struct Writer<'a> {
    out: Vec<u8>,
    path: &'a Path,
}

type File<'a> = BufWriter<&'a std::fs::File>;

impl Writer<'_> {
    fn put(&self, file: &mut File<'_>, bytes: &[u8]) -> Result<()> {
        file.write_all(bytes).map_err(|e| atomic::failed("writing", self.path, &e))
    }

    fn flush(&mut self, file: &mut File<'_>) -> Result<()> {
        self.put(file, &self.out)?;
        self.out.clear();
        Ok(())
    }

    fn dict(&mut self, file: &mut File<'_>, dict: &Dict) -> Result<()> {
        put_map(&mut self.out, dict.0.len());
        for (key, node) in &dict.0 {
            put_text(&mut self.out, key);
            match node {
                Node::Leaf(array) => self.array(file, array)?,
                Node::Dict(dict) => self.dict(file, dict)?,
            }
        }
        self.flush(file)
    }

    fn array(&mut self, file: &mut File<'_>, array: &Array) -> Result<()> {
        let aval = array.aval();
        if aval.byte_len() <= MAX_CHUNK {
            return array.with_bytes(|bytes| self.part(file, array, array.shape(), bytes))?;
        }
        put_map(&mut self.out, 3);
        put_text(&mut self.out, CHUNKED);
        put_true(&mut self.out);
        put_text(&mut self.out, "shape");
        put_map(&mut self.out, aval.rank());
        for (i, n) in array.shape().iter().enumerate() {
            put_text(&mut self.out, &i.to_string());
            put_uint(&mut self.out, *n as u64);
        }
        put_text(&mut self.out, "chunks");
        array.with_bytes(|bytes| {
            let chunks = bytes.chunks(MAX_CHUNK);
            put_map(&mut self.out, chunks.len());
            for (i, chunk) in chunks.enumerate() {
                put_text(&mut self.out, &i.to_string());
                self.part(file, array, &[chunk.len() / aval.dtype.byte_size()], chunk)?;
            }
            Ok(())
        })?
    }

    /// An extension that holds `[shape, dtype, bytes]`.
    fn part(&mut self, file: &mut File<'_>, array: &Array, shape: &[usize], bytes: &[u8]) -> Result<()> {
        let mut head = Vec::new();
        put_array(&mut head, 3);
        put_array(&mut head, shape.len());
        shape.iter().for_each(|n| put_uint(&mut head, *n as u64));
        put_text(&mut head, DTYPES.iter().find(|(dtype, _)| *dtype == array.dtype()).map_or("", |(_, name)| name));
        put_bytes_head(&mut head, bytes.len());
        put_extension_head(&mut self.out, NDARRAY, head.len() + bytes.len());
        self.out.extend(head);
        self.flush(file)?;
        self.put(file, bytes)
    }
}
