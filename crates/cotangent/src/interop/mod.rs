//! Conversions from and to the types of other crates, each behind a feature of the crate's name. Nothing else in the
//! library uses them.

#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(feature = "serde")]
mod serde;
