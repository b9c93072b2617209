use cotangent::{Array, nn, prelude::*, scipy::stats::norm};
use cotangent_plot::{Axes, Figure, linspace};

use super::Mixture;

/// The data, and the two components at some moments of the training.
pub(super) fn stages(data: &Array, history: &Mixture, steps: &[usize]) -> Figure {
    let data: Vec<f64> = data.to_vec();
    let x = linspace(-6.0, 12.0, 400);
    let panels = steps.iter().map(|step| {
        let mixture = history.map(|a| a.at(*step as isize).get());
        let weights = nn::softmax(&mixture.log_weights, -1);
        let density = |i: isize| -> Vec<f64> {
            let [weight, mean, scale] = [&weights, &mixture.means, &mixture.log_scales].map(|a| a.at(i).get());
            (weight * norm::pdf(np::array(x.clone()), mean, np::exp(scale))).to_vec()
        };
        let axes = Axes::new().title(format!("Step {step}")).x("value").y("density").y_range(0.0, 0.25);
        let axes = axes.histogram(&data).bins(60).label("data");
        axes.line(&x, density(0)).label("one component").line(&x, density(1)).label("the other")
    });
    Figure::new().title("Two Gaussians find two humps").panels(panels).columns(2)
}

/// The loss of every step, in its two stages.
pub(super) fn losses(losses: &Array, truth: f64) -> Axes {
    let losses: Vec<f64> = losses.to_vec();
    Axes::new()
        .title("The loss falls in two stages")
        .x("step")
        .y("negative log density")
        .y_range(14_400.0, 17_000.0)
        .line(0.., &losses)
        .label("loss")
        .horizontal(truth)
        .label("loss of the truth")
}
