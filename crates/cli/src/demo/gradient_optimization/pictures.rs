use cotangent::Array;
use cotangent_plot::{Animation, Axes, Paint, number};

/// The distance from the minimum along the walk of each rate.
pub(super) fn rates(rates: &Array, paths: &Array) -> Axes {
    let axes = Axes::new()
        .title("How long should a step be?")
        .subtitle("Distance from the minimum of w² + 3w − 5, starting at w = 10; the rate 0.5 is there at once")
        .x("step")
        .y("distance")
        .y_log()
        .y_range(1e-5, 100.0);
    rates.iter().zip(paths.iter()).fold(axes, |axes, (rate, path)| {
        let distances: Vec<f64> = path.to_vec::<f64>().iter().map(|w| (w + 1.5).abs()).collect();
        axes.line(1.., distances).label(format!("rate {}", rate.item::<f32>()))
    })
}

/// The walk of each rate over the parabola.
pub(super) fn walks(f: impl Fn(f64) -> f64, rates: &Array, paths: &Array) -> Animation {
    let state = |(rate, path): (Array, Array)| {
        // The rates have two decimals, which 32 bits do not hold exactly.
        let rate = (rate.item::<f64>() * 100.0).round() / 100.0;
        let path: Vec<f64> = std::iter::once(10.0).chain(path.to_vec::<f64>()).collect();
        let end = path[path.len() - 1];
        let axes = Axes::new()
            .title("How long should a step be?")
            .subtitle("20 steps on w² + 3w − 5, from w = 10")
            .x("w")
            .y("f(w)")
            .x_range(-16.0, 13.0)
            .y_range(-15.0, 210.0)
            .curve(-16.0..13.0, &f)
            .color(Paint::Soft)
            .line(&path, path.iter().map(|w| f(*w)))
            .color(Paint::Series(0))
            .scatter(&path, path.iter().map(|w| f(*w)))
            .color(Paint::Series(0))
            .ringed()
            .label("steps")
            .point(end, f(end))
            .color(Paint::Series(1))
            .label(format!("rate {}: {} away at the end", number(rate), number((end + 1.5).abs())));
        (number(rate), axes)
    };
    Animation::new("rate").rate(4).frames(rates.iter().zip(paths.iter()).map(state))
}

/// A function of two valleys: where descents start, and where they end.
pub(super) fn valleys(f: impl Fn(f64) -> f64, starts: &Array, ends: &Array) -> Axes {
    let height = |w: &[f64]| w.iter().map(|w| f(*w)).collect::<Vec<_>>();
    let (starts, ends): (Vec<f64>, Vec<f64>) = (starts.to_vec(), ends.to_vec());
    Axes::new()
        .title("Descent ends in the valley where it starts")
        .subtitle("w⁴ − 3w² + w, nine starts, 500 steps of a hundredth of the slope")
        .x("w")
        .y("f(w)")
        .curve(-2.1..2.1, &f)
        .label("f")
        .scatter(&starts, height(&starts))
        .label("start")
        .scatter(&ends, height(&ends))
        .size(12.0)
        .ringed()
        .label("end")
}
