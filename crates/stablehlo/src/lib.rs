//! A small, fast writer of [StableHLO](https://openxla.org/stablehlo/spec) text.
//!
//! Every operation is printed in MLIR's generic form, so one printer serves all of them. The only operations that this
//! crate knows are `constant`, `call` and the terminators. A [`Block`] appends to one `String`; there is no tree of
//! operations.
//!
//! The module [`read`] goes the other way: text and bytecode become a tree, which it can write again.
//!
//! ```
//! use cotangent_stablehlo::{Func, Module, Type, Visibility};
//!
//! let ty = Type::tensor(&[2, 3], "f32");
//! let mut main = Func::new("main", Visibility::Public, &[ty.clone()]);
//! let x = main.params().remove(0);
//! let block = main.body();
//! let two = block.splat(&ty, 2);
//! let y = block.op1("stablehlo.multiply", [&x, &two], &[], &ty);
//! main.ret(&[y]);
//!
//! let mut module = Module::new("jit_double");
//! module.add(main);
//! assert_eq!(
//!     module.to_text(),
//!     r#"module @jit_double attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
//!   func.func public @main(%0: tensor<2x3xf32>) -> tensor<2x3xf32> {
//!     %1 = "stablehlo.constant"() {value = dense<2.0> : tensor<2x3xf32>} : () -> tensor<2x3xf32>
//!     %2 = "stablehlo.multiply"(%0, %1) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
//!     "func.return"(%2) : (tensor<2x3xf32>) -> ()
//!   }
//! }
//! "#
//! );
//! ```

mod attr;
mod block;
mod location;
mod module;
pub mod read;
mod scalar;
mod text;
mod ty;

pub use attr::Attr;
pub use block::{Block, Operands, Region, RegionOp, Value, Values};
pub use location::Location;
pub use module::{Func, Module, Visibility};
pub use scalar::Scalar;
pub use ty::Type;
