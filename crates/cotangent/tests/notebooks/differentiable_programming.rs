// Made from notebooks/differentiable-programming.ipynb by the test beside this file.
{
use cotangent::optim::losses::sigmoid_binary_cross_entropy;
use cotangent::prelude::*;
use cotangent_plot::{Axes, Figure, Grid, Map};

fn line(w: &Array, b: &Array, x: &Array) -> Array {
    w * x + b
}

let x = np::linspace(-5.0, 5.0, 100);
let y = line(&1.5.into(), &(-4.0).into(), &x) + 1.5 * random::normal(random::key(7), 100);
let _ = y;

let guess = line(&(-5.0).into(), &3.0.into(), &x);
let _ = Axes::new()
    .title("Data, and a bad guess")
    .x("x")
    .y("y")
    .scatter(x.to_vec::<f64>(), y.to_vec::<f64>()).label("data")
    .line(x.to_vec::<f64>(), guess.to_vec::<f64>()).label("y = −5x + 3");

fn mean_squared_error(w: &Array, b: &Array, x: &Array, y: &Array) -> Array {
    (y - line(w, b, x)).square().mean()
}

let of_guess = mean_squared_error(&(-5.0).into(), &3.0.into(), &x, &y);
let of_truth = mean_squared_error(&1.5.into(), &(-4.0).into(), &x, &y);
let _ = (of_guess.clone(), of_truth.clone());

let ws = np::linspace(-6.0, 9.0, 61);
let bs = np::linspace(-24.0, 16.0, 65);
let surface = {
    let loss = |w: &Array, b: &Array| mean_squared_error(w, b, &x, &y);
    vmap(vmap(loss).in_axes((None, 0))).in_axes((0, None))(&ws, &bs)
};
let grid = Grid::new(ws.to_vec::<f64>(), bs.to_vec::<f64>(), surface.t().to_vec::<f64>());
let _ = Axes::new()
    .title("The loss of every line")
    .x("slope w")
    .y("intercept b")
    .filled(&grid).map(Map::Blues).levels([2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]).label("loss")
    .point(-5.0, 3.0).label("guess")
    .point(1.5, -4.0).label("truth");

fn f(w: &Array) -> Array {
    w.powi(2) + 3.0 * w - 5.0
}

let _ = make_jaxpr(f)(&2.5.into());

let _ = make_jaxpr(grad(f))(&2.5.into());

let w = Array::from(2.5);
let _ = (f(&w), grad(f)(&w), grad(grad(f))(&w));

let mut w = Array::from(10.0);
for _ in 0..1000 {
    w -= 0.01 * grad(f)(&w);
}
let _ = w;

fn walk(rate: &Array) -> Array {
    let step = |w: &Array, _: &()| {
        let next = w - rate * grad(f)(w);
        (next.clone(), next)
    };
    lax::Scan::new().length(20).run(step, 10.0, &()).1
}

let rates = np::array([0.01, 0.05, 0.2, 0.7, 0.9, 1.02]);
let distances = (vmap(walk)(&rates) + 1.5).abs();
let _ = rates.iter().zip(distances.iter()).fold(
    Axes::new().title("Distance from the minimum").x("step").y("distance").y_log().y_range(1e-5, 100.0),
    |axes, (rate, row)| axes.line(1.., row.to_vec::<f64>()).label(format!("rate {}", rate.item::<f32>())),
);

#[derive(Clone, Tree)]
struct Linear {
    w: Array,
    b: Array,
}

fn predict(model: &Linear, x: &Array) -> Array {
    np::dot(x, &model.w) + &model.b
}

fn loss(model: &Linear, x: &Array, y: &Array) -> Array {
    (predict(model, x) - y).square().mean()
}

let start = Linear { w: 0.3.into(), b: 0.5.into() };
let _ = grad(loss)(&start, &x, &y);

fn update(model: &Linear, x: &Array, y: &Array) -> (Array, Linear) {
    let (value, slope) = value_and_grad(loss)(model, x, y);
    (value, model.zip(&slope, |p, g| p - 0.01 * g))
}

let mut model = start.clone();
let mut losses: Vec<f64> = Vec::new();
{
    let step = jit(update);
    for _ in 0..3000 {
        let (value, next) = step(&model, &x, &y);
        losses.push(value.item::<f64>());
        model = next;
    }
}
let _ = model;

let _ = Figure::new()
    .title("Linear regression by gradient descent")
    .panel(
        Axes::new()
            .x("step").y("mean squared error").x_log()
            .line(1..=losses.len(), &losses).label("loss")
            .horizontal(2.25).label("variance of the noise"),
    )
    .panel(
        Axes::new()
            .x("x").y("y")
            .scatter(x.to_vec::<f64>(), y.to_vec::<f64>()).label("data")
            .line(x.to_vec::<f64>(), predict(&model, &x).to_vec::<f64>()).label("fitted line"),
    );

let columns = np::stack([&x, &np::ones_like(&x)], 1);
let _ = np::linalg::lstsq(&columns, &y).0;

assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
let _ = loss(&model, &x.at(..50).get(), &y);
})).is_err());

