//! Arrays in mapped files.

use std::ops::Range;
use std::sync::Arc;

use xla::MappedFile;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::memory::HostBytes;
use crate::error::{Error, Result};

/// A part of a mapped file. It keeps the file mapped.
#[derive(Clone)]
pub(super) struct Window {
    pub(super) file: Arc<MappedFile>,
    pub(super) range: Range<usize>,
}

impl AsRef<[u8]> for Window {
    fn as_ref(&self) -> &[u8] {
        (*self.file).as_ref().get(self.range.clone()).unwrap_or_default()
    }
}

/// The array whose elements are these bytes, little-endian and in row-major order.
pub(super) fn array(bytes: impl AsRef<[u8]> + Send + Sync + 'static, aval: Aval) -> Result<Array> {
    let found = bytes.as_ref();
    if found.len() != aval.byte_len() {
        return Err(Error::shape(format!("{} bytes do not fit {aval}, which has {}", found.len(), aval.byte_len())));
    }
    if aval.dtype == DType::Bool && found.iter().any(|b| *b > 1) {
        return Err(Error::value("a boolean must be a byte of 0 or 1"));
    }
    if aval.rank() == 0 {
        return Ok(Array::literal(Literal::from_bytes(aval.dtype, aval.weak_type, found)));
    }
    Ok(Array::from_host(HostBytes(Arc::new(bytes)), aval))
}
