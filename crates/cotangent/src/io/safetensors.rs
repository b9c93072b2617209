//! The [safetensors](https://github.com/huggingface/safetensors) format.
//!
//! ```
//! use cotangent::{io::safetensors, prelude::*};
//!
//! #[derive(Clone, Tree)]
//! struct Linear {
//!     weight: Array,
//!     bias: Array,
//! }
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("linear.safetensors");
//! let model = Linear { weight: np::ones((2, 3)), bias: np::zeros(3) };
//! safetensors::save(&path, &model)?;
//! let model = safetensors::load(&path, &model)?;
//! assert_eq!(model.weight.shape(), [2, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`File`] reads arrays by name, and [`Save`] has the options of writing. The format has no `c128`. Such an array is stored as `f64`
//! with a last axis of two, the real and the imaginary part, as which other programs read it. A text beside the arrays says so.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo};
use xla::MappedFile;

use super::atomic;
use super::names::{Source, absent, fill, loads, names};
use super::window::{Window, array};
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::tree::{Tree, leaves};

/// The alignment of data in files, which lets a device use it where it is.
const ALIGNMENT: usize = 64;

/// The format's name of each dtype that it has.
const DTYPES: [(DType, Dtype); 14] = [
    (DType::Bool, Dtype::BOOL),
    (DType::I8, Dtype::I8),
    (DType::I16, Dtype::I16),
    (DType::I32, Dtype::I32),
    (DType::I64, Dtype::I64),
    (DType::U8, Dtype::U8),
    (DType::U16, Dtype::U16),
    (DType::U32, Dtype::U32),
    (DType::U64, Dtype::U64),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
    (DType::F32, Dtype::F32),
    (DType::F64, Dtype::F64),
    (DType::C64, Dtype::C64),
];

/// The key of the text that says that an array is complex, though stored as numbers of this dtype.
const STORED_AS_PARTS: &str = "c128:";

/// Writes the arrays of a tree to a file. The file appears complete or not at all.
///
/// # Errors
/// If the file cannot be written, an array has no value, or two leaves have the same name.
///
/// ```
/// use cotangent::{io::safetensors, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pair.safetensors");
/// safetensors::save(&path, &(np::ones(2), np::zeros(3)))?;
/// let names: Vec<String> = safetensors::File::open(&path)?.names().map(String::from).collect();
/// assert_eq!(names, ["0", "1"]);
/// # Ok::<(), Error>(())
/// ```
pub fn save<T: Tree>(path: impl AsRef<Path>, tree: &T) -> Result<()> {
    Save::new().write(path, tree)
}

/// Reads a tree with the structure of `like`, whose shapes and dtypes are checked. The path is that of a file, of an index,
/// or of a folder that contains either.
///
/// # Errors
/// If the file cannot be read or is damaged, or does not fit the tree; the message lists every difference.
///
/// ```
/// use cotangent::{io::safetensors, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("pair.safetensors");
/// safetensors::save(&path, &(np::ones(2), np::zeros(3)))?;
/// let error = safetensors::load(&path, &(np::ones(2), np::zeros(4))).unwrap_err();
/// assert!(error.to_string().contains("`1` is f32[3], expected f32[4]"));
/// # Ok::<(), Error>(())
/// ```
pub fn load<T: Tree>(path: impl AsRef<Path>, like: &T) -> Result<T> {
    File::open(path)?.load(like)
}

/// Options of writing.
///
/// ```
/// use cotangent::{io::safetensors::Save, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// let model = (np::ones(1000), np::zeros(1000));
/// // Two files of 4 kB and an index.
/// Save::new().metadata("license", "MIT").max_shard_size(5000).write(&path, &model)?;
/// assert!(folder.path().join("model.safetensors.index.json").exists());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is written before `write` is called"]
pub struct Save {
    metadata: BTreeMap<String, String>,
    max_shard_size: Option<u64>,
}

impl Save {
    /// The defaults: one file without metadata.
    pub fn new() -> Save {
        Save::default()
    }

    /// Stores a text beside the arrays.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Save {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Writes several files of at most this many bytes of arrays, or one array, and an index: `model-00001-of-00002.safetensors`
    /// and so on, and `model.safetensors.index.json`, which appears last. If everything fits into one file, there is no
    /// index.
    pub fn max_shard_size(mut self, bytes: u64) -> Save {
        self.max_shard_size = Some(bytes);
        self
    }

