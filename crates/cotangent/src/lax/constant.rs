//! Arrays that a program holds.

use crate::array::{Array, ArrayLike};
use crate::error::OrRaise;
use crate::ops::constant::Constant;
use crate::trace::frames::{bind1, tracing};

/// An array of known values as a constant of the program that is being traced, so that the compiler sees its elements: it
/// can leave out multiplications by zero and compute what depends on nothing else. Outside of a trace it is the array.
///
/// An array that a jitted function captures is an argument of its program, which serves for other values, too. A
/// constant is part of the program: one of other values is another program, which is compiled anew; and the compiler
/// reads every element. It pays for small tables that do not change.
///
/// # Panics
/// When the array is traced and has no value, as an argument of a jitted function.
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
