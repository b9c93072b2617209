//! A figure: panels in a grid, with a title.

use std::io;
use std::path::{Path, PathBuf};

use crate::axes::{Axes, Kind};
use crate::color::{Paint, Theme};
use crate::draw;
use crate::layout::{Margins, Sizes, head, scales};
use crate::raster::{self, Bitmap};
use crate::scene::Scene;
use crate::surface::Surface;
use crate::svg;

/// A part of a figure.
#[derive(Clone, Debug)]
pub enum Panel {
    /// Two axes.
    Axes(Box<Axes>),
    /// A surface in space.
    Surface(Box<Surface>),
}

impl From<Axes> for Panel {
    fn from(axes: Axes) -> Panel {
        Panel::Axes(Box::new(axes))
    }
}

impl From<Surface> for Panel {
    fn from(surface: Surface) -> Panel {
        Panel::Surface(Box::new(surface))
    }
}

/// A picture of one or more panels.
///
/// A panel alone is a picture, too: [`Axes`] and [`Surface`] have the methods that save one.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    title: String,
    subtitle: String,
    panels: Vec<Panel>,
    columns: Option<usize>,
    pub(crate) size: Option<(f64, f64)>,
    pub(crate) width: Option<f64>,
    theme: Theme,
    share_x: bool,
    share_y: bool,
}

/// The pixels of a PNG for each logical pixel.
const SCALE: f64 = 2.0;
/// The space around the figure and between panels.
const EDGE: f64 = 12.0;
const GAP: f64 = 22.0;

impl Figure {
    /// A figure without panels.
    pub fn new() -> Figure {
        Figure::default()
    }

    /// The title above all panels.
    pub fn title(mut self, text: impl Into<String>) -> Figure {
        self.title = text.into();
        self
    }

    /// A smaller line below the title.
    pub fn subtitle(mut self, text: impl Into<String>) -> Figure {
        self.subtitle = text.into();
        self
    }

    /// Adds a panel, in the order of reading.
    pub fn panel(mut self, panel: impl Into<Panel>) -> Figure {
        self.panels.push(panel.into());
        self
    }

    /// Adds panels.
    pub fn panels(mut self, panels: impl IntoIterator<Item: Into<Panel>>) -> Figure {
        self.panels.extend(panels.into_iter().map(Into::into));
        self
    }

    /// The number of panels in a row. Without it, the grid is about as wide as high.
    pub fn columns(mut self, columns: usize) -> Figure {
        self.columns = Some(columns.max(1));
        self
    }

    /// The size in logical pixels. A PNG has twice as many pixels.
    pub fn size(mut self, width: f64, height: f64) -> Figure {
        self.size = Some((side(width), side(height)));
        self
    }

    /// The width in logical pixels. The height follows from it, unless a size is set.
    pub fn width(mut self, width: f64) -> Figure {
        self.width = Some(side(width));
        self
    }

    /// The figure for a narrow screen: its panels below each other, and images four in a row.
    pub fn narrow(&self) -> Figure {
        let images = self.panels.iter().all(is_image);
        let columns = if images { 4 } else { 1 };
        Figure { columns: Some(columns), size: None, width: Some(380.0), ..self.clone() }
    }

    /// The theme.
    pub fn theme(mut self, theme: Theme) -> Figure {
        self.theme = theme;
        self
    }

    /// Gives all panels the same horizontal range, and shows its numbers below the last row only.
    pub fn share_x(mut self) -> Figure {
        self.share_x = true;
        self
    }

    /// Gives all panels the same vertical range, and shows its numbers beside the first column only.
    pub fn share_y(mut self) -> Figure {
        self.share_y = true;
        self
    }

    /// What the picture shows, in words.
    pub fn description(&self) -> String {
        let texts = [self.title.as_str(), self.subtitle.as_str()].into_iter();
        let of_panels = self.panels.iter().flat_map(|panel| match panel {
            Panel::Axes(axes) => {
                let labels = axes.marks.iter().map(|m| m.label.as_str());
                [axes.title.as_str(), &axes.subtitle].into_iter().chain(labels).collect::<Vec<_>>()
            }
            Panel::Surface(surface) => vec![surface.title.as_str(), &surface.subtitle],
        });
        let all: Vec<&str> = texts.chain(of_panels).filter(|text| !text.is_empty()).collect();
        if all.is_empty() { "a plot".into() } else { all.join("; ") }
    }

    /// The surfaces that the figure shows.
    pub fn surfaces(&self) -> impl Iterator<Item = &Surface> {
        self.panels.iter().filter_map(|panel| if let Panel::Surface(surface) = panel { Some(&**surface) } else { None })
    }

    /// The picture as SVG.
    pub fn svg(&self) -> String {
        self.svg_with("")
    }

