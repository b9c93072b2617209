//! Arrays whose parts are on the devices of a mesh, and their ways there and back.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::array::aval::Aval;
use crate::array::device::{Device, Place};
use crate::array::memory::Buffer;
use crate::array::{Array, Repr};
use crate::compile::spans::span;
use crate::error::{Error, ErrorKind, Result};
use crate::sharding::NamedSharding;
use crate::sharding::named::Part;

use super::client::element_type;
use super::many::Many;

/// The parts of an array, one on each device of a mesh.
pub(crate) struct ShardedBuffer {
    pub(crate) shards: Vec<xla::Buffer>,
    pub(crate) sharding: NamedSharding,
    shape: Vec<usize>,
    item: usize,
}

impl ShardedBuffer {
    pub(crate) fn new(shards: Vec<xla::Buffer>, sharding: NamedSharding, aval: &Aval) -> ShardedBuffer {
        ShardedBuffer { shards, sharding, shape: aval.shape.to_vec(), item: aval.dtype.byte_size() }
    }

    /// The parts that a buffer consists of, if it does.
    pub(crate) fn of(buffer: &Arc<dyn Buffer>) -> Option<&ShardedBuffer> {
        buffer.as_any().downcast_ref()
    }

    /// The array as an array of this place.
    fn into_array(self, aval: &Aval) -> Array {
        let place = Place { device: Device::together(self.sharding.mesh().devices()), committed: true };
        Array::from_device(Arc::new(self), aval.clone(), place)
    }
}

impl fmt::Debug for ShardedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardedBuffer({:?}, {})", self.shape, self.sharding)
    }
}

impl Buffer for ShardedBuffer {
    fn view(&self, f: &mut dyn FnMut(&[u8])) -> Result<()> {
        let _span = span!(TRACE, "read");
        if self.sharding.is_fully_replicated() {
            return Ok(self.shards[0].with_bytes(f)?);
        }
        let mut bytes = vec![0; self.shape.iter().product::<usize>() * self.item];
        let parts = self.sharding.part_of_each(&self.shape)?;
        for (i, (part, shard)) in parts.iter().zip(&self.shards).enumerate() {
            // Of copies, the first one is read.
            if !parts[..i].contains(part) {
                shard.with_bytes(|shard| {
                    let mut from = 0;
                    runs(&self.shape, part, self.item, |at, n| {
                        bytes[at..at + n].copy_from_slice(&shard[from..from + n]);
                        from += n;
                    });
                })?;
            }
        }
        f(&bytes);
        Ok(())
    }

    fn copy_to_host_async(&self) -> Result<()> {
        // Reading puts the parts together, each as it arrives.
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        let _span = span!(TRACE, "wait");
        Ok(self.shards.iter().try_for_each(xla::Buffer::wait)?)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn address(&self) -> Result<usize> {
        Err(Error::new(ErrorKind::Device, "an array on several devices has an address on each")
            .help("`addressable_shards` returns the parts, each of which has one address"))
    }

    fn is_on_host(&self) -> bool {
        false
    }

    fn owns_memory(&self) -> bool {
        true
    }
}

/// Calls `run` with the offset and the length, in bytes, of each contiguous run of a part of an array.
fn runs(shape: &[usize], part: &Part, item: usize, mut run: impl FnMut(usize, usize)) {
    // The last dimensions of which the part has all make one run together with the one before them.
    let whole = |d: &usize| part[*d].len() == shape[*d];
    let inner = (0..shape.len()).rev().find(|d| !whole(d)).unwrap_or(0);
    let Some(range) = part.get(inner) else { return run(0, item) };
    let row: usize = shape[inner + 1..].iter().product::<usize>() * item;
    let outer: usize = part[..inner].iter().map(ExactSizeIterator::len).product();
    for index in 0..outer {
        let (mut rest, mut at, mut stride) = (index, 0, shape[inner] * row);
        for d in (0..inner).rev() {
            at += (part[d].start + rest % part[d].len()) * stride;
            rest /= part[d].len();
            stride *= shape[d];
        }
        run(at + range.start * row, range.len() * row);
    }
}

/// How an array is laid out, if its parts are on the devices of a mesh.
pub(crate) fn sharding_of(array: &Array) -> Option<&NamedSharding> {
    sharded(array).map(|buffer| &buffer.sharding)
}

/// The parts of an array on the devices of a mesh.
pub(crate) fn sharded(array: &Array) -> Option<&ShardedBuffer> {
    match &array.0 {
        Repr::Concrete(concrete) if concrete.place().device.is_many() => concrete.buffer().and_then(ShardedBuffer::of),
        _ => None,
    }
}

impl Many {
    /// Copies the parts of an array to the devices.
    pub(crate) fn parts(&self, array: &Array, sharding: &NamedSharding) -> Result<ShardedBuffer> {
        let aval = array.aval();
        sharding.check(&aval)?;
        let (parts, item) = (sharding.part_of_each(&aval.shape)?, aval.dtype.byte_size());
        let own = sharding.shard_shape(&aval.shape)?;
        let shape = xla::ArrayShape::new(element_type(aval.dtype), own.iter().map(|d| *d as i64).collect::<Vec<_>>());
        let shards = array.with_bytes(|bytes| {
            let copy = |(part, index): (&Part, &usize)| {
                let mut cut = Vec::with_capacity(own.size() * item);
                runs(&aval.shape, part, item, |at, n| cut.extend_from_slice(&bytes[at..at + n]));
                self.client.buffer_from_owner_on(cut, &shape, *index)
            };
            parts.iter().zip(&self.indices).map(copy).collect::<xla::Result<Vec<_>>>()
        })??;
        Ok(ShardedBuffer::new(shards, sharding.clone(), &aval))
    }

