//! JAX's function transformations for Rust, on XLA.
//!
//! A Rust function over [`Array`]s is traced into a small typed program, a *jaxpr*. [`grad`] turns it into its
//! derivative, [`vmap`] turns it into a function over batches, and [`jit`] runs it as one program compiled by XLA.
//! These transforms compose in any order.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let polynomial = |x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0;
//! let dpolynomial = grad(polynomial);
//!
//! let mut x = Array::from(3.0);
//! for _ in 0..200 {
//!     x = &x - 0.01 * dpolynomial(&x);
//! }
//! assert!((x.item::<f64>() + 2.0 / 3.0).abs() < 1e-4);
//! ```
//!
//! # Features
//!
//! No feature is enabled by default.
//!
//! | feature | what it adds | crates it depends on |
//! |---|---|---|
//! | `evcxr` | rich output in Rust notebooks: arrays and trees as tables, jaxprs with aligned equations, for the kernel `evcxr` | none |
//! | `flax` | `io::flax`: arrays and trees in the files of `flax.serialization` | `memmap2`, `tempfile` |
//! | `ndarray` | `Array::to_ndarray`, and `Array::from` of the arrays and views of `ndarray` | `ndarray` |
//! | `npy` | `io::npy`: arrays and trees in `.npy` and `.npz` files, and in those of Equinox | `zip`, `memmap2`, `tempfile` |
//! | `safetensors` | `io::safetensors`, `io::Checkpoints`: weights by path, mapped into memory, and states of training runs | `safetensors`, `memmap2`, `tempfile`, `serde_json` |
//! | `serde` | `Serialize` and `Deserialize` of `Array`, `random::Key`, `Aval`, `Shape`, `DType` | `serde`, `base64` |
//! | `tracing` | spans and events of tracing, lowering, compiling, cache hits and execution, with times | `tracing` |
//!
//! In JSON, an array is its dtype, its shape, whether it is weakly typed, and the bytes of its elements in base64.
//! Every bit survives the round trip, including those of NaN and −0. A binary format stores the bytes directly. Structs
//! of arrays use serde's own derive.
//!
//! # Profiling
//!
//! With the feature `tracing`, a subscriber receives these spans and events, all under the target `cotangent`:
//!
//! | span or event | level | fields |
//! |---|---|---|
//! | span `jit`: a jitted function is traced for a new type of argument | debug | `function`, `location` |
//! | event `traced`, at the end of that span | debug | `reason` (as in [`CacheReport::misses`]), `equations` |
//! | spans `trace`, `rewrite`, `lower`, `compile`, `disk`: the stages, as in [`Times`] | debug | |
//! | event `program ready`, if it was compiled or loaded | debug | `origin`, `equations`, and the times below |
//! | event `program ready`, if it was already in memory | trace | `origin` (`memory`) |
//! | span `call`: a call of a jitted function | trace | `function`, `location` |
//! | spans `execute`, `wait`, `read`: a program is started, a result is waited for, its elements are read | trace | |
//!
//! The `origin` is `compiled`, `disk` or `memory`. It is `memory` if another function shares the executable. The times
//! are `rewrite_ms`, `lower_ms`, `compile_ms` and `disk_ms`. A program may still be running when `execute` ends. The
//! remaining time then shows in `wait` or `read`.
//!
//! ```
//! use cotangent::prelude::*;
//! use tracing_subscriber::fmt::format::FmtSpan;
//!
//! tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_span_events(FmtSpan::CLOSE).init();
//! let f = jit(|x: &Array| x.sin());
//! // DEBUG jit{function=… location=src/main.rs:5:9}:trace: cotangent: close time.busy=85.0µs …
//! // DEBUG cotangent: program ready origin="compiled" equations=1 … compile_ms=24.2
//! f(&np::zeros(3));
//! ```
//!
//! # Environment variables
//!
//! | variable | meaning |
//! |---|---|
//! | `COTANGENT_DEVICE` | the default device: `cuda:0`, or `cuda`; without it, `cpu:0` ([`Device::current`]) |
//! | `COTANGENT_CPU_DEVICES` | the number of devices that the CPU presents, to try programs for several; 1 by default |
//! | `COTANGENT_CPU_KERNELS` | `alike`: compile programs of a few dozen elements like larger ones, which takes longer, so that tests with small arrays see what large ones get |
//! | `PJRT_CPU_PLUGIN`, `PJRT_CUDA_PLUGIN` | path of a plugin to use instead of the pinned one |
//! | `COTANGENT_DEFAULT_MATMUL_PRECISION` | the precision of products that ask for none ([`default_matmul_precision`]): `highest` for full `f32` on a GPU |
//! | `COTANGENT_CUDA_VISIBLE_DEVICES` | the GPUs to use, such as `0,1`; all by default |
//! | `COTANGENT_CUDA_PREALLOCATE` | `false`: do not take the memory of GPUs at the start |
//! | `COTANGENT_CUDA_MEMORY_FRACTION` | the part of each GPU's memory that may be used; 0.75 by default |
//! | `COTANGENT_CUDA_ALLOCATOR` | how the memory of GPUs is allocated: `bfc`, `cuda_async` or `platform` |
//! | `COTANGENT_PLUGIN_LOG` | `1`: show the log lines of the plugin on standard error |
//! | `COTANGENT_OFFLINE` | `1`: never download anything |
//! | `COTANGENT_QUIET` | `1`: print nothing during the download |
//! | `COTANGENT_CACHE_DIR` | directory of plugins and compiled programs, instead of `~/.cache/cotangent` |
//! | `COTANGENT_COMPILE_CACHE` | `0`: do not store compiled programs ([`compile_cache`]) |
//! | `COTANGENT_COORDINATOR`, `COTANGENT_PROCESSES`, `COTANGENT_PROCESS_ID` | the job of several processes that [`distributed::initialize_from_env`] joins |
//! | `COTANGENT_JOB`, `COTANGENT_LOCAL_DEVICES` | its name, and the GPUs of this process |
//! | `COTANGENT_COMPILE_CACHE_LIMIT` | maximum size of the stored programs: `500MB`, `2GiB` |

