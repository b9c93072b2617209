//! Named shardings: a mesh and a partition spec.

use std::fmt;
use std::ops::Range;

use super::mesh::Mesh;
use super::spec::{PartitionSpec, SpecEntry};
use crate::array::aval::{Aval, Shape};
use crate::error::{Error, ErrorKind, OrRaise, Result};
use crate::ir::axis::AxisName;
use crate::ir::partition::{Division, Layout};

/// How an array is laid out over a mesh: which axes of the mesh divide each of its dimensions. Over the axes that the
/// spec does not name, the array is copied.
///
/// ```
/// use cotangent::{Device, Mesh, NamedSharding, P};
/// let devices: Vec<Device> = (0..8).map(Device::cpu).collect();
/// let mesh = Mesh::new(&devices, [("x", 2), ("y", 4)]);
/// let sharding = NamedSharding::new(&mesh, P!("y", None));
/// // Each device has two of the eight rows, and each row is on two devices.
/// assert_eq!(sharding.shard_shape(&[8, 3]).unwrap().to_vec(), [2, 3]);
/// assert_eq!(sharding.to_string(), r#"NamedSharding(Mesh(x: 2, y: 4), P("y", None))"#);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NamedSharding {
    mesh: Mesh,
    spec: PartitionSpec,
}

/// The part of an array that one device holds: its range of indices along each dimension.
pub(crate) type Part = Vec<Range<usize>>;

/// The tile of each device, and the number of tiles, along each dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tiles {
    pub(crate) counts: Vec<usize>,
    pub(crate) places: Vec<Vec<usize>>,
}