let _ = model;

let _ = grad(loss).try_call((&model, &x.at(..50).get(), &y)).err().map(|e| e.message().to_string());

fn logistic(z: &Array) -> Array {
    1.0 / (1.0 + np::exp(-z))
}

let curves: [(f64, f64); 4] = [(0.5, 0.0), (3.0, 0.0), (1.0, 2.0), (-1.0, 0.0)];
let _ = curves.into_iter().fold(
    Axes::new().title("The logistic function of w x + b").x("x").y("probability of a yes"),
    |axes, (w, b)| {
        axes.curve(-5.0..5.0, move |x| 1.0 / (1.0 + (-(w * x + b)).exp())).label(format!("w {w}, b {b}"))
    },
);

let answers = logistic(&(2.0 * &x + 1.0 + random::uniform(random::key(3), 100))).round();

fn direct(model: &Linear, x: &Array, y: &Array) -> Array {
    let p = logistic(&(&model.w * x + &model.b));
    -(y * np::log(&p) + (1.0 - y) * np::log(1.0 - &p)).sum()
}

fn stable(model: &Linear, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(&model.w * x + &model.b, y).sum()
}

let unsure = Linear { w: 0.5.into(), b: (-1.0).into() };
let sure = Linear { w: 50.0.into(), b: 0.0.into() };
let by_direct = np::array([direct(&unsure, &x, &answers), direct(&sure, &x, &answers)]);
let by_stable = np::array([stable(&unsure, &x, &answers), stable(&sure, &x, &answers)]);
let _ = np::stack([&by_direct, &by_stable], 0);

fn descend<T: Tree>(
    loss: fn(&T, &Array, &Array) -> Array, start: T, rate: f64, steps: usize, x: &Array, y: &Array,
) -> (T, Array) {
    let slope = value_and_grad(loss);
    let update = |model: &T, _: &()| {
        let (value, slope) = slope(model, x, y);
        (model.zip(&slope, |p, g| p - rate * g), value)
    };
    lax::Scan::new().length(steps).run(update, start, &())
}

let flat = Linear { w: 0.0.into(), b: 0.0.into() };
let (classifier, history): (Linear, Array) = {
    let fit = jit(|start: &Linear, x: &Array, y: &Array| descend(stable, start.clone(), 0.001, 5000, x, y));
    fit(&flat, &x, &answers)
};
let _ = classifier;

let fitted = logistic(&(&classifier.w * &x + &classifier.b));
let change = (-&classifier.b / &classifier.w).item::<f64>();
let _ = Figure::new()
    .title("Logistic regression")
    .panel(
        Axes::new()
            .x("x").y("probability of a yes")
            .scatter(x.to_vec::<f64>(), answers.to_vec::<f64>()).opacity(0.6).label("data")
            .line(x.to_vec::<f64>(), fitted.to_vec::<f64>()).label("model")
            .vertical(change).label("the answer changes"),
    )
    .panel(Axes::new().x("step").y("cross entropy").x_log().y_log().line(1.., history.to_vec::<f64>()).label("loss"));

