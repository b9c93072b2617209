//! The pictures of the demo.

use cotangent::Array;
use cotangent_plot::{Animation, Axes, Color, Grid, Map, Paint, Surface, number};

use super::{floats, gold as gold_function};

/// A line that stands out from blue areas.
const ORANGE: Color = Color::hex(0xe8_590c);

fn scalar(x: &Array) -> f64 {
    x.item()
}

/// The descent on the polynomial, after a number of steps.
pub(super) fn polynomial(path: &[Array]) -> Animation {
    let value = |x: f64| 3.0 * x * x + 4.0 * x - 3.0;
    let path: Vec<f64> = path.iter().map(scalar).collect();
    let after = |steps: usize| {
        let (visited, end) = (&path[..=steps], path[steps]);
        Axes::new()
            .title("Gradient descent on a polynomial")
            .subtitle("Steps of 0.01 times the derivative, from x = 3")
            .x("x")
            .y("f(x)")
            .x_range(-3.2, 3.4)
            .y_range(-6.0, 42.0)
            .curve(-3.2..3.4, value)
            .label("3x² + 4x − 3")
            .scatter(visited, visited.iter().map(|x| value(*x)))
            .label(format!("{steps} steps"))
            .point(end, value(end))
            .color(Paint::Series(1))
            .note(end, value(end), format!("x = {end:.5}").replace('-', "\u{2212}"))
    };
    let steps = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 60, 100, 200];
    let kept = steps.into_iter().filter(|steps| *steps < path.len());
    Animation::new("steps").rate(4).frames(kept.map(|steps| (steps.to_string(), after(steps))))
}

fn density(x: f64, mu: f64, sigma: f64) -> f64 {
    (-0.5 * ((x - mu) / sigma).powi(2)).exp() / (sigma * std::f64::consts::TAU.sqrt())
}

/// The data, the density it was drawn from and the one that was fitted.
pub(super) fn data(data: &Array, mu: &Array, sigma: &Array) -> Axes {
    let (mu, sigma) = (scalar(mu), scalar(sigma));
    let fitted = format!("fitted: μ = {mu:.3}, σ = {sigma:.3}").replace('-', "\u{2212}");
    Axes::new()
        .title("Maximum likelihood: the data and the fitted normal")
        .subtitle("1000 values of random::normal(PRNGKey(44)); fitted by 300 steps of gradient descent")
        .x("value")
        .y("density")
        .histogram(floats(data))
        .bins(40)
        .label("data")
        .curve(-10.5..4.5, |x| density(x, mu, sigma))
        .label(fitted)
        .curve(-10.5..4.5, |x| density(x, -3.0, 2.0))
        .color(Paint::Ink)
        .size(1.6)
        .dashed()
        .label("true: μ = −3, σ = 2")
}

/// A path over colored areas, with its start and its end marked.
fn traced(axes: Axes, path: &[(f64, f64)]) -> Axes {
    let (start, end) = (path[0], path[path.len() - 1]);
    axes.line(path.iter().map(|p| p.0), path.iter().map(|p| p.1))
        .color(ORANGE)
        .ringed()
        .label("descent")
        .point(start.0, start.1)
        .color(Paint::Ink)
        .label("start")
        .point(end.0, end.1)
        .color(ORANGE)
        .label("end")
}

/// The descent to the most likely parameters.
pub(super) fn likelihood(data: &Array, path: &[(Array, Array)]) -> Axes {
    let (data, path): (_, Vec<_>) = (floats(data), path.iter().map(|(m, s)| (scalar(m), scalar(s).exp())).collect());
    // The loss in closed form, from the data's first two moments.
    let n = data.len() as f64;
    let mean = data.iter().sum::<f64>() / n;
    let variance = data.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let loss = |mu: f64, sigma: f64| {
        n * (sigma.ln() + 0.5 * std::f64::consts::TAU.ln() + (variance + (mean - mu).powi(2)) / (2.0 * sigma * sigma))
    };
    let axes = Axes::new()
        .title("Descent on the negative log likelihood")
        .subtitle("300 steps of 0.0001 times the gradient, from μ = −6, σ = 2")
        .x("μ")
        .y("σ")
        .filled(&Grid::of(-7.0..-1.0, 1.0..4.5, 120, loss))
        .map(Map::Blues)
        .levels([2100, 2125, 2150, 2200, 2300, 2450, 2700, 3000, 3500, 4500, 6000, 12000])
        .label("−log p");
    traced(axes, &path)
}

/// The values of a surface on the grid of `meshgrid`.
fn grid(x: &Array, y: &Array, z: &Array) -> Grid {
    let (rows, columns) = (z.shape()[0], z.shape()[1]);
    let (x, y) = (floats(x), floats(y));
    Grid::new(&x[..columns], (0..rows).map(|row| y[row * columns]), floats(z))
}

/// The field from the side.
pub(super) fn surface(x: &Array, y: &Array, z: &Array) -> Surface {
    Surface::new(&grid(x, y, z))
        .title("Where is the gold?")
        .subtitle("z = 2x² − 4xy + y⁴ + 2")
        .map(Map::Diverging)
        .view(20.0, 20.0)
}

/// The same function from above, with the path to one of its minima, and the rail with its lowest point.
pub(super) fn gold(x: &Array, y: &Array, z: &Array, path: &[(Array, Array)], rail: (&Array, &Array)) -> Axes {
    let path: Vec<_> = path.iter().map(|(x, y)| (scalar(x), scalar(y))).collect();
    let axes = Axes::new()
        .title("The path to the gold")
        .subtitle("z = 2x² − 4xy + y⁴ + 2, 300 steps of 0.01 times the gradient, from (0.1, −0.1)")
        .x("x")
        .y("y")
        .filled(&grid(x, y, z))
        .map(Map::Blues)
        .levels([1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 13.0, 21.0])
        .label("z");
    let axes = traced(axes, &path)
        .vertical(scalar(rail.0))
        .label("rail")
        .point(scalar(rail.0), scalar(rail.1))
        .color(Paint::Series(2))
        .label("its lowest point");
    [-1.0, 1.0].into_iter().fold(axes, |axes, minimum| {
        let least = gold_function(&minimum.into(), &minimum.into()).item::<f64>();
        axes.note(minimum, minimum, format!("minimum {}", number(least)))
    })
}
