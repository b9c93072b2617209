//! Meshes: devices in a grid whose axes have names.

use std::fmt;
use std::sync::Arc;

use crate::array::device::Device;
use crate::error::{Error, ErrorKind, OrRaise, Result};
use crate::ir::axis::{AxisName, NamedAxis};
use crate::ir::partition::Grid;

/// Devices in a grid whose axes have names. An array is laid out over the axes of a mesh by a [`NamedSharding`](crate::NamedSharding), and a
/// function that runs on each device communicates over them: see [`shard_map`](crate::shard_map).
///
/// Clones share the devices. Two meshes are equal if they have the same devices in the same order, and the same axes.
///
/// ```
/// use cotangent::{Device, Mesh};
/// let devices: Vec<Device> = (0..8).map(Device::cpu).collect();
/// let mesh = Mesh::new(&devices, [("x", 2), ("y", 4)]);
/// assert_eq!(mesh.to_string(), "Mesh(x: 2, y: 4)");
/// assert_eq!(mesh.devices()[4], Device::cpu(4)); // at x = 1, y = 0
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mesh {
    devices: Arc<[Device]>,
    axes: Grid,
}

impl Mesh {
    /// Arranges devices in a grid with these axes, each a name and a size. The last axis varies fastest, and an empty
    /// list of axes is a mesh of one device. The devices need not be open yet.
    ///
    /// For a mesh of the devices at hand use [`make_mesh`](crate::make_mesh).
    ///
    /// # Panics
    /// If the number of devices is not the product of the sizes, a name or a device comes twice, or the devices are not
    /// of one kind. [`try_new`](Mesh::try_new) returns an error instead.
    ///
    /// ```
    /// use cotangent::{Device, Mesh};
    /// let mesh = Mesh::new(&[Device::cpu(1), Device::cpu(0)], [("data", 2)]);
    /// assert_eq!(mesh.axis_size("data"), Some(2));
    /// ```
    #[track_caller]
    pub fn new<N: Into<AxisName>>(devices: &[Device], axes: impl IntoIterator<Item = (N, usize)>) -> Mesh {
        Mesh::try_new(devices, axes).or_raise()
    }

    /// [`new`](Mesh::new), which returns an error where that one panics.
    ///
    /// # Errors
    /// As the panics of [`new`](Mesh::new).
    ///
    /// ```
    /// use cotangent::{Device, Mesh};
    /// let error = Mesh::try_new(&[Device::cpu(0)], [("x", 2)]).unwrap_err();
    /// assert!(error.to_string().contains("a mesh of 2 devices"));
    /// ```
    pub fn try_new<N: Into<AxisName>>(devices: &[Device], axes: impl IntoIterator<Item = (N, usize)>) -> Result<Mesh> {
        let axes: Grid = axes.into_iter().map(|(name, size)| NamedAxis { name: name.into(), size }).collect();
        let fail = |message: String| Err(Error::new(ErrorKind::Axis, message));
        if let Some((_, axis)) = axes.iter().enumerate().find(|(i, a)| axes[..*i].iter().any(|b| b.name == a.name)) {
            return fail(format!("a mesh has two axes named `{axis}`"));
        }
        let size: usize = axes.iter().map(|axis| axis.size).product();
        if size == 0 {
            return fail("a mesh has at least one device".to_string());
        }
        if size != devices.len() {
            let sizes: Vec<String> = axes.iter().map(|axis| format!("{axis}: {}", axis.size)).collect();
            return Err(Error::new(
                ErrorKind::Axis,
                format!("a mesh of {size} devices ({}) was given {} devices", sizes.join(", "), devices.len()),
            )
            .help("the product of the sizes is the number of devices"));
        }
        if let Some((_, device)) = devices.iter().enumerate().find(|(i, d)| devices[..*i].contains(d)) {
            return fail(format!("the device {device} comes twice in a mesh"));
        }
        if let Some(device) = devices.iter().find(|device| device.backend() != devices[0].backend()) {
            return Err(Error::new(
                ErrorKind::Device,
                format!("a mesh has devices of two kinds: {} and {device}", devices[0]),
            )
            .help("one program runs on the devices of one plugin"));
        }
        Ok(Mesh { devices: devices.into(), axes })
    }

    /// Returns the devices, in row-major order of the grid.
    ///
    /// ```
    /// use cotangent::{Device, Mesh};
    /// assert_eq!(Mesh::new(&[Device::cpu(0)], [("x", 1)]).devices(), [Device::cpu(0)]);
    /// ```
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Returns the names and sizes of the axes, in order.
    ///
    /// ```
    /// use cotangent::{Device, Mesh};
    /// let mesh = Mesh::new(&[Device::cpu(0), Device::cpu(1)], [("x", 2), ("y", 1)]);
    /// let names: Vec<String> = mesh.axes().map(|(name, size)| format!("{name}={size}")).collect();
    /// assert_eq!(names, ["x=2", "y=1"]);
    /// ```
    pub fn axes(&self) -> impl ExactSizeIterator<Item = (&AxisName, usize)> {
        self.axes.iter().map(|axis| (&axis.name, axis.size))
    }

    /// Returns the size of the axis of this name, if there is one.
    ///
    /// ```
    /// use cotangent::{Device, Mesh};
    /// let mesh = Mesh::new(&[Device::cpu(0), Device::cpu(1)], [("x", 2)]);
    /// assert_eq!((mesh.axis_size("x"), mesh.axis_size("y")), (Some(2), None));
    /// ```
    #[must_use]
    pub fn axis_size(&self, name: impl Into<AxisName>) -> Option<usize> {
        let name = name.into();
        self.axes.iter().find(|axis| axis.name == name).map(|axis| axis.size)
    }

    /// Returns the number of devices.
    ///
    /// ```
    /// use cotangent::{Device, Mesh};
    /// assert_eq!(Mesh::new(&[Device::cpu(0), Device::cpu(1)], [("x", 2)]).size(), 2);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.axes
    }

    /// For each device, in order, its coordinates in the grid.
    pub(crate) fn coordinates(&self) -> Vec<Vec<usize>> {
        let coordinate = |device: usize| {
            let mut rest = device;
            let mut place: Vec<usize> = (self.axes.iter().rev())
                .map(|axis| {
                    let index = rest % axis.size;
                    rest /= axis.size;
                    index
                })
                .collect();
            place.reverse();
            place
        };
        (0..self.size()).map(coordinate).collect()
    }
}

impl fmt::Display for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.axes.iter().map(|axis| format!("{axis}: {}", axis.size)).collect();
        write!(f, "Mesh({})", axes.join(", "))
    }
}

impl fmt::Debug for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} of {:?}", self.devices)
    }
}