    /// The picture as SVG. The names in it begin with `prefix`, so that several pictures can be in one page.
    pub fn svg_with(&self, prefix: &str) -> String {
        svg::svg(&self.scene(), self.theme, prefix)
    }

    /// The width in pixels, and the pixels: red, green and blue of each, row by row, `scale` of them for each logical
    /// pixel.
    pub fn pixels(&self, scale: f64) -> (usize, Vec<u8>) {
        let bitmap = raster::bitmap(&self.scene(), self.theme, scale);
        (bitmap.width, bitmap.pixels)
    }

    /// The picture as the bytes of a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let Bitmap { width, height, pixels } = self.bitmap();
        raster::encode(&pixels, width, height, png::ColorType::Rgb).unwrap_or_default()
    }

    pub(crate) fn bitmap(&self) -> Bitmap {
        raster::bitmap(&self.scene(), self.theme, SCALE)
    }

    /// Writes `NAME.png` and `NAME.svg` into a directory, which is made if need be, and returns the paths.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn save(&self, dir: impl AsRef<Path>, name: &str) -> io::Result<[PathBuf; 2]> {
        let dir = dir.as_ref();
        std::fs::create_dir_all(dir)?;
        let paths = ["png", "svg"].map(|kind| dir.join(format!("{name}.{kind}")));
        std::fs::write(&paths[0], self.png())?;
        std::fs::write(&paths[1], self.svg())?;
        Ok(paths)
    }

    /// The panels, with ranges that are shared.
    fn shared(&self) -> Vec<Panel> {
        let mut panels = self.panels.clone();
        let mut all = panels.iter_mut().filter_map(|p| if let Panel::Axes(axes) = p { Some(axes) } else { None });
        let mut all: Vec<_> = all.by_ref().collect();
        let union = |of: &dyn Fn(&Axes) -> (f64, f64), all: &[&mut Box<Axes>]| {
            crate::data::range(all.iter().flat_map(|axes| <[f64; 2]>::from(of(axes))))
        };
        if self.share_x {
            let range = union(&|axes| (scales(axes).0.low, scales(axes).0.high), &all);
            all.iter_mut().for_each(|axes| axes.x_range = axes.x_range.or(range));
        }
        if self.share_y {
            let range = union(&|axes| (scales(axes).1.low, scales(axes).1.high), &all);
            all.iter_mut().for_each(|axes| axes.y_range = axes.y_range.or(range));
        }
        panels
    }

    pub(crate) fn scene(&self) -> Scene {
        let panels = self.shared();
        let count = panels.len().max(1);
        let columns = self.columns.unwrap_or(match count {
            1..=3 => count,
            4 => 2,
            n => (n as f64).sqrt().ceil().min(4.0) as usize,
        });
        let columns = columns.min(count);
        let rows = count.div_ceil(columns);
        let images = !panels.is_empty() && panels.iter().all(is_image);
        let given = self.size.map(|s| s.0).or(self.width);
        let width = given.unwrap_or_else(|| default_width(columns, images));
        let gap = if images { 10.0 } else { GAP };
        let cell_width = (width - 2.0 * EDGE - gap * (columns - 1) as f64) / columns as f64;
        let title = head(&self.title, &self.subtitle, Sizes::of(width), width - 2.0 * EDGE);
        let cell_height = |height: f64| (height - 2.0 * EDGE - title.height - gap * (rows - 1) as f64) / rows as f64;
        let height_of_cell = match self.size {
            Some((_, height)) => cell_height(height),
            None if count == 1 => {
                if panels.first().is_some_and(is_image) {
                    0.0
                } else if cell_width >= 560.0 {
                    0.66 * cell_width
                } else {
                    0.85 * cell_width
                }
            }
            None => 0.8 * cell_width,
        };
        let hidden = |i: usize| (self.share_x && i + columns < count, self.share_y && !i.is_multiple_of(columns));
        let size = (cell_width, height_of_cell.max(60.0));
        let margins: Vec<Margins> = panels.iter().enumerate().map(|(i, p)| margins(p, size, hidden(i))).collect();
        // Frames in a row or a column begin and end together.
        let most = |chosen: &dyn Fn(usize) -> bool| {
            let all = margins.iter().enumerate().filter(|(i, _)| chosen(*i));
            all.fold(Margins::default(), |most, (_, m)| most.max(*m))
        };
        let by_row: Vec<Margins> = (0..rows).map(|row| most(&|i| i / columns == row)).collect();
        let by_column: Vec<Margins> = (0..columns).map(|column| most(&|i| i % columns == column)).collect();
        // All frames have one size, however much is beside them.
        let across = by_column.iter().map(|m| m.left + m.right).sum::<f64>() + gap * (columns - 1) as f64;
        let mut frame_width = ((width - 2.0 * EDGE - across) / columns as f64).max(10.0);
        let down = by_row.iter().map(|m| m.top + m.bottom).sum::<f64>() + gap * (rows - 1) as f64;
        let mut frame_height = match self.size {
            Some((_, height)) => (height - 2.0 * EDGE - title.height - down) / rows as f64,
            None if images => frame_width * panels.iter().map(aspect).fold(0.0, f64::max),
            None => size.1 - down / rows as f64,
        };
        frame_height = frame_height.max(10.0);
        let mut width = width;
        if let (None, None, [only]) = (self.size, self.width, &panels[..])
            && let Some(ratio) = fixed_ratio(only)
        {
            // A panel with equal units decides on the size of the figure.
            frame_height = frame_height.max(0.78 * frame_width).min(frame_width / ratio);
            let less = (frame_width - frame_height * ratio).min(width - 460.0).max(0.0);
            (width, frame_width) = (width - less, frame_width - less);
        }
        let cell_width = |column: usize| frame_width + by_column[column].left + by_column[column].right;
        let row_height = |row: usize| frame_height + by_row[row].top + by_row[row].bottom;
        let inner: f64 = (0..rows).map(row_height).sum::<f64>() + gap * (rows - 1) as f64;
        let height = self.size.map_or(2.0 * EDGE + title.height + inner, |s| s.1);
        let mut scene = Scene::new(width, height);
        scene.description = self.description();
        let below = scene.paragraph((EDGE, EDGE), &title.title, Sizes::of(width).title, Paint::Ink);
        scene.paragraph((EDGE, EDGE + below), &title.subtitle, Sizes::of(width).subtitle, Paint::Soft);
        let mut top = EDGE + title.height;
        for (row, down) in by_row.iter().enumerate() {
            let mut right = EDGE - gap;
            for (column, across) in by_column.iter().enumerate() {
                let left = right + gap;
                right = left + cell_width(column);
                let Some(panel) = panels.get(row * columns + column) else { continue };
                let cell = [left, top, right, top + row_height(row)];
                let frame = [cell[0] + across.left, cell[1] + down.top, cell[2] - across.right, cell[3] - down.bottom];
                match panel {
                    Panel::Axes(axes) => draw::axes(&mut scene, axes, cell, frame, hidden(row * columns + column)),
                    Panel::Surface(surface) => surface.draw(&mut scene, cell, frame),
                }
            }
            top += row_height(row) + gap;
        }
        scene
    }
}

