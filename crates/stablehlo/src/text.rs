//! Appending numbers, quoted strings and identifiers to a `String`.

/// Appends a decimal number without going through `fmt`.
#[inline]
pub(crate) fn push_u64(out: &mut String, mut n: u64) {
    if n < 10 {
        out.push((b'0' + n as u8) as char);
        return;
    }
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    while n > 0 {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

pub(crate) fn push_i64(out: &mut String, n: i64) {
    if n < 0 {
        out.push('-');
    }
    push_u64(out, n.unsigned_abs());
}

/// Appends the name of a value, `%12`.
#[inline]
pub(crate) fn push_id(out: &mut String, id: u32) {
    out.push('%');
    push_u64(out, id.into());
}

pub(crate) fn push_hex_byte(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push(HEX[usize::from(byte >> 4)] as char);
    out.push(HEX[usize::from(byte & 15)] as char);
}

/// Appends a string literal: MLIR knows `\\`, `\"`, and `\XX` for any byte.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    push_quoted_bytes(out, text.as_bytes());
}

pub(crate) fn push_quoted_bytes(out: &mut String, text: &[u8]) {
    out.push('"');
    for &byte in text {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\22"),
            b' '..=b'~' => out.push(byte as char),
            _ => {
                out.push('\\');
                push_hex_byte(out, byte);
            }
        }
    }
    out.push('"');
}

/// Appends an identifier bare if MLIR's `bare-id` allows it, else quoted.
pub(crate) fn push_identifier(out: &mut String, name: &str) {
    let mut bytes = name.bytes();
    let bare = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.'));
    if bare {
        out.push_str(name);
    } else {
        push_quoted(out, name);
    }
}

pub(crate) fn push_symbol(out: &mut String, name: &str) {
    out.push('@');
    push_identifier(out, name);
}

/// Appends `items` with `", "` between them.
pub(crate) fn push_list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut String, T)) {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        push(out, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(push: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        push(&mut out);
        out
    }

    #[test]
    fn numbers() {
        for n in [0, 1, 9, 10, 99, 100, 1234567890, u64::MAX] {
            assert_eq!(written(|o| push_u64(o, n)), n.to_string());
        }
        for n in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(written(|o| push_i64(o, n)), n.to_string());
        }
    }

    #[test]
    fn strings_are_escaped() {
        let text = written(|o| push_quoted(o, "a\\b\"c\n\té\0~ "));
        assert_eq!(text, r#""a\\b\22c\0A\09\C3\A9\00~ ""#);
    }

    #[test]
    fn identifiers_are_quoted_when_they_must_be() {
        assert_eq!(written(|o| push_symbol(o, "_f.1$x")), "@_f.1$x");
        assert_eq!(written(|o| push_symbol(o, "1f")), "@\"1f\"");
        assert_eq!(written(|o| push_symbol(o, "<lambda>")), "@\"<lambda>\"");
        assert_eq!(written(|o| push_symbol(o, "")), "@\"\"");
    }
}
