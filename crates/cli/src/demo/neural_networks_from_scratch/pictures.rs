use cotangent::Array;
use cotangent_plot::{Axes, Grid, Map};

/// The data, with a bad guess and the true line.
pub(super) fn guess(x: &Array, y: &Array, estimate: &Array, truth: &Array) -> Axes {
    let (x, y, estimate, truth): (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>) =
        (x.to_vec(), y.to_vec(), estimate.to_vec(), truth.to_vec());
    Axes::new()
        .title("A bad guess")
        .subtitle("100 points of y = 1.5 x − 4 with normal noise of 1.5")
        .x("x")
        .y("y")
        .scatter(&x, &y)
        .label("data")
        .line(&x, &estimate)
        .label("guess: y = −5 x + 3")
        .line(&x, &truth)
        .dashed()
        .label("truth")
}

/// The loss over the plane of parameters, and the guesses by hand.
pub(super) fn bowl(w: &Array, b: &Array, surface: &Array, guesses: (&Array, &Array)) -> Axes {
    let grid = Grid::new(w.to_vec::<f64>(), b.to_vec::<f64>(), surface.t().to_vec::<f64>());
    let (ws, bs): (Vec<f64>, Vec<f64>) = (guesses.0.to_vec(), guesses.1.to_vec());
    Axes::new()
        .title("The loss of every guess")
        .subtitle("151 slopes and 161 intercepts; six guesses by hand, one knob at a time")
        .x("slope w")
        .y("intercept b")
        .filled(&grid)
        .map(Map::Blues)
        .levels([2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0])
        .label("loss")
        .line(&ws, &bs)
        .ringed()
        .label("by hand")
        .scatter(&ws[1..], &bs[1..])
        .ringed()
        .point(ws[0], bs[0])
        .label("start")
        .note(ws[5], bs[5], "the least loss")
}
