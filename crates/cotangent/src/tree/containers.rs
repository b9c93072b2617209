//! The trees of the language: arrays, numbers, tuples, vectors, options and boxes.

use crate::array::Array;
use crate::error::Result;

use super::treedef::Container;
use super::{Leaves, Named, Path, Tree};

impl Tree for Array {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        out.push(self);
    }

    #[track_caller]
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Array {
        match leaves.next() {
            Some(leaf) => leaf,
            None => crate::error::raise(crate::error::Error::new(
                crate::error::ErrorKind::Structure,
                "a tree was rebuilt from fewer leaves than it has",
            )),
        }
    }

    fn same_structure(&self, _: &Array) -> bool {
        true
    }

    fn paths(&self, path: &mut Path<'_>) {
        path.leaf();
    }

    fn from_named(source: &Named) -> Result<Array> {
        source.array()
    }
}

/// Rust scalars and strings are structure: they select a program and are constants in it.
macro_rules! static_tree {
    ($($t:ty: |$a:ident, $b:ident| $same:expr;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl Tree for $t {
            fn leaves<'a>(&'a self, _: &mut Leaves<'a>) {}
            fn rebuild(&self, _: &mut dyn Iterator<Item = Array>) -> $t {
                self.clone()
            }
            fn same_structure(&self, other: &$t) -> bool {
                let ($a, $b) = (self, other);
                $same
            }
            fn paths(&self, _: &mut Path<'_>) {}
        }
    )* };
}

impl Tree for () {
    fn leaves<'a>(&'a self, _: &mut Leaves<'a>) {}
    fn rebuild(&self, _: &mut dyn Iterator<Item = Array>) {}
    fn same_structure(&self, (): &()) -> bool {
        true
    }
    fn paths(&self, path: &mut Path<'_>) {
        path.is(Container::Tuple);
    }
}

static_tree! {
    bool: |a, b| a == b;
    i8: |a, b| a == b;
    i16: |a, b| a == b;
    i32: |a, b| a == b;
    i64: |a, b| a == b;
    isize: |a, b| a == b;
    u8: |a, b| a == b;
    u16: |a, b| a == b;
    u32: |a, b| a == b;
    u64: |a, b| a == b;
    usize: |a, b| a == b;
    f32: |a, b| a.to_bits() == b.to_bits();
    f64: |a, b| a.to_bits() == b.to_bits();
    String: |a, b| a == b;
    &'static str: |a, b| a == b;
}

macro_rules! tuple_tree {
    ($($T:ident $i:tt),*) => {
        impl<$($T: Tree),*> Tree for ($($T,)*) {
            fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
                $(self.$i.leaves(out);)*
            }
            fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
                ($(self.$i.rebuild(leaves),)*)
            }
            fn same_structure(&self, other: &Self) -> bool {
                $(self.$i.same_structure(&other.$i))&&*
            }
            fn paths(&self, path: &mut Path<'_>) {
                $(path.index($i, |path| self.$i.paths(path));)*
            }
            fn from_named(source: &Named) -> Result<Self> {
                Ok(($($T::from_named(source.child("", $i)?)?,)*))
            }
        }
    };
}

tuple_tree!(A 0);
tuple_tree!(A 0, B 1);
tuple_tree!(A 0, B 1, C 2);
tuple_tree!(A 0, B 1, C 2, D 3);
tuple_tree!(A 0, B 1, C 2, D 3, E 4);
tuple_tree!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_tree!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_tree!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

impl<T: Tree> Tree for Vec<T> {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        self.iter().for_each(|x| x.leaves(out));
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        self.iter().map(|x| x.rebuild(leaves)).collect()
    }
    fn same_structure(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(a, b)| a.same_structure(b))
    }
    fn paths(&self, path: &mut Path<'_>) {
        path.is(Container::List);
        self.iter().enumerate().for_each(|(i, x)| path.index(i, |path| x.paths(path)));
    }
    fn from_named(source: &Named) -> Result<Self> {
        source.children()?.iter().map(|(_, child)| T::from_named(child)).collect()
    }
}

impl<T: Tree, const N: usize> Tree for [T; N] {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        self.iter().for_each(|x| x.leaves(out));
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        std::array::from_fn(|i| self[i].rebuild(leaves))
    }
    fn same_structure(&self, other: &Self) -> bool {
        self.iter().zip(other).all(|(a, b)| a.same_structure(b))
    }
    fn paths(&self, path: &mut Path<'_>) {
        path.is(Container::Tuple);
        self.iter().enumerate().for_each(|(i, x)| path.index(i, |path| x.paths(path)));
    }
    fn from_named(source: &Named) -> Result<Self> {
        let all = (0..N).map(|i| T::from_named(source.child("", i)?)).collect::<Result<Vec<T>>>()?;
        all.try_into().map_err(|_| source.undetermined(std::any::type_name::<Self>()))
    }
}

impl<T: Tree> Tree for Option<T> {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        if let Some(x) = self {
            x.leaves(out);
        }
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        self.as_ref().map(|x| x.rebuild(leaves))
    }
    fn same_structure(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(a), Some(b)) => a.same_structure(b),
            (None, None) => true,
            _ => false,
        }
    }
    fn paths(&self, path: &mut Path<'_>) {
        if let Some(x) = self {
            x.paths(path);
        }
    }
    fn from_named(source: &Named) -> Result<Self> {
        if source.is_none() { Ok(None) } else { T::from_named(source).map(Some) }
    }
}

impl<T: Tree> Tree for Box<T> {
    fn leaves<'a>(&'a self, out: &mut Leaves<'a>) {
        (**self).leaves(out);
    }
    fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
        Box::new((**self).rebuild(leaves))
    }
    fn same_structure(&self, other: &Self) -> bool {
        (**self).same_structure(other)
    }
    fn paths(&self, path: &mut Path<'_>) {
        (**self).paths(path);
    }
    fn from_named(source: &Named) -> Result<Self> {
        T::from_named(source).map(Box::new)
    }
}
