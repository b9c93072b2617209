use cotangent::Array;
use cotangent_plot::{Animation, Axes, Figure, Grid, Map, Paint, number};

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

/// A knob in each of its positions: the line that it gives, and its place on the curve of the losses.
pub(super) fn knob(
    name: &str,
    (x, y): (&Array, &Array),
    positions: &Array,
    (lines, losses): (Array, Array),
) -> Animation {
    let (x, y): (Vec<f64>, Vec<f64>) = (x.to_vec(), y.to_vec());
    let (positions, losses): (Vec<f64>, Vec<f64>) = (positions.to_vec(), losses.to_vec());
    let all: Vec<f64> = lines.to_vec();
    let (low, high) = all.iter().chain(&y).fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(*y), high.max(*y)));
    let least = losses.iter().copied().fold(f64::MAX, f64::min);
    let state = |(i, line): (usize, Array)| {
        let (position, loss) = (positions[i], losses[i]);
        let data = Axes::new()
            .x("x")
            .y("y")
            .y_range(low, high)
            .scatter(&x, &y)
            .label("data")
            .line(&x, line.to_vec::<f64>())
            .label("guess");
        let curve = Axes::new()
            .x(name)
            .y("loss")
            .line(&positions, &losses)
            .color(Paint::Soft)
            .label(format!("every position; least {}", number((least * 100.0).round() / 100.0)))
            .scatter(&positions, &losses)
            .color(Paint::Soft)
            .size(5.0)
            .point(position, loss)
            .color(Paint::Series(1))
            .label("this one")
            .note(position, loss, format!("{loss:.2}"));
        (number(position), Figure::new().title(format!("Turning the {name}")).panel(data).panel(curve))
    };
    Animation::new(name).rate(4).frames(lines.iter().enumerate().map(state))
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
