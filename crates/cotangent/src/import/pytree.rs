//! The trees of arguments and results in Python.

use std::fmt;

use crate::array::Array;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Result};
use crate::tree::treedef::TreeDef;
use crate::tree::{Key, Named, Node};

use super::flatbuffer::{Draft, Field, Table, damaged};

/// How deep trees may be nested.
const DEPTH: usize = 100;

/// A leaf of a Rust value: its number among them, and the implementation of keys.
pub(super) type Leaf = (usize, Option<&'static str>);

/// A tree of Python's containers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PyTree {
    Leaf,
    None,
    Tuple(Vec<PyTree>),
    List(Vec<PyTree>),
    Dict(Vec<(String, PyTree)>),
    /// A container of the user's or a library's own: its name, and its parts in order.
    Custom(String, Vec<PyTree>),
}

impl PyTree {
    pub(super) fn read(table: &Table<'_>, depth: usize) -> Result<PyTree> {
        if depth > DEPTH {
            return Err(damaged("a tree is nested too deeply"));
        }
        let children =
            || table.tables(1)?.iter().map(|child| PyTree::read(child, depth + 1)).collect::<Result<Vec<_>>>();
        Ok(match table.u8(0)? {
            0 => PyTree::Leaf,
            1 => PyTree::None,
            2 => PyTree::Tuple(children()?),
            3 => PyTree::List(children()?),
            4 => {
                let (names, children) = (table.strings(2)?, children()?);
                if names.len() != children.len() {
                    return Err(damaged("a dict has more keys than values, or fewer"));
                }
                PyTree::Dict(names.into_iter().map(String::from).zip(children).collect())
            }
            5 => PyTree::Custom(table.string(3)?.to_string(), children()?),
            kind => return Err(damaged(format!("a tree of the unknown kind {kind}"))),
        })
    }

    /// The tree that a value of Rust becomes in Python, and its leaves in Python's order: the number of each in Rust's
    /// order, and the implementation of those that are keys.
    ///
    /// Structs and maps are dicts, whose entries Python sorts by name.
    pub(super) fn of(treedef: &TreeDef) -> Result<(PyTree, Vec<Leaf>)> {
        let all = |parts: &[TreeDef]| -> Result<(Vec<PyTree>, Vec<Leaf>)> {
            let (trees, leaves): (Vec<_>, Vec<_>) =
                parts.iter().map(PyTree::of).collect::<Result<Vec<_>>>()?.into_iter().unzip();
            Ok((trees, leaves.concat()))
        };
        Ok(match treedef {
            TreeDef::Leaf(i) => (PyTree::Leaf, vec![(*i, None)]),
            TreeDef::Key(i, implementation) => (PyTree::Leaf, vec![(*i, Some(*implementation))]),
            TreeDef::None => (PyTree::None, Vec::new()),
            TreeDef::Tuple(parts) => all(parts).map(|(trees, leaves)| (PyTree::Tuple(trees), leaves))?,
            TreeDef::List(parts) => all(parts).map(|(trees, leaves)| (PyTree::List(trees), leaves))?,
            TreeDef::Map(parts) => {
                let mut parts: Vec<&(String, TreeDef)> = parts.iter().collect();
                parts.sort_by(|a, b| a.0.cmp(&b.0));
                if let Some(pair) = parts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    let message = format!("two entries of a map have the name `{}` as text", pair[0].0);
                    return Err(Error::new(ErrorKind::Structure, message)
                        .help("dicts of Python have strings as keys, so different keys must differ as text"));
                }
                let (trees, leaves) = all(&parts.iter().map(|(_, part)| part.clone()).collect::<Vec<_>>())?;
                (PyTree::Dict(parts.iter().map(|(name, _)| name.clone()).zip(trees).collect()), leaves)
            }
        })
    }

    /// The table that [`read`](PyTree::read) reads.
    pub(super) fn draft(&self) -> Draft<'_> {
        let kind = match self {
            PyTree::Leaf => 0,
            PyTree::None => 1,
            PyTree::Tuple(_) => 2,
            PyTree::List(_) => 3,
            PyTree::Dict(_) => 4,
            PyTree::Custom(..) => 5,
        };
        let children = self.parts().into_iter().map(|(_, part)| part.draft()).collect();
        let mut fields = vec![(0, Field::U8(kind)), (1, Field::Tables(children))];
        match self {
            PyTree::Dict(parts) => {
                fields.push((2, Field::Strs(parts.iter().map(|(name, _)| name.as_str()).collect())));
            }
            PyTree::Custom(name, _) => fields.push((3, Field::Str(name))),
            _ => {}
        }
        Draft::new(fields)
    }

    /// The parts of a container, with their names.
    fn parts(&self) -> Vec<(Key, &PyTree)> {
        match self {
            PyTree::Leaf | PyTree::None => Vec::new(),
            PyTree::Tuple(parts) | PyTree::List(parts) | PyTree::Custom(_, parts) => {
                parts.iter().enumerate().map(|(i, part)| (Key::Index(i), part)).collect()
            }
            PyTree::Dict(parts) => parts.iter().map(|(name, part)| (Key::Name(name.clone()), part)).collect(),
        }
    }

    pub(super) fn leaf_count(&self) -> usize {
        match self {
            PyTree::Leaf => 1,
            other => other.parts().iter().map(|(_, part)| part.leaf_count()).sum(),
        }
    }

    /// The tree with the numbers of the leaves, which start from `next`, as arrays.
    pub(super) fn numbered(&self, next: &mut usize) -> Named {
        Named::new(match self {
            PyTree::Leaf => {
                *next += 1;
                Node::Leaf(number(*next - 1))
            }
            PyTree::None => Node::None,
            other => Node::Branch(other.parts().into_iter().map(|(key, part)| (key, part.numbered(next))).collect()),
        })
    }

    /// Writes the tree with what `leaf` returns in the places of leaves.
    pub(super) fn write(&self, leaf: &mut dyn Iterator<Item = String>) -> String {
        let mut list = |parts: &[PyTree]| {
            let parts: Vec<String> = parts.iter().map(|part| part.write(leaf)).collect();
            parts.join(", ")
        };
        match self {
            PyTree::Leaf => leaf.next().unwrap_or_default(),
            PyTree::None => "None".to_string(),
            PyTree::Tuple(parts) if parts.len() == 1 => format!("({},)", list(parts)),
            PyTree::Tuple(parts) => format!("({})", list(parts)),
            PyTree::List(parts) => format!("[{}]", list(parts)),
            PyTree::Custom(name, parts) => {
                let name = name.rsplit('.').next().unwrap_or(name);
                format!("{name}({})", list(parts))
            }
            PyTree::Dict(parts) => {
                let parts: Vec<String> =
                    parts.iter().map(|(name, part)| format!("{name}: {}", part.write(leaf))).collect();
                format!("{{{}}}", parts.join(", "))
            }
        }
    }
}

/// The number of a leaf, as an array that stands for it.
fn number(i: usize) -> Array {
    Array::literal(Literal::strong(i as i64))
}

/// The numbers that stand for leaves.
pub(super) fn numbers(arrays: &[Array]) -> Result<Vec<usize>> {
    let number = |array: &Array| usize::try_from(array.try_item::<i64>()?).map_err(|_| Error::value("not a leaf"));
    arrays.iter().map(number).collect()
}

impl fmt::Display for PyTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(&mut std::iter::repeat_with(|| "*".to_string())))
    }
}
