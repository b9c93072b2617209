//! An array on a device.

use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::*;
use crate::client::{Client, non_null};
use crate::error::{ArgumentError, Result};
use crate::in_flight;
use crate::shape::ArrayShape;

/// An array on a device, possibly still being computed.
///
/// Its contents never change. Its memory is freed once the buffer is dropped and nothing uses it.
pub struct Buffer {
    raw: NonNull<RawBuffer>,
    client: Client,
    /// The shape is `shapes[place]`; the results of one program share the list.
    shapes: Arc<[ArrayShape]>,
    place: u32,
    /// The index of its device among those of the client.
    device: u32,
    /// Whether the elements are densely packed in row-major order.
    dense: bool,
    /// Whether it is known to be complete and free of errors.
    ready: AtomicBool,
}

// SAFETY: PJRT buffers may be used from any thread, several at once; their contents are immutable.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

const READING: &str = "reading an array";
const WAITING: &str = "computing an array";
const COPYING: &str = "copying an array to another device";

impl Buffer {
    /// Takes ownership of a buffer of the plugin.
    ///
    /// # Safety
    /// `raw` must be a buffer of this client, on its device with the index `device`, that no one else frees, of the
    /// shape `shapes[place]`. If `dense` is true, it must be laid out in row-major order.
    #[inline]
    pub(crate) unsafe fn adopt(
        client: Client,
        raw: NonNull<RawBuffer>,
        shapes: Arc<[ArrayShape]>,
        place: u32,
        device: u32,
        dense: bool,
    ) -> Buffer {
        let buffer = Buffer { raw, client, shapes, place, device, dense, ready: AtomicBool::new(false) };
        buffer.client.0.plugin.api.held.add(buffer.byte_len());
        buffer
    }

    #[inline]
    pub(crate) fn raw(&self) -> *mut RawBuffer {
        self.raw.as_ptr()
    }

    /// Element type and dimensions.
    #[inline]
    pub fn shape(&self) -> &ArrayShape {
        &self.shapes[self.place as usize]
    }

    /// The client that owns its device.
    #[inline]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The index of its device in [`Client::devices`].
    #[inline]
    pub fn device(&self) -> usize {
        self.device as usize
    }

    /// Whether its memory is host memory.
    #[inline]
    pub fn is_on_host(&self) -> bool {
        self.client.0.host_memory
    }

    /// Starts a copy to another device of the same client, by its index in [`Client::devices`]. The copy waits for the
    /// value; this function does not.
    ///
    /// # Errors
    /// If the client has no such device. Some plugins refuse the buffer's own device, too.
    pub fn copy_to_device(&self, device: usize) -> Result<Buffer> {
        let target = self.client.0.raw_device(device)?;
        let api = &self.client.0.plugin.api;
        let mut args = BufferCopyToDeviceArgs::new();
        args.buffer = self.raw();
        args.dst_device = target.as_ptr();
        // SAFETY: the buffer is alive, and so is the device, which belongs to the same client.
        unsafe { api.check(api.buffer_copy_to_device(&mut args), COPYING)? };
        let raw = non_null(args.dst_buffer, COPYING)?;
        // SAFETY: the buffer is new and alive.
        let dense = unsafe { is_row_major(&self.client, raw, self.shape().dims.len()) };
        let (client, shapes) = (self.client.clone(), self.shapes.clone());
        // SAFETY: the buffer is new, on this device of the client, and has the shape of the original.
        Ok(unsafe { Buffer::adopt(client, raw, shapes, self.place, device as u32, dense) })
    }

    /// The size of the array on the host, in bytes.
    pub fn byte_len(&self) -> usize {
        // Every constructor checks that the size is addressable.
        self.shape().byte_size().unwrap_or(0)
    }

