//! Arrays in device memory, and their ways from one device to another.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::array::aval::Aval;
use crate::array::device::Place;
use crate::array::live::shared;
use crate::array::memory::{Buffer, Concrete, HostBytes};
use crate::array::{Array, Repr};
use crate::compile::spans::span;
use crate::error::{Error, ErrorKind, Result};

use super::client::array_shape;

/// A device of an open client.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) client: &'a xla::Client,
    /// The index of the device among those of the client.
    pub(crate) index: usize,
}

pub(crate) struct DeviceBuffer {
    pub(crate) raw: xla::Buffer,
    /// Whether the memory belongs to something else: an array of the host, or of another client.
    borrowed: bool,
    /// The value in host memory, if it was asked for before it is read.
    early: OnceLock<Early>,
}

/// A copy in host memory, which is complete or under way. Both are empty if the copy failed.
#[derive(Default)]
struct Early(Mutex<(Option<xla::HostCopy>, Option<Vec<u8>>)>);

impl Early {
    /// Waits for the copy and calls `f` with its bytes. Returns `false` if there is none.
    fn view(&self, f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copy) = state.0.take() {
            state.1 = Some(copy.wait()?);
        }
        Ok(state.1.as_deref().map(f).is_some())
    }
}

impl DeviceBuffer {
    /// A buffer whose memory is its own.
    pub(crate) fn own(raw: xla::Buffer) -> DeviceBuffer {
        DeviceBuffer { raw, borrowed: false, early: OnceLock::new() }
    }

    /// A buffer made of host memory, which it uses in place if it can.
    fn of_host(raw: xla::Buffer) -> DeviceBuffer {
        let borrowed = raw.is_on_host();
        DeviceBuffer { raw, borrowed, early: OnceLock::new() }
    }

    fn of(buffer: &Arc<dyn Buffer>) -> Result<&DeviceBuffer> {
        let known = buffer.as_any().downcast_ref::<DeviceBuffer>();
        known.ok_or_else(|| Error::new(ErrorKind::Runtime, "the array lives in another runtime"))
    }
}

impl fmt::Debug for DeviceBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceBuffer({})", self.raw.shape())
    }
}

impl Buffer for DeviceBuffer {
    fn view(&self, f: &mut dyn FnMut(&[u8])) -> Result<()> {
        let _span = span!(TRACE, "read");
        if let Some(early) = self.early.get()
            && early.view(f)?
        {
            return Ok(());
        }
        Ok(self.raw.with_bytes(f)?)
    }

    fn copy_to_host_async(&self) -> Result<()> {
        if self.raw.is_on_host() || self.early.get().is_some() {
            return Ok(());
        }
        let copy = self.raw.copy_to_host()?;
        // Another thread may have started one in the meantime.
        let _ = self.early.set(Early(Mutex::new((Some(copy), None))));
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        let _span = span!(TRACE, "wait");
        Ok(self.raw.wait()?)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn address(&self) -> Result<usize> {
        Ok(self.raw.with_bytes(|bytes| bytes.as_ptr().addr())?)
    }

    fn is_on_host(&self) -> bool {
        self.raw.is_on_host()
    }

    fn owns_memory(&self) -> bool {
        !self.borrowed
    }
}

/// Memory of one client that another client shares. The value is computed, and in row-major order.
pub(crate) struct SharedMemory(pub(crate) Arc<dyn Buffer>);

impl AsRef<[u8]> for SharedMemory {
    fn as_ref(&self) -> &[u8] {
        let buffer = DeviceBuffer::of(&self.0).ok();
        buffer.and_then(|buffer| buffer.raw.host_bytes().ok().flatten()).unwrap_or_default()
    }
}

impl Site<'_> {
    /// Whether a buffer is on this device.
    #[inline]
    fn holds(self, buffer: &xla::Buffer) -> bool {
        buffer.client() == self.client && buffer.device() == self.index
    }

    /// Starts to copy host memory to this device.
    pub(crate) fn upload(self, bytes: &HostBytes, aval: &Aval) -> Result<DeviceBuffer> {
        let raw = self.client.buffer_from_owner_on(bytes.clone(), &array_shape(aval), self.index)?;
        Ok(DeviceBuffer::of_host(raw))
    }

    /// Brings the value of a buffer to this device. Devices of one client copy by themselves. Between clients, the
    /// value goes through host memory, and this waits for it; if both have the host's memory, it is shared.
    fn transfer(self, buffer: &Arc<dyn Buffer>) -> Result<DeviceBuffer> {
        let source = &DeviceBuffer::of(buffer)?.raw;
        if source.client() == self.client {
            return Ok(DeviceBuffer::own(source.copy_to_device(self.index)?));
        }
        let raw = match source.host_bytes()? {
            Some(_) => self.client.buffer_from_owner_on(SharedMemory(buffer.clone()), source.shape(), self.index)?,
            None => self.client.buffer_from_owner_on(source.to_vec()?, source.shape(), self.index)?,
        };
        Ok(DeviceBuffer::of_host(raw))
    }

