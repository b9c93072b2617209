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
        (np::arange(0, 12, 1), "[0]| 0| 1| 2| 3| 4| 5| 6| 7| 8| 9|/[10]|10|11|/i32[12]"),
        (np::arange(0, 8, 1).reshape((2, 2, 2)), "[0, ·, ·]0|1|/2|3|/[1, ·, ·]4|5|/6|7|/i32[2,2,2]"),
    ] {
        assert_eq!(rows(&x), expected, "{x:?}");
    }
}

#[test]
fn large_arrays_are_summarized_as_in_text() {
    let vector = np::arange(0, 2000, 1);
    assert_eq!(read(&html::array(&vector)), "   0|   1|   2|…|1997|1998|1999|/i32[2000]");
    let matrix = np::arange(0, 5000, 1).reshape((1000, 5));
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