    /// Waits until the array is computed. Returns the error of the computation, if it failed.
    #[inline]
    pub fn wait(&self) -> Result<()> {
        if self.ready.load(Ordering::Acquire) {
            return Ok(());
        }
        let event = self.ready_event()?;
        // SAFETY: the event is owned here.
        unsafe { self.client.0.plugin.api.finish(event.as_ptr(), WAITING)? };
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether the computation has ended, with success or an error. Never waits.
    pub fn is_ready(&self) -> bool {
        if self.ready.load(Ordering::Acquire) {
            return true;
        }
        // A buffer that cannot even be queried will not change again.
        let Ok(event) = self.ready_event() else {
            return true;
        };
        let api = &self.client.0.plugin.api;
        let mut args = EventIsReadyArgs::new();
        args.event = event.as_ptr();
        // SAFETY: the event is alive. It is owned here, so it is freed afterward.
        unsafe {
            let asked = api.check(api.event_is_ready(&mut args), WAITING);
            api.destroy_event(event.as_ptr());
            asked.is_err() || args.is_ready
        }
    }

    /// A new event that becomes ready when the array is computed. The caller frees it.
    #[inline]
    fn ready_event(&self) -> Result<NonNull<RawEvent>> {
        let api = &self.client.0.plugin.api;
        let mut args = BufferReadyEventArgs::new();
        args.buffer = self.raw();
        // SAFETY: the buffer is alive.
        unsafe { api.check(api.buffer_ready_event(&mut args), WAITING)? };
        non_null(args.event, WAITING)
    }

    /// Copies the array, in row-major order, into host memory of exactly its size. Waits for the computation first.
    pub fn read_into(&self, dst: &mut [u8]) -> Result<()> {
        let expected = self.byte_len();
        if dst.len() != expected {
            let (shape, found) = (self.shape().clone(), dst.len());
            return Err(ArgumentError::Bytes { shape, expected, found }.into());
        }
        match self.host_bytes()? {
            Some(bytes) => {
                dst.copy_from_slice(bytes);
                Ok(())
            }
            // SAFETY: `dst` has the right length.
            None => unsafe { self.transfer_to(dst.as_mut_ptr()) },
        }
    }

    /// Copies the array, in row-major order, into a new vector. Waits for the computation first.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        if let Some(bytes) = self.host_bytes()? {
            return Ok(bytes.to_vec());
        }
        let len = self.byte_len();
        let mut bytes = Vec::with_capacity(len);
        // SAFETY: the vector has room for `len` bytes, and the transfer fills all of them.
        unsafe {
            self.transfer_to(bytes.as_mut_ptr())?;
            bytes.set_len(len);
        }
        Ok(bytes)
    }

    /// Calls `f` with the array's bytes, in row-major order. Waits for the computation first. If device memory is host
    /// memory, nothing is copied.
    pub fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> Result<R> {
        match self.host_bytes()? {
            Some(bytes) => Ok(f(bytes)),
            None => Ok(f(&self.to_vec()?)),
        }
    }

    /// Waits, and returns a view of the array in place, if device memory is host memory and the layout is row-major.
    #[inline]
    pub fn host_bytes(&self) -> Result<Option<&[u8]>> {
        self.wait()?;
        let len = self.byte_len();
        if len == 0 {
            return Ok(Some(&[]));
        }
        if !(self.client.0.host_memory && self.dense) {
            return Ok(None);
        }
        let api = &self.client.0.plugin.api;
        let mut args = BufferPointerArgs::new();
        args.buffer = self.raw();
        // SAFETY: the buffer is alive.
        unsafe { api.check(api.buffer_pointer(&mut args), READING)? };
        if args.device_memory_ptr.is_null() {
            return Ok(None);
        }
        // SAFETY: the memory is the host's, holds the whole dense array, and is complete. It is neither freed nor
        // written while `self` is borrowed: only a buffer passed by value (`Argument::Donate`) is reused, and the
        // plugin is told not to reuse any other.
        Ok(Some(unsafe { std::slice::from_raw_parts(args.device_memory_ptr.cast::<u8>(), len) }))
    }

    /// Starts to copy the array, in row-major order, into host memory of its own. The copy waits for the value; this
    /// function does not.
    pub fn copy_to_host(&self) -> Result<HostCopy> {
        let mut bytes = Vec::with_capacity(self.byte_len());
        let event = match self.byte_len() {
            0 => None,
            // SAFETY: the vector has room for the array. Its memory stays where it is and is neither read nor freed
            // before the event is ready: `HostCopy` waits for it.
            _ => Some(unsafe { self.start_transfer_to(bytes.as_mut_ptr())? }),
        };
        Ok(HostCopy { bytes, len: self.byte_len(), event, client: self.client.clone() })
    }

    /// Makes the plugin copy the array to host memory in row-major order, and waits for the copy.
    ///
    /// # Safety
    /// `dst` must be valid for writes of as many bytes as the array has.
    unsafe fn transfer_to(&self, dst: *mut u8) -> Result<()> {
        // SAFETY: guaranteed by the caller. The event is owned here.
        unsafe { self.client.0.plugin.api.finish(self.start_transfer_to(dst)?.as_ptr(), READING) }
    }

    /// Makes the plugin start to copy the array to host memory in row-major order. The caller frees the event.
    ///
    /// # Safety
    /// `dst` must be valid for writes of as many bytes as the array has until the event is ready.
    unsafe fn start_transfer_to(&self, dst: *mut u8) -> Result<NonNull<RawEvent>> {
        let api = &self.client.0.plugin.api;
        let minor_to_major: Vec<i64> = (0..self.shape().dims.len() as i64).rev().collect();
        let mut layout = MemoryLayout {
            struct_size: size_of::<MemoryLayout>(),
            extension_start: ptr::null_mut(),
            tiled: TiledLayout {
                struct_size: size_of::<TiledLayout>(),
                extension_start: ptr::null_mut(),
                minor_to_major: minor_to_major.as_ptr(),
                minor_to_major_size: minor_to_major.len(),
                tile_dims: ptr::null(),
                tile_dim_sizes: ptr::null(),
                num_tiles: 0,
            },
            type_: LAYOUT_TILED,
            pad: [0; 4],
        };
        let mut args = BufferToHostBufferArgs::new();
        args.src = self.raw();
        args.host_layout = &mut layout;
        args.dst = dst.cast();
        args.dst_size = self.byte_len();
        // SAFETY: buffer and layout are alive, and the caller guarantees that `dst` is large enough and stays valid
        // until the copy is complete.
        unsafe { api.check(api.buffer_to_host_buffer(&mut args), READING)? };
        non_null(args.event, READING)
    }

    /// Frees the memory, as dropping does.
    pub fn delete(self) {}
}

