//! What holds for every picture: labels are inside it and apart from each other.

use crate::scene::overlap;
use crate::{Animation, Axes, Figure, Grid, Map, Surface};

fn wave(x: f64) -> f64 {
    (3.0 * x).sin() + 0.3 * x
}

fn bowl() -> Grid {
    Grid::of(-2.0..2.0, -1.0..3.0, 60, |x, y| x * x + (y - 1.0).powi(2) * 0.4 - x * y)
}

/// Pictures of all kinds, at ordinary and at extreme values.
fn pictures() -> Vec<(String, Figure)> {
    let mut pictures: Vec<(String, Figure)> = Vec::new();
    let named = |axes: Axes| axes.title("A title").subtitle("and what is below it").x("the abscissa").y("the ordinate");
    for (low, high) in [(0.0, 1.0), (-1e-9, 3e-9), (1e7, 1.2e7), (-0.031, 12_345.6), (5.0, 5.0), (-1e300, 1e300)] {
        let x = crate::linspace(low, high, 50);
        let axes =
            named(Axes::new()).line(&x, &x).label("first").scatter(&x, x.iter().map(|v| v * 0.5)).label("second");
        pictures.push((format!("{low} to {high}"), axes.into()));
    }
    for decades in [1, 2, 4, 12, 40] {
        let y: Vec<f64> = (0..=decades).map(|d| 3.0 * 10f64.powi(d - 3)).collect();
        pictures.push((format!("{decades} decades"), named(Axes::new()).x_log().y_log().line(&y, &y).into()));
    }
    let many = (0..9).fold(named(Axes::new()), |axes, i| {
        axes.curve(0.0..5.0, move |x| wave(x + f64::from(i))).label(format!("a rather long name, number {i}"))
    });
    pictures.push(("a long legend".into(), many.into()));
    let noted = (0..6).fold(Axes::new().curve(0.0..5.0, wave), |axes, i| {
        let x = 0.4 + 0.9 * f64::from(i);
        axes.point(x, wave(x)).note(x, wave(x), format!("point {i}"))
    });
    pictures.push(("notes".into(), noted.into()));
    pictures.push(("filled".into(), named(Axes::new()).filled(&bowl()).label("height").into()));
    pictures.push(("contours".into(), named(Axes::new()).equal().contours(&bowl()).into()));
    pictures.push(("matrix".into(), named(Axes::new()).matrix(7, 0..49).map(Map::Blues).label("count").into()));
    pictures.push(("histogram".into(), named(Axes::new()).histogram((0..500).map(|i| wave(f64::from(i)))).into()));
    let letters: Vec<String> = ('a'..='z').map(String::from).collect();
    let values = (0..26 * 26).map(f64::from);
    pictures.push(("letters".into(), named(Axes::new()).x_names(&letters).y_names(&letters).matrix(26, values).into()));
    let months = ["January", "February", "March", "April", "May", "June", "July", "August", "September"];
    pictures.push(("months".into(), named(Axes::new()).x_names(months).bars(0.., (0..9).map(f64::from)).into()));
    for azimuth in [-170.0, -120.0, -55.0, 0.0, 20.0, 45.0, 90.0, 135.0] {
        for elevation in [-30.0, 8.0, 28.0, 80.0] {
            let surface = Surface::new(&bowl()).title("A bowl").view(elevation, azimuth);
            pictures.push((format!("a surface from {elevation}, {azimuth}"), surface.into()));
        }
    }
    let panel = |i: i32| Axes::new().title(format!("panel {i}")).x("x").y("y").curve(0.0..f64::from(i), wave);
    pictures.push(("a grid".into(), Figure::new().title("Six").panels((1..7).map(panel))));
    pictures.push(("shared axes".into(), Figure::new().panels((1..7).map(panel)).share_x().share_y()));
    let digits = (0..10).map(|i| Axes::new().title(format!("{i}")).image(4, 0..16));
    pictures.push(("images".into(), Figure::new().title("Digits").columns(10).panels(digits)));
    pictures
}

#[test]
fn labels_are_inside_and_apart() {
    for (name, figure) in pictures() {
        for (size, figure) in [("wide", figure.clone()), ("narrow", figure.narrow())] {
            let scene = figure.scene();
            let labels: Vec<_> = scene.labels().collect();
            assert!(!labels.is_empty(), "{name}");
            for (i, label) in labels.iter().enumerate() {
                let [left, top, right, bottom] = label.bounds();
                assert!(
                    left >= -0.5 && top >= -0.5 && right <= scene.width + 0.5 && bottom <= scene.height + 0.5,
                    "{name}, {size}: {:?} reaches {:?} of {} by {}",
                    label.text,
                    label.bounds(),
                    scene.width,
                    scene.height
                );
                for other in &labels[..i] {
                    assert!(
                        !overlap(label.bounds(), other.bounds()),
                        "{name}, {size}: {:?} at {:?} and {:?} at {:?}",
                        label.text,
                        label.bounds(),
                        other.text,
                        other.bounds()
                    );
                }
            }
        }
    }
}

/// The SVG without the values of fields, which may be NaN.
fn drawn(svg: &str) -> String {
    let mut parts = svg.split(" data-values=\"");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.filter_map(|part| part.split_once('"')).map(|(_, after)| after).collect::<String>()
}

