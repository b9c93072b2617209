//! A panel with two axes, built mark by mark.

use crate::color::{Map, Paint};
use crate::data::{Data, Grid, Number, floats, kernel_density, linspace, pairs};
use crate::scene::Point;

/// What a mark shows.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Line(Vec<Point>),
    Dots(Vec<Point>),
    /// The area between a lower and an upper line.
    Area {
        x: Vec<f64>,
        low: Vec<f64>,
        high: Vec<f64>,
    },
    Bars {
        x: Vec<f64>,
        heights: Vec<f64>,
    },
    Histogram {
        values: Vec<f64>,
        bins: Option<usize>,
        counts: bool,
    },
    /// RGB pixels.
    Image {
        pixels: Vec<[u8; 3]>,
        width: usize,
    },
    Heat(Grid),
    Filled(Grid),
    Contours(Grid),
    Vertical(f64),
    Horizontal(f64),
    Note {
        at: Point,
        text: String,
    },
}

/// A kind with its style.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) kind: Kind,
    pub(crate) label: String,
    pub(crate) paint: Paint,
    pub(crate) opacity: f64,
    /// The width of a line, or the diameter of a dot.
    pub(crate) size: f64,
    pub(crate) dashed: bool,
    pub(crate) ringed: bool,
    pub(crate) map: Map,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) levels: Option<Vec<f64>>,
    /// Values that color the dots.
    pub(crate) shades: Option<Vec<f64>>,
    /// Whether it has a color bar.
    pub(crate) bar: bool,
}

/// A panel with two axes.
///
/// Each method that adds a mark is followed by those that style it: [`label`](Axes::label), [`color`](Axes::color),
/// [`dashed`](Axes::dashed) and the others apply to the mark that was added last. Marks with labels appear in a legend
/// above the panel, where it covers no data.
///
/// Values that are not finite are left out: a line has a gap there. So are values that a logarithmic axis does not have.
///
/// ```
/// use cotangent_plot::Axes;
///
/// let losses = [3.1, 1.2, f64::NAN, 0.4, 0.2];
/// let svg = Axes::new()
///     .title("Training")
///     .x("epoch")
///     .y("loss")
///     .line(0.., &losses)
///     .label("train")
///     .line(0.., [3.2, 1.6, 1.0, 0.9, 0.85])
///     .label("held out")
///     .dashed()
///     .svg();
/// assert!(svg.contains(">held out</text>"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Axes {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) x_name: String,
    pub(crate) y_name: String,
    pub(crate) x_range: Option<(f64, f64)>,
    pub(crate) y_range: Option<(f64, f64)>,
    pub(crate) x_names: Vec<String>,
    pub(crate) y_names: Vec<String>,
    pub(crate) x_log: bool,
    pub(crate) y_log: bool,
    pub(crate) equal: bool,
    pub(crate) bare: bool,
    pub(crate) y_down: bool,
    pub(crate) marks: Vec<Mark>,
    series: usize,
}

/// Settings of the axes.
impl Axes {
    /// Axes without marks.
    pub fn new() -> Axes {
        Axes::default()
    }

    /// The title.
    pub fn title(mut self, text: impl Into<String>) -> Axes {
        self.title = text.into();
        self
    }

    /// A smaller line below the title.
    pub fn subtitle(mut self, text: impl Into<String>) -> Axes {
        self.subtitle = text.into();
        self
    }

    /// The name of the horizontal axis.
    pub fn x(mut self, name: impl Into<String>) -> Axes {
        self.x_name = name.into();
        self
    }

    /// The name of the vertical axis.
    pub fn y(mut self, name: impl Into<String>) -> Axes {
        self.y_name = name.into();
        self
    }

    /// The range of the horizontal axis. Without it, the range is that of the data.
    pub fn x_range(mut self, low: f64, high: f64) -> Axes {
        self.x_range = Some((low, high));
        self
    }

    /// The range of the vertical axis. Without it, the range is that of the data.
    pub fn y_range(mut self, low: f64, high: f64) -> Axes {
        self.y_range = Some((low, high));
        self
    }

