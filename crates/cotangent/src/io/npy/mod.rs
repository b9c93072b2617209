//! NumPy's formats: `.npy`, an array; `.npz`, arrays by name; and several `.npy` after each other, as Equinox writes them.
//!
//! ```
//! use cotangent::{io::npy, prelude::*};
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("x.npy");
//! npy::write(&path, np::linspace(0.0, 1.0, 5))?; // numpy.load("x.npy") reads it
//! assert_eq!(npy::read(&path)?.shape(), [5]);
//!
//! # let path = folder.path().join("model.npz");
//! let model = (np::ones((2, 3)), np::zeros(3));
//! npy::save(&path, &model)?;
//! let model = npy::load(&path, &model)?;
//! assert_eq!(model.0.shape(), [2, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! All dtypes of the library can be stored. NumPy has no `bf16`; as JAX does, it is written as two bytes without a meaning,
//! `V2`, and `V2` is read as `bf16`. Arrays in column-major order and of big-endian numbers are read too. Objects, texts,
//! records and dates are errors.

mod archive;
mod header;

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use xla::MappedFile;

use super::atomic;
use super::names::misfit;
use super::window::{Window, array};
use crate::array::aval::Aval;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, ErrorKind, Result};
use crate::tree::{Tree, leaf_paths, leaves};
use header::Header;

pub use archive::{Archive, load, save};

/// Reads an array from a `.npy` file. The file is mapped into memory and read when the array is used.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds something else than numbers.
///
/// ```
/// use cotangent::{io::npy, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.npy");
/// npy::write(&path, Array::from([1i64, 2]))?;
/// assert_eq!(npy::read(&path)?.dtype(), DType::I64);
/// # Ok::<(), Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    let mut all = sequence(path)?;
    match all.len() {
        1 => Ok(all.remove(0)),
        n => Err(damaged(path, &format!("it holds {n} arrays")).help("`load_sequence` reads several arrays")),
    }
}

/// Writes an array to a `.npy` file, which appears complete or not at all.
///
/// # Errors
/// If the file cannot be written, or the array has no value.
///
/// ```
/// use cotangent::{io::npy, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.npy");
/// npy::write(&path, np::eye(3, 3))?;
/// assert_eq!(npy::read(&path)?.sum().item::<f32>(), 3.0);
/// # Ok::<(), Error>(())
/// ```
pub fn write(path: impl AsRef<Path>, array: impl ArrayLike) -> Result<()> {
    let (path, array) = (path.as_ref(), array.to_array());
    atomic::write(path, |file| put(file, path, &array))
}

/// Reads the leaves of a tree from a file that holds them one after the other, in order, each in the format `.npy`: what
/// Equinox's `tree_serialise_leaves` writes. The leaves of the tree must be in the order of the Python program's.
///
/// # Errors
/// If the file cannot be read, is damaged, or does not fit the tree in the number of arrays, in shapes or in dtypes.
///
/// ```
/// use cotangent::{io::npy, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.eqx");
/// let model = (np::ones((2, 3)), np::zeros(3));
/// npy::save_sequence(&path, &model)?; // equinox.tree_deserialise_leaves("model.eqx", model) reads it
/// let model = npy::load_sequence(&path, &model)?;
/// assert_eq!(model.0.sum().item::<f32>(), 6.0);
/// # Ok::<(), Error>(())
/// ```
pub fn load_sequence<T: Tree>(path: impl AsRef<Path>, like: &T) -> Result<T> {
    let path = path.as_ref();
    let (found, expected, paths) = (sequence(path)?, leaves(like), leaf_paths(like));
    let mut wrong = Vec::new();
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let (found, expected) = (found.aval(), expected.aval());
        if found.dtype != expected.dtype || found.shape != expected.shape {
            wrong.push(format!("array {i} is {found}, and `{}` is {expected}", paths[i]));
        }
    }
    if found.len() != expected.len() {
        wrong.push(format!("the file has {} arrays, and the tree {}", found.len(), expected.len()));
    }
    if !wrong.is_empty() {
        return Err(misfit(&path.display().to_string(), &wrong, true));
    }
    Ok(like.rebuild(&mut found.into_iter()))
}

/// Writes the leaves of a tree to a file one after the other, in order, as Equinox's `tree_deserialise_leaves` reads them.
///
/// # Errors
/// If the file cannot be written, or an array has no value.
pub fn save_sequence<T: Tree>(path: impl AsRef<Path>, tree: &T) -> Result<()> {
    let path = path.as_ref();
    atomic::write(path, |file| leaves(tree).iter().try_for_each(|leaf| put(file, path, leaf)))
}

/// The arrays of a file.
fn sequence(path: &Path) -> Result<Vec<Array>> {
    let file = Arc::new(MappedFile::open(path).map_err(|e| atomic::failed("reading", path, &e))?);
    let all = (*file).as_ref();
    let (mut arrays, mut start) = (Vec::new(), 0);
    while start < all.len() {
        let found = Header::parse(&all[start..]).map_err(|what| damaged(path, &what))?;
        let begin = start + found.len;
        let end = found.aval().and_then(|aval| begin.checked_add(aval.byte_len())).filter(|end| *end <= all.len());
        let Some(end) = end else { return Err(damaged(path, &"it is truncated")) };
        arrays.push(found.array(Window { file: file.clone(), range: begin..end })?);
        start = end;
    }
    Ok(arrays)
}

/// Writes an array in the format `.npy`.
fn put(file: &mut impl Write, path: &Path, array: &Array) -> Result<()> {
    let failed = |e: std::io::Error| atomic::failed("writing", path, &e);
    file.write_all(&Header::text(&array.aval())).map_err(failed)?;
    array.with_bytes(|bytes| file.write_all(bytes))?.map_err(failed)
}

impl Header {
    /// The array whose elements are these bytes, as the header says.
    fn array(&self, bytes: impl AsRef<[u8]> + Clone + Send + Sync + 'static) -> Result<Array> {
        let aval = self.aval().ok_or_else(|| Error::shape("an array of this shape does not fit in memory"))?;
        let width = self.dtype.byte_size() / if self.dtype.is_complex() { 2 } else { 1 };
        if self.big_endian && width > 1 {
            let mut swapped = bytes.as_ref().to_vec();
            swapped.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            return self.ordered(swapped, aval);
        }
        self.ordered(bytes, aval)
    }

    fn ordered(&self, bytes: impl AsRef<[u8]> + Send + Sync + 'static, aval: Aval) -> Result<Array> {
        if !self.column_major || aval.rank() < 2 {
            return array(bytes, aval);
        }
        let reversed: Vec<usize> = aval.shape.iter().rev().copied().collect();
        Ok(array(bytes, Aval::new(aval.dtype, reversed))?.t())
    }
}

fn damaged(path: &Path, what: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::Value, format!("{} is not a file of NumPy arrays: {what}", path.display()))
}
