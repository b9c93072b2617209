//! What happens between a jaxpr and an executable: programs are simplified, repeated blocks become functions, and a
//! style is chosen. Not here: clients, plugins and caches, which are in `runtime`.

pub(crate) mod lift;
pub(crate) mod outline;
pub(crate) mod record;
pub(crate) mod simplify;
pub(crate) mod spans;
pub(crate) mod style;
pub(crate) mod times;
