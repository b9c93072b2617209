//! What a file holds, as `cotangent inspect` prints it.

use std::collections::BTreeMap;

use stablehlo::read::{Program, Region};

use crate::array::device::Device;
use crate::control::opaque::opaque_in;
use crate::error::{Error, Result};

use super::artifact::Artifact;
use super::flatbuffer::Buffer;
use super::model::{About, Model, program};

/// What a file holds, whether or not it can be imported.
///
/// ```
/// use cotangent::import;
/// let text = "module @m { func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
///     %0 = stablehlo.add %x, %x : tensor<2xf32>
///     return %0 : tensor<2xf32>
/// } }";
/// let report = import::inspect(text.as_bytes()).unwrap();
/// assert_eq!(report.operations["stablehlo.add"], 1);
/// assert!(report.problem.is_none());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The function's name and types: `f(f32[2]) -> f32[2]`.
    pub signature: String,
    /// The kind of the file: `jax.export` or `StableHLO`.
    pub format: &'static str,
    /// The platforms that it was exported for. A bare module does not name them.
    pub platforms: Vec<String>,
    /// Why it does not run on the default device, if it was exported for other platforms. [`Model::on_any_platform`] allows it.
    pub platform_problem: Option<Error>,
    /// The size of the StableHLO module in bytes.
    pub module_bytes: usize,
    /// The number of bytes of its constants.
    pub constant_bytes: usize,
    /// How often reverse mode can be applied with the derivatives in the file. Beyond that, derivatives are those of the
    /// operations; see [`Model::vjp_order`].
    pub vjp_order: usize,
    /// The number of functions of the module.
    pub functions: usize,
    /// How often each operation occurs.
    pub operations: BTreeMap<String, usize>,
    /// The operations without a primitive, which run as they were written: what they are, and where they come from. They have
    /// no derivative, and `vmap` runs them once for each element.
    pub opaque: Vec<String>,
    /// The number of equations of the imported program, if it can be imported.
    pub equations: Option<usize>,
    /// Why it cannot be imported.
    pub problem: Option<Error>,
    /// All operations that cannot be imported, in the function and in its derivatives: what they are, where they come from,
    /// and why.
    pub refused: Vec<String>,
    /// Why a derivative in the file cannot be imported, although the function can.
    pub vjp_problem: Option<Error>,
}

/// See [`inspect`](super::inspect).
pub(super) fn inspect(bytes: &[u8]) -> Result<Report> {
    let buffer = Buffer::new(bytes);
    let is_module = bytes.starts_with(b"ML\xefR") || (bytes.len() > 4 && std::str::from_utf8(bytes).is_ok());
    if is_module {
        let parsed = program(bytes)?;
        let about = About::bare(&parsed)?;
        let report = Report::new(&about, "StableHLO", bytes.len(), &parsed);
        return Ok(report.tried(|refused| Model::bare(&parsed, refused)));
    }
    let artifact = Artifact::read(&buffer)?;
    let parsed = program(artifact.module).map_err(|e| e.context(artifact.name))?;
    let report = Report {
        platforms: artifact.platforms.iter().map(ToString::to_string).collect(),
        vjp_order: artifact.vjp_order(),
        ..Report::new(&About::of(&artifact), "jax.export", artifact.module.len(), &parsed)
    };
    Ok(report.tried(|refused| {
        // The operations are looked at in any case.
        let model = Model::of(&artifact, &parsed, refused);
        artifact.refusal().and(model)
    }))
}

impl Report {
    fn new(about: &About, format: &'static str, module_bytes: usize, program: &Program) -> Report {
        let mut operations = BTreeMap::new();
        let mut constant_bytes = 0;
        let mut open: Vec<&Region> = program.functions.iter().map(|f| &f.body).collect();
        while let Some(region) = open.pop() {
            for op in &region.ops {
                *operations.entry(op.name.to_string()).or_default() += 1;
                if let Some(stablehlo::read::Attr::Dense(dense)) = op.attributes.get("value") {
                    constant_bytes += dense.data.len();
                }
                open.extend(&op.regions);
            }
        }
        Report {
            signature: about.to_string(),
            format,
            platforms: Vec::new(),
            platform_problem: None,
            module_bytes,
            constant_bytes,
            vjp_order: 0,
            functions: program.functions.len(),
            operations,
            opaque: Vec::new(),
            equations: None,
            problem: None,
            refused: Vec::new(),
            vjp_problem: None,
        }
    }

    fn tried(mut self, read: impl FnOnce(&mut Vec<Error>) -> Result<Model>) -> Report {
        let mut refused = Vec::new();
        let outcome = read(&mut refused);
        self.refused = refused.iter().map(|error| error.message().to_string()).collect();
        match outcome {
            Ok(model) => {
                self.equations = Some(model.jaxpr().size());
                self.opaque = opaque_in(model.jaxpr()).iter().map(|opaque| opaque.what.to_string()).collect();
                self.vjp_problem = model.body().problem().cloned();
                self.platform_problem =
                    Device::current().and_then(|device| model.body().check_platform(device.platform())).err();
            }
            Err(error) => self.problem = Some(error),
        }
        self
    }
}