#![cfg_attr(docsrs, feature(doc_cfg))]

// The derive macro refers to this crate by the name that its users write.
extern crate self as cotangent;

mod api;
mod array;
pub mod checkify;
mod compile;
mod control;
pub mod debug;
pub mod distributed;
mod error;
pub mod extend;
pub mod fft;
pub mod image;
pub mod import;
mod interop;
#[cfg(any(feature = "flax", feature = "npy", feature = "safetensors"))]
pub mod io;
mod ir;
pub mod lax;
mod methods;
pub mod nn;
pub mod numpy;
mod ops;
pub mod optim;
mod processes;
pub mod profiler;
pub mod random;
mod runtime;
pub mod scipy;
mod sharding;
mod trace;
mod transform;
pub mod tree;

pub use crate::array::aval::{Aval, Dimension, IntoNewShape, IntoShape, Shape};
pub use crate::array::device::{Device, default_device, set_default_device};
pub use crate::array::dtype::{DType, Element};
pub use crate::array::modes::{DTypePromotion, RankPromotion};
pub use crate::array::platform::Platform;
pub use crate::array::{Array, ArrayLike, Arrays, Whole};
pub use crate::compile::times::Times;
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::import::JaxExport;
pub use crate::ir::axis::AxisName;
pub use crate::ir::jaxpr::{Closed, Jaxpr};
pub use crate::methods::read::Read;
pub use crate::sharding::{Mesh, NamedSharding, PartitionSpec, SpecEntry};
pub use crate::tree::leafwise::Leafwise;
pub use crate::tree::static_value::Static;
pub use crate::tree::{Tree, block_until_ready, copy_to_host_async};
pub use api::aot::{Compiled, Lowered, MemoryAnalysis};
pub use api::axes::{Axes, IntoAxes};
pub use api::callback::{Callback, ResultTypes, VmapMethod, io_callback, pure_callback};
pub use api::checkpoint::{Checkpoint, Policy, checkpoint, checkpoint_policies};
pub use api::compile_cache;
pub use api::cross::CrossCompiled;
pub use api::custom::{Custom, CustomJvp, CustomVjp, custom_jvp, custom_vjp};
pub use api::custom_vmap::{CustomVmap, custom_vmap, sequential_vmap};
pub use api::devices::device_put;
pub use api::eval_shape::{EvalShape, eval_shape};
pub use api::exported::{Exported, Loaded};
pub use api::func::{AllArgs, Arg, Argnums, Argument, Func, Nth, Own, Params, Passing, Ref};
pub use api::grad::{Grad, Objective, ValueAndGrad, grad, value_and_grad};
pub use api::hessian::{Hessian, hessian};
pub use api::jacobian::{Aux, Differentiated, Jacobian, NoAux, jacfwd, jacobian, jacrev};
pub use api::jit::{Jit, MakeJaxpr, jit, make_jaxpr};
pub use api::linear::{
    Linear, Vjp, jvp, linear_transpose, linearize, try_jvp, try_linear_transpose, try_linearize, try_vjp, vjp,
};
pub use api::modes::{disable_jit, no_execution, numpy_dtype_promotion, numpy_rank_promotion};
pub use api::named_scope::named_scope;
pub use api::no_tracing::no_tracing;
pub use api::prefix::{IntoPrefix, Prefix};
pub use api::report::{CacheReport, Change, Miss};
pub use api::shard_map::{ShardMap, shard_map};
pub use api::sharding::{
    Destination, Shard, make_array_from_callback, make_array_from_single_device_arrays, make_mesh,
    visualize_array_sharding,
};
pub use api::signature::Signature;
pub use api::vmap::{Vmap, vmap};
pub use cotangent_derive::Tree;
#[cfg(feature = "evcxr")]
#[cfg_attr(docsrs, doc(cfg(feature = "evcxr")))]
pub use interop::evcxr::EvcxrDisplay;
pub use methods::Operand;
pub use numpy::ravel_pytree::ravel_pytree;
pub use ops::name::checkpoint_name;
pub use ops::precision::{default_matmul_precision, set_default_matmul_precision};
pub use runtime::{devices, devices_of, local_devices};
pub use trace::frames::ensure_compile_time_eval;
pub use xla::{CudaAllocator, CudaOptions, Target};

