//! Conversion between JSON and arrays.

use std::fmt;

use cotangent::{Array, Error, Result};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Parses an input.
///
/// # Errors
/// If it is not an input of the function.
pub(crate) fn parse<'a, T: Deserialize<'a>>(input: &'a RawValue) -> Result<T> {
    serde_json::from_str(input.get()).map_err(|error| Error::value(format!("the input is invalid: {error}")))
}

/// Returns an error if something does not have the shape that the rest of the input requires.
pub(crate) fn expect_shape(name: &str, got: &[usize], expected: &[usize]) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::shape(format!("`{name}` has shape {got:?}, but must have shape {expected:?}")))
}

/// A list of rows of numbers, all of one length, in row-major order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Matrix {
    data: Vec<f64>,
    shape: [usize; 2],
}

impl Matrix {
    /// The number of rows and of columns.
    pub(crate) fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// Converts it to an array.
    pub(crate) fn into_array(self) -> Result<Array> {
        Array::from_vec(self.data, self.shape)
    }
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Matrix, D::Error> {
        deserializer.deserialize_seq(Rows)
    }
}

struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = Matrix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Matrix, A::Error> {
        let mut matrix = Matrix::default();
        while let Some(columns) = rows.next_element_seed(Row(&mut matrix.data))? {
            let [count, first] = &mut matrix.shape;
            if *count == 0 {
                *first = columns;
            } else if columns != *first {
                return Err(de::Error::custom(format_args!(
                    "row {count} has {columns} numbers, but row 0 has {first}"
                )));
            }
            *count += 1;
        }
        Ok(matrix)
    }
}

/// Appends a row, and returns its length.
struct Row<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<usize, A::Error> {
        let before = self.0.len();
        while let Some(x) = numbers.next_element()? {
            self.0.push(x);
        }
        Ok(self.0.len() - before)
    }
}

/// A result that can be sent back.
pub(crate) trait Output: 'static {
    /// Its JSON, in the form of GradBench.
    ///
    /// # Errors
    /// If an array in it cannot be read.
    fn to_json(&self) -> Result<Value>;
}

/// A number, or nested lists with one level for each dimension.
impl Output for Array {
    fn to_json(&self) -> Result<Value> {
        let numbers = self.try_to_vec::<f64>()?;
        if let Some(x) = numbers.iter().find(|x| !x.is_finite()) {
            return Err(Error::value(format!("the result contains {x}, which JSON cannot represent")));
        }
        Ok(match self.shape() {
            [] => numbers[0].into(),
            shape => nested(&numbers, shape),
        })
    }
}

fn nested(data: &[f64], shape: &[usize]) -> Value {
    match shape {
        [] | [_] => data.into(),
        [n, rest @ ..] => {
            let size: usize = rest.iter().product();
            (0..*n).map(|i| nested(&data[i * size..(i + 1) * size], rest)).collect()
        }
    }
}
