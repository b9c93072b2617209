use cotangent::Array;
use cotangent_plot::{Axes, Paint, linspace};

/// Twenty of the walks, and the spread that theory predicts.
pub(super) fn walks(walks: &Array) -> Axes {
    let time = linspace(0.0, 1000.0, 101);
    let twice = |sign: f64| time.iter().map(|t| sign * 2.0 * t.sqrt()).collect::<Vec<_>>();
    let axes = Axes::new()
        .title("Random walks")
        .subtitle("20 of 500 walks of 1,000 steps, each from its own key")
        .x("step")
        .y("position")
        .band(&time, twice(-1.0), twice(1.0))
        .color(Paint::Soft)
        .label("two standard deviations");
    walks.iter().take(20).enumerate().fold(axes, |axes, (i, walk)| {
        axes.line(0.., walk.to_vec::<f64>()).color(Paint::Series(i % 5)).opacity(0.75).size(1.2)
    })
}

/// The path of the particle on the grid.
pub(super) fn grid(path: &Array) -> Axes {
    let places: Vec<f64> = path.to_vec();
    let (x, y): (Vec<f64>, Vec<f64>) = places.chunks_exact(2).map(|p| (p[0], p[1])).unzip();
    let last = (x[x.len() - 1], y[y.len() - 1]);
    Axes::new()
        .title("A walk on a grid")
        .subtitle("1,000 steps of one field each")
        .x("x")
        .y("y")
        .equal()
        .line(&x, &y)
        .size(1.2)
        .opacity(0.7)
        .scatter(&x, &y)
        .shaded(0..x.len())
        .size(5.0)
        .label("step")
        .point(0.0, 0.0)
        .label("start")
        .point(last.0, last.1)
        .label("end")
}
