//! Rich output in notebooks of [evcxr](https://github.com/evcxr/evcxr), the Rust kernel for Jupyter.
//!
//! Evcxr calls the method `evcxr_display` on the value of a cell's last expression. The method prints the value in one
//! or more forms, each between lines that begin with `EVCXR_BEGIN_CONTENT` and `EVCXR_END_CONTENT`. The notebook shows
//! the richest form that it can. If the call does not compile, evcxr prints the value with `{:?}`.

mod html;

use std::collections::{BTreeMap, HashMap};

use crate::array::Array;
use crate::error::cell::print;
use crate::ir::jaxpr::{Closed, Jaxpr};
use crate::tree::{self, Tree};

/// Shows a tree in a notebook of the Rust kernel evcxr. Needs the feature `evcxr`.
///
/// Every tree has it, a struct that derives [`Tree`] as well as a tuple of arrays: a table with a row for each array.
/// It is in the prelude, and evcxr calls it for the last expression of a cell.
///
/// ```
/// use cotangent::prelude::*;
/// #[derive(Clone, Tree)]
/// struct Line { slope: Array, intercept: Array }
///
/// let line = Line { slope: 2.0.into(), intercept: np::zeros(3) };
/// line.evcxr_display(); // prints the forms of text and HTML, between the lines that evcxr looks for
/// ```
pub trait EvcxrDisplay: Tree {
    /// Prints the tree in the forms that a notebook can show.
    fn evcxr_display(&self) {
        print(&text(self), &html::tree(self));
    }
}

impl<T: Tree> EvcxrDisplay for T {}

/// Trees without arrays, such as numbers. Two traits then have the method that evcxr calls, so the call does not
/// compile, and evcxr prints the value with `{:?}`, as it does where this library is not used.
#[doc(hidden)]
pub trait Debugged {
    fn evcxr_display(&self) {}
}

macro_rules! debugged {
    ($($t:ty)*) => { $(impl Debugged for $t {})* };
}

debugged!(() bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 String &'static str);

impl<T: Debugged> Debugged for Vec<T> {}
impl<T: Debugged> Debugged for Option<T> {}
impl<T: Debugged> Debugged for Box<T> {}
impl<T: Debugged, const N: usize> Debugged for [T; N] {}
impl<K, T: Debugged> Debugged for BTreeMap<K, T> {}
impl<K, T: Debugged> Debugged for HashMap<K, T> {}

macro_rules! debugged_tuples {
    ($($($T:ident)*;)*) => { $(impl<$($T: Debugged),*> Debugged for ($($T,)*) {})* };
}

debugged_tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; }

impl Array {
    /// Shows the array in a notebook of the Rust kernel evcxr: a table, with the type. Needs the feature `evcxr`.
    ///
    /// More than 1000 elements are summarized by those at the ends of each axis, as in [`Display`](std::fmt::Display).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// np::eye(3, 3).evcxr_display();
    /// ```
    pub fn evcxr_display(&self) {
        print(&format!("{self:?}"), &html::array(self));
    }
}

impl Jaxpr {
    /// Shows the jaxpr in a notebook of the Rust kernel evcxr, with its equations aligned. Needs the feature `evcxr`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// make_jaxpr(|x: &Array| x.sin() + 1.0)(&2.0.into()).jaxpr.evcxr_display();
    /// ```
    pub fn evcxr_display(&self) {
        print(&self.to_string(), &html::jaxpr(self));
    }
}

impl Closed {
    /// Shows the jaxpr in a notebook of the Rust kernel evcxr, with its equations aligned. Needs the feature `evcxr`.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// make_jaxpr(|x: &Array| x.sin() + 1.0)(&2.0.into()).evcxr_display();
    /// ```
    pub fn evcxr_display(&self) {
        self.jaxpr.evcxr_display();
    }
}

/// A tree as text: its type, and a line for each array.
fn text<T: Tree>(tree: &T) -> String {
    let leaves = tree::leaves(tree);
    let paths = tree::leaf_paths(tree);
    let width = paths.iter().map(|path| path.chars().count()).max().unwrap_or(0);
    let lines = paths.iter().zip(&leaves).map(|(path, leaf)| match leaf.size() {
        0..=6 if leaf.shape().len() <= 1 => format!("\n  {path:width$}  {}  {leaf}", leaf.aval()),
        _ => format!("\n  {path:width$}  {}", leaf.aval()),
    });
    title(tree, &leaves) + &lines.collect::<String>()
}

/// What a tree is: its type, the number of its arrays and that of their elements.
fn title<T: Tree>(_: &T, leaves: &[Array]) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let size = leaves.iter().map(Array::size).sum();
    format!("{}: {}, {}", short(std::any::type_name::<T>()), count(leaves.len(), "array"), count(size, "element"))
}