fn default_width(columns: usize, images: bool) -> f64 {
    match (images, columns) {
        (true, 1) => 360.0,
        (true, n) => (2.0 * EDGE + 120.0 * n as f64).clamp(360.0, 1080.0),
        (false, 1) => 760.0,
        (false, 2) => 960.0,
        (false, _) => 1080.0,
    }
}

fn is_image(panel: &Panel) -> bool {
    matches!(panel, Panel::Axes(axes) if axes.marks.iter().any(|m| matches!(m.kind, Kind::Image { .. })))
}

/// The height of an image, in widths.
fn aspect(panel: &Panel) -> f64 {
    let Panel::Axes(axes) = panel else { return 1.0 };
    let (x, y) = scales(axes);
    (y.high - y.low) / (x.high - x.low)
}

/// The ratio of width to height of a panel that is filled and has equal units.
fn fixed_ratio(panel: &Panel) -> Option<f64> {
    let Panel::Axes(axes) = panel else { return None };
    let filled = axes.marks.iter().any(|m| matches!(m.kind, Kind::Heat(_) | Kind::Filled(_)));
    (axes.equal && filled).then(|| 1.0 / aspect(panel))
}

fn margins(panel: &Panel, size: (f64, f64), hidden: (bool, bool)) -> Margins {
    match panel {
        Panel::Axes(axes) => draw::margins(axes, size, hidden),
        Panel::Surface(surface) => surface.margins(size),
    }
}

macro_rules! alone {
    ($($kind:ident)*) => { $(
        impl From<$kind> for Figure {
            fn from(panel: $kind) -> Figure {
                Figure::new().panel(panel)
            }
        }

        /// As a picture of its own; [`Figure`] has further settings, such as the size.
        impl $kind {
            /// The picture as SVG.
            pub fn svg(self) -> String {
                Figure::from(self).svg()
            }

            /// The picture as the bytes of a PNG file.
            pub fn png(self) -> Vec<u8> {
                Figure::from(self).png()
            }

            /// Writes `NAME.png` and `NAME.svg` into a directory, which is made if need be, and returns the paths.
            ///
            /// # Errors
            ///
            /// If a file cannot be written.
            pub fn save(self, dir: impl AsRef<Path>, name: &str) -> io::Result<[PathBuf; 2]> {
                Figure::from(self).save(dir, name)
            }
        }
    )* };
}

alone!(Axes Surface);

/// A length that a picture can have.
fn side(length: f64) -> f64 {
    if length.is_nan() { 40.0 } else { length.clamp(40.0, 10_000.0) }
}
