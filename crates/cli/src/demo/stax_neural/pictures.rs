use cotangent::Array;
use cotangent_plot::{Axes, Figure};

/// The losses of the training, and those of the five trainings.
pub(super) fn losses(training: &Array, test: &Array, best: f64, curves: &Array) -> Figure {
    let (training, test): (Vec<f64>, Vec<f64>) = (training.to_vec(), test.to_vec());
    let one = Axes::new()
        .title("One training")
        .x("step")
        .y("mean binary cross entropy")
        .y_range(0.0, 0.9)
        .line(0.., &training)
        .label("training")
        .line(0.., &test)
        .label("test")
        .vertical(best)
        .label("the moment to stop");
    let five = Axes::new().title("Test losses of five starts").x("step").y("").y_range(0.0, 0.9);
    let five = curves.iter().fold(five, |axes, curve| axes.line(0.., curve.to_vec::<f64>()));
    Figure::new().title("When to stop").panel(one).panel(five)
}
