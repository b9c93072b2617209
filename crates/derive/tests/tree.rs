//! The derive macro, applied to a stand-in for the library.

use std::marker::PhantomData;

use cotangent_derive::Tree;
use cotangent_stub::{Array, Leafwise, Tree, tree};

#[allow(unreachable_pub)] // `pub` as in the library
mod cotangent_stub {
    #[derive(Clone, Debug, PartialEq)]
    pub struct Array(pub i32);

    pub type Result<T> = std::result::Result<T, String>;

    pub trait Tree: Sized + Send + Sync + 'static {
        fn leaves<'a>(&'a self, out: &mut tree::Leaves<'a>);
        fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self;
        fn same_structure(&self, other: &Self) -> bool;
        fn paths(&self, path: &mut tree::Path<'_>);
        fn from_named(_: &tree::Named) -> Result<Self> {
            Err("not determined".to_string())
        }
    }

    pub trait Leafwise: Tree {
        type Of<G: Tree>;
        fn leafwise<G: Tree>(&self, parts: &mut dyn Iterator<Item = G>) -> Self::Of<G>;
    }

    pub mod tree {
        use super::{Array, Tree};

        pub fn leaf_paths<T: Tree>(tree: &T) -> Vec<String> {
            let mut out = Vec::new();
            tree.paths(&mut Path { here: String::new(), out: &mut out });
            out
        }

        pub struct Named {
            pub value: i32,
            pub parts: Vec<(&'static str, Named)>,
        }

        impl Named {
            pub fn child(&self, name: &str, index: usize) -> super::Result<&Named> {
                let found =
                    |(i, (own, _)): &(usize, &(&str, Named))| if name.is_empty() { *i == index } else { *own == name };
                let part = self.parts.iter().enumerate().find(found);
                part.map(|(_, (_, part))| part).ok_or_else(|| format!("no part {name} {index}"))
            }
        }

        #[derive(Default)]
        pub struct Leaves<'a>(pub Vec<&'a Array>);

        pub struct Path<'o> {
            pub here: String,
            pub out: &'o mut Vec<String>,
        }

        impl Path<'_> {
            fn at(&mut self, step: &str, inner: impl FnOnce(&mut Path<'_>)) {
                let length = self.here.len();
                self.here.push_str(step);
                inner(self);
                self.here.truncate(length);
            }

            pub fn field(&mut self, name: &str, inner: impl FnOnce(&mut Path<'_>)) {
                self.at(&format!(".{name}"), inner);
            }

            pub fn index(&mut self, index: usize, inner: impl FnOnce(&mut Path<'_>)) {
                self.at(&format!("[{index}]"), inner);
            }
        }
    }

    impl Tree for Array {
        fn leaves<'a>(&'a self, out: &mut tree::Leaves<'a>) {
            out.0.push(self);
        }
        fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
            leaves.next().unwrap()
        }
        fn same_structure(&self, _: &Self) -> bool {
            true
        }
        fn paths(&self, path: &mut tree::Path<'_>) {
            let here = path.here.clone();
            path.out.push(here);
        }
        fn from_named(source: &tree::Named) -> Result<Self> {
            Ok(Array(source.value))
        }
    }

    impl<T: Tree> Tree for Vec<T> {
        fn leaves<'a>(&'a self, out: &mut tree::Leaves<'a>) {
            self.iter().for_each(|x| x.leaves(out));
        }
        fn rebuild(&self, leaves: &mut dyn Iterator<Item = Array>) -> Self {
            self.iter().map(|x| x.rebuild(leaves)).collect()
        }
        fn same_structure(&self, other: &Self) -> bool {
            self.len() == other.len() && self.iter().zip(other).all(|(a, b)| a.same_structure(b))
        }
        fn paths(&self, path: &mut tree::Path<'_>) {
            for (i, x) in self.iter().enumerate() {
                path.index(i, |p| x.paths(p));
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Tree)]
#[tree(crate = "cotangent_stub")]
struct Layer {
    weight: Array,
    #[tree(static)]
    name: String,
    r#type: Array,
}

