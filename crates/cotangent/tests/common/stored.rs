//! Files of stored results: `x.json`, or `x.json.gz` where that would be large (`goldens/pack.py`).
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs::{self, File};
use std::path::Path;

use flate2::read::GzDecoder;

/// Reads the file `path`, `x.json`, plain or compressed.
pub(crate) fn text(path: &Path) -> String {
    let text = match File::open(path.with_extension("json.gz")) {
        Ok(file) => std::io::read_to_string(GzDecoder::new(file)),
        Err(_) => fs::read_to_string(path),
    };
    text.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns the names of the files in `folder`, of compressed ones as if they were not.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.map(|n| n.strip_suffix(".gz").unwrap_or(&n).to_string()).collect();
    names.sort();
    names
}
