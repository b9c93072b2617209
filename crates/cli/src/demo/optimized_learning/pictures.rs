//! The pictures of the demo.

use cotangent::Array;

use super::{floats, gold as gold_function};
use crate::plot::axes::{Key, decimals, ringed};
use crate::plot::bands::Grid;
use crate::plot::color::{BLUES, COOLWARM};
use crate::plot::scene::{Anchor, Scene};
use crate::plot::surface::{View, surface as surface_of};
use crate::plot::{Axes, Color};

fn scalar(x: &Array) -> f64 {
    x.item()
}

/// `count` evenly spaced values from `first` to `last`.
fn ruler(first: f64, last: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| first + (last - first) * i as f64 / (count - 1) as f64).collect()
}

/// The descent on the polynomial.
pub(super) fn polynomial(path: &[Array]) -> Scene {
    let value = |x: f64| 3.0 * x * x + 4.0 * x - 3.0;
    let path: Vec<f64> = path.iter().map(scalar).collect();
    let (mut scene, axes) = Axes::new((-3.0, 3.4), (-10.0, 40.0), false);
    axes.grid(&mut scene);
    let curve = ruler(-3.0, 3.4, 200).into_iter().map(|x| (x, value(x))).filter(|p| p.1 <= 40.0);
    scene.line(axes.path(curve), Color::BLUE, 2.2);
    for x in &path {
        scene.dot(axes.place(*x, value(*x)), 3.4, Color::ORANGE);
    }
    let end = path[path.len() - 1];
    let (x, y) = axes.place(end, value(end));
    ringed(&mut scene, (x, y), 5.0, Color::ORANGE);
    scene.text((x, y + 22.0), format!("x = {}", decimals(end, 5)), 13.0, Color::INK, Anchor::Middle);
    let (x, y) = axes.place(path[0], value(path[0]));
    scene.text((x - 12.0, y), "start", 13.0, Color::INK, Anchor::Right);
    axes.title(&mut scene, "Gradient descent on a polynomial", "200 steps of 0.01 times the derivative");
    axes.legend(&mut scene, true, &[("3x² + 4x − 3", Key::Line(Color::BLUE)), ("steps", Key::Dot(Color::ORANGE))]);
    axes.finish(&mut scene, "x", "f(x)");
    scene
}

fn density(x: f64, mu: f64, sigma: f64) -> f64 {
    (-0.5 * ((x - mu) / sigma).powi(2)).exp() / (sigma * std::f64::consts::TAU.sqrt())
}

/// The data, the density it was drawn from and the one that was fitted.
pub(super) fn data(data: &Array, mu: &Array, sigma: &Array) -> Scene {
    let (data, mu, sigma) = (floats(data), scalar(mu), scalar(sigma));
    let (first, last, bins) = (-10.5, 4.5, 40);
    let width = (last - first) / bins as f64;
    let mut counts = vec![0usize; bins];
    for x in &data {
        if let Some(count) = counts.get_mut(((x - first) / width).floor() as usize) {
            *count += 1;
        }
    }
    let height = |count: usize| count as f64 / (data.len() as f64 * width);
    let (mut scene, axes) = Axes::new((first, last), (0.0, 0.25), false);
    axes.grid(&mut scene);
    let bars = Color::hex(0xb9_d4ea);
    for (i, count) in counts.iter().enumerate() {
        let left = first + i as f64 * width;
        let (corner, opposite) = (axes.place(left, height(*count)), axes.place(left + width, 0.0));
        scene.rectangle((corner.0 + 0.5, corner.1), (opposite.0 - 0.5, opposite.1), bars);
    }
    let curve =
        |mu: f64, sigma: f64| axes.path(ruler(first, last, 300).into_iter().map(|x| (x, density(x, mu, sigma))));
    for dash in curve(-3.0, 2.0).chunks(8) {
        scene.line(dash[..5.min(dash.len())].to_vec(), Color::INK, 1.6);
    }
    scene.line(curve(mu, sigma), Color::ORANGE, 2.4);
    axes.title(
        &mut scene,
        "Maximum likelihood: the data and the fitted normal",
        "1000 values of random::normal(PRNGKey(44)); fitted by 300 steps of gradient descent",
    );
    let fitted = format!("fitted: μ = {}, σ = {}", decimals(mu, 3), decimals(sigma, 3));
    axes.legend(
        &mut scene,
        true,
        &[
            ("data", Key::Area(bars)),
            (&fitted, Key::Line(Color::ORANGE)),
            ("true: μ = −3, σ = 2", Key::Dashes(Color::INK)),
        ],
    );
    axes.finish(&mut scene, "value", "density");
    scene
}

/// A path over colored areas, with its start and its end marked.
fn trace(scene: &mut Scene, axes: &Axes, path: &[(f64, f64)]) {
    let line = axes.path(path.iter().copied());
    let (start, end) = (line[0], line[line.len() - 1]);
    scene.line(line.clone(), Color::WHITE, 4.4);
    scene.line(line.clone(), Color::ORANGE, 2.4);
    for at in line.iter().step_by(10) {
        scene.dot(*at, 2.6, Color::ORANGE);
    }
    ringed(scene, start, 4.5, Color::INK);
    ringed(scene, end, 5.5, Color::ORANGE);
}