    /// Writes the arrays of a tree.
    ///
    /// # Errors
    /// As [`save`].
    pub fn write<T: Tree>(&self, path: impl AsRef<Path>, tree: &T) -> Result<()> {
        let path = path.as_ref();
        let mut tensors: Vec<Tensor> = Vec::new();
        for (name, array) in names(tree)?.into_iter().zip(leaves(tree)) {
            let bytes = array.aval().byte_len();
            // All dtypes but `c128` have a name.
            let dtype = DTYPES.iter().find(|(ours, _)| *ours == array.dtype()).map(|(_, dtype)| *dtype);
            tensors.push(Tensor { name, array, dtype, bytes });
        }
        // What begins at a multiple of the alignment stays there if everything before it has such a size.
        tensors.sort_by(|a, b| {
            let key = |t: &Tensor| (!t.bytes.is_multiple_of(ALIGNMENT), std::cmp::Reverse(t.array.dtype().byte_size()));
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        let shards = self.shards(tensors);
        if shards.len() == 1 {
            return self.write_one(path, &shards[0]);
        }
        let stem = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = stem.strip_suffix(".safetensors").unwrap_or(&stem);
        let (mut weights, mut total) = (serde_json::Map::new(), 0);
        for (i, shard) in shards.iter().enumerate() {
            let file = format!("{stem}-{:05}-of-{:05}.safetensors", i + 1, shards.len());
            self.write_one(&path.with_file_name(&file), shard)?;
            for tensor in shard {
                weights.insert(tensor.name.clone(), file.clone().into());
                total += tensor.bytes;
            }
        }
        let index = serde_json::json!({ "metadata": { "total_size": total }, "weight_map": weights });
        let index_path = path.with_file_name(format!("{stem}.safetensors.index.json"));
        atomic::write(&index_path, |file| {
            serde_json::to_writer_pretty(file, &index).map_err(|e| atomic::failed("writing", &index_path, &e.into()))
        })
    }

    fn shards(&self, tensors: Vec<Tensor>) -> Vec<Vec<Tensor>> {
        let (limit, mut shards, mut size) = (self.max_shard_size.unwrap_or(u64::MAX), vec![Vec::new()], 0u64);
        for tensor in tensors {
            let bytes = tensor.bytes as u64;
            if size > 0 && size.saturating_add(bytes) > limit {
                shards.push(Vec::new());
                size = 0;
            }
            size += bytes;
            if let Some(last) = shards.last_mut() {
                last.push(tensor);
            }
        }
        shards
    }

    fn write_one(&self, path: &Path, tensors: &[Tensor]) -> Result<()> {
        let mut offset = 0;
        let infos = tensors.iter().map(|tensor| {
            let data_offsets = (offset, offset + tensor.bytes);
            offset += tensor.bytes;
            let mut shape = tensor.array.shape().to_vec();
            shape.extend(tensor.dtype.is_none().then_some(2));
            (tensor.name.clone(), TensorInfo { dtype: tensor.dtype.unwrap_or(Dtype::F64), shape, data_offsets })
        });
        let complex = tensors.iter().filter(|tensor| tensor.dtype.is_none());
        let complex = complex.map(|tensor| (format!("{STORED_AS_PARTS}{}", tensor.name), "real, imaginary".to_owned()));
        let metadata: HashMap<String, String> = self.metadata.clone().into_iter().chain(complex).collect();
        let metadata = Metadata::new((!metadata.is_empty()).then_some(metadata), infos.collect());
        let metadata = metadata.map_err(|e| damaged(path, &e))?;
        let mut header = serde_json::to_vec(&metadata).map_err(|e| atomic::failed("writing", path, &e.into()))?;
        header.resize((header.len() + 8).next_multiple_of(ALIGNMENT) - 8, b' ');
        let put = |file: &mut BufWriter<&std::fs::File>, bytes: &[u8]| {
            file.write_all(bytes).map_err(|e| atomic::failed("writing", path, &e))
        };
        atomic::write(path, |file| {
            put(file, &(header.len() as u64).to_le_bytes())?;
            put(file, &header)?;
            tensors.iter().try_for_each(|tensor| tensor.array.with_bytes(|bytes| put(file, bytes))?)
        })
    }
}

/// An array to be written.
struct Tensor {
    name: String,
    array: Array,
    /// Nothing for `c128`.
    dtype: Option<Dtype>,
    bytes: usize,
}

/// Arrays by name, in one file or in several.
///
/// ```
/// use cotangent::{io::safetensors::{self, File}, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// # safetensors::save(&path, &vec![np::ones((2, 3)), np::zeros(3)])?;
/// let file = File::open(&path)?;
/// println!("{file:?}"); // model.safetensors: 2 arrays
/// assert_eq!(file.aval("0").unwrap().to_string(), "f32[2,3]");
/// let weight = file.get("0")?;
/// assert_eq!(weight.sum().item::<f32>(), 6.0);
/// # Ok::<(), Error>(())
/// ```
pub struct File {
    path: PathBuf,
    parts: Vec<Arc<MappedFile>>,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

struct Entry {
    part: usize,
    range: std::ops::Range<usize>,
    shape: Vec<usize>,
    /// Nothing for `c128`.
    dtype: Option<Dtype>,
}

impl Entry {
    fn aval(&self) -> Option<Aval> {
        let dtype = match self.dtype {
            Some(dtype) => DTYPES.iter().find(|(_, theirs)| *theirs == dtype)?.0,
            None => DType::C128,
        };
        Some(Aval::new(dtype, self.shape.as_slice()))
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} arrays", self.path.display(), self.entries.len())
    }
}

/// The index of several files.
#[derive(serde::Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl File {
    /// Opens a file, the files of an index (`….safetensors.index.json`), or those of a folder: its index if it has one, and
    /// else its only file.
    ///
    /// # Errors
    /// If a file does not exist, cannot be read, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<File> {
        let path = inside(path.as_ref())?;
        let mut file = File { path, parts: Vec::new(), entries: BTreeMap::new(), metadata: BTreeMap::new() };
        if file.path.extension().is_none_or(|e| e != "json") {
            file.add(&file.path.clone())?;
            return Ok(file);
        }
        let text = std::fs::read(&file.path).map_err(|e| atomic::failed("reading", &file.path, &e))?;
        let index: Index = serde_json::from_slice(&text).map_err(|e| damaged(&file.path, &e))?;
        let mut shards: Vec<&String> = index.weight_map.values().collect();
        shards.sort();
        shards.dedup();
        for shard in shards {
            // The files of an index are beside it.
            if Path::new(shard).components().count() != 1 {
                return Err(damaged(&file.path, &format!("`{shard}` is not the name of a file")));
            }
            file.add(&file.path.with_file_name(shard))?;
        }
        match index.weight_map.keys().find(|name| !file.entries.contains_key(*name)) {
            Some(name) => Err(damaged(&file.path, &format!("no file has the array `{name}`"))),
            None => Ok(file),
        }
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let map = MappedFile::open(path).map_err(|e| atomic::failed("reading", path, &e))?;
        let (header, metadata) = SafeTensors::read_metadata(map.as_ref()).map_err(|e| damaged(path, &e))?;
        let (start, texts) = (header + 8, metadata.metadata().as_ref());
        for (name, info) in metadata.tensors() {
            let (begin, end) = info.data_offsets;
            let mut entry = Entry {
                part: self.parts.len(),
                range: start + begin..start + end,
                shape: info.shape.clone(),
                dtype: Some(info.dtype),
            };
            if texts.is_some_and(|texts| texts.contains_key(&format!("{STORED_AS_PARTS}{name}"))) {
                if (info.dtype, entry.shape.pop()) != (Dtype::F64, Some(2)) {
                    return Err(damaged(path, &format!("`{name}` does not have the parts of complex numbers")));
                }
                entry.dtype = None;
            }
            if self.entries.insert(name.clone(), entry).is_some() {
                return Err(damaged(path, &format!("another file has an array `{name}`")));
            }
        }
        self.metadata.extend(texts.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
        self.parts.push(Arc::new(map));
        Ok(())
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The shape and dtype of an array. Returns `None` if there is none with this name, or if the library does not have its
    /// dtype.
    #[must_use]
    pub fn aval(&self, name: &str) -> Option<Aval> {
        self.entries.get(name)?.aval()
    }

    /// The texts stored beside the arrays.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Returns an array. Nothing is read before it is used.
    ///
    /// # Errors
    /// If there is no array with this name, or the library does not have its dtype.
    pub fn get(&self, name: &str) -> Result<Array> {
        let Some(entry) = self.entries.get(name) else { return Err(absent(self, name)) };
        let Some(aval) = entry.aval() else {
            let dtype = entry.dtype.map(|dtype| format!("{dtype:?}")).unwrap_or_default();
            return Err(Error::dtype(format!("`{name}` is {dtype}, which the library does not have")));
        };
        self.read(name, &aval)
    }
}

loads! {
    /// ```
    /// use cotangent::{io::safetensors::{self, File}, prelude::*};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("model.safetensors");
    /// # let stored = std::collections::BTreeMap::from([("model".to_string(), vec![np::ones(2)])]);
    /// # safetensors::save(&path, &stored)?;
    /// let layers = File::open(&path)?.load_renamed(&vec![np::zeros(2)], |name| format!("model.{name}"))?;
    /// assert_eq!(layers[0].sum().item::<f32>(), 2.0);
    /// # Ok::<(), Error>(())
    /// ```
    File
}

impl Source for File {
    fn described(&self) -> String {
        self.path.display().to_string()
    }

    fn find(&self, name: &str) -> Option<Aval> {
        self.aval(name)
    }

    fn read(&self, name: &str, aval: &Aval) -> Result<Array> {
        let entry = &self.entries[name];
        array(Window { file: self.parts[entry.part].clone(), range: entry.range.clone() }, aval.clone())
    }

    fn all(&self) -> Vec<&str> {
        self.names().collect()
    }
}

/// The file or index that a path stands for.
fn inside(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let entries = std::fs::read_dir(path).map_err(|e| atomic::failed("reading", path, &e))?;
    let names: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let ending = |end: &str| names.iter().filter(move |p| p.to_string_lossy().ends_with(end)).collect::<Vec<_>>();
    match (ending(".safetensors.index.json").as_slice(), ending(".safetensors").as_slice()) {
        ([index], _) => Ok((*index).clone()),
        ([], [file]) => Ok((*file).clone()),
        ([], []) => Err(Error::value(format!("{} has no file of safetensors", path.display()))),
        _ => Err(Error::value(format!("{} has several files of safetensors and not one index", path.display()))
            .help("name the file to open")),
    }
}

fn damaged(path: &Path, what: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::Value, format!("{} is not a valid file of safetensors: {what}", path.display()))
}
