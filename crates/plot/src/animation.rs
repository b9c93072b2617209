//! Several states of a picture.

use std::io;
use std::path::{Path, PathBuf};

use crate::figure::Figure;
use crate::raster;

/// Pictures in a row, each with a label: frames of an animation, or states that a reader chooses from.
///
/// ```no_run
/// use cotangent_plot::{Animation, Axes};
///
/// let wave = |t: f64| Axes::new().y_range(-1.0, 1.0).curve(0.0..6.3, move |x| (x - t).sin());
/// Animation::new("time")
///     .rate(20)
///     .frames((0..40).map(|i| (format!("{i}"), wave(f64::from(i) * 0.157))))
///     .save("out", "wave")?; // wave.png, which moves, and wave.svg, its last frame
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Animation {
    parameter: String,
    frames: Vec<(String, Figure)>,
    rate: u16,
}

impl Animation {
    /// An animation without frames. The name is that of the parameter that changes, such as `step`.
    pub fn new(parameter: impl Into<String>) -> Animation {
        Animation { parameter: parameter.into(), frames: Vec::new(), rate: 10 }
    }

    /// Adds a frame, with the value of the parameter.
    pub fn frame(mut self, value: impl Into<String>, figure: impl Into<Figure>) -> Animation {
        self.frames.push((value.into(), figure.into()));
        self
    }

    /// Adds frames.
    pub fn frames<F: Into<Figure>>(mut self, frames: impl IntoIterator<Item = (String, F)>) -> Animation {
        self.frames.extend(frames.into_iter().map(|(value, figure)| (value, figure.into())));
        self
    }

    /// The frames shown in a second: 10 unless set.
    pub fn rate(mut self, frames: u16) -> Animation {
        self.rate = frames.max(1);
        self
    }

    /// The frames shown in a second.
    pub fn frames_per_second(&self) -> u16 {
        self.rate
    }

    /// The name of the parameter.
    pub fn parameter(&self) -> &str {
        &self.parameter
    }

    /// The values of the parameter, and their pictures.
    pub fn states(&self) -> &[(String, Figure)] {
        &self.frames
    }

    /// The animation as the bytes of an animated PNG file. Programs that do not know those show the first frame.
    ///
    /// # Errors
    ///
    /// If there is no frame, or if not all have the same size.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let bitmaps: Vec<_> = self.frames.iter().map(|(_, figure)| figure.bitmap()).collect();
        let Some(first) = bitmaps.first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an animation needs a frame"));
        };
        if let Some(other) = bitmaps.iter().find(|b| (b.width, b.height) != (first.width, first.height)) {
            let text = format!(
                "the frames of an animation must have one size, but one is {} by {} and another {} by {}",
                first.width, first.height, other.width, other.height
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let frames: Vec<&[u8]> = bitmaps.iter().map(|b| b.pixels.as_slice()).collect();
        let mut bytes = Vec::new();
        raster::write(&mut bytes, &frames, first.width, first.height, png::ColorType::Rgb, Some(self.rate))?;
        Ok(bytes)
    }

    /// Writes `NAME.png`, which moves, and `NAME.svg`, the last frame, into a directory, which is made if need be.
    ///
    /// # Errors
    ///
    /// If the frames are not those of an animation (see [`png`](Animation::png)), or if a file cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>, name: &str) -> io::Result<[PathBuf; 2]> {
        let (dir, bytes) = (dir.as_ref(), self.png()?);
        std::fs::create_dir_all(dir)?;
        let paths = ["png", "svg"].map(|kind| dir.join(format!("{name}.{kind}")));
        std::fs::write(&paths[0], bytes)?;
        let last = self.frames.last().map(|(_, figure)| figure.svg());
        std::fs::write(&paths[1], last.unwrap_or_default())?;
        Ok(paths)
    }
}
