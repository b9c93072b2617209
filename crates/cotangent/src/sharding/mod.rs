//! How arrays are laid out over the devices of a mesh. Not here: moving data, which is in `runtime`, and collectives, in
//! `control`.

pub(crate) mod draw;
pub(crate) mod mesh;
pub(crate) mod named;
pub(crate) mod spec;

pub use mesh::Mesh;
pub use named::NamedSharding;
pub use spec::{PartitionSpec, SpecEntry};
