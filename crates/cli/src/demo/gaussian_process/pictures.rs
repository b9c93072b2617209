use cotangent::Array;
use cotangent_plot::{Axes, Figure, Paint};

/// The prediction with its uncertainty, and functions drawn from it.
pub(super) fn prediction(x: &Array, y: &Array, predicted: (&Array, &Array, &Array), draws: &Array) -> Figure {
    let [at, mean, spread] = [predicted.0, predicted.1, predicted.2].map(|a| a.to_vec::<f64>());
    let (x, y): (Vec<f64>, Vec<f64>) = (x.to_vec(), y.to_vec());
    let shifted = |by: f64| mean.iter().zip(&spread).map(|(m, s)| m + by * s).collect::<Vec<_>>();
    let sure = Axes::new()
        .title("What the process knows")
        .x("x")
        .y("f(x)")
        .y_range(-4.0, 4.0)
        .line(&at, &mean)
        .label("mean")
        .band(&at, shifted(-2.0), shifted(2.0))
        .label("two standard deviations")
        .scatter(&x, &y)
        .color(Paint::Ink)
        .size(5.0)
        .label("data");
    let functions = Axes::new().title("Eight functions that fit").x("x").y("f(x)").y_range(-4.0, 4.0);
    let functions = draws.iter().fold(functions, |axes, draw| axes.line(&at, draw.to_vec::<f64>()).size(1.4));
    let functions = functions.scatter(&x, &y).color(Paint::Ink).size(5.0).label("data");
    Figure::new().title("A Gaussian process").panel(sure).panel(functions)
}

/// The covariance of the data before the fit, and that of the prediction.
pub(super) fn covariance(prior: &Array, posterior: &Array) -> Figure {
    let panel = |title: &str, matrix: &Array| {
        Axes::new()
            .title(title)
            .x("place")
            .y("place")
            .matrix(matrix.shape()[1], matrix.to_vec::<f64>())
            .label("covariance")
    };
    Figure::new()
        .title("Covariance matrices")
        .panel(panel("Of the data, in their order", prior))
        .panel(panel("Of the prediction, from −6 to 6", posterior))
}
