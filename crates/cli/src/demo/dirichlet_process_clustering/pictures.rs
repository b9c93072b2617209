use cotangent::{Array, prelude::*, scipy::stats::norm};
use cotangent_plot::{Axes, Figure, Paint, linspace};

/// The data, the density of the mixture, and its largest components; and all the weights.
pub(super) fn clusters(data: &Array, weights: &Array, means: &Array, scales: &Array) -> Figure {
    let data: Vec<f64> = data.to_vec();
    let x = linspace(-13.0, 14.0, 400);
    let component = |i: isize| -> Vec<f64> {
        let [weight, mean, scale] = [weights, means, scales].map(|a| a.at(i).get());
        (weight * norm::pdf(np::array(x.clone()), mean, scale)).to_vec()
    };
    let components: Vec<_> = (0..20).map(component).collect();
    let total: Vec<f64> = (0..x.len()).map(|j| components.iter().map(|c| c[j]).sum()).collect();
    let fit = Axes::new().title("Data and mixture").x("value").y("density");
    let fit = fit.histogram(&data).bins(80).label("1,900 values").line(&x, total).color(Paint::Ink).label("mixture");
    let fit = components
        .iter()
        .take(3)
        .enumerate()
        .fold(fit, |axes, (i, density)| axes.line(&x, density).label(["largest", "second", "third"][i]));
    Figure::new()
        .title("A mixture of as many Gaussians as needed")
        .panel(fit)
        .panel(Axes::new().title("Weights, in order").x("cluster").y("weight").bars(1..=20, weights.to_vec::<f64>()))
}

/// The loss of every step.
pub(super) fn losses(losses: &Array) -> Axes {
    let losses: Vec<f64> = losses.to_vec();
    Axes::new().title("Training").x("step").y("negative log density").x_log().y_log().line(1.., &losses)
}
