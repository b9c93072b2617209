//! The names of leaves in files, and trees that are filled by name.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result};
use crate::tree::{Tree, leaf_paths, leaves};

/// The most mistakes that a message lists.
const LISTED: usize = 8;

/// The name of a leaf: `.layers[0].weight` is `layers.0.weight`, and the path of a tree that is an array is `array`.
fn name(path: &str) -> String {
    let name = path.replace('[', ".").replace(']', "");
    let name = name.trim_start_matches('.');
    if name.is_empty() { "array".into() } else { name.into() }
}

/// The names of a tree's leaves, in order.
pub(super) fn names<T: Tree>(tree: &T) -> Result<Vec<String>> {
    let paths = leaf_paths(tree);
    let names: Vec<String> = paths.iter().map(|path| name(path)).collect();
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(Error::new(ErrorKind::Structure, format!("two leaves have the name `{twice}`"))
            .help("a key of a map must not contain a dot or a bracket")),
        None => Ok(names),
    }
}

/// What can be read by name.
pub(super) trait Source {
    /// How a message names it.
    fn described(&self) -> String;
    /// The type of the array with this name.
    fn find(&self, name: &str) -> Option<Aval>;
    /// Whether the array with this name, whose type is `found`, can be read as `expected`.
    fn fits(&self, _name: &str, found: &Aval, expected: &Aval) -> bool {
        found.dtype == expected.dtype && found.shape == expected.shape
    }
    /// The array with this name as `aval`, which it fits.
    fn read(&self, name: &str, aval: &Aval) -> Result<Array>;
    /// All names.
    fn all(&self) -> Vec<&str>;
}

/// Reads a tree with the structure of `like`. Lists everything that does not fit; a name that no leaf has is a mistake
/// unless `part` is set.
pub(super) fn fill<T: Tree>(source: &dyn Source, like: &T, rename: &dyn Fn(&str) -> String, part: bool) -> Result<T> {
    let names: Vec<String> = names(like)?.iter().map(|name| rename(name)).collect();
    let leaves = leaves(like);
    let mut wrong = Vec::new();
    for (name, leaf) in names.iter().zip(&leaves) {
        let expected = leaf.aval();
        match source.find(name) {
            None => wrong.push(format!("`{name}`, {expected}, is missing")),
            Some(found) if !source.fits(name, &found, &expected) => {
                wrong.push(format!("`{name}` is {found}, expected {expected}"));
            }
            Some(_) => {}
        }
    }
    if !part {
        let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let others = source.all().into_iter().filter(|name| !known.contains(name));
        wrong.extend(others.map(|name| format!("`{name}` is not in the tree")));
    }
    if !wrong.is_empty() {
        return Err(misfit(&source.described(), &wrong, part));
    }
    let arrays = names.iter().zip(&leaves).map(|(name, leaf)| {
        source.read(name, &leaf.aval()).map_err(|e| e.context(format!("{}: `{name}`", source.described())))
    });
    let arrays: Vec<Array> = arrays.collect::<Result<_>>()?;
    Ok(like.rebuild(&mut arrays.into_iter()))
}

/// Gives a type that is a [`Source`] the methods that read trees. An example of `load_renamed` comes with it.
macro_rules! loads {
    ($(#[$example:meta])* $Source:ident) => {
        impl $Source {
            /// Reads a tree with the structure of `like`. An array of the file that is not in the tree is an error.
            ///
            /// # Errors
            /// As the function [`load`].
            pub fn load<T: Tree>(&self, like: &T) -> Result<T> {
                fill(self, like, &str::to_string, false)
            }

            /// Reads a tree with the structure of `like`, and leaves the other arrays of the file.
            ///
            /// # Errors
            /// As the function [`load`].
            pub fn load_part<T: Tree>(&self, like: &T) -> Result<T> {
                fill(self, like, &str::to_string, true)
            }

            /// Reads a tree whose leaves have other names in the file: `rename` maps the name of a leaf to that of an array.
            /// Other arrays of the file are left.
            ///
            $(#[$example])*
            ///
            /// # Errors
            /// As the function [`load`].
            pub fn load_renamed<T: Tree>(&self, like: &T, rename: impl Fn(&str) -> String) -> Result<T> {
                fill(self, like, &rename, true)
            }
        }
    };
}
pub(super) use loads;

/// The error for a name that no array has.
pub(super) fn absent(source: &dyn Source, name: &str) -> Error {
    let all = source.all();
    Error::value(format!("{} has no array `{name}`", source.described())).help(format!(
        "its {} arrays are {:?} …",
        all.len(),
        &all[..all.len().min(5)]
    ))
}

/// The error that lists what does not fit.
pub(super) fn misfit(source: &str, wrong: &[impl Display], part: bool) -> Error {
    let mut message = format!("{source} does not fit the tree:");
    for mistake in wrong.iter().take(LISTED) {
        message += &format!("\n    {mistake}");
    }
    if wrong.len() > LISTED {
        message += &format!("\n    and {} more", wrong.len() - LISTED);
    }
    let error = Error::new(ErrorKind::Structure, message);
    if part { error } else { error.help("`load_part` reads the leaves of the tree and leaves the rest of the file") }
}
