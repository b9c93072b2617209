//! Draws all kinds of pictures into a directory: `cargo run -p cotangent-plot --example gallery DIR`.

use std::f64::consts::TAU;

use cotangent_plot::{Animation, Axes, Color, Figure, Grid, Map, Surface, Theme, linspace};

/// A repeatable sequence of normal numbers.
fn normals(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    std::iter::repeat_with(move || (-2.0 * uniform().ln()).sqrt() * (TAU * uniform()).cos())
}

fn training() -> Axes {
    let steps: Vec<f64> = (0..300).map(f64::from).collect();
    let noise: Vec<f64> = normals(1).take(300).collect();
    let train: Vec<f64> =
        steps.iter().zip(&noise).map(|(s, n)| 0.1 + 2.0 * (-s / 40.0).exp() + 0.02 * n.abs()).collect();
    let held_out: Vec<f64> = train.iter().zip(&steps).map(|(l, s)| l + 0.08 + s * 3e-4).collect();
    Axes::new()
        .title("Training and held-out loss")
        .subtitle("A network of two layers, 300 steps of Adam")
        .x("step")
        .y("loss")
        .line(&steps, &train)
        .label("train")
        .line(&steps, &held_out)
        .label("held out")
        .horizontal(0.1)
        .label("noise of the data")
}

fn regression() -> Axes {
    let x = linspace(-3.0, 3.0, 80);
    let mean: Vec<f64> = x.iter().map(|x| (1.4 * x).sin()).collect();
    let spread: Vec<f64> = x.iter().map(|x| 0.12 + 0.09 * x * x).collect();
    let low: Vec<f64> = mean.iter().zip(&spread).map(|(m, s)| m - s).collect();
    let high: Vec<f64> = mean.iter().zip(&spread).map(|(m, s)| m + s).collect();
    let at: Vec<f64> = normals(5).take(24).collect();
    let seen: Vec<f64> = at.iter().zip(normals(9)).map(|(x, n)| (1.4 * x).sin() + 0.12 * n).collect();
    Axes::new()
        .title("A Gaussian process")
        .x("x")
        .y("f(x)")
        .line(&x, &mean)
        .label("mean")
        .band(&x, &low, &high)
        .label("two standard deviations")
        .scatter(&at, &seen)
        .label("observations")
        .ringed()
}

fn distribution() -> Axes {
    let values: Vec<f64> = normals(3).take(3000).map(|v| if v > 0.3 { v + 2.0 } else { v }).collect();
    Axes::new()
        .title("A histogram and a density")
        .x("value")
        .y("density")
        .histogram(&values)
        .label("3000 values")
        .density(&values)
        .label("estimated density")
        .vertical(0.3)
        .label("the gap begins")
}

fn gold() -> Grid {
    Grid::of(-1.5..1.5, -1.5..1.5, 120, |x, y| 2.0 * x * x - 4.0 * x * y + y.powi(4) + 2.0)
}

fn descent() -> Vec<(f64, f64)> {
    let (mut x, mut y) = (0.1, -0.1f64);
    let mut path = vec![(x, y)];
    for _ in 0..300 {
        let (dx, dy) = (4.0 * x - 4.0 * y, -4.0 * x + 4.0 * y.powi(3));
        (x, y) = (x - 0.01 * dx, y - 0.01 * dy);
        path.push((x, y));
    }
    path
}

fn filled() -> Axes {
    let path = descent();
    Axes::new()
        .title("The path to the gold")
        .subtitle("z = 2x² − 4xy + y⁴ + 2, 300 steps of 0.01 times the gradient")
        .x("x")
        .y("y")
        .filled(&gold())
        .map(Map::Blues)
        .levels([1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0, 13.0, 21.0])
        .label("z")
        .line(path.iter().map(|p| p.0), path.iter().map(|p| p.1))
        .color(Color::hex(0xe8_590c))
        .ringed()
        .label("descent")
        .point(path[0].0, path[0].1)
        .label("start")
        .note(path[0].0, path[0].1, "start")
        .note(1.0, 1.0, "minimum")
        .note(-1.0, -1.0, "minimum")
}

fn contours() -> Axes {
    let peaks = |x: f64, y: f64| {
        3.0 * (1.0 - x).powi(2) * (-x * x - (y + 1.0).powi(2)).exp()
            - 10.0 * (x / 5.0 - x.powi(3) - y.powi(5)) * (-x * x - y * y).exp()
            - (-(x + 1.0).powi(2) - y * y).exp() / 3.0
    };
    Axes::new().title("Contour lines with their values").x("x").y("y").equal().contours(&Grid::of(
        -3.0..3.0,
        -3.0..3.0,
        140,
        peaks,
    ))
}

fn digit(which: usize) -> Vec<f64> {
    let inside = |x: f64, y: f64| match which % 4 {
        0 => ((x.hypot(y * 0.75)) - 0.55).abs() < 0.14,
        1 => x.abs() < 0.13 && y.abs() < 0.75,
        2 => (x - y * 0.8).abs() < 0.16 && y.abs() < 0.7 || (y.abs() - 0.7).abs() < 0.12 && x.abs() < 0.6,
        _ => (y.abs() - 0.35).abs() < 0.13 && x.abs() < 0.5 || (x - 0.5).abs() < 0.13 && y.abs() < 0.5,
    };
    let at = |i: usize| (i as f64 - 13.5) / 14.0;
    (0..784).map(|i| if inside(at(i % 28), at(i / 28)) { 1.0 } else { 0.02 }).collect()
}

