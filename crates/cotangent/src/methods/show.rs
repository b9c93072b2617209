//! Arrays as text, by the rules of NumPy 2.4's `arrayprint`: columns are aligned, eight digits after the point are
//! shown at most, exponents are used where the numbers differ by more than a thousand or are very large or small, lines
//! end before 75 characters, and of more than 1000 elements only the edges are shown, and looked at.
//!
//! What a format string asks for holds for each element, as it does for the arrays of `ndarray`.

use std::fmt;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};

use super::numerals::{scalar, words};
use super::style::Style;

/// Arrays of more elements are shortened.
const THRESHOLD: usize = 1000;
/// How many elements of each end of an axis are left then.
const EDGE: usize = 3;
/// The length of a line.
const LINE: usize = 75;

/// Values as NumPy prints them; arrays of more than 1000 elements are shortened to their edges. Precision, sign, width
/// and alignment hold for each element.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from([1.0f32, -2.5, 1.0 / 3.0]);
/// assert_eq!(format!("{x}"), "[ 1.         -2.5         0.33333334]");
/// assert_eq!(format!("{x:.2}"), "[ 1.00 -2.50  0.33]");
/// assert_eq!(format!("{x:+.1e}"), "[+1.0e+00 -2.5e+00 +3.3e-01]");
/// assert_eq!(format!("{x:?}"), "Array([ 1.        , -2.5       ,  0.33333334], f32[3])");
/// ```
impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, false, None);
        write(self, f, &style)
    }
}

/// Values with exponents.
impl fmt::LowerExp for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, false, Some('e'));
        write(self, f, &style)
    }
}

/// Values with exponents.
impl fmt::UpperExp for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, false, Some('E'));
        write(self, f, &style)
    }
}

/// Values and type.
impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, true, None);
        write(self, f, &style)
    }
}

/// Writes an array.
pub(crate) fn write(array: &Array, f: &mut impl fmt::Write, style: &Style) -> fmt::Result {
    let aval = array.aval();
    if array.is_traced() {
        return if style.debug { write!(f, "Traced<{aval:?}>") } else { write!(f, "Traced<{aval}>") };
    }
    let layout = Layout::new(&aval.shape, if style.debug { (", ", "Array(") } else { (" ", "") });
    let values = match array.with_bytes(|bytes| layout.elements(bytes, aval.dtype)) {
        Ok(values) => values,
        Err(error) => return write!(f, "Array<{aval}>(unreadable: {})", error.message()),
    };
    let text = match aval.rank() {
        0 => style.pad(scalar(values[0], aval.dtype, style)),
        _ if aval.size() == 0 => "[]".to_string(),
        _ => {
            let words: Vec<String> =
                words(&values, aval.dtype, style, false).into_iter().map(|word| style.pad(word)).collect();
            layout.arrange(&words)
        }
    };
    if style.debug { with_type(f, &text, &aval) } else { f.write_str(&text) }
}

/// The form of `{:?}`: the type stands behind, on a line of its own if the last one is full.
fn with_type(f: &mut impl fmt::Write, text: &str, aval: &Aval) -> fmt::Result {
    let dtype = format!("{aval:?}");
    let first = if text.contains('\n') { 0 } else { "Array(".len() };
    let last = first + text.rsplit('\n').next().unwrap_or(text).len();
    let gap = if last + dtype.len() + 3 > LINE { "\n      " } else { " " };
    write!(f, "Array({text},{gap}{dtype})")
}

/// Where the elements of an array stand in its text.
struct Layout<'a> {
    shape: &'a [usize],
    /// What is shown of each axis: all of it, or its ends.
    shown: Vec<usize>,
    separator: &'static str,
    prefix: &'static str,
}

impl<'a> Layout<'a> {
    fn new(shape: &'a [usize], (separator, prefix): (&'static str, &'static str)) -> Layout<'a> {
        let long = shape.iter().product::<usize>() > THRESHOLD;
        let shown = shape.iter().map(|&n| if long { n.min(2 * EDGE) } else { n }).collect();
        Layout { shape, shown, separator, prefix }
    }

    /// The elements that are shown, in order.
    fn elements(&self, bytes: &[u8], dtype: DType) -> Vec<Scalar> {
        let size = dtype.byte_size();
        let count = self.shown.iter().product();
        let mut index = vec![0; self.shape.len()];
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let at = index
                .iter()
                .zip(self.shape)
                .zip(&self.shown)
                .fold(0, |at, ((&i, &n), &shown)| at * n + if shown < n && i >= EDGE { n - shown + i } else { i });
            values.push(Literal::from_bytes(dtype, false, &bytes[at * size..(at + 1) * size]).value());
            for (i, &shown) in index.iter_mut().zip(&self.shown).rev() {
                *i += 1;
                if *i < shown {
                    break;
                }
                *i = 0;
            }
        }
        values
    }

    /// The words in rows and blocks.
    fn arrange(&self, words: &[String]) -> String {
        let mut text = String::new();
        self.axis(&mut text, words, 0, " ".len() + self.prefix.len());
        text
    }

    fn axis(&self, text: &mut String, words: &[String], axis: usize, indent: usize) {
        text.push('[');
        let (n, left) = (self.shown[axis], self.shown.len() - axis);
        let cut = n < self.shape[axis];
        let line = format!("{}{}", self.separator.trim_end(), "\n".repeat(left - 1));
        if left == 1 {
            self.row(text, words, cut, indent);
        } else {
            for (i, words) in words.chunks_exact(words.len() / n).enumerate() {
                if i > 0 {
                    *text += &line;
                    *text += &" ".repeat(indent);
                }
                if cut && i == EDGE {
                    *text += "...";
                    *text += &line;
                    *text += &" ".repeat(indent);
                }
                self.axis(text, words, axis + 1, indent + 1);
            }
        }
        text.push(']');
    }

    /// The last axis: words on lines, as many as there is room for before the brackets that close.
    fn row(&self, text: &mut String, words: &[String], cut: bool, indent: usize) {
        // What closes a prefix takes room as well.
        let room = LINE - self.shown.len() - usize::from(!self.prefix.is_empty());
        // The line begins with an indent, or with the brackets that stand in its place.
        let mut column = indent;
        let (head, tail) = words.split_at(if cut { EDGE } else { 0 });
        let all = head.iter().map(String::as_str).chain(cut.then_some("...")).chain(tail.iter().map(String::as_str));
        for (i, word) in all.enumerate() {
            if i > 0 {
                *text += self.separator;
                column += self.separator.len();
            }
            let length = word.chars().count();
            if column + length > room && column > indent {
                text.truncate(text.trim_end().len());
                text.push('\n');
                *text += &" ".repeat(indent);
                column = indent;
            }
            *text += word;
            column += length;
        }
    }
}