/// The name of a type, without the modules that its parts are in.
fn short(name: &str) -> String {
    let parts = name.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    parts.map(|part| part.rsplit("::").next().unwrap_or(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::{html, short, text};
    use crate::prelude::*;

    /// The text of HTML, with cells separated by `|` and rows by `/`.
    fn read(html: &str) -> String {
        let marked = html.replace("</td>", "|").replace("</th>", "|").replace("</tr>", "/");
        let parts = marked.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        let text: String = parts.collect();
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace('\u{a0}', " ")
    }

    #[test]
    fn arrays_are_tables() {
        let rows = |x: &Array| read(&html::array(x));
        for (x, expected) in [
            (Array::from(2.5), "2.5f32[]"),
            (Array::from([1.0f32, -2.5]), " 1. |-2.5|/f32[2]"),
            (Array::from([[1, 20], [3, 4]]), " 1|20|/ 3| 4|/i32[2,2]"),
            (Array::from([true, false]), " True|False|/bool[2]"),
            (np::zeros((0, 2)), "[]f32[0,2]"),
            (np::arange(12), "[0]| 0| 1| 2| 3| 4| 5| 6| 7| 8| 9|/[10]|10|11|/i32[12]"),
            (np::arange(8).reshape((2, 2, 2)), "[0, ·, ·]0|1|/2|3|/[1, ·, ·]4|5|/6|7|/i32[2,2,2]"),
        ] {
            assert_eq!(rows(&x), expected, "{x:?}");
        }
    }

    #[test]
    fn large_arrays_are_summarized_as_in_text() {
        let vector = np::arange(2000);
        assert_eq!(read(&html::array(&vector)), "   0|   1|   2|…|1997|1998|1999|/i32[2000]");
        let matrix = np::arange(5000).reshape((1000, 5));
        let rows = read(&html::array(&matrix));
        assert_eq!(rows.matches('/').count(), 7, "{rows}");
        assert!(rows.contains("|  14|/⋮|⋮|⋮|⋮|⋮|/4985|4986|"), "{rows}");
        let cube = np::zeros((20, 20, 20));
        assert_eq!(html::array(&cube).matches("<table").count(), 6);
        assert_eq!(html::array(&cube).matches("<div>⋮</div>").count(), 1);
        assert!(html::array(&np::zeros((1, 300))).matches("<td>").count() == 300);
    }

    #[derive(Clone, Tree)]
    struct Layer {
        w: Array,
        b: Array,
        #[tree(static)]
        name: String,
    }

    #[test]
    fn trees_are_tables_of_their_arrays() {
        let layer = Layer { w: np::zeros((41, 20)), b: Array::from([1.0f32, 2.0]), name: "first".into() };
        let model = (Array::from(0.5), vec![layer]);
        assert_eq!(model.1[0].name, "first");
        let lines = "(Array, Vec<Layer>): 3 arrays, 823 elements\n  [0]       f32[]  0.5\n  [1][0].w  f32[41,20]\n  \
                     [1][0].b  f32[2]  [1. 2.]";
        assert_eq!(text(&model), lines);
        let table = read(&html::tree(&model));
        for part in ["(Array, Vec<Layer>): 3", "[0]|f32[]|0.5|/", "[1][0].w|f32[41,20]|", "[1][0].b|f32[2]|1.|2.|/|/"] {
            assert!(table.contains(part), "{part} in {table}");
        }
        assert_eq!(html::tree(&model).matches("<tr>").count(), 3 + 7 + 1, "a matrix has its first and last three rows");
    }

    #[test]
    fn names_of_types_have_no_modules() {
        for (name, expected) in [
            ("alloc::vec::Vec<cotangent::array::Array>", "Vec<Array>"),
            ("(f32, ctx::Layer)", "(f32, Layer)"),
            ("[core::option::Option<u8>; 3]", "[Option<u8>; 3]"),
        ] {
            assert_eq!(short(name), expected);
        }
    }

    #[test]
    fn equations_of_jaxprs_are_aligned() {
        let f = |x: &Array| lax::fori_loop(0, 3, |_: &Array, y: &Array| y.sin(), &(x + 1.0).sum());
        let program = make_jaxpr(f)(&np::zeros((2, 3)));
        let text = read(&html::jaxpr(&program.jaxpr));
        // The parts are those of the text, up to spaces.
        let squeezed = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed(&text), squeezed(&program.to_string()));
        let outer: Vec<_> = text.lines().filter(|l| l.starts_with("    ") && !l.starts_with("     ")).collect();
        let columns: Vec<_> = outer.iter().filter_map(|line| line.find(" = ")).collect();
        assert!(columns.len() >= 3 && columns.iter().all(|c| *c == columns[0]), "{text}");
    }
}
