use cotangent::Array;
use cotangent_plot::{Axes, Figure, Paint};

use super::Line;

/// Lines that were drawn, and the distribution of two of their parameters.
pub(super) fn lines(x: &Array, y: &Array, samples: &Line) -> Figure {
    let [slopes, intercepts, log_noises] =
        [&samples.slope, &samples.intercept, &samples.log_noise].map(|a| a.to_vec::<f64>());
    let axes = Axes::new().title("Forty of the lines").x("x").y("y");
    let axes = (0..slopes.len()).step_by(slopes.len() / 40).fold(axes, |axes, i| {
        let line = |x: f64| slopes[i] * x + intercepts[i];
        axes.line([-2.5, 2.5], [line(-2.5), line(2.5)]).color(Paint::Series(0)).size(1.0).opacity(0.35)
    });
    let axes = axes.scatter(x.to_vec::<f64>(), y.to_vec::<f64>()).color(Paint::Ink).label("data");
    let noises: Vec<f64> = log_noises.iter().map(|s| s.exp()).collect();
    Figure::new().title("What the data say about the line").panel(axes).panel(
        Axes::new()
            .title("Slope and size of the noise")
            .x("slope")
            .y("noise")
            .scatter(&slopes, &noises)
            .opacity(0.35)
            .label("3,200 draws")
            .point(2.0, 0.8)
            .label("truth"),
    )
}

/// The slope along each chain.
pub(super) fn chains(samples: &Line) -> Axes {
    let axes = Axes::new().title("Four chains").subtitle("The first 200 draws are dropped").x("draw").y("slope");
    let axes =
        samples.slope.iter().fold(axes, |axes, chain| axes.line(0.., chain.to_vec::<f64>()).size(1.0).opacity(0.8));
    axes.vertical(200.0)
}
