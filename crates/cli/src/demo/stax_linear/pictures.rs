use cotangent::{Array, numpy as np};
use cotangent_plot::Axes;

/// The losses of a hundred trainings.
pub(super) fn losses(losses: &Array) -> Axes {
    let [low, middle, high] =
        [np::min_axis(losses, 0), np::median_axis(losses, 0), np::max_axis(losses, 0)].map(|x| x.to_vec::<f64>());
    Axes::new()
        .title("A hundred starts, one answer")
        .subtitle("Linear layers of four inputs, trained side by side by Adam")
        .x("step")
        .y("mean squared error")
        .y_log()
        .line(0.., &middle)
        .label("median")
        .band(0..low.len(), &low, &high)
        .label("least to greatest")
}
