//! Side effects of running a program.

use std::ops::BitOr;

/// The effects of a primitive or a program. Most have none.
///
/// ```
/// use cotangent::extend::Effects;
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// assert_eq!(program.jaxpr.effects(), Effects::NONE);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Effects {
    /// It calls a function of this process. So it cannot be stored on disk, and the call waits for its errors.
    pub host: bool,
    /// It must run exactly as often and in the order that the program says, whether or not its results are used.
    pub kept: bool,
    /// It checks a value, which is only meaningful inside `checkify`.
    pub check: bool,
    /// It runs on the devices of a mesh.
    pub mesh: bool,
}

impl Effects {
    /// No effects.
    pub const NONE: Effects = Effects { host: false, kept: false, check: false, mesh: false };
    /// A call of a host function without side effects, which may be omitted.
    pub const HOST: Effects = Effects { host: true, ..Effects::NONE };
    /// A call of a host function with side effects.
    pub const IO: Effects = Effects { host: true, kept: true, ..Effects::NONE };
    /// A check.
    pub const CHECK: Effects = Effects { kept: true, check: true, ..Effects::NONE };
    /// A computation on the devices of a mesh.
    pub const MESH: Effects = Effects { mesh: true, ..Effects::NONE };
}

impl BitOr for Effects {
    type Output = Effects;
    fn bitor(self, other: Effects) -> Effects {
        Effects {
            host: self.host | other.host,
            kept: self.kept | other.kept,
            check: self.check | other.check,
            mesh: self.mesh | other.mesh,
        }
    }
}

impl FromIterator<Effects> for Effects {
    fn from_iter<I: IntoIterator<Item = Effects>>(iter: I) -> Effects {
        iter.into_iter().fold(Effects::NONE, BitOr::bitor)
    }
}