#[derive(Clone, Debug, PartialEq, Tree)]
#[tree(crate = "crate::cotangent_stub")]
struct Pair<T, U>(T, #[tree(static)] PhantomData<U>, T);

#[derive(Clone, Debug, PartialEq, Tree)]
#[tree(crate = "cotangent_stub")]
struct Nothing;

#[derive(Clone, Debug, PartialEq, Tree)]
#[tree(crate = "cotangent_stub")]
enum Model<T, const N: usize = 2>
where
    T: Clone,
{
    Empty,
    Mlp(Vec<Layer>, Pair<Array, [u8; N]>),
    Custom {
        inner: T,
        #[tree(static)]
        rate: f64,
        nothing: Nothing,
    },
    Nested(Vec<Model<T, N>>),
}

#[derive(Debug, PartialEq, Tree)]
#[tree(crate = "cotangent_stub")]
enum Never {}

fn leaves<T: Tree>(tree: &T) -> Vec<i32> {
    let mut out = tree::Leaves::default();
    tree.leaves(&mut out);
    out.0.iter().map(|leaf| leaf.0).collect()
}

fn paths<T: Tree>(tree: &T) -> Vec<String> {
    let mut out = Vec::new();
    tree.paths(&mut tree::Path { here: String::new(), out: &mut out });
    out
}

fn tenfold<T: Tree>(tree: &T) -> T {
    let mut new = leaves(tree).into_iter().map(|x| Array(10 * x));
    let made = tree.rebuild(&mut new);
    assert!(new.next().is_none());
    assert!(made.same_structure(tree));
    made
}

fn layer(x: i32, name: &str) -> Layer {
    Layer { weight: Array(x), name: name.to_owned(), r#type: Array(x + 1) }
}

type M = Model<Array>;

fn mlp() -> M {
    let pair = Pair(Array(5), PhantomData, Array(6));
    Model::Mlp(vec![layer(1, "a"), layer(3, "b")], pair)
}

#[test]
fn leaves_come_in_order_and_go_back() {
    assert_eq!(leaves(&mlp()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(leaves(&tenfold(&mlp())), [10, 20, 30, 40, 50, 60]);
    let custom: M = Model::Custom { inner: Array(7), rate: 0.5, nothing: Nothing };
    let expected: M = Model::Custom { inner: Array(70), rate: 0.5, nothing: Nothing };
    assert_eq!(tenfold(&custom), expected);
    let nested: M = Model::Nested(vec![mlp(), custom, Model::Empty]);
    assert_eq!(leaves(&tenfold(&nested)), [10, 20, 30, 40, 50, 60, 70]);
    assert_eq!(tenfold(&Nothing), Nothing);
}

#[test]
fn paths_follow_the_leaves() {
    let expected = ["[0][0].weight", "[0][0].type", "[0][1].weight", "[0][1].type", "[1][0]", "[1][2]"];
    assert_eq!(paths(&mlp()), expected);
    let custom: M = Model::Custom { inner: Array(7), rate: 0.5, nothing: Nothing };
    assert_eq!(paths(&custom), [".inner"]);
}

#[test]
fn structures() {
    assert!(layer(1, "a").same_structure(&layer(9, "a")));
    assert!(!layer(1, "a").same_structure(&layer(1, "b")));
    let custom = |rate| -> M { Model::Custom { inner: Array(7), rate, nothing: Nothing } };
    assert!(custom(0.5).same_structure(&custom(0.5)));
    assert!(!custom(0.5).same_structure(&custom(0.25)));
    assert!(!custom(0.5).same_structure(&mlp()));
    let empty: M = Model::Empty;
    assert!(empty.same_structure(&Model::Empty));
    assert!(!empty.same_structure(&mlp()));
    let nested = |n| -> M { Model::Nested(vec![Model::Empty; n]) };
    assert!(!nested(1).same_structure(&nested(2)));
}

/// Tests only that it compiles: a type without values is a tree too.
#[test]
fn a_type_without_values() {
    fn is_tree<T: Tree>() {}
    is_tree::<Never>();
}

macro_rules! declare {
    ($name:ident, $ty:ty) => {
        #[derive(Debug, PartialEq, Tree)]
        #[tree(crate = "cotangent_stub")]
        struct $name {
            field: $ty,
            #[tree(static)]
            number: u8,
            own: Array,
        }
    };
}
declare!(Declared, Vec<Array>);

#[test]
fn a_type_from_a_macro() {
    let x = Declared { field: vec![Array(1), Array(2)], number: 3, own: Array(4) };
    assert_eq!(leaves(&tenfold(&x)), [10, 20, 40]);
    assert_eq!(paths(&x), [".field[0]", ".field[1]", ".own"]);
}

#[test]
fn leafwise_is_a_map_from_the_paths() {
    #[derive(Debug, PartialEq, Tree)]
    #[tree(crate = "crate::cotangent_stub")]
    struct Two {
        first: Array,
        rest: Vec<Array>,
    }
    let two = Two { first: Array(1), rest: vec![Array(2), Array(3)] };
    let map = two.leafwise(&mut [Array(10), Array(20), Array(30)].into_iter());
    let expected = [(".first", 10), (".rest[0]", 20), (".rest[1]", 30)];
    assert_eq!(map, expected.map(|(path, x)| (path.to_string(), Array(x))).into_iter().collect());
}

#[test]
fn structs_are_built_from_named_parts() {
    #[derive(Debug, PartialEq, Tree)]
    #[tree(crate = "crate::cotangent_stub")]
    struct Named {
        weight: Array,
        r#type: Unnamed,
    }
    #[derive(Debug, PartialEq, Tree)]
    #[tree(crate = "crate::cotangent_stub")]
    struct Unnamed(Array, Array);
    let leaf = |value: i32| tree::Named { value, parts: Vec::new() };
    let pair = tree::Named { value: 0, parts: vec![("", leaf(2)), ("", leaf(3))] };
    let named = tree::Named { value: 0, parts: vec![("type", pair), ("weight", leaf(1))] };
    assert_eq!(Named::from_named(&named), Ok(Named { weight: Array(1), r#type: Unnamed(Array(2), Array(3)) }));
    assert_eq!(Named::from_named(&leaf(1)), Err("no part weight 0".to_string()));
    // Static fields and variants are not in the tree.
    assert_eq!(Layer::from_named(&named), Err("not determined".to_string()));
    assert_eq!(Model::<Array>::from_named(&named), Err("not determined".to_string()));
}
