//! Messages with placeholders, which are filled in when a program runs.

use crate::array::Array;
use crate::error::Result;
use crate::methods::show;
use crate::methods::style::Style;

use super::misfit;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Value { index: usize, style: Style },
}

/// A parsed message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Parses a message. `{}` is the next value, `{0}` the first one, `{:?}` a value with its type, `{:.3}` a value
    /// with three digits after the point; `{{` is a brace.
    pub(crate) fn parse(message: &str, values: usize) -> Result<Template> {
        let (mut pieces, mut text, mut next) = (Vec::new(), String::new(), 0);
        let mut used = vec![false; values];
        let mut chars = message.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    text.push(c);
                }
                '{' => {
                    let inner: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    let (name, spec) = inner.split_once(':').unwrap_or((&inner, ""));
                    let index = match name {
                        "" => {
                            next += 1;
                            next - 1
                        }
                        _ => name.parse().map_err(|_| {
                            misfit(message, &format!("has the placeholder `{{{inner}}}`, which is not a number"))
                        })?,
                    };
                    let style = Style::parse(spec)
                        .ok_or_else(|| misfit(message, &format!("has the format `{spec}`, which is not supported")))?;
                    match used.get_mut(index) {
                        Some(used) => *used = true,
                        None => {
                            return Err(misfit(
                                message,
                                &format!("has a placeholder for value {index}, but the number of values is {values}"),
                            ));
                        }
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Value { index, style });
                }
                '}' => return Err(misfit(message, "has an unmatched `}`: write `}}`")),
                _ => text.push(c),
            }
        }
        if let Some(unused) = used.iter().position(|used| !used) {
            return Err(misfit(message, &format!("has no placeholder for value {unused}")));
        }
        pieces.push(Piece::Text(text));
        Ok(Template(pieces))
    }

    /// The message with its values.
    pub(crate) fn fill(&self, values: &[Array]) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                // Writing to a string cannot fail.
                Piece::Value { index, style } => _ = show::write(&values[*index], &mut filled, style),
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_order_or_by_number() {
        let values = [Array::scalar(1i32), Array::from([2.5f32, 3.0])];
        let fill = |message: &str| Template::parse(message, 2).unwrap().fill(&values);
        assert_eq!(fill("x = {}, y = {}"), "x = 1, y = [2.5 3. ]");
        assert_eq!(fill("{1} {0} {{}}"), "[2.5 3. ] 1 {}");
        assert_eq!(fill("{:>4} {:.2}"), "   1 [2.50 3.00]");
        assert_eq!(fill("{0:+} {1:_^8.1e} {1:06.2}"), "+1 [2.5e+00_ 3.0e+00_] [002.50 003.00]");
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (message, values, said) in [
            ("{} {}", 1, "placeholder for value 1, but the number of values is 1"),
            ("none", 1, "no placeholder for value 0"),
            ("{x}", 1, "not a number"),
            ("{:x}", 1, "not supported"),
            ("{:.}", 1, "not supported"),
            ("a } b", 0, "unmatched"),
        ] {
            let error = Template::parse(message, values).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
