//! The memory of a concrete array's elements: on the host, on the device, or both.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::{Arc, OnceLock};

use super::aval::Aval;
use super::device::Place;
use super::literal::Literal;
use crate::error::Result;

/// A buffer in device memory.
pub(crate) trait Buffer: Debug + Send + Sync {
    /// Waits for the value, and calls `f` with its bytes, row-major, once. If device memory is host memory, nothing is
    /// copied.
    fn view(&self, f: &mut dyn FnMut(&[u8])) -> Result<()>;
    /// Starts to copy the value to host memory, where reading finds it.
    fn copy_to_host_async(&self) -> Result<()>;
    /// Waits until the value is computed.
    fn wait(&self) -> Result<()>;
    /// The concrete type, for the runtime that made it.
    fn as_any(&self) -> &dyn Any;
    /// Like [`as_any`](Buffer::as_any), by value.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// The address of the value, once it is computed.
    fn address(&self) -> Result<usize>;
    /// Whether the memory is the host's, so that a program need not run to use the value.
    fn is_on_host(&self) -> bool;
    /// Whether the memory belongs to the buffer alone, and may be reused once the buffer is gone.
    fn owns_memory(&self) -> bool;
}

/// Host memory that a device may read while it is alive.
#[derive(Clone)]
pub(crate) struct HostBytes(pub(crate) Arc<dyn AsRef<[u8]> + Send + Sync>);

pub(crate) struct Owned<T>(pub(crate) Vec<T>);

impl<T: bytemuck::NoUninit> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl AsRef<[u8]> for HostBytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// A concrete value: in host memory, device memory or both. Each is made from the other on first use. The memory of an
/// uncommitted value may be that of another device than the one it belongs to: the first one that needed the value.
pub(crate) struct Concrete {
    aval: Aval,
    place: Place,
    host: OnceLock<HostBytes>,
    device: OnceLock<Arc<dyn Buffer>>,
}

impl Concrete {
    pub(crate) fn on_host(bytes: HostBytes, aval: Aval, place: Place) -> Concrete {
        Concrete { aval, place, host: bytes.into(), device: OnceLock::new() }
    }

    pub(crate) fn on_device(buffer: Arc<dyn Buffer>, aval: Aval, place: Place) -> Concrete {
        Concrete { aval, place, host: OnceLock::new(), device: buffer.into() }
    }

    /// The same value in another place, where it has this buffer. A value that moves to memory of a device leaves that
    /// of the host.
    pub(crate) fn moved(&self, buffer: Arc<dyn Buffer>, place: Place) -> Concrete {
        let host = if buffer.is_on_host() { self.host.clone() } else { OnceLock::new() };
        Concrete { aval: self.aval.clone(), place, host, device: buffer.into() }
    }

    /// Where the value belongs.
    #[inline]
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Whether the value belongs to no device in particular and can be read without a transfer.
    pub(crate) fn is_host_value(&self) -> bool {
        !self.place.committed && (self.host.get().is_some() || self.device.get().is_some_and(|b| b.is_on_host()))
    }

    /// The value in host memory, if it is there.
    pub(crate) fn host(&self) -> Option<&HostBytes> {
        self.host.get()
    }

    /// The value on the device, if it is there.
    #[inline]
    pub(crate) fn buffer(&self) -> Option<&Arc<dyn Buffer>> {
        self.device.get()
    }

    /// The buffer of a value, if it owns its memory, or the value.
    pub(crate) fn into_device(self) -> std::result::Result<(Arc<dyn Buffer>, Aval, Place), Concrete> {
        let Concrete { aval, place, host, device } = self;
        match device.into_inner() {
            Some(buffer) if buffer.owns_memory() => Ok((buffer, aval, place)),
            device => Err(Concrete { aval, place, host, device: device.map_or_else(OnceLock::new, OnceLock::from) }),
        }
    }

    pub(crate) fn aval(&self) -> &Aval {
        &self.aval
    }

    /// The value on the device, copied there by `upload` if necessary.
    pub(crate) fn device(
        &self,
        upload: impl FnOnce(&HostBytes, &Aval) -> Result<Arc<dyn Buffer>>,
    ) -> Result<&Arc<dyn Buffer>> {
        if let Some(buffer) = self.device.get() {
            return Ok(buffer);
        }
        let Some(host) = self.host.get() else { unreachable!("a concrete array is in some memory") };
        let buffer = upload(host, &self.aval)?;
        Ok(self.device.get_or_init(|| buffer))
    }

    /// Waits until the value is computed.
    pub(crate) fn wait(&self) -> Result<()> {
        self.device.get().map_or(Ok(()), |buffer| buffer.wait())
    }

    /// The value of an array of rank 0.
    pub(crate) fn literal(&self) -> Result<Literal> {
        self.with_bytes(|bytes| Literal::from_bytes(self.aval.dtype, self.aval.weak_type, bytes))
    }

    /// The value's bytes, row-major.
    pub(crate) fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        if let Some(host) = self.host.get() {
            return Ok(f(host.as_ref()));
        }
        let Some(buffer) = self.device.get() else { unreachable!("a concrete array is in some memory") };
        let (mut f, mut result) = (Some(f), None);
        buffer.view(&mut |bytes| result = f.take().map(|f| f(bytes)))?;
        let Some(result) = result else { unreachable!("a view shows the bytes once") };
        Ok(result)
    }
}

impl fmt::Debug for Concrete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Concrete<{:?}>", self.aval)
    }
}
