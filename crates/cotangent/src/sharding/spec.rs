//! Partition specs: which axes of a mesh divide each dimension of an array.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::ir::axis::AxisName;

/// What divides one dimension of an array.
///
/// ```
/// use cotangent::{P, SpecEntry};
/// assert_eq!(P!("x", None).entries(), [SpecEntry::Axes(vec!["x".into()]), SpecEntry::Whole]);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum SpecEntry {
    /// Nothing: each device has the whole dimension.
    Whole,
    /// These axes of the mesh, of which the first varies slowest.
    Axes(Vec<AxisName>),
    /// Whatever the compiler chooses. Only [`with_sharding_constraint`](crate::lax::with_sharding_constraint) accepts
    /// it.
    Unconstrained,
}

impl From<&str> for SpecEntry {
    fn from(name: &str) -> SpecEntry {
        SpecEntry::Axes(vec![name.into()])
    }
}

impl From<String> for SpecEntry {
    fn from(name: String) -> SpecEntry {
        SpecEntry::Axes(vec![name.into()])
    }
}

impl From<&AxisName> for SpecEntry {
    fn from(name: &AxisName) -> SpecEntry {
        SpecEntry::Axes(vec![name.clone()])
    }
}

impl From<AxisName> for SpecEntry {
    fn from(name: AxisName) -> SpecEntry {
        SpecEntry::Axes(vec![name])
    }
}

impl SpecEntry {
    /// The axes that it names.
    pub(crate) fn axes(&self) -> &[AxisName] {
        match self {
            SpecEntry::Axes(axes) => axes,
            _ => &[],
        }
    }
}

impl fmt::Display for SpecEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecEntry::Whole => f.write_str("None"),
            SpecEntry::Unconstrained => f.write_str("UNCONSTRAINED"),
            SpecEntry::Axes(axes) => match axes.as_slice() {
                [] => f.write_str("None"),
                [one] => write!(f, "\"{one}\""),
                several => {
                    let names: Vec<String> = several.iter().map(|name| format!("\"{name}\"")).collect();
                    write!(f, "({})", names.join(", "))
                }
            },
        }
    }
}

/// Which axes of a mesh divide each dimension of an array; made by [`P!`](crate::P).
///
/// Dimensions beyond the last entry are whole, so `P!("x")` and `P!("x", None)` are equal.
///
/// ```
/// use cotangent::P;
/// assert_eq!(P!("x", None, ("y", "z")).to_string(), r#"P("x", None, ("y", "z"))"#);
/// assert_eq!(P!("x"), P!("x", None));
/// ```
#[derive(Clone, Default)]
pub struct PartitionSpec {
    entries: Vec<SpecEntry>,
}

impl PartitionSpec {
    /// Makes a spec of one entry for each dimension.
    ///
    /// ```
    /// use cotangent::{P, PartitionSpec, SpecEntry};
    /// assert_eq!(PartitionSpec::new(vec!["x".into(), SpecEntry::Whole]), P!("x", None));
    /// ```
    #[must_use]
    pub fn new(entries: Vec<SpecEntry>) -> PartitionSpec {
        PartitionSpec { entries }
    }

    /// Returns the entries, one for each of the first dimensions.
    ///
    /// ```
    /// use cotangent::P;
    /// assert_eq!(P!("x", None).entries().len(), 2);
    /// ```
    #[must_use]
    pub fn entries(&self) -> &[SpecEntry] {
        &self.entries
    }

    /// The entries without the whole dimensions at the end.
    fn trimmed(&self) -> &[SpecEntry] {
        let whole = |entry: &SpecEntry| matches!(entry, SpecEntry::Whole) || *entry == SpecEntry::Axes(Vec::new());
        let end = self.entries.iter().rposition(|entry| !whole(entry)).map_or(0, |last| last + 1);
        &self.entries[..end]
    }

    /// The axes that it names.
    pub(crate) fn axes(&self) -> impl Iterator<Item = &AxisName> {
        self.entries.iter().flat_map(SpecEntry::axes)
    }

    /// The entry of a dimension.
    pub(crate) fn entry(&self, dimension: usize) -> &SpecEntry {
        self.entries.get(dimension).unwrap_or(&SpecEntry::Whole)
    }

    /// The spec of arrays with a new dimension at `place`.
    pub(crate) fn inserted(&self, place: usize, entry: SpecEntry) -> PartitionSpec {
        let mut entries = self.entries.clone();
        entries.resize(entries.len().max(place), SpecEntry::Whole);
        entries.insert(place, entry);
        PartitionSpec { entries }
    }
}

impl PartialEq for PartitionSpec {
    fn eq(&self, other: &PartitionSpec) -> bool {
        self.trimmed() == other.trimmed()
    }
}

impl Eq for PartitionSpec {}

impl Hash for PartitionSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.trimmed().hash(state);
    }
}

impl fmt::Display for PartitionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> = self.entries.iter().map(SpecEntry::to_string).collect();
        write!(f, "P({})", entries.join(", "))
    }
}

impl fmt::Debug for PartitionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes a [`PartitionSpec`], which reads as in JAX: `P!("x", None, ("y", "z"))`.
///
/// Each entry says what divides a dimension of the array: an axis of the mesh by its name, `None`, or several axes in
/// parentheses. A name may also be a variable. `UNCONSTRAINED` leaves the dimension to the compiler.
///
/// ```
/// use cotangent::P;
/// let rows = "x";
/// assert_eq!(P!(rows, None, ("y", "z")).to_string(), r#"P("x", None, ("y", "z"))"#);
/// assert_eq!(P!().to_string(), "P()");
/// ```
#[macro_export]
macro_rules! P {
    (@entry None) => { $crate::SpecEntry::Whole };
    (@entry UNCONSTRAINED) => { $crate::SpecEntry::Unconstrained };
    (@entry ($($axis:expr),+ $(,)?)) => { $crate::SpecEntry::Axes(vec![$($crate::AxisName::from($axis)),+]) };
    (@entry $axis:expr) => { $crate::SpecEntry::from($axis) };
    ($($entry:tt),* $(,)?) => { $crate::PartitionSpec::new(vec![$($crate::P!(@entry $entry)),*]) };
}
