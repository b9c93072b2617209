//! Arrays as text, by the rules of NumPy 2.4's `arrayprint`: columns are aligned, eight digits after the point are
//! shown at most, exponents are used where the numbers differ by more than a thousand or are very large or small, lines
//! end before 75 characters, and of more than 1000 elements only the edges are shown, and looked at.
//!
//! What a format string asks for holds for each element, as it does for the arrays of `ndarray`.

use std::fmt;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar, python};

/// Arrays of more elements are shortened.
const THRESHOLD: usize = 1000;
/// How many elements of each end of an axis are left then.
const EDGE: usize = 3;
/// The length of a line.
const LINE: usize = 75;
/// Digits after the point, if none are asked for.
const PRECISION: usize = 8;

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

/// What stands after the colon of a placeholder: `{:>+12.3e}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Style {
    debug: bool,
    /// The letter of the exponent, where there shall be one.
    exponent: Option<char>,
    precision: Option<usize>,
    plus: bool,
    zeros: bool,
    width: usize,
    fill: char,
    align: Option<char>,
}

impl Style {
    /// What a format string of Rust's asks for, beside its trait.
    pub(crate) fn of(f: &fmt::Formatter<'_>, debug: bool, exponent: Option<char>) -> Style {
        Style {
            debug,
            exponent,
            precision: f.precision(),
            plus: f.sign_plus(),
            zeros: f.sign_aware_zero_pad(),
            width: f.width().unwrap_or(0),
            fill: f.fill(),
            align: f.align().map(|align| match align {
                fmt::Alignment::Left => '<',
                fmt::Alignment::Center => '^',
                fmt::Alignment::Right => '>',
            }),
        }
    }

    /// Reads `[[fill]align][+][#][0][width][.precision][?|e|E]`, Rust's own grammar; `None` for anything else.
    pub(crate) fn parse(spec: &str) -> Option<Style> {
        let is_align = |c: &char| matches!(c, '<' | '^' | '>');
        let mut chars = spec.chars();
        let (first, second) = (chars.next(), chars.next());
        let fill = first.filter(|_| second.is_some_and(|c| is_align(&c)));
        let align = fill.map_or(first, |_| second).filter(is_align);
        let mut rest = &spec[fill.into_iter().chain(align).map(char::len_utf8).sum()..];
        let plus = skip(&mut rest, '+');
        skip(&mut rest, '#');
        let zeros = skip(&mut rest, '0');
        let width = number(&mut rest).unwrap_or(0);
        let precision = if skip(&mut rest, '.') { Some(number(&mut rest)?) } else { None };
        let (debug, exponent) = match rest {
            "" => (false, None),
            "?" => (true, None),
            "e" => (false, Some('e')),
            "E" => (false, Some('E')),
            _ => return None,
        };
        Some(Style { debug, exponent, precision, plus, zeros, width, fill: fill.unwrap_or(' '), align })
    }

    /// Whether digits are left to the rules.
    fn is_free(&self) -> bool {
        self.exponent.is_none() && self.precision.is_none()
    }

    /// A word at the width that is asked for.
    fn pad(&self, word: String) -> String {
        let missing = self.width.saturating_sub(word.chars().count());
        if missing == 0 {
            return word;
        }
        if self.zeros {
            let bare = word.trim_start();
            let digits = bare.trim_start_matches(['+', '-']);
            let (sign, width) = (&bare[..bare.len() - digits.len()], self.width + digits.len() - bare.chars().count());
            return format!("{sign}{digits:0>width$}");
        }
        let left = match self.align {
            Some('<') => 0,
            Some('^') => missing / 2,
            _ => missing,
        };
        let fill = |n| std::iter::repeat_n(self.fill, n);
        fill(left).chain(word.chars()).chain(fill(missing - left)).collect()
    }
}

fn skip(rest: &mut &str, c: char) -> bool {
    let after = rest.strip_prefix(c);
    *rest = after.unwrap_or(rest);
    after.is_some()
}

