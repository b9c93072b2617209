//! Cotangent as a shared library, for notebooks.
//!
//! Evcxr compiles each cell into a library of its own. If the cells linked Cotangent statically, each would have its own copy
//! of it, with its own client of XLA, and could not use the arrays of the cells before it. A shared library is loaded once.

pub use cotangent::*;
