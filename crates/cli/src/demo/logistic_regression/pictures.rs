use cotangent::Array;
use cotangent_plot::{Animation, Axes, Figure, number};

/// What the parameters do to the curve.
pub(super) fn curves(x: &Array, curves: [(&str, &Array); 4]) -> Axes {
    let x: Vec<f64> = x.to_vec();
    let axes = Axes::new().title("The logistic function of w x + b").x("x").y("probability of a yes");
    curves.into_iter().fold(axes, |axes, (name, y)| axes.line(&x, y.to_vec::<f64>()).label(name))
}

/// The curve for each value of one parameter, and where it crosses one half.
pub(super) fn turned(
    name: &str,
    other: &str,
    x: &Array,
    values: &Array,
    curves: &Array,
    middle: impl Fn(f64) -> f64,
) -> Animation {
    let x: Vec<f64> = x.to_vec();
    let state = |(value, curve): (Array, Array)| {
        let value = value.item();
        let axes = Axes::new()
            .title(format!("Turning {name} of the logistic function"))
            .subtitle(format!("{other}; dashed: x = −b/w, where both answers are equally likely"))
            .x("x")
            .y("probability of a yes")
            .x_range(-5.0, 5.0)
            .y_range(0.0, 1.0)
            .line(&x, curve.to_vec::<f64>())
            .label(format!("{name} = {}", number(value)))
            .horizontal(0.5)
            .vertical(middle(value));
        (number(value), axes)
    };
    Animation::new(name).rate(6).frames(values.iter().zip(curves.iter()).map(state))
}

/// The fitted curve through the data, and the loss of every step.
pub(super) fn fit(x: &Array, y: &Array, fitted: &Array, threshold: f64, losses: &[Array]) -> Figure {
    let (x, y, fitted): (Vec<f64>, Vec<f64>, Vec<f64>) = (x.to_vec(), y.to_vec(), fitted.to_vec());
    let losses: Vec<f64> = losses.iter().map(Array::item).collect();
    Figure::new()
        .title("Logistic regression")
        .panel(
            Axes::new()
                .x("x")
                .y("probability of a yes")
                .scatter(&x, &y)
                .opacity(0.6)
                .label("data")
                .line(&x, &fitted)
                .label("model")
                .vertical(threshold)
                .label("the answer changes"),
        )
        .panel(
            Axes::new()
                .x("step")
                .y("binary cross entropy")
                .x_log()
                .y_log()
                .line(1..=losses.len(), &losses)
                .label("loss"),
        )
}