    /// The value in this device's memory. If `keep` is set, a value that is only on the host stays here for later uses.
    pub(crate) fn fetch<'a>(self, array: &'a Array, keep: bool) -> Result<Held<'a>> {
        let concrete = match &array.0 {
            Repr::Concrete(concrete) => concrete,
            Repr::Scalar(literal) => {
                let shape = array_shape(&literal.aval());
                let raw = self.client.buffer_from_host_on(&literal.bytes(), &shape, self.index)?;
                return Ok(Held::Own(DeviceBuffer::own(raw)));
            }
            Repr::Traced(traced) => return Err(crate::trace::frames::without_memory(traced)),
        };
        match (concrete.buffer(), concrete.host()) {
            (Some(buffer), _) if concrete.place().device.is_many() => {
                let mut bytes = Vec::new();
                buffer.view(&mut |found| bytes = found.to_vec())?;
                let raw = self.client.buffer_from_owner_on(bytes, &array_shape(concrete.aval()), self.index)?;
                Ok(Held::Own(DeviceBuffer::own(raw)))
            }
            (Some(buffer), host) => {
                let known = &DeviceBuffer::of(buffer)?.raw;
                if self.holds(known) {
                    return Ok(Held::Shared(known, buffer));
                }
                // Another client shares memory that was aligned for this one.
                let shares = known.is_on_host() && known.client() != self.client;
                Ok(Held::Own(match host {
                    Some(bytes) if !shares => self.upload(bytes, concrete.aval())?,
                    _ => self.transfer(buffer)?,
                }))
            }
            (None, Some(bytes)) if !keep => Ok(Held::Own(self.upload(bytes, concrete.aval())?)),
            (None, _) => {
                let upload = |bytes: &HostBytes, aval: &Aval| -> Result<Arc<dyn Buffer>> {
                    Ok(Arc::new(self.upload(bytes, aval)?))
                };
                let buffer = concrete.device(upload)?;
                // Another thread may have brought it to another device in the meantime.
                let known = DeviceBuffer::of(buffer)?;
                if self.holds(&known.raw) { Ok(Held::Shared(&known.raw, buffer)) } else { self.fetch(array, keep) }
            }
        }
    }

    /// The buffer of an array on this device without other handles, or the array.
    pub(crate) fn take(self, array: Array) -> std::result::Result<xla::Buffer, Array> {
        let here = |concrete: &Concrete| {
            let buffer = concrete.buffer().and_then(|buffer| DeviceBuffer::of(buffer).ok());
            buffer.is_some_and(|buffer| self.holds(&buffer.raw))
        };
        match &array.0 {
            Repr::Concrete(concrete) if here(concrete) => {}
            _ => return Err(array),
        }
        let (buffer, aval, place) = array.into_unique_buffer()?;
        let again = |buffer: Arc<DeviceBuffer>| Array::from_device(buffer, aval.clone(), place);
        match buffer.into_any().downcast::<DeviceBuffer>() {
            Ok(buffer) => Arc::try_unwrap(buffer).map(|b| b.raw).map_err(again),
            Err(_) => unreachable!("there is one backend in a process"),
        }
    }

    /// The array in another place, which is on this device. An array that is there shares its memory with the result.
    pub(crate) fn put(self, array: &Array, place: Place) -> Result<Array> {
        let (aval, concrete) = match &array.0 {
            Repr::Concrete(concrete) if concrete.place() == place => return Ok(array.clone()),
            Repr::Concrete(concrete) => (concrete.aval().clone(), Some(concrete)),
            _ => (array.aval(), None),
        };
        let buffer: Arc<dyn Buffer> = match self.fetch(array, false)? {
            Held::Shared(_, buffer) => buffer.clone(),
            Held::Own(buffer) => Arc::new(buffer),
        };
        Ok(match concrete {
            Some(concrete) => Array(Repr::Concrete(shared(concrete.moved(buffer, place)))),
            None => Array::from_device(buffer, aval, place),
        })
    }
}

/// A value on a device: the array's own, or one brought there for the caller.
pub(crate) enum Held<'a> {
    Shared(&'a xla::Buffer, &'a Arc<dyn Buffer>),
    Own(DeviceBuffer),
}

impl Held<'_> {
    pub(crate) fn raw(&self) -> &xla::Buffer {
        match self {
            Held::Shared(buffer, _) => buffer,
            Held::Own(buffer) => &buffer.raw,
        }
    }
}
