//! Arrays and the devices they are on.

use crate::array::device::{Device, Place};
use crate::array::{Array, Repr};
use crate::error::{Error, ErrorKind, OrRaise, Result};
use crate::runtime::runtime;
use crate::tree::Tree;

use super::prefix::IntoPrefix;
use super::sharding::Destination;

impl Array {
    /// Returns the device that the array is on. Data from the host belongs to the device that was the default when the
    /// array was made, and is copied there when it is first needed. A scalar on the host is on the default device.
    ///
    /// # Errors
    /// If the array is traced: a program has a device when it runs, not while it is traced. If it is on several
    /// devices: see [`sharding`](Array::sharding).
    ///
    /// ```
    /// use cotangent::{Device, prelude::*};
    /// let x = np::arange(3).to(Device::cpu(0));
    /// assert_eq!(x.device().unwrap(), Device::cpu(0));
    /// assert_eq!((x + 1).device().unwrap(), Device::cpu(0));
    /// ```
    pub fn device(&self) -> Result<Device> {
        match &self.0 {
            Repr::Scalar(_) => Device::current(),
            Repr::Concrete(concrete) if concrete.place().device.is_many() => {
                let message = format!("the array is on several devices: {}", concrete.place().device);
                Err(Error::new(ErrorKind::Device, message).help("`x.sharding()` says how it is laid out over them"))
            }
            Repr::Concrete(concrete) => Ok(concrete.place().device),
            Repr::Traced(traced) => Err(Error::new(
                ErrorKind::Trace,
                format!("a traced array {} has no device: its program may run on any", traced.aval),
            )
            .help("ask an argument for its device before the call, or a result after it")),
        }
    }

    /// Returns whether the array is committed to its device: whether it was moved there by [`to`](Array::to),
    /// [`device_put`] or [`Jit::on`](crate::Jit::on), or was computed from an array that was.
    ///
    /// A computation runs on the device that its arrays are committed to, and the others move there. Without a
    /// committed array, it runs on the default device. A traced array is not committed.
    ///
    /// ```
    /// use cotangent::{Device, prelude::*};
    /// let x = np::arange(3);
    /// assert!(!x.is_committed());
    /// assert!((x.to(Device::cpu(0)) + x).is_committed());
    /// ```
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.committed().is_some()
    }

    /// Returns the array on this device, or laid out over a mesh by this [`NamedSharding`](crate::NamedSharding), and
    /// commits it to the place. The copy is asynchronous: this starts it, and
    /// reading waits. An array that is there already is not copied.
    ///
    /// Between the devices of one plugin, arrays move without the host. From one plugin to another they go through host
    /// memory, and this waits until the value is computed. Two CPU clients share the memory.
    ///
    /// # Panics
    /// If there is no such device, or if the array is traced: a program runs on one device.
    /// [`try_to`](Array::try_to) returns an error instead.
    ///
    /// ```
    /// use cotangent::{Device, prelude::*};
    /// let x = Array::from([1.0f32, 2.0]).to(Device::cpu(0));
    /// assert!(x.is_committed());
    /// assert_eq!(x.to_vec::<f32>(), [1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn to(&self, destination: impl Into<Destination>) -> Array {
        self.try_to(destination).or_raise()
    }

    /// Moves the array as [`to`](Array::to) does.
    ///
    /// # Errors
    /// If there is no such device, if its plugin cannot be opened, or if the array is traced.
    ///
    /// ```
    /// use cotangent::{Device, prelude::*};
    /// let error = np::arange(3).try_to(Device::cpu(1000)).unwrap_err();
    /// assert!(error.to_string().contains("there is no device cpu:1000"));
    /// ```
    pub fn try_to(&self, destination: impl Into<Destination>) -> Result<Array> {
        let device = match destination.into() {
            Destination::Device(device) => device,
            Destination::Sharding(sharding) => return self.laid_out(&sharding),
        };
        if let Repr::Traced(traced) = &self.0 {
            let message =
                format!("a traced array {} cannot move to {device}: a program runs on one device", traced.aval);
            return Err(Error::new(ErrorKind::Trace, message)
                .help("move the arguments before the call, or let the function run there: `jit(f).on(device)`"));
        }
        runtime(device)?.site().put(self, Place { device, committed: true })
    }
}

/// Moves all arrays of a tree to a device or to the devices of a mesh, as [`Array::to`] does. The destination is a
/// [`Device`], a [`NamedSharding`](crate::NamedSharding), or one for each part of the tree: see
/// [`Prefix`](crate::Prefix). Inside a traced function, a sharding is a
/// [`with_sharding_constraint`](crate::lax::with_sharding_constraint).
///
/// # Panics
/// If there is no such device, if an array cannot be laid out in this way, or if an array is traced and the destination
/// is a device.
///
/// ```
/// use cotangent::{Device, device_put, prelude::*};
/// let params = device_put(&(np::ones([2, 3]), np::zeros(3)), Device::cpu(0));
/// assert!(params.0.is_committed() && params.1.is_committed());
/// ```
#[track_caller]
#[must_use = "the arrays of the tree stay where they are"]
pub fn device_put<T: Tree>(tree: &T, destination: impl IntoPrefix<Destination>) -> T {
    let leaves = crate::tree::flatten(tree);
    let places = destination.into_prefix().resolve(leaves.len(), |path| tree.paths(path));
    let places = places.map_err(|misfit| Error::from(misfit).context("device_put")).or_raise();
    let put = |(x, place): (&Array, Destination)| x.try_to(place);
    let moved = leaves.iter().zip(places).map(put).collect::<Result<Vec<_>>>().or_raise();
    tree.rebuild(&mut moved.into_iter())
}
