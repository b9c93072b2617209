//! Arrays and the meshes they are laid out over.

use std::ops::Range;

use crate::array::aval::IntoShape;
use crate::array::device::{Device, Place};
use crate::array::{Array, Arrays, Repr};
use crate::error::{Error, ErrorKind, OrRaise, Result, raise};
use crate::ir::axis::AxisName;
use crate::ops::sharding_constraint::ShardingConstraint;
use crate::runtime::shards::sharded;
use crate::runtime::{devices, runtime};
use crate::sharding::draw::draw;
use crate::sharding::named::Part;
use crate::sharding::{Mesh, NamedSharding, PartitionSpec};
use crate::trace::frames::bind1;

use super::prefix::{IntoPrefix, Prefix};

/// Makes a mesh of the first of the [`devices`](crate::devices), with these axes: pairs of a name and a size. The last
/// axis varies fastest.
///
/// # Panics
/// If there are fewer devices than the mesh needs, or an axis comes twice.
///
/// ```
/// let mesh = cotangent::make_mesh([("data", 1), ("model", 1)]);
/// assert_eq!(mesh.to_string(), "Mesh(data: 1, model: 1)");
/// ```
#[track_caller]
pub fn make_mesh<N: Into<AxisName>>(axes: impl IntoIterator<Item = (N, usize)>) -> Mesh {
    let axes: Vec<(AxisName, usize)> = axes.into_iter().map(|(name, size)| (name.into(), size)).collect();
    let size: usize = axes.iter().map(|axis| axis.1).product();
    let known = devices().or_raise();
    let Some(first) = known.get(..size) else {
        let names: Vec<String> = known.iter().map(Device::to_string).collect();
        let message = format!("a mesh of {size} devices needs more than there are: {}", names.join(", "));
        raise(Error::new(ErrorKind::Device, message).help(format!(
            "make the mesh smaller; to try a program on the CPU, set COTANGENT_CPU_DEVICES={size} before the process \
             starts"
        )));
    };
    Mesh::new(first, axes)
}

/// Where an array may go: a device, or the devices of a mesh.
///
/// ```
/// use cotangent::{Destination, Device};
/// assert!(matches!(Destination::from(Device::cpu(0)), Destination::Device(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// One device.
    Device(Device),
    /// The devices of a mesh, each with its part.
    Sharding(NamedSharding),
}

impl From<Device> for Destination {
    fn from(device: Device) -> Destination {
        Destination::Device(device)
    }
}

impl From<&Device> for Destination {
    fn from(device: &Device) -> Destination {
        Destination::Device(*device)
    }
}

impl From<NamedSharding> for Destination {
    fn from(sharding: NamedSharding) -> Destination {
        Destination::Sharding(sharding)
    }
}

impl From<&NamedSharding> for Destination {
    fn from(sharding: &NamedSharding) -> Destination {
        Destination::Sharding(sharding.clone())
    }
}

macro_rules! prefixes {
    ($($T:ty),*) => { $(
        impl IntoPrefix<Destination> for $T {
            fn into_prefix(self) -> Prefix<Destination> {
                Prefix::all(self.into())
            }
        }
    )* };
}

prefixes!(Destination, Device, &Device, NamedSharding, &NamedSharding);

/// One part of an array that is laid out over a mesh.
///
/// ```
/// use cotangent::{Device, Mesh, NamedSharding, P, prelude::*};
/// let mesh = Mesh::new(&[Device::cpu(0)], [("x", 1)]);
/// let x = np::arange(4).to(NamedSharding::new(&mesh, P!("x")));
/// let shard = &x.addressable_shards().unwrap()[0];
/// assert_eq!((shard.device, shard.index.clone()), (Device::cpu(0), vec![0..4]));
/// assert_eq!(shard.data.to_vec::<i32>(), [0, 1, 2, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct Shard {
    /// The device that holds it.
    pub device: Device,
    /// The indices of the array that it has, along each dimension.
    pub index: Vec<Range<usize>>,
    /// Its elements.
    pub data: Array,
}

impl Array {
    /// Returns how the array is laid out over the devices of a mesh, or `None` if it is on one device.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P, prelude::*};
    /// let sharding = NamedSharding::new(&Mesh::new(&[Device::cpu(0)], [("x", 1)]), P!("x"));
    /// let x = np::arange(4);
    /// assert_eq!(x.sharding(), None);
    /// assert_eq!(x.to(&sharding).sharding(), Some(sharding));
    /// ```
    #[must_use]
    pub fn sharding(&self) -> Option<NamedSharding> {
        sharded(self).map(|buffer| buffer.sharding.clone())
    }

    /// Returns the parts of the array that this process can read, one for each device. An array on one device is one
    /// part.
    ///
    /// # Errors
    /// If the array is traced.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(np::arange(4).addressable_shards().unwrap().len(), 1);
    /// ```
    pub fn addressable_shards(&self) -> Result<Vec<Shard>> {
        let whole = || self.shape().iter().map(|n| 0..*n).collect();
        let Some(buffer) = sharded(self) else {
            return Ok(vec![Shard { device: self.device()?, index: whole(), data: self.clone() }]);
        };
        let parts: Vec<Part> = buffer.sharding.part_of_each(self.shape())?;
        (parts.into_iter().zip(&buffer.shards).zip(buffer.sharding.mesh().devices()))
            .map(|((index, shard), device)| {
                let shape: Vec<usize> = index.iter().map(ExactSizeIterator::len).collect();
                let data = Array::of_bytes(shard.to_vec()?, self.aval().with_shape(shape)).try_to(*device)?;
                Ok(Shard { device: *device, index, data })
            })
            .collect()
    }

