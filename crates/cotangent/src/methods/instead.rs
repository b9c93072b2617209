//! Indexing with brackets, which arrays do not support. It is implemented for an index that does not exist, so that the
//! compiler says what to write instead.

use std::ops::Index;

use crate::array::Array;

/// An index in brackets. No type implements it: brackets return a reference, but a part of an array is a new array.
#[diagnostic::on_unimplemented(
    message = "an array cannot be indexed with brackets",
    label = "write `x.at(…).get()`",
    note = "`x.at(0).get()` is a row, `x.at((.., 1..3)).get()` some columns, `x.at(0).set(y)` the array with another row"
)]
pub trait Bracketed {
    /// Returns the part of the array.
    fn of(self, array: &Array) -> &Array;
}

#[doc(hidden)]
impl<I: Bracketed> Index<I> for Array {
    type Output = Array;
    fn index(&self, index: I) -> &Array {
        index.of(self)
    }
}