impl NamedSharding {
    /// Makes a sharding over a mesh.
    ///
    /// # Panics
    /// If the spec names an axis that the mesh does not have, or one axis twice. [`try_new`](NamedSharding::try_new)
    /// returns an error instead.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let mesh = Mesh::new(&[Device::cpu(0), Device::cpu(1)], [("x", 2)]);
    /// assert_eq!(*NamedSharding::new(&mesh, P!("x")).spec(), P!("x"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn new(mesh: &Mesh, spec: PartitionSpec) -> NamedSharding {
        NamedSharding::try_new(mesh, spec).or_raise()
    }

    /// [`new`](NamedSharding::new), which returns an error where that one panics.
    ///
    /// # Errors
    /// As the panics of [`new`](NamedSharding::new).
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let mesh = Mesh::new(&[Device::cpu(0)], [("x", 1)]);
    /// let error = NamedSharding::try_new(&mesh, P!("rows")).unwrap_err();
    /// assert!(error.to_string().contains("`rows`"));
    /// ```
    pub fn try_new(mesh: &Mesh, spec: PartitionSpec) -> Result<NamedSharding> {
        let names: Vec<&AxisName> = spec.axes().collect();
        if let Some(name) = names.iter().find(|name| mesh.axis_size(**name).is_none()) {
            return Err(Error::new(
                ErrorKind::Axis,
                format!("{spec} names the axis `{name}`, which {mesh} does not have"),
            )
            .help("the names of a spec are those of the mesh's axes"));
        }
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(Error::new(ErrorKind::Axis, format!("{spec} names the axis `{name}` twice")).help(
                "an axis of a mesh divides one dimension of an array; to divide one dimension over two axes, put \
                       both in one entry",
            ));
        }
        Ok(NamedSharding { mesh: mesh.clone(), spec })
    }

    /// Returns the mesh.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let mesh = Mesh::new(&[Device::cpu(0)], [("x", 1)]);
    /// assert_eq!(*NamedSharding::new(&mesh, P!()).mesh(), mesh);
    /// ```
    #[must_use]
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Returns the spec.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let mesh = Mesh::new(&[Device::cpu(0)], [("x", 1)]);
    /// assert_eq!(*NamedSharding::new(&mesh, P!("x")).spec(), P!("x"));
    /// ```
    #[must_use]
    pub fn spec(&self) -> &PartitionSpec {
        &self.spec
    }

    /// Returns the shape of the part of an array that one device holds.
    ///
    /// # Errors
    /// If the array has fewer dimensions than the spec has entries, or a dimension is not a multiple of the number of
    /// parts.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let mesh = Mesh::new(&[Device::cpu(0), Device::cpu(1)], [("x", 2)]);
    /// let sharding = NamedSharding::new(&mesh, P!(None, "x"));
    /// assert_eq!(sharding.shard_shape(&[3, 4]).unwrap().to_vec(), [3, 2]);
    /// assert!(sharding.shard_shape(&[3, 5]).is_err());
    /// assert!(sharding.shard_shape(&[4]).is_err());
    /// ```
    pub fn shard_shape(&self, shape: &[usize]) -> Result<Shape> {
        let whole = Shape::new(shape);
        if self.spec.entries().len() > shape.len() {
            return Err(Error::shape(format!(
                "{} has {} entries, but the shape {whole} has {} dimensions",
                self.spec,
                self.spec.entries().len(),
                shape.len()
            ))
            .help("a spec has at most one entry for each dimension"));
        }
        (shape.iter().enumerate())
            .map(|(d, size)| {
                let parts = self.parts(d);
                if !size.is_multiple_of(parts) {
                    return Err(Error::shape(format!(
                        "dimension {d} of {whole} cannot be divided into {parts} parts, over {} of {}",
                        self.spec.entry(d),
                        self.mesh
                    ))
                    .help(
                        "a dimension is a multiple of the product of the axes that divide it; pad the array, or \
                           leave this dimension whole",
                    ));
                }
                Ok(size / parts)
            })
            .collect::<Result<Vec<usize>>>()
            .map(|shape| Shape::new(&shape))
    }

    /// Checks that it can lay out values of this type.
    pub(crate) fn check(&self, aval: &Aval) -> Result<()> {
        if self.spec.entries().contains(&SpecEntry::Unconstrained) {
            return Err(Error::value(format!(
                "{} leaves a dimension to the compiler, but an array has one layout",
                self.spec
            ))
            .help("`UNCONSTRAINED` is for `with_sharding_constraint`"));
        }
        self.shard_shape(&aval.shape).map(drop)
    }

    /// The number of parts that a dimension is divided into.
    fn parts(&self, dimension: usize) -> usize {
        self.spec.entry(dimension).axes().iter().filter_map(|name| self.mesh.axis_size(name)).product()
    }

    /// Returns whether every device holds the whole array.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let mesh = Mesh::new(&[Device::cpu(0), Device::cpu(1)], [("x", 2)]);
    /// assert!(NamedSharding::new(&mesh, P!()).is_fully_replicated());
    /// assert!(!NamedSharding::new(&mesh, P!("x")).is_fully_replicated());
    /// ```
    #[must_use]
    pub fn is_fully_replicated(&self) -> bool {
        (0..self.spec.entries().len()).all(|d| self.parts(d) == 1)
    }

    /// The tile that each device holds of an array with `rank` dimensions.
    pub(crate) fn tiles(&self, rank: usize) -> Tiles {
        let grid = self.mesh.grid();
        let places = (self.mesh.coordinates().into_iter())
            .map(|at| {
                let tile = |d: usize| {
                    self.spec.entry(d).axes().iter().fold(0, |index, name| {
                        let axis = grid.iter().position(|axis| axis.name == *name);
                        axis.map_or(index, |axis| index * grid[axis].size + at[axis])
                    })
                };
                (0..rank).map(tile).collect()
            })
            .collect();
        Tiles { counts: (0..rank).map(|d| self.parts(d)).collect(), places }
    }

    /// The part of an array that each device holds, in the order of the mesh.
    pub(crate) fn part_of_each(&self, shape: &[usize]) -> Result<Vec<Part>> {
        let own = self.shard_shape(shape)?;
        let tiles = self.tiles(shape.len());
        let part = |place: Vec<usize>| place.iter().zip(&own[..]).map(|(i, n)| i * n..(i + 1) * n).collect();
        Ok(tiles.places.into_iter().map(part).collect())
    }

    /// The sharding over `mesh` with these tiles, if a spec can express it.
    pub(crate) fn of_tiles(mesh: &Mesh, tiles: &Tiles) -> Option<NamedSharding> {
        let (grid, coordinates) = (mesh.grid(), mesh.coordinates());
        let mut stride = 1;
        let mut strides = vec![1; grid.len()];
        for (axis, at) in grid.iter().zip(&mut strides).rev() {
            *at = stride;
            stride *= axis.size;
        }
        let entry = |(d, count): (usize, &usize)| {
            if *count == 1 {
                return Some(SpecEntry::Whole);
            }
            // How far one step along an axis moves the tile.
            let step = |axis: usize| if grid[axis].size > 1 { tiles.places[strides[axis]][d] } else { 0 };
            let weights: Vec<usize> = (0..grid.len()).map(step).collect();
            let mut axes: Vec<usize> = (0..grid.len()).filter(|axis| weights[*axis] > 0).collect();
            axes.sort_by_key(|axis| std::cmp::Reverse(weights[*axis]));
            let size: usize = axes.iter().map(|axis| grid[*axis].size).product();
            let linear = |(at, place): (&Vec<usize>, &Vec<usize>)| {
                place[d] == at.iter().zip(&weights).map(|(i, weight)| i * weight).sum::<usize>()
            };
            let fits = size == *count && coordinates.iter().zip(&tiles.places).all(linear);
            fits.then(|| SpecEntry::Axes(axes.into_iter().map(|axis| grid[axis].name.clone()).collect()))
        };
        if tiles.places.len() != mesh.size() {
            return None;
        }
        let mut entries: Vec<SpecEntry> = tiles.counts.iter().enumerate().map(entry).collect::<Option<_>>()?;
        let end = entries.iter().rposition(|entry| *entry != SpecEntry::Whole).map_or(0, |last| last + 1);
        entries.truncate(end);
        Some(NamedSharding { mesh: mesh.clone(), spec: PartitionSpec::new(entries) })
    }

    /// Whether both lay out arrays with `rank` dimensions in the same way.
    pub(crate) fn equivalent(&self, other: &NamedSharding, rank: usize) -> bool {
        self == other
            || self.mesh.devices() == other.mesh.devices() && self.tiles(rank).places == other.tiles(rank).places
    }

    /// The layout of values with `rank` dimensions, as lowering writes it.
    pub(crate) fn layout(&self, rank: usize) -> Layout {
        let division = |d: usize| {
            let entry = self.spec.entry(d);
            Division { axes: entry.axes().to_vec(), open: *entry == SpecEntry::Unconstrained }
        };
        Layout { grid: self.mesh.grid().clone(), dims: (0..rank).map(division).collect() }
    }
}