/// A copy of an array to host memory that is under way; made by [`Buffer::copy_to_host`].
pub struct HostCopy {
    /// The plugin writes to this memory until the event is ready.
    bytes: Vec<u8>,
    len: usize,
    event: Option<NonNull<RawEvent>>,
    client: Client,
}

// SAFETY: an event may be waited for on any thread.
unsafe impl Send for HostCopy {}

impl HostCopy {
    /// Waits for the copy, and returns the bytes in row-major order. Returns the error of the computation, if it
    /// failed.
    pub fn wait(mut self) -> Result<Vec<u8>> {
        self.finish()?;
        let mut bytes = std::mem::take(&mut self.bytes);
        // SAFETY: the vector has room for `len` bytes, and the copy has filled all of them.
        unsafe { bytes.set_len(self.len) };
        Ok(bytes)
    }

    fn finish(&mut self) -> Result<()> {
        match self.event.take() {
            // SAFETY: the event is owned here, and belongs to the client's plugin.
            Some(event) => unsafe { self.client.0.plugin.api.finish(event.as_ptr(), READING) },
            None => Ok(()),
        }
    }
}

impl Drop for HostCopy {
    fn drop(&mut self) {
        // The plugin may still be writing to the memory, which is freed next.
        let _ = self.finish();
    }
}

impl std::fmt::Debug for HostCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostCopy({} bytes)", self.len)
    }
}

/// Whether the elements of this buffer are in dense row-major order.
///
/// # Safety
/// `raw` must be a live buffer of this client with `rank` dimensions.
pub(crate) unsafe fn is_row_major(client: &Client, raw: NonNull<RawBuffer>, rank: usize) -> bool {
    let api = &client.0.plugin.api;
    let mut args = BufferGetMemoryLayoutArgs::new();
    args.buffer = raw.as_ptr();
    // SAFETY: the buffer is alive, and the layout lives as long as the buffer.
    unsafe {
        if api.check(api.buffer_get_memory_layout(&mut args), READING).is_err()
            || args.layout.type_ != LAYOUT_TILED
            || args.layout.tiled.num_tiles != 0
        {
            return false;
        }
        let order = crate::api::slice(args.layout.tiled.minor_to_major, args.layout.tiled.minor_to_major_size);
        order.len() == rank && order.iter().rev().copied().eq(0..rank as i64)
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        let api = &self.client.0.plugin.api;
        if !self.ready.load(Ordering::Acquire)
            && let Ok(event) = self.ready_event()
        {
            // SAFETY: the event is new and owned here.
            unsafe { in_flight::watch(api, event) };
        }
        api.held.remove(self.byte_len());
        let mut args = BufferDestroyArgs::new();
        args.buffer = self.raw();
        // SAFETY: the buffer is owned here, and the client outlives this call.
        unsafe { api.free_error(api.buffer_destroy(&mut args)) };
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({})", self.shape())
    }
}
