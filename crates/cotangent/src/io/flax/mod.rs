//! The files of `flax.serialization.to_bytes`: trees of arrays in MessagePack.
//!
//! ```
//! use cotangent::{io::flax, prelude::*};
//!
//! #[derive(Clone, Tree)]
//! struct Dense {
//!     kernel: Array,
//!     bias: Array,
//! }
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("model.msgpack");
//! let model = Dense { kernel: np::ones((2, 3)), bias: np::zeros(3) };
//! flax::save(&path, &model)?; // flax.serialization.msgpack_restore(open(path, "rb").read())
//! let model = flax::load(&path, &model)?;
//! assert_eq!(model.kernel.shape(), [2, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! The names of arrays are the keys of the nested dicts with dots between them: `params.Dense_0.kernel`. The elements of lists
//! and tuples have their numbers as names. Arrays that Flax divides because they are larger than 1 GiB are put together again.
//! Numbers of Python are arrays without dimensions, and become those of the tree's dtype if it can represent them. `None` and
//! texts are left out.

mod msgpack;
mod read;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xla::MappedFile;

use super::atomic;
use super::names::{Source, absent, fill, loads};
use super::window::{Window, array};
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, Result};
use crate::tree::Tree;

pub use write::save;

/// NumPy's name of each dtype.
const DTYPES: [(DType, &str); 15] = [
    (DType::Bool, "bool"),
    (DType::I8, "int8"),
    (DType::I16, "int16"),
    (DType::I32, "int32"),
    (DType::I64, "int64"),
    (DType::U8, "uint8"),
    (DType::U16, "uint16"),
    (DType::U32, "uint32"),
    (DType::U64, "uint64"),
    (DType::F16, "float16"),
    (DType::BF16, "bfloat16"),
    (DType::F32, "float32"),
    (DType::F64, "float64"),
    (DType::C64, "complex64"),
    (DType::C128, "complex128"),
];

/// The types of extension that Flax defines.
const NDARRAY: i8 = 1;
const COMPLEX: i8 = 2;
const SCALAR: i8 = 3;

/// The first key of a dict that stands for an array in parts.
const CHUNKED: &str = "__msgpack_chunked_array__";

/// Reads a tree with the structure of `like`. Shapes and dtypes are checked.
///
/// # Errors
/// If the file cannot be read or is damaged, or does not fit the tree; the message lists every difference.
///
/// ```
/// use cotangent::{io::flax, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pair.msgpack");
/// flax::save(&path, &(np::ones(2), np::zeros(3)))?;
/// let error = flax::load(&path, &(np::ones(2), np::zeros(4))).unwrap_err();
/// assert!(error.to_string().contains("`1` is f32[3], expected f32[4]"));
/// # Ok::<(), Error>(())
/// ```
pub fn load<T: Tree>(path: impl AsRef<Path>, like: &T) -> Result<T> {
    File::open(path)?.load(like)
}

/// Arrays by name.
///
/// ```
/// use cotangent::{io::flax::{self, File}, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.msgpack");
/// # flax::save(&path, &vec![np::ones((2, 3)), np::zeros(3)])?;
/// let file = File::open(&path)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["0", "1"]);
/// assert_eq!(file.get("0")?.shape(), [2, 3]);
/// # Ok::<(), Error>(())
/// ```
pub struct File {
    path: PathBuf,
    map: Arc<MappedFile>,
    entries: BTreeMap<String, Entry>,
}

/// A leaf of the file.
enum Entry {
    /// An array, whose elements are in these parts of the file, one after the other.
    Array { aval: Aval, parts: Vec<Range<usize>> },
    /// An array of a dtype that the library does not have.
    Other(String),
    /// A number of Python.
    Number(Scalar),
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} arrays", self.path.display(), self.entries.len())
    }
}

