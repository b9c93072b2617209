//! Pictures in notebooks of [evcxr](https://github.com/evcxr/evcxr), the Rust kernel for Jupyter: it calls
//! `evcxr_display` on the value of a cell's last expression.
//!
//! A picture has the background of its theme, so it is readable on every page.

use crate::svg::base64;
use crate::{Animation, Axes, Figure, Surface};

/// The width of a picture that has none of its own, if it would be wider: that of a notebook's column.
const WIDTH: f64 = 800.0;

/// Prints a text and a picture in one piece.
fn print(text: &str, mime: &str, picture: &str) {
    let content = |mime: &str, body: &str| format!("EVCXR_BEGIN_CONTENT {mime}\n{body}\nEVCXR_END_CONTENT\n");
    print!("{}{}", content("text/plain", text), content(mime, picture.trim_end()));
}

impl Figure {
    /// Shows the picture in a notebook of the Rust kernel evcxr, as SVG. Needs the feature `evcxr`.
    ///
    /// ```
    /// use cotangent_plot::{Axes, Figure};
    ///
    /// Figure::from(Axes::new().curve(0.0..6.3, f64::sin)).evcxr_display();
    /// ```
    pub fn evcxr_display(&self) {
        // Some pages show a picture smaller if there is less room, and others cut it off.
        let figure = match (self.width, self.size) {
            (None, None) if self.scene().width > WIDTH => self.clone().width(WIDTH),
            _ => self.clone(),
        };
        let svg = figure.svg().replacen("<svg ", "<svg style=\"max-width:100%;height:auto\" ", 1);
        print(&self.description(), "image/svg+xml", &svg);
    }
}

macro_rules! alone {
    ($($kind:ident)*) => { $(
        impl $kind {
            /// Shows the picture in a notebook of the Rust kernel evcxr, as SVG. Needs the feature `evcxr`.
            pub fn evcxr_display(&self) {
                Figure::from(self.clone()).evcxr_display();
            }
        }
    )* };
}

alone!(Axes Surface);

impl Animation {
    /// Shows the animation in a notebook of the Rust kernel evcxr, as an animated PNG. Needs the feature `evcxr`.
    pub fn evcxr_display(&self) {
        let text = self.states().last().map(|(_, figure)| figure.description()).unwrap_or_default();
        match self.png() {
            Ok(bytes) => print(&text, "image/png", &base64(&bytes)),
            Err(error) => eprintln!("{error}"),
        }
    }
}
