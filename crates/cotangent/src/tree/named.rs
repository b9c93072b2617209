//! Trees whose parts have names: what a file says about the arguments and results of a program.

use std::any::Any;
use std::fmt;

use crate::array::Array;
use crate::error::{Error, ErrorKind, Result};

use super::{MapKey, Tree};

/// A tree whose parts have names, from which [`Tree::from_named`] builds a value.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::tree::Named;
/// let pair = Named::list([Named::leaf(1.0.into()), Named::leaf(2.0.into())]);
/// let (a, b) = <(Array, Array)>::from_named(&pair).unwrap();
/// assert_eq!((a.item::<f32>(), b.item::<f32>()), (1.0, 2.0));
/// ```
#[derive(Clone)]
pub struct Named {
    path: String,
    node: Node,
}

#[derive(Clone)]
pub(crate) enum Node {
    Leaf(Array),
    /// `None` in Python.
    None,
    Branch(Vec<(Key, Named)>),
    /// It has whatever is asked for, each once.
    Anything,
}

/// The place of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Index(usize),
    Name(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Index(i) => write!(f, "[{i}]"),
            Key::Name(name) => write!(f, ".{name}"),
        }
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.leaves().iter().map(|(path, _)| path)).finish()
    }
}

impl Named {
    pub(crate) fn new(node: Node) -> Named {
        Named { path: String::new(), node }
    }

    /// An array.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::Named;
    /// assert_eq!(Array::from_named(&Named::leaf(2.0.into())).unwrap().item::<f32>(), 2.0);
    /// ```
    #[must_use]
    pub fn leaf(array: Array) -> Named {
        Named::new(Node::Leaf(array))
    }

    /// Parts with names.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::Named;
    /// let named = Named::branch([("a", Named::leaf(2.0.into()))]);
    /// let map = std::collections::BTreeMap::<String, Array>::from_named(&named).unwrap();
    /// assert_eq!(map["a"].item::<f32>(), 2.0);
    /// ```
    #[must_use]
    pub fn branch<'a>(parts: impl IntoIterator<Item = (&'a str, Named)>) -> Named {
        let part = |(name, part): (&str, Named)| (Key::Name(name.to_string()), part);
        Named::new(Node::Branch(parts.into_iter().map(part).collect())).placed("")
    }

    /// Parts in order.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::tree::Named;
    /// let three = vec![Named::leaf(1.0.into()); 3];
    /// assert_eq!(Vec::<Array>::from_named(&Named::list(three)).unwrap().len(), 3);
    /// ```
    #[must_use]
    pub fn list(parts: impl IntoIterator<Item = Named>) -> Named {
        let parts = parts.into_iter().enumerate().map(|(i, part)| (Key::Index(i), part)).collect();
        Named::new(Node::Branch(parts)).placed("")
    }

    /// The same tree, whose root has this path.
    pub(crate) fn placed(mut self, path: &str) -> Named {
        self.path = path.to_string();
        if let Node::Branch(parts) = self.node {
            let part = |(key, part): (Key, Named)| {
                let path = format!("{path}{key}");
                (key, part.placed(&path))
            };
            self.node = Node::Branch(parts.into_iter().map(part).collect());
        }
        self
    }

    /// The paths and the arrays of the leaves.
    pub(crate) fn leaves(&self) -> Vec<(String, Array)> {
        let (mut leaves, mut open) = (Vec::new(), vec![self]);
        while let Some(named) = open.pop() {
            match &named.node {
                Node::Leaf(array) => leaves.push((named.path.clone(), array.clone())),
                Node::Branch(parts) => open.extend(parts.iter().rev().map(|(_, part)| part)),
                Node::None | Node::Anything => {}
            }
        }
        leaves
    }

    fn place(&self) -> String {
        if self.path.is_empty() { "the tree".to_string() } else { format!("`{}`", self.path) }
    }

    fn what(&self) -> String {
        match &self.node {
            Node::Leaf(_) => "an array".to_string(),
            Node::None => "`None`".to_string(),
            Node::Branch(parts) => {
                let keys: Vec<String> = parts.iter().map(|(key, _)| key.to_string()).collect();
                format!("a tree with {}", keys.join(", "))
            }
            Node::Anything => "anything".to_string(),
        }
    }

    fn wrong(&self, wanted: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Structure, format!("{} is {}, not {wanted}", self.place(), self.what()))
    }

    /// The error for a type that does not follow from a tree.
    pub(crate) fn undetermined(&self, name: &str) -> Error {
        let message = format!("{} does not determine a value of the type `{name}`", self.place());
        Error::new(ErrorKind::Structure, message)
            .help("enums, and structs with static fields, are built from an example: use the function that takes one")
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self.node, Node::None)
    }

    /// The array that it is.
    pub(crate) fn array(&self) -> Result<Array> {
        match &self.node {
            Node::Leaf(array) => Ok(array.clone()),
            Node::Anything => Ok(Array::from(0)),
            _ => Err(self.wrong("an array")),
        }
    }

    /// All parts in order.
    pub(crate) fn children(&self) -> Result<std::borrow::Cow<'_, [(Key, Named)]>> {
        match &self.node {
            Node::Branch(parts) => Ok(parts.into()),
            Node::Anything => Ok(vec![(Key::Index(0), self.clone())].into()),
            _ => Err(self.wrong("a tree with parts")),
        }
    }

    /// The part with a name, or the one at an index, where the parts have no names.
    ///
    /// # Errors
    /// If there is none.
    ///
    /// ```
    /// use cotangent::tree::Named;
    /// let named = Named::branch([("a", Named::leaf(2.0.into()))]);
    /// assert!(named.child("a", 0).is_ok() && named.child("b", 1).is_err());
    /// ```
    pub fn child(&self, name: &str, index: usize) -> Result<&Named> {
        let parts = match &self.node {
            Node::Branch(parts) => parts,
            Node::Anything => return Ok(self),
            _ => return Err(self.wrong("a tree with parts")),
        };
        let wanted = |key: &Key| match key {
            Key::Index(i) => *i == index,
            // The element of a tuple or list has no name.
            Key::Name(own) => own == name || (name.is_empty() && parts.get(index).is_some_and(|(k, _)| k == key)),
        };
        let found = parts.iter().find(|(key, _)| wanted(key)).map(|(_, part)| part);
        found.ok_or_else(|| match name {
            "" => self.wrong(format!("one with an element {index}")),
            name => self.wrong(format!("one with `{name}`")),
        })
    }
}

/// The entries of a map. Its keys are strings.
pub(super) fn entries<K: MapKey, T: Tree, M: FromIterator<(K, T)>>(source: &Named) -> Result<M> {
    let key = |key: &Key| {
        let name = match key {
            Key::Name(name) => name.clone(),
            Key::Index(i) => i.to_string(),
        };
        let boxed: Box<dyn Any> = Box::new(name);
        boxed.downcast::<K>().map(|k| *k).map_err(|_| source.undetermined(std::any::type_name::<K>()))
    };
    source.children()?.iter().map(|(k, part)| Ok((key(k)?, T::from_named(part)?))).collect()
}
