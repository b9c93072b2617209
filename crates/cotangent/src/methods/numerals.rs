//! Formats numbers as NumPy does, as scalars and in columns.

use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar, python};

use super::style::Style;

/// The default number of digits after the decimal point.
const PRECISION: usize = 8;

/// Formats elements as strings of equal length.
pub(super) fn words(values: &[Scalar], dtype: DType, style: &Style, alone: bool) -> Vec<String> {
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

/// Formats real numbers as strings of equal length, with their decimal points aligned.
fn floats(values: &[f64], dtype: DType, style: &Style, plus: bool, alone: bool) -> Vec<String> {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let digits = style.precision.map_or(Digits::Unique(PRECISION), Digits::Exact);
    let exponents = style.exponent.is_some() || style.is_free() && spread(finite(), dtype);
    let digits = match digits {
        // Every number has as many digits as the one that needs the most.
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

/// Returns whether to use exponents: some magnitudes are very large or very small, or they differ by a large factor.
fn spread(values: impl Iterator<Item = f64>, dtype: DType) -> bool {
    let (least, greatest) = (values.map(f64::abs).filter(|x| *x != 0.0))
        .fold((f64::INFINITY, 0.0), |(least, greatest): (f64, f64), x| (least.min(x), greatest.max(x)));
    // Values are compared after rounding to the dtype: its 0.0001 is not less than 0.0001.
    let rounded = |x: f64| Literal::float(dtype, x).value().to_f64();
    greatest > 0.0
        && (greatest >= largest(dtype).min(1e8) || least < rounded(1e-4) || rounded(greatest / least) > 1000.0)
}

/// Returns the magnitude from which a number has more digits before the decimal point than the dtype can distinguish.
fn largest(dtype: DType) -> f64 {
    match dtype {
        DType::F16 | DType::BF16 => 1e3,
        DType::F32 => 1e6,
        _ => 1e16,
    }
}

/// Formats a scalar, with all its digits.
pub(super) fn scalar(value: Scalar, dtype: DType, style: &Style) -> String {
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

/// The number of digits after the decimal point.
#[derive(Clone, Copy)]
enum Digits {
    /// The fewest that distinguish the number from all others of its dtype, up to a maximum.
    Unique(usize),
    /// A fixed number of digits.
    Exact(usize),
}

/// The parts of a formatted number.
struct Parts {
    sign: &'static str,
    whole: String,
    fraction: String,
    exponent: Option<i32>,
    /// Whether the number is infinite or NaN, and so written as a word.
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

/// Returns the fewest significant digits that distinguish a positive number from all others of its dtype, and its
/// decimal exponent.
fn shortest(x: f64, dtype: DType) -> (String, i32) {
    let reads_back = |text: &String| {
        text.parse().is_ok_and(|near| Literal::float(dtype, near).value().to_f64().to_bits() == x.to_bits())
    };
    let digits = match dtype {
        DType::F64 => format!("{x:e}"),
        DType::F32 => format!("{:e}", x as f32),
        // The narrower dtypes have no shortest formatting of their own; five digits are enough for them. Above a power
        // of two the spacing of the numbers is wider than below it, so the next larger decimal may round to `x` where
        // the nearest one does not.
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
    // NumPy rounds a tie between two numbers of this many digits to even.
    let count = fewest.len() - 1;
    let even = format!("{x:.count$e}");
    if reads_back(&even) { split(&even) } else { (fewest, exponent) }
}