/// The descent to the most likely parameters.
pub(super) fn likelihood(data: &Array, path: &[(Array, Array)]) -> Scene {
    let (data, path): (_, Vec<_>) = (floats(data), path.iter().map(|(m, s)| (scalar(m), scalar(s).exp())).collect());
    // The loss in closed form, from the data's first two moments.
    let n = data.len() as f64;
    let mean = data.iter().sum::<f64>() / n;
    let variance = data.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let loss = |mu: f64, sigma: f64| {
        n * (sigma.ln() + 0.5 * std::f64::consts::TAU.ln() + (variance + (mean - mu).powi(2)) / (2.0 * sigma * sigma))
    };
    let (mut scene, axes) = Axes::new((-7.0, -1.0), (1.0, 4.5), true);
    let (x, y) = (ruler(axes.x.0, axes.x.1, 120), ruler(axes.y.0, axes.y.1, 120));
    let z: Vec<f64> = y.iter().flat_map(|s| x.iter().map(|m| loss(*m, *s))).collect();
    let levels = [2100.0, 2125.0, 2150.0, 2200.0, 2300.0, 2450.0, 2700.0, 3000.0, 3500.0, 4500.0, 6000.0, 12000.0];
    axes.bands(&mut scene, &Grid { x: &x, y: &y, z: &z }, &levels, BLUES, "−log p");
    trace(&mut scene, &axes, &path);
    axes.title(
        &mut scene,
        "Descent on the negative log likelihood",
        "300 steps of 0.0001 times the gradient, from μ = −6, σ = 2",
    );
    legend(&axes, &mut scene, false);
    axes.finish(&mut scene, "μ", "σ");
    scene
}

fn legend(axes: &Axes, scene: &mut Scene, on_the_left: bool) {
    let entries =
        [("start", Key::Dot(Color::INK)), ("descent", Key::Line(Color::ORANGE)), ("end", Key::Dot(Color::ORANGE))];
    axes.legend(scene, on_the_left, &entries);
}

/// Every `stride`-th value of a surface on a square grid, the last one included.
struct Sampled {
    x: Vec<f64>,
    y: Vec<f64>,
    z: Vec<f64>,
}

impl Sampled {
    fn new(x: &Array, y: &Array, z: &Array, stride: usize) -> Sampled {
        let (rows, columns) = (z.shape()[0], z.shape()[1]);
        let (x, y, z) = (floats(x), floats(y), floats(z));
        let picked = |n: usize| {
            let mut places: Vec<usize> = (0..n).step_by(stride).collect();
            if places.last() != Some(&(n - 1)) {
                places.push(n - 1);
            }
            places
        };
        let (rows, across) = (picked(rows), picked(columns));
        Sampled {
            x: across.iter().map(|i| x[*i]).collect(),
            y: rows.iter().map(|j| y[j * columns]).collect(),
            z: rows.iter().flat_map(|j| across.iter().map(|i| z[j * columns + i]).collect::<Vec<_>>()).collect(),
        }
    }

    fn grid(&self) -> Grid<'_> {
        Grid { x: &self.x, y: &self.y, z: &self.z }
    }
}

/// The surface, as the notebook's last cell shows it.
pub(super) fn surface(x: &Array, y: &Array, z: &Array) -> Scene {
    let sampled = Sampled::new(x, y, z, 4);
    let view = View { elevation: 20.0, azimuth: 20.0 };
    surface_of(&sampled.grid(), view, COOLWARM, "Where is the gold?", "z = 2x² − 4xy + y⁴ + 2")
}

/// The same function from above, with the path to one of its minima.
pub(super) fn gold(x: &Array, y: &Array, z: &Array, path: &[(Array, Array)]) -> Scene {
    let sampled = Sampled::new(x, y, z, 3);
    let path: Vec<_> = path.iter().map(|(x, y)| (scalar(x), scalar(y))).collect();
    let ends = |v: &[f64]| (v[0], v[v.len() - 1]);
    let (mut scene, axes) = Axes::new(ends(&sampled.x), ends(&sampled.y), true);
    let levels = [1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 13.0, 21.0];
    axes.bands(&mut scene, &sampled.grid(), &levels, BLUES, "z");
    trace(&mut scene, &axes, &path);
    for minimum in [-1.0, 1.0] {
        let (x, y) = axes.place(minimum, minimum);
        for (dx, dy) in [(5.0, 5.0), (5.0, -5.0)] {
            let arm = vec![(x - dx, y - dy), (x + dx, y + dy)];
            scene.line(arm.clone(), Color::WHITE, 4.0);
            scene.line(arm, Color::INK, 1.8);
        }
        let least = gold_function(&minimum.into(), &minimum.into()).item::<f64>();
        let label = format!("minimum {least}");
        scene.text((x + 14.0, y + 14.0), label, 12.0, Color::WHITE, Anchor::Left);
    }
    axes.title(
        &mut scene,
        "The path to the gold",
        "z = 2x² − 4xy + y⁴ + 2, 300 steps of 0.01 times the gradient, from (0.1, −0.1)",
    );
    legend(&axes, &mut scene, true);
    axes.finish(&mut scene, "x", "y");
    scene
}