fn number(rest: &mut &str) -> Option<usize> {
    let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    *rest = after;
    digits.parse().ok()
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

/// Elements as words of one length.
fn words(values: &[Scalar], dtype: DType, style: &Style, alone: bool) -> Vec<String> {
    let part = |part: fn(&Scalar) -> f64| -> Vec<f64> { values.iter().map(part).collect() };
    match dtype.kind() {
        Kind::Bool => values.iter().map(|x| format!("{:>5}", python(x.to_bool()))).collect(),
        Kind::Int | Kind::Uint if style.exponent.is_none() => {
            let plus = |negative: bool| if style.plus && !negative { "+" } else { "" };
            let text = |x: &Scalar| match x {
                Scalar::Uint(x) => format!("{}{x}", plus(false)),
                other => format!("{}{}", plus(other.to_i64() < 0), other.to_i64()),
            };
            aligned(values.iter().map(text).collect())
        }
        Kind::Complex => {
            let re = floats(&part(|x| x.to_complex().0), dtype.real(), style, style.plus, alone);
            let im = floats(&part(|x| x.to_complex().1), dtype.real(), style, true, alone);
            let join = |(re, im): (String, String)| {
                let bare = im.trim_end();
                format!("{re}{bare}j{}", &im[bare.len()..])
            };
            re.into_iter().zip(im).map(join).collect()
        }
        Kind::Float => floats(&part(|x| x.to_f64()), dtype, style, style.plus, alone),
        Kind::Int | Kind::Uint => floats(&part(|x| x.to_f64()), DType::F64, style, style.plus, alone),
    }
}

fn aligned(words: Vec<String>) -> Vec<String> {
    let width = words.iter().map(String::len).max().unwrap_or(0);
    words.into_iter().map(|word| format!("{word:>width$}")).collect()
}

/// Real numbers as words of one length, their points one below the other.
fn floats(values: &[f64], dtype: DType, style: &Style, plus: bool, alone: bool) -> Vec<String> {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let digits = style.precision.map_or(Digits::Unique(PRECISION), Digits::Exact);
    let exponents = style.exponent.is_some() || style.is_free() && spread(finite(), dtype);
    let digits = match digits {
        // All have as many digits as the one that needs most.
        Digits::Unique(_) if exponents => {
            Digits::Exact(finite().map(|x| Parts::scientific(x, dtype, digits).fraction.len()).max().unwrap_or(0))
        }
        digits => digits,
    };
    let parts: Vec<Parts> = (values.iter())
        .map(|&x| match exponents {
            _ if !x.is_finite() => Parts::nonfinite(x),
            true => Parts::scientific(x, dtype, digits),
            false => Parts::positional(x, dtype, digits),
        })
        .map(|parts| if plus && parts.sign.is_empty() { Parts { sign: "+", ..parts } } else { parts })
        .collect();
    let numbers = || parts.iter().filter(|parts| !parts.is_word);
    let left = numbers().map(|p| p.sign.len() + p.whole.len()).max().unwrap_or(0);
    let right = numbers().map(|p| p.fraction.len()).max().unwrap_or(0);
    let power = numbers().filter_map(|p| p.exponent.map(|e| e.abs().to_string().len().max(2))).max();
    let point = if right == 0 && (alone || style.precision == Some(0)) { "" } else { "." };
    let letter = style.exponent.unwrap_or('e');
    let texts = parts.iter().map(|p| {
        let start = format!("{}{}", p.sign, p.whole);
        match (p.is_word, p.exponent, power) {
            (true, ..) => start,
            (false, Some(e), Some(power)) => {
                let sign = if e < 0 { '-' } else { '+' };
                format!("{start:>left$}{point}{:<right$}{letter}{sign}{:0>power$}", p.fraction, e.abs())
            }
            _ => format!("{start:>left$}{point}{:<right$}", p.fraction),
        }
    });
    aligned(texts.collect())
}

/// Whether numbers are written with exponents: some are large, some are small, or they differ much.
fn spread(values: impl Iterator<Item = f64>, dtype: DType) -> bool {
    let (least, greatest) = (values.map(f64::abs).filter(|x| *x != 0.0))
        .fold((f64::INFINITY, 0.0), |(least, greatest): (f64, f64), x| (least.min(x), greatest.max(x)));
    // Compared as numbers of the dtype: its 0.0001 is not below 0.0001.
    let rounded = |x: f64| Literal::float(dtype, x).value().to_f64();
    greatest > 0.0
        && (greatest >= largest(dtype).min(1e8) || least < rounded(1e-4) || rounded(greatest / least) > 1000.0)
}

/// From here on numbers have more digits before the point than the dtype can tell apart.
fn largest(dtype: DType) -> f64 {
    match dtype {
        DType::F16 | DType::BF16 => 1e3,
        DType::F32 => 1e6,
        _ => 1e16,
    }
}

/// A value that stands alone, with all its digits.
fn scalar(value: Scalar, dtype: DType, style: &Style) -> String {
    if !style.is_free() || !dtype.is_inexact() {
        let word = words(&[value], dtype, style, true).remove(0);
        let word = word.trim();
        return if dtype.is_complex() { format!("({word})") } else { word.to_string() };
    }
    let real = |x: f64, plus: bool, dtype: DType, suffix: &str| {
        let most = Digits::Unique(usize::MAX);
        let positional = x == 0.0 || (1e-4..largest(dtype)).contains(&x.abs());
        let parts = match positional {
            _ if !x.is_finite() => Parts::nonfinite(x),
            true => Parts::positional(x, dtype, most),
            false => Parts::scientific(x, dtype, most),
        };
        let sign = if plus && parts.sign.is_empty() { "+" } else { parts.sign };
        let mut text = format!("{sign}{}", parts.whole);
        if !parts.fraction.is_empty() {
            text = format!("{text}.{}", parts.fraction);
        } else if positional && !parts.is_word {
            text += suffix;
        }
        if let Some(e) = parts.exponent {
            text = format!("{text}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs());
        }
        text
    };
    match value {
        Scalar::Complex(re, im) if re == 0.0 && re.is_sign_positive() => {
            format!("{}j", real(im, style.plus, dtype.real(), ""))
        }
        Scalar::Complex(re, im) => {
            format!("({}{}j)", real(re, style.plus, dtype.real(), ""), real(im, true, dtype.real(), ""))
        }
        other => real(other.to_f64(), style.plus, dtype, ".0"),
    }
}

/// How many digits stand after the point.
#[derive(Clone, Copy)]
enum Digits {
    /// As few as tell the number from others of its dtype, and at most so many.
    Unique(usize),
    /// So many.
    Exact(usize),
}

/// A number taken apart.
struct Parts {
    sign: &'static str,
    whole: String,
    fraction: String,
    exponent: Option<i32>,
    /// It is infinite or no number.
    is_word: bool,
}

impl Parts {
    fn new(x: f64, text: &str, digits: Digits, exponent: Option<i32>) -> Parts {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = match digits {
            Digits::Unique(_) => fraction.trim_end_matches('0'),
            Digits::Exact(_) => fraction,
        };
        let sign = if x.is_sign_negative() { "-" } else { "" };
        Parts { sign, whole: whole.into(), fraction: fraction.into(), exponent, is_word: false }
    }

    fn nonfinite(x: f64) -> Parts {
        let sign = if x < 0.0 { "-" } else { "" };
        let whole = if x.is_nan() { "nan" } else { "inf" }.into();
        Parts { sign, whole, fraction: String::new(), exponent: None, is_word: true }
    }

    fn positional(x: f64, dtype: DType, digits: Digits) -> Parts {
        let count = match digits {
            Digits::Unique(most) => {
                let (unique, exponent) = shortest(x.abs(), dtype);
                let count = usize::try_from(unique.len() as i32 - 1 - exponent).unwrap_or(0);
                if exponent < 0 && count <= most {
                    let zeros = "0".repeat((-1 - exponent) as usize);
                    return Parts::new(x, &format!("0.{zeros}{unique}"), digits, None);
                }
                count.min(most)
            }
            Digits::Exact(count) => count,
        };
        Parts::new(x, &format!("{:.count$}", x.abs()), digits, None)
    }

    fn scientific(x: f64, dtype: DType, digits: Digits) -> Parts {
        let count = match digits {
            Digits::Unique(most) => {
                let (unique, exponent) = shortest(x.abs(), dtype);
                if unique.len() - 1 <= most {
                    let (first, rest) = unique.split_at(1);
                    return Parts::new(x, &format!("{first}.{rest}"), digits, Some(exponent));
                }
                most
            }
            Digits::Exact(count) => count,
        };
        let text = format!("{:.count$e}", x.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        Parts::new(x, mantissa, digits, Some(exponent.parse().unwrap_or(0)))
    }
}

/// The fewest significant digits that tell a positive number from all others of its dtype, and its decimal exponent.
fn shortest(x: f64, dtype: DType) -> (String, i32) {
    let reads_back = |text: &String| {
        text.parse().is_ok_and(|near| Literal::float(dtype, near).value().to_f64().to_bits() == x.to_bits())
    };
    let digits = match dtype {
        DType::F64 => format!("{x:e}"),
        DType::F32 => format!("{:e}", x as f32),
        // The narrow ones have no such method; five digits are enough for them. Above a power of two there is more room
        // than below it, so the next number up may do where the nearest does not.
        _ => (0..5)
            .find_map(|count| {
                let near = format!("{x:.count$e}");
                let unit = 10f64.powi(near.split_once('e')?.1.parse::<i32>().ok()? - count as i32);
                let next = format!("{:.count$e}", near.parse::<f64>().ok()? + unit);
                [near, next].into_iter().find(reads_back)
            })
            .unwrap_or_else(|| format!("{x:e}")),
    };
    let split = |text: &str| -> (String, i32) {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
    };
    let (fewest, exponent) = split(&digits);
    // Half-way between two numbers of so many digits NumPy takes the even one.
    let count = fewest.len() - 1;
    let even = format!("{x:.count$e}");
    if reads_back(&even) { split(&even) } else { (fewest, exponent) }
}
