//! Tokens.

use std::borrow::Cow;
use std::sync::Arc;

use super::{MAX_DEPTH, Place, ReadError, Result, Text};

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.')
}

/// A word of `#…`, `!…`, `%…` and `@…`.
fn is_suffix(b: u8) -> bool {
    is_word(b) || b == b'-'
}

impl<'a> Text<'a> {
    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        self.error_at(self.pos, message)
    }

    pub(super) fn error_at<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        Err(ReadError::new(message, Place::Byte(at)))
    }

    /// Fails with what was expected, and what is there instead.
    pub(super) fn expected<T>(&self, what: &str) -> Result<T> {
        let rest = &self.src[self.pos..];
        let end = rest.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(rest.len()).clamp(1.min(rest.len()), 40);
        match rest.is_empty() {
            true => self.error(format!("expected {what}, but the text ends")),
            false => self.error(format!("expected {what}, not `{}`", String::from_utf8_lossy(&rest[..end]))),
        }
    }

    /// Runs `f` one level deeper.
    pub(super) fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return self.error(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    pub(super) fn space(&mut self) {
        while let Some(&b) = self.src.get(self.pos) {
            match b {
                b' ' | b'\n' | b'\t' | b'\r' => self.pos += 1,
                b'/' if self.src.get(self.pos + 1) == Some(&b'/') => {
                    let rest = &self.src[self.pos..];
                    self.pos += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    /// The next byte that is not space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.src.get(self.pos).copied()
    }

    /// Whether the next token starts with `token`, which is then skipped. A word must not go on.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        self.space();
        let rest = &self.src[self.pos..];
        let found = rest.starts_with(token.as_bytes())
            && !(token.bytes().all(is_word) && rest.get(token.len()).is_some_and(|&b| is_word(b)));
        if found {
            self.pos += token.len();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &str) -> Result<()> {
        if self.eat(token) { Ok(()) } else { self.expected(&format!("`{token}`")) }
    }

    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { self.expected("the end") }
    }

    fn while_(&mut self, f: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.src[self.pos..];
        let end = rest.iter().position(|&b| !f(b)).unwrap_or(rest.len());
        self.pos += end;
        &rest[..end]
    }

    /// A word, if one follows: letters, digits, `_`, `$` and `.`, not starting with a digit.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        match self.peek() {
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => Some(ascii(self.while_(is_word))),
            _ => None,
        }
    }

    pub(super) fn expect_word(&mut self, what: &str) -> Result<&'a str> {
        match self.word() {
            Some(word) => Ok(word),
            None => self.expected(what),
        }
    }

    /// What follows `#`, `!`, `%` or `@`.
    pub(super) fn suffix(&mut self) -> Result<&'a [u8]> {
        let word = self.while_(is_suffix);
        if word.is_empty() { self.expected("a name") } else { Ok(word) }
    }

    /// Whether a string follows.
    pub(super) fn at_string(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// A quoted string.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>> {
        self.expect("\"")?;
        let start = self.pos;
        let rest = &self.src[start..];
        let Some(end) = rest.iter().position(|&b| matches!(b, b'"' | b'\\' | b'\n')) else {
            return self.error_at(start - 1, "a string without an end");
        };
        if rest[end] == b'"' {
            self.pos += end + 1;
            return Ok(Cow::Borrowed(&rest[..end]));
        }
        let mut out = rest[..end].to_vec();
        self.pos += end;
        loop {
            let hex = |at: usize| self.src.get(at).and_then(|&b| (b as char).to_digit(16)).map(|d| d as u8);
            match self.src.get(self.pos) {
                None | Some(b'\n') => return self.error_at(start - 1, "a string without an end"),
                Some(b'"') => break,
                Some(b'\\') => {
                    let (byte, len) = match self.src.get(self.pos + 1) {
                        Some(b'n') => (b'\n', 2),
                        Some(b't') => (b'\t', 2),
                        Some(&b @ (b'"' | b'\\')) => (b, 2),
                        _ => match (hex(self.pos + 1), hex(self.pos + 2)) {
                            (Some(high), Some(low)) => (16 * high + low, 3),
                            _ => return self.error("an escape in a string is \\\\, \\\", \\n, \\t or two hex digits"),
                        },
                    };
                    out.push(byte);
                    self.pos += len;
                }
                Some(&b) => {
                    out.push(b);
                    self.pos += 1;
                }
            }
        }
        self.pos += 1;
        Ok(Cow::Owned(out))
    }

    /// A string that is a name.
    pub(super) fn string_name(&mut self) -> Result<Arc<str>> {
        let at = self.pos;
        match self.string()? {
            Cow::Borrowed(bytes) => self.intern(bytes, at),
            Cow::Owned(bytes) => match String::from_utf8(bytes) {
                Ok(s) => Ok(s.into()),
                Err(_) => self.error_at(at, "a name that is not UTF-8"),
            },
        }
    }

    fn intern(&mut self, name: &'a [u8], at: usize) -> Result<Arc<str>> {
        if let Some(known) = self.names.get(name) {
            return Ok(known.clone());
        }
        let Ok(text) = std::str::from_utf8(name) else { return self.error_at(at, "a name that is not UTF-8") };
        let new: Arc<str> = text.into();
        self.names.insert(name, new.clone());
        Ok(new)
    }

    /// A shared copy of a word.
    pub(super) fn name(&mut self, word: &'a str) -> Arc<str> {
        if let Some(known) = self.names.get(word.as_bytes()) {
            return known.clone();
        }
        let new: Arc<str> = word.into();
        self.names.insert(word.as_bytes(), new.clone());
        new
    }

    /// `@name` or `@"name"`, and `@a::@b`.
    pub(super) fn symbol(&mut self) -> Result<Arc<str>> {
        self.expect("@")?;
        let name = if self.src.get(self.pos) == Some(&b'"') {
            self.string_name()?
        } else {
            let at = self.pos;
            let word = self.suffix()?;
            self.intern(word, at)?
        };
        if !self.eat("::") {
            return Ok(name);
        }
        let mut all = name.to_string();
        loop {
            self.expect("@")?;
            let part = if self.at_string() { self.string_name()? } else { ascii(self.suffix()?).into() };
            all.push_str("::@");
            all.push_str(&part);
            if !self.eat("::") {
                return Ok(all.into());
            }
        }
    }

    /// An integer, decimal or hexadecimal, of up to 64 bits; of an unsigned one, the bits.
    pub(super) fn integer(&mut self) -> Result<i64> {
        let at = {
            self.space();
            self.pos
        };
        let negative = self.eat("-");
        let rest = &self.src[self.pos..];
        let magnitude = if rest.starts_with(b"0x") && rest.get(2).is_some_and(u8::is_ascii_hexdigit) {
            self.pos += 2;
            let digits = self.while_(|b| b.is_ascii_hexdigit());
            u64::from_str_radix(ascii(digits), 16).ok()
        } else {
            let digits = self.while_(|b| b.is_ascii_digit());
            if digits.is_empty() {
                self.pos = at;
                return self.expected("an integer");
            }
            digits.iter().try_fold(0u64, |n, &d| n.checked_mul(10)?.checked_add((d - b'0').into()))
        };
        match magnitude {
            Some(n) if !negative => Ok(n as i64),
            Some(n) if n <= 1 << 63 => Ok((n as i64).wrapping_neg()),
            _ => self.error_at(at, "an integer of more than 64 bits"),
        }
    }

    /// A decimal number with a point; its text.
    pub(super) fn decimal(&mut self) -> &'a str {
        self.space();
        let start = self.pos;
        self.eat("-");
        self.while_(|b| b.is_ascii_digit());
        if self.src.get(self.pos) == Some(&b'.') {
            self.pos += 1;
            self.while_(|b| b.is_ascii_digit());
            if matches!(self.src.get(self.pos), Some(b'e' | b'E')) {
                self.pos += 1;
                if matches!(self.src.get(self.pos), Some(b'+' | b'-')) {
                    self.pos += 1;
                }
                self.while_(|b| b.is_ascii_digit());
            }
        }
        ascii(&self.src[start..self.pos])
    }

    /// Items with commas between them, up to `close`.
    pub(super) fn list(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if self.eat(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.eat(close) {
                return Ok(());
            }
            if !self.eat(",") {
                return self.expected(&format!("`,` or `{close}`"));
            }
        }
    }

    /// Skips what is inside a bracket, the closing bracket too; it has already seen the opening one. Returns the text.
    pub(super) fn balanced(&mut self) -> Result<&'a str> {
        let start = self.pos - 1;
        let mut open = vec![self.src[start]];
        while let Some(&last) = open.last() {
            let Some(&b) = self.src.get(self.pos) else {
                return self.error_at(start, "a bracket that nothing closes");
            };
            match b {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'-' if self.src.get(self.pos + 1) == Some(&b'>') => self.pos += 1,
                b'<' | b'(' | b'[' | b'{' => open.push(b),
                b'>' | b')' | b']' | b'}' => {
                    let matches = matches!((last, b), (b'<', b'>') | (b'(', b')') | (b'[', b']') | (b'{', b'}'));
                    if !matches {
                        return self.error("a bracket that does not match the opening one");
                    }
                    open.pop();
                }
                _ => {}
            }
            self.pos += 1;
        }
        // The source is UTF-8 and brackets are ASCII.
        std::str::from_utf8(&self.src[start..self.pos]).or_else(|_| self.error("text that is not UTF-8"))
    }
}

/// The text of bytes that are all ASCII.
pub(super) fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