impl fmt::Display for NamedSharding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedSharding({}, {})", self.mesh, self.spec)
    }
}

impl fmt::Debug for NamedSharding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::P;
    use crate::array::device::Device;

    fn mesh(axes: &[(&str, usize)]) -> Mesh {
        let size: usize = axes.iter().map(|a| a.1).product();
        Mesh::new(&(0..size as u32).map(Device::cpu).collect::<Vec<_>>(), axes.iter().copied())
    }

    #[test]
    fn the_spec_is_found_again_from_the_tiles() {
        let mesh = mesh(&[("x", 2), ("y", 3), ("z", 2)]);
        for spec in
            [P!(), P!("x"), P!(None, "y"), P!("z", "x"), P!(("x", "y"), "z"), P!(("y", "x")), P!(None, ("z", "x", "y"))]
        {
            let sharding = NamedSharding::new(&mesh, spec);
            assert_eq!(NamedSharding::of_tiles(&mesh, &sharding.tiles(2)), Some(sharding));
        }
        let half = Tiles { counts: vec![2], places: [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1].map(|i| vec![i]).to_vec() };
        assert_eq!(NamedSharding::of_tiles(&mesh, &half), None);
    }

    #[test]
    fn the_parts_are_those_of_jax() {
        let sharding = NamedSharding::new(&mesh(&[("x", 2), ("y", 2)]), P!("y", "x"));
        let parts = sharding.part_of_each(&[4, 6]).unwrap();
        assert_eq!(parts, [vec![0..2, 0..3], vec![2..4, 0..3], vec![0..2, 3..6], vec![2..4, 3..6]]);
        let both = NamedSharding::new(&mesh(&[("x", 2), ("y", 2)]), P!(("y", "x")));
        let starts: Vec<usize> = both.part_of_each(&[4]).unwrap().iter().map(|part| part[0].start).collect();
        assert_eq!(starts, [0, 2, 1, 3]);
    }

    #[test]
    fn equivalent_shardings_need_not_be_equal() {
        let a = NamedSharding::new(&mesh(&[("x", 4)]), P!("x"));
        let b = NamedSharding::new(&mesh(&[("y", 2), ("z", 2)]), P!(("y", "z")));
        assert!(a != b && a.equivalent(&b, 2));
        assert!(!a.equivalent(&NamedSharding::new(b.mesh(), P!(("z", "y"))), 2));
    }
}
