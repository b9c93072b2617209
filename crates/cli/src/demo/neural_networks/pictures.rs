use cotangent::Array;
use cotangent_plot::{Axes, Figure, Grid, Map};

/// The loss of every step of both models.
pub(super) fn losses(network: &Array, linear: &Array) -> Axes {
    let (network, linear): (Vec<f64>, Vec<f64>) = (network.to_vec(), linear.to_vec());
    Axes::new()
        .title("Training")
        .subtitle("1,000 steps on 3,000 compounds")
        .x("step")
        .y("mean binary cross entropy")
        .line(0.., &network)
        .label("network")
        .line(0.., &linear)
        .label("logistic regression")
}

/// What the models answer where only two of the numbers are not zero.
pub(super) fn border(ticks: &Array, answers: [(&str, Array); 2]) -> Figure {
    let ticks: Vec<f64> = ticks.to_vec();
    let panels = answers.into_iter().map(|(name, p)| {
        let grid = Grid::new(&ticks, &ticks, p.to_vec::<f64>());
        let axes = Axes::new().title(name).x("first number").y("second number").equal();
        axes.heatmap(&grid).map(Map::Diverging).span(0.0, 1.0).label("probability of a yes")
    });
    Figure::new()
        .title("The border between yes and no")
        .subtitle("The rule is a yes where the product is positive; all other numbers are zero")
        .panels(panels)
}

/// Confusion matrices, each with its counts.
pub(super) fn confusion(matrices: [(&str, &Array); 3]) -> Figure {
    let panels = matrices.into_iter().map(|(name, matrix)| {
        let counts: Vec<f64> = matrix.to_vec();
        let axes = Axes::new().title(name).x("model: no, yes").y("compound: no, yes");
        let most = counts.iter().copied().fold(0.0, f64::max);
        // The map is dark at its low end, and the greatest count is to be the darkest.
        let axes = axes.matrix(2, counts.iter().map(|n| -n)).map(Map::Blues).span(-most, 0.0).no_bar();
        let at = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        at.into_iter().zip(counts).fold(axes, |axes, ((x, y), n)| axes.note(x, y, format!("{n}")))
    });
    Figure::new().title("What the models confuse").panels(panels).columns(3)
}
