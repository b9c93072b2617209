use cotangent::Array;
use cotangent_plot::Axes;

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