    /// Names of the values 0, 1, 2, … of the horizontal axis, instead of numbers. Where there is no space, some are left
    /// out.
    ///
    /// ```
    /// use cotangent_plot::Axes;
    ///
    /// let svg = Axes::new().x_names(["apples", "pears"]).bars(0.., [3.0, 5.0]).svg();
    /// assert!(svg.contains(">pears</text>"));
    /// ```
    pub fn x_names(mut self, names: impl IntoIterator<Item: Into<String>>) -> Axes {
        self.x_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Names of the values 0, 1, 2, … of the vertical axis, instead of numbers.
    pub fn y_names(mut self, names: impl IntoIterator<Item: Into<String>>) -> Axes {
        self.y_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Makes the horizontal axis logarithmic.
    pub fn x_log(mut self) -> Axes {
        self.x_log = true;
        self
    }

    /// Makes the vertical axis logarithmic.
    pub fn y_log(mut self) -> Axes {
        self.y_log = true;
        self
    }

    /// Makes a unit equally long on both axes.
    pub fn equal(mut self) -> Axes {
        self.equal = true;
        self
    }

    /// Leaves out ticks, numbers and the frame.
    pub fn bare(mut self) -> Axes {
        self.bare = true;
        self
    }

    /// Makes the vertical axis point downward, as the rows of a matrix do.
    pub fn y_down(mut self) -> Axes {
        self.y_down = true;
        self
    }
}

/// Marks.
impl Axes {
    fn add(mut self, kind: Kind, paint: Option<Paint>) -> Axes {
        let paint = paint.unwrap_or_else(|| {
            self.series += 1;
            Paint::Series(self.series - 1)
        });
        let size = match kind {
            Kind::Line(_) => 2.2,
            Kind::Dots(ref points) if points.len() > 2000 => 3.0,
            Kind::Dots(ref points) if points.len() > 200 => 4.5,
            Kind::Dots(_) => 7.0,
            Kind::Contours(_) => 1.3,
            Kind::Note { .. } => 13.0,
            _ => 1.4,
        };
        let bar = matches!(kind, Kind::Heat(_) | Kind::Filled(_));
        self.marks.push(Mark {
            kind,
            label: String::new(),
            paint,
            opacity: 1.0,
            size,
            dashed: false,
            ringed: false,
            map: Map::default(),
            range: None,
            levels: None,
            shades: None,
            bar,
        });
        self
    }

    /// A line through points.
    pub fn line(self, x: impl Data, y: impl Data) -> Axes {
        self.add(Kind::Line(pairs(x, y)), None)
    }

    /// The graph of a function.
    pub fn curve(self, x: std::ops::Range<f64>, f: impl Fn(f64) -> f64) -> Axes {
        let points = linspace(x.start, x.end, 400).into_iter().map(|x| (x, f(x))).collect();
        self.add(Kind::Line(points), None)
    }

    /// Dots.
    pub fn scatter(self, x: impl Data, y: impl Data) -> Axes {
        self.add(Kind::Dots(pairs(x, y)), None)
    }

    /// One dot that stands out.
    pub fn point(self, x: f64, y: f64) -> Axes {
        let mut axes = self.add(Kind::Dots(vec![(x, y)]), None);
        axes.last(|mark| (mark.size, mark.ringed) = (9.0, true));
        axes
    }

    /// The area between a lower and an upper line, in the color of the line before it.
    pub fn band(self, x: impl Data, low: impl Data, high: impl Data) -> Axes {
        let before = self.marks.iter().rev().find(|m| matches!(m.kind, Kind::Line(_))).map(|m| m.paint);
        let (edges, x) =
            pairs(low, high).into_iter().zip(x).map(|(edges, x)| (edges, x.float())).collect::<(Vec<_>, _)>();
        let (low, high) = edges.into_iter().unzip();
        let mut axes = self.add(Kind::Area { x, low, high }, before);
        axes.last(|mark| mark.opacity = 0.22);
        axes
    }

    /// Bars from zero to their heights, each in the middle of its place.
    pub fn bars(self, x: impl Data, heights: impl Data) -> Axes {
        let (x, heights) = pairs(x, heights).into_iter().unzip();
        self.add(Kind::Bars { x, heights }, None)
    }

    /// A histogram. Its heights are densities, so that curves of densities can be drawn over it.
    pub fn histogram(self, values: impl Data) -> Axes {
        let mut axes = self.add(Kind::Histogram { values: floats(values), bins: None, counts: false }, None);
        axes.last(|mark| mark.opacity = 0.38);
        axes
    }

    /// The density of values, estimated by Gaussian kernels.
    pub fn density(self, values: impl Data) -> Axes {
        self.add(Kind::Line(kernel_density(&floats(values))), None)
    }

    /// A gray image of a number of columns: rows from the top, from 0 (black) to 1 (white), or to 255 for bytes.
    pub fn image<D: Data>(self, columns: usize, pixels: D) -> Axes {
        let full = <D::Item as Number>::FULL;
        let gray = |v: f64| [(v / full * 255.0).round().clamp(0.0, 255.0) as u8; 3];
        self.pixels(columns, floats(pixels).into_iter().map(gray).collect())
    }

    /// A color image of a number of columns: red, green and blue of each pixel, from 0 to 1, or to 255 for bytes.
    pub fn rgb<D: Data>(self, columns: usize, pixels: D) -> Axes {
        let full = <D::Item as Number>::FULL;
        let byte = |v: f64| (v / full * 255.0).round().clamp(0.0, 255.0) as u8;
        let values = floats(pixels);
        let pixels = values.as_chunks::<3>().0.iter().map(|p| p.map(byte)).collect();
        self.pixels(columns, pixels)
    }

    /// An image without the pixels of a last row that is not complete.
    fn pixels(mut self, columns: usize, mut pixels: Vec<[u8; 3]>) -> Axes {
        pixels.truncate(pixels.len().checked_div(columns).unwrap_or(0) * columns);
        (self.equal, self.bare, self.y_down) = (true, true, true);
        self.add(Kind::Image { pixels, width: columns }, Some(Paint::Ink))
    }

    /// A field of colored cells, one around each point of a grid with even steps, and a color bar.
    pub fn heatmap(self, grid: &Grid) -> Axes {
        self.add(Kind::Heat(grid.clone()), Some(Paint::Ink))
    }

    /// A matrix of a number of columns as colored cells, with the first row at the top.
    ///
    /// # Panics
    ///
    /// If the last row is not complete.
    #[track_caller]
    pub fn matrix(mut self, columns: usize, values: impl Data) -> Axes {
        (self.equal, self.y_down) = (true, true);
        self.heatmap(&Grid::matrix(columns, values))
    }

    /// The areas between the levels of a function, each in its color, and a color bar.
    pub fn filled(self, grid: &Grid) -> Axes {
        self.add(Kind::Filled(grid.clone()), Some(Paint::Ink))
    }

    /// The lines at the levels of a function, with their values.
    pub fn contours(self, grid: &Grid) -> Axes {
        self.add(Kind::Contours(grid.clone()), None)
    }

    /// A vertical line across the panel.
    pub fn vertical(self, x: f64) -> Axes {
        let mut axes = self.add(Kind::Vertical(x), Some(Paint::Soft));
        axes.last(|mark| mark.dashed = true);
        axes
    }

    /// A horizontal line across the panel.
    pub fn horizontal(self, y: f64) -> Axes {
        let mut axes = self.add(Kind::Horizontal(y), Some(Paint::Soft));
        axes.last(|mark| mark.dashed = true);
        axes
    }

    /// A text beside a point, on the side where it covers least.
    pub fn note(self, x: f64, y: f64, text: impl Into<String>) -> Axes {
        self.add(Kind::Note { at: (x, y), text: text.into() }, Some(Paint::Ink))
    }
}

/// Styles of the mark that was added last.
impl Axes {
    fn last(&mut self, change: impl FnOnce(&mut Mark)) {
        if let Some(mark) = self.marks.last_mut() {
            change(mark);
        }
    }

    fn styled(mut self, change: impl FnOnce(&mut Mark)) -> Axes {
        self.last(change);
        self
    }

    /// Its name in the legend, or above its color bar.
    pub fn label(self, text: impl Into<String>) -> Axes {
        self.styled(|mark| mark.label = text.into())
    }

    /// Its color.
    pub fn color(mut self, paint: impl Into<Paint>) -> Axes {
        let paint = paint.into();
        // A color that was taken from the palette, and that nothing else has, is free again.
        let taken = Paint::Series(self.series.wrapping_sub(1));
        let others = self.marks.iter().rev().skip(1).any(|mark| mark.paint == taken);
        if !others && self.marks.last().is_some_and(|mark| mark.paint == taken) {
            self.series -= 1;
        }
        self.styled(|mark| mark.paint = paint)
    }

    /// Its opacity, from 0 to 1.
    pub fn opacity(self, opacity: f64) -> Axes {
        self.styled(|mark| mark.opacity = opacity)
    }

    /// The width of its lines, the diameter of its dots, or the size of its text.
    pub fn size(self, size: f64) -> Axes {
        self.styled(|mark| mark.size = size)
    }

    /// Makes its line dashed.
    pub fn dashed(self) -> Axes {
        self.styled(|mark| mark.dashed = true)
    }

    /// Surrounds its dots, or its line, with the background, so that they stand out from what is below.
    pub fn ringed(self) -> Axes {
        self.styled(|mark| mark.ringed = true)
    }

    /// The number of bars of a histogram.
    pub fn bins(self, count: usize) -> Axes {
        self.styled(|mark| {
            if let Kind::Histogram { bins, .. } = &mut mark.kind {
                *bins = Some(count);
            }
        })
    }

    /// Makes the heights of a histogram counts.
    pub fn counts(self) -> Axes {
        self.styled(|mark| {
            if let Kind::Histogram { counts, .. } = &mut mark.kind {
                *counts = true;
            }
        })
    }

    /// Colors its dots by values, and adds a color bar.
    pub fn shaded(self, values: impl Data) -> Axes {
        self.styled(|mark| {
            let count = if let Kind::Dots(points) = &mark.kind { points.len() } else { 0 };
            mark.shades = Some(values.into_iter().take(count).map(Number::float).collect());
            mark.bar = true;
        })
    }

    /// The color map of its values.
    pub fn map(self, map: Map) -> Axes {
        self.styled(|mark| mark.map = map)
    }

    /// The values at the ends of its color map. Without them, the ends are those of the data.
    pub fn span(self, low: f64, high: f64) -> Axes {
        self.styled(|mark| mark.range = Some((low, high)))
    }

    /// The levels of its contours. Without them, they are round numbers.
    pub fn levels(self, levels: impl Data) -> Axes {
        self.styled(|mark| mark.levels = Some(floats(levels)))
    }

    /// Leaves out its color bar.
    pub fn no_bar(self) -> Axes {
        self.styled(|mark| mark.bar = false)
    }
}
