//! Pictures. A picture is built as a [`Scene`](scene::Scene), a list of shapes, and then written as PNG and SVG.

pub(crate) mod axes;
pub(crate) mod bands;
pub(crate) mod colour;
pub(crate) mod scene;
pub(crate) mod surface;

pub(crate) use axes::Axes;
pub(crate) use colour::Colour;
pub(crate) use scene::Scene;
