//! `.npz`: arrays by name, in a zip file.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xla::MappedFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::header::Header;
use super::{atomic, damaged, put};
use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::Result;
use crate::io::names::{Source, absent, fill, loads, names};
use crate::io::window::Window;
use crate::tree::{Tree, leaves};

/// The most bytes that a header takes, with the bytes before it.
const HEADER: usize = (1 << 16) + 16;

/// Writes the arrays of a tree to a `.npz` file, by the names of the leaves. The file appears complete or not at all.
///
/// # Errors
/// If the file cannot be written, an array has no value, or two leaves have the same name.
///
/// ```
/// use cotangent::{io::npy, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.npz");
/// npy::save(&path, &vec![np::ones(2), np::zeros(3)])?; // numpy.load("model.npz")["0"]
/// assert_eq!(npy::Archive::open(&path)?.get("1")?.shape(), [3]);
/// # Ok::<(), Error>(())
/// ```
pub fn save<T: Tree>(path: impl AsRef<Path>, tree: &T) -> Result<()> {
    let path = path.as_ref();
    let failed = |e: zip::result::ZipError| atomic::failed("writing", path, &e.into());
    let arrays: Vec<(String, Array)> = names(tree)?.into_iter().zip(leaves(tree)).collect();
    atomic::write(path, |file| {
        let mut zip = ZipWriter::new_stream(file);
        for (name, array) in &arrays {
            let large = array.aval().byte_len() > 1 << 31;
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
            zip.start_file(format!("{name}.npy"), options).map_err(failed)?;
            put(&mut zip, path, array)?;
        }
        zip.finish().map_err(failed)?.flush().map_err(|e| atomic::failed("writing", path, &e))
    })
}

/// Reads a tree with the structure of `like` from a `.npz` file. Shapes and dtypes are checked.
///
/// # Errors
/// If the file cannot be read or is damaged, or does not fit the tree; the message lists every difference.
///
/// ```
/// use cotangent::{io::npy, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.npz");
/// npy::save(&path, &vec![np::ones(2), np::zeros(3)])?;
/// let layers = npy::load(&path, &vec![np::zeros(2), np::zeros(3)])?;
/// assert_eq!(layers[0].sum().item::<f32>(), 2.0);
/// # Ok::<(), Error>(())
/// ```
pub fn load<T: Tree>(path: impl AsRef<Path>, like: &T) -> Result<T> {
    Archive::open(path)?.load(like)
}

/// The arrays of a `.npz` file, by name.
///
/// ```
/// use cotangent::{io::npy::{self, Archive}, prelude::*};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.npz");
/// # npy::save(&path, &vec![np::ones((2, 3)), np::zeros(3)])?;
/// let archive = Archive::open(&path)?;
/// assert_eq!(archive.names().collect::<Vec<_>>(), ["0", "1"]);
/// assert_eq!(archive.get("0")?.shape(), [2, 3]);
/// # Ok::<(), Error>(())
/// ```
pub struct Archive {
    path: PathBuf,
    whole: Window,
    /// The directory of the archive, read once. Clones share it.
    zip: ZipArchive<Cursor<Window>>,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    index: usize,
    /// `None` if the elements are not numbers of a dtype of the library.
    header: std::result::Result<Header, String>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} arrays", self.path.display(), self.entries.len())
    }
}

impl Archive {
    /// Opens a file and reads the types of its arrays.
    ///
    /// # Errors
    /// If the file does not exist, cannot be read, or is not a zip file.
    pub fn open(path: impl AsRef<Path>) -> Result<Archive> {
        let path = path.as_ref().to_path_buf();
        let file = Arc::new(MappedFile::open(&path).map_err(|e| atomic::failed("reading", &path, &e))?);
        let whole = Window { range: 0..(*file).as_ref().len(), file };
        let mut entries = BTreeMap::new();
        let mut zip = ZipArchive::new(Cursor::new(whole.clone())).map_err(|e| damaged(&path, &e))?;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(|e| damaged(&path, &e))?;
            let name = entry.name().map_err(|e| damaged(&path, &e))?;
            let Some(name) = name.strip_suffix(".npy").map(String::from) else { continue };
            let mut start = Vec::new();
            entry.by_ref().take(HEADER as u64).read_to_end(&mut start).map_err(|e| damaged(&path, &e))?;
            entries.insert(name, Entry { index, header: Header::parse(&start) });
        }
        Ok(Archive { path, whole, zip, entries })
    }

    /// The names of the arrays, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The shape and dtype of an array. Returns `None` if there is none with this name, or if the library does not have its
    /// dtype.
    #[must_use]
    pub fn aval(&self, name: &str) -> Option<Aval> {
        self.entries.get(name)?.header.as_ref().ok()?.aval()
    }

    /// Returns an array. One that is not compressed is read when it is used.
    ///
    /// # Errors
    /// If there is no array with this name, its elements are not numbers, or it is damaged.
    pub fn get(&self, name: &str) -> Result<Array> {
        let Some(entry) = self.entries.get(name) else { return Err(absent(self, name)) };
        let wrong = |what: &dyn fmt::Display| damaged(&self.path, &format!("`{name}`: {what}"));
        let header = entry.header.as_ref().map_err(|what| wrong(what))?;
        let Some(aval) = header.aval() else { return Err(wrong(&"its shape does not fit in memory")) };
        let mut zip = self.zip.clone();
        let mut file = zip.by_index(entry.index).map_err(|e| damaged(&self.path, &e))?;
        if file.size() != (header.len + aval.byte_len()) as u64 {
            return Err(wrong(&format!("{} bytes do not fit {aval}", file.size())));
        }
        if file.compression() == CompressionMethod::Stored {
            let data = file.data_start().and_then(|start| usize::try_from(start).ok());
            let begin = data.and_then(|start| start.checked_add(header.len));
            let range = begin.and_then(|begin| Some(begin..begin.checked_add(aval.byte_len())?));
            let range = range.filter(|range| range.end <= self.whole.range.end);
            let Some(range) = range else { return Err(wrong(&"it is truncated")) };
            return header.array(Window { file: self.whole.file.clone(), range });
        }
        // Damaged data may go on beyond the size that the archive states.
        let mut bytes = Vec::new();
        let most = file.size() + 1;
        file.by_ref().take(most).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
        if bytes.len() != header.len + aval.byte_len() {
            return Err(wrong(&"it is truncated"));
        }
        bytes.drain(..header.len);
        header.array(bytes)
    }
}

loads! {
    /// ```
    /// use cotangent::{io::npy::{self, Archive}, prelude::*};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("model.npz");
    /// # let stored = std::collections::BTreeMap::from([("model".to_string(), vec![np::ones(2)])]);
    /// # npy::save(&path, &stored)?;
    /// let layers = Archive::open(&path)?.load_renamed(&vec![np::zeros(2)], |name| format!("model.{name}"))?;
    /// assert_eq!(layers[0].sum().item::<f32>(), 2.0);
    /// # Ok::<(), Error>(())
    /// ```
    Archive
}

impl Source for Archive {
    fn described(&self) -> String {
        self.path.display().to_string()
    }

    fn find(&self, name: &str) -> Option<Aval> {
        self.aval(name)
    }

    fn read(&self, name: &str, _: &Aval) -> Result<Array> {
        self.get(name)
    }

    fn all(&self) -> Vec<&str> {
        self.names().collect()
    }
}
