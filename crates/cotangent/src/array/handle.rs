//! Names of values that are not computed yet: variables of a frame.

use super::aval::Aval;

/// The id of a frame, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameId(pub(crate) u64);

impl FrameId {
    /// The frame of arrays of which only shape and dtype are known.
    pub(crate) const NONE: FrameId = FrameId(0);
}

/// A variable. Variables are dense in their jaxpr, so an environment is a `Vec` indexed by them.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// assert_eq!(program.jaxpr.inputs().len(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(pub(crate) u32);

impl Var {
    /// Its index in [`Jaxpr::avals`](crate::extend::Jaxpr::avals).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
    /// let x = program.jaxpr.inputs()[0];
    /// assert_eq!(program.jaxpr.avals()[x.index()].dtype, DType::F32);
    /// ```
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Traced {
    pub(crate) frame: FrameId,
    pub(crate) var: Var,
    pub(crate) aval: Aval,
}
