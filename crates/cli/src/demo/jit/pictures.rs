use cotangent::Array;
use cotangent_plot::{Axes, Figure};

/// A few of the walks, and where all of them end.
pub(super) fn walks(trajectories: &Array) -> Figure {
    let steps: Vec<f64> = (0..10_000).step_by(20).map(f64::from).collect();
    let paths = Axes::new().title("Six of the walks").x("step").y("position");
    let paths = trajectories.iter().take(6).fold(paths, |axes, walk| {
        let walk: Vec<f64> = walk.to_vec();
        axes.line(&steps, steps.iter().map(|i| walk[*i as usize])).size(1.2)
    });
    let ends: Vec<f64> = trajectories.at((.., -1)).get().to_vec();
    let normal = |x: f64| (-x * x / 2e4).exp() / (100.0 * std::f64::consts::TAU.sqrt());
    Figure::new().title("A thousand random walks of ten thousand steps").panel(paths).panel(
        Axes::new()
            .title("Where the thousand end")
            .x("position")
            .y("density")
            .histogram(&ends)
            .bins(30)
            .label("last positions")
            .curve(-350.0..350.0, normal)
            .label("normal density of spread 100"),
    )
}
