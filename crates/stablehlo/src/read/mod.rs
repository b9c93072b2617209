//! A reader of StableHLO modules.
//!
//! [`text`] reads MLIR text, in the pretty and in the generic syntax, as JAX, PyTorch and TensorFlow print it.
//! [`bytes`] reads MLIR bytecode, such as a portable artifact inside a file that `jax.export` wrote, or text. Both
//! return a [`Program`]: plain data, in which names, types and attributes are the same whichever form was read. An
//! attribute that holds its operation's default value is left out, and so is an empty list in a structured
//! attribute. Of bytecode, attributes of dialects other than StableHLO in an encoding of their own are left out
//! too, such as `sdy.sharding_rule`.
//!
//! [`Program::to_text`] and [`Program::to_artifact`] write a program again, as generic text and as versioned
//! bytecode. [`Program::part`] writes some operations as functions that another module can hold.
//!
//! The input need not be trusted: what is wrong with it is a [`ReadError`], nesting is limited, and memory is
//! proportional to the input's size.
//!
//! ```
//! use cotangent_stablehlo::read;
//!
//! let program = read::text(
//!     r#"module @jit_double {
//!       func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
//!         %0 = stablehlo.add %arg0, %arg0 : tensor<2x3xf32>
//!         return %0 : tensor<2x3xf32>
//!       }
//!     }"#,
//! )?;
//! let main = program.function("main").unwrap();
//! let add = &main.body.ops[0];
//! assert_eq!(&*add.name, "stablehlo.add");
//! assert_eq!(add.operands[0], main.body.params.get(0).unwrap());
//! assert_eq!(main.ty(add.results.get(0).unwrap()).to_string(), "tensor<2x3xf32>");
//! # Ok::<(), read::ReadError>(())
//! ```

mod artifact;
mod attr;
mod bytecode;
mod canon;
mod element;
mod error;
mod float;
mod location;
mod part;
mod print;
mod select;
mod text;
mod tree;
mod ty;

pub use artifact::WriteError;
pub use attr::{Attr, Attrs, Dense, Struct};
pub use element::Element;
pub use error::{Place, ReadError};
pub use location::{LocId, Location, Locations, Source};
pub use part::{Part, free};
pub use tree::{Function, Op, Operands, Program, Region, Value, Values};
pub use ty::{FunctionType, TensorType, Type};

/// Reads MLIR text.
pub fn text(text: &str) -> Result<Program, ReadError> {
    text::read(text)
}

/// Reads MLIR bytecode, which starts with `ML\xefR`, or MLIR text.
pub fn bytes(bytes: &[u8]) -> Result<Program, ReadError> {
    if bytes.starts_with(b"ML\xefR") {
        return bytecode::read(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(s) => text(s),
        Err(e) => Err(ReadError::new(
            "this is neither MLIR bytecode, which starts with `ML\\xefR`, nor text in UTF-8",
            Place::Byte(e.valid_up_to()),
        )),
    }
}
