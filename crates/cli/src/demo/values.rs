//! The values of arrays, for a notebook's output.

use cotangent::{Array, DType};
use serde_json::Value;

/// An array as JSON: a scalar as a number or a boolean, and any other array as nested lists.
pub(super) fn shown(x: &Array) -> Value {
    let elements: Vec<Value> = match x.dtype() {
        DType::Bool => x.to_vec::<bool>().into_iter().map(Value::from).collect(),
        dtype if dtype.is_integer() => x.to_vec::<i64>().into_iter().map(Value::from).collect(),
        _ => x.to_vec::<f64>().into_iter().map(Value::from).collect(),
    };
    nested(&mut elements.into_iter(), x.shape())
}

/// Lists of the given sizes, filled in row-major order.
fn nested(elements: &mut impl Iterator<Item = Value>, shape: &[usize]) -> Value {
    match shape {
        [] => elements.next().unwrap_or(Value::Null),
        [size, rest @ ..] => (0..*size).map(|_| nested(elements, rest)).collect(),
    }
}

/// The value of each array.
pub(super) fn all<'a>(arrays: impl IntoIterator<Item = &'a Array>) -> Value {
    arrays.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arrays_become_nested_lists() {
        assert_eq!(shown(&Array::from(1.5)), json!(1.5));
        assert_eq!(shown(&Array::from([[1, 2], [3, 4]])), json!([[1, 2], [3, 4]]));
        assert_eq!(all(&[Array::from(true), Array::from([0.5f32])]), json!([true, [0.5]]));
    }
}