fn clusters() -> Axes {
    let mut axes = Axes::new().title("Three clusters").x("first feature").y("second feature").equal();
    for (k, (cx, cy)) in [(0.0, 0.0), (4.0, 1.0), (1.5, 4.0)].into_iter().enumerate() {
        let x = normals(10 + k as u64).take(150).map(|v| cx + v * 0.8);
        let y = normals(20 + k as u64).take(150).map(|v| cy + v * 0.6);
        axes = axes.scatter(x, y).label(format!("cluster {k}")).opacity(0.75);
    }
    axes
}

fn shaded() -> Axes {
    let x: Vec<f64> = normals(31).take(1500).collect();
    let y: Vec<f64> = normals(32).take(1500).collect();
    let r: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x.hypot(*y)).collect();
    Axes::new().title("Dots colored by a value").x("x").y("y").scatter(&x, &y).shaded(&r).label("distance")
}

fn attention() -> Axes {
    let weight = |i: usize| {
        let (row, column) = ((i / 12) as f64, (i % 12) as f64);
        if column > row { f64::NAN } else { (-(row - column) / 3.0).exp() }
    };
    Axes::new().title("Attention").x("key").y("query").matrix(12, (0..144).map(weight)).label("weight")
}

fn main() -> std::io::Result<()> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "out/gallery".into());
    training().save(&dir, "training")?;
    Figure::from(training()).theme(Theme::Dark).save(&dir, "training_dark")?;
    regression().save(&dir, "regression")?;
    distribution().save(&dir, "distribution")?;
    filled().save(&dir, "filled")?;
    contours().save(&dir, "contours")?;
    shaded().save(&dir, "shaded")?;
    attention().save(&dir, "attention")?;
    let path = descent().into_iter().map(|(x, y)| [x, y, 2.0 * x * x - 4.0 * x * y + y.powi(4) + 2.0]);
    Surface::new(&gold())
        .title("Where is the gold?")
        .subtitle("z = 2x² − 4xy + y⁴ + 2")
        .map(Map::Diverging)
        .view(20.0, 20.0)
        .save(&dir, "surface")?;
    Figure::new()
        .title("A surface and its contours")
        .panel(Surface::new(&gold()).path(path))
        .panel(Axes::new().x("x").y("y").filled(&gold()))
        .theme(Theme::Dark)
        .save(&dir, "surface_and_contours")?;
    Figure::new()
        .title("Digits")
        .subtitle("and what a network takes them for")
        .columns(8)
        .panels((0..16).map(|i| Axes::new().title(format!("{}", i % 4)).image(28, digit(i))))
        .save(&dir, "digits")?;
    let sharing = |k: i32| {
        Axes::new()
            .title(format!("{k} layers"))
            .x("step")
            .y("loss")
            .line(0..200, (0..200).map(move |i| f64::from(k) * (-0.03 * f64::from(i)).exp() + 1e-3))
    };
    Figure::new()
        .title("The same axes for all")
        .panels((1..=4).map(|k| sharing(k).y_log()))
        .share_x()
        .share_y()
        .save(&dir, "shared")?;
    Figure::new()
        .panel(clusters())
        .panel(Axes::new().title("Counts").x("cluster").y("members").bars(0..3, [150, 150, 150]))
        .save(&dir, "clusters")?;
    Axes::new()
        .title("Errors of methods")
        .x("evaluations")
        .y("error")
        .x_log()
        .y_log()
        .curve(1.0..1e5, |n| 0.5 / n)
        .label("first order")
        .curve(1.0..1e5, |n| 0.3 / n.powi(2))
        .label("second order")
        .curve(1.0..1e5, |n| 1.0 / n.sqrt())
        .label("Monte Carlo")
        .save(&dir, "log")?;
    let million: Vec<f64> = normals(77)
        .take(1_000_000)
        .scan(0.0, |s, v| {
            *s += v;
            Some(*s)
        })
        .collect();
    Axes::new()
        .title("A walk of a million steps")
        .x("step")
        .y("position")
        .line(0.., &million)
        .size(1.0)
        .save(&dir, "million")?;
    Axes::new().title("Nothing, one value, and what is not finite: a title that is too long for one line and is therefore broken into two")
        .line([] as [f64; 0], [] as [f64; 0]).label("nothing").line([1.0], [2.0]).label("one").line(0.., [f64::NAN, f64::INFINITY, 1.0, 2.0, f64::NAN, 3.0, 2.5]).label("gaps").save(&dir, "odd")?;
    let wave = |t: f64| {
        Axes::new().title("A wave").x("x").y("height").y_range(-1.1, 1.1).curve(0.0..TAU, move |x| (x - t).sin())
    };
    Animation::new("time")
        .rate(20)
        .frames((0..20).map(|i| (format!("{i}"), wave(f64::from(i) * TAU / 20.0))))
        .save(&dir, "wave")?;
    Ok(())
}
