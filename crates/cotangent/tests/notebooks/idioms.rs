// Made from notebooks/idioms.ipynb by the test beside this file.
{
use cotangent::prelude::*;
use cotangent::scipy::stats::norm;
use cotangent_plot::{Axes, Figure, Grid, Map, Paint, Surface};
use std::time::{Duration, Instant};

fn softmax(x: &Array) -> Array {
    let e = np::exp(x - x.max());
    &e / e.sum()
}

let scores = 3.0 * random::normal(random::key(2), (4, 5));
let _ = vmap(softmax)(&scores);

let _ = make_jaxpr(vmap(softmax))(&scores);

fn distance(a: &Array, b: &Array) -> Array {
    np::sqrt((a - b).square().sum())
}

let nodes = random::normal(random::key(91), (13, 17));
let distances = vmap(vmap(distance).in_axes((None, 0))).in_axes((0, None))(&nodes, &nodes);
let _ = Axes::new()
    .title("The distance of every pair of nodes")
    .x("node")
    .y("node")
    .matrix(13, distances.to_vec::<f64>()).map(Map::Blues).label("distance");

fn pass_messages(adjacency: &Array, features: &Array) -> Array {
    adjacency.dot(features)
}

let [a, f]: [Key; 2] = random::key(90).split();
let adjacency = random::bernoulli(a, 0.3, (13, 7, 7)).astype(DType::F32);
let features = random::normal(f, (13, 7, 11));
let mapped = vmap(pass_messages)(&adjacency, &features);
let looped: Vec<Array> = (0..13).map(|i| pass_messages(&adjacency.at(i).get(), &features.at(i).get())).collect();
let _ = np::allclose(&mapped, np::stack(&looped, 0));

fn angle(opposite: &Array, adjacent: &Array) -> Array {
    np::arctan(opposite / adjacent)
}

let _ = vmap(grad(angle))(&np::arange(20.0), &np::linspace(3.0, 30.0, 20));

fn add(total: &Array, x: &Array) -> (Array, Array) {
    let total = total + x;
    (total.clone(), total)
}

let _ = lax::scan(add, 0, &np::array([3, 1, 4, 1, 5, 9, 2, 6]));

fn savings(start: &Array, interest: &Array) -> Array {
    let year = |wealth: Array, _: ()| (&wealth * (1.0 + interest), wealth);
    lax::Scan::new().length(100).run(year, start, &()).1
}

let _ = make_jaxpr(savings)(&100.0.into(), &0.01.into());

let rates = np::array([0.0, 0.005, 0.01, 0.02, 0.03, 0.04]);
let histories = vmap(savings).in_axes((None, 0))(&100.0.into(), &rates);
let _ = rates.iter().zip(histories.iter()).fold(
    Axes::new().title("Compound interest").x("year").y("wealth").y_log(),
    |axes, (rate, history)| {
        axes.line(0.., history.to_vec::<f64>()).label(format!("{:.1} %", 100.0 * rate.item::<f64>()))
    },
);

fn last_year(interest: &Array) -> Array {
    savings(&100.0.into(), interest).at(-1).get()
}

let _ = grad(last_year)(&0.01.into());

let key = random::key(42);
let _ = (random::normal(key.clone(), ()), random::normal(key.clone(), ()));

let [first, second]: [Key; 2] = key.split();
let _ = (random::normal(first, ()), random::normal(second, ()));

fn walk(key: Key, steps: usize) -> Array {
    let step = |position: Array, key: Key| (&position + random::normal(key, ()), position);
    lax::scan(step, 0.0, &random::split(key, steps)).1
}

fn root(sign: f64, time: &[f64]) -> Vec<f64> {
    time.iter().map(|t| sign * t.sqrt()).collect()
}

let walks: Array = vmap(|key: &Key| walk(key.clone(), 1000))(&random::split(random::key(44), 500));
let time: Vec<f64> = (0..1000).map(f64::from).collect();
let _ = walks.iter().take(20).enumerate().fold(
    Axes::new()
        .title("Twenty of 500 random walks")
        .x("step")
        .y("position")
        .band(&time, root(-2.0, &time), root(2.0, &time)).color(Paint::Soft).label("two standard deviations in theory"),
    |axes, (i, walk)| {
        let walk: Vec<f64> = walk.to_vec::<f64>().into_iter().step_by(5).collect();
        axes.line(time.iter().step_by(5), walk).color(Paint::Series(i % 5)).opacity(0.75).size(1.2)
    },
);

let _ = walks.std_axis(0).at(np::array([9, 99, 999])).get();

let data = 2.0 * random::normal(random::key(44), 1000) - 3.0;

fn neglogp(mu: &Array, log_sigma: &Array, data: &Array) -> Array {
    -norm::logpdf(data, mu, np::exp(log_sigma)).sum()
}

let mut path: Vec<(f64, f64)> = Vec::new();
let (mut mu, mut log_sigma): (Array, Array) = (Array::from(-6.0), np::log(2.0));
for _ in 0..300 {
    path.push((mu.item(), np::exp(&log_sigma).item()));
    let (dmu, dlog_sigma) = grad(neglogp).argnums(args!(0, 1))(&mu, &log_sigma, &data);
    mu -= 0.0001 * dmu;
    log_sigma -= 0.0001 * dlog_sigma;
}
let _ = (mu.clone(), np::exp(&log_sigma));

fn density(x: f64, mu: f64, sigma: f64) -> f64 {
    (-0.5 * ((x - mu) / sigma).powi(2)).exp() / (sigma * std::f64::consts::TAU.sqrt())
}

let (m, s): (f64, f64) = (mu.item::<f64>(), log_sigma.exp().item::<f64>());
let loss = {
    let grid_mu = np::linspace(-7.0, -1.0, 61);
    let grid_sigma = np::linspace(1.2, 4.0, 57);
    let at = |mu: &Array, sigma: &Array| neglogp(mu, &np::log(sigma), &data);
    let z = vmap(vmap(at).in_axes((0, None))).in_axes((None, 0))(&grid_mu, &grid_sigma);
    Grid::new(grid_mu.to_vec::<f64>(), grid_sigma.to_vec::<f64>(), z.to_vec::<f64>())
};
let _ = Figure::new()
    .title("Maximum likelihood")
    .panel(
        Axes::new()
            .x("value").y("density")
            .histogram(data.to_vec::<f64>()).bins(40).label("data")
            .curve(-10.0..4.0, |x| density(x, m, s)).label(format!("fitted: {m:.2}, {s:.2}").replace('-', "−"))
            .curve(-10.0..4.0, |x| density(x, -3.0, 2.0)).color(Paint::Ink).dashed().label("true: −3, 2"),
    )
    .panel(
        Axes::new()
            .x("μ").y("σ")
            .filled(&loss).map(Map::Blues).levels([2125, 2200, 2300, 2450, 2700, 3000, 3500, 4500]).label("−log p")
            .line(path.iter().map(|p| p.0), path.iter().map(|p| p.1)).ringed().label("descent"),
    );

fn gold(x: &Array, y: &Array) -> Array {
    2.0 * x.powi(2) - 4.0 * (x * y) + y.powi(4) + 2.0
}

let ticks = np::linspace(-1.5, 1.5, 61);
let heights: Array = vmap(vmap(gold).in_axes((0, None))).in_axes((None, 0))(&ticks, &ticks);
let (mut gx, mut gy): (Array, Array) = (Array::from(0.1), Array::from(-0.1));
let mut points: Vec<[f64; 3]> = Vec::new();
for _ in 0..300 {
    points.push([gx.item(), gy.item(), gold(&gx, &gy).item()]);
    let (dx, dy) = grad(gold).argnums(args!(0, 1))(&gx, &gy);
    gx -= 0.01 * dx;
    gy -= 0.01 * dy;
}
let _ = Surface::new(&Grid::new(ticks.to_vec::<f64>(), ticks.to_vec::<f64>(), heights.to_vec::<f64>()))
    .title("Where is the gold?")
    .subtitle("2x² − 4xy + y⁴ + 2, and a descent from (0.1, −0.1)")
    .map(Map::Diverging)
    .view(35.0, 25.0)
    .path(points.iter().copied());

fn selu(x: &Array) -> Array {
    1.05 * np::where_(x.greater(0.0), x, 1.67 * np::exp(x) - 1.67)
}

fn fastest<T: Tree>(runs: usize, f: impl Fn() -> T) -> Duration {
    let time = || {
        let start = Instant::now();
        block_until_ready(&f()).expect("it runs");
        start.elapsed()
    };
    (0..runs).map(|_| time()).min().unwrap_or_default()
}

let million: Array = random::normal(random::key(44), 1_000_000);
{
    let compiled = jit(selu);
    let (eager, fused) = (fastest(20, || selu(&million)), fastest(20, || compiled(&million)));
    println!("operation by operation: {eager:.2?}, as one program: {fused:.2?}");
    assert!((selu(&million) - compiled(&million)).abs().max().item::<f64>() < 1e-6);
}

let _ = make_jaxpr(selu)(&million);

let programs: usize = {
    let square = jit(|x: &Array| x * x);
    for n in [10, 10, 20, 10, 20] {
        drop(square(&np::ones(n)));
    }
    drop(square(&np::zeros(10)));
    square.cache_report().misses.len()
};
let _ = programs;

Ok(())
}
