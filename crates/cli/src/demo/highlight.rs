//! Rust code as HTML, with its words in classes.

/// Text as HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "false", "fn", "for", "if",
    "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "static", "struct",
    "super", "trait", "true", "type", "unsafe", "use", "where", "while",
];

/// The length in bytes of the first token of a text that is not empty, and its class.
fn token(text: &str) -> (usize, &'static str) {
    let mut chars = text.chars();
    let first = chars.next().unwrap_or(' ');
    let next = chars.next().unwrap_or(' ');
    let span = |inside: &dyn Fn(char) -> bool| text.find(|c| !inside(c)).unwrap_or(text.len());
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if text.starts_with("//") {
        return (text.find('\n').unwrap_or(text.len()), "c");
    }
    if text.starts_with("#[") {
        return (text.find(']').map_or(text.len(), |end| end + 1), "a");
    }
    if first == '"' {
        return (quoted(text, 1, '"'), "s");
    }
    if first == '\'' {
        let lifetime = word(next) && !text[1 + next.len_utf8()..].starts_with('\'');
        return match lifetime {
            true => (1 + text[1..].find(|c| !word(c)).unwrap_or(text.len() - 1), "l"),
            false => (quoted(text, 1, '\''), "s"),
        };
    }
    if first.is_ascii_digit() {
        let whole = span(&word);
        let fraction = text[whole..].strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let end = fraction.map_or(whole, |rest| whole + 1 + rest.find(|c| !word(c)).unwrap_or(rest.len()));
        return (end, "n");
    }
    if first.is_alphabetic() || first == '_' {
        let end = span(&word);
        let (name, after) = text.split_at(end);
        let class = match after {
            _ if KEYWORDS.contains(&name) => "k",
            after if after.starts_with('!') && !after.starts_with("!=") => return (end + 1, "m"),
            _ if first.is_uppercase() => "t",
            after if after.starts_with('(') => "f",
            _ => "",
        };
        return (end, class);
    }
    (first.len_utf8(), "")
}

/// The end of a literal that is closed by a quote.
fn quoted(text: &str, start: usize, quote: char) -> usize {
    let mut escape = false;
    for (i, c) in text.char_indices().skip_while(|(i, _)| *i < start) {
        match c {
            _ if escape => escape = false,
            '\\' => escape = true,
            c if c == quote => return i + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Rust code as HTML.
pub(super) fn rust(code: &str) -> String {
    let (mut rest, mut html) = (code, String::with_capacity(code.len() * 2));
    while !rest.is_empty() {
        let (length, class) = token(rest);
        let text = escaped(&rest[..length]);
        match class {
            "" => html.push_str(&text),
            class => html.push_str(&format!("<span class=\"{class}\">{text}</span>")),
        }
        rest = &rest[length..];
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_classes() {
        let cases = [
            (
                "let x = f(1.5);",
                "<span class=\"k\">let</span> x = <span class=\"f\">f</span>(<span class=\"n\">1.5</span>);",
            ),
            ("3.0.into()", "<span class=\"n\">3.0</span>.<span class=\"f\">into</span>()"),
            ("0..n", "<span class=\"n\">0</span>..n"),
            ("// a < b\nvec![]", "<span class=\"c\">// a &lt; b</span>\n<span class=\"m\">vec!</span>[]"),
            ("&'a Array", "&amp;<span class=\"l\">'a</span> <span class=\"t\">Array</span>"),
            (
                "\"a \\\" b\" 'x' '\\''",
                "<span class=\"s\">&quot;a \\&quot; b&quot;</span> <span class=\"s\">'x'</span> <span class=\"s\">'\\''</span>",
            ),
            ("#[derive(Tree)]", "<span class=\"a\">#[derive(Tree)]</span>"),
            ("a != σ", "a != σ"),
            ("\"open", "<span class=\"s\">&quot;open</span>"),
        ];
        for (code, html) in cases {
            assert_eq!(rust(code), html);
        }
    }

    #[test]
    fn nothing_is_lost() {
        let source = include_str!("optimized_learning/mod.rs");
        let mut text = rust(source);
        while let (Some(start), Some(end)) = (text.find("<"), text.find(">")) {
            text.replace_range(start..=end, "");
        }
        let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        assert_eq!(plain, source);
    }
}
