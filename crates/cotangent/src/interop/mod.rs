//! Conversions from and to the types of other crates, and what notebooks show, each behind a feature named like the crate. Not
//! here: anything that another part of the library uses.

#[cfg(feature = "evcxr")]
pub(crate) mod evcxr;
#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(feature = "serde")]
mod serde;
