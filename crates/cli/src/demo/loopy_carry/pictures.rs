use cotangent::Array;
use cotangent_plot::{Axes, Figure};

/// Savings over the years, one line for each rate of interest.
pub(super) fn savings(rates: &Array, histories: &Array) -> Axes {
    let axes = Axes::new()
        .title("Compound interest")
        .subtitle("100 at the start; a scan over 100 years, mapped over six rates")
        .x("year")
        .y("wealth")
        .y_log();
    rates.iter().zip(histories.iter()).fold(axes, |axes, (rate, history)| {
        axes.line(0.., history.to_vec::<f64>()).label(format!("{:.1} %", rate.item::<f64>() * 100.0))
    })
}

/// How much of a stick the first pieces take, one line for each fraction.
pub(super) fn sticks(fractions: &Array, pieces: &Array, taken: &Array) -> Figure {
    let each = |axes: Axes, lines: &Array| {
        fractions.iter().zip(lines.iter()).fold(axes, |axes, (fraction, line)| {
            axes.line(1.., line.to_vec::<f64>()).label(format!("{}", fraction.item::<f32>()))
        })
    };
    Figure::new()
        .title("Breaking a stick, by the fraction that is broken off")
        .panel(each(Axes::new().x("piece").y("length").y_log().y_range(1e-5, 1.0), pieces))
        .panel(each(Axes::new().x("piece").y("taken so far").y_range(0.0, 1.0), taken).horizontal(0.5))
}