    /// The array whose part on each device is the result of `data` for its indices. Equal parts are asked for once.
    pub(crate) fn assemble(
        &self,
        aval: &Aval,
        sharding: &NamedSharding,
        mut data: impl FnMut(&Part) -> Result<Array>,
    ) -> Result<Array> {
        sharding.check(aval)?;
        let parts = sharding.part_of_each(&aval.shape)?;
        let own = sharding.shard_shape(&aval.shape)?;
        let shape = xla::ArrayShape::new(element_type(aval.dtype), own.iter().map(|d| *d as i64).collect::<Vec<_>>());
        let mut shards: Vec<Option<xla::Buffer>> = parts.iter().map(|_| None).collect();
        for (i, part) in parts.iter().enumerate() {
            if shards[i].is_some() {
                continue;
            }
            let array = data(part)?;
            for (j, _) in parts.iter().enumerate().skip(i).filter(|(_, other)| *other == part) {
                let bytes = array.with_bytes(<[u8]>::to_vec)?;
                shards[j] = Some(self.client.buffer_from_owner_on(bytes, &shape, self.indices[j])?);
            }
        }
        let shards = shards.into_iter().flatten().collect();
        Ok(ShardedBuffer::new(shards, sharding.clone(), aval).into_array(aval))
    }

    /// The array, laid out in this way. An array that is laid out so already is not copied.
    pub(crate) fn put(&self, array: &Array, sharding: &NamedSharding) -> Result<Array> {
        if sharding_of(array).is_some_and(|known| known == sharding) {
            return Ok(array.clone());
        }
        let aval = array.aval();
        Ok(self.parts(array, sharding)?.into_array(&aval))
    }

    /// The result of a program.
    pub(super) fn result(&self, shards: Vec<xla::Buffer>, sharding: NamedSharding, aval: &Aval) -> Array {
        ShardedBuffer::new(shards, sharding, aval).into_array(aval)
    }
}

/// Takes the parts of an array that has no other handle, or returns the array.
pub(super) fn take(array: Array) -> std::result::Result<(Vec<xla::Buffer>, NamedSharding), Array> {
    if sharded(&array).is_none() {
        return Err(array);
    }
    let (buffer, aval, place) = array.into_unique_buffer()?;
    let again = |buffer: Arc<ShardedBuffer>| Array::from_device(buffer, aval.clone(), place);
    match buffer.into_any().downcast::<ShardedBuffer>() {
        Ok(buffer) => Arc::try_unwrap(buffer).map(|b| (b.shards, b.sharding)).map_err(again),
        Err(_) => unreachable!("its parts were seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(shape: &[usize], part: Part) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        runs(shape, &part, 1, |at, n| found.push((at, n)));
        found
    }

    #[test]
    fn runs_are_as_long_as_possible() {
        assert_eq!(all(&[], vec![]), [(0, 1)]);
        assert_eq!(all(&[4, 6], vec![0..4, 0..6]), [(0, 24)]);
        assert_eq!(all(&[4, 6], vec![2..4, 0..6]), [(12, 12)]);
        assert_eq!(all(&[4, 6], vec![2..4, 3..6]), [(15, 3), (21, 3)]);
        assert_eq!(all(&[2, 2, 2], vec![0..2, 1..2, 0..2]), [(2, 2), (6, 2)]);
        assert_eq!(all(&[2, 2, 4], vec![0..2, 1..2, 0..2]), [(4, 2), (12, 2)]);
    }
}