#[test]
fn coordinates_are_finite() {
    for (name, figure) in pictures() {
        let svg = drawn(&figure.svg());
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    }
}

/// Data without a sensible picture: every function still draws one, without coordinates that are not finite.
#[test]
fn data_without_a_picture_is_drawn() {
    const NAN: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;
    let lists: &[&[f64]] = &[
        &[],
        &[0.0],
        &[1.0],
        &[NAN],
        &[INF, -INF],
        &[NAN, 1.0, INF],
        &[2.0, 2.0],
        &[1.0, 2.0],
        &[-1.0, 0.0, 3.0],
        &[1e300, -1e300],
        &[5e-324, 0.0],
        &[f64::MAX, f64::MIN],
        &[1.0, 1.0 + f64::EPSILON],
    ];
    let check = |name: &str, figure: Figure| {
        for figure in [figure.clone(), figure.narrow()] {
            let svg = drawn(&figure.svg());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}: {svg}");
            assert!(!figure.size(60.0, 45.0).png().is_empty(), "{name}");
        }
    };
    type Make = fn(Axes, &[f64], &[f64]) -> Axes;
    let makes: &[(&str, Make)] = &[
        ("line", |a, x, y| a.line(x, y).label("label").dashed()),
        ("line of indices", |a, _, y| a.line(0.., y)),
        ("scatter", |a, x, y| a.scatter(x, y).shaded(y).ringed()),
        ("scatter with a span", |a, x, y| a.scatter(0.., x).shaded(y).span(1.0, 1.0)),
        ("band", |a, x, y| a.band(0.., x, y)),
        ("band without end", |a, x, y| a.band(x, y, 0..)),
        ("band between", |a, x, y| a.line(x, y).band(x, y, y)),
        ("bars", |a, x, y| a.bars(x, y)),
        ("bars of indices", |a, _, y| a.bars(0.., y)),
        ("histogram", |a, x, _| a.histogram(x)),
        ("histogram without bins", |a, x, _| a.histogram(x).bins(0)),
        ("histogram of counts", |a, x, _| a.histogram(x).bins(3).counts()),
        ("density", |a, x, _| a.density(x)),
        ("image", |a, x, _| a.image(2, x)),
        ("image without columns", |a, x, _| a.image(0, x)),
        ("rgb", |a, x, _| a.rgb(1, x)),
        ("matrix", |a, x, _| a.matrix(1, x)),
        ("row", |a, x, _| a.matrix(x.len(), x)),
        ("heatmap", |a, x, y| a.heatmap(&grid(x, y))),
        ("filled", |a, x, y| a.filled(&grid(x, y))),
        ("filled at levels", |a, x, y| a.filled(&grid(x, y)).levels(y)),
        ("contours", |a, x, y| a.contours(&grid(x, y))),
        ("contours at levels", |a, x, y| a.contours(&grid(x, y)).levels(y)),
        ("curve", |a, x, _| a.curve(x.first().copied().unwrap_or(0.0)..x.last().copied().unwrap_or(0.0), |x| 1.0 / x)),
        ("references", |a, x, y| {
            let a = x.iter().fold(a, |a, x| a.vertical(*x));
            y.iter().fold(a, |a, y| a.horizontal(*y).note(*y, *y, "note").point(*y, *y))
        }),
        ("ranges", |a, x, y| match (x, y) {
            ([low, .., high], [bottom, .., top]) => a.x_range(*low, *high).y_range(*bottom, *top).line(x, y),
            _ => a.line(x, y),
        }),
        ("names", |a, x, y| a.x_names(["one", "two"]).y_names([""; 3]).line(x, y)),
    ];
    fn grid(x: &[f64], y: &[f64]) -> Grid {
        Grid::new(x, y, y.iter().flat_map(|y| x.iter().map(move |x| x * y)))
    }
    type Style = (&'static str, fn(Axes) -> Axes);
    let styles: [Style; 5] = [
        ("", |a| a),
        ("logarithmic", |a| a.x_log().y_log()),
        ("equal", Axes::equal),
        ("bare", |a| a.bare().y_down()),
        ("named", |a| a.title("A title").x("x").y("y")),
    ];
    for (name, make) in makes {
        for (i, x) in lists.iter().enumerate() {
            // Each list with itself and with two others.
            for y in [lists[i], lists[(i + 1) % lists.len()], lists[(i + 5) % lists.len()]] {
                let (style, change) = styles[(i + y.len()) % styles.len()];
                check(&format!("{name} of {x:?} and {y:?}, {style}"), make(change(Axes::new()), x, y).into());
            }
        }
    }
    for x in lists {
        for y in lists {
            let path = x.iter().zip(*y).map(|(x, y)| [*x, *y, *x]);
            let surface = Surface::new(&grid(x, y)).view(x.first().copied().unwrap_or(0.0), 30.0).path(path);
            check(&format!("surface of {x:?} and {y:?}"), surface.into());
        }
    }
    check("nothing", Figure::new());
    check("no marks", Axes::new().into());
    check("a tiny figure", Figure::new().panel(Axes::new().line(0.., [1.0])).size(0.0, NAN));
    assert!(Animation::new("t").png().is_err() || Animation::new("t").states().is_empty());
}
