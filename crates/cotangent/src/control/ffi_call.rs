//! Calls of functions that the plugin knows by name.

use std::sync::Arc;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::lowering::{Lowering, layouts};
use crate::ir::primitive::{Outputs, Primitive, Tangent};

use super::callback::{VmapMethod, map_call, no_derivative};

/// A constant that a call passes to its function.
///
/// ```
/// use cotangent::extend::FfiAttribute;
/// assert_eq!(FfiAttribute::from(2i64), FfiAttribute::I64(2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FfiAttribute {
    /// A boolean.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// The bits of an `f32`.
    F32(u32),
    /// The bits of an `f64`.
    F64(u64),
    /// A text.
    Str(String),
    /// Integers.
    I64s(Vec<i64>),
}

macro_rules! attributes {
    ($($t:ty: |$x:ident| $value:expr;)*) => { $(
        impl From<$t> for FfiAttribute {
            fn from($x: $t) -> FfiAttribute {
                $value
            }
        }
    )* };
}

attributes! {
    bool: |x| FfiAttribute::Bool(x);
    i64: |x| FfiAttribute::I64(x);
    f32: |x| FfiAttribute::F32(x.to_bits());
    f64: |x| FfiAttribute::F64(x.to_bits());
    &str: |x| FfiAttribute::Str(x.to_string());
    String: |x| FfiAttribute::Str(x);
    Vec<i64>: |x| FfiAttribute::I64s(x);
}

impl FfiAttribute {
    pub(super) fn mlir(&self) -> Attr {
        match self {
            FfiAttribute::Bool(x) => Attr::Bool(*x),
            FfiAttribute::I64(x) => Attr::I64(*x),
            FfiAttribute::F32(x) => Attr::F32(f32::from_bits(*x)),
            FfiAttribute::F64(x) => Attr::F64(f64::from_bits(*x)),
            FfiAttribute::Str(x) => Attr::Str(x.clone()),
            FfiAttribute::I64s(x) => Attr::I64Array(x.clone()),
        }
    }
}

/// `ffi_call`: a call of a registered function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FfiCallPrimitive {
    pub(crate) target: Arc<str>,
    /// The types of the results.
    pub(crate) outputs: Vec<Aval>,
    pub(crate) attributes: Vec<(String, FfiAttribute)>,
    pub(crate) vmap: Option<VmapMethod>,
}

impl Primitive for FfiCallPrimitive {
    fn name(&self) -> &'static str {
        "ffi_call"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("target_name", self.target.to_string())]
    }

    fn infer(&self, _: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(self.outputs.iter().cloned().collect())
    }

    fn jvp(&self, _: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        raise(no_derivative("an `ffi_call`"))
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(method) = self.vmap else {
            raise(
                Error::new(ErrorKind::Transform, "an `ffi_call` under `vmap` needs a method")
                    .help("set one, for example `ffi_call(…).vmap_method(VmapMethod::Sequential)`"),
            )
        };
        let wider = |outputs| FfiCallPrimitive { outputs, ..self.clone() };
        map_call(self, &self.outputs, wider, method, (x, axes, size))
    }

    fn runs_on(&self, platform: Platform) -> bool {
        platform == Platform::Cpu
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        // The function sees row-major arrays, whichever layout the compiler prefers.
        let layouts = |avals: &[Aval]| layouts(avals.iter().map(|aval| (0..aval.rank()).rev()));
        let config = self.attributes.iter().map(|(name, value)| (name.clone(), value.mlir())).collect();
        let attrs = [
            ("api_version", Attr::I32(4)),
            ("backend_config", Attr::Dict(config)),
            ("call_target_name", Attr::Str(self.target.to_string())),
            ("operand_layouts", layouts(inputs)),
            ("result_layouts", layouts(outs)),
        ];
        let results: Vec<_> = outs.iter().map(Aval::mlir).collect();
        cx.block.op("stablehlo.custom_call", args, &attrs, &results).into_iter().collect()
    }
}
