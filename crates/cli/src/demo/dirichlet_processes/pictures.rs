use cotangent::Array;
use cotangent_plot::{Axes, Figure, Map};

/// The weights of twenty draws for each concentration.
pub(super) fn draws(concentrations: &Array, all: &Array) -> Figure {
    let panels = concentrations.iter().zip(all.iter()).map(|(concentration, draws)| {
        // The map is dark at its low end, and the greatest weight is to be the darkest.
        let first: Vec<f64> = (-draws.at((.., ..30)).get()).to_vec();
        let title = format!("Concentration {}", concentration.item::<f32>());
        Axes::new().title(title).x("piece").y("draw").matrix(30, first).map(Map::Blues).span(-1.0, 0.0).no_bar()
    });
    Figure::new()
        .title("What the concentration does")
        .subtitle("The first 30 weights of 20 draws each; a weight of 1 is darkest")
        .panels(panels)
        .columns(3)
}

/// The fractions that were recovered, and those that made the weights.
pub(super) fn recovered(fractions: &Array, recovered: &Array) -> Axes {
    let (fractions, recovered): (Vec<f64>, Vec<f64>) = (fractions.to_vec(), recovered.to_vec());
    Axes::new()
        .title("Running the process backward")
        .subtitle("In f32, the rest of the stick is soon all rounding")
        .x("piece")
        .y("fraction")
        .y_range(-0.1, 1.1)
        .line(1.., &fractions)
        .size(5.0)
        .opacity(0.5)
        .label("original")
        .line(1.., &recovered)
        .label("recovered")
        .vertical(25.5)
        .label("used up to here")
}

/// The likelihood of a concentration, given one draw.
pub(super) fn likelihood(grid: &Array, likelihoods: &Array, likeliest: f64) -> Axes {
    let concentrations: Vec<f64> = grid.to_vec::<f64>().iter().map(|x| x.exp()).collect();
    Axes::new()
        .title("How likely is a concentration?")
        .subtitle("Given 25 weights of one draw with the concentration 3")
        .x("concentration")
        .y("log-likelihood")
        .x_log()
        .line(concentrations, likelihoods.to_vec::<f64>())
        .label("log-likelihood")
        .vertical(likeliest)
        .label("most likely")
}