impl File {
    /// Opens a file and reads the types of its arrays.
    ///
    /// # Errors
    /// If the file does not exist, cannot be read, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<File> {
        let path = path.as_ref().to_path_buf();
        let map = MappedFile::open(&path).map_err(|e| atomic::failed("reading", &path, &e))?;
        let entries = read::entries(map.as_ref())
            .map_err(|what| Error::value(format!("{} is not a valid file of Flax: {what}", path.display())))?;
        Ok(File { path, map: Arc::new(map), entries })
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The shape and dtype of an array. Returns `None` if there is none with this name, or if the library does not have its
    /// dtype. A number of Python is an `i64`, `f64`, `c128` or `bool`.
    #[must_use]
    pub fn aval(&self, name: &str) -> Option<Aval> {
        match self.entries.get(name)? {
            Entry::Array { aval, .. } => Some(aval.clone()),
            Entry::Other(_) => None,
            Entry::Number(number) => Some(Aval::new(own(*number), ())),
        }
    }

    /// Returns an array. Nothing is read before it is used.
    ///
    /// # Errors
    /// If there is no array with this name, or the library does not have its dtype.
    pub fn get(&self, name: &str) -> Result<Array> {
        match self.entries.get(name) {
            None => Err(absent(self, name)),
            Some(Entry::Other(dtype)) => {
                Err(Error::dtype(format!("`{name}` is {dtype}, which the library does not have")))
            }
            Some(Entry::Number(number)) => Ok(Array::literal(Literal::new(own(*number), *number))),
            Some(Entry::Array { aval, parts }) => {
                if let [range] = &parts[..] {
                    return array(Window { file: self.map.clone(), range: range.clone() }, aval.clone());
                }
                let bytes: &[u8] = (*self.map).as_ref();
                let whole: Vec<u8> = parts.iter().flat_map(|range| &bytes[range.clone()]).copied().collect();
                array(whole, aval.clone())
            }
        }
    }
}

loads! {
    /// ```
    /// use cotangent::{io::flax::{self, File}, prelude::*};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("model.msgpack");
    /// # let stored = std::collections::BTreeMap::from([("params".to_string(), vec![np::ones(2)])]);
    /// # flax::save(&path, &stored)?;
    /// let layers = File::open(&path)?.load_renamed(&vec![np::zeros(2)], |name| format!("params.{name}"))?;
    /// assert_eq!(layers[0].sum().item::<f32>(), 2.0);
    /// # Ok::<(), Error>(())
    /// ```
    File
}

/// The dtype of a number of Python.
fn own(number: Scalar) -> DType {
    match number {
        Scalar::Bool(_) => DType::Bool,
        Scalar::Int(_) => DType::I64,
        Scalar::Uint(_) => DType::U64,
        Scalar::Float(_) => DType::F64,
        Scalar::Complex(..) => DType::C128,
    }
}

/// Whether a number of Python becomes one of a dtype, as in JAX: a real one is rounded, and an integer is not.
fn becomes(number: Scalar, dtype: DType) -> bool {
    let same = || Literal::new(dtype, number).rounded().to_i128() == number.to_i128();
    match number {
        Scalar::Bool(_) => dtype == DType::Bool,
        Scalar::Int(_) | Scalar::Uint(_) => dtype != DType::Bool && (!dtype.is_integer() || same()),
        Scalar::Float(_) => dtype.is_float() || dtype.is_complex(),
        Scalar::Complex(..) => dtype.is_complex(),
    }
}

impl Source for File {
    fn described(&self) -> String {
        self.path.display().to_string()
    }

    fn find(&self, name: &str) -> Option<Aval> {
        self.aval(name)
    }

    fn fits(&self, name: &str, found: &Aval, expected: &Aval) -> bool {
        match self.entries.get(name) {
            Some(Entry::Number(number)) => expected.rank() == 0 && becomes(*number, expected.dtype),
            _ => found.dtype == expected.dtype && found.shape == expected.shape,
        }
    }

    fn read(&self, name: &str, aval: &Aval) -> Result<Array> {
        match self.entries.get(name) {
            Some(Entry::Number(number)) => Ok(Array::literal(Literal::new(aval.dtype, *number))),
            _ => self.get(name),
        }
    }

    fn all(&self) -> Vec<&str> {
        self.names().collect()
    }
}
