//! Nested lists of numbers.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// The body of a request: `{"input": […]}`, lists of the model's shape.
pub(crate) fn input(body: &[u8], shape: &[usize]) -> Result<Vec<f32>, String> {
    let mut row = Vec::with_capacity(shape.iter().product());
    let mut json = serde_json::Deserializer::from_slice(body);
    let request = Request { shape, row: &mut row };
    request.deserialize(&mut json).and_then(|()| json.end()).map_err(|e| e.to_string())?;
    Ok(row)
}

/// Nested lists, as JSON.
pub(crate) fn nested(out: &mut String, values: &[f32], shape: &[usize]) {
    use fmt::Write;
    match shape {
        // Infinite numbers and NaN are `null`, as JSON has no word for them.
        [] => match values.first().filter(|x| x.is_finite()) {
            Some(x) => write!(out, "{x}").unwrap_or_default(),
            None => out.push_str("null"),
        },
        [n, inner @ ..] => {
            out.push('[');
            let width: usize = inner.iter().product();
            for i in 0..*n {
                out.push_str(if i > 0 { "," } else { "" });
                nested(out, &values[i * width..(i + 1) * width], inner);
            }
            out.push(']');
        }
    }
}

struct Request<'a> {
    shape: &'a [usize],
    row: &'a mut Vec<f32>,
}

impl<'de> DeserializeSeed<'de> for Request<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Request<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the field `input`")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if key != "input" {
                return Err(A::Error::unknown_field(&key, &["input"]));
            }
            if !self.row.is_empty() {
                return Err(A::Error::duplicate_field("input"));
            }
            map.next_value_seed(Lists { shape: self.shape, all: self.shape, row: self.row })?;
        }
        if self.row.len() == self.shape.iter().product::<usize>() {
            Ok(())
        } else {
            Err(A::Error::missing_field("input"))
        }
    }
}

/// Lists of the lengths `shape`, inside those of the lengths `all`.
struct Lists<'a> {
    shape: &'a [usize],
    all: &'a [usize],
    row: &'a mut Vec<f32>,
}

impl Lists<'_> {
    fn number<E: Error>(self, x: f64) -> Result<(), E> {
        if !self.shape.is_empty() {
            return Err(E::invalid_type(serde::de::Unexpected::Float(x), &self));
        }
        if !(x as f32).is_finite() {
            return Err(E::custom(format_args!("{x} is too large for f32")));
        }
        self.row.push(x as f32);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Lists<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lists<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            [] => f.write_str("a number")?,
            [n, ..] => write!(f, "a list of {n} elements")?,
        }
        write!(f, ": the shape of `input` is {:?}", self.all)
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<(), E> {
        self.number(x)
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<(), E> {
        self.number(x as f64)
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<(), E> {
        self.number(x as f64)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let [n, inner @ ..] = self.shape else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        };
        for i in 0..*n {
            let element = Lists { shape: inner, all: self.all, row: &mut *self.row };
            if list.next_element_seed(element)?.is_none() {
                return Err(A::Error::invalid_length(i, &self));
            }
        }
        match list.next_element::<serde::de::IgnoredAny>()? {
            Some(_) => Err(A::Error::invalid_length(n + 1, &self)),
            None => Ok(()),
        }
    }
}
