//! Arrays that are part of a program.

use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::ops::constant::Constant;
use crate::trace::frames::{bind1, tracing};

/// Returns an array of known values as a constant of the program that is being traced. Outside a trace, it returns the
/// array unchanged.
///
/// The compiler sees the elements of a constant: it can remove multiplications by zero, and compute in advance what
/// depends on nothing else. In contrast, an array that a jitted function captures is an argument of its program, and
/// the same program serves for other values. A constant with other values makes another program, which is compiled
/// again, and the compiler reads every element. Constants pay off for small tables that do not change.
///
/// # Panics
/// If the array is traced and has no value, like an argument of a jitted function.
///
/// ```
/// use cotangent::prelude::*;
/// let table = Array::from([0.0f32, 1.0, 0.0, 2.0]);
/// let f = |x: &Array| x * lax::constant(&table);
/// assert_eq!(jit(f)(&3.0.into()).to_vec::<f32>(), [0.0, 3.0, 0.0, 6.0]);
/// assert!(make_jaxpr(f)(&3.0.into()).captures.is_empty());
/// ```
#[track_caller]
pub fn constant(x: impl ArrayLike) -> Array {
    let x = x.to_array();
    if !tracing() {
        return x;
    }
    let x = x.concrete().map_err(|e| e.context("constant")).or_raise();
    if x.ndim() == 0 {
        return Array::literal(x.to_literal().or_raise());
    }
    bind1(Constant::of(&x), &[])
}