    /// The array on the devices of a mesh.
    pub(super) fn laid_out(&self, sharding: &NamedSharding) -> Result<Array> {
        if let Repr::Traced(_) = self.0 {
            return Ok(bind1(ShardingConstraint { sharding: sharding.clone() }, &[self]));
        }
        let runtime = runtime(Device::together(sharding.mesh().devices()))?;
        match &runtime.many {
            Some(many) => many.put(self, sharding),
            None => runtime.site().put(self, Place { device: runtime.device, committed: true }),
        }
    }
}

/// Makes an array of several devices from its parts: `data` returns the part with the given indices, a range for each
/// dimension. Parts that several devices have are asked for once, so that no process needs memory for the whole array.
///
/// The dtype is that of the first part.
///
/// ```
/// use cotangent::{Device, Mesh, NamedSharding, P, make_array_from_callback, prelude::*};
/// let sharding = NamedSharding::new(&Mesh::new(&[Device::cpu(0)], [("x", 1)]), P!("x"));
/// let x = make_array_from_callback(4, &sharding, |index| np::arange((index[0].start as i64, index[0].end as i64)));
/// assert_eq!(x.to_vec::<i32>(), [0, 1, 2, 3]);
/// ```
///
/// # Panics
/// If the sharding does not fit the shape, a part has another shape or dtype than expected, or a device is not there.
#[track_caller]
pub fn make_array_from_callback(
    shape: impl IntoShape,
    sharding: &NamedSharding,
    mut data: impl FnMut(&[Range<usize>]) -> Array,
) -> Array {
    let shape = shape.into_shape();
    let own = sharding.shard_shape(&shape).or_raise();
    let mut dtype = None;
    let mut checked = |index: &Part| {
        let part = data(index);
        let expected = *dtype.get_or_insert(part.dtype());
        if part.shape() != &own[..] || part.dtype() != expected {
            return Err(Error::shape(format!(
                "make_array_from_callback: the part {index:?} of an array of shape {shape} must be {expected}{own}, got {}",
                part.aval()
            )));
        }
        Ok(part)
    };
    let parts = sharding.part_of_each(&shape).or_raise();
    let first = checked(&parts[0]).or_raise();
    let aval = first.aval().with_shape(shape.clone());
    let runtime = runtime(Device::together(sharding.mesh().devices())).or_raise();
    let Some(many) = &runtime.many else { return first.laid_out(sharding).or_raise() };
    many.assemble(&aval, sharding, |part| if *part == parts[0] { Ok(first.clone()) } else { checked(part) }).or_raise()
}

/// Makes an array of several devices from its parts, one for each device of the mesh in the order of its devices.
///
/// ```
/// use cotangent::{Device, Mesh, NamedSharding, P, make_array_from_single_device_arrays, prelude::*};
/// let sharding = NamedSharding::new(&Mesh::new(&[Device::cpu(0)], [("x", 1)]), P!("x"));
/// let x = make_array_from_single_device_arrays(2, &sharding, [np::array([1.0, 2.0])]);
/// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
/// ```
///
/// # Panics
/// If there is not one part for each device, or as [`make_array_from_callback`].
#[track_caller]
pub fn make_array_from_single_device_arrays(
    shape: impl IntoShape,
    sharding: &NamedSharding,
    arrays: impl Arrays,
) -> Array {
    let (shape, arrays) = (shape.into_shape(), arrays.to_arrays());
    let parts = sharding.part_of_each(&shape).or_raise();
    if parts.len() != arrays.len() {
        raise(Error::shape(format!("{} has {} devices, but there are {} parts", sharding, parts.len(), arrays.len())));
    }
    make_array_from_callback(shape, sharding, |index| {
        let at = parts.iter().position(|part| part == index).unwrap_or_default();
        arrays[at].clone()
    })
}

/// Prints how an array of one or two dimensions is laid out over its devices: a rectangle for each part, with the
/// numbers of the devices that hold it.
///
/// # Panics
/// If the array has another number of dimensions, or is traced.
///
/// ```
/// use cotangent::{Device, Mesh, NamedSharding, P, prelude::*, visualize_array_sharding};
/// let mesh = Mesh::new(&[Device::cpu(0)], [("x", 1)]);
/// visualize_array_sharding(&np::zeros([4, 4]).to(NamedSharding::new(&mesh, P!("x"))));
/// // ┌──────────────┐
/// // │    CPU 0     │
/// // └──────────────┘
/// ```
#[track_caller]
pub fn visualize_array_sharding(x: &Array) {
    let sharding = match x.sharding() {
        Some(sharding) => sharding,
        None => NamedSharding::new(&Mesh::new(&[x.device().or_raise()], [("device", 1)]), PartitionSpec::default()),
    };
    print!("{}", draw(&sharding, x.shape()).or_raise());
}

impl NamedSharding {
    /// Returns a drawing of how an array of this shape is laid out, as [`visualize_array_sharding`] prints it.
    ///
    /// # Errors
    /// If the shape does not have one or two dimensions, or cannot be divided.
    ///
    /// ```
    /// use cotangent::{Device, Mesh, NamedSharding, P};
    /// let devices: Vec<Device> = (0..4).map(Device::cpu).collect();
    /// let mesh = Mesh::new(&devices, [("x", 2), ("y", 2)]);
    /// let drawing = NamedSharding::new(&mesh, P!("x")).drawing(&[4]).unwrap();
    /// assert!(drawing.contains("│ CPU 0,1 │ CPU 2,3 │"));
    /// ```
    pub fn drawing(&self, shape: &[usize]) -> Result<String> {
        draw(self, shape)
    }
}
