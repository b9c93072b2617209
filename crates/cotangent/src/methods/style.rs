//! The options of a format string.

use std::fmt;

/// The options after the colon of a placeholder, such as `{:>+12.3e}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Style {
    pub(super) debug: bool,
    /// The letter that introduces the exponent, if exponents are requested.
    pub(super) exponent: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) plus: bool,
    pub(super) zeros: bool,
    pub(super) width: usize,
    pub(super) fill: char,
    pub(super) align: Option<char>,
}

/// The options of `{}`.
impl Default for Style {
    fn default() -> Style {
        Style {
            debug: false,
            exponent: None,
            precision: None,
            plus: false,
            zeros: false,
            width: 0,
            fill: ' ',
            align: None,
        }
    }
}

impl Style {
    /// Returns the options of a Rust formatter. The trait in use determines `debug` and `exponent`.
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

    /// Parses `[[fill]align][+][#][0][width][.precision][?
    /// e
    /// E]`, Rust's own grammar. Returns `None` for anything else.
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

    /// Returns whether the number of digits is left to NumPy's rules.
    pub(super) fn is_free(&self) -> bool {
        self.exponent.is_none() && self.precision.is_none()
    }

    /// Pads a formatted element to the requested width.
    pub(super) fn pad(&self, word: String) -> String {
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
