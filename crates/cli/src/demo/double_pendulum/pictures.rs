use cotangent::Array;
use cotangent_plot::{Axes, Figure, Paint};

use super::{Pendulum, State};

/// The path of the second weight, and an angle of nine pendulums that start nearly alike.
pub(super) fn swing(pendulum: &Pendulum, history: &State, nearby: &Array) -> Figure {
    let lengths: Vec<f64> = pendulum.lengths.to_vec();
    let angles: Vec<f64> = history.angles.to_vec();
    let place = |angles: &[f64]| {
        let x = lengths[0] * angles[0].sin() + lengths[1] * angles[1].sin();
        (x, -lengths[0] * angles[0].cos() - lengths[1] * angles[1].cos())
    };
    let (x, y): (Vec<f64>, Vec<f64>) = angles.chunks_exact(2).map(place).unzip();
    let path = Axes::new().title("Path of the second weight").x("x").y("y").equal().line(&x, &y).size(1.2);
    let path = path.point(0.0, 0.0).color(Paint::Ink).label("pivot").point(x[0], y[0]).label("start");
    let time = || (0..1000).map(|i| f64::from(i) * 0.01);
    let chaos = Axes::new().title("Nine that start nearly alike").x("seconds").y("second angle");
    let chaos =
        nearby.iter().fold(chaos, |axes, angles| axes.line(time(), angles.at((.., 1)).get().to_vec::<f64>()).size(1.2));
    Figure::new().title("A double pendulum, ten seconds").panel(path).panel(chaos)
}

/// Measured and simulated angles.
pub(super) fn fit(measured: &Array, before: &Array, after: &Array) -> Figure {
    let time = || (0..200).map(|i| f64::from(i) * 0.01);
    let angle = |angles: &Array, i: usize| angles.at((.., i)).get().to_vec::<f64>();
    let panel = |i: usize, name: &str| {
        Axes::new()
            .title(name)
            .x("seconds")
            .y("radians")
            .scatter(time().step_by(5), angle(measured, i).into_iter().step_by(5))
            .label("measured")
            .line(time(), angle(before, i))
            .dashed()
            .label("guess")
            .line(time(), angle(after, i))
            .label("fitted")
    };
    Figure::new()
        .title("Measured by differentiating the simulation")
        .panel(panel(0, "First angle"))
        .panel(panel(1, "Second angle"))
}

/// The loss of every step of the fit.
pub(super) fn losses(losses: &Array) -> Axes {
    let axes = Axes::new().title("Fitting the pendulum").x("step").y("mean squared error").y_log();
    axes.line(0.., losses.to_vec::<f64>()).label("loss").horizontal(1e-4).label("variance of the measurement")
}
