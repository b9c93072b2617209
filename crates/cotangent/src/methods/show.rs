//! Formats arrays as text, by the rules of NumPy 2.4's `arrayprint`. Columns are aligned, and at most eight digits are
//! shown after the decimal point. Exponents are used if the magnitudes differ by more than a factor of a thousand, or
//! are very large or very small. Lines have at most 75 characters. For more than 1000 elements, only the edges are
//! formatted and shown.
//!
//! A format string's options apply to each element, as they do for the arrays of `ndarray`.

use std::fmt;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
#[cfg(feature = "evcxr")]
use crate::error::Result;

use super::numerals::{scalar, words};
use super::style::Style;

/// Arrays with more elements than this are summarized.
const THRESHOLD: usize = 1000;
/// The number of elements shown at each end of a summarized axis.
const EDGE: usize = 3;
/// The maximum length of a line.
const LINE: usize = 75;

/// Formats the values as NumPy does. Arrays of more than 1000 elements are summarized by their edges. Precision, sign,
/// width and alignment apply to each element.
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

/// Formats the values with exponents.
impl fmt::LowerExp for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, false, Some('e'));
        write(self, f, &style)
    }
}

/// Formats the values with exponents.
impl fmt::UpperExp for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, false, Some('E'));
        write(self, f, &style)
    }
}

/// Formats the values, the dtype and the shape.
impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = Style::of(f, true, None);
        write(self, f, &style)
    }
}

/// Writes an array in the given style.
pub(crate) fn write(array: &Array, f: &mut impl fmt::Write, style: &Style) -> fmt::Result {
    let aval = array.aval();
    if array.is_traced() {
        return if style.debug { write!(f, "Traced<{aval:?}>") } else { write!(f, "Traced<{aval}>") };
    }
    let layout = Layout::new(&aval.shape, THRESHOLD, if style.debug { (", ", "Array(") } else { (" ", "") });
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

/// Writes the form of `{:?}`: the type follows the values, on a line of its own if the last line is full.
fn with_type(f: &mut impl fmt::Write, text: &str, aval: &Aval) -> fmt::Result {
    let dtype = format!("{aval:?}");
    let first = if text.contains('\n') { 0 } else { "Array(".len() };
    let last = first + text.rsplit('\n').next().unwrap_or(text).len();
    let gap = if last + dtype.len() + 3 > LINE { "\n      " } else { " " };
    write!(f, "Array({text},{gap}{dtype})")
}

/// The elements of an array that are shown, as words of equal length, and where they are: for other forms than text.
#[cfg(feature = "evcxr")]
pub(crate) struct Cells {
    shape: Vec<usize>,
    shown: Vec<usize>,
    /// The elements in row-major order.
    pub(crate) words: Vec<String>,
}

#[cfg(feature = "evcxr")]
impl Cells {
    /// The cells of an array, summarized if it has more than `most` elements, by default those that text has.
    pub(crate) fn of(array: &Array, most: Option<usize>) -> Result<Cells> {
        let aval = array.aval();
        let layout = Layout::new(&aval.shape, most.unwrap_or(THRESHOLD), (" ", ""));
        let values = array.with_bytes(|bytes| layout.elements(bytes, aval.dtype))?;
        let style = Style::default();
        let words = match aval.rank() {
            0 => vec![scalar(values[0], aval.dtype, &style)],
            _ => words(&values, aval.dtype, &style, false),
        };
        Ok(Cells { shown: layout.shown, words, shape: aval.shape.to_vec() })
    }

    /// The indices along an axis that are shown, with `None` where some are left out.
    pub(crate) fn axis(&self, axis: usize) -> impl Iterator<Item = Option<usize>> + use<> {
        let (n, shown) = (self.shape[axis], self.shown[axis]);
        let end = if shown < n { EDGE } else { n };
        (0..end).map(Some).chain((shown < n).then_some(None)).chain((n - (shown - end)..n).map(Some))
    }

    /// The number of axes.
    pub(crate) fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// The layout of an array's elements as text.
struct Layout<'a> {
    shape: &'a [usize],
    /// The number of elements shown along each axis: all of them, or those at its ends.
    shown: Vec<usize>,
    separator: &'static str,
    prefix: &'static str,
}

impl<'a> Layout<'a> {
    fn new(shape: &'a [usize], most: usize, (separator, prefix): (&'static str, &'static str)) -> Layout<'a> {
        let long = shape.iter().product::<usize>() > most;
        let shown = shape.iter().map(|&n| if long { n.min(2 * EDGE) } else { n }).collect();
        Layout { shape, shown, separator, prefix }
    }

    /// Returns the elements that are shown, in order.
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

    /// Arranges the formatted elements in rows and blocks.
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

    /// Writes a row along the last axis. A line holds as many elements as fit before the closing brackets.
    fn row(&self, text: &mut String, words: &[String], cut: bool, indent: usize) {
        // The closing parenthesis of a prefix takes room as well.
        let room = LINE - self.shown.len() - usize::from(!self.prefix.is_empty());
        // The line begins with the indent, or with opening brackets of the same width.
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
