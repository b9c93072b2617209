//! The primitive behind all callbacks.

use std::sync::Arc;

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::effects::Effects;
use crate::ir::lowering::{Lowering, layouts};
use crate::ir::primitive::{Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::ops::elementwise::rebind;
use crate::ops::shape::batched_in_front;
use crate::trace::frames::bind;

use crate::control::host_fn::{HostFn, TARGET};
use crate::control::scan::Scan;

/// What a pure callback does under `vmap`.
///
/// ```
/// use cotangent::VmapMethod;
/// assert_ne!(VmapMethod::Sequential, VmapMethod::ExpandDims);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VmapMethod {
    /// Calls the function once for each element.
    Sequential,
    /// Calls the function once, with the batch axis in front of every array. An argument without a batch axis gets one of
    /// size 1.
    ExpandDims,
    /// Calls the function once, with the batch axis in front of every array. An argument without a batch axis is repeated.
    BroadcastAll,
}

/// The error of differentiating a callback.
pub(crate) fn no_derivative(what: &str) -> Error {
    Error::new(ErrorKind::Transform, format!("{what} has no derivative, because its function is not traced"))
        .help("wrap the call in `custom_jvp` or `custom_vjp` with a derivative rule, or apply `stop_gradient`")
}

/// What a callback may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// It has no effects.
    Pure { vmap: Option<VmapMethod> },
    /// It has effects and results.
    Io { ordered: bool },
    /// It only inspects values, and does so under differentiation too.
    Debug,
}

/// `pure_callback`, `io_callback`, `debug_callback`: a call of a function of this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallbackPrimitive {
    /// The function.
    pub(crate) function: Arc<HostFn>,
    /// The types of its results.
    pub(crate) outputs: Vec<Aval>,
    pub(crate) kind: Kind,
}

/// Maps a call of a function that is not traced over a batch, by a method. `wider` returns the call whose results have
/// these types.
pub(super) fn map_call<P: Primitive>(
    call: &P,
    outputs: &[Aval],
    wider: impl FnOnce(Vec<Aval>) -> P,
    method: VmapMethod,
    (x, axes, size): (&[Array], &[Option<usize>], usize),
) -> (Vec<Array>, Vec<Option<usize>>) {
    let places = vec![Some(0); outputs.len()];
    if method == VmapMethod::Sequential {
        return (one_by_one(call, x, axes, size), places);
    }
    let operand = |(x, axis): (&Array, &Option<usize>)| match (axis, method) {
        (None, VmapMethod::ExpandDims) => x.expand_dims(0),
        _ => batched_in_front(x, *axis, size),
    };
    let operands: Vec<Array> = x.iter().zip(axes).map(operand).collect();
    let outputs = outputs.iter().map(|a| a.with_shape(a.shape.insert(0, size))).collect();
    (bind(wider(outputs), &operands.iter().collect::<Vec<_>>()).into_vec(), places)
}

/// Calls the function once for each element, in order.
fn one_by_one(call: &dyn Primitive, x: &[Array], axes: &[Option<usize>], size: usize) -> Vec<Array> {
    let mapped: Vec<Array> =
        x.iter().zip(axes).filter(|(_, a)| a.is_some()).map(|(x, a)| batched_in_front(x, *a, size)).collect();
    let step = |slices: &[Array]| {
        let mut slices = slices.iter();
        let args: Vec<&Array> =
            x.iter().zip(axes).filter_map(|(x, a)| if a.is_some() { slices.next() } else { Some(x) }).collect();
        rebind(call, &args).into_vec()
    };
    Scan::map(step, &mapped, size)
}

impl Primitive for CallbackPrimitive {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Pure { .. } => "pure_callback",
            Kind::Io { .. } => "io_callback",
            Kind::Debug => "debug_callback",
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self.kind {
            Kind::Io { ordered } => vec![("ordered", boolean(ordered))],
            _ => Vec::new(),
        }
    }

    fn infer(&self, _: &[Aval]) -> Result<Outputs<Aval>> {
        Ok(self.outputs.iter().cloned().collect())
    }

    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        match self.kind {
            Kind::Debug => {
                rebind(self, &x.iter().collect::<Vec<_>>());
                (Vec::new(), Vec::new())
            }
            Kind::Pure { .. } => raise(no_derivative("a `pure_callback`")),
            Kind::Io { .. } => raise(no_derivative("an `io_callback`")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let method = match self.kind {
            Kind::Debug | Kind::Io { ordered: false } => VmapMethod::Sequential,
            Kind::Pure { vmap: Some(method) } => method,
            Kind::Pure { vmap: None } => raise(
                Error::new(ErrorKind::Transform, "a `pure_callback` under `vmap` needs a method")
                    .help("set one, for example `Callback::pure(…).vmap_method(VmapMethod::Sequential)`"),
            ),
            Kind::Io { ordered: true } => raise(
                Error::new(
                    ErrorKind::Transform,
                    "an ordered `io_callback` cannot be batched: the elements of a batch have no order",
                )
                .help("remove `.ordered()`, or loop with `lax::scan` or `lax::map`"),
            ),
        };
        let wider = |outputs| CallbackPrimitive { outputs, ..self.clone() };
        map_call(self, &self.outputs, wider, method, (x, axes, size))
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let kept = self.effects().kept;
        // The function sees row-major arrays, whichever layout the compiler prefers. The token is a scalar.
        let token = kept.then_some(0);
        let layouts =
            |avals: &[Aval]| layouts(token.into_iter().chain(avals.iter().map(Aval::rank)).map(|n| (0..n).rev()));
        let config = vec![
            ("id".to_string(), Attr::I64(self.function.id() as i64)),
            ("token".to_string(), Attr::I64(i64::from(kept))),
        ];
        let attrs = [
            ("api_version", Attr::I32(4)),
            ("backend_config", Attr::Dict(config)),
            ("call_target_name", Attr::Str(TARGET.to_string())),
            ("has_side_effect", Attr::Bool(kept)),
            ("operand_layouts", layouts(inputs)),
            ("result_layouts", layouts(outs)),
        ];
        if kept {
            return cx.effect("stablehlo.custom_call", args, &attrs, outs);
        }
        let results: Vec<_> = outs.iter().map(Aval::mlir).collect();
        cx.block.op("stablehlo.custom_call", args, &attrs, &results).into_iter().collect()
    }

    fn effects(&self) -> Effects {
        match self.kind {
            Kind::Pure { .. } => Effects::HOST,
            Kind::Io { .. } | Kind::Debug => Effects::IO,
        }
    }
}
