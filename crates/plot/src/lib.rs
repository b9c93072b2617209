#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod animation;
mod axes;
mod color;
mod contour;
mod data;
mod draw;
#[cfg(feature = "evcxr")]
mod evcxr;
mod figure;
mod font;
mod layout;
mod marks;
mod raster;
mod scale;
mod scene;
mod surface;
mod svg;
#[cfg(test)]
mod tests;

pub use animation::Animation;
pub use axes::Axes;
pub use color::{Color, Map, Paint, Theme};
pub use data::{Data, Grid, Number, linspace};
pub use figure::{Figure, Panel};
pub use scale::number;
pub use surface::Surface;
