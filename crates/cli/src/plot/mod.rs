//! Pictures. A picture is built as a [`Scene`](scene::Scene), a list of shapes, and then written as PNG and SVG.

pub(crate) mod axes;
pub(crate) mod bands;
pub(crate) mod color;
pub(crate) mod scene;
pub(crate) mod surface;

pub(crate) use axes::Axes;
pub(crate) use color::Color;
pub(crate) use scene::Scene;
