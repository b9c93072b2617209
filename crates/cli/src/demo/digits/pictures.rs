use cotangent::Array;
use cotangent_plot::{Axes, Figure, Map};

/// Sheets with what they show and what was read.
pub(super) fn digits(images: &Array, digits: &Array, answers: &Array) -> Figure {
    let panels = images.iter().zip(digits.iter().zip(answers.iter())).take(18).map(|(image, (digit, answer))| {
        let (digit, answer) = (digit.item::<i32>(), answer.item::<i32>());
        let title = if digit == answer { format!("{answer}") } else { format!("{answer}, is {digit}") };
        // Ink is dark: 1.5 becomes black and −0.5 white.
        let pixels: Vec<f64> = image.to_vec::<f64>().iter().map(|v| (0.75 - v / 2.0).clamp(0.0, 1.0)).collect();
        Axes::new().title(title).image(12, pixels)
    });
    Figure::new().title("What the network reads").panels(panels).columns(6)
}

/// The loss of every step, and the table of answers.
pub(super) fn training(losses: &Array, confused: &Array) -> Figure {
    let answers = confused.to_vec::<f64>();
    Figure::new()
        .title("Learning to read")
        .panel(Axes::new().title("Training").x("step").y("cross entropy").y_log().line(0.., losses.to_vec::<f64>()))
        .panel(
            Axes::new()
                .title("A thousand answers")
                .x("read as")
                .y("digit")
                .matrix(10, answers)
                .map(Map::Sequential)
                .label("count"),
        )
}