/// Imports what most programs need: `use cotangent::prelude::*`.
///
/// The types of transformed functions are included, so that structs can name them in their fields: `step: Jit<'static,
/// (Own<State>, Ref<Array>), State>`. A name that the program defines or imports by itself takes precedence over one
/// from here.
pub mod prelude {
    #[cfg(feature = "evcxr")]
    pub use crate::interop::evcxr::{Debugged as _, EvcxrDisplay as _};
    pub use crate::optim::Optimizer;
    pub use crate::random::Key;
    pub use crate::{
        Array, ArrayLike, Axes, DType, Device, Error, Func, Grad, Jit, Own, Ref, Result, Tree, ValueAndGrad, Vjp, Vmap,
        args, block_until_ready, checkpoint, custom_jvp, custom_vjp, custom_vmap, eval_shape, grad, hessian, jacfwd,
        jacrev, jit, jvp, lax, linearize, make_jaxpr, nn, numpy as np, random, s, sequential_vmap, tree,
        value_and_grad, vjp, vmap,
    };
}

/// Returns the part of the runtime that tracing needs: it executes programs.
pub(crate) fn backend() -> &'static dyn trace::backend::Backend {
    &runtime::Pjrt
}

/// Runs the examples of the book's pages on errors, which are not part of the published crate.
#[cfg(doctest)]
macro_rules! pages_on_errors {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("../../../docs/book/src/", $file))]
            struct $name;
        )*
    };
}

#[cfg(doctest)]
pages_on_errors! {
    ShapeErrors = "errors/shapes.md",
    DTypeErrors = "errors/dtypes.md",
    AxisErrors = "errors/axes.md",
    TraceErrors = "errors/traces.md",
    TransformErrors = "errors/transforms.md",
    TreeErrors = "errors/trees.md",
    RuntimeErrors = "errors/runtime.md",
    DeviceErrors = "errors/devices.md",
    ProcessErrors = "errors/processes.md",
    PanicErrors = "errors/panics.md",
    ValueErrors = "errors/values.md",
    CompileTimeErrors = "errors/compile-time.md",
}

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Runs the examples of chapters of the book, which is not part of the published crate.
#[cfg(doctest)]
macro_rules! chapters {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("../../../docs/book/src/", $file))]
            struct $name;
        )*
    };
}

#[cfg(doctest)]
chapters! {
    Introduction = "introduction.md",
    FirstHour = "first-hour.md",
    FromJax = "from-jax.md",
    Traces = "traces.md",
    ControlFlow = "control-flow.md",
    Derivatives = "derivatives.md",
    Batching = "batching.md",
    Randomness = "randomness.md",
    Trees = "trees.md",
    Functions = "functions.md",
    SharpEdges = "sharp-edges.md",
    Networks = "networks.md",
    Optimizers = "optimizers.md",
    Notebooks = "notebooks.md",
    Files = "files.md",
    Importing = "importing.md",
    Performance = "performance.md",
    Devices = "devices.md",
    Sharding = "sharding.md",
    Gpu = "gpu.md",
    CompilingForAGpu = "compiling-for-a-gpu.md",
    Distributed = "distributed.md",
    CustomRules = "custom-rules.md",
    Primitives = "primitives.md",
}
