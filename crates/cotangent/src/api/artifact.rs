//! The file formats of serialized and exported programs.

use sha2::{Digest, Sha256};

use crate::array::aval::{Aval, Shape};
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Runtime;
use crate::runtime::disk::processor;

use super::signature::Signature;

/// The first bytes of a serialized program. The digit is the version of the format.
const MAGIC: &[u8; 16] = b"cotangent-exec-2";

pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Value, message)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(super) fn aval_text(aval: &Aval) -> String {
    aval.to_string()
}

/// Parses the text that [`aval_text`] writes, such as `f32[2,3]`.
pub(super) fn parse_aval(text: &str) -> Option<Aval> {
    let (dtype, dims) = text.strip_suffix(']')?.split_once('[')?;
    let dtype = dtype.parse().ok()?;
    let dims = dims.split(',').filter(|d| !d.is_empty()).map(str::parse).collect::<Result<Vec<usize>, _>>().ok()?;
    Some(Aval::new(dtype, Shape::new(&dims)))
}

/// A program as machine code, with what is needed to call it.
pub(super) struct Blob {
    pub(super) name: String,
    pub(super) signature: Signature,
    /// The arrays that the function captured, which are its leading inputs.
    pub(super) captures: Vec<(Aval, Vec<u8>)>,
    pub(super) code: Vec<u8>,
}

/// The properties that must be the same where a program is made and where it is loaded, with their names.
pub(super) struct Surroundings(Vec<(&'static str, String)>);

impl Surroundings {
    fn new(platform: &str, plugin: &xla::Plugin, more: [(&'static str, String); 2]) -> Result<Surroundings> {
        let mut all = vec![
            ("version of cotangent", env!("CARGO_PKG_VERSION").to_string()),
            ("platform", platform.to_string()),
            ("plugin (its SHA-256)", plugin.sha256()?.to_string()),
        ];
        all.extend(more);
        Ok(Surroundings(all))
    }

    /// Those of a program for a device of this process.
    pub(super) fn of(runtime: &Runtime) -> Result<Surroundings> {
        let client = &runtime.client;
        let more = match runtime.device.platform() {
            Platform::Cuda => {
                let device = &client.devices()[runtime.index];
                gpu(device.attribute("compute_capability").unwrap_or("unknown"))
            }
            Platform::Cpu => {
                [("platform's version", client.platform_version().to_string()), ("processor", processor().to_string())]
            }
        };
        Surroundings::new(client.platform_name(), client.plugin(), more)
    }

    /// Those of a program for a GPU that this machine may lack.
    pub(super) fn of_gpu(topology: &xla::Topology) -> Result<Surroundings> {
        let more = gpu(topology.target().compute_capability());
        Surroundings::new(Platform::Cuda.name(), topology.plugin(), more)
    }
}

/// Machine code for a GPU runs on all of the same compute capability, whatever the host's processor and the driver are.
fn gpu(compute_capability: &str) -> [(&'static str, String); 2] {
    [("host", std::env::consts::ARCH.to_string()), ("compute capability", compute_capability.to_string())]
}

impl Blob {
    /// Returns the bytes: the magic number, the checksum of everything after it, and each part preceded by its length.
    pub(super) fn write(&self, surroundings: &Surroundings) -> Vec<u8> {
        let mut body = Vec::new();
        let mut put = |bytes: &[u8]| {
            body.extend((bytes.len() as u64).to_le_bytes());
            body.extend(bytes);
        };
        for (_, value) in &surroundings.0 {
            put(value.as_bytes());
        }
        put(self.name.as_bytes());
        put(&(self.signature.inputs.len() as u64).to_le_bytes());
        for (path, aval, used) in &self.signature.inputs {
            put(path.as_bytes());
            put(aval_text(aval).as_bytes());
            put(&[u8::from(*used)]);
        }
        put(&(self.signature.outputs.len() as u64).to_le_bytes());
        for (path, aval) in &self.signature.outputs {
            put(path.as_bytes());
            put(aval_text(aval).as_bytes());
        }
        put(&(self.captures.len() as u64).to_le_bytes());
        for (aval, bytes) in &self.captures {
            put(aval_text(aval).as_bytes());
            put(bytes);
        }
        put(&self.code);
        [&MAGIC[..], &Sha256::digest(&body), &body].concat()
    }

    pub(super) fn read(bytes: &[u8], runtime: &Runtime) -> Result<Blob> {
        let kind = MAGIC.len() - 1;
        if bytes.len() < MAGIC.len() || bytes[..kind] != MAGIC[..kind] {
            return Err(wrong("these bytes are not a serialized program").help("`Compiled::serialize` makes one"));
        }
        if bytes[kind] != MAGIC[kind] {
            return Err(wrong(format!(
                "the program was serialized in version {} of the format, but this library reads version {}",
                char::from(bytes[kind]),
                char::from(MAGIC[kind])
            )));
        }
        let damaged =
            || wrong("the serialized program is damaged: its checksum does not match").help("serialize it again");
        let rest = &bytes[MAGIC.len()..];
        let Some((sum, body)) = rest.split_at_checked(32) else { return Err(damaged()) };
        if *sum != *Sha256::digest(body) {
            return Err(damaged());
        }
        let mut parts = Parts(body);
        for (what, here) in Surroundings::of(runtime)?.0 {
            let there = parts.text().ok_or_else(damaged)?;
            if there != here {
                return Err(wrong(format!(
                    "the program was compiled for another {what}: `{there}` instead of `{here}`"
                ))
                .help("a serialized program is machine code: compile it here, or use the portable `Lowered::export`"));
            }
        }
        parts.blob().ok_or_else(damaged)
    }
}

/// A sequence of parts, each preceded by its length.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<8>()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        self.0 = rest;
        Some(part)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.next()?.to_vec()).ok()
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.next()?.try_into().ok()?)).ok()
    }

    fn aval(&mut self) -> Option<Aval> {
        parse_aval(&self.text()?)
    }

    fn blob(&mut self) -> Option<Blob> {
        let name = self.text()?;
        let mut signature = Signature::default();
        for _ in 0..self.count()? {
            signature.inputs.push((self.text()?, self.aval()?, self.next()? == [1]));
        }
        for _ in 0..self.count()? {
            signature.outputs.push((self.text()?, self.aval()?));
        }
        let mut captures = Vec::new();
        for _ in 0..self.count()? {
            captures.push((self.aval()?, self.next()?.to_vec()));
        }
        Some(Blob { name, signature, captures, code: self.next()?.to_vec() })
    }
}
