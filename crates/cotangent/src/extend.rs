//! Extension points of the library, like `jax.extend`: user-defined primitives, and programs as values.
//!
//! | name | purpose |
//! |---|---|
//! | [`Primitive`] | an operation with its rules: types, derivatives, batches, StableHLO |
//! | [`bind`], [`bind1`], [`bind_shared`] | apply a primitive |
//! | [`Lowering`] | writes the StableHLO of a primitive |
//! | [`Jaxpr`], [`Closed`], [`Eqn`], [`Atom`], [`Var`] | traced programs |
//! | [`JaxprBuilder`] | builds programs without tracing |
//! | [`Outputs`], [`InlineVec`] | the results of a rule, nearly always one |
//! | [`primitives`] | the library's own primitives |
//! | [`Backend`] | another client: a plugin with options of its own |
//! | [`register_ffi_target`], [`ffi_call`] | functions on memory that programs call by name |

pub use crate::api::ffi::{FfiCall, ffi_call, register_ffi_target};
pub use crate::array::dtype::Kind;
pub use crate::array::literal::{Literal, Scalar};
pub use crate::array::promote::promote_types;
pub use crate::array::{Elements, InlineVec};
pub use crate::control::ffi_call::FfiAttribute;
pub use crate::error::Loc;
pub use crate::ir::axis::{AxisSet, NamedAxis};
pub use crate::ir::build::JaxprBuilder;
pub use crate::ir::check::check;
pub use crate::ir::effects::Effects;
pub use crate::ir::jaxpr::{Atom, Closed, Eqn, Jaxpr, Var};
pub use crate::ir::lowering::{Attr, Lowering, Value, lower};
pub use crate::ir::primitive::{Operand, Outputs, Primitive, PrimitiveParams, RunProgram, Tangent, missing_rule};
pub use crate::runtime::{Backend, OptionValue};
pub use crate::trace::{bind, bind_shared, bind1};
pub use xla::{ArrayShape, Attributes as FfiAttributes, Call as FfiFrame};

/// The library's own primitives. [`Eqn::prim`] downcasts to these types. The counterpart in JAX is
/// `jax.extend.core.primitives`.
///
/// ```
/// use cotangent::extend::{bind1, primitives};
/// use cotangent::prelude::*;
/// let y = bind1(primitives::Neg, &[&Array::from([1, -2])]);
/// assert_eq!(y.to_vec::<i32>(), [-1, 2]);
/// ```
pub mod primitives {
    pub use crate::control::collectives::*;
    pub use crate::control::cond::Cond;
    pub use crate::control::reduce::{Reduce, ReduceWindow};
    pub use crate::control::scan::Scan;
    pub use crate::control::while_loop::While;
    pub use crate::ops::arg_reduce::*;
    pub use crate::ops::binary::*;
    pub use crate::ops::bits::*;
    pub use crate::ops::compare::*;
    pub use crate::ops::complex::*;
    pub use crate::ops::conv::*;
    pub use crate::ops::convert::*;
    pub use crate::ops::dot::*;
    pub use crate::ops::dynamic::*;
    pub use crate::ops::fft::*;
    pub use crate::ops::gather::*;
    pub use crate::ops::incomplete_beta::*;
    pub use crate::ops::linalg::*;
    pub use crate::ops::name::Name;
    pub use crate::ops::polygamma::*;
    pub use crate::ops::pow::*;
    pub use crate::ops::reduce::*;
    pub use crate::ops::reduce_window::*;
    pub use crate::ops::rng::RngBitGenerator;
    pub use crate::ops::scatter::*;
    pub use crate::ops::select_window::*;
    pub use crate::ops::shape::*;
    pub use crate::ops::sharding_constraint::ShardingConstraint;
    pub use crate::ops::slice::*;
    pub use crate::ops::sort::*;
    pub use crate::ops::split::*;
    pub use crate::ops::stop_gradient::*;
    pub use crate::ops::threefry::*;
    pub use crate::ops::top_k::*;
    pub use crate::ops::unary::*;
    pub use crate::ops::window::*;
}