fn compounds(key: Key, count: usize) -> (Array, Array) {
    let x = random::normal(key, (count, 41));
    let column = |i: usize| x.at((.., i)).get();
    let degradable = (column(0) * column(1) + column(2)).greater(0.0);
    (x.clone(), degradable.astype(DType::F32).reshape((count, 1)))
}

let (features, labels) = compounds(random::key(8), 4000);
let (train_x, train_y) = (features.at(..3000).get(), labels.at(..3000).get());
let (test_x, test_y) = (features.at(3000..).get(), labels.at(3000..).get());
let _ = train_x;

#[derive(Clone, Tree)]
struct Network {
    hidden: Linear,
    output: Linear,
}

fn layer(key: Key, inputs: usize, outputs: usize) -> Linear {
    Linear { w: random::normal(key, (inputs, outputs)) / (inputs as f64).sqrt(), b: np::zeros(outputs) }
}

fn network(model: &Network, x: &Array) -> Array {
    predict(&model.output, &np::tanh(predict(&model.hidden, x)))
}

fn network_loss(model: &Network, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(network(model, x), y).mean()
}

fn border_loss(model: &Linear, x: &Array, y: &Array) -> Array {
    sigmoid_binary_cross_entropy(predict(model, x), y).mean()
}

let [hidden, output]: [Key; 2] = random::key(42).split();
let untrained = Network { hidden: layer(hidden, 41, 20), output: layer(output, 20, 1) };
let _ = untrained;

let (trained, network_losses): (Network, Array) = {
    let fit = jit(|start: &Network, x: &Array, y: &Array| descend(network_loss, start.clone(), 0.5, 1000, x, y));
    fit(&untrained, &train_x, &train_y)
};
let (straight, straight_losses): (Linear, Array) = {
    let fit = jit(|start: &Linear, x: &Array, y: &Array| descend(border_loss, start.clone(), 0.5, 1000, x, y));
    fit(&Linear { w: np::zeros((41, 1)), b: np::zeros(1) }, &train_x, &train_y)
};
let _ = Axes::new()
    .title("Training")
    .x("step")
    .y("mean cross entropy")
    .line(0.., network_losses.to_vec::<f64>()).label("network")
    .line(0.., straight_losses.to_vec::<f64>()).label("logistic regression");

let ticks = np::linspace(-3.0, 3.0, 41);
let plane = {
    let (first, second) = np::meshgrid(&ticks, &ticks);
    np::concatenate([np::stack([np::ravel(first), np::ravel(second)], 1), np::zeros((41 * 41, 39))], 1)
};
fn border(name: &str, ticks: &Array, logits: Array) -> Axes {
    let grid = Grid::new(ticks.to_vec::<f64>(), ticks.to_vec::<f64>(), nn::sigmoid(logits).to_vec::<f64>());
    let axes = Axes::new().title(name).x("first number").y("second number").equal();
    axes.heatmap(&grid).map(Map::Diverging).span(0.0, 1.0).label("probability of a yes")
}

let _ = Figure::new()
    .title("The border between yes and no")
    .panel(border("Logistic regression", &ticks, predict(&straight, &plane)))
    .panel(border("Network", &ticks, network(&trained, &plane)));

fn confusion(y: &Array, logits: &Array) -> Array {
    let [actual, predicted] = [y, logits].map(|z| nn::one_hot(np::ravel(z).greater(0.0).astype(DType::I32), 2));
    actual.t().dot(predicted).astype(DType::I32)
}

let _ = (confusion(&test_y, &predict(&straight, &test_x)), confusion(&test_y, &network(&trained, &test_x)));

Ok(())
}
