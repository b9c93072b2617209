//! The names of mapped axes, which are parameters of collectives.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The name of a mapped axis, as given to [`Vmap::axis_name`](crate::Vmap::axis_name).
///
/// ```
/// use cotangent::AxisName;
/// assert_eq!(AxisName::from("batch").to_string(), "batch");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AxisName(Arc<str>);

/// A set of axes of a mesh: those over which the parts of a value differ from device to device.
///
/// ```
/// use cotangent::extend::AxisSet;
/// assert!(AxisSet::from(["x".into()]).contains(&"x".into()));
/// ```
pub type AxisSet = BTreeSet<AxisName>;

impl From<&str> for AxisName {
    fn from(name: &str) -> AxisName {
        AxisName(name.into())
    }
}

impl From<String> for AxisName {
    fn from(name: String) -> AxisName {
        AxisName(name.into())
    }
}

impl From<&AxisName> for AxisName {
    fn from(name: &AxisName) -> AxisName {
        name.clone()
    }
}

impl fmt::Display for AxisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AxisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A name with the size of its axis, a parameter of collectives.
///
/// ```
/// use cotangent::extend::NamedAxis;
/// let axis = NamedAxis { name: "batch".into(), size: 3 };
/// assert_eq!(axis.to_string(), "batch");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedAxis {
    /// The name.
    pub name: AxisName,
    /// The number of elements along the axis.
    pub size: usize,
}

impl fmt::Display for NamedAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}
