use cotangent::Array;
use cotangent_plot::{Axes, Figure};

/// The loss of every step, and the line that was found.
pub(super) fn fit(losses: &[Array], x: &Array, y: &Array, fitted: &Array) -> Figure {
    let losses: Vec<f64> = losses.iter().map(Array::item).collect();
    let (x, y, fitted): (Vec<f64>, Vec<f64>, Vec<f64>) = (x.to_vec(), y.to_vec(), fitted.to_vec());
    Figure::new()
        .title("Linear regression by gradient descent")
        .panel(
            Axes::new()
                .x("step")
                .y("mean squared error")
                .x_log()
                .line(1..=losses.len(), &losses)
                .label("loss")
                .horizontal(2.25)
                .label("variance of the noise"),
        )
        .panel(Axes::new().x("x").y("y").scatter(&x, &y).label("data").line(&x, &fitted).label("fitted line"))
}
